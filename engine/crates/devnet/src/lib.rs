//! A local exchange that speaks Hyperliquid's protocol.
//!
//! ```text
//!   clients ══ HTTP, WebSocket ══ server ── bytes, time ── node ── actions, questions ── exchange
//!                                              └── faults
//! ```
//!
//! [`exchange`] is the exchange itself: a state machine without a socket or a clock. What it does not support it refuses, as the
//! exchange would. [`node`] is what clients see of it: signatures, limits, subscriptions, and [`faults`] on
//! demand. [`server`] puts it on sockets.

#![forbid(unsafe_code)]

pub mod exchange;
pub mod faults;
pub mod node;
pub mod server;

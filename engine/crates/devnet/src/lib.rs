//! A local exchange that speaks Hyperliquid's protocol.
//!
//! [`exchange`] is the exchange itself: a state machine without a socket or a clock. What it does not support it refuses, as the
//! exchange would.

#![forbid(unsafe_code)]

pub mod exchange;

//! Speaks to exchanges. Bytes become events, and approved orders become signed bytes.
//!
//! Everything that decides is pure: the time and the answers come in as values, so that each rule is tested without a network.
//! It does not know what a strategy is, and it keeps no account: what it learns goes to the core as events.
//!
//! One folder for each exchange; today that is [`hyperliquid`].

#![cfg_attr(not(test), forbid(unsafe_code))]

pub mod acceptance;
pub mod ambient;
pub mod connector;
pub mod hyperliquid;
pub mod net;

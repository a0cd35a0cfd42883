//! The client of Hyperliquid's perpetuals.
//!
//! ```text
//!   bytes ──► protocol ──► translate, candles ──► events of the core
//!                             │ assets: names, numbers, rules
//!   approved orders ──► order ──► sign ──► bytes ──► answers ──► events of the core
//!                         │ budget: asked before anything is sent
//!   supervise: one socket's life        opening: what is checked before anything trades
//! ```
//!
//! [`protocol`] is the exchange's language, in both directions, and used by whoever plays the exchange as well.

pub mod account;
pub mod ask;
pub mod assets;
pub mod budget;
pub mod by_hand;
pub mod candles;
mod connect;
mod driver;
pub mod market;
pub mod opening;
pub mod order;
pub mod protocol;
pub mod questions;
pub mod sign;
pub mod supervise;
#[cfg(test)]
mod tests;
pub mod translate;

pub use connect::{AccountSettings, Hyperliquid, NetworkSettings, Settings, Wires, traded_symbols};

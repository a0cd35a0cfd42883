//! What goes over the wire, typed: requests and answers of REST, frames of the WebSocket.
//!
//! Reading is tolerant: keys that nobody knows are skipped, keys that may be missing or null are options, and words from open
//! lists (statuses, roles, kinds) are kept as text. Reading is bounded: bytes of a message, entries of a list and nesting have
//! named limits, and a number that is no exact decimal is refused. Writing is exact: a signed action is hashed in the order in
//! which its fields stand here.
//!
//! <https://hyperliquid.gitbook.io/hyperliquid-docs/for-developers/api>

mod account;
mod action;
mod address;
mod answer;
mod info;
mod market;
mod meta;
mod number;
mod order;
mod owner;
mod read;
mod socket;

pub use account::*;
pub use action::*;
pub(super) use address::hex;
pub use address::{Address, Cloid, NotAnAddress};
pub use answer::*;
pub use info::*;
pub use market::*;
pub use meta::*;
pub use number::{Millis, Number, plain};
pub use order::*;
pub use owner::*;
pub use read::{LIST_MAX, List, MESSAGE_BYTES_MAX, ParseError, Rows, parse};
pub use socket::*;

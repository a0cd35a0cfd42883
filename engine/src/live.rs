//! The user engine: accounts that trade while the clock runs.
//!
//! ```text
//!  market data ──► MarketEvent ─┐                      ┌─► Deliver ──► Instances ──► HookEnded ─┐
//!  venue ────────► VenueEvent ──┼─► journal ──► core ──┼─► Send, Resolve, Reconcile ──► Venue   │
//!  operator, clock ─────────────┘        ▲             └─► notices ──► whoever watches          │
//!                                        └───────────────────────────────────────────────────────┘
//! ```
//!
//! One loop owns an account. It never waits for a hook: each strategy has a task of its own, and where all of them together want
//! more than the machine has, the one that used least goes first. An input is in the journal before
//! the core has it, and what follows from it is acted on only after that.

mod account;
mod board;
mod cores;
mod ears;
mod fence;
mod history;
mod instances;
mod laps;
mod link;
mod notice;
mod paper;
pub(crate) mod prepare;
mod receipt;
mod restore;
mod session;
mod summary;
mod tenant;
mod trade;
mod venue;

pub use account::Account;
pub use board::{Board, FILLS_SHOWN_MAX, Latency, LatencyRecord, Standing, StrategyRow};
pub use cores::{Cores, Share};
pub use ears::{Ears, Operator};
pub use fence::Fence;
pub use history::{HISTORY_MAX, History, HistoryError};
pub(crate) use instances::call;
pub use instances::{Instances, LoadedStrategy};
pub use laps::{Lap, Laps};
pub use link::{Known, Link, Passed, carry};
pub use notice::{Listener, Notice};
pub use paper::{Paper, PaperSettings};
pub use receipt::Receipt;
pub use restore::{Lost, RestoreError, Restored, restore, same_market};
pub use session::{Ended, LiveError, News, Session, SessionSettings, Surroundings, WAITING_MAX};
pub use summary::{Counts, LINES_MAX, PositionRecord, SessionRecord, StrategyRecord, Summary};
pub use tenant::Seat;
pub use trade::{TradeRequest, Traded, base_fees, trade};
pub(crate) use trade::{recorded, recorder};
pub use venue::{Request, Venue};

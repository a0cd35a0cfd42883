//! What may still be sent: ledgers that are asked before anything goes out, and charged when it does.
//!
//! ```text
//!   one address of ours (IP)   weight of REST a minute, connections, subscriptions, distinct users, messages a minute, posts
//!   one account                requests: 10 000 and one for each dollar traded; cancels have more room
//!                              actions a day: 50 000, of accounts whose collateral lies among their spot balances
//! ```
//!
//! Each ledger keeps a reserve for what makes an account safer: [`Urgency::Closing`] may use it, [`Urgency::Opening`] may not.
//! Each says what is left and, at the rate of late, when it runs out, so that whoever quotes too much is told before it is too
//! late and not by a refusal. Nothing here waits or reads a clock: the time comes with each question.
//!
//! <https://hyperliquid.gitbook.io/hyperliquid-docs/for-developers/api/rate-limits-and-user-limits>

mod account;
mod egress;
mod window;

pub use account::{ACCOUNT_ACTIONS_MAX, ACCOUNT_REQUESTS_BASE, AccountLedger, SPENT_INTERVAL_MS};
pub use egress::{BACK_OFF_MS_FIRST, BACK_OFF_MS_MAX, Egress, EgressLimits};
pub use window::Window;

use crate::connector::Budget;
use calypte_kernel::Timestamp;

/// How much something matters. What is later in the order may use what is kept from the earlier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Urgency {
    /// It can wait: backfill, statistics.
    Background,
    /// New orders, and the reads that trading needs.
    Opening,
    /// Cancels, closing orders, and asking after an order in doubt.
    Closing,
}

/// Why something may not be sent now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It fits later.
    #[error("the budget of {what} is used up for now: again in {wait_ms} ms")]
    Wait {
        /// Which budget.
        what: &'static str,
        /// How long.
        wait_ms: u64,
    },
    /// It fits when something else ends.
    #[error("no more than {most} {what} at once")]
    Full {
        /// Of what.
        what: &'static str,
        /// How many there may be.
        most: usize,
    },
    /// It never fits.
    #[error("a request of {asked} is beyond the whole budget of {what}, {most}")]
    Never {
        /// Which budget.
        what: &'static str,
        /// What was asked for.
        asked: u64,
        /// What there is at most.
        most: u64,
    },
}

/// How a budget stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// What may still be used by anything.
    pub left: u64,
    /// What there is in all.
    pub of: u64,
    /// When it runs out if it goes on as of late; none where it does not.
    pub runs_out: Option<Timestamp>,
}

impl Standing {
    /// The same under a name.
    pub const fn named(&self, name: &'static str) -> Budget {
        Budget { name, left: self.left, of: self.of, runs_out: self.runs_out }
    }
}

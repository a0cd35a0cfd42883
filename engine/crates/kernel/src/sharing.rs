//! What is declared about an account that several strategies trade, and about what its exchange can hold.
//!
//! ```text
//!   position of the account  =  virtual positions of its strategies  +  what belongs to no strategy
//! ```
//!
//! Where [`Books`](crate::Books) are netted, the exchange knows one position of an instrument. A strategy that opted in to
//! sharing ([`Deployment::shares`](crate::Deployment)) has a virtual one: what its own fills made. What the exchange would do
//! by the net position and must be done by the virtual one is done by the core:
//!
//! - reduce-only: its size may not be more than the virtual position and what else would reduce it leave; where the position
//!   shrinks below what rests, the newest of that is cancelled. The exchange is told that an order is reduce-only only where
//!   the net position covers it, since it would refuse it else.
//! - exits (attached take-profits and stop-losses, reduce-only stops, take-profits and trailing stops) wait in the core, are
//!   watched at the mark price (the last where there is none), and go out as reduce-only orders of what is then left.

/// Whether strategies that share an instrument may hold opposite positions in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Netting {
    /// They may not: an order that could lead to that is denied. All are long or all are short, so that nobody pays fees and
    /// funding for positions that cancel each other out.
    #[default]
    Deny,
    /// They may. The exchange holds the difference; nothing is matched between them, each trades at the exchange.
    Allow,
}

/// What the exchange can hold until its price comes. What it cannot is held by the core, as far as it only reduces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Holds {
    /// Stops and take-profits, attached ones included.
    pub triggers: bool,
    /// Trailing stops.
    pub trailing: bool,
}

impl Holds {
    /// Everything.
    pub const ALL: Self = Self { triggers: true, trailing: true };
}

impl Default for Holds {
    fn default() -> Self {
        Self::ALL
    }
}

//! What an exchange looks like to whoever runs an account: one trait, and what crosses it.
//!
//! ```text
//!   shell ──start, subscribe, request──► connector ──► the exchange
//!         ◄──────────next: events─────── (bounded: a slow reader slows the sockets down, and nothing is lost)
//!         ◄──────────health───────────── what flows, what is left of each budget
//! ```
//!
//! A connector keeps no account. It says what it heard and when, and does what was approved; what follows from either is the
//! core's business.

use async_trait::async_trait;
use calypte_kernel::{
    Batch, FeeRates, Feed, Instrument, InstrumentId, MarketEvent, Price, ReconcileCause, Resolve, Timestamp, VenueEvent,
};

/// Most events that wait for their reader.
pub const EVENTS_MAX: usize = 1_024;
/// Most requests that wait for the connector.
pub const REQUESTS_MAX: usize = 1_024;

/// Speaks to one exchange, for one account or for none, which is then market data only.
#[async_trait]
pub trait Connector: Send {
    /// Looks at the exchange and the account, and begins. Starting one that has started says the same again.
    ///
    /// # Errors
    /// Where something is wrong that no waiting helps, or the exchange cannot be reached.
    async fn start(&mut self) -> Result<Opened, CannotStart>;

    /// Ends all connections. What is on its way stays unanswered. Stopping one that has stopped does nothing.
    async fn stop(&mut self);

    /// Hands a request over. Never waits.
    ///
    /// # Errors
    /// Where it was not taken: nothing of it was or will be sent.
    fn request(&mut self, request: Request) -> Result<(), NotTaken>;

    /// The next event, once there is one; none when it has stopped.
    async fn next(&mut self) -> Option<Event>;

    /// How it is.
    fn health(&self) -> Health;
}

/// Something to do.
#[derive(Debug)]
pub enum Request {
    /// Send what was approved.
    Send(Batch),
    /// Ask what became of an order.
    Resolve(Resolve),
    /// Ask which leverage holds.
    ResolveLeverage(InstrumentId),
    /// Ask for everything at once.
    Reconcile(ReconcileCause),
    /// Bring a feed of market data.
    Subscribe {
        /// Which. [`Feed::Connection`] always is.
        feed: Feed,
        /// Of candles: a time within the last that is known; what came after that candle is brought first.
        after: Option<Timestamp>,
    },
    /// Bring it no longer.
    Unsubscribe(Feed),
    /// A price that market orders may go by, for connectors that bring no market data themselves.
    Price {
        /// Of which instrument.
        instrument: InstrumentId,
        /// Mark or mid price.
        price: Price,
    },
}

/// A request that was not taken.
#[derive(Debug, thiserror::Error)]
pub enum NotTaken {
    /// Too many wait: later.
    #[error("{REQUESTS_MAX} requests wait already")]
    Full(Box<Request>),
    /// Nothing is taken before the start and after the stop.
    #[error("the connector does not run")]
    NotRunning(Box<Request>),
}

/// Why a connector cannot start.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CannotStart {
    /// Something must be put right first, and the words say what.
    #[error("{0}")]
    Refused(String),
    /// The exchange cannot be reached, or does not answer as it should: later.
    #[error("the exchange cannot be reached: {0}")]
    Unreachable(String),
    /// It has stopped, and stays so: make a new one.
    #[error("the connector has stopped")]
    Stopped,
}

/// What was found at the start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    /// The instruments asked for, each at the place its number says.
    pub instruments: Vec<Instrument>,
    /// The account's own rates, where the exchange said them.
    pub fees: Option<FeeRates>,
    /// What the trader should know, in words.
    pub warnings: Vec<String>,
}

/// Something that was heard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// When it came in, by our clock.
    pub received: Timestamp,
    /// What.
    pub news: News,
}

/// What was heard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    /// Of the market. The account's connection is [`Feed::Connection`].
    Market(MarketEvent),
    /// Of the account.
    Venue(VenueEvent),
    /// Of the connector, for people and metrics.
    Notice(Notice),
}

/// Something that people and metrics should know. None of it asks the core for anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// A connection ended; it is made again by itself.
    Lost {
        /// Which.
        connection: &'static str,
        /// Why, in words.
        why: String,
    },
    /// Messages could not be read. Told once in a while, with how many they were.
    Unreadable {
        /// On which connection.
        connection: &'static str,
        /// How many since it was last told.
        count: u64,
        /// What was wrong with the last.
        why: String,
    },
    /// A feed is no longer asked for: the exchange refuses it or hangs up on it.
    SetAside {
        /// Which, in the exchange's words.
        feed: String,
    },
    /// The exchange complains, in its words.
    Complaint(String),
    /// A question after the account brought no answer; it is asked again.
    NoAnswer {
        /// After what.
        what: &'static str,
        /// Why not.
        why: String,
    },
    /// Four fifths of a budget are used.
    BudgetLow(Budget),
    /// The key may sign until then and no longer.
    KeyExpires(Timestamp),
    /// Our clock is wrong by so much.
    ClockWrong {
        /// In words.
        why: String,
    },
    /// An instrument is traded no longer: nothing new is to be ordered.
    Delisted(InstrumentId),
    /// An instrument's rules changed: the account must be opened anew.
    RulesChanged {
        /// How, in words.
        why: String,
    },
}

/// How a connector is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Health {
    /// Its connections.
    pub connections: Vec<ConnectionHealth>,
    /// Its feeds.
    pub feeds: Vec<FeedHealth>,
    /// What is left of each budget.
    pub budgets: Vec<Budget>,
    /// When the account was last reconciled; none: not yet, or there is none.
    pub reconciled: Option<Timestamp>,
    /// Requests that were signed and have no answer yet.
    pub unanswered: usize,
    /// Messages of any kind that could not be used.
    pub unusable: u64,
}

/// How a connection is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectionHealth {
    /// Its name.
    pub name: &'static str,
    /// Whether it is open and every feed on it confirmed.
    pub is_live: bool,
    /// When anything came last.
    pub heard: Option<Timestamp>,
}

/// How a feed is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedHealth {
    /// Its name in the exchange's words.
    pub name: String,
    /// When it was last heard on the present connection.
    pub heard: Option<Timestamp>,
}

/// A budget that each account has for itself.
pub const ACCOUNT_REQUESTS: &str = "requests of the account";
/// A budget that an account has for itself where its collateral lies among its spot balances.
pub const ACCOUNT_ACTIONS: &str = "actions of the account in a day";
/// The budgets that each account has for itself. All others are shared by whatever leaves from one address.
pub const ACCOUNT_BUDGETS: [&str; 2] = [ACCOUNT_REQUESTS, ACCOUNT_ACTIONS];

/// What is left of something that the exchange counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// Of what.
    pub name: &'static str,
    /// What may still be used.
    pub left: u64,
    /// What there is in all.
    pub of: u64,
    /// When it runs out if it goes on as of late; none: it does not.
    pub runs_out: Option<Timestamp>,
}

impl Budget {
    /// Whether four fifths are used: time to say so.
    pub const fn is_low(&self) -> bool {
        self.left <= self.of / 5
    }
}

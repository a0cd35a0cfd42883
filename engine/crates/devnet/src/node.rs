//! The node: everything that stands between clients and the exchange, without a socket or a clock.
//!
//! ```text
//!   post(request) ─────────────► answer      limits of the source, signer, agent, nonce, budget, faults
//!   connect, receive, disconnect             subscriptions, posts
//!   advance(time) ──► poll() ──► frames      what happens, cadences, delays, silence
//! ```
//!
//! It is told what arrives and what time it is, so that a whole system can be tested on a virtual clock; the server around it only
//! moves bytes. There are two times: that of the wire, by which limits, nonces, expiries and silence go, and that of the market, which
//! may run faster or stand.

mod actions;
mod agents;
mod answers;
mod behind;
mod budgets;
mod clock;
mod control;
mod feeds;
mod info;
mod nonces;
mod request;
mod sessions;
mod sliding;
mod socket;
mod sources;
mod topic;

pub use actions::SubAccountRefused;
pub use clock::SPEED_MILLI_MAX;
pub use control::{ControlError, NodeState, SKIP_MS_MAX, SourceState};
pub use request::{HttpAnswer, REQUEST_BYTES_MAX};
pub use sessions::SESSION_FRAMES_MAX;
pub use socket::FRAME_BYTES_MAX;
pub use sources::SourceLimits;

use crate::exchange::{Exchange, Settings, SettingsError};
use crate::faults::{Fault, Faults, NotAFault};
use agents::Agents;
use answers::Answers;
use budgets::Budgets;
use calypte_kernel::Decimal;
use calypte_venues::hyperliquid::protocol::{Address, Millis};
use calypte_venues::hyperliquid::sign::Network;
use clock::MarketClock;
use nonces::NonceMemory;
use sessions::Session;
use sources::Sources;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::IpAddr;
use topic::Topic;

/// A socket, by the number it was given.
pub type SessionId = u64;

/// What a node is made of.
#[derive(Debug, Clone)]
pub struct NodeSettings {
    /// The exchange. It opens at the time at which the node starts.
    pub exchange: Settings,
    /// Whose signatures it takes: clients sign for the test network unless they believe to speak to the main one.
    pub network: Network,
    /// How fast the market's time runs, in thousandths of the wire's; 0: it stands.
    pub speed_milli: u64,
    /// What an address gets that signs without an account; none: it is refused.
    pub welcome: Option<Decimal>,
    /// What each source may do.
    pub limits: SourceLimits,
    /// What goes wrong from the start.
    pub faults: Vec<Fault>,
}

impl NodeSettings {
    /// A node around an exchange, as the exchange itself would be: the test network, strangers refused, nothing wrong.
    pub fn new(exchange: Settings) -> Self {
        let limits = SourceLimits::default();
        Self { exchange, network: Network::Testnet, speed_milli: 1_000, welcome: None, limits, faults: Vec::new() }
    }
}

/// Settings of which no node can be made.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// Those of the exchange.
    #[error("the exchange cannot be opened")]
    Exchange(#[from] SettingsError),
    /// A fault that makes no sense.
    #[error("a fault cannot be ordered")]
    Fault(#[from] NotAFault),
    /// A market that runs too fast.
    #[error("the market runs at most {} times as fast as the clock", SPEED_MILLI_MAX / 1_000)]
    Speed,
}

/// What is to be done with a socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Out {
    /// Which.
    pub session: SessionId,
    /// What.
    pub kind: OutKind,
}

/// What is to be done with a socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OutKind {
    /// A frame is sent.
    Text(String),
    /// It is closed, with a close frame. Nothing follows.
    Close {
        /// The code.
        code: u16,
        /// The reason.
        reason: &'static str,
    },
    /// It ends without a word. Nothing follows.
    Cut,
}

/// A socket that is not opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ConnectRefused {
    /// The source has too many, or opened too many within a minute: 429.
    #[error("too many sockets from one address")]
    TooMany,
    /// A fault: 503.
    #[error("new sockets are refused on demand")]
    Fault,
}

/// A sub-account.
#[derive(Debug)]
struct SubAccount {
    master: Address,
    name: String,
}

/// A node.
#[derive(Debug)]
pub struct Node {
    exchange: Exchange,
    network: Network,
    welcome: Option<Decimal>,
    /// The wire's time. It never runs backwards.
    now: u64,
    clock: MarketClock,
    /// The beat that comes next, counted from the start, and when.
    beat: u64,
    beat_at: u64,
    sources: Sources,
    budgets: Budgets,
    nonces: BTreeMap<Address, NonceMemory>,
    agents: Agents,
    sub_accounts: BTreeMap<Address, SubAccount>,
    faults: Faults,
    sessions: BTreeMap<SessionId, Session>,
    /// How many sockets there ever were: the number of the next.
    opened: u64,
    watchers: BTreeMap<Topic, BTreeSet<SessionId>>,
    answers: Answers,
    out: VecDeque<Out>,
}

impl Node {
    /// Starts a node at the time at which its exchange opens.
    ///
    /// # Errors
    /// Where the settings make no sense.
    pub fn new(settings: NodeSettings) -> Result<Self, NodeError> {
        if settings.speed_milli > SPEED_MILLI_MAX {
            return Err(NodeError::Speed);
        }
        let now = settings.exchange.start.get();
        let mut faults = Faults::new(settings.exchange.seed);
        for fault in settings.faults {
            faults.order(now, fault)?;
        }
        Ok(Self {
            exchange: Exchange::new(settings.exchange)?,
            network: settings.network,
            welcome: settings.welcome,
            now,
            clock: MarketClock::new(now, settings.speed_milli),
            beat: 1,
            beat_at: now + feeds::BEAT_MS,
            sources: Sources::new(settings.limits),
            budgets: Budgets::default(),
            nonces: BTreeMap::new(),
            agents: Agents::default(),
            sub_accounts: BTreeMap::new(),
            faults,
            sessions: BTreeMap::new(),
            opened: 0,
            watchers: BTreeMap::new(),
            answers: Answers::default(),
            out: VecDeque::new(),
        })
    }

    /// The wire's time.
    pub fn now(&self) -> Millis {
        Millis::new(self.now).unwrap_or_default()
    }

    /// The exchange behind it, to be asked.
    pub const fn exchange(&self) -> &Exchange {
        &self.exchange
    }

    /// Opens a socket.
    ///
    /// # Errors
    /// Where it is refused.
    pub fn connect(&mut self, from: IpAddr) -> Result<SessionId, ConnectRefused> {
        let target = crate::faults::Target { name: "connect", channel: None, user: None };
        if self.faults.strikes(self.now, crate::faults::FaultKind::Refuse, target).is_some() {
            return Err(ConnectRefused::Fault);
        }
        if !self.sources.open(self.now, from) {
            return Err(ConnectRefused::TooMany);
        }
        self.opened += 1;
        self.sessions.insert(self.opened, Session::new(from, self.now));
        Ok(self.opened)
    }

    /// Lets time pass. A time before the present one is taken for the present one.
    pub fn advance(&mut self, now: Millis) {
        let target = self.now.max(now.get());
        // Step by step where somebody listens, so that what is sent is sent at its time.
        while let Some(next) = self.next_step().filter(|next| *next <= target) {
            self.step(next.max(self.now));
        }
        self.step(target);
    }

    fn step(&mut self, now: u64) {
        self.now = now;
        self.advance_market();
        if self.beat_at <= self.now {
            self.beat(self.beat);
            let beats = (self.now - self.beat_at) / feeds::BEAT_MS + 1;
            self.beat += beats;
            self.beat_at += beats * feeds::BEAT_MS;
        }
        self.send_answers();
        self.advance_sessions();
    }

    /// Brings the market to its time.
    fn advance_market(&mut self) {
        let Some(market) = Millis::new(self.clock.market(self.now)) else { return };
        loop {
            self.exchange.advance(market);
            self.tell();
            if self.exchange.next_due() > market {
                return;
            }
        }
    }

    /// When something is due beside the market.
    fn next_step(&self) -> Option<u64> {
        let beat = (!self.watchers.is_empty()).then_some(self.beat_at);
        [beat, self.answers.next_due(), self.faults.next_due(), self.sessions_due()].into_iter().flatten().min()
    }

    /// When [`Self::advance`] has something to do, if nothing else happens first.
    pub fn next_due(&self) -> Millis {
        let market = self.clock.wire(self.exchange.next_due().get());
        let due = self.next_step().into_iter().chain(market).min().unwrap_or(u64::MAX);
        Millis::new(due.max(self.now)).unwrap_or(Millis::new(self.now.saturating_add(feeds::BEAT_MS)).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests;

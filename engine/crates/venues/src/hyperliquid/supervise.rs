//! One socket's life, without the socket: when to connect, what to subscribe to, when to ping, and when to hang up.
//!
//! ```text
//!        ┌────────────── wait: twice as long each time, and a random part ──────────────┐
//!        ▼                                                                              │
//!   waiting ──► connecting ──► open: subscribe, accounts first ──► ping ──► … ──► lost ──┘
//!                                      │ a feed is silent for too long ──► hang up ──────┘
//! ```
//!
//! The exchange closes a socket for one misspelt coin, and says nothing: only names that are known are subscribed to. After an
//! unexplained end that followed a subscription, the next connection asks for one feed at a time, and one that ends it alone, twice, and
//! was never confirmed before, is set aside, said so, and tried again later. An end may as well be the exchange's own trouble: feeds
//! that were once confirmed are not to blame. Sockets die silently, and single feeds do: each
//! subscription is watched for its own silence, which nothing else resets. There is no resume: after a connection is back, what
//! happened meanwhile has to be asked for, and [`Wanted::Gap`] says since when.
//!
//! Pure: the time and a random number are told. Limits that several sockets share are asked of [`Egress`].

#[cfg(test)]
mod tests;

use super::budget::{Egress, Refused, Urgency};
use super::protocol::{ClientFrame, ServerFrame, Subscription};
use calypte_kernel::Timestamp;
use std::collections::{BTreeMap, VecDeque};

/// How often a ping is sent: the exchange closes what it has sent nothing to for a minute.
pub const PING_MS: u64 = 20_000;
/// How long a socket may be silent, pongs included, before it counts as dead.
pub const SILENCE_MS_MAX: u64 = 45_000;
/// How long connecting and the handshake may take.
pub const CONNECT_MS_MAX: u64 = 10_000;
/// How long the confirmation of a subscription may take.
pub const ACK_MS_MAX: u64 = 10_000;
/// How long to wait before the first try to connect again.
pub const WAIT_MS_FIRST: u64 = 500;
/// How long at most, after failure upon failure.
pub const WAIT_MS_MAX: u64 = 30_000;
/// How long a socket must have been open for the next wait to be a first one again.
const SETTLED_MS: u64 = 30_000;
/// An end this soon after a subscription, without a word, is laid to that subscription.
const POISON_MS: u64 = 1_500;
/// How often a subscription that was asked for alone may end the socket before it is set aside.
const BLAMED_MAX: u32 = 2;
/// How long until one that was set aside is asked for again, at first; twice as long each time.
pub const ASIDE_MS_FIRST: u64 = 60_000;
/// How long at most.
pub const ASIDE_MS_MAX: u64 = 3_600_000;
/// Subscriptions sent at once; the rest follows with the next messages of time.
const SUBSCRIBES_AT_ONCE: usize = 20;
/// How long between two such handfuls.
const SUBSCRIBE_PACE_MS: u64 = 200;
/// How often in a row a subscription may stay unconfirmed, others being confirmed, before it is set aside: feeds are renamed and
/// vanish, and one that is gone must not take the others with it.
const UNCONFIRMED_MAX: u32 = 2;
/// Most subscriptions of one socket.
pub const SUBSCRIPTIONS_MAX: usize = 1_000;

/// Something that the driver of the socket is to do, or to pass on.
#[derive(Debug, Clone, PartialEq)]
pub enum Wanted {
    /// Open a connection; its outcome goes to [`Supervisor::opened`] or [`Supervisor::lost`].
    Connect,
    /// Send a frame.
    Send(ClientFrame),
    /// Hang up; nothing that still comes of that connection counts.
    HangUp {
        /// Why, in words.
        reason: &'static str,
    },
    /// The connection is lost.
    Lost,
    /// Every feed flows again, and nothing is known of what happened since then: it has to be asked for.
    Gap {
        /// When the last message came before.
        since: Timestamp,
    },
    /// A feed has fallen silent for longer than it may be.
    Stale(Subscription),
    /// A subscription is set aside: the exchange hangs up on it.
    Quarantined(Subscription),
    /// One that was set aside is confirmed: what it said meanwhile has to be asked for.
    Returned(Subscription),
}

/// Where a socket is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Waiting { until: Timestamp },
    Connecting { since: Timestamp },
    Open { since: Timestamp },
    Stopped,
}

/// A subscription on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Feed {
    /// When it was asked for on this connection; none: not yet.
    asked: Option<Timestamp>,
    /// When it was confirmed, or when the last message of it came.
    heard: Option<Timestamp>,
    /// How long it may be silent; none: it may be for ever.
    silence_ms_max: Option<u64>,
    is_stale: bool,
    /// On how many connections in a row it was not confirmed.
    unconfirmed: u32,
    /// Whether it was confirmed on any connection.
    is_known: bool,
    /// How often the socket ended when it was asked for alone.
    blamed: u32,
    /// How often it was set aside since it was last confirmed.
    set_aside: u32,
}

/// A feed that is not asked for now.
#[derive(Debug)]
struct Aside {
    due: Timestamp,
    feed: Feed,
}

/// One socket's life.
#[derive(Debug)]
pub struct Supervisor {
    state: State,
    feeds: BTreeMap<Subscription, Feed>,
    /// Those that were set aside, until they are tried again.
    aside: BTreeMap<Subscription, Aside>,
    /// Whether feeds are asked for one by one: something ended the last connection.
    is_careful: bool,
    wanted: VecDeque<Wanted>,
    /// Failures in a row.
    failures: u32,
    /// When anything came last, on any connection.
    heard: Option<Timestamp>,
    pinged: Timestamp,
    subscribed: Timestamp,
    /// What was asked for last, when, and whether alone.
    last_asked: Option<(Subscription, Timestamp, bool)>,
    /// Whether the loss of a connection is still to be made up for.
    missed_since: Option<Timestamp>,
    /// Confirmations and errors that fit nothing.
    pub strays: u64,
}

/// How long a feed may be silent. Feeds of events may be for ever; those that repeat themselves may not.
fn silence_ms_max(subscription: &Subscription) -> Option<u64> {
    match subscription {
        Subscription::AllMids | Subscription::L2Book { .. } => Some(30_000),
        Subscription::ActiveAssetCtx { .. }
        | Subscription::ClearinghouseState { .. }
        | Subscription::OpenOrders { .. }
        | Subscription::WebData3 { .. } => Some(60_000),
        _ => None,
    }
}

/// Whether messages of two feeds could not be told apart: those of two accounts that do not say whose they are, and two kinds of
/// book of one coin.
fn cannot_share(one: &Subscription, other: &Subscription) -> bool {
    let same_kind = std::mem::discriminant(one) == std::mem::discriminant(other);
    let nameless = one.leaves_out_the_user() && one.user() != other.user();
    let books = matches!(one, Subscription::L2Book { .. }) && one.coin() == other.coin();
    same_kind && (nameless || books)
}

/// Accounts first, then candles and prices, then the rest: what is missed of an account costs most.
const fn rank(subscription: &Subscription) -> u8 {
    match subscription {
        Subscription::OrderUpdates { .. } | Subscription::UserFills { .. } | Subscription::UserEvents { .. } => 0,
        _ if subscription.user().is_some() => 1,
        Subscription::Candle { .. } | Subscription::Bbo { .. } => 2,
        _ => 3,
    }
}

impl Supervisor {
    /// One that connects at once.
    pub fn new(now: Timestamp) -> Self {
        Self {
            state: State::Waiting { until: now },
            feeds: BTreeMap::new(),
            aside: BTreeMap::new(),
            is_careful: false,
            wanted: VecDeque::new(),
            failures: 0,
            heard: None,
            pinged: now,
            subscribed: now,
            last_asked: None,
            missed_since: None,
            strays: 0,
        }
    }

    /// Wants a feed from now on, on this connection and on those after it. The name of its coin must have been looked up.
    ///
    /// # Errors
    /// Where there are too many, on this socket or from this address.
    pub fn subscribe(&mut self, now: Timestamp, subscription: Subscription, egress: &mut Egress) -> Result<(), Refused> {
        let subscription = subscription.normalized();
        if self.feeds.contains_key(&subscription) || self.aside.contains_key(&subscription) {
            return Ok(());
        }
        if self.feeds.len() + self.aside.len() >= SUBSCRIPTIONS_MAX {
            return Err(Refused::Full { what: "subscriptions of one socket", most: SUBSCRIPTIONS_MAX });
        }
        if self.feeds.keys().any(|other| cannot_share(other, &subscription)) {
            return Err(Refused::Full { what: "feeds whose messages could not be told apart on one socket", most: 1 });
        }
        egress.subscribe(now, &subscription)?;
        let feed = Feed {
            asked: None,
            heard: None,
            silence_ms_max: silence_ms_max(&subscription),
            is_stale: false,
            unconfirmed: 0,
            is_known: false,
            blamed: 0,
            set_aside: 0,
        };
        self.feeds.insert(subscription, feed);
        self.subscribe_some(now, egress);
        Ok(())
    }

    /// Wants a feed no longer.
    pub fn unsubscribe(&mut self, now: Timestamp, subscription: Subscription, egress: &mut Egress) {
        let subscription = subscription.normalized();
        self.aside.remove(&subscription);
        let Some(feed) = self.feeds.remove(&subscription) else { return };
        egress.unsubscribe(now, &subscription);
        if feed.asked.is_some() && self.is_open() && egress.message(now, Urgency::Closing).is_ok() {
            self.wanted.push_back(Wanted::Send(ClientFrame::Unsubscribe { subscription }));
        }
    }

    /// Notes that the connection is open.
    pub fn opened(&mut self, now: Timestamp, egress: &mut Egress) {
        if !matches!(self.state, State::Connecting { .. }) {
            return;
        }
        self.state = State::Open { since: now };
        (self.pinged, self.last_asked) = (now, None);
        self.heard = self.heard.max(Some(now));
        self.subscribed = Timestamp::default();
        self.subscribe_some(now, egress);
    }

    /// Notes that the connection is gone or did not come up. `chance` is a random number, so that not everybody is back at once.
    /// `explained`: a close with a reason, as at upgrades.
    pub fn lost(&mut self, now: Timestamp, explained: bool, chance: u32, egress: &mut Egress) {
        let (was_open, since) = match self.state {
            State::Open { since } => (true, since),
            State::Connecting { since } => (false, since),
            State::Waiting { .. } | State::Stopped => return,
        };
        egress.close_socket();
        if was_open {
            self.missed_since = self.missed_since.or(self.heard);
            self.wanted.push_back(Wanted::Lost);
            let blamed = self.last_asked.take().filter(|(_, asked, _)| !explained && now.millis_since(*asked) <= POISON_MS);
            if let Some((subscription, _, alone)) = blamed {
                self.blame(now, &subscription, alone, egress);
            }
            if now.millis_since(since) >= SETTLED_MS {
                self.failures = 0;
            }
        }
        for feed in self.feeds.values_mut() {
            (feed.asked, feed.heard, feed.is_stale) = (None, None, false);
        }
        let longest = WAIT_MS_FIRST.saturating_mul(1 << self.failures.min(16)).min(WAIT_MS_MAX);
        self.failures = self.failures.saturating_add(1);
        // Between half of it and all of it.
        let wait = longest / 2 + u64::from(chance) % (longest / 2 + 1);
        self.state = State::Waiting { until: now.saturating_add(wait) };
    }

    /// The socket ended soon after this was asked for. Where others were asked for with it, the next connection finds out.
    fn blame(&mut self, now: Timestamp, subscription: &Subscription, alone: bool, egress: &mut Egress) {
        let Some(feed) = self.feeds.get_mut(subscription).filter(|feed| feed.heard.is_none()) else { return };
        self.is_careful = true;
        feed.blamed += u32::from(alone && !feed.is_known);
        if feed.blamed >= BLAMED_MAX {
            self.set_aside(now, subscription, egress);
        }
    }

    fn set_aside(&mut self, now: Timestamp, subscription: &Subscription, egress: &mut Egress) {
        let Some((subscription, mut feed)) = self.feeds.remove_entry(subscription) else { return };
        egress.unsubscribe(now, &subscription);
        let wait = ASIDE_MS_FIRST.saturating_mul(1 << feed.set_aside.min(16)).min(ASIDE_MS_MAX);
        feed.set_aside = feed.set_aside.saturating_add(1);
        // Tried once more, it has one chance.
        (feed.asked, feed.heard, feed.unconfirmed, feed.blamed) = (None, None, UNCONFIRMED_MAX - 1, BLAMED_MAX - 1);
        self.wanted.push_back(Wanted::Quarantined(subscription.clone()));
        self.aside.insert(subscription, Aside { due: now.saturating_add(wait), feed });
    }

    /// Asks again for what was set aside long enough.
    fn try_again(&mut self, now: Timestamp, egress: &mut Egress) {
        let due: Vec<Subscription> =
            self.aside.iter().filter(|(_, aside)| aside.due <= now).map(|(subscription, _)| subscription.clone()).collect();
        for subscription in due {
            let Some(mut aside) = self.aside.remove(&subscription) else { continue };
            if egress.subscribe(now, &subscription).is_ok() {
                self.is_careful = true;
                self.feeds.insert(subscription, aside.feed);
            } else {
                aside.due = now.saturating_add(ASIDE_MS_FIRST);
                self.aside.insert(subscription, aside);
            }
        }
    }

    /// Takes notice of a frame that came.
    pub fn frame(&mut self, now: Timestamp, frame: &ServerFrame) {
        if !self.is_open() {
            return;
        }
        self.heard = Some(now);
        if let ServerFrame::Ack { begins: true, subscription } = frame {
            let feed = subscription.as_ref().and_then(|subscription| self.feeds.get_mut(subscription));
            match feed {
                Some(feed) => {
                    (feed.heard, feed.unconfirmed, feed.is_known, feed.blamed) = (Some(now), 0, true, 0);
                    if std::mem::take(&mut feed.set_aside) > 0 {
                        self.wanted.extend(subscription.clone().map(Wanted::Returned));
                    }
                }
                None => self.strays = self.strays.saturating_add(1),
            }
            self.made_up_for();
            return;
        }
        for (subscription, feed) in &mut self.feeds {
            if is_of(frame, subscription) {
                (feed.heard, feed.is_stale) = (Some(now), false);
            }
        }
    }

    /// Notes the time. `chance` is a random number, so that not everybody who hangs up at once is back at once.
    pub fn wake(&mut self, now: Timestamp, chance: u32, egress: &mut Egress) {
        match self.state {
            State::Waiting { until } if now >= until => match egress.open_socket(now) {
                Ok(()) => {
                    self.state = State::Connecting { since: now };
                    self.wanted.push_back(Wanted::Connect);
                }
                Err(Refused::Wait { wait_ms, .. }) => self.state = State::Waiting { until: now.saturating_add(wait_ms) },
                Err(_) => self.state = State::Waiting { until: now.saturating_add(WAIT_MS_MAX) },
            },
            State::Stopped | State::Waiting { .. } => {}
            State::Connecting { since } => {
                if now.millis_since(since) >= CONNECT_MS_MAX {
                    self.hang_up(now, "connecting took too long", chance, egress);
                }
            }
            State::Open { .. } => self.watch(now, chance, egress),
        }
    }

    /// When it wants [`Self::wake`] at the latest.
    pub fn next_wake(&self) -> Option<Timestamp> {
        match self.state {
            State::Stopped => None,
            State::Waiting { until } => Some(until),
            State::Connecting { since } => Some(since.saturating_add(CONNECT_MS_MAX)),
            State::Open { .. } => {
                let ping = self.pinged.saturating_add(PING_MS);
                let dead = self.heard.unwrap_or(self.pinged).saturating_add(SILENCE_MS_MAX);
                let more = self.feeds.values().any(|feed| feed.asked.is_none()) && !self.waits_for_one();
                let more = more.then(|| self.subscribed.saturating_add(SUBSCRIBE_PACE_MS));
                let stale = self.feeds.values().filter_map(Feed::due);
                let aside = self.aside.values().map(|aside| aside.due);
                stale.chain(aside).chain(more).chain([ping, dead]).min()
            }
        }
    }

    /// Ends for good.
    pub fn stop(&mut self, now: Timestamp, egress: &mut Egress) {
        if !matches!(self.state, State::Waiting { .. } | State::Stopped) {
            egress.close_socket();
            self.wanted.push_back(Wanted::HangUp { reason: "stopped" });
        }
        for subscription in std::mem::take(&mut self.feeds).into_keys() {
            egress.unsubscribe(now, &subscription);
        }
        self.aside.clear();
        self.state = State::Stopped;
    }

    /// The next thing to do. Drain it after each call.
    pub fn poll(&mut self) -> Option<Wanted> {
        self.wanted.pop_front()
    }

    /// Whether the connection is open.
    pub const fn is_open(&self) -> bool {
        matches!(self.state, State::Open { .. })
    }

    /// Whether it is open and every feed is confirmed.
    pub fn is_complete(&self) -> bool {
        self.is_open() && self.feeds.values().all(|feed| feed.heard.is_some())
    }

    /// Whether it is complete, and nothing was set aside.
    pub fn is_whole(&self) -> bool {
        self.is_complete() && self.aside.is_empty()
    }

    /// Feeds that were set aside.
    pub fn aside(&self) -> impl Iterator<Item = &Subscription> {
        self.aside.keys()
    }

    /// When anything came last, on any connection.
    pub const fn heard(&self) -> Option<Timestamp> {
        self.heard
    }

    /// Each feed, and when it was last heard on this connection.
    pub fn feeds(&self) -> impl Iterator<Item = (&Subscription, Option<Timestamp>)> {
        self.feeds.iter().map(|(subscription, feed)| (subscription, feed.heard))
    }

    fn watch(&mut self, now: Timestamp, chance: u32, egress: &mut Egress) {
        if self.heard.is_some_and(|heard| now.millis_since(heard) >= SILENCE_MS_MAX) {
            return self.hang_up(now, "nothing came for too long", chance, egress);
        }
        let unheard =
            |feed: &Feed| feed.heard.is_none() && feed.asked.is_some_and(|asked| now.millis_since(asked) >= ACK_MS_MAX);
        if self.feeds.values().any(unheard) {
            let others = self.feeds.values().any(|feed| feed.heard.is_some());
            self.feeds.values_mut().filter(|feed| others && unheard(feed)).for_each(|feed| feed.unconfirmed += 1);
            self.set_aside_unconfirmed(now, egress);
            return self.hang_up(now, "a subscription was not confirmed", chance, egress);
        }
        let mut stale = Vec::new();
        for (subscription, feed) in &mut self.feeds {
            if feed.due().is_some_and(|due| due <= now) {
                feed.is_stale = true;
                stale.push(subscription.clone());
            }
        }
        if !stale.is_empty() {
            self.wanted.extend(stale.into_iter().map(Wanted::Stale));
            return self.hang_up(now, "a feed fell silent while others ran", chance, egress);
        }
        if now.millis_since(self.pinged) >= PING_MS {
            self.pinged = now;
            if egress.message(now, Urgency::Closing).is_ok() {
                self.wanted.push_back(Wanted::Send(ClientFrame::Ping));
            }
        }
        self.try_again(now, egress);
        self.subscribe_some(now, egress);
    }

    fn set_aside_unconfirmed(&mut self, now: Timestamp, egress: &mut Egress) {
        let gone = self.feeds.iter().filter(|(_, feed)| feed.unconfirmed >= UNCONFIRMED_MAX);
        let gone: Vec<Subscription> = gone.map(|(subscription, _)| subscription.clone()).collect();
        for subscription in &gone {
            self.set_aside(now, subscription, egress);
        }
    }

    fn hang_up(&mut self, now: Timestamp, reason: &'static str, chance: u32, egress: &mut Egress) {
        self.wanted.push_back(Wanted::HangUp { reason });
        // Its own doing: no subscription is to blame.
        self.lost(now, true, chance, egress);
    }

    /// Whether the answer to one subscription is waited for before the next is asked for.
    fn waits_for_one(&self) -> bool {
        self.is_careful && self.feeds.values().any(|feed| feed.asked.is_some() && feed.heard.is_none())
    }

    /// Sends the next handful of subscriptions.
    fn subscribe_some(&mut self, now: Timestamp, egress: &mut Egress) {
        if !self.is_open() || now.millis_since(self.subscribed) < SUBSCRIBE_PACE_MS || self.waits_for_one() {
            return;
        }
        let at_once = if self.is_careful { 1 } else { SUBSCRIBES_AT_ONCE };
        let mut next: Vec<Subscription> =
            self.feeds.iter().filter(|(_, feed)| feed.asked.is_none()).map(|(subscription, _)| subscription.clone()).collect();
        if next.is_empty() {
            return;
        }
        next.sort_by_key(rank);
        self.subscribed = now;
        let waiting = self.feeds.values().any(|feed| feed.asked.is_some() && feed.heard.is_none());
        let alone = !waiting && next.len().min(at_once) == 1;
        for subscription in next.into_iter().take(at_once) {
            if egress.message(now, Urgency::Opening).is_err() {
                break;
            }
            let feed = self.feeds.get_mut(&subscription).expect("it was listed above");
            feed.asked = Some(now);
            self.last_asked = Some((subscription.clone(), now, alone));
            self.wanted.push_back(Wanted::Send(ClientFrame::Subscribe { subscription }));
        }
    }

    /// Once every feed is confirmed, what was missed can be asked for without missing more.
    fn made_up_for(&mut self) {
        if !self.feeds.values().all(|feed| feed.heard.is_some()) {
            return;
        }
        self.is_careful = false;
        if let Some(since) = self.missed_since.take() {
            self.wanted.push_back(Wanted::Gap { since });
        }
    }
}

impl Feed {
    /// When it counts as silent.
    fn due(&self) -> Option<Timestamp> {
        let heard = self.heard.filter(|_| !self.is_stale);
        heard.zip(self.silence_ms_max).map(|(heard, silence)| heard.saturating_add(silence))
    }
}

/// Whether a frame is a message of a subscription.
fn is_of(frame: &ServerFrame, subscription: &Subscription) -> bool {
    let coin = |coin: &str| subscription.coin() == Some(coin);
    let user = |user| subscription.user() == Some(user);
    match (frame, subscription) {
        (ServerFrame::AllMids(_), Subscription::AllMids)
        | (ServerFrame::OrderUpdates(_), Subscription::OrderUpdates { .. })
        | (ServerFrame::User(_), Subscription::UserEvents { .. })
        | (ServerFrame::Notification(_), Subscription::Notification { .. }) => true,
        (ServerFrame::Book(book), Subscription::L2Book { .. }) => coin(&book.coin),
        (ServerFrame::Bbo(quote), Subscription::Bbo { .. }) => coin(&quote.coin),
        (ServerFrame::Trades(trades), Subscription::Trades { .. }) => trades.first().is_some_and(|trade| coin(&trade.coin)),
        (ServerFrame::Candle(candle), Subscription::Candle { interval, .. }) => {
            coin(&candle.coin) && candle.interval == *interval
        }
        (ServerFrame::Context(context), Subscription::ActiveAssetCtx { .. }) => coin(&context.coin),
        (ServerFrame::Fills(of), Subscription::UserFills { .. }) => user(of.user),
        (ServerFrame::Fundings(of), Subscription::UserFundings { .. }) => user(of.user),
        (ServerFrame::MoneyMoved(of), Subscription::UserNonFundingLedgerUpdates { .. }) => user(of.user),
        (ServerFrame::Clearinghouse(of), Subscription::ClearinghouseState { .. }) => user(of.user),
        (ServerFrame::OpenOrders(of), Subscription::OpenOrders { .. }) => user(of.user),
        (ServerFrame::Spot(of), Subscription::SpotState { .. }) => user(of.user),
        (ServerFrame::ActiveAsset(data), Subscription::ActiveAssetData { .. }) => {
            coin(&data.coin) && data.user.is_none_or(user)
        }
        (ServerFrame::WebData(data), Subscription::WebData3 { .. }) => user(data.user_state.user),
        _ => false,
    }
}

//! The hub: reads every stream once for all accounts of the engine, and acknowledges what all of them have in their journals.

mod line;
mod tally;

pub use tally::HubTally;

use self::line::Line;
use super::EngineSettings;
use super::feeds::{Lane, timeframe, translated};
use crate::bus::{
    Bus, BusError, ConsumerName, Entry, EntryId, GroupName, HolderName, Position, ReadLimit, StreamName, limits::READ_MAX,
};
use crate::health::logs::Causes;
use crate::health::{StreamVitals, Vitals};
use crate::live::{News, Receipt};
use crate::market_data::{Delivered, MarketEntry, Reader, Said};
use crate::notify::Notifier;
use calypte_kernel::{Feed, FeedChange, InstrumentId, MarketEvent, Price, SeriesId, Timestamp};
use calypte_venues::ambient::Ambient;
use calypte_venues::connector::Request;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

/// Commands that wait for the hub.
const COMMANDS_MAX: usize = 64;
/// Entries of one read.
const READ_AT_ONCE: usize = 1_000;
/// For how long a read waits where there is nothing: so long an account waits at most until the hub hears it.
const READ_WAIT: Duration = Duration::from_millis(50);
/// Newest entries among which the last quote or price is looked for: heartbeats may follow it.
const NEWEST: usize = 16;
/// Entries whose receipts are out; with as many nothing more is read.
const OUTSTANDING_MAX: usize = 20_000;
/// For how long the engine's wishes are remembered where it is gone.
const WANT_LIFE: Duration = Duration::from_secs(30);
/// How often they are renewed.
const WANT_EVERY: Duration = Duration::from_secs(10);
/// For how long an account that takes nothing is waited for.
const STUCK: Duration = Duration::from_secs(1);
/// How long is waited after an error of the bus that may pass; doubled each time.
const PAUSE_MIN: Duration = Duration::from_millis(20);
/// Longest wait between two attempts.
const PAUSE_MAX: Duration = Duration::from_secs(1);

/// What the hub is told.
#[derive(Debug)]
pub(super) enum Command {
    /// An account listens.
    Attach(Attach),
    /// An account listens no longer.
    Detach(usize),
}

/// An account that listens.
#[derive(Debug)]
pub(super) struct Attach {
    /// Its place.
    pub(super) account: usize,
    /// Where its events go.
    pub(super) news: mpsc::Sender<News>,
    /// What it listens to.
    pub(super) lanes: Vec<Lane>,
    /// Where prices go that its connector is to know, which hears no market itself.
    pub(super) prices: Option<mpsc::Sender<Request>>,
    /// Since when it heard nothing, where it goes on.
    pub(super) since: Option<Timestamp>,
    /// Dropped when it is let go.
    pub(super) tie: oneshot::Sender<Infallible>,
}

/// An account that listens.
#[derive(Debug)]
struct Listener {
    news: mpsc::Sender<News>,
    prices: Option<mpsc::Sender<Request>>,
    _tie: oneshot::Sender<Infallible>,
}

/// Whom an event goes to.
#[derive(Debug)]
struct Route {
    account: usize,
    feed: Feed,
    /// What the account had before it was attached.
    after: EntryId,
}

/// The hub.
pub(super) struct Hub {
    bus: Arc<dyn Bus>,
    ambient: Arc<dyn Ambient>,
    group: GroupName,
    consumer: ConsumerName,
    holder: HolderName,
    reader: Reader,
    listeners: BTreeMap<usize, Listener>,
    routes: BTreeMap<StreamName, Vec<Route>>,
    commands: mpsc::Receiver<Command>,
    /// Receipts that are out come back here: [`OUTSTANDING_MAX`] bounds them.
    give: mpsc::UnboundedSender<(StreamName, EntryId)>,
    given: mpsc::UnboundedReceiver<(StreamName, EntryId)>,
    outstanding: usize,
    wanted: Instant,
    /// A read failed: what was handed out meanwhile comes first.
    recover: bool,
    pause: Duration,
    tally: Arc<HubTally>,
    /// Signs of life, stream by stream.
    vitals: StreamVitals,
    /// Whether the bus answers.
    line: Line,
}

impl Hub {
    /// A hub, and where it is commanded. It ends when nobody commands it any more.
    pub(super) fn new(
        bus: Arc<dyn Bus>,
        settings: &EngineSettings,
        ambient: Arc<dyn Ambient>,
        (tally, vitals): (Arc<HubTally>, Vitals),
        notifier: Notifier,
    ) -> (Self, mpsc::Sender<Command>) {
        let (sender, commands) = mpsc::channel(COMMANDS_MAX);
        let (give, given) = mpsc::unbounded_channel();
        let name = settings.name.as_str();
        let hub = Self {
            bus,
            ambient,
            group: name.parse().expect("names of the bus have one grammar"),
            consumer: name.parse().expect("names of the bus have one grammar"),
            holder: settings.name.clone(),
            reader: Reader::new(settings.silence_ms),
            listeners: BTreeMap::new(),
            routes: BTreeMap::new(),
            commands,
            give,
            given,
            outstanding: 0,
            wanted: Instant::now(),
            recover: false,
            pause: PAUSE_MIN,
            tally,
            line: Line::new(&vitals.metrics, notifier),
            vitals: StreamVitals::new(vitals),
        };
        (hub, sender)
    }

    /// Reads until nobody commands it any more.
    ///
    /// # Errors
    /// Where the bus cannot be used until somebody changes something.
    pub(super) async fn run(mut self) -> Result<(), BusError> {
        loop {
            self.vitals.vitals().pulse.turned(std::time::Instant::now());
            match self.turn().await {
                Ok(true) => self.line.answers(self.ambient.now()),
                Ok(false) => break,
                Err(BusError::NoGroup { .. }) => self.join_again().await?,
                Err(error) if error.may_pass() => {
                    tracing::warn!(error = %Causes(&error), "market data is not read");
                    self.line.fails(self.ambient.now(), &error);
                    self.recover = true;
                    tokio::time::sleep(self.pause).await;
                    self.pause = self.pause.saturating_mul(2).min(PAUSE_MAX);
                }
                Err(error) => return Err(error),
            }
            self.stale().await;
        }
        self.end().await;
        Ok(())
    }

    /// One turn; whether there is another.
    async fn turn(&mut self) -> Result<bool, BusError> {
        loop {
            match self.commands.try_recv() {
                Ok(command) => self.command(command).await?,
                Err(mpsc::error::TryRecvError::Empty) => break,
                Err(mpsc::error::TryRecvError::Disconnected) => return Ok(false),
            }
        }
        if Instant::now() >= self.wanted {
            self.want().await?;
        }
        self.acknowledge().await?;
        if self.recover {
            self.recover().await?;
        }
        let streams = self.reader.streams();
        if streams.is_empty() || self.outstanding >= OUTSTANDING_MAX {
            tokio::time::sleep(READ_WAIT).await;
            return Ok(true);
        }
        let limit = ReadLimit { entries: READ_AT_ONCE, wait: READ_WAIT };
        let entries = self.bus.read(&self.group, &self.consumer, &streams, limit).await?;
        self.pause = PAUSE_MIN;
        let count = entries.len();
        let read = std::time::Instant::now();
        for entry in &entries {
            self.vitals.heard(&entry.stream, read);
        }
        let delivered = self.reader.take(self.ambient.now(), entries);
        self.tally.read(count, delivered.iter().map(|event| event.age_ms).max());
        for event in delivered {
            if event.id.is_some() {
                self.vitals.consumed(&event.stream, Duration::from_millis(event.age_ms), read);
            } else {
                self.vitals.gap(&event.stream);
            }
            self.deliver(event).await;
        }
        Ok(true)
    }

    async fn command(&mut self, command: Command) -> Result<(), BusError> {
        match command {
            Command::Attach(attach) => {
                let account = attach.account;
                let attached = self.attach(attach).await;
                if attached.is_err() {
                    // Half attached it would miss what it was not brought, and nobody would say so: it is let go, and starts again.
                    self.detach(account);
                }
                attached
            }
            Command::Detach(account) => {
                self.detach(account);
                Ok(())
            }
        }
    }

    /// Brings an account what it missed, and from then on everything new.
    async fn attach(&mut self, attach: Attach) -> Result<(), BusError> {
        let Attach { account, news, lanes, prices, since, tie } = attach;
        self.detach(account);
        for lane in &lanes {
            self.begin(&lane.stream).await?;
        }
        self.listeners.insert(account, Listener { news, prices, _tie: tie });
        let now = self.ambient.now();
        let mut missed = Reader::new(u64::MAX);
        let mut entries = Vec::new();
        for Lane { stream, feed, known } in lanes {
            let mut after = self.bus.newest(&stream, 1).await?.first().map_or(EntryId::ZERO, |entry| entry.id);
            if let (Some(known), Some(timeframe)) = (known, timeframe(&stream)) {
                let close = timeframe.close_of(known);
                let place = EntryId::new(u64::try_from(close.as_millis()).unwrap_or(0), u64::MAX);
                missed.begin(now, stream.clone(), (feed, instrument_of(feed)), Some((place, 0)), Some(close));
                let newer = self.newer(&stream, place).await?;
                // What the account knows is not heard again where a server forgot it and the service brings it anew.
                after = newer.last().map_or(after.max(place), |entry| entry.id.max(after));
                entries.extend(newer);
            } else if matches!(feed, Feed::Quotes(_) | Feed::Context(_)) {
                // What holds now is known at once, before the next of it comes.
                let newest = self.bus.newest(&stream, NEWEST).await?;
                entries.extend(newest.into_iter().find(|entry| !is_heartbeat(entry)));
                missed.begin(now, stream.clone(), (feed, instrument_of(feed)), None, None);
            } else if let (Feed::Trades(_), Some(start)) = (feed, since) {
                // Nobody wants to hear trades of the past; that there were some is said.
                let change = FeedChange::Gap { start, end: now.max(start), missing: 0 };
                self.tell(account, News::Market(MarketEvent::Feed { feed, change })).await;
            }
            self.routes.entry(stream).or_default().push(Route { account, feed, after });
        }
        for event in missed.take(now, entries) {
            // It was begun with the account's own numbers.
            self.tell(account, News::Market(event.event)).await;
        }
        Ok(())
    }

    /// All entries of a stream from a place on: as many reads as a stream keeps, since the newest are in the last of them.
    async fn newer(&self, stream: &StreamName, mut from: EntryId) -> Result<Vec<Entry>, BusError> {
        let mut entries = Vec::new();
        loop {
            let read = self.bus.range(stream, from, EntryId::MAX, READ_MAX).await?;
            let is_last = read.len() < READ_MAX;
            let next = read.last().and_then(|entry| entry.id.next());
            entries.extend(read);
            match next {
                Some(next) if !is_last => from = next,
                _ => return Ok(entries),
            }
        }
    }

    /// Reads a stream from now on, where it is not read yet.
    async fn begin(&mut self, stream: &StreamName) -> Result<(), BusError> {
        if self.routes.contains_key(stream) {
            return Ok(());
        }
        self.bus.want(&self.holder, std::slice::from_ref(stream), WANT_LIFE).await?;
        self.bus.join(stream, &self.group, Position::New).await?;
        let state = self.bus.group_state(stream, &self.group).await?;
        // Where the group was, with the number if that entry is still there. Accounts know themselves what they miss of candles.
        let at = self.bus.range(stream, state.handed_out, state.handed_out, 1).await?;
        let number = at.first().and_then(|entry| Some(entry.content.as_ref().ok()?.number));
        let last = number.map(|number| (state.handed_out, number));
        let until = last.and_then(|(id, _)| i64::try_from(id.millis).ok()).map(Timestamp::from_millis);
        let place = u32::try_from(self.routes.len()).unwrap_or(u32::MAX);
        let instrument = InstrumentId::new(place);
        // The reader's own numbers: each account has others.
        let feed = timeframe(stream).map_or(Feed::Trades(instrument), |_| Feed::Candles(SeriesId::new(place)));
        self.reader.begin(self.ambient.now(), stream.clone(), (feed, instrument), last, until);
        self.routes.insert(stream.clone(), Vec::new());
        self.vitals.begin(stream, std::time::Instant::now());
        self.settle(stream).await
    }

    /// What was handed out before a restart or an error is done with: whoever attaches is brought what it misses.
    async fn settle(&mut self, stream: &StreamName) -> Result<(), BusError> {
        let mut after = EntryId::ZERO;
        loop {
            let out = self.bus.handed_out(&self.group, &self.consumer, stream, after, READ_AT_ONCE).await?;
            let ids = out.entries.iter().map(|entry| entry.id).chain(out.lost).collect::<Vec<_>>();
            if !ids.is_empty() {
                self.bus.acknowledge(&self.group, &[(stream.clone(), ids)]).await?;
            }
            match out.next {
                Some(next) => after = next,
                None => return Ok(()),
            }
        }
    }

    /// What a failed read was handed comes first, so that the order of each stream holds.
    async fn recover(&mut self) -> Result<(), BusError> {
        for stream in self.reader.streams() {
            let mut after = self.reader.last(&stream).map_or(EntryId::ZERO, |(last, _)| last);
            loop {
                let out = self.bus.handed_out(&self.group, &self.consumer, &stream, after, READ_AT_ONCE).await?;
                let delivered = self.reader.take(self.ambient.now(), out.entries);
                for event in delivered {
                    self.deliver(event).await;
                }
                match out.next {
                    Some(next) => after = next,
                    None => break,
                }
            }
        }
        self.recover = false;
        Ok(())
    }

    /// The server lost its data or somebody deleted the group: it is made again where we are.
    async fn join_again(&mut self) -> Result<(), BusError> {
        tracing::warn!("a group is gone from the bus: it is made again where we are");
        for stream in self.reader.streams() {
            let from = self.reader.last(&stream).map_or(Position::First, |(last, _)| Position::After(last));
            match self.bus.join(&stream, &self.group, from).await {
                Ok(_) => {}
                Err(error) if error.may_pass() => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        // What was wanted is gone with it.
        self.wanted = Instant::now();
        Ok(())
    }

    async fn want(&mut self) -> Result<(), BusError> {
        let streams = self.routes.keys().cloned().collect::<Vec<_>>();
        for streams in streams.chunks(crate::bus::limits::WANT_MAX) {
            self.bus.want(&self.holder, streams, WANT_LIFE).await?;
        }
        self.wanted = Instant::now() + WANT_EVERY;
        Ok(())
    }

    async fn acknowledge(&mut self) -> Result<(), BusError> {
        while let Ok((stream, id)) = self.given.try_recv() {
            self.outstanding = self.outstanding.saturating_sub(1);
            self.reader.journalled(&stream, id);
        }
        let done = self.reader.acknowledgements();
        if !done.is_empty() {
            let count = self.bus.acknowledge(&self.group, &done).await?;
            self.tally.acknowledged(count);
        }
        Ok(())
    }

    /// Gives an event to everybody who listens.
    async fn deliver(&mut self, Delivered { stream, id, event, .. }: Delivered) {
        let is_new = |route: &&Route| id.is_none_or(|id| id > route.after);
        let routes = self.routes.get(&stream).into_iter().flatten().filter(is_new);
        let takers = routes.filter_map(|route| Some((route.account, translated(&event, route.feed)?))).collect::<Vec<_>>();
        let Some(id) = id else {
            for (account, event) in takers {
                self.tell(account, News::Market(event)).await;
            }
            return;
        };
        if takers.is_empty() {
            self.reader.journalled(&stream, id);
            return;
        }
        self.outstanding += 1;
        let receipts = Receipt::of(&stream, id, takers.len(), &self.give);
        for ((account, event), receipt) in takers.into_iter().zip(receipts) {
            self.tell(account, News::Read(event, receipt)).await;
        }
    }

    /// Hands news to an account. What will be replaced soon is let go where it has no room; one that takes nothing else for too long is
    /// let go itself: it starts again, and is brought what it missed.
    async fn tell(&mut self, account: usize, news: News) {
        let Some(listener) = self.listeners.get(&account) else { return let_go(news) };
        listener.price(&news);
        let news = match listener.news.try_send(news) {
            Ok(()) => return,
            Err(mpsc::error::TrySendError::Closed(news)) => return let_go(news),
            Err(mpsc::error::TrySendError::Full(news)) => news,
        };
        if is_replaced(&news) {
            self.tally.replaced();
            return let_go(news);
        }
        if let Err(error) = listener.news.send_timeout(news, STUCK).await {
            tracing::error!(account, "an account takes no market data: it is started again");
            let_go(error.into_inner());
            self.detach(account);
        }
    }

    async fn stale(&mut self) {
        for event in self.reader.wake(self.ambient.now()) {
            self.deliver(event).await;
        }
    }

    fn detach(&mut self, account: usize) {
        self.listeners.remove(&account);
        for routes in self.routes.values_mut() {
            routes.retain(|route| route.account != account);
        }
    }

    /// Nothing is wanted any more.
    async fn end(&mut self) {
        let streams = self.routes.keys().cloned().collect::<Vec<_>>();
        let ended = async {
            self.acknowledge().await?;
            for streams in streams.chunks(crate::bus::limits::WANT_MAX) {
                self.bus.unwant(&self.holder, streams).await?;
            }
            Ok::<_, BusError>(())
        };
        if let Err(error) = ended.await {
            tracing::info!(error = %Causes(&error), "what was wanted is not given back: it is forgotten by itself");
        }
    }
}

impl Listener {
    /// The connector of an account hears no market: prices that market orders go by are handed to it. Where it has no room, the next
    /// one follows.
    fn price(&self, news: &News) {
        let (Some(prices), News::Read(event, _) | News::Market(event)) = (&self.prices, news) else { return };
        let (instrument, price) = match event {
            MarketEvent::Context(context) => (context.instrument, context.mark_price),
            MarketEvent::Quote(quote) => {
                let middle = quote.bid.price.get().checked_add(quote.ask.price.get()).and_then(|sum| sum.checked_div(2.into()));
                let Some(price) = middle.and_then(|middle| Price::new(middle).ok()) else { return };
                (quote.instrument, price)
            }
            _ => return,
        };
        drop(prices.try_send(Request::Price { instrument, price }));
    }
}

/// The instrument of a feed of ticks.
fn instrument_of(feed: Feed) -> InstrumentId {
    match feed {
        Feed::Quotes(instrument) | Feed::Context(instrument) | Feed::Trades(instrument) | Feed::Book(instrument) => instrument,
        // Candles go by their series.
        Feed::Candles(_) | Feed::Connection => InstrumentId::new(0),
    }
}

fn is_heartbeat(entry: &Entry) -> bool {
    let content = entry.content.as_ref().ok();
    let read = content.and_then(|content| MarketEntry::read(content, entry.stream.topic()).ok());
    read.is_none_or(|read| matches!(read.said, Said::Heartbeat | Said::Feed(_)))
}

/// Whether something newer says the same soon.
fn is_replaced(news: &News) -> bool {
    let (News::Read(event, _) | News::Market(event)) = news else { return false };
    matches!(event, MarketEvent::Quote(_) | MarketEvent::Book(_) | MarketEvent::Context(_))
}

/// Nobody has it, and nobody will.
fn let_go(news: News) {
    if let News::Read(_, receipt) = news {
        receipt.journalled();
    }
}

//! One term: from getting the lease to losing it or being told to stop.

use super::{Pause, Service, ServiceError};
use crate::bus::{Bus, BusError, Entry, EntryId, Lease, StreamName, Topic};
use crate::control::Control;
use crate::health::logs::Causes;
use crate::health::{Queue, StreamVitals};
use crate::market_data::wanted::{Source, source_of};
use crate::market_data::{Last, Market, Publisher, Subscriptions, WAITING_MAX, candle_of};
use calypte_kernel::{Candle, Timestamp};
use calypte_venues::connector::{Connector, Event, News, NotTaken, Request};
use std::collections::BTreeSet;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior, interval};

/// Entries of one write.
const WRITE_MAX: usize = 512;
/// Newest entries that are read of a stream to see where it ends: some may be heartbeats, or unreadable.
const NEWEST: usize = 16;
/// Minutes that are read back to complete longer candles: a week of them.
const MINUTES_MAX: usize = 10_000;
/// The lease is renewed so many times within its life.
const RENEWALS: u32 = 3;
/// How often heartbeats are due, and it is looked whether the service is to end.
const TICK: Duration = Duration::from_millis(200);

/// Why a term ended.
#[derive(Debug)]
pub(super) enum Left {
    /// The service is to stop.
    Told,
    /// Another may publish.
    LeaseLost,
    /// Nothing can be heard.
    Unreachable(String),
}

/// A term.
pub(super) struct Lead<'a> {
    service: &'a Service,
    bus: &'a dyn Bus,
    lease: Lease,
    market: Market,
    publisher: Publisher,
    subscriptions: Subscriptions,
    /// Streams that are wanted and nobody trades: told once.
    refused: BTreeSet<StreamName>,
    pause: Pause,
    /// Signs of life, stream by stream.
    vitals: StreamVitals,
    /// Entries that wait to be written.
    waiting: Queue,
    /// When a write that failed is tried again.
    again: Option<Instant>,
}

impl<'a> Lead<'a> {
    pub(super) fn new(service: &'a Service, lease: Lease, market: Market) -> Self {
        Self {
            service,
            bus: service.bus.as_ref(),
            lease,
            market,
            publisher: Publisher::new(service.settings.time_ahead_ms_max),
            subscriptions: Subscriptions::default(),
            refused: BTreeSet::new(),
            pause: Pause::default(),
            vitals: StreamVitals::new(service.vitals.clone()),
            waiting: service.vitals.metrics.queue("entries"),
            again: None,
        }
    }

    pub(super) const fn lease(&self) -> &Lease {
        &self.lease
    }

    /// Publishes until the term ends.
    pub(super) async fn publish(&mut self, connector: &mut dyn Connector, control: &Control) -> Result<Left, ServiceError> {
        let every = |period| {
            let mut ticks = interval(period);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            ticks
        };
        let life = self.service.settings.lease_life;
        let (mut renew, mut look, mut tick) = (every(life / RENEWALS), every(self.service.settings.look), every(TICK));
        let ready = &self.service.vitals.readiness;
        ready.met(super::READY_LEASE);
        loop {
            self.vitals.vitals().pulse.turned(std::time::Instant::now());
            let has_room = self.publisher.has_room();
            let done = tokio::select! {
                // What never waits for the bus comes first: a slow one would leave it no turn.
                biased;
                _ = tick.tick() => {
                    if control.is_cancelled() {
                        return self.last_words().await;
                    }
                    self.publisher.heartbeat(self.now(), self.service.settings.quiet_ms);
                    self.waiting.depth(self.publisher.waiting(usize::MAX).len());
                    Ok(None)
                }
                _ = renew.tick() => self.renew(life).await,
                _ = look.tick() => self.look(connector).await,
                // Where what waits has no room, nothing more is heard: the connector slows its sockets down.
                event = connector.next(), if has_room => match event {
                    Some(event) => {
                        self.hear(event);
                        Ok(None)
                    }
                    None => Ok(Some(Left::Unreachable("the connector stopped".to_owned()))),
                },
            };
            // Whoever had the turn: on a bus that takes longer than the pause between two looks, the next is always due.
            self.hear_waiting(connector).await;
            if let Some(left) = done? {
                return Ok(left);
            }
            if let Some(left) = self.flush().await? {
                return Ok(left);
            }
            if Instant::now() >= self.lease.valid_until() {
                return Ok(Left::LeaseLost);
            }
        }
    }

    fn now(&self) -> Timestamp {
        self.service.ambient.now()
    }

    async fn renew(&mut self, life: Duration) -> Result<Option<Left>, ServiceError> {
        let renewed = self.bus.renew(&mut self.lease, life).await;
        self.service.heard_of_bus(&renewed);
        match renewed {
            Ok(()) => {
                self.service.beat().await;
                Ok(None)
            }
            Err(error) => passing(error),
        }
    }

    /// Takes over what is wanted now.
    async fn look(&mut self, connector: &mut dyn Connector) -> Result<Option<Left>, ServiceError> {
        let wanted = match self.bus.wanted().await {
            Ok(wanted) => wanted,
            Err(error) => return passing(error),
        };
        // What nobody trades cannot be subscribed to; what it is made of is of the same instrument.
        let (known, unknown): (Vec<_>, Vec<_>) = wanted.into_iter().partition(|wanted| self.market.trades(&wanted.stream));
        let changes = self.subscriptions.update(&known);
        for stream in unknown.into_iter().map(|wanted| wanted.stream).chain(changes.refused) {
            if self.refused.insert(stream.clone()) {
                tracing::warn!(%stream, "it is wanted and cannot be had: nobody trades it here, or minutes do not make it");
            }
        }
        for stream in &changes.end {
            self.publisher.end(stream);
            self.vitals.end(stream);
            if let Some(feed) = self.market.feed(stream) {
                ask(connector, Request::Unsubscribe(feed));
            }
        }
        for stream in &changes.begin {
            match self.begin(connector, stream).await {
                Ok(()) => self.vitals.begin(stream, std::time::Instant::now()),
                Err(error) => {
                    // Tried again at the next look.
                    self.subscriptions.forget(stream);
                    return passing(error);
                }
            }
        }
        let streams = self.subscriptions.streams().count();
        self.service.tally.streams.store(streams as u64, Ordering::Relaxed);
        if streams == 0 {
            // Nothing is wanted, so that nothing can come.
            self.vitals.vitals().pulse.progressed(std::time::Instant::now());
        }
        Ok(None)
    }

    async fn begin(&mut self, connector: &mut dyn Connector, stream: &StreamName) -> Result<(), BusError> {
        let last = Last::of(&self.bus.newest(stream, NEWEST).await?);
        let now = self.now();
        let Some(feed) = self.market.feed(stream) else { return self.derive(stream, last).await };
        self.publisher.begin(now, feed, stream, last);
        let after = self.publisher.after(stream).or_else(|| self.history(stream, now));
        ask(connector, Request::Subscribe { feed, after });
        Ok(())
    }

    /// From when on a stream of candles begins that was never written.
    fn history(&self, stream: &StreamName, now: Timestamp) -> Option<Timestamp> {
        let Topic::Candles(timeframe) = stream.topic() else { return None };
        let candles = u64::from(self.service.settings.history).saturating_add(1);
        let back = i64::try_from(timeframe.as_millis().saturating_mul(candles)).unwrap_or(i64::MAX);
        Some(Timestamp::from_millis(now.as_millis().saturating_sub(back).max(0)))
    }

    /// Begins a stream of longer candles with the minutes that are on the bus.
    async fn derive(&mut self, stream: &StreamName, last: Option<Last>) -> Result<(), BusError> {
        let (Topic::Candles(to), Source::Minutes(minutes)) = (stream.topic(), source_of(stream)) else { return Ok(()) };
        // What waits is not on the bus yet and would be missing.
        let mut written = self.bus.range(&minutes, from_millis(last), EntryId::MAX, MINUTES_MAX).await?;
        let known = written.last().map(|entry| entry.id);
        let waiting = self.publisher.waiting(usize::MAX).iter();
        let waiting = waiting.filter(|entry| entry.stream == minutes && known.is_none_or(|known| entry.id > known));
        written.extend(waiting.cloned().map(Entry::from));
        let candles: Vec<Candle> = written.iter().filter_map(candle_of).collect();
        if let Err(error) = self.publisher.derive(self.now(), &minutes, to, last, &candles) {
            tracing::warn!(%stream, error = %Causes(&error), "it cannot be made of minutes");
        }
        Ok(())
    }

    fn hear(&mut self, event: Event) {
        let now = self.now();
        match event.news {
            News::Market(heard) => {
                if self.publisher.take(now, event.received, &heard).is_err() {
                    tracing::error!("an event found no room: {WAITING_MAX} entries wait");
                }
            }
            News::Notice(notice) => tracing::warn!(?notice, "the connector says"),
            News::Venue(_) => {}
        }
    }

    /// Takes what is there already, so that it is written together.
    async fn hear_waiting(&mut self, connector: &mut dyn Connector) {
        for _ in 0..WRITE_MAX {
            if !self.publisher.has_room() {
                return;
            }
            tokio::select! {
                biased;
                Some(event) = connector.next() => self.hear(event),
                () = std::future::ready(()) => return,
            }
        }
    }

    /// Writes what waits.
    async fn flush(&mut self) -> Result<Option<Left>, ServiceError> {
        if self.again.is_some_and(|again| Instant::now() < again) {
            return Ok(None);
        }
        loop {
            let waiting = self.publisher.waiting(WRITE_MAX);
            let count = waiting.len();
            if count == 0 {
                return Ok(None);
            }
            let published = self.bus.publish(waiting, Some(&self.lease)).await;
            self.service.heard_of_bus(&published);
            match published {
                Ok(_) => {
                    self.vitals.published(waiting.iter().map(|entry| &entry.stream), std::time::Instant::now());
                    self.publisher.written(count);
                    self.service.tally.published.fetch_add(count as u64, Ordering::Relaxed);
                    self.pause.reset();
                    self.again = None;
                }
                Err(error) if error.may_pass() => {
                    tracing::warn!(error = %Causes(&error), waiting = self.publisher.waiting(usize::MAX).len(), "entries wait to be written");
                    self.again = Some(Instant::now() + self.pause.next());
                    return Ok(None);
                }
                Err(error) => return passing(error),
            }
        }
    }

    /// What was heard is written before the end.
    async fn last_words(&mut self) -> Result<Left, ServiceError> {
        self.again = None;
        Ok(self.flush().await?.unwrap_or(Left::Told))
    }
}

/// What an error of the bus means to the term: nothing where it may pass.
fn passing(error: BusError) -> Result<Option<Left>, ServiceError> {
    match error {
        BusError::LeaseLost { .. } => Ok(Some(Left::LeaseLost)),
        error if error.may_pass() => {
            tracing::warn!(error = %Causes(&error), "the bus does not answer");
            Ok(None)
        }
        error => Err(error.into()),
    }
}

fn ask(connector: &mut dyn Connector, request: Request) {
    if let Err(NotTaken::Full(request) | NotTaken::NotRunning(request)) = connector.request(request) {
        tracing::error!(?request, "the connector does not take it");
    }
}

/// Where minutes are to be read from that a stream of longer candles still needs: those after its end.
fn from_millis(last: Option<Last>) -> EntryId {
    last.map_or(EntryId::ZERO, |last| EntryId::new(last.id.millis.saturating_add(1), 0))
}

//! What a run has beside candles: ticks, funding and latency. A run without them pays one branch for it.
//!
//! At one moment: fills inside the candles that close; funding; the candles; what latency held back (what the strategy hears,
//! what the exchange hears, what the exchange answered); timers; the opens of the next candles; ticks.

use super::{Backtest, BacktestError};
use crate::ticks::{Tick, TickFeed, TickKind, Ticks};
use crate::timeline::Step;
use calypte_kernel::{Approved, Command, Input, MarketEvent, Price, Timestamp, VenueEvent};
use std::collections::VecDeque;

/// Longest latency, in milliseconds.
pub const LATENCY_MS_MAX: u64 = 60_000;

/// Most messages under way in each direction; where there are more, the oldest arrives early.
pub const MESSAGES_UNDER_WAY_MAX: usize = 1 << 16;

/// How long messages are under way, in milliseconds, at most [`LATENCY_MS_MAX`] each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Latency {
    /// From the market to the strategy.
    pub feed_ms: u64,
    /// From the strategy to the exchange.
    pub order_ms: u64,
    /// From the exchange's books to the strategy: acknowledgements, fills, funding.
    pub report_ms: u64,
}

/// Ticks, funding and latency of a run.
pub(super) struct Models {
    ticks: Ticks,
    funding: Ticks,
    latency: Latency,
    feed: Line<MarketEvent>,
    orders: Line<Approved<Command>>,
    reports: Line<VenueEvent>,
    /// A tick that the exchange has dealt with and strategies have still to hear of, once they heard of its fills.
    heard: Option<MarketEvent>,
}

/// Messages under way, each for the same time, so that they arrive in the order in which they were sent.
struct Line<T>(VecDeque<(Timestamp, T)>);

/// The steps of a moment. See the [module](self).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Turn {
    Walk,
    Funding,
    Close,
    Gap,
    Message,
    Wake,
    Open,
    Tick,
}

impl From<Step> for Turn {
    fn from(step: Step) -> Self {
        match step {
            Step::Walk => Self::Walk,
            Step::Close => Self::Close,
            Step::Gap => Self::Gap,
            Step::Open => Self::Open,
        }
    }
}

impl<T> Line<T> {
    fn due(&self) -> Option<Timestamp> {
        self.0.front().map(|(due, _)| *due)
    }

    fn send(&mut self, now: Timestamp, latency_ms: u64, message: T) {
        if self.0.len() >= MESSAGES_UNDER_WAY_MAX
            && let Some((due, _)) = self.0.front_mut()
        {
            *due = now;
        }
        self.0.push_back((now.saturating_add(latency_ms), message));
    }
}

impl Models {
    /// For a run that ends at `to`.
    pub(super) fn new(feeds: Vec<TickFeed>, latency: Latency, to: Timestamp) -> Self {
        let (funding, ticks) = feeds.into_iter().partition(|feed| feed.kind == TickKind::Funding);
        Self {
            ticks: Ticks::new(ticks, to),
            funding: Ticks::new(funding, to),
            latency,
            feed: Line(VecDeque::new()),
            orders: Line(VecDeque::new()),
            reports: Line(VecDeque::new()),
            heard: None,
        }
    }

    fn message_due(&self) -> Option<Timestamp> {
        [self.feed.due(), self.orders.due(), self.reports.due()].into_iter().flatten().min()
    }
}

impl Backtest {
    /// With trades, quotes, books and funding rates. Orders of an instrument that has trades, quotes or books are matched against
    /// these, and not against its candles.
    #[must_use]
    pub fn with_ticks(mut self, feeds: Vec<TickFeed>) -> Self {
        if feeds.is_empty() {
            return self;
        }
        for feed in feeds.iter().filter(|feed| feed.kind != TickKind::Funding) {
            self.exchange.match_ticks(feed.instrument, feed.kind);
            self.timeline.leave_to_ticks(feed.instrument);
        }
        let latency = self.models.as_ref().map_or_else(Latency::default, |models| models.latency);
        self.models = Some(Box::new(Models::new(feeds, latency, self.timeline.to())));
        self
    }

    /// Reads the first ticks, and passes those from before the run by. Gives when the first of the run is.
    pub(super) fn begin_models(&mut self) -> Result<Option<Timestamp>, BacktestError> {
        let Some(models) = &mut self.models else { return Ok(None) };
        models.ticks.begin()?;
        models.funding.begin()?;
        let Some(from) = self.from else { return Ok(models.ticks.peek()) };
        while models.ticks.peek().is_some_and(|time| time < from) {
            if let Some(tick) = models.ticks.pop()? {
                self.exchange.tick(from, &tick);
            }
        }
        while models.funding.peek().is_some_and(|time| time < from) {
            models.funding.pop()?;
        }
        Ok(models.ticks.peek())
    }

    /// Does the next thing where it is none of the candles'. False: nothing was done. `next` is what the candles have next.
    pub(super) fn step_models(&mut self, next: Option<(Timestamp, Step)>) -> Result<bool, BacktestError> {
        let Some(models) = &mut self.models else { return Ok(false) };
        if let Some(event) = models.heard.take() {
            self.tell(event);
            return Ok(true);
        }
        if !self.anyone_at_work() {
            return Ok(false);
        }
        let Some(models) = &mut self.models else { return Ok(false) };
        let candles = next.map(|(time, step)| (time, Turn::from(step)));
        let tick = models.ticks.peek().map(|time| (time, Turn::Tick));
        // What is due after the last of the market is no longer paid at its price.
        let funding = models.funding.peek().filter(|_| candles.is_some() || tick.is_some()).map(|time| (time, Turn::Funding));
        let message = models.message_due().map(|time| (time.max(self.now), Turn::Message));
        let Some(first) = [tick, funding, message].into_iter().flatten().min() else { return Ok(false) };
        let wake = self.core.next_wake().map(|time| (time.max(self.now), Turn::Wake)).filter(|wake| *wake < first);
        if candles.is_some_and(|candles| candles < wake.unwrap_or(first)) {
            return Ok(false);
        }
        let (time, turn) = wake.unwrap_or(first);
        if time > self.now {
            self.settle_moment();
            self.now = time;
        }
        match turn {
            Turn::Wake => self.feed(Input::Wake),
            Turn::Message => self.pass_message(),
            Turn::Funding => self.fund()?,
            _ => self.tick()?,
        }
        Ok(true)
    }

    /// The oldest message under way arrives.
    fn pass_message(&mut self) {
        let Some(models) = &mut self.models else { return };
        let due = models.message_due();
        if models.reports.due() == due
            && let Some((_, report)) = models.reports.0.pop_front()
        {
            return self.feed(Input::Venue(report));
        }
        if models.feed.due() == due
            && let Some((_, event)) = models.feed.0.pop_front()
        {
            return self.feed(Input::Market(event));
        }
        if let Some((_, command)) = models.orders.0.pop_front() {
            self.exchange.submit(self.now, command);
        }
    }

    fn fund(&mut self) -> Result<(), BacktestError> {
        let Some(models) = &mut self.models else { return Ok(()) };
        if let Some(Tick::Funding(funding)) = models.funding.pop()? {
            self.exchange.fund(funding.instrument, funding.time, funding.rate);
        }
        Ok(())
    }

    fn tick(&mut self) -> Result<(), BacktestError> {
        let Some(models) = &mut self.models else { return Ok(()) };
        let Some(tick) = models.ticks.pop()? else { return Ok(()) };
        let instrument = match &tick {
            Tick::Funding(_) => return Ok(()),
            Tick::Trade(trade) => {
                self.counts.trades += 1;
                trade.instrument
            }
            Tick::Quote(quote) => {
                self.counts.quotes += 1;
                quote.instrument
            }
            Tick::Book(book) => {
                self.counts.books += 1;
                book.instrument
            }
        };
        self.exchange.tick(self.now, &tick);
        models.heard = tick.into_market();
        if let Some(price) = self.exchange.last_price(instrument).and_then(|price| Price::new(price).ok()) {
            self.accounting.price(instrument, price);
        }
        Ok(())
    }

    /// The market moved: strategies hear of it, after its latency.
    #[inline]
    pub(super) fn tell(&mut self, event: MarketEvent) {
        match &mut self.models {
            Some(models) if models.latency.feed_ms > 0 => models.feed.send(self.now, models.latency.feed_ms, event),
            _ => self.feed(Input::Market(event)),
        }
    }

    /// The exchange answered: the core hears of it, after its latency.
    #[inline]
    pub(super) fn report(&mut self, event: VenueEvent) {
        let is_running = self.is_running();
        match &mut self.models {
            Some(models) if models.latency.report_ms > 0 && is_running => {
                models.reports.send(self.now, models.latency.report_ms, event);
            }
            _ => self.feed(Input::Venue(event)),
        }
    }

    /// Something is sent to the exchange, which has it after its latency. At the end of a run, where time no longer passes, it has
    /// it at once.
    #[inline]
    pub(super) fn send(&mut self, command: Approved<Command>) {
        let is_running = self.is_running();
        match &mut self.models {
            Some(models) if models.latency.order_ms > 0 && is_running => {
                models.orders.send(self.now, models.latency.order_ms, command);
            }
            _ => self.exchange.submit(self.now, command),
        }
    }
}

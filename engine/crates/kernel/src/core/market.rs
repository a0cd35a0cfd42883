//! What the market does, and who hears of it.

use super::TradingCore;
use crate::queue::Rank;
use crate::{
    Book, Candle, CandleEvent, CoreSettings, Decimal, Event, Feed, FeedChange, FeedEvent, InstrumentId, MarketEvent, Price,
    SeriesId, StrategyState, Subscription, Timestamp,
};

/// Who hears what, and the latest prices.
#[derive(Debug)]
pub(super) struct Feeds {
    series: Vec<SeriesFeed>,
    instruments: Vec<InstrumentFeeds>,
}

/// A candle series.
#[derive(Debug)]
struct SeriesFeed {
    instrument: usize,
    rank: Rank,
    /// Places of the strategies that hear it, in their order.
    subscribers: Vec<usize>,
    /// When its latest candle opened that was the market of the moment, not history.
    latest: Option<Timestamp>,
}

/// Who alone hears a series.
#[derive(Debug, Clone, Copy)]
pub(super) struct SoleSubscriber {
    /// Its place.
    pub(super) place: usize,
    series: usize,
}

/// The feeds of one instrument, with the places of the strategies that hear each.
#[derive(Debug, Default)]
struct InstrumentFeeds {
    last: Option<Price>,
    mark: Option<Price>,
    /// Best bid and offer.
    best: Option<(Price, Price)>,
    /// When anything but history was heard of it last.
    heard: Option<Timestamp>,
    /// Since when it is waited for by what watches the age of its data, where nothing was heard of it yet.
    awaited: Option<Timestamp>,
    trades: Vec<usize>,
    quotes: Vec<usize>,
    /// With the number of levels wanted.
    books: Vec<(usize, usize)>,
    contexts: Vec<usize>,
}

impl Feeds {
    pub(super) fn new(settings: &CoreSettings) -> Self {
        let series = settings.series.iter().map(|series| SeriesFeed {
            instrument: series.instrument.get() as usize,
            rank: Rank::Candle { timeframe_ms: series.timeframe.as_millis(), instrument: series.instrument },
            subscribers: Vec::new(),
            latest: None,
        });
        let instruments = settings.instruments.iter().map(|_| InstrumentFeeds::default());
        Self { series: series.collect(), instruments: instruments.collect() }
    }

    #[inline]
    pub(super) fn mark_price(&self, instrument: InstrumentId) -> Option<Price> {
        let feeds = self.instruments.get(instrument.get() as usize)?;
        feeds.mark.or(feeds.last).or_else(|| feeds.best.and_then(middle))
    }

    /// Best bid and offer of an instrument.
    pub(super) fn best(&self, instrument: InstrumentId) -> Option<(Price, Price)> {
        self.instruments.get(instrument.get() as usize)?.best
    }

    /// How long ago anything was heard of an instrument; none: never.
    pub(super) fn age_ms(&self, instrument: InstrumentId, now: Timestamp) -> Option<u64> {
        self.heard(instrument).map(|heard| now.millis_since(heard))
    }

    /// When anything was heard of an instrument last.
    fn heard(&self, instrument: InstrumentId) -> Option<Timestamp> {
        self.instruments.get(instrument.get() as usize)?.heard
    }

    /// Waits for an instrument from now on, if nothing was heard of it yet.
    pub(super) fn await_from(&mut self, instrument: InstrumentId, now: Timestamp) {
        if let Some(feeds) = self.instruments.get_mut(instrument.get() as usize)
            && feeds.heard.is_none()
        {
            feeds.awaited.get_or_insert(now);
        }
    }

    /// When anything was heard of an instrument last; of one that was never heard of, since when it is waited for.
    pub(super) fn silent_since(&self, instrument: InstrumentId) -> Option<Timestamp> {
        let feeds = self.instruments.get(instrument.get() as usize)?;
        feeds.heard.or(feeds.awaited)
    }

    /// Who hears a series, where it is one.
    #[inline]
    pub(super) fn sole_subscriber(&self, series: SeriesId) -> Option<SoleSubscriber> {
        let series = series.get() as usize;
        let &[place] = self.series.get(series)?.subscribers.as_slice() else { return None };
        Some(SoleSubscriber { place, series })
    }

    /// A candle closed that it hears as it happens.
    #[inline]
    pub(super) fn closed(&mut self, feed: SoleSubscriber, now: Timestamp, candle: &Candle) {
        self.happened(feed.series, now, candle);
    }

    /// A candle closed just now.
    #[inline]
    fn happened(&mut self, series: usize, now: Timestamp, candle: &Candle) {
        let feed = &mut self.series[series];
        feed.latest = feed.latest.max(Some(candle.open_time));
        let instrument = &mut self.instruments[feed.instrument];
        (instrument.last, instrument.heard) = (Some(candle.close), Some(now));
    }

    /// A candle of the past: its price stands in as long as the market itself said none.
    fn was_history(&mut self, series: usize, candle: &Candle) {
        let instrument = &mut self.instruments[self.series[series].instrument];
        if instrument.heard.is_none() {
            instrument.last = Some(candle.close);
        }
    }

    fn of(&mut self, instrument: InstrumentId) -> Option<&mut InstrumentFeeds> {
        self.instruments.get_mut(instrument.get() as usize)
    }

    fn clear(&mut self) {
        self.series.iter_mut().for_each(|feed| feed.subscribers.clear());
        for feeds in &mut self.instruments {
            feeds.trades.clear();
            feeds.quotes.clear();
            feeds.books.clear();
            feeds.contexts.clear();
        }
    }

    /// Adds a subscription that was checked.
    fn add(&mut self, place: usize, subscription: Subscription) {
        let instrument = |id: InstrumentId| id.get() as usize;
        match subscription {
            Subscription::Candles { series, .. } => self.series[series.get() as usize].subscribers.push(place),
            Subscription::Trades(id) => self.instruments[instrument(id)].trades.push(place),
            Subscription::Quotes(id) => self.instruments[instrument(id)].quotes.push(place),
            Subscription::Book { instrument: id, levels } => {
                self.instruments[instrument(id)].books.push((place, levels as usize));
            }
            Subscription::Context(id) => self.instruments[instrument(id)].contexts.push(place),
        }
    }
}

impl TradingCore {
    /// Brings the lists of who hears what up to date with the subscriptions.
    pub(super) fn subscriptions_changed(&mut self) {
        self.feeds.clear();
        for (place, slot) in self.slots.iter().enumerate() {
            slot.subscriptions.iter().for_each(|subscription| self.feeds.add(place, *subscription));
        }
    }

    #[inline]
    pub(super) fn market(&mut self, event: MarketEvent) {
        let known = match event {
            MarketEvent::Candle { series, candle } => self.candle(series, candle),
            event => self.other_market(event),
        };
        if known.is_none() {
            self.strays += 1;
        }
    }

    /// A candle closed just now, or once: while a strategy is owed history of a series, a candle that is not the
    /// newest is that history. Nobody else hears it, and it moves no price.
    #[inline]
    fn candle(&mut self, series: SeriesId, candle: Candle) -> Option<()> {
        let at = series.get() as usize;
        let feed = self.feeds.series.get(at)?;
        let is_owed = |place: &usize| self.slots[*place].warm_up_left > 0;
        let happened = !feed.subscribers.iter().any(is_owed) || self.is_newest(at, candle.open_time);
        if happened {
            self.feeds.happened(at, self.now, &candle);
            if self.guards_exits {
                self.watch_exits(self.settings.series[at].instrument);
            }
        } else {
            self.feeds.was_history(at, &candle);
        }
        let mut index = 0;
        while let Some(&place) = self.feeds.series[at].subscribers.get(index) {
            let rank = self.feeds.series[at].rank;
            let warm_up = self.slots[place].warm_up_left > 0 && self.slots[place].count_warm_up(series);
            let event = Event::Candle(CandleEvent { series, warm_up, candle });
            if warm_up {
                self.offer_warm_up(place, rank, event);
            } else if happened {
                self.offer(place, rank, event);
            }
            // A strategy that fails over it hears no more: the next one stands in its place then.
            index += usize::from(self.feeds.series[at].subscribers.get(index) == Some(&place));
        }
        Some(())
    }

    /// When the latest candle of a series opened that was the market of the moment, not history; none: there was none.
    pub fn latest_candle(&self, series: SeriesId) -> Option<Timestamp> {
        self.feeds.series.get(usize::try_from(series.get()).ok()?)?.latest
    }

    /// Whether a candle is newer than all that were heard of its series; of the first one, whether another one has not closed yet.
    #[cold]
    fn is_newest(&self, series: usize, open_time: Timestamp) -> bool {
        let timeframe_ms = self.settings.series[series].timeframe.as_millis();
        let until = || open_time.saturating_add(timeframe_ms.saturating_mul(2));
        self.feeds.series[series].latest.map_or_else(|| self.now < until(), |latest| latest < open_time)
    }

    fn other_market(&mut self, event: MarketEvent) -> Option<()> {
        let now = self.now;
        match event {
            MarketEvent::Candle { .. } => {}
            MarketEvent::Trade(trade) => {
                let feeds = self.feeds.of(trade.instrument)?;
                (feeds.last, feeds.heard) = (Some(trade.price), Some(now));
                let places = feeds.trades.clone();
                self.watch_exits(trade.instrument);
                for place in places {
                    self.offer_live(place, Event::Trade(trade));
                }
            }
            MarketEvent::Quote(quote) => {
                let feeds = self.feeds.of(quote.instrument)?;
                (feeds.best, feeds.heard) = (Some((quote.bid.price, quote.ask.price)), Some(now));
                let places = feeds.quotes.clone();
                self.watch_exits(quote.instrument);
                for place in places {
                    self.offer_live(place, Event::Quote(quote));
                }
            }
            MarketEvent::Book(book) => {
                let feeds = self.feeds.of(book.instrument)?;
                let best = book.bids.first().zip(book.asks.first());
                (feeds.best, feeds.heard) = (best.map(|(bid, ask)| (bid.price, ask.price)), Some(now));
                let places = feeds.books.clone();
                self.watch_exits(book.instrument);
                for (place, levels) in places {
                    self.offer_live(place, Event::Book(Box::new(cut(&book, levels))));
                }
            }
            MarketEvent::Context(context) => {
                let feeds = self.feeds.of(context.instrument)?;
                (feeds.mark, feeds.heard) = (Some(context.mark_price), Some(now));
                let places = feeds.contexts.clone();
                self.watch_exits(context.instrument);
                for place in places {
                    self.offer_live(place, Event::Context(context.clone()));
                }
            }
            MarketEvent::Feed { feed, change } => return self.feed(feed, change),
        }
        Some(())
    }

    fn feed(&mut self, feed: Feed, change: FeedChange) -> Option<()> {
        let places = match feed {
            Feed::Candles(series) => self.feeds.series.get(series.get() as usize)?.subscribers.clone(),
            Feed::Trades(instrument) => self.feeds.of(instrument)?.trades.clone(),
            Feed::Quotes(instrument) => self.feeds.of(instrument)?.quotes.clone(),
            Feed::Book(instrument) => self.feeds.of(instrument)?.books.iter().map(|(place, _)| *place).collect(),
            Feed::Context(instrument) => self.feeds.of(instrument)?.contexts.clone(),
            Feed::Connection => {
                match change {
                    FeedChange::Lost => self.disconnected(),
                    FeedChange::Recovered => self.reconnected(),
                    FeedChange::Stale | FeedChange::Gap { .. } | FeedChange::Restored => {}
                }
                self.connection(change);
                (0..self.slots.len()).collect()
            }
        };
        let event = FeedEvent { time: self.now, feed, change };
        for place in places {
            self.offer(place, Rank::Feed, Event::Feed(event));
        }
        Some(())
    }

    /// Offers what only strategies that run get: history is made of candles.
    fn offer_live(&mut self, place: usize, event: Event) {
        if matches!(self.slots[place].state, StrategyState::Running) {
            self.offer(place, Rank::Market, event);
        }
    }
}

/// Half way between bid and offer.
fn middle((bid, ask): (Price, Price)) -> Option<Price> {
    Price::new(bid.get().checked_add(ask.get())?.checked_div(Decimal::TWO)?).ok()
}

/// A book of at most so many levels a side.
fn cut(book: &Book, levels: usize) -> Book {
    let side = |of: &[crate::Level]| of.iter().take(levels).copied().collect();
    Book { instrument: book.instrument, time: book.time, bids: side(&book.bids), asks: side(&book.asks) }
}

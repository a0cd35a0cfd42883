//! What was delivered to an instance: the latest candles of each series, the latest price, quote, book and context of each
//! instrument.

use crate::limits::InstanceLimits;
use calypte_kernel::{
    Book, Candle, CandleEvent, Decimal, Event, Feed, FeedChange, FeedEvent, InitContext, Instrument, InstrumentId, Level,
    Price, Quote, SeriesId, Side, Subscription,
};
use std::collections::VecDeque;
use std::sync::Arc;

/// The market as one instance knows it. Tables are sorted by number: there are few entries, and most look-ups are of candles.
#[derive(Debug, Default)]
pub(crate) struct Market {
    instruments: Arc<[Instrument]>,
    prices: Vec<(InstrumentId, Prices)>,
    series: Vec<(SeriesId, Candles)>,
}

#[derive(Debug, Default)]
struct Prices {
    /// Place of the instrument in the list of `init`.
    place: usize,
    last: Option<Price>,
    mark: Option<Price>,
    quote: Option<Quote>,
    book: Option<Box<Book>>,
}

#[derive(Debug)]
struct Candles {
    /// Place of the series' instrument in `prices`.
    prices: Option<usize>,
    /// How many are kept; 0 until `init` answered.
    keep: usize,
    kept: VecDeque<Candle>,
}

impl Candles {
    #[inline]
    const fn kept_max(&self, limits: &InstanceLimits) -> usize {
        if self.keep == 0 { limits.candles_kept_min } else { self.keep }
    }
}

impl Market {
    /// Takes the instruments and series of `init`.
    pub(crate) fn begin(&mut self, context: &InitContext) {
        self.instruments = Arc::clone(&context.instruments);
        let prices = |(place, known): (usize, &Instrument)| (known.id, Prices { place, ..Prices::default() });
        self.prices = context.instruments.iter().enumerate().map(prices).collect();
        self.prices.sort_by_key(|(id, _)| *id);
        let candles = |info: &calypte_kernel::SeriesInfo| {
            let prices = self.prices.binary_search_by_key(&info.instrument, |(id, _)| *id).ok();
            (info.id, Candles { prices, keep: 0, kept: VecDeque::new() })
        };
        self.series = context.series.iter().map(candles).collect();
        self.series.sort_by_key(|(id, _)| *id);
    }

    /// Keeps as many candles as each subscription needs.
    pub(crate) fn subscribed(&mut self, subscriptions: &[Subscription], limits: &InstanceLimits) {
        for subscription in subscriptions {
            let Subscription::Candles { series, warm_up } = subscription else { continue };
            let Ok(place) = self.series.binary_search_by_key(series, |(id, _)| *id) else { continue };
            let wish = usize::try_from(*warm_up).unwrap_or(usize::MAX);
            let keep = wish.max(limits.candles_kept_min).min(limits.candles_kept_max);
            let candles = &mut self.series[place].1;
            candles.keep = candles.keep.max(keep);
        }
    }

    /// Knows what another instance knew, of each series as many candles as are kept here.
    pub(crate) fn take_over(&mut self, other: Self, limits: &InstanceLimits) {
        for (instrument, known) in other.prices {
            if let Some(prices) = self.prices_mut(instrument) {
                *prices = Prices { place: prices.place, ..known };
            }
        }
        for (series, known) in other.series {
            let Ok(place) = self.series.binary_search_by_key(&series, |(id, _)| *id) else { continue };
            let candles = &mut self.series[place].1;
            candles.kept = known.kept;
            let surplus = candles.kept.len().saturating_sub(candles.kept_max(limits));
            candles.kept.drain(..surplus);
            candles.kept.shrink_to_fit();
        }
    }

    /// Takes note of an event that is about to be delivered.
    #[inline]
    pub(crate) fn observe(&mut self, event: &Event, limits: &InstanceLimits) {
        match event {
            Event::Candle(event) => self.candle(event, limits),
            other => self.rare(other),
        }
    }

    #[inline]
    fn candle(&mut self, event: &CandleEvent, limits: &InstanceLimits) {
        let Ok(place) = self.series.binary_search_by_key(&event.series, |(id, _)| *id) else { return };
        let candles = &mut self.series[place].1;
        if candles.kept.len() >= candles.kept_max(limits) {
            candles.kept.pop_front();
        }
        candles.kept.push_back(event.candle);
        if let Some(prices) = candles.prices {
            self.prices[prices].1.last = Some(event.candle.close);
        }
    }

    fn rare(&mut self, event: &Event) {
        match event {
            Event::Trade(trade) => {
                if let Some(prices) = self.prices_mut(trade.instrument) {
                    prices.last = Some(trade.price);
                }
            }
            Event::Quote(quote) => {
                if let Some(prices) = self.prices_mut(quote.instrument) {
                    prices.quote = Some(*quote);
                }
            }
            Event::Book(book) => {
                if let Some(prices) = self.prices_mut(book.instrument) {
                    prices.book = Some(book.clone());
                }
            }
            Event::Context(context) => {
                if let Some(prices) = self.prices_mut(context.instrument) {
                    prices.mark = Some(context.mark_price);
                }
            }
            Event::Feed(event) => self.feed(*event),
            Event::Candle(_)
            | Event::Position(_)
            | Event::Order(_)
            | Event::Funding(_)
            | Event::Balance(_)
            | Event::Timer(_) => {}
        }
    }

    /// After a hole a book or a quote is not known until the next one comes.
    fn feed(&mut self, event: FeedEvent) {
        if !matches!(event.change, FeedChange::Gap { .. } | FeedChange::Stale | FeedChange::Lost) {
            return;
        }
        match event.feed {
            Feed::Quotes(instrument) => {
                if let Some(prices) = self.prices_mut(instrument) {
                    prices.quote = None;
                }
            }
            Feed::Book(instrument) => {
                if let Some(prices) = self.prices_mut(instrument) {
                    prices.book = None;
                }
            }
            Feed::Connection => self.prices.iter_mut().for_each(|(_, prices)| (prices.quote, prices.book) = (None, None)),
            Feed::Candles(_) | Feed::Trades(_) | Feed::Context(_) => {}
        }
    }

    fn prices_mut(&mut self, instrument: InstrumentId) -> Option<&mut Prices> {
        let place = self.prices.binary_search_by_key(&instrument, |(id, _)| *id).ok()?;
        Some(&mut self.prices[place].1)
    }

    fn prices(&self, instrument: InstrumentId) -> Option<&Prices> {
        let place = self.prices.binary_search_by_key(&instrument, |(id, _)| *id).ok()?;
        Some(&self.prices[place].1)
    }

    /// An instrument of `init`.
    pub(crate) fn instrument(&self, instrument: InstrumentId) -> Option<&Instrument> {
        self.prices(instrument).and_then(|prices| self.instruments.get(prices.place))
    }

    /// Kept candles of a series, oldest first.
    pub(crate) fn candles(&self, series: SeriesId) -> Option<&VecDeque<Candle>> {
        let place = self.series.binary_search_by_key(&series, |(id, _)| *id).ok()?;
        Some(&self.series[place].1.kept)
    }

    /// Price of the last trade or the last close.
    pub(crate) fn last_price(&self, instrument: InstrumentId) -> Option<Price> {
        self.prices(instrument)?.last
    }

    /// Mark price as delivered.
    pub(crate) fn mark_price(&self, instrument: InstrumentId) -> Option<Price> {
        self.prices(instrument)?.mark
    }

    /// Best bid and offer: of the quotes, else of the book; the later where both are known.
    pub(crate) fn quote(&self, instrument: InstrumentId) -> Option<Quote> {
        let prices = self.prices(instrument)?;
        let top = prices.book.as_ref().and_then(|book| {
            let (bid, ask) = (*book.bids.first()?, *book.asks.first()?);
            Some(Quote { instrument, time: book.time, bid, ask })
        });
        match (prices.quote, top) {
            (Some(quote), Some(top)) => Some(if top.time > quote.time { top } else { quote }),
            (quote, top) => quote.or(top),
        }
    }

    /// The book as last delivered.
    pub(crate) fn book(&self, instrument: InstrumentId) -> Option<&Book> {
        self.prices(instrument)?.book.as_deref()
    }
}

/// What taking a size from a book comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fill {
    /// Worst price reached.
    pub(super) worst: Decimal,
    /// Volume-weighted average price, not rounded.
    pub(super) average: Decimal,
}

/// Takes a size from a book; none where the size is not positive, the book is too thin, or the product overflows.
pub(super) fn fill(book: &Book, side: Side, size: Decimal) -> Option<Fill> {
    let levels: &[Level] = match side {
        Side::Buy => &book.asks,
        Side::Sell => &book.bids,
    };
    if size <= Decimal::ZERO {
        return None;
    }
    let (mut left, mut paid) = (size, Decimal::ZERO);
    for level in levels {
        let taken = left.min(level.size.get());
        paid = paid.checked_add(taken.checked_mul(level.price.get())?)?;
        left = left.checked_sub(taken)?;
        if left.is_zero() {
            return Some(Fill { worst: level.price.get(), average: paid.checked_div(size)? });
        }
    }
    None
}

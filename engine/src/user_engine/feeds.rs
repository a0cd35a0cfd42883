//! Which streams an account listens to, and what an event of one is in the account's own numbers.

use crate::bus::{StreamName, Topic};
use crate::live::TradeRequest;
use calypte_kernel::{Book, Context, Feed, InstrumentId, MarketEvent, Quote, SeriesId, Timeframe, Timestamp, Trade};

/// A stream that an account listens to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Lane {
    /// Which.
    pub(super) stream: StreamName,
    /// What it is to the account.
    pub(super) feed: Feed,
    /// Of candles: up to which one the account knows them; none: it knows none.
    pub(super) known: Option<Timestamp>,
}

/// The streams of an account: its candles, and the prices that orders go by.
pub(super) fn lanes(request: &TradeRequest) -> Vec<Lane> {
    let instruments = (0..).zip(&request.symbols).map(|(number, symbol)| (InstrumentId::new(number), symbol));
    let prices = instruments.flat_map(|(id, symbol)| {
        let feeds = [(Topic::Quotes, Feed::Quotes(id)), (Topic::Context, Feed::Context(id)), (Topic::Trades, Feed::Trades(id))];
        feeds.map(|(topic, feed)| Lane { stream: StreamName::new(symbol, topic), feed, known: None })
    });
    candles(request)
        .into_iter()
        .map(|(id, stream)| Lane { stream, feed: Feed::Candles(id), known: None })
        .chain(prices)
        .collect()
}

/// The streams of an account's candles, by its series.
pub(super) fn candles(request: &TradeRequest) -> Vec<(SeriesId, StreamName)> {
    let of = |info: calypte_kernel::SeriesInfo| {
        let symbol = request.symbols.get(usize::try_from(info.instrument.get()).ok()?)?;
        Some((info.id, StreamName::new(symbol, Topic::Candles(info.timeframe))))
    };
    request.series().into_iter().filter_map(of).collect()
}

/// An event in an account's own numbers; none: it is of another kind than the feed.
pub(super) fn translated(event: &MarketEvent, feed: Feed) -> Option<MarketEvent> {
    Some(match (event, feed) {
        (MarketEvent::Feed { change, .. }, feed) => MarketEvent::Feed { feed, change: *change },
        (MarketEvent::Candle { candle, .. }, Feed::Candles(series)) => MarketEvent::Candle { series, candle: *candle },
        (MarketEvent::Trade(trade), Feed::Trades(instrument)) => MarketEvent::Trade(Trade { instrument, ..*trade }),
        (MarketEvent::Quote(quote), Feed::Quotes(instrument)) => MarketEvent::Quote(Quote { instrument, ..*quote }),
        (MarketEvent::Book(book), Feed::Book(instrument)) => {
            MarketEvent::Book(Box::new(Book { instrument, ..book.as_ref().clone() }))
        }
        (MarketEvent::Context(context), Feed::Context(instrument)) => {
            MarketEvent::Context(Box::new(Context { instrument, ..**context }))
        }
        _ => return None,
    })
}

/// The length of a stream's candles.
pub(super) fn timeframe(stream: &StreamName) -> Option<Timeframe> {
    match stream.topic() {
        Topic::Candles(timeframe) => Some(timeframe),
        _ => None,
    }
}

//! What the market does: candles, trades, quotes, books, and the state of the feeds that bring them.

use crate::{InstrumentId, Price, SeriesId, Side, Size, Timestamp};
use rust_decimal::Decimal;

/// Most levels on each side of a [`Book`].
pub const BOOK_LEVELS_MAX: usize = 100;

/// One closed candle. It covers `[open_time, open_time + timeframe)`.
///
/// Whoever makes one has checked that `low <= open, close <= high` and that the volume is not negative.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Candle {
    /// When it opened.
    pub open_time: Timestamp,
    /// First price.
    pub open: Price,
    /// Highest price.
    pub high: Price,
    /// Lowest price.
    pub low: Price,
    /// Last price.
    pub close: Price,
    /// Traded size in the base asset; zero where nobody traded.
    pub volume: Decimal,
}

/// A public trade.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trade {
    /// Instrument.
    pub instrument: InstrumentId,
    /// Exchange time.
    pub time: Timestamp,
    /// Price.
    pub price: Price,
    /// Size.
    pub size: Size,
    /// Direction of the taker.
    pub taker: Side,
}

/// Best bid and offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quote {
    /// Instrument.
    pub instrument: InstrumentId,
    /// Exchange time.
    pub time: Timestamp,
    /// Best bid.
    pub bid: Level,
    /// Best offer.
    pub ask: Level,
}

/// A price and the size resting there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Level {
    /// Price.
    pub price: Price,
    /// Size of all orders at that price.
    pub size: Size,
}

/// A snapshot of the order book, at most [`BOOK_LEVELS_MAX`] levels a side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Book {
    /// Instrument.
    pub instrument: InstrumentId,
    /// Exchange time.
    pub time: Timestamp,
    /// Bids, best first.
    pub bids: Vec<Level>,
    /// Asks, best first.
    pub asks: Vec<Level>,
}

/// What surrounds the trading of a perpetual.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Context {
    /// Instrument.
    pub instrument: InstrumentId,
    /// Exchange time.
    pub time: Timestamp,
    /// Mark price: margin and liquidation go by it.
    pub mark_price: Price,
    /// Oracle price of the underlying.
    pub oracle_price: Option<Price>,
    /// Current hourly funding rate, a fraction.
    pub funding_rate: Option<Decimal>,
    /// Open interest in the base asset.
    pub open_interest: Option<Decimal>,
}

/// A feed that can fall silent or have holes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Feed {
    /// Candles of a series.
    Candles(SeriesId),
    /// Trades of an instrument.
    Trades(InstrumentId),
    /// Quotes of an instrument.
    Quotes(InstrumentId),
    /// Book of an instrument.
    Book(InstrumentId),
    /// Mark price and its kin.
    Context(InstrumentId),
    /// The connection to the exchange as a whole.
    Connection,
}

/// What happened to a feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FeedChange {
    /// Nothing new for longer than it may be silent.
    Stale,
    /// A stretch is missing and will not come.
    Gap {
        /// Start of the stretch (of candles: open time of the first missing one).
        start: Timestamp,
        /// End of the stretch (of candles: open time of the first one there again).
        end: Timestamp,
        /// How many candles are missing; 0 where it cannot be known.
        missing: u32,
    },
    /// It flows again.
    Recovered,
    /// The connection is lost.
    Lost,
    /// The connection is back, and the account reconciled.
    Restored,
}

/// What the market data brings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MarketEvent {
    /// A candle closed.
    ///
    /// History comes the same way, oldest first: right behind the answer with which a strategy asked for it, and before anything
    /// newer of the series, which is how it is told from what happens now.
    Candle {
        /// Which series.
        series: SeriesId,
        /// The candle.
        candle: Candle,
    },
    /// Somebody traded.
    Trade(Trade),
    /// The best bid or offer changed.
    Quote(Quote),
    /// A book snapshot.
    Book(Box<Book>),
    /// Mark price, oracle, funding rate or open interest changed.
    Context(Box<Context>),
    /// A feed changed its state.
    Feed {
        /// Which.
        feed: Feed,
        /// How.
        change: FeedChange,
    },
}

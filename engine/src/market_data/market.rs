//! Everything that can be had of an exchange: which instruments there are, and which feed a stream is made of.

use super::wanted::{Source, source_of};
use crate::bus::{StreamName, Topic};
use calypte_kernel::{Feed, InstrumentId, SeriesId, SeriesInfo, Symbol, Timeframe};
use std::collections::BTreeMap;

/// Instruments of an exchange, with a series of minutes for each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Market {
    symbols: Vec<Symbol>,
    by_symbol: BTreeMap<Symbol, u32>,
}

impl Market {
    /// Of these instruments, numbered in this order.
    pub fn new(symbols: Vec<Symbol>) -> Self {
        let by_symbol = symbols.iter().cloned().zip(0..).collect();
        Self { symbols, by_symbol }
    }

    /// The instruments.
    pub fn symbols(&self) -> &[Symbol] {
        &self.symbols
    }

    /// The minutes of each instrument, numbered as the instruments are.
    pub fn series(&self) -> Vec<SeriesInfo> {
        let numbers = 0..u32::try_from(self.symbols.len()).unwrap_or(u32::MAX);
        let minutes = |number| SeriesInfo {
            id: SeriesId::new(number),
            instrument: InstrumentId::new(number),
            timeframe: Timeframe::MINUTE,
        };
        numbers.map(minutes).collect()
    }

    /// Whether the instrument of a stream is traded.
    pub fn trades(&self, stream: &StreamName) -> bool {
        self.by_symbol.contains_key(stream.symbol())
    }

    /// The feed that a stream is made of; none: of an instrument that is not traded, or of other streams.
    pub fn feed(&self, stream: &StreamName) -> Option<Feed> {
        let number = *self.by_symbol.get(stream.symbol())?;
        let instrument = InstrumentId::new(number);
        Some(match (stream.topic(), source_of(stream)) {
            (Topic::Candles(_), Source::Exchange) => Feed::Candles(SeriesId::new(number)),
            (Topic::Candles(_), _) => return None,
            (Topic::Trades, _) => Feed::Trades(instrument),
            (Topic::Quotes, _) => Feed::Quotes(instrument),
            (Topic::Book, _) => Feed::Book(instrument),
            (Topic::Context, _) => Feed::Context(instrument),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_made_of_the_feed_of_its_instrument() {
        let market = Market::new(vec!["BTC".parse().expect("a symbol"), "ETH".parse().expect("a symbol")]);
        let feed = |stream: &str| market.feed(&stream.parse().expect("a stream"));
        assert_eq!(feed("md.ETH.1m"), Some(Feed::Candles(SeriesId::new(1))));
        assert_eq!(feed("md.BTC.quotes"), Some(Feed::Quotes(InstrumentId::new(0))));
        assert_eq!(feed("md.BTC.5m"), None, "it is made of minutes");
        assert_eq!(feed("md.SOL.trades"), None, "nobody trades it there");
        assert_eq!(market.series()[1].instrument, InstrumentId::new(1));
    }
}

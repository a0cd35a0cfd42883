//! `--data SYMBOL:TIMEFRAME=FILE`, and `--data SYMBOL:trades=FILE` with `quotes`, `book` and `funding` beside it.

use super::models::TickSpec;
use calypte_kernel::{NotASymbol, NotATimeframe, Symbol, Timeframe};
use calypte_sim::TickKind;
use std::path::PathBuf;
use std::str::FromStr;

/// A candle series and its file, as written on the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataSpec {
    /// The instrument.
    pub symbol: Symbol,
    /// Length of a candle.
    pub timeframe: Timeframe,
    /// The file.
    pub file: PathBuf,
}

/// What `--data` takes: candles, or trades, quotes, books or funding rates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DataArgument {
    /// Candles.
    Candles(DataSpec),
    /// Ticks.
    Ticks(TickSpec),
}

impl FromStr for DataArgument {
    type Err = NotADataSpec;

    fn from_str(text: &str) -> Result<Self, NotADataSpec> {
        let parts = text.split_once('=').and_then(|(series, file)| Some((series.rsplit_once(':')?, file)));
        let Some(((symbol, kind), file)) = parts.filter(|(_, file)| !file.is_empty()) else {
            return text.parse().map(Self::Candles);
        };
        let kind = match kind {
            "trades" => TickKind::Trades,
            "quotes" => TickKind::Quotes,
            "book" => TickKind::Book,
            "funding" => TickKind::Funding,
            _ => return text.parse().map(Self::Candles),
        };
        Ok(Self::Ticks(TickSpec { symbol: symbol.parse()?, kind, file: PathBuf::from(file) }))
    }
}

/// A text that is not `SYMBOL:TIMEFRAME=FILE`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotADataSpec {
    /// A part is missing.
    #[error("write SYMBOL:TIMEFRAME=FILE, such as BTC:1m=candles.csv.gz")]
    Shape,
    /// The symbol.
    #[error(transparent)]
    Symbol(#[from] NotASymbol),
    /// The timeframe.
    #[error(transparent)]
    Timeframe(#[from] NotATimeframe),
}

impl FromStr for DataSpec {
    type Err = NotADataSpec;

    fn from_str(text: &str) -> Result<Self, NotADataSpec> {
        let (series, file) = text.split_once('=').ok_or(NotADataSpec::Shape)?;
        // The last colon, so that a builder's market (`xyz:NAME:1m`) is refused as what it is.
        let (symbol, timeframe) = series.rsplit_once(':').ok_or(NotADataSpec::Shape)?;
        if file.is_empty() {
            return Err(NotADataSpec::Shape);
        }
        Ok(Self { symbol: symbol.parse()?, timeframe: timeframe.parse()?, file: PathBuf::from(file) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_series_and_its_file() {
        let spec: DataSpec = "BTC-PERP:15m=dir/a=b.csv".parse().expect("a spec");
        assert_eq!((spec.symbol.as_str(), spec.timeframe.as_millis()), ("BTC", 900_000));
        assert_eq!(spec.file, PathBuf::from("dir/a=b.csv"));
    }

    #[test]
    fn ticks_have_their_kind_for_a_timeframe() {
        let argument = |text: &str| text.parse::<DataArgument>();
        let ticks = |kind, file: &str| TickSpec { symbol: "BTC".parse().expect("BTC"), kind, file: PathBuf::from(file) };
        assert_eq!(argument("BTC:trades=a.csv"), Ok(DataArgument::Ticks(ticks(TickKind::Trades, "a.csv"))));
        assert_eq!(argument("BTC:funding=a.csv"), Ok(DataArgument::Ticks(ticks(TickKind::Funding, "a.csv"))));
        assert_eq!(argument("BTC-PERP:book=a=b.csv"), Ok(DataArgument::Ticks(ticks(TickKind::Book, "a=b.csv"))));
        assert!(matches!(argument("BTC:1m=a.csv"), Ok(DataArgument::Candles(_))));
        assert_eq!(argument("BTC:trades="), Err(NotADataSpec::Shape));
        assert!(matches!(argument("BTC:ticks=a.csv"), Err(NotADataSpec::Timeframe(_))));
    }

    #[test]
    fn what_is_missing_is_named() {
        for text in ["", "BTC", "BTC:1m", "BTC=x.csv", "BTC:1m="] {
            assert_eq!(text.parse::<DataSpec>(), Err(NotADataSpec::Shape), "{text}");
        }
        assert!(matches!("B C:1m=x".parse::<DataSpec>(), Err(NotADataSpec::Symbol(NotASymbol::Malformed(_)))));
        assert!(matches!("xyz:GOLD:1m=x".parse::<DataSpec>(), Err(NotADataSpec::Symbol(NotASymbol::Builder(_)))));
        assert!(matches!("BTC:1y=x".parse::<DataSpec>(), Err(NotADataSpec::Timeframe(_))));
    }
}

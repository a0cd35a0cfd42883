//! `--data SYMBOL:TIMEFRAME=FILE`.

use calypte_kernel::{NotASymbol, NotATimeframe, Symbol, Timeframe};
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
    fn what_is_missing_is_named() {
        for text in ["", "BTC", "BTC:1m", "BTC=x.csv", "BTC:1m="] {
            assert_eq!(text.parse::<DataSpec>(), Err(NotADataSpec::Shape), "{text}");
        }
        assert!(matches!("B C:1m=x".parse::<DataSpec>(), Err(NotADataSpec::Symbol(NotASymbol::Malformed(_)))));
        assert!(matches!("xyz:GOLD:1m=x".parse::<DataSpec>(), Err(NotADataSpec::Symbol(NotASymbol::Builder(_)))));
        assert!(matches!("BTC:1y=x".parse::<DataSpec>(), Err(NotADataSpec::Timeframe(_))));
    }
}

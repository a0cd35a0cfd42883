//! Names on the bus, checked once.

use super::limits::NAME_BYTES_MAX;
use calypte_kernel::{NotASymbol, NotATimeframe, Symbol, Timeframe};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// What every stream of market data begins with.
const PREFIX: &str = "md.";

/// What a stream of an instrument brings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Topic {
    /// Closed candles of a length.
    Candles(Timeframe),
    /// Public trades.
    Trades,
    /// Best bid and offer.
    Quotes,
    /// Book snapshots.
    Book,
    /// Mark price and its kin.
    Context,
}

impl fmt::Display for Topic {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Candles(timeframe) => timeframe.fmt(formatter),
            Self::Trades => formatter.write_str("trades"),
            Self::Quotes => formatter.write_str("quotes"),
            Self::Book => formatter.write_str("book"),
            Self::Context => formatter.write_str("context"),
        }
    }
}

impl FromStr for Topic {
    type Err = NotATimeframe;

    fn from_str(text: &str) -> Result<Self, NotATimeframe> {
        Ok(match text {
            "trades" => Self::Trades,
            "quotes" => Self::Quotes,
            "book" => Self::Book,
            "context" => Self::Context,
            _ => Self::Candles(text.parse()?),
        })
    }
}

/// A stream: `md.BTC.1m`, `md.kPEPE.trades`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamName(Arc<Parts>);

#[derive(PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Parts {
    text: String,
    symbol: Symbol,
    topic: Topic,
}

/// A text that is not the name of a stream.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotAStream {
    /// Its shape is another.
    #[error("{0:?} is not a stream: write md.<symbol>.<timeframe>, or md.<symbol>. and trades, quotes, book or context")]
    Shape(String),
    /// It names no symbol.
    #[error("the stream names no symbol")]
    Symbol(#[from] NotASymbol),
    /// It brings nothing that there is.
    #[error("{0:?} is neither trades, quotes, book, context nor a timeframe such as 1m")]
    Topic(String),
}

impl StreamName {
    /// The stream of an instrument that brings something.
    pub fn new(symbol: &Symbol, topic: Topic) -> Self {
        Self(Arc::new(Parts { text: format!("{PREFIX}{symbol}.{topic}"), symbol: symbol.clone(), topic }))
    }

    /// Its name.
    pub fn as_str(&self) -> &str {
        &self.0.text
    }

    /// Whose data it brings.
    pub fn symbol(&self) -> &Symbol {
        &self.0.symbol
    }

    /// What it brings.
    pub fn topic(&self) -> Topic {
        self.0.topic
    }
}

impl FromStr for StreamName {
    type Err = NotAStream;

    /// Reads a name as it is written, and no other way of writing the same.
    fn from_str(text: &str) -> Result<Self, NotAStream> {
        let shape = || NotAStream::Shape(cut(text));
        let rest = text.strip_prefix(PREFIX).ok_or_else(shape)?;
        let (symbol, topic) = rest.split_once('.').ok_or_else(shape)?;
        let name = Self::new(&symbol.parse()?, topic.parse().map_err(|_| NotAStream::Topic(cut(topic)))?);
        if name.as_str() == text { Ok(name) } else { Err(shape()) }
    }
}

impl fmt::Display for StreamName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0.text)
    }
}

impl fmt::Debug for StreamName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0.text)
    }
}

/// A text that is not a name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a name: write at most {NAME_BYTES_MAX} letters, digits, dots, dashes and underscores")]
pub struct NotAName(String);

macro_rules! name {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Its text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = NotAName;

            fn from_str(text: &str) -> Result<Self, NotAName> {
                if is_name(text) { Ok(Self(text.into())) } else { Err(NotAName(cut(text))) }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(&self.0)
            }
        }
    };
}

name! {
    /// Those who read a stream together, each entry going to one of them: one group per user engine.
    GroupName
}
name! {
    /// One reader in a group.
    ConsumerName
}
name! {
    /// Who wants something or holds a lease. No two processes share one.
    HolderName
}
name! {
    /// What only one process may do at a time: publish market data, trade an account.
    LeaseName
}
name! {
    /// A service that says that it is alive.
    ServiceName
}

fn is_name(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    !text.is_empty() && text.len() <= NAME_BYTES_MAX && text.bytes().all(allowed)
}

/// What an error repeats of a text that somebody else wrote.
fn cut(text: &str) -> String {
    text.chars().take(NAME_BYTES_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_has_one_name() {
        for text in ["md.BTC.1m", "md.kPEPE.4h", "md.BTC.trades", "md.BTC.quotes", "md.BTC.book", "md.BTC.context"] {
            assert_eq!(text.parse::<StreamName>().expect(text).to_string(), text);
        }
        // The second ways of writing a symbol and a timeframe would be second streams.
        for text in ["", "BTC.1m", "md.BTC", "md.BTC-PERP.1m", "md.BTC.60s", "md.x:Y.1m", "md.BTC.1y", "md.BTC.1m.2", "md..1m"]
        {
            assert!(text.parse::<StreamName>().is_err(), "{text}");
        }
    }

    #[test]
    fn names_hold_nothing_that_separates() {
        assert_eq!("engine-1.a_B".parse::<GroupName>().expect("a name").as_str(), "engine-1.a_B");
        let long = "x".repeat(NAME_BYTES_MAX + 1);
        for text in ["", "a b", "a:b", "a\n", "é", long.as_str()] {
            assert!(text.parse::<GroupName>().is_err(), "{text}");
        }
    }
}

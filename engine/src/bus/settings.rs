//! Settings of a bus. An address holds a password: it shows itself without.

use super::error::Misconfiguration;
use super::{StreamName, Topic};
use redis::IntoConnectionInfo as _;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

/// About how many entries each stream keeps; older ones are trimmed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Of candles: 10 000 minutes are a week.
    pub candles: u64,
    /// Of trades.
    pub trades: u64,
    /// Of quotes.
    pub quotes: u64,
    /// Of book snapshots, which are large and age fast.
    pub books: u64,
    /// Of contexts.
    pub contexts: u64,
}

impl Default for Retention {
    fn default() -> Self {
        Self { candles: 10_000, trades: 100_000, quotes: 50_000, books: 2_000, contexts: 10_000 }
    }
}

impl Retention {
    /// The same number of every topic.
    pub const fn of_each(entries: u64) -> Self {
        Self { candles: entries, trades: entries, quotes: entries, books: entries, contexts: entries }
    }

    /// How many a stream keeps; at least one, which tells a publisher after its restart where it was.
    pub fn of(&self, stream: &StreamName) -> u64 {
        let entries = match stream.topic() {
            Topic::Candles(_) => self.candles,
            Topic::Trades => self.trades,
            Topic::Quotes => self.quotes,
            Topic::Book => self.books,
            Topic::Context => self.contexts,
        };
        entries.max(1)
    }
}

/// The address of a server: `redis://`, `rediss://` (TLS) or `unix://`, with name and password where it wants them.
#[derive(Clone, PartialEq, Eq)]
pub struct BusUrl {
    /// As it was written, with the password.
    text: String,
    /// Host, port and database.
    shown: String,
}

impl FromStr for BusUrl {
    type Err = Misconfiguration;

    fn from_str(text: &str) -> Result<Self, Misconfiguration> {
        // The client's own words may repeat the address.
        let info = text.into_connection_info().map_err(|_| Misconfiguration::Address)?;
        let database = match info.redis_settings().db() {
            0 => String::new(),
            database => format!("/{database}"),
        };
        Ok(Self { text: text.to_owned(), shown: format!("{}{database}", info.addr()) })
    }
}

impl BusUrl {
    /// As it was written, with the password: for the client alone.
    pub(super) fn secret(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for BusUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.shown)
    }
}

impl fmt::Debug for BusUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.shown)
    }
}

/// Files for TLS, in PEM.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TlsFiles {
    /// Whom to trust instead of the system's list.
    pub authorities: Option<PathBuf>,
    /// Our own certificate and its key, where the server asks for one.
    pub client: Option<(PathBuf, PathBuf)>,
}

/// How a server is reached and used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedisSettings {
    /// Where it is.
    pub url: BusUrl,
    /// Certificates, for `rediss://`.
    pub tls: TlsFiles,
    /// What each stream keeps.
    pub retention: Retention,
    /// Longest that a connection may take to be made.
    pub connect_timeout: Duration,
    /// Longest that an answer may take, on top of what a read waits.
    pub answer_timeout: Duration,
}

impl RedisSettings {
    /// The usual ones for an address.
    pub fn new(url: BusUrl) -> Self {
        Self {
            url,
            tls: TlsFiles::default(),
            retention: Retention::default(),
            connect_timeout: Duration::from_secs(2),
            answer_timeout: Duration::from_secs(2),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_keeps_its_password_to_itself() {
        let url: BusUrl = "rediss://me:s3cret@cache.example:6380/3".parse().expect("an address");
        assert_eq!(format!("{url} {url:?}"), "cache.example:6380/3 cache.example:6380/3");
        assert!(!format!("{:?}", RedisSettings::new(url)).contains("s3cret"));
        for text in ["", "redis", "http://me:s3cret@host", "redis://me:s3cret@host:port", "redis://host/x"] {
            let error = text.parse::<BusUrl>().expect_err(text);
            assert!(!format!("{error} {error:?}").contains("s3cret"));
        }
    }

    #[test]
    fn a_stream_keeps_something() {
        let stream = "md.BTC.trades".parse().expect("a stream");
        assert_eq!(Retention::of_each(0).of(&stream), 1);
        assert_eq!(Retention::default().of(&stream), 100_000);
    }
}

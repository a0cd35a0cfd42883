//! The bus: one battery for both of its implementations, and what only a real server can do to us.

mod differences;
mod faults;
mod groups;
mod guide;
mod office;
mod publishing;
mod server;

use calypte::bus::{
    Bus, BusUrl, ConsumerName, Entry, EntryId, Fields, GroupName, MemoryBus, NewEntry, ReadLimit, RedisBus, RedisSettings,
    Retention, StreamName, Topic,
};
use calypte_kernel::Timeframe;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tests::RedisServer;

/// Longest that a test waits for something that has to happen.
const PATIENCE: Duration = Duration::from_secs(20);
/// How often it looks.
const LOOK_EVERY: Duration = Duration::from_millis(2);

/// Runs each test once on each implementation.
macro_rules! battery {
    ($($test:ident),+ $(,)?) => {
        mod in_memory {
            $(#[tokio::test] async fn $test() { super::$test($crate::bus::Kind::Memory).await; })+
        }
        mod on_redis {
            $(#[tokio::test] async fn $test() { super::$test($crate::bus::Kind::Redis).await; })+
        }
    };
}
pub(crate) use battery;

/// Which implementation is tested.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind {
    Memory,
    Redis,
}

/// A bus under test, with the server behind it.
pub(crate) struct Bench {
    pub(crate) bus: Arc<dyn Bus>,
    _server: Option<RedisServer>,
}

impl Kind {
    /// An empty bus; none where there is no server to be had, which is said.
    #[track_caller]
    pub(crate) fn bench(self, retention: Retention) -> impl Future<Output = Option<Bench>> {
        let server = match self {
            Self::Memory => None,
            Self::Redis => Some(RedisServer::start(&[])),
        };
        async move {
            let Some(server) = server else {
                return Some(Bench { bus: Arc::new(MemoryBus::new(retention)), _server: None });
            };
            let server = server?;
            let bus = connect(&server, retention).await;
            Some(Bench { bus: Arc::new(bus), _server: Some(server) })
        }
    }
}

/// Settings for a server that is ours: it answers fast or not at all.
pub(crate) fn settings(server: &RedisServer, retention: Retention) -> RedisSettings {
    let url: BusUrl = server.url().parse().expect("it has an address");
    RedisSettings { retention, ..RedisSettings::new(url) }
}

pub(crate) async fn connect(server: &RedisServer, retention: Retention) -> RedisBus {
    RedisBus::connect(settings(server, retention)).await.expect("the server takes us")
}

/// Waits until something holds.
pub(crate) async fn eventually<F: Future<Output = bool>>(what: &str, mut holds: impl FnMut() -> F) {
    let mut ticks = tokio::time::interval(LOOK_EVERY);
    let waiting = async {
        while !holds().await {
            ticks.tick().await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.unwrap_or_else(|_| panic!("it never happened: {what}"));
}

/// Minutes of an instrument.
pub(crate) fn minutes(symbol: &str) -> StreamName {
    StreamName::new(&symbol.parse().expect("a symbol"), Topic::Candles(Timeframe::MINUTE))
}

pub(crate) fn group(name: &str) -> GroupName {
    name.parse().expect("a name")
}

pub(crate) fn consumer(name: &str) -> ConsumerName {
    name.parse().expect("a name")
}

/// The entry of a number, its id the number's thousandfold.
pub(crate) fn entry(stream: &StreamName, number: u64) -> NewEntry {
    let mut fields = Fields::default();
    fields.push("text", format!("{stream} {number}")).expect("it is short");
    NewEntry { stream: stream.clone(), id: id(number), number, fields }
}

pub(crate) fn entries(stream: &StreamName, numbers: impl IntoIterator<Item = u64>) -> Vec<NewEntry> {
    numbers.into_iter().map(|number| entry(stream, number)).collect()
}

/// The id that [`entry`] gives a number.
pub(crate) const fn id(number: u64) -> EntryId {
    EntryId::new(number * 1_000, 0)
}

/// The numbers of entries, all of them sound.
pub(crate) fn numbers(entries: &[Entry]) -> Vec<u64> {
    let number = |entry: &Entry| entry.content.as_ref().expect("it is sound").number;
    entries.iter().map(number).collect()
}

/// So many at once, without waiting.
pub(crate) const fn now(entries: usize) -> ReadLimit {
    ReadLimit { entries, wait: Duration::ZERO }
}

//! Accounts attached to a hub over a bus in memory: what they are brought, and when it is acknowledged.

use super::feeds::Lane;
use super::hub::{Attach, Command, Hub};
use super::{EngineSettings, HubTally};
use crate::bus::limits::{PUBLISH_MAX, READ_MAX};
use crate::bus::{Bus, GroupName, MemoryBus, Retention, StreamName, Streams as _, Topic};
use crate::health::Vitals;
use crate::live::News;
use crate::market_data::Publisher;
use crate::notify::Notifier;
use calypte_kernel::{Candle, Decimal, Feed, FeedChange, MarketEvent, Price, SeriesId, Timeframe, Timestamp};
use calypte_venues::ambient::{Ambient, Machine};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

/// Longest that a test waits for something that has to happen.
const PATIENCE: Duration = Duration::from_secs(20);
/// The series by the account's own number, which is not the stream's.
const SERIES: SeriesId = SeriesId::new(7);

struct Bench {
    bus: Arc<MemoryBus>,
    stream: StreamName,
    publisher: Publisher,
    commands: mpsc::Sender<Command>,
    ties: Vec<oneshot::Receiver<std::convert::Infallible>>,
}

impl Bench {
    fn new() -> Self {
        Self::keeping(Retention::default())
    }

    fn keeping(retention: Retention) -> Self {
        let bus = Arc::new(MemoryBus::new(retention));
        let settings = EngineSettings::new("engine-1".parse().expect("a name"));
        let vitals = Vitals::new("engine", Timeframe::MINUTE, []);
        let shared = Arc::clone(&bus) as Arc<dyn Bus>;
        let notifier = Notifier::silent(vitals.metrics.clone());
        let (hub, commands) = Hub::new(shared, &settings, Arc::new(Machine), (Arc::new(HubTally::default()), vitals), notifier);
        tokio::spawn(hub.run());
        let stream = StreamName::new(&"BTC".parse().expect("a symbol"), Topic::Candles(Timeframe::MINUTE));
        let mut publisher = Publisher::default();
        publisher.begin(Machine.now(), Feed::Candles(SeriesId::new(0)), &stream, None);
        Self { bus, stream, publisher, commands, ties: Vec::new() }
    }

    /// Writes minutes to the stream.
    async fn publish(&mut self, minutes: impl IntoIterator<Item = i64>) {
        let now = Machine.now();
        for minute in minutes {
            let price = Price::new(Decimal::from(100 + minute)).expect("positive");
            let (open, high, low, close) = (price, price, price, price);
            let open_time = Timestamp::from_millis(minute * 60_000);
            let candle = Candle { open_time, open, high, low, close, volume: Decimal::ONE };
            let event = MarketEvent::Candle { series: SeriesId::new(0), candle };
            self.publisher.take(now, now, &event).expect("there is room");
        }
        loop {
            let entries = self.publisher.waiting(PUBLISH_MAX).to_vec();
            if entries.is_empty() {
                return;
            }
            self.bus.publish(&entries, None).await.expect("memory takes it");
            self.publisher.written(entries.len());
        }
    }

    /// An account that knows candles up to a minute.
    async fn attach(&mut self, account: usize, known: Option<i64>) -> mpsc::Receiver<News> {
        let (news, told) = mpsc::channel(64);
        let (tie, tied) = oneshot::channel();
        self.ties.push(tied);
        let known = known.map(|minute| Timestamp::from_millis(minute * 60_000));
        let lanes = vec![Lane { stream: self.stream.clone(), feed: Feed::Candles(SERIES), known }];
        let attach = Attach { account, news, lanes, prices: None, since: None, tie };
        self.commands.send(Command::Attach(attach)).await.expect("the hub runs");
        told
    }

    /// Waits until whoever was attached listens.
    async fn attached(&self) {
        // Commands are taken in their order.
        self.commands.send(Command::Detach(99)).await.expect("the hub runs");
        while self.commands.capacity() < self.commands.max_capacity() {
            tokio::task::yield_now().await;
        }
    }

    async fn pending(&self) -> u64 {
        let group: GroupName = "engine-1".parse().expect("a name");
        self.bus.group_state(&self.stream, &group).await.expect("the group is there").pending
    }

    /// Waits until so many entries are handed out and not acknowledged.
    async fn pending_becomes(&self, count: u64) {
        let waiting = async {
            while self.pending().await != count {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, waiting).await.unwrap_or_else(|_| panic!("{count} entries never were out"));
    }
}

async fn next(told: &mut mpsc::Receiver<News>) -> News {
    tokio::time::timeout(PATIENCE, told.recv()).await.expect("something comes").expect("the hub runs")
}

/// The minute of a candle, in the account's own numbers.
fn minute(news: &News) -> i64 {
    match news {
        News::Market(MarketEvent::Candle { series: SERIES, candle })
        | News::Read(MarketEvent::Candle { series: SERIES, candle }, _) => candle.open_time.as_millis() / 60_000,
        other => panic!("{other:?} is no candle of the account"),
    }
}

#[tokio::test]
async fn an_account_is_brought_what_it_missed_and_then_each_new_candle_once() {
    let mut bench = Bench::new();
    bench.publish(1..=5).await;
    let mut told = bench.attach(0, Some(2)).await;
    for expected in 3..=5 {
        assert_eq!(minute(&next(&mut told).await), expected);
    }
    bench.publish(6..=7).await;
    for expected in 6..=7 {
        let news = next(&mut told).await;
        assert_eq!(minute(&news), expected);
        assert!(matches!(news, News::Read(..)), "it came with an entry");
    }
}

#[tokio::test]
async fn an_account_that_missed_more_than_one_read_brings_is_brought_all_of_it() {
    let mut bench = Bench::keeping(Retention::of_each(2 * READ_MAX as u64));
    let missed = i64::try_from(READ_MAX).expect("it is small") + 50;
    bench.publish(1..=missed).await;
    let mut told = bench.attach(0, Some(0)).await;
    for expected in 1..=missed {
        assert_eq!(minute(&next(&mut told).await), expected);
    }
    bench.publish([missed + 1]).await;
    assert_eq!(minute(&next(&mut told).await), missed + 1);
}

#[tokio::test]
async fn what_an_account_knows_is_not_heard_again_where_the_bus_forgot_it() {
    let mut bench = Bench::new();
    let mut told = bench.attach(0, Some(5)).await;
    bench.attached().await;
    bench.publish(1..=7).await;
    assert_eq!((minute(&next(&mut told).await), minute(&next(&mut told).await)), (6, 7));
}

#[tokio::test]
async fn what_the_stream_no_longer_has_is_a_gap() {
    let mut bench = Bench::new();
    bench.publish(5..=6).await;
    let mut told = bench.attach(0, Some(2)).await;
    let News::Market(MarketEvent::Feed { feed, change: FeedChange::Gap { missing, .. } }) = next(&mut told).await else {
        panic!("minutes 3 and 4 are missing");
    };
    assert_eq!((feed, missing), (Feed::Candles(SERIES), 2));
    assert_eq!((minute(&next(&mut told).await), minute(&next(&mut told).await)), (5, 6));
}

#[tokio::test]
async fn an_entry_is_acknowledged_once_every_account_has_it() {
    let mut bench = Bench::new();
    let mut one = bench.attach(0, None).await;
    let mut other = bench.attach(1, None).await;
    bench.attached().await;
    bench.publish([1]).await;
    let (News::Read(_, first), News::Read(_, second)) = (next(&mut one).await, next(&mut other).await) else {
        panic!("both are brought the entry");
    };
    first.journalled();
    bench.pending_becomes(1).await;
    second.journalled();
    bench.pending_becomes(0).await;
}

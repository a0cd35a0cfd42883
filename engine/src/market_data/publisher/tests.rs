//! What is written: once, in order, with holes said; also by a service that starts again.

use super::*;
use crate::bus::{Content, MemoryBus, Published, Retention, Streams as _};
use calypte_kernel::{Decimal, InstrumentId, Price, SeriesId, Side, Size, Trade};

const MINUTES: Feed = Feed::Candles(SeriesId::new(0));
const TRADES: Feed = Feed::Trades(InstrumentId::new(0));
const MINUTE: i64 = 60_000;
/// The minute in which tests begin: 5 minutes begin with it, and an hour.
const FIRST: i64 = 28_000_020;

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

fn minutes() -> StreamName {
    "md.BTC.1m".parse().expect("a stream")
}

fn fives() -> StreamName {
    "md.BTC.5m".parse().expect("a stream")
}

fn trades() -> StreamName {
    "md.BTC.trades".parse().expect("a stream")
}

/// The candle of a minute, counted from the first.
fn candle(minute: i64) -> Candle {
    let price = |units: i64| Price::new(Decimal::new(units, 1)).expect("it is positive");
    Candle {
        open_time: at((FIRST + minute) * MINUTE),
        open: price(1_000 + minute),
        high: price(1_010 + minute),
        low: price(990 + minute),
        close: price(1_001 + minute),
        volume: Decimal::ONE,
    }
}

fn close(minute: i64) -> Timestamp {
    at((FIRST + minute + 1) * MINUTE)
}

fn trade(time: i64) -> MarketEvent {
    let (price, size) = (Price::new(Decimal::TEN).expect("positive"), Size::new(Decimal::ONE).expect("positive"));
    MarketEvent::Trade(Trade { instrument: InstrumentId::new(0), time: at(time), price, size, taker: Side::Buy })
}

fn closed(publisher: &mut Publisher, minute: i64) {
    let now = close(minute).saturating_add(7);
    let event = MarketEvent::Candle { series: SeriesId::new(0), candle: candle(minute) };
    publisher.take(now, now, &event).expect("there is room");
}

/// A line for each entry: stream, id, number, kind and what of it matters.
fn lines(entries: &[NewEntry]) -> Vec<String> {
    let relative = |millis: &str| millis.parse::<i64>().expect("a time") / MINUTE - FIRST;
    let line = |entry: &NewEntry| {
        let content = Content { number: entry.number, fields: entry.fields.clone() };
        MarketEntry::read(&content, entry.stream.topic()).expect("what is written can be read");
        let of = |name| relative(entry.fields.need(name).expect("it is there"));
        let what = match entry.fields.need("kind").expect("it is there") {
            "candle" => format!("candle {}", of("open_time")),
            "gap" => format!("gap {}..{} {}", of("start"), of("end"), entry.fields.need("missing").expect("it is there")),
            other => other.to_owned(),
        };
        let id = i64::try_from(entry.id.millis).expect("small") / MINUTE - FIRST;
        format!("{} {id}-{} #{} {what}", entry.stream, entry.id.sequence, entry.number)
    };
    entries.iter().map(line).collect()
}

fn drain(publisher: &mut Publisher) -> Vec<String> {
    let waiting = publisher.waiting(usize::MAX);
    let (lines, count) = (lines(waiting), waiting.len());
    publisher.written(count);
    assert!(publisher.waiting(1).is_empty());
    lines
}

fn begun() -> Publisher {
    let mut publisher = Publisher::default();
    publisher.begin(close(-1), MINUTES, &minutes(), None);
    publisher.derive(close(-1), &minutes(), "5m".parse().expect("a timeframe"), None, &[]).expect("minutes make them");
    publisher
}

#[test]
fn candles_have_the_time_of_their_close_and_longer_ones_follow() {
    let mut publisher = begun();
    (0..6).for_each(|minute| closed(&mut publisher, minute));
    assert_eq!(
        drain(&mut publisher),
        [
            "md.BTC.1m 1-0 #1 candle 0",
            "md.BTC.1m 2-0 #2 candle 1",
            "md.BTC.1m 3-0 #3 candle 2",
            "md.BTC.1m 4-0 #4 candle 3",
            "md.BTC.1m 5-0 #5 candle 4",
            "md.BTC.5m 5-0 #1 candle 0",
            "md.BTC.1m 6-0 #6 candle 5",
        ]
    );
    assert_eq!(publisher.after(&minutes()), Some(candle(5).open_time));
    assert_eq!(publisher.after(&fives()), Some(candle(0).open_time));
}

#[test]
fn a_candle_twice_is_written_once_and_a_hole_is_said() {
    let mut publisher = begun();
    for minute in [0, 1, 1, 0, 4] {
        closed(&mut publisher, minute);
    }
    // A gap that the connector tells takes the place of the last candle missing, so that one who turns up late is not written.
    let change = FeedChange::Gap { start: candle(5).open_time, end: candle(7).open_time, missing: 2 };
    let gap = MarketEvent::Feed { feed: MINUTES, change };
    publisher.take(close(7), close(7), &gap).expect("there is room");
    for minute in [6, 7] {
        closed(&mut publisher, minute);
    }
    assert_eq!(
        drain(&mut publisher),
        [
            "md.BTC.1m 1-0 #1 candle 0",
            "md.BTC.1m 2-0 #2 candle 1",
            "md.BTC.1m 4-0 #3 gap 2..4 2",
            "md.BTC.1m 5-0 #4 candle 4",
            "md.BTC.5m 5-0 #1 candle 0",
            "md.BTC.1m 7-0 #5 gap 5..7 2",
            "md.BTC.1m 8-0 #6 candle 7",
        ]
    );
    assert_eq!(publisher.tally().repeated, 3);
}

#[test]
fn a_stream_that_ends_while_entries_wait_begins_again_after_what_is_on_the_bus() {
    let mut publisher = begun();
    closed(&mut publisher, 0);
    let first = publisher.waiting(1)[0].clone();
    publisher.written(1);
    (1..5).for_each(|minute| closed(&mut publisher, minute));
    publisher.end(&minutes());
    assert_eq!(drain(&mut publisher), ["md.BTC.5m 5-0 #1 candle 0"], "what waits of others stays");
    publisher.begin(close(4), MINUTES, &minutes(), Last::of(&[Entry::from(first)]));
    assert_eq!(publisher.after(&minutes()), Some(candle(0).open_time));
    (1..3).for_each(|minute| closed(&mut publisher, minute));
    assert_eq!(drain(&mut publisher), ["md.BTC.1m 2-0 #2 candle 1", "md.BTC.1m 3-0 #3 candle 2"]);
}

#[test]
fn heartbeats_leave_the_place_of_the_next_candle_free() {
    let mut publisher = begun();
    // Between two candles there is one at most, however short the silence that is asked for.
    publisher.heartbeat(close(-1).saturating_add(29_999), 1_000);
    assert_eq!(drain(&mut publisher), [""; 0]);
    closed(&mut publisher, 0);
    publisher.heartbeat(close(0).saturating_add(30_007), 1_000);
    assert_eq!(drain(&mut publisher)[1..], ["md.BTC.1m 1-1 #2 heartbeat"]);
    closed(&mut publisher, 1);
    publisher.heartbeat(close(1).saturating_add(30_007), 1_000);
    let stale = MarketEvent::Feed { feed: MINUTES, change: FeedChange::Stale };
    publisher.take(close(1).saturating_add(30_008), close(1), &stale).expect("there is room");
    closed(&mut publisher, 2);
    assert_eq!(
        drain(&mut publisher),
        [
            "md.BTC.1m 2-0 #3 candle 1".to_owned(),
            "md.BTC.1m 2-1 #4 heartbeat".to_owned(),
            format!("md.BTC.5m {}-1 #1 heartbeat", -FIRST),
            format!("md.BTC.5m {}-2 #2 stale", -FIRST),
            "md.BTC.1m 2-2 #5 stale".to_owned(),
            "md.BTC.1m 3-0 #6 candle 2".to_owned(),
        ]
    );
}

#[test]
fn trades_follow_each_other_and_none_is_from_the_future() {
    let mut publisher = Publisher::default();
    let start = FIRST * MINUTE;
    publisher.begin(at(start), TRADES, &trades(), None);
    for time in [start, start, start + 5, start + 3] {
        publisher.take(at(start + 10), at(start + 9), &trade(time)).expect("there is room");
    }
    let far = start + 100 * 365 * 24 * 60 * MINUTE;
    publisher.take(at(start + 10), at(start + 9), &trade(far)).expect("there is room");
    publisher
        .take(
            at(start + 10),
            at(start + 9),
            &MarketEvent::Trade(Trade {
                instrument: InstrumentId::new(9),
                ..match trade(start) {
                    MarketEvent::Trade(trade) => trade,
                    other => panic!("{other:?}"),
                }
            }),
        )
        .expect("there is room");
    let ids: Vec<_> =
        publisher.waiting(99).iter().map(|entry| (entry.id.millis - start.unsigned_abs(), entry.id.sequence)).collect();
    assert_eq!(ids, [(0, 0), (0, 1), (5, 0), (5, 1)]);
    assert_eq!(publisher.tally(), PublisherTally { absurd: 1, unknown: 1, ..PublisherTally::default() });
}

#[test]
fn what_waits_has_a_limit() {
    let mut publisher = Publisher::default();
    let start = FIRST * MINUTE;
    publisher.begin(at(start), TRADES, &trades(), None);
    let mut taken = 0;
    while publisher.take(at(start), at(start), &trade(start)).is_ok() {
        taken += 1;
    }
    assert_eq!(taken, WAITING_MAX);
    publisher.written(1);
    assert_eq!(publisher.take(at(start), at(start), &trade(start)), Ok(()));
}

/// Writes what waits, in pieces.
async fn flush(publisher: &mut Publisher, bus: &MemoryBus) -> Vec<Published> {
    let mut outcomes = Vec::new();
    loop {
        let waiting = publisher.waiting(3);
        if waiting.is_empty() {
            return outcomes;
        }
        let written = bus.publish(waiting, None).await.expect("memory answers");
        publisher.written(written.len());
        outcomes.extend(written);
    }
}

/// A service that begins with what is on the bus.
async fn started(bus: &MemoryBus, now: Timestamp) -> Publisher {
    let mut publisher = Publisher::default();
    let last = async |stream: StreamName| Last::of(&bus.newest(&stream, 10).await.expect("memory answers"));
    publisher.begin(now, MINUTES, &minutes(), last(minutes()).await);
    publisher.begin(now, TRADES, &trades(), last(trades()).await);
    let there = bus.range(&minutes(), EntryId::ZERO, EntryId::MAX, 10_000).await.expect("memory answers");
    let candles = there.iter().filter_map(|entry| {
        match MarketEntry::read(entry.content.as_ref().ok()?, entry.stream.topic()).ok()?.said {
            Said::Candle(candle) => Some(candle),
            _ => None,
        }
    });
    let (five, history) = ("5m".parse().expect("a timeframe"), candles.collect::<Vec<_>>());
    publisher.derive(now, &minutes(), five, last(fives()).await, &history).expect("minutes make them");
    publisher
}

/// All candles of a stream, by the minute in which they open, and gaps as -1. Numbers must be consecutive.
async fn written(bus: &MemoryBus, stream: &StreamName) -> Vec<i64> {
    let entries = bus.range(stream, EntryId::ZERO, EntryId::MAX, 10_000).await.expect("memory answers");
    let contents: Vec<_> = entries.iter().map(|entry| entry.content.clone().expect("it is sound")).collect();
    assert!(contents.iter().zip(1..).all(|(content, number)| content.number == number));
    let of = |content: &Content| match MarketEntry::read(content, stream.topic()).expect("it can be read").said {
        Said::Candle(candle) => Some(candle.open_time.as_millis() / MINUTE - FIRST),
        Said::Feed(FeedChange::Gap { .. }) => Some(-1),
        _ => None,
    };
    contents.iter().filter_map(of).collect()
}

#[tokio::test]
async fn a_service_that_ends_anywhere_and_starts_again_writes_each_candle_once() {
    // It is killed after each number of writes of the first run, with everything that it had not written.
    for killed_after in 0..20 {
        let bus = MemoryBus::new(Retention::default());
        let mut first = started(&bus, close(-1)).await;
        for minute in 0..13 {
            closed(&mut first, minute);
            first.heartbeat(close(minute).saturating_add(5_000), 4_000);
        }
        let reached = first.waiting(killed_after).to_vec();
        bus.publish(&reached, None).await.expect("memory answers");
        drop(first);
        let mut second = started(&bus, close(13)).await;
        // The connector brings what came after, and a candle too many.
        let after = second.after(&minutes()).map_or(0, |open| open.as_millis() / MINUTE - FIRST);
        for minute in after..20 {
            closed(&mut second, minute);
        }
        let outcomes = flush(&mut second, &bus).await;
        assert!(outcomes.iter().all(|outcome| *outcome == Published::New), "killed after {killed_after}");
        assert_eq!(written(&bus, &minutes()).await, (0..20).collect::<Vec<_>>(), "killed after {killed_after}");
        assert_eq!(written(&bus, &fives()).await, [0, 5, 10, 15], "killed after {killed_after}");
    }
}

#[tokio::test]
async fn two_services_that_write_the_same_write_it_once() {
    let bus = MemoryBus::new(Retention::default());
    let (mut one, mut other) = (started(&bus, close(-1)).await, started(&bus, close(-1)).await);
    for minute in 0..12 {
        closed(&mut one, minute);
        closed(&mut other, minute);
        flush(&mut one, &bus).await;
        let outcomes = flush(&mut other, &bus).await;
        assert!(outcomes.iter().all(|outcome| *outcome == Published::Already), "{outcomes:?}");
    }
    assert_eq!(written(&bus, &minutes()).await, (0..12).collect::<Vec<_>>());
    assert_eq!(written(&bus, &fives()).await, [0, 5]);
}

#[tokio::test]
async fn trades_of_the_time_between_two_services_are_a_gap() {
    let bus = MemoryBus::new(Retention::default());
    let start = FIRST * MINUTE;
    let mut first = started(&bus, at(start)).await;
    first.take(at(start + 10), at(start + 9), &trade(start + 8)).expect("there is room");
    flush(&mut first, &bus).await;
    let mut second = started(&bus, at(start + 5_000)).await;
    second.take(at(start + 6_000), at(start + 6_000), &trade(start + 5_990)).expect("there is room");
    flush(&mut second, &bus).await;
    let entries = bus.range(&trades(), EntryId::ZERO, EntryId::MAX, 10).await.expect("memory answers");
    let said = |entry: &Entry| {
        let content = entry.content.as_ref().expect("it is sound");
        MarketEntry::read(content, Topic::Trades).expect("it can be read").said
    };
    let said: Vec<_> = entries.iter().map(said).collect();
    assert_eq!(said[1], Said::Feed(FeedChange::Gap { start: at(start + 8), end: at(start + 5_000), missing: 0 }));
    assert_eq!(said.iter().map(Said::kind).collect::<Vec<_>>(), ["trade", "gap", "trade"]);
}

#[test]
fn the_end_of_a_stream_is_known_though_others_wrote_to_it() {
    let bad = |id| Entry { stream: trades(), id, content: Err(crate::bus::BadEntry::NotText) };
    let good = Entry {
        stream: trades(),
        id: EntryId::new(5, 0),
        content: Ok(Content { number: 7, fields: crate::bus::Fields::default() }),
    };
    let last = Last::of(&[bad(EntryId::new(9, 1)), bad(EntryId::new(9, 0)), good]).expect("there are entries");
    assert_eq!(last, Last { id: EntryId::new(9, 1), number: 9, time: None });
    assert_eq!(Last::of(&[]), None);
}

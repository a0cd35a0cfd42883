//! What is delivered: each event once, in order, with every hole.

use super::*;
use crate::bus::{Content, Fields};
use crate::market_data::{Last, Publisher};
use calypte_kernel::{Candle, Decimal, Price, SeriesId, Side, Size};

const MINUTE: i64 = 60_000;
const SILENCE_MS: u64 = 15_000;
const BTC: InstrumentId = InstrumentId::new(0);

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

fn stream(name: &str) -> StreamName {
    name.parse().expect("a stream")
}

fn price() -> Price {
    Price::new(Decimal::TEN).expect("it is positive")
}

/// An entry of a stream. Received at its time.
fn entry(name: &str, id: (i64, u64), number: u64, time: i64, said: Said) -> Entry {
    let entry = MarketEntry { time: at(time), received: at(time), published: at(time), said };
    let fields = entry.write().expect("it is within the limits");
    let id = EntryId::new(id.0.unsigned_abs(), id.1);
    Entry { stream: stream(name), id, content: Ok(Content { number, fields }) }
}

fn candle(name: &str, minute: i64, number: u64) -> Entry {
    let Topic::Candles(timeframe) = stream(name).topic() else { panic!("{name}") };
    let open_time = at(minute * MINUTE);
    let said =
        Said::Candle(Candle { open_time, open: price(), high: price(), low: price(), close: price(), volume: Decimal::ONE });
    let close = timeframe.close_of(open_time).as_millis();
    entry(name, (close, 0), number, close, said)
}

fn trade(time: i64, number: u64) -> Entry {
    let said = Said::Trade { price: price(), size: Size::new(Decimal::ONE).expect("positive"), taker: Side::Sell };
    entry("md.BTC.trades", (time, 0), number, time, said)
}

fn begun() -> Reader {
    let mut reader = Reader::new(SILENCE_MS);
    reader.begin(at(0), stream("md.BTC.1m"), (Feed::Candles(SeriesId::new(0)), BTC), None, None);
    reader.begin(at(0), stream("md.BTC.5m"), (Feed::Candles(SeriesId::new(1)), BTC), None, None);
    reader.begin(at(0), stream("md.BTC.trades"), (Feed::Trades(BTC), BTC), None, None);
    reader
}

/// A word for each event.
fn words(delivered: &[Delivered]) -> Vec<String> {
    let word = |delivered: &Delivered| match &delivered.event {
        MarketEvent::Candle { series, candle } => format!("candle {series}:{}", candle.open_time.as_millis() / MINUTE),
        MarketEvent::Trade(trade) => format!("trade {}", trade.time),
        MarketEvent::Feed { change: FeedChange::Gap { start, end, missing }, .. } => format!("gap {start}..{end} {missing}"),
        MarketEvent::Feed { change, .. } => format!("{change:?}"),
        other => format!("{other:?}"),
    };
    delivered.iter().map(word).collect()
}

#[test]
fn many_streams_become_one_order() {
    let mut reader = begun();
    // As the bus brings them: stream by stream.
    let mut entries: Vec<_> = (0..5).map(|minute| candle("md.BTC.1m", minute, minute.unsigned_abs() + 1)).collect();
    entries.push(candle("md.BTC.5m", 0, 1));
    entries.extend([trade(2 * MINUTE + 1, 1), trade(5 * MINUTE, 2)]);
    let delivered = reader.take(at(5 * MINUTE + 40), entries);
    assert_eq!(
        words(&delivered),
        ["candle 0:0", "candle 0:1", "trade 120001", "candle 0:2", "candle 0:3", "trade 300000", "candle 0:4", "candle 1:0",]
    );
    assert_eq!((delivered[7].time, delivered[7].age_ms), (at(5 * MINUTE), 40));
}

#[test]
fn what_was_handed_out_again_is_delivered_once_and_acknowledged() {
    let mut reader = begun();
    let first = reader.take(at(MINUTE), vec![candle("md.BTC.1m", 0, 1), candle("md.BTC.1m", 1, 2)]);
    assert_eq!(reader.acknowledgements(), [], "nothing is journalled yet");
    reader.journalled(&first[0].stream, first[0].id.expect("it came with an entry"));
    let again = vec![candle("md.BTC.1m", 1, 2), candle("md.BTC.1m", 2, 3)];
    assert_eq!(words(&reader.take(at(MINUTE), again)), ["candle 0:2"]);
    let id = |minute: u64| EntryId::new(minute * MINUTE.unsigned_abs(), 0);
    assert_eq!(reader.acknowledgements(), [(stream("md.BTC.1m"), vec![id(1), id(2)])]);
    assert_eq!(reader.tally().repeated, 1);
    assert_eq!(reader.last(&stream("md.BTC.1m")), Some((id(3), 3)));
}

#[test]
fn missing_candles_are_a_gap_of_so_many_whatever_the_reason() {
    let mut reader = begun();
    reader.take(at(MINUTE), vec![candle("md.BTC.1m", 0, 1)]);
    // Trimmed: 2 and 3. A bad one: 4.
    let bad = Entry { content: Ok(Content { number: 4, fields: Fields::default() }), ..candle("md.BTC.1m", 3, 4) };
    let delivered = reader.take(at(6 * MINUTE), vec![bad, candle("md.BTC.1m", 4, 5), candle("md.BTC.1m", 5, 6)]);
    assert_eq!(words(&delivered), ["gap 60000..240000 3", "candle 0:4", "candle 0:5"]);
    assert_eq!((reader.tally().bad, reader.tally().gaps), (1, 1));
    assert_eq!(reader.acknowledgements().len(), 1, "the bad one is done with");
    // A gap that was published is passed on, and nothing added to it.
    let published = Said::Feed(FeedChange::Gap { start: at(6 * MINUTE), end: at(8 * MINUTE), missing: 2 });
    let gap = entry("md.BTC.1m", (8 * MINUTE, 0), 7, 8 * MINUTE, published);
    let delivered = reader.take(at(9 * MINUTE), vec![gap, candle("md.BTC.1m", 8, 8)]);
    assert_eq!(words(&delivered), ["gap 360000..480000 2", "candle 0:8"]);
    // Numbers that leave one out while the candles touch: a heartbeat, and nothing that matters.
    assert_eq!(words(&reader.take(at(9 * MINUTE), vec![candle("md.BTC.1m", 9, 10)])), ["candle 0:9"]);
}

#[test]
fn a_number_left_out_among_ticks_is_a_gap_from_the_last_to_the_next() {
    let mut reader = begun();
    let delivered = reader.take(at(100), vec![trade(10, 5), trade(20, 6), trade(50, 9), trade(60, 10)]);
    assert_eq!(words(&delivered), ["trade 10", "trade 20", "gap 20..50 0", "trade 50", "trade 60"]);
    // A stream that was begun anew, by a server that forgot it.
    assert_eq!(words(&reader.take(at(100), vec![trade(70, 1)])), ["gap 60..70 0", "trade 70"]);
}

#[test]
fn a_reader_that_starts_again_knows_from_its_journal_what_it_missed() {
    let mut reader = Reader::new(SILENCE_MS);
    let (minutes, feed) = (stream("md.BTC.1m"), Feed::Candles(SeriesId::new(0)));
    let last = Some((EntryId::new(MINUTE.unsigned_abs(), 0), 1));
    reader.begin(at(0), minutes, (feed, BTC), last, Some(at(MINUTE)));
    let delivered = reader.take(at(0), vec![candle("md.BTC.1m", 0, 1), candle("md.BTC.1m", 3, 4)]);
    assert_eq!(words(&delivered), ["gap 60000..180000 2", "candle 0:3"]);
}

#[test]
fn silence_is_told_once_and_ends_with_any_sign_of_life() {
    let mut reader = begun();
    reader.take(at(10_000), vec![trade(10_000, 1)]);
    assert_eq!(reader.wake(at(25_000)), []);
    assert_eq!(words(&reader.wake(at(25_001))), ["Stale"], "the trades: minutes have a minute");
    assert_eq!(reader.wake(at(MINUTE)), []);
    assert_eq!(words(&reader.wake(at(MINUTE + 1))), ["Stale"]);
    assert_eq!(reader.wake(at(MINUTE + 2)), []);
    let beat = entry("md.BTC.1m", (0, 1), 1, 70_000, Said::Heartbeat);
    assert_eq!(words(&reader.take(at(70_000), vec![beat])), ["Recovered"]);
    assert_eq!(reader.acknowledgements(), [(stream("md.BTC.1m"), vec![EntryId::new(0, 1)])]);
    assert_eq!(words(&reader.wake(at(70_001 + MINUTE))), ["Stale"], "the minutes again");
}

#[test]
fn entries_of_streams_that_were_not_asked_for_are_counted() {
    let mut reader = begun();
    reader.end(&stream("md.BTC.trades"));
    assert_eq!(reader.take(at(0), vec![trade(10, 1)]), []);
    assert_eq!(reader.tally().unknown, 1);
    assert_eq!(reader.streams(), [stream("md.BTC.1m"), stream("md.BTC.5m")]);
}

#[test]
fn what_a_publisher_writes_a_reader_delivers() {
    let (mut publisher, mut reader) = (Publisher::default(), begun());
    let (feed, minutes) = (Feed::Candles(SeriesId::new(0)), stream("md.BTC.1m"));
    publisher.begin(at(0), feed, &minutes, None::<Last>);
    publisher.derive(at(0), &minutes, "5m".parse().expect("a timeframe"), None, &[]).expect("minutes make them");
    let mut told = Vec::new();
    for minute in [0, 1, 2, 3, 4, 5, 9, 10] {
        let Entry { content, .. } = candle("md.BTC.1m", minute, 1);
        let Said::Candle(candle) = MarketEntry::read(&content.expect("sound"), minutes.topic()).expect("sound").said else {
            panic!("it is a candle")
        };
        told.push(candle);
        let now = at((minute + 1) * MINUTE);
        publisher.take(now, now, &MarketEvent::Candle { series: SeriesId::new(0), candle }).expect("there is room");
        publisher.heartbeat(now.saturating_add(10_000), 10_000);
    }
    let written = publisher.waiting(usize::MAX).iter().map(|entry| {
        let content = Content { number: entry.number, fields: entry.fields.clone() };
        Entry { stream: entry.stream.clone(), id: entry.id, content: Ok(content) }
    });
    let delivered = reader.take(at(11 * MINUTE), written.collect());
    assert_eq!(
        words(&delivered),
        [
            "candle 0:0",
            "candle 0:1",
            "candle 0:2",
            "candle 0:3",
            "candle 0:4",
            "candle 1:0",
            "candle 0:5",
            "gap 360000..540000 3",
            "candle 0:9",
            "candle 1:5",
            "candle 0:10",
        ]
    );
    assert_eq!(reader.tally(), ReaderTally::default(), "the gap was published, not found");
}

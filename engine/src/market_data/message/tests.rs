//! Round trips, and what others may write.

use super::*;
use calypte_kernel::Timeframe;
use proptest::prelude::*;

const MINUTES: Topic = Topic::Candles(Timeframe::MINUTE);

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

fn price_of(units: i64) -> Price {
    Price::new(Decimal::new(units, 2)).expect("it is positive")
}

fn level(price: i64, size: i64) -> Level {
    Level { price: price_of(price), size: Size::new(Decimal::new(size, 3)).expect("it is positive") }
}

fn content(fields: Fields) -> Content {
    Content { number: 1, fields }
}

fn said() -> impl Strategy<Value = (Said, Topic)> {
    let number = || 1..10_000_000_i64;
    let candle =
        (0..1_000_000_i64, proptest::array::uniform4(number()), 0..1_000_000_i64).prop_map(|(minute, prices, volume)| {
            let (high, low) = (prices.iter().max().copied().unwrap_or(1), prices.iter().min().copied().unwrap_or(1));
            Said::Candle(Candle {
                open_time: at(minute * 60_000),
                open: price_of(prices[0]),
                high: price_of(high),
                low: price_of(low),
                close: price_of(prices[1]),
                volume: Decimal::new(volume, 5),
            })
        });
    let trade = (number(), number(), any::<bool>()).prop_map(|(price, size, buys)| Said::Trade {
        price: price_of(price),
        size: level(1, size).size,
        taker: if buys { Side::Buy } else { Side::Sell },
    });
    let quote = (number(), number()).prop_map(|(bid, ask)| Said::Quote { bid: level(bid, 7), ask: level(ask, 9) });
    let book = (0..BOOK_LEVELS_MAX).prop_map(|count| {
        let step = |place: usize| i64::try_from(place).expect("few");
        Said::Book {
            bids: (0..count).map(|place| level(10_000 - step(place), 1 + step(place))).collect(),
            asks: (0..count).map(|place| level(10_001 + step(place), 1 + step(place))).collect(),
        }
    });
    let context = (number(), any::<bool>(), -1_000..1_000_i64).prop_map(|(mark, known, funding)| Said::Context {
        mark: price_of(mark),
        oracle: known.then(|| price_of(mark + 1)),
        funding: known.then(|| Decimal::new(funding, 8)),
        open_interest: known.then(|| Decimal::new(funding + 1_000, 2)),
    });
    let gap = (0..1_000_i64, 0..1_000_i64, any::<u32>()).prop_map(|(start, length, missing)| {
        Said::Feed(FeedChange::Gap { start: at(start), end: at(start + length), missing })
    });
    prop_oneof![
        candle.prop_map(|said| (said, MINUTES)),
        trade.prop_map(|said| (said, Topic::Trades)),
        quote.prop_map(|said| (said, Topic::Quotes)),
        book.prop_map(|said| (said, Topic::Book)),
        context.prop_map(|said| (said, Topic::Context)),
        gap.prop_map(|said| (said, MINUTES)),
        Just((Said::Feed(FeedChange::Stale), Topic::Trades)),
        Just((Said::Feed(FeedChange::Recovered), Topic::Book)),
        Just((Said::Heartbeat, Topic::Quotes)),
    ]
}

proptest! {
    #[test]
    fn what_is_written_is_read_back((said, topic) in said(), times in proptest::array::uniform3(0..TIME_MS_MAX)) {
        let time = match &said {
            Said::Candle(candle) => Timeframe::MINUTE.close_of(candle.open_time),
            _ => at(times[0]),
        };
        let entry = MarketEntry { time, received: at(times[1]), published: at(times[2]), said };
        let fields = entry.write().expect("it is within the limits");
        prop_assert_eq!(MarketEntry::read(&content(fields), topic), Ok(entry));
    }

    #[test]
    fn whatever_is_written_by_others_is_read_or_refused(
        kind in "candle|trade|quote|book|context|gap|heartbeat|[a-z]{0,5}",
        fields in proptest::collection::vec(("[a-z_]{1,13}", "[0-9:. eE+-]{0,40}"), 0..20),
    ) {
        let mut read = Fields::default();
        read.push("kind", kind).expect("it is short");
        for name in ["time", "received", "published"] {
            read.push(name, "1").expect("it is short");
        }
        for (name, value) in fields {
            read.push(name, value).expect("it is short");
        }
        for topic in [MINUTES, Topic::Trades, Topic::Quotes, Topic::Book, Topic::Context] {
            let _ = MarketEntry::read(&content(read.clone()), topic);
        }
    }
}

/// The fields of a sound candle, one of them changed; an empty value: left out.
fn changed(changed: &str, value: &str) -> Result<MarketEntry, BadEntry> {
    let sound = [
        ("kind", "candle"),
        ("time", "120000"),
        ("received", "120100"),
        ("published", "120101"),
        ("open_time", "60000"),
        ("open", "10"),
        ("high", "12"),
        ("low", "9"),
        ("close", "11"),
        ("volume", "0"),
    ];
    let mut fields = Fields::default();
    for (name, sound) in sound {
        let value = if name == changed { value } else { sound };
        if !value.is_empty() {
            fields.push(name, value).expect("it is short");
        }
    }
    MarketEntry::read(&content(fields), MINUTES)
}

#[test]
fn each_absurdity_has_a_name() {
    assert!(changed("", "").is_ok());
    assert_eq!(changed("high", ""), Err(BadEntry::Missing("high")));
    assert_eq!(changed("kind", "trade"), Err(BadEntry::Missing("price")));
    assert_eq!(changed("kind", "x"), Err(BadEntry::malformed("kind", "x", "a kind that we know")));
    let absurd = [
        ("time", "-1"),
        ("time", "9999999999999999"),
        ("open", "0"),
        ("open", "-1"),
        ("open", "1e3"),
        ("open", "NaN"),
        ("open", "0.00000000000000000000000000000001"),
        ("volume", "99999999999999999999999999999999"),
    ];
    for (name, value) in absurd {
        assert!(matches!(changed(name, value), Err(BadEntry::Malformed { .. })), "{name} {value}");
    }
    for (name, value) in [("low", "10.5"), ("high", "10.5"), ("volume", "-1"), ("open_time", "0"), ("time", "60000")] {
        assert!(matches!(changed(name, value), Err(BadEntry::Contradiction(_))), "{name} {value}");
    }
}

#[test]
fn what_a_candle_is_written_as() {
    let entry = changed("", "").expect("it is sound");
    let fields = entry.write().expect("it is within the limits");
    let text: Vec<_> = fields.iter().map(|(name, value)| format!("{name}={value}")).collect();
    assert_eq!(
        text.join(" "),
        "kind=candle time=120000 received=120100 published=120101 open_time=60000 open=10 high=12 low=9 close=11 volume=0"
    );
    assert_eq!(entry.fixed_id(MINUTES), Some(EntryId::new(120_000, 0)));
    assert_eq!(MarketEntry { said: Said::Heartbeat, ..entry }.fixed_id(MINUTES), None);
}

#[test]
fn a_book_is_in_order_and_within_its_limit() {
    let read = |bids: &str| {
        let mut fields = Fields::default();
        for (name, value) in
            [("kind", "book"), ("time", "1"), ("received", "1"), ("published", "1"), ("bids", bids), ("asks", "")]
        {
            fields.push(name, value).expect("it is short");
        }
        MarketEntry::read(&content(fields), Topic::Book)
    };
    assert!(read("100.5:1 100.4:2").is_ok());
    for bids in ["100.4:1 100.5:2", "100:1 100:1", "100", "100:", ":1", "100:0", "100:-1", "x:1", "1:1:1"] {
        assert!(read(bids).is_err(), "{bids}");
    }
    let deep: Vec<_> = (0..=BOOK_LEVELS_MAX).map(|place| format!("{}:1", 1_000 - place)).collect();
    assert!(read(&deep[1..].join(" ")).is_ok());
    assert!(read(&deep.join(" ")).is_err());
}

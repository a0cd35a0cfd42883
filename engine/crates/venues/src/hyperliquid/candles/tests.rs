//! A minute's candles, from frames, answers and silences.

use super::*;
use crate::hyperliquid::protocol::{Millis, Number};
use proptest::prelude::*;

const MINUTE: u64 = 60_000;
/// A whole minute.
const START: u64 = 1_750_000_020_000;

fn at(millis: u64) -> Timestamp {
    Timestamp::from_millis((START + millis).cast_signed())
}

fn open(minute: u64) -> Timestamp {
    at(minute * MINUTE)
}

/// A candle of that minute after so many trades: its close and its volume say how many.
fn wire(minute: u64, trades: u64) -> WireCandle {
    let number = |value: u64| Number::new(value.into());
    WireCandle {
        open_time: Millis::new(START + minute * MINUTE).expect("a time"),
        end_time: Millis::new(START + minute * MINUTE + MINUTE - 1).expect("a time"),
        coin: "KO".into(),
        interval: "1m".into(),
        open: number(50),
        high: number(50 + trades),
        low: number(50),
        close: number(50 + trades),
        volume: number(trades),
        trades,
    }
}

fn closer(after: Option<u64>) -> CandleCloser {
    CandleCloser::new(Timeframe::MINUTE, after.map(open))
}

/// What it wants, in words: `0x5` is minute 0 closed after 5 trades.
fn drain(closer: &mut CandleCloser) -> Vec<String> {
    let minute = |time: Timestamp| time.millis_since(at(0)) / MINUTE;
    let mut said = Vec::new();
    while let Some(output) = closer.poll() {
        said.push(match output {
            CandleOutput::Closed(candle) => format!("{}x{}", minute(candle.open_time), candle.volume),
            CandleOutput::Gap { start, end, missing } => format!("gap {}..{} of {missing}", minute(start), minute(end)),
            CandleOutput::Ask { from } => format!("ask {}", minute(from)),
        });
    }
    said
}

#[test]
fn a_candle_closes_when_the_next_one_begins() {
    let mut closer = closer(None);
    closer.frame(at(1_000), &wire(0, 2));
    closer.frame(at(50_000), &wire(0, 5));
    assert_eq!(drain(&mut closer), [""; 0]);
    closer.frame(at(60_100), &wire(1, 1));
    assert_eq!(drain(&mut closer), ["0x5"]);
    closer.frame(at(60_200), &wire(0, 6));
    assert_eq!((drain(&mut closer), closer.tally().late), (vec![], 1), "it was passed");
}

#[test]
fn it_goes_on_behind_the_candle_that_a_time_falls_into() {
    // Nobody who says "a thousand minutes ago" says a whole minute.
    let mut closer = CandleCloser::new(Timeframe::MINUTE, Some(at(59_999)));
    closer.frame(at(60_100), &wire(1, 1));
    closer.frame(at(120_100), &wire(2, 1));
    assert_eq!((drain(&mut closer), closer.tally()), (vec!["1x1".to_owned()], CandleTally::default()));
}

#[test]
fn what_was_overtaken_is_asked_for_at_once_though_our_clock_is_behind() {
    let mut closer = closer(Some(100));
    closer.frame(at(0), &wire(104, 1));
    assert_eq!(drain(&mut closer), ["ask 101"]);
    closer.answer(at(100), at(0), &[wire(101, 3), wire(102, 3), wire(103, 3), wire(104, 2)]);
    assert_eq!(drain(&mut closer), ["101x3", "102x3", "103x3"]);
}

#[test]
fn in_a_quiet_market_it_is_asked_for() {
    let mut closer = closer(None);
    closer.frame(at(1_000), &wire(0, 2));
    assert_eq!(closer.next_wake(), Some(at(62_000)));
    closer.wake(at(61_999));
    assert_eq!(drain(&mut closer), [""; 0]);
    closer.wake(at(62_000));
    assert_eq!(drain(&mut closer), ["ask 0"]);
    closer.wake(at(63_000));
    assert_eq!(drain(&mut closer), [""; 0], "it is asked once");
    closer.answer(at(63_000), at(62_000), &[wire(0, 3)]);
    assert_eq!(drain(&mut closer), ["0x3"]);
    assert_eq!(closer.next_wake(), Some(at(122_000)));
}

#[test]
fn a_row_that_may_still_be_running_is_not_closed() {
    let mut closer = closer(Some(0));
    closer.wake(at(122_000));
    assert_eq!(drain(&mut closer), ["ask 1"]);
    closer.answer(at(123_000), at(122_000), &[wire(1, 4), wire(2, 1)]);
    assert_eq!(drain(&mut closer), ["1x4"]);
    closer.frame(at(130_000), &wire(2, 7));
    closer.frame(at(180_001), &wire(3, 1));
    assert_eq!(drain(&mut closer), ["2x7"]);
}

#[test]
fn what_was_running_when_the_socket_was_cut_is_unsure() {
    let mut closer = closer(None);
    closer.frame(at(1_000), &wire(0, 2));
    closer.cut(at(20_000));
    closer.frame(at(130_000), &wire(2, 1));
    assert_eq!(drain(&mut closer), ["ask 0"], "there may have been more trades in it");
    closer.frame(at(180_100), &wire(3, 1));
    assert_eq!(drain(&mut closer), [""; 0], "nothing newer before what is older");
    closer.answer(at(181_000), at(180_500), &[wire(0, 9), wire(1, 3), wire(2, 6), wire(3, 1)]);
    assert_eq!(drain(&mut closer), ["0x9", "1x3", "2x6"]);
}

#[test]
fn a_minute_that_is_missing_for_good_is_a_gap() {
    let mut closer = closer(None);
    closer.frame(at(1_000), &wire(0, 2));
    closer.frame(at(125_000), &wire(2, 1));
    assert_eq!(drain(&mut closer), ["0x2", "ask 1"]);
    closer.frame(at(180_100), &wire(3, 1));
    let mut now = 180_200;
    for _ in 1..ASKS_MAX {
        closer.answer(at(now), at(now), &[wire(2, 1)]);
        assert_eq!(drain(&mut closer), [""; 0]);
        now = closer.next_wake().expect("it asks again").millis_since(at(0));
        closer.wake(at(now));
        assert_eq!(drain(&mut closer), ["ask 1"]);
    }
    closer.answer(at(now), at(now), &[wire(2, 1)]);
    assert_eq!(drain(&mut closer), ["gap 1..2 of 1", "2x1"]);
    closer.frame(at(now + 1), &wire(1, 0));
    assert_eq!((drain(&mut closer), closer.tally().late), (vec![], 1), "it turned up too late");
}

#[test]
fn a_flat_row_that_turns_up_in_time_is_a_candle() {
    let mut closer = closer(Some(0));
    closer.wake(at(122_000));
    closer.answer(at(122_100), at(122_000), &[]);
    assert_eq!(drain(&mut closer), ["ask 1"]);
    let again = closer.next_wake().expect("it asks again");
    closer.wake(again);
    closer.answer(again, again, &[wire(1, 0)]);
    assert_eq!(drain(&mut closer), ["ask 1", "1x0"]);
}

#[test]
fn no_answer_is_no_evidence() {
    let mut closer = closer(None);
    closer.frame(at(1_000), &wire(0, 2));
    closer.frame(at(125_000), &wire(2, 1));
    closer.frame(at(180_100), &wire(3, 1));
    assert_eq!(drain(&mut closer), ["0x2", "ask 1"]);
    for _ in 0..20 {
        closer.no_answer(closer.quiet_until.max(at(181_000)));
        let again = closer.next_wake().expect("it asks again");
        closer.wake(again);
        assert_eq!(drain(&mut closer), ["ask 1"]);
    }
    let now = at(5_000_000);
    closer.answer(now, now, &[wire(1, 8), wire(2, 1)]);
    assert_eq!(drain(&mut closer)[..2], ["1x8".to_owned(), "2x1".to_owned()]);
}

#[test]
fn what_makes_no_sense_is_counted() {
    let mut closer = closer(None);
    closer.frame(at(1_000), &wire(0, 2));
    let odd = WireCandle { open_time: Millis::new(START + 30_000).expect("a time"), ..wire(0, 2) };
    let upside_down = WireCandle { low: Number::new(99.into()), ..wire(0, 2) };
    let free = WireCandle { low: Number::new(Decimal::ZERO), ..wire(0, 2) };
    let owed = WireCandle { volume: Number::new((-1).into()), ..wire(0, 2) };
    for strange in [odd, upside_down, free, owed] {
        closer.frame(at(1_000), &strange);
    }
    assert_eq!(closer.tally(), CandleTally { late: 0, absurd: 4 });
}

#[test]
fn timeframes_have_the_words_of_the_exchange() {
    let word = |text: &str| interval(text.parse().expect("a timeframe"));
    assert_eq!(["1m", "15m", "4h", "1d", "1w", "72h"].map(word), ["1m", "15m", "4h", "1d", "1w", "3d"].map(Some));
    assert_eq!(["2m", "90s", "61s", "1s", "2w"].map(word), [None; 5]);
}

/// What happens, minute by minute.
#[derive(Debug, Clone)]
struct Minute {
    /// Trades in it; none: the exchange shows it late, or never.
    trades: u64,
    /// Minutes until a quiet one is shown; 9: never.
    shown_after: u64,
    /// Whether the socket is cut in its middle, and for how many minutes.
    cut_for: Option<u64>,
    /// Whether the questions asked in it are answered.
    answers: bool,
}

fn minutes() -> impl Strategy<Value = Vec<Minute>> {
    let minute = (0_u64..4, 0_u64..10, prop::option::weighted(0.15, 0_u64..4), prop::bool::weighted(0.8));
    let minute = minute.prop_map(|(trades, shown_after, cut_for, answers)| Minute { trades, shown_after, cut_for, answers });
    prop::collection::vec(minute, 2..40)
}

/// The exchange's candles as REST shows them at a time.
fn shown(minutes: &[Minute], now_ms: u64) -> Vec<WireCandle> {
    let now = now_ms / MINUTE;
    let rows = (0..).zip(minutes).take_while(|(number, _)| *number <= now);
    let there = |number: u64, minute: &Minute| minute.trades > 0 || minute.shown_after < 9 && number + minute.shown_after < now;
    let trades = |number: u64, minute: &Minute| if number == now { minute.trades.min(1) } else { minute.trades };
    rows.filter(|(number, minute)| there(*number, minute))
        .map(|(number, minute)| wire(number, trades(number, minute)))
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn every_candle_passes_once_in_order_and_whole(minutes in minutes()) {
        let mut closer = closer(None);
        let (mut connected_from, mut passed) = (0, Vec::new());
        // After the last minute it is quiet, and everything is answered.
        let quiet = minutes.len() as u64 + 15;
        let mut first = None;
        for number in 0..quiet {
            let minute = minutes.get(usize::try_from(number).expect("small"));
            let start = number * MINUTE;
            for step in 0..60 {
                let now = start + step * 1_000;
                let trades = minute.map_or(0, |minute| minute.trades);
                if number >= connected_from && step % 20 == 5 && step / 20 < trades {
                    let seen = if step / 20 + 1 == 3.min(trades) { trades } else { step / 20 + 1 };
                    first.get_or_insert(number);
                    closer.frame(at(now), &wire(number, seen));
                }
                if let Some(cut_for) = minute.and_then(|minute| minute.cut_for).filter(|_| step == 30) {
                    closer.cut(at(now));
                    connected_from = number + 1 + cut_for;
                }
                if closer.next_wake().is_some_and(|due| due <= at(now)) {
                    closer.wake(at(now));
                }
                while let Some(output) = closer.poll() {
                    let answers = minute.is_none_or(|minute| minute.answers);
                    match output {
                        CandleOutput::Ask { from } if answers => {
                            let rows = shown(&minutes, now);
                            let asked = rows.iter().filter(|row| row.open_time.timestamp() >= from);
                            closer.answer(at(now), at(now), asked);
                        }
                        CandleOutput::Ask { .. } => closer.no_answer(at(now)),
                        said => passed.push(said),
                    }
                }
            }
        }
        let Some(first) = first else { return Ok(()) };
        let mut next = open(first);
        for output in passed {
            match output {
                CandleOutput::Closed(candle) => {
                    prop_assert_eq!(candle.open_time, next);
                    let number = usize::try_from(next.millis_since(at(0)) / MINUTE).expect("small");
                    prop_assert_eq!(candle.volume, Decimal::from(minutes[number].trades), "minute {} is not whole", number);
                    next = Timeframe::MINUTE.close_of(next);
                }
                CandleOutput::Gap { start, end, missing } => {
                    prop_assert_eq!(start, next);
                    prop_assert_eq!(u64::from(missing), end.millis_since(start) / MINUTE);
                    for number in start.millis_since(at(0)) / MINUTE..end.millis_since(at(0)) / MINUTE {
                        let minute = &minutes[usize::try_from(number).expect("small")];
                        prop_assert_eq!(minute.trades, 0, "minute {} had trades", number);
                    }
                    next = end;
                }
                CandleOutput::Ask { .. } => prop_assert!(false, "questions are answered"),
            }
        }
        // Once quiet, nothing that traded is left behind.
        let last = (0_u64..).zip(&minutes).filter(|(_, minute)| minute.trades > 0).map(|(number, _)| number).max().expect("one traded");
        prop_assert!(next > open(last), "stuck before {:?}", next);
    }

    #[test]
    fn whatever_comes_memory_and_numbers_are_bounded(
        steps in prop::collection::vec((any::<i64>(), 0_u64..=u64::MAX, 0_u64..10, any::<bool>()), 1..60)
    ) {
        let mut closer = closer(None);
        for (now, time, trades, answer) in steps {
            let now = Timestamp::from_millis(now);
            let Some(time) = Millis::new(time % 4_200_000_000_000 / MINUTE * MINUTE) else { continue };
            let candle = WireCandle { open_time: time, ..wire(0, trades) };
            if answer { closer.answer(now, now, &[candle]) } else { closer.frame(now, &candle) }
            closer.wake(now);
            let mut outputs = 0;
            while closer.poll().is_some() {
                outputs += 1;
            }
            prop_assert!(outputs < 200 && closer.held.len() <= HELD_MAX + 1);
        }
    }
}

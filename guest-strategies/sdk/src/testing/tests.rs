//! The kit itself: an author's test is worth what these are.

use super::*;
use crate::prelude::*;
use crate::{Event, Fill, Intent, Order, OrderKind};
use std::cell::RefCell;

/// Answers each candle with the next of its scripts, and notes what it hears.
struct Scripted {
    answers: Vec<Answer>,
    heard: Vec<String>,
    fast_path: bool,
}

/// What a script answers to one candle.
type Answer = fn(&mut Intents);

thread_local! {
    /// The script of the next session on this thread, and whether it takes the fast path.
    static SCRIPT: RefCell<(Vec<Answer>, bool)> = const { RefCell::new((Vec::new(), true)) };
}

impl Strategy for Scripted {
    fn describe() -> Manifest {
        Manifest::new("scripted", "1.0.0").candles()
    }

    fn init(context: &mut Context) -> Result<Self, Refusal> {
        let series = context.primary()?;
        context.subscribe(series, 0);
        let (mut answers, fast_path) = SCRIPT.take();
        answers.reverse();
        Ok(Self { answers, heard: Vec::new(), fast_path })
    }

    fn on_candle(&mut self, event: &CandleEvent, intents: &mut Intents) {
        self.heard.push(format!("candle {}", event.candle.close));
        if let Some(answer) = self.answers.pop() {
            answer(intents);
        }
    }

    fn on_order(&mut self, event: &OrderEvent, _intents: &mut Intents) {
        let what = match &event.change {
            OrderChange::Filled(fill) => format!("filled {} at {}", fill.size, fill.price),
            OrderChange::Denied(refusal) | OrderChange::Rejected(refusal) => refusal.code.clone(),
            other => format!("{other:?}").trim_start_matches("OrderChange::").to_lowercase(),
        };
        self.heard.push(format!("{what} ({:?}, {:?})", event.intent_index, event.decided_on));
    }

    fn on_position(&mut self, event: &PositionEvent, _intents: &mut Intents) {
        self.heard.push(format!("position {} from {}", event.now.size, event.size_before));
    }

    fn on_timer(&mut self, event: &TimerEvent, _intents: &mut Intents) {
        self.heard.push(format!("timer {:?}", event.source));
    }

    fn fast_path(&self) -> bool {
        self.fast_path
    }
}

fn session(answers: &[Answer]) -> Session<Scripted> {
    SCRIPT.set((answers.to_vec(), true));
    Bench::<Scripted>::new().start().unwrap_or_else(|refusal| panic!("{}", refusal.0))
}

fn prices(session: &Session<Scripted>) -> Vec<(Decimal, Decimal)> {
    session.fills().iter().map(|&Fill { size, price, .. }| (size, price)).collect()
}

#[test]
fn a_market_order_fills_at_the_next_open_and_says_so() {
    let mut session = session(&[|intents| _ = intents.buy_market(0, 2)]);
    session.candles(bars([(10.0, 11.0, 9.0, 10.0), (12.0, 13.0, 12.0, 13.0)]));
    let expected =
        ["candle 10", "accepted (Some(0), Some(1))", "filled 2 at 12 (None, None)", "position 2 from 0", "candle 13"];
    assert_eq!(session.strategy().heard, expected);
    assert_eq!((session.equity(), session.cash()), (dec!(1_000_002), dec!(1_000_000)));
}

#[test]
fn a_reversal_takes_its_profit() {
    let mut session = session(&[|intents| _ = intents.set_target(0, 1), |intents| _ = intents.set_target(0, -1)]);
    session.candles(bars([(10.0, 10.0, 10.0, 10.0), (10.0, 10.0, 10.0, 10.0), (15.0, 15.0, 15.0, 15.0)]));
    assert_eq!(prices(&session), [(dec!(1), dec!(10)), (dec!(2), dec!(15))]);
    let position = session.position();
    assert_eq!((position.size, position.entry_price, position.realized_pnl), (dec!(-1), dec!(15), dec!(5)));
}

#[test]
fn limits_fill_when_touched_and_better_when_the_open_is_better() {
    let mut session = session(&[|intents| {
        intents.buy_limit(0, 1, 95).tag(1);
        intents.sell_limit(0, 1, 120).tag(2);
    }]);
    session.candles(bars([
        (100.0, 100.0, 100.0, 100.0),
        (100.0, 101.0, 96.0, 97.0),
        (97.0, 98.0, 95.0, 97.0),
        (125.0, 125.0, 125.0, 125.0),
    ]));
    assert_eq!(prices(&session), [(dec!(1), dec!(95)), (dec!(1), dec!(125))]);
    assert!(session.fills()[0].maker);
}

#[test]
fn one_exit_cancels_the_other() {
    let mut session = session(&[|intents| _ = intents.buy_market(0, 1).bracket(90, 110)]);
    session.candles(bars([(100.0, 100.0, 100.0, 100.0), (100.0, 105.0, 95.0, 100.0)]));
    assert_eq!(session.open_orders().len(), 2);
    session.candles(bars([(100.0, 111.0, 99.0, 105.0)]));
    assert_eq!(prices(&session)[1], (dec!(1), dec!(110)));
    assert_eq!(session.open_orders(), []);
}

#[test]
fn a_trailing_stop_follows() {
    let mut session = session(&[|intents| _ = intents.buy_market(0, 1), |intents| _ = intents.sell_trailing_stop(0, 1, 5)]);
    session.candles(bars([
        (100.0, 100.0, 100.0, 100.0),
        (100.0, 100.0, 100.0, 100.0),
        (100.0, 110.0, 99.0, 109.0),
        (109.0, 109.0, 104.0, 104.0),
    ]));
    assert_eq!(prices(&session)[1], (dec!(1), dec!(105)), "five below the highest of the candle before");
}

#[test]
fn what_makes_no_sense_is_denied() {
    let mut session = session(&[|intents| {
        intents.buy_market(0, 0);
        intents.buy_market(9, 1);
        intents.buy_limit(0, 1, -1);
        intents.buy_market(0, Decimal::new(1, 255));
        intents.set_target(0, Decimal::new(1, 255));
        intents.sell_market(0, 1).reduce_only();
        intents.cancel_tag(3);
        intents.buy_limit(0, 1, 1).tag(4);
        intents.buy_limit(0, 1, 1).tag(4);
        intents.buy_limit(0, 1, 1).tag(0);
    }]);
    session.candles(closes([10.0]));
    let codes: Vec<&str> = session.strategy().heard[1..].iter().filter_map(|heard| heard.split(' ').next()).collect();
    let expected = [
        "size-not-positive",
        "unknown-instrument",
        "price-not-positive",
        "number-out-of-range",
        "number-out-of-range",
        "reduce-only-increases",
        "unknown-order",
        "accepted",
        "duplicate-tag",
        "bad-tag",
    ];
    assert_eq!(codes, expected);
}

#[test]
fn the_grids_of_the_instrument_hold() {
    SCRIPT.set((
        vec![|intents| {
            intents.buy_limit(0, dec!(0.00001), dec!(64000.5));
            intents.buy_market(0, dec!(0.000001));
            intents.buy_market(0, dec!(0.00001));
        }],
        true,
    ));
    let bench = Bench::<Scripted>::new().instrument(InstrumentInfo::hyperliquid(0, "BTC", 5));
    let session = bench.candles(closes([64_000.0])).run();
    let codes: Vec<&str> = session.strategy().heard[1..].iter().filter_map(|heard| heard.split(' ').next()).collect();
    assert_eq!(codes, ["price-off-grid", "size-off-grid", "below-min-notional"]);
}

#[test]
fn timers_fire_between_candles() {
    let mut session = session(&[|intents| {
        let start = 1_704_067_200_000;
        intents.set_timer(1, start + 90_000);
        intents.set_repeating_timer(2, start + 120_000, 60_000);
    }]);
    session.candles(closes([1.0, 2.0, 3.0]));
    let expected = [
        "candle 1",
        "timer TimerSource::Timer(1)",
        "candle 2",
        "timer TimerSource::Timer(2)",
        "candle 3",
        "timer TimerSource::Timer(2)",
    ];
    assert_eq!(session.strategy().heard, expected);
}

#[test]
fn with_and_without_the_fast_path_all_is_the_same() {
    let run = |fast_path| {
        SCRIPT.set((vec![|intents| _ = intents.buy_market(0, 1), |_| {}, |intents| intents.close(0)], fast_path));
        let session = Bench::<Scripted>::new().candles(closes([1.0, 2.0, 3.0, 4.0, 5.0])).run();
        (session.strategy().heard.clone(), session.intents().to_vec(), session.equity())
    };
    assert_eq!(run(true), run(false));
}

#[test]
fn an_event_can_be_sent_as_it_is_written() {
    let mut session = session(&[]);
    let order = Order {
        id: 1,
        tag: None,
        instrument: 0,
        side: Side::Buy,
        size: dec!(1),
        filled: dec!(0),
        kind: OrderKind::Market,
        reduce_only: false,
    };
    let event = OrderEvent { time: 0, order: Some(order), change: OrderChange::Expired, intent_index: None, decided_on: None };
    assert_eq!(session.send(Event::Order(event)), Vec::<Intent>::new());
    assert_eq!(session.strategy().heard, ["expired (None, None)"]);
}

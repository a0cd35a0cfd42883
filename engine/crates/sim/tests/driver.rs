//! The clock of a run: what is handed over, when, and how a run ends.

mod support;

use calypte_kernel::{
    Answer, Candle, Decimal, Deliver, Event, EventNumber, Fault, FaultKind, FeedChange, Hook, Instrument, InstrumentId, Intent,
    OrderChange, PlaceOrder, Price, Rules, SeriesId, SeriesInfo, Side, StopReason, StrategyId, StrategyState, Subscription,
    TimeInForce, Timeframe, TimerId, Timestamp, Wanted, WantedKind,
};
use calypte_sim::{
    Backtest, BacktestError, BacktestSettings, BacktestSettingsError, Gap, ItemSource, MemorySource, RunStatus, SeriesData,
    SeriesSource, SourceItem,
};
use std::cell::RefCell;
use std::sync::Arc;
use support::{BTC, FIRST, MINUTES, Native, deployment, in_memory, number, run, run_one, settings, source, subscribe};

const ETH: InstrumentId = InstrumentId::new(1);
const FIVES: SeriesId = SeriesId::new(1);
const SECOND: StrategyId = StrategyId::new(1);

fn price(at: &str) -> Price {
    Price::new(number(at)).expect("positive")
}

fn bar(minute: i64, prices: [&str; 4]) -> Candle {
    let [open, high, low, close] = prices.map(price);
    Candle { open_time: Timestamp::from_millis(minute * 60_000), open, high, low, close, volume: Decimal::ONE }
}

fn flats(minutes: std::ops::Range<i64>) -> Arc<[Candle]> {
    minutes.map(|minute| bar(minute, ["100"; 4])).collect()
}

fn five_minutes() -> Timeframe {
    Timeframe::from_millis(300_000).expect("five minutes")
}

fn with_series(instrument: InstrumentId, timeframe: Timeframe) -> BacktestSettings {
    let mut settings = settings();
    let series = SeriesInfo { id: FIVES, instrument, timeframe };
    settings.series = settings.series.iter().copied().chain([series]).collect();
    if instrument == ETH {
        let eth = Instrument::new(ETH, "ETH".parse().expect("a symbol"), Rules::ANY);
        settings.instruments = settings.instruments.iter().cloned().chain([eth]).collect();
    }
    settings
}

fn place(instrument: InstrumentId, side: Side, kind: WantedKind) -> Intent {
    Intent::Place(Box::new(PlaceOrder {
        instrument,
        side,
        size: Wanted { mantissa: 1, scale: 0 },
        kind,
        reduce_only: false,
        tag: None,
        take_profit: None,
        stop_loss: None,
    }))
}

fn none() -> Answer {
    Answer::Intents(Vec::new())
}

/// What a delivery is, with the minute of the clock: short enough to list.
fn words(deliver: &Deliver) -> String {
    let minute = deliver.views.now.as_millis() / 60_000;
    let what = match &deliver.hook {
        Hook::Event(Event::Candle(event)) => {
            let opened = event.candle.open_time.as_millis() / 60_000;
            format!("series {} of {opened}{}", event.series, if event.warm_up { " (history)" } else { "" })
        }
        Hook::Event(Event::Order(event)) => match &event.change {
            OrderChange::Filled(fill) => format!("filled @ {}", fill.price),
            OrderChange::Accepted => "accepted".to_owned(),
            other => format!("{other:?}"),
        },
        Hook::Event(event) => event.kind().name().to_owned(),
        Hook::Init(_) => "init".to_owned(),
        Hook::Stop(_) => "stop".to_owned(),
        other => format!("{other:?}"),
    };
    format!("{minute}: {what}")
}

fn fault(kind: FaultKind, deliver: &Deliver) -> Answer {
    let fault = Fault { kind, function: "on-candle".to_owned(), event: deliver.number, fuel: 7, detail: "test".to_owned() };
    Answer::Fault(Box::new(fault))
}

#[test]
fn a_decision_at_the_close_fills_at_the_next_open_and_the_last_one_never() {
    let seen = RefCell::new(Vec::new());
    let candles = [bar(0, ["100", "101", "99", "100"]), bar(1, ["102", "103", "101", "102"])].into_iter().collect();
    let outcome = run_one(
        &candles,
        Box::new(|deliver| {
            seen.borrow_mut().push(words(deliver));
            match &deliver.hook {
                Hook::Init(_) => subscribe(MINUTES, 0),
                Hook::Event(Event::Candle(_)) => Answer::Intents(vec![place(BTC, Side::Buy, WantedKind::Market)]),
                _ => none(),
            }
        }),
    );
    assert_eq!(
        seen.into_inner(),
        [
            "0: init",
            "1: series 0 of 0",
            "1: accepted",
            "1: filled @ 102",
            "1: position",
            "2: series 0 of 1",
            "2: accepted",
            "2: stop",
        ]
    );
    assert_eq!((outcome.status, outcome.counts.fills), (RunStatus::Completed, 1));
    assert_eq!(outcome.counts.intents, 2);
}

#[test]
fn series_are_handed_over_when_they_close_finer_ones_first() {
    let seen = RefCell::new(Vec::new());
    let settings = with_series(BTC, five_minutes());
    let sources = vec![
        source(MINUTES, MemorySource::new(flats(3..12))),
        SeriesSource { series: FIVES, data: SeriesData::DerivedFrom(MINUTES) },
    ];
    let backtest = Backtest::new(settings, vec![deployment(FIRST)], sources).expect("sound");
    let strategy: Native<'_> = Box::new(|deliver| {
        seen.borrow_mut().push(words(deliver));
        match &deliver.hook {
            Hook::Init(_) => {
                Answer::Subscriptions([MINUTES, FIVES].map(|series| Subscription::Candles { series, warm_up: 0 }).to_vec())
            }
            _ => none(),
        }
    });
    let outcome = run(backtest, &mut [strategy]);
    let seen = seen.into_inner();
    assert_eq!(seen[6..9], ["9: series 0 of 8", "10: series 0 of 9", "10: series 1 of 5"]);
    assert_eq!(seen.iter().filter(|line| line.contains("series 1")).count(), 1, "neither the first nor the last is whole");
    assert_eq!((outcome.counts.candles, outcome.counts.derived_candles), (9, 1));
}

#[test]
fn an_order_on_a_slower_market_is_not_filled_by_a_candle_that_was_half_over() {
    let fills = RefCell::new(Vec::new());
    let settings = with_series(ETH, five_minutes());
    let slow = [bar(0, ["50", "60", "40", "50"]), bar(5, ["50", "51", "44", "50"])].into_iter().collect();
    let sources = vec![source(MINUTES, MemorySource::new(flats(0..10))), source(FIVES, MemorySource::new(slow))];
    let backtest = Backtest::new(settings, vec![deployment(FIRST)], sources).expect("sound");
    let strategy: Native<'_> = Box::new(|deliver| match &deliver.hook {
        Hook::Init(_) => subscribe(MINUTES, 0),
        Hook::Event(Event::Candle(event)) if event.candle.open_time.as_millis() == 120_000 => {
            let price = Wanted { mantissa: 45, scale: 0 };
            Answer::Intents(vec![place(ETH, Side::Buy, WantedKind::Limit { price, time_in_force: TimeInForce::Gtc })])
        }
        Hook::Event(Event::Order(event)) => {
            if let OrderChange::Filled(fill) = &event.change {
                fills.borrow_mut().push((deliver.views.now.as_millis() / 60_000, fill.price));
            }
            none()
        }
        _ => none(),
    });
    run(backtest, &mut [strategy]);
    assert_eq!(fills.into_inner(), [(10, price("45"))]);
}

#[test]
fn history_is_handed_over_while_the_clock_stands_at_its_beginning() {
    let seen = RefCell::new(Vec::new());
    let mut settings = settings();
    settings.from = Some(Timestamp::from_millis(6 * 60_000));
    settings.to = Some(Timestamp::from_millis(8 * 60_000));
    let deployments = vec![deployment(FIRST), deployment(SECOND)];
    let backtest = Backtest::new(settings, deployments, in_memory(&flats(0..20))).expect("sound");
    let first: Native<'_> = Box::new(|deliver| {
        seen.borrow_mut().push(words(deliver));
        if matches!(deliver.hook, Hook::Init(_)) { subscribe(MINUTES, 1) } else { none() }
    });
    let second: Native<'_> =
        Box::new(|deliver| if matches!(deliver.hook, Hook::Init(_)) { subscribe(MINUTES, 2) } else { none() });
    let outcome = run(backtest, &mut [first, second]);
    assert_eq!(
        seen.into_inner(),
        [
            "6: init",
            "6: series 0 of 4 (history)",
            "6: series 0 of 5 (history)",
            "7: series 0 of 6",
            "8: series 0 of 7",
            "8: stop"
        ]
    );
    assert_eq!((outcome.counts.history_candles, outcome.counts.candles), (6, 2));
    assert_eq!((outcome.start.as_millis(), outcome.end.as_millis()), (360_000, 480_000));
}

#[test]
fn a_gap_is_told_before_the_candle_behind_it() {
    let seen = RefCell::new(Vec::new());
    let at = |minute: i64| Timestamp::from_millis(minute * 60_000);
    let items = [
        SourceItem::Candle(bar(0, ["100"; 4])),
        SourceItem::Gap(Gap { start: at(1), end: at(3), missing: 2 }),
        SourceItem::Candle(bar(3, ["100"; 4])),
    ];
    let sources = vec![source(MINUTES, ItemSource::new(items.into_iter().collect()))];
    let backtest = Backtest::new(settings(), vec![deployment(FIRST)], sources).expect("sound");
    let strategy: Native<'_> = Box::new(|deliver| {
        seen.borrow_mut().push(words(deliver));
        if let Hook::Event(Event::Feed(event)) = &deliver.hook {
            assert_eq!(event.change, FeedChange::Gap { start: at(1), end: at(3), missing: 2 });
        }
        if matches!(deliver.hook, Hook::Init(_)) { subscribe(MINUTES, 0) } else { none() }
    });
    let outcome = run(backtest, &mut [strategy]);
    assert_eq!(seen.into_inner(), ["0: init", "1: series 0 of 0", "3: feed", "4: series 0 of 3", "4: stop"]);
    assert_eq!((outcome.counts.gaps, outcome.counts.missing_candles), (1, 2));
}

#[test]
fn timers_fire_between_candles_and_before_the_opens_of_their_moment() {
    let seen = RefCell::new(Vec::new());
    let outcome = run_one(
        &flats(0..3),
        Box::new(|deliver| {
            seen.borrow_mut().push(words(deliver));
            match &deliver.hook {
                Hook::Init(_) => subscribe(MINUTES, 0),
                Hook::Event(Event::Candle(event)) if event.candle.open_time.as_millis() == 0 => {
                    let at = Timestamp::from_millis(120_000);
                    Answer::Intents(vec![Intent::SetTimer { timer: TimerId::new(1), at, every_ms: None }])
                }
                Hook::Event(Event::Timer(_)) => Answer::Intents(vec![place(BTC, Side::Buy, WantedKind::Market)]),
                _ => none(),
            }
        }),
    );
    let seen = seen.into_inner();
    assert_eq!(seen[1..6], ["1: series 0 of 0", "2: series 0 of 1", "2: timer", "2: accepted", "2: filled @ 100"]);
    assert_eq!(outcome.counts.fills, 1);
}

#[test]
fn one_of_several_that_faults_leaves_the_others_running() {
    let deployments = vec![deployment(FIRST), deployment(SECOND)];
    let backtest = Backtest::new(settings(), deployments, in_memory(&flats(0..5))).expect("sound");
    let first: Native<'_> = Box::new(|deliver| match deliver.hook {
        Hook::Init(_) => subscribe(MINUTES, 0),
        _ => fault(FaultKind::Trap, deliver),
    });
    let outcome = run(backtest, &mut [first, support::idle()]);
    assert_eq!(outcome.status, RunStatus::Completed);
    assert!(matches!(outcome.strategies[0].state, StrategyState::Faulted(_)));
    assert_eq!((outcome.strategies[1].state.clone(), outcome.strategies[1].events), (StrategyState::Stopped, 7));
}

#[test]
fn the_only_one_that_faults_or_refuses_ends_the_run() {
    let outcome = run_one(
        &flats(0..5),
        Box::new(|deliver| match deliver.hook {
            Hook::Init(_) => subscribe(MINUTES, 0),
            _ => fault(FaultKind::Trap, deliver),
        }),
    );
    let RunStatus::Faulted(fault) = outcome.status else { panic!("{:?}", outcome.status) };
    assert_eq!((fault.kind, fault.event), (FaultKind::Trap, EventNumber::new(2)));
    assert_eq!(outcome.counts.candles, 1);

    let outcome = run_one(&flats(0..5), Box::new(|_| Answer::Refused("no".to_owned())));
    assert_eq!(outcome.status, RunStatus::Refused("no".to_owned()));
}

#[test]
fn a_run_without_fuel_ends_at_its_event_whoever_else_is_running() {
    let deployments = vec![deployment(FIRST), deployment(SECOND)];
    let backtest = Backtest::new(settings(), deployments, in_memory(&flats(0..5))).expect("sound");
    let mut calls = 0;
    let first: Native<'_> = Box::new(move |deliver| {
        calls += 1;
        match deliver.hook {
            Hook::Init(_) => subscribe(MINUTES, 0),
            _ if calls == 4 => fault(FaultKind::RunFuel, deliver),
            _ => none(),
        }
    });
    let outcome = run(backtest, &mut [first, support::idle()]);
    assert_eq!(outcome.status, RunStatus::OutOfFuel(EventNumber::new(7)));
    assert_eq!((outcome.counts.candles, outcome.end.as_millis()), (3, 180_000));
}

#[test]
fn a_cancelled_run_says_so_and_keeps_what_happened() {
    let mut backtest = Backtest::new(settings(), vec![deployment(FIRST)], in_memory(&flats(0..5))).expect("sound");
    assert!(backtest.next().expect("sound").is_some());
    backtest.cancel();
    assert!(backtest.next().expect("over").is_none());
    assert_eq!(backtest.finish().status, RunStatus::Cancelled(EventNumber::new(1)));
}

#[test]
fn the_end_is_told_as_a_shutdown() {
    let mut reason = None;
    run_one(
        &flats(0..2),
        Box::new(|deliver| match deliver.hook {
            Hook::Init(_) => subscribe(MINUTES, 0),
            Hook::Stop(why) => {
                reason = Some(why);
                none()
            }
            _ => none(),
        }),
    );
    assert_eq!(reason, Some(StopReason::Shutdown));
}

#[test]
fn data_that_go_back_in_time_are_an_error() {
    let candles = [0, 1, 1].map(|minute| bar(minute, ["100"; 4])).into_iter().collect();
    let mut backtest = Backtest::new(settings(), vec![deployment(FIRST)], in_memory(&candles)).expect("sound");
    let error = loop {
        match backtest.next() {
            Ok(Some(deliver)) => backtest.answer(calypte_kernel::HookEnded {
                strategy: deliver.strategy,
                number: deliver.number,
                answer: if matches!(deliver.hook, Hook::Init(_)) { subscribe(MINUTES, 0) } else { none() },
                effects: None,
                fuel: 0,
            }),
            Ok(None) => panic!("the fault was not seen"),
            Err(error) => break error,
        }
    };
    assert!(matches!(error, BacktestError::OutOfOrder { series: MINUTES, .. }), "{error}");
    let outcome = backtest.finish();
    let RunStatus::BadData(fault) = &outcome.status else { panic!("{:?}", outcome.status) };
    assert!(fault.words.contains("comes after what ended at"), "{}", fault.words);
    assert_eq!((outcome.status.name(), outcome.counts.candles), ("faulted", 2), "what came before stands");
}

#[test]
fn settings_that_contradict_each_other_are_refused() {
    let make = |settings: BacktestSettings, sources| Backtest::new(settings, vec![deployment(FIRST)], sources).err();
    let mut backwards = settings();
    (backwards.from, backwards.to) = (Some(Timestamp::from_millis(2)), Some(Timestamp::from_millis(1)));
    assert!(matches!(make(backwards, in_memory(&flats(0..1))), Some(BacktestSettingsError::Span { .. })));
    assert!(matches!(make(settings(), Vec::new()), Some(BacktestSettingsError::Sources { count: 0, .. })));
    let derived = |from| SeriesSource { series: FIVES, data: SeriesData::DerivedFrom(from) };
    let minutes = || source(MINUTES, MemorySource::new(flats(0..1)));
    let seven = with_series(BTC, Timeframe::from_millis(61_000).expect("whole seconds"));
    assert!(matches!(make(seven, vec![minutes(), derived(MINUTES)]), Some(BacktestSettingsError::NotDerivable { .. })));
    let other = with_series(ETH, five_minutes());
    assert!(matches!(make(other, vec![minutes(), derived(MINUTES)]), Some(BacktestSettingsError::NotASource { .. })));
}

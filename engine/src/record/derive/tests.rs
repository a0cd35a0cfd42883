//! What becomes a fact of everything that can happen, one by one.

use super::*;
use crate::record::schema::Column;
use calypte_kernel::{
    AccountId, CoreSettings, Deployment, Difference, EventNumber, Fault, FaultKind, Instrument, KillAction, KillCause,
    KillScope, KnownEvents, Level, Pause, Price, ProtectionKind, Refusal, Rules, Size, TradingState, Urgency, VenueEvent,
};
use std::sync::Arc;

const STRATEGY: StrategyId = StrategyId::new(0);
const BTC: InstrumentId = InstrumentId::new(0);

fn core() -> TradingCore {
    let instrument = Instrument::new(BTC, "BTC".parse().expect("a symbol"), Rules::ANY);
    let settings = CoreSettings {
        cash: Decimal::from(1_000),
        ..CoreSettings::new(AccountId::new(1), Arc::from([instrument]), Arc::from([]))
    };
    let mut core = TradingCore::new(settings).expect("the settings make sense");
    let deployment = Deployment::new(STRATEGY, [].into(), KnownEvents::default());
    core.handle(at(0), Input::Deploy(Box::new(deployment)));
    while core.poll().is_some() {}
    core
}

fn at(ms: i64) -> Timestamp {
    Timestamp::from_millis(ms)
}

fn named() -> Deriver {
    let mut deriver = Deriver::default();
    deriver.name(BTreeMap::from([(STRATEGY, "grid".to_owned())]));
    deriver
}

/// The facts of an input and of what the core is taken to have said, table by table. Every row fits its table.
fn facts(deriver: &mut Deriver, core: &mut TradingCore, now: i64, input: Input, outputs: &[Output]) -> Vec<String> {
    let evidence = Deriver::before(Some(core), &input);
    core.handle(at(now), input);
    while core.poll().is_some() {}
    let mut rows = Vec::new();
    deriver.after((Mark { epoch: 1, record: 7 }, at(now)), &evidence, outputs, core, &mut rows);
    let shown = rows.into_iter().map(|row| {
        let columns: &[Column] = row.table.own_columns();
        assert_eq!(row.values.len(), columns.len(), "{row:?}");
        for (value, column) in row.values.iter().zip(columns) {
            assert!(value.fits(*column), "{} of {row:?}", column.name);
        }
        let values = row.values.iter().map(|value| value.to_text().unwrap_or_else(|| "-".to_owned()));
        format!("{} {}: {}", row.table, row.place, values.collect::<Vec<_>>().join(" | "))
    });
    shown.collect()
}

#[test]
fn what_the_core_says_for_the_record_is_recorded() {
    let (mut deriver, mut core) = (named(), core());
    facts(&mut deriver, &mut core, 0, Input::Wake, &[]);
    let refusal = Refusal { code: "price-collar".into(), message: "too far".to_owned() };
    let fault = Fault {
        kind: FaultKind::Trap,
        function: "on_candle".to_owned(),
        event: EventNumber::new(3),
        fuel: u64::MAX,
        detail: "a\0b".to_owned(),
    };
    let difference = |of| Output::Difference(Difference { time: at(5), of, ours: Decimal::ONE, theirs: Decimal::TWO });
    let lifecycle = |state| Output::Lifecycle { strategy: STRATEGY, state };
    let outputs = [
        Output::Denied { strategy: STRATEGY, refusal },
        Output::Notify { strategy: STRATEGY, urgency: Urgency::Alert, text: "look".to_owned() },
        lifecycle(StrategyState::Refused("not today".to_owned())),
        lifecycle(StrategyState::Faulted(Box::new(fault))),
        difference(DifferenceOf::Position(BTC)),
        difference(DifferenceOf::Cash),
    ];
    assert_eq!(
        facts(&mut deriver, &mut core, 1, Input::Wake, &outputs),
        [
            "denials 0: grid | price-collar | too far",
            "notifications 0: grid | alert | look",
            "lifecycle 0: grid | refused | not today",
            "lifecycle 1: grid | faulted | trap in on_candle at event 3 after 18446744073709551615 fuel: a\u{fffd}b",
            "faults 0: grid | trap | on_candle | 3 | 9223372036854775807 | a\u{fffd}b",
            "differences 0: position | BTC | 1 | 2 | 5",
            "differences 1: cash | - | 1 | 2 | 5",
        ]
    );
}

#[test]
fn each_event_of_the_safeguards_has_words() {
    let (mut deriver, mut core) = (named(), core());
    facts(&mut deriver, &mut core, 0, Input::Wake, &[]);
    let (scope, strategy, size) = (KillScope::Strategy(STRATEGY), STRATEGY, Decimal::ONE);
    let pause = Pause { kind: ProtectionKind::LowProfit, instrument: Some(BTC), since: at(0), until: at(60_000) };
    let killed = |scope, armed| RiskEvent::Killed { scope, cause: KillCause::Operator, action: KillAction::Flatten, armed };
    let outputs = [
        killed(scope, false),
        killed(KillScope::Account, true),
        RiskEvent::Rearmed { scope },
        RiskEvent::TradingState { scope: KillScope::Account, state: TradingState::Reducing },
        RiskEvent::Paused { strategy, pause },
        RiskEvent::Flat { strategy },
        RiskEvent::NotFlat { strategy, instrument: BTC, size },
        RiskEvent::OutsideFlat,
        RiskEvent::OutsideNotFlat { instrument: BTC, size },
        RiskEvent::DeadManLost,
        RiskEvent::DeadManBack,
    ];
    let outputs = outputs.map(Output::Risk);
    let told = facts(&mut deriver, &mut core, 1, Input::Wake, &outputs);
    let told = told.iter().map(|line| line.rsplit_once(" | ").expect("words come last").0).collect::<Vec<_>>();
    assert_eq!(
        told,
        [
            "risk_events 0: killed | grid | flatten | - | -",
            "risk_events 1: killed | - | flatten | - | -",
            "risk_events 2: rearmed | grid | - | - | -",
            "risk_events 3: trading-state | - | reducing | - | -",
            "risk_events 4: paused | grid | - | BTC | -",
            "risk_events 5: flat | grid | - | - | -",
            "risk_events 6: not-flat | grid | - | BTC | 1",
            "risk_events 7: outside-flat | - | - | - | -",
            "risk_events 8: outside-not-flat | - | - | BTC | 1",
            "risk_events 9: dead-man-lost | - | - | - | -",
            "risk_events 10: dead-man-back | - | - | - | -",
        ]
    );
}

#[test]
fn money_is_recorded_by_the_minute_and_at_the_end() {
    let (mut deriver, mut core) = (named(), core());
    let equity = "equity 0: 1000 | 1000 | 1000 | 0 | 0";
    assert_eq!(facts(&mut deriver, &mut core, 5, Input::Wake, &[]), [equity]);
    assert!(facts(&mut deriver, &mut core, EQUITY_EVERY_MS - 1, Input::Wake, &[]).is_empty());
    assert_eq!(facts(&mut deriver, &mut core, EQUITY_EVERY_MS, Input::Wake, &[]), [equity]);
    let over = [Output::ShutDown { late: Vec::new() }];
    assert_eq!(facts(&mut deriver, &mut core, EQUITY_EVERY_MS + 1, Input::Wake, &over), [equity]);
}

#[test]
fn a_book_is_recorded_by_the_minute() {
    let (mut deriver, mut core) = (named(), core());
    facts(&mut deriver, &mut core, 0, Input::Wake, &[]);
    let level = |price: u32| Level {
        price: Price::new(price.into()).expect("positive"),
        size: Size::new(Decimal::TWO).expect("positive"),
    };
    let book = |time| {
        let levels = |from: u32| (from..from + 30).map(level).collect::<Vec<_>>();
        Input::Market(MarketEvent::Book(Box::new(Book { instrument: BTC, time: at(time), bids: levels(10), asks: levels(50) })))
    };
    let told = facts(&mut deriver, &mut core, 3, book(2), &[]);
    assert_eq!(told.len(), 2 * BOOK_LEVELS_MAX);
    assert_eq!(told[0], "books 0: BTC | 2 | buy | 0 | 10 | 2");
    assert_eq!(told[BOOK_LEVELS_MAX], "books 20: BTC | 2 | sell | 0 | 50 | 2");
    assert!(facts(&mut deriver, &mut core, 4, book(3), &[]).is_empty());
    assert_eq!(facts(&mut deriver, &mut core, BOOKS_EVERY_MS, book(5), &[]).len(), 1 + 2 * BOOK_LEVELS_MAX, "with the equity");
}

#[test]
fn funding_is_recorded_once_for_each_time() {
    let (mut deriver, mut core) = (named(), core());
    facts(&mut deriver, &mut core, 0, Input::Wake, &[]);
    let funding = |due| {
        let (rate, payment) = (Decimal::new(1, 5), Decimal::new(-5, 1));
        Input::Venue(VenueEvent::Funding { instrument: BTC, time: at(due), rate, payment })
    };
    assert_eq!(facts(&mut deriver, &mut core, 1, funding(1), &[]), ["funding 0: - | BTC | 1 | 0.00001 | -0.5"]);
    assert!(facts(&mut deriver, &mut core, 2, funding(1), &[]).is_empty(), "it is told again");
    assert_eq!(facts(&mut deriver, &mut core, 3, funding(3), &[]), ["funding 0: - | BTC | 3 | 0.00001 | -0.5"]);
}

//! A trap in each hook: those that a backtest calls in whole runs, the others by hand in the same sandbox.

use super::{attack, the_next_is_honest};
use crate::in_process::{runtime, uploads};
use calypte_host::{Instance, InstanceSettings, NoFeed};
use calypte_kernel::{
    AccountFacts, AccountView, Answer, BalanceCause, BalanceEvent, Book, Context, Decimal, Deliver, Event, EventNumber, Fault,
    FaultKind, FeeRates, Feed, FeedChange, FeedEvent, FundingEvent, Hook, HookEnded, InitContext, Instrument, InstrumentId,
    Level, Marks, ParamValue, Price, Quote, Rules, SeriesId, SeriesInfo, Side, Size, StopReason, StrategyId, Timeframe,
    Timestamp, Trade, Views,
};
use calypte_sim::RunStatus;
use std::sync::Arc;
use tests::hostile;

const BTC: InstrumentId = InstrumentId::new(0);
const STRATEGY: StrategyId = StrategyId::new(0);
const NOW: Timestamp = Timestamp::from_millis(1_700_006_400_000);

#[test]
fn a_trap_in_a_hook_of_a_backtest_ends_the_run() {
    for hook in ["init", "candle", "order", "position", "timer", "stop"] {
        let report = attack("trap-in-hook", &[&format!("hook={hook}")]);
        let RunStatus::Faulted(fault) = report.outcome.status else { panic!("{hook}: {:?}", report.outcome.status) };
        assert_eq!(fault.kind, FaultKind::Trap, "{hook}: {fault}");
        assert!(fault.detail.contains("unreachable"), "{hook}: {fault}");
        assert!(!fault.function.contains("panicking"), "the author's function comes first: {hook}: {fault}");
    }
    assert_eq!(attack("trap-in-hook", &["hook=none"]).outcome.status, RunStatus::Completed);
}

#[test]
fn a_trap_in_any_hook_ends_the_instance_and_nothing_else() {
    let file = std::fs::read(hostile("trap-in-hook")).expect("it was built");
    runtime().block_on(async {
        let strategy = uploads().load(file).await.expect("it is a strategy").strategy;
        for (name, hook) in hooks() {
            for trapping in [true, false] {
                let mut instance = strategy.instantiate(InstanceSettings::new(STRATEGY)).await.expect("it starts");
                let choice = if trapping { name } else { "none" };
                let begun = call(&mut instance, 1, init("hook", choice)).await;
                if name == "init" && trapping {
                    assert_eq!(fault(&begun, name).kind, FaultKind::Trap);
                    assert_in(fault(&begun, name), name);
                    continue;
                }
                assert!(matches!(begun.answer, Answer::Subscriptions(_)), "{name}: {begun:?}");
                if name == "init" {
                    continue;
                }
                let ended = call(&mut instance, 2, hook.clone()).await;
                assert_eq!(instance.is_alive(), !trapping, "{name}: {ended:?}");
                if trapping {
                    let fault = fault(&ended, name);
                    assert_eq!((fault.kind, fault.event.get()), (FaultKind::Trap, 2), "{name}: {fault}");
                    assert_in(fault, name);
                    assert!(ended.effects.is_none(), "{name}: a fault leaves no trace");
                } else {
                    assert!(!matches!(ended.answer, Answer::Fault(_)), "{name}: {ended:?}");
                }
            }
        }
    });
    the_next_is_honest();
}

#[test]
fn a_huge_string_is_refused_in_the_hooks_that_no_backtest_calls() {
    let file = std::fs::read(hostile("huge-string")).expect("it was built");
    let cases = [("save", Hook::Save), ("params", Hook::Params(Arc::from([])))];
    runtime().block_on(async {
        let strategy = uploads().load(file).await.expect("it is a strategy").strategy;
        for (place, hook) in cases {
            let mut instance = strategy.instantiate(InstanceSettings::new(STRATEGY)).await.expect("it starts");
            let begun = call(&mut instance, 1, init("place", place)).await;
            assert!(matches!(begun.answer, Answer::Subscriptions(_)), "{place}: {begun:?}");
            let ended = call(&mut instance, 2, hook).await;
            let fault = fault(&ended, place);
            assert_eq!((fault.kind, fault.event.get()), (FaultKind::Contract, 2), "{place}: {fault}");
            let words = "the guest hands over more than the 1048576 bytes that one call may copy (lift_bytes_max)";
            assert_eq!(fault.detail, words, "{place}: {fault}");
        }
    });
    the_next_is_honest();
}

/// Asserts that a fault names the hook it was in, whether the compiler kept the author's function or only the exported one.
fn assert_in(fault: &Fault, hook: &str) {
    let name = if matches!(hook, "init" | "save") { hook.to_owned() } else { format!("on_{hook}") };
    assert!(fault.function.replace('-', "_").contains(&name), "{hook}: {fault}");
    assert!(!fault.function.contains("panic"), "{hook}: {fault}");
}

fn fault<'a>(ended: &'a HookEnded, name: &str) -> &'a Fault {
    match &ended.answer {
        Answer::Fault(fault) => fault,
        other => panic!("{name}: {other:?}"),
    }
}

async fn call(instance: &mut Instance, number: u64, hook: Hook) -> HookEnded {
    let account = AccountView {
        settled: Decimal::from(1_000),
        positions: Vec::new(),
        orders: Vec::new(),
        fees: FeeRates::default(),
        margin_used: Decimal::ZERO,
    };
    let views = Views { now: NOW, account: Arc::new(account), marks: Marks::new() };
    let deliver = Deliver { strategy: STRATEGY, number: EventNumber::new(number), hook, views };
    let (feed, ended) = instance.call(deliver, Box::new(NoFeed::default())).await;
    let feed: Box<dyn std::any::Any> = feed;
    let feed = feed.downcast::<NoFeed>().expect("it is the feed that was lent");
    ended.or(feed.ended).expect("the event ended one way or the other")
}

fn init(parameter: &str, value: &str) -> Hook {
    let parameter = (parameter.to_owned(), ParamValue::Text(value.to_owned()));
    let instrument = Instrument::new(BTC, "BTC".parse().expect("a symbol"), Rules::ANY);
    let series = SeriesInfo { id: SeriesId::new(0), instrument: BTC, timeframe: Timeframe::MINUTE };
    Hook::Init(Box::new(InitContext {
        now: NOW,
        parameters: Arc::from([parameter]),
        instruments: Arc::from([instrument]),
        series: Arc::from([series]),
        account: AccountFacts { cash: Decimal::from(1_000), fees: FeeRates::default(), live: false },
        restored: None,
    }))
}

/// Hooks that the guest can fail in, by the guest's names for them; those of orders and positions only come with an order.
fn hooks() -> Vec<(&'static str, Hook)> {
    let price = |value: i64| Price::new(Decimal::from(value)).expect("positive");
    let level = |value: i64| Level { price: price(value), size: Size::new(Decimal::ONE).expect("positive") };
    let size = Size::new(Decimal::ONE).expect("positive");
    let book = Book { instrument: BTC, time: NOW, bids: vec![level(99)], asks: vec![level(101)] };
    let context = Context {
        instrument: BTC,
        time: NOW,
        mark_price: price(100),
        oracle_price: None,
        funding_rate: None,
        open_interest: None,
    };
    let funding = FundingEvent { instrument: BTC, time: NOW, rate: Decimal::ONE, payment: Decimal::ONE };
    let balance = BalanceEvent { time: NOW, cash: Decimal::ONE, change: Decimal::ONE, cause: BalanceCause::Deposit };
    let feed = FeedEvent { time: NOW, feed: Feed::Connection, change: FeedChange::Lost };
    vec![
        ("init", Hook::Save),
        ("trade", Hook::Event(Event::Trade(Trade { instrument: BTC, time: NOW, price: price(100), size, taker: Side::Buy }))),
        ("quote", Hook::Event(Event::Quote(Quote { instrument: BTC, time: NOW, bid: level(99), ask: level(101) }))),
        ("book", Hook::Event(Event::Book(Box::new(book)))),
        ("context", Hook::Event(Event::Context(Box::new(context)))),
        ("funding", Hook::Event(Event::Funding(Box::new(funding)))),
        ("balance", Hook::Event(Event::Balance(Box::new(balance)))),
        ("feed", Hook::Event(Event::Feed(feed))),
        ("params", Hook::Params(Arc::from([("hook".to_owned(), ParamValue::Text("none".to_owned()))]))),
        ("stop", Hook::Stop(StopReason::Operator)),
        ("save", Hook::Save),
    ]
}

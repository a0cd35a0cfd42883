//! What it costs to cross into a guest: start, one hook call, one event pulled through `events.next`.
//!
//! The guest does nothing, so that what is measured is the host: conversion, the crossing both ways, meters.

use calypte_host::{
    Cancel, CompileLimits, Compiler, Feed, Instance, InstanceLimits, InstanceSettings, NoFeed, Sandbox, SandboxSettings,
    Strategy, UploadSettings, Uploads, compile_child,
};
use calypte_kernel::{
    AccountFacts, AccountView, Candle, CandleEvent, Decimal, Deliver, Event, EventNumber, FeeRates, Hook, HookEnded,
    InitContext, Instrument, InstrumentId, Marks, Price, Rules, SeriesId, SeriesInfo, StrategyId, Timeframe, Timestamp, Views,
};
use criterion::{Criterion, Throughput};
use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Runtime;

#[path = "../fixtures/guest.rs"]
mod fixture;

fn main() -> std::process::ExitCode {
    // The compile child is this program started anew.
    if std::env::args().nth(1).is_some_and(|argument| argument == "compile-child") {
        return compile_child();
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let mut criterion = Criterion::default().measurement_time(Duration::from_secs(3)).configure_from_args();
    start(&mut criterion, &runtime);
    hook(&mut criterion, &runtime);
    next(&mut criterion, &runtime);
    criterion.final_summary();
    std::process::ExitCode::SUCCESS
}

fn start(criterion: &mut Criterion, runtime: &Runtime) {
    let strategy = load(runtime, &fixture::Guest::default());
    criterion.bench_function("start", |bencher| {
        bencher.iter(|| runtime.block_on(strategy.instantiate(settings())).expect("it starts"));
    });
}

fn hook(criterion: &mut Criterion, runtime: &Runtime) {
    let strategy = load(runtime, &fixture::Guest::default());
    let mut instance = begun(runtime, &strategy);
    let deliver = candle();
    criterion.bench_function("hook call", |bencher| {
        bencher.iter(|| {
            let call = instance.call(deliver.clone(), Box::new(NoFeed::default()));
            black_box(runtime.block_on(call).1)
        });
    });
}

fn next(criterion: &mut Criterion, runtime: &Runtime) {
    /// Events handed out per iteration; fewer than fit one call.
    const EVENTS: u64 = 1_000;
    struct Repeated {
        deliver: Deliver,
        left: u64,
    }
    impl Feed for Repeated {
        fn next(&mut self, ended: HookEnded) -> Option<Deliver> {
            black_box(ended);
            self.left = self.left.checked_sub(1)?;
            Some(self.deliver.clone())
        }
    }
    let guest = fixture::Guest { candle: fixture::PULL_ALL.to_owned(), ..fixture::Guest::default() };
    let strategy = load(runtime, &guest);
    let mut instance = begun(runtime, &strategy);
    let mut group = criterion.benchmark_group("next");
    group.throughput(Throughput::Elements(EVENTS));
    group.bench_function("1000 events", |bencher| {
        bencher.iter(|| {
            let feed = Repeated { deliver: candle(), left: EVENTS - 1 };
            let (_, ended) = runtime.block_on(instance.call(candle(), Box::new(feed)));
            assert!(ended.is_none(), "every event was pulled");
        });
    });
    group.finish();
}

fn load(runtime: &Runtime, guest: &fixture::Guest) -> Strategy {
    let sandbox = Sandbox::new(SandboxSettings { instances_max: 16, ..SandboxSettings::default() }).expect("a sandbox");
    let program = std::env::current_exe().expect("this program has a path");
    let compiler = Compiler::new(program, vec!["compile-child".into()], CompileLimits::default());
    let uploads = Uploads::new(sandbox, UploadSettings::new(compiler)).expect("no cache to open");
    runtime.block_on(uploads.load(guest.component())).expect("it is a strategy").strategy
}

fn settings() -> InstanceSettings {
    InstanceSettings {
        limits: InstanceLimits::default(),
        cancel: Cancel::default(),
        ..InstanceSettings::new(StrategyId::new(1))
    }
}

fn begun(runtime: &Runtime, strategy: &Strategy) -> Instance {
    let mut instance = runtime.block_on(strategy.instantiate(settings())).expect("it starts");
    let instrument = Instrument::new(InstrumentId::new(0), "BTC".parse().expect("a symbol"), Rules::hyperliquid(5, 50));
    let series = SeriesInfo { id: SeriesId::new(0), instrument: InstrumentId::new(0), timeframe: Timeframe::MINUTE };
    let init = Hook::Init(Box::new(InitContext {
        now: Timestamp::from_millis(0),
        parameters: Arc::from([]),
        instruments: Arc::from([instrument]),
        series: Arc::from([series]),
        account: AccountFacts { cash: Decimal::ONE_THOUSAND, fees: FeeRates::default(), live: false },
        restored: None,
    }));
    runtime.block_on(instance.call(deliver(init), Box::new(NoFeed::default())));
    instance
}

fn candle() -> Deliver {
    let price = |cents| Price::new(Decimal::new(cents, 2)).expect("positive");
    let candle = Candle {
        open_time: Timestamp::from_millis(1_700_000_000_000),
        open: price(4_212_345),
        high: price(4_213_399),
        low: price(4_211_001),
        close: price(4_212_999),
        volume: Decimal::new(123_456, 4),
    };
    deliver(Hook::Event(Event::Candle(CandleEvent { series: SeriesId::new(0), warm_up: false, candle })))
}

fn deliver(hook: Hook) -> Deliver {
    let account = AccountView {
        settled: Decimal::ONE_THOUSAND,
        positions: Vec::new(),
        orders: Vec::new(),
        fees: FeeRates::default(),
        margin_used: Decimal::ZERO,
    };
    let views = Views { now: Timestamp::from_millis(0), account: Arc::new(account), marks: Marks::new() };
    Deliver { strategy: StrategyId::new(1), number: EventNumber::new(1), hook, views }
}

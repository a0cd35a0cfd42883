//! The fast path changes nothing: whether a guest pulls its events inside one hook call or gets a call for each, it sees the
//! same and does the same, whatever it does and whatever the data are.

use crate::in_process::{Record, request, rules, run, settings};
use calypte::request::{BacktestRequest, LimitFill, MarketRequest, RunSettings};
use calypte::run::{RunReport, Way};
use calypte_kernel::{Decimal, EventKind, FeeRates, Timestamp};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::PathBuf;
use tests::{hostile, temp_dir};

/// Runs that the property is tried on, each in three ways: enough to matter, and under a minute.
const CASES: u32 = 64;
/// Time of the first candle.
const START_MS: i64 = 1_700_000_000_000 - 1_700_000_000_000 % 86_400_000;
const MINUTE_MS: i64 = 60_000;
/// Price of the first candle, in tenths.
const FIRST_PRICE: i64 = 300_000;
/// No price falls below it, so that every candle is sound.
const LEAST_PRICE: i64 = 1_000;

/// Most intents of a hundred events. Every order is answered with events, which are answered with orders: above about thirty
/// that never dies out.
const RATE_MAX: u64 = 20;

/// How a candle differs from the one before, prices in tenths.
#[derive(Debug, Clone)]
struct Step {
    /// From the last close to this open.
    jump: i64,
    body: i64,
    upper: i64,
    lower: i64,
    volume: u32,
    /// Candles missing before it.
    gap: i64,
}

/// A run at random.
#[derive(Debug, Clone)]
struct Case {
    steps: Vec<Step>,
    /// The candles of a second instrument, where there is one.
    others: Option<Vec<Step>>,
    /// Which candles beside those of the first series strategies hear: bits of the fuzzer's.
    hears: u64,
    seeds: Vec<i64>,
    rate: u64,
    warm_up: u64,
    /// How much of the data, in per cent, is history before the run begins.
    history: Option<usize>,
    hyperliquid: bool,
    through: bool,
    slippage_bps: i64,
    maker_fee: i64,
    cash: i64,
}

fn step() -> impl Strategy<Value = Step> {
    let jump = prop_oneof![8 => Just(0_i64), 1 => -3_000..1_500_i64];
    let volume = prop_oneof![8 => 1..100_000_u32, 1 => Just(0)];
    let gap = prop_oneof![30 => Just(0_i64), 1 => 1..20_i64];
    (jump, -900..900_i64, 0..900_i64, 0..900_i64, volume, gap).prop_map(|(jump, body, upper, lower, volume, gap)| Step {
        jump,
        body,
        upper,
        lower,
        volume,
        gap,
    })
}

fn case() -> impl Strategy<Value = Case> {
    let strategy = (prop::collection::vec(any::<i64>(), 1..=2), 0..=RATE_MAX, prop_oneof![Just(0_u64), 0..60_u64]);
    let others = prop::option::of(prop::collection::vec(step(), 2..120));
    let hears = prop_oneof![1 => Just(0_u64), 2 => 0..64_u64];
    let steps = prop::collection::vec(step(), 2..200);
    let market = (steps, others, hears, prop::option::of(0..60_usize), any::<bool>(), any::<bool>());
    (strategy, market, (0..50_i64, -20..20_i64, prop_oneof![10..10_000_i64, Just(1_000_000)])).prop_map(
        |((seeds, rate, warm_up), (steps, others, hears, history, hyperliquid, through), (slippage_bps, maker_fee, cash))| {
            Case { steps, others, hears, seeds, rate, warm_up, history, hyperliquid, through, slippage_bps, maker_fee, cash }
        },
    )
}

/// The candles as a file, and when each opens.
fn candles(steps: &[Step]) -> (String, Vec<i64>) {
    let mut text = "time,open,high,low,close,volume\n".to_owned();
    let (mut time, mut close, mut times) = (START_MS, FIRST_PRICE, Vec::new());
    for step in steps {
        time += MINUTE_MS * step.gap * i64::from(!times.is_empty());
        let open = (close + step.jump).max(LEAST_PRICE);
        close = (open + step.body).max(LEAST_PRICE);
        let (high, low) = (open.max(close) + step.upper, (open.min(close) - step.lower).max(LEAST_PRICE / 2));
        let [open, high, low, close] = [open, high, low, close].map(|tenths| Decimal::new(tenths, 1));
        writeln!(text, "{time},{open},{high},{low},{close},{}", step.volume).expect("a string takes everything");
        times.push(time);
        time += MINUTE_MS;
    }
    (text, times)
}

impl Case {
    fn settings(&self, times: &[i64]) -> RunSettings {
        RunSettings {
            from: self.history.map(|percent| Timestamp::from_millis(times[percent * times.len() / 100])),
            cash: Decimal::from(self.cash),
            fees: FeeRates { taker: Decimal::new(45, 5), maker: Decimal::new(self.maker_fee, 5) },
            slippage_bps: Decimal::from(self.slippage_bps),
            fill: if self.through { LimitFill::Through } else { LimitFill::Touch },
            ..settings()
        }
    }

    /// The run, with the guest's own switch set.
    fn request(&self, files: &[PathBuf], times: &[i64], guest_pulls: bool) -> BacktestRequest {
        let components = vec![hostile("fuzzer"); self.seeds.len()];
        let stem = components[0].file_stem().and_then(|stem| stem.to_str()).expect("a name").to_owned();
        let mut parameters = Vec::new();
        for (place, seed) in self.seeds.iter().enumerate() {
            let name = if place == 0 { stem.clone() } else { format!("{stem}-{}", place + 1) };
            parameters.push(format!("{name}.seed={seed}"));
            parameters.push(format!("{name}.rate={}", self.rate));
            parameters.push(format!("{name}.warm-up={}", self.warm_up));
            parameters.push(format!("{name}.hears={}", self.hears));
            parameters.push(format!("{name}.fast-path={guest_pulls}"));
        }
        let parameters = parameters.iter().map(String::as_str).collect::<Vec<_>>();
        let mut request = request(&components, &parameters, &files[0], self.settings(times));
        let symbols = ["BTC", "ETH"].iter().zip(files);
        let data =
            symbols.map(|(symbol, file)| format!("{symbol}:1m={}", file.display()).parse().expect("a series and a file"));
        let data = data.collect::<Vec<_>>();
        let rules = rules(if self.hyperliquid { "hyperliquid" } else { "any" });
        request.market = MarketRequest::new(&data, &rules).expect("a market");
        request
    }

    /// Everything that is seen of the three ways to run it.
    fn seen(&self) -> [Seen; 3] {
        let folder = temp_dir();
        let (text, times) = candles(&self.steps);
        let texts = [Some(text), self.others.as_ref().map(|steps| candles(steps).0)];
        let write = |(place, text): (usize, String)| {
            let file = folder.path().join(format!("candles-{place}.csv"));
            std::fs::write(&file, text).expect("the temporary folder takes a file");
            file
        };
        let files = texts.into_iter().flatten().enumerate().map(write).collect::<Vec<_>>();
        [(Way::Next, true), (Way::Call, true), (Way::Next, false)].map(|(way, guest_pulls)| {
            let record = Record::default();
            let request = self.request(&files, &times, guest_pulls);
            let report = run(request, Box::new(record.clone()), way).expect("a sound run");
            Seen { lines: record.lines(), report }
        })
    }
}

/// What a run showed.
struct Seen {
    lines: Vec<String>,
    report: RunReport,
}

impl Seen {
    /// All of it but the fuel, in lines.
    fn all(&self) -> Vec<String> {
        let mut outcome = self.report.outcome.clone();
        outcome.fuel = calypte_sim::FuelSummary::default();
        outcome.strategies.iter_mut().for_each(|strategy| strategy.fuel = 0);
        let statuses = self.report.strategies.iter().map(|strategy| format!("{:?}", strategy.status));
        let mut lines = self.lines.clone();
        lines.extend(statuses);
        lines.extend(format!("{:#?}", self.report.journal).lines().map(str::to_owned));
        lines.extend(format!("{outcome:#?}").lines().map(str::to_owned));
        lines
    }
}

/// Where two runs first differ.
fn difference(ours: &[String], theirs: &[String]) -> Option<String> {
    let longer = ours.len().max(theirs.len());
    let place = (0..longer).find(|place| ours.get(*place) != theirs.get(*place))?;
    let before = place.checked_sub(1).and_then(|before| ours.get(before));
    Some(format!("line {place}, after {before:?}:\n  {:?}\n  {:?}", ours.get(place), theirs.get(place)))
}

#[test]
fn pulled_or_called_everything_is_equal() {
    let config = ProptestConfig { cases: CASES, failure_persistence: None, max_shrink_iters: 400, ..ProptestConfig::default() };
    let property = |case: Case| {
        let [next, call, never] = case.seen().map(|seen| seen.all());
        prop_assert_eq!(difference(&next, &call), None, "events.next on the left, a call for each event on the right");
        prop_assert_eq!(difference(&next, &never), None, "a guest that pulls on the left, one that never does on the right");
        Ok(())
    };
    TestRunner::new(config).run(&case(), property).unwrap_or_else(|error| panic!("{error}"));
}

/// The property would hold of strategies that do nothing. This says what the ones it is tried on do.
#[test]
fn the_strategies_of_the_property_do_everything() {
    let mut steps = Vec::new();
    for number in 0..1_500_i64 {
        let wave = |factor: i64, span: i64| (number * factor).rem_euclid(2 * span + 1) - span;
        let gap = if number % 500 == 499 { 3 } else { 0 };
        steps.push(Step {
            jump: if number % 9 == 0 { wave(7_919, 2_000) } else { 0 },
            body: wave(104_729, 800),
            upper: wave(1_299_709, 400) + 400,
            lower: wave(15_485_863, 400) + 400,
            volume: u32::from(number % 7 != 0) * 100,
            gap,
        });
    }
    // The second instrument moves otherwise, and ends earlier.
    let others = steps[..1_200].iter().map(|step| Step { body: -step.body / 3, jump: 0, ..*step }).collect();
    let case = Case {
        steps,
        others: Some(others),
        hears: 0b101_010,
        seeds: vec![7],
        rate: 15,
        warm_up: 20,
        history: Some(2),
        hyperliquid: false,
        through: false,
        slippage_bps: 1,
        maker_fee: -1,
        cash: 1_000_000,
    };
    let [next, call, never] = case.seen();
    assert_eq!(difference(&next.all(), &call.all()), None);
    assert_eq!(difference(&next.all(), &never.all()), None);
    let fuel = [&next, &call, &never].map(|seen| seen.report.outcome.fuel.total);
    assert!(fuel[0] != fuel[1] && fuel[0] != fuel[2], "the ways differ in what they cost: {fuel:?}");

    let counts = next.report.outcome.counts;
    assert!(counts.fills > 200 && counts.maker_fills > 20 && counts.maker_fills < counts.fills, "{counts:?}");
    assert!(counts.denied > 100 && counts.rejected > 10 && counts.cancelled > 100, "{counts:?}");
    assert_eq!((counts.gaps, counts.missing_candles), (5, 15), "{counts:?}");
    assert!(counts.derived_candles > 300, "{counts:?}");
    for kind in [EventKind::Candle, EventKind::Position, EventKind::Order, EventKind::Timer, EventKind::Feed] {
        let place = EventKind::ALL.iter().position(|known| *known == kind).expect("it is one of them");
        assert!(counts.events_by_kind[place] > 0, "no {kind:?} in {counts:?}");
    }
    let answers = next.lines.join("\n");
    let intents =
        ["Market", "Limit", "Trigger", "TrailingStop", "take_profit: Some", "Amend {", "Cancel(", "CancelAll(", "SetTarget {"];
    let more = ["ClosePosition(", "SetTimer {", "ClearTimer(", "Notify {", "Denied(", "Rejected(", "Triggered", "Amended"];
    let effects = ["status: Some", "state: [(\"key-", "chart_points: [(", "chart_marks: [\"", "LogLine"];
    let heard = answers.split("candle of ").skip(1).filter_map(|words| words.split(' ').next()).collect::<BTreeSet<_>>();
    assert_eq!(heard.len(), 4, "two instruments, two timeframes more: {heard:?}");
    for words in intents.iter().chain(&more).chain(&effects) {
        assert!(answers.contains(words), "`{words}` never happens");
    }
}

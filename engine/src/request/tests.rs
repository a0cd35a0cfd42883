//! Requests as flags make them.

use super::*;
use crate::data::{Columns, Label, OnFault, OnGap, TimeUnit};
use crate::report::Earlier;
use calypte_kernel::{FeeRates, Rules, Timestamp};
use rust_decimal::Decimal;

fn settings() -> RunSettings {
    RunSettings {
        from: None,
        to: None,
        cash: Decimal::new(10_000, 0),
        fees: FeeRates::default(),
        slippage_bps: Decimal::ZERO,
        fill: LimitFill::Touch,
        fuel: None,
        fuel_per_event: None,
        limits: LimitSettings::default(),
        seed: 0,
        columns: Columns::Header,
        time: TimeUnit::Millis,
        label: Label::Open,
        on_bad_data: OnFault::Stop,
        on_gap: OnGap::Tell,
        portable: false,
        models: RunModels::default(),
        risk: None,
    }
}

fn read<T: std::str::FromStr<Err: std::fmt::Debug>>(texts: &[&str]) -> Vec<T> {
    texts.iter().map(|text| text.parse().expect(text)).collect()
}

fn backtest(components: &[&str], parameters: &[&str], data: &[&str]) -> Result<BacktestRequest, RequestError> {
    let components = components.iter().map(PathBuf::from).collect::<Vec<_>>();
    BacktestRequest::new(&components, &read(parameters), &read(data), &[], settings(), None)
}

fn sweep(axes: &[&str], change: impl FnOnce(&mut SweepFlags)) -> Result<SweepRequest, RequestError> {
    let mut flags = SweepFlags { axes: read(axes), metric: Metric::Sharpe, jobs: Some(2), out: None, earlier: Earlier::Keep };
    change(&mut flags);
    SweepRequest::new("s.wasm".into(), flags, &read(&["BTC:1m=a"]), &[], settings())
}

#[test]
fn instruments_and_series_are_numbered_in_the_order_of_the_data() {
    let market = backtest(&["s.wasm"], &[], &["ETH:1m=a", "BTC:1m=b", "ETH:1h=c"]).expect("a request").market;
    assert_eq!(market.instruments.iter().map(|it| it.symbol.as_str()).collect::<Vec<_>>(), ["ETH", "BTC"]);
    assert_eq!(market.instruments[1].rules, Rules::ANY);
    let series = market.series.iter().map(|it| (it.info.id.get(), it.info.instrument.get(), it.info.timeframe.as_millis()));
    assert_eq!(series.collect::<Vec<_>>(), [(0, 0, 60_000), (1, 1, 60_000), (2, 0, 3_600_000)]);
}

#[test]
fn a_file_whose_name_does_more_than_be_read_names_no_strategy() {
    use std::os::unix::ffi::OsStrExt as _;
    let refused = |name: &[u8]| {
        let component = PathBuf::from(std::ffi::OsStr::from_bytes(name));
        match BacktestRequest::new(&[component], &[], &read(&["BTC:1m=a"]), &[], settings(), None) {
            Err(RequestError::NotAName { fault, .. }) => Some(fault),
            Ok(_) => None,
            Err(other) => panic!("{other}"),
        }
    };
    assert_eq!(refused(b"a\xffb.wasm"), Some("it is not UTF-8"));
    for name in ["a\u{1b}[31m.wasm", "a\nb.wasm", "a\u{202e}b.wasm", "=1+1.wasm", "a=b.wasm", "+a.wasm", "-a.wasm", "@a.wasm"] {
        assert!(refused(name.as_bytes()).is_some(), "{name:?}");
    }
    for name in ["ema-atr.wasm", "my strategy (1).wasm", "v1.2.wasm", "Ελλάδα.wasm", "dir\n/x.wasm"] {
        assert_eq!(refused(name.as_bytes()), None, "{name:?}");
    }
    assert!(matches!(backtest(&["/"], &[], &["BTC:1m=a"]), Err(RequestError::NotAFile { .. })));
}

#[test]
fn a_series_has_one_file() {
    let twice = backtest(&["s.wasm"], &[], &["BTC:1m=a", "BTC:60s=b"]);
    assert!(matches!(twice, Err(RequestError::SeriesTwice { .. })), "sixty seconds are a minute");
}

#[test]
fn parameters_go_to_the_strategy_they_name() {
    let request =
        backtest(&["d/ema.wasm", "grid.wasm", "ema.wasm"], &["ema.fast=5", "ema-2.fast=7", "grid.levels=3"], &["BTC:1m=a"]);
    let strategies = request.expect("a request").strategies;
    let names = strategies.iter().map(|it| it.name.as_str()).collect::<Vec<_>>();
    assert_eq!(names, ["ema", "grid", "ema-2"]);
    assert_eq!(strategies[2].parameters, [("fast".to_owned(), "7".to_owned())]);
}

#[test]
fn a_parameter_that_could_be_anybodys_is_refused() {
    let data = &["BTC:1m=a"];
    assert!(matches!(backtest(&["a.wasm", "b.wasm"], &["x=1"], data), Err(RequestError::WhoseParameter { .. })));
    assert!(matches!(backtest(&["a.wasm"], &["b.x=1"], data), Err(RequestError::UnknownStrategy { .. })));
    assert!(matches!(backtest(&["a.wasm"], &["x=1", "a.x=2"], data), Err(RequestError::ParameterTwice { .. })));
}

#[test]
fn ranges_are_checked_with_the_flag_that_broke_them() {
    let flag = |change: fn(&mut RunSettings)| {
        let mut changed = settings();
        change(&mut changed);
        match BacktestRequest::new(&["s.wasm".into()], &[], &read(&["BTC:1m=a"]), &[], changed, None) {
            Err(RequestError::OutOfRange { flag, .. }) => flag,
            Err(RequestError::EmptyPeriod { .. }) => "--from",
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(flag(|it| it.cash = Decimal::NEGATIVE_ONE), "--cash");
    assert_eq!(flag(|it| it.cash = Decimal::MAX), "--cash");
    assert_eq!(flag(|it| it.fees.taker = Decimal::TWO), "--fee-taker");
    assert_eq!(flag(|it| it.fees.maker = -Decimal::TWO), "--fee-maker");
    assert_eq!(flag(|it| it.slippage_bps = Decimal::NEGATIVE_ONE), "--slippage-bps");
    assert_eq!(flag(|it| it.fuel = Some(0)), "--fuel");
    assert_eq!(flag(|it| it.fuel_per_event = Some(u64::MAX)), "--fuel-per-event");
    assert_eq!(flag(|it| (it.from, it.to) = (Some(Timestamp::from_millis(5)), Some(Timestamp::from_millis(5)))), "--from");
}

#[test]
fn a_sweep_turns_its_last_axis_fastest() {
    let request = sweep(&["fast=5..9:2", "atr=14", "slow=30,40"], |_| ()).expect("a sweep");
    assert_eq!(request.combinations(), 6);
    assert_eq!(request.strategy.parameters, [("atr".to_owned(), "14".to_owned())]);
    let all = (0..6).map(|number| request.combination(number).join("/")).collect::<Vec<_>>();
    assert_eq!(all, ["5/30", "5/40", "7/30", "7/40", "9/30", "9/40"]);
}

#[test]
fn a_sweep_that_cannot_be_is_refused() {
    assert!(matches!(sweep(&["fast=5"], |_| ()), Err(RequestError::NothingToSweep)));
    assert!(matches!(sweep(&[], |_| ()), Err(RequestError::NothingToSweep)));
    assert!(matches!(sweep(&["x=1,2", "x=3"], |_| ()), Err(RequestError::ParameterTwice { .. })));
    assert!(matches!(sweep(&["x=3", "x=1,2"], |_| ()), Err(RequestError::ParameterTwice { .. })));
    let large = sweep(&["a=1..9999", "b=1..9999"], |_| ());
    assert!(matches!(large, Err(RequestError::TooManyCombinations { count: 99_980_001, .. })));
    assert!(matches!(sweep(&["x=1,2"], |flags| flags.earlier = Earlier::Resume), Err(RequestError::ResumeWithoutOut)));
    assert!(matches!(sweep(&["x=1,2"], |flags| flags.jobs = Some(0)), Err(RequestError::OutOfRange { .. })));
}

//! Every attack that a strategy can make: each must meet exactly the end it is to meet, and after each the next honest strategy
//! runs in the same process and sandbox as if nothing had happened.

mod bombs;
mod files;
mod guests;
mod hooks;
mod threads;
mod worlds;

use crate::in_process::{Record, request, run, settings};
use calypte::request::RunSettings;
use calypte::run::{RunReport, Way};
use calypte_kernel::{Fault, FaultKind};
use calypte_sim::RunStatus;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use tempfile::TempDir;
use tests::{component, hostile, temp_dir};

/// Candles of each run here.
const CANDLES: i64 = 300;
/// The benchmark's filter is for real prices; these candles are calm.
const HONEST: [&str; 2] = ["filter=0", "slow=20"];

/// A few hundred candles in waves, so that averages cross.
fn candles(folder: &TempDir) -> PathBuf {
    let mut text = "time,open,high,low,close,volume\n".to_owned();
    let price = |minute: i64| 1_000 + (minute % 40 - 20).abs() * 5;
    for minute in 0..CANDLES {
        let (open, close) = (price(minute), price(minute + 1));
        let (high, low) = (open.max(close) + 1, open.min(close) - 1);
        writeln!(text, "{},{open},{high},{low},{close},1", 1_700_006_400_000 + minute * 60_000).expect("it is a string");
    }
    let file = folder.path().join("candles.csv");
    std::fs::write(&file, text).expect("the temporary folder takes a file");
    file
}

/// Runs a component over the candles.
fn run_of(component: &Path, parameters: &[&str], settings: RunSettings) -> RunReport {
    let folder = temp_dir();
    let request = request(&[component.to_owned()], parameters, &candles(&folder), settings);
    run(request, Box::new(Record::default()), Way::Next).expect("the run begins")
}

/// Runs a hostile guest, and then an honest one.
fn attack(name: &str, parameters: &[&str]) -> RunReport {
    let report = run_of(&hostile(name), parameters, settings());
    the_next_is_honest();
    report
}

/// The fault that a hostile guest's run ended with.
fn fault_of(name: &str, parameters: &[&str]) -> Fault {
    let report = attack(name, parameters);
    let RunStatus::Faulted(fault) = report.outcome.status else { panic!("{name}: {:?}", report.outcome.status) };
    *fault
}

/// All that is promised of a fault: its kind, the innermost function, the number of the event, the words.
fn told(fault: &Fault) -> (FaultKind, &str, u64, &str) {
    let innermost = fault.function.split(" < ").next().unwrap_or_default();
    (fault.kind, innermost, fault.event.get(), &fault.detail)
}

/// Asserts the whole fault of a guest that fails on its first candle, which is its second event.
fn assert_fault(name: &str, parameters: &[&str], kind: FaultKind, function: &str, words: &str) {
    let fault = fault_of(name, parameters);
    assert_eq!(told(&fault), (kind, function, 2, words), "{name} {parameters:?}: {fault}");
}

/// Runs `ema-atr` in the same sandbox; whatever happened before, it gives what it gave the first time.
fn the_next_is_honest() {
    static FIRST: OnceLock<String> = OnceLock::new();
    let report = run_of(&component("ema-atr"), &HONEST, settings());
    assert_eq!(report.outcome.status, RunStatus::Completed);
    assert!(report.outcome.counts.fills > 5, "{:?}", report.outcome.counts);
    let seen = format!("{:?}", report.outcome);
    assert_eq!(FIRST.get_or_init(|| seen.clone()), &seen, "an honest run differs from the first one");
}

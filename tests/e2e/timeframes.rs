//! Candles of a longer timeframe: made inside a run from the shorter ones, they are what `calypte data resample` writes.

use crate::in_process::{Record, rules, run, settings};
use calypte::request::{BacktestRequest, DataSpec};
use calypte::run::Way;
use calypte_sim::RunStatus;
use std::path::{Path, PathBuf};
use tests::{calypte, hostile, synth_candles, temp_dir};

/// Minutes with everything that makes a longer candle awkward: they begin and end in the middle of one, and have a hole within
/// one, one over the end of one, and one as long as three.
fn minutes(folder: &Path) -> PathBuf {
    let whole = synth_candles(1_503, 11, folder, "whole.csv");
    let text = std::fs::read_to_string(whole).expect("it was just made");
    let missing = |minute: usize| matches!(minute, 0..=1 | 400..=401 | 703..=706 | 1_000..=1_014);
    let kept = text.lines().enumerate().filter(|(line, _)| *line == 0 || !missing(*line - 1));
    let file = folder.join("minutes.csv");
    std::fs::write(&file, kept.map(|(_, line)| format!("{line}\n")).collect::<String>()).expect("the folder takes a file");
    file
}

/// Everything that can be seen of a run over these series.
fn seen(data: &[(&str, &Path)], way: Way) -> Vec<String> {
    let given = data.iter().map(|(series, file)| format!("{series}={}", file.display()).parse::<DataSpec>().expect("a series"));
    let given = given.collect::<Vec<_>>();
    let strategy = [hostile("two-timeframes")];
    let request =
        BacktestRequest::new(&strategy, &[], &given, &rules("any"), settings(), None).expect("the request makes sense");
    let record = Record::default();
    let report = run(request, Box::new(record.clone()), way).expect("the run begins");
    assert_eq!(report.outcome.status, RunStatus::Completed);
    // Which number a series has depends on what there is beside it: only the answer to `init` names it.
    record.lines().into_iter().filter(|line| !line.contains("Subscriptions(")).collect()
}

#[test]
fn longer_candles_made_in_a_run_are_those_that_resample_writes() {
    let folder = temp_dir();
    let (shorter, longer) = (minutes(folder.path()), folder.path().join("longer.csv"));
    let [from, to] = [&shorter, &longer].map(|path| path.to_str().expect("the path of a temporary folder is text"));
    calypte(["data", "resample", from, "--timeframe", "5m", "--out", to]).ok();
    for way in [Way::Next, Way::Call] {
        let made = seen(&[("BTC:1m", &shorter)], way);
        let given = seen(&[("BTC:1m", &shorter), ("BTC:5m", &longer)], way);
        let differs = made.iter().zip(&given).find(|(made, given)| made != given);
        assert_eq!(differs, None, "{way:?}: made in the run, given as a file");
        assert_eq!(made.len(), given.len(), "{way:?}");
        let count = |what: &str| made.iter().filter(|line| line.contains(what)).count();
        // 1503 minutes have 300 whole candles of five. The first and the last are cut, and three are missing.
        assert_eq!(count("longer, warm-up "), 296, "{way:?}");
        assert_eq!(count("longer, warm-up true"), 3, "{way:?}");
        assert!(count("fill of ") > 50, "{way:?}: {} fills", count("fill of "));
    }
}

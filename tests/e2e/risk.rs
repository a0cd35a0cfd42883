//! `--risk`: what a file declares holds in a run, and its report shows it.

use serde_json::Value;
use std::path::Path;
use tests::{calypte, component, synth_candles, temp_dir};

/// Backtests `ema-atr` under a file; the report of the folder it wrote.
fn backtest(folder: &Path, name: &str, risk: Option<&str>) -> Value {
    let candles = synth_candles(20_000, 7, folder, "candles.csv");
    let data = format!("BTC:1m={}", candles.display());
    let (strategy, out) = (component("ema-atr"), folder.join(name));
    let text = |path: &Path| path.to_str().expect("paths of tests are text").to_owned();
    let mut arguments = vec!["backtest".to_owned(), text(&strategy), "--data".to_owned(), data];
    arguments.extend(["--cash", "1000000", "--out", &text(&out)].map(str::to_owned));
    if let Some(risk) = risk {
        let file = folder.join(format!("{name}.toml"));
        std::fs::write(&file, risk).expect("the test's folder can be written");
        arguments.extend(["--risk".to_owned(), text(&file)]);
    }
    calypte(arguments).ok();
    let report = std::fs::read_to_string(out.join("report.json")).expect("the run wrote its report");
    serde_json::from_str(&report).expect("the report is JSON")
}

#[test]
fn a_drawdown_kill_flattens_and_the_report_says_so() {
    let folder = temp_dir();
    let free = backtest(folder.path(), "free", None);
    let risk = "[strategy]\nkill = [{ trigger = \"drawdown\", amount = 100, action = \"flatten\" }]\n";
    let killed = backtest(folder.path(), "killed", Some(risk));
    assert_eq!(killed["status"], "completed");
    assert_eq!(killed["open_positions"].as_array().map(Vec::len), Some(0), "{}", killed["open_positions"]);
    let said = killed["notifications"].to_string();
    assert!(said.contains("strategy 0 was killed by a drawdown of 100"), "{said}");
    let fills = |report: &Value| report["fills"].as_u64().expect("a number of fills");
    assert!(fills(&killed) < fills(&free), "nothing opens after it: {} of {}", fills(&killed), fills(&free));
    assert_eq!(killed["settings"]["risk"]["strategy"]["kill"][0]["trigger"], "drawdown");
    assert_eq!(free["settings"]["risk"], Value::Null);
    assert_ne!(killed["digest"], free["digest"]);
}

#[test]
fn a_file_that_makes_no_sense_is_refused_with_the_place() {
    let folder = temp_dir();
    let file = folder.path().join("risk.toml");
    std::fs::write(&file, "[account]\nnotional_max = 5\nnotion = 6\n").expect("the test's folder can be written");
    let path = file.to_str().expect("paths of tests are text");
    let ended = calypte(["backtest", "x.wasm", "--data", "BTC:1m=x.csv", "--risk", path]).exits_with(3);
    assert!(format!("{ended}").contains("line 3"), "{ended}");
}

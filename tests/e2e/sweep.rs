//! Sweeps: the same rows however many run at once and however often one begins, and sums that nobody here computed.

use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use tests::{Run, calypte, component, spec_candles, synth_candles, temp_dir};

/// Sweeps `ema-atr` over a file.
fn sweep(candles: &Path, out: &Path, more: &[&str]) -> Run {
    let (strategy, data) = (component("ema-atr"), format!("BTC:1m={}", candles.display()));
    let (strategy, out) = (strategy.to_str().expect("text"), out.to_str().expect("text"));
    let arguments = ["sweep", strategy, "--data", &data, "--cash", "1000000", "--out", out, "--json"];
    calypte(arguments.iter().chain(more))
}

/// Six combinations: quick, and enough to run side by side.
const SMALL: [&str; 4] = ["--param", "fast=5..9:2", "--param", "slow=30,40"];

fn small(candles: &Path, out: &Path, more: &[&str]) -> Run {
    sweep(candles, out, &[&SMALL, more].concat())
}

#[test]
fn a_hundred_combinations_add_up_as_the_peers_benchmark_says() {
    let folder = temp_dir();
    let candles = spec_candles(100_000, folder.path());
    let out = folder.path().join("out");
    let report = sweep(&candles, &out, &["--param", "fast=5..23:2", "--param", "slow=30..120:10"]).ok().json();
    assert_eq!(report["status"], "completed");
    assert_eq!((&report["combinations"], &report["done"]), (&json!(100), &json!(100)));
    assert_eq!(report["ended"], json!({"completed": 100}));
    assert_eq!(report["fills"], 123_634);
    assert_eq!(report["best"]["final_equity"], "999298.723535");
    assert_eq!(report["best"]["values"], json!(["23", "120"]));

    let written: Value = serde_json::from_slice(&fs::read(out.join("sweep.json")).expect("it is there")).expect("JSON");
    assert_eq!(written, report, "what is printed is what is written");
    let table = fs::read_to_string(out.join("sweep.csv")).expect("it is there");
    assert!(table.starts_with("fast,slow,status,"), "{table}");
    assert_eq!(table.lines().count(), 101);
    let page = fs::read_to_string(out.join("sweep.html")).expect("it is there");
    assert!(page.contains("\"heatmap\""), "the page has a heat map");
}

#[test]
fn how_many_run_at_once_changes_nothing() {
    let folder = temp_dir();
    let candles = synth_candles(3_000, 5, folder.path(), "candles.csv");
    let rows = ["1", "2"].map(|jobs| small(&candles, &folder.path().join(jobs), &["--jobs", jobs]).ok().json()["rows"].clone());
    assert_eq!(rows[0].as_array().map(Vec::len), Some(6));
    assert!(rows[0][0]["fills"].as_u64() > Some(0), "a sweep without trading proves nothing: {}", rows[0]);
    assert_eq!(rows[0], rows[1]);
}

#[test]
fn a_run_of_a_sweep_is_a_backtest() {
    let folder = temp_dir();
    let candles = synth_candles(3_000, 6, folder.path(), "candles.csv");
    let rows = small(&candles, &folder.path().join("sweep"), &[]).ok().json()["rows"].clone();
    let row = rows.as_array().expect("rows").iter().find(|row| row["values"] == json!(["7", "40"])).expect("it was run");
    let (strategy, data) = (component("ema-atr"), format!("BTC:1m={}", candles.display()));
    let alone = ["backtest", strategy.to_str().expect("text"), "--data", &data, "--cash", "1000000", "--json"];
    let alone = calypte(alone.iter().chain(&["--param", "fast=7", "--param", "slow=40"])).ok().json();
    for field in ["status", "events", "fills", "fees", "final_equity", "fuel", "return", "sharpe"] {
        assert_eq!(row[field], alone[field], "{field}");
    }
}

#[test]
fn a_sweep_that_was_cut_short_goes_on_where_it_ended() {
    let folder = temp_dir();
    let candles = synth_candles(3_000, 7, folder.path(), "candles.csv");
    let out = folder.path().join("out");
    let whole = small(&candles, &out, &[]).ok().json();
    let table = fs::read_to_string(out.join("sweep.csv")).expect("it is there");

    // As a power cut would leave it: two combinations done, the third half written.
    let journal = out.join("sweep.journal");
    let text = fs::read_to_string(&journal).expect("it is there");
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines.len(), 7, "a head and six combinations");
    fs::write(&journal, format!("{}\n{}", lines[..3].join("\n"), &lines[3][..20])).expect("it can be written");
    let resumed = small(&candles, &out, &["--resume"]).ok().json();
    assert_eq!((&resumed["resumed"], &resumed["done"]), (&json!(2), &json!(6)));
    assert_eq!(resumed["rows"], whole["rows"]);
    assert_eq!(fs::read_to_string(out.join("sweep.csv")).expect("it is there"), table);
    assert_eq!(small(&candles, &out, &["--resume"]).ok().json()["resumed"], 6, "nothing is left to do");

    // Of other data it would lie.
    let others = synth_candles(3_000, 8, folder.path(), "others.csv");
    let refused = small(&others, &out, &["--resume"]).exits_with(2).json();
    assert!(refused["error"]["message"].as_str().expect("text").contains("belongs to another sweep"), "{refused}");
}

#[test]
fn an_earlier_sweep_is_not_lost_by_accident() {
    let folder = temp_dir();
    let candles = synth_candles(1_000, 7, folder.path(), "candles.csv");
    let out = folder.path().join("out");
    let nothing = small(&candles, &out, &["--resume"]).exits_with(2).json();
    let words = nothing["error"]["message"].as_str().expect("text");
    assert!(words.contains("sweep.journal") && words.contains("leave out --resume"), "{words}");
    assert!(!out.exists(), "nothing was begun");
    small(&candles, &out, &[]).ok();
    let journal = fs::read(out.join("sweep.journal")).expect("it is there");
    let refused = small(&candles, &out, &[]).exits_with(2).json();
    let words = refused["error"]["message"].as_str().expect("text");
    assert!(words.contains("--resume") && words.contains("--overwrite") && words.contains("sweep.journal"), "{words}");
    assert_eq!(fs::read(out.join("sweep.journal")).expect("it is there"), journal);
    assert_eq!(small(&candles, &out, &["--overwrite"]).ok().json()["resumed"], 0);
    small(&candles, &out, &["--overwrite", "--resume"]).exits_with(2);
}

#[test]
fn each_run_has_its_own_fuel() {
    let folder = temp_dir();
    let candles = synth_candles(3_000, 9, folder.path(), "candles.csv");
    let report = small(&candles, &folder.path().join("out"), &["--fuel", "200000"]).exits_with(1).json();
    assert_eq!(report["best"], Value::Null, "no run came to its end");
    assert_eq!((&report["status"], &report["ended"]), (&json!("failed"), &json!({"out-of-fuel": 6})));
    for row in report["rows"].as_array().expect("rows") {
        assert_eq!(row["status"], "out-of-fuel");
        assert!(row["events"].as_u64() > Some(10) && row["fuel"].as_u64() <= Some(200_000), "{row}");
    }
}

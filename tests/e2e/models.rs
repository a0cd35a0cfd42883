//! The flags that turn the simulation's models on: what they change, what the report says of them, and what they refuse.

use serde_json::Value;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use tests::{Run, calypte, component, hostile, shared_file, synth_candles, temp_dir};

const HOUR_MS: i64 = 3_600_000;

fn path(path: &Path) -> &str {
    path.to_str().expect("the path of a temporary folder is text")
}

/// Backtests with `--json`.
fn backtest(strategy: &Path, more: &[&str]) -> Run {
    let mut arguments = vec!["backtest", path(strategy), "--json"];
    arguments.extend(more);
    calypte(arguments)
}

/// Three days of candles and rates for each of their hours, and some beyond.
fn market(folder: &Path) -> (String, PathBuf) {
    let candles = synth_candles(4_320, 3, folder, "candles.csv");
    let text = fs::read_to_string(&candles).expect("the candles were just made");
    let first = text.lines().nth(1).and_then(|line| line.split(',').next()).and_then(|time| time.parse::<i64>().ok());
    let first = first.expect("a candle has a time");
    let mut rates = "time_ms,funding_rate\n".to_owned();
    for hour in 0..100 {
        // A little late, as recorded.
        writeln!(rates, "{},0.0001", first + hour * HOUR_MS + hour % 7).expect("text grows");
    }
    let funding = folder.join("funding.csv");
    fs::write(&funding, rates).expect("the temporary folder takes a file");
    (format!("BTC:1m={}", candles.display()), funding)
}

fn number(value: &Value) -> f64 {
    value.as_str().and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("{value} is no amount"))
}

#[test]
fn each_model_changes_the_run_and_stands_in_its_report() {
    let (folder, strategy) = (temp_dir(), component("ema-atr"));
    let (data, funding) = market(folder.path());
    let run = |more: &[&str]| backtest(&strategy, &[&["--data", &data, "--cash", "100000"], more].concat()).ok().json();
    let plain = run(&[]);
    assert_eq!((&plain["funding"], &plain["counts"]["funding_payments"]), (&"0".into(), &0.into()));
    assert_eq!(plain["settings"]["models"]["leverage"], serde_json::json!({}));

    let funding = format!("BTC={}", path(&funding));
    let funded = run(&["--funding", &funding]);
    assert!(funded["counts"]["funding_payments"].as_u64() > Some(0), "{}", funded["counts"]);
    // All else equal, the payments are the whole difference.
    let difference = number(&funded["final_equity"]) - number(&plain["final_equity"]);
    assert!((difference - number(&funded["funding"])).abs() < 1e-6, "{difference} is not {}", funded["funding"]);
    assert_eq!(funded["data"][1]["timeframe"], "funding");
    assert_eq!(funded["data"][1]["sha256"].as_str().map(str::len), Some(64));

    let late = run(&["--latency", "feed=50,order=100,report=50"]);
    assert_eq!(late["settings"]["models"]["latency_order_ms"], 100);
    assert_ne!(late["final_equity"], plain["final_equity"], "an order that comes late meets another open");

    let shared = run(&["--participation", "0.000001"]);
    assert_eq!(shared["settings"]["models"]["participation"], "0.000001");
    assert_ne!(shared["fills"], plain["fills"]);

    let levered = run(&["--leverage", "BTC=5:isolated", "--liquidation-fee", "0.01"]);
    let models = &levered["settings"]["models"];
    assert_eq!((&models["leverage"]["BTC"], &models["liquidation_fee"]), (&"5 isolated".into(), &"0.01".into()));
    assert_eq!(levered["final_equity"], plain["final_equity"], "what the account can carry is carried");

    let digests = [&plain, &funded, &late, &shared, &levered].map(|run| run["digest"].as_str().expect("a digest").to_owned());
    for (place, digest) in digests.iter().enumerate() {
        assert!(!digests[..place].contains(digest), "models are part of what a run is");
    }
}

#[test]
fn an_account_too_small_for_its_position_trades_nothing() {
    let (folder, strategy) = (temp_dir(), component("ema-atr"));
    let (data, _) = market(folder.path());
    let run = |more: &[&str]| backtest(&strategy, &[&["--data", &data, "--cash", "100"], more].concat()).ok().json();
    let rich = run(&[]);
    assert!(rich["fills"].as_u64() > Some(0));
    assert_eq!((&rich["warnings"], &rich["rejections"]), (&serde_json::json!([]), &serde_json::json!({})));
    let poor = run(&["--leverage", "2"]);
    assert_eq!(poor["fills"], 0);
    let rejected = poor["counts"]["rejected"].as_u64().expect("a number");
    assert!(rejected > 0, "{}", poor["counts"]);
    assert_eq!(poor["rejections"], serde_json::json!({"insufficient-margin": rejected}));
    let warning = poor["warnings"][0].as_str().expect("a run that could not trade says so");
    assert!(warning.starts_with("nothing was traded: ") && warning.contains("insufficient-margin"), "{warning}");
    let told = calypte(["backtest", path(&strategy), "--data", &data, "--cash", "100", "--leverage", "2"]).ok();
    assert!(told.stderr.contains(&format!("warning: {warning}")), "{}", told.stderr);
    assert!(
        told.stdout.contains(&format!("\nrejected        {rejected} (insufficient-margin {rejected})\n")),
        "{}",
        told.stdout
    );
}

#[test]
fn flags_that_fit_nothing_are_usage_errors_with_words() {
    let (folder, strategy) = (temp_dir(), component("ema-atr"));
    let (data, funding) = market(folder.path());
    let funding = path(&funding);
    let (foreign, twice) = (format!("ETH={funding}"), format!("BTC={funding}"));
    for (more, words) in [
        (&["--leverage", "0"][..], "whole number from 1"),
        (&["--leverage", "ETH=5"], "ETH"),
        (&["--leverage", "5", "--leverage", "6"], "twice"),
        (&["--leverage", "50", "--instrument", "hyperliquid"], "allow 40"),
        (&["--latency", "order=x"], "whole milliseconds"),
        (&["--participation", "1.5"], "--participation"),
        (&["--liquidation-fee", "2"], "--liquidation-fee"),
        (&["--funding", &foreign], "ETH"),
        (&["--funding", &twice, "--funding", &twice], "two files of funding"),
        (&["--instrument", "BTC:margin_tiers=0:5 10:5"], "margin tier"),
    ] {
        let run = backtest(&strategy, &[&["--data", &data], more].concat()).exits_with(2);
        let error = run.json()["error"].to_string();
        assert!(error.contains(words), "{more:?}: {error}");
    }
    let candles = data.split_once('=').expect("a spec").1;
    let wrong = format!("BTC={candles}");
    let run = backtest(&strategy, &["--data", &data, "--funding", &wrong]).exits_with(3);
    assert!(run.json()["error"].to_string().contains("time_ms,funding_rate"), "{run}");
}

#[test]
fn recorded_funding_is_paid_for_what_is_held() {
    let strategy = component("ema-atr");
    let Some(folder) = shared_file("data") else { return };
    let file = |name: &str| folder.join(format!("{name}-hyperliquid.csv.gz")).display().to_string();
    for coin in ["BTC", "ETH", "SOL", "HYPE"] {
        let candles = format!("{coin}:1h={}", file(&format!("{coin}-1h")));
        let rates = format!("{coin}={}", file(&format!("{coin}-funding")));
        let arguments = ["--data", &candles, "--cash", "10000000", "--instrument", "hyperliquid"];
        let plain = backtest(&strategy, &arguments).ok().json();
        let funded = backtest(&strategy, &[&arguments[..], &["--funding", &rates]].concat()).ok().json();
        let (paid, hours) = (funded["counts"]["funding_payments"].as_u64(), funded["counts"]["candles"].as_u64());
        assert!(paid > Some(1_000) && paid <= hours, "{coin}: {paid:?} payments in {hours:?} hours");
        assert_eq!(funded["fills"], plain["fills"], "{coin}: funding moves money, not what is decided");
        let difference = number(&funded["final_equity"]) - number(&plain["final_equity"]);
        let funding = number(&funded["funding"]);
        assert!(funding != 0.0 && (difference - funding).abs() < 1e-6, "{coin}: {difference} is not {funding}");
    }
}

#[test]
fn a_guest_hears_the_recorded_market_and_fills_from_its_queue() {
    let strategy = hostile("quoter");
    let Some(folder) = shared_file("data") else { return };
    let file = |name: &str| folder.join(format!("{name}-hyperliquid.csv.gz"));
    let data = |kind: &str, name: &str| format!("BTC:{kind}={}", file(name).display());
    let (trades, quotes, book) = (data("trades", "BTC-trades"), data("quotes", "BTC-bbo"), data("book", "BTC-l2"));
    let arguments = ["--data", &trades, "--data", &quotes, "--data", &book, "--instrument", "hyperliquid", "--leverage", "10"];
    let out = temp_dir();
    let report = backtest(&strategy, &[&arguments[..], &["--out", path(out.path())]].concat()).ok().json();
    assert_eq!(report["status"], "completed");
    let counts = &report["counts"];
    assert_eq!([&counts["trades"], &counts["quotes"], &counts["books"], &counts["candles"]], [6675, 13896, 3782, 0]);
    let shown = report["strategies"][0]["shown"].to_string();
    assert!(shown.contains("6675 trades, 13896 quotes, 3782 books of 5 levels"), "{shown}");
    assert!(counts["maker_fills"].as_u64() > Some(0) && counts["maker_fills"] == report["fills"], "{counts}");
    assert_eq!(report["instruments"][0]["margin_tiers"], serde_json::json!(["0:40", "150000000:20"]));
    let late = backtest(&strategy, &[&arguments[..], &["--latency", "order=2000"]].concat()).ok().json();
    assert_ne!(late["final_equity"], report["final_equity"], "who comes late stands further back");

    let refused = backtest(&strategy, &["--data", &data("1m", "BTC-1m")]).exits_with(1);
    assert!(refused.json()["error"].to_string().contains("no data of that"), "{refused}");
}

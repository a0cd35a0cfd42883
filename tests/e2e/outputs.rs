//! What commands leave behind and what they say when that fails: whole files or none, an answer or an error, never silence.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;
use tests::{Run, calypte, calypte_path, component, run, synth_candles, temp_dir};

/// Runs `ema-atr` over a file into a folder.
fn backtest(candles: &Path, out: &Path, more: &[&str]) -> Run {
    let (strategy, data) = (component("ema-atr"), format!("BTC:1m={}", candles.display()));
    let (strategy, out) = (strategy.to_str().expect("text"), out.to_str().expect("text"));
    calypte(["backtest", strategy, "--data", &data, "--out", out, "--json"].iter().chain(more))
}

/// Puts something else into one line of a file, counted from 1.
fn spoil(file: &Path, line: usize, change: impl Fn(&str) -> String) {
    let text = fs::read_to_string(file).expect("it was made here");
    let lines = text.lines().enumerate().map(|(place, old)| if place + 1 == line { change(old) } else { old.to_owned() });
    fs::write(file, lines.collect::<Vec<_>>().join("\n") + "\n").expect("it can be written");
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("a folder");
    let mut names =
        entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect::<Vec<_>>();
    names.sort();
    names
}

#[track_caller]
fn assert_says(words: &str, parts: &[&str]) {
    for part in parts {
        assert!(words.contains(part), "{part:?} is not in {words:?}");
    }
}

#[test]
fn a_fault_in_the_middle_of_the_data_ends_a_run_with_its_report() {
    let folder = temp_dir();
    let (candles, out) = (synth_candles(2_000, 1, folder.path(), "candles.csv"), folder.path().join("out"));
    let sound = backtest(&candles, &out, &[]).ok().json();
    spoil(&candles, 1_502, |line| line.replacen(',', ",1x", 1));
    let ended = backtest(&candles, &out, &[]).exits_with(3);
    let report = ended.json();
    assert_eq!((&report["status"], &report["fault"]["kind"]), (&"faulted".into(), &"data".into()));
    assert_says(report["fault"]["place"].as_str().expect("text"), &["candles.csv: line 1502"]);
    assert_says(report["fault"]["detail"].as_str().expect("text"), &["open is not a number", "1x"]);
    assert_says(report["reason"].as_str().expect("text"), &["candles.csv: line 1502", "1x"]);
    assert_says(&ended.stderr, &["error: ", "candles.csv: line 1502"]);
    assert_eq!(report["counts"]["candles"], 1_500, "everything up to there was handled");
    assert!(Some(0) < report["fills"].as_u64() && report["fills"].as_u64() <= sound["fills"].as_u64(), "{report}");
    let written: serde_json::Value =
        serde_json::from_slice(&fs::read(out.join("report.json")).expect("it was written")).expect("JSON");
    assert_eq!(written, report);
    assert_eq!(names(&out), ["equity.csv", "fills.csv", "report.html", "report.json"]);
    let fills = fs::read_to_string(out.join("fills.csv")).expect("it was written");
    assert_eq!(fills.lines().count() as u64, 1 + report["fills"].as_u64().expect("a number"));
}

#[test]
fn a_run_that_cannot_begin_touches_nothing() {
    let folder = temp_dir();
    let (candles, out) = (synth_candles(300, 1, folder.path(), "candles.csv"), folder.path().join("out"));
    fs::create_dir(&out).expect("a folder");
    for file in ["fills.csv", "equity.csv", "report.json"] {
        fs::write(out.join(file), "of an earlier run").expect("it can be written");
    }
    let data = format!("BTC:1m={}", candles.display());
    let (nowhere, out_text) = (folder.path().join("nowhere.wasm"), out.to_str().expect("text"));
    calypte(["backtest", nowhere.to_str().expect("text"), "--data", &data, "--out", out_text]).exits_with(3);
    backtest(&folder.path().join("nowhere.csv"), &out, &[]).exits_with(3);
    backtest(&candles, &out, &["--param", "no-such=1"]).exits_with(2);
    backtest(&candles, &out, &["--from", "2030-01-01"]).exits_with(3);
    spoil(&candles, 2, |line| line.replacen(',', ",1x", 1));
    backtest(&candles, &out, &[]).exits_with(3);
    assert_eq!(names(&out), ["equity.csv", "fills.csv", "report.json"]);
    for file in names(&out) {
        assert_eq!(fs::read_to_string(out.join(&file)).expect("it is there"), "of an earlier run", "{file}");
    }
}

#[test]
fn a_period_without_candles_is_an_error_that_names_what_there_is() {
    let folder = temp_dir();
    let candles = synth_candles(300, 1, folder.path(), "candles.csv");
    let period = ["--from", "2030-01-01", "--to", "2030-02-01"];
    let (strategy, data) = (component("ema-atr"), format!("BTC:1m={}", candles.display()));
    let sweep = ["sweep", strategy.to_str().expect("text"), "--data", &data, "--param", "fast=5..9:2"];
    for ended in [backtest(&candles, &folder.path().join("out"), &period), calypte(sweep.iter().chain(&period))] {
        let ended = ended.exits_with(3);
        let words = format!("{}{}", ended.stdout, ended.stderr);
        assert_says(
            &words,
            &["2030-01-01T00:00:00Z to 2030-02-01T00:00:00Z", "candles.csv", "2024-01-01T00:00:00Z to 2024-01-01T04:59:00Z"],
        );
    }
}

#[test]
fn an_answer_that_does_not_arrive_is_an_error() {
    let folder = temp_dir();
    let candles = synth_candles(300, 1, folder.path(), "candles.csv");
    let (strategy, data) = (component("ema-atr"), format!("BTC:1m={}", candles.display()));
    let (strategy, file) = (strategy.to_str().expect("text"), candles.to_str().expect("text"));
    let commands: [&[&str]; 7] = [
        &["data", "check", file],
        &["data", "check", file, "--json"],
        &["inspect", strategy, "--json"],
        &["backtest", strategy, "--data", &data],
        &["sweep", strategy, "--data", &data, "--param", "fast=5,7", "--json"],
        &["--help"],
        &["backtest", "--help"],
    ];
    for arguments in commands {
        let into = |line: &str| run(Command::new("sh").args(["-c", line, "sh"]).arg(calypte_path()).args(arguments));
        let lost = into("\"$@\" >/dev/full").exits_with(4);
        assert_says(&lost.stderr, &["cannot be written to standard output"]);
        // A reader that has seen enough is no failure.
        into("\"$@\" | true; exit 0").ok();
        let seen_enough = into("{ \"$@\"; echo $? >&2; } | true");
        assert!(seen_enough.stderr.trim_end().ends_with('0'), "{seen_enough}");
    }
}

#[test]
fn files_are_as_readable_as_any_other() {
    let folder = temp_dir();
    let candles = synth_candles(300, 1, folder.path(), "candles.csv");
    let longer = folder.path().join("longer.csv.gz");
    let arguments = ["data", "resample", candles.to_str().expect("text"), "--timeframe", "1h", "--out"];
    calypte(arguments.iter().chain(&[longer.to_str().expect("text")])).ok();
    let out = folder.path().join("out");
    backtest(&candles, &out, &[]).ok();
    let usual = folder.path().join("usual");
    fs::write(&usual, "").expect("it can be written");
    let mode = |path: &Path| fs::metadata(path).expect("it is there").permissions().mode();
    for file in [candles, longer, out.join("fills.csv"), out.join("report.json")] {
        assert_eq!(mode(&file), mode(&usual), "{}", file.display());
    }
}

#[test]
fn a_file_is_not_resampled_onto_itself() {
    let folder = temp_dir();
    let candles = synth_candles(300, 1, folder.path(), "candles.csv");
    fs::hard_link(&candles, folder.path().join("other-name.csv")).expect("it can be linked");
    let before = fs::read(&candles).expect("it is there");
    for out in ["candles.csv", "./candles.csv", "other-name.csv"] {
        let out = folder.path().join(out);
        let arguments = ["data", "resample", candles.to_str().expect("text"), "--timeframe", "1h", "--out"];
        let refused = calypte(arguments.iter().chain(&[out.to_str().expect("text")])).exits_with(2);
        assert_says(&refused.stderr, &["is the file that is read", "another name"]);
        assert_eq!(fs::read(&candles).expect("it is there"), before);
    }
}

#[test]
fn made_up_candles_stay_within_the_time_of_files() {
    let folder = temp_dir();
    let out = folder.path().join("candles.csv");
    let synth = |start: &str| calypte(["data", "synth", "--start", start, "--out", out.to_str().expect("text")]);
    for start in ["9223372036854775807", "9223372036854700000", "9999-12-31", "2099-12-31", "1970-01-01"] {
        assert_says(&synth(start).exits_with(2).stderr, &["10000 candles of 1m", "1970-02-17", "2100-01-01", "another start"]);
    }
    assert_eq!(names(folder.path()), [""; 0]);
    synth("2099-12-20").ok();
    calypte(["data", "check", out.to_str().expect("text")]).ok();
}

#[test]
fn data_check_says_how_it_knows_the_timeframe() {
    let folder = temp_dir();
    let at = |name: &str| folder.path().join(name).to_str().expect("text").to_owned();
    let synth = |name: &str, count: &str| {
        calypte(["data", "synth", "--timeframe", "15m", "--candles", count, "--out", &at(name)]).ok();
    };
    synth("candles.csv", "100");
    synth("BTC-15m.csv", "100");
    synth("one.csv", "1");
    let check = |argument: &str, more: &[&str]| calypte(["data", "check", argument].iter().chain(more));
    for (argument, more, from, words) in [
        (at("candles.csv"), &[][..], "rows", "candles of 15m (as its rows say)"),
        (at("BTC-15m.csv"), &[], "file-name", "candles of 15m (as its name says)"),
        (at("candles.csv"), &["--timeframe", "15m"], "said", "candles of 15m (as was said)"),
        (format!("BTC:15m={}", at("candles.csv")), &[], "said", "candles of 15m (as was said)"),
        (at("one.csv"), &[], "assumed", "give --timeframe"),
    ] {
        assert_says(&check(&argument, more).ok().stdout, &[words]);
        let record = check(&argument, &[more, &["--json"]].concat()).ok().json();
        let file = &record["files"][0];
        assert_eq!(file["timeframe_from"], from, "{record}");
        assert_eq!(file["timeframe"], if from == "assumed" { "1m" } else { "15m" });
    }
    let spec = format!("BTC:15m={}", at("candles.csv"));
    assert_says(&check(&spec, &["--timeframe", "1h"]).exits_with(2).stderr, &["--timeframe", "leave one out"]);
    assert_says(&check("BTC:15q=candles.csv", &[]).exits_with(2).stderr, &["15q", "timeframe"]);
}

#[test]
fn candles_of_another_length_than_was_said_are_told() {
    let folder = temp_dir();
    let made = |name: &str, timeframe: &str| {
        let file = folder.path().join(name).to_str().expect("text").to_owned();
        calypte(["data", "synth", "--timeframe", timeframe, "--candles", "400", "--out", &file]).ok();
        file
    };
    let (five, one) = (made("five.csv", "5m"), made("one.csv", "1m"));
    let strategy = component("ema-atr");
    for (said, file, words) in [("1m", &five, "say 5m instead of 1m"), ("5m", &one, "say 1m instead of 5m")] {
        let (data, line) = (format!("BTC:{said}={file}"), if said == "1m" { "line 52" } else { "line 26" });
        for policy in ["stop", "skip", "repair"] {
            // Where it stops at the first row off the grid, no more than that is known.
            let words = if (said, policy) == ("5m", "stop") { "check the timeframe" } else { words };
            let ended = calypte(["backtest", strategy.to_str().expect("text"), "--data", &data, "--on-bad-data", policy]);
            assert_says(&ended.exits_with(3).stderr, &[file, words]);
        }
        let checked = calypte(["data", "check", &data]).exits_with(1);
        assert_says(&checked.stdout, &[file, line, words]);
    }
    // A check has no policies: nothing is passed over.
    for flag in ["--on-bad-data", "--gaps"] {
        assert_says(&calypte(["data", "check", &one, flag, "stop"]).exits_with(2).stderr, &[flag]);
    }
}

#[test]
fn data_check_looks_at_ticks_too() {
    let folder = temp_dir();
    let file = |name: &str, text: &str| {
        let file = folder.path().join(name);
        fs::write(&file, text).expect("it can be written");
        file.to_str().expect("text").to_owned()
    };
    let trades = file("trades.csv", "time_ms,price,size,side\n1704067200000,100,1,buy\n1704067200001,100.5,2,sell\n");
    let funding = file("rates.csv", "time_ms,funding_rate\n1704067200000,0.0001\n1704067200500,0.0002\n");
    let sound = calypte(["data", "check", &trades]).ok();
    assert_says(&sound.stdout, &["usable: 2 rows of trades, no candles, 2024-01-01"]);
    // Twice in one hour.
    let faulty = calypte(["data", "check", &funding]).exits_with(1);
    assert_says(&faulty.stdout, &["rates.csv: not usable as it is: 1 rows of funding", "line 3"]);
    let both = calypte(["data", "check", &trades, &funding, "--json"]).exits_with(1).json();
    assert_eq!(
        (&both["usable"], &both["files"][0]["usable"], &both["files"][0]["ticks"]),
        (&false.into(), &true.into(), &2.into())
    );
    assert_eq!((&both["files"][1]["content"], &both["files"][1]["rows"]), (&"funding".into(), &2.into()));
    // Who says what a file holds is believed.
    calypte(["data", "check", &format!("BTC:trades={trades}")]).ok();
    assert_says(&calypte(["data", "check", &format!("BTC:quotes={trades}")]).exits_with(1).stdout, &["bid_price", "quotes"]);
    assert_says(&calypte(["data", "check", &trades, "--timeframe", "1m"]).exits_with(1).stdout, &["trades.csv"]);
}

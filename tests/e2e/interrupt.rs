//! An interrupt ends a run in good order: what was done until then is reported, and a sweep can go on.

use calypte::file::UNFINISHED_PREFIX;
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;
use tests::{RUN_SECONDS_MAX, calypte, calypte_path, component, synth_candles, temp_dir};

/// How often is looked whether the run has got far enough.
const LOOK: Duration = Duration::from_millis(5);

/// Runs until `far_enough`, then interrupts as Ctrl-C does; its exit code and what it printed.
pub(crate) fn interrupt(mut command: Command, far_enough: impl Fn() -> bool) -> (Option<i32>, serde_json::Value) {
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("it starts");
    let id = child.id();
    let (sender, ended) = mpsc::channel();
    std::thread::spawn(move || sender.send(Child::wait_with_output(child)));
    let looks = RUN_SECONDS_MAX * 1_000 / u64::try_from(LOOK.as_millis()).expect("short");
    let mut interrupted = false;
    for _ in 0..looks {
        match ended.recv_timeout(LOOK) {
            Ok(output) => {
                assert!(interrupted, "it ended by itself before it had got far enough");
                let output = output.expect("a child can be waited for");
                let text = String::from_utf8_lossy(&output.stdout);
                return (output.status.code(), serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}")));
            }
            Err(RecvTimeoutError::Timeout) if !interrupted && far_enough() => {
                interrupted = true;
                let kill = Command::new("kill").args(["-INT", &id.to_string()]).status().expect("there is a `kill`");
                assert!(kill.success());
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    panic!("it does not end");
}

fn length(path: &Path) -> u64 {
    fs::metadata(path).map_or(0, |file| file.len())
}

#[test]
fn an_interrupted_backtest_reports_what_it_did() {
    let folder = temp_dir();
    let candles = synth_candles(2_000_000, 3, folder.path(), "candles.csv");
    let out = folder.path().join("out");
    let mut command = Command::new(calypte_path());
    command.arg("backtest").arg(component("ema-atr")).arg("--data").arg(format!("BTC:1m={}", candles.display()));
    command.arg("--out").arg(&out).arg("--json");
    let (code, report) = interrupt(command, || unfinished_bytes(&out) > 0);
    assert_eq!((code, &report["status"]), (Some(130), &"cancelled".into()));
    let events = report["events"].as_u64().expect("events are counted");
    assert!(0 < events && events < 2_000_000, "{events} events");
    assert!(report["reason"].as_str().is_some_and(|words| words.starts_with("cancelled at event")), "{report}");
    let written: serde_json::Value =
        serde_json::from_slice(&fs::read(out.join("report.json")).expect("it was written")).expect("JSON");
    assert_eq!(written, report);
    assert!(out.join("report.html").is_file());
}

/// Bytes in the files of a run that have no names yet: they grow while it goes on.
fn unfinished_bytes(folder: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(folder) else { return 0 };
    let unfinished = entries.flatten().filter(|entry| entry.file_name().to_string_lossy().starts_with(UNFINISHED_PREFIX));
    unfinished.map(|entry| length(&entry.path())).sum()
}

#[test]
fn an_interrupted_data_command_leaves_nothing() {
    let folder = temp_dir();
    let out = folder.path().join("candles.csv");
    let mut command = Command::new(calypte_path());
    command.args(["data", "synth", "--json", "--candles", "30000000", "--out"]).arg(&out);
    let (code, error) = interrupt(command, || unfinished_bytes(folder.path()) > 0);
    assert_eq!((code, &error["error"]["exit_code"]), (Some(130), &130.into()));
    assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 0, "neither the file nor a part of it");
}

#[test]
fn an_interrupted_sweep_goes_on_where_it_ended() {
    let folder = temp_dir();
    let candles = synth_candles(5_000, 4, folder.path(), "candles.csv");
    let (strategy, data, out) = (component("ema-atr"), format!("BTC:1m={}", candles.display()), folder.path().join("out"));
    let arguments = |more: &[&str]| {
        let (strategy, out) = (strategy.display().to_string(), out.display().to_string());
        let fixed =
            ["sweep", &strategy, "--data", &data, "--param", "fast=2..51", "--param", "slow=60,70,80,90", "--out", &out];
        fixed.iter().chain(more).map(ToString::to_string).collect::<Vec<_>>()
    };
    let mut command = Command::new(calypte_path());
    command.args(arguments(&["--jobs", "1", "--json"]));
    let journal = out.join("sweep.journal");
    // The head is one line of less than a hundred letters, each row is longer.
    let (code, report) = interrupt(command, || length(&journal) > 500);
    assert_eq!((code, &report["status"]), (Some(130), &"cancelled".into()));
    let done = report["done"].as_u64().expect("a number");
    assert!(0 < done && done < 200, "{done} done");

    let resumed = calypte(arguments(&["--resume", "--json"])).ok().json();
    assert_eq!((&resumed["status"], &resumed["done"]), (&"completed".into(), &200.into()));
    assert_eq!(resumed["resumed"], done);
}

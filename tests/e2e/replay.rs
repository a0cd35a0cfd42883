//! Journals of backtests: they replay equal, another component differs at a named event, and what became of the bytes is said.

use std::fs;
use std::path::{Path, PathBuf};
use tests::{calypte, component, synth_candles, temp_dir};

/// A journal of a backtest of one of the examples.
fn journal(folder: &Path, name: &str, parameters: &[&str]) -> PathBuf {
    let candles = synth_candles(5_000, 11, folder, "candles.csv");
    let journal = folder.join("journal");
    let mut arguments = vec!["backtest".to_owned(), component(name).display().to_string()];
    arguments.extend(["--data".to_owned(), format!("BTC:1m={}", candles.display())]);
    arguments.extend(["--cash".to_owned(), "1000000".to_owned()]);
    arguments.extend(parameters.iter().flat_map(|parameter| ["--param".to_owned(), (*parameter).to_owned()]));
    arguments.extend(["--journal".to_owned(), journal.display().to_string()]);
    calypte(arguments).ok();
    journal
}

fn replay(journal: &Path, more: &[&str]) -> tests::Run {
    let journal = journal.display().to_string();
    calypte(["replay", &journal, "--json"].iter().chain(more))
}

/// The first segment of a journal.
fn segment(journal: &Path) -> PathBuf {
    journal.join("00001-000001.journal")
}

#[test]
fn a_backtest_replays_equal_with_and_without_its_component() {
    let folder = temp_dir();
    let journal = journal(folder.path(), "ema-atr", &["fast=5", "slow=30"]);
    let core = replay(&journal, &[]).ok().json();
    assert_eq!(core["verdict"], "equal");
    let epoch = &core["epochs"][0];
    assert!(epoch["inputs"].as_u64() > Some(10_000), "a candle and an answer to it: {epoch}");
    assert_eq!((&epoch["closed"], &epoch["torn_tail"], &epoch["component_events"]), (&true.into(), &().into(), &0.into()));

    let ema = component("ema-atr").display().to_string();
    let both = replay(&journal, &["--component", &ema]).ok().json();
    assert_eq!(both["verdict"], "equal", "{both}");
    let events = both["epochs"][0]["component_events"].as_u64().expect("a count");
    assert!(events > 5_000, "{events} events");
    assert_eq!(both["epochs"][0]["outputs"], epoch["outputs"]);
    let words = calypte(["replay", &journal.display().to_string()]).ok().stdout;
    assert!(words.contains("equal: outputs compared up to record"), "{words}");
}

#[test]
fn each_run_into_one_folder_is_an_epoch_of_its_own() {
    let folder = temp_dir();
    journal(folder.path(), "ema-atr", &["fast=5", "slow=30"]);
    let journal = journal(folder.path(), "grid", &[]);
    let all = replay(&journal, &[]).ok().json();
    assert_eq!(all["epochs"].as_array().map(Vec::len), Some(2));
    let second = replay(&journal, &["--epoch", "2", "--component", &format!("grid={}", component("grid").display())]);
    assert_eq!(second.ok().json()["verdict"], "equal");
    let none = replay(&journal, &["--epoch", "3"]).exits_with(2).json();
    assert_eq!(none["error"]["message"], "there is no epoch 3 with its beginning; there are 1, 2");
    let nobody = replay(&journal, &["--epoch", "2", "--component", &format!("x={}", component("grid").display())]);
    let nobody = nobody.exits_with(2).json();
    assert!(nobody["error"]["message"].as_str().is_some_and(|words| words.contains("in epoch 2 ran grid")), "{nobody}");
}

#[test]
fn another_component_differs_at_a_named_event() {
    let folder = temp_dir();
    let journal = journal(folder.path(), "donchian", &[]);
    let other = component("ema-atr").display().to_string();
    let run = replay(&journal, &["--component", &other]).exits_with(5).json();
    assert_eq!(run["verdict"], "component-differs");
    let difference = &run["difference"];
    assert_eq!(difference["strategy"], "donchian");
    assert!(difference["event"].as_u64() >= Some(1), "{difference}");
    assert_ne!(difference["expected"], difference["got"]);
    let words = calypte(["replay", &journal.display().to_string(), "--component", &other]).exits_with(5).stdout;
    assert!(words.contains(&format!("donchian does something else at event {}", difference["event"])), "{words}");
}

#[test]
fn a_torn_tail_is_told_and_replays_equal() {
    let folder = temp_dir();
    let journal = journal(folder.path(), "ema-atr", &[]);
    let path = segment(&journal);
    let bytes = fs::read(&path).expect("there is a segment");
    fs::write(&path, &bytes[..bytes.len() - 10]).expect("it is cut");
    let run = replay(&journal, &["--component", &component("ema-atr").display().to_string()]).ok().json();
    let epoch = &run["epochs"][0];
    assert_eq!((&run["verdict"], &epoch["closed"]), (&"equal".into(), &false.into()));
    let torn = &epoch["torn_tail"];
    assert_eq!(torn["segment"], path.display().to_string());
    assert_eq!(torn["offset"].as_u64().zip(torn["bytes"].as_u64()).map(|(at, long)| at + long), Some(bytes.len() as u64 - 10));
    let words = calypte(["replay", &journal.display().to_string()]).ok().stdout;
    assert!(words.contains("ends within a record"), "{words}");
}

#[test]
fn a_flipped_byte_names_its_segment_and_place() {
    let folder = temp_dir();
    let journal = journal(folder.path(), "ema-atr", &[]);
    let path = segment(&journal);
    let mut bytes = fs::read(&path).expect("there is a segment");
    let place = bytes.len() / 2;
    bytes[place] ^= 4;
    fs::write(&path, &bytes).expect("it is damaged");
    let error = replay(&journal, &[]).exits_with(3).json();
    let message = error["error"]["message"].as_str().expect("a message");
    let offset = message.rsplit(' ').next().and_then(|offset| offset.parse::<usize>().ok()).expect(message);
    assert!(message.starts_with(&format!("segment {path:?} is damaged at byte ")), "{message}");
    assert!(offset <= place && place < offset + 4_096, "byte {place}: {message}");
    assert!(error["error"]["causes"][0].as_str().is_some_and(|cause| cause.contains("record")), "{error}");
    let missing = replay(folder.path(), &[]).exits_with(3).json();
    assert!(missing["error"]["message"].as_str().is_some_and(|words| words.contains("holds no journal")), "{missing}");
}

//! Drift: a run decides in a backtest of its journal what it decided then, and what differs is named event by event.

use std::fs;
use std::path::{Path, PathBuf};
use tests::{calypte, component, synth_candles, temp_dir};

/// A journal of a backtest of examples over one market: it was given its candles as a session is.
fn journal(folder: &Path, names: &[&str], more: &[&str]) -> PathBuf {
    let candles = synth_candles(5_000, 11, folder, "candles.csv");
    let journal = folder.join("journal");
    let mut arguments = vec!["backtest".to_owned()];
    arguments.extend(names.iter().map(|name| component(name).display().to_string()));
    arguments.extend(["--data".to_owned(), format!("BTC:1m={}", candles.display())]);
    arguments.extend(["--cash".to_owned(), "1000000".to_owned()]);
    arguments.extend(["--journal".to_owned(), journal.display().to_string()]);
    arguments.extend(more.iter().map(|argument| (*argument).to_owned()));
    calypte(arguments).ok();
    journal
}

fn drift(journal: &Path, components: &[String]) -> tests::Run {
    let mut arguments = vec!["drift".to_owned(), journal.display().to_string(), "--json".to_owned()];
    arguments.extend(components.iter().flat_map(|component| ["--component".to_owned(), component.clone()]));
    calypte(arguments)
}

fn file(name: &str) -> String {
    component(name).display().to_string()
}

fn played_by(strategy: &str, name: &str) -> String {
    format!("{strategy}={}", file(name))
}

#[test]
fn a_run_decides_again_what_it_decided() {
    let folder = temp_dir();
    let journal = journal(folder.path(), &["ema-atr"], &["--param", "fast=5", "--param", "slow=30"]);
    let drift = drift(&journal, &[file("ema-atr")]).ok().json();
    assert_eq!((&drift["verdict"], &drift["left_out"]), (&"equal".into(), &serde_json::json!([])));
    let span = &drift["spans"][0];
    assert_eq!(
        (&span["strategy"], &span["ended"], &span["same_component"]),
        (&"ema-atr".into(), &"stopped".into(), &true.into())
    );
    assert!(span["decided"].as_u64() > Some(50), "{span}");
    assert_eq!(span["compared"].as_u64().zip(span["warm_up"].as_u64()).map(|(live, history)| live + history), Some(5_000));
    let fills = &span["fills"];
    assert!(fills["orders_both"].as_u64() > Some(50), "{fills}");
    assert_eq!((&fills["orders_live"], &fills["orders_backtest"]), (&fills["orders_both"], &fills["orders_both"]));
    assert_eq!(fills["worse_bps_max"].as_f64(), Some(0.0), "the same exchange filled both");
    let words = calypte(["drift", &journal.display().to_string(), "--component", &file("ema-atr")]).ok().stdout;
    assert!(words.contains("events compared") && words.contains(": 0 differ"), "{words}");
}

#[test]
fn each_strategy_of_an_account_is_run_by_itself() {
    let folder = temp_dir();
    let journal = journal(folder.path(), &["ema-atr", "grid"], &[]);
    let whose = drift(&journal, &[file("ema-atr")]).exits_with(2).json();
    let message = whose["error"]["message"].as_str().expect("a message");
    assert!(message.contains("is of no strategy in particular; in the journal ran ema-atr, grid"), "{message}");
    let nobody = drift(&journal, &[played_by("sma", "grid")]).exits_with(2).json();
    assert!(nobody["error"]["message"].as_str().is_some_and(|words| words.starts_with("there is no strategy")), "{nobody}");

    let one = drift(&journal, &[played_by("grid", "grid")]).ok().json();
    assert_eq!((one["spans"].as_array().map(Vec::len), &one["left_out"]), (Some(1), &serde_json::json!(["ema-atr"])));
    // Orders of both are numbered together in the account, and each by itself here: what it cancels is the same order.
    let both = drift(&journal, &[played_by("grid", "grid"), played_by("ema-atr", "ema-atr")]).ok().json();
    assert_eq!(both["spans"].as_array().map(Vec::len), Some(2), "{both}");
}

#[test]
fn fills_that_came_otherwise_show_in_what_follows_from_them() {
    let folder = temp_dir();
    let journal = journal(folder.path(), &["grid"], &["--fill", "through"]);
    let drift = drift(&journal, &[file("grid")]).exits_with(5).json();
    let span = &drift["spans"][0];
    assert_eq!((&drift["verdict"], &span["same_component"]), (&"different".into(), &true.into()));
    let rows = span["rows"].as_array().expect("rows");
    let first = rows.iter().find(|row| row["equal"] == false).expect("a row that differs");
    assert_eq!(&span["first_difference"], first);
    assert_ne!(first["live"], first["backtest"]);
    let differing = rows.iter().filter(|row| row["equal"] == false).count() as u64;
    assert_eq!(span["different"].as_u64(), Some(differing), "all rows are there");
    let words = calypte(["drift", &journal.display().to_string(), "--component", &file("grid")]).exits_with(5).stdout;
    assert!(words.contains("first difference: ") && words.lines().any(|line| line.starts_with('*')), "{words}");
}

#[test]
fn a_journal_that_was_cut_is_compared_up_to_its_end() {
    let folder = temp_dir();
    let journal = journal(folder.path(), &["ema-atr"], &["--param", "fast=5", "--param", "slow=30"]);
    let path = journal.join("00001-000001.journal");
    let bytes = fs::read(&path).expect("there is a segment");
    fs::write(&path, &bytes[..bytes.len() / 2]).expect("it is cut");
    let drift = drift(&journal, &[file("ema-atr")]).ok().json();
    let span = &drift["spans"][0];
    assert_eq!((&span["ended"], &span["different"]), (&"the journal ends".into(), &0.into()));
    assert!(span["compared"].as_u64().is_some_and(|compared| (1_000..4_000).contains(&compared)), "{span}");
}

#[test]
fn what_cannot_be_compared_is_said() {
    let folder = temp_dir();
    let none = drift(folder.path(), &[file("ema-atr")]).exits_with(3).json();
    assert!(none["error"]["message"].as_str().is_some_and(|words| words.contains("holds no journal")), "{none}");
    let journal = journal(folder.path(), &["donchian"], &[]);
    let other = drift(&journal, &[file("ema-atr")]).exits_with(2).json();
    assert!(other["error"]["message"].as_str().is_some_and(|words| words.contains("has no parameter")), "{other}");
}

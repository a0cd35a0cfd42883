//! An account that goes on from its journal with another component than wrote it.

use crate::devnet::{Devnet, FAST};
use calypte::journal::Epoch;
use calypte_kernel::journal::Record;
use calypte_kernel::{Answer, Input};
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;
use tests::{calypte, calypte_path, component, temp_dir};

/// Longest that a test waits for a strategy to decide something.
const PATIENCE: Duration = Duration::from_mins(2);
/// How often its journal is looked at.
const LOOK: Duration = Duration::from_millis(500);

/// Whether a strategy decided something that is in the journal.
fn has_decided(journal: &Path) -> bool {
    let Ok(epochs) = Epoch::all(journal) else { return false };
    epochs.iter().any(|epoch| {
        let mut reader = epoch.read();
        // What is being written may be torn: then there is more to come.
        std::iter::from_fn(|| reader.next().ok().flatten()).any(|entry| {
            matches!(&entry.record, Record::Input(Input::HookEnded(ended))
                if matches!(&ended.answer, Answer::Intents(intents) if !intents.is_empty()))
        })
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_strategy_that_answers_its_past_otherwise_fails_and_its_account_goes_on() {
    let devnet = Devnet::start(&FAST);
    let folder = temp_dir();
    let strategy = folder.path().join("member.wasm");
    let be = |name: &str| {
        fs::copy(component(name), &strategy).expect("the test's folder can be written");
    };
    let mut words = ["run", "--symbol", "BTC", "--json", "--url"].map(str::to_owned).to_vec();
    words.extend([devnet.url("url"), "--state".to_owned(), folder.path().join("state").display().to_string()]);
    words.push(strategy.display().to_string());

    be("grid");
    let child =
        Command::new(calypte_path()).args(&words).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
    let mut trader = child.expect("it starts");
    let mut ticks = tokio::time::interval(LOOK);
    let deciding = async {
        while !has_decided(&folder.path().join("state/journal")) {
            ticks.tick().await;
        }
    };
    tokio::time::timeout(PATIENCE, deciding).await.expect("the strategy decides");
    // Killed without a warning.
    trader.kill().expect("it is ours");
    trader.wait().expect("it is ours");

    be("ema-atr");
    words.extend(["--duration", "4s"].map(str::to_owned));
    let imposter = calypte(&words);
    assert_eq!(imposter.code, Some(1), "{imposter}");
    assert!(imposter.stderr.contains("member fails at its next event: it answers event"), "{imposter}");
    let record = imposter.json();
    assert!(record["strategies"][0]["state"].as_str().is_some_and(|state| state.starts_with("faulted")), "{record}");
}

//! The kill switch from outside: a file ends what a running process does at the exchange, and holds over restarts.

use crate::devnet::{ACCOUNT, Devnet, FAST, KEY};
use std::fs;
use std::io::Read as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tests::{calypte, calypte_path, component, temp_dir};

/// Longest that a test waits for a strategy to trade.
const PATIENCE: Duration = Duration::from_mins(2);
/// How often the exchange is asked.
const ASK_EVERY: Duration = Duration::from_millis(500);

/// How a strategy is run with a real account.
fn arguments(devnet: &Devnet, folder: &Path) -> Vec<String> {
    let words = ["run", "--symbol", "BTC", "--mode", "live", "--account", ACCOUNT, "--json", "--param", "size=0.001", "--url"];
    let mut words = words.map(str::to_owned).to_vec();
    words.push(devnet.url("url"));
    for (flag, name) in [("--key-file", "key"), ("--state", "state")] {
        words.extend([flag.to_owned(), folder.join(name).display().to_string()]);
    }
    words.push(component("grid").display().to_string());
    words
}

/// A strategy that trades with a real account, in a process of its own.
struct Trader(Child);

impl Trader {
    fn start(devnet: &Devnet, folder: &Path) -> Self {
        let child = Command::new(calypte_path())
            .args(arguments(devnet, folder))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("it starts");
        Self(child)
    }

    /// Ends it in order; what it says at the end.
    fn end(mut self) -> serde_json::Value {
        let id = self.0.id().to_string();
        assert!(Command::new("kill").args(["-INT", &id]).status().expect("there is a `kill`").success());
        let mut text = String::new();
        self.0.stdout.as_mut().expect("stdout is piped").read_to_string(&mut text).expect("it ends");
        assert_eq!(self.0.wait().expect("it ends").code(), Some(0), "{text}");
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text:?}"))
    }
}

impl Drop for Trader {
    fn drop(&mut self) {
        // Where a test failed before it ended it. One that has ended cannot be killed, and needs not.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// What the exchange says of the account: how many orders are open, and positions.
async fn held(devnet: &Devnet) -> (usize, usize) {
    let ask = async |kind: &str| devnet.ask_from_elsewhere(&format!(r#"{{"type":"{kind}","user":"{ACCOUNT}"}}"#)).await;
    let count = |value: &serde_json::Value| value.as_array().expect("a list").len();
    (count(&ask("openOrders").await), count(&ask("clearinghouseState").await["assetPositions"]))
}

/// Waits until the account holds a position and has orders beside it.
async fn until_it_trades(devnet: &Devnet) {
    let mut ticks = tokio::time::interval(ASK_EVERY);
    let trading = async {
        loop {
            let (orders, positions) = held(devnet).await;
            if orders > 0 && positions > 0 {
                return;
            }
            ticks.tick().await;
        }
    };
    tokio::time::timeout(PATIENCE, trading).await.expect("the strategy trades");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_ends_what_a_process_does_and_holds_until_it_is_armed_again() {
    let devnet = Devnet::start(&FAST);
    let folder = temp_dir();
    fs::write(folder.path().join("key"), KEY).expect("the test's folder can be written");
    let state = folder.path().join("state").display().to_string();
    let trader = Trader::start(&devnet, folder.path());
    until_it_trades(&devnet).await;

    let cancelled = calypte(["kill", "--all", "--state", &state, "--json"]).ok().json();
    assert_eq!(cancelled["action"], "cancel", "{cancelled}");
    assert_eq!(cancelled["accounts"][0]["standing"]["killed_by"], "the operator", "{cancelled}");
    assert_eq!(held(&devnet).await, (0, 1), "orders are gone, by the exchange's own word, and the position stays");
    let flattened = calypte(["kill", "--all", "--flatten", "--state", &state, "--json"]).ok().json();
    assert_eq!(flattened["accounts"][0]["standing"]["positions"], serde_json::json!([]), "{flattened}");
    assert_eq!(held(&devnet).await, (0, 0));
    trader.end();

    // Nobody trades the account: the file stays, and is obeyed at the next start.
    let table = calypte(["kill", "--all", "--state", &state, "--wait", "1s"]);
    assert_eq!(table.code, Some(1), "{table}");
    assert!(table.stdout.contains("not done"), "{table}");
    let mut for_a_while = arguments(&devnet, folder.path());
    for_a_while.extend(["--duration", "4s"].map(str::to_owned));
    let denied = calypte(&for_a_while).ok().json();
    assert_eq!((&denied["accepted"], &denied["positions"]), (&0.into(), &serde_json::json!([])), "{denied}");
    assert!(denied["denied_by_code"]["killed"].as_u64() > Some(0), "it wanted to trade: {denied}");

    let trader = Trader::start(&devnet, folder.path());
    let again = calypte(["kill", "--all", "--pause", "--state", &state, "--json"]).ok().json();
    assert_eq!(again["accounts"][0]["standing"]["action"], "flatten", "a weaker one loosens nothing: {again}");
    let armed = calypte(["kill", "--all", "--rearm", "--state", &state, "--json"]).ok().json();
    assert_eq!(armed["accounts"][0]["standing"]["killed_by"], serde_json::Value::Null, "{armed}");
    assert!(!folder.path().join("state/kill").exists());
    trader.end();
    let trades = calypte(&for_a_while).ok().json();
    assert!(trades["accepted"].as_u64() > Some(0), "{trades}");
}

#[test]
fn a_kill_that_nobody_would_obey_is_said() {
    let folder = temp_dir();
    let state = folder.path().display().to_string();
    let nowhere = calypte(["kill", "--all", "--state", "/nowhere/at/all"]);
    assert_eq!(nowhere.code, Some(4), "{nowhere}");
    let nobody = calypte(["kill", "--account", "alice", "--state", &state]);
    assert_eq!(nobody.code, Some(2), "{nobody}");
    assert!(nobody.stderr.contains("no account alice"), "{nobody}");
    for wrong in
        [&["kill", "--all"][..], &["kill", "--state", &state], &["kill", "--all", "--flatten", "--pause", "--state", &state]]
    {
        assert_eq!(calypte(wrong.iter().copied()).code, Some(2));
    }
}

//! The whole system as processes of their own: exchange socket, market data service, a real bus, user engine, sandboxed strategy,
//! signed orders at the exchange. What the strategy decides there is what it decides in a backtest of its journal.

mod watched;

use crate::bus::connect;
use crate::devnet::{ACCOUNT, Devnet, KEY};
use calypte::bus::{Retention, StreamName, Streams as _};
use calypte::control::Control;
use calypte::drift::Span;
use calypte::journal::Epoch;
use calypte::market_data::candle_of;
use calypte_kernel::journal::Record;
use calypte_kernel::{Input, VenueEvent};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;
use tests::{RedisServer, calypte, calypte_path, component, temp_dir};

const MINUTE: i64 = 60_000;
/// Parameters that let the averages cross while a test waits.
const PARAMETERS: [&str; 5] = ["fast=3", "slow=8", "atr=5", "filter=0", "size=0.01"];
/// Fills after which there is something to compare.
const FILLS: usize = 4;

/// How often the exchange is asked.
const ASK_EVERY: Duration = Duration::from_secs(1);
/// Longest that a test waits for the strategy to trade.
const PATIENCE: Duration = Duration::from_mins(4);

/// A service of ours.
struct Service {
    child: Child,
    stdout: BufReader<ChildStdout>,
}

impl Service {
    fn start(command: &str, config: &Path) -> Self {
        Self::start_with(command, config, &[])
    }

    fn start_with(command: &str, config: &Path, more: &[&str]) -> Self {
        let said = config.with_file_name(format!("{command}.log"));
        let said = fs::File::options().create(true).append(true).open(said).expect("the test's folder can be written");
        let mut child = Command::new(calypte_path())
            .args([command, "--json", "--config"])
            .arg(config)
            .args(more)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(said)
            .spawn()
            .expect("it starts");
        let mut stdout = BufReader::new(child.stdout.take().expect("stdout is piped"));
        let mut line = String::new();
        stdout.read_line(&mut line).expect("it says that it works");
        assert!(line.starts_with('{'), "{command} says {line:?}");
        Self { child, stdout }
    }

    /// Ends it in order; what it says at the end.
    fn end(mut self) -> serde_json::Value {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().expect("there is a `kill`").success());
        let mut rest = String::new();
        self.stdout.read_to_string(&mut rest).expect("it ends");
        assert_eq!(self.child.wait().expect("it ends").code(), Some(0), "{rest}");
        serde_json::from_str(&rest).unwrap_or_else(|error| panic!("{error}: {rest:?}"))
    }

    /// Ends it without a warning.
    fn kill(mut self) {
        self.child.kill().expect("our own child can be killed");
        self.child.wait().expect("our own child can be waited for");
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // Where a test failed before it ended it. One that has ended cannot be killed, and needs not.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Writes what the services work with.
fn configure(folder: &Path, redis: &str, exchange: &str) -> std::path::PathBuf {
    let key = folder.join("alice.key");
    fs::write(&key, KEY).expect("the test's folder can be written");
    let parameters = PARAMETERS.map(|pair| pair.replace('=', " = ")).join(", ");
    let text = format!(
        "[bus]\nurl = \"{redis}\"\n[exchange]\nnetwork = \"devnet\"\nurl = \"{exchange}\"\n\
         [market-data]\nname = \"market-data-1\"\nhistory = 100\n[engine]\nname = \"engine-1\"\nstate = \"state\"\n\
         [[account]]\nname = \"alice\"\nmode = \"live\"\naddress = \"{ACCOUNT}\"\nkey-file = \"alice.key\"\n\
         symbols = [\"BTC\"]\ntimeframes = [\"1m\"]\n[[account.strategy]]\nname = \"ema-atr\"\ncomponent = \"{}\"\n\
         parameters = {{ {parameters} }}\n",
        component("ema-atr").display()
    );
    let path = folder.join("calypte.toml");
    fs::write(&path, text).expect("the test's folder can be written");
    path
}

/// The account's fills, as the exchange says them.
async fn fills_at(devnet: &Devnet) -> usize {
    let fills = devnet.ask_from_elsewhere(&format!(r#"{{"type":"userFills","user":"{ACCOUNT}"}}"#)).await;
    fills.as_array().expect("a list").len()
}

/// Waits until the exchange has so many fills of the account. Where it never does, shows what the services said.
async fn until_filled(devnet: &Devnet, folder: &Path, fills: usize) {
    let mut ticks = tokio::time::interval(ASK_EVERY);
    let waiting = async {
        while fills_at(devnet).await < fills {
            ticks.tick().await;
        }
    };
    if tokio::time::timeout(PATIENCE, waiting).await.is_err() {
        let said = |command| fs::read_to_string(folder.join(format!("{command}.log"))).unwrap_or_default();
        panic!("there never were {fills} fills\n{}\n{}", said("market-data"), said("engine"));
    }
}

/// What strategies were given, by the account's journal.
async fn given(journal: &Path) -> Vec<Span> {
    calypte::drift::spans(journal, None, &Control::default()).await.expect("a sound journal")
}

/// How many fills a journal has: after a restart the exchange says them again.
fn fills_in(journal: &Path) -> usize {
    let mut fills = BTreeSet::new();
    for epoch in Epoch::all(journal).expect("a journal") {
        let mut reader = epoch.read();
        while let Some(entry) = reader.next().expect("it is sound") {
            if let Record::Input(Input::Venue(VenueEvent::Fill(fill))) = entry.record {
                fills.insert((fill.venue_order, fill.trade_id));
            }
        }
    }
    fills.len()
}

/// What a backtest of the journal decides, beside what was decided.
fn drift(journal: &Path) -> serde_json::Value {
    let (journal, component) = (journal.display().to_string(), component("ema-atr").display().to_string());
    calypte(["drift", &journal, "--component", &component, "--json"]).ok().json()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_strategy_decides_over_the_bus_what_it_decides_in_a_backtest_of_the_recording() {
    let Some(redis) = RedisServer::start(&[]) else { return };
    let devnet = Devnet::start(&crate::devnet::FAST);
    let folder = temp_dir();
    let config = configure(folder.path(), &redis.url(), &devnet.url("url"));
    let market_data = Service::start("market-data", &config);
    let engine = Service::start("engine", &config);
    until_filled(&devnet, folder.path(), FILLS).await;
    let traded = engine.end();
    let served = market_data.end();

    let session = &traded["accounts"][0]["session"];
    assert_eq!(session["strategies"][0]["state"], "stopped", "{traded}");
    assert_eq!((&session["rejected"], &session["denied"]), (&0.into(), &0.into()), "{traded}");
    assert!(served["published"].as_u64() > Some(100), "{served}");

    let journal = folder.path().join("state/accounts/alice/journal");
    assert_eq!(fills_in(&journal), fills_at(&devnet).await, "every fill of the exchange is in the journal");
    let span = &drift(&journal)["spans"][0];
    assert_eq!((&span["ended"], &span["same_component"], &span["different"]), (&"stopped".into(), &true.into(), &0.into()));
    assert!(span["decided"].as_u64() >= Some(FILLS as u64 - 1), "nothing is compared: {span}");

    // What the strategy was given is what is on the stream, each candle once.
    let stream: StreamName = "md.BTC.1m".parse().expect("a stream");
    let entries = connect(&redis, Retention::default()).await.newest(&stream, 10_000).await.expect("the server answers");
    let on_stream: BTreeMap<_, _> = entries.iter().filter_map(candle_of).map(|candle| (candle.open_time, candle)).collect();
    assert_eq!(on_stream.len(), entries.iter().filter_map(candle_of).count(), "each candle is there once");
    let spans = given(&journal).await;
    let candles = spans.iter().flat_map(|span| span.candles.values().flatten()).collect::<Vec<_>>();
    assert!(candles.len() > FILLS && candles.iter().all(|candle| on_stream.get(&candle.open_time) == Some(*candle)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_engine_and_a_killed_market_data_service_go_on_where_they_were() {
    let Some(redis) = RedisServer::start(&[]) else { return };
    let devnet = Devnet::start(&crate::devnet::FAST);
    let folder = temp_dir();
    let config = configure(folder.path(), &redis.url(), &devnet.url("url"));
    let market_data = Service::start("market-data", &config);
    let engine = Service::start("engine", &config);
    until_filled(&devnet, folder.path(), 2).await;
    // Both die at once; their leases run out, and whoever comes next goes on.
    engine.kill();
    market_data.kill();
    let before = fills_at(&devnet).await;
    let market_data = Service::start("market-data", &config);
    let engine = Service::start("engine", &config);
    until_filled(&devnet, folder.path(), before + 2).await;
    let traded = engine.end();
    market_data.end();
    assert_eq!(traded["accounts"][0]["session"]["strategies"][0]["state"], "stopped", "{traded}");

    let journal = folder.path().join("state/accounts/alice/journal");
    assert_eq!(fills_in(&journal), fills_at(&devnet).await, "every fill of the exchange is in the journal");
    let spans = given(&journal).await;
    let opens = spans.iter().flat_map(|span| span.candles.values().flatten()).map(|candle| candle.open_time.as_millis());
    let opens = opens.collect::<Vec<_>>();
    assert!(opens.windows(2).all(|pair| pair[1] == pair[0] + MINUTE), "no candle is missing, and none comes twice: {opens:?}");
    // One strategy, over both processes: where candles came late, it decided on them all the same.
    let drift = drift(&journal);
    let span = &drift["spans"][0];
    assert_eq!((drift["spans"].as_array().map(Vec::len), &span["different"]), (Some(1), &0.into()), "{drift}");
}

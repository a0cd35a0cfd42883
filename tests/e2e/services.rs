//! The whole system as processes of their own: exchange socket, market data service, a real bus, user engine, sandboxed strategy,
//! signed orders at the exchange. What the strategy decides there is what it decides in a backtest of what was recorded.

use crate::bus::connect;
use crate::devnet::{ACCOUNT, Devnet, KEY};
use crate::in_process::{request, run, settings};
use calypte::bus::{Retention, StreamName, Streams as _};
use calypte::data::CandleWriter;
use calypte::journal::Epoch;
use calypte::market_data::candle_of;
use calypte::request::RunSettings;
use calypte::run::Way;
use calypte_kernel::journal::{Record, Replay};
use calypte_kernel::{
    Answer, Candle, CandleEvent, Decimal, Event, Hook, HookEnded, Input, Output, Refusal, StrategyId, Timestamp, VenueEvent,
    VenueFill,
};
use calypte_sim::{EquityPoint, Observer};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tests::{RedisServer, calypte_path, component, temp_dir};

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
        let said = config.with_file_name(format!("{command}.log"));
        let said = fs::File::options().create(true).append(true).open(said).expect("the test's folder can be written");
        let mut child = Command::new(calypte_path())
            .args([command, "--json", "--config"])
            .arg(config)
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

/// What a journal recorded.
#[derive(Debug, Clone, Default)]
struct Recorded {
    /// Candles that the strategy was given, in order.
    candles: Vec<Candle>,
    /// Open time of the first that was no history.
    from: Option<Timestamp>,
    /// What was decided on a candle, by when it closed.
    decisions: Vec<String>,
    /// Fills by order and trade: after a restart the exchange says them again.
    fills: BTreeSet<(u64, u64)>,
}

fn recorded(journal: &Path) -> Recorded {
    let (mut recorded, mut replay) = (Recorded::default(), Replay::default());
    let mut delivered: BTreeMap<u64, CandleEvent> = BTreeMap::new();
    for (place, epoch) in Epoch::all(journal).expect("a journal").iter().enumerate() {
        if place > 0 {
            replay.next_epoch();
        }
        let mut reader = epoch.read();
        while let Some(entry) = reader.next().expect("it is sound") {
            match &entry.record {
                Record::Input(Input::HookEnded(HookEnded { number, answer: Answer::Intents(intents), .. })) => {
                    if let (Some(event), false) = (delivered.get(&number.get()), intents.is_empty()) {
                        let close = event.candle.open_time.as_millis() + MINUTE;
                        recorded.decisions.push(format!("{close}: {intents:?}"));
                    }
                }
                Record::Input(Input::Venue(VenueEvent::Fill(fill))) => {
                    recorded.fills.insert((fill.venue_order.get(), fill.trade_id.get()));
                }
                _ => {}
            }
            let step = replay.apply(entry.number, entry.time, entry.record).expect("it replays");
            for output in step.outputs {
                let Output::Deliver(deliver) = output else { continue };
                let Hook::Event(Event::Candle(event)) = deliver.hook else { continue };
                if !event.warm_up && recorded.from.is_none() {
                    recorded.from = Some(event.candle.open_time);
                }
                recorded.candles.push(event.candle);
                delivered.insert(deliver.number.get(), event);
            }
        }
    }
    recorded
}

/// What a backtest decides, by the same words.
#[derive(Debug, Clone, Default)]
struct Decisions(Arc<Mutex<Vec<String>>>);

impl Observer for Decisions {
    fn fill(&mut self, _strategy: StrategyId, _fill: &VenueFill, _position: Decimal) {}

    fn equity(&mut self, _point: EquityPoint) {}

    fn answered(&mut self, time: Timestamp, ended: &HookEnded) {
        if let Answer::Intents(intents) = &ended.answer
            && !intents.is_empty()
        {
            self.0.lock().expect("nobody panicked with it").push(format!("{}: {intents:?}", time.as_millis()));
        }
    }

    fn denied(&mut self, _time: Timestamp, _strategy: StrategyId, refusal: &Refusal) {
        panic!("nothing is to be denied here: {}: {}", refusal.code, refusal.message);
    }
}

/// What the same strategy decides over recorded candles.
fn backtested(recorded: &Recorded, folder: &Path) -> Vec<String> {
    let file = folder.join("recorded.csv");
    let mut writer = CandleWriter::create(&file).expect("a format");
    recorded.candles.iter().for_each(|candle| writer.write(candle).expect("the test's folder can be written"));
    writer.finish().expect("the test's folder can be written");
    let decisions = Decisions::default();
    let settings = RunSettings { from: recorded.from, ..settings() };
    let request = request(&[component("ema-atr")], &PARAMETERS, &file, settings);
    let report = run(request, Box::new(decisions.clone()), Way::Call).expect("the backtest runs");
    assert_eq!(report.outcome.status, calypte_sim::RunStatus::Completed);
    decisions.0.lock().expect("nobody panicked with it").clone()
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
    let recorded = recorded(&journal);
    assert_eq!(recorded.fills.len(), fills_at(&devnet).await, "every fill of the exchange is in the journal");
    let mut tested = {
        let (recorded, folder) = (recorded.clone(), folder.path().to_owned());
        // It makes a runtime of its own.
        tokio::task::spawn_blocking(move || backtested(&recorded, &folder)).await.expect("it does not panic")
    };
    let mut lived = recorded.decisions.clone();
    // The end of a backtest's data stops its strategies, as the end of the session does.
    let last = recorded.candles.last().expect("there were candles").open_time.as_millis() + MINUTE;
    for decisions in [&mut tested, &mut lived] {
        decisions.retain(|line| !line.starts_with(&last.to_string()));
    }
    assert!(lived.len() >= FILLS - 1, "only {lived:?}: nothing is compared");
    assert_eq!(lived, tested);

    // What the strategy was given is what is on the stream, each candle once.
    let stream: StreamName = "md.BTC.1m".parse().expect("a stream");
    let entries = connect(&redis, Retention::default()).await.newest(&stream, 10_000).await.expect("the server answers");
    let on_stream: BTreeMap<_, _> = entries.iter().filter_map(candle_of).map(|candle| (candle.open_time, candle)).collect();
    assert_eq!(on_stream.len(), entries.iter().filter_map(candle_of).count(), "each candle is there once");
    assert!(recorded.candles.iter().all(|candle| on_stream.get(&candle.open_time) == Some(candle)));
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

    let recorded = recorded(&folder.path().join("state/accounts/alice/journal"));
    assert_eq!(recorded.fills.len(), fills_at(&devnet).await, "every fill of the exchange is in the journal");
    let opens = recorded.candles.iter().map(|candle| candle.open_time.as_millis()).collect::<Vec<_>>();
    assert!(opens.windows(2).all(|pair| pair[1] == pair[0] + MINUTE), "no candle is missing, and none comes twice: {opens:?}");
}

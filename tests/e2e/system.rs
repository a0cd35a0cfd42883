//! The whole system as processes of their own: exchange, bus, market data service, user engine. What tests of it start, wait for and
//! look at; it holds no test.

mod books;
mod service;

pub(crate) use books::{Gap, MINUTE, Opens, candles_given, drift, fills_in, gaps_in, orders_at};
pub(crate) use service::Service;

use crate::bus::connect;
use crate::devnet::{ACCOUNT, Devnet, FAST, KEY};
use calypte::bus::{Retention, StreamName, Streams as _};
use calypte::journal::Tail;
use calypte::market_data::candle_of;
use calypte_kernel::journal::Record;
use calypte_kernel::{Input, MarketEvent};
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tests::{RedisServer, component, temp_dir};

/// Parameters that let the averages cross while a test waits.
const PARAMETERS: [&str; 5] = ["fast=3", "slow=8", "atr=5", "filter=0", "size=0.01"];
/// How often the exchange is asked.
const ASK_EVERY: Duration = Duration::from_secs(1);
/// How often it is looked at what costs nothing.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// Longest that a test waits for something that has to happen.
pub(crate) const PATIENCE: Duration = Duration::from_mins(4);

/// Writes what the services work with. `engine` are further lines of the engine's table.
pub(crate) fn configure(folder: &Path, redis: &str, exchange: &str, engine: &str) -> PathBuf {
    let key = folder.join("alice.key");
    fs::write(&key, KEY).expect("the test's folder can be written");
    let parameters = PARAMETERS.map(|pair| pair.replace('=', " = ")).join(", ");
    let text = format!(
        "[bus]\nurl = \"{redis}\"\n[exchange]\nnetwork = \"devnet\"\nurl = \"{exchange}\"\n\
         [market-data]\nname = \"market-data-1\"\nhistory = 100\n[engine]\nname = \"engine-1\"\nstate = \"state\"\n{engine}\
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
pub(crate) async fn fills_at(devnet: &Devnet) -> usize {
    let fills = devnet.ask_from_elsewhere(&format!(r#"{{"type":"userFills","user":"{ACCOUNT}"}}"#)).await;
    fills.as_array().expect("a list").len()
}

/// Where the account's journal is.
pub(crate) fn journal(folder: &Path) -> PathBuf {
    folder.join("state/accounts/alice/journal")
}

/// The whole system, and what was seen of it. All of it ends with this.
pub(crate) struct System {
    pub(crate) devnet: Devnet,
    pub(crate) folder: TempDir,
    pub(crate) config: PathBuf,
    pub(crate) market_data: Option<Service>,
    pub(crate) engine: Option<Service>,
    tail: Tail,
    /// What went wrong, and how long after its end everything went on.
    recovered: Vec<(String, Duration)>,
}

/// What a system left behind that ended in order.
pub(crate) struct EndedSystem {
    /// What the engine said at its end.
    pub(crate) traded: serde_json::Value,
    /// What the market data service said at its end.
    pub(crate) served: serde_json::Value,
    /// The candles that the strategy was given, from each of its starts to its end.
    pub(crate) given: Vec<Opens>,
    /// The gaps that the account was told of.
    pub(crate) gaps: Vec<Gap>,
}

impl EndedSystem {
    /// The candles that were missing, from each start of the strategy to its end.
    pub(crate) fn missing(&self) -> Vec<Vec<(i64, u32)>> {
        self.given.iter().map(Opens::missing).collect()
    }
}

impl System {
    /// An exchange, and services that are not started yet. `bus` is the address of theirs, and `exchange` says where they find the
    /// exchange, given where it is.
    pub(crate) fn new(bus: &str, exchange: impl FnOnce(String) -> String, engine: &str) -> Self {
        let devnet = Devnet::start(&FAST);
        let folder = temp_dir();
        let config = configure(folder.path(), bus, &exchange(devnet.url("url")), engine);
        let tail = Tail::new(&journal(folder.path()));
        Self { devnet, folder, config, market_data: None, engine: None, tail, recovered: Vec::new() }
    }

    /// The system on a bus, at work: the strategy has traded.
    pub(crate) async fn trading(redis: &RedisServer) -> Self {
        let mut system = Self::new(&redis.url(), |exchange| exchange, "");
        system.start();
        system.until_filled(1).await;
        system
    }

    /// Starts whichever service does not run.
    pub(crate) fn start(&mut self) {
        self.start_market_data();
        self.start_engine();
    }

    pub(crate) fn start_market_data(&mut self) {
        self.market_data.get_or_insert_with(|| Service::start("market-data", &self.config));
    }

    pub(crate) fn start_engine(&mut self) {
        self.engine.get_or_insert_with(|| Service::start("engine", &self.config));
    }

    /// Ends the market data service without a warning.
    pub(crate) fn kill_market_data(&mut self) {
        self.market_data.take().expect("it runs").kill();
    }

    /// Ends the engine without a warning.
    pub(crate) fn kill_engine(&mut self) {
        self.engine.take().expect("it runs").kill();
    }

    /// What a service said so far.
    pub(crate) fn said(&self, command: &str) -> String {
        fs::read_to_string(self.folder.path().join(format!("{command}.log"))).unwrap_or_default()
    }

    /// Waits until something holds. Where it never does, shows what the services said.
    pub(crate) async fn until(&mut self, what: &str, mut holds: impl FnMut(&mut Self) -> bool) {
        let mut ticks = tokio::time::interval(LOOK_EVERY);
        let deadline = Instant::now() + PATIENCE;
        while !holds(self) {
            assert!(
                Instant::now() < deadline,
                "it never happened: {what}\n{}\n{}",
                self.said("market-data"),
                self.said("engine")
            );
            ticks.tick().await;
        }
    }

    /// Waits until a service has said something once more than so often.
    pub(crate) async fn until_said(&mut self, command: &str, words: &str, before: usize) {
        self.until(words, |system| system.said(command).matches(words).count() > before).await;
    }

    /// Waits until the exchange has so many more fills of the account.
    pub(crate) async fn until_filled(&mut self, more: usize) {
        let mut ticks = tokio::time::interval(ASK_EVERY);
        let deadline = Instant::now() + PATIENCE;
        let fills = fills_at(&self.devnet).await + more;
        while fills_at(&self.devnet).await < fills {
            let said = || format!("{}\n{}", self.said("market-data"), self.said("engine"));
            assert!(Instant::now() < deadline, "there never were {fills} fills\n{}", said());
            ticks.tick().await;
        }
    }

    /// What time it is on the market.
    pub(crate) fn market_time(&self) -> i64 {
        let (_, state) = self.devnet.ask("control", "GET", "/state", "");
        let state: serde_json::Value = serde_json::from_str(&state).expect("JSON");
        state["market_time"].as_i64().expect("a time")
    }

    /// A fault is over: waits until the account has, in its journal, a candle that closed after this, and then until it trades.
    pub(crate) async fn recovers(&mut self, fault: &str) {
        let (over, time) = (Instant::now(), self.market_time());
        self.until_input(&format!("candles after: {fault}"), |input| {
            let Input::Market(MarketEvent::Candle { candle, .. }) = input else { return false };
            candle.open_time.as_millis() + MINUTE > time
        })
        .await;
        self.recovered.push((fault.to_owned(), over.elapsed()));
        self.until_filled(1).await;
    }

    /// Reads on in the journal until there is an input as wanted.
    pub(crate) async fn until_input(&mut self, what: &str, is_wanted: impl Fn(&Input) -> bool) {
        self.until(what, |system| {
            while let Some(tailed) = system.tail.next().expect("a sound journal") {
                if matches!(&tailed.entry.record, Record::Input(input) if is_wanted(input)) {
                    return true;
                }
            }
            false
        })
        .await;
    }

    /// Ends everything in order, and holds what is left against each other: the exchange, the stream, the journal, a backtest.
    pub(crate) async fn end(&mut self, redis: &RedisServer) -> EndedSystem {
        let traded = self.engine.take().expect("it runs").end();
        let served = self.market_data.take().expect("it runs").end();
        assert_eq!(traded["accounts"][0]["session"]["strategies"][0]["state"], "stopped", "{traded}");
        self.show();

        let journal = journal(self.folder.path());
        assert_eq!(fills_in(&journal), fills_at(&self.devnet).await, "every fill of the exchange is in the journal");
        let orders = orders_at(&self.devnet).await;
        assert!(!orders.is_empty() && orders.values().all(|orders| orders.len() == 1), "each name is one order: {orders:?}");
        let stream: StreamName = "md.BTC.1m".parse().expect("a stream");
        let entries = connect(redis, Retention::default()).await.newest(&stream, 10_000).await.expect("the server answers");
        Opens::new(entries.iter().rev().filter_map(candle_of)).are_each_once();
        let given = candles_given(&journal).await.into_iter().map(Opens::new).collect::<Vec<_>>();
        let gaps = gaps_in(&journal);
        for opens in &given {
            opens.are_each_once();
            opens.are_complete_but_for(&gaps);
        }
        if given.len() == 1 {
            // In the order in which the account heard them: nothing of the past comes late.
            Opens::heard(&journal).are_each_once();
        }
        let drift = drift(&journal);
        let spans = drift["spans"].as_array().expect("a list");
        assert!(spans.len() == given.len() && spans.iter().all(|span| span["different"] == 0), "{drift}");
        EndedSystem { traded, served, given, gaps }
    }

    /// Shows the table, past the test runner, which hides what passing tests print.
    fn show(&self) {
        for (fault, recovered) in &self.recovered {
            let line = format!("chaos: {fault:60} candles again after {:6.2} s\n", recovered.as_secs_f64());
            std::io::stderr().write_all(line.as_bytes()).expect("somebody reads it");
        }
    }
}

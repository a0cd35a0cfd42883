//! A soak: the whole system for minutes, many times faster than life, while the exchange misbehaves in every way it can.
//!
//! ```text
//!   warm-up │ a fault, a calm, another fault, …            │ one cut, then quiet │ the services end
//!           └ memory of both services, every two seconds ─┘                      └ the books are compared
//! ```
//!
//! What has to hold: memory is flat; once it is quiet the exchange, the core and the recorder agree on every fill, position and sum;
//! no fill and no candle is lost or there twice; every journal replays. A short form is a test like any other. The long one is
//! `just soak`, which sets [`SECONDS`], [`SPEED`] and [`SEED`].

mod accounts;
mod books;
mod candles;
mod follow;
mod memory;
mod weather;

use crate::devnet::Devnet;
use crate::system::{PATIENCE, Service};
use accounts::{TRADERS, Trader};
use books::{Books, Recorded};
use candles::Exchange;
use follow::Follower;
use memory::Memory;
use std::fs;
use std::io::Write as _;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tests::{RedisServer, calypte, component, skip, temp_dir};
use weather::Weather;

/// How long there are faults, in seconds.
const SECONDS: &str = "CALYPTE_SOAK_SECONDS";
/// How fast the market's time runs.
const SPEED: &str = "CALYPTE_SOAK_SPEED";
/// What the faults are drawn from.
const SEED: &str = "CALYPTE_SOAK_SEED";
/// What these are unless they are set.
const DEFAULTS: (u64, u64, u64) = (20, 50, 1);
/// From so many seconds on, every strategy that decides on candles has to have traded.
const ALL_TRADE_SECONDS: u64 = 120;
/// How often there is a look at memory, journals and faults.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// How often a line is shown.
const SHOW_EVERY: Duration = Duration::from_secs(10);

/// How long, how fast, and by which draws.
#[derive(Debug, Clone, Copy)]
struct Plan {
    length: Duration,
    speed: u64,
    seed: u64,
}

impl Plan {
    fn of_environment() -> Self {
        let number = |name: &str, default: u64| match std::env::var(name) {
            Ok(text) => text.parse().unwrap_or_else(|_| panic!("{name} is {text:?} and no number")),
            Err(_) => default,
        };
        let (seconds, speed, seed) = DEFAULTS;
        let length = Duration::from_secs(number(SECONDS, seconds));
        Self { length, speed: number(SPEED, speed), seed: number(SEED, seed) }
    }
}

/// The system under the soak. All of it ends with this.
struct Soak {
    devnet: Devnet,
    folder: TempDir,
    market_data: Service,
    engine: Service,
    followers: Vec<Follower>,
    weather: Weather,
    memory: Memory,
}

impl Soak {
    fn start(plan: Plan, redis: &RedisServer) -> Self {
        let speed = format!("{}x", plan.speed);
        let mut flags = vec!["--speed".to_owned(), speed, "--seed".to_owned(), plan.seed.to_string()];
        for trader in &TRADERS {
            flags.extend(["--account".to_owned(), trader.deposit()]);
        }
        let devnet = Devnet::start(&flags.iter().map(String::as_str).collect::<Vec<_>>());
        let mut folder = temp_dir();
        // Kept where it fails, to be looked at.
        folder.disable_cleanup(true);
        show(&format!("soak: journals, database and logs are in {}", folder.path().display()));
        let config = accounts::configure(folder.path(), &redis.url(), &devnet.url("url"));
        let market_data = Service::start("market-data", &config);
        let engine = Service::start("engine", &config);
        let followers = TRADERS.iter().map(|trader| Follower::new(&trader.journal(folder.path()))).collect();
        let memory = Memory::of([("market-data", market_data.id()), ("engine", engine.id())]);
        Self { devnet, folder, market_data, engine, followers, weather: Weather::new(plan.seed), memory }
    }

    /// What time it is on the market.
    fn market_time(&self) -> i64 {
        let (status, state) = self.devnet.ask("control", "GET", "/state", "");
        assert_eq!(status, 200, "{state}");
        let state: serde_json::Value = serde_json::from_str(&state).expect("JSON");
        state["market_time"].as_i64().expect("a time")
    }

    /// Waits until something holds of what every account was told.
    async fn until(&mut self, what: &str, holds: impl Fn(usize, &Follower) -> bool) {
        let mut ticks = tokio::time::interval(LOOK_EVERY);
        let deadline = Instant::now() + PATIENCE;
        loop {
            self.followers.iter_mut().for_each(Follower::read);
            if self.followers.iter().enumerate().all(|(place, follower)| holds(place, follower)) {
                return;
            }
            assert!(Instant::now() < deadline, "it never happened: {what}\n{}", self.said());
            ticks.tick().await;
        }
    }

    /// Lets faults come and go for as long as was asked.
    async fn run(&mut self, plan: Plan) {
        let mut ticks = tokio::time::interval(LOOK_EVERY);
        let (begun, start) = (Instant::now(), self.market_time());
        let mut shown = Duration::ZERO;
        while begun.elapsed() < plan.length {
            ticks.tick().await;
            let elapsed = begun.elapsed();
            self.weather.step(elapsed, &self.devnet);
            self.memory.sample(elapsed);
            self.followers.iter_mut().for_each(Follower::read);
            if elapsed >= shown + SHOW_EVERY {
                shown = elapsed;
                self.show_progress(plan, elapsed, self.market_time() - start);
            }
        }
        self.weather.clear(&self.devnet);
    }

    fn show_progress(&self, plan: Plan, elapsed: Duration, market_ms: i64) {
        let minutes = market_ms / 60_000;
        let fills: Vec<_> = self.followers.iter().map(|follower| follower.fills().to_string()).collect();
        show(&format!(
            "soak: {:>4} of {} s  market {}:{:02} h  {}  fills {}  now {}",
            elapsed.as_secs(),
            plan.length.as_secs(),
            minutes / 60,
            minutes % 60,
            self.memory.now(),
            fills.join(" "),
            self.weather.now(),
        ));
    }

    /// Nothing more goes wrong: everybody looks at everything anew once, and then hears candles again.
    async fn quiet(&mut self) {
        let told: Vec<_> = self.followers.iter().map(Follower::snapshots).collect();
        let cut = self.devnet.ask("control", "POST", "/faults", r#"{"kind":"cut"}"#);
        assert_eq!(cut.0, 200, "{}", cut.1);
        let since = Instant::now();
        self.until("every account is reconciled", |place, follower| follower.snapshots() > told[place]).await;
        let reconciled = since.elapsed();
        let time = self.market_time();
        self.until("every account has candles again", |_, follower| follower.newest_close() > time).await;
        let (reconciled, heard) = (reconciled.as_secs_f64(), since.elapsed().as_secs_f64());
        show(&format!("soak: quiet: every account reconciled after {reconciled:.1} s, with new candles after {heard:.1} s"));
    }

    /// What the services said.
    fn said(&self) -> String {
        let said = |command: &str| fs::read_to_string(self.folder.path().join(format!("{command}.log"))).unwrap_or_default();
        format!("{}\n{}", said("market-data"), said("engine"))
    }
}

/// Shows a line past the test runner, which hides what passing tests print.
fn show(line: &str) {
    std::io::stderr().write_all(format!("{line}\n").as_bytes()).expect("somebody reads it");
}

/// Holds the journal of a trader against its component and against the database.
fn replay(trader: &Trader, folder: &std::path::Path) -> PathBuf {
    let (journal, again) = (trader.journal(folder), folder.join(format!("{}-again.db", trader.name)));
    let (journal, component) = (journal.display().to_string(), component(trader.component).display().to_string());
    calypte(["replay", &journal, "--component", &component]).ok();
    let database = format!("sqlite:{}", again.display());
    calypte(["record", &journal, "--database", &database, "--account", trader.name]).ok();
    again
}

#[tokio::test(flavor = "multi_thread")]
async fn a_soak_with_faults_leaves_memory_flat_and_the_books_equal() {
    if !memory::can_be_seen() {
        return skip("the memory of other processes cannot be seen here: there is no /proc");
    }
    let Some(redis) = RedisServer::start(&[]) else { return };
    let plan = Plan::of_environment();
    show(&format!("soak: {} s at {}x, seed {}", plan.length.as_secs(), plan.speed, plan.seed));
    let mut soak = Soak::start(plan, &redis);
    soak.until("every account trades", |_, follower| follower.snapshots() > 0 && follower.newest_close() > 0).await;
    soak.run(plan).await;
    soak.quiet().await;

    let ends_after = soak.market_time();
    let Soak { devnet, mut folder, market_data, engine, followers, weather, memory } = soak;
    let traded = engine.end();
    market_data.end();
    weather.show();
    memory.show();

    let exchange = Exchange::of(&devnet, weather).await;
    exchange.has_streams(&redis).await;
    for ((place, trader), follower) in TRADERS.iter().enumerate().zip(&followers) {
        let journal = trader.journal(folder.path());
        exchange.has_journal(trader.symbol, &journal).await;
        let again = replay(trader, folder.path());
        let books = Books::of(trader, &devnet, ends_after).await;
        let recorded = Recorded::of(trader, &accounts::database(folder.path()), &again).await;
        books.are_recorded(&recorded);
        books.are_those_of_the_engine(&traded["accounts"][place], &recorded);
        books.show();
        let must_trade = trader.trades_on_candles && plan.length.as_secs() >= ALL_TRADE_SECONDS;
        assert!(!must_trade || follower.fills() > 0, "{} never traded", trader.name);
    }
    assert!(followers.iter().any(|follower| follower.fills() > 0), "somebody traded");
    memory.is_flat();
    folder.disable_cleanup(false);
}

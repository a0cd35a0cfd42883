//! The second half of the demonstration: the example strategies trade, accelerated, on an exchange within this process.
//!
//! ```text
//!   local exchange ──socket──► market data service ──► bus in memory ──► user engine ──► strategies
//!         ▲                                                                   │
//!         └───────────────────────────────── orders ──────────────────────────┘
//! ```
//!
//! All of it is what the services are made of; only that the bus is not Redis, and nothing is a process of its own.

use super::table::Table;
use crate::bus::{Bus, HolderName, MemoryBus, Retention};
use crate::cli::output::Output;
use crate::cli::progress::obeying;
use crate::config::{self, ExchangeNetwork, KeySource};
use crate::control::Control;
use crate::exchange::{Exchange, time_ahead_ms_max};
use crate::health::Vitals;
use crate::journal::Durability;
use crate::live::{Board, LatencyRecord, SessionRecord, TradeRequest};
use crate::market_data::{Service, ServiceSettings};
use crate::notify::Notifier;
use crate::request::{LimitSettings, ParameterSpec, RiskFile, strategy_requests};
use crate::user_engine::{AccountPlan, EngineSettings, LiveAccount, UserEngine};
use anyhow::Context as _;
use calypte_devnet::exchange::Settings as ExchangeSettings;
use calypte_devnet::node::NodeSettings;
use calypte_devnet::server::{Server, ServerSettings, wall_clock};
use calypte_kernel::Timeframe;
use calypte_venues::ambient::Machine;
use calypte_venues::hyperliquid::sign::SecretKey;
use serde::Serialize;
use std::convert::Infallible;
use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::Instant;

/// How fast the market's time runs, in thousandths: two candles of a minute in a second.
const SPEED_MILLI: u64 = 120_000;
/// How long it trades.
const DURATION: Duration = Duration::from_secs(20);
/// How often the table is drawn, and it is looked whether it is time to end.
const LOOK: Duration = Duration::from_millis(200);
/// Every byte of a key that is worth nothing: its account exists on no exchange but this one.
const KEY_BYTE: u8 = 7;
/// What the account holds.
const CASH: u32 = 10_000;
/// How long the account may take to be put together: its strategies are compiled first.
const START_MAX: Duration = Duration::from_mins(2);
/// Candles of the past.
const HISTORY: u32 = 200;
/// Short averages and channels, so that something happens while somebody watches.
const PARAMETERS: [&str; 11] = [
    "ema-atr.fast=3",
    "ema-atr.slow=8",
    "ema-atr.atr=5",
    "ema-atr.filter=0",
    "ema-atr.size=0.01",
    "donchian.channel=5",
    "donchian.atr=5",
    "donchian.size=0.01",
    "grid.step=50",
    "grid.size=0.001",
    "dca.hours=1",
];
/// All trade one instrument of one account: each with a position of its own over what the account holds.
const SHARED: &str = "[account]\nnetting = \"allow\"\n[strategy]\nshares = true\n";

/// What came of it.
#[derive(Serialize)]
pub(super) struct LiveRecord {
    #[serde(flatten)]
    pub(super) session: SessionRecord,
    /// How fast it went.
    pub(super) latency: Latencies,
}

/// How fast it went.
#[derive(Serialize)]
pub(super) struct Latencies {
    /// From an event's delivery to the intents that answer it.
    pub(super) event_to_intent: LatencyRecord,
    /// From an order's way out to the exchange's word on it.
    pub(super) sent_to_ack: LatencyRecord,
}

/// Trades, and says what came of it.
pub(super) fn run(components: &[PathBuf], output: Output) -> anyhow::Result<LiveRecord> {
    let control = Arc::new(Control::default());
    obeying(&control, async {
        let mut exchange = ExchangeSettings::new(0, wall_clock());
        exchange.deposits = vec![(key()?.address(), CASH.into())];
        let node = NodeSettings { speed_milli: SPEED_MILLI, ..NodeSettings::new(exchange) };
        let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let server = Server::bind(ServerSettings { listen, control: None, node }).await?;
        let url = format!("http://{}", server.address()?);
        output.remark(&format!("trading on a local exchange at {url}, two minutes of its market in a second"));
        let (stop, stopped) = oneshot::channel::<()>();
        // Whichever way the session ends, the exchange ends with it.
        let serving = tokio::spawn(server.run(async { drop(stopped.await) }));
        let traded = trade(components, &url, &control, output).await;
        drop(stop);
        serving.await.context("the local exchange failed")?;
        traded
    })
}

fn key() -> anyhow::Result<SecretKey> {
    Ok(SecretKey::from_bytes(&[KEY_BYTE; 32])?)
}

/// The services at work, from the first that begins to the last that ends.
async fn trade(components: &[PathBuf], url: &str, control: &Control, output: Output) -> anyhow::Result<LiveRecord> {
    // The exchange is a new one each time, and so is what is known of it.
    let state = tempfile::tempdir().context("making a folder for the journal")?;
    let board = Board::default();
    let plan = plan(components, state.path())?;
    let place = config::Exchange { network: ExchangeNetwork::Devnet, url: Some(url.parse()?), from: None };
    let (bus, ambient) = (Arc::new(MemoryBus::new(Retention::default())), Arc::new(Machine));

    let settings = ServiceSettings {
        history: HISTORY,
        time_ahead_ms_max: time_ahead_ms_max(place.network),
        ..ServiceSettings::new(name("market-data"))
    };
    let market = Box::new(Exchange::new(&place, ambient.clone())?);
    let vitals = Vitals::new("market-data", Timeframe::MINUTE, []);
    let service = Service::new(Arc::clone(&bus) as Arc<dyn Bus>, market, ambient.clone(), settings, vitals);
    let served = Arc::new(Control::default());
    let told = Arc::clone(&served);
    let mut serving = tokio::spawn(async move { service.run(&told).await });

    let vitals = Vitals::new("engine", Timeframe::MINUTE, []);
    let notifier = Notifier::silent(vitals.metrics.clone());
    let exchange = Exchange::new(&place, ambient.clone())?;
    let engine = UserEngine::new(bus, exchange, ambient, EngineSettings::new(name("engine")), (vitals, notifier));
    let written = board.clone();
    let engine = engine.watched_by(Arc::new(move |begins| {
        written.begin(Arc::clone(begins.instruments), begins.strategies.iter().map(|(id, name)| (*id, name.as_str())));
        Box::new(written.clone())
    }));
    let (told, table) = (Control::default(), Table::new(output));
    let ends = tokio::select! {
        ends = engine.run(vec![plan], &told, |lines| table.remark(&lines)) => ends?,
        ended = &mut serving => {
            ended.context("market data failed")??;
            anyhow::bail!("market data ended before its time");
        }
        never = watch_over(control, &told, &board, &table) => match never {},
    };
    table.draw(&board.standing());
    drop(table);
    served.cancel();
    serving.await.context("market data failed")??;
    let end = ends.into_iter().next().context("the account did not end")?;
    if let Some(error) = end.error {
        return Err(error);
    }
    let standing = board.standing();
    let latency = Latencies { event_to_intent: standing.event_to_intent, sent_to_ack: standing.sent_to_ack };
    Ok(LiveRecord { session: end.record.context("the account never traded")?, latency })
}

/// Draws the board, and ends the engine when the time is up or somebody interrupts.
async fn watch_over(control: &Control, told: &Control, board: &Board, table: &Table) -> Infallible {
    let begun = Instant::now();
    let mut trading = None;
    let mut looks = tokio::time::interval(LOOK);
    loop {
        looks.tick().await;
        let standing = board.standing();
        if !standing.strategies.is_empty() {
            trading.get_or_insert_with(Instant::now);
        }
        table.draw(&standing);
        let is_over = trading.map_or(begun.elapsed() >= START_MAX, |since| since.elapsed() >= DURATION);
        if is_over || control.is_cancelled() {
            told.cancel();
        }
    }
}

/// The account: the examples trade it together.
fn plan(components: &[PathBuf], state: &Path) -> anyhow::Result<AccountPlan> {
    let key_file = state.join("demo.key");
    let digits: String = std::iter::repeat_n(format!("{KEY_BYTE:02x}"), 32).collect();
    let mut options = std::fs::File::options();
    let mut file = options.write(true).create_new(true).mode(0o600).open(&key_file).context("making a key")?;
    file.write_all(digits.as_bytes()).context("making a key")?;
    let parameters = PARAMETERS.map(|text| text.parse::<ParameterSpec>().expect("they are written NAME=VALUE"));
    let request = TradeRequest {
        strategies: strategy_requests(components, &parameters)?,
        symbols: vec!["BTC".parse()?],
        timeframes: vec![Timeframe::MINUTE],
        paper: None,
        risk: Some(toml::from_str::<RiskFile>(SHARED).context("the limits of the demonstration")?),
        journal: Some(state.join("journal")),
        durability: Durability::Written,
        history: HISTORY,
        fuel_per_event: None,
        limits: LimitSettings::default(),
        seed: 0,
        duration: None,
        record: None,
        kill: None,
        seat: None,
    };
    let live = LiveAccount { user: key()?.address(), key: KeySource::File(key_file), nonces: state.join("nonces") };
    Ok(AccountPlan { name: "demo".parse()?, request, live: Some(live) })
}

fn name(text: &str) -> HolderName {
    text.parse().expect("it is a name")
}

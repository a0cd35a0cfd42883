//! The parts of a live system, each as in a process of its own: threads and runtimes of its own, and sockets between them.

use crate::marks::{Mark, Marks, Watch};
use crate::plan::{COINS, MONEY, Plan};
use crate::tapped_bus::TappedBus;
use crate::wires::{Tapped, places_orders};
use anyhow::{Context as _, Result};
use calypte::bus::{Bus, MemoryBus, RedisBus, RedisSettings, Retention};
use calypte::config::{self, AccountName, ExchangeNetwork};
use calypte::control::Control;
use calypte::exchange::{Exchange, time_ahead_ms_max};
use calypte::health::Vitals;
use calypte::live::Listener;
use calypte::market_data::{Service, ServiceSettings};
use calypte::notify::Notifier;
use calypte::user_engine::{AccountPlan, BeginningAccount, EngineSettings, UserEngine};
use calypte_devnet::exchange::{Liquidity, PricePoint, Prices, Settings};
use calypte_devnet::node::NodeSettings;
use calypte_devnet::server::{Server, ServerSettings, wall_clock};
use calypte_kernel::{Decimal, Symbol, Timeframe};
use calypte_venues::ambient::Machine;
use calypte_venues::hyperliquid::protocol::Millis;
use std::collections::BTreeMap;
use std::future::Future;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::Instant;
use tokio::sync::oneshot;

/// Where the market data service and the engine connect from: as on two machines, each has the limits of an address for itself.
const MARKET_DATA: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));
const ENGINE: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 3));
/// Minutes for which there are prices: longer than any measurement.
const MINUTES: u64 = 5_000;
/// How far the price goes up and down from one minute to the next, in thousandths.
const SWING_PERMILLE: i64 = 2;

/// What parts speak over.
#[derive(Debug, Clone)]
pub(crate) enum BusKind {
    /// A server on this port.
    Redis(u16),
    /// The process itself.
    Memory(Arc<MemoryBus>),
}

impl BusKind {
    /// A bus that keeps as much as one does by default.
    pub(crate) fn memory() -> Self {
        Self::Memory(Arc::new(MemoryBus::new(Retention::default())))
    }

    async fn connect(&self, marks: Marks) -> Result<Arc<dyn Bus>> {
        let bus: Arc<dyn Bus> = match self {
            Self::Memory(bus) => Arc::clone(bus) as Arc<dyn Bus>,
            Self::Redis(port) => {
                let url = format!("redis://127.0.0.1:{port}").parse()?;
                Arc::new(RedisBus::connect(RedisSettings::new(url)).await?)
            }
        };
        Ok(Arc::new(TappedBus { bus, marks }))
    }
}

/// A part at work.
pub(crate) type Part = JoinHandle<Result<()>>;

/// Runs a part on threads of its own.
fn part<F: Future<Output = Result<()>>>(name: &str, run: impl FnOnce() -> F + Send + 'static) -> Result<Part> {
    let runtime = tokio::runtime::Builder::new_multi_thread().thread_name(name).enable_all().build()?;
    Ok(std::thread::Builder::new().name(name.to_owned()).spawn(move || runtime.block_on(run()))?)
}

/// The local exchange at work.
pub(crate) struct Devnet {
    pub(crate) address: SocketAddr,
    stop: oneshot::Sender<()>,
    part: Part,
}

impl Devnet {
    /// Starts one whose prices go up and down with each minute, of which so many pass in one of ours.
    pub(crate) fn start(plan: &Plan, speed_milli: u64, marks: Marks) -> Result<Self> {
        let mut exchange = Settings::new(0, wall_clock());
        exchange.universe.retain(|coin| COINS.iter().any(|(name, _)| *name == coin.name));
        exchange.prices =
            Prices::Recorded(exchange.universe.iter().map(|coin| swinging(coin.start_price, exchange.start)).collect());
        exchange.deposits = plan.addresses()?.into_values().map(|user| (user, MONEY)).collect();
        // Somebody trades with each tick, so that candles of all instruments close at once.
        exchange.liquidity =
            Liquidity { trades_permille: 1_000, level_notional: Decimal::from(1_000_000), ..Liquidity::default() };
        let node = NodeSettings { speed_milli, ..NodeSettings::new(exchange) };
        let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let (told, address) = mpsc::channel();
        let (stop, stopped) = oneshot::channel();
        let part = part("devnet", move || async move {
            let server = Server::bind(ServerSettings { listen, control: None, node }).await?;
            told.send(server.address()?)?;
            let witness = move |frame: &str| {
                if places_orders(frame) {
                    marks.note(Mark::Seen { frame: frame.to_owned(), at: Instant::now() });
                }
            };
            let stopped = async { drop(stopped.await) };
            server.witnessed_by(Box::new(witness)).run(stopped).await;
            Ok(())
        })?;
        let address = address.recv().context("the exchange did not start")?;
        Ok(Self { address, stop, part })
    }

    /// Ends it.
    pub(crate) fn end(self) -> Result<()> {
        drop(self.stop);
        joined(self.part)
    }
}

fn swinging(price: Decimal, start: Millis) -> Vec<PricePoint> {
    let first = start.get() / 60_000 * 60_000;
    let step = Decimal::new(SWING_PERMILLE, 3);
    let point = |minute: u64| {
        let share = if minute.is_multiple_of(2) { Decimal::ONE } else { Decimal::ONE + step };
        Some(PricePoint { time: Millis::new(first + minute * 60_000)?, price: price * share })
    };
    (0..MINUTES).filter_map(point).collect()
}

/// Starts the market data service.
pub(crate) fn market_data(bus: BusKind, at: SocketAddr, control: Arc<Control>, marks: Marks) -> Result<Part> {
    part("market-data", move || async move {
        let exchange = exchange(at, MARKET_DATA, &marks)?;
        let settings = ServiceSettings {
            time_ahead_ms_max: time_ahead_ms_max(ExchangeNetwork::Devnet),
            history: 200,
            ..ServiceSettings::new("market-data".parse()?)
        };
        let vitals = Vitals::new("market-data", Timeframe::MINUTE, []);
        let bus = bus.connect(marks).await?;
        Service::new(bus, Box::new(exchange), Arc::new(Machine), settings, vitals).run(&control).await?;
        Ok(())
    })
}

/// Starts the engine with these accounts, each watched.
pub(crate) fn engine(
    bus: BusKind,
    at: SocketAddr,
    (plans, symbols): (Vec<AccountPlan>, BTreeMap<AccountName, Symbol>),
    control: Arc<Control>,
    marks: Marks,
) -> Result<Part> {
    part("engine", move || async move {
        let exchange = exchange(at, ENGINE, &marks)?;
        let vitals = Vitals::new("engine", Timeframe::MINUTE, []);
        let notifier = Notifier::silent(vitals.metrics.clone());
        let bus = bus.connect(marks.clone()).await?;
        let engine =
            UserEngine::new(bus, exchange, Arc::new(Machine), EngineSettings::new("engine".parse()?), (vitals, notifier));
        let watch = move |begins: &BeginningAccount<'_>| -> Box<dyn Listener> {
            Box::new(Watch::new(marks.clone(), begins.account.clone(), symbols[begins.account].clone()))
        };
        let show = |lines: Vec<String>| lines.iter().filter(|line| is_trouble(line)).for_each(|line| eprintln!("{line}"));
        let ends = engine.watched_by(Arc::new(watch)).run(plans, &control, show).await?;
        ends.into_iter().find_map(|end| end.error).map_or(Ok(()), Err)
    })
}

fn is_trouble(line: &str) -> bool {
    ["warning", "lease", "tried again", "failed"].iter().any(|word| line.contains(word))
}

fn exchange(at: SocketAddr, from: IpAddr, marks: &Marks) -> Result<Exchange> {
    let url = Some(format!("http://{at}").parse()?);
    let place = config::Exchange { network: ExchangeNetwork::Devnet, url, from: Some(from) };
    let marks = marks.clone();
    Ok(Exchange::new(&place, Arc::new(Machine))?.with_sockets(|dial| Arc::new(Tapped { dial, marks })))
}

/// Waits for a part.
pub(crate) fn joined(part: Part) -> Result<()> {
    part.join().map_err(|panic| std::panic::resume_unwind(panic)).and_then(|ended| ended)
}

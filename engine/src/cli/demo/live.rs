//! The second half of the demonstration: the same strategy trades, accelerated, on an exchange within this process.

use crate::cli::output::Output;
use crate::cli::progress::{Unit, watch};
use crate::control::Control;
use crate::live::{SessionRecord, TradeRequest, trade};
use crate::request::{ParameterSpec, strategy_requests};
use anyhow::Context as _;
use calypte_devnet::exchange::Settings as ExchangeSettings;
use calypte_devnet::node::NodeSettings;
use calypte_devnet::server::{Server, ServerSettings, wall_clock};
use calypte_venues::ambient::{Ambient, Machine};
use calypte_venues::hyperliquid::budget::{Egress, EgressLimits};
use calypte_venues::hyperliquid::sign::SecretKey;
use calypte_venues::hyperliquid::{AccountSettings, Hyperliquid, NetworkSettings, Settings};
use rust_decimal::Decimal;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::oneshot;

/// How fast the market's time runs, in thousandths: two candles of a minute in a second.
const SPEED_MILLI: u64 = 120_000;
/// How long it trades.
const DURATION: Duration = Duration::from_secs(20);
/// A key that is worth nothing: its account exists on no exchange but this one.
const KEY: [u8; 32] = [7; 32];
/// What the account holds.
const CASH: u32 = 10_000;
/// Short averages, so that they cross while somebody watches.
const PARAMETERS: [&str; 5] = ["fast=3", "slow=8", "atr=5", "filter=0", "size=0.01"];

/// Trades, and says what came of it.
pub(super) fn run(component: &Path, output: Output) -> anyhow::Result<SessionRecord> {
    let control = Arc::new(Control::default());
    watch(output, ("live", Unit::Things), &control, async {
        let key = SecretKey::from_bytes(&KEY)?;
        let mut exchange = ExchangeSettings::new(0, wall_clock());
        exchange.deposits = vec![(key.address(), CASH.into())];
        let node = NodeSettings { speed_milli: SPEED_MILLI, ..NodeSettings::new(exchange) };
        let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let server = Server::bind(ServerSettings { listen, control: None, node }).await?;
        let url = format!("http://{}", server.address()?);
        output.remark(&format!("trading on a local exchange at {url}, two minutes of its market in a second"));
        let (stop, stopped) = oneshot::channel::<()>();
        // Whichever way the session ends, the exchange ends with it.
        let serving = tokio::spawn(server.run(async { drop(stopped.await) }));
        let traded = session(component, key, &url, &control, output).await;
        drop(stop);
        serving.await.context("the local exchange failed")?;
        traded
    })
}

async fn session(
    component: &Path,
    key: SecretKey,
    url: &str,
    control: &Control,
    output: Output,
) -> anyhow::Result<SessionRecord> {
    // The exchange is a new one each time, and so is what is known of it.
    let state = tempfile::tempdir().context("making a folder for the journal")?;
    let parameters = PARAMETERS.map(|text| text.parse::<ParameterSpec>().expect("they are written NAME=VALUE"));
    let request = TradeRequest {
        strategies: strategy_requests(&[component.to_owned()], &parameters)?,
        symbols: vec!["BTC".parse()?],
        timeframes: vec!["1m".parse()?],
        paper: None,
        risk: None,
        journal: Some(state.path().join("journal")),
        history: 200,
        fuel_per_event: None,
        seed: 0,
        duration: Some(DURATION),
        record: None,
        kill: None,
    };
    let network = calypte_venues::hyperliquid::sign::Network::Testnet;
    let wires = NetworkSettings { network, endpoint: Some(url.parse()?), from: None }.wires()?;
    let user = key.address();
    let settings = Settings {
        network,
        symbols: request.symbols.clone(),
        series: request.series(),
        account: Some(AccountSettings { user, key, nonces: state.path().join("nonces"), fills_known: None }),
        slippage: Decimal::new(5, 2),
    };
    let egress = Arc::new(Mutex::new(Egress::new(EgressLimits::default())));
    let ambient: Arc<dyn Ambient> = Arc::new(Machine);
    let connector = Hyperliquid::new(settings, wires, egress, Arc::clone(&ambient));
    let show = |lines: Vec<String>| lines.iter().for_each(|line| output.remark(line));
    Ok(trade(&request, Box::new(connector), ambient, control, show).await?.record)
}

//! How long a client is without live data after every socket was cut, beyond the wait that it takes on purpose: over real
//! connections, from the cut to the account and the quotes flowing again. `CUTS` says how often.

use calypte_devnet::exchange::Settings as ExchangeSettings;
use calypte_devnet::node::NodeSettings;
use calypte_devnet::server::{Server, ServerSettings, wall_clock};
use calypte_kernel::{Decimal, Feed, FeedChange, InstrumentId, MarketEvent, Timestamp};
use calypte_venues::ambient::{Ambient, Machine};
use calypte_venues::connector::{Connector as _, News, Request};
use calypte_venues::hyperliquid::budget::{Egress, EgressLimits};
use calypte_venues::hyperliquid::sign::{Network, SecretKey};
use calypte_venues::hyperliquid::supervise::WAIT_MS_FIRST;
use calypte_venues::hyperliquid::{AccountSettings, Hyperliquid, NetworkSettings, Settings};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

const INSTRUMENT: InstrumentId = InstrumentId::new(0);
/// How many cuts are measured where nobody says.
const CUTS: u64 = 100;

/// The machine's clock, and no chance: what is waited on purpose is then as short as it may be, and known.
struct Unlucky;

impl Ambient for Unlucky {
    fn now(&self) -> Timestamp {
        Machine.now()
    }

    fn chance(&self) -> u32 {
        0
    }
}

fn key() -> SecretKey {
    SecretKey::from_bytes(&[7; 32]).expect("a key")
}

/// A client that comes from an address of its own, since the exchange counts new sockets by it.
fn client(address: SocketAddr, number: u64, folder: &Path) -> Hyperliquid {
    let last = u8::try_from(number % 200).expect("small") + 2;
    let third = u8::try_from(number / 200 % 250).expect("small");
    let from = Some(IpAddr::V4(Ipv4Addr::new(127, 0, third, last)));
    let endpoint = Some(format!("http://{address}").parse().expect("an endpoint"));
    let wires = NetworkSettings { network: Network::Testnet, endpoint, from }.wires().expect("no certificate is needed");
    let account =
        AccountSettings { user: key().address(), key: key(), nonces: folder.join(number.to_string()), fills_known: None };
    let settings = Settings {
        network: Network::Testnet,
        symbols: vec!["BTC".parse().expect("a symbol")],
        series: Vec::new(),
        account: Some(account),
        slippage: Decimal::new(5, 2),
    };
    Hyperliquid::new(settings, wires, Arc::new(Mutex::new(Egress::new(EgressLimits::default()))), Arc::new(Unlucky))
}

/// Cuts every socket there is.
async fn cut(control: SocketAddr) {
    let mut stream = TcpStream::connect(control).await.expect("it listens");
    let body = r#"{"kind":"cut"}"#;
    let head = "POST /faults HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\n";
    let request = format!("{head}Content-Length: {}\r\n\r\n{body}", body.len());
    stream.write_all(request.as_bytes()).await.expect("it reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("it answers");
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
}

/// Waits until both sockets have gone, the account's feeds are back, and a quote has come over the new one.
async fn live(connector: &mut Hyperliquid) {
    let (mut account, mut quotes) = (None, None);
    while (account, quotes) != (Some(true), Some(true)) {
        match connector.next().await.expect("it runs").news {
            News::Market(MarketEvent::Feed { feed: Feed::Connection, change: FeedChange::Lost }) => account = Some(false),
            News::Market(MarketEvent::Feed { feed: Feed::Connection, change: FeedChange::Recovered }) => {
                account = account.map(|_| true);
            }
            News::Market(MarketEvent::Feed { feed: Feed::Quotes(_), change: FeedChange::Stale }) => quotes = Some(false),
            // What came over the old socket was told before it was said to be gone.
            News::Market(MarketEvent::Quote(_)) => quotes = quotes.map(|_| true),
            _ => {}
        }
    }
}

/// From a cut to live data, less what was waited on purpose.
async fn one(address: SocketAddr, control: SocketAddr, number: u64, folder: &Path) -> Duration {
    let mut connector = client(address, number, folder);
    connector.start().await.expect("nothing is wrong");
    connector.request(Request::Subscribe { feed: Feed::Quotes(INSTRUMENT), after: None }).expect("it runs");
    while connector.health().connections.iter().filter(|connection| connection.is_live).count() < 2 {
        connector.next().await.expect("it runs");
    }
    let begun = Instant::now();
    cut(control).await;
    live(&mut connector).await;
    let passed = begun.elapsed();
    connector.stop().await;
    passed.saturating_sub(Duration::from_millis(WAIT_MS_FIRST / 2))
}

/// The value below which so many of a hundred lie.
fn percentile(sorted: &[Duration], percent: usize) -> Duration {
    sorted[(sorted.len() * percent).div_ceil(100).max(1) - 1]
}

fn main() {
    // Whoever builds all targets as tests runs them once: one cut shows that it works.
    let is_bench = std::env::args().any(|argument| argument == "--bench");
    let told = std::env::var("CUTS").ok().map(|text| text.parse().expect("CUTS is a number"));
    let cuts: u64 = if is_bench { told.unwrap_or(CUTS).max(1) } else { 1 };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    let folder = tempfile::tempdir().expect("a folder can be made");
    let mut spent = runtime.block_on(async {
        let mut exchange = ExchangeSettings::new(1, wall_clock());
        exchange.deposits = vec![(key().address(), Decimal::from(10_000))];
        exchange.history_minutes = 5;
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let settings = ServerSettings { listen: any, control: Some(any), node: NodeSettings::new(exchange) };
        let server = Server::bind(settings).await.expect("there are free ports");
        let (address, control) =
            (server.address().expect("a port"), server.control_address().expect("a port").expect("a port"));
        tokio::spawn(server.run(std::future::pending()));
        let mut spent = Vec::new();
        for number in 1..=cuts {
            spent.push(one(address, control, number, folder.path()).await);
        }
        spent
    });
    spent.sort_unstable();
    let [median, late, longest] = [50, 99, 100].map(|percent| percentile(&spent, percent));
    println!(
        "{cuts} cuts, from each to live data, beyond the wait: median {median:.1?}, p99 {late:.1?}, longest {longest:.1?}"
    );
}

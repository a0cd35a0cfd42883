//! How long a client is without live data after every socket was cut, beyond the wait that it takes on purpose: over real
//! connections, from the cut to the account and the quotes flowing again.

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
use criterion::{Criterion, criterion_group, criterion_main};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

const INSTRUMENT: InstrumentId = InstrumentId::new(0);

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

/// Waits until the account's feeds are back, and quotes come again after that was said of them.
async fn live(connector: &mut Hyperliquid) {
    let (mut account, mut quotes, mut quote) = (false, false, false);
    while !(account && quote) {
        match connector.next().await.expect("it runs").news {
            News::Market(MarketEvent::Feed { feed: Feed::Connection, change: FeedChange::Recovered }) => account = true,
            News::Market(MarketEvent::Feed { feed: Feed::Quotes(_), change: FeedChange::Recovered }) => quotes = true,
            // The first of a subscription comes with it.
            News::Market(MarketEvent::Quote(_)) => quote = true,
            _ => {}
        }
        assert!(!quotes || quote, "a feed is said to be back before it is");
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
    loop {
        let event = connector.next().await.expect("it runs");
        if matches!(event.news, News::Market(MarketEvent::Feed { feed: Feed::Connection, change: FeedChange::Lost })) {
            break;
        }
    }
    live(&mut connector).await;
    let passed = begun.elapsed();
    connector.stop().await;
    passed.saturating_sub(Duration::from_millis(WAIT_MS_FIRST / 2))
}

fn reconnect(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    let folder = tempfile::tempdir().expect("a folder can be made");
    let (address, control) = runtime.block_on(async {
        let mut exchange = ExchangeSettings::new(1, wall_clock());
        exchange.deposits = vec![(key().address(), Decimal::from(10_000))];
        exchange.history_minutes = 5;
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let settings = ServerSettings { listen: any, control: Some(any), node: NodeSettings::new(exchange) };
        let server = Server::bind(settings).await.expect("there are free ports");
        let addresses = (server.address().expect("a port"), server.control_address().expect("a port").expect("a port"));
        tokio::spawn(server.run(std::future::pending()));
        addresses
    });
    let mut number = 0;
    criterion.bench_function("from a cut to live data, beyond the wait", |bencher| {
        bencher.iter_custom(|times| {
            let spent = (0..times).map(|_| {
                number += 1;
                runtime.block_on(one(address, control, number, folder.path()))
            });
            spent.sum()
        });
    });
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20).warm_up_time(Duration::from_secs(1)).measurement_time(Duration::from_secs(20));
    targets = reconnect
}
criterion_main!(benches);

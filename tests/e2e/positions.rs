//! A position message on the account's socket reaches the guest's `on-position`, with no question over REST in between: whatever is
//! asked of the account there is lost from the moment on at which the strategy holds something.
//!
//! The strategy, its sandbox, the session and the connector are those of `calypte run`; the exchange is the local one, served in this
//! process on a virtual clock.

use crate::in_process::{runtime, uploads};
use async_trait::async_trait;
use calypte::live::{
    Account, Cores, Ears, History, HistoryError, Link, Listener, LoadedStrategy, Notice, Passed, Session, SessionSettings,
    Surroundings, carry,
};
use calypte::run::resolve;
use calypte_devnet::exchange::Settings as ExchangeSettings;
use calypte_devnet::faults::{Fault, FaultKind};
use calypte_devnet::node::{Node, NodeSettings};
use calypte_devnet::server::InProcess;
use calypte_host::{InstanceSettings, Strategy};
use calypte_kernel::{
    AccountId, Answer, Books, Candle, CoreSettings, Decimal, Deployment, Event, EventNumber, Feed, Hook, InstrumentId,
    PositionCause, SeriesId, SeriesInfo, StrategyId, Timeframe, Timestamp, TradingCore,
};
use calypte_venues::ambient::Ambient;
use calypte_venues::connector::{Connector as _, Request};
use calypte_venues::hyperliquid::budget::{Egress, EgressLimits};
use calypte_venues::hyperliquid::protocol::{Action, Grouping, Millis, OrderTypeWire, PlaceWire, Tif};
use calypte_venues::hyperliquid::sign::{Network, SecretKey, Terms, sign_action};
use calypte_venues::hyperliquid::{AccountSettings, Hyperliquid, Settings};
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tests::{component, temp_dir};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, timeout_at};

/// Some minutes before a full hour, when the strategy buys.
const START: u64 = 1_763_802_000_000 - 150_000;
const STRATEGY: StrategyId = StrategyId::new(0);
const INSTRUMENT: InstrumentId = InstrumentId::new(0);
/// How often the exchange sends the state of an account.
const STATE_MS: u64 = 5_000;
/// Questions that would tell of a position, or of what makes one.
const ASKED: [&str; 6] =
    ["clearinghouseState", "frontendOpenOrders", "userFillsByTime", "userFills", "historicalOrders", "orderStatus"];

struct Clock(Instant);

impl Ambient for Clock {
    fn now(&self) -> Timestamp {
        let since = u64::try_from(self.0.elapsed().as_millis()).expect("the test is short");
        Timestamp::from_millis(START.cast_signed()).saturating_add(since)
    }

    fn chance(&self) -> u32 {
        7
    }
}

/// A call of the guest's `on-position` that has ended.
#[derive(Debug, PartialEq, Eq)]
struct Told {
    before: Decimal,
    size: Decimal,
    by_the_exchange: bool,
    fuel: u64,
}

/// Passes on what the guest was told of positions, once its hook has ended.
struct Watcher {
    out: Vec<(EventNumber, Told)>,
    told: mpsc::UnboundedSender<Told>,
}

impl Listener for Watcher {
    fn notice(&mut self, _now: Timestamp, _core: &TradingCore, notice: Notice<'_>) {
        match notice {
            Notice::Delivered(deliver) => {
                if let Hook::Event(Event::Position(event)) = &deliver.hook {
                    let by_the_exchange = event.cause == PositionCause::Exchange;
                    let told = Told { before: event.size_before, size: event.now.size, by_the_exchange, fuel: 0 };
                    self.out.push((deliver.number, told));
                }
            }
            Notice::HookEnded(ended) => {
                assert!(!matches!(ended.answer, Answer::Fault(_)), "{ended:?}");
                if let Some(place) = self.out.iter().position(|(number, _)| *number == ended.number) {
                    let (_, told) = self.out.remove(place);
                    drop(self.told.send(Told { fuel: ended.fuel, ..told }));
                }
            }
            _ => {}
        }
    }
}

struct NoPast;

#[async_trait]
impl History for NoPast {
    async fn candles(&self, _series: SeriesInfo, _count: u32, _until: Timestamp) -> Result<Vec<Candle>, HistoryError> {
        Ok(Vec::new())
    }
}

fn key() -> SecretKey {
    SecretKey::from_bytes(&[7; 32]).expect("a key")
}

/// The account's owner sells by hand, elsewhere.
fn sell(node: &mut Node, size: Decimal) {
    let now = node.now().get();
    let bid = node.exchange().bbo("BTC").and_then(|bbo| bbo.bbo.0).expect("somebody bids").px;
    let price = (bid.get() * Decimal::new(98, 2)).round();
    let kind = OrderTypeWire::Limit { tif: Tif::Ioc };
    let order =
        PlaceWire { asset: 0, is_buy: false, price: price.into(), size: size.into(), reduce_only: true, kind, cloid: None };
    let action = Action::Order { orders: vec![order], grouping: Grouping::Na, builder: None };
    let terms = Terms { nonce: now + 60_000, vault: None, expires_after: None };
    let envelope = serde_json::to_vec(&sign_action(&key(), Network::Testnet, action, terms)).expect("text");
    let answer = node.post(IpAddr::V4(Ipv4Addr::new(127, 0, 0, 9)), "/exchange", &envelope).expect("an answer");
    assert!(answer.body.contains("filled"), "{}", answer.body);
}

/// From now on nothing but the state on the socket says what the account holds.
fn leave_the_state_alone(node: &mut Node) {
    let only = |kind, name: &str| Fault { only: Some(name.to_owned()), ..Fault::new(kind) };
    let lost = ASKED.iter().map(|name| only(FaultKind::LostRequest, name));
    let dropped = ["userFills", "orderUpdates"].iter().map(|name| only(FaultKind::Drop, name));
    lost.chain(dropped).for_each(|fault| node.order_fault(fault).expect("a fault"));
}

/// How many questions about the account were lost since.
fn questions(node: &mut Node) -> u32 {
    let state = node.state();
    state.faults.iter().filter(|armed| armed.fault.kind == FaultKind::LostRequest).map(|armed| armed.struck).sum()
}

#[test]
fn a_position_on_the_socket_reaches_the_guest_with_no_question_in_between() {
    runtime().block_on(async {
        let component = calypte::upload::load(uploads(), &component("dca")).await.expect("the example is sound").strategy;
        tokio::time::pause();
        watch_positions(component).await;
    });
}

async fn watch_positions(component: Strategy) {
    let clock: Arc<dyn Ambient> = Arc::new(Clock(Instant::now()));
    let mut exchange = ExchangeSettings::new(3, Millis::new(START).expect("a time"));
    exchange.deposits = vec![(key().address(), Decimal::from(10_000))];
    exchange.history_minutes = 5;
    let node = Node::new(NodeSettings::new(exchange)).expect("the settings make sense");
    let devnet = InProcess::serve(node, Arc::clone(&clock));
    let mut told = trade(component, &devnet, clock).await;

    let bought = next(&mut told, Duration::from_hours(1)).await;
    let held = bought.size;
    assert!(held > Decimal::ZERO && bought.before.is_zero() && !bought.by_the_exchange, "{bought:?}");
    devnet.with(leave_the_state_alone).await;
    let half = (held / Decimal::TWO).round_dp(5);
    for (sold, left) in [(half, held - half), (held - half, Decimal::ZERO)] {
        devnet.with(move |node| sell(node, sold)).await;
        let changed = next(&mut told, Duration::from_millis(STATE_MS + 1)).await;
        assert_eq!((changed.before, changed.size, changed.by_the_exchange), (left + sold, left, true));
        assert!(changed.fuel > 0, "the guest's hook ran: {changed:?}");
    }
    assert_eq!(devnet.with(questions).await, 0, "nothing was asked in between");
}

async fn next(told: &mut mpsc::UnboundedReceiver<Told>, within: Duration) -> Told {
    timeout_at(Instant::now() + within, told.recv()).await.expect("it comes in time").expect("the session runs")
}

/// Lets the strategy trade; gives what it is told of positions.
async fn trade(component: Strategy, devnet: &InProcess, clock: Arc<dyn Ambient>) -> mpsc::UnboundedReceiver<Told> {
    let folder = temp_dir();
    let series = SeriesInfo { id: SeriesId::new(0), instrument: INSTRUMENT, timeframe: Timeframe::MINUTE };
    let account =
        AccountSettings { user: key().address(), key: key(), nonces: folder.path().join("nonces"), fills_known: None };
    let settings = Settings {
        network: Network::Testnet,
        symbols: vec!["BTC".parse().expect("a symbol")],
        series: vec![series],
        account: Some(account),
        slippage: Decimal::new(5, 2),
    };
    let egress = Arc::new(Mutex::new(Egress::new(EgressLimits::default())));
    let mut connector = Hyperliquid::new(settings, devnet.local_wires(), egress, Arc::clone(&clock));
    let opened = connector.start().await.expect("nothing is wrong");
    let core = CoreSettings {
        live: true,
        books: Books::Netted,
        ..CoreSettings::new(AccountId::new(1), opened.instruments.as_slice().into(), [series].into())
    };
    let parameters = resolve("dca", component.manifest(), &[("hours".to_owned(), "1".to_owned())]).expect("it fits");
    let deployment = Deployment {
        tick_interval_ms: component.manifest().tick_interval_ms,
        ..Deployment::new(STRATEGY, parameters, component.knows())
    };
    let settings = InstanceSettings::new(STRATEGY);
    let cores = Cores::of_machine();
    let loaded = LoadedStrategy { id: STRATEGY, name: "dca".to_owned(), settings, component, cores };
    let (link, asked) = Link::new();
    for feed in [Feed::Candles(series.id), Feed::Quotes(INSTRUMENT), Feed::Context(INSTRUMENT)] {
        link.sender().send(Request::Subscribe { feed, after: None }).await.expect("there is room");
    }
    let (news, brought) = mpsc::channel(1_024);
    let ((_, open), (stop, stopped)) = (watch::channel(Some(BTreeMap::new())), watch::channel(false));
    tokio::spawn(async move {
        carry(Box::new(connector), asked, news, (Passed::default(), vec![series]), open, stopped).await;
        // The mark of its nonces lies there as long as it signs.
        drop((folder, stop));
    });
    let (teller, told) = mpsc::unbounded_channel();
    let surroundings = Surroundings {
        venue: Box::new(link),
        history: Arc::new(NoPast),
        ambient: clock,
        listener: Box::new(Watcher { out: Vec::new(), told: teller }),
    };
    let account = Account::new(TradingCore::new(core).expect("the settings make sense"), None);
    let settings = SessionSettings { checkpoint_ms: 0, ..SessionSettings::default() };
    let session = Session::new(account, &[loaded], surroundings, settings);
    let (ears, operator) = Ears::new(brought);
    tokio::spawn(async move {
        drop(session.run(vec![deployment], ears).await);
        // Nobody commands it, and nobody has gone away.
        drop(operator);
    });
    told
}

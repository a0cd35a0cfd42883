//! The whole connector against an exchange that lives in the test, on a clock that stands still until everybody waits.

mod faults;
mod played;
mod seeds;

use super::*;
use crate::acceptance::{Bench, Breaks, Failed, Trader, run};
use crate::connector::{ACCOUNT_ACTIONS, ACCOUNT_BUDGETS, ACCOUNT_REQUESTS, News, Notice};
use crate::hyperliquid::budget::EgressLimits;
use crate::hyperliquid::protocol::Cloid;
use calypte_kernel::{
    AccountId, ClientOrderId, FeedChange, InstrumentId, MarketEvent, ReconcileCause, Resolve, Side, TimeInForce, Timeframe,
    VenueEvent,
};
use played::{Fault, Played, START, TestAmbient, USER};
use std::time::Duration;

const KO: InstrumentId = InstrumentId::new(0);
const MINUTES: calypte_kernel::SeriesId = calypte_kernel::SeriesId::new(0);
const KEY: &str = "0x0123456789012345678901234567890123456789012345678901234567890123";

/// A connector with the exchange it is connected to.
struct Rig {
    connector: Hyperliquid,
    played: Played,
    ambient: Arc<dyn Ambient>,
    trader: Trader,
    _folder: tempfile::TempDir,
}

fn rig() -> Rig {
    let ambient: Arc<dyn Ambient> = Arc::new(TestAmbient::new());
    let key = SecretKey::read(KEY).expect("a key");
    let played = Played::new(Arc::clone(&ambient), Some(key.address()));
    let folder = tempfile::tempdir().expect("a folder can be made");
    let account = AccountSettings { user: USER, key, nonces: folder.path().join("nonces"), fills_known: None };
    let settings = Settings {
        network: Network::Testnet,
        symbols: vec!["KO".parse().expect("a symbol")],
        series: vec![SeriesInfo { id: MINUTES, instrument: KO, timeframe: Timeframe::MINUTE }],
        account: Some(account),
        slippage: "0.05".parse().expect("a fraction"),
    };
    let egress = Arc::new(Mutex::new(Egress::new(EgressLimits::default())));
    let connector = Hyperliquid::new(settings, played.wires(), egress, Arc::clone(&ambient));
    Rig { connector, played, ambient, trader: Trader::new(vec![], AccountId::new(1), 1), _folder: folder }
}

/// One that has started, whose account is reconciled and whose quotes flow.
async fn started() -> Rig {
    let mut rig = rig();
    let opened = rig.connector.start().await.expect("it starts");
    rig.trader = Trader::new(opened.instruments, AccountId::new(1), 1);
    rig.reconcile().await;
    rig.ask(Request::Subscribe { feed: Feed::Quotes(KO), after: None });
    rig.hear(|news| matches!(news, News::Market(MarketEvent::Quote(_)))).await;
    rig
}

fn is_notice(news: &News, wanted: impl Fn(&Notice) -> bool) -> bool {
    matches!(news, News::Notice(notice) if wanted(notice))
}

fn is_connection(news: &News, wanted: FeedChange) -> bool {
    matches!(news, News::Market(MarketEvent::Feed { feed: Feed::Connection, change }) if *change == wanted)
}

impl Rig {
    fn ask(&mut self, request: Request) {
        self.connector.request(request).expect("it runs, and takes it");
    }

    /// Everything up to the first event of a kind, that included. It has an hour, which passes at once where nothing happens.
    async fn until(&mut self, wanted: impl Fn(&News) -> bool) -> Vec<News> {
        let mut heard = Vec::new();
        let deadline = tokio::time::Instant::now() + Duration::from_hours(1);
        loop {
            let event = tokio::time::timeout_at(deadline, self.connector.next()).await;
            let Ok(Some(event)) = event else { panic!("it did not come within an hour; what came: {heard:#?}") };
            let found = wanted(&event.news);
            heard.push(event.news);
            if found {
                return heard;
            }
        }
    }

    async fn hear(&mut self, wanted: impl Fn(&News) -> bool) -> News {
        self.until(wanted).await.pop().expect("it ends with what was wanted")
    }

    /// Everything that comes within so long.
    async fn during(&mut self, span: Duration) -> Vec<News> {
        let mut heard = Vec::new();
        let deadline = tokio::time::Instant::now() + span;
        while let Ok(Some(event)) = tokio::time::timeout_at(deadline, self.connector.next()).await {
            heard.push(event.news);
        }
        heard
    }

    async fn reconcile(&mut self) -> calypte_kernel::AccountSnapshot {
        self.ask(Request::Reconcile(ReconcileCause::Start));
        let news = self.hear(|news| matches!(news, News::Venue(VenueEvent::Snapshot(_)))).await;
        let News::Venue(VenueEvent::Snapshot(snapshot)) = news else { unreachable!("it was picked") };
        *snapshot
    }

    /// Places an order for one KO; gives its name.
    fn place(&mut self, side: Side, limit: Option<(&str, TimeInForce)>) -> ClientOrderId {
        let price = |text: &str| calypte_kernel::Price::new(text.parse().expect("a number")).expect("positive");
        let limit = limit.map(|(text, tif)| (price(text), tif));
        let now = self.ambient.now();
        let placed = self.trader.place(now, (KO, side, Decimal::ONE), limit, (price("61.5"), None));
        let (order, batch) = placed.expect("the gate lets it pass");
        self.ask(Request::Send(batch));
        order
    }

    fn cancel(&mut self, order: ClientOrderId) {
        let batch = self.trader.cancel(self.ambient.now(), KO, order).expect("the gate lets it pass");
        self.ask(Request::Send(batch));
    }
}

fn of_venue(news: &[News]) -> Vec<&VenueEvent> {
    news.iter().filter_map(|news| if let News::Venue(event) = news { Some(event) } else { None }).collect()
}

impl Breaks for Played {
    fn cut(&self) {
        Played::cut(self);
    }
}

#[test]
fn networks_are_where_they_are() {
    for network in [Network::Mainnet, Network::Testnet] {
        let settings = NetworkSettings { network, endpoint: None, from: None };
        assert!(settings.endpoint().to_string().starts_with("https://api.hyperliquid"));
        assert!(settings.wires().is_ok());
    }
    let local = NetworkSettings { network: Network::Testnet, endpoint: "ws://127.0.0.1:3001".parse().ok(), from: None };
    assert_eq!(local.endpoint().to_string(), "http://127.0.0.1:3001");
}

#[tokio::test(start_paused = true)]
async fn it_passes_the_battery_of_all_connectors() {
    let mut rig = rig();
    let opened = rig.connector.start().await.expect("it starts");
    let played = rig.played.clone();
    let mut bench = Bench {
        trader: Trader::new(opened.instruments, AccountId::new(1), 1),
        ambient: Arc::clone(&rig.ambient),
        connector: &mut rig.connector,
        instrument: KO,
        size: Decimal::ONE,
        patience: Duration::from_mins(2),
        breaks: Some(&played),
        best: None,
    };
    let outcomes = run(&mut bench).await;
    let failed: Vec<_> = outcomes.iter().filter(|(_, outcome)| outcome.is_err()).collect();
    assert!(failed.is_empty(), "{failed:#?}");
    assert!(outcomes.len() >= 10);
    bench.breaks = None;
    let left_out = run(&mut bench).await.into_iter().filter(|(_, outcome)| matches!(outcome, Err(Failed::LeftOut { .. })));
    assert_eq!(left_out.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_budget_that_is_nearly_used_up_is_told_of_once() {
    let mut rig = rig();
    rig.played.state().requests_used = 8_100;
    rig.played.state().spot.push_back("50");
    rig.connector.start().await.expect("it starts");
    let heard = rig.during(Duration::from_mins(1)).await;
    let health = rig.connector.health();
    let own: Vec<_> = health.budgets.iter().filter(|budget| ACCOUNT_BUDGETS.contains(&budget.name)).collect();
    assert_eq!(
        own.iter().map(|budget| (budget.name, budget.left)).collect::<Vec<_>>(),
        [(ACCOUNT_REQUESTS, 1_905), (ACCOUNT_ACTIONS, 50_000)]
    );
    let is_low = |news: &&News| matches!(news, News::Notice(Notice::BudgetLow(_)));
    let told: Vec<_> = heard.iter().filter(is_low).collect();
    assert_eq!(told, [&News::Notice(Notice::BudgetLow(*own[0]))]);
}

#[tokio::test(start_paused = true)]
async fn it_says_what_it_found_and_stops_for_good() {
    let mut rig = rig();
    assert!(matches!(rig.connector.request(Request::Unsubscribe(Feed::Trades(KO))), Err(NotTaken::NotRunning(_))));
    let opened = rig.connector.start().await.expect("it starts");
    assert_eq!(opened.instruments[0].symbol.as_str(), "KO");
    assert_eq!(opened.fees.map(|fees| fees.taker.to_string()).as_deref(), Some("0.00045"));
    assert_eq!(rig.connector.start().await.expect("it has started"), opened);
    rig.reconcile().await;
    let health = rig.connector.health();
    assert_eq!(health.connections.len(), 1, "no market data was asked for: {health:?}");
    assert!(health.budgets.iter().all(|budget| budget.left > 0 && budget.left <= budget.of));
    let names: Vec<_> = health.budgets.iter().map(|budget| budget.name).collect();
    assert_eq!(
        names,
        ["REST weight", "messages", "new sockets", ACCOUNT_REQUESTS, "sockets", "subscriptions", "accounts", "posts"]
    );
    rig.connector.stop().await;
    rig.connector.stop().await;
    while rig.connector.next().await.is_some() {}
    assert_eq!(rig.connector.start().await, Err(CannotStart::Stopped));
    assert!(matches!(rig.connector.request(Request::ResolveLeverage(KO)), Err(NotTaken::NotRunning(_))));
}

#[tokio::test(start_paused = true)]
async fn an_agents_address_is_refused_with_what_to_do() {
    let mut rig = rig();
    rig.played.state().role = serde_json::json!({"role": "agent", "data": {"user": USER}});
    let Err(CannotStart::Refused(words)) = rig.connector.start().await else { panic!("an agent is no account") };
    assert!(words.contains("is an agent, not an account"), "{words}");
    rig.played.state().role = serde_json::json!({"role": "user"});
    assert!(rig.connector.start().await.is_ok(), "once it is put right");
}

#[tokio::test(start_paused = true)]
async fn fills_and_positions_come_by_the_socket_alone() {
    let mut rig = started().await;
    let order = rig.place(Side::Buy, Some(("61.0", TimeInForce::Gtc)));
    rig.hear(|news| matches!(news, News::Venue(VenueEvent::Accepted { .. }))).await;
    let before = rig.played.state().asked.clone();
    rig.played.fill(Cloid(order), "0.4");
    let news = rig.until(|news| matches!(news, News::Venue(VenueEvent::Position(_)))).await;
    let mut events = of_venue(&news);
    events.retain(|event| !matches!(event, VenueEvent::Accepted { .. }));
    assert!(
        matches!(events[0], VenueEvent::Fill(fill) if fill.order == Some(order) && fill.size.to_string() == "0.4"),
        "{events:?}"
    );
    assert!(matches!(events.last(), Some(VenueEvent::Position(report)) if report.size.to_string() == "0.4"));
    assert_eq!(rig.played.state().asked, before, "nothing was asked for");
}

#[tokio::test(start_paused = true)]
async fn candles_pass_in_order_and_what_a_cut_took_is_asked_for() {
    let mut rig = started().await;
    let minute = START - START.rem_euclid(60_000);
    rig.ask(Request::Subscribe { feed: Feed::Candles(MINUTES), after: None });
    rig.during(Duration::from_secs(1)).await;
    rig.played.candle(minute, "61.5", 3);
    rig.during(Duration::from_secs(30)).await;
    rig.played.cut();
    rig.played.candle(minute, "62.5", 9);
    rig.played.candle(minute + 60_000, "63.5", 4);
    let mut news = rig.during(Duration::from_mins(2)).await;
    rig.played.candle(minute + 120_000, "64.5", 1);
    rig.played.candle(minute + 180_000, "65.5", 1);
    let last = |news: &News| matches!(news, News::Market(MarketEvent::Candle { candle, .. }) if candle.open_time.as_millis() == minute + 120_000);
    news.extend(rig.until(last).await);
    let closes: Vec<_> = news
        .iter()
        .filter_map(|news| match news {
            News::Market(MarketEvent::Candle { candle, .. }) => {
                Some((candle.open_time.as_millis() - minute, candle.close.to_string()))
            }
            _ => None,
        })
        .collect();
    assert_eq!(closes, [(0, "62.5".into()), (60_000, "63.5".into()), (120_000, "64.5".into())]);
}

#[tokio::test(start_paused = true)]
async fn a_backfill_comes_before_what_is_new() {
    let mut rig = rig();
    let minute = START - START.rem_euclid(60_000);
    for back in (1..=3).rev() {
        rig.played.candle(minute - back * 60_000, "61.5", 2);
    }
    rig.connector.start().await.expect("it starts");
    rig.ask(Request::Subscribe { feed: Feed::Candles(MINUTES), after: Some(Timestamp::from_millis(minute - 180_000)) });
    let news = rig.until(|news| matches!(news, News::Market(MarketEvent::Candle { candle, .. }) if candle.open_time.as_millis() == minute - 60_000)).await;
    let candles = news.iter().filter(|news| matches!(news, News::Market(MarketEvent::Candle { .. })));
    assert_eq!(candles.count(), 2, "what is known is not told again: {news:?}");
}

#[tokio::test(start_paused = true)]
async fn a_cut_is_said_and_everything_is_asked_for_again() {
    let mut rig = started().await;
    let order = rig.place(Side::Buy, Some(("61.0", TimeInForce::Gtc)));
    rig.hear(|news| matches!(news, News::Venue(VenueEvent::Accepted { .. }))).await;
    rig.played.cut();
    rig.hear(|news| is_connection(news, FeedChange::Lost)).await;
    rig.played.fill(Cloid(order), "0.4");
    let news = rig.until(|news| is_connection(news, FeedChange::Recovered)).await;
    // The snapshot of the feed tells of it, or what is asked for then.
    let told = of_venue(&news).iter().any(|event| matches!(event, VenueEvent::Fill(fill) if fill.order == Some(order)));
    let snapshot = rig.reconcile().await;
    let listed = snapshot.fills.iter().any(|fill| fill.order == Some(order));
    assert!(told || listed);
    assert_eq!(snapshot.positions[0].size.to_string(), "0.4");
    assert_eq!(snapshot.orders[0].remaining.to_string(), "0.6");
    let stale = |news: &News| matches!(news, News::Market(MarketEvent::Feed { feed: Feed::Quotes(_), .. }));
    assert!(news.iter().any(stale), "what was missed of quotes is said: {news:?}");
}

#[tokio::test(start_paused = true)]
async fn the_collateral_among_the_spot_balances_is_of_the_time_of_the_positions_or_not_said() {
    let mut rig = rig();
    // Money moves between the first two answers, and then no more.
    rig.played.state().spot = ["900", "950"].into();
    rig.connector.start().await.expect("it starts");
    let cash = rig.reconcile().await.cash;
    assert_eq!(cash.map(|cash| cash.to_string()).as_deref(), Some("950"));
    assert_eq!(
        rig.played.state().asked["clearinghouseState"],
        2,
        "positions are asked for again where money moved around them"
    );
    rig.played.state().spot = ["1", "2", "3", "4", "5", "6", "7", "8"].into();
    assert_eq!(rig.reconcile().await.cash, None, "money that never rests is not said");
}

#[tokio::test(start_paused = true)]
async fn a_doubt_ends_with_what_is_known() {
    let mut rig = started().await;
    let order = rig.place(Side::Buy, Some(("61.0", TimeInForce::Gtc)));
    rig.hear(|news| matches!(news, News::Venue(VenueEvent::Accepted { .. }))).await;
    let resolve = Resolve { order, instrument: KO, repeat_until: rig.ambient.now() };
    rig.ask(Request::Resolve(resolve));
    let open = rig.hear(|news| matches!(news, News::Venue(VenueEvent::Open(_)))).await;
    assert!(matches!(open, News::Venue(VenueEvent::Open(open)) if open.order == Some(order)));
    rig.played.state().silent = true;
    rig.played.fill(Cloid(order), "0.4");
    rig.cancel(order);
    rig.during(Duration::from_secs(5)).await;
    rig.ask(Request::Resolve(resolve));
    let news = rig.until(|news| matches!(news, News::Venue(VenueEvent::Absent { .. }))).await;
    let events = of_venue(&news);
    assert!(matches!(events[..], [VenueEvent::Fill(_), VenueEvent::Cancelled { .. }, VenueEvent::Absent { .. }]), "{events:?}");
}

#[tokio::test(start_paused = true)]
async fn pitfall_12_an_order_whose_name_is_denied_is_looked_for_elsewhere() {
    let mut rig = started().await;
    let order = rig.place(Side::Buy, Some(("61.0", TimeInForce::Gtc)));
    rig.hear(|news| matches!(news, News::Venue(VenueEvent::Accepted { .. }))).await;
    rig.played.state().denied = true;
    let soon = rig.ambient.now().saturating_add(5_000);
    rig.ask(Request::Resolve(Resolve { order, instrument: KO, repeat_until: soon }));
    let news = rig.during(Duration::from_secs(3)).await;
    let said = |event: &&VenueEvent| matches!(event, VenueEvent::Open(_) | VenueEvent::Absent { .. });
    assert!(!of_venue(&news).iter().any(said), "while it may still be admitted, denial proves nothing: {news:?}");
    rig.during(Duration::from_secs(3)).await;
    rig.ask(Request::Resolve(Resolve { order, instrument: KO, repeat_until: soon }));
    let news = rig.until(|news| matches!(news, News::Venue(VenueEvent::Open(_) | VenueEvent::Absent { .. }))).await;
    assert!(matches!(of_venue(&news)[..], [VenueEvent::Open(open)] if open.order == Some(order)), "{news:?}");
}

#[tokio::test(start_paused = true)]
async fn pitfall_14_a_fill_that_the_stream_left_out_is_found_by_asking_now_and_then() {
    let mut rig = started().await;
    let order = rig.place(Side::Buy, Some(("61.0", TimeInForce::Gtc)));
    rig.hear(|news| matches!(news, News::Venue(VenueEvent::Accepted { .. }))).await;
    rig.played.state().silent = true;
    rig.played.fill(Cloid(order), "0.4");
    rig.played.state().silent = false;
    let news = rig.hear(|news| matches!(news, News::Venue(VenueEvent::Snapshot(_)))).await;
    let News::Venue(VenueEvent::Snapshot(snapshot)) = news else { unreachable!("picked") };
    assert!(snapshot.fills.iter().any(|fill| fill.order == Some(order)), "{snapshot:?}");
}

#[tokio::test(start_paused = true)]
async fn pitfall_26_a_dead_mans_switch_that_is_locked_is_said_to_be() {
    let mut rig = started().await;
    let now = rig.ambient.now();
    let batch = rig.trader.schedule_cancel(now, Some(now.saturating_add(60_000))).expect("the gate lets it pass");
    rig.ask(Request::Send(batch));
    let news = rig.hear(|news| matches!(news, News::Venue(VenueEvent::CancelScheduleRejected { .. }))).await;
    let News::Venue(VenueEvent::CancelScheduleRejected { refusal }) = news else { unreachable!("picked") };
    assert_eq!(refusal.code, "venue-volume-gate");
    assert!(rig.place(Side::Buy, Some(("61.0", TimeInForce::Gtc))).origin().is_some());
    rig.hear(|news| matches!(news, News::Venue(VenueEvent::Accepted { .. }))).await;
}

//! A small exchange that lives in the test: one account, one coin with a book that does not move, and faults on demand.
//!
//! It checks what the real one checks of an action (signature, nonce, expiry), says what the real one says, and remembers what it
//! ran. It is reached over pipes, so that tests run on a clock that stands still until everybody waits.

use crate::ambient::Ambient;
use crate::hyperliquid::connect::Wires;
use crate::hyperliquid::protocol::{
    Action, Address, ClientFrame, Cloid, Envelope, InfoRequest, Meta, OrderKey, OrderTypeWire, PlaceWire, PostRequest, Side,
    Subscription, Tif,
};
use crate::hyperliquid::sign::{Network, signer_of};
use crate::net::{Dial, Stream};
use async_trait::async_trait;
use calypte_kernel::{Decimal, Timestamp};
use futures_util::{SinkExt as _, StreamExt as _};
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard};
use tokio::io::{DuplexStream, duplex};
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_tungstenite::accept_async;
use tokio_tungstenite::tungstenite::Message;

/// When tests begin.
pub(crate) const START: i64 = 1_750_000_020_000;
/// The account.
pub(crate) const USER: Address = Address::from_bytes([0xaa; 20]);
/// Where the book stands: nothing moves it.
const BID: &str = "61.5";
const ASK: &str = "61.6";

/// The clock of the test, and no chance at all.
pub(crate) struct TestAmbient(Instant);

impl TestAmbient {
    pub(crate) fn new() -> Self {
        Self(Instant::now())
    }
}

impl Ambient for TestAmbient {
    fn now(&self) -> Timestamp {
        let since = u64::try_from(self.0.elapsed().as_millis()).expect("tests are short");
        Timestamp::from_millis(START).saturating_add(since)
    }

    fn chance(&self) -> u32 {
        7
    }
}

/// An order of the exchange's.
#[derive(Debug, Clone)]
struct Resting {
    oid: u64,
    place: PlaceWire,
    left: Decimal,
    time: i64,
    status: &'static str,
}

/// What a fault does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The action runs, and no answer comes.
    SwallowAnswer,
    /// It is refused for too many requests.
    TooMany,
    /// The server fails with a page of HTML, having done nothing.
    Html,
    /// The whole action is refused with these words.
    Words(&'static str),
}

/// What the exchange knows.
pub(crate) struct State {
    ambient: Arc<dyn Ambient>,
    pub(crate) agent: Option<Address>,
    nonces: BTreeSet<u64>,
    /// Bodies of actions as they came, over either lane.
    pub(crate) bodies: Vec<String>,
    /// Actions that were run.
    pub(crate) ran: Vec<Action>,
    orders: BTreeMap<u64, Resting>,
    /// Orders that `orderStatus` denies.
    pub(crate) denied: bool,
    fills: Vec<Value>,
    position: Decimal,
    pub(crate) leverage: u32,
    next: u64,
    sockets: Vec<mpsc::UnboundedSender<Message>>,
    subscriptions: Vec<(usize, Subscription)>,
    /// Faults of the actions to come, over the socket and over REST.
    pub(crate) post_faults: VecDeque<Fault>,
    pub(crate) rest_faults: VecDeque<Fault>,
    /// Kinds of feed that are not confirmed.
    pub(crate) unknown_feeds: BTreeSet<&'static str>,
    /// Whether pushes reach anybody.
    pub(crate) silent: bool,
    /// Whether new connections are accepted and then left alone.
    pub(crate) deaf: bool,
    /// Questions by kind.
    pub(crate) asked: BTreeMap<String, usize>,
    pub(crate) role: Value,
    /// Answers about the spot balances, the last for ever; where there are any, they are the collateral.
    pub(crate) spot: VecDeque<&'static str>,
    /// Requests of 10,005 that the account has used.
    pub(crate) requests_used: u64,
    candles: Vec<Value>,
}

impl State {
    fn now(&self) -> i64 {
        self.ambient.now().as_millis()
    }
}

/// The exchange.
#[derive(Clone)]
pub(crate) struct Played(Arc<Mutex<State>>);

impl Played {
    pub(crate) fn new(ambient: Arc<dyn Ambient>, agent: Option<Address>) -> Self {
        Self(Arc::new(Mutex::new(State {
            ambient,
            agent,
            nonces: BTreeSet::new(),
            bodies: vec![],
            ran: vec![],
            orders: BTreeMap::new(),
            denied: false,
            fills: vec![],
            position: Decimal::ZERO,
            leverage: 5,
            next: 100,
            sockets: vec![],
            subscriptions: vec![],
            post_faults: VecDeque::new(),
            rest_faults: VecDeque::new(),
            unknown_feeds: BTreeSet::new(),
            silent: false,
            deaf: false,
            asked: BTreeMap::new(),
            role: json!({"role": "user"}),
            spot: VecDeque::new(),
            requests_used: 3,
            candles: vec![],
        })))
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("no test panics while it holds it")
    }

    /// How to reach it.
    pub(crate) fn wires(&self) -> Wires {
        let dial = |is_socket| Arc::new(Pipe { played: self.clone(), is_socket });
        Wires { requests: dial(false), sockets: dial(true), authority: "exchange".into() }
    }

    /// Cuts every socket, without a word.
    pub(crate) fn cut(&self) {
        let mut state = self.state();
        state.sockets.clear();
        state.subscriptions.clear();
    }

    /// Sends something to everybody.
    pub(crate) fn shout(&self, message: &Message) {
        self.state().sockets.iter().for_each(|socket| drop(socket.send(message.clone())));
    }

    /// What became of the order with that name, and how much of it filled; none: it was never there.
    pub(crate) fn fate(&self, cloid: Cloid) -> Option<(&'static str, Decimal)> {
        let state = self.state();
        let order = state.orders.values().rev().find(|order| order.place.cloid == Some(cloid))?;
        Some((order.status, order.place.size.get() - order.left))
    }

    /// How often it was placed.
    pub(crate) fn placed(&self, cloid: Cloid) -> usize {
        self.state().orders.values().filter(|order| order.place.cloid == Some(cloid)).count()
    }

    /// What the account holds.
    pub(crate) fn position(&self) -> Decimal {
        self.state().position
    }

    /// Somebody trades against the order with that name.
    pub(crate) fn fill(&self, cloid: Cloid, size: &str) {
        let mut state = self.state();
        let oid = state.orders.values().rev().find(|order| order.place.cloid == Some(cloid)).expect("it is there").oid;
        state.trade(oid, size.parse().expect("a number"), None);
    }

    /// A candle of the minute that begins then.
    pub(crate) fn candle(&self, open: i64, close: &str, trades: u64) {
        let candle = json!({"t": open, "T": open + 59_999, "s": "KO", "i": "1m", "o": "61.5", "c": close, "h": "70", "l": "50",
            "v": "3", "n": trades});
        let mut state = self.state();
        state.candles.retain(|known| known["t"] != candle["t"]);
        state.candles.push(candle.clone());
        state.push(|feed| matches!(feed, Subscription::Candle { .. }), "candle", &candle);
    }

    async fn serve_socket(self, stream: DuplexStream) {
        if self.state().deaf {
            return std::future::pending().await;
        }
        let Ok(mut socket) = accept_async(stream).await else { return };
        let (sender, mut outgoing) = mpsc::unbounded_channel();
        let number = {
            let mut state = self.state();
            state.next += 1;
            state.sockets.push(sender.clone());
            usize::try_from(state.next).expect("it is small")
        };
        drop(sender);
        loop {
            tokio::select! {
                message = outgoing.recv() => match message {
                    Some(message) => drop(socket.send(message).await),
                    None => return,
                },
                message = socket.next() => match message {
                    Some(Ok(Message::Text(text))) => {
                        let frame: ClientFrame = serde_json::from_str(&text).expect("the connector speaks the language");
                        let replies = self.state().hear(number, frame);
                        for reply in replies {
                            drop(socket.send(Message::text(reply.to_string())).await);
                        }
                    }
                    Some(Ok(_)) => {}
                    _ => return,
                },
            }
        }
    }

    async fn serve_request(self, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, hyper::Error> {
        let path = request.uri().path().to_owned();
        let body = request.into_body().collect().await?.to_bytes();
        let reply = if path == "/info" {
            let question = serde_json::from_slice(&body).expect("the connector speaks the language");
            (200, self.state().answer(&question).to_string())
        } else {
            let fault = self.state().rest_faults.pop_front();
            match fault {
                Some(Fault::TooMany) => (429, "null".to_owned()),
                Some(Fault::Html) => (502, "<html>".to_owned()),
                fault => {
                    let envelope = serde_json::from_slice(&body).expect("the connector speaks the language");
                    let answer = self.state().act(envelope, fault);
                    if fault == Some(Fault::SwallowAnswer) {
                        std::future::pending::<()>().await;
                    }
                    (200, answer.to_string())
                }
            }
        };
        Ok(Response::builder().status(reply.0).body(Full::new(reply.1.into())).expect("a reply"))
    }
}

struct Pipe {
    played: Played,
    is_socket: bool,
}

#[async_trait]
impl Dial for Pipe {
    async fn dial(&self) -> io::Result<Box<dyn Stream>> {
        let (ours, theirs) = duplex(1 << 20);
        let played = self.played.clone();
        if self.is_socket {
            tokio::spawn(played.serve_socket(theirs));
        } else {
            let serve = move |request| played.clone().serve_request(request);
            tokio::spawn(async move {
                drop(
                    hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(theirs), service_fn(serve)).await,
                );
            });
        }
        Ok(Box::new(ours))
    }
}

impl State {
    fn push(&self, wants: impl Fn(&Subscription) -> bool, channel: &str, data: &Value) {
        let wanted = self.subscriptions.iter().any(|(_, feed)| wants(feed));
        if wanted && !self.silent {
            let text = json!({"channel": channel, "data": data}).to_string();
            self.sockets.iter().for_each(|socket| drop(socket.send(Message::text(text.clone()))));
        }
    }

    fn hear(&mut self, number: usize, frame: ClientFrame) -> Vec<Value> {
        match frame {
            ClientFrame::Ping => vec![json!({"channel": "pong"})],
            ClientFrame::Unsubscribe { subscription } => {
                self.subscriptions.retain(|(_, feed)| *feed != subscription);
                vec![]
            }
            ClientFrame::Subscribe { subscription } => {
                let kind = serde_json::to_value(&subscription).expect("a feed")["type"].as_str().expect("a kind").to_owned();
                if self.unknown_feeds.iter().any(|unknown| *unknown == kind) {
                    return vec![json!({"channel": "error", "data": "Invalid subscription"})];
                }
                self.subscriptions.push((number, subscription.clone()));
                let ack =
                    json!({"channel": "subscriptionResponse", "data": {"method": "subscribe", "subscription": subscription}});
                std::iter::once(ack).chain(self.snapshot(&subscription)).collect()
            }
            ClientFrame::Post { id, request: PostRequest::Action(envelope) } => {
                let fault = self.post_faults.pop_front();
                let response = match fault {
                    Some(Fault::TooMany) => json!({"type": "error", "payload": "429 Too Many Requests"}),
                    Some(Fault::Html) => json!({"type": "error", "payload": "<html>"}),
                    fault => json!({"type": "action", "payload": self.act(envelope, fault)}),
                };
                let swallow = fault == Some(Fault::SwallowAnswer);
                if swallow { vec![] } else { vec![json!({"channel": "post", "data": {"id": id, "response": response}})] }
            }
        }
    }

    fn snapshot(&self, feed: &Subscription) -> Option<Value> {
        match feed {
            Subscription::UserFills { user } => {
                Some(json!({"channel": "userFills", "data": {"user": user, "isSnapshot": true, "fills": self.fills}}))
            }
            Subscription::ClearinghouseState { .. } => Some(
                json!({"channel": "clearinghouseState", "data": {"dex": "", "user": USER, "clearinghouseState": self.account()}}),
            ),
            Subscription::Bbo { .. } => Some(json!({"channel": "bbo", "data": {"coin": "KO", "time": self.now(),
                "bbo": [{"px": BID, "sz": "10", "n": 1}, {"px": ASK, "sz": "10", "n": 1}]}})),
            _ => None,
        }
    }

    fn account(&self) -> Value {
        let position = json!({"type": "oneWay", "position": {"coin": "KO", "szi": self.position.to_string(),
            "leverage": {"type": "cross", "value": self.leverage}, "entryPx": "61.6", "unrealizedPnl": "0.0"}});
        let rows = if self.position.is_zero() { vec![] } else { vec![position] };
        json!({"marginSummary": {"accountValue": "1000.0"}, "assetPositions": rows, "time": self.now()})
    }

    fn shown(order: &Resting) -> Value {
        let (kind, tif) = match order.place.kind {
            OrderTypeWire::Limit { tif } => ("Limit", Some(tif)),
            OrderTypeWire::Trigger { .. } => ("Stop Market", None),
        };
        let side = if order.place.is_buy { Side::B } else { Side::A };
        json!({"coin": "KO", "side": side, "limitPx": order.place.price, "sz": order.left.to_string(), "oid": order.oid,
            "timestamp": order.time, "origSz": order.place.size, "cloid": order.place.cloid,
            "reduceOnly": order.place.reduce_only, "orderType": kind, "tif": tif, "isTrigger": tif.is_none()})
    }

    fn update(&self, oid: u64) {
        let order = &self.orders[&oid];
        let mut shown = Self::shown(order);
        // The feed has the short form.
        if let Some(shown) = shown.as_object_mut() {
            shown.retain(|key, _| !["orderType", "tif", "isTrigger"].contains(&key.as_str()));
        }
        let update = json!([{"order": shown, "status": order.status, "statusTimestamp": self.now()}]);
        self.push(|feed| matches!(feed, Subscription::OrderUpdates { .. }), "orderUpdates", &update);
    }

    fn trade(&mut self, oid: u64, size: Decimal, price: Option<&str>) {
        self.next += 1;
        let (tid, time) = (self.next, self.now());
        let order = self.orders.get_mut(&oid).expect("it is there");
        order.left -= size;
        if order.left.is_zero() {
            order.status = "filled";
        }
        let signed = if order.place.is_buy { size } else { -size };
        let price = price.map_or_else(|| order.place.price.to_string(), str::to_owned);
        let side = if order.place.is_buy { Side::B } else { Side::A };
        let fill = json!({"coin": "KO", "px": price, "sz": size.to_string(), "side": side, "time": time, "oid": oid, "tid": tid,
            "crossed": false, "fee": "0.01", "feeToken": "USDC", "cloid": order.place.cloid});
        self.position += signed;
        self.fills.push(fill.clone());
        self.push(|feed| matches!(feed, Subscription::UserFills { .. }), "userFills", &json!({"user": USER, "fills": [fill]}));
        self.update(oid);
        let state = json!({"dex": "", "user": USER, "clearinghouseState": self.account()});
        self.push(|feed| matches!(feed, Subscription::ClearinghouseState { .. }), "clearinghouseState", &state);
    }

    fn act(&mut self, envelope: Envelope, fault: Option<Fault>) -> Value {
        self.bodies.push(serde_json::to_string(&envelope).expect("text"));
        let refuse = |words: String| json!({"status": "err", "response": words});
        if let Some(Fault::Words(words)) = fault {
            return refuse(words.to_owned());
        }
        let signer = signer_of(Network::Testnet, &envelope);
        if signer != self.agent {
            return refuse(format!("User or API Wallet {} does not exist.", signer.expect("a signature")));
        }
        if envelope.expires_after.is_some_and(|expires| i64::try_from(expires).is_ok_and(|expires| expires < self.now())) {
            return refuse("Action expired".into());
        }
        if !self.nonces.insert(envelope.nonce) {
            return refuse(format!("Invalid nonce: duplicate nonce {}", envelope.nonce));
        }
        self.ran.push(envelope.action.clone());
        let statuses: Vec<Value> = match envelope.action {
            Action::Order { orders, .. } => orders.into_iter().map(|place| self.place(place)).collect(),
            Action::CancelByCloid { cancels, .. } => cancels.iter().map(|cancel| self.cancel(cancel.cloid)).collect(),
            Action::BatchModify { modifies, .. } => {
                let modify = |modify: crate::hyperliquid::protocol::ModifyWire| {
                    let OrderKey::Cloid(cloid) = modify.oid else { panic!("orders are amended by name") };
                    if self.cancel(cloid) != json!("success") {
                        return json!({"error": "Cannot modify canceled or filled order"});
                    }
                    self.place(modify.order)
                };
                modifies.into_iter().map(modify).collect()
            }
            Action::UpdateLeverage { leverage, .. } => {
                self.leverage = leverage;
                return json!({"status": "ok", "response": {"type": "default"}});
            }
            Action::ScheduleCancel { .. } => {
                return refuse(
                    "Cannot set scheduled cancel time until enough volume traded. Required: $1000000. Traded: $5.".into(),
                );
            }
            other => panic!("{other:?} is not played"),
        };
        json!({"status": "ok", "response": {"type": "order", "data": {"statuses": statuses}}})
    }

    fn place(&mut self, place: PlaceWire) -> Value {
        self.next += 1;
        let (oid, time) = (self.next, self.now());
        let price = place.price.get();
        let far: Decimal = if place.is_buy { ASK } else { BID }.parse().expect("a price");
        let crosses = if place.is_buy { price >= far } else { price <= far };
        let tif = if let OrderTypeWire::Limit { tif } = place.kind { Some(tif) } else { None };
        let (left, whole) = (place.size.get(), place.size);
        let mut order = Resting { oid, place, left, time, status: "open" };
        match (tif, crosses) {
            (Some(Tif::Alo), true) => {
                json!({"error": "Post only order would have immediately matched, bbo was 61.5@61.6"})
            }
            (Some(Tif::Ioc), false) => json!({"error": "Order could not immediately match against any resting orders."}),
            (Some(_), true) => {
                self.orders.insert(oid, order);
                self.trade(oid, left, Some(&far.to_string()));
                json!({"filled": {"totalSz": whole, "avgPx": far.to_string(), "oid": oid}})
            }
            (None, _) | (Some(_), false) => {
                order.status = "open";
                self.orders.insert(oid, order);
                self.update(oid);
                json!({"resting": {"oid": oid}})
            }
        }
    }

    fn cancel(&mut self, cloid: Cloid) -> Value {
        let found = self.orders.values_mut().find(|order| order.place.cloid == Some(cloid) && order.status == "open");
        let Some(order) = found else {
            return json!({"error": "Order was never placed, already canceled, or filled. asset=0"});
        };
        order.status = "canceled";
        let oid = order.oid;
        self.update(oid);
        json!("success")
    }

    fn answer(&mut self, question: &InfoRequest) -> Value {
        let kind = serde_json::to_value(question).expect("a question")["type"].as_str().expect("a kind").to_owned();
        *self.asked.entry(kind).or_default() += 1;
        let updates =
            |order: &Resting| json!({"order": Self::shown(order), "status": order.status, "statusTimestamp": order.time});
        match question {
            InfoRequest::Meta { .. } => {
                serde_json::to_value(serde_json::from_str::<Meta>(crate::hyperliquid::tests::META).expect("a universe"))
                    .expect("a universe")
            }
            InfoRequest::ExchangeStatus => json!({"time": self.now()}),
            InfoRequest::UserRole { .. } => self.role.clone(),
            InfoRequest::ExtraAgents { .. } => json!([{"name": "engine", "address": self.agent, "validUntil": null}]),
            InfoRequest::UserAbstraction { .. } if self.spot.is_empty() => json!("default"),
            InfoRequest::UserAbstraction { .. } => json!("unifiedAccount"),
            InfoRequest::SpotClearinghouseState { .. } => {
                let total = if self.spot.len() > 1 { self.spot.pop_front() } else { self.spot.front().copied() };
                json!({"balances": [{"coin": "HYPE", "total": "7"}, {"coin": "USDC", "token": 0, "total": total}]})
            }
            InfoRequest::UserFees { .. } => json!({"userCrossRate": "0.00045", "userAddRate": "0.00015"}),
            InfoRequest::UserRateLimit { .. } => {
                json!({"cumVlm": "5.0", "nRequestsUsed": self.requests_used, "nRequestsCap": 10005})
            }
            InfoRequest::ClearinghouseState { .. } => self.account(),
            InfoRequest::FrontendOpenOrders { .. } => {
                self.orders.values().filter(|order| order.status == "open").map(Self::shown).collect()
            }
            InfoRequest::UserFillsByTime { start_time, .. } => {
                let since = start_time.get();
                self.fills.iter().filter(|fill| fill["time"].as_u64().is_some_and(|time| time >= since)).cloned().collect()
            }
            InfoRequest::HistoricalOrders { .. } => self.orders.values().map(updates).collect(),
            InfoRequest::OrderStatus { oid: OrderKey::Cloid(cloid), .. } => {
                let found = self.orders.values().rev().find(|order| order.place.cloid == Some(*cloid)).filter(|_| !self.denied);
                found.map_or_else(
                    || json!({"status": "unknownOid"}),
                    |order| json!({"status": "order", "order": updates(order)}),
                )
            }
            InfoRequest::ActiveAssetData { .. } => {
                json!({"coin": "KO", "leverage": {"type": "cross", "value": self.leverage}})
            }
            InfoRequest::CandleSnapshot { req } => {
                let since = req.start_time.get();
                self.candles.iter().filter(|candle| candle["t"].as_u64().is_some_and(|open| open >= since)).cloned().collect()
            }
            other => panic!("{other:?} is not played"),
        }
    }
}

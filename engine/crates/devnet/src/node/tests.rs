//! Rules of the node, on a virtual clock.

mod actions;
mod faults;
mod fuzz;
#[path = "../../../host/fixtures/mutated.rs"]
mod mutated;
mod sockets;

use super::*;
use crate::exchange::Liquidity;
use calypte_venues::hyperliquid::protocol::{Action, OrderKey, PlaceWire};
use calypte_venues::hyperliquid::sign::{SecretKey, Terms, approve_agent, sign_action};
use serde_json::{Value, json};
use std::net::Ipv4Addr;

/// When the node opens.
const START: u64 = 1_763_800_000_000;
const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// A key that is nobody's but a test's.
fn key(number: u8) -> SecretKey {
    SecretKey::from_bytes(&[number; 32]).expect("a key")
}

fn exchange_settings() -> Settings {
    let mut settings = Settings::new(7, Millis::new(START).expect("a time"));
    settings.deposits = vec![(key(1).address(), Decimal::from(10_000))];
    settings.liquidity = Liquidity::NONE;
    settings.history_minutes = 0;
    settings
}

/// A node with one account, that of the first key, and nobody else on its exchange.
fn node() -> Node {
    Node::new(NodeSettings::new(exchange_settings())).expect("a node")
}

/// A node and who speaks to it.
struct Desk {
    node: Node,
    nonce: u64,
}

impl Desk {
    fn new() -> Self {
        Self { node: node(), nonce: START }
    }

    fn with(settings: NodeSettings) -> Self {
        Self { node: Node::new(settings).expect("a node"), nonce: START }
    }

    fn post(&mut self, path: &str, body: &Value) -> (u16, Value) {
        let answer = self.node.post(HERE, path, body.to_string().as_bytes()).expect("an answer");
        (answer.status, serde_json::from_str(&answer.body).unwrap_or(Value::String(answer.body)))
    }

    fn info(&mut self, question: &Value) -> Value {
        let (status, answer) = self.post("/info", question);
        assert_eq!(status, 200, "{question}: {answer}");
        answer
    }

    fn terms(&mut self) -> Terms {
        self.nonce += 1;
        Terms { nonce: self.nonce, vault: None, expires_after: None }
    }

    /// Signs and posts an action; the words of its refusal, or its response.
    fn act(&mut self, key: &SecretKey, action: Action) -> Result<Value, String> {
        let terms = self.terms();
        self.act_on(key, action, terms)
    }

    fn act_on(&mut self, key: &SecretKey, action: Action, terms: Terms) -> Result<Value, String> {
        let envelope = sign_action(key, Network::Testnet, action, terms);
        self.exchange(&json!(envelope))
    }

    fn exchange(&mut self, envelope: &Value) -> Result<Value, String> {
        let (status, answer) = self.post("/exchange", envelope);
        assert_eq!(status, 200, "{answer}");
        match answer["status"].as_str() {
            Some("ok") => Ok(answer["response"].clone()),
            Some("err") => Err(answer["response"].as_str().expect("words").to_owned()),
            _ => panic!("{answer}"),
        }
    }

    fn connect(&mut self) -> SessionId {
        self.node.connect(HERE).expect("there is room")
    }

    fn say(&mut self, id: SessionId, frame: &Value) {
        self.node.receive(id, &frame.to_string());
    }

    fn subscribe(&mut self, id: SessionId, subscription: &Value) {
        self.say(id, &json!({ "method": "subscribe", "subscription": subscription }));
    }

    /// All that a socket is sent now; an end of it as text.
    fn heard(&mut self, id: SessionId) -> Vec<Value> {
        let mut heard = Vec::new();
        while let Some(out) = self.node.poll() {
            if out.session == id {
                heard.push(match out.kind {
                    OutKind::Text(text) => serde_json::from_str(&text).expect("JSON"),
                    OutKind::Close { code, reason } => json!(format!("closed {code} {reason}")),
                    OutKind::Cut => json!("cut"),
                });
            }
        }
        heard
    }

    /// The channels of what a socket is sent now.
    fn channels(&mut self, id: SessionId) -> Vec<String> {
        let name = |frame: &Value| frame["channel"].as_str().or(frame.as_str()).expect("a channel").to_owned();
        self.heard(id).iter().map(name).collect()
    }

    fn pass(&mut self, ms: u64) {
        self.node.advance(Millis::new(self.node.now().get() + ms).expect("a time"));
    }
}

/// Cancels an order that never was.
fn nothing() -> Action {
    Action::CancelByCloid { cancels: Vec::new(), fast: None }
}

fn leverage(leverage: u32) -> Action {
    Action::UpdateLeverage { asset: 0, is_cross: true, leverage }
}

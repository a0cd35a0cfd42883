//! Frames that clients send: subscriptions, pings, posts.
//!
//! What cannot be read is answered on the channel `error`, without its id. A coin that does not exist, or a precision that no book
//! has, ends the socket without a word.
//!
//! <https://hyperliquid.gitbook.io/hyperliquid-docs/for-developers/api/websocket>

use super::feeds::frame;
use super::request::{Lane, Reply};
use super::topic::Topic;
use super::{Node, OutKind, SessionId};
use crate::exchange::Interval;
use calypte_venues::hyperliquid::protocol::Subscription;
use serde::Deserialize;
use serde_json::{Value, json};

/// Most bytes of a frame from a client.
pub const FRAME_BYTES_MAX: usize = 1 << 20;
/// Most characters of a frame that an error repeats.
const ECHO_CHARS_MAX: usize = 500;

/// The channel of answers to posts.
pub(super) const POST: &str = "post";

#[derive(Deserialize)]
#[serde(tag = "method", rename_all = "camelCase")]
enum WireFrame {
    Subscribe { subscription: Value },
    Unsubscribe { subscription: Value },
    Ping,
    Post { id: u64, request: WirePost },
}

#[derive(Deserialize)]
#[serde(tag = "type", content = "payload", rename_all = "camelCase")]
enum WirePost {
    Info(Value),
    Action(Value),
}

impl Node {
    /// Takes a frame that came over a socket.
    pub fn receive(&mut self, id: SessionId, text: &str) {
        let Some(session) = self.sessions.get(&id) else { return };
        let from = session.from;
        if !self.sources.message(self.now, from) {
            let most = self.sources.limits().messages;
            return self.error(id, &format!("Cannot send more than {most} messages per minute."));
        }
        let read = if text.len() > FRAME_BYTES_MAX { None } else { serde_json::from_str(text).ok() };
        match read {
            Some(WireFrame::Ping) => self.send(id, "pong", None, r#"{"channel":"pong"}"#),
            Some(WireFrame::Subscribe { subscription }) => match Topic::read(&subscription) {
                Some(topic) => self.subscribe(id, &topic),
                None => self.unreadable(id, text),
            },
            Some(WireFrame::Unsubscribe { subscription }) => match Topic::read(&subscription) {
                Some(topic) => self.unsubscribe(id, &topic),
                None => self.unreadable(id, text),
            },
            Some(WireFrame::Post { id: number, request }) => self.posted(id, number, request, text),
            None => self.unreadable(id, text),
        }
    }

    fn error(&mut self, id: SessionId, words: &str) {
        self.send(id, "error", None, &frame("error", &words));
    }

    fn unreadable(&mut self, id: SessionId, text: &str) {
        let echo: String = text.chars().take(ECHO_CHARS_MAX).collect();
        self.error(id, &format!("Error parsing JSON into valid websocket request: {echo}"));
    }

    fn subscribe(&mut self, id: SessionId, topic: &Topic) {
        let exists = topic.subscription.coin().is_none_or(|coin| self.exchange.asset_of(coin).is_some());
        let has_book = match &topic.subscription {
            Subscription::L2Book { coin, .. } => self.exchange.book(coin, topic.precision()).is_some(),
            _ => true,
        };
        if !exists || !has_book {
            return self.end(id, OutKind::Cut);
        }
        let Some(session) = self.sessions.get_mut(&id) else { return };
        if session.topics.contains(topic) {
            return self.error(id, &format!("Already subscribed: {}", topic.echo()));
        }
        if let Err(refused) = self.sources.subscribe(self.now, session.from, topic.subscription.user()) {
            return self.error(id, &refused.to_string());
        }
        session.topics.insert(topic.clone());
        if let Subscription::Candle { coin, interval } = &topic.subscription
            && let Ok(interval) = interval.parse::<Interval>()
            && !self.watchers.contains_key(topic)
        {
            self.exchange.watch_candles(coin, interval, true);
        }
        self.watchers.entry(topic.clone()).or_default().insert(id);
        self.acknowledge(id, "subscribe", topic);
        self.send_first(id, topic);
    }

    fn unsubscribe(&mut self, id: SessionId, topic: &Topic) {
        let Some(session) = self.sessions.get_mut(&id) else { return };
        if !session.topics.remove(topic) {
            return self.error(id, &format!("Already unsubscribed: {}", topic.echo()));
        }
        self.sources.forget(session.from, topic.subscription.user(), self.now);
        self.unwatch(id, topic);
        self.acknowledge(id, "unsubscribe", topic);
    }

    fn acknowledge(&mut self, id: SessionId, method: &str, topic: &Topic) {
        let text = frame("subscriptionResponse", &json!({ "method": method, "subscription": topic.echo() }));
        self.send(id, "subscriptionResponse", topic.subscription.user(), &text);
    }

    /// Takes a socket off a topic; the last one ends it.
    pub(super) fn unwatch(&mut self, id: SessionId, topic: &Topic) {
        let Some(watchers) = self.watchers.get_mut(topic) else { return };
        watchers.remove(&id);
        if !watchers.is_empty() {
            return;
        }
        self.watchers.remove(topic);
        if let Subscription::Candle { coin, interval } = &topic.subscription
            && let Ok(interval) = interval.parse::<Interval>()
        {
            self.exchange.watch_candles(coin, interval, false);
        }
    }

    fn posted(&mut self, id: SessionId, number: u64, request: WirePost, text: &str) {
        let Some(from) = self.sessions.get(&id).map(|session| session.from) else { return };
        if !self.sources.post(self.now, from) {
            return self.error(id, &format!("too many pending post requests id={number}"));
        }
        let (kind, reply) = match request {
            WirePost::Info(question) => ("info", self.ask(from, &question, Lane::Socket)),
            WirePost::Action(envelope) => ("action", self.act(from, envelope, Lane::Socket)),
        };
        let response = match reply {
            Reply::Done { body, kind: asked, after_ms } => {
                let payload = if kind == "info" { json!({ "type": asked, "data": body }) } else { body };
                Some((after_ms, json!({ "type": kind, "payload": payload })))
            }
            Reply::Refused(status) => Some((0, json!({ "type": "error", "payload": words_of(status) }))),
            Reply::Page => Some((0, json!({ "type": "error", "payload": words_of(500) }))),
            Reply::Unreadable => {
                self.sources.posted(from);
                return self.unreadable(id, text);
            }
            Reply::Never => None,
        };
        match response {
            None => self.sources.posted(from),
            Some((after_ms, response)) => {
                let answer = frame(POST, &json!({ "id": number, "response": response }));
                self.answers.push(self.now.saturating_add(after_ms), id, from, answer);
                self.send_answers();
            }
        }
    }

    /// Sends answers to posts that are due.
    pub(super) fn send_answers(&mut self) {
        while let Some((id, from, answer)) = self.answers.pop(self.now) {
            self.sources.posted(from);
            self.send(id, POST, None, &answer);
        }
    }
}

/// How a refusal is worded on a socket.
fn words_of(status: u16) -> &'static str {
    match status {
        429 => "429 Too Many Requests",
        422 => "422 Unprocessable Entity",
        _ => "500 Internal Server Error",
    }
}

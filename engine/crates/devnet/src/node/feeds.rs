//! From what the exchange tells to what subscribers are sent: at once, at a cadence, and first of all.
//!
//! Trades, quotes, candles, fills, order updates and funding are sent as they happen. Books, contexts, mid prices and the state of
//! accounts are sent whole, again and again.

use super::topic::Topic;
use super::{Node, SessionId};
use crate::exchange::{Event, Interval};
use calypte_venues::hyperliquid::protocol::{Address, Millis, Subscription};
use serde::Serialize;
use serde_json::{Value, json};

/// How often short books are sent.
pub(super) const BEAT_MS: u64 = 500;
/// Beats between two contexts of an asset.
const CONTEXT_BEATS: u64 = 2;
/// Beats between two of everything else that is sent whole.
const STATE_BEATS: u64 = 10;
/// Levels on each side of a short book.
const SHORT_LEVELS: usize = 5;
/// Old trades that come with a subscription.
const OLD_TRADES: usize = 30;
/// How far back the funding goes that comes with a subscription.
const OLD_FUNDING_MS: u64 = 30 * 24 * 3_600_000;

/// A frame of a channel.
pub(super) fn frame(channel: &str, data: &impl Serialize) -> String {
    #[derive(Serialize)]
    struct Frame<'a, T> {
        channel: &'a str,
        data: &'a T,
    }
    serde_json::to_string(&Frame { channel, data }).expect("messages are maps of texts and numbers")
}

impl Node {
    /// Takes what the exchange tells, and sends it to whom it concerns.
    pub(super) fn tell(&mut self) {
        while let Some(event) = self.exchange.poll() {
            self.tell_one(event);
        }
    }

    fn tell_one(&mut self, event: Event) {
        match event {
            Event::Trades(trades) => {
                if let Some(coin) = trades.first().map(|trade| trade.coin.clone()) {
                    self.publish(Subscription::Trades { coin }, &trades);
                }
            }
            Event::Bbo(bbo) => self.publish(Subscription::Bbo { coin: bbo.coin.clone() }, &bbo),
            Event::Candle(candle) => {
                let (coin, interval) = (candle.coin.clone(), candle.interval.clone());
                self.publish(Subscription::Candle { coin, interval }, &candle);
            }
            // These are sent at their cadence.
            Event::Book { .. } | Event::Context { .. } | Event::StateChanged { .. } => {}
            Event::OrderUpdates { user, updates } => self.publish(Subscription::OrderUpdates { user }, &updates),
            Event::Fills { user, fills } => {
                self.publish(Subscription::UserEvents { user }, &json!({ "fills": fills }));
                self.publish(Subscription::UserFills { user }, &json!({ "user": user, "fills": fills }));
            }
            Event::Funding { user, payment } => {
                self.publish(Subscription::UserEvents { user }, &json!({ "funding": payment }));
                self.publish(Subscription::UserFundings { user }, &json!({ "user": user, "fundings": [payment] }));
            }
            Event::NonUserCancel { user, cancels } => {
                self.publish(Subscription::UserEvents { user }, &json!({ "nonUserCancel": cancels }));
            }
            Event::Liquidation { user, liquidation } => {
                self.publish(Subscription::UserEvents { user }, &json!({ "liquidation": liquidation }));
                let words = json!({ "notification": "Your account was liquidated, or part of it." });
                self.publish(Subscription::Notification { user }, &words);
            }
            Event::Ledger { user, update } => {
                let data = json!({ "user": user, "nonFundingLedgerUpdates": [update] });
                self.publish(Subscription::UserNonFundingLedgerUpdates { user }, &data);
            }
        }
    }

    fn publish(&mut self, subscription: Subscription, data: &impl Serialize) {
        let topic = Topic::plain(subscription);
        let Some(watchers) = self.watchers.get(&topic) else { return };
        let watchers: Vec<SessionId> = watchers.iter().copied().collect();
        let text = frame(topic.channel(), data);
        for id in watchers {
            self.send(id, topic.channel(), topic.subscription.user(), &text);
        }
    }

    /// Sends what is due at its cadence.
    pub(super) fn beat(&mut self, beat: u64) {
        let due: Vec<Topic> = self.watchers.keys().filter(|topic| is_due(&topic.subscription, beat)).cloned().collect();
        for topic in due {
            let Some(data) = self.whole(&topic) else { continue };
            let text = frame(topic.channel(), &data);
            let watchers: Vec<SessionId> = self.watchers.get(&topic).into_iter().flatten().copied().collect();
            for id in watchers {
                self.send(id, topic.channel(), topic.subscription.user(), &text);
            }
        }
    }

    /// Sends what comes with a subscription.
    pub(super) fn send_first(&mut self, id: SessionId, topic: &Topic) {
        let first = match &topic.subscription {
            Subscription::OrderUpdates { .. } | Subscription::UserEvents { .. } | Subscription::Notification { .. } => None,
            Subscription::Bbo { coin } => self.exchange.bbo(coin).map(|bbo| json!(bbo)),
            Subscription::Trades { coin } => self.exchange.recent_trades(coin).map(|mut trades| {
                trades.truncate(OLD_TRADES);
                trades.reverse();
                json!(trades)
            }),
            Subscription::Candle { coin, interval } => self.running_candle(coin, interval),
            Subscription::UserFills { user } => {
                Some(json!({ "isSnapshot": true, "user": user, "fills": self.exchange.fills(*user) }))
            }
            Subscription::UserFundings { user } => Some(self.old_funding(*user)),
            Subscription::UserNonFundingLedgerUpdates { user } => {
                let updates = self.exchange.ledger_updates(*user, Millis::default(), None);
                Some(json!({ "isSnapshot": true, "user": user, "nonFundingLedgerUpdates": updates }))
            }
            _ => self.whole(topic),
        };
        if let Some(data) = first {
            self.send(id, topic.channel(), topic.subscription.user(), &frame(topic.channel(), &data));
        }
    }

    fn running_candle(&self, coin: &str, interval: &str) -> Option<Value> {
        let interval: Interval = interval.parse().ok()?;
        let open = Millis::new(interval.open_of(self.exchange.now().get()))?;
        self.exchange.candles(coin, interval, open, None)?.last().map(|candle| json!(candle))
    }

    fn old_funding(&self, user: Address) -> Value {
        let from = Millis::new(self.exchange.now().get().saturating_sub(OLD_FUNDING_MS)).unwrap_or_default();
        let payments = self.exchange.user_funding(user, from, None);
        let fundings: Vec<Value> = payments
            .iter()
            .map(|payment| {
                let mut funding = json!(payment.delta);
                if let Some(keys) = funding.as_object_mut() {
                    keys.remove("type");
                    keys.insert("time".into(), json!(payment.time));
                }
                funding
            })
            .collect();
        json!({ "isSnapshot": true, "user": user, "fundings": fundings })
    }

    /// What is sent whole each time.
    fn whole(&self, topic: &Topic) -> Option<Value> {
        let exchange = &self.exchange;
        Some(match &topic.subscription {
            Subscription::AllMids => json!(exchange.mids()),
            Subscription::L2Book { coin, fast } => {
                let mut book = exchange.book(coin, topic.precision())?;
                let fast = fast.unwrap_or(false);
                if fast {
                    book.levels.0.0.truncate(SHORT_LEVELS);
                    book.levels.1.0.truncate(SHORT_LEVELS);
                }
                let mut book = json!(book);
                if fast {
                    book["fast"] = json!(true);
                }
                book
            }
            Subscription::ActiveAssetCtx { coin } => json!({ "coin": coin, "ctx": exchange.context(coin)? }),
            Subscription::ClearinghouseState { user } => {
                json!({ "dex": "", "user": user, "clearinghouseState": exchange.clearinghouse_state(*user) })
            }
            Subscription::OpenOrders { user } => {
                json!({ "dex": "", "user": user, "orders": exchange.frontend_open_orders(*user) })
            }
            Subscription::SpotState { user } => json!({ "user": user, "spotState": exchange.spot_state(*user) }),
            Subscription::ActiveAssetData { user, coin } => json!(exchange.active_asset_data(*user, coin)?),
            Subscription::WebData3 { user } => self.web_data(*user),
            _ => return None,
        })
    }

    fn web_data(&self, user: Address) -> Value {
        let agent = self.agents.of(self.now, user).find(|(_, agent)| agent.name.is_none());
        json!({
            "userState": {
                "agentAddress": agent.map(|(address, _)| address),
                "agentValidUntil": agent.map(|(_, agent)| agent.valid_until),
                "cumLedger": "0.0",
                "serverTime": self.now,
                "isVault": false,
                "user": user,
                "abstraction": self.exchange.mode(user),
            },
            "perpDexStates": [{ "totalVaultEquity": "0.0" }],
        })
    }

    /// Coins of which an account has fills: what it holds none of may be shown with a size of zero.
    pub(super) fn coins_once_held(&self, user: Address) -> Vec<String> {
        let mut coins: Vec<String> = self.exchange.fills(user).into_iter().map(|fill| fill.coin).collect();
        coins.sort_unstable();
        coins.dedup();
        coins
    }
}

fn is_due(subscription: &Subscription, beat: u64) -> bool {
    match subscription {
        Subscription::L2Book { fast: Some(true), .. } => true,
        Subscription::ActiveAssetCtx { .. } => beat.is_multiple_of(CONTEXT_BEATS),
        _ => beat.is_multiple_of(STATE_BEATS),
    }
}

//! One account's side of the connector: what its feeds say, what it sends, and what it asks.
//!
//! ```text
//!   frames of its socket ──► AccountDesk ──► events of the core
//!   approved commands ─────►    │ Actions: budget, nonce, signature, outbox ──► posts and requests
//!   doubts, doubtful frames ►   │ Inquiries: when to ask for everything, and after which orders
//! ```
//!
//! Pure but for the mark of nonces on disk: the time, chance and answers are told, and what is to be done is taken out.

mod actions;
mod inquiries;
#[cfg(test)]
mod tests;

pub use actions::{ActionStep, Actions, Around, COALESCE_MS, POST_ONLY_PHASE_MS, Signer};
pub use inquiries::{Inquiries, Inquiry, POLL_MS, RECONCILE_MS};

use super::assets::Assets;
use super::opening::{Collateral, expires_soon};
use super::protocol::Subscription;
use super::protocol::{
    Address, Fill, FundingPayment, Ledger, Millis, MoneyMoved, OfUser, OrderUpdate, Rows, ServerFrame, StatusKind, WebUser,
};
use super::translate::{self, Tally, Unusable};
use crate::connector::{News, Notice};
use calypte_kernel::{InstrumentId, Size, Timestamp, VenueEvent, VenueOrder, VenueOrderId};
use rust_decimal::prelude::ToPrimitive as _;
use std::collections::{BTreeMap, BTreeSet};

/// Most movements of money that are remembered, so that none is told twice.
const MONEY_SEEN_MAX: usize = 1_024;
/// How much earlier than the last time up to which all fills are known fills are asked for: two of one block may come apart.
pub const FILLS_OVERLAP_MS: u64 = 60_000;
/// How long until the leverage of an asset is asked for again, where a position does not say it.
const LEVERAGE_ASK_MS: u64 = 60_000;

/// What the account's feeds are.
pub fn feeds(user: Address, collateral: Collateral) -> Vec<Subscription> {
    let mut feeds = vec![
        Subscription::OrderUpdates { user },
        Subscription::UserFills { user },
        Subscription::UserFundings { user },
        Subscription::UserNonFundingLedgerUpdates { user },
        Subscription::ClearinghouseState { user },
        Subscription::WebData3 { user },
    ];
    if collateral == Collateral::Spot {
        feeds.push(Subscription::SpotState { user });
    }
    feeds
}

/// Whether an account without this feed has to be looked after over REST.
pub const fn is_vital(feed: &Subscription) -> bool {
    matches!(feed, Subscription::OrderUpdates { .. } | Subscription::UserFills { .. } | Subscription::ClearinghouseState { .. })
}

/// What the account's feeds say.
#[derive(Debug)]
pub struct AccountDesk {
    user: Address,
    signer: Address,
    collateral: Collateral,
    /// What it sends.
    pub actions: Actions,
    /// What it asks.
    pub inquiries: Inquiries,
    /// Up to when all fills are known. That a later one came over the socket does not say that none before it was missed.
    fills_known: Timestamp,
    /// From when on money and funding are news: what came before is in the first picture of the account.
    opened: Timestamp,
    money_seen: BTreeSet<(Millis, String)>,
    leverage_asked: BTreeMap<InstrumentId, Timestamp>,
    expiry_told: Option<Millis>,
    /// What could not be used.
    pub tally: Tally,
}

impl AccountDesk {
    /// An account as it was opened at that time; its fills are known up to `fills_known`.
    pub fn new(
        user: Address,
        collateral: Collateral,
        mut actions: Actions,
        opened: Timestamp,
        fills_known: Option<Timestamp>,
    ) -> Self {
        actions.ledger.limit_daily(collateral == Collateral::Spot);
        Self {
            user,
            signer: actions.signer(),
            collateral,
            actions,
            inquiries: Inquiries::new(opened),
            fills_known: fills_known.unwrap_or(opened),
            opened,
            money_seen: BTreeSet::new(),
            leverage_asked: BTreeMap::new(),
            expiry_told: None,
            tally: Tally::default(),
        }
    }

    /// From when on fills have to be asked for.
    pub const fn fills_since(&self) -> Timestamp {
        Timestamp::from_millis(self.fills_known.as_millis().saturating_sub_unsigned(FILLS_OVERLAP_MS))
    }

    /// Whose it is, and where its collateral lies.
    pub const fn whose(&self) -> (Address, Collateral) {
        (self.user, self.collateral)
    }

    /// Takes a frame of the account's socket.
    pub fn frame(&mut self, now: Timestamp, assets: &Assets, frame: &ServerFrame, news: &mut Vec<News>) {
        match frame {
            ServerFrame::OrderUpdates(updates) => self.order_updates(assets, updates, news),
            ServerFrame::Fills(fills) if self.is_ours(fills) => self.fills(assets, fills, news),
            ServerFrame::Fundings(fundings) if self.is_ours(fundings) => {
                self.count_unreadable(fundings.of.unreadable, now);
                fundings.of.iter().for_each(|funding| self.funding(assets, funding, news));
            }
            ServerFrame::MoneyMoved(moved) if self.is_ours(moved) => {
                self.count_unreadable(moved.of.unreadable, now);
                moved.of.iter().for_each(|moved| self.money(moved, news));
            }
            ServerFrame::Clearinghouse(state) if self.is_ours(state) && state.dex.is_empty() => {
                let holds = self.collateral == Collateral::Perpetuals;
                let picture = translate::positions(assets, &state.of, holds);
                self.count_unreadable(usize::from(!picture.is_whole), now);
                for report in picture.positions {
                    if !report.size.is_zero() && report.leverage.is_none() {
                        self.ask_leverage(now, report.instrument);
                    }
                    news.push(News::Venue(VenueEvent::Position(Box::new(report))));
                }
            }
            ServerFrame::WebData(data) if data.user_state.user == self.user => self.web_user(now, &data.user_state, news),
            ServerFrame::Unknown(_) => self.tally.unknown_channel = self.tally.unknown_channel.saturating_add(1),
            ServerFrame::Error(words) => news.push(News::Notice(Notice::Complaint(words.clone()))),
            _ => {}
        }
    }

    /// Notes a frame of the account's socket that cannot be read: whatever it said has to be asked for.
    pub fn unreadable(&mut self, now: Timestamp) {
        self.count_unreadable(1, now);
    }

    /// Notes what was asked for and found, before the core is told.
    pub fn found(&mut self, now: Timestamp, snapshot: &calypte_kernel::AccountSnapshot) {
        snapshot.orders.iter().for_each(|order| self.found_open(order));
        self.fills_known = self.fills_known.max(snapshot.time);
        self.inquiries.reconciled(now);
    }

    /// Notes an open order that was asked for and found, before the core is told.
    pub fn found_open(&mut self, order: &VenueOrder) {
        self.actions.planner.own.found(order);
        if let Some(name) = order.order {
            // The core learns of it by what was found.
            drop(self.actions.planner.attached.is_open(name, order.venue_order, order.size));
        }
    }

    fn is_ours<T>(&self, of: &OfUser<T>) -> bool {
        of.user == self.user
    }

    /// What cannot be read may have been about anything of the account.
    fn count_unreadable(&mut self, rows: usize, now: Timestamp) {
        if rows > 0 {
            self.tally.unreadable = self.tally.unreadable.saturating_add(rows as u64);
            self.inquiries.doubt_everything(now);
        }
    }

    fn order_updates(
        &mut self,
        assets: &Assets,
        updates: &Rows<OrderUpdate, { super::protocol::ORDERS_MAX }>,
        news: &mut Vec<News>,
    ) {
        self.count_unreadable(updates.unreadable, self.opened);
        for update in updates.iter() {
            if let Some(alive) = self.comes_alive(update) {
                news.push(News::Venue(alive));
                continue;
            }
            let was_cut = self.actions.planner.own.updated(&update.order, &update.status);
            let unknown = StatusKind::of(&update.status) == StatusKind::Unknown && assets.of_coin(&update.order.coin).is_some();
            if let Some(cloid) = update.order.cloid.filter(|_| unknown || was_cut) {
                // The core asks after it.
                news.push(News::Venue(VenueEvent::Unanswered { order: cloid.0 }));
            }
            let translated = translate::order_update(assets, update);
            news.extend(self.tally.sort(translated).map(News::Venue));
        }
    }

    /// An exit whose order filled, where the update is the first of it.
    fn comes_alive(&mut self, update: &OrderUpdate) -> Option<VenueEvent> {
        let shown = &update.order;
        let name = shown.cloid.filter(|_| StatusKind::of(&update.status) == StatusKind::Open)?.0;
        let size = Size::new(shown.orig_sz.unwrap_or(shown.sz).get()).ok()?;
        let alive = self.actions.planner.attached.is_open(name, VenueOrderId::new(shown.oid), size)?;
        self.actions.planner.own.came_alive(name, shown.side.into(), size);
        Some(alive)
    }

    fn fills(&mut self, assets: &Assets, fills: &OfUser<Rows<Fill, { super::protocol::FILLS_MAX }>>, news: &mut Vec<News>) {
        self.count_unreadable(fills.of.unreadable, self.opened);
        let since = self.fills_since();
        let mut rows: Vec<&Fill> =
            fills.of.iter().filter(|fill| !fills.is_snapshot || fill.time.timestamp() >= since).collect();
        // History comes newest first, and the core wants it in its order.
        rows.sort_by_key(|fill| fill.time);
        for fill in rows {
            if !fills.is_snapshot {
                let traded = fill.px.get().checked_mul(fill.sz.get()).and_then(|traded| traded.to_u64());
                self.actions.ledger.note_volume(traded.unwrap_or_default());
                if let Some(cloid) = fill.cloid {
                    self.actions.planner.own.traded(cloid.0, fill.sz.get());
                }
            }
            let translated = translate::fill(assets, self.user, fill);
            if translated == Err(Unusable::Missing) {
                self.inquiries.doubt_everything(self.opened);
            }
            news.extend(self.tally.sort(translated).map(|fill| News::Venue(VenueEvent::Fill(Box::new(fill)))));
        }
    }

    /// The core knows payments it has seen; those from before it was opened are in its first picture.
    fn funding(&mut self, assets: &Assets, funding: &FundingPayment, news: &mut Vec<News>) {
        if funding.time.is_some_and(|time| time.timestamp() >= self.opened) {
            let translated = translate::funding(assets, funding, None);
            news.extend(self.tally.sort(translated).map(News::Venue));
        }
    }

    fn money(&mut self, moved: &Ledger<MoneyMoved>, news: &mut Vec<News>) {
        // Kinds of one transaction differ: together they say which movement it was.
        let name = format!("{}{}", moved.hash.as_deref().unwrap_or_default(), moved.delta.kind);
        if moved.time.timestamp() < self.opened || !self.money_seen.insert((moved.time, name)) {
            return;
        }
        if self.money_seen.len() > MONEY_SEEN_MAX {
            self.money_seen.pop_first();
        }
        let translated = translate::balance(self.user, moved);
        news.extend(self.tally.sort(translated).map(News::Venue));
    }

    fn web_user(&mut self, now: Timestamp, user: &WebUser, news: &mut Vec<News>) {
        let expiry = user.agent_valid_until.filter(|_| user.agent_address == Some(self.signer));
        if expires_soon(now, expiry) && self.expiry_told != expiry {
            self.expiry_told = expiry;
            news.extend(expiry.map(|expiry| News::Notice(Notice::KeyExpires(expiry.timestamp()))));
        }
        let mode = user.abstraction.as_deref().map(|mode| Collateral::of_mode(Some(mode)));
        if let Some(mode) = mode.filter(|mode| *mode != self.collateral) {
            self.collateral = mode;
            self.actions.ledger.limit_daily(mode == Collateral::Spot);
            news.push(News::Notice(Notice::Complaint("the account keeps its collateral elsewhere from now on".into())));
            self.inquiries.doubt_everything(now);
        }
    }

    fn ask_leverage(&mut self, now: Timestamp, instrument: InstrumentId) {
        let asked = self.leverage_asked.get(&instrument);
        if asked.is_none_or(|asked| now.millis_since(*asked) >= LEVERAGE_ASK_MS) {
            self.leverage_asked.insert(instrument, now);
            self.inquiries.leverage(instrument);
        }
    }

    /// Takes note of how far our clock is off: beyond [`DRIFT_MS_MAX`](super::opening::DRIFT_MS_MAX) nothing is opened, since expiries would not hold.
    pub fn clock(&mut self, wrong: Option<String>, news: &mut Vec<News>) {
        if let Some(why) = wrong.clone().filter(|_| self.actions.clock_wrong.is_none()) {
            news.push(News::Notice(Notice::ClockWrong { why }));
        }
        self.actions.clock_wrong = wrong;
    }
}

//! Orders that are cancelled, replaced, or to be cancelled at a time.

use super::orders::{Kin, LiveOrder, Stage};
use super::refusal::Refusal;
use super::{DAY_MS, Exchange};
use calypte_venues::hyperliquid::protocol::{
    Address, Answer, CancelByCloidWire, CancelWire, EntryStatus, OrderKey, PlaceWire, Tif,
};

/// How far ahead a scheduled cancel must lie.
const SCHEDULE_AHEAD_MS: u64 = 5_000;
/// Scheduled cancels that may strike on a day.
const STRIKES_MAX: u32 = 10;

/// Words for an order that is not there, whatever became of it.
const GONE: &str = "Order was never placed, already canceled, or filled.";

impl Exchange {
    /// Cancels orders by their numbers.
    pub(super) fn cancel_batch(&mut self, user: Address, cancels: &[CancelWire], fast: bool) -> Vec<EntryStatus> {
        let found =
            |exchange: &Self, cancel: &CancelWire| exchange.open_order(user, cancel.asset, |order| order.oid == cancel.oid);
        cancels
            .iter()
            .map(|cancel| {
                let oid = found(self, cancel);
                self.cancel_one(oid, cancel.asset, fast)
            })
            .collect()
    }

    /// Cancels orders by their names; of several with one name the newest.
    pub(super) fn cancel_batch_by_cloid(
        &mut self,
        user: Address,
        cancels: &[CancelByCloidWire],
        fast: bool,
    ) -> Vec<EntryStatus> {
        cancels
            .iter()
            .map(|cancel| {
                let oid = self.open_order(user, cancel.asset, |order| order.cloid == Some(cancel.cloid));
                self.cancel_one(oid, cancel.asset, fast)
            })
            .collect()
    }

    fn cancel_one(&mut self, oid: Option<u64>, asset: u32, fast: bool) -> EntryStatus {
        let Some(oid) = oid else { return EntryStatus::Error(format!("{GONE} asset={asset}")) };
        if fast && self.orders.get(oid).is_some_and(|order| order.stage != Stage::Book) {
            return EntryStatus::Error(format!("Trigger orders cannot be fast canceled. asset={asset}"));
        }
        self.cancel_live(oid, "canceled");
        EntryStatus::Success
    }

    /// The newest open order of an account and asset that is the one looked for.
    fn open_order(&self, user: Address, asset: u32, is_it: impl Fn(&LiveOrder) -> bool) -> Option<u64> {
        let account = self.accounts.get(&user)?;
        let orders = account.open.iter().rev().filter_map(|oid| self.orders.get(*oid));
        let mut found = orders.filter(|order| u32::try_from(order.coin) == Ok(asset) && is_it(order));
        found.next().map(|order| order.oid)
    }

    /// Replaces an order: another number, the same name. Where the new one cannot be taken, the old one stays as it is.
    pub(super) fn modify(
        &mut self,
        user: Address,
        key: OrderKey,
        wire: &PlaceWire,
        always_place: bool,
    ) -> Result<EntryStatus, Refusal> {
        let old = self.open_order(user, wire.asset, |order| match key {
            OrderKey::Oid(oid) => order.oid == oid,
            OrderKey::Cloid(cloid) => order.cloid == Some(cloid),
        });
        let old = old.and_then(|oid| self.orders.get(oid)).ok_or(Refusal::Gone)?;
        let (old_oid, old_cloid, is_position_tpsl) = (old.oid, old.cloid, old.is_position_tpsl);
        let mut draft = self.draft(wire, is_position_tpsl)?;
        draft.cloid = draft.cloid.or(old_cloid);
        if !always_place {
            // It must rest, and then it is one that only rests.
            match (draft.trigger, draft.tif) {
                (None, Tif::Alo) => {}
                (None, Tif::Gtc) if !self.markets[draft.coin].book.crosses(draft.side, draft.price) => {}
                _ => return Err(Refusal::BadReplacement),
            }
        }
        let size = self.admit(user, &draft, Some(old_oid))?;
        // Exits that wait for the old one wait for the new one, and an exit goes on being one of its pair.
        let old = self.orders.get_mut(old_oid).ok_or(Refusal::Gone)?;
        let kin = Kin { children: std::mem::take(&mut old.kin.children), group: old.kin.group };
        self.cancel_live(old_oid, "canceled");
        let (_, status) = self.enter(user, &draft, size, kin);
        Ok(status)
    }

    /// Sets the time at which every open order of an account is cancelled, or takes it back.
    pub(super) fn schedule_cancel(&mut self, user: Address, time: Option<u64>) -> Answer {
        let required = self.settings.schedule_cancel_volume;
        let (now, day) = (self.now, self.day());
        let Some(account) = self.accounts.get_mut(&user) else { return Answer::Err(GONE.to_owned()) };
        if account.volume < required {
            let traded = account.volume.round_dp(2);
            return Answer::Err(format!(
                "Cannot set scheduled cancel time until enough volume traded. Required: ${}. Traded: ${traded}.",
                required.normalize()
            ));
        }
        if time.is_some_and(|time| time < now.saturating_add(SCHEDULE_AHEAD_MS)) {
            return Answer::Err("Scheduled cancel time too early, must be at least 5 seconds from now.".to_owned());
        }
        if time.is_some() && account.strikes.0 == day && account.strikes.1 >= STRIKES_MAX {
            return Answer::Err("Too many scheduled cancels triggered today.".to_owned());
        }
        account.scheduled = time;
        super::done()
    }

    /// Cancels the orders of accounts that asked for it at this time.
    pub(super) fn strike_scheduled(&mut self) {
        let (now, day) = (self.now, self.day());
        let due = |scheduled: Option<u64>| scheduled.is_some_and(|time| time <= now);
        let users: Vec<Address> =
            self.accounts.iter().filter(|(_, account)| due(account.scheduled)).map(|(user, _)| *user).collect();
        for user in users {
            let Some(account) = self.accounts.get_mut(&user) else { continue };
            account.scheduled = None;
            let strikes = if account.strikes.0 == day { account.strikes.1 } else { 0 };
            account.strikes = (day, strikes + 1);
            let open: Vec<u64> = account.open.iter().copied().collect();
            for oid in open {
                self.cancel_by_exchange(oid, "scheduledCancel");
            }
        }
    }

    /// The day since 1970.
    pub(super) fn day(&self) -> u64 {
        self.now / DAY_MS
    }
}

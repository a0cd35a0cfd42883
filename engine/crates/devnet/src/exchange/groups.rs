//! Orders that belong together: a parent with its exits, exits of a position, and what a batch of them must be.

use super::Exchange;
use super::orders::{Kin, LiveOrder, Stage};
use super::place::Draft;
use super::refusal::Refusal;
use calypte_kernel::{Decimal, Side};
use calypte_venues::hyperliquid::protocol::{Address, EntryStatus, Grouping, PlaceWire};

/// Most exits of one order or position: a take-profit and a stop-loss.
const EXITS_MAX: usize = 2;

/// Words for a batch whose orders do not belong together as it says.
const BAD_GROUP: &str = "Invalid TP/SL price. The orders do not fit their grouping.";

impl Exchange {
    /// Places the orders of a batch. One error alone stands for all of them.
    pub(super) fn place_batch(&mut self, user: Address, orders: &[PlaceWire], grouping: Grouping) -> Vec<EntryStatus> {
        match grouping {
            Grouping::Na => orders.iter().map(|wire| self.place_one(user, wire, false)).collect(),
            Grouping::PositionTpsl => match self.check_position_exits(user, orders) {
                Ok(()) => orders.iter().map(|wire| self.place_one(user, wire, true)).collect(),
                Err(words) => vec![EntryStatus::Error(words)],
            },
            Grouping::NormalTpsl => {
                let Some((parent, exits)) = orders.split_first() else { return Vec::new() };
                match self.check_exits(parent, exits) {
                    Ok(exits) => self.place_family(user, parent, &exits),
                    Err(words) => vec![EntryStatus::Error(words)],
                }
            }
        }
    }

    fn place_one(&mut self, user: Address, wire: &PlaceWire, is_position_tpsl: bool) -> EntryStatus {
        match self.place(user, wire, is_position_tpsl) {
            Ok((_, EntryStatus::Error(words))) => EntryStatus::Error(format!("{words} asset={}", wire.asset)),
            Ok((_, status)) => status,
            Err(refusal) => EntryStatus::Error(refusal.of(wire.asset)),
        }
    }

    fn check_position_exits(&self, user: Address, orders: &[PlaceWire]) -> Result<(), String> {
        if orders.is_empty() || orders.len() > EXITS_MAX {
            return Err(BAD_GROUP.to_owned());
        }
        for wire in orders {
            let draft = self.draft(wire, true).map_err(|refusal| refusal.of(wire.asset))?;
            if draft.trigger.is_none() || !draft.reduce_only {
                return Err(BAD_GROUP.to_owned());
            }
            let position = self.accounts.get(&user).map_or(Decimal::ZERO, |account| account.size_of(draft.coin));
            if position.is_zero() || position.is_sign_negative() != (draft.side == Side::Buy) {
                return Err(Refusal::ReduceOnly.of(wire.asset));
            }
        }
        Ok(())
    }

    /// The exits of a parent: reduce-only triggers of the other side, above and below its price as they should be.
    fn check_exits(&self, parent: &PlaceWire, exits: &[PlaceWire]) -> Result<Vec<Draft>, String> {
        let head = self.draft(parent, false).map_err(|refusal| refusal.of(parent.asset))?;
        if head.trigger.is_some() || head.reduce_only || exits.is_empty() || exits.len() > EXITS_MAX {
            return Err(BAD_GROUP.to_owned());
        }
        // Where it will be entered: one that trades at once does so about the mark, whatever its worst price.
        let market = &self.markets[head.coin];
        let entry = if market.book.crosses(head.side, head.price) { market.mark } else { head.price.get() };
        let mut drafts = Vec::<Draft>::new();
        for wire in exits {
            let draft = self.draft(wire, false).map_err(|refusal| refusal.of(wire.asset))?;
            let trigger = draft.trigger.ok_or_else(|| BAD_GROUP.to_owned())?;
            let fits = draft.reduce_only && draft.coin == head.coin && draft.side != head.side;
            let doubled = drafts.iter().any(|other| other.trigger.is_some_and(|other| other.tpsl == trigger.tpsl));
            if !fits || doubled {
                return Err(BAD_GROUP.to_owned());
            }
            if trigger.is_reached(draft.side, entry) {
                return Err(Refusal::Trigger.of(wire.asset));
            }
            drafts.push(Draft { size: head.size, ..draft });
        }
        Ok(drafts)
    }

    /// Places a parent whose exits wait for it.
    fn place_family(&mut self, user: Address, parent: &PlaceWire, exits: &[Draft]) -> Vec<EntryStatus> {
        let refused = |refusal: Refusal| vec![EntryStatus::Error(refusal.of(parent.asset))];
        let draft = match self.draft(parent, false) {
            Ok(draft) => draft,
            Err(refusal) => return refused(refusal),
        };
        if let Err(refusal) = self.admit(user, &draft, None) {
            return refused(refusal);
        }
        let oid = self.orders.next_oid();
        let children: Vec<u64> = exits.iter().map(|_| self.orders.next_oid()).collect();
        for (child, exit) in children.iter().zip(exits) {
            self.orders.insert(LiveOrder {
                stage: Stage::Parent,
                kin: Kin { group: Some(oid), ..Kin::default() },
                ..exit.live(*child, user, self.now)
            });
        }
        self.orders
            .insert(LiveOrder { kin: Kin { children: children.clone(), group: None }, ..draft.live(oid, user, self.now) });
        if let Some(account) = self.accounts.get_mut(&user) {
            account.open.insert(oid);
        }
        let status = match self.run(oid, &draft) {
            EntryStatus::Error(words) => EntryStatus::Error(format!("{words} asset={}", parent.asset)),
            status => status,
        };
        let waits = |child: &u64| match self.orders.get(*child).map(|order| order.stage) {
            Some(Stage::Parent) => EntryStatus::WaitingForFill,
            Some(_) => EntryStatus::WaitingForTrigger,
            None => EntryStatus::Error(Refusal::Gone.of(parent.asset)),
        };
        std::iter::once(status).chain(children.iter().map(waits)).collect()
    }

    /// Exits whose parent filled come to life, for as much as filled.
    pub(super) fn release_children(&mut self, children: &[u64], filled: Decimal) {
        for oid in children {
            let Some(order) = self.orders.get_mut(*oid) else { continue };
            order.stage = Stage::Trigger;
            order.size = order.size.min(filled);
            let (user, coin) = (order.user, order.coin);
            if let Some(account) = self.accounts.get_mut(&user) {
                account.open.insert(*oid);
            }
            self.markets[coin].triggers.insert(*oid);
            self.tell(*oid, "open");
        }
    }

    /// An exit filled: those that were placed with it are over.
    pub(super) fn end_siblings(&mut self, filled: &LiveOrder) {
        let Some(group) = filled.kin.group else { return };
        let Some(account) = self.accounts.get(&filled.user) else { return };
        let of_group = |oid: &&u64| self.orders.get(**oid).is_some_and(|order| order.kin.group == Some(group));
        let siblings: Vec<u64> = account.open.iter().filter(of_group).copied().collect();
        for oid in siblings {
            self.cancel_live(oid, "siblingFilledCanceled");
        }
    }
}

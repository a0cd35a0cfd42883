//! What is authoritative when. A fill moves a position at once; the exchange's word on a position replaces ours, unless it is
//! older than the last fill that was applied; a fill that its word contained already moves money, not size.

use super::TradingCore;
use crate::Feed;
use crate::account::{flat, leverage_of};
use crate::queue::Rank;
use crate::{
    AccountSnapshot, BalanceCause, BalanceEvent, Decimal, Difference, DifferenceOf, Event, FaultKind, FeedChange, FeedEvent,
    InstrumentId, Netting, Output, PositionCause, PositionReport, ReconcileCause, StrategyId, Timestamp, VenueEvent, derived,
};

impl TradingCore {
    /// Signed size that the account holds of an instrument: what its strategies hold and what is nobody's.
    pub fn size_held(&self, instrument: InstrumentId) -> Decimal {
        let unattributed = self.holdings.get(instrument.get() as usize).map_or(Decimal::ZERO, |held| held.unattributed);
        let sizes = self.slots.iter().map(|slot| slot.ledger.size_in(instrument));
        sizes.fold(unattributed, Decimal::saturating_add)
    }

    /// Signed size of an instrument that belongs to no strategy: traded by hand, or not to be told apart.
    pub fn unattributed(&self, instrument: InstrumentId) -> Decimal {
        self.holdings.get(instrument.get() as usize).map_or(Decimal::ZERO, |held| held.unattributed)
    }

    /// Whether the account was reconciled with the exchange since the connection last came up. One that is not live needs not
    /// be.
    pub const fn is_reconciled(&self) -> bool {
        self.reconciled
    }

    /// How often the exchange's word differed from ours while it was newer than everything we knew.
    pub const fn differences(&self) -> u64 {
        self.differences
    }

    /// The exchange's word on a position.
    pub(super) fn position_report(&mut self, report: &PositionReport) -> Option<()> {
        let instrument = report.instrument;
        let at = instrument.get() as usize;
        let holding = self.holdings.get_mut(at)?;
        if holding.is_past(report.time) {
            return Some(());
        }
        let news = holding.is_news(report.time);
        holding.reported(report);
        let setting = leverage_of(report);
        let reset = self.leverage[at] != setting;
        self.leverage[at] = setting;
        if let Some(setting) = setting {
            self.settle_leverage(instrument, setting, report.time);
        }
        let ours = self.size_held(instrument);
        // Where all are on one side and nothing is left, a trade by hand closed what they held.
        let by_hand =
            report.size.is_zero() && !self.unattributed(instrument).is_zero() && self.settings.netting == Netting::Deny;
        if ours == report.size && !by_hand {
            if reset {
                self.tell_leverage(instrument);
            }
            return Some(());
        }
        if news && ours != report.size {
            self.differ(report.time, DifferenceOf::Position(instrument), ours, report.size);
        }
        self.take_over(report, ours);
        Some(())
    }

    pub(super) fn differ(&mut self, time: Timestamp, of: DifferenceOf, ours: Decimal, theirs: Decimal) {
        self.differences += 1;
        self.outputs.push_back(Output::Difference(Difference { time, of, ours, theirs }));
    }

    /// Replaces what we had by what the exchange has. Nothing held is nothing held by anyone; else the one strategy that
    /// trades the instrument inherits what is its own, and what cannot be told apart is nobody's.
    fn take_over(&mut self, report: &PositionReport, ours: Decimal) {
        let instrument = report.instrument;
        let holders = self.places_holding(instrument);
        let heir = match holders.as_slice() {
            [] => self.places_trading(instrument).filter(|trading| trading.len() == 1).map(|trading| trading[0]),
            [one] => Some(*one),
            _ => None,
        };
        let by = report.size.saturating_sub(ours);
        // Of several that may hold opposite sizes nobody can tell whose is gone.
        let is_gone = report.size.is_zero() && (holders.len() < 2 || self.settings.netting == Netting::Deny);
        match (is_gone, heir) {
            (true, _) => {
                self.holdings[instrument.get() as usize].unattributed = Decimal::ZERO;
                if let [place] = holders.as_slice() {
                    self.slots[*place].orders.foretell(instrument, by);
                }
                for place in holders {
                    self.replace_position(place, report, Decimal::ZERO);
                }
            }
            (false, Some(place)) => self.inherit(place, report, by),
            (false, None) => self.leave_to_nobody(instrument, by),
        }
    }

    /// Divides a change between the heir and nobody. What open orders of the heir explain is the heir's. The rest changes what is
    /// nobody's where anything is, or where the heir holds nothing; else the heir, who alone holds the instrument, takes it.
    fn inherit(&mut self, place: usize, report: &PositionReport, by: Decimal) {
        let instrument = report.instrument;
        let held = self.slots[place].ledger.size_in(instrument);
        let nobodys = self.unattributed(instrument);
        let explained = self.slots[place].orders.foretell(instrument, by);
        let rest = by.saturating_sub(explained);
        let same_side = nobodys.is_sign_negative() == rest.is_sign_negative();
        let left = match () {
            () if nobodys.is_zero() && held.is_zero() => rest,
            () if nobodys.is_zero() => Decimal::ZERO,
            () if same_side || rest.abs() <= nobodys.abs() => rest,
            // It cannot have taken more from nobody than was there.
            () => -nobodys,
        };
        let size = held.saturating_add(by.saturating_sub(left));
        if !left.is_zero() {
            self.leave_to_nobody(instrument, left);
        }
        if size != held {
            // Its average entry is that of all that is held.
            let entry_price = report.entry_price.filter(|_| self.unattributed(instrument).is_zero());
            self.replace_position(place, &PositionReport { entry_price, ..report.clone() }, size);
        }
    }

    fn leave_to_nobody(&mut self, instrument: InstrumentId, by: Decimal) {
        let holding = &mut self.holdings[instrument.get() as usize];
        holding.unattributed = holding.unattributed.saturating_add(by);
        self.revision += 1;
    }

    fn replace_position(&mut self, place: usize, report: &PositionReport, size: Decimal) {
        let instrument = report.instrument;
        let mark = self.feeds.mark_price(instrument);
        let slot = &mut self.slots[place];
        let (before, settled_before) = (slot.ledger.size_in(instrument), slot.ledger.money.settled);
        let entry = || slot.ledger.position(instrument).map_or(Decimal::ZERO, crate::Position::entry_price);
        let price = mark.map_or_else(entry, crate::Price::get);
        let replaced = slot.ledger.replace((instrument, size, report.entry_price), price, &mut self.money);
        self.changed(place);
        if let Err(error) = replaced {
            let detail = format!("the exchange holds {size} of instrument {instrument}: {error}");
            return self.fault_of(place, FaultKind::Overflow, "account", detail);
        }
        self.note_report(place, instrument, before, settled_before);
        self.tell_position(place, instrument, before, PositionCause::Exchange, report.time);
        self.exits_fit(place, instrument);
    }

    fn places_holding(&self, instrument: InstrumentId) -> Vec<usize> {
        let places = self.slots.iter().enumerate();
        places.filter(|(_, slot)| !slot.ledger.size_in(instrument).is_zero()).map(|(place, _)| place).collect()
    }

    /// Strategies that hold an instrument or have orders in it; none where none does.
    pub(super) fn places_trading(&self, instrument: InstrumentId) -> Option<Vec<usize>> {
        let trades = |place: &usize| {
            let slot = &self.slots[*place];
            let ordered = || slot.orders.open().iter().any(|open| open.order.instrument == instrument);
            !slot.ledger.size_in(instrument).is_zero() || ordered()
        };
        let places: Vec<usize> = (0..self.slots.len()).filter(trades).collect();
        (!places.is_empty()).then_some(places)
    }

    /// Money came in or went out other than by trading. What the exchange's word on the collateral contained is known.
    pub(super) fn deposit(&mut self, time: Timestamp, change: Decimal, cause: BalanceCause) -> Option<()> {
        if self.is_in_cash(time) { Some(()) } else { self.balance(time, change, cause) }
    }

    /// Whether the exchange's word on the collateral contained what happened at a time already.
    fn is_in_cash(&self, time: Timestamp) -> bool {
        self.cash_as_of.is_some_and(|as_of| time <= as_of)
    }

    /// Does what moves money. Where the exchange's word on the collateral contained it already, as something else than what it
    /// was, the collateral stays as it is.
    pub(super) fn keep_cash(&mut self, time: Timestamp, moves: impl FnOnce(&mut Self)) {
        let before = if self.is_in_cash(time) { self.cash() } else { None };
        moves(self);
        let by = before.and_then(|before| before.checked_sub(self.cash()?));
        if let Some(by) = by.filter(|by| !derived(*by).is_zero())
            && self.balance(time, by, BalanceCause::Other).is_none()
        {
            self.strays += 1;
        }
    }

    /// Changes what was paid in, and tells everybody.
    pub(super) fn balance(&mut self, time: Timestamp, change: Decimal, cause: BalanceCause) -> Option<()> {
        self.settings.cash = self.settings.cash.checked_add(change)?;
        self.revision += 1;
        self.account_guard.switch.paid(change);
        for place in 0..self.slots.len() {
            self.slots[place].guard.switch.paid(change);
            self.slots[place].changed = true;
            let cash = self.view_of(place).cash().map_or(Decimal::MAX, derived);
            let event = BalanceEvent { time, cash, change: derived(change), cause };
            self.offer(place, Rank::Account, Event::Balance(Box::new(event)));
        }
        Some(())
    }

    /// Everything at once: fills first, since positions contain them; then orders, positions and cash. After it the account
    /// is reconciled, and strategies that waited for that begin.
    pub(super) fn snapshot(&mut self, snapshot: AccountSnapshot) -> Option<()> {
        let AccountSnapshot { time, positions, orders, fills, cash } = snapshot;
        for fill in fills {
            self.venue(VenueEvent::Fill(Box::new(fill)));
        }
        self.open_orders(time, orders);
        for place in 0..self.holdings.len() {
            let instrument = InstrumentId::new(u32::try_from(place).ok()?);
            let listed = positions.iter().find(|report| report.instrument == instrument);
            self.position_report(
                &listed.map_or_else(|| flat(instrument, time), |report| PositionReport { time, ..report.clone() }),
            );
        }
        let strangers = positions.iter().filter(|report| report.instrument.get() as usize >= self.holdings.len()).count();
        self.strays += u64::try_from(strangers).unwrap_or(u64::MAX);
        if let Some(theirs) = cash {
            self.check_cash(time, theirs, &positions);
        }
        self.now_reconciled();
        Some(())
    }

    /// What the exchange says the collateral is replaces ours, where nothing is on its way that could explain a difference.
    fn check_cash(&mut self, time: Timestamp, theirs: Decimal, positions: &[PositionReport]) {
        if self.holdings.iter().any(|holding| !holding.is_news(time)) || self.is_in_cash(time) {
            return;
        }
        let Some(ours) = self.cash_netted(positions) else { return };
        let Some(difference) = theirs.checked_sub(ours) else { return };
        self.cash_as_of = Some(time);
        if derived(difference).is_zero() {
            return;
        }
        self.differ(time, DifferenceOf::Cash, ours, theirs);
        if self.balance(time, difference, BalanceCause::Other).is_none() {
            self.strays += 1;
        }
    }

    /// Collateral without unrealized profit: what was paid in, plus everything realized, less fees, plus funding. None where
    /// it leaves the range of money.
    pub fn cash(&self) -> Option<Decimal> {
        let realized =
            |position: &crate::Position| position.size().checked_mul(position.entry_price())?.checked_add(position.flow());
        self.positions().try_fold(self.settled(), |sum, (_, position)| sum.checked_add(realized(position)?))
    }

    /// Our collateral as the exchange reckons it, by its average entries: of an instrument that several strategies hold, it has one
    /// position, and what they made by trading against one another is realized. None where it did not say that entry, and several
    /// hold the instrument.
    fn cash_netted(&self, positions: &[PositionReport]) -> Option<Decimal> {
        let mut sum = self.settled();
        for place in 0..self.holdings.len() {
            let instrument = InstrumentId::new(u32::try_from(place).ok()?);
            let held =
                || self.slots.iter().filter_map(|slot| slot.ledger.position(instrument)).filter(|one| !one.size().is_zero());
            let flow = held().try_fold(Decimal::ZERO, |sum, position| sum.checked_add(position.flow()))?;
            let size = held().try_fold(Decimal::ZERO, |sum, position| sum.checked_add(position.size()))?;
            let theirs = positions.iter().find(|report| report.instrument == instrument).and_then(|report| report.entry_price);
            let mut entries = held().map(crate::Position::entry_price);
            let entry = match (entries.next(), entries.next(), theirs) {
                (None, ..) => continue,
                (Some(_), Some(_), _) if size.is_zero() => Decimal::ZERO,
                // Averages depend on the order in which fills were heard of: by its own it reckons what it calls realized.
                (Some(_), _, Some(theirs)) => theirs.get(),
                (Some(ours), None, None) => ours,
                (Some(_), Some(_), None) => return None,
            };
            sum = sum.checked_add(flow)?.checked_add(size.checked_mul(entry)?)?;
        }
        Some(sum)
    }

    /// The connection was lost: what happens meanwhile is not known.
    pub(super) fn disconnected(&mut self) {
        if self.settings.live {
            self.reconciled = false;
        }
    }

    /// The connection is back: the exchange is asked for everything.
    pub(super) fn reconnected(&mut self) {
        if !self.reconciled {
            self.outputs.push_back(Output::Reconcile(ReconcileCause::Reconnected));
        }
    }

    fn now_reconciled(&mut self) {
        if std::mem::replace(&mut self.reconciled, true) {
            return;
        }
        let slots = self.slots.iter_mut();
        let waiting: Vec<StrategyId> =
            slots.filter_map(|slot| std::mem::take(&mut slot.start_waits).then_some(slot.id())).collect();
        for closing in self.slots.iter_mut().filter_map(|slot| slot.guard.closing.as_mut()) {
            closing.next = self.now;
        }
        let event = FeedEvent { time: self.now, feed: Feed::Connection, change: FeedChange::Restored };
        for place in 0..self.slots.len() {
            self.offer(place, Rank::Feed, Event::Feed(event));
        }
        for strategy in waiting {
            self.start(strategy);
        }
    }
}

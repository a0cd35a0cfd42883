//! What is on the account and belongs to no strategy: orders and positions of the trader's own hand or of another program.
//!
//! They share the account's margin, so that the limits of the account count them. An account whose settings say so
//! ([`AccountRisk::flatten_outside`](crate::AccountRisk)) has them cancelled and closed with its own when its kill switch does
//! that; else nobody here touches them.

use super::TradingCore;
use super::exits::reducible;
use super::standing::Tally;
use crate::guard::{Closing, LEG_CLOSING};
use crate::risk::{Lane, Request, RiskGate, Stake, Standing, terms};
use crate::{
    ClientOrderId, ClosePolicy, Decimal, EventNumber, InstrumentId, KillAction, OrderOrigin, Output, RiskEvent, Rounding, Side,
    StrategyId, VenueFill,
};

/// Whom closes are named after that no strategy asked for. No strategy has this number.
pub(super) const OWN_HAND: StrategyId = StrategyId::new(u16::MAX as u32);

impl TradingCore {
    /// Notional of what belongs to no strategy, by instrument; none where something of it cannot be valued.
    pub(super) fn tally_outside(&self) -> Option<Tally> {
        let mut tally = Tally::new();
        for (place, holding) in self.holdings.iter().enumerate().filter(|(_, holding)| !holding.unattributed.is_zero()) {
            let instrument = InstrumentId::new(u32::try_from(place).ok()?);
            let mark = self.feeds.mark_price(instrument)?;
            let held = holding.unattributed.checked_mul(mark.get())?;
            tally.push((instrument, Stake { held, ..Stake::default() }));
        }
        for order in self.external.iter().filter(|order| !order.reduce_only) {
            let price = terms::price_to_value_at(&order.kind, order.side, self.feeds.mark_price(order.instrument))?;
            let notional = order.remaining.checked_mul(price.get())?;
            let place = tally.iter().position(|(at, _)| *at == order.instrument).unwrap_or_else(|| {
                tally.push((order.instrument, Stake::default()));
                tally.len() - 1
            });
            tally[place].1 = tally[place].1.with(order.side, notional)?;
        }
        Some(tally)
    }

    /// Notes what the market made of positions that belong to no strategy since the latest look.
    pub(super) fn look_outside(&mut self) {
        let held = self.settings.instruments.iter().zip(&self.holdings).filter_map(|(instrument, holding)| {
            let mark = self.feeds.mark_price(instrument.id).filter(|_| !holding.unattributed.is_zero())?;
            Some((instrument.id, holding.unattributed, mark))
        });
        self.account_guard.outside_made.look(held);
    }

    /// Whether the name is one of ours that belongs to no strategy.
    pub(super) fn is_own_hand(&self, name: ClientOrderId) -> bool {
        name.origin().is_some_and(|origin| origin.account == self.settings.account && origin.strategy == OWN_HAND)
    }

    /// A fill of what nobody holds.
    pub(super) fn fill_outside(&mut self, fill: &VenueFill) {
        self.fills.unclaimed(fill, false);
        self.revision += 1;
        let holding = &mut self.holdings[fill.instrument.get() as usize];
        if !holding.contains(fill.time) {
            holding.unattributed = holding.unattributed.saturating_add(fill.side.signed(fill.size));
        }
        holding.filled(fill.time);
    }

    /// What the account's kill switch is to do with what belongs to no strategy.
    pub(super) fn demanded_outside(&self) -> Option<KillAction> {
        let killed = self.account_guard.switch.killed.filter(|_| self.settings.risk.flatten_outside);
        killed.map(|killed| killed.action).filter(|action| *action >= KillAction::Cancel)
    }

    /// Goes on with what the account's kill switch does to it.
    pub(super) fn go_on_outside(&mut self) {
        let Some(action) = self.demanded_outside() else {
            self.account_guard.outside = None;
            return;
        };
        if !self.account_guard.connected || !self.reconciled {
            return;
        }
        let left = if action == KillAction::Flatten { self.left_outside() } else { Vec::new() };
        let begun = self.account_guard.outside;
        if left.is_empty() && self.external.iter().next().is_none() {
            if self.account_guard.outside.take().is_some() {
                self.outputs.push_back(Output::Risk(RiskEvent::OutsideFlat));
            }
            return;
        }
        let closing = begun.unwrap_or(Closing::new(action, self.now));
        self.account_guard.outside = Some(closing);
        if closing.gave_up || self.now < closing.next {
            return;
        }
        let policy = ClosePolicy::DEFAULT;
        if closing.attempts >= policy.attempts_max {
            self.account_guard.outside = Some(Closing { gave_up: true, ..closing });
            let told = left.into_iter().map(|(instrument, by)| RiskEvent::OutsideNotFlat { instrument, size: -by });
            return self.outputs.extend(told.map(Output::Risk));
        }
        let (attempts, next) = (closing.attempts + 1, self.now.saturating_add(policy.retry_ms));
        self.account_guard.outside = Some(Closing { attempts, next, ..closing });
        self.cancel_outside();
        self.close_outside(&left);
    }

    /// By how much each position would have to move to be gone. Dust below the lot cannot be traded away.
    fn left_outside(&self) -> Vec<(InstrumentId, Decimal)> {
        let left = self.settings.instruments.iter().zip(&self.holdings).filter_map(|(instrument, holding)| {
            let size = instrument.rules.round_size(holding.unattributed.abs(), Rounding::Down);
            let by = if holding.unattributed.is_sign_negative() { size } else { -size };
            (!by.is_zero()).then_some((instrument.id, by))
        });
        left.collect()
    }

    fn cancel_outside(&mut self) {
        let orders: Vec<_> = self.external.iter().map(|order| (order.venue_order, order.instrument)).collect();
        for (venue_order, instrument) in orders {
            let gate = RiskGate::new(&self.settings.instruments, &self.settings.limits, self.now);
            let request = Request::CancelOutside { venue_order, instrument };
            if let Ok(approved) = gate.review(&request, &Standing::new(Lane::Closing)) {
                self.send(approved);
            }
        }
    }

    fn close_outside(&mut self, left: &[(InstrumentId, Decimal)]) {
        self.events += 1; // a number of its own, so that no name comes twice
        for (index, (instrument, by)) in left.iter().enumerate() {
            let origin = u16::try_from(index).ok().map(|intent| OrderOrigin {
                account: self.settings.account,
                strategy: OWN_HAND,
                epoch: self.epoch,
                event: EventNumber::new(self.events),
                intent,
                leg: LEG_CLOSING,
            });
            let Some(client_id) = origin.and_then(ClientOrderId::derive) else { continue };
            let gate = RiskGate::new(&self.settings.instruments, &self.settings.limits, self.now);
            let standing = Standing { position: self.unattributed(*instrument), ..Standing::new(Lane::Closing) };
            let request = Request::Close { instrument: *instrument, by: *by, worst: None, client_id };
            match gate.review(&request, &standing) {
                Ok(approved) => {
                    let side = if by.is_sign_negative() { Side::Sell } else { Side::Buy };
                    let covers = reducible(self.size_held(*instrument), side) >= by.abs();
                    let approved = if covers { approved } else { approved.without_reduce_only() };
                    self.send(approved);
                }
                Err(denial) => self.denied(OWN_HAND, denial),
            }
        }
    }
}

//! What a kill switch does to orders and positions, until it is done: cancel, close, try again, give up with an alert.
//!
//! What it closes passes the risk gate in a lane of its own. A close is known by its leg in the client order id, so that it
//! is never made twice while one is out, not even after a restart.

use super::TradingCore;
use super::exits::is_passing_exit;
use crate::guard::{Closing, LEG_CLOSING};
use crate::orders::OpenOrder;
use crate::risk::{Lane, Request, Standing};
use crate::{
    Answers, ClientOrderId, Decimal, EventNumber, InstrumentId, KillAction, OrderId, OrderKind, OrderOrigin, Output, Price,
    RiskEvent, Rounding, Side, TimeInForce, Urgency,
};

/// What a position still has to move by to be flat, where it can be traded.
struct ToClose {
    instrument: InstrumentId,
    by: Decimal,
}

impl TradingCore {
    /// Goes on with what a kill switch began for a strategy.
    pub(super) fn go_on_closing(&mut self, place: usize) {
        let begun = self.slots[place].guard.closing;
        // What comes to light after all was done, a fill told late or an order that lives after all, is to go too.
        let again = || self.demanded(place).map(|action| Closing::new(action, self.now));
        let Some(closing) = begun.or_else(again) else { return };
        if closing.action >= KillAction::Cancel {
            self.drop_exits(place, "a kill switch fired");
        }
        if !self.account_guard.connected {
            return;
        }
        let open = self.slots[place].orders.open().iter().any(|open| is_concerned(open, closing.action));
        let left = if closing.action == KillAction::Flatten { self.positions_to_close(place) } else { Vec::new() };
        if !open && left.is_empty() {
            if begun.is_some() {
                self.closed(place, closing.action);
            }
            return;
        }
        self.slots[place].guard.closing = Some(closing);
        if closing.gave_up {
            return;
        }
        if self.now < closing.next {
            return;
        }
        let policy = self.slots[place].deployment.risk.closing;
        if !self.reconciled {
            // What is held is not known yet: the attempts begin when it is.
            let next = self.now.saturating_add(policy.retry_ms);
            self.slots[place].guard.closing = Some(Closing { next, ..closing });
            return self.cancel_for(place, closing.action);
        }
        if closing.attempts >= policy.attempts_max {
            return self.give_up(place, closing, &left);
        }
        let (attempts, next) = (closing.attempts + 1, self.now.saturating_add(policy.retry_ms));
        self.slots[place].guard.closing = Some(Closing { attempts, next, ..closing });
        self.cancel_for(place, closing.action);
        self.close(place, &left);
    }

    /// What the kill switches that fired want done with a strategy's orders and positions.
    pub(super) fn demanded(&self, place: usize) -> Option<KillAction> {
        let switches = [&self.account_guard.switch, &self.slots[place].guard.switch];
        let action = switches.into_iter().filter_map(|switch| Some(switch.killed?.action)).max();
        action.filter(|action| *action != KillAction::Pause)
    }

    fn closed(&mut self, place: usize, action: KillAction) {
        self.slots[place].guard.closing = None;
        if action == KillAction::Flatten {
            let strategy = self.slots[place].id();
            self.outputs.push_back(Output::Risk(RiskEvent::Flat { strategy }));
        }
    }

    fn give_up(&mut self, place: usize, closing: Closing, left: &[ToClose]) {
        let slot = &mut self.slots[place];
        slot.guard.closing = Some(Closing { gave_up: true, ..closing });
        let strategy = slot.id();
        for ToClose { instrument, by } in left {
            let size = -*by;
            self.outputs.push_back(Output::Risk(RiskEvent::NotFlat { strategy, instrument: *instrument, size }));
        }
        let text = format!(
            "after {} attempts the kill switch could not close {} positions or cancel every order: do it by hand, or fire it again",
            closing.attempts,
            left.len()
        );
        self.outputs.push_back(Output::Notify { strategy, urgency: Urgency::Alert, text });
    }

    /// Positions that can be traded away. Dust below the lot cannot.
    fn positions_to_close(&self, place: usize) -> Vec<ToClose> {
        let held = self.slots[place].ledger.held();
        let left = held.filter_map(|position| {
            let rules = self.settings.instruments.get(position.instrument().get() as usize)?.rules;
            let size = rules.round_size(position.size().abs(), Rounding::Down);
            let by = if position.size().is_sign_negative() { size } else { -size };
            (!by.is_zero()).then_some(ToClose { instrument: position.instrument(), by })
        });
        left.collect()
    }

    /// Cancels what a kill switch wants gone and has not asked for yet.
    fn cancel_for(&mut self, place: usize, action: KillAction) {
        let open = self.slots[place].orders.open().iter();
        let concerned = open.filter(|open| is_concerned(open, action) && !open.is_passing());
        let ids: Vec<OrderId> = concerned.map(|open| open.order.id).collect();
        for id in ids {
            self.cancel_by_itself(place, id);
        }
    }

    /// Sends a close for each position that none is out for.
    fn close(&mut self, place: usize, left: &[ToClose]) {
        let mut number = None;
        for (index, ToClose { instrument, by }) in left.iter().enumerate() {
            let out = |open: &OpenOrder| {
                open.order.instrument == *instrument && is_close(open.client_id) || is_passing_exit(open, *instrument)
            };
            if self.slots[place].orders.open().iter().any(out) {
                continue;
            }
            // A number of its own, so that no name comes twice.
            let event = *number.get_or_insert_with(|| {
                self.events += 1;
                EventNumber::new(self.events)
            });
            let origin = u16::try_from(index).ok().map(|intent| OrderOrigin {
                account: self.settings.account,
                strategy: self.slots[place].id(),
                epoch: self.epoch,
                event,
                intent,
                leg: LEG_CLOSING,
            });
            let Some(client_id) = origin.and_then(ClientOrderId::derive) else { continue };
            let worst = self.worst_price(place, *instrument, *by);
            let request = Request::Close { instrument: *instrument, by: *by, worst, client_id };
            let standing = Standing { position: self.slots[place].ledger.size_in(*instrument), ..Standing::new(Lane::Closing) };
            let answers = Answers { decided_on: event, intent_index: u32::try_from(index).unwrap_or(u32::MAX) };
            let strategy = self.slots[place].id();
            match self.gate_of(place).review(&request, &standing) {
                Ok(approved) => self.take(place, None, answers, approved),
                Err(denial) => self.denied(strategy, denial),
            }
        }
    }

    /// How far a close may go: anywhere while the mark is fresh; from a stale one as far as declared.
    fn worst_price(&self, place: usize, instrument: InstrumentId, by: Decimal) -> Option<Price> {
        let policy = self.slots[place].deployment.risk.closing;
        let stale = self.feeds.age_ms(instrument, self.now).is_none_or(|age| age >= policy.stale_after_ms);
        let bps = policy.stale_slippage_bps.filter(|_| stale)?;
        let mark = self.feeds.mark_price(instrument)?.get();
        let share = Decimal::from(bps).checked_div(Decimal::from(crate::BASIS_POINTS_MAX))?;
        let by_share = mark.checked_mul(share)?;
        let worst = match Side::of(by)?.0 {
            Side::Buy => mark.checked_add(by_share)?,
            Side::Sell => mark.checked_sub(by_share)?,
        };
        Price::new(worst).ok()
    }
}

/// Whether an order is the close of a kill switch.
pub(super) fn is_close(order: ClientOrderId) -> bool {
    order.origin().is_some_and(|origin| origin.leg == LEG_CLOSING)
}

/// Whether a kill switch wants an order gone.
fn is_concerned(open: &OpenOrder, action: KillAction) -> bool {
    match action {
        KillAction::Pause => false,
        KillAction::ReduceOnly => !open.order.reduce_only,
        KillAction::Cancel | KillAction::Flatten => !is_close(open.client_id),
    }
}

impl TradingCore {
    /// Cancels the strategy's own resting orders that an approved order would meet, where that is declared.
    pub(super) fn make_way(&mut self, place: usize, approved: &crate::Approved<crate::Command>, standing: &Standing) {
        let crate::Command::Place(new) = approved.get() else { return };
        if self.slots[place].deployment.risk.self_trade != crate::SelfTrade::CancelResting {
            return;
        }
        let Some(reach) = crate::risk::reach(new.side, &new.kind, standing.best, standing.reference) else { return };
        let is_in_the_way = |open: &&OpenOrder| {
            let OrderKind::Limit { price, time_in_force } = open.order.kind else { return false };
            let rests = time_in_force != TimeInForce::Ioc && open.order.instrument == new.instrument;
            rests && open.order.side != new.side && reach.meets(new.side, price)
        };
        let in_the_way = self.slots[place].orders.open().iter().filter(is_in_the_way);
        let ids: Vec<OrderId> = in_the_way.map(|open| open.order.id).collect();
        for id in ids {
            self.cancel_by_itself(place, id);
        }
    }
}

//! What is true while the risk gate looks at a request.

use super::TradingCore;
use crate::orders::OpenOrder;
use crate::risk::{Lane, Resting, RiskGate, Stake, Stakes, Standing, Trading, TradingCause, terms};
use crate::slot::Slot;
use crate::{
    Amount, ClientOrderId, Decimal, InstrumentId, Order, OrderKind, OrderRef, OrderTag, SelfTrade, Size, TradingState,
};
use smallvec::SmallVec;

/// What a request asks for, as far as the rates and the sums of what is at stake care.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asks {
    /// A new order.
    Order,
    /// New terms for this one.
    Amend(ClientOrderId),
    /// The end of one.
    Cancel,
    /// Leverage.
    Leverage,
}

/// Stake by instrument; few strategies trade more than four.
pub(super) type Tally = SmallVec<[(InstrumentId, Stake); 4]>;

/// What the account holds as margin, and what it holds back for orders that could fill.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MarginView {
    /// What the account is worth at mark prices.
    pub equity: Decimal,
    /// Initial margin of what is held.
    pub held: Decimal,
    /// Margin reserved for open orders: what they could make of the initial margin at worst, beyond what is held.
    pub reserved: Decimal,
}

impl TradingCore {
    /// Under which gate a strategy's requests are.
    pub(super) fn gate_of(&self, place: usize) -> RiskGate<'_> {
        let risk = &self.slots[place].deployment.risk;
        RiskGate::new(&self.settings.instruments, &self.settings.limits, self.now).under(&self.settings.risk, risk)
    }

    pub(super) fn standing_of(
        &self,
        place: usize,
        (lane, decision_age_ms): (Lane, u64),
        instrument: InstrumentId,
        tag: Option<OrderTag>,
        asks: Asks,
    ) -> Standing {
        let slot = &self.slots[place];
        let standing = Standing {
            decision_age_ms,
            trading: self.trading(place, instrument),
            rate_wait_ms: self.rate_wait_ms(place, asks),
            ..Standing::new(lane)
        };
        if asks == Asks::Cancel {
            return standing;
        }
        let best = self.feeds.best(instrument);
        Standing {
            reconciled: self.reconciled && self.account_guard.connected,
            position: slot.ledger.size_in(instrument),
            reference: self.feeds.mark_price(instrument),
            best,
            data_age_ms: self.feeds.age_ms(instrument, self.now),
            open_orders: slot.orders.open().len() + slot.guarded.waiting().len() + slot.guarded.unsent().count(),
            tag_taken: tag.map(OrderRef::Tag).is_some_and(|tag| slot.is_taken(tag)),
            resting: self.resting(place, instrument, asks),
            stakes: self.stakes(place, instrument, asks),
            ..standing
        }
    }

    /// What trading is allowed in an instrument: the strictest of what the account, the strategy, their kill switches and
    /// protections say.
    pub(super) fn trading(&self, place: usize, instrument: InstrumentId) -> Trading {
        let (account, strategy) = (&self.account_guard.switch, &self.slots[place].guard.switch);
        let rest = self.slots[place].guard.rests.of(instrument, self.now);
        let of = |state, cause| Trading { state, cause };
        let mut strictest = Trading::ACTIVE;
        let all = [
            account.killed.map(|killed| of(killed.state, TradingCause::AccountKilled(killed.cause))),
            strategy.killed.map(|killed| of(killed.state, TradingCause::StrategyKilled(killed.cause))),
            Some(of(account.set, TradingCause::Account)),
            Some(of(strategy.set, TradingCause::Strategy)),
            rest.map(|pause| of(TradingState::Reducing, TradingCause::Protection { kind: pause.kind, until: pause.until })),
        ];
        for trading in all.into_iter().flatten() {
            if trading.state > strictest.state {
                strictest = trading;
            }
        }
        strictest
    }

    fn rate_wait_ms(&self, place: usize, asks: Asks) -> u64 {
        let slot = &self.slots[place];
        let (rates, guard) = (&slot.deployment.risk.rates, &slot.guard);
        let (rate, bucket) = match asks {
            Asks::Order => (rates.orders, guard.orders),
            Asks::Amend(_) | Asks::Leverage => (rates.amends, guard.amends),
            Asks::Cancel => (rates.cancels, guard.cancels),
        };
        rate.map_or(0, |rate| bucket.wait_ms(rate, self.now))
    }

    /// Takes one request out of its bucket.
    pub(super) fn count_request(&mut self, place: usize, asks: Asks) {
        let now = self.now;
        let slot = &mut self.slots[place];
        let (rates, guard) = (slot.deployment.risk.rates, &mut slot.guard);
        let (rate, bucket) = match asks {
            Asks::Order => (rates.orders, &mut guard.orders),
            Asks::Amend(_) | Asks::Leverage => (rates.amends, &mut guard.amends),
            Asks::Cancel => (rates.cancels, &mut guard.cancels),
        };
        if let Some(rate) = rate {
            bucket.take(rate, now);
        }
    }

    /// The best own prices resting in an instrument, but for an order that is to be amended.
    fn resting(&self, place: usize, instrument: InstrumentId, asks: Asks) -> Resting {
        let mut resting = Resting::default();
        if self.slots[place].deployment.risk.self_trade == SelfTrade::Allow {
            return resting;
        }
        for (at, slot) in self.slots.iter().enumerate() {
            for open in slot.orders.open() {
                if open.order.instrument == instrument
                    && asks != Asks::Amend(open.client_id)
                    && let OrderKind::Limit { price, .. } = open.order.kind
                {
                    resting.note(at == place, open.order.side, price);
                }
            }
        }
        resting
    }

    /// What is at stake, where a limit asks; none where it cannot be valued.
    fn stakes(&self, place: usize, instrument: InstrumentId, asks: Asks) -> Option<Stakes> {
        if asks == Asks::Leverage || !self.gate_of(place).limits_stakes() {
            return None;
        }
        let mut stakes = Stakes { elsewhere: self.account_guard.elsewhere, ..Stakes::default() };
        let own = self.tally(&self.slots[place], None)?;
        stakes.before = of(&own, instrument);
        stakes.without = match asks {
            Asks::Amend(amended) => of(&self.tally(&self.slots[place], Some(amended))?, instrument),
            _ => stakes.before,
        };
        for (at, stake) in own.iter().filter(|(at, _)| *at != instrument) {
            let worst = stake.worst()?;
            stakes.strategy_rest = stakes.strategy_rest.checked_add(worst)?;
            stakes.margin_rest = stakes.margin_rest.checked_add(self.initial_margin(*at, worst)?)?;
        }
        stakes.account_rest = stakes.strategy_rest;
        stakes.strategy_margin_rest = stakes.margin_rest;
        if self.settings.risk.counts_everybody() {
            let others = self.slots.iter().enumerate().filter(|(at, _)| *at != place);
            let tallies = others.map(|(_, slot)| self.tally(slot, None)).chain([self.tally_outside()]);
            for tally in tallies {
                for (at, stake) in tally? {
                    let worst = stake.worst()?;
                    stakes.account_rest = stakes.account_rest.checked_add(worst)?;
                    stakes.margin_rest = stakes.margin_rest.checked_add(self.initial_margin(at, worst)?)?;
                    if at == instrument {
                        stakes.instrument_rest = stakes.instrument_rest.checked_add(worst)?;
                    }
                }
            }
            stakes.equity = self.equity()?;
        }
        stakes.budget = match self.slots[place].deployment.risk.budget {
            Some(share @ Amount::Share(_)) => Some(share.of(self.equity()?)?),
            Some(Amount::Quote(amount)) => Some(amount),
            None => None,
        };
        stakes.leverage = self.leverage_of(instrument);
        Some(stakes)
    }

    /// What a strategy has at stake in each instrument, but for one order.
    pub(super) fn tally(&self, slot: &Slot, but: Option<ClientOrderId>) -> Option<Tally> {
        let mut tally = Tally::new();
        for position in slot.ledger.held() {
            let mark = self.feeds.mark_price(position.instrument())?;
            let held = position.size().checked_mul(mark.get())?;
            tally.push((position.instrument(), Stake { held, ..Stake::default() }));
        }
        for open in slot.orders.open() {
            if open.order.reduce_only || Some(open.client_id) == but {
                continue;
            }
            let notional = self.notional_left(open)?;
            let instrument = open.order.instrument;
            let place = tally.iter().position(|(at, _)| *at == instrument).unwrap_or_else(|| {
                tally.push((instrument, Stake::default()));
                tally.len() - 1
            });
            tally[place].1 = tally[place].1.with(open.order.side, notional)?;
        }
        Some(tally)
    }

    /// What is left of an order at the most it may fill at. While amends are unanswered it may be any of its forms: the largest
    /// counts.
    fn notional_left(&self, open: &OpenOrder) -> Option<Decimal> {
        let Order { instrument, side, size, kind, filled, .. } = &open.order;
        let reference = self.feeds.mark_price(*instrument);
        let left = |size: Size, kind: &OrderKind| {
            let price = terms::price_to_value_at(kind, *side, reference)?;
            size.get().saturating_sub(*filled).max(Decimal::ZERO).checked_mul(price.get())
        };
        let own = left(*size, kind)?;
        open.amends_wanted().try_fold(own, |most, (size, kind)| Some(most.max(left(size, &kind)?)))
    }

    fn leverage_of(&self, instrument: InstrumentId) -> u32 {
        let unknown = self.settings.risk.margin.map_or(1, |margin| margin.leverage_when_unknown);
        let set = self.leverage.get(instrument.get() as usize).copied().flatten();
        set.map_or(unknown, |(leverage, _)| leverage).max(1)
    }

    fn initial_margin(&self, instrument: InstrumentId, notional: Decimal) -> Option<Decimal> {
        let table = &self.settings.instruments.get(instrument.get() as usize)?.margin;
        table.initial_margin(notional, self.leverage_of(instrument)).ok()
    }

    /// What the account is worth at mark prices; none where a mark is unknown or a sum leaves the range of money.
    pub fn equity(&self) -> Option<Decimal> {
        self.slots.iter().try_fold(self.settled(), |sum, slot| sum.checked_add(self.open_worth(slot)?))
    }

    /// Notional of everything in the account at worst, strategies' and nobody's, each instrument of each by itself: what counts
    /// against a limit of the tenant. None where something cannot be valued.
    pub fn exposure(&self) -> Option<Decimal> {
        let mut sum = Decimal::ZERO;
        for tally in self.slots.iter().map(|slot| self.tally(slot, None)).chain([self.tally_outside()]) {
            for (_, stake) in tally? {
                sum = sum.checked_add(stake.worst()?)?;
            }
        }
        Some(sum)
    }

    /// What it was last told that the tenant has at stake in other accounts; none: nobody knows it.
    pub const fn elsewhere(&self) -> Option<Decimal> {
        self.account_guard.elsewhere
    }

    /// What a strategy's open positions are worth.
    pub(super) fn open_worth(&self, slot: &Slot) -> Option<Decimal> {
        slot.ledger.held().try_fold(Decimal::ZERO, |sum, position| {
            let mark = self.feeds.mark_price(position.instrument())?;
            sum.checked_add(position.flow())?.checked_add(mark.get().checked_mul(position.size())?)
        })
    }

    /// Margin held and reserved by strategies, as the checks reckon it; these add what belongs to no strategy. None where
    /// something cannot be valued.
    pub fn margin(&self) -> Option<MarginView> {
        let (mut held, mut worst) = (Decimal::ZERO, Decimal::ZERO);
        for slot in &self.slots {
            for (instrument, stake) in self.tally(slot, None)? {
                held = held.checked_add(self.initial_margin(instrument, stake.held.abs())?)?;
                worst = worst.checked_add(self.initial_margin(instrument, stake.worst()?)?)?;
            }
        }
        Some(MarginView { equity: self.equity()?, held, reserved: worst.checked_sub(held)? })
    }
}

fn of(tally: &Tally, instrument: InstrumentId) -> Stake {
    tally.iter().find(|(at, _)| *at == instrument).map_or_else(Stake::default, |(_, stake)| *stake)
}

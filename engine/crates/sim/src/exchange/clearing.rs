//! The account's money at the exchange, where margin is simulated: what it can carry, and when its positions are taken.
//!
//! All strategies share one account. In cross margin they answer for one another; an isolated position has money of its own,
//! moved to it when it opens (its notional over the leverage) and back, with its result, as it closes: a part of it that closes
//! takes its share of what the position is worth. The formulas are those of the kernel's margin arithmetic.
//!
//! Sums do not overflow: the exchange refuses amounts that could, and they stay at the ends of their range.

use calypte_kernel::{
    AccountId, ClientOrderId, Collateral, Decimal, EventNumber, Exposure, Instrument, InstrumentId, MarginMode, MarginSummary,
    MarginTable, OrderOrigin, Price, Size, StrategyId, VenueFill, derived, order_initial_margin,
};

/// Leg of the names of liquidation orders: none that an intent leads to has it.
const LIQUIDATION_LEG: u8 = u8::MAX;

/// Leverage of an instrument.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Leverage {
    /// At least 1.
    pub leverage: u32,
    /// Cross or isolated.
    pub mode: MarginMode,
}

/// How margin is simulated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MarginSettings {
    /// Of each instrument at the start, at the place its id says; strategies may change it.
    pub leverage: Vec<Leverage>,
    /// Fee of a liquidation, a fraction of its notional.
    pub liquidation_fee: Decimal,
}

/// The account.
#[derive(Debug)]
pub(super) struct Clearing {
    account: AccountId,
    /// What was paid in and what flowed, the money of isolated positions taken off.
    cash: Decimal,
    liquidation_fee: Decimal,
    /// By instrument.
    terms: Vec<Terms>,
    held: Vec<Held>,
    /// Liquidations so far.
    liquidations: u64,
}

/// An instrument as margin sees it.
#[derive(Debug)]
struct Terms {
    setting: Leverage,
    table: MarginTable,
    mark: Option<Price>,
}

/// A strategy's position, not zero.
#[derive(Debug)]
struct Held {
    strategy: StrategyId,
    instrument: InstrumentId,
    size: Decimal,
    collateral: Collateral,
}

/// What is to be liquidated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Taken {
    /// The isolated position of a strategy.
    Isolated(StrategyId),
    /// All positions in cross margin.
    Cross,
}

impl Clearing {
    pub(super) fn new(account: AccountId, cash: Decimal, settings: MarginSettings, instruments: &[Instrument]) -> Self {
        let with_terms = settings.leverage.into_iter().zip(instruments);
        let terms = with_terms.map(|(setting, instrument)| Terms { setting, table: instrument.margin.clone(), mark: None });
        Self {
            account,
            cash,
            liquidation_fee: settings.liquidation_fee,
            terms: terms.collect(),
            held: Vec::new(),
            liquidations: 0,
        }
    }

    /// Whether anything is held.
    pub(super) const fn is_exposed(&self) -> bool {
        !self.held.is_empty()
    }

    /// The market of an instrument stands at a price.
    pub(super) fn mark(&mut self, instrument: InstrumentId, price: Decimal) {
        if let (Some(terms), Ok(price)) = (self.terms.get_mut(instrument.get() as usize), Price::new(price)) {
            terms.mark = Some(price);
        }
    }

    pub(super) fn setting(&self, instrument: InstrumentId) -> Option<Leverage> {
        self.terms.get(instrument.get() as usize).map(|terms| terms.setting)
    }

    /// Changes leverage and margin mode where the account can carry that: never the mode of an open position, nor the leverage
    /// of an isolated one.
    pub(super) fn set_leverage(&mut self, instrument: InstrumentId, wanted: Leverage) {
        let is_held = |held: &&Held| held.instrument == instrument;
        let isolated = self.held.iter().filter(is_held).any(|held| held.collateral != Collateral::Cross);
        let held = self.held.iter().any(|held| held.instrument == instrument);
        let Some(terms) = self.terms.get_mut(instrument.get() as usize) else { return };
        let max = terms.table.max_leverage();
        let before = terms.setting;
        if wanted.leverage == 0 || (max > 0 && wanted.leverage > max) || isolated || (held && wanted.mode != before.mode) {
            return;
        }
        terms.setting = wanted;
        let is_carried =
            self.summary().and_then(|summary| summary.free_collateral().ok()).is_some_and(|free| !free.is_sign_negative());
        if held && wanted.leverage < before.leverage && !is_carried {
            self.terms[instrument.get() as usize].setting = before;
        }
    }

    /// Margin that an order would add, alone.
    pub(super) fn order_margin(
        &self,
        instrument: InstrumentId,
        before: Decimal,
        order: Decimal,
        price: Price,
    ) -> Option<Decimal> {
        let terms = self.terms.get(instrument.get() as usize)?;
        order_initial_margin(before, order, price, terms.setting.leverage, &terms.table).ok()
    }

    /// What new positions can be opened with, orders that stand not taken off.
    pub(super) fn free(&self) -> Option<Decimal> {
        self.summary()?.free_collateral().ok()
    }

    /// Whether a fill leaves the account with the margin it needs. What makes no position larger always passes.
    pub(super) fn carries(&self, instrument: InstrumentId, before: Decimal, order: Decimal, price: Price) -> bool {
        match self.order_margin(instrument, before, order, price) {
            Some(margin) => margin.is_zero() || self.free().is_some_and(|free| margin <= free),
            None => false,
        }
    }

    /// Moves money and position by a fill.
    pub(super) fn fill(&mut self, strategy: StrategyId, fill: &VenueFill) {
        self.mark(fill.instrument, fill.price.get());
        self.cash = self.cash.saturating_sub(fill.fee);
        let place = self.held.iter().position(|held| held.strategy == strategy && held.instrument == fill.instrument);
        let before = place.map_or(Decimal::ZERO, |place| self.held[place].size);
        let signed = fill.side.signed(fill.size);
        let against = !before.is_zero() && before.is_sign_negative() != signed.is_sign_negative();
        let closing = if against { signed.abs().min(before.abs()) } else { Decimal::ZERO };
        if let (Some(place), Ok(closing)) = (place, Size::new(closing)) {
            self.close(place, fill.side.signed(closing), fill.price.get());
        }
        let opening = signed.abs() - closing;
        if let Ok(opening) = Size::new(opening) {
            self.open(strategy, fill, fill.side.signed(opening));
        }
    }

    fn close(&mut self, place: usize, signed: Decimal, price: Decimal) {
        let held = &mut self.held[place];
        let (before, after) = (held.size, held.size + signed);
        let flow = -signed.saturating_mul(price);
        match &mut held.collateral {
            Collateral::Cross => self.cash = self.cash.saturating_add(flow),
            Collateral::Isolated { cash } => {
                let worth = cash.saturating_add(before.saturating_mul(price));
                let share = worth.checked_mul(signed.abs()).and_then(|worth| worth.checked_div(before.abs())).map(derived);
                let rest = cash.saturating_add(flow);
                let released = if after.is_zero() { rest } else { share.unwrap_or_default() };
                *cash = rest.saturating_sub(released);
                self.cash = self.cash.saturating_add(released);
            }
        }
        held.size = after;
        if after.is_zero() {
            self.held.remove(place);
        }
    }

    fn open(&mut self, strategy: StrategyId, fill: &VenueFill, signed: Decimal) {
        let Some(terms) = self.terms.get(fill.instrument.get() as usize) else { return };
        let notional = signed.abs().saturating_mul(fill.price.get());
        let margin = derived(notional.checked_div(terms.setting.leverage.into()).unwrap_or(notional));
        let collateral = match terms.setting.mode {
            MarginMode::Cross => Collateral::Cross,
            MarginMode::Isolated => Collateral::Isolated { cash: Decimal::ZERO },
        };
        let place = self.held.iter().position(|held| held.strategy == strategy && held.instrument == fill.instrument);
        let place = place.unwrap_or(self.held.len());
        if place == self.held.len() {
            self.held.push(Held { strategy, instrument: fill.instrument, size: Decimal::ZERO, collateral });
        }
        let held = &mut self.held[place];
        held.size = held.size.saturating_add(signed);
        let flow = -signed.saturating_mul(fill.price.get());
        match &mut held.collateral {
            Collateral::Cross => self.cash = self.cash.saturating_add(flow),
            Collateral::Isolated { cash } => {
                *cash = cash.saturating_add(flow).saturating_add(margin);
                self.cash = self.cash.saturating_sub(margin);
            }
        }
    }

    /// Moves money by a funding payment.
    pub(super) fn fund(&mut self, strategy: StrategyId, instrument: InstrumentId, payment: Decimal) {
        let held = self.held.iter_mut().find(|held| held.strategy == strategy && held.instrument == instrument);
        let cash = match held.map(|held| &mut held.collateral) {
            Some(Collateral::Isolated { cash }) => cash,
            _ => &mut self.cash,
        };
        *cash = cash.saturating_add(payment);
    }

    /// What is liquidated first while the price of an instrument goes from one to another, and where; the markets of other
    /// instruments stand still. None where nothing is.
    ///
    /// Collateral less what must be kept is a concave function of the price, so that what is sound at both ends is sound
    /// between. Where several strategies hold the instrument in cross margin, the end of the way stands for the price itself.
    pub(super) fn taken(&self, instrument: InstrumentId, from: Decimal, to: Decimal) -> Option<(Decimal, Taken)> {
        let of_instrument = |held: &&Held| held.instrument == instrument;
        let to_price = Price::new(to).ok()?;
        let between = |price: Option<Price>| price.map_or(from, |price| price.get().clamp(from.min(to), from.max(to)));
        let mut first: Option<(Decimal, Taken)> = None;
        let mut add = |price: Decimal, taken: Taken| {
            if first.is_none_or(|(other, _)| (price - from).abs() < (other - from).abs()) {
                first = Some((price, taken));
            }
        };
        let mut cross = Vec::new();
        for held in self.held.iter().filter(of_instrument) {
            let exposure = Exposure { mark: to_price, ..self.exposure(held)? };
            if held.collateral == Collateral::Cross {
                cross.push(exposure);
            } else if exposure.margin_used().ok()? < exposure.maintenance_margin().ok()? {
                let alone = MarginSummary::of(Decimal::ZERO, [exposure]).ok()?;
                add(between(alone.liquidation_price(&exposure).ok()?), Taken::Isolated(held.strategy));
            }
        }
        if !cross.is_empty() {
            let summary = self.summary_at(instrument, Some(to_price))?;
            if summary.is_cross_liquidated() {
                let price = match cross.as_slice() {
                    [only] => between(summary.liquidation_price(only).ok()?),
                    _ => to,
                };
                add(price, Taken::Cross);
            }
        }
        first
    }

    /// Whose positions of an instrument are in cross margin.
    pub(super) fn in_cross(&self, instrument: InstrumentId) -> Vec<StrategyId> {
        let held = self.held.iter().filter(|held| held.instrument == instrument && held.collateral == Collateral::Cross);
        held.map(|held| held.strategy).collect()
    }

    pub(super) fn next_liquidation(&mut self, strategy: StrategyId) -> Option<(ClientOrderId, Decimal)> {
        self.liquidations += 1;
        // Events count from 1: number 0 leads to no order of a strategy's. The low bits tell the liquidations of a run apart.
        let intent = u16::try_from(self.liquidations & u64::from(u16::MAX)).expect("sixteen bits fit");
        let event = EventNumber::new(0);
        let origin = OrderOrigin { account: self.account, strategy, epoch: 0, event, intent, leg: LIQUIDATION_LEG };
        Some((ClientOrderId::derive(origin)?, self.liquidation_fee))
    }

    /// The margin of the account as its markets stand.
    pub(super) fn summary(&self) -> Option<MarginSummary> {
        let nowhere = InstrumentId::new(u32::MAX);
        self.summary_at(nowhere, None)
    }

    fn summary_at(&self, instrument: InstrumentId, mark: Option<Price>) -> Option<MarginSummary> {
        let exposures = self.held.iter().map(|held| {
            let exposure = self.exposure(held)?;
            let mark = mark.filter(|_| held.instrument == instrument).unwrap_or(exposure.mark);
            Some(Exposure { mark, ..exposure })
        });
        // Amounts are bounded where they are filled, so that only an absurd price has no sum; nothing is decided by it.
        MarginSummary::of(self.cash, exposures.collect::<Option<Vec<_>>>()?).ok()
    }

    fn exposure(&self, held: &Held) -> Option<Exposure<'_>> {
        let terms = self.terms.get(held.instrument.get() as usize)?;
        Some(Exposure {
            size: held.size,
            mark: terms.mark?,
            leverage: terms.setting.leverage,
            collateral: held.collateral,
            table: &terms.table,
        })
    }
}

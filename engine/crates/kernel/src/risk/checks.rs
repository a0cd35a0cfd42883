//! The checks of a request's surroundings: state of trading, market data, rates, collar, self-trade, limits, margin.

use super::standing::{Standing, Trading, TradingCause};
use super::{BASIS_POINTS_MAX, Request, RiskGate, Stakes};
use crate::denial::{Denial, DenialCode};
use crate::{Decimal, Instrument, OrderKind, Price, ProtectionKind, Rate, SelfTrade, Side, Size, TimeInForce, TradingState};

/// An order whose terms were checked, as the checks of its surroundings see it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Terms<'a> {
    pub(super) instrument: &'a Instrument,
    pub(super) side: Side,
    /// What of it is still to fill.
    pub(super) open: Decimal,
    pub(super) kind: &'a OrderKind,
    pub(super) reduce_only: bool,
}

/// Whether what trading is allowed lets a request pass. Cancels always do.
pub(super) fn check_trading(request: &Request<'_>, trading: Trading) -> Result<(), Denial> {
    let passes = match trading.state {
        TradingState::Active => true,
        TradingState::Reducing => request.is_reduce_only(),
        TradingState::Halted => false,
    };
    if passes || matches!(request, Request::Cancel { .. }) {
        return Ok(());
    }
    let what = match trading.state {
        TradingState::Reducing => "only cancels and reduce-only orders pass",
        TradingState::Active | TradingState::Halted => "only cancels pass",
    };
    let state = if trading.state == TradingState::Reducing { DenialCode::ReducingOnly } else { DenialCode::TradingHalted };
    let (code, message) = match trading.cause {
        TradingCause::Strategy => (state, format!("the strategy is {}: {what}", trading.state.name())),
        TradingCause::Account => (state, format!("the account is {}: {what}", trading.state.name())),
        TradingCause::StrategyKilled(cause) => {
            (DenialCode::Killed, format!("the strategy was killed by {cause}: {what} until it is re-armed"))
        }
        TradingCause::AccountKilled(cause) => {
            (DenialCode::Killed, format!("the account was killed by {cause}: {what} until it is re-armed"))
        }
        TradingCause::Protection { kind, until } => {
            let code = match kind {
                ProtectionKind::StopLossStreak => DenialCode::PausedAfterLosses,
                ProtectionKind::MaxDrawdown => DenialCode::PausedByDrawdown,
                ProtectionKind::LowProfit => DenialCode::PausedLowProfit,
            };
            (code, format!("{kind} pauses it until {until}: {what}"))
        }
    };
    Err(Denial::new(code, message))
}

/// Whether the bucket of such requests has room.
pub(super) fn check_rate(rate: Option<Rate>, wait_ms: u64, code: DenialCode, what: &str) -> Result<(), Denial> {
    match rate {
        Some(Rate { count, per_ms }) if wait_ms > 0 => {
            let message = format!(
                "{what}: {count} at once and {count} more in each {per_ms} ms; there is room for another in {wait_ms} ms"
            );
            Err(Denial::new(code, message))
        }
        _ => Ok(()),
    }
}

impl RiskGate<'_> {
    /// The checks that a request about an order must pass beside those of its terms, but for limits.
    pub(super) fn check_surroundings(&self, terms: &Terms<'_>, standing: &Standing) -> Result<(), Denial> {
        self.check_open(terms.instrument, standing)?;
        self.check_data_age(terms.instrument, standing.data_age_ms)?;
        self.check_collar(terms, standing)?;
        self.check_self_trade(terms, standing)
    }

    /// Whether an instrument is to be traded, and the account known to be as the exchange has it.
    pub(super) fn check_open(&self, instrument: &Instrument, standing: &Standing) -> Result<(), Denial> {
        let symbol = &instrument.symbol;
        if let Some(declared) = self.account.of(instrument.id)
            && !declared.tradable
        {
            let message = format!("{symbol} is not to be traded now");
            return Err(Denial::new(DenialCode::InstrumentNotTradable, message));
        }
        if !standing.reconciled {
            let message = "the account is not reconciled with the exchange yet: only cancels pass";
            return Err(Denial::new(DenialCode::NotReconciled, message));
        }
        Ok(())
    }

    fn check_data_age(&self, instrument: &Instrument, age_ms: Option<u64>) -> Result<(), Denial> {
        let declared = [self.strategy.data_age_ms_max, self.account.data_age_ms_max];
        let Some(max) = declared.into_iter().flatten().min() else { return Ok(()) };
        let symbol = &instrument.symbol;
        let message = match age_ms {
            Some(age_ms) if age_ms <= max => return Ok(()),
            Some(age_ms) => format!("the latest market data of {symbol} is {age_ms} ms old; at most {max} ms are allowed"),
            None => format!("no market data of {symbol} came yet; it may be at most {max} ms old"),
        };
        Err(Denial::new(DenialCode::DataStale, message))
    }

    /// A buyer pays no more than so much above mark and mid, a seller takes no less than so much below.
    fn check_collar(&self, terms: &Terms<'_>, standing: &Standing) -> Result<(), Denial> {
        let Some(bps) = [self.strategy.collar_bps, self.account.collar_bps].into_iter().flatten().min() else { return Ok(()) };
        let mid = standing.best.and_then(|(bid, ask)| middle(bid, ask));
        let symbol = &terms.instrument.symbol;
        let market = match terms.kind {
            OrderKind::Limit { price, .. } => {
                if standing.reference.is_none() && mid.is_none() {
                    let message = format!("no price of {symbol} is known yet to hold {price} against");
                    return Err(Denial::new(DenialCode::NoPriceYet, message));
                }
                within_collar(terms, *price, ("mark", standing.reference), bps)?;
                return within_collar(terms, *price, ("mid", mid), bps);
            }
            // What it triggers at is where the market then is.
            OrderKind::Trigger { trigger_price, limit_price, .. } => {
                let limit = limit_price.unwrap_or(*trigger_price);
                return within_collar(terms, limit, ("trigger price", Some(*trigger_price)), bps);
            }
            OrderKind::TrailingStop { .. } => return Ok(()),
            OrderKind::Market => standing.best.map(|(bid, ask)| if terms.side == Side::Buy { ask } else { bid }),
        };
        market.map_or(Ok(()), |price| within_collar(terms, price, ("mark", standing.reference), bps))
    }

    fn check_self_trade(&self, terms: &Terms<'_>, standing: &Standing) -> Result<(), Denial> {
        if self.strategy.self_trade == SelfTrade::Allow {
            return Ok(());
        }
        let Some(reach) = reach(terms.side, terms.kind, standing.best, standing.reference) else { return Ok(()) };
        let resting = &standing.resting;
        let (own, others) = match terms.side {
            Side::Buy => (resting.own_ask, resting.others_ask),
            Side::Sell => (resting.own_bid, resting.others_bid),
        };
        let met = |price: Option<Price>| price.filter(|price| reach.meets(terms.side, *price));
        let (own, others) = (met(own), met(others));
        let (whose, at) = match (own, others, self.strategy.self_trade) {
            (_, Some(at), _) => ("another strategy of the account", at),
            (Some(at), None, SelfTrade::Deny) => ("the strategy itself", at),
            _ => return Ok(()),
        };
        let message = format!("it would meet an order of {whose} at {at} in {}", terms.instrument.symbol);
        Err(Denial::new(DenialCode::SelfTrade, message))
    }

    /// Notional of instrument, strategy, account and tenant, leverage and margin. What does not make one larger passes it.
    pub(super) fn check_stakes(&self, terms: &Terms<'_>, standing: &Standing) -> Result<(), Denial> {
        if terms.reduce_only || !self.limits_stakes() {
            return Ok(());
        }
        let symbol = &terms.instrument.symbol;
        let price = super::terms::price_to_value_at(terms.kind, terms.side, standing.reference);
        let (Some(price), Some(stakes)) = (price, &standing.stakes) else {
            let message = format!("no price is known yet of {symbol} or of what else is held or open, to value it for a limit");
            return Err(Denial::new(DenialCode::NoPriceYet, message));
        };
        let overflow = || {
            let message = format!("what {} of {symbol} at {price} would add up to cannot be represented", terms.open);
            Denial::new(DenialCode::NumberOutOfRange, message)
        };
        let before = stakes.before.worst().ok_or_else(overflow)?;
        let after = terms.open.checked_mul(price.get()).and_then(|notional| stakes.without.with(terms.side, notional));
        let after = after.and_then(|after| after.worst()).ok_or_else(overflow)?;
        let declared = self.account.of(terms.instrument.id);
        let no_rest = Decimal::ZERO;
        let limits = [
            (DenialCode::InstrumentNotionalLimit, self.strategy.instrument_notional_max, no_rest, "of the strategy in"),
            (
                DenialCode::InstrumentNotionalLimit,
                declared.and_then(|declared| declared.notional_max),
                stakes.instrument_rest,
                "of the account in",
            ),
            (DenialCode::StrategyNotionalLimit, self.strategy.notional_max, stakes.strategy_rest, "of the strategy with"),
            (DenialCode::AccountNotionalLimit, self.account.notional_max, stakes.account_rest, "of the account with"),
        ];
        for (code, limit, rest, whose) in limits {
            let Some(limit) = limit else { continue };
            let total = after.checked_add(rest).ok_or_else(overflow)?;
            if total > limit && after > before {
                let message = format!("the notional {whose} {symbol} would be {total} at worst, above the limit of {limit}");
                return Err(Denial::new(code, message));
            }
        }
        if after <= before {
            return Ok(());
        }
        let total = after.checked_add(stakes.account_rest).ok_or_else(overflow)?;
        if let Some(limit) = self.account.tenant_notional_max {
            let Some(elsewhere) = stakes.elsewhere else {
                let message =
                    format!("what the tenant's other accounts hold is not known, and all of it is limited to {limit}");
                return Err(Denial::new(DenialCode::TenantNotionalLimit, message));
            };
            let tenant = total.checked_add(elsewhere).ok_or_else(overflow)?;
            if tenant > limit {
                let message = format!(
                    "the notional in all accounts would be {tenant} at worst, {elsewhere} of it elsewhere, above the limit of {limit}"
                );
                return Err(Denial::new(DenialCode::TenantNotionalLimit, message));
            }
        }
        self.check_collateral(terms, stakes, after, total)
    }

    /// Leverage of the account and its initial margin, where an order makes `after` of the instrument and `total` of all.
    fn check_collateral(&self, terms: &Terms<'_>, stakes: &Stakes, after: Decimal, total: Decimal) -> Result<(), Denial> {
        let symbol = &terms.instrument.symbol;
        let overflow = || {
            let message = format!("what a notional of {after} of {symbol} needs of the equity cannot be represented");
            Denial::new(DenialCode::NumberOutOfRange, message)
        };
        let equity = stakes.equity;
        if let Some(max) = self.account.leverage_max {
            let limit = equity.checked_mul(Decimal::from(max)).ok_or_else(overflow)?;
            if total > limit {
                let message = format!("a notional of {total} at worst is more than {max} times the equity of {equity}");
                return Err(Denial::new(DenialCode::LeverageLimit, message));
            }
        }
        let own = || terms.instrument.margin.initial_margin(after, stakes.leverage).map_err(|_| overflow());
        if let Some(budget) = stakes.budget {
            let needed = own()?.checked_add(stakes.strategy_margin_rest).ok_or_else(overflow)?;
            if needed > budget {
                let (needed, budget) = (crate::derived(needed), crate::derived(budget));
                let message =
                    format!("the strategy would need an initial margin of {needed}, more than its budget of {budget}");
                return Err(Denial::new(DenialCode::BudgetExceeded, message));
            }
        }
        if self.account.margin.is_some() {
            let own = own()?;
            let needed = own.checked_add(stakes.margin_rest).ok_or_else(overflow)?;
            if needed > equity {
                let (own, leverage, rest) = (crate::derived(own), stakes.leverage, crate::derived(stakes.margin_rest));
                let message = format!(
                    "initial margin of {own} for {symbol} at leverage {leverage} and of {rest} for the rest is more than the \
                     equity of {equity}"
                );
                return Err(Denial::new(DenialCode::InsufficientMargin, message));
            }
        }
        Ok(())
    }

    /// Whether any limit asks what is at stake.
    pub(crate) fn limits_stakes(&self) -> bool {
        self.strategy.budget.is_some()
            || self.strategy.instrument_notional_max.is_some()
            || self.strategy.notional_max.is_some()
            || self.account.counts_everybody()
    }

    /// Whether an instrument takes that kind of order.
    pub(super) fn check_type(&self, instrument: &Instrument, kind: &OrderKind, exits: bool) -> Result<(), Denial> {
        let Some(declared) = self.account.of(instrument.id) else { return Ok(()) };
        let types = &declared.orders;
        let (allowed, what) = match kind {
            OrderKind::Market => (types.market, "market orders"),
            OrderKind::Limit { time_in_force: TimeInForce::Gtc, .. } => (types.gtc, "limit orders good till cancelled"),
            OrderKind::Limit { time_in_force: TimeInForce::Ioc, .. } => (types.ioc, "immediate-or-cancel orders"),
            OrderKind::Limit { time_in_force: TimeInForce::Alo, .. } => (types.alo, "post-only orders"),
            OrderKind::Trigger { .. } => (types.trigger, "stops and take-profits"),
            OrderKind::TrailingStop { .. } => (types.trailing, "trailing stops"),
        };
        let what = match (allowed, exits && !types.trigger) {
            (true, false) => return Ok(()),
            (true, true) => "attached exits",
            (false, _) => what,
        };
        Err(Denial::new(DenialCode::OrderTypeNotAllowed, format!("{} takes no {what} now", instrument.symbol)))
    }

    /// Size of one order against every limit of one.
    pub(super) fn check_size(&self, size: Size, instrument: &Instrument) -> Result<(), Denial> {
        let declared = self.account.of(instrument.id).and_then(|declared| declared.order_size_max);
        for limit in [self.limits.order_size_max, self.strategy.order_size_max, declared].into_iter().flatten() {
            if size.get() > limit {
                let message = format!("size {size} of {} is larger than the limit of {limit}", instrument.symbol);
                return Err(Denial::new(DenialCode::OrderSizeLimit, message));
            }
        }
        Ok(())
    }

    /// The smallest limit of one order's notional.
    pub(super) fn order_notional_max(&self, instrument: &Instrument) -> Option<Decimal> {
        let declared = self.account.of(instrument.id).and_then(|declared| declared.order_notional_max);
        [self.limits.order_notional_max, self.strategy.order_notional_max, declared].into_iter().flatten().min()
    }
}

const HALF: Decimal = Decimal::from_parts(5, 0, 0, false, 1);

fn middle(bid: Price, ask: Price) -> Option<Price> {
    let sum = bid.get().checked_add(ask.get())?;
    // Times a half, which is several times cheaper than by two.
    Price::new(sum.checked_mul(HALF)?).ok()
}

fn within_collar(terms: &Terms<'_>, price: Price, (name, reference): (&str, Option<Price>), bps: u32) -> Result<(), Denial> {
    let Some(reference) = reference else { return Ok(()) };
    let whole = Decimal::from(BASIS_POINTS_MAX);
    let share = match terms.side {
        Side::Buy => whole + Decimal::from(bps),
        Side::Sell => whole - Decimal::from(bps),
    };
    let symbol = &terms.instrument.symbol;
    let (wanted, bound) = (price.get().checked_mul(whole), reference.get().checked_mul(share));
    let (Some(wanted), Some(bound)) = (wanted, bound) else {
        let message = format!("price {price} of {symbol} cannot be held against the {name} {reference}");
        return Err(Denial::new(DenialCode::NumberOutOfRange, message));
    };
    let (beyond, verb, how) = match terms.side {
        Side::Buy => (wanted > bound, "buying", "above"),
        Side::Sell => (wanted < bound, "selling", "below"),
    };
    if beyond {
        let message = format!("{verb} {symbol} at {price} is more than {bps} basis points {how} the {name} of {reference}");
        return Err(Denial::new(DenialCode::PriceCollar, message));
    }
    Ok(())
}

/// How far into the other side of the book an order goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    /// To a price.
    Price(Price),
    /// Nobody knows: all of it.
    All,
}

impl Reach {
    /// Whether it comes to an order resting at a price on the other side.
    pub(crate) fn meets(self, side: Side, resting: Price) -> bool {
        match (self, side) {
            (Self::All, _) => true,
            (Self::Price(price), Side::Buy) => resting <= price,
            (Self::Price(price), Side::Sell) => resting >= price,
        }
    }
}

/// How far an order goes when it is sent: a limit order to its price, a market order to the best price there is. One that
/// waits for a trigger goes nowhere yet.
pub(crate) fn reach(side: Side, kind: &OrderKind, best: Option<(Price, Price)>, reference: Option<Price>) -> Option<Reach> {
    match kind {
        OrderKind::Limit { price, .. } => Some(Reach::Price(*price)),
        OrderKind::Market => {
            let best = best.map(|(bid, ask)| if side == Side::Buy { ask } else { bid });
            Some(best.or(reference).map_or(Reach::All, Reach::Price))
        }
        OrderKind::Trigger { .. } | OrderKind::TrailingStop { .. } => None,
    }
}

//! From numbers as a strategy wrote them to terms that an instrument allows.

use crate::denial::{Denial, DenialCode};
use crate::{
    AttachedExits, Decimal, Instrument, OffGrid, Order, OrderKind, PlaceOrder, Price, Rounding, Rules, Side, Size, TriggerKind,
    Wanted, WantedKind,
};

/// A number that can be represented.
pub(crate) fn number(what: &str, wanted: Wanted) -> Result<Decimal, Denial> {
    wanted.get().ok_or_else(|| {
        let message = format!("{what} {} × 10^-{} cannot be represented: at most 28 decimals", wanted.mantissa, wanted.scale);
        Denial::new(DenialCode::NumberOutOfRange, message)
    })
}

/// A size on the lot grid; one that is not may be rounded down.
pub(super) fn size(wanted: Wanted, instrument: &Instrument, off_grid: OffGrid) -> Result<Size, Denial> {
    let value = number("size", wanted)?;
    let rounded = match off_grid {
        OffGrid::Deny => value,
        OffGrid::Round => instrument.rules.round_size(value, Rounding::Down),
    };
    if rounded.is_zero() && value > Decimal::ZERO {
        return Err(finer_than_lot(value, instrument));
    }
    checked_size(rounded, instrument)
}

/// A signed size on the lot grid; one that is not may be rounded towards zero.
pub(crate) fn target(wanted: Wanted, instrument: &Instrument, off_grid: OffGrid) -> Result<Decimal, Denial> {
    let value = number("target", wanted)?;
    if off_grid == OffGrid::Round {
        let rounding = if value.is_sign_negative() { Rounding::Up } else { Rounding::Down };
        return Ok(instrument.rules.round_size(value, rounding));
    }
    check_lot(value, instrument)?;
    Ok(value)
}

/// A size on the lot grid.
pub(super) fn checked_size(value: Decimal, instrument: &Instrument) -> Result<Size, Denial> {
    let size = Size::new(value).map_err(|_| {
        Denial::new(DenialCode::SizeNotPositive, format!("size {value} of {} is not positive", instrument.symbol))
    })?;
    check_lot(value, instrument)?;
    // A difference to a target may be larger than any size a strategy can write, and could not be told to it.
    if i64::try_from(value.normalize().mantissa()).is_err() {
        let message = format!("size {value} of {} has more digits than 64 bits carry", instrument.symbol);
        return Err(Denial::new(DenialCode::NumberOutOfRange, message));
    }
    Ok(size)
}

/// Whether a signed size lies on the lot grid.
fn check_lot(value: Decimal, instrument: &Instrument) -> Result<(), Denial> {
    if instrument.rules.allows_size(value) {
        return Ok(());
    }
    Err(finer_than_lot(value, instrument))
}

fn finer_than_lot(value: Decimal, instrument: &Instrument) -> Denial {
    let (symbol, decimals) = (&instrument.symbol, instrument.rules.size_decimals);
    let message = format!("size {value} of {symbol} is finer than the lot of {decimals} decimals");
    Denial::new(DenialCode::SizeOffGrid, message)
}

fn positive(what: &str, wanted: Wanted, instrument: &Instrument) -> Result<Price, Denial> {
    let value = number(what, wanted)?;
    Price::new(value).map_err(|_| {
        let message = format!("{what} {value} of {} is not positive", instrument.symbol);
        Denial::new(DenialCode::PriceNotPositive, message)
    })
}

/// What becomes of a price off the grid: none denies it.
type Snap = Option<Rounding>;

fn snap(off_grid: OffGrid, rounding: Rounding) -> Snap {
    (off_grid == OffGrid::Round).then_some(rounding)
}

/// A limit is never rounded to a worse price than was asked for.
fn snap_limit(off_grid: OffGrid, side: Side) -> Snap {
    let rounding = match side {
        Side::Buy => Rounding::Down,
        Side::Sell => Rounding::Up,
    };
    snap(off_grid, rounding)
}

fn price(what: &str, wanted: Wanted, instrument: &Instrument, snap: Snap) -> Result<Price, Denial> {
    let price = positive(what, wanted, instrument)?;
    if instrument.rules.allows_price(price.get()) {
        return Ok(price);
    }
    let rounded = snap.and_then(|rounding| instrument.rules.round_price(price.get(), rounding));
    rounded.and_then(|rounded| Price::new(rounded).ok()).ok_or_else(|| not_on_grid(what, price, instrument))
}

fn not_on_grid(what: &str, price: Price, instrument: &Instrument) -> Denial {
    let (symbol, rules) = (&instrument.symbol, &instrument.rules);
    let figures = match rules.price_significant_figures {
        0 => String::new(),
        figures => format!(" and {figures} significant figures"),
    };
    let steps = if rules.tick_size.is_zero() { String::new() } else { format!(", in steps of {}", rules.tick_size) };
    let decimals = rules.price_decimals;
    let message = format!("{what} {price} of {symbol} is off the grid: at most {decimals} decimals{figures}{steps}");
    Denial::new(DenialCode::PriceOffGrid, message)
}

/// A distance between prices: as fine as the finest price, whatever its figures.
fn distance(wanted: Wanted, instrument: &Instrument, off_grid: OffGrid) -> Result<Price, Denial> {
    let distance = positive("trailing distance", wanted, instrument)?;
    let rules = &instrument.rules;
    let steps = rules.tick_size.is_zero() || distance.get().checked_rem(rules.tick_size).is_some_and(|rest| rest.is_zero());
    if steps && distance.get().normalize().scale() <= u32::from(rules.price_decimals) {
        return Ok(distance);
    }
    let rounded = match off_grid {
        OffGrid::Deny => None,
        OffGrid::Round => Rules { price_significant_figures: 0, ..*rules }.round_price(distance.get(), Rounding::Nearest),
    };
    rounded.and_then(|rounded| Price::new(rounded).ok()).ok_or_else(|| not_on_grid("trailing distance", distance, instrument))
}

/// Kind and terms of a new order.
pub(super) fn kind(wanted: &WantedKind, side: Side, instrument: &Instrument, off_grid: OffGrid) -> Result<OrderKind, Denial> {
    let limit_snap = snap_limit(off_grid, side);
    let nearest = snap(off_grid, Rounding::Nearest);
    Ok(match *wanted {
        WantedKind::Market => OrderKind::Market,
        WantedKind::Limit { price: limit, time_in_force } => {
            OrderKind::Limit { price: price("price", limit, instrument, limit_snap)?, time_in_force }
        }
        WantedKind::Trigger { kind, trigger_price, limit_price } => OrderKind::Trigger {
            kind,
            trigger_price: price("trigger price", trigger_price, instrument, nearest)?,
            limit_price: limit_price.map(|limit| price("limit price", limit, instrument, limit_snap)).transpose()?,
        },
        WantedKind::TrailingStop { distance: wanted } => {
            OrderKind::TrailingStop { distance: distance(wanted, instrument, off_grid)? }
        }
    })
}

/// Exits attached to a new order.
pub(super) fn exits(order: &PlaceOrder, instrument: &Instrument, off_grid: OffGrid) -> Result<Option<AttachedExits>, Denial> {
    let nearest = snap(off_grid, Rounding::Nearest);
    let take_profit = order.take_profit.map(|wanted| price("take-profit", wanted, instrument, nearest)).transpose()?;
    let stop_loss = order.stop_loss.map(|wanted| price("stop-loss", wanted, instrument, nearest)).transpose()?;
    let exits = (take_profit.is_some() || stop_loss.is_some()).then_some(AttachedExits { take_profit, stop_loss });
    if exits.is_some() && order.reduce_only {
        let message = "exits cannot be attached to a reduce-only order: it opens nothing that they could close";
        return Err(Denial::new(DenialCode::BadTerms, message));
    }
    if let (Some(take_profit), Some(stop_loss)) = (take_profit, stop_loss) {
        let (sane, how) = match order.side {
            Side::Buy => (stop_loss < take_profit, "below"),
            Side::Sell => (stop_loss > take_profit, "above"),
        };
        if !sane {
            let message = format!("the stop-loss {stop_loss} must lie {how} the take-profit {take_profit}");
            return Err(Denial::new(DenialCode::BadTerms, message));
        }
    }
    Ok(exits)
}

/// Size and terms of an order once they are changed.
pub(super) fn amended(
    order: &Order,
    instrument: &Instrument,
    off_grid: OffGrid,
    new_price: Option<Wanted>,
    new_size: Option<Wanted>,
    new_trigger: Option<Wanted>,
) -> Result<(Size, OrderKind), Denial> {
    let bad = |message: String| Err(Denial::new(DenialCode::BadTerms, message));
    if new_price.is_none() && new_size.is_none() && new_trigger.is_none() {
        return bad(format!("order {} was asked to change, but nothing was named", order.id));
    }
    let (limit_snap, nearest) = (snap_limit(off_grid, order.side), snap(off_grid, Rounding::Nearest));
    let new_size = new_size.map(|wanted| size(wanted, instrument, off_grid)).transpose()?;
    let new_price = new_price.map(|wanted| price("price", wanted, instrument, limit_snap)).transpose()?;
    let new_trigger = new_trigger.map(|wanted| price("trigger price", wanted, instrument, nearest)).transpose()?;
    let size = new_size.unwrap_or(order.size);
    if size.get() <= order.filled {
        return bad(format!("new size {size} of order {} is not above the {} already filled", order.id, order.filled));
    }
    let kind = match (order.kind, new_price, new_trigger) {
        (kind @ OrderKind::TrailingStop { .. }, None, None) => kind,
        (OrderKind::Limit { price, time_in_force }, new, None) => {
            OrderKind::Limit { price: new.unwrap_or(price), time_in_force }
        }
        (OrderKind::Trigger { kind, trigger_price, limit_price: None }, None, new) => {
            OrderKind::Trigger { kind, trigger_price: new.unwrap_or(trigger_price), limit_price: None }
        }
        (OrderKind::Trigger { kind, trigger_price, limit_price: Some(limit) }, new, trigger) => OrderKind::Trigger {
            kind,
            trigger_price: trigger.unwrap_or(trigger_price),
            limit_price: Some(new.unwrap_or(limit)),
        },
        (kind, ..) => return bad(format!("order {} has no such price: it is {}", order.id, kind_in_words(&kind))),
    };
    Ok((size, kind))
}

fn kind_in_words(kind: &OrderKind) -> &'static str {
    match kind {
        OrderKind::Market => "a market order",
        OrderKind::Limit { .. } => "a limit order",
        OrderKind::Trigger { kind: TriggerKind::Stop, limit_price: None, .. } => "a stop at the market",
        OrderKind::Trigger { kind: TriggerKind::Stop, .. } => "a stop with a limit",
        OrderKind::Trigger { kind: TriggerKind::TakeProfit, limit_price: None, .. } => "a take-profit at the market",
        OrderKind::Trigger { kind: TriggerKind::TakeProfit, .. } => "a take-profit with a limit",
        OrderKind::TrailingStop { .. } => "a trailing stop",
    }
}

/// The price that an order names, which the exchange holds against its least notional; the market's where it names none.
pub(super) fn price_named(kind: &OrderKind, reference: Option<Price>) -> Option<Price> {
    match *kind {
        OrderKind::Limit { price, .. } => Some(price),
        OrderKind::Trigger { trigger_price, limit_price, .. } => Some(limit_price.unwrap_or(trigger_price)),
        OrderKind::Market | OrderKind::TrailingStop { .. } => reference,
    }
}

/// The most that an order may fill at, as far as its terms and the market say: what it is valued at for a limit. None where
/// that takes a market price and none is known.
///
/// A buy pays its limit at most. A sell takes its limit at least, and the market's price where that is higher. A trigger that
/// is met as the price rises may be met already, and then fills at the market; one that is met as it falls fills no higher than
/// where it triggers.
pub(crate) fn price_to_value_at(kind: &OrderKind, side: Side, reference: Option<Price>) -> Option<Price> {
    match (*kind, side) {
        (OrderKind::Limit { price, .. } | OrderKind::Trigger { limit_price: Some(price), .. }, Side::Buy) => Some(price),
        (OrderKind::Limit { price, .. }, Side::Sell) => Some(price.max(reference?)),
        (OrderKind::Trigger { kind, trigger_price, limit_price }, _) => {
            let rises = (kind == TriggerKind::Stop) == (side == Side::Buy);
            let triggered = if rises { trigger_price.max(reference?) } else { trigger_price };
            Some(limit_price.map_or(triggered, |limit| limit.max(triggered)))
        }
        (OrderKind::Market | OrderKind::TrailingStop { .. }, _) => reference,
    }
}

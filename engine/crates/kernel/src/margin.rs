//! Margin: what a position ties up, what it must keep, and the mark price at which the exchange takes it.
//!
//! Pure functions with exact decimals, the formulas of Hyperliquid:
//! <https://hyperliquid.gitbook.io/hyperliquid-docs/trading/margining>,
//! <https://hyperliquid.gitbook.io/hyperliquid-docs/trading/margin-tiers>,
//! <https://hyperliquid.gitbook.io/hyperliquid-docs/trading/liquidations>. Everything goes by the mark price.
//!
//! ```text
//!   cash ── what was paid in, plus what flowed through fills, fees and funding: negative where more was bought than was there
//!   cross value    = cash + Σ size × mark               of the positions in cross margin
//!   isolated value = its own cash + size × mark         of one position in isolated margin
//!   account value  = cross value + Σ isolated values
//! ```
//!
//! It holds of one account with one collateral. Where the exchange counts collateral from elsewhere (its unified and portfolio
//! modes), only the exchange's own liquidation price is true.

mod summary;
mod table;

pub use summary::{Collateral, Exposure, MarginSummary};
pub use table::{MARGIN_TIERS_MAX, MarginTable, MarginTier, NotAMarginTable};

use crate::position::OutOfRange;
use crate::{Decimal, Price};

/// Initial margin that an order adds to a position: of what it would make larger, at `price`. Zero where it only makes the
/// position smaller or turns it into one that is not larger. `size` and `order` are signed.
///
/// # Errors
/// Where a product leaves the range of a decimal, or the leverage is zero.
pub fn order_initial_margin(
    size: Decimal,
    order: Decimal,
    price: Price,
    leverage: u32,
    table: &MarginTable,
) -> Result<Decimal, OutOfRange> {
    let after = size.checked_add(order).ok_or(OutOfRange)?.abs();
    if after <= size.abs() {
        return Ok(Decimal::ZERO);
    }
    let margin = |size: Decimal| {
        let notional = size.checked_mul(price.get()).ok_or(OutOfRange)?;
        table.initial_margin(notional, leverage)
    };
    margin(after)?.checked_sub(margin(size.abs())?).ok_or(OutOfRange)
}

/// The mark price at which a position's collateral equals the maintenance margin asked of it: an estimate, since everything
/// else is taken to stand still. None where no positive price does that: such a position cannot be liquidated by its own price.
///
/// `value` is the collateral at the present mark, the position's own profit and loss in it; `kept` the maintenance margin that
/// other positions need of the same collateral. The tier is that of the notional at the price found, as the exchange has it.
///
/// Within a tier with rate `r` and deduction `d`, `value + size × (p − mark) = kept + |size| × p × r − d` gives
/// `p = (size × mark − value + kept − d) / (size − |size| × r)`: with `d` = 0 the documented
/// `mark − side × (value − kept − |size| × mark × r) / |size| / (1 − r × side)`.
///
/// # Errors
/// Where a product leaves the range of a decimal.
pub fn liquidation_price(
    size: Decimal,
    mark: Price,
    value: Decimal,
    kept: Decimal,
    table: &MarginTable,
) -> Result<Option<Price>, OutOfRange> {
    if size.is_zero() {
        return Ok(None);
    }
    let short = size.checked_mul(mark.get()).and_then(|worth| worth.checked_sub(value)?.checked_add(kept)).ok_or(OutOfRange)?;
    // Collateral less what must be kept rises (long) or falls (short) with the price all the way, so that exactly one price of
    // one tier fits, and the first tier whose price lies below its upper border is the one.
    for tier in table.spans() {
        let rate_of_size = tier.maintenance_of(size.abs());
        let slope = size.checked_sub(rate_of_size).ok_or(OutOfRange)?;
        let price = short.checked_sub(tier.deduction).and_then(|sum| sum.checked_div(slope)).ok_or(OutOfRange)?;
        let within = match tier.until {
            None => true,
            Some(until) => price.checked_mul(size.abs()).is_some_and(|notional| notional <= until),
        };
        if within {
            return Ok(Price::new(price).ok());
        }
    }
    Err(OutOfRange)
}

#[cfg(test)]
mod tests;

//! Money, fees, fuel and rules of a run, with their ranges.

use super::{LimitSettings, RequestError, RiskFile, RunModels};
use crate::calendar;
use crate::data::{Columns, Label, OnFault, OnGap, ReadOptions, TimeUnit};
use calypte_kernel::{FeeRates, Timeframe, Timestamp};
use rust_decimal::Decimal;

/// Most cash an account starts with: a thousand million million, which leaves room for every product that follows.
pub const CASH_MAX: Decimal = Decimal::from_parts(0xA4C6_8000, 0x0003_8D7E, 0, false, 0);
/// Most slippage: all but a ten-thousandth of the price, since nothing sells for nothing.
pub const SLIPPAGE_BPS_MAX: Decimal = Decimal::from_parts(9_999, 0, 0, false, 0);
/// Most fuel of a run, so that sums of fuel fit a signed 64-bit number everywhere.
pub const FUEL_MAX: u64 = i64::MAX.unsigned_abs();

/// How a run is set up, besides strategies and market.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunSettings {
    /// Candles before it are left out.
    pub from: Option<Timestamp>,
    /// Candles that open at it or later are left out.
    pub to: Option<Timestamp>,
    /// Cash at the start.
    pub cash: Decimal,
    /// Fees, as fractions of the notional.
    pub fees: FeeRates,
    /// How much worse a market order fills, in hundredths of a per cent.
    pub slippage_bps: Decimal,
    /// When a resting limit order fills.
    pub fill: LimitFill,
    /// Fuel of the whole run; none: as much as it takes.
    pub fuel: Option<u64>,
    /// Fuel of one event; none: the sandbox's own limit.
    pub fuel_per_event: Option<u64>,
    /// Limits of each strategy's sandbox that differ from the defaults.
    pub limits: LimitSettings,
    /// Seed of whatever is drawn by lot.
    pub seed: u64,
    /// Which column of a file is what.
    pub columns: Columns,
    /// How files write times.
    pub time: TimeUnit,
    /// Which end of a candle its time is.
    pub label: Label,
    /// What to do with a row that cannot be right.
    pub on_bad_data: OnFault,
    /// What to do where candles are missing.
    pub on_gap: OnGap,
    /// Whether results must be the same on every kind of machine, at the price of speed.
    pub portable: bool,
    /// What is simulated beyond fills and fees.
    pub models: RunModels,
    /// What is declared about risk; none: nothing.
    pub risk: Option<RiskFile>,
}

/// When a resting limit order fills on a candle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum LimitFill {
    /// Where the candle reaches its price.
    #[default]
    Touch,
    /// Where the candle goes beyond its price.
    Through,
}

impl RunSettings {
    /// How a file with candles of this length is to be read.
    pub fn read_options(&self, timeframe: Timeframe) -> ReadOptions {
        ReadOptions {
            timeframe,
            columns: self.columns.clone(),
            time: self.time,
            label: self.label,
            on_fault: self.on_bad_data,
            on_gap: self.on_gap,
            from: self.from,
            to: self.to,
        }
    }

    /// Checks what ranges can tell.
    pub(super) fn check(self) -> Result<Self, RequestError> {
        if let (Some(from), Some(to)) = (self.from, self.to)
            && from >= to
        {
            return Err(RequestError::EmptyPeriod { from: calendar::format_time(from), to: calendar::format_time(to) });
        }
        let range = |flag, value: Decimal, min: Decimal, max: Decimal, range| {
            if value < min || value > max {
                Err(RequestError::OutOfRange { flag, value: value.to_string(), range })
            } else {
                Ok(())
            }
        };
        range("--cash", self.cash, Decimal::ZERO, CASH_MAX, "from 0 to 1000000000000000")?;
        range("--fee-taker", self.fees.taker, Decimal::NEGATIVE_ONE, Decimal::ONE, "a fraction of the notional, -1 to 1")?;
        range("--fee-maker", self.fees.maker, Decimal::NEGATIVE_ONE, Decimal::ONE, "a fraction of the notional, -1 to 1")?;
        range("--slippage-bps", self.slippage_bps, Decimal::ZERO, SLIPPAGE_BPS_MAX, "from 0 to 9999 basis points")?;
        for (flag, fuel) in [("--fuel", self.fuel), ("--fuel-per-event", self.fuel_per_event)] {
            if let Some(fuel) = fuel
                && (fuel == 0 || fuel > FUEL_MAX)
            {
                return Err(RequestError::OutOfRange { flag, value: fuel.to_string(), range: "at least 1, at most 2^63 - 1" });
            }
        }
        Ok(self)
    }
}

/// A text that is not an exact number.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a number of at most 28 digits, such as 0.00045 or 1_000_000")]
pub struct NotANumber(pub String);

/// Reads a decimal exactly: what would have to be rounded is refused.
///
/// # Errors
/// Where it is no number, or has more digits than a decimal holds.
pub fn parse_decimal(text: &str) -> Result<Decimal, NotANumber> {
    let refuse = || NotANumber(text.chars().take(40).collect());
    Decimal::from_str_exact(text).map_err(|_| refuse()).map(|value| value.normalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_exactly_or_not_at_all() {
        assert_eq!(parse_decimal("0.00045"), Ok(Decimal::new(45, 5)));
        assert_eq!(parse_decimal("1_000_000"), Ok(Decimal::new(1_000_000, 0)));
        assert_eq!(parse_decimal("-0.0001"), Ok(Decimal::new(-1, 4)));
        for text in ["", "x", "1e5", "NaN", "0.12345678901234567890123456789012", "99999999999999999999999999999999"] {
            assert!(parse_decimal(text).is_err(), "{text}");
        }
        assert_eq!(CASH_MAX, Decimal::new(1_000_000_000_000_000, 0));
    }
}

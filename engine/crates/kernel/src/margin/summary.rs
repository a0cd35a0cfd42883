//! The margin of a whole account: what it is worth at marks, what its positions tie up and must keep, and what is left.

use super::{MarginTable, liquidation_price};
use crate::position::OutOfRange;
use crate::{Decimal, Price};

/// A position as margin sees it.
#[derive(Debug, Clone, Copy)]
pub struct Exposure<'a> {
    /// Signed size.
    pub size: Decimal,
    /// Mark price.
    pub mark: Price,
    /// Leverage, at least 1. Where the venue did not say, it is for the caller to decide what to assume.
    pub leverage: u32,
    /// What answers for it.
    pub collateral: Collateral,
    /// Tiers of its instrument.
    pub table: &'a MarginTable,
}

/// What answers for a position's losses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Collateral {
    /// The account's cash, with all other positions in cross margin.
    Cross,
    /// Its own alone.
    Isolated {
        /// Margin that was moved to it plus what flowed through its fills: Hyperliquid's `rawUsd`.
        cash: Decimal,
    },
}

/// The margin of an account at one moment. Isolated positions count with their value as margin used, and neither give to nor
/// take from what the others share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MarginSummary {
    /// Worth of everything at mark prices: `marginSummary.accountValue`.
    pub account_value: Decimal,
    /// Sum of `|size| × mark`: `marginSummary.totalNtlPos`.
    pub notional: Decimal,
    /// Margin tied up by positions: `marginSummary.totalMarginUsed`.
    pub margin_used: Decimal,
    /// Worth of cash and the positions in cross margin: `crossMarginSummary.accountValue`.
    pub cross_value: Decimal,
    /// Margin tied up by these: `crossMarginSummary.totalMarginUsed`.
    pub cross_margin_used: Decimal,
    /// Margin that these must keep: `crossMaintenanceMarginUsed`.
    pub cross_maintenance: Decimal,
}

impl Exposure<'_> {
    /// `|size| × mark`.
    pub fn notional(&self) -> Result<Decimal, OutOfRange> {
        Ok(self.worth()?.abs())
    }

    /// `size × mark`: what it is worth, negative where it is short.
    pub fn worth(&self) -> Result<Decimal, OutOfRange> {
        self.size.checked_mul(self.mark.get()).ok_or(OutOfRange)
    }

    /// Margin it must keep.
    pub fn maintenance_margin(&self) -> Result<Decimal, OutOfRange> {
        self.table.maintenance_margin(self.notional()?)
    }

    /// Margin it ties up: in cross margin its initial margin at the mark, in isolated margin all it has.
    pub fn margin_used(&self) -> Result<Decimal, OutOfRange> {
        match self.collateral {
            Collateral::Cross => self.table.initial_margin(self.notional()?, self.leverage),
            Collateral::Isolated { cash } => cash.checked_add(self.worth()?).ok_or(OutOfRange),
        }
    }
}

impl MarginSummary {
    /// Of an account with this cash (of the cross part, `crossMarginSummary.totalRawUsd`) and these positions.
    ///
    /// # Errors
    /// Where a sum leaves the range of a decimal, or a leverage is zero.
    pub fn of<'a>(cash: Decimal, positions: impl IntoIterator<Item = Exposure<'a>>) -> Result<Self, OutOfRange> {
        let mut sum = Self {
            account_value: cash,
            notional: Decimal::ZERO,
            margin_used: Decimal::ZERO,
            cross_value: cash,
            cross_margin_used: Decimal::ZERO,
            cross_maintenance: Decimal::ZERO,
        };
        let add = |sum: &mut Decimal, value: Decimal| {
            *sum = sum.checked_add(value).ok_or(OutOfRange)?;
            Ok(())
        };
        for position in positions {
            let (worth, used) = (position.worth()?, position.margin_used()?);
            add(&mut sum.notional, worth.abs())?;
            add(&mut sum.margin_used, used)?;
            match position.collateral {
                Collateral::Isolated { .. } => add(&mut sum.account_value, used)?,
                Collateral::Cross => {
                    add(&mut sum.account_value, worth)?;
                    add(&mut sum.cross_value, worth)?;
                    add(&mut sum.cross_margin_used, used)?;
                    add(&mut sum.cross_maintenance, position.maintenance_margin()?)?;
                }
            }
        }
        Ok(sum)
    }

    /// What new positions can be opened with: the cross value less the margin its positions tie up. Negative where the account
    /// could not open them again. Margin that orders reserve is not taken off.
    pub fn free_collateral(&self) -> Result<Decimal, OutOfRange> {
        self.cross_value.checked_sub(self.cross_margin_used).ok_or(OutOfRange)
    }

    /// Whether the exchange takes the positions in cross margin: their collateral is less than what they must keep.
    pub fn is_cross_liquidated(&self) -> bool {
        self.cross_value < self.cross_maintenance
    }

    /// Liquidation price of one of the positions that the summary was made of; see [`liquidation_price`].
    ///
    /// # Errors
    /// Where a sum leaves the range of a decimal.
    pub fn liquidation_price(&self, position: &Exposure<'_>) -> Result<Option<Price>, OutOfRange> {
        let Exposure { size, mark, table, .. } = *position;
        match position.collateral {
            Collateral::Isolated { .. } => liquidation_price(size, mark, position.margin_used()?, Decimal::ZERO, table),
            Collateral::Cross => {
                let kept = self.cross_maintenance.checked_sub(position.maintenance_margin()?).ok_or(OutOfRange)?;
                liquidation_price(size, mark, self.cross_value, kept, table)
            }
        }
    }
}

//! Margin tiers: how much leverage an instrument allows at which notional, and what must be kept there.

use crate::Decimal;
use crate::position::OutOfRange;

/// Most tiers of a [`MarginTable`].
pub const MARGIN_TIERS_MAX: usize = 16;

/// A tier of notional, as the exchange lists it (`marginTables` of its `meta` answer).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MarginTier {
    /// Notional from which it holds, in the quote asset.
    pub notional_from: Decimal,
    /// Largest leverage in it, at least 1.
    pub max_leverage: u32,
}

/// The tiers of an instrument, checked: the first begins at zero, notional rises and leverage falls from tier to tier.
///
/// The maintenance rate of a tier is half its initial margin rate at its largest leverage, `1 / (2 × max_leverage)`. The
/// maintenance margin is `notional × rate − deduction`, where the deduction makes it continuous at the borders: zero in the
/// first tier, then `deduction(k) = deduction(k−1) + notional_from(k) × (rate(k) − rate(k−1))`.
/// <https://hyperliquid.gitbook.io/hyperliquid-docs/trading/margin-tiers>
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MarginTable {
    /// Empty: the venue names no leverage, and nothing must be kept.
    tiers: Vec<(MarginTier, Decimal)>,
}

/// Tiers that contradict each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotAMarginTable {
    /// None, or more than there may be.
    #[error("{0} margin tiers: there must be 1 to {MARGIN_TIERS_MAX}")]
    Count(usize),
    /// Small positions have no tier.
    #[error("the first margin tier begins at a notional of {0}: it must begin at 0")]
    NotFromZero(Decimal),
    /// Notional does not rise.
    #[error("a margin tier from a notional of {notional_from} does not lie above the one before it, from {before}")]
    NotRising {
        /// Where it begins.
        notional_from: Decimal,
        /// Where the one before it begins.
        before: Decimal,
    },
    /// Leverage does not fall.
    #[error(
        "the margin tier from a notional of {notional_from} allows leverage {max_leverage}: it must be at least 1, and less than \
         in the tier before it"
    )]
    NotFalling {
        /// Where it begins.
        notional_from: Decimal,
        /// Its leverage.
        max_leverage: u32,
    },
    /// A deduction leaves the range of a decimal.
    #[error("a margin tier from a notional of {0} is out of range")]
    TooLarge(Decimal),
}

/// A tier with its borders, for the arithmetic of this module.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span {
    /// Twice the largest leverage; zero: nothing must be kept.
    divisor: Decimal,
    pub(super) deduction: Decimal,
    /// Notional up to which it holds; none: the last.
    pub(super) until: Option<Decimal>,
}

impl Span {
    /// Notional (or size) times the maintenance rate, before the deduction. A division, since a rate such as 1/6 has no exact
    /// decimal.
    pub(super) fn maintenance_of(&self, notional: Decimal) -> Decimal {
        notional.checked_div(self.divisor).unwrap_or_default()
    }
}

impl MarginTable {
    /// No tier: the venue names no leverage, and nothing must be kept.
    pub const NONE: Self = Self { tiers: Vec::new() };

    /// One tier for any notional; leverage 0 is [`Self::NONE`].
    pub fn flat(max_leverage: u32) -> Self {
        let tier = MarginTier { notional_from: Decimal::ZERO, max_leverage };
        Self { tiers: (max_leverage > 0).then_some((tier, Decimal::ZERO)).into_iter().collect() }
    }

    /// Of these tiers, lowest first.
    ///
    /// # Errors
    /// Where they contradict each other.
    pub fn new(tiers: &[MarginTier]) -> Result<Self, NotAMarginTable> {
        let first = tiers.first().filter(|_| tiers.len() <= MARGIN_TIERS_MAX).ok_or(NotAMarginTable::Count(tiers.len()))?;
        if !first.notional_from.is_zero() {
            return Err(NotAMarginTable::NotFromZero(first.notional_from));
        }
        let mut checked = Vec::<(MarginTier, Decimal)>::with_capacity(tiers.len());
        for tier in tiers {
            let MarginTier { notional_from, max_leverage } = *tier;
            let mut deduction = Decimal::ZERO;
            if let Some((before, deducted)) = checked.last() {
                if notional_from <= before.notional_from {
                    return Err(NotAMarginTable::NotRising { notional_from, before: before.notional_from });
                }
                let added = deduction_added(tier, before).and_then(|added| added.checked_add(*deducted));
                deduction = added.ok_or(NotAMarginTable::TooLarge(notional_from))?;
            }
            if max_leverage == 0 || checked.last().is_some_and(|(before, _)| max_leverage >= before.max_leverage) {
                return Err(NotAMarginTable::NotFalling { notional_from, max_leverage });
            }
            checked.push((*tier, deduction));
        }
        Ok(Self { tiers: checked })
    }

    /// Its tiers, lowest first.
    pub fn tiers(&self) -> impl ExactSizeIterator<Item = MarginTier> {
        self.tiers.iter().map(|(tier, _)| *tier)
    }

    /// Largest leverage of the smallest positions; 0: the venue names none.
    pub fn max_leverage(&self) -> u32 {
        self.tiers.first().map_or(0, |(tier, _)| tier.max_leverage)
    }

    /// Largest leverage at a notional; 0: the venue names none.
    pub fn max_leverage_at(&self, notional: Decimal) -> u32 {
        self.tier_at(notional).map_or(0, |(tier, _)| tier.max_leverage)
    }

    /// Margin that a position of this notional must keep. Below it the exchange liquidates.
    ///
    /// # Errors
    /// Where a product leaves the range of a decimal.
    pub fn maintenance_margin(&self, notional: Decimal) -> Result<Decimal, OutOfRange> {
        let Some((tier, deduction)) = self.tier_at(notional) else { return Ok(Decimal::ZERO) };
        let divisor = Decimal::from(2 * u64::from(tier.max_leverage));
        notional.checked_div(divisor).and_then(|margin| margin.checked_sub(*deduction)).ok_or(OutOfRange)
    }

    /// Margin that a position of this notional ties up at a leverage: `notional / leverage`, and at least twice the
    /// maintenance margin, which takes the share of each tier at that tier's largest leverage. The second matters only where
    /// the leverage is more than the tier allows; the exchange says nothing of it, and this is continuous.
    ///
    /// # Errors
    /// Where a product leaves the range of a decimal, or the leverage is zero.
    pub fn initial_margin(&self, notional: Decimal, leverage: u32) -> Result<Decimal, OutOfRange> {
        let margin = notional.checked_div(Decimal::from(leverage)).ok_or(OutOfRange)?;
        match self.tier_at(notional) {
            Some((tier, _)) if leverage > tier.max_leverage => {
                let tiered = self.maintenance_margin(notional)?.checked_mul(Decimal::TWO).ok_or(OutOfRange)?;
                Ok(margin.max(tiered))
            }
            _ => Ok(margin),
        }
    }

    /// The tiers with their borders; where there is none, one in which nothing must be kept.
    pub(super) fn spans(&self) -> impl Iterator<Item = Span> {
        let none = self.tiers.is_empty().then_some(Span { divisor: Decimal::ZERO, deduction: Decimal::ZERO, until: None });
        let spans = self.tiers.iter().enumerate().map(|(place, (tier, deduction))| Span {
            divisor: Decimal::from(2 * u64::from(tier.max_leverage)),
            deduction: *deduction,
            until: self.tiers.get(place + 1).map(|(next, _)| next.notional_from),
        });
        none.into_iter().chain(spans)
    }

    fn tier_at(&self, notional: Decimal) -> Option<&(MarginTier, Decimal)> {
        self.tiers.iter().rev().find(|(tier, _)| tier.notional_from <= notional).or_else(|| self.tiers.first())
    }
}

/// `notional_from × (rate − rate before)`, over one divisor so that it is rounded once.
fn deduction_added(tier: &MarginTier, before: &MarginTier) -> Option<Decimal> {
    let fall = Decimal::from(before.max_leverage.checked_sub(tier.max_leverage)?);
    let divisor = Decimal::TWO.checked_mul(tier.max_leverage.into())?.checked_mul(before.max_leverage.into())?;
    tier.notional_from.checked_mul(fall)?.checked_div(divisor)
}

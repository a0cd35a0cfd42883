//! What is at stake: what is held, and what open orders could make of it.
//!
//! ```text
//!   worst = the largest of  |held|          nothing fills
//!                           held + buys     every buy fills and no sell
//!                           sells − held    every sell fills and no buy
//! ```
//!
//! Reduce-only orders cannot make it more and are not counted. Each order counts at the most it may fill at, what is held at the
//! mark.

use crate::{Decimal, Side};

/// One instrument's share, in the quote asset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stake {
    /// What is held at the mark, signed.
    pub held: Decimal,
    /// What open orders would buy.
    pub buys: Decimal,
    /// What open orders would sell.
    pub sells: Decimal,
}

impl Stake {
    /// With one more order; none where the sum leaves the range of money.
    pub fn with(self, side: Side, notional: Decimal) -> Option<Self> {
        Some(match side {
            Side::Buy => Self { buys: self.buys.checked_add(notional)?, ..self },
            Side::Sell => Self { sells: self.sells.checked_add(notional)?, ..self },
        })
    }

    /// The most it can come to, at least zero; none where that leaves the range of money.
    pub fn worst(&self) -> Option<Decimal> {
        if self.buys.is_zero() && self.sells.is_zero() {
            return Some(self.held.abs());
        }
        let (long, short) = (self.held.checked_add(self.buys)?, self.sells.checked_sub(self.held)?);
        Some(self.held.abs().max(long).max(short))
    }
}

/// What is true of everything that counts for a limit, around one request about one instrument.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stakes {
    /// The strategy's in the instrument, as it stands.
    pub before: Stake,
    /// The same without the order that is to be amended.
    pub without: Stake,
    /// The strategy's worst in all other instruments.
    pub strategy_rest: Decimal,
    /// The worst of other strategies in the instrument.
    pub instrument_rest: Decimal,
    /// The worst of everything in the account but the strategy's in the instrument.
    pub account_rest: Decimal,
    /// Notional in the tenant's other accounts; none: it is not known.
    pub elsewhere: Option<Decimal>,
    /// Initial margin of everything but the strategy's in the instrument.
    pub margin_rest: Decimal,
    /// The strategy's share of that.
    pub strategy_margin_rest: Decimal,
    /// How much initial margin the strategy may need; none: as much as the account has.
    pub budget: Option<Decimal>,
    /// Leverage of the instrument.
    pub leverage: u32,
    /// What the account is worth at mark prices.
    pub equity: Decimal,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_order_that_closes_adds_nothing_until_it_turns_the_position() {
        let held = Stake { held: Decimal::from(1000), ..Stake::default() };
        let worst = |side, notional: i64| held.with(side, Decimal::from(notional)).and_then(|with| with.worst());
        assert_eq!(worst(Side::Sell, 1500), Some(Decimal::from(1000)));
        assert_eq!(worst(Side::Sell, 2500), Some(Decimal::from(1500)));
        assert_eq!(worst(Side::Buy, 500), Some(Decimal::from(1500)));
        assert_eq!(held.with(Side::Buy, Decimal::MAX).and_then(|with| with.worst()), None);
    }

    proptest! {
        #[test]
        fn the_worst_is_never_less_than_what_any_fills_lead_to(
            held in -1_000_i64..1_000, buys in prop::collection::vec(0_i64..500, 0..6), sells in prop::collection::vec(0_i64..500, 0..6),
            filled in any::<u16>()
        ) {
            let mut stake = Stake { held: Decimal::from(held), ..Stake::default() };
            let mut end = held;
            for (place, (side, notional)) in buys.iter().map(|n| (Side::Buy, *n)).chain(sells.iter().map(|n| (Side::Sell, *n))).enumerate() {
                stake = stake.with(side, Decimal::from(notional)).expect("small");
                if filled & (1 << place) != 0 {
                    end += if side == Side::Buy { notional } else { -notional };
                }
            }
            let worst = stake.worst().expect("small");
            prop_assert!(worst >= Decimal::from(end.abs()));
            let all = held.abs() + buys.iter().sum::<i64>() + sells.iter().sum::<i64>();
            prop_assert!(worst <= Decimal::from(all));
        }
    }
}

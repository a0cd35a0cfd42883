//! The path inside a candle: an assumption, because a candle does not say.

use calypte_kernel::{Candle, Decimal};

/// The prices that a candle passes, each reached from the one before it without a turn: its open, then whichever of high and
/// low is nearer to the open, then the other, then its close. Where both are equally near, a candle that closes above its
/// open passes its low first and one that closes below it its high first; one that closes at its open passes its low first.
///
/// Nearer first is the usual assumption about bars, because a price that ends far from its open has more often left the
/// nearer extreme behind it than come back from the farther one.
pub fn path(candle: &Candle) -> [Decimal; 4] {
    let [open, high, low, close] = [candle.open, candle.high, candle.low, candle.close].map(calypte_kernel::Price::get);
    // Prices are positive, so that neither difference overflows.
    let high_first = match (high - open).cmp(&(open - low)) {
        std::cmp::Ordering::Less => true,
        std::cmp::Ordering::Greater => false,
        std::cmp::Ordering::Equal => close < open,
    };
    if high_first { [open, high, low, close] } else { [open, low, high, close] }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{candle, number};

    #[test]
    fn the_nearer_extreme_comes_first_and_ties_go_by_the_close() {
        for (prices, passed) in [
            (["100", "103", "95", "101"], ["100", "103", "95", "101"]),
            (["100", "106", "98", "101"], ["100", "98", "106", "101"]),
            (["100", "105", "95", "103"], ["100", "95", "105", "103"]),
            (["100", "105", "95", "97"], ["100", "105", "95", "97"]),
            (["100", "105", "95", "100"], ["100", "95", "105", "100"]),
        ] {
            assert_eq!(path(&candle(0, prices)), passed.map(number), "{prices:?}");
        }
    }
}

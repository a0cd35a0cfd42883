//! How the numbers of one row must go together, and the few mends that need no guess.

use super::columns::Field;
use super::fault::RowFault;
use super::row::Row;
use calypte_kernel::{Candle, Decimal, Price, Timestamp};

/// By how much of a price repair widens high or low to take in open or close: one part in so many. Rounding does that much;
/// more is another price.
pub const WIDEN_PART: i64 = 1000;

/// Prices above zero, low the lowest, high the highest, volume not below zero.
#[inline]
pub(super) fn check(row: &Row) -> Result<(), Box<RowFault>> {
    if row.sound {
        return Ok(());
    }
    let positive = is_positive(row.open) && is_positive(row.high) && is_positive(row.low) && is_positive(row.close);
    let enclosed = !below(row.high, row.low)
        && !below(row.high, row.open)
        && !below(row.high, row.close)
        && !below(row.open, row.low)
        && !below(row.close, row.low);
    if positive && enclosed && !is_negative(row.volume) { Ok(()) } else { Err(Box::new(fault(row))) }
}

/// The candle of a row.
#[inline]
pub(super) fn candle(row: &Row) -> Result<Candle, Box<RowFault>> {
    let price =
        |field: Field, value: Decimal| Price::new(value).map_err(|_| Box::new(RowFault::PriceNotPositive { field, value }));
    Ok(Candle {
        open_time: Timestamp::from_millis(row.time),
        open: price(Field::Open, row.open)?,
        high: price(Field::High, row.high)?,
        low: price(Field::Low, row.low)?,
        close: price(Field::Close, row.close)?,
        volume: row.volume,
    })
}

/// The first thing wrong with a row that is.
#[cold]
fn fault(row: &Row) -> RowFault {
    let prices = [(Field::Open, row.open), (Field::High, row.high), (Field::Low, row.low), (Field::Close, row.close)];
    if let Some((field, value)) = prices.into_iter().find(|(_, value)| !is_positive(*value)) {
        return RowFault::PriceNotPositive { field, value };
    }
    let others = [(Field::Low, row.low), (Field::Open, row.open), (Field::Close, row.close)];
    if let Some((field, value)) = others.into_iter().find(|(_, value)| row.high < *value) {
        return RowFault::HighTooLow { high: row.high, field, value };
    }
    if let Some((field, value)) = others.into_iter().find(|(_, value)| row.low > *value) {
        return RowFault::LowTooHigh { low: row.low, field, value };
    }
    RowFault::NegativeVolume { value: row.volume }
}

/// The row with high and low exchanged or widened a little, if that is all it takes.
pub(super) fn mend(row: &Row) -> Option<Row> {
    let mut row = *row;
    if row.high < row.low {
        std::mem::swap(&mut row.high, &mut row.low);
    }
    let (top, bottom) = (row.open.max(row.close), row.open.min(row.close));
    let near = |excess: Decimal| excess.checked_mul(Decimal::from(WIDEN_PART)).is_some_and(|scaled| scaled <= bottom);
    if row.high < top && near(top.checked_sub(row.high)?) {
        row.high = top;
    }
    if row.low > bottom && near(row.low.checked_sub(bottom)?) {
        row.low = bottom;
    }
    check(&row).is_ok().then_some(row)
}

#[inline]
fn is_positive(value: Decimal) -> bool {
    !value.is_sign_negative() && !value.is_zero()
}

#[inline]
fn is_negative(value: Decimal) -> bool {
    value.is_sign_negative() && !value.is_zero()
}

/// Less than, quick for numbers with as many decimals, as the prices of a row mostly have.
#[inline]
fn below(left: Decimal, right: Decimal) -> bool {
    if left.scale() == right.scale() { left.mantissa() < right.mantissa() } else { left < right }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(open: &str, high: &str, low: &str, close: &str) -> Row {
        let number = |text: &str| text.parse::<Decimal>().expect("a number");
        Row {
            number: 2,
            time: 0,
            converted: None,
            open: number(open),
            high: number(high),
            low: number(low),
            close: number(close),
            volume: Decimal::ONE,
            sound: false,
        }
    }

    #[test]
    fn high_and_low_must_take_in_open_and_close() {
        assert!(check(&row("1", "2", "0.5", "1.50")).is_ok());
        for (bad, kind) in [
            (row("1", "0.9", "0.5", "0.8"), "high-too-low"),
            (row("1", "2", "1.1", "1.5"), "low-too-high"),
            (row("1", "2", "0.5", "2.01"), "high-too-low"),
            (row("1", "2", "0", "1"), "price-not-positive"),
            (Row { volume: Decimal::NEGATIVE_ONE, ..row("1", "2", "0.5", "1") }, "negative-volume"),
        ] {
            assert_eq!(check(&bad).expect_err("faulty").kind(), kind);
        }
    }

    #[test]
    fn only_what_needs_no_guess_is_mended() {
        let swapped = mend(&row("82942.0", "82933.0", "83000.0", "82974.0")).expect("exchanged");
        assert_eq!((swapped.high, swapped.low), (Decimal::from(83000), Decimal::from(82933)));
        let widened = mend(&row("100", "100.5", "100.04", "100.2")).expect("widened");
        assert_eq!(widened.low, Decimal::from(100));
        assert_eq!(mend(&row("100", "100.5", "99", "101")), None); // half a per cent is another price
        assert_eq!(mend(&row("100", "101", "0", "100")), None);
    }
}

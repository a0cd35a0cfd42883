//! The fast reader of one CSV line in the plain form, digit by digit over the bytes, without looking for its end first.

use super::row::Row;
use calypte_kernel::Decimal;

/// Digits of a time in milliseconds between 2001 and 2100.
const TIME_DIGITS: usize = 13;

/// Most digits of a number: what always fits 64 bits with a sign.
const DIGITS_MAX: usize = 18;

/// Latest time that is surely in milliseconds, with thirteen digits.
const TIME_END: u64 = 4_102_444_800_000;

/// Reads a whole line from the start of a text, and says how many bytes it took; none where there is any doubt.
#[inline]
pub(super) fn plain_row(text: &[u8], row: &mut Row) -> Option<usize> {
    let (digits, rest) = text.split_first_chunk::<TIME_DIGITS>()?;
    let mut time = 0_u64;
    for byte in digits {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        time = time * 10 + u64::from(digit);
    }
    // Twelve digits with a zero before them are odd enough for the careful reader.
    if digits[0] == b'0' || time >= TIME_END || rest.first() != Some(&b',') {
        return None;
    }
    let mut at = TIME_DIGITS + 1;
    let mut numbers = [Plain::default(); 4];
    for slot in &mut numbers {
        let (value, end) = number(text, at)?;
        if text[end] != b',' {
            return None;
        }
        *slot = value;
        at = end + 1;
    }
    let (volume, mut end) = number(text, at)?;
    if text[end] == b'\r' {
        end += 1;
        if text.get(end) != Some(&b'\n') {
            return None;
        }
    } else if text[end] != b'\n' {
        return None;
    }
    let [open, high, low, close] = numbers;
    row.time = time.cast_signed();
    row.converted = None;
    row.open = open.decimal();
    row.high = high.decimal();
    row.low = low.decimal();
    row.close = close.decimal();
    row.volume = volume.decimal();
    // With as many decimals each, as is usual, the digits alone tell which is larger.
    row.sound = open.scale == high.scale
        && open.scale == low.scale
        && open.scale == close.scale
        && low.mantissa > 0
        && low.mantissa <= open.mantissa.min(close.mantissa)
        && high.mantissa >= open.mantissa.max(close.mantissa);
    Some(end + 1)
}

/// Reads a plain decimal from there on. Gives it with the place of the byte behind it, which exists.
#[inline]
fn number(text: &[u8], start: usize) -> Option<(Plain, usize)> {
    let mut mantissa = 0_u64;
    let mut at = start;
    let mut digit = text.get(at)?.wrapping_sub(b'0');
    while digit <= 9 {
        mantissa = mantissa.wrapping_mul(10).wrapping_add(u64::from(digit));
        at += 1;
        digit = text.get(at)?.wrapping_sub(b'0');
    }
    let whole = at - start;
    let mut scale = 0;
    if text[at] == b'.' {
        at += 1;
        let fraction = at;
        digit = text.get(at)?.wrapping_sub(b'0');
        while digit <= 9 {
            mantissa = mantissa.wrapping_mul(10).wrapping_add(u64::from(digit));
            at += 1;
            digit = text.get(at)?.wrapping_sub(b'0');
        }
        scale = at - fraction;
        if scale == 0 {
            return None;
        }
    }
    if whole == 0 || whole + scale > DIGITS_MAX {
        return None; // the wrapped mantissa is thrown away
    }
    Some((Plain { mantissa, scale: u32::try_from(scale).ok()? }, at))
}

/// A number not below zero: digits, and how many of them stand behind the point.
#[derive(Debug, Clone, Copy, Default)]
struct Plain {
    mantissa: u64,
    scale: u32,
}

impl Plain {
    #[inline]
    fn decimal(self) -> Decimal {
        #[expect(clippy::cast_possible_truncation, reason = "the two halves of the digits")]
        let (low, middle) = (self.mantissa as u32, (self.mantissa >> 32) as u32);
        Decimal::from_parts(low, middle, 0, false, self.scale)
    }
}

#[cfg(test)]
mod tests {
    use super::super::number::parse;
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_plain_line_is_taken_whole() {
        let text = b"1741946400000,82765.0,82817.0,82697.0,82699.0,24.16464\r\n17";
        let mut row = Row::EMPTY;
        let length = plain_row(text, &mut row).expect("plain");
        assert_eq!(length, text.len() - 2);
        assert_eq!(row.time, 1_741_946_400_000);
        assert_eq!(row.volume.to_string(), "24.16464");
        assert_eq!(row.open.to_string(), "82765.0");
    }

    #[test]
    fn a_doubtful_line_is_left_to_the_careful_reader() {
        for text in [
            "1741946400000,1,2,1,2,3",      // no line end: perhaps cut
            "1741946400,1,2,1,2,3\n",       // seconds
            "1741946400000000,1,2,1,2,3\n", // microseconds
            "1741946400000,-1,2,1,2,3\n",   // negative
            "1741946400000,1e0,2,1,2,3\n",  // scientific
            "1741946400000,1.,2,1,2,3\n",   // no decimals behind the point
            "1741946400000,.5,2,1,2,3\n",   // nothing before it
            "1741946400000,1,2,1,2\n",      // too few
            "1741946400000,1,2,1,2,3,4\n",  // too many
            "1741946400000,1,2,1,2,1234567890123456789\n",
            "1741946400000,\"1\",2,1,2,3\n",
            "1741946400000, 1,2,1,2,3\n",
            "1741946400000,1,2,1,2,3\rx\n",
            "",
        ] {
            assert!(plain_row(text.as_bytes(), &mut Row::EMPTY.clone()).is_none(), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn both_readers_agree_on_numbers(text in "[0-9]{0,12}\\.?[0-9]{0,12}") {
            let line = format!("{text},");
            if let Some((value, end)) = number(line.as_bytes(), 0) && end == text.len() {
                let careful = parse(text.as_bytes());
                prop_assert_eq!(careful.map(|value| value.to_string()), Ok(value.decimal().to_string()));
            }
        }

        #[test]
        fn any_bytes_are_taken_or_left(text in proptest::collection::vec(any::<u8>(), 0..128)) {
            let _ = plain_row(&text, &mut Row::EMPTY.clone());
        }
    }
}

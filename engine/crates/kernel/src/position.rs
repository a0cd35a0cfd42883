//! What a strategy holds of an instrument, kept as what flowed so that money adds up to the last digit.
//!
//! A position remembers the quote asset that flowed through its fills since it was last flat. What it is worth is that flow
//! plus its size at the mark price; when it is flat again, the flow is its profit, exactly. The average entry price is
//! derived from the cost beside it, and rounded only where it is shown.

use crate::{Decimal, InstrumentId, MarginMode, PositionView, Price, Side, Size, derived};

/// A position of a strategy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position {
    instrument: InstrumentId,
    /// Signed.
    size: Decimal,
    /// Since it was last flat.
    flow: Decimal,
    /// What the present size was bought for, with the sign of the size. A partial close takes its share, which may have to
    /// be rounded to the 28 digits there are: nothing but the entry price comes from it.
    cost: Decimal,
    /// Profit of the times it was flat again.
    closed: Decimal,
}

/// Arithmetic that left the range of a decimal. Nothing was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a sum of money left the range of 28 digits")]
pub struct OutOfRange;

impl Position {
    pub(crate) const fn new(instrument: InstrumentId) -> Self {
        Self { instrument, size: Decimal::ZERO, flow: Decimal::ZERO, cost: Decimal::ZERO, closed: Decimal::ZERO }
    }

    /// The instrument held.
    pub const fn instrument(&self) -> InstrumentId {
        self.instrument
    }

    /// Signed size; zero: none.
    #[inline]
    pub const fn size(&self) -> Decimal {
        self.size
    }

    /// Quote asset that flowed in (positive) or out (negative) through fills since the position was last flat. Exact.
    #[inline]
    pub const fn flow(&self) -> Decimal {
        self.flow
    }

    /// Average entry price, rounded to 8 decimals; zero without a position.
    pub fn entry_price(&self) -> Decimal {
        self.cost.checked_div(self.size).map_or(Decimal::ZERO, derived)
    }

    /// Profit taken by closing, before fees and funding, rounded to 8 decimals.
    pub fn realized_pnl(&self) -> Decimal {
        self.flow.checked_add(self.cost).and_then(|open| open.checked_add(self.closed)).map_or(self.closed, derived)
    }

    /// Moves the position by a fill and gives what became settled: the profit of a position that is flat again. A fill
    /// through zero closes the one position and opens another.
    pub(crate) fn fill(&mut self, side: Side, price: Price, size: Size) -> Result<Decimal, OutOfRange> {
        let mut next = self.clone();
        let settled = next.try_fill(side.signed(size), price.get()).ok_or(OutOfRange)?;
        *self = next;
        Ok(settled)
    }

    fn try_fill(&mut self, signed: Decimal, price: Decimal) -> Option<Decimal> {
        let same_side = self.size.is_zero() || self.size.is_sign_negative() == signed.is_sign_negative();
        if same_side {
            self.open(signed, price)?;
            return Some(Decimal::ZERO);
        }
        if signed.abs() < self.size.abs() {
            let left = self.size.checked_add(signed)?;
            self.cost = self.cost.checked_mul(left)?.checked_div(self.size)?;
            self.flow = self.flow.checked_sub(signed.checked_mul(price)?)?;
            self.size = left;
            return Some(Decimal::ZERO);
        }
        let beyond = self.size.checked_add(signed)?;
        let settled = self.flow.checked_add(self.size.checked_mul(price)?)?;
        self.closed = self.closed.checked_add(settled)?;
        (self.size, self.flow, self.cost) = (Decimal::ZERO, Decimal::ZERO, Decimal::ZERO);
        if !beyond.is_zero() {
            self.open(beyond, price)?;
        }
        Some(settled)
    }

    fn open(&mut self, signed: Decimal, price: Decimal) -> Option<()> {
        let cost = signed.checked_mul(price)?;
        self.size = self.size.checked_add(signed)?;
        self.flow = self.flow.checked_sub(cost)?;
        self.cost = self.cost.checked_add(cost)?;
        Some(())
    }

    /// As a strategy sees it. Without a position there is no leverage.
    pub(crate) fn view(&self, setting: Option<(u32, MarginMode)>) -> PositionView {
        let setting = setting.filter(|_| !self.size.is_zero());
        PositionView {
            instrument: self.instrument,
            size: self.size,
            entry_price: self.entry_price(),
            flow: self.flow,
            realized_pnl: self.realized_pnl(),
            leverage: setting.map(|(leverage, _)| leverage),
            margin_mode: setting.map(|(_, mode)| mode),
            liquidation_price: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn fill(position: &mut Position, signed: Decimal, price: Decimal) -> Decimal {
        let (side, size) = Side::of(signed).expect("not zero");
        position.fill(side, Price::new(price).expect("positive"), size).expect("in range")
    }

    fn number(text: &str) -> Decimal {
        text.parse().expect(text)
    }

    #[test]
    fn a_reversal_settles_the_old_position_and_opens_the_new_one_at_the_fill() {
        let mut position = Position::new(InstrumentId::new(0));
        assert_eq!(fill(&mut position, number("1"), number("100")), Decimal::ZERO);
        assert_eq!(fill(&mut position, number("-3"), number("110")), number("10"));
        assert_eq!((position.size(), position.flow()), (number("-2"), number("220")));
        assert_eq!((position.entry_price(), position.realized_pnl()), (number("110"), number("10")));
    }

    #[test]
    fn a_partial_close_keeps_the_entry_price_and_shows_its_profit() {
        let mut position = Position::new(InstrumentId::new(0));
        fill(&mut position, number("1"), number("100"));
        fill(&mut position, number("2"), number("101"));
        assert_eq!(position.entry_price(), number("100.66666667"));
        fill(&mut position, number("-1"), number("110"));
        assert_eq!(position.entry_price(), number("100.66666667"));
        assert_eq!(position.realized_pnl(), number("9.33333333"));
        assert_eq!(fill(&mut position, number("-2"), number("110")), number("28"));
        assert_eq!(position.realized_pnl(), number("28"));
    }

    #[test]
    fn a_fill_out_of_range_changes_nothing() {
        let mut position = Position::new(InstrumentId::new(0));
        let (price, size) = (Price::new(Decimal::MAX).expect("positive"), Size::new(Decimal::TWO).expect("positive"));
        let before = position.clone();
        assert_eq!(position.fill(Side::Buy, price, size), Err(OutOfRange));
        assert_eq!(position, before);
    }

    /// The plainest exact model there is: integers in units of the smallest price times the smallest size.
    #[derive(Default)]
    struct Naive {
        size: i128,
        flow: i128,
        settled: i128,
    }

    impl Naive {
        /// One unit of size at a time: no case can be forgotten.
        fn fill(&mut self, signed: i64, price: i64) {
            for _ in 0..signed.abs() {
                self.size += i128::from(signed.signum());
                self.flow -= i128::from(signed.signum()) * i128::from(price);
                if self.size == 0 {
                    self.settled += std::mem::take(&mut self.flow);
                }
            }
        }
    }

    proptest! {
        #[test]
        fn money_adds_up_to_the_last_digit(
            fills in prop::collection::vec((prop_oneof![-40_i64..=-1, 1_i64..=40], 1_i64..10_000_000), 1..60)
        ) {
            let (mut position, mut naive, mut settled) = (Position::new(InstrumentId::new(3)), Naive::default(), Decimal::ZERO);
            for (signed, price) in fills {
                settled += fill(&mut position, Decimal::new(signed, 3), Decimal::new(price, 2));
                naive.fill(signed, price);
                let money = |units: i128| Decimal::from_i128_with_scale(units, 5);
                prop_assert_eq!(position.size(), Decimal::from_i128_with_scale(naive.size, 3));
                prop_assert_eq!(position.flow(), money(naive.flow));
                prop_assert_eq!(settled, money(naive.settled));
                prop_assert_eq!(position.size().is_zero(), position.entry_price().is_zero());
                // What the entry price says of the profit so far agrees with the exact flows to the rounding of both.
                let open = position.flow() + position.size() * position.entry_price();
                prop_assert!((position.realized_pnl() - settled - open).abs() <= Decimal::new(1, 7));
            }
        }

        #[test]
        fn no_fill_panics(digits in any::<[i64; 4]>(), scales in any::<[u8; 4]>()) {
            let mut position = Position::new(InstrumentId::new(0));
            for pair in [[0, 1], [2, 3], [1, 0], [3, 2]] {
                let [size, price] = pair.map(|place| Decimal::try_new(digits[place], u32::from(scales[place] % 29)));
                let (Ok(size), Ok(price)) = (size, price) else { continue };
                if let (Some((side, size)), Ok(price)) = (Side::of(size), Price::new(price.abs())) {
                    let before = position.clone();
                    if position.fill(side, price, size).is_err() {
                        prop_assert_eq!(&position, &before);
                    }
                    position.view(None);
                }
            }
        }
    }
}

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
    /// What was moved on the exchange's word alone, the fills of it not being known.
    assumed: Assumed,
}

/// Moves on the exchange's word: how far the size of a position is from the sum of the fills that are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Assumed {
    /// Signed.
    size: Decimal,
    /// Quote asset paid for it, at the price that was assumed.
    cost: Decimal,
}

/// Arithmetic that left the range of a decimal. Nothing was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a sum of money left the range of 28 digits")]
pub struct OutOfRange;

impl Position {
    pub(crate) const fn new(instrument: InstrumentId) -> Self {
        let zero = Decimal::ZERO;
        let assumed = Assumed { size: zero, cost: zero };
        Self { instrument, size: zero, flow: zero, cost: zero, closed: zero, assumed }
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

    /// How much of the size stands on the exchange's word alone, signed: its fills are not known.
    pub const fn assumed(&self) -> Decimal {
        self.assumed.size
    }

    /// Moves the position by a fill and gives what became settled: the profit of a position that is flat again. A fill
    /// through zero closes the one position and opens another.
    pub(crate) fn fill(&mut self, side: Side, price: Price, size: Size) -> Result<Decimal, OutOfRange> {
        self.attempt(|next| next.at_price(side.signed(size), price.get()))
    }

    /// Brings the size to what the exchange says it is, and the entry price where it says so and the position grew or turned
    /// over. What it lost is taken to have gone at `price`. Gives what became settled.
    pub(crate) fn replace(&mut self, size: Decimal, entry: Option<Price>, price: Decimal) -> Result<Decimal, OutOfRange> {
        self.attempt(|next| {
            let by = size.checked_sub(next.size)?;
            if by.is_zero() {
                return Some(Decimal::ZERO);
            }
            let grew = next.size.is_zero() || next.size.is_sign_negative() == by.is_sign_negative();
            let gone = if grew {
                Decimal::ZERO
            } else if by.abs() < next.size.abs() {
                by
            } else {
                -next.size
            };
            let settled = next.assume(gone, gone.checked_mul(price)?)?;
            let come = by.checked_sub(gone)?;
            if !come.is_zero() {
                let cost = match entry {
                    Some(entry) => derived(size.checked_mul(entry.get())?.checked_sub(next.cost)?),
                    None => come.checked_mul(price)?,
                };
                next.assume(come, cost)?;
            }
            Some(settled)
        })
    }

    /// A fill that the exchange's word on the account contained already: what had been assumed of it makes way for what it
    /// really was. As much as `nobodys`, the signed size that was nobody's until now, may come over from there; it is left
    /// with what did not. Gives what became settled.
    pub(crate) fn explain(
        &mut self,
        (side, price, size): (Side, Price, Size),
        nobodys: &mut Decimal,
    ) -> Result<Decimal, OutOfRange> {
        let mut left = *nobodys;
        let settled = self.attempt(|next| {
            let (signed, price) = (side.signed(size), price.get());
            let (explained, cost) = next.assumed.part(signed)?;
            let taken_back = next.at_cost(-explained, -cost)?;
            next.assumed.add(-explained, -cost)?;
            let rest = signed.checked_sub(explained)?;
            let (over, _) = Assumed { size: left, cost: Decimal::ZERO }.part(rest)?;
            left = left.checked_sub(over)?;
            let rest = rest.checked_sub(over)?;
            let made_up_for = next.at_price(-rest, price)?;
            next.assumed.add(-rest, -(rest.checked_mul(price)?))?;
            let settled = next.at_price(signed, price)?;
            taken_back.checked_add(made_up_for)?.checked_add(settled)
        })?;
        *nobodys = left;
        Ok(settled)
    }

    /// Moves by a size on the exchange's word alone.
    fn assume(&mut self, signed: Decimal, cost: Decimal) -> Option<Decimal> {
        let settled = self.at_cost(signed, cost)?;
        self.assumed.add(signed, cost)?;
        Some(settled)
    }

    /// Applies all of a change or none.
    fn attempt(&mut self, change: impl FnOnce(&mut Self) -> Option<Decimal>) -> Result<Decimal, OutOfRange> {
        let mut next = self.clone();
        let settled = change(&mut next).ok_or(OutOfRange)?;
        *self = next;
        Ok(settled)
    }

    fn at_price(&mut self, signed: Decimal, price: Decimal) -> Option<Decimal> {
        self.shift(signed, |part| part.checked_mul(price))
    }

    /// Moves by a size that was paid for as a whole; what a part of it cost is its share.
    fn at_cost(&mut self, signed: Decimal, cost: Decimal) -> Option<Decimal> {
        self.shift(signed, |part| if part == signed { Some(cost) } else { share(cost, part, signed) })
    }

    fn shift(&mut self, signed: Decimal, cost_of: impl Fn(Decimal) -> Option<Decimal>) -> Option<Decimal> {
        if signed.is_zero() {
            return Some(Decimal::ZERO);
        }
        let same_side = self.size.is_zero() || self.size.is_sign_negative() == signed.is_sign_negative();
        if same_side {
            self.open(signed, cost_of(signed)?)?;
            return Some(Decimal::ZERO);
        }
        if signed.abs() < self.size.abs() {
            let left = self.size.checked_add(signed)?;
            self.cost = self.cost.checked_mul(left)?.checked_div(self.size)?;
            self.flow = self.flow.checked_sub(cost_of(signed)?)?;
            self.size = left;
            return Some(Decimal::ZERO);
        }
        let beyond = self.size.checked_add(signed)?;
        let closing = cost_of(-self.size)?;
        let settled = self.flow.checked_sub(closing)?;
        let opened = if beyond.is_zero() { None } else { Some(cost_of(signed)?.checked_sub(closing)?) };
        self.closed = self.closed.checked_add(settled)?;
        (self.size, self.flow, self.cost) = (Decimal::ZERO, Decimal::ZERO, Decimal::ZERO);
        if let Some(cost) = opened {
            self.open(beyond, cost)?;
        }
        Some(settled)
    }

    fn open(&mut self, signed: Decimal, cost: Decimal) -> Option<()> {
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

/// The share of a cost that a part has. Rounded, so that what is left of the cost can be told exactly.
fn share(cost: Decimal, part: Decimal, whole: Decimal) -> Option<Decimal> {
    cost.checked_mul(part)?.checked_div(whole).map(derived)
}

impl Assumed {
    /// As much of it as a fill of that signed size may explain, with what was paid for it.
    fn part(self, signed: Decimal) -> Option<(Decimal, Decimal)> {
        if self.size.is_zero() || self.size.is_sign_negative() != signed.is_sign_negative() {
            return Some((Decimal::ZERO, Decimal::ZERO));
        }
        if signed.abs() >= self.size.abs() {
            return Some((self.size, self.cost));
        }
        if signed.is_zero() {
            return Some((Decimal::ZERO, Decimal::ZERO));
        }
        Some((signed, share(self.cost, signed, self.size)?))
    }

    fn add(&mut self, size: Decimal, cost: Decimal) -> Option<()> {
        *self = Self { size: self.size.checked_add(size)?, cost: self.cost.checked_add(cost)? };
        Some(())
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
        fn the_exchanges_word_moves_the_size_and_what_is_lost_goes_at_the_price(
            words in prop::collection::vec((-40_i64..=40, prop::option::of(1_i64..1_000), 1_i64..1_000), 1..40)
        ) {
            let (mut position, mut settled) = (Position::new(InstrumentId::new(3)), Decimal::ZERO);
            for (size, entry, price) in words {
                let (size, price) = (Decimal::from(size), Decimal::from(price));
                let before = position.clone();
                let entry = entry.map(|entry| Price::new(Decimal::from(entry)).expect("positive"));
                settled += position.replace(size, entry, price).expect("in range");
                prop_assert_eq!((position.size(), position.assumed()), (size, size));
                let worth = |position: &Position, settled: Decimal| settled + position.flow() + position.size() * price;
                let same_side = before.size().is_zero() == size.is_zero() && before.size().is_sign_negative() == size.is_sign_negative();
                if size.is_zero() || (same_side && size.abs() <= before.size().abs()) {
                    // Losing size at the mark makes and loses nothing, whatever entry the exchange names.
                    let change = worth(&position, settled) - worth(&before, settled - position.closed + before.closed);
                    prop_assert!(change.abs() <= Decimal::new(1, 7), "{change}");
                }
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

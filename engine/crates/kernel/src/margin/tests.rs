//! Worked by hand, and properties.

use super::*;
use proptest::prelude::*;

fn number(text: &str) -> Decimal {
    text.parse().expect(text)
}

fn price(text: &str) -> Price {
    Price::new(number(text)).expect(text)
}

fn tier(notional_from: &str, max_leverage: u32) -> MarginTier {
    MarginTier { notional_from: number(notional_from), max_leverage }
}

/// Tiers of BTC on Hyperliquid's main network.
fn btc() -> MarginTable {
    MarginTable::new(&[tier("0", 40), tier("150000000", 20)]).expect("valid")
}

#[test]
fn tables_that_contradict_themselves_are_refused() {
    use NotAMarginTable as No;
    assert_eq!(MarginTable::new(&[]), Err(No::Count(0)));
    assert_eq!(MarginTable::new(&[tier("0", 5); MARGIN_TIERS_MAX + 1]), Err(No::Count(MARGIN_TIERS_MAX + 1)));
    assert_eq!(MarginTable::new(&[tier("1", 5)]), Err(No::NotFromZero(Decimal::ONE)));
    assert_eq!(MarginTable::new(&[tier("0", 0)]), Err(No::NotFalling { notional_from: Decimal::ZERO, max_leverage: 0 }));
    let rising = MarginTable::new(&[tier("0", 5), tier("10", 5)]);
    assert_eq!(rising, Err(No::NotFalling { notional_from: number("10"), max_leverage: 5 }));
    let falling = MarginTable::new(&[tier("0", 5), tier("10", 4), tier("10", 3)]);
    assert_eq!(falling, Err(No::NotRising { notional_from: number("10"), before: number("10") }));
    let huge = tier("79228162514264337593543950335", 1);
    assert_eq!(MarginTable::new(&[tier("0", u32::MAX), huge]), Err(No::TooLarge(huge.notional_from)));
    assert_eq!(MarginTable::flat(0), MarginTable::NONE);
    assert_eq!(MarginTable::flat(7).max_leverage(), 7);
}

#[test]
fn the_deduction_makes_maintenance_continuous_at_a_border() {
    let table = btc();
    // 1/80 of 150 M; above, 1/40 less 150 M × (1/40 − 1/80).
    assert_eq!(table.maintenance_margin(number("150000000")), Ok(number("1875000")));
    assert_eq!(table.maintenance_margin(number("200000000")), Ok(number("3125000")));
    assert_eq!((table.max_leverage_at(number("149999999")), table.max_leverage_at(number("150000000"))), (40, 20));
    // Twice that where 40 times is asked for, notional over leverage where it is more.
    assert_eq!(table.initial_margin(number("200000000"), 40), Ok(number("6250000")));
    assert_eq!(table.initial_margin(number("200000000"), 10), Ok(number("20000000")));
    assert_eq!(MarginTable::NONE.maintenance_margin(number("5")), Ok(Decimal::ZERO));
    assert_eq!(table.initial_margin(number("5"), 0), Err(OutOfRange));
}

#[test]
fn an_order_ties_up_margin_for_what_it_makes_larger() {
    let table = MarginTable::flat(20);
    let margin = |size: &str, order: &str| {
        order_initial_margin(number(size), number(order), price("100"), 10, &table).expect("in range")
    };
    assert_eq!(margin("0", "-2"), number("20"));
    assert_eq!(margin("1", "2"), number("20"));
    assert_eq!(margin("3", "-2"), Decimal::ZERO);
    assert_eq!(margin("3", "-6"), Decimal::ZERO);
    assert_eq!(margin("3", "-8"), number("20"));
}

#[test]
fn an_isolated_long_ends_where_its_margin_is_what_it_must_keep() {
    // Two units bought at 100 with 20 of margin: 20 + 2 (p − 100) = 2 p / 40, so p = 180 / 1.95.
    let table = MarginTable::flat(20);
    let cash = number("-180");
    let position = Exposure {
        size: number("2"),
        mark: price("100"),
        leverage: 10,
        collateral: Collateral::Isolated { cash },
        table: &table,
    };
    let summary = MarginSummary::of(number("1000"), [position]).expect("in range");
    assert_eq!((summary.account_value, summary.margin_used), (number("1020"), number("20")));
    assert_eq!(summary.free_collateral(), Ok(number("1000")));
    let found = summary.liquidation_price(&position).expect("in range").expect("it can be liquidated");
    assert_eq!(crate::derived(found.get()), number("92.30769231"));
}

#[test]
fn a_cross_short_answers_with_the_whole_account() {
    // Cash of 1300 after selling 3 at 100; a long of 1 in another market at 50 keeps 1.25 of it.
    let table = MarginTable::flat(20);
    let short = Exposure { size: number("-3"), mark: price("100"), leverage: 5, collateral: Collateral::Cross, table: &table };
    let long = Exposure { size: number("1"), mark: price("50"), ..short };
    let summary = MarginSummary::of(number("1250"), [short, long]).expect("in range");
    assert_eq!((summary.account_value, summary.cross_value), (number("1000"), number("1000")));
    assert_eq!((summary.margin_used, summary.cross_maintenance), (number("70"), number("8.75")));
    assert!(!summary.is_cross_liquidated());
    // 1000 − 3 (p − 100) = 1.25 + 3 p / 40, so p = 1298.75 / 3.075.
    let found = summary.liquidation_price(&short).expect("in range").expect("it can be liquidated");
    assert_eq!(crate::derived(found.get()), number("422.35772358"));
    // The long is worth 50: losing it all does not end the account.
    assert_eq!(summary.liquidation_price(&long), Ok(None));
}

#[test]
fn the_tier_is_that_of_the_price_found() {
    // A short of 1 M units at 100, 100 M, in the first tier; it ends above 150 M, in the second.
    let (table, size) = (btc(), number("-1000000"));
    let found = liquidation_price(size, price("100"), number("70000000"), Decimal::ZERO, &table).expect("in range");
    // 70 M − 1 M (p − 100) = 1 M p / 40 − 1.875 M, so p = 171.875 / 1.025.
    assert_eq!(found.map(|price| crate::derived(price.get())), Some(number("167.68292683")));
}

fn tables() -> impl Strategy<Value = MarginTable> {
    prop_oneof![
        Just(MarginTable::NONE),
        (1_u32..=100).prop_map(MarginTable::flat),
        (1_i64..1_000_000, 1_i64..1_000_000, 3_u32..=50, 1_u32..=50, 1_u32..=50).prop_map(|(first, second, top, one, two)| {
            let one = one.min(top - 1).max(2);
            let tiers = [
                MarginTier { notional_from: Decimal::ZERO, max_leverage: top },
                MarginTier { notional_from: Decimal::from(first), max_leverage: one },
                MarginTier { notional_from: Decimal::from(first + second), max_leverage: two.min(one - 1).max(1) },
            ];
            MarginTable::new(&tiers).expect("rising and falling")
        }),
    ]
}

proptest! {
    #[test]
    fn margins_never_fall_as_the_notional_rises(
        table in tables(), notional in 0_i64..4_000_000_000, more in 0_i64..1_000_000, leverage in 1_u32..60
    ) {
        let (low, high) = (Decimal::new(notional, 3), Decimal::new(notional + more, 3));
        let slack = Decimal::new(1, 15); // rates such as 1/6 have no exact decimal
        let (kept, tied) = (|at| table.maintenance_margin(at).expect("small"), |at| table.initial_margin(at, leverage).expect("small"));
        prop_assert!(kept(low) <= kept(high) + slack);
        prop_assert!(tied(low) <= tied(high) + slack);
        prop_assert!(Decimal::TWO * kept(high) <= tied(high).max(table.initial_margin(high, u32::MAX).expect("small")) + slack);
        prop_assert!(kept(high) - kept(low) <= (high - low) / Decimal::TWO + slack, "continuous");
    }

    #[test]
    fn at_the_liquidation_price_the_collateral_is_what_must_be_kept(
        table in tables(), size in prop_oneof![-1_000_000_i64..0, 1_i64..1_000_000], mark in 1_i64..10_000_000,
        value in -1_000_000_i64..100_000_000, kept in 0_i64..1_000_000
    ) {
        let (size, mark) = (Decimal::new(size, 3), Price::new(Decimal::new(mark, 3)).expect("positive"));
        let (value, kept) = (Decimal::new(value, 2), Decimal::new(kept, 2));
        let room = |at: Decimal| value + size * (at - mark.get()) - kept - table.maintenance_margin(size.abs() * at).expect("small");
        if let Some(found) = liquidation_price(size, mark, value, kept, &table).expect("small") {
            let found = found.get();
            prop_assert!(room(found).abs() <= Decimal::new(1, 12), "{} left", room(found));
            let step = found / Decimal::TEN;
            let (worse, better) = if size.is_sign_negative() { (found + step, found - step) } else { (found - step, found + step) };
            prop_assert!(room(worse) < Decimal::ZERO && room(better) > Decimal::ZERO);
            // More collateral moves it away from the market.
            let farther = liquidation_price(size, mark, value + Decimal::ONE, kept, &table).expect("small");
            prop_assert!(farther.is_none_or(|farther| (farther.get() < found) != size.is_sign_negative()));
        } else if size.is_sign_negative() {
            prop_assert!(room(Decimal::ZERO) <= Decimal::ZERO, "a short that is gone at any price");
        } else {
            prop_assert!(room(Decimal::ZERO) >= Decimal::ZERO, "a long that survives a price of zero");
        }
    }

    #[test]
    fn no_number_panics(digits in any::<[i64; 4]>(), scales in any::<[u8; 4]>(), leverage in any::<u32>(), table in tables()) {
        let numbers = [0, 1, 2, 3].map(|place| Decimal::try_new(digits[place], u32::from(scales[place] % 29)).unwrap_or(Decimal::MAX));
        let [size, mark, value, kept] = numbers;
        let Ok(mark) = Price::new(mark.abs()) else { return Ok(()) };
        // A number out of range is an error; what is in range makes sense.
        if let Ok(margin) = order_initial_margin(size, kept, mark, leverage, &table) {
            prop_assert!(margin >= Decimal::ZERO);
        }
        if let Ok(Some(price)) = liquidation_price(size, mark, value, kept, &table) {
            prop_assert!(!size.is_zero(), "{}", price);
        }
        for collateral in [Collateral::Cross, Collateral::Isolated { cash: kept }] {
            let position = Exposure { size, mark, leverage, collateral, table: &table };
            if let Ok(summary) = MarginSummary::of(value, [position, position]) {
                prop_assert!(summary.notional >= Decimal::ZERO && summary.cross_maintenance >= Decimal::ZERO);
                prop_assert!(summary.liquidation_price(&position) != Ok(None) || summary.free_collateral().is_ok() || !size.is_zero());
            }
        }
    }
}

//! Margin: what the account cannot carry is refused, what it cannot keep is taken.

use super::*;
use calypte_kernel::{MarginMode, MarginTable, MarginTier};

const ACCOUNT: AccountId = AccountId::new(0);
const OTHER: InstrumentId = InstrumentId::new(1);

fn instruments() -> [Instrument; 2] {
    let tiers = [("0", 10), ("100000", 5)];
    let tiers = tiers.map(|(from, max_leverage)| MarginTier { notional_from: number(from), max_leverage });
    let table = MarginTable::new(&tiers).expect("valid tiers");
    let symbols = [(MARKET, "BTC"), (OTHER, "ETH")];
    symbols.map(|(id, symbol)| Instrument::new(id, symbol.parse().expect("a symbol"), Rules::ANY).with_margin(table.clone()))
}

fn settings(leverage: u32, mode: MarginMode) -> MarginSettings {
    MarginSettings { leverage: vec![Leverage { leverage, mode }; 2], liquidation_fee: number("0.001") }
}

fn script_with(cash: &str, margin: MarginSettings) -> Script {
    let instruments = instruments();
    let fees = FeeRates { taker: Decimal::ZERO, maker: Decimal::ZERO };
    let exchange = Exchange::new(ExchangeSettings { fees, ..ExchangeSettings::default() }, &instruments, &[true, true]);
    let exchange = exchange.expect("valid settings").with_margin((ACCOUNT, number(cash)), margin, &instruments);
    let mut script = Script { exchange: exchange.expect("valid leverage"), minute: 0, orders: 0 };
    script.said();
    script
}

fn script(cash: &str, leverage: u32, mode: MarginMode) -> Script {
    script_with(cash, settings(leverage, mode))
}

impl Script {
    fn other(&mut self, prices: [&str; 4]) {
        let bar = candle(self.minute - 1, prices);
        self.exchange.walk(self.now(), OTHER, &bar);
    }

    fn worth(&self) -> Decimal {
        let clearing = self.exchange.desk.clearing.as_ref().expect("margin is simulated");
        clearing.summary().expect("in range").account_value
    }
}

#[test]
fn an_order_beyond_the_free_collateral_is_refused_with_the_numbers() {
    let mut script = script("1000", 5, MarginMode::Cross);
    script.candle(FLAT);
    script.buy("50.1", OrderKind::Market);
    assert_eq!(script.said(), ["rejected 1: insufficient-margin"]);
    script.buy("50", OrderKind::Market);
    assert_eq!(script.said(), ["accepted 2"]);
    // What stands reserves its margin.
    script.buy("0.1", gtc("90"));
    assert_eq!(script.said(), ["rejected 3: insufficient-margin"]);
    assert_eq!(script.candle(FLAT), ["2 Buy 50 @ 100 taker"]);
    script.buy("0.1", OrderKind::Market);
    assert_eq!(script.said(), ["rejected 4: insufficient-margin"]);
    // Whatever makes the position no larger passes, also through zero.
    script.sell("100", OrderKind::Market);
    assert_eq!(script.said(), ["accepted 5"]);
    assert_eq!(script.candle(FLAT), ["5 Sell 100 @ 100 taker"]);
}

#[test]
fn an_order_that_the_account_can_carry_no_more_when_it_fills_is_cancelled() {
    let mut script = script("1000", 5, MarginMode::Cross);
    script.candle(FLAT);
    script.buy("50", OrderKind::Market);
    script.said();
    let said = script.candle(["101", "101", "101", "101"]);
    assert_eq!(said, ["cancelled 1: margin-canceled: the account cannot carry it any more"]);
}

#[test]
fn a_long_is_taken_where_its_account_is_worth_what_it_must_keep() {
    let mut script = script("1000", 5, MarginMode::Cross);
    script.candle(FLAT);
    script.buy("50", OrderKind::Market);
    script.reduce(Side::Sell, "10", gtc("200"));
    script.said();
    script.candle(FLAT);
    // 1000 + 50 (p − 100) = 50 p / 20, so p = 4000 / 47.5: 84.21…; a candle that stays above it takes nothing.
    assert_eq!(script.candle(["90", "90", "84.3", "85"]), [""; 0]);
    let said = script.candle(["86", "95", "80", "94"]);
    let price = number("4000") / number("47.5");
    let cancelled = "cancelled 2: liquidated-canceled: its position was liquidated";
    assert_eq!(said, [cancelled.to_owned(), format!("- Sell 50 @ {price} liquidation")]);
    // What is left is half of what it had to keep twice over: 50 p / 20, less the fee of a thousandth.
    let left = number("50") * price / number("20") - number("50") * price * number("0.001");
    assert!((script.worth() - left).abs() < number("0.000001"), "{} is not {left}", script.worth());
}

#[test]
fn a_market_that_opens_beyond_the_price_takes_the_position_at_its_open() {
    let mut script = script("1000", 5, MarginMode::Cross);
    script.candle(FLAT);
    script.sell("50", OrderKind::Market);
    script.candle(FLAT);
    assert_eq!(script.candle(["130", "130", "125", "125"]), ["- Buy 50 @ 130 liquidation"]);
    // The account owes what the market jumped over: 1000 − 50 × 30 − 6.5.
    assert_eq!(script.worth(), number("-506.5"));
    script.buy("1", OrderKind::Market);
    assert_eq!(script.said(), ["rejected 2: insufficient-margin"]);
}

#[test]
fn an_isolated_position_loses_its_own_margin_and_no_more() {
    let mut script = script("1000", 10, MarginMode::Isolated);
    script.candle(FLAT);
    script.buy("10", OrderKind::Market);
    script.candle(FLAT);
    // 100 of margin: 100 + 10 (p − 100) = 10 p / 20, so p = 900 / 9.5: 94.73….
    let said = script.candle(["96", "96", "90", "91"]);
    assert_eq!(said, [format!("- Sell 10 @ {} liquidation", number("900") / number("9.5"))]);
    assert!(script.worth() > number("900"), "{}", script.worth());
}

#[test]
fn an_isolated_position_that_shrinks_gives_back_its_share() {
    let mut script = script("1000", 10, MarginMode::Isolated);
    script.candle(FLAT);
    script.buy("10", OrderKind::Market);
    script.candle(FLAT);
    script.sell("5", OrderKind::Market);
    script.candle(["110", "110", "110", "110"]);
    let clearing = script.exchange.desk.clearing.as_ref().expect("margin is simulated");
    let summary = clearing.summary().expect("in range");
    // Worth 200 at 110, half of it goes back.
    assert_eq!(
        (summary.account_value, summary.cross_value, summary.margin_used),
        (number("1100"), number("1000"), number("100"))
    );
}

#[test]
fn cross_positions_go_together_and_each_at_its_own_market() {
    let mut script = script("1000", 10, MarginMode::Cross);
    script.candle(FLAT);
    script.other(["50", "50", "50", "50"]);
    script.send(Side::Sell, "10", OrderKind::Market, |order| order.instrument = OTHER);
    script.buy("50", OrderKind::Market);
    let bar = candle(script.minute, ["50", "50", "50", "50"]);
    script.exchange.open(script.now(), OTHER, &bar);
    script.candle(FLAT);
    script.other(["50", "50", "50", "50"]);
    script.said();
    // 1000 + 50 (p − 100) = 50 p / 20 + 25: p = 4025 / 47.5.
    let price = number("4025") / number("47.5");
    let said = script.candle(["100", "100", "80", "80"]);
    assert_eq!(said, [format!("- Sell 50 @ {price} liquidation"), "- Buy 10 @ 50 liquidation".to_owned()]);
}

#[test]
fn leverage_changes_only_where_the_account_can_carry_it() {
    let mut script = script("1000", 10, MarginMode::Cross);
    script.candle(FLAT);
    let set = |script: &mut Script, leverage, mode| {
        script
            .exchange
            .apply(script.now(), Command::SetLeverage { instrument: MARKET, leverage, mode, expires_after: Timestamp::MAX });
        let Some(VenueEvent::LeverageSet { leverage: holds, mode: in_mode, .. }) = script.exchange.poll() else {
            panic!("what holds comes first")
        };
        let refused = matches!(script.exchange.poll(), Some(VenueEvent::LeverageRejected { .. }));
        assert_eq!(refused, (leverage, mode) != (holds, in_mode), "what does not hold is refused");
        (holds, in_mode)
    };
    assert_eq!(set(&mut script, 8, MarginMode::Isolated), (8, MarginMode::Isolated));
    assert_eq!(set(&mut script, 11, MarginMode::Cross), (8, MarginMode::Isolated), "more than the tiers allow");
    assert_eq!(set(&mut script, 10, MarginMode::Cross), (10, MarginMode::Cross));
    script.buy("50", OrderKind::Market);
    script.candle(FLAT);
    assert_eq!(set(&mut script, 10, MarginMode::Isolated), (10, MarginMode::Cross), "an open position keeps its mode");
    assert_eq!(set(&mut script, 4, MarginMode::Cross), (10, MarginMode::Cross), "its margin of 1250 is not there");
    assert_eq!(set(&mut script, 5, MarginMode::Cross), (5, MarginMode::Cross));
}

#[test]
fn funding_is_paid_by_each_side_to_the_other() {
    let mut script = script("1000", 10, MarginMode::Isolated);
    script.candle(FLAT);
    script.buy("2", OrderKind::Market);
    script.candle(FLAT);
    script.exchange.fund(MARKET, script.now(), number("0.0001"));
    // 2 × 100 × 0.0001, paid by who is long.
    let paid = script.exchange.poll();
    assert!(matches!(paid, Some(VenueEvent::Funding { payment, .. }) if payment == number("-0.02")), "{paid:?}");
    assert_eq!(script.worth(), number("999.98"));
    script.exchange.fund(OTHER, script.now(), number("0.0001"));
    assert_eq!(script.exchange.poll(), None, "nobody holds it");
}

#[test]
fn leverages_that_fit_no_instrument_are_refused() {
    let exchange = || Exchange::new(ExchangeSettings::default(), &instruments(), &[true, true]).expect("valid settings");
    let refused = |margin| exchange().with_margin((ACCOUNT, Decimal::ONE), margin, &instruments()).expect_err("refused");
    assert_eq!(
        refused(settings(11, MarginMode::Cross)),
        ExchangeSettingsError::Leverage { instrument: MARKET, leverage: 11, max: 10 }
    );
    assert!(matches!(refused(settings(0, MarginMode::Cross)), ExchangeSettingsError::Leverage { leverage: 0, .. }));
    let one = MarginSettings { leverage: Vec::new(), liquidation_fee: Decimal::ZERO };
    assert_eq!(refused(one), ExchangeSettingsError::LeverageCount { found: 0, instruments: 2 });
}

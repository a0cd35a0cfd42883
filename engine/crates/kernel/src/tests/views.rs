//! What a strategy sees of margin: what is known or can be reckoned, and nothing where it is not.

use super::script::{Script, number, replay};
use crate::*;

/// What strategy 1 sees after a script, with the market at a price.
fn seen(script: &str, at: &str) -> Views {
    let mut script = Script::new(script);
    while script.step() {}
    let price = Price::new(number(at)).expect("positive");
    let open_time = Timestamp::from_millis(0);
    let candle = Candle { open_time, open: price, high: price, low: price, close: price, volume: Decimal::ONE };
    script.core().handle(open_time, Input::Market(MarketEvent::Candle { series: SeriesId::new(0), candle }));
    let Some(Output::Deliver(deliver)) = script.core().poll() else { panic!("it runs") };
    deliver.views
}

fn liquidation(views: &Views) -> Option<Decimal> {
    views.account.positions[0].liquidation_price
}

#[test]
fn a_liquidation_price_is_the_exchanges_until_a_fill_and_an_estimate_after_it() {
    insta::assert_snapshot!(replay("
        running
        leverage-set 10
        candle 0 100
        answer buy 20 market
        fill c1 20 100
        report 0 20 leverage 10 liquidated 51 time 5
        report 0 20 leverage 20 liquidated 52 time 6
        at 7
        candle 0 100
        answer buy 1 market
        fill c2 1 100
    "), @r#"
    1 hears #3 candle 0 at 100
    sent: c1 buy 20 at the market
    1 hears #4 order 1 0/20 at the market accepted (#3.0)
    1 hears #5 order 1 20/20 at the market filled 20 at 100, 0 left (#3.0)
    1 hears #6 position 0 -> 20 from 100, realized 0, leverage 10, liquidated at 50.63291139, by Fill
    1 hears #7 position 20 -> 20 from 100, realized 0, leverage 20, liquidated at 52, by Settings
    1 hears #8 candle 0 at 100
    sent: c2 buy 1 at the market
    1 hears #9 order 2 0/1 at the market accepted (#8.0)
    1 hears #10 order 2 1/1 at the market filled 1 at 100, 0 left (#8.0)
    1 hears #11 position 20 -> 21 from 100, realized 0, leverage 20, liquidated at 53.04400241, by Fill
    "#);
}

#[test]
fn the_estimate_leaves_just_what_must_be_kept() {
    // A rate of 1/80: 20 of size and 1000 of cash are worth (price − 50) × 20, and must keep price × 20 / 80.
    let held = "running\n leverage-set 10\n candle 0 100\n answer buy 20 market\n fill c1 20 100";
    let price = liquidation(&seen(held, "100")).expect("known");
    assert_eq!(price, number("50.63291139"));
    // It does not move with the mark of the only position.
    assert_eq!(liquidation(&seen(held, "120")), Some(price));
}

#[test]
fn what_is_not_known_is_not_shown() {
    let held = "candle 0 100\n answer buy 20 market\n fill c1 20 100";
    assert_eq!(liquidation(&seen(&format!("running\n {held}"), "100")), None, "the margin mode is unknown");
    let by_hand = format!("netted\n running\n external-fill 70 buy 1 100\n leverage-set 10\n {held}");
    assert_eq!(liquidation(&seen(&by_hand, "100")), None, "what is nobody's was paid by nobody knows what");
    assert!(liquidation(&seen(&format!("running\n leverage-set 10\n {held}"), "100")).is_some());
}

#[test]
fn margin_is_that_of_positions_and_of_what_open_orders_could_add() {
    let orders =
        "running\n leverage-set 10\n candle 0 100\n answer buy 2 market; buy 3 limit 90; sell 1 limit 110\n fill c1 2 100";
    let views = seen(orders, "100");
    assert_eq!(views.account.margin_used, number("20") + number("27"));
    let unknown = seen(&orders.replace("leverage-set 10\n", ""), "100");
    assert_eq!(unknown.account.margin_used, Decimal::ZERO, "without a leverage nothing is known");
}

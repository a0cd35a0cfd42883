//! Margin, leverage, funding, liquidation.

use super::*;
use calypte_venues::hyperliquid::protocol::ClearinghouseState;

/// What must hold of every state, to the last digit.
fn check_identities(state: &ClearinghouseState) {
    let (all, cross) = (state.margin_summary.expect("shown"), state.cross_margin_summary.expect("shown"));
    let get = |number: Option<Number>| number.expect("shown").get();
    let (mut worth, mut cross_worth, mut isolated_raw) = (Decimal::ZERO, Decimal::ZERO, Decimal::ZERO);
    for held in &*state.asset_positions {
        let position = &held.position;
        let signed =
            if position.szi.get().is_sign_negative() { -get(position.position_value) } else { get(position.position_value) };
        worth += signed;
        match position.leverage.as_ref().and_then(|leverage| leverage.raw_usd) {
            Some(raw) => {
                assert_eq!(get(position.margin_used), raw.get() + signed);
                isolated_raw += raw.get();
            }
            None => cross_worth += signed,
        }
    }
    assert_eq!(get(all.account_value), get(all.total_raw_usd) + worth);
    assert_eq!(get(cross.account_value), get(cross.total_raw_usd) + cross_worth);
    assert_eq!(get(all.total_raw_usd), get(cross.total_raw_usd) + isolated_raw);
    // The documented liquidation price of each position.
    for held in &*state.asset_positions {
        let position = &held.position;
        let (size, value) = (position.szi.get(), get(position.position_value));
        let side = if size.is_sign_negative() { -Decimal::ONE } else { Decimal::ONE };
        let rate = Decimal::ONE / Decimal::from(2 * position.max_leverage.expect("shown"));
        let available = match position.leverage.as_ref().and_then(|leverage| leverage.raw_usd) {
            Some(_) => get(position.margin_used) - value * rate,
            None => get(cross.account_value) - get(state.cross_maintenance_margin_used),
        };
        let mark = value / size.abs();
        let price = mark - side * available / size.abs() / (Decimal::ONE - rate * side);
        match position.liquidation_px {
            Some(shown) => assert!((shown.get() - price).abs() < Decimal::new(1, 8), "{shown} and {price}"),
            None => assert!(price <= Decimal::ZERO, "{price}"),
        }
    }
}

#[test]
fn the_state_of_an_account_adds_up() {
    let mut world = World::new();
    world.trade(ANN, BEN, "101", "20");
    let lever = Action::UpdateLeverage { asset: 1, is_cross: false, leverage: 4 };
    assert_eq!(shown(&world.act(ANN, &lever)), ["default"]);
    world.place(CAT, PlaceWire { asset: 1, ..limit(true, "100", "3", Tif::Gtc) });
    world.place(ANN, PlaceWire { asset: 1, ..limit(false, "100", "3", Tif::Gtc) });
    for user in [ANN, BEN, CAT] {
        check_identities(&world.exchange.clearinghouse_state(user));
    }
    let state = world.exchange.clearinghouse_state(ANN);
    let alone = &state.asset_positions[1].position;
    let kind = alone.leverage.as_ref().map(|leverage| (leverage.kind.as_str(), leverage.value));
    assert_eq!((alone.coin.as_str(), alone.szi.get(), kind), ("ALONE", number("-3"), Some(("isolated", 4))));
    // A quarter of 300, less the fee of 0.045 %.
    assert_eq!(alone.margin_used.map(Number::get), Some(number("74.865")));
    world.audit(Decimal::from(30_000));
}

#[test]
fn an_account_cannot_order_more_than_it_can_carry() {
    let mut world = World::new();
    // Collateral of 10,000 at leverage 20 carries 2,000 of them at 100.
    assert!(world.place(ANN, limit(true, "100", "1500", Tif::Gtc)).contains("resting"));
    let refused = r#"{"error":"Insufficient margin to place order. asset=0"}"#;
    assert_eq!(world.place(ANN, limit(true, "99", "501", Tif::Gtc)), refused, "orders tie it up");
    assert!(world.place(ANN, limit(false, "101", "2000", Tif::Gtc)).contains("resting"), "one side or the other");
    let data = world.exchange.active_asset_data(BEN, "KO").expect("a coin");
    assert_eq!(data.max_trade_szs.map(|(buy, sell)| (buy.get(), sell.get())), Some((number("2000"), number("2000"))));
    assert_eq!(data.leverage.map(|leverage| (leverage.kind, leverage.value)), Some(("cross".to_owned(), 20)));
}

#[test]
fn a_resting_order_that_can_no_longer_be_carried_is_cancelled_when_it_would_fill() {
    let mut world = World::of(settings_with_prices(&[(0, "100"), (5, "95")]));
    world.trade(ANN, BEN, "100", "1000");
    assert!(world.place(ANN, limit(true, "96", "900", Tif::Gtc)).contains("resting"));
    world.advance(6_000);
    world.forget();
    // 5,000 of 10,000 are lost: 1,900 at 95 would need 9,025.
    let refused = world.place(CAT, limit(false, "96", "900", Tif::Ioc));
    assert!(refused.contains("could not immediately match"), "{refused}");
    assert_eq!(world.updates(ANN), ["3 900 of 900 at 96: marginCanceled"]);
    world.audit(Decimal::from(30_000));
}

#[test]
fn leverage_is_set_within_what_fits() {
    let mut world = World::new();
    let set = |asset, is_cross, leverage| Action::UpdateLeverage { asset, is_cross, leverage };
    assert_eq!(shown(&world.act(ANN, &set(0, true, 21))), ["Invalid leverage value."]);
    assert_eq!(shown(&world.act(ANN, &set(0, true, 0))), ["Invalid leverage value."]);
    assert_eq!(shown(&world.act(ANN, &set(1, true, 2))), ["Cross margin is not allowed for this asset."]);
    assert_eq!(shown(&world.act(ANN, &set(7, true, 2))), ["Invalid asset."]);
    world.trade(ANN, BEN, "100", "1000");
    assert_eq!(shown(&world.act(ANN, &set(0, false, 20))), ["Cannot switch leverage type with open position."]);
    assert_eq!(shown(&world.act(ANN, &set(0, true, 10))), ["Insufficient margin to update leverage."], "the fee is missing");
    assert_eq!(shown(&world.act(ANN, &set(0, true, 11))), ["default"]);
    let state = world.exchange.clearinghouse_state(ANN);
    assert_eq!(state.asset_positions[0].position.leverage.as_ref().map(|leverage| leverage.value), Some(11));
}

#[test]
fn margin_of_an_isolated_position_is_added_and_taken_out() {
    let mut world = World::new();
    let change = |ntli| Action::UpdateIsolatedMargin { asset: 1, is_buy: true, ntli };
    assert_eq!(shown(&world.act(ANN, &change(1_000_000))), ["No isolated position to update."]);
    world.place(BEN, PlaceWire { asset: 1, ..limit(false, "100", "10", Tif::Gtc) });
    world.place(ANN, PlaceWire { asset: 1, ..limit(true, "100", "10", Tif::Gtc) });
    let used = |world: &World| {
        let state = world.exchange.clearinghouse_state(ANN);
        check_identities(&state);
        state.asset_positions[0].position.margin_used.expect("shown").get()
    };
    assert_eq!(used(&world), number("199.55"), "a fifth of 1000 less the fee");
    assert_eq!(shown(&world.act(ANN, &change(50_450_000))), ["default"]);
    assert_eq!(used(&world), number("250"));
    assert_eq!(shown(&world.act(ANN, &change(-50_000_001))), ["Insufficient margin to update isolated margin."]);
    assert_eq!(shown(&world.act(ANN, &change(-50_000_000))), ["default"]);
    assert_eq!(shown(&world.act(ANN, &change(i64::MAX))), ["Insufficient margin to update isolated margin."]);
    assert_eq!(shown(&world.act(ANN, &change(i64::MIN))), ["Insufficient margin to update isolated margin."]);
    let to = Action::TopUpIsolatedOnlyMargin { asset: 1, leverage: Number::new(Decimal::TWO) };
    assert_eq!(shown(&world.act(ANN, &to)), ["default"]);
    assert_eq!(used(&world), number("500"));
    world.place(BEN, PlaceWire { asset: 1, ..limit(true, "100", "10", Tif::Gtc) });
    world.place(ANN, closing(PlaceWire { asset: 1, ..limit(false, "100", "10", Tif::Gtc) }));
    assert!(world.exchange.clearinghouse_state(ANN).asset_positions.is_empty());
    world.audit(Decimal::from(30_000));
}

#[test]
fn funding_is_paid_by_the_hour_on_the_oracle() {
    let mut world = World::new();
    world.trade(ANN, BEN, "100", "10");
    let hour = HOUR_MS - START % HOUR_MS;
    world.advance(hour - 1);
    assert!(world.exchange.user_funding(ANN, time(0), None).is_empty());
    world.advance(hour + 1_000);
    // An eighth of 0.01 % of 1000.
    let paid = |world: &World, user| {
        let payments = world.exchange.user_funding(user, time(0), None);
        payments.iter().map(|payment| (payment.delta.usdc.get(), payment.delta.funding_rate.get())).collect::<Vec<_>>()
    };
    assert_eq!(paid(&world, ANN), [(number("-0.0125"), number("0.0000125"))]);
    assert_eq!(paid(&world, BEN), [(number("0.0125"), number("0.0000125"))]);
    assert!(world.told.iter().any(|event| matches!(event, Event::Funding { user, .. } if *user == ANN)));
    let position = &world.exchange.clearinghouse_state(ANN).asset_positions[0].position;
    let funding = position.cum_funding.expect("shown");
    assert_eq!((funding.since_open, funding.all_time), (Some(number("0.0125").into()), Some(number("0.0125").into())));
    assert_eq!(world.exchange.funding_history("KO", time(0), None).expect("a coin").len(), 1);
    world.audit(Decimal::from(30_000));
}

/// Somebody holds as much as they can, and the price falls to this.
fn fallen(size: &str, price: &str) -> World {
    let mut world = World::of(settings_with_prices(&[(0, "100"), (10, price)]));
    world.trade(ANN, BEN, "100", size);
    world
}

#[test]
fn a_position_that_cannot_be_kept_goes_to_the_book() {
    // 1,000 at 100 with 10,000 less the fee; below 92.3 less than a fortieth is left.
    let mut world = fallen("1000", "92");
    world.place(ANN, limit(true, "50", "1", Tif::Gtc));
    world.place(CAT, limit(true, "91.9", "1500", Tif::Gtc));
    world.forget();
    world.advance(10_000);
    // The mark stands at the oracle, with the last trade's basis in it.
    let fills = world.exchange.fills(ANN);
    assert_eq!(fills.first().and_then(|fill| fill.dir.as_deref()), Some("Liquidated Cross Long"), "{fills:?}");
    assert_eq!(fills[0].sz.get(), number("1000"), "not a large one: all of it");
    let terms = fills[0].liquidation.as_ref().expect("said");
    assert_eq!((terms.liquidated_user, terms.method.as_deref()), (Some(ANN), Some("market")));
    assert_eq!(world.exchange.fills(CAT)[0].liquidation.as_ref(), Some(terms), "on both sides");
    assert_eq!(world.updates(ANN), ["3 1 of 1 at 50: liquidatedCanceled"]);
    assert!(world.told.iter().any(|event| matches!(event, Event::Liquidation { user, .. } if *user == ANN)));
    assert_eq!(world.exchange.ledger_updates(ANN, time(0), None).len(), 2, "a deposit and a liquidation");
    world.audit(Decimal::from(30_000));
}

#[test]
fn a_large_position_goes_in_part_at_first() {
    let mut world = fallen("1800", "96.4");
    world.place(CAT, limit(true, "96.4", "300", Tif::Gtc));
    world.place(CAT, limit(true, "96.3", "1700", Tif::Gtc));
    world.advance(10_500);
    assert_eq!(world.position(ANN, "KO"), number("1440"), "a fifth of it");
    world.advance(39_000);
    assert_eq!(world.position(ANN, "KO"), number("1440"), "left alone for a while");
    world.advance(41_000);
    assert_eq!(world.position(ANN, "KO"), Decimal::ZERO);
    world.audit(Decimal::from(30_000));
}

#[test]
fn what_is_beyond_help_goes_to_the_vault() {
    let mut world = fallen("1000", "91");
    world.advance(11_000);
    assert_eq!(world.position(ANN, "KO"), Decimal::ZERO);
    let fill = world.exchange.fills(ANN).remove(0);
    let terms = fill.liquidation.expect("said");
    assert_eq!((terms.method.as_deref(), fill.px.get()), (Some("backstop"), number("91")));
    let state = world.exchange.clearinghouse_state(ANN);
    assert_eq!(
        state.margin_summary.and_then(|summary| summary.account_value),
        Some(Decimal::ZERO.into()),
        "the collateral went with it"
    );
    world.audit(Decimal::from(30_000));
}

#[test]
fn an_isolated_position_takes_nothing_else_along() {
    let points =
        [(0, "100"), (10, "80")].map(|(second, price)| PricePoint { time: time(second * 1_000), price: number(price) });
    let mut world = World::of(Settings { prices: Prices::Recorded(vec![Vec::new(), points.to_vec()]), ..settings() });
    world.place(BEN, PlaceWire { asset: 1, ..limit(false, "100", "10", Tif::Gtc) });
    world.place(ANN, PlaceWire { asset: 1, ..limit(true, "100", "10", Tif::Gtc) });
    world.advance(11_000);
    assert_eq!(world.position(ANN, "ALONE"), Decimal::ZERO);
    assert_eq!(world.exchange.fills(ANN)[0].dir.as_deref(), Some("Liquidated Isolated Long"));
    let state = world.exchange.clearinghouse_state(ANN);
    assert_eq!(
        state.margin_summary.and_then(|summary| summary.account_value),
        Some(number("9800").into()),
        "a fifth of 1000 is gone"
    );
    world.audit(Decimal::from(30_000));
}

//! Orders that wait for the mark, and orders that belong together.

use super::*;

const WAITS_FOR_FILL: &str = r#""waitingForFill""#;
const WAITS_FOR_TRIGGER: &str = r#""waitingForTrigger""#;

/// A price that goes up at 10 s, down at 20 s and further down at 30 s.
fn moving() -> World {
    World::of(settings_with_prices(&[(0, "100"), (10, "106"), (20, "97"), (30, "90")]))
}

#[test]
fn a_stop_waits_for_the_mark_and_goes_on_under_its_number() {
    let mut world = moving();
    world.trade(ANN, BEN, "100", "1");
    world.place(BEN, limit(true, "96", "5", Tif::Gtc));
    assert_eq!(world.place(ANN, trigger(false, "98", "1", TpSl::Sl)), WAITS_FOR_TRIGGER);
    let shown = world.exchange.frontend_open_orders(ANN).remove(0);
    assert_eq!(
        (shown.order_type.as_str(), shown.trigger_condition.as_str(), shown.tif),
        ("Stop Market", "Price below 98", None)
    );
    world.forget();
    world.advance(19_000);
    assert!(world.updates(ANN).is_empty(), "the price rose first");
    world.advance(21_000);
    assert_eq!(world.updates(ANN), ["4 1 of 1 at 88.2: triggered, 4 0 of 1 at 88.2: filled"]);
    assert_eq!(world.position(ANN, "KO"), Decimal::ZERO);
    world.audit(Decimal::from(30_000));
}

#[test]
fn a_stop_without_anybody_to_trade_with_is_rejected_then() {
    let mut world = moving();
    world.trade(ANN, BEN, "100", "1");
    world.place(ANN, trigger(false, "98", "1", TpSl::Sl));
    world.forget();
    world.advance(21_000);
    assert_eq!(world.updates(ANN), ["3 1 of 1 at 88.2: triggered, 3 1 of 1 at 88.2: marketOrderNoLiquidityRejected"]);
}

#[test]
fn a_trigger_with_a_limit_rests_once_it_is_reached() {
    let mut world = moving();
    let kind = OrderTypeWire::Trigger { is_market: false, trigger_px: Number::new(number("105")), tpsl: TpSl::Sl };
    assert_eq!(world.place(ANN, PlaceWire { kind, ..limit(true, "104", "1", Tif::Gtc) }), WAITS_FOR_TRIGGER);
    world.forget();
    world.advance(11_000);
    assert_eq!(world.updates(ANN), ["1 1 of 1 at 104: triggered, 1 1 of 1 at 104: open"]);
    assert_eq!(world.exchange.book("KO", BookPrecision::default()).expect("a book").levels.0.len(), 1);
    world.audit(Decimal::from(30_000));
}

#[test]
fn exits_wait_for_their_parent_and_one_ends_the_other() {
    let mut world = moving();
    let family =
        vec![limit(true, "99", "2", Tif::Gtc), trigger(false, "105", "2", TpSl::Tp), trigger(false, "95", "2", TpSl::Sl)];
    let answers = world.place_as(ANN, Grouping::NormalTpsl, family);
    assert!(answers[0].contains("resting"));
    assert_eq!(answers[1..], [WAITS_FOR_FILL, WAITS_FOR_FILL]);
    let open = world.exchange.frontend_open_orders(ANN);
    assert_eq!((open.len(), open[0].children.len()), (1, 2));
    world.forget();
    world.place(BEN, limit(false, "99", "0.5", Tif::Ioc));
    assert_eq!(world.updates(ANN), ["1 1.5 of 2 at 99: open"], "a part is not enough");
    world.forget();
    world.place(BEN, limit(false, "99", "1.5", Tif::Ioc));
    assert_eq!(
        world.updates(ANN),
        ["1 0 of 2 at 99: filled, 2 2 of 2 at 94.5: open, 3 2 of 2 at 85.5: open"],
        "the exits are orders of their own now"
    );
    world.forget();
    world.place(CAT, limit(true, "105", "2", Tif::Gtc));
    world.advance(11_000);
    assert_eq!(
        world.updates(ANN),
        ["2 2 of 2 at 94.5: triggered, 2 0 of 2 at 94.5: filled, 3 2 of 2 at 85.5: siblingFilledCanceled"]
    );
    assert_eq!(world.position(ANN, "KO"), Decimal::ZERO);
    world.audit(Decimal::from(30_000));
}

#[test]
fn exits_go_with_a_parent_that_is_cancelled() {
    let mut world = moving();
    let family = vec![limit(true, "99", "2", Tif::Gtc), trigger(false, "95", "2", TpSl::Sl)];
    world.place_as(ANN, Grouping::NormalTpsl, family);
    let oid = world.exchange.open_orders(ANN)[0].oid;
    let cancels = vec![calypte_venues::hyperliquid::protocol::CancelWire { asset: 0, oid }];
    assert_eq!(shown(&world.act(ANN, &Action::Cancel { cancels, fast: None })), [r#""success""#]);
    assert!(world.exchange.open_orders(ANN).is_empty());
    world.place(BEN, limit(false, "90", "2", Tif::Gtc));
    world.advance(31_000);
    assert!(world.exchange.fills(ANN).is_empty());
    world.audit(Decimal::from(30_000));
}

#[test]
fn a_parent_that_trades_at_once_has_live_exits_for_what_filled() {
    let mut world = moving();
    world.place(BEN, limit(false, "100", "1", Tif::Gtc));
    let family =
        vec![limit(true, "104", "3", Tif::Ioc), trigger(false, "103", "3", TpSl::Tp), trigger(false, "98", "3", TpSl::Sl)];
    let answers = world.place_as(ANN, Grouping::NormalTpsl, family);
    assert!(answers[0].contains(r#""totalSz":"1""#), "{answers:?}");
    assert_eq!(answers[1..], [WAITS_FOR_TRIGGER, WAITS_FOR_TRIGGER]);
    assert!(world.exchange.open_orders(ANN).iter().all(|order| order.sz.get() == Decimal::ONE));
}

#[test]
fn orders_that_do_not_belong_together_are_refused_as_one() {
    let mut world = moving();
    let parent = || limit(true, "99", "2", Tif::Gtc);
    let wrong = [
        vec![parent()],
        vec![parent(), limit(false, "105", "2", Tif::Gtc)],
        vec![parent(), PlaceWire { reduce_only: false, ..trigger(false, "105", "2", TpSl::Tp) }],
        vec![parent(), trigger(true, "95", "2", TpSl::Tp)],
        vec![parent(), trigger(false, "98", "2", TpSl::Tp)],
        vec![parent(), trigger(false, "105", "2", TpSl::Tp), trigger(false, "106", "2", TpSl::Tp)],
    ];
    for orders in wrong {
        let answers = world.place_as(ANN, Grouping::NormalTpsl, orders);
        assert_eq!(answers.len(), 1);
        assert!(answers[0].contains("Invalid TP/SL price."), "{answers:?}");
    }
    assert!(world.exchange.open_orders(ANN).is_empty());
}

#[test]
fn exits_of_a_position_are_as_large_as_it_is() {
    let mut world = moving();
    let exits = || vec![trigger(false, "105", "0", TpSl::Tp), trigger(false, "98", "0", TpSl::Sl)];
    let refused = world.place_as(ANN, Grouping::PositionTpsl, exits());
    assert_eq!(refused, [r#"{"error":"Reduce only order would increase position. asset=0"}"#]);
    world.trade(ANN, BEN, "100", "1");
    assert_eq!(world.place_as(ANN, Grouping::PositionTpsl, exits()), [WAITS_FOR_TRIGGER, WAITS_FOR_TRIGGER]);
    world.trade(ANN, BEN, "100", "1.5");
    assert!(world.exchange.frontend_open_orders(ANN).iter().all(|order| order.is_position_tpsl && order.sz.get().is_zero()));
    world.place(CAT, limit(true, "105", "9", Tif::Gtc));
    world.forget();
    world.advance(11_000);
    let frames = world.updates(ANN);
    assert_eq!(frames.len(), 1);
    assert!(
        frames[0].contains("2.5 of 2.5 at 94.5: triggered")
            && frames[0].contains("filled")
            && frames[0].ends_with("reduceOnlyCanceled"),
        "{frames:?}"
    );
    assert_eq!(world.position(ANN, "KO"), Decimal::ZERO);
    world.audit(Decimal::from(30_000));
}

//! Orders: taken, refused, replaced, cancelled, in the exchange's words and frames.

use super::*;
use calypte_venues::hyperliquid::protocol::{CancelByCloidWire, CancelWire, ModifyWire, OrderKey};

fn cancel(asset: u32, oid: u64) -> Action {
    Action::Cancel { cancels: vec![CancelWire { asset, oid }], fast: None }
}

#[test]
fn an_order_rests_then_fills_in_parts() {
    let mut world = World::new();
    let rested = world.place(ANN, PlaceWire { cloid: Some(cloid(0xa1)), ..limit(true, "99", "2", Tif::Gtc) });
    let oid = world.newest(ANN);
    assert_eq!(rested, format!(r#"{{"resting":{{"oid":{oid},"cloid":"0x000000000000000000000000000000a1"}}}}"#));
    assert_eq!(world.updates(ANN), ["1 2 of 2 at 99: open"]);
    world.forget();
    let sold = world.place(BEN, limit(false, "98", "0.5", Tif::Gtc));
    assert_eq!(sold, format!(r#"{{"filled":{{"totalSz":"0.5","avgPx":"99","oid":{}}}}}"#, world.newest(BEN)));
    assert_eq!(world.updates(ANN), ["1 1.5 of 2 at 99: open"]);
    assert_eq!(world.updates(BEN), ["2 0 of 0.5 at 98: filled"]);
    world.forget();
    world.place(BEN, limit(false, "99", "1.5", Tif::Gtc));
    assert_eq!(world.updates(ANN), ["1 0 of 2 at 99: filled"]);
    assert_eq!((world.position(ANN, "KO"), world.position(BEN, "KO")), (number("2"), number("-2")));
    let fills = world.exchange.fills(ANN);
    assert_eq!(fills.len(), 2);
    let fill = &fills[1];
    assert_eq!(
        (fill.dir.as_deref(), fill.crossed, fill.start_position),
        (Some("Open Long"), false, Some(Decimal::ZERO.into()))
    );
    // 99 × 0.5 × 0.015 %, cut to millionths.
    assert_eq!(fill.fee.get(), number("0.007425"));
    world.audit(Decimal::from(30_000));
}

#[test]
fn what_cannot_be_taken_is_refused_in_the_exchanges_words() {
    let mut world = World::new();
    world.place(BEN, limit(false, "101", "1", Tif::Gtc));
    world.place(BEN, limit(true, "99", "1", Tif::Gtc));
    let cases = [
        (limit(true, "99.12345", "1", Tif::Gtc), "Price must be divisible by tick size. asset=0"),
        (limit(true, "0", "1", Tif::Gtc), "Order has invalid price. asset=0"),
        (limit(true, "99", "0", Tif::Gtc), "Order has zero size. asset=0"),
        (limit(true, "99", "0.001", Tif::Gtc), "Order has invalid size. asset=0"),
        (limit(true, "99", "-1", Tif::Gtc), "Order has invalid size. asset=0"),
        (limit(true, "99", "0.1", Tif::Gtc), "Order must have minimum value of $10. asset=0"),
        (limit(true, "99", "3000", Tif::Gtc), "Insufficient margin to place order. asset=0"),
        (limit(true, "200", "1", Tif::Gtc), "Order price cannot be more than 80% away from the reference price. asset=0"),
        (limit(true, "99", "1000000", Tif::Gtc), "Order value too large. Max is $50000000. asset=0"),
        (limit(true, "99", "100000", Tif::Ioc), "Order value too large. Max is $5000000. asset=0"),
        (limit(true, "101", "1", Tif::Alo), "Post only order would have immediately matched, bbo was 99@101. asset=0"),
        (limit(true, "100", "1", Tif::Ioc), "Order could not immediately match against any resting orders. asset=0"),
        (closing(limit(true, "99", "1", Tif::Gtc)), "Reduce only order would increase position. asset=0"),
        (trigger(false, "101", "1", TpSl::Sl), "Invalid TP/SL price. asset=0"),
        (PlaceWire { asset: 9, ..limit(true, "99", "1", Tif::Gtc) }, "Order has invalid asset. asset=9"),
    ];
    for (order, words) in cases {
        assert_eq!(world.place(ANN, order), format!(r#"{{"error":"{words}"}}"#));
    }
    let refused = world.exchange.historical_orders(ANN);
    let statuses: Vec<&str> = refused.iter().rev().map(|update| update.status.as_str()).collect();
    assert_eq!(
        statuses,
        [
            "minTradeNtlRejected",
            "perpMarginRejected",
            "oracleRejected",
            "perpMaxPositionRejected",
            "perpMaxPositionRejected",
            "badAloPxRejected",
            "iocCancelRejected",
            "reduceOnlyRejected",
            "badTriggerPxRejected",
        ]
    );
    assert!(world.exchange.open_orders(ANN).is_empty());
    assert_eq!(world.exchange.act(CAT, &Action::Noop, Some(millis(START - 1))), Answer::Err("Action expired.".to_owned()));
    let stranger = Address::from_bytes([9; 20]);
    let words = format!("Must deposit before performing actions. User: {stranger}");
    assert_eq!(world.act(stranger, &Action::Noop), Answer::Err(words));
    world.audit(Decimal::from(30_000));
}

#[test]
fn each_order_of_a_batch_is_answered_by_itself() {
    let mut world = World::new();
    let orders = vec![limit(true, "99", "1", Tif::Gtc), limit(true, "99", "0.1", Tif::Gtc), limit(true, "98", "1", Tif::Alo)];
    let answers = world.place_as(ANN, Grouping::Na, orders);
    assert!(answers[0].contains("resting") && answers[1].contains("minimum value") && answers[2].contains("resting"));
    assert_eq!(world.updates(ANN), ["1 1 of 1 at 99: open, 2 0.1 of 0.1 at 99: minTradeNtlRejected, 3 1 of 1 at 98: open"]);
    let many = vec![limit(true, "99", "1", Tif::Gtc); 201];
    assert_eq!(world.place_as(ANN, Grouping::Na, many), ["Signed action over weight limit of 200."]);
}

#[test]
fn an_immediate_order_fills_in_part_and_the_rest_is_gone() {
    let mut world = World::new();
    world.place(BEN, limit(false, "101", "1", Tif::Gtc));
    let taken = world.place(ANN, limit(true, "102", "3", Tif::Ioc));
    assert_eq!(taken, format!(r#"{{"filled":{{"totalSz":"1","avgPx":"101","oid":{}}}}}"#, world.newest(ANN)));
    assert_eq!(world.updates(ANN), ["2 2 of 3 at 102: canceled"]);
    let market = world.place(ANN, limit(true, "102", "3", Tif::FrontendMarket));
    assert!(market.contains("No liquidity available for market order. asset=0"), "{market}");
}

#[test]
fn cancels_are_answered_one_by_one() {
    let mut world = World::new();
    world.place(ANN, PlaceWire { cloid: Some(cloid(5)), ..limit(true, "99", "1", Tif::Gtc) });
    let oid = world.newest(ANN);
    let gone = r#"{"error":"Order was never placed, already canceled, or filled. asset=0"}"#;
    assert_eq!(shown(&world.act(BEN, &cancel(0, oid))), [gone], "it is not theirs");
    let wrong = gone.replace("asset=0", "asset=1");
    assert_eq!(shown(&world.act(ANN, &cancel(1, oid))), [wrong], "it is another coin's");
    let both = Action::Cancel { cancels: vec![CancelWire { asset: 0, oid }, CancelWire { asset: 0, oid }], fast: None };
    assert_eq!(shown(&world.act(ANN, &both)), [r#""success""#, gone]);
    world.place(ANN, PlaceWire { cloid: Some(cloid(5)), ..limit(true, "98", "1", Tif::Gtc) });
    let by_name = Action::CancelByCloid { cancels: vec![CancelByCloidWire { asset: 0, cloid: cloid(5) }], fast: None };
    assert_eq!(shown(&world.act(ANN, &by_name)), [r#""success""#]);
    assert_eq!(shown(&world.act(ANN, &by_name)), [gone]);
    let status = world.exchange.order_status(ANN, OrderKey::Cloid(cloid(5)));
    assert_eq!(status.order.map(|update| update.status).as_deref(), Some("canceled"));
    assert_eq!(world.exchange.order_status(BEN, OrderKey::Oid(oid)).status, "unknownOid");
}

#[test]
fn a_modified_order_has_another_number_and_the_same_name() {
    let mut world = World::new();
    world.place(ANN, PlaceWire { cloid: Some(cloid(7)), ..limit(true, "99", "1", Tif::Gtc) });
    let oid = world.newest(ANN);
    world.forget();
    let to = limit(true, "98", "2", Tif::Gtc);
    let modify = |oid, order: &PlaceWire| Action::BatchModify {
        modifies: vec![ModifyWire { oid: OrderKey::Oid(oid), order: order.clone() }],
        always_place: None,
    };
    let answer = shown(&world.act(ANN, &modify(oid, &to)));
    let next = world.newest(ANN);
    assert_eq!(answer, [format!(r#"{{"resting":{{"oid":{next},"cloid":"0x{:032x}"}}}}"#, 7)]);
    assert_eq!(world.updates(ANN), ["1 1 of 1 at 99: canceled, 2 2 of 2 at 98: open"]);
    let gone = r#"{"error":"Cannot modify canceled or filled order. asset=0"}"#;
    assert_eq!(shown(&world.act(ANN, &modify(oid, &to))), [gone]);
    // Without leave to trade it must be one that rests.
    world.place(BEN, limit(false, "101", "5", Tif::Gtc));
    let bad = r#"{"error":"Attempted to modify to invalid new order. asset=0"}"#;
    assert_eq!(shown(&world.act(ANN, &modify(next, &limit(true, "101", "1", Tif::Gtc)))), [bad]);
    assert_eq!(shown(&world.act(ANN, &modify(next, &limit(true, "97", "1", Tif::Ioc)))), [bad]);
    assert_eq!(world.exchange.open_orders(ANN).len(), 1, "what was refused leaves the old one");
    let forced =
        Action::Modify { oid: OrderKey::Cloid(cloid(7)), order: limit(true, "101", "1", Tif::Gtc), always_place: Some(true) };
    assert!(shown(&world.act(ANN, &forced))[0].contains("filled"));
    assert_eq!(world.position(ANN, "KO"), Decimal::ONE);
}

#[test]
fn reduce_only_orders_follow_the_position_and_end_with_it_in_one_frame() {
    let mut world = World::new();
    world.trade(ANN, BEN, "100", "2");
    // Larger than the position: cut to it.
    let rested = world.place(ANN, closing(limit(false, "105", "3", Tif::Gtc)));
    assert!(rested.contains("resting"), "{rested}");
    assert_eq!(world.updates(ANN), ["3 2 of 3 at 105: open"]);
    world.forget();
    // The position shrinks by another order, and so does it.
    world.place(BEN, limit(true, "100", "0.5", Tif::Gtc));
    world.place(ANN, closing(limit(false, "100", "0.5", Tif::Ioc)));
    assert_eq!(world.updates(ANN), ["5 0 of 0.5 at 100: filled, 3 1.5 of 3 at 105: open"]);
    world.forget();
    world.place(BEN, limit(true, "100", "1.5", Tif::Gtc));
    world.place(ANN, closing(limit(false, "100", "9", Tif::Ioc)));
    assert_eq!(world.updates(ANN), ["7 0 of 9 at 100: filled, 3 1.5 of 3 at 105: reduceOnlyCanceled"]);
    assert!(!world.told.iter().any(|event| matches!(event, Event::NonUserCancel { .. })), "nothing else is said of it");
    assert_eq!(world.position(ANN, "KO"), Decimal::ZERO, "never flipped");
    assert!(world.exchange.open_orders(ANN).is_empty());
    world.audit(Decimal::from(30_000));
}

#[test]
fn nobody_trades_with_itself() {
    let mut world = World::new();
    world.place(ANN, limit(false, "101", "1", Tif::Gtc));
    world.place(BEN, limit(false, "102", "1", Tif::Gtc));
    world.forget();
    let taken = world.place(ANN, limit(true, "102", "1", Tif::Gtc));
    assert!(taken.contains(r#""avgPx":"102""#), "{taken}");
    assert_eq!(world.updates(ANN), ["1 1 of 1 at 101: selfTradeCanceled, 3 0 of 1 at 102: filled"]);
    assert!(world.told.iter().any(|event| matches!(event, Event::NonUserCancel { user, .. } if *user == ANN)));
}

#[test]
fn a_scheduled_cancel_needs_volume_and_strikes_once() {
    let mut world = World::new();
    let at = |time| Action::ScheduleCancel { time };
    let gate = "Cannot set scheduled cancel time until enough volume traded. Required: $1000000. Traded: $0.";
    assert_eq!(shown(&world.act(ANN, &at(Some(START + 10_000)))), [gate]);
    let mut world = World::of(Settings { schedule_cancel_volume: Decimal::ZERO, ..settings_with_prices(&[(0, "100")]) });
    assert!(shown(&world.act(ANN, &at(Some(START + 1_000))))[0].starts_with("Scheduled cancel time too early"));
    world.place(ANN, limit(true, "99", "1", Tif::Gtc));
    world.place(BEN, limit(true, "98", "1", Tif::Gtc));
    assert_eq!(shown(&world.act(ANN, &at(Some(START + 10_000)))), ["default"]);
    world.forget();
    world.advance(9_000);
    assert_eq!(world.exchange.open_orders(ANN).len(), 1);
    world.advance(11_000);
    assert_eq!(world.updates(ANN), ["1 1 of 1 at 99: scheduledCancel"]);
    assert_eq!((world.exchange.open_orders(ANN).len(), world.exchange.open_orders(BEN).len()), (0, 1));
    world.place(ANN, limit(true, "99", "1", Tif::Gtc));
    world.act(ANN, &at(Some(START + 20_000)));
    assert_eq!(shown(&world.act(ANN, &at(None))), ["default"], "taken back");
    world.advance(30_000);
    assert_eq!(world.exchange.open_orders(ANN).len(), 1);
}

#[test]
fn an_account_has_so_many_open_orders() {
    let mut world = World::new();
    for _ in 0..OPEN_ORDERS_MIN / 200 {
        world.place_as(ANN, Grouping::Na, vec![limit(true, "99", "0.2", Tif::Gtc); 200]);
    }
    assert_eq!(world.exchange.open_orders(ANN).len(), OPEN_ORDERS_MIN);
    assert_eq!(world.place(ANN, limit(true, "99", "0.2", Tif::Gtc)), r#"{"error":"Too many open orders. asset=0"}"#);
}

#[test]
fn what_is_shown_as_of_a_time_holds_all_that_happened_by_then() {
    let mut world = World::new();
    for _ in 0..2 * AHEAD_MS_MAX {
        let shown = world.exchange.clearinghouse_state(BEN).time;
        world.place(ANN, limit(true, "99", "1", Tif::Gtc));
        world.place(BEN, limit(false, "99", "1", Tif::Gtc));
        let filled = world.exchange.fills(BEN)[0].time;
        assert!(filled > shown || filled.get() - START >= AHEAD_MS_MAX - 1, "{filled:?} after what was shown as of {shown:?}");
    }
    let ahead = world.exchange.now().get() - START;
    assert!(ahead <= AHEAD_MS_MAX, "{ahead} ms ahead of the clock");
    // No tick is passed over for it, and time goes on from there.
    world.advance(500);
    assert_eq!(world.exchange.now(), time(500));
}

//! Orders of every kind, out and back.

use super::outbox::Signed;
use super::outcome::outcome as outcome_at;
use super::*;
use crate::hyperliquid::assets::Assets;
use crate::hyperliquid::protocol::{Address, Answer, Envelope, Grouping, Order, OrderTypeWire, Tif, parse};
use crate::hyperliquid::sign::{Network, SecretKey, Terms, sign_action};
use crate::hyperliquid::tests::assets;
use calypte_kernel::{
    AccountId, AttachedExits, Command, Decimal, EventNumber, NewOrder, OrderOrigin, Price, Side, StrategyId, TimeInForce,
    Timestamp, TriggerKind, VenueEvent, VenueOrderId,
};
use proptest::prelude::*;

const KO: InstrumentId = InstrumentId::new(0);
const PEP: InstrumentId = InstrumentId::new(1);
const NOW: i64 = 1_750_000_000_000;

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(NOW + millis)
}

fn price(text: &str) -> Price {
    Price::new(text.parse().expect(text)).expect("positive")
}

fn size(text: &str) -> Size {
    Size::new(text.parse().expect(text)).expect("positive")
}

fn name(intent: u16) -> ClientOrderId {
    let origin = OrderOrigin {
        account: AccountId::new(1),
        strategy: StrategyId::new(2),
        epoch: 0,
        event: EventNumber::new(3),
        intent,
        leg: 0,
    };
    ClientOrderId::derive(origin).expect("it fits")
}

fn order(intent: u16, side: Side, kind: OrderKind) -> NewOrder {
    NewOrder {
        client_id: name(intent),
        instrument: KO,
        side,
        size: size("1.25"),
        kind,
        reduce_only: false,
        exits: None,
        expires_after: at(10_000),
    }
}

fn limit(text: &str, time_in_force: TimeInForce) -> OrderKind {
    OrderKind::Limit { price: price(text), time_in_force }
}

fn planner() -> Planner {
    let mut planner = Planner::new("0.05".parse().expect("a fraction"));
    planner.reference(KO, price("61.557"));
    planner
}

fn plan(commands: Vec<Command>) -> Plan {
    planner().plan_commands(&assets(), commands)
}

/// The one action of a plan, as JSON without its type.
fn json(plan: &Plan) -> String {
    assert_eq!((plan.batches.len(), plan.refused.len()), (1, 0), "{plan:?}");
    serde_json::to_string(&plan.batches[0].action).expect("text")
}

/// Words of the one refusal of a plan.
fn refusal(plan: &Plan) -> String {
    assert_eq!((plan.batches.len(), plan.refused.len()), (0, 1), "{plan:?}");
    match &plan.refused[0] {
        VenueEvent::Rejected { refusal, .. }
        | VenueEvent::RequestRejected { refusal, .. }
        | VenueEvent::LeverageRejected { refusal, .. }
        | VenueEvent::CancelScheduleRejected { refusal } => format!("{}: {}", refusal.code, refusal.message),
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_order_is_written_as_the_exchange_hashes_it() {
    let placed = plan(vec![Command::Place(order(7, Side::Buy, limit("61.50", TimeInForce::Gtc)))]);
    let cloid = name(7);
    assert_eq!(
        json(&placed),
        format!(
            r#"{{"type":"order","orders":[{{"a":0,"b":true,"p":"61.5","s":"1.25","r":false,"t":{{"limit":{{"tif":"Gtc"}}}},"c":"{cloid}"}}],"grouping":"na"}}"#
        )
    );
    assert_eq!(placed.batches[0].expires_after.map(Millis::timestamp), Some(at(10_000)));
}

#[test]
fn a_market_order_is_a_limit_that_stays_marketable() {
    let with_price = |side| {
        let json = json(&plan(vec![Command::Place(order(1, side, OrderKind::Market))]));
        assert!(json.contains(r#"{"limit":{"tif":"Ioc"}}"#));
        json.split(r#""p":""#).nth(1).expect("a price").split('"').next().expect("a price").to_owned()
    };
    // 64.63485 and 58.47915, five figures: away from the market.
    assert_eq!((with_price(Side::Buy), with_price(Side::Sell)), ("64.635".into(), "58.479".into()));
    let unknown = NewOrder { instrument: PEP, size: size("3"), ..order(1, Side::Buy, OrderKind::Market) };
    assert!(refusal(&plan(vec![Command::Place(unknown)])).starts_with("venue-no-price"));
    let mut reckless = Planner::new(Decimal::TEN);
    reckless.reference(KO, price("100"));
    let plan = reckless.plan_commands(&assets(), vec![Command::Place(order(1, Side::Buy, OrderKind::Market))]);
    assert!(json(&plan).contains(r#""p":"125""#), "well within what the exchange takes");
}

#[test]
fn nothing_is_rounded_that_has_a_price_of_its_own() {
    let off = |kind| refusal(&plan(vec![Command::Place(order(1, Side::Buy, kind))]));
    assert!(off(limit("61.5555", TimeInForce::Gtc)).contains("price 61.5555 does not lie on the grid of KO"));
    let trigger = |trigger_price, limit_price| OrderKind::Trigger { kind: TriggerKind::Stop, trigger_price, limit_price };
    assert!(off(trigger(price("61.55555"), None)).starts_with("venue-off-grid"));
    assert!(off(trigger(price("61.5"), Some(price("61.55555")))).starts_with("venue-off-grid"));
    let odd = NewOrder { size: size("1.255"), ..order(1, Side::Buy, limit("61.5", TimeInForce::Gtc)) };
    assert!(refusal(&plan(vec![Command::Place(odd)])).contains("more than 2 decimals"));
    assert!(off(OrderKind::TrailingStop { distance: price("1") }).starts_with("venue-no-trailing-stop"));
}

#[test]
fn a_trigger_for_the_market_has_a_worst_price_on_the_far_side() {
    let stop = OrderKind::Trigger { kind: TriggerKind::Stop, trigger_price: price("58.2"), limit_price: None };
    let json = json(&plan(vec![Command::Place(NewOrder { reduce_only: true, ..order(1, Side::Sell, stop) })]));
    assert!(json.contains(r#""p":"55.29","s":"1.25","r":true"#), "{json}");
    assert!(json.contains(r#""t":{"trigger":{"isMarket":true,"triggerPx":"58.2","tpsl":"sl"}}"#), "{json}");
}

#[test]
fn exits_go_out_with_their_order_and_are_named_after_it() {
    let exits = AttachedExits { take_profit: Some(price("70")), stop_loss: Some(price("58")) };
    let whole = NewOrder { exits: Some(exits), ..order(4, Side::Buy, limit("61.5", TimeInForce::Gtc)) };
    let plan = plan(vec![Command::Place(whole)]);
    let Action::Order { orders, grouping: Grouping::NormalTpsl, .. } = &plan.batches[0].action else { panic!("a group") };
    assert_eq!(plan.batches[0].entries, [Entry::Place { order: name(4) }, Entry::Exit, Entry::Exit]);
    let legs = orders.iter().map(|order| order.cloid.and_then(|cloid| cloid.0.origin()).expect("a name").leg);
    assert_eq!(legs.collect::<Vec<_>>(), [0, 1, 2]);
    assert!(orders[1..].iter().all(|exit| exit.reduce_only && !exit.is_buy && exit.size.to_string() == "1.25"));
    let stranger = NewOrder {
        client_id: ClientOrderId::from_bytes([9; 16]),
        exits: Some(exits),
        ..order(4, Side::Buy, OrderKind::Market)
    };
    let refused = planner().plan_commands(&assets(), vec![Command::Place(stranger)]);
    assert!(refusal(&refused).starts_with("venue-no-name"));
}

#[test]
fn cancels_go_first_and_what_is_post_only_goes_by_itself() {
    let place = |intent, tif| Command::Place(order(intent, Side::Buy, limit("61.5", tif)));
    let closing = NewOrder { reduce_only: true, ..order(5, Side::Sell, OrderKind::Market) };
    let commands = vec![
        place(1, TimeInForce::Gtc),
        place(2, TimeInForce::Alo),
        place(3, TimeInForce::Ioc),
        Command::Cancel { order: name(9), instrument: PEP, expires_after: at(4_000) },
        place(4, TimeInForce::Alo),
        Command::Place(closing),
        Command::Cancel { order: name(8), instrument: KO, expires_after: at(9_000) },
        Command::CancelOutside { venue_order: VenueOrderId::new(77), instrument: KO, expires_after: at(9_000) },
        Command::ScheduleCancel { at: Some(at(60_000)), expires_after: at(10_000) },
    ];
    let plan = plan(commands);
    let said = plan.batches.iter().map(|batch| match &batch.action {
        Action::CancelByCloid { cancels, .. } => {
            format!("cancel {:?} {:?}", cancels.iter().map(|one| one.asset).collect::<Vec<_>>(), batch.urgency)
        }
        Action::Cancel { cancels, .. } => {
            format!("cancel not ours {:?}", cancels.iter().map(|one| one.oid).collect::<Vec<_>>())
        }
        Action::Order { orders, .. } => {
            let alo = orders.iter().filter(|order| order.kind == OrderTypeWire::Limit { tif: Tif::Alo }).count();
            format!("order {} alo {alo} {:?}", orders.len(), batch.urgency)
        }
        Action::ScheduleCancel { time } => format!("schedule {time:?}"),
        other => panic!("{other:?}"),
    });
    let schedule = format!("schedule Some({})", NOW + 60_000);
    let expected = [
        "cancel [2, 0] Closing",
        "cancel not ours [77]",
        "order 2 alo 2 Opening",
        "order 1 alo 0 Closing",
        "order 2 alo 0 Opening",
        &schedule,
    ];
    assert_eq!(said.collect::<Vec<_>>(), expected);
    assert!(plan.batches[0].is_cancel() && plan.batches[1].is_cancel() && !plan.batches[2].is_cancel());
    assert_eq!(plan.batches[0].expires_after.map(Millis::timestamp), Some(at(4_000)), "the earliest");
    assert!(
        plan.batches[..5].iter().all(|batch| batch.expires_after.is_some() && batch.entries.len() == batch.action.entries())
    );
}

#[test]
fn an_order_that_is_not_ours_is_gone_where_its_cancel_says_so() {
    let batch = batch_of(&[Entry::CancelOutside { venue_order: VenueOrderId::new(77) }]);
    let gone = [VenueEvent::ExternalGone { venue_order: VenueOrderId::new(77) }];
    assert_eq!(outcome(&batch, &answer(r#""success""#)), gone);
    let never = r#"{"error":"Order was never placed, already canceled, or filled."}"#;
    assert_eq!(outcome(&batch, &answer(never)), gone);
    assert_eq!(outcome(&batch, &answer(r#"{"error":"Too many cumulative requests sent"}"#)), []);
    assert_eq!(doubted(&batch), []);
}

#[test]
fn a_batch_has_a_longest_length() {
    let many = (0..450).map(|intent| Command::Cancel { order: name(intent), instrument: KO, expires_after: at(1) });
    let plan = plan(many.collect());
    assert_eq!(plan.batches.iter().map(|batch| batch.entries.len()).collect::<Vec<_>>(), [200, 200, 50]);
}

#[test]
fn an_amend_says_all_of_an_order_again_and_asks_for_what_is_left() {
    let (assets, mut planner) = (assets(), planner());
    let amend = |kind| Command::Amend { order: name(1), instrument: KO, size: size("3"), kind, expires_after: at(5_000) };
    let unknown = planner.plan_commands(&assets, vec![amend(limit("60", TimeInForce::Gtc))]);
    assert!(refusal(&unknown).starts_with("venue-unknown-order"));
    let placed = NewOrder { reduce_only: true, ..order(1, Side::Sell, limit("61.5", TimeInForce::Gtc)) };
    planner.plan_commands(&assets, vec![Command::Place(placed)]);
    let update = |oid: u64, left: &str, whole: &str| -> Order {
        let text = format!(
            r#"{{"coin":"KO","side":"A","limitPx":"61.5","sz":"{left}","oid":{oid},"timestamp":1,"origSz":"{whole}","cloid":"{}"}}"#,
            name(1)
        );
        parse(text.as_bytes()).expect("an order")
    };
    planner.own.updated(&update(50, "0.75", "1.25"), "open");
    let plan = planner.plan_commands(&assets, vec![amend(limit("60", TimeInForce::Gtc))]);
    let text = json(&plan);
    assert!(text.contains(r#""b":false,"p":"60","s":"2.5","r":true"#) && text.ends_with(r#""a":true}"#), "{text}");
    assert!(text.contains(&format!(r#""oid":"{}""#, name(1))), "{text}");
    // The amend took effect: the old form is gone, and of the new one some filled.
    planner.own.updated(&update(50, "0.75", "1.25"), "canceled");
    planner.own.updated(&update(51, "2.25", "2.5"), "open");
    let post_only = planner.plan_commands(&assets, vec![amend(limit("62", TimeInForce::Alo))]);
    let text = json(&post_only);
    assert!(text.contains(r#""s":"2.25""#) && !text.contains(r#""a":true"#), "{text}");
    let small =
        Command::Amend { order: name(1), instrument: KO, size: size("0.75"), kind: OrderKind::Market, expires_after: at(1) };
    assert!(refusal(&planner.plan_commands(&assets, vec![small])).starts_with("venue-filled-beyond"));
}

#[test]
fn leverage_is_set_as_the_asset_allows() {
    let set = |instrument, mode| plan(vec![Command::SetLeverage { instrument, leverage: 5, mode, expires_after: at(5_000) }]);
    assert_eq!(json(&set(KO, MarginMode::Cross)), r#"{"type":"updateLeverage","asset":0,"isCross":true,"leverage":5}"#);
    assert_eq!(json(&set(PEP, MarginMode::Isolated)), r#"{"type":"updateLeverage","asset":2,"isCross":false,"leverage":5}"#);
    assert!(refusal(&set(PEP, MarginMode::Cross)).starts_with("venue-only-isolated"));
    assert!(refusal(&set(InstrumentId::new(77), MarginMode::Cross)).starts_with("venue-unknown-asset"));
}

fn batch_of(entries: &[Entry]) -> Batch {
    let expires_after = Millis::try_from(at(10_000)).ok();
    Batch { action: Action::Noop, entries: entries.to_vec(), expires_after, urgency: Urgency::Opening }
}

fn answer(statuses: &str) -> Answer {
    parse(format!(r#"{{"status":"ok","response":{{"type":"order","data":{{"statuses":[{statuses}]}}}}}}"#).as_bytes())
        .expect("an answer")
}

#[test]
fn each_order_of_a_batch_has_its_own_answer() {
    let batch = batch_of(&[Entry::Place { order: name(1) }, Entry::Place { order: name(2) }, Entry::Place { order: name(3) }]);
    let events = outcome(
        &batch,
        &answer(
            r#"{"resting":{"oid":5}},{"error":"Insufficient margin to place order. asset=0"},{"filled":{"totalSz":"1","avgPx":"2","oid":6}}"#,
        ),
    );
    assert_eq!(events[0], VenueEvent::Accepted { order: name(1), venue_order: VenueOrderId::new(5) });
    assert!(
        matches!(&events[1], VenueEvent::Rejected { order, refusal } if *order == name(2) && refusal.code == "venue-no-money")
    );
    assert_eq!(events[2], VenueEvent::Accepted { order: name(3), venue_order: VenueOrderId::new(6) });
    // One error can stand for all of them; anything else that does not fit leaves all of them in doubt.
    let one = outcome(&batch, &answer(r#"{"error":"Order has invalid price."}"#));
    assert!(one.len() == 3 && one.iter().all(|event| matches!(event, VenueEvent::Rejected { .. })));
    for odd in ["", r#"{"resting":{"oid":5}}"#, r#""success","success""#] {
        let events = outcome(&batch, &answer(odd));
        assert_eq!(events, [1, 2, 3].map(|intent| VenueEvent::Unanswered { order: name(intent) }), "{odd}");
    }
    let novel = outcome(&batch_of(&[Entry::Place { order: name(1) }]), &answer(r#"{"novelty":{}}"#));
    assert_eq!(novel, [VenueEvent::Unanswered { order: name(1) }]);
}

#[test]
fn a_refusal_of_the_whole_is_one_of_each_unless_it_proves_that_it_ran() {
    let batch = batch_of(&[Entry::Place { order: name(1) }, Entry::Cancel { order: name(2) }]);
    let refused = outcome(&batch, &Answer::Err("Must deposit before performing actions. User: 0x".into()));
    assert!(matches!(&refused[0], VenueEvent::Rejected { refusal, .. } if refusal.code == "venue-not-funded"));
    assert!(matches!(&refused[1], VenueEvent::RequestRejected { order, .. } if *order == name(2)));
    let twice = outcome(&batch, &Answer::Err("Invalid nonce: duplicate nonce 5".into()));
    assert_eq!(twice, [1, 2].map(|intent| VenueEvent::Unanswered { order: name(intent) }));
}

#[test]
fn a_cancel_that_lost_the_race_leaves_open_what_became_of_the_order() {
    let batch = batch_of(&[Entry::Cancel { order: name(1) }, Entry::Cancel { order: name(2) }]);
    let events =
        outcome(&batch, &answer(r#""success",{"error":"Order was never placed, already canceled, or filled. asset=0"}"#));
    assert!(matches!(&events[0], VenueEvent::Cancelled { order, venue_order: None, .. } if *order == name(1)));
    assert!(matches!(&events[1], VenueEvent::RequestRejected { order, .. } if *order == name(2)));
    assert_eq!(events[2], VenueEvent::Unanswered { order: name(2) });
}

#[test]
fn answers_without_statuses_are_for_what_has_none() {
    let done: Answer = parse(br#"{"status":"ok","response":{"type":"default"}}"#).expect("an answer");
    let leverage = Entry::Leverage { instrument: KO, leverage: 5, mode: MarginMode::Cross };
    assert!(matches!(outcome(&batch_of(&[leverage]), &done)[..], [VenueEvent::LeverageSet { leverage: 5, .. }]));
    assert_eq!(outcome(&batch_of(&[Entry::Schedule { at: None }]), &done), [VenueEvent::CancelScheduled { at: None }]);
    assert!(matches!(outcome(&batch_of(&[Entry::Place { order: name(1) }]), &done)[..], [VenueEvent::Unanswered { .. }]));
    let amend = Entry::Amend { order: name(1), size: size("2"), kind: limit("61", TimeInForce::Gtc) };
    let amended = outcome(&batch_of(&[amend]), &answer(r#"{"resting":{"oid":9}}"#));
    assert!(matches!(amended[..], [VenueEvent::Amended { venue_order, .. }] if venue_order == VenueOrderId::new(9)));
}

/// What an answer says, whenever.
fn outcome(batch: &Batch, answer: &Answer) -> Vec<VenueEvent> {
    outcome_at(batch, answer, at(0))
}

fn signed(entries: &[Entry], nonce: u64) -> Signed {
    let batch = batch_of(entries);
    let key = SecretKey::from_bytes(&[7; 32]).expect("a key");
    let terms = Terms { nonce, vault: Some(Address::from_bytes([1; 20])), expires_after: batch.expires_after };
    Signed { envelope: sign_action(&key, Network::Testnet, batch.action.clone(), terms), batch }
}

fn sent(steps: &[Step]) -> (u64, Lane, &Envelope) {
    match steps {
        [Step::Send { id, lane, envelope, .. }] => (*id, *lane, envelope),
        other => panic!("{other:?}"),
    }
}

fn told(steps: &[Step]) -> &[VenueEvent] {
    match steps {
        [Step::Tell(events)] => events,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_same_bytes_go_out_again_and_a_duplicate_is_asked_after() {
    let mut outbox = Outbox::default();
    let signed = signed(&[Entry::Place { order: name(1) }], 5);
    let first = outbox.submit(at(0), signed.clone(), true);
    let (id, lane, envelope) = sent(&first);
    assert_eq!((lane, envelope), (Lane::Socket, &signed.envelope));
    let second = outbox.socket_lost(at(500));
    assert_eq!(sent(&second), (id, Lane::Rest, &signed.envelope), "the same, over the other lane");
    assert_eq!(outbox.next_wake(), Some(at(500 + 3_000)));
    let steps = outbox.answered(at(900), id, &Answer::Err("Invalid nonce: duplicate nonce 5".into()));
    assert_eq!(told(&steps), [VenueEvent::Unanswered { order: name(1) }]);
    assert!(outbox.is_empty() && outbox.answered(at(901), id, &answer(r#"{"resting":{"oid":5}}"#)).is_empty());
}

#[test]
fn a_repeat_that_runs_is_an_answer_like_any_other() {
    let mut outbox = Outbox::default();
    outbox.submit(at(0), signed(&[Entry::Place { order: name(1) }], 5), true);
    assert_eq!(outbox.wake(at(2_999)), []);
    let again = outbox.wake(at(3_000));
    let (id, lane, _) = sent(&again);
    assert_eq!(lane, Lane::Rest);
    let steps = outbox.answered(at(3_500), id, &answer(r#"{"resting":{"oid":5}}"#));
    assert_eq!(told(&steps), [VenueEvent::Accepted { order: name(1), venue_order: VenueOrderId::new(5) }]);
}

#[test]
fn what_is_not_answered_before_its_expiry_is_in_doubt() {
    let mut outbox = Outbox::default();
    outbox.submit(at(0), signed(&[Entry::Place { order: name(1) }], 5), false);
    for time in [3_000, 6_000] {
        assert_eq!(sent(&outbox.wake(at(time))).1, Lane::Rest);
    }
    assert_eq!(told(&outbox.wake(at(9_000))), [VenueEvent::Unanswered { order: name(1) }], "a late one costs five");
}

#[test]
fn a_repeat_without_room_waits_and_is_no_try() {
    let mut outbox = Outbox::default();
    outbox.submit(at(0), signed(&[Entry::Place { order: name(1) }], 1), true);
    outbox.not_let_through(at(100), 0, "429");
    let again = outbox.wake(at(1_100));
    assert!(matches!(again[..], [Step::Send { id: 0, again: Some((1, _)), .. }]), "its weight is to be taken: {again:?}");
    for wait in 0..10 {
        outbox.postpone(at(1_200 + wait * 100), 0);
        assert_eq!(outbox.next_wake(), Some(at(1_200 + wait * 100)));
        assert_eq!(sent(&outbox.wake(at(1_200 + wait * 100))).0, 0, "what did not leave does not count as a try");
    }
    outbox.postpone(at(9_000), 0);
    let events = outbox.wake(at(9_000));
    assert!(
        matches!(told(&events), [VenueEvent::Rejected { .. }]),
        "it never left again, and the first was refused: {events:?}"
    );
}

#[test]
fn what_was_never_let_in_is_refused_and_not_in_doubt() {
    let mut outbox = Outbox::default();
    outbox.submit(at(0), signed(&[Entry::Place { order: name(1) }], 5), false);
    let mut now = 0;
    let end = loop {
        assert_eq!(outbox.answered(at(now), 0, &Answer::Err("429 Too Many Requests".into())), []);
        now += 1_000;
        let steps = outbox.wake(at(now));
        if matches!(steps[..], [Step::Tell(_)]) {
            break steps;
        }
        assert_eq!(sent(&steps).1, Lane::Rest);
    };
    assert!(matches!(told(&end), [VenueEvent::Rejected { refusal, .. }] if refusal.code == "venue-rate-limited"));
    // Where one of the tries may have got in, it is in doubt.
    outbox.submit(at(0), signed(&[Entry::Place { order: name(2) }], 6), false);
    assert_eq!(sent(&outbox.wake(at(3_000))).1, Lane::Rest);
    assert_eq!(outbox.not_let_through(at(3_100), 1, "429"), []);
    assert_eq!(told(&outbox.wake(at(9_500))), [VenueEvent::Unanswered { order: name(2) }]);
}

#[test]
fn a_duplicate_proves_nothing_once_too_many_later_nonces_were_used() {
    let mut outbox = Outbox::default();
    outbox.submit(at(0), signed(&[Entry::Place { order: name(1) }], 5), true);
    for nonce in 0..100 {
        outbox.submit(at(1), signed(&[Entry::Schedule { at: None }], 6 + nonce), true);
        outbox.answered(at(2), nonce + 1, &Answer::Err("No.".into()));
    }
    assert_eq!(told(&outbox.lost(at(3), 0)), [VenueEvent::Unanswered { order: name(1) }]);
}

#[test]
fn an_amend_that_a_later_one_overtook_is_not_sent_again() {
    let amend = |order| {
        let price = Price::new("60".parse().expect("a number")).expect("positive");
        Entry::Amend { order, size: size("1"), kind: OrderKind::Limit { price, time_in_force: TimeInForce::Gtc } }
    };
    let mut outbox = Outbox::default();
    outbox.submit(at(0), signed(&[amend(name(1))], 5), true);
    outbox.submit(at(0), signed(&[amend(name(2))], 6), true);
    outbox.submit(at(10), signed(&[amend(name(1))], 7), true);
    assert_eq!(
        told(&outbox.lost(at(20), 0)),
        [VenueEvent::Unanswered { order: name(1) }],
        "sent again, it would undo the later"
    );
    assert_eq!(sent(&outbox.lost(at(20), 1)).1, Lane::Rest, "that of another order is");
    assert_eq!(sent(&outbox.lost(at(20), 2)).1, Lane::Rest, "and the last one is");
}

/// What may happen to an action on its way.
#[derive(Debug, Clone, Copy)]
enum Happens {
    Pass(i64),
    Accepted,
    Duplicate,
    TooMany,
    NotSent,
    Lost,
    SocketLost,
}

fn happenings() -> impl Strategy<Value = Vec<Happens>> {
    let one = prop_oneof![
        3 => (0_i64..4_000).prop_map(Happens::Pass),
        1 => Just(Happens::Accepted),
        1 => Just(Happens::Duplicate),
        1 => Just(Happens::TooMany),
        1 => Just(Happens::NotSent),
        1 => Just(Happens::Lost),
        1 => Just(Happens::SocketLost),
    ];
    prop::collection::vec(one, 0..30)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_bytes_are_the_same_in_time_and_told_of_once(happenings in happenings()) {
        let mut outbox = Outbox::default();
        let original = signed(&[Entry::Place { order: name(1) }], 5);
        let (mut now, mut ends, mut sends, mut may_have_run) = (0, Vec::new(), 0, false);
        let mut take = |steps: Vec<Step>, now: i64| {
            for step in steps {
                match step {
                    Step::Send { envelope, .. } => {
                        assert_eq!(*envelope, original.envelope);
                        assert!(now < 9_000, "late at {now}");
                        sends += 1;
                    }
                    Step::Tell(events) => ends.extend(events),
                }
            }
        };
        take(outbox.submit(at(0), original.clone(), true), 0);
        for happens in happenings.into_iter().chain([Happens::Pass(40_000); 8]) {
            let waiting = !outbox.is_empty();
            let steps = match happens {
                Happens::Pass(millis) => {
                    now += millis;
                    outbox.wake(at(now))
                }
                Happens::Accepted => outbox.answered(at(now), 0, &answer(r#"{"resting":{"oid":5}}"#)),
                Happens::Duplicate => outbox.answered(at(now), 0, &Answer::Err("Invalid nonce: duplicate nonce 5".into())),
                Happens::TooMany => outbox.answered(at(now), 0, &Answer::Err("429".into())),
                Happens::NotSent => outbox.not_let_through(at(now), 0, "the connection was refused"),
                Happens::Lost => outbox.lost(at(now), 0),
                Happens::SocketLost => outbox.socket_lost(at(now)),
            };
            may_have_run |= waiting && matches!(happens, Happens::Lost | Happens::SocketLost);
            take(steps, now);
        }
        prop_assert!(outbox.is_empty() && ends.len() == 1 && sends <= 1 + REPEATS_MAX);
        if may_have_run {
            prop_assert!(!matches!(ends[0], VenueEvent::Rejected { .. }), "it may have run: {:?}", ends[0]);
        }
    }
}

#[test]
fn the_universe_of_the_tests_is_what_the_orders_here_go_by() {
    let assets: Assets = assets();
    assert_eq!((assets.of(KO).map(|asset| asset.number), assets.of(PEP).map(|asset| asset.number)), (Some(0), Some(2)));
}

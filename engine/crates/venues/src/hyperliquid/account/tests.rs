//! What an account sends, and in which order.

use super::*;
use crate::hyperliquid::budget::{Egress, EgressLimits};
use crate::hyperliquid::order::{ANSWER_MS_MAX, Planner};
use crate::hyperliquid::protocol::{Action, Answer, PostAnswer, UserRateLimit, parse};
use crate::hyperliquid::sign::{Network, Nonces, SecretKey};
use crate::hyperliquid::tests::assets;
use calypte_kernel::{
    AccountId, ClientOrderId, Command, EventNumber, InstrumentId, NewOrder, OrderKind, OrderOrigin, Price, Side, Size,
    StrategyId, TimeInForce,
};

const KO: InstrumentId = InstrumentId::new(0);
const USER: Address = Address::from_bytes([0xaa; 20]);

fn at(millis: u64) -> Timestamp {
    Timestamp::from_millis(1_750_000_000_000).saturating_add(millis)
}

struct Rig {
    actions: Actions,
    egress: Egress,
    assets: Assets,
    folder: tempfile::TempDir,
}

fn rig() -> Rig {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let key = SecretKey::from_bytes(&[7; 32]).expect("a key");
    let nonces = Nonces::open(&folder.path().join("nonces")).expect("a new file");
    let signer = Signer { key, nonces, network: Network::Testnet, vault: None };
    let actions = Actions::new(signer, Planner::new("0.05".parse().expect("a fraction")));
    Rig { actions, egress: Egress::new(EgressLimits::default()), assets: assets(), folder }
}

fn name(intent: u16) -> ClientOrderId {
    let (account, strategy) = (AccountId::new(1), StrategyId::new(2));
    let origin = OrderOrigin { account, strategy, epoch: 0, event: EventNumber::new(3), intent, leg: 0 };
    ClientOrderId::derive(origin).expect("it fits")
}

fn place(intent: u16, time_in_force: TimeInForce, reduce_only: bool) -> Command {
    let price = Price::new("61.5".parse().expect("a number")).expect("positive");
    Command::Place(NewOrder {
        client_id: name(intent),
        instrument: KO,
        side: Side::Buy,
        size: Size::new(calypte_kernel::Decimal::ONE).expect("positive"),
        kind: OrderKind::Limit { price, time_in_force },
        reduce_only,
        exits: None,
        expires_after: at(20_000),
    })
}

fn cancel(intent: u16) -> Command {
    Command::Cancel { order: name(intent), instrument: KO, expires_after: at(20_000) }
}

impl Rig {
    fn around(&mut self, millis: u64) -> (&mut Actions, Around<'_>) {
        let around = Around { now: at(millis), assets: &self.assets, egress: &mut self.egress, socket: true };
        (&mut self.actions, around)
    }

    fn take(&mut self, millis: u64, commands: Vec<Command>) -> Vec<String> {
        let (actions, mut around) = self.around(millis);
        actions.take(&mut around, commands);
        self.steps()
    }

    fn wake(&mut self, millis: u64) -> Vec<String> {
        let (actions, around) = self.around(millis);
        actions.wake(around);
        self.steps()
    }

    fn answered(&mut self, millis: u64, id: u64, text: &str) -> Vec<String> {
        let answer: Answer = parse(text.as_bytes()).expect("an answer");
        let (actions, around) = self.around(millis);
        actions.post_answered(around, id, &PostAnswer::Action(answer));
        self.steps()
    }

    /// What is to be done, in short.
    fn steps(&mut self) -> Vec<String> {
        let steps = std::iter::from_fn(|| self.actions.poll());
        let short = |action: &Action| match action {
            Action::Order { orders, .. } => format!("{} orders", orders.len()),
            Action::CancelByCloid { cancels, .. } => format!("{} cancels", cancels.len()),
            other => format!("{other:?}"),
        };
        steps
            .map(|step| match step {
                ActionStep::Post { id, envelope } => format!("post {id}: {}", short(&envelope.action)),
                ActionStep::Rest { id, envelope } => format!("rest {id}: {}", short(&envelope.action)),
                ActionStep::Tell(News::Venue(VenueEvent::Rejected { order, refusal })) => {
                    let intent = order.origin().map(|origin| origin.intent);
                    format!("{}: {}", intent.expect("it is ours"), refusal.code)
                }
                ActionStep::Tell(News::Notice(notice)) => format!("{notice:?}"),
                ActionStep::Tell(other) => format!("{other:?}"),
            })
            .collect()
    }
}

#[test]
fn the_first_goes_at_once_and_those_right_after_it_together() {
    let mut rig = rig();
    assert_eq!(rig.take(0, vec![place(0, TimeInForce::Gtc, false)]), ["post 0: 1 orders"]);
    assert_eq!(rig.take(10, vec![place(1, TimeInForce::Gtc, false)]), Vec::<String>::new());
    assert_eq!(rig.take(40, vec![place(2, TimeInForce::Gtc, false)]), Vec::<String>::new());
    assert_eq!((rig.actions.next_wake(), rig.actions.unanswered()), (Some(at(COALESCE_MS)), 3));
    assert_eq!(rig.wake(COALESCE_MS), ["post 1: 2 orders"]);
    assert_eq!(
        rig.take(COALESCE_MS + 10, vec![place(3, TimeInForce::Gtc, true)]),
        ["post 2: 1 orders"],
        "what closes goes at once"
    );
}

#[test]
fn a_cancel_goes_at_once_and_after_the_order_that_it_ends() {
    let mut rig = rig();
    rig.take(0, vec![place(0, TimeInForce::Gtc, false)]);
    rig.take(10, vec![place(1, TimeInForce::Gtc, false)]);
    assert_eq!(rig.take(20, vec![cancel(1)]), ["post 1: 1 orders", "post 2: 1 cancels"]);
}

#[test]
fn what_has_no_budget_waits_for_it_as_long_as_it_may_be_admitted() {
    let mut rig = rig();
    let limit = r#"{"cumVlm":"1","nRequestsUsed":10000,"nRequestsCap":10000}"#;
    rig.actions.ledger.learn(&parse::<UserRateLimit>(limit.as_bytes()).expect("a limit"), 0);
    assert_eq!(rig.take(0, vec![place(0, TimeInForce::Gtc, false)]), Vec::<String>::new(), "it waits");
    let closing = rig.take(1, vec![place(1, TimeInForce::Gtc, true)]);
    assert!(closing.contains(&"post 0: 1 orders".to_owned()), "one in ten seconds, for closing: {closing:?}");
    let cancels = rig.take(2, vec![cancel(7)]);
    assert_eq!(cancels, ["post 1: 1 cancels"], "cancels have more room");
    assert_eq!(
        rig.take(3, vec![cancel(0)]),
        ["0: venue-no-budget", "post 2: 1 cancels"],
        "and an order that waits is not sent after its end"
    );
    rig.take(4, vec![place(4, TimeInForce::Gtc, false)]);
    let told: Vec<String> =
        (0..30).flat_map(|second| rig.wake(5 + second * 1_000)).filter(|step| step.starts_with('4')).collect();
    assert_eq!(told, ["4: venue-no-budget"], "said once it would come too late");
}

#[test]
fn pitfall_28_after_an_upgrade_only_what_rests_is_sent_for_a_while() {
    let mut rig = rig();
    rig.take(0, vec![place(0, TimeInForce::Ioc, false)]);
    let refused = r#"{"status":"ok","response":{"type":"order","data":{"statuses":[
        {"error":"Only post-only orders allowed immediately after a network upgrade. asset=0"}]}}}"#;
    assert_eq!(rig.answered(500, 0, refused), ["0: venue-post-only-phase"]);
    assert_eq!(rig.take(1_000, vec![place(1, TimeInForce::Ioc, false)]), ["1: venue-post-only-phase"], "without being sent");
    assert_eq!(rig.take(1_100, vec![place(2, TimeInForce::Alo, false)]), ["post 1: 1 orders"]);
    assert_eq!(rig.take(1_200, vec![place(3, TimeInForce::Ioc, true)]), ["post 2: 1 orders"], "closing is always tried");
    assert_eq!(rig.take(500 + POST_ONLY_PHASE_MS, vec![place(4, TimeInForce::Ioc, false)]), ["post 3: 1 orders"]);
}

#[test]
fn pitfall_18_with_a_wrong_clock_nothing_is_opened_and_everything_closed() {
    let mut rig = rig();
    rig.actions.clock_wrong = Some("our clock is 5000 ms ahead".into());
    assert_eq!(rig.take(0, vec![place(0, TimeInForce::Gtc, false)]), ["0: venue-clock-wrong"]);
    assert_eq!(rig.take(1, vec![place(1, TimeInForce::Gtc, true)]), ["post 0: 1 orders"]);
}

#[test]
fn pitfall_20_a_stranger_and_an_agent_that_is_gone_are_told_apart() {
    let mut rig = rig();
    rig.take(0, vec![place(0, TimeInForce::Gtc, false)]);
    let ours = rig.actions.signer();
    let words = format!(r#"{{"status":"err","response":"User or API Wallet {ours} does not exist."}}"#);
    let told = rig.answered(500, 0, &words);
    assert!(
        told.iter().any(|step| step.contains("approve another")) && told.contains(&"0: venue-wrong-signer".to_owned()),
        "{told:?}"
    );
    rig.take(1_000, vec![place(1, TimeInForce::Gtc, false)]);
    let words = format!(r#"{{"status":"err","response":"User or API Wallet {USER} does not exist."}}"#);
    assert!(rig.answered(1_500, 1, &words).iter().any(|step| step.contains("stranger")));
}

#[test]
fn a_post_without_an_answer_gives_its_place_back() {
    let mut rig = rig();
    for number in 0..100 {
        rig.take(number * 200, vec![place(u16::try_from(number).expect("small"), TimeInForce::Gtc, true)]);
    }
    let (actions, around) = rig.around(20_000);
    actions.socket_lost(around);
    rig.steps();
    assert_eq!(rig.egress.post(crate::hyperliquid::budget::Urgency::Closing), Ok(()), "none waits any more");
    assert!(ANSWER_MS_MAX > 0 && rig.actions.unanswered() < 100, "those that are too old are given up");
}

fn desk(rig: Rig) -> (AccountDesk, Assets, tempfile::TempDir) {
    (AccountDesk::new(USER, Collateral::Perpetuals, rig.actions, at(0), None), rig.assets, rig.folder)
}

fn frame(desk: &mut AccountDesk, assets: &Assets, text: &str) -> Vec<News> {
    let mut news = Vec::new();
    desk.frame(at(10), assets, &ServerFrame::parse(text.as_bytes()).expect("a frame"), &mut news);
    news
}

#[test]
fn money_that_moved_is_told_once_and_what_is_history_never() {
    let (mut desk, assets, _folder) = desk(rig());
    let moved = |time: u64, hash: &str| {
        format!(
            r#"{{"channel":"userNonFundingLedgerUpdates","data":{{"user":"{USER}","isSnapshot":true,"nonFundingLedgerUpdates":[
            {{"time":{time},"hash":"{hash}","delta":{{"type":"deposit","usdc":"5"}}}}]}}}}"#
        )
    };
    assert_eq!(frame(&mut desk, &assets, &moved(1_749_999_999_999, "0x1")).len(), 0, "from before it was opened");
    assert_eq!(frame(&mut desk, &assets, &moved(1_750_000_000_001, "0x2")).len(), 1);
    assert_eq!(frame(&mut desk, &assets, &moved(1_750_000_000_001, "0x2")).len(), 0, "told again after a reconnect");
    assert_eq!(frame(&mut desk, &assets, &moved(1_750_000_000_001, "0x3")).len(), 1, "another of that moment");
}

#[test]
fn pitfall_9_a_position_without_leverage_is_asked_after_and_once() {
    let (mut desk, assets, _folder) = desk(rig());
    let state = format!(
        r#"{{"channel":"clearinghouseState","data":{{"dex":"","user":"{USER}","clearinghouseState":{{"time":1750000000005,
        "assetPositions":[{{"type":"oneWay","position":{{"coin":"KO","szi":"2"}}}}]}}}}}}"#
    );
    let news = frame(&mut desk, &assets, &state);
    let unknown = |news: &News| matches!(news, News::Venue(VenueEvent::Position(report)) if report.instrument == KO && report.leverage.is_none());
    assert!(news.iter().any(unknown), "{news:?}");
    assert_eq!(desk.inquiries.due(at(10), true), [Inquiry::Leverage(KO)]);
    desk.inquiries.leverage_done(at(20), KO, true);
    frame(&mut desk, &assets, &state);
    assert_eq!(desk.inquiries.due(at(30), true), []);
}

#[test]
fn a_frame_of_another_account_changes_nothing() {
    let (mut desk, assets, _folder) = desk(rig());
    let other = Address::from_bytes([0xbb; 20]);
    let text = format!(
        r#"{{"channel":"userFundings","data":{{"user":"{other}","fundings":[{{"time":1750000000005,"coin":"KO","usdc":"1","fundingRate":"0"}}]}}}}"#
    );
    assert_eq!(frame(&mut desk, &assets, &text), []);
    assert_eq!(frame(&mut desk, &assets, &text.replace(&other.to_string(), &USER.to_string())).len(), 1);
}

#[test]
fn everything_is_asked_for_again_until_it_is_answered_and_then_now_and_then() {
    let mut inquiries = Inquiries::new(at(0));
    assert_eq!(inquiries.due(at(0), true), []);
    inquiries.everything();
    assert_eq!(inquiries.due(at(0), false), [], "not before the feeds flow");
    assert_eq!(inquiries.due(at(0), true), [Inquiry::Everything]);
    assert_eq!(inquiries.due(at(1), true), [], "it is out");
    inquiries.everything_done(at(100), false, 0);
    assert_eq!(inquiries.next_wake(true), Some(at(2_100)));
    assert_eq!(inquiries.due(at(2_100), true), [Inquiry::Everything]);
    inquiries.everything_done(at(2_200), true, 7);
    assert_eq!(inquiries.next_wake(true), Some(at(2_200 + RECONCILE_MS + 7)));
    inquiries.poll();
    assert_eq!(inquiries.due(at(2_200 + RECONCILE_MS + 7), true), [Inquiry::Everything]);
    inquiries.everything_done(at(400_000), true, 3);
    assert_eq!(inquiries.next_wake(true), Some(at(400_000 + POLL_MS + 3)));
}

#[test]
fn pitfall_4_and_5_a_fill_told_again_is_the_same_and_two_of_one_number_are_two() {
    let (mut desk, assets, _folder) = desk(rig());
    let fill = |oid: u64| {
        format!(
            r#"{{"coin":"KO","px":"61","sz":"1","side":"B","time":1750000000005,"oid":{oid},"tid":0,"crossed":true,"fee":"0"}}"#
        )
    };
    let told = |desk: &mut AccountDesk, snapshot: bool, rows: &str| -> Vec<(u64, u64)> {
        let text = format!(r#"{{"channel":"userFills","data":{{"user":"{USER}","isSnapshot":{snapshot},"fills":[{rows}]}}}}"#);
        let names = frame(desk, &assets, &text).into_iter().map(|news| match news {
            News::Venue(VenueEvent::Fill(fill)) => (fill.venue_order.get(), fill.trade_id.get()),
            other => panic!("{other:?}"),
        });
        names.collect()
    };
    let both = format!("{},{}", fill(7), fill(8));
    assert_eq!(told(&mut desk, false, &both), [(7, 0), (8, 0)]);
    assert_eq!(told(&mut desk, true, &both), [(7, 0), (8, 0)], "by these two numbers the core knows them again");
    let old = both.replace("1750000000005", "1749999000000");
    assert_eq!(told(&mut desk, true, &old), [], "history from long before is none of its business");
}

fn update(name: ClientOrderId, oid: u64, (sz, orig_sz): (&str, &str), status: &str) -> ServerFrame {
    let order = format!(
        r#"{{"coin":"KO","side":"B","limitPx":"61.5","sz":"{sz}","oid":{oid},"timestamp":1,"origSz":"{orig_sz}","cloid":"{}","reduceOnly":true}}"#,
        crate::hyperliquid::protocol::Cloid(name)
    );
    let frame = format!(
        r#"{{"channel":"orderUpdates","data":[{{"order":{order},"status":"{status}","statusTimestamp":1750000000001}}]}}"#
    );
    ServerFrame::parse(frame.as_bytes()).expect("an update")
}

fn fill_of(name: ClientOrderId, oid: u64, size: &str) -> ServerFrame {
    let cloid = crate::hyperliquid::protocol::Cloid(name);
    let frame = format!(
        r#"{{"channel":"userFills","data":{{"user":"{USER}","fills":[{{"coin":"KO","px":"61.5","sz":"{size}","side":"B","time":1750000000002,"oid":{oid},"tid":{oid}7,"crossed":true,"fee":"0","cloid":"{cloid}"}}]}}}}"#
    );
    ServerFrame::parse(frame.as_bytes()).expect("a fill")
}

fn heard(desk: &mut AccountDesk, assets: &Assets, frame: &ServerFrame) -> Vec<VenueEvent> {
    let mut news = Vec::new();
    desk.frame(at(1), assets, frame, &mut news);
    let venue = |news| if let News::Venue(event) = news { Some(event) } else { None };
    news.into_iter().filter_map(venue).collect()
}

#[test]
fn pitfall_27_an_order_that_was_cut_to_the_position_and_filled_is_asked_after() {
    let mut rig = rig();
    rig.take(0, vec![place(0, TimeInForce::Gtc, true), place(1, TimeInForce::Gtc, true)]);
    let Rig { actions, assets, .. } = rig;
    let mut desk = AccountDesk::new(USER, Collateral::Perpetuals, actions, at(0), None);
    let doubts = |events: &[VenueEvent]| events.iter().filter(|event| matches!(event, VenueEvent::Unanswered { .. })).count();
    // It fills as it was placed, in two parts; the word on each comes before its fill, or after it.
    for (frame, words) in [
        (update(name(0), 50, ("0.6", "1.0"), "open"), "before the first fill"),
        (fill_of(name(0), 50, "0.4"), "the first fill"),
        (fill_of(name(0), 50, "0.6"), "the second fill"),
        (update(name(0), 50, ("0.0", "1.0"), "filled"), "after the second fill"),
    ] {
        assert_eq!(doubts(&heard(&mut desk, &assets, &frame)), 0, "{words}");
    }
    // The position shrinks below it, and what is left of it fills: its fills will never add up to its size.
    assert_eq!(doubts(&heard(&mut desk, &assets, &update(name(1), 51, ("0.3", "1.0"), "open"))), 0);
    assert_eq!(doubts(&heard(&mut desk, &assets, &fill_of(name(1), 51, "0.3"))), 0);
    assert_eq!(doubts(&heard(&mut desk, &assets, &update(name(1), 51, ("0.0", "1.0"), "filled"))), 1);
}

#[test]
fn an_exit_is_told_to_live_when_its_order_has_filled_and_only_then() {
    let mut rig = rig();
    let Command::Place(order) = place(0, TimeInForce::Gtc, false) else { unreachable!("it is one") };
    let price = |text: &str| Some(Price::new(text.parse().expect("a number")).expect("positive"));
    let exits = calypte_kernel::AttachedExits { take_profit: price("70"), stop_loss: price("50") };
    rig.take(0, vec![Command::Place(NewOrder { exits: Some(exits), ..order })]);
    let Rig { actions, assets, .. } = rig;
    let mut desk = AccountDesk::new(USER, Collateral::Perpetuals, actions, at(0), None);
    let origin = name(0).origin().expect("it is ours");
    let stop = ClientOrderId::derive(OrderOrigin { leg: 2, ..origin }).expect("it fits");
    let is_alive = |event: &VenueEvent| matches!(event, VenueEvent::ExitLive { order, side: Side::Sell, .. } if *order == stop);
    assert!(!heard(&mut desk, &assets, &update(name(0), 50, ("1.0", "1.0"), "open")).iter().any(is_alive));
    assert!(heard(&mut desk, &assets, &update(stop, 51, ("1.0", "1.0"), "open")).iter().any(is_alive));
    let again = heard(&mut desk, &assets, &update(stop, 51, ("0.5", "1.0"), "open"));
    assert!(matches!(again[..], [VenueEvent::Accepted { order, .. }] if order == stop), "{again:?}");
}

#[test]
fn a_fill_that_was_missed_is_asked_for_however_many_came_after_it() {
    let Rig { actions, assets, folder: _folder, .. } = rig();
    let mut desk = AccountDesk::new(USER, Collateral::Perpetuals, actions, at(0), None);
    let since = desk.fills_since();
    // Long after what was missed, one comes.
    let late = format!(
        r#"{{"channel":"userFills","data":{{"user":"{USER}","fills":[{{"coin":"KO","px":"61.5","sz":"1","side":"B","time":1750000900000,"oid":1,"tid":2,"crossed":true,"fee":"0"}}]}}}}"#
    );
    let late = ServerFrame::parse(late.as_bytes()).expect("a fill");
    assert_eq!(heard(&mut desk, &assets, &late).len(), 1);
    assert_eq!(desk.fills_since(), since);
    let snapshot = calypte_kernel::AccountSnapshot { time: at(900_000), ..calypte_kernel::AccountSnapshot::default() };
    desk.found(at(900_000), &snapshot);
    assert_eq!(desk.fills_since(), at(900_000 - FILLS_OVERLAP_MS), "all up to then are known");
}

#[test]
fn a_fill_without_the_number_of_its_trade_is_asked_for_and_not_counted() {
    let Rig { actions, assets, folder: _folder, .. } = rig();
    let mut desk = AccountDesk::new(USER, Collateral::Perpetuals, actions, at(0), None);
    let fill = format!(
        r#"{{"channel":"userFills","data":{{"user":"{USER}","fills":[{{"coin":"KO","px":"61.5","sz":"1","side":"B","time":1750000000002,"oid":1,"crossed":true,"fee":"0"}}]}}}}"#
    );
    assert_eq!(heard(&mut desk, &assets, &ServerFrame::parse(fill.as_bytes()).expect("a fill")), []);
    assert_eq!(desk.inquiries.due(at(1), true), [Inquiry::Everything], "it would count twice when it comes with its number");
}

#[test]
fn a_refusal_has_one_code_whether_the_update_or_the_answer_comes_first() {
    let mut rig = rig();
    rig.take(0, vec![place(0, TimeInForce::Alo, false)]);
    let Rig { actions, assets, .. } = rig;
    let mut desk = AccountDesk::new(USER, Collateral::Perpetuals, actions, at(0), None);
    for (status, code) in [("badAloPxRejected", "venue-would-trade"), ("somethingNewRejected", "venue-rejected")] {
        let events = heard(&mut desk, &assets, &update(name(0), 50, ("1.0", "1.0"), status));
        assert!(matches!(&events[..], [VenueEvent::Rejected { refusal, .. }] if refusal.code == code), "{events:?}");
    }
    let words = "Post only order would have immediately matched, bbo was 61.5@61.6.";
    assert_eq!(crate::hyperliquid::protocol::RefusalClass::of(words).code(), "venue-would-trade");
}

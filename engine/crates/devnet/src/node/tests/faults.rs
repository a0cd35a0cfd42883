//! What goes wrong on demand.

use super::*;
use crate::faults::FaultKind;

fn only(kind: FaultKind, name: &str) -> Fault {
    Fault { only: Some(name.into()), ..Fault::new(kind) }
}

/// A desk with a socket that hears of books twice a second, and this fault.
fn struck(fault: Fault) -> (Desk, SessionId) {
    let mut desk = Desk::new();
    let id = desk.connect();
    desk.subscribe(id, &json!({ "type": "l2Book", "coin": "BTC", "fast": true }));
    desk.heard(id);
    desk.node.order_fault(fault).expect("a fault");
    (desk, id)
}

#[test]
fn a_cut_ends_every_socket_at_its_time() {
    let (mut desk, id) = struck(Fault { after_ms: 1_200, ..Fault::new(FaultKind::Cut) });
    desk.pass(10_000);
    assert_eq!(desk.channels(id), ["l2Book", "l2Book", "cut"]);
    let again = desk.connect();
    desk.pass(10_000);
    assert!(desk.heard(again).is_empty(), "once");
}

#[test]
fn a_cut_of_one_account_leaves_others() {
    let mut desk = Desk::new();
    let (mine, other) = (desk.connect(), desk.connect());
    desk.subscribe(mine, &json!({ "type": "orderUpdates", "user": key(1).address() }));
    desk.subscribe(other, &json!({ "type": "orderUpdates", "user": key(2).address() }));
    desk.node.order_fault(Fault { user: Some(key(1).address()), ..Fault::new(FaultKind::Cut) }).expect("a fault");
    desk.pass(1);
    let cut: Vec<_> =
        std::iter::from_fn(|| desk.node.poll()).filter(|out| out.kind == OutKind::Cut).map(|out| out.session).collect();
    assert_eq!(cut, [mine]);
}

#[test]
fn a_stall_keeps_everything_back_and_then_lets_it_go_in_order() {
    let (mut desk, id) = struck(Fault { by_ms: 2_000, ..Fault::new(FaultKind::Stall) });
    desk.pass(1_999);
    desk.say(id, &json!({ "method": "ping" }));
    assert!(desk.heard(id).is_empty());
    desk.pass(1);
    assert_eq!(desk.channels(id), ["l2Book", "l2Book", "l2Book", "pong", "l2Book"]);
}

#[test]
fn a_delay_keeps_the_order() {
    let (mut desk, id) = struck(Fault { by_ms: 700, times: Some(1), ..only(FaultKind::Delay, "l2Book") });
    desk.pass(1_199);
    assert!(desk.heard(id).is_empty(), "the one behind it waits too");
    desk.pass(1);
    assert_eq!(desk.channels(id), ["l2Book", "l2Book"]);
}

#[test]
fn messages_are_dropped_repeated_and_swapped() {
    let (mut desk, id) = struck(Fault { times: Some(2), ..only(FaultKind::Drop, "l2Book") });
    desk.pass(2_000);
    assert_eq!(desk.heard(id).len(), 2);

    let (mut desk, id) = struck(Fault { times: Some(1), copies: 3, ..only(FaultKind::Repeat, "l2Book") });
    desk.pass(500);
    let heard = desk.heard(id);
    assert_eq!(heard.len(), 4);
    assert!(heard.iter().all(|frame| *frame == heard[0]));

    let (mut desk, id) = struck(Fault { times: Some(1), ..only(FaultKind::Reorder, "l2Book") });
    desk.pass(1_000);
    let times: Vec<_> = desk.heard(id).iter().map(|frame| frame["data"]["time"].as_u64().expect("a time")).collect();
    assert_eq!(times.len(), 2);
    assert!(times[0] > times[1], "{times:?}");
}

#[test]
fn a_frame_that_lets_another_pass_does_not_wait_for_ever() {
    let mut desk = Desk::new();
    let id = desk.connect();
    desk.node.order_fault(Fault { times: Some(1), ..Fault::new(FaultKind::Reorder) }).expect("a fault");
    desk.say(id, &json!({ "method": "ping" }));
    desk.pass(999);
    assert!(desk.heard(id).is_empty());
    desk.pass(1);
    assert_eq!(desk.channels(id), ["pong"]);
}

#[test]
fn sockets_are_refused() {
    let mut desk = Desk::new();
    desk.node.order_fault(Fault { lasts_ms: Some(1_000), ..Fault::new(FaultKind::Refuse) }).expect("a fault");
    assert_eq!(desk.node.connect(HERE), Err(ConnectRefused::Fault));
    desk.pass(1_000);
    assert!(desk.node.connect(HERE).is_ok());
}

#[test]
fn a_lost_answer_is_not_a_lost_action() {
    let mut desk = Desk::new();
    let terms = desk.terms();
    let envelope = json!(sign_action(&key(1), Network::Testnet, Action::Noop, terms));
    let bytes = envelope.to_string().into_bytes();

    desk.node.order_fault(Fault { times: Some(1), ..only(FaultKind::LostRequest, "noop") }).expect("a fault");
    assert_eq!(desk.node.post(HERE, "/exchange", &bytes), None);
    desk.node.order_fault(Fault { times: Some(1), ..only(FaultKind::LostAnswer, "noop") }).expect("a fault");
    assert_eq!(desk.node.post(HERE, "/exchange", &bytes), None);
    let words = desk.exchange(&envelope).expect_err("the second time, it was looked at");
    assert_eq!(words, format!("Invalid nonce: duplicate nonce {}", terms.nonce));
}

#[test]
fn a_lost_answer_of_a_post_is_lost_too() {
    let mut desk = Desk::new();
    let id = desk.connect();
    desk.node.order_fault(Fault { times: Some(1), ..Fault::new(FaultKind::LostAnswer) }).expect("a fault");
    let terms = desk.terms();
    let envelope = sign_action(&key(1), Network::Testnet, Action::Noop, terms);
    let post = json!({ "method": "post", "id": 7, "request": { "type": "action", "payload": envelope } });
    desk.say(id, &post);
    assert!(desk.heard(id).is_empty());
    desk.say(id, &post);
    let words = desk.heard(id)[0]["data"]["response"]["payload"]["response"].clone();
    assert_eq!(words, format!("Invalid nonce: duplicate nonce {}", terms.nonce));
}

#[test]
fn servers_fail_as_servers_do() {
    let mut desk = Desk::new();
    let status = json!({ "type": "exchangeStatus" });
    desk.node.order_fault(Fault { times: Some(1), ..Fault::new(FaultKind::ErrorPage) }).expect("a fault");
    let page = desk.node.post(HERE, "/info", status.to_string().as_bytes()).expect("a page");
    assert_eq!((page.status, page.content_type, page.body.starts_with("<html>")), (500, "text/html", true));
    desk.node.order_fault(Fault { times: Some(1), ..Fault::new(FaultKind::TooMany) }).expect("a fault");
    assert_eq!(desk.post("/info", &status), (429, Value::Null));
    desk.node.order_fault(Fault { times: Some(1), by_ms: 300, ..Fault::new(FaultKind::Delay) }).expect("a fault");
    let late = desk.node.post(HERE, "/info", status.to_string().as_bytes()).expect("an answer");
    assert_eq!((late.status, late.after_ms), (200, 300));
}

#[test]
fn messages_are_as_odd_as_they_were_seen() {
    let (mut desk, id) = struck(Fault { keys: vec!["levels".into()], ..only(FaultKind::MissingKeys, "l2Book") });
    desk.node.order_fault(only(FaultKind::UnknownKinds, "l2Book")).expect("a fault");
    desk.pass(500);
    let heard = desk.heard(id);
    assert_eq!(heard[0]["channel"], "somethingNew");
    assert_eq!(heard[1]["channel"], "l2Book");
    assert!(heard[1]["data"].get("levels").is_none());
    assert!(heard[1]["data"]["somethingNew"].is_object());

    let (status, state) = desk.post("/info", &json!({ "type": "clearinghouseState", "user": key(1).address() }));
    assert_eq!((status, state["marginSummary"]["accountValue"].as_str()), (200, Some("10000")), "it was not meant");
}

#[test]
fn faults_are_ordered_shown_and_ended_from_behind() {
    let mut desk = Desk::new();
    let order = |desk: &mut Desk, method, path, body: Value| {
        let answer = desk.node.control(method, path, body.to_string().as_bytes());
        (answer.status, serde_json::from_str::<Value>(&answer.body).expect("JSON"))
    };
    let (status, state) = order(&mut desk, "POST", "/faults", json!({ "kind": "drop", "only": "pong" }));
    assert_eq!((status, &state["faults"][0]["kind"], &state["faults"][0]["struck"]), (200, &json!("drop"), &json!(0)));
    let id = desk.connect();
    desk.say(id, &json!({ "method": "ping" }));
    assert!(desk.heard(id).is_empty());
    assert_eq!(order(&mut desk, "GET", "/state", json!(null)).1["faults"][0]["struck"], 1);
    assert_eq!(order(&mut desk, "DELETE", "/faults", json!(null)).1["faults"], json!([]));
    let both = json!([{ "kind": "cut" }, { "kind": "refuse", "lasts_ms": 5 }]);
    assert_eq!(order(&mut desk, "POST", "/faults", both).1["faults"].as_array().map(Vec::len), Some(2));

    assert_eq!(order(&mut desk, "POST", "/faults", json!({ "kind": "explode" })).0, 400);
    assert_eq!(order(&mut desk, "POST", "/faults", json!({ "kind": "drop", "chance": 2 })).0, 422);
    assert_eq!(order(&mut desk, "POST", "/nothing", json!({})).0, 404);
}

#[test]
fn money_time_and_sub_accounts_come_from_behind() {
    let mut settings = NodeSettings::new(exchange_settings());
    settings.speed_milli = 0;
    let mut desk = Desk::with(settings);
    let order = |desk: &mut Desk, path, body: Value| {
        let answer = desk.node.control("POST", path, body.to_string().as_bytes());
        (answer.status, serde_json::from_str::<Value>(&answer.body).expect("JSON"))
    };
    desk.pass(9_000);
    let (_, state) = order(&mut desk, "/advance", json!({ "ms": 60_000 }));
    assert_eq!((&state["time"], &state["market_time"]), (&json!(START + 9_000), &json!(START + 60_000)));
    assert_eq!(order(&mut desk, "/advance", json!({ "ms": u64::MAX })).0, 422);

    let user = key(3).address();
    assert_eq!(order(&mut desk, "/deposit", json!({ "user": user, "usdc": "12.5" })).0, 200);
    let state = desk.info(&json!({ "type": "clearinghouseState", "user": user }));
    assert_eq!(state["marginSummary"]["accountValue"], "12.5");
    assert_eq!(order(&mut desk, "/deposit", json!({ "user": user, "usdc": "-1" })).0, 422);
    assert_eq!(order(&mut desk, "/price", json!({ "coin": "BTC", "price": "50000" })).0, 200);
    assert_eq!(desk.info(&json!({ "type": "metaAndAssetCtxs" }))[1][0]["oraclePx"], "50000");
    assert_eq!(order(&mut desk, "/price", json!({ "coin": "BTC", "price": "0" })).0, 422);
    assert_eq!(order(&mut desk, "/price", json!({ "coin": "btc", "price": "1" })).0, 422);
    assert_eq!(order(&mut desk, "/mode", json!({ "user": user, "mode": "unifiedAccount" })).0, 200);
    assert_eq!(desk.info(&json!({ "type": "userAbstraction", "user": user })), "unifiedAccount");
    let state = desk.info(&json!({ "type": "clearinghouseState", "user": user }));
    assert_eq!(state["marginSummary"]["accountValue"], "0", "its collateral is among the spot balances: {state}");
    let spot = desk.info(&json!({ "type": "spotClearinghouseState", "user": user }));
    assert_eq!((&spot["balances"][0]["coin"], &spot["balances"][0]["total"]), (&json!("USDC"), &json!("12.5")));
    assert_eq!(order(&mut desk, "/mode", json!({ "user": user, "mode": "portfolioMargin" })).0, 400);
    assert_eq!(order(&mut desk, "/mode", json!({ "user": key(9).address(), "mode": "disabled" })).0, 422);
    let (_, made) = order(&mut desk, "/sub-account", json!({ "user": user, "name": "second" }));
    let role = desk.info(&json!({ "type": "userRole", "user": made["address"] }));
    assert_eq!(role["role"], "subAccount");
}

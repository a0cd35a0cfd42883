//! Who may act, and how often.

use super::*;
use calypte_venues::hyperliquid::protocol::{CancelWire, Grouping};

#[test]
fn an_account_acts_with_its_own_key() {
    let mut desk = Desk::new();
    assert_eq!(desk.act(&key(1), Action::Noop), Ok(json!({ "type": "default" })));
}

#[test]
fn a_stranger_is_named() {
    let mut desk = Desk::new();
    let stranger = key(2).address();
    assert_eq!(desk.act(&key(2), Action::Noop), Err(format!("User or API Wallet {stranger} does not exist.")));
}

#[test]
fn a_signature_of_something_else_is_that_of_a_stranger() {
    let mut desk = Desk::new();
    let terms = desk.terms();
    let envelope = sign_action(&key(1), Network::Testnet, leverage(5), terms);
    let ours = key(1).address().to_string();
    let mut cases = vec![("network", json!(sign_action(&key(1), Network::Mainnet, leverage(5), terms)))];
    for (name, pointer, value) in [
        ("action", "/action/leverage", json!(6)),
        ("nonce", "/nonce", json!(terms.nonce + 1)),
        ("v", "/signature/v", json!(55 - envelope.signature.v)),
    ] {
        let mut changed = json!(envelope);
        *changed.pointer_mut(pointer).expect("it is there") = value;
        cases.push((name, changed));
    }
    let mut expiring = json!(envelope);
    expiring["expiresAfter"] = json!(START + 60_000);
    cases.push(("expiry", expiring));
    for (name, changed) in cases {
        let words = desk.exchange(&changed).expect_err(name);
        assert!(words.starts_with("User or API Wallet 0x") && words.ends_with(" does not exist."), "{name}: {words}");
        assert!(!words.contains(&ours), "{name}: {words}");
    }
    let mut unrecoverable = json!(envelope);
    unrecoverable["signature"]["r"] = json!("0x0");
    assert_eq!(desk.exchange(&unrecoverable), Err("Unable to recover signer.".into()));
    assert!(desk.exchange(&json!(envelope)).is_ok(), "and the right one is taken");
}

#[test]
fn keys_with_null_are_keys_left_out() {
    let mut desk = Desk::new();
    let terms = desk.terms();
    let mut envelope = json!(sign_action(&key(1), Network::Testnet, leverage(5), terms));
    envelope["vaultAddress"] = Value::Null;
    envelope["expiresAfter"] = Value::Null;
    assert!(desk.exchange(&envelope).is_ok(), "as the official library sends it");
}

#[test]
fn the_same_bytes_again_prove_that_they_were_looked_at() {
    let mut desk = Desk::new();
    let terms = desk.terms();
    assert!(desk.act_on(&key(1), Action::Noop, terms).is_ok());
    assert_eq!(desk.act_on(&key(1), Action::Noop, terms), Err(format!("Invalid nonce: duplicate nonce {}", terms.nonce)));
    let old = Terms { nonce: START - 3 * 24 * 3_600_000, ..terms };
    let words = desk.act_on(&key(1), Action::Noop, old).expect_err("it is too old");
    assert!(words.starts_with("Invalid nonce: "), "{words}");
}

#[test]
fn nonces_are_those_of_the_signer_and_not_of_the_account() {
    let mut desk = Desk::new();
    approve(&mut desk, 9, Some("bot")).expect("it is approved");
    let terms = desk.terms();
    assert!(desk.act_on(&key(1), Action::Noop, terms).is_ok());
    assert!(desk.act_on(&key(9), Action::Noop, terms).is_ok(), "the agent has nonces of its own");
    assert!(desk.act_on(&key(9), Action::Noop, terms).is_err());
}

fn approve(desk: &mut Desk, agent: u8, name: Option<&str>) -> Result<Value, String> {
    let nonce = desk.terms().nonce;
    let envelope = approve_agent(&key(1), Network::Testnet, key(agent).address(), name, None, nonce).expect("a name");
    desk.exchange(&json!(envelope))
}

#[test]
fn an_agent_signs_for_its_account_until_it_is_replaced() {
    let mut desk = Desk::new();
    let (account, agent) = (key(1).address(), key(9).address());
    assert!(desk.act(&key(9), Action::Noop).is_err(), "not yet");
    assert_eq!(approve(&mut desk, 9, Some("bot")), Ok(json!({ "type": "default" })));
    assert!(desk.act(&key(9), Action::Noop).is_ok());

    let role = desk.info(&json!({ "type": "userRole", "user": agent }));
    assert_eq!(role, json!({ "role": "agent", "data": { "user": account } }));
    assert_eq!(desk.info(&json!({ "type": "userRole", "user": account })), json!({ "role": "user" }));
    assert_eq!(desk.info(&json!({ "type": "userRole", "user": key(8).address() })), json!({ "role": "missing" }));
    let agents = desk.info(&json!({ "type": "extraAgents", "user": account }));
    assert_eq!((&agents[0]["name"], &agents[0]["address"]), (&json!("bot"), &json!(agent)));
    let state = desk.info(&json!({ "type": "clearinghouseState", "user": agent }));
    assert_eq!(state["assetPositions"], json!([]), "asking with the agent's address finds an empty account");

    approve(&mut desk, 10, Some("bot")).expect("the name is taken over");
    assert_eq!(desk.act(&key(9), Action::Noop), Err(format!("User or API Wallet {agent} does not exist.")));
    assert!(desk.act(&key(10), Action::Noop).is_ok());
}

#[test]
fn an_agent_ends_with_its_time_and_cannot_approve_others() {
    let mut desk = Desk::new();
    let until = Millis::new(START + 5_000);
    let nonce = desk.terms().nonce;
    let envelope = approve_agent(&key(1), Network::Testnet, key(9).address(), Some("bot"), until, nonce).expect("a name");
    desk.exchange(&json!(envelope)).expect("it is approved");
    let nonce = desk.terms().nonce;
    let envelope = approve_agent(&key(9), Network::Testnet, key(10).address(), None, None, nonce).expect("no name");
    let words = desk.exchange(&json!(envelope)).expect_err("only the master key may");
    assert_eq!(words, format!("Must deposit before performing actions. User: {}", key(9).address()));
    desk.pass(4_999);
    assert!(desk.act(&key(9), Action::Noop).is_ok());
    desk.pass(1);
    assert!(desk.act(&key(9), Action::Noop).is_err());
}

#[test]
fn too_many_agents_are_refused_in_the_recorded_words() {
    let mut desk = Desk::new();
    for (agent, name) in [(9, "a"), (10, "b"), (11, "c")] {
        approve(&mut desk, agent, Some(name)).expect("there is room");
    }
    let words = "Too many extra agents for cumulative volume traded. Current limit is 3";
    assert_eq!(approve(&mut desk, 12, Some("d")), Err(words.into()));
    assert_eq!(approve(&mut desk, 9, Some("a")), Err("Extra agent already used.".into()));
}

#[test]
fn a_sub_account_is_acted_for_by_its_master_and_by_nobody_else() {
    let mut desk = Desk::new();
    let sub_account = desk.node.sub_account(key(1).address(), "second").expect("it is made");
    desk.node.deposit(sub_account, Decimal::from(500)).expect("it is paid in");
    let terms = Terms { vault: Some(sub_account), ..desk.terms() };
    assert!(desk.act_on(&key(1), Action::Noop, terms).is_ok());
    // Some clients leave the prefix away.
    let terms = Terms { vault: Some(sub_account), ..desk.terms() };
    let mut envelope = json!(sign_action(&key(1), Network::Testnet, Action::Noop, terms));
    envelope["vaultAddress"] = json!(sub_account.to_string().trim_start_matches("0x"));
    assert!(desk.exchange(&envelope).is_ok());

    desk.node.deposit(key(2).address(), Decimal::from(500)).expect("it is paid in");
    let terms = Terms { vault: Some(sub_account), ..desk.terms() };
    assert_eq!(desk.act_on(&key(2), Action::Noop, terms), Err(format!("Vault not registered: {sub_account}")));
    let role = desk.info(&json!({ "type": "userRole", "user": sub_account }));
    assert_eq!(role, json!({ "role": "subAccount", "data": { "master": key(1).address() } }));
    let rows = desk.info(&json!({ "type": "subAccounts", "user": key(1).address() }));
    assert_eq!((&rows[0]["name"], &rows[0]["subAccountUser"]), (&json!("second"), &json!(sub_account)));
    assert_eq!(desk.info(&json!({ "type": "subAccounts", "user": key(2).address() })), Value::Null);
}

#[test]
fn strangers_get_money_only_where_that_is_said() {
    let welcome = Some(Decimal::from(1_000));
    let mut desk = Desk::with(NodeSettings { welcome, ..NodeSettings::new(exchange_settings()) });
    assert!(desk.act(&key(2), Action::Noop).is_ok());
    let state = desk.info(&json!({ "type": "clearinghouseState", "user": key(2).address() }));
    assert_eq!(state["marginSummary"]["accountValue"], "1000");
}

#[test]
fn what_comes_after_its_expiry_is_refused_and_costs_five() {
    let mut desk = Desk::new();
    let user = json!({ "type": "userRateLimit", "user": key(1).address() });
    let terms = Terms { expires_after: Millis::new(START + 1_000), ..desk.terms() };
    assert!(desk.act_on(&key(1), Action::Noop, terms).is_ok());
    assert_eq!(desk.info(&user)["nRequestsUsed"], 1);
    desk.pass(1_001);
    let terms = Terms { expires_after: Millis::new(START + 1_000), ..desk.terms() };
    let words = desk.act_on(&key(1), Action::Noop, terms).expect_err("it is late");
    assert!(words.starts_with("Action expired"), "{words}");
    assert_eq!(desk.info(&user)["nRequestsUsed"], 6);
}

#[test]
fn a_batch_has_two_hundred_entries_at_most() {
    let mut desk = Desk::new();
    let cancels = |count| Action::Cancel { cancels: vec![CancelWire { asset: 0, oid: 1 }; count], fast: None };
    let statuses = desk.act(&key(1), cancels(200)).expect("it is looked at");
    assert_eq!(statuses["data"]["statuses"].as_array().map(Vec::len), Some(200));
    assert_eq!(desk.act(&key(1), cancels(201)), Err("Signed action over weight limit of 200.".into()));
}

#[test]
fn a_spent_budget_leaves_room_for_cancels() {
    let mut desk = Desk::new();
    let order = r#"{"a":0,"b":true,"p":"1","s":"0","r":false,"t":{"limit":{"tif":"Alo"}}}"#;
    let order: PlaceWire = serde_json::from_str(order).expect("an order");
    let orders = || Action::Order { orders: vec![order.clone(); 200], grouping: Grouping::Na, builder: None };
    for _ in 0..50 {
        desk.act(&key(1), orders()).expect("it is looked at");
    }
    desk.act(&key(1), orders()).expect("one in ten seconds");
    let words = desk.act(&key(1), orders()).expect_err("it is spent");
    assert!(words.starts_with("Too many cumulative requests sent (10400 > 10000) for cumulative volume traded $0."), "{words}");
    let cancels = Action::Cancel { cancels: vec![CancelWire { asset: 0, oid: 1 }], fast: None };
    assert!(desk.act(&key(1), cancels).is_ok());
    desk.pass(10_000);
    assert!(desk.act(&key(1), leverage(3)).is_ok());
}

#[test]
fn a_source_has_so_much_weight_a_minute() {
    let mut desk = Desk::new();
    for _ in 0..60 {
        desk.info(&json!({ "type": "meta" }));
    }
    let (status, answer) = desk.post("/info", &json!({ "type": "exchangeStatus" }));
    assert_eq!((status, answer), (429, Value::Null));
    let terms = desk.terms();
    let envelope = json!(sign_action(&key(1), Network::Testnet, Action::Noop, terms));
    assert_eq!(desk.post("/exchange", &envelope).0, 429, "both share it");
    desk.pass(60_000);
    assert_eq!(desk.post("/exchange", &envelope).0, 200, "what was refused was not looked at");
}

#[test]
fn times_in_actions_are_those_of_the_wire() {
    let mut settings = NodeSettings::new(exchange_settings());
    settings.speed_milli = 60_000;
    settings.exchange.schedule_cancel_volume = Decimal::ZERO;
    let mut desk = Desk::with(settings);
    desk.pass(60_000);
    assert_eq!(desk.node.exchange().now().get(), START + 3_600_000, "an hour passed on the market");
    let now = desk.node.now().get();
    let terms = Terms { expires_after: Millis::new(now + 5_000), ..desk.terms() };
    assert!(desk.act_on(&key(1), Action::Noop, terms).is_ok());
    let schedule = Action::ScheduleCancel { time: Some(now + 10_000) };
    assert!(desk.act(&key(1), schedule).is_ok(), "ten seconds ahead for whoever asks");
}

#[test]
fn what_nobody_can_read_is_422() {
    let mut desk = Desk::new();
    let terms = desk.terms();
    let mut envelope = json!(sign_action(&key(1), Network::Testnet, nothing(), terms));
    envelope["action"]["type"] = json!("usdSend");
    for (path, body) in [
        ("/exchange", envelope),
        ("/exchange", json!({})),
        ("/info", json!({ "type": "batchClearinghouseStates" })),
        ("/info", json!({ "type": "clearinghouseState", "user": "me" })),
        ("/info", json!([])),
    ] {
        let (status, words) = desk.post(path, &body);
        assert_eq!((status, words), (422, json!("Failed to deserialize the JSON body into the target type")), "{body}");
    }
    assert_eq!(desk.post("/ws", &json!({})).0, 404);
    assert_eq!(desk.post("/info", &json!({ "type": "meta", "dex": "xyz" })), (500, Value::Null), "there are no others");
    assert_eq!(desk.post("/info", &json!({ "type": "recentTrades", "coin": "btc" })), (500, Value::Null));
    assert_eq!(desk.info(&json!({ "type": "l2Book", "coin": "btc" })), Value::Null);
}

#[test]
fn what_clients_ask_at_their_start_is_answered() {
    let mut desk = Desk::new();
    let user = key(1).address();
    assert_eq!(desk.info(&json!({ "type": "meta" }))["universe"][0]["name"], "BTC");
    assert_eq!(desk.info(&json!({ "type": "metaAndAssetCtxs" })).as_array().map(Vec::len), Some(2));
    assert_eq!(desk.info(&json!({ "type": "spotMeta" }))["tokens"][0]["name"], "USDC");
    assert_eq!(desk.info(&json!({ "type": "spotMetaAndAssetCtxs" }))[1], json!([]));
    assert_eq!(desk.info(&json!({ "type": "perpDexs" })), json!([null]));
    assert_eq!(desk.info(&json!({ "type": "userAbstraction", "user": user })), json!("disabled"));
    assert_eq!(desk.info(&json!({ "type": "exchangeStatus" }))["time"], START);
    assert_eq!(desk.info(&json!({ "type": "openOrders", "user": user, "dex": "" })), json!([]));
    assert_eq!(desk.info(&json!({ "type": "marginTable", "id": 10 }))["marginTiers"][0]["maxLeverage"], 10);
    let unknown = json!({ "type": "orderStatus", "user": user, "oid": OrderKey::Oid(5) });
    assert_eq!(desk.info(&unknown), json!({ "status": "unknownOid" }));
}

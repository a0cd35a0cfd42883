//! Subscriptions, posts, and the life of a socket.

use super::*;

#[test]
fn a_subscription_is_echoed_in_its_one_spelling_and_comes_with_what_is_so() {
    let mut desk = Desk::new();
    let id = desk.connect();
    desk.subscribe(id, &json!({ "type": "l2Book", "coin": "BTC" }));
    let heard = desk.heard(id);
    let echo = json!({ "type": "l2Book", "coin": "BTC", "nSigFigs": null, "mantissa": null, "fast": false });
    assert_eq!(heard[0]["channel"], "subscriptionResponse");
    assert_eq!(heard[0]["data"], json!({ "method": "subscribe", "subscription": echo }));
    assert_eq!((&heard[1]["channel"], &heard[1]["data"]["coin"]), (&json!("l2Book"), &json!("BTC")));

    desk.subscribe(id, &json!({ "type": "l2Book", "coin": "BTC", "fast": false }));
    assert_eq!(desk.heard(id)[0]["data"], format!("Already subscribed: {echo}"));
    desk.say(id, &json!({ "method": "unsubscribe", "subscription": { "type": "l2Book", "coin": "BTC" } }));
    assert_eq!(desk.heard(id)[0]["data"]["method"], "unsubscribe");
    desk.say(id, &json!({ "method": "unsubscribe", "subscription": { "type": "l2Book", "coin": "BTC" } }));
    assert_eq!(desk.heard(id)[0]["data"], format!("Already unsubscribed: {echo}"));
}

#[test]
fn each_subscription_begins_as_it_is_written_down() {
    let mut desk = Desk::new();
    let user = key(1).address();
    for (subscription, channel) in [
        (json!({ "type": "allMids" }), Some("allMids")),
        (json!({ "type": "bbo", "coin": "BTC" }), Some("bbo")),
        (json!({ "type": "trades", "coin": "BTC" }), Some("trades")),
        (json!({ "type": "activeAssetCtx", "coin": "BTC" }), Some("activeAssetCtx")),
        (json!({ "type": "orderUpdates", "user": user }), None),
        (json!({ "type": "userEvents", "user": user }), None),
        (json!({ "type": "notification", "user": user }), None),
        (json!({ "type": "userFills", "user": user }), Some("userFills")),
        (json!({ "type": "userFundings", "user": user }), Some("userFundings")),
        (json!({ "type": "userNonFundingLedgerUpdates", "user": user }), Some("userNonFundingLedgerUpdates")),
        (json!({ "type": "clearinghouseState", "user": user }), Some("clearinghouseState")),
        (json!({ "type": "openOrders", "user": user }), Some("openOrders")),
        (json!({ "type": "spotState", "user": user }), Some("spotState")),
        (json!({ "type": "activeAssetData", "user": user, "coin": "BTC" }), Some("activeAssetData")),
        (json!({ "type": "webData3", "user": user }), Some("webData3")),
    ] {
        let id = desk.connect();
        desk.subscribe(id, &subscription);
        let heard = desk.heard(id);
        assert_eq!(heard[0]["data"]["subscription"], subscription, "{subscription}");
        assert_eq!(heard.get(1).and_then(|frame| frame["channel"].as_str()), channel, "{subscription}");
        if let Some(Value::Bool(is_snapshot)) = heard.get(1).map(|frame| frame["data"]["isSnapshot"].clone()) {
            assert!(is_snapshot);
        }
        desk.node.disconnect(id);
        desk.pass(3_000);
    }
}

#[test]
fn our_own_reader_understands_what_is_sent() {
    use calypte_venues::hyperliquid::protocol::ServerFrame;
    let mut desk = Desk::new();
    let user = key(1).address();
    let id = desk.connect();
    for subscription in [
        json!({ "type": "clearinghouseState", "user": user }),
        json!({ "type": "openOrders", "user": user }),
        json!({ "type": "userFills", "user": user }),
        json!({ "type": "userNonFundingLedgerUpdates", "user": user }),
        json!({ "type": "webData3", "user": user }),
        json!({ "type": "activeAssetData", "user": user, "coin": "ETH" }),
        json!({ "type": "l2Book", "coin": "BTC", "fast": true }),
        json!({ "type": "allMids" }),
    ] {
        desk.subscribe(id, &subscription);
    }
    desk.pass(5_000);
    let mut frames = 0;
    for frame in desk.heard(id) {
        let read = ServerFrame::parse(frame.to_string().as_bytes()).unwrap_or_else(|error| panic!("{error}: {frame}"));
        assert!(!matches!(read, ServerFrame::Unknown(_) | ServerFrame::NotAnObject | ServerFrame::Error(_)), "{frame}");
        frames += 1;
    }
    assert!(frames > 16, "{frames} frames");
}

#[test]
fn an_unknown_coin_ends_the_socket_without_a_word() {
    for subscription in [
        json!({ "type": "trades", "coin": "btc" }),
        json!({ "type": "l2Book", "coin": "BTC", "nSigFigs": 9 }),
        json!({ "type": "candle", "coin": "NOPE", "interval": "1m" }),
    ] {
        let mut desk = Desk::new();
        let id = desk.connect();
        desk.subscribe(id, &subscription);
        assert_eq!(desk.heard(id), [json!("cut")], "{subscription}");
        desk.say(id, &json!({ "method": "ping" }));
        assert!(desk.heard(id).is_empty());
    }
}

#[test]
fn what_cannot_be_read_is_answered_without_its_id() {
    let mut desk = Desk::new();
    let id = desk.connect();
    for frame in [
        json!({ "method": "subscribe" }),
        json!({ "method": "subscribe", "subscription": { "type": "webData2", "user": key(1).address() } }),
        json!({ "method": "post", "id": 3, "request": { "type": "action", "payload": {} } }),
        json!({ "method": "post", "request": {} }),
        json!("hello"),
    ] {
        desk.say(id, &frame);
        let heard = desk.heard(id);
        assert_eq!(heard[0]["channel"], "error");
        let words = format!("Error parsing JSON into valid websocket request: {frame}");
        let words: String = words.chars().take(548).collect();
        assert_eq!(heard[0]["data"], words);
    }
}

#[test]
fn pings_are_answered_and_silence_closes() {
    let mut desk = Desk::new();
    let id = desk.connect();
    desk.pass(59_000);
    desk.say(id, &json!({ "method": "ping" }));
    assert_eq!(desk.heard(id), [json!({ "channel": "pong" })]);
    desk.pass(59_999);
    assert!(desk.heard(id).is_empty());
    desk.pass(1);
    assert_eq!(desk.heard(id), [json!("closed 1000 Inactive")]);
}

#[test]
fn state_comes_again_and_again() {
    let mut desk = Desk::new();
    let id = desk.connect();
    desk.subscribe(id, &json!({ "type": "clearinghouseState", "user": key(1).address() }));
    desk.subscribe(id, &json!({ "type": "l2Book", "coin": "BTC", "fast": true }));
    desk.subscribe(id, &json!({ "type": "activeAssetCtx", "coin": "ETH" }));
    desk.heard(id);
    desk.pass(10_000);
    let channels = desk.channels(id);
    let count = |name| channels.iter().filter(|channel| *channel == name).count();
    assert_eq!((count("l2Book"), count("activeAssetCtx"), count("clearinghouseState")), (20, 10, 2));
}

#[test]
fn posts_are_answered_by_their_numbers() {
    let mut desk = Desk::new();
    let id = desk.connect();
    let terms = desk.terms();
    let envelope = sign_action(&key(1), Network::Testnet, Action::Noop, terms);
    let post = json!({ "method": "post", "id": 7, "request": { "type": "action", "payload": envelope } });
    desk.say(id, &post);
    desk.say(id, &post);
    desk.say(id, &json!({ "method": "post", "id": 9, "request": { "type": "info", "payload": { "type": "exchangeStatus" } } }));
    let heard = desk.heard(id);
    let ok = json!({ "type": "action", "payload": { "status": "ok", "response": { "type": "default" } } });
    assert_eq!(heard[0], json!({ "channel": "post", "data": { "id": 7, "response": ok } }));
    let words = format!("Invalid nonce: duplicate nonce {}", terms.nonce);
    let refused = json!({ "type": "action", "payload": { "status": "err", "response": words } });
    assert_eq!(heard[1]["data"]["response"], refused, "a refusal is an action's answer too");
    assert_eq!(heard[2]["data"]["id"], 9);
    assert_eq!(heard[2]["data"]["response"]["payload"]["type"], "exchangeStatus");
    assert_eq!(heard[2]["data"]["response"]["payload"]["data"]["time"], START);
}

#[test]
fn posts_use_the_weight_of_their_source() {
    let mut desk = Desk::new();
    let id = desk.connect();
    for _ in 0..60 {
        desk.info(&json!({ "type": "meta" }));
    }
    desk.say(id, &json!({ "method": "post", "id": 1, "request": { "type": "info", "payload": { "type": "meta" } } }));
    let response = &desk.heard(id)[0]["data"]["response"];
    assert_eq!(*response, json!({ "type": "error", "payload": "429 Too Many Requests" }));
}

#[test]
fn posts_that_wait_are_counted() {
    let mut settings = NodeSettings::new(exchange_settings());
    settings.limits.posts = 2;
    let mut desk = Desk::with(settings);
    let id = desk.connect();
    desk.node.order_fault(Fault { by_ms: 500, ..Fault::new(crate::faults::FaultKind::Delay) }).expect("a fault");
    let ask = |id: u64| json!({ "method": "post", "id": id, "request": { "type": "info", "payload": { "type": "allMids" } } });
    for number in 1..=3 {
        desk.say(id, &ask(number));
    }
    desk.pass(500);
    let heard = desk.heard(id);
    let error = heard.iter().find(|frame| frame["channel"] == "error").expect("the third is one too many");
    assert_eq!(error["data"], "too many pending post requests id=3");
}

#[test]
fn a_source_has_ten_sockets_and_so_many_messages() {
    let mut desk = Desk::new();
    let ids: Vec<_> = (0..10).map(|_| desk.connect()).collect();
    assert_eq!(desk.node.connect(HERE), Err(ConnectRefused::TooMany));
    assert!(desk.node.connect(IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2))).is_ok(), "another source");
    for number in 0..2_000 {
        desk.say(ids[number % 10], &json!({ "method": "ping" }));
    }
    while desk.node.poll().is_some() {}
    desk.say(ids[0], &json!({ "method": "ping" }));
    assert_eq!(desk.heard(ids[0])[0]["data"], "Cannot send more than 2000 messages per minute.");
    desk.node.disconnect(ids[3]);
    desk.connect();
}

#[test]
fn a_source_watches_ten_accounts() {
    let mut desk = Desk::new();
    let id = desk.connect();
    for number in 1..=11 {
        desk.subscribe(id, &json!({ "type": "userFills", "user": key(number).address() }));
    }
    let heard = desk.heard(id);
    assert_eq!(heard.last().expect("an answer")["data"], "Cannot track more than 10 total users.");
    desk.say(id, &json!({ "method": "unsubscribe", "subscription": { "type": "userFills", "user": key(1).address() } }));
    desk.subscribe(id, &json!({ "type": "userFills", "user": key(11).address() }));
    assert_eq!(desk.channels(id), ["subscriptionResponse", "subscriptionResponse", "userFills"]);
}

#[test]
fn whoever_does_not_take_their_frames_is_cut() {
    let mut desk = Desk::new();
    let id = desk.connect();
    for coin in ["BTC", "ETH", "SOL", "HYPE"] {
        desk.subscribe(id, &json!({ "type": "l2Book", "coin": coin, "fast": true }));
    }
    desk.pass(3_600_000);
    let heard = desk.heard(id);
    assert_eq!(heard.last(), Some(&json!("cut")));
    assert!(heard.len() <= SESSION_FRAMES_MAX + 2, "{} frames", heard.len());
}

#[test]
fn money_that_comes_is_told() {
    let mut desk = Desk::new();
    let user = key(1).address();
    let id = desk.connect();
    desk.subscribe(id, &json!({ "type": "userNonFundingLedgerUpdates", "user": user }));
    desk.heard(id);
    desk.node.deposit(user, Decimal::from(5)).expect("it is paid in");
    let heard = desk.heard(id);
    assert_eq!(heard[0]["data"]["user"], json!(user));
    assert_eq!(heard[0]["data"]["nonFundingLedgerUpdates"][0]["delta"]["type"], "deposit");
}

#[test]
fn time_is_told_when_it_is_due() {
    let mut desk = Desk::new();
    let id = desk.connect();
    desk.subscribe(id, &json!({ "type": "l2Book", "coin": "BTC", "fast": true }));
    desk.heard(id);
    let mut books = 0;
    for _ in 0..100 {
        let due = desk.node.next_due();
        assert!(due > desk.node.now(), "time goes on");
        desk.node.advance(due);
        books += desk.channels(id).len();
        if desk.node.now().get() >= START + 5_000 {
            break;
        }
    }
    assert_eq!(books, 10);
}

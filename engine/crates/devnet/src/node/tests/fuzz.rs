//! Bytes that nobody meant: nothing panics, and the node goes on.

use super::mutated::{cases, mutated};
use super::*;
use proptest::prelude::*;

fn requests() -> Vec<Vec<u8>> {
    let user = key(1).address();
    let requests = [
        envelope(),
        json!({ "type": "candleSnapshot", "req": { "coin": "BTC", "interval": "1m", "startTime": 0, "endTime": START } }),
        json!({ "type": "userFillsByTime", "user": user, "startTime": 5, "endTime": 1 }),
        json!({ "type": "l2Book", "coin": "BTC", "nSigFigs": 5, "mantissa": 2 }),
        json!({ "type": "orderStatus", "user": user, "oid": "0x000000000000000000000000000000a1" }),
        json!({ "kind": "delay", "only": "post", "chance": 0.5, "by_ms": 10 }),
        json!({ "user": user, "usdc": "5" }),
    ];
    requests.iter().map(|request| request.to_string().into_bytes()).collect()
}

fn frames() -> Vec<Vec<u8>> {
    let frames = [
        json!({ "method": "subscribe", "subscription": { "type": "candle", "coin": "BTC", "interval": "1M" } }),
        json!({ "method": "subscribe", "subscription": { "type": "l2Book", "coin": "BTC", "nSigFigs": 5, "mantissa": 5 } }),
        json!({ "method": "post", "id": 1, "request": { "type": "action", "payload": envelope() } }),
        json!({ "method": "post", "id": 2, "request": { "type": "info", "payload": { "type": "meta" } } }),
    ];
    frames.iter().map(|frame| frame.to_string().into_bytes()).collect()
}

fn envelope() -> Value {
    let terms = Terms { nonce: START, vault: None, expires_after: None };
    json!(sign_action(&key(1), Network::Testnet, leverage(3), terms))
}

/// A node takes bytes, and then still answers.
fn takes(send: impl FnOnce(&mut Desk)) {
    let mut desk = Desk::new();
    send(&mut desk);
    desk.node.clear_faults();
    while desk.node.poll().is_some() {}
    desk.pass(61_000);
    assert_eq!(desk.info(&json!({ "type": "exchangeStatus" }))["time"], desk.node.now().get());
}

proptest! {
    #![proptest_config(cases(200))]

    #[test]
    fn changed_requests_are_refused_or_taken(bytes in mutated(requests())) {
        takes(|desk| {
            for path in ["/info", "/exchange"] {
                let answer = desk.node.post(HERE, path, &bytes).expect("no fault is ordered");
                assert!([200, 413, 422, 429, 500].contains(&answer.status), "{answer:?}");
            }
            for path in ["/faults", "/deposit"] {
                assert!([200, 400, 422].contains(&desk.node.control("POST", path, &bytes).status));
            }
        });
    }

    #[test]
    fn changed_frames_are_refused_or_taken(bytes in mutated(frames())) {
        takes(|desk| {
            let id = desk.connect();
            desk.node.receive(id, &String::from_utf8_lossy(&bytes));
            desk.pass(5_000);
        });
    }
}

#[test]
fn what_is_too_large_or_too_deep_is_not_read() {
    let mut desk = Desk::new();
    let large = vec![b' '; REQUEST_BYTES_MAX + 1];
    assert_eq!(desk.node.post(HERE, "/info", &large).map(|answer| answer.status), Some(413));
    let deep = "[".repeat(100_000);
    assert_eq!(desk.node.post(HERE, "/exchange", deep.as_bytes()).map(|answer| answer.status), Some(422));
    let id = desk.connect();
    desk.node.receive(id, &deep);
    desk.node.receive(id, &" ".repeat(FRAME_BYTES_MAX + 1));
    let heard = desk.heard(id);
    assert_eq!(heard.len(), 2);
    assert!(heard.iter().all(|frame| frame["channel"] == "error" && frame.to_string().len() < 2_000));
}

#[test]
fn an_action_of_many_entries_is_counted_before_it_is_looked_at() {
    let mut desk = Desk::new();
    let cancels: Vec<_> = (0..40_000).map(|oid| json!({ "a": 0, "o": oid })).collect();
    let signature = json!({ "r": "0x1", "s": "0x1", "v": 27 });
    let envelope = json!({ "action": { "type": "cancel", "cancels": cancels }, "nonce": START, "signature": signature });
    assert_eq!(desk.post("/exchange", &envelope).0, 200);
    assert_eq!(desk.post("/exchange", &envelope).0, 429, "a thousand of weight each");
}

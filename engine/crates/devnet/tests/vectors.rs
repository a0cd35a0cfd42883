//! Signatures that others made are taken as those of their signers.

#[path = "../../venues/tests/fixtures/mod.rs"]
mod shared;

use calypte_devnet::exchange::{Liquidity, Settings};
use calypte_devnet::node::{Node, NodeSettings};
use calypte_kernel::Decimal;
use calypte_venues::hyperliquid::protocol::Millis;
use calypte_venues::hyperliquid::sign::Network;
use serde_json::{Value, json};
use shared::{folder, json as file};
use std::net::{IpAddr, Ipv4Addr};

/// No earlier than this are nodes opened: the nonces of some vectors are not times.
const EARLIEST: u64 = 1_600_000_000_000;
/// Kinds of action that are read here.
const READ: [&str; 12] = [
    "order",
    "cancel",
    "cancelByCloid",
    "modify",
    "batchModify",
    "scheduleCancel",
    "updateLeverage",
    "updateIsolatedMargin",
    "topUpIsolatedOnlyMargin",
    "reserveRequestWeight",
    "createSubAccount",
    "approveAgent",
];

/// What a node in which the vector's signer has money says to it; the status code, and the words of a refusal.
fn said(vector: &Value, action: &Value) -> (u16, String) {
    let number = |key: &str| vector[key].as_u64();
    let nonce = number("nonce").or(action["nonce"].as_u64()).unwrap_or(EARLIEST);
    let mut exchange = Settings::new(1, Millis::new(nonce.max(EARLIEST)).expect("a time"));
    (exchange.liquidity, exchange.history_minutes) = (Liquidity::NONE, 0);
    let signer = vector["signer_address"].as_str().expect("a signer").parse().expect("an address");
    exchange.deposits = vec![(signer, Decimal::from(1_000))];
    let mut settings = NodeSettings::new(exchange);
    let is_main = vector["network"] == "mainnet" || action["hyperliquidChain"] == "Mainnet";
    settings.network = if is_main { Network::Mainnet } else { Network::Testnet };
    let mut node = Node::new(settings).expect("a node");
    let body = json!({
        "action": action,
        "nonce": nonce,
        "signature": vector["wire_signature"],
        "vaultAddress": vector["vault_address"],
        "expiresAfter": vector["expires_after"],
    });
    let answer = node.post(IpAddr::V4(Ipv4Addr::LOCALHOST), "/exchange", body.to_string().as_bytes()).expect("an answer");
    let words = serde_json::from_str::<Value>(&answer.body).unwrap_or_default();
    (answer.status, words["response"].as_str().unwrap_or_default().to_owned())
}

#[test]
fn every_signature_is_that_of_its_signer() {
    let Some(folder) = folder() else { return };
    let vectors = file(&folder, "signing-vectors.json");
    let (mut taken, mut strangers, mut unread) = (0, 0, 0);
    for vector in vectors["vectors"].as_array().expect("vectors") {
        if vector["wire_signature"].is_null() {
            continue;
        }
        let id = vector["id"].as_str().expect("an id");
        let text = vector["action_json"].as_str().expect("an action");
        let action: Value = serde_json::from_str(text).expect("JSON");
        let (status, words) = said(vector, &action);
        let kind = action["type"].as_str().unwrap_or_default();
        if !READ.contains(&kind) {
            assert_eq!(status, 422, "{id}: {words}");
            unread += 1;
        } else if text.contains("2000.0") {
            // Hashed by its signer in a form that is not the shortest.
            assert!(words.starts_with("User or API Wallet 0x"), "{id}: {words}");
            strangers += 1;
        } else {
            assert_eq!(status, 200, "{id}: {words}");
            let about_the_signer = ["User or API Wallet", "Unable to recover", "Must deposit"];
            assert!(!about_the_signer.iter().any(|beginning| words.starts_with(beginning)), "{id}: {words}");
            taken += 1;
        }
    }
    assert!(taken >= 40 && unread >= 10, "{taken} taken, {strangers} strangers, {unread} unread");
}

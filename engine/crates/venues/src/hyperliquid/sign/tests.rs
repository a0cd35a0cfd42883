//! Signatures that others made, of actions of ours.

use super::*;
use crate::hyperliquid::protocol::{
    CancelByCloidWire, Cloid, Grouping, Number, OrderKey, OrderTypeWire, PlaceWire, Tif, plain,
};
use calypte_kernel::ClientOrderId;

/// A key that everybody knows.
const KEY: &str = "0x0123456789012345678901234567890123456789012345678901234567890123";

fn key() -> SecretKey {
    SecretKey::read(KEY).expect("a key")
}

fn terms(nonce: u64) -> Terms {
    Terms { nonce, vault: None, expires_after: None }
}

fn order() -> Action {
    let number = |text: &str| Number::new(text.parse().expect(text));
    let order = PlaceWire {
        asset: 3,
        is_buy: true,
        price: number("97000.0"),
        size: number("0.010"),
        reduce_only: false,
        kind: OrderTypeWire::Limit { tif: Tif::Gtc },
        cloid: Some(Cloid(ClientOrderId::from_bytes([0xAB; 16]))),
    };
    Action::Order { orders: vec![order], grouping: Grouping::Na, builder: None }
}

#[test]
fn an_address_follows_from_its_key() {
    assert_eq!(key().address().to_string(), "0x14791697260e4c9a71f18484c9f997b308e59325");
    assert_eq!(SecretKey::read(&KEY[2..]).expect("without its prefix").address(), key().address());
}

#[test]
fn a_key_is_not_shown() {
    let digits = &KEY[2..];
    assert!(!format!("{:?}", key()).contains(digits));
    let zero = "0".repeat(64);
    let beyond = "f".repeat(64);
    for text in
        ["", "0x", "secret", &digits[1..], &format!("{digits}0"), &zero, &beyond, &format!("0x{}", digits.replace('0', "g"))]
    {
        let error = SecretKey::read(text).expect_err("no key");
        assert!(text.len() < 20 || !format!("{error} {error:?}").contains(text), "{text}");
    }
}

#[test]
fn fields_are_packed_in_their_order_and_numbers_in_their_shortest_form() {
    let packed = rmp_serde::to_vec_named(&order()).expect("it packs");
    let keys: [&[u8]; 13] = [
        b"\x83\xa4type\xa5order",
        b"\xa6orders\x91\x87",
        b"\xa1a\x03",
        b"\xa1b\xc3",
        b"\xa1p\xa597000",
        b"\xa1s\xa40.01",
        b"\xa1r\xc2",
        b"\xa1t\x81",
        b"\xa5limit\x81",
        b"\xa3tif\xa3Gtc",
        b"\xa1c\xd9\x22",
        b"0xabababababababababababababababab",
        b"\xa8grouping\xa2na",
    ];
    assert_eq!(packed, keys.concat());
    let margin =
        |ntli| rmp_serde::to_vec_named(&Action::UpdateIsolatedMargin { asset: 1, is_buy: true, ntli }).expect("it packs");
    assert!(
        margin(2_000_000).ends_with(&[0xa4, b'n', b't', b'l', b'i', 0xce, 0x00, 0x1e, 0x84, 0x80]),
        "unsigned where positive"
    );
    assert!(
        margin(-2_000_000).ends_with(&[0xa4, b'n', b't', b'l', b'i', 0xd2, 0xff, 0xe1, 0x7b, 0x80]),
        "signed where negative"
    );
    assert!(margin(-1).ends_with(&[b'i', 0xff]));
    let noop = rmp_serde::to_vec_named(&Action::Noop).expect("it packs");
    assert_eq!(noop, [&[0x81, 0xa4][..], b"type", &[0xa4], b"noop"].concat());
    let cancel = Action::CancelByCloid {
        cancels: vec![CancelByCloidWire { asset: 1, cloid: Cloid(ClientOrderId::from_bytes([1; 16])) }],
        fast: None,
    };
    assert_eq!(rmp_serde::to_vec_named(&cancel).expect("it packs")[0], 0x82, "what is left out is not there");
}

#[test]
fn the_signer_is_recovered_and_any_change_makes_it_another() {
    let terms = Terms {
        nonce: 1_750_000_000_001,
        vault: Some(Address::from_bytes([5; 20])),
        expires_after: Millis::new(1_750_000_010_000),
    };
    for network in [Network::Mainnet, Network::Testnet] {
        let signed = sign_action(&key(), network, order(), terms);
        let text = serde_json::to_string(&signed).expect("text");
        let read: Envelope = serde_json::from_str(&text).expect("an envelope");
        assert_eq!(read, signed);
        assert_eq!(signer_of(network, &read), Some(key().address()));
        let changes: [fn(&mut Envelope); 5] = [
            |signed| signed.nonce += 1,
            |signed| signed.vault_address = None,
            |signed| signed.expires_after = None,
            |signed| signed.expires_after = signed.expires_after.map(|time| time + 1),
            |signed| signed.action = Action::Noop,
        ];
        for change in changes {
            let mut changed = signed.clone();
            change(&mut changed);
            assert_ne!(signer_of(network, &changed), Some(key().address()));
        }
        let other = if network == Network::Mainnet { Network::Testnet } else { Network::Mainnet };
        assert_ne!(signer_of(other, &signed), Some(key().address()));
    }
}

#[test]
fn signing_again_gives_the_same_bytes() {
    let once = sign_action(&key(), Network::Mainnet, order(), terms(5));
    assert_eq!(once, sign_action(&key(), Network::Mainnet, order(), terms(5)));
}

#[test]
fn a_signature_is_read_padded_or_not_and_nothing_else() {
    let mut signed = sign_action(&key(), Network::Mainnet, order(), terms(5));
    for nonce in 6.. {
        if signed.signature.r.starts_with("0x0") {
            break;
        }
        signed = sign_action(&key(), Network::Mainnet, order(), terms(nonce));
    }
    signed.signature.r = format!("0x{}", signed.signature.r[2..].trim_start_matches('0'));
    assert_eq!(signer_of(Network::Mainnet, &signed), Some(key().address()));
    for (r, v) in
        [("", 27), ("0x", 27), ("0xzz", 27), ("12", 27), (&format!("0x{}", "1".repeat(65)), 27), ("0x1", 0), ("0xé", 28)]
    {
        let mut broken = signed.clone();
        (broken.signature.r, broken.signature.v) = (r.to_owned(), v);
        assert!(signer_of(Network::Mainnet, &broken) != Some(key().address()), "{r} {v}");
    }
}

#[test]
fn an_agent_without_a_name_leaves_it_out_of_the_body_but_not_of_the_hash() {
    let agent = Address::from_bytes([3; 20]);
    let approve = |name, until| approve_agent(&key(), Network::Testnet, agent, name, until, 9);
    let unnamed = approve(None, None).expect("a name is not needed");
    assert!(!serde_json::to_string(&unnamed).expect("text").contains("agentName"));
    let digest = approve_agent_digest(&unnamed.action).expect("it is signed");
    let signature = Signature::from_wire(&unnamed.signature).expect("a signature");
    assert_eq!(recover(digest, &signature), Some(key().address()));
    let expiring = approve(Some("engine"), Millis::new(77)).expect("a short name");
    assert_eq!(expiring.action.agent_name.as_deref(), Some("engine valid_until 77"));
    assert!(approve(Some("a name of more than"), None).is_none());
    assert_eq!(OrderKey::Oid(7), serde_json::from_str("7").expect("a number"));
    assert_eq!(plain("97000.10".parse().expect("a number")), "97000.1");
}

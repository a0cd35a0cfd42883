//! Signatures, prices and sizes that others computed.

#[path = "fixtures/mod.rs"]
mod shared;

use calypte_kernel::{Decimal, Rounding, Rules};
use calypte_venues::hyperliquid::protocol::{Action, Address, Millis, Number};
use calypte_venues::hyperliquid::sign::{
    Field, Network, SecretKey, Signature, Terms, TypedData, agent_digest, connection_id, recover,
};
use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::ser::{SerializeMap as _, Serializer};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use shared::{folder, json};
use std::fmt;

/// JSON with its keys in the order in which they stand.
enum Ordered {
    Flag(bool),
    Natural(u64),
    Negative(i64),
    Float(f64),
    Text(String),
    List(Vec<Self>),
    Map(Vec<(String, Self)>),
}

impl<'de> Deserialize<'de> for Ordered {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Ordered;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("JSON")
            }

            fn visit_bool<E>(self, value: bool) -> Result<Ordered, E> {
                Ok(Ordered::Flag(value))
            }

            fn visit_u64<E>(self, value: u64) -> Result<Ordered, E> {
                Ok(Ordered::Natural(value))
            }

            fn visit_i64<E>(self, value: i64) -> Result<Ordered, E> {
                Ok(Ordered::Negative(value))
            }

            fn visit_f64<E>(self, value: f64) -> Result<Ordered, E> {
                Ok(Ordered::Float(value))
            }

            fn visit_str<E>(self, value: &str) -> Result<Ordered, E> {
                Ok(Ordered::Text(value.to_owned()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Ordered, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = list.next_element()? {
                    entries.push(entry);
                }
                Ok(Ordered::List(entries))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Ordered, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Ordered::Map(entries))
            }
        }
        deserializer.deserialize_any(Any)
    }
}

impl Serialize for Ordered {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Flag(value) => serializer.serialize_bool(*value),
            Self::Natural(value) => serializer.serialize_u64(*value),
            Self::Negative(value) => serializer.serialize_i64(*value),
            Self::Float(value) => serializer.serialize_f64(*value),
            Self::Text(value) => serializer.serialize_str(value),
            Self::List(entries) => entries.serialize(serializer),
            Self::Map(entries) => {
                let mut map = serializer.serialize_map(Some(entries.len()))?;
                entries.iter().try_for_each(|(key, value)| map.serialize_entry(key, value))?;
                map.end()
            }
        }
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text"))
}

fn digits(bytes: &[u8]) -> String {
    bytes.iter().fold("0x".to_owned(), |text, byte| format!("{text}{byte:02x}"))
}

fn bytes32(value: &Value) -> [u8; 32] {
    let digits = text(value);
    let byte = |place: usize| u8::from_str_radix(&digits[2 + 2 * place..4 + 2 * place], 16).expect("digits");
    std::array::from_fn(byte)
}

fn networks(vector: &Value) -> Vec<Network> {
    match text(&vector["network"]) {
        "mainnet" => vec![Network::Mainnet],
        "testnet" => vec![Network::Testnet],
        "any" => vec![],
        other => panic!("{other}"),
    }
}

/// Signs a digest with the vector's key, and compares with what the vector expects.
fn check_signature(vector: &Value, digest: [u8; 32]) {
    let (id, expected) = (text(&vector["id"]), &vector["expected"]);
    assert_eq!(digits(&digest), text(&expected["eip712_digest"]), "{id}");
    if vector["private_key"].is_null() {
        return;
    }
    let key = SecretKey::read(text(&vector["private_key"])).expect("a key");
    assert_eq!(key.address().to_string(), text(&vector["signer_address"]), "{id}");
    let wire = key.sign(digest).wire();
    assert_eq!((wire.r.as_str(), wire.s.as_str()), (text(&expected["r"]), text(&expected["s"])), "{id}");
    assert_eq!(u64::from(wire.v), expected["v"].as_u64().expect("a number"), "{id}");
    assert_eq!(recover(digest, &Signature::from_wire(&wire).expect("a signature")), Some(key.address()), "{id}");
    // As the official library writes it, without leading zeros.
    let unpadded = serde_json::from_value(vector["wire_signature"].clone()).expect("a signature");
    assert_eq!(Signature::from_wire(&unpadded).map(|signature| signature.wire()), Some(wire), "{id}");
}

fn terms(vector: &Value) -> Terms {
    let vault = vector["vault_address"].as_str().map(|address| address.parse::<Address>().expect("an address"));
    let expires_after = vector["expires_after"].as_u64().map(|time| Millis::new(time).expect("a time"));
    Terms { nonce: vector["nonce"].as_u64().expect("a number"), vault, expires_after }
}

/// An action as it stands in a vector, in the order in which it stands there. Gives whether it is one of ours, and checks then
/// that ours is packed alike.
fn check_action(vector: &Value) -> bool {
    let (id, action, expected) = (text(&vector["id"]), text(&vector["action_json"]), &vector["expected"]);
    let ordered: Ordered = serde_json::from_str(action).expect("JSON");
    let packed = rmp_serde::to_vec_named(&ordered).expect("it packs");
    assert_eq!(digits(&packed), text(&expected["action_msgpack"]), "{id}");
    let hash = connection_id(&ordered, &terms(vector)).expect("it packs");
    assert_eq!(digits(&hash), text(&expected["connection_id"]), "{id}");
    for network in networks(vector) {
        check_signature(vector, agent_digest(network, hash));
    }
    let Ok(ours) = serde_json::from_str::<Action>(action) else { return false };
    if action.contains("2000.0") {
        // Not in its shortest form, in which ours always is; the exchange would take the signature for a stranger's.
        assert_ne!(connection_id(&ours, &terms(vector)).expect("it packs"), hash, "{id}");
        return false;
    }
    assert_eq!(rmp_serde::to_vec_named(&ours).expect("it packs"), packed, "{id}");
    assert_eq!(serde_json::to_string(&ours).expect("text"), action, "{id}: what is sent is what is hashed");
    true
}

/// An action that is signed as fields.
fn check_fields(vector: &Value) {
    let action: Value = serde_json::from_str(text(&vector["action_json"])).expect("JSON");
    let names = vector["eip712_fields"].as_array().expect("fields");
    let fields = names.iter().map(|field| {
        let (name, value) = (text(&field[0]), &action[text(&field[0])]);
        let value = match text(&field[1]) {
            "string" => Field::Text(text(value)),
            "address" => Field::Address(text(value).parse().expect("an address")),
            "uint64" => Field::Number(value.as_u64().expect("a number")),
            "bool" => Field::Flag(value.as_bool().expect("a flag")),
            other => panic!("{other}"),
        };
        (name, value)
    });
    let fields: Vec<_> = fields.collect();
    let chain_id = u64::from_str_radix(&text(&vector["signature_chain_id"])[2..], 16).expect("a number");
    let primary_type = text(&vector["primary_type"]);
    check_signature(
        vector,
        TypedData { domain: "HyperliquidSignTransaction", chain_id, primary_type, fields: &fields }.digest(),
    );
    if primary_type.ends_with(":ApproveAgent") {
        let ours = serde_json::from_value(action).expect("an approval");
        let digest = calypte_venues::hyperliquid::sign::approve_agent_digest(&ours).expect("it can be signed");
        assert_eq!(digits(&digest), text(&vector["expected"]["eip712_digest"]));
    }
}

#[test]
fn every_signature_is_that_of_the_vector() {
    let Some(folder) = folder() else { return };
    let file = json(&folder, "signing-vectors.json");
    let vectors = file["vectors"].as_array().expect("vectors");
    let (mut ours, mut by_fields) = (0, 0);
    for vector in vectors {
        match text(&vector["scheme"]) {
            "l1" | "l1_hash_only" => ours += usize::from(check_action(vector)),
            "l1_from_connection_id" => {
                for network in networks(vector) {
                    check_signature(vector, agent_digest(network, bytes32(&vector["connection_id"])));
                }
            }
            "user_signed" => {
                check_fields(vector);
                by_fields += 1;
            }
            other => panic!("{other}"),
        }
    }
    assert_eq!((vectors.len(), by_fields), (79, 15));
    assert!(ours >= 36, "only {ours} of the vectors are actions of ours");
}

#[test]
fn what_must_differ_differs() {
    let Some(folder) = folder() else { return };
    let file = json(&folder, "signing-vectors.json");
    for pair in file["must_differ"].as_array().expect("pairs") {
        let terms = Terms { nonce: pair["nonce"].as_u64().expect("a number"), vault: None, expires_after: None };
        for side in ["right", "wrong"] {
            let ordered: Ordered = serde_json::from_str(text(&pair[side]["action_json"])).expect("JSON");
            let hash = connection_id(&ordered, &terms).expect("it packs");
            assert_eq!(digits(&hash), text(&pair[side]["connection_id"]), "{}", pair["id"]);
        }
        assert_ne!(pair["right"]["connection_id"], pair["wrong"]["connection_id"]);
        // Ours is the right one, whichever way it was read.
        for side in ["right", "wrong"] {
            if let Ok(ours) = serde_json::from_str::<Action>(text(&pair[side]["action_json"])) {
                let hash = digits(&connection_id(&ours, &terms).expect("it packs"));
                let fast = text(&pair["id"]) == "neg-fast-false" && side == "wrong";
                assert_eq!(hash == text(&pair["right"]["connection_id"]), !fast, "{} {side}", pair["id"]);
            }
        }
    }
    for number in file["number_to_wire_string"].as_array().expect("numbers") {
        let read = Number::read(text(&number["in"])).expect("a number");
        assert_eq!(read.to_string(), text(&number["out"]));
    }
}

fn number(value: &Value) -> Decimal {
    text(value).parse().expect("a number")
}

fn rules(vector: &Value) -> Rules {
    let decimals = u8::try_from(vector["szDecimals"].as_u64().expect("a number")).expect("a few");
    Rules::hyperliquid(decimals, 50)
}

#[test]
fn prices_and_sizes_lie_on_the_grid_that_the_vectors_say() {
    let Some(folder) = folder() else { return };
    let file = json(&folder, "price-size-vectors.json");
    let mut seen = 0;
    for vector in file["price"].as_array().expect("prices") {
        let mut rules = rules(vector);
        if text(&vector["market"]) == "spot" {
            rules.price_decimals = 8 - rules.size_decimals;
        }
        assert_eq!(rules.allows_price(number(&vector["px"])), vector["valid"].as_bool().expect("a flag"), "{vector}");
        seen += 1;
    }
    for vector in file["size"].as_array().expect("sizes") {
        assert_eq!(rules(vector).allows_size(number(&vector["sz"])), vector["valid"].as_bool().expect("a flag"), "{vector}");
        seen += 1;
    }
    for vector in file["sdk_market_limit_price"].as_array().expect("prices") {
        let buys = vector["isBuy"].as_bool().expect("a flag");
        let slippage = number(&vector["slippage"]);
        let factor = if buys { Decimal::ONE + slippage } else { Decimal::ONE - slippage };
        let rounded = rules(vector).round_price(number(&vector["mid"]) * factor, Rounding::Nearest);
        assert_eq!(rounded, Some(number(&vector["limitPx"])), "{vector}");
        seen += 1;
    }
    for vector in file["min_notional_opening_order"].as_array().expect("orders") {
        let notional = number(&vector["sz"]) * number(&vector["px"]);
        assert_eq!(notional, number(&vector["notional"]));
        let meets = notional >= Rules::hyperliquid(0, 50).min_notional;
        assert_eq!(meets, vector["meets_minimum"].as_bool().expect("a flag"), "{vector}");
        seen += 1;
    }
    assert_eq!(seen, 40);
}

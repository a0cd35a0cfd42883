//! Messages that were sound once and were changed in a few places, and bytes that nobody chose: nothing panics, and no message
//! takes more memory than its own bytes account for.

use super::allocated::most_allocated;
use super::fixtures;
use super::mutated::{cases, mutated};
use super::{ANSWERS, FRAMES, USER, assets};
use crate::hyperliquid::protocol::*;
use crate::hyperliquid::translate;
use calypte_kernel::Timestamp;
use proptest::prelude::*;
use serde_json::Value;
use std::path::Path;

/// Most memory that reading and translating a message may take for each of its bytes: a row of `{}` is two bytes of JSON and
/// becomes a record of some hundred.
const BYTES_PER_BYTE: usize = 400;
/// The same of any message, however short.
const BYTES_BASE: usize = 64 << 10;

fn limit(bytes: &[u8]) -> usize {
    BYTES_BASE + bytes.len() * BYTES_PER_BYTE
}

/// Translates everything that can be translated of a frame.
fn translate_all(frame: &ServerFrame) {
    let (assets, user) = (assets(), USER.parse().expect("an address"));
    let now = Timestamp::from_millis(1_750_000_000_000);
    match frame {
        ServerFrame::Book(book) => drop(translate::book(&assets, book)),
        ServerFrame::Bbo(quote) => drop(translate::quote(&assets, quote)),
        ServerFrame::Trades(trades) => {
            let mut filter = translate::TradeFilter::since(now);
            trades.iter().for_each(|trade| drop(filter.trade(&assets, trade)));
        }
        ServerFrame::Context(context) => drop(translate::context(&assets, context, now)),
        ServerFrame::OrderUpdates(updates) => updates.iter().for_each(|update| drop(translate::order_update(&assets, update))),
        ServerFrame::Fills(fills) => fills.of.iter().for_each(|fill| drop(translate::fill(&assets, user, fill))),
        ServerFrame::Fundings(all) => all.of.iter().for_each(|one| drop(translate::funding(&assets, one, None))),
        ServerFrame::MoneyMoved(all) => all.of.iter().for_each(|one| drop(translate::balance(user, one))),
        ServerFrame::Clearinghouse(state) => drop(translate::positions(&assets, &state.of, true)),
        ServerFrame::OpenOrders(orders) => orders.of.iter().for_each(|order| drop(translate::venue_order(&assets, order, now))),
        _ => {}
    }
}

fn seeds(texts: &[&str]) -> Vec<Vec<u8>> {
    texts.iter().map(|text| text.as_bytes().to_vec()).collect()
}

/// Every payload that was recorded from the exchange or put together like one: frames, or answers. Where they are not at hand, that is
/// said and counted, and our own stand in for them.
fn recorded(are_frames: bool) -> Vec<Vec<u8>> {
    let Some(folder) = fixtures::folder() else { return seeds(if are_frames { FRAMES } else { ANSWERS }) };
    let mut found = Vec::new();
    gather(&folder.join("fixtures"), &mut |value| collect(value, are_frames, &mut found));
    found
}

fn gather(folder: &Path, take: &mut impl FnMut(&Value)) {
    let mut paths: Vec<_> =
        folder.read_dir().expect("it can be read").map(|entry| entry.expect("it can be read").path()).collect();
    paths.sort_unstable();
    for path in paths {
        if path.is_dir() {
            gather(&path, take);
        } else if path.extension().is_some_and(|kind| kind == "json") {
            take(&fixtures::json(folder, path.file_name().and_then(|name| name.to_str()).expect("a name")));
        }
    }
}

/// Frames, wherever they stand in a file; of answers the whole file, and each of several in it.
fn collect(value: &Value, are_frames: bool, found: &mut Vec<Vec<u8>>) {
    let is_frame = value["channel"].is_string();
    if is_frame == are_frames {
        found.push(value.to_string().into_bytes());
    }
    if !is_frame && (are_frames || value.is_object()) {
        let inside: Vec<&Value> = match value {
            Value::Array(all) => all.iter().collect(),
            Value::Object(all) => all.values().collect(),
            _ => Vec::new(),
        };
        inside.iter().filter(|value| value.is_object() || value.is_array()).for_each(|value| collect(value, are_frames, found));
    }
}

fn read_answer(bytes: &[u8]) {
    drop(parse::<Answer>(bytes));
    drop(parse::<Rows<Candle>>(bytes));
    drop(parse::<OrderStatus>(bytes));
    drop(parse::<UserRole>(bytes));
    drop(parse::<Rows<Order, ORDERS_MAX>>(bytes));
    drop(parse::<Rows<Fill>>(bytes));
    drop(parse::<SpotState>(bytes));
    drop(parse::<ActiveAssetData>(bytes));
    drop(parse::<UserFees>(bytes));
    drop(parse::<UserRateLimit>(bytes));
    drop(parse::<List<Agent>>(bytes));
    if let Ok(state) = parse::<ClearinghouseState>(bytes) {
        drop(translate::positions(&assets(), &state, true));
    }
    let symbols = ["KO".parse().expect("a symbol")];
    if let Ok(meta) = parse::<Meta>(bytes) {
        drop(crate::hyperliquid::assets::Assets::new(&meta, &symbols));
    }
    drop(parse::<MetaAndContexts>(bytes));
}

#[test]
fn the_recorded_seeds_are_many() {
    let (frames, answers) = (recorded(true), recorded(false));
    assert!(frames.len() >= 20 && answers.len() >= 30, "{} frames, {} answers", frames.len(), answers.len());
    assert!(frames.iter().all(|bytes| ServerFrame::parse(bytes).is_ok()));
}

#[test]
fn the_seeds_are_sound() {
    for text in FRAMES {
        let frame = ServerFrame::parse(text.as_bytes()).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert!(!matches!(frame, ServerFrame::Unknown(_) | ServerFrame::NotAnObject), "{text}");
        translate_all(&frame);
    }
}

#[test]
fn the_largest_message_takes_what_its_bytes_account_for() {
    // The densest list there is: each entry of two bytes is a record of its own.
    let rows = format!("{{\"channel\":\"orderUpdates\",\"data\":[{}0]}}", "0,".repeat(4_000));
    let (frame, most) = most_allocated(|| ServerFrame::parse(rows.as_bytes()));
    assert!(matches!(frame, Ok(ServerFrame::OrderUpdates(updates)) if updates.unreadable == 4_001));
    assert!(most < limit(rows.as_bytes()), "{most} bytes");
    let endless = format!("{{\"channel\":\"trades\",\"data\":[{}0]}}", "{},".repeat(2_000_000));
    let (frame, most) = most_allocated(|| ServerFrame::parse(endless.as_bytes()));
    assert!(frame.is_err() && most < 4 << 20, "{most} bytes");
    let one = format!("{{\"channel\":\"orderUpdates\",\"data\":[[{}0]]}}", "0,".repeat(MESSAGE_BYTES_MAX / 2 - 50));
    let (frame, most) = most_allocated(|| ServerFrame::parse(one.as_bytes()));
    assert!(matches!(frame, Ok(ServerFrame::OrderUpdates(updates)) if updates.unreadable == 1));
    assert!(most < 512 << 20, "{most} bytes");
}

proptest! {
    #![proptest_config(cases(512))]

    #[test]
    fn a_frame(bytes in mutated(seeds(FRAMES))) {
        let (frame, most) = most_allocated(|| {
            let frame = ServerFrame::parse(&bytes);
            if let Ok(frame) = &frame {
                translate_all(frame);
            }
            frame
        });
        prop_assert!(most < limit(&bytes), "{} bytes", most);
        if let Err(error) = frame {
            prop_assert!(error.to_string().len() < 1_000, "words without end: {}", error);
        }
    }

    #[test]
    fn an_answer(bytes in mutated(seeds(ANSWERS))) {
        let ((), most) = most_allocated(|| read_answer(&bytes));
        prop_assert!(most < limit(&bytes), "{} bytes", most);
    }

    #[test]
    fn a_recorded_frame(bytes in mutated(recorded(true))) {
        let ((), most) = most_allocated(|| {
            if let Ok(frame) = ServerFrame::parse(&bytes) {
                translate_all(&frame);
            }
        });
        prop_assert!(most < limit(&bytes), "{} bytes", most);
    }

    #[test]
    fn a_recorded_answer(bytes in mutated(recorded(false))) {
        let ((), most) = most_allocated(|| read_answer(&bytes));
        prop_assert!(most < limit(&bytes), "{} bytes", most);
    }
}

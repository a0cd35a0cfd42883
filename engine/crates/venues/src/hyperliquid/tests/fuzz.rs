//! Messages that were sound once and were changed in a few places, and bytes that nobody chose: nothing panics, and no message
//! takes more memory than its own bytes account for.

use super::allocated::most_allocated;
use super::mutated::{cases, mutated};
use super::{ANSWERS, FRAMES, USER, assets};
use crate::hyperliquid::protocol::*;
use crate::hyperliquid::translate;
use calypte_kernel::Timestamp;
use proptest::prelude::*;

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
        let ((), most) = most_allocated(|| {
            drop(parse::<Answer>(&bytes));
            drop(parse::<Rows<Candle>>(&bytes));
            drop(parse::<OrderStatus>(&bytes));
            drop(parse::<MetaAndContexts>(&bytes));
            drop(parse::<UserRole>(&bytes));
            if let Ok(meta) = parse::<Meta>(&bytes) {
                let symbols = ["KO".parse().expect("a symbol")];
                drop(crate::hyperliquid::assets::Assets::new(&meta, &symbols));
            }
        });
        prop_assert!(most < limit(&bytes), "{} bytes", most);
    }
}

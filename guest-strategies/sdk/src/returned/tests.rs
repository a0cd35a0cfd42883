//! The layout is that which the canonical ABI gives the contract in `wit/`, and what was stored is read back.

use super::*;
use crate::{BookLevel, Candle, Quote};
use std::mem::offset_of;
use wit_parser::{Resolve, SizeAlign, Type, TypeDefKind, TypeId};

/// A type as it lies in memory here: its fields, or the payload behind its case, with their places.
struct Layout {
    name: &'static str,
    size: usize,
    align: usize,
    places: Vec<(&'static str, usize)>,
}

macro_rules! record {
    ($name:literal, $type:ty { $($field:ident),* }) => {
        Layout {
            name: $name,
            size: size_of::<$type>(),
            align: align_of::<$type>(),
            places: vec![$((stringify!($field), offset_of!($type, $field))),*],
        }
    };
}

/// The types that are read, but for variants and enums.
fn records() -> Vec<Layout> {
    vec![
        record!("decimal", Decimal { mantissa, scale }),
        record!("candle", Candle { open_time, open, high, low, close, volume }),
        record!("candle-event", CandleEvent { series, warm_up, candle }),
        record!("trade-event", TradeEvent { instrument, time, price, size, taker }),
        record!("quote", Quote { time, bid_price, bid_size, ask_price, ask_size }),
        record!("quote-event", QuoteEvent { instrument, quote }),
        record!("book-level", BookLevel { price, size }),
        record!("book-event", StoredBook { instrument, time, bids, asks }),
        record!("context-event", StoredContext { instrument, time, mark_price, oracle_price, funding_rate, open_interest }),
        record!(
            "position",
            StoredPosition {
                instrument,
                size,
                entry_price,
                unrealized_pnl,
                realized_pnl,
                leverage,
                margin_mode,
                liquidation_price
            }
        ),
        record!("position-event", StoredPositionEvent { time, now, size_before, cause }),
        record!("limit-terms", LimitTerms { price, time_in_force }),
        record!("trigger-terms", StoredTrigger { kind, trigger_price, limit_price }),
        record!("trailing-terms", TrailingTerms { distance }),
        record!("order", StoredOrder { id, tag, instrument, side, size, filled, kind, reduce_only }),
        record!("refusal", StoredRefusal { code, message }),
        record!("fill", Fill { trade_id, price, size, fee, maker, liquidation, remaining }),
        record!("order-event", StoredOrderEvent { time, order, change, intent_index, decided_on }),
        record!("funding-event", FundingEvent { instrument, time, rate, payment }),
        record!("balance-event", StoredBalance { time, cash, change, cause }),
        record!("timer-event", StoredTimer { source, due, time }),
        record!("gap", Gap { start, end, missing }),
        record!("feed-event", StoredFeed { time, feed, change }),
    ]
}

/// Variants: their cases in order, and where the payload lies.
fn variants() -> Vec<(Layout, &'static [&'static str])> {
    vec![
        (
            record!("event", StoredCase<StoredEvent> { payload }),
            &[
                "candle: candle-event",
                "trade: trade-event",
                "quote: quote-event",
                "book: book-event",
                "context: context-event",
                "position: position-event",
                "order: order-event",
                "funding: funding-event",
                "balance: balance-event",
                "timer: timer-event",
                "feed: feed-event",
            ],
        ),
        (
            record!("order-kind", StoredCase<StoredKind> { payload }),
            &["market", "limit: limit-terms", "trigger: trigger-terms", "trailing-stop: trailing-terms"],
        ),
        (
            record!("order-change", StoredCase<StoredChange> { payload }),
            &[
                "accepted",
                "denied: refusal",
                "rejected: refusal",
                "partially-filled: fill",
                "filled: fill",
                "cancelled: text",
                "expired",
                "triggered",
                "amended",
            ],
        ),
        (record!("timer-source", StoredCase<MaybeUninit<u32>> { payload }), &["timer: timer-id", "tick"]),
        (
            record!("feed", StoredCase<MaybeUninit<u32>> { payload }),
            &[
                "candles: series-id",
                "trades: instrument-id",
                "quotes: instrument-id",
                "book: instrument-id",
                "context: instrument-id",
                "connection",
            ],
        ),
        (
            record!("feed-change", StoredCase<MaybeUninit<Gap>> { payload }),
            &["stale", "gap: gap", "recovered", "lost", "restored"],
        ),
    ]
}

struct Contract {
    resolve: Resolve,
    sizes: SizeAlign,
}

impl Contract {
    fn new() -> Self {
        let mut resolve = Resolve::new();
        resolve.push_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../../wit")).expect("the contract parses");
        let mut sizes = SizeAlign::default();
        sizes.fill(&resolve);
        Self { resolve, sizes }
    }

    fn find(&self, name: &str) -> TypeId {
        let interface = if name == "event" { "events" } else { "types" };
        let mut interfaces = self.resolve.interfaces.iter().map(|(_, interface)| interface);
        let found = interfaces.find(|candidate| candidate.name.as_deref() == Some(interface)).expect("the interface");
        found.types[name]
    }

    fn kind(&self, name: &str) -> &TypeDefKind {
        &self.resolve.types[self.find(name)].kind
    }

    /// Holds size and alignment against the contract's.
    fn is_laid_out(&self, layout: &Layout) {
        let wanted = Type::Id(self.find(layout.name));
        assert_eq!(layout.size, self.sizes.size(&wanted).size_wasm32(), "size of {}", layout.name);
        assert_eq!(layout.align, self.sizes.align(&wanted).align_wasm32(), "alignment of {}", layout.name);
    }

    /// What a case carries, by name.
    fn payload(&self, payload: &Type) -> String {
        match payload {
            Type::String => "text".into(),
            Type::Id(id) => self.resolve.types[*id].name.clone().expect("payloads have names"),
            other => panic!("{other:?} is read by nobody"),
        }
    }
}

#[test]
fn records_lie_as_the_contract_has_them() {
    let contract = Contract::new();
    for layout in records() {
        contract.is_laid_out(&layout);
        let TypeDefKind::Record(record) = contract.kind(layout.name) else { panic!("{} is no record", layout.name) };
        let offsets = contract.sizes.field_offsets(record.fields.iter().map(|field| &field.ty));
        let names = record.fields.iter().map(|field| field.name.replace('-', "_"));
        let wanted = names.zip(offsets.iter().map(|(offset, _)| offset.size_wasm32())).collect::<Vec<_>>();
        let found = layout.places.iter().map(|&(name, place)| (name.to_owned(), place)).collect::<Vec<_>>();
        assert_eq!(found, wanted, "fields of {}", layout.name);
    }
}

#[test]
fn variants_lie_as_the_contract_has_them_and_their_cases_keep_their_order() {
    let contract = Contract::new();
    for (layout, cases) in variants() {
        contract.is_laid_out(&layout);
        let TypeDefKind::Variant(variant) = contract.kind(layout.name) else { panic!("{} is no variant", layout.name) };
        let offset = contract.sizes.payload_offset(variant.tag(), variant.cases.iter().map(|case| case.ty.as_ref()));
        assert_eq!(layout.places, [("payload", offset.size_wasm32())], "payload of {}", layout.name);
        let wanted = variant.cases.iter().map(|case| match &case.ty {
            Some(payload) => format!("{}: {}", case.name, contract.payload(payload)),
            None => case.name.clone(),
        });
        assert_eq!(cases, wanted.collect::<Vec<_>>(), "cases of {}", layout.name);
    }
}

#[test]
fn enums_are_one_byte() {
    let contract = Contract::new();
    let enums = [
        ("side", size_of::<Side>()),
        ("margin-mode", size_of::<MarginMode>()),
        ("time-in-force", size_of::<crate::TimeInForce>()),
        ("trigger-kind", size_of::<TriggerKind>()),
        ("position-cause", size_of::<PositionCause>()),
    ];
    for (name, size) in enums {
        assert!(matches!(contract.kind(name), TypeDefKind::Enum(_)), "{name}");
        assert_eq!(size, contract.sizes.size(&Type::Id(contract.find(name))).size_wasm32(), "{name}");
    }
}

#[test]
fn the_answer_is_an_option_of_an_event() {
    let contract = Contract::new();
    let event = Type::Id(contract.find("event"));
    let align = contract.sizes.align(&event).align_wasm32();
    assert_eq!(offset_of!(StoredNext, event), align);
    assert_eq!(size_of::<StoredNext>(), align + contract.sizes.size(&event).size_wasm32());
}

fn none<T: Copy>() -> StoredOption<T> {
    StoredOption { some: 0, value: MaybeUninit::uninit() }
}

fn some<T: Copy>(value: T) -> StoredOption<T> {
    StoredOption { some: 1, value: MaybeUninit::new(value) }
}

fn read(case: u8, payload: StoredEvent) -> Event {
    Unread(&mut StoredCase { case, payload }).read()
}

#[test]
fn what_may_be_missing_is_missing() {
    let stored = |oracle_price| StoredContext {
        instrument: 1,
        time: 2,
        mark_price: Decimal::new(3, 0),
        oracle_price,
        funding_rate: none(),
        open_interest: some(Decimal::new(5, 1)),
    };
    let context = |oracle_price| ContextEvent {
        instrument: 1,
        time: 2,
        mark_price: Decimal::new(3, 0),
        oracle_price,
        funding_rate: None,
        open_interest: Some(Decimal::new(5, 1)),
    };
    assert_eq!(read(4, StoredEvent { context: stored(none()) }), Event::Context(context(None)));
    let oracle = Decimal::new(4, 0);
    assert_eq!(read(4, StoredEvent { context: stored(some(oracle)) }), Event::Context(context(Some(oracle))));
}

#[test]
fn each_case_is_read_as_itself() {
    let timer = |case, number| StoredTimer { source: StoredCase { case, payload: number }, due: 7, time: 8 };
    for (stored, source) in
        [(timer(0, MaybeUninit::new(9)), TimerSource::Timer(9)), (timer(1, MaybeUninit::uninit()), TimerSource::Tick)]
    {
        assert_eq!(read(9, StoredEvent { timer: stored }), Event::Timer(TimerEvent { source, due: 7, time: 8 }));
    }
    let gap = Gap { start: 1, end: 2, missing: 3 };
    let stored = StoredFeed {
        time: 5,
        feed: StoredCase { case: 2, payload: MaybeUninit::new(6) },
        change: StoredCase { case: 1, payload: MaybeUninit::new(gap) },
    };
    let event = FeedEvent { time: 5, feed: Feed::Quotes(6), change: FeedChange::Gap(gap) };
    assert_eq!(read(10, StoredEvent { feed: stored }), Event::Feed(event));
}

#[test]
fn an_order_is_read_with_what_happened_to_it() {
    let (one, two) = (Decimal::new(1, 0), Decimal::new(2, 0));
    let trigger = StoredTrigger { kind: TriggerKind::TakeProfit, trigger_price: one, limit_price: some(two) };
    let order = StoredOrder {
        id: 4,
        tag: some(5),
        instrument: 6,
        side: Side::Sell,
        size: two,
        filled: one,
        kind: StoredCase { case: 2, payload: StoredKind { trigger } },
        reduce_only: true,
    };
    let fill = Fill { trade_id: 7, price: one, size: one, fee: Decimal::ZERO, maker: true, liquidation: false, remaining: one };
    let stored = StoredOrderEvent {
        time: 3,
        order: some(order),
        change: StoredCase { case: 3, payload: StoredChange { fill } },
        intent_index: none(),
        decided_on: some(8),
    };
    let order = Order {
        id: 4,
        tag: Some(5),
        instrument: 6,
        side: Side::Sell,
        size: two,
        filled: one,
        kind: OrderKind::Trigger(TriggerTerms { kind: TriggerKind::TakeProfit, trigger_price: one, limit_price: Some(two) }),
        reduce_only: true,
    };
    let change = OrderChange::PartiallyFilled(fill);
    let event = OrderEvent { time: 3, order: Some(order), change, intent_index: None, decided_on: Some(8) };
    assert_eq!(read(6, StoredEvent { order: stored }), Event::Order(event));
}

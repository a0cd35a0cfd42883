//! What the core is told, from the bytes on.

use super::{FRAMES, USER, assets};
use crate::hyperliquid::protocol::*;
use crate::hyperliquid::translate::{self, TradeFilter, Unusable};
use calypte_kernel::{
    BalanceCause, ClientOrderId, Decimal, Force, InstrumentId, MarginMode, MarketEvent, OrderKind, Timestamp, TriggerKind,
    VenueEvent, VenueOrderId,
};

const KO: InstrumentId = InstrumentId::new(0);
const PEP: InstrumentId = InstrumentId::new(1);

fn frame(channel: &str) -> ServerFrame {
    let start = format!("{{\"channel\":\"{channel}\"");
    let text = FRAMES.iter().find(|text| text.starts_with(&start)).expect("there is such a frame");
    ServerFrame::parse(text.as_bytes()).expect("it is sound")
}

fn read(text: &str) -> ServerFrame {
    ServerFrame::parse(text.as_bytes()).expect("it is sound")
}

fn user() -> Address {
    USER.parse().expect("an address")
}

fn number(text: &str) -> Decimal {
    text.parse().expect(text)
}

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

fn name(last: u8) -> ClientOrderId {
    let mut bytes = [0; 16];
    bytes[15] = last;
    ClientOrderId::from_bytes(bytes)
}

#[test]
fn the_market() {
    let assets = assets();
    let ServerFrame::Bbo(wire) = frame("bbo") else { panic!("a quote") };
    let Ok(MarketEvent::Quote(quote)) = translate::quote(&assets, &wire) else { panic!("a quote") };
    assert_eq!((quote.instrument, quote.bid.price.get(), quote.ask.size.get()), (KO, number("61.5"), number("3.25")));
    let one_sided = Bbo { bbo: (wire.bbo.0, None), ..wire.clone() };
    assert_eq!(translate::quote(&assets, &one_sided), Err(Unusable::NotPositive));
    let foreign = Bbo { coin: "@1".into(), ..wire };
    assert_eq!(translate::quote(&assets, &foreign), Err(Unusable::OtherCoin));

    let ServerFrame::Book(wire) = frame("l2Book") else { panic!("a book") };
    let Ok(MarketEvent::Book(book)) = translate::book(&assets, &wire) else { panic!("a book") };
    assert_eq!((book.bids.len(), book.asks.len(), book.time), (2, 1, at(1_750_000_000_000)));

    let ServerFrame::Context(wire) = frame("activeAssetCtx") else { panic!("a context") };
    let Ok(MarketEvent::Context(context)) = translate::context(&assets, &wire, at(5)) else { panic!("a context") };
    assert_eq!((context.instrument, context.time, context.mark_price.get()), (PEP, at(5), number("7.251")));
    let dead = ActiveAssetContext { ctx: AssetContext::default(), ..wire };
    assert_eq!(translate::context(&assets, &dead, at(5)), Err(Unusable::Missing));
}

#[test]
fn old_trades_are_passed_once_or_not_at_all() {
    let assets = assets();
    let ServerFrame::Trades(trades) = frame("trades") else { panic!("trades") };
    let mut filter = TradeFilter::since(at(1_750_000_000_003));
    assert_eq!(filter.trade(&assets, &trades[0]), Err(Unusable::SaidElsewhere), "from before the subscription");
    assert!(matches!(filter.trade(&assets, &trades[1]), Ok(MarketEvent::Trade(trade)) if trade.size.get() == number("1.25")));
    assert_eq!(filter.trade(&assets, &trades[1]), Err(Unusable::SaidElsewhere), "again");
    let twin = Trade { tid: 13, ..trades[1].clone() };
    assert!(filter.trade(&assets, &twin).is_ok(), "another of the same time");
    assert_eq!(filter.trade(&assets, &trades[0]), Err(Unusable::SaidElsewhere), "time does not run backwards");
}

#[test]
fn orders_of_ours_and_of_others() {
    let assets = assets();
    let ServerFrame::OrderUpdates(updates) = frame("orderUpdates") else { panic!("updates") };
    let accepted = VenueEvent::Accepted { order: name(0xc1), venue_order: VenueOrderId::new(51) };
    assert_eq!(translate::order_update(&assets, &updates[0]), Ok(accepted));
    assert_eq!(
        translate::order_update(&assets, &updates[1]),
        Ok(VenueEvent::ExternalGone { venue_order: VenueOrderId::new(52) })
    );
    let with = |status: &str, sz: &str| {
        let mut update = updates[0].clone();
        update.status = status.into();
        update.order.sz = Number::new(number(sz));
        translate::order_update(&assets, &update)
    };
    assert!(matches!(with("marginCanceled", "2"), Ok(VenueEvent::Cancelled { reason, .. }) if reason == "marginCanceled"));
    assert!(matches!(with("iocCancelRejected", "2"), Ok(VenueEvent::Rejected { .. })));
    assert!(matches!(with("iocCancelRejected", "0.5"), Ok(VenueEvent::Cancelled { .. })), "part of it filled");
    assert_eq!(with("filled", "0"), Err(Unusable::SaidElsewhere), "the fill says it");
    assert_eq!(with("frozen", "1"), Err(Unusable::UnknownWord));

    let ServerFrame::OpenOrders(orders) = frame("openOrders") else { panic!("orders") };
    let order = translate::venue_order(&assets, &orders.of[0], at(9)).expect("an order");
    assert_eq!((order.order, order.reduce_only, order.as_of), (None, true, at(9)));
    let OrderKind::Trigger { kind: TriggerKind::Stop, trigger_price, limit_price: None } = order.kind else { panic!("a stop") };
    assert_eq!(trigger_price.get(), number("58"));
}

#[test]
fn a_fill_knows_whose_liquidation_it_is() {
    let assets = assets();
    let ServerFrame::Fills(fills) = frame("userFills") else { panic!("fills") };
    assert_eq!((fills.is_snapshot, fills.of.len(), fills.of.unreadable), (true, 1, 1));
    let own = translate::fill(&assets, user(), &fills.of[0]).expect("a fill");
    assert_eq!((own.force, own.maker, own.fee), (Some(Force::Liquidation), true, number("0.01")));
    let others = translate::fill(&assets, Address::from_bytes([9; 20]), &fills.of[0]).expect("a fill");
    assert_eq!(others.force, None, "the other side was liquidated");
    let rebate = frame("user");
    let ServerFrame::User(event) = &rebate else { panic!("an event") };
    let fill = translate::fill(&assets, user(), &event.fills.as_ref().expect("fills")[0]).expect("a fill");
    assert_eq!((fill.order, fill.fee, fill.force), (Some(name(0xc1)), number("-0.0068"), None));
    let mut foreign = fills.of[0].clone();
    foreign.fee_token = Some("HYPE".into());
    assert_eq!(translate::fill(&assets, user(), &foreign), Err(Unusable::UnknownWord), "no money that is counted");
}

#[test]
fn what_is_not_held_is_flat_and_what_is_not_said_is_unknown() {
    let assets = assets();
    let ServerFrame::Clearinghouse(state) = frame("clearinghouseState") else { panic!("a state") };
    let picture = translate::positions(&assets, &state.of, true);
    assert_eq!((picture.is_whole, picture.cash, picture.positions.len()), (true, Some(number("250")), 2));
    assert_eq!((picture.positions[0].size, picture.positions[0].leverage), (number("0.75"), Some(10)));
    assert_eq!((picture.positions[1].instrument, picture.positions[1].size), (PEP, Decimal::ZERO));
    assert_eq!(translate::positions(&assets, &state.of, false).cash, None, "the collateral lies elsewhere");

    let with = |positions: &str| {
        let text = format!(r#"{{"assetPositions":[{positions}],"time":7}}"#);
        translate::positions(&assets, &parse(text.as_bytes()).expect("a state"), true)
    };
    let zero = with(r#"{"position":{"coin":"KO","szi":"0.0","leverage":{"type":"cross","value":10},"entryPx":"61"}}"#);
    assert_eq!(
        (zero.positions[0].size, zero.positions[0].leverage, zero.positions[0].entry_price),
        (Decimal::ZERO, None, None)
    );
    let unknown = with(r#"{"position":{"coin":"KO","szi":"-2","entryPx":null}}"#);
    let report = &unknown.positions[0];
    assert_eq!((report.size, report.leverage, report.margin_mode, report.entry_price), (number("-2"), None, None, None));
    let strange = with(r#"{"position":{"coin":"KO","szi":"-2","leverage":{"type":"portfolio","value":3}}}"#);
    assert_eq!((strange.positions[0].leverage, strange.positions[0].margin_mode), (Some(3), None));
    let isolated = with(r#"{"position":{"coin":"kPEP","szi":"5","leverage":{"type":"isolated","value":3,"rawUsd":"-1"}}}"#);
    assert_eq!(isolated.positions[1].margin_mode, Some(MarginMode::Isolated));
    let broken = with(r#"{"position":{"coin":"KO","szi":"much"}}"#);
    assert!(!broken.is_whole && broken.positions.is_empty(), "nobody can say what is flat");
    let twice = with(r#"{"position":{"coin":"KO","szi":"1"}},{"position":{"coin":"KO","szi":"2"}}"#);
    assert!(!twice.is_whole && twice.positions.iter().all(|report| report.instrument != KO));
}

#[test]
fn money_that_moves() {
    let assets = assets();
    let ServerFrame::Fundings(fundings) = frame("userFundings") else { panic!("funding") };
    let paid = translate::funding(&assets, &fundings.of[0], None).expect("a payment");
    assert!(
        matches!(paid, VenueEvent::Funding { payment, time, .. } if payment == number("-0.25") && time == at(1_750_003_600_000))
    );
    let ServerFrame::MoneyMoved(moved) = frame("userNonFundingLedgerUpdates") else { panic!("money") };
    let changes = moved.of.iter().map(|row| match translate::balance(user(), row).expect("a change") {
        VenueEvent::Balance { change, cause, .. } => (change, cause),
        other => panic!("{other:?}"),
    });
    assert_eq!(
        changes.collect::<Vec<_>>(),
        [(number("100.5"), BalanceCause::Deposit), (number("-3.5"), BalanceCause::Transfer)]
    );
    let mut strange = moved.of[0].clone();
    strange.delta.kind = "vaultDistribution".into();
    assert_eq!(translate::balance(user(), &strange), Err(Unusable::UnknownWord));
}

#[test]
fn the_order_of_keys_does_not_matter() {
    let frame = read(r#"{ "data": {"bbo":[null,null],"time":5,"coin":"KO"}, "later": [1], "channel": "bbo" }"#);
    assert!(matches!(frame, ServerFrame::Bbo(quote) if quote.bbo == (None, None)));
    assert!(matches!(read(r#"{"channel":"novelty","data":{"x":1}}"#), ServerFrame::Unknown(channel) if channel == "novelty"));
    assert!(ServerFrame::parse(br#"{"data":1}"#).is_err(), "no channel");
    assert!(ServerFrame::parse(br#"{"channel":"bbo"}"#).is_err(), "no data");
}

//! Fill rules, a few tests each. Scripts are short: what is placed, the candles, what the exchange says.

mod margin;
mod partial;
mod ticks;

use super::*;
use crate::testing::{candle, number, price};
use calypte_kernel::{
    AccountId, AttachedExits, EventNumber, FeeRates, OrderOrigin, Price, Rules, Side, TriggerKind, VenueFill,
};

const MARKET: InstrumentId = InstrumentId::new(0);

/// An exchange with one market, and a clock in minutes.
struct Script {
    exchange: Exchange,
    minute: i64,
    orders: u64,
}

fn id(event: u64, leg: u8) -> ClientOrderId {
    let origin = OrderOrigin {
        account: AccountId::new(0),
        strategy: StrategyId::new(0),
        epoch: 0,
        event: EventNumber::new(event),
        intent: 0,
        leg,
    };
    ClientOrderId::derive(origin).expect("small numbers")
}

impl Script {
    fn new(settings: ExchangeSettings) -> Self {
        let instrument = Instrument::new(MARKET, "BTC".parse().expect("a symbol"), Rules::ANY);
        let exchange = Exchange::new(settings, &[instrument], &[true]).expect("valid settings");
        Self { exchange, minute: 0, orders: 0 }
    }

    fn touch() -> Self {
        Self::new(ExchangeSettings::default())
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.minute * 60_000)
    }

    fn send(&mut self, side: Side, size: &str, kind: OrderKind, change: impl FnOnce(&mut NewOrder)) -> u64 {
        self.orders += 1;
        let mut order = NewOrder {
            client_id: id(self.orders, 0),
            instrument: MARKET,
            side,
            size: Size::new(number(size)).expect("positive"),
            kind,
            reduce_only: false,
            exits: None,
            expires_after: Timestamp::MAX,
        };
        change(&mut order);
        self.exchange.apply(self.now(), Command::Place(order));
        self.orders
    }

    fn buy(&mut self, size: &str, kind: OrderKind) -> u64 {
        self.send(Side::Buy, size, kind, |_| ())
    }

    fn sell(&mut self, size: &str, kind: OrderKind) -> u64 {
        self.send(Side::Sell, size, kind, |_| ())
    }

    fn reduce(&mut self, side: Side, size: &str, kind: OrderKind) -> u64 {
        self.send(side, size, kind, |order| order.reduce_only = true)
    }

    /// A candle with volume, start to end; gives what was said since the last one, in words.
    fn candle(&mut self, prices: [&str; 4]) -> Vec<String> {
        self.bar(candle(self.minute, prices))
    }

    fn bar(&mut self, candle: Candle) -> Vec<String> {
        if self.exchange.has_orders(MARKET) {
            self.exchange.open(self.now(), MARKET, &candle);
        }
        self.minute += 1;
        self.exchange.walk(self.now(), MARKET, &candle);
        self.said()
    }

    fn said(&mut self) -> Vec<String> {
        std::iter::from_fn(|| self.exchange.poll()).map(|event| words(&event)).collect()
    }

    fn amend(&mut self, order: u64, size: &str, kind: OrderKind) {
        let size = Size::new(number(size)).expect("positive");
        self.exchange.apply(
            self.now(),
            Command::Amend { order: id(order, 0), instrument: MARKET, size, kind, expires_after: Timestamp::MAX },
        );
    }

    fn cancel(&mut self, order: ClientOrderId) {
        self.exchange.apply(self.now(), Command::Cancel { order, instrument: MARKET, expires_after: Timestamp::MAX });
    }
}

fn name(order: ClientOrderId) -> String {
    let origin = order.origin().expect("ours");
    let leg = ["", "tp", "sl"][usize::from(origin.leg)];
    format!("{}{leg}", origin.event)
}

fn words(event: &VenueEvent) -> String {
    match event {
        VenueEvent::Accepted { order, .. } => format!("accepted {}", name(*order)),
        VenueEvent::Rejected { order, refusal } => format!("rejected {}: {}", name(*order), refusal.code),
        VenueEvent::RequestRejected { order, refusal, .. } => format!("refused {}: {}", name(*order), refusal.code),
        VenueEvent::Cancelled { order, reason, .. } => format!("cancelled {}: {reason}", name(*order)),
        VenueEvent::Triggered { order } => format!("triggered {}", name(*order)),
        VenueEvent::Amended { order, venue_order, .. } => format!("amended {} to {venue_order}", name(*order)),
        VenueEvent::ExitLive { order, side, size, .. } => format!("live {} {side:?} {size}", name(*order)),
        VenueEvent::Fill(fill) => {
            let VenueFill { order, side, size, price, maker, .. } = fill.as_ref();
            let how = match (maker, fill.force.is_some()) {
                (_, true) => "liquidation",
                (true, _) => "maker",
                (false, _) => "taker",
            };
            let order = order.filter(|_| fill.force.is_none()).map_or("-".to_owned(), name);
            format!("{order} {side:?} {size} @ {price} {how}")
        }
        other => format!("{other:?}"),
    }
}

fn limit(at: &str, time_in_force: TimeInForce) -> OrderKind {
    OrderKind::Limit { price: price(at), time_in_force }
}

fn gtc(at: &str) -> OrderKind {
    limit(at, TimeInForce::Gtc)
}

fn trigger(kind: TriggerKind, at: &str, limit: Option<&str>) -> OrderKind {
    OrderKind::Trigger { kind, trigger_price: price(at), limit_price: limit.map(price) }
}

fn stop(at: &str) -> OrderKind {
    trigger(TriggerKind::Stop, at, None)
}

fn trailing(distance: &str) -> OrderKind {
    OrderKind::TrailingStop { distance: price(distance) }
}

fn exits(take_profit: &str, stop_loss: &str) -> AttachedExits {
    let optional = |text: &str| (!text.is_empty()).then(|| price(text));
    AttachedExits { take_profit: optional(take_profit), stop_loss: optional(stop_loss) }
}

const FLAT: [&str; 4] = ["100", "100", "100", "100"];

#[test]
fn a_market_order_fills_whole_at_the_next_open() {
    let mut script = Script::touch();
    script.candle(FLAT);
    script.buy("2", OrderKind::Market);
    assert_eq!(script.said(), ["accepted 1"]);
    assert_eq!(script.candle(["101.37", "110", "90", "95"]), ["1 Buy 2 @ 101.37 taker"]);
}

#[test]
fn slippage_is_paid_by_takers_and_bounded_by_their_limit() {
    let settings = ExchangeSettings { slippage_bps: number("10"), ..ExchangeSettings::default() };
    let mut script = Script::new(settings);
    script.candle(FLAT);
    script.buy("1", OrderKind::Market);
    script.sell("1", OrderKind::Market);
    script.buy("1", limit("100.05", TimeInForce::Ioc));
    script.sell("1", limit("99.95", TimeInForce::Ioc));
    script.said();
    assert_eq!(
        script.candle(FLAT),
        ["1 Buy 1 @ 100.1 taker", "2 Sell 1 @ 99.9 taker", "3 Buy 1 @ 100.05 taker", "4 Sell 1 @ 99.95 taker"]
    );
    script.buy("1", gtc("90"));
    assert_eq!(script.candle(["95", "96", "89", "92"]), ["accepted 5", "5 Buy 1 @ 90 maker"], "who rests does not slip");
}

#[test]
fn a_limit_fills_when_touched_or_only_when_traded_through() {
    let through = ExchangeSettings { limit_fill: LimitFill::Through, ..ExchangeSettings::default() };
    for (settings, touched, traded_through) in
        [(ExchangeSettings::default(), vec!["1 Buy 1 @ 99 maker"], vec![]), (through, vec![], vec!["1 Buy 1 @ 99 maker"])]
    {
        let mut script = Script::new(settings);
        script.candle(FLAT);
        script.buy("1", gtc("99"));
        script.said();
        assert_eq!(script.candle(["100", "101", "99", "100"]), touched);
        assert_eq!(script.candle(["100", "101", "98.9", "100"]), traded_through);
    }
}

#[test]
fn a_limit_that_the_open_has_passed_fills_at_the_open() {
    let mut script = Script::touch();
    script.candle(FLAT);
    script.buy("1", gtc("99"));
    script.candle(["100", "101", "99.5", "100"]);
    assert_eq!(script.candle(["97", "98", "96", "97"]), ["1 Buy 1 @ 97 maker"], "it rested");
    script.sell("1", gtc("96"));
    assert_eq!(script.candle(["98", "98", "96", "97"]), ["accepted 2", "2 Sell 1 @ 98 taker"], "it arrived marketable");
}

#[test]
fn immediate_or_cancel_is_judged_by_the_next_open() {
    let mut script = Script::touch();
    script.candle(FLAT);
    script.buy("1", limit("100", TimeInForce::Ioc));
    script.buy("1", limit("99.9", TimeInForce::Ioc));
    script.said();
    assert_eq!(
        script.candle(["100", "101", "90", "95"]),
        ["1 Buy 1 @ 100 taker", "cancelled 2: immediate-or-cancel: the open was beyond the limit"]
    );
}

#[test]
fn a_post_only_order_is_refused_where_it_would_take_and_rests_as_maker_otherwise() {
    let mut script = Script::touch();
    script.candle(FLAT);
    script.buy("1", limit("100", TimeInForce::Alo));
    script.buy("1", limit("99.9", TimeInForce::Alo));
    assert_eq!(script.said(), ["rejected 1: post-only-would-take", "accepted 2"]);
    assert_eq!(script.candle(["99", "99", "99", "99"]), ["2 Buy 1 @ 99 maker"]);
}

#[test]
fn a_stop_fills_at_its_trigger_or_at_the_open_that_jumped_over_it() {
    let mut script = Script::touch();
    script.candle(FLAT);
    script.sell("1", stop("95"));
    script.sell("1", stop("90"));
    script.said();
    assert_eq!(script.candle(["100", "101", "94", "96"]), ["triggered 1", "1 Sell 1 @ 95 taker"]);
    assert_eq!(script.candle(["88", "89", "85", "86"]), ["triggered 2", "2 Sell 1 @ 88 taker"]);
}

#[test]
fn a_take_profit_fills_at_its_trigger_or_at_a_better_open() {
    let mut script = Script::touch();
    script.candle(FLAT);
    for at in ["105", "108"] {
        script.sell("1", trigger(TriggerKind::TakeProfit, at, None));
    }
    script.said();
    assert_eq!(script.candle(["100", "106", "99", "104"]), ["triggered 1", "1 Sell 1 @ 105 taker"]);
    assert_eq!(script.candle(["109", "109", "109", "109"]), ["triggered 2", "2 Sell 1 @ 109 taker"]);
}

#[test]
fn a_triggered_limit_takes_if_it_can_and_rests_otherwise() {
    let mut script = Script::touch();
    script.candle(FLAT);
    script.buy("1", trigger(TriggerKind::Stop, "105", Some("106")));
    script.buy("1", trigger(TriggerKind::Stop, "107", Some("103")));
    script.said();
    // Low first (nearer), then up to 108, then back to 104: the second rests at 103.
    assert_eq!(script.candle(["100", "108", "99", "104"]), ["triggered 1", "1 Buy 1 @ 105 taker", "triggered 2"],);
    assert_eq!(script.candle(["104", "104", "102", "103"]), ["2 Buy 1 @ 103 maker"]);
}

#[test]
fn a_trailing_stop_follows_the_path() {
    let mut script = Script::touch();
    script.candle(FLAT);
    script.sell("1", trailing("5"));
    script.said();
    // 100 → 98 (nearer) → 110 → 104: the best is 110, so that it triggers at 105 on the way down.
    assert_eq!(script.candle(["100", "110", "98", "104"]), ["triggered 1", "1 Sell 1 @ 105 taker"]);
    script.buy("1", trailing("2"));
    script.said();
    assert!(script.candle(["104", "105", "101", "102"]).is_empty(), "104 → 105 → 101 → 102: best 101, trigger 103");
    assert_eq!(script.candle(["104", "106", "103", "105"]), ["triggered 2", "2 Buy 1 @ 104 taker"], "gapped over");
}

#[test]
fn stops_act_before_anything_else_at_one_price() {
    let mut script = Script::touch();
    script.candle(FLAT);
    script.buy("1", gtc("95"));
    script.sell("1", stop("95"));
    script.said();
    assert_eq!(script.candle(["100", "100", "94", "94"]), ["triggered 2", "2 Sell 1 @ 95 taker", "1 Buy 1 @ 95 maker"]);
}

#[test]
fn reduce_only_shrinks_to_the_position_and_dies_with_it() {
    let mut script = Script::touch();
    script.candle(FLAT);
    script.buy("1", OrderKind::Market);
    let big = script.reduce(Side::Sell, "3", gtc("110"));
    let small = script.reduce(Side::Sell, "1", stop("90"));
    script.said();
    assert_eq!(
        script.candle(["100", "111", "99", "100"]),
        [
            "1 Buy 1 @ 100 taker",
            &format!("{big} Sell 1 @ 110 maker"),
            &format!("cancelled {big}: {REDUCE_ONLY}"),
            &format!("cancelled {small}: {REDUCE_ONLY}"),
        ]
    );
    script.reduce(Side::Sell, "1", OrderKind::Market);
    assert_eq!(script.candle(FLAT)[1], format!("cancelled 4: {REDUCE_ONLY}"));
}

const REDUCE_ONLY: &str = "reduce-only: no position left to reduce";

#[test]
fn attached_exits_come_alive_with_the_fill_and_one_cancels_the_other() {
    let mut script = Script::touch();
    script.candle(FLAT);
    script.send(Side::Buy, "2", OrderKind::Market, |order| order.exits = Some(exits("105", "95")));
    assert_eq!(script.said(), ["accepted 1"]);
    assert_eq!(
        script.candle(["100", "106", "99", "101"]),
        [
            "1 Buy 2 @ 100 taker",
            "live 1tp Sell 2",
            "live 1sl Sell 2",
            "triggered 1tp",
            "1tp Sell 2 @ 105 taker",
            "cancelled 1sl: the other exit filled"
        ]
    );
    assert!(!script.exchange.has_orders(MARKET));
}

#[test]
fn exits_of_an_order_that_fills_inside_a_candle_live_for_the_rest_of_it() {
    let mut script = Script::touch();
    script.candle(FLAT);
    script.send(Side::Buy, "1", gtc("98"), |order| order.exits = Some(exits("", "95")));
    script.said();
    // 100 → 101 → 94 → 96: filled on the way down, stopped on the same way.
    assert_eq!(
        script.candle(["100", "101", "94", "96"]),
        ["1 Buy 1 @ 98 maker", "live 1sl Sell 1", "triggered 1sl", "1sl Sell 1 @ 95 taker"]
    );
}

#[test]
fn an_order_that_only_closes_attaches_no_exits() {
    let mut script = Script::touch();
    script.candle(FLAT);
    script.sell("1", OrderKind::Market);
    script.send(Side::Buy, "1", OrderKind::Market, |order| order.exits = Some(exits("105", "95")));
    script.said();
    assert_eq!(script.candle(FLAT), ["1 Sell 1 @ 100 taker", "2 Buy 1 @ 100 taker"]);
}

#[test]
fn an_amended_order_has_a_new_number_and_stands_last() {
    let mut script = Script::touch();
    script.candle(FLAT);
    let first = script.buy("1", gtc("99"));
    script.buy("1", gtc("98"));
    script.said();
    script.amend(first, "2", gtc("98"));
    assert_eq!(script.said(), ["amended 1 to 3"]);
    assert_eq!(script.candle(["100", "100", "98", "99"]), ["2 Buy 1 @ 98 maker", "1 Buy 2 @ 98 maker"]);
    script.amend(first, "2", gtc("97"));
    assert_eq!(script.said(), ["refused 1: unknown-order"]);
}

#[test]
fn amends_that_change_the_kind_or_would_take_are_refused() {
    let mut script = Script::touch();
    script.candle(FLAT);
    let post_only = script.buy("1", limit("99", TimeInForce::Alo));
    let market = script.buy("1", OrderKind::Market);
    let child = script.buy("1", trigger(TriggerKind::Stop, "105", Some("90")));
    script.said();
    script.amend(post_only, "1", limit("100", TimeInForce::Alo));
    script.amend(post_only, "1", stop("110"));
    script.amend(market, "2", OrderKind::Market);
    assert_eq!(script.said(), ["refused 1: post-only-would-take", "refused 1: cannot-amend", "refused 2: cannot-amend"]);
    script.candle(["106", "106", "106", "106"]);
    script.amend(child, "1", trigger(TriggerKind::Stop, "105", Some("104")));
    script.said();
    assert_eq!(script.candle(["106", "106", "104", "105"]), ["3 Buy 1 @ 104 maker"], "what a trigger sent can be moved");
}

#[test]
fn a_cancelled_order_is_gone_before_its_open() {
    let mut script = Script::touch();
    script.candle(FLAT);
    let order = script.buy("1", OrderKind::Market);
    script.cancel(id(order, 0));
    script.cancel(id(order, 0));
    assert_eq!(script.said(), ["accepted 1", "cancelled 1: as asked", "refused 1: unknown-order"]);
    assert!(script.candle(FLAT).is_empty());
}

#[test]
fn what_arrives_while_a_candle_is_under_way_takes_part_from_the_next() {
    let mut script = Script::touch();
    script.candle(FLAT);
    let bar = candle(script.minute, ["100", "105", "90", "100"]);
    script.exchange.apply(
        Timestamp::from_millis(script.minute * 60_000 + 1),
        Command::Place(NewOrder {
            client_id: id(1, 0),
            instrument: MARKET,
            side: Side::Buy,
            size: Size::new(Decimal::ONE).expect("one"),
            kind: gtc("95"),
            reduce_only: false,
            exits: None,
            expires_after: Timestamp::MAX,
        }),
    );
    script.minute += 1;
    script.exchange.walk(script.now(), MARKET, &bar);
    assert_eq!(script.said(), ["accepted 1"]);
    assert_eq!(script.candle(["100", "105", "90", "100"]), ["1 Buy 1 @ 95 maker"]);
}

#[test]
fn what_reacts_to_a_fill_at_the_open_rests_in_the_same_candle_but_gets_no_second_open() {
    let mut script = Script::touch();
    script.candle(FLAT);
    script.buy("1", OrderKind::Market);
    let bar = candle(script.minute, ["100", "105", "90", "100"]);
    script.exchange.open(script.now(), MARKET, &bar);
    script.reduce(Side::Sell, "1", stop("95"));
    script.buy("1", OrderKind::Market);
    script.said();
    script.minute += 1;
    script.exchange.walk(script.now(), MARKET, &bar);
    assert_eq!(script.said(), ["triggered 2", "2 Sell 1 @ 95 taker"]);
    assert_eq!(script.candle(["101", "101", "101", "101"]), ["3 Buy 1 @ 101 taker"]);
}

#[test]
fn nobody_trades_in_a_halt_and_what_waits_gets_the_first_open_after_it() {
    let silent = |minute, at: [&str; 4]| Candle { volume: Decimal::ZERO, ..candle(minute, at) };
    let mut script = Script::touch();
    script.candle(FLAT);
    script.buy("1", OrderKind::Market);
    script.buy("1", gtc("99"));
    script.said();
    assert!(script.bar(silent(1, ["98"; 4])).is_empty());
    assert_eq!(script.candle(["97"; 4]), ["1 Buy 1 @ 97 taker", "2 Buy 1 @ 97 taker"]);

    for (zero_volume, fills) in [(ZeroVolume::Auto, true), (ZeroVolume::Trade, true), (ZeroVolume::Halt, false)] {
        let mut script = Script::new(ExchangeSettings { zero_volume, ..ExchangeSettings::default() });
        script.bar(silent(0, ["100", "101", "99", "100"]));
        script.buy("1", OrderKind::Market);
        script.said();
        assert_eq!(!script.bar(silent(1, ["100", "101", "99", "100"])).is_empty(), fills, "index data under {zero_volume:?}");
    }
}

#[test]
fn fees_are_rate_times_size_times_price() {
    let fees = FeeRates { taker: number("0.00045"), maker: number("-0.00002") };
    let mut script = Script::new(ExchangeSettings { fees, ..ExchangeSettings::default() });
    script.candle(FLAT);
    script.buy("2", OrderKind::Market);
    script.sell("2", gtc("103.5"));
    let mut charged = Vec::new();
    let bar = candle(1, ["2001.3", "2001.3", "2001.3", "2001.3"]);
    script.exchange.open(script.now(), MARKET, &bar);
    script.exchange.walk(script.now(), MARKET, &bar);
    while let Some(event) = script.exchange.poll() {
        if let VenueEvent::Fill(fill) = event {
            charged.push(fill.fee);
        }
    }
    // The sale arrived marketable, and pays as a taker too.
    assert_eq!(charged, [number("1.80117"), number("1.80117")]);
}

#[test]
fn numbers_too_large_are_refused_with_a_code_and_never_panic() {
    let huge = "79228162514264337593543950335";
    let mut script = Script::touch();
    script.candle(FLAT);
    script.buy(huge, OrderKind::Market);
    script.buy("1", OrderKind::Market);
    script.sell("1", trailing(huge));
    script.buy("1", trailing(huge));
    let said = script.candle(["100", "101", "99", "100"]);
    assert!(said[4].starts_with("cancelled 1: arithmetic-overflow"), "{said:?}");
    assert_eq!(said[5], "2 Buy 1 @ 100 taker");
    assert!(Price::new(number(huge)).is_ok());
}

#[test]
fn a_market_without_data_and_an_unknown_one_refuse() {
    let instrument = Instrument::new(MARKET, "BTC".parse().expect("a symbol"), Rules::ANY);
    let exchange = Exchange::new(ExchangeSettings::default(), &[instrument], &[false]).expect("valid");
    let mut script = Script { exchange, minute: 0, orders: 0 };
    script.buy("1", OrderKind::Market);
    script.send(Side::Buy, "1", OrderKind::Market, |order| order.instrument = InstrumentId::new(9));
    assert_eq!(script.said(), ["rejected 1: no-market-data", "rejected 2: unknown-instrument"]);
}

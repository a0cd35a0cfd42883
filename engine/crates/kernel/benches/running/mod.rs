//! A core with one strategy at work, for benchmarks and for the test that counts allocations.

#![allow(dead_code, unreachable_pub, reason = "each user takes its own part")]

use calypte_kernel::{
    AccountId, Answer, Candle, ClientOrderId, Command, CoreSettings, Decimal, Deployment, EventNumber, HookEnded, Input,
    Instrument, InstrumentId, Intent, KnownEvents, MarketEvent, NewOrder, Output, PlaceOrder, Price, Rules, SeriesId,
    SeriesInfo, Side, StrategyId, Subscription, TimeInForce, Timeframe, Timestamp, TradingCore, VenueEvent, VenueOrderId,
    Wanted, WantedKind,
};

pub const STRATEGY: StrategyId = StrategyId::new(1);
/// The series that the strategy hears, and one that nobody does.
pub const HEARD: SeriesId = SeriesId::new(0);
pub const UNHEARD: SeriesId = SeriesId::new(1);
pub const BTC: InstrumentId = InstrumentId::new(0);

pub fn instrument() -> Instrument {
    Instrument::new(BTC, "BTC".parse().expect("a symbol"), Rules::hyperliquid(5, 50))
}

pub fn price(digits: i64) -> Price {
    Price::new(Decimal::new(digits, 1)).expect("positive")
}

/// A core whose strategy hears one series and has an order at work for each of these sizes, far below the market.
pub fn running(orders: &[i64]) -> (TradingCore, Vec<NewOrder>) {
    running_and_hearing(orders, KnownEvents::ALL)
}

/// The same, of a strategy that hears of these kinds of events only; candles have to be among them.
pub fn running_and_hearing(orders: &[i64], knows: KnownEvents) -> (TradingCore, Vec<NewOrder>) {
    let series = [(HEARD, 60_000), (UNHEARD, 300_000)].map(|(id, millis)| SeriesInfo {
        id,
        instrument: BTC,
        timeframe: Timeframe::from_millis(millis).expect("minutes"),
    });
    let settings = CoreSettings::new(AccountId::new(1), [instrument()].into(), series.into());
    let mut core = TradingCore::new(CoreSettings { cash: Decimal::from(1_000_000), ..settings }).expect("sound settings");
    let start = Timestamp::from_millis(0);
    core.handle(start, Input::Deploy(Box::new(Deployment::new(STRATEGY, [].into(), knows))));
    core.handle(start, Input::Start(STRATEGY));
    let subscription = Subscription::Candles { series: HEARD, warm_up: 0 };
    answer(&mut core, start, EventNumber::new(1), Answer::Subscriptions(vec![subscription]));
    while core.poll().is_some() {}
    core.handle(start, Input::Market(candle(HEARD, 0)));
    let Some(Output::Deliver(deliver)) = core.poll() else { panic!("the strategy runs") };
    let place = |(step, size): (i64, &i64)| {
        Intent::Place(Box::new(PlaceOrder {
            instrument: BTC,
            side: Side::Buy,
            size: Wanted { mantissa: *size, scale: 0 },
            kind: WantedKind::Limit { price: Wanted { mantissa: 1_000 + step, scale: 0 }, time_in_force: TimeInForce::Gtc },
            reduce_only: false,
            tag: None,
            take_profit: None,
            stop_loss: None,
        }))
    };
    let intents = (0..).zip(orders).map(place).collect();
    answer(&mut core, start, deliver.number, Answer::Intents(intents));
    let sent = std::iter::from_fn(|| core.poll()).filter_map(|output| match output {
        Output::Send(batch) => Some(batch.commands),
        _ => None,
    });
    let placed = sent.flatten().filter_map(|command| match command.into_inner() {
        Command::Place(order) => Some(order),
        _ => None,
    });
    let placed = placed.collect::<Vec<_>>();
    for (number, order) in (1..).zip(&placed) {
        accept(&mut core, start, order.client_id, VenueOrderId::new(number));
    }
    assert_eq!(core.strategy(STRATEGY).expect("deployed").orders().count(), orders.len());
    (core, placed)
}

fn accept(core: &mut TradingCore, now: Timestamp, order: ClientOrderId, venue_order: VenueOrderId) {
    core.handle(now, Input::Venue(VenueEvent::Accepted { order, venue_order }));
    pass(core, now);
}

/// Answers everything that is handed out with nothing.
pub fn pass(core: &mut TradingCore, now: Timestamp) {
    while let Some(output) = core.poll() {
        if let Output::Deliver(deliver) = output {
            answer(core, now, deliver.number, Answer::Intents(Vec::new()));
        }
    }
}

pub fn answer(core: &mut TradingCore, now: Timestamp, number: EventNumber, answer: Answer) {
    core.handle(now, Input::HookEnded(HookEnded { strategy: STRATEGY, number, answer, effects: None, fuel: 1 }));
}

/// The candle of a minute, a little different from the one before.
pub fn candle(series: SeriesId, minute: i64) -> MarketEvent {
    let at = price(600_000 + minute % 1000);
    let open_time = Timestamp::from_millis(minute * 60_000);
    MarketEvent::Candle { series, candle: Candle { open_time, open: at, high: at, low: at, close: at, volume: Decimal::ONE } }
}

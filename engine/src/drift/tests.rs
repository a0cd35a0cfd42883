//! Courses that differ in what they must, and in what they may.

use super::compare::{Compared, FillsCompared, Row};
use super::course::Course;
use calypte_kernel::{
    AccountId, AccountView, Answer, Candle, CandleEvent, ClientOrderId, CoreSettings, Decimal, Deliver, Event, EventNumber,
    FeeRates, Hook, HookEnded, Instrument, InstrumentId, Intent, Order, OrderChange, OrderEvent, OrderId, OrderKind,
    OrderOrigin, OrderRef, Price, Rules, SeriesId, SeriesInfo, Side, Size, StrategyId, TimerEvent, TimerId, TimerSource,
    Timestamp, TradeId, VenueFill, VenueOrderId, Views, Wanted,
};
use std::sync::Arc;

const MINUTE: i64 = 60_000;
const BTC: InstrumentId = InstrumentId::new(0);
const STRATEGY: StrategyId = StrategyId::new(3);

fn settings() -> CoreSettings {
    let instrument = Instrument::new(BTC, "BTC".parse().expect("a symbol"), Rules::ANY);
    let series = SeriesInfo { id: SeriesId::new(0), instrument: BTC, timeframe: "1m".parse().expect("a timeframe") };
    CoreSettings::new(AccountId::new(1), [instrument].into(), [series].into())
}

fn price(price: i64) -> Price {
    Price::new(Decimal::from(price)).expect("positive")
}

fn size(size: i64) -> Size {
    Size::new(Decimal::from(size)).expect("positive")
}

fn target(size: i64) -> Intent {
    Intent::SetTarget { instrument: BTC, size: Wanted { mantissa: size, scale: 0 }, tag: None }
}

/// A course that is told things one by one.
struct Script {
    course: Course,
    settings: CoreSettings,
    /// The latest event's number: those of two accounts have nothing to do with one another.
    number: u64,
    minute: i64,
}

impl Script {
    fn new(first_number: u64) -> Self {
        Self { course: Course::default(), settings: settings(), number: first_number, minute: 0 }
    }

    fn tell(&mut self, event: Event, intents: Vec<Intent>) -> &mut Self {
        self.number += 1;
        let number = EventNumber::new(self.number);
        let account = AccountView {
            settled: Decimal::ZERO,
            positions: Vec::new(),
            orders: Vec::new(),
            fees: FeeRates::default(),
            margin_used: Decimal::ZERO,
        };
        let views = Views {
            now: Timestamp::from_millis(self.minute * MINUTE),
            account: Arc::new(account),
            marks: calypte_kernel::Marks::new(),
        };
        self.course.told(&Deliver { strategy: STRATEGY, number, hook: Hook::Event(event), views }, &self.settings.series);
        let answer = Answer::Intents(intents);
        self.course.ended(&HookEnded { strategy: STRATEGY, number, answer, effects: None, fuel: 0 });
        self
    }

    fn candle(&mut self, warm_up: bool, intents: Vec<Intent>) -> &mut Self {
        let open_time = Timestamp::from_millis(self.minute * MINUTE);
        self.minute += 1;
        let [open, high, low, close] = [price(100); 4];
        let candle = Candle { open_time, open, high, low, close, volume: Decimal::ONE };
        self.tell(Event::Candle(CandleEvent { series: SeriesId::new(0), warm_up, candle }), intents)
    }

    fn timer(&mut self, intents: Vec<Intent>) -> &mut Self {
        let (due, time) = (Timestamp::from_millis(1), Timestamp::from_millis(1));
        self.tell(Event::Timer(TimerEvent { source: TimerSource::Timer(TimerId::new(1)), due, time }), intents)
    }

    fn order(&mut self, id: u64, intents: Vec<Intent>) -> &mut Self {
        let order = Order {
            id: OrderId::new(id),
            tag: None,
            instrument: BTC,
            side: Side::Buy,
            kind: OrderKind::Market,
            size: size(1),
            filled: Decimal::ZERO,
            reduce_only: false,
        };
        let event =
            OrderEvent { time: Timestamp::from_millis(1), order: Some(order), change: OrderChange::Accepted, answers: None };
        self.tell(Event::Order(Box::new(event)), intents)
    }

    /// The order of the latest event's first intent fills, in two parts at equal prices.
    fn filled(&mut self, side: Side, at: i64) -> &mut Self {
        let origin = OrderOrigin {
            account: AccountId::new(1),
            strategy: STRATEGY,
            epoch: 1,
            event: EventNumber::new(self.number),
            intent: 0,
            leg: 0,
        };
        for trade in [1, 2, 2] {
            let fill = VenueFill {
                order: ClientOrderId::derive(origin),
                venue_order: VenueOrderId::new(self.number),
                trade_id: TradeId::new(trade),
                instrument: BTC,
                side,
                price: price(at),
                size: size(1),
                fee: Decimal::ZERO,
                maker: false,
                force: None,
                time: Timestamp::from_millis(1),
            };
            self.course.fill(&fill);
        }
        self
    }

    fn against(&self, tested: &Self) -> Compared {
        Compared::new(&self.settings, &self.course, &tested.course)
    }
}

fn sides(row: &Row) -> (&str, Option<&str>, Option<&str>) {
    (&row.event, row.live.as_deref(), row.backtest.as_deref())
}

#[test]
fn what_is_decided_on_one_candle_is_compared_whatever_its_number() {
    let (mut live, mut tested) = (Script::new(0), Script::new(500));
    live.candle(true, vec![target(9)]).candle(false, vec![]).candle(false, vec![target(1)]).candle(false, vec![target(2)]);
    tested.candle(true, vec![]).candle(false, vec![]).candle(false, vec![target(1)]).candle(false, vec![]);
    let compared = live.against(&tested);
    assert_eq!((compared.events, compared.decided, compared.different), (3, 2, 1), "history is not compared");
    let first = compared.first_difference.expect("one differs");
    assert_eq!(sides(&first), ("candle BTC:1m", Some("target BTC 2"), Some("nothing")));
    assert_eq!(first.time, Timestamp::from_millis(4 * MINUTE));
}

#[test]
fn a_side_that_ends_early_differs_on_each_candle_that_it_was_not_told_of() {
    let (mut live, mut tested) = (Script::new(0), Script::new(0));
    live.candle(false, vec![]).candle(false, vec![]);
    tested.candle(false, vec![]);
    let compared = live.against(&tested);
    assert_eq!((compared.events, compared.different), (2, 1));
    assert_eq!(sides(&compared.rows[0]), ("candle BTC:1m", Some("nothing"), None));
}

#[test]
fn what_is_decided_between_candles_is_compared_in_its_order_and_by_its_kind() {
    let (mut live, mut tested) = (Script::new(0), Script::new(0));
    live.candle(false, vec![]).order(7, vec![target(1)]).timer(vec![]).timer(vec![target(2)]);
    tested.candle(false, vec![]).timer(vec![target(2)]).timer(vec![target(3)]);
    let compared = live.against(&tested);
    let rows = compared.rows.iter().map(sides).collect::<Vec<_>>();
    let expected = [
        ("order", Some("target BTC 1"), None),
        ("timer", Some("target BTC 2"), Some("target BTC 2")),
        ("timer", None, Some("target BTC 3")),
    ];
    assert_eq!((rows.as_slice(), compared.different), (expected.as_slice(), 2));
}

#[test]
fn orders_are_the_strategys_own_and_times_of_timers_are_not_compared() {
    let cancel = |id| vec![Intent::Cancel(OrderRef::Id(OrderId::new(id)))];
    let timer = |at| Intent::SetTimer { timer: TimerId::new(1), at: Timestamp::from_millis(at), every_ms: None };
    let (mut live, mut tested) = (Script::new(0), Script::new(0));
    live.order(41, vec![]).order(77, vec![]).candle(false, cancel(77)).candle(false, vec![timer(5)]);
    tested.order(1, vec![]).order(2, vec![]).candle(false, cancel(2)).candle(false, vec![timer(6)]);
    let compared = live.against(&tested);
    assert_eq!((compared.decided, compared.different), (2, 0));
    assert_eq!(compared.rows[0].live.as_deref(), Some("cancel order 2"));
}

#[test]
fn fills_are_compared_by_what_had_asked_for_them_and_each_counts_once() {
    let (mut live, mut tested) = (Script::new(0), Script::new(500));
    live.candle(false, vec![target(2)]).filled(Side::Buy, 101).candle(false, vec![target(0)]).filled(Side::Sell, 100);
    tested.candle(false, vec![target(2)]).filled(Side::Buy, 100).candle(false, vec![target(0)]);
    tested.candle(false, vec![target(1)]).filled(Side::Buy, 100);
    let fills = FillsCompared::new(&live.course.filled, &tested.course.filled);
    assert_eq!((fills.live, fills.backtest, fills.both), (2, 2, 1));
    assert_eq!((fills.worse_bps_mean, fills.worse_bps_max), (Some(100.0), Some(100.0)), "bought dearer by a hundredth");
    assert!(live.course.filled.values().all(|filled| filled.size == Decimal::TWO), "{:?}", live.course.filled);
}

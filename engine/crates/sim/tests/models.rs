//! Latency, funding and ticks in a whole run.

mod support;

use calypte_kernel::{
    Answer, Candle, Decimal, Deliver, Event, Hook, Intent, Level, OrderChange, PlaceOrder, Price, Quote, Side, Size,
    Subscription, TimeInForce, Timestamp, Trade, Wanted, WantedKind,
};
use calypte_sim::{Backtest, FundingRate, Latency, MemoryTicks, Outcome, RunStatus, Tick, TickFeed, TickKind};
use std::cell::RefCell;
use std::sync::Arc;
use support::{BTC, FIRST, MINUTES, Native, deployment, in_memory, number, run, settings, subscribe};

const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;

fn price(at: &str) -> Price {
    Price::new(number(at)).expect("positive")
}

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

fn flats(minutes: i64) -> Arc<[Candle]> {
    let flat = |minute| Candle {
        open_time: at(minute * MINUTE_MS),
        open: price("100"),
        high: price("100"),
        low: price("100"),
        close: price("100"),
        volume: Decimal::ONE,
    };
    (0..minutes).map(flat).collect()
}

fn buy() -> Intent {
    Intent::SetTarget { instrument: BTC, size: Wanted { mantissa: 1, scale: 0 }, tag: None }
}

/// What a strategy was handed, in short, with the time at which it was.
fn noted(deliver: &Deliver) -> String {
    let now = deliver.views.now.as_millis();
    let what = match &deliver.hook {
        Hook::Event(Event::Order(event)) => match &event.change {
            OrderChange::Filled(fill) => format!("filled at {} of {}", fill.price, event.time.as_millis()),
            OrderChange::Accepted => "accepted".to_owned(),
            other => format!("{other:?}"),
        },
        Hook::Event(Event::Funding(event)) => format!("funding {} of {}", event.payment.normalize(), event.time.as_millis()),
        Hook::Event(Event::Trade(trade)) => format!("trade at {}", trade.price),
        Hook::Event(Event::Quote(quote)) => format!("quote {} {}", quote.bid.price, quote.ask.price),
        Hook::Event(event) => event.kind().name().to_owned(),
        _ => "hook".to_owned(),
    };
    format!("{now}: {what}")
}

/// A strategy that notes what it is handed, subscribes as said, and answers each event as `act` says.
fn noting<'a>(
    notes: &'a RefCell<Vec<String>>,
    subscriptions: Answer,
    mut act: impl FnMut(&Event) -> Vec<Intent> + 'a,
) -> Native<'a> {
    let mut subscriptions = Some(subscriptions);
    Box::new(move |deliver| match &deliver.hook {
        Hook::Init(_) => subscriptions.take().expect("it begins once"),
        Hook::Event(event) => {
            notes.borrow_mut().push(noted(deliver));
            Answer::Intents(act(event))
        }
        _ => Answer::Intents(Vec::new()),
    })
}

/// Buys on the first event.
fn once() -> impl FnMut(&Event) -> Vec<Intent> {
    let mut bought = false;
    move |_| if std::mem::replace(&mut bought, true) { Vec::new() } else { vec![buy()] }
}

fn feed(kind: TickKind, ticks: Vec<Tick>) -> TickFeed {
    TickFeed { instrument: BTC, kind, source: Box::new(MemoryTicks::new(ticks.into())) }
}

fn level(at: &str, size: &str) -> Level {
    Level { price: price(at), size: Size::new(number(size)).expect("positive") }
}

fn quote(millis: i64, bid: &str, ask: &str) -> Tick {
    Tick::Quote(Quote { instrument: BTC, time: at(millis), bid: level(bid, "5"), ask: level(ask, "5") })
}

fn trade(millis: i64, price: &str, taker: Side) -> Tick {
    let Level { price, size } = level(price, "9");
    Tick::Trade(Trade { instrument: BTC, time: at(millis), price, size, taker })
}

fn rate(hour: i64, rate: &str) -> Tick {
    Tick::Funding(FundingRate { instrument: BTC, time: at(hour * HOUR_MS), rate: number(rate) })
}

#[test]
fn messages_take_their_time_in_each_direction() {
    let notes = RefCell::default();
    let mut settings = settings();
    settings.models.latency = Latency { feed_ms: 1_000, order_ms: 2_000, report_ms: 3_000 };
    let backtest = Backtest::new(settings, vec![deployment(FIRST)], in_memory(&flats(4))).expect("sound settings");
    let outcome = run(backtest, &mut [noting(&notes, subscribe(MINUTES, 0), once())]);
    let notes = notes.take();
    let told = |word: &str| notes.iter().filter(|note| note.contains(word)).cloned().collect::<Vec<_>>();
    // Closed at 60 s, heard at 61 s, at the exchange at 63 s, so that it takes part from the open at 120 s.
    assert_eq!(told("accepted"), ["66000: accepted"]);
    assert_eq!(told("filled"), ["123000: filled at 100 of 120000"]);
    assert_eq!(notes[0], "61000: candle");
    assert_eq!(notes.last().map(String::as_str), Some("241000: candle"), "what is under way arrives");
    assert_eq!((outcome.status, outcome.counts.fills), (RunStatus::Completed, 1));
}

#[test]
fn funding_is_paid_at_the_hour_before_its_candle_is_heard_and_not_after_the_market_ends() {
    let notes = RefCell::default();
    let backtest = Backtest::new(settings(), vec![deployment(FIRST)], in_memory(&flats(120))).expect("sound settings");
    let rates = vec![rate(0, "0.0005"), rate(1, "0.0001"), rate(2, "-0.0003"), rate(3, "0.01")];
    let backtest = backtest.with_ticks(vec![feed(TickKind::Funding, rates)]);
    let outcome = run(backtest, &mut [noting(&notes, subscribe(MINUTES, 0), once())]);
    let notes = notes.take();
    let place = |note: &str| notes.iter().position(|other| other == note).unwrap_or_else(|| panic!("{note}"));
    // One unit at 100: 0.01 paid, then 0.03 received; nothing was held at the start, and the market ends at the second hour.
    assert!(place("3600000: funding -0.01 of 3600000") < place("3600000: candle"));
    assert!(place("7200000: funding 0.03 of 7200000") < place("7200000: candle"));
    assert_eq!(notes.iter().filter(|note| note.contains("funding")).count(), 2);
    assert_eq!((outcome.money.funding, outcome.counts.funding_payments), (number("0.02"), 2));
    let spent = outcome.money.fees - outcome.money.funding;
    assert_eq!(outcome.money.final_equity, outcome.money.initial_cash - spent);
}

/// A run over quotes and trades alone.
fn over_ticks(notes: &RefCell<Vec<String>>, from: Option<i64>, latency: Latency) -> Outcome {
    let mut settings = settings();
    settings.series = Arc::new([]);
    settings.from = from.map(at);
    settings.models.latency = latency;
    let quotes = vec![quote(1_000, "99", "101"), quote(2_000, "100", "102"), quote(3_000, "101", "103")];
    let trades = vec![trade(2_000, "101", Side::Buy), trade(2_500, "100", Side::Sell), trade(3_500, "101", Side::Sell)];
    let backtest = Backtest::new(settings, vec![deployment(FIRST)], Vec::new()).expect("sound settings");
    let backtest = backtest.with_ticks(vec![feed(TickKind::Quotes, quotes), feed(TickKind::Trades, trades)]);
    let wanted = Answer::Subscriptions(vec![Subscription::Trades(BTC), Subscription::Quotes(BTC)]);
    let mut placed = false;
    let bid_at_100 = move |event: &Event| {
        if !matches!(event, Event::Trade(_)) || std::mem::replace(&mut placed, true) {
            return Vec::new();
        }
        vec![Intent::Place(Box::new(PlaceOrder {
            instrument: BTC,
            side: Side::Buy,
            size: Wanted { mantissa: 2, scale: 0 },
            kind: WantedKind::Limit { price: Wanted { mantissa: 100, scale: 0 }, time_in_force: TimeInForce::Alo },
            reduce_only: false,
            tag: None,
            take_profit: None,
            stop_loss: None,
        }))]
    };
    run(backtest, &mut [noting(notes, wanted, bid_at_100)])
}

#[test]
fn a_run_over_ticks_alone_hears_them_in_order_and_fills_from_them() {
    let notes = RefCell::default();
    let outcome = over_ticks(&notes, None, Latency::default());
    let notes = notes.take();
    // The bid comes before the quote of its moment, which shows five at its price; a trade of nine at 2500 fills it.
    assert_eq!(
        notes,
        [
            "1000: quote 99 101",
            "2000: trade at 101",
            "2000: accepted",
            "2000: quote 100 102",
            "2500: filled at 100 of 2500",
            "2500: position",
            "2500: trade at 100",
            "3000: quote 101 103",
            "3500: trade at 101",
        ]
    );
    let counts = &outcome.counts;
    assert_eq!((counts.candles, counts.trades, counts.quotes, counts.maker_fills), (0, 3, 3, 1));
    // Two units from 100 to 101, less the maker's fee.
    assert_eq!(outcome.money.final_equity, number("1000002") - outcome.money.fees);
    assert_eq!((outcome.start, outcome.end), (at(1_000), at(3_500)));
}

#[test]
fn a_run_over_quotes_alone_fills_market_orders_at_the_best_opposite_price() {
    let notes = RefCell::default();
    let mut settings = settings();
    settings.series = Arc::new([]);
    let quotes = vec![quote(1_000, "99", "101"), quote(2_000, "100", "102"), quote(3_000, "101", "103")];
    let backtest = Backtest::new(settings, vec![deployment(FIRST)], Vec::new()).expect("sound settings");
    let backtest = backtest.with_ticks(vec![feed(TickKind::Quotes, quotes)]);
    let wanted = Answer::Subscriptions(vec![Subscription::Quotes(BTC)]);
    let mut targets = [1, 1, 0].into_iter();
    let trades = move |event: &Event| {
        let size = matches!(event, Event::Quote(_)).then(|| targets.next()).flatten();
        let target = |mantissa| Intent::SetTarget { instrument: BTC, size: Wanted { mantissa, scale: 0 }, tag: None };
        size.map(target).into_iter().collect()
    };
    let outcome = run(backtest, &mut [noting(&notes, wanted, trades)]);
    let fills: Vec<String> = notes.take().into_iter().filter(|note| note.contains("filled")).collect();
    assert_eq!(fills, ["1000: filled at 101 of 1000", "3000: filled at 101 of 3000"]);
    assert_eq!(outcome.money.final_equity, outcome.money.initial_cash - outcome.money.fees);
}

#[test]
fn an_order_that_comes_late_finds_a_market_that_moved_on() {
    let notes = RefCell::default();
    let outcome = over_ticks(&notes, None, Latency { order_ms: 600, ..Latency::default() });
    // The trade that would have filled it was a hundred milliseconds before it came; from 3000 on the best bid is above it.
    assert_eq!((outcome.counts.orders, outcome.counts.fills), (1, 0));
}

#[test]
fn ticks_from_before_the_run_only_show_the_market() {
    let notes = RefCell::default();
    let outcome = over_ticks(&notes, Some(2_400), Latency::default());
    let notes = notes.take();
    assert_eq!(notes[0], "2500: trade at 100");
    assert_eq!((outcome.start, outcome.counts.trades, outcome.counts.quotes), (at(2_400), 2, 1));
}

//! Market data other than candles.

use super::script::settings;
use crate::*;

const ONE: StrategyId = StrategyId::new(1);
const BTC: InstrumentId = InstrumentId::new(0);

fn price(digits: i64) -> Price {
    Price::new(Decimal::from(digits)).expect("positive")
}

fn level(digits: i64) -> Level {
    Level { price: price(digits), size: Size::new(Decimal::ONE).expect("positive") }
}

/// Hands an input in, ends every hook with nothing, and gives the events that were heard.
fn events(core: &mut TradingCore, input: Input) -> Vec<Event> {
    let now = Timestamp::from_millis(0);
    core.handle(now, input);
    let mut heard = Vec::new();
    while let Some(output) = core.poll() {
        let Output::Deliver(deliver) = output else { continue };
        let number = deliver.number;
        let answer = if let Hook::Event(event) = deliver.hook {
            heard.push(event);
            Answer::Intents(Vec::new())
        } else {
            let candles = Subscription::Candles { series: SeriesId::new(0), warm_up: 1 };
            let book = Subscription::Book { instrument: BTC, levels: 2 };
            Answer::Subscriptions(vec![candles, book, Subscription::Trades(BTC), Subscription::Context(BTC)])
        };
        core.handle(now, Input::HookEnded(HookEnded { strategy: ONE, number, answer, effects: None, fuel: 0 }));
    }
    heard
}

fn started() -> TradingCore {
    let mut core = TradingCore::new(settings(Limits::default())).expect("sound settings");
    let knows = KnownEvents::ALL;
    let deployment = Deployment::new(ONE, [].into(), knows);
    events(&mut core, Input::Deploy(Box::new(deployment)));
    events(&mut core, Input::Start(ONE));
    core
}

fn warm_up(core: &mut TradingCore) {
    let (open_time, at) = (Timestamp::from_millis(0), price(100));
    let candle = Candle { open_time, open: at, high: at, low: at, close: at, volume: Decimal::ONE };
    let heard = events(core, Input::Market(MarketEvent::Candle { series: SeriesId::new(0), candle }));
    assert!(matches!(heard[..], [Event::Candle(CandleEvent { warm_up: true, .. })]));
}

fn book() -> Book {
    let time = Timestamp::from_millis(0);
    Book { instrument: BTC, time, bids: vec![level(3), level(2), level(1)], asks: vec![level(4)] }
}

#[test]
fn a_book_is_cut_to_the_levels_that_were_asked_for() {
    let mut core = started();
    warm_up(&mut core);
    let heard = events(&mut core, Input::Market(MarketEvent::Book(Box::new(book()))));
    let cut = Book { bids: vec![level(3), level(2)], ..book() };
    assert_eq!(heard, [Event::Book(Box::new(cut))]);
}

#[test]
fn what_is_not_history_waits_until_the_strategy_runs() {
    let mut core = started();
    let book = || Input::Market(MarketEvent::Book(Box::new(book())));
    assert_eq!(events(&mut core, book()), []);
    warm_up(&mut core);
    assert_eq!(events(&mut core, book()).len(), 1);
}

#[test]
fn a_published_mark_price_goes_before_the_last_price() {
    let mut core = started();
    assert_eq!(core.mark_price(BTC), None);
    events(&mut core, Input::Market(MarketEvent::Book(Box::new(book()))));
    let middle = (book().bids[0].price.get() + book().asks[0].price.get()) / Decimal::TWO;
    assert_eq!(core.mark_price(BTC).map(Price::get), Some(middle));
    let (time, size) = (Timestamp::from_millis(0), Size::new(Decimal::ONE).expect("positive"));
    let trade = |digits| Trade { instrument: BTC, time, price: price(digits), size, taker: Side::Buy };
    events(&mut core, Input::Market(MarketEvent::Trade(trade(101))));
    assert_eq!(core.mark_price(BTC), Some(price(101)));
    let (oracle_price, funding_rate, open_interest) = (None, None, None);
    let context = Context { instrument: BTC, time, mark_price: price(99), oracle_price, funding_rate, open_interest };
    events(&mut core, Input::Market(MarketEvent::Context(Box::new(context))));
    events(&mut core, Input::Market(MarketEvent::Trade(trade(102))));
    assert_eq!(core.mark_price(BTC), Some(price(99)));
}

//! Matching against trades, quotes and books.

use super::*;
use crate::ticks::{Tick, TickKind};
use calypte_kernel::{Book, Level, Quote, Trade};

fn level((at, size): (&str, &str)) -> Level {
    Level { price: price(at), size: Size::new(number(size)).expect(size) }
}

fn script(kinds: &[TickKind], settings: ExchangeSettings) -> Script {
    let mut script = Script::new(settings);
    for kind in kinds {
        script.exchange.match_ticks(MARKET, *kind);
    }
    script
}

/// Trades and quotes.
fn both() -> Script {
    script(&[TickKind::Trades, TickKind::Quotes], ExchangeSettings::default())
}

impl Script {
    fn tick(&mut self, tick: &Tick) -> Vec<String> {
        self.minute += 1;
        self.exchange.tick(self.now(), tick);
        self.said()
    }

    fn trades(&mut self, taker: Side, at: &str, size: &str) -> Vec<String> {
        let Level { price, size } = level((at, size));
        self.tick(&Tick::Trade(Trade { instrument: MARKET, time: self.now(), price, size, taker }))
    }

    fn quote(&mut self, bid: (&str, &str), ask: (&str, &str)) -> Vec<String> {
        let (bid, ask) = (level(bid), level(ask));
        self.tick(&Tick::Quote(Quote { instrument: MARKET, time: self.now(), bid, ask }))
    }

    fn book(&mut self, bids: &[(&str, &str)], asks: &[(&str, &str)]) -> Vec<String> {
        let side = |levels: &[(&str, &str)]| levels.iter().copied().map(level).collect();
        let book = Book { instrument: MARKET, time: self.now(), bids: side(bids), asks: side(asks) };
        self.tick(&Tick::Book(Box::new(book)))
    }
}

#[test]
fn a_market_order_takes_what_is_shown_and_waits_for_more() {
    let mut script = both();
    script.quote(("99", "5"), ("101", "2"));
    script.buy("3", OrderKind::Market);
    assert_eq!(script.said(), ["accepted 1", "1 Buy 2 @ 101 taker"]);
    assert_eq!(script.trades(Side::Buy, "101", "9"), [""; 0], "what others take is not ours");
    assert_eq!(script.quote(("99", "5"), ("101.5", "2")), ["1 Buy 1 @ 101.5 taker"]);
    // What it took of the quote is gone.
    script.buy("2", limit("101.5", TimeInForce::Ioc));
    let nothing_more = "cancelled 2: immediate-or-cancel: nothing more to take at the limit or better";
    assert_eq!(script.said(), ["accepted 2", "2 Buy 1 @ 101.5 taker", nothing_more]);
}

#[test]
fn a_taker_walks_the_book_and_never_beyond_its_limit() {
    let mut script = script(&[TickKind::Book], ExchangeSettings::default());
    script.book(&[("99", "1")], &[("101", "1"), ("102", "2"), ("104", "9")]);
    script.buy("4", gtc("102"));
    assert_eq!(script.said(), ["accepted 1", "1 Buy 1 @ 101 taker", "1 Buy 2 @ 102 taker"]);
    // The rest leads the bids at 102; whoever is shown to offer there or below meets it.
    assert_eq!(script.book(&[("99", "1")], &[("101.9", "0.4"), ("103", "1")]), ["1 Buy 0.4 @ 102 maker"]);
}

#[test]
fn a_resting_order_waits_behind_what_was_there_before_it() {
    let mut script = both();
    script.quote(("99", "5"), ("101", "2"));
    script.buy("2", gtc("99"));
    script.said();
    assert_eq!(script.trades(Side::Sell, "99", "4"), [""; 0], "five stood before it");
    assert_eq!(script.trades(Side::Buy, "101", "9"), [""; 0], "the other side");
    assert_eq!(script.trades(Side::Sell, "99", "1.5"), ["1 Buy 0.5 @ 99 maker"], "one still stood before it");
    assert_eq!(script.trades(Side::Sell, "99", "1.5"), ["1 Buy 1.5 @ 99 maker"]);
}

#[test]
fn a_queue_that_is_shown_shorter_is_shorter_and_one_that_grows_grows_behind_us() {
    let mut script = both();
    script.quote(("99", "5"), ("101", "2"));
    script.buy("2", gtc("99"));
    script.said();
    script.quote(("99", "3"), ("101", "2"));
    script.quote(("99", "50"), ("101", "2"));
    assert_eq!(script.trades(Side::Sell, "99", "3"), [""; 0]);
    assert_eq!(script.trades(Side::Sell, "99", "1"), ["1 Buy 1 @ 99 maker"]);
}

#[test]
fn a_price_traded_through_fills_whatever_stood_before() {
    let mut script = both();
    script.quote(("99", "5"), ("101", "2"));
    script.buy("2", gtc("99"));
    script.buy("2", gtc("98.5"));
    script.said();
    // At most the size of the trade, the better price first.
    assert_eq!(script.trades(Side::Sell, "98", "3"), ["1 Buy 2 @ 99 maker", "2 Buy 1 @ 98.5 maker"]);
}

#[test]
fn the_other_side_that_comes_to_an_order_fills_it() {
    let mut script = both();
    script.quote(("99", "5"), ("101", "2"));
    script.sell("3", gtc("102"));
    script.said();
    assert_eq!(script.quote(("102", "2"), ("103", "1")), ["1 Sell 2 @ 102 maker"]);
    assert_eq!(script.quote(("102.5", "8"), ("103", "1")), ["1 Sell 1 @ 102 maker"]);
}

#[test]
fn post_only_looks_at_what_is_shown() {
    let mut script = both();
    script.quote(("99", "5"), ("101", "2"));
    script.trades(Side::Buy, "101", "1");
    script.buy("1", limit("101", TimeInForce::Alo));
    script.buy("1", limit("100.9", TimeInForce::Alo));
    assert_eq!(script.said(), ["rejected 1: post-only-would-take", "accepted 2"]);
}

#[test]
fn stops_go_by_trades_and_fill_with_what_is_shown() {
    let mut script = both();
    script.quote(("99", "5"), ("101", "2"));
    script.buy("2", OrderKind::Market);
    script.reduce(Side::Sell, "2", stop("95"));
    script.said();
    assert_eq!(script.quote(("94", "1"), ("96", "2")), [""; 0], "quotes do not trigger where trades come");
    assert_eq!(script.trades(Side::Sell, "95", "0.1"), ["triggered 2", "2 Sell 1 @ 94 taker"]);
    assert_eq!(script.quote(("93", "9"), ("96", "2")), ["2 Sell 1 @ 93 taker"]);
}

#[test]
fn without_trades_stops_go_by_the_middle() {
    let mut script = script(&[TickKind::Quotes], ExchangeSettings::default());
    script.quote(("99", "5"), ("101", "2"));
    script.buy("2", stop("102"));
    script.said();
    assert_eq!(script.quote(("100", "5"), ("103", "2")), [""; 0]);
    assert_eq!(script.quote(("101", "5"), ("103", "2")), ["triggered 1", "1 Buy 2 @ 103 taker"]);
}

#[test]
fn where_only_trades_are_shown_takers_get_the_next_and_the_setting_decides_about_a_touch() {
    for (limit_fill, touched) in [(LimitFill::Touch, vec!["2 Buy 1 @ 98 maker"]), (LimitFill::Through, vec![])] {
        let mut script = script(&[TickKind::Trades], ExchangeSettings { limit_fill, ..ExchangeSettings::default() });
        script.trades(Side::Buy, "100", "1");
        script.buy("3", OrderKind::Market);
        script.buy("1", gtc("98"));
        script.said();
        assert_eq!(script.trades(Side::Sell, "99", "2"), ["1 Buy 2 @ 99 taker"]);
        assert_eq!(script.trades(Side::Sell, "99.5", "2"), ["1 Buy 1 @ 99.5 taker"]);
        assert_eq!(script.trades(Side::Sell, "98", "2"), touched);
        assert_eq!(script.trades(Side::Sell, "97", "2").len(), 1 - touched.len());
    }
}

#[test]
fn of_a_trade_our_orders_get_their_share() {
    let settings = ExchangeSettings { participation: Some(number("0.5")), ..ExchangeSettings::default() };
    let mut script = script(&[TickKind::Trades], settings);
    script.buy("5", gtc("98"));
    script.said();
    assert_eq!(script.trades(Side::Sell, "98", "4"), ["1 Buy 2 @ 98 maker"]);
}

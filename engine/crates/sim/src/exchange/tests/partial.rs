//! Orders that may fill with but a share of a candle's volume.

use super::*;

/// A tenth of the volume, on a grid of hundredths.
fn script() -> Script {
    let settings = ExchangeSettings { participation: Some(number("0.1")), ..ExchangeSettings::default() };
    let rules = Rules { size_decimals: 2, ..Rules::ANY };
    let instrument = Instrument::new(MARKET, "BTC".parse().expect("a symbol"), rules);
    Script { exchange: Exchange::new(settings, &[instrument], &[true]).expect("valid settings"), minute: 0, orders: 0 }
}

impl Script {
    fn traded(&mut self, prices: [&str; 4], volume: &str) -> Vec<String> {
        let bar = Candle { volume: number(volume), ..candle(self.minute, prices) };
        self.bar(bar)
    }
}

#[test]
fn a_market_order_goes_on_at_the_next_opens_until_it_is_filled() {
    let mut script = script();
    script.traded(FLAT, "10");
    script.buy("2.5", OrderKind::Market);
    script.said();
    assert_eq!(script.traded(["100", "100", "100", "100"], "10"), ["1 Buy 1 @ 100 taker"]);
    // 0.1 × 10.19 is 1.019: the grid has 1.01.
    assert_eq!(script.traded(["101", "101", "101", "101"], "10.19"), ["1 Buy 1.01 @ 101 taker"]);
    assert_eq!(script.traded(["102", "102", "102", "102"], "10"), ["1 Buy 0.49 @ 102 taker"]);
    assert_eq!(script.exchange.position(StrategyId::new(0), MARKET), number("2.5"));
}

#[test]
fn what_is_left_of_a_limit_order_rests_and_of_an_immediate_one_is_cancelled() {
    let mut script = script();
    script.traded(FLAT, "10");
    script.buy("3", gtc("95"));
    script.buy("3", limit("100", TimeInForce::Ioc));
    script.said();
    let said = script.traded(["99", "99", "90", "94"], "20");
    let nothing_more = "cancelled 2: immediate-or-cancel: nothing more to take at the limit or better";
    assert_eq!(said, ["2 Buy 2 @ 99 taker", nothing_more], "the volume of the candle was used up at its open");
    assert_eq!(script.traded(["96", "96", "95", "96"], "20"), ["1 Buy 2 @ 95 maker"]);
    assert_eq!(script.traded(["94", "96", "94", "96"], "20"), ["1 Buy 1 @ 94 maker"]);
}

#[test]
fn a_stop_triggers_in_a_candle_without_volume_left_and_fills_later() {
    let mut script = script();
    script.traded(FLAT, "10");
    script.buy("1", OrderKind::Market);
    script.reduce(Side::Sell, "1", stop("90"));
    script.said();
    // A stop needs a position to reduce when it acts; the entry takes all the volume of the candle.
    assert_eq!(script.traded(["100", "100", "80", "85"], "10"), ["1 Buy 1 @ 100 taker", "triggered 2"]);
    assert_eq!(script.traded(["86", "86", "86", "86"], "20"), ["2 Sell 1 @ 86 taker"]);
}

#[test]
fn exits_become_live_once_the_whole_order_has_filled_and_for_all_of_it() {
    let mut script = script();
    script.traded(FLAT, "10");
    script.send(Side::Buy, "2", OrderKind::Market, |order| order.exits = Some(exits("120", "")));
    script.said();
    assert_eq!(script.traded(FLAT, "10"), ["1 Buy 1 @ 100 taker"]);
    assert_eq!(script.traded(FLAT, "10"), ["1 Buy 1 @ 100 taker", "live 1tp Sell 2"]);
    assert_eq!(script.traded(["110", "121", "110", "120"], "10"), ["triggered 1tp", "1tp Sell 1 @ 120 taker"]);
    assert_eq!(script.traded(["119", "119", "119", "119"], "10"), ["1tp Sell 1 @ 119 taker"]);
}

#[test]
fn an_amended_size_counts_what_has_filled() {
    let mut script = script();
    script.traded(FLAT, "10");
    script.buy("3", gtc("95"));
    assert_eq!(script.traded(["96", "96", "95", "96"], "10")[1..], ["1 Buy 1 @ 95 maker"]);
    script.amend(1, "1", gtc("95"));
    assert_eq!(script.said(), ["refused 1: cannot-amend"]);
    script.amend(1, "1.5", gtc("95"));
    script.said();
    assert_eq!(script.traded(["96", "96", "95", "96"], "100"), ["1 Buy 0.5 @ 95 maker"]);
}

#[test]
fn a_share_is_above_nothing_and_at_most_all() {
    for share in ["0", "-0.1", "1.1"] {
        let settings = ExchangeSettings { participation: Some(number(share)), ..ExchangeSettings::default() };
        let error = Exchange::new(settings, &[], &[]).expect_err(share);
        assert_eq!(error, ExchangeSettingsError::Participation(number(share)));
    }
}

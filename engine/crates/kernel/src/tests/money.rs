//! Money: fills, fees, funding, leverage, and what strategies see of it.

use super::script::{Script, number, replay};
use crate::{Decimal, Input, StrategyId};

#[test]
fn a_round_trip_settles_its_profit_and_its_fees() {
    insta::assert_snapshot!(replay("
        running
        candle 0 100
        answer buy 2 market
        fill c1 2 100 fee 0.09
        show
        candle 0 100
        answer sell 3 market
        fill c2 3 110 fee -0.01
        show
    "), @r#"
    1 hears #3 candle 0 at 100
    sent: c1 buy 2 at the market
    1 hears #4 order 1 0/2 at the market accepted (#3.0)
    1 hears #5 order 1 2/2 at the market filled 2 at 100, 0 left (#3.0)
    1 hears #6 position 0 -> 2 from 100, realized 0, by Fill
    settled 999.91, fees 0.09, funding 0; 1 holds 2 of 0 from 100, flow -200; wake None
    1 hears #7 candle 0 at 100
    sent: c2 sell 3 at the market
    1 hears #8 order 2 0/3 at the market accepted (#7.0)
    1 hears #9 order 2 3/3 at the market filled 3 at 110, 0 left (#7.0)
    1 hears #10 position 2 -> -1 from 110, realized 20, by Fill
    settled 1019.92, fees 0.08, funding 0; 1 holds -1 of 0 from 110, flow 110; wake None
    "#);
}

#[test]
fn funding_is_paid_once_for_each_time_and_shared_by_those_who_hold() {
    insta::assert_snapshot!(replay("
        running
        deploy 2
        start 2
        answer @2 subscribe 0
        candle 0 100
        answer buy 2 market
        answer @2 buy 1 market
        funding -1
        fill c1 2 100
        fill c2 1 100
        at 5
        funding -1
        funding -1
        show
    "), @r#"
    2 is created
    2 is warming up
    2 hears #3 init with cash 1000
    2 is running
    1 hears #4 candle 0 at 100
    2 hears #5 candle 0 at 100
    sent: c1 buy 2 at the market
    sent: c2 buy 1 at the market
    1 hears #6 Balance(BalanceEvent { time: Timestamp(0), cash: 999, change: -1, cause: Other })
    2 hears #7 Balance(BalanceEvent { time: Timestamp(0), cash: 999, change: -1, cause: Other })
    1 hears #8 order 1 0/2 at the market accepted (#4.0)
    1 hears #9 order 1 2/2 at the market filled 2 at 100, 0 left (#4.0)
    1 hears #10 position 0 -> 2 from 100, realized 0, by Fill
    2 hears #11 order 2 0/1 at the market accepted (#5.0)
    2 hears #12 order 2 1/1 at the market filled 1 at 100, 0 left (#5.0)
    2 hears #13 position 0 -> 1 from 100, realized 0, by Fill
    1 hears #14 funding -0.66666667
    2 hears #15 funding -0.33333333
    settled 998.00000000, fees 0, funding -1.00000000; 1 holds 2 of 0 from 100, flow -200; 2 holds 1 of 0 from 100, flow -100; wake None
    "#);
}

#[test]
fn funding_of_positions_that_cancel_out_is_shared_by_each_ones_own() {
    insta::assert_snapshot!(replay("
        running
        deploy 2
        start 2
        answer @2 subscribe 0
        candle 0 100
        answer buy 2 market
        answer @2 sell 2 market
        fill c1 2 100
        fill c2 2 100
        at 5
        funding 0
        show
        external-fill 7 buy 1 100
        at 6
        funding -1
        show
    "), @r#"
    2 is created
    2 is warming up
    2 hears #3 init with cash 1000
    2 is running
    1 hears #4 candle 0 at 100
    2 hears #5 candle 0 at 100
    sent: c1 buy 2 at the market
    sent: c2 sell 2 at the market
    1 hears #6 order 1 0/2 at the market accepted (#4.0)
    1 hears #7 order 1 2/2 at the market filled 2 at 100, 0 left (#4.0)
    1 hears #8 position 0 -> 2 from 100, realized 0, by Fill
    2 hears #9 order 2 0/2 at the market accepted (#5.0)
    2 hears #10 order 2 2/2 at the market filled 2 at 100, 0 left (#5.0)
    2 hears #11 position 0 -> -2 from 100, realized 0, by Fill
    1 hears #12 funding -0.0200
    2 hears #13 funding 0.0200
    settled 1000, fees 0, funding 0.0000; 1 holds 2 of 0 from 100, flow -200; 2 holds -2 of 0 from 100, flow 200; wake None
    1 hears #14 funding -2
    2 hears #15 funding 2
    1 hears #16 Balance(BalanceEvent { time: Timestamp(6), cash: 996.9800, change: -1, cause: Other })
    2 hears #17 Balance(BalanceEvent { time: Timestamp(6), cash: 1001.0200, change: -1, cause: Other })
    settled 999, fees 0, funding 0; 1 holds 2 of 0 from 100, flow -200; 2 holds -2 of 0 from 100, flow 200; wake None
    "#);
}

#[test]
fn funding_of_what_nobody_holds_any_more_is_that_of_the_one_who_did_and_else_a_change_of_the_collateral() {
    insta::assert_snapshot!(replay("
        running
        deploy 2
        start 2
        answer @2 subscribe 0
        candle 0 100
        answer buy 1 market
        cancelled c1
        at 5
        funding -1
        candle 0 100
        answer @2 buy 1 market
        at 6
        funding -2
        show
    "), @r#"
    2 is created
    2 is warming up
    2 hears #3 init with cash 1000
    2 is running
    1 hears #4 candle 0 at 100
    2 hears #5 candle 0 at 100
    sent: c1 buy 1 at the market
    1 hears #6 order 1 0/1 at the market accepted (#4.0)
    1 hears #7 order 1 0/1 at the market cancelled as asked (#4.0)
    1 hears #8 funding -1
    1 hears #9 candle 0 at 100
    2 hears #10 candle 0 at 100
    sent: c2 buy 1 at the market
    1 hears #11 Balance(BalanceEvent { time: Timestamp(6), cash: 997, change: -2, cause: Other })
    2 hears #12 Balance(BalanceEvent { time: Timestamp(6), cash: 998, change: -2, cause: Other })
    settled 997, fees 0, funding -1; 2 has order 2 0/1; wake Some(10005)
    "#);
}

#[test]
fn what_is_told_behind_the_collateral_that_contained_it_counts_once() {
    insta::assert_snapshot!(replay("
        live
        deploy 1
        start 1
        snapshot cash 1000
        answer subscribe 0
        candle 0 100
        answer buy 1 market
        at 5
        fill c1 1 100
        at 10
        snapshot 0=1 cash 1048 time 9
        at 7
        funding -2
        balance 50
        fill c1 1 90 fee 1 trade 77
        show
        at 10
        balance 5
        show
        at 11
        snapshot 0=1 cash 1053
    "), @r#"
    reconcile: Start
    1 is created
    1 is warming up
    1 hears #1 init with cash 1000
    1 is running
    1 hears #2 candle 0 at 100
    sent: c1 buy 1 at the market
    1 hears #3 order 1 0/1 at the market accepted (#2.0)
    1 hears #4 order 1 1/1 at the market filled 1 at 100, 0 left (#2.0)
    1 hears #5 position 0 -> 1 from 100, realized 0, by Fill
    differs at 9 in Cash: ours 1000, theirs 1048
    1 hears #6 Balance(BalanceEvent { time: Timestamp(9), cash: 1048, change: 48, cause: Other })
    1 hears #7 funding -2
    1 hears #8 Balance(BalanceEvent { time: Timestamp(7), cash: 1048, change: 2, cause: Other })
    differs at 7 in Filled(0x01000009000100000000000002000000): ours 1, theirs 2
    1 hears #9 order 1 2/1 at the market filled 1 at 90, 0 left (#2.0)
    1 hears #10 position 1 -> 1 from 90, realized -10, by Fill
    1 hears #11 Balance(BalanceEvent { time: Timestamp(7), cash: 1048, change: 11, cause: Other })
    settled 1048, fees 1, funding -2; 1 holds 1 of 0 from 90, flow -90; wake None
    1 hears #12 Balance(BalanceEvent { time: Timestamp(10), cash: 1053, change: 5, cause: Deposit })
    settled 1053, fees 1, funding -2; 1 holds 1 of 0 from 90, flow -90; wake None
    "#);
}

#[test]
fn collateral_of_a_shared_position_is_reckoned_as_the_exchange_does() {
    insta::assert_snapshot!(replay("
        netted
        opposite
        live
        deploy 1 shares
        start 1
        deploy 2 shares
        start 2
        snapshot cash 1000
        answer subscribe 0
        answer @2 subscribe 0
        candle 0 100
        answer buy 2 market
        answer @2 sell 2 market
        at 5
        fill c1 2 100
        fill c2 2 110
        at 6
        snapshot cash 1020
        show
        at 7
        snapshot cash 1021
        show
    "), @r#"
    reconcile: Start
    1 is created
    2 is created
    1 is warming up
    1 hears #1 init with cash 1000
    2 is warming up
    2 hears #2 init with cash 1000
    1 is running
    2 is running
    1 hears #3 candle 0 at 100
    2 hears #4 candle 0 at 100
    sent: c1 buy 2 at the market
    sent: c2 sell 2 at the market
    1 hears #5 order 1 0/2 at the market accepted (#3.0)
    1 hears #6 order 1 2/2 at the market filled 2 at 100, 0 left (#3.0)
    1 hears #7 position 0 -> 2 from 100, realized 0, by Fill
    2 hears #8 order 2 0/2 at the market accepted (#4.0)
    2 hears #9 order 2 2/2 at the market filled 2 at 110, 0 left (#4.0)
    2 hears #10 position 0 -> -2 from 110, realized 0, by Fill
    settled 1000, fees 0, funding 0; 1 holds 2 of 0 from 100, flow -200; 2 holds -2 of 0 from 110, flow 220; wake None
    differs at 7 in Cash: ours 1020, theirs 1021
    1 hears #11 Balance(BalanceEvent { time: Timestamp(7), cash: 1001, change: 1, cause: Other })
    2 hears #12 Balance(BalanceEvent { time: Timestamp(7), cash: 1001, change: 1, cause: Other })
    settled 1001, fees 0, funding 0; 1 holds 2 of 0 from 100, flow -200; 2 holds -2 of 0 from 110, flow 220; wake None
    "#);
}

/// The exchange bought 2 at 100, sold 2 at 110, and bought 1 at 90: it holds 1 from 90 and made 20. Who hears of the sale last has
/// another average, calls another part of it realized, and has the same money.
#[test]
fn fills_that_are_heard_of_in_another_order_are_no_other_money() {
    insta::assert_snapshot!(replay("
        live
        deploy 1
        start 1
        snapshot cash 1000
        answer subscribe 0
        candle 0 100
        answer buy 2 market; buy 1 market; sell 2 market
        at 5
        fill c1 2 100
        fill c2 1 90
        fill c3 2 110
        at 6
        snapshot 0=1x90 cash 1020
        show
        at 7
        snapshot 0=1x90 cash 1021
        show
    "), @r#"
    reconcile: Start
    1 is created
    1 is warming up
    1 hears #1 init with cash 1000
    1 is running
    1 hears #2 candle 0 at 100
    sent: c1 buy 2 at the market
    sent: c2 buy 1 at the market
    sent: c3 sell 2 at the market
    1 hears #3 order 1 0/2 at the market accepted (#2.0)
    1 hears #4 order 1 2/2 at the market filled 2 at 100, 0 left (#2.0)
    1 hears #5 position 0 -> 2 from 100, realized 0, by Fill
    1 hears #6 order 2 0/1 at the market accepted (#2.1)
    1 hears #7 order 2 1/1 at the market filled 1 at 90, 0 left (#2.1)
    1 hears #8 position 2 -> 3 from 96.66666667, realized 0, by Fill
    1 hears #9 order 3 0/2 at the market accepted (#2.2)
    1 hears #10 order 3 2/2 at the market filled 2 at 110, 0 left (#2.2)
    1 hears #11 position 3 -> 1 from 96.66666667, realized 26.66666667, by Fill
    settled 1000, fees 0, funding 0; 1 holds 1 of 0 from 96.66666667, flow -70; wake None
    differs at 7 in Cash: ours 1020, theirs 1021
    1 hears #12 Balance(BalanceEvent { time: Timestamp(7), cash: 1027.66666667, change: 1, cause: Other })
    settled 1001, fees 0, funding 0; 1 holds 1 of 0 from 96.66666667, flow -70; wake None
    "#);
}

#[test]
fn leverage_is_known_once_the_exchange_has_said_it() {
    insta::assert_snapshot!(replay("
        running
        candle 0 100
        answer buy 1 market; leverage 5
        fill c1 1 100
        leverage-set 5
        candle 0 100
        answer close
        fill c2 1 100
    "), @r#"
    1 hears #3 candle 0 at 100
    sent: c1 buy 1 at the market
    sent: leverage 5
    1 hears #4 order 1 0/1 at the market accepted (#3.0)
    1 hears #5 order 1 1/1 at the market filled 1 at 100, 0 left (#3.0)
    1 hears #6 position 0 -> 1 from 100, realized 0, by Fill
    1 hears #7 no order accepted (#3.1)
    1 hears #8 position 1 -> 1 from 100, realized 0, leverage 5, by Settings
    1 hears #9 candle 0 at 100
    sent: c2 sell 1 at the market reduce-only
    1 hears #10 order 2 0/1 at the market accepted (#9.0)
    1 hears #11 order 2 1/1 at the market filled 1 at 100, 0 left (#9.0)
    1 hears #12 position 1 -> 0 from 0, realized 0, by Fill
    "#);
}

#[test]
fn a_liquidation_says_so() {
    insta::assert_snapshot!(replay("
        running
        candle 0 100
        answer buy 1 market
        fill c1 1 100
        candle 0 100
        answer sell 1 limit 110
        fill c2 1 50 liquidation
    "), @r#"
    1 hears #3 candle 0 at 100
    sent: c1 buy 1 at the market
    1 hears #4 order 1 0/1 at the market accepted (#3.0)
    1 hears #5 order 1 1/1 at the market filled 1 at 100, 0 left (#3.0)
    1 hears #6 position 0 -> 1 from 100, realized 0, by Fill
    1 hears #7 candle 0 at 100
    sent: c2 sell 1 at 110 Gtc
    1 hears #8 order 2 0/1 at 110 Gtc accepted (#7.0)
    1 hears #9 order 2 1/1 at 110 Gtc filled 1 at 50, 0 left (#7.0)
    1 hears #10 position 1 -> 0 from 0, realized -50, by Liquidation
    "#);
}

#[test]
fn views_are_shared_until_something_changes_and_add_up() {
    let mut script = Script::played("running\n candle 0 100\n answer buy 2 market\n fill c1 2 100 fee 0.5\n settle");
    let one = StrategyId::new(1);
    let deliver = |script: &mut Script, at: &str| {
        let price = crate::Price::new(number(at)).expect("positive");
        let (now, volume) = (crate::Timestamp::from_millis(0), Decimal::ONE);
        let candle = crate::Candle { open_time: now, open: price, high: price, low: price, close: price, volume };
        let event = crate::MarketEvent::Candle { series: crate::SeriesId::new(0), candle };
        script.core().handle(now, Input::Market(event));
        let Some(crate::Output::Deliver(deliver)) = script.core().poll() else { panic!("it runs") };
        let (strategy, number) = (one, deliver.number);
        let answer = crate::Answer::Intents(Vec::new());
        let ended = crate::HookEnded { strategy, number, answer, effects: None, fuel: 0 };
        script.core().handle(now, Input::HookEnded(ended));
        deliver.views
    };
    let first = deliver(&mut script, "110");
    let second = deliver(&mut script, "120");
    assert!(std::sync::Arc::ptr_eq(&first.account, &second.account), "nothing changed");
    assert_eq!((first.equity(), second.equity()), (Some(number("1019.5")), Some(number("1039.5"))));
    assert_eq!((first.account.cash(), first.unrealized_pnl(0)), (Some(number("999.5")), Some(number("20"))));
}

#[test]
fn money_out_of_range_faults_the_strategy_and_changes_nothing() {
    let transcript = replay(
        "
        running
        candle 0 100
        answer buy 1 market
        fill c1 79228162514264337593543950335 79228162514264337593543950335
        show
    ",
    );
    assert!(transcript.contains("1 is faulted: overflow in account"), "{transcript}");
    assert!(transcript.contains("settled 1000, fees 0, funding 0; wake"), "{transcript}");
}

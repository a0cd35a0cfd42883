//! What nobody here asked for: orders by hand, trades by force, sizes that the exchange changes.

use super::script::replay;

#[test]
fn an_order_by_hand_is_kept_apart_and_followed() {
    insta::assert_snapshot!(replay("
        running
        external 7 buy 2 90
        external 8 sell 1 110
        states
        at 1
        external-fill 7 buy 0.5 90
        states
        external-gone 8
        external-fill 7 buy 1.5 90
        states
        external-gone 9
        show
    "), @r#"
    not ours 7: 2 left; not ours 8: 1 left
    not ours 7: 1.5 left; not ours 8: 1 left; nobody's: 0.5 held
    nobody's: 2.0 held
    settled 1000, fees 0, funding 0; wake None
    "#);
}

#[test]
fn a_trade_by_hand_is_the_position_of_whoever_alone_holds_the_instrument() {
    insta::assert_snapshot!(replay("
        running
        candle 0 100
        answer buy 1 market
        fill c1 1 100
        external-fill 7 sell 0.25 110
        states
        show
    "), @r#"
    1 hears #3 candle 0 at 100
    sent: c1 buy 1 at the market
    1 hears #4 order 1 0/1 at the market accepted (#3.0)
    1 hears #5 order 1 1/1 at the market filled 1 at 100, 0 left (#3.0)
    1 hears #6 position 0 -> 1 from 100, realized 0, by Fill
    1 hears #7 position 1 -> 0.75 from 100, realized 2.50, by Exchange
    nothing open
    settled 1000, fees 0, funding 0; 1 holds 0.75 of 0 from 100, flow -72.50; wake None
    "#);
}

#[test]
fn a_trade_by_hand_where_several_hold_is_nobodys() {
    insta::assert_snapshot!(replay("
        running
        deploy 2
        start 2
        answer @2 subscribe 0
        settle
        candle 0 100
        answer buy 1 market
        answer @2 buy 1 market
        fill c1 1 100
        fill c2 1 100
        external-fill 7 sell 0.25 110
        states
        show
    "), @r#"
    2 is created
    2 is warming up
    2 hears #3 init with cash 1000
    2 is running
    1 hears #4 candle 0 at 100
    2 hears #5 candle 0 at 100
    sent: c1 buy 1 at the market
    sent: c2 buy 1 at the market
    1 hears #6 order 1 0/1 at the market accepted (#4.0)
    1 hears #7 order 1 1/1 at the market filled 1 at 100, 0 left (#4.0)
    1 hears #8 position 0 -> 1 from 100, realized 0, by Fill
    2 hears #9 order 2 0/1 at the market accepted (#5.0)
    2 hears #10 order 2 1/1 at the market filled 1 at 100, 0 left (#5.0)
    2 hears #11 position 0 -> 1 from 100, realized 0, by Fill
    nobody's: -0.25 held
    settled 1000, fees 0, funding 0; 1 holds 1 of 0 from 100, flow -100; 2 holds 1 of 0 from 100, flow -100; wake None
    "#);
}

#[test]
fn an_order_of_ours_without_its_name_is_known_by_its_number() {
    insta::assert_snapshot!(replay("
        running
        candle 0 100
        answer buy 1 limit 90
        accept c1 v 7
        fill c1 0.5 90 nameless v 7
        open c1 1 90 500 nameless v 7
        states
    "), @r#"
    1 hears #3 candle 0 at 100
    sent: c1 buy 1 at 90 Gtc
    1 hears #4 order 1 0/1 at 90 Gtc accepted (#3.0)
    1 hears #5 order 1 0.5/1 at 90 Gtc partially filled 0.5 at 90, 0.5 left (#3.0)
    1 hears #6 position 0 -> 0.5 from 90, realized 0, by Fill
    1 has order 1 PartlyFilled
    "#);
}

#[test]
fn a_liquidation_names_no_order_and_moves_the_position() {
    insta::assert_snapshot!(replay("
        running
        candle 0 100
        answer buy 1 market
        fill c1 1 100
        candle 0 100
        answer sell 1 limit 120 reduce
        accept c2
        external-fill 9 sell 1 60 liquidation
        cancelled c2
        states
        show
    "), @r#"
    1 hears #3 candle 0 at 100
    sent: c1 buy 1 at the market
    1 hears #4 order 1 0/1 at the market accepted (#3.0)
    1 hears #5 order 1 1/1 at the market filled 1 at 100, 0 left (#3.0)
    1 hears #6 position 0 -> 1 from 100, realized 0, by Fill
    1 hears #7 candle 0 at 100
    sent: c2 sell 1 at 120 Gtc reduce-only
    1 hears #8 order 2 0/1 at 120 Gtc accepted (#7.0)
    1 hears #9 position 1 -> 0 from 0, realized -40, by Liquidation
    1 hears #10 order 2 0/1 at 120 Gtc cancelled as asked (#7.0)
    nothing open
    settled 960, fees 0, funding 0; wake None
    "#);
}

#[test]
fn a_liquidation_by_an_order_of_ours_is_a_fill_of_it() {
    insta::assert_snapshot!(replay("
        running
        candle 0 100
        answer buy 1 market
        fill c1 1 100
        candle 0 100
        answer sell 1 limit 120 reduce
        fill c2 0.5 60 liquidation
        states
        show
    "), @r#"
    1 hears #3 candle 0 at 100
    sent: c1 buy 1 at the market
    1 hears #4 order 1 0/1 at the market accepted (#3.0)
    1 hears #5 order 1 1/1 at the market filled 1 at 100, 0 left (#3.0)
    1 hears #6 position 0 -> 1 from 100, realized 0, by Fill
    1 hears #7 candle 0 at 100
    sent: c2 sell 1 at 120 Gtc reduce-only
    1 hears #8 order 2 0/1 at 120 Gtc accepted (#7.0)
    1 hears #9 order 2 0.5/1 at 120 Gtc partially filled 0.5 at 60, 0.5 left (#7.0)
    1 hears #10 position 1 -> 0.5 from 100, realized -20.0, by Liquidation
    1 has order 2 PartlyFilled
    settled 1000, fees 0, funding 0; 1 holds 0.5 of 0 from 100, flow -70.0; 1 has order 2 0.5/1; wake None
    "#);
}

#[test]
fn auto_deleveraging_takes_a_part() {
    insta::assert_snapshot!(replay("
        running
        candle 0 100
        answer sell 1 market
        fill c1 1 100
        external-fill 9 buy 0.5 50 deleveraging
        report 0 -0.5 entry 100 time 0
        states
        show
    "), @r#"
    1 hears #3 candle 0 at 100
    sent: c1 sell 1 at the market
    1 hears #4 order 1 0/1 at the market accepted (#3.0)
    1 hears #5 order 1 1/1 at the market filled 1 at 100, 0 left (#3.0)
    1 hears #6 position 0 -> -1 from 100, realized 0, by Fill
    1 hears #7 position -1 -> -0.5 from 100, realized 25.0, by Liquidation
    nothing open
    settled 1000, fees 0, funding 0; 1 holds -0.5 of 0 from 100, flow 75.0; wake None
    "#);
}

#[test]
fn a_settlement_closes_what_is_held() {
    insta::assert_snapshot!(replay("
        running
        candle 0 100
        answer buy 1 market
        fill c1 1 100
        external-fill 9 sell 1 100 settlement
        states
        show
    "), @r#"
    1 hears #3 candle 0 at 100
    sent: c1 buy 1 at the market
    1 hears #4 order 1 0/1 at the market accepted (#3.0)
    1 hears #5 order 1 1/1 at the market filled 1 at 100, 0 left (#3.0)
    1 hears #6 position 0 -> 1 from 100, realized 0, by Fill
    1 hears #7 position 1 -> 0 from 0, realized 0, by Exchange
    nothing open
    settled 1000, fees 0, funding 0; wake None
    "#);
}

#[test]
fn a_reduce_only_order_shrinks_with_the_position_and_grows_back() {
    insta::assert_snapshot!(replay("
        running
        candle 0 100
        answer buy 2 market
        fill c1 2 100
        candle 0 100
        answer sell 2 limit 120 reduce; sell 1 market
        accept c2
        fill c3 1 100
        resized c2 1
        show
        open c2 1 120 500
        open c2 2 120 600
        show
        resized c2 1
        fill c2 1 120
        show
    "), @r#"
    1 hears #3 candle 0 at 100
    sent: c1 buy 2 at the market
    1 hears #4 order 1 0/2 at the market accepted (#3.0)
    1 hears #5 order 1 2/2 at the market filled 2 at 100, 0 left (#3.0)
    1 hears #6 position 0 -> 2 from 100, realized 0, by Fill
    1 hears #7 candle 0 at 100
    sent: c2 sell 2 at 120 Gtc reduce-only
    sent: c3 sell 1 at the market
    1 hears #8 order 2 0/2 at 120 Gtc accepted (#7.0)
    1 hears #9 order 3 0/1 at the market accepted (#7.1)
    1 hears #10 order 3 1/1 at the market filled 1 at 100, 0 left (#7.1)
    1 hears #11 position 2 -> 1 from 100, realized 0, by Fill
    settled 1000, fees 0, funding 0; 1 holds 1 of 0 from 100, flow -100; 1 has order 2 0/1; wake None
    settled 1000, fees 0, funding 0; 1 holds 1 of 0 from 100, flow -100; 1 has order 2 0/2; wake None
    1 hears #12 order 2 1/1 at 120 Gtc filled 1 at 120, 0 left (#7.0)
    1 hears #13 position 1 -> 0 from 0, realized 20, by Fill
    settled 1020, fees 0, funding 0; wake None
    "#);
}

#[test]
fn a_reduce_only_order_cannot_shrink_below_what_filled() {
    insta::assert_snapshot!(replay("
        running
        candle 0 100
        answer buy 2 market
        fill c1 2 100
        candle 0 100
        answer sell 2 limit 120 reduce
        fill c2 1 120
        resized c2 0.5
        resized c2 1
        states
        cancelled c2
        show
    "), @r#"
    1 hears #3 candle 0 at 100
    sent: c1 buy 2 at the market
    1 hears #4 order 1 0/2 at the market accepted (#3.0)
    1 hears #5 order 1 2/2 at the market filled 2 at 100, 0 left (#3.0)
    1 hears #6 position 0 -> 2 from 100, realized 0, by Fill
    1 hears #7 candle 0 at 100
    sent: c2 sell 2 at 120 Gtc reduce-only
    1 hears #8 order 2 0/2 at 120 Gtc accepted (#7.0)
    1 hears #9 order 2 1/2 at 120 Gtc partially filled 1 at 120, 1 left (#7.0)
    1 hears #10 position 2 -> 1 from 100, realized 20, by Fill
    1 has order 2 PartlyFilled; Oddities { contradictions: 1, reversals: 0, over_fills: 0, fills_too_old: 0, external_orders_dropped: 0 }
    1 hears #11 order 2 1/1 at 120 Gtc cancelled as asked (#7.0)
    settled 1000, fees 0, funding 0; 1 holds 1 of 0 from 100, flow -80; wake None
    "#);
}

#[test]
fn a_reduce_only_order_whose_position_is_gone_is_cancelled_by_the_exchange() {
    insta::assert_snapshot!(replay("
        running
        candle 0 100
        answer buy 1 market
        fill c1 1 100
        candle 0 100
        answer sell 1 limit 120 reduce
        accept c2
        external-fill 9 sell 1 100
        cancelled c2
        states
        show
    "), @r#"
    1 hears #3 candle 0 at 100
    sent: c1 buy 1 at the market
    1 hears #4 order 1 0/1 at the market accepted (#3.0)
    1 hears #5 order 1 1/1 at the market filled 1 at 100, 0 left (#3.0)
    1 hears #6 position 0 -> 1 from 100, realized 0, by Fill
    1 hears #7 candle 0 at 100
    sent: c2 sell 1 at 120 Gtc reduce-only
    1 hears #8 order 2 0/1 at 120 Gtc accepted (#7.0)
    1 hears #9 position 1 -> 0 from 0, realized 0, by Exchange
    1 hears #10 order 2 0/1 at 120 Gtc cancelled as asked (#7.0)
    nothing open
    settled 1000, fees 0, funding 0; wake None
    "#);
}

#[test]
fn an_order_that_the_exchange_takes_out_to_keep_it_from_trading_with_ourselves() {
    insta::assert_snapshot!(replay("
        running
        candle 0 100
        answer buy 1 limit 99
        accept c1
        candle 0 100
        answer sell 2 limit 99
        cancelled c1
        fill c2 1 99
        states
        show
    "), @r#"
    1 hears #3 candle 0 at 100
    sent: c1 buy 1 at 99 Gtc
    1 hears #4 order 1 0/1 at 99 Gtc accepted (#3.0)
    1 hears #5 candle 0 at 100
    sent: c2 sell 2 at 99 Gtc
    1 hears #6 order 1 0/1 at 99 Gtc cancelled as asked (#3.0)
    1 hears #7 order 2 0/2 at 99 Gtc accepted (#5.0)
    1 hears #8 order 2 1/2 at 99 Gtc partially filled 1 at 99, 1 left (#5.0)
    1 hears #9 position 0 -> -1 from 99, realized 0, by Fill
    1 has order 2 PartlyFilled
    settled 1000, fees 0, funding 0; 1 holds -1 of 0 from 99, flow 99; 1 has order 2 1/2; wake None
    "#);
}

#[test]
fn own_orders_in_the_way_are_cancelled_first_where_that_is_declared() {
    insta::assert_snapshot!(replay("
        risk self-trade cancel
        running
        candle 0 100
        answer buy 1 limit 99; buy 1 limit 90
        accept c1
        candle 0 100
        answer sell 1 limit 99
        states
        fill c1 0.5 99
        cancelled c1
        accept c3
        states
        show
    "), @r#"
    1 hears #3 candle 0 at 100
    sent: c1 buy 1 at 99 Gtc
    sent: c2 buy 1 at 90 Gtc
    1 hears #4 order 1 0/1 at 99 Gtc accepted (#3.0)
    1 hears #5 candle 0 at 100
    sent: cancel of event 3
    sent: c3 sell 1 at 99 Gtc
    1 has order 1 Cancelling; 1 has order 2 Sent; 1 has order 3 Sent; wake 10000
    1 hears #6 order 1 0.5/1 at 99 Gtc partially filled 0.5 at 99, 0.5 left (#3.0)
    1 hears #7 position 0 -> 0.5 from 99, realized 0, by Fill
    1 hears #8 order 1 0.5/1 at 99 Gtc cancelled as asked (#3.0)
    1 hears #9 order 3 0/1 at 99 Gtc accepted (#5.0)
    1 has order 2 Sent; 1 has order 3 Open; wake 10000
    settled 1000, fees 0, funding 0; 1 holds 0.5 of 0 from 99, flow -49.5; 1 has order 2 0/1; 1 has order 3 0/1; wake Some(10000)
    "#);
}

#[test]
fn an_order_taken_for_gone_that_a_later_picture_shows_is_cancelled() {
    let mut script = super::script::Script::played(
        "netted\n live\n deploy 1\n start 1\n snapshot time 0\n answer subscribe 0\n candle 0 100\n at 10\n candle 0 100\n \
         answer buy 1 limit 90\n accept c1\n at 20\n unanswered c1\n at 30000\n absent c1 30000",
    );
    script.transcript.clear();
    script.run("at 30001\n snapshot c1@90 time 29999");
    assert!(!script.transcript.contains("sent:"), "an older picture says nothing: {}", script.transcript);
    script.run("at 40000\n snapshot c1@90 time 40000\n states");
    assert_eq!(script.transcript.matches("sent: cancel").count(), 1, "{}", script.transcript);
    assert!(!script.transcript.contains("not ours"), "{}", script.transcript);
    script.run("cancelled c1\n at 50000\n snapshot time 50000\n states");
    let last = script.transcript.lines().last().unwrap_or_default();
    assert!(!last.contains("has order") && !last.contains("not ours"), "{}", script.transcript);
}

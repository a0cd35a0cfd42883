//! Exits that the core guards, for an exchange that holds none.

use super::script::replay;

/// A strategy with 2 BTC bought at 100, a take-profit at 110 and a stop-loss at 90 attached.
const PROTECTED: &str = "
    holds-nothing
    running
    candle 0 100
    answer buy 2 market tp 110 sl 90
    fill c1 0.5 100
    fill c1 1.5 100
";

#[test]
fn attached_exits_live_as_soon_as_something_fills_and_grow_with_it() {
    insta::assert_snapshot!(replay(&format!("{PROTECTED} candle 0 109\ncandle 0 91\nshow")), @r#"
    1 hears #3 candle 0 at 100
    sent: c1 buy 2 at the market
    1 hears #4 order 1 0/2 at the market accepted (#3.0)
    1 notifies: its exits wait in the engine, not at the exchange: they do nothing while the engine is down
    1 hears #5 order 1 0.5/2 at the market partially filled 0.5 at 100, 1.5 left (#3.0)
    1 hears #6 position 0 -> 0.5 from 100, realized 0, by Fill
    1 hears #7 order 2 0/0.5 TakeProfit 110 accepted (#3.0)
    1 hears #8 order 3 0/0.5 Stop 90 accepted (#3.0)
    1 hears #9 order 1 2.0/2 at the market filled 1.5 at 100, 0.0 left (#3.0)
    1 hears #10 position 0.5 -> 2.0 from 100, realized 0, by Fill
    1 hears #11 candle 0 at 109
    1 hears #12 candle 0 at 91
    settled 1000, fees 0, funding 0; 1 holds 2.0 of 0 from 100, flow -200.0; wake None
    "#);
}

#[test]
fn an_exit_that_is_reached_goes_out_and_the_other_one_goes() {
    insta::assert_snapshot!(replay(&format!("{PROTECTED} candle 0 89\naccept c2\nfill c2 2 89\nstates\ncandle 0 120")), @r#"
    1 hears #3 candle 0 at 100
    sent: c1 buy 2 at the market
    1 hears #4 order 1 0/2 at the market accepted (#3.0)
    1 notifies: its exits wait in the engine, not at the exchange: they do nothing while the engine is down
    1 hears #5 order 1 0.5/2 at the market partially filled 0.5 at 100, 1.5 left (#3.0)
    1 hears #6 position 0 -> 0.5 from 100, realized 0, by Fill
    1 hears #7 order 2 0/0.5 TakeProfit 110 accepted (#3.0)
    1 hears #8 order 3 0/0.5 Stop 90 accepted (#3.0)
    1 hears #9 order 1 2.0/2 at the market filled 1.5 at 100, 0.0 left (#3.0)
    1 hears #10 position 0.5 -> 2.0 from 100, realized 0, by Fill
    1 hears #11 order 3 0/2.0 at the market triggered (#3.0)
    sent: c2 sell 2 at the market reduce-only
    1 hears #13 order 2 0/2.0 TakeProfit 110 cancelled the other exit of its order was reached (#3.0)
    1 hears #14 candle 0 at 89
    1 hears #15 order 3 2/2 at the market filled 2 at 89, 0 left (#3.0)
    1 hears #16 position 2.0 -> 0 from 0, realized -22.0, by Fill
    nothing open
    1 hears #17 candle 0 at 120
    "#);
}

#[test]
fn what_an_exit_left_over_goes_out_again_until_nothing_is_left() {
    insta::assert_snapshot!(replay(&format!("{PROTECTED}
        candle 0 89
        fill c2 0.5 89
        cancelled c2
        states
        at 5000
        wake
        reject c3
        at 10000
        wake
        fill c4 1.5 88
        states
    ")), @r#"
    1 hears #3 candle 0 at 100
    sent: c1 buy 2 at the market
    1 hears #4 order 1 0/2 at the market accepted (#3.0)
    1 notifies: its exits wait in the engine, not at the exchange: they do nothing while the engine is down
    1 hears #5 order 1 0.5/2 at the market partially filled 0.5 at 100, 1.5 left (#3.0)
    1 hears #6 position 0 -> 0.5 from 100, realized 0, by Fill
    1 hears #7 order 2 0/0.5 TakeProfit 110 accepted (#3.0)
    1 hears #8 order 3 0/0.5 Stop 90 accepted (#3.0)
    1 hears #9 order 1 2.0/2 at the market filled 1.5 at 100, 0.0 left (#3.0)
    1 hears #10 position 0.5 -> 2.0 from 100, realized 0, by Fill
    1 hears #11 order 3 0/2.0 at the market triggered (#3.0)
    sent: c2 sell 2 at the market reduce-only
    1 hears #13 order 2 0/2.0 TakeProfit 110 cancelled the other exit of its order was reached (#3.0)
    1 hears #14 candle 0 at 89
    1 hears #15 order 3 0.5/2 at the market partially filled 0.5 at 89, 1.5 left (#3.0)
    1 hears #16 position 2.0 -> 1.5 from 100, realized -5.5, by Fill
    1 hears #17 order 3 0.5/2 at the market cancelled as asked (#3.0)
    wake 5000
    sent: c3 sell 1.5 at the market reduce-only
    1 hears #19 order 4 0/1.5 at the market rejected venue-says-no (#3.0)
    sent: c4 sell 1.5 at the market reduce-only
    1 hears #21 order 5 0/1.5 at the market accepted (#3.0)
    1 hears #22 order 5 1.5/1.5 at the market filled 1.5 at 88, 0.0 left (#3.0)
    1 hears #23 position 1.5 -> 0 from 0, realized -23.5, by Fill
    nothing open
    "#);
}

#[test]
fn an_exit_that_cannot_go_out_is_given_up_with_an_alert() {
    insta::assert_snapshot!(replay("
        holds-nothing
        risk closing 1000 500 5000 1
        running
        candle 0 100
        answer buy 2 market sl 90
        fill c1 2 100
        candle 0 89
        reject c2
        at 5000
        wake
        states
    "), @r#"
    1 hears #3 candle 0 at 100
    sent: c1 buy 2 at the market
    1 hears #4 order 1 0/2 at the market accepted (#3.0)
    1 notifies: its exits wait in the engine, not at the exchange: they do nothing while the engine is down
    1 hears #5 order 1 2/2 at the market filled 2 at 100, 0 left (#3.0)
    1 hears #6 position 0 -> 2 from 100, realized 0, by Fill
    1 hears #7 order 2 0/2 Stop 90 accepted (#3.0)
    1 hears #8 order 2 0/2 at the market triggered (#3.0)
    sent: c2 sell 2 at the market reduce-only
    1 hears #10 candle 0 at 89
    1 hears #11 order 2 0/2 at the market rejected venue-says-no (#3.0)
    NotFlat { strategy: StrategyId(1), instrument: InstrumentId(0), size: 2 }
    1 notifies: after 1 attempts exit 2 still has 2 to close of instrument 0: do it by hand, or fire the kill switch
    nothing open
    "#);
}

#[test]
fn a_price_that_came_while_the_connection_was_lost_counts() {
    insta::assert_snapshot!(replay(&format!("{PROTECTED}
        lost
        candle 0 89
        candle 0 95
        recovered
        fill c2 2 95
        states
    ")), @r#"
    1 hears #3 candle 0 at 100
    sent: c1 buy 2 at the market
    1 hears #4 order 1 0/2 at the market accepted (#3.0)
    1 notifies: its exits wait in the engine, not at the exchange: they do nothing while the engine is down
    1 hears #5 order 1 0.5/2 at the market partially filled 0.5 at 100, 1.5 left (#3.0)
    1 hears #6 position 0 -> 0.5 from 100, realized 0, by Fill
    1 hears #7 order 2 0/0.5 TakeProfit 110 accepted (#3.0)
    1 hears #8 order 3 0/0.5 Stop 90 accepted (#3.0)
    1 hears #9 order 1 2.0/2 at the market filled 1.5 at 100, 0.0 left (#3.0)
    1 hears #10 position 0.5 -> 2.0 from 100, realized 0, by Fill
    1 hears #11 feed Connection Lost
    1 hears #12 order 3 0/2.0 at the market triggered (#3.0)
    1 hears #13 order 2 0/2.0 TakeProfit 110 cancelled the other exit of its order was reached (#3.0)
    1 hears #14 candle 0 at 89
    1 hears #15 candle 0 at 95
    1 hears #16 feed Connection Recovered
    sent: c2 sell 2 at the market reduce-only
    1 hears #18 order 3 2/2 at the market filled 2 at 95, 0 left (#3.0)
    1 hears #19 position 2.0 -> 0 from 0, realized -10.0, by Fill
    nothing open
    "#);
}

#[test]
fn exits_are_amended_and_cancelled_like_any_order() {
    insta::assert_snapshot!(replay(&format!("{PROTECTED}
        candle 0 101
        answer amend 3 trigger 95; amend 2 trigger -1; cancel 2
        candle 0 111
        candle 0 95
        answer cancel-all; cancel 3
    ")), @r#"
    1 hears #3 candle 0 at 100
    sent: c1 buy 2 at the market
    1 hears #4 order 1 0/2 at the market accepted (#3.0)
    1 notifies: its exits wait in the engine, not at the exchange: they do nothing while the engine is down
    1 hears #5 order 1 0.5/2 at the market partially filled 0.5 at 100, 1.5 left (#3.0)
    1 hears #6 position 0 -> 0.5 from 100, realized 0, by Fill
    1 hears #7 order 2 0/0.5 TakeProfit 110 accepted (#3.0)
    1 hears #8 order 3 0/0.5 Stop 90 accepted (#3.0)
    1 hears #9 order 1 2.0/2 at the market filled 1.5 at 100, 0.0 left (#3.0)
    1 hears #10 position 0.5 -> 2.0 from 100, realized 0, by Fill
    1 hears #11 candle 0 at 101
    1 denied price-not-positive: trigger price -1 of BTC is not positive
    1 hears #12 order 3 0/2.0 Stop 95 amended (#11.0)
    1 hears #13 order 2 0/2.0 TakeProfit 110 denied price-not-positive (#11.1)
    1 hears #14 order 2 0/2.0 TakeProfit 110 cancelled as asked (#11.2)
    1 hears #15 candle 0 at 111
    1 hears #16 order 3 0/2.0 at the market triggered (#3.0)
    sent: c2 sell 2 at the market reduce-only
    sent: cancel of event 17
    1 denied already-cancelling: the end of order 3 was asked for already
    1 hears #18 order 3 0/2 at the market denied already-cancelling (#16.1)
    1 hears #19 candle 0 at 95
    "#);
}

#[test]
fn exits_go_with_their_position() {
    insta::assert_snapshot!(replay(&format!("{PROTECTED} candle 0 101\nanswer close\nfill c2 2 101\nshow\ncandle 0 80")), @r#"
    1 hears #3 candle 0 at 100
    sent: c1 buy 2 at the market
    1 hears #4 order 1 0/2 at the market accepted (#3.0)
    1 notifies: its exits wait in the engine, not at the exchange: they do nothing while the engine is down
    1 hears #5 order 1 0.5/2 at the market partially filled 0.5 at 100, 1.5 left (#3.0)
    1 hears #6 position 0 -> 0.5 from 100, realized 0, by Fill
    1 hears #7 order 2 0/0.5 TakeProfit 110 accepted (#3.0)
    1 hears #8 order 3 0/0.5 Stop 90 accepted (#3.0)
    1 hears #9 order 1 2.0/2 at the market filled 1.5 at 100, 0.0 left (#3.0)
    1 hears #10 position 0.5 -> 2.0 from 100, realized 0, by Fill
    1 hears #11 candle 0 at 101
    sent: c2 sell 2 at the market reduce-only
    1 hears #12 order 4 0/2 at the market accepted (#11.0)
    1 hears #13 order 4 2/2 at the market filled 2 at 101, 0 left (#11.0)
    1 hears #14 position 2.0 -> 0 from 0, realized 2.0, by Fill
    1 hears #15 order 2 0/2.0 TakeProfit 110 cancelled reduce-only: the position is gone (#3.0)
    1 hears #16 order 3 0/2.0 Stop 90 cancelled reduce-only: the position is gone (#3.0)
    settled 1002.0, fees 0, funding 0; wake None
    1 hears #17 candle 0 at 80
    "#);
}

#[test]
fn stops_that_only_reduce_and_trailing_ones_wait_here_too() {
    insta::assert_snapshot!(replay("
        holds-nothing
        running
        candle 0 100
        answer buy 2 market
        fill c1 2 100
        candle 0 100
        answer sell 1 trail 5 reduce tag 7; sell 0.5 stop 90 limit 89 reduce; sell 0.5 stop 80; sell 1 trail 1 reduce tag 7
        candle 0 108
        candle 0 104
        candle 0 103
        candle 0 89.5
        accept c3
        accept c4
        states
    "), @r#"
    1 hears #3 candle 0 at 100
    sent: c1 buy 2 at the market
    1 hears #4 order 1 0/2 at the market accepted (#3.0)
    1 hears #5 order 1 2/2 at the market filled 2 at 100, 0 left (#3.0)
    1 hears #6 position 0 -> 2 from 100, realized 0, by Fill
    1 hears #7 candle 0 at 100
    1 notifies: its exits wait in the engine, not at the exchange: they do nothing while the engine is down
    sent: c2 sell 0.5 Stop 80
    1 denied duplicate-tag: an open order has the tag 7
    1 hears #8 order 2 0/1 trailing by 5 accepted (#7.0)
    1 hears #9 order 3 0/0.5 Stop 90 limit 89 accepted (#7.1)
    1 hears #10 no order denied duplicate-tag (#7.3)
    1 hears #11 candle 0 at 108
    1 hears #12 candle 0 at 104
    1 hears #13 order 2 0/1 at the market triggered (#7.0)
    sent: c3 sell 1 at the market reduce-only
    1 hears #15 candle 0 at 103
    1 hears #16 order 3 0/0.5 at 89 Gtc triggered (#7.1)
    sent: c4 sell 0.5 at 89 Gtc reduce-only
    1 hears #18 candle 0 at 89.5
    1 has order 2 Open; 1 has order 3 Open; 1 has order 4 Sent; wake 10000
    "#);
}

#[test]
fn a_kill_switch_and_a_stop_let_go_of_exits_and_a_fault_keeps_them() {
    insta::assert_snapshot!(replay(&format!("{PROTECTED} kill 1 flatten\nfill c2 2 100\nstates")), @r#"
    1 hears #3 candle 0 at 100
    sent: c1 buy 2 at the market
    1 hears #4 order 1 0/2 at the market accepted (#3.0)
    1 notifies: its exits wait in the engine, not at the exchange: they do nothing while the engine is down
    1 hears #5 order 1 0.5/2 at the market partially filled 0.5 at 100, 1.5 left (#3.0)
    1 hears #6 position 0 -> 0.5 from 100, realized 0, by Fill
    1 hears #7 order 2 0/0.5 TakeProfit 110 accepted (#3.0)
    1 hears #8 order 3 0/0.5 Stop 90 accepted (#3.0)
    1 hears #9 order 1 2.0/2 at the market filled 1.5 at 100, 0.0 left (#3.0)
    1 hears #10 position 0.5 -> 2.0 from 100, realized 0, by Fill
    Killed { scope: Strategy(StrategyId(1)), cause: Operator, action: Flatten, armed: false }
    1 notifies: strategy 1 was killed by the operator: its orders are cancelled and its positions closed; only re-arming ends it
    1 hears #11 order 2 0/2.0 TakeProfit 110 cancelled a kill switch fired (#3.0)
    sent: c2 sell 2 at the market reduce-only
    1 hears #13 order 3 0/2.0 Stop 90 cancelled a kill switch fired (#3.0)
    1 hears #14 order 4 0/2 at the market accepted (#12.0)
    Flat { strategy: StrategyId(1) }
    1 hears #15 order 4 2/2 at the market filled 2 at 100, 0 left (#12.0)
    1 hears #16 position 2.0 -> 0 from 0, realized 0.0, by Fill
    nothing open
    "#);
    insta::assert_snapshot!(replay(&format!("{PROTECTED} stop 1\ncandle 0 80\nstates")), @r#"
    1 hears #3 candle 0 at 100
    sent: c1 buy 2 at the market
    1 hears #4 order 1 0/2 at the market accepted (#3.0)
    1 notifies: its exits wait in the engine, not at the exchange: they do nothing while the engine is down
    1 hears #5 order 1 0.5/2 at the market partially filled 0.5 at 100, 1.5 left (#3.0)
    1 hears #6 position 0 -> 0.5 from 100, realized 0, by Fill
    1 hears #7 order 2 0/0.5 TakeProfit 110 accepted (#3.0)
    1 hears #8 order 3 0/0.5 Stop 90 accepted (#3.0)
    1 hears #9 order 1 2.0/2 at the market filled 1.5 at 100, 0.0 left (#3.0)
    1 hears #10 position 0.5 -> 2.0 from 100, realized 0, by Fill
    1 is stopping
    1 hears #11 stop by Operator
    1 is stopped
    nothing open
    "#);
    insta::assert_snapshot!(replay(&format!("{PROTECTED} candle 0 101\nanswer fault\ncandle 0 80\nfill c2 2 80\nstates")), @r#"
    1 hears #3 candle 0 at 100
    sent: c1 buy 2 at the market
    1 hears #4 order 1 0/2 at the market accepted (#3.0)
    1 notifies: its exits wait in the engine, not at the exchange: they do nothing while the engine is down
    1 hears #5 order 1 0.5/2 at the market partially filled 0.5 at 100, 1.5 left (#3.0)
    1 hears #6 position 0 -> 0.5 from 100, realized 0, by Fill
    1 hears #7 order 2 0/0.5 TakeProfit 110 accepted (#3.0)
    1 hears #8 order 3 0/0.5 Stop 90 accepted (#3.0)
    1 hears #9 order 1 2.0/2 at the market filled 1.5 at 100, 0.0 left (#3.0)
    1 hears #10 position 0.5 -> 2.0 from 100, realized 0, by Fill
    1 hears #11 candle 0 at 101
    1 is faulted: trap in on-candle at event 0 after 5 fuel: unreachable
    sent: c2 sell 2 at the market reduce-only
    nothing open
    "#);
}

#[test]
fn what_the_exchange_holds_is_not_guarded() {
    insta::assert_snapshot!(replay("
        running
        candle 0 100
        answer buy 2 market tp 110 sl 90
        fill c1 2 100
        candle 0 80
    "), @r#"
    1 hears #3 candle 0 at 100
    sent: c1 buy 2 at the market with take-profit 110, stop-loss 90
    1 hears #4 order 1 0/2 at the market accepted (#3.0)
    1 hears #5 order 1 2/2 at the market filled 2 at 100, 0 left (#3.0)
    1 hears #6 position 0 -> 2 from 100, realized 0, by Fill
    1 hears #7 candle 0 at 80
    "#);
}

#[test]
fn an_exit_that_waited_here_is_accepted_once() {
    let said = replay(
        "holds-nothing\n running\n candle 0 100\n answer buy 2 market\n fill c1 2 100\n candle 0 100\n answer sell 2 stop 90 reduce\n \
         candle 0 90\n accept c2\n fill c2 1 90\n cancelled c2\n at 5000\n wake\n accept c3\n fill c3 1 89",
    );
    let told = |words: &str| said.lines().filter(|line| line.contains("hears") && line.contains(words)).count();
    assert_eq!((told("order 2 0/2 Stop 90 accepted"), told("order 2 0/2 at the market triggered")), (1, 1), "{said}");
    assert_eq!(told("order 2 0/2 at the market accepted"), 0, "it was open already: {said}");
    assert_eq!(told("order 3 0/1 at the market accepted"), 1, "the next attempt is an order of its own: {said}");
}

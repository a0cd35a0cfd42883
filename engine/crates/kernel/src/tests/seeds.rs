//! What runs from seeds found in the core, each as the script that it came down to.

use super::script::replay;

#[test]
fn a_fill_that_came_before_its_order_was_known_is_learnt_by_the_order() {
    insta::assert_snapshot!(replay("
        running
        candle 0 100
        answer buy 1 limit 90 tp 110
        fill c1 1 90
        fill c1p 1 110 trade 9
        exit-live c1p 1 110
        states
        fill c1p 1 110 trade 9
        states
        show
    "), @r#"
    1 hears #3 candle 0 at 100
    sent: c1 buy 1 at 90 Gtc with take-profit 110, stop-loss none
    1 hears #4 order 1 0/1 at 90 Gtc accepted (#3.0)
    1 hears #5 order 1 1/1 at 90 Gtc filled 1 at 90, 0 left (#3.0)
    1 hears #6 position 0 -> 1 from 90, realized 0, by Fill
    1 hears #7 position 1 -> 0 from 0, realized 20, by Fill
    1 hears #8 order 2 0/1 TakeProfit 110 accepted (#3.0)
    1 has order 2 Open
    1 hears #9 order 2 1/1 TakeProfit 110 filled 1 at 110, 0 left (#3.0)
    nothing open
    settled 1020, fees 0, funding 0; wake None
    "#);
}

#[test]
fn a_fill_without_a_name_that_came_before_its_order_was_known_becomes_its_strategys() {
    insta::assert_snapshot!(replay("
        running
        deploy 2
        start 2
        answer @2 subscribe 0
        candle 0 100
        answer buy 1 limit 90
        fill c1 1 90 nameless v 7 trade 9
        states
        accept c1 v 7
        fill c1 1 90 v 7 trade 9
        states
        show
    "), @r#"
    2 is created
    2 is warming up
    2 hears #3 init with cash 1000
    2 is running
    1 hears #4 candle 0 at 100
    2 hears #5 candle 0 at 100
    sent: c1 buy 1 at 90 Gtc
    1 has order 1 Sent; nobody's: 1 held; wake 10000
    1 hears #6 order 1 0/1 at 90 Gtc accepted (#4.0)
    1 hears #7 order 1 1/1 at 90 Gtc filled 1 at 90, 0 left (#4.0)
    1 hears #8 position 0 -> 1 from 90, realized 0, by Fill
    nothing open
    settled 1000, fees 0, funding 0; 1 holds 1 of 0 from 90, flow -90; wake None
    "#);
}

#[test]
fn an_exit_whose_beginning_was_lost_is_ours_when_it_is_found() {
    insta::assert_snapshot!(replay("
        running
        candle 0 100
        answer buy 1 limit 90 sl 80
        fill c1 1 90
        open c1s 1 80 500
        states
    "), @r#"
    1 hears #3 candle 0 at 100
    sent: c1 buy 1 at 90 Gtc with take-profit none, stop-loss 80
    1 hears #4 order 1 0/1 at 90 Gtc accepted (#3.0)
    1 hears #5 order 1 1/1 at 90 Gtc filled 1 at 90, 0 left (#3.0)
    1 hears #6 position 0 -> 1 from 90, realized 0, by Fill
    1 hears #7 order 2 0/1 at 80 Gtc accepted (#3.0)
    1 has order 2 Open
    "#);
}

#[test]
fn the_end_of_the_middle_of_three_forms_is_not_the_end_of_the_order() {
    insta::assert_snapshot!(replay("
        running
        candle 0 100
        answer buy 1 limit 90
        accept c1
        candle 0 100
        answer amend 1 price 91; amend 1 price 92
        cancelled c1 v 7
        states
        amended c1 1 91 v 7
        amended c1 1 92 v 8
        states
    "), @r#"
    1 hears #3 candle 0 at 100
    sent: c1 buy 1 at 90 Gtc
    1 hears #4 order 1 0/1 at 90 Gtc accepted (#3.0)
    1 hears #5 candle 0 at 100
    sent: amend to 1 at 91 Gtc
    sent: amend to 1 at 92 Gtc
    asks after 0x01000009000100000000000003000000, repeats until 10000
    1 has order 1 Replacing; wake 1000
    1 hears #6 order 1 0/1 at 91 Gtc amended (#5.0)
    1 hears #7 order 1 0/1 at 92 Gtc amended (#5.1)
    1 has order 1 Open
    "#);
}

#[test]
fn a_cancel_of_an_order_that_may_never_have_been_there_is_not_repeated_without_pause() {
    insta::assert_snapshot!(replay("
        running
        candle 0 100
        answer buy 1 limit 90
        unanswered c1
        stop 1
        settle
        request-rejected c1 cancel
        states
        at 1000
        wake
        open c1 1 90 500
        states
        cancelled c1
        states
    "), @r#"
    1 hears #3 candle 0 at 100
    sent: c1 buy 1 at 90 Gtc
    asks after 0x01000009000100000000000003000000, repeats until 10000
    1 is stopping
    1 hears #4 stop by Operator
    sent: cancel of event 3
    1 has order 1 SentInDoubt; wake 1000
    asks after 0x01000009000100000000000003000000, repeats until 10000
    sent: cancel of event 3
    1 has order 1 Cancelling; wake 11000
    1 is stopped
    nothing open
    "#);
}

#[test]
fn funding_that_comes_before_the_fills_it_belongs_to_is_not_lost() {
    insta::assert_snapshot!(replay("
        running
        candle 0 100
        answer buy 1 limit 90
        accept c1
        funding -0.5
        fill c1 1 90
        show
    "), @r#"
    1 hears #3 candle 0 at 100
    sent: c1 buy 1 at 90 Gtc
    1 hears #4 order 1 0/1 at 90 Gtc accepted (#3.0)
    1 hears #5 funding -0.5
    1 hears #6 order 1 1/1 at 90 Gtc filled 1 at 90, 0 left (#3.0)
    1 hears #7 position 0 -> 1 from 90, realized 0, by Fill
    settled 999.5, fees 0, funding -0.5; 1 holds 1 of 0 from 90, flow -90; wake None
    "#);
}

#[test]
fn funding_that_comes_behind_the_fills_that_closed_it_is_not_lost() {
    insta::assert_snapshot!(replay("
        running
        candle 0 100
        answer buy 1 market
        fill c1 1 90
        candle 0 100
        answer close
        fill c2 1 95
        at 1
        funding -0.5
        show
    "), @r#"
    1 hears #3 candle 0 at 100
    sent: c1 buy 1 at the market
    1 hears #4 order 1 0/1 at the market accepted (#3.0)
    1 hears #5 order 1 1/1 at the market filled 1 at 90, 0 left (#3.0)
    1 hears #6 position 0 -> 1 from 90, realized 0, by Fill
    1 hears #7 candle 0 at 100
    sent: c2 sell 1 at the market reduce-only
    1 hears #8 order 2 0/1 at the market accepted (#7.0)
    1 hears #9 order 2 1/1 at the market filled 1 at 95, 0 left (#7.0)
    1 hears #10 position 1 -> 0 from 0, realized 5, by Fill
    1 hears #11 funding -0.5
    settled 1004.5, fees 0, funding -0.5; wake None
    "#);
}

#[test]
fn a_stop_while_the_old_version_hands_over_ends_the_strategy() {
    insta::assert_snapshot!(replay("
        running
        upgrade 1
        settle
        stop 1
        answer saved x
        states
        start 1
    "), @r#"
    1 is stopping
    1 hears #3 stop by Upgrade
    1 hears #4 save
    1 saved 1 bytes
    1 is stopped
    nothing open
    1 is warming up
    1 hears #5 init with cash 1000, restored x
    "#);
}

#[test]
fn a_shutdown_while_a_version_hands_over_leaves_nobody_listening() {
    insta::assert_snapshot!(replay("
        running
        hold
        candle 0 100
        answer buy 1 limit 90
        upgrade 1
        settle
        reject c1
        shutdown 50000
        answer saved x
        states
        candle 0 101
    "), @r#"
    1 hears #3 candle 0 at 100
    sent: c1 buy 1 at 90 Gtc
    1 is stopping
    1 hears #4 stop by Upgrade
    1 hears #5 save
    1 saved 1 bytes
    1 is stopped
    shut down, late: []
    nothing open
    "#);
}

//! Events that come while a hook is out.

use super::script::replay;

#[test]
fn events_wait_in_the_order_of_their_kinds() {
    insta::assert_snapshot!(replay("
        deploy 1 tick 60000
        start 1
        answer subscribe 0 1
        candle 0 100
        answer buy 1 market; timer 1 at 60000
        hold
        candle 0 100
        at 60000
        wake
        candle 1 102
        candle 0 101
        lost
        fill c1 1 100
        funding 1
        answer
        answer
        answer
        answer
        answer
        answer
        answer
        answer
        answer
    "), @r#"
    1 is created
    1 is warming up
    1 hears #1 init with cash 1000
    1 is running
    1 hears #2 candle 0 at 100
    sent: c1 buy 1 at the market
    1 hears #3 candle 0 at 100
    asks after 0x01000009000100000000000002000000, repeats until 10000
    1 hears #4 order 1 0/1 at the market accepted (#2.0)
    1 hears #5 order 1 1/1 at the market filled 1 at 100, 0 left (#2.0)
    1 hears #6 position 0 -> 1 from 100, realized 0, by Fill
    1 hears #7 funding 1
    1 hears #8 feed Connection Lost
    1 hears #9 candle 0 at 101
    1 hears #10 candle 1 at 102
    1 hears #11 Timer(TimerId(1)) due 60000 at 60000
    1 hears #12 Tick due 60000 at 60000
    "#);
}

#[test]
fn of_quotes_only_the_newest_waits() {
    insta::assert_snapshot!(replay("
        deploy 1
        start 1
        answer subscribe 0 quotes
        hold
        candle 0 100
        quote 1
        quote 2
        candle 0 101
        quote 3
        answer
        answer
        answer
    "), @r#"
    1 is created
    1 is warming up
    1 hears #1 init with cash 1000
    1 is running
    1 hears #2 candle 0 at 100
    1 hears #3 quote 3
    1 hears #4 candle 0 at 101
    "#);
}

#[test]
fn a_queue_that_overflows_faults_the_instance() {
    insta::assert_snapshot!(replay("
        limit intents 1
        limit queue 2
        running
        hold
        candle 0 100
        candle 0 101
        candle 0 102
        candle 0 103
    "), @r#"
    1 hears #3 candle 0 at 100
    1 is faulted: queue-overflow in queue at event 3 after 0 fuel: 2 events waited for its hook to end when another came, a candle
    "#);
}

#[test]
fn a_timer_that_fires_faster_than_it_is_answered_waits_once() {
    insta::assert_snapshot!(replay("
        limit intents 2
        limit queue 3
        running
        candle 0 100
        answer timer 1 at 1 every 1
        hold
        candle 0 100
        at 1
        wake
        at 2
        wake
        at 3
        wake
        answer
        answer
    "), @r#"
    1 hears #3 candle 0 at 100
    1 hears #4 candle 0 at 100
    1 hears #5 Timer(TimerId(1)) due 1 at 3
    "#);
}

#[test]
fn the_view_is_that_of_the_delivery_and_the_gate_that_of_the_answer() {
    insta::assert_snapshot!(replay("
        running
        candle 0 100
        answer buy 1 market
        hold
        candle 0 101
        fill c1 1 100
        answer close
    "), @r#"
    1 hears #3 candle 0 at 100
    sent: c1 buy 1 at the market
    1 hears #4 candle 0 at 101
    sent: c2 sell 1 at the market reduce-only
    1 hears #5 order 1 0/1 at the market accepted (#3.0)
    "#);
}

#[test]
fn a_candle_that_overflows_one_queue_still_reaches_the_others() {
    insta::assert_snapshot!(replay("
        limit intents 1
        limit queue 2
        deploy 1
        start 1
        answer subscribe 0
        deploy 2
        start 2
        answer @2 subscribe 0
        hold
        candle 0 100
        answer @2 ;
        candle 0 101
        answer @2 ;
        candle 0 102
        answer @2 ;
        candle 0 103
        answer @2 ;
        candle 0 104
    "), @r#"
    1 is created
    1 is warming up
    1 hears #1 init with cash 1000
    1 is running
    2 is created
    2 is warming up
    2 hears #2 init with cash 1000
    2 is running
    1 hears #3 candle 0 at 100
    2 hears #4 candle 0 at 100
    2 hears #5 candle 0 at 101
    2 hears #6 candle 0 at 102
    1 is faulted: queue-overflow in queue at event 3 after 0 fuel: 2 events waited for its hook to end when another came, a candle
    2 hears #7 candle 0 at 103
    2 hears #8 candle 0 at 104
    "#);
}

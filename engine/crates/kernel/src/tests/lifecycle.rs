//! The life of strategies.

use super::script::{Script, replay};
use crate::*;

#[test]
fn history_comes_first_and_then_it_runs() {
    insta::assert_snapshot!(replay("
        deploy 1
        start 1
        answer subscribe 0:2 1:1
        candle 0 100
        candle 0 101
        candle 0 102
        candle 1 102
        candle 0 103
    "), @r#"
    1 is created
    1 is warming up
    1 hears #1 init with cash 1000
    1 hears #2 candle 0 at 100 of history
    1 hears #3 candle 0 at 101 of history
    1 hears #4 candle 0 at 102 of history
    1 hears #5 candle 1 at 102 of history
    1 is running
    1 hears #6 candle 0 at 103
    "#);
}

#[test]
fn starting_and_stopping_again_does_nothing() {
    insta::assert_snapshot!(replay("
        deploy 1
        stop 1
        start 1
        start 1
        answer subscribe 0
        start 1
        stop 1
        stop 1
        settle
        stop 1
    "), @r#"
    1 is created
    1 is warming up
    1 hears #1 init with cash 1000
    1 is running
    1 is stopping
    1 hears #2 stop by Operator
    1 is stopped
    "#);
}

#[test]
fn a_stop_lets_go_of_timers_subscriptions_and_orders_and_then_it_has_stopped() {
    insta::assert_snapshot!(replay("
        deploy 1 tick 60000
        start 1
        answer subscribe 0
        candle 0 100
        answer buy 1 limit 90; buy 1 market; timer 3 at 5
        fill c2 1 100
        show
        stop 1
        answer close; buy 1 limit 80; cancel 1
        show
        candle 0 100
        cancelled c1
        fill c3 1 100
        show
    "), @r#"
    1 is created
    1 is warming up
    1 hears #1 init with cash 1000
    1 is running
    1 hears #2 candle 0 at 100
    sent: c1 buy 1 at 90 Gtc
    sent: c2 buy 1 at the market
    1 hears #3 order 2 0/1 at the market accepted (#2.1)
    1 hears #4 order 2 1/1 at the market filled 1 at 100, 0 left (#2.1)
    1 hears #5 position 0 -> 1 from 100, realized 0, by Fill
    settled 1000, fees 0, funding 0; 1 holds 1 of 0 from 100, flow -100; 1 has order 1 0/1; wake Some(5)
    1 is stopping
    1 hears #6 stop by Operator
    sent: c3 sell 1 at the market reduce-only
    sent: cancel of event 2
    1 denied stopping: the strategy is being stopped: only cancels and reduce-only orders pass
    settled 1000, fees 0, funding 0; 1 holds 1 of 0 from 100, flow -100; 1 has order 1 0/1; 1 has order 3 0/1; wake Some(10000)
    1 is stopped
    settled 1000, fees 0, funding 0; wake None
    "#);
}

#[test]
fn a_stop_waits_for_the_hook_that_is_out_and_its_answer_goes_through_the_narrow_lane() {
    insta::assert_snapshot!(replay("
        running
        hold
        candle 0 100
        candle 0 101
        stop 1
        answer buy 1 market
        answer
    "), @r#"
    1 hears #3 candle 0 at 100
    1 is stopping
    1 denied stopping: the strategy is being stopped: only cancels and reduce-only orders pass
    1 hears #4 stop by Operator
    1 is stopped
    "#);
}

#[test]
fn a_stop_during_init_waits_for_it() {
    insta::assert_snapshot!(replay("
        deploy 1
        start 1
        stop 1
        answer subscribe 0
        candle 0 100
        settle
    "), @r#"
    1 is created
    1 is warming up
    1 hears #1 init with cash 1000
    1 is stopping
    1 hears #2 stop by Operator
    1 is stopped
    "#);
}

#[test]
fn a_refusal_is_kept_in_its_words_and_it_may_start_again() {
    insta::assert_snapshot!(replay("
        deploy 1
        start 1
        answer refuse fast must be below slow
        candle 0 100
        start 1
        answer subscribe 7
        start 1
        answer subscribe trades2
        start 1
        answer subscribe 0:100001
        start 1
        answer subscribe 0
    "), @r#"
    1 is created
    1 is warming up
    1 hears #1 init with cash 1000
    1 is refused: fast must be below slow
    1 is warming up
    1 hears #2 init with cash 1000
    1 is refused: it wants candles of series 7; there are 3, numbered from 0
    1 is warming up
    1 hears #3 init with cash 1000
    1 is refused: it wants a feed of instrument 2; there are 2, numbered from 0
    1 is warming up
    1 hears #4 init with cash 1000
    1 is refused: it wants 100001 candles of history of series 0; at most 100000 are given
    1 is warming up
    1 hears #5 init with cash 1000
    1 is running
    "#);
}

#[test]
fn a_fault_lets_go_of_everything_but_the_position() {
    insta::assert_snapshot!(replay("
        running
        candle 0 100
        answer buy 1 market; buy 1 limit 90; timer 1 at 9
        fill c1 1 100
        candle 0 100
        answer fault
        candle 0 101
        at 10
        wake
        cancelled c2
        show
        start 1
        answer subscribe 0
        candle 0 102
    "), @r#"
    1 hears #3 candle 0 at 100
    sent: c1 buy 1 at the market
    sent: c2 buy 1 at 90 Gtc
    1 hears #4 order 1 0/1 at the market accepted (#3.0)
    1 hears #5 order 1 1/1 at the market filled 1 at 100, 0 left (#3.0)
    1 hears #6 position 0 -> 1 from 100, realized 0, by Fill
    1 hears #7 candle 0 at 100
    sent: cancel of event 3
    1 is faulted: trap in on-candle at event 0 after 5 fuel: unreachable
    settled 1000, fees 0, funding 0; 1 holds 1 of 0 from 100, flow -100; wake None
    1 is warming up
    1 hears #8 init with cash 1000
    1 is running
    1 hears #9 candle 0 at 102
    "#);
}

#[test]
fn a_new_version_keeps_the_books() {
    insta::assert_snapshot!(replay("
        running
        candle 0 100
        answer buy 1 market
        fill c1 1 100
        stop 1
        settle
        deploy 1
        start 1
        answer subscribe 0
        candle 0 100
        answer close
        show
    "), @r#"
    1 hears #3 candle 0 at 100
    sent: c1 buy 1 at the market
    1 hears #4 order 1 0/1 at the market accepted (#3.0)
    1 hears #5 order 1 1/1 at the market filled 1 at 100, 0 left (#3.0)
    1 hears #6 position 0 -> 1 from 100, realized 0, by Fill
    1 is stopping
    1 hears #7 stop by Operator
    1 is stopped
    1 is created
    1 is warming up
    1 hears #8 init with cash 1000
    1 is running
    1 hears #9 candle 0 at 100
    sent: c2 sell 1 at the market reduce-only
    settled 1000, fees 0, funding 0; 1 holds 1 of 0 from 100, flow -100; 1 has order 2 0/1; wake Some(10000)
    "#);
}

#[test]
fn timers_and_ticks_fire_between_the_inputs() {
    insta::assert_snapshot!(replay("
        deploy 1 tick 60000
        start 1
        answer subscribe 0
        candle 0 100
        answer timer 2 at 60000; timer 1 at 60000 every 7000
        at 60000
        candle 0 101
        wake
        show
        at 600000
        candle 0 102
        show
    "), @r#"
    1 is created
    1 is warming up
    1 hears #1 init with cash 1000
    1 is running
    1 hears #2 candle 0 at 100
    1 hears #3 candle 0 at 101
    1 hears #4 Timer(TimerId(1)) due 60000 at 60000
    1 hears #5 Timer(TimerId(2)) due 60000 at 60000
    1 hears #6 Tick due 60000 at 60000
    settled 1000, fees 0, funding 0; wake Some(67000)
    1 hears #7 Timer(TimerId(1)) due 67000 at 600000
    1 hears #8 candle 0 at 102
    1 hears #9 Tick due 120000 at 600000
    settled 1000, fees 0, funding 0; wake Some(606000)
    "#);
}

#[test]
fn strategies_are_served_in_the_order_of_their_numbers() {
    insta::assert_snapshot!(replay("
        deploy 2
        start 2
        answer @2 subscribe 0
        deploy 1
        start 1
        answer subscribe 0
        candle 0 100
    "), @r#"
    2 is created
    2 is warming up
    2 hears #1 init with cash 1000
    2 is running
    1 is created
    1 is warming up
    1 hears #2 init with cash 1000
    1 is running
    1 hears #3 candle 0 at 100
    2 hears #4 candle 0 at 100
    "#);
}

#[test]
fn one_that_answers_its_own_events_without_end_is_faulted() {
    let mut script = Script::played("running\n hold\n candle 0 100");
    let mut rounds = 0;
    let close = || Answer::Intents(vec![Intent::ClosePosition(InstrumentId::new(0))]);
    let one = StrategyId::new(1);
    while matches!(script.core().strategy(one).expect("deployed").state(), StrategyState::Running) {
        script.end(one, close(), None);
        rounds += 1;
        assert!(rounds <= 100_000, "it ends");
    }
    let last = script.transcript.lines().last().expect("an end");
    assert_eq!(
        last,
        "1 is faulted: contract in events at event 100000 after 0 fuel: it was handed 100000 events at one time, 0: it answers \
         its own events without end"
    );
}

/// Strategy 1 runs and holds 5; strategy 2 begins with three candles of history.
const LATE: &str = "risk kill loss 50 flatten\n running\n candle 0 100\n answer buy 5 market\n fill c1 5 100\n at 60000\n \
                    candle 0 101\n deploy 2\n start 2\n answer @2 subscribe 0:3";

#[test]
fn history_of_one_strategy_is_not_the_market_of_the_others() {
    let mut script = Script::played(LATE);
    script.transcript.clear();
    script.run("candle 0 50 open 0\n candle 0 51 open 30000\n candle 0 101 open 60000\n at 120000\n candle 0 102");
    insta::assert_snapshot!(script.transcript, @r#"
    2 hears #9 candle 0 at 50 of history
    2 hears #10 candle 0 at 51 of history
    2 hears #11 candle 0 at 101 of history
    2 is running
    1 hears #12 candle 0 at 102
    2 hears #13 candle 0 at 102
    "#);
    assert_eq!(script.core().mark_price(InstrumentId::new(0)).map(Price::get), Some(Decimal::from(102)));
}

#[test]
fn what_happens_while_one_strategy_is_handed_history_is_heard_by_the_others() {
    let mut script = Script::played(LATE);
    script.transcript.clear();
    script.run("candle 0 50 open 0\n at 120000\n candle 0 90");
    assert!(script.transcript.contains("1 hears #10 candle 0 at 90\n"), "{}", script.transcript);
    assert!(script.transcript.contains("2 hears #11 candle 0 at 90 of history\n"), "{}", script.transcript);
    assert!(script.transcript.contains("Killed"), "a loss that happens now counts: {}", script.transcript);
}

#[test]
fn history_of_one_series_moves_no_price_that_another_has_set() {
    let mut script = Script::played(LATE);
    script.run("settle\n deploy 3\n start 3\n answer @3 subscribe 1:2\n at 600000\n candle 0 102");
    script.transcript.clear();
    script.run("candle 1 50 open 0");
    assert!(!script.transcript.contains("Killed"), "{}", script.transcript);
    assert_eq!(script.core().mark_price(InstrumentId::new(0)).map(Price::get), Some(Decimal::from(102)));
}

//! New parameters, saved state, new versions and the end of the process.

use super::script::{Script, replay};

#[test]
fn new_parameters_are_asked_about_and_kept_only_if_taken() {
    insta::assert_snapshot!(replay("
        running
        params 1 5
        answer accepted
        params 1 6
        answer refuse too large
        stop 1
        params 1 7
        params 3 7
    "), @r#"
    1 hears #3 params
    1 has new parameters
    1 hears #4 params
    1 keeps its parameters: too large
    1 is stopping
    1 hears #5 stop by Operator
    1 is stopped
    1 has new parameters
    3 denied unknown-strategy: no strategy 3 is deployed in account 9
    "#);
}

#[test]
fn parameters_wait_for_the_hook_that_is_out_and_go_before_its_events() {
    insta::assert_snapshot!(replay("
        running
        hold
        candle 0 100
        candle 0 101
        params 1 5
        params 1 6
        answer notify done
        answer accepted
        answer notify later
    "), @r#"
    1 hears #3 candle 0 at 100
    1 notifies: done
    1 hears #4 params
    1 has new parameters
    1 hears #5 candle 0 at 101
    1 notifies: later
    "#);
}

#[test]
fn a_checkpoint_asks_those_who_run() {
    insta::assert_snapshot!(replay("
        running
        deploy 2
        checkpoint
        answer saved one
        stop 1
        start 1
    "), @r#"
    2 is created
    1 hears #3 save
    1 saved 3 bytes
    1 is stopping
    1 hears #4 stop by Operator
    1 is stopped
    1 is warming up
    1 hears #5 init with cash 1000, restored one
    "#);
}

#[test]
fn more_saved_than_allowed_is_a_fault() {
    insta::assert_snapshot!(replay("
        limit state 3
        running
        checkpoint
        answer saved four
    "), @r#"
    1 hears #3 save
    1 is faulted: contract in save at event 3 after 0 fuel: save returned 4 bytes; the limit is 3
    "#);
}

#[test]
fn a_strategy_that_may_begin_again_is_asked_when_it_stops() {
    insta::assert_snapshot!(replay("
        saves
        running
        stop 1
        settle
        answer saved last
        start 1
    "), @r#"
    1 is stopping
    1 hears #3 stop by Operator
    1 hears #4 save
    1 saved 4 bytes
    1 is stopped
    1 is warming up
    1 hears #5 init with cash 1000, restored last
    "#);
}

#[test]
fn a_checkpoint_that_is_out_when_the_stop_comes_is_not_the_last() {
    insta::assert_snapshot!(replay("
        saves
        running
        checkpoint
        stop 1
        answer saved early
        settle
        answer saved last
        start 1
    "), @r#"
    1 hears #3 save
    1 is stopping
    1 saved 5 bytes
    1 hears #4 stop by Operator
    1 hears #5 save
    1 saved 4 bytes
    1 is stopped
    1 is warming up
    1 hears #6 init with cash 1000, restored last
    "#);
}

#[test]
fn a_new_version_gets_what_the_old_one_saved_and_its_orders() {
    insta::assert_snapshot!(replay("
        running
        candle 0 100
        answer buy 1 limit 90; timer 4 at 90
        accept c1
        upgrade 1
        answer cancel 7; buy 1 market
        fill c1 0.4 90
        answer saved books
        answer subscribe 0:1
        candle 0 99
        candle 0 98
        candle 0 97
        answer cancel 1
        at 90
        wake
    "), @r#"
    1 hears #3 candle 0 at 100
    sent: c1 buy 1 at 90 Gtc
    1 hears #4 order 1 0/1 at 90 Gtc accepted (#3.0)
    1 is stopping
    1 hears #5 stop by Upgrade
    1 denied unknown-order: no order 7 of this strategy is open
    1 denied stopping: the strategy is being stopped: only cancels and reduce-only orders pass
    1 hears #6 save
    1 saved 5 bytes
    1 is warming up
    1 hears #7 init with cash 1000, restored books
    1 hears #8 no order denied unknown-order (#5.0)
    1 hears #9 no order denied stopping (#5.1)
    1 hears #10 order 1 0.4/1 at 90 Gtc partially filled 0.4 at 90, 0.6 left (#3.0)
    1 hears #11 position 0 -> 0.4 from 90, realized 0, by Fill
    1 hears #12 candle 0 at 99 of history
    1 is running
    1 hears #13 candle 0 at 98
    1 hears #14 candle 0 at 97
    sent: cancel of event 3
    1 hears #15 Timer(TimerId(4)) due 90 at 90
    "#);
}

#[test]
fn a_new_version_that_refuses_or_fails_at_once_gives_way_to_the_old_one() {
    for failure in ["answer refuse no", "answer fault", "answer subscribe 0\n candle 0 99\n answer fault"] {
        let script = format!(
            "running\n upgrade 1\n answer\n answer saved books\n {failure}\n answer subscribe 0\n candle 0 98\n upgrade 1"
        );
        let mut script = Script::played(&script);
        let strategy = script.core().strategies().next().expect("it is deployed");
        let (version, saved) = (strategy.version(), strategy.saved().map(<[u8]>::to_vec));
        assert_eq!((version, saved), (0, Some(b"books".to_vec())), "{failure}: {}", script.transcript);
        assert!(script.transcript.contains("1 is rolled back: "), "{}", script.transcript);
    }
}

#[test]
fn a_new_version_that_fails_later_has_failed() {
    insta::assert_snapshot!(replay("
        running
        upgrade 1
        answer
        answer saved books
        answer subscribe 0
        candle 0 99
        candle 0 98
        answer fault
    "), @r#"
    1 is stopping
    1 hears #3 stop by Upgrade
    1 hears #4 save
    1 saved 5 bytes
    1 is warming up
    1 hears #5 init with cash 1000, restored books
    1 is running
    1 hears #6 candle 0 at 99
    1 hears #7 candle 0 at 98
    1 is faulted: trap in on-candle at event 0 after 5 fuel: unreachable
    "#);
}

#[test]
fn a_shutdown_waits_for_everyone_or_for_its_deadline() {
    insta::assert_snapshot!(replay("
        running
        deploy 2
        start 2
        answer @2 subscribe 0
        candle 0 100
        answer buy 1 limit 90
        accept c1
        hold
        shutdown 60
        start 2
        answer @2 cancel-all
        at 59
        wake
        at 60
        wake
    "), @r#"
    2 is created
    2 is warming up
    2 hears #3 init with cash 1000
    2 is running
    1 hears #4 candle 0 at 100
    2 hears #5 candle 0 at 100
    sent: c1 buy 1 at 90 Gtc
    1 hears #6 order 1 0/1 at 90 Gtc accepted (#4.0)
    1 is stopping
    1 hears #7 stop by Shutdown
    2 is stopping
    2 hears #8 stop by Shutdown
    2 denied stopping: strategy 2 is being stopped: start it again when it has
    2 is stopped
    sent: cancel of event 4
    1 is stopped
    shut down, late: [StrategyId(1)]
    "#);
    insta::assert_snapshot!(replay("
        running
        shutdown 60
    "), @r#"
    1 is stopping
    1 hears #3 stop by Shutdown
    1 is stopped
    shut down, late: []
    "#);
}

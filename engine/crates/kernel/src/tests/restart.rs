//! What restart policies make of a new process and of a fault.

use super::script::Script;

/// A live strategy with that policy, which holds 1 BTC and has an order that could open and a stop.
fn at_work(policy: &str, then: &str) -> String {
    let begin = format!(
        "
        live
        deploy 1 restart {policy}
        start 1
        snapshot cash 1000
        answer subscribe 0
        at 10
        candle 0 100
        answer buy 1 market; buy 1 limit 90
        accept c1
        fill c1 1 100
        accept c2
        candle 0 101
        answer sell 1 stop 80 reduce
        accept c3
        at 1000
        "
    );
    let mut script = Script::played(&begin);
    script.transcript.clear();
    script.run(then);
    script.transcript
}

/// The snapshot that reconciles it: what it holds and both its orders.
const RECONCILED: &str = "
        snapshot 0=1 time 2000
        open c2 1 90 2000
        open c3 1 80 2000
";

#[test]
fn resume_goes_on_after_a_restart() {
    insta::assert_snapshot!(at_work("resume", &format!("opened 1 {RECONCILED} states\ncandle 0 102\nanswer buy 1 market")), @r#"
    reconcile: Reconnected
    asks after 0x01000009000100000000000002000100, repeats until 10010
    asks after 0x01000009000100000000000007000000, repeats until 10010
    1 hears #9 feed Connection Restored
    1 has order 2 Open; 1 has order 3 Open
    1 hears #10 candle 0 at 102
    sent: c4 buy 1 at the market
    "#);
}

#[test]
fn reduce_only_lets_nothing_open_after_a_restart_until_it_is_armed() {
    insta::assert_snapshot!(at_work("reduce", &format!(
        "opened 1 {RECONCILED} cancelled c2\nstates\ncandle 0 102\nanswer buy 1 market; sell 0.5 market reduce\nrearm 1\ncandle 0 103\nanswer buy 1 market"
    )), @r#"
    reconcile: Reconnected
    Killed { scope: Strategy(StrategyId(1)), cause: Restart, action: ReduceOnly, armed: false }
    1 notifies: strategy 1 was killed by its restart policy after a restart: its orders that could open are cancelled, and it may only reduce; only re-arming ends it
    sent: cancel of event 2
    asks after 0x01000009000100000000000002000100, repeats until 11000
    asks after 0x01000009000100000000000007000000, repeats until 10010
    1 hears #9 feed Connection Restored
    1 hears #10 order 2 0/1 at 90 Gtc cancelled as asked (#2.1)
    1 has order 3 Open
    1 hears #11 candle 0 at 102
    1 denied killed: the strategy was killed by its restart policy after a restart: only cancels and reduce-only orders pass until it is re-armed
    sent: c4 sell 0.5 at the market reduce-only
    1 hears #12 no order denied killed (#11.0)
    Rearmed { scope: Strategy(StrategyId(1)) }
    1 hears #13 candle 0 at 103
    sent: c5 buy 1 at the market
    "#);
}

#[test]
fn flatten_closes_after_a_restart_once_the_account_is_reconciled() {
    insta::assert_snapshot!(at_work("flatten", &format!(
        "opened 1\nat 200000\nwake\n{RECONCILED} cancelled c2\ncancelled c3\nfill c4 1 101\nstates\ncandle 0 102\nanswer buy 1 market"
    )), @r#"
    reconcile: Reconnected
    Killed { scope: Strategy(StrategyId(1)), cause: Restart, action: Flatten, armed: false }
    1 notifies: strategy 1 was killed by its restart policy after a restart: its orders are cancelled and its positions closed; only re-arming ends it
    sent: cancel of event 2
    sent: cancel of event 7
    asks after 0x01000009000100000000000002000100, repeats until 11000
    asks after 0x01000009000100000000000007000000, repeats until 11000
    1 hears #9 feed Connection Restored
    sent: c4 sell 1 at 95.95 Ioc reduce-only
    1 hears #11 order 2 0/1 at 90 Gtc cancelled as asked (#2.1)
    1 hears #12 order 3 0/1 Stop 80 cancelled as asked (#7.0)
    1 hears #13 order 4 0/1 at 95.95 Ioc accepted (#10.0)
    Flat { strategy: StrategyId(1) }
    1 hears #14 order 4 1/1 at 95.95 Ioc filled 1 at 101, 0 left (#10.0)
    1 hears #15 position 1 -> 0 from 0, realized 1, by Fill
    nothing open
    1 hears #16 candle 0 at 102
    1 denied killed: the strategy was killed by its restart policy after a restart: only cancels pass until it is re-armed
    1 hears #17 no order denied killed (#16.0)
    "#);
}

#[test]
fn hold_touches_nothing_after_a_restart() {
    insta::assert_snapshot!(at_work("hold", &format!(
        "opened 1 {RECONCILED} states\ncandle 0 102\nanswer buy 1 market; sell 0.5 market reduce; cancel 2"
    )), @r#"
    reconcile: Reconnected
    Killed { scope: Strategy(StrategyId(1)), cause: Restart, action: Pause, armed: false }
    1 notifies: strategy 1 was killed by its restart policy after a restart: it may only cancel; only re-arming ends it
    asks after 0x01000009000100000000000002000100, repeats until 10010
    asks after 0x01000009000100000000000007000000, repeats until 10010
    1 hears #9 feed Connection Restored
    1 has order 2 Open; 1 has order 3 Open
    1 hears #10 candle 0 at 102
    1 denied killed: the strategy was killed by its restart policy after a restart: only cancels pass until it is re-armed
    1 denied killed: the strategy was killed by its restart policy after a restart: only cancels pass until it is re-armed
    sent: cancel of event 2
    1 hears #11 no order denied killed (#10.0)
    1 hears #12 no order denied killed (#10.1)
    "#);
}

#[test]
fn after_a_fault_resume_keeps_what_only_reduces() {
    insta::assert_snapshot!(at_work("resume", "
        candle 0 102
        answer fault
        states
        cancelled c2
        states
        stop 1
        cancelled c3
        states
    "), @r#"
    1 hears #9 candle 0 at 102
    sent: cancel of event 2
    1 is faulted: trap in on-candle at event 0 after 5 fuel: unreachable
    1 has order 2 Cancelling; 1 has order 3 Open; wake 11000
    1 has order 3 Open
    1 is stopping
    sent: cancel of event 7
    1 is stopped
    nothing open
    "#);
}

#[test]
fn after_a_fault_reduce_only_lets_nothing_open_once_it_is_started_again() {
    insta::assert_snapshot!(at_work("reduce", "
        candle 0 102
        answer fault
        cancelled c2
        states
        start 1
        answer subscribe 0
        candle 0 103
        answer buy 1 market; sell 1 limit 120 reduce
    "), @r#"
    1 hears #9 candle 0 at 102
    sent: cancel of event 2
    1 is faulted: trap in on-candle at event 0 after 5 fuel: unreachable
    Killed { scope: Strategy(StrategyId(1)), cause: Fault, action: ReduceOnly, armed: false }
    1 notifies: strategy 1 was killed by its restart policy after a fault: its orders that could open are cancelled, and it may only reduce; only re-arming ends it
    1 has order 3 Open
    1 is warming up
    1 hears #10 init with cash 1000
    1 is running
    1 hears #11 candle 0 at 103
    1 denied killed: the strategy was killed by its restart policy after a fault: only cancels and reduce-only orders pass until it is re-armed
    sent: c4 sell 1 at 120 Gtc reduce-only
    1 hears #12 no order denied killed (#11.0)
    "#);
}

#[test]
fn after_a_fault_flatten_closes_and_nobody_has_to_be_there() {
    insta::assert_snapshot!(at_work("flatten", "
        candle 0 102
        answer fault
        cancelled c2
        cancelled c3
        fill c4 1 102
        states
    "), @r#"
    1 hears #9 candle 0 at 102
    sent: cancel of event 2
    sent: cancel of event 7
    1 is faulted: trap in on-candle at event 0 after 5 fuel: unreachable
    Killed { scope: Strategy(StrategyId(1)), cause: Fault, action: Flatten, armed: false }
    1 notifies: strategy 1 was killed by its restart policy after a fault: its orders are cancelled and its positions closed; only re-arming ends it
    sent: c4 sell 1 at the market reduce-only
    Flat { strategy: StrategyId(1) }
    nothing open
    "#);
}

#[test]
fn after_a_fault_hold_keeps_every_order() {
    insta::assert_snapshot!(at_work("hold", "
        candle 0 102
        answer fault
        states
        fill c2 1 90
        states
        kill 1 flatten
        cancelled c3
        fill c4 2 90
        states
    "), @r#"
    1 hears #9 candle 0 at 102
    1 is faulted: trap in on-candle at event 0 after 5 fuel: unreachable
    Killed { scope: Strategy(StrategyId(1)), cause: Fault, action: Pause, armed: false }
    1 notifies: strategy 1 was killed by its restart policy after a fault: it may only cancel; only re-arming ends it
    1 has order 2 Open; 1 has order 3 Open
    1 has order 3 Open
    Killed { scope: Strategy(StrategyId(1)), cause: Operator, action: Flatten, armed: false }
    1 notifies: strategy 1 was killed by the operator: its orders are cancelled and its positions closed; only re-arming ends it
    sent: cancel of event 7
    sent: c4 sell 2 at the market reduce-only
    Flat { strategy: StrategyId(1) }
    nothing open
    "#);
}

#[test]
fn a_fault_while_it_is_stopped_lets_go_of_everything() {
    insta::assert_snapshot!(at_work("hold", "
        hold
        stop 1
        answer fault
        cancelled c2
        cancelled c3
        states
    "), @r#"
    1 is stopping
    1 hears #9 stop by Operator
    sent: cancel of event 2
    sent: cancel of event 7
    1 is faulted: trap in on-candle at event 0 after 5 fuel: unreachable
    nothing open
    "#);
}

#[test]
fn what_a_shutdown_stopped_is_at_work_again_after_a_restart() {
    insta::assert_snapshot!(at_work("hold", "
        shutdown 5000
        cancelled c2
        cancelled c3
        opened 1
        snapshot 0=1 time 2000
        answer subscribe 0
        candle 0 102
        answer buy 1 market
        stop 1
        opened 2
        snapshot 0=1 time 3000
    "), @r#"
    1 is stopping
    1 hears #9 stop by Shutdown
    sent: cancel of event 2
    sent: cancel of event 7
    1 is stopped
    shut down, late: []
    reconcile: Reconnected
    Killed { scope: Strategy(StrategyId(1)), cause: Restart, action: Pause, armed: false }
    1 notifies: strategy 1 was killed by its restart policy after a restart: it may only cancel; only re-arming ends it
    1 is warming up
    1 hears #10 init with cash 1000
    1 is running
    1 hears #11 candle 0 at 102
    1 denied killed: the strategy was killed by its restart policy after a restart: only cancels pass until it is re-armed
    1 hears #12 no order denied killed (#11.0)
    1 is stopping
    1 hears #13 stop by Operator
    1 is stopped
    reconcile: Reconnected
    "#);
}

#[test]
fn a_shutdown_that_a_crash_cut_short_ends_with_the_process() {
    insta::assert_snapshot!(at_work("resume", "
        hold
        shutdown 5000
        opened 1
        snapshot 0=1 time 2000
    "), @r#"
    1 is stopping
    1 hears #9 stop by Shutdown
    reconcile: Reconnected
    sent: cancel of event 2
    sent: cancel of event 7
    1 is stopped
    asks after 0x01000009000100000000000002000100, repeats until 11000
    asks after 0x01000009000100000000000007000000, repeats until 11000
    1 is warming up
    1 hears #10 init with cash 1000
    "#);
}

//! Kill switches and protections: every trigger with every action, a lost connection, refusals, giving up, arming again.

use super::script::{Script, replay};
use crate::*;

const TRIGGERS: &[(&str, &str)] = &[
    ("loss 50", "candle 0 90"),
    ("drawdown 5%", "candle 0 120\n candle 0 108"),
    ("daily 50", "candle 0 90"),
    ("lock 40 10", "candle 0 110\n candle 0 101"),
    ("stale 1000", "at 1000\n wake"),
    ("rejects 1 1000", "reject c3"),
];

/// Long 5 from 100, with an order that opens (c2) and one that was refused or not (c3).
fn given(rule: &str) -> String {
    format!(
        "risk kill {rule}\n risk closing 60000 500 5000 3\n running\n candle 0 100\n answer buy 5 market; buy 1 limit 50; sell 1 limit 500\n \
         fill c1 5 100\n accept c2\n candle 0 100"
    )
}

#[test]
fn each_trigger_does_each_action_once() {
    for (trigger, happens) in TRIGGERS {
        for (action, sends) in [("pause", 0), ("reduce", 2), ("cancel", 2), ("flatten", 3)] {
            let mut script = Script::played(&given(&format!("{trigger} {action}")));
            assert!(!script.transcript.contains("Killed"), "{trigger} {action}: not yet\n{}", script.transcript);
            script.transcript.clear();
            script.run(happens);
            let said = std::mem::take(&mut script.transcript);
            let killed = said.matches("Killed {").count();
            assert_eq!(killed, 1, "{trigger} {action}\n{said}");
            assert!(said.contains("1 notifies: strategy 1 was killed by"), "{said}");
            // A refused order is gone and needs no cancel.
            let sends = if *trigger == "rejects 1 1000" && sends > 0 { sends - 1 } else { sends };
            assert_eq!(said.matches("sent: ").count(), sends, "{trigger} {action}\n{said}");
            assert_eq!(said.contains("sell 5 at the market reduce-only"), action == "flatten", "{said}");
            script.run(happens.replace("reject c3", "candle 0 90").as_str());
            assert!(!script.transcript.contains("Killed"), "it fires once: {}", script.transcript);
        }
    }
}

#[test]
fn just_inside_nothing_fires() {
    for (rule, happens) in [
        ("loss 50", "candle 0 90.01"),
        ("drawdown 5%", "candle 0 120\n candle 0 109.01"),
        ("daily 50", "candle 0 90.01"),
        ("lock 40 10", "candle 0 107.99\n candle 0 101"),
        ("stale 1000", "at 999\n wake"),
        ("rejects 2 1000", "reject c3\n at 1001\n reject c2"),
    ] {
        let said = replay(&format!("{}\n{happens}", given(&format!("{rule} flatten"))));
        assert!(!said.contains("Killed"), "{rule}\n{said}");
    }
}

#[test]
fn a_killed_strategy_that_goes_on_asking_gets_the_same_denial_each_time() {
    let mut script = Script::played(&given("loss 50 flatten"));
    script.run("candle 0 90");
    let mut denials = Vec::new();
    for _ in 0..3 {
        script.transcript.clear();
        script.run("candle 0 90\n answer buy 1 market; close; buy 1 limit 50 reduce");
        assert!(!script.transcript.contains("sent: "), "{}", script.transcript);
        let denied = script.transcript.lines().filter(|line| line.starts_with("1 denied ")).collect::<Vec<_>>().join("\n");
        denials.push(denied);
    }
    let wanted = "1 denied killed: the strategy was killed by a loss of 50: only cancels pass until it is re-armed";
    assert_eq!(denials[0].lines().filter(|line| *line == wanted).count(), 2, "{}", denials[0]);
    assert!(denials.iter().all(|denied| *denied == denials[0]));
}

#[test]
fn reducing_lets_pass_what_reduces() {
    let given = format!("{}\n candle 0 90", given("loss 50 reduce"));
    let passes = replay(&format!("{given}\n candle 0 90\n answer sell 5 market reduce; cancel 2"));
    assert!(!passes.contains(" denied "), "{passes}");
    assert!(replay(&format!("{given}\n candle 0 90\n answer buy 1 limit 50")).contains("denied killed: "));
}

#[test]
fn a_close_that_fails_is_tried_again_until_it_is_flat() {
    let mut script = Script::played(&given("loss 50 flatten"));
    script.run("candle 0 90\n cancelled c2\n cancelled c3");
    script.transcript.clear();
    script.run("reject c4\n at 4999\n wake");
    assert!(!script.transcript.contains("sent: "), "not before its time: {}", script.transcript);
    script.run("at 5000\n wake");
    assert!(script.transcript.contains("sent: c5 sell 5 at the market reduce-only"), "{}", script.transcript);
    script.run("fill c5 2 90\n at 10000\n wake");
    assert!(!script.transcript.contains("c6"), "one is out still: {}", script.transcript);
    script.run("fill c5 3 90");
    assert!(script.transcript.contains("Flat { strategy: StrategyId(1) }"), "{}", script.transcript);
    assert!(!script.core().strategies().any(StrategyView::is_closing));
    assert!(script.core().strategy(StrategyId::new(1)).and_then(StrategyView::killed).is_some(), "it stays killed");
}

#[test]
fn it_gives_up_with_an_alert_and_the_operator_may_fire_it_again() {
    let mut script = Script::played(&given("loss 50 flatten"));
    script.run("candle 0 90\n cancelled c2\n cancelled c3\n reject c4");
    for (order, at) in [("c5", 5_000), ("c6", 10_000)] {
        script.run(&format!("at {at}\n wake\n reject {order}"));
    }
    script.transcript.clear();
    script.run("at 15000\n wake\n at 20000\n candle 0 90");
    assert!(script.transcript.contains("NotFlat { strategy: StrategyId(1), instrument: InstrumentId(0), size: 5 }"));
    assert!(script.transcript.contains("notifies: after 3 attempts"), "{}", script.transcript);
    assert!(!script.transcript.contains("sent: "), "{}", script.transcript);
    script.run("kill 1 flatten");
    assert!(script.transcript.contains("sent: c7 sell 5 at the market reduce-only"), "{}", script.transcript);
}

#[test]
fn while_the_connection_is_lost_it_arms_and_does_the_rest_when_it_is_back() {
    let mut script = Script::played(&given("loss 50 flatten"));
    script.transcript.clear();
    script.run("lost\n candle 0 90\n at 60000\n wake");
    assert!(script.transcript.contains("armed: true"), "{}", script.transcript);
    assert!(!script.transcript.contains("sent: "), "{}", script.transcript);
    script.run("recovered");
    assert_eq!(script.transcript.matches("sent: ").count(), 3, "{}", script.transcript);
    assert!(script.transcript.contains("sell 5"), "{}", script.transcript);
}

#[test]
fn a_stale_mark_bounds_the_close_as_declared() {
    let stale = |closing: &str| {
        let given = given("stale 60000 flatten").replace("60000 500 5000 3", closing);
        replay(&format!("{given}\n at 60000\n wake"))
    };
    assert!(stale("60000 500 5000 3").contains("sell 5 at 95 Ioc reduce-only"));
    assert!(stale("60000 none 5000 3").contains("sell 5 at the market reduce-only"));
    assert!(stale("60001 500 5000 3").contains("sell 5 at the market reduce-only"));
}

#[test]
fn an_accounts_switch_stops_everybody_and_arming_it_does_not_arm_a_strategys() {
    let mut script = Script::played(
        "running\n deploy 2\n start 2\n answer @2 subscribe 0\n candle 0 100\n answer @2 buy 1 market\n answer buy 2 market\n \
         fill c1 1 100\n fill c2 2 100",
    );
    script.transcript.clear();
    script.run("kill 2 pause\n kill account flatten");
    assert!(script.transcript.contains("sell 2 at the market") && script.transcript.contains("sell 1 at the market"));
    script.run("fill c3 2 100\n fill c4 1 100\n rearm account");
    script.transcript.clear();
    script.run("candle 0 100\n answer @2 buy 1 market\n answer buy 1 market");
    assert!(script.transcript.contains("2 denied killed: the strategy was killed by the operator"), "{}", script.transcript);
    assert!(script.transcript.contains("sent: c5 buy 1"), "{}", script.transcript);
    script.run("rearm 2");
    script.transcript.clear();
    script.run("candle 0 100\n answer @2 buy 1 market");
    assert!(script.transcript.contains("sent: c6 buy 1"), "{}", script.transcript);
    script.run("kill 7 pause\n rearm 7\n trading 7 halted\n tradable 9 no");
    assert_eq!(script.transcript.matches("denied unknown-strategy").count(), 3, "{}", script.transcript);
    assert_eq!(script.core().strays(), 1);
}

#[test]
fn the_accounts_rules_watch_all_strategies_together() {
    let mut script = Script::played(
        "account kill loss 50 flatten\n running\n deploy 2\n start 2\n answer @2 subscribe 0\n candle 0 100\n \
         answer @2 buy 3 market\n answer buy 2 market\n fill c1 3 100\n fill c2 2 100",
    );
    script.transcript.clear();
    script.run("candle 0 90.01");
    assert!(!script.transcript.contains("Killed"), "{}", script.transcript);
    script.run("candle 0 90");
    assert!(script.transcript.contains("Killed { scope: Account"), "{}", script.transcript);
    assert_eq!(script.transcript.matches("reduce-only").count(), 2, "{}", script.transcript);
}

#[test]
fn a_stronger_rule_goes_further_and_a_weaker_one_loosens_nothing() {
    let mut script = Script::played(&given("loss 30 cancel\n risk kill loss 50 flatten\n risk kill loss 10 reduce"));
    let killed =
        |script: &mut Script| script.core().strategy(StrategyId::new(1)).and_then(StrategyView::killed).expect("killed");
    script.run("candle 0 94");
    assert_eq!((killed(&mut script).action, killed(&mut script).state), (KillAction::Cancel, TradingState::Halted));
    script.run("candle 0 90");
    assert_eq!((killed(&mut script).action, killed(&mut script).state), (KillAction::Flatten, TradingState::Halted));
    assert!(script.transcript.contains("sell 5 at the market reduce-only"));
}

#[test]
fn after_arming_it_again_losses_count_from_there() {
    let mut script = Script::played(&given("loss 50 pause"));
    script.run("candle 0 90\n rearm 1");
    script.transcript.clear();
    script.run("candle 0 80.01");
    assert!(!script.transcript.contains("Killed"), "{}", script.transcript);
    script.run("candle 0 80");
    assert!(script.transcript.contains("Killed"), "{}", script.transcript);
}

#[test]
fn the_dead_mans_switch_is_moved_on_while_orders_are_open_and_then_cleared() {
    let mut script = Script::played("account dead-man 30000\n running\n candle 0 100\n answer buy 1 limit 90");
    assert!(script.transcript.contains("sent: cancel everything at Some(30000)"), "{}", script.transcript);
    assert_eq!(script.core().next_wake(), Some(Timestamp::from_millis(10_000)));
    script.transcript.clear();
    script.run("at 9999\n wake");
    assert!(!script.transcript.contains("cancel everything"), "{}", script.transcript);
    script.run("at 10000\n wake");
    assert!(script.transcript.contains("cancel everything at Some(40000)"), "{}", script.transcript);
    script.run("cancelled c1\n at 20000\n wake");
    assert!(script.transcript.contains("cancel everything at None"), "{}", script.transcript);
    assert_eq!(script.core().next_wake(), None);
}

#[test]
fn a_kill_of_the_account_while_disconnected_asks_the_dead_mans_switch() {
    let given =
        "account dead-man 30000\n running\n candle 0 100\n answer buy 1 limit 90\n lost\n at 1000\n kill account cancel";
    assert!(replay(given).contains("cancel everything at Some(6000)"));
    assert!(!replay(&given.replace("account dead-man 30000\n", "")).contains("cancel everything"));
}

#[test]
fn a_rest_is_shown_with_its_end_and_ends_when_the_operator_says_so() {
    let mut script = Script::new(
        "risk protect drawdown 5 1000 500\n running\n candle 0 100\n answer buy 1 market; sell 1 market\n fill c1 1 100\n fill c2 1 95",
    );
    while script.step() {}
    let pauses = |script: &mut Script, at| -> Vec<Pause> {
        let strategy = script.core().strategy(StrategyId::new(1)).expect("deployed");
        strategy.pauses(Timestamp::from_millis(at)).copied().collect()
    };
    let until = Timestamp::from_millis(500);
    let pause = Pause { kind: ProtectionKind::MaxDrawdown, instrument: None, since: Timestamp::from_millis(0), until };
    assert_eq!(pauses(&mut script, 499), [pause]);
    assert_eq!(pauses(&mut script, 500), []);
    assert!(script.transcript.contains("Paused {"), "{}", script.transcript);
    script.run("rearm 1");
    assert_eq!(pauses(&mut script, 1), []);
}

#[test]
fn nothing_declared_is_nothing_watched() {
    let mut script = Script::played("running\n candle 0 100\n answer buy 5 market\n fill c1 5 100\n candle 0 1");
    assert!(!script.transcript.contains("Killed"));
    assert_eq!(script.core().next_wake(), None);
}

#[test]
fn what_comes_to_light_after_all_was_closed_is_closed_too() {
    let mut script = Script::new(&given("loss 50 flatten"));
    script.run("kill 1 flatten\n cancelled c2\n cancelled c3\n fill c4 5 100");
    assert!(script.transcript.contains("Flat { strategy"), "{}", script.transcript);
    script.transcript.clear();
    // It was said to be cancelled, and had filled before that.
    script.run("fill c2 1 50");
    assert!(script.transcript.contains("c5 sell 1 at the market reduce-only"), "{}", script.transcript);
    script.run("fill c5 1 50");
    assert_eq!(script.transcript.matches("Flat { strategy").count(), 1, "{}", script.transcript);
    script.transcript.clear();
    script.run("rearm 1\n fill c3 1 500");
    assert!(!script.transcript.contains("sent:"), "armed again, it is the strategy's: {}", script.transcript);
}

#[test]
fn an_account_that_is_armed_again_leaves_a_strategy_to_its_own_switch() {
    let mut script = Script::new(&given("loss 500 flatten"));
    script.run("kill 1 reduce\n kill account flatten\n rearm account\n cancelled c2\n cancelled c3\n cancelled c4");
    script.transcript.clear();
    script.run("at 60000\n wake\n candle 0 100");
    assert!(!script.transcript.contains("sent:"), "nobody wants it flat any more: {}", script.transcript);
}

#[test]
fn a_cancel_that_is_refused_is_not_sent_again_without_pause() {
    let mut script = Script::new(
        "live\n deploy 1\n start 1\n snapshot\n answer subscribe 0\n candle 0 100\n answer buy 1 limit 50\n lost\n recovered",
    );
    script.run("kill 1 flatten");
    assert_eq!(script.transcript.matches("sent: cancel").count(), 1, "{}", script.transcript);
    script.run("request-rejected c1 cancel\n unanswered c1\n request-rejected c1 cancel");
    assert_eq!(script.transcript.matches("sent: cancel").count(), 1, "{}", script.transcript);
    script.run("open c1 1 50 1\n at 10\n snapshot");
    assert!(script.transcript.matches("sent: cancel").count() <= 2, "{}", script.transcript);
}

#[test]
fn a_process_that_takes_over_closes_in_its_own_name() {
    let mut script = Script::new(&given("loss 50 flatten"));
    script.run("kill 1 flatten\n cancelled c2\n cancelled c3\n reject c4\n at 60000\n opened 1\n at 60001\n wake");
    let names: Vec<_> = script.sent().iter().filter_map(|order| order.client_id.origin()).map(|origin| origin.epoch).collect();
    assert_eq!(names, [0, 0, 0, 0, 1], "{}", script.transcript);
}

#[test]
fn money_paid_in_or_out_is_neither_profit_nor_loss() {
    let said = |happens: &str| {
        let mut script = Script::played(&given("loss 50 flatten"));
        script.run(happens);
        script.transcript
    };
    let hidden = said("balance 1000\n candle 0 90");
    assert!(hidden.contains("Killed"), "a deposit hides no loss: {hidden}");
    let withdrawn = said("balance -100\n candle 0 100");
    assert!(!withdrawn.contains("Killed"), "a withdrawal is no loss: {withdrawn}");
}

#[test]
fn a_position_without_a_price_hides_no_loss_of_the_others() {
    let said = replay(
        "risk kill loss 50 flatten\n running\n candle 0 100\n answer buy 5 market; buy 1 of 1 limit 5\n fill c1 5 100\n fill c2 1 5\n \
         candle 0 95\n candle 0 50",
    );
    assert_eq!(said.matches("no price of instrument 1 is known").count(), 1, "{said}");
    assert!(said.contains("Killed"), "{said}");
}

#[test]
fn an_instrument_that_was_never_heard_of_is_stale_in_time() {
    let rule = "risk kill stale 1000 cancel\n running\n candle 0 100\n at 5000\n candle 0 100\n answer buy 1 limit 9 of 1";
    let inside = replay(&format!("{rule}\n at 5999\n candle 0 100"));
    assert!(!inside.contains("Killed"), "{inside}");
    let beyond = replay(&format!("{rule}\n at 6000\n wake"));
    assert!(beyond.contains("Killed"), "{beyond}");
}

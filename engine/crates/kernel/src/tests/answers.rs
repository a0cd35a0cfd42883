//! Answers of hooks: taken whole or not at all.

use super::script::{Script, replay};
use crate::{Answer, HookEnded, Input, StrategyId};

#[test]
fn writes_come_with_the_answer_and_a_store_that_is_full_faults() {
    let mut script = Script::played(
        "
        limit state 8
        running
        candle 0 100
        answer write key 12345
        candle 0 100
        answer write key 123456
    ",
    );
    let strategy = script.core().strategy(StrategyId::new(1)).expect("deployed");
    assert_eq!(strategy.state_value("key"), Some(&b"12345"[..]));
    insta::assert_snapshot!(script.transcript, @r#"
    1 hears #3 candle 0 at 100
    1 hears #4 candle 0 at 100
    1 is faulted: contract in an event at event 4 after 0 fuel: its writes would make its store 9 bytes large; at most 8 are allowed
    "#);
}

#[test]
fn an_answer_to_another_question_is_a_fault() {
    insta::assert_snapshot!(replay("
        running
        candle 0 100
        answer subscribe 0
    "), @r#"
    1 hears #3 candle 0 at 100
    1 is faulted: contract in an event at event 3 after 0 fuel: an event was answered with subscriptions
    "#);
}

#[test]
fn an_answer_that_nobody_waits_for_changes_nothing() {
    let mut script = Script::played("running\n hold\n candle 0 100");
    let before = script.transcript.clone();
    for (strategy, number) in [(1, 1), (1, u64::MAX), (2, 3)] {
        let (strategy, number) = (StrategyId::new(strategy), crate::EventNumber::new(number));
        let answer = Answer::Intents(vec![crate::Intent::CancelAll(None)]);
        script.handle(Input::HookEnded(HookEnded { strategy, number, answer, effects: None, fuel: 0 }));
    }
    assert_eq!((script.core().strays(), &script.transcript), (3, &before));
}

//! Changes of leverage: each is answered once, also where the answer is lost.

use super::script::{Script, replay};

#[test]
fn a_change_is_answered_with_what_holds() {
    insta::assert_snapshot!(replay("
        running
        candle 0 100
        answer leverage 5; leverage 7; leverage 9
        leverage-set 5
        leverage-set 4
        leverage-rejected
        leverage-set 9
        at 20000
        wake
        states
    "), @r#"
    1 hears #3 candle 0 at 100
    sent: leverage 5
    sent: leverage 7
    sent: leverage 9
    1 hears #4 no order accepted (#3.0)
    1 hears #5 no order rejected venue-says-no (#3.1)
    1 hears #6 no order accepted (#3.2)
    nothing open
    "#);
}

#[test]
fn a_change_whose_answer_is_lost_is_asked_after_once_it_can_be_admitted_no_longer() {
    insta::assert_snapshot!(replay("
        running
        candle 0 100
        answer leverage 5
        states
        at 10000
        wake
        at 10001
        wake
        leverage-set 5 as-of 10002
        states
    "), @r#"
    1 hears #3 candle 0 at 100
    sent: leverage 5
    wake 10001
    asks after leverage of 0
    1 hears #4 no order accepted (#3.0)
    nothing open
    "#);
}

#[test]
fn a_change_that_was_never_taken_is_refused_when_something_else_holds() {
    insta::assert_snapshot!(replay("
        running
        candle 0 100
        answer leverage 5
        at 10001
        wake
        leverage-set 3 as-of 9000
        at 11001
        wake
        leverage-set 3 as-of 11002
        states
    "), @r#"
    1 hears #3 candle 0 at 100
    sent: leverage 5
    asks after leverage of 0
    asks after leverage of 0
    1 hears #4 no order rejected never-admitted (#3.0)
    nothing open
    "#);
}

#[test]
fn the_exchanges_word_on_a_position_answers_a_change_too() {
    insta::assert_snapshot!(replay("
        running
        candle 0 100
        answer buy 1 market; leverage 5; leverage 6
        fill c1 1 100
        report 0 1 entry 100 leverage 5 time 9000
        report 0 1 entry 100 leverage 5 time 10001
        at 20000
        wake
        states
    "), @r#"
    1 hears #3 candle 0 at 100
    sent: c1 buy 1 at the market
    sent: leverage 5
    sent: leverage 6
    1 hears #4 order 1 0/1 at the market accepted (#3.0)
    1 hears #5 order 1 1/1 at the market filled 1 at 100, 0 left (#3.0)
    1 hears #6 position 0 -> 1 from 100, realized 0, by Fill
    1 hears #7 no order accepted (#3.1)
    1 hears #8 position 1 -> 1 from 100, realized 0, leverage 5, by Settings
    1 hears #9 no order rejected never-admitted (#3.2)
    nothing open
    "#);
}

#[test]
fn a_new_process_asks_after_what_the_one_before_had_asked_for() {
    let script = Script::played(
        "running\n candle 0 100\n answer leverage 5\n opened 1\n at 10001\n wake\n leverage-set 5 as-of 10002\n states",
    );
    assert!(script.transcript.contains("asks after leverage of 0"), "{}", script.transcript);
    assert!(script.transcript.ends_with("nothing open\n"), "{}", script.transcript);
}

#[test]
fn nobody_sets_the_leverage_of_what_another_strategy_trades() {
    let said = replay(
        "netted\n running\n deploy 2\n start 2\n answer @2 subscribe 0\n candle 0 100\n answer buy 1 market\n fill c1 1 100\n \
         candle 0 100\n answer @2 leverage 40",
    );
    assert!(said.contains("2 denied instrument-taken:") && !said.contains("sent: leverage"), "{said}");
}

#[test]
fn leverage_is_set_only_in_an_account_that_is_reconciled_and_as_often_as_amends() {
    let lost = replay("running\n candle 0 100\n lost\n answer leverage 7");
    assert!(lost.contains("1 denied not-reconciled:") && !lost.contains("sent: leverage"), "{lost}");
    let often = replay("risk rate amends 1/1000\n running\n candle 0 100\n answer leverage 5; leverage 6");
    assert_eq!((often.matches("sent: leverage").count(), often.matches("1 denied amend-rate:").count()), (1, 1), "{often}");
}

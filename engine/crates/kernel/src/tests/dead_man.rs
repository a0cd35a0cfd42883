//! The exchange's dead man's switch: that it was asked for is no guard, its answer is.

use super::script::{Script, replay};

const OPEN: &str = "account dead-man 30000\n running\n candle 0 100\n answer buy 1 limit 90\n accept c1\n";

#[test]
fn one_that_answers_is_moved_on_in_silence() {
    insta::assert_snapshot!(replay(&format!("{OPEN}
        scheduled 30000
        at 10000
        wake
        scheduled 40000
        at 20000
        wake
    ")), @r#"
    1 hears #3 candle 0 at 100
    sent: c1 buy 1 at 90 Gtc
    sent: cancel everything at Some(30000)
    1 hears #4 order 1 0/1 at 90 Gtc accepted (#3.0)
    sent: cancel everything at Some(40000)
    sent: cancel everything at Some(50000)
    "#);
}

#[test]
fn one_that_is_refused_is_the_operators_matter_until_it_is_set() {
    insta::assert_snapshot!(replay(&format!("{OPEN}
        schedule-rejected
        schedule-rejected
        at 10000
        wake
        schedule-rejected
        at 20000
        wake
        scheduled 50000
        at 30000
        wake
        schedule-rejected
    ")), @r#"
    1 hears #3 candle 0 at 100
    sent: c1 buy 1 at 90 Gtc
    sent: cancel everything at Some(30000)
    1 hears #4 order 1 0/1 at 90 Gtc accepted (#3.0)
    DeadManLost
    1 notifies: the exchange's dead man's switch is not set, since the exchange refused it, venue-says-no: no: should the connection break, orders stay
    sent: cancel everything at Some(40000)
    sent: cancel everything at Some(50000)
    DeadManBack
    sent: cancel everything at Some(60000)
    DeadManLost
    1 notifies: the exchange's dead man's switch is not set, since the exchange refused it, venue-says-no: no: should the connection break, orders stay
    "#);
}

#[test]
fn one_that_does_not_answer_by_the_time_it_is_to_be_moved_on_is_lost() {
    insta::assert_snapshot!(replay(&format!("{OPEN}
        at 10000
        wake
        scheduled 30000
        at 20000
        wake
        scheduled 50000
    ")), @r#"
    1 hears #3 candle 0 at 100
    sent: c1 buy 1 at 90 Gtc
    sent: cancel everything at Some(30000)
    1 hears #4 order 1 0/1 at 90 Gtc accepted (#3.0)
    DeadManLost
    1 notifies: the exchange's dead man's switch is not set, since its answer did not come: should the connection break, orders stay
    sent: cancel everything at Some(40000)
    sent: cancel everything at Some(50000)
    DeadManBack
    "#);
}

#[test]
fn one_that_was_asked_before_the_connection_broke_is_asked_anew_and_not_called_lost() {
    insta::assert_snapshot!(replay(&format!("{OPEN}
        lost
        at 20000
        wake
        recovered
        scheduled 50000
    ")), @r#"
    1 hears #3 candle 0 at 100
    sent: c1 buy 1 at 90 Gtc
    sent: cancel everything at Some(30000)
    1 hears #4 order 1 0/1 at 90 Gtc accepted (#3.0)
    1 hears #5 feed Connection Lost
    1 hears #6 feed Connection Recovered
    sent: cancel everything at Some(50000)
    "#);
}

#[test]
fn clearing_it_needs_no_answer() {
    let script = Script::played(&format!(
        "{OPEN} scheduled 30000\n cancelled c1\n at 10000\n wake\n schedule-rejected\n at 90000\n wake"
    ));
    assert!(script.transcript.contains("cancel everything at None"), "{}", script.transcript);
    assert!(!script.transcript.contains("DeadManLost"), "{}", script.transcript);
}

//! What the exchange says before it says why: positions before their fills, funding out of order, a refusal told twice.

use super::script::Script;
use crate::{Decimal, Input, InstrumentId, Timestamp, VenueEvent};

/// An account of which 10 are nobody's, and a strategy that trades beside them.
const BESIDE_NOBODYS_TEN: &str = "netted
    live
    deploy 1
    start 1
    snapshot 0=10 time 0
    answer subscribe 0
    candle 0 100";

/// What is said from the second part on.
fn said(setup: &str, then: &str) -> String {
    let mut script = Script::played(setup);
    script.transcript.clear();
    script.run(then);
    script.transcript
}

#[test]
fn a_position_that_shrinks_makes_no_loss_of_its_own() {
    let setup = "netted
        live
        risk kill drawdown 50 flatten
        deploy 1
        start 1
        snapshot time 0
        answer subscribe 0
        candle 0 100
        at 10
        candle 0 100
        answer buy 20 market
        fill c1 20 100
        at 20
        candle 0 110
        answer sell 10 market";
    let said = said(setup, "at 30\n report 0 10 entry 100 time 30\n show");
    assert!(!said.contains("Killed"), "{said}");
}

#[test]
fn funding_told_out_of_order_is_paid_once_each() {
    let mut script = Script::played("running\n candle 0 100\n answer buy 5 market\n fill c1 5 100\n at 7200000");
    for hour in [2, 1, 2, 1] {
        script.handle(Input::Venue(VenueEvent::Funding {
            instrument: InstrumentId::new(0),
            time: Timestamp::from_millis(hour * 3_600_000),
            rate: Decimal::ONE,
            payment: Decimal::from(-2),
        }));
    }
    assert_eq!(script.core().funding_received(), Decimal::from(-4));
}

#[test]
fn a_target_that_a_report_says_is_reached_sends_nothing() {
    let setup = "netted
        live
        deploy 1
        start 1
        snapshot time 0
        answer subscribe 0
        candle 0 100
        at 10
        candle 0 100
        answer target 1
        at 20
        report 0 1 entry 100 time 20";
    let said = said(setup, "at 21\n candle 0 100\n answer target 1\n fill c1 1 100 time 20\n show");
    assert!(!said.contains("sent: c2"), "{said}");
}

#[test]
fn a_refusal_that_is_told_twice_counts_once() {
    let setup = "risk kill rejects 2 1000 pause\n running\n candle 0 100\n candle 0 100\n answer buy 1 limit 90";
    let said = said(setup, "reject c1\n reject c1\n reject c1");
    assert!(!said.contains("Killed"), "{said}");
}

#[test]
fn a_report_before_a_fill_hands_nobodys_position_to_no_strategy() {
    let then = "at 20
        report 0 11 entry 100 time 20
        fill c1 1 100 time 20
        at 30
        candle 0 100
        answer close";
    let mut script = Script::played(BESIDE_NOBODYS_TEN);
    script.run("at 10\n candle 0 100\n answer buy 1 market");
    script.transcript.clear();
    script.run(then);
    assert!(script.transcript.contains("sell 1 at the market"), "{}", script.transcript);
}

#[test]
fn a_trade_by_hand_that_a_report_tells_first_stays_nobodys() {
    let mut script = Script::played(BESIDE_NOBODYS_TEN);
    script.run("at 10\n candle 0 100\n answer buy 1 market\n fill c1 1 100\n at 20");
    script.transcript.clear();
    script.run("report 0 12 entry 100 time 20\n show");
    assert!(!script.transcript.contains("holds 12"), "{}", script.transcript);
}

#[test]
fn a_round_trip_that_a_report_tells_first_counts_for_protections() {
    let setup = "netted\n live\n risk protect streak 1 100000 50000\n deploy 1\n start 1\n snapshot time 0\n \
                 answer subscribe 0\n candle 0 100\n at 10\n candle 0 100\n answer buy 5 market\n fill c1 5 100 time 10\n at 20\n \
                 candle 0 100\n answer sell 5 stop 90 reduce\n accept c2\n at 30\n candle 0 90\n trigger c2";
    let rests = |told: &str| said(setup, told).matches("Paused").count();
    assert_eq!(rests("fill c2 5 90 time 30"), 1, "as it is told in order");
    assert_eq!(rests("report 0 0 time 30\n fill c2 5 90 time 30"), 1);
    assert_eq!(rests("report 0 0 time 30\n fill c2 2 90 time 30"), 0, "more of it is to be told");
    assert_eq!(rests("report 0 0 time 30\n fill c2 2 90 time 30\n fill c2 3 89 time 30"), 1);
    assert_eq!(rests("fill c2 2 90 time 29\n report 0 0 time 30\n fill c2 3 90 time 30"), 1);
}

#[test]
fn a_round_trip_that_ended_by_hand_ends_with_the_report() {
    let setup = "netted\n live\n risk protect drawdown 40 100000 50000\n deploy 1\n start 1\n snapshot time 0\n \
                 answer subscribe 0\n candle 0 100\n at 10\n candle 0 100\n answer buy 5 market\n fill c1 5 100 time 10\n at 20\n \
                 candle 0 90";
    assert_eq!(said(setup, "report 0 0 time 20").matches("Paused").count(), 1);
}

//! A new process takes over while an order is in each of its live states: nothing is sent again, and what became of it is learnt.

use super::order_table::setup;
use super::script::{Script, replay};
use crate::OrderState;
use crate::order_life::Evidence;
use std::fmt::Write as _;

/// What the exchange has of the order when it is asked for everything, and what it says when it is asked after it.
const ANSWERS: [(&str, &str); 3] = [
    ("it stands", "snapshot HELD c1@90 time 20000"),
    ("it is gone", "snapshot HELD time 20000\n absent c1 30000"),
    ("it filled", "fill c1 LEFT 90 time 2\n snapshot 0=1 time 20000\n absent c1 30000"),
];

#[test]
fn orders_in_every_live_state_survive_the_process() {
    let mut text = String::new();
    for state in OrderState::ALL.into_iter().filter(|state| !state.is_over()) {
        for (what, answer) in ANSWERS {
            let mut script = Script::played(&format!("at 1\n {}", setup((state, Evidence::Found))));
            script.transcript.clear();
            script.run("settle\n opened 1");
            let (asked, between) = (script.transcript.contains("asks after"), script.state_of(1).expect("it is known"));
            let (held, left) = if state == OrderState::PartlyFilled { ("0=0.25", "0.75") } else { ("", "1") };
            script.run(&answer.replace("HELD", held).replace("LEFT", left));
            let after = script.state_of(1).expect("it is known");
            let asks = if asked { ", asked after" } else { "" };
            let _ = writeln!(text, "{state:?} -> {between:?}{asks}; {what} -> {after:?}");
            assert!(!script.transcript.contains("sent: c"), "nothing is made again\n{}", script.transcript);
            assert!(!script.transcript.contains("differs"), "{}", script.transcript);
            if what != "it stands" {
                assert!(after.is_over() && script.core().next_wake().is_none(), "{state:?}, {what}: {after:?}");
            }
        }
    }
    insta::assert_snapshot!(text, @r#"
    Sent -> SentInDoubt, asked after; it stands -> Open
    Sent -> SentInDoubt, asked after; it is gone -> NeverAdmitted
    Sent -> SentInDoubt, asked after; it filled -> Filled
    SentInDoubt -> SentInDoubt; it stands -> Open
    SentInDoubt -> SentInDoubt; it is gone -> NeverAdmitted
    SentInDoubt -> SentInDoubt; it filled -> Filled
    Open -> Open; it stands -> Open
    Open -> Open; it is gone -> Cancelled
    Open -> Open; it filled -> Filled
    PartlyFilled -> PartlyFilled; it stands -> PartlyFilled
    PartlyFilled -> PartlyFilled; it is gone -> Cancelled
    PartlyFilled -> PartlyFilled; it filled -> Filled
    Amending -> InDoubt, asked after; it stands -> Open
    Amending -> InDoubt, asked after; it is gone -> Cancelled
    Amending -> InDoubt, asked after; it filled -> Filled
    Cancelling -> InDoubt, asked after; it stands -> Open
    Cancelling -> InDoubt, asked after; it is gone -> Cancelled
    Cancelling -> InDoubt, asked after; it filled -> Filled
    InDoubt -> InDoubt; it stands -> Open
    InDoubt -> InDoubt; it is gone -> Cancelled
    InDoubt -> InDoubt; it filled -> Filled
    Replacing -> Replacing; it stands -> Open
    Replacing -> Replacing; it is gone -> Cancelled
    Replacing -> Replacing; it filled -> Filled
    "#);
}

#[test]
fn a_live_account_asks_for_everything_and_trades_on_when_it_knows() {
    insta::assert_snapshot!(replay("
        live
        deploy 1
        start 1
        snapshot cash 1000
        answer subscribe 0
        candle 0 100
        answer buy 1 limit 90; buy 1 limit 91; buy 1 limit 92; buy 1 limit 93
        accept c1
        accept c2
        unanswered c3
        opened 1
        candle 0 100
        answer buy 1 limit 94
        at 11000
        snapshot c1@90 time 11000 cash 1000
        states
        absent c2 11500
        absent c3 11500
        open c4 1 93 11500
        states
        candle 0 100
        answer buy 1 limit 94
    "), @r#"
    reconcile: Start
    1 is created
    1 is warming up
    1 hears #1 init with cash 1000
    1 is running
    1 hears #2 candle 0 at 100
    sent: c1 buy 1 at 90 Gtc
    sent: c2 buy 1 at 91 Gtc
    sent: c3 buy 1 at 92 Gtc
    sent: c4 buy 1 at 93 Gtc
    1 hears #3 order 1 0/1 at 90 Gtc accepted (#2.0)
    1 hears #4 order 2 0/1 at 91 Gtc accepted (#2.1)
    asks after 0x01000009000100000000000002000200, repeats until 10000
    reconcile: Reconnected
    asks after 0x01000009000100000000000002000300, repeats until 10000
    1 hears #5 candle 0 at 100
    1 denied not-reconciled: the account is not reconciled with the exchange yet: only cancels pass
    1 hears #6 no order denied not-reconciled (#5.0)
    asks after 0x01000009000100000000000002000200, repeats until 10000
    asks after 0x01000009000100000000000002000300, repeats until 10000
    asks after 0x01000009000100000000000002000100, repeats until 10000
    1 hears #7 feed Connection Restored
    1 has order 1 Open; 1 has order 2 InDoubt; 1 has order 3 SentInDoubt; 1 has order 4 SentInDoubt; wake 12000
    1 hears #8 order 2 0/1 at 91 Gtc cancelled the exchange has it no longer (#2.1)
    1 hears #9 order 3 0/1 at 92 Gtc expired (#2.2)
    1 hears #10 order 4 0/1 at 93 Gtc accepted (#2.3)
    1 has order 1 Open; 1 has order 4 Open
    1 hears #11 candle 0 at 100
    sent: c5 buy 1 at 94 Gtc
    "#);
}

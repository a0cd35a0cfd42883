//! Rows of orders that are over.

use super::rows_of;
use crate::OrderState;

#[test]
fn filled() {
    insta::assert_snapshot!(rows_of(OrderState::Filled), @r#"
    Accepted: accept c1 -> Filled
    LastFill: fill c1 1 90 -> Filled (over-fill)
        differs at 0 in Filled(0x01000009000100000000000003000000): ours 1, theirs 2
        1 hears #7 order 1 2/1 at 90 Gtc filled 1 at 90, 0 left (#3.0)
        1 hears #8 position 1 -> 2 from 90, realized 0, by Fill
    OldFormGone: cancelled c1 v 1 -> Filled
    Triggered: trigger c1 -> Filled
    Resized: resized c1 1.5 -> Filled
    AmendRefused: request-rejected c1 -> Filled
    CancelRefused: request-rejected c1 cancel -> Filled
    Unanswered: unanswered c1 -> Filled
    AbsentEarly: absent c1 5000 -> Filled
    AbsentLate: absent c1 20000 -> Filled
    "#);
}

#[test]
fn cancelled() {
    insta::assert_snapshot!(rows_of(OrderState::Cancelled), @r#"
    Accepted: accept c1 -> Cancelled
    PartFill: fill c1 0.25 90 -> Cancelled
        1 hears #6 order 1 0.25/1 at 90 Gtc partially filled 0.25 at 90, 0.75 left (#3.0)
        1 hears #7 position 0 -> 0.25 from 90, realized 0, by Fill
    LastFill: fill c1 1 90 -> Cancelled
        1 hears #6 order 1 1/1 at 90 Gtc filled 1 at 90, 0 left (#3.0)
        1 hears #7 position 0 -> 1 from 90, realized 0, by Fill
    Cancelled: cancelled c1 -> Cancelled
    OldFormGone: cancelled c1 v 1 -> Cancelled
    Triggered: trigger c1 -> Cancelled
    Resized: resized c1 0.5 -> Cancelled
    AmendRefused: request-rejected c1 -> Cancelled
    CancelRefused: request-rejected c1 cancel -> Cancelled
    Unanswered: unanswered c1 -> Cancelled
    AbsentEarly: absent c1 5000 -> Cancelled
    AbsentLate: absent c1 20000 -> Cancelled
    "#);
}

#[test]
fn rejected() {
    insta::assert_snapshot!(rows_of(OrderState::Rejected), @r#"
    Accepted: accept c1 -> Rejected
    Rejected: reject c1 -> Rejected
    PartFill: fill c1 0.25 90 -> Rejected (reversal)
        1 hears #5 order 1 0.25/1 at 90 Gtc partially filled 0.25 at 90, 0.75 left (#3.0)
        1 hears #6 position 0 -> 0.25 from 90, realized 0, by Fill
    LastFill: fill c1 1 90 -> Rejected (reversal)
        1 hears #5 order 1 1/1 at 90 Gtc filled 1 at 90, 0 left (#3.0)
        1 hears #6 position 0 -> 1 from 90, realized 0, by Fill
    Triggered: trigger c1 -> Rejected
    AmendRefused: request-rejected c1 -> Rejected
    CancelRefused: request-rejected c1 cancel -> Rejected
    Unanswered: unanswered c1 -> Rejected
    AbsentEarly: absent c1 5000 -> Rejected
    AbsentLate: absent c1 20000 -> Rejected
    "#);
}

#[test]
fn expired() {
    insta::assert_snapshot!(rows_of(OrderState::Expired), @r#"
    Accepted: accept c1 -> Expired
    PartFill: fill c1 0.25 90 -> Expired
        1 hears #6 order 1 0.25/1 at 90 Gtc partially filled 0.25 at 90, 0.75 left (#3.0)
        1 hears #7 position 0 -> 0.25 from 90, realized 0, by Fill
    LastFill: fill c1 1 90 -> Expired
        1 hears #6 order 1 1/1 at 90 Gtc filled 1 at 90, 0 left (#3.0)
        1 hears #7 position 0 -> 1 from 90, realized 0, by Fill
    OldFormGone: cancelled c1 v 1 -> Expired
    Expired: expired c1 -> Expired
    Triggered: trigger c1 -> Expired
    Resized: resized c1 0.5 -> Expired
    AmendRefused: request-rejected c1 -> Expired
    CancelRefused: request-rejected c1 cancel -> Expired
    Unanswered: unanswered c1 -> Expired
    AbsentEarly: absent c1 5000 -> Expired
    AbsentLate: absent c1 20000 -> Expired
    "#);
}

#[test]
fn never_admitted() {
    insta::assert_snapshot!(rows_of(OrderState::NeverAdmitted), @r#"
    Accepted: accept c1 -> Cancelling (reversal)
        1 hears #5 order 1 0/1 at 90 Gtc accepted (#3.0)
        sent: cancel of event 3
    Rejected: reject c1 -> NeverAdmitted
    PartFill: fill c1 0.25 90 -> Cancelling (reversal)
        1 hears #5 order 1 0/1 at 90 Gtc accepted (#3.0)
        sent: cancel of event 3
        1 hears #6 order 1 0.25/1 at 90 Gtc partially filled 0.25 at 90, 0.75 left (#3.0)
        1 hears #7 position 0 -> 0.25 from 90, realized 0, by Fill
    LastFill: fill c1 1 90 -> Filled (reversal)
        1 hears #5 order 1 0/1 at 90 Gtc accepted (#3.0)
        1 hears #6 order 1 1/1 at 90 Gtc filled 1 at 90, 0 left (#3.0)
        1 hears #7 position 0 -> 1 from 90, realized 0, by Fill
    Cancelled: cancelled c1 -> NeverAdmitted
    Expired: expired c1 -> NeverAdmitted
    Triggered: trigger c1 -> Cancelling (reversal)
        1 hears #5 order 1 0/1 Stop 105 accepted (#3.0)
        sent: cancel of event 3
        1 hears #6 order 1 0/1 at the market triggered (#3.0)
    Amended: amended c1 2 95 -> Cancelling (reversal)
        1 hears #5 order 1 0/1 at 90 Gtc accepted (#3.0)
        sent: cancel of event 3
        1 hears #6 order 1 0/2 at 95 Gtc amended (#3.0)
    Resized: resized c1 0.5 -> Cancelling (reversal)
        1 hears #5 order 1 0/1 at 90 Gtc accepted (#3.0)
        sent: cancel of event 3
    AmendRefused: request-rejected c1 -> NeverAdmitted
    CancelRefused: request-rejected c1 cancel -> NeverAdmitted
    Unanswered: unanswered c1 -> NeverAdmitted
    Found: open c1 1 90 500 -> Cancelling (reversal)
        1 hears #5 order 1 0/1 at 90 Gtc accepted (#3.0)
        sent: cancel of event 3
    AbsentEarly: absent c1 5000 -> NeverAdmitted
    AbsentLate: absent c1 20000 -> NeverAdmitted
    "#);
}

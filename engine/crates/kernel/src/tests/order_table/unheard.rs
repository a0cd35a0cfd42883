//! Rows of orders that the exchange has not been heard of.

use super::rows_of;
use crate::OrderState;

#[test]
fn sent() {
    insta::assert_snapshot!(rows_of(OrderState::Sent), @r#"
    Accepted: accept c1 -> Open
        1 hears #4 order 1 0/1 at 90 Gtc accepted (#3.0)
    Rejected: reject c1 -> Rejected
        1 hears #4 order 1 0/1 at 90 Gtc rejected venue-says-no (#3.0)
    PartFill: fill c1 0.25 90 -> PartlyFilled
        1 hears #4 order 1 0/1 at 90 Gtc accepted (#3.0)
        1 hears #5 order 1 0.25/1 at 90 Gtc partially filled 0.25 at 90, 0.75 left (#3.0)
        1 hears #6 position 0 -> 0.25 from 90, realized 0, by Fill
    LastFill: fill c1 1 90 -> Filled
        1 hears #4 order 1 0/1 at 90 Gtc accepted (#3.0)
        1 hears #5 order 1 1/1 at 90 Gtc filled 1 at 90, 0 left (#3.0)
        1 hears #6 position 0 -> 1 from 90, realized 0, by Fill
    Cancelled: cancelled c1 -> Cancelled
        1 hears #4 order 1 0/1 at 90 Gtc accepted (#3.0)
        1 hears #5 order 1 0/1 at 90 Gtc cancelled as asked (#3.0)
    FormGone: cancelled c1 -> Replacing
        1 hears #5 order 1 0/1 at 90 Gtc accepted (#3.0)
        asks after 0x01000009000100000000000003000000, repeats until 10000
    Expired: expired c1 -> Expired
        1 hears #4 order 1 0/1 at 90 Gtc expired (#3.0)
    Triggered: trigger c1 -> Open
        1 hears #4 order 1 0/1 Stop 105 accepted (#3.0)
        1 hears #5 order 1 0/1 at the market triggered (#3.0)
    Amended: amended c1 2 95 -> Open
        1 hears #4 order 1 0/1 at 90 Gtc accepted (#3.0)
        1 hears #5 order 1 0/2 at 95 Gtc amended (#3.0)
    Resized: resized c1 0.5 -> Open
        1 hears #4 order 1 0/1 at 90 Gtc accepted (#3.0)
    AmendRefused: request-rejected c1 -> Sent
        1 hears #5 order 1 0/1 at 90 Gtc rejected venue-says-no (#4.0)
    CancelRefused: request-rejected c1 cancel -> Sent
        1 hears #5 order 1 0/1 at 90 Gtc rejected venue-says-no (#4.0)
    Unanswered: unanswered c1 -> SentInDoubt
        asks after 0x01000009000100000000000003000000, repeats until 10000
    Found: open c1 1 90 500 -> Open
        1 hears #4 order 1 0/1 at 90 Gtc accepted (#3.0)
    AbsentEarly: absent c1 5000 -> Sent
    AbsentLate: absent c1 20000 -> NeverAdmitted
        1 hears #4 order 1 0/1 at 90 Gtc expired (#3.0)
    AmendSent: answer amend 1 price 92 -> Sent
        sent: amend to 1 at 92 Gtc
    CancelSent: answer cancel 1 -> Sent
        sent: cancel of event 3
    "#);
}

#[test]
fn sent_in_doubt() {
    insta::assert_snapshot!(rows_of(OrderState::SentInDoubt), @r#"
    Accepted: accept c1 -> Open
        1 hears #4 order 1 0/1 at 90 Gtc accepted (#3.0)
    Rejected: reject c1 -> Rejected
        1 hears #4 order 1 0/1 at 90 Gtc rejected venue-says-no (#3.0)
    PartFill: fill c1 0.25 90 -> PartlyFilled
        1 hears #4 order 1 0/1 at 90 Gtc accepted (#3.0)
        1 hears #5 order 1 0.25/1 at 90 Gtc partially filled 0.25 at 90, 0.75 left (#3.0)
        1 hears #6 position 0 -> 0.25 from 90, realized 0, by Fill
    LastFill: fill c1 1 90 -> Filled
        1 hears #4 order 1 0/1 at 90 Gtc accepted (#3.0)
        1 hears #5 order 1 1/1 at 90 Gtc filled 1 at 90, 0 left (#3.0)
        1 hears #6 position 0 -> 1 from 90, realized 0, by Fill
    Cancelled: cancelled c1 -> Cancelled
        1 hears #4 order 1 0/1 at 90 Gtc accepted (#3.0)
        1 hears #5 order 1 0/1 at 90 Gtc cancelled as asked (#3.0)
    FormGone: cancelled c1 -> Replacing
        1 hears #5 order 1 0/1 at 90 Gtc accepted (#3.0)
    Expired: expired c1 -> Expired
        1 hears #4 order 1 0/1 at 90 Gtc expired (#3.0)
    Triggered: trigger c1 -> Open
        1 hears #4 order 1 0/1 Stop 105 accepted (#3.0)
        1 hears #5 order 1 0/1 at the market triggered (#3.0)
    Amended: amended c1 2 95 -> Open
        1 hears #4 order 1 0/1 at 90 Gtc accepted (#3.0)
        1 hears #5 order 1 0/2 at 95 Gtc amended (#3.0)
    Resized: resized c1 0.5 -> Open
        1 hears #4 order 1 0/1 at 90 Gtc accepted (#3.0)
    AmendRefused: request-rejected c1 -> SentInDoubt
        1 hears #5 order 1 0/1 at 90 Gtc rejected venue-says-no (#4.0)
    CancelRefused: request-rejected c1 cancel -> SentInDoubt
        1 hears #5 order 1 0/1 at 90 Gtc rejected venue-says-no (#4.0)
    Unanswered: unanswered c1 -> SentInDoubt
    Found: open c1 1 90 500 -> Open
        1 hears #4 order 1 0/1 at 90 Gtc accepted (#3.0)
    AbsentEarly: absent c1 5000 -> SentInDoubt
    AbsentLate: absent c1 20000 -> NeverAdmitted
        1 hears #4 order 1 0/1 at 90 Gtc expired (#3.0)
    CancelSent: answer cancel 1 -> SentInDoubt
        sent: cancel of event 3
    "#);
}

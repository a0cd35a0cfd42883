//! Rows of orders that were at the exchange, and may be.

use super::rows_of;
use crate::OrderState;

#[test]
fn in_doubt() {
    insta::assert_snapshot!(rows_of(OrderState::InDoubt), @r#"
    Accepted: accept c1 -> Open
    Rejected: reject c1 -> Rejected
        1 hears #5 order 1 0/1 at 90 Gtc rejected venue-says-no (#3.0)
    PartFill: fill c1 0.25 90 -> PartlyFilled
        1 hears #5 order 1 0.25/1 at 90 Gtc partially filled 0.25 at 90, 0.75 left (#3.0)
        1 hears #6 position 0 -> 0.25 from 90, realized 0, by Fill
    LastFill: fill c1 1 90 -> Filled
        1 hears #5 order 1 1/1 at 90 Gtc filled 1 at 90, 0 left (#3.0)
        1 hears #6 position 0 -> 1 from 90, realized 0, by Fill
    Cancelled: cancelled c1 -> Cancelled
        1 hears #5 order 1 0/1 at 90 Gtc cancelled as asked (#3.0)
    FormGone: cancelled c1 -> Replacing
    OldFormGone: cancelled c1 v 1 -> InDoubt
    Expired: expired c1 -> Expired
        1 hears #5 order 1 0/1 at 90 Gtc expired (#3.0)
    Triggered: trigger c1 -> Open
        1 hears #5 order 1 0/1 at the market triggered (#3.0)
    Amended: amended c1 2 95 -> Open
        1 hears #5 order 1 0/2 at 95 Gtc amended (#3.0)
    AmendedBefore: amended c1 1 91 v 1001 -> Open
        1 hears #7 order 1 0/1 at 93 Gtc amended (#5.0)
    Resized: resized c1 0.5 -> Open
    AmendRefused: request-rejected c1 -> Open
        1 hears #6 order 1 0/1 at 90 Gtc rejected venue-says-no (#5.0)
    CancelRefused: request-rejected c1 cancel -> Open
        1 hears #6 order 1 0/1 at 90 Gtc rejected venue-says-no (#5.0)
    Unanswered: unanswered c1 -> InDoubt
    Found: open c1 1 90 500 -> Open
    AbsentEarly: absent c1 5000 -> InDoubt
    AbsentLate: absent c1 20000 -> Cancelled
        1 hears #5 order 1 0/1 at 90 Gtc cancelled the exchange has it no longer (#3.0)
    CancelSent: answer cancel 1 -> InDoubt
        sent: cancel of event 3
    "#);
}

#[test]
fn replacing() {
    insta::assert_snapshot!(rows_of(OrderState::Replacing), @r#"
    Accepted: accept c1 -> Replacing
    Rejected: reject c1 -> Rejected
        1 hears #6 order 1 0/1 at 90 Gtc rejected venue-says-no (#3.0)
        1 hears #7 order 1 0/1 at 90 Gtc rejected order-ended (#5.0)
    PartFill: fill c1 0.25 90 -> Replacing
        1 hears #6 order 1 0.25/1 at 90 Gtc partially filled 0.25 at 90, 0.75 left (#3.0)
        1 hears #7 position 0 -> 0.25 from 90, realized 0, by Fill
    LastFill: fill c1 1 90 -> Filled
        1 hears #6 order 1 1/1 at 90 Gtc filled 1 at 90, 0 left (#3.0)
        1 hears #7 order 1 1/1 at 90 Gtc rejected order-ended (#5.0)
        1 hears #8 position 0 -> 1 from 90, realized 0, by Fill
    Cancelled: cancelled c1 v 2 -> Cancelled
        1 hears #6 order 1 0/1 at 90 Gtc cancelled as asked (#3.0)
        1 hears #7 order 1 0/1 at 90 Gtc rejected order-ended (#5.0)
    FormGone: cancelled c1 -> Replacing
    OldFormGone: cancelled c1 v 1 -> Replacing
    Expired: expired c1 -> Expired
        1 hears #6 order 1 0/1 at 90 Gtc expired (#3.0)
        1 hears #7 order 1 0/1 at 90 Gtc rejected order-ended (#5.0)
    Triggered: trigger c1 -> Replacing
        1 hears #6 order 1 0/1 at the market triggered (#3.0)
    Amended: amended c1 2 95 -> Open
        1 hears #6 order 1 0/2 at 95 Gtc amended (#5.0)
    AmendedBefore: amended c1 1 91 v 1001 -> Replacing
        1 hears #7 order 1 0/1 at 93 Gtc amended (#5.0)
    Resized: resized c1 0.5 -> Replacing
    AmendRefused: request-rejected c1 -> Cancelled
        1 hears #6 order 1 0/1 at 90 Gtc rejected venue-says-no (#5.0)
        1 hears #7 order 1 0/1 at 90 Gtc cancelled as asked (#3.0)
    OneAmendRefused: request-rejected c1 -> Replacing
        1 hears #6 order 1 0/1 at 90 Gtc rejected venue-says-no (#5.0)
    CancelRefused: request-rejected c1 cancel -> Replacing
        1 hears #7 order 1 0/1 at 90 Gtc rejected venue-says-no (#6.0)
    Unanswered: unanswered c1 -> Replacing
    Found: open c1 1 90 500 -> Replacing
    FoundAfterAll: open c1 1 90 20000 -> Open (reversal)
        1 hears #6 order 1 0/1 at 90 Gtc rejected never-admitted (#5.0)
    AbsentEarly: absent c1 5000 -> Replacing
    AbsentLate: absent c1 20000 -> Cancelled
        1 hears #6 order 1 0/1 at 90 Gtc cancelled as asked (#3.0)
        1 hears #7 order 1 0/1 at 90 Gtc rejected order-ended (#5.0)
    CancelSent: answer cancel 1 -> Replacing
        sent: cancel of event 3
    "#);
}

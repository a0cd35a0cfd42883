//! Rows of orders that are surely at the exchange.

use super::rows_of;
use crate::OrderState;

#[test]
fn open() {
    insta::assert_snapshot!(rows_of(OrderState::Open), @r#"
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
    OldFormGone: cancelled c1 v 1 -> Open
    Expired: expired c1 -> Expired
        1 hears #5 order 1 0/1 at 90 Gtc expired (#3.0)
    Triggered: trigger c1 -> Open
        1 hears #5 order 1 0/1 at the market triggered (#3.0)
    Amended: amended c1 2 95 -> Open
        1 hears #5 order 1 0/2 at 95 Gtc amended (#3.0)
    Resized: resized c1 0.5 -> Open
    Unanswered: unanswered c1 -> InDoubt
        asks after 0x01000009000100000000000003000000, repeats until 10000
    Found: open c1 1 90 500 -> Open
    AbsentEarly: absent c1 5000 -> Open
    AbsentLate: absent c1 20000 -> InDoubt
        asks after 0x01000009000100000000000003000000, repeats until 10000
    AmendSent: answer amend 1 price 92 -> Amending
        sent: amend to 1 at 92 Gtc
    CancelSent: answer cancel 1 -> Cancelling
        sent: cancel of event 3
    "#);
}

#[test]
fn partly_filled() {
    insta::assert_snapshot!(rows_of(OrderState::PartlyFilled), @r#"
    Accepted: accept c1 -> PartlyFilled
    Rejected: reject c1 -> Rejected
        1 hears #7 order 1 0.25/1 at 90 Gtc rejected venue-says-no (#3.0)
    PartFill: fill c1 0.25 90 -> PartlyFilled
        1 hears #7 order 1 0.50/1 at 90 Gtc partially filled 0.25 at 90, 0.50 left (#3.0)
        1 hears #8 position 0.25 -> 0.50 from 90, realized 0, by Fill
    LastFill: fill c1 0.75 90 -> Filled
        1 hears #7 order 1 1.00/1 at 90 Gtc filled 0.75 at 90, 0.00 left (#3.0)
        1 hears #8 position 0.25 -> 1.00 from 90, realized 0, by Fill
    Cancelled: cancelled c1 -> Cancelled
        1 hears #7 order 1 0.25/1 at 90 Gtc cancelled as asked (#3.0)
    OldFormGone: cancelled c1 v 1 -> PartlyFilled
    Expired: expired c1 -> Expired
        1 hears #7 order 1 0.25/1 at 90 Gtc expired (#3.0)
    Triggered: trigger c1 -> PartlyFilled
        1 hears #7 order 1 0.25/1 at the market triggered (#3.0)
    Amended: amended c1 2 95 -> PartlyFilled
        1 hears #7 order 1 0.25/2 at 95 Gtc amended (#3.0)
    Resized: resized c1 0.5 -> PartlyFilled
    Unanswered: unanswered c1 -> InDoubt
        asks after 0x01000009000100000000000003000000, repeats until 10000
    Found: open c1 1 90 500 -> PartlyFilled
    AbsentEarly: absent c1 5000 -> PartlyFilled
    AbsentLate: absent c1 20000 -> InDoubt
        asks after 0x01000009000100000000000003000000, repeats until 10000
    AmendSent: answer amend 1 price 92 -> Amending
        sent: amend to 1 at 92 Gtc
    CancelSent: answer cancel 1 -> Cancelling
        sent: cancel of event 3
    "#);
}

#[test]
fn amending() {
    insta::assert_snapshot!(rows_of(OrderState::Amending), @r#"
    Accepted: accept c1 -> Amending
    Rejected: reject c1 -> Rejected
        1 hears #6 order 1 0/1 at 90 Gtc rejected venue-says-no (#3.0)
        1 hears #7 order 1 0/1 at 90 Gtc rejected order-ended (#5.0)
    PartFill: fill c1 0.25 90 -> Amending
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
        asks after 0x01000009000100000000000003000000, repeats until 10000
    OldFormGone: cancelled c1 v 1 -> Amending
    Expired: expired c1 -> Expired
        1 hears #6 order 1 0/1 at 90 Gtc expired (#3.0)
        1 hears #7 order 1 0/1 at 90 Gtc rejected order-ended (#5.0)
    Triggered: trigger c1 -> Amending
        1 hears #6 order 1 0/1 at the market triggered (#3.0)
    Amended: amended c1 2 95 -> Open
        1 hears #6 order 1 0/2 at 95 Gtc amended (#5.0)
    AmendedBefore: amended c1 1 91 v 1001 -> Open
        1 hears #7 order 1 0/1 at 93 Gtc amended (#5.0)
    Resized: resized c1 0.5 -> Amending
    AmendRefused: request-rejected c1 -> Open
        1 hears #6 order 1 0/1 at 90 Gtc rejected venue-says-no (#5.0)
    Unanswered: unanswered c1 -> InDoubt
        asks after 0x01000009000100000000000003000000, repeats until 10000
    Found: open c1 1 90 500 -> Amending
    AbsentEarly: absent c1 5000 -> Amending
    AbsentLate: absent c1 20000 -> InDoubt
        asks after 0x01000009000100000000000003000000, repeats until 10000
    AmendSent: answer amend 1 price 92 -> Amending
        sent: amend to 1 at 92 Gtc
    CancelSent: answer cancel 1 -> Cancelling
        sent: cancel of event 3
    "#);
}

#[test]
fn cancelling() {
    insta::assert_snapshot!(rows_of(OrderState::Cancelling), @r#"
    Accepted: accept c1 -> Cancelling
    Rejected: reject c1 -> Rejected
        1 hears #6 order 1 0/1 at 90 Gtc rejected venue-says-no (#3.0)
        1 hears #7 order 1 0/1 at 90 Gtc rejected order-ended (#5.0)
    PartFill: fill c1 0.25 90 -> Cancelling
        1 hears #6 order 1 0.25/1 at 90 Gtc partially filled 0.25 at 90, 0.75 left (#3.0)
        1 hears #7 position 0 -> 0.25 from 90, realized 0, by Fill
    LastFill: fill c1 1 90 -> Filled
        1 hears #6 order 1 1/1 at 90 Gtc filled 1 at 90, 0 left (#3.0)
        1 hears #7 order 1 1/1 at 90 Gtc rejected order-ended (#5.0)
        1 hears #8 position 0 -> 1 from 90, realized 0, by Fill
    Cancelled: cancelled c1 -> Cancelled
        1 hears #6 order 1 0/1 at 90 Gtc cancelled as asked (#5.0)
    FormGone: cancelled c1 v 1 -> Replacing
        asks after 0x01000009000100000000000003000000, repeats until 10000
    OldFormGone: cancelled c1 v 1 -> Cancelling
    Expired: expired c1 -> Expired
        1 hears #6 order 1 0/1 at 90 Gtc expired (#3.0)
        1 hears #7 order 1 0/1 at 90 Gtc rejected order-ended (#5.0)
    Triggered: trigger c1 -> Cancelling
        1 hears #6 order 1 0/1 at the market triggered (#3.0)
    Amended: amended c1 2 95 -> Cancelling
        1 hears #6 order 1 0/2 at 95 Gtc amended (#3.0)
    AmendedBefore: amended c1 1 91 v 1001 -> Cancelling
        1 hears #8 order 1 0/1 at 93 Gtc amended (#5.0)
    Resized: resized c1 0.5 -> Cancelling
    AmendRefused: request-rejected c1 -> Cancelling
        1 hears #7 order 1 0/1 at 90 Gtc rejected venue-says-no (#5.0)
    CancelRefused: request-rejected c1 cancel -> Open
        1 hears #6 order 1 0/1 at 90 Gtc rejected venue-says-no (#5.0)
    Unanswered: unanswered c1 -> InDoubt
        asks after 0x01000009000100000000000003000000, repeats until 10000
    Found: open c1 1 90 500 -> Cancelling
    AbsentEarly: absent c1 5000 -> Cancelling
    AbsentLate: absent c1 20000 -> InDoubt
        asks after 0x01000009000100000000000003000000, repeats until 10000
    "#);
}

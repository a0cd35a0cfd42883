//! Requests and fills that cross on the way: whichever comes first, both sides end with the same.

use super::script::replay;

#[test]
fn an_amend_crosses_a_fill_of_a_part() {
    insta::assert_snapshot!(replay("
        running
        candle 0 100
        answer buy 1 limit 90
        accept c1
        candle 0 100
        answer amend 1 price 91 size 2
        fill c1 0.5 90
        amended c1 2 91
        fill c1 1.5 91 v 1001
        states
    "), @r#"
    1 hears #3 candle 0 at 100
    sent: c1 buy 1 at 90 Gtc
    1 hears #4 order 1 0/1 at 90 Gtc accepted (#3.0)
    1 hears #5 candle 0 at 100
    sent: amend to 2 at 91 Gtc
    1 hears #6 order 1 0.5/1 at 90 Gtc partially filled 0.5 at 90, 0.5 left (#3.0)
    1 hears #7 position 0 -> 0.5 from 90, realized 0, by Fill
    1 hears #8 order 1 0.5/2 at 91 Gtc amended (#5.0)
    1 hears #9 order 1 2.0/2 at 91 Gtc filled 1.5 at 91, 0.0 left (#3.0)
    1 hears #10 position 0.5 -> 2.0 from 90.75, realized 0, by Fill
    nothing open
    "#);
}

#[test]
fn an_amend_crosses_the_last_fill() {
    insta::assert_snapshot!(replay("
        running
        candle 0 100
        answer buy 1 limit 90
        accept c1
        candle 0 100
        answer amend 1 price 91
        fill c1 1 90
        request-rejected c1
        states
    "), @r#"
    1 hears #3 candle 0 at 100
    sent: c1 buy 1 at 90 Gtc
    1 hears #4 order 1 0/1 at 90 Gtc accepted (#3.0)
    1 hears #5 candle 0 at 100
    sent: amend to 1 at 91 Gtc
    1 hears #6 order 1 1/1 at 90 Gtc filled 1 at 90, 0 left (#3.0)
    1 hears #7 order 1 1/1 at 90 Gtc rejected order-ended (#5.0)
    1 hears #8 position 0 -> 1 from 90, realized 0, by Fill
    nothing open
    "#);
}

#[test]
fn an_amend_is_refused_for_a_fill_that_is_told_after_it() {
    insta::assert_snapshot!(replay("
        running
        candle 0 100
        answer buy 1 limit 90
        accept c1
        candle 0 100
        answer amend 1 price 91
        request-rejected c1
        fill c1 1 90
        states
    "), @r#"
    1 hears #3 candle 0 at 100
    sent: c1 buy 1 at 90 Gtc
    1 hears #4 order 1 0/1 at 90 Gtc accepted (#3.0)
    1 hears #5 candle 0 at 100
    sent: amend to 1 at 91 Gtc
    1 hears #6 order 1 0/1 at 90 Gtc rejected venue-says-no (#5.0)
    1 hears #7 order 1 1/1 at 90 Gtc filled 1 at 90, 0 left (#3.0)
    1 hears #8 position 0 -> 1 from 90, realized 0, by Fill
    nothing open
    "#);
}

#[test]
fn an_amend_is_told_by_a_fill_of_the_new_form() {
    insta::assert_snapshot!(replay("
        running
        candle 0 100
        answer buy 1 limit 90
        accept c1
        candle 0 100
        answer amend 1 price 91 size 2
        fill c1 0.5 91 v 7
        amended c1 2 91 v 7
        cancelled c1 v 1
        fill c1 1.5 91 v 7
        states
    "), @r#"
    1 hears #3 candle 0 at 100
    sent: c1 buy 1 at 90 Gtc
    1 hears #4 order 1 0/1 at 90 Gtc accepted (#3.0)
    1 hears #5 candle 0 at 100
    sent: amend to 2 at 91 Gtc
    1 hears #6 order 1 0/2 at 91 Gtc amended (#5.0)
    1 hears #7 order 1 0.5/2 at 91 Gtc partially filled 0.5 at 91, 1.5 left (#3.0)
    1 hears #8 position 0 -> 0.5 from 91, realized 0, by Fill
    1 hears #9 order 1 2.0/2 at 91 Gtc filled 1.5 at 91, 0.0 left (#3.0)
    1 hears #10 position 0.5 -> 2.0 from 91, realized 0, by Fill
    nothing open
    "#);
}

#[test]
fn the_old_form_goes_before_the_new_one_is_told() {
    insta::assert_snapshot!(replay("
        running
        candle 0 100
        answer buy 1 limit 90
        accept c1
        candle 0 100
        answer amend 1 price 91
        cancelled c1 v 1
        states
        amended c1 1 91 v 7
        cancelled c1 v 1
        states
    "), @r#"
    1 hears #3 candle 0 at 100
    sent: c1 buy 1 at 90 Gtc
    1 hears #4 order 1 0/1 at 90 Gtc accepted (#3.0)
    1 hears #5 candle 0 at 100
    sent: amend to 1 at 91 Gtc
    asks after 0x01000009000100000000000003000000, repeats until 10000
    1 has order 1 Replacing; wake 1000
    1 hears #6 order 1 0/1 at 91 Gtc amended (#5.0)
    1 has order 1 Open
    "#);
}

#[test]
fn a_fill_of_the_old_form_is_told_behind_the_amend() {
    insta::assert_snapshot!(replay("
        running
        candle 0 100
        answer buy 1 limit 90
        accept c1
        candle 0 100
        answer amend 1 price 91 size 2
        amended c1 2 91 v 7
        fill c1 0.5 90 v 1
        fill c1 1.5 91 v 7
        states
    "), @r#"
    1 hears #3 candle 0 at 100
    sent: c1 buy 1 at 90 Gtc
    1 hears #4 order 1 0/1 at 90 Gtc accepted (#3.0)
    1 hears #5 candle 0 at 100
    sent: amend to 2 at 91 Gtc
    1 hears #6 order 1 0/2 at 91 Gtc amended (#5.0)
    1 hears #7 order 1 0.5/2 at 91 Gtc partially filled 0.5 at 90, 1.5 left (#3.0)
    1 hears #8 position 0 -> 0.5 from 90, realized 0, by Fill
    1 hears #9 order 1 2.0/2 at 91 Gtc filled 1.5 at 91, 0.0 left (#3.0)
    1 hears #10 position 0.5 -> 2.0 from 90.75, realized 0, by Fill
    nothing open
    "#);
}

#[test]
fn an_amend_whose_old_form_went_before_it_came_ends_the_order() {
    insta::assert_snapshot!(replay("
        running
        candle 0 100
        answer buy 1 limit 90
        accept c1
        candle 0 100
        answer amend 1 price 91
        cancelled c1 v 1
        request-rejected c1
        states
    "), @r#"
    1 hears #3 candle 0 at 100
    sent: c1 buy 1 at 90 Gtc
    1 hears #4 order 1 0/1 at 90 Gtc accepted (#3.0)
    1 hears #5 candle 0 at 100
    sent: amend to 1 at 91 Gtc
    asks after 0x01000009000100000000000003000000, repeats until 10000
    1 hears #6 order 1 0/1 at 90 Gtc rejected venue-says-no (#5.0)
    1 hears #7 order 1 0/1 at 90 Gtc cancelled as asked (#3.0)
    nothing open
    "#);
}

#[test]
fn an_amend_to_no_more_than_has_filled_meanwhile_ends_when_the_exchange_says_so() {
    insta::assert_snapshot!(replay("
        running
        candle 0 100
        answer buy 1 limit 90
        accept c1
        candle 0 100
        answer amend 1 size 0.5
        fill c1 0.5 90
        amended c1 0.5 90 v 7
        states
        cancelled c1 v 7
        states
    "), @r#"
    1 hears #3 candle 0 at 100
    sent: c1 buy 1 at 90 Gtc
    1 hears #4 order 1 0/1 at 90 Gtc accepted (#3.0)
    1 hears #5 candle 0 at 100
    sent: amend to 0.5 at 90 Gtc
    1 hears #6 order 1 0.5/1 at 90 Gtc partially filled 0.5 at 90, 0.5 left (#3.0)
    1 hears #7 position 0 -> 0.5 from 90, realized 0, by Fill
    1 hears #8 order 1 0.5/0.5 at 90 Gtc amended (#5.0)
    1 has order 1 PartlyFilled
    1 hears #9 order 1 0.5/0.5 at 90 Gtc cancelled as asked (#3.0)
    nothing open
    "#);
}

#[test]
fn an_amend_then_a_cancel_both_are_taken() {
    insta::assert_snapshot!(replay("
        running
        candle 0 100
        answer buy 1 limit 90
        accept c1
        candle 0 100
        answer amend 1 price 91; cancel 1
        amended c1 1 91 v 7
        cancelled c1 v 7
        cancelled c1 v 1
        states
    "), @r#"
    1 hears #3 candle 0 at 100
    sent: c1 buy 1 at 90 Gtc
    1 hears #4 order 1 0/1 at 90 Gtc accepted (#3.0)
    1 hears #5 candle 0 at 100
    sent: amend to 1 at 91 Gtc
    sent: cancel of event 3
    1 hears #6 order 1 0/1 at 91 Gtc amended (#5.0)
    1 hears #7 order 1 0/1 at 91 Gtc cancelled as asked (#5.1)
    nothing open
    "#);
}

#[test]
fn an_amend_then_a_cancel_that_comes_first() {
    insta::assert_snapshot!(replay("
        running
        candle 0 100
        answer buy 1 limit 90
        accept c1
        candle 0 100
        answer amend 1 price 91; cancel 1
        cancelled c1
        request-rejected c1
        states
    "), @r#"
    1 hears #3 candle 0 at 100
    sent: c1 buy 1 at 90 Gtc
    1 hears #4 order 1 0/1 at 90 Gtc accepted (#3.0)
    1 hears #5 candle 0 at 100
    sent: amend to 1 at 91 Gtc
    sent: cancel of event 3
    1 hears #6 order 1 0/1 at 90 Gtc cancelled as asked (#5.1)
    1 hears #7 order 1 0/1 at 90 Gtc rejected order-ended (#5.0)
    nothing open
    "#);
}

#[test]
fn an_amend_then_a_cancel_that_meets_the_old_form() {
    insta::assert_snapshot!(replay("
        running
        candle 0 100
        answer buy 1 limit 90
        accept c1
        candle 0 100
        answer amend 1 price 91; cancel 1
        cancelled c1 v 1
        amended c1 1 91 v 7
        request-rejected c1 cancel
        states
    "), @r#"
    1 hears #3 candle 0 at 100
    sent: c1 buy 1 at 90 Gtc
    1 hears #4 order 1 0/1 at 90 Gtc accepted (#3.0)
    1 hears #5 candle 0 at 100
    sent: amend to 1 at 91 Gtc
    sent: cancel of event 3
    asks after 0x01000009000100000000000003000000, repeats until 10000
    1 hears #6 order 1 0/1 at 91 Gtc amended (#5.0)
    1 hears #7 order 1 0/1 at 91 Gtc rejected venue-says-no (#5.1)
    1 has order 1 Open
    "#);
}

#[test]
fn an_amend_is_not_sent_behind_a_cancel() {
    insta::assert_snapshot!(replay("
        running
        candle 0 100
        answer buy 1 limit 90
        accept c1
        candle 0 100
        answer cancel 1; amend 1 price 91
        request-rejected c1 cancel
        candle 0 100
        answer amend 1 price 91
        states
    "), @r#"
    1 hears #3 candle 0 at 100
    sent: c1 buy 1 at 90 Gtc
    1 hears #4 order 1 0/1 at 90 Gtc accepted (#3.0)
    1 hears #5 candle 0 at 100
    sent: cancel of event 3
    1 denied already-cancelling: the end of order 1 was asked for already
    1 hears #6 order 1 0/1 at 90 Gtc denied already-cancelling (#5.1)
    1 hears #7 order 1 0/1 at 90 Gtc rejected venue-says-no (#5.0)
    1 hears #8 candle 0 at 100
    sent: amend to 1 at 91 Gtc
    1 has order 1 Amending; wake 10000
    "#);
}

#[test]
fn an_amend_of_a_stop_that_triggers_meanwhile() {
    insta::assert_snapshot!(replay("
        running
        candle 0 100
        answer buy 1 stop 105
        accept c1
        candle 0 100
        answer amend 1 trigger 106
        trigger c1
        request-rejected c1
        fill c1 1 105
        states
    "), @r#"
    1 hears #3 candle 0 at 100
    sent: c1 buy 1 Stop 105
    1 hears #4 order 1 0/1 Stop 105 accepted (#3.0)
    1 hears #5 candle 0 at 100
    sent: amend to 1 Stop 106
    1 hears #6 order 1 0/1 at the market triggered (#3.0)
    1 hears #7 order 1 0/1 at the market rejected venue-says-no (#5.0)
    1 hears #8 order 1 1/1 at the market filled 1 at 105, 0 left (#3.0)
    1 hears #9 position 0 -> 1 from 105, realized 0, by Fill
    nothing open
    "#);
}

#[test]
fn a_cancel_crosses_the_last_fill() {
    insta::assert_snapshot!(replay("
        running
        candle 0 100
        answer buy 1 limit 90
        accept c1
        candle 0 100
        answer cancel 1
        fill c1 1 90
        request-rejected c1 cancel
        states
    "), @r#"
    1 hears #3 candle 0 at 100
    sent: c1 buy 1 at 90 Gtc
    1 hears #4 order 1 0/1 at 90 Gtc accepted (#3.0)
    1 hears #5 candle 0 at 100
    sent: cancel of event 3
    1 hears #6 order 1 1/1 at 90 Gtc filled 1 at 90, 0 left (#3.0)
    1 hears #7 order 1 1/1 at 90 Gtc rejected order-ended (#5.0)
    1 hears #8 position 0 -> 1 from 90, realized 0, by Fill
    nothing open
    "#);
}

#[test]
fn a_cancel_crosses_a_fill_of_a_part() {
    insta::assert_snapshot!(replay("
        running
        candle 0 100
        answer buy 1 limit 90
        accept c1
        candle 0 100
        answer cancel 1
        fill c1 0.25 90
        cancelled c1
        states
    "), @r#"
    1 hears #3 candle 0 at 100
    sent: c1 buy 1 at 90 Gtc
    1 hears #4 order 1 0/1 at 90 Gtc accepted (#3.0)
    1 hears #5 candle 0 at 100
    sent: cancel of event 3
    1 hears #6 order 1 0.25/1 at 90 Gtc partially filled 0.25 at 90, 0.75 left (#3.0)
    1 hears #7 position 0 -> 0.25 from 90, realized 0, by Fill
    1 hears #8 order 1 0.25/1 at 90 Gtc cancelled as asked (#5.0)
    nothing open
    "#);
}

#[test]
fn fills_before_the_acknowledgement_and_after_the_cancel() {
    insta::assert_snapshot!(replay("
        running
        candle 0 100
        answer buy 1 limit 90
        fill c1 0.25 90
        accept c1
        candle 0 100
        answer cancel 1
        cancelled c1
        fill c1 0.5 90
        fill c1 0.25 90
        fill c1 0.25 90 trade 3
        states
        show
    "), @r#"
    1 hears #3 candle 0 at 100
    sent: c1 buy 1 at 90 Gtc
    1 hears #4 order 1 0/1 at 90 Gtc accepted (#3.0)
    1 hears #5 order 1 0.25/1 at 90 Gtc partially filled 0.25 at 90, 0.75 left (#3.0)
    1 hears #6 position 0 -> 0.25 from 90, realized 0, by Fill
    1 hears #7 candle 0 at 100
    sent: cancel of event 3
    1 hears #8 order 1 0.25/1 at 90 Gtc cancelled as asked (#7.0)
    1 hears #9 order 1 0.75/1 at 90 Gtc partially filled 0.5 at 90, 0.25 left (#3.0)
    1 hears #10 position 0.25 -> 0.75 from 90, realized 0, by Fill
    1 hears #11 order 1 1.00/1 at 90 Gtc filled 0.25 at 90, 0.00 left (#3.0)
    1 hears #12 position 0.75 -> 1.00 from 90, realized 0, by Fill
    nothing open
    settled 1000, fees 0, funding 0; 1 holds 1.00 of 0 from 90, flow -90.00; wake None
    "#);
}

#[test]
fn a_fill_after_the_stop_is_the_strategys_all_the_same() {
    insta::assert_snapshot!(replay("
        running
        candle 0 100
        answer buy 1 limit 90
        accept c1
        candle 0 100
        stop 1
        settle
        cancelled c1
        fill c1 1 90
        states
        show
    "), @r#"
    1 hears #3 candle 0 at 100
    sent: c1 buy 1 at 90 Gtc
    1 hears #4 order 1 0/1 at 90 Gtc accepted (#3.0)
    1 hears #5 candle 0 at 100
    1 is stopping
    1 hears #6 stop by Operator
    sent: cancel of event 3
    1 is stopped
    nothing open
    settled 1000, fees 0, funding 0; 1 holds 1 of 0 from 90, flow -90; wake None
    "#);
}

/// The answer of the order is lost, that of its amend too: what is found open is what the amend made of it.
#[test]
fn an_order_that_was_never_heard_of_is_found_as_its_amend_made_it() {
    insta::assert_snapshot!(replay("
        running
        candle 0 100
        answer buy 1 limit 90
        candle 0 100
        answer amend 1 size 2
        unanswered c1
        open c1 2 90 20000 v 8
        show
    "), @r#"
    1 hears #3 candle 0 at 100
    sent: c1 buy 1 at 90 Gtc
    1 hears #4 candle 0 at 100
    sent: amend to 2 at 90 Gtc
    asks after 0x01000009000100000000000003000000, repeats until 10000
    1 hears #5 order 1 0/1 at 90 Gtc accepted (#3.0)
    1 hears #6 order 1 0/2 at 90 Gtc amended (#4.0)
    settled 1000, fees 0, funding 0; 1 has order 1 0/2; wake None
    "#);
}

/// Two amends overtake one another at the exchange. Its word on what is open, once none is out any more, is the last one.
#[test]
fn of_amends_that_overtook_one_another_the_exchange_says_which_came_last() {
    insta::assert_snapshot!(replay("
        running
        candle 0 100
        answer buy 1 limit 90
        accept c1 v 7
        answer amend 1 size 3
        candle 0 100
        answer amend 1 size 2
        amended c1 3 90 v 8
        amended c1 2 90 v 9
        open c1 3 90 20000 v 9
        show
    "), @r#"
    1 hears #3 candle 0 at 100
    sent: c1 buy 1 at 90 Gtc
    1 hears #4 order 1 0/1 at 90 Gtc accepted (#3.0)
    sent: amend to 3 at 90 Gtc
    1 hears #5 candle 0 at 100
    sent: amend to 2 at 90 Gtc
    1 hears #6 order 1 0/3 at 90 Gtc amended (#4.0)
    1 hears #7 order 1 0/2 at 90 Gtc amended (#5.0)
    1 hears #8 order 1 0/3 at 90 Gtc amended (#3.0)
    settled 1000, fees 0, funding 0; 1 has order 1 0/3; wake None
    "#);
}

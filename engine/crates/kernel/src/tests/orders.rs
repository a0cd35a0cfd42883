//! Orders, as the exchange tells of them.

use super::script::replay;

#[test]
fn an_order_is_accepted_and_fills_in_parts() {
    insta::assert_snapshot!(replay("
        running
        candle 0 100
        answer buy 1 limit 90 tag 5
        accept c1
        accept c1
        fill c1 0.25 90 fee 0.01
        fill c1 0.75 90
        show
    "), @r#"
    1 hears #3 candle 0 at 100
    sent: c1 buy 1 at 90 Gtc
    1 hears #4 order 1 0/1 at 90 Gtc accepted (#3.0)
    1 hears #5 order 1 0.25/1 at 90 Gtc partially filled 0.25 at 90, 0.75 left (#3.0)
    1 hears #6 position 0 -> 0.25 from 90, realized 0, by Fill
    1 hears #7 order 1 1.00/1 at 90 Gtc filled 0.75 at 90, 0.00 left (#3.0)
    1 hears #8 position 0.25 -> 1.00 from 90, realized 0, by Fill
    settled 999.99, fees 0.01, funding 0; 1 holds 1.00 of 0 from 90, flow -90.00; wake None
    "#);
}

#[test]
fn a_fill_before_the_acknowledgement_acknowledges() {
    insta::assert_snapshot!(replay("
        running
        candle 0 100
        answer buy 1 market
        fill c1 0.5 100
        accept c1
        fill c1 0.5 101
        accept c1
    "), @r#"
    1 hears #3 candle 0 at 100
    sent: c1 buy 1 at the market
    1 hears #4 order 1 0/1 at the market accepted (#3.0)
    1 hears #5 order 1 0.5/1 at the market partially filled 0.5 at 100, 0.5 left (#3.0)
    1 hears #6 position 0 -> 0.5 from 100, realized 0, by Fill
    1 hears #7 order 1 1.0/1 at the market filled 0.5 at 101, 0.0 left (#3.0)
    1 hears #8 position 0.5 -> 1.0 from 100.50, realized 0, by Fill
    "#);
}

#[test]
fn a_fill_counts_once() {
    insta::assert_snapshot!(replay("
        running
        candle 0 100
        answer buy 1 limit 90
        fill c1 0.5 90 trade 77
        fill c1 0.5 90 trade 77
        fill c1 0.5 90 trade 78
        fill c1 0.5 90 trade 78
        show
    "), @r#"
    1 hears #3 candle 0 at 100
    sent: c1 buy 1 at 90 Gtc
    1 hears #4 order 1 0/1 at 90 Gtc accepted (#3.0)
    1 hears #5 order 1 0.5/1 at 90 Gtc partially filled 0.5 at 90, 0.5 left (#3.0)
    1 hears #6 position 0 -> 0.5 from 90, realized 0, by Fill
    1 hears #7 order 1 1.0/1 at 90 Gtc filled 0.5 at 90, 0.0 left (#3.0)
    1 hears #8 position 0.5 -> 1.0 from 90, realized 0, by Fill
    settled 1000, fees 0, funding 0; 1 holds 1.0 of 0 from 90, flow -90.0; wake None
    "#);
}

#[test]
fn a_fill_after_the_cancellation_is_counted() {
    insta::assert_snapshot!(replay("
        running
        candle 0 100
        answer buy 1 limit 90
        candle 0 100
        answer cancel 1; cancel 1
        cancelled c1
        fill c1 1 90
        cancelled c1
        show
    "), @r#"
    1 hears #3 candle 0 at 100
    sent: c1 buy 1 at 90 Gtc
    1 hears #4 candle 0 at 100
    sent: cancel of event 3
    1 denied already-cancelling: the end of order 1 was asked for already
    1 hears #5 order 1 0/1 at 90 Gtc denied already-cancelling (#4.1)
    1 hears #6 order 1 0/1 at 90 Gtc accepted (#3.0)
    1 hears #7 order 1 0/1 at 90 Gtc cancelled as asked (#4.0)
    1 hears #8 order 1 1/1 at 90 Gtc filled 1 at 90, 0 left (#3.0)
    1 hears #9 position 0 -> 1 from 90, realized 0, by Fill
    settled 1000, fees 0, funding 0; 1 holds 1 of 0 from 90, flow -90; wake None
    "#);
}

#[test]
fn a_fill_beyond_the_order_is_recorded_as_it_is() {
    insta::assert_snapshot!(replay("
        running
        candle 0 100
        answer buy 1 limit 90
        fill c1 1.5 90
        show
    "), @r#"
    1 hears #3 candle 0 at 100
    sent: c1 buy 1 at 90 Gtc
    differs at 0 in Filled(0x01000009000100000000000003000000): ours 1, theirs 1.5
    1 hears #4 order 1 0/1 at 90 Gtc accepted (#3.0)
    1 hears #5 order 1 1.5/1 at 90 Gtc filled 1.5 at 90, 0 left (#3.0)
    1 hears #6 position 0 -> 1.5 from 90, realized 0, by Fill
    settled 1000, fees 0, funding 0; 1 holds 1.5 of 0 from 90, flow -135.0; wake None
    "#);
}

#[test]
fn refusals_of_the_exchange_answer_the_intent_they_refuse() {
    insta::assert_snapshot!(replay("
        running
        candle 0 100
        answer buy 1 limit 90; buy 1 limit 91
        reject c1
        accept c2
        candle 0 100
        answer amend 2 price 92; cancel 2
        request-rejected c2
        cancelled c2
        show
    "), @r#"
    1 hears #3 candle 0 at 100
    sent: c1 buy 1 at 90 Gtc
    sent: c2 buy 1 at 91 Gtc
    1 hears #4 order 1 0/1 at 90 Gtc rejected venue-says-no (#3.0)
    1 hears #5 order 2 0/1 at 91 Gtc accepted (#3.1)
    1 hears #6 candle 0 at 100
    sent: amend to 1 at 92 Gtc
    sent: cancel of event 3
    1 hears #7 order 2 0/1 at 91 Gtc rejected venue-says-no (#6.0)
    1 hears #8 order 2 0/1 at 91 Gtc cancelled as asked (#6.1)
    settled 1000, fees 0, funding 0; wake None
    "#);
}

#[test]
fn an_amended_order_keeps_its_number() {
    insta::assert_snapshot!(replay("
        running
        candle 0 100
        answer buy 1 limit 90 tag 4
        accept c1
        candle 0 100
        answer amend t4 price 95 size 2
        amended c1 2 95
        fill c1 2 95
    "), @r#"
    1 hears #3 candle 0 at 100
    sent: c1 buy 1 at 90 Gtc
    1 hears #4 order 1 0/1 at 90 Gtc accepted (#3.0)
    1 hears #5 candle 0 at 100
    sent: amend to 2 at 95 Gtc
    1 hears #6 order 1 0/2 at 95 Gtc amended (#5.0)
    1 hears #7 order 1 2/2 at 95 Gtc filled 2 at 95, 0 left (#3.0)
    1 hears #8 position 0 -> 2 from 95, realized 0, by Fill
    "#);
}

#[test]
fn the_first_number_of_a_triggered_order_is_no_sign_that_it_was_amended() {
    insta::assert_snapshot!(replay("
        running
        candle 0 100
        answer sell 2 stop 95 limit 94
        candle 0 100
        answer amend 1 size 0.5
        trigger c1
        fill c1 0.75 94 v 9
        accept c1 v 9
        request-rejected c1
        open c1 2 94 20000 v 9
        states
    "), @r#"
    1 hears #3 candle 0 at 100
    sent: c1 sell 2 Stop 95 limit 94
    1 hears #4 candle 0 at 100
    sent: amend to 0.5 Stop 95 limit 94
    1 hears #5 order 1 0/2 Stop 95 limit 94 accepted (#3.0)
    1 hears #6 order 1 0/2 at 94 Gtc triggered (#3.0)
    1 hears #7 order 1 0.75/2 at 94 Gtc partially filled 0.75 at 94, 1.25 left (#3.0)
    1 hears #8 position 0 -> -0.75 from 94, realized 0, by Fill
    1 hears #9 order 1 0.75/2 at 94 Gtc rejected venue-says-no (#4.0)
    1 has order 1 PartlyFilled
    "#);
}

#[test]
fn the_first_number_of_a_triggered_order_may_be_that_which_an_amend_gave_it() {
    insta::assert_snapshot!(replay("
        running
        candle 0 100
        answer sell 1 stop 95 limit 94; sell 1 stop 95 limit 94
        candle 0 100
        answer amend 1 size 2; amend 2 size 0.5
        trigger c1
        trigger c2
        fill c1 1.5 94 v 9
        accept c2 v 10
        at 20001
        wake
        open c2 0.5 94 20000 v 10
        states
    "), @r#"
    1 hears #3 candle 0 at 100
    sent: c1 sell 1 Stop 95 limit 94
    sent: c2 sell 1 Stop 95 limit 94
    1 hears #4 candle 0 at 100
    sent: amend to 2 Stop 95 limit 94
    sent: amend to 0.5 Stop 95 limit 94
    1 hears #5 order 1 0/1 Stop 95 limit 94 accepted (#3.0)
    1 hears #6 order 1 0/1 at 94 Gtc triggered (#3.0)
    1 hears #7 order 2 0/1 Stop 95 limit 94 accepted (#3.1)
    1 hears #8 order 2 0/1 at 94 Gtc triggered (#3.1)
    1 hears #9 order 1 0/2 Stop 95 limit 94 amended (#4.0)
    1 hears #10 order 1 1.5/2 Stop 95 limit 94 partially filled 1.5 at 94, 0.5 left (#3.0)
    1 hears #11 position 0 -> -1.5 from 94, realized 0, by Fill
    asks after 0x01000009000100000000000003000100, repeats until 10000
    1 hears #12 order 2 0/0.5 at 94 Gtc amended (#4.1)
    1 has order 1 PartlyFilled; 1 has order 2 Open
    "#);
}

#[test]
fn amends_that_are_told_the_later_first_leave_the_terms_of_the_later() {
    insta::assert_snapshot!(replay("
        running
        candle 0 100
        answer buy 1 limit 90
        accept c1
        candle 0 100
        answer amend 1 size 2; amend 1 size 3
        amended c1 3 90 v 12
        states
        amended c1 2 90 v 11
        open c1 3 90 20000 v 12
        states
        show
    "), @r#"
    1 hears #3 candle 0 at 100
    sent: c1 buy 1 at 90 Gtc
    1 hears #4 order 1 0/1 at 90 Gtc accepted (#3.0)
    1 hears #5 candle 0 at 100
    sent: amend to 2 at 90 Gtc
    sent: amend to 3 at 90 Gtc
    1 hears #6 order 1 0/3 at 90 Gtc amended (#5.1)
    1 has order 1 Amending; wake 10000
    1 hears #7 order 1 0/3 at 90 Gtc amended (#5.0)
    1 has order 1 Open
    settled 1000, fees 0, funding 0; 1 has order 1 0/3; wake None
    "#);
}

#[test]
fn an_amend_that_is_told_twice_answers_no_other() {
    insta::assert_snapshot!(replay("
        running
        candle 0 100
        answer buy 1 limit 90
        accept c1
        candle 0 100
        answer amend 1 size 2; amend 1 size 3
        amended c1 2 90 v 11
        amended c1 2 90 v 11
        cancelled c1 v 11
        states
        amended c1 3 90 v 12
        states
    "), @r#"
    1 hears #3 candle 0 at 100
    sent: c1 buy 1 at 90 Gtc
    1 hears #4 order 1 0/1 at 90 Gtc accepted (#3.0)
    1 hears #5 candle 0 at 100
    sent: amend to 2 at 90 Gtc
    sent: amend to 3 at 90 Gtc
    1 hears #6 order 1 0/2 at 90 Gtc amended (#5.0)
    asks after 0x01000009000100000000000003000000, repeats until 10000
    1 has order 1 Replacing; wake 1000
    1 hears #7 order 1 0/3 at 90 Gtc amended (#5.1)
    1 has order 1 Open
    "#);
}

#[test]
fn attached_exits_become_orders_of_the_strategy() {
    insta::assert_snapshot!(replay("
        running
        candle 0 100
        answer buy 1 market tp 110 sl 95
        fill c1 1 100
        exit-live c1p 1 110
        exit-live c1s 1 95
        candle 0 110
        answer cancel 3
        trigger c1p
        fill c1p 1 110
        cancelled c1s
        show
    "), @r#"
    1 hears #3 candle 0 at 100
    sent: c1 buy 1 at the market with take-profit 110, stop-loss 95
    1 hears #4 order 1 0/1 at the market accepted (#3.0)
    1 hears #5 order 1 1/1 at the market filled 1 at 100, 0 left (#3.0)
    1 hears #6 position 0 -> 1 from 100, realized 0, by Fill
    1 hears #7 order 2 0/1 TakeProfit 110 accepted (#3.0)
    1 hears #8 order 3 0/1 Stop 95 accepted (#3.0)
    1 hears #9 candle 0 at 110
    sent: cancel of event 3
    1 hears #10 order 2 0/1 at the market triggered (#3.0)
    1 hears #11 order 2 1/1 at the market filled 1 at 110, 0 left (#3.0)
    1 hears #12 position 1 -> 0 from 0, realized 10, by Fill
    1 hears #13 order 3 0/1 Stop 95 cancelled as asked (#9.0)
    settled 1010, fees 0, funding 0; wake None
    "#);
}

#[test]
fn an_exit_that_comes_to_life_after_the_stop_is_cancelled() {
    insta::assert_snapshot!(replay("
        running
        candle 0 100
        answer buy 1 market tp 110
        stop 1
        settle
        fill c1 1 100
        exit-live c1p 1 110
        cancelled c1p
        show
    "), @r#"
    1 hears #3 candle 0 at 100
    sent: c1 buy 1 at the market with take-profit 110, stop-loss none
    1 is stopping
    1 hears #4 stop by Operator
    1 is stopped
    sent: cancel of event 3
    settled 1000, fees 0, funding 0; 1 holds 1 of 0 from 100, flow -100; wake None
    "#);
}

#[test]
fn a_triggered_stop_is_an_order_at_the_market() {
    insta::assert_snapshot!(replay("
        running
        candle 0 100
        answer buy 1 market; buy 1 stop 105; buy 1 stop 105 limit 106
        fill c1 1 100
        trigger c2
        trigger c3
        candle 0 105
        answer target 0
        show
    "), @r#"
    1 hears #3 candle 0 at 100
    sent: c1 buy 1 at the market
    sent: c2 buy 1 Stop 105
    sent: c3 buy 1 Stop 105 limit 106
    1 hears #4 order 1 0/1 at the market accepted (#3.0)
    1 hears #5 order 1 1/1 at the market filled 1 at 100, 0 left (#3.0)
    1 hears #6 position 0 -> 1 from 100, realized 0, by Fill
    1 hears #7 order 2 0/1 Stop 105 accepted (#3.1)
    1 hears #8 order 2 0/1 at the market triggered (#3.1)
    1 hears #9 order 3 0/1 Stop 105 limit 106 accepted (#3.2)
    1 hears #10 order 3 0/1 at 106 Gtc triggered (#3.2)
    1 hears #11 candle 0 at 105
    sent: c4 sell 2 at the market
    settled 1000, fees 0, funding 0; 1 holds 1 of 0 from 100, flow -100; 1 has order 2 0/1; 1 has order 3 0/1; 1 has order 4 0/2; wake Some(10000)
    "#);
}

#[test]
fn a_target_counts_what_is_in_flight_at_the_market() {
    insta::assert_snapshot!(replay("
        running
        candle 0 100
        answer target 1; target 1; target 1.5; buy 1 limit 90; target -1
        fill c1 1 100
        candle 0 100
        answer target -1; target 0.0001
    "), @r#"
    1 hears #3 candle 0 at 100
    sent: c1 buy 1 at the market
    sent: c2 buy 0.5 at the market
    sent: c3 buy 1 at 90 Gtc
    sent: c4 sell 2.5 at the market
    1 hears #4 order 1 0/1 at the market accepted (#3.0)
    1 hears #5 order 1 1/1 at the market filled 1 at 100, 0 left (#3.0)
    1 hears #6 position 0 -> 1 from 100, realized 0, by Fill
    1 hears #7 candle 0 at 100
    1 denied size-off-grid: size 0.0001 of BTC is finer than the lot of 3 decimals
    1 hears #8 no order denied size-off-grid (#7.1)
    "#);
}

#[test]
fn a_target_nearer_to_nothing_only_reduces_and_so_may_be_small() {
    insta::assert_snapshot!(replay("
        running
        candle 0 100
        answer buy 1 market
        fill c1 1 100
        candle 0 100
        answer target 0.95
        fill c2 0.05 100
        candle 0 100
        answer target 1
        stop 1
        answer target 2; target 0
    "), @r#"
    1 hears #3 candle 0 at 100
    sent: c1 buy 1 at the market
    1 hears #4 order 1 0/1 at the market accepted (#3.0)
    1 hears #5 order 1 1/1 at the market filled 1 at 100, 0 left (#3.0)
    1 hears #6 position 0 -> 1 from 100, realized 0, by Fill
    1 hears #7 candle 0 at 100
    sent: c2 sell 0.05 at the market reduce-only
    1 hears #8 order 2 0/0.05 at the market accepted (#7.0)
    1 hears #9 order 2 0.05/0.05 at the market filled 0.05 at 100, 0.00 left (#7.0)
    1 hears #10 position 1 -> 0.95 from 100, realized 0, by Fill
    1 hears #11 candle 0 at 100
    1 denied below-min-notional: 0.05 of BTC at 100 is worth 5.00, below the minimum of 10
    1 hears #12 no order denied below-min-notional (#11.0)
    1 is stopping
    1 hears #13 stop by Operator
    1 denied stopping: the strategy is being stopped: only cancels and reduce-only orders pass
    sent: c3 sell 0.95 at the market reduce-only
    "#);
}

#[test]
fn closing_counts_what_is_in_flight_too() {
    insta::assert_snapshot!(replay("
        running
        candle 0 100
        answer sell 1 market
        fill c1 1 100
        candle 0 100
        answer close; close; buy 0.5 market; close
        fill c2 1 90
        show
    "), @r#"
    1 hears #3 candle 0 at 100
    sent: c1 sell 1 at the market
    1 hears #4 order 1 0/1 at the market accepted (#3.0)
    1 hears #5 order 1 1/1 at the market filled 1 at 100, 0 left (#3.0)
    1 hears #6 position 0 -> -1 from 100, realized 0, by Fill
    1 hears #7 candle 0 at 100
    sent: c2 buy 1 at the market reduce-only
    sent: c3 buy 0.5 at the market
    1 denied no-position: the position is -1, and 0 with the market orders in flight: nothing to close
    1 denied no-position: the position is -1, and 0.5 with the market orders in flight: nothing to close
    1 hears #8 no order denied no-position (#7.1)
    1 hears #9 no order denied no-position (#7.3)
    1 hears #10 order 2 0/1 at the market accepted (#7.0)
    1 hears #11 order 2 1/1 at the market filled 1 at 90, 0 left (#7.0)
    1 hears #12 position -1 -> 0 from 0, realized 10, by Fill
    settled 1010, fees 0, funding 0; 1 has order 3 0/0.5; wake Some(10000)
    "#);
}

#[test]
fn cancelling_all_asks_once_for_each() {
    insta::assert_snapshot!(replay("
        running
        candle 0 100
        answer buy 1 limit 90; buy 1 limit 91; buy 1 limit 80 of 1
        candle 0 100
        answer cancel 2; cancel-all of 0; cancel-all of 9; cancel-all
    "), @r#"
    1 hears #3 candle 0 at 100
    sent: c1 buy 1 at 90 Gtc
    sent: c2 buy 1 at 91 Gtc
    sent: c3 buy 1 at 80 Gtc
    1 hears #4 candle 0 at 100
    sent: cancel of event 3
    sent: cancel of event 3
    sent: cancel of event 3
    1 denied unknown-instrument: there is no instrument 9; init listed 0 to 1
    1 hears #5 no order denied unknown-instrument (#4.2)
    "#);
}

#[test]
fn what_is_not_ours_is_counted_and_passes_by() {
    let mut script = super::script::Script::played("running\n candle 0 100\n answer buy 1 limit 90\n candle 9 100");
    let stranger = crate::ClientOrderId::from_bytes([7; 16]);
    let venue = |event| crate::Input::Venue(event);
    script.handle(venue(crate::VenueEvent::Triggered { order: stranger }));
    script.handle(venue(crate::VenueEvent::Cancelled { order: stranger, venue_order: None, reason: "by somebody".into() }));
    assert_eq!(script.core().strays(), 3);
}

//! Answers that get lost, servers that fail, bytes that are nothing, and feeds that are gone.

use super::*;
use calypte_kernel::Feed;
use tokio_tungstenite::tungstenite::Message;

fn is_end_of(order: ClientOrderId) -> impl Fn(&News) -> bool {
    move |news| {
        matches!(news, News::Venue(
            VenueEvent::Accepted { order: named, .. }
            | VenueEvent::Rejected { order: named, .. }
            | VenueEvent::Unanswered { order: named }
        ) if *named == order)
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_lost_brings_the_same_bytes_once_more_and_the_order_once() {
    let mut rig = started().await;
    // Neither the answer nor the update of the order arrives.
    rig.played.state().post_faults.push_back(Fault::SwallowAnswer);
    rig.played.state().silent = true;
    let order = rig.place(Side::Buy, Some(("61.0", TimeInForce::Gtc)));
    let end = rig.hear(is_end_of(order)).await;
    assert!(matches!(end, News::Venue(VenueEvent::Unanswered { .. })), "a duplicate proves that it was looked at: {end:?}");
    let state = rig.played.state();
    assert_eq!((state.bodies.len(), state.ran.len()), (2, 1), "sent twice, run once");
    assert_eq!(state.bodies[0], state.bodies[1], "and never signed anew");
}

#[tokio::test(start_paused = true)]
async fn what_was_not_let_through_goes_again_later() {
    let mut rig = started().await;
    rig.played.state().post_faults.push_back(Fault::TooMany);
    let order = rig.place(Side::Buy, Some(("61.0", TimeInForce::Gtc)));
    let end = rig.hear(is_end_of(order)).await;
    assert!(matches!(end, News::Venue(VenueEvent::Accepted { .. })), "{end:?}");
    assert_eq!(rig.played.state().ran.len(), 1);
    let low = rig.connector.health().budgets[0];
    assert!(low.left < low.of, "{low:?}");
}

#[tokio::test(start_paused = true)]
async fn an_action_goes_over_rest_when_the_socket_is_gone() {
    let mut rig = started().await;
    rig.played.state().deaf = true;
    rig.played.cut();
    rig.hear(|news| is_connection(news, FeedChange::Lost)).await;
    rig.played.state().rest_faults.push_back(Fault::Html);
    let order = rig.place(Side::Buy, Some(("61.0", TimeInForce::Gtc)));
    let end = rig.hear(is_end_of(order)).await;
    assert!(matches!(end, News::Venue(VenueEvent::Accepted { .. })), "a server that failed is tried again: {end:?}");
    assert_eq!(rig.played.state().ran.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_never_shakes_hands_is_given_up_and_tried_again() {
    let mut rig = rig();
    rig.played.state().deaf = true;
    rig.connector.start().await.expect("requests are answered");
    rig.hear(|news| is_notice(news, |notice| matches!(notice, Notice::Lost { why, .. } if why == "connecting took too long")))
        .await;
    rig.played.state().deaf = false;
    rig.reconcile().await;
    assert!(rig.connector.health().reconciled.is_some());
}

#[tokio::test(start_paused = true)]
async fn frames_that_cannot_be_read_are_counted_and_the_account_is_asked_for() {
    let mut rig = started().await;
    for text in [
        "{\"channel\":",
        "{}",
        r#"{"channel":"userFills","data":{"user":7}}"#,
        r#"{"channel":"bbo","data":{"coin":"KO","time":1e400}}"#,
    ] {
        rig.played.shout(&Message::text(text));
    }
    let told = rig.until(|news| matches!(news, News::Venue(VenueEvent::Snapshot(_)))).await;
    let unreadable = |news: &&News| is_notice(news, |notice| matches!(notice, Notice::Unreadable { .. }));
    assert_eq!(told.iter().filter(unreadable).count(), 2, "once for each connection, not for each frame: {told:?}");
    // Numbers beyond any number in a row: the row is left out, and counted.
    let row = r#"{"channel":"userFills","data":{"user":"0xaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","fills":[{"coin":"KO","px":"1e400","sz":"1","side":"B","time":1,"oid":1,"crossed":true,"fee":"0"}]}}"#;
    rig.played.shout(&Message::text(row));
    rig.hear(|news| matches!(news, News::Venue(VenueEvent::Snapshot(_)))).await;
    rig.during(Duration::from_secs(2)).await;
    assert!(rig.connector.health().unusable > 0);
}

#[tokio::test(start_paused = true)]
async fn a_message_that_is_no_text_ends_the_connection_and_it_comes_back() {
    let mut rig = started().await;
    rig.played.shout(&Message::binary(vec![0xff, 0xfe]));
    rig.hear(|news| is_notice(news, |notice| matches!(notice, Notice::Lost { why, .. } if why.contains("no text")))).await;
    rig.hear(|news| is_connection(news, FeedChange::Recovered)).await;
    // One of more bytes than are read.
    rig.played.shout(&Message::text("x".repeat(9 << 20)));
    rig.hear(|news| {
        is_notice(news, |notice| matches!(notice, Notice::Lost { why, .. } if why.contains("more than 8388608 bytes")))
    })
    .await;
    rig.hear(|news| is_connection(news, FeedChange::Recovered)).await;
}

#[tokio::test(start_paused = true)]
async fn pitfall_30_a_feed_that_is_gone_is_set_aside_and_one_that_matters_is_asked_for() {
    let mut rig = rig();
    rig.played.state().unknown_feeds = ["webData3", "orderUpdates"].into();
    rig.connector.start().await.expect("it starts");
    let mut set_aside = 0;
    while set_aside < 2 {
        rig.hear(|news| is_notice(news, |notice| matches!(notice, Notice::SetAside { .. }))).await;
        set_aside += 1;
    }
    rig.reconcile().await;
    // Nobody asked for this one: it is in place of the feed.
    let begun = tokio::time::Instant::now();
    rig.hear(|news| matches!(news, News::Venue(VenueEvent::Snapshot(_)))).await;
    assert!(begun.elapsed() <= Duration::from_secs(10), "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_coin_that_nobody_knows_is_never_asked_for() {
    let mut rig = started().await;
    rig.ask(Request::Subscribe { feed: Feed::Quotes(InstrumentId::new(9)), after: None });
    rig.hear(|news| is_notice(news, |notice| matches!(notice, Notice::SetAside { .. }))).await;
    let lost = rig
        .during(Duration::from_mins(1))
        .await
        .into_iter()
        .find(|news| is_notice(news, |notice| matches!(notice, Notice::Lost { .. })));
    assert_eq!(lost, None);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_of_the_whole_reaches_every_order_of_it() {
    let mut rig = started().await;
    rig.played.state().post_faults.push_back(Fault::Words("Invalid nonce: too old"));
    let order = rig.place(Side::Buy, Some(("61.0", TimeInForce::Gtc)));
    let News::Venue(VenueEvent::Rejected { refusal, .. }) = rig.hear(is_end_of(order)).await else { panic!("refused") };
    assert_eq!(refusal.code, "venue-bad-nonce");
}

//! Sockets that live, die, fall silent and are poisoned.

use super::*;
use crate::hyperliquid::budget::EgressLimits;
use crate::hyperliquid::protocol::Address;
use proptest::prelude::*;

fn at(millis: u64) -> Timestamp {
    Timestamp::from_millis((1_750_000_000_000 + millis).cast_signed())
}

fn bbo(coin: &str) -> Subscription {
    Subscription::Bbo { coin: coin.into() }
}

fn book(coin: &str) -> Subscription {
    Subscription::L2Book { coin: coin.into(), fast: None }
}

fn fills() -> Subscription {
    Subscription::UserFills { user: Address::from_bytes([0xaa; 20]) }
}

fn frame(text: &str) -> ServerFrame {
    ServerFrame::parse(text.as_bytes()).expect("it is sound")
}

fn ack(subscription: &Subscription) -> ServerFrame {
    ServerFrame::Ack { begins: true, subscription: Some(subscription.clone()) }
}

fn drain(supervisor: &mut Supervisor) -> Vec<Wanted> {
    std::iter::from_fn(|| supervisor.poll()).collect()
}

/// One that is open at 0 with these feeds confirmed.
fn open(feeds: &[Subscription]) -> (Supervisor, Egress) {
    let (mut supervisor, mut egress) = (Supervisor::new(at(0)), Egress::new(EgressLimits::default()));
    for feed in feeds {
        supervisor.subscribe(at(0), feed.clone(), &mut egress).expect("there is room");
    }
    supervisor.wake(at(0), u32::MAX, &mut egress);
    assert_eq!(drain(&mut supervisor), [Wanted::Connect]);
    supervisor.opened(at(0), &mut egress);
    for feed in feeds {
        supervisor.frame(at(0), &ack(feed));
    }
    drain(&mut supervisor);
    (supervisor, egress)
}

fn subscribe(subscription: Subscription) -> Wanted {
    Wanted::Send(ClientFrame::Subscribe { subscription })
}

#[test]
fn accounts_are_subscribed_to_first_and_the_rest_in_handfuls() {
    let (mut supervisor, mut egress) = (Supervisor::new(at(0)), Egress::new(EgressLimits::default()));
    for number in 0..30 {
        supervisor.subscribe(at(0), book(&format!("C{number:02}")), &mut egress).expect("there is room");
    }
    supervisor.subscribe(at(0), fills(), &mut egress).expect("there is room");
    supervisor.subscribe(at(0), fills(), &mut egress).expect("once is enough");
    supervisor.wake(at(0), u32::MAX, &mut egress);
    supervisor.opened(at(50), &mut egress);
    let sent = drain(&mut supervisor);
    assert_eq!((sent.len(), &sent[1]), (1 + SUBSCRIBES_AT_ONCE, &subscribe(fills())));
    assert_eq!(supervisor.next_wake(), Some(at(250)));
    supervisor.wake(at(250), u32::MAX, &mut egress);
    assert_eq!(drain(&mut supervisor).len(), 11);
}

#[test]
fn a_quiet_socket_is_pinged_and_a_dead_one_is_given_up() {
    let (mut supervisor, mut egress) = open(&[fills()]);
    supervisor.wake(at(PING_MS), u32::MAX, &mut egress);
    assert_eq!(drain(&mut supervisor), [Wanted::Send(ClientFrame::Ping)]);
    supervisor.frame(at(PING_MS + 50), &ServerFrame::Pong);
    supervisor.wake(at(PING_MS + SILENCE_MS_MAX), u32::MAX, &mut egress);
    assert_eq!(drain(&mut supervisor), [Wanted::Send(ClientFrame::Ping)], "the pong counts");
    supervisor.wake(at(PING_MS + 50 + SILENCE_MS_MAX), u32::MAX, &mut egress);
    let said = drain(&mut supervisor);
    assert_eq!(said, [Wanted::HangUp { reason: "nothing came for too long" }, Wanted::Lost]);
}

#[test]
fn one_silent_feed_is_noticed_while_others_run() {
    let (mut supervisor, mut egress) = open(&[book("KO"), bbo("KO")]);
    let quote = frame(r#"{"channel":"bbo","data":{"coin":"KO","time":1,"bbo":[null,null]}}"#);
    for second in 1..30 {
        supervisor.frame(at(second * 1_000), &quote);
        supervisor.wake(at(second * 1_000), u32::MAX, &mut egress);
    }
    drain(&mut supervisor);
    supervisor.wake(at(30_000), u32::MAX, &mut egress);
    let said = drain(&mut supervisor);
    assert_eq!(said[0], Wanted::Stale(book("KO")));
    assert!(matches!(said[1], Wanted::HangUp { .. }));
    let (mut quiet, mut egress) = open(&[bbo("KO")]);
    quiet.frame(at(29_000), &ServerFrame::Pong);
    quiet.wake(at(31_000), u32::MAX, &mut egress);
    assert_eq!(drain(&mut quiet), [Wanted::Send(ClientFrame::Ping)], "a feed of events may be silent");
}

#[test]
fn after_a_cut_it_says_since_when_nothing_is_known() {
    let (mut supervisor, mut egress) = open(&[bbo("KO"), fills()]);
    supervisor.frame(at(700), &ServerFrame::Pong);
    supervisor.lost(at(900), false, 7, &mut egress);
    assert_eq!(drain(&mut supervisor), [Wanted::Lost]);
    let again = supervisor.next_wake().expect("it tries again");
    assert!(again >= at(900 + WAIT_MS_FIRST / 2) && again <= at(900 + WAIT_MS_FIRST));
    supervisor.wake(again, u32::MAX, &mut egress);
    assert_eq!(drain(&mut supervisor), [Wanted::Connect]);
    supervisor.opened(at(2_000), &mut egress);
    assert_eq!(drain(&mut supervisor), [subscribe(fills()), subscribe(bbo("KO"))]);
    supervisor.frame(at(2_100), &ack(&fills()));
    assert_eq!(drain(&mut supervisor), [], "not all flows yet");
    supervisor.frame(at(2_100), &ack(&bbo("KO")));
    assert_eq!(drain(&mut supervisor), [Wanted::Gap { since: at(700) }]);
}

/// Connects again, and confirms each feed that is asked for until one ends the socket. Gives what was asked for, and when that was.
fn again(supervisor: &mut Supervisor, egress: &mut Egress, poison: Option<&Subscription>) -> (Vec<Subscription>, Timestamp) {
    let mut now = supervisor.next_wake().expect("it tries again");
    supervisor.wake(now, u32::MAX, egress);
    supervisor.opened(now, egress);
    let mut asked = Vec::new();
    for _ in 0..20 {
        let sent = drain(supervisor).into_iter().filter_map(|wanted| match wanted {
            Wanted::Send(ClientFrame::Subscribe { subscription }) => Some(subscription),
            _ => None,
        });
        let sent = sent.collect::<Vec<_>>();
        asked.extend(sent.iter().cloned());
        if let Some(poison) = poison.filter(|poison| sent.contains(poison)) {
            assert_eq!(sent, std::slice::from_ref(poison), "it is asked for alone");
            supervisor.lost(now.saturating_add(50), false, 0, egress);
            break;
        }
        for subscription in &sent {
            supervisor.frame(now, &ack(subscription));
        }
        now = now.saturating_add(SUBSCRIBE_PACE_MS);
        supervisor.wake(now, u32::MAX, egress);
    }
    (asked, now)
}

/// Lets time pass on a connection that answers, until the subscription is asked for. Gives when that is, if it is until then.
fn asks_for(subscription: &Subscription, supervisor: &mut Supervisor, from: Timestamp, until: Timestamp) -> Option<Timestamp> {
    let mut egress = Egress::new(EgressLimits::default());
    let mut now = from;
    while now < until {
        now = now.saturating_add(1_000).min(until);
        supervisor.frame(now, &ServerFrame::Pong);
        supervisor.wake(now, u32::MAX, &mut egress);
        if drain(supervisor).contains(&subscribe(subscription.clone())) {
            return Some(now);
        }
    }
    None
}

fn set_aside(wanted: &[Wanted]) -> Vec<&Subscription> {
    let gone = wanted.iter().filter_map(|wanted| if let Wanted::Quarantined(gone) = wanted { Some(gone) } else { None });
    gone.collect()
}

#[test]
fn a_subscription_that_ends_the_socket_is_set_aside() {
    let (mut supervisor, mut egress) = open(&[fills()]);
    let typo = bbo("TYPO");
    for subscription in [bbo("KO"), typo.clone(), bbo("PEP")] {
        supervisor.subscribe(at(5_000), subscription, &mut egress).expect("there is room");
    }
    drain(&mut supervisor);
    supervisor.wake(at(5_300), u32::MAX, &mut egress);
    assert_eq!(drain(&mut supervisor), [subscribe(bbo("PEP")), subscribe(typo.clone())]);
    supervisor.lost(at(5_400), false, 0, &mut egress);
    assert_eq!(drain(&mut supervisor), [Wanted::Lost], "of several nobody knows which it was");
    again(&mut supervisor, &mut egress, Some(&typo));
    assert_eq!(set_aside(&drain(&mut supervisor)), Vec::<&Subscription>::new(), "once may be chance");
    again(&mut supervisor, &mut egress, Some(&typo));
    assert_eq!(set_aside(&drain(&mut supervisor)), [&typo]);
    let (asked, now) = again(&mut supervisor, &mut egress, None);
    assert_eq!(asked, [fills(), bbo("KO"), bbo("PEP")], "the others go on without it");
    assert!(supervisor.is_complete() && !supervisor.is_whole());
    assert_eq!(supervisor.aside().collect::<Vec<_>>(), [&typo]);

    // It is tried again, once, and later each time; once it is confirmed all is well.
    let due = asks_for(&typo, &mut supervisor, now, now.saturating_add(ASIDE_MS_FIRST)).expect("it is tried again");
    supervisor.lost(due.saturating_add(50), false, 0, &mut egress);
    assert_eq!(set_aside(&drain(&mut supervisor)), [&typo], "it has one chance");
    let (_, now) = again(&mut supervisor, &mut egress, None);
    let once = due.saturating_add(ASIDE_MS_FIRST);
    assert_eq!(asks_for(&typo, &mut supervisor, now, once), None, "twice as long");
    let due = asks_for(&typo, &mut supervisor, once, once.saturating_add(ASIDE_MS_FIRST + 50)).expect("it is tried again");
    supervisor.frame(due.saturating_add(10), &ack(&typo));
    assert_eq!(drain(&mut supervisor), [Wanted::Returned(typo)]);
    assert!(supervisor.is_whole());
}

#[test]
fn an_outage_of_the_exchange_is_laid_to_no_feed_that_once_ran() {
    let (mut supervisor, mut egress) = open(&[fills(), bbo("KO")]);
    for feed in [fills(), bbo("KO")] {
        supervisor.frame(at(10), &ack(&feed));
    }
    drain(&mut supervisor);
    supervisor.lost(at(60_000), false, 0, &mut egress);
    for _ in 0..30 {
        let now = supervisor.next_wake().expect("it tries again");
        supervisor.wake(now, u32::MAX, &mut egress);
        supervisor.opened(now, &mut egress);
        supervisor.lost(now.saturating_add(400), false, 7, &mut egress);
    }
    assert_eq!(set_aside(&drain(&mut supervisor)), Vec::<&Subscription>::new());
    let (asked, _) = again(&mut supervisor, &mut egress, None);
    assert_eq!(asked, [fills(), bbo("KO")]);
    assert!(supervisor.is_whole());
}

#[test]
fn a_close_with_a_reason_is_nobodys_fault() {
    let (mut supervisor, mut egress) = open(&[fills()]);
    for number in 0..5 {
        supervisor.subscribe(at(5_000), bbo(&format!("KO{number}")), &mut egress).expect("there is room");
        supervisor.lost(at(5_100), true, 0, &mut egress);
        assert_eq!(set_aside(&drain(&mut supervisor)), Vec::<&Subscription>::new());
    }
}

#[test]
fn whoever_hangs_up_waits_by_chance() {
    let waits = [0, 100, 200].map(|chance| {
        let (mut supervisor, mut egress) = open(&[fills()]);
        supervisor.wake(at(SILENCE_MS_MAX + 10), chance, &mut egress);
        supervisor.next_wake().expect("it tries again")
    });
    assert!(waits[0] < waits[1] && waits[1] < waits[2], "{waits:?}");
}

#[test]
fn what_is_never_confirmed_is_not_waited_for() {
    let (mut supervisor, mut egress) = open(&[fills()]);
    supervisor.subscribe(at(5_000), bbo("KO"), &mut egress).expect("there is room");
    supervisor.wake(at(5_000 + ACK_MS_MAX), u32::MAX, &mut egress);
    assert!(drain(&mut supervisor).contains(&Wanted::HangUp { reason: "a subscription was not confirmed" }));
}

#[test]
fn a_server_that_never_answers_is_given_up_too() {
    let (mut supervisor, mut egress) = (Supervisor::new(at(0)), Egress::new(EgressLimits::default()));
    supervisor.wake(at(0), u32::MAX, &mut egress);
    assert_eq!(supervisor.next_wake(), Some(at(CONNECT_MS_MAX)));
    supervisor.wake(at(CONNECT_MS_MAX), u32::MAX, &mut egress);
    assert_eq!(drain(&mut supervisor), [Wanted::Connect, Wanted::HangUp { reason: "connecting took too long" }]);
    supervisor.opened(at(CONNECT_MS_MAX + 1), &mut egress);
    assert!(!supervisor.is_open(), "it comes too late");
}

#[test]
fn feeds_that_could_not_be_told_apart_do_not_share_a_socket() {
    let (mut supervisor, mut egress) = open(&[]);
    let updates = |byte| Subscription::OrderUpdates { user: Address::from_bytes([byte; 20]) };
    assert_eq!(supervisor.subscribe(at(0), updates(1), &mut egress), Ok(()));
    assert_eq!(supervisor.subscribe(at(0), updates(1), &mut egress), Ok(()), "the same one");
    assert!(supervisor.subscribe(at(0), updates(2), &mut egress).is_err(), "the messages do not say whose");
    assert_eq!(supervisor.subscribe(at(0), fills(), &mut egress), Ok(()), "these do");
    assert_eq!(supervisor.subscribe(at(0), book("KO"), &mut egress), Ok(()));
    let fast = Subscription::L2Book { coin: "KO".into(), fast: Some(true) };
    assert!(supervisor.subscribe(at(0), fast, &mut egress).is_err(), "one channel for both");
}

#[test]
fn an_address_without_room_is_waited_for() {
    let limits = EgressLimits { sockets: 1, new_sockets: 2, ..EgressLimits::default() };
    let mut egress = Egress::new(limits);
    egress.open_socket(at(0)).expect("another socket");
    let mut supervisor = Supervisor::new(at(0));
    supervisor.wake(at(0), u32::MAX, &mut egress);
    assert_eq!(drain(&mut supervisor), []);
    assert_eq!(supervisor.next_wake(), Some(at(WAIT_MS_MAX)));
    egress.close_socket();
    supervisor.wake(at(WAIT_MS_MAX), u32::MAX, &mut egress);
    assert_eq!(drain(&mut supervisor), [Wanted::Connect]);
    supervisor.lost(at(WAIT_MS_MAX + 1), false, 0, &mut egress);
    supervisor.wake(at(WAIT_MS_MAX + 1_000), u32::MAX, &mut egress);
    assert_eq!(drain(&mut supervisor), [], "two new ones in a minute, and no more");
}

#[test]
fn stopping_gives_everything_back() {
    let (mut supervisor, mut egress) = open(&[fills(), bbo("KO")]);
    supervisor.stop(at(1_000), &mut egress);
    assert_eq!(drain(&mut supervisor), [Wanted::HangUp { reason: "stopped" }]);
    assert_eq!(supervisor.next_wake(), None);
    supervisor.lost(at(1_100), false, 0, &mut egress);
    supervisor.wake(at(99_000), u32::MAX, &mut egress);
    assert_eq!(drain(&mut supervisor), []);
    (0..10).for_each(|_| egress.open_socket(at(99_000)).expect("its place is free"));
}

/// What may happen to a socket.
#[derive(Debug, Clone)]
enum Happens {
    Pass(u64),
    Opened,
    Lost(bool, u32),
    Heard,
    Acked(usize),
    Subscribe(usize),
    Unsubscribe(usize),
}

fn happenings() -> impl Strategy<Value = Vec<Happens>> {
    let one = prop_oneof![
        4 => (0_u64..40_000).prop_map(Happens::Pass),
        3 => Just(Happens::Opened),
        2 => (any::<bool>(), any::<u32>()).prop_map(|(explained, chance)| Happens::Lost(explained, chance)),
        3 => Just(Happens::Heard),
        4 => (0_usize..6).prop_map(Happens::Acked),
        2 => (0_usize..6).prop_map(Happens::Subscribe),
        1 => (0_usize..6).prop_map(Happens::Unsubscribe),
    ];
    prop::collection::vec(one, 0..120)
}

proptest! {
    #[test]
    fn it_neither_storms_nor_gets_stuck_nor_loses_count(happenings in happenings()) {
        let feeds = [fills(), bbo("KO"), bbo("PEP"), book("KO"), Subscription::AllMids, book("PEP")];
        let (mut supervisor, mut egress) = (Supervisor::new(at(0)), Egress::new(EgressLimits::default()));
        let (mut now, mut connects, mut asked) = (0, Vec::new(), Vec::new());
        for happens in happenings {
            match happens {
                Happens::Pass(millis) => now += millis,
                Happens::Opened => supervisor.opened(at(now), &mut egress),
                Happens::Lost(explained, chance) => supervisor.lost(at(now), explained, chance, &mut egress),
                Happens::Heard => supervisor.frame(at(now), &ServerFrame::Pong),
                Happens::Acked(feed) => supervisor.frame(at(now), &ack(&feeds[feed])),
                Happens::Subscribe(feed) => {
                    supervisor.subscribe(at(now), feeds[feed].clone(), &mut egress).expect("there is room");
                }
                Happens::Unsubscribe(feed) => supervisor.unsubscribe(at(now), feeds[feed].clone(), &mut egress),
            }
            supervisor.wake(at(now), u32::MAX, &mut egress);
            for wanted in drain(&mut supervisor) {
                match wanted {
                    Wanted::Connect => {
                        connects.push(now);
                        asked.clear();
                    }
                    Wanted::Send(ClientFrame::Subscribe { subscription }) => {
                        prop_assert!(!asked.contains(&subscription), "twice on one connection: {:?}", subscription);
                        asked.push(subscription);
                    }
                    Wanted::Send(ClientFrame::Unsubscribe { subscription }) => asked.retain(|one| *one != subscription),
                    _ => {}
                }
            }
            prop_assert!(supervisor.next_wake().is_some_and(|wake| wake > at(now)), "it would spin");
        }
        for start in &connects {
            prop_assert!(connects.iter().filter(|time| (*start..start + 60_000).contains(time)).count() <= 30);
        }
        supervisor.stop(at(now), &mut egress);
        (0..10).try_for_each(|_| egress.open_socket(at(now + 120_000))).expect("every place was given back");
    }
}

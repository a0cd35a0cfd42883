//! What a server does to us: it dies, sleeps, is full, refuses, forgets.

use super::{connect, consumer, entries, entry, eventually, group, id, minutes, now, numbers, settings};
use calypte::bus::{
    Acquired, BusError, EntryId, Leases as _, Position, Published, ReadLimit, RedisBus, RedisSettings, Refusal, Retention,
    Silence, Streams as _,
};
use std::time::Duration;
use tests::RedisServer;

/// What the server writes to disk before it answers.
const DURABLE: &[&str] = &["--appendonly", "yes", "--appendfsync", "always"];

#[tokio::test]
async fn a_server_killed_and_started_again_goes_on_where_it_was() {
    let Some(mut server) = RedisServer::start(DURABLE) else { return };
    let (bus, stream, g, c) = (connect(&server, Retention::default()).await, minutes("BTC"), group("g"), consumer("c"));
    let lease =
        bus.acquire(&"publisher".parse().expect("a name"), &"one".parse().expect("a name"), Duration::from_mins(10)).await;
    let Ok(Acquired::Ours(mut lease)) = lease else { panic!("{lease:?}") };
    bus.join(&stream, &g, Position::First).await.expect("it answers");
    bus.publish(&entries(&stream, 1..=6), Some(&lease)).await.expect("it answers");
    bus.read(&g, &c, std::slice::from_ref(&stream), now(4)).await.expect("it answers");
    bus.acknowledge(&g, &[(stream.clone(), vec![id(1)])]).await.expect("it answers");
    server.kill();
    let dead = bus.publish(&entries(&stream, [7]), Some(&lease)).await.expect_err("nobody is there");
    assert!(matches!(dead, BusError::NoAnswer { .. }) && dead.may_pass(), "{dead:?}");
    server.start_again();
    // The same bus finds its way back; what was uncertain is published again.
    let outcomes = bus.publish(&entries(&stream, 5..=7), Some(&lease)).await.expect("it is back, and the lease with it");
    assert_eq!(outcomes, [Published::Already, Published::Already, Published::New]);
    bus.renew(&mut lease, Duration::from_mins(10)).await.expect("it is held");
    let recovered = bus.handed_out(&g, &c, &stream, EntryId::ZERO, 10).await.expect("it answers");
    assert_eq!((numbers(&recovered.entries), recovered.lost), (vec![2, 3, 4], Vec::new()));
    let read = bus.read(&g, &c, std::slice::from_ref(&stream), now(10)).await.expect("it answers");
    assert_eq!(numbers(&read), [5, 6, 7]);
}

#[tokio::test]
async fn a_server_that_forgot_everything_says_so_and_can_be_joined_again() {
    let Some(mut server) = RedisServer::start(&[]) else { return };
    let (bus, stream, g, c) = (connect(&server, Retention::default()).await, minutes("BTC"), group("g"), consumer("c"));
    let (name, holder) = ("publisher".parse().expect("a name"), "one".parse().expect("a name"));
    let Ok(Acquired::Ours(old)) = bus.acquire(&name, &holder, Duration::from_mins(10)).await else { panic!("it is free") };
    bus.join(&stream, &g, Position::First).await.expect("it answers");
    bus.publish(&entries(&stream, 1..=6), None).await.expect("it answers");
    bus.read(&g, &c, std::slice::from_ref(&stream), now(3)).await.expect("it answers");
    server.kill();
    server.start_again();
    eventually("it answers that the group is gone", || async {
        let read = bus.read(&g, &c, std::slice::from_ref(&stream), now(10)).await;
        assert!(read.is_err(), "{read:?}");
        read == Err(BusError::NoGroup { group: g.clone() })
    })
    .await;
    eventually("commands find their way back too", || async { bus.newest(&stream, 1).await.is_ok() }).await;
    let Ok(Acquired::Ours(new)) = bus.acquire(&name, &holder, Duration::from_mins(10)).await else { panic!("it is free") };
    assert!(new.fence() > old.fence(), "numbers rise also over a server that forgot them");
    let lost = bus.publish(&entries(&stream, [7]), Some(&old)).await;
    assert_eq!(lost, Err(BusError::LeaseLost { lease: name }));
    bus.join(&stream, &g, Position::After(id(3))).await.expect("it answers");
    bus.publish(&entries(&stream, 7..=8), Some(&new)).await.expect("it answers");
    let read = bus.read(&g, &c, std::slice::from_ref(&stream), now(10)).await.expect("it answers");
    assert_eq!(numbers(&read), [7, 8], "the numbers 4 to 6 are missed by their numbers");
}

#[tokio::test]
async fn a_server_that_sleeps_costs_no_more_than_our_patience() {
    let Some(server) = RedisServer::start(&[]) else { return };
    let patience = Duration::from_millis(150);
    let settings =
        RedisSettings { answer_timeout: patience, connect_timeout: patience, ..settings(&server, Retention::default()) };
    let bus = RedisBus::connect(settings).await.expect("the server takes us");
    let (stream, g, c) = (minutes("BTC"), group("g"), consumer("c"));
    bus.join(&stream, &g, Position::First).await.expect("it answers");
    bus.publish(&entries(&stream, 1..=3), None).await.expect("it answers");
    server.pause();
    let limit = ReadLimit { entries: 10, wait: Duration::from_millis(10) };
    let outcomes = tokio::time::timeout(super::PATIENCE, async {
        let published = bus.publish(&entries(&stream, [4]), None).await.map(|_| ());
        let read = bus.read(&g, &c, std::slice::from_ref(&stream), limit).await.map(|_| ());
        [published, read]
    });
    for outcome in outcomes.await.expect("our own patience ends first") {
        assert!(matches!(&outcome, Err(BusError::NoAnswer { silence: Silence::TimedOut { .. }, .. })), "{outcome:?}");
    }
    server.resume();
    // It may do later what nobody waits for any more. The ids and the hand-outs keep the books.
    let outcomes = bus.publish(&entries(&stream, 4..=5), None).await.expect("it is awake");
    assert!(matches!(outcomes[..], [Published::New | Published::Already, Published::New]), "{outcomes:?}");
    let recovered = bus.handed_out(&g, &c, &stream, EntryId::ZERO, 10).await.expect("it answers");
    let read = bus.read(&g, &c, std::slice::from_ref(&stream), now(10)).await.expect("it answers");
    assert_eq!([numbers(&recovered.entries), numbers(&read)].concat(), [1, 2, 3, 4, 5]);
}

#[tokio::test]
async fn a_full_server_refuses_and_goes_on_when_it_has_room() {
    let Some(server) = RedisServer::start(&["--maxmemory", "1", "--maxmemory-policy", "noeviction"]) else { return };
    let (bus, stream) = (connect(&server, Retention::default()).await, minutes("BTC"));
    let refused = bus.publish(&entries(&stream, [1]), None).await.expect_err("there is no room");
    assert!(matches!(refused, BusError::Refused { refusal: Refusal::Full, .. }) && refused.may_pass(), "{refused:?}");
    assert_eq!(bus.newest(&stream, 1).await, Ok(Vec::new()), "reading goes on");
    assert_eq!(server.cli(&["CONFIG", "SET", "maxmemory", "0"]), "OK");
    assert_eq!(bus.publish(&entries(&stream, [1]), None).await, Ok(vec![Published::New]));
}

#[tokio::test]
async fn a_replica_refuses_to_be_written() {
    let Some(primary) = RedisServer::start(&[]) else { return };
    let Some(server) = RedisServer::start(&[]) else { return };
    let (bus, stream) = (connect(&server, Retention::default()).await, minutes("BTC"));
    server.cli(&["REPLICAOF", "127.0.0.1", &primary.port().to_string()]);
    let refused = bus.publish(&entries(&stream, [1]), None).await.expect_err("it is a replica");
    assert!(matches!(refused, BusError::Refused { refusal: Refusal::ReadOnly, .. }), "{refused:?}");
    server.cli(&["REPLICAOF", "NO", "ONE"]);
    eventually("it is promoted", || async { bus.publish(&entries(&stream, [1]), None).await.is_ok() }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_script_that_does_not_end_blocks_for_a_while() {
    let Some(server) = RedisServer::start(&["--busy-reply-threshold", "1"]) else { return };
    let (bus, stream) = (connect(&server, Retention::default()).await, minutes("BTC"));
    std::thread::scope(|scope| {
        scope.spawn(|| server.cli(&["EVAL", "while true do end", "0"]));
        let blocked = async {
            eventually("it is blocked", || async {
                let answer = bus.publish(&entries(&stream, [1]), None).await;
                matches!(answer, Err(BusError::Refused { refusal: Refusal::Blocked, .. }))
            })
            .await;
            assert_eq!(server.cli(&["SCRIPT", "KILL"]), "OK");
        };
        tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(blocked));
    });
    eventually("it goes on", || async { bus.publish(&entries(&stream, [1]), None).await.is_ok() }).await;
}

#[tokio::test]
async fn a_cut_connection_costs_one_answer() {
    let Some(server) = RedisServer::start(&[]) else { return };
    let (bus, stream) = (connect(&server, Retention::default()).await, minutes("BTC"));
    bus.publish(&entries(&stream, [1]), None).await.expect("it answers");
    server.cli(&["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]);
    let mut answers = Vec::new();
    while answers.last().is_none_or(Result::is_err) {
        assert!(answers.len() < 3, "{answers:?}");
        answers.push(bus.publish(&entries(&stream, [2]), None).await);
    }
    let read = bus.range(&stream, EntryId::ZERO, EntryId::MAX, 10).await.expect("it answers");
    assert_eq!(numbers(&read), [1, 2]);
}

#[tokio::test]
async fn a_stream_deleted_under_a_waiting_reader_is_a_group_that_is_gone() {
    let Some(server) = RedisServer::start(&[]) else { return };
    let (bus, stream, g) = (connect(&server, Retention::default()).await, minutes("BTC"), group("g"));
    bus.join(&stream, &g, Position::First).await.expect("it answers");
    let limit = ReadLimit { entries: 10, wait: super::PATIENCE };
    let streams = [stream];
    let waiting = consumer("c");
    let reading = bus.read(&g, &waiting, &streams, limit);
    let deleting = async {
        eventually("it waits", || async { server.cli(&["INFO", "clients"]).contains("blocked_clients:1") }).await;
        server.cli(&["FLUSHALL"]);
    };
    let (read, ()) = tokio::join!(reading, deleting);
    assert_eq!(read, Err(BusError::NoGroup { group: g.clone() }));
}

#[tokio::test]
async fn scripts_that_a_server_forgot_are_given_to_it_again() {
    let Some(server) = RedisServer::start(&[]) else { return };
    let (bus, stream) = (connect(&server, Retention::default()).await, minutes("BTC"));
    bus.publish(&entries(&stream, [1]), None).await.expect("it answers");
    assert_eq!(server.cli(&["SCRIPT", "FLUSH"]), "OK");
    assert_eq!(bus.publish(&[entry(&stream, 1), entry(&stream, 2)], None).await, Ok(vec![Published::Already, Published::New]));
}

//! The bus is there and does not do what it should: it sleeps, is full, takes no connections, wants another password.

use crate::system::System;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use tests::RedisServer;

/// What an engine says that may trade no longer.
const LEASE_LOST: &str = "its lease is lost";
/// What a market data service says that may publish no longer.
const STANDING_BY: &str = "standing by";

#[tokio::test(flavor = "multi_thread")]
async fn a_bus_that_sleeps_or_is_full_costs_nothing_but_time() {
    let Some(redis) = RedisServer::start(&[]) else { return };
    let mut system = System::trading(&redis).await;

    redis.pause();
    system.until_said("engine", LEASE_LOST, 0).await;
    system.until_said("market-data", STANDING_BY, 0).await;
    redis.resume();
    system.recovers("bus asleep for longer than the leases live").await;

    assert_eq!(redis.cli(&["CONFIG", "SET", "maxmemory", "1"]), "OK");
    system.until_said("market-data", "entries wait to be written", 0).await;
    // As if nobody had wanted anything for a while: the service lets streams go of which entries wait, and begins them again.
    redis.cli(&["DEL", "calypte:wanted"]);
    system.until("the engine says again what it wants", |_| redis.cli(&["EXISTS", "calypte:wanted"]) == "1").await;
    assert_eq!(redis.cli(&["CONFIG", "SET", "maxmemory", "0"]), "OK");
    system.recovers("bus full").await;

    assert_eq!(system.end(&redis).await.missing(), [vec![]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bus_that_refuses_is_asked_again_and_one_that_wants_another_password_is_left() {
    let Some(redis) = RedisServer::start(&[]) else { return };
    let mut system = System::trading(&redis).await;

    // The one connection that it takes from now on is ours.
    let mut ours = TcpStream::connect(("127.0.0.1", redis.port())).expect("it listens");
    let mut said = BufReader::new(ours.try_clone().expect("a socket can be shared"));
    let mut ask = |command: &str| {
        ours.write_all(format!("{command}\r\n").as_bytes()).expect("it reads");
        let mut answer = String::new();
        said.read_line(&mut answer).expect("it answers");
        answer
    };
    assert_eq!(ask("CONFIG SET maxclients 1"), "+OK\r\n");
    assert!(ask("CLIENT KILL TYPE normal SKIPME yes").starts_with(':'));
    system.until_said("engine", LEASE_LOST, 0).await;
    assert_eq!(ask("CONFIG SET maxclients 1000"), "+OK\r\n");
    system.recovers("bus refuses connections").await;

    assert_eq!(ask("CONFIG SET requirepass other"), "+OK\r\n");
    assert!(ask("CLIENT KILL TYPE normal SKIPME yes").starts_with(':'));
    for service in [system.market_data.take(), system.engine.take()] {
        let (said, code) = service.expect("it was started").ended();
        assert_eq!(code, Some(4), "{said}");
        assert!(said.to_string().contains("it wants a name and a password"), "{said}");
    }
    assert_eq!(ask("CONFIG SET requirepass \"\""), "+OK\r\n");
    system.start();
    system.recovers("bus wants another password").await;

    system.end(&redis).await;
}

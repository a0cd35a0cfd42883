//! The bus is slow: each answer of it takes longer than the services pause between two questions.

use crate::system::System;
use std::time::Duration;
use tests::{RedisServer, Relay};

/// How late a slow bus answers: later than the engine looks at its accounts, sooner than it gives up.
const SLOW: Duration = Duration::from_millis(350);
/// For how long it is slow, in milliseconds of the market's time: longer than a lease lives, at this market's speed.
const SLOW_FOR_MS: i64 = 120 * 15_000;

#[tokio::test(flavor = "multi_thread")]
async fn a_bus_that_is_slow_costs_no_lease() {
    let Some(redis) = RedisServer::start(&[]) else { return };
    let relay = Relay::start(&redis.url());
    let mut system = System::new(&relay.url("redis"), |exchange| exchange, "");
    system.start();
    system.until_filled(1).await;

    let fence = || redis.cli(&["HGET", "calypte:lease:account.alice", "fence"]);
    let before = fence();
    relay.delay(SLOW);
    let until = system.market_time() + SLOW_FOR_MS;
    system.until("a lease would have run out", |system| system.market_time() >= until).await;
    assert_eq!((fence(), before.is_empty()), (before, false), "the lease was never lost");
    system.recovers("bus slow, while it still is").await;
    relay.delay(Duration::ZERO);
    system.recovers("bus slow").await;

    assert_eq!(system.end(&redis).await.missing(), [vec![]]);
}

//! The bus, the market data service and the engine are killed without a warning, alone and together, and come back in any order.

use crate::system::System;
use calypte_kernel::Feed;
use tests::RedisServer;

/// What the server writes to disk before it answers.
const DURABLE: &[&str] = &["--appendonly", "yes", "--appendfsync", "always"];

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_killed_in_whatever_order_goes_on() {
    let Some(mut redis) = RedisServer::start(DURABLE) else { return };
    let mut system = System::trading(&redis).await;

    redis.kill();
    redis.start_again();
    system.recovers("bus killed, data kept").await;

    system.kill_market_data();
    system.start_market_data();
    system.recovers("market data killed").await;

    system.kill_engine();
    system.start_engine();
    system.recovers("engine killed").await;

    // The last that died is the first to come back, and finds no bus.
    redis.kill();
    system.kill_market_data();
    system.start_market_data();
    redis.start_again();
    system.recovers("bus, then market data killed").await;

    system.kill_engine();
    redis.kill();
    redis.start_again();
    system.start_engine();
    system.recovers("engine, then bus killed").await;

    redis.kill();
    system.kill_engine();
    system.kill_market_data();
    system.start();
    redis.start_again();
    system.recovers("all killed, bus back last").await;

    assert_eq!(system.end(&redis).await.missing(), [vec![]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bus_that_forgets_everything_costs_no_candle_and_what_it_cost_is_said() {
    let Some(mut redis) = RedisServer::start(&[]) else { return };
    let mut system = System::trading(&redis).await;

    redis.kill();
    redis.start_again();
    system.recovers("bus killed, data lost").await;

    redis.kill();
    system.kill_market_data();
    system.start_market_data();
    redis.start_again();
    system.recovers("bus and market data killed, data lost").await;

    redis.kill();
    system.kill_engine();
    redis.start_again();
    system.start_engine();
    system.recovers("bus and engine killed, data lost").await;

    let ended = system.end(&redis).await;
    // Candles are brought again from the exchange. Trades are not to be had a second time.
    assert_eq!(ended.missing(), [vec![]]);
    assert!(ended.gaps.iter().any(|(feed, ..)| matches!(feed, Feed::Trades(_))), "{:?}", ended.gaps);
}

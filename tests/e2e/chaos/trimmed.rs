//! A stream is trimmed under an engine that does not read.

use crate::system::System;
use tests::RedisServer;

const STREAM: &str = "md.BTC.1m";
/// Entries that are written while it does not read.
const WRITTEN: u64 = 8;

#[tokio::test(flavor = "multi_thread")]
async fn what_was_trimmed_before_it_was_read_is_said_to_be_missing() {
    let Some(redis) = RedisServer::start(&[]) else { return };
    let mut system = System::trading(&redis).await;

    system.engine.as_ref().expect("it runs").pause();
    let length = || redis.cli(&["XLEN", STREAM]).parse::<u64>().expect("a number");
    let before = length();
    system.until("candles are written", |_| length() >= before + WRITTEN).await;
    redis.cli(&["XTRIM", STREAM, "MAXLEN", "=", "2"]);
    redis.cli(&["XTRIM", "md.BTC.trades", "MAXLEN", "=", "1"]);
    system.engine.as_ref().expect("it runs").resume();
    system.recovers("streams trimmed under a sleeping engine").await;

    let ended = system.end(&redis).await;
    let missing = ended.missing().concat();
    assert_eq!(missing.len(), 1, "one stretch: {missing:?}");
    assert!(missing[0].1 > 1, "{missing:?}");
}

//! The whole system as processes of their own: exchange socket, market data service, a real bus, user engine, sandboxed strategy,
//! signed orders at the exchange. What the strategy decides there is what it decides in a backtest of its journal.

mod watched;

use crate::bus::connect;
use crate::system::{System, candles_given, drift, journal};
use calypte::bus::{Retention, StreamName, Streams as _};
use calypte::market_data::candle_of;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write as _;
use tests::{RedisServer, component};

/// Fills after which there is something to compare.
const FILLS: usize = 4;

#[tokio::test(flavor = "multi_thread")]
async fn a_strategy_decides_over_the_bus_what_it_decides_in_a_backtest_of_the_recording() {
    let Some(redis) = RedisServer::start(&[]) else { return };
    let mut system = System::trading(&redis).await;
    system.until_filled(FILLS - 1).await;
    let ended = system.end(&redis).await;

    let (traded, served) = (&ended.traded, &ended.served);
    let session = &traded["accounts"][0]["session"];
    assert_eq!((&session["rejected"], &session["denied"]), (&0.into(), &0.into()), "{traded}");
    assert!(served["published"].as_u64() > Some(100), "{served}");
    let journal = journal(system.folder.path());
    let span = &drift(&journal)["spans"][0];
    assert_eq!((&span["ended"], &span["same_component"], &span["different"]), (&"stopped".into(), &true.into(), &0.into()));
    assert!(span["decided"].as_u64() >= Some(FILLS as u64 - 1), "nothing is compared: {span}");

    // What the strategy was given is what is on the stream.
    let stream: StreamName = "md.BTC.1m".parse().expect("a stream");
    let entries = connect(&redis, Retention::default()).await.newest(&stream, 10_000).await.expect("the server answers");
    let on_stream: BTreeMap<_, _> = entries.iter().filter_map(candle_of).map(|candle| (candle.open_time, candle)).collect();
    let candles = candles_given(&journal).await.concat();
    assert!(candles.len() > FILLS && candles.iter().all(|candle| on_stream.get(&candle.open_time) == Some(candle)));
}

/// More accounts than uploads may be under way at once: an engine does not turn its own away.
#[tokio::test(flavor = "multi_thread")]
async fn an_engine_of_many_accounts_starts_them_all() {
    const ACCOUNTS: usize = 100;
    const RUNNING: &str = "strategy  ema-atr: running";
    let Some(redis) = RedisServer::start(&[]) else { return };
    let mut system = System::new(&redis.url(), |url| url, "");
    let mut config = File::options().append(true).open(&system.config).expect("it was written");
    for number in 0..ACCOUNTS {
        let component = component("ema-atr").display().to_string();
        write!(
            config,
            "[[account]]\nname = \"paper-{number}\"\nmode = \"paper\"\nsymbols = [\"BTC\"]\ntimeframes = [\"1m\"]\n\
             [[account.strategy]]\ncomponent = \"{component}\"\n"
        )
        .expect("the test's folder can be written");
    }
    system.start();
    system.until_said("engine", RUNNING, ACCOUNTS).await;
    let traded = system.engine.take().expect("it was started").end();
    let accounts = traded["accounts"].as_array().expect("a list");
    assert_eq!(accounts.len(), ACCOUNTS + 1, "and the one that all tests have");
    assert!(accounts.iter().all(|account| account["error"].is_null()), "{traded}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_engine_and_a_killed_market_data_service_go_on_where_they_were() {
    let Some(redis) = RedisServer::start(&[]) else { return };
    let mut system = System::trading(&redis).await;
    // Both die at once; their leases run out, and whoever comes next goes on.
    system.kill_engine();
    system.kill_market_data();
    system.start();
    system.recovers("engine and market data killed").await;
    system.until_filled(1).await;
    let ended = system.end(&redis).await;
    // One strategy, over both processes: no candle is missing, and where candles came late, it decided on them all the same.
    assert_eq!(ended.missing(), [vec![]]);
}

//! The candles of a soak: those of the streams and of the journals are the exchange's, each once and none left out.

use super::accounts::SYMBOLS;
use super::show;
use super::weather::Weather;
use crate::bus::connect;
use crate::devnet::Devnet;
use crate::system::{MINUTE, Opens, candles_given, gaps_in};
use calypte::bus::{Retention, StreamName, Streams as _};
use calypte::market_data::candle_of;
use calypte_kernel::{Candle, Decimal};
use calypte_venues::hyperliquid::protocol;
use std::collections::BTreeMap;
use std::path::Path;
use tests::RedisServer;

/// Entries of a stream that are looked at, from its end.
const ENTRIES_MAX: usize = 10_000;

/// A candle's prices, open, high, low and close, and its volume.
type Bar = [Decimal; 5];

/// Candles of a symbol by the time at which they open.
type Bars = BTreeMap<i64, Bar>;

/// What the exchange has, and when it did not say all of it.
pub(super) struct Exchange {
    bars: BTreeMap<&'static str, Bars>,
    weather: Weather,
}

impl Exchange {
    pub(super) async fn of(devnet: &Devnet, weather: Weather) -> Self {
        Self { bars: bars(devnet).await, weather }
    }

    /// Holds that each stream has the exchange's candles.
    pub(super) async fn has_streams(&self, redis: &RedisServer) {
        let bus = connect(redis, Retention::default()).await;
        for symbol in SYMBOLS {
            let stream: StreamName = format!("md.{symbol}.1m").parse().expect("a stream");
            let entries = bus.newest(&stream, ENTRIES_MAX).await.expect("the server answers");
            let candles: Vec<_> = entries.iter().rev().filter_map(candle_of).collect();
            assert!(candles.len() > 1, "the market moved: {stream}");
            let part = self.has(symbol, &stream.to_string(), &candles);
            show(&format!("soak: {stream}: {} candles, each once, {part} of them with a part of their frames", candles.len()));
        }
    }

    /// Holds that an account was given the exchange's candles, and was told of no gap among them.
    pub(super) async fn has_journal(&self, symbol: &str, journal: &Path) {
        let gaps = gaps_in(journal);
        for candles in candles_given(journal).await {
            self.has(symbol, &format!("{symbol} in {}, with the gaps {gaps:?}", journal.display()), &candles);
        }
    }

    /// Holds that candles are the exchange's, each once and none left out. Where frames were lost on a connection that stood, a
    /// candle may be a part of the exchange's: how many are.
    fn has(&self, symbol: &str, what: &str, candles: &[Candle]) -> usize {
        let opens = Opens::new(candles.iter().copied());
        opens.are_each_once();
        assert_eq!(opens.missing(), [], "candles are missing: {what}");
        let mut parts = 0;
        for candle in candles {
            let Candle { open_time, open, high, low, close, volume } = *candle;
            let [open, high, low, close] = [open, high, low, close].map(calypte_kernel::Price::get);
            let bar = [open, high, low, close, volume].map(|number| number.normalize());
            let open_time = open_time.as_millis();
            let theirs = self.bars[symbol].get(&open_time);
            if theirs != Some(&bar) {
                let is_part = theirs.is_some_and(|theirs| is_part_of(&bar, theirs));
                let lost = self.weather.lost_frames_in(&(open_time..open_time + MINUTE));
                assert!(is_part && lost, "the candle of {open_time} is {bar:?}, at the exchange {theirs:?}: {what}");
                parts += 1;
            }
        }
        parts
    }
}

/// Whether a candle holds nothing that another does not: it was heard of only in part.
fn is_part_of([_, high, low, close, volume]: &Bar, [_, whole_high, whole_low, _, whole_volume]: &Bar) -> bool {
    high <= whole_high && low >= whole_low && volume < whole_volume && (whole_low..=whole_high).contains(&close)
}

/// What the exchange has of each symbol.
async fn bars(devnet: &Devnet) -> BTreeMap<&'static str, Bars> {
    let mut exchange = BTreeMap::new();
    for symbol in SYMBOLS {
        let question = format!(r#"{{"type":"candleSnapshot","req":{{"coin":"{symbol}","interval":"1m","startTime":1}}}}"#);
        let answer = devnet.ask_from_elsewhere(&question).await;
        let candles: Vec<protocol::Candle> = serde_json::from_value(answer).expect("candles");
        let bars = candles.into_iter().map(|candle| {
            let prices = [candle.open, candle.high, candle.low, candle.close, candle.volume];
            (candle.open_time.timestamp().as_millis(), prices.map(|number| number.get().normalize()))
        });
        exchange.insert(symbol, bars.collect());
    }
    exchange
}

//! Made-up candles: a walk through calm, busy, trending and wild markets, the same on every machine for the same seed.
//!
//! All of it is integers (prices in ticks, volumes in thousandths), because `exp`, `ln` and `sin` differ in the last digit
//! between machines. It looks like a market and is none: results on it say whether a strategy runs, not whether it earns.

use super::time::SECONDS_END;
use crate::calendar::format_time;
use calypte_kernel::{Candle, Decimal, Price, Timeframe, Timestamp};
use calypte_sim::{BATCH_MAX, CandleSource, SourceError, SourceItem};

/// Moves within one candle; its high and low are those of the path.
const MOVES: usize = 8;

/// Prices are kept in this part of a tick.
const FINE: i64 = 1 << 16;

/// Range of prices, in ticks: far from zero and from the end of the numbers.
const TICKS_MIN: i64 = 100;
const TICKS_MAX: i64 = 1_000_000_000;

/// Times that are surely in milliseconds when they are read back.
const TIME_MIN: Timestamp = Timestamp::from_millis(SECONDS_END);
const TIME_END: Timestamp = Timestamp::from_millis(SECONDS_END * 1000);

/// A kind of market.
struct Regime {
    /// Typical move per candle, in millionths of the price.
    volatility: i64,
    /// Drift per candle, in millionths of the price.
    drift: i64,
    /// How many candles it lasts on average.
    length: u64,
    /// Typical volume, in thousandths.
    volume: i64,
}

const REGIMES: [Regime; 4] = [
    Regime { volatility: 250, drift: 0, length: 720, volume: 4_000 },
    Regime { volatility: 500, drift: 5, length: 600, volume: 9_000 },
    Regime { volatility: 600, drift: 60, length: 200, volume: 15_000 },
    Regime { volatility: 1_400, drift: 0, length: 80, volume: 40_000 },
];

/// What to make up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SynthSettings {
    /// Other seeds give other markets.
    pub seed: u64,
    /// When the first candle opens; moved down to the grid.
    pub start: Timestamp,
    /// Length of the candles.
    pub timeframe: Timeframe,
    /// How many.
    pub candles: u64,
    /// First price, in ticks.
    pub ticks: u32,
    /// Decimals of the tick: 1 is a tick of 0.1.
    pub tick_decimals: u8,
}

impl Default for SynthSettings {
    /// A year of minutes from 2024 on, from 30 000.0 in ticks of 0.1.
    fn default() -> Self {
        Self {
            seed: 1,
            start: Timestamp::from_millis(1_704_067_200_000),
            timeframe: Timeframe::MINUTE,
            candles: 525_600,
            ticks: 300_000,
            tick_decimals: 1,
        }
    }
}

/// Makes up candles, one after the other, without end but for their number.
#[derive(Debug, Clone)]
pub struct Synth {
    random: Random,
    time: Timestamp,
    timeframe: Timeframe,
    left: u64,
    tick_decimals: u32,
    /// Price in [`FINE`] parts of a tick.
    price: i64,
    anchor: i64,
    regime: usize,
    regime_left: u64,
    rising: bool,
}

/// Candles that no file could hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotMade {
    /// None at all.
    #[error("0 candles are no file of candles: make at least 1")]
    None,
    /// Times that cannot be read back.
    #[error(
        "{candles} candles of {timeframe} from {} on leave the time that files of candles are read for, {} to {}: choose another \
         start, or fewer or shorter candles", format_time(*start), format_time(TIME_MIN), format_time(TIME_END)
    )]
    Time {
        /// When the first one would open.
        start: Timestamp,
        /// Length of a candle.
        timeframe: Timeframe,
        /// How many.
        candles: u64,
    },
}

impl Synth {
    /// From the beginning.
    ///
    /// # Errors
    /// Where a candle would lie outside the time that files are read for.
    pub fn new(settings: &SynthSettings) -> Result<Self, NotMade> {
        if settings.candles == 0 {
            return Err(NotMade::None);
        }
        let price = i64::from(settings.ticks).clamp(TICKS_MIN, TICKS_MAX) * FINE;
        Ok(Self {
            random: Random(settings.seed),
            time: first_open(settings).ok_or(NotMade::Time {
                start: settings.start,
                timeframe: settings.timeframe,
                candles: settings.candles,
            })?,
            timeframe: settings.timeframe,
            left: settings.candles,
            tick_decimals: u32::from(settings.tick_decimals.min(12)),
            price,
            anchor: price,
            regime: 1,
            regime_left: 300,
            rising: true,
        })
    }

    /// Moves on to another kind of market when the present one is over.
    fn turn(&mut self) -> &'static Regime {
        if self.regime_left == 0 {
            // Any of the other three.
            let step = usize::try_from(self.random.below(3)).unwrap_or(0);
            self.regime = (self.regime + 1 + step) % REGIMES.len();
            let mean = REGIMES[self.regime].length;
            self.regime_left = 1 + self.random.below(mean) + self.random.below(mean);
            self.rising = self.random.below(2) == 0;
        }
        self.regime_left -= 1;
        &REGIMES[self.regime]
    }

    /// One move, in parts of the price.
    fn step(&mut self, regime: &Regime) -> i64 {
        let drift = if self.rising { regime.drift } else { -regime.drift };
        // A price that has gone far is pulled back a little, so that years of it stay in range.
        let pull = if self.price > self.anchor * 2 {
            -8
        } else if self.price < self.anchor / 2 {
            8
        } else {
            0
        };
        // Of MOVES independent moves the deviation is √8 times that of one: 2828 thousandths.
        let millionths = regime.volatility * self.random.normal() / 2828 + (drift + pull) / 8;
        let moved = i128::from(self.price) * i128::from(millionths) / 1_000_000;
        i64::try_from(moved).unwrap_or(0)
    }

    fn price_of(&self, ticks: i64) -> Price {
        Price::new(Decimal::new(ticks, self.tick_decimals)).expect("prices are kept above TICKS_MIN")
    }
}

/// Open of the first candle; none where not all of them lie within the time of files.
fn first_open(settings: &SynthSettings) -> Option<Timestamp> {
    if settings.start < TIME_MIN || settings.start >= TIME_END {
        return None;
    }
    let first = settings.timeframe.open_of(settings.start);
    let length = settings.candles.checked_mul(settings.timeframe.as_millis())?;
    let end = first.as_millis().checked_add_unsigned(length)?;
    (first >= TIME_MIN && end <= TIME_END.as_millis()).then_some(first)
}

impl Iterator for Synth {
    type Item = Candle;

    fn next(&mut self) -> Option<Candle> {
        self.left = self.left.checked_sub(1)?;
        let regime = self.turn();
        if self.random.below(3) == 0 {
            // The next trade is seldom exactly at the last price.
            let ticks = 1 + i64::try_from(self.random.below(3)).unwrap_or(0);
            self.price += if self.random.below(2) == 0 { ticks * FINE } else { -ticks * FINE };
        }
        let bound = |price: i64| price.clamp(TICKS_MIN * FINE, TICKS_MAX * FINE);
        self.price = bound(self.price);
        let open = self.price;
        let (mut high, mut low) = (open, open);
        for _ in 0..MOVES {
            self.price = bound(self.price + self.step(regime));
            high = high.max(self.price);
            low = low.min(self.price);
        }
        let ticks = |price: i64| (price + FINE / 2) / FINE;
        let moved = (self.price - open).unsigned_abs().saturating_mul(1_000_000) / open.unsigned_abs().max(1);
        let surprise = 600 + 800 * i64::try_from(moved).unwrap_or(0).min(100_000) / regime.volatility;
        let noise = 500 + i64::try_from(self.random.below(1000)).unwrap_or(0);
        let volume = (regime.volume * surprise / 1000 * noise / 1000).max(1);
        let candle = Candle {
            open_time: self.time,
            open: self.price_of(ticks(open)),
            high: self.price_of(ticks(high)),
            low: self.price_of(ticks(low)),
            close: self.price_of(ticks(self.price)),
            volume: Decimal::new(volume, 3),
        };
        self.time = self.timeframe.close_of(self.time);
        Some(candle)
    }
}

impl CandleSource for Synth {
    fn next_batch(&mut self, batch: &mut Vec<SourceItem>) -> Result<bool, SourceError> {
        let before = batch.len();
        batch.extend(self.by_ref().take(BATCH_MAX).map(SourceItem::Candle));
        Ok(batch.len() > before)
    }
}

/// SplitMix64: small, good enough, and its output is fixed for ever. <https://prng.di.unimi.it/splitmix64.c>
#[derive(Debug, Clone)]
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below another one, evenly but for less than one part in 2^50.
    fn below(&mut self, end: u64) -> u64 {
        let wide = u128::from(self.next()) * u128::from(end);
        u64::try_from(wide >> 64).unwrap_or(0)
    }

    /// About normal, in thousandths of the deviation: the sum of twelve even numbers has deviation one.
    fn normal(&mut self) -> i64 {
        let mut sum = 0;
        for _ in 0..3 {
            let bits = self.next();
            for part in 0..4 {
                sum += i64::try_from((bits >> (16 * part)) & 0xffff).unwrap_or(0);
            }
        }
        (sum - 6 * 0xffff) * 1000 / 0xffff
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_market_on_every_machine() {
        let text = |seed| {
            let settings = SynthSettings { seed, candles: 3, ..SynthSettings::default() };
            Synth::new(&settings)
                .expect("it can be made")
                .map(|candle| format!("{} {} {} {} {}", candle.open, candle.high, candle.low, candle.close, candle.volume))
                .collect::<Vec<_>>()
        };
        let expected = [
            "30000.0 30014.8 29994.7 29994.7 4.351",
            "29994.7 29994.7 29979.8 29979.8 7.893",
            "29980.1 29986.1 29966.7 29975.2 4.713",
        ];
        assert_eq!(text(1), expected);
        assert_ne!(text(1), text(2));
    }

    #[test]
    fn years_of_it_stay_a_market() {
        let settings = SynthSettings { candles: 1_000_000, ..SynthSettings::default() };
        let (mut last, mut gaps, mut count) = (None, 0, 0);
        for candle in Synth::new(&settings).expect("it can be made") {
            assert!(candle.low <= candle.open && candle.low <= candle.close);
            assert!(candle.high >= candle.open && candle.high >= candle.close);
            assert!(candle.volume > Decimal::ZERO);
            assert!(candle.close.get() > Decimal::from(300) && candle.close.get() < Decimal::from(3_000_000));
            gaps += u32::from(last.is_some_and(|last| last != candle.open));
            last = Some(candle.close);
            count += 1;
        }
        assert_eq!(count, 1_000_000);
        assert!((200_000..500_000).contains(&gaps), "{gaps} opens away from the close before");
    }

    #[test]
    fn candles_outside_of_all_files_are_refused() {
        let made = |start: i64, candles| {
            let settings = SynthSettings { start: Timestamp::from_millis(start), candles, ..SynthSettings::default() };
            Synth::new(&settings).map(|mut candles| candles.next().map(|candle| candle.open_time.as_millis()))
        };
        let end = SECONDS_END * 1000;
        for start in [0, -1, i64::MIN, i64::MAX, i64::MAX - 60_000, 253_402_300_799_000, end] {
            let error = made(start, 1).expect_err("it cannot be read back");
            assert!(matches!(error, NotMade::Time { .. }), "{start}: {error}");
        }
        assert!(matches!(made(end - 60_000, 2), Err(NotMade::Time { .. })), "the second one is over too late");
        assert_eq!(made(end - 60_000, 1), Ok(Some(end - 60_000)));
        assert!(matches!(made(1_704_067_200_000, u64::MAX), Err(NotMade::Time { .. })));
        assert_eq!(made(1_704_067_200_000, 0), Err(NotMade::None));
        let words = made(i64::MAX, 1).expect_err("it cannot be read back").to_string();
        assert!(words.contains("1970-02-17") && words.contains("2100-01-01"), "{words}");
    }
}

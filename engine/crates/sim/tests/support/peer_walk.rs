//! The candles of the peers' benchmark: a seeded walk through calm, normal, trending and wild markets, the very numbers that
//! every engine of that comparison was given.
//!
//! They come from a Python program, so its generator of random numbers is here too: the Mersenne Twister and, over it,
//! `random`, `gauss` and `expovariate` as CPython computes them. Floating point only decides; what comes out is whole ticks.

/// Tick 0.1.
const TICKS_PER_UNIT: f64 = 10.0;
/// Moves within one candle; its high and low are those of the path.
const MOVES: u32 = 8;
const START_MS: i64 = 1_704_067_200_000;
const START_PRICE: f64 = 2_000.0;
const SEED: u32 = 20_261_122;

/// A kind of market: deviation and drift per minute, mean length in minutes, base volume.
struct Regime(f64, f64, f64, f64);

const REGIMES: [Regime; 4] = [
    Regime(2.2e-4, 0.02e-4, 900.0, 900.0),
    Regime(4.8e-4, 0.10e-4, 700.0, 1_800.0),
    Regime(5.5e-4, 0.60e-4, 240.0, 2_600.0),
    Regime(12.0e-4, 0.30e-4, 90.0, 7_000.0),
];

/// How likely each regime follows each; none follows itself.
const NEXT: [[f64; 4]; 4] = [[0.0, 0.75, 0.18, 0.07], [0.5, 0.0, 0.35, 0.15], [0.25, 0.55, 0.0, 0.2], [0.1, 0.6, 0.3, 0.0]];

/// One candle, in whole numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PeerCandle {
    /// Unix milliseconds of its open.
    pub(crate) open_time: i64,
    /// First, highest, lowest and last price, in tenths.
    pub(crate) prices: [i64; 4],
    /// Volume, in thousandths.
    pub(crate) volume: i64,
}

/// The candles, in their order, without end.
#[derive(Debug, Clone)]
pub(crate) struct PeerWalk {
    random: Random,
    minute: i64,
    regime: usize,
    left: i64,
    sign: f64,
    log_price: f64,
    close: i64,
}

impl PeerWalk {
    /// From the beginning.
    pub(crate) fn new() -> Self {
        let (log_price, close) = (START_PRICE.ln(), ticks(START_PRICE.ln()));
        Self { random: Random::new(SEED), minute: 0, regime: 1, left: 300, sign: 1.0, log_price, close }
    }

    /// Moves on to the next kind of market when the present one is over.
    fn turn(&mut self) -> &'static Regime {
        if self.left <= 0 {
            let (chance, mut sum) = (self.random.even(), 0.0);
            let reached = NEXT[self.regime].iter().position(|part| {
                sum += part;
                chance < sum
            });
            self.regime = reached.unwrap_or(self.regime);
            self.left = 1 + whole((-(1.0 - self.random.even()).ln() / (1.0 / REGIMES[self.regime].2)).trunc());
            self.sign = if self.random.even() < 0.5 { 1.0 } else { -1.0 };
        }
        self.left -= 1;
        &REGIMES[self.regime]
    }

    /// The open: usually the last close, sometimes one to three ticks away, so that one can tell the two apart.
    fn open(&mut self) -> i64 {
        let chance = self.random.even();
        let gap = match chance {
            _ if chance < 0.22 => 1,
            _ if chance < 0.30 => 2,
            _ if chance < 0.35 => 3,
            _ => return self.close,
        };
        if self.random.even() < 0.5 { self.close + gap } else { self.close - gap }
    }
}

impl Iterator for PeerWalk {
    type Item = PeerCandle;

    fn next(&mut self) -> Option<PeerCandle> {
        let Regime(deviation, drift, _, base) = *self.turn();
        let pull = 2.0e-7 * (self.log_price - START_PRICE.ln());
        let mean = self.sign * drift - 0.5 * deviation * deviation - pull;
        let (step, mean) = (deviation / f64::from(MOVES).sqrt(), mean / f64::from(MOVES));
        let open = self.open();
        let start = (float(open) / TICKS_PER_UNIT).ln();
        self.log_price = start;
        let (mut high, mut low) = (start, start);
        for _ in 0..MOVES {
            self.log_price += self.random.normal(mean, step);
            high = high.max(self.log_price);
            low = low.min(self.log_price);
        }
        self.close = ticks(self.log_price);
        let (high, low) = (ticks(high).max(open).max(self.close), ticks(low).min(open).min(self.close));
        let of_day = float(self.minute % 1_440) / 1_440.0;
        let season = 1.0 + 0.35 * (2.0 * std::f64::consts::PI * (of_day - 0.3)).sin();
        let shock = 0.6 + 0.8 * (self.log_price - start).abs() / deviation;
        let volume = base * season * shock * self.random.normal(-0.125, 0.5).exp();
        let volume = whole((volume * 1_000.0).round_ties_even()).max(200_000);
        let open_time = START_MS + 60_000 * self.minute;
        self.minute += 1;
        Some(PeerCandle { open_time, prices: [open, high, low, self.close], volume })
    }
}

/// The price of a logarithm, on the grid.
fn ticks(log_price: f64) -> i64 {
    whole((log_price.exp() * TICKS_PER_UNIT).round_ties_even())
}

#[expect(clippy::cast_possible_truncation, reason = "prices, volumes and lengths are far within an i64, and already whole")]
fn whole(value: f64) -> i64 {
    value as i64
}

#[expect(clippy::cast_precision_loss, reason = "prices and minutes are far within the exact whole numbers of an f64")]
fn float(value: i64) -> f64 {
    value as f64
}

/// MT19937 with the seeding and the distributions of CPython's `random`.
/// <http://www.math.sci.hiroshima-u.ac.jp/m-mat/MT/MT2002/CODES/mt19937ar.c>
#[derive(Debug, Clone)]
struct Random {
    state: [u32; 624],
    at: usize,
    /// Normal numbers are made in pairs: the other one of the last pair.
    other: Option<f64>,
}

impl Random {
    /// `init_by_array` with a key of one number.
    fn new(seed: u32) -> Self {
        let mut state = [19_650_218_u32; 624];
        for index in 1..624_u32 {
            let last = state[index as usize - 1];
            state[index as usize] = 1_812_433_253_u32.wrapping_mul(last ^ (last >> 30)).wrapping_add(index);
        }
        let mut at = 1;
        let mut mix = |rounds: u32, factor: u32, added: &dyn Fn(u32) -> u32| {
            for _ in 0..rounds {
                let last = state[at - 1];
                let number = u32::try_from(at).expect("at most 623");
                state[at] = (state[at] ^ (last ^ (last >> 30)).wrapping_mul(factor)).wrapping_add(added(number));
                at += 1;
                if at == 624 {
                    state[0] = state[623];
                    at = 1;
                }
            }
        };
        mix(624, 1_664_525, &|_| seed);
        mix(623, 1_566_083_941, &|number| number.wrapping_neg());
        state[0] = 0x8000_0000;
        Self { state, at: 624, other: None }
    }

    fn next(&mut self) -> u32 {
        if self.at == 624 {
            for index in 0..624 {
                let joined = (self.state[index] & 0x8000_0000) | (self.state[(index + 1) % 624] & 0x7fff_ffff);
                let odd = if joined & 1 == 1 { 0x9908_b0df } else { 0 };
                self.state[index] = self.state[(index + 397) % 624] ^ (joined >> 1) ^ odd;
            }
            self.at = 0;
        }
        let mut number = self.state[self.at];
        self.at += 1;
        number ^= number >> 11;
        number ^= (number << 7) & 0x9d2c_5680;
        number ^= (number << 15) & 0xefc6_0000;
        number ^ (number >> 18)
    }

    /// Evenly from 0 to 1, in steps of 2^-53.
    fn even(&mut self) -> f64 {
        let (high, low) = (self.next() >> 5, self.next() >> 6);
        (f64::from(high) * 67_108_864.0 + f64::from(low)) / 9_007_199_254_740_992.0
    }

    fn normal(&mut self, mean: f64, deviation: f64) -> f64 {
        let number = self.other.take().unwrap_or_else(|| {
            let angle = self.even() * (2.0 * std::f64::consts::PI);
            let radius = (-2.0 * (1.0 - self.even()).ln()).sqrt();
            self.other = Some(angle.sin() * radius);
            angle.cos() * radius
        });
        mean + number * deviation
    }
}

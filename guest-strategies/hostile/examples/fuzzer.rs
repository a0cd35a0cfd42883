//! Does everything a strategy may do, at random but repeatably: for the test that the fast path changes nothing.
//!
//! `seed` picks the course, `rate` is how many of a hundred events are answered with intents, `hears` which candles it hears beside
//! the first series, and `fast-path` whether following events are pulled inside the hook. For the same data and seed both ways must give the same everything.

use calypte_strategy::prelude::*;
use calypte_strategy::{Level, OrderKind, TimeInForce, log};

/// Most intents on one event.
const INTENTS_MAX: u64 = 4;
/// Names that orders take turns with, so that some are taken.
const TAGS: u64 = 8;

/// Timeframes that it may hear of each instrument, in minutes: a bit of `hears` each.
const TIMEFRAMES: [u64; 3] = [1, 5, 15];

struct Fuzzer {
    /// What it trades, each with its last price.
    instruments: Vec<(InstrumentId, f64)>,
    /// Which instrument the candles of a series are of.
    heard: Vec<SeriesInfo>,
    random: Random,
    rate: u64,
    fast_path: bool,
    series: chart::Series,
    time: Timestamp,
}

impl Strategy for Fuzzer {
    fn describe() -> Manifest {
        hostile::manifest("fuzzer")
            .parameter(Parameter::integer("seed", 1).doc("Picks the course."))
            .parameter(Parameter::integer("rate", 20).range(0, 100).doc("Events of a hundred that are answered with intents."))
            .parameter(Parameter::integer("warm-up", 0).range(0, 1000).doc("Candles of warm-up."))
            .parameter(
                Parameter::integer("hears", 0).range(0, 63).doc("Bits: candles of 1, 5, 15 minutes, of each instrument."),
            )
            .parameter(Parameter::boolean("fast-path", true).doc("Whether events are pulled inside the hook."))
    }

    fn init(context: &mut Context) -> Result<Self, Refusal> {
        let series = context.primary()?;
        let warm_up = context.param("warm-up")?;
        context.subscribe(series, warm_up);
        let hears: u64 = context.param("hears")?;
        let (mut instruments, mut heard) = (vec![(series.instrument, 0.0)], vec![series]);
        let all: Vec<_> = context.instruments.iter().map(|instrument| (instrument.id, instrument.symbol.clone())).collect();
        for (place, (id, symbol)) in all.into_iter().enumerate() {
            for (bit, minutes) in TIMEFRAMES.into_iter().enumerate() {
                if hears >> (place * TIMEFRAMES.len() + bit) & 1 == 0 {
                    continue;
                }
                let also = context.series_of(&symbol, minutes * 60_000)?;
                if also.id != series.id {
                    context.subscribe(also, warm_up);
                    heard.push(also);
                }
                if instruments.iter().all(|(known, _)| *known != id) {
                    instruments.push((id, 0.0));
                }
            }
        }
        let seed: i64 = context.param("seed")?;
        Ok(Self {
            instruments,
            heard,
            random: Random(seed.cast_unsigned()),
            rate: context.param("rate")?,
            fast_path: context.param("fast-path")?,
            series: chart::Series::separate("fuzz"),
            time: context.now,
        })
    }

    fn on_candle(&mut self, event: &CandleEvent, intents: &mut Intents) {
        let kept = market::candles(event.series, 3);
        let close = event.candle.close.to_f64();
        log::write(Level::Debug, &format!("candle of {} at {close}, one of {}", event.series, kept.len()));
        let instrument = self.heard.iter().find(|series| series.id == event.series).map(|series| series.instrument);
        for (known, last) in &mut self.instruments {
            if Some(*known) == instrument {
                *last = close;
            }
        }
        self.act(intents);
    }

    fn on_position(&mut self, event: &PositionEvent, intents: &mut Intents) {
        log::write(Level::Info, &format!("position {} after {}", event.now.size, event.size_before));
        self.act(intents);
    }

    fn on_order(&mut self, event: &OrderEvent, intents: &mut Intents) {
        log::write(Level::Info, &format!("order {:?} {:?} of {:?}", event.tag(), event.change, event.decided_on));
        self.act(intents);
    }

    fn on_timer(&mut self, event: &TimerEvent, intents: &mut Intents) {
        log::write(Level::Debug, &format!("timer {:?} due {}", event.source, event.due));
        self.act(intents);
    }

    fn on_feed(&mut self, event: &FeedEvent, intents: &mut Intents) {
        log::write(Level::Warn, &format!("feed {:?}", event.change));
        self.act(intents);
    }

    fn on_stop(&mut self, reason: StopReason, intents: &mut Intents) {
        log::write(Level::Info, &format!("stopped: {reason:?}"));
        for (instrument, _) in &self.instruments {
            intents.close(*instrument);
        }
    }

    fn fast_path(&self) -> bool {
        self.fast_path
    }
}

impl Fuzzer {
    /// What follows an event: now and then a note, now and then intents, mostly nothing.
    fn act(&mut self, intents: &mut Intents) {
        self.time = market::now();
        match self.random.below(12) {
            0 => self.write_state(),
            1 => {
                let balance = account::balance();
                log::write(Level::Debug, &format!("cash {} equity {}", balance.cash, balance.equity));
            }
            2 => self.series.point(self.instruments[0].1),
            3 => chart::mark("fuzz"),
            4 => status::text(&format!("{} open orders", account::open_orders().len())),
            _ => {}
        }
        if self.random.below(100) < self.rate {
            for _ in 0..=self.random.below(INTENTS_MAX) {
                self.ask(intents);
            }
        }
    }

    fn write_state(&mut self) {
        let key = format!("key-{}", self.random.below(16));
        let count = state::get_integer(&key).unwrap_or_default();
        let known = state::keys("key-").len();
        if self.random.below(5) == 0 {
            state::delete(&key);
        } else if state::set_integer(&key, count + 1).is_err() {
            log::write(Level::Warn, "state refused");
        }
        log::write(Level::Debug, &format!("{key} was {count}, one of {known}"));
    }

    fn ask(&mut self, intents: &mut Intents) {
        let place = usize::try_from(self.random.below(self.instruments.len() as u64)).unwrap_or_default();
        let ((instrument, last), size) = (self.instruments[place], self.size());
        let side = if self.random.below(2) == 0 { Side::Buy } else { Side::Sell };
        let price = self.price(last);
        let tag = 1 + self.random.below(TAGS);
        match self.random.below(16) {
            0 | 1 => _ = intents.place(instrument, side, size, OrderKind::Market).tag(tag),
            2 => _ = intents.buy_limit(instrument, size, price).tag(tag),
            3 => _ = intents.sell_limit(instrument, size, price).tag(tag),
            4 => _ = intents.buy_limit(instrument, size, price).post_only().bracket(self.price(last), self.price(last)),
            5 => _ = intents.sell_limit(instrument, size, price).time_in_force(TimeInForce::Ioc),
            6 => _ = intents.buy_stop(instrument, size, price).tag(tag),
            7 => _ = intents.sell_stop(instrument, size, price).reduce_only(),
            8 => _ = intents.sell_take_profit(instrument, size, price),
            9 => _ = intents.sell_trailing_stop(instrument, size, self.distance()),
            10 => _ = intents.set_target(instrument, if side == Side::Buy { size } else { -size }),
            11 => _ = intents.amend(OrderRef::Tag(tag)).price(price).size(size),
            12 => intents.cancel_tag(tag),
            13 => self.time(intents),
            14 => intents.close(instrument),
            _ => {
                intents.cancel_all();
                intents.notify(Urgency::Info, "all cancelled");
            }
        }
    }

    fn time(&mut self, intents: &mut Intents) {
        let (timer, at) = (u32::from(self.random.below(2) == 0), self.time + self.random.within(600_000));
        match self.random.below(3) {
            0 => intents.set_timer(timer, at),
            1 => intents.set_repeating_timer(timer, at, 60_000 + self.random.below(600_000)),
            _ => intents.clear_timer(timer),
        }
    }

    fn size(&mut self) -> Decimal {
        Decimal::new(1 + self.random.within(2_000), 3)
    }

    /// A price within one percent of the last, with one decimal.
    fn price(&mut self, last: f64) -> Decimal {
        let tenths = self.random.within(2_001) - 1_000;
        let price = Decimal::from_f64(last, 1).unwrap_or_default();
        Decimal::new(price.mantissa + price.mantissa / 100_000 * tenths, 1)
    }

    fn distance(&mut self) -> Decimal {
        Decimal::new(1 + self.random.within(1_000), 1)
    }
}

/// SplitMix64: small, good enough, and the same everywhere. <https://prng.di.unimi.it/splitmix64.c>
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below a small bound.
    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    /// The same, signed.
    fn within(&mut self, bound: u32) -> i64 {
        i64::from(u32::try_from(self.below(u64::from(bound))).unwrap_or_default())
    }
}

calypte_strategy::export!(Fuzzer);

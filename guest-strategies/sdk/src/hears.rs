//! Which events a strategy hears.

use crate::Event;

/// Groups of events, as the contract groups them into interfaces. A strategy's component has the interfaces of those it hears
/// and no others, and the engine hands it nothing else: what nobody listens to costs nothing.
///
/// ```
/// use calypte_strategy::Hears;
///
/// const HEARS: Hears = Hears::MARKET.and(Hears::TIMERS);
/// assert!(HEARS.includes(Hears::MARKET) && !HEARS.includes(Hears::ACCOUNT));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hears(u8);

impl Hears {
    /// Candles, trades, quotes, books and contexts.
    pub const MARKET: Self = Self(1);
    /// Positions, orders, funding and balances.
    pub const ACCOUNT: Self = Self(1 << 1);
    /// Timers and the clock.
    pub const TIMERS: Self = Self(1 << 2);
    /// Feeds that became stale, had a gap or recovered; the connection.
    pub const FEEDS: Self = Self(1 << 3);
    /// Everything.
    pub const ALL: Self = Self::MARKET.and(Self::ACCOUNT).and(Self::TIMERS).and(Self::FEEDS);

    /// These and others.
    #[must_use]
    pub const fn and(self, others: Self) -> Self {
        Self(self.0 | others.0)
    }

    /// Whether all of the others are among these.
    pub const fn includes(self, others: Self) -> bool {
        self.0 & others.0 == others.0
    }

    /// Whether an event is among them.
    pub(crate) const fn includes_event(self, event: &Event) -> bool {
        self.includes(match event {
            Event::Candle(_) | Event::Trade(_) | Event::Quote(_) | Event::Book(_) | Event::Context(_) => Self::MARKET,
            Event::Position(_) | Event::Order(_) | Event::Funding(_) | Event::Balance(_) => Self::ACCOUNT,
            Event::Timer(_) => Self::TIMERS,
            Event::Feed(_) => Self::FEEDS,
        })
    }

    /// What the component of a strategy says of itself, for the tool that makes it.
    #[doc(hidden)]
    pub const fn world(self) -> &'static [u8] {
        /// The contract's world for each set of groups, by its bits.
        const WORLDS: [&[u8]; 16] = include!(concat!(env!("OUT_DIR"), "/worlds.rs"));
        WORLDS[self.0 as usize]
    }
}

/// Bytes as an array, which is what may stand in a section of a module.
#[doc(hidden)]
pub const fn array<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let mut array = [0; N];
    array.copy_from_slice(bytes);
    array
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prelude::*;
    use crate::testing::{Bench, closes};

    const GROUPS: [(Hears, &str); 4] = [
        (Hears::MARKET, "market-events"),
        (Hears::ACCOUNT, "account-events"),
        (Hears::TIMERS, "timer-events"),
        (Hears::FEEDS, "feed-events"),
    ];

    #[test]
    fn a_component_has_the_interfaces_of_what_it_hears_and_no_others() {
        let has = |world: &[u8], name: &str| {
            let name = format!("calypte:strategy/{name}@");
            world.windows(name.len()).any(|part| part == name.as_bytes())
        };
        for bits in 0..1 << GROUPS.len() {
            let world = Hears(bits).world();
            for name in ["lifecycle", "parameter-events", "checkpoint", "events", "state"] {
                assert!(has(world, name), "{name} is in every world");
            }
            for (group, name) in GROUPS {
                assert_eq!(has(world, name), Hears(bits).includes(group), "{name} in world {bits}");
            }
        }
    }

    /// Buys at each candle and counts what it is told of its orders, though it says that it hears the market alone.
    struct Deaf {
        instrument: InstrumentId,
        heard: i64,
    }

    impl Strategy for Deaf {
        const HEARS: Hears = Hears::MARKET;

        fn describe() -> Manifest {
            Manifest::new("deaf", "1.0.0").candles()
        }

        fn init(context: &mut Context) -> Result<Self, Refusal> {
            let series = context.primary()?;
            context.subscribe(series, 0);
            Ok(Self { instrument: series.instrument, heard: 0 })
        }

        fn on_candle(&mut self, _event: &CandleEvent, intents: &mut Intents) {
            intents.buy_market(self.instrument, 1 + self.heard);
        }

        fn on_order(&mut self, _event: &OrderEvent, _intents: &mut Intents) {
            self.heard += 1;
        }
    }

    #[test]
    fn the_test_kit_calls_no_hook_that_the_engine_would_not() {
        let bench = Bench::<Deaf>::new().candles(closes([10.0, 11.0, 12.0])).run();
        assert_eq!(bench.fills().iter().map(|fill| fill.size).collect::<Vec<_>>(), [dec!(1), dec!(1)]);
    }
}

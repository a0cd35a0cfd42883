//! Randomness that a run repeats. Nothing secret may be made of it: a strategy has no keys.

use super::bindings::wasi::random::{insecure, insecure_seed, random};
use crate::guest::{Broken, Guest};
use crate::meter::CALL_WORK;

/// Random bytes of one call.
const RANDOM_BYTES_MAX: u64 = 64 << 10;

/// The generator of Steele, Lea and Flood: 64 bits of state, every number once in 2^64, and quick to seed.
#[derive(Debug)]
pub(super) struct SplitMix64 {
    state: u64,
}

impl SplitMix64 {
    const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

    const fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(Self::STEP);
        let mixed = (self.state ^ (self.state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

/// Random numbers of an instance. They begin anew with each event, by its place among the strategy's events: an instance that takes
/// over draws what the one before it would have drawn.
#[derive(Debug)]
pub(super) struct Random {
    seed: u64,
    /// The event that it was begun for.
    event: u64,
    numbers: SplitMix64,
}

impl Random {
    /// A generator, and a seed for hash maps from before its first number.
    pub(super) const fn seeded(seed: u64) -> (Self, (u64, u64)) {
        let mut numbers = SplitMix64 { state: seed };
        let map_seed = (numbers.next(), numbers.next());
        (Self { seed, event: 0, numbers }, map_seed)
    }

    const fn of_event(&mut self, event: u64) -> &mut SplitMix64 {
        if self.event != event {
            let apart = SplitMix64 { state: event }.next();
            self.numbers = SplitMix64 { state: SplitMix64 { state: self.seed ^ apart }.next() };
            self.event = event;
        }
        &mut self.numbers
    }
}

impl Guest {
    fn random_bytes(&mut self, len: u64) -> wasmtime::Result<Vec<u8>> {
        if len > RANDOM_BYTES_MAX {
            let words = format!("{len} random bytes were asked for; a call gives {RANDOM_BYTES_MAX} at most");
            return Err(Broken::contract(words));
        }
        let event = self.events;
        let random = self.wasi(CALL_WORK + len)?.random.of_event(event);
        let mut bytes = Vec::new();
        while (bytes.len() as u64) < len {
            bytes.extend_from_slice(&random.next().to_le_bytes());
        }
        bytes.truncate(usize::try_from(len)?);
        Ok(bytes)
    }

    fn random_u64(&mut self) -> wasmtime::Result<u64> {
        let event = self.events;
        Ok(self.wasi(CALL_WORK)?.random.of_event(event).next())
    }
}

impl random::Host for Guest {
    fn get_random_bytes(&mut self, len: u64) -> wasmtime::Result<Vec<u8>> {
        self.random_bytes(len)
    }

    fn get_random_u64(&mut self) -> wasmtime::Result<u64> {
        self.random_u64()
    }
}

impl insecure::Host for Guest {
    fn get_insecure_random_bytes(&mut self, len: u64) -> wasmtime::Result<Vec<u8>> {
        self.random_bytes(len)
    }

    fn get_insecure_random_u64(&mut self) -> wasmtime::Result<u64> {
        self.random_u64()
    }
}

impl insecure_seed::Host for Guest {
    fn insecure_seed(&mut self) -> wasmtime::Result<(u64, u64)> {
        Ok(self.wasi(CALL_WORK)?.map_seed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_generator_is_the_published_one() {
        let mut random = SplitMix64 { state: 1_234_567 };
        let numbers = [random.next(), random.next(), random.next()];
        assert_eq!(numbers, [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]);
        assert_ne!(Random::seeded(1).1, Random::seeded(2).1);
    }

    #[test]
    fn what_is_drawn_on_an_event_does_not_depend_on_what_was_drawn_before() {
        let drawn = |before: u64, event: u64| {
            let (mut random, _) = Random::seeded(7);
            let _all: Vec<u64> = (0..before).map(|event| random.of_event(event).next()).collect();
            [random.of_event(event).next(), random.of_event(event).next()]
        };
        assert_eq!(drawn(0, 9), drawn(5, 9));
        let all = (0..1_000).flat_map(|event| drawn(0, event)).collect::<std::collections::BTreeSet<_>>();
        assert_eq!(all.len(), 2_000, "no event draws what another does");
    }
}

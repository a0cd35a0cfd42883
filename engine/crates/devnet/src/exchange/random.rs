//! Chance, drawn from a seed: the same seed gives the same draws, on every machine.

/// A source of draws (`SplitMix64`).
#[derive(Debug, Clone)]
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Any number.
    pub(super) fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mixed(self.0)
    }

    /// A number below another; 0 where that is 0.
    pub(super) fn below(&mut self, end: u64) -> u64 {
        if end == 0 { 0 } else { self.draw() % end }
    }

    /// Whether something happens that happens so many times in a thousand.
    pub(super) fn happens(&mut self, permille: u32) -> bool {
        self.below(1_000) < u64::from(permille)
    }

    /// A draw around zero, in millionths of its standard deviation: a sum of twelve even ones, within six deviations.
    pub(super) fn bell(&mut self) -> i64 {
        let sum: u64 = (0..12).map(|_| self.below(1_000_001)).sum();
        sum.cast_signed() - 6_000_000
    }
}

/// A number that looks like chance and is another for each number.
pub(super) const fn mixed(value: u64) -> u64 {
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_draws() {
        let draws = |seed| (0..9).map(|_| 0).scan(Random::new(seed), |random, _: u8| Some(random.draw())).collect::<Vec<_>>();
        assert_eq!(draws(7), draws(7));
        assert_ne!(draws(7), draws(8));
    }

    #[test]
    fn draws_keep_within_their_bounds() {
        let mut random = Random::new(1);
        let bells: Vec<_> = (0..10_000).map(|_| random.bell()).collect();
        assert!(bells.iter().all(|bell| bell.abs() <= 6_000_000));
        let mean = bells.iter().sum::<i64>() / 10_000;
        assert!(mean.abs() < 50_000, "{mean}");
        assert!((0..1_000).all(|_| random.below(3) < 3 && random.below(0) == 0));
        assert!(!random.happens(0) && random.happens(1_000));
    }
}

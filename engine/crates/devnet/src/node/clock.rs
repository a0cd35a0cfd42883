//! Two times: that of the wire, which clients share, and that of the market, which may run faster, slower, or stand.

/// Fastest market, in thousandths of the wire's time: a thousand times.
pub const SPEED_MILLI_MAX: u64 = 1_000_000;

/// How the market's time follows that of the wire.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MarketClock {
    wire: u64,
    market: u64,
    speed_milli: u64,
}

impl MarketClock {
    /// Both times are equal now.
    pub(crate) const fn new(now: u64, speed_milli: u64) -> Self {
        Self { wire: now, market: now, speed_milli }
    }

    /// The market's time at a time of the wire.
    pub(crate) const fn market(&self, wire: u64) -> u64 {
        let passed = wire.saturating_sub(self.wire).saturating_mul(self.speed_milli) / 1_000;
        self.market.saturating_add(passed)
    }

    /// The time of the wire at which the market's time is reached; none where it stands.
    pub(crate) const fn wire(&self, market: u64) -> Option<u64> {
        if self.speed_milli == 0 {
            return None;
        }
        let to_pass = market.saturating_sub(self.market).saturating_mul(1_000).div_ceil(self.speed_milli);
        Some(self.wire.saturating_add(to_pass))
    }

    /// A time of the wire that may lie ahead or behind, as a time of the market: so long from now.
    pub(crate) const fn as_far_from(&self, now: u64, wire: u64) -> u64 {
        let market = self.market(now);
        if wire >= now { market.saturating_add(wire - now) } else { market.saturating_sub(now - wire) }
    }

    /// Moves the market ahead without the wire.
    pub(crate) const fn skip(&mut self, now: u64, ms: u64) {
        self.market = self.market(now).saturating_add(ms);
        self.wire = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at_normal_speed_there_is_one_time() {
        let clock = MarketClock::new(1_000, 1_000);
        assert_eq!((clock.market(5_000), clock.wire(5_000), clock.as_far_from(2_000, 9_000)), (5_000, Some(5_000), 9_000));
    }

    #[test]
    fn the_market_may_run_or_stand() {
        let mut clock = MarketClock::new(1_000, 60_000);
        assert_eq!(clock.market(2_000), 61_000);
        assert_eq!(clock.wire(61_000), Some(2_000));
        assert_eq!(clock.wire(60_999), Some(2_000), "rounded up: what is due then is done then");
        clock.skip(2_000, 500);
        assert_eq!(clock.market(2_000), 61_500);

        let mut still = MarketClock::new(1_000, 0);
        assert_eq!((still.market(9_000), still.wire(1_001)), (1_000, None));
        still.skip(9_000, 60_000);
        assert_eq!(still.market(10_000), 61_000);
        assert_eq!(still.as_far_from(10_000, 12_000), 63_000);
    }
}

//! Protections: rest after what went wrong. Each is declared, looks only at round trips that are over, and ends by itself.
//!
//! While one is in force, nothing that opens passes; what reduces does.

use crate::{Amount, Decimal, InstrumentId, Timestamp};
use std::collections::VecDeque;
use std::fmt;

/// Most protections of one strategy.
pub const PROTECTIONS_MAX: usize = 16;
/// How many round trips are remembered for protections; the oldest is forgotten first.
pub const ROUND_TRIPS_MAX: usize = 1_024;

/// When a strategy, or one of its instruments, is to rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protection {
    /// After so many round trips in a row that a stop ended at a loss, within a time.
    StopLossStreak {
        /// How many; at least 1.
        losses: u32,
        /// Within how long.
        within_ms: u64,
        /// How long to rest.
        pause_ms: u64,
        /// Whether an instrument's own streak counts and only it rests.
        per_instrument: bool,
    },
    /// After round trips within a time lost that much from the best they had made by then.
    MaxDrawdown {
        /// How much; a share is of the cash at the start.
        amount: Amount,
        /// Within how long.
        within_ms: u64,
        /// How long to rest.
        pause_ms: u64,
    },
    /// An instrument rests whose round trips within a time made less than that.
    LowProfit {
        /// What they have to make, in the quote asset.
        profit: Decimal,
        /// From how many round trips on; at least 1.
        trades: u32,
        /// Within how long.
        within_ms: u64,
        /// How long to rest.
        pause_ms: u64,
    },
}

/// Which protection, without its numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProtectionKind {
    /// [`Protection::StopLossStreak`].
    StopLossStreak,
    /// [`Protection::MaxDrawdown`].
    MaxDrawdown,
    /// [`Protection::LowProfit`].
    LowProfit,
}

impl fmt::Display for ProtectionKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::StopLossStreak => "a streak of stop-losses",
            Self::MaxDrawdown => "a drawdown of its round trips",
            Self::LowProfit => "too little profit of its round trips",
        })
    }
}

/// A rest in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pause {
    /// Why.
    pub kind: ProtectionKind,
    /// Which instrument; none: all.
    pub instrument: Option<InstrumentId>,
    /// Since when.
    pub since: Timestamp,
    /// Until when, not included.
    pub until: Timestamp,
}

/// A position that was opened and is flat again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RoundTrip {
    pub(crate) instrument: InstrumentId,
    /// When it ended.
    pub(crate) time: Timestamp,
    /// Its profit, fees taken off.
    pub(crate) profit: Decimal,
    /// Whether a stop ended it.
    pub(crate) stopped: bool,
}

/// What is remembered for protections, and the rests in force.
#[derive(Debug, Clone, Default)]
pub(crate) struct Rests {
    trips: VecDeque<RoundTrip>,
    pauses: Vec<Pause>,
}

impl Rests {
    /// Rests at a time.
    pub(crate) fn in_force(&self, now: Timestamp) -> impl Iterator<Item = &Pause> {
        self.pauses.iter().filter(move |pause| now < pause.until)
    }

    /// The rest that keeps an instrument from being opened; of several, the one that lasts longest.
    pub(crate) fn of(&self, instrument: InstrumentId, now: Timestamp) -> Option<&Pause> {
        let concern = self.in_force(now).filter(|pause| pause.instrument.is_none_or(|paused| paused == instrument));
        concern.max_by_key(|pause| pause.until)
    }

    /// Ends every rest: the operator says so. What led to them is forgotten.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Notes a round trip; gives the rests that follow from it.
    pub(crate) fn ended(&mut self, trip: RoundTrip, protections: &[Protection], cash: Decimal) -> Vec<Pause> {
        if self.trips.len() == ROUND_TRIPS_MAX {
            self.trips.pop_front();
        }
        self.trips.push_back(trip);
        self.pauses.retain(|pause| trip.time < pause.until);
        let follow = protections.iter().filter_map(|protection| self.follows(protection, &trip, cash));
        let new: Vec<Pause> = follow.filter(|pause| !self.lasts_as_long(pause)).collect();
        for pause in &new {
            self.pauses.retain(|old| (old.kind, old.instrument) != (pause.kind, pause.instrument));
            self.pauses.push(*pause);
        }
        new
    }

    fn lasts_as_long(&self, new: &Pause) -> bool {
        let same = |old: &&Pause| (old.kind, old.instrument) == (new.kind, new.instrument);
        self.pauses.iter().find(same).is_some_and(|old| old.until >= new.until)
    }

    /// Round trips that ended no longer ago than that, latest first.
    fn within(&self, now: Timestamp, within_ms: u64) -> impl DoubleEndedIterator<Item = &RoundTrip> {
        self.trips.iter().rev().filter(move |trip| now.millis_since(trip.time) <= within_ms)
    }

    fn follows(&self, protection: &Protection, last: &RoundTrip, cash: Decimal) -> Option<Pause> {
        let now = last.time;
        let pause =
            |kind, instrument, pause_ms: u64| Some(Pause { kind, instrument, since: now, until: now.saturating_add(pause_ms) });
        match *protection {
            Protection::StopLossStreak { losses, within_ms, pause_ms, per_instrument } => {
                let own = |trip: &&RoundTrip| !per_instrument || trip.instrument == last.instrument;
                let lost = |trip: &&RoundTrip| trip.stopped && trip.profit < Decimal::ZERO;
                let streak = self.within(now, within_ms).filter(own).take_while(lost).count();
                let enough = streak >= losses as usize;
                enough.then(|| pause(ProtectionKind::StopLossStreak, per_instrument.then_some(last.instrument), pause_ms))?
            }
            Protection::MaxDrawdown { amount, within_ms, pause_ms } => {
                let (mut sum, mut best, mut worst) = (Decimal::ZERO, Decimal::ZERO, Decimal::ZERO);
                for trip in self.within(now, within_ms).rev() {
                    sum = sum.saturating_add(trip.profit);
                    best = best.max(sum);
                    worst = worst.max(best.saturating_sub(sum));
                }
                let beyond = worst >= amount.of(cash)?;
                beyond.then(|| pause(ProtectionKind::MaxDrawdown, None, pause_ms))?
            }
            Protection::LowProfit { profit, trades, within_ms, pause_ms } => {
                let own = self.within(now, within_ms).filter(|trip| trip.instrument == last.instrument);
                let (count, sum) =
                    own.fold((0_usize, Decimal::ZERO), |(count, sum), trip| (count + 1, sum.saturating_add(trip.profit)));
                let low = count >= trades as usize && sum < profit;
                low.then(|| pause(ProtectionKind::LowProfit, Some(last.instrument), pause_ms))?
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BTC: InstrumentId = InstrumentId::new(0);
    const ETH: InstrumentId = InstrumentId::new(1);

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    /// Round trips (instrument, time, profit, stopped); gives the rests that followed from the last.
    fn ended(protection: Protection, trips: &[(InstrumentId, i64, i64, bool)]) -> (Rests, Vec<Pause>) {
        let mut rests = Rests::default();
        let mut new = Vec::new();
        for (instrument, time, profit, stopped) in trips.iter().copied() {
            let trip = RoundTrip { instrument, time: at(time), profit: Decimal::from(profit), stopped };
            new = rests.ended(trip, &[protection], Decimal::from(1000));
        }
        (rests, new)
    }

    #[test]
    fn a_streak_of_stop_losses_ends_with_a_profit_or_with_time() {
        let streak = |per_instrument| Protection::StopLossStreak { losses: 2, within_ms: 100, pause_ms: 50, per_instrument };
        let (rests, new) = ended(streak(false), &[(BTC, 0, -1, true), (ETH, 100, -1, true)]);
        let pause = Pause { kind: ProtectionKind::StopLossStreak, instrument: None, since: at(100), until: at(150) };
        assert_eq!(new, [pause]);
        assert_eq!(rests.of(BTC, at(149)), Some(&pause));
        assert_eq!(rests.of(BTC, at(150)), None);
        for inside in [
            [(BTC, 0, -1, true), (BTC, 101, -1, true)],
            [(BTC, 0, 1, true), (BTC, 1, -1, true)],
            [(BTC, 0, -1, false), (BTC, 1, -1, true)],
        ] {
            assert_eq!(ended(streak(false), &inside).1, []);
        }
        assert_eq!(ended(streak(true), &[(BTC, 0, -1, true), (ETH, 1, -1, true)]).1, []);
        let (rests, new) = ended(streak(true), &[(BTC, 0, -1, true), (ETH, 1, 5, true), (BTC, 2, -1, true)]);
        assert_eq!(new[0].instrument, Some(BTC));
        assert_eq!((rests.of(ETH, at(3)), rests.of(BTC, at(3)).is_some()), (None, true));
    }

    #[test]
    fn a_drawdown_counts_from_the_best_within_the_window() {
        let quote = Protection::MaxDrawdown { amount: Amount::Quote(Decimal::from(30)), within_ms: 100, pause_ms: 50 };
        let share = Protection::MaxDrawdown { amount: Amount::Share(Decimal::new(3, 2)), within_ms: 100, pause_ms: 50 };
        for protection in [quote, share] {
            assert_eq!(ended(protection, &[(BTC, 0, 50, false), (BTC, 1, -29, false)]).1, []);
            assert_eq!(ended(protection, &[(BTC, 0, 50, false), (BTC, 1, -30, false)]).1.len(), 1);
            assert_eq!(ended(protection, &[(BTC, 0, -20, false), (BTC, 101, -20, false)]).1, []);
        }
    }

    #[test]
    fn an_instrument_that_makes_too_little_rests_alone() {
        let low = Protection::LowProfit { profit: Decimal::from(5), trades: 2, within_ms: 100, pause_ms: 50 };
        assert_eq!(ended(low, &[(BTC, 0, 1, false)]).1, []);
        assert_eq!(ended(low, &[(BTC, 0, 1, false), (BTC, 1, 4, false)]).1, []);
        let (rests, new) = ended(low, &[(BTC, 0, 1, false), (BTC, 1, 3, false)]);
        assert_eq!(new[0].instrument, Some(BTC));
        assert_eq!(rests.of(ETH, at(2)), None);
    }

    #[test]
    fn what_is_remembered_is_bounded_and_can_be_forgotten() {
        let low = Protection::LowProfit { profit: Decimal::MAX, trades: 1, within_ms: u64::MAX, pause_ms: u64::MAX };
        let trips: Vec<_> = (0..2_000).map(|time| (BTC, time, 1, false)).collect();
        let (mut rests, _) = ended(low, &trips);
        assert_eq!((rests.trips.len(), rests.pauses.len()), (ROUND_TRIPS_MAX, 1));
        rests.clear();
        assert_eq!(rests.of(BTC, at(0)), None);
    }
}

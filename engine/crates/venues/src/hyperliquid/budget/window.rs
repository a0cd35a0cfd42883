//! So much within so long, for any such stretch of time: a sliding window in small slots.

use super::{Refused, Standing, Urgency};
use calypte_kernel::Timestamp;

/// Slots of a window: what was used comes back in steps of a sixtieth, never early.
const SLOTS: usize = 60;

/// So much within so long. No stretch of that length sees more, wherever it begins.
#[derive(Debug, Clone)]
pub struct Window {
    what: &'static str,
    limit: u64,
    slot_ms: u64,
    /// What only closing may use.
    reserve: u64,
    /// Used in each slot; one more than the window has, since the oldest is only partly past.
    used: [u64; SLOTS + 1],
    /// Number of the newest slot, counted from 1970.
    newest: u64,
}

impl Window {
    /// A limit of something within a period, with a part kept for what closes.
    pub fn new(what: &'static str, limit: u64, period_ms: u64, reserve: u64) -> Self {
        let slot_ms = period_ms.div_ceil(SLOTS as u64).max(1);
        Self { what, limit, slot_ms, reserve: reserve.min(limit), used: [0; SLOTS + 1], newest: 0 }
    }

    /// Of what.
    pub const fn what(&self) -> &'static str {
        self.what
    }

    fn slot_of(&self, now: Timestamp) -> u64 {
        u64::try_from(now.as_millis()).unwrap_or_default() / self.slot_ms
    }

    fn place(slot: u64) -> usize {
        usize::try_from(slot % (SLOTS as u64 + 1)).expect("less than the number of slots")
    }

    /// Moves to a time; a clock that steps back moves nothing.
    fn move_to(&mut self, now: Timestamp) {
        let slot = self.slot_of(now);
        let gone = slot.saturating_sub(self.newest).min(SLOTS as u64 + 1);
        for ahead in 0..gone {
            self.used[Self::place(slot - ahead)] = 0;
        }
        self.newest = self.newest.max(slot);
    }

    fn sum(&self) -> u64 {
        self.used.iter().fold(0, |sum, used| sum.saturating_add(*used))
    }

    /// What may be in use for something of that urgency to fit.
    const fn room(&self, urgency: Urgency) -> u64 {
        match urgency {
            Urgency::Closing => self.limit,
            Urgency::Opening => self.limit - self.reserve,
            Urgency::Background => (self.limit - self.reserve) / 2,
        }
    }

    /// Whether so much fits now.
    ///
    /// # Errors
    /// Where it fits later, or never.
    pub fn check(&mut self, now: Timestamp, amount: u64, urgency: Urgency) -> Result<(), Refused> {
        self.move_to(now);
        let room = self.room(urgency);
        if amount > room {
            return Err(Refused::Never { what: self.what, asked: amount, most: room });
        }
        let mut over = self.sum().saturating_add(amount).saturating_sub(room);
        if over == 0 {
            return Ok(());
        }
        // The oldest go first; the slot after the newest is the oldest of all.
        let oldest = (self.newest + 1).saturating_sub(SLOTS as u64 + 1);
        for slot in oldest..=self.newest {
            over = over.saturating_sub(self.used[Self::place(slot)]);
            if over == 0 {
                let free_at = (slot + SLOTS as u64 + 1).saturating_mul(self.slot_ms);
                let now = u64::try_from(now.as_millis()).unwrap_or_default();
                return Err(Refused::Wait { what: self.what, wait_ms: free_at.saturating_sub(now).max(1) });
            }
        }
        unreachable!("what is over the room was used in one of the slots")
    }

    /// Notes that so much was used, whether it fits or not.
    pub fn charge(&mut self, now: Timestamp, amount: u64) {
        self.move_to(now);
        let used = &mut self.used[Self::place(self.newest)];
        *used = used.saturating_add(amount);
    }

    /// Takes back what was set aside and not used.
    pub fn give_back(&mut self, now: Timestamp, amount: u64) {
        self.move_to(now);
        let mut left = amount;
        for back in 0..=(SLOTS as u64).min(self.newest) {
            let used = &mut self.used[Self::place(self.newest - back)];
            let taken = left.min(*used);
            *used -= taken;
            left -= taken;
        }
    }

    /// How it stands; what was used in the last sixth of the period is taken for the rate.
    pub fn standing(&mut self, now: Timestamp) -> Standing {
        self.move_to(now);
        let sum = self.sum();
        let left = self.limit.saturating_sub(sum);
        let recent = (SLOTS / 6) as u64;
        let late: u64 = (0..recent).map(|back| self.used[Self::place(self.newest.saturating_sub(back))]).sum();
        let span_ms = recent * self.slot_ms;
        // What a whole period at that rate would use; if that is within the limit, it never runs out.
        let runs_out = late.saturating_mul(6) > self.limit && late > 0;
        let in_ms = left.saturating_mul(span_ms) / late.max(1);
        Standing { left, of: self.limit, runs_out: runs_out.then(|| now.saturating_add(in_ms)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(1_750_000_000_000 + millis)
    }

    #[test]
    fn what_is_used_comes_back_after_the_period() {
        let mut window = Window::new("weight", 100, 60_000, 20);
        window.charge(at(0), 80);
        assert_eq!(window.check(at(1), 1, Urgency::Opening), Err(Refused::Wait { what: "weight", wait_ms: 60_999 }));
        assert_eq!(window.check(at(1), 20, Urgency::Closing), Ok(()), "the reserve");
        assert_eq!(window.check(at(61_000), 80, Urgency::Opening), Ok(()));
        assert!(matches!(window.check(at(61_000), 81, Urgency::Opening), Err(Refused::Never { most: 80, .. })));
        assert!(matches!(window.check(at(61_000), 41, Urgency::Background), Err(Refused::Never { most: 40, .. })));
    }

    #[test]
    fn it_says_when_it_runs_out() {
        let mut window = Window::new("weight", 1_200, 60_000, 0);
        for second in 0..10 {
            window.charge(at(second * 1_000), 40);
        }
        let standing = window.standing(at(9_500));
        assert_eq!((standing.left, standing.of), (800, 1_200));
        assert_eq!(standing.runs_out, Some(at(9_500 + 20_000)), "40 a second");
        let mut slow = Window::new("weight", 1_200, 60_000, 0);
        slow.charge(at(0), 10);
        assert_eq!(slow.standing(at(10)).runs_out, None);
        slow.charge(at(11), 1_190);
        assert_eq!((slow.standing(at(12)).left, slow.standing(at(12)).named("weight").is_low()), (0, true));
    }

    #[test]
    fn what_was_set_aside_is_given_back() {
        let mut window = Window::new("weight", 100, 60_000, 0);
        window.charge(at(0), 60);
        window.charge(at(5_000), 30);
        window.give_back(at(6_000), 50);
        assert_eq!(window.standing(at(6_000)).left, 60);
        window.give_back(at(6_000), 500);
        assert_eq!(window.standing(at(6_000)).left, 100);
    }

    proptest! {
        #[test]
        fn no_stretch_of_time_sees_more_than_the_limit(
            limit in 1_u64..50, steps in prop::collection::vec((-2_000_i64..5_000, 1_u64..20), 1..200)
        ) {
            let mut window = Window::new("requests", limit, 60_000, 0);
            let (mut now, mut latest, mut sent) = (0_i64, 0_i64, Vec::new());
            for (step, amount) in steps {
                now = (now + step).max(0);
                latest = latest.max(now);
                if window.check(at(now), amount, Urgency::Closing).is_ok() {
                    window.charge(at(now), amount);
                    // Where the clock stepped back it is taken for the latest time: true time never steps.
                    sent.push((latest, amount));
                }
            }
            for (start, _) in &sent {
                let within = sent.iter().filter(|(time, _)| (*start..*start + 60_000).contains(time));
                prop_assert!(within.map(|(_, amount)| amount).sum::<u64>() <= limit);
            }
        }

        #[test]
        fn the_wait_it_names_is_long_enough(
            charges in prop::collection::vec((0_i64..9_000, 0_u64..30), 0..40), amount in 1_u64..=100
        ) {
            let mut window = Window::new("requests", 100, 60_000, 0);
            let mut now = 0;
            for (step, used) in charges {
                now += step;
                window.charge(at(now), used);
            }
            if let Err(Refused::Wait { wait_ms, .. }) = window.check(at(now), amount, Urgency::Closing) {
                let later = at(now + i64::try_from(wait_ms).expect("a minute"));
                prop_assert_eq!(window.check(later, amount, Urgency::Closing), Ok(()));
            }
        }
    }
}

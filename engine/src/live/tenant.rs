//! Accounts of one trader, which share a limit: what each holds counts against what the others may open.
//!
//! Only one of them decides at a time. Before it does it is told what the others hold; after it, what it holds itself is known to
//! them, orders that are on their way included. So no two can use the same room.
//!
//! ```text
//!   turn ──► input: what is held elsewhere ──► inputs ──► what is held here now ──► next turn
//! ```

use calypte_kernel::{Decimal, TradingCore};
use parking_lot::{ArcMutexGuard, Mutex, RawMutex};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What the accounts of a trader hold, by place; none: an account that is not being traded may hold anything.
type Held = BTreeMap<usize, Option<Decimal>>;

/// A place among the accounts of a trader. Its clones are the same place.
#[derive(Debug, Clone)]
pub struct Seat {
    held: Arc<Mutex<Held>>,
    place: usize,
}

impl Seat {
    /// Places for so many accounts of one trader.
    pub fn of_tenant(accounts: usize) -> Vec<Self> {
        let held = Arc::new(Mutex::new((0..accounts).map(|place| (place, None)).collect()));
        (0..accounts).map(|place| Self { held: Arc::clone(&held), place }).collect()
    }

    /// Takes the place, until what is given back is dropped.
    pub(super) fn take(&self) -> Seated {
        Seated(self.clone())
    }
}

/// An account that is being traded, among those of its trader.
#[derive(Debug)]
pub(super) struct Seated(Seat);

impl Seated {
    /// Waits until no other account decides.
    pub(super) fn turn(&self) -> Turn {
        Turn { held: self.0.held.lock_arc(), place: self.0.place }
    }
}

impl Drop for Seated {
    fn drop(&mut self) {
        // What it holds goes on being held, and nobody counts it any more.
        self.0.held.lock().insert(self.0.place, None);
    }
}

/// While this is held, no other account of the trader decides.
pub(super) struct Turn {
    held: ArcMutexGuard<RawMutex, Held>,
    place: usize,
}

impl Turn {
    /// What the others hold; none where nobody knows it of one of them.
    pub(super) fn elsewhere(&self) -> Option<Decimal> {
        let mut others = self.held.iter().filter(|(place, _)| **place != self.place);
        others.try_fold(Decimal::ZERO, |sum, (_, held)| sum.checked_add((*held)?))
    }

    /// Ends it: from now on the others know what the account holds.
    pub(super) fn end(mut self, core: &TradingCore) {
        self.held.insert(self.place, core.exposure());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use calypte_kernel::{AccountId, CoreSettings};

    #[test]
    fn each_knows_what_the_others_hold_and_nothing_of_those_that_are_not_traded() {
        let empty = CoreSettings::new(AccountId::new(1), [].into(), [].into());
        let core = TradingCore::new(empty).expect("sound settings");
        let seats = Seat::of_tenant(3);
        let (first, second, third) = (seats[0].take(), seats[1].take(), seats[2].take());
        let elsewhere = |seated: &Seated| seated.turn().elsewhere();
        assert_eq!(elsewhere(&first), None, "nothing is known of those that have not begun");
        second.turn().end(&core);
        assert_eq!(elsewhere(&first), None, "the third has not begun still");
        third.turn().end(&core);
        assert_eq!(elsewhere(&first), Some(Decimal::ZERO));
        third.0.held.lock().insert(2, Some(Decimal::from(70)));
        assert_eq!((elsewhere(&first), elsewhere(&second)), (Some(Decimal::from(70)), None), "the first has not begun");
        first.turn().end(&core);
        assert_eq!((elsewhere(&second), elsewhere(&third)), (Some(Decimal::from(70)), Some(Decimal::ZERO)));
        drop(third);
        assert_eq!(elsewhere(&first), None, "what is not traded any more may hold anything");
    }
}

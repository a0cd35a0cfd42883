//! Who computes next where strategies want more than the machine has: the one that used least.
//!
//! A hook computes in slices, of as much fuel as a guest uses between two yields. Before each slice it waits for a core, and of all
//! that wait the one goes first that used least fuel. Who was idle saves nothing up: it begins level with the least of those that
//! compute. So whoever burns all it has delays others by a slice, however many burn, and whoever is new starves nobody
//! (fair queueing by virtual time, as in <https://docs.kernel.org/scheduler/sched-design-CFS.html>).

#[cfg(test)]
mod tests;

use calypte_host::YIELD_FUEL;
use std::collections::BTreeMap;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// The cores that hooks compute on. Clones share them.
#[derive(Debug, Clone)]
pub struct Cores(Arc<Mutex<Queue>>);

#[derive(Debug)]
struct Queue {
    free: usize,
    /// By fuel used, then by who came first.
    waiting: BTreeMap<Place, Waker>,
    /// The most that anybody had used who got a core as the one that used least.
    level: u64,
    arrivals: u64,
}

/// Fuel used, and the number of the arrival.
type Place = (u64, u64);

impl Cores {
    /// So many.
    pub fn new(count: usize) -> Self {
        Self(Arc::new(Mutex::new(Queue { free: count.max(1), waiting: BTreeMap::new(), level: 0, arrivals: 0 })))
    }

    /// Those of this machine; one where it does not say.
    pub fn of_machine() -> Self {
        Self::new(std::thread::available_parallelism().map_or(1, std::num::NonZero::get))
    }

    /// The share of somebody who used nothing yet.
    pub fn share(&self) -> Share {
        Share { cores: self.clone(), used: 0 }
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    /// Takes a core if one is free and nobody who waits used less.
    fn takes(&mut self, place: Place) -> bool {
        let is_first = self.waiting.first_key_value().is_none_or(|(first, _)| *first >= place);
        if self.free == 0 || !is_first {
            return false;
        }
        self.waiting.remove(&place);
        self.free -= 1;
        self.level = self.level.max(place.0);
        self.call_next();
        true
    }

    /// Wakes whoever is next, where there is a core for it.
    fn call_next(&self) {
        if self.free > 0
            && let Some((_, waker)) = self.waiting.first_key_value()
        {
            waker.wake_by_ref();
        }
    }
}

/// What one strategy has used, and its way to a core.
#[derive(Debug)]
pub struct Share {
    cores: Cores,
    used: u64,
}

impl Share {
    /// Computes, a slice whenever it is its turn. `fuel_of` says what it used in the end.
    pub async fn compute<T>(&mut self, hook: impl Future<Output = T>, fuel_of: impl FnOnce(&T) -> u64) -> T {
        let before = self.used.max(self.cores.lock().level);
        self.used = before;
        let mut turn = Turn { cores: &self.cores, place: None };
        let mut hook = pin!(hook);
        let used = &mut self.used;
        let ended = poll_fn(|context| {
            if turn.wait(*used, context).is_pending() {
                return Poll::Pending;
            }
            let core = Core(turn.cores);
            let polled = hook.as_mut().poll(context);
            drop(core);
            *used = used.saturating_add(YIELD_FUEL);
            polled
        })
        .await;
        self.used = before.saturating_add(fuel_of(&ended));
        ended
    }
}

/// A core that is taken; given back also where the hook panics.
struct Core<'a>(&'a Cores);

impl Drop for Core<'_> {
    fn drop(&mut self) {
        let mut queue = self.0.lock();
        queue.free += 1;
        queue.call_next();
    }
}

/// The way to the next slice; left where nobody waits for it any more.
struct Turn<'a> {
    cores: &'a Cores,
    place: Option<Place>,
}

impl Turn<'_> {
    /// Whether there is a core; then it is taken.
    fn wait(&mut self, used: u64, context: &Context<'_>) -> Poll<()> {
        let mut queue = self.cores.lock();
        let place = *self.place.get_or_insert_with(|| {
            queue.arrivals += 1;
            (used, queue.arrivals)
        });
        if queue.takes(place) {
            self.place = None;
            return Poll::Ready(());
        }
        queue.waiting.insert(place, context.waker().clone());
        Poll::Pending
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        if let Some(place) = self.place {
            let mut queue = self.cores.lock();
            queue.waiting.remove(&place);
            queue.call_next();
        }
    }
}

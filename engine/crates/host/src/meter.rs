//! Meters: fuel per event and per run, host work in the same currency, wall clock, memory.

use crate::guest::Broken;
use crate::limits::InstanceLimits;
use calypte_kernel::FaultKind;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};
use wasmtime::ResourceLimiter;

/// Fuel that an import costs besides the guest's own instructions: what its crossing takes in time.
pub(crate) const CALL_WORK: u64 = 400;
/// Fuel that an element of a list or a pass over a level costs.
pub(crate) const ITEM_WORK: u64 = 100;

/// Fuel of the open event and of the run. What the host does for the guest is charged in the same currency.
#[derive(Debug)]
pub(crate) struct Meter {
    budget: u64,
    host: u64,
    run_left: Option<u64>,
    by_run: bool,
    call: u64,
}

impl Meter {
    pub(crate) const fn new(run: Option<u64>) -> Self {
        Self { budget: 0, host: 0, run_left: run, by_run: false, call: 0 }
    }

    /// What the run has left, where others spend from it too.
    pub(crate) const fn set_run_left(&mut self, left: u64) {
        self.run_left = Some(left);
    }

    /// A hook call begins.
    pub(crate) const fn begin_call(&mut self) {
        self.call = 0;
    }

    /// Opens an event. Returns its fuel: the smaller of its own budget and what the run has left.
    pub(crate) fn open(&mut self, budget: u64) -> u64 {
        self.host = 0;
        self.by_run = self.run_left.is_some_and(|left| left < budget);
        self.budget = self.run_left.map_or(budget, |left| left.min(budget));
        self.budget
    }

    /// Closes the event with what the guest has left. Returns the fuel used.
    pub(crate) fn close(&mut self, left: u64) -> u64 {
        let used = self.used(left);
        self.run_left = self.run_left.map(|run| run.saturating_sub(used));
        self.call = self.call.saturating_add(used);
        used
    }

    /// Fuel used by the open event so far.
    pub(crate) const fn used(&self, left: u64) -> u64 {
        self.budget.saturating_sub(left).saturating_add(self.host)
    }

    /// Fuel used by the events closed in this call.
    pub(crate) const fn call_fuel(&self) -> u64 {
        self.call
    }

    /// Charges work that the host does for the guest.
    pub(crate) fn work(&mut self, amount: u64) -> wasmtime::Result<()> {
        self.host = self.host.saturating_add(amount);
        if self.host > self.budget { Err(self.exhausted()) } else { Ok(()) }
    }

    /// Whether guest and host together used more than the event had.
    pub(crate) fn check(&self, left: u64) -> wasmtime::Result<()> {
        if self.used(left) > self.budget { Err(self.exhausted()) } else { Ok(()) }
    }

    /// Which budget ran out, in words.
    pub(crate) fn out_of_fuel(&self) -> (FaultKind, String) {
        if self.by_run {
            (FaultKind::RunFuel, format!("the run has no fuel left; the last event got {}", self.budget))
        } else {
            (FaultKind::EventFuel, format!("the event used all of its {} fuel", self.budget))
        }
    }

    fn exhausted(&self) -> wasmtime::Error {
        let (kind, detail) = self.out_of_fuel();
        wasmtime::Error::new(Broken { kind, detail })
    }
}

/// Counts the events opened. The watch around a call reads it from outside the store, which the call has borrowed.
#[derive(Debug, Default)]
pub(crate) struct Pulse {
    events: AtomicU64,
}

impl Pulse {
    pub(crate) fn opened(&self) {
        // One writer: a plain load and store is enough, and cheaper than a locked increment.
        self.events.store(self.events.load(Relaxed).wrapping_add(1), Relaxed);
    }
}

/// The wall clock around a call. It is read only when the guest yields, so that a cheap event costs no reading: an event may
/// therefore last one yield interval longer than its limit.
#[derive(Debug)]
pub(crate) struct Watch {
    limit: Duration,
    event: u64,
    opened: Instant,
}

impl Watch {
    pub(crate) fn new(limit_ms: u64, pulse: &Pulse) -> Self {
        Self { limit: Duration::from_millis(limit_ms), event: pulse.events.load(Relaxed), opened: Instant::now() }
    }

    /// At a yield: whether the open event has passed its limit.
    pub(crate) fn is_over(&mut self, pulse: &Pulse) -> bool {
        let event = pulse.events.load(Relaxed);
        let now = Instant::now();
        if event != self.event {
            (self.event, self.opened) = (event, now);
        }
        now.duration_since(self.opened) >= self.limit
    }
}

/// Bytes that one table element counts as.
const TABLE_ELEMENT_BYTES: usize = 8;

/// What there is no more of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Room {
    Bytes,
    Elements,
}

/// Sums all memories and tables of a store. Growth past a limit fails in the guest, deterministically: the limits are constants.
#[derive(Debug)]
pub(crate) struct MemoryMeter {
    bytes: usize,
    elements: usize,
    bytes_max: usize,
    elements_max: usize,
    /// Which limit refused a growth since the instance began, the latest: what a trap is then called.
    pub(crate) refused: Option<Room>,
}

impl MemoryMeter {
    pub(crate) const fn new(limits: &InstanceLimits) -> Self {
        Self {
            bytes: 0,
            elements: 0,
            bytes_max: limits.memory_bytes_max,
            elements_max: limits.table_elements_max,
            refused: None,
        }
    }

    /// Bytes in use.
    pub(crate) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// The limit that was reached and how far the guest had come, in words.
    pub(crate) fn words(&self, room: Room) -> String {
        match room {
            Room::Bytes => format!("memory limit of {} bytes reached at {}", self.bytes_max, self.bytes),
            Room::Elements => format!("table limit of {} elements reached at {}", self.elements_max, self.elements),
        }
    }

    fn grow(&mut self, bytes: usize, elements: usize) -> bool {
        let Some(count) = self.elements.checked_add(elements).filter(|count| *count <= self.elements_max) else {
            self.refused = Some(Room::Elements);
            return false;
        };
        let Some(sum) = self.bytes.checked_add(bytes).filter(|sum| *sum <= self.bytes_max) else {
            self.refused = Some(Room::Bytes);
            return false;
        };
        (self.bytes, self.elements) = (sum, count);
        true
    }
}

impl ResourceLimiter for MemoryMeter {
    fn memory_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        // A growth past the memory's own maximum fails in the runtime and must not be counted.
        if maximum.is_some_and(|maximum| desired > maximum) {
            return Ok(false);
        }
        Ok(self.grow(desired.saturating_sub(current), 0))
    }

    fn table_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        let elements = desired.saturating_sub(current);
        if maximum.is_some_and(|maximum| desired > maximum) {
            // The guest's own maximum, or the pool's, which is ours: a guest that gives up then gave up at our limit.
            if self.elements.saturating_add(elements) > self.elements_max {
                self.refused = Some(Room::Elements);
            }
            return Ok(false);
        }
        Ok(self.grow(elements.saturating_mul(TABLE_ELEMENT_BYTES), elements))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_gets_the_smaller_of_its_budget_and_what_the_run_has_left() {
        let mut meter = Meter::new(Some(150));
        assert_eq!(meter.open(100), 100);
        assert_eq!(meter.close(30), 70);
        assert_eq!(meter.open(100), 80);
        assert_eq!(meter.out_of_fuel().0, FaultKind::RunFuel);
        assert_eq!(meter.close(0), 80);
        assert_eq!(meter.open(100), 0);
        assert_eq!(meter.call_fuel(), 150);
    }

    #[test]
    fn host_work_is_paid_with_the_events_fuel() {
        let mut meter = Meter::new(None);
        meter.open(1_000);
        assert!(meter.work(600).is_ok());
        assert!(meter.check(500).is_err(), "500 of the guest and 600 of the host");
        assert!(meter.work(401).is_err());
        assert_eq!(meter.out_of_fuel().0, FaultKind::EventFuel);
        assert!(meter.work(u64::MAX).is_err());
    }

    #[test]
    fn memories_and_tables_are_summed() {
        let limits = InstanceLimits { memory_bytes_max: 1_000, table_elements_max: 10, ..InstanceLimits::default() };
        let mut meter = MemoryMeter::new(&limits);
        assert!(meter.memory_growing(0, 600, None).expect("no error"));
        assert!(!meter.memory_growing(0, 600, None).expect("no error"), "a second memory counts too");
        assert_eq!(meter.refused.map(|room| meter.words(room)).as_deref(), Some("memory limit of 1000 bytes reached at 600"));
        assert!(!meter.memory_growing(600, 700, Some(650)).expect("no error"), "past its own maximum");
        assert!(meter.memory_growing(600, 900, None).expect("no error"));
        assert!(meter.table_growing(0, 10, None).expect("no error"));
        assert!(!meter.table_growing(0, 1, None).expect("no error"));
        assert_eq!(meter.refused.map(|room| meter.words(room)).as_deref(), Some("table limit of 10 elements reached at 10"));
        assert_eq!(meter.bytes(), 980);
        assert!(!meter.memory_growing(0, usize::MAX, None).expect("no error"));
    }

    #[test]
    fn each_event_has_a_wall_limit_of_its_own() {
        let pulse = Pulse::default();
        let mut watch = Watch::new(0, &pulse);
        assert!(watch.is_over(&pulse), "no time at all");
        let mut watch = Watch::new(3_600_000, &pulse);
        watch.opened -= Duration::from_hours(1);
        pulse.opened();
        assert!(!watch.is_over(&pulse), "a new event has the whole limit");
        watch.opened -= Duration::from_hours(1);
        assert!(watch.is_over(&pulse));
    }
}

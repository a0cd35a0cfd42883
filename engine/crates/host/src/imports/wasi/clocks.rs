//! Clocks that show the time of the event: no clock of the machine is ever read.

use super::bindings::wasi::clocks::monotonic_clock::{self, Duration, Instant};
use super::bindings::wasi::clocks::wall_clock::{self, Datetime};
use super::handles::Pollable;
use crate::guest::Guest;
use crate::meter::CALL_WORK;
use wasmtime::component::Resource;

const NANOSECONDS_PER_MILLISECOND: u32 = 1_000_000;
const MILLISECONDS_PER_SECOND: u64 = 1_000;

impl Guest {
    /// Unix time of the event in milliseconds; zero outside a hook, and before 1970.
    fn time_ms(&self) -> u64 {
        u64::try_from(self.now().as_millis()).unwrap_or_default()
    }

    /// What the monotonic clock shows, in nanoseconds. It never goes back, whatever the events' times do.
    pub(super) fn instant(&mut self) -> u64 {
        let now = self.time_ms().saturating_mul(u64::from(NANOSECONDS_PER_MILLISECOND));
        self.wasi.shown = self.wasi.shown.max(now);
        self.wasi.shown
    }
}

impl monotonic_clock::Host for Guest {
    fn now(&mut self) -> wasmtime::Result<Instant> {
        self.wasi(CALL_WORK)?;
        Ok(self.instant())
    }

    fn resolution(&mut self) -> wasmtime::Result<Duration> {
        self.wasi(CALL_WORK)?;
        Ok(u64::from(NANOSECONDS_PER_MILLISECOND))
    }

    fn subscribe_instant(&mut self, when: Instant) -> wasmtime::Result<Resource<Pollable>> {
        self.pollable(Pollable { ready_at: when })
    }

    fn subscribe_duration(&mut self, when: Duration) -> wasmtime::Result<Resource<Pollable>> {
        let ready_at = self.instant().saturating_add(when);
        self.pollable(Pollable { ready_at })
    }
}

impl wall_clock::Host for Guest {
    fn now(&mut self) -> wasmtime::Result<Datetime> {
        self.wasi(CALL_WORK)?;
        let now = self.time_ms();
        let milliseconds = u32::try_from(now % MILLISECONDS_PER_SECOND)?;
        Ok(Datetime { seconds: now / MILLISECONDS_PER_SECOND, nanoseconds: milliseconds * NANOSECONDS_PER_MILLISECOND })
    }

    fn resolution(&mut self) -> wasmtime::Result<Datetime> {
        self.wasi(CALL_WORK)?;
        Ok(Datetime { seconds: 0, nanoseconds: NANOSECONDS_PER_MILLISECOND })
    }
}

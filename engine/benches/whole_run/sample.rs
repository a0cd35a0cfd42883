//! Times of several runs of the same work.

#![expect(clippy::cast_precision_loss, reason = "nanoseconds of a benchmark")]

use rustix::time::{ClockId, clock_gettime};
use std::time::Instant;

/// One run's time, in nanoseconds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sampled {
    wall: f64,
    cpu: f64,
}

impl Sampled {
    pub(crate) fn wall(&self) -> f64 {
        self.wall
    }

    pub(crate) fn cpu(&self) -> f64 {
        self.cpu
    }
}

/// The times of several runs.
#[derive(Debug, Default)]
pub(crate) struct Sample(Vec<Sampled>);

impl Sample {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Runs the work once and notes how long it took.
    pub(crate) fn time<T>(&mut self, work: impl FnOnce() -> T) -> T {
        let (wall, cpu) = (Instant::now(), thread_nanoseconds());
        let result = std::hint::black_box(work());
        self.0.push(Sampled { wall: wall.elapsed().as_nanos() as f64, cpu: thread_nanoseconds() - cpu });
        result
    }

    /// The median of each clock.
    pub(crate) fn median(&self) -> Sampled {
        let middle = |pick: fn(&Sampled) -> f64| {
            let mut times = self.0.iter().map(pick).collect::<Vec<_>>();
            times.sort_by(f64::total_cmp);
            times[times.len() / 2]
        };
        Sampled { wall: middle(Sampled::wall), cpu: middle(Sampled::cpu) }
    }

    /// The least of each clock.
    pub(crate) fn least(&self) -> Sampled {
        let least = |pick: fn(&Sampled) -> f64| self.0.iter().map(pick).fold(f64::INFINITY, f64::min);
        Sampled { wall: least(Sampled::wall), cpu: least(Sampled::cpu) }
    }
}

fn thread_nanoseconds() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 * 1e9 + time.tv_nsec as f64
}

//! The memory of the services: sampled from `/proc` while they work, and held to a limit of growth once they are warm.

use super::show;
use std::fs;
use std::time::Duration;

/// How often it is looked at.
const SAMPLE_EVERY: Duration = Duration::from_secs(2);
/// How much the last third may lie above the one before it, by their medians, in KiB. The first third is the warm-up.
const GROWTH_KIB_MAX: i64 = 8 << 10;

/// Whether the memory of other processes can be seen on this machine.
pub(super) fn can_be_seen() -> bool {
    resident_kib(std::process::id()).is_some()
}

/// Resident memory of a process; none where it is not to be seen.
fn resident_kib(process: u32) -> Option<i64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().trim_end_matches("kB").trim().parse().ok()
}

/// Memory of several services.
#[derive(Debug)]
pub(super) struct Memory {
    services: Vec<Resident>,
    next: Duration,
}

/// Memory of one service.
#[derive(Debug)]
struct Resident {
    name: &'static str,
    process: u32,
    /// When, in seconds, and how much, in KiB.
    samples: Vec<(f64, i64)>,
}

impl Memory {
    pub(super) fn of(services: impl IntoIterator<Item = (&'static str, u32)>) -> Self {
        let services = services.into_iter().map(|(name, process)| Resident { name, process, samples: Vec::new() });
        Self { services: services.collect(), next: Duration::ZERO }
    }

    /// Looks, where it is time to.
    pub(super) fn sample(&mut self, elapsed: Duration) {
        if elapsed < self.next {
            return;
        }
        self.next += SAMPLE_EVERY;
        for service in &mut self.services {
            let resident = resident_kib(service.process);
            let resident = resident.unwrap_or_else(|| panic!("{} does not run any more", service.name));
            service.samples.push((elapsed.as_secs_f64(), resident));
        }
    }

    /// The newest of each.
    pub(super) fn now(&self) -> String {
        let of = |service: &Resident| {
            let newest = service.samples.last().map_or(0, |(_, kib)| *kib);
            format!("{} {}", service.name, mebibytes(newest))
        };
        self.services.iter().map(of).collect::<Vec<_>>().join("  ")
    }

    /// Shows the table.
    pub(super) fn show(&self) {
        show(&format!("soak: {:<12} {:>10} {:>10} {:>10} {:>14}", "memory", "middle", "last", "growth", "KiB per minute"));
        for service in &self.services {
            let (middle, last) = service.medians();
            let growth = mebibytes(last - middle);
            let (middle, last, slope) = (mebibytes(middle), mebibytes(last), service.slope() * 60.0);
            show(&format!("soak: {:<12} {middle:>10} {last:>10} {growth:>10} {slope:>14.0}", service.name));
        }
    }

    /// Holds that nothing grew beyond the limit.
    pub(super) fn is_flat(&self) {
        for service in &self.services {
            let (middle, last) = service.medians();
            let (name, samples) = (service.name, &service.samples);
            assert!(last - middle <= GROWTH_KIB_MAX, "{name} grew from {middle} to {last} KiB: {samples:?}");
        }
    }
}

impl Resident {
    /// The medians of the middle third and of the last.
    fn medians(&self) -> (i64, i64) {
        let third = self.samples.len() / 3;
        let median = |samples: &[(f64, i64)]| {
            let mut sizes: Vec<_> = samples.iter().map(|(_, kib)| *kib).collect();
            sizes.sort_unstable();
            sizes.get(sizes.len() / 2).copied().unwrap_or_default()
        };
        (median(&self.samples[third..2 * third]), median(&self.samples[2 * third..]))
    }

    /// By how many KiB it grows in a second after the first third: least squares.
    #[expect(clippy::cast_precision_loss, reason = "sizes of memory fit, and it is shown in whole KiB")]
    fn slope(&self) -> f64 {
        let samples = &self.samples[self.samples.len() / 3..];
        let count = samples.len() as f64;
        let (mean_time, mean_size) = (
            samples.iter().map(|(time, _)| time).sum::<f64>() / count,
            samples.iter().map(|(_, kib)| *kib as f64).sum::<f64>() / count,
        );
        let rise: f64 = samples.iter().map(|(time, kib)| (time - mean_time) * (*kib as f64 - mean_size)).sum();
        let run: f64 = samples.iter().map(|(time, _)| (time - mean_time).powi(2)).sum();
        if run > 0.0 { rise / run } else { 0.0 }
    }
}

fn mebibytes(kib: i64) -> String {
    let (sign, tenths) = (if kib < 0 { "-" } else { "" }, kib.abs() * 10 / 1_024);
    format!("{sign}{}.{} MiB", tenths / 10, tenths % 10)
}

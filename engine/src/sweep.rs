//! A sweep: every combination of parameters over one market, decoded once, in parallel.
//!
//! ```text
//! files ──► candles in memory (shared) ──► worker 1: combination 0, 2, 5, …  ──┐
//!                                     └──► worker 2: combination 1, 3, 4, …  ──┴─► rows ──► journal, table
//! ```
//!
//! Each combination is a run of its own, with its own instance and its own fuel; nothing passes from one to another, so a row
//! does not depend on how many workers there are or on who ran it.

use crate::control::Control;
use crate::report::{SweepJournal, SweepReport, SweepRow, SweepTable};
use crate::request::SweepRequest;
use crate::run::{Decoded, ParameterError, Way, remark};
use anyhow::Context as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Instant;

/// Rows that may wait for the journal, per worker.
const ROWS_WAITING_PER_WORKER: usize = 4;

/// Runs every combination that the journal does not have yet.
///
/// # Errors
/// Where it cannot begin, a combination is not allowed by the manifest, or the journal cannot be written.
pub async fn sweep(request: SweepRequest, control: Arc<Control>) -> anyhow::Result<SweepReport> {
    let began = Instant::now();
    let combinations = request.combinations();
    let jobs = request.jobs.min(combinations).max(1);
    let decoded = Decoded::new(&request.strategy, &request.market, &request.settings, jobs, remark).await?;
    check_axes(&request, &decoded)?;
    // The swept parameters have their defaults in the digest; their values stand in the journal beside it.
    let digest = decoded.digest(Way::Next);
    let (mut journal, done) = match &request.out {
        Some(folder) => {
            let (journal, rows) = SweepJournal::open(folder, request.resume, &digest, &request.axes)?;
            (Some(journal), rows)
        }
        None => (None, Vec::new()),
    };
    let mut table = SweepTable::new(combinations, done);
    control.expect(combinations as u64);
    control.reach(table.done() as u64);
    let todo: Arc<[usize]> = (0..combinations).filter(|number| !table.has(*number)).collect();
    let work = Arc::new(Work { request, decoded });
    let table = tokio::task::spawn_blocking({
        let (work, control) = (Arc::clone(&work), Arc::clone(&control));
        move || {
            for row in workers(&work, &todo, jobs, &control) {
                let row = row?;
                if let Some(journal) = &mut journal {
                    journal.append(&row)?;
                }
                table.add(row);
                control.advance(1);
            }
            Ok::<_, anyhow::Error>(table)
        }
    });
    let table = table.await.context("collecting the rows")??;
    let wall_time_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    Ok(table.report(&work.request, digest, wall_time_ms))
}

/// Everything that all combinations share.
struct Work {
    request: SweepRequest,
    decoded: Decoded,
}

impl Work {
    fn row(&self, number: usize, control: &Arc<Control>) -> anyhow::Result<SweepRow> {
        let values = self.request.combination(number);
        let axes = self.request.axes.iter().map(|axis| axis.name.clone());
        let written = axes.zip(values.iter().map(|value| (*value).to_owned())).collect::<Vec<_>>();
        let outcome = self.decoded.run(&written, Way::Next, control)?;
        Ok(SweepRow::new(number, &values, &outcome))
    }
}

/// Checks each value once, so that the last combination of a long sweep does not fail on what could be known at its start.
fn check_axes(request: &SweepRequest, decoded: &Decoded) -> Result<(), ParameterError> {
    let mut values = request.axes.iter().flat_map(|axis| axis.values.iter().map(|value| (axis.name.clone(), value.clone())));
    values.try_for_each(|written| decoded.check(&[written]))
}

/// Rows as they are finished, until all are or the sweep is cancelled. A run that was cut short by that gives none.
fn workers(
    work: &Arc<Work>,
    todo: &Arc<[usize]>,
    jobs: usize,
    control: &Arc<Control>,
) -> impl Iterator<Item = anyhow::Result<SweepRow>> {
    let (sender, rows) = mpsc::sync_channel(jobs * ROWS_WAITING_PER_WORKER);
    let next = Arc::new(AtomicUsize::new(0));
    for _ in 0..jobs {
        let (work, todo, control) = (Arc::clone(work), Arc::clone(todo), Arc::clone(control));
        let (sender, next) = (sender.clone(), Arc::clone(&next));
        std::thread::spawn(move || {
            while let Some(number) = todo.get(next.fetch_add(1, Ordering::Relaxed)) {
                let row = work.row(*number, &control);
                // Nobody takes rows any more where one of them was an error: the sweep is over.
                if control.is_cancelled() || sender.send(row).is_err() {
                    return;
                }
            }
        });
    }
    rows.into_iter()
}

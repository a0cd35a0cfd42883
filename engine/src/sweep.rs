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
use crate::health::logs::remark;
use crate::report::{SweepJournal, SweepReport, SweepRow, SweepTable};
use crate::request::SweepRequest;
use crate::run::{Decoded, PrepareError, Way};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Instant;

/// Rows that may wait for the journal, per worker.
const ROWS_WAITING_PER_WORKER: usize = 4;

/// A mistake of ours that ended a sweep; the combinations done before are in the journal.
#[derive(Debug, thiserror::Error)]
pub enum SweepFault {
    /// A run panicked.
    #[error(
        "internal error: combination {number} ({values}) panicked: {words}; this is a mistake of the engine, please report it \
         (what was done is in the journal of --out, and --resume goes on from it)"
    )]
    Panicked {
        /// Number of the combination.
        number: usize,
        /// Its values, by name.
        values: String,
        /// What the panic said.
        words: String,
    },
    /// A worker ended without a word.
    #[error(
        "internal error: a worker of the sweep ended before its work did; this is a mistake of the engine, please report it"
    )]
    WorkerLost,
}

/// Runs every combination that the journal does not have yet.
///
/// # Errors
/// Where it cannot begin, a combination is not allowed by the manifest, a run fails for a reason of ours ([`SweepFault`]), or
/// the journal cannot be written.
pub async fn sweep(request: SweepRequest, control: Arc<Control>) -> anyhow::Result<SweepReport> {
    let began = Instant::now();
    let combinations = request.combinations();
    let jobs = request.jobs.min(combinations).max(1);
    if let Some(folder) = &request.out {
        SweepJournal::look(folder, request.earlier)?;
    }
    let decoded = Decoded::new(&request.strategy, &request.market, &request.settings, jobs, remark).await?;
    decoded.check_period(&request.market)?;
    check_axes(&request, &decoded)?;
    // The swept parameters have their defaults in the digest; their values stand in the journal beside it.
    let digest = decoded.digest(Way::Next);
    let (mut journal, done) = match &request.out {
        Some(folder) => {
            let (journal, rows) = SweepJournal::open(folder, request.earlier, &digest, &request.axes)?;
            (Some(journal), rows)
        }
        None => (None, Vec::new()),
    };
    let mut table = SweepTable::new(combinations, done);
    control.expect(combinations as u64);
    control.reach(table.done() as u64);
    let todo: Arc<[usize]> = (0..combinations).filter(|number| !table.has(*number)).collect();
    let work = Arc::new(Work { request, decoded });
    let rows = tokio::task::spawn_blocking({
        let (work, control) = (Arc::clone(&work), Arc::clone(&control));
        move || {
            let run = {
                let control = Arc::clone(&control);
                move |number| work.row(number, &control)
            };
            workers(run, &todo, jobs, &control, |row| {
                if let Some(journal) = &mut journal {
                    journal.append(&row)?;
                }
                table.add(row);
                control.advance(1);
                Ok(())
            })
            .map(|()| table)
        }
    });
    let table = rows.await.map_err(|_| SweepFault::WorkerLost)??;
    let wall_time_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    Ok(table.report(&work.request, digest, wall_time_ms))
}

/// Everything that all combinations share.
struct Work {
    request: SweepRequest,
    decoded: Decoded,
}

impl Work {
    /// Runs one combination. A panic is caught, so that it can be told whose it was.
    fn row(&self, number: usize, control: &Arc<Control>) -> anyhow::Result<SweepRow> {
        let values = self.request.combination(number);
        let axes = self.request.axes.iter().map(|axis| axis.name.clone());
        let written = axes.zip(values.iter().map(|value| (*value).to_owned())).collect::<Vec<_>>();
        let outcome = caught(number, &written, || self.decoded.run(&written, Way::Next, control))?;
        Ok(SweepRow::new(number, &values, &outcome))
    }
}

/// Checks each value once, so that the last combination of a long sweep does not fail on what could be known at its start.
fn check_axes(request: &SweepRequest, decoded: &Decoded) -> Result<(), PrepareError> {
    let mut values = request.axes.iter().flat_map(|axis| axis.values.iter().map(|value| (axis.name.clone(), value.clone())));
    values.try_for_each(|written| decoded.check(&[written]))
}

/// Runs something for a combination; a panic in it is an error that names the combination.
fn caught<T>(number: usize, written: &[(String, String)], run: impl FnOnce() -> anyhow::Result<T>) -> anyhow::Result<T> {
    // What the run shares with others is read only, or a counter.
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|panic| {
        let words = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
        let values = written.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" ");
        Err(SweepFault::Panicked { number, values, words: words.unwrap_or("without words").to_owned() }.into())
    })
}

/// Runs what is to do on so many threads and hands rows to `take` as they are finished, until all are, one fails or the sweep
/// is cancelled. A run that was cut short by that gives none; rows that others finish meanwhile are still taken.
fn workers(
    run: impl Fn(usize) -> anyhow::Result<SweepRow> + Clone + Send + 'static,
    todo: &Arc<[usize]>,
    jobs: usize,
    control: &Arc<Control>,
    mut take: impl FnMut(SweepRow) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let (sender, rows) = mpsc::sync_channel(jobs * ROWS_WAITING_PER_WORKER);
    let (next, over) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
    let threads = (0..jobs).map(|_| {
        let (run, todo, control) = (run.clone(), Arc::clone(todo), Arc::clone(control));
        let (sender, next, over) = (sender.clone(), Arc::clone(&next), Arc::clone(&over));
        std::thread::spawn(move || {
            while let Some(number) = todo.get(next.fetch_add(1, Ordering::Relaxed)) {
                if over.load(Ordering::Relaxed) {
                    return;
                }
                let row = run(*number);
                if control.is_cancelled() || sender.send(row).is_err() {
                    return;
                }
            }
        })
    });
    let threads = threads.collect::<Vec<_>>();
    drop(sender);
    let mut ended = Ok(());
    for row in rows {
        if let Err(error) = row.and_then(&mut take) {
            over.store(true, Ordering::Relaxed);
            ended = ended.and(Err(error));
        }
    }
    for thread in threads {
        ended = ended.and(thread.join().map_err(|_| SweepFault::WorkerLost.into()));
    }
    ended
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(number: usize) -> SweepRow {
        let row = serde_json::json!({
            "number": number, "values": ["1"], "status": "completed", "events": 1, "fills": 0, "fees": "0", "final_equity": "1",
            "fuel": 1, "return": null, "cagr": null, "sharpe": null, "sortino": null, "calmar": null, "max_drawdown": null,
            "profit_factor": null, "win_rate": null, "expectancy": null, "trades": 0
        });
        serde_json::from_value(row).expect("a row")
    }

    #[test]
    fn a_run_that_panics_is_named_and_the_finished_rows_are_kept() {
        let todo: Arc<[usize]> = (0..8).collect();
        let run = |number: usize| {
            let written = [("fast".to_owned(), number.to_string())];
            caught(number, &written, || {
                assert_ne!(number, 5, "five is odd");
                Ok(row(number))
            })
        };
        let mut kept = Vec::new();
        let ended = workers(run, &todo, 1, &Arc::default(), |row| {
            kept.push(row.number);
            Ok(())
        });
        let error = ended.expect_err("a combination failed");
        let words = error.to_string();
        assert!(matches!(error.downcast_ref(), Some(SweepFault::Panicked { number: 5, .. })), "{words}");
        assert!(words.contains("combination 5 (fast=5)") && words.contains("five is odd"), "{words}");
        assert!(kept.starts_with(&[0, 1, 2, 3, 4]), "{kept:?}");
    }

    #[test]
    fn a_worker_that_dies_is_no_cancelled_sweep() {
        let todo: Arc<[usize]> = (0..4).collect();
        let run = |number: usize| if number == 2 { panic!("outside of any run") } else { Ok(row(number)) };
        let ended = workers(run, &todo, 1, &Arc::default(), |_| Ok(()));
        assert!(matches!(ended.expect_err("it died").downcast_ref(), Some(SweepFault::WorkerLost)));
    }

    #[test]
    fn a_cancelled_sweep_is_no_error() {
        let (todo, control) = ((0..4).collect::<Arc<[usize]>>(), Arc::new(Control::default()));
        control.cancel();
        workers(|number: usize| Ok(row(number)), &todo, 2, &control, |_| Ok(())).expect("it is only over");
    }
}

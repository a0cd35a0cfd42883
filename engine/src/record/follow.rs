//! Reads a journal behind whoever writes it, and makes batches of facts.

use super::derive::Deriver;
use super::schema::{Mark, Row};
use crate::journal::{Entry, ReadError, Tail, Tailed};
use crate::run::Facts;
use calypte_kernel::journal::{Record, Replay, ReplayError, write_input};
use calypte_kernel::{Input, StrategyId};
use sha2::{Digest as _, Sha256};
use std::path::Path;

/// Why facts cannot be read from a journal. Nothing follows that is sound.
#[derive(Debug, thiserror::Error)]
pub enum FollowError {
    /// It cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// Its records do not belong together, or were made by another version of the core.
    #[error("epoch {epoch} of the journal cannot be replayed")]
    Records {
        /// Which epoch.
        epoch: u32,
        /// Why not.
        #[source]
        cause: ReplayError,
    },
    /// What it begins with is no longer there.
    #[error("the journal begins with epoch {epoch} in the middle: its first segments were removed")]
    NoBeginning {
        /// The first epoch there is.
        epoch: u32,
    },
}

/// How much one batch may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Rows beyond which no further input is read.
    pub rows_max: usize,
    /// Inputs that are read.
    pub inputs_max: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { rows_max: 2_000, inputs_max: 20_000 }
    }
}

/// The facts of a stretch of a journal.
#[derive(Debug, Default)]
pub struct Batch {
    /// Names the journal; none before its first input.
    pub journal: Option<String>,
    /// The last input whose facts are in here or in a batch before.
    pub until: Mark,
    /// Where epochs begin that it reaches into: what the database has of earlier ones at or above that record was lost by a
    /// power cut, and is no part of the account's past any more.
    pub begins: Vec<Mark>,
    /// Facts, in their order.
    pub rows: Vec<Row>,
    /// Inputs that were read.
    pub inputs: u64,
    /// Whether the journal has no more for now.
    pub is_at_end: bool,
}

/// Goes through a journal with a core of its own.
#[derive(Debug)]
pub struct Follower {
    tail: Tail,
    replay: Replay,
    deriver: Deriver,
    epoch: Option<u32>,
    /// Whether the epoch has had an input.
    has_begun: bool,
    journal: Option<String>,
    until: Mark,
}

impl Follower {
    /// Of the journal in a folder, from its beginning. The folder need not be there yet.
    pub fn new(folder: &Path) -> Self {
        Self {
            tail: Tail::new(folder),
            replay: Replay::default(),
            deriver: Deriver::default(),
            epoch: None,
            has_begun: false,
            journal: None,
            until: Mark::default(),
        }
    }

    /// The next facts, as far as the journal has come.
    ///
    /// # Errors
    /// Where it cannot be read or replayed. Nothing more is to be read then.
    pub fn next(&mut self, limits: Limits) -> Result<Batch, FollowError> {
        let mut batch = Batch::default();
        while batch.rows.len() < limits.rows_max && batch.inputs < limits.inputs_max {
            let Some(tailed) = self.tail.next()? else {
                batch.is_at_end = true;
                break;
            };
            self.take(tailed, &mut batch)?;
        }
        (batch.journal, batch.until) = (self.journal.clone(), self.until);
        Ok(batch)
    }

    fn take(&mut self, tailed: Tailed, batch: &mut Batch) -> Result<(), FollowError> {
        let Tailed { epoch, segment, entry: Entry { number, time, record } } = tailed;
        let mark = Mark { epoch, record: number };
        if self.epoch != Some(epoch) {
            match self.epoch.replace(epoch) {
                Some(_) => self.replay.next_epoch(),
                None if segment > 1 => return Err(FollowError::NoBeginning { epoch }),
                None => {}
            }
            self.has_begun = false;
            batch.begins.push(mark);
        }
        let failed = |cause| FollowError::Records { epoch, cause };
        let input = match record {
            Record::Input(input) => input,
            Record::Facts(facts) => {
                // Without them strategies have numbers; a journal of another shell is no worse for it.
                if let Ok(facts) = serde_json::from_slice::<Facts>(&facts) {
                    let names = facts.strategies.into_iter().map(|facts| (StrategyId::new(facts.id), facts.name));
                    self.deriver.name(names.collect());
                }
                return Ok(());
            }
            other => return self.replay.apply(number, time, other).map(drop).map_err(failed),
        };
        self.begin(mark, time, &input)?;
        let evidence = Deriver::before(self.replay.core(), &input);
        let step = self.replay.apply(number, time, Record::Input(input)).map_err(failed)?;
        let core = self.replay.core().expect("what has had an input is a core");
        self.deriver.after((mark, time), &evidence, &step.outputs, core, &mut batch.rows);
        self.until = mark;
        batch.inputs += 1;
        Ok(())
    }

    /// Looks at the first input of an epoch: it says whether the account goes on, and the very first one names the journal.
    fn begin(&mut self, mark: Mark, time: calypte_kernel::Timestamp, input: &Input) -> Result<(), FollowError> {
        if std::mem::replace(&mut self.has_begun, true) {
            return Ok(());
        }
        let goes_on = matches!(input, Input::Opened { .. });
        if self.journal.is_none() {
            if goes_on {
                return Err(FollowError::NoBeginning { epoch: mark.epoch });
            }
            self.journal = Some(name_of(mark, time, input));
        }
        if !goes_on {
            self.deriver.begin();
        }
        Ok(())
    }
}

/// Names a journal by its first input, which holds the time at which it was begun.
fn name_of(mark: Mark, time: calypte_kernel::Timestamp, input: &Input) -> String {
    let mut bytes = mark.epoch.to_le_bytes().to_vec();
    write_input(&mut bytes, mark.record, time, input).expect("what was read from a record fits one");
    Sha256::digest(&bytes)[..16].iter().map(|byte| format!("{byte:02x}")).collect()
}

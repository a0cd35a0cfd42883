//! A journal through a fresh core: what it said then, it says again.
//!
//! ```text
//!   epoch 1   settings, input, input, …                     ┐
//!   epoch 2   settings, opened 2, input, …                  │ one core: each process took over what the one before left
//!   epoch 3   settings, opened 3, input, …, closed          ┘
//!   epoch 4   settings, input, …                              a core of its own, such as another run
//! ```

use super::record::{OutputsDigest, Record};
use super::wire::Encode;
use crate::{CoreSettings, Input, Output, SettingsError, Timestamp, TradingCore};

/// A core that is taken through the records of an epoch, or of several that follow one another.
///
/// ```
/// use calypte_kernel::journal::{Record, Replay};
/// # use calypte_kernel::*;
/// # let settings = CoreSettings::new(AccountId::new(1), [].into(), [].into());
/// let mut replay = Replay::default();
/// replay.apply(1, Timestamp::from_millis(0), Record::Settings(Box::new(settings)))?;
/// let step = replay.apply(2, Timestamp::from_millis(5), Record::Input(Input::Wake))?;
/// assert!(step.outputs.is_empty());
/// # Ok::<_, calypte_kernel::journal::ReplayError>(())
/// ```
#[derive(Debug, Default)]
pub struct Replay {
    core: Option<TradingCore>,
    /// The settings as they were written, to hold later ones against.
    settings: Vec<u8>,
    /// Settings of an epoch whose first input has not come: it says whether the core before goes on.
    begun: Option<Begun>,
    digest: OutputsDigest,
    scratch: Vec<u8>,
    /// The latest record up to which the outputs were compared and found equal.
    compared: Option<u64>,
    inputs: u64,
    is_closed: bool,
    /// Whether an epoch begins behind another one.
    follows: bool,
}

/// The beginning of an epoch behind another one.
#[derive(Debug)]
struct Begun {
    number: u64,
    settings: Box<CoreSettings>,
    /// As they were written.
    bytes: Vec<u8>,
}

/// What followed from a record.
#[derive(Debug, Default)]
pub struct Step {
    /// What the core said, in order. Nothing but an input makes it speak.
    pub outputs: Vec<Output>,
}

/// The core says something else than it did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mismatch {
    /// The record that says what the outputs were.
    pub record: u64,
    /// The latest record before it up to which they were the same.
    pub same_until: Option<u64>,
    /// What was written down.
    pub expected: OutputsDigest,
    /// What came of it now.
    pub got: OutputsDigest,
}

impl std::fmt::Display for Mismatch {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { record, same_until, expected, got } = self;
        match same_until {
            Some(same) => write!(formatter, "between records {same} and {record}")?,
            None => write!(formatter, "before record {record}")?,
        }
        write!(formatter, " the core says something else: {expected} then, {got} now")
    }
}

/// Why a replay cannot go on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReplayError {
    /// This core does not do what the one did that wrote the journal: another version, or memory that failed.
    #[error("{0}")]
    Differs(Mismatch),
    /// No core can be made of the settings.
    #[error("the settings in record {number}")]
    Settings {
        /// Which record.
        number: u64,
        /// What is wrong.
        #[source]
        cause: SettingsError,
    },
    /// An epoch whose beginning is missing.
    #[error("record {number} comes before any settings: the beginning of the epoch is missing")]
    NoSettings {
        /// Which record.
        number: u64,
    },
    /// The settings changed within an epoch.
    #[error("record {number} has other settings than those the epoch began with")]
    OtherSettings {
        /// Which record.
        number: u64,
    },
    /// A process took over a core of other settings than its own.
    #[error("record {number} takes over the core of the epoch before, whose settings are others")]
    TakesOverOther {
        /// Which record.
        number: u64,
    },
    /// A record behind the last one.
    #[error("record {number} follows the end of its epoch")]
    AfterTheEnd {
        /// Which record.
        number: u64,
    },
}

impl Replay {
    /// Applies the next record.
    ///
    /// # Errors
    /// Where the core says something else than it did, or the records do not belong together.
    pub fn apply(&mut self, number: u64, time: Timestamp, record: Record) -> Result<Step, ReplayError> {
        if self.is_closed {
            return Err(ReplayError::AfterTheEnd { number });
        }
        match record {
            Record::Settings(settings) => self.begin(number, settings)?,
            Record::Facts(_) => {}
            Record::Input(input) => return self.input(number, time, input),
            Record::Outputs(digest) => self.compare(number, digest)?,
            Record::Closed(digest) => {
                self.compare(number, digest)?;
                self.is_closed = true;
            }
        }
        Ok(Step::default())
    }

    /// The records of the next epoch follow. It goes on with the core as it is where its first input says that a process took
    /// over ([`Input::Opened`]), and else with a new one. What was said is counted anew.
    pub fn next_epoch(&mut self) {
        let core = self.core.take();
        let settings = std::mem::take(&mut self.settings);
        *self = Self { core, settings, ..Self::default() };
        self.follows = self.core.is_some();
    }

    /// The core as it now is; none before its settings came.
    pub const fn core(&self) -> Option<&TradingCore> {
        self.core.as_ref()
    }

    /// The core, to go on with.
    pub fn into_core(self) -> Option<TradingCore> {
        self.core
    }

    /// What it said so far.
    pub const fn digest(&self) -> OutputsDigest {
        self.digest
    }

    /// How many inputs it was given.
    pub const fn inputs(&self) -> u64 {
        self.inputs
    }

    /// The latest record that said what the outputs were.
    pub const fn compared(&self) -> Option<u64> {
        self.compared
    }

    /// Whether the epoch ended in order.
    pub const fn is_closed(&self) -> bool {
        self.is_closed
    }

    fn begin(&mut self, number: u64, settings: Box<CoreSettings>) -> Result<(), ReplayError> {
        self.scratch.clear();
        settings.encode(&mut self.scratch);
        if let Some(begun) = &self.begun {
            return if self.scratch == begun.bytes { Ok(()) } else { Err(ReplayError::OtherSettings { number }) };
        }
        if std::mem::take(&mut self.follows) {
            self.begun = Some(Begun { number, settings, bytes: self.scratch.clone() });
            return Ok(());
        }
        if self.core.is_some() {
            return if self.scratch == self.settings { Ok(()) } else { Err(ReplayError::OtherSettings { number }) };
        }
        self.make(number, *settings)
    }

    fn make(&mut self, number: u64, settings: CoreSettings) -> Result<(), ReplayError> {
        self.settings.clear();
        settings.encode(&mut self.settings);
        let core = TradingCore::new(settings).map_err(|cause| ReplayError::Settings { number, cause })?;
        self.core = Some(core);
        Ok(())
    }

    /// The first input of an epoch behind another one says which core it is for.
    fn take_over(&mut self, number: u64, begun: Begun, input: &Input) -> Result<(), ReplayError> {
        if !matches!(input, Input::Opened { .. }) {
            return self.make(begun.number, *begun.settings);
        }
        if begun.bytes == self.settings { Ok(()) } else { Err(ReplayError::TakesOverOther { number }) }
    }

    fn input(&mut self, number: u64, time: Timestamp, input: Input) -> Result<Step, ReplayError> {
        if self.follows {
            return Err(ReplayError::NoSettings { number });
        }
        if let Some(begun) = self.begun.take() {
            self.take_over(number, begun, &input)?;
        }
        let core = self.core.as_mut().ok_or(ReplayError::NoSettings { number })?;
        core.handle(time, input);
        self.inputs += 1;
        let mut outputs = Vec::with_capacity(core.pending().len());
        while let Some(output) = core.poll() {
            self.digest.add(&output, &mut self.scratch);
            outputs.push(output);
        }
        Ok(Step { outputs })
    }

    fn compare(&mut self, record: u64, expected: OutputsDigest) -> Result<(), ReplayError> {
        if expected != self.digest {
            let (same_until, got) = (self.compared, self.digest);
            return Err(ReplayError::Differs(Mismatch { record, same_until, expected, got }));
        }
        self.compared = Some(record);
        Ok(())
    }
}

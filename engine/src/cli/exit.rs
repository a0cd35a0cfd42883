//! How a command ends. The table is in `docs/cli.md`.

use crate::collect::CollectError;
use crate::data::DataError;
use crate::drift::DriftError;
use crate::record::{FollowError, StoreError};
use crate::replay::ReplayFailure;
use crate::report::JournalError;
use crate::run::PrepareError;
use crate::sweep::SweepFault;
use crate::upload::ComponentError;
use calypte_host::{CompileError, UploadError};
use calypte_sim::BacktestError;
use std::process::ExitCode;

/// Exit codes of the program. Their numbers are a promise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum ExitStatus {
    /// Done.
    Ok = 0,
    /// It ran, and what was asked about failed: a run that ended early, a component that was refused, a crate that does not
    /// compile, data with faults.
    Failed = 1,
    /// The command line does not make sense.
    Usage = 2,
    /// An input file cannot be read or is not fit for use.
    BadInput = 3,
    /// Something of the machine is missing or refuses: a tool, a folder that cannot be written.
    Environment = 4,
    /// A replay does something else than was done, or a backtest decides something else than was decided.
    Different = 5,
    /// A mistake of this program itself. What was finished before is kept where the command keeps anything.
    Internal = 70,
    /// Ended by an interrupt; what was done until then is reported.
    Cancelled = 130,
}

impl From<ExitStatus> for ExitCode {
    fn from(status: ExitStatus) -> Self {
        Self::from(status as u8)
    }
}

/// An error that knows how the program ends with it. Put around or between other errors, it decides for all of them.
#[derive(Debug)]
pub struct Failure {
    /// The exit code.
    pub status: ExitStatus,
    error: anyhow::Error,
}

impl Failure {
    /// With its own words.
    pub fn new(status: ExitStatus, words: impl Into<String>) -> Self {
        Self { status, error: anyhow::Error::msg(words.into()) }
    }

    /// Of another error.
    pub fn of(status: ExitStatus, error: impl Into<anyhow::Error>) -> Self {
        Self { status, error: error.into() }
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.error.fmt(formatter)
    }
}

impl std::error::Error for Failure {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.error.source()
    }
}

/// Says of an error how the program ends with it.
pub(crate) trait Ends<T> {
    /// With this status.
    fn ends(self, status: ExitStatus) -> Result<T, Failure>;
}

impl<T, E: Into<anyhow::Error>> Ends<T> for Result<T, E> {
    fn ends(self, status: ExitStatus) -> Result<T, Failure> {
        self.map_err(|error| Failure::of(status, error))
    }
}

/// The status of an error: what a [`Failure`] in its chain says, else what its known causes mean.
pub(super) fn status_of(error: &anyhow::Error) -> ExitStatus {
    for cause in error.chain() {
        if let Some(failure) = cause.downcast_ref::<Failure>() {
            return failure.status;
        }
        if cause.is::<crate::request::RequestError>() {
            return ExitStatus::Usage;
        }
        if cause.is::<crate::config::ConfigError>() {
            return ExitStatus::BadInput;
        }
        if let Some(error) = cause.downcast_ref::<PrepareError>() {
            return match error {
                PrepareError::Parameter(_) => ExitStatus::Usage,
                PrepareError::Data(_) | PrepareError::NoCandles { .. } => ExitStatus::BadInput,
                PrepareError::Component(error) => status_of_component(error),
                PrepareError::NoFeed { .. } => ExitStatus::Failed,
            };
        }
        if let Some(error) = cause.downcast_ref::<ComponentError>() {
            return status_of_component(error);
        }
        if let Some(DataError::Cancelled { .. }) = cause.downcast_ref() {
            return ExitStatus::Cancelled;
        }
        if let Some(BacktestError::OutOfOrder { .. } | BacktestError::TicksOutOfOrder { .. }) = cause.downcast_ref() {
            return ExitStatus::BadInput;
        }
        if cause.is::<calypte_sim::SourceError>() || cause.is::<DataError>() {
            return ExitStatus::BadInput;
        }
        if let Some(error) = cause.downcast_ref::<ReplayFailure>() {
            return match error {
                ReplayFailure::Read(_) | ReplayFailure::Records { .. } | ReplayFailure::NoFacts { .. } => ExitStatus::BadInput,
                ReplayFailure::NoEpoch { .. } | ReplayFailure::NoStrategy { .. } => ExitStatus::Usage,
                ReplayFailure::Cancelled => ExitStatus::Cancelled,
            };
        }
        if let Some(error) = cause.downcast_ref::<CollectError>() {
            return status_of_collecting(error);
        }
        if let Some(error) = cause.downcast_ref::<DriftError>() {
            return match error {
                DriftError::NoFacts { .. } | DriftError::TooLong | DriftError::Nothing => ExitStatus::BadInput,
                DriftError::NoStrategy { .. } => ExitStatus::Usage,
                DriftError::Cancelled => ExitStatus::Cancelled,
            };
        }
        if cause.is::<FollowError>() {
            return ExitStatus::BadInput;
        }
        if let Some(StoreError::OtherJournal { .. }) = cause.downcast_ref() {
            return ExitStatus::Usage;
        }
        if cause.is::<SweepFault>() {
            return ExitStatus::Internal;
        }
        if let Some(JournalError::Other { .. } | JournalError::Exists { .. } | JournalError::Missing { .. }) =
            cause.downcast_ref()
        {
            return ExitStatus::Usage;
        }
        // A strategy that fails before its first event.
        if cause.is::<calypte_kernel::Fault>() {
            return ExitStatus::Failed;
        }
    }
    ExitStatus::Environment
}

const fn status_of_component(error: &ComponentError) -> ExitStatus {
    match error {
        ComponentError::Unreadable { .. } => ExitStatus::BadInput,
        ComponentError::Refused { cause, .. } if is_verdict(cause) => ExitStatus::Failed,
        ComponentError::Refused { .. } => ExitStatus::Environment,
    }
}

const fn status_of_collecting(error: &CollectError) -> ExitStatus {
    match error {
        CollectError::Topic(_) => ExitStatus::Usage,
        CollectError::Bus(_)
        | CollectError::Taken { .. }
        | CollectError::Io { .. }
        | CollectError::Data(DataError::Unreadable { .. }) => ExitStatus::Environment,
        CollectError::Damaged { .. } | CollectError::Data(_) => ExitStatus::BadInput,
    }
}

/// Whether an upload was refused for what the file is, rather than for the state of this machine.
pub(super) const fn is_verdict(error: &UploadError) -> bool {
    match error {
        UploadError::Shape(_) | UploadError::World(_) | UploadError::Describe(_) | UploadError::CheckFailed(_) => true,
        UploadError::Compile(error) => match error {
            CompileError::CpuLimit { .. }
            | CompileError::MemoryLimit { .. }
            | CompileError::ArtefactLimit { .. }
            | CompileError::Refused(_)
            | CompileError::Crashed { .. } => true,
            CompileError::WallLimit { .. }
            | CompileError::ChildLost { .. }
            | CompileError::OtherEngine
            | CompileError::NoChild { .. } => false,
        },
        UploadError::Load(_) | UploadError::Busy { .. } => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::Context;

    #[test]
    fn the_status_is_found_through_layers_of_context() {
        let error = Err::<(), _>(Failure::new(ExitStatus::BadInput, "no such file")).context("reading data");
        assert_eq!(status_of(&error.expect_err("it failed")), ExitStatus::BadInput);
        let request = anyhow::Error::from(crate::request::RequestError::NothingToSweep).context("reading the command line");
        assert_eq!(status_of(&request), ExitStatus::Usage);
        assert_eq!(status_of(&anyhow::anyhow!("something else")), ExitStatus::Environment);
    }
}

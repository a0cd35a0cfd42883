//! Writing down what goes into the core before anything follows from it, and what then follows: what a journal is made of.

use super::{Backtest, BacktestError, Stage};
use calypte_kernel::{Input, Output, Timestamp};

/// Gets every input of the core, in order, before the core has it.
pub trait InputRecorder: Send {
    /// An input. The core gets it once this returns.
    ///
    /// # Errors
    /// Where it cannot be written down. The core then never gets it, and the run is over.
    fn input(&mut self, now: Timestamp, input: &Input) -> Result<(), RecorderError>;

    /// What followed from the latest input. None of it is acted on yet.
    ///
    /// # Errors
    /// Where it cannot be written down. None of it is then acted on, and the run is over.
    fn outputs(&mut self, now: Timestamp, outputs: &mut dyn Iterator<Item = &Output>) -> Result<(), RecorderError>;
}

/// Why a recorder takes nothing more.
pub type RecorderError = Box<dyn std::error::Error + Send + Sync>;

/// A recorder with how it fares.
pub(super) struct Recording {
    recorder: Box<dyn InputRecorder>,
    state: State,
}

enum State {
    Recording,
    Failed {
        at: Timestamp,
        cause: RecorderError,
    },
    /// It failed, and somebody was told.
    Over,
}

impl Backtest {
    /// With somebody who writes down every input of the core.
    pub fn with_recorder(mut self, recorder: Box<dyn InputRecorder>) -> Self {
        self.recording = Some(Box::new(Recording { recorder, state: State::Recording }));
        self
    }

    /// Hands an input to the core.
    #[inline]
    pub(super) fn feed(&mut self, input: Input) {
        if self.recording.is_some() {
            return self.record(input);
        }
        self.core.handle(self.now, input);
    }

    #[cold]
    fn record(&mut self, input: Input) {
        let now = self.now;
        let Some(recording) = self.recording.as_deref_mut().filter(|recording| matches!(recording.state, State::Recording))
        else {
            return;
        };
        let recorded = recording.recorder.input(now, &input).and_then(|()| {
            let before = self.core.pending().len();
            self.core.handle(now, input);
            recording.recorder.outputs(now, &mut self.core.pending().skip(before))
        });
        if let Err(cause) = recorded {
            recording.state = State::Failed { at: now, cause };
        }
    }

    /// Ends the run where recording failed: nothing that was not written down is acted on.
    #[cold]
    pub(super) fn check_recording(&mut self) -> Result<(), BacktestError> {
        let Some(recording) = &mut self.recording else { return Ok(()) };
        if matches!(recording.state, State::Recording) {
            return Ok(());
        }
        self.stage = Stage::Done;
        self.ready.clear();
        while self.core.poll().is_some() {}
        match std::mem::replace(&mut recording.state, State::Over) {
            State::Failed { at, cause } => Err(BacktestError::Recorder { at, cause }),
            State::Recording | State::Over => Ok(()),
        }
    }
}

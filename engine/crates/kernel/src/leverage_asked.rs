//! Leverage settings that were asked for and not answered.

use crate::{Answers, InstrumentId, MarginMode, StrategyId};
use std::collections::VecDeque;

/// How many leverage settings of an account may be unanswered.
pub(crate) const LEVERAGE_ASKED_MAX: usize = 64;

/// One of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LeverageRequest {
    pub(crate) strategy: StrategyId,
    pub(crate) answers: Answers,
    pub(crate) instrument: InstrumentId,
    pub(crate) leverage: u32,
    pub(crate) mode: MarginMode,
}

/// All of them, oldest first.
#[derive(Debug, Default)]
pub(crate) struct LeverageAsked(VecDeque<LeverageRequest>);

impl LeverageAsked {
    /// Whether no more may be asked for.
    pub(crate) fn is_full(&self) -> bool {
        self.0.len() >= LEVERAGE_ASKED_MAX
    }

    /// Notes one that is sent.
    pub(crate) fn ask(&mut self, request: LeverageRequest) {
        self.0.push_back(request);
    }

    /// The exchange has this setting: whoever asked for it first has it.
    pub(crate) fn set(&mut self, instrument: InstrumentId, leverage: u32, mode: MarginMode) {
        let wanted =
            |request: &LeverageRequest| (request.instrument, request.leverage, request.mode) == (instrument, leverage, mode);
        if let Some(place) = self.0.iter().position(wanted) {
            self.0.remove(place);
        }
    }

    /// The exchange refused the oldest one for an instrument.
    pub(crate) fn refused(&mut self, instrument: InstrumentId) -> Option<LeverageRequest> {
        let place = self.0.iter().position(|request| request.instrument == instrument)?;
        self.0.remove(place)
    }
}

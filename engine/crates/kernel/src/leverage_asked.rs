//! Leverage settings that were asked for and not answered. Each ends: with an answer, or asked after once it can be admitted no
//! longer.

use crate::{Answers, InstrumentId, MarginMode, StrategyId, Timestamp};
use smallvec::SmallVec;
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
    /// When the exchange may admit it no longer.
    pub(crate) expires_after: Timestamp,
    /// When it is to be asked after, for the first time or again.
    pub(crate) due: Timestamp,
}

/// What became of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Settled {
    /// The exchange has it.
    Set(LeverageRequest),
    /// It can be admitted no longer, and the exchange has another setting.
    NeverAdmitted(LeverageRequest),
}

/// All of them, oldest first.
#[derive(Debug, Default)]
pub(crate) struct LeverageAsked(VecDeque<LeverageRequest>);

impl LeverageAsked {
    /// How many.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether no more may be asked for.
    pub(crate) fn is_full(&self) -> bool {
        self.len() >= LEVERAGE_ASKED_MAX
    }

    /// Notes one that is sent.
    pub(crate) fn ask(&mut self, request: LeverageRequest) {
        self.0.push_back(request);
    }

    /// When the first is to be asked after.
    #[inline]
    pub(crate) fn next(&self) -> Option<Timestamp> {
        if self.0.is_empty() { None } else { self.0.iter().map(|request| request.due).min() }
    }

    /// Instruments to be asked about at a time, each once; and again from `next` on.
    pub(crate) fn due(&mut self, until: Timestamp, next: Timestamp) -> SmallVec<[InstrumentId; 4]> {
        let mut due = SmallVec::new();
        for request in self.0.iter_mut().filter(|request| request.due <= until) {
            request.due = next;
            if !due.contains(&request.instrument) {
                due.push(request.instrument);
            }
        }
        due
    }

    /// The exchange says what holds for an instrument as of a time: whoever asked for that first has it. What could be admitted
    /// only before that has it too, or never will.
    pub(crate) fn holds(
        &mut self,
        instrument: InstrumentId,
        setting: (u32, MarginMode),
        as_of: Timestamp,
    ) -> SmallVec<[Settled; 1]> {
        let mut settled = SmallVec::new();
        let mut is_first = true;
        self.0.retain(|request| {
            if request.instrument != instrument {
                return true;
            }
            let is_set = (request.leverage, request.mode) == setting;
            let is_over = request.expires_after < as_of;
            if is_set && (is_over || std::mem::take(&mut is_first)) {
                settled.push(Settled::Set(*request));
            } else if is_over {
                settled.push(Settled::NeverAdmitted(*request));
            } else {
                return true;
            }
            false
        });
        settled
    }

    /// The exchange refused the oldest one for an instrument.
    pub(crate) fn refused(&mut self, instrument: InstrumentId) -> Option<LeverageRequest> {
        let place = self.0.iter().position(|request| request.instrument == instrument)?;
        self.0.remove(place)
    }
}

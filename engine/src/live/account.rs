//! One account while it runs: its core, and the journal in front of it.

use crate::journal::{WriteError, Writer, Written};
use calypte_kernel::{Input, Output, Timestamp, TradingCore};

/// A core whose inputs are written down before it has them.
#[derive(Debug)]
pub struct Account {
    core: TradingCore,
    /// None: nothing is written down, and nothing survives the process.
    journal: Option<Writer>,
    now: Timestamp,
}

impl Account {
    /// An account that begins.
    pub const fn new(core: TradingCore, journal: Option<Writer>) -> Self {
        Self { core, journal, now: Timestamp::from_millis(i64::MIN) }
    }

    /// An account that goes on where its journal ended. What it had sent and not heard of is in doubt from now on.
    ///
    /// # Errors
    /// Where the journal cannot be written, or has no room for another process.
    pub fn taken_over(
        core: TradingCore,
        journal: Writer,
        (then, now): (Timestamp, Timestamp),
        outputs: &mut Vec<Output>,
    ) -> Result<Self, WriteError> {
        let epoch = u16::try_from(journal.epoch()).map_err(|_| journal.exhausted())?;
        let mut account = Self { core, journal: Some(journal), now: then };
        account.apply(now, Input::Opened { epoch }, outputs)?;
        Ok(account)
    }

    /// The core, for reading.
    pub const fn core(&self) -> &TradingCore {
        &self.core
    }

    /// The latest time it was told.
    pub const fn now(&self) -> Timestamp {
        self.now
    }

    /// How much its journal writes; none: it has none.
    pub fn written(&self) -> Option<Written> {
        self.journal.as_ref().map(Writer::in_all)
    }

    /// Writes an input down, gives it to the core, and adds what follows from it to `outputs`.
    ///
    /// A clock that steps back is taken to stand still: what was journalled must read in order.
    ///
    /// # Errors
    /// Where it cannot be written. The core then has not had it, and may have nothing more.
    pub fn apply(&mut self, now: Timestamp, input: Input, outputs: &mut Vec<Output>) -> Result<(), WriteError> {
        self.write(now, std::slice::from_ref(&input))?;
        self.handle(input, outputs)
    }

    /// How many inputs may be written together.
    pub fn together_max(&self) -> usize {
        self.journal.as_ref().map_or(usize::MAX, Writer::together_max)
    }

    /// Writes inputs down that came together, of which [`Self::handle`] then gives each to the core, in this order and before
    /// anything else.
    ///
    /// # Errors
    /// Where they cannot be written. The core may have none of them.
    pub fn write(&mut self, now: Timestamp, inputs: &[Input]) -> Result<(), WriteError> {
        self.now = self.now.max(now);
        self.journal.as_mut().map_or(Ok(()), |journal| journal.inputs(self.now, inputs))
    }

    /// Gives the core an input that is written down, and adds what follows from it to `outputs`.
    ///
    /// # Errors
    /// Where a digest of the outputs cannot be written.
    pub fn handle(&mut self, input: Input, outputs: &mut Vec<Output>) -> Result<(), WriteError> {
        self.core.handle(self.now, input);
        if let Some(journal) = &mut self.journal {
            journal.outputs(self.now, self.core.pending())?;
        }
        outputs.extend(std::iter::from_fn(|| self.core.poll()));
        Ok(())
    }

    /// Ends the journal in order.
    ///
    /// # Errors
    /// Where that cannot be written.
    pub fn close(self) -> Result<TradingCore, WriteError> {
        if let Some(journal) = self.journal {
            journal.close(self.now)?;
        }
        Ok(self.core)
    }
}

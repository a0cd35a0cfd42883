//! The journal of a run, in the bytes of the format, and the core that comes back out of it.

use super::invariants::{Invariant, Violation};
use calypte_kernel::journal::{Frames, OutputsDigest, Read, Record, Replay, write_input, write_record};
use calypte_kernel::{CoreSettings, Deliver, Input, Output, StrategyId, StrategyState, Timestamp, TradingCore};
use std::collections::BTreeMap;

/// How many inputs pass between two notes of what the outputs were.
const INPUTS_PER_NOTE: u64 = 64;

/// Hooks that are out, by strategy.
pub(crate) type Hooks = BTreeMap<StrategyId, Deliver>;

/// Everything that went into a core.
#[derive(Debug)]
pub(crate) struct Log {
    bytes: Vec<u8>,
    number: u64,
    digest: OutputsDigest,
    scratch: Vec<u8>,
    /// Where each record ends.
    ends: Vec<usize>,
}

/// What comes out of a journal.
#[derive(Debug)]
pub(crate) struct Replayed {
    /// The core.
    pub(crate) core: TradingCore,
    /// The hooks that are out.
    pub(crate) hooks: Hooks,
    /// The latest event that was handed out.
    pub(crate) latest: u64,
}

impl Log {
    /// Of a core made of these settings.
    pub(crate) fn new(settings: &CoreSettings) -> Self {
        let mut log =
            Self { bytes: Vec::new(), number: 0, digest: OutputsDigest::default(), scratch: Vec::new(), ends: Vec::new() };
        log.write(Timestamp::from_millis(0), &Record::Settings(Box::new(settings.clone())));
        log
    }

    fn write(&mut self, now: Timestamp, record: &Record) {
        write_record(&mut self.bytes, self.number, now, record).expect("records of a run are small");
        self.number += 1;
        self.ends.push(self.bytes.len());
    }

    /// Writes an input down, before the core has it.
    pub(crate) fn input(&mut self, now: Timestamp, input: &Input) {
        if self.number.is_multiple_of(INPUTS_PER_NOTE) {
            self.note(now);
        }
        write_input(&mut self.bytes, self.number, now, input).expect("inputs of a run are small");
        self.number += 1;
        self.ends.push(self.bytes.len());
    }

    /// The number of the next record.
    pub(crate) const fn next(&self) -> u64 {
        self.number
    }

    /// The power failed: so many of the latest records are lost, but the first so many stay. Gives the number of the first that
    /// is lost.
    pub(crate) fn lose(&mut self, records: usize, keep: usize) -> u64 {
        let left = self.ends.len().saturating_sub(records).max(keep).min(self.ends.len());
        self.ends.truncate(left);
        self.bytes.truncate(self.ends.last().copied().unwrap_or_default());
        self.number = left as u64;
        self.number
    }

    /// Writes down what the outputs were so far.
    pub(crate) fn note(&mut self, now: Timestamp) {
        let digest = self.digest;
        self.write(now, &Record::Outputs(digest));
    }

    /// Takes note of what the core said.
    pub(crate) fn said(&mut self, output: &Output) {
        self.digest.add(output, &mut self.scratch);
    }

    /// The process died here: what it was writing then is half there, or not at all.
    pub(crate) fn tear(&mut self, keep: usize) -> usize {
        let whole = self.bytes.len();
        write_input(&mut self.bytes, self.number, Timestamp::MAX, &Input::Checkpoint).expect("it is small");
        let torn = (whole + keep).min(self.bytes.len() - 1);
        self.bytes.truncate(torn);
        whole
    }

    /// Drops the torn end.
    pub(crate) fn mend(&mut self, whole: usize) {
        self.bytes.truncate(whole);
    }

    /// The core as it comes out of the journal, with the hooks that are out. What it said is held against what was noted.
    pub(crate) fn replay(&mut self, faulty: Option<Fault>) -> Result<Replayed, Violation> {
        let mut frames = Frames::new(&self.bytes, 0, 0);
        let mut replay = Replay::default();
        let mut hooks = Hooks::new();
        let mut latest = 0;
        let digest = self.digest;
        while let Read::Record(frame) = frames.next().expect("nobody touched the bytes") {
            let (number, time) = (frame.number, frame.time);
            let mut record = frame.record().expect("this version wrote it");
            if let (Some(fault), Record::Input(input)) = (faulty, &mut record)
                && !fault.lets_pass(number, self.number, input)
            {
                continue;
            }
            if faulty.is_some() && matches!(record, Record::Outputs(_)) {
                continue;
            }
            if let Record::Input(Input::HookEnded(ended)) = &record
                && hooks.get(&ended.strategy).is_some_and(|out| out.number == ended.number)
            {
                hooks.remove(&ended.strategy);
            }
            let step = replay.apply(number, time, record);
            let step = step.map_err(|error| Violation::new(Invariant::OutputsAfterReplay, error.to_string()))?;
            for output in step.outputs {
                if let Output::Deliver(deliver) = &output {
                    latest = latest.max(deliver.number.get());
                }
                note_hook(&mut hooks, output);
            }
        }
        let got = replay.digest();
        let core = replay.into_core().expect("the journal begins with its settings");
        if faulty.is_some_and(|fault| fault == Fault::OtherWords) && got != digest {
            return Err(Violation::new(Invariant::OutputsAfterReplay, format!("{digest} then, {got} now")));
        }
        if faulty.is_none() {
            self.digest = got;
        }
        Ok(Replayed { core, hooks, latest })
    }
}

/// What a deliberate bug does to a replay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It leaves out the last input.
    LastInput,
    /// It changes the words of a notification.
    OtherWords,
}

impl Fault {
    fn lets_pass(self, number: u64, end: u64, input: &mut Input) -> bool {
        match self {
            Self::LastInput => number + 2 < end, // behind it is the note
            Self::OtherWords => {
                if let Input::HookEnded(ended) = input
                    && let calypte_kernel::Answer::Intents(intents) = &mut ended.answer
                {
                    for intent in intents {
                        if let calypte_kernel::Intent::Notify { text, .. } = intent {
                            text.push('!');
                        }
                    }
                }
                true
            }
        }
    }
}

fn note_hook(hooks: &mut Hooks, output: Output) {
    match output {
        Output::Deliver(deliver) => {
            hooks.insert(deliver.strategy, deliver);
        }
        Output::Lifecycle { strategy, state: StrategyState::Faulted(_) | StrategyState::Stopped }
        | Output::RolledBack { strategy, .. } => {
            hooks.remove(&strategy);
        }
        _ => {}
    }
}

//! WASI: the few interfaces that the standard libraries of languages import whether a strategy uses them or not.
//!
//! Each has a harmless meaning. What is printed goes to the strategy's log; input, environment and arguments are empty; clocks
//! show the time of the event and stand still while it lasts; randomness follows from the run's seed. There is no file, no
//! socket and no terminal. Unlike the contract's own imports these may be called outside a hook, since a language calls some
//! of them while it starts; there the clocks show zero and what is printed goes nowhere.
//!
//! The check of uploads holds the same list, by name: `upload/world/wasi.rs`.

mod bindings;
mod cli;
mod clocks;
mod handles;
mod io;
mod random;

use crate::guest::Guest;
use bindings::Granted;
use io::Line;
use random::Random;
use wasmtime::component::{HasSelf, Linker, ResourceTable};

/// What an instance's share of WASI remembers.
#[derive(Debug)]
pub(crate) struct Wasi {
    /// What the guest has handles of: streams and pollables.
    table: ResourceTable,
    /// Where random numbers come from.
    random: Random,
    /// Seed of the guest's hash maps: the same whenever it asks.
    map_seed: (u64, u64),
    /// The latest time shown by the monotonic clock, in nanoseconds.
    shown: u64,
    /// The line of standard output that has not ended yet.
    output: Line,
    /// The line of standard error that has not ended yet.
    error: Line,
    /// The end of what an event wrote to standard error, and which event: a panic's message comes that way.
    last_words: (u64, String),
}

impl Wasi {
    /// With so many handles at most.
    pub(crate) fn new(seed: u64, handles_max: usize) -> Self {
        let mut table = ResourceTable::new();
        table.set_max_capacity(handles_max);
        let (random, map_seed) = Random::seeded(seed);
        let (output, error) = (Line::default(), Line::default());
        Self { table, random, map_seed, shown: 0, output, error, last_words: (0, String::new()) }
    }

    /// The end of what an event wrote to standard error.
    pub(crate) fn last_words(&self, event: u64) -> Option<&str> {
        let (of, words) = &self.last_words;
        (*of == event && !words.is_empty()).then_some(words)
    }
}

impl Guest {
    /// Before an import of WASI does something: it costs fuel, and may be called at any time.
    fn wasi(&mut self, work: u64) -> wasmtime::Result<&mut Wasi> {
        self.meter.work(work)?;
        Ok(&mut self.wasi)
    }
}

pub(crate) fn add_to_linker(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    Granted::add_to_linker::<Guest, HasSelf<Guest>>(linker, |guest| guest)
}

//! The real connector and a real core against the local exchange, on a clock that stands still until everybody waits: thousands
//! of runs, each made of one seed.
//!
//! In each, two strategies trade for a while during which everything goes wrong that can be ordered of the exchange; then nothing
//! goes wrong any more, nobody trades, and once all is quiet both sides must tell the same. What fails prints its seed:
//!
//! ```text
//! SEEDS=1000 just venue-sim     so many seeds from SEED on, or from 1
//! SEED=7 just venue-sim         one seed
//! STORY=story.txt SEED=7 …      and writes down what the core heard and said in it
//! ```

mod connector {
    pub(crate) mod books;
    pub(crate) mod random;
    pub(crate) mod rig;
    pub(crate) mod run;
    pub(crate) mod trader;
    pub(crate) mod weather;
}

use connector::run::{Counts, run};

/// What `bash tests/run` runs.
const SEEDS: u64 = 150;

/// What the caller of the tests set: which seeds, where to write the story.
pub(crate) fn told(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

fn number(name: &str) -> Option<u64> {
    let text = told(name)?;
    Some(text.parse().unwrap_or_else(|error| panic!("{name}={text} is not a number: {error}")))
}

#[test]
fn orders_are_neither_doubled_nor_lost_and_both_sides_agree_whatever_goes_wrong() {
    let first = number("SEED");
    let seeds = number("SEEDS").unwrap_or(if first.is_some() { 1 } else { SEEDS });
    let first = first.unwrap_or(1);
    let mut counts = Counts::default();
    let mut failed = Vec::new();
    for seed in first..first + seeds {
        match run(seed) {
            Ok(of_run) => counts.add(&of_run),
            Err(words) => {
                eprintln!("seed {seed}: {words}");
                failed.push(seed);
            }
        }
    }
    println!("{seeds} seeds: {counts:?}");
    assert!(failed.is_empty(), "these seeds failed, as was said above: {failed:?}; run one again with SEED={}", failed[0]);
    // One seed may be a quiet day; many are not.
    assert!(seeds < 20 || counts.is_of_everything(), "something never happened: {counts:?}");
}

//! The core against a hostile exchange: thousands of runs, each made of one seed.
//!
//! In each, strategies that know no reason trade through wires that delay, lose, repeat and break; hooks end late or not at all;
//! the process dies at any input and takes over from its journal. After every step the invariants hold. What fails prints its
//! seed and the few steps that matter; `just sim` runs more, and any of them again:
//!
//! ```text
//! SEEDS=300 STEPS=10000 just sim           so many seeds from SEED on, or from 1, of so many steps each
//! SEED=7 STEPS=10000 KEEP=3,5,8 just sim   one seed, and of its steps only these
//! STORY=story.txt …                        writes down everything that happened in a run that failed
//! ```

mod seeded {
    pub(crate) mod bugs;
    pub(crate) mod exchange;
    pub(crate) mod invariants;
    pub(crate) mod log;
    pub(crate) mod plan;
    pub(crate) mod random;
    pub(crate) mod runs;
    pub(crate) mod trader;
    pub(crate) mod wires;
    pub(crate) mod world;
}

use seeded::bugs::NOTICED_BY;
use seeded::plan::Plan;
use seeded::{invariants, runs};

/// What `bash tests/run` runs.
const SEEDS: u64 = 300;
const STEPS: usize = 10_000;

/// Within how many seeds a deliberate bug has to be noticed.
const SEEDS_TO_NOTICE: u64 = 150;
const STEPS_TO_NOTICE: usize = 2_000;

/// What the caller of the tests set: which seeds, how many steps, which of them, where to write the story.
#[expect(clippy::disallowed_methods, reason = "tests are told what to run by the environment; what they run is not")]
pub(crate) fn told(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

fn number(name: &str) -> Option<u64> {
    let text = told(name)?;
    Some(text.parse().unwrap_or_else(|error| panic!("{name}={text} is not a number: {error}")))
}

#[test]
fn invariants_hold_whatever_the_exchange_does() {
    let steps = number("STEPS").map_or(STEPS, |steps| usize::try_from(steps).expect("a length"));
    let first = number("SEED");
    if let (Some(seed), Some(kept)) = (first, told("KEEP")) {
        let plan = Plan::new(seed, steps);
        let kept: Vec<usize> = kept.split(',').map(|place| place.parse().expect("places of steps")).collect();
        let plan = plan.only(plan.steps.iter().filter(|step| kept.contains(&step.at)).copied().collect());
        let result = runs::run(&plan, None);
        return assert!(result.is_ok(), "{}", runs::report(&plan, None, &result.expect_err("it failed")));
    }
    let seeds = number("SEEDS").unwrap_or(if first.is_some() { 1 } else { SEEDS });
    let first = first.unwrap_or(1);
    let result = runs::run_all(first..first + seeds, steps);
    match result {
        Ok(counts) => println!("{seeds} seeds of {steps} steps: {counts:?}"),
        Err(failure) => panic!("{}", runs::report(&failure.0, None, &failure.1)),
    }
}

#[test]
fn every_deliberate_bug_is_noticed_by_its_invariant() {
    // The panic among them is meant: its words are not for the reader.
    for (bug, invariant) in NOTICED_BY {
        let mut others = Vec::new();
        let is_noticed = (1..=SEEDS_TO_NOTICE).any(|seed| {
            let violation = runs::run(&Plan::new(seed, STEPS_TO_NOTICE), Some(bug)).err();
            let is_noticed = violation.as_ref().is_some_and(|violation| violation.invariant == invariant);
            // Another one may see a consequence of it first.
            others.extend(violation.filter(|_| !is_noticed));
            is_noticed
        });
        assert!(is_noticed, "{bug:?} was noticed by {others:?} alone");
    }
}

#[test]
fn a_failure_shrinks_to_the_few_steps_that_matter_and_is_told() {
    let bug = Some(seeded::bugs::Bug::FillHalved);
    let (plan, violation) = (1..=SEEDS_TO_NOTICE)
        .find_map(|seed| {
            let plan = Plan::new(seed, STEPS_TO_NOTICE);
            runs::run(&plan, bug).err().map(|violation| (plan, violation))
        })
        .expect("it is noticed");
    assert_eq!(violation.invariant, invariants::Invariant::PositionsAgree);
    let small = runs::shrink(&plan, bug, violation.invariant);
    assert!(small.steps.len() < 60, "{} of {} steps are left", small.steps.len(), plan.steps.len());
    let report = runs::report(&plan, bug, &violation);
    assert!(report.contains(&format!("SEED={} STEPS={STEPS_TO_NOTICE} KEEP=", plan.seed)), "{report}");
}

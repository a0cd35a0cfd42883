//! Runs of plans: one, many at once, and the smallest that still fails.

use super::bugs::Bug;
use super::invariants::{Invariant, Violation};
use super::plan::{Plan, Step};
use super::world::{Counts, World};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// How often a failing plan is run again to make it smaller.
const SHRINKING_RUNS_MAX: usize = 600;

/// How much of the story of a failure is told: its end.
const STORY_LINES_MAX: usize = 120;

/// Runs a plan to its end or to the first violation.
pub(crate) fn run(plan: &Plan, bug: Option<Bug>) -> Result<Counts, Violation> {
    tell(plan, bug, None).0
}

fn tell(plan: &Plan, bug: Option<Bug>, story: Option<String>) -> (Result<Counts, Violation>, Option<String>) {
    let mut world = None;
    let result = catch_unwind(AssertUnwindSafe(|| {
        let world = world.insert(World::new(plan.profile, bug, story)?);
        plan.steps.iter().try_for_each(|step| world.step(step))?;
        Ok(world.counts)
    }));
    let result = result.unwrap_or_else(|cause| {
        let words = cause.downcast_ref::<String>().cloned();
        let words = words.or_else(|| cause.downcast_ref::<&str>().map(|words| (*words).to_owned()));
        Err(Violation::new(Invariant::NoPanic, words.unwrap_or_else(|| "a panic without words".to_owned())))
    });
    (result, world.and_then(|world| world.story))
}

/// Leaves out steps while the same invariant is still violated: halves, quarters, …, single ones.
pub(crate) fn shrink(plan: &Plan, bug: Option<Bug>, invariant: Invariant) -> Plan {
    let mut steps = plan.steps.clone();
    let mut runs = 0;
    let still_fails = |steps: &[Step]| run(&plan.only(steps.to_vec()), bug).is_err_and(|other| other.invariant == invariant);
    let mut chunk = steps.len().div_ceil(2);
    while chunk > 0 {
        let mut from = 0;
        while from < steps.len() && runs < SHRINKING_RUNS_MAX {
            let until = (from + chunk).min(steps.len());
            let fewer: Vec<Step> = steps[..from].iter().chain(&steps[until..]).copied().collect();
            runs += 1;
            if still_fails(&fewer) {
                steps = fewer;
            } else {
                from = until;
            }
        }
        chunk /= 2;
    }
    plan.only(steps)
}

/// What a failure looks like: how to see it again, and how it came about.
pub(crate) fn report(plan: &Plan, bug: Option<Bug>, violation: &Violation) -> String {
    let small = shrink(plan, bug, violation.invariant);
    let (result, story) = tell(&small, bug, Some(String::new()));
    let seen = result.err().map_or_else(|| violation.seen.clone(), |violation| violation.seen);
    let story = story.unwrap_or_default();
    if let Some(path) = crate::told("STORY") {
        std::fs::write(path, &story).expect("the story can be written");
    }
    let lines: Vec<&str> = story.lines().collect();
    let told = lines[lines.len().saturating_sub(STORY_LINES_MAX)..].join("\n");
    let kept: Vec<String> = small.steps.iter().map(|step| step.at.to_string()).collect();
    format!(
        "{:?} does not hold with seed {}\n{seen}\nagain, all of it:  SEED={} STEPS={} just sim\nand only what matters:  SEED={} \
         STEPS={} KEEP={} just sim\n{:?}\n{told}",
        violation.invariant,
        plan.seed,
        plan.seed,
        plan.length,
        plan.seed,
        plan.length,
        kept.join(","),
        plan.profile,
    )
}

/// Runs many seeds on all processors. The failure of the smallest seed, if any fails.
pub(crate) fn run_all(seeds: std::ops::Range<u64>, steps: usize) -> Result<Counts, Box<(Plan, Violation)>> {
    let next = std::sync::atomic::AtomicU64::new(seeds.start);
    let workers = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let work = || {
        let mut counts = Counts::default();
        let mut failed = None;
        while failed.is_none() {
            let seed = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            if seed >= seeds.end {
                break;
            }
            let plan = Plan::new(seed, steps);
            match run(&plan, None) {
                Ok(of_one) => counts.add(of_one),
                Err(violation) => failed = Some((plan, violation)),
            }
        }
        (counts, failed)
    };
    let results: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        threads.into_iter().map(|thread| thread.join().expect("panics of a run are caught")).collect()
    });
    let mut counts = Counts::default();
    let mut failures = Vec::new();
    for (of_one, failed) in results {
        counts.add(of_one);
        failures.extend(failed);
    }
    failures.into_iter().min_by_key(|(plan, _)| plan.seed).map_or(Ok(counts), |failure| Err(Box::new(failure)))
}

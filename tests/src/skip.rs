//! Skips: said aloud, and counted by whoever started the tests.
//!
//! `cargo test` hides what passing tests print, so each skip is also appended to the file that an environment variable names;
//! `tests/run` lists and counts what stands there at its end.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::panic::Location;

/// Names the file that collects skips.
const FILE_VARIABLE: &str = "CALYPTE_SKIPS_FILE";

/// Says that the calling test, or the part of it named in the reason, is not done here. The test should then return.
#[track_caller]
pub fn skip(reason: &str) {
    skip_at(reason, Location::caller());
}

/// As [`skip`], for a caller further up.
pub(crate) fn skip_at(reason: &str, caller: &Location<'_>) {
    let thread = std::thread::current();
    // The test runner names a test's thread after it, unless it runs the tests one by one on its own.
    let test = thread.name().filter(|name| *name != "main").unwrap_or("a test");
    let line = format!("SKIPPED: {test} ({}:{}): {}\n", caller.file(), caller.line(), reason.replace('\n', " "));
    eprint!("{line}");
    if let Some(path) = std::env::var_os(FILE_VARIABLE) {
        let mut file = OpenOptions::new().create(true).append(true).open(path).expect("the file of skips can be opened");
        // One write, so that the lines of tests that run at once do not mix.
        file.write_all(line.as_bytes()).expect("the file of skips can be written");
    }
}

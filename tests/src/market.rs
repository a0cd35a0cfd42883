//! Candles for tests: those of the peers' benchmark, and made-up ones.

use crate::{calypte, run, shared_file};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The first candles of the peers' benchmark, made by its own generator. Without it the calling test is counted as skipped,
/// and should return.
#[track_caller]
pub fn spec_candles(candles: u32, folder: &Path) -> Option<PathBuf> {
    let generator = shared_file("bench/make_data.py")?;
    let mut python = Command::new("python3");
    let made = run(python.arg(generator).args(["-n", &candles.to_string(), "--out-dir"]).arg(folder)).ok();
    Some(PathBuf::from(made.stdout.trim()))
}

/// A file of made-up candles in a folder; the end of its name says its format.
pub fn synth_candles(candles: u32, seed: u32, folder: &Path, name: &str) -> PathBuf {
    let file = folder.join(name);
    let path = file.to_str().expect("the path of a temporary folder is text");
    calypte(["data", "synth", "--candles", &candles.to_string(), "--seed", &seed.to_string(), "--out", path]).ok();
    file
}

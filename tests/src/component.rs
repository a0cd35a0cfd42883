//! Components of the example strategies and of the hostile guests, built by `calypte build` as an author would.

use crate::{calypte, repository};
use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

/// Components already built in this process.
static BUILT: Mutex<BTreeMap<PathBuf, PathBuf>> = Mutex::new(BTreeMap::new());

/// The component of an example strategy, by its folder: `ema-atr`.
///
/// # Panics
/// If it does not build.
pub fn component(name: &str) -> PathBuf {
    build(&repository().join("guest-strategies").join(name))
}

/// The component of a hostile guest, by its folder.
///
/// # Panics
/// If it does not build.
pub fn hostile(name: &str) -> PathBuf {
    build(&repository().join("guest-strategies/hostile").join(name))
}

/// Builds under one lock: the first to ask builds, the others wait for the file instead of for cargo's own lock.
fn build(folder: &Path) -> PathBuf {
    let mut built = BUILT.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if let Some(component) = built.get(folder) {
        return component.clone();
    }
    // Other test processes write the same files: one at a time.
    let path = std::env::temp_dir().join("calypte-tests-build.lock");
    let lock = File::create(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    lock.lock().expect("a file in the temporary folder can be locked");

    let run = calypte([Path::new("build"), folder, Path::new("--json")]).ok();
    let component = run.json()["component"].as_str().map(PathBuf::from);
    let component = component.unwrap_or_else(|| panic!("no `component` in the answer of {run}"));
    let component = if component.is_absolute() { component } else { repository().join(component) };
    assert!(component.is_file(), "{} does not exist after {run}", component.display());
    built.insert(folder.to_owned(), component.clone());
    component
}

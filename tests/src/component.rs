//! Components of the example strategies, built by `calypte build` as an author would, and of the hostile guests.

use crate::{calypte, repository, run};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Components already built in this process: examples by their folder, hostile guests by their name.
static BUILT: Mutex<BTreeMap<PathBuf, PathBuf>> = Mutex::new(BTreeMap::new());

/// The component of an example strategy, by its folder: `ema-atr`.
///
/// # Panics
/// If it does not build.
pub fn component(name: &str) -> PathBuf {
    let folder = repository().join("guest-strategies").join(name);
    let (mut built, _lock) = lock();
    if let Some(component) = built.get(&folder) {
        return component.clone();
    }
    let run = calypte([Path::new("build"), &folder, Path::new("--json")]).ok();
    let component = run.json()["component"].as_str().map(PathBuf::from);
    let component = component.unwrap_or_else(|| panic!("no `component` in the answer of {run}"));
    assert!(component.is_file(), "{} does not exist after {run}", component.display());
    built.insert(folder, component.clone());
    component
}

/// The component of a hostile guest, by its name: `endless-loop`. All of them are built at once.
///
/// # Panics
/// If one does not build, or there is none of that name.
pub fn hostile(name: &str) -> PathBuf {
    let (mut built, _lock) = lock();
    if !built.contains_key(Path::new(name)) {
        built.extend(build_hostile());
    }
    built.get(Path::new(name)).unwrap_or_else(|| panic!("no hostile guest is called `{name}`")).clone()
}

/// They are examples of one crate, so cargo makes the modules, and the engine's own encoder the components.
fn build_hostile() -> BTreeMap<PathBuf, PathBuf> {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--locked", "--package", "hostile", "--examples", "--profile", "guest"]);
    cargo.args(["--target", "wasm32-unknown-unknown", "--message-format", "json-render-diagnostics"]);
    let messages = run(cargo.current_dir(repository())).ok();
    let messages = messages.stdout.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    let is_example = |message: &serde_json::Value| message["target"]["kind"][0] == "example";
    messages
        .filter(|message| message["reason"] == "compiler-artifact" && is_example(message))
        .map(|message| encode(&message))
        .collect()
}

/// The component beside the module that a message of cargo's names.
fn encode(message: &serde_json::Value) -> (PathBuf, PathBuf) {
    let name = message["target"]["name"].as_str().expect("a target has a name").to_owned();
    let mut files = message["filenames"].as_array().into_iter().flatten().filter_map(|file| file.as_str()).map(PathBuf::from);
    let module = files.find(|file| file.extension().is_some_and(|ending| ending == "wasm"));
    let module = module.unwrap_or_else(|| panic!("`{name}` is no wasm module"));
    let bytes = fs::read(&module).unwrap_or_else(|error| panic!("{}: {error}", module.display()));
    let bytes = calypte::component::encode(&bytes).unwrap_or_else(|error| panic!("`{name}` is no component: {error:#}"));
    let component = module.with_extension("component.wasm");
    fs::write(&component, bytes).unwrap_or_else(|error| panic!("{}: {error}", component.display()));
    (PathBuf::from(name), component)
}

/// One lock for all builds of this process, and a file's lock against other test processes, which write the same files: the
/// first to ask builds, the others wait here rather than for cargo.
fn lock() -> (MutexGuard<'static, BTreeMap<PathBuf, PathBuf>>, File) {
    let built = BUILT.lock().unwrap_or_else(PoisonError::into_inner);
    let path = std::env::temp_dir().join("calypte-tests-build.lock");
    let file = File::create(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    file.lock().expect("a file in the temporary folder can be locked");
    (built, file)
}

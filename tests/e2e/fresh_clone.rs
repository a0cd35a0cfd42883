//! What a newcomer finds: a clone holds all that the workspace needs, and the two commands of the README are understood in it.
//!
//! It is not built here: the demo and the tests are.

use crate::docs::blocks;
use std::fs;
use std::path::Path;
use std::process::Command;
use tests::{Run, calypte, repository, run, skip, temp_dir};

const TWO_COMMANDS: [&str; 2] = ["cargo run --release -- demo", "bash tests/run"];

const USAGE: &str = "usage: bash tests/run [--quick]\n  --quick   format, clippy and unit tests only\n";

fn bash(folder: &Path, arguments: &[&str]) -> Run {
    run(Command::new("bash").args(arguments).current_dir(folder))
}

#[test]
fn a_fresh_clone_understands_the_two_commands_of_the_readme() {
    if !repository().join(".git").exists() {
        return skip("this is no clone: there is nothing to clone from");
    }
    let folder = temp_dir();
    let clone = folder.path().join("clone");
    run(Command::new("git").args(["clone", "--quiet"]).arg(repository()).arg(&clone)).ok();

    let readme = fs::read_to_string(clone.join("README.md")).expect("the README is committed");
    let (_, two) = readme.split_once("## Two commands\n").expect("the README names two commands");
    let (two, _) = two.split_once("\n## ").expect("something comes after them");
    let commands = blocks(two).expect("blocks of commands").into_iter().map(|block| block.commands).collect::<Vec<_>>();
    assert_eq!(commands, TWO_COMMANDS);

    assert_eq!(bash(&clone, &["tests/run", "--help"]).ok().stdout, USAGE);
    assert_eq!(bash(&clone, &["tests/run", "--fast"]).exits_with(2).stderr, USAGE);
    assert_eq!(fs::read_dir(&clone).expect("a folder").filter(|entry| is_target(entry.as_ref().ok())).count(), 0);
    for script in ["tests/run", ".ci/run"] {
        bash(&clone, &["-n", script]).ok();
    }

    // What `cargo run` runs there, with every member and dependency where the manifests and the lock file say.
    let metadata = ["metadata", "--locked", "--offline", "--format-version", "1"];
    let metadata = run(Command::new(env!("CARGO")).args(metadata).current_dir(&clone).env_remove("CARGO_TARGET_DIR")).ok();
    let metadata = metadata.json();
    let default = metadata["workspace_default_members"].as_array().expect("a list");
    assert_eq!(default.len(), 1, "{default:?}");
    let packages = metadata["packages"].as_array().expect("a list");
    let package = packages.iter().find(|package| package["id"] == default[0]).expect("it is one of the packages");
    assert_eq!((&package["name"], &package["default_run"]), (&"calypte".into(), &"calypte".into()));
    assert!(calypte(["demo", "--help"]).ok().stdout.contains("Usage: calypte demo"), "the demo is a command");
}

/// Whether something was built.
fn is_target(entry: Option<&fs::DirEntry>) -> bool {
    entry.is_some_and(|entry| entry.file_name() == "target")
}

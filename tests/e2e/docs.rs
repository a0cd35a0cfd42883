//! The docs are true: every block of shell commands in them is run, as written, with the binary under test as `calypte`.
//!
//! Blocks of one page run in their order in one folder, which looks like the root of the repository. `cargo run … -- demo` in
//! a block runs the same binary. A block that cannot run here is marked `sh no-test`, with a comment before it that begins
//! `<!-- not run:` and says why; such blocks are counted as skipped.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use tests::{calypte_path, is_installed, repository, run, skip, temp_dir};

/// What the folder of a page's commands has of the repository.
const LINKED: &[&str] =
    &["Cargo.toml", "Cargo.lock", "rust-toolchain.toml", "engine", "guest-strategies", "target", "tests", "wit"];

/// Runs everything, these tests among it, and says so to them through a variable.
const EVERYTHING: &str = "bash tests/run";
const RUN_BY_EVERYTHING: &str = "CALYPTE_SKIPS_FILE";

/// Stands in for cargo: `cargo run` is the binary under test, everything else is cargo itself.
const CARGO: &str = r#"#!/usr/bin/env bash
set -euo pipefail
if [ "${1:-}" = run ]; then
    while [ "$#" -gt 0 ] && [ "$1" != -- ]; do shift; done
    shift
    exec calypte "$@"
fi
exec "$REAL_CARGO" "$@"
"#;

/// A block of shell commands.
#[derive(Debug)]
pub(crate) struct Block {
    /// Line of the page on which it begins.
    line: usize,
    pub(crate) commands: String,
    /// Why it is not run, if it is not.
    not_run: Option<String>,
}

#[test]
fn the_readme_is_true() {
    run_page("README.md");
}

#[test]
fn the_architecture_page_is_true() {
    run_page("ARCHITECTURE.md");
}

#[test]
fn the_guides_to_strategies_are_true() {
    pages("guest-strategies").iter().for_each(run_page);
}

#[test]
fn the_engine_docs_are_true() {
    let pages = pages("engine/docs");
    assert!(!pages.is_empty(), "engine/docs holds pages");
    pages.iter().for_each(run_page);
}

/// Every page in a folder of the repository.
fn pages(folder: &str) -> Vec<PathBuf> {
    let mut pages = Vec::new();
    let mut folders = vec![repository().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("folders of the repository can be listed") {
            let path = entry.expect("entries of a folder can be read").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "md") {
                pages.push(path.strip_prefix(repository()).expect("the walk starts there").to_owned());
            }
        }
    }
    pages.sort();
    pages
}

fn run_page(page: impl AsRef<Path>) {
    let page = page.as_ref();
    let text = fs::read_to_string(repository().join(page)).unwrap_or_else(|error| panic!("{}: {error}", page.display()));
    let blocks = blocks(&text).unwrap_or_else(|error| panic!("{}:{error}", page.display()));
    if blocks.is_empty() {
        return;
    }
    let folder = temp_dir();
    let path = prepare(folder.path());
    for block in &blocks {
        let place = format!("{}:{}", page.display(), block.line);
        if let Some(reason) = &block.not_run {
            skip(&format!("the commands at {place}: {reason}"));
            continue;
        }
        let missing = ["redis-cli", "curl"].into_iter().find(|name| block.commands.contains(name) && !is_installed(name));
        if let Some(missing) = missing {
            skip(&format!("the commands at {place}: {missing} is not installed"));
            continue;
        }
        if block.commands == EVERYTHING {
            if std::env::var_os(RUN_BY_EVERYTHING).is_none() {
                skip(&format!("the commands at {place}: `{EVERYTHING}` runs these tests, not the other way round"));
            }
            continue;
        }
        let mut shell = Command::new("bash");
        // What it started would hold on to its output for ever where it fails in the middle.
        let commands = format!("trap 'test $? = 0 || kill $(jobs -p) 2>/dev/null || true' EXIT\n{}", block.commands);
        shell.args(["-euo", "pipefail", "-c", &commands]).current_dir(folder.path().join("repository"));
        // What is built there lies where the page says it does.
        shell.env("PATH", &path).env("REAL_CARGO", env!("CARGO")).env_remove("CARGO_TARGET_DIR");
        let ended = run(&mut shell);
        assert_eq!(ended.code, Some(0), "{place} is not true: {ended}");
    }
}

/// Makes the folder that a page's commands run in, and returns the search path for them.
fn prepare(folder: &Path) -> String {
    let (binaries, root) = (folder.join("bin"), folder.join("repository"));
    fs::create_dir(&binaries).expect("the test's folder can be written");
    fs::create_dir(&root).expect("the test's folder can be written");
    symlink(calypte_path(), binaries.join("calypte")).expect("the test's folder can be written");
    let cargo = binaries.join("cargo");
    fs::write(&cargo, CARGO).expect("the test's folder can be written");
    fs::set_permissions(&cargo, fs::Permissions::from_mode(0o755)).expect("a file made here can be changed");
    for name in LINKED {
        symlink(repository().join(name), root.join(name)).expect("the test's folder can be written");
    }
    let others = std::env::var("PATH").expect("there is a search path");
    format!("{}:{others}", binaries.display())
}

/// The shell blocks of a page, or what is wrong with one of them.
pub(crate) fn blocks(text: &str) -> Result<Vec<Block>, String> {
    let mut blocks = Vec::new();
    let mut reason = None;
    let mut lines = text.lines().enumerate();
    while let Some((index, line)) = lines.next() {
        let Some(language) = line.trim_start().strip_prefix("```") else {
            if let Some(comment) = line.strip_prefix("<!-- not run:") {
                reason = Some(comment.trim_end_matches("-->").trim().to_owned());
            } else if !line.trim().is_empty() {
                reason = None;
            }
            continue;
        };
        let body: Vec<_> = lines.by_ref().map(|(_, line)| line).take_while(|line| line.trim() != "```").collect();
        let reason = reason.take().filter(|reason| !reason.is_empty());
        let not_run = match (language.trim(), reason) {
            ("sh", None) => None,
            ("sh no-test", Some(reason)) => Some(reason),
            ("sh", Some(_)) => {
                return Err(format!("{}: has a reason not to be run, and is not marked `sh no-test`", index + 1));
            }
            ("sh no-test", None) => return Err(format!("{}: no `<!-- not run: … -->` before it says why", index + 1)),
            (other, _) if other.starts_with("sh") || other.starts_with("bash") || other.starts_with("console") => {
                return Err(format!("{}: `{other}` is neither `sh` nor `sh no-test`", index + 1));
            }
            _ => continue,
        };
        blocks.push(Block { line: index + 1, commands: body.join("\n"), not_run });
    }
    Ok(blocks)
}

#[test]
fn a_block_without_a_reason_is_not_left_out() {
    let page = "```sh no-test\nmake coffee\n```\n";
    assert!(blocks(page).expect_err("it gives no reason").contains("says why"));
    let page = format!("<!-- not run: needs water -->\n{page}\n```sh\necho tea\n```\n");
    let found = blocks(&page).expect("both blocks are in order");
    assert_eq!(found[0].not_run.as_deref(), Some("needs water"));
    assert_eq!((found[1].commands.as_str(), &found[1].not_run), ("echo tea", &None));
}

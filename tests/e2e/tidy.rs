//! What no lint can hold: how long a file is, how it opens, what must not be left behind, and that links lead somewhere.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use tests::repository;

/// Longest a file of code may be, its tests not counted.
const LINES_MAX: usize = 600;

/// What must not be left behind, written so that this file does not contain it.
const LEFTOVERS: &[&str] = &[
    concat!("to", "do!("),
    concat!("unimple", "mented!("),
    concat!("d", "bg!("),
    concat!("FIX", "ME"),
    concat!("XX", "X"),
    concat!("#[ig", "nore"),
];

/// What tests must not do: wait for time to pass.
const SLEEPS: &[&str] = &[concat!("thread::sl", "eep"), concat!("time::sl", "eep(")];

#[test]
fn each_file_of_code_says_first_what_it_is_for() {
    let silent: Vec<_> = code().into_iter().filter(|(_, text)| !text.starts_with("//!")).map(|(path, _)| path).collect();
    assert!(silent.is_empty(), "files that do not open with `//!`: {silent:#?}");
}

#[test]
fn each_file_of_code_answers_one_question() {
    let long: Vec<_> = code()
        .into_iter()
        .filter(|(path, _)| !is_test_module(path))
        .map(|(path, text)| (lines_without_tests(&text), path))
        .filter(|(lines, _)| *lines > LINES_MAX)
        .collect();
    assert!(long.is_empty(), "files over {LINES_MAX} lines without their tests; look for the seam: {long:#?}");
}

#[test]
fn nothing_is_left_behind() {
    let mut left = Vec::new();
    for (path, text) in code() {
        for (number, line) in text.lines().enumerate() {
            if let Some(leftover) = LEFTOVERS.iter().find(|leftover| line.contains(**leftover)) {
                left.push(format!("{}:{}: {leftover}", path.display(), number + 1));
            }
        }
    }
    assert!(left.is_empty(), "unfinished or switched off:\n{}", left.join("\n"));
}

#[test]
fn no_test_waits_for_time_to_pass() {
    let mut sleeps = Vec::new();
    for (path, text) in code() {
        let tests_from = if path.starts_with("tests") || is_test_module(&path) { 0 } else { lines_without_tests(&text) };
        for (number, line) in text.lines().enumerate().skip(tests_from) {
            if SLEEPS.iter().any(|sleep| line.contains(sleep)) {
                sleeps.push(format!("{}:{}", path.display(), number + 1));
            }
        }
    }
    assert!(sleeps.is_empty(), "tests that sleep; wait for what happens instead:\n{}", sleeps.join("\n"));
}

#[test]
fn links_between_the_docs_lead_somewhere() {
    let mut broken = Vec::new();
    for (path, text) in files("md") {
        for link in links(&text) {
            if link.contains("://") || link.starts_with("mailto:") {
                continue;
            }
            let (file, anchor) = link.split_once('#').map_or((link, None), |(file, anchor)| (file, Some(anchor)));
            let folder = path.parent().unwrap_or(Path::new(""));
            let target = if file.is_empty() { path.clone() } else { folder.join(file) };
            let absolute = repository().join(&target);
            if !absolute.exists() {
                broken.push(format!("{}: {link}", path.display()));
            } else if let Some(anchor) = anchor {
                let target = fs::read_to_string(&absolute).unwrap_or_default();
                if !anchors(&target).contains(anchor) {
                    broken.push(format!("{}: {link} (no such heading)", path.display()));
                }
            }
        }
    }
    assert!(broken.is_empty(), "links that lead nowhere:\n{}", broken.join("\n"));
}

#[test]
fn pages_that_the_code_names_exist() {
    let named = |line: &str| -> Vec<String> {
        let starts = line.match_indices("engine/docs/").map(|(start, _)| &line[start..]);
        starts.filter_map(|rest| rest.find(".md").map(|end| rest[..end + ".md".len()].to_owned())).collect()
    };
    let mut absent = Vec::new();
    for (path, text) in code() {
        let pages = text.lines().flat_map(named).filter(|page| !page.contains(['*', ' ']));
        absent.extend(pages.filter(|page| !repository().join(page).exists()).map(|page| format!("{}: {page}", path.display())));
    }
    assert!(absent.is_empty(), "pages that the code names and that do not exist:\n{}", absent.join("\n"));
}

/// Whether a file is the tests of another: `foo/tests.rs`, `foo/tests/case.rs`.
fn is_test_module(path: &Path) -> bool {
    path.ends_with("tests.rs") || path.parent().is_some_and(|folder| folder.ends_with("tests"))
}

/// How many lines stand before the tests at the foot of a file.
fn lines_without_tests(text: &str) -> usize {
    let lines: Vec<_> = text.lines().collect();
    let opens_tests = |pair: &[&str]| pair[0].trim() == "#[cfg(test)]" && pair[1].trim_start().starts_with("mod tests {");
    lines.windows(2).position(opens_tests).unwrap_or(lines.len())
}

/// Targets of the links in a page, code left out.
fn links(text: &str) -> Vec<&str> {
    let mut fenced = false;
    let mut found = Vec::new();
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        } else if !fenced {
            let after = line.match_indices("](").map(|(start, opening)| &line[start + opening.len()..]);
            found.extend(after.filter_map(|rest| rest.split_once(')')).map(|(target, _)| target));
        }
    }
    found
}

/// The anchors that a page's headings have where pages are shown.
fn anchors(text: &str) -> BTreeSet<String> {
    let headings = text.lines().filter(|line| line.starts_with('#')).map(|line| line.trim_start_matches('#').trim());
    let kept = |letter: char| letter.is_alphanumeric() || letter == '-' || letter == '_' || letter == ' ';
    headings
        .map(|heading| heading.to_lowercase().chars().filter(|letter| kept(*letter)).collect::<String>().replace(' ', "-"))
        .collect()
}

/// Every file of Rust code in the repository.
fn code() -> Vec<(PathBuf, String)> {
    let code = files("rs");
    assert!(code.len() > 30, "only {} files of code found: the walk misses them", code.len());
    code
}

/// Every file with this ending, by its path in the repository.
fn files(extension: &str) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut folders = vec![repository()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("folders of the repository can be read") {
            let entry = entry.expect("entries of a folder can be read");
            let (path, name) = (entry.path(), entry.file_name());
            let kind = entry.file_type().expect("an entry has a kind");
            let is_ours = name != "target" && !name.to_string_lossy().starts_with('.');
            if kind.is_dir() && is_ours {
                folders.push(path);
            } else if kind.is_file() && path.extension().is_some_and(|ending| ending == extension) {
                let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
                found.push((path.strip_prefix(repository()).expect("the walk starts there").to_owned(), text));
            }
        }
    }
    found.sort();
    found
}

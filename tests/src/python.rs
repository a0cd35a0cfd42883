//! Programs from PyPI, pinned with the hashes of their files, in virtual environments that are made once and kept in the target
//! folder.

use crate::{is_installed, run};
use sha2::{Digest as _, Sha256};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The Python of an environment that has what a file of requirements lists. None where it cannot be made: then the words of
/// whoever could not are on standard error, and the calling test should count a skip.
///
/// # Panics
/// If the file is not there, or the target folder cannot be written.
pub fn python_environment(name: &str, requirements: &Path) -> Option<PathBuf> {
    let pinned = fs::read(requirements).expect("it lies in the repository");
    let digest = Sha256::digest(&pinned).iter().take(8).map(|byte| format!("{byte:02x}")).collect::<String>();
    let executable = std::env::current_exe().expect("the test executable has a path");
    let target = executable.ancestors().nth(3).expect("test executables lie in target/<profile>/deps");
    let folder = target.join("tests").join(format!("{name}-{digest}"));
    let python = folder.join("bin/python");
    let finished = folder.join("finished");
    if finished.is_file() {
        return Some(python);
    }
    if !is_installed("python3") {
        eprintln!("there is no python3");
        return None;
    }
    let made = run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder));
    if made.code != Some(0) {
        eprintln!("{made}");
        return None;
    }
    let mut pip = Command::new(&python);
    pip.args(["-m", "pip", "install", "--disable-pip-version-check", "--quiet", "--require-hashes", "--requirement"]);
    let installed = run(pip.arg(requirements));
    if installed.code != Some(0) {
        eprintln!("{installed}");
        return None;
    }
    fs::write(finished, "").expect("the target folder can be written");
    Some(python)
}

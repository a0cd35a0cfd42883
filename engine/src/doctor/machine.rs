//! This machine: folders, disk, limits of the kernel.

use super::Finding;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Open files that an engine needs for itself: connections, journals, database.
const FILES_MIN: u64 = 1_024;
/// Open files that are plenty.
const FILES_GOOD: u64 = 4_096;
/// Mappings that an engine needs for itself.
const MAPPINGS_OF_ENGINE: u64 = 10_000;
/// Mappings that a strategy's instance has at most: memory, stack and tables, each with guards. About 8 are measured.
pub const MAPPINGS_OF_STRATEGY: u64 = 10;
/// Free bytes below which a disk is full for a journal.
const FREE_MIN: u64 = 256 << 20;
/// Free bytes that are plenty.
const FREE_GOOD: u64 = 2 << 30;

/// Whether a folder can be written, and how much room it has. One that is not there is made by the service, if its parent lets
/// it.
pub(super) fn folder(of: &str, path: &Path) -> Vec<Finding> {
    let Some(existing) = nearest_existing(path) else {
        return vec![Finding::failed(of, format!("{} leads nowhere", path.display()), "create the folder, or name another")];
    };
    let shown = path.display();
    let mut findings = Vec::new();
    match tempfile::Builder::new().prefix(crate::file::UNFINISHED_PREFIX).tempfile_in(&existing) {
        Ok(_) if existing == path => findings.push(Finding::ok(of, format!("{shown} can be written"))),
        Ok(_) => findings.push(Finding::ok(of, format!("{shown} is not there yet and can be made"))),
        Err(error) => {
            let remedy = format!("let the service's user write in {}: chown or chmod it", existing.display());
            findings.push(Finding::failed(of, format!("{shown} cannot be written: {error}"), remedy));
        }
    }
    findings.extend(exposed(of, path));
    findings.push(free(of, &existing));
    findings
}

fn nearest_existing(path: &Path) -> Option<PathBuf> {
    path.ancestors().find(|path| path.is_dir()).map(Path::to_owned)
}

/// Whether others may look into a folder that holds what is an account's.
fn exposed(of: &str, path: &Path) -> Option<Finding> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = fs::metadata(path).ok()?.permissions().mode();
    let words = format!("{} can be read by every user of this machine", path.display());
    (mode & 0o007 != 0).then(|| Finding::warning(of, words, "chmod 700 it: it holds what the accounts do"))
}

fn free(of: &str, path: &Path) -> Finding {
    match free_bytes(path) {
        Ok(free) => judge_free(of, path, free),
        Err(error) => {
            Finding::warning(of, format!("how much room {} has is not known: {error}", path.display()), "look with df")
        }
    }
}

fn judge_free(of: &str, path: &Path, free: u64) -> Finding {
    let words = format!("{} MiB are free at {}", free >> 20, path.display());
    let remedy = "free some room, or name a folder on another disk: a journal that cannot be written stops its account";
    match free {
        0..FREE_MIN => Finding::failed(of, words, remedy),
        FREE_MIN..FREE_GOOD => Finding::warning(of, words, remedy),
        _ => Finding::ok(of, words),
    }
}

fn free_bytes(path: &Path) -> io::Result<u64> {
    let space = rustix::fs::statvfs(path)?;
    Ok(space.f_bavail.saturating_mul(space.f_frsize))
}

/// What the kernel lets a process have, for a number of strategies.
pub(super) fn limits(strategies: usize) -> Vec<Finding> {
    let number = |path: &str| fs::read_to_string(path).ok().and_then(|text| text.trim().parse::<u64>().ok());
    let own = fs::read_to_string("/proc/self/limits").unwrap_or_default();
    [
        own_limit(&own, "Max open files").map(open_files),
        number("/proc/sys/vm/max_map_count").map(|most| mappings(most, strategies)),
        number("/proc/sys/vm/overcommit_memory").map(overcommit),
        own_limit(&own, "Max address space").map(address_space),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// The soft limit of that name in `/proc/self/limits`; `u64::MAX` where there is none.
fn own_limit(limits: &str, name: &str) -> Option<u64> {
    let soft = limits.lines().find_map(|line| line.strip_prefix(name))?.split_whitespace().next()?;
    if soft == "unlimited" { Some(u64::MAX) } else { soft.parse().ok() }
}

fn open_files(most: u64) -> Finding {
    let words = format!("{most} files may be open at once");
    let remedy = "raise it: LimitNOFILE=65536 in the unit, or ulimit -n 65536";
    match most {
        0..FILES_MIN => Finding::failed("open files", words, remedy),
        FILES_MIN..FILES_GOOD => Finding::warning("open files", words, remedy),
        _ => Finding::ok("open files", words),
    }
}

fn mappings(most: u64, strategies: usize) -> Finding {
    let strategies = u64::try_from(strategies).unwrap_or(u64::MAX);
    let needed = strategies.saturating_mul(MAPPINGS_OF_STRATEGY).saturating_add(MAPPINGS_OF_ENGINE);
    let words = format!("a process may have {most} mappings of memory; {strategies} strategies need about {needed}");
    if most >= needed {
        return Finding::ok("mappings", words);
    }
    Finding::failed(
        "mappings",
        words,
        format!("sysctl -w vm.max_map_count={}, and keep it in /etc/sysctl.d", needed.next_power_of_two()),
    )
}

fn overcommit(mode: u64) -> Finding {
    let words = format!("vm.overcommit_memory is {mode}");
    if mode != 2 {
        return Finding::ok("memory", words);
    }
    let found =
        format!("{words}: the kernel counts memory that is only reserved, and each strategy reserves gigabytes it never uses");
    Finding::failed("memory", found, "sysctl -w vm.overcommit_memory=0, and bound the service by MemoryMax= instead")
}

fn address_space(most: u64) -> Finding {
    if most == u64::MAX {
        return Finding::ok("address space", "it is not limited");
    }
    let found = format!("it is limited to {} GiB, and each strategy reserves gigabytes it never uses", most >> 30);
    Finding::failed("address space", found, "ulimit -v unlimited, and bound the service by MemoryMax= instead")
}

#[cfg(test)]
mod tests {
    use super::super::Verdict;
    use super::*;

    const LIMITS: &str = "Limit                     Soft Limit           Hard Limit           Units     \n\
        Max address space         unlimited            unlimited            bytes     \n\
        Max open files            1024                 524288               files     \n";

    #[test]
    fn own_limits_are_read() {
        assert_eq!(own_limit(LIMITS, "Max open files"), Some(1_024));
        assert_eq!(own_limit(LIMITS, "Max address space"), Some(u64::MAX));
        assert_eq!(own_limit(LIMITS, "Max stack size"), None);
        assert_eq!(own_limit("Max open files", "Max open files"), None);
    }

    #[test]
    fn limits_are_judged_and_what_to_do_is_said() {
        for (finding, verdict) in [
            (open_files(256), Verdict::Failed),
            (open_files(1_024), Verdict::Warning),
            (open_files(65_536), Verdict::Ok),
            (mappings(65_530, 100), Verdict::Ok),
            (mappings(65_530, 10_000), Verdict::Failed),
            (overcommit(1), Verdict::Ok),
            (overcommit(2), Verdict::Failed),
            (address_space(u64::MAX), Verdict::Ok),
            (address_space(8 << 30), Verdict::Failed),
            (judge_free("state", Path::new("/x"), 5 << 20), Verdict::Failed),
            (judge_free("state", Path::new("/x"), 1 << 30), Verdict::Warning),
            (judge_free("state", Path::new("/x"), 9 << 30), Verdict::Ok),
        ] {
            assert_eq!(finding.verdict, verdict, "{finding:?}");
            assert_eq!(finding.remedy.is_some(), verdict != Verdict::Ok, "{finding:?}");
        }
        assert!(mappings(65_530, 10_000).remedy.is_some_and(|words| words.contains("vm.max_map_count=131072")));
    }

    #[test]
    fn a_folder_is_written_to_and_left_as_it_was() {
        let folder_of_test = tempfile::tempdir().expect("a folder");
        let path = folder_of_test.path();
        for target in [path.to_owned(), path.join("not/there/yet")] {
            let findings = folder("state", &target);
            assert_eq!(findings[0].verdict, Verdict::Ok, "{findings:?}");
        }
        assert_eq!(fs::read_dir(path).expect("it is there").count(), 0);
        let file = path.join("file");
        fs::write(&file, "").expect("it is written");
        assert!(folder("state", &file)[0].found.contains("not there yet"), "that it is a file, the configuration says");
    }

    #[test]
    fn a_folder_that_all_can_read_is_warned_of() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder_of_test = tempfile::tempdir().expect("a folder");
        let path = folder_of_test.path();
        let verdict = |mode| {
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("it is ours");
            exposed("state", path).map(|finding| finding.verdict)
        };
        assert_eq!((verdict(0o700), verdict(0o750), verdict(0o755)), (None, None, Some(Verdict::Warning)));
    }
}

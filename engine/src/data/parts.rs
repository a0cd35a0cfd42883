//! A folder of files that follow one another, such as a file for each day: read as if they were one.

use std::collections::VecDeque;
use std::io;
use std::path::{Path, PathBuf};

/// Most files of one folder: eleven years of hours.
pub const PARTS_MAX: usize = 100_000;

/// The files that a path stands for: itself, or those of a folder in the order of their names. What begins with a dot is not whole
/// yet; folders within it are somebody else's.
///
/// # Errors
/// Where the folder cannot be read, holds no file, or more than [`PARTS_MAX`].
pub(super) fn parts(path: &Path) -> io::Result<VecDeque<PathBuf>> {
    if !path.is_dir() {
        return Ok([path.to_owned()].into());
    }
    let mut parts = Vec::new();
    for entry in path.read_dir()? {
        let entry = entry?;
        if entry.file_name().as_encoded_bytes().starts_with(b".") || entry.path().is_dir() {
            continue;
        }
        parts.push(entry.path());
        if parts.len() > PARTS_MAX {
            return Err(io::Error::other(format!("more than {PARTS_MAX} files")));
        }
    }
    if parts.is_empty() {
        return Err(io::Error::new(io::ErrorKind::NotFound, "the folder holds no file"));
    }
    parts.sort();
    Ok(parts.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_stands_for_its_files_in_order() {
        let folder = tempfile::tempdir().expect("a folder");
        assert!(parts(folder.path()).is_err(), "nothing is in it");
        for name in ["2024-01-02.csv", "2024-01-01.csv", ".calypte-x"] {
            std::fs::write(folder.path().join(name), "").expect("it is written");
        }
        std::fs::create_dir(folder.path().join("0")).expect("it is made");
        let names = parts(folder.path()).expect("it can be read");
        let names = names.iter().filter_map(|path| path.file_name()?.to_str()).collect::<Vec<_>>();
        assert_eq!(names, ["2024-01-01.csv", "2024-01-02.csv"]);
        let file = folder.path().join("2024-01-01.csv");
        assert_eq!(parts(&file).expect("it is there"), [file]);
    }
}

//! Where things lie: the repository, the market data shared by its checkouts, a folder for one test.

use crate::skip::skip_at;
use std::panic::Location;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// Names another place for the shared test data than the folder `shared` beside the repository.
const SHARED_VARIABLE: &str = "CALYPTE_SHARED";

/// The root of the repository.
pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests package lies in the repository").to_owned()
}

/// The folder of shared test data. Without it the calling test is counted as skipped, and should return.
#[track_caller]
pub fn shared() -> Option<PathBuf> {
    find(Path::new(""), Location::caller())
}

/// One file or folder of the shared test data, or a counted skip of the calling test.
#[track_caller]
pub fn shared_file(path: impl AsRef<Path>) -> Option<PathBuf> {
    find(path.as_ref(), Location::caller())
}

fn find(path: &Path, caller: &Location<'_>) -> Option<PathBuf> {
    let root = std::env::var_os(SHARED_VARIABLE)
        .map_or_else(|| repository().parent().expect("the repository lies in a folder").join("shared"), PathBuf::from);
    let found = root.join(path);
    if found.exists() {
        return Some(found);
    }
    skip_at(&format!("no test data at {}; {SHARED_VARIABLE} names another folder", found.display()), caller);
    None
}

/// An empty folder that is removed with the returned value.
pub fn temp_dir() -> TempDir {
    tempfile::Builder::new().prefix("calypte-test-").tempdir().expect("a folder can be made in the system's temporary folder")
}

//! Files that appear under their names only when they are whole: written beside their place, then renamed.
//!
//! Whoever reads the folder meanwhile sees the earlier file or the new one, never half of one; what is given up leaves nothing.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

/// How the names of files begin that are not whole yet.
pub const UNFINISHED_PREFIX: &str = ".calypte-";
/// What is gathered before the system is given it.
const BUFFER_BYTES: usize = 1 << 16;

/// A file being written.
#[derive(Debug)]
pub struct WholeFile {
    path: PathBuf,
    /// Where it is written until it is whole; removed if it never is.
    file: NamedTempFile,
}

impl WholeFile {
    /// Begins a file in the folder of its path, which exists.
    ///
    /// # Errors
    /// Where nothing can be written there.
    pub fn create(path: &Path) -> io::Result<Self> {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let mut builder = tempfile::Builder::new();
        builder.prefix(UNFINISHED_PREFIX);
        // As readable as files usually are, which temporary ones are not: the umask takes off what is not wanted.
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        Ok(Self { path: path.to_owned(), file: builder.tempfile_in(folder)? })
    }

    /// Begins a file with all that it is to hold.
    ///
    /// # Errors
    /// As [`Self::create`], and where the disk is full.
    pub fn of(path: &Path, bytes: &[u8]) -> io::Result<Self> {
        Self::with(path, |out| out.write_all(bytes))
    }

    /// Begins a file with all that is written here.
    ///
    /// # Errors
    /// As [`Self::of`], and what the writing gives.
    pub fn with(path: &Path, write: impl FnOnce(&mut BufWriter<&mut File>) -> io::Result<()>) -> io::Result<Self> {
        let mut whole = Self::create(path)?;
        let mut out = BufWriter::with_capacity(BUFFER_BYTES, whole.file.as_file_mut());
        write(&mut out)?;
        out.flush()?;
        drop(out);
        Ok(whole)
    }

    /// A handle to write through.
    ///
    /// # Errors
    /// Where the file is gone.
    pub fn writer(&self) -> io::Result<File> {
        self.file.reopen()
    }

    /// The name it will have.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Gives it its name, in place of what had it.
    ///
    /// # Errors
    /// Where the name is taken by something that cannot be replaced.
    pub fn finish(self) -> io::Result<()> {
        self.file.persist(&self.path).map(drop).map_err(|error| error.error)
    }
}

/// Whether two paths lead to one file, by whatever names. False where one of them leads nowhere.
pub fn is_same(one: &Path, other: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    match (std::fs::metadata(one), std::fs::metadata(other)) {
        (Ok(first), Ok(second)) => (first.dev(), first.ino()) == (second.dev(), second.ino()),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(folder).expect("a folder");
        entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect()
    }

    #[test]
    fn a_file_appears_when_it_is_whole() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("x.csv");
        std::fs::write(&path, "before").expect("it is written");
        let file = WholeFile::create(&path).expect("it is begun");
        file.writer().and_then(|mut writer| writer.write_all(b"after")).expect("it is written");
        assert_eq!(std::fs::read(&path).expect("it is there"), b"before");
        file.finish().expect("it is renamed");
        assert_eq!(std::fs::read(&path).expect("it is there"), b"after");
        drop(WholeFile::of(&path, b"given up").expect("it is begun"));
        assert_eq!(std::fs::read(&path).expect("it is there"), b"after");
        assert_eq!(names(folder.path()), ["x.csv"], "nothing else is left");
    }

    #[cfg(unix)]
    #[test]
    fn its_mode_is_that_of_any_file() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().expect("a folder");
        let (ours, usual) = (folder.path().join("ours"), folder.path().join("usual"));
        WholeFile::of(&ours, b"").and_then(WholeFile::finish).expect("it is written");
        std::fs::write(&usual, "").expect("it is written");
        let mode = |path| std::fs::metadata(path).expect("it is there").permissions().mode();
        assert_eq!(mode(&ours), mode(&usual));
    }

    #[cfg(unix)]
    #[test]
    fn one_file_is_known_by_all_its_names() {
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| folder.path().join(name);
        std::fs::write(at("a"), "").expect("it is written");
        std::fs::write(at("b"), "").expect("it is written");
        std::fs::hard_link(at("a"), at("hard")).expect("it is linked");
        std::os::unix::fs::symlink(at("a"), at("soft")).expect("it is linked");
        for name in ["a", "hard", "soft", "./a"] {
            assert!(is_same(&at("a"), &at(name)), "{name}");
        }
        assert!(!is_same(&at("a"), &at("b")));
        assert!(!is_same(&at("a"), &at("c")) && !is_same(&at("c"), &at("c")), "what is not there is no file");
    }
}

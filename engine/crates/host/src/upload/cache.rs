//! Compiled code on disk, written by us for us.
//!
//! Loading compiled code is running it outside the sandbox, so what lies in the directory is worth exactly as much as the
//! proof that we wrote it: every file carries an HMAC-SHA256 under a key of this installation's own, over the code and over
//! everything it depends on. A file whose seal is not whole is treated as absent, and reported.
//!
//! Several processes may share a directory: files appear by rename only, and a key that two of them make at once is one of
//! the two.

use crate::upload::compile::{Artefact, EngineId};
use crate::upload::limits::LIMITS_VERSION;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use std::fs::{self, File, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// Where compiled code is kept, and how much of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CacheSettings {
    /// The directory. Made if it is not there, for this user only.
    pub directory: PathBuf,
    /// Bytes of all compiled code together; the oldest goes first.
    pub bytes_max: u64,
    /// Bytes of one file; a larger one is not read.
    pub artefact_bytes_max: u64,
}

impl CacheSettings {
    /// The defaults for a directory.
    pub fn new(directory: PathBuf) -> Self {
        Self { directory, bytes_max: 1 << 30, artefact_bytes_max: 64 << 20 }
    }
}

/// Why the cache cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CacheError {
    /// Somebody else could have written there. The operator sets owner and permissions right.
    #[error("{path} must belong to this user and be {wanted}: {found}")]
    Unsafe {
        /// What it is about.
        path: PathBuf,
        /// How it has to be.
        wanted: &'static str,
        /// How it is.
        found: String,
    },
    /// The file system said no.
    #[error("{what} {path}")]
    Io {
        /// What was tried.
        what: &'static str,
        /// On what.
        path: PathBuf,
        /// What it said.
        #[source]
        source: io::Error,
    },
    /// The system has no randomness to make a key of.
    #[error("cannot make a key for the cache: {0}")]
    NoRandomness(getrandom::Error),
}

/// What a look into the cache found.
pub(crate) enum Lookup {
    /// Code with a whole seal.
    Hit(Artefact),
    /// Nothing.
    Absent,
    /// A file that is not what we wrote. It is gone now.
    Tampered,
}

const KEY_FILE: &str = "key";
const KEY_BYTES: usize = 32;
const SEAL_BYTES: usize = 32;
/// Also the version of the layout: what has another magic is not ours.
const MAGIC: &[u8; 8] = b"calypte1";
const EXTENSION: &str = "sealed";
const TEMPORARY_PREFIX: &str = "incoming-";
/// A temporary file this old was left by a process that died.
const TEMPORARY_AGE_MAX: Duration = Duration::from_hours(1);

/// What compiled code depends on, as one name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CacheKey([u8; 32]);

impl CacheKey {
    /// The key of a component's code for an engine. The engine's identity covers version, target and all settings.
    pub(crate) fn new(component: &[u8; 32], engine: EngineId) -> Self {
        let mut hash = Sha256::new();
        hash.update(component);
        hash.update(engine.bytes());
        hash.update(LIMITS_VERSION.to_le_bytes());
        Self(hash.finalize().into())
    }

    fn file_name(&self) -> String {
        format!("{}.{EXTENSION}", crate::upload::hex(&self.0))
    }
}

/// The cache.
pub(crate) struct Cache {
    settings: CacheSettings,
    key: [u8; KEY_BYTES],
}

impl std::fmt::Debug for Cache {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The key stays out of logs.
        formatter.debug_struct("Cache").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl Cache {
    /// Opens the directory and its key; makes both at first use.
    pub(crate) fn open(settings: CacheSettings) -> Result<Self, CacheError> {
        let directory = &settings.directory;
        fs::DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(error("cannot make", directory))?;
        only_ours(directory, 0o022, "writable by nobody else")?;
        let key = key(directory)?;
        Ok(Self { settings, key })
    }

    /// Looks for code; only what we have sealed comes back.
    pub(crate) fn get(&self, key: CacheKey) -> Result<Lookup, CacheError> {
        let path = self.settings.directory.join(key.file_name());
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Lookup::Absent),
            Err(source) => return Err(error("cannot open", &path)(source)),
        };
        let framing = (MAGIC.len() + SEAL_BYTES) as u64;
        let mut bytes = Vec::new();
        // One byte more than allowed, so that a longer file shows.
        let most = self.settings.artefact_bytes_max.saturating_add(framing).saturating_add(1);
        (&file).take(most).read_to_end(&mut bytes).map_err(error("cannot read", &path))?;
        if let Some(artefact) = self.unseal(key, bytes, most) {
            // Used now: the oldest goes first. A cache that cannot be touched still serves.
            drop(file.set_modified(SystemTime::now()));
            return Ok(Lookup::Hit(artefact));
        }
        fs::remove_file(&path).or_else(ignore_absent).map_err(error("cannot remove", &path))?;
        Ok(Lookup::Tampered)
    }

    /// Keeps code. Afterwards no more than the limit is kept; code larger than the limit by itself is not.
    pub(crate) fn put(&self, key: CacheKey, artefact: &Artefact) -> Result<(), CacheError> {
        let directory = &self.settings.directory;
        let path = directory.join(key.file_name());
        let mut temporary = tempfile::Builder::new()
            .prefix(TEMPORARY_PREFIX)
            .permissions(Permissions::from_mode(0o600))
            .tempfile_in(directory)
            .map_err(error("cannot write into", directory))?;
        let seal = self.seal(key, artefact.bytes()).finalize().into_bytes();
        let parts: [&[u8]; 3] = [MAGIC, &seal, artefact.bytes()];
        parts.iter().try_for_each(|part| temporary.write_all(part)).map_err(error("cannot write into", directory))?;
        temporary.persist(&path).map_err(|failed| error("cannot write", &path)(failed.error))?;
        self.evict()
    }

    fn seal(&self, key: CacheKey, artefact: &[u8]) -> Hmac<Sha256> {
        let mut seal = Hmac::<Sha256>::new_from_slice(&self.key).expect("HMAC takes a key of any length");
        seal.update(MAGIC);
        seal.update(&key.0);
        seal.update(artefact);
        seal
    }

    fn unseal(&self, key: CacheKey, mut bytes: Vec<u8>, too_long: u64) -> Option<Artefact> {
        if bytes.len() as u64 >= too_long || !bytes.starts_with(MAGIC) {
            return None;
        }
        let (framing, artefact) = bytes.split_at_checked(MAGIC.len() + SEAL_BYTES)?;
        self.seal(key, artefact).verify_slice(&framing[MAGIC.len()..]).ok()?;
        bytes.drain(..MAGIC.len() + SEAL_BYTES);
        Some(Artefact::unsealed(bytes))
    }

    /// Removes the oldest code until the rest fits, and what dead processes left. Another process may be doing the same.
    fn evict(&self) -> Result<(), CacheError> {
        let directory = &self.settings.directory;
        let mut kept = Vec::new();
        for entry in fs::read_dir(directory).map_err(error("cannot list", directory))? {
            let path = entry.map_err(error("cannot list", directory))?.path();
            let Ok(metadata) = fs::symlink_metadata(&path) else { continue };
            let modified = metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH);
            if path.extension().is_some_and(|extension| extension == EXTENSION) {
                kept.push((modified, metadata.len(), path));
            } else if is_left_over(&path, modified) {
                fs::remove_file(&path).or_else(ignore_absent).map_err(error("cannot remove", &path))?;
            }
        }
        kept.sort();
        let mut sum = kept.iter().fold(0_u64, |sum, (_, bytes, _)| sum.saturating_add(*bytes));
        for (_, bytes, path) in kept {
            if sum <= self.settings.bytes_max {
                break;
            }
            fs::remove_file(&path).or_else(ignore_absent).map_err(error("cannot remove", &path))?;
            sum = sum.saturating_sub(bytes);
        }
        Ok(())
    }
}

fn is_left_over(path: &Path, modified: SystemTime) -> bool {
    let temporary = path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with(TEMPORARY_PREFIX));
    temporary && modified.elapsed().is_ok_and(|age| age > TEMPORARY_AGE_MAX)
}

/// Reads the key, or makes one. The file appears whole, and the first of two makers wins.
fn key(directory: &Path) -> Result<[u8; KEY_BYTES], CacheError> {
    let path = directory.join(KEY_FILE);
    if !path.try_exists().map_err(error("cannot look for", &path))? {
        let mut fresh = [0; KEY_BYTES];
        getrandom::fill(&mut fresh).map_err(CacheError::NoRandomness)?;
        let mut temporary = tempfile::Builder::new()
            .prefix(TEMPORARY_PREFIX)
            .permissions(Permissions::from_mode(0o600))
            .tempfile_in(directory)
            .map_err(error("cannot write into", directory))?;
        temporary.write_all(&fresh).map_err(error("cannot write into", directory))?;
        match temporary.persist_noclobber(&path) {
            Ok(_) => {}
            Err(failed) if failed.error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(failed) => return Err(error("cannot write", &path)(failed.error)),
        }
    }
    only_ours(&path, 0o077, "readable by nobody else")?;
    let bytes = fs::read(&path).map_err(error("cannot read", &path))?;
    bytes.try_into().map_err(|bytes: Vec<u8>| CacheError::Unsafe {
        path,
        wanted: "a key of 32 bytes; remove it to have a new one made",
        found: format!("it has {} bytes", bytes.len()),
    })
}

/// Refuses what another user owns, what is a link, and what others have the forbidden permissions on.
fn only_ours(path: &Path, forbidden: u32, wanted: &'static str) -> Result<(), CacheError> {
    let metadata = fs::symlink_metadata(path).map_err(error("cannot look at", path))?;
    let ours = rustix::process::geteuid().as_raw();
    let found = if metadata.is_symlink() {
        "it is a symbolic link".to_owned()
    } else if metadata.uid() != ours {
        format!("it belongs to user {}", metadata.uid())
    } else if metadata.mode() & forbidden != 0 {
        format!("its permissions are {:o}", metadata.mode() & 0o777)
    } else {
        return Ok(());
    };
    Err(CacheError::Unsafe { path: path.to_owned(), wanted, found })
}

fn error(what: &'static str, path: &Path) -> impl Fn(io::Error) -> CacheError {
    move |source| CacheError::Io { what, path: path.to_owned(), source }
}

/// Another process was faster.
fn ignore_absent(error: io::Error) -> io::Result<()> {
    if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) }
}

#[cfg(test)]
mod tests;

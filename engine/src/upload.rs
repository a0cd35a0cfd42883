//! Files on this machine into strategies: the sandbox with its compile child (this very program) and its cache of compiled code.

use anyhow::Context;
use calypte_host::{
    CacheSettings, CompileLimits, Compiler, Sandbox, SandboxSettings, UploadError, UploadLimits, UploadSettings, Uploaded,
    Uploads,
};
use std::ffi::OsString;
use std::io::Read;
use std::path::{Path, PathBuf};

/// A component file that did not become a strategy.
#[derive(Debug, thiserror::Error)]
pub enum ComponentError {
    /// It cannot be read.
    #[error("{path:?} cannot be read")]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        #[source]
        cause: std::io::Error,
    },
    /// It is no strategy, or could not be checked; the cause says whose matter that is.
    #[error("{path:?} is refused")]
    Refused {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        cause: UploadError,
    },
}

/// A sandbox that loads files, with the cache of this user.
///
/// # Errors
/// Where the machine does not have what the sandbox asks for.
pub fn uploads(settings: SandboxSettings, remark: impl Fn(&str)) -> anyhow::Result<Uploads> {
    let sandbox = Sandbox::new(settings).context("making the sandbox")?;
    let program = match std::env::var_os("CALYPTE_BIN") {
        Some(program) => PathBuf::from(program),
        None => std::env::current_exe().context("finding this program for the compile child")?,
    };
    let arguments = vec![OsString::from("compile-child")];
    let mut settings = UploadSettings::new(Compiler::new(program, arguments, CompileLimits::default()));
    settings.cache = cache_folder().map(CacheSettings::new);
    if settings.cache.is_some() {
        match Uploads::new(sandbox.clone(), settings.clone()) {
            Ok(uploads) => return Ok(uploads),
            // Compiling again is slower and as good.
            Err(error) => remark(&format!("compiled code is not cached: {error}")),
        }
        settings.cache = None;
    }
    Uploads::new(sandbox, settings).context("making the sandbox")
}

/// Checks and compiles a file.
///
/// # Errors
/// Where it cannot be read or is no strategy.
pub async fn load(uploads: &Uploads, path: &Path) -> Result<Uploaded, ComponentError> {
    let bytes = read(path).map_err(|cause| ComponentError::Unreadable { path: path.to_owned(), cause })?;
    uploads.load(bytes).await.map_err(|cause| ComponentError::Refused { path: path.to_owned(), cause })
}

/// The bytes of a file, one more than are allowed at most: the check then says that it is too large.
fn read(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let limit = UploadLimits::default().file_bytes_max.saturating_add(1);
    std::fs::File::open(path)?.take(limit).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Where compiled code is kept: `CALYPTE_CACHE` (empty: nowhere), else the user's cache folder.
fn cache_folder() -> Option<PathBuf> {
    if let Some(folder) = std::env::var_os("CALYPTE_CACHE") {
        return (!folder.is_empty()).then(|| PathBuf::from(folder));
    }
    let user = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from).filter(|folder| folder.is_absolute());
    let user = user.or_else(|| std::env::var_os("HOME").map(|home| Path::new(&home).join(".cache")));
    user.map(|folder| folder.join("calypte"))
}

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
    #[error("{path:?} cannot be read: give the file that `calypte build` made, target/calypte/NAME.wasm")]
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

/// Names limits of the compile child that are to differ from the defaults: `cpu_seconds=300,address_space_bytes=4294967296`.
const COMPILE_LIMITS_VARIABLE: &str = "CALYPTE_COMPILE_LIMITS";

/// A text that is no limit of the compile child.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} in CALYPTE_COMPILE_LIMITS is none of cpu_seconds=N, address_space_bytes=N, wall_ms=N and artefact_bytes_max=N, N a \
     whole number from 1 on"
)]
pub struct NotACompileLimit(String);

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
    let limits = std::env::var_os(COMPILE_LIMITS_VARIABLE).unwrap_or_default();
    let limits = compile_limits(&limits.to_string_lossy())?;
    let mut settings = UploadSettings::new(Compiler::new(program, arguments, limits));
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

/// The limits of the compile child: the defaults, but for those that are named.
fn compile_limits(text: &str) -> Result<CompileLimits, NotACompileLimit> {
    let mut limits = CompileLimits::default();
    for pair in text.split(',').map(str::trim).filter(|pair| !pair.is_empty()) {
        let no_limit = || NotACompileLimit(pair.chars().take(60).collect());
        let (name, value) = pair.split_once('=').ok_or_else(no_limit)?;
        let value = value.parse().ok().filter(|value| *value > 0).ok_or_else(no_limit)?;
        match name {
            "cpu_seconds" => limits.cpu_seconds = value,
            "address_space_bytes" => limits.address_space_bytes = value,
            "wall_ms" => limits.wall_ms = value,
            "artefact_bytes_max" => limits.artefact_bytes_max = value,
            _ => return Err(no_limit()),
        }
    }
    Ok(limits)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_of_the_compile_child_are_named() {
        assert_eq!(compile_limits(""), Ok(CompileLimits::default()));
        let expected = CompileLimits { cpu_seconds: 5, wall_ms: 7, ..CompileLimits::default() };
        assert_eq!(compile_limits("cpu_seconds=5, wall_ms=7"), Ok(expected));
        for wrong in ["cpu_seconds", "cpu_seconds=0", "cpu_seconds=-1", "cpu=5", "wall_ms=1s"] {
            assert_eq!(compile_limits(wrong), Err(NotACompileLimit(wrong.to_owned())));
        }
    }
}

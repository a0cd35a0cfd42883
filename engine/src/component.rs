//! Makes a strategy's component: compiles its crate for WebAssembly with the user's own cargo, then turns the core module into
//! a component in this process.
//!
//! The build is that of a stranger's machine: nothing is expected to be installed but rustup (or a toolchain with the wasm
//! target), and what is missing is added and said.

use serde::Deserialize;
use std::ffi::OsStr;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use wit_component::ComponentEncoder;

/// What guests are compiled for. No system interface at all: whatever a guest can reach, it imports by name.
pub const TARGET: &str = "wasm32-unknown-unknown";
/// Longest line of cargo's messages that is read; a longer one is left out.
const MESSAGE_BYTES_MAX: usize = 16 << 20;
/// Largest core module that is read back.
const MODULE_BYTES_MAX: u64 = 256 << 20;

/// Why there is no component.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// A tool of the machine is missing or cannot be started.
    #[error("{tool} cannot be started: {hint}")]
    Tool {
        /// Which.
        tool: &'static str,
        /// What to do.
        hint: &'static str,
        /// What the system says.
        #[source]
        cause: std::io::Error,
    },
    /// The wasm target is missing and cannot be added.
    #[error(
        "the target {TARGET} is not installed and `rustup target add {TARGET}` failed ({status}): run it where there is a network"
    )]
    Target {
        /// How rustup ended.
        status: ExitStatus,
    },
    /// There is no crate there.
    #[error("{path:?} holds no strategy crate: give the folder of its Cargo.toml, or make one with `calypte new NAME`")]
    NoCrate {
        /// Where.
        path: PathBuf,
    },
    /// The manifest cannot be read by cargo; its words are in the message.
    #[error("cargo cannot read {path:?}: {words}")]
    Manifest {
        /// Which.
        path: PathBuf,
        /// What cargo says.
        words: String,
    },
    /// The crate is no library that can be a component.
    #[error("{name} is not a strategy: its Cargo.toml needs `[lib]` with `crate-type = [\"cdylib\", \"rlib\"]`")]
    NotALibrary {
        /// The package.
        name: String,
    },
    /// It does not compile; cargo's messages have been shown.
    #[error("{name} does not compile (cargo ended with {status}); the messages above say why")]
    Compile {
        /// The package.
        name: String,
        /// How cargo ended.
        status: ExitStatus,
    },
    /// It compiles and yet is no component.
    #[error("{name} compiles but is no component: does it use the SDK and `calypte_strategy::export!`?")]
    Encode {
        /// The package.
        name: String,
        /// What the encoder says.
        #[source]
        cause: anyhow::Error,
    },
    /// A file cannot be read or written.
    #[error("{path:?} cannot be used")]
    File {
        /// Which.
        path: PathBuf,
        /// What the system says.
        #[source]
        cause: std::io::Error,
    },
}

/// A component that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Built {
    /// The package.
    pub name: String,
    /// The component file.
    pub component: PathBuf,
    /// Its size.
    pub bytes: u64,
    /// Size of the core module it was made of.
    pub module_bytes: u64,
}

/// How to build.
#[derive(Debug, Clone, Copy, Default)]
pub struct BuildOptions {
    /// Whether `Cargo.lock` must stay as it is.
    pub locked: bool,
}

/// Compiles the crate in a folder and makes a component of it. Cargo's own messages go to standard error; so does `remark`.
///
/// # Errors
/// Where a tool is missing, the crate does not compile, or what comes out is no component.
pub fn build(folder: &Path, options: BuildOptions, remark: impl Fn(&str)) -> Result<Built, BuildError> {
    let package = Package::find(folder)?;
    add_target(folder, &remark)?;
    let module_file = package.compile(options)?;
    let module = read_module(&module_file)?;
    let component = encode(&module).map_err(|cause| BuildError::Encode { name: package.name.clone(), cause })?;
    let folder = package.target_folder.join("calypte");
    std::fs::create_dir_all(&folder).map_err(|cause| BuildError::File { path: folder.clone(), cause })?;
    let file = folder.join(format!("{}.wasm", package.name.replace('_', "-")));
    crate::report::write_file(&file, &component).map_err(|error| BuildError::File { path: error.path, cause: error.cause })?;
    Ok(Built { name: package.name, component: file, bytes: component.len() as u64, module_bytes: module.len() as u64 })
}

/// Turns a core module with its embedded description of interfaces into a component, and checks it.
///
/// # Errors
/// Where the module has no such description or does not keep to it.
pub fn encode(module: &[u8]) -> anyhow::Result<Vec<u8>> {
    ComponentEncoder::default().validate(true).module(module)?.encode()
}

fn read_module(path: &Path) -> Result<Vec<u8>, BuildError> {
    let fail = |cause| BuildError::File { path: path.to_owned(), cause };
    let length = std::fs::metadata(path).map_err(fail)?.len();
    if length > MODULE_BYTES_MAX {
        return Err(fail(std::io::Error::other(format!("{length} bytes are more than {MODULE_BYTES_MAX}"))));
    }
    std::fs::read(path).map_err(fail)
}

/// A strategy's package as cargo sees it.
struct Package {
    name: String,
    folder: PathBuf,
    target_folder: PathBuf,
    /// Its workspace has a profile for guests.
    has_guest_profile: bool,
}

/// The part of `cargo metadata` that matters.
#[derive(Deserialize)]
struct WireMetadata {
    packages: Vec<WirePackage>,
    target_directory: PathBuf,
    workspace_root: PathBuf,
}

#[derive(Deserialize)]
struct WirePackage {
    name: String,
    manifest_path: PathBuf,
    targets: Vec<WireTarget>,
}

#[derive(Deserialize)]
struct WireTarget {
    crate_types: Vec<String>,
}

/// The part of cargo's build messages that matters.
#[derive(Deserialize)]
struct WireMessage {
    reason: String,
    #[serde(default)]
    manifest_path: PathBuf,
    #[serde(default)]
    filenames: Vec<PathBuf>,
}

impl Package {
    fn find(folder: &Path) -> Result<Self, BuildError> {
        let manifest = folder.join("Cargo.toml");
        let manifest = manifest.canonicalize().map_err(|_| BuildError::NoCrate { path: folder.to_owned() })?;
        let answer = cargo(folder)
            .args(["metadata", "--no-deps", "--format-version", "1", "--manifest-path"])
            .arg(&manifest)
            .stdin(Stdio::null())
            .output()
            .map_err(no_cargo)?;
        let refused = |words: String| BuildError::Manifest { path: manifest.clone(), words };
        if !answer.status.success() {
            return Err(refused(String::from_utf8_lossy(&answer.stderr).trim().to_owned()));
        }
        let metadata: WireMetadata = serde_json::from_slice(&answer.stdout).map_err(|error| refused(error.to_string()))?;
        // A workspace's root has members and no package of its own.
        let package = metadata.packages.into_iter().find(|package| package.manifest_path == manifest);
        let package = package.ok_or_else(|| BuildError::NoCrate { path: folder.to_owned() })?;
        if !package.targets.iter().any(|target| target.crate_types.iter().any(|kind| kind == "cdylib")) {
            return Err(BuildError::NotALibrary { name: package.name });
        }
        Ok(Self {
            has_guest_profile: has_guest_profile(&metadata.workspace_root.join("Cargo.toml")),
            name: package.name,
            folder: folder.to_owned(),
            target_folder: metadata.target_directory,
        })
    }

    /// Compiles, and gives the core module.
    fn compile(&self, options: BuildOptions) -> Result<PathBuf, BuildError> {
        let mut command = cargo(&self.folder);
        command.args([
            "build",
            "--lib",
            "--target",
            TARGET,
            "--message-format",
            "json-render-diagnostics",
            "--package",
            &self.name,
        ]);
        if self.has_guest_profile {
            command.args(["--profile", "guest"]);
        } else {
            // What the profile says elsewhere: one small, fast module without the tables that unwinding needs.
            command.arg("--release").envs([
                ("CARGO_PROFILE_RELEASE_OPT_LEVEL", "3"),
                ("CARGO_PROFILE_RELEASE_LTO", "fat"),
                ("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "1"),
                ("CARGO_PROFILE_RELEASE_PANIC", "abort"),
                ("CARGO_PROFILE_RELEASE_STRIP", "debuginfo"),
                ("CARGO_PROFILE_RELEASE_DEBUG", "false"),
            ]);
        }
        if options.locked {
            command.arg("--locked");
        }
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().map_err(no_cargo)?;
        let messages = child.stdout.take().expect("standard output is piped");
        let module = self.module_in(BufReader::new(messages));
        let status = child.wait().map_err(no_cargo)?;
        if !status.success() {
            return Err(BuildError::Compile { name: self.name.clone(), status });
        }
        module
            .map_err(|cause| BuildError::File { path: self.target_folder.clone(), cause })?
            .ok_or_else(|| BuildError::Encode { name: self.name.clone(), cause: anyhow::anyhow!("cargo named no module") })
    }

    /// The module that cargo's messages name as this package's.
    fn module_in(&self, mut messages: impl BufRead) -> std::io::Result<Option<PathBuf>> {
        let manifest = self.folder.join("Cargo.toml").canonicalize()?;
        let (mut module, mut line) = (None, Vec::new());
        loop {
            line.clear();
            if messages.read_until(b'\n', &mut line)? == 0 {
                return Ok(module);
            }
            if line.len() > MESSAGE_BYTES_MAX {
                continue;
            }
            // What is no message of cargo's is a build script's, and nothing to us.
            let Ok(message) = serde_json::from_slice::<WireMessage>(&line) else { continue };
            if message.reason == "compiler-artifact" && message.manifest_path == manifest {
                let is_wasm = |file: &PathBuf| file.extension() == Some(OsStr::new("wasm"));
                module = message.filenames.into_iter().find(is_wasm).or(module);
            }
        }
    }
}

/// Cargo in a folder, so that its toolchain file and its configuration hold.
fn cargo(folder: &Path) -> Command {
    tool("cargo", folder)
}

fn tool(name: &str, folder: &Path) -> Command {
    let mut command = Command::new(name);
    // Settings meant for the build that made this program, or for the cargo that runs it, are not the guest's.
    for variable in ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "CARGO_BUILD_TARGET", "RUSTC_WRAPPER", "RUSTC_WORKSPACE_WRAPPER"] {
        command.env_remove(variable);
    }
    command.current_dir(folder);
    command
}

fn no_cargo(cause: std::io::Error) -> BuildError {
    BuildError::Tool { tool: "cargo", hint: "install Rust from https://rustup.rs", cause }
}

/// Adds the wasm target to the toolchain that builds the crate, where it is missing.
fn add_target(folder: &Path, remark: &impl Fn(&str)) -> Result<(), BuildError> {
    let hint = "install Rust from https://rustup.rs";
    let answer = tool("rustc", folder)
        .args(["--print", "target-libdir", "--target", TARGET])
        .stdin(Stdio::null())
        .output()
        .map_err(|cause| BuildError::Tool { tool: "rustc", hint, cause })?;
    let libraries = String::from_utf8_lossy(&answer.stdout).trim().to_owned();
    if answer.status.success() && Path::new(&libraries).is_dir() {
        return Ok(());
    }
    remark(&format!("the target {TARGET} is not installed for this toolchain: running `rustup target add {TARGET}`"));
    let hint = "the wasm target is missing, and only rustup can add it: install Rust from https://rustup.rs";
    let status = tool("rustup", folder)
        .args(["target", "add", TARGET])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .status()
        .map_err(|cause| BuildError::Tool { tool: "rustup", hint, cause })?;
    if status.success() { Ok(()) } else { Err(BuildError::Target { status }) }
}

fn has_guest_profile(manifest: &Path) -> bool {
    let Ok(text) = std::fs::read_to_string(manifest) else { return false };
    let manifest = text.parse::<toml::Table>().unwrap_or_default();
    manifest.get("profile").and_then(|profiles| profiles.get("guest")).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_without_interfaces_is_no_component_of_ours() {
        assert!(encode(b"not wasm").is_err());
    }

    #[test]
    fn a_folder_without_a_crate_is_named() {
        let folder = tempfile::tempdir().expect("a folder");
        let error = build(folder.path(), BuildOptions::default(), |_| ()).expect_err("there is nothing to build");
        assert!(matches!(error, BuildError::NoCrate { .. }), "{error}");
    }

    #[test]
    fn the_module_is_the_packages_own_last_wasm_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let manifest = folder.path().join("Cargo.toml");
        std::fs::write(&manifest, "").expect("it is written");
        let package = Package {
            name: "x".into(),
            folder: folder.path().to_owned(),
            target_folder: folder.path().to_owned(),
            has_guest_profile: false,
        };
        let own = manifest.canonicalize().expect("it exists");
        let own = own.to_str().expect("text");
        let messages = format!(
            "hello from a build script\n\
             {{\"reason\":\"compiler-artifact\",\"manifest_path\":\"/other/Cargo.toml\",\"filenames\":[\"/a.wasm\"]}}\n\
             {{\"reason\":\"compiler-artifact\",\"manifest_path\":\"{own}\",\"filenames\":[\"/x.rlib\",\"/x.wasm\"]}}\n\
             {{\"reason\":\"build-finished\",\"success\":true}}\n"
        );
        assert_eq!(package.module_in(messages.as_bytes()).expect("text"), Some(PathBuf::from("/x.wasm")));
    }
}

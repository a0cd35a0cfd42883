//! `calypte new`: a strategy crate that compiles, trades and has a test that passes, as a start for one's own.

use std::path::{Path, PathBuf};

/// Longest name of a strategy.
pub const NAME_BYTES_MAX: usize = 64;

/// The strategy's source, with `{{name}}` and `{{Type}}` to fill in.
const LIB: &str = include_str!("scaffold/lib.rs.txt");
/// Its manifest, with `{{name}}` and `{{sdk}}`.
const MANIFEST: &str = include_str!("scaffold/Cargo.toml.txt");
/// Its page, with `{{name}}`.
const README: &str = include_str!("scaffold/README.md.txt");
/// The toolchain that the SDK is tested with.
const TOOLCHAIN: &str = include_str!("../../rust-toolchain.toml");
/// What must not be committed.
const IGNORED: &str = "/target\n/report\n";

/// Why there is no new strategy.
#[derive(Debug, thiserror::Error)]
pub enum ScaffoldError {
    /// The name cannot be a crate's and a strategy's.
    #[error("{0:?} is not a name for a strategy: lower case letters, digits and single hyphens, beginning with a letter")]
    Name(String),
    /// The name means something else to Rust.
    #[error("{0:?} is a word of Rust or a crate the strategy needs: choose another name")]
    Taken(String),
    /// There is something already.
    #[error("{path:?} exists: choose another name or --path")]
    Exists {
        /// Where.
        path: PathBuf,
    },
    /// The SDK is not where this program was built.
    #[error("there is no SDK at {path:?}: give the folder `guest-strategies/sdk` of a checkout with --sdk")]
    NoSdk {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// A file cannot be written.
    #[error("{path:?} cannot be written")]
    File {
        /// Which.
        path: PathBuf,
        /// What the system says.
        #[source]
        cause: std::io::Error,
    },
}

/// The SDK of the checkout that this program was built from.
pub fn own_sdk() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../guest-strategies/sdk")
}

/// Writes a new strategy crate into a folder that does not exist yet.
///
/// # Errors
/// Where the name cannot be used, the folder exists, or a file cannot be written.
pub fn scaffold(name: &str, folder: &Path, sdk: &Path) -> Result<(), ScaffoldError> {
    check_name(name)?;
    let missing = || ScaffoldError::NoSdk { path: sdk.to_owned() };
    let sdk = sdk.canonicalize().map_err(|_| missing())?;
    if !sdk.join("Cargo.toml").is_file() {
        return Err(missing());
    }
    if folder.symlink_metadata().is_ok() {
        return Err(ScaffoldError::Exists { path: folder.to_owned() });
    }
    let fill = |text: &str| {
        // A string of TOML may hold any path once quotes and backslashes are escaped, which Rust's own form does.
        let sdk = format!("{:?}", sdk.to_string_lossy());
        text.replace("{{name}}", name).replace("{{Type}}", &type_name(name)).replace("{{sdk}}", &sdk)
    };
    let files = [
        ("Cargo.toml", fill(MANIFEST)),
        ("src/lib.rs", fill(LIB)),
        ("README.md", fill(README)),
        ("rust-toolchain.toml", TOOLCHAIN.to_owned()),
        (".gitignore", IGNORED.to_owned()),
    ];
    for (file, text) in files {
        write(&folder.join(file), &text)?;
    }
    // The versions that the SDK is tested with; cargo drops what the strategy does not need.
    let lock = sdk.join("../../Cargo.lock");
    if let Ok(text) = std::fs::read_to_string(&lock) {
        write(&folder.join("Cargo.lock"), &text)?;
    }
    Ok(())
}

fn write(path: &Path, text: &str) -> Result<(), ScaffoldError> {
    let fail = |cause| ScaffoldError::File { path: path.to_owned(), cause };
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(fail)?;
    }
    std::fs::write(path, text).map_err(fail)
}

/// Names that a crate of Rust cannot have, or that would hide one it needs.
const TAKEN: [&str; 60] = [
    "abstract",
    "alloc",
    "as",
    "async",
    "await",
    "become",
    "box",
    "break",
    "calypte-strategy",
    "const",
    "continue",
    "core",
    "crate",
    "do",
    "dyn",
    "else",
    "enum",
    "extern",
    "false",
    "final",
    "fn",
    "for",
    "gen",
    "if",
    "impl",
    "in",
    "let",
    "loop",
    "macro",
    "match",
    "mod",
    "move",
    "mut",
    "override",
    "priv",
    "proc-macro",
    "pub",
    "ref",
    "return",
    "rust-decimal",
    "self",
    "static",
    "std",
    "struct",
    "super",
    "test",
    "trait",
    "true",
    "try",
    "type",
    "typeof",
    "unsafe",
    "unsized",
    "use",
    "virtual",
    "where",
    "while",
    "wit-bindgen",
    "yield",
    "build",
];

/// A strategy's name is its crate's, its file's and its manifest's.
fn check_name(name: &str) -> Result<(), ScaffoldError> {
    let refuse = || ScaffoldError::Name(name.chars().take(NAME_BYTES_MAX).collect());
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let shaped = name.starts_with(|first: char| first.is_ascii_lowercase()) && !name.ends_with('-') && !name.contains("--");
    if !shaped || name.len() > NAME_BYTES_MAX || !name.bytes().all(allowed) {
        return Err(refuse());
    }
    if TAKEN.contains(&name) {
        return Err(ScaffoldError::Taken(name.to_owned()));
    }
    Ok(())
}

/// `my-first` as a type: `MyFirst`.
fn type_name(name: &str) -> String {
    name.split('-')
        .map(|word| {
            let (first, rest) = word.split_at(1);
            format!("{}{rest}", first.to_ascii_uppercase())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_crates() {
        for good in ["a", "my-first", "x2"] {
            assert!(check_name(good).is_ok(), "{good}");
        }
        for bad in ["", "-a", "a-", "a--b", "A", "2x", "a_b", "a/b", "..", "é", &"a".repeat(65)] {
            assert!(matches!(check_name(bad), Err(ScaffoldError::Name(_))), "{bad}");
        }
        for taken in ["fn", "test", "calypte-strategy", "std"] {
            assert!(matches!(check_name(taken), Err(ScaffoldError::Taken(_))), "{taken}");
        }
        assert_eq!(type_name("my-first-2"), "MyFirst2");
    }

    #[test]
    fn a_new_strategy_is_whole_and_written_once() {
        let parent = tempfile::tempdir().expect("a folder");
        let folder = parent.path().join("my-first");
        scaffold("my-first", &folder, &own_sdk()).expect("it is written");
        let manifest = std::fs::read_to_string(folder.join("Cargo.toml")).expect("there is a manifest");
        let manifest = manifest.parse::<toml::Table>().expect("it is TOML");
        assert_eq!(manifest["package"]["name"].as_str(), Some("my-first"));
        assert!(manifest.contains_key("workspace"), "it builds wherever it lies");
        assert!(Path::new(manifest["dependencies"]["calypte-strategy"]["path"].as_str().expect("a path")).is_absolute());
        let source = std::fs::read_to_string(folder.join("src/lib.rs")).expect("there is a source");
        assert!(source.contains("struct MyFirst") && source.contains("#[test]") && !source.contains("{{"));
        let again = scaffold("my-first", &folder, &own_sdk());
        assert!(matches!(again, Err(ScaffoldError::Exists { .. })));
    }

    #[test]
    fn a_missing_sdk_is_named() {
        let parent = tempfile::tempdir().expect("a folder");
        let error = scaffold("x", &parent.path().join("x"), &parent.path().join("none"));
        assert!(matches!(error, Err(ScaffoldError::NoSdk { .. })));
        assert!(!parent.path().join("x").exists());
    }
}

//! The few interfaces of WASI that language runtimes cannot live without, and the names of what nobody gets.

use super::ImportKind;

/// Granted, each with a harmless meaning: output goes to the strategy's log, input, environment and arguments are empty,
/// clocks read the engine's time, randomness comes from the run's seed. The linker offers exactly these.
pub(in crate::upload) const GRANTED: [&str; 18] = [
    "wasi:cli/environment",
    "wasi:cli/exit",
    "wasi:cli/stderr",
    "wasi:cli/stdin",
    "wasi:cli/stdout",
    "wasi:cli/terminal-input",
    "wasi:cli/terminal-output",
    "wasi:cli/terminal-stderr",
    "wasi:cli/terminal-stdin",
    "wasi:cli/terminal-stdout",
    "wasi:clocks/monotonic-clock",
    "wasi:clocks/wall-clock",
    "wasi:io/error",
    "wasi:io/poll",
    "wasi:io/streams",
    "wasi:random/insecure",
    "wasi:random/insecure-seed",
    "wasi:random/random",
];

/// The generation of WASI that is granted. The next one is built on streams and futures, which are left out.
const MAJOR_MINOR: &str = "0.2.";

/// Why a name that is not the contract's is refused; none for one that is granted.
pub(super) fn refusal(name: &str) -> Option<ImportKind> {
    let (interface, version) = name.split_once('@').unwrap_or((name, ""));
    if GRANTED.contains(&interface) && version.starts_with(MAJOR_MINOR) {
        return None;
    }
    Some(match interface {
        _ if interface.starts_with("wasi:sockets/") => ImportKind::Sockets,
        _ if interface.starts_with("wasi:http/") => ImportKind::Http,
        _ if interface.starts_with("wasi:filesystem/") => ImportKind::Filesystem,
        _ if interface.starts_with("wasi:") => ImportKind::OtherWasi,
        _ => ImportKind::Unknown,
    })
}

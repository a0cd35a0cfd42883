//! Failures of the runtime as faults: what kind, where, at which event, after how much fuel.

use crate::guest::{Broken, Guest, Phase};
use crate::limits::InstanceLimits;
use calypte_kernel::{Fault, FaultKind};
use wasmtime::{PoolConcurrencyLimitError, Store, Trap, WasmBacktrace};

/// Innermost functions named in a fault.
const FUNCTIONS_MAX: usize = 5;
/// Where Rust's own way from a panic to its trap lies: no strategy's author is at home there.
const PANIC_MACHINERY: [&str; 4] = ["__rustc::", "core::panicking::", "std::panicking::", "std::sys::backtrace::"];
/// Bytes of a function's name: a guest chooses it.
const FUNCTION_BYTES_MAX: usize = 120;
/// Bytes of a function's name before it is made readable.
const MANGLED_BYTES_MAX: usize = 1_024;
/// Bytes of a fault's words.
const DETAIL_BYTES_MAX: usize = 500;

/// Why a call ended without an answer.
#[derive(Debug)]
pub(crate) enum Stop {
    /// The guest, or a check on it, failed.
    Failed(wasmtime::Error),
    /// The wall clock ran out.
    WallClock,
    /// It was cancelled.
    Cancelled,
    /// The hook returned and left work running.
    TaskLeft,
    /// The runtime panicked on it.
    Panicked,
}

impl From<wasmtime::Error> for Stop {
    fn from(error: wasmtime::Error) -> Self {
        Self::Failed(error)
    }
}

/// Makes the fault of the event that is open in a store.
pub(crate) fn fault(store: &Store<Guest>, hook: &str, stop: &Stop) -> Fault {
    let guest = store.data();
    let (kind, detail) = classify(guest, stop);
    let function = match stop {
        Stop::Failed(error) => functions(error).unwrap_or_else(|| hook.to_owned()),
        _ => hook.to_owned(),
    };
    let detail = match guest.wasi.last_words(guest.event.number.get()) {
        Some(words) if kind == FaultKind::Trap => format!("{detail}; it last wrote: {words}"),
        _ => detail,
    };
    let left = store.get_fuel().unwrap_or_default();
    Fault { kind, function, event: guest.event.number, fuel: guest.meter.used(left), detail: cut(&detail, DETAIL_BYTES_MAX) }
}

fn classify(guest: &Guest, stop: &Stop) -> (FaultKind, String) {
    let error = match stop {
        Stop::Failed(error) => error,
        Stop::WallClock => {
            return (FaultKind::WallClock, format!("the event took longer than its {} ms", guest.wall_ms));
        }
        Stop::Cancelled => return (FaultKind::Cancelled, "cancelled from outside".to_owned()),
        Stop::Panicked => return (FaultKind::Trap, "the runtime itself failed on what the guest did".to_owned()),
        Stop::TaskLeft => {
            return (
                FaultKind::TaskLeft,
                "the hook returned and left a task running; use a timer for what comes later".to_owned(),
            );
        }
    };
    if let Some(broken) = error.downcast_ref::<Broken>() {
        return (broken.kind, broken.detail.clone());
    }
    if let Some(full) = error.downcast_ref::<PoolConcurrencyLimitError>() {
        return (FaultKind::NoRoom, format!("the sandbox is full ({full}): end an instance, or raise its instances_max"));
    }
    match error.downcast_ref::<Trap>() {
        Some(Trap::OutOfFuel) => guest.meter.out_of_fuel(),
        Some(Trap::StackOverflow) => {
            (FaultKind::StackOverflow, "the stack overflowed: the guest recurses too deeply".to_owned())
        }
        Some(Trap::AsyncDeadlock) => (
            FaultKind::Deadlock,
            "the guest waits for something that cannot come: hooks get one event and must return".to_owned(),
        ),
        // A language whose allocator fails panics: name what made it fail.
        Some(Trap::UnreachableCodeReached) if let Some(room) = guest.memory.refused => {
            (FaultKind::Memory, guest.memory.words(room))
        }
        Some(Trap::CannotEnterComponent | Trap::CannotLeaveComponent) => {
            (FaultKind::Contract, format!("the component called or was called where it may not be: {error}"))
        }
        Some(trap) => (FaultKind::Trap, trap.to_string()),
        None if guest.memory.refused.is_some() && guest.phase == Phase::Outside => {
            let limit = guest.limits.memory_bytes_max;
            (FaultKind::Memory, format!("it begins with more memory or larger tables than the limit of {limit} bytes allows"))
        }
        // Not a trap: what the guest gave could not be read, or a limit of the runtime's was broken.
        None => (FaultKind::Contract, named(&guest.limits, chain(error))),
    }
}

/// Words of the runtime's with the limit of ours that they are about: its errors for these are private, and know no number.
fn named(limits: &InstanceLimits, words: String) -> String {
    if words.contains("store handle limit exceeded") {
        format!("{words}; the limit is {} (handles_max)", limits.handles_max)
    } else if words.contains("too much data is being copied") {
        format!("the guest hands over more than the {} bytes that one call may copy (lift_bytes_max)", limits.lift_bytes_max)
    } else {
        words
    }
}

/// An error with its causes, in one line.
pub(crate) fn chain(error: &wasmtime::Error) -> String {
    let mut text = String::new();
    for cause in error.chain() {
        let words = cause.to_string();
        if words.starts_with("error while executing at wasm") {
            continue; // the backtrace: the fault names its functions
        }
        if !text.is_empty() {
            text.push_str(": ");
        }
        text.push_str(&words);
    }
    text
}

/// The innermost guest functions of a backtrace, innermost first. Those without a name are glue of the component's encoder, and
/// are counted only where nothing has a name. The runtime keeps few frames, so that their names may all be read.
fn functions(error: &wasmtime::Error) -> Option<String> {
    let frames = error.downcast_ref::<WasmBacktrace>()?.frames();
    let named = innermost(frames.iter().filter_map(|frame| frame.func_name()).map(demangled).collect());
    let numbered = || frames.iter().take(FUNCTIONS_MAX).map(|frame| format!("function {}", frame.func_index()));
    let names = if named.is_empty() { numbered().collect() } else { named };
    (!names.is_empty()).then(|| names.join(" < "))
}

/// The first few of these names, from where the panic was on; from the first where there is nothing else.
fn innermost(mut names: Vec<String>) -> Vec<String> {
    let is_machinery = |name: &String| PANIC_MACHINERY.iter().any(|path| name.starts_with(path));
    let place = names.iter().position(|name| !is_machinery(name)).unwrap_or(0);
    names.drain(..place);
    names.truncate(FUNCTIONS_MAX);
    names
}

/// The name as its author wrote it, if it is one of Rust's, without the hash at its end.
fn demangled(name: &str) -> String {
    // A name that is much longer than any that is kept is not worth the work, which a hostile one can make long.
    let name = cut(name, MANGLED_BYTES_MAX);
    let written = rustc_demangle::try_demangle(&name).map_or(name.clone(), |name| format!("{name:#}"));
    let printable = written.chars().filter(|character| !character.is_control());
    cut(&printable.collect::<String>(), FUNCTION_BYTES_MAX)
}

/// Cuts a text at a character boundary.
pub(crate) fn cut(text: &str, bytes_max: usize) -> String {
    text[..text.floor_char_boundary(bytes_max)].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_is_called_what_its_author_called_it() {
        assert_eq!(demangled("_ZN9recursion6deeper17h1d0a96a70e5882a0E"), "recursion::deeper");
        assert_eq!(demangled("_RNvNtCsebHcaeoSrxy_3std5alloc8rust_oom"), "std::alloc::rust_oom");
        assert_eq!(demangled("lifecycle#init"), "lifecycle#init");
        assert_eq!(demangled("a\u{1b}[31mb"), "a[31mb");
        assert_eq!(demangled(&"x".repeat(10_000)).len(), FUNCTION_BYTES_MAX);
    }

    #[test]
    fn a_panic_is_told_from_where_it_was() {
        let machinery = ["__rustc::rust_panic", "std::panicking::panic_handler::{closure#0}", "core::panicking::panic_fmt"];
        let names = |names: &[&str]| innermost(names.iter().map(|name| (*name).to_owned()).collect());
        let panic = [&machinery[..], &["a::f", "core::panicking::g", "a::h", "a::i", "a::j", "a::k"]].concat();
        assert_eq!(names(&panic), ["a::f", "core::panicking::g", "a::h", "a::i", "a::j"]);
        assert_eq!(names(&machinery), machinery, "a guest that calls itself so hides nothing");
        assert_eq!(names(&[]), [""; 0]);
    }

    #[test]
    fn texts_are_cut_between_characters() {
        assert_eq!(cut("aé", 2), "a");
        assert_eq!(cut("aé", 3), "aé");
        assert_eq!(cut("", 0), "");
    }
}

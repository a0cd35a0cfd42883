//! The compile child as a program of its own, for the tests of this crate. The engine's own program does the same when it
//! is started with `compile-child`.

fn main() -> std::process::ExitCode {
    calypte_host::compile_child()
}

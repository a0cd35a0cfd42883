//! The `calypte` program. As `calypte compile-child` it is the disposable process that compiles one component.

use std::process::ExitCode;

fn main() -> ExitCode {
    // Before anything else: the child must not spend its limits on a command line, and nothing of ours must run in it.
    if std::env::args_os().nth(1).is_some_and(|word| word == "compile-child") {
        return calypte_host::compile_child();
    }
    calypte::cli::main(std::env::args_os())
}

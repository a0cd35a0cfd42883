//! The surroundings of a program: none. Standard output and error lead to the log.

use super::bindings::wasi::cli::{
    environment, exit, stderr, stdin, stdout, terminal_input, terminal_output, terminal_stderr, terminal_stdin, terminal_stdout,
};
use super::handles::{Input, Never, Output};
use crate::guest::{Broken, Guest};
use crate::meter::CALL_WORK;
use calypte_kernel::FaultKind;
use wasmtime::Result;
use wasmtime::component::Resource;

impl environment::Host for Guest {
    fn get_environment(&mut self) -> Result<Vec<(String, String)>> {
        self.wasi(CALL_WORK)?;
        Ok(Vec::new())
    }

    fn get_arguments(&mut self) -> Result<Vec<String>> {
        self.wasi(CALL_WORK)?;
        Ok(Vec::new())
    }

    fn initial_cwd(&mut self) -> Result<Option<String>> {
        self.wasi(CALL_WORK)?;
        Ok(None)
    }
}

/// A program that ends itself ends its instance.
fn exited(how: impl std::fmt::Display) -> wasmtime::Error {
    let detail = format!("the guest ended itself ({how}); a hook has to return");
    wasmtime::Error::new(Broken { kind: FaultKind::Trap, detail })
}

impl exit::Host for Guest {
    fn exit(&mut self, status: std::result::Result<(), ()>) -> Result<()> {
        Err(exited(if status.is_ok() { "exit: success" } else { "exit: failure" }))
    }

    fn exit_with_code(&mut self, status_code: u8) -> Result<()> {
        Err(exited(format_args!("exit code {status_code}")))
    }
}

impl stdin::Host for Guest {
    fn get_stdin(&mut self) -> Result<Resource<Input>> {
        self.handle(Input)
    }
}

impl stdout::Host for Guest {
    fn get_stdout(&mut self) -> Result<Resource<Output>> {
        self.handle(Output::Standard)
    }
}

impl stderr::Host for Guest {
    fn get_stderr(&mut self) -> Result<Resource<Output>> {
        self.handle(Output::Error)
    }
}

impl terminal_stdin::Host for Guest {
    fn get_terminal_stdin(&mut self) -> Result<Option<Resource<Never>>> {
        self.wasi(CALL_WORK)?;
        Ok(None)
    }
}

impl terminal_stdout::Host for Guest {
    fn get_terminal_stdout(&mut self) -> Result<Option<Resource<Never>>> {
        self.wasi(CALL_WORK)?;
        Ok(None)
    }
}

impl terminal_stderr::Host for Guest {
    fn get_terminal_stderr(&mut self) -> Result<Option<Resource<Never>>> {
        self.wasi(CALL_WORK)?;
        Ok(None)
    }
}

impl terminal_input::Host for Guest {}

impl terminal_input::HostTerminalInput for Guest {
    fn drop(&mut self, terminal: Resource<Never>) -> Result<()> {
        self.delete(terminal)
    }
}

impl terminal_output::Host for Guest {}

impl terminal_output::HostTerminalOutput for Guest {
    fn drop(&mut self, terminal: Resource<Never>) -> Result<()> {
        self.delete(terminal)
    }
}

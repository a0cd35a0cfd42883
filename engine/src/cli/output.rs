//! Where results go: a table for people, or one JSON document for programs; never both.

use super::exit::{ExitStatus, Failure, status_of};
use crate::health::logs;
use serde::Serialize;
use std::io::{IsTerminal, Write};

/// The program's output.
#[derive(Debug, Clone, Copy)]
pub(super) struct Output {
    json: bool,
}

/// The document of an error.
#[derive(Serialize)]
struct ErrorDocument<'a> {
    error: ErrorRecord<'a>,
}

#[derive(Serialize)]
struct ErrorRecord<'a> {
    message: &'a str,
    causes: Vec<String>,
    exit_code: u8,
}

impl Output {
    pub(super) const fn new(json: bool) -> Self {
        Self { json }
    }

    /// Whether somebody watches progress.
    pub(super) fn shows_progress(self) -> bool {
        !self.json && !logs::is_for_programs() && std::io::stderr().is_terminal()
    }

    /// The answer: the record as JSON, or the words for people.
    ///
    /// # Errors
    /// Where standard output does not take all of it.
    pub(super) fn answer<T: Serialize>(self, record: &T, words: impl FnOnce() -> String) -> Result<(), Failure> {
        let text = if self.json { crate::report::json(record) } else { words() };
        let mut out = std::io::stdout().lock();
        delivered(out.write_all(text.as_bytes()).and_then(|()| out.flush()))
    }

    /// The answer of a command that goes on: one line, as soon as it is known.
    ///
    /// # Errors
    /// Where standard output does not take it.
    pub(super) fn first_line<T: Serialize>(self, record: &T, words: impl FnOnce() -> String) -> Result<(), Failure> {
        let line = if self.json { serde_json::to_string(record).expect("records have text keys") } else { words() };
        let mut out = std::io::stdout().lock();
        delivered(writeln!(out, "{line}").and_then(|()| out.flush()))
    }

    /// A remark for people who watch. Programs are not told: what matters is in the answer.
    pub(super) fn remark(self, words: &str) {
        logs::remark(words);
    }

    /// Says what went wrong, and gives the exit status for it.
    pub(super) fn fail(self, error: &anyhow::Error) -> ExitStatus {
        let status = status_of(error);
        let message = error.to_string();
        let causes = error.chain().skip(1).map(ToString::to_string).collect::<Vec<_>>();
        if self.json {
            let record = ErrorRecord { message: &message, causes, exit_code: status as u8 };
            if let Err(failure) = self.answer(&ErrorDocument { error: record }, String::new) {
                logs::failure(&format!("error: {message}\nerror: {failure}"));
            }
        } else {
            let causes = causes.iter().map(|cause| format!("\n  because {cause}")).collect::<String>();
            logs::failure(&format!("error: {message}{causes}"));
        }
        status
    }
}

/// Whether what was printed has arrived. A reader that has gone away has seen enough: `calypte … | head`.
///
/// # Errors
/// Where it has not, for another reason.
pub(super) fn delivered(printed: std::io::Result<()>) -> Result<(), Failure> {
    match printed {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            let words = format!("the answer cannot be written to standard output: {error}");
            Err(Failure::new(ExitStatus::Environment, words))
        }
        _ => Ok(()),
    }
}

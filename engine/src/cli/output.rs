//! Where results go: a table for people, or one JSON document for programs; never both.

use super::exit::{ExitStatus, status_of};
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
        !self.json && std::io::stderr().is_terminal()
    }

    /// The answer: the record as JSON, or the words for people.
    pub(super) fn answer<T: Serialize>(self, record: &T, words: impl FnOnce() -> String) {
        let text = if self.json { crate::report::json(record) } else { words() };
        // A reader that has gone away has seen enough: `calypte … | head`.
        let _ = std::io::stdout().lock().write_all(text.as_bytes());
    }

    /// A remark for people who watch. Programs are not told: what matters is in the answer.
    pub(super) fn remark(self, words: &str) {
        let _ = writeln!(std::io::stderr().lock(), "{}", crate::report::escape_terminal(words));
    }

    /// Says what went wrong, and gives the exit status for it.
    pub(super) fn fail(self, error: &anyhow::Error) -> ExitStatus {
        let status = status_of(error);
        let message = error.to_string();
        let causes = error.chain().skip(1).map(ToString::to_string).collect::<Vec<_>>();
        if self.json {
            let record = ErrorRecord { message: &message, causes, exit_code: status as u8 };
            self.answer(&ErrorDocument { error: record }, String::new);
        } else {
            let causes = causes.iter().map(|cause| format!("\n  because {cause}")).collect::<String>();
            self.remark(&format!("error: {message}{causes}"));
        }
        status
    }
}

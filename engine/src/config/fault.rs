//! What is wrong with a configuration, and where.

use std::fmt;
use std::ops::Range;
use std::path::PathBuf;

/// Why there is no configuration. All of it is for whoever wrote the file, or set the variables, to mend.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("{path:?} cannot be read: {reason}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// It does not say what is needed: every fault that was found, in the order of the file.
    #[error("{}", listed(path, faults))]
    Faulty {
        /// The file.
        path: PathBuf,
        /// At least one.
        faults: Vec<Fault>,
    },
}

/// One thing that is wrong. Its words never repeat what may be a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Where.
    pub place: Place,
    /// Which key, such as `engine.listen` or `account[0].symbols`; empty where it is about the file.
    pub key: String,
    /// What is wrong, and what to write instead.
    pub words: String,
}

/// Where a value was written.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// Nowhere: it is missing.
    Nowhere,
    /// In the file; both count from 1, columns in characters.
    File {
        /// Line.
        line: usize,
        /// Column.
        column: usize,
    },
    /// In the environment, under this name.
    Variable(String),
}

impl Place {
    /// Where in a text a range of bytes begins.
    pub(super) fn of(text: &str, range: &Range<usize>) -> Self {
        let before = text.get(..range.start.min(text.len())).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |end| end + 1);
        let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
        Self::File { line, column: before[line_start..].chars().count() + 1 }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::Nowhere => {}
            Place::File { line, column } => write!(formatter, "line {line}, column {column}: ")?,
            Place::Variable(name) => write!(formatter, "variable {name}: ")?,
        }
        if !self.key.is_empty() {
            write!(formatter, "{}: ", self.key)?;
        }
        formatter.write_str(&self.words)
    }
}

fn listed(path: &std::path::Path, faults: &[Fault]) -> String {
    let lines = faults.iter().map(|fault| format!("\n  {fault}")).collect::<String>();
    let count = faults.len();
    format!("{}: {count} {}{lines}", path.display(), if count == 1 { "fault" } else { "faults" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_counts_lines_and_characters() {
        let text = "a = 1\nß = \"ä\" # x\nb = 2\n";
        let at = |part: &str| {
            let start = text.find(part).expect("it is in the text");
            Place::of(text, &(start..start + 1))
        };
        assert_eq!(at("a ="), Place::File { line: 1, column: 1 });
        assert_eq!(at("# x"), Place::File { line: 2, column: 9 });
        assert_eq!(at("2"), Place::File { line: 3, column: 5 });
        assert_eq!(Place::of(text, &(999..1_000)), Place::File { line: 4, column: 1 });
    }
}

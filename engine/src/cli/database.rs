//! Which database: by a flag, a file, or the environment. An address may hold a password, and is shown without.

use super::exit::{Ends, ExitStatus, Failure};
use crate::config::{Database, SecretText};
use clap::Args;
use std::path::PathBuf;

/// Holds the address of a database where no flag does.
const VARIABLE: &str = "CALYPTE_DATABASE_URL";

/// Which database.
#[derive(Debug, Args)]
pub(super) struct DatabaseArgs {
    /// Where facts are recorded: sqlite:FILE, or postgres://USER@HOST:PORT/NAME; else what CALYPTE_DATABASE_URL says.
    #[arg(long, value_name = "URL", conflicts_with = "database_file")]
    database: Option<Database>,
    /// A file that holds that address: other users of this machine see flags, with their passwords.
    #[arg(long, value_name = "FILE")]
    database_file: Option<PathBuf>,
}

impl DatabaseArgs {
    /// The database that is named; none where none is.
    pub(super) fn named(&self) -> Result<Option<Database>, Failure> {
        if let Some(database) = &self.database {
            return Ok(Some(database.clone()));
        }
        if let Some(file) = &self.database_file {
            let text = SecretText::read(file).ends(ExitStatus::BadInput)?;
            let words = |error| Failure::new(ExitStatus::BadInput, format!("{}: {error}", file.display()));
            return text.text().parse().map(Some).map_err(words);
        }
        let Ok(text) = std::env::var(VARIABLE).map(zeroize::Zeroizing::new) else { return Ok(None) };
        let words = |error| Failure::new(ExitStatus::Usage, format!("variable {VARIABLE}: {error}"));
        text.parse().map(Some).map_err(words)
    }

    /// The database that has to be named.
    pub(super) fn needed(&self) -> Result<Database, Failure> {
        let words = format!("say which database: --database sqlite:FILE, --database-file FILE, or variable {VARIABLE}");
        self.named()?.ok_or_else(|| Failure::new(ExitStatus::Usage, words))
    }
}

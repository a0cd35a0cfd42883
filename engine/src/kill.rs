//! The kill switch from outside: files beside an account's state, which need no network and nobody who answers.
//!
//! ```text
//!   STATE/kill                       everything whose state lies in STATE
//!   STATE/accounts/NAME/kill         one account
//!     flatten                        its first word says what is done; a second one names the request
//!   …/rearm                          arms the account again, where nothing kills it any more; taken away when it is done
//!   …/standing.json                  how the account stands since: what was obeyed, what is still open
//! ```
//!
//! A kill file is obeyed as long as it is there: within a second, and before a strategy begins where a process starts. What it says
//! and nobody understands means to cancel, so that `touch STATE/kill` does in an emergency. Taking it away arms nothing.

#[cfg(test)]
mod tests;

use crate::file::WholeFile;
use calypte_kernel::{KillAction, KillScope, OperatorCommand, TradingCore};
use serde::{Deserialize, Serialize};
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read as _};
use std::path::{Path, PathBuf};

/// What is done, by its word in a file. Everything else means to cancel.
const ACTIONS: [(&str, KillAction); 4] = [
    ("pause", KillAction::Pause),
    ("reduce-only", KillAction::ReduceOnly),
    ("cancel", KillAction::Cancel),
    ("flatten", KillAction::Flatten),
];
/// What of a file is looked at.
const FILE_BYTES_MAX: u64 = 256;
/// Longest report that is read.
const STANDING_BYTES_MAX: u64 = 1 << 20;

/// What a kill file asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KillRequest {
    /// What is to be done.
    pub action: KillAction,
    /// What it is called, so that whoever asked knows when it was obeyed.
    pub name: String,
}

impl KillRequest {
    /// Asks everybody who watches this folder.
    ///
    /// # Errors
    /// Where the file cannot be written.
    pub fn write(&self, folder: &Path) -> io::Result<()> {
        let text = format!("{} {}\n", word_of(self.action), self.name);
        WholeFile::of(&kill_file(folder), text.as_bytes())?.finish()
    }

    /// What the file of a folder asks for; none: there is no file. One that is there and cannot be read asks to cancel.
    fn read(folder: &Path) -> Option<Self> {
        let cancel = Self { action: KillAction::Cancel, name: String::new() };
        let file = match File::open(kill_file(folder)) {
            Ok(file) => file,
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return None,
            Err(_) => return Some(cancel),
        };
        let mut text = Vec::new();
        if file.take(FILE_BYTES_MAX).read_to_end(&mut text).is_err() {
            return Some(cancel);
        }
        let text = String::from_utf8_lossy(&text);
        let mut words = text.split_ascii_whitespace();
        let action = words.next().and_then(|word| ACTIONS.iter().find(|(name, _)| *name == word));
        let name = words.next().unwrap_or_default().to_owned();
        Some(action.map_or(Self { name: name.clone(), ..cancel }, |(_, action)| Self { action: *action, name }))
    }
}

/// The word of an action.
pub fn word_of(action: KillAction) -> &'static str {
    ACTIONS.iter().find(|(_, known)| *known == action).map_or("cancel", |(word, _)| *word)
}

/// The file that kills what lies in a folder.
pub fn kill_file(folder: &Path) -> PathBuf {
    folder.join("kill")
}

/// The file that arms an account again.
pub fn rearm_file(folder: &Path) -> PathBuf {
    folder.join("rearm")
}

fn standing_file(folder: &Path) -> PathBuf {
    folder.join("standing.json")
}

/// Where an account is watched for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KillFolders {
    /// Its own folder.
    pub own: PathBuf,
    /// That of all accounts of the process; the same where there is only one.
    pub all: PathBuf,
}

/// An account since its kill switch fired.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// What fired it; none: it is armed.
    pub killed_by: Option<String>,
    /// What it does, by its word.
    pub action: Option<String>,
    /// Since when, in milliseconds since 1970.
    pub since: Option<i64>,
    /// Orders that are open.
    pub open_orders: usize,
    /// Positions that are not zero: symbol and signed size.
    pub positions: Vec<(String, String)>,
}

impl Standing {
    /// Of an account as it is now; none: its switch is armed.
    pub fn of(core: &TradingCore) -> Option<Self> {
        let killed = core.killed()?;
        let instruments = &core.settings().instruments;
        let symbol = |place: u32| instruments.get(place as usize).map_or_else(String::new, |known| known.symbol.to_string());
        let positions = core.positions().map(|(_, position)| position).filter(|position| !position.size().is_zero());
        let positions =
            positions.map(|position| (symbol(position.instrument().get()), position.size().normalize().to_string())).collect();
        Some(Self {
            killed_by: Some(killed.cause.to_string()),
            action: Some(word_of(killed.action).to_owned()),
            since: Some(killed.since.as_millis()),
            open_orders: core.strategies().map(|strategy| strategy.orders().count()).sum(),
            positions,
        })
    }
}

/// How an account stands, as its folder says it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StandingReport {
    /// The request that was obeyed last.
    pub obeyed: String,
    /// The account.
    #[serde(flatten)]
    pub standing: Standing,
}

impl StandingReport {
    /// Reads what is there; none: nothing that can be read.
    pub fn read(folder: &Path) -> Option<Self> {
        let mut text = Vec::new();
        File::open(standing_file(folder)).ok()?.take(STANDING_BYTES_MAX).read_to_end(&mut text).ok()?;
        serde_json::from_slice(&text).ok()
    }

    /// Whether everything that a request asks for is done.
    pub fn has_done(&self, request: &KillRequest) -> bool {
        let is_flat = self.standing.positions.is_empty();
        let done = match request.action {
            KillAction::Pause | KillAction::ReduceOnly => true,
            KillAction::Cancel => self.standing.open_orders == 0,
            KillAction::Flatten => self.standing.open_orders == 0 && is_flat,
        };
        done && self.obeyed == request.name && self.standing.killed_by.is_some()
    }
}

/// Watches the files of an account.
#[derive(Debug)]
pub struct KillWatch {
    folders: KillFolders,
    told: Option<KillRequest>,
    /// Whether the account is to be armed again and does not know yet.
    rearming: bool,
    shown: Option<StandingReport>,
    /// Whether it was said that something cannot be written.
    complained: bool,
}

impl KillWatch {
    /// Nothing is told yet.
    pub const fn new(folders: KillFolders) -> Self {
        Self { folders, told: None, rearming: false, shown: None, complained: false }
    }

    /// Looks once, and has the account told what is new. `tell` says whether it could be told: else it is at the next look.
    pub fn look(&mut self, tell: impl FnOnce(OperatorCommand) -> bool) {
        let asked = [&self.folders.own, &self.folders.all].into_iter().filter_map(|folder| KillRequest::read(folder));
        let scope = KillScope::Account;
        let Some(request) = asked.max_by_key(|request| request.action) else {
            self.told = None;
            self.rearming |= self.takes_rearm();
            self.rearming = self.rearming && !tell(OperatorCommand::Rearm { scope });
            return;
        };
        if self.told.as_ref() != Some(&request) && tell(OperatorCommand::Kill { scope, action: request.action }) {
            self.told = Some(request);
        }
    }

    /// Whether the account is to be armed again. The file goes first: one that stays would arm for ever.
    fn takes_rearm(&mut self) -> bool {
        let path = rearm_file(&self.folders.own);
        match fs::remove_file(&path) {
            Ok(()) => true,
            Err(error) if error.kind() == ErrorKind::NotFound => false,
            Err(error) => {
                if !std::mem::replace(&mut self.complained, true) {
                    tracing::error!(%error, ?path, "it cannot be taken away, so that nothing is armed again");
                }
                false
            }
        }
    }

    /// Writes down how the account stands, where that is new. Nothing was ever written of one that was never killed.
    pub fn show(&mut self, standing: Option<&Standing>) {
        if standing.is_none() && self.shown.is_none() && !standing_file(&self.folders.own).exists() {
            return;
        }
        let obeyed = self.told.as_ref().map(|request| request.name.clone()).unwrap_or_default();
        let report = StandingReport { obeyed, standing: standing.cloned().unwrap_or_default() };
        if self.shown.as_ref() == Some(&report) {
            return;
        }
        let bytes = serde_json::to_vec(&report).expect("a report is plain values");
        let path = standing_file(&self.folders.own);
        match WholeFile::of(&path, &bytes).and_then(WholeFile::finish) {
            Ok(()) => self.shown = Some(report),
            Err(error) => {
                if !std::mem::replace(&mut self.complained, true) {
                    tracing::error!(%error, ?path, "how the account stands cannot be written");
                }
            }
        }
    }
}

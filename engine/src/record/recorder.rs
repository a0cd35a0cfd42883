//! The task that keeps a database up with a journal.

use super::account::AccountName;
use super::database::StoreError;
use super::follow::{Batch, FollowError, Follower, Limits};
use super::schema::Mark;
use super::store::Store;
use crate::config::Database;
use crate::health::logs::Causes;
use std::path::PathBuf;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::{JoinError, JoinHandle};

/// How often it is looked whether the journal has more.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// First wait after the database failed; each further one is twice as long.
const RETRY_MIN: Duration = Duration::from_millis(200);
/// Longest wait after the database failed.
const RETRY_MAX: Duration = Duration::from_secs(10);

/// What is recorded where.
#[derive(Debug, Clone)]
pub struct RecorderSettings {
    /// Where facts go.
    pub database: Database,
    /// What the account is called there.
    pub account: AccountName,
    /// The folder of its journal.
    pub journal: PathBuf,
    /// How much is written at once.
    pub limits: Limits,
}

impl RecorderSettings {
    /// Under the ordinary limits.
    pub fn new(database: Database, account: AccountName, journal: PathBuf) -> Self {
        Self { database, account, journal, limits: Limits::default() }
    }
}

/// Why nothing more is recorded.
#[derive(Debug, thiserror::Error)]
pub enum RecorderError {
    /// The journal gives no facts any more.
    #[error("facts cannot be read from the journal")]
    Follow(#[from] FollowError),
    /// The database takes none, and waiting does not help.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A mistake of this program. The journal holds everything that was not recorded.
    #[error("the recorder failed")]
    Lost(#[from] JoinError),
}

/// How far it has come.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Progress {
    /// Every fact of every input up to this one is in the database.
    pub until: Mark,
    /// Rows that were written since it began.
    pub rows: u64,
    /// Rows that were read off the journal and wait for the database.
    pub waiting: usize,
    /// Whether the database was reached, and is of this journal.
    pub is_connected: bool,
    /// What went wrong last, while it has not gone right since.
    pub trouble: Option<String>,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// How far it came.
    pub progress: Progress,
    /// Whether everything that the journal holds is in the database. What is not comes with the next start.
    pub is_complete: bool,
}

/// A recorder at work.
#[derive(Debug)]
pub struct Recorder {
    task: JoinHandle<Result<(), RecorderError>>,
    progress: watch::Receiver<Progress>,
    finish: watch::Sender<bool>,
}

impl Recorder {
    /// Begins, or goes on where the database ends. The journal need not be there yet.
    pub fn start(settings: RecorderSettings) -> Self {
        let ((told, progress), (finish, finishes)) = (watch::channel(Progress::default()), watch::channel(false));
        let task = Task { settings, told, finishes };
        Self { task: tokio::spawn(task.run()), progress, finish }
    }

    /// How far it has come.
    pub fn progress(&self) -> watch::Receiver<Progress> {
        self.progress.clone()
    }

    /// Waits until the database was reached for the first time, at most so long. Gives what is in the way where it was not.
    ///
    /// # Errors
    /// Where it never will be.
    pub async fn ready(&mut self, wait: Duration) -> Result<Option<String>, RecorderError> {
        let mut progress = self.progress.clone();
        tokio::select! {
            ended = &mut self.task => ended?.map(|()| None),
            reached = tokio::time::timeout(wait, progress.wait_for(|progress| progress.is_connected)) => Ok(match reached {
                Ok(_) => None,
                Err(_) => Some(self.progress.borrow().trouble.clone().unwrap_or_else(|| "it does not answer".to_owned())),
            }),
        }
    }

    /// Records what the journal holds by now, and ends; waits for the database at most so long.
    ///
    /// # Errors
    /// Where nothing more can be recorded.
    pub async fn finish(mut self, wait: Duration) -> Result<Recorded, RecorderError> {
        self.finish.send_replace(true);
        let ended = tokio::time::timeout(wait, &mut self.task).await;
        let is_complete = ended.is_ok();
        if let Ok(ended) = ended {
            ended??;
        } else {
            self.task.abort();
        }
        let progress = self.progress.borrow().clone();
        Ok(Recorded { progress, is_complete })
    }
}

/// Records all that a journal holds, and ends.
///
/// # Errors
/// Where it cannot be read, or the database takes nothing: that is not waited for.
pub async fn record_journal(settings: &RecorderSettings) -> Result<Progress, RecorderError> {
    let mut store = Store::open(&settings.database).await?;
    let mut follower = Follower::new(&settings.journal);
    let mut progress = Progress { is_connected: true, ..Progress::default() };
    loop {
        let (back, batch) = read(follower, settings.limits).await?;
        follower = back;
        progress.rows += store.write(&settings.account, &batch).await?;
        progress.until = batch.until;
        if batch.is_at_end {
            return Ok(progress);
        }
    }
}

/// Reads on, away from the tasks that trade: a replay computes.
async fn read(mut follower: Follower, limits: Limits) -> Result<(Follower, Batch), RecorderError> {
    let read = tokio::task::spawn_blocking(move || follower.next(limits).map(|batch| (follower, batch)));
    Ok(read.await??)
}

struct Task {
    settings: RecorderSettings,
    told: watch::Sender<Progress>,
    finishes: watch::Receiver<bool>,
}

impl Task {
    async fn run(mut self) -> Result<(), RecorderError> {
        let ended = self.record().await;
        if let Err(error) = &ended {
            let error = Causes(error).to_string();
            tracing::error!(account = %self.settings.account, %error, "nothing more is recorded; the journal holds it all");
            self.told.send_modify(|progress| progress.trouble = Some(error));
        }
        ended
    }

    async fn record(&mut self) -> Result<(), RecorderError> {
        let mut follower = Follower::new(&self.settings.journal);
        let mut store = None;
        loop {
            // Asked before it is read: what is in the journal by then is to be recorded before it ends.
            let finishes = *self.finishes.borrow();
            let (back, batch) = read(follower, self.settings.limits).await?;
            follower = back;
            let is_first = !self.told.borrow().is_connected;
            if is_first || finishes || !batch.rows.is_empty() {
                store = Some(self.write(store.take(), &batch).await?);
            }
            if !batch.is_at_end {
                continue;
            }
            if finishes {
                return Ok(());
            }
            tokio::select! {
                () = tokio::time::sleep(LOOK_EVERY) => {}
                _ = self.finishes.wait_for(|finishes| *finishes) => {}
            }
        }
    }

    /// Writes a batch, however often the database has to be asked.
    async fn write(&self, mut store: Option<Store>, batch: &Batch) -> Result<Store, RecorderError> {
        let mut wait = RETRY_MIN;
        self.told.send_modify(|progress| progress.waiting = batch.rows.len());
        loop {
            let tried = async {
                let mut store = match store.take() {
                    Some(store) => store,
                    None => Store::open(&self.settings.database).await?,
                };
                let rows = store.write(&self.settings.account, batch).await?;
                Ok::<_, StoreError>((store, rows))
            };
            let error = match tried.await {
                Ok((store, rows)) => {
                    self.wrote(batch, rows);
                    return Ok(store);
                }
                Err(error @ StoreError::OtherJournal { .. }) => return Err(error.into()),
                // One that was fit before may be again: somebody is at work on it.
                Err(error @ StoreError::Unfit { .. }) if !self.told.borrow().is_connected => return Err(error.into()),
                Err(error) => error,
            };
            let error = Causes(&error).to_string();
            if self.told.borrow().trouble.is_none() {
                let account = &self.settings.account;
                tracing::warn!(%account, %error, "facts wait in the journal until the database takes them");
            }
            self.told.send_modify(|progress| progress.trouble = Some(error));
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(RETRY_MAX);
        }
    }

    fn wrote(&self, batch: &Batch, rows: u64) {
        self.told.send_modify(|progress| {
            progress.until = progress.until.max(batch.until);
            progress.rows += rows;
            progress.waiting = 0;
            (progress.is_connected, progress.trouble) = (true, None);
        });
    }
}

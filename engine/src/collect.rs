//! The market recorder: reads streams off the bus and keeps them as files that a backtest reads back.
//!
//! ```text
//! md.BTC.1m     ──► Lane ──► DIR/BTC/1m/2026-11-23.parquet              a file for each day
//! md.BTC.trades ──► Lane ──► DIR/BTC/trades/2026-11-23T14-000.csv.zst   a file for each hour
//!                     └────► DIR/BTC/1m.gaps.csv                        what the stream no longer had
//! ```
//!
//! The newest file of a stream is written anew as a whole as it grows, and each file appears only when it is whole. Where a stream
//! was left, its newest file says: nothing else is kept, so that nothing is lost or comes twice whenever the process ends, as long
//! as the stream still has what came meanwhile.

mod gaps;
mod lane;
mod rows;

pub use lane::Skipped;
pub use rows::ROWS_MAX;

use crate::bus::{Bus, BusError, EntryId, HolderName, StreamName, Topic};
use crate::control::Control;
use crate::data::DataError;
use crate::health::logs::Causes;
use lane::Lane;
use std::collections::BTreeMap;
use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Entries that are read at once.
const BATCH: usize = 5_000;
/// How often it is looked for something new.
const LOOK: Duration = Duration::from_millis(500);
/// How long streams are wanted after the last time that was said.
const WANT_LIFE: Duration = Duration::from_secs(30);
/// How often it is said, and looked what others want.
const WANT_EVERY: Duration = Duration::from_secs(10);
/// The file that is locked while somebody writes.
const LOCK: &str = "lock";

/// What is collected, and where to.
#[derive(Debug, Clone)]
pub struct CollectSettings {
    /// The folder.
    pub out: PathBuf,
    /// The streams, which are then asked for; none: those that somebody else wants.
    pub streams: Vec<StreamName>,
    /// Who asks for them.
    pub holder: HolderName,
    /// How often files are written.
    pub every: Duration,
    /// Whether it ends once it has all there is.
    pub once: bool,
}

/// Why it cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum CollectError {
    /// The bus cannot be used until somebody changes something.
    #[error(transparent)]
    Bus(#[from] BusError),
    /// What a stream of this kind says is not kept.
    #[error("{0} cannot be collected: of candles, trades and quotes files are made")]
    Topic(StreamName),
    /// Another process writes there.
    #[error("{folder:?} is written by another process")]
    Taken {
        /// Where.
        folder: PathBuf,
    },
    /// A file cannot be written or read.
    #[error("{path:?} cannot be {action}")]
    Io {
        /// Which.
        path: PathBuf,
        /// What was tried.
        action: &'static str,
        /// What the system says.
        #[source]
        cause: io::Error,
    },
    /// The newest file of a stream is not as it was written.
    #[error("{path:?} is not as it was written: move it elsewhere")]
    Damaged {
        /// Which.
        path: PathBuf,
    },
    /// A file of candles.
    #[error(transparent)]
    Data(#[from] DataError),
}

/// What was collected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Collected {
    /// Streams that were read.
    pub streams: usize,
    /// Rows that were added to files.
    pub rows: u64,
    /// Stretches that the streams did not have.
    pub gaps: u64,
    /// Entries that could not be read.
    pub bad: u64,
}

/// A recorder.
pub struct Collector {
    bus: Arc<dyn Bus>,
    settings: CollectSettings,
    lanes: BTreeMap<StreamName, Lane>,
    _lock: File,
}

impl Collector {
    /// One that goes on where the folder's files end.
    ///
    /// # Errors
    /// Where a stream cannot be collected, or another process writes to the folder.
    pub fn new(bus: Arc<dyn Bus>, settings: CollectSettings) -> Result<Self, CollectError> {
        if let Some(stream) = settings.streams.iter().find(|stream| !is_kept(stream)) {
            return Err(CollectError::Topic(stream.clone()));
        }
        let lock = lock(&settings.out)?;
        Ok(Self { bus, settings, lanes: BTreeMap::new(), _lock: lock })
    }

    /// Collects until it is told to end, or has all there is where it is asked to.
    ///
    /// # Errors
    /// Where no waiting helps. What was written is whole.
    pub async fn run(mut self, control: &Control) -> Result<Collected, CollectError> {
        let (mut wanted, mut written) = (None::<Instant>, Instant::now());
        loop {
            let ends = control.is_cancelled();
            let passed = async {
                if wanted.is_none_or(|wanted| wanted.elapsed() >= WANT_EVERY) {
                    self.look_what_is_wanted().await?;
                    wanted = Some(Instant::now());
                }
                self.read().await
            };
            match passed.await {
                Ok(()) => {}
                Err(CollectError::Bus(error)) if error.may_pass() => {
                    tracing::warn!(error = %Causes(&error), "the bus does not answer");
                }
                Err(error) => return Err(error),
            }
            if ends || self.settings.once || written.elapsed() >= self.settings.every {
                self.write()?;
                written = Instant::now();
            }
            if ends || self.settings.once {
                self.let_go().await;
                return Ok(self.collected());
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Asks for the streams that were named; else takes up those that others ask for.
    async fn look_what_is_wanted(&mut self) -> Result<(), CollectError> {
        let CollectSettings { streams, holder, out, once, .. } = &self.settings;
        let found = if streams.is_empty() {
            self.bus.wanted().await?.into_iter().map(|wanted| wanted.stream).filter(is_kept).collect()
        } else {
            if !once {
                self.bus.want(holder, streams, WANT_LIFE).await?;
            }
            streams.clone()
        };
        for stream in found {
            if !self.lanes.contains_key(&stream) {
                self.lanes.insert(stream.clone(), Lane::open(out, stream)?);
            }
        }
        Ok(())
    }

    /// Reads all that is new.
    async fn read(&mut self) -> Result<(), CollectError> {
        for (stream, lane) in &mut self.lanes {
            while let Some(from) = lane.first_new() {
                let entries = self.bus.range(stream, from, EntryId::MAX, BATCH).await?;
                let count = entries.len();
                for entry in entries {
                    lane.take(entry)?;
                }
                if count < BATCH {
                    break;
                }
            }
        }
        Ok(())
    }

    fn write(&mut self) -> Result<(), CollectError> {
        self.lanes.values_mut().try_for_each(Lane::write)
    }

    async fn let_go(&self) {
        let CollectSettings { streams, holder, once, .. } = &self.settings;
        if streams.is_empty() || *once {
            return;
        }
        if let Err(error) = self.bus.unwant(holder, streams).await {
            tracing::info!(error = %Causes(&error), "streams are wanted until that runs out by itself");
        }
    }

    fn collected(&self) -> Collected {
        let nothing = Collected { streams: self.lanes.len(), ..Collected::default() };
        self.lanes.values().fold(nothing, |sum, lane| {
            let Skipped { gaps, bad } = lane.skipped();
            Collected { rows: sum.rows + lane.rows_added(), gaps: sum.gaps + gaps, bad: sum.bad + bad, ..sum }
        })
    }
}

/// Whether files are made of a stream.
fn is_kept(stream: &StreamName) -> bool {
    matches!(stream.topic(), Topic::Candles(_) | Topic::Trades | Topic::Quotes)
}

/// The right to write to a folder, which is made where it is not there.
fn lock(folder: &Path) -> Result<File, CollectError> {
    let path = folder.join(LOCK);
    let io = |cause| CollectError::Io { path: path.clone(), action: "written", cause };
    std::fs::create_dir_all(folder).map_err(io)?;
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path).map_err(io)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(CollectError::Taken { folder: folder.to_owned() }),
        Err(TryLockError::Error(error)) => Err(io(error)),
    }
}

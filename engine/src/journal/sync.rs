//! Brings what was written to the disk, in the background: one thread that syncs a moment after something new was written.
//!
//! A moment after, because what is written comes in bursts: a candle closes, its strategies answer, orders go out. Syncing at once,
//! the disk would be asked several times for each burst, by every account of the engine, while all of them have something better to
//! do.

use std::fs::File;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How long is waited after the first writing: what a power cut may cost, besides what the disk itself takes.
const GATHER: Duration = Duration::from_millis(50);

/// The thread and what it is told.
#[derive(Debug)]
pub(super) struct Syncer {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    wishes: Mutex<Wishes>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Wishes {
    /// What was written to, since the thread last looked.
    file: Option<Arc<File>>,
    /// The disk refused once: what was written may be lost, whatever later calls say.
    failed: Option<io::Error>,
    stop: bool,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Wishes> {
        self.wishes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn work(&self) {
        loop {
            let mut wishes = self.lock();
            while wishes.file.is_none() && !wishes.stop {
                wishes = self.changed.wait(wishes).unwrap_or_else(PoisonError::into_inner);
            }
            wishes = self.gather(wishes);
            let Some(file) = wishes.file.take() else { return };
            drop(wishes);
            if let Err(error) = file.sync_data() {
                self.lock().failed.get_or_insert(error);
            }
        }
    }
}

impl Shared {
    /// Waits for what else is written, but not where it is to end.
    fn gather<'a>(&self, mut wishes: MutexGuard<'a, Wishes>) -> MutexGuard<'a, Wishes> {
        let until = Instant::now() + GATHER;
        while !wishes.stop {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            wishes = self.changed.wait_timeout(wishes, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        wishes
    }
}

impl Syncer {
    pub(super) fn start() -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let of_thread = Arc::clone(&shared);
        let thread = std::thread::Builder::new().name("journal-sync".to_owned()).spawn(move || of_thread.work())?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// Something was written to the file.
    ///
    /// # Errors
    /// Where the disk refused what was written before.
    pub(super) fn written(&self, file: &Arc<File>) -> io::Result<()> {
        let mut wishes = self.shared.lock();
        if let Some(error) = wishes.failed.take() {
            return Err(error);
        }
        // One that waits already and is another was complete, and has been brought to the disk by whoever began this one.
        let is_first = wishes.file.replace(Arc::clone(file)).is_none();
        drop(wishes);
        if is_first {
            self.shared.changed.notify_one();
        }
        Ok(())
    }
}

impl Drop for Syncer {
    fn drop(&mut self) {
        self.shared.lock().stop = true;
        self.shared.changed.notify_one();
        if let Some(thread) = self.thread.take() {
            // It holds nothing but the file; a panic in it has nobody to be told.
            let _ = thread.join();
        }
    }
}

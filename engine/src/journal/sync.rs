//! Brings what was written to the disk, in the background: one thread that syncs whenever something new was written since it
//! last began to.

use std::fs::File;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

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
            let Some(file) = wishes.file.take() else { return };
            drop(wishes);
            if let Err(error) = file.sync_data() {
                self.lock().failed.get_or_insert(error);
            }
        }
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
        if wishes.file.is_none() {
            wishes.file = Some(Arc::clone(file));
            drop(wishes);
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

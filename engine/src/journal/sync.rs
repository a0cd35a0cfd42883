//! Brings what was written to the disk, in the background, a moment after something new was written.
//!
//! A moment after, because what is written comes in bursts: a candle closes, strategies answer, orders go out. And a few threads for
//! all journals of a process: with one for each, a thousand accounts that hear one candle have a thousand threads take the cores from
//! the strategies.

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long is waited after the first writing: what a power cut may cost, besides what the disk itself takes.
const GATHER: Duration = Duration::from_millis(50);
/// Threads that wait for the disk: one that is slow does not hold up all.
const THREADS: usize = 4;

/// What a journal tells the threads. Dropped, what it still wished for is done all the same.
#[derive(Debug)]
pub(super) struct Syncer {
    wishes: Arc<Mutex<Wishes>>,
    threads: Arc<Threads>,
}

#[derive(Debug, Default)]
struct Wishes {
    /// What was written to, since a thread last looked.
    file: Option<Arc<File>>,
    /// The disk refused once: what was written may be lost, whatever later calls say.
    failed: Option<io::Error>,
}

/// The threads of a process. They end with it.
#[derive(Debug, Default)]
struct Threads {
    /// Journals that wish for something, each once, and when it is time.
    due: Mutex<VecDeque<(Instant, Arc<Mutex<Wishes>>)>>,
    changed: Condvar,
}

impl Syncer {
    /// # Errors
    /// Where no thread can be started.
    pub(super) fn start() -> io::Result<Self> {
        static THREADS_OF_PROCESS: Mutex<Option<Arc<Threads>>> = Mutex::new(None);
        let mut started = lock(&THREADS_OF_PROCESS);
        let threads = match &*started {
            Some(threads) => Arc::clone(threads),
            None => Arc::clone(started.insert(Threads::start()?)),
        };
        Ok(Self { wishes: Arc::default(), threads })
    }

    /// Something was written to the file.
    ///
    /// # Errors
    /// Where the disk refused what was written before.
    pub(super) fn written(&self, file: &Arc<File>) -> io::Result<()> {
        let mut wishes = lock(&self.wishes);
        if let Some(error) = wishes.failed.take() {
            return Err(error);
        }
        match &wishes.file {
            Some(waits) if Arc::ptr_eq(waits, file) => return Ok(()),
            // Whoever began this file has brought the one before it to the disk.
            Some(_) => wishes.file = Some(Arc::clone(file)),
            None => {
                wishes.file = Some(Arc::clone(file));
                drop(wishes);
                self.threads.wish(&self.wishes);
            }
        }
        Ok(())
    }
}

impl Threads {
    fn start() -> io::Result<Arc<Self>> {
        let threads = Arc::new(Self::default());
        for _ in 0..THREADS {
            let of_thread = Arc::clone(&threads);
            std::thread::Builder::new().name("journal-sync".to_owned()).spawn(move || of_thread.work())?;
        }
        Ok(threads)
    }

    fn wish(&self, wishes: &Arc<Mutex<Wishes>>) {
        lock(&self.due).push_back((Instant::now() + GATHER, Arc::clone(wishes)));
        self.changed.notify_one();
    }

    fn work(&self) {
        loop {
            let wishes = self.next();
            let Some(file) = lock(&wishes).file.take() else { continue };
            if let Err(error) = file.sync_data() {
                lock(&wishes).failed.get_or_insert(error);
            }
        }
    }

    /// The journal whose time has come first.
    fn next(&self) -> Arc<Mutex<Wishes>> {
        let mut due = lock(&self.due);
        loop {
            let now = Instant::now();
            if let Some((_, wishes)) = due.pop_front_if(|(at, _)| *at <= now) {
                return wishes;
            }
            let left = due.front().map(|(at, _)| at.saturating_duration_since(now));
            due = match left {
                None => self.changed.wait(due).unwrap_or_else(PoisonError::into_inner),
                Some(left) => self.changed.wait_timeout(due, left).unwrap_or_else(PoisonError::into_inner).0,
            };
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

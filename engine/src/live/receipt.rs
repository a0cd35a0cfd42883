//! Receipts: an entry of a bus is acknowledged when everybody it went to has it in the journal.

use crate::bus::{EntryId, StreamName};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::mpsc;

/// Says of an entry that somebody has it in the journal. One that is dropped says nothing: the entry is handed out again after a
/// restart.
#[derive(Debug)]
pub struct Receipt(Arc<Entry>);

#[derive(Debug)]
struct Entry {
    stream: StreamName,
    id: EntryId,
    /// Who does not have it yet.
    left: AtomicUsize,
    told: mpsc::UnboundedSender<(StreamName, EntryId)>,
}

impl Receipt {
    /// As many as there are takers, for one entry. What all of them have is told; the sender bounds what waits there by not reading on.
    pub fn of(
        stream: &StreamName,
        id: EntryId,
        takers: usize,
        told: &mpsc::UnboundedSender<(StreamName, EntryId)>,
    ) -> impl Iterator<Item = Self> + use<> {
        let entry = Entry { stream: stream.clone(), id, left: AtomicUsize::new(takers), told: told.clone() };
        std::iter::repeat_n(Arc::new(entry), takers).map(Self)
    }

    /// It is in a journal, or nobody is there any more who would have one.
    pub fn journalled(self) {
        let entry = &self.0;
        if entry.left.fetch_sub(1, Ordering::AcqRel) == 1 {
            // Nobody listens any more where the process ends: the entry is handed out again then.
            drop(entry.told.send((entry.stream.clone(), entry.id)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_told_once_everybody_has_it() {
        let (told, mut heard) = mpsc::unbounded_channel();
        let stream: StreamName = "md.BTC.1m".parse().expect("a stream");
        let mut receipts = Receipt::of(&stream, EntryId::new(1, 0), 2, &told);
        receipts.next().expect("the first").journalled();
        assert!(heard.try_recv().is_err());
        receipts.next().expect("the second").journalled();
        assert_eq!(heard.try_recv(), Ok((stream.clone(), EntryId::new(1, 0))));
        let mut receipts = Receipt::of(&stream, EntryId::new(2, 0), 2, &told);
        receipts.next().expect("the first").journalled();
        drop(receipts);
        assert!(heard.try_recv().is_err(), "one of the two is gone without having it");
    }
}

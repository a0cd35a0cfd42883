//! Answers to batches, entry by entry.

use super::{Batch, Entry};
use crate::hyperliquid::protocol::{Answer, EntryStatus, RefusalClass, Response};
use calypte_kernel::{Refusal, RequestKind, Timestamp, VenueEvent, VenueOrderId};
use std::borrow::Cow;

/// What an answer says of each entry. It has no time of its own: it is true as of `as_of`, by the exchange's clock.
pub fn outcome(batch: &Batch, answer: &Answer, as_of: Timestamp) -> Vec<VenueEvent> {
    match answer {
        Answer::Err(words) => refused(batch, words),
        Answer::Ok(response) => looked_at(batch, response, as_of),
    }
}

/// A refusal of the whole request, in words.
pub fn refused(batch: &Batch, words: &str) -> Vec<VenueEvent> {
    // A nonce that was used says that the same bytes were looked at before: what came of them must be asked.
    if RefusalClass::of(words) == RefusalClass::DuplicateNonce {
        return doubted(batch);
    }
    batch.entries.iter().flat_map(|entry| entry_refused(entry, words)).collect()
}

/// A refusal of ours: nothing of the batch was sent.
pub fn unsent(batch: &Batch, code: &'static str, words: &str) -> Vec<VenueEvent> {
    let refusal = Refusal { code: Cow::Borrowed(code), message: words.to_owned() };
    batch.entries.iter().filter_map(|entry| told_refused(entry, refusal.clone())).collect()
}

/// Nobody knows what came of the batch: each order in it must be asked after.
pub fn doubted(batch: &Batch) -> Vec<VenueEvent> {
    batch.entries.iter().filter_map(doubt).collect()
}

fn doubt(entry: &Entry) -> Option<VenueEvent> {
    match *entry {
        Entry::Place { order } | Entry::Amend { order, .. } | Entry::Cancel { order } => Some(VenueEvent::Unanswered { order }),
        // The state of the account says it.
        Entry::Exit | Entry::CancelOutside { .. } | Entry::Leverage { .. } | Entry::Schedule { .. } => None,
    }
}

fn looked_at(batch: &Batch, response: &Response, as_of: Timestamp) -> Vec<VenueEvent> {
    let statuses = response.data.as_ref().map(|data| &*data.statuses).unwrap_or_default();
    let pairs = batch.entries.iter().zip(statuses);
    match (statuses, batch.entries.len()) {
        ([], 1) if response.data.is_none() => done(&batch.entries[0], as_of).into_iter().collect(),
        (statuses, entries) if statuses.len() == entries => {
            pairs.flat_map(|(entry, status)| entry_event(entry, status, as_of)).collect()
        }
        // Checked before the batch was taken apart: it stands for all.
        ([EntryStatus::Error(words)], _) => batch.entries.iter().flat_map(|entry| entry_refused(entry, words)).collect(),
        // Which is whose cannot be told.
        _ => doubted(batch),
    }
}

/// What is done without a word.
fn done(entry: &Entry, as_of: Timestamp) -> Option<VenueEvent> {
    match *entry {
        Entry::Leverage { instrument, leverage, mode } => Some(VenueEvent::LeverageSet { instrument, leverage, mode, as_of }),
        Entry::Schedule { at } => Some(VenueEvent::CancelScheduled { at }),
        Entry::Exit => None,
        Entry::Place { .. } | Entry::Amend { .. } | Entry::Cancel { .. } | Entry::CancelOutside { .. } => doubt(entry),
    }
}

fn entry_event(entry: &Entry, status: &EntryStatus, as_of: Timestamp) -> Vec<VenueEvent> {
    let said = match (*entry, status) {
        (_, EntryStatus::Error(words)) => return entry_refused(entry, words),
        // Of an exit nothing is told before it lives; an order that waits is there, and its number comes with its update.
        (Entry::Exit, _) | (Entry::Place { .. }, EntryStatus::WaitingForFill | EntryStatus::WaitingForTrigger) => None,
        // What filled is told by the fills, with fees and numbers.
        (Entry::Place { order }, EntryStatus::Resting { oid, .. } | EntryStatus::Filled { oid, .. }) => {
            Some(VenueEvent::Accepted { order, venue_order: VenueOrderId::new(*oid) })
        }
        (Entry::Amend { order, size, kind }, EntryStatus::Resting { oid, .. } | EntryStatus::Filled { oid, .. }) => {
            Some(VenueEvent::Amended { order, venue_order: VenueOrderId::new(*oid), size, kind })
        }
        (Entry::Cancel { order }, EntryStatus::Success) => {
            Some(VenueEvent::Cancelled { order, venue_order: None, reason: Cow::Borrowed("cancelled as asked") })
        }
        (Entry::CancelOutside { venue_order }, EntryStatus::Success) => Some(VenueEvent::ExternalGone { venue_order }),
        (Entry::Leverage { .. } | Entry::Schedule { .. }, EntryStatus::Success) => done(entry, as_of),
        _ => doubt(entry),
    };
    said.into_iter().collect()
}

fn entry_refused(entry: &Entry, words: &str) -> Vec<VenueEvent> {
    let class = RefusalClass::of(words);
    let refusal = Refusal { code: Cow::Borrowed(class.code()), message: words.to_owned() };
    let gone = class == RefusalClass::GoneOrNever;
    let after = match *entry {
        // The words do not say whether the order still exists.
        Entry::Amend { order, .. } | Entry::Cancel { order } => gone.then_some(VenueEvent::Unanswered { order }),
        // It is not open then, whatever became of it.
        Entry::CancelOutside { venue_order } => gone.then_some(VenueEvent::ExternalGone { venue_order }),
        _ => None,
    };
    told_refused(entry, refusal).into_iter().chain(after).collect()
}

/// The word on an entry that was refused; of an exit and of an order that is not ours nothing is waited for.
fn told_refused(entry: &Entry, refusal: Refusal) -> Option<VenueEvent> {
    Some(match *entry {
        Entry::Place { order } => VenueEvent::Rejected { order, refusal },
        Entry::Amend { order, .. } => VenueEvent::RequestRejected { order, request: RequestKind::Amend, refusal },
        Entry::Cancel { order } => VenueEvent::RequestRejected { order, request: RequestKind::Cancel, refusal },
        Entry::Leverage { instrument, .. } => VenueEvent::LeverageRejected { instrument, refusal },
        Entry::Schedule { .. } => VenueEvent::CancelScheduleRejected { refusal },
        Entry::CancelOutside { .. } | Entry::Exit => return None,
    })
}

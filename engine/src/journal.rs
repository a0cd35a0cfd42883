//! Journals as files: every input of an account's core, written before anything follows from it.
//!
//! ```text
//! DIR/lock                      held by the process that writes
//! DIR/00001-000001.journal      epoch 1, segment 1
//! DIR/00001-000002.journal
//! DIR/00002-000001.journal      the next start of the process: an epoch of its own
//! ```
//!
//! The format is the kernel's ([`calypte_kernel::journal`]); here is where the bytes lie, when they reach the disk, how long
//! they stay, and what happens where they cannot be written. A file that is complete is never changed again: after a crash the
//! next opening begins a new epoch behind the torn tail. Where segments are limited, the oldest go once no process can need them any
//! more: those of epochs before the one in which the core that goes on was made.

mod folder;
mod reader;
mod settings;
mod sync;
mod tail;
#[cfg(test)]
mod tests;
mod writer;

pub use folder::{EPOCH_MAX, SEGMENTS_MAX, SegmentFile, segments};
pub use reader::{Beginning, Entry, Epoch, ReadError, Reader, SEGMENT_FILE_BYTES_MAX, TornTail};
pub use settings::{Durability, JournalSettings, SEGMENT_BYTES_MAX};
pub use tail::{Tail, Tailed};
pub use writer::{WriteError, Writer, Written};

//! The recorder: what happened to an account, in a database, each fact once.
//!
//! ```text
//!  account's loop ──► journal ──► Tail ──► Follower ──► Batch ──► Store ──► SQLite or PostgreSQL
//!                                          a core of its own,     one transaction: rows,
//!                                          deterministic          and how far they reach
//! ```
//!
//! The journal holds every input, and equal inputs give equal outputs: so facts are a function of the journal, and nobody who
//! trades has to hand them over. The recorder reads behind, whether a second or a week. A database that is slow, full or gone
//! costs nothing but that distance; no queue can overflow, and a recorder that was killed begins where its last transaction
//! ended. A fact's key is its place in the journal: account, epoch, record, and place among what that input brought about.
//!
//! The tables are those of [`Table`]; `engine/docs/recorder.md` describes them.

mod account;
mod database;
mod derive;
mod export;
mod follow;
mod recorder;
mod schema;
mod statements;
mod store;

pub use account::{ACCOUNT_NAME_BYTES_MAX, AccountName, NotAnAccount};
pub use database::StoreError;
pub use export::{ExportError, Exported, Format, Selection, export};
pub use follow::{Batch, FollowError, Follower, Limits};
pub use recorder::{Progress, Recorded, Recorder, RecorderError, RecorderSettings, record_journal};
pub use schema::{Column, KEY, Kind, Mark, Row, Table, Value};
pub use store::{Page, RecordedAccount, Store};

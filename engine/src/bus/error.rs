//! What goes wrong on a bus, sorted by what the caller does next. Nothing here repeats a password.

use super::entry::BadEntry;
use super::{GroupName, LeaseName, StreamName};

/// Why a bus did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BusError {
    /// No answer: it may have been done or not. Try again later: what was published is published again under the same ids, and
    /// a reader asks for what it was handed ([`super::Streams::handed_out`]) before it reads on.
    #[error("no answer from the bus at {server}")]
    NoAnswer {
        /// Host, port and database.
        server: String,
        /// In which way.
        #[source]
        silence: Silence,
    },
    /// It cannot do it now, and did not. Try again later; somebody has to look after the server meanwhile.
    #[error("the bus at {server} refuses for now")]
    Refused {
        /// Host, port and database.
        server: String,
        /// Why.
        #[source]
        refusal: Refusal,
    },
    /// Another holds the lease, or it ran out. Stop what it allowed, at once; nothing was written.
    #[error("the lease {lease} is lost: another may hold it")]
    LeaseLost {
        /// Which.
        lease: LeaseName,
    },
    /// The group is not there: it was never made, was deleted, or the server lost its data. Join again from where you are.
    #[error("the group {group} of one of the streams read is not there: join it again")]
    NoGroup {
        /// Which.
        group: GroupName,
    },
    /// An entry that was to be written cannot be. The others of the call were not written either.
    #[error("the entry {number} for {stream} cannot be written")]
    BadEntry {
        /// To which stream.
        stream: StreamName,
        /// Its number.
        number: u64,
        /// Why.
        #[source]
        cause: BadEntry,
    },
    /// The call asks for more than is allowed at once. Ask for less.
    #[error("{asked} {what} are more than the {limit} allowed")]
    OverLimit {
        /// Of what.
        what: &'static str,
        /// How many.
        asked: usize,
        /// How many are allowed.
        limit: usize,
    },
    /// It will not work until somebody changes the settings. Stop, and say so.
    #[error("the bus at {server} cannot be used as it is")]
    Misconfigured {
        /// Host, port and database.
        server: String,
        /// Why.
        #[source]
        cause: Misconfiguration,
    },
}

/// In which way a server did not answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Silence {
    /// Nobody listens there, or the way there is cut.
    #[error("it cannot be reached ({0}): is it running, and is the address right")]
    Unreachable(std::io::ErrorKind),
    /// The connection was cut while an answer was due.
    #[error("the connection was cut ({0})")]
    Cut(std::io::ErrorKind),
    /// No answer in time.
    #[error("nothing came within {waited_ms} ms: it is paused, overloaded, or the network is")]
    TimedOut {
        /// How long was waited.
        waited_ms: u64,
    },
}

/// Why a server refuses for now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It has used the memory it may.
    #[error("it is full: raise its maxmemory, or keep fewer entries in each stream")]
    Full,
    /// It reads its data from disk.
    #[error("it is loading its data: wait")]
    Loading,
    /// It is a replica.
    #[error("it is a read-only replica: name the primary, or wait until it is promoted")]
    ReadOnly,
    /// It cannot write its data to disk and therefore takes no more.
    #[error("it cannot save to disk and takes no writes: free space, or look at its log")]
    CannotSave,
    /// A script of somebody blocks it.
    #[error("a script blocks it: wait, or end it with SCRIPT KILL")]
    Blocked,
    /// It has no primary behind it, or is failing over.
    #[error("it has lost its primary: wait, or look at its replication")]
    NoPrimary,
    /// It takes no more connections.
    #[error("it has as many clients as it may: raise its maxclients, or stop some")]
    Clients,
}

/// What has to be changed by somebody.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Misconfiguration {
    /// The address is none.
    #[error("the address is not redis://, rediss:// or unix:// with a host, a port and a number of a database")]
    Address,
    /// A file of certificates cannot be used.
    #[error("the certificates given for TLS cannot be used")]
    Certificates,
    /// The server wants a password, or another one.
    #[error("it wants a name and a password, or others: put them in the address, redis://name:password@host")]
    Login,
    /// The user may not do what we do.
    #[error("its user may not do that: allow it streams, scripts, hashes, sorted sets and keys of md.* and calypte:* ({said})")]
    Permission {
        /// What the server said, cut.
        said: String,
    },
    /// Too old.
    #[error("it is version {found}; needed is Redis 7.0 or Valkey 7.2, or later")]
    Version {
        /// Which it is, cut.
        found: String,
    },
    /// A cluster spreads keys; scripts need them together.
    #[error("it is a cluster: name a server of its own")]
    Cluster,
    /// A key of ours holds something else.
    #[error("a key of ours holds something else there: choose another database, or remove it ({said})")]
    OtherData {
        /// What the server said, cut.
        said: String,
    },
    /// An answer that no server of a version we know gives.
    #[error("its answer to {command} is not one we know ({said}): is it Redis or Valkey")]
    Unknown {
        /// To what.
        command: &'static str,
        /// What it said, cut.
        said: String,
    },
}

impl BusError {
    /// Whether the same call may succeed later, with nothing changed by us.
    pub const fn may_pass(&self) -> bool {
        matches!(self, Self::NoAnswer { .. } | Self::Refused { .. })
    }
}

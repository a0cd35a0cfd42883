//! From what the client and the server call their errors to what our callers do next.
//!
//! Of the client's errors only the kind is taken: their text may repeat an address with its password.

use crate::bus::limits::SAID_BYTES_MAX;
use crate::bus::{BusError, GroupName, Misconfiguration, Refusal, Silence};
use redis::{ErrorKind, RedisError};
use std::error::Error;
use std::io;
use std::sync::Arc;
use std::time::Duration;

/// What was being done when the client failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum During {
    /// Making a connection.
    Connecting,
    /// A command, which may have taken effect.
    Command(&'static str),
}

/// The server said no.
pub(super) fn refused(server: &str, command: &'static str, code: &str, details: &str, group: Option<&GroupName>) -> BusError {
    let group_is_gone = code == "NOGROUP" || (code == "UNBLOCKED" && details.contains("no longer exists"));
    if let Some(group) = group.filter(|_| group_is_gone) {
        return BusError::NoGroup { group: group.clone() };
    }
    let said = || format!("{code} {details}").chars().filter(|letter| !letter.is_control()).take(SAID_BYTES_MAX).collect();
    let refusal = match code {
        "OOM" => Some(Refusal::Full),
        "LOADING" => Some(Refusal::Loading),
        "READONLY" => Some(Refusal::ReadOnly),
        "MISCONF" => Some(Refusal::CannotSave),
        "BUSY" => Some(Refusal::Blocked),
        "MASTERDOWN" | "CLUSTERDOWN" | "NOREPLICAS" | "TRYAGAIN" | "UNBLOCKED" => Some(Refusal::NoPrimary),
        "ERR" if details.contains("max number of clients") => Some(Refusal::Clients),
        _ => None,
    };
    if let Some(refusal) = refusal {
        return BusError::Refused { server: server.to_owned(), refusal };
    }
    let cause = match code {
        "NOAUTH" | "WRONGPASS" => Misconfiguration::Login,
        "NOPERM" => Misconfiguration::Permission { said: said() },
        "WRONGTYPE" => Misconfiguration::OtherData { said: said() },
        "MOVED" | "ASK" | "CROSSSLOT" => Misconfiguration::Cluster,
        _ => Misconfiguration::Unknown { command, said: said() },
    };
    BusError::Misconfigured { server: server.to_owned(), cause }
}

/// The client failed.
pub(super) fn failed(server: &str, during: During, error: &RedisError) -> BusError {
    let kind = error.kind();
    if let (ErrorKind::Server(_) | ErrorKind::Extension, Some(code)) = (kind, error.code()) {
        let command = match during {
            During::Connecting => "connecting",
            During::Command(command) => command,
        };
        return refused(server, command, code, error.detail().unwrap_or_default(), None);
    }
    let io = io_kind(error);
    let cause = match (kind, during) {
        (ErrorKind::Io, During::Connecting) if io == Some(io::ErrorKind::InvalidData) => Misconfiguration::Certificates,
        (ErrorKind::AuthenticationFailed, _) => Misconfiguration::Login,
        (ErrorKind::InvalidClientConfig, _) => Misconfiguration::Certificates,
        (ErrorKind::Parse | ErrorKind::UnexpectedReturnType, _) => {
            Misconfiguration::Unknown { command: "any command", said: "bytes of no protocol we know".to_owned() }
        }
        // Whatever else: the connection is of no use any more.
        (_, During::Connecting) => {
            return silent(server, Silence::Unreachable(io.unwrap_or(io::ErrorKind::Other)));
        }
        (_, During::Command(_)) => return silent(server, Silence::Cut(io.unwrap_or(io::ErrorKind::ConnectionAborted))),
    };
    BusError::Misconfigured { server: server.to_owned(), cause }
}

/// What the system said. The client shows its causes as they are, or within an `Arc`.
fn io_kind(error: &RedisError) -> Option<io::ErrorKind> {
    let source = error.source()?;
    let within = source.downcast_ref::<Arc<dyn Error + Send + Sync>>().map(|source| source.downcast_ref::<io::Error>());
    within.unwrap_or_else(|| source.downcast_ref::<io::Error>()).map(io::Error::kind)
}

/// Nothing came.
pub(super) fn timed_out(server: &str, waited: Duration) -> BusError {
    let waited_ms = u64::try_from(waited.as_millis()).unwrap_or(u64::MAX);
    silent(server, Silence::TimedOut { waited_ms })
}

fn silent(server: &str, silence: Silence) -> BusError {
    BusError::NoAnswer { server: server.to_owned(), silence }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_refusal_says_what_to_do_next() {
        let group: GroupName = "engine".parse().expect("a name");
        let of = |code, details| refused("host:1", "XADD", code, details, Some(&group));
        for (code, refusal) in [
            ("OOM", Refusal::Full),
            ("LOADING", Refusal::Loading),
            ("READONLY", Refusal::ReadOnly),
            ("MISCONF", Refusal::CannotSave),
            ("BUSY", Refusal::Blocked),
            ("MASTERDOWN", Refusal::NoPrimary),
        ] {
            assert_eq!(of(code, ""), BusError::Refused { server: "host:1".to_owned(), refusal });
            assert!(of(code, "").may_pass());
        }
        assert_eq!(of("NOGROUP", "x"), BusError::NoGroup { group: group.clone() });
        assert_eq!(of("UNBLOCKED", "the stream key no longer exists"), BusError::NoGroup { group: group.clone() });
        for code in ["NOAUTH", "WRONGPASS", "NOPERM", "WRONGTYPE", "MOVED", "WHATEVER"] {
            assert!(matches!(of(code, "x"), BusError::Misconfigured { .. }) && !of(code, "x").may_pass(), "{code}");
        }
    }

    #[test]
    fn what_a_server_says_is_cut_before_it_is_repeated() {
        let said = refused("host:1", "XADD", "ODD", &"\u{1b}[31m".repeat(1_000), None);
        let BusError::Misconfigured { cause: Misconfiguration::Unknown { said, .. }, .. } = said else { panic!("{said}") };
        assert!(said.len() <= SAID_BYTES_MAX && !said.contains('\u{1b}'), "{said}");
    }
}

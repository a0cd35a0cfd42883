//! What kind of server it is: whether it will do, and what an operator should know of its settings.

use super::answer::text;
use super::link::Link;
use crate::bus::limits::NAME_BYTES_MAX;
use crate::bus::{BusError, Misconfiguration};
use redis::aio::MultiplexedConnection;
use redis::{Cmd, Value, cmd};
use std::time::Duration;

/// The first version that counts lag, and names trimmed entries when others' are claimed.
const VERSION_MIN: (u32, u32) = (7, 0);

/// A server and its settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerFacts {
    /// The version of Redis that it is or stands in for.
    pub version: String,
    /// Whether it is Valkey.
    pub valkey: bool,
    /// Whether it is a replica, and takes no writes.
    pub replica: bool,
    /// Whether it writes each change to disk: without, a crash of the server loses what it held.
    pub append_only_file: bool,
    /// Memory that it may use, in bytes; 0: all there is.
    pub memory_max: u64,
    /// Memory that it uses, in bytes.
    pub memory_used: u64,
    /// What it does when its memory is full. Anything but `noeviction` may remove streams.
    pub eviction: String,
}

impl Link {
    /// What the server says of itself.
    pub(super) async fn facts(&self) -> Result<ServerFacts, BusError> {
        let answer = self.ask("INFO", &info()).await?;
        let answer = self.accepted("INFO", &answer, None)?;
        let said = text(answer).map_err(|odd| self.odd("INFO", &odd))?;
        Ok(facts(said))
    }

    /// Whether the server at the other end of a new connection will do.
    pub(super) async fn check(&self, connection: &mut MultiplexedConnection) -> Result<(), BusError> {
        let asked = info();
        let answer: Value = self.answer("INFO", Duration::ZERO, connection.send_packed_command(&asked)).await?;
        let answer = self.accepted("INFO", &answer, None)?;
        let said = text(answer).map_err(|odd| self.odd("INFO", &odd))?;
        if field(said, "redis_mode") == Some("cluster") {
            return Err(self.misconfigured(Misconfiguration::Cluster));
        }
        let found = field(said, "redis_version").unwrap_or_default();
        if !is_new_enough(found) {
            let found = found.chars().take(NAME_BYTES_MAX).collect();
            return Err(self.misconfigured(Misconfiguration::Version { found }));
        }
        Ok(())
    }
}

fn info() -> Cmd {
    // Without sections: some answer nothing to several, and the usual ones hold all that is read here.
    cmd("INFO")
}

fn facts(said: &str) -> ServerFacts {
    let number = |name| field(said, name).and_then(|value| value.parse().ok()).unwrap_or(0);
    let text = |name| field(said, name).unwrap_or_default().chars().take(NAME_BYTES_MAX).collect();
    ServerFacts {
        version: text("redis_version"),
        valkey: field(said, "server_name") == Some("valkey"),
        replica: field(said, "role") == Some("slave"),
        append_only_file: field(said, "aof_enabled") == Some("1"),
        memory_max: number("maxmemory"),
        memory_used: number("used_memory"),
        eviction: text("maxmemory_policy"),
    }
}

/// The value of a line `name:value`.
fn field<'a>(said: &'a str, name: &str) -> Option<&'a str> {
    said.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
}

fn is_new_enough(version: &str) -> bool {
    let mut parts = version.split('.').map(|part| part.parse::<u32>().ok());
    let major_minor = parts.next().flatten().zip(parts.next().flatten());
    major_minor.is_some_and(|found| found >= VERSION_MIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_by_their_numbers() {
        for version in ["7.0.15", "7.2.4", "10.0.0", "8.0"] {
            assert!(is_new_enough(version), "{version}");
        }
        for version in ["6.2.14", "", "7", "x.y", "-7.0"] {
            assert!(!is_new_enough(version), "{version}");
        }
    }

    #[test]
    fn facts_are_read_from_what_a_server_says() {
        let said = "# Server\r\nredis_version:7.2.4\r\nserver_name:valkey\r\nrole:slave\r\nused_memory:5\r\nmaxmemory:7\r\n\
                    maxmemory_policy:allkeys-lru\r\naof_enabled:1\r\n";
        let expected = ServerFacts {
            version: "7.2.4".to_owned(),
            valkey: true,
            replica: true,
            append_only_file: true,
            memory_max: 7,
            memory_used: 5,
            eviction: "allkeys-lru".to_owned(),
        };
        assert_eq!(facts(said), expected);
        assert_eq!(facts("").version, "");
    }
}

//! What runs beside the services: the bus, the database, the webhook, and who has the addresses they want to listen on.

use super::{CHECK_TIME_MAX, Finding, machine};
use crate::bus::{BusError, RedisBus, RedisSettings, ServerFacts};
use crate::config::{Config, Database, PostgresUrl, Services, WebhookUrl};
use calypte_kernel::Timestamp;
use calypte_venues::ambient::{Ambient as _, Machine};
use calypte_venues::net::{Dial as _, Dialer};
use sqlx::Connection as _;
use std::fs;
use std::io::Read as _;
use std::path::Path;
use tokio::time::timeout;

/// How far the server's clock may be from ours.
const DRIFT_MS_MAX: u64 = 1_000;
/// What a file of SQLite's begins with. <https://www.sqlite.org/fileformat.html>
const SQLITE_MAGIC: &[u8] = b"SQLite format 3\0";

/// The bus: whether it can be reached, and how it is set.
pub(super) async fn bus(config: &Config<Services>) -> Vec<Finding> {
    let place = &config.bus;
    let looked = async {
        let bus = RedisBus::connect(RedisSettings::new(config.bus.clone())).await?;
        let asked = Machine.now();
        let time = bus.time().await?;
        Ok::<_, BusError>((bus.facts().await?, (asked, time, Machine.now())))
    };
    match timeout(CHECK_TIME_MAX, looked).await {
        Ok(Ok((facts, times))) => {
            let name = if facts.valkey { "Valkey, in place of Redis" } else { "Redis" };
            let mut findings = vec![Finding::ok("bus", format!("{place}: {name} {}", facts.version))];
            findings.extend(bus_clock(times));
            findings.extend(bus_settings(&facts));
            findings
        }
        Ok(Err(error)) => {
            let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
            let remedy = "start the server, or write its address below [bus]: redis-server --appendonly yes";
            vec![Finding::failed("bus", format!("{error}{cause}"), remedy)]
        }
        Err(_) => {
            let found = format!("{place}: no answer within {} s", CHECK_TIME_MAX.as_secs());
            vec![Finding::failed("bus", found, "look whether the server is paused or overloaded")]
        }
    }
}

/// Whether the server's time lies between the two that frame it, give or take what is allowed.
fn bus_clock((asked, theirs, heard): (Timestamp, Timestamp, Timestamp)) -> Option<Finding> {
    let drift_ms = asked.millis_since(theirs).max(theirs.millis_since(heard));
    let words = format!("its clock and ours are {drift_ms} ms apart: ages of entries are wrong by as much");
    (drift_ms > DRIFT_MS_MAX).then(|| Finding::warning("bus", words, "set both clocks: timedatectl set-ntp true"))
}

fn bus_settings(facts: &ServerFacts) -> Vec<Finding> {
    let mut findings = Vec::new();
    if facts.replica {
        findings.push(Finding::failed("bus", "it is a replica and takes no writes", "write the primary's address below [bus]"));
    }
    if !facts.append_only_file {
        let words = "it does not write each change to disk (appendonly no): after a crash its streams begin anew";
        findings.push(Finding::warning("bus", words, "redis-cli config set appendonly yes, and config rewrite"));
    }
    if facts.memory_max > 0 && facts.eviction != "noeviction" {
        let words = format!("maxmemory-policy is {}: where memory is short, it may remove streams and leases", facts.eviction);
        findings.push(Finding::failed("bus", words, "redis-cli config set maxmemory-policy noeviction, and config rewrite"));
    }
    if facts.memory_max > 0 && facts.memory_used > facts.memory_max / 10 * 8 {
        let words = format!("it uses {} of {} MiB", facts.memory_used >> 20, facts.memory_max >> 20);
        findings.push(Finding::warning("bus", words, "raise its maxmemory: where it is full, nothing is published"));
    }
    findings
}

/// The database of the recorder.
pub(super) async fn database(database: &Database) -> Vec<Finding> {
    match database {
        Database::Sqlite(file) => sqlite(file),
        Database::Postgres(url) => vec![postgres(url).await],
    }
}

fn sqlite(file: &Path) -> Vec<Finding> {
    let folder = file.parent().unwrap_or(Path::new("/"));
    let mut findings = machine::folder("database", folder);
    if file.exists() {
        findings.push(sqlite_file(file));
    }
    findings
}

/// Whether a file that is there is a database that can be written.
fn sqlite_file(file: &Path) -> Finding {
    let shown = file.display();
    let opened = fs::OpenOptions::new().read(true).write(true).open(file);
    let mut begins = Vec::new();
    let most = SQLITE_MAGIC.len() as u64;
    match opened.and_then(|opened| opened.take(most).read_to_end(&mut begins)) {
        Ok(_) if begins.is_empty() || begins == SQLITE_MAGIC => Finding::ok("database", format!("{shown} can be written")),
        Ok(_) => {
            Finding::failed("database", format!("{shown} is no file of SQLite's"), "name another file, or move this one away")
        }
        Err(error) => {
            let remedy = "let the service's user write it: chown it";
            Finding::failed("database", format!("{shown} cannot be opened for writing: {error}"), remedy)
        }
    }
}

async fn postgres(url: &PostgresUrl) -> Finding {
    let remedy = "look whether the server runs and lets this user in, and at the address in database-file";
    let looked = async {
        let mut connection = sqlx::postgres::PgConnection::connect(url.secret()).await?;
        connection.ping().await?;
        connection.close().await
    };
    match timeout(CHECK_TIME_MAX, looked).await {
        Ok(Ok(())) => Finding::ok("database", format!("{url} answers")),
        // The client's words are of the server or of the network, and hold no address.
        Ok(Err(error)) => Finding::failed("database", format!("{url}: {error}"), remedy),
        Err(_) => Finding::failed("database", format!("{url}: no answer within {} s", CHECK_TIME_MAX.as_secs()), remedy),
    }
}

/// Whether the webhook's host lets itself be reached; it is told nothing.
pub(super) async fn webhook(webhook: &WebhookUrl) -> Finding {
    let remedy = "look at the network, and at the address in webhook-file";
    let dialer = match Dialer::new(webhook.endpoint().clone(), None) {
        Ok(dialer) => dialer,
        Err(error) => return Finding::failed("webhook", error.to_string(), remedy),
    };
    match timeout(CHECK_TIME_MAX, dialer.dial()).await {
        Ok(Ok(_)) => Finding::ok("webhook", format!("{webhook} can be reached")),
        Ok(Err(error)) => Finding::failed("webhook", format!("{webhook}: {error}"), remedy),
        Err(_) => Finding::failed("webhook", format!("{webhook}: no answer within {} s", CHECK_TIME_MAX.as_secs()), remedy),
    }
}

/// Whether the addresses are free on which metrics and health are to be shown.
pub(super) async fn addresses(services: &Services) -> Vec<Finding> {
    let of_market_data = services.market_data.as_ref().map(|service| ("market-data", service.listen));
    let of_engine = services.engine.as_ref().map(|service| ("engine", service.listen));
    let mut findings = Vec::new();
    for (name, address) in [of_market_data, of_engine].into_iter().flatten() {
        let Some(address) = address else {
            let words = format!("{name} shows neither metrics nor health");
            findings.push(Finding::warning(name, words, format!("write listen = \"127.0.0.1:9101\" below [{name}]")));
            continue;
        };
        findings.push(match tokio::net::TcpListener::bind(address).await {
            Ok(_) => Finding::ok(name, format!("{address} is free for metrics and health")),
            Err(error) => {
                let words = format!("{address} cannot be listened on: {error}");
                Finding::warning(
                    name,
                    words,
                    format!("nothing, if {name} runs already; else write another listen below [{name}]"),
                )
            }
        });
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::super::Verdict;
    use super::*;

    fn facts() -> ServerFacts {
        ServerFacts {
            version: "7.0.15".to_owned(),
            valkey: false,
            replica: false,
            append_only_file: true,
            memory_max: 0,
            memory_used: 100 << 20,
            eviction: "noeviction".to_owned(),
        }
    }

    #[test]
    fn a_server_that_is_set_right_is_not_complained_of() {
        assert_eq!(bus_settings(&facts()), []);
        let evicts_nothing = ServerFacts { eviction: "allkeys-lru".to_owned(), ..facts() };
        assert_eq!(bus_settings(&evicts_nothing), [], "it never does, since its memory has no limit");
    }

    #[test]
    fn each_setting_that_costs_data_is_told() {
        let verdicts = |facts: ServerFacts| bus_settings(&facts).into_iter().map(|finding| finding.verdict).collect::<Vec<_>>();
        assert_eq!(verdicts(ServerFacts { append_only_file: false, ..facts() }), [Verdict::Warning]);
        assert_eq!(verdicts(ServerFacts { replica: true, ..facts() }), [Verdict::Failed]);
        assert_eq!(verdicts(ServerFacts { memory_max: 110 << 20, ..facts() }), [Verdict::Warning]);
        let evicts = ServerFacts { memory_max: 1 << 30, eviction: "allkeys-lru".to_owned(), ..facts() };
        assert_eq!(verdicts(evicts), [Verdict::Failed]);
    }

    #[test]
    fn a_clock_is_judged_by_what_frames_it() {
        let at = Timestamp::from_millis;
        assert_eq!(bus_clock((at(0), at(2_500), at(5_000))), None, "a slow answer is no wrong clock");
        assert_eq!(bus_clock((at(1_000), at(0), at(1_001))), None);
        assert!(bus_clock((at(1_001), at(0), at(1_002))).is_some_and(|finding| finding.found.contains("1001 ms apart")));
        assert!(bus_clock((at(0), at(9_000), at(10))).is_some());
    }

    #[test]
    fn a_file_is_a_database_or_it_is_not() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("record.db");
        let verdicts = || sqlite(&file).into_iter().map(|finding| finding.verdict).max();
        assert_ne!(verdicts(), Some(Verdict::Failed), "it is not there yet");
        fs::write(&file, b"SQLite format 3\0 and more").expect("it is written");
        assert_ne!(verdicts(), Some(Verdict::Failed));
        fs::write(&file, "id,name\n").expect("it is written");
        assert_eq!(verdicts(), Some(Verdict::Failed));
    }

    #[tokio::test]
    async fn a_server_that_is_not_there_is_named_without_its_password() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let address = listener.local_addr().expect("it is bound");
        drop(listener);
        let database: Database = format!("postgres://me:s3cret@{address}/x").parse().expect("an address");
        let findings = super::database(&database).await;
        assert_eq!(findings[0].verdict, Verdict::Failed);
        assert!(
            findings[0].found.contains(&address.to_string()) && !format!("{findings:?}").contains("s3cret"),
            "{findings:?}"
        );
        let webhook: WebhookUrl = format!("http://{address}/s3cret").parse().expect("an address");
        let finding = super::webhook(&webhook).await;
        assert!(finding.verdict == Verdict::Failed && !format!("{finding:?}").contains("s3cret"), "{finding:?}");
    }
}

//! The disk is full: under the journal, under the database, under the log.

use crate::system::{Service, System, fills_at, journal};
use std::fs;
use std::path::Path;
use std::process::Command;
use tests::{RedisServer, calypte_path, is_installed, run, skip};

/// Bytes that the journal may still grow by.
const ROOM: u64 = 8 << 10;
/// Starts the engine so that a file that may not grow is an error, as a disk that is full, and not the end of the process.
const GO_ON_AT_LIMITS: &str = "trap '' XFSZ; exec \"$0\" \"$@\"";
/// Starts the engine with a small disk of its own in the folder of its database, which nobody else sees and which ends with it.
const SMALL_DISK: &str = "mount -t tmpfs -o size=2m none \"$0\" && exec \"$@\"";

fn start_engine(system: &System, program: &mut Command) -> Service {
    let log = fs::File::options().create(true).append(true).open(system.folder.path().join("engine.log"));
    Service::start_by(program, "engine", &system.config, log.expect("the test's folder can be written").into())
}

/// Length of the newest file of a journal.
fn length(journal: &Path) -> u64 {
    let files = fs::read_dir(journal).expect("a journal").map(|file| file.expect("it can be listed").path());
    let newest = files.filter(|path| path.extension().is_some_and(|extension| extension == "journal")).max();
    fs::metadata(newest.expect("a journal has a file")).expect("it is there").len()
}

#[tokio::test(flavor = "multi_thread")]
async fn trading_halts_where_the_journal_cannot_be_written_and_goes_on_where_it_can() {
    let Some(redis) = RedisServer::start(&[]) else { return };
    if !is_installed("prlimit") {
        return skip("there is no prlimit: install util-linux");
    }
    let mut system = System::new(&redis.url(), |exchange| exchange, "");
    system.start_market_data();
    let mut shell = Command::new("sh");
    shell.args(["-c", GO_ON_AT_LIMITS]).arg(calypte_path());
    let engine = start_engine(&system, &mut shell);
    system.until_filled(2).await;

    let limit = length(&journal(system.folder.path())) + ROOM;
    let (process, limit) = (format!("--pid={}", engine.id()), format!("--fsize={limit}"));
    run(Command::new("prlimit").args([process, limit])).ok();
    let (said, code) = engine.ended();
    assert_eq!(code, Some(4), "{said}");
    let error = said["accounts"][0]["error"].as_str().expect("the account failed");
    assert!(error.contains("trading has halted") && error.contains("no room to write"), "{said}");
    system.start_engine();
    system.recovers("no room for the journal").await;

    assert_eq!(system.end(&redis).await.missing(), [vec![]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn trading_goes_on_where_the_database_cannot_be_written_and_nothing_is_left_out_of_it() {
    let Some(redis) = RedisServer::start(&[]) else { return };
    let unshared = ["--mount", "--map-root-user"];
    if !Command::new("unshare").args(unshared).arg("true").status().is_ok_and(|status| status.success()) {
        return skip("no process may have a disk of its own here");
    }
    let mut system = System::new(&redis.url(), |exchange| exchange, "database = \"sqlite:small/record.db\"\n");
    let folder = system.folder.path().join("small");
    fs::create_dir(&folder).expect("the test's folder can be written");
    system.start_market_data();
    let mut small_disk = Command::new("unshare");
    small_disk.args(unshared).args(["sh", "-c", SMALL_DISK]).arg(&folder).arg(calypte_path());
    let engine = start_engine(&system, &mut small_disk);
    let seen = format!("/proc/{}/root{}", engine.id(), folder.display());
    system.engine = Some(engine);
    system.until_filled(1).await;

    let filler = Path::new(&seen).join("filler");
    let full = fs::write(&filler, vec![0; 4 << 20]).expect_err("it is larger than the disk");
    assert_eq!(full.kind(), std::io::ErrorKind::StorageFull);
    system.until_said("engine", "facts wait in the journal", 0).await;
    system.recovers("no room for the database, while there is none").await;
    fs::remove_file(&filler).expect("it is there");
    let fills = fills_at(&system.devnet).await;
    let out = system.folder.path().join("fills.csv");
    let process = system.engine.as_ref().expect("it runs").id().to_string();
    let exported = || {
        let mut export = Command::new("nsenter");
        export.args(["--target", &process, "--user", "--mount", "--preserve-credentials"]).arg(calypte_path());
        export.args(["export", "--what", "fills", "--database"]).arg(format!("sqlite:{}/record.db", folder.display()));
        run(export.arg("--out").arg(&out)).ok();
        fs::read_to_string(&out).expect("it was written").lines().count() - 1
    };
    system.until("the database has caught up", |_| exported() >= fills).await;
    system.recovers("no room for the database").await;

    assert_eq!(system.end(&redis).await.missing(), [vec![]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn trading_goes_on_where_the_log_cannot_be_written() {
    let Some(redis) = RedisServer::start(&[]) else { return };
    let full = || fs::File::options().write(true).open("/dev/full").expect("a device that is always full").into();
    let mut system = System::new(&redis.url(), |exchange| exchange, "");
    let start = |command: &str| Service::start_by(&mut Command::new(calypte_path()), command, &system.config, full());
    let (market_data, engine) = (start("market-data"), start("engine"));
    (system.market_data, system.engine) = (Some(market_data), Some(engine));
    system.until_filled(1).await;
    // Everybody has something to log.
    redis.pause();
    let until = system.market_time() + 120 * 3_000;
    system.until("somebody has waited for an answer in vain", |system| system.market_time() >= until).await;
    redis.resume();
    system.recovers("no room for the log").await;

    assert_eq!(system.end(&redis).await.missing(), [vec![]]);
}

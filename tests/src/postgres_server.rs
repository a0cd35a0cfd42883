//! A real PostgreSQL on the loopback: made in a folder of its own, started on a free port, killed and started again by its
//! process id.

use crate::paths::temp_dir;
use crate::skip::skip_at;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::panic::Location;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use tempfile::TempDir;

/// Names the folder of `initdb` and `postgres`, where they are neither on the search path nor where Debian puts them.
const FOLDER_VARIABLE: &str = "CALYPTE_POSTGRES_BIN";
/// Where Debian puts them, in a folder for each version.
const DEBIAN: &str = "/usr/lib/postgresql";
/// How often a port is tried that somebody else took in between.
const PORTS_TRIED_MAX: u32 = 20;
/// Who may log in, and how.
const USER: &str = "calypte";
/// The password of that user: it must never be shown.
pub const POSTGRES_PASSWORD: &str = "s3cret-of-the-database";

/// A server with a folder of its own. It ends with this.
#[derive(Debug)]
pub struct PostgresServer {
    folder: TempDir,
    programs: PathBuf,
    /// Who runs it: the server refuses to run as root.
    user: Option<(u32, u32)>,
    port: u16,
    process: Option<Child>,
}

impl PostgresServer {
    /// Starts one with an empty database; loopback only, on a free port, without waiting for the disk.
    ///
    /// None where no server is installed; then that is said and counted as a skip.
    #[track_caller]
    pub fn start() -> Option<Self> {
        let caller = Location::caller();
        let Some(programs) = programs() else {
            let reason = format!("`initdb` is not there; install postgresql, or name its folder in {FOLDER_VARIABLE}");
            skip_at(&reason, caller);
            return None;
        };
        let folder = temp_dir();
        let is_root = fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0);
        let user = if is_root { Some(somebody().expect("there is a user besides root")) } else { None };
        if let Some((uid, gid)) = user {
            chown(folder.path(), Some(uid), Some(gid)).expect("root gives folders away");
        }
        let mut server = Self { folder, programs, user, port: 0, process: None };
        server.make();
        for _ in 0..PORTS_TRIED_MAX {
            let listener = TcpListener::bind(("127.0.0.1", 0)).expect("the loopback has a free port");
            server.port = listener.local_addr().expect("it is bound").port();
            drop(listener);
            server.process = server.spawn();
            if server.process.is_some() {
                return Some(server);
            }
        }
        panic!("the server did not start: {}", server.log());
    }

    /// Its address, with the password.
    pub fn url(&self) -> String {
        format!("postgres://{USER}:{POSTGRES_PASSWORD}@127.0.0.1:{}/postgres", self.port)
    }

    /// Ends it as a crash does: what was not on the disk is gone, what was committed is not.
    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            // Killed itself, it would leave its children behind for a moment, which hold its memory and its port.
            signal(&process, "QUIT");
            process.wait().expect("our own child can be waited for");
        }
    }

    /// Starts it again on the same port and folder, after [`Self::kill`].
    pub fn start_again(&mut self) {
        self.kill();
        self.process = self.spawn();
        assert!(self.process.is_some(), "the server did not start again: {}", self.log());
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.programs.join(program));
        command.current_dir(self.folder.path()).env("LC_ALL", "C").stdin(Stdio::null());
        if let Some((uid, gid)) = self.user {
            command.uid(uid).gid(gid);
        }
        command
    }

    /// Makes the database's files.
    fn make(&self) {
        let password = self.folder.path().join("password");
        fs::write(&password, POSTGRES_PASSWORD).expect("the server's folder can be written");
        let mut initdb = self.command("initdb");
        initdb.args(["--pgdata", "data", "--username", USER, "--auth", "scram-sha-256", "--encoding", "UTF8", "--no-sync"]);
        let made = initdb.arg("--pwfile").arg(&password).output().expect("a program that is there can be started");
        assert!(made.status.success(), "initdb: {}", String::from_utf8_lossy(&made.stderr));
    }

    /// Starts the process and waits until it takes connections; none: it ended.
    fn spawn(&self) -> Option<Child> {
        let mut server = self.command("postgres");
        server.args(["-D", "data", "-h", "127.0.0.1", "-p", &self.port.to_string(), "-k", "", "-c", "fsync=off"]);
        server.args(["-c", "logging_collector=off", "-c", "log_destination=stderr"]);
        let mut process = server.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("it can be started");
        let mut lines = BufReader::new(process.stderr.take().expect("it is piped")).lines().map_while(Result::ok);
        let mut said = String::new();
        for line in lines.by_ref() {
            said.push_str(&line);
            said.push('\n');
            if line.contains("ready to accept connections") {
                // What it says later must go somewhere, or it would wait for us.
                thread::spawn(move || lines.for_each(drop));
                return Some(process);
            }
        }
        process.wait().expect("our own child can be waited for");
        fs::write(self.folder.path().join("ended.log"), said).expect("the server's folder can be written");
        None
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("ended.log")).unwrap_or_default()
    }
}

impl Drop for PostgresServer {
    fn drop(&mut self) {
        self.kill();
    }
}

fn signal(process: &Child, signal: &str) {
    let sent = Command::new("kill").args([&format!("-{signal}"), &process.id().to_string()]).status();
    assert!(sent.expect("there is a `kill`").success(), "our own child takes signals");
}

/// The folder of its programs: the one that is named, else of the search path, else the newest that Debian has.
fn programs() -> Option<PathBuf> {
    let is_fit = |folder: &PathBuf| folder.join("initdb").is_file() && folder.join("postgres").is_file();
    if let Some(folder) = std::env::var_os(FOLDER_VARIABLE) {
        return Some(PathBuf::from(folder)).filter(is_fit);
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut debian = fs::read_dir(Path::new(DEBIAN)).into_iter().flatten().flatten().collect::<Vec<_>>();
    debian.sort_by_key(|entry| entry.file_name().to_string_lossy().parse::<u32>().unwrap_or_default());
    let debian = debian.into_iter().rev().map(|entry| entry.path().join("bin"));
    std::env::split_paths(&path).chain(debian).find(is_fit)
}

/// A user besides root: the one that Debian's package makes, or nobody.
fn somebody() -> Option<(u32, u32)> {
    ["postgres", "nobody"].into_iter().find_map(|name| {
        let id = |flag: &str| {
            let said = Command::new("id").args([flag, name]).output().ok()?;
            String::from_utf8_lossy(&said.stdout).trim().parse().ok()
        };
        Some((id("-u")?, id("-g")?))
    })
}

//! A real `redis-server` on the loopback: started on a free port, killed, paused and started again by its process id.

use crate::paths::temp_dir;
use crate::skip::skip_at;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::panic::Location;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use tempfile::TempDir;

/// Names another program than the one on the search path: Valkey is tested so.
const PROGRAM_VARIABLE: &str = "CALYPTE_REDIS_SERVER";
/// How often a port is tried that somebody else took in between.
const PORTS_TRIED_MAX: u32 = 20;

/// A server with a folder of its own. It ends with this.
#[derive(Debug)]
pub struct RedisServer {
    folder: TempDir,
    port: u16,
    options: Vec<String>,
    process: Option<Child>,
}

impl RedisServer {
    /// Starts one with options as on its command line, on top of: loopback only, a free port, nothing saved.
    ///
    /// None where no server is installed; then that is said and counted as a skip.
    #[track_caller]
    pub fn start(options: &[&str]) -> Option<Self> {
        if Command::new(program()).arg("--version").output().is_err() {
            let reason =
                format!("`{}` is not there; install redis-server, or name one in {PROGRAM_VARIABLE}", program().display());
            skip_at(&reason, Location::caller());
            return None;
        }
        let folder = temp_dir();
        let options = options.iter().map(|option| (*option).to_owned()).collect();
        let mut server = Self { folder, port: 0, options, process: None };
        for _ in 0..PORTS_TRIED_MAX {
            server.port = free_port();
            server.process = server.spawn();
            if server.process.is_some() {
                return Some(server);
            }
        }
        panic!("the server did not start: {}", server.log());
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its address.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Where it keeps its files.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Runs a command by `redis-cli`, as somebody at a terminal does.
    pub fn cli(&self, arguments: &[&str]) -> String {
        let mut cli = Command::new("redis-cli");
        cli.args(["-h", "127.0.0.1", "-p", &self.port.to_string()]).args(arguments);
        let output = cli.output().expect("redis-cli comes with redis-server");
        String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
    }

    /// Ends it without a warning (`kill -9`).
    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().expect("our own child can be killed");
            process.wait().expect("our own child can be waited for");
        }
    }

    /// Starts it again on the same port and folder, after [`Self::kill`].
    pub fn start_again(&mut self) {
        self.kill();
        self.process = self.spawn();
        assert!(self.process.is_some(), "the server did not start again: {}", self.log());
    }

    /// Stops it where it stands (`SIGSTOP`): connections stay, answers do not come.
    pub fn pause(&self) {
        self.signal("STOP");
    }

    /// Lets it go on.
    pub fn resume(&self) {
        self.signal("CONT");
    }

    fn signal(&self, signal: &str) {
        let process = self.process.as_ref().expect("it runs");
        let sent = Command::new("kill").args([&format!("-{signal}"), &process.id().to_string()]).status();
        assert!(sent.expect("there is a `kill`").success(), "our own child takes signals");
    }

    /// Starts the process and waits until it takes connections; none: it ended.
    fn spawn(&self) -> Option<Child> {
        let mut server = Command::new(program());
        server.current_dir(self.folder.path());
        server.args(["--bind", "127.0.0.1", "--port", &self.port.to_string(), "--save", "", "--daemonize", "no"]);
        server.args(&self.options).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut process = server.spawn().expect("a program that said its version can be started");
        let mut lines = BufReader::new(process.stdout.take().expect("its output is piped")).lines().map_while(Result::ok);
        let mut said = String::new();
        for line in lines.by_ref() {
            said.push_str(&line);
            said.push('\n');
            if line.contains("Ready to accept connections") {
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

impl Drop for RedisServer {
    fn drop(&mut self) {
        if let Some(process) = &mut self.process {
            // A paused one is killed as well as any other. What fails here has ended already.
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

fn program() -> PathBuf {
    std::env::var_os(PROGRAM_VARIABLE).map_or_else(|| PathBuf::from("redis-server"), PathBuf::from)
}

/// A port of the loopback that nobody listens on at this moment.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("the loopback has free ports");
    listener.local_addr().expect("it is bound").port()
}

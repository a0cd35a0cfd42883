//! Both services under supervisord, as `engine/deploy/supervisord.conf` starts them: they become ready, come back when they are killed, log
//! no secret, and end in good order.

use crate::devnet::{ACCOUNT, Devnet, KEY};
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tests::{RedisServer, calypte_path, component, free_port, python_environment, repository, run, skip, temp_dir};

/// Longest that is waited for something to happen. A bound against a hang, not an expectation.
const WAIT: Duration = Duration::from_mins(4);

/// Supervisord with both services. It ends with this.
struct Supervised {
    home: PathBuf,
    /// `supervisorctl`.
    control: PathBuf,
    daemon: Child,
}

impl Supervised {
    fn control(&self, arguments: &[&str]) -> String {
        let configuration = repository().join("engine/deploy/supervisord.conf");
        let mut control = Command::new(&self.control);
        control.env("CALYPTE_HOME", &self.home).arg("-c").arg(configuration).args(arguments);
        run(&mut control).stdout
    }

    /// Asks until the answer is as wanted. The program that asks takes its time.
    fn control_until(&self, arguments: &[&str], wanted: impl Fn(&str) -> bool) -> String {
        let deadline = Instant::now() + WAIT;
        loop {
            let answer = self.control(arguments);
            if wanted(&answer) {
                return answer;
            }
            assert!(Instant::now() < deadline, "{arguments:?} says {answer}\n{}", self.logs());
        }
    }

    /// Waits until a service says of itself that it is ready.
    fn wait_ready(&self, port: u16) {
        let deadline = Instant::now() + WAIT;
        loop {
            let answer = ready(port).unwrap_or_default();
            if answer.starts_with("HTTP/1.1 200") {
                return;
            }
            assert!(Instant::now() < deadline, "{answer}\n{}", self.logs());
            // Supervisorctl is a slow program: a pause that ends when something has happened.
            self.control(&["status"]);
        }
    }

    fn process(&self, program: &str) -> u32 {
        let said = self.control(&["pid", program]);
        said.trim().parse().unwrap_or_else(|error| panic!("{error}: {said:?}"))
    }

    fn logs(&self) -> String {
        let names = ["supervisord.log", "market-data.log", "engine.log", "market-data.out", "engine.out"];
        let read = |name: &&str| format!("--- {name}\n{}\n", fs::read_to_string(self.home.join(name)).unwrap_or_default());
        names.iter().map(read).collect()
    }
}

impl Drop for Supervised {
    fn drop(&mut self) {
        drop(Command::new("kill").arg(self.daemon.id().to_string()).status());
        drop(self.daemon.wait());
    }
}

fn ready(port: u16) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.write_all(b"GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

/// Starts both services in a folder, with a live account at the exchange.
fn start(home: &Path, bus: &str, exchange: &str, ports: (u16, u16)) -> Option<Supervised> {
    let Some(python) = python_environment("supervisor", &repository().join("tests/supervisor/requirements.txt")) else {
        skip("supervisord cannot be installed from PyPI");
        return None;
    };
    let programs = home.join("bin");
    fs::create_dir(&programs).expect("a folder");
    symlink(calypte_path(), programs.join("calypte")).expect("the folder can be written");
    fs::write(home.join("alice.key"), KEY).expect("the folder can be written");
    fs::set_permissions(home.join("alice.key"), fs::Permissions::from_mode(0o600)).expect("it is ours");
    let strategy = component("ema-atr");
    let text = format!(
        r#"
[bus]
url = "{bus}"
[exchange]
network = "devnet"
url = "{exchange}"
[market-data]
name = "market-data-1"
listen = "127.0.0.1:{}"
[engine]
name = "engine-1"
state = "state"
listen = "127.0.0.1:{}"
[[account]]
name = "alice"
mode = "live"
address = "{ACCOUNT}"
key-file = "alice.key"
symbols = ["BTC"]
timeframes = ["1m"]
[[account.strategy]]
component = "{}"
parameters = {{ fast = 3, slow = 8 }}
"#,
        ports.0,
        ports.1,
        strategy.display()
    );
    fs::write(home.join("calypte.toml"), text).expect("the folder can be written");
    let mut daemon = Command::new(python.with_file_name("supervisord"));
    daemon.arg("-c").arg(repository().join("engine/deploy/supervisord.conf"));
    let path = std::env::var("PATH").expect("there is a search path");
    daemon.env("CALYPTE_HOME", home).env("PATH", format!("{}:{path}", programs.display()));
    let daemon = daemon.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it was installed");
    Some(Supervised { home: home.to_owned(), control: python.with_file_name("supervisorctl"), daemon })
}

#[test]
fn services_under_supervisord_become_ready_and_come_back() {
    let Some(redis) = RedisServer::start(&["--appendonly", "yes"]) else { return };
    let devnet = Devnet::start(&[]);
    let (home, ports) = (temp_dir(), (free_port(), free_port()));
    let Some(supervised) = start(home.path(), &redis.url(), &devnet.url("url"), ports) else { return };
    supervised.control_until(&["status"], |said| said.matches("RUNNING").count() == 2);
    supervised.wait_ready(ports.0);
    supervised.wait_ready(ports.1);

    // Killed, each is started again and becomes ready again.
    for (program, port) in [("calypte-market-data", ports.0), ("calypte-engine", ports.1)] {
        let before = supervised.process(program);
        assert!(Command::new("kill").args(["-9", &before.to_string()]).status().expect("there is a `kill`").success());
        let is_another = |said: &str| said.trim().parse::<u32>().is_ok_and(|process| process != 0 && process != before);
        supervised.control_until(&["pid", program], is_another);
        supervised.wait_ready(port);
    }

    // Told to stop, both end by themselves.
    let stopped = supervised.control_until(&["stop", "all"], |said| !said.contains("ERROR"));
    assert_eq!(stopped.matches("stopped").count(), 2, "{stopped}\n{}", supervised.logs());
    let logs = supervised.logs();
    for program in ["calypte-market-data", "calypte-engine"] {
        assert!(logs.contains(&format!("stopped: {program} (exit status 0)")), "{logs}");
    }
    assert!(!logs.contains(&KEY[2..]), "no log holds the key");
    let log = fs::read_to_string(home.path().join("market-data.log")).expect("it logs");
    let levels = log
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok()?["level"].as_str().map(str::to_owned));
    assert!(levels.count() > 0, "its log is for programs to read: {log}");
}

//! The local exchange as a program: clients that nobody here wrote trade on it, and it starts and ends in good order.
//!
//! The clients come from PyPI, pinned with their hashes in `tests/clients/requirements.txt`, into a virtual environment that is
//! made once and kept in the target folder. Where that cannot be made, their tests are counted as skipped.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU8, Ordering};
use tests::{calypte, calypte_path, component, python_environment, repository, run, skip, temp_dir};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpSocket;

/// A key that was published with the official library's tests, and its account.
pub(crate) const KEY: &str = "0x0123456789012345678901234567890123456789012345678901234567890123";
pub(crate) const ACCOUNT: &str = "0x14791697260e4c9a71f18484c9f997b308e59325";

/// A running exchange.
pub(crate) struct Devnet {
    child: Child,
    stdout: BufReader<ChildStdout>,
    /// Its first line.
    listening: serde_json::Value,
}

impl Devnet {
    /// Starts one on free ports, with money for the account.
    pub(crate) fn start(more: &[&str]) -> Self {
        let account = format!("{ACCOUNT}=10000");
        let mut command = Command::new(calypte_path());
        command.args(["devnet", "--json", "--listen", "127.0.0.1:0", "--control", "127.0.0.1:0", "--account", &account]);
        let mut child =
            command.args(more).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("it starts");
        let mut stdout = BufReader::new(child.stdout.take().expect("stdout is piped"));
        let mut line = String::new();
        stdout.read_line(&mut line).expect("it says where it listens");
        let listening = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line:?}"));
        Self { child, stdout, listening }
    }

    pub(crate) fn url(&self, name: &str) -> String {
        self.listening[name].as_str().expect("an address").to_owned()
    }

    /// Sends a request and gives status and body.
    pub(crate) fn ask(&self, name: &str, method: &str, path: &str, body: &str) -> (u16, String) {
        let url = self.url(name);
        let host = url.trim_start_matches("http://");
        let mut stream = TcpStream::connect(host).expect("it listens");
        let head =
            format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Type: application/json\r\n");
        write!(stream, "{head}Content-Length: {}\r\n\r\n{body}", body.len()).expect("it reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("it answers");
        let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
        (status, answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or_default())
    }

    /// Asks `/info` from an address of the loopback that asked nothing lately: budgets are counted for each, and those under test
    /// keep theirs.
    pub(crate) async fn ask_from_elsewhere(&self, question: &str) -> serde_json::Value {
        static ASKED: AtomicU8 = AtomicU8::new(0);
        let from = Ipv4Addr::new(127, 0, 1, ASKED.fetch_add(1, Ordering::Relaxed) % 200 + 1);
        let url = self.url("url");
        let host = url.trim_start_matches("http://");
        let socket = TcpSocket::new_v4().expect("there are sockets");
        socket.bind((from, 0).into()).expect("all of 127.0.0.0/8 is ours");
        let mut stream = socket.connect(host.parse().expect("an address")).await.expect("it listens");
        let head = format!("POST /info HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Type: application/json\r\n");
        let text = format!("{head}Content-Length: {}\r\n\r\n{question}", question.len());
        stream.write_all(text.as_bytes()).await.expect("it reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.expect("it answers");
        let (head, body) = answer.split_once("\r\n\r\n").expect("an answer");
        assert!(head.starts_with("HTTP/1.1 200"), "{answer}");
        serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {body}"))
    }

    /// Ends it with a signal; what it printed after its first line, and its exit code.
    pub(crate) fn end(mut self, signal: &str) -> (String, Option<i32>) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().expect("there is a `kill`").success());
        let mut rest = String::new();
        self.stdout.read_to_string(&mut rest).expect("it ends");
        (rest, self.child.wait().expect("it ends").code())
    }
}

impl Drop for Devnet {
    fn drop(&mut self) {
        // Where a test failed before it ended it. One that has ended cannot be killed, and needs not.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

#[test]
fn it_says_where_it_listens_answers_and_ends_with_a_signal() {
    for signal in ["-INT", "-TERM"] {
        let devnet = Devnet::start(&[]);
        assert_eq!(devnet.listening["network"], "Testnet");
        let (status, body) = devnet.ask("url", "POST", "/info", r#"{"type":"meta"}"#);
        assert_eq!(status, 200);
        let meta: serde_json::Value = serde_json::from_str(&body).expect("JSON");
        assert_eq!(meta["universe"][0]["name"], "BTC");
        assert_eq!(devnet.ask("url", "GET", "/info", "").0, 405);
        assert_eq!(devnet.ask("url", "POST", "/ws", "").0, 400);
        assert_eq!(devnet.end(signal), (String::new(), Some(0)));
    }
}

#[test]
fn it_is_commanded_from_behind() {
    let devnet = Devnet::start(&["--speed", "0"]);
    let state = |answer: (u16, String)| -> serde_json::Value {
        assert_eq!(answer.0, 200, "{}", answer.1);
        serde_json::from_str(&answer.1).expect("JSON")
    };
    let before = state(devnet.ask("control", "GET", "/state", ""));
    let after = state(devnet.ask("control", "POST", "/advance", r#"{"ms":3600000}"#));
    let hour = |state: &serde_json::Value| state["market_time"].as_u64().expect("a time");
    // The market's time moves in steps of half a second.
    let moved = hour(&after) - hour(&before);
    assert!((3_599_500..=3_600_000).contains(&moved), "{moved}");
    state(devnet.ask("control", "POST", "/faults", r#"{"kind":"error-page","times":1}"#));
    let (status, page) = devnet.ask("url", "POST", "/info", r#"{"type":"exchangeStatus"}"#);
    assert_eq!((status, page.starts_with("<html>")), (500, true));
    assert_eq!(devnet.ask("url", "POST", "/info", r#"{"type":"exchangeStatus"}"#).0, 200);
    state(devnet.ask("control", "POST", "/faults", r#"{"kind":"lost-answer"}"#));
    let url = devnet.url("url");
    let mut stream = TcpStream::connect(url.trim_start_matches("http://")).expect("it listens");
    let body = r#"{"type":"exchangeStatus"}"#;
    write!(stream, "POST /info HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n{body}", body.len()).expect("it reads");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("it ends");
    assert!(answer.is_empty(), "{}", String::from_utf8_lossy(&answer));
    assert_eq!(devnet.end("-TERM").1, Some(0));
}

/// Two candles of a minute in a second: strategies get to do something while a test waits.
pub(crate) const FAST: [&str; 2] = ["--speed", "120x"];

#[test]
fn strategies_trade_on_it_on_paper_and_live_and_go_on_after_a_restart() {
    let devnet = Devnet::start(&FAST);
    let (url, folder) = (devnet.url("url"), temp_dir());
    let (key, state) = (folder.path().join("agent.key"), folder.path().join("state"));
    fs::write(&key, KEY).expect("the test's folder can be written");
    let grid = component("grid").display().to_string();
    let common = ["run", &grid, "--symbol", "BTC", "--url", &url, "--duration", "6s", "--json", "--param", "size=0.001"];
    let paper = calypte(common).ok().json();
    assert_eq!(paper["strategies"][0]["state"], "stopped", "{paper}");
    assert!(paper["orders"].as_u64() > Some(0) && paper["accepted"] == paper["orders"], "{paper}");

    let (key, state) = (key.display().to_string(), state.display().to_string());
    let live = ["--mode", "live", "--account", ACCOUNT, "--key-file", &key, "--state", &state];
    let first = calypte(common.iter().chain(&live)).ok();
    let record = first.json();
    assert_eq!(record["strategies"][0]["state"], "stopped", "{first}");
    // Told twice, counted once.
    let (accepted, sent) = (record["accepted"].as_u64(), record["orders"].as_u64());
    assert!(accepted > Some(0) && accepted <= sent, "{first}");
    assert_eq!((&record["rejected"], &record["open_orders"]), (&0.into(), &0.into()), "{first}");
    assert!(!first.stderr.contains(KEY.trim_start_matches("0x")), "keys are never shown");
    // Everything that it left resting was taken back, by the exchange's own word.
    let open = format!(r#"{{"type":"openOrders","user":"{ACCOUNT}"}}"#);
    assert_eq!(devnet.ask("url", "POST", "/info", &open), (200, "[]".to_owned()));

    let second = calypte(common.iter().chain(&live)).ok();
    assert!(second.stderr.contains("goes on from its journal"), "{second}");
    assert!(second.json()["accepted"].as_u64() > Some(0), "{second}");
    assert_eq!(devnet.ask("url", "POST", "/info", &open), (200, "[]".to_owned()));
    calypte(["replay", &format!("{state}/journal"), "--component", &grid]).ok();
    assert_eq!(devnet.end("-TERM").1, Some(0));
}

#[test]
fn what_cannot_be_started_is_said() {
    let folder = temp_dir();
    let faults = folder.path().join("faults.toml");
    fs::write(&faults, "[[fault]]\nkind = \"explode\"\n").expect("the test's folder can be written");
    let faults = faults.display().to_string();
    for (arguments, code, words) in [
        (vec!["--control", "0.0.0.0:0"], 2, "loopback"),
        (vec!["--speed", "fast"], 2, "60x"),
        (vec!["--account", "me=5"], 2, "ADDRESS=USDC"),
        (vec!["--faults", faults.as_str()], 3, "explode"),
        (vec!["--faults", "nowhere.toml"], 3, "nowhere.toml"),
        (vec!["--prices", "NOPE:1m=candles.csv"], 2, "NOPE is not traded here"),
        (vec!["--prices", "BTC:1m=nowhere.csv"], 3, "nowhere.csv"),
        (vec!["--listen", "192.0.2.1:1"], 4, "192.0.2.1:1"),
    ] {
        let listen: &[&str] = if arguments[0] == "--listen" { &[] } else { &["--listen", "127.0.0.1:0"] };
        let ended = calypte(["devnet"].iter().chain(listen).chain(&arguments)).exits_with(code);
        assert!(ended.stderr.contains(words), "{ended}");
    }
}

#[test]
fn prices_come_from_a_file() {
    let folder = temp_dir();
    let candles = folder.path().join("btc.csv");
    let rows =
        "time,open,high,low,close,volume\n1700000040000,50000,50010,49990,50005,1\n1700000100000,50005,50020,50000,50010,1\n";
    fs::write(&candles, rows).expect("the test's folder can be written");
    let devnet = Devnet::start(&["--prices", &format!("BTC:1m={}", candles.display()), "--speed", "0"]);
    let (_, body) = devnet.ask("url", "POST", "/info", r#"{"type":"metaAndAssetCtxs"}"#);
    let answer: serde_json::Value = serde_json::from_str(&body).expect("JSON");
    let oracle: f64 = answer[1][0]["oraclePx"].as_str().and_then(|price| price.parse().ok()).expect("a price");
    assert!((49_900.0..50_100.0).contains(&oracle), "{oracle}");
}

#[test]
fn the_official_library_trades_on_it() {
    run_client("official_sdk.py");
}

#[test]
fn ccxt_trades_on_it() {
    run_client("ccxt_client.py");
}

fn run_client(script: &str) {
    let Some(python) = python() else {
        return skip("the clients from PyPI cannot be installed: see what pip said above");
    };
    let devnet = Devnet::start(&[]);
    let mut command = Command::new(python);
    command.arg(repository().join("tests/clients").join(script));
    command.env("DEVNET_URL", devnet.url("url")).env("DEVNET_WEBSOCKET_URL", devnet.url("websocket")).env("DEVNET_KEY", KEY);
    // Nothing is written into the checkout, and no proxy stands between the two.
    command.env("PYTHONDONTWRITEBYTECODE", "1").env("NO_PROXY", "127.0.0.1");
    let ended = run(&mut command).ok();
    assert!(ended.stdout.ends_with("done\n"), "{ended}");
    assert_eq!(devnet.end("-TERM").1, Some(0));
}

/// The Python of an environment with the clients; none where it cannot be made.
fn python() -> Option<&'static Path> {
    static PYTHON: OnceLock<Option<PathBuf>> = OnceLock::new();
    PYTHON.get_or_init(|| python_environment("clients", &repository().join("tests/clients/requirements.txt"))).as_deref()
}

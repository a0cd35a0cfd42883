//! Sessions that trade on the local exchange and are recorded: what they say of themselves is what the database holds, whatever
//! was killed meanwhile.

use super::{Facts, Kind, assert_same, column, database, facts, file};
use crate::devnet::{ACCOUNT, Devnet, KEY};
use crate::in_process::runtime;
use calypte::record::Table;
use calypte_kernel::Decimal;
use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;
use tests::{calypte, calypte_path, component, temp_dir};

/// Sizes that devnet's money carries.
const SIZE: &str = "size=0.001";
/// How often the market is moved on before what has to happen is given up.
const MOVES_MAX: u32 = 300;
/// How long is listened between two moves.
const LISTEN: Duration = Duration::from_millis(200);

fn text(path: &Path) -> String {
    path.to_str().expect("temporary folders have plain names").to_owned()
}

/// A session of the grid on the local exchange, under way.
struct Session {
    child: Child,
    lines: mpsc::Receiver<String>,
    /// What it said so far.
    said: Vec<String>,
}

impl Session {
    fn start(devnet: &Devnet, state: &str, more: &[&str]) -> Self {
        let (grid, url) = (text(&component("grid")), devnet.url("url"));
        let mut command = Command::new(calypte_path());
        command.args(["run", &grid, "--symbol", "BTC", "--url", &url, "--json", "--param", SIZE, "--state", state]).args(more);
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
        let (told, lines) = mpsc::channel();
        let stderr = BufReader::new(child.stderr.take().expect("it is piped"));
        std::thread::spawn(move || stderr.lines().map_while(Result::ok).try_for_each(|line| told.send(line)));
        Self { child, lines, said: Vec::new() }
    }

    /// Waits for a number of lines that hold a word, and meanwhile moves the market on, a minute at a time.
    fn until(&mut self, devnet: &Devnet, word: &str, count: usize) {
        for _ in 0..MOVES_MAX {
            if self.said.iter().filter(|line| line.contains(word)).count() >= count {
                return;
            }
            match self.lines.recv_timeout(LISTEN) {
                Ok(line) => self.said.push(line),
                Err(mpsc::RecvTimeoutError::Timeout) if self.said.iter().any(|line| is_at_work(line)) => {
                    let (status, answer) = devnet.ask("control", "POST", "/advance", r#"{"ms":60000}"#);
                    assert_eq!(status, 200, "{answer}");
                }
                Err(mpsc::RecvTimeoutError::Timeout) => {}
                Err(mpsc::RecvTimeoutError::Disconnected) => break,
            }
        }
        drop(self.child.kill());
        panic!("{count} times {word:?} never came: {}", self.said.join("\n"));
    }

    /// Ends it in order; its record, and everything it said.
    fn end(mut self) -> (serde_json::Value, String) {
        let sent = Command::new("kill").args(["-INT", &self.child.id().to_string()]).status();
        assert!(sent.expect("there is a `kill`").success(), "our own child takes signals");
        let mut stdout = String::new();
        let mut pipe = self.child.stdout.take().expect("it is piped");
        pipe.read_to_string(&mut stdout).expect("it ends");
        let status = self.child.wait().expect("our own child can be waited for");
        self.said.extend(self.lines.iter());
        let said = self.said.join("\n");
        assert_eq!(status.code(), Some(0), "{stdout}\n{said}");
        (serde_json::from_str(&stdout).expect("one document"), format!("{stdout}\n{said}"))
    }

    /// Ends it without a warning.
    fn kill(mut self) {
        self.child.kill().expect("our own child can be killed");
        let status = self.child.wait().expect("our own child can be waited for");
        assert_eq!(status.code(), None, "it was killed");
    }
}

/// Whether a line says that the strategy trades.
fn is_at_work(line: &str) -> bool {
    line.ends_with(": running") || line.contains("goes on from its journal")
}

/// Flags of a session that trades with the exchange's money.
fn live(folder: &Path) -> Vec<String> {
    let key = folder.join("agent.key");
    fs::write(&key, KEY).expect("the test's folder can be written");
    ["--mode", "live", "--account", ACCOUNT, "--key-file", &text(&key)].map(str::to_owned).to_vec()
}

fn sum(facts: &Facts, table: Table, name: &str) -> Decimal {
    column(facts, table, name).into_iter().map(|text| text.parse::<Decimal>().expect("money is exact")).sum()
}

/// What an empty database gets of a journal by reading all of it.
fn replayed(journal: &Path, account: &str) -> Facts {
    let folder = temp_dir();
    let other = file(&folder.path().join("replayed.db"));
    calypte(["record", &text(journal), "--database", &other, "--account", account]).ok();
    runtime().block_on(facts(&database(&other), account))
}

#[test]
fn a_session_on_paper_is_recorded_as_it_says_of_itself_and_exported() {
    let (devnet, folder) = (Devnet::start(&[]), temp_dir());
    let state = text(&folder.path().join("state"));
    let mut session = Session::start(&devnet, &state, &[]);
    session.until(&devnet, "  fill  ", 3);
    let (record, said) = session.end();
    assert_eq!((&record["recorded"]["complete"], &record["recorded"]["account"]), (&true.into(), &"paper".into()), "{said}");
    let url = file(Path::new(&state).join("record.db").as_path());
    let held = runtime().block_on(facts(&database(&url), "paper"));
    assert!(record["orders"].as_u64() > Some(3) && record["fills"].as_u64() > Some(2), "{said}");
    assert_eq!(Some(column(&held, Table::Orders, "client_order").len() as u64), record["orders"].as_u64());
    assert_eq!(Some(column(&held, Table::Fills, "trade").len() as u64), record["fills"].as_u64());
    assert_eq!(Some(column(&held, Table::Denials, "code").len() as u64), record["denied"].as_u64());
    let exact = |name: &str| record[name].as_str().and_then(|text| text.parse::<Decimal>().ok()).expect("exact");
    assert_eq!(sum(&held, Table::Fills, "fee"), exact("fees_paid"));
    assert_eq!(sum(&held, Table::Funding, "payment"), exact("funding_received"));
    let last = column(&held, Table::Equity, "settled").last().map(|text| text.parse::<Decimal>().expect("exact"));
    assert_eq!(last, Some(exact("settled")), "the end of a session is recorded");
    let lifecycle = column(&held, Table::Lifecycle, "state");
    assert_eq!((lifecycle.first(), lifecycle.last()), (Some(&"created"), Some(&"stopped")), "{lifecycle:?}");
    assert_same(&held, &replayed(&Path::new(&state).join("journal"), "paper"));

    // Every table as a file, in both formats.
    for table in Table::ALL {
        for ending in ["csv", "parquet"] {
            let out = folder.path().join(format!("{table}.{ending}"));
            let exported = calypte(["export", "--database", &url, "--what", table.name(), "--out", &text(&out), "--json"]);
            assert_eq!(exported.ok().json()["rows"], held[table.name()].len() as u64, "{table}.{ending}");
            assert!(out.is_file());
        }
    }
    let fills = fs::read_to_string(folder.path().join("orders.csv")).expect("it is there");
    let (header, rows) = fills.split_once('\n').expect("a header");
    assert_eq!(header, Table::Orders.columns().map(|column| column.name).collect::<Vec<_>>().join(","));
    assert_eq!(rows.lines().count(), held["orders"].len());
    refusals(&url, folder.path());
    assert_eq!(devnet.end("-TERM").1, Some(0));
}

/// What cannot be exported is said, and leaves no file.
fn refusals(url: &str, folder: &Path) {
    let out = text(&folder.join("refused.csv"));
    let nowhere = file(&folder.join("nowhere.db"));
    let refused = |arguments: &[&str], code: i32, words: &str| {
        let ended = calypte(["export"].iter().chain(arguments)).exits_with(code);
        assert!(ended.stderr.contains(words), "{words:?} is not in {ended}");
        assert!(!Path::new(&out).exists());
    };
    refused(&["--what", "fills", "--out", &out], 2, "--database");
    refused(&["--database", url, "--what", "thoughts", "--out", &out], 2, "order_states");
    refused(&["--database", url, "--what", "fills", "--account", "other", "--out", &out], 2, "there are paper");
    refused(&["--database", url, "--what", "fills", "--out", &text(&folder.join("x.txt"))], 2, "--format");
    refused(&["--database", &nowhere, "--what", "fills", "--out", &out], 4, "nowhere.db");
    refused(&["--database", url, "--what", "fills", "--out", "/no/such/folder/x.csv"], 4, "/no/such/folder");
    assert!(!folder.join("nowhere.db").exists(), "reading makes nothing");
    let ended = calypte(["run", "x.wasm", "--symbol", "BTC", "--database", url]).exits_with(2);
    assert!(ended.stderr.contains("--state") || ended.stderr.contains("x.wasm"), "{ended}");
}

#[test]
fn a_session_that_was_killed_is_recorded_once() {
    let (devnet, folder) = (Devnet::start(&[]), temp_dir());
    let state = folder.path().join("state");
    let live = live(folder.path());
    let live = live.iter().map(String::as_str).collect::<Vec<_>>();
    let mut session = Session::start(&devnet, &text(&state), &live);
    session.until(&devnet, "  fill  ", 2);
    session.kill();
    let (url, account) = (file(&state.join("record.db")), ACCOUNT.to_ascii_lowercase());
    let before = runtime().block_on(facts(&database(&url), &account));

    let mut session = Session::start(&devnet, &text(&state), &live);
    // The exchange tells the first two again.
    session.until(&devnet, "  fill  ", 3);
    let (record, said) = session.end();
    assert!(said.contains("goes on from its journal"), "{said}");
    assert_eq!(record["recorded"]["complete"], true, "{said}");
    calypte(["replay", &text(&state.join("journal"))]).ok();
    let held = runtime().block_on(facts(&database(&url), &account));
    assert_same(&held, &replayed(&state.join("journal"), &account));
    for (table, rows) in &before {
        assert_eq!(&held[table][..rows.len()], rows, "what was there stayed");
    }
    let epochs = column(&held, Table::OrderStates, "epoch");
    assert!(epochs.contains(&"1") && epochs.contains(&"2"), "{epochs:?}");
    // What the exchange told again after the restart is no other fill: of one order, no trade is there twice.
    let (orders, trades) = (column(&held, Table::Fills, "venue_order"), column(&held, Table::Fills, "trade"));
    let told = orders.into_iter().zip(trades).collect::<Vec<_>>();
    assert!(told.len() > 2, "{told:?}");
    assert_eq!(told.iter().collect::<BTreeSet<_>>().len(), told.len(), "{told:?}");
    assert_eq!(devnet.end("-TERM").1, Some(0));
}

#[test]
fn a_session_trades_on_while_its_database_is_gone() {
    let Some(mut bench) = Kind::Postgres.bench() else { return };
    let (devnet, folder) = (Devnet::start(&[]), temp_dir());
    let state = text(&folder.path().join("state"));
    let address = folder.path().join("database.url");
    fs::write(&address, format!("{}\n", bench.url)).expect("the test's folder can be written");
    let address = text(&address);
    let flags = ["--record-as", "desk-1", "--database-file", &address];
    let mut session = Session::start(&devnet, &state, &flags);
    session.until(&devnet, "  order  ", 2);
    let server = bench.server.as_mut().expect("it is a server");
    server.kill();
    session.until(&devnet, "  fill  ", 2);
    let (record, said) = session.end();
    assert_eq!(record["recorded"]["complete"], false, "{said}");
    assert!(said.contains("calypte record") && !said.contains(tests::POSTGRES_PASSWORD), "{said}");
    server.start_again();
    let journal = Path::new(&state).join("journal");
    let caught_up = calypte(["record", &text(&journal), "--database-file", &address, "--account", "desk-1", "--json"]).ok();
    assert!(caught_up.json()["rows"].as_u64() > Some(0), "{caught_up}");
    assert!(!caught_up.stdout.contains(tests::POSTGRES_PASSWORD), "{caught_up}");
    let held = runtime().block_on(facts(&bench.database(), "desk-1"));
    assert_same(&held, &replayed(&journal, "desk-1"));
    assert_eq!(Some(column(&held, Table::Fills, "trade").len() as u64), record["fills"].as_u64());
    assert_eq!(devnet.end("-TERM").1, Some(0));
}

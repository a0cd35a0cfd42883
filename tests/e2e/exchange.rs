//! What is asked of an exchange from the command line: its past, into files that a backtest reads, and whether the connector and it
//! understand each other. The exchange is the local one, as a program.

use crate::devnet::{ACCOUNT, Devnet, KEY};
use crate::interrupt::interrupt;
use calypte_kernel::Decimal;
use calypte_venues::hyperliquid::protocol::{Action, Grouping, OrderTypeWire, PlaceWire, Tif};
use calypte_venues::hyperliquid::sign::{Network, SecretKey, Terms, sign_action};
use serde_json::json;
use std::fs;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use tests::{Run, calypte, calypte_in, calypte_path, component, temp_dir};

const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 3_600_000;

/// The time now, to the minute.
fn this_minute() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("it is later than 1970");
    i64::try_from(since.as_millis()).expect("a time") / MINUTE_MS * MINUTE_MS
}

/// Fetches what there is of BTC.
fn fetch(devnet: &Devnet, out: &Path, more: &[String]) -> Run {
    let out = out.display().to_string();
    let fixed = ["--symbol", "BTC", "--out", &out].map(str::to_owned);
    calypte(command(&devnet.url("url"), &[&fixed, more].concat()))
}

fn command(url: &str, more: &[String]) -> Vec<String> {
    let fixed = ["data", "fetch", "--json", "--network", "devnet", "--url", url].map(str::to_owned);
    [&fixed, more].concat()
}

/// All words of an error.
fn words(run: &Run) -> String {
    run.json()["error"].to_string()
}

fn order(devnet: &Devnet, fault: &str) {
    assert_eq!(devnet.ask("control", "POST", "/faults", fault).0, 200);
}

fn span(from: i64, to: i64) -> Vec<String> {
    vec!["--from".into(), from.to_string(), "--to".into(), to.to_string()]
}

fn text(path: &PathBuf) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn candles_are_fetched_gone_on_with_and_backtested() {
    let folder = temp_dir();
    let (whole, parts) = (folder.path().join("whole.csv"), folder.path().join("parts.csv"));
    let devnet = Devnet::start(&[]);
    let now = this_minute();
    let (from, middle, to) = (now - 900 * MINUTE_MS, now - 300 * MINUTE_MS, now - 10 * MINUTE_MS);
    let record = fetch(&devnet, &whole, &span(from, to)).ok().json();
    assert_eq!((&record["fetched"], &record["rows"], &record["absent"]), (&890.into(), &890.into(), &0.into()), "{record}");
    let first = text(&whole).lines().nth(1).map(str::to_owned);
    assert!(first.is_some_and(|line| line.starts_with(&format!("{from},"))));

    // In three goes, the earliest last, through a server that fails now and then, it is the same file.
    order(&devnet, r#"{"kind":"error-page","only":"candleSnapshot","times":2}"#);
    fetch(&devnet, &parts, &span(middle, to - 5 * MINUTE_MS)).ok();
    let record = fetch(&devnet, &parts, &span(middle, to)).ok().json();
    assert_eq!((&record["fetched"], &record["rows"]), (&5.into(), &290.into()), "{record}");
    let record = fetch(&devnet, &parts, &span(from, to)).ok().json();
    assert_eq!((&record["fetched"], &record["rows"]), (&600.into(), &890.into()), "{record}");
    assert_eq!(text(&parts), text(&whole));
    let again = fetch(&devnet, &parts, &span(from, to)).ok().json();
    assert_eq!((&again["fetched"], &again["rows"]), (&0.into(), &890.into()), "all of it is there: {again}");

    let data = format!("BTC:1m={}", whole.display());
    let strategy = component("ema-atr");
    let strategy = strategy.display().to_string();
    let report = calypte(["backtest", &strategy, "--data", &data, "--json"]).ok().json();
    assert_eq!((&report["status"], &report["counts"]["candles"]), (&"completed".into(), &890.into()), "{report}");
}

#[test]
fn an_exchange_that_goes_away_and_an_interrupt_leave_the_file_whole() {
    let folder = temp_dir();
    let out = folder.path().join("candles.csv");
    let devnet = Devnet::start(&[]);
    let now = this_minute();
    fetch(&devnet, &out, &span(now - 60 * MINUTE_MS, now - 20 * MINUTE_MS)).ok();
    let before = text(&out);
    order(&devnet, r#"{"kind":"error-page","only":"candleSnapshot"}"#);

    let struck = || {
        let (_, state) = devnet.ask("control", "GET", "/state", "");
        let state: serde_json::Value = serde_json::from_str(&state).expect("JSON");
        state["faults"][0]["struck"].as_u64().expect("strokes are counted") > 0
    };
    let more =
        [vec!["--symbol".into(), "BTC".into(), "--out".into(), out.display().to_string()], span(now - 60 * MINUTE_MS, now)];
    let mut fetching = Command::new(calypte_path());
    fetching.args(command(&devnet.url("url"), &more.concat()));
    let (code, record) = interrupt(fetching, struck);
    assert_eq!(code, Some(130), "{record}");
    assert_eq!(text(&out), before);

    let ended = fetch(&devnet, &out, &span(now - 60 * MINUTE_MS, now)).exits_with(4);
    assert!(words(&ended).contains("goes on behind them") && words(&ended).contains("refused with 500"), "{ended}");
    assert_eq!(text(&out), before);
    let left: Vec<_> = fs::read_dir(folder.path()).expect("it is there").collect();
    assert_eq!(left.len(), 1, "nothing half done is left: {left:?}");
}

#[test]
fn funding_rates_are_fetched_and_gone_on_with() {
    let folder = temp_dir();
    let (out, whole) = (folder.path().join("funding.csv"), folder.path().join("whole.csv"));
    let devnet = Devnet::start(&["--speed", "0"]);
    let hours = |hours: u64| {
        let body = format!(r#"{{"ms":{}}}"#, hours * 3_600_000);
        assert_eq!(devnet.ask("control", "POST", "/advance", &body).0, 200);
    };
    let from = |time: String| ["--funding".to_owned(), "--from".to_owned(), time];
    let ahead = fetch(&devnet, &out, &from("2090-01-01".to_owned())).exits_with(2);
    assert!(words(&ahead).contains("is yet to come") && !out.exists(), "{ahead}");
    // The exchange has a past, and then a future.
    let late = from((this_minute() - 5 * HOUR_MS + MINUTE_MS).to_string());
    let from = from((this_minute() - 20 * HOUR_MS + MINUTE_MS).to_string());
    assert_eq!(fetch(&devnet, &out, &late).ok().json()["rows"], 5);
    assert_eq!(fetch(&devnet, &out, &from).ok().json()["rows"], 20);
    hours(5);
    let record = fetch(&devnet, &out, &from).ok().json();
    assert_eq!((&record["kind"], &record["fetched"], &record["rows"]), (&"funding".into(), &5.into(), &25.into()), "{record}");
    fetch(&devnet, &whole, &from).ok();
    assert_eq!(text(&out), text(&whole));
    let checked = calypte(["data", "check", &out.display().to_string(), "--json"]).ok().json();
    assert_eq!((&checked["usable"], &checked["files"][0]["rows"]), (&true.into(), &25.into()), "{checked}");
}

/// An exchange with a rate for each hour, which answers so many pages of them and then no more.
fn short_of_breath(listener: &TcpListener, now: i64, mut pages: usize) -> io::Result<()> {
    loop {
        let (stream, _) = listener.accept()?;
        let question = question(&stream)?;
        let time = |name: &str| question[name].as_i64().expect("a time");
        let mut status = "200 OK";
        let answer = match question["type"].as_str().expect("a kind") {
            "meta" => {
                json!({ "universe": [{ "name": "BTC", "szDecimals": 5, "maxLeverage": 40, "marginTableId": 40 }], "marginTables": [] })
            }
            "exchangeStatus" => json!({ "time": now, "specialStatuses": null }),
            "fundingHistory" if pages > 0 => {
                pages -= 1;
                let hours = time("startTime").div_euclid(HOUR_MS)..=time("endTime").div_euclid(HOUR_MS);
                let at = |hour: i64| json!({ "coin": "BTC", "fundingRate": format!("0.0000{}", hour % 7), "premium": "0.0", "time": hour * HOUR_MS + 7 });
                let within = |rate: &serde_json::Value| {
                    rate["time"].as_i64().is_some_and(|due| (time("startTime")..=time("endTime").min(now)).contains(&due))
                };
                hours.map(at).filter(within).take(500).collect()
            }
            _ => {
                status = "403 Forbidden";
                json!(null)
            }
        };
        let body = answer.to_string();
        let length = body.len();
        write!(&stream, "HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}")?;
    }
}

/// The body of a request.
fn question(stream: &TcpStream) -> io::Result<serde_json::Value> {
    let mut reader = BufReader::new(stream);
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let line = line.trim().to_ascii_lowercase();
        match line.strip_prefix("content-length:") {
            Some(bytes) => length = bytes.trim().parse().expect("a number"),
            None if line.is_empty() => break,
            None => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    Ok(serde_json::from_slice(&body).expect("JSON"))
}

#[test]
fn funding_rates_that_came_before_an_end_are_kept() {
    let folder = temp_dir();
    let (parts, whole) = (folder.path().join("parts.csv"), folder.path().join("whole.csv"));
    let now = 1_763_802_000_000 + 1_800_000;
    let from = now - 1_800_000 - 1_199 * HOUR_MS;
    let run = |pages: usize, out: &Path| {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let url = format!("http://{}", listener.local_addr().expect("it listens"));
        std::thread::spawn(move || short_of_breath(&listener, now, pages));
        let more = ["--symbol", "BTC", "--funding", "--from", &from.to_string(), "--out", &out.display().to_string()];
        calypte(command(&url, &more.map(str::to_owned)))
    };
    run(0, &parts).exits_with(4);
    assert!(!parts.exists(), "nothing came");
    let ended = run(2, &parts).exits_with(4);
    assert!(words(&ended).contains("holds 1000 rows"), "{ended}");
    assert_eq!(text(&parts).lines().count(), 1_001);
    let record = run(usize::MAX, &parts).ok().json();
    assert_eq!((&record["fetched"], &record["rows"], &record["absent"]), (&200.into(), &1_200.into(), &0.into()), "{record}");
    run(usize::MAX, &whole).ok();
    assert_eq!(text(&parts), text(&whole));
}

#[test]
fn what_cannot_be_fetched_is_said() {
    let folder = temp_dir();
    let file = |name: &str| folder.path().join(name);
    fs::write(file("other.csv"), "a,b\n1,2\n").expect("the test's folder can be written");
    let devnet = Devnet::start(&[]);
    let url = devnet.url("url");
    let now = this_minute();
    let from = ["--from".to_owned(), (now - 60 * MINUTE_MS).to_string()];
    let with = |more: &[&str]| [from.as_slice(), &more.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>()].concat();
    let says = |run: Run, code: i32, expected: &str| {
        let run = run.exits_with(code);
        assert!(words(&run).contains(expected), "{expected:?} in {run}");
    };
    says(fetch(&devnet, &file("other.csv"), &from), 3, "other.csv");
    says(fetch(&devnet, &file("other.csv"), &with(&["--funding"])), 3, "does not begin with");
    assert_eq!(text(&file("other.csv")), "a,b\n1,2\n");
    says(fetch(&devnet, &file("x.parquet"), &with(&["--funding"])), 2, "written as .csv");
    says(fetch(&devnet, &file("x.txt"), &from), 2, "x.txt");
    says(fetch(&devnet, &file("BTC-5m.csv"), &from), 2, "its name says candles of 5m");
    says(fetch(&devnet, &file("x.csv"), &with(&["--timeframe", "7m"])), 2, "no candles of 7m");
    says(fetch(&devnet, &file("x.csv"), &with(&["--to", "2024-01-01"])), 2, "not later than --from");
    says(fetch(&devnet, &file("x.csv"), &span(now + 60 * MINUTE_MS, now + 90 * MINUTE_MS)), 1, "no candles of BTC");
    says(fetch(&devnet, &file("x.csv"), &["--from".to_owned(), "2090-01-01".to_owned()]), 2, "is yet to come");
    says(fetch(&devnet, &file("none/x.csv"), &from), 4, "none/x.csv");
    says(fetch(&devnet, &file("none/x.csv"), &with(&["--funding"])), 4, "none/x.csv");
    fs::create_dir(file("dir.csv")).expect("the test's folder can be written");
    says(fetch(&devnet, &file("dir.csv"), &from), 3, "dir.csv");
    let of = |symbol: &str, out: &Path| {
        let out = out.display().to_string();
        calypte(command(&url, &with(&["--symbol", symbol, "--out", &out])))
    };
    says(of("NOPE", &file("x.csv")), 2, "no perpetual called NOPE");
    let nobody = calypte(command("http://127.0.0.1:1", &with(&["--symbol", "BTC", "--out", "x.csv", "--to", "2024"])));
    says(nobody, 2, "2024");
    assert!(!file("x.csv").exists());

    // A file of one instrument or timeframe takes nothing of another.
    fetch(&devnet, &file("x.csv"), &from).ok();
    let before = text(&file("x.csv"));
    says(of("ETH", &file("x.csv")), 3, "is another than devnet has of ETH");
    says(fetch(&devnet, &file("x.csv"), &with(&["--timeframe", "5m"])), 3, "x.csv");
    assert_eq!(text(&file("x.csv")), before);

    // Without a name for it, the file is called what it holds.
    calypte_in(folder.path(), command(&url, &with(&["--symbol", "BTC"]))).ok();
    calypte_in(folder.path(), command(&url, &with(&["--symbol", "BTC", "--funding"]))).ok();
    assert!(file("BTC-1m.csv").exists() && file("BTC-funding.csv").exists());
}

#[test]
fn the_connector_and_the_exchange_understand_each_other() {
    let folder = temp_dir();
    let key = folder.path().join("account.key");
    fs::write(&key, KEY).expect("the test's folder can be written");
    let key = key.display().to_string();
    let devnet = Devnet::start(&[]);
    let url = devnet.url("url");
    let arguments = ["venue", "check", "--json", "--account", ACCOUNT, "--key-file", &key, "--url", &url];
    let record = calypte(arguments).ok().json();
    let checks = record["checks"].as_array().expect("checks are listed");
    assert!(checks.len() >= 11, "{record}");
    assert!(checks.iter().all(|check| check["outcome"] == "passed"), "{record}");
    let leaves_nothing = |account: &str| {
        let (_, state) = devnet.ask("url", "POST", "/info", &format!(r#"{{"type":"clearinghouseState","user":"{account}"}}"#));
        assert!(state.contains(r#""assetPositions":[]"#), "it leaves nothing behind: {state}");
    };
    leaves_nothing(ACCOUNT);

    // The same of an account that keeps its collateral among its spot balances, and of a sub-account; each from an address whose
    // budget is whole.
    let from_behind = |path: &str, body: &str| {
        let (status, answer) = devnet.ask("control", "POST", path, body);
        assert_eq!(status, 200, "{answer}");
        serde_json::from_str::<serde_json::Value>(&answer).expect("JSON")
    };
    let passes = |account: &str, from: &str| {
        let of = ["venue", "check", "--json", "--account", account, "--key-file", &key, "--url", &url, "--from-ip", from];
        let record = calypte(of).ok().json();
        assert_eq!(record["passed"], checks.len(), "{record}");
        leaves_nothing(account);
    };
    from_behind("/mode", &format!(r#"{{"user":"{ACCOUNT}","mode":"unifiedAccount"}}"#));
    passes(ACCOUNT, "127.0.2.1");
    let made = from_behind("/sub-account", &format!(r#"{{"user":"{ACCOUNT}","name":"second"}}"#));
    let sub_account = made["address"].as_str().expect("an address");
    from_behind("/deposit", &format!(r#"{{"user":"{sub_account}","usdc":"1000"}}"#));
    passes(sub_account, "127.0.2.2");

    let refused = calypte(arguments.iter().chain(&["--network", "mainnet"])).exits_with(2);
    assert!(words(&refused).contains("real money"), "{refused}");
    let stranger = folder.path().join("stranger.key");
    fs::write(&stranger, "0x".to_owned() + &"11".repeat(32)).expect("the test's folder can be written");
    let stranger = stranger.display().to_string();
    let ended =
        calypte(["venue", "check", "--json", "--account", ACCOUNT, "--key-file", &stranger, "--url", &url]).exits_with(4);
    assert!(words(&ended).contains("is no agent of"), "{ended}");
}

/// Opens an isolated position of the account, as a client would.
fn bought_alone(devnet: &Devnet, key: &str) {
    let sent = |action: Action, nonce: u64| {
        let key = SecretKey::read(key).expect("a key");
        let terms = Terms { nonce, vault: None, expires_after: None };
        let envelope = sign_action(&key, Network::Testnet, action, terms);
        let body = serde_json::to_string(&envelope).expect("it is JSON");
        let (status, answer) = devnet.ask("url", "POST", "/exchange", &body);
        assert!(status == 200 && !answer.contains("err"), "{answer}");
    };
    // Makes the market maker quote at once, and not with its next tick.
    assert_eq!(devnet.ask("control", "POST", "/price", r#"{"coin":"BTC","price":"97000"}"#).0, 200);
    let now = u64::try_from(this_minute()).expect("a time");
    sent(Action::UpdateLeverage { asset: 0, is_cross: false, leverage: 10 }, now + 1);
    let order = PlaceWire {
        asset: 0,
        is_buy: true,
        price: Decimal::from(150_000).into(),
        size: Decimal::new(1, 2).into(),
        reduce_only: false,
        kind: OrderTypeWire::Limit { tif: Tif::Ioc },
        cloid: None,
    };
    sent(Action::Order { orders: vec![order], grouping: Grouping::Na, builder: None }, now + 2);
}

#[test]
fn an_agent_is_approved_and_moves_the_collateral_of_an_isolated_position() {
    let folder = temp_dir();
    let file = |name: &str| folder.path().join(name).display().to_string();
    let (key, agent) = (file("account.key"), file("agent.key"));
    fs::write(&key, KEY).expect("the test's folder can be written");
    let devnet = Devnet::start(&[]);
    let url = devnet.url("url");
    let approve = |more: &[&str]| {
        let fixed = ["venue", "agent", "--json", "--url", &url, "--key-file", &key, "--agent-key-file", &agent];
        calypte([&fixed, more].concat())
    };
    assert!(words(&approve(&["--name", "bot", "--network", "mainnet"]).exits_with(2)).contains("wallet"));
    assert!(words(&approve(&["--name", "a name that is too long"]).exits_with(2)).contains("16 bytes"));
    assert!(!Path::new(&agent).exists(), "what was not approved leaves no key");
    let record = approve(&["--name", "bot", "--days", "30"]).ok().json();
    assert_eq!((&record["account"], &record["name"]), (&ACCOUNT.into(), &"bot".into()), "{record}");
    let named = devnet.ask("url", "POST", "/info", &format!(r#"{{"type":"extraAgents","user":"{ACCOUNT}"}}"#)).1;
    let named: serde_json::Value = serde_json::from_str(&named).expect("JSON");
    assert_eq!((&named[0]["address"], &named[0]["validUntil"]), (&record["agent"], &record["valid_until"]), "{named}");
    assert!(words(&approve(&["--name", "bot"]).exits_with(4)).contains("agent.key"), "a key is not written over");

    let margin = |usdc: &str, more: &[&str]| {
        let usdc = format!("--usdc={usdc}");
        let fixed = ["venue", "margin", "--json", "--url", &url, "--key-file", &agent, "--symbol", "BTC", &usdc];
        calypte([&fixed, more].concat())
    };
    let of_account = ["--account", ACCOUNT];
    assert!(words(&margin("50", &of_account).exits_with(1)).contains("No isolated position"));
    bought_alone(&devnet, KEY);
    let used = |run: Run| -> Decimal { run.ok().json()["margin"].as_str().expect("shown").parse().expect("a number") };
    let (first, second) = (used(margin("50.000001", &of_account)), used(margin("-20", &of_account)));
    // The price moves meanwhile, and what the position gains is margin: by less than what was moved.
    assert!((first - second - Decimal::from(20)).abs() < Decimal::TEN, "{first} and {second}");
    assert!(words(&margin("-100000", &of_account).exits_with(1)).contains("Insufficient margin"));
    assert!(words(&margin("0.0000001", &of_account).exits_with(2)).contains("millionths"));
    assert!(words(&margin("1", &["--network", "mainnet"]).exits_with(2)).contains("--real-money"));
    assert!(words(&margin("1", &[]).exits_with(4)).contains("is an agent, not an account"));
}

//! What the services show and tell while they trade: their pages of metrics, their log for programs, and the webhook that hears of a kill.

use crate::devnet::{ACCOUNT, Devnet, FAST, KEY};
use crate::system::{PATIENCE, Service};
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::{Duration, Instant};
use tests::{RedisServer, calypte, component, free_port, temp_dir};

/// How often a page is asked for that does not say yet what it has to.
const ASK_EVERY: Duration = Duration::from_millis(250);

/// A webhook that takes whatever it is told.
struct Webhook {
    url: String,
    told: mpsc::Receiver<serde_json::Value>,
}

impl Webhook {
    fn serve() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("the loopback has free ports");
        let url = format!("http://{}/hooks/s3cret", listener.local_addr().expect("it is bound"));
        let (tell, told) = mpsc::channel();
        // It ends with the test's process.
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let tell = tell.clone();
                std::thread::spawn(move || take(stream.expect("it listens"), &tell));
            }
        });
        Self { url, told }
    }

    /// What it is told next of a kind.
    fn next(&self, kind: &str) -> serde_json::Value {
        let until = Instant::now() + PATIENCE;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let told = self.told.recv_timeout(left).unwrap_or_else(|_| panic!("nobody tells of {kind}"));
            if told["kind"] == kind {
                return told;
            }
        }
    }
}

/// Takes what comes over a connection, request by request.
fn take(stream: TcpStream, tell: &mpsc::Sender<serde_json::Value>) {
    let mut reader = BufReader::new(stream);
    loop {
        let (mut line, mut length) = (String::new(), 0);
        while reader.read_line(&mut line).is_ok_and(|read| read > 2) {
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().expect("a length");
            }
            line.clear();
        }
        let mut body = vec![0; length];
        if length == 0 || reader.read_exact(&mut body).is_err() {
            return;
        }
        let told = tell.send(serde_json::from_slice(&body).expect("it is JSON"));
        let answered = reader.get_mut().write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        if told.is_err() || answered.is_err() {
            return;
        }
    }
}

/// Writes what the services work with, and where their pages are.
fn configure(folder: &Path, redis: &str, exchange: &str, webhook: &str) -> (PathBuf, [u16; 2]) {
    let ports = [free_port(), free_port()];
    fs::write(folder.join("alice.key"), KEY).expect("the test's folder can be written");
    fs::write(folder.join("webhook"), webhook).expect("the test's folder can be written");
    let text = format!(
        "[bus]\nurl = \"{redis}\"\n[exchange]\nnetwork = \"devnet\"\nurl = \"{exchange}\"\n\
         [market-data]\nname = \"market-data-1\"\nlisten = \"127.0.0.1:{}\"\n\
         [engine]\nname = \"engine-1\"\nstate = \"state\"\nlisten = \"127.0.0.1:{}\"\nwebhook-file = \"webhook\"\n\
         database = \"sqlite:record.db\"\n\
         [[account]]\nname = \"alice\"\nmode = \"live\"\naddress = \"{ACCOUNT}\"\nkey-file = \"alice.key\"\n\
         symbols = [\"BTC\"]\ntimeframes = [\"1m\"]\n\
         [[account.strategy]]\ncomponent = \"{}\"\nparameters = {{ size = 0.001 }}\n",
        ports[0],
        ports[1],
        component("grid").display()
    );
    let path = folder.join("calypte.toml");
    fs::write(&path, text).expect("the test's folder can be written");
    (path, ports)
}

/// A page of metrics.
struct Page(String);

impl Page {
    fn of(port: u16) -> std::io::Result<Self> {
        let mut stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")?;
        let mut page = String::new();
        stream.read_to_string(&mut page)?;
        assert!(page.starts_with("HTTP/1.1 200"), "{page}");
        Ok(Self(page))
    }

    /// What a sample says, by its name and its label.
    fn value(&self, sample: &str) -> Option<f64> {
        let line = self.0.lines().find_map(|line| line.strip_prefix(sample)?.strip_prefix(' '))?;
        Some(line.parse().expect("a number"))
    }

    /// The values of all samples of a name, by their labels.
    fn all(&self, name: &str) -> Vec<(String, f64)> {
        let samples = self.0.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix('{')?.rsplit_once(' '));
        samples.map(|(labels, value)| (labels.to_owned(), value.parse().expect("a number"))).collect()
    }
}

/// The page, once it says all that it has to.
async fn page_that(port: u16, says: impl Fn(&Page) -> bool, folder: &Path) -> Page {
    let mut ticks = tokio::time::interval(ASK_EVERY);
    let until = Instant::now() + PATIENCE;
    loop {
        // A service says that it works before its page is served.
        if let Ok(page) = Page::of(port)
            && says(&page)
        {
            return page;
        }
        assert!(Instant::now() < until, "{}\n{}", log(folder, "market-data"), log(folder, "engine"));
        ticks.tick().await;
    }
}

/// What a service wrote to standard error.
fn log(folder: &Path, service: &str) -> String {
    fs::read_to_string(folder.join(format!("{service}.log"))).expect("it has one")
}

/// Every connection and every budget of a service is as it should be.
fn assert_sound(page: &Page, peers: &[&str]) {
    for peer in peers {
        assert_eq!(page.value(&format!("calypte_connected{{peer=\"{peer}\"}}")), Some(1.0), "{peer}: {}", page.0);
    }
    let budgets = page.all("calypte_budget_left_ratio");
    assert!(budgets.iter().any(|(labels, _)| labels.contains("REST weight")), "{}", page.0);
    for (labels, left) in budgets {
        assert!(left > 0.0 && left <= 1.0, "{left} is left of {labels}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn services_show_what_they_stand_on_and_tell_of_a_kill() {
    let Some(redis) = RedisServer::start(&[]) else { return };
    let (devnet, webhook, folder) = (Devnet::start(&FAST), Webhook::serve(), temp_dir());
    let (config, [market_data_port, engine_port]) = configure(folder.path(), &redis.url(), &devnet.url("url"), &webhook.url);
    let market_data = Service::start_with("market-data", &config, &["--log", "json"]);
    let engine = Service::start_with("engine", &config, &["--log", "json"]);

    let trades = |page: &Page| page.value("calypte_fills_total{account=\"alice\"}") > Some(0.0);
    page_that(engine_port, trades, folder.path()).await;
    // What is looked at once a second has been looked at since: an account that trades uses requests.
    let looked = |page: &Page| {
        let has = |sample: &str| page.value(sample) > Some(0.0);
        let requests = page.value("calypte_budget_left_ratio{budget=\"requests of alice\"}");
        let trades = requests > Some(0.0) && requests < Some(1.0);
        trades && has("calypte_connected{peer=\"exchange\"}") && has("calypte_connected{peer=\"database\"}")
    };
    let page = page_that(engine_port, looked, folder.path()).await;
    assert_sound(&page, &["bus", "exchange", "database"]);
    let journal = page.value("calypte_journal_bytes_total{account=\"alice\"}");
    assert!(journal > Some(0.0), "{}", page.0);
    for queue in ["news of alice", "unanswered of alice", "facts of alice", "notifications"] {
        assert!(page.value(&format!("calypte_queue_depth{{queue=\"{queue}\"}}")).is_some(), "{queue}: {}", page.0);
    }
    let hears = |page: &Page| page.value("calypte_connected{peer=\"exchange\"}") > Some(0.0);
    let page = page_that(market_data_port, hears, folder.path()).await;
    assert_sound(&page, &["bus", "exchange"]);
    assert!(page.value("calypte_queue_depth{queue=\"entries\"}").is_some(), "{}", page.0);

    let state = folder.path().join("state").display().to_string();
    calypte(["kill", "--account", "alice", "--state", &state, "--json"]).ok();
    let told = webhook.next("kill-switch");
    assert_eq!((&told["account"], &told["service"]), (&"alice".into(), &"engine-1".into()), "{told}");
    let page =
        page_that(engine_port, |page| page.value("calypte_notifications_total{outcome=\"sent\"}") > Some(0.0), folder.path());
    assert_eq!(page.await.value("calypte_kills_total{account=\"alice\"}"), Some(1.0));

    engine.end();
    market_data.end();
    for service in ["engine", "market-data"] {
        let log = log(folder.path(), service);
        assert!(log.lines().count() > 0, "{service} says nothing");
        for line in log.lines() {
            let record: serde_json::Value =
                serde_json::from_str(line).unwrap_or_else(|error| panic!("{service}: {error}: {line}"));
            assert!(record["level"].is_string() && record["message"].is_string(), "{line}");
        }
        assert!(!log.contains("s3cret"), "nobody is told where it is told");
    }
    assert!(log(folder.path(), "engine").contains("alice: "), "what people watch is there as well");
}

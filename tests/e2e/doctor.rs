//! The doctor at a live system of real parts, and at one where nothing is as it should be.

use crate::devnet::{ACCOUNT, Devnet, KEY};
use crate::in_process::{compiler, runtime};
use calypte::doctor::MAPPINGS_OF_STRATEGY;
use calypte_host::{CompileLimits, InstanceSettings, Sandbox, SandboxSettings, UploadSettings, Uploads};
use calypte_kernel::StrategyId;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use tests::{RedisServer, calypte, component, temp_dir};

/// A configuration with a live account, its files beside it.
fn configure(folder: &Path, bus: &str, exchange: &str, database: &str) -> String {
    let write = |name: &str, text: &str, mode| {
        let path = folder.join(name);
        fs::write(&path, text).expect("it can be written");
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("it is ours");
    };
    write("alice.key", KEY, 0o600);
    write("trend.wasm", "", 0o644);
    let text = format!(
        r#"
[bus]
url = "{bus}"
[exchange]
network = "devnet"
url = "{exchange}"
[market-data]
name = "market-data-1"
listen = "127.0.0.1:0"
[engine]
name = "engine-1"
state = "state"
listen = "127.0.0.1:0"
database = "{database}"
[[account]]
name = "alice"
mode = "live"
address = "{ACCOUNT}"
key-file = "alice.key"
symbols = ["BTC", "ETH"]
timeframes = ["1m"]
[[account.strategy]]
component = "trend.wasm"
"#
    );
    write("calypte.toml", &text, 0o644);
    folder.join("calypte.toml").to_str().expect("text").to_owned()
}

/// What is said of something, as verdicts with their words.
fn found<'a>(answer: &'a serde_json::Value, of: &str) -> Vec<(&'a str, &'a str)> {
    let findings = answer["findings"].as_array().expect("findings are a list");
    let of_it = findings.iter().filter(|finding| finding["of"] == of);
    of_it.map(|finding| (finding["verdict"].as_str().expect("words"), finding["found"].as_str().expect("words"))).collect()
}

#[test]
fn a_system_that_is_sound_is_called_so() {
    let Some(redis) = RedisServer::start(&["--appendonly", "yes"]) else { return };
    let devnet = Devnet::start(&[]);
    let folder = temp_dir();
    let config = configure(folder.path(), &redis.url(), &devnet.url("url"), "sqlite:record.db");
    let ended = calypte(["doctor", "--config", &config, "--json"]);
    let answer = ended.json();
    for (of, words) in [("configuration", "can be used"), ("bus", "Redis 7."), ("account alice", "may trade, signed by")] {
        let said = found(&answer, of);
        assert!(matches!(said.as_slice(), [("ok", found)] if found.contains(words)), "{of}: {said:?}");
    }
    let exchange = found(&answer, "exchange");
    assert!(exchange[0].0 == "ok" && exchange[0].1.contains("BTC, ETH can be traded"), "{exchange:?}");
    assert!(!folder.path().join("state").exists(), "nothing is changed");
    // Disk and limits are those of the machine that the test runs on.
    let failed = answer["verdict"] == "failed";
    assert_eq!(ended.code, Some(i32::from(failed)), "{ended}");
    for of in ["state", "database", "open files", "mappings", "market-data", "engine"] {
        assert!(!found(&answer, of).is_empty(), "{of} is looked at: {answer}");
    }
}

#[test]
fn each_thing_that_is_wrong_is_told_with_what_to_do() {
    let Some(mut redis) = RedisServer::start(&["--maxmemory", "200mb", "--maxmemory-policy", "allkeys-lru"]) else { return };
    let devnet = Devnet::start(&[]);
    let folder = temp_dir();
    let config = configure(folder.path(), &redis.url(), &devnet.url("url"), "sqlite:trend.csv");
    fs::write(folder.path().join("trend.csv"), "no database").expect("it can be written");
    let text = fs::read_to_string(&config).expect("it is there").replace("\"ETH\"", "\"NOSUCH\"");
    fs::write(&config, text.replace(ACCOUNT, "0x00000000000000000000000000000000000000aa")).expect("it can be written");
    fs::set_permissions(folder.path().join("alice.key"), fs::Permissions::from_mode(0o644)).expect("it is ours");
    let ended = calypte(["doctor", "--config", &config, "--json"]).exits_with(1);
    assert!(!ended.stdout.contains(&KEY[2..]), "the key is not shown");
    let answer = ended.json();
    for (of, verdict, words) in [
        ("configuration", "warning", "alice.key can be read by others"),
        ("bus", "warning", "appendonly no"),
        ("bus", "failed", "maxmemory-policy is allkeys-lru"),
        ("exchange", "failed", "NOSUCH"),
        ("account alice", "failed", "0x00000000000000000000000000000000000000aa"),
        ("database", "failed", "is no file of SQLite's"),
    ] {
        let said = found(&answer, of);
        assert!(said.iter().any(|(said, found)| *said == verdict && found.contains(words)), "{of}: {said:?}");
    }
    for finding in answer["findings"].as_array().expect("a list").iter().filter(|finding| finding["verdict"] != "ok") {
        assert!(finding["remedy"].as_str().is_some_and(|words| !words.is_empty()), "{finding} says what to do");
    }

    // Nobody at home: the table says so, and the rest is looked at all the same.
    redis.kill();
    drop(devnet);
    let table = calypte(["doctor", "--config", &config]).exits_with(1).stdout;
    for part in ["failed   bus", "cannot be reached", "failed   exchange", "ok       ", "→ "] {
        assert!(table.contains(part), "{part:?} is in {table}");
    }
}

#[test]
fn a_configuration_that_is_wrong_is_one_of_the_findings() {
    let folder = temp_dir();
    let file = folder.path().join("calypte.toml");
    fs::write(&file, "[bus]\nurl = 3\n").expect("it can be written");
    let answer = calypte(["doctor", "--json", "--config", file.to_str().expect("text")]).exits_with(1).json();
    let said = found(&answer, "configuration");
    assert!(said.len() == 3 && said.iter().any(|(_, words)| words.contains("line 2, column 7")), "{said:?}");
    assert!(!found(&answer, "mappings").is_empty(), "the machine is looked at all the same");
    let machine = calypte(["doctor"]);
    assert!(machine.stdout.contains("only this machine was looked at"), "{machine}");
}

#[test]
fn a_strategy_has_no_more_mappings_than_the_doctor_thinks() {
    const INSTANCES: u32 = 400;
    let mappings = || fs::read_to_string("/proc/self/maps").expect("it is Linux").lines().count();
    let before = mappings();
    let settings = SandboxSettings { instances_max: INSTANCES, ..SandboxSettings::default() };
    let sandbox = Sandbox::new(settings).expect("there is address space");
    let uploads = Uploads::new(sandbox, UploadSettings::new(compiler(CompileLimits::default()))).expect("it needs no folder");
    let component = component("ema-atr");
    let instances = runtime().block_on(async {
        let strategy = calypte::upload::load(&uploads, &component).await.expect("it is a strategy").strategy;
        let mut instances = Vec::new();
        for number in 0..INSTANCES {
            let settings = InstanceSettings::new(StrategyId::new(number));
            instances.push(strategy.instantiate(settings).await.expect("there is room"));
        }
        instances
    });
    let of_each = mappings().saturating_sub(before).div_ceil(instances.len());
    assert!(of_each as u64 <= MAPPINGS_OF_STRATEGY, "{of_each} mappings of each instance");
    assert!(of_each > 0, "an instance has memory of its own");
}

//! What files mean, and what is said of those that mean nothing.

use super::*;
use crate::journal::Durability;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use tempfile::TempDir;

/// The smallest that describes both services.
const SMALL: &str = r#"[bus]
url = "redis://127.0.0.1:6379"
[exchange]
network = "devnet"
[market-data]
name = "market-data-1"
[engine]
name = "engine-1"
state = "state"
[[account]]
name = "alice"
symbols = ["BTC", "ETH"]
timeframes = ["1m", "1h"]
[[account.strategy]]
component = "trend.wasm"
"#;

/// A key of nobody's, as text.
const KEY: &str = "0x0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/// A folder with a component and a key, and a configuration in it.
fn folder(text: &str) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).expect("it is written");
    for (name, text) in [("trend.wasm", ""), ("alice.key", KEY), ("risk.toml", "[account]\nnotional_max = 50000\n")] {
        write(name, text);
    }
    write("tenant.toml", "[account]\ntenant_notional_max = 50000\n");
    fs::set_permissions(folder.path().join("alice.key"), fs::Permissions::from_mode(0o600)).expect("it is ours");
    write("calypte.toml", text);
    let path = folder.path().join("calypte.toml");
    (folder, path)
}

fn environment(variables: &[(&str, &str)]) -> Environment {
    variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[track_caller]
fn read(text: &str, variables: &[(&str, &str)]) -> Config<Services> {
    let (_folder, path) = folder(text);
    Config::read(&path, &environment(variables)).unwrap_or_else(|error| panic!("{error}"))
}

/// What is wrong with a file, one line each.
#[track_caller]
fn faults(text: &str, variables: &[(&str, &str)]) -> Vec<String> {
    let (folder, path) = folder(text);
    let error = Config::read(&path, &environment(variables)).expect_err("something is wrong with it");
    let ConfigError::Faulty { faults, .. } = error else { panic!("{error}") };
    let here = folder.path().display().to_string();
    faults.iter().map(|fault| fault.to_string().replace(&here, "HERE")).collect()
}

/// The small file with a part replaced.
#[track_caller]
fn with(part: &str, other: &str) -> String {
    assert!(SMALL.contains(part), "{part:?} is in the file");
    SMALL.replacen(part, other, 1)
}

#[test]
fn a_small_file_means_the_usual() {
    let (folder, path) = folder(SMALL);
    let config = Config::read(&path, &Environment::default()).expect("it is right");
    assert_eq!(config.bus.to_string(), "127.0.0.1:6379");
    assert_eq!(config.exchange.settings().endpoint().to_string(), "http://127.0.0.1:3001");
    let market_data = config.service.market_data.expect("it is there");
    assert_eq!((market_data.name.to_string().as_str(), market_data.history), ("market-data-1", 1_000));
    let engine = config.service.engine.expect("it is there");
    assert_eq!(engine.state, folder.path().join("state"), "paths begin at the file");
    assert!(engine.listen.is_none() && engine.database.is_none() && engine.webhook.is_none());
    let [account] = engine.accounts.as_slice() else { panic!("one account") };
    assert_eq!(account.mode, Mode::Paper { cash: calypte_kernel::Decimal::from(10_000) });
    assert_eq!((account.symbols.len(), account.timeframes.len(), account.history), (2, 2, 1_000));
    let [strategy] = account.strategies.as_slice() else { panic!("one strategy") };
    assert_eq!((strategy.name.as_str(), &strategy.component), ("trend", &folder.path().join("trend.wasm")));
    assert_eq!(config.warnings, Vec::<String>::new());
}

#[test]
fn everything_can_be_said() {
    let text = r#"
        [bus]
        url = "rediss://bus.example:6380/2"
        [exchange]
        network = "testnet"
        url = "https://exchange.example"
        from-ip = "127.0.0.5"
        [market-data]
        name = "md"
        listen = "127.0.0.1:9101"
        history = 50
        [engine]
        name = "engine-1"
        state = "/var/lib/calypte"
        listen = "[::1]:9102"
        database = "sqlite:record.db"
        [[account]]
        name = "alice"
        mode = "live"
        address = "0x00000000000000000000000000000000000000aa"
        key-file = "alice.key"
        symbols = ["BTC"]
        timeframes = ["1m"]
        risk = "risk.toml"
        history = 0
        tenant = "carol"
        durability = "synced"
        limits = { memory-bytes = 1_048_576, log-lines-per-event = 7 }
        [[account.strategy]]
        name = "fast"
        component = "trend.wasm"
        parameters = { fast = 10, size = 0.25, filter = "adx", longs = true }
        [[account.strategy]]
        name = "slow"
        component = "trend.wasm"
        [[account]]
        name = "bob"
        cash = 0.10
        symbols = ["kPEPE"]
        timeframes = ["1h"]
        strategy = [{ component = "trend.wasm" }]
    "#;
    let (folder, path) = folder(text);
    let config = Config::read_for_engine(&path, &Environment::default()).expect("it is right");
    assert_eq!(config.bus.to_string(), "bus.example:6380/2");
    assert_eq!(config.exchange.settings().endpoint().to_string(), "https://exchange.example");
    let engine = config.service;
    assert_eq!(
        engine.database.as_ref().map(ToString::to_string),
        Some(format!("sqlite:{}/record.db", folder.path().display()))
    );
    let [alice, bob] = engine.accounts.as_slice() else { panic!("two accounts") };
    let Mode::Live { key, .. } = &alice.mode else { panic!("it is live") };
    let (key, is_exposed) = key.read(&Environment::default()).expect("it is a key");
    assert!(!is_exposed && !format!("{key:?}").contains("abcdef0123"));
    let named = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let expected = [named("fast", "10"), named("filter", "adx"), named("longs", "true"), named("size", "0.25")];
    assert_eq!(alice.strategies[0].parameters, expected, "numbers are as they were written");
    let limits = ["memory-bytes=1048576", "log-lines-per-event=7"].map(|text| text.parse().expect(text));
    assert_eq!(alice.limits, limits.into_iter().collect());
    assert_eq!((alice.durability, bob.durability), (Durability::Synced, Durability::Written));
    let said = faults(&text.replace("synced", "gathered"), &[]);
    assert!(said[0].ends_with("account[0].durability: must be written or synced"), "{said:?}");
    assert_eq!(alice.tenant.as_ref().map(AccountName::as_str), Some("carol"));
    let said = faults(&text.replace("memory-bytes", "memory"), &[]);
    assert!(said[0].contains("account[0].limits: there is no limit \"memory\""), "{said:?}");
    assert_eq!(bob.mode, Mode::Paper { cash: calypte_kernel::Decimal::new(1, 1) });
    assert!(alice.risk.is_some() && bob.risk.is_none());
}

#[test]
fn a_variable_counts_instead_of_what_is_written() {
    let variables = [
        ("CALYPTE_BUS_URL", "redis://:s3cret@other:1"),
        ("CALYPTE_EXCHANGE_NETWORK", "testnet"),
        ("CALYPTE_MARKET_DATA_NAME", "market-data-2"),
        ("CALYPTE_MARKET_DATA_HISTORY", "7"),
        ("CALYPTE_ENGINE_LISTEN", "127.0.0.1:0"),
        ("CALYPTE_DATABASE_URL", "postgres://me:s3cret@db/x"),
        ("CALYPTE_WEBHOOK_URL", "https://hooks.example/s3cret"),
        ("CALYPTE_ENGINE_NAME", ""),
    ];
    let config = read(SMALL, &variables);
    let shown = format!("{config:?}");
    assert!(!shown.contains("s3cret"), "{shown}");
    for part in ["other:1", "Testnet", "market-data-2", "postgres://db/x", "https://hooks.example"] {
        assert!(shown.contains(part), "{part} in {shown}");
    }
    let engine = config.service.engine.expect("it is there");
    assert_eq!((engine.name.to_string().as_str(), engine.listen.map(|address| address.port())), ("engine-1", Some(0)));
    assert_eq!(config.service.market_data.map(|service| service.history), Some(7));
    let said = faults(SMALL, &[("CALYPTE_ENGINE_LISTEN", "everywhere"), ("CALYPTE_BUS_URL", "redis:s3cret")]);
    assert_eq!(
        said,
        [
            "variable CALYPTE_BUS_URL: bus.url: the address is not redis://, rediss:// or unix:// with a host, a port and a number \
             of a database",
            "variable CALYPTE_ENGINE_LISTEN: engine.listen: invalid socket address syntax",
        ]
    );
}

#[test]
fn a_live_account_needs_what_makes_it_one() {
    let live = with("name = \"alice\"", "name = \"alice.b\"\nmode = \"live\"");
    assert_eq!(
        faults(&live.replace("devnet", "mainnet"), &[]),
        [
            "line 10, column 1: account[0].real-money: orders on mainnet cost real money: write real-money = true if that is meant, \
             or mode = \"paper\"",
            "line 10, column 1: account[0].risk: is missing: live on mainnet needs limits",
            "line 10, column 1: account[0].address: is missing: live needs the address that holds the money",
            "line 10, column 1: account[0].key-file: is missing: live needs a key to sign with, in a file or in the variable \
             CALYPTE_KEY_ALICE_B",
        ]
    );
    let address = "address = \"0x00000000000000000000000000000000000000aa\"";
    let whole =
        live.replace("mode = \"live\"", &format!("mode = \"live\"\n{address}\nrisk = \"risk.toml\"\nreal-money = true"));
    let config = read(&whole.replace("devnet", "mainnet"), &[("CALYPTE_KEY_ALICE_B", KEY)]);
    let accounts = config.service.engine.expect("it is there").accounts;
    assert!(matches!(&accounts[0].mode, Mode::Live { key: KeySource::Variable(name), .. } if name == "CALYPTE_KEY_ALICE_B"));
    let said = faults(&whole, &[("CALYPTE_KEY_ALICE_B", "0xs3cret")]);
    assert!(said[0].contains("not a secret key") && !said[0].contains("s3cret"), "{said:?}");
}

#[test]
fn a_limit_over_several_accounts_is_not_taken_for_one_of_each() {
    let account = SMALL.split_once("[[account]]").expect("it has one").1;
    let limited = |account: &str| account.replacen("name = ", "risk = \"tenant.toml\"\nname = ", 1);
    let alone = SMALL.replacen(account, &limited(account), 1);
    assert_eq!(read(&alone, &[]).service.engine.expect("it is there").accounts.len(), 1);
    let two = format!("{alone}[[account]]{}", account.replace("alice", "bob"));
    let said = faults(&two, &[]);
    assert!(
        said.len() == 1 && said[0].contains("account[0].tenant: is missing") && said[0].contains("tenant_notional_max"),
        "{said:?}"
    );
    let of_one = two.replace("risk = \"tenant.toml\"\n", "risk = \"tenant.toml\"\ntenant = \"carol\"\n");
    let accounts = read(&of_one, &[]).service.engine.expect("it is there").accounts;
    let tenants = accounts.iter().map(|account| account.tenant.as_ref().map(AccountName::as_str));
    assert_eq!(tenants.collect::<Vec<_>>(), [Some("carol"), None]);
    assert!(faults(&of_one.replace("carol", "c/rol"), &[])[0].contains("account[0].tenant"));
}

#[test]
fn the_market_data_service_opens_nothing_of_the_engines() {
    let text = with(
        "name = \"alice\"",
        "name = \"alice\"\nmode = \"live\"\naddress = \"0x00000000000000000000000000000000000000aa\"\nkey-file = \"gone.key\"\nrisk = \"gone.toml\"",
    );
    let text = text
        .replace("trend.wasm", "gone.wasm")
        .replace("state = \"state\"", "state = \"state\"\ndatabase-file = \"gone\"\nwebhook-file = \"gone\"");
    let (_folder, path) = folder(&text);
    let config = Config::read_for_market_data(&path, &Environment::default()).expect("it is none of its business");
    assert_eq!(config.service.name.to_string(), "market-data-1");
    let error = Config::read_for_engine(&path, &Environment::default()).expect_err("nothing of it is there").to_string();
    for part in ["gone.key", "gone.toml", "gone.wasm", "engine.database-file", "engine.webhook-file"] {
        assert!(error.contains(part), "{part} in {error}");
    }
}

#[test]
fn a_service_needs_its_table() {
    let (_folder, path) = folder(&with("[market-data]\nname = \"market-data-1\"\n", ""));
    let error = Config::read_for_market_data(&path, &Environment::default()).expect_err("it is missing");
    assert!(error.to_string().contains("market-data: is missing: this service needs the table"), "{error}");
    assert!(Config::read(&path, &Environment::default()).is_ok(), "one service is enough for a file");
    let named = environment(&[("CALYPTE_MARKET_DATA_NAME", "md")]);
    let config = Config::read_for_market_data(&path, &named).expect("the environment says all that is needed");
    assert_eq!(config.service.name.to_string(), "md");
    assert!(matches!(Config::read(Path::new("/no/such/file"), &Environment::default()), Err(ConfigError::Unreadable { .. })));
}

#[test]
fn what_others_can_read_is_warned_of() {
    let text = with(
        "name = \"alice\"",
        "name = \"alice\"\nmode = \"live\"\naddress = \"0x00000000000000000000000000000000000000aa\"\nkey-file = \"alice.key\"",
    );
    let text = text.replace("url = \"redis://127.0.0.1:6379\"", "url-file = \"bus.url\"");
    let (folder, path) = folder(&text);
    let at = |name: &str| folder.path().join(name);
    fs::write(at("bus.url"), "redis://:s3cret@bus:1\n").expect("it is written");
    for name in ["bus.url", "alice.key"] {
        fs::set_permissions(at(name), fs::Permissions::from_mode(0o644)).expect("it is ours");
    }
    let config = Config::read(&path, &Environment::default()).expect("it is right");
    assert_eq!(config.warnings.len(), 2, "{:?}", config.warnings);
    assert!(config.warnings.iter().all(|words| words.contains("chmod 600") && !words.contains("s3cret")));
    assert_eq!(config.bus.to_string(), "bus:1");
}

#[test]
fn the_example_of_the_page_is_right() {
    let page = include_str!("../../docs/configuration.md");
    let example = page.split_once("```toml\n").and_then(|(_, rest)| rest.split_once("```")).expect("there is one").0;
    let config = read(&example.replace("target/calypte/ema-atr.wasm", "trend.wasm"), &[]);
    assert!(config.service.market_data.is_some() && config.service.engine.is_some());
}

mod words;

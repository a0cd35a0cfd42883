//! The words for what is wrong, with their places.

use super::{Config, Environment, KEY, SMALL, faults, folder, with};
use proptest::prelude::*;

/// One change of the small file, and all that is said of it.
#[track_caller]
fn says(part: &str, other: &str, expected: &[&str]) {
    assert_eq!(faults(&with(part, other), &[]), expected);
}

#[test]
fn what_is_no_toml() {
    says("network = \"devnet\"", "network = \"devnet", &["line 4, column 18: invalid basic string, expected `\"`"]);
    says(
        "network = \"devnet\"",
        "network = devnet",
        &["line 4, column 11: string values must be quoted, expected literal string"],
    );
    says("[exchange]", "[bus]", &["line 3, column 2: duplicate key"]);
}

#[test]
fn keys_that_there_are_not() {
    says("state = ", "sttae = \"x\"\nstate = ", &["line 9, column 1: engine.sttae: there is no such key; is state meant?"]);
    says(
        "[exchange]",
        "[exchnage]",
        &[
            "exchange.network: is missing; it says `devnet`, `testnet` or `mainnet`",
            "line 3, column 2: exchnage: there is no such key; is exchange meant?",
        ],
    );
    says(
        "component = ",
        "size = 1\ncomponent = ",
        &["line 15, column 1: account[0].strategy[0].size: there is no such key; there are name, component, parameters"],
    );
}

#[test]
fn values_of_another_kind() {
    says("\"state\"", "3", &["line 9, column 9: engine.state: must be a text in quotes"]);
    says(
        "name = \"market-data-1\"",
        "name = \"market-data-1\"\nhistory = 1.5",
        &["line 7, column 11: market-data.history: must be a whole number"],
    );
    says(
        "name = \"market-data-1\"",
        "name = \"market-data-1\"\nhistory = 5001",
        &["line 7, column 11: market-data.history: must be a whole number from 0 to 5000"],
    );
    says(
        "[\"BTC\", \"ETH\"]",
        "\"BTC\"",
        &["line 12, column 11: account[0].symbols: must be a list of texts, such as [\"BTC\", \"ETH\"]"],
    );
    says("[\"BTC\", \"ETH\"]", "[]", &["line 12, column 11: account[0].symbols: must have from 1 to 256 items, not 0"]);
    says(
        "[\"BTC\", \"ETH\"]",
        "[\"BTC\", \"BTC-PERP\", \"B C\"]",
        &[
            "line 12, column 19: account[0].symbols: \"BTC-PERP\" comes twice",
            "line 12, column 31: account[0].symbols: \"B C\" is not a symbol: write the exchange's coin name, letters and digits, such \
         as BTC or kPEPE",
        ],
    );
    says(
        "\"1h\"",
        "\"1y\"",
        &[
            "line 13, column 21: account[0].timeframes: \"1y\" is not a timeframe: write a number and s, m, h, d or w, such as 1m, 15m, \
         4h, 1d",
        ],
    );
    says("[[account]]", "[account]", &["line 10, column 1: account: must be tables: write [[account]] above each"]);
    says(
        "[market-data]\nname = \"market-data-1\"",
        "[[market-data]]\nname = \"market-data-1\"",
        &["line 5, column 1: market-data: must be a table: write [market-data] on a line of its own"],
    );
    says(
        "symbols",
        "mode = \"alive\"\ncash = \"-1\"\nsymbols",
        &[
            "line 12, column 8: account[0].mode: must be paper or live",
            "line 13, column 8: account[0].cash: must be from 0 to 1000000000000000",
        ],
    );
    says(
        "component = \"trend.wasm\"",
        "component = \"trend.wasm\"\nparameters = { Fast = 1 }",
        &[
            "line 16, column 16: account[0].strategy[0].parameters: \"Fast\" is not the name of a parameter: lower case letters, digits \
         and hyphens",
        ],
    );
    says(
        "component = \"trend.wasm\"",
        "component = \"trend.wasm\"\nparameters = { fast = [1] }",
        &["line 16, column 23: account[0].strategy[0].parameters: a value must be a number, a text, or true or false"],
    );
}

#[test]
fn values_that_do_not_fit() {
    says("\"devnet\"", "\"moonnet\"", &["line 4, column 11: exchange.network: must be devnet, testnet or mainnet"]);
    says(
        "name = \"alice\"",
        "name = \".alice\"",
        &[
            "line 11, column 8: account[0].name: must be at most 40 letters, digits, dots, dashes and underscores, a letter or digit first",
        ],
    );
    says(
        "name = \"engine-1\"",
        "name = \"market-data-1\"\nlisten = \"0.0.0.0:9102\"",
        &[
            "line 8, column 8: engine.name: the market data service has this name: no two processes share one",
            "line 9, column 10: engine.listen: must be an address of the loopback, such as 127.0.0.1:9101: put a proxy before it that asks \
         who it is",
        ],
    );
    says(
        "state = \"state\"",
        "state = \"trend.wasm\"\ndatabase = \"record.db\"",
        &[
            "line 9, column 9: engine.state: must be a folder, and a file has this name",
            "line 10, column 12: engine.database: this is no database: write sqlite:FILE, or postgres://USER@HOST/NAME",
        ],
    );
    says(
        "component = \"trend.wasm\"",
        "component = \"gone.wasm\"",
        &["line 15, column 13: account[0].strategy[0].component: HERE/gone.wasm: No such file or directory (os error 2)"],
    );
    says(
        "component = \"trend.wasm\"",
        "name = \"a=b\"\ncomponent = \".\"",
        &[
            "line 15, column 8: account[0].strategy[0].name: cannot name a strategy: it has an equals sign, which ends the name of a \
         parameter",
            "line 16, column 13: account[0].strategy[0].component: HERE/. is no file",
        ],
    );
    says(
        "component = \"trend.wasm\"",
        "component = \"trend.wasm\"\n[[account.strategy]]\ncomponent = \"trend.wasm\"",
        &[
            "line 16, column 1: account[0].strategy[1].name: there is another strategy named \"trend\" in this account: give one of them \
         another name",
        ],
    );
    says(
        "[[account.strategy]]\ncomponent = \"trend.wasm\"\n",
        "",
        &["line 10, column 1: account[0]: needs a strategy at least: write [[account.strategy]]"],
    );
    says(
        "symbols",
        "risk = \"none.toml\"\nsymbols",
        &["line 12, column 8: account[0].risk: \"HERE/none.toml\" cannot be read: No such file or directory (os error 2)"],
    );
}

#[test]
fn what_is_missing() {
    says("[bus]\nurl = \"redis://127.0.0.1:6379\"\n", "", &["bus: needs url or url-file, or the variable CALYPTE_BUS_URL"]);
    says(
        "name = \"engine-1\"\n",
        "",
        &[
            "line 7, column 1: engine.name: is missing; it says the process's name on the bus, and its group's; no two processes share one",
        ],
    );
    says(
        "[engine]\nname = \"engine-1\"\nstate = \"state\"\n",
        "",
        &["line 7, column 1: account[0]: an account needs an [engine] that trades it"],
    );
    let none = &SMALL[..SMALL.find("[market-data]").expect("it is there")];
    assert_eq!(faults(none, &[]), ["there is neither [market-data] nor [engine]: nothing is to be run"]);
    let account = &SMALL[..SMALL.find("[[account]]").expect("it is there")];
    assert_eq!(faults(account, &[]), ["line 7, column 1: engine: needs an account at least: write [[account]]"]);
}

#[test]
fn two_accounts_share_nothing() {
    let one = &SMALL[SMALL.find("[[account]]").expect("it is there")..];
    let second = one
        .replace("alice", "ALICE")
        .replace("symbols", "mode = \"live\"\naddress = \"0x00000000000000000000000000000000000000aa\"\nsymbols");
    let third = second.replace("ALICE", "alice");
    let said = faults(&format!("{SMALL}{second}{third}"), &[("CALYPTE_KEY_ALICE", KEY)]);
    assert_eq!(
        said,
        [
            "line 17, column 8: account[1].name: another account's key would be read from CALYPTE_KEY_ALICE, too: choose another name",
            "line 25, column 8: account[2].name: there is another account named alice",
            "line 27, column 11: account[2].address: another account trades for this address",
        ]
    );
}

#[test]
fn a_secret_in_the_file_is_refused_and_not_repeated() {
    let refused = "looks like a secret, which this file must not hold: put it into a file of its own, or into the environment";
    let named = "a secret does not belong into this file: put it into a file of its own and name that, or into the environment";
    says("redis://127.0.0.1:6379", "redis://:s3cret@127.0.0.1:6379", &[&format!("line 2, column 7: bus.url: {refused}")]);
    says(
        "symbols",
        &format!("key-file = \"{KEY}\"\nsymbols"),
        &[&format!("line 12, column 12: account[0].key-file: {refused}")],
    );
    says(
        "symbols",
        &format!("key = \"{KEY}\"\nsymbols"),
        &[&format!("line 12, column 1: account[0].key: {named}"), &format!("line 12, column 7: account[0].key: {refused}")],
    );
    says(
        "state =",
        "webhook = \"https://hooks.example/s3cret\"\nstate =",
        &[&format!("line 9, column 1: engine.webhook: {named}")],
    );
    says("name = \"alice\"", &format!("name = \"{KEY}\""), &[&format!("line 11, column 8: account[0].name: {refused}")]);
    says("\"BTC\"", &format!("\"{KEY}\""), &[&format!("line 12, column 12: account[0].symbols: {refused}")]);
    says(
        "component = ",
        &format!("parameters = {{ x = \"{KEY}\" }}\ncomponent = "),
        &[&format!("line 15, column 20: account[0].strategy[0].parameters.x: {refused}")],
    );
    for changed in [
        with("redis://127.0.0.1:6379", "redis://:s3cret@127.0.0.1:6379"),
        with("state =", "database = \"postgres://me:s3cret@db/x\"\nstate ="),
        with("state =", "s3cret\u{7}s3cret = 1\nstate ="),
    ] {
        for said in faults(&changed, &[]) {
            assert!(!said.contains(":s3cret") && !said.contains('\u{7}'), "{said}");
        }
    }
}

#[test]
fn a_flood_of_faults_is_cut() {
    let many = (0..1_000).map(|number| format!("x{number} = 1\n")).collect::<String>();
    assert_eq!(faults(&format!("{many}{SMALL}"), &[]).len(), super::FAULTS_MAX);
    for hostile in ["\u{0}", "[", "a = {".repeat(5_000).as_str(), "[[account]]\n".repeat(2_000).as_str(), "\"\\uFFFF\" = 1"] {
        assert!(!faults(hostile, &[]).is_empty());
    }
}

proptest! {
    #[test]
    fn whatever_is_written_somewhere_is_read_or_refused(place in 0..SMALL.len(), cut in 0_usize..40, text in "[ -~\n\u{e4}\u{0}]{0,20}") {
        let end = (place + cut).min(SMALL.len());
        let changed = format!("{}{text}{}", &SMALL[..place], &SMALL[end..]);
        let (_folder, path) = folder(&changed);
        if let Err(error) = Config::read(&path, &Environment::default()) {
            prop_assert!(!error.to_string().is_empty());
        }
    }
}

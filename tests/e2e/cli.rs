//! The command line as its page promises it: help with examples, one JSON document, exit codes, errors that say what to do.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;
use tests::{Run, calypte, calypte_in, calypte_path, component, repository, run, synth_candles, temp_dir};

/// Every command.
const COMMANDS: &[&[&str]] = &[
    &["new"],
    &["build"],
    &["inspect"],
    &["backtest"],
    &["sweep"],
    &["data", "check"],
    &["data", "fetch"],
    &["data", "resample"],
    &["data", "synth"],
    &["config", "check"],
    &["demo"],
    &["replay"],
    &["drift"],
    &["run"],
    &["record"],
    &["export"],
    &["venue", "check"],
    &["venue", "agent"],
    &["venue", "margin"],
    &["devnet"],
    &["doctor"],
    &["market-data"],
    &["collect"],
    &["engine"],
    &["kill"],
];

/// The message of an error, which is one JSON document that agrees with the exit code.
fn error_of(run: Run, code: i32) -> String {
    let run = run.exits_with(code);
    let error = run.json()["error"].clone();
    assert_eq!(error["exit_code"], code, "{run}");
    let causes = error["causes"].as_array().unwrap_or_else(|| panic!("causes are a list in {run}")).clone();
    let words = std::iter::once(&error["message"]).chain(&causes).map(|words| words.as_str().expect("words").to_owned());
    words.collect::<Vec<_>>().join(": ")
}

#[track_caller]
fn assert_says(words: &str, parts: &[&str]) {
    for part in parts {
        assert!(words.contains(part), "{part:?} is not in {words:?}");
    }
}

#[test]
fn every_command_has_help_with_an_example() {
    for command in COMMANDS {
        let help = calypte(command.iter().chain(&["--help"])).ok().stdout;
        let called = format!("calypte {}", command.join(" "));
        let examples = help.split_once("Example").unwrap_or_else(|| panic!("no example in {help}")).1;
        assert_says(examples, &[&called]);
        assert_says(&help, &["Usage:", "--json"]);
    }
}

#[test]
fn no_command_is_left_out() {
    let listed = |arguments: &[&str]| {
        let help = calypte(arguments).ok().stdout;
        let commands = help.split_once("Commands:").expect("commands are listed").1;
        let commands = commands.split_once("Options:").expect("options follow").0;
        let names = commands.lines().filter(|line| line.starts_with("  ") && !line.starts_with("   "));
        let names = names.filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect::<Vec<_>>();
        names.into_iter().filter(|name| name != "help").collect::<Vec<_>>()
    };
    let ours = |group: Option<&str>| {
        let names = COMMANDS.iter().filter_map(|command| match (group, *command) {
            (None, [name, ..]) => Some((*name).to_owned()),
            (Some(group), [first, name]) if *first == group => Some((*name).to_owned()),
            _ => None,
        });
        names.fold(Vec::new(), |mut all, name| {
            if !all.contains(&name) {
                all.push(name);
            }
            all
        })
    };
    let sorted = |mut names: Vec<String>| {
        names.sort();
        names
    };
    assert_eq!(sorted(listed(&["--help"])), sorted(ours(None)));
    for group in ["data", "config", "venue"] {
        assert_eq!(sorted(listed(&[group, "--help"])), sorted(ours(Some(group))));
    }
}

#[test]
fn an_unknown_flag_is_a_usage_error_of_every_command() {
    for command in COMMANDS {
        let words = error_of(calypte(command.iter().chain(&["--no-such-flag", "--json"])), 2);
        assert_says(&words, &["--no-such-flag"]);
        let for_people = calypte(command.iter().chain(&["--no-such-flag"])).exits_with(2);
        assert_eq!(for_people.stdout, "", "errors are not answers");
        assert_says(&for_people.stderr, &["--no-such-flag", "--help"]);
    }
}

#[test]
fn the_way_from_a_new_strategy_to_its_report() {
    let folder = temp_dir();
    let work = folder.path();
    let made = calypte_in(work, ["new", "first-steps", "--json"]).ok().json();
    let crate_folder = work.join("first-steps");
    assert!(crate_folder.join("Cargo.toml").is_file(), "{made}");
    assert_says(&error_of(calypte_in(work, ["new", "first-steps", "--json"]), 2), &["exists", "--path"]);

    let manifest = crate_folder.join("Cargo.toml");
    let mut cargo = Command::new(env!("CARGO"));
    let tested = run(cargo.args(["test", "--manifest-path"]).arg(manifest).env("CARGO_TARGET_DIR", work.join("target"))).ok();
    assert_says(&tested.stdout, &["test result: ok. 1 passed"]);

    let mut build = Command::new(calypte_path());
    build.args(["build", "first-steps", "--json"]).current_dir(work).env("CARGO_TARGET_DIR", work.join("target"));
    let built = run(&mut build).ok().json();
    let strategy = built["component"].as_str().expect("the component is named").to_owned();
    assert!(Path::new(&strategy).is_file());

    let inspected = calypte_in(work, ["inspect", &strategy, "--json"]).ok().json();
    assert_eq!((&inspected["verdict"], &inspected["manifest"]["name"]), (&"accepted".into(), &"first-steps".into()));
    assert!(inspected["imports"].as_array().is_some_and(|imports| !imports.is_empty()), "{inspected}");
    assert_eq!(inspected["sizes"]["file_bytes"], built["bytes"]);

    synth_candles(5_000, 1, work, "candles.csv");
    let arguments = ["backtest", &strategy, "--data", "BTC:1m=candles.csv", "--out", "report", "--json"];
    let report = calypte_in(work, arguments).ok().json();
    assert_eq!(report["status"], "completed");
    assert!(report["fills"].as_u64() > Some(0), "the scaffold trades: {report}");
    for file in ["report.json", "report.html", "fills.csv", "equity.csv"] {
        assert!(work.join("report").join(file).is_file(), "{file}");
    }
}

#[test]
fn data_commands_answer_in_one_document() {
    let folder = temp_dir();
    let candles = synth_candles(600, 1, folder.path(), "candles.csv");
    let file = candles.to_str().expect("text");
    let checked = calypte(["data", "check", file, "--json"]).ok().json();
    assert_eq!((&checked["usable"], &checked["files"][0]["candles"]), (&true.into(), &600.into()));
    let out = folder.path().join("longer.parquet");
    let arguments = ["data", "resample", file, "--timeframe", "1h", "--out", out.to_str().expect("text"), "--json"];
    let longer = calypte(arguments).ok().json();
    assert_eq!((&longer["candles"], &longer["timeframe"]), (&10.into(), &"1h".into()));
    let checked = calypte(["data", "check", out.to_str().expect("text"), "--timeframe", "1h", "--json"]).ok().json();
    assert_eq!(checked["files"][0]["candles"], 10);
    let all = [candles.to_str().expect("text"), "no-such-file.csv"];
    let both = calypte(["data", "check", all[0], all[1], "--json"]).exits_with(3).json();
    assert_eq!((&both["usable"], &both["files"][0]["usable"]), (&false.into(), &true.into()), "{both}");
    assert_says(both["files"][1]["ended_by"].as_str().expect("words"), &["no-such-file.csv", "No such file"]);

    // Nothing comes of too few candles: no file, and no success.
    let none = folder.path().join("weeks.csv");
    let arguments = ["data", "resample", file, "--timeframe", "1w", "--out", none.to_str().expect("text"), "--json"];
    assert_says(&error_of(calypte(arguments), 3), &["candles.csv", "1w"]);
    assert!(!none.exists());
    let arguments = ["data", "resample", file, "--timeframe", "1h", "--out", "x.txt", "--json"];
    assert_says(&error_of(calypte(arguments), 2), &["x.txt", ".parquet"]);
}

#[test]
fn exit_codes_are_those_of_the_page() {
    let page = fs::read_to_string(repository().join("engine/docs/cli.md")).expect("the page exists");
    for code in ["0", "1", "2", "3", "4", "5", "70", "130"] {
        assert!(page.lines().any(|line| line.starts_with(&format!("| {code} | "))), "{code} is explained");
    }
    let folder = temp_dir();
    let candles = synth_candles(300, 1, folder.path(), "candles.csv");
    let (strategy, data) = (component("ema-atr"), format!("BTC:1m={}", candles.display()));
    let strategy = strategy.to_str().expect("text");
    let backtest = |more: &[&str]| calypte(["backtest", strategy, "--data", &data, "--json"].iter().chain(more));

    // 1: what was asked about failed.
    let text = folder.path().join("text.wasm");
    fs::write(&text, "this is no component").expect("it can be written");
    let refused = calypte(["inspect", text.to_str().expect("text"), "--json"]).exits_with(1).json();
    assert_eq!(refused["verdict"], "refused");
    error_of(calypte(["backtest", text.to_str().expect("text"), "--data", &data, "--json"]), 1);
    assert_eq!(backtest(&["--fuel", "20000"]).exits_with(1).json()["status"], "out-of-fuel");
    assert_eq!(backtest(&["--fuel-per-event", "100"]).exits_with(1).json()["status"], "faulted");

    // 2: the command line does not make sense.
    assert_says(&error_of(backtest(&["--param", "fsat=5"]), 2), &["fsat", "fast"]);
    assert_says(&error_of(backtest(&["--param", "fast=quick"]), 2), &["fast", "quick"]);
    assert_says(&error_of(backtest(&["--param", "size=99999999999999999999"]), 2), &["size", "digits"]);
    assert_says(&error_of(backtest(&["--cash", "much"]), 2), &["--cash", "much"]);
    assert_says(&error_of(backtest(&["--from", "yesterday"]), 2), &["--from", "yesterday"]);
    assert_says(&error_of(backtest(&["--instrument", "size_decimals=99"]), 2), &["size_decimals"]);
    assert_says(&error_of(calypte(["backtest", strategy, "--json"]), 2), &["--data"]);
    let sweep = ["sweep", strategy, "--data", &data, "--json", "--param"];
    assert_says(&error_of(calypte(sweep.iter().chain(&["fast=9..1"])), 2), &["fast"]);
    error_of(calypte(sweep.iter().chain(&["fast=1..2", "--resume"])), 2);
    // What only the manifest knows ends a sweep as it ends a backtest, whether it stands in an axis or beside one.
    assert_says(&error_of(calypte(sweep.iter().chain(&["fast=0..4:2"])), 2), &["fast", "from 1"]);
    assert_says(&error_of(calypte(sweep.iter().chain(&["bogus=1,2"])), 2), &["bogus", "fast"]);
    assert_says(&error_of(calypte(sweep.iter().chain(&["fast=5,8", "--param", "filter=abc"])), 2), &["filter", "abc"]);
    assert_says(&error_of(calypte(sweep.iter().chain(&["fast=5,8", "--param", "filter=0.1,abc"])), 2), &["filter", "abc"]);

    // 3: an input file.
    assert_says(&error_of(calypte(["backtest", strategy, "--data", "BTC:1m=nowhere.csv", "--json"]), 3), &["nowhere.csv"]);
    assert_says(&error_of(calypte(["backtest", "nowhere.wasm", "--data", &data, "--json"]), 3), &["nowhere.wasm"]);
    assert_says(&error_of(calypte(["inspect", "nowhere.wasm", "--json"]), 3), &["nowhere.wasm"]);
    assert_says(&error_of(backtest(&["--risk", "nowhere.toml"]), 3), &["--risk", "nowhere.toml"]);
    assert_says(&error_of(backtest(&["--instrument", "nowhere.toml"]), 3), &["--instrument", "nowhere.toml"]);
    calypte(["backtest", strategy, "--data", &data, "--risk", "nowhere.toml"]).exits_with(3);
    let rules = folder.path().join("rules.toml");
    fs::write(&rules, "[BTC]\nlot = 3\n").expect("it can be written");
    let words = error_of(backtest(&["--instrument", rules.to_str().expect("text")]), 3);
    assert_says(&words, &["rules.toml", "[BTC]", "lot", "size_decimals"]);
    let config = folder.path().join("calypte.toml");
    fs::write(&config, "[bus]\nurl = 3\n").expect("it can be written");
    let checked = calypte(["config", "check", config.to_str().expect("text"), "--json"]).exits_with(3).json();
    assert_eq!((&checked["usable"], &checked["faults"].as_array().map(Vec::len)), (&false.into(), &Some(3)), "{checked}");
    let of_url =
        checked["faults"].as_array().expect("a list").iter().find(|fault| fault["key"] == "bus.url").expect("it is told");
    assert_eq!((&of_url["line"], &of_url["column"]), (&2.into(), &7.into()), "{of_url}");
    assert_says(&error_of(calypte(["config", "check", "nowhere.toml", "--json"]), 3), &["nowhere.toml"]);
    let broken = folder.path().join("broken.csv");
    fs::write(&broken, "open_time_ms,open,high,low,close,volume\n1,x,2,3\n").expect("it can be written");
    let words = error_of(calypte(["backtest", strategy, "--data", &format!("BTC:7m={}", broken.display()), "--json"]), 3);
    assert_says(&words, &["BTC:7m", "broken.csv", "line 2"]);

    // 4: the machine.
    let occupied = candles.join("below-a-file");
    let occupied = occupied.to_str().expect("text");
    assert_says(&error_of(backtest(&["--out", occupied]), 4), &["--out", "below-a-file"]);
    assert_says(&error_of(calypte(["data", "synth", "--out", "/no/such/folder/x.csv", "--json"]), 4), &["/no/such/folder"]);
}

#[test]
fn a_crate_that_is_no_strategy_is_told_what_it_lacks() {
    let folder = temp_dir();
    let path = folder.path();
    let build = || calypte_in(path, ["build", "--json"]);
    assert_says(&error_of(build(), 3), &["calypte new"]);
    fs::create_dir(path.join("src")).expect("a folder");
    let manifest = "[package]\nname = \"other\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n[workspace]\n";
    fs::write(path.join("Cargo.toml"), manifest).expect("it can be written");
    fs::write(path.join("src/lib.rs"), "compile_error!(\"not yet\");\n").expect("it can be written");
    assert_says(&error_of(build(), 1), &["other", "crate-type"]);
    fs::write(path.join("Cargo.toml"), format!("{manifest}\n[lib]\ncrate-type = [\"cdylib\"]\n")).expect("it can be written");
    let run = build();
    assert_says(&run.stderr, &["not yet"]);
    assert_says(&error_of(run, 1), &["other does not compile"]);
}

/// `rustc` without the target until `rustup target add` has been called.
const RUSTC: &str = r#"#!/bin/sh
case "$*" in *target-libdir*) [ -e "$STAMP" ] || { echo /no/such/folder; exit 0; } ;; esac
exec "$REAL_RUSTC" "$@"
"#;
const RUSTUP: &str = "#!/bin/sh\necho \"$*\" >> \"$STAMP.called\"\n[ -n \"$NO_NETWORK\" ] && exit 1\ntouch \"$STAMP\"\n";

#[test]
fn a_missing_wasm_target_is_added_and_said() {
    component("ema-atr");
    let folder = temp_dir();
    for (name, script) in [("rustc", RUSTC), ("rustup", RUSTUP)] {
        let file = folder.path().join(name);
        fs::write(&file, script).expect("it can be written");
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).expect("a file made here can be changed");
    }
    let path = std::env::var("PATH").expect("there is a search path");
    let rustc = Path::new(env!("CARGO")).with_file_name("rustc");
    let stamp = folder.path().join("added");
    let build = |network: &str| {
        let mut build = Command::new(calypte_path());
        build.args(["build", "guest-strategies/ema-atr", "--json"]).current_dir(repository());
        build.env("PATH", format!("{}:{path}", folder.path().display())).env("REAL_RUSTC", &rustc).env("STAMP", &stamp);
        run(build.env("NO_NETWORK", network))
    };
    let words = error_of(build("none"), 4);
    assert_says(&words, &["wasm32-unknown-unknown", "rustup target add", "network"]);
    let built = build("").ok();
    assert_says(&built.stderr, &["wasm32-unknown-unknown is not installed", "rustup target add"]);
    assert!(built.json()["component"].is_string());
    let called = fs::read_to_string(folder.path().join("added.called")).expect("rustup was called");
    assert_eq!(called, "target add wasm32-unknown-unknown\n".repeat(2));
    assert!(!build("").ok().stderr.contains("not installed"), "once is enough");
}

#[test]
fn the_demonstration_ends_with_a_result() {
    let folder = temp_dir();
    let out = folder.path().join("demo");
    let answer = calypte(["demo", "--json", "--out", out.to_str().expect("text")]).ok().json();
    assert_eq!(answer["components"].as_array().map(Vec::len), Some(4));
    assert_eq!(answer["report"]["status"], "completed");
    assert!(answer["report"]["fills"].as_u64() > Some(0));
    assert!(out.join("report.html").is_file());
    let live = &answer["live"];
    assert_eq!((&live["strategies"][0]["state"], &live["rejected"]), (&"stopped".into(), &0.into()), "{live}");
    assert!(live["orders"].as_u64() > Some(0) && live["fills"].as_u64() > Some(0), "{live}");
}

//! The demonstration: what it does is told line by line, or, on a terminal, shown in a table that is drawn in place.

use std::process::Command;
use tests::{Run, calypte, calypte_path, is_installed, run, skip, temp_dir};

/// What a terminal is told to draw over the lines above.
const UP: &str = "\u{1b}[";
/// Heads of the table.
const HEAD: &str = "strategy  state        position             entry  unrealised  orders  fills";
/// The strategies that trade, in the table's order.
const STRATEGIES: [&str; 4] = ["ema-atr", "donchian", "grid", "dca"];

/// Holds what both kinds say at the end.
fn sums_up(ended: &Run) {
    for words in ["Then live, on a local exchange:", "hooks", "equity", "event to intent", "sent to ack"] {
        assert!(ended.stdout.contains(words), "{words:?} is not in {ended}");
    }
    for strategy in STRATEGIES {
        assert!(ended.stdout.contains(&format!("{strategy}: stopped")), "{ended}");
    }
    let (_, live) = ended.stdout.split_once("Then live").expect("it was looked for");
    let count = |label: &str| -> u64 {
        let line = live.lines().find(|line| line.starts_with(label)).unwrap_or_else(|| panic!("no {label} in {ended}"));
        line.split_whitespace().nth(1).and_then(|number| number.parse().ok()).unwrap_or_else(|| panic!("{line} in {ended}"))
    };
    // The grid's own levels are nearer to each other than what the market wanders in a minute.
    assert!(count("orders") > 0 && count("fills") > 0, "{ended}");
    assert!(live.contains("open orders     0"), "{ended}");
}

#[test]
fn without_a_terminal_what_happens_is_told_line_by_line() {
    let folder = temp_dir();
    let ended = calypte(["demo", "--out", folder.path().join("demo").to_str().expect("text")]).ok();
    sums_up(&ended);
    assert!(!ended.stderr.contains(HEAD) && !ended.stderr.contains(UP), "{ended}");
    for words in ["demo: ", "  order     BTC", "  fill      BTC", "strategy  ema-atr: running"] {
        assert!(ended.stderr.contains(words), "{words:?} is not in {ended}");
    }
}

#[test]
fn on_a_terminal_a_table_is_drawn_in_place() {
    if !is_installed("script") {
        return skip("there is no `script` to make a terminal: install util-linux");
    }
    let folder = temp_dir();
    let demo =
        format!("stty cols 100 rows 50 && {} demo --out {}", calypte_path().display(), folder.path().join("demo").display());
    let mut script = Command::new("script");
    script.args(["--quiet", "--return", "--command", &demo, "/dev/null"]).current_dir(tests::repository());
    let ended = run(script.env("TERM", "xterm-256color")).ok();
    // A terminal has one stream for both.
    sums_up(&ended);
    let drawn = ended.stdout.matches(HEAD).count();
    assert!(drawn > 10, "it is drawn again and again, not {drawn} times: {ended}");
    assert!(ended.stdout.contains(UP), "{ended}");
    let after = ended.stdout.rsplit(HEAD).next().expect("there is a last one");
    for strategy in STRATEGIES {
        assert!(after.contains(strategy), "{ended}");
    }
    assert!(!ended.stdout.contains("  order     BTC"), "lines do not break the table: {ended}");
}

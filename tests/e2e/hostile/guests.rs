//! Guests that are components of the contract and do what they should not.

use super::{CANDLES, assert_fault, attack, fault_of, run_of, the_next_is_honest, told};
use crate::in_process::{Record, request, run, settings};
use calypte::request::RunSettings;
use calypte::run::{LOG_LINES_KEPT, NOTIFICATIONS_MAX, Way};
use calypte_host::InstanceLimits;
use calypte_kernel::FaultKind;
use calypte_sim::RunStatus;
use std::collections::BTreeSet;
use tests::{calypte, hostile, temp_dir};

/// The body of `on-candle`, as the SDK writes it.
const HOOK: &str = "calypte_strategy::component::hook";
/// `init` as the component exports it.
const INIT: &str = "calypte:strategy/lifecycle@0.1.0#init";

/// The strategy's own `on_candle`, by its type.
fn on_candle(of: &str) -> String {
    format!("<{of} as calypte_strategy::strategy::Strategy>::on_candle")
}

const OUT_OF_FUEL: &str = "the event used all of its 50000000 fuel";
const TOO_MUCH_COPIED: &str = "the guest hands over more than the 1048576 bytes that one call may copy (lift_bytes_max)";

#[test]
fn an_endless_loop_uses_up_its_fuel() {
    assert_fault("endless-loop", &[], FaultKind::EventFuel, HOOK, OUT_OF_FUEL);
}

#[test]
fn an_endless_yield_uses_up_its_fuel() {
    assert_fault("endless-yield", &[], FaultKind::EventFuel, "alloc::task::raw_waker::wake_by_ref", OUT_OF_FUEL);
}

#[test]
fn recursion_ends_with_the_stack() {
    let words = "the stack overflowed: the guest recurses too deeply";
    assert_fault("recursion", &[], FaultKind::StackOverflow, "recursion::deeper", words);
}

#[test]
fn a_memory_bomb_ends_at_the_limit() {
    let fault = fault_of("memory-bomb", &[]);
    let (limit, reached) = fault.detail.split_once(" reached at ").unwrap_or_else(|| panic!("{fault}"));
    assert_eq!((fault.kind, limit, fault.event.get()), (FaultKind::Memory, "memory limit of 67108864 bytes", 2), "{fault}");
    // The allocator asks for ever larger pieces, so the one that is refused leaves some room.
    let reached = reached.parse::<u64>().expect("a number of bytes");
    assert!(reached > 60 << 20 && reached <= 64 << 20, "{fault}");
    assert!(fault.function.contains("std::alloc::rust_oom"), "{fault}");
}

#[test]
fn a_handle_bomb_ends_at_the_limit() {
    let words = "cannot allocate another handle: store handle limit exceeded; the limit is 1000 (handles_max)";
    assert_fault("handle-bomb", &[], FaultKind::Contract, HOOK, words);
}

#[test]
fn waiting_for_nothing_is_a_deadlock() {
    let words = "the guest waits for something that cannot come: hooks get one event and must return";
    assert_fault("never-returns", &[], FaultKind::Deadlock, "on-candle", words);
}

#[test]
fn a_task_left_running_ends_the_instance() {
    let words = "the hook returned and left a task running; use a timer for what comes later";
    assert_fault("leaves-task", &[], FaultKind::TaskLeft, "on-candle", words);
}

#[test]
fn a_huge_list_of_intents_is_not_copied() {
    assert_fault("intent-flood", &["intents=20000"], FaultKind::Contract, "on-candle", TOO_MUCH_COPIED);
    // A longer one costs more to write down than an event may.
    let exported = "calypte:strategy/market-events@0.1.0#on-candle";
    assert_fault("intent-flood", &[], FaultKind::EventFuel, exported, OUT_OF_FUEL);
}

#[test]
fn a_list_of_too_many_intents_breaks_the_contract() {
    assert_fault(
        "intent-flood",
        &["intents=257"],
        FaultKind::Contract,
        "on-candle",
        "257 intents in one answer; the limit is 256",
    );
    assert_eq!(attack("intent-flood", &["intents=256"]).outcome.status, RunStatus::Completed);
}

#[test]
fn text_that_is_not_utf8_breaks_the_contract() {
    assert_fault("invalid-utf8", &[], FaultKind::Contract, HOOK, "incomplete utf-8 byte sequence from index 18");
}

#[test]
fn a_state_bomb_is_refused_and_then_out_of_fuel() {
    assert_fault("state-bomb", &[], FaultKind::EventFuel, &on_candle("state_bomb::StateBomb"), OUT_OF_FUEL);
    let report = attack("state-bomb", &["keys=1200"]);
    assert_eq!(report.outcome.status, RunStatus::Completed);
    // Ten keys of one digit, ninety of two and 861 of three, each with 1,024 bytes and 64 for the entry, fit in a mebibyte.
    let refused =
        "refused from key 961 on: StateError { code: 2, name: \"full\", message: \"The store would exceed its limit.\" }";
    assert_eq!(report.journal.log_head[0].line.text, refused);
}

#[test]
fn limits_of_the_sandbox_are_set_by_name() {
    let limits = ["state-bytes=100_000", "log-lines-per-event=0"].map(|text| text.parse().expect(text)).into_iter().collect();
    let report = run_of(&hostile("state-bomb"), &["keys=1200"], RunSettings { limits, ..settings() });
    assert_eq!(report.outcome.status, RunStatus::Completed);
    assert!(report.journal.log_head.is_empty(), "no line of a log is taken: {:?}", report.journal.log_head);
    let limits = ["memory-bytes=2_097_152"].map(|text| text.parse().expect(text)).into_iter().collect();
    let report = run_of(&hostile("memory-bomb"), &[], RunSettings { limits, ..settings() });
    let RunStatus::Faulted(fault) = report.outcome.status else { panic!("{:?}", report.outcome.status) };
    assert_eq!(fault.kind, FaultKind::Memory, "{fault}");
    assert!(fault.detail.contains("2097152"), "{fault}");
    let limits = ["state-key-bytes=1"].map(|text| text.parse().expect(text)).into_iter().collect();
    let report = run_of(&hostile("state-bomb"), &["keys=12"], RunSettings { limits, ..settings() });
    let line = &report.journal.log_head.first().expect("it says so").line.text;
    assert!(line.starts_with("refused from key 10 on"), "the first of two digits: {line}");
}

#[test]
fn a_chart_bomb_is_out_of_fuel() {
    assert_fault("chart-bomb", &[], FaultKind::EventFuel, &on_candle("chart_bomb::Attack"), OUT_OF_FUEL);
}

#[test]
fn an_init_that_never_ends_is_out_of_fuel() {
    let fault = fault_of("init-loop", &[]);
    assert_eq!(told(&fault), (FaultKind::EventFuel, INIT, 1, "the event used all of its 500000000 fuel"), "{fault}");
}

#[test]
fn an_init_that_refuses_is_no_fault() {
    let report = attack("init-refuses", &[]);
    assert_eq!(report.outcome.status, RunStatus::Refused("not in the mood".to_owned()));
}

#[test]
fn a_guest_that_goes_on_after_none_breaks_the_contract() {
    let last = CANDLES.cast_unsigned() + 1;
    for (act, function) in [
        ("state", HOOK),
        ("delete", HOOK),
        ("log", HOOK),
        ("status", HOOK),
        ("table", "calypte_strategy::status::Table::show"),
        ("point", "calypte_strategy::chart::Series::separate"),
        ("mark", HOOK),
    ] {
        let fault = fault_of("intents-after-none", &[&format!("act={act}")]);
        let words = "the event had ended: after events.next returned none, a hook may only return an empty list; the instance is \
                     gone since";
        assert_eq!(told(&fault), (FaultKind::Contract, function, last, words), "{act}: {fault}");
    }
    let fault = fault_of("intents-after-none", &["act=intents"]);
    let words = "intents were returned after events.next had returned none: the event they would belong to had ended; the \
                 instance is gone since";
    assert_eq!(told(&fault), (FaultKind::Contract, "on-candle", last, words), "{fault}");
    assert_eq!(attack("intents-after-none", &["act=nothing"]).outcome.status, RunStatus::Completed);
}

#[test]
fn a_huge_string_is_refused_wherever_it_is_handed_over() {
    for place in ["log", "status", "state-key", "state-value", "series", "mark"] {
        let place = format!("place={place}");
        assert_fault("huge-string", &[&place], FaultKind::Contract, &on_candle("huge_string::HugeString"), TOO_MUCH_COPIED);
    }
    assert_fault("huge-string", &["place=notify"], FaultKind::Contract, "on-candle", TOO_MUCH_COPIED);
    let fault = fault_of("huge-string", &["place=refusal"]);
    assert_eq!(told(&fault), (FaultKind::Contract, "init", 1, TOO_MUCH_COPIED), "{fault}");
    // Hooks that a backtest does not call.
    for place in ["save", "params"] {
        let report = attack("huge-string", &[&format!("place={place}")]);
        assert_eq!(report.outcome.status, RunStatus::Completed, "{place}");
    }
}

#[test]
fn a_log_flood_is_out_of_fuel_and_a_small_one_bounded_and_counted() {
    assert_fault("log-flood", &[], FaultKind::EventFuel, &on_candle("log_flood::LogFlood"), OUT_OF_FUEL);
    let report = attack("log-flood", &["lines=1000"]);
    assert_eq!(report.outcome.status, RunStatus::Completed);
    let limits = InstanceLimits::default();
    let (kept, candles) = (limits.log_lines_per_event_max as u64, CANDLES.cast_unsigned());
    let journal = &report.journal;
    assert_eq!(journal.log_dropped, candles * (1_000 - kept));
    assert_eq!((journal.log_head.len(), journal.log_tail.len()), (LOG_LINES_KEPT, LOG_LINES_KEPT));
    assert_eq!(journal.log_left_out, candles * kept - 2 * LOG_LINES_KEPT as u64);
    assert_eq!(journal.log_head[0].line.text.len(), limits.log_line_bytes_max);
}

#[test]
fn control_sequences_reach_neither_report_nor_terminal() {
    let report = attack("ansi-log", &[]);
    assert_eq!(report.outcome.status, RunStatus::Completed);
    assert_eq!(report.journal.log_head.len(), LOG_LINES_KEPT);
    assert_eq!(report.journal.notifications.len(), NOTIFICATIONS_MAX);
    assert_eq!(report.journal.notifications_left_out, 8 * CANDLES.cast_unsigned() - NOTIFICATIONS_MAX as u64);

    let folder = temp_dir();
    let (candles, out) = (super::candles(&folder), folder.path().join("out"));
    let run = |json: &[&str]| {
        let data = format!("BTC:1m={}", candles.display());
        let file = hostile("ansi-log").display().to_string();
        let out = out.display().to_string();
        calypte(["backtest", &file, "--data", &data, "--out", &out].into_iter().chain(json.iter().copied())).ok()
    };
    for run in [run(&[]), run(&["--json"])] {
        assert!(!run.stdout.chars().chain(run.stderr.chars()).any(takes_over), "{run}");
    }
    for file in ["report.json", "report.html", "fills.csv", "equity.csv"] {
        let text = std::fs::read_to_string(out.join(file)).expect("the run wrote it");
        // The page carries a library that may hold what it likes inside its own script.
        let ours = if file.ends_with("html") { text.rsplit("</script>").next().unwrap_or_default().to_owned() } else { text };
        let found = ours.chars().filter(|c| takes_over(*c)).collect::<BTreeSet<_>>();
        assert!(found.is_empty(), "{file}: {found:?}");
    }
    let report = std::fs::read_to_string(out.join("report.json")).expect("the run wrote it");
    assert!(!report.lines().any(|line| line.contains("forged") && !line.contains("honest")), "a line was forged");
}

/// What a terminal would obey, or what would make a reader read something else.
fn takes_over(c: char) -> bool {
    let reverses =
        matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{2028}' | '\u{2029}');
    reverses || (c.is_control() && c != '\n')
}

#[test]
fn absurd_numbers_are_each_denied_with_a_code() {
    for (case, codes) in ABSURD {
        let folder = temp_dir();
        let candles = super::candles(&folder);
        let request = request(&[hostile("absurd-numbers")], &[&format!("case={case}")], &candles, settings());
        let record = Record::default();
        let report = run(request, Box::new(record.clone()), Way::Next).expect("the run begins");
        let outcome = &report.outcome;
        assert_eq!(outcome.status, RunStatus::Completed, "{case}");
        assert_eq!(outcome.counts.candles, CANDLES.cast_unsigned(), "{case}");
        let found = record.denied_on_the_first_event();
        assert_eq!(found.join(" "), codes.join(" "), "{case}");
        the_next_is_honest();
    }
    assert_eq!(attack("absurd-numbers", &["case=all"]).outcome.status, RunStatus::Completed);
}

/// What the identifiers are denied with that nobody gave out, whatever the number.
const IDENTIFIERS: &str = "unknown-instrument unknown-instrument unknown-order unknown-order unknown-instrument unknown-order \
                           leverage-out-of-range bad-timer";
const NOT_POSITIVE: &str = "size-not-positive size-not-positive price-not-positive size-not-positive price-not-positive \
                            price-not-positive price-not-positive";
const OFF_GRID: &str = "size-off-grid size-off-grid price-off-grid size-off-grid price-off-grid price-off-grid price-off-grid \
                        size-off-grid";
const OUT_OF_RANGE: &str = "number-out-of-range number-out-of-range number-out-of-range number-out-of-range \
                            number-out-of-range number-out-of-range number-out-of-range number-out-of-range";

/// Each number, and what its intents are denied with on the first candle, in their order. A target of zero is no order.
const ABSURD: [(&str, &[&str]); 10] = [
    ("largest", &["reduce-only-increases bad-tag bad-tag reduce-only-increases bad-terms", IDENTIFIERS]),
    ("smallest", &[NOT_POSITIVE, "number-out-of-range", IDENTIFIERS]),
    ("largest-fraction", &[OFF_GRID, IDENTIFIERS]),
    ("smallest-fraction", &[NOT_POSITIVE, "size-off-grid", IDENTIFIERS]),
    ("scale-29", &[OUT_OF_RANGE, IDENTIFIERS]),
    ("scale-255", &[OUT_OF_RANGE, IDENTIFIERS]),
    ("largest-scale-255", &[OUT_OF_RANGE, IDENTIFIERS]),
    ("zero", &[NOT_POSITIVE, IDENTIFIERS]),
    ("zero-scale-255", &[OUT_OF_RANGE, IDENTIFIERS]),
    ("negative", &[NOT_POSITIVE, IDENTIFIERS]),
];

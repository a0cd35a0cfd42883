//! What a guest gets of WASI, and what becomes of one that abuses it.

use super::*;
use calypte_kernel::{Effects, LogLevel};

mod rust;

/// Imports of WASI by their names in the guests here.
const IMPORTS: [(&str, &str, &str); 19] = [
    ("cli/stdin", "get-stdin", "$stdin (result i32)"),
    ("cli/stdout", "get-stdout", "$stdout (result i32)"),
    ("cli/stderr", "get-stderr", "$stderr (result i32)"),
    ("cli/environment", "get-environment", "$environment (param i32)"),
    ("cli/exit", "exit", "$exit (param i32)"),
    ("cli/exit", "exit-with-code", "$exit_with_code (param i32)"),
    ("clocks/monotonic-clock", "now", "$instant (result i64)"),
    ("clocks/monotonic-clock", "subscribe-duration", "$after (param i64) (result i32)"),
    ("clocks/wall-clock", "now", "$wall (param i32)"),
    ("io/poll", "poll", "$poll (param i32 i32 i32)"),
    ("io/poll", "[method]pollable.block", "$block (param i32)"),
    ("io/poll", "[resource-drop]pollable", "$drop (param i32)"),
    ("io/streams", "[method]input-stream.read", "$read (param i32 i64 i32)"),
    ("io/streams", "[method]output-stream.write", "$write (param i32 i32 i32 i32)"),
    ("io/streams", "[method]output-stream.write-zeroes", "$zeros (param i32 i64 i32)"),
    ("io/streams", "[method]output-stream.splice", "$splice (param i32 i32 i64 i32)"),
    ("random/random", "get-random-bytes", "$random (param i64 i32)"),
    ("random/random", "get-random-u64", "$random_number (result i64)"),
    ("random/insecure-seed", "insecure-seed", "$map_seed (param i32)"),
];

/// A guest that may import all of it.
fn guest(candle: &str) -> Guest {
    let interfaces = IMPORTS.iter().map(|(interface, ..)| *interface).collect::<std::collections::BTreeSet<_>>();
    let world = interfaces.iter().map(|interface| format!("import wasi:{interface}@0.2.12;"));
    let imports = IMPORTS.map(|(interface, function, signature)| {
        format!("(import \"wasi:{interface}@0.2.12\" \"{function}\" (func {signature}))")
    });
    Guest { world: world.collect(), imports: imports.concat(), candle: candle.to_owned(), ..Guest::default() }
}

async fn run(candle: &str) -> HookEnded {
    let mut instance = begun(&guest(&format!("{candle} call $nothing i32.const 0")), InstanceLimits::default()).await;
    call(&mut instance, super::candle(2, 100)).await
}

async fn effects(candle: &str) -> Effects {
    let ended = run(candle).await;
    *ended.effects.unwrap_or_else(|| panic!("{:?}", ended.answer))
}

/// Runs a body that leaves a number, with a seed; gives the number.
async fn number(body: &str, seed: u64) -> u64 {
    let keep = "(call $set (i32.const 1344) (i32.const 3) (i32.const 600) (i32.const 8) (i32.const 512))";
    let guest = guest(&format!("(i64.store (i32.const 600) {body}) {keep} call $nothing i32.const 0"));
    let settings = InstanceSettings { seed, ..InstanceSettings::new(StrategyId::new(3)) };
    let mut instance = strategy(&guest).await.instantiate(settings).await.expect("it starts");
    call(&mut instance, deliver(1, init())).await;
    let ended = call(&mut instance, candle(2, 100)).await;
    let effects = ended.effects.unwrap_or_else(|| panic!("{:?}", ended.answer));
    u64::from_le_bytes(effects.state[0].1.clone().expect("it was set").try_into().expect("eight bytes"))
}

fn written(stream: &str, text: &str) -> String {
    let bytes = text.bytes().zip(700..).map(|(byte, at)| format!("(i32.store8 (i32.const {at}) (i32.const {byte}))"));
    let bytes = bytes.collect::<String>();
    format!("{bytes} (call $write (call {stream}) (i32.const 700) (i32.const {}) (i32.const 512))", text.len())
}

fn repeated(count: u32, body: &str) -> String {
    format!(
        "(local $i i32) (local.set $i (i32.const {count}))
         (loop $more {body} (br_if $more (local.tee $i (i32.sub (local.get $i) (i32.const 1)))))"
    )
}

#[tokio::test]
async fn what_is_printed_goes_to_the_log_line_by_line() {
    let body = [
        written("$stdout", "one\ntw"),
        written("$stderr", "three\r\n"),
        written("$stdout", "o \u{1b}[2Jé\n\nleft"),
        written("$stdout", ""),
    ];
    let effects = effects(&body.concat()).await;
    let lines = effects.log.iter().map(|line| (line.level, line.text.as_str())).collect::<Vec<_>>();
    let expected =
        [(LogLevel::Info, "one"), (LogLevel::Warn, "three"), (LogLevel::Info, "two \\u{1b}[2Jé"), (LogLevel::Info, "")];
    assert_eq!(lines, expected, "what has no end yet waits for it");
}

#[tokio::test]
async fn printing_is_bounded_like_the_log() {
    let flood = repeated(900, &written("$stdout", "x\n"));
    let flooded = effects(&flood).await;
    assert_eq!((flooded.log.len(), flooded.log_dropped), (100, 800));
    let long = repeated(1_000, "(call $zeros (call $stdout) (i64.const 4096) (i32.const 512))") + &written("$stdout", "\n");
    // Each of them got a handle, which it may have a thousand of.
    let ended = run(&long).await;
    assert_eq!(fault_of(&ended).0, FaultKind::Contract);
    let long = repeated(900, "(call $zeros (call $stdout) (i64.const 4096) (i32.const 512))") + &written("$stdout", "\n");
    let cut = effects(&long).await;
    assert_eq!(cut.log.len(), 1);
    assert!(cut.log[0].text.len() <= InstanceLimits::default().log_line_bytes_max);
}

#[tokio::test]
async fn writes_and_reads_beyond_all_measure_fail_or_end() {
    let ended = run("(call $zeros (call $stdout) (i64.const -1) (i32.const 512))").await;
    assert!(fault_of(&ended).1.contains("written at once"), "{ended:?}");
    let ended = run("(call $write (call $stdout) (i32.const 0) (i32.const 4097) (i32.const 512))").await;
    assert_eq!(fault_of(&ended).0, FaultKind::Contract);
    let ended = run("(call $random (i64.const -1) (i32.const 0))").await;
    assert!(fault_of(&ended).1.contains("65536 at most"), "{ended:?}");
    // Standard input is at its end, however much is asked of it: an error, «closed».
    let closed = "(if (i32.ne (i32.load16_u (i32.const 512)) (i32.const 1)) (then unreachable))
        (if (i32.ne (i32.load8_u (i32.const 516)) (i32.const 1)) (then unreachable))";
    let read = format!("(call $read (call $stdin) (i64.const -1) (i32.const 512)) {closed}");
    assert!(matches!(run(&read).await.answer, Answer::Intents(_)));
    let splice = "(call $splice (call $stdout) (call $stdin) (i64.const -1) (i32.const 512))
        (if (i32.eqz (i32.load8_u (i32.const 512))) (then unreachable))";
    assert!(matches!(run(splice).await.answer, Answer::Intents(_)));
}

#[tokio::test]
async fn handles_are_bounded_and_dropping_frees_them() {
    let ended = run("(loop $more (drop (call $after (i64.const 0))) (br $more))").await;
    let (kind, detail) = fault_of(&ended);
    assert_eq!(kind, FaultKind::Contract, "{detail}");
    let ended = run(&repeated(5_000, "(call $drop (call $after (i64.const 0)))")).await;
    assert!(matches!(ended.answer, Answer::Intents(_)), "{ended:?}");
    let ended = run("(call $block (i32.const 77))").await;
    assert!(matches!(fault_of(&ended).0, FaultKind::Contract | FaultKind::Trap), "a handle that it does not have");
    let ended = run("(call $block (call $stdout))").await;
    assert!(matches!(fault_of(&ended).0, FaultKind::Contract | FaultKind::Trap), "a handle of another kind");
}

#[tokio::test]
async fn printing_for_ever_uses_the_events_fuel() {
    let ended = run("(local $s i32) (local.set $s (call $stdout))
        (loop $more (call $zeros (local.get $s) (i64.const 4096) (i32.const 512)) (br $more))")
    .await;
    assert_eq!(fault_of(&ended).0, FaultKind::EventFuel);
}

#[tokio::test]
async fn clocks_show_the_time_of_the_event() {
    assert_eq!(number("(call $instant)", 0).await, 60_000_000_000);
    let seconds = "(block (result i64) (call $wall (i32.const 0)) (i64.load (i32.const 0)))";
    assert_eq!(number(seconds, 0).await, 60);
}

#[tokio::test]
async fn waiting_for_time_to_pass_faults_and_what_is_ready_is_not_waited_for() {
    let ended = run("(call $block (call $after (i64.const 1)))").await;
    let (kind, detail) = fault_of(&ended);
    assert_eq!(kind, FaultKind::Deadlock);
    assert!(detail.contains("timer"), "{detail}");
    assert!(matches!(run("(call $block (call $after (i64.const 0)))").await.answer, Answer::Intents(_)));
    let poll = |second: u32| {
        format!(
            "(i32.store (i32.const 700) (call $after (i64.const -1)))
             (i32.store (i32.const 704) (call $after (i64.const {second})))
             (call $poll (i32.const 700) (i32.const 2) (i32.const 0))
             (if (i32.ne (i32.load (i32.const 4)) (i32.const 1)) (then unreachable))
             (if (i32.ne (i32.load (i32.load (i32.const 0))) (i32.const 1)) (then unreachable))"
        )
    };
    assert!(matches!(run(&poll(0)).await.answer, Answer::Intents(_)));
    assert_eq!(fault_of(&run(&poll(1)).await).0, FaultKind::Deadlock);
    assert_eq!(fault_of(&run("(call $poll (i32.const 0) (i32.const 0) (i32.const 0))").await).0, FaultKind::Contract);
}

#[tokio::test]
async fn randomness_follows_from_the_seed() {
    let bytes = "(block (result i64) (call $random (i64.const 8) (i32.const 0)) (i64.load (i32.load (i32.const 0))))";
    for body in ["(call $random_number)", bytes] {
        assert_eq!(number(body, 7).await, number(body, 7).await);
        assert_ne!(number(body, 7).await, number(body, 8).await);
    }
    let map_seed = "(block (result i64) (call $map_seed (i32.const 0)) (i64.load (i32.const 0)))";
    let twice = format!("(i64.sub {map_seed} {map_seed})");
    assert_eq!(number(&twice, 7).await, 0, "a hash map made later has the same seed");
    let two = "(i64.sub (call $random_number) (call $random_number))";
    assert_ne!(number(two, 7).await, 0);
}

#[tokio::test]
async fn a_guest_that_exits_faults_in_words() {
    for (exit, how) in [
        ("(call $exit (i32.const 0))", "exit: success"),
        ("(call $exit (i32.const 1))", "exit: failure"),
        ("(call $exit_with_code (i32.const 3))", "exit code 3"),
    ] {
        let ended = run(exit).await;
        let (kind, detail) = fault_of(&ended);
        assert_eq!(kind, FaultKind::Trap);
        assert!(detail.contains(how), "{detail}");
    }
}

#[tokio::test]
async fn the_words_of_a_panic_reach_the_fault() {
    let ended = run(&(written("$stderr", "panicked at 12:\nindex 7\n") + "unreachable")).await;
    let (kind, detail) = fault_of(&ended);
    assert_eq!(kind, FaultKind::Trap);
    assert!(detail.ends_with("it last wrote: panicked at 12: | index 7"), "{detail}");
    let flood = repeated(500, &written("$stderr", "noise \u{202e}é\n"));
    let ended = run(&(flood + "unreachable")).await;
    let detail = fault_of(&ended).1;
    assert!(detail.len() <= 500 && detail.contains("noise \\u{202e}é"), "{detail}");
}

#[tokio::test]
async fn printing_after_the_event_had_ended_breaks_the_contract() {
    let guest = guest(&format!("(call $next (i32.const 0)) {} call $nothing i32.const 0", written("$stdout", "late\n")));
    let mut instance = begun(&guest, InstanceLimits::default()).await;
    let ended = instance.call(candle(2, 100), Box::new(Listed::default())).await.1.expect("a fault");
    assert_eq!(fault_of(&ended).0, FaultKind::Contract);
}

#[tokio::test]
async fn a_language_may_ask_outside_a_hook_and_what_it_prints_there_goes_nowhere() {
    let describe = format!(
        "(call $environment (i32.const 0)) (call $map_seed (i32.const 0))
         (if (i64.ne (call $instant) (i64.const 0)) (then unreachable)) {} i32.const 1024",
        written("$stderr", "starting\n")
    );
    let guest = Guest { describe, ..guest("call $nothing i32.const 0") };
    let mut instance = begun(&guest, InstanceLimits::default()).await;
    let ended = call(&mut instance, candle(2, 100)).await;
    assert!(matches!(ended.answer, Answer::Intents(_)) && ended.effects.is_none(), "{ended:?}");
}

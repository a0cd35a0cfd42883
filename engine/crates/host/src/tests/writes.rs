//! What a guest can leave behind, and the limits of that.

use super::*;
use calypte_kernel::{Effects, LogLevel, Status};

async fn effects_with(body: &str, limits: InstanceLimits) -> Effects {
    let ended = candle_with(&format!("{body} call $nothing i32.const 0"), limits).await;
    match ended.effects {
        Some(effects) => *effects,
        None => panic!("no effects: {:?}", ended.answer),
    }
}

async fn effects_of(body: &str) -> Effects {
    effects_with(body, InstanceLimits::default()).await
}

fn repeated(count: u32, body: &str) -> String {
    format!(
        "(local $i i32) (local.set $i (i32.const {count}))
         (loop $more {body} (br_if $more (local.tee $i (i32.sub (local.get $i) (i32.const 1)))))"
    )
}

#[tokio::test]
async fn log_lines_are_escaped_cut_and_counted() {
    let effects = effects_of("(call $log (i32.const 2) (i32.const 1344) (i32.const 9))").await;
    assert_eq!(effects.log[0].level, LogLevel::Warn);
    assert_eq!(effects.log[0].text, "key\\u{1b}value");
    let effects = effects_of(&repeated(1_000, "(call $log (i32.const 0) (i32.const 1344) (i32.const 3))")).await;
    assert_eq!((effects.log.len(), effects.log_dropped), (100, 900));
    // 20,000 bytes of zeros: one line is cut, and 16 KiB of log take at most 16 of them.
    let effects = effects_of(&repeated(50, "(call $log (i32.const 0) (i32.const 20480) (i32.const 20000))")).await;
    assert!(effects.log.iter().all(|line| line.text.len() <= 1_024));
    assert!(effects.log.len() <= 16 && effects.log.len() + effects.log_dropped as usize == 50);
}

#[tokio::test]
async fn text_that_is_not_utf8_faults() {
    let ended = candle_of(
        "(i32.store8 (i32.const 0) (i32.const 255)) (call $log (i32.const 0) (i32.const 0) (i32.const 1)) call $nothing i32.const 0",
    )
    .await;
    assert_eq!(fault_of(&ended).0, FaultKind::Contract);
}

#[tokio::test]
async fn a_text_longer_than_a_call_may_carry_faults() {
    let ended = candle_of(
        "(drop (memory.grow (i32.const 100))) (call $log (i32.const 0) (i32.const 0) (i32.const 4000000)) call $nothing i32.const 0",
    )
    .await;
    assert_eq!(fault_of(&ended).0, FaultKind::Contract, "{ended:?}");
}

#[tokio::test]
async fn the_status_is_the_last_one_shown() {
    let effects = effects_of("(call $text (i32.const 1280) (i32.const 7)) (call $text (i32.const 1296) (i32.const 5))").await;
    assert_eq!(effects.status, Some(Status::Text("0.1.0".to_owned())));
    let long = effects_of("(call $text (i32.const 20480) (i32.const 40000))").await;
    let Some(Status::Text(text)) = long.status else { panic!("a text") };
    assert!(text.len() <= InstanceLimits::default().status_bytes_max);
}

#[tokio::test]
async fn rows_of_a_table_are_as_long_as_its_columns() {
    // columns at 8192: two names; rows at 8224: one row with one cell, one row with three.
    let store = |at: u32, value: u32| format!("(i32.store (i32.const {at}) (i32.const {value}))");
    let text = |at: u32| store(at, 1280) + &store(at + 4, 3);
    let mut body = text(8192) + &text(8200);
    body += &(store(8224, 8192) + &store(8228, 1));
    body += &(text(8256) + &text(8264) + &text(8272));
    body += &(store(8232, 8256) + &store(8236, 3));
    body += "(call $table (i32.const 1280) (i32.const 7) (i32.const 8192) (i32.const 2) (i32.const 8224) (i32.const 2))";
    let effects = effects_of(&body).await;
    let Some(Status::Table { title, columns, rows }) = effects.status else { panic!("a table") };
    assert_eq!((title.as_str(), columns.len()), ("fixture", 2));
    assert_eq!(rows, [["fix".to_owned(), String::new()], ["fix".to_owned(), "fix".to_owned()]]);
}

/// Keeps the answer (0 done, else 1 and the reason) as a chart point.
const NOTE: &str = "(call $chart_series (i32.const 1280) (i32.const 7) (i32.const 0) (i32.const 520))
    (call $point (i32.const 0) (f64.convert_i32_u (i32.add (i32.load8_u (i32.const 512))
      (select (i32.load8_u (i32.const 513)) (i32.const 0) (i32.load8_u (i32.const 512))))))";

#[tokio::test]
async fn state_is_bounded_and_refusals_are_answers() {
    let set = |key: u32, value: u32| {
        format!("(call $set (i32.const 20480) (i32.const {key}) (i32.const 20480) (i32.const {value}) (i32.const 512)) {NOTE}")
    };
    let limits = InstanceLimits { state_value_bytes_max: 100, state_bytes_max: 1_000, ..InstanceLimits::default() };
    let body = [set(3, 10), set(0, 10), set(257, 10), set(3, 101), set(3, 100)].concat();
    let effects = effects_with(&body, limits).await;
    let answers = effects.chart_points.iter().map(|point| point.1).collect::<Vec<_>>();
    assert_eq!(answers, [0.0, 1.0, 1.0, 2.0, 0.0], "done, bad key, bad key, value too long, done");
    assert_eq!(effects.state.len(), 2);
    let tiny = InstanceLimits { state_bytes_max: 100, ..InstanceLimits::default() };
    let effects = effects_with(&set(3, 50), tiny).await;
    assert_eq!(effects.chart_points[0].1.to_bits(), 3.0_f64.to_bits(), "full");
    assert!(effects.state.is_empty());
}

#[tokio::test]
async fn state_survives_the_event_and_its_writes_are_seen_at_once() {
    let guest = Guest {
        candle: "
            (call $set (i32.const 1344) (i32.const 3) (i32.const 1344) (i32.const 3) (i32.const 512))
            (call $get (i32.const 1344) (i32.const 3) (i32.const 0))
            (if (i32.eqz (i32.load8_u (i32.const 0))) (then unreachable))
            (call $keys (i32.const 1344) (i32.const 1) (i32.const 0))
            (if (i32.ne (i32.load (i32.const 4)) (i32.const 1)) (then unreachable))
            (call $keys (i32.const 1280) (i32.const 1) (i32.const 0))
            (if (i32.load (i32.const 4)) (then unreachable))
            call $nothing i32.const 0"
            .to_owned(),
        trade: "
            (if (i32.eqz (call $delete (i32.const 1344) (i32.const 3))) (then unreachable))
            (if (call $delete (i32.const 1344) (i32.const 3)) (then unreachable))
            (call $get (i32.const 1344) (i32.const 3) (i32.const 0))
            (if (i32.load8_u (i32.const 0)) (then unreachable))
            call $nothing_on_trade i32.const 0"
            .to_owned(),
        ..Guest::default()
    };
    let mut instance = begun(&guest, InstanceLimits::default()).await;
    let ended = call(&mut instance, candle(2, 100)).await;
    assert_eq!(ended.effects.expect("a write").state, [("key".to_owned(), Some(b"key".to_vec()))]);
    let trade = calypte_kernel::Trade {
        instrument: InstrumentId::new(4),
        time: Timestamp::from_millis(1),
        price: price(1),
        size: calypte_kernel::Size::new(Decimal::ONE).expect("positive"),
        taker: calypte_kernel::Side::Sell,
    };
    let ended = call(&mut instance, deliver(3, Hook::Event(Event::Trade(trade)))).await;
    assert_eq!(ended.effects.unwrap_or_else(|| panic!("{:?}", ended.answer)).state, [("key".to_owned(), None)]);
}

#[tokio::test]
async fn an_instance_begins_with_the_state_that_was_kept() {
    let guest = Guest {
        candle: "(call $get (i32.const 1344) (i32.const 3) (i32.const 0))
            (if (i32.eqz (i32.load8_u (i32.const 0))) (then unreachable)) call $nothing i32.const 0"
            .to_owned(),
        ..Guest::default()
    };
    let settings =
        InstanceSettings { state: [("key".to_owned(), b"kept".to_vec())].into(), ..InstanceSettings::new(StrategyId::new(3)) };
    let mut instance = strategy(&guest).await.instantiate(settings).await.expect("it starts");
    call(&mut instance, deliver(1, init())).await;
    assert!(matches!(call(&mut instance, candle(2, 100)).await.answer, Answer::Intents(_)));
}

#[tokio::test]
async fn chart_series_have_one_number_a_name_and_points_are_bounded() {
    let effects = effects_of(
        "(call $chart_series (i32.const 1280) (i32.const 7) (i32.const 0) (i32.const 0))
         (call $chart_series (i32.const 1280) (i32.const 7) (i32.const 1) (i32.const 0))
         (call $point (i32.const 0) (f64.const 1.5))
         (call $point (i32.const 0) (f64.const nan))
         (call $point (i32.const 0) (f64.const inf))
         (call $point (i32.const 7) (f64.const 1))
         (call $mark (i32.const 1280) (i32.const 7))",
    )
    .await;
    assert_eq!(effects.chart_series, [(0, "fixture".to_owned(), true)]);
    assert_eq!(effects.chart_points, [(0, 1.5)]);
    assert_eq!(effects.chart_marks, ["fixture"]);
    let flood = repeated(
        300,
        "(call $chart_series (i32.const 1280) (i32.const 7) (i32.const 0) (i32.const 0)) (call $point (i32.const 0) (f64.const 1))",
    );
    let effects = effects_of(&flood).await;
    assert_eq!((effects.chart_points.len(), effects.chart_dropped), (256, 44));
}

#[tokio::test]
async fn intents_cross_as_they_were_written() {
    // «cancel-all» for instrument 4, and «clear-timer» 5.
    let body = "
        (i32.store8 (i32.const 8192) (i32.const 3))
        (i32.store8 (i32.const 8200) (i32.const 1))
        (i32.store (i32.const 8204) (i32.const 4))
        (call $return_on-candle (i32.const 8192) (i32.const 1)) i32.const 0";
    let ended = candle_of(body).await;
    let Answer::Intents(intents) = ended.answer else { panic!("{ended:?}") };
    assert_eq!(intents, [calypte_kernel::Intent::CancelAll(Some(InstrumentId::new(4)))]);
}

//! Each way to fail, and what it is called.

use super::*;

const SPIN: &str = "(loop $for_ever (br $for_ever)) unreachable";

#[tokio::test]
async fn a_panic_is_a_trap_with_the_functions_named() {
    let ended = {
        let guest = Guest {
            module: "(func $inner unreachable)".to_owned(),
            candle: "call $inner call $nothing i32.const 0".to_owned(),
            ..Guest::default()
        };
        let mut instance = begun(&guest, InstanceLimits::default()).await;
        call(&mut instance, candle(2, 100)).await
    };
    assert_eq!(fault_of(&ended).0, FaultKind::Trap);
    let Answer::Fault(fault) = &ended.answer else { panic!("it is a fault") };
    assert!(fault.function.contains("inner"), "{}", fault.function);
}

#[tokio::test]
async fn an_endless_loop_uses_the_events_fuel() {
    let ended = candle_of(SPIN).await;
    assert_eq!(fault_of(&ended).0, FaultKind::EventFuel);
    let budget = InstanceLimits::default().fuel_per_event;
    assert!(ended.fuel >= budget && ended.fuel < budget + 100, "{}", ended.fuel);
}

#[tokio::test]
async fn a_run_has_fuel_of_its_own() {
    let limits = InstanceLimits { fuel_per_run: Some(2_000), ..InstanceLimits::default() };
    let guest = Guest { candle: fixture::PULL_ALL.to_owned(), ..Guest::default() };
    let mut instance = begun(&guest, limits).await;
    let feed = Listed::new((3..10_000).map(|number| candle(number, 100)));
    let (_, ended) = instance.call(candle(2, 100), Box::new(feed.clone())).await;
    let ended = ended.expect("a fault");
    assert_eq!(fault_of(&ended).0, FaultKind::RunFuel);
    assert_eq!(ended.number.get(), 2 + feed.ended().len() as u64, "the event at which it ran out");
    assert!(!feed.ended().is_empty());
}

#[tokio::test]
async fn the_wall_clock_ends_what_fuel_would_not() {
    let limits = InstanceLimits { fuel_per_event: u64::MAX / 4, wall_ms_per_event: 0, ..InstanceLimits::default() };
    let ended = candle_with(SPIN, limits).await;
    assert_eq!(fault_of(&ended).0, FaultKind::WallClock);
}

#[tokio::test]
async fn a_run_can_be_cancelled_from_outside() {
    let guest = Guest { candle: SPIN.to_owned(), ..Guest::default() };
    let limits = InstanceLimits { fuel_per_event: u64::MAX / 4, wall_ms_per_event: 600_000, ..InstanceLimits::default() };
    let settings = InstanceSettings { limits, ..InstanceSettings::new(StrategyId::new(3)) };
    let cancel = settings.cancel.clone();
    let mut instance = strategy(&guest).await.instantiate(settings).await.expect("it starts");
    call(&mut instance, deliver(1, init())).await;
    let other = async {
        tokio::task::yield_now().await;
        cancel.cancel();
    };
    let (ended, ()) = tokio::join!(call(&mut instance, candle(2, 100)), other);
    assert_eq!(fault_of(&ended).0, FaultKind::Cancelled);
}

/// Cancels the run when it is asked for the next event.
struct Cancelling(crate::Cancel);
impl Feed for Cancelling {
    fn next(&mut self, ended: HookEnded) -> Option<Deliver> {
        self.0.cancel();
        Some(candle(ended.number.get() + 1, 100))
    }
}

#[tokio::test]
async fn a_pulling_guest_is_cancelled_between_events() {
    let guest = Guest { candle: fixture::PULL_ALL.to_owned(), ..Guest::default() };
    let settings = InstanceSettings::new(StrategyId::new(3));
    let cancel = settings.cancel.clone();
    let mut instance = strategy(&guest).await.instantiate(settings).await.expect("it starts");
    call(&mut instance, deliver(1, init())).await;
    let (_, ended) = instance.call(candle(2, 100), Box::new(Cancelling(cancel))).await;
    assert_eq!(fault_of(&ended.expect("a fault")).0, FaultKind::Cancelled);
}

#[tokio::test]
async fn deep_recursion_overflows_the_stack() {
    let guest = Guest {
        module:
            "(func $deep (param i64) (result i64) (i64.add (local.get 0) (call $deep (i64.add (local.get 0) (i64.const 1)))))"
                .to_owned(),
        candle: "(drop (call $deep (i64.const 0))) call $nothing i32.const 0".to_owned(),
        ..Guest::default()
    };
    let mut instance = begun(&guest, InstanceLimits::default()).await;
    let ended = call(&mut instance, candle(2, 100)).await;
    assert_eq!(fault_of(&ended).0, FaultKind::StackOverflow);
}

#[tokio::test]
async fn memory_past_the_limit_is_refused_to_the_guest_and_named_when_it_gives_up() {
    let limits = InstanceLimits { memory_bytes_max: 1 << 20, ..InstanceLimits::default() };
    let bomb = "(loop $more (br_if $more (i32.ne (memory.grow (i32.const 1)) (i32.const -1)))) unreachable";
    let ended = candle_with(bomb, limits.clone()).await;
    let (kind, detail) = fault_of(&ended);
    assert_eq!(kind, FaultKind::Memory);
    assert!(detail.contains("1048576"), "{detail}");
    // One that copes goes on.
    let coping = "(loop $more (br_if $more (i32.ne (memory.grow (i32.const 1)) (i32.const -1)))) call $nothing i32.const 0";
    let ended = candle_with(coping, limits).await;
    assert!(matches!(ended.answer, Answer::Intents(_)), "{ended:?}");
    assert!(ended.fuel > 15 * 255, "growing costs fuel: {}", ended.fuel);
}

#[tokio::test]
async fn a_memory_that_begins_too_large_does_not_start() {
    let guest = Guest { memory: "(memory (export \"memory\") 100)".to_owned(), ..Guest::default() };
    let settings = InstanceSettings {
        limits: InstanceLimits { memory_bytes_max: 1 << 20, ..InstanceLimits::default() },
        ..InstanceSettings::new(StrategyId::new(3))
    };
    let fault = strategy(&guest).await.instantiate(settings).await.expect_err("too large");
    assert_eq!((fault.kind, fault.function.as_str()), (FaultKind::Memory, "start"));
}

#[tokio::test]
async fn waiting_for_what_cannot_come_is_a_deadlock() {
    // 2 is «wait», on a waitable set that is empty.
    let guest = Guest {
        imports: "(import \"$root\" \"[waitable-set-new]\" (func $set_new (result i32)))".to_owned(),
        candle: "(i32.or (i32.const 2) (i32.shl (call $set_new) (i32.const 4)))".to_owned(),
        ..Guest::default()
    };
    let mut instance = begun(&guest, InstanceLimits::default()).await;
    let ended = call(&mut instance, candle(2, 100)).await;
    assert_eq!(fault_of(&ended).0, FaultKind::Deadlock);
}

#[tokio::test]
async fn a_task_left_running_ends_the_instance() {
    // It returns its answer and then yields instead of ending.
    let guest =
        Guest { candle: "call $nothing i32.const 1".to_owned(), callback: "i32.const 1".to_owned(), ..Guest::default() };
    let mut instance = begun(&guest, InstanceLimits::default()).await;
    let ended = call(&mut instance, candle(2, 100)).await;
    assert_eq!(fault_of(&ended).0, FaultKind::TaskLeft);
    assert!(!instance.is_alive());
}

#[tokio::test]
async fn yielding_for_ever_uses_the_events_fuel() {
    let guest = Guest { candle: "i32.const 1".to_owned(), callback: "i32.const 1".to_owned(), ..Guest::default() };
    let limits = InstanceLimits { fuel_per_event: 100_000, ..InstanceLimits::default() };
    let mut instance = begun(&guest, limits).await;
    let ended = call(&mut instance, candle(2, 100)).await;
    assert_eq!(fault_of(&ended).0, FaultKind::EventFuel);
}

#[tokio::test]
async fn ending_without_an_answer_and_answering_twice_fail() {
    for body in ["i32.const 0", "call $nothing call $nothing i32.const 0", "i32.const 15"] {
        let ended = candle_of(body).await;
        let (kind, _) = fault_of(&ended);
        assert!(matches!(kind, FaultKind::Contract | FaultKind::Trap), "{body}: {ended:?}");
    }
}

#[tokio::test]
async fn answers_that_cannot_be_read_break_the_contract() {
    for (name, body) in [
        ("out of bounds", "(call $return_on-candle (i32.const 65528) (i32.const 100)) i32.const 0"),
        ("unaligned", "(call $return_on-candle (i32.const 8193) (i32.const 1)) i32.const 0"),
        ("too long", "(call $return_on-candle (i32.const 0) (i32.const 268435456)) i32.const 0"),
        (
            "no such case",
            "(i32.store8 (i32.const 8192) (i32.const 99)) (call $return_on-candle (i32.const 8192) (i32.const 1)) i32.const 0",
        ),
    ] {
        let ended = candle_of(body).await;
        assert_eq!(fault_of(&ended).0, FaultKind::Contract, "{name}: {ended:?}");
    }
}

#[tokio::test]
async fn more_intents_than_allowed_break_the_contract() {
    // Zeroed memory from 20480 reads as «place» orders; grown first, so that there is enough of it.
    let body = "(drop (memory.grow (i32.const 4))) (call $return_on-candle (i32.const 65536) (i32.const 300)) i32.const 0";
    let ended = candle_of(body).await;
    let (kind, detail) = fault_of(&ended);
    assert_eq!(kind, FaultKind::Contract);
    assert!(detail.contains("300 intents") && detail.contains("256"), "{detail}");
}

#[tokio::test]
async fn a_price_with_too_many_digits_is_refused_in_words() {
    let mut instance = begun(&Guest::default(), InstanceLimits::default()).await;
    let mut deliver = candle(2, 100);
    if let Hook::Event(Event::Candle(event)) = &mut deliver.hook {
        event.candle.close = Price::new(Decimal::MAX).expect("positive");
    }
    let ended = call(&mut instance, deliver).await;
    assert!(fault_of(&ended).1.contains("64 bits"), "{ended:?}");
}

#[tokio::test]
async fn describe_may_call_no_import() {
    let guest = Guest {
        describe: "(call $log (i32.const 1) (i32.const 1344) (i32.const 3)) i32.const 1024".to_owned(),
        ..Guest::default()
    };
    let sandbox = sandbox();
    let component = Component::from_binary(sandbox.engine(), &guest.component()).expect("it compiles");
    let error = Strategy::new(&sandbox, component, [0; 32]).await.expect_err("it called log");
    let crate::StrategyError::Failed(fault) = error else { panic!("{error}") };
    assert_eq!(fault.kind, FaultKind::Contract);
}

#[tokio::test]
async fn faults_of_one_instance_are_not_noticed_by_another() {
    let mut good = begun(&Guest::default(), InstanceLimits::default()).await;
    let ended = candle_of("unreachable").await;
    assert_eq!(fault_of(&ended).0, FaultKind::Trap);
    assert!(matches!(call(&mut good, candle(2, 100)).await.answer, Answer::Intents(_)));
}

#[tokio::test]
async fn dropping_a_call_half_way_ends_the_instance() {
    let limits = InstanceLimits { fuel_per_event: u64::MAX / 4, wall_ms_per_event: 600_000, ..InstanceLimits::default() };
    let guest = Guest { candle: SPIN.to_owned(), ..Guest::default() };
    for _ in 0..20 {
        let mut instance = begun(&guest, limits.clone()).await;
        {
            let mut call = std::pin::pin!(instance.call(candle(2, 100), Box::new(NoFeed::default())));
            let once = std::future::poll_fn(|context| std::task::Poll::Ready(call.as_mut().poll(context).is_pending())).await;
            assert!(once, "it spins for ever");
        }
        assert!(!instance.is_alive());
    }
}

//! Limits of an instance and of the sandbox it lives in, and what one instance leaves to the next.

use super::*;

/// A small sandbox of its own.
fn room_for(instances_max: u32) -> Sandbox {
    let settings = SandboxSettings { instances_max, memory_bytes_max: 1 << 20, ..SandboxSettings::default() };
    Sandbox::new(settings).expect("address space for a few instances")
}

async fn strategy_in(sandbox: &Sandbox, guest: &Guest) -> Strategy {
    let component = Component::from_binary(sandbox.engine(), &guest.component()).expect("it compiles");
    Strategy::new(sandbox, component, [7; 32]).await.expect("it is a strategy")
}

fn small() -> InstanceSettings {
    let limits = InstanceLimits { memory_bytes_max: 1 << 20, ..InstanceLimits::default() };
    InstanceSettings { limits, ..InstanceSettings::new(StrategyId::new(3)) }
}

async fn started_in(sandbox: &Sandbox, guest: &Guest) -> Instance {
    let mut instance = strategy_in(sandbox, guest).await.instantiate(small()).await.expect("it starts");
    call(&mut instance, deliver(1, init())).await;
    instance
}

#[tokio::test]
async fn an_instance_may_not_be_promised_more_memory_than_there_is_room_for() {
    let strategy = strategy_in(&room_for(1), &Guest::default()).await;
    let mut settings = small();
    settings.limits.memory_bytes_max += 1;
    let fault = strategy.instantiate(settings).await.expect_err("a byte too much");
    assert_eq!((fault.kind, fault.function.as_str()), (FaultKind::NoRoom, "start"));
    assert!(fault.detail.contains("1048577") && fault.detail.contains("1048576"), "{fault}");
    assert!(strategy.instantiate(small()).await.is_ok());
}

#[tokio::test]
async fn a_full_sandbox_says_so_and_has_room_again_when_an_instance_is_gone() {
    let sandbox = room_for(2);
    let strategy = strategy_in(&sandbox, &Guest::default()).await;
    let mut first = strategy.instantiate(small()).await.expect("there is room for one");
    let second = strategy.instantiate(small()).await.expect("and for another");
    let fault = strategy.instantiate(small()).await.expect_err("not for a third");
    assert_eq!(fault.kind, FaultKind::NoRoom);
    assert!(fault.detail.contains("limit of 2") && fault.detail.contains("instances_max"), "{fault}");
    call(&mut first, deliver(1, init())).await;
    assert!(matches!(call(&mut first, candle(2, 100)).await.answer, Answer::Intents(_)), "the others go on");
    drop(second);
    let third = strategy.instantiate(small()).await.expect("there is room again");
    // One that faults makes room as well, though its owner still holds it.
    let spinning = InstanceSettings { cancel: crate::Cancel::default(), ..small() };
    let cancel = spinning.cancel.clone();
    drop(third);
    let mut ended = strategy.instantiate(spinning).await.expect("there is room");
    cancel.cancel();
    assert_eq!(fault_of(&call(&mut ended, deliver(1, init())).await).0, FaultKind::Cancelled);
    assert!(strategy.instantiate(small()).await.is_ok());
}

#[tokio::test]
async fn the_memory_of_one_that_is_gone_is_not_seen_by_the_next() {
    let sandbox = room_for(1);
    // In the memory it began with, behind what is kept resident, and in what it grew.
    let places = [40_000, 400_000, 900_000];
    let each = |body: &dyn Fn(u32) -> String| places.map(body).concat();
    let grow = "(drop (memory.grow (i32.sub (i32.const 14) (memory.size))))";
    let look = each(&|at| format!("(if (i64.ne (i64.load (i32.const {at})) (i64.const 0)) (then unreachable))"));
    let write = each(&|at| format!("(i64.store (i32.const {at}) (i64.const 0x5ec7e75ec7e75ec7))"));
    for end in ["call $nothing i32.const 0", "unreachable"] {
        let secretive = Guest { candle: format!("{grow} {look} {write} {end}"), ..Guest::default() };
        let reader = Guest { candle: format!("{grow} {look} call $nothing i32.const 0"), ..Guest::default() };
        for guest in [&secretive, &secretive, &reader] {
            let mut instance = started_in(&sandbox, guest).await;
            let ended = call(&mut instance, candle(2, 100)).await;
            let fine = matches!(ended.answer, Answer::Intents(_));
            assert_eq!(fine, !guest.candle.ends_with("unreachable"), "{ended:?}");
        }
    }
    // And it does see what it wrote itself: the look is a real one.
    let twice = Guest { candle: format!("{grow} {look} {write} call $nothing i32.const 0"), ..Guest::default() };
    let mut instance = started_in(&sandbox, &twice).await;
    assert!(matches!(call(&mut instance, candle(2, 100)).await.answer, Answer::Intents(_)));
    assert_eq!(fault_of(&call(&mut instance, candle(3, 100)).await).0, FaultKind::Trap);
}

#[tokio::test]
async fn handles_are_bounded() {
    let guest = Guest {
        imports: "(import \"$root\" \"[waitable-set-new]\" (func $set_new (result i32)))".to_owned(),
        candle: "(loop $more (drop (call $set_new)) (br $more)) unreachable".to_owned(),
        ..Guest::default()
    };
    let limits = InstanceLimits { handles_max: 50, ..InstanceLimits::default() };
    let mut instance = begun(&guest, limits).await;
    let ended = call(&mut instance, candle(2, 100)).await;
    let (kind, detail) = fault_of(&ended);
    assert_eq!(kind, FaultKind::Contract);
    assert!(detail.contains("handle limit"), "{detail}");
    assert!(ended.fuel < 50_000, "it came to fifty of them: {}", ended.fuel);
}

#[tokio::test]
async fn tables_are_bounded() {
    let growing = |end: &str| Guest {
        module: "(table $handlers 1 funcref)".to_owned(),
        candle: format!(
            "(loop $more (br_if $more (i32.ne (table.grow $handlers (ref.null func) (i32.const 10)) (i32.const -1))))
             (if (i32.gt_u (table.size $handlers) (i32.const 500)) (then (call $nothing) (return (i32.const 0))))
             {end}"
        ),
        ..Guest::default()
    };
    let limits = InstanceLimits { table_elements_max: 500, ..InstanceLimits::default() };
    let mut instance = begun(&growing("unreachable"), limits.clone()).await;
    assert_eq!(fault_of(&call(&mut instance, candle(2, 100)).await).0, FaultKind::Memory);
    let mut coping = begun(&growing("call $nothing i32.const 0"), limits.clone()).await;
    assert!(matches!(call(&mut coping, candle(2, 100)).await.answer, Answer::Intents(_)));
    let large = Guest { module: "(table $handlers 501 funcref)".to_owned(), ..Guest::default() };
    let settings = InstanceSettings { limits, ..InstanceSettings::new(StrategyId::new(3)) };
    let fault = strategy(&large).await.instantiate(settings).await.expect_err("it begins too large");
    assert_eq!(fault.kind, FaultKind::Memory);
}

#[tokio::test]
async fn portable_code_makes_the_same_nan_everywhere() {
    // Zero through zero, of numbers that no compiler knows; the processor of a PC gives it the sign bit.
    let guest = Guest {
        candle: "
            (i64.store (i32.const 600) (i64.reinterpret_f64
              (f64.div (f64.load (i32.const 50000)) (f64.load (i32.const 50008)))))
            (call $set (i32.const 1344) (i32.const 3) (i32.const 600) (i32.const 8) (i32.const 512))
            call $nothing i32.const 0"
            .to_owned(),
        ..Guest::default()
    };
    let settings =
        SandboxSettings { instances_max: 1, memory_bytes_max: 1 << 20, portable: true, ..SandboxSettings::default() };
    let sandbox = Sandbox::new(settings).expect("address space for one instance");
    let ended = call(&mut started_in(&sandbox, &guest).await, candle(2, 100)).await;
    let effects = ended.effects.unwrap_or_else(|| panic!("{:?}", ended.answer));
    let canonical = 0x7ff8_0000_0000_0000_u64.to_le_bytes().to_vec();
    assert_eq!(effects.state, [("key".to_owned(), Some(canonical))]);
}

#[tokio::test]
async fn the_wall_clock_ends_one_event_of_a_long_chain() {
    // The fiftieth event that is pulled spins.
    let guest = Guest {
        module: "(global $pulled (mut i32) (i32.const 0))".to_owned(),
        candle: "
            (loop $more
              (call $next (i32.const 0))
              (global.set $pulled (i32.add (global.get $pulled) (i32.const 1)))
              (if (i32.eq (global.get $pulled) (i32.const 50)) (then (loop $spin (br $spin))))
              (br_if $more (i32.load8_u (i32.const 0))))
            call $nothing i32.const 0"
            .to_owned(),
        ..Guest::default()
    };
    // Long enough that none of the short events takes it, however busy the machine is.
    let limits = InstanceLimits { fuel_per_event: u64::MAX / 4, wall_ms_per_event: 1_000, ..InstanceLimits::default() };
    let mut instance = begun(&guest, limits).await;
    let feed = Listed::new((3..1_000).map(|number| candle(number, 100)));
    let (_, ended) = instance.call(candle(2, 100), Box::new(feed.clone())).await;
    let ended = ended.expect("a fault");
    assert_eq!(fault_of(&ended).0, FaultKind::WallClock);
    assert_eq!((ended.number.get(), feed.ended().len()), (52, 50), "what came before it has ended well");
}

#[tokio::test]
async fn subscriptions_are_bounded() {
    let guest = Guest {
        init: "(i32.store (i32.const 4104) (i32.const 10)) (call $return_init (i32.const 0) (i32.const 4096) (i32.const 3)) i32.const 0"
            .to_owned(),
        ..Guest::default()
    };
    let limits = |subscriptions_max| InstanceLimits { subscriptions_max, ..InstanceLimits::default() };
    let ended = call(&mut started(&guest, limits(2)).await, deliver(1, init())).await;
    let (kind, detail) = fault_of(&ended);
    assert_eq!(kind, FaultKind::Contract);
    assert!(detail.contains("3 subscriptions") && detail.contains("limit is 2"), "{detail}");
    let ended = call(&mut started(&guest, limits(3)).await, deliver(1, init())).await;
    assert!(matches!(&ended.answer, Answer::Subscriptions(all) if all.len() == 3), "{ended:?}");
}

#[tokio::test]
async fn series_of_a_chart_are_bounded_and_known_ones_go_on() {
    let named = |at: u32, bytes: u32| {
        format!(
            "(call $chart_series (i32.const {at}) (i32.const {bytes}) (i32.const 0) (i32.const 0))
             (call $mark (i32.const 1344) (select (i32.const 3) (i32.const 1) (i32.load8_u (i32.const 0))))"
        )
    };
    let body = [named(1280, 7), named(1296, 5), named(1312, 9), named(1280, 7)].concat() + "call $nothing i32.const 0";
    let limits = InstanceLimits { chart_series_max: 2, ..InstanceLimits::default() };
    let effects = candle_with(&body, limits).await.effects.expect("marks");
    let names = effects.chart_series.iter().map(|(number, name, _)| (*number, name.as_str()));
    assert_eq!(names.collect::<Vec<_>>(), [(0, "fixture"), (1, "0.1.0")]);
    assert_eq!(effects.chart_marks, ["key", "key", "k", "key"], "the third name gets no number, and a known one its own again");
}

#[tokio::test]
async fn names_of_state_are_as_long_as_they_may_be() {
    let set =
        |bytes: u32| format!("(call $set (i32.const 1280) (i32.const {bytes}) (i32.const 1280) (i32.const 1) (i32.const 512))");
    let limits = InstanceLimits { state_key_bytes_max: 5, ..InstanceLimits::default() };
    let body = set(5) + &set(6) + "call $nothing i32.const 0";
    let effects = candle_with(&body, limits).await.effects.expect("a write");
    let keys = effects.state.iter().map(|(key, _)| key.as_str()).collect::<Vec<_>>();
    assert_eq!(keys, ["fixtu"]);
}

#[tokio::test]
async fn words_of_a_refusal_are_cut() {
    let guest = Guest {
        init: "(call $return_init (i32.const 1) (i32.const 1312) (i32.const 9)) i32.const 0".to_owned(),
        ..Guest::default()
    };
    let limits = InstanceLimits { text_bytes_max: 5, ..InstanceLimits::default() };
    for (limits, words) in [(limits, "a fix"), (InstanceLimits::default(), "a fixture")] {
        let ended = call(&mut started(&guest, limits).await, deliver(1, init())).await;
        assert!(matches!(&ended.answer, Answer::Refused(refused) if refused == words), "{ended:?}");
    }
}

#[tokio::test]
async fn candles_are_kept_as_a_warm_up_wishes_within_bounds() {
    // The guest wishes for ten.
    let count = "(call $candles (i32.const 0) (i32.const -1) (i32.const 0))
        (call $set (i32.const 1344) (i32.const 3) (i32.const 4) (i32.const 1) (i32.const 512)) call $nothing i32.const 0";
    for (min, max, kept) in [(4, 1_000, 10), (4, 6, 6), (20, 1_000, 20)] {
        let limits = InstanceLimits { candles_kept_min: min, candles_kept_max: max, ..InstanceLimits::default() };
        let guest = Guest { candle: count.to_owned(), ..Guest::default() };
        let mut instance = begun(&guest, limits).await;
        let mut last = None;
        for number in 2..40 {
            last = call(&mut instance, candle(number, 100)).await.effects;
        }
        let effects = last.expect("a write");
        assert_eq!(effects.state[0].1.as_deref(), Some([kept].as_slice()), "from {min} to {max}");
    }
}

//! `events.next`: ends one event, opens the following one, and never more.

use super::*;
use crate::limits::EVENTS_PER_CALL;

fn pulling() -> Guest {
    Guest { candle: fixture::PULL_ALL.to_owned(), ..Guest::default() }
}

#[tokio::test]
async fn a_guest_that_pulls_gets_every_event_in_one_call() {
    let mut instance = begun(&pulling(), InstanceLimits::default()).await;
    let feed = Listed::new((3..=10).map(|number| candle(number, 100)));
    let (_, ended) = instance.call(candle(2, 100), Box::new(feed.clone())).await;
    assert!(ended.is_none(), "the end of the last event went to the feed");
    let numbers = feed.ended().iter().map(|ended| ended.number.get()).collect::<Vec<_>>();
    assert_eq!(numbers, (2..=10).collect::<Vec<_>>());
    for ended in feed.ended() {
        assert!(matches!(&ended.answer, Answer::Intents(intents) if intents.is_empty()));
        assert!(ended.effects.is_none());
        assert!(ended.fuel > 0);
    }
    assert!(instance.is_alive());
    let fuel = feed.ended().iter().map(|ended| ended.fuel).collect::<Vec<_>>();
    assert!(fuel[1..].windows(2).all(|pair| pair[0] == pair[1]), "equal events cost equal fuel: {fuel:?}");
}

#[tokio::test]
async fn effects_belong_to_the_event_in_which_they_were_written() {
    let logging = "
        (loop $more
          (call $log (i32.const 1) (i32.const 1344) (i32.const 3))
          (call $set (i32.const 1344) (i32.const 3) (i32.const 1344) (i32.const 3) (i32.const 512))
          (call $next (i32.const 0))
          (br_if $more (i32.load8_u (i32.const 0))))
        call $nothing
        i32.const 0";
    let guest = Guest { candle: logging.to_owned(), ..Guest::default() };
    let mut instance = begun(&guest, InstanceLimits::default()).await;
    let feed = Listed::new([candle(3, 100), candle(4, 100)]);
    let (_, ended) = instance.call(candle(2, 100), Box::new(feed.clone())).await;
    assert!(ended.is_none());
    for ended in feed.ended() {
        let effects = ended.effects.expect("it wrote");
        assert_eq!((effects.log.len(), effects.state.len()), (1, 1));
    }
    assert_eq!(feed.ended().len(), 3);
}

#[tokio::test]
async fn a_call_hands_out_a_fixed_number_of_events_at_most() {
    let mut instance = begun(&pulling(), InstanceLimits::default()).await;
    let feed = Listed::new((3..20_000).map(|number| candle(number, 100)));
    let (_, ended) = instance.call(candle(2, 100), Box::new(feed.clone())).await;
    let ended = ended.expect("the last event's end is the call's");
    assert_eq!(ended.number.get(), 1 + u64::from(EVENTS_PER_CALL));
    assert_eq!(feed.ended().len() + 1, EVENTS_PER_CALL as usize);
    let next = feed.deliveries.lock().expect("nobody panicked").pop_front().expect("there are more");
    assert_eq!(next.number.get(), ended.number.get() + 1, "none was lost");
}

#[tokio::test]
async fn a_call_that_used_its_turn_is_handed_no_more() {
    let heavy = "
        (local $i i32)
        (loop $more
          (local.set $i (i32.const 20000))
          (loop $spin (br_if $spin (local.tee $i (i32.sub (local.get $i) (i32.const 1)))))
          (call $next (i32.const 0))
          (br_if $more (i32.load8_u (i32.const 0))))
        call $nothing
        i32.const 0";
    let guest = Guest { candle: heavy.to_owned(), ..Guest::default() };
    let mut instance = begun(&guest, InstanceLimits::default()).await;
    let feed = Listed::new((3..1_000).map(|number| candle(number, 100)));
    let (_, ended) = instance.call(candle(2, 100), Box::new(feed.clone())).await;
    assert!(ended.is_some());
    let events = feed.ended().len();
    assert!((2..100).contains(&events), "{events}");
}

#[tokio::test]
async fn what_is_not_for_next_is_not_lost() {
    let guest = Guest { candle: fixture::PULL_ALL.to_owned(), ..Guest::default() };
    let mut instance = begun(&guest, InstanceLimits::default()).await;
    let feed = Listed::new([candle(3, 100), deliver(4, Hook::Stop(calypte_kernel::StopReason::Operator))]);
    let (_, ended) = instance.call(candle(2, 100), Box::new(feed.clone())).await;
    assert_eq!(ended.expect("of the stop").number.get(), 4);
    assert_eq!(feed.ended().len(), 2);
}

#[tokio::test]
async fn intents_after_the_event_had_ended_break_the_contract() {
    // An intent of the case «cancel-all» for all instruments.
    let late = "
        (call $next (i32.const 0))
        (i32.store8 (i32.const 8192) (i32.const 3))
        (i32.store8 (i32.const 8200) (i32.const 0))
        (call $return_on-candle (i32.const 8192) (i32.const 1))
        i32.const 0";
    let guest = Guest { candle: late.to_owned(), ..Guest::default() };
    let mut instance = begun(&guest, InstanceLimits::default()).await;
    let (_, ended) = instance.call(candle(2, 100), Box::new(Listed::default())).await;
    let ended = ended.expect("a fault");
    assert_eq!(fault_of(&ended).0, FaultKind::Contract);
    assert!(!instance.is_alive());
    let again = call(&mut instance, candle(3, 100)).await;
    let (Answer::Fault(first), Answer::Fault(again)) = (&ended.answer, &again.answer) else { panic!("{again:?}") };
    assert_eq!((first.kind, first.event), (again.kind, again.event), "it is gone for the same reason");
    assert!(again.detail.starts_with(&first.detail), "{again}");
}

#[tokio::test]
async fn writing_after_the_event_had_ended_breaks_the_contract() {
    for write in [
        "(call $log (i32.const 1) (i32.const 1344) (i32.const 3))",
        "(call $text (i32.const 1344) (i32.const 3))",
        "(call $set (i32.const 1344) (i32.const 3) (i32.const 1344) (i32.const 3) (i32.const 512))",
        "(drop (call $delete (i32.const 1344) (i32.const 3)))",
        "(call $mark (i32.const 1344) (i32.const 3))",
        "(call $point (i32.const 0) (f64.const 1))",
    ] {
        let ended = {
            let guest =
                Guest { candle: format!("(call $next (i32.const 0)) {write} call $nothing i32.const 0"), ..Guest::default() };
            let mut instance = begun(&guest, InstanceLimits::default()).await;
            instance.call(candle(2, 100), Box::new(Listed::default())).await.1.expect(write)
        };
        assert_eq!(fault_of(&ended).0, FaultKind::Contract, "{write}");
    }
}

#[tokio::test]
async fn in_init_and_its_like_next_hands_out_nothing_and_ends_nothing() {
    let guest = Guest { init: format!("(call $next (i32.const 0)) {}", Guest::default().init), ..Guest::default() };
    let mut instance = started(&guest, InstanceLimits::default()).await;
    let feed = Listed::new([candle(3, 100)]);
    let (_, ended) = instance.call(deliver(1, init()), Box::new(feed.clone())).await;
    assert!(matches!(ended.expect("the end of init").answer, Answer::Subscriptions(_)));
    assert!(feed.ended().is_empty());
}

#[tokio::test]
async fn both_ways_give_equal_effects() {
    let body = "(call $log (i32.const 1) (i32.const 1344) (i32.const 3))";
    let slow = Guest { candle: format!("{body} call $nothing i32.const 0"), ..Guest::default() };
    let fast = Guest {
        candle: format!(
            "(loop $more {body} (call $next (i32.const 0)) (br_if $more (i32.load8_u (i32.const 0)))) call $nothing i32.const 0"
        ),
        ..Guest::default()
    };
    let deliveries = || (2..50).map(|number| candle(number, 100)).collect::<VecDeque<_>>();
    let mut ends = Vec::new();
    let mut instance = begun(&slow, InstanceLimits::default()).await;
    for deliver in deliveries() {
        ends.push(call(&mut instance, deliver).await);
    }
    let mut instance = begun(&fast, InstanceLimits::default()).await;
    let mut waiting = deliveries();
    let first = waiting.pop_front().expect("48 of them");
    let feed = Listed::new(waiting);
    assert!(instance.call(first, Box::new(feed.clone())).await.1.is_none());
    let pulled = feed.ended();
    assert_eq!(ends.len(), pulled.len());
    for (one, other) in ends.iter().zip(&pulled) {
        assert_eq!((one.number, &one.effects), (other.number, &other.effects));
    }
}

//! Both implementations do the same: calls drawn from seeds, made on both, answered alike.

use super::{Kind, consumer, entry, group, id, minutes, now};
use calypte::bus::{Bus, EntryId, Position, Retention, StreamName};
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use std::fmt::Write as _;
use std::time::Duration;

/// Sequences of calls that are drawn, and calls in each.
const SEQUENCES: usize = 12;
const CALLS: usize = 150;

/// One call. Streams, groups and consumers are drawn from a few.
#[derive(Debug, Clone)]
enum Call {
    Publish(u8, u64, u64),
    Join(u8, u8, u64),
    Read(u8, u8, usize),
    HandedOut(u8, u8, u8, u64, usize),
    Acknowledge(u8, u8, Vec<u64>),
    Claim(u8, u8, u8, u64, usize),
    Range(u8, u64, u64, usize),
    Newest(u8, usize),
    State(u8, u8),
    Delete(u8, u8),
}

fn calls() -> impl Strategy<Value = Call> {
    let (stream, group, consumer) = (0..3_u8, 0..2_u8, 0..2_u8);
    let (number, count) = (1..120_u64, 1..9_usize);
    prop_oneof![
        6 => (stream.clone(), number.clone(), 0..6_u64).prop_map(|(s, n, more)| Call::Publish(s, n, more)),
        2 => (stream.clone(), group.clone(), number.clone()).prop_map(|(s, g, n)| Call::Join(s, g, n)),
        5 => (group.clone(), consumer.clone(), count.clone()).prop_map(|(g, c, n)| Call::Read(g, c, n)),
        2 => (stream.clone(), group.clone(), consumer.clone(), number.clone(), count.clone())
            .prop_map(|(s, g, c, n, most)| Call::HandedOut(s, g, c, n, most)),
        3 => (stream.clone(), group.clone(), proptest::collection::vec(number.clone(), 0..8))
            .prop_map(|(s, g, ids)| Call::Acknowledge(s, g, ids)),
        2 => (stream.clone(), group.clone(), consumer, number.clone(), count.clone())
            .prop_map(|(s, g, c, n, most)| Call::Claim(s, g, c, n, most)),
        1 => (stream.clone(), number.clone(), number, count.clone()).prop_map(|(s, a, b, n)| Call::Range(s, a, b, n)),
        1 => (stream.clone(), count).prop_map(|(s, n)| Call::Newest(s, n)),
        2 => (stream.clone(), group.clone()).prop_map(|(s, g)| Call::State(s, g)),
        1 => (stream, group).prop_map(|(s, g)| Call::Delete(s, g)),
    ]
}

/// The answer to a call, as text.
async fn answer(bus: &dyn Bus, call: &Call) -> String {
    let stream = |place: u8| -> StreamName { minutes(["BTC", "ETH", "SOL"][usize::from(place)]) };
    let of_group = |place: u8| group(["g0", "g1"][usize::from(place)]);
    let of_consumer = |place: u8| consumer(["c0", "c1"][usize::from(place)]);
    match call.clone() {
        Call::Publish(s, from, more) => {
            let batch: Vec<_> = (from..=from + more).map(|number| entry(&stream(s), number)).collect();
            format!("{:?}", bus.publish(&batch, None).await)
        }
        Call::Join(s, g, n) => {
            let from = [Position::First, Position::New, Position::After(id(n))][usize::try_from(n % 3).expect("small")];
            format!("{:?}", bus.join(&stream(s), &of_group(g), from).await)
        }
        Call::Read(g, c, most) => {
            let all = [stream(0), stream(1), stream(2)];
            format!("{:?}", bus.read(&of_group(g), &of_consumer(c), &all, now(most)).await)
        }
        Call::HandedOut(s, g, c, after, most) => {
            format!("{:?}", bus.handed_out(&of_group(g), &of_consumer(c), &stream(s), id(after - 1), most).await)
        }
        Call::Acknowledge(s, g, numbers) => {
            let ids = numbers.into_iter().map(id).collect();
            format!("{:?}", bus.acknowledge(&of_group(g), &[(stream(s), ids)]).await)
        }
        Call::Claim(s, g, c, from, most) => {
            format!("{:?}", bus.claim(&of_group(g), &of_consumer(c), &stream(s), Duration::ZERO, id(from - 1), most).await)
        }
        Call::Range(s, from, to, most) => format!("{:?}", bus.range(&stream(s), id(from), id(to), most).await),
        Call::Newest(s, most) => format!("{:?}", bus.newest(&stream(s), most).await),
        Call::State(s, g) => format!("{:?}", bus.group_state(&stream(s), &of_group(g)).await),
        Call::Delete(s, g) => format!("{:?}", bus.delete_group(&stream(s), &of_group(g)).await),
    }
}

#[tokio::test]
async fn both_answer_the_same_to_the_same_calls() {
    let mut runner = TestRunner::deterministic();
    for sequence in 0..SEQUENCES {
        let Some(memory) = Kind::Memory.bench(Retention::default()).await else { return };
        let Some(redis) = Kind::Redis.bench(Retention::default()).await else { return };
        let mut told = String::new();
        for _ in 0..CALLS {
            let call = calls().new_tree(&mut runner).expect("nothing is filtered").current();
            let (one, other) = (answer(memory.bus.as_ref(), &call).await, answer(redis.bus.as_ref(), &call).await);
            writeln!(told, "{call:?} -> {one}").expect("a string takes what it is given");
            assert_eq!(one, other, "sequence {sequence}:\n{told}");
        }
        assert!(told.contains("Published") || told.contains("New"), "the calls do something");
        assert_eq!(memory.bus.newest(&minutes("BTC"), 1).await, redis.bus.newest(&minutes("BTC"), 1).await);
        let all = redis.bus.range(&minutes("BTC"), EntryId::ZERO, EntryId::MAX, 10_000).await.expect("it answers");
        assert!(!all.is_empty(), "entries were written");
    }
}

//! Groups: who is handed what, what is done with, what was lost.

use super::{Kind, PATIENCE, battery, consumer, entries, entry, eventually, group, id, minutes, now, numbers};
use calypte::bus::limits::READ_STREAMS_MAX;
use calypte::bus::{BusError, EntryId, Position, ReadLimit, Retention};
use std::time::Duration;

battery!(
    a_group_begins_where_it_is_told_and_keeps_its_place,
    groups_do_not_notice_each_other_and_consumers_share,
    one_read_brings_many_streams,
    a_read_waits_for_what_is_published,
    a_read_that_waits_in_vain_comes_back_empty,
    what_was_handed_out_is_found_again_until_it_is_acknowledged,
    a_dead_consumers_entries_are_claimed,
    what_was_trimmed_before_it_was_read_is_counted,
    what_was_trimmed_before_it_was_acknowledged_is_named,
    lag_counts_what_was_not_handed_out,
    a_group_that_is_not_there_is_an_error_and_hands_nothing_out,
    a_read_that_is_given_up_loses_nothing,
);

async fn a_group_begins_where_it_is_told_and_keeps_its_place(kind: Kind) {
    let Some(bench) = kind.bench(Retention::default()).await else { return };
    let (bus, stream, c) = (&bench.bus, minutes("BTC"), consumer("c"));
    assert_eq!(bus.join(&stream, &group("early"), Position::New).await, Ok(true), "the stream need not be there");
    bus.publish(&entries(&stream, 1..=5), None).await.expect("it answers");
    let read = async |name: &str| {
        let read = bus.read(&group(name), &c, std::slice::from_ref(&stream), now(100)).await.expect("it answers");
        numbers(&read)
    };
    for (name, from) in [("all", Position::First), ("new", Position::New), ("after", Position::After(id(3)))] {
        assert_eq!(bus.join(&stream, &group(name), from).await, Ok(true));
        assert_eq!(bus.join(&stream, &group(name), Position::First).await, Ok(false), "it is there");
    }
    bus.publish(&entries(&stream, [6]), None).await.expect("it answers");
    assert_eq!(read("early").await, [1, 2, 3, 4, 5, 6]);
    assert_eq!(read("all").await, [1, 2, 3, 4, 5, 6]);
    assert_eq!(read("new").await, [6]);
    assert_eq!(read("after").await, [4, 5, 6]);
    assert_eq!(bus.join(&stream, &group("all"), Position::First).await, Ok(false));
    assert_eq!(read("all").await, [0_u64; 0], "joining again does not go back");
}

async fn groups_do_not_notice_each_other_and_consumers_share(kind: Kind) {
    let Some(bench) = kind.bench(Retention::default()).await else { return };
    let (bus, stream) = (&bench.bus, minutes("BTC"));
    bus.publish(&entries(&stream, 1..=6), None).await.expect("it answers");
    let read = async |name: &str, who: &str| {
        let read = bus.read(&group(name), &consumer(who), std::slice::from_ref(&stream), now(2)).await;
        numbers(&read.expect("it answers"))
    };
    for name in ["one", "two"] {
        bus.join(&stream, &group(name), Position::First).await.expect("it answers");
    }
    assert_eq!(read("one", "a").await, [1, 2]);
    assert_eq!(read("one", "b").await, [3, 4]);
    assert_eq!(read("two", "a").await, [1, 2]);
    assert_eq!(read("one", "a").await, [5, 6]);
    assert_eq!(read("one", "b").await, [0_u64; 0]);
}

async fn one_read_brings_many_streams(kind: Kind) {
    let Some(bench) = kind.bench(Retention::default()).await else { return };
    let (bus, g, c) = (&bench.bus, group("g"), consumer("c"));
    let streams: Vec<_> = (0..50).map(|number| minutes(&format!("COIN{number}"))).collect();
    for stream in &streams {
        bus.join(stream, &g, Position::First).await.expect("it answers");
    }
    let some: Vec<_> = streams.iter().step_by(7).flat_map(|stream| entries(stream, 1..=3)).collect();
    bus.publish(&some, None).await.expect("it answers");
    let read = bus.read(&g, &c, &streams, now(1_000)).await.expect("it answers");
    let found: Vec<_> = read.iter().map(|entry| (entry.stream.clone(), entry.id)).collect();
    assert_eq!(found, some.iter().map(|entry| (entry.stream.clone(), entry.id)).collect::<Vec<_>>());
    assert_eq!(bus.read(&g, &c, &[], now(1)).await, Ok(Vec::new()));
    let many = vec![streams[0].clone(); READ_STREAMS_MAX + 1];
    assert!(matches!(bus.read(&g, &c, &many, now(1)).await, Err(BusError::OverLimit { .. })));
}

async fn a_read_waits_for_what_is_published(kind: Kind) {
    let Some(bench) = kind.bench(Retention::default()).await else { return };
    let (bus, stream, g) = (bench.bus.clone(), minutes("BTC"), group("g"));
    bus.join(&stream, &g, Position::New).await.expect("it answers");
    let reading = {
        let (bus, stream) = (bus.clone(), stream.clone());
        let limit = ReadLimit { entries: 10, wait: PATIENCE };
        tokio::spawn(async move { bus.read(&group("g"), &consumer("c"), &[stream], limit).await })
    };
    // Whether it waits already or not, the read ends with the entry and not with its time; others are served meanwhile.
    bus.publish(&[entry(&stream, 1)], None).await.expect("it answers");
    let read = tokio::time::timeout(PATIENCE / 2, reading).await.expect("it came at once").expect("it did not panic");
    assert_eq!(numbers(&read.expect("it answers")), [1]);
}

async fn a_read_that_waits_in_vain_comes_back_empty(kind: Kind) {
    let Some(bench) = kind.bench(Retention::default()).await else { return };
    let (bus, stream, g) = (&bench.bus, minutes("BTC"), group("g"));
    bus.join(&stream, &g, Position::First).await.expect("it answers");
    for wait in [Duration::ZERO, Duration::from_micros(1), Duration::from_millis(30)] {
        let read = bus.read(&g, &consumer("c"), std::slice::from_ref(&stream), ReadLimit { entries: 1, wait }).await;
        assert_eq!(read, Ok(Vec::new()));
    }
}

async fn what_was_handed_out_is_found_again_until_it_is_acknowledged(kind: Kind) {
    let Some(bench) = kind.bench(Retention::default()).await else { return };
    let (bus, stream, g, c) = (&bench.bus, minutes("BTC"), group("g"), consumer("c"));
    bus.join(&stream, &g, Position::First).await.expect("it answers");
    bus.publish(&entries(&stream, 1..=7), None).await.expect("it answers");
    bus.read(&g, &c, std::slice::from_ref(&stream), now(5)).await.expect("it answers");
    assert_eq!(bus.acknowledge(&g, &[(stream.clone(), vec![id(2), id(2), id(6)])]).await, Ok(1), "6 was not handed out");
    let mut found = Vec::new();
    let mut after = EntryId::ZERO;
    loop {
        let recovered = bus.handed_out(&g, &c, &stream, after, 2).await.expect("it answers");
        assert_eq!(recovered.lost, []);
        found.extend(numbers(&recovered.entries));
        let Some(next) = recovered.next else { break };
        after = next;
    }
    assert_eq!(found, [1, 3, 4, 5]);
    let others = bus.handed_out(&g, &consumer("other"), &stream, EntryId::ZERO, 10).await.expect("it answers");
    assert_eq!(others.entries, []);
    let ids = [1, 3, 4, 5].map(id).to_vec();
    assert_eq!(bus.acknowledge(&g, &[(minutes("ETH"), vec![id(1)]), (stream.clone(), ids)]).await, Ok(4));
    let recovered = bus.handed_out(&g, &c, &stream, EntryId::ZERO, 10).await.expect("it answers");
    assert_eq!(recovered.entries, []);
    let rest = bus.read(&g, &c, std::slice::from_ref(&stream), now(10)).await.expect("it answers");
    assert_eq!(numbers(&rest), [6, 7]);
}

async fn a_dead_consumers_entries_are_claimed(kind: Kind) {
    let Some(bench) = kind.bench(Retention::default()).await else { return };
    let (bus, stream, g) = (&bench.bus, minutes("BTC"), group("g"));
    let (dead, heir) = (consumer("dead"), consumer("heir"));
    bus.join(&stream, &g, Position::First).await.expect("it answers");
    bus.publish(&entries(&stream, 1..=5), None).await.expect("it answers");
    bus.read(&g, &dead, std::slice::from_ref(&stream), now(5)).await.expect("it answers");
    bus.acknowledge(&g, &[(stream.clone(), vec![id(1)])]).await.expect("it answers");
    let young = bus.claim(&g, &heir, &stream, Duration::from_hours(1), EntryId::ZERO, 10).await.expect("it answers");
    assert_eq!((young.entries.len(), young.next), (0, None), "nothing is that old");
    let first = bus.claim(&g, &heir, &stream, Duration::ZERO, EntryId::ZERO, 3).await.expect("it answers");
    assert_eq!(numbers(&first.entries), [2, 3, 4]);
    let rest = bus.claim(&g, &heir, &stream, Duration::ZERO, first.next.expect("one is left"), 3).await.expect("it answers");
    assert_eq!((numbers(&rest.entries), rest.next), (vec![5], None));
    let of = async |who| bus.handed_out(&g, who, &stream, EntryId::ZERO, 10).await.expect("it answers").entries;
    assert_eq!(numbers(&of(&dead).await), [0_u64; 0]);
    assert_eq!(numbers(&of(&heir).await), [2, 3, 4, 5]);
}

/// Publishes until so many are trimmed: a server trims in pieces.
async fn push_out(bus: &dyn calypte::bus::Bus, stream: &calypte::bus::StreamName, from: u64, oldest_kept: u64) -> u64 {
    let mut last = from;
    loop {
        let there = bus.range(stream, EntryId::ZERO, EntryId::MAX, 1).await.expect("it answers");
        if numbers(&there)[0] >= oldest_kept {
            return last;
        }
        bus.publish(&entries(stream, last + 1..=last + 50), None).await.expect("it answers");
        last += 50;
    }
}

async fn what_was_trimmed_before_it_was_read_is_counted(kind: Kind) {
    let Some(bench) = kind.bench(Retention::of_each(20)).await else { return };
    let (bus, stream, g, c) = (&bench.bus, minutes("BTC"), group("g"), consumer("c"));
    bus.join(&stream, &g, Position::First).await.expect("it answers");
    bus.publish(&entries(&stream, 1..=10), None).await.expect("it answers");
    let read = bus.read(&g, &c, std::slice::from_ref(&stream), now(4)).await.expect("it answers");
    assert_eq!(numbers(&read), [1, 2, 3, 4]);
    let state = bus.group_state(&stream, &g).await.expect("it answers");
    assert_eq!((state.trimmed_after(4), state.next_number), (0, Some(5)));
    let last = push_out(bus.as_ref(), &stream, 10, 8).await;
    let state = bus.group_state(&stream, &g).await.expect("it answers");
    let next = state.next_number.expect("something is there");
    assert!(next >= 8);
    assert_eq!((state.trimmed_after(4), state.lag), (next - 5, last + 1 - next));
    let read = bus.read(&g, &c, std::slice::from_ref(&stream), now(10_000)).await.expect("it answers");
    assert_eq!(numbers(&read), (next..=last).collect::<Vec<_>>());
    let state = bus.group_state(&stream, &g).await.expect("it answers");
    assert_eq!((state.trimmed_after(last), state.lag, state.next_number), (0, 0, None));
}

async fn what_was_trimmed_before_it_was_acknowledged_is_named(kind: Kind) {
    let Some(bench) = kind.bench(Retention::of_each(20)).await else { return };
    let (bus, stream, g) = (&bench.bus, minutes("BTC"), group("g"));
    let (slow, heir) = (consumer("slow"), consumer("heir"));
    bus.join(&stream, &g, Position::First).await.expect("it answers");
    bus.publish(&entries(&stream, 1..=3), None).await.expect("it answers");
    bus.read(&g, &slow, std::slice::from_ref(&stream), now(3)).await.expect("it answers");
    let last = push_out(bus.as_ref(), &stream, 3, 4).await;
    let recovered = bus.handed_out(&g, &slow, &stream, EntryId::ZERO, 10).await.expect("it answers");
    assert_eq!((recovered.entries, recovered.lost), (Vec::new(), vec![id(1), id(2), id(3)]));
    bus.acknowledge(&g, &[(stream.clone(), vec![id(1)])]).await.expect("it answers");
    let claimed = bus.claim(&g, &heir, &stream, Duration::ZERO, EntryId::ZERO, 10).await.expect("it answers");
    assert_eq!((claimed.entries, claimed.lost, claimed.next), (Vec::new(), vec![id(2), id(3)], None));
    let state = bus.group_state(&stream, &g).await.expect("it answers");
    assert_eq!((state.pending, state.last), (0, Some(id(last))), "what was claimed and is gone is nobody's");
}

async fn lag_counts_what_was_not_handed_out(kind: Kind) {
    let Some(bench) = kind.bench(Retention::default()).await else { return };
    let (bus, stream, g, c) = (&bench.bus, minutes("BTC"), group("g"), consumer("c"));
    bus.join(&stream, &g, Position::First).await.expect("it answers");
    let state = bus.group_state(&stream, &g).await.expect("it answers");
    assert_eq!((state.entries, state.first, state.last, state.lag, state.pending), (0, None, None, 0, 0));
    bus.publish(&entries(&stream, 1..=10), None).await.expect("it answers");
    bus.read(&g, &c, std::slice::from_ref(&stream), now(4)).await.expect("it answers");
    bus.acknowledge(&g, &[(stream.clone(), vec![id(1)])]).await.expect("it answers");
    let state = bus.group_state(&stream, &g).await.expect("it answers");
    assert_eq!((state.entries, state.first, state.last), (10, Some(id(1)), Some(id(10))));
    assert_eq!((state.handed_out, state.pending, state.lag, state.next_number), (id(4), 3, 6, Some(5)));
}

async fn a_group_that_is_not_there_is_an_error_and_hands_nothing_out(kind: Kind) {
    let Some(bench) = kind.bench(Retention::default()).await else { return };
    let (bus, g, c) = (&bench.bus, group("g"), consumer("c"));
    let (there, not_there) = (minutes("BTC"), minutes("ETH"));
    bus.join(&there, &g, Position::First).await.expect("it answers");
    bus.publish(&[entry(&there, 1), entry(&not_there, 1)], None).await.expect("it answers");
    let no_group = BusError::NoGroup { group: g.clone() };
    let both = [there.clone(), not_there.clone()];
    assert_eq!(bus.read(&g, &c, &both, now(10)).await, Err(no_group.clone()));
    assert_eq!(bus.handed_out(&g, &c, &not_there, EntryId::ZERO, 10).await, Err(no_group.clone()));
    let none = minutes("NONE");
    for stream in [&not_there, &none] {
        assert_eq!(bus.group_state(stream, &g).await, Err(no_group.clone()));
        assert_eq!(bus.delete_group(stream, &g).await, Ok(false));
        assert_eq!(bus.acknowledge(&g, &[(stream.clone(), vec![id(1)])]).await, Ok(0));
    }
    let read = bus.read(&g, &c, std::slice::from_ref(&there), now(10)).await.expect("it answers");
    assert_eq!(numbers(&read), [1], "the failed read handed nothing out");
    assert_eq!(bus.delete_group(&there, &g).await, Ok(true));
    assert_eq!(bus.read(&g, &c, &[there], now(10)).await, Err(no_group));
}

async fn a_read_that_is_given_up_loses_nothing(kind: Kind) {
    let Some(bench) = kind.bench(Retention::default()).await else { return };
    let (bus, stream, g, c) = (&bench.bus, minutes("BTC"), group("g"), consumer("c"));
    bus.join(&stream, &g, Position::First).await.expect("it answers");
    for number in 1..=20 {
        let limit = ReadLimit { entries: 10, wait: PATIENCE };
        let reading = bus.read(&g, &c, std::slice::from_ref(&stream), limit);
        tokio::select! {
            biased;
            _ = reading => {}
            () = tokio::task::yield_now() => {}
        }
        bus.publish(&[entry(&stream, number)], None).await.expect("it answers");
    }
    // What a given-up read was handed lies with the consumer; what it was not is new to the next. Together they are all.
    let seen = tokio::sync::Mutex::new(Vec::new());
    eventually("all twenty are found", || async {
        let recovered = bus.handed_out(&g, &c, &stream, EntryId::ZERO, 100).await.expect("it answers");
        let rest = bus.read(&g, &c, std::slice::from_ref(&stream), now(100)).await.expect("it answers");
        let mut seen = seen.lock().await;
        seen.extend(numbers(&recovered.entries));
        seen.extend(numbers(&rest));
        seen.sort_unstable();
        seen.dedup();
        *seen == (1..=20).collect::<Vec<_>>()
    })
    .await;
}

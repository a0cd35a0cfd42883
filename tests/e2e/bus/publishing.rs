//! What is written: once, in order, within the limits, and as much as is kept.

use super::{Kind, battery, consumer, entries, entry, group, id, minutes, now, numbers};
use calypte::bus::limits::{FIELDS_MAX, PUBLISH_MAX};
use calypte::bus::{BusError, EntryId, Fields, NewEntry, Position, Published, Retention};

battery!(
    an_entry_comes_back_as_it_was_written,
    the_same_entry_twice_is_written_once,
    a_batch_keeps_the_order_of_each_stream,
    a_range_has_ends_and_a_limit,
    what_is_too_much_is_refused_by_name,
    old_entries_are_trimmed,
);

async fn an_entry_comes_back_as_it_was_written(kind: Kind) {
    let Some(bench) = kind.bench(Retention::default()).await else { return };
    let stream = minutes("BTC");
    let mut fields = Fields::default();
    for (name, value) in [("a", "1.50"), ("b", ""), ("c", "é \n\0 'x' \"y\"")] {
        fields.push(name, value).expect("it is short");
    }
    let written = NewEntry { stream: stream.clone(), id: EntryId::new(1_700_000_000_000, 3), number: u64::MAX, fields };
    assert_eq!(bench.bus.publish(std::slice::from_ref(&written), None).await, Ok(vec![Published::New]));
    let read = bench.bus.newest(&stream, 1).await.expect("it answers").remove(0);
    assert_eq!((read.stream, read.id), (written.stream, written.id));
    let content = read.content.expect("it is sound");
    assert_eq!((content.number, content.fields), (written.number, written.fields));
}

async fn the_same_entry_twice_is_written_once(kind: Kind) {
    let Some(bench) = kind.bench(Retention::default()).await else { return };
    let stream = minutes("BTC");
    let outcomes = bench.bus.publish(&entries(&stream, [1, 2, 2, 4, 1, 3, 5]), None).await.expect("it answers");
    let [new, already, passed] = [Published::New, Published::Already, Published::Passed];
    assert_eq!(outcomes, [new, new, already, new, already, passed, new]);
    let read = bench.bus.range(&stream, EntryId::ZERO, EntryId::MAX, 100).await.expect("it answers");
    assert_eq!(numbers(&read), [1, 2, 4, 5]);
}

async fn a_batch_keeps_the_order_of_each_stream(kind: Kind) {
    let Some(bench) = kind.bench(Retention::default()).await else { return };
    let streams = ["BTC", "ETH", "SOL"].map(minutes);
    // More than one script takes, so that several follow each other.
    let batch: Vec<_> = (1..=900).flat_map(|number| streams.iter().map(move |stream| entry(stream, number))).collect();
    let outcomes = bench.bus.publish(&batch, None).await.expect("it answers");
    assert!(outcomes.len() == batch.len() && outcomes.iter().all(|outcome| *outcome == Published::New));
    for stream in &streams {
        let read = bench.bus.range(stream, EntryId::ZERO, EntryId::MAX, 10_000).await.expect("it answers");
        assert_eq!(numbers(&read), (1..=900).collect::<Vec<_>>());
    }
}

async fn a_range_has_ends_and_a_limit(kind: Kind) {
    let Some(bench) = kind.bench(Retention::default()).await else { return };
    let stream = minutes("BTC");
    assert_eq!(bench.bus.range(&stream, EntryId::ZERO, EntryId::MAX, 10).await, Ok(Vec::new()), "there is no stream yet");
    assert_eq!(bench.bus.newest(&stream, 10).await, Ok(Vec::new()));
    bench.bus.publish(&entries(&stream, 1..=9), None).await.expect("it answers");
    let range = async |from, to, most| numbers(&bench.bus.range(&stream, from, to, most).await.expect("it answers"));
    assert_eq!(range(id(3), id(5), 10).await, [3, 4, 5]);
    assert_eq!(range(id(3).next().expect("there is one"), id(5), 10).await, [4, 5]);
    assert_eq!(range(id(3), EntryId::MAX, 2).await, [3, 4]);
    assert_eq!(range(id(5), id(3), 10).await, [0_u64; 0]);
    assert_eq!(numbers(&bench.bus.newest(&stream, 2).await.expect("it answers")), [9, 8]);
}

async fn what_is_too_much_is_refused_by_name(kind: Kind) {
    let Some(bench) = kind.bench(Retention::default()).await else { return };
    let stream = minutes("BTC");
    let many = entries(&stream, 1..=PUBLISH_MAX as u64 + 1);
    let refused = bench.bus.publish(&many, None).await;
    let asked = PUBLISH_MAX + 1;
    assert_eq!(refused, Err(BusError::OverLimit { what: "entries to publish", asked, limit: PUBLISH_MAX }));
    let mut wide = entry(&stream, 2);
    while wide.fields.push("x", "").is_ok() {}
    assert_eq!(wide.fields.iter().len(), FIELDS_MAX, "with the number it would be one more");
    let zero = NewEntry { id: EntryId::ZERO, ..entry(&stream, 3) };
    for bad in [wide, zero] {
        let refused = bench.bus.publish(&[entry(&stream, 1), bad], None).await;
        assert!(matches!(refused, Err(BusError::BadEntry { .. })), "{refused:?}");
    }
    assert_eq!(bench.bus.newest(&stream, 1).await, Ok(Vec::new()), "nothing of a refused call was written");
}

async fn old_entries_are_trimmed(kind: Kind) {
    const KEPT: u64 = 200;
    let Some(bench) = kind.bench(Retention::of_each(KEPT)).await else { return };
    let stream = minutes("BTC");
    for batch in entries(&stream, 1..=10_000).chunks(PUBLISH_MAX) {
        bench.bus.publish(batch, None).await.expect("it answers");
    }
    bench.bus.join(&stream, &group("g"), Position::First).await.expect("it answers");
    let state = bench.bus.group_state(&stream, &group("g")).await.expect("it answers");
    assert!((KEPT..KEPT * 2).contains(&state.entries), "about {KEPT} are kept, and there are {}", state.entries);
    assert_eq!(state.last, Some(id(10_000)));
    // What was trimmed is neither written again nor said to be there.
    assert_eq!(bench.bus.publish(&[entry(&stream, 1)], None).await, Ok(vec![Published::Passed]));
    let read = bench.bus.read(&group("g"), &consumer("c"), &[stream], now(10_000)).await.expect("it answers");
    assert_eq!(numbers(&read), (10_001 - state.entries..=10_000).collect::<Vec<_>>());
}

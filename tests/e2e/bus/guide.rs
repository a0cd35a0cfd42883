//! The guide to the streams says what is so: its entries are ours, and its user is allowed enough.

use calypte::bus::{BadEntry, Content, EntryId, Fields, StreamName};
use calypte::market_data::MarketEntry;
use std::fs;
use tests::repository;

fn guide() -> String {
    fs::read_to_string(repository().join("engine/docs/market-data.md")).expect("the guide is there")
}

/// An `XADD` as somebody types it.
fn entry(line: &str) -> Option<(StreamName, EntryId, Result<Content, BadEntry>)> {
    let mut words = line.split_once(" XADD ")?.1.split_whitespace();
    let stream = words.next()?.parse().expect("the guide names a stream");
    let mut words = words.skip_while(|word| !word.contains('-'));
    let id = words.next()?.parse().expect("the guide gives an id");
    assert_eq!(words.next(), Some("n"), "the number comes first");
    let number = words.next()?.parse().expect("the guide gives a number");
    let mut fields = Fields::default();
    while let (Some(name), Some(value)) = (words.next(), words.next()) {
        fields.push(name, value).expect("it is short");
    }
    Some((stream, id, Ok(Content { number, fields })))
}

#[test]
fn the_entries_of_the_guide_are_what_the_service_writes() {
    let guide = guide();
    let entries: Vec<_> = guide.lines().filter_map(entry).collect();
    assert!(entries.len() >= 3, "the guide shows entries");
    for ((stream, id, content), number) in entries.into_iter().zip(1..) {
        let content = content.expect("its fields are short");
        let read = MarketEntry::read(&content, stream.topic()).expect("an entry of the guide can be read");
        assert_eq!(read.write().as_ref(), Ok(&content.fields), "it is written as ours are");
        assert!(read.fixed_id(stream.topic()).is_none_or(|fixed| fixed == id), "{id} is not the id of that entry");
        assert_eq!(content.number, number);
    }
}

#[test]
fn every_field_is_in_the_guide() {
    let guide = guide();
    let (_, table) = guide.split_once("| field | in | is |").expect("the guide has a table of fields");
    let names = "n kind time received published open_time open high low close volume price size taker bid bid_size ask ask_size bids \
                 asks mark oracle funding open_interest start end missing";
    for name in names.split_whitespace() {
        assert!(table.contains(&format!("`{name}`")), "{name}");
    }
}

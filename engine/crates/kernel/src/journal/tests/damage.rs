//! Bytes that are missing or changed: a torn tail is let go and told, damage names its place.

use super::{Dice, Sample};
use crate::journal::{
    BadRecord, BadSegment, Damage, Frame, Frames, HEADER_BYTES, Malformed, RECORD_BYTES_MAX, Read, Record, RecordTooLarge,
    SEGMENT_HEADER_BYTES, SegmentHeader, write_input, write_record,
};
use crate::{AccountId, Input, StrategyId, Timestamp};

const HEADER: SegmentHeader =
    SegmentHeader { account: AccountId::new(7), epoch: 3, segment: 2, first_record: 41, settings_digest: [0xab; 32] };

/// A segment of these many records, and where each of them ends.
fn segment(records: u64) -> (Vec<u8>, Vec<usize>) {
    let mut bytes = HEADER.to_bytes().to_vec();
    let mut ends = vec![bytes.len()];
    for number in 0..records {
        let input = Input::sample(&mut Dice(number));
        write_input(&mut bytes, HEADER.first_record + number, Timestamp::from_millis(5), &input).expect("small");
        ends.push(bytes.len());
    }
    (bytes, ends)
}

/// How many records are read, and how it ends.
fn read(bytes: &[u8]) -> (usize, Result<Read<'_>, Damage>) {
    let mut frames = Frames::new(bytes, SEGMENT_HEADER_BYTES, HEADER.first_record);
    for count in 0.. {
        match frames.next() {
            Ok(Read::Record(frame)) => drop(frame.record()),
            end => return (count, end),
        }
    }
    unreachable!("a segment ends")
}

#[test]
fn a_segment_cut_at_any_byte_is_whole_or_torn() {
    let (bytes, ends) = segment(6);
    assert_eq!(SegmentHeader::read(&bytes), Ok(HEADER));
    for length in 0..=bytes.len() {
        let cut = &bytes[..length];
        if length < SEGMENT_HEADER_BYTES {
            assert_eq!(SegmentHeader::read(cut), Err(BadSegment::Short(length)));
            continue;
        }
        let whole = ends.iter().filter(|end| **end <= length).count() - 1;
        let (count, end) = read(cut);
        assert_eq!(count, whole, "cut after {length} bytes");
        if ends.contains(&length) {
            assert_eq!(end, Ok(Read::End));
        } else {
            assert_eq!(end, Ok(Read::Torn { offset: ends[whole], bytes: length - ends[whole] }));
        }
    }
}

#[test]
fn any_flipped_byte_is_damage_at_the_record_it_lies_in() {
    let (bytes, ends) = segment(6);
    for place in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[place] ^= 0x10;
        if place < SEGMENT_HEADER_BYTES {
            assert!(SegmentHeader::read(&changed).is_err(), "byte {place} of the header");
            continue;
        }
        let record = ends.iter().filter(|end| **end <= place).count() - 1;
        let (count, end) = read(&changed);
        assert_eq!(count, record, "byte {place}");
        let damage = end.expect_err("a changed byte is no torn tail");
        assert_eq!(damage.offset(), ends[record], "byte {place}: {damage}");
    }
}

#[test]
fn blocks_that_were_never_written_are_a_torn_tail() {
    let (bytes, ends) = segment(40);
    for written in (512..bytes.len()).step_by(512) {
        let mut unwritten = bytes.clone();
        unwritten[written..].fill(0);
        let whole = ends.iter().filter(|end| **end <= written).count() - 1;
        let (count, end) = read(&unwritten);
        assert!(count >= whole, "{count} of {whole} records");
        assert!(matches!(end, Ok(Read::Torn { .. })), "{end:?}");
    }
    let mut hole = bytes.clone();
    hole[512..1024].fill(0);
    assert!(read(&hole).1.is_err(), "a hole before what was written is damage");
}

#[test]
fn records_of_another_place_are_not_taken() {
    let (bytes, ends) = segment(3);
    let mut swapped = bytes[..ends[1]].to_vec();
    swapped.extend_from_slice(&bytes[ends[2]..ends[3]]);
    assert_eq!(read(&swapped), (1, Err(Damage::Order { offset: ends[1], found: 43, expected: 42 })));
}

#[test]
fn a_length_that_nobody_writes_is_damage() {
    let mut bytes = Vec::new();
    write_input(&mut bytes, 1, Timestamp::default(), &Input::Wake).expect("small");
    let length = u32::try_from(RECORD_BYTES_MAX + 1).expect("small");
    bytes[0..4].copy_from_slice(&length.to_le_bytes());
    let checksum = super::super::checksum::crc32c(&bytes[..25]);
    bytes[25..HEADER_BYTES].copy_from_slice(&checksum.to_le_bytes());
    let damage = Frames::new(&bytes, 0, 1).next().expect_err("too long");
    assert_eq!(damage, Damage::Length { offset: 0, number: 1, bytes: RECORD_BYTES_MAX + 1 });
}

#[test]
fn what_is_too_large_is_not_written() {
    let mut bytes = vec![1, 2, 3];
    let facts = Record::Facts(vec![0; RECORD_BYTES_MAX + 1]);
    let error = write_record(&mut bytes, 1, Timestamp::default(), &facts).expect_err("too large");
    assert_eq!(error, RecordTooLarge { bytes: RECORD_BYTES_MAX + 1 });
    assert_eq!(bytes, [1, 2, 3], "nothing was appended");
}

#[test]
fn what_a_later_version_wrote_is_named() {
    let mut header = HEADER.to_bytes();
    header[8] = 2;
    assert_eq!(SegmentHeader::read(&header), Err(BadSegment::UnknownVersion { found: 2 }));
    assert_eq!(SegmentHeader::read(&[0; 100]), Err(BadSegment::NotASegment));
    assert_eq!(SegmentHeader::read(b"csv,file"), Err(BadSegment::NotASegment));

    let frame = Frame { offset: 68, kind: 200, number: 9, time: Timestamp::default(), payload: &[] };
    assert_eq!(frame.record().err(), Some(BadRecord::UnknownKind { number: 9, offset: 68, kind: 200 }));
    let frame = Frame { kind: 3, payload: &[250], ..frame };
    let cause = Malformed::UnknownVariant { of: "Input", tag: 250 };
    assert_eq!(frame.record().err(), Some(BadRecord::Malformed { number: 9, offset: 68, cause }));
}

#[test]
fn a_list_is_believed_only_as_far_as_there_are_bytes() {
    // HookEnded of strategy 1 at event 1 with 2^60 intents.
    let payload = [5, 1, 1, 0, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x10];
    let frame = Frame { offset: 0, kind: 3, number: 1, time: Timestamp::default(), payload: &payload };
    assert!(matches!(frame.record(), Err(BadRecord::Malformed { cause: Malformed::Short("list"), .. })));
    let frame = Frame { payload: &[1, 3, 0], ..frame };
    assert!(matches!(frame.record(), Err(BadRecord::Malformed { cause: Malformed::TooLong(1), .. })));
    let frame = Frame { payload: &[1, 3], ..frame };
    assert!(matches!(frame.record(), Ok(Record::Input(Input::Start(id))) if id == StrategyId::new(3)));
}

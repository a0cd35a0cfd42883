//! What is written is read, whatever it is.

use super::{Dice, Sample};
use crate::journal::{Frame, Frames, OutputsDigest, Read, Record, write_record};
use crate::{CoreSettings, Decimal, Input, Timestamp};
use proptest::prelude::*;

/// The one record of these bytes.
fn only(bytes: &[u8], number: u64) -> Frame<'_> {
    match Frames::new(bytes, 0, number).next() {
        Ok(Read::Record(frame)) => frame,
        other => panic!("no record: {other:?}"),
    }
}

fn there_and_back(record: &Record, number: u64, time: Timestamp) {
    let mut bytes = Vec::new();
    write_record(&mut bytes, number, time, record).expect("it is small");
    let frame = only(&bytes, number);
    assert_eq!((frame.number, frame.time), (number, time));
    let read = frame.record().expect("it was just written");
    assert_eq!(format!("{read:?}"), format!("{record:?}"));
    let mut again = Vec::new();
    write_record(&mut again, number, time, &read).expect("it is small");
    assert_eq!(again, bytes);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_record_is_read_as_it_was_written(seed: u64, number: u64, millis: i64) {
        let (dice, time) = (&mut Dice(seed), Timestamp::from_millis(millis));
        there_and_back(&Record::Input(Input::sample(dice)), number, time);
        there_and_back(&Record::Settings(Box::new(CoreSettings::sample(dice))), number, time);
        there_and_back(&Record::Facts(Vec::sample(dice)), number, time);
        there_and_back(&Record::Outputs(OutputsDigest::sample(dice)), number, time);
        there_and_back(&Record::Closed(OutputsDigest::sample(dice)), number, time);
    }

    /// No bytes are too odd to be read or refused.
    #[test]
    fn any_payload_is_read_or_refused(kind: u8, payload in proptest::collection::vec(any::<u8>(), 0..200)) {
        let frame = Frame { offset: 0, kind, number: 1, time: Timestamp::default(), payload: &payload };
        let _ = frame.record();
    }

    /// Of a record that was sound, any byte may have changed.
    #[test]
    fn any_changed_payload_is_read_or_refused(seed: u64, place: prop::sample::Index, byte: u8) {
        let mut bytes = Vec::new();
        write_record(&mut bytes, 1, Timestamp::default(), &Record::Input(Input::sample(&mut Dice(seed)))).expect("small");
        let frame = only(&bytes, 1);
        let mut payload = frame.payload.to_vec();
        let place = place.index(payload.len());
        payload[place] = byte;
        let _ = Frame { payload: &payload, ..frame }.record();
        let _ = Frame { payload: &payload[..place], ..frame }.record();
    }
}

#[test]
fn decimals_keep_their_zeros_and_their_sign() {
    for text in ["0", "0.00", "1.50", "-1.50", "79228162514264337593543950335", "-0.0000000000000000000000000001"] {
        let value: Decimal = text.parse().expect(text);
        let mut bytes = Vec::new();
        crate::journal::wire::Encode::encode(&value, &mut bytes);
        let read: Decimal = crate::journal::wire::Decode::decode(&mut crate::journal::wire::Bytes::new(&bytes)).expect(text);
        assert_eq!(read.to_string(), text);
        assert_eq!(read.serialize(), value.serialize());
    }
}

//! Journals as files: they are read as they were written, whatever became of the process, the disk and the folder meanwhile.

use super::{Durability, Epoch, JournalSettings, ReadError, SegmentFile, TornTail, WriteError, Writer, segments};
use calypte_kernel::journal::{Record, Replay, SEGMENT_HEADER_BYTES};
use calypte_kernel::{AccountId, CoreSettings, Input, StrategyId, Timestamp, TradingCore};
use std::fs;
use std::path::Path;

const FACTS: &[u8] = b"facts";

fn core_settings() -> CoreSettings {
    CoreSettings::new(AccountId::new(7), [].into(), [].into())
}

/// Small segments, so that few inputs fill several.
fn small(segments_max: Option<usize>) -> JournalSettings {
    JournalSettings { segment_bytes: 1_000, segments_max, ..JournalSettings::default() }
}

fn open(folder: &Path, settings: JournalSettings) -> Writer {
    Writer::open(folder, settings, &core_settings(), FACTS.to_vec()).expect("it opens")
}

fn input(writer: &mut Writer, core: &mut TradingCore, place: i64) -> Result<(), WriteError> {
    let (now, input) = (Timestamp::from_millis(place), Input::Start(StrategyId::new(u32::try_from(place).expect("small"))));
    writer.input(now, &input)?;
    core.handle(now, input);
    let outputs = std::iter::from_fn(|| core.poll()).collect::<Vec<_>>();
    writer.outputs(now, outputs.iter())
}

/// An epoch with so many inputs; closed in order or, like a killed process, not.
fn epoch(folder: &Path, settings: JournalSettings, inputs: i64, closed: bool) {
    let mut writer = open(folder, settings);
    let mut core = TradingCore::new(core_settings()).expect("sound settings");
    (0..inputs).for_each(|place| input(&mut writer, &mut core, place).expect("it is written"));
    if closed {
        writer.close(Timestamp::from_millis(inputs)).expect("it is closed");
    }
}

/// The inputs of an epoch, replayed; whether it was closed; its torn tail.
fn replayed(epoch: &Epoch) -> Result<(u64, bool, Option<TornTail>), ReadError> {
    let (mut reader, mut replay) = (epoch.read(), Replay::default());
    while let Some(entry) = reader.next()? {
        replay.apply(entry.number, entry.time, entry.record).expect("the same outputs");
    }
    Ok((replay.inputs(), replay.is_closed(), reader.torn().cloned()))
}

fn length(file: &Path) -> u64 {
    fs::metadata(file).expect("it is there").len()
}

fn epochs(folder: &Path) -> Vec<Epoch> {
    Epoch::all(folder).expect("there is a journal")
}

#[test]
fn what_is_written_is_counted_in_bytes() {
    let folder = tempfile::tempdir().expect("a folder");
    epoch(folder.path(), small(None), 10, true);
    let sizes = || segments(folder.path()).expect("a folder").iter().map(|segment| length(&segment.path)).sum::<u64>();
    let before = sizes();
    let mut writer = open(folder.path(), small(None));
    let (written, mut core) = (writer.in_all(), TradingCore::new(core_settings()).expect("sound settings"));
    (0..100).for_each(|place| input(&mut writer, &mut core, place).expect("it is written"));
    writer.close(Timestamp::from_millis(100)).expect("it is closed");
    assert_eq!(written.bytes(), sizes() - before, "of several segments, and of this opening alone");
}

#[test]
fn what_is_written_is_read_over_segments_and_epochs() {
    for durability in [Durability::Gathered, Durability::Written, Durability::Synced] {
        let folder = tempfile::tempdir().expect("a folder");
        let settings = JournalSettings { durability, ..small(None) };
        epoch(folder.path(), settings, 100, true);
        epoch(folder.path(), settings, 5, true);
        let epochs = epochs(folder.path());
        assert_eq!(epochs.iter().map(|epoch| (epoch.number, epoch.is_whole)).collect::<Vec<_>>(), [(1, true), (2, true)]);
        assert!(segments(folder.path()).expect("a folder").len() > 4, "one hundred inputs fill several segments");
        assert_eq!(replayed(&epochs[0]).expect("sound"), (100, true, None));
        assert_eq!(replayed(&epochs[1]).expect("sound"), (5, true, None));
        let mut reader = epochs[1].read();
        let numbers = std::iter::from_fn(|| reader.next().expect("sound")).map(|entry| entry.number).collect::<Vec<_>>();
        let mut first = epochs[0].read();
        let last = std::iter::from_fn(|| first.next().expect("sound")).last().expect("records").number;
        assert_eq!(numbers, (last + 1..=last + 8).collect::<Vec<_>>(), "records are numbered over epochs");
    }
}

#[test]
fn what_is_written_together_is_what_is_written_one_by_one() {
    const NOW: Timestamp = Timestamp::from_millis(7);
    let settings = JournalSettings { outputs_every: 8, ..JournalSettings::default() };
    let written = |together: usize| {
        let folder = tempfile::tempdir().expect("a folder");
        let (mut writer, mut core) =
            (open(folder.path(), settings), TradingCore::new(core_settings()).expect("sound settings"));
        let mut inputs: Vec<_> = (0..100).map(|place| Input::Start(StrategyId::new(place))).collect();
        while !inputs.is_empty() {
            let group: Vec<_> = inputs.drain(..together.min(writer.together_max()).min(inputs.len())).collect();
            writer.inputs(NOW, &group).expect("they are written");
            for input in group {
                core.handle(NOW, input);
                writer.outputs(NOW, core.pending()).expect("they are noted");
                while core.poll().is_some() {}
            }
        }
        writer.close(NOW).expect("it is closed");
        let epoch = epochs(folder.path()).remove(0);
        assert_eq!(replayed(&epoch).expect("it is read"), (100, true, None));
        fs::read(&segments(folder.path()).expect("a folder")[0].path).expect("it is there")
    };
    let one_by_one = written(1);
    for together in [2, 5, 8, 100] {
        assert_eq!(written(together), one_by_one, "{together} at once");
    }
}

#[test]
fn every_segment_says_the_settings_and_the_facts() {
    let folder = tempfile::tempdir().expect("a folder");
    epoch(folder.path(), small(None), 100, true);
    let count = segments(folder.path()).expect("a folder").len();
    let mut reader = epochs(folder.path())[0].read();
    let (mut settings, mut facts) = (0, 0);
    while let Some(entry) = reader.next().expect("sound") {
        match entry.record {
            Record::Settings(read) => settings += usize::from(format!("{read:?}") == format!("{:?}", core_settings())),
            Record::Facts(read) => facts += usize::from(read == FACTS),
            _ => {}
        }
    }
    assert_eq!((settings, facts), (count, count));
}

#[test]
fn a_killed_process_costs_nothing_that_was_written() {
    let folder = tempfile::tempdir().expect("a folder");
    epoch(folder.path(), JournalSettings::default(), 50, false);
    assert_eq!(replayed(&epochs(folder.path())[0]).expect("sound"), (50, false, None));
}

#[test]
fn a_torn_tail_is_left_out_and_the_next_epoch_goes_on_behind_it() {
    let folder = tempfile::tempdir().expect("a folder");
    epoch(folder.path(), JournalSettings::default(), 50, false);
    let path = segments(folder.path()).expect("a folder").remove(0).path;
    let bytes = fs::read(&path).expect("it is there");
    fs::write(&path, &bytes[..bytes.len() - 3]).expect("it is cut");
    let (inputs, closed, torn) = replayed(&epochs(folder.path())[0]).expect("a torn tail is no error");
    assert_eq!((inputs, closed), (49, false));
    let torn = torn.expect("it is told");
    assert_eq!((&torn.path, torn.offset + torn.bytes), (&path, bytes.len() - 3));

    epoch(folder.path(), JournalSettings::default(), 3, true);
    let epochs = epochs(folder.path());
    assert_eq!(replayed(&epochs[0]).expect("as before").0, 49);
    let first = epochs[1].read().next().expect("sound").expect("a record");
    assert_eq!(first.number, 2 + 49 + 1, "the number of the record that was cut short is given again");
}

#[test]
fn a_process_killed_as_it_began_leaves_an_epoch_without_records() {
    let folder = tempfile::tempdir().expect("a folder");
    epoch(folder.path(), JournalSettings::default(), 3, true);
    for left in [&b""[..], b"CALYP", &[0; 500]] {
        let next = epochs(folder.path()).len();
        fs::write(SegmentFile::new(folder.path(), u32::try_from(next).expect("few") + 1, 1).path, left).expect("written");
        let last = epochs(folder.path()).pop().expect("epochs");
        let (inputs, _, torn) = replayed(&last).expect("no error");
        assert_eq!((inputs, torn.map(|torn| torn.bytes)), (0, Some(left.len())));
    }
    epoch(folder.path(), JournalSettings::default(), 1, true);
    let first = epochs(folder.path()).pop().expect("epochs").read().next().expect("sound").expect("a record");
    assert_eq!(first.number, 7, "settings, facts, three inputs and the end lie before it");
}

#[test]
fn damage_names_the_segment_and_the_byte() {
    let folder = tempfile::tempdir().expect("a folder");
    epoch(folder.path(), small(None), 100, true);
    let all = segments(folder.path()).expect("a folder");
    let path = &all[1].path;
    let sound = fs::read(path).expect("it is there");
    for place in [SEGMENT_HEADER_BYTES + 30, sound.len() / 2, sound.len() - 1] {
        let mut bytes = sound.clone();
        bytes[place] ^= 1;
        fs::write(path, &bytes).expect("it is damaged");
        let error = replayed(&epochs(folder.path())[0]).expect_err("it is damaged");
        let ReadError::Damaged { path: named, offset, .. } = &error else { panic!("{error}") };
        assert_eq!(named, path);
        assert!(*offset <= place && place < offset + 200, "byte {place}: {error}");
        let refused = Writer::open(folder.path(), small(None), &core_settings(), Vec::new());
        // What is behind the damage is not looked at when a new epoch begins; the last segment is.
        assert!(refused.is_ok());
        fs::remove_file(segments(folder.path()).expect("a folder").pop().expect("the new one").path).expect("gone");
    }
    fs::write(path, &sound[..sound.len() - 1]).expect("it is cut");
    let error = replayed(&epochs(folder.path())[0]).expect_err("the journal goes on behind it");
    assert!(matches!(error, ReadError::CutShort { .. }), "{error}");
    fs::remove_file(path).expect("it is removed");
    let error = replayed(&epochs(folder.path())[0]).expect_err("a segment is missing");
    assert!(matches!(error, ReadError::Misplaced { .. }), "{error}");
    fs::rename(&all[2].path, path).expect("renamed");
    let error = replayed(&epochs(folder.path())[0]).expect_err("a segment under another's name");
    assert!(error.to_string().contains("it is segment 3 of epoch 1"), "{error}");
}

#[test]
fn a_damaged_end_is_not_continued() {
    let folder = tempfile::tempdir().expect("a folder");
    epoch(folder.path(), JournalSettings::default(), 10, true);
    let path = segments(folder.path()).expect("a folder").remove(0).path;
    let mut bytes = fs::read(&path).expect("it is there");
    bytes[SEGMENT_HEADER_BYTES + 40] ^= 1;
    fs::write(&path, &bytes).expect("it is damaged");
    let error = Writer::open(folder.path(), JournalSettings::default(), &core_settings(), Vec::new()).expect_err("refused");
    assert!(matches!(&error, WriteError::Earlier { cause, .. } if matches!(**cause, ReadError::Damaged { .. })), "{error}");
}

#[test]
fn one_process_writes_at_a_time() {
    let folder = tempfile::tempdir().expect("a folder");
    let first = open(folder.path(), JournalSettings::default());
    let second = Writer::open(folder.path(), JournalSettings::default(), &core_settings(), Vec::new());
    assert!(matches!(second, Err(WriteError::Locked { .. })));
    drop(first);
    assert_eq!(open(folder.path(), JournalSettings::default()).epoch(), 2, "each opening has an epoch of its own");
}

#[test]
fn another_account_has_another_journal() {
    let folder = tempfile::tempdir().expect("a folder");
    epoch(folder.path(), JournalSettings::default(), 1, true);
    let other = CoreSettings::new(AccountId::new(8), [].into(), [].into());
    let error = Writer::open(folder.path(), JournalSettings::default(), &other, Vec::new()).expect_err("refused");
    assert!(matches!(error, WriteError::Earlier { .. }), "{error}");
}

#[test]
fn old_segments_go_when_no_process_that_takes_over_can_need_them() {
    let folder = tempfile::tempdir().expect("a folder");
    let there = || epochs(folder.path()).iter().map(|epoch| (epoch.number, epoch.is_whole)).collect::<Vec<_>>();
    epoch(folder.path(), small(Some(3)), 100, true);
    assert!(segments(folder.path()).expect("a folder").len() > 3, "the present epoch is needed as a whole");

    let mut core = TradingCore::new(core_settings()).expect("sound settings");
    let takes_over = |number| {
        let mut writer = open(folder.path(), small(Some(3)));
        let (now, opened) = (Timestamp::from_millis(0), Input::Opened { epoch: number });
        writer.input(now, &opened).expect("it is written");
        writer
    };
    for number in [2, 3] {
        let mut writer = takes_over(number);
        (0..20).for_each(|place| input(&mut writer, &mut core, place).expect("it is written"));
        assert_eq!(there()[0], (1, true), "the core that goes on was made there");
    }
    let writer = open(folder.path(), small(Some(3)));
    assert_eq!(there().len(), 4, "whether this one takes over is not said yet");
    drop(writer);
    epoch(folder.path(), small(Some(3)), 1, false);
    let last = there();
    assert_eq!(last.last(), Some(&(5, true)), "it begins anew");
    assert_eq!(segments(folder.path()).expect("a folder").len(), 3, "{last:?}");
    takes_over(6);
    assert!(there().contains(&(5, true)), "{:?}", there());
}

/// A device that is always full.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_ends_the_journal_and_nothing_is_taken_after_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut writer = open(folder.path(), JournalSettings::default());
    let mut core = TradingCore::new(core_settings()).expect("sound settings");
    input(&mut writer, &mut core, 0).expect("there is room");
    writer.write_to(fs::OpenOptions::new().write(true).open("/dev/full").expect("linux has it"));
    let error = input(&mut writer, &mut core, 1).expect_err("there is no room");
    assert!(matches!(error, WriteError::Full { .. }), "{error}");
    assert!(matches!(input(&mut writer, &mut core, 2), Err(WriteError::Halted)));
    assert!(matches!(writer.close(Timestamp::default()), Err(WriteError::Halted)));
    assert_eq!(replayed(&epochs(folder.path())[0]).expect("what was written is whole"), (1, false, None));
}

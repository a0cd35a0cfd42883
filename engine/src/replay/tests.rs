//! Journals of several processes: each goes on with what the one before left.

use super::*;
use crate::journal::{JournalSettings, Reader, Writer};
use calypte_kernel::journal::Replay;
use calypte_kernel::{
    AccountId, CoreSettings, Deployment, EventKind, Input, KnownEvents, StopReason, StrategyId, Timestamp, TradingCore,
};
use std::path::Path;

fn settings() -> CoreSettings {
    CoreSettings::new(AccountId::new(7), [].into(), [].into())
}

/// The core that a journal leads to.
fn restored(folder: &Path) -> TradingCore {
    let mut replay = Replay::default();
    for epoch in Epoch::all(folder).expect("there is a journal") {
        replay.next_epoch();
        let mut reader: Reader = epoch.read();
        while let Some(entry) = reader.next().expect("it is sound") {
            replay.apply(entry.number, entry.time, entry.record).expect("the same outputs");
        }
    }
    replay.into_core().expect("it has settings")
}

/// Writes the next epoch, as a process that was killed leaves it: what was said to the last input is not written.
fn process(folder: &Path, mut core: TradingCore, inputs: Vec<Input>) {
    let journal = JournalSettings { outputs_every: 1, ..JournalSettings::default() };
    let mut writer = Writer::open(folder, journal, &settings(), Vec::new()).expect("it opens");
    let now = Timestamp::from_millis(5);
    for input in inputs {
        writer.input(now, &input).expect("it is written");
        core.handle(now, input);
        let outputs: Vec<_> = std::iter::from_fn(|| core.poll()).collect();
        writer.outputs(now, outputs.iter()).expect("it is written");
    }
}

fn deploy() -> Input {
    let knows = KnownEvents::default().with(EventKind::Candle);
    Input::Deploy(Box::new(Deployment::new(StrategyId::new(1), [].into(), knows)))
}

/// Three processes, of which the second and the third took over; then a run of its own.
fn journal() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let one = StrategyId::new(1);
    let fresh = || TradingCore::new(settings()).expect("sound settings");
    process(folder.path(), fresh(), vec![deploy(), Input::Wake]);
    process(folder.path(), restored(folder.path()), vec![Input::Opened { epoch: 2 }, Input::Start(one)]);
    let stop = Input::Stop { strategy: one, reason: StopReason::Operator };
    process(folder.path(), restored(folder.path()), vec![Input::Opened { epoch: 3 }, stop]);
    process(folder.path(), fresh(), vec![Input::Start(one), Input::Wake]);
    folder
}

async fn replayed(folder: &Path, epoch: Option<u32>) -> anyhow::Result<Vec<(u32, u64, bool)>> {
    let request = ReplayRequest { journal: folder.to_owned(), components: Vec::new(), epoch };
    let report = Box::pin(replay(&request, &Arc::new(Control::default()))).await?;
    let said =
        |epoch: &EpochReport| (epoch.epoch, epoch.inputs, epoch.verdict == Verdict::Equal && epoch.compared_until.is_some());
    Ok(report.epochs.iter().map(said).collect())
}

#[tokio::test]
async fn a_process_that_took_over_is_replayed_behind_the_one_before() {
    let folder = journal();
    let all = replayed(folder.path(), None).await.expect("it is sound");
    assert_eq!(all, [(1, 2, true), (2, 2, true), (3, 2, true), (4, 2, true)]);
    let third = replayed(folder.path(), Some(3)).await.expect("it is sound");
    assert_eq!(third, [(1, 2, true), (2, 2, true), (3, 2, true)]);
    assert_eq!(replayed(folder.path(), Some(4)).await.expect("it is sound"), [(4, 2, true)], "it began anew");
}

#[tokio::test]
async fn what_took_over_a_core_whose_beginning_is_gone_is_not_replayed() {
    let folder = journal();
    std::fs::remove_file(folder.path().join("00001-000001.journal")).expect("it was there");
    assert_eq!(replayed(folder.path(), None).await.expect("it is sound"), [(4, 2, true)]);
    let error = replayed(folder.path(), Some(3)).await.expect_err("it cannot be").to_string();
    assert_eq!(error, "there is no epoch 3 with its beginning; there are 4");
    std::fs::write(folder.path().join("00002-000001.journal"), [7; 500]).expect("it is damaged");
    assert_eq!(
        replayed(folder.path(), Some(4)).await.expect("it is sound"),
        [(4, 2, true)],
        "damage to another epoch is its own"
    );
    assert!(replayed(folder.path(), None).await.is_err());
}

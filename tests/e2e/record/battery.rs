//! What holds of every database: each fact once, whatever is written again, broken off or lost.

use super::{Facts, Kind, assert_same, column, counts, facts};
use crate::in_process::runtime;
use calypte::journal::{JournalSettings, Writer};
use calypte::record::{
    AccountName, Batch, Follower, Limits, Mark, RecorderSettings, Row, Store, StoreError, Table, record_journal,
};
use calypte_kernel::{
    AccountId, CoreSettings, Decimal, Deployment, Input, Instrument, InstrumentId, KnownEvents, Price, Rules, Side, Size,
    StrategyId, Timestamp, TradeId, VenueEvent, VenueFill, VenueOrderId,
};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use tests::{calypte, component, synth_candles, temp_dir};

/// Runs each test once on each kind of database.
macro_rules! battery {
    ($($test:ident),+ $(,)?) => {
        mod on_sqlite {
            $(#[test] fn $test() { super::$test(super::Kind::Sqlite); })+
        }
        mod on_postgres {
            $(#[test] fn $test() { super::$test(super::Kind::Postgres); })+
        }
    };
}

battery!(
    the_tables_are_what_the_program_takes_them_for,
    of_many_that_open_an_empty_database_at_once_none_is_refused,
    facts_are_there_once_however_often_they_are_written,
    a_recorder_goes_on_where_another_one_broke_off,
    what_a_power_cut_took_back_is_forgotten,
    another_journal_is_refused_under_the_same_name,
);

/// A journal of a run with many orders, and the run's report.
fn journal() -> &'static (PathBuf, serde_json::Value) {
    static MADE: OnceLock<(tempfile::TempDir, (PathBuf, serde_json::Value))> = OnceLock::new();
    let (_, made) = MADE.get_or_init(|| {
        let folder = temp_dir();
        let candles = synth_candles(6_000, 1, folder.path(), "candles.csv");
        let journal = folder.path().join("journal");
        let (strategy, data) = (component("ema-atr"), format!("BTC:1m={}", candles.display()));
        let arguments = ["--param", "fast=5", "--param", "slow=21", "--cash", "1000000", "--json", "--journal"];
        let run = calypte(
            ["backtest", strategy.to_str().expect("text"), "--data", &data]
                .iter()
                .chain(&arguments)
                .chain(&[journal.to_str().expect("text")]),
        );
        let report = run.ok().json();
        (folder, (journal, report))
    });
    made
}

fn account() -> AccountName {
    "paper".parse().expect("a name")
}

/// The rows of a journal as a database shows them.
fn expected(batches: &[Batch]) -> Facts {
    let mut facts: Facts = Table::ALL.into_iter().map(|table| (table.name(), Vec::new())).collect();
    for row in batches.iter().flat_map(|batch| &batch.rows) {
        let Row { table, mark: Mark { epoch, record }, place, time_ms, values } = row;
        let key = ["paper".to_owned(), epoch.to_string(), record.to_string(), place.to_string(), time_ms.to_string()];
        let values = key.into_iter().map(Some).chain(values.iter().map(calypte::record::Value::to_text));
        facts.get_mut(table.name()).expect("all are there").push(values.collect());
    }
    facts
}

/// All that a journal holds, in batches of few rows.
fn batches(journal: &Path) -> Vec<Batch> {
    let mut follower = Follower::new(journal);
    let mut batches = Vec::new();
    loop {
        let batch = follower.next(Limits { rows_max: 100, inputs_max: 1_000 }).expect("it is sound");
        let is_at_end = batch.is_at_end;
        batches.push(batch);
        if is_at_end {
            return batches;
        }
    }
}

fn sum(facts: &Facts, table: Table, name: &str) -> Decimal {
    column(facts, table, name).into_iter().map(|text| text.parse::<Decimal>().expect("money is exact")).sum()
}

fn the_tables_are_what_the_program_takes_them_for(kind: Kind) {
    let Some(bench) = kind.bench() else { return };
    runtime().block_on(async {
        let mut store = Store::open(&bench.database()).await.expect("it is made");
        for table in Table::ALL {
            let types = |kind: calypte::record::Kind| match (kind, bench.server.is_some()) {
                (calypte::record::Kind::Text, _) | (calypte::record::Kind::Exact, false) => "TEXT",
                (calypte::record::Kind::Number | calypte::record::Kind::Flag, false) => "INTEGER",
                (calypte::record::Kind::Exact, true) => "NUMERIC",
                (calypte::record::Kind::Number, true) => "BIGINT",
                (calypte::record::Kind::Flag, true) => "BOOLEAN",
            };
            let columns = table.columns();
            let columns = columns.map(|column| (column.name.to_owned(), types(column.kind).to_owned(), column.is_optional));
            assert_eq!(store.shape(table).await.expect("it can be read"), columns.collect::<Vec<_>>(), "{table}");
        }
        // Opened again, nothing is made anew.
        drop(store);
        let mut again = Store::open(&bench.database()).await.expect("its tables are up to date");
        assert_eq!(again.accounts().await.expect("it can be read"), []);
    });
}

/// As the accounts of an engine do at its first start.
fn of_many_that_open_an_empty_database_at_once_none_is_refused(kind: Kind) {
    const AT_ONCE: usize = 8;
    // A server takes long to start, and has a lock for it.
    let rounds = if kind == Kind::Sqlite { 20 } else { 1 };
    for _ in 0..rounds {
        let Some(bench) = kind.bench() else { return };
        let database = bench.database();
        runtime().block_on(async {
            let openers: Vec<_> = (0..AT_ONCE)
                .map(|_| {
                    let database = database.clone();
                    // Busy it may be: then a recorder asks again.
                    tokio::spawn(async move {
                        loop {
                            match Store::open(&database).await {
                                Err(StoreError::Unavailable { .. }) => tokio::task::yield_now().await,
                                opened => return opened.map(drop),
                            }
                        }
                    })
                })
                .collect();
            for opener in openers {
                opener.await.expect("it does not panic").expect("it opens");
            }
        });
    }
}

fn facts_are_there_once_however_often_they_are_written(kind: Kind) {
    let Some(bench) = kind.bench() else { return };
    let (journal, report) = journal();
    let batches = batches(journal);
    assert!(batches.len() > 10, "{} batches are few", batches.len());
    runtime().block_on(async {
        let settings = RecorderSettings {
            limits: Limits { rows_max: 100, inputs_max: 1_000 },
            ..RecorderSettings::new(bench.database(), account(), journal.clone())
        };
        let progress = record_journal(&settings).await.expect("it is recorded");
        let held = facts(&bench.database(), "paper").await;
        assert_same(&held, &expected(&batches));
        assert_eq!(progress.rows, held.values().map(|rows| rows.len() as u64).sum::<u64>());
        assert_eq!(progress.until, batches.last().expect("there are some").until);
        // It is what the run itself says.
        assert_eq!(Some(column(&held, Table::Fills, "trade").len() as u64), report["fills"].as_u64());
        let fees: Decimal = report["fees"].as_str().and_then(|fees| fees.parse().ok()).expect("fees are exact");
        assert_eq!(sum(&held, Table::Fills, "fee"), fees);
        let states = column(&held, Table::OrderStates, "state");
        let orders = column(&held, Table::Orders, "client_order").len();
        assert_eq!(states.iter().filter(|state| **state == "sent").count(), orders);
        assert_eq!(states.iter().filter(|state| **state == "filled").count(), orders);

        // Once more from the beginning, by a recorder that knows nothing: nothing is added.
        let again = record_journal(&settings).await.expect("it is recorded");
        assert_eq!((again.rows, again.until), (0, progress.until));
        // And a batch whose answer was lost, by one that thinks it was not written.
        let mut store = Store::open(&bench.database()).await.expect("it is there");
        for batch in &batches {
            assert_eq!(store.write(&account(), batch).await.expect("it is taken"), 0);
        }
        assert_eq!(counts(&facts(&bench.database(), "paper").await), counts(&held));
        // The same facts under another name are those of another account.
        let other = RecorderSettings { account: "other".parse().expect("a name"), ..settings };
        assert_eq!(record_journal(&other).await.expect("it is recorded").rows, progress.rows);
    });
}

fn a_recorder_goes_on_where_another_one_broke_off(kind: Kind) {
    let Some(mut bench) = kind.bench() else { return };
    let (journal, _) = journal();
    let batches = batches(journal);
    let (first, rest) = batches.split_at(batches.len() / 2);
    let database = bench.database();
    runtime().block_on(async {
        let mut store = Store::open(&database).await.expect("it is made");
        for batch in first {
            store.write(&account(), batch).await.expect("it is taken");
        }
        if let Some(server) = &mut bench.server {
            server.kill();
            let error = store.write(&account(), &rest[0]).await.expect_err("nobody is there");
            assert!(matches!(error, StoreError::Unavailable { .. }), "{error:?}");
            assert!(!format!("{error} {error:?}").contains(tests::POSTGRES_PASSWORD));
            server.start_again();
        }
        let mut store = Store::open(&database).await.expect("it is there");
        let accounts = store.accounts().await.expect("it can be read");
        assert_eq!(accounts[0].until, first.last().expect("there are some").until, "what was answered was kept");
        let settings = RecorderSettings::new(database.clone(), account(), journal.clone());
        let progress = record_journal(&settings).await.expect("it is recorded");
        assert_eq!(progress.rows, rest.iter().map(|batch| batch.rows.len() as u64).sum::<u64>());
        assert_same(&facts(&database, "paper").await, &expected(&batches));
    });
}

/// An account that hears of fills of somebody else's orders.
fn traded_by_hand(folder: &Path, epoch: Option<u16>, trades: &[u64]) {
    let instrument = Instrument::new(InstrumentId::new(0), "BTC".parse().expect("a symbol"), Rules::ANY);
    let core = CoreSettings::new(AccountId::new(1), Arc::from([instrument]), Arc::from([]));
    let settings = JournalSettings { outputs_every: 0, ..JournalSettings::default() };
    let mut writer = Writer::open(folder, settings, &core, Vec::new()).expect("the folder can be written");
    let now = |ms: u64| Timestamp::from_millis(i64::try_from(ms).expect("it is small"));
    let first = match epoch {
        Some(epoch) => Input::Opened { epoch },
        None => Input::Deploy(Box::new(Deployment::new(StrategyId::new(0), [].into(), KnownEvents::default()))),
    };
    writer.input(now(0), &first).expect("it is written");
    for trade in trades {
        let fill = VenueFill {
            order: None,
            venue_order: VenueOrderId::new(7),
            trade_id: TradeId::new(*trade),
            instrument: InstrumentId::new(0),
            side: Side::Buy,
            price: Price::new(Decimal::from(100)).expect("positive"),
            size: Size::new(Decimal::ONE).expect("positive"),
            fee: Decimal::new(5, 2),
            maker: false,
            force: None,
            time: now(*trade),
        };
        writer.input(now(*trade), &Input::Venue(VenueEvent::Fill(Box::new(fill)))).expect("it is written");
    }
}

fn what_a_power_cut_took_back_is_forgotten(kind: Kind) {
    let Some(bench) = kind.bench() else { return };
    let folder = temp_dir();
    let journal = folder.path().join("journal");
    // The exchange tells the third trade twice.
    traded_by_hand(&journal, None, &[1, 2, 3, 3, 4, 5]);
    let settings = RecorderSettings::new(bench.database(), account(), journal.clone());
    let trades = |facts: &Facts| column(facts, Table::Fills, "trade").into_iter().map(str::to_owned).collect::<Vec<_>>();
    runtime().block_on(async {
        record_journal(&settings).await.expect("it is recorded");
        let held = facts(&bench.database(), "paper").await;
        assert_eq!(trades(&held), ["1", "2", "3", "4", "5"], "what is told again is no other fact");
        assert_eq!(column(&held, Table::Positions, "size"), ["1", "2", "3", "4", "5"]);

        // The disk never saw the last two records; the next process gives their numbers again, and hears of the trades again.
        let path = journal.join("00001-000001.journal");
        let bytes = std::fs::read(&path).expect("it is there");
        let mut record = bytes.windows(8).enumerate().filter(|(_, bytes)| *bytes == 8_u64.to_le_bytes()).map(|(at, _)| at - 5);
        let record = record.next_back().expect("the trade of record 8 is there");
        std::fs::write(&path, &bytes[..record]).expect("it can be written");
        traded_by_hand(&journal, Some(2), &[4, 5, 6]);
        record_journal(&settings).await.expect("it is recorded");
        let held = facts(&bench.database(), "paper").await;
        assert_eq!(trades(&held), ["1", "2", "3", "4", "5", "6"]);
        let epochs: BTreeMap<&str, &str> =
            column(&held, Table::Fills, "trade").into_iter().zip(column(&held, Table::Fills, "epoch")).collect();
        assert_eq!((epochs["3"], epochs["4"], epochs["6"]), ("1", "2", "2"));
        // The database is what the journal says.
        assert_same(&held, &expected(&batches(&journal)));
    });
}

fn another_journal_is_refused_under_the_same_name(kind: Kind) {
    let Some(bench) = kind.bench() else { return };
    let folder = temp_dir();
    let (one, other) = (folder.path().join("one"), folder.path().join("other"));
    traded_by_hand(&one, None, &[1]);
    traded_by_hand(&other, None, &[1]);
    runtime().block_on(async {
        let of = |journal: &Path| RecorderSettings::new(bench.database(), account(), journal.to_owned());
        record_journal(&of(&one)).await.expect("it is recorded");
        // Both began in the same millisecond with the same input: they are told apart by nothing, and are the same past.
        assert_eq!(record_journal(&of(&other)).await.expect("it is the same").rows, 0);
        let (third, fourth) = (folder.path().join("third"), folder.path().join("fourth"));
        std::fs::create_dir(&third).expect("it can be made");
        std::fs::copy(one.join("00001-000001.journal"), third.join("00001-000001.journal")).expect("it can be copied");
        assert_eq!(record_journal(&of(&third)).await.expect("a copy is the same").rows, 0);
        begun_later(&fourth);
        for journal in [&fourth, &folder.path().join("empty")] {
            let error = record_journal(&of(journal)).await.expect_err("it is another").to_string();
            assert!(error.contains("another journal for account paper") && error.contains("another name"), "{error}");
            assert!(!error.contains(tests::POSTGRES_PASSWORD), "{error}");
        }
    });
}

fn begun_later(folder: &Path) {
    let core = CoreSettings::new(AccountId::new(1), [].into(), [].into());
    let mut writer = Writer::open(folder, JournalSettings::default(), &core, Vec::new()).expect("the folder can be written");
    writer.input(Timestamp::from_millis(1), &Input::Wake).expect("it is written");
}

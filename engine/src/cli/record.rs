//! `calypte record`: the facts of a journal, into a database.

use super::database::DatabaseArgs;
use super::exit::{Ends as _, ExitStatus};
use super::output::Output;
use super::progress::{Unit, watch};
use crate::control::Control;
use crate::journal::Epoch;
use crate::record::{AccountName, RecorderSettings, record_journal};
use clap::Args;
use serde::Serialize;
use std::path::PathBuf;
use std::sync::Arc;

/// Brings a database up with a journal: what is there already stays as it is.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  calypte record state/journal --database sqlite:record.db --account paper\n\n\
    Exit codes: 0 everything is recorded; 2 wrong usage; 3 the journal is not fit; 4 the database takes nothing.")]
pub(super) struct RecordArgs {
    /// The folder of a journal.
    journal: PathBuf,
    #[command(flatten)]
    database: DatabaseArgs,
    /// What the account is called in the database.
    #[arg(long, value_name = "NAME", default_value = "paper")]
    account: AccountName,
}

#[derive(Serialize)]
struct RecordRecord {
    database: String,
    account: String,
    epoch: u32,
    record: u64,
    rows: u64,
}

pub(super) fn run(args: &RecordArgs, output: Output) -> anyhow::Result<ExitStatus> {
    let database = args.database.needed()?;
    // Where there is none, nothing is to be made in its name.
    Epoch::all(&args.journal).ends(ExitStatus::BadInput)?;
    let settings = RecorderSettings::new(database, args.account.clone(), args.journal.clone());
    let control = Arc::new(Control::default());
    let progress = watch(output, ("record", Unit::Things), &control, async { Ok(record_journal(&settings).await?) })?;
    let record = RecordRecord {
        database: settings.database.to_string(),
        account: settings.account.to_string(),
        epoch: progress.until.epoch,
        record: progress.until.record,
        rows: progress.rows,
    };
    output.answer(&record, || {
        let RecordRecord { database, account, epoch, record, rows } = &record;
        format!("{rows} new rows of {account} in {database}, up to record {record} of epoch {epoch}\n")
    })?;
    Ok(ExitStatus::Ok)
}

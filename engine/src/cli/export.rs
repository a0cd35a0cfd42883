//! `calypte export`: recorded facts as a file.

use super::database::DatabaseArgs;
use super::exit::{ExitStatus, Failure};
use super::output::Output;
use super::progress::{Unit, watch};
use crate::calendar::parse_time;
use crate::control::Control;
use crate::record::{AccountName, Format, Selection, Store, Table, export};
use calypte_kernel::Timestamp;
use clap::builder::{PossibleValuesParser, TypedValueParser as _};
use clap::{Args, ValueEnum};
use serde::Serialize;
use std::path::PathBuf;
use std::sync::Arc;

/// Writes recorded facts of an account to a CSV or Parquet file.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  calypte export --database sqlite:state/record.db --what fills --out fills.csv\n\n\
    Exit codes: 0 the file is there; 2 wrong usage; 4 the database cannot be read, or the file not written.")]
pub(super) struct ExportArgs {
    #[command(flatten)]
    database: DatabaseArgs,
    /// Which facts.
    #[arg(long, value_parser = PossibleValuesParser::new(Table::ALL.map(Table::name))
        .map(|name| Table::named(&name).expect("only names of tables pass")))]
    what: Table,
    /// Whose; needed where the database holds several accounts.
    #[arg(long, value_name = "NAME")]
    account: Option<AccountName>,
    /// The file's format; else what its name ends with.
    #[arg(long, value_enum)]
    format: Option<FormatName>,
    /// Facts of this time or later.
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    from: Option<Timestamp>,
    /// Facts before this time.
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    to: Option<Timestamp>,
    /// The file. It appears when it is whole.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

/// A format of files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum FormatName {
    /// Comma separated, with a header.
    Csv,
    /// Parquet.
    Parquet,
}

#[derive(Serialize)]
struct ExportRecord {
    what: &'static str,
    account: String,
    rows: u64,
    out: String,
}

pub(super) fn run(args: &ExportArgs, output: Output) -> anyhow::Result<ExitStatus> {
    let database = args.database.needed()?;
    let format = match args.format {
        Some(FormatName::Csv) => Format::Csv,
        Some(FormatName::Parquet) => Format::Parquet,
        None => Format::of(&args.out).ok_or_else(|| {
            let words = format!("--out {}: end the name with .csv or .parquet, or say --format", args.out.display());
            Failure::new(ExitStatus::Usage, words)
        })?,
    };
    let control = Arc::new(Control::default());
    let record = watch(output, ("export", Unit::Things), &control, async {
        let mut store = Store::open_to_read(&database).await?;
        let account = account(&mut store, args.account.as_ref()).await?;
        let [from_ms, to_ms] = [args.from, args.to].map(|time| time.map(Timestamp::as_millis));
        let selection = Selection { table: args.what, account, from_ms, to_ms };
        let exported = export(&mut store, &selection, format, &args.out).await?;
        let (what, account) = (args.what.name(), selection.account.to_string());
        Ok(ExportRecord { what, account, rows: exported.rows, out: args.out.display().to_string() })
    })?;
    output.answer(&record, || {
        let ExportRecord { what, account, rows, out } = &record;
        format!("{rows} rows of {what} of {account} in {out}\n")
    })?;
    Ok(ExitStatus::Ok)
}

/// The account that is meant: the one that is named, else the only one there is.
async fn account(store: &mut Store, named: Option<&AccountName>) -> anyhow::Result<AccountName> {
    let accounts = store.accounts().await?;
    let names = accounts.iter().map(|account| account.account.as_str()).collect::<Vec<_>>();
    let there_are = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
    match (named, names.as_slice()) {
        (Some(named), _) if names.contains(&named.as_str()) => Ok(named.clone()),
        (None, [only]) => Ok(only.parse()?),
        (Some(named), _) => {
            let words = format!("the database has no account {named}; there are {there_are}");
            Err(Failure::new(ExitStatus::Usage, words).into())
        }
        (None, _) => {
            let words = format!("say which account's facts with --account: there are {there_are}");
            Err(Failure::new(ExitStatus::Usage, words).into())
        }
    }
}

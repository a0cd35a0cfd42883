//! `calypte data fetch`: candles or funding rates from the exchange, into the files that a backtest reads.
//!
//! What is in the file already is not asked for again, except for the last of it, which shows that the file and the exchange speak of
//! the same market. The file is replaced when what takes its place is whole.

mod candles;
mod funding;

use crate::calendar::{format_time, parse_time};
use crate::cli::exit::{Ends, ExitStatus, Failure};
use crate::cli::network::ReachFlags;
use crate::cli::output::Output;
use crate::cli::progress::{Unit, watch};
use crate::config::ExchangeNetwork;
use crate::control::Control;
use crate::data::timeframe_in_name;
use crate::exchange::{Exchange, time_ahead_ms_max};
use crate::past::{FUNDING_MS, Past, PastError};
use calypte_kernel::{Symbol, Timeframe, Timestamp};
use calypte_venues::ambient::Machine;
use clap::Args;
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Fetches candles, or funding rates, from the exchange; goes on where the file ends.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  calypte data fetch --symbol BTC --timeframe 1m --from 2026-11-20\n  \
    calypte data fetch --symbol BTC --funding --from 2026-01-01 --out btc-funding.csv\n\n\
    Exit codes: 0 done; 1 there is nothing in the period; 2 wrong usage; 3 the file that is there is not fit;\n\
    4 the exchange or the machine refuses; 130 interrupted. After all of them the file is whole.")]
pub(in crate::cli) struct FetchArgs {
    /// Of which instrument.
    #[arg(long)]
    symbol: Symbol,
    /// Length of the candles.
    #[arg(long, default_value = "1m")]
    timeframe: Timeframe,
    /// Funding rates instead of candles.
    #[arg(long, conflicts_with = "timeframe")]
    funding: bool,
    /// From when on: `2024-01-31`, `2024-01-31T12:30` (UTC) or Unix milliseconds.
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    from: Timestamp,
    /// Until when, that time not included [default: now].
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    to: Option<Timestamp>,
    /// The file: of candles .csv, .csv.gz, .csv.zst or .parquet, of funding rates .csv [default: SYMBOL-TIMEFRAME.csv or
    /// SYMBOL-funding.csv]. What it holds already stays.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Which exchange: the real one's networks, or the one that `calypte devnet` serves.
    #[arg(long, value_enum, default_value_t = ExchangeNetwork::Mainnet)]
    network: ExchangeNetwork,
    #[command(flatten)]
    reach: ReachFlags,
}

/// What was fetched.
#[derive(Serialize)]
struct FetchedRecord {
    file: String,
    network: ExchangeNetwork,
    symbol: String,
    kind: &'static str,
    timeframe: Option<String>,
    /// Rows that were fetched now.
    fetched: u64,
    /// Rows of the file.
    rows: u64,
    first: Option<String>,
    last: Option<String>,
    /// Rows that could be between the first and the last and are not: nobody traded, or the exchange keeps them no longer.
    absent: u64,
}

/// Which times are wanted.
#[derive(Debug, Clone, Copy)]
struct Period {
    from: Timestamp,
    /// Not included. Where the market's time may run ahead of the exchange's, it is as far ahead as that.
    until: Timestamp,
    /// The exchange's time.
    now: Timestamp,
}

impl Period {
    /// What of it has passed, in milliseconds from a time on.
    fn passed_from(&self, time: Timestamp) -> u64 {
        self.until.min(self.now).millis_since(time)
    }
}

/// What a file has come to.
#[derive(Debug, Default, Clone, Copy)]
struct Stand {
    fetched: u64,
    rows: u64,
    span: Option<(Timestamp, Timestamp)>,
}

impl Stand {
    fn add(&mut self, time: Timestamp, is_new: bool) {
        self.rows += 1;
        self.fetched += u64::from(is_new);
        self.span = Some((self.span.map_or(time, |(first, _)| first), time));
    }
}

/// What the file has come to, and why not further.
type Fetched = (Stand, Option<PastError>);

impl FetchArgs {
    /// The file, where what was said makes sense.
    fn checked(&self) -> Result<PathBuf, Failure> {
        let usage = |words: String| Err(Failure::new(ExitStatus::Usage, words));
        let kind = if self.funding { "funding".to_owned() } else { self.timeframe.to_string() };
        let out = self.out.clone().unwrap_or_else(|| format!("{}-{kind}.csv", self.symbol).into());
        let file = out.display();
        if self.to.is_some_and(|to| to <= self.from) {
            return usage("--to is not later than --from: there is nothing between them".to_owned());
        }
        if self.funding && out.extension().is_none_or(|extension| extension != "csv") {
            return usage(format!("--out {file}: funding rates are written as .csv"));
        }
        match timeframe_in_name(&out) {
            Some(named) if !self.funding && named != self.timeframe => {
                usage(format!("--out {file}: its name says candles of {named}, and --timeframe {}", self.timeframe))
            }
            _ => Ok(out),
        }
    }

    fn period(&self, now: Timestamp) -> Result<Period, Failure> {
        let end = now.saturating_add(time_ahead_ms_max(self.network));
        if self.from >= end {
            let words = format!("--from {} is yet to come: it is {} there", format_time(self.from), format_time(now));
            return Err(Failure::new(ExitStatus::Usage, words));
        }
        Ok(Period { from: self.from, until: self.to.map_or(end, |to| to.min(end)), now })
    }

    /// That the last row of the file is not what the exchange has at that time.
    fn is_another(&self, out: &Path, time: Timestamp) -> Failure {
        let (file, symbol, network, time) = (out.display(), &self.symbol, self.network, format_time(time));
        let words = format!("{file}: its last row, of {time}, is another than {network} has of {symbol}: give another --out");
        Failure::new(ExitStatus::BadInput, words)
    }
}

pub(super) fn run(args: &FetchArgs, output: Output) -> anyhow::Result<ExitStatus> {
    let out = args.checked()?;
    let (kind, step) = if args.funding { ("funding", FUNDING_MS) } else { ("candles", args.timeframe.as_millis()) };
    let exchange = Exchange::new(&args.reach.place(args.network), Arc::new(Machine)).ends(ExitStatus::Usage)?;
    let control = Arc::new(Control::default());
    let (stand, ended) = watch(output, ("data fetch", Unit::Things), &control, async {
        let past = Past::open(&exchange, &args.symbol, &control).await.map_err(failure)?;
        let period = args.period(past.now().await.map_err(failure)?)?;
        if args.funding {
            funding::fetch(args, &out, (&past, &control), period).await
        } else {
            candles::fetch(args, &out, (&past, &control), period).await
        }
    })?;
    let file = out.display().to_string();
    match ended {
        Some(error) if stand.rows > 0 => {
            let kept = format!("{file} holds {} rows: the same command goes on behind them", stand.rows);
            return Err(anyhow::Error::from(failure(error)).context(kept));
        }
        Some(error) => return Err(failure(error).into()),
        None if stand.rows == 0 => {
            let words = format!("the exchange has no {kind} of {} in the period: nothing is written", args.symbol);
            return Err(Failure::new(ExitStatus::Failed, words).into());
        }
        None => {}
    }
    let slots = stand.span.map_or(0, |(first, last)| last.millis_since(first) / step + 1);
    let record = FetchedRecord {
        file,
        network: args.network,
        symbol: args.symbol.to_string(),
        kind,
        timeframe: (!args.funding).then(|| args.timeframe.to_string()),
        fetched: stand.fetched,
        rows: stand.rows,
        first: stand.span.map(|(first, _)| format_time(first)),
        last: stand.span.map(|(_, last)| format_time(last)),
        absent: slots.saturating_sub(stand.rows),
    };
    output.answer(&record, || words_of(&record))?;
    Ok(ExitStatus::Ok)
}

fn words_of(record: &FetchedRecord) -> String {
    let FetchedRecord { file, kind, fetched, rows, first, last, absent, .. } = record;
    let span = first.as_ref().zip(last.as_ref()).map(|(first, last)| format!(", {first} to {last}")).unwrap_or_default();
    let absent = if *absent > 0 { format!("; {absent} between them are not there") } else { String::new() };
    let kind = if *kind == "funding" { "funding rates" } else { *kind };
    format!("{file}: {fetched} {kind} fetched, {rows} in all{span}{absent}\n")
}

/// How the program ends with it.
fn failure(error: PastError) -> Failure {
    let status = match &error {
        PastError::Cancelled => ExitStatus::Cancelled,
        PastError::Asset(_) | PastError::Timeframe(_) => ExitStatus::Usage,
        PastError::NoAnswer { .. } => ExitStatus::Environment,
    };
    Failure::of(status, error)
}

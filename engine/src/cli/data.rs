//! `calypte data`: fetches data, looks at data files, makes longer candles of shorter ones, makes candles up.

mod check;
mod fetch;

use super::exit::{Ends, ExitStatus, Failure};
use super::output::Output;
use super::progress::{Unit, watch};
use super::run_flags::{PolicyFlags, ReadingFlags};
use crate::calendar::{format_time, parse_time};
use crate::control::Control;
use crate::data::{CandleFile, CandleWriter, DataError, ReadOptions, Resampled, Synth, SynthSettings, timeframe_of};
use crate::file::is_same;
use calypte_kernel::{Timeframe, Timestamp};
use calypte_sim::{BATCH_MAX, CandleSource, SourceItem};
use check::CheckArgs;
use clap::{Args, Subcommand};
use fetch::FetchArgs;
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Fetches data from the exchange and checks files of it; resamples candles and makes them up.
#[derive(Debug, Subcommand)]
#[command(after_help = "Example:\n  calypte data check candles.csv\n\n\
    Ends with 0, with 1 where `check` finds a fault; all exit codes are in engine/docs/cli.md.")]
pub(super) enum DataCommand {
    Check(CheckArgs),
    Fetch(FetchArgs),
    Resample(ResampleArgs),
    Synth(SynthArgs),
}

/// Makes longer candles of shorter ones.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  calypte data resample candles.csv --timeframe 1h --out candles-1h.csv.zst")]
pub(super) struct ResampleArgs {
    /// The shorter candles.
    file: PathBuf,
    /// Length of the candles to make.
    #[arg(long)]
    timeframe: Timeframe,
    /// Length of the candles in the file [default: as its name or its rows say].
    #[arg(long, value_name = "TIMEFRAME")]
    of: Option<Timeframe>,
    /// File to write: .csv, .csv.gz, .csv.zst or .parquet.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    #[command(flatten)]
    reading: ReadingFlags,
    #[command(flatten)]
    policies: PolicyFlags,
}

/// Makes candles up: a market that wanders, the same for the same seed.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  calypte data synth --candles 100000 --out candles.csv")]
pub(super) struct SynthArgs {
    /// How many.
    #[arg(long, default_value_t = 10_000)]
    candles: u64,
    /// Length of a candle.
    #[arg(long, default_value = "1m")]
    timeframe: Timeframe,
    /// When the first one opens.
    #[arg(long, value_name = "TIME", default_value = "2024-01-01", value_parser = parse_time)]
    start: Timestamp,
    /// Other seeds give other markets.
    #[arg(long, default_value_t = SynthSettings::default().seed)]
    seed: u64,
    /// File to write: .csv, .csv.gz, .csv.zst or .parquet.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

#[derive(Serialize)]
struct WrittenRecord {
    file: String,
    candles: u64,
    timeframe: String,
    first: Option<String>,
    last: Option<String>,
}

pub(super) fn run(command: DataCommand, output: Output) -> anyhow::Result<ExitStatus> {
    match command {
        DataCommand::Check(args) => check::run(&args, output),
        DataCommand::Fetch(args) => fetch::run(&args, output),
        DataCommand::Resample(args) => resample(&args, output),
        DataCommand::Synth(args) => synth(&args, output),
    }
}

impl ReadingFlags {
    pub(super) fn options(&self, timeframe: Timeframe, policies: &PolicyFlags) -> ReadOptions {
        ReadOptions {
            timeframe,
            columns: self.columns.clone(),
            time: self.time,
            label: self.label,
            on_fault: policies.on_bad_data,
            on_gap: policies.gaps,
            from: self.from,
            to: self.to,
        }
    }
}

impl ResampleArgs {
    /// With the length of the file's candles: as said, else as the file says.
    fn options(&self, output: Output) -> Result<ReadOptions, Failure> {
        let (file, said) = (&self.file, self.of);
        let mut options = self.reading.options(said.unwrap_or(Timeframe::MINUTE), &self.policies);
        if said.is_none() {
            let found = timeframe_of(file, &options).ends(ExitStatus::BadInput)?;
            let name = file.display();
            let (timeframe, from) = found.ok_or_else(|| {
                let words = format!("{name}: neither its name nor its rows say how long its candles are: give --of");
                Failure::new(ExitStatus::BadInput, words)
            })?;
            output.remark(&format!("{name}: candles of {timeframe}, {}", from.words()));
            options.timeframe = timeframe;
        }
        Ok(options)
    }
}

fn resample(args: &ResampleArgs, output: Output) -> anyhow::Result<ExitStatus> {
    if is_same(&args.file, &args.out) {
        let words = format!("--out {} is the file that is read: give it another name", args.out.display());
        return Err(Failure::new(ExitStatus::Usage, words).into());
    }
    let options = args.options(output)?;
    let control = Arc::new(Control::default());
    let file = CandleFile::open(&args.file, &options).ends(ExitStatus::BadInput)?.watched(Arc::clone(&control));
    control.expect(file.length());
    let mut source = Resampled::new(file, options.timeframe, args.timeframe).ends(ExitStatus::Usage)?;
    let mut written = Written::create(&args.out)?;
    let written = watch(output, ("data resample", Unit::Bytes), &control, async {
        let mut batch = Vec::new();
        while source.next_batch(&mut batch).ends(ExitStatus::BadInput)? {
            for item in batch.drain(..) {
                if let SourceItem::Candle(candle) = item {
                    written.add(&candle)?;
                }
            }
            go_on(&control)?;
        }
        Ok(written)
    })?;
    if written.candles == 0 {
        let (file, from, to) = (args.file.display(), options.timeframe, args.timeframe);
        let words = format!("{file}: its candles of {from} make no whole candle of {to} in the period: nothing is written");
        return Err(Failure::new(ExitStatus::BadInput, words).into());
    }
    written.end(args.timeframe, output)
}

fn synth(args: &SynthArgs, output: Output) -> anyhow::Result<ExitStatus> {
    let settings = SynthSettings {
        seed: args.seed,
        start: args.start,
        timeframe: args.timeframe,
        candles: args.candles,
        ..SynthSettings::default()
    };
    let mut source = Synth::new(&settings).ends(ExitStatus::Usage)?;
    let control = Arc::new(Control::default());
    control.expect(args.candles);
    let mut written = Written::create(&args.out)?;
    let written = watch(output, ("data synth", Unit::Things), &control, async {
        loop {
            let before = written.candles;
            for candle in source.by_ref().take(BATCH_MAX) {
                written.add(&candle)?;
            }
            if written.candles == before {
                return Ok(written);
            }
            control.reach(written.candles);
            go_on(&control)?;
        }
    })?;
    written.end(args.timeframe, output)
}

/// Fails once somebody has asked for an end: half a file is none.
fn go_on(control: &Control) -> Result<(), Failure> {
    if control.is_cancelled() {
        return Err(Failure::new(ExitStatus::Cancelled, "ended by an interrupt: nothing is written"));
    }
    Ok(())
}

/// A file being written, with what the answer says about it.
struct Written {
    path: PathBuf,
    writer: CandleWriter,
    candles: u64,
    span: Option<(Timestamp, Timestamp)>,
}

impl Written {
    fn create(path: &Path) -> Result<Self, Failure> {
        let writer = CandleWriter::create(path).map_err(|error| match error {
            // The name says no format.
            DataError::Shape { .. } => Failure::of(ExitStatus::Usage, error),
            error => Failure::of(ExitStatus::Environment, error),
        })?;
        Ok(Self { path: path.to_owned(), writer, candles: 0, span: None })
    }

    fn add(&mut self, candle: &calypte_kernel::Candle) -> Result<(), Failure> {
        self.writer.write(candle).ends(ExitStatus::Environment)?;
        self.candles += 1;
        self.span = Some((self.span.map_or(candle.open_time, |(first, _)| first), candle.open_time));
        Ok(())
    }

    fn end(self, timeframe: Timeframe, output: Output) -> anyhow::Result<ExitStatus> {
        self.writer.finish().ends(ExitStatus::Environment)?;
        let record = WrittenRecord {
            file: self.path.display().to_string(),
            candles: self.candles,
            timeframe: timeframe.to_string(),
            first: self.span.map(|(first, _)| format_time(first)),
            last: self.span.map(|(_, last)| format_time(last)),
        };
        output.answer(&record, || format!("wrote {} ({} candles of {timeframe})\n", record.file, record.candles))?;
        Ok(ExitStatus::Ok)
    }
}

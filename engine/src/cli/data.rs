//! `calypte data`: looks at candle files, makes longer candles of them, makes candles up.

use super::exit::{Ends, ExitStatus, Failure};
use super::output::Output;
use super::run_flags::ReadingFlags;
use crate::calendar::{format_time, parse_time};
use crate::data::{
    CandleFile, CandleWriter, DataError, ReadOptions, Resampled, Survey, Synth, SynthSettings, survey, timeframe_of,
};
use crate::report::escape_terminal;
use calypte_kernel::{Timeframe, Timestamp};
use calypte_sim::{CandleSource, SourceItem};
use clap::{Args, Subcommand};
use serde::Serialize;
use std::fmt::Write;
use std::path::{Path, PathBuf};

/// Checks, resamples and makes up candle files.
#[derive(Debug, Subcommand)]
pub(super) enum DataCommand {
    Check(CheckArgs),
    Resample(ResampleArgs),
    Synth(SynthArgs),
}

/// Reads candle files to the end and says what is in them: faults, gaps, oddities, each with its place.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  calypte data check candles.csv")]
pub(super) struct CheckArgs {
    /// Candle files.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Length of the candles [default: as the file's name or its rows say].
    #[arg(long)]
    timeframe: Option<Timeframe>,
    #[command(flatten)]
    reading: ReadingFlags,
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
struct CheckRecord {
    usable: bool,
    files: Vec<FileRecord>,
}

/// A file that was looked at, or the reason why it could not be.
#[derive(Serialize)]
#[serde(untagged)]
enum FileRecord {
    Survey(Box<Survey>),
    Unusable { file: String, usable: bool, ended_by: String },
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
        DataCommand::Check(args) => check(&args, output),
        DataCommand::Resample(args) => resample(&args, output),
        DataCommand::Synth(args) => synth(&args, output),
    }
}

impl ReadingFlags {
    fn options(&self, timeframe: Timeframe) -> ReadOptions {
        ReadOptions {
            timeframe,
            columns: self.columns.clone(),
            time: self.time,
            label: self.label,
            on_fault: self.on_bad_data,
            on_gap: self.gaps,
            from: self.from,
            to: self.to,
        }
    }

    /// With the length of the file's candles: as said, else as the file says.
    fn options_of(&self, file: &Path, said: Option<Timeframe>, flag: &str) -> Result<ReadOptions, Failure> {
        let mut options = self.options(said.unwrap_or(Timeframe::MINUTE));
        if said.is_none() {
            let found = timeframe_of(file, &options).ends(ExitStatus::BadInput)?;
            options.timeframe = found.ok_or_else(|| {
                let file = file.display();
                Failure::new(
                    ExitStatus::BadInput,
                    format!("{file}: neither its name nor its rows say how long its candles are: give {flag}"),
                )
            })?;
        }
        Ok(options)
    }
}

fn check(args: &CheckArgs, output: Output) -> anyhow::Result<ExitStatus> {
    let files = args.files.iter().map(|file| look_at(file, args)).collect::<Result<Vec<_>, Failure>>()?;
    let record = CheckRecord { usable: files.iter().all(FileRecord::is_usable), files };
    output.answer(&record, || record.files.iter().map(FileRecord::words).collect());
    Ok(if record.usable { ExitStatus::Ok } else { ExitStatus::Failed })
}

/// A file that is no table of candles is a finding; one that cannot be opened is an error.
fn look_at(file: &Path, args: &CheckArgs) -> Result<FileRecord, Failure> {
    let unusable = |error: &dyn std::fmt::Display| FileRecord::Unusable {
        file: file.display().to_string(),
        usable: false,
        ended_by: error.to_string(),
    };
    let mut options = args.reading.options(args.timeframe.unwrap_or(Timeframe::MINUTE));
    if args.timeframe.is_none() {
        options.timeframe = match timeframe_of(file, &options) {
            Ok(Some(timeframe)) => timeframe,
            Ok(None) => options.timeframe,
            Err(error @ DataError::Unreadable { .. }) => return Err(Failure::of(ExitStatus::BadInput, error)),
            Err(error) => return Ok(unusable(&error)),
        };
    }
    match survey(file, &options) {
        Ok(survey) => Ok(FileRecord::Survey(Box::new(survey))),
        Err(error @ DataError::Unreadable { .. }) => Err(Failure::of(ExitStatus::BadInput, error)),
        Err(error) => Ok(unusable(&error)),
    }
}

impl FileRecord {
    const fn is_usable(&self) -> bool {
        match self {
            Self::Survey(survey) => survey.usable,
            Self::Unusable { usable, .. } => *usable,
        }
    }

    fn words(&self) -> String {
        let survey = match self {
            Self::Survey(survey) => survey,
            Self::Unusable { ended_by, .. } => return escape_terminal(&format!("{ended_by}\n")),
        };
        let mut text = String::new();
        let verdict = if survey.usable { "usable" } else { "not usable as it is" };
        let span = match (&survey.first, &survey.last) {
            (Some(first), Some(last)) => format!(", {first} to {last}"),
            _ => String::new(),
        };
        writeln!(text, "{}: {verdict}: {} candles of {}{span}", survey.file, survey.candles, survey.timeframe)
            .expect("text grows");
        let mut line = |words: String| writeln!(text, "  {words}").expect("text grows");
        if let Some(reason) = &survey.ended_by {
            line(format!("ended early: {reason}"));
        }
        for (kind, fault) in &survey.faults {
            line(format!("{kind}: {}", fault.count));
            for example in &fault.examples {
                line(format!("  {example}"));
            }
        }
        if survey.gaps.count > 0 {
            line(format!("gaps: {}, {} candles missing", survey.gaps.count, survey.gaps.missing));
            for example in &survey.gaps.examples {
                line(format!("  {example}"));
            }
        }
        let oddities = [
            ("candles without volume", survey.zero_volume),
            ("with a range and yet without volume", survey.range_without_volume),
            ("unusually large moves", survey.jumps.count),
        ];
        for (name, count) in oddities.into_iter().filter(|(_, count)| *count > 0) {
            line(format!("{name}: {count}"));
        }
        if survey.last_line_unended {
            line("the last line has no end: its last number may be cut".to_owned());
        }
        escape_terminal(&text)
    }
}

fn resample(args: &ResampleArgs, output: Output) -> anyhow::Result<ExitStatus> {
    let options = args.reading.options_of(&args.file, args.of, "--of")?;
    let file = CandleFile::open(&args.file, &options).ends(ExitStatus::BadInput)?;
    let mut source = Resampled::new(file, options.timeframe, args.timeframe).ends(ExitStatus::Usage)?;
    let mut written = Written::create(&args.out)?;
    let mut batch = Vec::new();
    while source.next_batch(&mut batch).ends(ExitStatus::BadInput)? {
        for item in batch.drain(..) {
            if let SourceItem::Candle(candle) = item {
                written.add(&candle)?;
            }
        }
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
    let mut written = Written::create(&args.out)?;
    for candle in Synth::new(&settings) {
        written.add(&candle)?;
    }
    written.end(args.timeframe, output)
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
        let writer = CandleWriter::create(path).ends(ExitStatus::Environment)?;
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
        output.answer(&record, || format!("wrote {} ({} candles of {timeframe})\n", record.file, record.candles));
        Ok(ExitStatus::Ok)
    }
}

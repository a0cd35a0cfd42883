//! `calypte data`: looks at candle files, makes longer candles of them, makes candles up.

use super::exit::{Ends, ExitStatus, Failure};
use super::output::Output;
use super::progress::{Unit, watch};
use super::run_flags::ReadingFlags;
use crate::calendar::{format_time, parse_time};
use crate::control::Control;
use crate::data::{
    CandleFile, CandleWriter, DataError, ReadOptions, Resampled, Survey, Synth, SynthSettings, TimeframeFrom, survey,
    timeframe_of,
};
use crate::file::is_same;
use crate::report::escape_terminal;
use crate::request::DataSpec;
use crate::request::data_spec::NotADataSpec;
use calypte_kernel::{Timeframe, Timestamp};
use calypte_sim::{BATCH_MAX, CandleSource, SourceItem};
use clap::{Args, Subcommand};
use serde::Serialize;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Checks, resamples and makes up candle files.
#[derive(Debug, Subcommand)]
pub(super) enum DataCommand {
    Check(CheckArgs),
    Resample(ResampleArgs),
    Synth(SynthArgs),
}

/// Reads candle files to the end and says what is in them: faults, gaps, oddities, each with its place.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  calypte data check candles.csv\n  calypte data check BTC:1m=btc.csv.gz ETH:5m=eth.parquet"
)]
pub(super) struct CheckArgs {
    /// Candle files; with the length of their candles as in `--data` of a backtest.
    #[arg(required = true, value_name = "[SYMBOL:TIMEFRAME=]FILE")]
    files: Vec<PathBuf>,
    /// Length of the candles [default: as the argument, else the file's name, else its rows say].
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
    Survey {
        #[serde(flatten)]
        survey: Box<Survey>,
        /// How the length of the candles is known.
        timeframe_from: &'static str,
        #[serde(skip)]
        from: TimeframeFrom,
    },
    Unusable {
        file: String,
        usable: bool,
        ended_by: String,
        /// How the program ends with it.
        #[serde(skip)]
        status: ExitStatus,
    },
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
    fn options_of(&self, file: &Path, said: Option<Timeframe>, output: Output) -> Result<ReadOptions, Failure> {
        let mut options = self.options(said.unwrap_or(Timeframe::MINUTE));
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

fn check(args: &CheckArgs, output: Output) -> anyhow::Result<ExitStatus> {
    let targets = args.files.iter().map(|argument| target(argument, args.timeframe)).collect::<Result<Vec<_>, _>>()?;
    let control = Arc::new(Control::default());
    // A file that is not there is told about when its turn comes.
    control.expect(targets.iter().map(|(file, _)| std::fs::metadata(file).map_or(0, |file| file.len())).sum());
    let files = watch(output, ("data check", Unit::Bytes), &control, async {
        let looked = targets.iter().map(|(file, said)| look_at(file, *said, &args.reading, &control));
        Ok(looked.collect::<Result<Vec<_>, Failure>>()?)
    })?;
    let record = CheckRecord { usable: files.iter().all(FileRecord::is_usable), files };
    output.answer(&record, || record.files.iter().map(FileRecord::words).collect())?;
    // A file that cannot be read is worse than one with faults: of that one all is known.
    let statuses = record.files.iter().map(FileRecord::status);
    Ok(statuses.max_by_key(|status| *status as u8).unwrap_or(ExitStatus::Ok))
}

/// What an argument of `check` names: a file, with the length of its candles where that is said.
fn target(argument: &Path, said: Option<Timeframe>) -> Result<(PathBuf, Option<Timeframe>), Failure> {
    let spec = argument.to_str().filter(|_| !argument.exists()).map(str::parse::<DataSpec>);
    match spec {
        Some(Ok(spec)) if said.is_some_and(|said| said != spec.timeframe) => {
            let words = format!("{}: --timeframe says otherwise: leave one out", argument.display());
            Err(Failure::new(ExitStatus::Usage, words))
        }
        Some(Ok(spec)) => Ok((spec.file, Some(spec.timeframe))),
        Some(Err(error @ (NotADataSpec::Symbol(_) | NotADataSpec::Timeframe(_)))) => {
            Err(Failure::new(ExitStatus::Usage, format!("{}: {error}", argument.display())))
        }
        Some(Err(NotADataSpec::Shape)) | None => Ok((argument.to_owned(), said)),
    }
}

/// A file that is no table of candles, or cannot be opened, is a finding among those of the other files.
fn look_at(
    file: &Path,
    said: Option<Timeframe>,
    reading: &ReadingFlags,
    control: &Arc<Control>,
) -> Result<FileRecord, Failure> {
    let looked = || {
        let mut options = reading.options(said.unwrap_or(Timeframe::MINUTE));
        let mut from = TimeframeFrom::Said;
        if said.is_none() {
            (options.timeframe, from) = timeframe_of(file, &options)?.unwrap_or((options.timeframe, TimeframeFrom::Assumed));
        }
        let survey = Box::new(survey(file, &options, control)?);
        Ok(FileRecord::Survey { survey, timeframe_from: from.name(), from })
    };
    match looked() {
        Err(error @ DataError::Cancelled { .. }) => Err(Failure::of(ExitStatus::Cancelled, error)),
        Err(error) => {
            let unreadable = matches!(error, DataError::Unreadable { .. });
            let status = if unreadable { ExitStatus::BadInput } else { ExitStatus::Failed };
            let ended_by = format!("{:#}", anyhow::Error::new(error));
            Ok(FileRecord::Unusable { file: file.display().to_string(), usable: false, ended_by, status })
        }
        Ok(record) => Ok(record),
    }
}

impl FileRecord {
    const fn is_usable(&self) -> bool {
        match self {
            Self::Survey { survey, .. } => survey.usable,
            Self::Unusable { usable, .. } => *usable,
        }
    }

    const fn status(&self) -> ExitStatus {
        match self {
            Self::Survey { survey, .. } if survey.usable => ExitStatus::Ok,
            Self::Survey { .. } => ExitStatus::Failed,
            Self::Unusable { status, .. } => *status,
        }
    }

    fn words(&self) -> String {
        let (survey, from) = match self {
            Self::Survey { survey, from, .. } => (survey, from.words()),
            Self::Unusable { ended_by, .. } => return escape_terminal(&format!("{ended_by}\n")),
        };
        let mut text = String::new();
        let verdict = if survey.usable { "usable" } else { "not usable as it is" };
        let span = match (&survey.first, &survey.last) {
            (Some(first), Some(last)) => format!(", {first} to {last}"),
            _ => String::new(),
        };
        let Survey { file, candles, timeframe, .. } = &**survey;
        writeln!(text, "{file}: {verdict}: {candles} candles of {timeframe} ({from}){span}").expect("text grows");
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
    if is_same(&args.file, &args.out) {
        let words = format!("--out {} is the file that is read: give it another name", args.out.display());
        return Err(Failure::new(ExitStatus::Usage, words).into());
    }
    let options = args.reading.options_of(&args.file, args.of, output)?;
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

//! `calypte data check`: what is in files of candles and ticks, and whether a backtest can use them as they are.

use crate::cli::exit::{ExitStatus, Failure};
use crate::cli::output::Output;
use crate::cli::progress::{Unit, watch};
use crate::cli::run_flags::{PolicyFlags, ReadingFlags};
use crate::control::Control;
use crate::data::{
    DataError, ReadOptions, Survey, SurveyFault, TickSurvey, TimeframeFrom, survey, survey_ticks, tick_kind_of, timeframe_of,
};
use crate::report::escape_terminal;
use crate::request::DataArgument;
use crate::request::data_spec::NotADataSpec;
use crate::run::Content;
use calypte_kernel::Timeframe;
use clap::Args;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Reads data files to the end and says what is in them: faults, gaps, oddities, each with its place.
///
/// Trades, quotes, books and funding rates are told from candles by their header.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  calypte data check candles.csv\n  calypte data check BTC:1m=btc.csv.gz ETH:5m=eth.parquet BTC:funding=rates.csv"
)]
pub(in crate::cli) struct CheckArgs {
    /// Files; with the length of their candles, or trades, quotes, book or funding, as in `--data` of a backtest.
    #[arg(required = true, value_name = "[SYMBOL:TIMEFRAME=]FILE")]
    files: Vec<PathBuf>,
    /// Length of the candles [default: as the argument, else the file's name, else its rows say].
    #[arg(long)]
    timeframe: Option<Timeframe>,
    #[command(flatten)]
    reading: ReadingFlags,
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
    Candles {
        #[serde(flatten)]
        survey: Box<Survey>,
        /// How the length of the candles is known.
        timeframe_from: &'static str,
        #[serde(skip)]
        from: TimeframeFrom,
    },
    Ticks(Box<TickSurvey>),
    Unusable {
        file: String,
        usable: bool,
        ended_by: String,
        /// How the program ends with it.
        #[serde(skip)]
        status: ExitStatus,
    },
}

pub(super) fn run(args: &CheckArgs, output: Output) -> anyhow::Result<ExitStatus> {
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
fn target(argument: &Path, said: Option<Timeframe>) -> Result<(PathBuf, Option<Content>), Failure> {
    let spec = argument.to_str().filter(|_| !argument.exists()).map(str::parse::<DataArgument>);
    let (file, content) = match spec {
        Some(Ok(DataArgument::Candles(spec))) => (spec.file, Some(Content::Candles(spec.timeframe))),
        Some(Ok(DataArgument::Ticks(spec))) => (spec.file, Some(Content::Ticks(spec.kind))),
        Some(Err(error @ (NotADataSpec::Symbol(_) | NotADataSpec::Timeframe(_)))) => {
            return Err(Failure::new(ExitStatus::Usage, format!("{}: {error}", argument.display())));
        }
        Some(Err(NotADataSpec::Shape)) | None => (argument.to_owned(), None),
    };
    let said = said.map(Content::Candles);
    if content.is_some() && said.is_some() && content != said {
        let words = format!("{}: --timeframe says otherwise: leave one out", argument.display());
        return Err(Failure::new(ExitStatus::Usage, words));
    }
    Ok((file, content.or(said)))
}

/// A file that is no table of what it should be, or cannot be opened, is a finding among those of the other files.
fn look_at(file: &Path, said: Option<Content>, reading: &ReadingFlags, control: &Arc<Control>) -> Result<FileRecord, Failure> {
    // Nothing is passed over or mended: all that is wrong is to be told.
    let mut options = reading.options(Timeframe::MINUTE, &PolicyFlags::default());
    let content = said.or_else(|| tick_kind_of(file, &options).map(Content::Ticks));
    let mut looked = || match content {
        Some(Content::Ticks(kind)) => survey_ticks(file, kind, &options, control).map(Box::new).map(FileRecord::Ticks),
        Some(Content::Candles(timeframe)) => {
            options.timeframe = timeframe;
            candles(file, &options, TimeframeFrom::Said, control)
        }
        None => {
            let (timeframe, from) = timeframe_of(file, &options)?.unwrap_or((options.timeframe, TimeframeFrom::Assumed));
            options.timeframe = timeframe;
            candles(file, &options, from, control)
        }
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

fn candles(file: &Path, options: &ReadOptions, from: TimeframeFrom, control: &Arc<Control>) -> Result<FileRecord, DataError> {
    let survey = Box::new(survey(file, options, control)?);
    Ok(FileRecord::Candles { survey, timeframe_from: from.name(), from })
}

impl FileRecord {
    const fn is_usable(&self) -> bool {
        match self {
            Self::Candles { survey, .. } => survey.usable,
            Self::Ticks(survey) => survey.usable,
            Self::Unusable { usable, .. } => *usable,
        }
    }

    const fn status(&self) -> ExitStatus {
        match self {
            Self::Unusable { status, .. } => *status,
            _ if self.is_usable() => ExitStatus::Ok,
            _ => ExitStatus::Failed,
        }
    }

    fn words(&self) -> String {
        let text = match self {
            Self::Candles { survey, from, .. } => words_of_candles(survey, from.words()),
            Self::Ticks(survey) => words_of_ticks(survey),
            Self::Unusable { ended_by, .. } => format!("{ended_by}\n"),
        };
        escape_terminal(&text)
    }
}

fn words_of_candles(survey: &Survey, from: &str) -> String {
    let Survey { file, candles, timeframe, .. } = survey;
    let span = span((&survey.first, &survey.last));
    let mut text = format!("{file}: {}: {candles} candles of {timeframe} ({from}){span}\n", verdict(survey.usable));
    if let Some(reason) = &survey.ended_by {
        line(&mut text, &format!("ended early: {reason}"));
    }
    faults(&mut text, &survey.faults);
    if survey.gaps.count > 0 {
        line(&mut text, &format!("gaps: {}, {} candles missing", survey.gaps.count, survey.gaps.missing));
        for example in &survey.gaps.examples {
            line(&mut text, &format!("  {example}"));
        }
    }
    let oddities = [
        ("candles without volume", survey.zero_volume),
        ("with a range and yet without volume", survey.range_without_volume),
        ("unusually large moves", survey.jumps.count),
    ];
    for (name, count) in oddities.into_iter().filter(|(_, count)| *count > 0) {
        line(&mut text, &format!("{name}: {count}"));
    }
    if survey.last_line_unended {
        line(&mut text, UNENDED);
    }
    text
}

fn words_of_ticks(survey: &TickSurvey) -> String {
    let TickSurvey { file, content, ticks, .. } = survey;
    let span = span((&survey.first, &survey.last));
    let mut text = format!("{file}: {}: {ticks} rows of {content}, no candles{span}\n", verdict(survey.usable));
    if let Some(reason) = &survey.ended_by {
        line(&mut text, &format!("ended early: {reason}"));
    }
    faults(&mut text, &survey.faults);
    if survey.last_line_unended {
        line(&mut text, UNENDED);
    }
    text
}

const UNENDED: &str = "the last line has no end: its last number may be cut";

const fn verdict(usable: bool) -> &'static str {
    if usable { "usable" } else { "not usable as it is" }
}

fn span(ends: (&Option<String>, &Option<String>)) -> String {
    match ends {
        (Some(first), Some(last)) => format!(", {first} to {last}"),
        _ => String::new(),
    }
}

fn faults(text: &mut String, faults: &BTreeMap<&'static str, SurveyFault>) {
    for (kind, fault) in faults {
        line(text, &format!("{kind}: {}", fault.count));
        for example in &fault.examples {
            line(text, &format!("  {example}"));
        }
    }
}

fn line(text: &mut String, words: &str) {
    writeln!(text, "  {words}").expect("text grows");
}

//! Funding rates before and behind those that a file holds.

use super::{FetchArgs, Fetched, Period, Stand};
use crate::cli::exit::{Ends, ExitStatus, Failure};
use crate::control::Control;
use crate::data::{DataError, ReadOptions, TickFile};
use crate::file::WholeFile;
use crate::past::{FUNDING_MS, Past, PastError, due};
use calypte_kernel::{Decimal, InstrumentId, Timeframe, Timestamp};
use calypte_sim::{Tick, TickKind};
use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::path::Path;

/// First line of a file.
const HEADER: &str = "time_ms,funding_rate";
/// Largest file that is gone on with: a century of hours has a fifth of it.
const BYTES_MAX: u64 = 128 << 20;

/// A rate, and the hour that it is due at.
type Rate = (Timestamp, Decimal);

/// What a file holds.
#[derive(Default)]
struct Held {
    /// Its rows, as they stand there.
    rows: String,
    stand: Stand,
    ends: Option<(Timestamp, Rate)>,
}

/// Fetches what is missing and writes the file anew. Where no more comes, it holds what came until then without a hole.
pub(super) async fn fetch(
    args: &FetchArgs,
    out: &Path,
    (past, control): (&Past<'_>, &Control),
    period: Period,
) -> anyhow::Result<Fetched> {
    let unwritable = |source: io::Error| {
        let error = DataError::Unreadable { file: out.to_owned(), action: "writing", source };
        Failure::of(ExitStatus::Environment, error)
    };
    // First, so that what cannot be written is not fetched.
    let file = WholeFile::create(out).map_err(unwritable)?;
    let held = if out.exists() { held(out)? } else { Held::default() };
    let (mut before, mut behind) = (Vec::new(), Vec::new());
    let from = held.ends.map_or(period.from, |(_, (last, _))| last);
    let first = held.ends.map_or(period.from, |(first, _)| first);
    control.expect((period.passed_from(from) + first.millis_since(period.from)) / FUNDING_MS);
    if let Err(error) = pages(past, (period.from, first), &mut before).await {
        return Ok((held.stand, Some(error)));
    }
    let ended = pages(past, (from, period.until), &mut behind).await.err();
    if let Some((_, (last, rate))) = held.ends {
        if behind.first().is_some_and(|(time, theirs)| *time == last && *theirs != rate) {
            return Err(args.is_another(out, last).into());
        }
        behind.retain(|(time, _)| *time > last);
    }
    let mut stand = Stand::default();
    for (time, _) in &before {
        stand.add(*time, true);
    }
    stand.rows += held.stand.rows;
    stand.span = held.stand.span.map(|(first, last)| (stand.span.map_or(first, |(first, _)| first), last)).or(stand.span);
    for (time, _) in &behind {
        stand.add(*time, true);
    }
    if stand.fetched > 0 {
        let text = format!("{HEADER}\n{}{}{}", text(&before), held.rows, text(&behind));
        let written = file.writer().and_then(|mut writer| writer.write_all(text.as_bytes()));
        written.and_then(|()| file.finish()).map_err(unwritable)?;
    }
    Ok((stand, ended))
}

/// Takes the rates from one time to before another, page by page.
async fn pages(past: &Past<'_>, (from, until): (Timestamp, Timestamp), rates: &mut Vec<Rate>) -> Result<(), PastError> {
    let mut cursor = from;
    while cursor < until {
        let page = past.funding(cursor, Timestamp::from_millis(until.as_millis() - 1)).await?;
        let Some((last, _)) = page.last() else { break };
        cursor = last.saturating_add(FUNDING_MS);
        rates.extend(page);
    }
    Ok(())
}

fn text(rates: &[Rate]) -> String {
    let mut text = String::new();
    for (time, rate) in rates {
        writeln!(text, "{time},{rate}").expect("text grows");
    }
    text
}

/// What the file holds.
fn held(path: &Path) -> Result<Held, Failure> {
    let unfit = |words: &str| Failure::new(ExitStatus::BadInput, format!("{}: {words}", path.display()));
    let length = std::fs::metadata(path).map_err(|error| unfit(&error.to_string()))?.len();
    if length > BYTES_MAX {
        return Err(unfit(&format!("{length} bytes: a file of funding rates has {BYTES_MAX} at most")));
    }
    let text = std::fs::read_to_string(path).map_err(|error| unfit(&error.to_string()))?;
    let Some((HEADER, rows)) = text.split_once('\n') else {
        return Err(unfit(&format!("it does not begin with {HEADER:?}: this command goes on with files of its own")));
    };
    let mut held = Held { rows: rows.to_owned(), ..Held::default() };
    if !rows.is_empty() && !rows.ends_with('\n') {
        held.rows.push('\n');
    }
    let options = ReadOptions::new(Timeframe::MINUTE);
    let mut file = TickFile::open(path, InstrumentId::new(0), TickKind::Funding, &options).ends(ExitStatus::BadInput)?;
    let mut batch = Vec::new();
    while file.read(&mut batch).ends(ExitStatus::BadInput)? {
        for tick in batch.drain(..) {
            if let Tick::Funding(rate) = tick {
                let time = due(rate.time);
                held.stand.add(time, false);
                held.ends = Some((held.ends.map_or(time, |(first, _)| first), (time, rate.rate)));
            }
        }
    }
    Ok(held)
}

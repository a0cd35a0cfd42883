//! Candles before and behind those that a file holds.

use super::{FetchArgs, Fetched, Period, Stand};
use crate::cli::data::Written;
use crate::cli::exit::{Ends, ExitStatus, Failure};
use crate::control::Control;
use crate::data::{CandleFile, ReadOptions};
use crate::past::{CANDLES_PER_PAGE, Past, PastError};
use calypte_kernel::{Candle, Timeframe, Timestamp};
use calypte_sim::SourceItem;
use calypte_venues::hyperliquid::candles::GRACE_MS;
use std::path::Path;

/// What a file holds.
struct Held {
    stand: Stand,
    first: Timestamp,
    last: Candle,
}

/// Fetches what is missing and writes the file anew. An exchange has few enough candles that all of them come at once, or none.
pub(super) async fn fetch(
    args: &FetchArgs,
    out: &Path,
    (past, control): (&Past<'_>, &Control),
    period: Period,
) -> anyhow::Result<Fetched> {
    // First, so that what cannot be written is not fetched.
    let mut written = Written::create(out)?;
    let held = held(out, args.timeframe)?;
    let mut stand = held.as_ref().map(|held| held.stand).unwrap_or_default();
    let (before, mut behind) = match missing(args.timeframe, held.as_ref(), (past, control), period).await {
        Ok(missing) => missing,
        Err(error) => return Ok((stand, Some(error))),
    };
    if let Some(Held { last, .. }) = &held
        && behind.first().is_some_and(|theirs| theirs.open_time == last.open_time && theirs != last)
    {
        return Err(args.is_another(out, last.open_time).into());
    }
    // One that may still be running is only known by none being after it.
    let newest = behind.last().map(|candle| candle.open_time);
    behind.retain(|candle| {
        let closes = args.timeframe.close_of(candle.open_time);
        let is_over = Some(candle.open_time) < newest || closes.saturating_add(GRACE_MS) <= period.now;
        let is_new = held.as_ref().is_none_or(|held| candle.open_time > held.last.open_time);
        is_over && is_new && closes <= period.until
    });
    if before.is_empty() && behind.is_empty() {
        return Ok((stand, None));
    }
    stand = Stand::default();
    let mut add = |candle: &Candle, is_new| {
        stand.add(candle.open_time, is_new);
        written.add(candle)
    };
    before.iter().try_for_each(|candle| add(candle, true))?;
    if held.is_some() {
        each(out, args.timeframe, |candle| add(candle, false))?;
    }
    behind.iter().try_for_each(|candle| add(candle, true))?;
    written.writer.finish().ends(ExitStatus::Environment)?;
    Ok((stand, None))
}

/// The candles that are not in the file: those before it, and those from its last one on, that one included, to one more than is wanted.
async fn missing(
    timeframe: Timeframe,
    held: Option<&Held>,
    (past, control): (&Past<'_>, &Control),
    period: Period,
) -> Result<(Vec<Candle>, Vec<Candle>), PastError> {
    let step = timeframe.as_millis();
    let first = timeframe.open_of(period.from.saturating_add(step - 1));
    let from = held.map_or(first, |held| held.last.open_time);
    let wanted = (period.passed_from(from) + held.map_or(0, |held| held.first.millis_since(first))) / step;
    control.expect(wanted.min(CANDLES_PER_PAGE as u64));
    let before = match held {
        Some(held) if first < held.first => {
            let last = held.first.as_millis().saturating_sub_unsigned(step);
            past.candles(timeframe, first, Timestamp::from_millis(last)).await?
        }
        _ => Vec::new(),
    };
    let last = timeframe.open_of(period.until).max(from);
    Ok((before, past.candles(timeframe, from, last).await?))
}

/// What the file holds; none where there is no such file, or nothing in it.
fn held(out: &Path, timeframe: Timeframe) -> Result<Option<Held>, Failure> {
    let mut stand = Stand::default();
    let mut newest = None;
    if out.exists() {
        each(out, timeframe, |candle| {
            stand.add(candle.open_time, false);
            newest = Some(*candle);
            Ok(())
        })?;
    }
    Ok(stand.span.zip(newest).map(|((first, _), last)| Held { stand, first, last }))
}

fn each(out: &Path, timeframe: Timeframe, mut take: impl FnMut(&Candle) -> Result<(), Failure>) -> Result<(), Failure> {
    let mut file = CandleFile::open(out, &ReadOptions::new(timeframe)).ends(ExitStatus::BadInput)?;
    let mut batch = Vec::new();
    while file.read(&mut batch).ends(ExitStatus::BadInput)? {
        for item in batch.drain(..) {
            if let SourceItem::Candle(candle) = item {
                take(&candle)?;
            }
        }
    }
    Ok(())
}

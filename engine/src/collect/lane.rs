//! One stream on its way into files.

use super::CollectError;
use super::gaps::{Gaps, Missing};
use super::rows::{Part, Rows};
use crate::bus::{Entry, EntryId, StreamName, Topic};
use crate::market_data::{MarketEntry, Said};
use calypte_kernel::{Candle, FeedChange, Side, Timeframe, Timestamp};
use std::path::{Path, PathBuf};

/// Columns of a file of trades: those that a backtest reads, and behind them where the stream was left.
const TRADES: &str = "time_ms,price,size,side,entry_id,entry_number";
/// Columns of a file of quotes.
const QUOTES: &str = "time_ms,bid_price,bid_size,ask_price,ask_size,entry_id,entry_number";

/// What of a stream is in no file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Skipped {
    /// Stretches that the stream did not have.
    pub gaps: u64,
    /// Entries that could not be read.
    pub bad: u64,
}

/// A stream.
#[derive(Debug)]
pub(super) struct Lane {
    topic: Topic,
    folder: PathBuf,
    rows: Rows,
    /// The file that the rows are of.
    part: Option<Part>,
    /// The last entry that was taken, and its number where that is known.
    last: Option<(EntryId, Option<u64>)>,
    /// Up to when the stream is known: of candles, when the last one closed.
    until: Option<Timestamp>,
    is_changed: bool,
    gaps: Gaps,
    bad: u64,
    added: u64,
}

impl Lane {
    /// Goes on where the newest file of the stream ends.
    pub(super) fn open(out: &Path, stream: StreamName) -> Result<Self, CollectError> {
        let topic = stream.topic();
        let mut rows = match topic {
            Topic::Candles(timeframe) => Rows::Candles(timeframe, Vec::new()),
            Topic::Trades => Rows::Ticks(TRADES, Vec::new()),
            Topic::Quotes => Rows::Ticks(QUOTES, Vec::new()),
            Topic::Book | Topic::Context => return Err(CollectError::Topic(stream)),
        };
        let symbol = out.join(stream.symbol().as_str());
        let (folder, gaps) = (symbol.join(topic.to_string()), symbol.join(format!("{topic}.gaps.csv")));
        std::fs::create_dir_all(&folder).map_err(|cause| CollectError::Io { path: folder.clone(), action: "made", cause })?;
        let end = rows.open(&folder)?;
        Ok(Self {
            topic,
            folder,
            rows,
            part: end.map(|end| end.part),
            last: end.map(|end| (end.id, end.number)),
            until: end.map(|end| end.until),
            is_changed: false,
            gaps: Gaps::open(gaps)?,
            bad: 0,
            added: 0,
        })
    }

    /// The first id that is new; none: there can be no more.
    pub(super) fn first_new(&self) -> Option<EntryId> {
        self.last.map_or(Some(EntryId::ZERO), |(last, _)| last.next())
    }

    /// Takes the next entry.
    pub(super) fn take(&mut self, entry: Entry) -> Result<(), CollectError> {
        let Entry { id, content, .. } = entry;
        if self.last.is_some_and(|(last, _)| id <= last) {
            return Ok(());
        }
        let read = content.and_then(|content| Ok((content.number, MarketEntry::read(&content, self.topic)?)));
        let Ok((number, entry)) = read else {
            self.bad += 1;
            // The number of the next one will show the hole.
            self.last = Some((id, self.last.and_then(|(_, number)| number)));
            return Ok(());
        };
        match (self.topic, entry.said) {
            (Topic::Candles(timeframe), Said::Candle(candle)) => self.candle(timeframe, candle)?,
            // Candles say themselves what lies between them, and heartbeats beside them nothing.
            (Topic::Candles(_), _) => {}
            (_, said) => self.tick(entry.time, (id, number), &said)?,
        }
        self.last = Some((id, Some(number)));
        Ok(())
    }

    fn candle(&mut self, timeframe: Timeframe, candle: Candle) -> Result<(), CollectError> {
        // A publisher that takes over may say the last candle again.
        if self.until.is_some_and(|until| candle.open_time < until) {
            return Ok(());
        }
        if let Some(from) = self.until.filter(|until| *until < candle.open_time) {
            let count = candle.open_time.millis_since(from) / timeframe.as_millis();
            self.gaps.add(Missing { from, to: candle.open_time, count });
        }
        self.begin(candle.open_time)?;
        if let Rows::Candles(_, candles) = &mut self.rows {
            candles.push(candle);
        }
        self.until = Some(timeframe.close_of(candle.open_time));
        Ok(())
    }

    fn tick(&mut self, time: Timestamp, (id, number): (EntryId, u64), said: &Said) -> Result<(), CollectError> {
        // Times of a stream may step back; its order does not.
        let time = self.until.map_or(time, |until| until.max(time));
        if let Some(last) = self.last.and_then(|(_, last)| last)
            && let count @ 1.. = number.saturating_sub(last.saturating_add(1))
        {
            self.gaps.add(Missing { from: self.until.unwrap_or(time), to: time, count });
        }
        let cells = match said {
            Said::Trade { price, size, taker } => {
                let side = if *taker == Side::Buy { "buy" } else { "sell" };
                format!("{price},{size},{side}")
            }
            Said::Quote { bid, ask } => format!("{},{},{},{}", bid.price, bid.size, ask.price, ask.size),
            Said::Feed(FeedChange::Gap { start, end, missing }) => {
                self.gaps.add(Missing { from: *start, to: *end, count: u64::from(*missing) });
                return Ok(());
            }
            _ => return Ok(()),
        };
        self.begin(time)?;
        if let Rows::Ticks(_, lines) = &mut self.rows {
            lines.push(format!("{time},{cells},{id},{number}"));
        }
        self.until = Some(time);
        Ok(())
    }

    /// A row of this time follows: where it belongs into another file, the one before is complete.
    fn begin(&mut self, time: Timestamp) -> Result<(), CollectError> {
        let part = self.rows.part_of(time, self.part);
        if self.part != Some(part) {
            self.write()?;
            self.rows.clear();
            self.part = Some(part);
        }
        (self.is_changed, self.added) = (true, self.added + 1);
        Ok(())
    }

    /// Brings the files up to date. What is missing comes first: once the rows behind it are there, nobody looks for it again.
    pub(super) fn write(&mut self) -> Result<(), CollectError> {
        self.gaps.write()?;
        if let Some(part) = self.part.filter(|_| self.is_changed) {
            self.rows.write(&self.folder, part)?;
            self.is_changed = false;
        }
        Ok(())
    }

    pub(super) fn skipped(&self) -> Skipped {
        Skipped { gaps: self.gaps.found(), bad: self.bad }
    }

    /// Rows that were added since the files were opened.
    pub(super) const fn rows_added(&self) -> u64 {
        self.added
    }
}

//! Checks on rows as they stream by, and what the policy makes of those that fail.
//!
//! ```text
//! row ── values ── grid ── order ──┬── (repair: sorted window) ── gaps ── candle, or gap note and candle
//!         └ fault: stop, drop or mend, and count
//! ```
//!
//! Memory is the window at most. A mend never makes up a price; see `docs/data.md` for the whole table.

use super::fault::{At, RowFault};
use super::notes::{Fate, Notes};
use super::options::{Label, OnFault, OnGap, ReadOptions};
use super::row::Row;
use super::steps::Steps;
use super::time::TimeUnit;
use super::values;
use calypte_kernel::{Candle, Decimal, Price, Timeframe, Timestamp};
use calypte_sim::{Gap, SourceItem};
use std::collections::VecDeque;

/// Rows that repair holds back, so that a row that comes late still finds its place.
pub const WINDOW_ROWS_MAX: usize = 1024;

/// Most candles that are put into one gap: a week of minutes, and more than two years of hours.
pub const FILL_CANDLES_MAX: u64 = 20_000;

/// How far off the grid a time may be for repair to move it, in milliseconds: the jitter of a recorder.
pub const OFF_GRID_REPAIR_MS_MAX: i64 = 1000;

/// From so many rows on whose high or low does not take in the other prices, the columns may be in another order,
pub const MISORDERED_ROWS_MIN: u64 = 20;

/// and are, if those are more than one row in so many.
pub const MISORDERED_PART: u64 = 5;

/// A fault that ends the reading, with the line or row where it is.
pub(super) type Stopped = (u64, Box<RowFault>);

/// The state of one stream.
pub(super) struct Checks {
    timeframe: Timeframe,
    step_ms: i64,
    label: Label,
    time: TimeUnit,
    on_fault: OnFault,
    on_gap: OnGap,
    from: Timestamp,
    to: Timestamp,
    /// Makes a place out of a line or row number.
    at: fn(u64) -> At,
    /// The latest row let through.
    previous: Option<Row>,
    /// Rows held back by repair, in order of time.
    window: VecDeque<Row>,
    /// The latest candle given out.
    last: Option<Candle>,
    /// What has to go out before the next row is taken.
    pending: Pending,
    /// A candle at or after the end was met.
    past_end: bool,
    /// Rows whose high or low did not take in the other prices.
    misordered: u64,
    /// What the steps between the rows say of the timeframe.
    steps: Steps,
    pub(super) notes: Notes,
}

/// What waits to be given out.
enum Pending {
    Nothing,
    /// A note and the candle behind the gap.
    Told(Gap, Candle),
    /// Flat candles from there up to this one.
    Filling(Timestamp, Candle),
    Candle(Candle),
}

impl Checks {
    pub(super) fn new(options: &ReadOptions, at: fn(u64) -> At) -> Self {
        Self {
            timeframe: options.timeframe,
            step_ms: options.timeframe.as_millis().cast_signed(),
            label: options.label,
            time: options.time,
            on_fault: options.on_fault,
            on_gap: options.on_gap,
            from: options.from.unwrap_or(Timestamp::from_millis(i64::MIN)),
            to: options.to.unwrap_or(Timestamp::MAX),
            at,
            previous: None,
            window: VecDeque::new(),
            last: None,
            pending: Pending::Nothing,
            past_end: false,
            misordered: 0,
            steps: Steps::new(options.timeframe),
            notes: Notes::default(),
        }
    }

    /// Whether nothing later can be wanted.
    pub(super) const fn past_end(&self) -> bool {
        self.past_end
    }

    /// Whether [`Self::pull`] has something.
    #[inline]
    pub(super) const fn is_pending(&self) -> bool {
        !matches!(self.pending, Pending::Nothing)
    }

    /// What waits to be given out.
    pub(super) fn pull(&mut self) -> Option<SourceItem> {
        match std::mem::replace(&mut self.pending, Pending::Nothing) {
            Pending::Nothing => None,
            Pending::Candle(candle) => Some(SourceItem::Candle(candle)),
            Pending::Told(gap, candle) => {
                self.pending = Pending::Candle(candle);
                Some(SourceItem::Gap(gap))
            }
            Pending::Filling(time, candle) => {
                let next = self.timeframe.close_of(time);
                let flat = self.last.map_or(candle, |last| flat(time, last.close));
                self.last = Some(flat);
                self.notes.filled += 1;
                self.pending = if next < candle.open_time {
                    Pending::Filling(next, candle)
                } else {
                    self.last = Some(candle);
                    Pending::Candle(candle)
                };
                Some(SourceItem::Candle(flat))
            }
        }
    }

    /// A row that could not be decoded.
    pub(super) fn undecodable(&mut self, number: u64, fault: RowFault) -> Result<(), Stopped> {
        self.notes.rows += 1;
        if self.on_fault == OnFault::Stop {
            return Err((number, Box::new(fault)));
        }
        self.notes.fault((self.at)(number), &fault, Fate::Dropped);
        self.notes.dropped += 1;
        Ok(())
    }

    /// Takes a row. Puts its candle out where it can go at once; else [`Self::is_pending`] says whether something can.
    #[inline]
    pub(super) fn push(&mut self, row: &mut Row, out: &mut Vec<SourceItem>) -> Result<(), Stopped> {
        self.notes.rows += 1;
        if self.label == Label::Close {
            row.time -= self.step_ms;
        }
        if row.time >= self.from.as_millis()
            && let Some(fault) = self.steps.take(row.time)
        {
            return Err((row.number, fault));
        }
        match self.on_fault {
            OnFault::Stop => {
                self.check_time(row).and_then(|()| values::check(row)).map_err(|fault| (row.number, fault))?;
                self.emit(row, out)
            }
            OnFault::Skip => self.push_or_drop(row, out),
            OnFault::Repair => self.push_or_mend(*row, out),
        }
    }

    fn push_or_drop(&mut self, row: &Row, out: &mut Vec<SourceItem>) -> Result<(), Stopped> {
        let faults = [self.check_time(row).err(), self.check_values(row)?.err()];
        if faults.iter().all(Option::is_none) {
            return self.emit(row, out);
        }
        for fault in faults.into_iter().flatten() {
            self.notes.fault((self.at)(row.number), &fault, Fate::Dropped);
        }
        self.notes.dropped += 1;
        Ok(())
    }

    fn push_or_mend(&mut self, mut row: Row, out: &mut Vec<SourceItem>) -> Result<(), Stopped> {
        let at = (self.at)(row.number);
        let mut mended = false;
        if let Some(found) = row.converted {
            let fault = RowFault::UnitChange { value: format!("{} ms", row.time), found, expected: self.time };
            self.notes.fault(at, &fault, Fate::Repaired);
            mended = true;
        }
        if let Err(fault) = self.check_values(&row)? {
            let Some(better) = values::mend(&row) else {
                self.drop_row(at, &fault);
                return Ok(());
            };
            self.notes.fault(at, &fault, Fate::Repaired);
            (row, mended) = (better, true);
        }
        if let Err(fault) = self.check_grid(row.time) {
            match *fault {
                RowFault::OffGrid { off_ms, nearest, .. } if off_ms.abs() <= OFF_GRID_REPAIR_MS_MAX => {
                    self.notes.fault(at, &fault, Fate::Repaired);
                    (row.time, mended) = (nearest, true);
                }
                _ => {
                    self.drop_row(at, &fault);
                    return Ok(());
                }
            }
        }
        self.insert(row, at, mended);
        if self.window.len() <= WINDOW_ROWS_MAX {
            return Ok(());
        }
        match self.window.pop_front() {
            Some(row) => self.emit(&row, out),
            None => Ok(()),
        }
    }

    /// Checks the values of a row, and that not too many of them are wrong in the way that misread columns are.
    fn check_values(&mut self, row: &Row) -> Result<Result<(), Box<RowFault>>, Stopped> {
        let checked = values::check(row);
        if let Err(fault) = &checked
            && matches!(**fault, RowFault::HighTooLow { .. } | RowFault::LowTooHigh { .. })
        {
            self.misordered += 1;
            let (faulty, rows) = (self.misordered, self.notes.rows);
            if faulty >= MISORDERED_ROWS_MIN && faulty * MISORDERED_PART > rows {
                return Err((row.number, Box::new(RowFault::ColumnOrder { faulty, rows })));
            }
        }
        Ok(checked)
    }

    fn drop_row(&mut self, at: At, fault: &RowFault) {
        self.notes.fault(at, fault, Fate::Dropped);
        self.notes.dropped += 1;
    }

    /// Finds a row its place among those held back.
    fn insert(&mut self, row: Row, at: At, mended: bool) {
        if let Some(previous) = self.previous
            && row.time <= previous.time
        {
            let fault = self.late(&row, &previous); // its place has gone out already
            self.drop_row(at, &fault);
            return;
        }
        let place = self.window.partition_point(|other| other.time < row.time);
        match self.window.get(place).copied() {
            Some(same) if same.time == row.time => {
                let fault = self.late(&row, &same);
                self.notes.fault(at, &fault, Fate::Repaired);
                self.notes.dropped += 1; // of the two, one goes
                // The later of two versions: what was fetched first may not have been closed yet.
                self.window[place] = row;
            }
            Some(later) => {
                let latest = self.window.back().copied().unwrap_or(later);
                let fault = self.late(&row, &latest);
                self.notes.fault(at, &fault, Fate::Repaired);
                self.notes.repaired += 1;
                self.window.insert(place, row);
            }
            None => {
                self.notes.repaired += u64::from(mended);
                self.window.push_back(row);
            }
        }
    }

    /// After the last row: puts out the next of what was held back.
    pub(super) fn drain(&mut self, out: &mut Vec<SourceItem>) -> Result<(), Stopped> {
        match self.window.pop_front() {
            Some(row) => self.emit(&row, out),
            None => Ok(()),
        }
    }

    /// Whether rows are still held back.
    pub(super) fn is_drained(&self) -> bool {
        self.window.is_empty()
    }

    #[inline]
    fn check_time(&self, row: &Row) -> Result<(), Box<RowFault>> {
        let Some(previous) = &self.previous else { return self.check_grid(row.time) };
        if row.time == previous.time + self.step_ms {
            return Ok(()); // the usual case: next on the grid
        }
        self.check_grid(row.time)?;
        if row.time > previous.time {
            return Ok(());
        }
        Err(Box::new(self.late(row, previous)))
    }

    fn check_grid(&self, time: i64) -> Result<(), Box<RowFault>> {
        let before = self.timeframe.open_of(Timestamp::from_millis(time)).as_millis();
        if before == time {
            return Ok(());
        }
        let after = before + self.step_ms;
        let nearest = if time - before <= after - time { before } else { after };
        Err(Box::new(RowFault::OffGrid { time, timeframe: self.timeframe, off_ms: time - nearest, nearest }))
    }

    /// The fault of a row that is not later than another.
    fn late(&self, row: &Row, previous: &Row) -> RowFault {
        let (time, previous_at) = (row.time, (self.at)(previous.number));
        if time != previous.time {
            return RowFault::OutOfOrder { time, previous: previous.time, previous_at };
        }
        match row.difference(previous) {
            None => RowFault::Duplicate { time, previous_at },
            Some((field, this, that)) => {
                let difference = format!("{field} {this} instead of {that}");
                RowFault::DuplicateConflict { time, previous_at, difference }
            }
        }
    }

    /// Lets a checked row out: at once, or behind what has to come before it.
    #[inline]
    fn emit(&mut self, row: &Row, out: &mut Vec<SourceItem>) -> Result<(), Stopped> {
        self.previous = Some(*row);
        let candle = values::candle(row).map_err(|fault| (row.number, fault))?;
        if candle.open_time < self.from {
            return Ok(());
        }
        if candle.open_time >= self.to {
            self.past_end = true;
            return Ok(());
        }
        let start = match self.last {
            Some(last) => self.timeframe.close_of(last.open_time),
            None => candle.open_time,
        };
        if start == candle.open_time {
            self.last = Some(candle);
            out.push(SourceItem::Candle(candle));
            return Ok(());
        }
        self.emit_after_gap(start, candle, row.number)
    }

    #[cold]
    fn emit_after_gap(&mut self, start: Timestamp, candle: Candle, number: u64) -> Result<(), Stopped> {
        let missing = candle.open_time.millis_since(start) / self.timeframe.as_millis();
        let gap = Gap { start, end: candle.open_time, missing: u32::try_from(missing).unwrap_or(u32::MAX) };
        let start_ms = start.as_millis();
        match self.on_gap {
            OnGap::Stop => return Err((number, Box::new(RowFault::Gap { start: start_ms, missing }))),
            OnGap::Fill if missing > FILL_CANDLES_MAX => {
                let fault = RowFault::GapTooLong { start: start_ms, missing, limit: FILL_CANDLES_MAX };
                return Err((number, Box::new(fault)));
            }
            OnGap::Fill => self.pending = Pending::Filling(start, candle),
            OnGap::Tell => {
                self.last = Some(candle);
                self.pending = Pending::Told(gap, candle);
            }
        }
        self.notes.gap(gap, missing);
        Ok(())
    }
}

/// A candle in which nobody traded.
fn flat(open_time: Timestamp, price: Price) -> Candle {
    Candle { open_time, open: price, high: price, low: price, close: price, volume: Decimal::ZERO }
}

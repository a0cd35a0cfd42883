//! Several candle series merged into one order of true time.
//!
//! A candle is known when it closes. At one moment these follow one another, all series together in each step:
//!
//! 1. walk: what happened inside the candles that close now happens at the exchange;
//! 2. close: the candles are handed over, longer timeframes last, then by instrument;
//! 3. gap: notes that candles were missing up to now;
//! 4. open: candles open, and orders that wait for an open fill.
//!
//! Timers due now belong between 3 and 4. Only the finest series of an instrument walks and opens. Derived series are lanes of
//! their own, which have a candle only while one is complete and not yet handed over.

use crate::resample::Resampler;
use crate::source::{BATCH_MAX, CandleSource, Gap, SourceError, SourceItem};
use calypte_kernel::{Candle, Decimal, InstrumentId, Price, SeriesId, SeriesInfo, Timeframe, Timestamp};
use std::sync::Arc;

/// Most series in one run.
pub const SERIES_MAX: usize = 256;

/// Where the candles of a series come from.
pub enum SeriesData {
    /// From a source of its own.
    Source(Box<dyn CandleSource>),
    /// Made during the run from the candles of a finer series of the same instrument, which has a source.
    DerivedFrom(SeriesId),
}

impl std::fmt::Debug for SeriesData {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Source(_) => formatter.write_str("Source"),
            Self::DerivedFrom(series) => write!(formatter, "DerivedFrom({series})"),
        }
    }
}

/// A step of a moment, in the order of the steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Step {
    Walk,
    Close,
    Gap,
    Open,
}

/// What comes next in a lane. The end of time: nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Moment {
    pub(crate) time: Timestamp,
    pub(crate) step: Step,
}

const NEVER: Moment = Moment { time: Timestamp::MAX, step: Step::Open };

/// One series.
struct Lane {
    info: SeriesInfo,
    feed: Feed,
    /// Whether orders of its instrument are matched against it.
    matched: bool,
    /// The candle that opens or closes next.
    candle: Candle,
    /// Where the next step is a gap.
    gap: Gap,
}

enum Feed {
    Source {
        source: Box<dyn CandleSource>,
        batch: Batch,
        /// Where in the batch the next item is.
        place: usize,
        /// When the last candle closed, or the last gap ended: nothing may come from before that.
        known_until: Timestamp,
        /// Lanes that are made from this one.
        derived: Vec<usize>,
    },
    Derived(Resampler),
}

/// Items that were read and not passed yet.
enum Batch {
    /// Some of a stream's.
    Read(Vec<SourceItem>),
    /// All of those of a source in memory.
    Whole(Arc<[SourceItem]>),
}

impl Batch {
    #[inline]
    fn items(&self) -> &[SourceItem] {
        match self {
            Self::Read(items) => items,
            Self::Whole(items) => items,
        }
    }
}

/// Why the merge cannot go on.
#[derive(Debug)]
pub(crate) enum Broken {
    Source(SeriesId, SourceError),
    OutOfOrder { series: SeriesId, open_time: Timestamp, known_until: Timestamp },
}

/// The merge. Lanes stand in the order in which candles of one moment are handed over.
pub(crate) struct Timeline {
    lanes: Vec<Lane>,
    /// By lane, apart from the lanes because they are all that is looked at to find the next one.
    moments: Vec<Moment>,
    /// Candles that close later are not part of the run.
    to: Timestamp,
}

/// A series with its place in the merge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Next {
    pub(crate) lane: usize,
    pub(crate) moment: Moment,
}

impl Timeline {
    /// Merges series; `derivations` were checked by the caller: each names a series of the list that has a source.
    pub(crate) fn new(mut series: Vec<(SeriesInfo, Derivation)>, to: Timestamp) -> Self {
        series.sort_by_key(|(info, _)| (info.timeframe, info.instrument, info.id));
        let infos = series.iter().map(|(info, _)| *info).collect::<Vec<_>>();
        let lane_of = |id: SeriesId| infos.iter().position(|info| info.id == id);
        let origins = series
            .iter()
            .map(|(_, derivation)| match derivation {
                Derivation::Source(_) => None,
                Derivation::From(origin, _) => lane_of(*origin),
            })
            .collect::<Vec<_>>();
        let mut matched = Vec::<InstrumentId>::new();
        let lanes = series.into_iter().enumerate().map(|(place, (info, derivation))| {
            let feed = match derivation {
                Derivation::Source(mut source) => {
                    let whole = source.whole();
                    let (batch, next) = whole.map_or_else(
                        || (Batch::Read(Vec::with_capacity(BATCH_MAX)), 0),
                        |(items, next)| (Batch::Whole(items), next),
                    );
                    let known_until = Timestamp::from_millis(i64::MIN);
                    let derived = (0..origins.len()).filter(|lane| origins[*lane] == Some(place)).collect();
                    Feed::Source { source, batch, place: next, known_until, derived }
                }
                Derivation::From(_, resampler) => Feed::Derived(resampler),
            };
            // Lanes are sorted by timeframe, so that the first of an instrument is its finest.
            let is_matched = matches!(feed, Feed::Source { .. }) && !matched.contains(&info.instrument);
            if is_matched {
                matched.push(info.instrument);
            }
            Lane { info, feed, matched: is_matched, candle: no_candle(), gap: NO_GAP }
        });
        let lanes = lanes.collect::<Vec<_>>();
        let moments = vec![NEVER; lanes.len()];
        Self { lanes, moments, to }
    }

    /// Orders of an instrument are not matched against its candles. Before anything is read.
    pub(crate) fn leave_to_ticks(&mut self, instrument: InstrumentId) {
        for lane in self.lanes.iter_mut().filter(|lane| lane.info.instrument == instrument) {
            lane.matched = false;
        }
    }

    /// Candles that close later are not part of the run.
    pub(crate) const fn to(&self) -> Timestamp {
        self.to
    }

    /// Reads the first candle of every source. Gives when the earliest opens; none where there is no data.
    pub(crate) fn begin(&mut self) -> Result<Option<Timestamp>, Broken> {
        for lane in 0..self.lanes.len() {
            if matches!(self.lanes[lane].feed, Feed::Source { .. }) {
                self.load(lane)?;
            }
        }
        let live = self.lanes.iter().zip(&self.moments).filter(|(_, moment)| **moment != NEVER);
        Ok(live.map(|(lane, moment)| if moment.step == Step::Gap { moment.time } else { lane.candle.open_time }).min())
    }

    /// Lets go of the series that are made from others and that nobody hears: making them costs as much as all the rest of a
    /// candle's way through the run.
    pub(crate) fn keep_heard(&mut self, heard: impl Fn(SeriesId) -> bool) {
        let kept = self.lanes.iter().map(|lane| matches!(lane.feed, Feed::Source { .. }) || heard(lane.info.id));
        let kept = kept.collect::<Vec<_>>();
        let place_of = |lane: usize| kept[..lane].iter().filter(|kept| **kept).count();
        for lane in &mut self.lanes {
            if let Feed::Source { derived, .. } = &mut lane.feed {
                derived.retain(|lane| kept[*lane]);
                for lane in derived {
                    *lane = place_of(*lane);
                }
            }
        }
        let mut flags = kept.iter().copied();
        self.lanes.retain(|_| flags.next().unwrap_or(true));
        let mut flags = kept.iter().copied();
        self.moments.retain(|_| flags.next().unwrap_or(true));
    }

    /// The next step.
    #[inline]
    pub(crate) fn peek(&self) -> Option<Next> {
        let mut lane = 0;
        for (place, moment) in self.moments.iter().enumerate().skip(1) {
            if *moment < self.moments[lane] {
                lane = place;
            }
        }
        let moment = *self.moments.get(lane)?;
        (moment != NEVER).then_some(Next { lane, moment })
    }

    /// Series of a lane.
    #[inline]
    pub(crate) fn info(&self, lane: usize) -> SeriesInfo {
        self.lanes[lane].info
    }

    /// Candle of a lane.
    #[inline]
    pub(crate) fn candle(&self, lane: usize) -> &Candle {
        &self.lanes[lane].candle
    }

    /// The gap of a lane, and what of it is missing of the series made from it: candles of which every part is missing.
    pub(crate) fn gaps(&self, lane: usize) -> impl Iterator<Item = (SeriesId, Gap)> {
        let Lane { info, gap, feed, .. } = &self.lanes[lane];
        let derived = if let Feed::Source { derived, .. } = feed { derived.as_slice() } else { &[] };
        let own = std::iter::once((info.id, *gap));
        own.chain(derived.iter().filter_map(|lane| {
            let info = self.lanes[*lane].info;
            Some((info.id, whole_candles(*gap, info.timeframe)?))
        }))
    }

    /// Whether orders are matched against this lane.
    #[inline]
    pub(crate) fn is_matched(&self, lane: usize) -> bool {
        self.lanes[lane].matched
    }

    /// Whether the lane is made from another.
    pub(crate) fn is_derived(&self, lane: usize) -> bool {
        matches!(self.lanes[lane].feed, Feed::Derived(_))
    }

    /// Instruments that have candles to match against.
    pub(crate) fn has_data(&self, instrument: InstrumentId) -> bool {
        self.lanes.iter().any(|lane| lane.matched && lane.info.instrument == instrument)
    }

    /// Where there is only one series, matched against orders, its candle opens next and the one after it is at hand: when it
    /// closes.
    #[inline]
    pub(crate) fn sole_opening(&self) -> Option<Timestamp> {
        let [moment @ Moment { step: Step::Open, .. }] = self.moments.as_slice() else { return None };
        let Feed::Source { batch, place, .. } = &self.lanes[0].feed else { return None };
        let Some(SourceItem::Candle(next)) = batch.items().get(*place) else { return None };
        let (close, close_of_next) = (self.close_time(0), self.lanes[0].info.timeframe.close_of(next.open_time));
        let in_order = next.open_time >= close && close_of_next > next.open_time;
        (in_order && *moment != NEVER).then_some(close)
    }

    /// Goes past the candle of [`Self::sole_opening`], all of its steps taken.
    #[inline]
    pub(crate) fn pass_sole(&mut self, close: Timestamp) {
        self.moments[0] = Moment { time: close, step: Step::Close };
        let loaded = self.load(0);
        debug_assert!(loaded.is_ok(), "the next candle is at hand and in order");
    }

    /// Goes past the lane's present step.
    #[inline]
    pub(crate) fn advance(&mut self, lane: usize) -> Result<(), Broken> {
        match self.moments[lane].step {
            Step::Open => {
                let time = self.close_time(lane);
                self.moments[lane] = Moment { time, step: Step::Walk };
                Ok(())
            }
            Step::Walk => {
                self.moments[lane].step = Step::Close;
                Ok(())
            }
            Step::Close => {
                self.derive(lane);
                self.load(lane)
            }
            Step::Gap => self.load(lane),
        }
    }

    #[inline]
    fn close_time(&self, lane: usize) -> Timestamp {
        let lane = &self.lanes[lane];
        lane.info.timeframe.close_of(lane.candle.open_time)
    }

    /// Adds the lane's candle, which has closed, to those made from it.
    #[inline]
    fn derive(&mut self, lane: usize) {
        let Feed::Source { derived, .. } = &self.lanes[lane].feed else { return };
        for place in 0..derived.len() {
            let (candle, close_time) = (self.lanes[lane].candle, self.moments[lane].time);
            self.with_derived(lane, place, |resampler| resampler.push(&candle, close_time));
        }
    }

    /// Says to those made from the lane that nothing comes before `time`.
    #[inline]
    fn flush(&mut self, lane: usize, time: Timestamp) {
        let Feed::Source { derived, .. } = &self.lanes[lane].feed else { return };
        for place in 0..derived.len() {
            self.with_derived(lane, place, |resampler| resampler.flush(time));
        }
    }

    fn with_derived(&mut self, lane: usize, place: usize, make: impl FnOnce(&mut Resampler) -> Option<Candle>) {
        let Feed::Source { derived, .. } = &self.lanes[lane].feed else { return };
        let target = derived[place];
        let Lane { feed: Feed::Derived(resampler), info, candle, .. } = &mut self.lanes[target] else { return };
        if let Some(made) = make(resampler) {
            let time = info.timeframe.close_of(made.open_time);
            *candle = made;
            // One that is not over when the run is, is not part of it.
            self.moments[target] = if time > self.to { NEVER } else { Moment { time, step: Step::Close } };
        }
    }

    /// Reads on in a lane.
    #[inline]
    fn load(&mut self, lane: usize) -> Result<(), Broken> {
        let Lane { info, feed, matched, candle, gap } = &mut self.lanes[lane];
        let Feed::Source { source, batch, place, known_until, .. } = feed else {
            // A derived candle was handed over; the next one is set when it is complete.
            self.moments[lane] = NEVER;
            return Ok(());
        };
        if let Batch::Read(items) = batch
            && *place == items.len()
        {
            items.clear();
            *place = 0;
            if !source.next_batch(items).map_err(|error| Broken::Source(info.id, error))? {
                self.moments[lane] = NEVER;
                return Ok(());
            }
        }
        let Some(item) = batch.items().get(*place) else {
            self.moments[lane] = NEVER;
            return Ok(());
        };
        *place += 1;
        let (start, end) = match item {
            SourceItem::Candle(next) => (next.open_time, info.timeframe.close_of(next.open_time)),
            SourceItem::Gap(next) => (next.start, next.end),
        };
        if end > self.to {
            self.moments[lane] = NEVER;
            return Ok(());
        }
        if start < *known_until || end <= start {
            return Err(Broken::OutOfOrder { series: info.id, open_time: start, known_until: *known_until });
        }
        *known_until = end;
        let (moment, nothing_before) = match item {
            SourceItem::Candle(next) => {
                *candle = *next;
                let opens = Moment { time: start, step: Step::Open };
                (if *matched { opens } else { Moment { time: end, step: Step::Close } }, start)
            }
            SourceItem::Gap(next) => {
                *gap = *next;
                (Moment { time: end, step: Step::Gap }, end)
            }
        };
        self.moments[lane] = moment;
        self.flush(lane, nothing_before);
        Ok(())
    }
}

/// How a series gets its candles, checked.
pub(crate) enum Derivation {
    Source(Box<dyn CandleSource>),
    From(SeriesId, Resampler),
}

const NO_GAP: Gap = Gap { start: Timestamp::MAX, end: Timestamp::MAX, missing: 0 };

/// The candles of a longer timeframe that lie wholly within a gap.
fn whole_candles(gap: Gap, timeframe: Timeframe) -> Option<Gap> {
    let cut = timeframe.open_of(gap.start);
    let start = if cut == gap.start { cut } else { timeframe.close_of(cut) };
    let end = timeframe.open_of(gap.end);
    let missing = end.millis_since(start) / timeframe.as_millis();
    (missing > 0).then(|| Gap { start, end, missing: u32::try_from(missing).unwrap_or(u32::MAX) })
}

/// What a lane holds before its first candle; nobody looks at it.
fn no_candle() -> Candle {
    let price = Price::new(Decimal::ONE).expect("one is positive");
    Candle { open_time: Timestamp::MAX, open: price, high: price, low: price, close: price, volume: Decimal::ZERO }
}

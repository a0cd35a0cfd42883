//! Two courses side by side.

use super::course::{Asked, Course, Filled, Moment, Other, Said};
use super::span::Span;
use super::words::{symbol, words};
use crate::report::hexadecimal;
use calypte_host::Strategy;
use calypte_kernel::{CoreSettings, Decimal, SeriesId, Side, Timestamp, statistic};
use std::collections::{BTreeMap, BTreeSet};

/// Most rows that are kept of one span.
pub const ROWS_MAX: usize = 10_000;
/// Hundredths of a per cent.
const BASIS_POINTS: f64 = 10_000.0;

/// An event on which something was decided, on either side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// When: of a candle, when it closed.
    pub time: Timestamp,
    /// What, such as `candle BTC:1m`.
    pub event: String,
    /// What was decided live; none: it was not told of that, or it decided nothing on what was no candle.
    pub live: Option<String>,
    /// What is decided in the backtest.
    pub backtest: Option<String>,
    /// Whether both are the same.
    pub is_equal: bool,
}

/// How one strategy compares, from one start to its end.
#[derive(Debug, Clone)]
pub struct SpanReport {
    /// The strategy.
    pub strategy: String,
    /// In which opening of the journal it began.
    pub epoch: u32,
    /// When the backtest begins.
    pub from: Option<Timestamp>,
    /// When the last candle closed.
    pub until: Option<Timestamp>,
    /// How it ended, in words.
    pub ended: String,
    /// Candles of history, of all its series.
    pub warm_up: u64,
    /// Whether this is the component that ran; none: the journal does not say which did.
    pub is_same_component: Option<bool>,
    /// How decisions compare.
    pub decisions: Compared,
    /// How fills compare.
    pub fills: FillsCompared,
    /// What else is to be known.
    pub remarks: Vec<String>,
}

/// How decisions compare, event by event.
#[derive(Debug, Clone, Default)]
pub struct Compared {
    /// Events that were compared: all candles, and whatever else anything was decided on.
    pub events: u64,
    /// Those on which anything was decided.
    pub decided: u64,
    /// Those on which another thing was.
    pub different: u64,
    /// The first of these.
    pub first_difference: Option<Row>,
    /// Events on which anything was decided, in order, the first ones.
    pub rows: Vec<Row>,
    /// Rows past the bound.
    pub rows_left_out: u64,
}

/// How fills compare, order by order.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct FillsCompared {
    /// Orders that filled live.
    pub live: usize,
    /// Orders that filled in the backtest.
    pub backtest: usize,
    /// Orders that filled in both.
    pub both: usize,
    /// By how much the average price was worse live, in basis points, in the mean of those; negative: it was better.
    pub worse_bps_mean: Option<f64>,
    /// By how much it was worse at worst.
    pub worse_bps_max: Option<f64>,
}

impl SpanReport {
    /// Compares what a strategy decided with what a component decides.
    pub(super) fn new(span: &Span, component: &Strategy, tested: &Course) -> Self {
        let live = span.course();
        let is_same_component = span.sha256().map(|sha256| sha256 == hexadecimal(component.sha256()));
        Self {
            strategy: span.strategy.clone(),
            epoch: span.epoch,
            from: span.from(),
            until: live.moments.keys().next_back().copied(),
            ended: span.ended.to_string(),
            warm_up: span.warm_up.values().map(|candles| u64::from(*candles)).sum(),
            is_same_component,
            decisions: Compared::new(span.settings(), live, tested),
            fills: FillsCompared::new(&live.filled, &tested.filled),
            remarks: remarks(span, is_same_component),
        }
    }
}

impl Compared {
    pub(super) fn new(settings: &CoreSettings, live: &Course, tested: &Course) -> Self {
        let mut compared = Self::default();
        let moments = live.moments.keys().chain(tested.moments.keys()).copied().collect::<BTreeSet<_>>();
        let nothing = Moment::default();
        for time in moments {
            let [live, tested] = [live, tested].map(|course| course.moments.get(&time).unwrap_or(&nothing));
            for series in live.candles.keys().chain(tested.candles.keys()).copied().collect::<BTreeSet<_>>() {
                let pair = (live.candles.get(&series), tested.candles.get(&series));
                compared.add(settings, (time, || candle(settings, series)), pair);
            }
            compared.others(settings, &live.others, &tested.others);
        }
        compared
    }

    /// What was decided on anything else, the first with the first.
    fn others(&mut self, settings: &CoreSettings, live: &[Other], tested: &[Other]) {
        let mut live = live.iter().peekable();
        let mut tested = tested.iter().peekable();
        loop {
            let pair = match (live.peek(), tested.peek()) {
                // Of two kinds, what was decided live stands alone; the other waits for its like.
                (Some(one), Some(other)) if one.kind != other.kind => (live.next(), None),
                _ => (live.next(), tested.next()),
            };
            let Some(first) = pair.0.or(pair.1) else { return };
            let said = (pair.0.map(|one| &one.said), pair.1.map(|one| &one.said));
            self.add(settings, (first.time, || first.kind.name().to_owned()), said);
        }
    }

    fn add(
        &mut self,
        settings: &CoreSettings,
        (time, event): (Timestamp, impl FnOnce() -> String),
        (live, tested): (Option<&Said>, Option<&Said>),
    ) {
        let is_equal = live == tested;
        self.events += 1;
        if is_equal && live.is_none_or(Said::is_nothing) {
            return;
        }
        let said = |said: Option<&Said>| said.map(|said| words(said, &settings.instruments));
        let row = Row { time, event: event(), live: said(live), backtest: said(tested), is_equal };
        self.decided += 1;
        if !is_equal {
            self.different += 1;
            self.first_difference.get_or_insert_with(|| row.clone());
        }
        if self.rows.len() < ROWS_MAX {
            self.rows.push(row);
        } else {
            self.rows_left_out += 1;
        }
    }
}

fn candle(settings: &CoreSettings, series: SeriesId) -> String {
    match settings.series.get(series.get() as usize) {
        Some(info) => format!("candle {}:{}", symbol(info.instrument, &settings.instruments), info.timeframe),
        None => format!("candle of series {series}"),
    }
}

fn remarks(span: &Span, is_same_component: Option<bool>) -> Vec<String> {
    let remarks = [
        (is_same_component == Some(false), "the component is another than the one that ran"),
        (span.held(), "it held something as it began, and begins with nothing in the backtest"),
        (span.hears_more(), "it hears more than candles, and in the backtest nothing else"),
    ];
    remarks.into_iter().filter(|(is_so, _)| *is_so).map(|(_, words)| words.to_owned()).collect()
}

impl FillsCompared {
    pub(super) fn new(live: &BTreeMap<Asked, Filled>, tested: &BTreeMap<Asked, Filled>) -> Self {
        let pairs = live.iter().filter_map(|(asked, live)| Some((live, tested.get(asked)?))).collect::<Vec<_>>();
        let worse = pairs.iter().filter_map(|(live, tested)| worse_bps(live, tested)).collect::<Vec<_>>();
        #[expect(clippy::cast_precision_loss, reason = "a mean")]
        let mean = (!worse.is_empty()).then(|| worse.iter().sum::<f64>() / worse.len() as f64);
        let max = worse.into_iter().reduce(f64::max);
        Self { live: live.len(), backtest: tested.len(), both: pairs.len(), worse_bps_mean: mean, worse_bps_max: max }
    }
}

/// By how much the average price of an order was worse live than in the backtest.
fn worse_bps(live: &Filled, tested: &Filled) -> Option<f64> {
    let price = |filled: &Filled| filled.notional.checked_div(filled.size);
    let (live_price, tested_price) = (price(live)?, price(tested)?);
    let more = live_price.checked_sub(tested_price)?.checked_div(tested_price)?;
    let worse = match live.side {
        Side::Buy => more,
        Side::Sell => Decimal::ZERO.checked_sub(more)?,
    };
    (live.instrument == tested.instrument && live.side == tested.side).then(|| statistic(worse) * BASIS_POINTS)
}

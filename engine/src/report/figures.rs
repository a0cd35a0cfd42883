//! The figures of a page, as the drawing script takes them: traces and layout.

use super::drawn::{Drawn, FillBar, FillSum};
use super::html::escape;
use super::record::{MonthRecord, RunRecord};
use crate::run::{Bar, ChartLine, ChartMark, RunReport, SeriesBars};
use calypte_kernel::{InstrumentId, Price, StrategyId, statistic};
use serde_json::{Value, json};

/// Most instruments whose candles are drawn, those that come first in the request: each panel adds up to 300 kB to the page.
const PANELS_MAX: usize = 8;
/// Most series of strategies that are drawn; later ones are left out.
const STRATEGY_SERIES_MAX: usize = 64;
/// Most marks of strategies that are drawn; later ones are left out.
const MARKS_DRAWN_MAX: usize = 200;

const BLUE: &str = "#2563eb";
const GREEN: &str = "#16a34a";
const RED: &str = "#dc2626";

/// One figure.
pub(super) struct Figure {
    /// Its title, not escaped.
    pub(super) title: String,
    /// What to know when reading it, not escaped.
    pub(super) note: Option<String>,
    /// In pixels.
    pub(super) height: u32,
    /// Traces and layout. Text from outside in it is escaped.
    pub(super) plot: Value,
}

/// All figures of a run.
pub(super) fn of_run(run: &RunReport, record: &RunRecord, drawn: &Drawn) -> Vec<Figure> {
    let mut figures = vec![equity(drawn)];
    figures.extend(panels(run, drawn));
    figures.extend(other_series(run));
    if !record.monthly_returns.is_empty() {
        figures.push(months(&record.monthly_returns));
    }
    figures
}

/// Equity above, the fall below its peak beneath, on one time axis.
fn equity(drawn: &Drawn) -> Figure {
    let bars = drawn.equity.as_ref().map(super::condense::Condensed::bars).unwrap_or_default();
    let times = bars.iter().map(|(time, _)| *time).collect::<Vec<_>>();
    let equity = bars.iter().map(|(_, bar)| bar.close).collect::<Vec<_>>();
    let drawdown = bars.iter().map(|(_, bar)| bar.drawdown).collect::<Vec<_>>();
    let plot = json!({
        "data": [
            {"type": "scatter", "mode": "lines", "name": "equity", "x": times, "y": equity, "line": {"color": BLUE, "width": 1.5}},
            {"type": "scatter", "mode": "lines", "name": "drawdown", "x": times, "y": drawdown, "yaxis": "y2",
             "fill": "tozeroy", "line": {"color": RED, "width": 1}},
        ],
        "layout": layout(json!({
            "yaxis": {"domain": [0.36, 1], "title": {"text": "equity"}},
            "yaxis2": {"domain": [0, 0.3], "title": {"text": "drawdown"}, "tickformat": ".1%", "rangemode": "tozero"},
            "xaxis": {"type": "date", "anchor": "y2"},
        })),
    });
    Figure { title: "Equity and drawdown".to_owned(), note: None, height: 480, plot }
}

/// A panel for each instrument that was traded, or for the first one where none was.
fn panels(run: &RunReport, drawn: &Drawn) -> Vec<Figure> {
    let seen = run.bars.iter().filter(|series| !series.bars.is_empty());
    let mut traded = seen.clone().filter(|series| drawn.fills.contains_key(&series.series.instrument)).collect::<Vec<_>>();
    if traded.is_empty() {
        traded.extend(seen.take(1));
    }
    let left_out = traded.len().saturating_sub(PANELS_MAX);
    traded.truncate(PANELS_MAX);
    let shown = traded.iter().map(|series| series.series.instrument).collect::<Vec<_>>();
    let mut panels = traded.into_iter().map(|series| candles(series, &shown, run, drawn)).collect::<Vec<_>>();
    if let Some(last) = panels.last_mut().filter(|_| left_out > 0) {
        let more = format!("{left_out} more instruments were traded; their fills are in fills.csv.");
        last.note = Some(last.note.take().map_or_else(|| more.clone(), |note| format!("{note} {more}")));
    }
    panels
}

/// Candles of an instrument, with its fills and what strategies drew over prices. What a strategy draws names no instrument: it
/// stands with the first one that the strategy traded, else with the first that is shown.
fn candles(shown: &SeriesBars, panels: &[InstrumentId], run: &RunReport, drawn: &Drawn) -> Figure {
    let SeriesBars { series, bars } = shown;
    let is_home = |strategy: StrategyId| {
        let home = drawn.first_traded.get(&strategy).filter(|home| panels.contains(home)).or(panels.first());
        home == Some(&series.instrument)
    };
    let column = |price: fn(&Bar) -> Price| bars.iter().map(|bar| statistic(price(bar).get())).collect::<Vec<_>>();
    let mut traces = vec![json!({
        "type": "candlestick", "name": "price",
        "x": bars.iter().map(|bar| bar.open_time.as_millis()).collect::<Vec<_>>(),
        "open": column(|bar| bar.open), "high": column(|bar| bar.high),
        "low": column(|bar| bar.low), "close": column(|bar| bar.close),
        "increasing": {"line": {"color": GREEN, "width": 1}}, "decreasing": {"line": {"color": RED, "width": 1}},
    })];
    if let Some(fills) = drawn.fills.get(&series.instrument) {
        traces.push(markers("buys", fills.bars(), |bar| bar.buys, "triangle-up", "#065f46"));
        traces.push(markers("sells", fills.bars(), |bar| bar.sells, "triangle-down", "#7f1d1d"));
    }
    traces.extend(lines(run, true, is_home));
    let marks = run.journal.marks.iter().filter(|mark| is_home(mark.strategy));
    let marks = marks.take(MARKS_DRAWN_MAX).map(mark).collect::<Vec<_>>();
    let plot = json!({
        "data": traces,
        "layout": layout(json!({
            "xaxis": {"type": "date", "rangeslider": {"visible": false}}, "yaxis": {"title": {"text": "price"}},
            "shapes": marks.iter().map(|(shape, _)| shape).collect::<Vec<_>>(),
            "annotations": marks.iter().map(|(_, text)| text).collect::<Vec<_>>(),
        })),
    });
    let symbol = &run.instruments[series.instrument.get() as usize].symbol;
    let title = format!("{symbol} {}", series.timeframe);
    Figure { title, note: bar_note(bars, series.timeframe.as_millis()), height: 520, plot }
}

/// Says so where bars on the page are longer than candles of the data.
fn bar_note(bars: &[Bar], timeframe_ms: u64) -> Option<String> {
    let width = bars.windows(2).map(|pair| pair[1].open_time.millis_since(pair[0].open_time)).min()?;
    let candles = width / timeframe_ms;
    (candles > 1)
        .then(|| format!("Each bar sums up {candles} candles; fills close together are drawn as one, at their average price."))
}

/// Fills of one side, one marker for each bar that has any.
fn markers(name: &str, bars: &[(i64, FillBar)], side: fn(&FillBar) -> FillSum, symbol: &str, color: &str) -> Value {
    let sums = bars.iter().map(|(time, bar)| (*time, side(bar))).filter(|(_, sum)| sum.count > 0).collect::<Vec<_>>();
    json!({
        "type": "scatter", "mode": "markers", "name": name,
        "x": sums.iter().map(|(time, _)| *time).collect::<Vec<_>>(),
        "y": sums.iter().map(|(_, sum)| sum.notional / sum.size).collect::<Vec<_>>(),
        "text": sums.iter().map(|(_, sum)| format!("{} {name}, size {:.6}", sum.count, sum.size)).collect::<Vec<_>>(),
        "hovertemplate": "%{text}<br>average price %{y}<extra></extra>",
        "marker": {"symbol": symbol, "size": 8, "color": color, "line": {"width": 1, "color": "#ffffff"}},
    })
}

/// What the wanted strategies drew over prices, or on an axis of its own.
fn lines(run: &RunReport, on_price: bool, wanted: impl Fn(StrategyId) -> bool) -> Vec<Value> {
    let lines = run.journal.charts.iter().filter(|((strategy, _), line)| line.on_price == on_price && wanted(*strategy));
    lines.take(STRATEGY_SERIES_MAX).map(|(_, drawn)| line(drawn)).collect()
}

fn line(line: &ChartLine) -> Value {
    json!({
        "type": "scatter", "mode": "lines", "name": escape(&line.name), "line": {"width": 1.2},
        "x": line.points.iter().map(|(time, _)| time.as_millis()).collect::<Vec<_>>(),
        "y": line.points.iter().map(|(_, value)| *value).collect::<Vec<_>>(),
    })
}

/// A mark of a strategy: a line across the chart and its text at the top.
fn mark(mark: &ChartMark) -> (Value, Value) {
    let time = mark.time.as_millis();
    let shape = json!({
        "type": "line", "x0": time, "x1": time, "yref": "paper", "y0": 0, "y1": 1,
        "line": {"color": "#94a3b8", "width": 1, "dash": "dot"},
    });
    let text = json!({
        "x": time, "yref": "paper", "y": 1, "text": escape(&mark.text), "showarrow": false, "textangle": -90,
        "xanchor": "left", "yanchor": "top", "font": {"size": 10, "color": "#64748b"},
    });
    (shape, text)
}

fn other_series(run: &RunReport) -> Option<Figure> {
    let traces = lines(run, false, |_| true);
    let is_empty = traces.is_empty();
    let plot = json!({"data": traces, "layout": layout(json!({"xaxis": {"type": "date"}}))});
    (!is_empty).then(|| Figure { title: "Series of the strategy".to_owned(), note: None, height: 320, plot })
}

/// Years down, months across.
fn months(months: &[MonthRecord]) -> Figure {
    const NAMES: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let mut years = months.iter().map(|month| month.year).collect::<Vec<_>>();
    years.dedup();
    let cell = |year: i32, place: usize| {
        let found = months.iter().find(|month| month.year == year && usize::from(month.month) == place + 1);
        found.and_then(|month| month.value)
    };
    let rows =
        years.iter().map(|year| (0..NAMES.len()).map(|place| cell(*year, place)).collect::<Vec<_>>()).collect::<Vec<_>>();
    let text = |value: &Option<f64>| value.map(|value| format!("{:.2} %", value * 100.0)).unwrap_or_default();
    let texts = rows.iter().map(|row| row.iter().map(text).collect::<Vec<_>>()).collect::<Vec<_>>();
    let plot = json!({
        "data": [{
            "type": "heatmap", "x": NAMES, "y": years.iter().map(ToString::to_string).collect::<Vec<_>>(), "z": rows,
            "text": texts, "texttemplate": "%{text}", "hovertemplate": "%{y} %{x}: %{text}<extra></extra>",
            "zmid": 0, "colorscale": [[0, "#ef4444"], [0.5, "#ffffff"], [1, "#22c55e"]], "showscale": false,
            "xgap": 2, "ygap": 2,
        }],
        "layout": layout(json!({"yaxis": {"type": "category", "autorange": "reversed"}})),
    });
    let height = 120 + 40 * u32::try_from(years.len().min(100)).expect("at most a hundred");
    Figure { title: "Monthly returns".to_owned(), note: None, height, plot }
}

/// What all figures share, with what one of them adds.
pub(super) fn layout(own: Value) -> Value {
    let mut layout = json!({
        "margin": {"l": 70, "r": 20, "t": 20, "b": 40}, "hovermode": "closest", "dragmode": "zoom",
        "legend": {"orientation": "h", "y": 1.06}, "font": {"family": "system-ui, sans-serif", "size": 12},
    });
    if let (Value::Object(layout), Value::Object(own)) = (&mut layout, own) {
        layout.extend(own);
    }
    layout
}

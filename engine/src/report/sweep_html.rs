//! `sweep.html`: the metric over the first two swept parameters, and the best rows.

use super::figures::{Figure, layout};
use super::html::{Page, escape, figure_place, page};
use super::sweep::SweepReport;
use crate::request::Metric;
use serde_json::json;
use std::fmt::Write;

/// Rows of the table on the page; all of them are in the CSV file.
const ROWS_SHOWN_MAX: usize = 50;

/// The page of a sweep.
pub(super) fn sweep_page(report: &SweepReport) -> Page {
    let metric = report.ranked_by;
    let mut body = format!(
        "<h1>Sweep</h1>\n<p class=\"status {status}\">{status}</p>\n<p>{done} of {all} combinations, best by {metric} · digest \
         <code>{digest}</code></p>\n",
        status = report.status,
        done = report.done,
        all = report.combinations,
        metric = report.metric,
        digest = report.digest,
    );
    let figure = heat_map(report, metric);
    body.push_str(&figure_place(0, &figure));
    body.push_str(&best_rows(report));
    page("Calypte sweep", &report.digest, &body, &[figure])
}

/// Of runs that differ only in further parameters the best is shown.
fn heat_map(report: &SweepReport, metric: Metric) -> Figure {
    let (across, down) = (&report.axes[0], report.axes.get(1));
    let height = down.map_or(1, |axis| axis.values.len());
    let mut cells = vec![vec![None::<f64>; across.values.len()]; height];
    for row in report.rows.iter().filter(|row| row.status == "completed") {
        let column = across.values.iter().position(|value| Some(value) == row.values.first());
        let line = down.map_or(Some(0), |axis| axis.values.iter().position(|value| Some(value) == row.values.get(1)));
        if let (Some(column), Some(line), Some(value)) = (column, line, row.metric(metric)) {
            let cell = &mut cells[line][column];
            let better = |known: f64| if metric.smaller_is_better() { known.min(value) } else { known.max(value) };
            *cell = Some(cell.map_or(value, better));
        }
    }
    let plot = json!({
        "data": [{
            "type": "heatmap", "z": cells, "colorscale": "Viridis", "reversescale": metric.smaller_is_better(),
            "x": across.values.iter().map(|value| escape(value)).collect::<Vec<_>>(),
            "y": down.map_or_else(|| vec![String::new()], |axis| axis.values.iter().map(|value| escape(value)).collect()),
            "hovertemplate": "%{x} / %{y}: %{z}<extra></extra>", "colorbar": {"title": {"text": metric.name()}},
        }],
        "layout": layout(json!({
            "xaxis": {"type": "category", "title": {"text": escape(&across.name)}},
            "yaxis": {"type": "category", "title": {"text": down.map(|axis| escape(&axis.name)).unwrap_or_default()}},
        })),
    });
    let note = (report.axes.len() > 2).then(|| "Over the further parameters the best value is shown.".to_owned());
    Figure { title: format!("{} by parameters", metric.name()), note, height: 520, plot }
}

fn best_rows(report: &SweepReport) -> String {
    let head = report.axes.iter().map(|axis| axis.name.as_str());
    let head = head.chain(["status", "final equity", "fees", "fills", "sharpe", "max drawdown"]);
    let mut text = String::from("<h2>Best combinations</h2>\n<table>\n<tr>");
    for name in head {
        write!(text, "<td>{}</td>", escape(name)).expect("text grows");
    }
    for row in report.ranked().take(ROWS_SHOWN_MAX) {
        text.push_str("</tr>\n<tr>");
        let statistic = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), |value| format!("{value:.4}"));
        let results = [
            row.status.clone(),
            row.final_equity.clone(),
            row.fees.clone(),
            row.fills.to_string(),
            statistic(row.sharpe),
            statistic(row.max_drawdown),
        ];
        for cell in row.values.iter().chain(&results) {
            write!(text, "<td>{}</td>", escape(cell)).expect("text grows");
        }
    }
    text.push_str("</tr>\n</table>\n");
    text
}

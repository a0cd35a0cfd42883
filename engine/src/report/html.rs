//! `report.html`: one file that needs nothing else. It holds the script that draws, and a policy that forbids the browser to
//! fetch anything, so that neither we nor a guest's text can reach out.

use super::drawn::Drawn;
use super::figures::{self, Figure};
use super::record::RunRecord;
use super::said;
use crate::run::RunReport;
use std::collections::BTreeMap;
use std::fmt::{Display, Write};
use std::sync::OnceLock;

/// Looks of the page.
const STYLE: &str = include_str!("page.css");

/// Text as it may stand in a page, between tags, in an attribute, or in a label of a chart: characters that mean something to
/// HTML are written as entities, and those that hide or turn what follows are replaced.
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&#34;"),
            '\'' => escaped.push_str("&#39;"),
            '\n' | '\t' => escaped.push(' '),
            _ if character.is_control() => escaped.push(char::REPLACEMENT_CHARACTER),
            _ if turns_direction(character) => escaped.push(char::REPLACEMENT_CHARACTER),
            _ => escaped.push(character),
        }
    }
    escaped
}

/// Whether a character turns the direction of a line around.
pub(crate) const fn turns_direction(character: char) -> bool {
    matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// The page of a run.
pub(super) fn run_page(run: &RunReport, report: &RunRecord, drawn: &Drawn) -> Page {
    let names = report.strategies.iter().map(|strategy| escape(&strategy.name)).collect::<Vec<_>>().join(", ");
    let mut body = format!(
        "<h1>{names}</h1>\n<p class=\"status {status}\">{status}</p>\n<p>{start} to {end} · digest <code>{digest}</code></p>\n",
        status = report.status,
        start = escape(&report.start),
        end = escape(&report.end),
        digest = &report.digest,
    );
    if let Some(reason) = &report.reason {
        writeln!(body, "<p class=\"warning\">{}</p>", escape(reason)).expect("text grows");
    }
    for warning in &report.warnings {
        writeln!(body, "<p class=\"warning\">{}</p>", escape(warning)).expect("text grows");
    }
    for data in &report.data {
        for warning in &data.warnings {
            writeln!(body, "<p class=\"warning\">{}: {}</p>", escape(&data.file), escape(warning)).expect("text grows");
        }
    }
    body.push_str(&tiles(report));
    let figures = figures::of_run(run, report, drawn);
    for (number, figure) in figures.iter().enumerate() {
        body.push_str(&figure_place(number, figure));
    }
    body.push_str("<div class=\"tables\">\n");
    for (title, rows) in tables(report) {
        body.push_str(&table(title, &rows));
    }
    body.push_str("</div>\n");
    body.push_str(&said::sections(report));
    page(&format!("{names} · Calypte backtest"), &report.digest, &body, &figures)
}

/// A whole page: head, body, the drawing script and the figures as data. The script is most of it, so it is not copied in between.
pub(super) struct Page {
    before_script: String,
    after_script: String,
}

impl Page {
    /// The parts of its text, in order.
    pub(super) fn parts(&self) -> [&str; 3] {
        [&self.before_script, drawing_script(), &self.after_script]
    }
}

pub(super) fn page(title: &str, digest: &str, body: &str, figures: &[Figure]) -> Page {
    // Scripts run only with this word. A guest cannot know it before its own bytes are hashed into it.
    let nonce = &digest[..32.min(digest.len())];
    let data = figures.iter().map(|figure| &figure.plot).collect::<Vec<_>>();
    // Text inside JSON cannot end the script element once `<` is written as an escape.
    let data = serde_json::to_string(&data).expect("figures have text keys").replace('<', "\\u003c");
    let before_script = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta http-equiv=\"Content-Security-Policy\" \
         content=\"default-src 'none'; script-src 'nonce-{nonce}'; style-src 'unsafe-inline'; img-src data: blob:\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n\
         <body>\n<main>\n{body}</main>\n<script nonce=\"{nonce}\">",
    );
    let after_script = format!(
        "</script>\n<script type=\"application/json\" id=\"figures\">{data}</script>\n\
         <script nonce=\"{nonce}\">\nJSON.parse(document.getElementById('figures').textContent).forEach((plot, number) => \
         Plotly.newPlot('figure-' + number, plot.data, plot.layout, {{responsive: true, displaylogo: false}}));\n\
         </script>\n</body>\n</html>\n",
    );
    Page { before_script, after_script }
}

/// Where a figure is drawn.
pub(super) fn figure_place(number: usize, figure: &Figure) -> String {
    let note = figure.note.as_ref().map(|note| format!("<p class=\"note\">{}</p>\n", escape(note))).unwrap_or_default();
    format!(
        "<h2>{}</h2>\n{note}<div id=\"figure-{number}\" class=\"figure\" style=\"height:{}px\"></div>\n",
        escape(&figure.title),
        figure.height
    )
}

/// Plotly's own script, without the typesetting of formulas that its crate puts behind it.
fn drawing_script() -> &'static str {
    static SCRIPT: OnceLock<String> = OnceLock::new();
    SCRIPT.get_or_init(|| {
        let both = plotly::Plot::offline_js_sources();
        let first = both.split("</script>").next().expect("a split has a first part");
        first.split_once('>').map_or(first, |(_, script)| script).to_owned()
    })
}

/// The numbers one looks at first.
fn tiles(report: &RunRecord) -> String {
    let drawdown = report.max_drawdown.as_ref().map(|drawdown| -drawdown.fraction);
    let tiles = [
        ("Final equity", escape(&report.final_equity)),
        ("Return", percent(report.total_return)),
        ("Sharpe", number(report.sharpe)),
        ("Max drawdown", percent(drawdown)),
        ("Fills", report.fills.to_string()),
        ("Fees", escape(&report.fees)),
    ];
    let tiles = tiles.iter().fold(String::new(), |mut text, (name, value)| {
        writeln!(text, "<div><span>{name}</span><b>{value}</b></div>").expect("text grows");
        text
    });
    format!("<div class=\"tiles\">\n{tiles}</div>\n")
}

type Rows = Vec<(String, String)>;

fn rows<const N: usize>(rows: [(&str, String); N]) -> Rows {
    rows.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn tables(report: &RunRecord) -> Vec<(&'static str, Rows)> {
    let drawdown = report.max_drawdown.as_ref();
    let trades = &report.trade_statistics;
    let result = rows([
        ("Initial cash", report.initial_cash.clone()),
        ("Final equity", report.final_equity.clone()),
        ("Return", percent(report.total_return)),
        ("Return per year", percent(report.cagr)),
        ("Volatility per year", percent(report.volatility)),
        ("Sharpe", number(report.sharpe)),
        ("Sortino", number(report.sortino)),
        ("Calmar", number(report.calmar)),
        ("Max drawdown", percent(drawdown.map(|it| -it.fraction))),
        ("  from", drawdown.map_or_else(dash, |it| it.start.clone())),
        ("  deepest", drawdown.map_or_else(dash, |it| it.end.clone())),
        ("  recovered", drawdown.and_then(|it| it.recovery.clone()).unwrap_or_else(dash)),
        ("Exposure", percent(Some(report.exposure))),
        ("Turnover", number(report.turnover)),
    ]);
    let round_trips = rows([
        ("Round trips", trades.count.to_string()),
        ("Wins", trades.wins.to_string()),
        ("Losses", trades.losses.to_string()),
        ("Win rate", percent(report.win_rate)),
        ("Profit factor", number(report.profit_factor)),
        ("Expectancy", number(report.expectancy)),
        ("Average win", number(report.average_win)),
        ("Average loss", number(report.average_loss)),
        ("Largest win", trades.largest_win.clone().unwrap_or_else(dash)),
        ("Largest loss", trades.largest_loss.clone().unwrap_or_else(dash)),
        ("Longest run of wins", trades.consecutive_wins_max.to_string()),
        ("Longest run of losses", trades.consecutive_losses_max.to_string()),
        ("Fees", report.fees.clone()),
        ("Traded notional", report.traded_notional.clone()),
    ]);
    let events = went_through(report);
    let mut fuel = rows([
        ("Total", report.fuel.to_string()),
        ("Mean per event", number(Some(report.fuel_detail.mean))),
        ("99 of 100 events within", report.fuel_detail.p99.to_string()),
        ("Most of one event", report.fuel_detail.max.to_string()),
    ]);
    fuel.extend(report.strategies.iter().map(|strategy| (format!("  {}", strategy.name), strategy.fuel.to_string())));
    vec![("Result", result), ("Round trips", round_trips), ("What went through", events), ("Fuel", fuel)]
}

fn went_through(report: &RunRecord) -> Rows {
    let counts = &report.counts;
    let mut all = rows([
        ("Candles", counts.candles.to_string()),
        ("Candles missing", counts.missing_candles.to_string()),
        ("Intents", counts.intents.to_string()),
        ("Denied", counts.denied.to_string()),
    ]);
    all.extend(parts(&report.denials));
    all.extend(rows([("Orders", counts.orders.to_string()), ("Rejected", counts.rejected.to_string())]));
    all.extend(parts(&report.rejections));
    all.extend(rows([
        ("Cancelled", counts.cancelled.to_string()),
        ("Fills", report.fills.to_string()),
        ("  of resting orders", counts.maker_fills.to_string()),
        ("Events", report.events.to_string()),
    ]));
    all.extend(parts(&report.events_by_kind));
    all
}

/// What a count is made of.
fn parts<K: Display>(counts: &BTreeMap<K, u64>) -> impl Iterator<Item = (String, String)> {
    counts.iter().filter(|(_, count)| **count > 0).map(|(name, count)| (format!("  {name}"), count.to_string()))
}

fn table(title: &str, rows: &Rows) -> String {
    let rows = rows.iter().fold(String::new(), |mut text, (name, value)| {
        let class = if name.starts_with(' ') { " class=\"part\"" } else { "" };
        writeln!(text, "<tr><th{class}>{}</th><td>{}</td></tr>", escape(name.trim()), escape(value)).expect("text grows");
        text
    });
    format!("<section>\n<h2>{title}</h2>\n<table>\n{rows}</table>\n</section>\n")
}

fn dash() -> String {
    "–".to_owned()
}

fn number(value: Option<f64>) -> String {
    value.map_or_else(dash, |value| format!("{value:.4}"))
}

fn percent(value: Option<f64>) -> String {
    value.map_or_else(dash, |value| format!("{:.2} %", value * 100.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_of_a_guest_is_only_text() {
        assert_eq!(
            escape("<script>alert('x' & \"y\")</script>"),
            "&lt;script&gt;alert(&#39;x&#39; &amp; &#34;y&#34;)&lt;/script&gt;"
        );
        assert_eq!(escape("a\u{1b}[31mb\u{202e}c\nd"), "a\u{fffd}[31mb\u{fffd}c d");
        assert_eq!(escape("Ελλάδα 5 €"), "Ελλάδα 5 €");
    }

    #[test]
    fn the_script_is_one_element_and_whole() {
        let script = drawing_script();
        assert!(script.contains("plotly.js v3"), "{}", &script[..100]);
        assert!(script.len() > 3_000_000 && !script.contains("</script"));
    }

    #[test]
    fn figures_cannot_end_their_element() {
        let plot = serde_json::json!({"data": ["</script><script>alert(1)</script>"]});
        let figure = Figure { title: "t".into(), note: None, height: 100, plot };
        let page = page("t", &"ab".repeat(32), "", &[figure]).parts().concat();
        assert_eq!(page.matches("</script>").count(), 3);
        assert!(page.contains("\\u003c/script>"));
        assert!(page.contains("default-src 'none'"));
    }
}

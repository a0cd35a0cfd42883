//! Results as tables for a terminal.

use crate::report::{RunRecord, SweepReport, SweepRow, count_words, escape_terminal};
use std::fmt::Write;

/// Rows of a sweep that are shown; all of them are in its files.
const SWEEP_ROWS_SHOWN: usize = 10;

/// A run.
pub(super) fn of_run(record: &RunRecord) -> String {
    let mut text = String::new();
    let mut line = |name: &str, value: String| writeln!(text, "{name:<16}{value}").expect("text grows");
    let names = record.strategies.iter().map(|strategy| strategy.name.as_str()).collect::<Vec<_>>().join(", ");
    line("strategy", names);
    line("status", record.reason.as_ref().map_or_else(|| record.status.to_owned(), |why| format!("{}: {why}", record.status)));
    line("period", format!("{} to {}", record.start, record.end));
    line("events", format!("{} ({} candles)", record.events, record.counts.candles));
    let orders = &record.counts;
    line("orders", format!("{} from {} intents, {} cancelled", orders.orders, orders.intents, orders.cancelled));
    if orders.denied > 0 {
        line("denied", count_words(orders.denied, &record.denials));
    }
    if orders.rejected > 0 {
        line("rejected", count_words(orders.rejected, &record.rejections));
    }
    line("fills", format!("{} ({} of resting orders)", record.fills, record.counts.maker_fills));
    line("fees", record.fees.clone());
    if record.counts.funding_payments > 0 {
        line("funding", format!("{} ({} payments)", record.funding, record.counts.funding_payments));
    }
    if record.counts.liquidations > 0 {
        line("liquidations", record.counts.liquidations.to_string());
    }
    line("final equity", format!("{} (from {})", record.final_equity, record.initial_cash));
    line("return", percent(record.total_return));
    line("per year", format!("{}, volatility {}", percent(record.cagr), percent(record.volatility)));
    line("sharpe", format!("{}, sortino {}, calmar {}", number(record.sharpe), number(record.sortino), number(record.calmar)));
    let drawdown = record.max_drawdown.as_ref();
    line(
        "max drawdown",
        drawdown.map_or_else(|| "–".to_owned(), |it| format!("{} at {}", percent(Some(-it.fraction)), it.end)),
    );
    let trades = &record.trade_statistics;
    let quality = format!("win rate {}, profit factor {}", percent(record.win_rate), number(record.profit_factor));
    line("round trips", format!("{}, {quality}", trades.count));
    line("exposure", format!("{}, turnover {}", percent(Some(record.exposure)), number(record.turnover)));
    let fuel = &record.fuel_detail;
    line("fuel", format!("{} (per event: mean {:.0}, p99 {}, max {})", fuel.total, fuel.mean, fuel.p99, fuel.max));
    line("wall time", speed(record));
    line("digest", record.digest.clone());
    escape_terminal(&text)
}

fn speed(record: &RunRecord) -> String {
    #[expect(clippy::cast_precision_loss, reason = "a speed")]
    let (candles, seconds) = (record.counts.candles as f64, record.wall_time_ms.max(1) as f64 / 1000.0);
    format!("{seconds:.2} s ({:.0} candles/s)", candles / seconds)
}

/// A sweep: its best rows.
pub(super) fn of_sweep(report: &SweepReport) -> String {
    let mut text = String::new();
    let speed = report.combinations_per_second;
    writeln!(
        text,
        "{} of {} combinations ({} resumed), {speed:.1}/s, best by {}",
        report.done, report.combinations, report.resumed, report.metric
    )
    .expect("text grows");
    let failed = report.ended.iter().filter(|(status, _)| *status != "completed");
    let failed = failed.map(|(status, count)| format!("{count} {status}")).collect::<Vec<_>>();
    if !failed.is_empty() {
        let completed = report.ended.get("completed").copied().unwrap_or(0);
        writeln!(text, "{}: {completed} completed, {}", report.status, failed.join(", ")).expect("text grows");
    }
    let mut header = report.axes.iter().map(|axis| axis.name.clone()).collect::<Vec<_>>();
    header.extend(["final equity", "return", "sharpe", "drawdown", "fills", "status"].map(str::to_owned));
    let rows = report.ranked().take(SWEEP_ROWS_SHOWN).map(cells);
    text.push_str(&table(&std::iter::once(header).chain(rows).collect::<Vec<_>>()));
    escape_terminal(&text)
}

fn cells(row: &SweepRow) -> Vec<String> {
    let mut cells = row.values.clone();
    cells.extend([
        row.final_equity.clone(),
        percent(row.total_return),
        number(row.sharpe),
        percent(row.max_drawdown.map(|fraction| -fraction)),
        row.fills.to_string(),
        row.status.clone(),
    ]);
    cells
}

/// Columns as wide as their widest cell.
fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width =
        |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0);
    let widths = (0..columns).map(width).collect::<Vec<_>>();
    let mut text = String::new();
    for row in rows {
        for (cell, width) in row.iter().zip(&widths) {
            write!(text, "{cell:>width$}  ").expect("text grows");
        }
        text.truncate(text.trim_end().len());
        text.push('\n');
    }
    text
}

fn number(value: Option<f64>) -> String {
    value.map_or_else(|| "–".to_owned(), |value| format!("{value:.3}"))
}

fn percent(value: Option<f64>) -> String {
    value.map_or_else(|| "–".to_owned(), |value| format!("{:.2} %", value * 100.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned() {
        let rows = vec![vec!["fast".to_owned(), "x".to_owned()], vec!["5".to_owned(), "100".to_owned()]];
        assert_eq!(table(&rows), "fast    x\n   5  100\n");
    }
}

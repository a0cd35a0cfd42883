//! The table of the demonstration: drawn in place on a terminal; elsewhere what happens is told line by line.

use crate::cli::output::Output;
use crate::live::{LatencyRecord, Standing, StrategyRow};
use crate::report::escape_terminal;
use calypte_kernel::Decimal;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::fmt::Write as _;

/// Decimals of money in the table.
const MONEY_DECIMALS: u32 = 2;
/// What begins a line that is shown although there is a table.
const WARNING: &str = "warning";

/// The table; its last state stays where it was drawn.
pub(super) struct Table {
    output: Output,
    /// None: there is no terminal, or nobody looks at it.
    bar: Option<ProgressBar>,
}

impl Table {
    pub(super) fn new(output: Output) -> Self {
        let bar = output.shows_progress().then(|| {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
            bar.set_style(ProgressStyle::with_template("{msg}").expect("the template is well formed"));
            bar
        });
        Self { output, bar }
    }

    /// Draws how everything stands.
    pub(super) fn draw(&self, standing: &Standing) {
        if let Some(bar) = &self.bar {
            bar.set_message(escape_terminal(&words(standing)));
            bar.tick();
        }
    }

    /// Tells what happened. What the table shows anyway is not told beside it.
    pub(super) fn remark(&self, lines: &[String]) {
        match &self.bar {
            None => lines.iter().for_each(|line| self.output.remark(line)),
            Some(bar) => {
                let warnings = lines.iter().filter(|line| line.contains(WARNING));
                warnings.for_each(|line| bar.println(escape_terminal(line)));
            }
        }
    }
}

impl Drop for Table {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.abandon();
        }
    }
}

fn words(standing: &Standing) -> String {
    let mut text = String::new();
    let mut line = |words: std::fmt::Arguments<'_>| writeln!(text, "{words}").expect("text grows");
    let (strategy, state, position) = ("strategy", "state", "position");
    line(format_args!(
        "{strategy:<10}{state:<13}{position:<16}{:>10}{:>12}{:>8}{:>7}",
        "entry", "unrealised", "orders", "fills"
    ));
    for row in &standing.strategies {
        line(format_args!("{}", row_words(row)));
    }
    let equity = standing.equity.map_or_else(|| "unknown".to_owned(), money);
    line(format_args!("equity {equity}"));
    line(format_args!("event to intent {}", latency(standing.event_to_intent)));
    line(format_args!("sent to ack     {}", latency(standing.sent_to_ack)));
    line(format_args!("last fills"));
    for fill in &standing.fills {
        line(format_args!("  {fill}"));
    }
    text
}

fn row_words(row: &StrategyRow) -> String {
    let StrategyRow { name, state, positions, unrealized, open_orders, fills } = row;
    // They trade one instrument here.
    let (position, entry) = match positions.first() {
        Some((symbol, size, entry)) => (format!("{size} {symbol}"), money(*entry)),
        None => ("flat".to_owned(), String::new()),
    };
    let unrealized = match unrealized {
        Some(profit) if !positions.is_empty() => money(*profit),
        _ => String::new(),
    };
    format!("{name:<10}{state:<13.12}{position:<16}{entry:>10}{unrealized:>12}{open_orders:>8}{fills:>7}")
}

/// Times in words.
pub(super) fn latency(record: LatencyRecord) -> String {
    let LatencyRecord { count, p50_us, p99_us } = record;
    if count == 0 { "none yet".to_owned() } else { format!("p50 {}, p99 {}, of {count}", millis(p50_us), millis(p99_us)) }
}

fn millis(micros: u64) -> String {
    format!("{}.{:02} ms", micros / 1_000, micros % 1_000 / 10)
}

fn money(amount: Decimal) -> String {
    format!("{:.2}", amount.round_dp(MONEY_DECIMALS))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_strategy_has_a_row_and_what_is_unknown_is_not_guessed() {
        let flat = StrategyRow { name: "dca".into(), state: "running".into(), ..StrategyRow::default() };
        let long = StrategyRow {
            name: "ema-atr".into(),
            state: "running".into(),
            positions: vec![("BTC".into(), Decimal::new(1, 2), Decimal::new(97_000_125, 3))],
            unrealized: Some(Decimal::new(-1_234, 3)),
            open_orders: 2,
            fills: 7,
        };
        let standing = Standing {
            strategies: vec![flat, long],
            equity: None,
            fills: vec!["a fill".into()],
            event_to_intent: LatencyRecord { count: 9, p50_us: 412, p99_us: 12_345 },
            sent_to_ack: LatencyRecord::default(),
        };
        let expected = [
            "strategy  state        position             entry  unrealised  orders  fills",
            "dca       running      flat                                         0      0",
            "ema-atr   running      0.01 BTC          97000.12       -1.23       2      7",
            "equity unknown",
            "event to intent p50 0.41 ms, p99 12.34 ms, of 9",
            "sent to ack     none yet",
            "last fills",
            "  a fill",
        ];
        assert_eq!(words(&standing).lines().collect::<Vec<_>>(), expected);
    }
}

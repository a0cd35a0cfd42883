//! Drift: what strategies decided while the clock ran, beside what they decide in a backtest of the candles they were given.
//!
//! ```text
//! journal ──► Span: candles, parameters, warm-up ──► sim::Backtest ──► the component ──► Course ──┐
//!               └──► Course: what was decided then ───────────────────────────────────────────────┴──► rows, fills
//! ```
//!
//! A replay hands a component the very events of then, fills among them. A backtest makes its own: where it decides otherwise, fills
//! came late or at other prices, orders were denied, or the market was not as its candles say.
//!
//! Each strategy is run by itself, from where it began: what strategies of one account do to each other shows as a difference.

mod backtest;
mod compare;
mod course;
mod span;
#[cfg(test)]
mod tests;
mod words;

pub use compare::{Compared, FillsCompared, ROWS_MAX, Row, SpanReport};
pub use span::{Span, SpanEnd, spans};

use crate::control::Control;
use crate::replay::{ComponentSpec, open_sandbox};
use crate::upload::load;
use calypte_host::Uploads;
use std::path::PathBuf;

/// Most candles of a journal that are taken into account: almost four years of one series of minutes.
pub const CANDLES_MAX: usize = 2_000_000;

/// What is to be compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DriftRequest {
    /// Folder of the journal.
    pub journal: PathBuf,
    /// Components, each for its strategy. A strategy without one is left out.
    pub components: Vec<ComponentSpec>,
    /// Up to which epoch, with those before it whose core it goes on with; none: all whose beginning is there.
    pub epoch: Option<u32>,
}

/// Why nothing can be compared.
#[derive(Debug, thiserror::Error)]
pub enum DriftError {
    /// Another program wrote it, or another version of this one.
    #[error("epoch {epoch} of the journal does not say how its strategies ran")]
    NoFacts {
        /// Which epoch.
        epoch: u32,
    },
    /// More than is taken into account.
    #[error("the journal has more than {CANDLES_MAX} candles: choose one of its openings with --epoch")]
    TooLong,
    /// No strategy was given a candle that was not history.
    #[error("no strategy of the journal was given a candle that closed while it ran: there is nothing to compare")]
    Nothing,
    /// A component for a strategy that did not run.
    #[error("{wanted}; in the journal ran {ran}: write STRATEGY=FILE with one of them")]
    NoStrategy {
        /// What was asked for.
        wanted: String,
        /// What ran.
        ran: String,
    },
    /// Ended from outside.
    #[error("ended by an interrupt: nothing was compared to the end")]
    Cancelled,
}

/// How a strategy's decisions compare.
#[derive(Debug, Clone)]
pub struct DriftReport {
    /// What strategies did from a start to an end, in the order of their starts.
    pub spans: Vec<SpanReport>,
    /// Strategies that ran and have no component here.
    pub left_out: Vec<String>,
}

impl DriftReport {
    /// Whether every decision is the same.
    pub fn is_equal(&self) -> bool {
        self.spans.iter().all(|span| span.decisions.different == 0)
    }
}

/// Compares.
///
/// # Errors
/// [`DriftError`], [`crate::replay::ReplayFailure`] where the journal cannot be read, and what uploads say of the components.
pub async fn drift(request: &DriftRequest, control: &Control) -> anyhow::Result<DriftReport> {
    let spans = spans(&request.journal, request.epoch, control).await?;
    let spans = spans.into_iter().filter(|span| span.first_close().is_some()).collect::<Vec<_>>();
    if spans.is_empty() {
        return Err(DriftError::Nothing.into());
    }
    for spec in &request.components {
        check(spec, &spans)?;
    }
    let mut sandbox: Option<(bool, Uploads)> = None;
    let mut report = DriftReport { spans: Vec::new(), left_out: Vec::new() };
    for span in &spans {
        let spec = request.components.iter().rev().find(|spec| plays(spec, &span.strategy));
        let Some(spec) = spec else {
            if !report.left_out.contains(&span.strategy) {
                report.left_out.push(span.strategy.clone());
            }
            continue;
        };
        if sandbox.as_ref().is_none_or(|(portable, _)| *portable != span.facts().portable) {
            sandbox = Some((span.facts().portable, open_sandbox(span.facts(), 1)?));
        }
        let (_, uploads) = sandbox.as_ref().expect("it was just opened");
        let component = load(uploads, &spec.file).await?.strategy;
        let tested = backtest::backtest(span, &component, control).await?;
        report.spans.push(SpanReport::new(span, &component, &tested));
    }
    Ok(report)
}

/// Whether a component is meant for a strategy.
fn plays(spec: &ComponentSpec, strategy: &str) -> bool {
    spec.strategy.as_ref().is_none_or(|wanted| wanted == strategy)
}

/// Whether it is clear for whom a component is meant.
fn check(spec: &ComponentSpec, spans: &[Span]) -> Result<(), DriftError> {
    let mut ran = spans.iter().map(|span| span.strategy.as_str()).collect::<Vec<_>>();
    ran.sort_unstable();
    ran.dedup();
    let wanted = match &spec.strategy {
        Some(name) if !ran.contains(&name.as_str()) => format!("there is no strategy {name:?}"),
        None if ran.len() > 1 => format!("{} is of no strategy in particular", spec.file.display()),
        _ => return Ok(()),
    };
    Err(DriftError::NoStrategy { wanted, ran: ran.join(", ") })
}

//! Series and marks of the strategy's own, for reports.

use crate::{Pane, backend};

/// A series on the strategy's chart.
///
/// Named once, in `init` or when first needed; adding a point is cheap but not free, so draw only what will be looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Series(Option<u32>);

impl Series {
    /// A series over the candles, on the price axis.
    #[must_use]
    pub fn on_price(name: &str) -> Self {
        Self(backend::chart::series(name, Pane::Price))
    }

    /// A series in a pane of its own.
    #[must_use]
    pub fn separate(name: &str) -> Self {
        Self(backend::chart::series(name, Pane::Separate))
    }

    /// Adds a point at the time of the event. Past the engine's limits nothing is drawn, and nothing breaks.
    #[inline]
    pub fn point(self, value: f64) {
        if let Some(series) = self.0 {
            backend::chart::point(series, value);
        }
    }
}

/// Adds a mark with a short text at the time of the event.
pub fn mark(text: &str) {
    backend::chart::mark(text);
}

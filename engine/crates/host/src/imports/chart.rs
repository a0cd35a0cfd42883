//! `chart`: series and marks of the strategy's own, for reports.

use super::printable;
use crate::bindings::calypte::strategy::chart::{self, Pane};
use crate::guest::Guest;
use crate::meter::{CALL_WORK, ITEM_WORK};
use wasmtime::component::{HasSelf, Linker};

/// Names of the series, by number.
#[derive(Debug, Default)]
pub(crate) struct ChartNames {
    names: Vec<String>,
}

impl Guest {
    /// Room for one more point or mark in this event; counts what is dropped.
    fn has_chart_room(&mut self) -> bool {
        let max = self.limits.chart_points_per_event_max;
        let effects = self.effects();
        let room = effects.chart_points.len() + effects.chart_marks.len() < max;
        if !room {
            effects.chart_dropped = effects.chart_dropped.saturating_add(1);
        }
        room
    }
}

impl chart::Host for Guest {
    fn series(&mut self, name: String, pane: Pane) -> wasmtime::Result<Option<u32>> {
        self.write(CALL_WORK + ITEM_WORK * self.chart.names.len() as u64)?;
        let name = printable(&name, self.limits.chart_text_bytes_max);
        if let Some(place) = self.chart.names.iter().position(|known| *known == name) {
            return Ok(u32::try_from(place).ok());
        }
        let number = u32::try_from(self.chart.names.len()).unwrap_or(u32::MAX);
        if number >= self.limits.chart_series_max {
            return Ok(None);
        }
        self.chart.names.push(name.clone());
        self.effects().chart_series.push((number, name, matches!(pane, Pane::Price)));
        Ok(Some(number))
    }

    fn point(&mut self, series: u32, value: f64) -> wasmtime::Result<()> {
        self.write(CALL_WORK)?;
        // A number that names no series draws nothing.
        let known = usize::try_from(series).is_ok_and(|series| series < self.chart.names.len());
        if known && value.is_finite() && self.has_chart_room() {
            self.effects().chart_points.push((series, value));
        }
        Ok(())
    }

    fn mark(&mut self, text: String) -> wasmtime::Result<()> {
        self.write(CALL_WORK + text.len() as u64)?;
        let text = printable(&text, self.limits.chart_text_bytes_max);
        if self.has_chart_room() {
            self.effects().chart_marks.push(text);
        }
        Ok(())
    }
}

pub(crate) fn add_to_linker(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    chart::add_to_linker::<Guest, HasSelf<Guest>>(linker, |guest| guest)
}

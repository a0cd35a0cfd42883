//! A short state of affairs, shown to the trader until it is replaced.

use crate::backend;

/// Shows a text.
pub fn text(text: &str) {
    backend::status::text(text);
}

/// A table for the trader, built row by row.
///
/// ```no_run
/// use calypte_strategy::status::Table;
///
/// Table::new("levels", &["price", "state"]).row(&["64000", "resting"]).show();
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    title: String,
    columns: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table without rows.
    #[must_use]
    pub fn new(title: &str, columns: &[&str]) -> Self {
        Self { title: title.into(), columns: owned(columns), rows: Vec::new() }
    }

    /// One more row.
    #[must_use]
    pub fn row(mut self, cells: &[&str]) -> Self {
        self.rows.push(owned(cells));
        self
    }

    /// Shows it.
    pub fn show(self) {
        backend::status::table(&self.title, &self.columns, &self.rows);
    }
}

fn owned(cells: &[&str]) -> Vec<String> {
    cells.iter().map(|&cell| cell.into()).collect()
}

//! `status`: a short state of affairs, shown to the trader until it is replaced.

use super::printable;
use crate::bindings::calypte::strategy::status;
use crate::guest::Guest;
use crate::meter::{CALL_WORK, ITEM_WORK};
use calypte_kernel::Status;
use wasmtime::component::{HasSelf, Linker};

/// Columns of a table; further ones are cut.
const COLUMNS_MAX: usize = 16;
/// Rows of a table; further ones are cut.
const ROWS_MAX: usize = 200;

/// Takes texts until a number of bytes is used up.
struct Room {
    bytes: usize,
}

impl Room {
    fn take(&mut self, text: &str) -> String {
        let text = printable(text, self.bytes);
        self.bytes -= text.len();
        text
    }
}

impl status::Host for Guest {
    fn text(&mut self, text: String) -> wasmtime::Result<()> {
        self.write(CALL_WORK + text.len() as u64)?;
        // A text may have lines of its own.
        let mut room = Room { bytes: self.limits.status_bytes_max };
        let lines = text.split('\n').map(|line| room.take(line)).collect::<Vec<_>>();
        let text = crate::fault::cut(&lines.join("\n"), self.limits.status_bytes_max);
        self.effects().status = Some(Status::Text(text));
        Ok(())
    }

    fn table(&mut self, title: String, columns: Vec<String>, rows: Vec<Vec<String>>) -> wasmtime::Result<()> {
        let cells = rows.iter().map(Vec::len).sum::<usize>().saturating_add(columns.len());
        self.write(CALL_WORK + ITEM_WORK.saturating_mul(cells as u64))?;
        let mut room = Room { bytes: self.limits.status_bytes_max };
        let title = room.take(&title);
        let columns = columns.iter().take(COLUMNS_MAX).map(|column| room.take(column)).collect::<Vec<_>>();
        let row = |row: &Vec<String>| {
            let mut cells = row.iter().take(columns.len()).map(|cell| room.take(cell)).collect::<Vec<_>>();
            cells.resize(columns.len(), String::new());
            cells
        };
        let rows = rows.iter().take(ROWS_MAX).map(row).collect();
        self.effects().status = Some(Status::Table { title, columns, rows });
        Ok(())
    }
}

pub(crate) fn add_to_linker(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    status::add_to_linker::<Guest, HasSelf<Guest>>(linker, |guest| guest)
}

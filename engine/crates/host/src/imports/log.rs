//! `log`: lines for the strategy's log.

use super::printable;
use crate::bindings::calypte::strategy::log::{self, Level};
use crate::guest::Guest;
use crate::meter::CALL_WORK;
use calypte_kernel::{LogLevel, LogLine};
use wasmtime::component::{HasSelf, Linker};

impl log::Host for Guest {
    fn write(&mut self, level: Level, message: String) -> wasmtime::Result<()> {
        Self::write(self, CALL_WORK + message.len() as u64)?;
        let level = match level {
            Level::Debug => LogLevel::Debug,
            Level::Info => LogLevel::Info,
            Level::Warn => LogLevel::Warn,
            Level::Error => LogLevel::Error,
        };
        self.log(level, &message);
        Ok(())
    }
}

impl Guest {
    /// Adds a line to the event's log: cut, escaped, and dropped where there is no room for it.
    pub(super) fn log(&mut self, level: LogLevel, message: &str) {
        let limits = &self.limits;
        let text = printable(message, limits.log_line_bytes_max);
        let bytes = self.log_bytes.saturating_add(text.len());
        let (lines_max, bytes_max) = (limits.log_lines_per_event_max, limits.log_bytes_per_event_max);
        let effects = self.effects.get_or_insert_default();
        if effects.log.len() >= lines_max || bytes > bytes_max {
            effects.log_dropped = effects.log_dropped.saturating_add(1);
            return;
        }
        effects.log.push(LogLine { level, text });
        self.log_bytes = bytes;
    }
}

pub(crate) fn add_to_linker(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    log::add_to_linker::<Guest, HasSelf<Guest>>(linker, |guest| guest)
}

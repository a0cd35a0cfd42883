//! Market data: candles read from files in bounded memory and checked on the way, resampled, made up, written.
//!
//! ```text
//! file ── bytes (hashed, decompressed) ── rows (CSV or Parquet) ── checks ── candles and gap notes
//! ```
//!
//! Nothing is guessed: what a column means, which unit a time has, which of several volumes is the volume, a header says or the
//! caller does. What is wrong is named with file, line and value, and a policy says whether to stop, drop or mend.
//! Funding rates, trades, quotes and books have a reader of their own ([`TickFile`]); where candles are wanted they are refused
//! by name.

mod checks;
mod columns;
mod csv;
mod csv_lines;
mod fault;
mod input;
mod lines;
mod notes;
mod number;
mod options;
mod parts;
mod plain;
mod reader;
mod resample;
mod row;
mod steps;
mod survey;
mod synth;
mod table;
#[cfg(test)]
mod tests;
mod tick_survey;
mod ticks;
mod time;
mod timeframe;
mod values;
mod write;

pub use checks::{FILL_CANDLES_MAX, MISORDERED_PART, MISORDERED_ROWS_MIN, OFF_GRID_REPAIR_MS_MAX, WINDOW_ROWS_MAX};
pub use columns::{COLUMNS_MAX, Columns, Field, NotColumns};
pub use fault::{At, DataError, RowFault, ShapeFault, VALUE_CHARS_MAX};
pub use lines::LINE_BYTES_MAX;
pub use notes::{EXAMPLES_MAX, FaultCount, GapCount, Notes};
pub use options::{Label, NotAChoice, OnFault, OnGap, ReadOptions};
pub use parts::PARTS_MAX;
pub use reader::{CandleFile, LOAD_CANDLES_MAX, Loaded, load, span};
pub use resample::Resampled;
pub use steps::{OFF_GRID_PART, OFF_GRID_ROWS_MIN, OWN_STEPS_MIN};
pub use survey::{Survey, SurveyFault, SurveyGaps, SurveyJumps, survey};
pub use synth::{NotMade, Synth, SynthSettings};
pub use tick_survey::{TickSurvey, survey_ticks, tick_kind_of};
pub use ticks::{LOAD_TICKS_MAX, LoadedTicks, TickFault, TickFile, load_ticks};
pub use time::{NotATimeUnit, TimeUnit, iso_text};
pub use timeframe::{TimeframeFrom, timeframe_in_name, timeframe_of};
pub use values::WIDEN_PART;
pub use write::CandleWriter;

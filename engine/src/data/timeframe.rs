//! Which timeframe a file has, for commands that are not told: from its name, else from its most common step.

use super::fault::DataError;
use super::options::ReadOptions;
use super::reader::CandleFile;
use calypte_kernel::Timeframe;
use std::collections::HashMap;
use std::path::Path;

/// How it is known how long the candles of a file are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeframeFrom {
    /// The caller said so.
    Said,
    /// The file's name says so.
    Name,
    /// It is the most common step between the first rows.
    Rows,
    /// It is not known, and taken to be a minute.
    Assumed,
}

impl TimeframeFrom {
    /// Its name in records.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Said => "said",
            Self::Name => "file-name",
            Self::Rows => "rows",
            Self::Assumed => "assumed",
        }
    }

    /// In words, behind the timeframe.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Said => "as was said",
            Self::Name => "as its name says",
            Self::Rows => "as its rows say",
            Self::Assumed => "assumed, as neither its name nor its rows say: give --timeframe",
        }
    }
}

/// Rows looked at.
const ROWS_MAX: usize = 1000;

/// The timeframe that a file's name contains between dashes, underscores or points: `BTC-5m-hyperliquid.csv.gz`.
pub fn timeframe_in_name(path: &Path) -> Option<Timeframe> {
    let name = path.file_name()?.to_str()?;
    name.split(['-', '_', '.']).skip(1).find_map(|word| word.parse().ok())
}

/// The timeframe of a file: as its name says, else the most common step between its first rows.
///
/// # Errors
/// Where the file cannot be opened or is not a table of candles. None where neither name nor rows tell.
pub fn timeframe_of(path: &Path, options: &ReadOptions) -> Result<Option<(Timeframe, TimeframeFrom)>, DataError> {
    if let Some(timeframe) = timeframe_in_name(path) {
        return Ok(Some((timeframe, TimeframeFrom::Name)));
    }
    let times = CandleFile::open(path, options)?.times(ROWS_MAX)?;
    let mut steps = HashMap::<u64, usize>::new();
    for pair in times.windows(2) {
        if let Ok(step) = u64::try_from(pair[1].saturating_sub(pair[0])) {
            *steps.entry(step).or_default() += 1;
        }
    }
    // The shortest of several that are as common, so that the answer does not depend on the map's order.
    let common = steps.into_iter().filter_map(|(step, count)| Timeframe::from_millis(step).ok().map(|step| (step, count)));
    Ok(common
        .max_by_key(|(step, count)| (*count, std::cmp::Reverse(step.as_millis())))
        .map(|(step, _)| (step, TimeframeFrom::Rows)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_file_tells_its_timeframe() {
        for (name, timeframe) in [
            ("BTC-5m-hyperliquid.csv.gz", Some("5m")),
            ("data/DOGEUSDT_1m.csv", Some("1m")),
            ("x.1d.parquet", Some("1d")),
            ("candles.csv", None),
            ("1m.csv", None),
        ] {
            assert_eq!(timeframe_in_name(Path::new(name)).map(|found| found.to_string()).as_deref(), timeframe, "{name}");
        }
    }
}

//! Files as they are found: sound ones, broken ones, made ones.

mod dirty;
mod hostile;
mod sound;
mod written;

use super::*;
use calypte_kernel::Candle;
use calypte_sim::SourceItem;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// Where the collection of market data lies; none, and a loud word, where it is not at hand.
pub(super) fn shared() -> Option<PathBuf> {
    let root = std::env::var_os("CALYPTE_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared"), PathBuf::from);
    let data = root.join("data");
    if data.join("dirty").is_dir() {
        return Some(data);
    }
    let thread = std::thread::current();
    let test = thread.name().unwrap_or("a test of data files");
    let line = format!("SKIPPED: {test}: {} is not there; set CALYPTE_SHARED\n", data.display());
    eprint!("{line}");
    // Whoever started the tests lists and counts what stands in this file.
    if let Some(path) = std::env::var_os("CALYPTE_SKIPS_FILE") {
        let mut file = OpenOptions::new().create(true).append(true).open(path).expect("the file of skips can be opened");
        file.write_all(line.as_bytes()).expect("the file of skips can be written");
    }
    None
}

fn options(timeframe: &str) -> ReadOptions {
    ReadOptions::new(timeframe.parse().expect("a timeframe"))
}

/// All items of a file and what was noted.
fn read(path: &Path, options: &ReadOptions) -> Result<(Vec<SourceItem>, Notes), DataError> {
    let mut file = CandleFile::open(path, options)?;
    let mut items = Vec::new();
    while file.read(&mut items)? {}
    Ok((items, file.notes().clone()))
}

fn candles_of(items: &[SourceItem]) -> Vec<Candle> {
    let candle = |item: &SourceItem| match item {
        SourceItem::Candle(candle) => Some(*candle),
        SourceItem::Gap(_) => None,
    };
    items.iter().filter_map(candle).collect()
}

/// In a line, what reading a file comes to.
fn outcome(path: &Path, options: &ReadOptions) -> String {
    match read(path, options) {
        Ok((items, notes)) => {
            let (gaps, dropped, repaired) = (notes.gaps.count, notes.dropped, notes.repaired);
            let counts = format!("{} candles, {gaps} gaps, {dropped} dropped, {repaired} repaired", candles_of(&items).len());
            let kinds = notes.faults.iter().map(|(kind, fault)| format!("{kind} {}", fault.count));
            std::iter::once(counts).chain(kinds).collect::<Vec<_>>().join(", ")
        }
        Err(error) => {
            let directory = path.parent().expect("a file lies in a directory").display().to_string();
            error.to_string().replace(&format!("{directory}/"), "")
        }
    }
}

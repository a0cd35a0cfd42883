//! Candles for tests: those of the peers' benchmark, and made-up ones.

use crate::calypte;
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

// The simulation's own tests make the same candles, and may not depend on this package.
#[path = "../../engine/crates/sim/tests/support/peer_walk.rs"]
mod peer_walk;
use peer_walk::{PeerCandle, PeerWalk};

/// The first candles of the peers' benchmark, as a file that is equal to theirs byte for byte.
///
/// # Panics
/// If the folder cannot be written.
pub fn spec_candles(candles: usize, folder: &Path) -> PathBuf {
    let path = folder.join(format!("peer-candles-{candles}.csv"));
    let mut file = BufWriter::new(File::create(&path).expect("the test's folder can be written"));
    writeln!(file, "open_time_ms,open,high,low,close,volume").expect("the test's folder has room");
    for PeerCandle { open_time, prices, volume } in PeerWalk::new().take(candles) {
        let [open, high, low, close] = prices.map(|tenths| format!("{}.{}", tenths / 10, tenths % 10));
        let volume = format!("{}.{:03}", volume / 1_000, volume % 1_000);
        writeln!(file, "{open_time},{open},{high},{low},{close},{volume}").expect("the test's folder has room");
    }
    file.flush().expect("the test's folder has room");
    path
}

/// A file of made-up candles in a folder; the end of its name says its format.
pub fn synth_candles(candles: u32, seed: u32, folder: &Path, name: &str) -> PathBuf {
    let file = folder.join(name);
    let path = file.to_str().expect("the path of a temporary folder is text");
    calypte(["data", "synth", "--candles", &candles.to_string(), "--seed", &seed.to_string(), "--out", path]).ok();
    file
}

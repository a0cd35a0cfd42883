//! Prices of the local exchange out of candle files: each candle becomes four points, and the first opens when the exchange does.

use super::{ExitStatus, Failure};
use crate::cli::exit::Ends;
use crate::data::{CandleFile, ReadOptions};
use crate::request::DataSpec;
use crate::request::data_spec::NotADataSpec;
use calypte_devnet::exchange::{PRICE_POINTS_MAX, PricePoint};
use calypte_kernel::Candle;
use calypte_sim::{CandleSource, SourceItem};
use calypte_venues::hyperliquid::protocol::Millis;
use std::str::FromStr;

/// Where a coin's prices come from, as written on the command line.
#[derive(Debug, Clone)]
pub(super) enum PricesArgument {
    /// By chance.
    Walk,
    /// Out of a file.
    File(DataSpec),
}

impl FromStr for PricesArgument {
    type Err = NotADataSpec;

    fn from_str(text: &str) -> Result<Self, NotADataSpec> {
        if text == "walk" { Ok(Self::Walk) } else { text.parse().map(Self::File) }
    }
}

/// Reads a file, its times moved so that its first candle opens at the start.
pub(super) fn read(spec: &DataSpec, options: &ReadOptions, start: Millis) -> Result<Vec<PricePoint>, Failure> {
    let mut file = CandleFile::open(&spec.file, options).ends(ExitStatus::BadInput)?;
    let mut points = Vec::new();
    let mut batch = Vec::new();
    let mut first = None;
    let unusable = |words: &str| Failure::new(ExitStatus::BadInput, format!("{}: {words}", spec.file.display()));
    while file.next_batch(&mut batch).ends(ExitStatus::BadInput)? {
        for item in batch.drain(..) {
            let SourceItem::Candle(candle) = item else { continue };
            let opened = candle.open_time.as_millis();
            let moved = opened.saturating_sub(*first.get_or_insert(opened)).unsigned_abs().saturating_add(start.get());
            let quarter = spec.timeframe.as_millis() / 4;
            for (place, price) in path(&candle).into_iter().enumerate() {
                let time = moved.saturating_add(place as u64 * quarter);
                let time = Millis::new(time).ok_or_else(|| unusable("it goes on beyond the year 2100"))?;
                points.push(PricePoint { time, price });
            }
            if points.len() > PRICE_POINTS_MAX {
                return Err(unusable(&format!("more than {} candles: choose some with --from and --to", PRICE_POINTS_MAX / 4)));
            }
        }
    }
    if points.is_empty() {
        return Err(unusable("there is no candle in it, or none in the period"));
    }
    Ok(points)
}

/// The way a price takes through a candle: to the side from which it turned back first.
fn path(candle: &Candle) -> [rust_decimal::Decimal; 4] {
    let Candle { open, high, low, close, .. } = candle;
    let [near, far] = if close >= open { [low, high] } else { [high, low] };
    [open.get(), near.get(), far.get(), close.get()]
}

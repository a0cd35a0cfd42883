//! Which column of a file of ticks is what: its header says so.

use crate::data::fault::{ShapeFault, shown};
use calypte_kernel::BOOK_LEVELS_MAX;
use calypte_sim::TickKind;

/// Columns of a file, by their meaning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Layout {
    pub(super) kind: TickKind,
    pub(super) time: usize,
    /// Of funding: the rate. Of trades: price, size, side. Of quotes and books: bid price and size, ask price and size, level by
    /// level.
    pub(super) columns: Vec<usize>,
    /// Names of all columns of the file.
    pub(super) names: Vec<String>,
}

const TIMES: &[&str] = &["time_ms", "time", "timestamp", "ts"];
const RATE: &[&str] = &["funding_rate", "fundingrate", "rate"];
const TRADE: &[&[&str]] = &[&["price", "px"], &["size", "sz", "qty", "quantity"], &["side"]];
const SIDES: [&str; 4] = ["bid_price", "bid_size", "ask_price", "ask_size"];

impl Layout {
    /// From the names of a header.
    pub(super) fn of(kind: TickKind, header: &[String]) -> Result<Self, ShapeFault> {
        let names = header.iter().map(|name| name.to_ascii_lowercase()).collect::<Vec<_>>();
        let find = |wanted: &[&str]| {
            let mut found = names.iter().enumerate().filter(|(_, name)| wanted.contains(&name.as_str()));
            match (found.next(), found.next()) {
                (Some((place, _)), None) => Ok(place),
                _ => Err(ShapeFault::NotTicks {
                    kind,
                    missing: wanted[0].to_owned(),
                    header: shown(header.join(",").as_bytes()),
                }),
            }
        };
        let columns = match kind {
            TickKind::Funding => vec![find(RATE)?],
            TickKind::Trades => TRADE.iter().map(|names| find(names)).collect::<Result<_, _>>()?,
            TickKind::Quotes => SIDES.iter().map(|name| find(&[name])).collect::<Result<_, _>>()?,
            TickKind::Book => {
                let mut columns = Vec::new();
                for level in 0..BOOK_LEVELS_MAX {
                    let levels = SIDES.map(|name| format!("{name}_{level}"));
                    if level > 0 && !levels.iter().any(|name| names.contains(name)) {
                        break;
                    }
                    for name in &levels {
                        columns.push(find(&[name.as_str()])?);
                    }
                }
                columns
            }
        };
        Ok(Self { kind, time: find(TIMES)?, columns, names: header.to_vec() })
    }
}

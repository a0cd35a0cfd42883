//! One row of ticks, decoded and checked in itself.

use super::fault::TickFault;
use super::hour_of;
use super::layout::Layout;
use crate::data::csv::LineFault;
use crate::data::csv_lines::CsvLine;
use crate::data::fault::shown;
use crate::data::number::{self, NumberFault};
use calypte_kernel::{Book, Decimal, InstrumentId, Level, Price, Quote, Side, Size, Timestamp, Trade};
use calypte_sim::{FundingRate, Tick, TickKind};

/// Largest rate of one payment: Hyperliquid's cap of an hour, which none of the other exchanges goes beyond.
const RATE_MAX: Decimal = Decimal::from_parts(4, 0, 0, false, 2);

/// Decodes rows.
#[derive(Debug)]
pub(super) struct Rows {
    instrument: InstrumentId,
    layout: Layout,
}

impl Rows {
    pub(super) const fn new(instrument: InstrumentId, layout: Layout) -> Self {
        Self { instrument, layout }
    }

    pub(super) fn decode(&self, line: &CsvLine<'_>) -> Result<Tick, LineFault> {
        let fields = line.fields(self.layout.names.len())?;
        let time = line.time(fields[self.layout.time])?;
        let row = Row { layout: &self.layout, fields: &fields };
        let instrument = self.instrument;
        let at = Timestamp::from_millis(time);
        Ok(match self.layout.kind {
            TickKind::Funding => Tick::Funding(FundingRate { instrument, time: hour_of(time), rate: row.rate()? }),
            TickKind::Trades => {
                Tick::Trade(Trade { instrument, time: at, price: row.price(0)?, size: row.size(1)?, taker: row.side(2)? })
            }
            TickKind::Quotes => {
                let (bid, ask) = (row.level(0)?, row.level(2)?);
                check_crossed(bid, ask)?;
                Tick::Quote(Quote { instrument, time: at, bid, ask })
            }
            TickKind::Book => {
                let (bids, asks) = (row.levels(0)?, row.levels(2)?);
                if let (Some(bid), Some(ask)) = (bids.first(), asks.first()) {
                    check_crossed(*bid, *ask)?;
                }
                Tick::Book(Box::new(Book { instrument, time: at, bids, asks }))
            }
        })
    }
}

/// The fields of one row.
struct Row<'a> {
    layout: &'a Layout,
    fields: &'a [&'a [u8]],
}

impl Row<'_> {
    fn text(&self, column: usize) -> &[u8] {
        self.fields[self.layout.columns[column]]
    }

    fn name(&self, column: usize) -> String {
        self.layout.names[self.layout.columns[column]].clone()
    }

    fn number(&self, column: usize) -> Result<Decimal, TickFault> {
        let text = self.text(column);
        number::parse(text).map_err(|fault| {
            let (column, value) = (self.name(column), shown(text));
            match fault {
                NumberFault::NotANumber => TickFault::NotANumber { column, value },
                NumberFault::TooLarge | NumberFault::TooManyDecimals => TickFault::TooManyDigits { column, value },
            }
        })
    }

    fn rate(&self) -> Result<Decimal, TickFault> {
        let rate = self.number(0)?;
        if rate.abs() > RATE_MAX {
            return Err(TickFault::RateTooLarge { rate, max: RATE_MAX });
        }
        Ok(rate)
    }

    fn price(&self, column: usize) -> Result<Price, TickFault> {
        Price::new(self.number(column)?).map_err(|not| TickFault::NotPositive { column: self.name(column), value: not.0 })
    }

    fn size(&self, column: usize) -> Result<Size, TickFault> {
        Size::new(self.number(column)?).map_err(|not| TickFault::NotPositive { column: self.name(column), value: not.0 })
    }

    fn side(&self, column: usize) -> Result<Side, TickFault> {
        match self.text(column) {
            b"buy" => Ok(Side::Buy),
            b"sell" => Ok(Side::Sell),
            other => Err(TickFault::NotASide { value: shown(other) }),
        }
    }

    fn level(&self, column: usize) -> Result<Level, TickFault> {
        Ok(Level { price: self.price(column)?, size: self.size(column + 1)? })
    }

    /// Levels of one side, best first; where both fields are empty the side ends. `first` is 0 for bids and 2 for asks.
    fn levels(&self, first: usize) -> Result<Vec<Level>, TickFault> {
        let mut levels: Vec<Level> = Vec::with_capacity(self.layout.columns.len() / 4);
        for column in (first..self.layout.columns.len()).step_by(4) {
            if self.text(column).is_empty() && self.text(column + 1).is_empty() {
                break;
            }
            let level = self.level(column)?;
            if let Some(before) = levels.last() {
                let behind = if first == 0 { level.price < before.price } else { level.price > before.price };
                if !behind {
                    let (value, before) = (level.price.get(), before.price.get());
                    return Err(TickFault::LevelOrder { column: self.name(column), value, before });
                }
            }
            levels.push(level);
        }
        Ok(levels)
    }
}

fn check_crossed(bid: Level, ask: Level) -> Result<(), TickFault> {
    if bid.price < ask.price {
        return Ok(());
    }
    Err(TickFault::Crossed { bid: bid.price.get(), ask: ask.price.get() })
}

//! `market`: what is known of the market as of the event. It is served from what was delivered to the instance, so that there is
//! nothing ahead of «now» to be seen.

mod known;

pub(crate) use known::Market;

use crate::bindings::calypte::strategy::market::{self, Rounding};
use crate::bindings::calypte::strategy::types as wit;
use crate::convert::{self, exact, wanted};
use crate::guest::Guest;
use crate::meter::{CALL_WORK, ITEM_WORK};
use calypte_kernel::{Book, Decimal, InstrumentId, Price, Rounding as Grid, SeriesId, Side};
use known::Fill;
use wasmtime::Result;
use wasmtime::component::{HasSelf, Linker};

impl Guest {
    fn book(&mut self, instrument: u32) -> Result<Option<&Book>> {
        let instrument = InstrumentId::new(instrument);
        let levels = self.market.book(instrument).map_or(0, |book| book.bids.len().max(book.asks.len()));
        self.read(CALL_WORK + ITEM_WORK * levels as u64)?;
        Ok(self.market.book(instrument))
    }

    fn fill(&mut self, instrument: u32, side: wit::Side, size: wit::Decimal) -> Result<Option<Fill>> {
        let Some(size) = wanted(size).get() else { return Ok(None) };
        let side = match side {
            wit::Side::Buy => Side::Buy,
            wit::Side::Sell => Side::Sell,
        };
        Ok(self.book(instrument)?.and_then(|book| known::fill(book, side, size)))
    }

    fn last(&self, instrument: InstrumentId) -> Option<Price> {
        self.market.last_price(instrument)
    }

    /// The mark price: of the account's views, which are as of this event; else as delivered; else the last price.
    fn mark(&self, instrument: InstrumentId) -> Option<Price> {
        let held = self.views.as_ref().and_then(|views| {
            let (index, _) = views.position(instrument)?;
            views.marks.get(index).copied().flatten()
        });
        held.or_else(|| self.market.mark_price(instrument)).or_else(|| self.last(instrument))
    }
}

const fn grid(rounding: Rounding) -> Grid {
    match rounding {
        Rounding::Nearest => Grid::Nearest,
        Rounding::Down => Grid::Down,
        Rounding::Up => Grid::Up,
    }
}

fn given(value: Option<Decimal>) -> Result<Option<wit::Decimal>> {
    value.map(exact).transpose()
}

impl market::Host for Guest {
    fn now(&mut self) -> Result<i64> {
        self.read(CALL_WORK)?;
        Ok(Self::now(self).as_millis())
    }

    fn candles(&mut self, series: u32, count: u32) -> Result<Vec<wit::Candle>> {
        let kept = self.market.candles(SeriesId::new(series)).map_or(0, std::collections::VecDeque::len);
        let count = usize::try_from(count).unwrap_or(usize::MAX).min(kept);
        self.read(CALL_WORK + ITEM_WORK * count as u64)?;
        let Some(candles) = self.market.candles(SeriesId::new(series)) else { return Ok(Vec::new()) };
        candles.range(kept - count..).map(convert::candle).collect()
    }

    fn last_price(&mut self, instrument: u32) -> Result<Option<wit::Decimal>> {
        self.read(CALL_WORK)?;
        given(self.last(InstrumentId::new(instrument)).map(Price::get))
    }

    fn mark_price(&mut self, instrument: u32) -> Result<Option<wit::Decimal>> {
        self.read(CALL_WORK)?;
        given(self.mark(InstrumentId::new(instrument)).map(Price::get))
    }

    fn best(&mut self, instrument: u32) -> Result<Option<wit::Quote>> {
        self.read(CALL_WORK)?;
        self.market.quote(InstrumentId::new(instrument)).map(|quote| convert::quote(&quote)).transpose()
    }

    fn price_for_volume(&mut self, instrument: u32, side: wit::Side, size: wit::Decimal) -> Result<Option<wit::Decimal>> {
        given(self.fill(instrument, side, size)?.map(|fill| fill.worst))
    }

    fn vwap_for_volume(&mut self, instrument: u32, side: wit::Side, size: wit::Decimal) -> Result<Option<wit::Decimal>> {
        self.fill(instrument, side, size)?.map(|fill| convert::derived(fill.average)).transpose()
    }

    fn instrument(&mut self, instrument: u32) -> Result<Option<wit::InstrumentInfo>> {
        self.read(CALL_WORK)?;
        self.market.instrument(InstrumentId::new(instrument)).map(convert::instrument).transpose()
    }

    fn round_price(&mut self, instrument: u32, price: wit::Decimal, rounding: Rounding) -> Result<Option<wit::Decimal>> {
        self.read(CALL_WORK)?;
        let Some(known) = self.market.instrument(InstrumentId::new(instrument)) else { return Ok(None) };
        given(wanted(price).get().and_then(|price| known.rules.round_price(price, grid(rounding))))
    }

    fn round_size(&mut self, instrument: u32, size: wit::Decimal, rounding: Rounding) -> Result<Option<wit::Decimal>> {
        self.read(CALL_WORK)?;
        let Some(known) = self.market.instrument(InstrumentId::new(instrument)) else { return Ok(None) };
        given(wanted(size).get().map(|size| known.rules.round_size(size, grid(rounding))))
    }
}

pub(crate) fn add_to_linker(linker: &mut Linker<Guest>) -> Result<()> {
    market::add_to_linker::<Guest, HasSelf<Guest>>(linker, |guest| guest)
}

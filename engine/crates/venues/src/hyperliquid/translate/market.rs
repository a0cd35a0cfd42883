//! Public market data.

use super::{Unusable, asset, price, size};
use crate::hyperliquid::assets::Assets;
use crate::hyperliquid::protocol::{ActiveAssetContext, Bbo, Book, Level, Number, Trade};
use calypte_kernel::{self as kernel, Context, MarketEvent, Quote, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

/// Most trades of one coin and millisecond that are told apart; beyond it one may be taken for new again.
pub const TIDS_MAX: usize = 4_096;

fn level(wire: &Level) -> Result<kernel::Level, Unusable> {
    Ok(kernel::Level { price: price(wire.px)?, size: size(wire.sz)? })
}

/// A quote. One with a side missing is none: the core's quotes have both.
///
/// # Errors
/// Where it is about another coin or has an empty side.
pub fn quote(assets: &Assets, wire: &Bbo) -> Result<MarketEvent, Unusable> {
    let instrument = asset(assets, &wire.coin)?.instrument.id;
    let side = |wire: Option<Level>| level(&wire.ok_or(Unusable::NotPositive)?);
    let (bid, ask) = (side(wire.bbo.0)?, side(wire.bbo.1)?);
    Ok(MarketEvent::Quote(Quote { instrument, time: wire.time.timestamp(), bid, ask }))
}

/// A book; either side may be empty.
///
/// # Errors
/// Where it is about another coin, or a level has no positive price and size.
pub fn book(assets: &Assets, wire: &Book) -> Result<MarketEvent, Unusable> {
    let instrument = asset(assets, &wire.coin)?.instrument.id;
    let bids = wire.levels.0.iter().map(level).collect::<Result<_, _>>()?;
    let asks = wire.levels.1.iter().map(level).collect::<Result<_, _>>()?;
    Ok(MarketEvent::Book(Box::new(kernel::Book { instrument, time: wire.time.timestamp(), bids, asks })))
}

/// Mark price and its kin. The message has no time of its own: it is as of `received`, by the exchange's clock.
///
/// # Errors
/// Where it is about another coin or has no mark price.
pub fn context(assets: &Assets, wire: &ActiveAssetContext, received: Timestamp) -> Result<MarketEvent, Unusable> {
    let instrument = asset(assets, &wire.coin)?.instrument.id;
    let context = &wire.ctx;
    Ok(MarketEvent::Context(Box::new(Context {
        instrument,
        time: received,
        mark_price: price(context.mark_px.ok_or(Unusable::Missing)?)?,
        oracle_price: context.oracle_px.map(price).transpose()?,
        funding_rate: context.funding.map(Number::get),
        open_interest: context.open_interest.map(Number::get),
    })))
}

/// Passes each trade once, and none from before it was opened: a subscription repeats about 30 old ones, unmarked.
#[derive(Debug, Clone, Default)]
pub struct TradeFilter {
    coins: BTreeMap<kernel::InstrumentId, Seen>,
    /// Trades before it are history.
    since: Timestamp,
}

/// Times of one subscription do not run backwards, so only those of the last millisecond can come again.
#[derive(Debug, Clone, Default)]
struct Seen {
    time: Timestamp,
    tids: BTreeSet<u64>,
}

impl TradeFilter {
    /// One that passes trades from this time on.
    pub fn since(since: Timestamp) -> Self {
        Self { coins: BTreeMap::new(), since }
    }

    /// A trade that is new.
    ///
    /// # Errors
    /// Where it is about another coin, makes no sense, or is nothing new.
    pub fn trade(&mut self, assets: &Assets, wire: &Trade) -> Result<MarketEvent, Unusable> {
        let instrument = asset(assets, &wire.coin)?.instrument.id;
        let (price, size, time) = (price(wire.px)?, size(wire.sz)?, wire.time.timestamp());
        let seen = self.coins.entry(instrument).or_default();
        if time < self.since.max(seen.time) {
            return Err(Unusable::SaidElsewhere);
        }
        if time > seen.time || seen.tids.len() >= TIDS_MAX {
            seen.tids.clear();
            seen.time = time;
        }
        if !seen.tids.insert(wire.tid) {
            return Err(Unusable::SaidElsewhere);
        }
        Ok(MarketEvent::Trade(kernel::Trade { instrument, time, price, size, taker: wire.side.into() }))
    }
}

//! Orders and fills.

use super::{Unusable, asset, price, size};
use crate::hyperliquid::assets::Assets;
use crate::hyperliquid::protocol::{Address, Fill, Order, OrderUpdate, RefusalClass, StatusKind};
use calypte_kernel::{
    Force, OrderKind, Refusal, TimeInForce, Timestamp, TradeId, TriggerKind, VenueEvent, VenueFill, VenueOrder, VenueOrderId,
};
use std::borrow::Cow;

/// What an update of the socket says of an order. A last fill says nothing by itself: the fill does.
///
/// # Errors
/// Where it is about another coin, makes no sense, or nothing follows from it.
pub fn order_update(assets: &Assets, update: &OrderUpdate) -> Result<VenueEvent, Unusable> {
    let shown = &update.order;
    asset(assets, &shown.coin)?;
    let venue_order = VenueOrderId::new(shown.oid);
    let kind = StatusKind::of(&update.status);
    let Some(order) = shown.cloid.map(|cloid| cloid.0) else {
        return match kind {
            StatusKind::Open | StatusKind::Triggered => venue_order_event(assets, shown, update.status_timestamp.timestamp()),
            StatusKind::Filled | StatusKind::Cancelled | StatusKind::Rejected => Ok(VenueEvent::ExternalGone { venue_order }),
            StatusKind::Unknown => Err(Unusable::UnknownWord),
        };
    };
    let reason = Cow::Owned(update.status.clone());
    match kind {
        // The short form lacks its terms, which whoever placed it knows better.
        StatusKind::Open if shown.order_type.is_none() => Ok(VenueEvent::Accepted { order, venue_order }),
        StatusKind::Open => venue_order_event(assets, shown, update.status_timestamp.timestamp()),
        StatusKind::Triggered => Ok(VenueEvent::Triggered { order }),
        StatusKind::Filled => Err(Unusable::SaidElsewhere),
        StatusKind::Cancelled => Ok(VenueEvent::Cancelled { order, venue_order: Some(venue_order), reason }),
        // What finds nobody to trade with any more is refused after it filled in part: the rest of it is gone.
        StatusKind::Rejected if shown.orig_sz.is_some_and(|whole| whole > shown.sz) => {
            Ok(VenueEvent::Cancelled { order, venue_order: Some(venue_order), reason })
        }
        StatusKind::Rejected => {
            let message = format!("the exchange ended the order as {}", update.status);
            // The same as its answer says, whichever comes first.
            let code = RefusalClass::of_status(&update.status).map_or("venue-rejected", RefusalClass::code);
            Ok(VenueEvent::Rejected { order, refusal: Refusal { code: Cow::Borrowed(code), message } })
        }
        StatusKind::Unknown => Err(Unusable::UnknownWord),
    }
}

fn venue_order_event(assets: &Assets, shown: &Order, as_of: Timestamp) -> Result<VenueEvent, Unusable> {
    venue_order(assets, shown, as_of).map(|order| VenueEvent::Open(Box::new(order)))
}

/// An open order, as of that time. Where the form says nothing of its terms, it is taken for a limit order that stays.
///
/// # Errors
/// Where it is about another coin or makes no sense.
pub fn venue_order(assets: &Assets, shown: &Order, as_of: Timestamp) -> Result<VenueOrder, Unusable> {
    let asset = asset(assets, &shown.coin)?;
    // An exit that is sized with the position has no size of its own.
    let whole = shown.orig_sz.filter(|whole| !whole.get().is_zero()).unwrap_or(shown.sz);
    Ok(VenueOrder {
        order: shown.cloid.map(|cloid| cloid.0),
        venue_order: VenueOrderId::new(shown.oid),
        instrument: asset.instrument.id,
        side: shown.side.into(),
        size: size(whole)?,
        remaining: shown.sz.get(),
        kind: kind(shown)?,
        reduce_only: shown.reduce_only == Some(true),
        as_of,
    })
}

fn kind(shown: &Order) -> Result<OrderKind, Unusable> {
    let limit = price(shown.limit_px)?;
    if shown.is_trigger == Some(true) {
        let words = shown.order_type.as_deref().unwrap_or_default();
        let kind = match words {
            _ if words.starts_with("Stop") => TriggerKind::Stop,
            _ if words.starts_with("Take Profit") => TriggerKind::TakeProfit,
            _ => return Err(Unusable::UnknownWord),
        };
        let trigger_price = price(shown.trigger_px.ok_or(Unusable::Missing)?)?;
        let limit_price = (!words.ends_with("Market")).then_some(limit);
        return Ok(OrderKind::Trigger { kind, trigger_price, limit_price });
    }
    let time_in_force = match shown.tif.as_deref() {
        Some("Alo") => TimeInForce::Alo,
        Some("Ioc" | "FrontendMarket") => TimeInForce::Ioc,
        _ => TimeInForce::Gtc,
    };
    Ok(OrderKind::Limit { price: limit, time_in_force })
}

/// A fill of the account `user`. Fees in another token than the collateral are not money that the core counts, and are refused.
///
/// # Errors
/// Where it is about another coin or makes no sense.
pub fn fill(assets: &Assets, user: Address, wire: &Fill) -> Result<VenueFill, Unusable> {
    let asset = asset(assets, &wire.coin)?;
    if wire.fee_token.as_deref().is_some_and(|token| token != "USDC") {
        return Err(Unusable::UnknownWord);
    }
    Ok(VenueFill {
        order: wire.cloid.map(|cloid| cloid.0),
        venue_order: VenueOrderId::new(wire.oid),
        // One that is told without it and again with it would count twice.
        trade_id: TradeId::new(wire.tid.ok_or(Unusable::Missing)?),
        instrument: asset.instrument.id,
        side: wire.side.into(),
        price: price(wire.px)?,
        size: size(wire.sz)?,
        fee: wire.fee.get(),
        maker: !wire.crossed,
        force: force(user, wire),
        time: wire.time.timestamp(),
    })
}

/// Whether the account was forced. A liquidation on a fill can be the other side's: only the address says whose.
fn force(user: Address, wire: &Fill) -> Option<Force> {
    let liquidated = wire.liquidation.as_ref().and_then(|liquidation| liquidation.liquidated_user);
    if liquidated == Some(user) {
        return Some(Force::Liquidation);
    }
    match wire.dir.as_deref() {
        Some("Auto-Deleveraging") => Some(Force::AutoDeleveraging),
        Some("Settlement") => Some(Force::Settlement),
        _ => None,
    }
}

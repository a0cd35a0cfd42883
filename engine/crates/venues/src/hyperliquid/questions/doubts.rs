//! What became of orders that nobody has heard of.
//!
//! One answer is not enough. That the exchange does not know an order's name was also said of orders that were open; so an order
//! counts as absent only where it is not among the open ones, not among the fills and not in the history either.

use super::{fills, time};
use crate::hyperliquid::ask::{AskError, Asker};
use crate::hyperliquid::assets::Assets;
use crate::hyperliquid::budget::Urgency;
use crate::hyperliquid::protocol::{
    Address, Cloid, Fill, InfoRequest, ORDERS_MAX, Order, OrderKey, OrderStatus, OrderUpdate, Rows, StatusKind,
};
use crate::hyperliquid::translate::{self, Tally, Unusable};
use calypte_kernel::{ClientOrderId, Timestamp, VenueEvent};
use std::collections::{BTreeMap, BTreeSet};

/// Most orders that are asked after in one go.
pub const DOUBTS_MAX: usize = 20;
/// How long before it is asked after an order may have been sent: fills are looked through from there.
const LOOK_BACK_MS: u64 = 600_000;

/// An order that is asked after.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Doubt {
    /// Its name.
    pub order: ClientOrderId,
    /// Until when what was signed may still be admitted: before that, that it is not there proves nothing.
    pub admitted_until: Timestamp,
}

/// What one order came to, as far as a question told.
enum Fate {
    /// It is open: all there is to say.
    Open(VenueEvent),
    /// It is over, or not there.
    Gone(Option<OrderUpdate>),
}

/// What became of these orders, [`DOUBTS_MAX`] at most. Of those about which nothing certain can be said yet, nothing is.
///
/// # Errors
/// Where the exchange does not answer. Nothing is told then, and all of them are to be asked after again.
pub async fn doubts(
    asker: &Asker,
    user: Address,
    assets: &Assets,
    doubts: &BTreeMap<ClientOrderId, Doubt>,
    tally: &mut Tally,
) -> Result<Vec<VenueEvent>, AskError> {
    let urgency = Urgency::Closing;
    let as_of = time(asker, urgency).await?.timestamp();
    let (mut events, mut over) = (Vec::new(), BTreeMap::new());
    for doubt in doubts.values().take(DOUBTS_MAX) {
        let request = InfoRequest::OrderStatus { user, oid: OrderKey::Cloid(Cloid(doubt.order)) };
        let status: OrderStatus = asker.ask(&request, urgency).await?;
        match fate(assets, status.order, as_of, tally) {
            Some(Fate::Open(event)) => events.push(event),
            Some(Fate::Gone(Some(update))) => drop(over.insert(doubt.order, Some(update))),
            // Only what cannot be admitted any more can be told to be nowhere.
            Some(Fate::Gone(None)) if as_of > doubt.admitted_until => drop(over.insert(doubt.order, None)),
            Some(Fate::Gone(None)) | None => {}
        }
    }
    if over.is_empty() {
        return Ok(events);
    }
    let unknown: BTreeSet<ClientOrderId> = over.iter().filter(|(_, update)| update.is_none()).map(|(name, _)| *name).collect();
    if !unknown.is_empty() {
        look_elsewhere(asker, user, assets, (&unknown, as_of), (&mut over, &mut events), tally).await?;
    }
    let since = over.values().flatten().map(|update| update.order.timestamp.timestamp()).min();
    let since = since.unwrap_or(as_of).min(Timestamp::from_millis(as_of.as_millis().saturating_sub_unsigned(LOOK_BACK_MS)));
    let fills = fills(asker, user, since, urgency).await?;
    for (order, update) in over {
        events.extend(told(assets, (user, order), &fills, update.as_ref(), as_of, tally));
    }
    Ok(events)
}

/// Looks for names that the exchange did not know among open orders and in the history.
async fn look_elsewhere(
    asker: &Asker,
    user: Address,
    assets: &Assets,
    (unknown, as_of): (&BTreeSet<ClientOrderId>, Timestamp),
    (over, events): (&mut BTreeMap<ClientOrderId, Option<OrderUpdate>>, &mut Vec<VenueEvent>),
    tally: &mut Tally,
) -> Result<(), AskError> {
    let urgency = Urgency::Closing;
    let open: Rows<Order, ORDERS_MAX> = asker.ask(&InfoRequest::FrontendOpenOrders { user }, urgency).await?;
    if open.unreadable > 0 {
        return Err(AskError::NotWhole("an open order cannot be read"));
    }
    for shown in open.iter() {
        if let Some(name) = shown.cloid.map(|cloid| cloid.0).filter(|name| unknown.contains(name)) {
            over.remove(&name);
            events.extend(
                tally.sort(translate::venue_order(assets, shown, as_of)).map(|order| VenueEvent::Open(Box::new(order))),
            );
        }
    }
    let history = asker.rows::<OrderUpdate>(&InfoRequest::HistoricalOrders { user }, urgency).await?;
    if history.unreadable > 0 {
        return Err(AskError::NotWhole("an order of the history cannot be read"));
    }
    for update in history.rows {
        if let Some(slot) = update.order.cloid.and_then(|cloid| over.get_mut(&cloid.0)) {
            // Of several forms the one that was changed last.
            if slot.as_ref().is_none_or(|known| known.status_timestamp <= update.status_timestamp) {
                *slot = Some(update);
            }
        }
    }
    // The history may know one as open that the list of open orders lacks: then it is not said to be absent.
    over.retain(|_, update| update.as_ref().is_none_or(|update| is_over(&update.status)));
    Ok(())
}

fn is_over(status: &str) -> bool {
    matches!(StatusKind::of(status), StatusKind::Filled | StatusKind::Cancelled | StatusKind::Rejected)
}

fn fate(assets: &Assets, update: Option<OrderUpdate>, as_of: Timestamp, tally: &mut Tally) -> Option<Fate> {
    let Some(update) = update else { return Some(Fate::Gone(None)) };
    match StatusKind::of(&update.status) {
        StatusKind::Open | StatusKind::Triggered => {
            let order = tally.sort(translate::venue_order(assets, &update.order, as_of))?;
            Some(Fate::Open(VenueEvent::Open(Box::new(order))))
        }
        StatusKind::Filled | StatusKind::Cancelled | StatusKind::Rejected => Some(Fate::Gone(Some(update))),
        StatusKind::Unknown => tally.sort(Err::<Fate, _>(Unusable::UnknownWord)),
    }
}

/// What is said of an order that is over: its fills, its end, and then that it is not there.
fn told(
    assets: &Assets,
    (user, order): (Address, ClientOrderId),
    fills: &[Fill],
    update: Option<&OrderUpdate>,
    as_of: Timestamp,
    tally: &mut Tally,
) -> Vec<VenueEvent> {
    let of_it = |fill: &&Fill| fill.cloid == Some(Cloid(order)) || update.is_some_and(|update| update.order.oid == fill.oid);
    let mut events: Vec<VenueEvent> = Vec::new();
    for fill in fills.iter().filter(of_it) {
        let fill = tally.sort(translate::fill(assets, user, fill));
        // One that came without its name has it from its order.
        events.extend(fill.map(|fill| VenueEvent::Fill(Box::new(calypte_kernel::VenueFill { order: Some(order), ..fill }))));
    }
    events.extend(update.and_then(|update| tally.sort(translate::order_update(assets, update))));
    events.push(VenueEvent::Absent { order, as_of });
    events
}

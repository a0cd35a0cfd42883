//! Everything about an account at once.

use super::{fills, time};
use crate::hyperliquid::ask::{AskError, Asker};
use crate::hyperliquid::assets::{Asset, Assets};
use crate::hyperliquid::budget::Urgency;
use crate::hyperliquid::opening::Collateral;
use crate::hyperliquid::protocol::{
    ActiveAssetData, Address, ClearinghouseState, InfoRequest, Leverage, ORDERS_MAX, Order, Rows, SpotState,
};
use crate::hyperliquid::translate::{self, Picture, Tally, Unusable};
use calypte_kernel::{AccountSnapshot, Timestamp, VenueEvent};

/// How often positions and collateral are asked for until both are of one time.
const STILL_TRIES: u32 = 3;

/// The account, and what was left out of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// What the core is told.
    pub snapshot: AccountSnapshot,
    /// Rows about other coins, and rows that make no sense.
    pub tally: Tally,
}

/// The account's positions, open orders and fills since a time. State first: orders and fills that are younger do no harm.
///
/// # Errors
/// Where something cannot be read: what is not listed counts as not there, so nothing may be missing.
pub async fn snapshot(
    asker: &Asker,
    (user, collateral): (Address, Collateral),
    assets: &Assets,
    since: Timestamp,
    urgency: Urgency,
) -> Result<Found, AskError> {
    let mut tally = Tally::default();
    let picture = match collateral {
        Collateral::Spot => unified_picture(asker, user, assets, urgency).await?,
        Collateral::Perpetuals | Collateral::Unknown => picture(asker, (user, collateral), assets, urgency).await?,
    };
    let open: Rows<Order, ORDERS_MAX> = asker.ask(&InfoRequest::FrontendOpenOrders { user }, urgency).await?;
    if open.unreadable > 0 {
        return Err(AskError::NotWhole("an open order cannot be read"));
    }
    let mut orders = Vec::new();
    for shown in open.iter() {
        match translate::venue_order(assets, shown, picture.time) {
            // One that is ours to know and that nobody can understand would count as gone.
            Err(error) if error != Unusable::OtherCoin => return Err(AskError::NotWhole("an open order makes no sense")),
            translated => orders.extend(tally.sort(translated)),
        }
    }
    let fills = fills(asker, user, since, urgency).await?;
    let fills = fills.iter().filter_map(|fill| tally.sort(translate::fill(assets, user, fill))).collect();
    let snapshot = AccountSnapshot { time: picture.time, positions: picture.positions, orders, fills, cash: picture.cash };
    Ok(Found { snapshot, tally })
}

/// Positions, and the collateral where it is shown with them.
async fn picture(
    asker: &Asker,
    (user, collateral): (Address, Collateral),
    assets: &Assets,
    urgency: Urgency,
) -> Result<Picture, AskError> {
    let state: ClearinghouseState = asker.ask(&InfoRequest::ClearinghouseState { user }, urgency).await?;
    let picture = translate::positions(assets, &state, collateral == Collateral::Perpetuals);
    if picture.is_whole { Ok(picture) } else { Err(AskError::NotWhole("a position cannot be read")) }
}

/// Positions and the collateral among the spot balances, which two questions tell of: only where no money moved around the answer
/// about positions are both of one time. While money keeps moving, the collateral is not said.
async fn unified_picture(asker: &Asker, user: Address, assets: &Assets, urgency: Urgency) -> Result<Picture, AskError> {
    let mut before = spot_cash(asker, user, urgency).await?;
    let mut tried = 0;
    loop {
        let picture = picture(asker, (user, Collateral::Spot), assets, urgency).await?;
        let after = spot_cash(asker, user, urgency).await?;
        tried += 1;
        if before == after || tried == STILL_TRIES {
            return Ok(Picture { cash: after.filter(|_| before == after), ..picture });
        }
        before = after;
    }
}

/// The collateral of an account that keeps it among its spot balances.
async fn spot_cash(asker: &Asker, user: Address, urgency: Urgency) -> Result<Option<calypte_kernel::Decimal>, AskError> {
    let spot: SpotState = asker.ask(&InfoRequest::SpotClearinghouseState { user }, urgency).await?;
    if spot.balances.unreadable > 0 {
        return Err(AskError::NotWhole("a balance cannot be read"));
    }
    Ok(spot.balances.iter().find(|balance| balance.coin == "USDC").map(|balance| balance.total.get()))
}

/// Which leverage holds for an asset, held or not.
///
/// # Errors
/// Where the exchange does not say: it is never taken to be 1.
pub async fn leverage(asker: &Asker, user: Address, asset: &Asset, urgency: Urgency) -> Result<VenueEvent, AskError> {
    let as_of = time(asker, urgency).await?.timestamp();
    let coin = asset.instrument.symbol.to_string();
    let data: ActiveAssetData = asker.ask(&InfoRequest::ActiveAssetData { user, coin }, urgency).await?;
    let said = data.leverage.as_ref().and_then(|leverage| Some((leverage.value, Leverage::mode(leverage)?)));
    let (leverage, mode) =
        said.filter(|(value, _)| *value > 0).ok_or(AskError::NotWhole("the leverage of an asset is not said"))?;
    Ok(VenueEvent::LeverageSet { instrument: asset.instrument.id, leverage, mode, as_of })
}

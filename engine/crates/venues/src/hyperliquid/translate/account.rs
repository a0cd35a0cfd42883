//! Positions, funding, money.

use super::{Unusable, asset};
use crate::hyperliquid::assets::Assets;
use crate::hyperliquid::protocol::{
    Address, ClearinghouseState, FundingPayment, Ledger, Leverage, Millis, MoneyMoved, Number, Position,
};
use calypte_kernel::{BalanceCause, Decimal, PositionReport, Price, Timestamp, VenueEvent};

/// The account's positions at one time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// When all of it was so.
    pub time: Timestamp,
    /// One for each asset of the account that is known to be held or known not to be.
    pub positions: Vec<PositionReport>,
    /// Whether each asset of the account is among them: a row that could not be read leaves open whose it was.
    pub is_whole: bool,
    /// Collateral without unrealized profit; none where the exchange did not say, or where it lies elsewhere.
    pub cash: Option<Decimal>,
}

/// The positions of an account, each asset that is not listed as flat. Leverage that is not said is unknown; so is an entry price.
///
/// `holds_its_collateral` is false for unified accounts, whose collateral is among the spot balances.
pub fn positions(assets: &Assets, state: &ClearinghouseState, holds_its_collateral: bool) -> Picture {
    let time = state.time.timestamp();
    let mut is_whole = state.asset_positions.unreadable == 0;
    let mut positions = Vec::new();
    for asset in assets.iter() {
        let coin = asset.instrument.symbol.as_str();
        let mut rows = state.asset_positions.iter().filter(|row| row.position.coin == coin);
        match (rows.next(), rows.next()) {
            (Some(row), None) => positions.push(report(asset.instrument.id, &row.position, time)),
            (None, _) if is_whole => positions.push(PositionReport {
                instrument: asset.instrument.id,
                size: Decimal::ZERO,
                entry_price: None,
                leverage: None,
                margin_mode: None,
                liquidation_price: None,
                time,
            }),
            // Unreadable, or said twice.
            _ => is_whole = false,
        }
    }
    let cash = holds_its_collateral.then(|| cash(state)).flatten();
    Picture { time, positions, is_whole, cash }
}

fn report(instrument: calypte_kernel::InstrumentId, position: &Position, time: Timestamp) -> PositionReport {
    let price = |number: Option<Number>| number.and_then(|number| Price::new(number.get()).ok());
    let held = !position.szi.get().is_zero();
    let leverage = position.leverage.as_ref().filter(|_| held);
    PositionReport {
        instrument,
        size: position.szi.get(),
        entry_price: price(position.entry_px).filter(|_| held),
        leverage: leverage.map(|leverage| leverage.value).filter(|value| *value > 0),
        margin_mode: leverage.and_then(Leverage::mode),
        liquidation_price: price(position.liquidation_px).filter(|_| held),
        time,
    }
}

/// Collateral without unrealized profit: the account's value less what its positions have gained.
fn cash(state: &ClearinghouseState) -> Option<Decimal> {
    let value = state.margin_summary?.account_value?.get();
    if state.asset_positions.unreadable > 0 {
        return None;
    }
    let gained =
        state.asset_positions.iter().try_fold(Decimal::ZERO, |sum, row| sum.checked_add(row.position.unrealized_pnl?.get()));
    value.checked_sub(gained?)
}

/// A funding payment.
///
/// # Errors
/// Where it is about another coin or does not say when.
pub fn funding(assets: &Assets, wire: &FundingPayment, time: Option<Timestamp>) -> Result<VenueEvent, Unusable> {
    let instrument = asset(assets, &wire.coin)?.instrument.id;
    let time = wire.time.map(Millis::timestamp).or(time).ok_or(Unusable::Missing)?;
    Ok(VenueEvent::Funding { instrument, time, rate: wire.funding_rate.get(), payment: wire.usdc.get() })
}

/// Money that came or went, as the account `user` sees it.
///
/// # Errors
/// Where nothing of the perpetuals' collateral moved, or where nobody here knows which way.
pub fn balance(user: Address, wire: &Ledger<MoneyMoved>) -> Result<VenueEvent, Unusable> {
    let moved = &wire.delta;
    let amount = || moved.usdc.map(Number::get).ok_or(Unusable::Missing);
    let fee = moved.fee.map_or(Decimal::ZERO, Number::get);
    let (change, cause) = match moved.kind.as_str() {
        "deposit" => (amount()?, BalanceCause::Deposit),
        "withdraw" => (-(amount()?.checked_add(fee).ok_or(Unusable::NotPositive)?), BalanceCause::Withdrawal),
        "accountClassTransfer" => match moved.to_perp {
            Some(true) => (amount()?, BalanceCause::Transfer),
            Some(false) => (-amount()?, BalanceCause::Transfer),
            None => return Err(Unusable::Missing),
        },
        "internalTransfer" | "subAccountTransfer" => match (moved.destination == Some(user), moved.user == Some(user)) {
            (true, false) => (amount()?, BalanceCause::Transfer),
            (false, true) => (-(amount()?.checked_add(fee).ok_or(Unusable::NotPositive)?), BalanceCause::Transfer),
            _ => return Err(Unusable::Missing),
        },
        _ => return Err(Unusable::UnknownWord),
    };
    Ok(VenueEvent::Balance { time: wire.time.timestamp(), change, cause })
}

//! Leverage, margin mode, and the collateral of isolated positions.

use super::account::{Account, Chosen, cut};
use super::{Exchange, done};
use calypte_kernel::{Decimal, OutOfRange};
use calypte_venues::hyperliquid::protocol::{Address, Answer};

/// Words for an asset that is none.
const NO_ASSET: &str = "Invalid asset.";
/// Words for numbers that cannot be counted.
const NO_NUMBER: &str = "Invalid amount.";

impl Exchange {
    /// Sets leverage and margin mode of an asset.
    pub(super) fn update_leverage(&mut self, user: Address, asset: u32, is_cross: bool, leverage: u32) -> Answer {
        let Some(coin) = self.coin_of(asset) else { return Answer::Err(NO_ASSET.to_owned()) };
        let listed = &self.markets[coin].coin;
        if leverage == 0 || leverage > listed.max_leverage() {
            return Answer::Err("Invalid leverage value.".to_owned());
        }
        if is_cross && listed.only_isolated {
            return Answer::Err("Cross margin is not allowed for this asset.".to_owned());
        }
        let Some(account) = self.accounts.get(&user) else { return Answer::Err(NO_ASSET.to_owned()) };
        let position = account.positions.get(&coin).copied();
        if position.is_some_and(|position| position.isolated.is_some() == is_cross) {
            return Answer::Err("Cannot switch leverage type with open position.".to_owned());
        }
        let mut after = account.clone_for_margin();
        after.open.clone_from(&account.open);
        after.leverage.insert(coin, Chosen { leverage, is_isolated: !is_cross });
        match self.relevered(account, &mut after, coin) {
            Ok(true) => {}
            Ok(false) => return Answer::Err("Insufficient margin to update leverage.".to_owned()),
            Err(_) => return Answer::Err(NO_NUMBER.to_owned()),
        }
        if let Some(account) = self.accounts.get_mut(&user) {
            (account.cash, account.positions, account.leverage) = (after.cash, after.positions, after.leverage);
        }
        self.block.changed.insert(user);
        done()
    }

    /// Whether an account can carry another leverage of a coin. An isolated position takes the margin that it then lacks.
    fn relevered(&self, before: &Account, after: &mut Account, coin: usize) -> Result<bool, OutOfRange> {
        let leverage = self.chosen(Some(after), coin).leverage;
        if let Some(lacking) = self.lacking(after, coin, leverage)? {
            move_margin(after, coin, lacking)?;
        }
        let (free_before, free_after) = (self.free(before)?, self.free(after)?);
        Ok(free_after >= Decimal::ZERO || free_after >= free_before)
    }

    /// What an isolated position lacks of its initial margin; none where nothing.
    fn lacking(&self, account: &Account, coin: usize, leverage: u32) -> Result<Option<Decimal>, OutOfRange> {
        let Some(exposure) = self.exposure(account, coin) else { return Ok(None) };
        if account.positions.get(&coin).is_none_or(|position| position.isolated.is_none()) {
            return Ok(None);
        }
        let needed = exposure.notional()?.checked_div(leverage.into()).ok_or(OutOfRange)?;
        let lacking = cut(needed.checked_sub(exposure.margin_used()?).ok_or(OutOfRange)?);
        Ok((lacking > Decimal::ZERO).then_some(lacking))
    }

    /// Adds to the collateral of an isolated position, or takes out of it; in millionths of a dollar.
    pub(super) fn update_isolated_margin(&mut self, user: Address, asset: u32, millionths: i64) -> Answer {
        let amount = Decimal::new(millionths, super::MONEY_DECIMALS);
        let Some(coin) = self.coin_of(asset) else { return Answer::Err(NO_ASSET.to_owned()) };
        self.add_margin(user, coin, amount)
    }

    /// Adds to the collateral of an isolated position until it has a leverage.
    pub(super) fn top_up(&mut self, user: Address, asset: u32, leverage: Decimal) -> Answer {
        let Some(coin) = self.coin_of(asset) else { return Answer::Err(NO_ASSET.to_owned()) };
        if leverage <= Decimal::ZERO {
            return Answer::Err("Invalid leverage value.".to_owned());
        }
        let needed = || {
            let exposure = self.exposure(self.accounts.get(&user)?, coin)?;
            let needed = exposure.notional().ok()?.checked_div(leverage)?;
            needed.checked_sub(exposure.margin_used().ok()?)
        };
        match needed().map(cut) {
            Some(lacking) if lacking > Decimal::ZERO => self.add_margin(user, coin, lacking),
            Some(_) => Answer::Err("Leverage is already at most that.".to_owned()),
            None => Answer::Err("No isolated position to update.".to_owned()),
        }
    }

    fn add_margin(&mut self, user: Address, coin: usize, amount: Decimal) -> Answer {
        let Some(account) = self.accounts.get(&user) else { return Answer::Err(NO_ASSET.to_owned()) };
        if account.positions.get(&coin).is_none_or(|position| position.isolated.is_none()) {
            return Answer::Err("No isolated position to update.".to_owned());
        }
        let mut after = account.clone_for_margin();
        after.open.clone_from(&account.open);
        let fits = || {
            move_margin(&mut after, coin, amount)?;
            let Some(exposure) = self.exposure(&after, coin) else { return Ok(false) };
            // What stays must open it again, and be a tenth of it at least.
            let needed = exposure.notional()?.checked_div(exposure.leverage.min(10).into()).ok_or(OutOfRange)?;
            let enough = amount >= Decimal::ZERO || exposure.margin_used()? >= needed;
            Ok::<_, OutOfRange>(enough && (amount <= Decimal::ZERO || self.free(&after)? >= Decimal::ZERO))
        };
        let mut fits = fits;
        match fits() {
            Ok(true) => {}
            Ok(false) => return Answer::Err("Insufficient margin to update isolated margin.".to_owned()),
            Err(_) => return Answer::Err(NO_NUMBER.to_owned()),
        }
        if let Some(account) = self.accounts.get_mut(&user) {
            (account.cash, account.positions) = (after.cash, after.positions);
        }
        self.block.changed.insert(user);
        done()
    }

    fn coin_of(&self, asset: u32) -> Option<usize> {
        usize::try_from(asset).ok().filter(|coin| *coin < self.markets.len())
    }
}

/// Moves money from an account to an isolated position of it.
fn move_margin(account: &mut Account, coin: usize, amount: Decimal) -> Result<(), OutOfRange> {
    let Some(collateral) = account.positions.get_mut(&coin).and_then(|position| position.isolated.as_mut()) else {
        return Ok(());
    };
    let left = account.cash.checked_sub(amount).ok_or(OutOfRange)?;
    *collateral = collateral.checked_add(amount).ok_or(OutOfRange)?;
    account.cash = left;
    Ok(())
}

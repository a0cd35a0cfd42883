//! An account: its money, its positions, its orders, what happened to it.

use super::shown::{FundingDelta, LongUpdate, MoneyMovement};
use calypte_kernel::{Decimal, OutOfRange};
use calypte_venues::hyperliquid::protocol::{Fill, Ledger};
use rust_decimal::RoundingStrategy;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Most fills that are kept of an account.
pub const FILLS_KEPT_MAX: usize = 10_000;
/// Most orders that are over and kept of an account.
pub const HISTORY_MAX: usize = 2_000;
/// Most funding payments, and most other movements of money, that are kept of an account.
pub const LEDGER_MAX: usize = 2_000;
/// Days of volume that decide on fees, the present one included.
pub const VOLUME_DAYS: usize = 14;

/// Where an account keeps its collateral, in the words of `userAbstraction`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum AccountMode {
    /// Apart from spot balances: the perpetuals' state shows it.
    #[default]
    #[serde(rename = "disabled")]
    Separate,
    /// Among the spot balances: without positions the perpetuals' state shows nothing.
    #[serde(rename = "unifiedAccount")]
    Unified,
}

/// An account.
#[derive(Debug, Clone, Default)]
pub(super) struct Account {
    /// Collateral of cross margin as if nothing had been bought: `crossMarginSummary.totalRawUsd`.
    pub(super) cash: Decimal,
    /// Where its collateral is shown.
    pub(super) mode: AccountMode,
    /// By coin. None is of size zero.
    pub(super) positions: BTreeMap<usize, Position>,
    /// By coin: what was chosen; otherwise the default holds.
    pub(super) leverage: BTreeMap<usize, Chosen>,
    /// Orders that are not over.
    pub(super) open: BTreeSet<u64>,
    /// Orders that are over, oldest first.
    pub(super) history: VecDeque<LongUpdate>,
    /// Oldest first.
    pub(super) fills: VecDeque<Fill>,
    /// Oldest first.
    pub(super) funding: VecDeque<Ledger<FundingDelta>>,
    /// Oldest first.
    pub(super) ledger: VecDeque<Ledger<MoneyMovement>>,
    /// Funding paid ever, by coin.
    pub(super) funding_paid: BTreeMap<usize, Decimal>,
    /// Notional ever traded.
    pub(super) volume: Decimal,
    /// By day since 1970, oldest first: what was taken and made.
    pub(super) days: VecDeque<Day>,
    /// When all its open orders are to be cancelled.
    pub(super) scheduled: Option<u64>,
    /// The day of the last scheduled cancel, and how many there were on it.
    pub(super) strikes: (u64, u32),
    /// By coin: until when a large position that was liquidated in part is left alone.
    pub(super) spared: BTreeMap<usize, u64>,
}

/// What was traded on a day.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Day {
    pub(super) day: u64,
    pub(super) taken: Decimal,
    pub(super) made: Decimal,
}

/// Leverage and margin mode of a coin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Chosen {
    pub(super) leverage: u32,
    pub(super) is_isolated: bool,
}

/// A position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Position {
    /// Signed, not zero.
    pub(super) size: Decimal,
    /// What was paid for it: signed like the size.
    pub(super) entry: Decimal,
    /// Its own collateral as if nothing had been bought, where its margin is isolated: `leverage.rawUsd`.
    pub(super) isolated: Option<Decimal>,
    /// Funding paid since it was opened.
    pub(super) funding_since_open: Decimal,
    /// Funding paid since it last changed.
    pub(super) funding_since_change: Decimal,
}

/// What a fill did to an account.
#[derive(Debug, Clone, Copy)]
pub(super) struct Filled {
    /// Signed size before it.
    pub(super) before: Decimal,
    /// Signed size after it.
    pub(super) after: Decimal,
    /// Profit realized, before fees.
    pub(super) closed_pnl: Decimal,
}

/// Cut to whole millionths of a dollar, as the exchange cuts fees.
pub(super) fn cut(amount: Decimal) -> Decimal {
    amount.round_dp_with_strategy(super::MONEY_DECIMALS, RoundingStrategy::ToZero)
}

impl Account {
    /// Signed size of a coin.
    pub(super) fn size_of(&self, coin: usize) -> Decimal {
        self.positions.get(&coin).map_or(Decimal::ZERO, |position| position.size)
    }

    /// All of its collateral, without what its positions have gained.
    ///
    /// # Errors
    /// Where it leaves the range of a decimal.
    pub(super) fn collateral(&self) -> Result<Decimal, OutOfRange> {
        self.positions
            .values()
            .try_fold(self.cash, |sum, held| sum.checked_add(held.entry)?.checked_add(held.isolated.unwrap_or_default()))
            .ok_or(OutOfRange)
    }

    /// What a fill of a signed size would do: money goes between the account, its isolated position and `price × size + fee`; nothing
    /// else comes or goes.
    ///
    /// # Errors
    /// Where a number leaves the range of a decimal.
    pub(super) fn try_fill(
        &self,
        coin: usize,
        chosen: Chosen,
        signed: Decimal,
        price: Decimal,
        fee: Decimal,
    ) -> Result<(Purse, Filled), OutOfRange> {
        let before = self.size_of(coin);
        let opposite = !before.is_zero() && before.is_sign_negative() != signed.is_sign_negative();
        let closing = if opposite { signed.abs().min(before.abs()) } else { Decimal::ZERO };
        let closing = if signed.is_sign_negative() { -closing } else { closing };
        let opening = signed.checked_sub(closing).ok_or(OutOfRange)?;
        let mut next = Purse { cash: self.cash, position: self.positions.get(&coin).copied() };
        let closed_pnl = if closing.is_zero() { Decimal::ZERO } else { next.close(closing, price)? };
        if !opening.is_zero() {
            next.open(chosen, opening, price)?;
        }
        next.pay(fee)?;
        if next.position.is_some_and(|position| position.size.is_zero()) {
            next.dissolve()?;
        }
        let after = next.position.map_or(Decimal::ZERO, |position| position.size);
        Ok((next, Filled { before, after, closed_pnl }))
    }

    /// Takes up what a fill does.
    pub(super) fn settle(&mut self, coin: usize, purse: &Purse) {
        self.cash = purse.cash;
        match purse.position {
            Some(position) => drop(self.positions.insert(coin, position)),
            None => drop(self.positions.remove(&coin)),
        }
    }

    /// What margin sees of it, to try something on.
    pub(super) fn clone_for_margin(&self) -> Self {
        let (positions, leverage) = (self.positions.clone(), self.leverage.clone());
        Self { cash: self.cash, positions, leverage, ..Self::default() }
    }

    /// Takes up what was traded.
    pub(super) fn trade(&mut self, day: u64, notional: Decimal, is_taker: bool) {
        self.volume = self.volume.saturating_add(notional);
        if self.days.back().is_none_or(|last| last.day != day) {
            self.days.push_back(Day { day, ..Day::default() });
            if self.days.len() > VOLUME_DAYS {
                self.days.pop_front();
            }
        }
        if let Some(today) = self.days.back_mut() {
            let side = if is_taker { &mut today.taken } else { &mut today.made };
            *side = side.saturating_add(notional);
        }
    }

    /// What was traded in the days that decide on fees.
    pub(super) fn recent_volume(&self, day: u64) -> Decimal {
        let recent = self.days.iter().filter(|traded| traded.day + VOLUME_DAYS as u64 > day);
        recent.fold(Decimal::ZERO, |sum, traded| sum.saturating_add(traded.taken).saturating_add(traded.made))
    }

    /// Remembers an order that is over.
    pub(super) fn remember(&mut self, update: LongUpdate) {
        keep(&mut self.history, update, HISTORY_MAX);
    }

    /// Remembers a fill.
    pub(super) fn remember_fill(&mut self, fill: Fill) {
        keep(&mut self.fills, fill, FILLS_KEPT_MAX);
    }
}

/// Keeps the newest.
pub(super) fn keep<T>(kept: &mut VecDeque<T>, newest: T, most: usize) {
    if kept.len() == most {
        kept.pop_front();
    }
    kept.push_back(newest);
}

/// The money that a fill moves.
#[derive(Debug)]
pub(super) struct Purse {
    cash: Decimal,
    position: Option<Position>,
}

impl Purse {
    /// Makes a position smaller by a signed size. What an isolated one has goes back to the account by the same part.
    fn close(&mut self, closing: Decimal, price: Decimal) -> Result<Decimal, OutOfRange> {
        let Some(position) = &mut self.position else { return Ok(Decimal::ZERO) };
        let worth = closing.checked_mul(price).ok_or(OutOfRange)?;
        let left = position.size.checked_add(closing).ok_or(OutOfRange)?;
        // All of it: to the last digit.
        let entry_closed = if left.is_zero() {
            position.entry
        } else {
            let part =
                position.entry.checked_mul(closing).and_then(|entry| entry.checked_div(position.size)).ok_or(OutOfRange)?;
            cut(-part)
        };
        let closed_pnl = (-worth).checked_sub(entry_closed).ok_or(OutOfRange)?;
        if let Some(collateral) = &mut position.isolated {
            let equity = position.size.checked_mul(price).and_then(|worth| worth.checked_add(*collateral)).ok_or(OutOfRange)?;
            let freed = equity.max(Decimal::ZERO).checked_mul(closing).and_then(|freed| freed.checked_div(position.size));
            let freed = cut(-freed.ok_or(OutOfRange)?);
            *collateral = collateral.checked_sub(worth).and_then(|rest| rest.checked_sub(freed)).ok_or(OutOfRange)?;
            self.cash = self.cash.checked_add(freed).ok_or(OutOfRange)?;
        } else {
            self.cash = self.cash.checked_sub(worth).ok_or(OutOfRange)?;
        }
        position.size = left;
        position.entry = position.entry.checked_sub(entry_closed).ok_or(OutOfRange)?;
        position.funding_since_change = Decimal::ZERO;
        Ok(closed_pnl)
    }

    /// Makes a position larger by a signed size, or opens one. An isolated one takes its initial margin along.
    fn open(&mut self, chosen: Chosen, opening: Decimal, price: Decimal) -> Result<(), OutOfRange> {
        if self.position.is_some_and(|position| position.size.is_zero()) {
            self.dissolve()?;
        }
        let worth = opening.checked_mul(price).ok_or(OutOfRange)?;
        let position = self.position.get_or_insert(Position {
            size: Decimal::ZERO,
            entry: Decimal::ZERO,
            isolated: chosen.is_isolated.then_some(Decimal::ZERO),
            funding_since_open: Decimal::ZERO,
            funding_since_change: Decimal::ZERO,
        });
        if let Some(collateral) = &mut position.isolated {
            let margin = cut(worth.abs().checked_div(chosen.leverage.max(1).into()).ok_or(OutOfRange)?);
            *collateral = collateral.checked_add(margin).and_then(|sum| sum.checked_sub(worth)).ok_or(OutOfRange)?;
            self.cash = self.cash.checked_sub(margin).ok_or(OutOfRange)?;
        } else {
            self.cash = self.cash.checked_sub(worth).ok_or(OutOfRange)?;
        }
        position.size = position.size.checked_add(opening).ok_or(OutOfRange)?;
        position.entry = position.entry.checked_add(worth).ok_or(OutOfRange)?;
        position.funding_since_change = Decimal::ZERO;
        Ok(())
    }

    fn pay(&mut self, fee: Decimal) -> Result<(), OutOfRange> {
        let from = match &mut self.position {
            Some(Position { isolated: Some(collateral), .. }) => collateral,
            _ => &mut self.cash,
        };
        *from = from.checked_sub(fee).ok_or(OutOfRange)?;
        Ok(())
    }

    /// A position of size zero is none: what it still has goes back.
    fn dissolve(&mut self) -> Result<(), OutOfRange> {
        if let Some(Position { isolated: Some(collateral), .. }) = self.position {
            self.cash = self.cash.checked_add(collateral).ok_or(OutOfRange)?;
        }
        self.position = None;
        Ok(())
    }
}

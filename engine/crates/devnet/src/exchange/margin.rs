//! What an account is worth, what its positions and orders tie up, and whether it can carry more.

use super::account::{Account, Chosen};
use super::market::Market;
use super::{DEFAULT_LEVERAGE, Exchange};
use calypte_kernel::{Collateral, Decimal, Exposure, MarginSummary, OutOfRange, Price, Side};
use calypte_sim::Incoming;
use calypte_venues::hyperliquid::protocol::Address;
use std::collections::BTreeMap;

/// Sizes of an account's resting orders of one coin that could make its position larger.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Waiting {
    pub(super) buys: Decimal,
    pub(super) sells: Decimal,
}

/// A change that an account would make.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Change {
    pub(super) coin: usize,
    /// Added to the sizes that wait.
    pub(super) waiting: Waiting,
    /// What it would lose at once, marked.
    pub(super) loss: Decimal,
    /// An order that is not counted.
    pub(super) without: Option<u64>,
}

impl Exchange {
    /// Leverage and margin mode of a coin for an account.
    pub(super) fn chosen(&self, account: Option<&Account>, coin: usize) -> Chosen {
        let market = &self.markets[coin];
        let default =
            Chosen { leverage: market.coin.max_leverage().clamp(1, DEFAULT_LEVERAGE), is_isolated: market.coin.only_isolated };
        account.and_then(|account| account.leverage.get(&coin)).copied().unwrap_or(default)
    }

    /// A position of an account as margin sees it.
    pub(super) fn exposure(&self, account: &Account, coin: usize) -> Option<Exposure<'_>> {
        let position = account.positions.get(&coin)?;
        let market = &self.markets[coin];
        let collateral = match position.isolated {
            None => Collateral::Cross,
            Some(cash) => Collateral::Isolated { cash },
        };
        let leverage = self.chosen(Some(account), coin).leverage;
        Some(Exposure { size: position.size, mark: mark_of(market), leverage, collateral, table: &market.table })
    }

    /// The margin of an account.
    pub(super) fn summary(&self, account: &Account) -> Result<MarginSummary, OutOfRange> {
        MarginSummary::of(account.cash, account.positions.keys().filter_map(|coin| self.exposure(account, *coin)))
    }

    /// Sizes of an account's resting orders by coin; those that only make positions smaller tie up nothing.
    pub(super) fn waiting(&self, account: &Account, without: Option<u64>) -> BTreeMap<usize, Waiting> {
        let mut sums = BTreeMap::<usize, Waiting>::new();
        let orders = account.open.iter().filter(|oid| Some(**oid) != without).filter_map(|oid| self.orders.get(*oid));
        for order in orders.filter(|order| order.stage == super::orders::Stage::Book && !order.reduce_only) {
            let sum = sums.entry(order.coin).or_default();
            let side = if order.side == Side::Buy { &mut sum.buys } else { &mut sum.sells };
            *side = side.saturating_add(order.size);
        }
        sums
    }

    /// Margin that an account's cross positions and all its orders tie up of its cross collateral, at marks: of each coin for the
    /// larger of what it could become.
    fn tied_up(&self, account: &Account, waiting: &BTreeMap<usize, Waiting>) -> Result<Decimal, OutOfRange> {
        let mut sum = Decimal::ZERO;
        let coins = account.positions.keys().chain(waiting.keys().filter(|coin| !account.positions.contains_key(coin)));
        for coin in coins {
            let Waiting { buys, sells } = waiting.get(coin).copied().unwrap_or_default();
            let size = account.size_of(*coin);
            let most = size.checked_add(buys).ok_or(OutOfRange)?.abs().max(size.checked_sub(sells).ok_or(OutOfRange)?.abs());
            let chosen = self.chosen(Some(account), *coin);
            let is_isolated = account.positions.get(coin).map_or(chosen.is_isolated, |position| position.isolated.is_some());
            // An isolated position has its own collateral: only what it would take along counts.
            let counted = if is_isolated { (most - size.abs()).max(Decimal::ZERO) } else { most.max(size.abs()) };
            let market = &self.markets[*coin];
            let notional = counted.checked_mul(market.mark).ok_or(OutOfRange)?;
            sum = sum.checked_add(market.table.initial_margin(notional, chosen.leverage)?).ok_or(OutOfRange)?;
        }
        Ok(sum)
    }

    /// Whether an account can carry a change: one that ties up no more than before it always can.
    pub(super) fn can_carry(&self, account: &Account, change: Change) -> Result<bool, OutOfRange> {
        let before = self.waiting(account, None);
        let mut after = if change.without.is_some() { self.waiting(account, change.without) } else { before.clone() };
        let sum = after.entry(change.coin).or_default();
        sum.buys = sum.buys.checked_add(change.waiting.buys).ok_or(OutOfRange)?;
        sum.sells = sum.sells.checked_add(change.waiting.sells).ok_or(OutOfRange)?;
        let tied_up = self.tied_up(account, &after)?;
        if tied_up <= self.tied_up(account, &before)? {
            return Ok(true);
        }
        let value = self.summary(account)?.cross_value;
        Ok(tied_up <= value.checked_sub(change.loss).ok_or(OutOfRange)?)
    }

    /// What of an account's cross collateral nothing ties up.
    pub(super) fn free(&self, account: &Account) -> Result<Decimal, OutOfRange> {
        let tied_up = self.tied_up(account, &self.waiting(account, None))?;
        self.summary(account)?.cross_value.checked_sub(tied_up).ok_or(OutOfRange)
    }

    /// Whether the owner of a resting order can still carry a fill of it.
    pub(super) fn can_take_fill(&self, owner: Address, coin: usize, signed: Decimal, price: Decimal) -> bool {
        let Some(account) = self.accounts.get(&owner) else { return false };
        let after = account.size_of(coin).saturating_add(signed);
        if super::is_house(owner) || after.abs() <= account.size_of(coin).abs() {
            return true;
        }
        let carries = || {
            let mut after = account.clone_for_margin();
            let (purse, _) = after.try_fill(coin, self.chosen(Some(account), coin), signed, price, Decimal::ZERO)?;
            after.settle(coin, &purse);
            let summary = self.summary(&after)?;
            Ok::<_, OutOfRange>(summary.cross_margin_used <= summary.cross_value)
        };
        carries().unwrap_or(false)
    }

    /// What an order would lose at once where it trades at worse prices than the mark, and at least nothing.
    pub(super) fn loss_of(&self, coin: usize, order: &Incoming<Address>) -> Decimal {
        let market = &self.markets[coin];
        let (mut left, mut loss) = (order.size.get(), Decimal::ZERO);
        for maker in market.book.orders(order.side.opposite()) {
            let reached = match order.side {
                Side::Buy => maker.price <= order.price,
                Side::Sell => maker.price >= order.price,
            };
            if !reached || left.is_zero() {
                break;
            }
            let size = left.min(maker.size.get());
            let worse = match order.side {
                Side::Buy => maker.price.get() - market.mark,
                Side::Sell => market.mark - maker.price.get(),
            };
            loss = loss.saturating_add(worse.saturating_mul(size));
            left = left.saturating_sub(size);
        }
        loss.max(Decimal::ZERO)
    }
}

/// The mark of a market; it is always positive.
pub(super) fn mark_of(market: &Market) -> Price {
    Price::new(market.mark).expect("a mark is at least the smallest price")
}

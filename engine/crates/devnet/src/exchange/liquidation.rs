//! Liquidation: what happens to an account that is worth less than it must keep.
//!
//! Its orders are cancelled and its positions go to the book as orders for the market; large ones in part at first. Where it is worth
//! less than two thirds of what it must keep, or the book does not take them, the exchange's vault takes positions and collateral.
//! <https://hyperliquid.gitbook.io/hyperliquid-docs/trading/liquidations>

use super::account::{LEDGER_MAX, keep};
use super::shown::{LiquidatedPosition, MoneyMovement};
use super::{Event, Exchange, VAULT, is_house, millis};
use calypte_kernel::{Decimal, Price, Rounding, Side, Size, TimeInForce};
use calypte_sim::Incoming;
use calypte_venues::hyperliquid::protocol::{Address, Fill, FillLiquidation, Ledger, Liquidation};

/// Positions above this notional are liquidated in part at first.
const LARGE: Decimal = Decimal::from_parts(100_000, 0, 0, false, 0);
/// How long a large position is left alone after a part of it was taken.
const SPARED_MS: u64 = 30_000;

/// Positions that are liquidated together: those in cross margin, or one that is isolated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Bucket {
    Cross,
    Isolated(usize),
}

impl Exchange {
    /// Liquidates what must be.
    pub(super) fn liquidate(&mut self) {
        let holders = self.accounts.iter().filter(|(user, account)| !account.positions.is_empty() && !is_house(**user));
        let holders: Vec<Address> = holders.map(|(user, _)| *user).collect();
        for user in holders {
            let isolated = |account: &super::account::Account| {
                let of_own = account.positions.iter().filter(|(_, position)| position.isolated.is_some());
                of_own.map(|(coin, _)| Bucket::Isolated(*coin)).collect::<Vec<_>>()
            };
            let buckets = self.accounts.get(&user).map(isolated).unwrap_or_default();
            for bucket in buckets.into_iter().chain([Bucket::Cross]) {
                if let Some((value, kept)) = self.short_of(user, bucket) {
                    self.liquidate_bucket(user, bucket, value, kept);
                }
            }
        }
    }

    /// What a bucket is worth and must keep, where the one is less than the other.
    fn short_of(&self, user: Address, bucket: Bucket) -> Option<(Decimal, Decimal)> {
        let account = self.accounts.get(&user)?;
        let (value, kept) = match bucket {
            Bucket::Cross => {
                let summary = self.summary(account).ok()?;
                (summary.cross_value, summary.cross_maintenance)
            }
            Bucket::Isolated(coin) => {
                let exposure = self.exposure(account, coin)?;
                (exposure.margin_used().ok()?, exposure.maintenance_margin().ok()?)
            }
        };
        (value < kept).then_some((value, kept))
    }

    /// The positions of a bucket with their notionals, largest first.
    fn positions_of(&self, user: Address, bucket: Bucket) -> Vec<(usize, Decimal, Decimal)> {
        let Some(account) = self.accounts.get(&user) else { return Vec::new() };
        let of_bucket = account.positions.iter().filter(|(coin, position)| match bucket {
            Bucket::Cross => position.isolated.is_none(),
            Bucket::Isolated(only) => **coin == only,
        });
        let with_notional = of_bucket
            .map(|(coin, position)| (*coin, position.size, position.size.abs().saturating_mul(self.markets[*coin].mark)));
        let mut positions: Vec<_> = with_notional.collect();
        positions.sort_by(|one, other| other.2.cmp(&one.2).then(one.0.cmp(&other.0)));
        positions
    }

    fn liquidate_bucket(&mut self, user: Address, bucket: Bucket, value: Decimal, kept: Decimal) {
        let positions = self.positions_of(user, bucket);
        let spared = |exchange: &Self, coin: usize| {
            let until = exchange.accounts.get(&user).and_then(|account| account.spared.get(&coin));
            until.is_some_and(|until| exchange.now < *until)
        };
        let is_beyond = value.saturating_mul(Decimal::from(3)) < kept.saturating_mul(Decimal::TWO);
        if !is_beyond && positions.iter().all(|(coin, ..)| spared(self, *coin)) {
            return;
        }
        self.announce(user, bucket, &positions, value);
        self.cancel_for_liquidation(user, bucket);
        if is_beyond {
            self.take_over(user, bucket);
            return;
        }
        for (coin, size, notional) in positions {
            if spared(self, coin) {
                continue;
            }
            self.sell_off(user, coin, size, notional);
            match self.short_of(user, bucket) {
                None => return,
                // What is left of it may be worth less than the book took for it.
                Some((value, kept)) if value.saturating_mul(Decimal::from(3)) < kept.saturating_mul(Decimal::TWO) => {
                    self.take_over(user, bucket);
                    return;
                }
                Some(_) => {}
            }
        }
        self.settle_debt(user);
    }

    /// Tells the account, and writes it down.
    fn announce(&mut self, user: Address, bucket: Bucket, positions: &[(usize, Decimal, Decimal)], value: Decimal) {
        self.liquidations += 1;
        let notional = positions.iter().fold(Decimal::ZERO, |sum, (.., notional)| sum.saturating_add(*notional));
        let liquidated = positions
            .iter()
            .map(|(coin, size, _)| LiquidatedPosition { coin: self.markets[*coin].coin.name.clone(), szi: (*size).into() });
        let delta = MoneyMovement::Liquidation {
            liquidated_ntl_pos: notional.normalize().into(),
            account_value: value.normalize().into(),
            leverage_type: if bucket == Bucket::Cross { "Cross" } else { "Isolated" }.to_owned(),
            liquidated_positions: liquidated.collect(),
        };
        let update = Ledger { time: millis(self.now), hash: Some(self.hash()), delta };
        if let Some(account) = self.accounts.get_mut(&user) {
            keep(&mut account.ledger, update.clone(), LEDGER_MAX);
        }
        let liquidation = Liquidation {
            lid: Some(self.liquidations),
            liquidator: Some(VAULT),
            liquidated_user: Some(user),
            liquidated_ntl_pos: Some(notional.normalize().into()),
            liquidated_account_value: Some(value.normalize().into()),
        };
        self.block.others.push(Event::Liquidation { user, liquidation });
        self.block.others.push(Event::Ledger { user, update });
        self.block.changed.insert(user);
    }

    fn cancel_for_liquidation(&mut self, user: Address, bucket: Bucket) {
        let Some(account) = self.accounts.get(&user) else { return };
        let concerned = |oid: &&u64| match bucket {
            Bucket::Cross => true,
            Bucket::Isolated(coin) => self.orders.get(**oid).is_some_and(|order| order.coin == coin),
        };
        let oids: Vec<u64> = account.open.iter().filter(concerned).copied().collect();
        for oid in oids {
            self.cancel_by_exchange(oid, "liquidatedCanceled");
        }
    }

    /// Sends a position to the book, or a fifth of a large one.
    fn sell_off(&mut self, user: Address, coin: usize, size: Decimal, notional: Decimal) {
        let market = &self.markets[coin];
        let was_spared = self.accounts.get(&user).is_some_and(|account| account.spared.contains_key(&coin));
        let in_part = notional > LARGE && !was_spared;
        let part = if in_part {
            market.rules.round_size(size.abs() / Decimal::from(5), Rounding::Up).min(size.abs())
        } else {
            size.abs()
        };
        let side = if size.is_sign_negative() { Side::Buy } else { Side::Sell };
        // Not worse than the price at which the account would be worth nothing by a wide margin.
        let (worst, rounding) = match side {
            Side::Buy => (market.mark.saturating_mul(Decimal::new(11, 1)), Rounding::Down),
            Side::Sell => (market.mark.saturating_mul(Decimal::new(9, 1)), Rounding::Up),
        };
        let worst = market.rules.round_price(worst, rounding).and_then(|price| Price::new(price).ok());
        let (Some(price), Ok(part)) = (worst, Size::new(part)) else { return };
        let terms = FillLiquidation {
            liquidated_user: Some(user),
            mark_px: Some(market.mark.into()),
            method: Some("market".to_owned()),
        };
        let id = self.orders.next_oid();
        let order = Incoming { id, owner: user, side, price, size: part, time_in_force: TimeInForce::Ioc };
        let (swept, _) = self.sweep(coin, order, Some(&terms));
        let now = self.now;
        if let Some(account) = self.accounts.get_mut(&user) {
            if account.positions.contains_key(&coin) {
                if in_part || swept.size.is_zero() {
                    account.spared.insert(coin, now.saturating_add(SPARED_MS));
                }
            } else {
                account.spared.remove(&coin);
            }
        }
        self.follow_position(user, coin);
    }

    /// The vault takes a bucket's positions at the mark, and what collateral there is, which may be less than nothing.
    fn take_over(&mut self, user: Address, bucket: Bucket) {
        for (coin, size, _) in self.positions_of(user, bucket) {
            let mark = self.markets[coin].mark;
            let chosen = self.chosen(self.accounts.get(&user), coin);
            let (Some(account), Some(vault)) = (self.accounts.get(&user), self.accounts.get(&VAULT)) else { return };
            let cross = super::account::Chosen { is_isolated: false, ..chosen };
            let from = account.try_fill(coin, chosen, -size, mark, Decimal::ZERO);
            let (Ok((from, filled)), Ok((to, _))) = (from, vault.try_fill(coin, cross, size, mark, Decimal::ZERO)) else {
                return;
            };
            let is_isolated = account.positions.get(&coin).is_some_and(|position| position.isolated.is_some());
            let own = account.positions.get(&coin).and_then(|position| position.isolated);
            self.trades += 1;
            let fill = Fill {
                coin: self.markets[coin].coin.name.clone(),
                px: mark.into(),
                sz: size.abs().into(),
                side: if size.is_sign_negative() { Side::Buy } else { Side::Sell }.into(),
                time: millis(self.now),
                oid: self.orders.next_oid(),
                tid: Some(super::matching::tid(self.trades)),
                crossed: true,
                fee: Decimal::ZERO.into(),
                fee_token: Some("USDC".to_owned()),
                builder_fee: None,
                start_position: Some(size.into()),
                dir: Some(super::matching::direction(&filled, Some(is_isolated))),
                closed_pnl: Some(filled.closed_pnl.into()),
                hash: Some(self.hash()),
                cloid: None,
                liquidation: Some(FillLiquidation {
                    liquidated_user: Some(user),
                    mark_px: Some(mark.into()),
                    method: Some("backstop".to_owned()),
                }),
                twap_id: None,
            };
            let equity = own.map(|own| own.saturating_add(size.saturating_mul(mark)));
            self.count_interest(coin, VAULT, size);
            self.count_interest(coin, user, -size);
            if let Some(vault) = self.accounts.get_mut(&VAULT) {
                vault.settle(coin, &to);
            }
            if let Some(account) = self.accounts.get_mut(&user) {
                account.settle(coin, &from);
                account.spared.remove(&coin);
                account.remember_fill(fill.clone());
            }
            self.block.fill(user, fill);
            self.follow_position(user, coin);
            // What an isolated position had went back to the account, and goes on to the vault.
            if let (Bucket::Isolated(_), Some(equity)) = (bucket, equity) {
                self.move_to_vault(user, equity);
            }
        }
        if bucket == Bucket::Cross
            && let Some(cash) = self.accounts.get(&user).map(|account| account.cash)
        {
            self.move_to_vault(user, cash);
        }
    }

    /// An account that owes after its positions are gone owes nothing: the vault pays.
    fn settle_debt(&mut self, user: Address) {
        let Some(account) = self.accounts.get(&user) else { return };
        let has_cross = account.positions.values().any(|position| position.isolated.is_none());
        if account.cash.is_sign_negative() && !has_cross {
            let debt = account.cash;
            self.move_to_vault(user, debt);
        }
    }

    fn move_to_vault(&mut self, user: Address, amount: Decimal) {
        let Some(left) = self.accounts.get(&user).and_then(|account| account.cash.checked_sub(amount)) else { return };
        let Some(vault) = self.accounts.get_mut(&VAULT) else { return };
        let Some(sum) = vault.cash.checked_add(amount) else { return };
        vault.cash = sum;
        if let Some(account) = self.accounts.get_mut(&user) {
            account.cash = left;
        }
    }

    /// Counts a position that becomes larger by a signed size, before it does.
    fn count_interest(&mut self, coin: usize, user: Address, signed: Decimal) {
        let before = self.accounts.get(&user).map_or(Decimal::ZERO, |account| account.size_of(coin));
        let longs = before.saturating_add(signed).max(Decimal::ZERO) - before.max(Decimal::ZERO);
        let market = &mut self.markets[coin];
        market.open_interest = market.open_interest.saturating_add(longs);
    }
}

//! What everybody may see of an account. One that nobody has is empty.

use super::{ROWS_MAX, is_within};
use crate::exchange::account::{Account, AccountMode, Day, Position as Held};
use crate::exchange::orders::{LiveOrder, Stage};
use crate::exchange::{
    DAY_MS, DailyVolume, Exchange, FeeSchedule, FeeTier, FeeTiers, FundingDelta, LongFees, LongOrder, LongStatus, LongUpdate,
    MoneyMovement, VipTier, is_house, millis,
};
use calypte_kernel::{Decimal, MarginSummary as Margin, OutOfRange};
use calypte_venues::hyperliquid::protocol::{
    ActiveAssetData, Address, AssetPosition, Balance, ClearinghouseState, CumulativeFunding, FILLS_MAX, Fill, Ledger, Leverage,
    MarginSummary, Millis, Number, Order, OrderKey, Position, SpotState,
};

/// Decimals of prices that are worked out.
const SHOWN_DECIMALS: u32 = 10;

impl Exchange {
    /// Positions and margin.
    pub fn clearinghouse_state(&self, user: Address) -> ClearinghouseState {
        let nobody = Account::default();
        let account = self.visible(user).unwrap_or(&nobody);
        // Positions that cannot be counted are not shown with numbers that are wrong.
        self.state_of(account).unwrap_or_else(|OutOfRange| ClearinghouseState {
            margin_summary: None,
            cross_margin_summary: None,
            cross_maintenance_margin_used: None,
            withdrawable: None,
            asset_positions: Vec::new().into(),
            time: self.now(),
        })
    }

    fn state_of(&self, account: &Account) -> Result<ClearinghouseState, OutOfRange> {
        let margin = self.summary(account)?;
        // What lies among the spot balances is not shown here a second time.
        let elsewhere = match account.mode {
            AccountMode::Separate => Decimal::ZERO,
            AccountMode::Unified => account.collateral()?,
        };
        let here = |amount: Decimal| amount.checked_sub(elsewhere).map(money).ok_or(OutOfRange);
        let (mut cross_notional, mut raw) = (Decimal::ZERO, account.cash);
        let mut positions = Vec::new();
        for (coin, held) in &account.positions {
            let exposure = self.exposure(account, *coin).ok_or(OutOfRange)?;
            match held.isolated {
                None => cross_notional = cross_notional.checked_add(exposure.notional()?).ok_or(OutOfRange)?,
                Some(own) => raw = raw.checked_add(own).ok_or(OutOfRange)?,
            }
            let position = self.position_of(account, *coin, held, &margin)?;
            positions.push(AssetPosition { kind: Some("oneWay".to_owned()), position });
        }
        Ok(ClearinghouseState {
            margin_summary: Some(MarginSummary {
                account_value: Some(here(margin.account_value)?),
                total_ntl_pos: Some(money(margin.notional)),
                total_raw_usd: Some(here(raw)?),
                total_margin_used: Some(money(margin.margin_used)),
            }),
            cross_margin_summary: Some(MarginSummary {
                account_value: Some(here(margin.cross_value)?),
                total_ntl_pos: Some(money(cross_notional)),
                total_raw_usd: Some(here(account.cash)?),
                total_margin_used: Some(money(margin.cross_margin_used)),
            }),
            cross_maintenance_margin_used: Some(money(margin.cross_maintenance)),
            withdrawable: Some(money(self.withdrawable(account, cross_notional)?)),
            asset_positions: positions.into(),
            time: self.now(),
        })
    }

    /// What could be taken out: what nothing ties up, and a tenth of the notional at least stays.
    fn withdrawable(&self, account: &Account, cross_notional: Decimal) -> Result<Decimal, OutOfRange> {
        let tenth = self.summary(account)?.cross_value.checked_sub(cross_notional / Decimal::TEN).ok_or(OutOfRange)?;
        Ok(self.free(account)?.min(tenth).max(Decimal::ZERO))
    }

    fn position_of(&self, account: &Account, coin: usize, held: &Held, margin: &Margin) -> Result<Position, OutOfRange> {
        let exposure = self.exposure(account, coin).ok_or(OutOfRange)?;
        let chosen = self.chosen(Some(account), coin);
        let listed = &self.markets[coin].coin;
        let profit = exposure.worth()?.checked_sub(held.entry).ok_or(OutOfRange)?;
        let entry_price = held.entry.checked_div(held.size).ok_or(OutOfRange)?;
        let used = exposure.margin_used()?;
        // Over what was put in: the initial margin at the entry.
        let put_in = held.entry.abs().checked_div(chosen.leverage.max(1).into()).ok_or(OutOfRange)?;
        let liquidation = margin.liquidation_price(&exposure)?;
        let shown = |number: Decimal| Some(Number::new(number.round_dp(SHOWN_DECIMALS).normalize()));
        Ok(Position {
            coin: listed.name.clone(),
            szi: held.size.normalize().into(),
            leverage: Some(Leverage {
                kind: if held.isolated.is_some() { "isolated" } else { "cross" }.to_owned(),
                value: chosen.leverage,
                raw_usd: held.isolated.map(|own| own.normalize().into()),
            }),
            entry_px: shown(entry_price.round_dp(8)),
            position_value: Some(money(exposure.notional()?)),
            unrealized_pnl: Some(money(profit)),
            return_on_equity: profit.checked_div(put_in).and_then(shown),
            liquidation_px: liquidation.and_then(|price| shown(price.get())),
            margin_used: Some(money(used)),
            max_leverage: Some(listed.max_leverage()),
            cum_funding: Some(CumulativeFunding {
                all_time: Some(money(account.funding_paid.get(&coin).copied().unwrap_or_default())),
                since_open: Some(money(held.funding_since_open)),
                since_change: Some(money(held.funding_since_change)),
            }),
        })
    }

    /// Spot balances: there is no spot market here, and only accounts in the unified mode have any: their collateral.
    pub fn spot_state(&self, user: Address) -> SpotState {
        let unified = self.visible(user).filter(|account| account.mode == AccountMode::Unified);
        let balance = |account: &Account| {
            let held = self.summary(account)?.margin_used;
            Ok::<_, OutOfRange>(Balance {
                coin: "USDC".to_owned(),
                token: Some(0),
                total: money(account.collateral()?),
                hold: Some(money(held)),
                entry_ntl: Some(Number::default()),
            })
        };
        // What cannot be counted is not shown with numbers that are wrong.
        let balances: Vec<Balance> = unified.and_then(|account| balance(account).ok()).into_iter().collect();
        SpotState { balances: balances.into() }
    }

    /// Open orders in their short form, newest first.
    pub fn open_orders(&self, user: Address) -> Vec<Order> {
        self.frontend_open_orders(user).iter().map(LongOrder::short).collect()
    }

    /// Open orders in their long form, newest first; exits that wait for an order to fill stand among its children.
    pub fn frontend_open_orders(&self, user: Address) -> Vec<LongOrder> {
        let open = self.visible(user).into_iter().flat_map(|account| account.open.iter().rev());
        open.filter_map(|oid| self.orders.get(*oid)).map(|order| self.long(order)).collect()
    }

    fn long(&self, order: &LiveOrder) -> LongOrder {
        let name = |order: &LiveOrder| self.markets[order.coin].coin.name.as_str();
        let children = order.kin.children.iter().filter_map(|child| self.orders.get(*child));
        let waiting = children.filter(|child| child.stage == Stage::Parent);
        order.shown(name(order), waiting.map(|child| child.shown(name(child), Vec::new())).collect())
    }

    /// One order, by its number or its name; of several with one name the newest.
    pub fn order_status(&self, user: Address, key: OrderKey) -> LongStatus {
        let is_it = |order: &LongOrder| match key {
            OrderKey::Oid(oid) => order.oid == oid,
            OrderKey::Cloid(cloid) => order.cloid == Some(cloid),
        };
        let live = self.visible(user).and_then(|account| {
            let open = account.open.iter().rev().filter_map(|oid| self.orders.get(*oid)).map(|order| self.long(order));
            open.into_iter().find(is_it)
        });
        let live = live.map(|order| self.as_open(order));
        let over = || self.visible(user)?.history.iter().rev().find(|update| is_it(&update.order)).cloned();
        match live.or_else(over) {
            Some(order) => LongStatus { status: "order".to_owned(), order: Some(order) },
            None => LongStatus { status: "unknownOid".to_owned(), order: None },
        }
    }

    fn as_open(&self, order: LongOrder) -> LongUpdate {
        LongUpdate { status_timestamp: order.timestamp, order, status: "open".to_owned() }
    }

    /// Orders of late with their last statuses, newest first, 2000 at most.
    pub fn historical_orders(&self, user: Address) -> Vec<LongUpdate> {
        let open = self.frontend_open_orders(user).into_iter().map(|order| self.as_open(order));
        let over = self.visible(user).into_iter().flat_map(|account| account.history.iter().rev().cloned());
        open.chain(over).take(crate::exchange::HISTORY_MAX).collect()
    }

    /// The newest fills, newest first, 2000 at most.
    pub fn fills(&self, user: Address) -> Vec<Fill> {
        let fills = self.visible(user).into_iter().flat_map(|account| account.fills.iter().rev());
        fills.take(FILLS_MAX).cloned().collect()
    }

    /// Fills of a time, oldest first, 2000 at most; only the newest 10000 are kept.
    pub fn fills_by_time(&self, user: Address, from: Millis, to: Option<Millis>) -> Vec<Fill> {
        let fills = self.visible(user).into_iter().flat_map(|account| &account.fills);
        fills.filter(|fill| is_within(fill.time, from, to)).take(FILLS_MAX).cloned().collect()
    }

    /// Funding paid and received in a time, oldest first, 500 at most.
    pub fn user_funding(&self, user: Address, from: Millis, to: Option<Millis>) -> Vec<Ledger<FundingDelta>> {
        let payments = self.visible(user).into_iter().flat_map(|account| &account.funding);
        payments.filter(|payment| is_within(payment.time, from, to)).take(ROWS_MAX).cloned().collect()
    }

    /// Other money that moved in a time, oldest first, 500 at most.
    pub fn ledger_updates(&self, user: Address, from: Millis, to: Option<Millis>) -> Vec<Ledger<MoneyMovement>> {
        let moved = self.visible(user).into_iter().flat_map(|account| &account.ledger);
        moved.filter(|update| is_within(update.time, from, to)).take(ROWS_MAX).cloned().collect()
    }

    /// Fee rates, and how they come about.
    pub fn user_fees(&self, user: Address) -> LongFees {
        let fees = &self.settings.fees;
        let (base, own) = (fees.at(Decimal::ZERO), self.fees_of(user));
        let vip =
            |tier: &FeeTier| VipTier { ntl_cutoff: tier.volume_from.into(), cross: tier.taker.into(), add: tier.maker.into() };
        let days = self.visible(user).into_iter().flat_map(|account| &account.days);
        LongFees {
            daily_user_vlm: days.map(daily_volume).collect(),
            fee_schedule: FeeSchedule {
                cross: base.taker.into(),
                add: base.maker.into(),
                tiers: FeeTiers { vip: fees.tiers.iter().skip(1).map(vip).collect(), mm: Vec::new() },
            },
            user_cross_rate: own.taker.into(),
            user_add_rate: own.maker.into(),
            active_referral_discount: Number::default(),
        }
    }

    /// What could be traded of a coin, and with which leverage. None where there is no such coin.
    pub fn active_asset_data(&self, user: Address, coin: &str) -> Option<ActiveAssetData> {
        let place = usize::try_from(self.asset_of(coin)?).ok()?;
        let market = &self.markets[place];
        let nobody = Account::default();
        let account = self.visible(user).unwrap_or(&nobody);
        let chosen = self.chosen(Some(account), place);
        let free = self.free(account).unwrap_or_default().max(Decimal::ZERO);
        let held = account.positions.get(&place);
        // What closes a position frees what it ties up, twice: once to close it, once to open as much on the other side.
        let used = self.exposure(account, place).and_then(|exposure| exposure.margin_used().ok()).unwrap_or_default();
        let available = |closes: bool| if closes { free.saturating_add(used.saturating_mul(Decimal::TWO)) } else { free };
        let is_long = held.is_some_and(|held| held.size.is_sign_positive());
        let is_short = held.is_some_and(|held| held.size.is_sign_negative());
        let (to_buy, to_sell) = (available(is_short), available(is_long));
        let size = |available: Decimal| {
            let most = available.saturating_mul(chosen.leverage.into()).checked_div(market.mark).unwrap_or_default();
            Number::new(market.rules.round_size(most, calypte_kernel::Rounding::Down))
        };
        let shown = |amount: Decimal| Number::new(amount.round_dp(crate::exchange::MONEY_DECIMALS).normalize());
        Some(ActiveAssetData {
            user: Some(user),
            coin: coin.to_owned(),
            leverage: Some(Leverage {
                kind: if chosen.is_isolated { "isolated" } else { "cross" }.to_owned(),
                value: chosen.leverage,
                raw_usd: held.and_then(|held| held.isolated).map(|own| own.normalize().into()),
            }),
            max_trade_szs: Some((size(to_buy), size(to_sell))),
            available_to_trade: Some((shown(to_buy), shown(to_sell))),
            mark_px: Some(market.mark.into()),
        })
    }

    /// Notional ever traded: what requests are earned with.
    pub fn volume(&self, user: Address) -> Decimal {
        self.visible(user).map_or(Decimal::ZERO, |account| account.volume)
    }

    /// An account that can be looked at: the exchange's own cannot.
    fn visible(&self, user: Address) -> Option<&Account> {
        self.accounts.get(&user).filter(|_| !is_house(user))
    }
}

/// Money as it is shown: all of its digits, and no zeros behind them.
fn money(amount: Decimal) -> Number {
    Number::new(amount.round_dp(SHOWN_DECIMALS).normalize())
}

fn daily_volume(day: &Day) -> DailyVolume {
    DailyVolume {
        date: date_of(millis(day.day.saturating_mul(DAY_MS)).get()),
        user_cross: day.taken.normalize().into(),
        user_add: day.made.normalize().into(),
        exchange: day.taken.saturating_add(day.made).normalize().into(),
    }
}

/// A day as `2026-11-22`.
fn date_of(time: u64) -> String {
    use crate::exchange::Interval;
    let month = Interval::Month.open_of(time);
    let (mut first, mut months) = (0, 0_u64);
    while first < month {
        first = Interval::Month.end_of(first);
        months += 1;
    }
    format!("{:04}-{:02}-{:02}", 1970 + months / 12, months % 12 + 1, (time - month) / DAY_MS + 1)
}

//! What the exchange answers to questions. Nothing here changes anything.

use super::{
    BookPrecision, Exchange, FeeSchedule, FeeTiers, FundingDelta, Interval, LongFees, LongOrder, LongStatus, LongUpdate,
    MoneyMovement, VipTier,
};
use calypte_kernel::Decimal;
use calypte_venues::hyperliquid::protocol::{
    ActiveAssetData, Address, AllMids, AssetContext, AssetMeta, Bbo, Book, Candle, ClearinghouseState, Fill, FundingRate,
    Ledger, List, MarginSummary, Meta, Millis, Number, Order, OrderKey, Rows, SpotState, Trade,
};

impl Exchange {
    /// The perpetuals, with their margin tables.
    pub fn meta(&self) -> Meta {
        let coins = self.settings.universe.iter();
        let universe: Vec<_> = coins
            .map(|coin| AssetMeta {
                name: coin.name.clone(),
                sz_decimals: coin.sz_decimals,
                max_leverage: coin.max_leverage(),
                margin_table_id: None,
                is_delisted: None,
                only_isolated: coin.only_isolated.then_some(true),
                margin_mode: None,
            })
            .collect();
        Meta { universe: universe.into(), margin_tables: List::default(), collateral_token: Some(0) }
    }

    /// What surrounds each, by place.
    pub fn contexts(&self) -> Vec<AssetContext> {
        self.settings.universe.iter().filter_map(|coin| self.context(&coin.name)).collect()
    }

    /// What surrounds one.
    pub fn context(&self, coin: &str) -> Option<AssetContext> {
        self.asset_of(coin).map(|_| AssetContext::default())
    }

    /// Mid prices; where a side is empty, the last trade's price.
    pub fn mids(&self) -> AllMids {
        let coins = self.settings.universe.iter();
        AllMids { mids: coins.map(|coin| (coin.name.clone(), Number::new(coin.start_price))).collect() }
    }

    /// The book, 20 levels at most on each side. None also where the precision is not one that the exchange has.
    pub fn book(&self, coin: &str, precision: BookPrecision) -> Option<Book> {
        self.asset_of(coin).filter(|_| precision == BookPrecision::default())?;
        Some(Book { coin: coin.to_owned(), time: self.now(), levels: (List::default(), List::default()) })
    }

    /// The best prices.
    pub fn bbo(&self, coin: &str) -> Option<Bbo> {
        self.asset_of(coin)?;
        Some(Bbo { coin: coin.to_owned(), time: self.now(), bbo: (None, None) })
    }

    /// Candles whose open time lies within both times, the newest 5000 of them; the last may still be running.
    pub fn candles(&self, coin: &str, interval: Interval, from: Millis, to: Option<Millis>) -> Option<Vec<Candle>> {
        let _ = (interval, from, to);
        self.asset_of(coin).map(|_| Vec::new())
    }

    /// The last trades, newest first.
    pub fn recent_trades(&self, coin: &str) -> Option<Vec<Trade>> {
        self.asset_of(coin).map(|_| Vec::new())
    }

    /// Funding rates of a time, oldest first, 500 at most.
    pub fn funding_history(&self, coin: &str, from: Millis, to: Option<Millis>) -> Option<Vec<FundingRate>> {
        let _ = (from, to);
        self.asset_of(coin).map(|_| Vec::new())
    }

    /// Largest notional of an order for the market by largest leverage of the coin: `maxMarketOrderNtls`.
    pub fn max_market_order_ntls(&self) -> Vec<(u32, Number)> {
        [(25, 15_000_000), (20, 5_000_000), (10, 2_000_000), (1, 500_000)]
            .map(|(leverage, most)| (leverage, Number::new(most.into())))
            .to_vec()
    }

    /// Positions and margin.
    pub fn clearinghouse_state(&self, user: Address) -> ClearinghouseState {
        let cash = self.accounts.get(&user).copied().unwrap_or_default();
        let zero = Some(Number::default());
        let summary = MarginSummary {
            account_value: Some(cash.into()),
            total_ntl_pos: zero,
            total_raw_usd: Some(cash.into()),
            total_margin_used: zero,
        };
        ClearinghouseState {
            margin_summary: Some(summary),
            cross_margin_summary: Some(summary),
            cross_maintenance_margin_used: zero,
            withdrawable: Some(cash.into()),
            asset_positions: Rows::default(),
            time: self.now(),
        }
    }

    /// Spot balances: there are none here.
    pub fn spot_state(&self, user: Address) -> SpotState {
        let _ = user;
        SpotState::default()
    }

    /// Open orders in their short form, newest first.
    pub fn open_orders(&self, user: Address) -> Vec<Order> {
        self.frontend_open_orders(user).iter().map(LongOrder::short).collect()
    }

    /// Open orders in their long form, newest first.
    pub fn frontend_open_orders(&self, user: Address) -> Vec<LongOrder> {
        let _ = user;
        Vec::new()
    }

    /// One order.
    pub fn order_status(&self, user: Address, key: OrderKey) -> LongStatus {
        let _ = (user, key);
        LongStatus { status: "unknownOid".to_owned(), order: None }
    }

    /// Orders of late with their last statuses, newest first, 2000 at most.
    pub fn historical_orders(&self, user: Address) -> Vec<LongUpdate> {
        let _ = user;
        Vec::new()
    }

    /// The newest fills, newest first, 2000 at most.
    pub fn fills(&self, user: Address) -> Vec<Fill> {
        let _ = user;
        Vec::new()
    }

    /// Fills of a time, oldest first, 2000 at most; only the newest 10000 are kept.
    pub fn fills_by_time(&self, user: Address, from: Millis, to: Option<Millis>) -> Vec<Fill> {
        let _ = (user, from, to);
        Vec::new()
    }

    /// Funding paid and received in a time, oldest first, 500 at most.
    pub fn user_funding(&self, user: Address, from: Millis, to: Option<Millis>) -> Vec<Ledger<FundingDelta>> {
        let _ = (user, from, to);
        Vec::new()
    }

    /// Other money that moved in a time, oldest first, 500 at most.
    pub fn ledger_updates(&self, user: Address, from: Millis, to: Option<Millis>) -> Vec<Ledger<MoneyMovement>> {
        let _ = (user, from, to);
        Vec::new()
    }

    /// Fee rates.
    pub fn user_fees(&self, user: Address) -> LongFees {
        let fees = &self.settings.fees;
        let (base, own) = (fees.at(Decimal::ZERO), fees.at(self.volume(user)));
        let tiers = fees.tiers.iter().skip(1);
        let vip =
            tiers.map(|tier| VipTier { ntl_cutoff: tier.volume_from.into(), cross: tier.taker.into(), add: tier.maker.into() });
        LongFees {
            daily_user_vlm: Vec::new(),
            fee_schedule: FeeSchedule {
                cross: base.taker.into(),
                add: base.maker.into(),
                tiers: FeeTiers { vip: vip.collect(), mm: Vec::new() },
            },
            user_cross_rate: own.taker.into(),
            user_add_rate: own.maker.into(),
            active_referral_discount: Number::default(),
        }
    }

    /// What could be traded of a coin, and with which leverage. None where there is no such coin.
    pub fn active_asset_data(&self, user: Address, coin: &str) -> Option<ActiveAssetData> {
        self.asset_of(coin)?;
        Some(ActiveAssetData {
            user: Some(user),
            coin: coin.to_owned(),
            leverage: None,
            max_trade_szs: None,
            available_to_trade: None,
            mark_px: None,
        })
    }

    /// Notional ever traded: what requests are earned with.
    pub fn volume(&self, user: Address) -> Decimal {
        let _ = user;
        Decimal::ZERO
    }

    /// The number of a coin in actions.
    pub fn asset_of(&self, coin: &str) -> Option<u32> {
        let place = self.settings.universe.iter().position(|listed| listed.name == coin)?;
        u32::try_from(place).ok()
    }
}

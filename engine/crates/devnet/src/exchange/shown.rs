//! What the exchange shows and the client does not read: forms with all of the exchange's keys.

use calypte_venues::hyperliquid::protocol::{Cloid, Millis, Number, Order, Side};
use serde::Serialize;

/// An order in its long form, with every key: `frontendOpenOrders`, `orderStatus`, `historicalOrders`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LongOrder {
    /// Coin.
    pub coin: String,
    /// Side.
    pub side: Side,
    /// Limit price.
    pub limit_px: Number,
    /// What is still to fill.
    pub sz: Number,
    /// Its number.
    pub oid: u64,
    /// When it was placed.
    pub timestamp: Millis,
    /// Its trigger in words; `N/A` without one.
    pub trigger_condition: String,
    /// Whether it waits for a trigger.
    pub is_trigger: bool,
    /// The trigger's price; zero without one.
    pub trigger_px: Number,
    /// Exits that wait for it to fill.
    pub children: Vec<LongOrder>,
    /// Whether it is sized with the position.
    pub is_position_tpsl: bool,
    /// Whether it may only make a position smaller.
    pub reduce_only: bool,
    /// `Limit`, `Market`, `Stop Market`, `Stop Limit`, `Take Profit Market`, `Take Profit Limit`.
    pub order_type: String,
    /// Its size at first.
    pub orig_sz: Number,
    /// How long it stays; null for triggers.
    pub tif: Option<String>,
    /// Its name.
    pub cloid: Option<Cloid>,
}

impl LongOrder {
    /// The short form, as `openOrders` and `orderUpdates` have it.
    pub fn short(&self) -> Order {
        Order {
            coin: self.coin.clone(),
            side: self.side,
            limit_px: self.limit_px,
            sz: self.sz,
            oid: self.oid,
            timestamp: self.timestamp,
            orig_sz: Some(self.orig_sz),
            cloid: self.cloid,
            reduce_only: self.reduce_only.then_some(true),
            order_type: None,
            tif: None,
            is_trigger: None,
            trigger_px: None,
            trigger_condition: None,
            is_position_tpsl: None,
        }
    }
}

/// An order in its long form and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LongUpdate {
    /// The order.
    pub order: LongOrder,
    /// Its status.
    pub status: String,
    /// When it came to that.
    pub status_timestamp: Millis,
}

/// The answer to a question after one order: `{"status":"order","order":{…}}` or `{"status":"unknownOid"}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LongStatus {
    /// `order` or `unknownOid`.
    pub status: String,
    /// The order, where it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order: Option<LongUpdate>,
}

/// Money of an account that moved other than by fills and funding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum MoneyMovement {
    /// It was paid in.
    Deposit {
        /// How much.
        usdc: Number,
    },
    /// Positions were taken by the exchange.
    Liquidation {
        /// Their notional.
        liquidated_ntl_pos: Number,
        /// What answered for them.
        account_value: Number,
        /// `Cross` or `Isolated`.
        leverage_type: String,
        /// What was taken.
        liquidated_positions: Vec<LiquidatedPosition>,
    },
}

/// A position that was taken by the exchange.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LiquidatedPosition {
    /// Coin.
    pub coin: String,
    /// Signed size.
    pub szi: Number,
}

/// A funding payment as `userFunding` answers it, in `delta`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename = "funding", rename_all = "camelCase")]
pub struct FundingDelta {
    /// Coin.
    pub coin: String,
    /// What the account received; negative was paid.
    pub usdc: Number,
    /// Signed size it was paid for.
    pub szi: Number,
    /// Hourly rate.
    pub funding_rate: Number,
    /// How many samples it was made of; null for those of one hour.
    pub n_samples: Option<u64>,
}

/// An account's fee rates and how they come about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LongFees {
    /// Volumes of the last days, oldest first.
    pub daily_user_vlm: Vec<DailyVolume>,
    /// The rates by volume.
    pub fee_schedule: FeeSchedule,
    /// Rate of taking.
    pub user_cross_rate: Number,
    /// Rate of making.
    pub user_add_rate: Number,
    /// What a referral takes off.
    pub active_referral_discount: Number,
}

/// Volumes of a day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DailyVolume {
    /// The day, `2026-11-22`.
    pub date: String,
    /// What the account took.
    pub user_cross: Number,
    /// What it made.
    pub user_add: Number,
    /// What everybody traded.
    pub exchange: Number,
}

/// The rates by volume.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FeeSchedule {
    /// Rate of taking without volume.
    pub cross: Number,
    /// Rate of making without volume.
    pub add: Number,
    /// Rates with volume.
    pub tiers: FeeTiers,
}

/// Rates with volume.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FeeTiers {
    /// By volume.
    pub vip: Vec<VipTier>,
    /// Rebates of makers: there are none here.
    pub mm: Vec<()>,
}

/// Rates from a volume on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct VipTier {
    /// From this volume of 14 days.
    pub ntl_cutoff: Number,
    /// Rate of taking.
    pub cross: Number,
    /// Rate of making.
    pub add: Number,
}

/// The book as it is asked for: how its prices are put together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BookPrecision {
    /// Significant figures of its prices, 2 to 5; none: all.
    pub n_sig_figs: Option<u32>,
    /// With five figures, steps of 2 or 5 of the last one.
    pub mantissa: Option<u32>,
}

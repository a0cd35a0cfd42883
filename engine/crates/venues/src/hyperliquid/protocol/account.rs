//! What the exchange says about an account: state, fills, funding, money, permissions.

use super::{Address, Cloid, Millis, Number, Rows, Side, UNIVERSE_MAX};
use serde::{Deserialize, Serialize};

/// Most fills of one message or page.
pub const FILLS_MAX: usize = 2_000;

/// Margin of an account, or of its cross part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct MarginSummary {
    /// Collateral with unrealized profit: `total_raw_usd` and the signed values of the positions.
    pub account_value: Option<Number>,
    /// Sum of the positions' notionals.
    pub total_ntl_pos: Option<Number>,
    /// Collateral as if nothing had been bought: negative where more was bought than was there.
    pub total_raw_usd: Option<Number>,
    /// Margin in use.
    pub total_margin_used: Option<Number>,
}

/// The perpetuals' part of an account, whole, at one time. A coin that is not listed is not held.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClearinghouseState {
    /// All of it.
    #[serde(default)]
    pub margin_summary: Option<MarginSummary>,
    /// What is in cross margin.
    #[serde(default)]
    pub cross_margin_summary: Option<MarginSummary>,
    /// Maintenance margin of what is in cross margin.
    #[serde(default)]
    pub cross_maintenance_margin_used: Option<Number>,
    /// What could be taken out: to be shown, not to be computed with.
    #[serde(default)]
    pub withdrawable: Option<Number>,
    /// Positions. Where one could not be read, the absence of a coin says nothing.
    #[serde(default)]
    pub asset_positions: Rows<AssetPosition, UNIVERSE_MAX>,
    /// When all of it was so.
    pub time: Millis,
}

/// A position and how it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AssetPosition {
    /// `oneWay`: net for each coin. There is nothing else so far.
    #[serde(rename = "type", default)]
    pub kind: Option<String>,
    /// The position.
    pub position: Position,
}

/// A position. What is missing is unknown: leverage is then not 1, and the entry price not 0.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Position {
    /// Coin.
    pub coin: String,
    /// Signed size; zero is no position.
    pub szi: Number,
    /// Leverage and margin mode.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leverage: Option<Leverage>,
    /// Average entry price.
    #[serde(default)]
    pub entry_px: Option<Number>,
    /// Notional at the mark price.
    #[serde(default)]
    pub position_value: Option<Number>,
    /// Profit not yet realized.
    #[serde(default)]
    pub unrealized_pnl: Option<Number>,
    /// The same over the margin.
    #[serde(default)]
    pub return_on_equity: Option<Number>,
    /// Price at which it is liquidated; none where no positive price does that.
    #[serde(default)]
    pub liquidation_px: Option<Number>,
    /// Margin in use.
    #[serde(default)]
    pub margin_used: Option<Number>,
    /// Largest leverage of the coin.
    #[serde(default)]
    pub max_leverage: Option<u32>,
    /// Funding paid so far.
    #[serde(default)]
    pub cum_funding: Option<CumulativeFunding>,
}

/// Leverage of a coin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Leverage {
    /// `cross` or `isolated`.
    #[serde(rename = "type")]
    pub kind: String,
    /// How much.
    pub value: u32,
    /// Collateral of an isolated position, as if nothing had been bought.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub raw_usd: Option<Number>,
}

impl Leverage {
    /// The margin mode; none for a word nobody here knows.
    pub fn mode(&self) -> Option<calypte_kernel::MarginMode> {
        match self.kind.as_str() {
            "cross" => Some(calypte_kernel::MarginMode::Cross),
            "isolated" => Some(calypte_kernel::MarginMode::Isolated),
            _ => None,
        }
    }
}

/// Funding of a position; positive was paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CumulativeFunding {
    /// Ever.
    pub all_time: Option<Number>,
    /// Since it was opened.
    pub since_open: Option<Number>,
    /// Since it last changed.
    pub since_change: Option<Number>,
}

/// A fill. Two can carry the same `tid`: they are told apart by it together with `oid`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Fill {
    /// Coin.
    pub coin: String,
    /// Price.
    pub px: Number,
    /// Size.
    pub sz: Number,
    /// Side.
    pub side: Side,
    /// Block time.
    pub time: Millis,
    /// Number of the order.
    pub oid: u64,
    /// Number of the trade; zero for some that no order caused, and the oldest fills did not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tid: Option<u64>,
    /// Whether it took.
    pub crossed: bool,
    /// Fee, the builder's included; negative is a rebate.
    pub fee: Number,
    /// Token of the fee; the oldest fills did not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fee_token: Option<String>,
    /// The builder's part of the fee.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub builder_fee: Option<Number>,
    /// Signed position before it.
    #[serde(default)]
    pub start_position: Option<Number>,
    /// What it did, in words for people: a position is computed from the start, the side and the size.
    #[serde(default)]
    pub dir: Option<String>,
    /// Profit realized, before fees.
    #[serde(default)]
    pub closed_pnl: Option<Number>,
    /// Hash of the transaction; zeros for some.
    #[serde(default)]
    pub hash: Option<String>,
    /// Name of the order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cloid: Option<Cloid>,
    /// Whether a liquidation was on either side: only the address in it says whose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub liquidation: Option<FillLiquidation>,
    /// The time-weighted order it belongs to.
    #[serde(default)]
    pub twap_id: Option<u64>,
}

/// The liquidation that a fill was part of, on one side or the other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FillLiquidation {
    /// Who was liquidated.
    #[serde(default)]
    pub liquidated_user: Option<Address>,
    /// The mark price.
    #[serde(default)]
    pub mark_px: Option<Number>,
    /// `market` or `backstop`.
    #[serde(default)]
    pub method: Option<String>,
}

/// A fill of a time-weighted order; these are not among the other fills.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TwapFill {
    /// The fill.
    pub fill: Fill,
    /// The order's number.
    pub twap_id: u64,
}

/// A funding payment as the socket tells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FundingPayment {
    /// When.
    #[serde(default)]
    pub time: Option<Millis>,
    /// Coin.
    pub coin: String,
    /// What the account received; negative was paid.
    pub usdc: Number,
    /// Signed size it was paid for.
    #[serde(default)]
    pub szi: Option<Number>,
    /// Hourly rate.
    pub funding_rate: Number,
    /// How many samples it was made of.
    #[serde(default)]
    pub n_samples: Option<u64>,
}

/// A change of an account that is no fill, with its time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ledger<T> {
    /// When.
    pub time: Millis,
    /// Hash of the transaction.
    #[serde(default)]
    pub hash: Option<String>,
    /// What changed.
    pub delta: T,
}

/// Money that moved. The list of kinds is open, and so are their keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MoneyMoved {
    /// `deposit`, `withdraw`, `accountClassTransfer`, `internalTransfer`, `subAccountTransfer`, or another word.
    #[serde(rename = "type")]
    pub kind: String,
    /// How much; without sign.
    #[serde(default)]
    pub usdc: Option<Number>,
    /// Whether it went to the perpetuals' purse.
    #[serde(default)]
    pub to_perp: Option<bool>,
    /// Who sent it.
    #[serde(default)]
    pub user: Option<Address>,
    /// Who received it.
    #[serde(default)]
    pub destination: Option<Address>,
    /// What it cost.
    #[serde(default)]
    pub fee: Option<Number>,
}

/// Spot balances. In unified accounts they are the collateral.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct SpotState {
    /// By token.
    #[serde(default)]
    pub balances: Rows<Balance>,
}

/// The balance of a token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Balance {
    /// Name of the token.
    pub coin: String,
    /// Its number.
    #[serde(default)]
    pub token: Option<u32>,
    /// All of it.
    pub total: Number,
    /// What orders hold of it.
    #[serde(default)]
    pub hold: Option<Number>,
    /// What was paid for it.
    #[serde(default)]
    pub entry_ntl: Option<Number>,
}

/// What an account could trade of a coin, and with which leverage, also when it holds none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ActiveAssetData {
    /// The account.
    #[serde(default)]
    pub user: Option<Address>,
    /// Coin.
    pub coin: String,
    /// Leverage and margin mode.
    #[serde(default)]
    pub leverage: Option<Leverage>,
    /// Largest sizes to buy and to sell.
    #[serde(default)]
    pub max_trade_szs: Option<(Number, Number)>,
    /// Collateral available to buy and to sell.
    #[serde(default)]
    pub available_to_trade: Option<(Number, Number)>,
    /// Mark price.
    #[serde(default)]
    pub mark_px: Option<Number>,
}

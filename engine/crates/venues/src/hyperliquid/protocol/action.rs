//! Signed actions, with their fields in the order in which they are hashed.
//!
//! What is optional is left out, never null or false; addresses and names of orders are text in lower case; numbers are text in
//! their shortest plain form. Anything else makes another hash, and the exchange then takes the signature for a stranger's.

use super::{Address, Cloid, Number};
use serde::{Deserialize, Serialize};

/// Most entries of one batch: one more is refused whole.
pub const BATCH_MAX: usize = 200;

/// An action that agents may sign.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase")]
pub enum Action {
    /// Places orders.
    Order {
        /// The orders.
        orders: Vec<PlaceWire>,
        /// How they belong together.
        grouping: Grouping,
        /// Who earns a fee on them.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        builder: Option<Builder>,
    },
    /// Cancels orders by their numbers.
    Cancel {
        /// Which.
        cancels: Vec<CancelWire>,
        /// Whether it is to be fast; not for trigger orders.
        #[serde(default, rename = "f", skip_serializing_if = "Option::is_none")]
        fast: Option<bool>,
    },
    /// Cancels orders by their names.
    CancelByCloid {
        /// Which.
        cancels: Vec<CancelByCloidWire>,
        /// Whether it is to be fast; not for trigger orders.
        #[serde(default, rename = "f", skip_serializing_if = "Option::is_none")]
        fast: Option<bool>,
    },
    /// Replaces an order: the new one has another number and the same name.
    Modify {
        /// Which.
        oid: OrderKey,
        /// What takes its place.
        order: PlaceWire,
        /// Whether the new order is taken even where it would trade at once.
        #[serde(default, rename = "a", skip_serializing_if = "Option::is_none")]
        always_place: Option<bool>,
    },
    /// Replaces orders.
    BatchModify {
        /// Which, and by what.
        modifies: Vec<ModifyWire>,
        /// Whether new orders are taken even where they would trade at once.
        #[serde(default, rename = "a", skip_serializing_if = "Option::is_none")]
        always_place: Option<bool>,
    },
    /// Sets the dead man's switch, or clears it.
    ScheduleCancel {
        /// When every open order is cancelled, in milliseconds; left out: never.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        time: Option<u64>,
    },
    /// Sets leverage and margin mode of an asset.
    UpdateLeverage {
        /// Which.
        asset: u32,
        /// Cross, or isolated.
        #[serde(rename = "isCross")]
        is_cross: bool,
        /// How much.
        leverage: u32,
    },
    /// Adds to the collateral of an isolated position, or takes out of it.
    UpdateIsolatedMargin {
        /// Which asset.
        asset: u32,
        /// Always true: positions are net.
        #[serde(rename = "isBuy")]
        is_buy: bool,
        /// By how much, in millionths of a dollar; negative takes out.
        ntli: i64,
    },
    /// Adds to the collateral of an isolated position until it has a leverage.
    TopUpIsolatedOnlyMargin {
        /// Which asset.
        asset: u32,
        /// The leverage.
        leverage: Number,
    },
    /// Buys requests for the account's budget.
    ReserveRequestWeight {
        /// How many.
        weight: u64,
    },
    /// Does nothing, and so burns its nonce.
    Noop,
}

/// An order to place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlaceWire {
    /// Asset.
    #[serde(rename = "a")]
    pub asset: u32,
    /// Whether it buys.
    #[serde(rename = "b")]
    pub is_buy: bool,
    /// Limit price; of a trigger order for the market the worst price.
    #[serde(rename = "p")]
    pub price: Number,
    /// Size; zero where it is sized with the position.
    #[serde(rename = "s")]
    pub size: Number,
    /// Whether it may only make a position smaller.
    #[serde(rename = "r")]
    pub reduce_only: bool,
    /// Limit or trigger.
    #[serde(rename = "t")]
    pub kind: OrderTypeWire,
    /// Its name.
    #[serde(rename = "c", default, skip_serializing_if = "Option::is_none")]
    pub cloid: Option<Cloid>,
}

/// Limit or trigger. There is no market order: it is a limit that does not rest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum OrderTypeWire {
    /// A limit order.
    Limit {
        /// How long it stays.
        tif: Tif,
    },
    /// An order that waits for the mark price.
    #[serde(rename_all = "camelCase")]
    Trigger {
        /// Whether it then takes what it gets up to its price.
        is_market: bool,
        /// The price it waits for.
        trigger_px: Number,
        /// Take-profit or stop-loss.
        tpsl: TpSl,
    },
}

/// How long a limit order stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Tif {
    /// Good till cancelled.
    Gtc,
    /// Immediate or cancel.
    Ioc,
    /// Post only.
    Alo,
    /// What the exchange's own pages send for a market order.
    FrontendMarket,
}

/// Which way a trigger price is crossed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TpSl {
    /// Take-profit.
    Tp,
    /// Stop-loss.
    Sl,
}

/// How the orders of a batch belong together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Grouping {
    /// Not at all.
    Na,
    /// The first is a parent; the rest are its exits, sized with it.
    NormalTpsl,
    /// Exits sized with the position.
    PositionTpsl,
}

/// Who earns a fee on orders.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Builder {
    /// Their address.
    #[serde(rename = "b")]
    pub address: Address,
    /// The fee, in tenths of a basis point.
    #[serde(rename = "f")]
    pub fee: u32,
}

/// An order to cancel, by its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CancelWire {
    /// Asset.
    #[serde(rename = "a")]
    pub asset: u32,
    /// Its number.
    #[serde(rename = "o")]
    pub oid: u64,
}

/// An order to cancel, by its name. Its keys are spelled out, other than everywhere else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CancelByCloidWire {
    /// Asset.
    pub asset: u32,
    /// Its name.
    pub cloid: Cloid,
}

/// An order by its number or its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum OrderKey {
    /// By its number.
    Oid(u64),
    /// By its name.
    Cloid(Cloid),
}

/// An order and what takes its place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModifyWire {
    /// Which.
    pub oid: OrderKey,
    /// What takes its place.
    pub order: PlaceWire,
}

impl Action {
    /// How many entries it has: what it costs of the account's budget.
    pub fn entries(&self) -> usize {
        match self {
            Self::Order { orders, .. } => orders.len(),
            Self::Cancel { cancels, .. } => cancels.len(),
            Self::CancelByCloid { cancels, .. } => cancels.len(),
            Self::BatchModify { modifies, .. } => modifies.len(),
            _ => 1,
        }
    }
}

/// A signature as it stands beside an action: `r` and `s` padded to 64 digits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignatureWire {
    /// First half.
    pub r: String,
    /// Second half.
    pub s: String,
    /// 27 or 28.
    pub v: u8,
}

/// An action with its signature: the body of a request, and the payload of a post.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Envelope<A = Action> {
    /// What is to be done.
    pub action: A,
    /// The nonce that was hashed.
    pub nonce: u64,
    /// The signature.
    pub signature: SignatureWire,
    /// The sub-account or vault it is done for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vault_address: Option<Address>,
    /// Block time after which it is refused, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_after: Option<u64>,
}

/// Allows an agent to sign for the account: signed by the master key, as fields rather than as a hash of bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ApproveAgent {
    /// `approveAgent`.
    #[serde(rename = "type")]
    pub kind: ApproveAgentTag,
    /// `Mainnet` or `Testnet`.
    pub hyperliquid_chain: String,
    /// The chain of the wallet that signs, in hexadecimal digits; any.
    pub signature_chain_id: String,
    /// The agent.
    pub agent_address: Address,
    /// Its name, at most 16 characters, with ` valid_until <ms>` behind it if it is to expire; left out where it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_name: Option<String>,
    /// The nonce of the envelope again.
    pub nonce: u64,
}

/// The one kind of [`ApproveAgent`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum ApproveAgentTag {
    /// The only one.
    #[default]
    #[serde(rename = "approveAgent")]
    ApproveAgent,
}

//! Whose an address is, what it may do, and what it has left to do it with.

use super::{Address, ClearinghouseState, List, Millis, Number, SpotState};
use serde::{Deserialize, Serialize};

/// An account's budget of requests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UserRateLimit {
    /// Volume ever traded.
    pub cum_vlm: Number,
    /// Requests used.
    pub n_requests_used: u64,
    /// Requests earned.
    pub n_requests_cap: u64,
    /// Requests bought; older answers did not say.
    #[serde(default)]
    pub n_requests_surplus: Option<u64>,
}

/// An account's own fee rates.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UserFees {
    /// Rate of taking.
    pub user_cross_rate: Number,
    /// Rate of making; negative is a rebate.
    pub user_add_rate: Number,
}

/// What kind of address it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserRole {
    /// `user`, `agent`, `subAccount`, `vault`, `missing`, or another word.
    pub role: String,
    /// Whose it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<RoleOf>,
}

/// Whose an address is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleOf {
    /// Of an agent: the account it signs for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<Address>,
    /// Of a sub-account: the account above it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub master: Option<Address>,
}

/// A named agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Agent {
    /// Its name.
    #[serde(default)]
    pub name: String,
    /// Its address.
    pub address: Address,
    /// Until when it may sign.
    #[serde(default)]
    pub valid_until: Option<Millis>,
}

/// A sub-account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SubAccount {
    /// Its name.
    #[serde(default)]
    pub name: String,
    /// Its own address.
    pub sub_account_user: Address,
    /// The account above it.
    #[serde(default)]
    pub master: Option<Address>,
    /// Its state.
    #[serde(default)]
    pub clearinghouse_state: Option<ClearinghouseState>,
    /// Its balances.
    #[serde(default)]
    pub spot_state: Option<SpotState>,
}

/// The exchange's clock and whatever special is going on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExchangeStatus {
    /// Its time.
    pub time: Millis,
}

/// What a vault owes an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VaultEquity {
    /// The vault.
    pub vault_address: Address,
    /// How much.
    pub equity: Number,
    /// Until when it stays there.
    #[serde(default)]
    pub locked_until_timestamp: Option<Millis>,
}

/// An account's value and profit over a period.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Portfolio {
    /// Value at times.
    #[serde(default)]
    pub account_value_history: List<(Millis, Number)>,
    /// Profit at times.
    #[serde(default)]
    pub pnl_history: List<(Millis, Number)>,
    /// Volume.
    #[serde(default)]
    pub vlm: Option<Number>,
}

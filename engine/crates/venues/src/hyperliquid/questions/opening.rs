//! What is asked before an account trades.

use super::time;
use crate::hyperliquid::ask::{AskError, Asker};
use crate::hyperliquid::assets::{Assets, AssetsError};
use crate::hyperliquid::budget::Urgency;
use crate::hyperliquid::opening::{CannotOpen, Collateral, check_agent, check_clock, check_role, expires_soon};
use crate::hyperliquid::protocol::{Address, Agent, InfoRequest, List, Meta, Millis, UserFees, UserRateLimit, UserRole};
use calypte_kernel::{FeeRates, Symbol};

/// Why something cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The account, its key or our clock must be put right first.
    #[error(transparent)]
    Account(#[from] CannotOpen),
    /// What is to be traded cannot be.
    #[error(transparent)]
    Assets(#[from] AssetsError),
    /// The exchange does not answer.
    #[error(transparent)]
    Ask(#[from] AskError),
}

/// Whose account it is, and whose key signs for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Account {
    /// The account.
    pub user: Address,
    /// The address of the key.
    pub signer: Address,
}

/// What is known of an account that may trade.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenedAccount {
    /// For whom its actions are signed, where that is not the signer's own account: a sub-account or a vault.
    pub vault: Option<Address>,
    /// Where its collateral lies.
    pub collateral: Collateral,
    /// Until when its key may sign; none: not said.
    pub valid_until: Option<Millis>,
    /// Its own rates.
    pub fees: Option<FeeRates>,
    /// Its requests.
    pub requests: Option<UserRateLimit>,
    /// What the trader should know.
    pub warnings: Vec<String>,
}

/// What there is to trade, with a clock that is right.
///
/// # Errors
/// Where the exchange has no such asset, our clock is wrong, or there is no answer.
pub async fn open_market(asker: &Asker, symbols: &[Symbol]) -> Result<Assets, OpenError> {
    let asked = asker.ambient.now();
    let theirs = time(asker, Urgency::Opening).await?;
    check_clock(asked, asker.ambient.now(), theirs)?;
    let meta: Meta = asker.ask(&InfoRequest::Meta { dex: None }, Urgency::Opening).await?;
    Ok(Assets::new(&meta, symbols)?)
}

/// The names of everything that is traded.
///
/// # Errors
/// Where there is no answer.
pub async fn listed(asker: &Asker) -> Result<Vec<Symbol>, AskError> {
    let meta: Meta = asker.ask(&InfoRequest::Meta { dex: None }, Urgency::Opening).await?;
    Ok(Assets::listed(&meta))
}

/// Whether an account may trade with its key, and what is to be known of it.
///
/// # Errors
/// Where it may not, or there is no answer.
pub async fn open_account(asker: &Asker, Account { user, signer }: Account) -> Result<OpenedAccount, OpenError> {
    let urgency = Urgency::Opening;
    let role: UserRole = asker.ask(&InfoRequest::UserRole { user }, urgency).await?;
    let master = check_role(user, &role)?;
    let approver = master.unwrap_or(user);
    let mut warnings = Vec::new();
    let valid_until = if let Some(named) = agents(asker, approver, signer).await? {
        check_agent(asker.ambient.now(), signer, approver, &named, None)?
    } else {
        warnings.push(format!("nothing says until when the agent {signer} may sign"));
        None
    };
    if expires_soon(asker.ambient.now(), valid_until) {
        let until = valid_until.unwrap_or_default().get();
        warnings.push(format!("the agent {signer} may sign until {until} (Unix milliseconds) and no longer: approve another"));
    }
    let mode: Option<String> = asker.ask(&InfoRequest::UserAbstraction { user }, urgency).await?;
    let collateral = Collateral::of_mode(mode.as_deref());
    if collateral == Collateral::Unknown {
        let mode: String = mode.unwrap_or_default().chars().take(64).collect();
        warnings.push(format!("the account is in the mode {mode:?}, which nobody here knows: its collateral is not computed"));
    }
    let fees: Option<UserFees> = asker.ask(&InfoRequest::UserFees { user }, urgency).await?;
    let fees = fees.map(|fees| FeeRates { taker: fees.user_cross_rate.get(), maker: fees.user_add_rate.get() });
    let requests: Option<UserRateLimit> = asker.ask(&InfoRequest::UserRateLimit { user }, urgency).await?;
    let vault = (master.is_some() || role.role == "vault").then_some(user);
    Ok(OpenedAccount { vault, collateral, valid_until, fees, requests, warnings })
}

/// The agents to look for the key among; none where it is the one without a name, of which the expiry is not listed.
async fn agents(asker: &Asker, approver: Address, signer: Address) -> Result<Option<List<Agent>>, AskError> {
    let named: List<Agent> = asker.ask(&InfoRequest::ExtraAgents { user: approver }, Urgency::Opening).await?;
    if signer == approver || named.iter().any(|agent| agent.address == signer) {
        return Ok(Some(named));
    }
    let role: UserRole = asker.ask(&InfoRequest::UserRole { user: signer }, Urgency::Opening).await?;
    let is_its_agent = role.role == "agent" && role.data.is_some_and(|data| data.user == Some(approver));
    Ok((!is_its_agent).then_some(named))
}

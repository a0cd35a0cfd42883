//! What is checked before an account trades: whose the address is, whether the agent may sign for it and until when, where the
//! collateral lies, and whether our clock is right.
//!
//! Asking with an agent's address finds an empty account and no error, and an agent that has expired is found out by the first
//! order that matters. So both are looked at first, and said in words.

use super::protocol::{Address, Agent, Millis, UserRole, WebUser};
use calypte_kernel::Timestamp;

/// How far our clock may be from the exchange's: beyond that, admission expiries mean something else than they say.
pub const DRIFT_MS_MAX: u64 = 1_000;
/// How long before its expiry an agent is warned of.
pub const AGENT_WARNING_MS: u64 = 7 * 86_400_000;

/// Why an account cannot be opened. Each says what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CannotOpen {
    /// The address is an agent's.
    #[error("{address} is an agent, not an account: give the address of the account it signs for{}", of(.account.as_ref()))]
    IsAgent {
        /// The address.
        address: Address,
        /// Whose agent it is.
        account: Option<Address>,
    },
    /// The exchange does not know the address.
    #[error("the exchange has no account {0}: deposit first, or check the network")]
    Missing(Address),
    /// The exchange says something about the address that nobody here knows.
    #[error("the exchange calls {address} a {role:?}, which cannot trade here")]
    StrangeRole {
        /// The address.
        address: Address,
        /// What it is called.
        role: String,
    },
    /// The key is no agent of the account, or not any more.
    #[error("{agent} is no agent of {account}: approve it with the account's own key")]
    NotApproved {
        /// Whose key we have.
        agent: Address,
        /// The account that would have to approve it.
        account: Address,
    },
    /// The agent may not sign any more.
    #[error("the agent {agent} expired {ago_ms} ms ago: approve a new one, with a new key")]
    Expired {
        /// Whose key we have.
        agent: Address,
        /// How long ago.
        ago_ms: u64,
    },
    /// The clocks differ.
    #[error("our clock is {drift_ms} ms {} the exchange's: set it, {DRIFT_MS_MAX} ms are allowed", if *.ahead { "ahead of" } else { "behind" })]
    ClockWrong {
        /// By how much.
        drift_ms: u64,
        /// Whether ours is ahead.
        ahead: bool,
    },
}

fn of(account: Option<&Address>) -> String {
    account.map(|account| format!(", {account}")).unwrap_or_default()
}

/// Where an account's collateral lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Collateral {
    /// With the perpetuals: their state says what there is.
    Perpetuals,
    /// Among the spot balances: the perpetuals' state shows next to nothing, and only the exchange's liquidation prices hold.
    Spot,
    /// In a mode that nobody here knows: nothing is to be computed from either.
    Unknown,
}

impl Collateral {
    /// Where it lies in an account's mode.
    pub fn of_mode(abstraction: Option<&str>) -> Self {
        match abstraction {
            None | Some("default" | "disabled") => Self::Perpetuals,
            Some("unifiedAccount" | "portfolioMargin") => Self::Spot,
            Some(_) => Self::Unknown,
        }
    }
}

/// Whether an address is an account that can trade; gives the account above it where it is a sub-account.
///
/// # Errors
/// Where it is something else.
pub fn check_role(address: Address, role: &UserRole) -> Result<Option<Address>, CannotOpen> {
    let data = role.data.as_ref();
    match role.role.as_str() {
        "user" | "vault" => Ok(None),
        "subAccount" => Ok(data.and_then(|data| data.master)),
        "agent" => Err(CannotOpen::IsAgent { address, account: data.and_then(|data| data.user) }),
        "missing" => Err(CannotOpen::Missing(address)),
        other => Err(CannotOpen::StrangeRole { address, role: other.chars().take(64).collect() }),
    }
}

/// Whether a key may sign for an account, and until when; none: for ever. The master's agents sign for its sub-accounts too, so
/// `account` is the one above where there is one.
///
/// # Errors
/// Where it may not, or not any more.
pub fn check_agent(
    now: Timestamp,
    signer: Address,
    account: Address,
    named: &[Agent],
    unnamed: Option<&WebUser>,
) -> Result<Option<Millis>, CannotOpen> {
    if signer == account {
        return Ok(None);
    }
    let found = named.iter().find(|agent| agent.address == signer).map(|agent| agent.valid_until);
    let unnamed = unnamed.filter(|user| user.agent_address == Some(signer)).map(|user| user.agent_valid_until);
    let valid_until = found.or(unnamed).ok_or(CannotOpen::NotApproved { agent: signer, account })?;
    match valid_until {
        Some(until) if until.timestamp() <= now => {
            Err(CannotOpen::Expired { agent: signer, ago_ms: now.millis_since(until.timestamp()) })
        }
        until => Ok(until),
    }
}

/// Whether an agent's expiry is near enough to be told to the trader.
pub fn expires_soon(now: Timestamp, valid_until: Option<Millis>) -> bool {
    valid_until.is_some_and(|until| until.timestamp() <= now.saturating_add(AGENT_WARNING_MS))
}

/// Whether our clock is right, as far as can be known: the exchange's time was read somewhere between asking and hearing.
///
/// # Errors
/// Where it is too far off, however long the answer was on its way.
pub fn check_clock(asked: Timestamp, heard: Timestamp, theirs: Millis) -> Result<(), CannotOpen> {
    let theirs = theirs.timestamp();
    let (ahead_ms, behind_ms) = (asked.millis_since(theirs), theirs.millis_since(heard));
    let drift_ms = ahead_ms.max(behind_ms);
    if drift_ms > DRIFT_MS_MAX {
        return Err(CannotOpen::ClockWrong { drift_ms, ahead: ahead_ms > 0 });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::protocol::parse;
    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(1_750_000_000_000 + millis)
    }

    fn millis(offset: u64) -> Millis {
        Millis::new(1_750_000_000_000 + offset).expect("a time")
    }

    fn address(byte: u8) -> Address {
        Address::from_bytes([byte; 20])
    }

    fn role(text: &str) -> Result<Option<Address>, CannotOpen> {
        check_role(address(1), &parse(text.as_bytes()).expect("a role"))
    }

    #[test]
    fn an_agents_address_is_not_an_account() {
        assert_eq!(role(r#"{"role":"user"}"#), Ok(None));
        let sub = format!(r#"{{"role":"subAccount","data":{{"master":"{}"}}}}"#, address(2));
        assert_eq!(role(&sub), Ok(Some(address(2))));
        let agent = role(&format!(r#"{{"role":"agent","data":{{"user":"{}"}}}}"#, address(3))).expect_err("an agent");
        assert!(agent.to_string().ends_with(&format!("the account it signs for, {}", address(3))), "{agent}");
        assert!(matches!(role(r#"{"role":"missing"}"#), Err(CannotOpen::Missing(_))));
        assert!(matches!(role(r#"{"role":"oracle"}"#), Err(CannotOpen::StrangeRole { .. })));
    }

    #[test]
    fn an_agent_must_be_approved_and_not_expired() {
        let agent = |valid_until| Agent { name: "engine".into(), address: address(9), valid_until };
        let check = |agents: &[Agent], web: Option<&WebUser>| check_agent(at(0), address(9), address(1), agents, web);
        assert_eq!(check(&[agent(None)], None), Ok(None));
        assert_eq!(check(&[agent(Some(millis(5)))], None), Ok(Some(millis(5))));
        assert!(matches!(check(&[agent(Some(millis(0)))], None), Err(CannotOpen::Expired { ago_ms: 0, .. })));
        assert!(matches!(check(&[], None), Err(CannotOpen::NotApproved { .. })));
        let web = format!(r#"{{"user":"{}","agentAddress":"{}","agentValidUntil":null}}"#, address(1), address(9));
        let web: WebUser = parse(web.as_bytes()).expect("an account");
        assert_eq!(check(&[], Some(&web)), Ok(None), "an agent without a name");
        assert_eq!(check_agent(at(0), address(1), address(1), &[], None), Ok(None), "the account's own key");
        assert!(expires_soon(at(0), Some(millis(86_400_000))) && !expires_soon(at(0), Some(millis(30 * 86_400_000))));
        assert!(!expires_soon(at(0), None));
    }

    #[test]
    fn a_clock_that_is_off_is_found_out_and_a_slow_answer_is_not() {
        assert_eq!(check_clock(at(0), at(5_000), millis(2_500)), Ok(()));
        assert_eq!(check_clock(at(1_000), at(1_100), millis(0)), Ok(()));
        let ahead = check_clock(at(1_001), at(1_100), millis(0)).expect_err("ahead");
        assert!(ahead.to_string().contains("1001 ms ahead of"), "{ahead}");
        let behind = check_clock(at(0), at(100), millis(1_101)).expect_err("behind");
        assert!(behind.to_string().contains("1001 ms behind the"), "{behind}");
    }

    #[test]
    fn the_mode_says_where_the_collateral_lies() {
        assert_eq!(Collateral::of_mode(Some("unifiedAccount")), Collateral::Spot);
        assert_eq!(Collateral::of_mode(Some("default")), Collateral::Perpetuals);
        assert_eq!(Collateral::of_mode(Some("novelty")), Collateral::Unknown);
    }
}

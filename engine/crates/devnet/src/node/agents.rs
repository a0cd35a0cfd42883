//! Agents: keys that may sign for an account without being it.
//!
//! One without a name and three with one for each account, two more for each of its sub-accounts. Approving a name again replaces
//! its agent at once. An agent that is gone is gone with its memory of nonces.
//!
//! <https://hyperliquid.gitbook.io/hyperliquid-docs/for-developers/api/nonces-and-api-wallets>

use calypte_venues::hyperliquid::protocol::Address;
use calypte_venues::hyperliquid::sign::AGENT_NAME_BYTES_MAX;
use std::collections::BTreeMap;

/// Named agents of an account that has no sub-accounts.
const NAMED_MAX: usize = 3;
/// Named agents that each sub-account adds.
const NAMED_FOR_EACH_SUB_ACCOUNT: usize = 2;
/// How long an agent may be valid at most, and is where nothing is said: 180 days.
const VALID_MS_MAX: u64 = 180 * 24 * 3_600_000;
/// What stands between the name of an agent and the end of its validity.
const VALID_UNTIL: &str = " valid_until ";

/// An agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KnownAgent {
    /// The account it signs for.
    pub(crate) account: Address,
    /// Its name; the one without is replaced by the next one without.
    pub(crate) name: Option<String>,
    /// The first moment at which it may sign no more.
    pub(crate) valid_until: u64,
}

/// Why an agent is not approved, in the exchange's words as far as they are known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum AgentRefused {
    /// It is somebody's agent, or an account.
    #[error("Extra agent already used.")]
    InUse,
    /// There are as many as there may be.
    #[error("Too many extra agents for cumulative volume traded. Current limit is {0}")]
    TooMany(usize),
    /// Its name is too long, or its end is none.
    #[error("Invalid agent name or validity: a name has at most {AGENT_NAME_BYTES_MAX} characters, an agent at most 180 days")]
    Name,
}

/// All agents.
#[derive(Debug, Clone, Default)]
pub(crate) struct Agents {
    by_address: BTreeMap<Address, KnownAgent>,
}

impl Agents {
    /// Approves an agent under a name as it was signed, with its end behind it. Gives the agent that it replaces.
    ///
    /// # Errors
    /// Where it is not approved.
    pub(crate) fn approve(
        &mut self,
        now: u64,
        account: Address,
        agent: Address,
        signed_name: Option<&str>,
        sub_accounts: usize,
    ) -> Result<Option<Address>, AgentRefused> {
        self.by_address.retain(|_, known| known.valid_until > now);
        let (name, valid_until) = read_name(now, signed_name.unwrap_or_default())?;
        if self.by_address.contains_key(&agent) {
            return Err(AgentRefused::InUse);
        }
        let mine = self.by_address.iter().filter(|(_, known)| known.account == account);
        let replaced = mine.clone().find(|(_, known)| known.name == name).map(|(address, _)| *address);
        let most = NAMED_MAX + NAMED_FOR_EACH_SUB_ACCOUNT * sub_accounts;
        let named = mine.filter(|(_, known)| known.name.is_some()).count();
        if replaced.is_none() && name.is_some() && named >= most {
            return Err(AgentRefused::TooMany(most));
        }
        if let Some(replaced) = replaced {
            self.by_address.remove(&replaced);
        }
        self.by_address.insert(agent, KnownAgent { account, name, valid_until });
        Ok(replaced)
    }

    /// The agent of that address, if it may sign now.
    pub(crate) fn get(&self, now: u64, agent: Address) -> Option<&KnownAgent> {
        self.by_address.get(&agent).filter(|known| known.valid_until > now)
    }

    /// The agents of an account that may sign now.
    pub(crate) fn of(&self, now: u64, account: Address) -> impl Iterator<Item = (Address, &KnownAgent)> {
        let mine = move |known: &KnownAgent| known.account == account && known.valid_until > now;
        self.by_address.iter().filter(move |(_, known)| mine(known)).map(|(address, known)| (*address, known))
    }
}

/// A name as it is signed: `name`, `name valid_until 1763800000000`, ` valid_until …` without a name, or nothing.
fn read_name(now: u64, signed: &str) -> Result<(Option<String>, u64), AgentRefused> {
    let latest = now.saturating_add(VALID_MS_MAX);
    let (name, valid_until) = match signed.split_once(VALID_UNTIL) {
        None => (signed, latest),
        Some((name, until)) => (name, until.parse().map_err(|_| AgentRefused::Name)?),
    };
    if name.len() > AGENT_NAME_BYTES_MAX || valid_until <= now || valid_until > latest {
        return Err(AgentRefused::Name);
    }
    Ok(((!name.is_empty()).then(|| name.to_owned()), valid_until))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_763_800_000_000;

    fn address(number: u8) -> Address {
        Address::from_bytes([number; 20])
    }

    #[test]
    fn one_without_a_name_and_three_with_one() {
        let mut agents = Agents::default();
        let account = address(1);
        assert_eq!(agents.approve(NOW, account, address(10), None, 0), Ok(None));
        for (number, name) in [(11, "a"), (12, "b"), (13, "c")] {
            assert_eq!(agents.approve(NOW, account, address(number), Some(name), 0), Ok(None));
        }
        let refused = agents.approve(NOW, account, address(14), Some("d"), 0).expect_err("three are there");
        assert_eq!(refused.to_string(), "Too many extra agents for cumulative volume traded. Current limit is 3");
        assert_eq!(agents.approve(NOW, account, address(14), Some("d"), 1), Ok(None), "a sub-account makes room");
        assert_eq!(agents.of(NOW, account).count(), 5);
        assert_eq!(agents.approve(NOW, address(2), address(10), None, 0), Err(AgentRefused::InUse));
    }

    #[test]
    fn a_name_is_taken_over_at_once() {
        let mut agents = Agents::default();
        agents.approve(NOW, address(1), address(10), Some("bot"), 0).expect("approved");
        assert_eq!(agents.approve(NOW, address(1), address(11), Some("bot"), 0), Ok(Some(address(10))));
        assert_eq!(agents.get(NOW, address(10)), None);
        assert_eq!(agents.get(NOW, address(11)).map(|known| known.account), Some(address(1)));
        assert_eq!(agents.approve(NOW, address(1), address(12), None, 0), Ok(None));
        assert_eq!(agents.approve(NOW, address(1), address(13), Some(""), 0), Ok(Some(address(12))), "no name is one name");
    }

    #[test]
    fn an_agent_ends_when_its_name_says() {
        let mut agents = Agents::default();
        let until = NOW + 5_000;
        agents.approve(NOW, address(1), address(10), Some(&format!("bot valid_until {until}")), 0).expect("approved");
        assert_eq!(agents.get(until - 1, address(10)).and_then(|known| known.name.as_deref()), Some("bot"));
        assert_eq!(agents.get(until, address(10)), None);
        assert_eq!(agents.approve(until, address(1), address(11), Some("bot"), 0), Ok(None), "nothing is left to replace");
        assert_eq!(agents.get(until, address(11)).map(|known| known.valid_until), Some(until + VALID_MS_MAX));
        let too_late = NOW + VALID_MS_MAX + 1;
        for name in ["seventeen letters", "a valid_until soon", "a valid_until 5", &format!(" valid_until {too_late}")] {
            assert_eq!(agents.approve(NOW, address(1), address(20), Some(name), 0), Err(AgentRefused::Name), "{name}");
        }
    }
}

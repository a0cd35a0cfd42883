//! Signed actions: who signed, whether they may, whether the nonce is new and the budget not spent; then the exchange looks at them.
//!
//! ```text
//!   bytes ──► action, repacked ──► hash ──► signer ──► agent? ──► account ──► sub-account? ──► nonce ──► budget ──► exchange
//! ```
//!
//! The action is hashed as it was understood, not as it was sent: numbers that are not in their shortest form, an address in mixed
//! case or a key with null where there should be none make another hash, and so a stranger of the signer.
//!
//! <https://hyperliquid.gitbook.io/hyperliquid-docs/for-developers/api/exchange-endpoint>

use super::request::{Lane, Reply};
use super::{Node, SubAccount};
use crate::faults::Target;
use calypte_venues::hyperliquid::protocol::{
    Action, Address, Answer, ApproveAgent, BATCH_MAX, Envelope, Millis, Response, SignatureWire,
};
use calypte_venues::hyperliquid::sign::{Signature, Terms, agent_digest, approve_agent_digest, connection_id, recover};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::net::IpAddr;

/// Most sub-accounts of an account.
const SUB_ACCOUNTS_MAX: usize = 10;
/// Longest name of a sub-account.
const SUB_ACCOUNT_NAME_BYTES_MAX: usize = 16;
/// Entries of a batch that add one to its weight.
const ENTRIES_FOR_EACH_WEIGHT: usize = 40;

/// An action that does not trade.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase")]
enum Household {
    /// Makes a sub-account of the signer's account.
    CreateSubAccount {
        /// Its name.
        name: String,
    },
}

/// A signed action, by who takes it.
enum Signed {
    Trade(Envelope<Action>),
    ApproveAgent(Envelope<ApproveAgent>),
    Household(Envelope<Household>),
}

impl Signed {
    fn read(value: &Value) -> Option<Self> {
        let trade = || Envelope::deserialize(value).map(Self::Trade).ok();
        let approve = || Envelope::deserialize(value).map(Self::ApproveAgent).ok();
        let household = || Envelope::deserialize(value).map(Self::Household).ok();
        trade().or_else(approve).or_else(household)
    }

    fn entries(&self) -> usize {
        if let Self::Trade(envelope) = self { envelope.action.entries() } else { 1 }
    }
}

/// Why a sub-account cannot be made, in the exchange's words as far as they are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SubAccountRefused {
    /// Its name is none.
    #[error("Invalid sub-account name: it has 1 to {SUB_ACCOUNT_NAME_BYTES_MAX} characters")]
    Name,
    /// Its master has no money.
    #[error("Must deposit before performing actions. User: {0}")]
    NotFunded(Address),
    /// There are as many as there may be.
    #[error("Too many sub-accounts.")]
    TooMany,
}

/// Why an action is refused as a whole.
struct Refused(String);

impl<E: std::error::Error> From<E> for Refused {
    fn from(error: E) -> Self {
        Self(error.to_string())
    }
}

/// Who acts.
struct Actor {
    /// Whose nonces count.
    signer: Address,
    /// The account that signed, itself or through its agent.
    master: Address,
    /// The account that is acted for.
    account: Address,
}

impl Node {
    /// Takes a signed action.
    pub(super) fn act(&mut self, from: IpAddr, mut value: Value, lane: Lane) -> Reply {
        let name = value["action"]["type"].as_str().unwrap_or_default().to_owned();
        if let Some(address) = value.get_mut("vaultAddress") {
            add_prefix(address);
        }
        let Some(signed) = Signed::read(&value) else { return Reply::Unreadable };
        let target = Target { name: &name, channel: lane.channel(), user: None };
        if let Some(struck) = self.struck_before(target) {
            return struck;
        }
        if !self.sources.take_weight(self.now, from, 1 + (signed.entries() / ENTRIES_FOR_EACH_WEIGHT) as u64) {
            return Reply::Refused(429);
        }
        let body = match &signed {
            Signed::Trade(envelope) => self.trade(envelope),
            Signed::ApproveAgent(envelope) => self.approve_agent(envelope),
            Signed::Household(envelope) => self.keep_house(envelope),
        };
        let body = body.unwrap_or_else(|Refused(words)| json!({ "status": "err", "response": words }));
        self.tell();
        self.struck_after(target, body, lane)
    }

    fn trade(&mut self, envelope: &Envelope<Action>) -> Result<Value, Refused> {
        let actor = self.actor(envelope)?;
        if envelope.action.entries() > BATCH_MAX {
            return Err(Refused(format!("Signed action over weight limit of {BATCH_MAX}.")));
        }
        self.nonces.entry(actor.signer).or_default().check(self.now, envelope.nonce)?;
        let volume = self.exchange.volume(actor.account);
        self.budgets.take(self.now, actor.account, &envelope.action, volume)?;
        self.take_nonce(&actor, envelope.nonce);
        if envelope.expires_after.is_some_and(|expires_after| expires_after < self.now) {
            self.budgets.charge(actor.account, super::budgets::STALE_COST - 1);
            return Err(Refused("Action expired.".to_owned()));
        }
        let answer = self.exchange.act(actor.account, &self.on_market_time(&envelope.action), None);
        if let (Action::ReserveRequestWeight { weight }, Answer::Ok(_)) = (&envelope.action, &answer) {
            self.budgets.buy(actor.account, *weight);
        }
        Ok(json!(answer))
    }

    /// The times in an action are those of the wire.
    fn on_market_time(&self, action: &Action) -> Action {
        match action {
            Action::ScheduleCancel { time: Some(time) } => {
                Action::ScheduleCancel { time: Some(self.clock.as_far_from(self.now, *time)) }
            }
            other => other.clone(),
        }
    }

    fn keep_house(&mut self, envelope: &Envelope<Household>) -> Result<Value, Refused> {
        let actor = self.actor(envelope)?;
        self.nonces.entry(actor.signer).or_default().check(self.now, envelope.nonce)?;
        self.take_nonce(&actor, envelope.nonce);
        let Household::CreateSubAccount { name } = &envelope.action;
        let address = self.create_sub_account(actor.master, name)?;
        Ok(json!({ "status": "ok", "response": { "type": "createSubAccount", "data": address } }))
    }

    /// Makes a sub-account.
    ///
    /// # Errors
    /// Where it cannot be made.
    pub(super) fn create_sub_account(&mut self, master: Address, name: &str) -> Result<Address, SubAccountRefused> {
        if name.is_empty() || name.len() > SUB_ACCOUNT_NAME_BYTES_MAX {
            return Err(SubAccountRefused::Name);
        }
        if !self.exchange.has_account(master) {
            return Err(SubAccountRefused::NotFunded(master));
        }
        let mine = self.sub_accounts.values().filter(|sub_account| sub_account.master == master).count();
        if mine >= SUB_ACCOUNTS_MAX {
            return Err(SubAccountRefused::TooMany);
        }
        // Nobody has a key of it: it is no hash of one.
        let mut bytes = *master.as_bytes();
        bytes[..8].copy_from_slice(&(0x5ab0_acc0_0000_0000 + self.sub_accounts.len() as u64).to_be_bytes());
        let address = Address::from_bytes(bytes);
        self.sub_accounts.insert(address, SubAccount { master, name: name.to_owned() });
        Ok(address)
    }

    fn approve_agent(&mut self, envelope: &Envelope<ApproveAgent>) -> Result<Value, Refused> {
        let ours = ApproveAgent { hyperliquid_chain: self.network.chain().to_owned(), ..envelope.action.clone() };
        let digest = approve_agent_digest(&ours).ok_or_else(unrecoverable)?;
        let signer = recovered(digest, &envelope.signature)?;
        if envelope.vault_address.is_some() || envelope.expires_after.is_some() {
            return Err(Refused("Vault may not perform this action.".to_owned()));
        }
        if !self.is_account(signer) {
            return Err(Refused(must_deposit(signer)));
        }
        if envelope.action.nonce != envelope.nonce {
            let words = format!("Invalid nonce: the action has {}, its envelope {}", envelope.action.nonce, envelope.nonce);
            return Err(Refused(words));
        }
        self.nonces.entry(signer).or_default().check(self.now, envelope.nonce)?;
        let agent = envelope.action.agent_address;
        if self.exchange.has_account(agent) {
            return Err(Refused(super::agents::AgentRefused::InUse.to_string()));
        }
        self.take_nonce(&Actor { signer, master: signer, account: signer }, envelope.nonce);
        let sub_accounts = self.sub_accounts.values().filter(|sub_account| sub_account.master == signer).count();
        let replaced = self.agents.approve(self.now, signer, agent, envelope.action.agent_name.as_deref(), sub_accounts)?;
        if let Some(replaced) = replaced {
            self.nonces.remove(&replaced);
        }
        Ok(json!(Answer::Ok(Response { kind: "default".to_owned(), data: None })))
    }

    /// Who signed, and for whom.
    fn actor<A: Serialize>(&mut self, envelope: &Envelope<A>) -> Result<Actor, Refused> {
        let expires_after = match envelope.expires_after {
            None => None,
            Some(expiry) => Some(Millis::new(expiry).ok_or_else(unrecoverable)?),
        };
        let terms = Terms { nonce: envelope.nonce, vault: envelope.vault_address, expires_after };
        let id = connection_id(&envelope.action, &terms).map_err(|_| unrecoverable())?;
        let signer = recovered(agent_digest(self.network, id), &envelope.signature)?;
        let master = match self.agents.get(self.now, signer).map(|agent| agent.account) {
            Some(account) => account,
            None if self.is_account(signer) => signer,
            None => return Err(Refused(format!("User or API Wallet {signer} does not exist."))),
        };
        let account = match envelope.vault_address {
            None => master,
            Some(vault) if self.sub_accounts.get(&vault).is_some_and(|sub_account| sub_account.master == master) => vault,
            Some(vault) => return Err(Refused(format!("Vault not registered: {vault}"))),
        };
        Ok(Actor { signer, master, account })
    }

    /// Whether an address is an account. Where strangers are welcome, it becomes one.
    fn is_account(&mut self, address: Address) -> bool {
        if self.exchange.has_account(address) {
            return true;
        }
        self.welcome.is_some_and(|money| self.exchange.deposit(address, money).is_ok())
    }

    fn take_nonce(&mut self, actor: &Actor, nonce: u64) {
        self.nonces.entry(actor.signer).or_default().take(nonce);
    }
}

fn recovered(digest: [u8; 32], signature: &SignatureWire) -> Result<Address, Refused> {
    Signature::from_wire(signature).and_then(|signature| recover(digest, &signature)).ok_or_else(unrecoverable)
}

fn unrecoverable() -> Refused {
    Refused("Unable to recover signer.".to_owned())
}

fn must_deposit(user: Address) -> String {
    format!("Must deposit before performing actions. User: {user}")
}

/// Some clients leave the `0x` of an account away.
fn add_prefix(address: &mut Value) {
    if let Value::String(text) = address
        && !text.starts_with("0x")
    {
        *text = format!("0x{text}");
    }
}

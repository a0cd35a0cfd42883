//! Signatures: over the hash of an action (what agents may sign), and over fields (what only the master key may).
//!
//! ```text
//!   action ──MessagePack──► bytes, nonce, account, expiry ──keccak──► connection id
//!     Agent { source, connection id } ──EIP-712──► digest ──secp256k1──► r, s, v
//! ```
//!
//! A wrong hash makes a *valid* signature of somebody else: the exchange then names an address that changes with each try.
//!
//! <https://hyperliquid.gitbook.io/hyperliquid-docs/for-developers/api/signing>

mod key;
mod nonce;
mod typed;

pub use key::{NotAKey, SecretKey, Signature, recover};
pub use nonce::{NONCE_AHEAD_MS, Nonces, NoncesError};
pub use typed::{Field, TypedData};

use super::protocol::{Action, Address, ApproveAgent, ApproveAgentTag, Envelope, Millis};
use serde::Serialize;
use sha3::{Digest as _, Keccak256};

/// Longest name of an agent.
pub const AGENT_NAME_BYTES_MAX: usize = 16;

/// Which of the exchange's networks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Network {
    /// Where money is money.
    Mainnet,
    /// Where it is not.
    Testnet,
}

impl Network {
    /// Its letter in signatures of actions.
    const fn source(self) -> &'static str {
        match self {
            Self::Mainnet => "a",
            Self::Testnet => "b",
        }
    }

    /// Its name in actions that are signed as fields.
    pub const fn chain(self) -> &'static str {
        match self {
            Self::Mainnet => "Mainnet",
            Self::Testnet => "Testnet",
        }
    }
}

/// What goes into a hash beside the action.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    /// The nonce.
    pub nonce: u64,
    /// The sub-account or vault it is done for; none: the signer's own account.
    pub vault: Option<Address>,
    /// Block time after which it is refused.
    pub expires_after: Option<Millis>,
}

/// The hash of an action with its terms.
///
/// # Errors
/// Where the action cannot be written as MessagePack, which none of ours does.
pub fn connection_id(action: &impl Serialize, terms: &Terms) -> Result<[u8; 32], rmp_serde::encode::Error> {
    Ok(hash_packed(&rmp_serde::to_vec_named(action)?, terms))
}

fn hash_packed(packed: &[u8], terms: &Terms) -> [u8; 32] {
    let mut hash = Keccak256::new();
    hash.update(packed);
    hash.update(terms.nonce.to_be_bytes());
    match terms.vault {
        None => hash.update([0]),
        Some(vault) => {
            hash.update([1]);
            hash.update(vault.as_bytes());
        }
    }
    if let Some(expiry) = terms.expires_after {
        hash.update([0]);
        hash.update(expiry.get().to_be_bytes());
    }
    hash.finalize().into()
}

/// What is signed of an action whose hash is known.
pub fn agent_digest(network: Network, connection_id: [u8; 32]) -> [u8; 32] {
    let fields = [("source", Field::Text(network.source())), ("connectionId", Field::Hash(connection_id))];
    TypedData { domain: "Exchange", chain_id: 1337, primary_type: "Agent", fields: &fields }.digest()
}

/// Signs an action.
///
/// # Panics
/// Never: each of our actions can be written as MessagePack, which a test holds.
pub fn sign_action(key: &SecretKey, network: Network, action: Action, terms: Terms) -> Envelope {
    let id = connection_id(&action, &terms).expect("actions are maps of texts and numbers");
    let signature = key.sign(agent_digest(network, id)).wire();
    let expires_after = terms.expires_after.map(Millis::get);
    Envelope { action, nonce: terms.nonce, signature, vault_address: terms.vault, expires_after }
}

/// Who signed an action, as the exchange finds out: the address that the signature gives, be it the right one or not.
pub fn signer_of(network: Network, envelope: &Envelope) -> Option<Address> {
    let expires_after = envelope.expires_after.map(Millis::new);
    let expires_after = match expires_after {
        Some(None) => return None,
        known => known.flatten(),
    };
    let terms = Terms { nonce: envelope.nonce, vault: envelope.vault_address, expires_after };
    let id = connection_id(&envelope.action, &terms).ok()?;
    recover(agent_digest(network, id), &Signature::from_wire(&envelope.signature)?)
}

/// What is signed to approve an agent.
pub fn approve_agent_digest(action: &ApproveAgent) -> Option<[u8; 32]> {
    let chain_id = u64::from_str_radix(action.signature_chain_id.strip_prefix("0x")?, 16).ok()?;
    let fields = [
        ("hyperliquidChain", Field::Text(&action.hyperliquid_chain)),
        ("agentAddress", Field::Address(action.agent_address)),
        ("agentName", Field::Text(action.agent_name.as_deref().unwrap_or_default())),
        ("nonce", Field::Number(action.nonce)),
    ];
    let primary_type = "HyperliquidTransaction:ApproveAgent";
    Some(TypedData { domain: "HyperliquidSignTransaction", chain_id, primary_type, fields: &fields }.digest())
}

/// Approves an agent. Only the master key may, which no part of the engine needs: a trader can do the same in their own wallet.
///
/// None where the name is too long.
pub fn approve_agent(
    master: &SecretKey,
    network: Network,
    agent: Address,
    name: Option<&str>,
    valid_until: Option<Millis>,
    nonce: u64,
) -> Option<Envelope<ApproveAgent>> {
    if name.is_some_and(|name| name.is_empty() || name.len() > AGENT_NAME_BYTES_MAX) {
        return None;
    }
    let agent_name = match (name, valid_until) {
        (name, None) => name.map(str::to_owned),
        (name, Some(until)) => Some(format!("{} valid_until {}", name.unwrap_or_default(), until.get())),
    };
    let action = ApproveAgent {
        kind: ApproveAgentTag::ApproveAgent,
        hyperliquid_chain: network.chain().to_owned(),
        signature_chain_id: "0x66eee".to_owned(),
        agent_address: agent,
        agent_name,
        nonce,
    };
    let signature = master.sign(approve_agent_digest(&action)?).wire();
    Some(Envelope { action, nonce, signature, vault_address: None, expires_after: None })
}

#[cfg(test)]
mod tests;

//! Typed structured data (EIP-712), as far as the exchange uses it: one flat struct of a few kinds of field.
//!
//! <https://eips.ethereum.org/EIPS/eip-712>

use crate::hyperliquid::protocol::Address;
use sha3::{Digest as _, Keccak256};

/// A field of the struct.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field<'a> {
    /// `string`.
    Text(&'a str),
    /// `address`.
    Address(Address),
    /// `uint64`.
    Number(u64),
    /// `bool`.
    Flag(bool),
    /// `bytes32`.
    Hash([u8; 32]),
}

impl Field<'_> {
    const fn kind(&self) -> &'static str {
        match self {
            Self::Text(_) => "string",
            Self::Address(_) => "address",
            Self::Number(_) => "uint64",
            Self::Flag(_) => "bool",
            Self::Hash(_) => "bytes32",
        }
    }

    fn word(&self) -> [u8; 32] {
        let mut word = [0; 32];
        match self {
            Self::Text(text) => word = keccak(text.as_bytes()),
            Self::Address(address) => word[12..].copy_from_slice(address.as_bytes()),
            Self::Number(number) => word[24..].copy_from_slice(&number.to_be_bytes()),
            Self::Flag(flag) => word[31] = u8::from(*flag),
            Self::Hash(hash) => word = *hash,
        }
        word
    }
}

/// A struct in its domain, of version 1 and without a contract.
#[derive(Debug, Clone, Copy)]
pub struct TypedData<'a> {
    /// Name of the domain.
    pub domain: &'a str,
    /// Its chain.
    pub chain_id: u64,
    /// Name of the struct.
    pub primary_type: &'a str,
    /// Its fields in their order, by name.
    pub fields: &'a [(&'a str, Field<'a>)],
}

impl TypedData<'_> {
    /// What is signed.
    pub fn digest(&self) -> [u8; 32] {
        let members: Vec<_> = self.fields.iter().map(|(name, field)| format!("{} {name}", field.kind())).collect();
        let mut hash = Keccak256::new();
        hash.update(keccak(format!("{}({})", self.primary_type, members.join(",")).as_bytes()));
        for (_, field) in self.fields {
            hash.update(field.word());
        }
        let content: [u8; 32] = hash.finalize().into();
        keccak(&[&[0x19, 0x01], &self.domain_separator()[..], &content].concat())
    }

    /// The hash of the domain.
    pub fn domain_separator(&self) -> [u8; 32] {
        const TYPE: &[u8] = b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)";
        let contract = Field::Address(Address::from_bytes([0; 20]));
        let name = keccak(self.domain.as_bytes());
        let words = [keccak(TYPE), name, keccak(b"1"), Field::Number(self.chain_id).word(), contract.word()];
        keccak(&words.concat())
    }
}

pub(super) fn keccak(bytes: &[u8]) -> [u8; 32] {
    Keccak256::digest(bytes).into()
}

//! Keys and signatures.
//!
//! A key is wiped from memory when it is dropped, cannot be doubled, and shows its address in place of itself.

use super::typed::keccak;
use crate::hyperliquid::protocol::{Address, SignatureWire, hex};
use k256::ecdsa::{RecoveryId, SigningKey, VerifyingKey};
use std::fmt;
use zeroize::Zeroizing;

/// A secret key. Not to be copied, compared, shown or written.
pub struct SecretKey {
    key: SigningKey,
    address: Address,
}

/// A text that is no secret key. It does not say which text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a secret key: it is 0x and 64 hexadecimal digits, not zero and below the order of secp256k1")]
pub struct NotAKey;

impl SecretKey {
    /// Reads a key, with or without `0x`. Whoever has the text should wipe it.
    ///
    /// # Errors
    /// Where it is no key.
    pub fn read(text: &str) -> Result<Self, NotAKey> {
        let text = text.trim();
        let prefixed = Zeroizing::new(if text.starts_with("0x") { String::new() } else { format!("0x{text}") });
        let bytes = hex(if prefixed.is_empty() { text } else { &prefixed }).map(Zeroizing::new).ok_or(NotAKey)?;
        Self::from_bytes(&bytes)
    }

    /// From its bytes.
    ///
    /// # Errors
    /// Where they are no key.
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self, NotAKey> {
        let key = SigningKey::from_slice(bytes).map_err(|_| NotAKey)?;
        let address = address_of(key.verifying_key());
        Ok(Self { key, address })
    }

    /// The address whose signatures it makes.
    pub const fn address(&self) -> Address {
        self.address
    }

    /// Signs a digest. The same digest gives the same signature (RFC 6979), in its low form.
    pub fn sign(&self, digest: [u8; 32]) -> Signature {
        let (signature, recovery) = self.key.sign_prehash_recoverable(&digest);
        Signature { rs: signature.to_bytes().into(), v: 27 + u8::from(recovery.is_y_odd()) }
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "SecretKey(of {})", self.address)
    }
}

/// A signature from which its signer can be recovered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Signature {
    rs: [u8; 64],
    v: u8,
}

impl Signature {
    /// As it stands beside an action: both halves padded to 64 digits.
    pub fn wire(&self) -> SignatureWire {
        let digits = |half: &[u8]| half.iter().fold("0x".to_owned(), |text, byte| format!("{text}{byte:02x}"));
        SignatureWire { r: digits(&self.rs[..32]), s: digits(&self.rs[32..]), v: self.v }
    }

    /// Reads a signature, its halves padded or not; none where it is none.
    pub fn from_wire(wire: &SignatureWire) -> Option<Self> {
        let half = |text: &str| hex::<32>(&format!("0x{:0>64}", text.strip_prefix("0x")?));
        let mut rs = [0; 64];
        rs[..32].copy_from_slice(&half(&wire.r)?);
        rs[32..].copy_from_slice(&half(&wire.s)?);
        matches!(wire.v, 27 | 28).then_some(Self { rs, v: wire.v })
    }
}

/// Whose signature of a digest it is; none where it is nobody's.
pub fn recover(digest: [u8; 32], signature: &Signature) -> Option<Address> {
    let rs = k256::ecdsa::Signature::from_slice(&signature.rs).ok()?;
    let recovery = RecoveryId::new(signature.v == 28, false);
    VerifyingKey::recover_from_prehash(&digest, &rs, recovery).ok().map(|key| address_of(&key))
}

fn address_of(key: &VerifyingKey) -> Address {
    let point = key.to_sec1_point(false);
    let hash = keccak(&point.as_bytes()[1..]);
    let mut bytes = [0; 20];
    bytes.copy_from_slice(&hash[12..]);
    Address::from_bytes(bytes)
}

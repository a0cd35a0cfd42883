//! Nonces of signers: any order, never twice, and only near the clock.
//!
//! The exchange keeps the highest nonces of each signer. A new one must be unused, above the smallest that is kept, and lie within
//! a window around the time.
//!
//! <https://hyperliquid.gitbook.io/hyperliquid-docs/for-developers/api/nonces-and-api-wallets>

use std::collections::BTreeSet;

/// How many nonces are remembered of each signer.
const KEPT: usize = 100;
/// How far a nonce may lie in the past, in milliseconds.
const BEHIND_MS: u64 = 2 * 24 * 3_600_000;
/// How far a nonce may lie in the future, in milliseconds.
const AHEAD_MS: u64 = 24 * 3_600_000;

/// Why a nonce is refused, in the exchange's words as far as they are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NonceRefused {
    /// It was used.
    #[error("Invalid nonce: duplicate nonce {0}")]
    Duplicate(u64),
    /// It is not above the smallest of those kept.
    #[error("Invalid nonce: {nonce} is not above the smallest of the last nonces, {smallest}")]
    TooLow {
        /// The nonce.
        nonce: u64,
        /// The smallest that is kept.
        smallest: u64,
    },
    /// It lies too far from the time.
    #[error("Invalid nonce: {nonce} is too far from the block time {now}")]
    OffClock {
        /// The nonce.
        nonce: u64,
        /// The time.
        now: u64,
    },
}

/// The highest nonces of one signer.
#[derive(Debug, Clone, Default)]
pub(crate) struct NonceMemory {
    kept: BTreeSet<u64>,
}

impl NonceMemory {
    /// Whether a nonce would be taken now.
    ///
    /// # Errors
    /// Where it would not.
    pub(crate) fn check(&self, now: u64, nonce: u64) -> Result<(), NonceRefused> {
        if self.kept.contains(&nonce) {
            return Err(NonceRefused::Duplicate(nonce));
        }
        if nonce <= now.saturating_sub(BEHIND_MS) || nonce >= now.saturating_add(AHEAD_MS) {
            return Err(NonceRefused::OffClock { nonce, now });
        }
        match self.kept.first() {
            Some(&smallest) if self.kept.len() >= KEPT && nonce < smallest => Err(NonceRefused::TooLow { nonce, smallest }),
            _ => Ok(()),
        }
    }

    /// Takes a nonce that [`Self::check`] let through.
    pub(crate) fn take(&mut self, nonce: u64) {
        self.kept.insert(nonce);
        if self.kept.len() > KEPT {
            self.kept.pop_first();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_763_800_000_000;

    #[test]
    fn order_does_not_matter_and_uniqueness_does() {
        let mut memory = NonceMemory::default();
        for nonce in [NOW, NOW - 5, NOW + 3] {
            assert_eq!(memory.check(NOW, nonce), Ok(()));
            memory.take(nonce);
        }
        let words = memory.check(NOW, NOW - 5).expect_err("it was used").to_string();
        assert_eq!(words, format!("Invalid nonce: duplicate nonce {}", NOW - 5));
    }

    #[test]
    fn the_window_is_two_days_back_and_one_ahead() {
        let memory = NonceMemory::default();
        assert_eq!(memory.check(NOW, NOW - BEHIND_MS + 1), Ok(()));
        assert_eq!(memory.check(NOW, NOW + AHEAD_MS - 1), Ok(()));
        for nonce in [0, NOW - BEHIND_MS, NOW + AHEAD_MS, u64::MAX] {
            assert_eq!(memory.check(NOW, nonce), Err(NonceRefused::OffClock { nonce, now: NOW }));
        }
    }

    #[test]
    fn a_hundred_are_kept_and_none_below_them_is_taken() {
        let mut memory = NonceMemory::default();
        for nonce in NOW..NOW + 100 {
            memory.take(nonce);
        }
        assert_eq!(memory.check(NOW, NOW - 1), Err(NonceRefused::TooLow { nonce: NOW - 1, smallest: NOW }));
        memory.take(NOW + 100);
        assert_eq!(memory.kept.len(), KEPT);
        assert!(memory.check(NOW, NOW).is_err(), "what is forgotten is not taken again either");
    }
}

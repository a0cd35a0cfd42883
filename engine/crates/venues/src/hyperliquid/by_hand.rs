//! What a trader does by hand, and no core asks for: approving an agent, and moving the collateral of an isolated position.
//!
//! Each is one request whose outcome is told at once. Where no answer came, that is said, and nothing is sent again.

use super::account::Signer;
use super::ask::{AskError, Asker, may_have_run};
use super::assets::Asset;
use super::budget::{Refused, Urgency};
use super::protocol::{Action, Answer, ApproveAgent, EntryStatus, Envelope, Millis};
use super::sign::{NoncesError, Terms, sign_action};
use calypte_kernel::{Decimal, Timestamp};
use rust_decimal::prelude::ToPrimitive as _;
use serde::Serialize;

/// Millionths of a dollar in a dollar.
const MILLIONTHS: Decimal = Decimal::from_parts(1_000_000, 0, 0, false, 0);

/// Why it was not done.
#[derive(Debug, thiserror::Error)]
pub enum ByHandError {
    /// It cannot be said to the exchange.
    #[error("{0} dollars are not a whole number of millionths, or none at all, or too many")]
    Amount(Decimal),
    /// Nothing may be signed.
    #[error(transparent)]
    Nonce(#[from] NoncesError),
    /// It was not sent: there is no budget for it now.
    #[error(transparent)]
    NoBudget(#[from] Refused),
    /// It did not get through: safe to try again.
    #[error("not sent: {0}")]
    NotSent(AskError),
    /// Whether it was done is unknown: look before anything else is done.
    #[error("whether it was done is unknown: {0}")]
    Unknown(AskError),
    /// The exchange refused it, in its words.
    #[error("the exchange refused it: {0}")]
    Refused(String),
}

/// Sends the approval of an agent, as [`approve_agent`](super::sign::approve_agent) signed it.
///
/// # Errors
/// Where it was refused, or nobody knows.
pub async fn approve(asker: &Asker, approval: &Envelope<ApproveAgent>) -> Result<(), ByHandError> {
    send(asker, approval).await
}

/// Adds dollars to the collateral of an isolated position, or takes them out where they are negative.
///
/// # Errors
/// Where the amount cannot be said, it was refused, or nobody knows.
pub async fn move_margin(
    asker: &Asker,
    signer: &mut Signer,
    asset: &Asset,
    dollars: Decimal,
    expires_after: Timestamp,
) -> Result<(), ByHandError> {
    let action = margin_action(asset, dollars)?;
    let now_ms = u64::try_from(asker.ambient.now().as_millis()).unwrap_or_default();
    let nonce = signer.nonces.next(now_ms)?;
    let terms = Terms { nonce, vault: signer.vault, expires_after: Millis::try_from(expires_after).ok() };
    send(asker, &sign_action(&signer.key, signer.network, action, terms)).await
}

/// The action: its amount is a whole number of millionths of a dollar, and nothing is rounded.
pub(super) fn margin_action(asset: &Asset, dollars: Decimal) -> Result<Action, ByHandError> {
    let millionths = dollars.checked_mul(MILLIONTHS).filter(|amount| amount.is_integer() && !amount.is_zero());
    let ntli = millionths.and_then(|amount| amount.to_i64()).ok_or(ByHandError::Amount(dollars))?;
    Ok(Action::UpdateIsolatedMargin { asset: asset.number, is_buy: true, ntli })
}

async fn send(asker: &Asker, envelope: &impl Serialize) -> Result<(), ByHandError> {
    asker.egress().act(asker.ambient.now(), 1, Urgency::Opening)?;
    match asker.act(envelope).await {
        Ok(Answer::Err(words)) => Err(ByHandError::Refused(words)),
        Ok(Answer::Ok(response)) => {
            let statuses = response.data.map(|data| data.statuses).unwrap_or_default();
            let refused = statuses.iter().find_map(|status| match status {
                EntryStatus::Error(words) => Some(words.clone()),
                _ => None,
            });
            refused.map_or(Ok(()), |words| Err(ByHandError::Refused(words)))
        }
        Err(error) if may_have_run(&error) => Err(ByHandError::Unknown(error)),
        Err(error) => Err(ByHandError::NotSent(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hyperliquid::tests::assets;

    #[test]
    fn collateral_moves_in_millionths_and_is_never_rounded() {
        let assets = assets();
        let asset = assets.of_coin("kPEP").expect("it is the account's");
        let action = |text: &str| margin_action(asset, text.parse().expect("a number"));
        let ntli = |text: &str| match action(text).expect(text) {
            Action::UpdateIsolatedMargin { asset: 2, is_buy: true, ntli } => ntli,
            other => panic!("{other:?}"),
        };
        assert_eq!((ntli("12.5"), ntli("-0.000001")), (12_500_000, -1));
        for text in ["0", "0.0000001", "9223372036855", "79228162514264337593543950335"] {
            assert!(matches!(action(text), Err(ByHandError::Amount(_))), "{text}");
        }
    }
}

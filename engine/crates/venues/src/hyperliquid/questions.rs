//! Questions that take several requests: what an account is, everything about it at once, and what became of orders.
//!
//! Each answer is true as of a time of the exchange's that was read before anything else of it: whatever is younger than that may
//! be missing, and whatever is older may not.

mod doubts;
mod opening;
mod snapshot;

pub use doubts::{DOUBTS_MAX, Doubt, doubts};
pub use opening::{Account, OpenError, OpenedAccount, listed, open_account, open_market};
pub use snapshot::{Found, leverage, snapshot};

use super::ask::{AskError, Asker};
use super::budget::Urgency;
use super::opening::{CannotOpen, check_clock};
use super::protocol::{Address, ExchangeStatus, FILLS_MAX, Fill, InfoRequest, Millis};
use calypte_kernel::Timestamp;

/// Most pages of fills that are read at once: the exchange has no more than 10 000 of an account.
const FILL_PAGES_MAX: usize = 6;

/// The exchange's time.
async fn time(asker: &Asker, urgency: Urgency) -> Result<Millis, AskError> {
    asker.ask::<ExchangeStatus>(&InfoRequest::ExchangeStatus, urgency).await.map(|status| status.time)
}

/// Whether our clock is right.
///
/// # Errors
/// Where the exchange does not say its time.
pub async fn clock(asker: &Asker) -> Result<Result<(), CannotOpen>, AskError> {
    let asked = asker.ambient.now();
    let theirs = time(asker, Urgency::Opening).await?;
    Ok(check_clock(asked, asker.ambient.now(), theirs))
}

/// The account's fills from a time on, oldest first. Some may come twice.
async fn fills(asker: &Asker, user: Address, since: Timestamp, urgency: Urgency) -> Result<Vec<Fill>, AskError> {
    let mut start_time = Millis::try_from(since.max(Timestamp::default())).unwrap_or_default();
    let mut fills: Vec<Fill> = Vec::new();
    for _ in 0..FILL_PAGES_MAX {
        let request = InfoRequest::UserFillsByTime { user, start_time, end_time: None };
        let page = asker.rows::<Fill>(&request, urgency).await?;
        if page.unreadable > 0 || page.iter().any(|fill| fill.tid.is_none()) {
            return Err(AskError::NotWhole("a fill cannot be read"));
        }
        let (count, newest) = (page.len(), page.iter().map(|fill| fill.time).max());
        fills.extend(page.rows);
        match newest {
            Some(newest) if count >= FILLS_MAX && newest > start_time => start_time = newest,
            Some(_) if count >= FILLS_MAX => {
                return Err(AskError::NotWhole("more fills of one millisecond than one page holds"));
            }
            _ => {
                fills.sort_by_key(|fill| fill.time);
                return Ok(fills);
            }
        }
    }
    Err(AskError::NotWhole("more fills than the exchange keeps"))
}

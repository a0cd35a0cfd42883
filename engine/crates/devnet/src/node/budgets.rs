//! Budgets of accounts: so many requests, and one more for each dollar traded.
//!
//! Only actions count, each entry of a batch for itself. Cancels have more room, so that orders can always be taken away. Once it is
//! spent, one request in ten seconds is let through; what is refused costs nothing.
//!
//! <https://hyperliquid.gitbook.io/hyperliquid-docs/for-developers/api/rate-limits-and-user-limits>

use calypte_kernel::Decimal;
use calypte_venues::hyperliquid::protocol::{Action, Address, Number, UserRateLimit};
use std::collections::BTreeMap;

/// Requests of an account that never traded.
pub(crate) const REQUESTS_BASE: u64 = 10_000;
/// How much more room cancels have at most.
const CANCELS_MORE: u64 = 100_000;
/// Once the budget is spent, one request in so long.
const SPENT_INTERVAL_MS: u64 = 10_000;
/// What an action costs that came after its expiry.
pub(crate) const STALE_COST: u64 = 5;

/// A budget is spent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "Too many cumulative requests sent ({asked} > {cap}) for cumulative volume traded ${volume}. Place taker orders to free up 1 \
     request per USDC traded."
)]
pub(crate) struct BudgetSpent {
    asked: u64,
    cap: u64,
    volume: Number,
}

#[derive(Debug, Clone, Copy, Default)]
struct Used {
    requests: u64,
    bought: u64,
    /// When the last one was let through beyond the budget.
    beyond_at: Option<u64>,
}

/// The budgets of all accounts.
#[derive(Debug, Default)]
pub(crate) struct Budgets {
    by_account: BTreeMap<Address, Used>,
}

impl Budgets {
    /// Takes the requests of an action.
    ///
    /// # Errors
    /// Where the budget is spent.
    pub(crate) fn take(&mut self, now: u64, account: Address, action: &Action, volume: Decimal) -> Result<(), BudgetSpent> {
        let entries = action.entries().max(1) as u64;
        let used = self.by_account.entry(account).or_default();
        let cap = cap(volume).saturating_add(used.bought);
        let room = if matches!(action, Action::Cancel { .. } | Action::CancelByCloid { .. }) {
            cap.saturating_add(CANCELS_MORE).min(cap.saturating_mul(2))
        } else {
            cap
        };
        let asked = used.requests.saturating_add(entries);
        if asked > room {
            if used.beyond_at.is_some_and(|at| now.saturating_sub(at) < SPENT_INTERVAL_MS) {
                return Err(BudgetSpent { asked, cap: room, volume: Number::new(volume.round_dp(2)) });
            }
            used.beyond_at = Some(now);
        }
        used.requests = asked;
        Ok(())
    }

    /// Charges what an action cost beyond its entries.
    pub(crate) fn charge(&mut self, account: Address, requests: u64) {
        let used = self.by_account.entry(account).or_default();
        used.requests = used.requests.saturating_add(requests);
    }

    /// Adds requests that were bought.
    pub(crate) fn buy(&mut self, account: Address, requests: u64) {
        let used = self.by_account.entry(account).or_default();
        used.bought = used.bought.saturating_add(requests);
    }

    /// How an account's budget stands.
    pub(crate) fn shown(&self, account: Address, volume: Decimal) -> UserRateLimit {
        let used = self.by_account.get(&account).copied().unwrap_or_default();
        UserRateLimit {
            cum_vlm: volume.into(),
            n_requests_used: used.requests,
            n_requests_cap: cap(volume),
            n_requests_surplus: Some(used.bought),
        }
    }
}

fn cap(volume: Decimal) -> u64 {
    REQUESTS_BASE.saturating_add(u64::try_from(volume.trunc()).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use calypte_venues::hyperliquid::protocol::{CancelWire, Grouping};

    fn account() -> Address {
        Address::from_bytes([1; 20])
    }

    fn orders(count: usize) -> Action {
        let order = r#"{"a":0,"b":true,"p":"1","s":"1","r":false,"t":{"limit":{"tif":"Gtc"}}}"#;
        let order = serde_json::from_str(order).expect("an order");
        Action::Order { orders: vec![order; count], grouping: Grouping::Na, builder: None }
    }

    fn cancels(count: usize) -> Action {
        Action::Cancel { cancels: vec![CancelWire { asset: 0, oid: 1 }; count], fast: None }
    }

    #[test]
    fn each_entry_counts_and_each_dollar_gives_one() {
        let mut budgets = Budgets::default();
        let volume = Decimal::new(40_099, 2);
        for _ in 0..52 {
            budgets.take(0, account(), &orders(200), volume).expect("it fits");
        }
        assert_eq!(budgets.shown(account(), volume).n_requests_used, 10_400);
        assert_eq!(budgets.shown(account(), volume).n_requests_cap, 10_400);
        budgets.take(1, account(), &orders(1), volume).expect("one in ten seconds");
        let words = budgets.take(2, account(), &orders(1), volume).expect_err("it is spent").to_string();
        assert_eq!(
            words,
            "Too many cumulative requests sent (10402 > 10400) for cumulative volume traded $400.99. Place taker orders to free \
             up 1 request per USDC traded."
        );
        assert!(budgets.take(10_000, account(), &orders(1), volume).is_err());
        assert_eq!(budgets.take(10_001, account(), &orders(1), volume), Ok(()));
    }

    #[test]
    fn cancels_have_twice_the_room() {
        let mut budgets = Budgets::default();
        budgets.charge(account(), REQUESTS_BASE);
        budgets.take(0, account(), &orders(1), Decimal::ZERO).expect("one in ten seconds");
        assert!(budgets.take(0, account(), &orders(1), Decimal::ZERO).is_err());
        for _ in 0..49 {
            budgets.take(0, account(), &cancels(200), Decimal::ZERO).expect("cancels have room");
        }
        assert!(budgets.take(0, account(), &cancels(200), Decimal::ZERO).is_err());
    }

    #[test]
    fn requests_can_be_bought() {
        let mut budgets = Budgets::default();
        budgets.charge(account(), REQUESTS_BASE);
        budgets.buy(account(), 500);
        budgets.take(0, account(), &orders(200), Decimal::ZERO).expect("bought");
        assert_eq!(budgets.shown(account(), Decimal::ZERO).n_requests_surplus, Some(500));
    }
}

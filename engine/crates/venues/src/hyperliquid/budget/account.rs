//! The requests of one account: actions only, each entry of a batch counted. Every account and sub-account has its own. Where its
//! collateral lies among its spot balances there is a limit for each day besides.

use super::{Refused, Standing, Urgency, Window};
use crate::connector::{ACCOUNT_ACTIONS, ACCOUNT_REQUESTS, Budget};
use crate::hyperliquid::protocol::UserRateLimit;
use calypte_kernel::Timestamp;

/// Requests that an account has before it has traded anything.
pub const ACCOUNT_REQUESTS_BASE: u64 = 10_000;
/// What cancels have on top, at most: as much again, and no more than this.
const CANCEL_EXTRA_MAX: u64 = 100_000;
/// Once everything is used, one request goes through in so much time.
pub const SPENT_INTERVAL_MS: u64 = 10_000;
/// What an action costs that arrives after its expiry, in place of one.
const EXPIRED_COST: u64 = 5;
/// Actions of a day of an account whose collateral lies among its spot balances.
pub const ACCOUNT_ACTIONS_MAX: u64 = 50_000;
const DAY_MS: u64 = 86_400_000;
/// How long a rate is measured over.
const RATE_MS: u64 = 600_000;

/// The requests of one account, as the exchange last said and as counted since.
#[derive(Debug, Clone)]
pub struct AccountLedger {
    used: u64,
    cap: u64,
    /// Of the cap, what only closing may use.
    reserve: u64,
    /// When the last request went through after everything was used.
    last_when_spent: Option<Timestamp>,
    /// Where the rate is measured from: time, and what had been used.
    measured_from: Option<(Timestamp, u64)>,
    /// What was sent within a day. The exchange does not say what it counted: what was sent before this began is not in it.
    day: Window,
    is_limited_daily: bool,
}

impl AccountLedger {
    /// One that knows nothing yet but what every account has. A twentieth is kept for closing.
    pub fn new() -> Self {
        let cap = ACCOUNT_REQUESTS_BASE;
        let day = Window::new(ACCOUNT_ACTIONS, ACCOUNT_ACTIONS_MAX, DAY_MS, ACCOUNT_ACTIONS_MAX / 20);
        Self { used: 0, cap, reserve: cap / 20, last_when_spent: None, measured_from: None, day, is_limited_daily: false }
    }

    /// Says whether the limit of a day holds.
    pub const fn limit_daily(&mut self, is_limited: bool) {
        self.is_limited_daily = is_limited;
    }

    /// Takes over what the exchange says. What is on its way is not in it yet: `in_flight` is counted on top.
    pub fn learn(&mut self, limit: &UserRateLimit, in_flight: u64) {
        self.cap = limit.n_requests_cap.saturating_add(limit.n_requests_surplus.unwrap_or_default());
        self.used = limit.n_requests_used.saturating_add(in_flight);
        self.reserve = (self.cap / 20).min(ACCOUNT_REQUESTS_BASE);
        self.measured_from = self.measured_from.filter(|(_, used)| *used <= self.used);
    }

    /// What cancels may come to.
    const fn cancel_cap(&self) -> u64 {
        let twice = self.cap.saturating_mul(2);
        let more = self.cap.saturating_add(CANCEL_EXTRA_MAX);
        if twice < more { twice } else { more }
    }

    /// Whether an action of so many entries may go out.
    ///
    /// # Errors
    /// Where the account's requests are spent, or what is left is kept for closing.
    pub fn check(&mut self, now: Timestamp, entries: usize, urgency: Urgency, is_cancel: bool) -> Result<(), Refused> {
        if self.is_limited_daily {
            self.day.check(now, entries as u64, urgency)?;
        }
        let after = self.used.saturating_add(entries as u64);
        let room = match urgency {
            _ if is_cancel => self.cancel_cap(),
            Urgency::Closing => self.cap,
            Urgency::Opening | Urgency::Background => self.cap - self.reserve,
        };
        if after <= room {
            return Ok(());
        }
        let what = ACCOUNT_REQUESTS;
        if urgency != Urgency::Closing {
            // Trading frees one for each dollar; nobody knows when.
            return Err(Refused::Wait { what, wait_ms: SPENT_INTERVAL_MS });
        }
        let since = self.last_when_spent.map_or(SPENT_INTERVAL_MS, |last| now.millis_since(last));
        if since >= SPENT_INTERVAL_MS { Ok(()) } else { Err(Refused::Wait { what, wait_ms: SPENT_INTERVAL_MS - since }) }
    }

    /// Notes an action that went out.
    pub fn charge(&mut self, now: Timestamp, entries: usize) {
        let restart = self.measured_from.is_none_or(|(from, _)| now.millis_since(from) > RATE_MS);
        if restart {
            self.measured_from = Some((now, self.used));
        }
        self.day.charge(now, entries as u64);
        self.used = self.used.saturating_add(entries as u64);
        if self.used > self.cap {
            self.last_when_spent = Some(now);
        }
    }

    /// Notes that an action arrived after its expiry, which costs more than one that is refused otherwise.
    pub fn note_expired(&mut self) {
        self.used = self.used.saturating_add(EXPIRED_COST - 1);
    }

    /// Notes that the exchange says that all is used, whatever was counted here.
    pub fn note_spent(&mut self, now: Timestamp) {
        self.used = self.used.max(self.cap);
        self.last_when_spent = Some(now);
    }

    /// Notes what was traded: each dollar is a request more.
    pub fn note_volume(&mut self, dollars: u64) {
        self.cap = self.cap.saturating_add(dollars);
    }

    /// How each of the account's budgets stands.
    pub fn standings(&mut self, now: Timestamp) -> impl Iterator<Item = Budget> + use<> {
        let day = self.is_limited_daily.then(|| self.day.standing(now).named(ACCOUNT_ACTIONS));
        std::iter::once(self.standing(now).named(ACCOUNT_REQUESTS)).chain(day)
    }

    /// How the requests stand.
    pub fn standing(&self, now: Timestamp) -> Standing {
        let left = self.cap.saturating_sub(self.used);
        let rate = self.measured_from.map(|(from, used)| (now.millis_since(from), self.used.saturating_sub(used)));
        let runs_out = rate.filter(|(span, used)| *span > 0 && *used > 0).map(|(span, used)| {
            let in_ms = u128::from(left) * u128::from(span) / u128::from(used);
            now.saturating_add(u64::try_from(in_ms).unwrap_or(u64::MAX))
        });
        Standing { left, of: self.cap, runs_out }
    }
}

impl Default for AccountLedger {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hyperliquid::protocol::Number;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(1_750_000_000_000 + millis)
    }

    fn said(used: u64, cap: u64) -> UserRateLimit {
        UserRateLimit { cum_vlm: Number::default(), n_requests_used: used, n_requests_cap: cap, n_requests_surplus: None }
    }

    #[test]
    fn quoting_ends_before_closing_and_closing_before_cancelling() {
        let mut ledger = AccountLedger::new();
        ledger.learn(&said(9_499, 10_000), 0);
        assert_eq!(ledger.check(at(0), 1, Urgency::Opening, false), Ok(()));
        assert!(ledger.check(at(0), 2, Urgency::Opening, false).is_err(), "a twentieth is kept");
        assert_eq!(ledger.check(at(0), 501, Urgency::Closing, false), Ok(()));
        ledger.learn(&said(10_000, 10_000), 0);
        assert_eq!(ledger.check(at(0), 10_000, Urgency::Closing, true), Ok(()), "cancels have as much again");
    }

    #[test]
    fn once_spent_one_goes_through_in_ten_seconds() {
        let mut ledger = AccountLedger::new();
        ledger.note_spent(at(0));
        assert_eq!(
            ledger.check(at(4_000), 1, Urgency::Closing, false),
            Err(Refused::Wait { what: "requests of the account", wait_ms: 6_000 })
        );
        assert_eq!(ledger.check(at(10_000), 1, Urgency::Closing, false), Ok(()));
        ledger.charge(at(10_000), 1);
        assert!(ledger.check(at(10_001), 1, Urgency::Closing, false).is_err());
        ledger.note_volume(3);
        assert_eq!(ledger.check(at(10_002), 1, Urgency::Closing, false), Ok(()), "trading frees requests");
    }

    #[test]
    fn it_says_when_it_runs_out() {
        let mut ledger = AccountLedger::new();
        ledger.learn(&said(8_000, 10_000), 0);
        assert_eq!(ledger.standing(at(0)).runs_out, None);
        for second in 0..=100 {
            ledger.charge(at(second * 1_000), 2);
        }
        let standing = ledger.standing(at(101_000));
        assert_eq!((standing.left, standing.named("").is_low()), (1_798, true));
        assert_eq!(standing.runs_out, Some(at(101_000 + 1_798 * 101_000 / 202)));
        ledger.note_expired();
        assert_eq!(ledger.standing(at(101_000)).left, 1_794, "late ones cost five");
    }

    #[test]
    fn an_account_of_spot_collateral_has_so_many_actions_a_day() {
        let mut ledger = AccountLedger::new();
        ledger.learn(&said(0, 1_000_000), 0);
        for hour in 0..19 {
            ledger.charge(at(hour * 3_600_000), 2_500);
        }
        let now = at(18 * 3_600_000);
        assert_eq!(ledger.check(now, 1, Urgency::Opening, false), Ok(()), "no such limit of other accounts");
        assert_eq!(ledger.standings(now).count(), 1);
        ledger.limit_daily(true);
        let later = ledger.check(now, 1, Urgency::Opening, false);
        assert!(matches!(later, Err(Refused::Wait { what: ACCOUNT_ACTIONS, wait_ms }) if wait_ms > 5 * 3_600_000), "{later:?}");
        assert_eq!(ledger.check(now, 2_500, Urgency::Closing, false), Ok(()), "a twentieth is kept");
        assert!(ledger.check(now, 2_501, Urgency::Closing, true).is_err(), "cancels count as well");
        let day = ledger.standings(now).last().expect("there are two");
        assert_eq!((day.name, day.left, day.of), (ACCOUNT_ACTIONS, 2_500, 50_000));
        assert!(day.runs_out.is_some_and(|until| until > now));
        assert_eq!(ledger.check(at(25 * 3_600_000), 2_500, Urgency::Opening, false), Ok(()), "the first have come back");
    }

    #[test]
    fn counters_beyond_any_number_overflow_nothing() {
        let mut ledger = AccountLedger::new();
        ledger.learn(&said(u64::MAX, u64::MAX), u64::MAX);
        ledger.charge(at(0), usize::MAX);
        ledger.note_expired();
        ledger.note_volume(u64::MAX);
        assert_eq!(ledger.standing(at(1)).left, 0);
        assert!(ledger.check(at(1), usize::MAX, Urgency::Closing, true).is_ok(), "as good as endless");
    }
}

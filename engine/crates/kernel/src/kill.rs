//! The kill switch as it is declared: what fires it, and what happens then. [`EquityWatch`] is the part that watches money.
//!
//! A switch that fired stays so until an operator re-arms it, whatever happens meanwhile; re-arming begins a new account of
//! losses. Nothing here acts: `core/kill.rs` does.

use crate::{Decimal, StrategyId, Timestamp};
use std::fmt;

/// Most kill rules of one strategy or account.
pub const KILL_RULES_MAX: usize = 16;
/// Most rejections one rule can count.
pub const REJECTS_MAX: u32 = 1_000;

const DAY_MS: i64 = 86_400_000;

/// An amount of money, or a share of what there was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Amount {
    /// In the quote asset; positive.
    Quote(Decimal),
    /// A share of the equity that the loss is counted from, above 0, at most 1.
    Share(Decimal),
}

impl Amount {
    /// In the quote asset; none where it leaves the range of money.
    pub(crate) fn of(self, equity: Decimal) -> Option<Decimal> {
        match self {
            Self::Quote(amount) => Some(amount),
            Self::Share(share) => equity.checked_mul(share),
        }
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Quote(amount) => write!(formatter, "{amount}"),
            Self::Share(share) => write!(formatter, "{} %", share.saturating_mul(Decimal::ONE_HUNDRED).normalize()),
        }
    }
}

/// What fires a kill switch. Money is equity at mark prices: of the strategy, cash at the start and what its trading made;
/// of the account, that of all strategies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KillTrigger {
    /// Equity fell that far below what it was when the switch was armed.
    Loss(Amount),
    /// Equity fell that far below the highest it was since.
    Drawdown(Amount),
    /// Equity fell that far below what it was when the day (UTC) began.
    DailyLoss(Amount),
    /// Profit had reached an amount, and fell back to another.
    ProfitLock {
        /// Profit that locks.
        reached: Decimal,
        /// Profit to keep; not above `reached`.
        keep: Decimal,
    },
    /// Nothing was heard for so long of an instrument that is held or has open orders.
    StaleData {
        /// How long.
        age_ms: u64,
    },
    /// The exchange refused so many orders within a time. Refused cancels and amendments do not count: they lose races.
    RejectRate {
        /// How many; at most [`REJECTS_MAX`].
        rejects: u32,
        /// Within how long.
        within_ms: u64,
    },
}

impl fmt::Display for KillTrigger {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Loss(amount) => write!(formatter, "a loss of {amount}"),
            Self::Drawdown(amount) => write!(formatter, "a drawdown of {amount}"),
            Self::DailyLoss(amount) => write!(formatter, "a loss of {amount} in one day"),
            Self::ProfitLock { reached, keep } => write!(formatter, "a profit that reached {reached} and fell back to {keep}"),
            Self::StaleData { age_ms } => write!(formatter, "market data older than {age_ms} ms"),
            Self::RejectRate { rejects, within_ms } => write!(formatter, "{rejects} rejections within {within_ms} ms"),
        }
    }
}

/// What a kill switch does, weakest first. A later one never loosens what an earlier one did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum KillAction {
    /// Nothing but cancels passes. Orders and positions stay.
    Pause,
    /// Orders that could open are cancelled; only what reduces passes.
    ReduceOnly,
    /// Every order is cancelled; nothing passes. Positions stay.
    Cancel,
    /// Every order is cancelled and every position closed; nothing else passes.
    Flatten,
}

impl KillAction {
    /// What trading is allowed after it.
    pub const fn trading_state(self) -> TradingState {
        match self {
            Self::ReduceOnly => TradingState::Reducing,
            Self::Pause | Self::Cancel | Self::Flatten => TradingState::Halted,
        }
    }
}

/// A trigger and what it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KillRule {
    /// What fires it.
    pub trigger: KillTrigger,
    /// What happens then.
    pub action: KillAction,
}

/// What fired a kill switch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KillCause {
    /// One of the declared rules.
    Rule(KillTrigger),
    /// The operator.
    Operator,
    /// A new process took over, and the strategy's restart policy says so.
    Restart,
    /// The strategy failed, and its restart policy says so.
    Fault,
}

impl fmt::Display for KillCause {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rule(trigger) => trigger.fmt(formatter),
            Self::Operator => formatter.write_str("the operator"),
            Self::Restart => formatter.write_str("its restart policy after a restart"),
            Self::Fault => formatter.write_str("its restart policy after a fault"),
        }
    }
}

/// Whom a kill switch or a trading state concerns. A tenant's or everybody's is the shell telling each account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KillScope {
    /// One strategy.
    Strategy(StrategyId),
    /// Every strategy of the account.
    Account,
}

impl fmt::Display for KillScope {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Strategy(strategy) => write!(formatter, "strategy {strategy}"),
            Self::Account => formatter.write_str("the account"),
        }
    }
}

/// What trading is allowed, least strict first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum TradingState {
    /// Everything.
    #[default]
    Active,
    /// Only what reduces a position, and cancels.
    Reducing,
    /// Only cancels.
    Halted,
}

impl TradingState {
    /// Its name in words.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Reducing => "reducing",
            Self::Halted => "halted",
        }
    }
}

/// A kill switch that fired, as it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Killed {
    /// What fired it first.
    pub cause: KillCause,
    /// The strongest action since.
    pub action: KillAction,
    /// The strictest state of all actions since: an action that reduces does not loosen one that halts.
    pub state: TradingState,
    /// When it first fired.
    pub since: Timestamp,
}

/// What is noted of an equity between one arming of a switch and the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct EquityWatch {
    start: Decimal,
    peak: Decimal,
    /// The day (UTC, since 1970) and the equity it began with.
    day: (i64, Decimal),
    last: Decimal,
}

impl EquityWatch {
    /// Armed now, at this equity.
    pub(crate) fn new(now: Timestamp, equity: Decimal) -> Self {
        Self { start: equity, peak: equity, day: (day_of(now), equity), last: equity }
    }

    /// Notes what the equity is now. A day begins with what the one before it ended with.
    pub(crate) fn note(&mut self, now: Timestamp, equity: Decimal) {
        let day = day_of(now);
        if day != self.day.0 {
            self.day = (day, self.last);
        }
        self.peak = self.peak.max(equity);
        self.last = equity;
    }

    /// Money was paid in or out: neither is a profit or a loss.
    pub(crate) fn paid(&mut self, change: Decimal) {
        for equity in [&mut self.start, &mut self.peak, &mut self.day.1, &mut self.last] {
            *equity = equity.saturating_add(change);
        }
    }

    /// Whether what was noted last fires a trigger of money. What cannot be computed does not.
    pub(crate) fn fires(&self, trigger: &KillTrigger) -> bool {
        let fell = |from: Decimal, amount: Amount| {
            let limit = amount.of(from).and_then(|amount| from.checked_sub(amount));
            limit.is_some_and(|limit| self.last <= limit)
        };
        match *trigger {
            KillTrigger::Loss(amount) => fell(self.start, amount),
            KillTrigger::Drawdown(amount) => fell(self.peak, amount),
            KillTrigger::DailyLoss(amount) => fell(self.day.1, amount),
            KillTrigger::ProfitLock { reached, keep } => {
                let profit = |equity: Decimal| equity.checked_sub(self.start);
                profit(self.peak).is_some_and(|best| best >= reached) && profit(self.last).is_some_and(|now| now <= keep)
            }
            KillTrigger::StaleData { .. } | KillTrigger::RejectRate { .. } => false,
        }
    }
}

fn day_of(now: Timestamp) -> i64 {
    now.as_millis().div_euclid(DAY_MS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(hours: i64) -> Timestamp {
        Timestamp::from_millis(hours * 3_600_000)
    }

    fn quote(amount: i64) -> Amount {
        Amount::Quote(Decimal::from(amount))
    }

    fn watch(equities: &[(i64, i64)]) -> EquityWatch {
        let mut watch = EquityWatch::new(at(0), Decimal::from(1000));
        for (hours, equity) in equities {
            watch.note(at(*hours), Decimal::from(*equity));
        }
        watch
    }

    #[test]
    fn each_trigger_of_money_fires_at_its_limit_and_not_before() {
        let share = |percent| Amount::Share(Decimal::new(percent, 2));
        let lock = KillTrigger::ProfitLock { reached: Decimal::from(100), keep: Decimal::from(40) };
        for (trigger, inside, beyond) in [
            (KillTrigger::Loss(quote(50)), watch(&[(1, 951)]), watch(&[(1, 950)])),
            (KillTrigger::Loss(share(5)), watch(&[(1, 951)]), watch(&[(1, 950)])),
            (KillTrigger::Drawdown(quote(50)), watch(&[(1, 1200), (2, 1151)]), watch(&[(1, 1200), (2, 1150)])),
            (KillTrigger::Drawdown(share(10)), watch(&[(1, 1200), (2, 1081)]), watch(&[(1, 1200), (2, 1080)])),
            (KillTrigger::DailyLoss(quote(50)), watch(&[(23, 960), (24, 911)]), watch(&[(23, 960), (24, 910)])),
            (lock, watch(&[(1, 1099), (2, 1000)]), watch(&[(1, 1100), (2, 1040)])),
            (lock, watch(&[(1, 1100), (2, 1041)]), watch(&[(1, 1500), (2, 900)])),
        ] {
            assert!(!inside.fires(&trigger), "{trigger}");
            assert!(beyond.fires(&trigger), "{trigger}");
        }
    }

    #[test]
    fn what_leaves_the_range_of_money_fires_nothing() {
        let watch = EquityWatch::new(at(0), Decimal::MIN);
        assert!(!watch.fires(&KillTrigger::Loss(quote(1))));
    }
}

//! The ranges of what is declared.

use super::{
    AccountRisk, BASIS_POINTS_MAX, CLOSE_ATTEMPTS_MAX, DEAD_MAN_MS_MIN, RISK_AMOUNT_MAX, RISK_LEVERAGE_MAX, RISK_MS_MAX,
    StrategyRisk,
};
use crate::{
    Amount, Decimal, InstrumentId, KILL_RULES_MAX, KillRule, KillTrigger, PROTECTIONS_MAX, Protection, RATE_PERIOD_MS_MAX,
    REJECTS_MAX, Rate,
};

/// Declared values that make no sense. Nothing was done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RiskSettingsError {
    /// A value outside its range.
    #[error("{what} is {value}: {range}")]
    OutOfRange {
        /// Which.
        what: &'static str,
        /// Its value.
        value: String,
        /// What is allowed.
        range: String,
    },
    /// Too many of something.
    #[error("{count} {what} are declared: at most {max}")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// How many.
        count: usize,
        /// How many may be.
        max: usize,
    },
    /// A profit to keep above the profit that locks it.
    #[error("a profit lock keeps {keep}, more than the {reached} that locks it")]
    LockKeepsMore {
        /// What locks.
        reached: Decimal,
        /// What is kept.
        keep: Decimal,
    },
    /// An instrument that is not listed.
    #[error("limits are declared for instrument {0}, which is not listed")]
    UnknownInstrument(InstrumentId),
    /// Instruments out of order or twice.
    #[error("limits of instrument {0} are declared twice, or not in the order of their numbers")]
    InstrumentOrder(InstrumentId),
}

impl StrategyRisk {
    /// Checks every value.
    ///
    /// # Errors
    /// The first that makes no sense.
    pub fn check(&self) -> Result<(), RiskSettingsError> {
        for (what, amount) in [
            ("order_size_max", self.order_size_max),
            ("order_notional_max", self.order_notional_max),
            ("instrument_notional_max", self.instrument_notional_max),
            ("notional_max", self.notional_max),
        ] {
            check_amount(what, amount)?;
        }
        for (what, rate) in
            [("rates.orders", self.rates.orders), ("rates.amends", self.rates.amends), ("rates.cancels", self.rates.cancels)]
        {
            check_rate(what, rate)?;
        }
        check_market(self.collar_bps, self.data_age_ms_max)?;
        check_kill(&self.kill)?;
        check_count("protections", self.protections.len(), PROTECTIONS_MAX)?;
        self.protections.iter().try_for_each(check_protection)?;
        self.budget.map_or(Ok(()), |budget| check_share("budget", budget))?;
        let closing = self.closing;
        if let Some(bps) = closing.stale_slippage_bps {
            check_bps("closing.stale_slippage_bps", bps)?;
        }
        check_ms("closing.stale_after_ms", closing.stale_after_ms)?;
        check_ms("closing.retry_ms", closing.retry_ms)?;
        check_whole("closing.attempts_max", u64::from(closing.attempts_max), 1, u64::from(CLOSE_ATTEMPTS_MAX))
    }
}

impl AccountRisk {
    /// Checks every value.
    ///
    /// # Errors
    /// The first that makes no sense.
    pub fn check(&self, instruments: usize) -> Result<(), RiskSettingsError> {
        for (place, declared) in self.instruments.iter().enumerate() {
            if declared.instrument.get() as usize >= instruments {
                return Err(RiskSettingsError::UnknownInstrument(declared.instrument));
            }
            if place > 0 && self.instruments[place - 1].instrument >= declared.instrument {
                return Err(RiskSettingsError::InstrumentOrder(declared.instrument));
            }
            check_amount("order_size_max", declared.order_size_max)?;
            check_amount("order_notional_max", declared.order_notional_max)?;
            check_amount("notional_max", declared.notional_max)?;
        }
        check_amount("notional_max", self.notional_max)?;
        check_amount("tenant_notional_max", self.tenant_notional_max)?;
        if let Some(leverage) = self.leverage_max {
            check_whole("leverage_max", u64::from(leverage), 1, u64::from(RISK_LEVERAGE_MAX))?;
        }
        if let Some(margin) = self.margin {
            let leverage = u64::from(margin.leverage_when_unknown);
            check_whole("margin.leverage_when_unknown", leverage, 1, u64::from(RISK_LEVERAGE_MAX))?;
        }
        check_market(self.collar_bps, self.data_age_ms_max)?;
        if let Some(ahead) = self.dead_man_ms {
            check_whole("dead_man_ms", ahead, 3 * DEAD_MAN_MS_MIN, RISK_MS_MAX)?;
        }
        check_kill(&self.kill)
    }
}

fn out_of_range(what: &'static str, value: impl Into<Decimal>, range: impl Into<String>) -> RiskSettingsError {
    RiskSettingsError::OutOfRange { what, value: value.into().to_string(), range: range.into() }
}

fn check_whole(what: &'static str, value: u64, min: u64, max: u64) -> Result<(), RiskSettingsError> {
    if value < min || value > max {
        return Err(out_of_range(what, value, format!("from {min} to {max}")));
    }
    Ok(())
}

fn check_ms(what: &'static str, ms: u64) -> Result<(), RiskSettingsError> {
    check_whole(what, ms, 1, RISK_MS_MAX)
}

fn check_bps(what: &'static str, bps: u32) -> Result<(), RiskSettingsError> {
    check_whole(what, u64::from(bps), 1, u64::from(BASIS_POINTS_MAX))
}

fn check_amount(what: &'static str, amount: Option<Decimal>) -> Result<(), RiskSettingsError> {
    if let Some(amount) = amount.filter(|amount| *amount <= Decimal::ZERO || *amount > RISK_AMOUNT_MAX) {
        return Err(out_of_range(what, amount, format!("above 0, at most {RISK_AMOUNT_MAX}")));
    }
    Ok(())
}

fn check_share(what: &'static str, amount: Amount) -> Result<(), RiskSettingsError> {
    match amount {
        Amount::Quote(amount) => check_amount(what, Some(amount)),
        Amount::Share(share) if share <= Decimal::ZERO || share > Decimal::ONE => {
            Err(out_of_range(what, share, "a share, above 0, at most 1"))
        }
        Amount::Share(_) => Ok(()),
    }
}

fn check_rate(what: &'static str, rate: Option<Rate>) -> Result<(), RiskSettingsError> {
    let Some(Rate { count, per_ms }) = rate else { return Ok(()) };
    check_whole(what, u64::from(count), 1, u64::from(u32::MAX))?;
    check_whole(what, per_ms, 1, RATE_PERIOD_MS_MAX)
}

fn check_market(collar_bps: Option<u32>, data_age_ms_max: Option<u64>) -> Result<(), RiskSettingsError> {
    if let Some(bps) = collar_bps {
        check_bps("collar_bps", bps)?;
    }
    data_age_ms_max.map_or(Ok(()), |age_ms| check_ms("data_age_ms_max", age_ms))
}

fn check_count(what: &'static str, count: usize, max: usize) -> Result<(), RiskSettingsError> {
    if count > max {
        return Err(RiskSettingsError::TooMany { what, count, max });
    }
    Ok(())
}

fn check_kill(rules: &[KillRule]) -> Result<(), RiskSettingsError> {
    check_count("kill rules", rules.len(), KILL_RULES_MAX)?;
    for rule in rules {
        match rule.trigger {
            KillTrigger::Loss(amount) | KillTrigger::Drawdown(amount) | KillTrigger::DailyLoss(amount) => {
                check_share("kill amount", amount)?;
            }
            KillTrigger::ProfitLock { reached, keep } => {
                check_amount("kill profit reached", Some(reached))?;
                if keep > reached {
                    return Err(RiskSettingsError::LockKeepsMore { reached, keep });
                }
                if keep.is_sign_negative() {
                    return Err(out_of_range("kill profit to keep", keep, "0 or more"));
                }
            }
            KillTrigger::StaleData { age_ms } => check_ms("kill age_ms", age_ms)?,
            KillTrigger::RejectRate { rejects, within_ms } => {
                check_whole("kill rejects", u64::from(rejects), 1, u64::from(REJECTS_MAX))?;
                check_ms("kill within_ms", within_ms)?;
            }
        }
    }
    Ok(())
}

fn check_protection(protection: &Protection) -> Result<(), RiskSettingsError> {
    let (count, within_ms, pause_ms) = match *protection {
        Protection::StopLossStreak { losses, within_ms, pause_ms, .. } => (losses, within_ms, pause_ms),
        Protection::MaxDrawdown { amount, within_ms, pause_ms } => {
            check_share("protection amount", amount)?;
            (1, within_ms, pause_ms)
        }
        Protection::LowProfit { profit, trades, within_ms, pause_ms } => {
            if profit.abs() > RISK_AMOUNT_MAX {
                return Err(out_of_range("protection profit", profit, format!("within ±{RISK_AMOUNT_MAX}")));
            }
            (trades, within_ms, pause_ms)
        }
    };
    let remembered = crate::protections::ROUND_TRIPS_MAX as u64;
    check_whole("protection round trips", u64::from(count), 1, remembered)?;
    check_ms("protection within_ms", within_ms)?;
    check_ms("protection pause_ms", pause_ms)
}

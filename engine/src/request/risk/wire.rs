//! The file as it is written: texts for amounts, times and rates, so that they are exact and readable.

use crate::request::parse_decimal;
use calypte_kernel::{
    AccountRisk, Amount, ClosePolicy, InstrumentId, InstrumentRisk, KillAction, KillRule, KillTrigger, MarginPolicy, Netting,
    OffGrid, OrderTypes, Protection, Rate, Rates, RestartPolicy, SelfTrade, StrategyRisk,
};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// A value as TOML may have it.
#[derive(Deserialize)]
#[serde(untagged)]
enum Raw {
    Whole(i64),
    Fraction(f64),
    Text(String),
}

impl Raw {
    fn text(self) -> Result<String, String> {
        match self {
            Self::Whole(number) => Ok(number.to_string()),
            Self::Fraction(number) => Err(format!("write {number} in quotes, such as \"0.5\", so that it is read exactly")),
            Self::Text(text) => Ok(text),
        }
    }
}

macro_rules! scalar {
    ($(#[$doc:meta])* $name:ident($of:ty), $parse:expr, $show:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
        #[serde(try_from = "Raw", into = "String")]
        pub(super) struct $name($of);

        impl TryFrom<Raw> for $name {
            type Error = String;

            fn try_from(raw: Raw) -> Result<Self, String> {
                let parse: fn(&str) -> Result<$of, String> = $parse;
                parse(&raw.text()?).map(Self)
            }
        }

        impl From<$name> for String {
            fn from(value: $name) -> Self {
                let show: fn($of) -> String = $show;
                show(value.0)
            }
        }
    };
}

scalar! {
    /// Money or a size: a whole number, or a text.
    Money(Decimal), money, |value| value.to_string()
}
scalar! {
    /// Money, or a share such as `"5%"`.
    Share(Amount), share, |value| match value {
        Amount::Quote(amount) => amount.to_string(),
        Amount::Share(share) => format!("{}%", (share * Decimal::ONE_HUNDRED).normalize()),
    }
}
scalar! {
    /// A length of time such as `"90s"`, or whole milliseconds.
    Span(u64), span, |value| format!("{value}ms")
}
scalar! {
    /// A rate such as `"10/1s"`.
    Pace(Rate), pace, |value| format!("{}/{}ms", value.count, value.per_ms)
}

fn money(text: &str) -> Result<Decimal, String> {
    parse_decimal(text).map_err(|error| error.to_string())
}

fn share(text: &str) -> Result<Amount, String> {
    let Some(percent) = text.strip_suffix('%') else { return money(text).map(Amount::Quote) };
    let share = money(percent.trim())?.checked_div(Decimal::ONE_HUNDRED);
    share.map(|share| Amount::Share(share.normalize())).ok_or_else(|| format!("{text:?} is not a share such as \"5%\""))
}

fn span(text: &str) -> Result<u64, String> {
    let refuse = || format!("{text:?} is not a length of time: write a number and ms, s, m, h or d, such as \"90s\"");
    let digits = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let unit: u64 = match &text[digits.len()..] {
        "" | "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return Err(refuse()),
    };
    digits.parse::<u64>().ok().and_then(|number| number.checked_mul(unit)).ok_or_else(refuse)
}

fn pace(text: &str) -> Result<Rate, String> {
    let refuse = || format!("{text:?} is not a rate: write how many and in which time, such as \"10/1s\"");
    let (count, per) = text.split_once('/').ok_or_else(refuse)?;
    Ok(Rate { count: count.trim().parse().map_err(|_| refuse())?, per_ms: span(per.trim())? })
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct AccountWire {
    #[serde(skip_serializing_if = "Option::is_none")]
    notional_max: Option<Money>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tenant_notional_max: Option<Money>,
    #[serde(skip_serializing_if = "Option::is_none")]
    leverage_max: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    margin: Option<MarginWire>,
    #[serde(skip_serializing_if = "Option::is_none")]
    collar_bps: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data_age_max: Option<Span>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dead_man: Option<Span>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    flatten_outside: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    netting: Option<NettingWire>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    kill: Vec<KillWire>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
enum NettingWire {
    Deny,
    Allow,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct MarginWire {
    leverage_when_unknown: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct StrategyWire {
    #[serde(skip_serializing_if = "Option::is_none")]
    order_size_max: Option<Money>,
    #[serde(skip_serializing_if = "Option::is_none")]
    order_notional_max: Option<Money>,
    #[serde(skip_serializing_if = "Option::is_none")]
    budget: Option<Share>,
    #[serde(skip_serializing_if = "Option::is_none")]
    restart: Option<RestartWire>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) shares: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    instrument_notional_max: Option<Money>,
    #[serde(skip_serializing_if = "Option::is_none")]
    notional_max: Option<Money>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rates: Option<RatesWire>,
    #[serde(skip_serializing_if = "Option::is_none")]
    off_grid: Option<OffGridWire>,
    #[serde(skip_serializing_if = "Option::is_none")]
    self_trade: Option<SelfTradeWire>,
    #[serde(skip_serializing_if = "Option::is_none")]
    collar_bps: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data_age_max: Option<Span>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    kill: Vec<KillWire>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    protections: Vec<ProtectionWire>,
    #[serde(skip_serializing_if = "Option::is_none")]
    closing: Option<ClosingWire>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
struct RatesWire {
    #[serde(skip_serializing_if = "Option::is_none")]
    orders: Option<Pace>,
    #[serde(skip_serializing_if = "Option::is_none")]
    amends: Option<Pace>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cancels: Option<Pace>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
enum OffGridWire {
    Deny,
    Round,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
enum SelfTradeWire {
    Allow,
    Deny,
    CancelResting,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
enum RestartWire {
    Resume,
    ReduceOnly,
    Flatten,
    Hold,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
enum ActionWire {
    Pause,
    ReduceOnly,
    Cancel,
    Flatten,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(tag = "trigger", rename_all = "kebab-case", deny_unknown_fields)]
enum KillWire {
    Loss { amount: Share, action: ActionWire },
    Drawdown { amount: Share, action: ActionWire },
    DailyLoss { amount: Share, action: ActionWire },
    ProfitLock { reached: Money, keep: Money, action: ActionWire },
    StaleData { age: Span, action: ActionWire },
    RejectRate { rejects: u32, within: Span, action: ActionWire },
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
enum ProtectionWire {
    StopLossStreak {
        losses: u32,
        within: Span,
        pause: Span,
        #[serde(default)]
        per_instrument: bool,
    },
    MaxDrawdown {
        amount: Share,
        within: Span,
        pause: Span,
    },
    LowProfit {
        profit: Money,
        trades: u32,
        within: Span,
        pause: Span,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
struct ClosingWire {
    #[serde(skip_serializing_if = "Option::is_none")]
    stale_after: Option<Span>,
    /// Basis points; 0: at the market.
    #[serde(skip_serializing_if = "Option::is_none")]
    stale_slippage_bps: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry: Option<Span>,
    #[serde(skip_serializing_if = "Option::is_none")]
    attempts_max: Option<u32>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct InstrumentWire {
    #[serde(skip_serializing_if = "Option::is_none")]
    tradable: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    orders: Option<Vec<OrderTypeWire>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    order_size_max: Option<Money>,
    #[serde(skip_serializing_if = "Option::is_none")]
    order_notional_max: Option<Money>,
    #[serde(skip_serializing_if = "Option::is_none")]
    notional_max: Option<Money>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
enum OrderTypeWire {
    Market,
    Gtc,
    Ioc,
    Alo,
    Trigger,
    Trailing,
}

impl AccountWire {
    pub(super) fn to_kernel(&self) -> AccountRisk {
        AccountRisk {
            instruments: Vec::new(),
            notional_max: self.notional_max.map(|money| money.0),
            tenant_notional_max: self.tenant_notional_max.map(|money| money.0),
            leverage_max: self.leverage_max,
            margin: self.margin.map(|margin| MarginPolicy { leverage_when_unknown: margin.leverage_when_unknown }),
            collar_bps: self.collar_bps,
            data_age_ms_max: self.data_age_max.map(|span| span.0),
            kill: self.kill.iter().map(KillWire::to_kernel).collect(),
            dead_man_ms: self.dead_man.map(|span| span.0),
            flatten_outside: self.flatten_outside,
        }
    }

    pub(super) fn netting(&self) -> Netting {
        match self.netting {
            None | Some(NettingWire::Deny) => Netting::Deny,
            Some(NettingWire::Allow) => Netting::Allow,
        }
    }
}

impl StrategyWire {
    pub(super) fn to_kernel(&self) -> StrategyRisk {
        let rates = self.rates.unwrap_or_default();
        let closing = self.closing.unwrap_or_default();
        let usual = ClosePolicy::DEFAULT;
        StrategyRisk {
            order_size_max: self.order_size_max.map(|money| money.0),
            order_notional_max: self.order_notional_max.map(|money| money.0),
            instrument_notional_max: self.instrument_notional_max.map(|money| money.0),
            notional_max: self.notional_max.map(|money| money.0),
            rates: Rates {
                orders: rates.orders.map(|pace| pace.0),
                amends: rates.amends.map(|pace| pace.0),
                cancels: rates.cancels.map(|pace| pace.0),
            },
            off_grid: match self.off_grid {
                None | Some(OffGridWire::Deny) => OffGrid::Deny,
                Some(OffGridWire::Round) => OffGrid::Round,
            },
            self_trade: match self.self_trade {
                None | Some(SelfTradeWire::Allow) => SelfTrade::Allow,
                Some(SelfTradeWire::Deny) => SelfTrade::Deny,
                Some(SelfTradeWire::CancelResting) => SelfTrade::CancelResting,
            },
            collar_bps: self.collar_bps,
            data_age_ms_max: self.data_age_max.map(|span| span.0),
            kill: self.kill.iter().map(KillWire::to_kernel).collect(),
            protections: self.protections.iter().map(ProtectionWire::to_kernel).collect(),
            closing: ClosePolicy {
                stale_after_ms: closing.stale_after.map_or(usual.stale_after_ms, |span| span.0),
                stale_slippage_bps: match closing.stale_slippage_bps {
                    None => usual.stale_slippage_bps,
                    Some(0) => None,
                    bps => bps,
                },
                retry_ms: closing.retry.map_or(usual.retry_ms, |span| span.0),
                attempts_max: closing.attempts_max.unwrap_or(usual.attempts_max),
            },
            budget: self.budget.map(|share| share.0),
        }
    }

    pub(super) fn restart(&self) -> RestartPolicy {
        match self.restart {
            None | Some(RestartWire::Resume) => RestartPolicy::Resume,
            Some(RestartWire::ReduceOnly) => RestartPolicy::ReduceOnly,
            Some(RestartWire::Flatten) => RestartPolicy::Flatten,
            Some(RestartWire::Hold) => RestartPolicy::Hold,
        }
    }
}

impl InstrumentWire {
    /// For instrument 0, which the caller replaces.
    pub(super) fn to_kernel(&self) -> InstrumentRisk {
        let orders = self.orders.as_ref().map_or(OrderTypes::ALL, |types| {
            let has = |wanted| types.contains(&wanted);
            OrderTypes {
                market: has(OrderTypeWire::Market),
                gtc: has(OrderTypeWire::Gtc),
                ioc: has(OrderTypeWire::Ioc),
                alo: has(OrderTypeWire::Alo),
                trigger: has(OrderTypeWire::Trigger),
                trailing: has(OrderTypeWire::Trailing),
            }
        });
        InstrumentRisk {
            tradable: self.tradable.unwrap_or(true),
            orders,
            order_size_max: self.order_size_max.map(|money| money.0),
            order_notional_max: self.order_notional_max.map(|money| money.0),
            notional_max: self.notional_max.map(|money| money.0),
            ..InstrumentRisk::new(InstrumentId::new(0))
        }
    }
}

impl KillWire {
    fn to_kernel(&self) -> KillRule {
        let (trigger, action) = match *self {
            Self::Loss { amount, action } => (KillTrigger::Loss(amount.0), action),
            Self::Drawdown { amount, action } => (KillTrigger::Drawdown(amount.0), action),
            Self::DailyLoss { amount, action } => (KillTrigger::DailyLoss(amount.0), action),
            Self::ProfitLock { reached, keep, action } => {
                (KillTrigger::ProfitLock { reached: reached.0, keep: keep.0 }, action)
            }
            Self::StaleData { age, action } => (KillTrigger::StaleData { age_ms: age.0 }, action),
            Self::RejectRate { rejects, within, action } => (KillTrigger::RejectRate { rejects, within_ms: within.0 }, action),
        };
        let action = match action {
            ActionWire::Pause => KillAction::Pause,
            ActionWire::ReduceOnly => KillAction::ReduceOnly,
            ActionWire::Cancel => KillAction::Cancel,
            ActionWire::Flatten => KillAction::Flatten,
        };
        KillRule { trigger, action }
    }
}

impl ProtectionWire {
    fn to_kernel(&self) -> Protection {
        match *self {
            Self::StopLossStreak { losses, within, pause, per_instrument } => {
                Protection::StopLossStreak { losses, within_ms: within.0, pause_ms: pause.0, per_instrument }
            }
            Self::MaxDrawdown { amount, within, pause } => {
                Protection::MaxDrawdown { amount: amount.0, within_ms: within.0, pause_ms: pause.0 }
            }
            Self::LowProfit { profit, trades, within, pause } => {
                Protection::LowProfit { profit: profit.0, trades, within_ms: within.0, pause_ms: pause.0 }
            }
        }
    }
}

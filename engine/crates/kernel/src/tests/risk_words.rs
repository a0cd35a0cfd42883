//! What a script declares about risk, and what its operator says.
//!
//! ```text
//! risk budget 50% | notional 500 | instrument 500 | size 2 | order 100         limits of every strategy deployed after it
//! risk rate orders 2/1000 | off-grid round | self-trade deny | collar 100 | age 1000
//! risk kill loss 50 flatten | drawdown 5% cancel | daily 50 reduce | lock 100 40 pause | stale 1000 cancel | rejects 3 1000 pause
//! risk protect streak 2 1000 500 [each] | drawdown 30 1000 500 | low 5 2 1000 500
//! risk closing 1000 500 5000 3                                    stale after, basis points, retry, attempts
//! account notional 500 | tenant 500 | leverage 3 | margin 1 | collar 100 | age 1000 | kill … | dead-man 30000 | flatten-outside
//! account of 0 notional 500 | of 0 closed | of 0 post-only
//! kill 1 flatten | kill account cancel | rearm 1 | trading 1 halted | tradable 0 no | elsewhere 500 | elsewhere unknown
//! ```

use super::script::number;
use crate::*;

fn whole<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().expect("a whole number")
}

fn amount(text: &str) -> Amount {
    match text.strip_suffix('%') {
        Some(percent) => Amount::Share(number(percent) / Decimal::ONE_HUNDRED),
        None => Amount::Quote(number(text)),
    }
}

fn action(text: &str) -> KillAction {
    match text {
        "pause" => KillAction::Pause,
        "reduce" => KillAction::ReduceOnly,
        "cancel" => KillAction::Cancel,
        "flatten" => KillAction::Flatten,
        other => panic!("no action {other}"),
    }
}

fn kill_rule(words: &[&str]) -> KillRule {
    let trigger = match words[0] {
        "loss" => KillTrigger::Loss(amount(words[1])),
        "drawdown" => KillTrigger::Drawdown(amount(words[1])),
        "daily" => KillTrigger::DailyLoss(amount(words[1])),
        "lock" => KillTrigger::ProfitLock { reached: number(words[1]), keep: number(words[2]) },
        "stale" => KillTrigger::StaleData { age_ms: whole(words[1]) },
        "rejects" => KillTrigger::RejectRate { rejects: whole(words[1]), within_ms: whole(words[2]) },
        other => panic!("no trigger {other}"),
    };
    KillRule { trigger, action: action(words.last().expect("an action")) }
}

fn protection(words: &[&str]) -> Protection {
    match words[0] {
        "streak" => Protection::StopLossStreak {
            losses: whole(words[1]),
            within_ms: whole(words[2]),
            pause_ms: whole(words[3]),
            per_instrument: words.contains(&"each"),
        },
        "drawdown" => {
            Protection::MaxDrawdown { amount: amount(words[1]), within_ms: whole(words[2]), pause_ms: whole(words[3]) }
        }
        "low" => Protection::LowProfit {
            profit: number(words[1]),
            trades: whole(words[2]),
            within_ms: whole(words[3]),
            pause_ms: whole(words[4]),
        },
        other => panic!("no protection {other}"),
    }
}

/// `risk …`
pub(super) fn declare(risk: &mut StrategyRisk, words: &[&str]) {
    match words[0] {
        "budget" => risk.budget = Some(amount(words[1])),
        "notional" => risk.notional_max = Some(number(words[1])),
        "instrument" => risk.instrument_notional_max = Some(number(words[1])),
        "size" => risk.order_size_max = Some(number(words[1])),
        "order" => risk.order_notional_max = Some(number(words[1])),
        "rate" => {
            let (count, per_ms) = words[2].split_once('/').expect("a rate");
            let rate = Some(Rate { count: whole(count), per_ms: whole(per_ms) });
            match words[1] {
                "orders" => risk.rates.orders = rate,
                "amends" => risk.rates.amends = rate,
                "cancels" => risk.rates.cancels = rate,
                other => panic!("no rate of {other}"),
            }
        }
        "off-grid" => risk.off_grid = OffGrid::Round,
        "self-trade" => {
            risk.self_trade = if words[1] == "deny" { SelfTrade::Deny } else { SelfTrade::CancelResting };
        }
        "collar" => risk.collar_bps = Some(whole(words[1])),
        "age" => risk.data_age_ms_max = Some(whole(words[1])),
        "kill" => risk.kill.push(kill_rule(&words[1..])),
        "protect" => risk.protections.push(protection(&words[1..])),
        "closing" => {
            risk.closing = ClosePolicy {
                stale_after_ms: whole(words[1]),
                stale_slippage_bps: (words[2] != "none").then(|| whole(words[2])),
                retry_ms: whole(words[3]),
                attempts_max: whole(words[4]),
            }
        }
        other => panic!("nothing is declared as {other}"),
    }
}

/// `account …`
pub(super) fn declare_for_account(risk: &mut AccountRisk, words: &[&str]) {
    match words[0] {
        "notional" => risk.notional_max = Some(number(words[1])),
        "tenant" => risk.tenant_notional_max = Some(number(words[1])),
        "leverage" => risk.leverage_max = Some(whole(words[1])),
        "margin" => risk.margin = Some(MarginPolicy { leverage_when_unknown: whole(words[1]) }),
        "collar" => risk.collar_bps = Some(whole(words[1])),
        "age" => risk.data_age_ms_max = Some(whole(words[1])),
        "kill" => risk.kill.push(kill_rule(&words[1..])),
        "flatten-outside" => risk.flatten_outside = true,
        "dead-man" => risk.dead_man_ms = Some(whole(words[1])),
        "of" => {
            let declared = risk.of_mut(InstrumentId::new(whole(words[1])));
            match words[2] {
                "notional" => declared.notional_max = Some(number(words[3])),
                "closed" => declared.tradable = false,
                "post-only" => declared.orders = OrderTypes::POST_ONLY,
                other => panic!("nothing of an instrument is declared as {other}"),
            }
        }
        other => panic!("nothing of the account is declared as {other}"),
    }
}

fn scope(text: &str) -> KillScope {
    if text == "account" { KillScope::Account } else { KillScope::Strategy(StrategyId::new(whole(text))) }
}

/// What the operator or the tenant's other accounts say; none where the line is about something else.
pub(super) fn said(verb: &str, words: &[&str]) -> Option<Input> {
    Some(Input::Operator(match verb {
        "kill" => OperatorCommand::Kill { scope: scope(words[0]), action: action(words[1]) },
        "rearm" => OperatorCommand::Rearm { scope: scope(words[0]) },
        "trading" => {
            let state = match words[1] {
                "active" => TradingState::Active,
                "reducing" => TradingState::Reducing,
                "halted" => TradingState::Halted,
                other => panic!("no trading state {other}"),
            };
            OperatorCommand::SetTradingState { scope: scope(words[0]), state }
        }
        "tradable" => {
            OperatorCommand::SetTradable { instrument: InstrumentId::new(whole(words[0])), tradable: words[1] == "yes" }
        }
        "elsewhere" => {
            let elsewhere = (words[0] != "unknown").then(|| number(words[0]));
            return Some(Input::TenantExposure { elsewhere });
        }
        _ => return None,
    }))
}

//! What the account and its strategies are made of.

use crate::seeded::exchange::{INSTRUMENTS, instrument};
use crate::seeded::invariants::risk::LEVERAGE_WHEN_UNKNOWN;
use crate::seeded::plan::Profile;
use calypte_kernel::*;

/// What is paid in at the start. Where margin counts, so little that it is soon used up.
pub(super) fn paid_in(profile: Profile) -> Decimal {
    Decimal::from(if profile.margin { 500 } else { 10_000 })
}

/// Of the account.
pub(super) fn settings(profile: Profile) -> CoreSettings {
    let rules =
        Rules { size_decimals: 2, price_decimals: 1, tick_size: Decimal::new(1, 1), min_notional: Decimal::ZERO, ..Rules::ANY };
    let symbols = ["BTC", "ETH", "SOL"];
    let instruments = symbols.iter().enumerate().map(|(place, symbol)| {
        Instrument::new(instrument(place), symbol.parse().expect("a symbol"), Rules { max_leverage: 40, ..rules })
    });
    let series = (0..INSTRUMENTS).map(|place| SeriesInfo {
        id: SeriesId::new(u32::try_from(place).expect("a few")),
        instrument: instrument(place),
        timeframe: Timeframe::MINUTE,
    });
    let limits = Limits {
        intents_per_event_max: 8,
        open_orders_max: 12,
        queue_max: 96,
        admission_ms_max: 10_000,
        doubt_ask_ms: 700,
        ..Limits::default()
    };
    CoreSettings {
        cash: paid_in(profile),
        live: true,
        books: if profile.netted { Books::Netted } else { Books::Apart },
        netting: profile.netting,
        holds: profile.holds,
        saves: true,
        limits,
        risk: account_risk(profile),
        ..CoreSettings::new(AccountId::new(7), instruments.collect(), series.collect())
    }
}

fn account_risk(profile: Profile) -> AccountRisk {
    let margin = profile.margin.then_some(MarginPolicy { leverage_when_unknown: LEVERAGE_WHEN_UNKNOWN });
    let dead_man_ms = profile.dead_man.then_some(15_000);
    let none = AccountRisk { margin, dead_man_ms, ..AccountRisk::NONE };
    if !profile.guarded {
        return none;
    }
    let rule = |trigger, action| KillRule { trigger, action };
    AccountRisk {
        notional_max: Some(Decimal::from(3_000)),
        tenant_notional_max: Some(Decimal::from(4_000)),
        leverage_max: Some(3),
        collar_bps: Some(4_000),
        data_age_ms_max: Some(20_000),
        kill: vec![
            rule(KillTrigger::Drawdown(Amount::Share(Decimal::new(5, 2))), KillAction::Flatten),
            rule(KillTrigger::RejectRate { rejects: 4, within_ms: 1_000 }, KillAction::Cancel),
            rule(KillTrigger::StaleData { age_ms: 15_000 }, KillAction::ReduceOnly),
        ],
        ..none
    }
}

fn strategy_risk(strategy: u32, profile: Profile) -> StrategyRisk {
    let closing = ClosePolicy { stale_after_ms: 5_000, stale_slippage_bps: Some(500), retry_ms: 2_000, attempts_max: 3 };
    let none = StrategyRisk { closing, ..StrategyRisk::NONE };
    if !profile.guarded {
        return none;
    }
    let rate = |count, per_ms| Some(Rate { count, per_ms });
    StrategyRisk {
        order_size_max: Some(Decimal::from(4)),
        instrument_notional_max: Some(Decimal::from(1_000)),
        rates: Rates { orders: rate(20, 1_000), amends: rate(10, 1_000), cancels: rate(30, 1_000) },
        off_grid: if strategy == 1 { OffGrid::Round } else { OffGrid::Deny },
        self_trade: [SelfTrade::Allow, SelfTrade::Deny, SelfTrade::CancelResting][strategy as usize % 3],
        kill: vec![KillRule { trigger: KillTrigger::Loss(Amount::Quote(Decimal::from(150))), action: KillAction::Flatten }],
        protections: vec![
            Protection::StopLossStreak { losses: 1, within_ms: 30_000, pause_ms: 2_000, per_instrument: true },
            Protection::LowProfit { profit: Decimal::ZERO, trades: 2, within_ms: 30_000, pause_ms: 1_000 },
        ],
        ..none
    }
}

/// Of a strategy in one of its versions.
pub(super) fn deployment(strategy: u32, version: u32, profile: Profile) -> Deployment {
    Deployment {
        version,
        tick_interval_ms: (strategy == 2).then_some(1000),
        risk: strategy_risk(strategy, profile),
        restart: profile.restart,
        shares: profile.shares,
        ..Deployment::new(StrategyId::new(strategy), [].into(), KnownEvents::ALL)
    }
}

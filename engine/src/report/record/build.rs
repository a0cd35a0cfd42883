//! From a finished run to its record.

use super::refused::{by_code, warnings};
use super::{
    CountsRecord, DataRecord, DrawdownRecord, FaultRecord, FuelRecord, InstrumentRecord, LogRecord, ModelsRecord, MonthRecord,
    NotificationRecord, OpenPositionRecord, REPORT_VERSION, RunRecord, SettingsRecord, ShownRecord, StrategyRecord,
    TradeRecord, TradeStatisticsRecord, money,
};
use crate::calendar::format_time;
use crate::request::{LimitFill, RunModels, RunSettings};
use crate::run::{Journal, RanStrategy, RunReport};
use calypte_kernel::{
    EventKind, Fault, Instrument, InstrumentId, LogLevel, MarginMode, ParamValue, Side, Status, StrategyId, StrategyState,
    Urgency,
};
use calypte_sim as sim;
use calypte_sim::{Latency, RunStatus};

impl RunRecord {
    /// Of a finished run.
    pub fn new(run: &RunReport) -> Self {
        let names = Names { strategies: &run.strategies, instruments: &run.instruments };
        let outcome = &run.outcome;
        let (performance, counts, trades) = (&outcome.performance, &outcome.counts, &outcome.trade_statistics);
        Self {
            version: REPORT_VERSION,
            status: outcome.status.name(),
            digest: run.digest.clone(),
            events: counts.events,
            fills: counts.fills,
            fees: money(outcome.money.fees),
            funding: money(outcome.money.funding),
            final_equity: money(outcome.money.final_equity),
            fuel: outcome.fuel.total,
            reason: reason(&outcome.status),
            ended_at_event: ended_at(&outcome.status),
            fault: FaultRecord::of_run(&outcome.status),
            start: format_time(outcome.start),
            end: format_time(outcome.end),
            warnings: warnings(outcome),
            counts: CountsRecord::new(counts, performance.days),
            denials: by_code(&outcome.refusals.denied),
            rejections: by_code(&outcome.refusals.rejected),
            events_by_kind: EventKind::ALL.iter().map(|kind| kind.name()).zip(counts.events_by_kind).collect(),
            initial_cash: money(outcome.money.initial_cash),
            total_return: performance.total_return,
            cagr: performance.cagr,
            volatility: performance.volatility,
            sharpe: performance.sharpe,
            sortino: performance.sortino,
            calmar: performance.calmar,
            max_drawdown: performance.max_drawdown.as_ref().map(DrawdownRecord::new),
            profit_factor: trades.profit_factor,
            expectancy: trades.expectancy,
            win_rate: trades.win_rate,
            average_win: trades.average_win,
            average_loss: trades.average_loss,
            exposure: performance.exposure,
            turnover: performance.turnover,
            traded_notional: money(outcome.money.traded_notional),
            traded_size: money(outcome.money.traded_size),
            trade_statistics: TradeStatisticsRecord::new(trades),
            monthly_returns: outcome.months.iter().map(MonthRecord::new).collect(),
            fuel_detail: FuelRecord::new(&outcome.fuel),
            open_positions: outcome.open_positions.iter().map(|position| names.position(position)).collect(),
            strategies: outcome.strategies.iter().map(|strategy| names.strategy_record(strategy)).collect(),
            data: run.data.iter().map(|used| names.data(used)).collect(),
            instruments: run.instruments.iter().map(InstrumentRecord::new).collect(),
            settings: SettingsRecord::new(&run.settings),
            notifications: names.notifications(&run.journal),
            notifications_left_out: run.journal.notifications_left_out,
            log: names.log(&run.journal),
            log_left_out: run.journal.log_left_out.saturating_add(run.journal.log_dropped),
            trades_left_out: outcome.trades_left_out,
            trades: outcome.trades.iter().map(|trade| names.trade(trade)).collect(),
            wall_time_ms: run.wall_time_ms,
        }
    }
}

fn reason(status: &RunStatus) -> Option<String> {
    match status {
        RunStatus::Completed => None,
        RunStatus::OutOfFuel(event) => Some(format!("the run's fuel was used up in event {event}")),
        RunStatus::Faulted(fault) => Some(fault.to_string()),
        RunStatus::Refused(words) => Some(format!("the strategy refused to begin: {words}")),
        RunStatus::BadData(fault) => Some(format!("{}: {}", fault.place, fault.words)),
        RunStatus::Cancelled(event) => Some(format!("cancelled at event {event}")),
    }
}

fn ended_at(status: &RunStatus) -> Option<u64> {
    match status {
        RunStatus::Completed | RunStatus::Refused(_) => None,
        RunStatus::OutOfFuel(event) | RunStatus::Cancelled(event) => Some(event.get()),
        RunStatus::Faulted(fault) => Some(fault.event.get()),
        RunStatus::BadData(fault) => Some(fault.event.get()),
    }
}

/// What numbers are called.
struct Names<'a> {
    strategies: &'a [RanStrategy],
    instruments: &'a [Instrument],
}

impl Names<'_> {
    fn ran(&self, strategy: StrategyId) -> &RanStrategy {
        let place = strategy.get() as usize;
        self.strategies.get(place).expect("an outcome names strategies of its run only")
    }

    fn strategy(&self, strategy: StrategyId) -> String {
        self.ran(strategy).name.clone()
    }

    fn symbol(&self, instrument: InstrumentId) -> String {
        let place = instrument.get() as usize;
        self.instruments.get(place).expect("an outcome names instruments of its run only").symbol.to_string()
    }

    fn data(&self, used: &crate::run::DataUsed) -> DataRecord {
        DataRecord {
            symbol: self.symbol(used.instrument),
            timeframe: used.content.to_string(),
            file: used.file.display().to_string(),
            sha256: used.sha256.clone(),
            warnings: used.warnings.clone(),
            warnings_left_out: used.warnings_left_out,
        }
    }

    fn notifications(&self, journal: &Journal) -> Vec<NotificationRecord> {
        let record = |notification: &crate::run::Notification| NotificationRecord {
            time: format_time(notification.time),
            strategy: self.strategy(notification.strategy),
            urgency: match notification.urgency {
                Urgency::Info => "info",
                Urgency::Warning => "warning",
                Urgency::Alert => "alert",
            },
            text: notification.text.clone(),
        };
        journal.notifications.iter().map(record).collect()
    }

    fn log(&self, journal: &Journal) -> Vec<LogRecord> {
        let record = |entry: &crate::run::LogEntry| LogRecord {
            time: format_time(entry.time),
            strategy: self.strategy(entry.strategy),
            level: match entry.line.level {
                LogLevel::Debug => "debug",
                LogLevel::Info => "info",
                LogLevel::Warn => "warn",
                LogLevel::Error => "error",
            },
            text: entry.line.text.clone(),
        };
        journal.log_head.iter().chain(&journal.log_tail).map(record).collect()
    }

    fn position(&self, position: &sim::OpenPosition) -> OpenPositionRecord {
        OpenPositionRecord {
            strategy: self.strategy(position.strategy),
            symbol: self.symbol(position.instrument),
            size: money(position.size),
            flow: money(position.flow),
            mark: position.mark.map(|mark| money(mark.get())),
        }
    }

    fn strategy_record(&self, outcome: &sim::StrategyOutcome) -> StrategyRecord {
        let ran = self.ran(outcome.strategy);
        StrategyRecord {
            name: ran.name.clone(),
            manifest_name: ran.manifest.name.clone(),
            manifest_version: ran.manifest.version.clone(),
            sha256: ran.sha256.clone(),
            parameters: ran.parameters.iter().map(|(name, value)| (name.clone(), parameter(value))).collect(),
            shown: ran.status.as_ref().map(ShownRecord::new),
            state: state_name(&outcome.state),
            refusal: match &outcome.state {
                StrategyState::Refused(words) => Some(words.clone()),
                _ => None,
            },
            fault: match &outcome.state {
                StrategyState::Faulted(fault) => Some(FaultRecord::new(fault)),
                _ => None,
            },
            events: outcome.events,
            fills: outcome.fills,
            fees: money(outcome.fees),
            fuel: outcome.fuel,
        }
    }

    fn trade(&self, trade: &sim::Trade) -> TradeRecord {
        TradeRecord {
            strategy: self.strategy(trade.strategy),
            symbol: self.symbol(trade.instrument),
            side: match trade.side {
                Side::Buy => "long",
                Side::Sell => "short",
            },
            size: money(trade.size.get()),
            entry_time: format_time(trade.entry_time),
            exit_time: format_time(trade.exit_time),
            entry_price: money(trade.entry_price),
            exit_price: money(trade.exit_price),
            pnl: money(trade.pnl),
            fees: money(trade.fees),
            mae: money(trade.mae),
            mfe: money(trade.mfe),
        }
    }
}

const fn state_name(state: &StrategyState) -> &'static str {
    match state {
        StrategyState::Created => "created",
        StrategyState::WarmingUp => "warming-up",
        StrategyState::Running => "running",
        StrategyState::Stopping => "stopping",
        StrategyState::Stopped => "stopped",
        StrategyState::Refused(_) => "refused",
        StrategyState::Faulted(_) => "faulted",
    }
}

/// A parameter's value: numbers that are exact decimals stay text.
pub(crate) fn parameter(value: &ParamValue) -> serde_json::Value {
    match value {
        ParamValue::Boolean(value) => (*value).into(),
        ParamValue::Integer(value) => (*value).into(),
        ParamValue::Number(value) => money(*value).into(),
        ParamValue::Text(value) => value.as_str().into(),
    }
}

impl ShownRecord {
    fn new(status: &Status) -> Self {
        match status.clone() {
            Status::Text(text) => Self::Text(text),
            Status::Table { title, columns, rows } => Self::Table { title, columns, rows },
        }
    }
}

impl InstrumentRecord {
    fn new(instrument: &Instrument) -> Self {
        let rules = instrument.rules;
        Self {
            symbol: instrument.symbol.to_string(),
            size_decimals: rules.size_decimals,
            price_decimals: rules.price_decimals,
            price_significant_figures: rules.price_significant_figures,
            tick_size: money(rules.tick_size),
            min_notional: money(rules.min_notional),
            max_leverage: rules.max_leverage,
            margin_tiers: instrument
                .margin
                .tiers()
                .map(|tier| format!("{}:{}", money(tier.notional_from), tier.max_leverage))
                .collect(),
        }
    }
}

impl SettingsRecord {
    /// Of settings.
    pub fn new(settings: &RunSettings) -> Self {
        Self {
            from: settings.from.map(format_time),
            to: settings.to.map(format_time),
            cash: money(settings.cash),
            fee_taker: money(settings.fees.taker),
            fee_maker: money(settings.fees.maker),
            slippage_bps: money(settings.slippage_bps),
            fill: match settings.fill {
                LimitFill::Touch => "touch",
                LimitFill::Through => "through",
            },
            fuel: settings.fuel,
            fuel_per_event: settings.fuel_per_event,
            limits: settings.limits.clone(),
            seed: settings.seed,
            on_bad_data: settings.on_bad_data.to_string(),
            gaps: settings.on_gap.to_string(),
            portable: settings.portable,
            models: ModelsRecord::new(&settings.models),
            risk: settings.risk.clone(),
            architecture: std::env::consts::ARCH,
            engine: env!("CARGO_PKG_VERSION"),
        }
    }
}

impl ModelsRecord {
    fn new(models: &RunModels) -> Self {
        let leverage = models.leverage.iter().map(|spec| {
            let symbol = spec.symbol.as_ref().map_or_else(|| "all".to_owned(), ToString::to_string);
            let mode = if spec.mode == MarginMode::Isolated { "isolated" } else { "cross" };
            (symbol, format!("{} {mode}", spec.leverage))
        });
        let Latency { feed_ms, order_ms, report_ms } = models.latency.0;
        Self {
            leverage: leverage.collect(),
            liquidation_fee: models.liquidation_fee.map(money),
            latency_feed_ms: feed_ms,
            latency_order_ms: order_ms,
            latency_report_ms: report_ms,
            participation: models.participation.map(money),
            ticks: models.ticks.iter().map(|spec| format!("{}:{}", spec.symbol, spec.kind)).collect(),
        }
    }
}

impl FaultRecord {
    fn new(fault: &Fault) -> Self {
        Self {
            kind: fault.kind.name(),
            function: Some(fault.function.clone()),
            place: None,
            event: Some(fault.event.get()),
            fuel: Some(fault.fuel),
            detail: fault.detail.clone(),
        }
    }

    fn of_run(status: &RunStatus) -> Option<Self> {
        match status {
            RunStatus::Completed | RunStatus::OutOfFuel(_) | RunStatus::Cancelled(_) => None,
            RunStatus::Faulted(fault) => Some(Self::new(fault)),
            RunStatus::Refused(words) => Some(Self {
                kind: "refused",
                function: Some("init".to_owned()),
                place: None,
                event: None,
                fuel: None,
                detail: words.clone(),
            }),
            RunStatus::BadData(fault) => Some(Self {
                kind: "data",
                function: None,
                place: Some(fault.place.clone()),
                event: Some(fault.event.get()),
                fuel: None,
                detail: fault.words.clone(),
            }),
        }
    }
}

impl CountsRecord {
    const fn new(counts: &sim::Counts, days: u64) -> Self {
        Self {
            candles: counts.candles,
            derived_candles: counts.derived_candles,
            history_candles: counts.history_candles,
            missing_candles: counts.missing_candles,
            gaps: counts.gaps,
            intents: counts.intents,
            orders: counts.orders,
            denied: counts.denied,
            rejected: counts.rejected,
            cancelled: counts.cancelled,
            maker_fills: counts.maker_fills,
            liquidations: counts.liquidations,
            funding_payments: counts.funding_payments,
            trades: counts.trades,
            quotes: counts.quotes,
            books: counts.books,
            days,
        }
    }
}

impl DrawdownRecord {
    fn new(drawdown: &sim::Drawdown) -> Self {
        Self {
            fraction: drawdown.fraction,
            amount: money(drawdown.amount),
            start: format_time(drawdown.start),
            end: format_time(drawdown.end),
            recovery: drawdown.recovery.map(format_time),
        }
    }
}

impl TradeStatisticsRecord {
    fn new(trades: &sim::TradeStatistics) -> Self {
        Self {
            count: trades.count,
            wins: trades.wins,
            losses: trades.losses,
            gross_profit: money(trades.gross_profit),
            gross_loss: money(trades.gross_loss),
            largest_win: trades.largest_win.map(money),
            largest_loss: trades.largest_loss.map(money),
            consecutive_wins_max: trades.consecutive_wins_max,
            consecutive_losses_max: trades.consecutive_losses_max,
            average_duration_ms: trades.average_duration_ms,
        }
    }
}

impl MonthRecord {
    const fn new(month: &sim::MonthReturn) -> Self {
        Self { year: month.year, month: month.month, value: month.value }
    }
}

impl FuelRecord {
    const fn new(fuel: &sim::FuelSummary) -> Self {
        Self { total: fuel.total, mean: fuel.mean, p99: fuel.p99, max: fuel.max }
    }
}

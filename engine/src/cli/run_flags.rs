//! Flags that a backtest and a sweep share: data, money, fees, fuel. What was written; [`crate::request`] says what it means.

use crate::calendar::parse_time;
use crate::data::{Columns, Label, OnFault, OnGap, TimeUnit};
use crate::request::instrument::InstrumentSpecs;
use crate::request::{
    DataArgument, DataSpec, FundingSpec, InstrumentSpec, LatencySpec, LeverageSpec, LimitFill, LimitSpec, RiskFile, RunModels,
    RunSettings, parse_decimal,
};
use calypte_kernel::{FeeRates, Timestamp};
use clap::Args;
use rust_decimal::Decimal;

/// Data, money, fees, fuel.
#[derive(Debug, Args)]
pub(super) struct RunFlags {
    /// A candle file: CSV (plain, .gz, .zst) or Parquet. Give it once for each series. With trades, quotes or book for a
    /// timeframe, a CSV file of these, against which orders are then matched.
    #[arg(long, value_name = "SYMBOL:TIMEFRAME=FILE", required = true)]
    data: Vec<DataArgument>,
    /// Funding rates, paid by the hour at the last price. Give it once for each symbol.
    #[arg(long, value_name = "SYMBOL=FILE")]
    funding: Vec<FundingSpec>,
    #[command(flatten)]
    reading: ReadingFlags,
    #[command(flatten)]
    policies: PolicyFlags,
    /// Cash at the start, in the quote asset.
    #[arg(long, default_value = "10000", value_parser = parse_decimal, allow_negative_numbers = true)]
    cash: Decimal,
    /// Fee of an order that fills at once, as a fraction of the notional.
    #[arg(long, default_value = "0.00045", value_parser = parse_decimal, allow_negative_numbers = true)]
    fee_taker: Decimal,
    /// Fee of an order that rested; negative is a rebate.
    #[arg(long, default_value = "0.00015", value_parser = parse_decimal, allow_negative_numbers = true)]
    fee_maker: Decimal,
    /// How much worse than the next open a market order fills, in basis points.
    #[arg(long, default_value = "0", value_parser = parse_decimal, allow_negative_numbers = true)]
    slippage_bps: Decimal,
    /// When a resting limit order fills: where a candle reaches its price, or only where it goes beyond.
    #[arg(long, value_enum, default_value_t)]
    fill: LimitFill,
    /// Leverage, which turns margin and liquidation on: NUMBER for all, SYMBOL=NUMBER for one; `:isolated` behind it where it is.
    #[arg(long, value_name = "[SYMBOL=]NUMBER")]
    leverage: Vec<LeverageSpec>,
    /// Fee of a liquidation, as a fraction of the notional; that of a taker where it is not given.
    #[arg(long, value_name = "RATE", value_parser = parse_decimal, allow_negative_numbers = true)]
    liquidation_fee: Option<Decimal>,
    /// How long messages are under way, in milliseconds: feed=MS,order=MS,report=MS.
    #[arg(long, value_name = "WAYS")]
    latency: Option<LatencySpec>,
    /// Share of a candle's volume that orders may fill with, such as 0.1; whole where it is not given.
    #[arg(long, value_name = "SHARE", value_parser = parse_decimal, allow_negative_numbers = true)]
    participation: Option<Decimal>,
    /// Rules of price and size: `any`, `hyperliquid`, KEY=VALUE,… or a .toml file; SYMBOL:… for one instrument.
    #[arg(long, value_name = "RULES")]
    instrument: Vec<InstrumentSpecs>,
    /// Fuel of a whole run. Used up, the run ends as out-of-fuel, with its report.
    #[arg(long, value_name = "TOTAL")]
    fuel: Option<u64>,
    /// Fuel of one event. Used up, the strategy faults. `init` has a budget of its own.
    #[arg(long, value_name = "N")]
    fuel_per_event: Option<u64>,
    /// A limit of each strategy's sandbox, such as memory-bytes=16777216; engine/docs/cli.md lists them.
    #[arg(long, value_name = "NAME=NUMBER")]
    limit: Vec<LimitSpec>,
    /// Limits, kill switches and protections of the account and its strategies.
    #[arg(long, value_name = "FILE.toml")]
    risk: Option<RiskFile>,
    /// Seed of whatever is drawn by lot.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Makes results equal on every kind of machine; slower.
    #[arg(long)]
    portable: bool,
}

/// How files are read.
#[derive(Debug, Args)]
pub(super) struct ReadingFlags {
    /// First candle used: 2024-01-31, 2024-01-31T12:30 (UTC) or Unix milliseconds.
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    pub(super) from: Option<Timestamp>,
    /// End: candles that open then or later are not used.
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    pub(super) to: Option<Timestamp>,
    /// Columns where the header does not say it: `time,open,high,low,close,volume` without a header (`-` ignores one, a
    /// final `*` all that follow), or `time=ts,volume=vol_base` to name some.
    #[arg(long, default_value = "", hide_default_value = true)]
    pub(super) columns: Columns,
    /// How files write times: ms, s, us or iso.
    #[arg(long, value_name = "UNIT", default_value = "ms")]
    pub(super) time: TimeUnit,
    /// Which end of a candle its time is: open or close.
    #[arg(long, default_value = "open")]
    pub(super) label: Label,
}

/// What to do about what is wrong with files, or missing.
#[derive(Debug, Default, Args)]
pub(super) struct PolicyFlags {
    /// What to do with a row that cannot be right: stop, skip or repair.
    #[arg(long, value_name = "POLICY", default_value = "stop")]
    pub(super) on_bad_data: OnFault,
    /// What to do where candles are missing: tell the strategy, stop, or fill with candles without volume.
    #[arg(long, value_name = "POLICY", default_value = "tell")]
    pub(super) gaps: OnGap,
}

impl RunFlags {
    /// Rules of instruments.
    pub(super) fn instruments(&self) -> Vec<InstrumentSpec> {
        self.instrument.iter().flat_map(|specs| specs.0.iter().cloned()).collect()
    }

    /// Candle files.
    pub(super) fn data(&self) -> Vec<DataSpec> {
        let candles = self.data.iter().filter_map(|argument| match argument {
            DataArgument::Candles(spec) => Some(spec.clone()),
            DataArgument::Ticks(_) => None,
        });
        candles.collect()
    }

    fn models(&self) -> RunModels {
        let ticks = self.data.iter().filter_map(|argument| match argument {
            DataArgument::Candles(_) => None,
            DataArgument::Ticks(spec) => Some(spec),
        });
        let funding = self.funding.iter().map(|FundingSpec(spec)| spec);
        RunModels {
            ticks: ticks.chain(funding).cloned().collect(),
            leverage: self.leverage.clone(),
            liquidation_fee: self.liquidation_fee,
            latency: self.latency.unwrap_or_default(),
            participation: self.participation,
        }
    }

    /// Everything else.
    pub(super) fn settings(&self) -> RunSettings {
        let (reading, policies) = (&self.reading, &self.policies);
        RunSettings {
            from: reading.from,
            to: reading.to,
            cash: self.cash,
            fees: FeeRates { taker: self.fee_taker, maker: self.fee_maker },
            slippage_bps: self.slippage_bps,
            fill: self.fill,
            fuel: self.fuel,
            fuel_per_event: self.fuel_per_event,
            limits: self.limit.iter().copied().collect(),
            seed: self.seed,
            columns: reading.columns.clone(),
            time: reading.time,
            label: reading.label,
            on_bad_data: policies.on_bad_data,
            on_gap: policies.gaps,
            portable: self.portable,
            models: self.models(),
            risk: self.risk.clone(),
        }
    }
}

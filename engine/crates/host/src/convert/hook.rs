//! What `describe`, `init`, `on-params` and `on-stop` give and get.

use super::{derived, exact};
use crate::bindings::calypte::strategy::types as wit;
use crate::bindings::exports::calypte::strategy::lifecycle as hooks;
use crate::guest::Broken;
use crate::limits::InstanceLimits;
use crate::strategy::{FeedKind, Manifest, Parameter};
use calypte_kernel::{InitContext, Instrument, InstrumentId, ParamValue, SeriesId, StopReason, Subscription};
use wasmtime::Result;

/// What `init` is told.
pub(crate) fn context(context: &InitContext) -> Result<hooks::Context> {
    let (taker_fee, maker_fee) = super::fees(&context.account.fees)?;
    Ok(hooks::Context {
        now: context.now.as_millis(),
        parameters: parameters(&context.parameters)?,
        instruments: context.instruments.iter().map(instrument).collect::<Result<_>>()?,
        series: context.series.iter().map(series).collect(),
        account: hooks::AccountFacts { cash: derived(context.account.cash)?, taker_fee, maker_fee, live: context.account.live },
        restored: context.restored.clone(),
    })
}

fn series(series: &calypte_kernel::SeriesInfo) -> wit::SeriesInfo {
    wit::SeriesInfo { id: series.id.get(), instrument: series.instrument.get(), timeframe_ms: series.timeframe.as_millis() }
}

/// Parameters with their names.
pub(crate) fn parameters(parameters: &[(String, ParamValue)]) -> Result<Vec<(String, hooks::ParamValue)>> {
    let value = |value: &ParamValue| -> Result<hooks::ParamValue> {
        Ok(match value {
            ParamValue::Boolean(value) => hooks::ParamValue::Boolean(*value),
            ParamValue::Integer(value) => hooks::ParamValue::Integer(*value),
            ParamValue::Number(value) => hooks::ParamValue::Number(exact(*value)?),
            ParamValue::Text(value) => hooks::ParamValue::Text(value.clone()),
        })
    };
    parameters.iter().map(|(name, given)| Ok((name.clone(), value(given)?))).collect()
}

/// An instrument with its rules.
pub(crate) fn instrument(instrument: &Instrument) -> Result<wit::InstrumentInfo> {
    let rules = &instrument.rules;
    Ok(wit::InstrumentInfo {
        id: instrument.id.get(),
        symbol: instrument.symbol.as_str().to_owned(),
        size_decimals: rules.size_decimals,
        price_decimals: rules.price_decimals,
        price_significant_figures: rules.price_significant_figures,
        tick_size: exact(rules.tick_size)?,
        min_notional: exact(rules.min_notional)?,
        max_leverage: rules.max_leverage,
    })
}

/// What `init` wants to hear.
pub(crate) fn subscriptions(answer: Vec<hooks::Subscription>, limits: &InstanceLimits) -> Result<Vec<Subscription>> {
    let max = limits.subscriptions_max;
    if answer.len() > max {
        return Err(Broken::contract(format!("{} subscriptions; the limit is {max}", answer.len())));
    }
    let subscription = |one| match one {
        hooks::Subscription::Candles(wish) => {
            Subscription::Candles { series: SeriesId::new(wish.series), warm_up: wish.warm_up }
        }
        hooks::Subscription::Trades(instrument) => Subscription::Trades(InstrumentId::new(instrument)),
        hooks::Subscription::Quotes(instrument) => Subscription::Quotes(InstrumentId::new(instrument)),
        hooks::Subscription::Book(wish) => {
            Subscription::Book { instrument: InstrumentId::new(wish.instrument), levels: wish.levels }
        }
        hooks::Subscription::Context(instrument) => Subscription::Context(InstrumentId::new(instrument)),
    };
    Ok(answer.into_iter().map(subscription).collect())
}

/// Why a strategy is stopped.
pub(crate) const fn stop_reason(reason: StopReason) -> hooks::StopReason {
    match reason {
        StopReason::Operator => hooks::StopReason::Operator,
        StopReason::KillSwitch => hooks::StopReason::KillSwitch,
        StopReason::Upgrade => hooks::StopReason::Upgrade,
        StopReason::Shutdown => hooks::StopReason::Shutdown,
    }
}

/// What a strategy says of itself; an error in words where it says nonsense.
pub(crate) fn manifest(given: hooks::Manifest) -> std::result::Result<Manifest, String> {
    let feed = |kind| match kind {
        hooks::FeedKind::Candles => FeedKind::Candles,
        hooks::FeedKind::Trades => FeedKind::Trades,
        hooks::FeedKind::Quotes => FeedKind::Quotes,
        hooks::FeedKind::Book => FeedKind::Book,
        hooks::FeedKind::Context => FeedKind::Context,
    };
    let parameters = given.parameters.into_iter().map(parameter).collect::<std::result::Result<Vec<_>, _>>()?;
    Manifest {
        name: given.name,
        version: given.version,
        description: given.description,
        parameters,
        feeds: given.feeds.into_iter().map(feed).collect(),
        tick_interval_ms: given.tick_interval_ms,
    }
    .checked()
}

fn parameter(given: hooks::Parameter) -> std::result::Result<Parameter, String> {
    let name = given.name;
    let value = |value| match value {
        hooks::ParamValue::Boolean(value) => Ok(ParamValue::Boolean(value)),
        hooks::ParamValue::Integer(value) => Ok(ParamValue::Integer(value)),
        hooks::ParamValue::Number(value) => super::wanted(value)
            .get()
            .map(ParamValue::Number)
            .ok_or_else(|| format!("parameter {name:?}: a number has more than 28 decimals")),
        hooks::ParamValue::Text(value) => Ok(ParamValue::Text(value)),
    };
    let default = value(given.default)?;
    let min = given.min.map(value).transpose()?;
    let max = given.max.map(value).transpose()?;
    let step = given.step.map(value).transpose()?;
    Ok(Parameter { doc: given.doc, default, min, max, step, choices: given.choices, name })
}

//! A backtest of what a strategy was given.

use super::DriftError;
use super::course::Course;
use super::span::Span;
use crate::control::Control;
use crate::live::call;
use crate::run::{PrepareError, resolve, sandbox_settings, written};
use anyhow::Context as _;
use calypte_host::{Instance, InstanceSettings, Strategy};
use calypte_kernel::{
    Answer, Candle, Decimal, Deployment, HookEnded, SeriesId, SeriesInfo, StrategyId, Subscription, Timeframe, VenueFill,
};
use calypte_sim::{
    Backtest, BacktestSettings, EquityPoint, ExchangeSettings, Gap, ItemSource, ModelSettings, Observer, SeriesData,
    SeriesSource, SourceItem,
};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Events between two looks at whether the work is cancelled.
const EVENTS_PER_LOOK: u64 = 4_096;

/// Gives a component what the strategy was given, against a simulated exchange; what it decides.
///
/// # Errors
/// Where the component does not take the strategy's parameters, or cannot be started.
pub(super) async fn backtest(span: &Span, component: &Strategy, control: &Control) -> anyhow::Result<Course> {
    let fills = Fills::default();
    let deployment = deployment(span, component)?;
    let mut instance = start(span, component).await?;
    let mut backtest = Backtest::new(settings(span), vec![deployment], sources(span))
        .context("setting up the backtest")?
        .with_observer(Box::new(fills.clone()));
    let (mut course, mut events) = (Course::default(), 0_u64);
    while let Some(deliver) = backtest.next().context("running the backtest")? {
        events += 1;
        if events.is_multiple_of(EVENTS_PER_LOOK) && control.is_cancelled() {
            return Err(DriftError::Cancelled.into());
        }
        course.told(&deliver, &span.settings().series);
        let mut ended = call(&mut instance, deliver).await;
        course.ended(&ended);
        lower_warm_up(&mut ended, &span.warm_up);
        backtest.answer(ended);
        tokio::task::consume_budget().await;
    }
    fills.take().iter().for_each(|fill| course.fill(fill));
    Ok(course)
}

/// The strategy with the parameters that it had, as this component has them.
fn deployment(span: &Span, component: &Strategy) -> Result<Deployment, PrepareError> {
    let had = span.context().parameters.iter().map(|(name, value)| (name.clone(), written(value))).collect::<Vec<_>>();
    let parameters = resolve(&span.strategy, component.manifest(), &had)?;
    let Deployment { strategy, shares, risk, restart, .. } = span.deployment().clone();
    let restored = span.context().restored.clone();
    let tick_interval_ms = component.manifest().tick_interval_ms;
    let new = Deployment::new(strategy, parameters, component.knows());
    Ok(Deployment { shares, risk, restart, restored, tick_interval_ms, ..new })
}

async fn start(span: &Span, component: &Strategy) -> anyhow::Result<Instance> {
    let facts = span.facts();
    let settings = sandbox_settings(span.deployment().strategy, facts.fuel, (facts.fuel_per_event, &facts.limits), facts.seed);
    let started = component.instantiate(InstanceSettings { state: span.state().clone(), ..settings }).await;
    started.with_context(|| format!("starting {}", span.strategy))
}

/// The account as the strategy found it, on an exchange without models.
fn settings(span: &Span) -> BacktestSettings {
    let (core, account) = (span.settings(), span.context().account);
    BacktestSettings {
        account: core.account,
        cash: account.cash,
        instruments: Arc::clone(&core.instruments),
        series: Arc::clone(&core.series),
        exchange: ExchangeSettings { fees: account.fees, ..ExchangeSettings::default() },
        limits: core.limits,
        risk: core.risk.clone(),
        from: span.from(),
        to: None,
        trades_max: 0,
        equity_interval_ms: None,
        models: ModelSettings::default(),
    }
}

/// The candles of each series of the account, with notes where some are missing.
fn sources(span: &Span) -> Vec<SeriesSource> {
    let source = |info: &SeriesInfo| {
        let candles = span.candles.get(&info.id).map_or(&[] as &[Candle], Vec::as_slice);
        SeriesSource {
            series: info.id,
            data: SeriesData::Source(Box::new(ItemSource::new(with_gaps(candles, info.timeframe)))),
        }
    };
    span.settings().series.iter().map(source).collect()
}

fn with_gaps(candles: &[Candle], timeframe: Timeframe) -> Arc<[SourceItem]> {
    let mut items = Vec::with_capacity(candles.len());
    let mut expected = None;
    for candle in candles {
        if let Some(start) = expected.filter(|expected| *expected < candle.open_time) {
            let missing = candle.open_time.millis_since(start) / timeframe.as_millis();
            if let Ok(missing @ 1..) = u32::try_from(missing) {
                items.push(SourceItem::Gap(Gap { start, end: candle.open_time, missing }));
            }
        }
        items.push(SourceItem::Candle(*candle));
        expected = Some(timeframe.close_of(candle.open_time));
    }
    items.into()
}

/// A strategy that was given less history than it asks for began to trade behind that, and does so here.
fn lower_warm_up(ended: &mut HookEnded, given: &BTreeMap<SeriesId, u32>) {
    let Answer::Subscriptions(subscriptions) = &mut ended.answer else { return };
    for subscription in subscriptions {
        if let Subscription::Candles { series, warm_up } = subscription {
            *warm_up = (*warm_up).min(given.get(series).copied().unwrap_or_default());
        }
    }
}

/// What filled.
#[derive(Debug, Clone, Default)]
struct Fills(Arc<Mutex<Vec<VenueFill>>>);

impl Fills {
    fn take(&self) -> Vec<VenueFill> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Observer for Fills {
    fn fill(&mut self, _strategy: StrategyId, fill: &VenueFill, _position: Decimal) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(fill.clone());
    }

    fn equity(&mut self, _point: EquityPoint) {}
}

//! The component's imports, answered by the bench whose hook is running on this thread.

use super::world::World;
use crate::{CandleEvent, Event};
use std::cell::RefCell;

thread_local! {
    /// The world of the hook that is running; none outside of hooks.
    static RUNNING: RefCell<Option<World>> = const { RefCell::new(None) };
}

/// Runs a hook in a world and gives the world back.
pub(super) fn within<R>(world: World, hook: impl FnOnce() -> R) -> (World, R) {
    RUNNING.with(|running| running.replace(Some(world)));
    let answer = hook();
    let world = RUNNING.with(RefCell::take).expect("the world stays while its hook runs");
    (world, answer)
}

fn with<R>(work: impl FnOnce(&mut World) -> R) -> R {
    RUNNING.with(|running| work(running.borrow_mut().as_mut().expect("engine functions may be called inside of hooks only")))
}

/// Where the event that was pulled lies.
pub(crate) struct Returned(Option<Event>);

/// An event that was pulled.
pub(crate) enum Pulled<'a> {
    /// A candle.
    Candle(&'a CandleEvent),
    /// Another kind.
    Other(Unread<'a>),
}

/// An event that waits to be read.
pub(crate) struct Unread<'a>(&'a Event);

impl Returned {
    /// Room for an event.
    pub(crate) const fn new() -> Self {
        Self(None)
    }

    /// Ends the event and takes the following one, if there is one.
    pub(crate) fn next(&mut self) -> Option<Pulled<'_>> {
        self.0 = with(World::next_event);
        self.0.as_ref().map(|event| match event {
            Event::Candle(event) => Pulled::Candle(event),
            event => Pulled::Other(Unread(event)),
        })
    }
}

impl Unread<'_> {
    /// Reads it.
    pub(crate) fn read(self) -> Event {
        self.0.clone()
    }
}

pub(crate) mod log {
    use super::with;
    use crate::Level;

    pub(crate) fn write(level: Level, message: &str) {
        with(|world| world.log.push((level, message.into())));
    }
}

pub(crate) mod status {
    use super::with;

    pub(crate) fn text(text: &str) {
        with(|world| world.status = text.into());
    }

    pub(crate) fn table(title: &str, columns: &[String], rows: &[Vec<String>]) {
        let lines = [title.to_owned(), columns.join(" | ")].into_iter().chain(rows.iter().map(|row| row.join(" | ")));
        with(|world| world.status = lines.collect::<Vec<_>>().join("\n"));
    }
}

pub(crate) mod state {
    use super::super::world::{STATE_BYTES_MAX, STATE_KEY_BYTES_MAX};
    use super::with;
    use crate::StateError;

    pub(crate) fn get(key: &str) -> Option<Vec<u8>> {
        with(|world| world.state.get(key).cloned())
    }

    pub(crate) fn set(key: &str, value: &[u8]) -> Result<(), StateError> {
        if key.is_empty() || key.len() > STATE_KEY_BYTES_MAX {
            return Err(StateError::BadKey);
        }
        with(|world| {
            let others = world.state.iter().filter(|(known, _)| *known != key);
            let bytes: usize = others.map(|(key, value)| key.len() + value.len()).sum();
            if bytes + key.len() + value.len() > STATE_BYTES_MAX {
                return Err(StateError::Full);
            }
            world.state.insert(key.into(), value.into());
            Ok(())
        })
    }

    pub(crate) fn delete(key: &str) -> bool {
        with(|world| world.state.remove(key).is_some())
    }

    pub(crate) fn keys(prefix: &str) -> Vec<String> {
        with(|world| world.state.keys().filter(|key| key.starts_with(prefix)).cloned().collect())
    }
}

pub(crate) mod market {
    use super::super::rules;
    use super::with;
    use crate::{Candle, Decimal, InstrumentId, InstrumentInfo, Quote, Rounding, SeriesId, Side, Timestamp};

    pub(crate) fn now() -> Timestamp {
        with(|world| world.now)
    }

    pub(crate) fn candles(series: SeriesId, count: u32) -> Vec<Candle> {
        with(|world| {
            let closed = world.closed.get(&series).map(Vec::as_slice).unwrap_or_default();
            closed[closed.len().saturating_sub(count as usize)..].to_vec()
        })
    }

    pub(crate) fn last_price(instrument: InstrumentId) -> Option<Decimal> {
        with(|world| world.exchange.last_price(instrument))
    }

    pub(crate) fn mark_price(instrument: InstrumentId) -> Option<Decimal> {
        with(|world| world.marks.get(&instrument).copied().or_else(|| world.exchange.last_price(instrument)))
    }

    pub(crate) fn best(instrument: InstrumentId) -> Option<Quote> {
        with(|world| world.quotes.get(&instrument).copied())
    }

    pub(crate) fn price_for_volume(instrument: InstrumentId, side: Side, size: Decimal) -> Option<Decimal> {
        with(|world| world.sweep(instrument, side, size).map(|(worst, _)| worst))
    }

    pub(crate) fn vwap_for_volume(instrument: InstrumentId, side: Side, size: Decimal) -> Option<Decimal> {
        with(|world| world.sweep(instrument, side, size).map(|(_, average)| average))
    }

    pub(crate) fn instrument(instrument: InstrumentId) -> Option<InstrumentInfo> {
        with(|world| world.exchange.rules(instrument).cloned())
    }

    pub(crate) fn round_price(instrument: InstrumentId, price: Decimal, rounding: Rounding) -> Option<Decimal> {
        with(|world| rules::round_price(world.exchange.rules(instrument)?, price, rounding))
    }

    pub(crate) fn round_size(instrument: InstrumentId, size: Decimal, rounding: Rounding) -> Option<Decimal> {
        with(|world| Some(rules::round_size(world.exchange.rules(instrument)?, size, rounding)))
    }
}

pub(crate) mod account {
    use super::super::exchange::derived;
    use super::with;
    use crate::{Collateral, Decimal, FeeRates, InstrumentId, Order, Position};

    pub(crate) fn position_in(instrument: InstrumentId) -> Position {
        with(|world| world.exchange.position(instrument))
    }

    pub(crate) fn positions() -> Vec<Position> {
        with(|world| world.exchange.positions())
    }

    /// Without margin everything is available.
    pub(crate) fn balance() -> Collateral {
        with(|world| {
            let (cash, equity) = (derived(world.exchange.cash), derived(world.exchange.equity()));
            Collateral { cash, equity, margin_used: Decimal::ZERO, available: equity }
        })
    }

    pub(crate) fn open_orders(instrument: Option<InstrumentId>) -> Vec<Order> {
        with(|world| world.exchange.open_orders(instrument))
    }

    pub(crate) fn fees() -> FeeRates {
        with(|world| FeeRates { taker: derived(world.exchange.taker_fee), maker: derived(world.exchange.maker_fee) })
    }
}

pub(crate) mod chart {
    use super::super::world::CHART_SERIES_MAX;
    use super::with;
    use crate::Pane;

    pub(crate) fn series(name: &str, _pane: Pane) -> Option<u32> {
        with(|world| {
            let place = world.chart.iter().position(|(known, _)| known == name).unwrap_or(world.chart.len());
            if place == world.chart.len() {
                if place == CHART_SERIES_MAX {
                    return None;
                }
                world.chart.push((name.into(), Vec::new()));
            }
            u32::try_from(place).ok()
        })
    }

    pub(crate) fn point(series: u32, value: f64) {
        with(|world| {
            let now = world.now;
            if let Some((_, points)) = world.chart.get_mut(series as usize)
                && value.is_finite()
            {
                points.push((now, value));
            }
        });
    }

    pub(crate) fn mark(text: &str) {
        with(|world| world.marks_drawn.push((world.now, text.into())));
    }
}

//! What a strategy decided, in an order that a session and a backtest have in common.
//!
//! Only candles come to both at the same times. What was decided on a candle is known by it; what was decided on anything else (a
//! fill, a timer) comes after the candle that closed last, in its order. Numbers that depend on the rest of the account are made
//! those of the strategy alone: an order is its first, its second.

use calypte_kernel::{
    Answer, ClientOrderId, Decimal, Deliver, Event, EventKind, EventNumber, FaultKind, Hook, HookEnded, InstrumentId, Intent,
    OrderId, OrderRef, SeriesId, SeriesInfo, Side, Timestamp, TradeId, VenueFill, VenueOrderId,
};
use std::collections::{BTreeMap, BTreeSet};

/// What was said to an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Said {
    /// This is to be done; mostly nothing.
    Intents(Vec<Intent>),
    /// It failed.
    Failed(FaultKind),
}

impl Said {
    /// Whether nothing is to be done.
    pub(super) fn is_nothing(&self) -> bool {
        matches!(self, Self::Intents(intents) if intents.is_empty())
    }
}

/// What was decided from the close of a candle on, until the next one closed.
#[derive(Debug, Clone, Default)]
pub(super) struct Moment {
    /// On the candles that closed then, of each series.
    pub(super) candles: BTreeMap<SeriesId, Said>,
    /// On what came after them, where it was not nothing.
    pub(super) others: Vec<Other>,
}

/// A decision on something that was no candle.
#[derive(Debug, Clone)]
pub(super) struct Other {
    pub(super) kind: EventKind,
    pub(super) time: Timestamp,
    pub(super) said: Said,
}

/// Which intent an order follows from: the same in a session and in a backtest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Asked {
    moment: Timestamp,
    place: Place,
    intent: u16,
    leg: u8,
}

/// Where in a moment something was decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    Candle(SeriesId),
    Other(usize),
}

/// What filled of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Filled {
    pub(super) instrument: InstrumentId,
    pub(super) side: Side,
    pub(super) size: Decimal,
    pub(super) notional: Decimal,
}

/// What is waited for.
#[derive(Debug, Clone, Copy)]
enum Out {
    /// A candle of history: nothing said to it counts.
    History,
    Candle(SeriesId, Timestamp),
    Other(EventKind, Timestamp),
}

/// What a strategy decided, from one start to its end.
#[derive(Debug, Clone, Default)]
pub(super) struct Course {
    /// By when candles closed; what came before the first has no time.
    pub(super) moments: BTreeMap<Timestamp, Moment>,
    /// What filled, by what had asked for it.
    pub(super) filled: BTreeMap<Asked, Filled>,
    latest: Timestamp,
    out: Option<(EventNumber, Out)>,
    decided: BTreeMap<EventNumber, (Timestamp, Place)>,
    orders: BTreeMap<OrderId, u64>,
    /// After a restart, the exchange says fills again.
    trades: BTreeSet<(VenueOrderId, TradeId)>,
}

impl Course {
    /// Takes what the strategy is told.
    pub(super) fn told(&mut self, deliver: &Deliver, series: &[SeriesInfo]) {
        let Hook::Event(event) = &deliver.hook else { return };
        self.number_orders(event, deliver);
        let out = match event {
            Event::Candle(event) if event.warm_up => Out::History,
            Event::Candle(event) => {
                let info = series.get(event.series.get() as usize);
                let close = info.map_or(event.candle.open_time, |info| info.timeframe.close_of(event.candle.open_time));
                self.latest = self.latest.max(close);
                Out::Candle(event.series, close)
            }
            event => Out::Other(event.kind(), deliver.views.now),
        };
        self.out = Some((deliver.number, out));
    }

    /// Takes what it said.
    pub(super) fn ended(&mut self, ended: &HookEnded) {
        let Some((_, out)) = self.out.take_if(|(number, _)| *number == ended.number) else { return };
        let said = match &ended.answer {
            Answer::Intents(intents) => Said::Intents(intents.iter().map(|intent| self.in_common(intent)).collect()),
            Answer::Fault(fault) => Said::Failed(fault.kind),
            _ => return,
        };
        let is_nothing = said.is_nothing();
        let place = match out {
            Out::History => return,
            Out::Candle(series, close) => {
                self.moments.entry(close).or_default().candles.insert(series, said);
                (close, Place::Candle(series))
            }
            Out::Other(..) if is_nothing => return,
            Out::Other(kind, time) => {
                let others = &mut self.moments.entry(self.latest).or_default().others;
                others.push(Other { kind, time, said });
                (self.latest, Place::Other(others.len() - 1))
            }
        };
        if !is_nothing {
            self.decided.insert(ended.number, place);
        }
    }

    /// Takes a fill, of whatever order of the account.
    pub(super) fn fill(&mut self, fill: &VenueFill) {
        let Some(origin) = fill.order.and_then(ClientOrderId::origin) else { return };
        let Some((moment, place)) = self.decided.get(&origin.event).copied() else { return };
        let Some(notional) = fill.price.get().checked_mul(fill.size.get()) else { return };
        if !self.trades.insert((fill.venue_order, fill.trade_id)) {
            return;
        }
        let asked = Asked { moment, place, intent: origin.intent, leg: origin.leg };
        let nothing = Filled { instrument: fill.instrument, side: fill.side, size: Decimal::ZERO, notional: Decimal::ZERO };
        let filled = self.filled.entry(asked).or_insert(nothing);
        filled.size = filled.size.saturating_add(fill.size.get());
        filled.notional = filled.notional.saturating_add(notional);
    }

    /// Numbers orders as the strategy hears of them.
    fn number_orders(&mut self, event: &Event, deliver: &Deliver) {
        let told = match event {
            Event::Order(event) => event.order.as_ref().map(|order| order.id),
            _ => None,
        };
        for id in deliver.views.account.orders.iter().map(|order| order.id).chain(told) {
            let next = self.orders.len() as u64 + 1;
            self.orders.entry(id).or_insert(next);
        }
    }

    /// An intent without what differs by nature: numbers of orders, and times of timers, which live go by a clock.
    fn in_common(&self, intent: &Intent) -> Intent {
        let order = |order: &OrderRef| match order {
            OrderRef::Id(id) => OrderRef::Id(OrderId::new(self.orders.get(id).copied().unwrap_or(id.get()))),
            OrderRef::Tag(tag) => OrderRef::Tag(*tag),
        };
        match intent {
            Intent::Cancel(which) => Intent::Cancel(order(which)),
            Intent::Amend { order: which, price, size, trigger_price } => {
                Intent::Amend { order: order(which), price: *price, size: *size, trigger_price: *trigger_price }
            }
            Intent::SetTimer { timer, every_ms, .. } => {
                Intent::SetTimer { timer: *timer, at: Timestamp::default(), every_ms: *every_ms }
            }
            other => other.clone(),
        }
    }
}

//! What an input says of orders and money, held against what the core knew before it had it.
//!
//! An exchange tells some things again: a fill or a payment that was counted before is no other fact.

use super::words::{force, side, text};
use super::{Facts, Table, Value, book_of};
use calypte_kernel::{
    Book, ClientOrderId, Decimal, Input, InstrumentId, StrategyId, StrategyView, Timestamp, TradingCore, VenueEvent, VenueFill,
};

/// What an input says.
#[derive(Debug, Default)]
pub(in crate::record) struct Evidence {
    /// Fills that were not counted before, in their order.
    fills: Vec<VenueFill>,
    funding: Option<Payment>,
    /// Which orders it may have changed.
    pub(super) touched: Touched,
    /// Why, as the exchange said it: a code and words.
    pub(super) why: Why,
    /// The book it is.
    pub(super) book: Option<Book>,
}

/// Which orders an input may have changed, besides those that the core sends something about.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) enum Touched {
    /// None.
    #[default]
    None,
    /// This one.
    One(ClientOrderId),
    /// Any.
    All,
}

/// What the exchange said about an order.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Why {
    /// A code, where it refused something.
    pub(super) code: Option<String>,
    /// Words.
    pub(super) words: Option<String>,
}

/// A payment that was not counted before.
#[derive(Debug)]
struct Payment {
    instrument: InstrumentId,
    due: Timestamp,
    rate: Decimal,
    payment: Decimal,
    /// What each strategy had received before.
    before: Vec<(StrategyId, Decimal)>,
}

impl Evidence {
    /// Of an input that the core has not had yet.
    pub(super) fn of(core: Option<&TradingCore>, input: &Input) -> Self {
        match input {
            Input::Venue(event) => Self::of_venue(core, event),
            // The process before may have left anything unanswered; and what is overdue is found when time is looked at.
            Input::Opened { .. } | Input::Wake => Self { touched: Touched::All, ..Self::default() },
            _ => Self { book: book_of(input), ..Self::default() },
        }
    }

    fn of_venue(core: Option<&TradingCore>, event: &VenueEvent) -> Self {
        let one = |order: &ClientOrderId| Self { touched: Touched::One(*order), ..Self::default() };
        let said = |order: &ClientOrderId, code: Option<String>, words: String| {
            let why = Why { code, words: (!words.is_empty()).then_some(words) };
            Self { why, ..one(order) }
        };
        match event {
            VenueEvent::Rejected { order, refusal } | VenueEvent::RequestRejected { order, refusal, .. } => {
                said(order, Some(refusal.code.to_string()), refusal.message.clone())
            }
            VenueEvent::Cancelled { order, reason, .. } => said(order, None, reason.to_string()),
            VenueEvent::Accepted { order, .. }
            | VenueEvent::Expired { order }
            | VenueEvent::Triggered { order }
            | VenueEvent::Amended { order, .. }
            | VenueEvent::Resized { order, .. }
            | VenueEvent::Unanswered { order }
            | VenueEvent::Absent { order, .. }
            | VenueEvent::ExitLive { order, .. } => one(order),
            VenueEvent::Fill(fill) => {
                let touched = fill.order.map_or(Touched::All, Touched::One);
                Self { fills: new_fills(core, std::slice::from_ref(fill)), touched, ..Self::default() }
            }
            VenueEvent::Open(order) => Self { touched: order.order.map_or(Touched::All, Touched::One), ..Self::default() },
            VenueEvent::Snapshot(snapshot) => {
                Self { fills: new_fills(core, &snapshot.fills), touched: Touched::All, ..Self::default() }
            }
            VenueEvent::Funding { instrument, time, rate, payment } => {
                let (instrument, due, rate, payment) = (*instrument, *time, *rate, *payment);
                let is_new = !core.is_some_and(|core| core.has_paid_funding(instrument, due));
                let before = core.into_iter().flat_map(received).collect();
                let funding = is_new.then_some(Payment { instrument, due, rate, payment, before });
                Self { funding, ..Self::default() }
            }
            VenueEvent::ExternalGone { .. }
            | VenueEvent::LeverageSet { .. }
            | VenueEvent::LeverageRejected { .. }
            | VenueEvent::CancelScheduled { .. }
            | VenueEvent::CancelScheduleRejected { .. }
            | VenueEvent::Position(_)
            | VenueEvent::Balance { .. } => Self::default(),
        }
    }

    /// Tells what the core counted.
    pub(super) fn tell(&self, facts: &mut Facts<'_>) {
        for fill in &self.fills {
            if facts.core.has_counted(fill) {
                tell_fill(fill, facts);
            }
        }
        if let Some(funding) = &self.funding
            && facts.core.has_paid_funding(funding.instrument, funding.due)
        {
            funding.tell(facts);
        }
    }
}

/// Fills that were not counted before, each once.
fn new_fills<F: std::borrow::Borrow<VenueFill>>(core: Option<&TradingCore>, fills: &[F]) -> Vec<VenueFill> {
    let mut seen = std::collections::BTreeSet::new();
    let fills = fills.iter().map(std::borrow::Borrow::borrow);
    let new = fills.filter(|fill| !core.is_some_and(|core| core.has_counted(fill)));
    new.filter(|fill| seen.insert((fill.venue_order, fill.trade_id))).cloned().collect()
}

fn received(core: &TradingCore) -> impl Iterator<Item = (StrategyId, Decimal)> {
    core.strategies().map(|strategy| (strategy.id(), strategy.funding_received()))
}

fn tell_fill(fill: &VenueFill, facts: &mut Facts<'_>) {
    let ours = facts.core.order_of(fill);
    // An order that nobody remembers any more still carries the name of who made it.
    let by_name = || {
        let origin = fill.order?.origin().filter(|origin| origin.account == facts.core.account())?;
        facts.core.strategy(origin.strategy).map(StrategyView::id)
    };
    let strategy = ours.map(|(strategy, _)| strategy).or_else(by_name);
    let order = ours.map(|(_, order)| order).or(fill.order);
    let values = vec![
        strategy.map_or(Value::None, |strategy| facts.strategy(strategy)),
        order.map_or(Value::None, |order| text(order.to_string())),
        Value::Exact(fill.venue_order.get().into()),
        Value::Exact(fill.trade_id.get().into()),
        facts.symbol(fill.instrument),
        text(side(fill.side)),
        Value::Exact(fill.price.get()),
        Value::Exact(fill.size.get()),
        Value::Exact(fill.fee),
        Value::Flag(fill.maker),
        fill.force.map_or(Value::None, |forced| text(force(forced))),
        Value::Number(fill.time.as_millis()),
    ];
    facts.add(Table::Fills, values);
}

impl Payment {
    /// What each strategy received of it, and what is left for nobody: together they are the payment.
    fn tell(&self, facts: &mut Facts<'_>) {
        let mut left = self.payment;
        let mut shares = Vec::new();
        for (strategy, now) in received(facts.core) {
            let before = self.before.iter().find(|(id, _)| *id == strategy).map_or(Decimal::ZERO, |(_, sum)| *sum);
            let share = now.saturating_sub(before);
            if !share.is_zero() {
                left = left.saturating_sub(share);
                shares.push((Some(strategy), share));
            }
        }
        if !left.is_zero() || shares.is_empty() {
            shares.push((None, left));
        }
        for (strategy, share) in shares {
            let values = vec![
                strategy.map_or(Value::None, |strategy| facts.strategy(strategy)),
                facts.symbol(self.instrument),
                Value::Number(self.due.as_millis()),
                Value::Exact(self.rate),
                Value::Exact(share),
            ];
            facts.add(Table::Funding, values);
        }
    }
}

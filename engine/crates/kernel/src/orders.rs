//! The orders of one strategy: what was sent, what the exchange said of it, and which intent each thing answers.
//!
//! An order is open from the moment it is sent until the exchange says that it is gone. It is remembered for a while after
//! that, since a fill may still arrive behind its cancellation. The number, tag and terms are what strategies see; the client
//! order id is what the exchange knows it by.

use crate::{
    Answers, ClientOrderId, Decimal, FillView, InstrumentId, Order, OrderChange, OrderId, OrderKind, OrderRef, OrderTag,
    Refusal, Size, TimeInForce, TradeId, VenueFill,
};
use smallvec::SmallVec;
use std::borrow::Cow;
use std::collections::VecDeque;

/// How many orders that are gone are remembered for late fills.
const CLOSED_ORDERS_MAX: usize = 256;

/// How many fills of one order are told apart by their trade number; the oldest is forgotten first.
const TRADES_PER_ORDER_MAX: usize = 1024;

/// How many unanswered requests (amends, cancels) one order may have.
pub(crate) const REQUESTS_PER_ORDER_MAX: usize = 8;

/// An order with what strategies do not see of it.
#[derive(Debug, Clone)]
pub(crate) struct OpenOrder {
    /// As strategies see it.
    pub(crate) order: Order,
    /// As the exchange knows it.
    pub(crate) client_id: ClientOrderId,
    /// The intent that made it.
    placed: Answers,
    /// Whether the exchange has it. A fill says so too.
    acknowledged: bool,
    /// Amends and cancels that the exchange has not answered, oldest first.
    requests: SmallVec<[(RequestKind, Answers); 1]>,
    /// Fills that were counted.
    trades: SmallVec<[TradeId; 2]>,
}

/// A request about an order that is out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RequestKind {
    /// New terms.
    Amend,
    /// Its end.
    Cancel,
}

impl OpenOrder {
    pub(crate) fn new(order: Order, client_id: ClientOrderId, placed: Answers) -> Self {
        let (requests, trades) = (SmallVec::new(), SmallVec::new());
        Self { order, client_id, placed, acknowledged: false, requests, trades }
    }

    /// How many requests about it are unanswered.
    pub(crate) fn requests(&self) -> usize {
        self.requests.len()
    }

    /// Notes a request that was sent.
    pub(crate) fn requested(&mut self, kind: RequestKind, answers: Answers) {
        self.requests.push((kind, answers));
    }

    /// Whether its end was asked for already.
    pub(crate) fn is_cancelling(&self) -> bool {
        self.requests.iter().any(|(kind, _)| *kind == RequestKind::Cancel)
    }

    /// Whether it ends by itself as soon as it reaches the market, so that cancelling it means nothing.
    pub(crate) fn is_passing(&self) -> bool {
        matches!(self.order.kind, OrderKind::Market | OrderKind::Limit { time_in_force: TimeInForce::Ioc, .. })
    }

    fn answer(&mut self, kind: Option<RequestKind>) -> Answers {
        let place = self.requests.iter().position(|(request, _)| kind.is_none_or(|kind| kind == *request));
        place.map_or(self.placed, |place| self.requests.remove(place).1)
    }

    fn happened(&self, change: OrderChange, answers: Answers) -> Happened {
        Happened { order: self.order.clone(), change, answers }
    }
}

/// Something that happened to an order, to be told to its strategy.
#[derive(Debug)]
pub(crate) struct Happened {
    pub(crate) order: Order,
    pub(crate) change: OrderChange,
    pub(crate) answers: Answers,
}

/// What a fill meant for the orders.
#[derive(Debug)]
pub(crate) enum Filled {
    /// Counted before.
    Repeated,
    /// Of an order that is known: the acknowledgement that it implies, where that had not come, and the fill.
    Known(Box<(Option<Happened>, Happened)>),
    /// Of an order that is not known, or no longer.
    Unknown,
}

/// The orders of one strategy.
#[derive(Debug, Default)]
pub(crate) struct Orders {
    /// By number, since numbers only grow.
    open: Vec<OpenOrder>,
    /// The latest that are gone, oldest first.
    closed: VecDeque<OpenOrder>,
}

impl Orders {
    /// Takes an order that was sent. Its number is above all others.
    pub(crate) fn insert(&mut self, order: OpenOrder) {
        assert!(self.open.last().is_none_or(|last| last.order.id < order.order.id), "order numbers grow");
        self.open.push(order);
    }

    /// Open orders, by number.
    pub(crate) fn open(&self) -> &[OpenOrder] {
        &self.open
    }

    /// Open orders, by number.
    pub(crate) fn open_mut(&mut self) -> &mut [OpenOrder] {
        &mut self.open
    }

    /// The open order that a strategy names.
    pub(crate) fn named(&self, name: OrderRef) -> Option<usize> {
        match name {
            OrderRef::Id(id) => self.with_id(id),
            OrderRef::Tag(tag) => self.with_tag(tag),
        }
    }

    fn with_id(&self, id: OrderId) -> Option<usize> {
        self.open.binary_search_by_key(&id, |open| open.order.id).ok()
    }

    fn with_tag(&self, tag: OrderTag) -> Option<usize> {
        self.open.iter().position(|open| open.order.tag == Some(tag))
    }

    /// Market orders in flight on an instrument, signed and summed; none where the sum overflows.
    pub(crate) fn at_market(&self, instrument: InstrumentId) -> Option<Decimal> {
        let market = self.open.iter().map(|open| &open.order);
        let market = market.filter(|order| order.instrument == instrument && order.kind == OrderKind::Market);
        market
            .filter_map(|order| Size::new(order.remaining()).ok().map(|size| order.side.signed(size)))
            .try_fold(Decimal::ZERO, Decimal::checked_add)
    }

    fn find(&mut self, client_id: ClientOrderId) -> Option<(usize, &mut OpenOrder)> {
        self.open.iter_mut().enumerate().find(|(_, open)| open.client_id == client_id)
    }

    /// Whether an order of that name is open.
    pub(crate) fn knows(&self, client_id: ClientOrderId) -> bool {
        self.open.iter().any(|open| open.client_id == client_id)
    }

    /// Whether an order of that name is open, or was not long ago.
    pub(crate) fn remembers(&self, client_id: ClientOrderId) -> bool {
        self.knows(client_id) || self.closed.iter().any(|closed| closed.client_id == client_id)
    }

    fn close(&mut self, place: usize) {
        if self.closed.len() == CLOSED_ORDERS_MAX {
            self.closed.pop_front();
        }
        self.closed.push_back(self.open.remove(place));
    }

    /// The exchange has it. Once known, saying it again tells nothing.
    pub(crate) fn accepted(&mut self, client_id: ClientOrderId) -> Option<Happened> {
        let (_, open) = self.find(client_id)?;
        if std::mem::replace(&mut open.acknowledged, true) {
            return None;
        }
        Some(open.happened(OrderChange::Accepted, open.placed))
    }

    /// The exchange refused it.
    pub(crate) fn rejected(&mut self, client_id: ClientOrderId, refusal: Refusal) -> Option<Happened> {
        let (place, open) = self.find(client_id)?;
        let happened = open.happened(OrderChange::Rejected(refusal), open.placed);
        self.close(place);
        Some(happened)
    }

    /// It is gone.
    pub(crate) fn cancelled(&mut self, client_id: ClientOrderId, reason: Cow<'static, str>) -> Option<Happened> {
        let (place, open) = self.find(client_id)?;
        let answers = open.answer(Some(RequestKind::Cancel));
        let happened = open.happened(OrderChange::Cancelled(reason), answers);
        self.close(place);
        Some(happened)
    }

    /// Its trigger price was reached: from now on it is an ordinary order.
    pub(crate) fn triggered(&mut self, client_id: ClientOrderId) -> Option<Happened> {
        let (_, open) = self.find(client_id)?;
        open.order.kind = match open.order.kind {
            OrderKind::Trigger { limit_price: Some(price), .. } => OrderKind::Limit { price, time_in_force: TimeInForce::Gtc },
            _ => OrderKind::Market,
        };
        open.acknowledged = true;
        Some(open.happened(OrderChange::Triggered, open.placed))
    }

    /// Its terms are new.
    pub(crate) fn amended(&mut self, client_id: ClientOrderId, size: Size, kind: OrderKind) -> Option<Happened> {
        let (_, open) = self.find(client_id)?;
        (open.order.size, open.order.kind, open.acknowledged) = (size, kind, true);
        let answers = open.answer(Some(RequestKind::Amend));
        Some(open.happened(OrderChange::Amended, answers))
    }

    /// The oldest request about it was refused; it stays as it is.
    pub(crate) fn request_rejected(&mut self, client_id: ClientOrderId, refusal: Refusal) -> Option<Happened> {
        let (_, open) = self.find(client_id)?;
        let answers = open.answer(None);
        Some(open.happened(OrderChange::Rejected(refusal), answers))
    }

    /// Whether a fill was counted before.
    pub(crate) fn is_repeated(&self, fill: &VenueFill) -> bool {
        let mut all = self.open.iter().chain(&self.closed).filter(|open| open.client_id == fill.order);
        all.any(|open| open.trades.contains(&fill.trade_id))
    }

    /// Counts a fill. What goes beyond the order is counted as it is: it happened.
    pub(crate) fn fill(&mut self, fill: &VenueFill) -> Filled {
        if let Some((place, open)) = self.find(fill.order) {
            let implied = !std::mem::replace(&mut open.acknowledged, true);
            let implied = implied.then(|| open.happened(OrderChange::Accepted, open.placed));
            let Some(happened) = open.fill(fill) else { return Filled::Repeated };
            if open.order.remaining().is_zero() {
                self.close(place);
            }
            return Filled::Known(Box::new((implied, happened)));
        }
        match self.closed.iter_mut().rev().find(|closed| closed.client_id == fill.order) {
            Some(closed) => closed.fill(fill).map_or(Filled::Repeated, |happened| Filled::Known(Box::new((None, happened)))),
            None => Filled::Unknown,
        }
    }
}

impl OpenOrder {
    fn fill(&mut self, fill: &VenueFill) -> Option<Happened> {
        if self.trades.contains(&fill.trade_id) {
            return None;
        }
        if self.trades.len() == TRADES_PER_ORDER_MAX {
            self.trades.remove(0);
        }
        self.trades.push(fill.trade_id);
        self.order.filled = self.order.filled.saturating_add(fill.size.get());
        let view = fill_view(fill, self.order.remaining());
        let change = if view.remaining.is_zero() { OrderChange::Filled(view) } else { OrderChange::PartiallyFilled(view) };
        Some(self.happened(change, self.placed))
    }
}

/// A fill as a strategy sees it.
fn fill_view(fill: &VenueFill, remaining: Decimal) -> FillView {
    let VenueFill { trade_id, price, size, fee, maker, liquidation, .. } = *fill;
    FillView { trade_id, price, size, fee, maker, liquidation, remaining }
}

//! The orders of one strategy: what was sent, what the exchange said of it, and which intent each thing answers.
//!
//! An order is open from the moment it is sent until its life is over, in doubt or not. It is remembered for a while after
//! that, since a fill may still arrive behind its cancellation. The number, tag and terms are what strategies see; the client
//! order id is what the exchange knows it by, and its own numbers, one for each form an amend gave it.
//!
//! How an order follows what is learnt of it is in [`own_order`]; which way it may go, in [`crate::order_life`].

mod fill_memory;
mod own_order;

pub(crate) use fill_memory::{FillMemory, Seen};
pub(crate) use own_order::{OpenOrder, OrderRequest, REQUESTS_PER_ORDER_MAX};

use crate::{
    Answers, ClientOrderId, Decimal, InstrumentId, Order, OrderChange, OrderId, OrderKind, OrderRef, OrderState, OrderTag,
    Refusal, RequestKind, Side, Size, Timestamp, VenueFill, VenueOrder, VenueOrderId,
};
use smallvec::SmallVec;
use std::borrow::Cow;
use std::collections::{BTreeMap, VecDeque};

/// How many orders that are gone are remembered for late fills.
const CLOSED_ORDERS_MAX: usize = 256;

/// What the exchange says of an order, or what its silence does.
#[derive(Debug)]
pub(crate) enum News<'a> {
    Accepted(VenueOrderId),
    Rejected(Refusal),
    Cancelled(Option<VenueOrderId>, Cow<'static, str>),
    Expired,
    Triggered,
    Amended { venue_order: Option<VenueOrderId>, size: Size, kind: OrderKind },
    Resized(Size),
    Refused(RequestKind, Refusal),
    Unanswered,
    Open(&'a VenueOrder),
    Absent(Timestamp),
    Fill(&'a VenueFill),
}

impl News<'_> {
    /// The exchange's number of the form that they are about.
    fn form(&self) -> Option<VenueOrderId> {
        match self {
            Self::Accepted(form) => Some(*form),
            Self::Cancelled(form, _) | Self::Amended { venue_order: form, .. } => *form,
            Self::Open(order) => Some(order.venue_order),
            Self::Fill(fill) => Some(fill.venue_order),
            Self::Rejected(_)
            | Self::Expired
            | Self::Triggered
            | Self::Resized(_)
            | Self::Refused(..)
            | Self::Unanswered
            | Self::Absent(_) => None,
        }
    }
}

/// Something that happened to an order, to be told to its strategy.
#[derive(Debug)]
pub(crate) struct Happened {
    pub(crate) order: Order,
    pub(crate) change: OrderChange,
    pub(crate) answers: Answers,
}

/// What followed from news of an order.
#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own about the same news, looked at once")]
pub(crate) struct Learnt {
    /// To be told, in this order.
    pub(crate) happened: SmallVec<[Happened; 2]>,
    /// They cannot be: nothing followed.
    pub(crate) contradicts: bool,
    /// They contradict what was said before, and were followed.
    pub(crate) odd: bool,
    /// More filled than was ordered: the name of the order, its size, and what filled.
    pub(crate) over_filled: Option<(ClientOrderId, Size, Decimal)>,
    /// It was taken for dead.
    pub(crate) revived: bool,
    /// A cancel that the core sent by itself came to nothing.
    pub(crate) own_cancel_failed: bool,
    /// A number of the exchange that fell out of the order's memory.
    forgotten_form: Option<VenueOrderId>,
}

/// The orders of one strategy.
#[derive(Debug, Default)]
pub(crate) struct Orders {
    /// By number, since numbers only grow.
    open: Vec<OpenOrder>,
    /// The latest that are gone.
    closed: BTreeMap<OrderId, OpenOrder>,
    /// Their numbers, oldest first.
    closing: VecDeque<OrderId>,
    /// Open and closed orders by the name the exchange knows.
    names: BTreeMap<ClientOrderId, OrderId>,
    /// And by the numbers it gave.
    forms: BTreeMap<VenueOrderId, OrderId>,
}

impl Orders {
    /// Takes an order that was sent. Its number is new here, and above all others unless it waited in the core before.
    pub(crate) fn insert(&mut self, order: OpenOrder) {
        let place = self.open.partition_point(|open| open.order.id < order.order.id);
        assert!(self.state(order.order.id).is_none(), "no number comes twice");
        self.names.insert(order.client_id, order.order.id);
        self.open.insert(place, order);
    }

    /// Open orders, by number.
    pub(crate) fn open(&self) -> &[OpenOrder] {
        &self.open
    }

    /// An open order.
    pub(crate) fn get_mut(&mut self, id: OrderId) -> Option<&mut OpenOrder> {
        let place = self.with_id(id)?;
        Some(&mut self.open[place])
    }

    /// An order, open or gone not long ago.
    pub(crate) fn any_mut(&mut self, id: OrderId) -> Option<&mut OpenOrder> {
        match self.with_id(id) {
            Some(place) => Some(&mut self.open[place]),
            None => self.closed.get_mut(&id),
        }
    }

    /// The order of that name, open or gone not long ago.
    pub(crate) fn find(&self, name: ClientOrderId) -> Option<&OpenOrder> {
        let id = self.id_of(name)?;
        match self.with_id(id) {
            Some(place) => Some(&self.open[place]),
            None => self.closed.get(&id),
        }
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

    /// Market orders in flight on an instrument, signed and summed; none where the sum overflows. One in doubt counts: it may
    /// fill yet. What the position contains of them already, their fills not being told, does not.
    pub(crate) fn at_market(&self, instrument: InstrumentId) -> Option<Decimal> {
        let of_market = |open: &&OpenOrder| open.order.instrument == instrument && open.order.kind == OrderKind::Market;
        let market = self.open.iter().filter(of_market);
        market
            .filter_map(|open| Size::new(open.untold()).ok().map(|size| open.order.side.signed(size)))
            .try_fold(Decimal::ZERO, Decimal::checked_add)
    }

    /// Takes as much of a signed change of the position for fills of open orders as they can explain: first of those that fill
    /// at once or not at all, then of the oldest. Gives how much that is, signed.
    pub(crate) fn foretell(&mut self, instrument: InstrumentId, by: Decimal) -> Decimal {
        let Some((side, size)) = Side::of(by) else { return Decimal::ZERO };
        let mut left = size.get();
        for is_passing in [true, false] {
            let of_side = |open: &&mut OpenOrder| open.order.instrument == instrument && open.order.side == side;
            let open = self.open.iter_mut().filter(of_side).filter(|open| open.is_passing() == is_passing);
            for open in open {
                left = left.saturating_sub(open.foretell(left));
            }
        }
        let explained = size.get().saturating_sub(left);
        if side == Side::Sell { -explained } else { explained }
    }

    /// Whether the exchange's word on a position contained fills of open orders that are not told yet.
    pub(crate) fn is_foretold(&self, instrument: InstrumentId) -> bool {
        self.open.iter().any(|open| open.order.instrument == instrument && open.is_foretold())
    }

    /// Whether any order in an instrument is open, or gone not long ago.
    pub(crate) fn ever_in(&self, instrument: InstrumentId) -> bool {
        self.open.iter().chain(self.closed.values()).any(|order| order.order.instrument == instrument)
    }

    /// The order of that name, open or gone not long ago.
    pub(crate) fn id_of(&self, name: ClientOrderId) -> Option<OrderId> {
        self.names.get(&name).copied()
    }

    /// The name of an order, open or gone not long ago.
    pub(crate) fn name_of(&self, id: OrderId) -> Option<ClientOrderId> {
        let open = self.with_id(id).map(|place| self.open[place].client_id);
        open.or_else(|| self.closed.get(&id).map(|closed| closed.client_id))
    }

    /// The order to which the exchange gave that number.
    pub(crate) fn with_form(&self, form: VenueOrderId) -> Option<OrderId> {
        self.forms.get(&form).copied()
    }

    /// Where an order is in its life; none where it is not known, or no longer.
    pub(crate) fn state(&self, id: OrderId) -> Option<OrderState> {
        let open = self.with_id(id).map(|place| self.open[place].state());
        open.or_else(|| self.closed.get(&id).map(OpenOrder::state))
    }

    /// Takes in news of an order; none where it is not known, or no longer.
    pub(crate) fn learn(&mut self, id: OrderId, news: News<'_>) -> Option<Learnt> {
        let mut learnt = Learnt::default();
        let form = news.form();
        if let Some(place) = self.with_id(id) {
            let order = &mut self.open[place];
            order.learn(news, &mut learnt);
            if order.state().is_over() {
                let order = self.open.remove(place);
                self.close(order);
            }
        } else {
            self.closed.get_mut(&id)?.learn(news, &mut learnt);
            if learnt.revived {
                self.reopen(id);
            }
        }
        if let Some(dropped) = learnt.forgotten_form {
            self.forms.remove(&dropped);
        }
        if let Some(form) = form
            && !learnt.contradicts
        {
            // Of two orders that the exchange gives one number, the first keeps it.
            self.forms.entry(form).or_insert(id);
        }
        Some(learnt)
    }

    fn close(&mut self, order: OpenOrder) {
        if self.closing.len() == CLOSED_ORDERS_MAX
            && let Some(oldest) = self.closing.pop_front().and_then(|oldest| self.closed.remove(&oldest))
        {
            self.names.remove(&oldest.client_id);
            for form in &oldest.forms {
                self.forms.remove(form);
            }
        }
        self.closing.push_back(order.order.id);
        self.closed.insert(order.order.id, order);
    }

    /// Takes an order back that was taken for dead.
    fn reopen(&mut self, id: OrderId) {
        if let Some(order) = self.closed.remove(&id) {
            self.closing.retain(|closed| *closed != id);
            let place = self.open.partition_point(|open| open.order.id < id);
            self.open.insert(place, order);
        }
    }
}

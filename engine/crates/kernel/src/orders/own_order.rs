//! One order of ours: its terms, its forms at the exchange, what was asked about it, and how it follows evidence.

use super::{Happened, Learnt, News};
use crate::order_life::{Evidence, Next, Told, Transition, transition};
use crate::{
    Answers, ClientOrderId, Decimal, FillView, Order, OrderChange, OrderKind, OrderState, Refusal, RequestKind, Size,
    TimeInForce, Timestamp, VenueFill, VenueOrderId,
};
use smallvec::SmallVec;
use std::borrow::Cow;

/// How many unanswered requests (amends, cancels) one order may have.
pub(crate) const REQUESTS_PER_ORDER_MAX: usize = 8;

/// How many numbers one order may have had at the exchange, one for each amend; the oldest is forgotten first.
pub(super) const FORMS_PER_ORDER_MAX: usize = 64;

/// An order with what strategies do not see of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OpenOrder {
    /// As strategies see it.
    pub(crate) order: Order,
    /// As the exchange knows it.
    pub(crate) client_id: ClientOrderId,
    /// How much of it the exchange's word on the position contained before its fills were told.
    foretold: Decimal,
    /// Where it is in its life.
    pub(super) state: OrderState,
    /// The intent that made it.
    placed: Answers,
    /// When the exchange may admit it no longer.
    expires_after: Timestamp,
    /// The exchange's numbers of it. They grow, so that the highest is the present one, in whatever order they were told.
    pub(super) forms: SmallVec<[VenueOrderId; 1]>,
    /// Amends and cancels that the exchange has not answered, oldest first.
    requests: SmallVec<[OrderRequest; 1]>,
    /// Whether its strategy was told that it is there, before it went out: it waited in the core.
    is_announced: bool,
    /// Why its form is gone, while that may mean that the order is.
    gone: Cow<'static, str>,
    /// As of when the exchange did not know it, where it was taken for gone because of that.
    missing_at: Option<Timestamp>,
    /// When it has to be looked after next: asked after, or taken to be in doubt.
    pub(crate) due: Option<Timestamp>,
    /// Whether it was asked after since it came to be in doubt.
    pub(crate) asked: bool,
}

/// A request about an order, on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OrderRequest {
    /// What it asks.
    pub(crate) kind: RequestKind,
    /// The intent it carries out; none where the core asks by itself.
    pub(crate) answers: Option<Answers>,
    /// When the exchange may admit it no longer.
    pub(crate) expires_after: Timestamp,
    /// The terms that an amend wants.
    pub(crate) wanted: Option<(Size, OrderKind)>,
    /// Whether its outcome is unknown, rather than not yet known.
    pub(crate) doubted: bool,
}

impl OpenOrder {
    /// An order that is being sent.
    pub(crate) fn new(order: Order, client_id: ClientOrderId, placed: Answers, expires_after: Timestamp) -> Self {
        let (forms, requests) = (SmallVec::new(), SmallVec::new());
        let (state, gone, missing_at, due) = (OrderState::Sent, Cow::Borrowed(""), None, None);
        Self {
            order,
            client_id,
            foretold: Decimal::ZERO,
            state,
            placed,
            expires_after,
            forms,
            requests,
            is_announced: false,
            gone,
            missing_at,
            due,
            asked: false,
        }
    }

    /// The same, of an order that its strategy was told of as open, while it waited in the core.
    pub(crate) fn announced(self) -> Self {
        Self { is_announced: true, ..self }
    }

    /// Where it is in its life.
    pub(crate) const fn state(&self) -> OrderState {
        self.state
    }

    /// What is still to fill and no position contains yet.
    pub(super) fn untold(&self) -> Decimal {
        self.order.remaining().saturating_sub(self.foretold).max(Decimal::ZERO)
    }

    /// Takes as much of a size as it can explain for filled, though its fills are not told yet; gives how much that is.
    pub(super) fn foretell(&mut self, size: Decimal) -> Decimal {
        let part = self.untold().min(size);
        self.foretold = self.foretold.saturating_add(part);
        part
    }

    /// Whether the exchange's word on the position contained fills of it that are not told yet.
    pub(super) fn is_foretold(&self) -> bool {
        !self.foretold.is_zero()
    }

    /// A fill is told that the exchange's word on the position contained.
    pub(crate) fn told(&mut self, fill: Size) {
        self.foretold = self.foretold.saturating_sub(fill.get()).max(Decimal::ZERO);
    }

    /// How many requests about it are unanswered.
    pub(crate) fn requests(&self) -> usize {
        self.requests.len()
    }

    /// Whether it was taken for gone because the exchange did not know it, and a picture taken later shows it.
    pub(crate) fn is_back(&self, as_of: Timestamp) -> bool {
        self.missing_at.is_some_and(|missing| missing < as_of)
    }

    /// Whether its end was asked for already.
    pub(crate) fn is_cancelling(&self) -> bool {
        self.awaits(RequestKind::Cancel)
    }

    /// Whether it ends by itself as soon as it reaches the market, so that cancelling it means nothing.
    pub(crate) fn is_passing(&self) -> bool {
        matches!(self.order.kind, OrderKind::Market | OrderKind::Limit { time_in_force: TimeInForce::Ioc, .. })
    }

    /// Whether nothing of what was sent about it was answered: a new process cannot know whether it was sent at all.
    pub(crate) fn is_unanswered(&self) -> bool {
        self.state == OrderState::Sent || !self.requests.is_empty()
    }

    /// Until when anything unanswered about it may be admitted, and so be sent once more.
    pub(crate) fn admitted_until(&self) -> Timestamp {
        let placed = (!self.state.is_known()).then_some(self.expires_after);
        placed.into_iter().chain(self.requests.iter().map(|request| request.expires_after)).max().unwrap_or(self.expires_after)
    }

    /// When an answer that has not come is overdue.
    pub(crate) fn overdue_at(&self) -> Option<Timestamp> {
        let placed = (self.state == OrderState::Sent).then_some(self.expires_after);
        placed.into_iter().chain(self.requests.iter().map(|request| request.expires_after)).min()
    }

    /// Notes a request that is sent; false where the order is not one to be asked this.
    pub(crate) fn requested(&mut self, request: OrderRequest) -> bool {
        let on = match request.kind {
            RequestKind::Amend => Evidence::AmendSent,
            RequestKind::Cancel => Evidence::CancelSent,
        };
        let Some(Transition { next, .. }) = transition(self.state, on) else { return false };
        self.requests.push(request);
        self.go(next);
        true
    }

    /// Makes a cancel that the core sent by itself the answer to an intent that asks for the same; false where there is none.
    pub(crate) fn adopt_cancel(&mut self, answers: Answers) -> bool {
        let own = self.requests.iter_mut().find(|request| request.kind == RequestKind::Cancel && request.answers.is_none());
        own.map(|request| request.answers = Some(answers)).is_some()
    }

    /// How many amends are unanswered.
    fn amends(&self) -> usize {
        self.requests.iter().filter(|request| request.kind == RequestKind::Amend).count()
    }

    fn awaits(&self, kind: RequestKind) -> bool {
        self.requests.iter().any(|request| request.kind == kind)
    }

    /// Takes out the oldest request of a kind.
    fn answered(&mut self, kind: RequestKind) -> Option<OrderRequest> {
        let place = self.requests.iter().position(|request| request.kind == kind)?;
        Some(self.requests.remove(place))
    }

    /// Takes out the amend that wanted these terms: several may be out, and the exchange may take them in another order.
    fn amend_wanting(&mut self, terms: (Size, OrderKind)) -> Option<OrderRequest> {
        let place = self.requests.iter().position(|request| request.wanted == Some(terms))?;
        Some(self.requests.remove(place))
    }

    fn happened(&self, change: OrderChange, answers: Option<Answers>) -> Happened {
        Happened { order: self.order.clone(), change, answers: answers.unwrap_or(self.placed) }
    }

    fn refused(&self, request: OrderRequest, refusal: Refusal) -> Option<Happened> {
        Some(self.happened(OrderChange::Rejected(refusal), Some(request.answers?)))
    }

    fn go(&mut self, next: Next) {
        self.state = match next {
            Next::Same => return,
            Next::To(state) => state,
            Next::Settled if self.requests.iter().any(|request| request.doubted) => OrderState::InDoubt,
            Next::Settled if self.is_cancelling() => OrderState::Cancelling,
            Next::Settled if self.awaits(RequestKind::Amend) => OrderState::Amending,
            Next::Settled if self.order.filled.is_zero() => OrderState::Open,
            Next::Settled => OrderState::PartlyFilled,
        };
    }

    /// Notes a number the exchange gave it.
    pub(super) fn note_form(&mut self, form: VenueOrderId) -> Option<VenueOrderId> {
        let place = self.forms.binary_search(&form).err()?;
        self.forms.insert(place, form);
        (self.forms.len() > FORMS_PER_ORDER_MAX).then(|| self.forms.remove(0))
    }

    /// Takes news of it in. What they imply comes first: a new form at the exchange, while an amend is unanswered, is the amend.
    #[expect(clippy::needless_pass_by_value, reason = "news are said once")]
    pub(super) fn learn(&mut self, news: News<'_>, learnt: &mut Learnt) {
        if let Some((size, kind)) = self.implied_terms(&news) {
            let amended = News::Amended { size, kind, venue_order: news.form() };
            self.follow(Evidence::Amended, &amended, learnt);
        }
        if let News::Open(found) = news
            && self.order.reduce_only
            && found.size != self.order.size
            && found.size.get() >= self.order.filled
        {
            self.follow(Evidence::Resized, &News::Resized(found.size), learnt);
        }
        match self.evidence(&news) {
            Some(on) => self.follow(on, &news, learnt),
            None => learnt.contradicts = true,
        }
    }

    /// The terms that it has at the exchange where news show that an amend was carried out and nobody has said so yet.
    ///
    /// A form beside one that is known was made by an amend. The first form that is heard of need not be: an order whose trigger
    /// was told before its number is open in the form it was placed in, unless its terms, or a fill that those it was placed with
    /// do not hold, say otherwise.
    fn implied_terms(&self, news: &News<'_>) -> Option<(Size, OrderKind)> {
        let form = news.form().filter(|form| !self.is_old_form(*form))?;
        let is_known = self.state.is_known();
        let is_unheard = matches!(self.state, OrderState::Sent | OrderState::SentInDoubt);
        let is_later_form = self.forms.last().is_some_and(|last| form > *last);
        match news {
            News::Accepted(_) if is_known && is_later_form => self.wanted(),
            News::Fill(fill) if is_known => {
                let filled = self.order.filled.saturating_add(fill.size.get());
                let needs = |(size, _): &(Size, OrderKind)| filled > self.order.size.get() && filled <= size.get();
                self.wanted().filter(|wanted| is_later_form || (self.forms.is_empty() && needs(wanted)))
            }
            News::Open(found) if is_known || is_unheard => {
                let Order { size, kind, reduce_only, filled, .. } = &self.order;
                let is_changed = found.size != *size || (found.kind != *kind && found.kind != triggered(kind));
                let is_as_wanted = is_changed && self.wanted().is_some_and(|(size, _)| size == found.size);
                // A form keeps its size but for what the exchange cuts. Where amends overtook one another, or their answers did, its word
                // says which of them came last.
                let is_otherwise = found.size != *size && found.size.get() >= *filled && !reduce_only;
                let is_otherwise = is_otherwise && !self.awaits(RequestKind::Amend);
                ((is_known && is_later_form) || is_as_wanted || is_otherwise).then_some((found.size, found.kind))
            }
            _ => None,
        }
    }

    /// The terms of the oldest amend that is unanswered.
    fn wanted(&self) -> Option<(Size, OrderKind)> {
        self.amends_wanted().next()
    }

    /// What of it is still to fill, in the largest form that it has or may have once its amends are answered.
    pub(crate) fn most_remaining(&self) -> Decimal {
        let left = |(size, _): (Size, OrderKind)| size.get().saturating_sub(self.order.filled);
        self.amends_wanted().map(left).fold(self.order.remaining(), Decimal::max)
    }

    /// The terms of amends that are unanswered, oldest first.
    pub(crate) fn amends_wanted(&self) -> impl Iterator<Item = (Size, OrderKind)> {
        self.requests.iter().filter_map(|request| request.wanted)
    }

    /// What news mean, given what is known; none where they cannot be.
    fn evidence(&self, news: &News<'_>) -> Option<Evidence> {
        Some(match news {
            News::Accepted(_) => Evidence::Accepted,
            News::Rejected(_) => Evidence::Rejected,
            News::Cancelled(form, _) => self.whose_end(*form),
            News::Expired => Evidence::Expired,
            // Said once more of what is an ordinary order by now.
            News::Triggered if !is_conditional(&self.order.kind) => Evidence::Accepted,
            News::Triggered => Evidence::Triggered,
            News::Amended { venue_order, size, kind } => match venue_order {
                Some(form) if self.is_old_form(*form) => {
                    let terms = Some((*size, *kind));
                    let is_waited_for = self.requests.iter().any(|request| request.wanted == terms);
                    if is_waited_for { Evidence::AmendedBefore } else { Evidence::OldFormGone }
                }
                // Said once more. An amend gives a new form, so that this one answers none that is out still.
                form if (*size, *kind) == (self.order.size, self.order.kind)
                    && (!self.awaits(RequestKind::Amend) || form.is_some_and(|form| self.forms.contains(&form))) =>
                {
                    Evidence::Accepted
                }
                _ => Evidence::Amended,
            },
            News::Resized(size) if size.get() < self.order.filled => return None,
            News::Resized(_) => Evidence::Resized,
            News::Refused(kind, _) => {
                if !self.state.is_over() && !self.awaits(*kind) {
                    return None;
                }
                match kind {
                    RequestKind::Amend if self.state == OrderState::Replacing && self.amends() > 1 => Evidence::OneAmendRefused,
                    RequestKind::Amend => Evidence::AmendRefused,
                    RequestKind::Cancel => Evidence::CancelRefused,
                }
            }
            News::Unanswered => Evidence::Unanswered,
            News::Open(found) if self.state == OrderState::Replacing && found.as_of > self.admitted_until() => {
                Evidence::FoundAfterAll
            }
            News::Open(_) => Evidence::Found,
            News::Absent(as_of) => {
                let late = *as_of > self.expires_after.max(self.admitted_until());
                if late { Evidence::AbsentLate } else { Evidence::AbsentEarly }
            }
            News::Fill(fill) => {
                let filled = self.order.filled.saturating_add(fill.size.get());
                if filled >= self.order.size.get() { Evidence::LastFill } else { Evidence::PartFill }
            }
        })
    }

    fn is_old_form(&self, form: VenueOrderId) -> bool {
        self.forms.last().is_some_and(|last| form < *last)
    }

    /// Whether the end of a form is the end of the order. An amend ends a form too, so while one is unanswered the end of the
    /// present form says little.
    fn whose_end(&self, form: Option<VenueOrderId>) -> Evidence {
        let amending = self.awaits(RequestKind::Amend);
        match form {
            None if amending && !self.is_cancelling() => Evidence::FormGone,
            None => Evidence::Cancelled,
            Some(form) if self.is_old_form(form) => Evidence::OldFormGone,
            Some(form) if self.forms.last().is_none_or(|last| *last == form) => {
                if amending {
                    Evidence::FormGone
                } else {
                    Evidence::Cancelled
                }
            }
            // One of several amends made it, and which is not known: the next may have replaced it.
            Some(_) if self.amends() > 1 => Evidence::FormGone,
            // A form that nobody has seen: the one that the amend made.
            Some(_) if amending || self.state.is_over() => Evidence::Cancelled,
            Some(_) => Evidence::Unanswered,
        }
    }

    /// Follows evidence as the table says.
    pub(super) fn follow(&mut self, on: Evidence, news: &News<'_>, learnt: &mut Learnt) {
        let Some(Transition { next, told, odd }) = transition(self.state, on) else {
            learnt.contradicts = true;
            return;
        };
        let was = self.state;
        learnt.odd |= odd;
        let (first, rest) = match told {
            [Told::Accepted, rest @ ..] => (Some(()), rest),
            rest => (None, rest),
        };
        let first = first.filter(|()| !self.is_announced);
        learnt.happened.extend(first.map(|()| self.happened(OrderChange::Accepted, None)));
        if let Some(dropped) = news.form().and_then(|form| self.note_form(form)) {
            learnt.forgotten_form = Some(dropped);
        }
        let request = self.take_in(on, news, learnt);
        self.go(next);
        for told in rest {
            learnt.happened.extend(self.tell(*told, news, request));
        }
        if self.state.is_over() && !was.is_over() {
            self.answer_the_rest(learnt);
        }
        if was == OrderState::NeverAdmitted && !self.state.is_over() {
            learnt.revived = true;
        }
    }

    /// Brings the numbers up to date. Gives the request that is answered by it.
    fn take_in(&mut self, on: Evidence, news: &News<'_>, learnt: &mut Learnt) -> Option<OrderRequest> {
        match (on, news) {
            (Evidence::PartFill | Evidence::LastFill, News::Fill(fill)) => {
                self.order.filled = self.order.filled.saturating_add(fill.size.get());
                let Order { size, filled, .. } = self.order;
                learnt.over_filled = (filled > size.get()).then_some((self.client_id, size, filled));
                None
            }
            (Evidence::Triggered, _) if !self.state.is_over() || self.state == OrderState::NeverAdmitted => {
                self.order.kind = triggered(&self.order.kind);
                None
            }
            (Evidence::Amended, News::Amended { size, kind, .. }) => {
                (self.order.size, self.order.kind) = (*size, *kind);
                self.amend_wanting((*size, *kind)).or_else(|| self.answered(RequestKind::Amend))
            }
            (Evidence::AmendedBefore, News::Amended { size, kind, .. }) => self.amend_wanting((*size, *kind)),
            (Evidence::Resized, News::Resized(size)) if !self.state.is_over() || self.state == OrderState::NeverAdmitted => {
                self.order.size = *size;
                None
            }
            (Evidence::AmendRefused | Evidence::OneAmendRefused, _) => self.answered(RequestKind::Amend),
            (Evidence::CancelRefused, _) => {
                let request = self.answered(RequestKind::Cancel);
                learnt.own_cancel_failed |= request.is_some_and(|request| request.answers.is_none());
                request
            }
            (Evidence::Cancelled, _) => self.answered(RequestKind::Cancel),
            (Evidence::AbsentLate, News::Absent(as_of))
                if matches!(self.state, OrderState::InDoubt | OrderState::Replacing) =>
            {
                self.missing_at = Some(*as_of);
                self.answered(RequestKind::Cancel)
            }
            (Evidence::FormGone, News::Cancelled(_, reason)) => {
                self.gone.clone_from(reason);
                None
            }
            (Evidence::Unanswered, _) => {
                self.requests.iter_mut().for_each(|request| request.doubted = true);
                None
            }
            (Evidence::Found | Evidence::FoundAfterAll, News::Open(found)) => {
                self.bury_requests(found.as_of, learnt);
                None
            }
            _ => None,
        }
    }

    /// Requests that had no effect by the time when none could be admitted any more never will.
    fn bury_requests(&mut self, as_of: Timestamp, learnt: &mut Learnt) {
        while let Some(place) = self.requests.iter().position(|request| request.expires_after < as_of) {
            let request = self.requests.remove(place);
            learnt.own_cancel_failed |= request.answers.is_none();
            let message = "the exchange did not take it before it expired; the order stays as it was".to_owned();
            learnt.happened.extend(self.refused(request, Refusal { code: Cow::Borrowed("never-admitted"), message }));
        }
    }

    fn tell(&self, told: Told, news: &News<'_>, request: Option<OrderRequest>) -> Option<Happened> {
        let by = request.and_then(|request| request.answers);
        Some(match (told, news) {
            (Told::Accepted, _) => self.happened(OrderChange::Accepted, None),
            (Told::Rejected, News::Rejected(refusal)) => self.happened(OrderChange::Rejected(refusal.clone()), None),
            (Told::Refused, News::Refused(_, refusal)) => return self.refused(request?, refusal.clone()),
            (Told::Fill, News::Fill(fill)) => self.happened(self.fill_told(fill), None),
            (Told::Cancelled, News::Cancelled(_, reason)) => self.happened(OrderChange::Cancelled(reason.clone()), by),
            (Told::Cancelled, _) => {
                let unseen = Cow::Borrowed("the exchange has it no longer");
                let reason = if self.gone.is_empty() { unseen } else { self.gone.clone() };
                let by = request.filter(|request| request.kind == RequestKind::Cancel).and_then(|request| request.answers);
                self.happened(OrderChange::Cancelled(reason), by)
            }
            (Told::Expired, _) => self.happened(OrderChange::Expired, None),
            (Told::Triggered, _) => self.happened(OrderChange::Triggered, None),
            (Told::Amended, _) => self.happened(OrderChange::Amended, by),
            (Told::Rejected | Told::Refused | Told::Fill, _) => return None,
        })
    }

    fn fill_told(&self, fill: &VenueFill) -> OrderChange {
        let VenueFill { trade_id, price, size, fee, maker, force, .. } = *fill;
        let remaining = self.order.remaining();
        let view = FillView { trade_id, price, size, fee, maker, liquidation: force.is_some(), remaining };
        if remaining.is_zero() { OrderChange::Filled(view) } else { OrderChange::PartiallyFilled(view) }
    }

    /// It is over, and with it every request about it.
    fn answer_the_rest(&mut self, learnt: &mut Learnt) {
        for request in std::mem::take(&mut self.requests) {
            let message = format!("order {} is over: there is nothing left to change", self.order.id);
            learnt.happened.extend(self.refused(request, Refusal { code: Cow::Borrowed("order-ended"), message }));
        }
    }
}

/// What an order is once its trigger price was reached.
const fn triggered(kind: &OrderKind) -> OrderKind {
    match *kind {
        OrderKind::Trigger { limit_price: Some(price), .. } => OrderKind::Limit { price, time_in_force: TimeInForce::Gtc },
        OrderKind::Trigger { .. } | OrderKind::TrailingStop { .. } => OrderKind::Market,
        ordinary => ordinary,
    }
}

const fn is_conditional(kind: &OrderKind) -> bool {
    matches!(kind, OrderKind::Trigger { .. } | OrderKind::TrailingStop { .. })
}

//! Matching against trades, quotes and books instead of candles. The rules are in `engine/docs/matching.md`.
//!
//! Who takes, takes what is shown, price by price, when the order arrives and at every later quote or book. Who rests, stands in
//! a queue: behind what is shown at the price when the order comes there; trades at the price use the queue up, and a queue that
//! is shown shorter is shorter, but what goes is taken to go from behind the order as long as it can. Data without quotes and
//! books shows no queue: then the setting for limit orders says whether a touch fills.

use crate::exchange::Exchange;
use crate::exchange::depth::Depth;
use crate::exchange::desk::{Desk, LimitFill};
use crate::exchange::market::{Market, reaches};
use crate::exchange::order::{Standing, Terms};
use crate::ticks::{Tick, TickKind};
use calypte_kernel::{ClientOrderId, Decimal, InstrumentId, Rounding, Side, Timestamp, Trade, VenueEvent, VenueOrderId};

/// How a market is matched where ticks come for it.
#[derive(Debug, Default)]
pub(super) struct TickBook {
    depth: Depth,
    /// Whether quotes or books come: who takes waits for these.
    shows_depth: bool,
    /// Whether trades come: stops go by their prices, else by the middle of the best bid and offer.
    shows_trades: bool,
}

/// A resting order that a trade reaches, with its place among them.
struct Reached {
    side: Side,
    /// Smaller for the better price.
    distance: Decimal,
    venue_id: VenueOrderId,
    limit: Decimal,
    id: ClientOrderId,
}

impl Exchange {
    /// From now on orders of an instrument are matched against ticks, of this kind among others.
    pub fn match_ticks(&mut self, instrument: InstrumentId, kind: TickKind) {
        if let Some(market) = self.markets.get_mut(instrument.get() as usize) {
            let ticks = market.ticks.get_or_insert_default();
            ticks.shows_depth |= matches!(kind, TickKind::Quotes | TickKind::Book);
            ticks.shows_trades |= kind == TickKind::Trades;
            market.expect_data();
        }
    }

    /// A trade, a quote or a book. Funding has a way of its own: [`Self::fund`].
    pub fn tick(&mut self, now: Timestamp, tick: &Tick) {
        self.strike(now);
        let instrument = match tick {
            Tick::Funding(_) => return,
            Tick::Trade(trade) => trade.instrument,
            Tick::Quote(quote) => quote.instrument,
            Tick::Book(book) => book.instrument,
        };
        let Some(market) = self.markets.get_mut(instrument.get() as usize) else { return };
        let Some(ticks) = &mut market.ticks else { return };
        match tick {
            Tick::Funding(_) => {}
            Tick::Trade(trade) => market.trade(&mut self.desk, now, trade),
            Tick::Quote(quote) => {
                ticks.depth.quote(quote);
                market.shown(&mut self.desk, now);
            }
            Tick::Book(book) => {
                ticks.depth.book(book);
                market.shown(&mut self.desk, now);
            }
        }
        self.take_the_rest(now);
    }
}

impl Market {
    /// An order has just come to stand: what it can take at once, it takes.
    pub(super) fn arrive(&mut self, desk: &mut Desk, now: Timestamp, id: ClientOrderId) {
        if self.ticks.is_none() {
            return;
        }
        if let Some(order) = self.remove(id) {
            self.stand(desk, now, order);
        }
    }

    /// The best price on the other side, where that is shown.
    pub(super) fn met_by(&self, side: Side) -> Option<Decimal> {
        self.ticks.as_ref()?.depth.opposite(side).map(|(price, _)| price)
    }

    /// Takes what it can, and stands or goes as its terms say.
    fn stand(&mut self, desk: &mut Desk, now: Timestamp, order: Standing) {
        let limit = match order.terms {
            Terms::Market => None,
            Terms::Immediate { price } | Terms::Limit { price, .. } => Some(price),
            Terms::Trigger { .. } | Terms::Trailing { .. } => {
                self.resting.push(order);
                return;
            }
        };
        let is_final = matches!(order.terms, Terms::Immediate { .. }) && !self.shows_depth();
        let Some(rest) = self.sweep(desk, now, order, limit) else { return };
        if is_final {
            // Only trades are shown: it waits for the next one, as at an open.
            self.waiting.push(rest);
        } else {
            self.go_on(desk, rest);
            self.queue_up();
        }
    }

    fn shows_depth(&self) -> bool {
        self.ticks.as_ref().is_some_and(|ticks| ticks.shows_depth)
    }

    /// Takes what is shown, best price first. Gives what is left.
    fn sweep(&mut self, desk: &mut Desk, now: Timestamp, mut order: Standing, limit: Option<Decimal>) -> Option<Standing> {
        loop {
            let Some((price, size)) = self.ticks.as_ref().and_then(|ticks| ticks.depth.opposite(order.side)) else {
                return Some(order);
            };
            if limit.is_some_and(|limit| !reaches(order.side, limit, price)) {
                return Some(order);
            }
            let (side, before) = (order.side, order.filled);
            let at = self.taken_at(desk, side, price, limit);
            self.available = Some(size);
            let rest = self.fill(desk, now, order, at, false);
            let left = self.available.take().unwrap_or_default();
            if let Some(ticks) = &mut self.ticks {
                ticks.depth.take(side, size.saturating_sub(left));
            }
            order = rest?;
            if order.filled == before {
                return Some(order);
            }
        }
    }

    /// Notes how much stands before orders at whose price that is shown.
    fn queue_up(&mut self) {
        let Self { ticks: Some(ticks), resting, .. } = self else { return };
        for order in resting {
            let Terms::Limit { price, .. } = order.terms else { continue };
            if let Some(shown) = ticks.depth.shown_at(order.side, price) {
                order.ahead = Some(order.ahead.map_or(shown, |ahead| ahead.min(shown)));
            }
        }
    }

    /// A quote or a book: who waits takes; who is met fills; queues are as short as they are shown.
    fn shown(&mut self, desk: &mut Desk, now: Timestamp) {
        let waiting = std::mem::take(&mut self.waiting);
        for order in waiting {
            self.stand(desk, now, order);
        }
        self.meet(desk, now);
        self.queue_up();
        let middle = self.ticks.as_ref().filter(|ticks| !ticks.shows_trades).and_then(|ticks| ticks.depth.middle());
        if let Some(middle) = middle {
            self.stands_at(desk, now, middle);
        }
    }

    /// Resting orders at whose price the other side is now shown fill there: it has come to them.
    fn meet(&mut self, desk: &mut Desk, now: Timestamp) {
        loop {
            let met = self.resting.iter().position(|order| {
                let Terms::Limit { price, .. } = order.terms else { return false };
                self.met_by(order.side).is_some_and(|shown| reaches(order.side, price, shown))
            });
            let Some(place) = met else { return };
            let order = self.resting.remove(place);
            let side = order.side;
            let (Terms::Limit { price, .. }, Some(size)) = (order.terms, self.shown_size(side)) else { return };
            self.available = Some(size);
            let rest = self.fill(desk, now, order, Some(price), true);
            let left = self.available.take().unwrap_or_default();
            if let Some(ticks) = &mut self.ticks {
                ticks.depth.take(side, size.saturating_sub(left));
            }
            if let Some(rest) = rest {
                self.resting.push(rest);
            }
        }
    }

    fn shown_size(&self, side: Side) -> Option<Decimal> {
        self.ticks.as_ref()?.depth.opposite(side).map(|(_, size)| size)
    }

    /// Somebody traded: the queue before our orders gets shorter, and what is left of the trade fills them.
    fn trade(&mut self, desk: &mut Desk, now: Timestamp, trade: &Trade) {
        let price = trade.price.get();
        let size = match desk.settings.participation {
            None => trade.size.get(),
            Some(share) => self.rules.round_size(trade.size.get().saturating_mul(share), Rounding::Down),
        };
        if !self.shows_depth() {
            self.take_trade(desk, now, price, size);
        }
        self.fill_resting(desk, now, trade, size);
        self.stands_at(desk, now, price);
    }

    /// Where nothing else is shown, who takes gets the price of the next trade, at most its size.
    fn take_trade(&mut self, desk: &mut Desk, now: Timestamp, price: Decimal, size: Decimal) {
        self.available = Some(size);
        for order in std::mem::take(&mut self.waiting) {
            self.take_open(desk, now, order, price);
        }
        self.available = None;
    }

    /// Resting orders, best price first, then in order of arrival.
    fn fill_resting(&mut self, desk: &mut Desk, now: Timestamp, trade: &Trade, size: Decimal) {
        let (price, mut left) = (trade.price.get(), size);
        let mut reached = self.reached_by(desk, trade);
        reached.sort_by_key(|order| (order.side, order.distance, order.venue_id));
        for Reached { limit, id, .. } in reached {
            let Some(place) = self.resting.iter().position(|order| order.client_id == id) else { continue };
            let through = limit != price;
            let order = &mut self.resting[place];
            let ahead = order.ahead.filter(|_| !through).unwrap_or_default();
            order.ahead = order.ahead.map(|ahead| ahead.saturating_sub(trade.size.get()).max(Decimal::ZERO));
            // What stood before it went first; what is left is shared with our own orders before it.
            let reach = if through { left } else { left.min(trade.size.get().saturating_sub(ahead)) };
            if reach <= Decimal::ZERO {
                continue;
            }
            let order = self.resting.remove(place);
            self.available = Some(reach);
            let rest = self.fill(desk, now, order, Some(limit), true);
            left = left.saturating_sub(reach.saturating_sub(self.available.take().unwrap_or_default()));
            if let Some(rest) = rest {
                self.resting.push(rest);
            }
        }
    }

    /// Limit orders that a trade reaches: those of the side it took from at its price, and those whose price it went through.
    fn reached_by(&self, desk: &Desk, trade: &Trade) -> Vec<Reached> {
        let price = trade.price.get();
        let touch = desk.settings.limit_fill == LimitFill::Touch;
        let orders = self.resting.iter().filter_map(|order| {
            let Terms::Limit { price: limit, .. } = order.terms else { return None };
            let at_price = limit == price && order.side != trade.taker && (order.ahead.is_some() || touch);
            let through = limit != price && reaches(order.side, limit, price);
            let distance = if order.side == Side::Buy { -limit } else { limit };
            let Standing { side, client_id: id, venue_id, .. } = *order;
            (at_price || through).then_some(Reached { side, distance, venue_id, limit, id })
        });
        orders.collect()
    }

    /// The market stands at a price: stops act, and positions that cannot be kept are taken.
    fn stands_at(&mut self, desk: &mut Desk, now: Timestamp, price: Decimal) {
        self.last = Some(price);
        self.mark(desk, price);
        self.liquidate_between(desk, now, price, price);
        loop {
            let acting = self
                .resting
                .iter()
                .enumerate()
                .filter(|(_, order)| !matches!(order.terms, Terms::Limit { .. }) && order.acts_at(price, LimitFill::Touch));
            let Some((place, _)) = acting.min_by_key(|(_, order)| order.rank()) else { break };
            let mut order = self.resting.remove(place);
            desk.events.push_back(VenueEvent::Triggered { order: order.client_id });
            order.terms = match order.terms {
                Terms::Trigger { limit: Some(limit), .. } => Terms::Limit { price: limit, post_only: false, child: true },
                _ => Terms::Market,
            };
            self.stand(desk, now, order);
        }
        self.follow(price);
        self.has_met_a_price();
    }
}

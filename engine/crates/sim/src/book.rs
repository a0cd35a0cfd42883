//! An order book of several owners: the best price first, and at one price whoever came first.
//!
//! ```text
//!   check ──► step, step, … ──► rest          place: all of it in one
//!   (post only, room)   (one trade each)   (what is left rests, or is gone)
//! ```
//!
//! It knows orders, prices and owners, and nothing of accounts: whoever keeps these goes step by step, and settles each trade before
//! the next is looked for. Trades happen at the price of the order that was there. An owner does not trade with itself: the order
//! that was there is cancelled.

use calypte_kernel::{Decimal, Price, Side, Size, TimeInForce};
use std::collections::BTreeMap;

/// Most orders of one book.
pub const BOOK_ORDERS_MAX: usize = 100_000;

/// An order that comes to a book.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Incoming<O> {
    /// Its number, which no other order of the book has.
    pub id: u64,
    /// Whose.
    pub owner: O,
    /// Direction.
    pub side: Side,
    /// Worst price.
    pub price: Price,
    /// What is still to fill.
    pub size: Size,
    /// How long it stays.
    pub time_in_force: TimeInForce,
}

/// An order that rests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resting<O> {
    /// Its number.
    pub id: u64,
    /// Whose.
    pub owner: O,
    /// Direction.
    pub side: Side,
    /// Its price.
    pub price: Price,
    /// What is still to fill.
    pub size: Size,
}

/// A trade between an order that came and one that was there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BookTrade<O> {
    /// The order that was there, before the trade.
    pub maker: Resting<O>,
    /// How much was traded, at the maker's price.
    pub size: Size,
}

/// What one step of an order through the book brings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step<O> {
    /// A trade.
    Traded(BookTrade<O>),
    /// An order of the same owner stood in the way and is gone.
    SelfCancelled(Resting<O>),
}

/// What becomes of what did not trade.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rest {
    /// Nothing was left.
    Filled,
    /// It rests.
    Resting(Size),
    /// It is gone.
    Cancelled(Size),
}

/// What became of an order that was placed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placed<O> {
    /// What happened on its way, in order.
    pub steps: Vec<Step<O>>,
    /// What became of the rest.
    pub rest: Rest,
}

/// One price of a book.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BookLevel {
    /// The price.
    pub price: Price,
    /// What rests there.
    pub size: Decimal,
    /// In how many orders.
    pub orders: u64,
}

/// Why a book does not take an order. Nothing changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BookError {
    /// It should only rest, and would trade at once.
    #[error("a post-only order that would trade at once")]
    WouldTrade,
    /// No room.
    #[error("the book has as many orders as it may have, {BOOK_ORDERS_MAX}")]
    Full,
    /// There is an order of that number.
    #[error("there is an order of that number")]
    NumberTaken,
    /// There is no order of that number.
    #[error("there is no order of that number")]
    Unknown,
}

/// Where an order stands: its price, smaller being better, then when it came.
type Place = (Decimal, u64);

/// A book.
#[derive(Debug, Clone)]
pub struct OrderBook<O> {
    bids: BTreeMap<Place, Resting<O>>,
    asks: BTreeMap<Place, Resting<O>>,
    /// By number: where it stands.
    places: BTreeMap<u64, (Side, Place)>,
    /// How many came so far: the time of price-time.
    came: u64,
}

impl<O> Default for OrderBook<O> {
    fn default() -> Self {
        Self { bids: BTreeMap::new(), asks: BTreeMap::new(), places: BTreeMap::new(), came: 0 }
    }
}

impl<O: Copy + Eq> OrderBook<O> {
    /// An empty book.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many orders rest.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether none rests.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// The order of a number.
    pub fn get(&self, id: u64) -> Option<&Resting<O>> {
        let (side, place) = self.places.get(&id)?;
        self.side(*side).get(place)
    }

    /// The orders of a side, in the order in which they would trade.
    pub fn orders(&self, side: Side) -> impl Iterator<Item = &Resting<O>> {
        self.side(side).values()
    }

    /// The best price of a side.
    pub fn best(&self, side: Side) -> Option<Price> {
        self.orders(side).next().map(|order| order.price)
    }

    /// The prices of a side, best first, at most so many.
    pub fn levels(&self, side: Side, most: usize) -> Vec<BookLevel> {
        let mut levels = Vec::<BookLevel>::new();
        for order in self.orders(side) {
            let size = order.size.get();
            if let Some(level) = levels.last_mut().filter(|level| level.price == order.price) {
                level.size = level.size.saturating_add(size);
                level.orders += 1;
                continue;
            }
            if levels.len() == most {
                break;
            }
            levels.push(BookLevel { price: order.price, size, orders: 1 });
        }
        levels
    }

    /// Whether an order of a side would trade at a price.
    pub fn crosses(&self, side: Side, price: Price) -> bool {
        self.best(side.opposite()).is_some_and(|best| reaches(side, price, best))
    }

    /// Whether an order can come: to be asked before its first step.
    ///
    /// # Errors
    /// Where it cannot.
    pub fn check(&self, order: &Incoming<O>) -> Result<(), BookError> {
        if order.time_in_force == TimeInForce::Alo && self.crosses(order.side, order.price) {
            return Err(BookError::WouldTrade);
        }
        if order.time_in_force != TimeInForce::Ioc && self.places.len() >= BOOK_ORDERS_MAX {
            return Err(BookError::Full);
        }
        if self.places.contains_key(&order.id) {
            return Err(BookError::NumberTaken);
        }
        Ok(())
    }

    /// The next order that an order meets; none where nothing is left at its price.
    pub fn counterpart(&self, order: &Incoming<O>) -> Option<&Resting<O>> {
        let maker = self.orders(order.side.opposite()).next()?;
        reaches(order.side, order.price, maker.price).then_some(maker)
    }

    /// One step of an order: the trade with its counterpart, or the end of an order of its own owner. None where nothing is left at
    /// its price. What is left of the order is given back with the step; none: it is filled.
    pub fn step(&mut self, order: &Incoming<O>) -> Option<(Step<O>, Option<Size>)> {
        let maker = *self.counterpart(order)?;
        if maker.owner == order.owner {
            self.cancel(maker.id);
            return Some((Step::SelfCancelled(maker), Some(order.size)));
        }
        let size = maker.size.min(order.size);
        self.reduce(maker.id, size.get());
        let left = Size::new(order.size.get().saturating_sub(size.get())).ok();
        Some((Step::Traded(BookTrade { maker, size }), left))
    }

    /// Lets what is left of an order rest, where it is one that does.
    pub fn rest(&mut self, order: &Incoming<O>) -> Rest {
        if order.time_in_force == TimeInForce::Ioc {
            return Rest::Cancelled(order.size);
        }
        let Incoming { id, owner, side, price, size, .. } = *order;
        let place = (rank(side, price), self.came);
        self.came += 1;
        self.places.insert(id, (side, place));
        self.side_mut(side).insert(place, Resting { id, owner, side, price, size });
        Rest::Resting(size)
    }

    /// Places an order: all its steps, then the rest.
    ///
    /// # Errors
    /// Where it cannot come.
    pub fn place(&mut self, order: Incoming<O>) -> Result<Placed<O>, BookError> {
        self.check(&order)?;
        let (mut order, mut steps) = (order, Vec::new());
        while let Some((step, left)) = self.step(&order) {
            steps.push(step);
            match left {
                Some(left) => order.size = left,
                None => return Ok(Placed { steps, rest: Rest::Filled }),
            }
        }
        Ok(Placed { rest: self.rest(&order), steps })
    }

    /// Replaces an order by another of a new number, which comes last at its price.
    ///
    /// # Errors
    /// Where there is none of that number, or the other cannot come; the order then stays.
    pub fn amend(&mut self, id: u64, order: Incoming<O>) -> Result<Placed<O>, BookError> {
        let old = self.get(id).copied().ok_or(BookError::Unknown)?;
        match self.check(&order) {
            // The old one makes the room.
            Ok(()) | Err(BookError::Full) => {}
            // So it does where nothing but itself is in the way.
            Err(BookError::WouldTrade) if self.stands_alone(&old, &order) => {}
            Err(error) => return Err(error),
        }
        self.cancel(id);
        self.place(order)
    }

    /// Whether nothing but the old order would trade with the one that takes its place.
    fn stands_alone(&self, old: &Resting<O>, order: &Incoming<O>) -> bool {
        let mut standing = self.orders(order.side.opposite()).filter(|standing| standing.id != old.id);
        !standing.next().is_some_and(|standing| reaches(order.side, order.price, standing.price))
    }

    /// Takes an order away.
    pub fn cancel(&mut self, id: u64) -> Option<Resting<O>> {
        let (side, place) = self.places.remove(&id)?;
        self.side_mut(side).remove(&place)
    }

    /// Makes an order smaller by so much, at its place; nothing left: it is gone. False where there is none of that number.
    pub fn reduce(&mut self, id: u64, by: Decimal) -> bool {
        let Some((side, place)) = self.places.get(&id).copied() else { return false };
        let Some(order) = self.side_mut(side).get_mut(&place) else { return false };
        match Size::new(order.size.get().saturating_sub(by)) {
            Ok(left) => order.size = left,
            Err(_) => drop(self.cancel(id)),
        }
        true
    }

    fn side(&self, side: Side) -> &BTreeMap<Place, Resting<O>> {
        match side {
            Side::Buy => &self.bids,
            Side::Sell => &self.asks,
        }
    }

    fn side_mut(&mut self, side: Side) -> &mut BTreeMap<Place, Resting<O>> {
        match side {
            Side::Buy => &mut self.bids,
            Side::Sell => &mut self.asks,
        }
    }
}

/// Whether an order of a side with a worst price takes what stands at the other.
fn reaches(side: Side, worst: Price, standing: Price) -> bool {
    match side {
        Side::Buy => standing <= worst,
        Side::Sell => standing >= worst,
    }
}

/// A price so that smaller is better.
fn rank(side: Side, price: Price) -> Decimal {
    match side {
        Side::Buy => -price.get(),
        Side::Sell => price.get(),
    }
}

#[cfg(test)]
mod tests;

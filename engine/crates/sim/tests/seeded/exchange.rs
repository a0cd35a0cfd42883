//! The model exchange: small, exact, and always right about itself. What reaches the account of it is another matter.
//!
//! It matches nothing: which open order fills next, and how much of it, is drawn. What it keeps is the truth that the core has
//! to agree with once everything was delivered: positions, open orders, and money as plain sums of what flowed.

mod account;
mod orders;

use super::random::Random;
use calypte_kernel::{
    ClientOrderId, Command, Decimal, Force, InstrumentId, MarginMode, OrderKind, Price, Side, Size, Timestamp, TradeId,
    VenueEvent, VenueFill, VenueOrder, VenueOrderId,
};
use std::collections::{BTreeMap, BTreeSet};

/// How many instruments it has.
pub(crate) const INSTRUMENTS: usize = 3;

/// What a new order may be worth at most, so that numbers which make no sense stay requests.
const NOTIONAL_MAX: i64 = 1_000_000;

/// An order or request as it was signed: the exchange takes each nonce once.
#[derive(Debug, Clone)]
pub(crate) struct Action {
    /// What tells it from all others.
    pub(crate) nonce: u64,
    /// What it asks.
    pub(crate) command: Command,
}

/// The streams on which it talks. Each keeps its order; none knows of the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Line {
    /// What becomes of orders.
    Orders,
    /// Fills.
    Fills,
    /// Positions, funding, collateral.
    Account,
    /// Answers to requests and questions.
    Answers,
}

impl Line {
    /// All of them.
    pub(crate) const ALL: [Self; 4] = [Self::Orders, Self::Fills, Self::Account, Self::Answers];
}

/// Something it says.
#[derive(Debug, Clone)]
pub(crate) struct Said {
    /// On which stream.
    pub(crate) line: Line,
    /// What.
    pub(crate) event: VenueEvent,
}

/// An order as it keeps it.
#[derive(Debug, Clone)]
struct Order {
    name: Option<ClientOrderId>,
    number: VenueOrderId,
    instrument: usize,
    side: Side,
    size: Decimal,
    filled: Decimal,
    kind: OrderKind,
    reduce_only: bool,
    exits: [Option<Price>; 2],
    sibling: Option<usize>,
    /// The number that the account knows it by.
    number_told: Option<VenueOrderId>,
    /// What it last said of it, once it is over.
    end: Option<VenueEvent>,
    fills: Vec<usize>,
}

impl Order {
    fn remaining(&self) -> Decimal {
        self.size - self.filled
    }
}

/// Sums of everything that happened. Exact.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Truth {
    /// Signed sizes.
    pub(crate) positions: [Decimal; INSTRUMENTS],
    /// What was paid in.
    pub(crate) paid_in: Decimal,
    /// Received for what was sold less paid for what was bought.
    pub(crate) flow: Decimal,
    /// Fees paid.
    pub(crate) fees: Decimal,
    /// Funding received.
    pub(crate) funding: Decimal,
}

/// An order that is open, as it is compared once all is quiet: strategy, instrument, side, size, filled.
pub(crate) type OpenOrder = (u32, usize, Side, Decimal, Decimal);

/// The exchange.
#[derive(Debug)]
pub(crate) struct Exchange {
    clock: Timestamp,
    prices: [Decimal; INSTRUMENTS],
    orders: Vec<Order>,
    names: BTreeMap<ClientOrderId, usize>,
    live: Vec<usize>,
    taken: BTreeSet<u64>,
    leverage: [(u32, MarginMode); INSTRUMENTS],
    numbers: u64,
    fills: Vec<VenueFill>,
    /// Fills that the account has not been told of, by their place.
    untold: BTreeSet<usize>,
    /// When the dead man's switch strikes.
    cancel_at: Option<Timestamp>,
    truth: Truth,
    /// What it said since somebody listened last.
    pub(crate) said: Vec<Said>,
}

/// The instrument at a place.
pub(crate) fn instrument(place: usize) -> InstrumentId {
    InstrumentId::new(u32::try_from(place).expect("a few"))
}

fn place_of(id: InstrumentId) -> usize {
    id.get() as usize
}

impl Exchange {
    /// An account with so much paid in.
    pub(crate) fn new(paid_in: Decimal) -> Self {
        Self {
            clock: Timestamp::from_millis(0),
            prices: [Decimal::from(100), Decimal::from(20), Decimal::from(3)],
            orders: Vec::new(),
            names: BTreeMap::new(),
            live: Vec::new(),
            taken: BTreeSet::new(),
            leverage: [(1, MarginMode::Cross); INSTRUMENTS],
            numbers: 0,
            fills: Vec::new(),
            untold: BTreeSet::new(),
            cancel_at: None,
            truth: Truth { paid_in, ..Truth::default() },
            said: Vec::new(),
        }
    }

    /// The sums.
    pub(crate) const fn truth(&self) -> &Truth {
        &self.truth
    }

    /// The latest price of an instrument.
    pub(crate) fn price(&self, place: usize) -> Decimal {
        self.prices[place]
    }

    /// Moves a price by a few ticks of a tenth and gives it.
    pub(crate) fn move_price(&mut self, place: usize, random: &mut Random) -> Price {
        let by = Decimal::new(i64::try_from(random.below(21)).expect("small") - 10, 1);
        self.prices[place] = (self.prices[place] + by).max(Decimal::ONE);
        Price::new(self.prices[place]).expect("at least one")
    }

    /// Its clock is not behind the world's.
    pub(crate) fn at(&mut self, now: Timestamp) {
        self.clock = self.clock.max(now);
        if self.cancel_at.is_some_and(|at| at <= self.clock) {
            self.cancel_at = None;
            for at in self.live.clone() {
                self.end(at, "dead man's switch");
            }
        }
    }

    /// Each of its moments happens once, so that a picture of it contains everything of its time.
    fn tick(&mut self) -> Timestamp {
        self.clock = self.clock.saturating_add(1);
        self.clock
    }

    fn say(&mut self, line: Line, event: VenueEvent) {
        self.said.push(Said { line, event });
    }

    fn number(&mut self) -> VenueOrderId {
        self.numbers += 1;
        VenueOrderId::new(self.numbers)
    }

    /// The account is being told something: from then on it knows a fill, or the number of an order.
    pub(crate) fn told(&mut self, event: &VenueEvent) {
        match event {
            VenueEvent::Fill(fill) => self.fill_told(fill),
            VenueEvent::Snapshot(snapshot) => snapshot.fills.iter().for_each(|fill| self.fill_told(fill)),
            VenueEvent::Accepted { order, venue_order } | VenueEvent::Amended { order, venue_order, .. } => {
                if let Some(at) = self.names.get(order) {
                    self.orders[*at].number_told = Some(*venue_order);
                }
            }
            _ => {}
        }
    }

    fn fill_told(&mut self, fill: &VenueFill) {
        self.untold.remove(&usize::try_from(fill.trade_id.get()).expect("a place"));
    }

    /// The account forgot what it was told: fills are in the next picture. Whether the rest has to be said again.
    pub(crate) fn forgotten(&mut self, event: &VenueEvent) -> bool {
        let fills: &[VenueFill] = match event {
            VenueEvent::Fill(fill) => std::slice::from_ref(fill),
            VenueEvent::Snapshot(snapshot) => &snapshot.fills,
            _ => return true,
        };
        self.untold.extend(fills.iter().map(|fill| usize::try_from(fill.trade_id.get()).expect("a place")));
        false
    }

    /// Open orders that carry a name of ours and are not adrift, in a fixed order.
    pub(crate) fn open_orders(&self, but: &BTreeSet<ClientOrderId>) -> Vec<OpenOrder> {
        let ours = self.live.iter().map(|at| &self.orders[*at]);
        let ours = ours.filter(|order| order.name.is_none_or(|name| !but.contains(&name)));
        let mut open: Vec<OpenOrder> = ours
            .filter_map(|order| {
                let strategy = order.name?.origin()?.strategy.get();
                Some((strategy, order.instrument, order.side, order.size, order.filled))
            })
            .collect();
        open.sort_unstable();
        open
    }

    /// Fills some of an open order, at most as much as it may.
    fn fill(&mut self, at: usize, size: Decimal, force: Option<Force>, random: &mut Random) {
        let order = &self.orders[at];
        let held = self.truth.positions[order.instrument];
        let sign = if order.side == Side::Buy { Decimal::ONE } else { -Decimal::ONE };
        let most = if order.reduce_only { (-held * sign).max(Decimal::ZERO) } else { size };
        let Ok(size) = Size::new(size.min(most).min(order.remaining())) else {
            return self.end(at, "reduce-only: nothing is left to reduce");
        };
        let price = match order.kind {
            OrderKind::Limit { price, .. } => price,
            _ => Price::new(self.prices[order.instrument]).expect("positive"),
        };
        let maker = random.chance(50);
        let notional = size.get() * price.get();
        let fee = notional * if maker { Decimal::new(-2, 5) } else { Decimal::new(45, 5) };
        let (instrument_at, side, number) = (order.instrument, order.side, order.number);
        // The name is left out now and then, where the account knows the number.
        let name = order.name.filter(|_| order.number_told != Some(order.number) || !random.chance(10));
        let time = self.tick();
        let trade = self.fills.len();
        let fill = VenueFill {
            order: name,
            venue_order: number,
            trade_id: TradeId::new(trade as u64),
            instrument: instrument(instrument_at),
            side,
            price,
            size,
            fee,
            maker,
            force,
            time,
        };
        self.truth.positions[instrument_at] += side.signed(size);
        self.truth.flow -= side.signed(size) * price.get();
        self.truth.fees += fee;
        self.fills.push(fill.clone());
        self.untold.insert(trade);
        self.say(Line::Fills, VenueEvent::Fill(Box::new(fill)));
        if random.chance(30) {
            self.report(instrument_at, time, random);
        }
        let order = &mut self.orders[at];
        order.filled += size.get();
        order.fills.push(trade);
        if order.remaining().is_zero() {
            self.filled(at);
        }
        self.shrink(instrument_at, random);
    }

    /// An order as it shows it.
    fn show(&self, at: usize) -> VenueOrder {
        let order = &self.orders[at];
        VenueOrder {
            order: order.name,
            venue_order: order.number,
            instrument: instrument(order.instrument),
            side: order.side,
            size: Size::new(order.size).expect("positive"),
            remaining: order.remaining(),
            kind: order.kind,
            reduce_only: order.reduce_only,
            as_of: self.clock,
        }
    }
}

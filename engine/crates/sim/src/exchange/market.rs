//! One instrument's market: the orders that stand in it and how candles move them.

use crate::exchange::desk::{Desk, ZeroVolume};
use crate::exchange::order::{Level, Standing, Terms};
use crate::exchange::path::path;
use calypte_kernel::{
    AttachedExits, Candle, ClientOrderId, Decimal, Instrument, InstrumentId, OrderKind, OrderOrigin, Price, Rules, Side, Size,
    StrategyId, Symbol, Timestamp, TriggerKind, VenueEvent, VenueFill,
};

const SIBLING_FILLED: &str = "the other exit filled";
const REDUCE_ONLY: &str = "reduce-only: no position left to reduce";
const NOTHING_TO_TAKE: &str = "immediate-or-cancel: the open was beyond the limit";
const OVERFLOW: &str = "arithmetic-overflow: price, size or position too large";

/// Largest position, and largest notional of one fill: more than all money there is, and little enough that sums over a run do
/// not overflow.
const AMOUNT_MAX: u64 = 1_000_000_000_000_000_000;

/// One instrument's market.
#[derive(Debug)]
pub(super) struct Market {
    id: InstrumentId,
    symbol: Symbol,
    rules: Rules,
    has_data: bool,
    /// Last price known.
    last: Option<Decimal>,
    /// Whether any candle of it had volume.
    volume_seen: bool,
    /// What waits for the next open, in order of arrival.
    waiting: Vec<Standing>,
    /// What has a level.
    resting: Vec<Standing>,
    /// When the newest of these arrived.
    newest: Timestamp,
    /// While prices stay strictly between these two nothing resting acts and no trailing stop moves; none where that has to
    /// be worked out again. It makes a candle that touches nothing cost two comparisons, however many orders rest.
    quiet: Option<(Decimal, Decimal)>,
    /// Signed sizes; a strategy that never traded here has none.
    positions: Vec<(StrategyId, Decimal)>,
}

impl Market {
    pub(super) fn new(instrument: &Instrument, has_data: bool) -> Self {
        Self {
            id: instrument.id,
            symbol: instrument.symbol.clone(),
            rules: instrument.rules,
            has_data,
            last: None,
            volume_seen: false,
            waiting: Vec::new(),
            resting: Vec::new(),
            newest: Timestamp::from_millis(i64::MIN),
            quiet: None,
            positions: Vec::new(),
        }
    }

    pub(super) const fn has_data(&self) -> bool {
        self.has_data
    }

    pub(super) const fn symbol(&self) -> &Symbol {
        &self.symbol
    }

    pub(super) const fn last_price(&self) -> Option<Decimal> {
        self.last
    }

    pub(super) const fn has_orders(&self) -> bool {
        !self.waiting.is_empty() || !self.resting.is_empty()
    }

    pub(super) const fn standing(&self) -> usize {
        self.waiting.len() + self.resting.len()
    }

    pub(super) fn position(&self, strategy: StrategyId) -> Decimal {
        self.positions.iter().find(|(holder, _)| *holder == strategy).map_or(Decimal::ZERO, |(_, size)| *size)
    }

    pub(super) fn find(&self, id: ClientOrderId) -> Option<&Standing> {
        self.resting.iter().chain(&self.waiting).find(|order| order.client_id == id)
    }

    pub(super) fn remove(&mut self, id: ClientOrderId) -> Option<Standing> {
        for orders in [&mut self.resting, &mut self.waiting] {
            if let Some(place) = orders.iter().position(|order| order.client_id == id) {
                return Some(orders.remove(place));
            }
        }
        None
    }

    pub(super) fn add(&mut self, order: Standing) {
        if matches!(order.terms, Terms::Market | Terms::Immediate { .. }) {
            self.waiting.push(order);
        } else {
            self.quiet = None;
            self.newest = self.newest.max(order.arrived);
            self.resting.push(order);
        }
    }

    /// Whether a limit order would take liquidity at the last price known.
    pub(super) fn would_take(&self, side: Side, limit: Decimal) -> bool {
        self.last.is_some_and(|last| reaches(side, limit, last))
    }

    pub(super) fn crossing(&self, price: Decimal) -> String {
        match self.last {
            Some(last) => format!("a post-only order at {price} would fill at once: the last price is {last}"),
            None => format!("a post-only order at {price} would fill at once"),
        }
    }

    /// A candle opens: what waits for the open fills, then whatever the open is already beyond.
    pub(super) fn open(&mut self, desk: &mut Desk, now: Timestamp, candle: &Candle) {
        if self.is_halted(desk, candle) {
            return;
        }
        let open = candle.open.get();
        if self.waiting.is_empty() && self.quiet.is_some_and(|(below, above)| open > below && open < above) {
            self.last = Some(open);
            return;
        }
        // Nothing is added while this runs: what reacts to these fills is submitted afterwards.
        let mut waiting = std::mem::take(&mut self.waiting);
        for order in waiting.drain(..) {
            self.take_open(desk, now, &order, open);
        }
        self.waiting = waiting;
        self.last = Some(open);
        self.settle(desk, now, open);
        self.follow(open);
        self.has_met_a_price();
    }

    /// The candle closes: follows the path through it.
    #[inline]
    pub(super) fn walk(&mut self, desk: &mut Desk, now: Timestamp, candle: &Candle) {
        let halted = self.is_halted(desk, candle);
        self.volume_seen |= !candle.volume.is_zero();
        if !self.resting.is_empty() && !halted && !self.is_quiet(candle) {
            let late = self.take_late(candle.open_time);
            self.follow_path(desk, now, candle);
            self.quiet = late.is_empty().then(|| self.quiet_range());
            self.resting.extend(late);
        }
        self.last = Some(candle.close.get());
    }

    fn follow_path(&mut self, desk: &mut Desk, now: Timestamp, candle: &Candle) {
        let [open, turns @ ..] = path(candle);
        // Finds work only for what was submitted since the candle opened.
        self.settle(desk, now, open);
        self.follow(open);
        self.has_met_a_price();
        let mut at = open;
        for turn in turns {
            while let Some((place, level)) = self.next_hit(desk, at, turn) {
                at = level;
                let order = self.resting.remove(place);
                self.act(desk, now, order, at);
                self.settle(desk, now, at);
            }
            at = turn;
            self.settle(desk, now, at);
            self.follow(at);
        }
        self.has_met_a_price();
    }

    /// Sets aside what arrived while the candle was under way. Mostly nothing, which costs no allocation.
    fn take_late(&mut self, open_time: Timestamp) -> Vec<Standing> {
        if self.newest <= open_time {
            return Vec::new();
        }
        let (in_time, late) = std::mem::take(&mut self.resting).into_iter().partition(|order| order.arrived <= open_time);
        self.resting = in_time;
        late
    }

    fn is_halted(&self, desk: &Desk, candle: &Candle) -> bool {
        candle.volume.is_zero()
            && match desk.settings.zero_volume {
                ZeroVolume::Halt => true,
                ZeroVolume::Trade => false,
                ZeroVolume::Auto => self.volume_seen || candle.high == candle.low,
            }
    }

    fn is_quiet(&self, candle: &Candle) -> bool {
        self.quiet.is_some_and(|(below, above)| candle.low.get() > below && candle.high.get() < above)
    }

    fn quiet_range(&self) -> (Decimal, Decimal) {
        let (mut below, mut above) = (Decimal::MIN, Decimal::MAX);
        for order in &self.resting {
            match order.level() {
                Some(Level::Below(level)) => below = below.max(level),
                Some(Level::Above(level)) => above = above.min(level),
                // A trailing stop without a level: any price gives it one.
                None => return (Decimal::MAX, Decimal::MIN),
            }
            if let Terms::Trailing { best: Some(best), .. } = order.terms {
                match order.side {
                    Side::Buy => below = below.max(best),
                    Side::Sell => above = above.min(best),
                }
            }
        }
        (below, above)
    }

    /// Lets everything act that acts at a price where the market stands.
    fn settle(&mut self, desk: &mut Desk, now: Timestamp, price: Decimal) {
        let rule = desk.settings.limit_fill;
        loop {
            let acting = self.resting.iter().enumerate().filter(|(_, order)| order.acts_at(price, rule));
            let Some((place, _)) = acting.min_by_key(|(_, order)| order.rank()) else { return };
            let order = self.resting.remove(place);
            self.act(desk, now, order, price);
        }
    }

    /// The first order that acts on the way from one price to another, and where. Those that act at the start are settled.
    fn next_hit(&self, desk: &Desk, from: Decimal, to: Decimal) -> Option<(usize, Decimal)> {
        let rule = desk.settings.limit_fill;
        let hit = |order: &Standing| {
            let strict = order.is_strict(rule);
            match order.level()? {
                Level::Below(level) if level <= from && (to < level || (to == level && !strict)) => Some(level),
                Level::Above(level) if level >= from && (to > level || (to == level && !strict)) => Some(level),
                _ => None,
            }
        };
        let hits = self.resting.iter().enumerate().filter_map(|(place, order)| Some((place, hit(order)?, order.rank())));
        let first = hits.min_by(|(_, level, rank), (_, other, other_rank)| {
            let nearer = if to < from { other.cmp(level) } else { level.cmp(other) };
            nearer.then(rank.cmp(other_rank))
        });
        first.map(|(place, level, _)| (place, level))
    }

    /// Moves trailing stops after the market.
    fn follow(&mut self, price: Decimal) {
        for order in &mut self.resting {
            if let Terms::Trailing { best, .. } = &mut order.terms {
                *best = Some(match (order.side, *best) {
                    (_, None) => price,
                    (Side::Sell, Some(best)) => best.max(price),
                    (Side::Buy, Some(best)) => best.min(price),
                });
            }
        }
    }

    fn has_met_a_price(&mut self) {
        for order in &mut self.resting {
            order.fresh = false;
        }
    }

    /// An order that waited for the open gets it.
    fn take_open(&mut self, desk: &mut Desk, now: Timestamp, order: &Standing, open: Decimal) {
        match order.terms {
            Terms::Immediate { price } if !reaches(order.side, price, open) => desk.cancelled(order.client_id, NOTHING_TO_TAKE),
            Terms::Immediate { price } => self.take(desk, now, order, open, Some(price)),
            _ => self.take(desk, now, order, open, None),
        }
    }

    /// An order acts where the market stands at `price`.
    fn act(&mut self, desk: &mut Desk, now: Timestamp, mut order: Standing, price: Decimal) {
        match order.terms {
            Terms::Limit { price: limit, .. } if order.fresh => self.take(desk, now, &order, price, Some(limit)),
            Terms::Trigger { limit: Some(limit), .. } => {
                desk.events.push_back(VenueEvent::Triggered { order: order.client_id });
                if reaches(order.side, limit, price) {
                    self.take(desk, now, &order, price, Some(limit));
                } else {
                    order.terms = Terms::Limit { price: limit, post_only: false, child: true };
                    order.fresh = false;
                    self.resting.push(order);
                }
            }
            Terms::Trigger { .. } | Terms::Trailing { .. } => {
                desk.events.push_back(VenueEvent::Triggered { order: order.client_id });
                self.take(desk, now, &order, price, None);
            }
            Terms::Limit { .. } | Terms::Market | Terms::Immediate { .. } => {
                self.fill(desk, now, &order, Some(price), true);
            }
        }
    }

    /// Fills as a taker: with slippage, but never beyond its limit.
    fn take(&mut self, desk: &mut Desk, now: Timestamp, order: &Standing, price: Decimal, limit: Option<Decimal>) {
        let slipped = desk.taker_price(&self.rules, order.side, price);
        let worst = match (order.side, limit, slipped) {
            (Side::Buy, Some(limit), Some(slipped)) => Some(slipped.min(limit)),
            (Side::Sell, Some(limit), Some(slipped)) => Some(slipped.max(limit)),
            (_, _, slipped) => slipped,
        };
        self.fill(desk, now, order, worst, false);
    }

    /// Fills the whole order, or as much as reduce-only leaves of it. `price` is none where it overflowed.
    fn fill(&mut self, desk: &mut Desk, now: Timestamp, order: &Standing, price: Option<Decimal>, maker: bool) {
        let before = self.position(order.strategy);
        let size = if order.reduce_only {
            let Ok(size) = Size::new(order.size.get().min(reducible(before, order.side))) else {
                return desk.cancelled(order.client_id, REDUCE_ONLY);
            };
            size
        } else {
            order.size
        };
        let booked = price.and_then(|price| Price::new(price).ok()).and_then(|price| {
            let after = before.checked_add(order.side.signed(size))?;
            let notional = size.get().checked_mul(price.get())?;
            let in_range = after.abs().max(notional) <= Decimal::from(AMOUNT_MAX);
            Some((price, desk.fee(maker, size.get(), price)?, after)).filter(|_| in_range)
        });
        let Some((price, fee, after)) = booked else {
            return desk.cancelled(order.client_id, OVERFLOW);
        };
        let trade_id = desk.next_trade();
        desk.events.push_back(VenueEvent::Fill(Box::new(VenueFill {
            order: order.client_id,
            trade_id,
            instrument: self.id,
            side: order.side,
            price,
            size,
            fee,
            maker,
            liquidation: false,
            time: now,
        })));
        self.hold(order.strategy, after);
        if size < order.size {
            desk.cancelled(order.client_id, REDUCE_ONLY);
        }
        if let Some(sibling) = order.sibling.and_then(|sibling| self.remove(sibling)) {
            desk.cancelled(sibling.client_id, SIBLING_FILLED);
        }
        self.drop_reduced(desk, order.strategy, before, after);
        if let Some(exits) = order.exits {
            self.attach(desk, now, order, exits, (size, after));
        }
    }

    fn hold(&mut self, strategy: StrategyId, size: Decimal) {
        match self.positions.iter_mut().find(|(holder, _)| *holder == strategy) {
            Some((_, held)) => *held = size,
            None => self.positions.push((strategy, size)),
        }
    }

    /// Cancels reduce-only orders whose position is gone.
    fn drop_reduced(&mut self, desk: &mut Desk, strategy: StrategyId, before: Decimal, after: Decimal) {
        self.resting.retain(|order| {
            let gone = order.reduce_only
                && order.strategy == strategy
                && !reducible(before, order.side).is_zero()
                && reducible(after, order.side).is_zero();
            if gone {
                desk.cancelled(order.client_id, REDUCE_ONLY);
            }
            !gone
        });
    }

    /// The exits of an order that filled become live. They take part in what is left of the candle: the exchange holds them,
    /// so that nobody had to see the candle to place them.
    fn attach(
        &mut self,
        desk: &mut Desk,
        now: Timestamp,
        parent: &Standing,
        exits: AttachedExits,
        (size, after): (Size, Decimal),
    ) {
        let side = parent.side.opposite();
        // An order that only closed has nothing to protect.
        if reducible(after, side).is_zero() {
            return;
        }
        let Some(origin) = parent.client_id.origin() else { return };
        let leg = |leg| ClientOrderId::derive(OrderOrigin { leg, ..origin });
        let (take_profit_id, stop_loss_id) = (leg(1), leg(2));
        let legs = [
            (take_profit_id, stop_loss_id, TriggerKind::TakeProfit, exits.take_profit),
            (stop_loss_id, take_profit_id, TriggerKind::Stop, exits.stop_loss),
        ];
        let both = exits.take_profit.is_some() && exits.stop_loss.is_some();
        for (id, sibling, kind, trigger_price) in legs {
            let (Some(client_id), Some(trigger_price)) = (id, trigger_price) else { continue };
            let venue_id = desk.next_order();
            let terms = OrderKind::Trigger { kind, trigger_price, limit_price: None };
            desk.events.push_back(VenueEvent::ExitLive {
                order: client_id,
                venue_order: venue_id,
                instrument: self.id,
                side,
                size,
                kind: terms,
            });
            self.add(Standing {
                client_id,
                venue_id,
                arrived: now,
                side,
                size,
                terms: Terms::Trigger { kind, trigger: trigger_price.get(), limit: None },
                reduce_only: true,
                exits: None,
                sibling: sibling.filter(|_| both),
                fresh: false,
                ..*parent
            });
        }
    }
}

/// Whether a limit accepts a price: it is as good or better.
fn reaches(side: Side, limit: Decimal, price: Decimal) -> bool {
    match side {
        Side::Buy => price <= limit,
        Side::Sell => price >= limit,
    }
}

/// How much of a position an order of this side can take away.
fn reducible(position: Decimal, side: Side) -> Decimal {
    match side {
        Side::Buy => (-position).max(Decimal::ZERO),
        Side::Sell => position.max(Decimal::ZERO),
    }
}

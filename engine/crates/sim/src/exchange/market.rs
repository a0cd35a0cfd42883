//! One instrument's market: the orders that stand in it and how candles move them.

use crate::exchange::desk::{Desk, ZeroVolume};
use crate::exchange::order::{Level, Standing, Terms};
use crate::exchange::path::path;
use crate::exchange::ticks::TickBook;
use calypte_kernel::{
    Candle, ClientOrderId, Decimal, Instrument, InstrumentId, Rounding, Rules, Side, StrategyId, Symbol, Timestamp,
};

/// One instrument's market.
#[derive(Debug)]
pub(super) struct Market {
    pub(super) id: InstrumentId,
    symbol: Symbol,
    pub(super) rules: Rules,
    has_data: bool,
    /// Last price known.
    pub(super) last: Option<Decimal>,
    /// Whether any candle of it had volume.
    volume_seen: bool,
    /// What waits for the next open, in order of arrival.
    pub(super) waiting: Vec<Standing>,
    /// What has a level.
    pub(super) resting: Vec<Standing>,
    /// When the newest of these arrived.
    newest: Timestamp,
    /// While prices stay strictly between these two nothing resting acts and no trailing stop moves; none where that has to
    /// be worked out again. It makes a candle that touches nothing cost two comparisons, however many orders rest.
    pub(super) quiet: Option<(Decimal, Decimal)>,
    /// Signed sizes; a strategy that never traded here has none.
    pub(super) positions: Vec<(StrategyId, Decimal)>,
    /// What is left of the present candle, or trade, to fill orders with; none: no limit.
    pub(super) available: Option<Decimal>,
    /// Open time of the candle it is left of.
    supplied: Timestamp,
    /// Where it is matched against trades, quotes or books instead of candles.
    pub(super) ticks: Option<Box<TickBook>>,
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
            available: None,
            supplied: Timestamp::from_millis(i64::MIN),
            ticks: None,
        }
    }

    pub(super) const fn has_data(&self) -> bool {
        self.has_data
    }

    pub(super) const fn expect_data(&mut self) {
        self.has_data = true;
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

    /// Takes every order out.
    pub(super) fn take_all(&mut self) -> impl Iterator<Item = Standing> {
        self.resting.drain(..).chain(self.waiting.drain(..))
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

    /// Whether a limit order would take liquidity at the last price known, or of what is shown.
    pub(super) fn would_take(&self, side: Side, limit: Decimal) -> bool {
        let met = if self.ticks.is_some() { self.met_by(side) } else { self.last };
        met.is_some_and(|met| reaches(side, limit, met))
    }

    pub(super) fn crossing(&self, price: Decimal) -> String {
        match self.last {
            Some(last) if self.ticks.is_none() => {
                format!("a post-only order at {price} would fill at once: the last price is {last}")
            }
            _ => format!("a post-only order at {price} would fill at once"),
        }
    }

    /// A candle opens: what waits for the open fills, then whatever the open is already beyond.
    pub(super) fn open(&mut self, desk: &mut Desk, now: Timestamp, candle: &Candle) {
        if self.is_halted(desk, candle) {
            return;
        }
        let open = candle.open.get();
        let quiet = self.quiet.is_some_and(|(below, above)| open > below && open < above);
        if self.waiting.is_empty() && quiet && !desk.is_exposed() {
            self.last = Some(open);
            return;
        }
        self.supply(desk, candle);
        self.mark(desk, open);
        self.liquidate_between(desk, now, open, open);
        // Nothing is added while this runs but what is left of these: what reacts to these fills is submitted afterwards.
        let mut waiting = std::mem::take(&mut self.waiting);
        for order in waiting.drain(..) {
            self.take_open(desk, now, order, open);
        }
        if self.waiting.is_empty() {
            self.waiting = waiting;
        }
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
        let is_idle = self.resting.is_empty() || self.is_quiet(candle);
        if !halted && (!is_idle || desk.is_exposed()) {
            let late = self.take_late(candle.open_time);
            self.supply(desk, candle);
            self.follow_path(desk, now, candle);
            self.quiet = late.is_empty().then(|| self.quiet_range());
            self.resting.extend(late);
        }
        self.last = Some(candle.close.get());
    }

    /// Volume of the candle there is for our orders, where they may take but a share of it.
    fn supply(&mut self, desk: &Desk, candle: &Candle) {
        let Some(share) = desk.settings.participation else { return };
        if self.supplied != candle.open_time {
            self.supplied = candle.open_time;
            self.available = Some(self.rules.round_size(candle.volume.saturating_mul(share), Rounding::Down));
        }
    }

    /// Whether an order has nothing to fill with: it waits where it is.
    fn lacks_volume(&self, order: &Standing) -> bool {
        matches!(order.terms, Terms::Limit { .. }) && self.available.is_some_and(|available| available.is_zero())
    }

    fn follow_path(&mut self, desk: &mut Desk, now: Timestamp, candle: &Candle) {
        let [open, turns @ ..] = path(candle);
        self.mark(desk, open);
        // Finds work only for what was submitted since the candle opened.
        self.settle(desk, now, open);
        self.follow(open);
        self.has_met_a_price();
        let mut at = open;
        self.liquidate_between(desk, now, open, open);
        for turn in turns {
            loop {
                let hit = self.next_hit(desk, at, turn);
                if let Some(price) = self.liquidate_between(desk, now, at, hit.map_or(turn, |(_, level)| level)) {
                    at = price;
                    continue;
                }
                let Some((place, level)) = hit else { break };
                at = level;
                self.mark(desk, at);
                let order = self.resting.remove(place);
                self.act(desk, now, order, at);
                self.settle(desk, now, at);
            }
            at = turn;
            self.mark(desk, at);
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
    pub(super) fn settle(&mut self, desk: &mut Desk, now: Timestamp, price: Decimal) {
        let rule = desk.settings.limit_fill;
        loop {
            let acting = self.resting.iter().enumerate();
            let acting = acting.filter(|(_, order)| order.acts_at(price, rule) && !self.lacks_volume(order));
            let Some((place, _)) = acting.min_by_key(|(_, order)| order.rank()) else { return };
            let order = self.resting.remove(place);
            self.act(desk, now, order, price);
        }
    }

    /// The first order that acts on the way from one price to another, and where. Those that act at the start are settled.
    fn next_hit(&self, desk: &Desk, from: Decimal, to: Decimal) -> Option<(usize, Decimal)> {
        let rule = desk.settings.limit_fill;
        let hit = |order: &Standing| {
            if self.lacks_volume(order) {
                return None;
            }
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
    pub(super) fn follow(&mut self, price: Decimal) {
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

    pub(super) fn has_met_a_price(&mut self) {
        for order in &mut self.resting {
            order.fresh = false;
        }
    }
}

/// Whether a limit accepts a price: it is as good or better.
pub(super) fn reaches(side: Side, limit: Decimal, price: Decimal) -> bool {
    match side {
        Side::Buy => price <= limit,
        Side::Sell => price >= limit,
    }
}

/// How much of a position an order of this side can take away.
pub(super) fn reducible(position: Decimal, side: Side) -> Decimal {
    match side {
        Side::Buy => (-position).max(Decimal::ZERO),
        Side::Sell => position.max(Decimal::ZERO),
    }
}

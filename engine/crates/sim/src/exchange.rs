//! The simulated exchange: takes approved commands, matches them against candles, answers as a venue does.
//!
//! ```text
//!   Approved<Command> ──► submit ─┐                       ┌─► poll ──► VenueEvent
//!                                 ├─► Market (one each) ──┤
//!   Candle ──► open, walk ────────┘                       └── trade and order numbers are counters
//! ```
//!
//! A candle is used twice: [`Exchange::open`] when it opens, where nothing but its open is used (and whether anybody traded
//! in it at all), and [`Exchange::walk`] when it closes, which follows the declared path through it. Whatever is submitted
//! at the open, before the second, takes part in it; what is submitted later, while the candle is under way, takes part from
//! the next candle on, so that nothing is filled by prices of the past. The rules are in `engine/docs/matching.md`.
//!
//! It keeps the positions of each strategy apart, as if each had an account of its own, because reduce-only needs them. Where
//! margin is not simulated it knows no money: fees are computed here and booked by whoever reads the fills.

mod clearing;
mod depth;
mod desk;
mod fills;
mod funding;
mod liquidation;
mod market;
mod order;
mod path;
mod ticks;

pub use clearing::{Leverage, MarginSettings};
pub use desk::{ExchangeSettings, ExchangeSettingsError, LimitFill, ZeroVolume};
pub use path::path;

use calypte_kernel::{
    AccountId, Approved, Candle, ClientOrderId, Command, Decimal, Instrument, InstrumentId, NewOrder, OrderKind, Refusal,
    RequestKind, Resolve, Size, StrategyId, TimeInForce, Timestamp, VenueEvent,
};
use clearing::Clearing;
use desk::Desk;
use market::Market;
use order::{Arrival, Standing, Terms};

/// Most orders that stand in one market. More are refused with `too-many-orders`.
pub const STANDING_ORDERS_MAX: usize = 16_384;

/// An exchange of candles. See the [module](self).
#[derive(Debug)]
pub struct Exchange {
    desk: Desk,
    /// By instrument.
    markets: Vec<Market>,
    /// When the dead man's switch cancels everything.
    cancel_at: Option<Timestamp>,
}

impl Exchange {
    /// An exchange for these instruments, each at the place its id says. `has_data` says of each whether candles will come.
    ///
    /// # Errors
    /// Where a rate or the slippage is out of range.
    pub fn new(
        settings: ExchangeSettings,
        instruments: &[Instrument],
        has_data: &[bool],
    ) -> Result<Self, ExchangeSettingsError> {
        let markets = instruments
            .iter()
            .enumerate()
            .map(|(place, instrument)| Market::new(instrument, has_data.get(place).copied().unwrap_or(false)))
            .collect();
        Ok(Self { desk: Desk::new(settings)?, markets, cancel_at: None })
    }

    /// With an account that has to carry what it holds. Says of each instrument what leverage holds.
    ///
    /// # Errors
    /// Where the leverages do not fit the instruments.
    pub fn with_margin(
        mut self,
        (account, cash): (AccountId, Decimal),
        settings: MarginSettings,
        instruments: &[Instrument],
    ) -> Result<Self, ExchangeSettingsError> {
        let found = settings.leverage.len();
        if found != instruments.len() {
            return Err(ExchangeSettingsError::LeverageCount { found, instruments: instruments.len() });
        }
        if settings.liquidation_fee.abs() > Decimal::ONE {
            return Err(ExchangeSettingsError::Fee(settings.liquidation_fee));
        }
        for (instrument, Leverage { leverage, mode }) in instruments.iter().zip(settings.leverage.iter().copied()) {
            let (max, instrument) = (instrument.margin.max_leverage(), instrument.id);
            if leverage == 0 || (max > 0 && leverage > max) {
                return Err(ExchangeSettingsError::Leverage {
                    instrument,
                    leverage,
                    max: if max > 0 { max } else { u32::MAX },
                });
            }
            self.desk.events.push_back(VenueEvent::LeverageSet {
                instrument,
                leverage,
                mode,
                as_of: Timestamp::from_millis(i64::MIN),
            });
        }
        self.desk.clearing = Some(Box::new(Clearing::new(account, cash, settings, instruments)));
        Ok(self)
    }

    /// Takes a command; the answer waits in [`Self::poll`].
    pub fn submit(&mut self, now: Timestamp, command: Approved<Command>) {
        self.apply(now, command.into_inner());
    }

    /// Takes a question about an order. It stands, or is gone and was said to be.
    pub fn resolve(&mut self, now: Timestamp, Resolve { order, instrument, .. }: Resolve) {
        let standing = self.market(instrument).and_then(|market| market.find(order));
        let event = match standing {
            Some(standing) => VenueEvent::Accepted { order, venue_order: standing.venue_id },
            None => VenueEvent::Absent { order, as_of: now },
        };
        self.desk.events.push_back(event);
    }

    /// Whether it has something to say.
    #[inline]
    pub fn has_events(&self) -> bool {
        !self.desk.events.is_empty()
    }

    /// Takes the next thing it says.
    #[inline]
    pub fn poll(&mut self) -> Option<VenueEvent> {
        self.desk.events.pop_front()
    }

    /// Whether [`Self::open`] could do anything in this market.
    #[inline]
    pub fn has_orders(&self, instrument: InstrumentId) -> bool {
        self.market(instrument).is_some_and(Market::has_orders) || self.desk.is_exposed()
    }

    /// Whether a candle of this market, or its time, could do anything but move its last price.
    #[inline]
    pub fn expects_anything(&self, instrument: InstrumentId) -> bool {
        self.has_orders(instrument) || self.cancel_at.is_some() || self.has_events()
    }

    /// The last price known.
    pub fn last_price(&self, instrument: InstrumentId) -> Option<Decimal> {
        self.market(instrument)?.last_price()
    }

    /// What a strategy holds here.
    pub fn position(&self, strategy: StrategyId, instrument: InstrumentId) -> Decimal {
        self.market(instrument).map_or(Decimal::ZERO, |market| market.position(strategy))
    }

    /// A candle opens.
    pub fn open(&mut self, now: Timestamp, instrument: InstrumentId, candle: &Candle) {
        self.strike(now);
        if let Some(market) = self.markets.get_mut(instrument.get() as usize) {
            market.open(&mut self.desk, now, candle);
            self.take_the_rest(now);
        }
    }

    /// The same candle closes: what happened inside it happens now.
    #[inline]
    pub fn walk(&mut self, now: Timestamp, instrument: InstrumentId, candle: &Candle) {
        self.strike(now);
        if let Some(market) = self.markets.get_mut(instrument.get() as usize) {
            market.walk(&mut self.desk, now, candle);
            self.take_the_rest(now);
        }
    }

    /// Cancels everything once the dead man's switch is due.
    #[inline]
    fn strike(&mut self, now: Timestamp) {
        if self.cancel_at.is_some_and(|at| at <= now) {
            self.cancel_at = None;
            let Self { desk, markets, .. } = self;
            for order in markets.iter_mut().flat_map(Market::take_all) {
                desk.cancelled(order.client_id, order.venue_id, "dead man's switch");
            }
        }
    }

    fn market(&self, instrument: InstrumentId) -> Option<&Market> {
        self.markets.get(instrument.get() as usize)
    }

    fn apply(&mut self, now: Timestamp, command: Command) {
        match command {
            Command::Place(order) => self.place(now, &order),
            Command::Amend { order, instrument, size, kind, .. } => self.amend(now, (order, instrument), size, kind),
            Command::Cancel { order, instrument, .. } => self.cancel(order, instrument),
            Command::SetLeverage { instrument, leverage, mode, .. } => {
                let wanted = Leverage { leverage, mode };
                // What the account cannot carry is refused, after what holds. Without margin any leverage is taken as asked.
                let holds = self.desk.clearing.as_mut().and_then(|clearing| {
                    clearing.set_leverage(instrument, wanted);
                    clearing.setting(instrument)
                });
                let holds = holds.unwrap_or(wanted);
                let Leverage { leverage, mode } = holds;
                self.desk.events.push_back(VenueEvent::LeverageSet { instrument, leverage, mode, as_of: now });
                if holds != wanted {
                    let message = format!("the account cannot carry it; leverage {leverage} holds");
                    let refusal = Refusal { code: "leverage-refused".into(), message };
                    self.desk.events.push_back(VenueEvent::LeverageRejected { instrument, refusal });
                }
            }
            // Nobody else trades here.
            Command::CancelOutside { .. } => {}
            Command::ScheduleCancel { at, .. } => {
                self.cancel_at = at;
                self.desk.events.push_back(VenueEvent::CancelScheduled { at });
            }
        }
    }

    fn place(&mut self, now: Timestamp, new: &NewOrder) {
        let id = new.client_id;
        let origin = id.origin();
        let refused = origin
            .filter(|_| !new.reduce_only)
            .and_then(|origin| self.refuses(new.instrument, origin.strategy, (new.side, new.size, new.kind)));
        let Self { desk, markets, .. } = self;
        let Some(market) = markets.get_mut(new.instrument.get() as usize) else {
            return desk.reject(id, "unknown-instrument", format!("instrument {} is not listed", new.instrument));
        };
        if !market.has_data() {
            return desk.reject(id, "no-market-data", format!("no candles come for {}", market.symbol()));
        }
        if now > new.expires_after {
            return desk.reject(id, "expired", format!("it could be admitted until {}; it is {now}", new.expires_after));
        }
        let Some(origin) = origin else {
            return desk.reject(id, "foreign-order-id", format!("{id} was not derived from a strategy's intent"));
        };
        if market.find(id).is_some() {
            return desk.reject(id, "duplicate-order-id", format!("an order {id} stands already"));
        }
        if market.standing() >= STANDING_ORDERS_MAX {
            return desk.reject(id, "too-many-orders", format!("{STANDING_ORDERS_MAX} orders stand in {}", market.symbol()));
        }
        if let OrderKind::Limit { price, time_in_force: TimeInForce::Alo } = new.kind
            && market.would_take(new.side, price.get())
        {
            return desk.reject(id, "post-only-would-take", market.crossing(price.get()));
        }
        if let Some(why) = refused {
            return desk.reject(id, "insufficient-margin", why);
        }
        let venue_order = desk.next_order();
        desk.events.push_back(VenueEvent::Accepted { order: id, venue_order });
        market.add(Standing::new(new, origin.strategy, Arrival { time: now, venue_id: venue_order }, market.last_price()));
        market.arrive(desk, now, id);
    }

    fn amend(&mut self, now: Timestamp, (id, instrument): (ClientOrderId, InstrumentId), size: Size, kind: OrderKind) {
        let Self { desk, markets, .. } = self;
        let Some(market) = markets.get_mut(instrument.get() as usize) else {
            return desk.refuse(id, RequestKind::Amend, "unknown-instrument", format!("instrument {instrument} is not listed"));
        };
        let Some(standing) = market.find(id) else {
            return desk.refuse(id, RequestKind::Amend, "unknown-order", format!("no order {id} stands"));
        };
        let Some(terms) = standing.terms.amended(kind) else {
            return desk.refuse(
                id,
                RequestKind::Amend,
                "cannot-amend",
                "an order keeps its kind, and one that waits for the next open its terms".into(),
            );
        };
        if let Terms::Limit { price, post_only: true, .. } = terms
            && market.would_take(standing.side, price)
        {
            return desk.refuse(id, RequestKind::Amend, "post-only-would-take", market.crossing(price));
        }
        let left = size.get().checked_sub(standing.filled).and_then(|left| Size::new(left).ok());
        let Some(left) = left else {
            return desk.refuse(
                id,
                RequestKind::Amend,
                "cannot-amend",
                format!("{} of it has filled already", standing.filled),
            );
        };
        let venue_order = desk.next_order();
        if let Some(mut order) = market.remove(id) {
            order.amend(terms, left, Arrival { time: now, venue_id: venue_order });
            market.add(order);
        }
        desk.events.push_back(VenueEvent::Amended { order: id, venue_order, size, kind });
        market.arrive(desk, now, id);
    }

    fn cancel(&mut self, id: ClientOrderId, instrument: InstrumentId) {
        match self.markets.get_mut(instrument.get() as usize).and_then(|market| market.remove(id)) {
            Some(order) => self.desk.cancelled(id, order.venue_id, "as asked"),
            None => self.desk.refuse(id, RequestKind::Cancel, "unknown-order", format!("no order {id} stands")),
        }
    }
}

#[cfg(test)]
mod tests;

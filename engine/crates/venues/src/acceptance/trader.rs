//! Approved requests, by way of the gate that everything passes.

use calypte_kernel::{
    AccountId, Approved, Batch, ClientOrderId, Command, Decimal, EventNumber, Instrument, InstrumentId, Lane, Limits,
    MarginMode, Order, OrderId, OrderKind, OrderOrigin, PlaceOrder, Price, Request, RiskGate, Side, Size, Standing, StrategyId,
    TimeInForce, Timestamp, Wanted, WantedKind,
};

/// Makes requests that were approved, and names for their orders.
#[derive(Debug)]
pub struct Trader {
    instruments: Vec<Instrument>,
    limits: Limits,
    account: AccountId,
    epoch: u16,
    event: u64,
}

impl Trader {
    /// One for these instruments. Account and epoch are part of the names: another run needs another epoch.
    pub fn new(instruments: Vec<Instrument>, account: AccountId, epoch: u16) -> Self {
        Self { instruments, limits: Limits::default(), account, epoch, event: 0 }
    }

    /// The instrument with that number.
    pub fn instrument(&self, instrument: InstrumentId) -> Option<&Instrument> {
        self.instruments.iter().find(|known| known.id == instrument)
    }

    /// A name that no order has.
    fn name(&mut self) -> ClientOrderId {
        self.event += 1;
        let event = EventNumber::new(self.event);
        let origin =
            OrderOrigin { account: self.account, strategy: StrategyId::new(1), epoch: self.epoch, event, intent: 0, leg: 0 };
        ClientOrderId::derive(origin).expect("a run has few events")
    }

    fn approve(&self, now: Timestamp, request: &Request<'_>, standing: &Standing) -> Result<Approved<Command>, String> {
        let gate = RiskGate::new(&self.instruments, &self.limits, now);
        gate.review(request, standing).map_err(|denial| format!("{denial:?}"))
    }

    fn batch(&self, approved: Approved<Command>) -> Batch {
        Batch { event: EventNumber::new(self.event), commands: vec![approved] }
    }

    /// An order. `held` is the position it is held against, for one that only reduces.
    ///
    /// # Errors
    /// Where the gate denies it.
    pub fn place(
        &mut self,
        now: Timestamp,
        (instrument, side, size): (InstrumentId, Side, Decimal),
        limit: Option<(Price, TimeInForce)>,
        (reference, held): (Price, Option<Decimal>),
    ) -> Result<(ClientOrderId, Batch), String> {
        let wanted = |number: Decimal| Wanted::try_from(number).map_err(|number| format!("{number} has too many digits"));
        let kind = match limit {
            None => WantedKind::Market,
            Some((price, time_in_force)) => WantedKind::Limit { price: wanted(price.get())?, time_in_force },
        };
        let reduce_only = held.is_some();
        let (tag, take_profit, stop_loss) = (None, None, None);
        let order = PlaceOrder { instrument, side, size: wanted(size)?, kind, reduce_only, tag, take_profit, stop_loss };
        let client_id = self.name();
        let standing =
            Standing { reference: Some(reference), position: held.unwrap_or_default(), ..Standing::new(Lane::Running) };
        let approved = self.approve(now, &Request::Place { order: &order, client_id }, &standing)?;
        Ok((client_id, self.batch(approved)))
    }

    /// A new price for a limit order that rests whole.
    ///
    /// # Errors
    /// Where the gate denies it.
    pub fn amend(
        &mut self,
        now: Timestamp,
        client_id: ClientOrderId,
        (instrument, side, size): (InstrumentId, Side, Decimal),
        (before, after): (Price, Price),
    ) -> Result<Batch, String> {
        let kind = OrderKind::Limit { price: before, time_in_force: TimeInForce::Gtc };
        let (id, size) = (OrderId::new(1), Size::new(size).map_err(|error| error.to_string())?);
        let order = Order { id, tag: None, instrument, side, size, filled: Decimal::ZERO, kind, reduce_only: false };
        let price = Wanted::try_from(after.get()).map_err(|number| format!("{number} has too many digits"))?;
        let standing = Standing { reference: Some(before), ..Standing::new(Lane::Running) };
        let request = Request::Amend { order: &order, client_id, price: Some(price), size: None, trigger_price: None };
        let approved = self.approve(now, &request, &standing)?;
        Ok(self.batch(approved))
    }

    /// The end of an order.
    ///
    /// # Errors
    /// Where the gate denies it.
    pub fn cancel(&self, now: Timestamp, instrument: InstrumentId, client_id: ClientOrderId) -> Result<Batch, String> {
        let request = Request::Cancel { instrument, client_id };
        Ok(self.batch(self.approve(now, &request, &Standing::new(Lane::Running))?))
    }

    /// Leverage.
    ///
    /// # Errors
    /// Where the gate denies it.
    pub fn leverage(&self, now: Timestamp, instrument: InstrumentId, leverage: u32, mode: MarginMode) -> Result<Batch, String> {
        let request = Request::SetLeverage { instrument, leverage, mode };
        Ok(self.batch(self.approve(now, &request, &Standing::new(Lane::Running))?))
    }

    /// The dead man's switch, for a time.
    ///
    /// # Errors
    /// Where the gate denies it.
    pub fn schedule_cancel(&self, now: Timestamp, at: Option<Timestamp>) -> Result<Batch, String> {
        let request = Request::ScheduleCancel { at, now };
        Ok(self.batch(self.approve(now, &request, &Standing::new(Lane::Closing))?))
    }
}

//! Where an account's orders go: the exchange itself, or a simulation of it.

use calypte_kernel::{Batch, InstrumentId, MarketEvent, ReconcileCause, Resolve, Timestamp, VenueEvent};

/// What the core wants of the exchange.
#[derive(Debug)]
pub enum Request {
    /// Do this.
    Send(Batch),
    /// What became of an order?
    Resolve(Resolve),
    /// Which leverage and margin mode hold?
    ResolveLeverage(InstrumentId),
    /// Everything at once.
    Reconcile(ReconcileCause),
}

/// Takes orders. It never waits: what follows comes as events, here or among the news of the session.
pub trait Venue: Send {
    /// Takes a request.
    fn ask(&mut self, now: Timestamp, request: Request);

    /// The market moved. For venues that are made of it.
    fn market(&mut self, now: Timestamp, event: &MarketEvent);

    /// What it says at once. A real exchange says nothing here.
    fn poll(&mut self) -> Option<VenueEvent>;
}

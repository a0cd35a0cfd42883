//! What must hold of money: after every step of what was told, and once all is quiet of what there is.

use super::{Invariant, Violation, hold};
use crate::seeded::exchange::{INSTRUMENTS, Truth, instrument};
use calypte_kernel::{
    Decimal, InstrumentId, Position, Side, StrategyView, Timestamp, TradeId, TradingCore, VenueEvent, VenueFill,
};
use std::collections::BTreeSet;

/// What the strategies made is what the account made.
pub(crate) fn money_adds_up(core: &TradingCore) -> Result<(), Violation> {
    let sum = |of: fn(&StrategyView<'_>) -> Decimal| core.strategies().map(|strategy| of(&strategy)).sum::<Decimal>();
    let parts = [sum(|one| one.settled()), sum(|one| one.fees_paid()), sum(|one| one.funding_received())];
    let whole = [core.settled() - core.settings().cash, core.fees_paid(), core.funding_received()];
    hold(parts == whole, Invariant::MoneyAddsUp, || {
        format!("settled, fees and funding are {parts:?} of the strategies and {whole:?} of the account")
    })
}

/// The account's money is the exchange's to the last digit: what was paid in, what flowed, fees and funding, each by itself.
pub(crate) fn money_agrees(core: &TradingCore, truth: &Truth) -> Result<(), Violation> {
    let theirs = Sums { paid_in: truth.paid_in, flow: truth.flow, fees: truth.fees, funding: truth.funding };
    theirs.agree(core, true)
}

/// Money by what it came from.
#[derive(Debug, Clone, Copy, Default)]
struct Sums {
    paid_in: Decimal,
    /// Price times size of each fill, of sells less of buys.
    flow: Decimal,
    fees: Decimal,
    funding: Decimal,
}

impl Sums {
    /// Cash, fees, funding, what was realized and what is held come from these, to the last digit. Where `prices_are_known` is
    /// false, something is held at a price that was not told yet, and the cash is only as good as the core's guess of it.
    fn agree(&self, core: &TradingCore, prices_are_known: bool) -> Result<(), Violation> {
        let open: Decimal = core.positions().map(|(_, position)| Position::flow(position)).sum();
        let ours = [core.settings().cash, core.settled() + open, core.fees_paid(), core.funding_received()];
        let cash = self.paid_in + self.flow - self.fees + self.funding;
        let cash = if prices_are_known { cash } else { ours[1] };
        let theirs = [self.paid_in, cash, self.fees, self.funding];
        hold(ours == theirs, Invariant::MoneyAddsUp, || {
            format!("paid in, cash with open flows, fees, funding: ours {ours:?}, by what was told {theirs:?}")
        })
    }
}

/// What the core was told of money, each of it once however often it came. It is summed up here, and nowhere near the core.
#[derive(Debug, Default)]
pub(crate) struct Told {
    trades: BTreeSet<TradeId>,
    payments: BTreeSet<(InstrumentId, Timestamp)>,
    movements: BTreeSet<Timestamp>,
    /// Signed sizes by fills alone.
    sizes: [Decimal; INSTRUMENTS],
    sums: Sums,
}

impl Told {
    /// Nothing but what was paid in at first.
    pub(crate) fn new(paid_in: Decimal) -> Self {
        Self { sums: Sums { paid_in, ..Sums::default() }, ..Self::default() }
    }

    /// The core is being told something.
    pub(crate) fn note(&mut self, event: &VenueEvent) {
        match event {
            VenueEvent::Fill(fill) => self.fill(fill),
            VenueEvent::Snapshot(snapshot) => snapshot.fills.iter().for_each(|fill| self.fill(fill)),
            VenueEvent::Funding { instrument, time, payment, .. } if self.payments.insert((*instrument, *time)) => {
                self.sums.funding += *payment;
            }
            VenueEvent::Balance { time, change, .. } if self.movements.insert(*time) => self.sums.paid_in += *change,
            _ => {}
        }
    }

    fn fill(&mut self, fill: &VenueFill) {
        if !self.trades.insert(fill.trade_id) {
            return;
        }
        let traded = fill.price.get() * fill.size.get();
        self.sums.flow += if fill.side == Side::Sell { traded } else { -traded };
        self.sums.fees += fill.fee;
        self.sizes[fill.instrument.get() as usize] += fill.side.signed(fill.size);
    }

    /// Cash + fees + funding + what was realized is what the account changed by, of all that was told and nothing else. A position
    /// that was told before its fills has no price until they come.
    pub(crate) fn is_what_there_is(&self, core: &TradingCore) -> Result<(), Violation> {
        let by_fills = |place: usize| core.size_held(instrument(place)) == self.sizes[place];
        self.sums.agree(core, (0..INSTRUMENTS).all(by_fills))
    }
}

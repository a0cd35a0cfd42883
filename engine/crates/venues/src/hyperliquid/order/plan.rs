//! Commands to batches.

use super::{AttachedOrders, Batch, Entry, OwnOrders};
use crate::hyperliquid::assets::{Asset, Assets};
use crate::hyperliquid::budget::Urgency;
use crate::hyperliquid::protocol::{
    Action, BATCH_MAX, CancelByCloidWire, CancelWire, Cloid, Grouping, Millis, ModifyWire, Number, OrderKey, OrderTypeWire,
    PlaceWire, Tif, TpSl,
};
use calypte_kernel::{
    Approved, ClientOrderId, Command, Decimal, InstrumentId, MarginMode, NewOrder, OrderKind, Price, Refusal, RequestKind,
    Rounding, Side, Size, TimeInForce, Timestamp, TriggerKind, VenueEvent,
};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Furthest that a market order's limit may lie from the reference: the exchange refuses what is too far, and where that begins
/// is not certain.
pub const SLIPPAGE_MAX: Decimal = Decimal::from_parts(25, 0, 0, false, 2);

/// Makes batches of commands.
#[derive(Debug)]
pub struct Planner {
    /// How far from the reference a market order may fill, as a fraction.
    slippage: Decimal,
    /// The price that market orders go by: the mid, or the mark.
    references: BTreeMap<InstrumentId, Price>,
    /// Orders of ours that are out.
    pub own: OwnOrders,
    /// Exits attached to orders of ours, until they come alive.
    pub attached: AttachedOrders,
}

/// What is to be sent, in this order, and what was refused here.
#[derive(Debug, Default)]
pub struct Plan {
    /// Batches.
    pub batches: Vec<Batch>,
    /// For the core: what cannot be sent at all.
    pub refused: Vec<VenueEvent>,
}

/// Why a command cannot be sent.
struct CannotSend {
    code: &'static str,
    words: String,
}

fn cannot<T>(code: &'static str, words: impl Into<String>) -> Result<T, CannotSend> {
    Err(CannotSend { code, words: words.into() })
}

/// Entries that may share an action.
#[derive(Default)]
struct Groups {
    cancels: Vec<(CancelByCloidWire, Entry, Timestamp)>,
    /// Of orders that are not ours.
    outside: Vec<(CancelWire, Entry, Timestamp)>,
    /// Apart from the others: the exchange lets a batch that is post-only go first.
    post_only: Vec<(PlaceWire, Entry, Timestamp)>,
    others: Vec<(PlaceWire, Entry, Timestamp)>,
    /// Amends that may trade at once, and those that may not.
    amends: [Vec<(ModifyWire, Entry, Timestamp)>; 2],
    /// Actions of their own.
    whole: Vec<Batch>,
}

impl Planner {
    /// One whose market orders may fill so far from the reference, at most [`SLIPPAGE_MAX`].
    pub fn new(slippage: Decimal) -> Self {
        let slippage = slippage.clamp(Decimal::ZERO, SLIPPAGE_MAX);
        Self { slippage, references: BTreeMap::new(), own: OwnOrders::default(), attached: AttachedOrders::default() }
    }

    /// Notes the price that market orders go by.
    pub fn reference(&mut self, instrument: InstrumentId, price: Price) {
        self.references.insert(instrument, price);
    }

    /// Plans what one event led to. Cancels go first, then what is post-only, then the rest.
    pub fn plan(&mut self, assets: &Assets, commands: impl IntoIterator<Item = Approved<Command>>) -> Plan {
        self.plan_commands(assets, commands.into_iter().map(Approved::into_inner))
    }

    pub(in crate::hyperliquid) fn plan_commands(
        &mut self,
        assets: &Assets,
        commands: impl IntoIterator<Item = Command>,
    ) -> Plan {
        let (mut groups, mut refused) = (Groups::default(), Vec::new());
        for command in commands {
            if let Err(CannotSend { code, words }) = self.sort(assets, &command, &mut groups) {
                refused.extend(refusal(&command, Refusal { code: Cow::Borrowed(code), message: words }));
            }
        }
        Plan { batches: groups.batches(), refused }
    }

    fn sort(&mut self, assets: &Assets, command: &Command, groups: &mut Groups) -> Result<(), CannotSend> {
        match command {
            Command::Place(order) => self.place(assets, order, groups),
            Command::Amend { order, instrument, size, kind, expires_after } => {
                let asset = asset(assets, *instrument)?;
                let place = self.amended(asset, *order, *size, kind)?;
                let rests = matches!(kind, OrderKind::Limit { time_in_force: TimeInForce::Alo, .. });
                let modify = ModifyWire { oid: OrderKey::Cloid(Cloid(*order)), order: place };
                let entry = Entry::Amend { order: *order, size: *size, kind: *kind };
                groups.amends[usize::from(rests)].push((modify, entry, *expires_after));
                Ok(())
            }
            Command::Cancel { order, instrument, expires_after } => {
                let cancel = CancelByCloidWire { asset: asset(assets, *instrument)?.number, cloid: Cloid(*order) };
                groups.cancels.push((cancel, Entry::Cancel { order: *order }, *expires_after));
                Ok(())
            }
            Command::CancelOutside { venue_order, instrument, expires_after } => {
                let cancel = CancelWire { asset: asset(assets, *instrument)?.number, oid: venue_order.get() };
                groups.outside.push((cancel, Entry::CancelOutside { venue_order: *venue_order }, *expires_after));
                Ok(())
            }
            Command::SetLeverage { instrument, leverage, mode, expires_after } => {
                let asset = asset(assets, *instrument)?;
                if asset.only_isolated && *mode == MarginMode::Cross {
                    return cannot("venue-only-isolated", format!("{} takes isolated margin only", asset.instrument.symbol));
                }
                let (number, is_cross) = (asset.number, *mode == MarginMode::Cross);
                let action = Action::UpdateLeverage { asset: number, is_cross, leverage: *leverage };
                let entry = Entry::Leverage { instrument: *instrument, leverage: *leverage, mode: *mode };
                groups.whole.push(batch(action, vec![entry], Some(*expires_after), Urgency::Opening));
                Ok(())
            }
            Command::ScheduleCancel { at, expires_after } => {
                let time = at.map(|at| Millis::try_from(at).map(Millis::get));
                let Ok(time) = time.transpose() else { return cannot("venue-no-such-time", "that is no time of this century") };
                let action = Action::ScheduleCancel { time };
                groups.whole.push(batch(action, vec![Entry::Schedule { at: *at }], Some(*expires_after), Urgency::Closing));
                Ok(())
            }
        }
    }

    fn place(&mut self, assets: &Assets, order: &NewOrder, groups: &mut Groups) -> Result<(), CannotSend> {
        let asset = asset(assets, order.instrument)?;
        if asset.is_delisted && !order.reduce_only {
            return cannot("venue-delisted", format!("{} is no longer traded", asset.instrument.symbol));
        }
        let placed = self.wire(asset, order.client_id, order.side, order.size, &order.kind, order.reduce_only)?;
        let entry = Entry::Place { order: order.client_id };
        let exits = self.exits(asset, order)?;
        self.own.placed(order);
        self.attached.placed(order);
        if !exits.is_empty() {
            let entries = std::iter::once(entry).chain(exits.iter().map(|_| Entry::Exit)).collect();
            let orders = std::iter::once(placed).chain(exits).collect();
            let action = Action::Order { orders, grouping: Grouping::NormalTpsl, builder: None };
            groups.whole.push(batch(action, entries, Some(order.expires_after), Urgency::Opening));
            return Ok(());
        }
        let post_only = placed.kind == OrderTypeWire::Limit { tif: Tif::Alo };
        let group = if post_only { &mut groups.post_only } else { &mut groups.others };
        group.push((placed, entry, order.expires_after));
        Ok(())
    }

    /// Attached exits: market orders for the other side that wait for their prices, named after the order.
    fn exits(&self, asset: &Asset, order: &NewOrder) -> Result<Vec<PlaceWire>, CannotSend> {
        let attached = order.exits.unwrap_or_default();
        let legs = [(attached.take_profit, TriggerKind::TakeProfit, 1), (attached.stop_loss, TriggerKind::Stop, 2)];
        let legs = legs.into_iter().filter_map(|(price, kind, leg)| Some((price?, kind, leg)));
        let exit = |(trigger_price, kind, leg)| {
            let name = order
                .client_id
                .origin()
                .and_then(|origin| ClientOrderId::derive(calypte_kernel::OrderOrigin { leg, ..origin }));
            let Some(name) = name else { return cannot("venue-no-name", "an order of another's making cannot have exits") };
            let kind = OrderKind::Trigger { kind, trigger_price, limit_price: None };
            self.wire(asset, name, order.side.opposite(), order.size, &kind, true)
        };
        legs.map(exit).collect()
    }

    /// An order with new terms. What it asks for is what is left of its new size: the exchange takes a new order in its place.
    fn amended(&self, asset: &Asset, order: ClientOrderId, size: Size, kind: &OrderKind) -> Result<PlaceWire, CannotSend> {
        let Some(own) = self.own.get(order) else {
            return cannot(
                "venue-unknown-order",
                format!("nothing is known of order {order}: it can be cancelled, not amended"),
            );
        };
        let Ok(left) = Size::new(size.get().saturating_sub(own.filled)) else {
            return cannot("venue-filled-beyond", format!("{} of the order has filled, not less than {size}", own.filled));
        };
        self.wire(asset, order, own.side, left, kind, own.reduce_only)
    }

    fn wire(
        &self,
        asset: &Asset,
        name: ClientOrderId,
        side: Side,
        size: Size,
        kind: &OrderKind,
        reduce_only: bool,
    ) -> Result<PlaceWire, CannotSend> {
        let rules = &asset.instrument.rules;
        if !rules.allows_size(size.get()) {
            return cannot("venue-off-grid", format!("size {size} has more than {} decimals", rules.size_decimals));
        }
        let on_grid = |price: Price| {
            if rules.allows_price(price.get()) {
                return Ok(Number::new(price.get()));
            }
            cannot("venue-off-grid", format!("price {price} does not lie on the grid of {}", asset.instrument.symbol))
        };
        let (price, kind) = match *kind {
            OrderKind::Market => {
                let Some(reference) = self.references.get(&asset.instrument.id) else {
                    return cannot("venue-no-price", format!("no price of {} is known yet", asset.instrument.symbol));
                };
                (self.worst(asset, side, *reference)?, OrderTypeWire::Limit { tif: Tif::Ioc })
            }
            OrderKind::Limit { price, time_in_force } => {
                let tif = match time_in_force {
                    TimeInForce::Gtc => Tif::Gtc,
                    TimeInForce::Ioc => Tif::Ioc,
                    TimeInForce::Alo => Tif::Alo,
                };
                (on_grid(price)?, OrderTypeWire::Limit { tif })
            }
            OrderKind::Trigger { kind, trigger_price, limit_price } => {
                let tpsl = if kind == TriggerKind::Stop { TpSl::Sl } else { TpSl::Tp };
                let price = limit_price.map_or_else(|| self.worst(asset, side, trigger_price), on_grid)?;
                let (is_market, trigger_px) = (limit_price.is_none(), on_grid(trigger_price)?);
                (price, OrderTypeWire::Trigger { is_market, trigger_px, tpsl })
            }
            OrderKind::TrailingStop { .. } => {
                return cannot("venue-no-trailing-stop", "the exchange has no stops that trail: move a stop with amends");
            }
        };
        let (asset, size) = (asset.number, Number::new(size.get()));
        Ok(PlaceWire { asset, is_buy: side == Side::Buy, price, size, reduce_only, kind, cloid: Some(Cloid(name)) })
    }

    /// The worst price at which something without a price of its own may fill, on the grid and no nearer than asked.
    fn worst(&self, asset: &Asset, side: Side, reference: Price) -> Result<Number, CannotSend> {
        let (factor, rounding) = match side {
            Side::Buy => (Decimal::ONE + self.slippage, Rounding::Up),
            Side::Sell => (Decimal::ONE - self.slippage, Rounding::Down),
        };
        let worst = reference.get().checked_mul(factor).and_then(|worst| asset.instrument.rules.round_price(worst, rounding));
        match worst {
            Some(worst) => Ok(Number::new(worst)),
            None => cannot("venue-no-price", format!("no price of the grid lies {} from {reference}", self.slippage)),
        }
    }
}

fn asset(assets: &Assets, instrument: InstrumentId) -> Result<&Asset, CannotSend> {
    assets
        .of(instrument)
        .map_or_else(|| cannot("venue-unknown-asset", format!("instrument {instrument} is none of the exchange's")), Ok)
}

fn batch(action: Action, entries: Vec<Entry>, expires_after: Option<Timestamp>, urgency: Urgency) -> Batch {
    // A time beyond the century does not expire; one before 1970 has.
    let expires_after = expires_after.map(|time| Millis::try_from(time.max(Timestamp::default())));
    Batch { action, entries, expires_after: expires_after.and_then(Result::ok), urgency }
}

/// Says for each command that it is refused; of an order that is not ours nothing is waited for.
fn refusal(command: &Command, refusal: Refusal) -> Option<VenueEvent> {
    Some(match command {
        Command::Place(order) => VenueEvent::Rejected { order: order.client_id, refusal },
        Command::Amend { order, .. } => VenueEvent::RequestRejected { order: *order, request: RequestKind::Amend, refusal },
        Command::Cancel { order, .. } => VenueEvent::RequestRejected { order: *order, request: RequestKind::Cancel, refusal },
        Command::SetLeverage { instrument, .. } => VenueEvent::LeverageRejected { instrument: *instrument, refusal },
        Command::ScheduleCancel { .. } => VenueEvent::CancelScheduleRejected { refusal },
        Command::CancelOutside { .. } => return None,
    })
}

impl Groups {
    fn batches(self) -> Vec<Batch> {
        let mut batches = Vec::new();
        let urgency = Urgency::Closing;
        split(&mut batches, self.cancels, urgency, |cancels| Action::CancelByCloid { cancels, fast: None });
        split(&mut batches, self.outside, urgency, |cancels| Action::Cancel { cancels, fast: None });
        let place = |orders| Action::Order { orders, grouping: Grouping::Na, builder: None };
        for group in [self.post_only, self.others] {
            let (reducing, opening): (Vec<_>, Vec<_>) = group.into_iter().partition(|(order, _, _)| order.reduce_only);
            split(&mut batches, reducing, Urgency::Closing, place);
            split(&mut batches, opening, Urgency::Opening, place);
        }
        for (amends, always_place) in self.amends.into_iter().zip([Some(true), None]) {
            split(&mut batches, amends, Urgency::Opening, |modifies| Action::BatchModify { modifies, always_place });
        }
        batches.extend(self.whole);
        batches
    }
}

/// Makes actions of as many entries as fit into one.
fn split<T>(
    batches: &mut Vec<Batch>,
    entries: Vec<(T, Entry, Timestamp)>,
    urgency: Urgency,
    action: impl Fn(Vec<T>) -> Action,
) {
    let mut entries = entries.into_iter().peekable();
    while entries.peek().is_some() {
        let (mut wires, mut kinds, mut earliest) = (Vec::new(), Vec::new(), Timestamp::MAX);
        for (wire, kind, expires_after) in entries.by_ref().take(BATCH_MAX) {
            wires.push(wire);
            kinds.push(kind);
            earliest = earliest.min(expires_after);
        }
        batches.push(batch(action(wires), kinds, Some(earliest), urgency));
    }
}

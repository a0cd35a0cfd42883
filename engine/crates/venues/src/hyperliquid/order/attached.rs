//! Exits that are attached to orders of ours and not alive yet.
//!
//! The exchange tells of one when the order that it is attached to has filled, by an update that leaves out its terms. Whoever
//! placed it knows them.

use calypte_kernel::{
    AttachedExits, ClientOrderId, InstrumentId, NewOrder, OrderKind, OrderOrigin, Side, Size, TriggerKind, VenueEvent,
    VenueOrderId,
};
use std::collections::VecDeque;

/// Most orders whose exits are remembered: as many as an account may have open. Of one that is forgotten, or that was placed before
/// a restart, the exits are found when everything is asked for.
pub const ATTACHED_MAX: usize = 5_000;

/// The exits of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Attached {
    to: ClientOrderId,
    instrument: InstrumentId,
    /// Theirs: the other one of the order's.
    side: Side,
    exits: AttachedExits,
}

/// Exits that are not alive yet, the oldest order's first.
#[derive(Debug, Default)]
pub struct AttachedOrders(VecDeque<Attached>);

impl AttachedOrders {
    /// Notes the exits of an order that goes out.
    pub(super) fn placed(&mut self, order: &NewOrder) {
        let Some(exits) = order.exits else { return };
        if self.0.len() == ATTACHED_MAX {
            self.0.pop_front();
        }
        let side = order.side.opposite();
        self.0.push_back(Attached { to: order.client_id, instrument: order.instrument, side, exits });
    }

    /// Notes that an order of that name is open, and says so where it is an exit that was not alive before.
    pub fn is_open(&mut self, name: ClientOrderId, venue_order: VenueOrderId, size: Size) -> Option<VenueEvent> {
        let origin = name.origin().filter(|origin| origin.leg > 0)?;
        let to = ClientOrderId::derive(OrderOrigin { leg: 0, ..origin })?;
        let place = self.0.iter().position(|attached| attached.to == to)?;
        let Attached { instrument, side, exits, .. } = &mut self.0[place];
        // Each comes alive once.
        let (trigger_price, kind) = match origin.leg {
            1 => (exits.take_profit.take()?, TriggerKind::TakeProfit),
            2 => (exits.stop_loss.take()?, TriggerKind::Stop),
            _ => return None,
        };
        let (instrument, side) = (*instrument, *side);
        if *exits == AttachedExits::default() {
            self.0.remove(place);
        }
        let kind = OrderKind::Trigger { kind, trigger_price, limit_price: None };
        Some(VenueEvent::ExitLive { order: name, venue_order, instrument, side, size, kind })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use calypte_kernel::{AccountId, Decimal, EventNumber, Price, StrategyId, Timestamp};

    fn name(event: u64, leg: u8) -> ClientOrderId {
        let (account, strategy, event) = (AccountId::new(1), StrategyId::new(2), EventNumber::new(event));
        ClientOrderId::derive(OrderOrigin { account, strategy, epoch: 0, event, intent: 0, leg }).expect("it fits")
    }

    fn price(number: i64) -> Price {
        Price::new(Decimal::from(number)).expect("positive")
    }

    fn order(event: u64, exits: AttachedExits) -> NewOrder {
        NewOrder {
            client_id: name(event, 0),
            instrument: InstrumentId::new(0),
            side: Side::Buy,
            size: Size::new(Decimal::ONE).expect("positive"),
            kind: OrderKind::Market,
            reduce_only: false,
            exits: Some(exits),
            expires_after: Timestamp::default(),
        }
    }

    #[test]
    fn each_exit_comes_alive_once_with_the_terms_it_was_placed_with() {
        let mut attached = AttachedOrders::default();
        attached.placed(&order(3, AttachedExits { take_profit: Some(price(70)), stop_loss: Some(price(50)) }));
        let size = Size::new(Decimal::ONE).expect("positive");
        let mut open = |name| attached.is_open(name, VenueOrderId::new(7), size);
        assert_eq!(open(name(3, 0)), None, "the order itself is no exit");
        assert_eq!(open(name(4, 1)), None, "one of an order that nobody knows");
        let Some(VenueEvent::ExitLive { order, side, kind, .. }) = open(name(3, 2)) else { panic!("it comes alive") };
        let stop = OrderKind::Trigger { kind: TriggerKind::Stop, trigger_price: price(50), limit_price: None };
        assert_eq!((order, side, kind), (name(3, 2), Side::Sell, stop));
        assert_eq!(open(name(3, 2)), None, "once");
        assert!(matches!(open(name(3, 1)), Some(VenueEvent::ExitLive { .. })));
        assert!(attached.0.is_empty(), "nothing is left to come alive");
    }

    #[test]
    fn the_oldest_are_forgotten() {
        let mut attached = AttachedOrders::default();
        for event in 0..=ATTACHED_MAX as u64 {
            attached.placed(&order(event, AttachedExits { take_profit: Some(price(70)), stop_loss: None }));
        }
        assert_eq!(attached.0.len(), ATTACHED_MAX);
        let size = Size::new(Decimal::ONE).expect("positive");
        assert_eq!(attached.is_open(name(0, 1), VenueOrderId::new(7), size), None);
        assert!(attached.is_open(name(1, 1), VenueOrderId::new(7), size).is_some());
    }
}

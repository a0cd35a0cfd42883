//! How long strategies and the exchange take to answer, by the machine's steady clock.

use super::notice::Notice;
use calypte_kernel::{ClientOrderId, Command, StrategyId, VenueEvent};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Most orders whose answer is timed at once.
const SENT_MAX: usize = 4_096;

/// What has been handed over and not been answered yet.
#[derive(Debug, Default)]
pub struct Laps {
    /// When the event was handed over that a strategy has not answered; it has at most one.
    delivered: BTreeMap<StrategyId, Instant>,
    /// When orders were handed to the connection that the exchange has not answered.
    sent: BTreeMap<ClientOrderId, Instant>,
}

/// An answer, and how long it took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lap {
    /// From an event's delivery to the end of its hook.
    Hook(Duration),
    /// From an order's way out to the exchange's word that it took or refused it.
    Acknowledged(Duration),
}

impl Laps {
    /// Takes what happens, and says where it answers something.
    pub fn take(&mut self, notice: Notice<'_>, now: Instant) -> Option<Lap> {
        let since = |at: Instant| now.saturating_duration_since(at);
        match notice {
            Notice::Delivered(deliver) => {
                self.delivered.insert(deliver.strategy, now);
                None
            }
            Notice::HookEnded(ended) => self.delivered.remove(&ended.strategy).map(since).map(Lap::Hook),
            Notice::Sent(batch) => {
                for command in &batch.commands {
                    if let Command::Place(order) = command.get()
                        && self.sent.len() < SENT_MAX
                    {
                        self.sent.insert(order.client_id, now);
                    }
                }
                None
            }
            Notice::Venue(VenueEvent::Accepted { order, .. } | VenueEvent::Rejected { order, .. }) => {
                self.sent.remove(order).map(since).map(Lap::Acknowledged)
            }
            // How long it took until somebody gave up is no answer's time.
            Notice::Venue(VenueEvent::Unanswered { order }) => {
                self.sent.remove(order);
                None
            }
            _ => None,
        }
    }
}

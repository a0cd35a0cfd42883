//! What an account was told so far: its journal, read while it is written.

use crate::system::MINUTE;
use calypte::journal::Tail;
use calypte_kernel::journal::Record;
use calypte_kernel::{Input, MarketEvent, TradeId, VenueEvent, VenueOrderId};
use std::collections::BTreeSet;
use std::path::Path;

/// Reads a journal behind whoever writes it.
pub(super) struct Follower {
    tail: Tail,
    fills: BTreeSet<(VenueOrderId, TradeId)>,
    snapshots: usize,
    newest_close: i64,
}

impl Follower {
    pub(super) fn new(journal: &Path) -> Self {
        Self { tail: Tail::new(journal), fills: BTreeSet::new(), snapshots: 0, newest_close: 0 }
    }

    /// Reads on to where the journal has come.
    pub(super) fn read(&mut self) {
        while let Some(tailed) = self.tail.next().expect("a sound journal") {
            let Record::Input(input) = tailed.entry.record else { continue };
            match input {
                Input::Market(MarketEvent::Candle { candle, .. }) => {
                    self.newest_close = self.newest_close.max(candle.open_time.as_millis() + MINUTE);
                }
                Input::Venue(VenueEvent::Fill(fill)) => {
                    self.fills.insert((fill.venue_order, fill.trade_id));
                }
                Input::Venue(VenueEvent::Snapshot(_)) => self.snapshots += 1,
                _ => {}
            }
        }
    }

    /// How many fills it was told, each counted once.
    pub(super) fn fills(&self) -> usize {
        self.fills.len()
    }

    /// How often it was told everything at once.
    pub(super) const fn snapshots(&self) -> usize {
        self.snapshots
    }

    /// When the newest candle closed, on the market.
    pub(super) const fn newest_close(&self) -> i64 {
        self.newest_close
    }
}

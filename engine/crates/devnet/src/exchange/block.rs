//! What one block tells: gathered while it is made, told when it is done.

use super::{Event, Exchange};
use calypte_venues::hyperliquid::protocol::{Address, CancelledByExchange, Fill, OrderUpdate, Trade};
use std::collections::{BTreeMap, BTreeSet};

/// What a block tells.
#[derive(Debug, Default)]
pub(super) struct Block {
    /// By coin.
    pub(super) trades: BTreeMap<usize, Vec<Trade>>,
    /// Coins whose books changed.
    pub(super) books: BTreeSet<usize>,
    updates: BTreeMap<Address, Vec<OrderUpdate>>,
    fills: BTreeMap<Address, Vec<Fill>>,
    cancels: BTreeMap<Address, Vec<CancelledByExchange>>,
    /// Funding, liquidations, money.
    pub(super) others: Vec<Event>,
    /// Accounts whose state is another now.
    pub(super) changed: BTreeSet<Address>,
}

impl Block {
    /// Tells what became of an order. That it is open is told once, as it is at the end of the block.
    pub(super) fn update(&mut self, user: Address, update: OrderUpdate) {
        self.changed.insert(user);
        let updates = self.updates.entry(user).or_default();
        let same = updates.iter_mut().find(|told| told.order.oid == update.order.oid && told.status == "open");
        match same {
            Some(told) => *told = update,
            None => updates.push(update),
        }
    }

    pub(super) fn fill(&mut self, user: Address, fill: Fill) {
        self.changed.insert(user);
        self.fills.entry(user).or_default().push(fill);
    }

    pub(super) fn cancel(&mut self, user: Address, coin: &str, oid: u64) {
        self.cancels.entry(user).or_default().push(CancelledByExchange { coin: coin.to_owned(), oid });
    }
}

impl Exchange {
    /// Tells what the block gathered: the market first, then each account.
    pub(super) fn end_block(&mut self) {
        let Block { trades, books, updates, fills, cancels, others, changed } = std::mem::take(&mut self.block);
        for (coin, trades) in trades {
            for interval in self.markets[coin].watched.keys() {
                let market = &self.markets[coin];
                if let Some(bar) = market.candles.last(*interval) {
                    self.events.push_back(Event::Candle(bar.shown(&market.coin.name, *interval)));
                }
            }
            self.events.push_back(Event::Trades(trades));
        }
        for coin in books {
            let name = self.markets[coin].coin.name.clone();
            if let Some(bbo) = self.bbo(&name)
                && self.markets[coin].told.as_ref() != Some(&bbo.bbo)
            {
                self.markets[coin].told = Some(bbo.bbo);
                self.events.push_back(Event::Bbo(bbo));
            }
            self.events.push_back(Event::Book { coin: name });
        }
        self.events.extend(updates.into_iter().map(|(user, updates)| Event::OrderUpdates { user, updates }));
        self.events.extend(fills.into_iter().map(|(user, fills)| Event::Fills { user, fills }));
        self.events.extend(cancels.into_iter().map(|(user, cancels)| Event::NonUserCancel { user, cancels }));
        self.events.extend(others);
        self.events.extend(changed.into_iter().map(|user| Event::StateChanged { user }));
    }
}

//! What stands in the market beside our orders, as far as the data shows it: the best bid and offer, or levels of the book.
//!
//! What our orders take from it is gone until the next quote or book says otherwise.

use calypte_kernel::{Book, Decimal, Quote, Side};

/// Price and size.
pub(super) type Shown = (Decimal, Decimal);

/// Both sides, best first; empty where nothing was shown yet.
#[derive(Debug, Default)]
pub(super) struct Depth {
    bids: Vec<Shown>,
    asks: Vec<Shown>,
}

impl Depth {
    pub(super) fn quote(&mut self, quote: &Quote) {
        for (side, level) in [(&mut self.bids, quote.bid), (&mut self.asks, quote.ask)] {
            side.clear();
            side.push((level.price.get(), level.size.get()));
        }
    }

    pub(super) fn book(&mut self, book: &Book) {
        for (side, levels) in [(&mut self.bids, &book.bids), (&mut self.asks, &book.asks)] {
            side.clear();
            side.extend(levels.iter().map(|level| (level.price.get(), level.size.get())));
        }
    }

    /// The best price that an order of this side would meet, with its size.
    pub(super) fn opposite(&self, side: Side) -> Option<Shown> {
        self.side(side.opposite()).first().copied()
    }

    /// Takes from the best price that an order of this side would meet.
    pub(super) fn take(&mut self, side: Side, size: Decimal) {
        let levels = match side {
            Side::Buy => &mut self.asks,
            Side::Sell => &mut self.bids,
        };
        if let Some((_, left)) = levels.first_mut() {
            *left = left.saturating_sub(size);
            if *left <= Decimal::ZERO {
                levels.remove(0);
            }
        }
    }

    /// Half way between the best bid and offer.
    pub(super) fn middle(&self) -> Option<Decimal> {
        let ((bid, _), (ask, _)) = (self.bids.first()?, self.asks.first()?);
        bid.checked_add(*ask)?.checked_div(Decimal::TWO)
    }

    /// The size shown at a price on the side of an order; none where the price lies beyond what is shown.
    pub(super) fn shown_at(&self, side: Side, price: Decimal) -> Option<Decimal> {
        let levels = self.side(side);
        let better = |level: Decimal| match side {
            Side::Buy => price > level,
            Side::Sell => price < level,
        };
        match levels.iter().find(|(level, _)| *level == price || better(*level)) {
            Some((level, size)) if *level == price => Some(*size),
            Some(_) => Some(Decimal::ZERO),
            None => None,
        }
    }

    fn side(&self, side: Side) -> &[Shown] {
        match side {
            Side::Buy => &self.bids,
            Side::Sell => &self.asks,
        }
    }
}

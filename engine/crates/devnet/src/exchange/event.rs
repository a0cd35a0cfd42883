//! What the exchange tells without being asked.

use super::MoneyMovement;
use calypte_venues::hyperliquid::protocol::{
    Address, Bbo, CancelledByExchange, Candle, Fill, FundingPayment, Ledger, Liquidation, OrderUpdate, Trade,
};

/// Something that happened. What is told of one block comes together: the market's part first, then each account's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// Trades of one coin, in the order in which they happened: one frame.
    Trades(Vec<Trade>),
    /// The best prices of a coin changed.
    Bbo(Bbo),
    /// The book of a coin changed: ask for it when it is due.
    Book {
        /// Coin.
        coin: String,
    },
    /// A candle that somebody watches took up trades, see [`super::Exchange::watch_candles`].
    Candle(Candle),
    /// Mark, oracle or funding of a coin changed: ask for its context when it is due.
    Context {
        /// Coin.
        coin: String,
    },
    /// What became of an account's orders: one frame.
    OrderUpdates {
        /// Whose.
        user: Address,
        /// In the order in which it happened.
        updates: Vec<OrderUpdate>,
    },
    /// An account's fills: one frame.
    Fills {
        /// Whose.
        user: Address,
        /// In the order in which they happened.
        fills: Vec<Fill>,
    },
    /// An account paid or received funding.
    Funding {
        /// Whose.
        user: Address,
        /// How much.
        payment: FundingPayment,
    },
    /// The exchange cancelled orders of an account for a reason that the account did not give.
    NonUserCancel {
        /// Whose.
        user: Address,
        /// Which.
        cancels: Vec<CancelledByExchange>,
    },
    /// An account was liquidated, or part of it.
    Liquidation {
        /// Whose.
        user: Address,
        /// How.
        liquidation: Liquidation,
    },
    /// Money of an account moved other than by fills and funding.
    Ledger {
        /// Whose.
        user: Address,
        /// What moved.
        update: Ledger<MoneyMovement>,
    },
    /// Something that an account's state shows is another now: positions, money, open orders, leverage.
    StateChanged {
        /// Whose.
        user: Address,
    },
}

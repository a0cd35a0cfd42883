//! What happens to a live system: each part is killed, paused, filled, slowed down, shut out, and set wrong, with everything else at
//! work, and afterwards the books of all of them agree.
//!
//! Each fault is a stage: it is brought about, it is seen to have struck, it ends, and then the account is given candles again and trades.
//! How long that took is printed. At the end [`System::end`](crate::system::System::end) holds the exchange, the stream, the journal and a
//! backtest against each other: no fill is lost, no candle comes twice, none is missing that the account was not told of, and each
//! name is one order.

mod clock;
mod disk;
mod killed;
mod server;
mod slow;
mod soak;
mod trimmed;

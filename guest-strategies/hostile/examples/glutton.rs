//! Uses most of the default fuel of an event on each candle, and comes back: no fault, only less time for others.

/// Rounds of the loop, of less than ten instructions each: the default of an event is fifty million.
const ROUNDS: u32 = 5_000_000;

hostile::on_candle!("glutton", |_event, _intents| for round in 0..ROUNDS {
    std::hint::black_box(round);
});

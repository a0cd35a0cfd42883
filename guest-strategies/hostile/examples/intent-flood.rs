//! Answers one candle with a hundred thousand orders.

/// Far above any limit on the intents of an event.
const INTENTS: u64 = 100_000;

hostile::on_candle!("intent-flood", |_event, intents| {
    for tag in 1..=INTENTS {
        intents.buy_limit(0, 1, 1).tag(tag);
    }
});

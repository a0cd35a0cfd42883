//! Logs a million lines on one candle, the first of them a megabyte long.

/// Far above any limit on log lines.
const LINES: u64 = 1_000_000;

hostile::on_candle!("log-flood", |_event, _intents| {
    calypte_strategy::log::write(calypte_strategy::Level::Info, &"x".repeat(1 << 20));
    for _ in 0..LINES {
        calypte_strategy::log::write(calypte_strategy::Level::Error, "flood");
    }
});

//! Never comes back from the first candle.

hostile::on_candle!("endless-loop", |_event, _intents| loop {
    std::hint::black_box(());
});

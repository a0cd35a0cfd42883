//! Pulls events for ever, cheaply, and goes on pulling when there are none: each pull refills the fuel of the next event.

hostile::on_candle!("endless-next", |_event, _intents| loop {
    std::hint::black_box(calypte_strategy::bindings::calypte::strategy::events::next().is_some());
});

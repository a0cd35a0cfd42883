//! Writes to the store until it is refused, and then goes on for as long as it lives.

hostile::on_candle!("state-bomb", |_event, _intents| {
    let value = [b'x'; 1024];
    for key in 0_u64.. {
        std::hint::black_box(calypte_strategy::state::set(&key.to_string(), &value).is_ok());
    }
});

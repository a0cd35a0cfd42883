//! Takes memory, a mebibyte at a time, and touches every page of it.

hostile::on_candle!("memory-bomb", |_event, _intents| {
    let mut hoard = Vec::new();
    loop {
        hoard.push(std::hint::black_box(vec![1_u8; 1 << 20]));
    }
});

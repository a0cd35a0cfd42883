//! Takes memory, a mebibyte at a time, and writes into each.

hostile::on_candle!("memory-bomb", |_event, _intents| {
    let mut hoard = Vec::new();
    loop {
        // Filling it would use up the fuel before the memory.
        let mut block = Vec::with_capacity(1 << 20);
        block.push(1_u8);
        hoard.push(std::hint::black_box(block));
    }
});

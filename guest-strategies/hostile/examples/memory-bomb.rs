//! Takes memory, a mebibyte at a time, and touches every page of it.

/// Pages of a mebibyte.
const PAGES: usize = 256;

/// Only its first byte is written: filling the rest would use up the fuel before the memory.
#[repr(align(4096))]
struct Page(#[expect(dead_code, reason = "nobody reads what an attack writes")] u8);

hostile::on_candle!("memory-bomb", |_event, _intents| {
    let mut hoard = Vec::new();
    loop {
        let mut block = Vec::with_capacity(PAGES);
        (0..PAGES).for_each(|_| block.push(std::hint::black_box(Page(1))));
        hoard.push(std::hint::black_box(block));
    }
});

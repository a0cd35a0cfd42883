//! Calls itself until the stack ends.

hostile::on_candle!("recursion", |event, _intents| {
    std::hint::black_box(deeper(event.candle.open_time));
});

#[expect(unconditional_recursion, reason = "the attack")]
fn deeper(depth: i64) -> i64 {
    let frame = std::hint::black_box([depth; 16]);
    deeper(depth + 1) + frame[3]
}

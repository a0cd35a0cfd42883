//! Hands over a text that is not UTF-8.

hostile::on_candle!("invalid-utf8", |_event, _intents| write_bytes(b"half a character: \xe2\x82"));

#[expect(unsafe_code, reason = "the safe binding takes only valid texts")]
#[cfg(target_family = "wasm")]
fn write_bytes(bytes: &[u8]) {
    #[link(wasm_import_module = "calypte:strategy/log@0.1.0")]
    unsafe extern "C" {
        #[link_name = "write"]
        fn write(level: i32, text: *const u8, length: usize);
    }
    // SAFETY: the bytes live as long as the call; that they are no text is for the host to notice.
    unsafe { write(0, bytes.as_ptr(), bytes.len()) }
}

#[cfg(not(target_family = "wasm"))]
fn write_bytes(_bytes: &[u8]) {}

//! Takes handles of the runtime until there are none left.

hostile::on_candle!("handle-bomb", |_event, _intents| take_handles());

#[expect(unsafe_code, reason = "the built-ins of the component model have no safe face")]
#[cfg(target_family = "wasm")]
fn take_handles() {
    #[link(wasm_import_module = "$root")]
    unsafe extern "C" {
        #[link_name = "[waitable-set-new]"]
        fn new() -> u32;
    }
    loop {
        // SAFETY: takes no memory of ours.
        std::hint::black_box(unsafe { new() });
    }
}

#[cfg(not(target_family = "wasm"))]
fn take_handles() {}

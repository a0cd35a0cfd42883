//! Waits for something that will never come: an empty set of waitables.

use hostile::raw::Attack;

struct NeverReturns;

impl Attack for NeverReturns {
    const NAME: &'static str = "never-returns";

    async fn on_candle() {
        wait_for_nothing();
    }
}

#[expect(unsafe_code, reason = "the built-ins of the component model have no safe face")]
#[cfg(target_family = "wasm")]
fn wait_for_nothing() {
    #[link(wasm_import_module = "$root")]
    unsafe extern "C" {
        #[link_name = "[waitable-set-new]"]
        fn new() -> u32;
        #[link_name = "[waitable-set-wait]"]
        fn wait(set: u32, event: *mut [u32; 2]) -> u32;
    }
    let mut event = [0; 2];
    // SAFETY: the set is new and the place for the event outlives the call, which does not come back.
    unsafe {
        wait(new(), &raw mut event);
    }
}

#[cfg(not(target_family = "wasm"))]
fn wait_for_nothing() {}

hostile::export_attack!(NeverReturns);

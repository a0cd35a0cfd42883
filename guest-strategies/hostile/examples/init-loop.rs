//! Never begins.

use calypte_strategy::prelude::*;

struct InitLoop;

impl Strategy for InitLoop {
    fn describe() -> Manifest {
        hostile::manifest("init-loop")
    }

    fn init(_context: &mut Context) -> Result<Self, Refusal> {
        loop {
            std::hint::black_box(());
        }
    }
}

calypte_strategy::export!(InitLoop);

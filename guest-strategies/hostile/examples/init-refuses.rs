//! Refuses to begin, as an honest strategy may.

use calypte_strategy::prelude::*;

struct InitRefuses;

impl Strategy for InitRefuses {
    fn describe() -> Manifest {
        hostile::manifest("init-refuses")
    }

    fn init(_context: &mut Context) -> Result<Self, Refusal> {
        Err(Refusal("not in the mood".into()))
    }
}

calypte_strategy::export!(InitRefuses);

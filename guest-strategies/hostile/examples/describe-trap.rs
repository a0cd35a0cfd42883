//! Fails when asked what it is.

use calypte_strategy::prelude::*;

struct DescribeTrap;

impl Strategy for DescribeTrap {
    fn describe() -> Manifest {
        panic!("the attack")
    }

    fn init(_context: &mut Context) -> Result<Self, Refusal> {
        Ok(Self)
    }
}

calypte_strategy::export!(DescribeTrap);

//! Never says what it is.

use calypte_strategy::prelude::*;

struct DescribeLoop;

impl Strategy for DescribeLoop {
    fn describe() -> Manifest {
        loop {
            std::hint::black_box(());
        }
    }

    fn init(_context: &mut Context) -> Result<Self, Refusal> {
        Ok(Self)
    }
}

calypte_strategy::export!(DescribeLoop);

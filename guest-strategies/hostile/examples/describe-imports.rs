//! Asks the engine something while it is asked what it is, which must be pure.

use calypte_strategy::prelude::*;

struct DescribeImports;

impl Strategy for DescribeImports {
    fn describe() -> Manifest {
        hostile::manifest(&format!("describe-imports-{}", market::now()))
    }

    fn init(_context: &mut Context) -> Result<Self, Refusal> {
        Ok(Self)
    }
}

calypte_strategy::export!(DescribeImports);

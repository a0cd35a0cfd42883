//! Validates function bodies one operator at a time, so that nesting and jump tables are measured on the way.

use super::{ShapeError, count::Count, invalid};
use wasmparser::{FuncToValidate, FuncValidatorAllocations, FunctionBody, Operator, OperatorsReader, ValidatorResources};

/// Validates bodies in turn, reusing the validator's stacks.
#[derive(Default)]
pub(super) struct Functions {
    allocations: FuncValidatorAllocations,
}

impl Functions {
    /// Counts and validates one body.
    pub(super) fn check(
        &mut self,
        function: FuncToValidate<ValidatorResources>,
        body: &FunctionBody<'_>,
        count: &mut Count<'_>,
    ) -> Result<(), ShapeError> {
        count.function(body)?;
        let mut validator = function.into_validator(std::mem::take(&mut self.allocations));
        let mut reader = body.get_binary_reader();
        validator.read_locals(&mut reader).map_err(|error| invalid(&error))?;
        let mut operators = OperatorsReader::new(reader);
        while !operators.eof() {
            let (operator, offset) = operators.read_with_offset().map_err(|error| invalid(&error))?;
            if let Operator::BrTable { targets } = &operator {
                count.br_table(targets.len().into())?;
            }
            validator.op(offset, &operator).map_err(|error| invalid(&error))?;
            count.nesting(validator.control_stack_height().into())?;
        }
        operators.finish().map_err(|error| invalid(&error))?;
        self.allocations = validator.into_allocations();
        Ok(())
    }
}

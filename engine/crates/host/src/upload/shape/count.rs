//! Counts what a component holds, section by section, and stops at the first excess.

use super::{Shape, ShapeError, declarations, invalid};
use crate::upload::limits::UploadLimits;
use wasmparser::{CanonicalFunction, CompositeInnerType, FromReader, FunctionBody, Payload, SectionLimited, TypeRef};

/// The running count and the limits it is held against.
pub(super) struct Count<'l> {
    pub(super) shape: Shape,
    file: &'l [u8],
    limits: &'l UploadLimits,
}

impl<'l> Count<'l> {
    /// Begins with the size of the file.
    pub(super) fn new(file: &'l [u8], limits: &'l UploadLimits) -> Result<Self, ShapeError> {
        let shape = Shape { file_bytes: file.len() as u64, ..Shape::default() };
        within("bytes of the file", limits.file_bytes_max, shape.file_bytes)?;
        Ok(Self { shape, file, limits })
    }

    /// How deep the module or component lies that starts now.
    pub(super) fn depth(&self, depth: u64) -> Result<(), ShapeError> {
        within("nesting of components", self.limits.depth_max, depth)
    }

    /// One section, before the validator sees it.
    pub(super) fn payload(&mut self, payload: &Payload<'_>) -> Result<(), ShapeError> {
        let limits = self.limits;
        let shape = &mut self.shape;
        match payload {
            Payload::ModuleSection { .. } => add(&mut shape.core_modules, 1, "core modules", limits.core_modules_max),
            Payload::ComponentSection { .. } => add(&mut shape.components, 1, "nested components", limits.components_max),
            Payload::TypeSection(section) => self.core_types(section),
            Payload::CoreTypeSection(section) => add(&mut shape.types, section.count().into(), "types", limits.types_max),
            Payload::ComponentTypeSection(section) => {
                // Nested declarations are walked by hand: the library's reader recurses as deep as the file says.
                shape.types = declarations::count(self.file, section, shape.types, limits.types_max)?;
                Ok(())
            }
            Payload::ImportSection(_) | Payload::ComponentImportSection(_) => self.imports(payload),
            Payload::ExportSection(_) | Payload::ComponentExportSection(_) => self.exports(payload),
            Payload::ComponentCanonicalSection(section) => self.canonical_functions(section),
            Payload::InstanceSection(section) => self.component_items(section),
            Payload::ComponentInstanceSection(section) => self.component_items(section),
            Payload::ComponentAliasSection(section) => self.component_items(section),
            Payload::FunctionSection(section) => {
                add(&mut shape.functions, section.count().into(), "functions", limits.functions_max)
            }
            Payload::GlobalSection(section) => add(&mut shape.globals, section.count().into(), "globals", limits.globals_max),
            Payload::MemorySection(_) | Payload::TableSection(_) => self.memories_and_tables(payload),
            Payload::DataSection(section) => {
                add(&mut shape.data_segments, section.count().into(), "data segments", limits.data_segments_max)
            }
            Payload::ElementSection(section) => {
                add(&mut shape.element_segments, section.count().into(), "element segments", limits.element_segments_max)
            }
            Payload::StartSection { .. } => {
                shape.start_functions = shape.start_functions.saturating_add(1);
                Ok(())
            }
            Payload::CustomSection(section) => {
                let bytes = (section.name().len() as u64).saturating_add(section.data().len() as u64);
                add(&mut shape.custom_bytes, bytes, "bytes of custom sections", limits.custom_bytes_max)
            }
            _ => Ok(()),
        }
    }

    /// A function body, before the validator sees it.
    pub(super) fn function(&mut self, body: &FunctionBody<'_>) -> Result<(), ShapeError> {
        let (shape, limits) = (&mut self.shape, self.limits);
        let bytes = body.as_bytes().len() as u64;
        largest(&mut shape.function_bytes_largest, bytes, "bytes of a function", limits.function_bytes_max)?;
        shape.code_bytes = shape.code_bytes.saturating_add(bytes);
        let mut locals: u64 = 0;
        for group in body.get_locals_reader().map_err(|error| invalid(&error))? {
            let (count, _) = group.map_err(|error| invalid(&error))?;
            locals = locals.saturating_add(count.into());
        }
        largest(&mut shape.function_locals_largest, locals, "locals of a function", limits.function_locals_max)?;
        add(&mut shape.locals, locals, "locals of all functions", limits.locals_max)
    }

    /// How deep the block lies that an operator is in.
    pub(super) fn nesting(&mut self, deep: u64) -> Result<(), ShapeError> {
        largest(&mut self.shape.nesting_deepest, deep, "nesting of blocks in a function", self.limits.nesting_max)
    }

    /// The targets of a `br_table`.
    pub(super) fn br_table(&mut self, targets: u64) -> Result<(), ShapeError> {
        largest(&mut self.shape.br_table_longest, targets, "targets of a br_table", self.limits.br_table_max)
    }

    fn core_types(&mut self, section: &wasmparser::TypeSectionReader<'_>) -> Result<(), ShapeError> {
        let (shape, limits) = (&mut self.shape, self.limits);
        add(&mut shape.types, section.count().into(), "types", limits.types_max)?;
        for group in section.clone() {
            for subtype in group.map_err(|error| invalid(&error))?.types() {
                if let CompositeInnerType::Func(function) = &subtype.composite_type.inner {
                    let (params, results) = (function.params().len() as u64, function.results().len() as u64);
                    largest(&mut shape.params_largest, params, "parameters of a function", limits.params_max)?;
                    largest(&mut shape.results_largest, results, "results of a function", limits.results_max)?;
                }
            }
        }
        Ok(())
    }

    fn imports(&mut self, payload: &Payload<'_>) -> Result<(), ShapeError> {
        let limits = self.limits;
        match payload {
            Payload::ImportSection(section) => {
                for import in section.clone().into_imports() {
                    let import = import.map_err(|error| invalid(&error))?;
                    add(&mut self.shape.imports, 1, "imports", limits.imports_max)?;
                    self.name(import.module)?;
                    self.name(import.name)?;
                    self.imported(import.ty)?;
                }
            }
            Payload::ComponentImportSection(section) => {
                add(&mut self.shape.imports, section.count().into(), "imports", limits.imports_max)?;
                for import in section.clone() {
                    self.name(import.map_err(|error| invalid(&error))?.name.name)?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// An imported memory or table is another module's, counted there; only its own limits are looked at.
    fn imported(&self, ty: TypeRef) -> Result<(), ShapeError> {
        match ty {
            TypeRef::Memory(memory) => within(MEMORY_PAGES, self.limits.memory_pages_max, memory.initial),
            TypeRef::Table(table) => within(TABLE_ELEMENTS, self.limits.table_elements_max, table.initial),
            _ => Ok(()),
        }
    }

    fn exports(&mut self, payload: &Payload<'_>) -> Result<(), ShapeError> {
        let limits = self.limits;
        match payload {
            Payload::ExportSection(section) => {
                add(&mut self.shape.exports, section.count().into(), "exports", limits.exports_max)?;
                for export in section.clone() {
                    self.name(export.map_err(|error| invalid(&error))?.name)?;
                }
            }
            Payload::ComponentExportSection(section) => {
                add(&mut self.shape.exports, section.count().into(), "exports", limits.exports_max)?;
                for export in section.clone() {
                    self.name(export.map_err(|error| invalid(&error))?.name.name)?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn name(&self, name: &str) -> Result<(), ShapeError> {
        within("bytes of a name", self.limits.name_bytes_max, name.len() as u64)
    }

    fn component_items<'a, T: FromReader<'a>>(&mut self, section: &SectionLimited<'a, T>) -> Result<(), ShapeError> {
        let limit = self.limits.component_items_max;
        add(&mut self.shape.component_items, section.count().into(), "aliases, instances and canonical functions", limit)
    }

    /// Streams, futures and threads are not in the contract, so nothing honest has a use for their built-ins, and they are
    /// the youngest part of the runtime.
    fn canonical_functions(&mut self, section: &wasmparser::ComponentCanonicalSectionReader<'_>) -> Result<(), ShapeError> {
        self.component_items(section)?;
        for function in section.clone().into_iter_with_offsets() {
            let (offset, function) = function.map_err(|error| invalid(&error))?;
            if let Some(what) = left_out(&function) {
                return Err(ShapeError::Proposal { what: what.to_owned(), offset: offset as u64 });
            }
        }
        Ok(())
    }

    fn memories_and_tables(&mut self, payload: &Payload<'_>) -> Result<(), ShapeError> {
        let (shape, limits) = (&mut self.shape, self.limits);
        match payload {
            Payload::MemorySection(section) => {
                add(&mut shape.memories, section.count().into(), "memories", limits.memories_max)?;
                for memory in section.clone() {
                    let memory = memory.map_err(|error| invalid(&error))?;
                    add(&mut shape.memory_pages, memory.initial, MEMORY_PAGES, limits.memory_pages_max)?;
                }
            }
            Payload::TableSection(section) => {
                add(&mut shape.tables, section.count().into(), "tables", limits.tables_max)?;
                for table in section.clone() {
                    let table = table.map_err(|error| invalid(&error))?;
                    add(&mut shape.table_elements, table.ty.initial, TABLE_ELEMENTS, limits.table_elements_max)?;
                }
            }
            _ => {}
        }
        Ok(())
    }
}

const MEMORY_PAGES: &str = "pages of memory at the start";
const TABLE_ELEMENTS: &str = "elements of tables at the start";

/// The built-in's name, if it is one that no strategy gets.
fn left_out(function: &CanonicalFunction) -> Option<&'static str> {
    use CanonicalFunction as F;
    match function {
        F::StreamNew { .. }
        | F::StreamRead { .. }
        | F::StreamWrite { .. }
        | F::StreamCancelRead { .. }
        | F::StreamCancelWrite { .. }
        | F::StreamDropReadable { .. }
        | F::StreamDropWritable { .. } => Some("streams"),
        F::FutureNew { .. }
        | F::FutureRead { .. }
        | F::FutureWrite { .. }
        | F::FutureCancelRead { .. }
        | F::FutureCancelWrite { .. }
        | F::FutureDropReadable { .. }
        | F::FutureDropWritable { .. } => Some("futures"),
        F::ErrorContextNew { .. } | F::ErrorContextDebugMessage { .. } | F::ErrorContextDrop => Some("error contexts"),
        F::ThreadSpawnRef { .. }
        | F::ThreadSpawnIndirect { .. }
        | F::ThreadAvailableParallelism
        | F::ThreadIndex
        | F::ThreadNewIndirect { .. }
        | F::ThreadResumeLater
        | F::ThreadSuspend { .. }
        | F::ThreadSuspendThenResume { .. }
        | F::ThreadYieldThenResume { .. }
        | F::ThreadSuspendThenPromote { .. }
        | F::ThreadYieldThenPromote { .. } => Some("threads"),
        // Calls, resources of a language runtime's own, and what an async hook needs to return.
        F::Lift { .. }
        | F::Lower { .. }
        | F::ResourceNew { .. }
        | F::ResourceDrop { .. }
        | F::ResourceRep { .. }
        | F::BackpressureInc
        | F::BackpressureDec
        | F::TaskReturn { .. }
        | F::TaskCancel
        | F::ContextGet { .. }
        | F::ContextSet { .. }
        | F::ThreadYield { .. }
        | F::SubtaskDrop
        | F::SubtaskCancel { .. }
        | F::WaitableSetNew
        | F::WaitableSetWait { .. }
        | F::WaitableSetPoll { .. }
        | F::WaitableSetDrop
        | F::WaitableJoin => None,
    }
}

fn within(what: &'static str, limit: u64, found: u64) -> Result<(), ShapeError> {
    if found > limit { Err(ShapeError::TooLarge { what, limit, found }) } else { Ok(()) }
}

/// Adds to a sum and holds it against its limit.
fn add(sum: &mut u64, more: u64, what: &'static str, limit: u64) -> Result<(), ShapeError> {
    *sum = sum.saturating_add(more);
    within(what, limit, *sum)
}

/// Keeps the largest and holds it against its limit.
fn largest(so_far: &mut u64, found: u64, what: &'static str, limit: u64) -> Result<(), ShapeError> {
    *so_far = found.max(*so_far);
    within(what, limit, found)
}

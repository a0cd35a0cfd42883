//! What a file is, before anything is compiled: is it a component, does it keep to the shape limits, does it use only
//! the proposals we allow.
//!
//! The whole file goes once through wasmparser's validator, with our own explicit set of proposals. Counts are checked
//! before the validator sees the section they stand in, so that a refused file costs little. Compiling cost cannot be
//! read off a shape: what passes here may still be a bomb, and the compile child's limits end it.

use crate::upload::found::{self, Found};
use crate::upload::limits::UploadLimits;
use wasmparser::types::Types;
use wasmparser::{Parser, Payload, ValidPayload, Validator, WasmFeatures};

mod count;
mod declarations;
mod function;

use count::Count;

/// What was counted in a component.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Shape {
    /// Bytes of the file.
    pub file_bytes: u64,
    /// Core modules, at any depth.
    pub core_modules: u64,
    /// Components inside the component, at any depth.
    pub components: u64,
    /// Types, core and component ones, with the declarations inside component types.
    pub types: u64,
    /// Imports of core modules and components.
    pub imports: u64,
    /// Exports of core modules and components.
    pub exports: u64,
    /// Aliases, canonical functions and instances of components.
    pub component_items: u64,
    /// Core functions with a body.
    pub functions: u64,
    /// Bytes of all function bodies.
    pub code_bytes: u64,
    /// Bytes of the longest function body.
    pub function_bytes_largest: u64,
    /// Locals of the function that has most.
    pub function_locals_largest: u64,
    /// Locals of all functions.
    pub locals: u64,
    /// Parameters of the core function type that has most.
    pub params_largest: u64,
    /// Results of the core function type that has most.
    pub results_largest: u64,
    /// Deepest nesting of blocks in a function.
    pub nesting_deepest: u64,
    /// Targets of the longest `br_table`.
    pub br_table_longest: u64,
    /// Globals.
    pub globals: u64,
    /// Core memories.
    pub memories: u64,
    /// Pages of 64 KiB that all memories start with.
    pub memory_pages: u64,
    /// Tables.
    pub tables: u64,
    /// Elements that all tables start with.
    pub table_elements: u64,
    /// Data segments.
    pub data_segments: u64,
    /// Element segments.
    pub element_segments: u64,
    /// Bytes of custom sections.
    pub custom_bytes: u64,
    /// Core modules with a start function.
    pub start_functions: u64,
}

/// A component that kept to the limits, with what the world check needs.
pub(crate) struct Shaped {
    /// The counts.
    pub(crate) shape: Shape,
    /// The validator's view of the component's types.
    pub(crate) types: Types,
    /// Names of the component's own imports, in order.
    pub(crate) imports: Vec<String>,
    /// Names of the component's own exports, in order.
    pub(crate) exports: Vec<String>,
}

/// Why a file did not get past this pass.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ShapeError {
    /// It is something else; the author uploads the component instead.
    #[error("not a component: {0}")]
    NotAComponent(Found),
    /// The file ends too early; it is fetched or built again.
    #[error("the file is truncated: the section that starts at byte {section} needs {missing} more bytes")]
    Truncated {
        /// Where the section starts that is cut.
        section: u64,
        /// How many bytes are missing.
        missing: u64,
    },
    /// It is larger than a limit allows.
    #[error("{what}: {found}, the limit is {limit}")]
    TooLarge {
        /// What was counted.
        what: &'static str,
        /// The limit.
        limit: u64,
        /// What was found; counting stops at the first excess, so the file may hold more.
        found: u64,
    },
    /// It uses something of WebAssembly that this sandbox leaves out.
    #[error("uses {what} at byte {offset}, which this sandbox does not allow")]
    Proposal {
        /// What it uses.
        what: String,
        /// Where in the file.
        offset: u64,
    },
    /// It is not valid WebAssembly; the tool that made it is at fault.
    #[error("invalid at byte {offset}: {words}")]
    Invalid {
        /// What the validator says.
        words: String,
        /// Where in the file.
        offset: u64,
    },
}

/// The proposals a strategy may use. Everything else of WebAssembly is refused by name: none of the toolchains that
/// build strategies needs it, and the younger a proposal, the more of the runtime's holes lay in it.
pub(crate) fn features() -> WasmFeatures {
    WasmFeatures::FLOATS
        | WasmFeatures::MUTABLE_GLOBAL
        | WasmFeatures::MULTI_VALUE
        | WasmFeatures::SIGN_EXTENSION
        | WasmFeatures::SATURATING_FLOAT_TO_INT
        | WasmFeatures::BULK_MEMORY
        | WasmFeatures::REFERENCE_TYPES
        | WasmFeatures::EXTENDED_CONST
        | WasmFeatures::COMPONENT_MODEL
        | WasmFeatures::CM_ASYNC
}

/// Checks what the bytes are and how large what is in them is.
pub(crate) fn check(bytes: &[u8], limits: &UploadLimits) -> Result<Shaped, ShapeError> {
    let count = Count::new(bytes, limits)?;
    if let Some(found) = found::not_a_component(bytes) {
        return Err(ShapeError::NotAComponent(found));
    }
    found::sections_whole(bytes)?;
    pass(bytes, count)
}

/// The one pass: each payload is counted, then validated.
fn pass(bytes: &[u8], mut count: Count<'_>) -> Result<Shaped, ShapeError> {
    let mut parser = Parser::new(0);
    parser.set_features(features());
    let mut validator = Validator::new_with_features(features());
    let mut functions = function::Functions::default();
    let (mut imports, mut exports) = (Vec::new(), Vec::new());
    let mut depth: u64 = 0;
    for payload in parser.parse_all(bytes) {
        let payload = payload.map_err(|error| invalid(&error))?;
        count.payload(&payload)?;
        match &payload {
            Payload::Version { .. } => {
                depth = depth.saturating_add(1);
                count.depth(depth)?;
            }
            Payload::ComponentImportSection(section) if depth == 1 => {
                for import in section.clone() {
                    imports.push(import.map_err(|error| invalid(&error))?.name.name.to_owned());
                }
            }
            Payload::ComponentExportSection(section) if depth == 1 => {
                for export in section.clone() {
                    exports.push(export.map_err(|error| invalid(&error))?.name.name.to_owned());
                }
            }
            Payload::End(_) => depth = depth.saturating_sub(1),
            _ => {}
        }
        match validator.payload(&payload).map_err(|error| invalid(&error))? {
            ValidPayload::Func(function, body) => functions.check(function, &body, &mut count)?,
            ValidPayload::End(types) if depth == 0 => {
                return Ok(Shaped { shape: count.shape, types, imports, exports });
            }
            ValidPayload::Ok | ValidPayload::Parser(_) | ValidPayload::End(_) => {}
        }
    }
    // The parser yields the end of the outermost component or an error before it runs dry.
    Err(ShapeError::Invalid { words: "the component has no end".to_owned(), offset: count.shape.file_bytes })
}

/// What the validator said: a proposal that is left out, or a fault.
fn invalid(error: &wasmparser::Error) -> ShapeError {
    let offset = error.offset() as u64;
    match error.missing_wasm_feature() {
        // The one proposal whose absence the validator reports in words only.
        None if error.message() == "multiple memories" => {
            ShapeError::Proposal { what: "the multi-memory proposal".to_owned(), offset }
        }
        Some(missing) => ShapeError::Proposal { what: proposal_names(missing), offset },
        None => ShapeError::Invalid { words: crate::upload::printable(error.message()), offset },
    }
}

/// Names of proposals as people write them: `relaxed-simd`.
fn proposal_names(missing: WasmFeatures) -> String {
    let names: Vec<String> =
        missing.iter_names().map(|(name, _)| format!("the {} proposal", name.to_lowercase().replace('_', "-"))).collect();
    if names.is_empty() { "a proposal without a name".to_owned() } else { names.join(" and ") }
}

#[cfg(test)]
mod tests;

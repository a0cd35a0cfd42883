//! The limits of an upload's shape, with their defaults.

/// How large an uploaded component and everything in it may be.
///
/// The defaults leave room for a component that carries a whole language runtime (CPython: 38 modules, 13,545 functions,
/// one of 427 KB, nesting 781) and refuse what only an attacker builds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UploadLimits {
    /// Bytes of the file.
    pub file_bytes_max: u64,
    /// Core modules, at any depth.
    pub core_modules_max: u64,
    /// Components inside the component, at any depth.
    pub components_max: u64,
    /// How deep modules and components may be nested in one another.
    pub depth_max: u64,
    /// Types, core and component ones, with the declarations inside component types.
    pub types_max: u64,
    /// Imports of core modules and components.
    pub imports_max: u64,
    /// Exports of core modules and components.
    pub exports_max: u64,
    /// Bytes of the name of an import or export.
    pub name_bytes_max: u64,
    /// Aliases, canonical functions and instances of components.
    pub component_items_max: u64,
    /// Core functions with a body.
    pub functions_max: u64,
    /// Bytes of a function body.
    pub function_bytes_max: u64,
    /// Locals of a function.
    pub function_locals_max: u64,
    /// Locals of all functions.
    pub locals_max: u64,
    /// Parameters of a core function type.
    pub params_max: u64,
    /// Results of a core function type.
    pub results_max: u64,
    /// Nesting of blocks in a function.
    pub nesting_max: u64,
    /// Targets of a `br_table`.
    pub br_table_max: u64,
    /// Globals.
    pub globals_max: u64,
    /// Core memories.
    pub memories_max: u64,
    /// Pages of 64 KiB that all memories start with.
    pub memory_pages_max: u64,
    /// Tables.
    pub tables_max: u64,
    /// Elements that all tables start with.
    pub table_elements_max: u64,
    /// Data segments.
    pub data_segments_max: u64,
    /// Element segments.
    pub element_segments_max: u64,
    /// Bytes of custom sections.
    pub custom_bytes_max: u64,
}

impl Default for UploadLimits {
    fn default() -> Self {
        Self {
            file_bytes_max: 32 << 20,
            core_modules_max: 64,
            components_max: 32,
            depth_max: 8,
            types_max: 20_000,
            imports_max: 20_000,
            exports_max: 20_000,
            name_bytes_max: 4_096,
            component_items_max: 20_000,
            functions_max: 30_000,
            function_bytes_max: 1 << 20,
            function_locals_max: 1_000,
            locals_max: 100_000,
            params_max: 100,
            results_max: 16,
            nesting_max: 2_000,
            br_table_max: 4_096,
            globals_max: 20_000,
            memories_max: 4,
            memory_pages_max: 4_096,
            tables_max: 16,
            table_elements_max: 20_000,
            data_segments_max: 20_000,
            element_segments_max: 1_000,
            custom_bytes_max: 1 << 20,
        }
    }
}

/// Counts up with every change of what is checked here, or of what a limit means: part of the key of compiled code, so that
/// code of a file which an older check let through is not loaded past a newer one.
pub(crate) const LIMITS_VERSION: u32 = 1;

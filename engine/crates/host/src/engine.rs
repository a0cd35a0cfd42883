//! The wasmtime engine and its settings, each with its reason. The compile child uses the same settings, so that what it
//! compiles can be loaded here.

use crate::guest::Guest;
use crate::imports;
use std::num::NonZeroUsize;
use std::sync::Arc;
use wasmtime::component::Linker;
use wasmtime::{Config, Engine, InstanceAllocationStrategy, OperatorCost, OptLevel, PoolingAllocationConfig, WasmFeatures};

/// Fuel of one page that a memory grows by: zeroing 64 KiB takes about as long as this many instructions, as far as one byte
/// can say it.
const MEMORY_GROW_FUEL_PER_PAGE: u8 = 255;
/// Frames kept of a trap's backtrace.
const BACKTRACE_FRAMES_MAX: usize = 20;
/// Core instances of one component: a Python guest has 38.
const CORE_INSTANCES_PER_COMPONENT_MAX: u32 = 64;
/// Memories of one component: its own, and one for each adapter.
const MEMORIES_PER_COMPONENT_MAX: u32 = 4;
/// Tables of one component.
const TABLES_PER_COMPONENT_MAX: u32 = 16;
/// Elements of one table slot of the pool.
const TABLE_ELEMENTS_MAX: usize = 20_000;
/// Runtime data of one component instance and of one core instance; both grow with the number of functions.
const INSTANCE_BYTES_MAX: usize = 8 << 20;
/// Slots that stay mapped after use, for a quick next start.
const WARM_SLOTS_MAX: u32 = 128;
/// Bytes of a reused memory slot that are zeroed by hand rather than handed back to the system.
const KEEP_RESIDENT_BYTES: usize = 256 << 10;

/// Settings of a sandbox.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SandboxSettings {
    /// Instances that may be alive at once; address space for all of them is reserved at the start.
    pub instances_max: u32,
    /// Bytes of the largest linear memory of any tenant.
    pub memory_bytes_max: usize,
    /// Bytes of guest stack. A deeper recursion is the fault `stack-overflow`.
    pub stack_bytes_max: usize,
    /// Whether NaN bits are made equal on all machines. Costs up to 3.3 times the time in floating-point code.
    pub portable: bool,
}

impl Default for SandboxSettings {
    fn default() -> Self {
        Self { instances_max: 256, memory_bytes_max: 256 << 20, stack_bytes_max: 512 << 10, portable: false }
    }
}

/// Why a sandbox could not be made.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// The machine does not have what the settings ask for, mostly address space.
    #[error("cannot reserve room for {instances_max} instances of {memory_bytes_max} bytes: lower instances_max")]
    Reserve {
        /// [`SandboxSettings::instances_max`].
        instances_max: u32,
        /// [`SandboxSettings::memory_bytes_max`].
        memory_bytes_max: usize,
        /// What the runtime said.
        #[source]
        source: wasmtime::Error,
    },
    /// The host's own functions do not fit the contract.
    #[error("cannot link the host's functions")]
    Link(#[source] wasmtime::Error),
}

/// Where strategies are loaded and run: one per process.
#[derive(Clone)]
pub struct Sandbox {
    inner: Arc<Inner>,
}

struct Inner {
    settings: SandboxSettings,
    engine: Engine,
    linker: Linker<Guest>,
}

impl Sandbox {
    /// Reserves the pool and links the imports.
    pub fn new(settings: SandboxSettings) -> Result<Self, SandboxError> {
        let engine = Engine::new(&config(&settings)).map_err(|source| SandboxError::Reserve {
            instances_max: settings.instances_max,
            memory_bytes_max: settings.memory_bytes_max,
            source,
        })?;
        let linker = imports::linker(&engine).map_err(SandboxError::Link)?;
        Ok(Self { inner: Arc::new(Inner { settings, engine, linker }) })
    }

    /// What it was made with.
    pub fn settings(&self) -> &SandboxSettings {
        &self.inner.settings
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.inner.engine
    }

    pub(crate) fn linker(&self) -> &Linker<Guest> {
        &self.inner.linker
    }
}

impl std::fmt::Debug for Sandbox {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Sandbox").field("settings", &self.inner.settings).finish_non_exhaustive()
    }
}

/// The settings of the engine that runs strategies, and of the child that compiles them.
pub(crate) fn config(settings: &SandboxSettings) -> Config {
    let mut config = Config::new();
    features(&mut config);
    compiler(&mut config, settings);
    config
        // The only stop that is repeatable. Epochs on top cost up to 2.6 times in code full of calls, and yields by fuel already
        // give the wall clock its chance.
        .consume_fuel(true)
        .operator_cost(operator_cost())
        .max_wasm_stack(settings.stack_bytes_max)
        // Host functions run on the same stack: leave them as much again.
        .async_stack_size(settings.stack_bytes_max.saturating_add(512 << 10))
        // A stack is reused by the next tenant.
        .async_stack_zeroing(true)
        // A fault names functions.
        .wasm_backtrace_max_frames(NonZeroUsize::new(BACKTRACE_FRAMES_MAX))
        .generate_address_map(true)
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool(settings)));
    config
}

fn features(config: &mut Config) {
    // What no strategy needs is off: these proposals are where the runtime's advisories are. Multiple memories stay on, since
    // the runtime's own adapters use them and panic without; the shape pass over an upload refuses them to guests.
    let off = WasmFeatures::THREADS
        | WasmFeatures::SHARED_EVERYTHING_THREADS
        | WasmFeatures::SIMD
        | WasmFeatures::RELAXED_SIMD
        | WasmFeatures::TAIL_CALL
        | WasmFeatures::EXCEPTIONS
        | WasmFeatures::LEGACY_EXCEPTIONS
        | WasmFeatures::FUNCTION_REFERENCES
        | WasmFeatures::GC
        | WasmFeatures::MEMORY64
        | WasmFeatures::STACK_SWITCHING
        | WasmFeatures::WIDE_ARITHMETIC
        | WasmFeatures::CUSTOM_PAGE_SIZES
        | WasmFeatures::CM_ASYNC_STACKFUL
        | WasmFeatures::CM_MORE_ASYNC_BUILTINS
        | WasmFeatures::CM_THREADING
        | WasmFeatures::CM_ERROR_CONTEXT
        | WasmFeatures::CM_MAP
        | WasmFeatures::CM_GC
        | WasmFeatures::CM_FIXED_LENGTH_LISTS;
    config
        .wasm_features(off, false)
        .wasm_component_model(true)
        // Hooks are async functions.
        .wasm_component_model_async(true)
        .concurrency_support(true);
}

fn compiler(config: &mut Config, settings: &SandboxSettings) {
    config
        .cranelift_opt_level(OptLevel::Speed)
        .cranelift_nan_canonicalization(settings.portable)
        // Nobody unwinds guest frames natively; the runtime walks them by itself.
        .native_unwind_info(false);
}

fn operator_cost() -> OperatorCost {
    let mut cost = OperatorCost::new();
    // By default growing is free, however much is zeroed.
    cost.variable.memory_grow_per_page = MEMORY_GROW_FUEL_PER_PAGE;
    cost
}

fn pool(settings: &SandboxSettings) -> PoolingAllocationConfig {
    let instances = settings.instances_max.max(1);
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(instances)
        // Most components are one or two core instances and two shims; the few large ones share what the others leave.
        .total_core_instances(instances.saturating_mul(8).max(CORE_INSTANCES_PER_COMPONENT_MAX))
        .total_memories(instances.saturating_add(MEMORIES_PER_COMPONENT_MAX))
        .total_tables(instances.saturating_mul(4).max(TABLES_PER_COMPONENT_MAX))
        // One stack for the worker of each store; instantiation borrows a second one.
        .total_stacks(instances.saturating_mul(2))
        .max_core_instances_per_component(CORE_INSTANCES_PER_COMPONENT_MAX)
        .max_memories_per_component(MEMORIES_PER_COMPONENT_MAX)
        .max_tables_per_component(TABLES_PER_COMPONENT_MAX)
        .max_component_instance_size(INSTANCE_BYTES_MAX)
        .max_core_instance_size(INSTANCE_BYTES_MAX)
        .max_memory_size(settings.memory_bytes_max)
        .table_elements(TABLE_ELEMENTS_MAX)
        .max_unused_warm_slots(WARM_SLOTS_MAX)
        .linear_memory_keep_resident(KEEP_RESIDENT_BYTES)
        .table_keep_resident(KEEP_RESIDENT_BYTES);
    pool
}

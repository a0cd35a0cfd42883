//! Runs a component as a strategy. Nothing else in the engine knows wasmtime.
//!
//! ```text
//! bytes ──upload──▶ Strategy ──instantiate──▶ Instance ──call(Deliver)──▶ HookEnded
//!                   (checked,                 (one store,    │      ▲
//!                    compiled,                 one hook      ▼      │
//!                    described)                at a time)   Feed::next: the fast path
//! ```
//!
//! What crosses between the core and an instance is owned messages; nothing is borrowed, so that an instance can live in any
//! task. A guest gets what this crate hands it and nothing else: no clock of the machine, no file, no socket, no randomness but
//! a seed. It is bounded by fuel (repeatable), by a wall clock (a backstop) and by the limits of [`InstanceLimits`].

#![deny(unsafe_code)]

mod bindings;
mod call;
mod convert;
mod engine;
mod fault;
mod guest;
mod heard;
mod imports;
mod instance;
mod limits;
mod meter;
mod strategy;
mod upload;

pub use engine::{Sandbox, SandboxError, SandboxSettings};
pub use heard::Heard;
pub use instance::{Cancel, Feed, Instance, InstanceSettings, NoFeed};
pub use limits::{EVENTS_PER_CALL, InstanceLimits, YIELD_FUEL};
pub use strategy::{FeedKind, Manifest, Parameter, Strategy, StrategyError};
pub use upload::{
    CacheEnd, CacheError, CacheSettings, CodeOrigin, CompileCost, CompileError, CompileLimits, Compiler, Found, ImportKind,
    Mismatch, Problem, RefusedImport, Shape, ShapeError, UploadError, UploadLimits, UploadSettings, Uploaded, Uploads, Verdict,
    World, WorldError, compile_child,
};

#[cfg(test)]
mod tests;

//! The contract's types and interfaces as Rust, generated from `wit/`.
//!
//! Calls into the guest do not go through the generated functions: those of asynchronous exports want concurrent access to the
//! store, and an instance runs one hook at a time.

#![allow(missing_docs, clippy::pedantic, unreachable_pub, dead_code, unused_qualifications, reason = "generated")]

wasmtime::component::bindgen!({
    path: "../../../wit",
    world: "calypte:strategy/strategy",
    imports: { default: trappable },
});

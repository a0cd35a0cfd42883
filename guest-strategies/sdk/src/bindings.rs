//! What `wit-bindgen` makes of the contract in `wit/`. Nothing here is written by hand, and nothing outside
//! [`export`](crate::export) and [`backend`](crate::backend) touches it, except for the types that the SDK re-exports.
//!
//! Hooks are asynchronous functions of the contract, and implemented as plain ones: a strategy waits for nothing, and what the
//! asynchronous form brings along (a task for each call, wakers, sets to wait on) was a third of a component.

#![allow(missing_docs, unsafe_code, unreachable_pub, unused_qualifications, clippy::pedantic, reason = "generated code")]

wit_bindgen::generate!({
    path: "../../wit",
    world: "strategy",
    generate_all,
    pub_export_macro: true,
    export_macro_name: "export_bindings",
    default_bindings_module: "calypte_strategy::bindings",
    async: false,
    generate_unused_types: true,
    additional_derives: [PartialEq],
    with: { "calypte:strategy/types@0.1.0/decimal": crate::Decimal },
});

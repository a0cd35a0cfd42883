//! What is granted of WASI as Rust, generated from `wit/` of this crate.

#![allow(missing_docs, clippy::pedantic, unreachable_pub, dead_code, unused_qualifications, reason = "generated")]

wasmtime::component::bindgen!({
    path: "wit",
    world: "calypte:granted/granted",
    imports: { default: trappable },
    with: {
        "wasi:io/error.error": super::handles::Never,
        "wasi:io/poll.pollable": super::handles::Pollable,
        "wasi:io/streams.input-stream": super::handles::Input,
        "wasi:io/streams.output-stream": super::handles::Output,
        "wasi:cli/terminal-input.terminal-input": super::handles::Never,
        "wasi:cli/terminal-output.terminal-output": super::handles::Never,
    },
});

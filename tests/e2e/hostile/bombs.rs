//! Compile bombs: small valid files, within every limit of shape, that would take a compiler minutes or gigabytes.

use super::the_next_is_honest;
use super::worlds::with_module;
use crate::in_process::{compiler, runtime};
use calypte_host::{CompileError, CompileLimits, Sandbox, SandboxSettings, UploadError, UploadSettings, Uploads};
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use tests::{calypte, component, temp_dir};
use wasm_encoder::{
    BlockType, CodeSection, Encode as _, Function, FunctionSection, Instruction as I, MemArg, MemorySection, MemoryType,
    Module, TypeSection, ValType,
};

/// Functions of no parameters and no results, over one memory.
fn module(function: &Function, functions: usize) -> Vec<u8> {
    let mut types = TypeSection::new();
    types.ty().function([], []);
    let mut memories = MemorySection::new();
    memories.memory(MemoryType { minimum: 1, maximum: None, memory64: false, shared: false, page_size_log2: None });
    let (mut declared, mut code) = (FunctionSection::new(), CodeSection::new());
    for _ in 0..functions {
        declared.function(0);
        code.function(function);
    }
    let mut module = Module::new();
    module.section(&types).section(&declared).section(&memories).section(&code);
    module.finish()
}

/// Joins of many values: every local may have been set in every block.
fn joins(locals: u32, blocks: u32) -> Vec<u8> {
    let mut function = Function::new([(locals, ValType::I32)]);
    function.instruction(&I::Loop(BlockType::Empty));
    for block in 0..blocks {
        function.instruction(&I::Block(BlockType::Empty));
        function.instruction(&I::LocalGet(block % locals)).instruction(&I::BrIf(0));
        function.instruction(&I::I32Const(1)).instruction(&I::LocalSet((block * 7) % locals));
        function.instruction(&I::End);
    }
    function.instruction(&I::LocalGet(0)).instruction(&I::BrIf(0)).instruction(&I::End).instruction(&I::End);
    module(&function, 1)
}

/// Loads, each from the address that the one before gave.
fn loads(bytes: usize, functions: usize) -> Vec<u8> {
    let mut load = Vec::new();
    I::I32Load(MemArg { offset: 0, align: 2, memory_index: 0 }).encode(&mut load);
    let mut function = Function::new([]);
    function.instruction(&I::I32Const(0));
    function.raw(load.repeat(bytes / load.len()));
    function.instruction(&I::Drop).instruction(&I::End);
    module(&function, functions)
}

/// Bombs, and how each is called.
fn bombs(folder: &Path) -> Vec<PathBuf> {
    let bombs = [("joins.wasm", joins(1_000, 50_000)), ("loads.wasm", loads((1 << 20) - 100, 16))];
    let write = |(name, module): (&str, Vec<u8>)| {
        let file = folder.join(name);
        with_module(&module, &file);
        file
    };
    bombs.map(write).to_vec()
}

#[test]
fn bombs_end_at_the_childs_limits_while_an_honest_file_is_inspected() {
    let folder = temp_dir();
    let honest = component("ema-atr");
    let limits = CompileLimits { cpu_seconds: 3, address_space_bytes: 8 << 30, wall_ms: 600_000, ..CompileLimits::default() };
    let sandbox = Sandbox::new(SandboxSettings { instances_max: 1, ..SandboxSettings::default() }).expect("room for one");
    let uploads = Uploads::new(sandbox, UploadSettings::new(compiler(limits))).expect("no cache, nothing to open");
    for bomb in bombs(folder.path()) {
        let (ended, has_ended) = mpsc::channel();
        let (uploads, bytes) = (uploads.clone(), std::fs::read(&bomb).expect("it was written"));
        let child = std::thread::spawn(move || {
            let error = runtime().block_on(uploads.load(bytes)).err();
            ended.send(()).expect("the test waits for the end");
            error
        });
        let run = calypte(["inspect".as_ref(), honest.as_os_str(), "--json".as_ref()]).ok();
        assert_eq!(run.json()["verdict"], "accepted", "{run}");
        has_ended.recv().expect("the upload ends");
        let error = child.join().expect("nothing panics").expect("it is refused");
        assert!(
            matches!(error, UploadError::Compile(CompileError::CpuLimit { cpu_seconds: 3 })),
            "{}: {error:?}",
            bomb.display()
        );
        assert_eq!(error.to_string(), "compiling takes more than 3 s of processor time");
    }
    the_next_is_honest();
}

//! Modules that are small and valid and cost a compiler dearly.

use wasm_encoder::{
    BlockType, CodeSection, Encode, Function, FunctionSection, Instruction as I, MemArg, MemorySection, MemoryType, Module,
    TypeSection, ValType,
};

/// A module that a compiler should not be given without limits.
pub(super) struct Bomb {
    pub(super) name: &'static str,
    pub(super) module: Vec<u8>,
}

/// One module of functions, all of the same type.
fn module(params: usize, results: usize, functions: impl IntoIterator<Item = Function>) -> Vec<u8> {
    let mut types = TypeSection::new();
    types.ty().function(vec![ValType::I32; params], vec![ValType::I32; results]);
    let (mut declared, mut code) = (FunctionSection::new(), CodeSection::new());
    for mut function in functions {
        function.instruction(&I::End);
        declared.function(0);
        code.function(&function);
    }
    let mut memories = MemorySection::new();
    memories.memory(MemoryType { minimum: 1, maximum: None, memory64: false, shared: false, page_size_log2: None });
    let mut module = Module::new();
    module.section(&types).section(&declared).section(&memories).section(&code);
    module.finish()
}

fn body(locals: u32, ty: ValType, code: impl FnOnce(&mut Function)) -> Function {
    let mut function = Function::new(if locals == 0 { vec![] } else { vec![(locals, ty)] });
    code(&mut function);
    function
}

/// Repeats what `one` encodes until the body has about that many bytes.
fn filled(bytes: usize, function: &mut Function, one: &[I<'_>]) {
    let mut pattern = Vec::new();
    for instruction in one {
        instruction.encode(&mut pattern);
    }
    function.raw(pattern.repeat(bytes / pattern.len()));
}

/// A loop that reads and writes every local, so that all are alive all the time.
pub(super) fn locals_in_a_loop(locals: u32, functions: usize) -> Vec<u8> {
    let one = body(locals, ValType::I32, |f| {
        f.instruction(&I::Loop(BlockType::Empty));
        for local in 0..locals {
            f.instruction(&I::LocalGet((local + 1) % locals)).instruction(&I::LocalSet(local));
        }
        f.instruction(&I::LocalGet(0)).instruction(&I::BrIf(0)).instruction(&I::End);
    });
    module(0, 0, vec![one; functions])
}

/// Blocks inside one another, each opened by `open`.
pub(super) fn nested(depth: usize, functions: usize, open: &[I<'_>]) -> Vec<u8> {
    let one = body(0, ValType::I32, |f| {
        for _ in 0..depth {
            for instruction in open {
                f.instruction(instruction);
            }
        }
        for _ in 0..depth {
            f.instruction(&I::End);
        }
    });
    module(0, 0, vec![one; functions])
}

/// Jump tables into every one of many nested blocks, over and over.
pub(super) fn br_tables(depth: u32, targets: u32, tables: usize, functions: usize) -> Vec<u8> {
    let one = body(0, ValType::I32, |f| {
        for _ in 0..depth {
            f.instruction(&I::Block(BlockType::Empty));
        }
        let to: Vec<u32> = (0..targets).map(|target| target % depth).collect();
        for _ in 0..tables {
            // Reachable each time, so that each is compiled.
            f.instruction(&I::I32Const(1)).instruction(&I::If(BlockType::Empty)).instruction(&I::I32Const(7));
            f.instruction(&I::BrTable(to.as_slice().into(), 0)).instruction(&I::End);
        }
        for _ in 0..depth {
            f.instruction(&I::End);
        }
    });
    module(0, 0, vec![one; functions])
}

/// One long dependency chain of floating-point arithmetic.
pub(super) fn f64_chain(bytes: usize, functions: usize) -> Vec<u8> {
    let at = MemArg { offset: 0, align: 3, memory_index: 0 };
    let one = body(2, ValType::F64, |f| {
        // Values that a compiler cannot know.
        for local in 0..2 {
            f.instruction(&I::I32Const(0)).instruction(&I::F64Load(at)).instruction(&I::LocalSet(local));
        }
        let step = [
            I::LocalGet(0),
            I::LocalGet(1),
            I::F64Add,
            I::LocalSet(0),
            I::LocalGet(0),
            I::LocalGet(1),
            I::F64Mul,
            I::LocalSet(1),
        ];
        filled(bytes, f, &step);
        // Somebody wants the result, or all of it would be left out.
        f.instruction(&I::I32Const(0)).instruction(&I::LocalGet(0)).instruction(&I::F64Store(at));
    });
    module(0, 0, vec![one; functions])
}

/// Straight-line integer code.
pub(super) fn i32_line(bytes: usize, functions: usize) -> Vec<u8> {
    let at = MemArg { offset: 0, align: 2, memory_index: 0 };
    let one = body(1, ValType::I32, |f| {
        f.instruction(&I::I32Const(0)).instruction(&I::I32Load(at)).instruction(&I::LocalSet(0));
        filled(bytes, f, &[I::LocalGet(0), I::LocalGet(0), I::I32Mul, I::LocalSet(0)]);
        f.instruction(&I::I32Const(0)).instruction(&I::LocalGet(0)).instruction(&I::I32Store(at));
    });
    module(0, 0, vec![one; functions])
}

/// Loads, each from the address that the one before gave.
pub(super) fn loads(bytes: usize, functions: usize) -> Vec<u8> {
    let at = MemArg { offset: 0, align: 2, memory_index: 0 };
    let one = body(0, ValType::I32, |f| {
        f.instruction(&I::I32Const(0));
        filled(bytes, f, &[I::I32Load(at)]);
        f.instruction(&I::Drop);
    });
    module(0, 0, vec![one; functions])
}

/// Very many functions that do nothing.
pub(super) fn tiny_functions(count: usize) -> Vec<u8> {
    module(0, 0, vec![body(0, ValType::I32, |_| ()); count])
}

/// Joins of many values: every local may have been set in every block.
pub(super) fn phis(locals: u32, blocks: u32, functions: usize) -> Vec<u8> {
    let one = body(locals, ValType::I32, |f| {
        f.instruction(&I::Loop(BlockType::Empty));
        for block in 0..blocks {
            f.instruction(&I::Block(BlockType::Empty));
            f.instruction(&I::LocalGet(block % locals)).instruction(&I::BrIf(0));
            f.instruction(&I::I32Const(1)).instruction(&I::LocalSet((block * 7) % locals));
            f.instruction(&I::End);
        }
        f.instruction(&I::LocalGet(0)).instruction(&I::BrIf(0)).instruction(&I::End);
    });
    module(0, 0, vec![one; functions])
}

/// Calls that hand over very many results.
pub(super) fn many_results(results: usize, calls: usize) -> Vec<u8> {
    let first = body(0, ValType::I32, |f| {
        (0..results).for_each(|_| {
            f.instruction(&I::I32Const(0));
        });
    });
    let second = body(0, ValType::I32, |f| {
        for _ in 0..calls {
            f.instruction(&I::Call(0));
            (0..results).for_each(|_| {
                f.instruction(&I::Drop);
            });
        }
        (0..results).for_each(|_| {
            f.instruction(&I::I32Const(0));
        });
    });
    module(0, results, [first, second])
}

/// Refused by their shape, each with what it has too much of.
pub(super) fn refused_by_shape() -> Vec<(Bomb, &'static str)> {
    let (ifs, loops, blocks) = (opening_if(), opening(I::Loop(BlockType::Empty)), opening(I::Block(BlockType::Empty)));
    vec![
        (bomb("50,000 locals in a loop", locals_in_a_loop(50_000, 1)), "locals of a function"),
        (bomb("101 functions of 1,000 locals", locals_in_a_loop(1_000, 101)), "locals of all functions"),
        (bomb("300,000 nested ifs", nested(300_000, 1, &ifs)), "bytes of a function"),
        (bomb("100,000 nested ifs", nested(100_000, 1, &ifs)), "nesting of blocks in a function"),
        (bomb("100,000 nested loops", nested(100_000, 1, &loops)), "nesting of blocks in a function"),
        (bomb("1,000,000 nested blocks", nested(1_000_000, 1, &blocks)), "bytes of a function"),
        (bomb("a jump table of 20,000 targets", br_tables(1_990, 20_000, 1, 1)), "targets of a br_table"),
        (bomb("one chain of 5.4 MB", f64_chain(5_400_000, 1)), "bytes of a function"),
        (bomb("one line of 7.5 MB", i32_line(7_500_000, 1)), "bytes of a function"),
        (bomb("1,000,000 functions", tiny_functions(1_000_000)), "functions"),
        (bomb("2,000 locals, 3,000 blocks", phis(2_000, 3_000, 1)), "locals of a function"),
        (bomb("1,000 results", many_results(1_000, 1_000)), "results of a function"),
        (bomb("1,000 parameters", module(1_000, 0, [])), "parameters of a function"),
    ]
}

/// Within every limit of shape, and too much for a processor.
pub(super) fn endless() -> Vec<Bomb> {
    let (ifs, loops) = (opening_if(), opening(I::Loop(BlockType::Empty)));
    vec![
        bomb("nested ifs", nested(1_990, 800, &ifs)),
        bomb("nested loops", nested(1_990, 1_000, &loops)),
        bomb("jump tables", br_tables(1_990, 4_096, 120, 4)),
        bomb("loads", loads((1 << 20) - 100, 16)),
        bomb("joins in one function", phis(1_000, 50_000, 1)),
        bomb("joins in many functions", phis(1_000, 3_000, 99)),
    ]
}

/// Within every limit of shape, and too much for a memory.
pub(super) fn huge() -> Vec<Bomb> {
    vec![bomb("a straight line", i32_line((1 << 20) - 100, 1)), bomb("loads", loads((1 << 20) - 100, 1))]
}

fn bomb(name: &'static str, module: Vec<u8>) -> Bomb {
    Bomb { name, module }
}

fn opening_if() -> Vec<I<'static>> {
    vec![I::I32Const(1), I::If(BlockType::Empty)]
}

fn opening(block: I<'static>) -> Vec<I<'static>> {
    vec![block]
}

//! The child's side: limits first, then the component, then one answer.

use super::wire::{Answer, Order, Status};
use super::{CompileCost, EngineId};
use crate::engine::{SandboxSettings, config};
use rustix::process::{Resource, Rlimit, setpriority_process, setrlimit};
use std::io::{Read, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::time::Duration;
use wasmtime::{Engine, InstanceAllocationStrategy};

/// Open files of a child: its three pipes, and the few that the runtime looks into about the machine.
const OPEN_FILES_MAX: u64 = 16;
/// Behind whoever trades, who has ten times the weight; but not so far behind that a busy machine never compiles, as with the
/// lowest priority, which has a seventieth (<https://man7.org/linux/man-pages/man7/sched.7.html>).
const NICENESS: i32 = 10;
/// Between the signal that ends a child at its limit of processor time and the one it could not catch.
const CPU_GRACE_SECONDS: u64 = 1;
/// Bytes of words in an answer.
const WORDS_BYTES_MAX: usize = 4 << 10;

/// Compiles the component on standard input under the limits that stand before it, and writes the answer to standard output.
///
/// Call it first thing in `main` of the program that a [`Compiler`](super::Compiler) starts, before any thread exists.
pub fn compile_child() -> ExitCode {
    match answer(&mut std::io::stdin().lock()).and_then(|answer| tell(&answer)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // The parent reads this; there is nobody else to tell.
            let said = writeln!(std::io::stderr(), "cannot compile: {error}");
            drop(said);
            ExitCode::FAILURE
        }
    }
}

fn tell(answer: &Answer) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(&answer.encode_header())?;
    out.write_all(&answer.payload)?;
    out.flush()
}

fn answer(stdin: &mut impl Read) -> std::io::Result<Answer> {
    let (order, length) = Order::read(stdin)?;
    limit_oneself(&order)?;
    let mut component = Vec::new();
    stdin.take(length).read_to_end(&mut component)?;
    let (status, payload) = match catch_unwind(AssertUnwindSafe(|| compile(&order, &component))) {
        Ok(ended) => ended,
        Err(panic) => (Status::Panicked, cut(panic_words(panic.as_ref()))),
    };
    let cost = CompileCost { cpu: processor_time(), peak_bytes: peak_bytes(), artefact_bytes: payload.len() as u64 };
    Ok(Answer { status, cost, payload })
}

/// Gives up what a compiler does not need. Nothing of the upload has been read yet.
fn limit_oneself(order: &Order) -> std::io::Result<()> {
    let limits = [
        (Resource::As, order.address_space_bytes, order.address_space_bytes),
        (Resource::Cpu, order.cpu_seconds, order.cpu_seconds.saturating_add(CPU_GRACE_SECONDS)),
        (Resource::Core, 0, 0),
        (Resource::Fsize, 0, 0),
        (Resource::Nofile, OPEN_FILES_MAX, OPEN_FILES_MAX),
    ];
    for (resource, soft, hard) in limits {
        setrlimit(resource, Rlimit { current: Some(soft), maximum: Some(hard) })?;
    }
    setpriority_process(None, NICENESS)?;
    Ok(())
}

fn compile(order: &Order, component: &[u8]) -> (Status, Vec<u8>) {
    let settings = SandboxSettings { portable: order.portable, ..SandboxSettings::default() };
    let mut config = config(&settings);
    // Nothing is instantiated here, and the pool would take the address space that the limit gives.
    config.allocation_strategy(InstanceAllocationStrategy::OnDemand);
    let engine = match Engine::new(&config) {
        Ok(engine) => engine,
        Err(error) => return (Status::Refused, cut(format!("{error:#}"))),
    };
    if EngineId::of(&engine).bytes() != &order.engine {
        return (Status::OtherEngine, Vec::new());
    }
    match engine.precompile_component(component) {
        Ok(artefact) => (Status::Artefact, artefact),
        Err(error) if is_out_of_memory(&error) => (Status::OutOfMemory, Vec::new()),
        Err(error) => (Status::Refused, cut(format!("{error:#}"))),
    }
}

fn is_out_of_memory(error: &wasmtime::Error) -> bool {
    error.chain().any(|cause| {
        cause.downcast_ref::<std::io::Error>().is_some_and(|error| error.kind() == std::io::ErrorKind::OutOfMemory)
    })
}

fn panic_words(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or("without words").to_owned()
}

fn cut(words: String) -> Vec<u8> {
    let mut words = words.into_bytes();
    words.truncate(WORDS_BYTES_MAX);
    words
}

fn processor_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    let nanoseconds = u32::try_from(time.tv_nsec).unwrap_or(0);
    Duration::new(seconds, nanoseconds)
}

/// Most memory held so far, as the system counts it; 0 where it does not say.
fn peak_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.trim().strip_suffix("kB")).and_then(|number| number.trim().parse::<u64>().ok());
    kilobytes.unwrap_or(0).saturating_mul(1_024)
}

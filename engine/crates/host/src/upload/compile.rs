//! Compiles in a disposable child process.
//!
//! A file that validates in a moment can cost a compiler minutes and gigabytes, and a compiler's bug can end its process. So
//! the compiler runs in a child that limits itself before it reads the component, and whose death is an answer like any
//! other:
//!
//! ```text
//! parent ── order, component ──▶ stdin │ child: limits itself, compiles
//!        ◀── status, artefact ── stdout│ (no environment, no file, lowest priority)
//! ```
//!
//! The child is this same program started anew; its `main` calls [`compile_child`] first thing.

use crate::upload::compile::wire::{Answer, Order, Status};
use crate::upload::printable;
use std::ffi::OsString;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, Command};
use tokio::sync::Semaphore;

mod child;
mod wire;

pub use child::compile_child;

/// Bytes kept of what a child writes to its standard error, where a panic's words are.
const STDERR_BYTES_MAX: u64 = 8 << 10;
/// What the allocator says before it gives up; the only trace of a broken memory limit.
const OUT_OF_MEMORY_WORDS: &str = "memory allocation of";
/// Signals by number, the same on all Linux machines we run on.
const SIGXCPU: i32 = 24;
/// What the system sends at the hard limit of processor time, and what anybody may send.
const SIGKILL: i32 = 9;
/// Signals that a process brings on itself: illegal instruction, trap, abort, bus, arithmetic, segmentation, system call.
const OWN_SIGNALS: [i32; 7] = [4, 5, 6, 7, 8, 11, 31];

/// What one compilation may take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompileLimits {
    /// Processor time of the child.
    pub cpu_seconds: u64,
    /// Address space of the child.
    pub address_space_bytes: u64,
    /// Time from start to answer. It is for a child that hangs: one that computes has little of a busy machine, and is bounded by
    /// its processor time.
    pub wall_ms: u64,
    /// Bytes of compiled code.
    pub artefact_bytes_max: u64,
    /// Children at once.
    pub at_once_max: usize,
}

impl Default for CompileLimits {
    fn default() -> Self {
        Self { cpu_seconds: 60, address_space_bytes: 2 << 30, wall_ms: 600_000, artefact_bytes_max: 64 << 20, at_once_max: 2 }
    }
}

/// Why there is no compiled code.
#[derive(Debug, thiserror::Error)]
pub enum CompileError {
    /// It costs more processor time than anybody gets. The same file will again.
    #[error("compiling takes more than {cpu_seconds} s of processor time")]
    CpuLimit {
        /// [`CompileLimits::cpu_seconds`].
        cpu_seconds: u64,
    },
    /// It costs more memory than anybody gets. The same file will again.
    #[error("compiling takes more than {address_space_bytes} bytes of address space")]
    MemoryLimit {
        /// [`CompileLimits::address_space_bytes`].
        address_space_bytes: u64,
    },
    /// The compiled code is too large. The same file's will be again.
    #[error("the compiled code has {found} bytes, the limit is {limit}")]
    ArtefactLimit {
        /// [`CompileLimits::artefact_bytes_max`].
        limit: u64,
        /// Its size.
        found: u64,
    },
    /// The compiler says no, in its words.
    #[error("the compiler refuses it: {0}")]
    Refused(String),
    /// The compiler died of it: a panic, or a signal that a process brings on itself. The same file will do so again.
    #[error("the compiler crashed ({how}): {words}")]
    Crashed {
        /// By which signal, or `panic`.
        how: String,
        /// The end of what it said.
        words: String,
    },
    /// The child was ended from outside, or ended without an answer: no matter of the file, worth another try. If it comes
    /// again, the operator looks at the machine's memory, and at who ends its processes.
    #[error(
        "the compile child ended without an answer, by no limit of ours ({how}, saying {words:?}): try again, and if it comes \
         again look at the machine's free memory"
    )]
    ChildLost {
        /// By which signal or with which code.
        how: String,
        /// The end of what it said.
        words: String,
    },
    /// It took too long, by its own doing or because the machine is busy: worth another try.
    #[error("compiling took more than {wall_ms} ms")]
    WallLimit {
        /// [`CompileLimits::wall_ms`].
        wall_ms: u64,
    },
    /// The child compiles for another engine: the program was replaced while it ran. The operator restarts it.
    #[error("the compile child is of another version than this process: restart the engine")]
    OtherEngine,
    /// The child cannot be started. The operator looks at the program's path and the machine.
    #[error("cannot start the compile child {program}")]
    NoChild {
        /// What was to be started.
        program: PathBuf,
        /// Why it was not.
        #[source]
        source: std::io::Error,
    },
}

/// Compiled code that came from a child of ours, or from our own cache after its seal was checked. Nothing else makes one.
pub(crate) struct Artefact(Vec<u8>);

impl Artefact {
    /// For the cache, once the seal has been found whole.
    pub(super) fn unsealed(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// The bytes.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

/// What compiling took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CompileCost {
    /// Processor time of the child.
    pub cpu: Duration,
    /// Most memory the child held.
    pub peak_bytes: u64,
    /// Bytes of the compiled code.
    pub artefact_bytes: u64,
}

/// Starts children that compile, a few at a time.
#[derive(Debug, Clone)]
pub struct Compiler {
    program: PathBuf,
    args: Vec<OsString>,
    limits: CompileLimits,
    /// One permit for each child alive.
    alive: Arc<Semaphore>,
}

impl Compiler {
    /// A compiler whose children are `program` with `args`; it has to call [`compile_child`].
    pub fn new(program: PathBuf, args: Vec<OsString>, limits: CompileLimits) -> Self {
        let alive = Arc::new(Semaphore::new(limits.at_once_max));
        Self { program, args, limits, alive }
    }

    /// The limits it was made with.
    pub fn limits(&self) -> &CompileLimits {
        &self.limits
    }

    /// Compiles a component, for the engine that `engine` identifies.
    pub(crate) async fn compile(
        &self,
        engine: EngineId,
        portable: bool,
        component: &[u8],
    ) -> Result<(Artefact, CompileCost), CompileError> {
        let _alive = self.alive.acquire().await.expect("nobody closes this semaphore");
        let mut child = self.start()?;
        let order = Order {
            cpu_seconds: self.limits.cpu_seconds,
            address_space_bytes: self.limits.address_space_bytes,
            portable,
            engine: engine.0,
        };
        let wall = Duration::from_millis(self.limits.wall_ms);
        match tokio::time::timeout(wall, converse(&mut child, &order, component, self.limits.artefact_bytes_max)).await {
            Ok(told) => self.judge(told.map_err(|source| self.no_child(source))?),
            Err(_elapsed) => {
                // Waits for its end as well, so that the permit is given back only when the processor is free again.
                child.kill().await.map_err(|source| self.no_child(source))?;
                Err(CompileError::WallLimit { wall_ms: self.limits.wall_ms })
            }
        }
    }

    fn start(&self) -> Result<Child, CompileError> {
        Command::new(&self.program)
            .args(&self.args)
            // Nothing of ours is for the child: no key from the environment, no directory to resolve a path in.
            .env_clear()
            .current_dir(Path::new("/"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // An upload that is given up takes its child along.
            .kill_on_drop(true)
            .spawn()
            .map_err(|source| self.no_child(source))
    }

    fn no_child(&self, source: std::io::Error) -> CompileError {
        CompileError::NoChild { program: self.program.clone(), source }
    }

    /// Turns how the child ended into what the caller has to know.
    fn judge(&self, told: Told) -> Result<(Artefact, CompileCost), CompileError> {
        let Told { answer, status, stderr, cpu } = told;
        let cpu_limit = CompileError::CpuLimit { cpu_seconds: self.limits.cpu_seconds };
        let used_up = cpu.is_some_and(|cpu| cpu >= Duration::from_secs(self.limits.cpu_seconds));
        let memory = CompileError::MemoryLimit { address_space_bytes: self.limits.address_space_bytes };
        match answer {
            Some(Reply::Whole(Answer { status: Status::Artefact, cost, payload })) => Ok((Artefact(payload), cost)),
            Some(Reply::Whole(Answer { status: Status::Refused, payload, .. })) => {
                Err(CompileError::Refused(printable(&String::from_utf8_lossy(&payload))))
            }
            Some(Reply::Whole(Answer { status: Status::OutOfMemory, .. })) => Err(memory),
            Some(Reply::Whole(Answer { status: Status::OtherEngine, .. })) => Err(CompileError::OtherEngine),
            Some(Reply::Whole(Answer { status: Status::Panicked, payload, .. })) => {
                let words = printable(&String::from_utf8_lossy(&payload));
                Err(CompileError::Crashed { how: "panic".to_owned(), words })
            }
            Some(Reply::TooLong(found)) => Err(CompileError::ArtefactLimit { limit: self.limits.artefact_bytes_max, found }),
            None => Err(match status.signal() {
                Some(SIGXCPU) => cpu_limit,
                Some(SIGKILL) if used_up => cpu_limit,
                _ if stderr.contains(OUT_OF_MEMORY_WORDS) => memory,
                Some(signal) if OWN_SIGNALS.contains(&signal) => {
                    CompileError::Crashed { how: status.to_string(), words: printable(&stderr) }
                }
                _ => CompileError::ChildLost { how: status.to_string(), words: printable(&stderr) },
            }),
        }
    }
}

/// Which engine code is compiled for: a hash of its version and of every setting that code depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct EngineId([u8; 32]);

impl EngineId {
    /// The identity of an engine.
    pub(crate) fn of(engine: &wasmtime::Engine) -> Self {
        use sha2::Digest;
        use std::hash::{Hash, Hasher};
        /// Feeds what is hashed into SHA-256: the standard hasher's values are promised to nobody.
        struct Feed(sha2::Sha256);
        impl Hasher for Feed {
            fn write(&mut self, bytes: &[u8]) {
                self.0.update(bytes);
            }
            fn finish(&self) -> u64 {
                // Nobody asks: the whole digest is taken.
                0
            }
        }
        let mut feed = Feed(sha2::Sha256::new());
        engine.precompile_compatibility_hash().hash(&mut feed);
        Self(feed.0.finalize().into())
    }

    /// The hash.
    pub(crate) fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// Everything a child left behind.
struct Told {
    answer: Option<Reply>,
    status: ExitStatus,
    stderr: String,
    /// Processor time it had used when it fell silent; none where the system does not say.
    cpu: Option<Duration>,
}

/// An answer, or the length of one that is not read.
enum Reply {
    Whole(Answer),
    TooLong(u64),
}

/// Talks to the child until it has ended.
async fn converse(child: &mut Child, order: &Order, component: &[u8], payload_max: u64) -> std::io::Result<Told> {
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let (Some(mut stdin), Some(stdout), Some(stderr)) = (stdin, stdout, stderr) else {
        return Err(std::io::Error::other("the child was started without pipes"));
    };
    let send = async move {
        // A child that died does not read to the end. How it died says why, so the broken pipe is no news.
        let sent = async {
            stdin.write_all(&order.encode(component.len())).await?;
            stdin.write_all(component).await?;
            stdin.shutdown().await
        };
        drop(sent.await);
    };
    let (answer, stderr, ()) = tokio::join!(reply(stdout, payload_max), words(stderr), send);
    if let Ok(Some(Reply::TooLong(_))) = &answer {
        child.start_kill()?;
    }
    // Its pipes are closed, and until it is waited for the system keeps its account.
    let cpu = child.id().and_then(processor_time);
    Ok(Told { answer: answer?, status: child.wait().await?, stderr: stderr?, cpu })
}

/// Processor time that a process of ours has used, ended or not, as far as it has been counted.
///
/// Fields 14 and 15 of <https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html>, in ticks of a hundredth of a second.
fn processor_time(id: u32) -> Option<Duration> {
    let account = std::fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    // The name of the program may hold anything but ends with the last bracket.
    let fields = account.rsplit_once(')')?.1.split_whitespace().skip(11).take(2);
    let ticks = fields.map(|field| field.parse::<u64>().ok()).sum::<Option<u64>>()?;
    Some(Duration::from_millis(ticks.checked_mul(10)?))
}

/// Reads the answer; none if the child ended before it was whole.
async fn reply(mut stdout: impl AsyncRead + Unpin, payload_max: u64) -> std::io::Result<Option<Reply>> {
    let mut header = [0; wire::ANSWER_HEADER_BYTES];
    if whole(stdout.read_exact(&mut header).await)?.is_none() {
        return Ok(None);
    }
    let Some((mut answer, length)) = Answer::header(&header) else { return Ok(None) };
    if length > payload_max {
        return Ok(Some(Reply::TooLong(length)));
    }
    stdout.take(length).read_to_end(&mut answer.payload).await?;
    Ok((answer.payload.len() as u64 == length).then_some(Reply::Whole(answer)))
}

/// An early end of the stream is an answer, not an error.
fn whole(read: std::io::Result<usize>) -> std::io::Result<Option<usize>> {
    match read {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => Ok(None),
        Err(error) => Err(error),
    }
}

/// The beginning of what the child says; the rest is read and dropped, so that it does not block on a full pipe.
async fn words(mut stderr: impl AsyncRead + Unpin) -> std::io::Result<String> {
    let mut kept = Vec::new();
    (&mut stderr).take(STDERR_BYTES_MAX).read_to_end(&mut kept).await?;
    tokio::io::copy(&mut stderr, &mut tokio::io::sink()).await?;
    Ok(String::from_utf8_lossy(&kept).into_owned())
}

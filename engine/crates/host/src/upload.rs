//! From the bytes of a file that somebody sent to code that can be run: checked, compiled, loaded.
//!
//! ```text
//! bytes ─▶ shape ─▶ world ─▶ cache ──hit──▶ load ─▶ describe under fuel ─▶ Strategy
//!          (is it a (imports   │ miss         ▲
//!          component, granted, ▼              │
//!          limits)  contract) compile child ──┘ (and into the cache)
//! ```
//!
//! Every stage is cheaper than the next and refuses what it can. Nothing that was compiled elsewhere is ever loaded.

use crate::engine::Sandbox;
use crate::strategy::{Strategy, StrategyError};
use sha2::{Digest, Sha256};
use std::sync::Arc;
use tokio::sync::Semaphore;
use wasmtime::Engine;
use wasmtime::component::Component;

mod cache;
mod compile;
mod found;
mod limits;
mod shape;
mod world;

use cache::{Cache, CacheKey, Lookup};
use compile::{Artefact, EngineId};

pub use cache::{CacheError, CacheSettings};
pub use compile::{CompileCost, CompileError, CompileLimits, Compiler, compile_child};
pub use found::Found;
pub use limits::UploadLimits;
pub use shape::{Shape, ShapeError};
pub use world::{ImportKind, Mismatch, Problem, RefusedImport, World, WorldError};

/// Files whose shape is looked at at once: it takes a processor for up to a few tenths of a second each.
const CHECKS_AT_ONCE_MAX: usize = 2;
/// Characters kept of a text that came with an upload.
const PRINTABLE_CHARS_MAX: usize = 400;

/// How files become strategies.
#[derive(Debug, Clone)]
pub struct UploadSettings {
    /// What a component may hold.
    pub limits: UploadLimits,
    /// Who compiles.
    pub compiler: Compiler,
    /// Where compiled code is kept; none: nowhere.
    pub cache: Option<CacheSettings>,
    /// Uploads that may be under way at once, each with its bytes in memory; more are turned away.
    pub at_once_max: usize,
}

impl UploadSettings {
    /// The defaults around a compiler, without a cache.
    pub fn new(compiler: Compiler) -> Self {
        Self { limits: UploadLimits::default(), compiler, cache: None, at_once_max: 64 }
    }
}

/// Why a file is no strategy.
#[derive(Debug, thiserror::Error)]
pub enum UploadError {
    /// It is not a component, too large, or uses what is left out. The author changes the file.
    #[error(transparent)]
    Shape(#[from] ShapeError),
    /// It asks for what nobody gets, or does not match the contract. The author changes the program.
    #[error(transparent)]
    World(#[from] WorldError),
    /// It could not be compiled; the error says whose matter that is.
    #[error(transparent)]
    Compile(#[from] CompileError),
    /// It does not describe itself. The author changes the program.
    #[error(transparent)]
    Describe(#[from] StrategyError),
    /// A check of ours broke on it. The file is refused; the operator keeps it for us.
    #[error("the check itself failed on this file: {0}")]
    CheckFailed(String),
    /// The runtime does not take the code that was just compiled for it. The operator looks at the machine.
    #[error("the compiled code cannot be loaded")]
    Load(#[source] wasmtime::Error),
    /// Too many uploads are under way: worth another try.
    #[error("{at_once_max} uploads are under way already, try again later")]
    Busy {
        /// [`UploadSettings::at_once_max`].
        at_once_max: usize,
    },
}

/// What was found out about a file that passed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// SHA-256 of the file.
    pub sha256: [u8; 32],
    /// What was counted in it.
    pub shape: Shape,
    /// What it imports and exports.
    pub world: World,
    /// Where its code came from.
    pub code: CodeOrigin,
}

/// Where code came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CodeOrigin {
    /// From the cache; its seal was whole.
    Cache,
    /// From the compiler.
    Compiled {
        /// What that took.
        cost: CompileCost,
        /// What became of the cache.
        cache: CacheEnd,
    },
}

/// What became of the cache when code had to be compiled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CacheEnd {
    /// There is none.
    Off,
    /// The code is in it now.
    Stored,
    /// There was a file under that name that we did not write so; the new code has replaced it.
    Replaced,
    /// It does not work; the next upload compiles again. The operator looks at the words.
    Failed(String),
}

/// A strategy with what was found out on the way.
#[derive(Debug)]
pub struct Uploaded {
    /// The strategy.
    pub strategy: Strategy,
    /// The verdict.
    pub verdict: Verdict,
}

/// Turns files into strategies of one sandbox.
#[derive(Debug, Clone)]
pub struct Uploads {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    sandbox: Sandbox,
    pipeline: Pipeline,
}

impl Uploads {
    /// Opens the cache; everything else happens with each upload.
    pub fn new(sandbox: Sandbox, settings: UploadSettings) -> Result<Self, CacheError> {
        let pipeline = Pipeline::new(sandbox.engine().clone(), sandbox.settings().portable, settings)?;
        Ok(Self { inner: Arc::new(Inner { sandbox, pipeline }) })
    }

    /// Checks, compiles and describes a file. Dropping the future ends a compilation that it has started.
    pub async fn load(&self, bytes: Vec<u8>) -> Result<Uploaded, UploadError> {
        let (component, verdict) = self.inner.pipeline.component(bytes).await?;
        let strategy = Strategy::new(&self.inner.sandbox, component, verdict.sha256).await?;
        Ok(Uploaded { strategy, verdict })
    }
}

/// The stages before a strategy is described.
#[derive(Debug)]
struct Pipeline {
    engine: Engine,
    engine_id: EngineId,
    portable: bool,
    limits: UploadLimits,
    compiler: Compiler,
    cache: Option<Arc<Cache>>,
    at_once_max: usize,
    under_way: Semaphore,
    checks: Semaphore,
}

impl std::fmt::Debug for Artefact {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Artefact({} bytes)", self.bytes().len())
    }
}

impl Pipeline {
    fn new(engine: Engine, portable: bool, settings: UploadSettings) -> Result<Self, CacheError> {
        let UploadSettings { limits, compiler, cache, at_once_max } = settings;
        let cache = cache.map(Cache::open).transpose()?.map(Arc::new);
        Ok(Self {
            engine_id: EngineId::of(&engine),
            engine,
            portable,
            limits,
            compiler,
            cache,
            at_once_max,
            under_way: Semaphore::new(at_once_max),
            checks: Semaphore::new(CHECKS_AT_ONCE_MAX),
        })
    }

    async fn component(&self, bytes: Vec<u8>) -> Result<(Component, Verdict), UploadError> {
        let _under_way = self.under_way.try_acquire().map_err(|_| UploadError::Busy { at_once_max: self.at_once_max })?;
        let bytes: Arc<[u8]> = bytes.into();
        let checked = {
            let _check = self.checks.acquire().await.expect("nobody closes this semaphore");
            let (bytes, limits) = (Arc::clone(&bytes), self.limits);
            on_a_thread_of_its_own(move || check(&bytes, &limits)).await??
        };
        let key = CacheKey::new(&checked.sha256, self.engine_id);
        let (component, code) = self.code(key, &bytes).await?;
        let Checked { sha256, shape, world } = checked;
        Ok((component, Verdict { sha256, shape, world, code }))
    }

    /// Code from the cache, else from the compiler.
    async fn code(&self, key: CacheKey, bytes: &[u8]) -> Result<(Component, CodeOrigin), UploadError> {
        let looked = self.look_up(key).await?;
        if let Looked::Found(component) = looked {
            return Ok((component, CodeOrigin::Cache));
        }
        let (artefact, cost) = self.compiler.compile(self.engine_id, self.portable, bytes).await?;
        let (engine, cache) = (self.engine.clone(), self.cache.clone());
        let (component, stored) = on_a_thread_of_its_own(move || {
            let component = load(&engine, &artefact).map_err(UploadError::Load)?;
            let stored = cache.map(|cache| cache.put(key, &artefact).map_err(|error| words(&error)));
            Ok::<_, UploadError>((component, stored))
        })
        .await??;
        let cache = match (looked, stored) {
            (_, None) => CacheEnd::Off,
            (_, Some(Err(words))) | (Looked::Failed(words), Some(Ok(()))) => CacheEnd::Failed(words),
            (Looked::Tampered, Some(Ok(()))) => CacheEnd::Replaced,
            (Looked::Absent | Looked::Found(_), Some(Ok(()))) => CacheEnd::Stored,
        };
        Ok((component, CodeOrigin::Compiled { cost, cache }))
    }

    async fn look_up(&self, key: CacheKey) -> Result<Looked, UploadError> {
        let Some(cache) = self.cache.clone() else { return Ok(Looked::Absent) };
        let engine = self.engine.clone();
        on_a_thread_of_its_own(move || match cache.get(key) {
            Ok(Lookup::Absent) => Looked::Absent,
            Ok(Lookup::Tampered) => Looked::Tampered,
            Ok(Lookup::Hit(artefact)) => match load(&engine, &artefact) {
                Ok(component) => Looked::Found(component),
                Err(error) => Looked::Failed(format!("{error:#}")),
            },
            Err(error) => Looked::Failed(words(&error)),
        })
        .await
    }
}

/// What a look into the cache gave.
enum Looked {
    Found(Component),
    Absent,
    Tampered,
    Failed(String),
}

/// What is known of a file before it is compiled.
struct Checked {
    sha256: [u8; 32],
    shape: Shape,
    world: World,
}

/// The checks that need nothing but the bytes.
fn check(bytes: &[u8], limits: &UploadLimits) -> Result<Checked, UploadError> {
    let shaped = shape::check(bytes, limits)?;
    let world = world::check(&shaped)?;
    Ok(Checked { sha256: Sha256::digest(bytes).into(), shape: shaped.shape, world })
}

/// Makes compiled code runnable.
#[expect(
    unsafe_code,
    reason = "the runtime trusts compiled code; an `Artefact` is only made from our compile child's answer or under our own seal"
)]
fn load(engine: &Engine, artefact: &Artefact) -> Result<Component, wasmtime::Error> {
    // SAFETY: the bytes were written by `Engine::precompile_component`, in a child of this program or, under a seal that only
    // this installation can make, by an earlier run of it. They are in our memory: nobody changes them under the runtime.
    unsafe { Component::deserialize(engine, artefact.bytes()) }
}

/// Runs what takes a processor for a while where it holds up no other task. A panic there is an error here.
async fn on_a_thread_of_its_own<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, UploadError> {
    tokio::task::spawn_blocking(work).await.map_err(|error| UploadError::CheckFailed(printable(&error.to_string())))
}

/// An error with its causes on one line.
fn words(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        words.push_str(": ");
        words.push_str(&error.to_string());
        cause = error.source();
    }
    words
}

/// A text from outside, cut and without control characters, so that it can be shown on a terminal.
pub(crate) fn printable(text: &str) -> String {
    let mut kept = String::new();
    for (count, c) in text.chars().enumerate() {
        match c {
            _ if count == PRINTABLE_CHARS_MAX => {
                kept.push('…');
                break;
            }
            '\n' => kept.push(' '),
            c if c.is_control() => kept.extend(c.escape_default()),
            c => kept.push(c),
        }
    }
    kept
}

/// Bytes as lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len().saturating_mul(2)), |mut text, byte| {
        write!(text, "{byte:02x}").expect("writing into a string does not fail");
        text
    })
}

#[cfg(test)]
pub(crate) mod tests;

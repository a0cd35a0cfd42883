//! The pipeline before `describe`: every hostile file gets its own error, the engine stays responsive meanwhile, and the next
//! honest file passes.

use super::*;
use crate::engine::{SandboxSettings, config};
use crate::tests::fixture::Guest;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

mod bombs;
pub(super) mod samples;

fn engine() -> Engine {
    static ENGINE: OnceLock<Engine> = OnceLock::new();
    let settings = SandboxSettings { instances_max: 2, ..SandboxSettings::default() };
    ENGINE.get_or_init(|| Engine::new(&config(&settings)).expect("address space for two instances")).clone()
}

/// The compile child that cargo builds beside the tests.
fn child() -> PathBuf {
    let test = std::env::current_exe().expect("the test knows where it is");
    let target = test.parent().and_then(Path::parent).expect("tests lie in target/<profile>/deps");
    let child = target.join("examples").join("compile-child");
    assert!(child.exists(), "{} is missing: `cargo build -p calypte-host --examples` makes it", child.display());
    child
}

fn compiler(limits: CompileLimits) -> Compiler {
    Compiler::new(child(), Vec::new(), limits)
}

/// A compiler whose child is a line of shell.
fn shell(line: &str, limits: CompileLimits) -> Compiler {
    Compiler::new(PathBuf::from("/bin/sh"), vec!["-c".into(), line.into()], limits)
}

fn pipeline(compiler: Compiler) -> Pipeline {
    Pipeline::new(engine(), false, UploadSettings::new(compiler)).expect("without a cache nothing is opened")
}

fn cached(directory: &Path) -> Pipeline {
    let cache = Some(CacheSettings::new(directory.join("cache")));
    let settings = UploadSettings { cache, ..UploadSettings::new(compiler(CompileLimits::default())) };
    Pipeline::new(engine(), false, settings).expect("the directory is ours")
}

async fn compile_with(compiler: &Compiler, file: &[u8]) -> Result<CompileCost, CompileError> {
    compiler.compile(EngineId::of(&engine()), false, file).await.map(|(_, cost)| cost)
}

#[tokio::test]
async fn an_honest_file_is_compiled_once() {
    let directory = tempfile::tempdir().expect("there is room");
    let pipeline = cached(directory.path());
    let file = samples::honest();
    let (_, verdict) = pipeline.component(file.clone()).await.expect("it passes");
    let CodeOrigin::Compiled { cost, cache: CacheEnd::Stored } = verdict.code else { panic!("{verdict:?}") };
    assert!(cost.artefact_bytes > 0 && cost.peak_bytes > 0 && cost.cpu > Duration::ZERO, "{cost:?}");
    assert_eq!(verdict.world.exports, ["lifecycle", "market-events"]);
    assert_eq!(verdict.sha256, <[u8; 32]>::from(Sha256::digest(&file)));
    let (_, again) = pipeline.component(file.clone()).await.expect("it passes");
    assert_eq!(again, Verdict { code: CodeOrigin::Cache, ..verdict });
    // The file of another program is another file.
    let (_, other) = pipeline.component(samples::with_section(0, b"\x01x")).await.expect("it passes");
    assert!(matches!(other.code, CodeOrigin::Compiled { .. }));
    // A process that starts later finds it too.
    assert_eq!(cached(directory.path()).component(file).await.expect("it passes").1, again);
}

#[tokio::test]
async fn code_that_was_tampered_with_is_compiled_anew() {
    let directory = tempfile::tempdir().expect("there is room");
    let pipeline = cached(directory.path());
    let file = samples::honest();
    pipeline.component(file.clone()).await.expect("it passes");
    let sealed = std::fs::read_dir(directory.path().join("cache"))
        .expect("it is there")
        .map(|entry| entry.expect("it is there").path())
        .find(|path| path.extension().is_some())
        .expect("there is one sealed file");
    let mut bytes = std::fs::read(&sealed).expect("it is ours");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&sealed, bytes).expect("it is ours");
    let (_, verdict) = pipeline.component(file.clone()).await.expect("it passes");
    assert!(matches!(verdict.code, CodeOrigin::Compiled { cache: CacheEnd::Replaced, .. }), "{verdict:?}");
    assert_eq!(pipeline.component(file).await.expect("it passes").1.code, CodeOrigin::Cache);
}

#[tokio::test]
async fn a_cache_that_breaks_does_not_stop_uploads() {
    let directory = tempfile::tempdir().expect("there is room");
    let pipeline = cached(directory.path());
    std::fs::remove_dir_all(directory.path().join("cache")).expect("it is ours");
    let (_, verdict) = pipeline.component(samples::honest()).await.expect("it passes");
    assert!(matches!(verdict.code, CodeOrigin::Compiled { cache: CacheEnd::Failed(_), .. }), "{verdict:?}");
}

#[tokio::test]
async fn hostile_files_are_refused_before_anything_is_compiled() {
    // A child that would answer at once, if it were ever asked.
    let pipeline = pipeline(shell("exit 0", CompileLimits::default()));
    let elf = b"\x7fELF\x02\x01\x01\0".to_vec();
    for file in [Vec::new(), b"(module)".to_vec(), b"\0asm\x01\0\0\0".to_vec(), elf] {
        let error = pipeline.component(file).await.expect_err("it is refused");
        assert!(matches!(error, UploadError::Shape(ShapeError::NotAComponent(_))), "{error:?}");
    }
    let sockets = samples::importing("package wasi:sockets@0.2.6; interface tcp { f: func(); }", "wasi:sockets/tcp@0.2.6");
    let error = pipeline.component(sockets).await.expect_err("it is refused");
    assert!(matches!(error, UploadError::World(WorldError::RefusedImports(_))), "{error:?}");
    for (bomb, what) in bombs::refused_by_shape() {
        match pipeline.component(samples::with_module(&bomb.module)).await.err() {
            Some(UploadError::Shape(ShapeError::TooLarge { what: found, .. })) => assert_eq!(found, what, "{}", bomb.name),
            other => panic!("{}: {other:?}", bomb.name),
        }
    }
}

/// What runs beside an upload, on the same single thread.
async fn tick(ticks: &AtomicU64) {
    let mut every = tokio::time::interval(Duration::from_millis(10));
    loop {
        every.tick().await;
        ticks.fetch_add(1, Ordering::Relaxed);
    }
}

#[tokio::test]
async fn bombs_end_at_the_limit_of_processor_time_and_hold_up_nobody() {
    let limits = CompileLimits { cpu_seconds: 1, address_space_bytes: 8 << 30, wall_ms: 600_000, ..CompileLimits::default() };
    let pipeline = pipeline(compiler(limits));
    for bomb in bombs::endless() {
        let ticks = AtomicU64::new(0);
        let file = samples::with_module(&bomb.module);
        let error = tokio::select! {
            ended = pipeline.component(file) => ended.err(),
            () = tick(&ticks) => None,
        };
        let stopped = matches!(error, Some(UploadError::Compile(CompileError::CpuLimit { cpu_seconds: 1 })));
        assert!(stopped, "{}: {error:?}", bomb.name);
        // A second of processor time is at least as long on the clock, and a tick is ten milliseconds.
        let ticks = ticks.load(Ordering::Relaxed);
        assert!(ticks > 20, "{}: {ticks} ticks", bomb.name);
    }
    assert!(pipeline.component(samples::honest()).await.is_ok(), "the next honest file passes");
}

#[tokio::test]
async fn bombs_end_at_the_limit_of_memory() {
    let limits = CompileLimits { address_space_bytes: 192 << 20, wall_ms: 600_000, ..CompileLimits::default() };
    let pipeline = pipeline(compiler(limits));
    for bomb in bombs::huge() {
        let error = pipeline.component(samples::with_module(&bomb.module)).await.err();
        let stopped =
            matches!(error, Some(UploadError::Compile(CompileError::MemoryLimit { address_space_bytes: 201_326_592 })));
        assert!(stopped, "{}: {error:?}", bomb.name);
    }
    assert!(pipeline.component(samples::honest()).await.is_ok(), "the next honest file passes");
}

#[tokio::test]
async fn code_larger_than_allowed_is_refused() {
    let compiler = compiler(CompileLimits { artefact_bytes_max: 1_000, ..CompileLimits::default() });
    let error = compile_with(&compiler, &samples::honest()).await.expect_err("it is larger");
    assert!(matches!(error, CompileError::ArtefactLimit { limit: 1_000, found } if found > 1_000), "{error:?}");
}

#[tokio::test]
async fn a_child_that_does_not_answer_is_ended() {
    let compiler = shell("exec sleep 600", CompileLimits { wall_ms: 50, at_once_max: 1, ..CompileLimits::default() });
    for _ in 0..2 {
        let error = compile_with(&compiler, b"").await.expect_err("it says nothing");
        assert!(matches!(error, CompileError::WallLimit { wall_ms: 50 }), "{error:?}");
    }
}

#[tokio::test]
async fn an_upload_that_is_given_up_frees_its_place() {
    let directory = tempfile::tempdir().expect("there is room");
    let started = directory.path().join("started");
    let line = format!("[ -e {0} ] && exit 3; : > {0}; exec sleep 600", started.display());
    let compiler = shell(&line, CompileLimits { at_once_max: 1, wall_ms: 600_000, ..CompileLimits::default() });
    let begun = async {
        let mut every = tokio::time::interval(Duration::from_millis(5));
        while !started.exists() {
            every.tick().await;
        }
    };
    tokio::select! {
        ended = compile_with(&compiler, b"") => panic!("the first child sleeps: {ended:?}"),
        () = begun => {}
    }
    let error = compile_with(&compiler, b"").await.expect_err("the second child ends at once");
    assert!(matches!(error, CompileError::ChildLost { .. }), "{error:?}");
}

#[tokio::test]
async fn every_other_death_of_a_child_is_told_apart() {
    // What a compiler brings on itself is the file's doing; what comes from outside, or from no compiler, is not.
    let cases = [
        ("kill -SEGV $$", "signal: 11 (SIGSEGV)", "", true),
        ("echo deep >&2; kill -ABRT $$", "signal: 6 (SIGABRT)", "deep ", true),
        ("kill -KILL $$", "signal: 9 (SIGKILL)", "", false),
        ("kill -TERM $$", "signal: 15 (SIGTERM)", "", false),
        ("exit 3", "exit status: 3", "", false),
        ("echo not an answer at all, but longer than a header", "exit status: 0", "", false),
        ("echo gone >&2; exit 1", "exit status: 1", "gone ", false),
    ];
    for (line, how, words, by_the_file) in cases {
        match compile_with(&shell(line, CompileLimits::default()), b"component").await {
            Err(CompileError::Crashed { how: found, words: said }) if by_the_file => {
                assert_eq!((found.as_str(), said.as_str()), (how, words), "{line}");
            }
            Err(CompileError::ChildLost { how: found, words: said }) if !by_the_file => {
                assert_eq!((found.as_str(), said.as_str()), (how, words), "{line}");
            }
            other => panic!("{line}: {other:?}"),
        }
    }
    let limits = CompileLimits { cpu_seconds: 0, ..CompileLimits::default() };
    let error = compile_with(&shell("kill -KILL $$", limits), b"component").await.expect_err("it was ended");
    assert!(matches!(error, CompileError::CpuLimit { .. }), "with its time used up it is the limit that ends it: {error:?}");
    let flood = shell("head -c 10000000 /dev/zero >&2; exit 1", CompileLimits::default());
    let error = compile_with(&flood, &vec![0; 1 << 20]).await.expect_err("it crashed");
    assert!(error.to_string().len() < 8 << 10, "what a child says is cut");
    let nothing = Compiler::new(PathBuf::from("/nonexistent/calypte"), Vec::new(), CompileLimits::default());
    let error = compile_with(&nothing, b"").await.expect_err("there is no program");
    assert_eq!(error.to_string(), "cannot start the compile child /nonexistent/calypte");
}

#[tokio::test]
async fn what_the_compiler_refuses_comes_back_in_its_words() {
    let error = compile_with(&compiler(CompileLimits::default()), b"\0asm\x0d\0\x01\0\xff").await.expect_err("it is cut");
    assert!(matches!(error, CompileError::Refused(_)), "{error:?}");
}

#[tokio::test]
async fn code_is_made_for_the_engine_that_asks() {
    let compiler = compiler(CompileLimits::default());
    let portable = SandboxSettings { portable: true, instances_max: 2, ..SandboxSettings::default() };
    let portable = EngineId::of(&Engine::new(&config(&portable)).expect("address space for two instances"));
    assert_ne!(portable, EngineId::of(&engine()), "the setting changes the code");
    assert!(compiler.compile(portable, true, &samples::honest()).await.is_ok());
    let error = compiler.compile(portable, false, &samples::honest()).await.expect_err("the child is another engine");
    assert!(matches!(error, CompileError::OtherEngine), "{error:?}");
}

#[tokio::test]
async fn uploads_beyond_the_limit_are_turned_away() {
    let settings = UploadSettings { at_once_max: 0, ..UploadSettings::new(shell("exit 0", CompileLimits::default())) };
    let pipeline = Pipeline::new(engine(), false, settings).expect("nothing is opened");
    let error = pipeline.component(samples::honest()).await.expect_err("it is turned away");
    assert!(matches!(error, UploadError::Busy { at_once_max: 0 }), "{error:?}");
}

fn uploads() -> Uploads {
    let settings = SandboxSettings { instances_max: 2, memory_bytes_max: 1 << 20, ..SandboxSettings::default() };
    let sandbox = Sandbox::new(settings).expect("address space for two instances");
    Uploads::new(sandbox, UploadSettings::new(compiler(CompileLimits::default()))).expect("nothing is opened")
}

/// A strategy as the whole upload makes it.
pub(crate) async fn loaded(file: Vec<u8>) -> Strategy {
    let sandbox = Sandbox::new(SandboxSettings { instances_max: 2, ..SandboxSettings::default() });
    let settings = UploadSettings::new(compiler(CompileLimits::default()));
    let uploads = Uploads::new(sandbox.expect("address space for two instances"), settings).expect("nothing is opened");
    uploads.load(file).await.expect("it passes").strategy
}

#[tokio::test]
async fn a_file_becomes_a_strategy() {
    let uploads = uploads();
    let file = Guest::default().component();
    let Uploaded { strategy, verdict } = uploads.load(file.clone()).await.expect("it passes");
    assert_eq!(strategy.sha256(), &verdict.sha256);
    assert!(!strategy.manifest().name.is_empty());
    assert!(matches!(verdict.code, CodeOrigin::Compiled { cache: CacheEnd::Off, .. }));
}

#[tokio::test]
async fn a_component_that_cannot_describe_itself_is_refused_and_the_next_one_passes() {
    let uploads = uploads();
    let cases = ["unreachable", "(loop $more (br $more)) unreachable", "i32.const 70000"];
    for describe in cases {
        let guest = Guest { describe: describe.to_owned(), ..Guest::default() };
        let error = uploads.load(guest.component()).await.expect_err("it is refused");
        assert!(matches!(error, UploadError::Describe(StrategyError::Failed(_))), "{describe}: {error:?}");
        assert!(uploads.load(Guest::default().component()).await.is_ok(), "the next honest file passes");
    }
    let spinning = Guest { module: "(func $spin (loop $more (br $more))) (start $spin)".to_owned(), ..Guest::default() };
    let error = uploads.load(spinning.component()).await.expect_err("its start function never ends");
    assert!(matches!(error, UploadError::Describe(StrategyError::Failed(_))), "{error:?}");
}

#[test]
fn text_from_outside_is_cut_and_escaped() {
    assert_eq!(printable("plain `text`, größer"), "plain `text`, größer");
    assert_eq!(printable("a\x1b[31mb\0c\nd"), "a\\u{1b}[31mb\\u{0}c d");
    assert_eq!(printable(&"x".repeat(1_000)).chars().count(), PRINTABLE_CHARS_MAX + 1);
    assert_eq!(hex(&[0, 0x0f, 0xff]), "000fff");
}

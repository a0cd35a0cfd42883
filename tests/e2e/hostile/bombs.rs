//! Compile bombs as the program meets them: small valid files that would take a compiler minutes or gigabytes. Each ends at a
//! limit of its own, in a child that gave up everything it does not need, while the engine goes on.

use super::worlds::with_module;
use super::{HONEST, candles, the_next_is_honest};
use crate::in_process::{Record, compiler, request, runtime, settings};
use calypte::control::Control;
use calypte::run::{Prepared, Way};
use calypte_host::{CompileLimits, Sandbox, SandboxSettings, UploadSettings, Uploads};
use calypte_sim::RunStatus;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use tests::{Run, calypte_path, component, run, temp_dir};

#[path = "../../../engine/crates/host/src/upload/tests/bombs.rs"]
mod made;
use made::Bomb;

/// What a bomb may take here, so that the test is short; the clock on the wall is for a machine that stands still.
const SECONDS: &str = "cpu_seconds=2,address_space_bytes=8589934592,wall_ms=600000";
const BYTES: &str = "cpu_seconds=600,address_space_bytes=201326592,wall_ms=600000";

/// The verdict on each that is refused for its shape, in the order of [`made::refused_by_shape`].
const SHAPES: [&str; 13] = [
    "locals of a function: 50000, the limit is 1000",
    "locals of all functions: 101000, the limit is 100000",
    "bytes of a function: 1500002, the limit is 1048576",
    "nesting of blocks in a function: 2001, the limit is 2000",
    "nesting of blocks in a function: 2001, the limit is 2000",
    "bytes of a function: 3000002, the limit is 1048576",
    "targets of a br_table: 20000, the limit is 4096",
    "bytes of a function: 5400021, the limit is 1048576",
    "bytes of a function: 7500014, the limit is 1048576",
    "functions: 1000009, the limit is 30000",
    "locals of a function: 2000, the limit is 1000",
    "results of a function: 1000, the limit is 16",
    "parameters of a function: 1000, the limit is 100",
];

/// A bomb as a file.
fn file_of(bomb: &Bomb, folder: &Path) -> PathBuf {
    let file = folder.join(format!("{}.wasm", bomb.name.replace([' ', ','], "-")));
    with_module(&bomb.module, &file);
    file
}

/// `calypte inspect`, with limits of the compile child and without a cache.
fn inspect(file: &Path, limits: &str) -> Command {
    let mut command = Command::new(calypte_path());
    command.arg("inspect").arg(file).env("CALYPTE_COMPILE_LIMITS", limits).env("CALYPTE_CACHE", "");
    command
}

/// Asserts the whole verdict, as a program and as a person read it.
fn assert_refused(bomb: &Bomb, folder: &Path, limits: &str, words: &str) {
    let file = file_of(bomb, folder);
    let told = run(inspect(&file, limits).arg("--json")).exits_with(1);
    let expected = serde_json::json!({ "file": file, "verdict": "refused", "reason": words, "causes": [] });
    assert_eq!(told.json(), expected, "{}", bomb.name);
    assert_eq!(told.stderr, "", "{}", bomb.name);
}

#[test]
fn a_bomb_that_its_shape_gives_away_is_refused_with_what_it_has_too_much_of() {
    let folder = temp_dir();
    let bombs = made::refused_by_shape();
    let reason_of = |(bomb, _): &(Bomb, &str)| {
        // A child that had been asked could have said nothing in a byte.
        let told = run(inspect(&file_of(bomb, folder.path()), "address_space_bytes=1").arg("--json")).exits_with(1).json();
        assert_eq!((&told["verdict"], &told["causes"]), (&"refused".into(), &serde_json::json!([])), "{}", bomb.name);
        told["reason"].as_str().expect("a reason is a text").to_owned()
    };
    assert_eq!(bombs.iter().map(reason_of).collect::<Vec<_>>(), SHAPES);
    let (bomb, _) = &bombs[0];
    let file = file_of(bomb, folder.path());
    let Run { stdout, .. } = run(&mut inspect(&file, "")).exits_with(1);
    assert_eq!(stdout, format!("{}: refused: {}\n", file.display(), SHAPES[0]));
}

#[test]
fn a_bomb_of_every_kind_ends_at_the_processor_time_of_its_child() {
    let (folder, bombs) = (temp_dir(), made::endless());
    assert_eq!(bombs.len(), 6);
    for bomb in &bombs {
        assert_refused(bomb, folder.path(), SECONDS, "compiling takes more than 2 s of processor time");
    }
    the_next_is_honest();
}

#[test]
fn a_bomb_that_takes_memory_ends_at_the_address_space_of_its_child() {
    let folder = temp_dir();
    for bomb in &made::huge() {
        assert_refused(bomb, folder.path(), BYTES, "compiling takes more than 201326592 bytes of address space");
    }
    the_next_is_honest();
}

#[test]
fn the_child_that_compiles_a_bomb_has_given_up_what_it_does_not_need() {
    let folder = temp_dir();
    let bombs = made::endless();
    let file = file_of(&bombs[0], folder.path());
    let mut command = inspect(&file, SECONDS);
    let mut parent = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the program starts");
    let child = limited_child_of(&mut parent);
    let limits = child.limits();
    let expected = [
        ("Max cpu time", "2 3 seconds"),
        ("Max address space", "8589934592 8589934592 bytes"),
        ("Max core file size", "0 0 bytes"),
        ("Max file size", "0 0 bytes"),
        ("Max open files", "16 16 files"),
    ];
    for (name, value) in expected {
        assert_eq!(limits.get(name).map(String::as_str), Some(value), "{name}");
    }
    assert_eq!(child.niceness(), "10");
    assert_eq!(child.environment, "", "nothing of ours is for it");
    assert_eq!(child.folder, Path::new("/"));
    assert_eq!(parent.wait().expect("it was started here").code(), Some(1));
}

/// What the system says of a process.
struct Process {
    limits: String,
    stat: String,
    environment: String,
    folder: PathBuf,
}

impl Process {
    /// None where it is not there any more.
    fn read(number: u32) -> Option<Self> {
        let folder = PathBuf::from(format!("/proc/{number}"));
        let text = |name: &str| fs::read_to_string(folder.join(name)).ok();
        Some(Self {
            limits: text("limits")?,
            stat: text("stat")?,
            environment: text("environ")?,
            folder: fs::read_link(folder.join("cwd")).ok()?,
        })
    }

    /// Each limit with what is said of it: the soft one, the hard one, the unit.
    fn limits(&self) -> BTreeMap<String, String> {
        let split = |line: &str| {
            let (name, values) = line.split_at_checked(26)?;
            Some((name.trim().to_owned(), values.split_whitespace().collect::<Vec<_>>().join(" ")))
        };
        self.limits.lines().filter_map(split).collect()
    }

    /// Fields behind the program's name, which may hold anything; the first is the state, the second the parent.
    fn fields(&self) -> Vec<&str> {
        self.stat.rsplit_once(')').map(|(_, fields)| fields.split_whitespace().collect()).unwrap_or_default()
    }

    fn niceness(&self) -> &str {
        self.fields()[16]
    }
}

/// The child of a process, once it has limited itself: that is the first thing it does, and niceness comes last.
fn limited_child_of(parent: &mut Child) -> Process {
    let id = parent.id().to_string();
    loop {
        let numbers = fs::read_dir("/proc").expect("the system tells of its processes").filter_map(|entry| {
            entry.ok().and_then(|entry| entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()))
        });
        let of_parent = |process: &Process| process.fields().get(1) == Some(&id.as_str()) && process.niceness() == "10";
        if let Some(child) = numbers.filter_map(Process::read).find(of_parent) {
            return child;
        }
        let ended = parent.try_wait().expect("it was started here");
        assert_eq!(ended, None, "it ended before its child was seen");
        std::thread::yield_now();
    }
}

#[test]
fn a_bomb_holds_up_neither_an_upload_nor_a_backtest_of_the_same_process() {
    // Far more than the rest of this test needs: the bomb is given up before.
    let limits = CompileLimits { cpu_seconds: 600, wall_ms: 600_000, ..CompileLimits::default() };
    let sandbox = Sandbox::new(SandboxSettings { instances_max: 2, ..SandboxSettings::default() }).expect("room for two");
    let uploads = Uploads::new(sandbox, UploadSettings::new(compiler(limits))).expect("no cache, nothing to open");
    let folder = temp_dir();
    let bombs = made::endless();
    let bomb = fs::read(file_of(&bombs[1], folder.path())).expect("it was written");
    let honest = fs::read(component("ema-atr")).expect("it was built");
    let request = request(&[component("ema-atr")], &HONEST, &candles(&folder), settings());
    let report = runtime().block_on(async {
        let beside = async {
            // Uploaded while the bomb burns, compiled in a second child, and run.
            let uploaded = uploads.load(honest).await.expect("it is a strategy");
            assert_eq!(uploaded.strategy.manifest().name, "ema-atr");
            drop(uploaded);
            Prepared::new_in(&uploads, request, Arc::new(Control::default()))
                .await?
                .run(Box::new(Record::default()), Way::Next)
                .await
        };
        tokio::select! {
            biased;
            bomb = uploads.load(bomb) => panic!("the bomb ended first: {bomb:?}"),
            report = beside => report.expect("the run begins"),
        }
    });
    assert_eq!(report.outcome.status, RunStatus::Completed);
    assert!(report.outcome.counts.fills > 5, "{:?}", report.outcome.counts);
    // Given up, it has given its place back: both places are free for what comes next.
    let honest = fs::read(component("ema-atr")).expect("it was built");
    let both = runtime().block_on(async { tokio::join!(uploads.load(honest.clone()), uploads.load(honest)) });
    assert!(both.0.is_ok() && both.1.is_ok(), "{both:?}");
}

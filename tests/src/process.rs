//! Runs the calypte binary as its user does, bounded in time, and hands back all that it said.

use std::ffi::OsStr;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// Longest that one command may take. A bound against a hang, not an expectation: it is far above the slowest command.
pub const RUN_SECONDS_MAX: u64 = 900;

/// Names the binary to test; without it, the one that cargo built beside the test executable.
const BINARY_VARIABLE: &str = "CALYPTE_BIN";

/// A command that has ended.
#[derive(Debug)]
pub struct Run {
    /// The command, for messages.
    pub command: String,
    /// Its exit code; none where a signal ended it.
    pub code: Option<i32>,
    /// All of its standard output.
    pub stdout: String,
    /// All of its standard error.
    pub stderr: String,
}

impl Run {
    /// Itself, if the command succeeded.
    ///
    /// # Panics
    /// With all the command said, if it did not.
    #[track_caller]
    pub fn ok(self) -> Self {
        self.exits_with(0)
    }

    /// Itself, if the command ended with this code.
    ///
    /// # Panics
    /// With all the command said, if it did not.
    #[track_caller]
    pub fn exits_with(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "exit code of {self}");
        self
    }

    /// Its standard output as one JSON document.
    ///
    /// # Panics
    /// With all the command said, if it is none.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        match serde_json::from_str(&self.stdout) {
            Ok(value) => value,
            Err(error) => panic!("{error} in the JSON of {self}"),
        }
    }
}

impl std::fmt::Display for Run {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { command, code, stdout, stderr } = self;
        write!(formatter, "`{command}` (exit {code:?})\n--- stdout\n{stdout}\n--- stderr\n{stderr}")
    }
}

/// The binary under test.
///
/// # Panics
/// If it was not built.
pub fn calypte_path() -> PathBuf {
    if let Some(path) = std::env::var_os(BINARY_VARIABLE) {
        return PathBuf::from(path);
    }
    let test = std::env::current_exe().expect("the test executable has a path");
    let profile = test.parent().and_then(Path::parent).expect("test executables lie in target/<profile>/deps");
    let binary = profile.join(format!("calypte{}", std::env::consts::EXE_SUFFIX));
    assert!(
        binary.is_file(),
        "no binary at {}: run `cargo build -p calypte`, or name one in {BINARY_VARIABLE}",
        binary.display()
    );
    binary
}

/// Runs `calypte` with these arguments in the root of the repository.
pub fn calypte<A: AsRef<OsStr>>(arguments: impl IntoIterator<Item = A>) -> Run {
    calypte_in(&crate::repository(), arguments)
}

/// Runs `calypte` with these arguments in a folder.
pub fn calypte_in<A: AsRef<OsStr>>(folder: &Path, arguments: impl IntoIterator<Item = A>) -> Run {
    run(Command::new(calypte_path()).args(arguments).current_dir(folder))
}

/// Runs a command without standard input and waits for its end.
///
/// # Panics
/// If it cannot be started, or takes longer than [`RUN_SECONDS_MAX`].
pub fn run(command: &mut Command) -> Run {
    let shown = format!("{command:?}");
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{shown} does not start: {error}"));

    let (sender, ended) = mpsc::sync_channel(2);
    read(child.stdout.take().expect("stdout is piped"), Stream::Out, sender.clone());
    read(child.stderr.take().expect("stderr is piped"), Stream::Err, sender);

    let deadline = Instant::now() + Duration::from_secs(RUN_SECONDS_MAX);
    let (mut stdout, mut stderr) = (String::new(), String::new());
    for _ in 0..2 {
        match ended.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok((Stream::Out, text)) => stdout = text,
            Ok((Stream::Err, text)) => stderr = text,
            Err(_) => {
                child.kill().expect("a child that runs can be killed");
                child.wait().expect("a killed child ends");
                panic!("{shown} still runs after {RUN_SECONDS_MAX} s\n--- stdout\n{stdout}\n--- stderr\n{stderr}");
            }
        }
    }
    let status = child.wait().expect("the child was started here and is waited for once");
    Run { command: shown, code: status.code(), stdout, stderr }
}

enum Stream {
    Out,
    Err,
}

/// Reads a pipe to its end in a thread, so that neither pipe fills while the other is waited for.
fn read(mut pipe: impl Read + Send + 'static, stream: Stream, sender: mpsc::SyncSender<(Stream, String)>) {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let outcome = pipe.read_to_end(&mut bytes);
        let read = String::from_utf8_lossy(&bytes);
        let text = match outcome {
            Ok(_) => read.into_owned(),
            Err(error) => format!("{read}\n[the rest could not be read: {error}]"),
        };
        // Nobody listens any more only where the time was up.
        drop(sender.send((stream, text)));
    });
}

/// Whether there is such a program.
pub fn is_installed(program: &str) -> bool {
    Command::new(program).arg("--version").stdin(Stdio::null()).output().is_ok()
}

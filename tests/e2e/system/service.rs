//! A service of ours as a process.

use super::PATIENCE;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc;
use tests::calypte_path;

/// A service of ours. It ends with this.
pub(crate) struct Service {
    child: Child,
    stdout: BufReader<ChildStdout>,
}

impl Service {
    /// Starts one, and waits until it says that it works. What it logs goes beside its configuration.
    pub(crate) fn start(command: &str, config: &Path) -> Self {
        Self::start_with(command, config, &[])
    }

    /// As [`Self::start`], with further flags.
    pub(crate) fn start_with(command: &str, config: &Path, more: &[&str]) -> Self {
        let log = config.with_file_name(format!("{command}.log"));
        let log = fs::File::options().create(true).append(true).open(log).expect("the test's folder can be written");
        let mut program = Command::new(calypte_path());
        program.args([command, "--json", "--config"]).arg(config).args(more);
        Self::spawn(&mut program, log.into())
    }

    /// As [`Self::start`], as the last arguments of another program, and with another log.
    pub(crate) fn start_by(program: &mut Command, command: &str, config: &Path, log: Stdio) -> Self {
        Self::spawn(program.args([command, "--json", "--config"]).arg(config), log)
    }

    fn spawn(program: &mut Command, log: Stdio) -> Self {
        let mut child = program.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log).spawn().expect("it starts");
        let mut stdout = BufReader::new(child.stdout.take().expect("stdout is piped"));
        let mut line = String::new();
        stdout.read_line(&mut line).expect("it says that it works");
        assert!(line.starts_with('{'), "{program:?} says {line:?}");
        Self { child, stdout }
    }

    /// Its process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Stops it where it stands (`SIGSTOP`).
    pub(crate) fn pause(&self) {
        self.signal("-STOP");
    }

    /// Lets it go on.
    pub(crate) fn resume(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().expect("there is a `kill`").success());
    }

    /// Ends it in order; what it says at the end.
    pub(crate) fn end(self) -> serde_json::Value {
        self.signal("-TERM");
        let (said, code) = self.ended();
        assert_eq!(code, Some(0), "{said}");
        said
    }

    /// Waits until it has ended by itself; what it says at the end, and its exit code.
    pub(crate) fn ended(mut self) -> (serde_json::Value, Option<i32>) {
        let (told, ended) = mpsc::channel();
        let id = self.child.id();
        std::thread::spawn(move || {
            let mut rest = String::new();
            let read = self.stdout.read_to_string(&mut rest);
            // Nobody listens any more only where the time was up.
            drop(told.send((read, self.child.wait(), rest)));
        });
        let Ok((read, status, rest)) = ended.recv_timeout(PATIENCE) else { panic!("the process {id} did not end") };
        read.expect("what it says can be read");
        let said = serde_json::from_str(&rest).unwrap_or_else(|error| panic!("{error}: {rest:?}"));
        (said, status.expect("it was started here").code())
    }

    /// Ends it without a warning.
    pub(crate) fn kill(mut self) {
        self.child.kill().expect("our own child can be killed");
        self.child.wait().expect("our own child can be waited for");
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // Where a test failed before it ended it. One that has ended cannot be killed, and needs not.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

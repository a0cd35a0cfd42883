//! What a stub of the manager hears.

use super::*;
use std::time::Instant as StdInstant;
use tempfile::TempDir;

/// Within which the stub wants to be fed.
const INTERVAL_USEC: &str = "20000";
/// Longest that is waited for a message. A bound against a hang, not an expectation.
const WAIT: Duration = Duration::from_secs(20);

/// A manager that listens.
struct Stub {
    _folder: TempDir,
    socket: UnixDatagram,
    path: OsString,
}

impl Stub {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("notify");
        let socket = UnixDatagram::bind(&path).expect("the folder can be written");
        socket.set_read_timeout(Some(WAIT)).expect("a time above zero");
        Self { _folder: folder, socket, path: path.into_os_string() }
    }

    fn manager(&self, more: &[(&str, &str)]) -> ServiceManager {
        let variable = |name: &str| {
            let found = more.iter().find(|(known, _)| *known == name).map(|(_, value)| OsString::from(value));
            found.or_else(|| (name == "NOTIFY_SOCKET").then(|| self.path.clone()))
        };
        ServiceManager::read(variable, 7).expect("the environment is sound")
    }

    /// The next message.
    fn heard(&self) -> String {
        let mut bytes = [0; 4_096];
        let length = self.socket.recv(&mut bytes).expect("a message comes");
        String::from_utf8_lossy(&bytes[..length]).into_owned()
    }

    /// Messages up to one that says this.
    fn heard_until(&self, words: &str) -> Vec<String> {
        let mut all = Vec::new();
        while all.last().is_none_or(|last: &String| !last.contains(words)) {
            all.push(self.heard());
        }
        all
    }
}

#[test]
fn messages_are_lines() {
    let stub = Stub::new();
    let manager = stub.manager(&[]);
    manager.tell(&[State::Ready, State::Status("one\nMAINPID=1"), State::Watchdog]).expect("it listens");
    assert_eq!(stub.heard(), "READY=1\nSTATUS=one MAINPID=1\nWATCHDOG=1\n");
    manager.tell(&[State::Stopping]).expect("it listens");
    assert_eq!(stub.heard(), "STOPPING=1\n");
}

#[test]
fn a_name_without_a_path_is_an_address_too() {
    let name = format!("calypte-test-{}", std::process::id());
    let address = SocketAddr::from_abstract_name(&name).expect("a short name");
    let socket = UnixDatagram::bind_addr(&address).expect("nobody else has the name");
    let variable = |wanted: &str| (wanted == "NOTIFY_SOCKET").then(|| OsString::from(format!("@{name}")));
    ServiceManager::read(variable, 7).expect("sound").tell(&[State::Ready]).expect("it listens");
    let mut bytes = [0; 64];
    let length = socket.recv(&mut bytes).expect("a message came");
    assert_eq!(&bytes[..length], b"READY=1\n");
}

#[test]
fn the_environment_says_who_watches() {
    let read = |variables: &[(&str, &str)]| {
        ServiceManager::read(|name| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.into()), 7)
    };
    let nobody = read(&[]).expect("nobody watches");
    assert!(nobody.tell(&[State::Ready]).is_ok() && nobody.watchdog.is_none());
    assert_eq!(read(&[("WATCHDOG_USEC", "30000000")]).expect("sound").watchdog, Some(Duration::from_secs(30)));
    assert_eq!(read(&[("WATCHDOG_USEC", "1"), ("WATCHDOG_PID", "7")]).expect("sound").watchdog, Some(Duration::from_micros(1)));
    assert_eq!(read(&[("WATCHDOG_USEC", "1"), ("WATCHDOG_PID", "8")]).expect("sound").watchdog, None, "it is the parent's");
    assert!(matches!(read(&[("WATCHDOG_USEC", "0")]), Err(ManagerError::Interval(_))));
    assert!(matches!(read(&[("WATCHDOG_USEC", "soon")]), Err(ManagerError::Interval(_))));
    assert!(matches!(read(&[("NOTIFY_SOCKET", "vsock:2:1")]), Err(ManagerError::Address(_))));
    let gone = read(&[("NOTIFY_SOCKET", "/no/such/socket")]).expect("a path");
    assert!(matches!(gone.tell(&[State::Ready]), Err(ManagerError::NotTaken(_))));
}

/// A runtime on which the service is vouched for while the test listens.
fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("threads can be made")
}

#[test]
fn a_service_is_ready_then_well_then_stops() {
    let stub = Stub::new();
    let pulse = Pulse::new(StdInstant::now(), Duration::from_hours(1));
    let readiness = Readiness::new([("bus", "not reached yet")]);
    let (stop, stopped) = watch::channel(false);
    let runtime = runtime();
    let vouched = runtime.spawn(vouch(stub.manager(&[("WATCHDOG_USEC", INTERVAL_USEC)]), pulse, readiness.clone(), stopped));
    assert_eq!(stub.heard(), "WATCHDOG=1\n", "it is alive before it is ready");
    readiness.missing("bus", "refused");
    let before = stub.heard_until("STATUS");
    assert_eq!(before.last().map(String::as_str), Some("STATUS=waits for bus: refused\n"));
    readiness.met("bus");
    let before = stub.heard_until("READY");
    assert!(before.iter().rev().skip(1).all(|message| message == "WATCHDOG=1\n"), "{before:?}");
    assert_eq!([stub.heard(), stub.heard()], ["WATCHDOG=1\n", "WATCHDOG=1\n"]);
    // Ready is said once; what is missing later is a status.
    readiness.missing("bus", "lost");
    stub.heard_until("STATUS=waits for bus: lost");
    readiness.met("bus");
    assert_eq!(stub.heard_until("STATUS").last().map(String::as_str), Some("STATUS=ready\n"));
    stop.send_replace(true);
    assert_eq!(stub.heard_until("STOPPING").last().map(String::as_str), Some("STOPPING=1\nSTATUS=stopping\n"));
    assert_eq!(runtime.block_on(vouched).expect("it ends"), WatchdogEnd::Stopped);
}

#[test]
fn a_service_that_stalls_is_fed_no_longer_until_it_goes_on() {
    let stub = Stub::new();
    let now = StdInstant::now();
    let began = now.checked_sub(Duration::from_secs(100)).expect("the machine runs longer");
    let pulse = Pulse::new(began, Duration::from_mins(1));
    pulse.turned(now);
    let (_stop, stopped) = watch::channel(false);
    let runtime = runtime();
    let manager = stub.manager(&[("WATCHDOG_USEC", INTERVAL_USEC), (EXIT_VARIABLE, "1")]);
    let vouched = runtime.spawn(vouch(manager, pulse.clone(), Readiness::new([]), stopped));
    let before = stub.heard_until("STATUS=stalled");
    assert!(before.iter().all(|message| !message.contains("WATCHDOG")), "{before:?}");
    pulse.progressed(StdInstant::now());
    assert_eq!(stub.heard(), "STATUS=makes progress again\n", "nothing was fed in between");
    assert_eq!(stub.heard(), "WATCHDOG=1\n");
    vouched.abort();
}

#[test]
fn where_no_watchdog_watches_a_stalled_service_may_end() {
    let stub = Stub::new();
    let now = StdInstant::now();
    let pulse = Pulse::new(now.checked_sub(Duration::from_secs(100)).expect("the machine runs longer"), Duration::from_mins(1));
    pulse.turned(now);
    let (_stop, stopped) = watch::channel(false);
    let ended = runtime().block_on(vouch(stub.manager(&[(EXIT_VARIABLE, "1")]), pulse, Readiness::new([]), stopped));
    assert!(matches!(ended, WatchdogEnd::Stalled(Stalled::Progress { .. })), "{ended:?}");
}

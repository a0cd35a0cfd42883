//! The service manager's protocol: one datagram for each thing it is told, as `sd_notify(3)` says.
//!
//! <https://www.freedesktop.org/software/systemd/man/latest/sd_notify.html>

use super::pulse::{Pulse, Stalled};
use super::readiness::Readiness;
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval};

/// How often a service is looked at that no watchdog watches.
const LOOK: Duration = Duration::from_secs(1);
/// Says that a service without a watchdog ends where it stalls, so that what started it starts it again.
const EXIT_VARIABLE: &str = "CALYPTE_EXIT_WHEN_STALLED";

/// Something that the manager is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State<'a> {
    /// The service does what it is there for.
    Ready,
    /// It ends.
    Stopping,
    /// It is vouched for.
    Watchdog,
    /// How it is, in words.
    Status(&'a str),
}

/// Why a manager cannot be spoken to.
#[derive(Debug, thiserror::Error)]
pub enum ManagerError {
    /// Its address is of a kind that is not known here.
    #[error("NOTIFY_SOCKET is {0:?}: neither a path nor @ and a name")]
    Address(OsString),
    /// Its interval is no number.
    #[error("WATCHDOG_USEC is {0:?}: not a number of microseconds above zero")]
    Interval(OsString),
    /// A datagram was not taken.
    #[error("the service manager takes no message")]
    NotTaken(#[from] io::Error),
}

/// Who started the service and watches it; where nobody did, it is told nothing.
#[derive(Debug, Clone)]
pub struct ServiceManager {
    address: Option<SocketAddr>,
    /// Within which it wants to be told that the service is well.
    watchdog: Option<Duration>,
    exits_when_stalled: bool,
}

/// Why a service is vouched for no longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WatchdogEnd {
    /// It was told to stop.
    Stopped,
    /// It stalled, no watchdog watches it, and it is to end then.
    Stalled(Stalled),
}

impl ServiceManager {
    /// Of this process, as the environment says.
    ///
    /// # Errors
    /// Where the environment says nonsense.
    pub fn of_process() -> Result<Self, ManagerError> {
        Self::read(|name| std::env::var_os(name), std::process::id())
    }

    fn read(variable: impl Fn(&str) -> Option<OsString>, process: u32) -> Result<Self, ManagerError> {
        let address = variable("NOTIFY_SOCKET").filter(|text| !text.is_empty()).map(|text| address(&text)).transpose()?;
        // A watchdog that was meant for the parent is none of ours.
        let is_ours = variable("WATCHDOG_PID").is_none_or(|wanted| wanted.to_str() == Some(process.to_string().as_str()));
        let watchdog = variable("WATCHDOG_USEC").filter(|_| is_ours).map(|text| microseconds(&text)).transpose()?;
        let exits_when_stalled = variable(EXIT_VARIABLE).is_some_and(|value| value == "1");
        Ok(Self { address, watchdog, exits_when_stalled })
    }

    /// Tells it something.
    ///
    /// # Errors
    /// Where it does not take it at once.
    pub fn tell(&self, states: &[State<'_>]) -> Result<(), ManagerError> {
        let Some(address) = &self.address else { return Ok(()) };
        let message = states.iter().map(State::line).collect::<String>();
        let socket = UnixDatagram::unbound()?;
        // A manager that hangs must not hang the service.
        socket.set_nonblocking(true)?;
        socket.send_to_addr(message.as_bytes(), address)?;
        Ok(())
    }

    /// Tells it something, and the log where that fails: a service goes on without.
    fn try_tell(&self, states: &[State<'_>]) {
        if let Err(error) = self.tell(states) {
            tracing::warn!(%error, "the service manager was not told {states:?}");
        }
    }
}

impl State<'_> {
    fn line(&self) -> String {
        match self {
            Self::Ready => "READY=1\n".to_owned(),
            Self::Stopping => "STOPPING=1\n".to_owned(),
            Self::Watchdog => "WATCHDOG=1\n".to_owned(),
            // A line more would be another message.
            Self::Status(words) => format!("STATUS={}\n", words.replace(['\n', '\r'], " ")),
        }
    }
}

fn address(text: &OsStr) -> Result<SocketAddr, ManagerError> {
    let refuse = || ManagerError::Address(text.to_owned());
    match text.as_bytes() {
        [b'/', ..] => SocketAddr::from_pathname(text).map_err(|_| refuse()),
        [b'@', name @ ..] => SocketAddr::from_abstract_name(name).map_err(|_| refuse()),
        _ => Err(refuse()),
    }
}

fn microseconds(text: &OsStr) -> Result<Duration, ManagerError> {
    let number = text.to_str().and_then(|text| text.parse().ok()).filter(|number| *number > 0);
    number.map(Duration::from_micros).ok_or_else(|| ManagerError::Interval(text.to_owned()))
}

/// Tells the manager that the service is ready, when it is; that it is well, for as long as it is; and that it stops.
///
/// It is fed twice in its interval while the pulse is sound. Where it is not, it is not fed, and starts the service again.
pub async fn vouch(
    manager: ServiceManager,
    pulse: Pulse,
    readiness: Readiness,
    mut stop: watch::Receiver<bool>,
) -> WatchdogEnd {
    let mut changes = readiness.changes();
    let mut ticks = interval(manager.watchdog.map_or(LOOK, |interval| interval / 2));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut was_ready, mut was_stalled) = (false, false);
    loop {
        let is_changed = tokio::select! {
            biased;
            // Whoever could stop it is gone: it is over all the same.
            _ = stop.wait_for(|stop| *stop) => {
                manager.try_tell(&[State::Stopping, State::Status("stopping")]);
                return WatchdogEnd::Stopped;
            }
            changed = changes.changed() => changed.is_ok(),
            _ = ticks.tick() => false,
        };
        if is_changed || !was_ready {
            was_ready |= tell_readiness(&manager, &readiness, was_ready, is_changed);
        }
        match pulse.check(Instant::now().into_std()) {
            Ok(()) => {
                if std::mem::take(&mut was_stalled) {
                    tracing::info!("the service makes progress again");
                    manager.try_tell(&[State::Status("makes progress again")]);
                }
                if manager.watchdog.is_some() {
                    manager.try_tell(&[State::Watchdog]);
                }
            }
            Err(stalled) => {
                if !std::mem::replace(&mut was_stalled, true) {
                    tracing::error!("{stalled}: the service is no longer vouched for");
                    manager.try_tell(&[State::Status(&format!("stalled: {stalled}"))]);
                }
                if manager.watchdog.is_none() && manager.exits_when_stalled {
                    return WatchdogEnd::Stalled(stalled);
                }
            }
        }
    }
}

/// Tells what is missing, or that nothing is; that it is ready, only once. Gives whether it is ready.
fn tell_readiness(manager: &ServiceManager, readiness: &Readiness, was_ready: bool, is_changed: bool) -> bool {
    let missing = readiness.check();
    if missing.is_empty() {
        let states: &[State<'_>] = &[State::Ready, State::Status("ready")];
        manager.try_tell(if was_ready { &states[1..] } else { states });
        return true;
    }
    if is_changed {
        let words = missing.iter().map(|missing| format!("{}: {}", missing.what, missing.why)).collect::<Vec<_>>().join("; ");
        manager.try_tell(&[State::Status(&format!("waits for {words}"))]);
    }
    false
}

#[cfg(test)]
mod tests;

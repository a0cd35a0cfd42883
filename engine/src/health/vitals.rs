//! All that shows how a service is, and those who look at it, wired together.

use super::manager::{ManagerError, ServiceManager, WatchdogEnd, vouch};
use super::metrics::Metrics;
use super::pages::{Bound, PagesError};
use super::pulse::{Pulse, Stalled, tolerance};
use super::readiness::Readiness;
use calypte_kernel::Timeframe;
use std::net::SocketAddr;
use std::time::Instant;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// How a service is. Clones share everything.
#[derive(Debug, Clone)]
pub struct Vitals {
    /// What it counts: `/metrics`.
    pub metrics: Metrics,
    /// Whether its loop turns, `/healthz`, and whether it makes progress.
    pub pulse: Pulse,
    /// What it lacks: `/readyz`.
    pub readiness: Readiness,
}

/// Why nobody can look at a service.
#[derive(Debug, thiserror::Error)]
pub enum VitalsError {
    /// The environment says nonsense about its manager.
    #[error(transparent)]
    Manager(#[from] ManagerError),
    /// Its address cannot be listened on.
    #[error(transparent)]
    Pages(#[from] PagesError),
}

/// Those who look at a service: its pages and its manager. Dropped, they look no longer.
#[derive(Debug)]
pub struct Watch {
    address: Option<SocketAddr>,
    stop: watch::Sender<bool>,
    /// None: it has ended.
    vouching: Option<JoinHandle<WatchdogEnd>>,
    pages: Option<JoinHandle<()>>,
}

impl Vitals {
    /// Of a service that begins now: what it lacks, each with why, and how long its shortest candle is.
    pub fn new<'a>(service: &str, shortest: Timeframe, lacks: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let pulse = Pulse::new(Instant::now(), tolerance(shortest));
        Self { metrics: Metrics::new(service), pulse, readiness: Readiness::new(lacks) }
    }

    /// Shows it on an address, where there is one, and vouches for it to the manager that started the process, if one did.
    ///
    /// # Errors
    /// Where the address cannot be had, or the environment says nonsense.
    pub async fn show(&self, listen: Option<SocketAddr>) -> Result<Watch, VitalsError> {
        self.show_to(ServiceManager::of_process()?, listen).await
    }

    async fn show_to(&self, manager: ServiceManager, listen: Option<SocketAddr>) -> Result<Watch, VitalsError> {
        let stop = watch::Sender::new(false);
        let (address, pages) = match listen {
            Some(address) => {
                let bound = Bound::new(self.clone(), address).await?;
                (Some(bound.address()), Some(tokio::spawn(bound.serve())))
            }
            None => (None, None),
        };
        let vouching = tokio::spawn(vouch(manager, self.pulse.clone(), self.readiness.clone(), stop.subscribe()));
        Ok(Watch { address, stop, vouching: Some(vouching), pages })
    }
}

impl Watch {
    /// Where the pages are, with the port that was free if it was 0.
    pub const fn address(&self) -> Option<SocketAddr> {
        self.address
    }

    /// Waits until the service stalls and is to end for it: where a watchdog watches, that is the manager's to see, and this waits
    /// for ever.
    pub async fn stalled(&mut self) -> Stalled {
        if let Some(vouching) = &mut self.vouching {
            let ended = vouching.await;
            self.vouching = None;
            if let Ok(WatchdogEnd::Stalled(stalled)) = ended {
                return stalled;
            }
        }
        std::future::pending().await
    }

    /// Tells the manager that the service stops. The pages stay until this is dropped.
    pub fn stopping(&self) {
        self.stop.send_replace(true);
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.pages.iter().for_each(JoinHandle::abort);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpStream;
    use tokio::time::timeout;

    async fn ready(address: SocketAddr) -> std::io::Result<String> {
        let mut stream = TcpStream::connect(address).await?;
        stream.write_all(b"GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n").await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        Ok(answer)
    }

    #[tokio::test]
    async fn a_service_is_looked_at_until_its_watch_is_gone() {
        let vitals = Vitals::new("engine", Timeframe::MINUTE, [("bus", "not reached yet")]);
        let mut watch = vitals.show(Some("127.0.0.1:0".parse().expect("an address"))).await.expect("a port is free");
        let address = watch.address().expect("it has one");
        assert!(ready(address).await.expect("it is served").contains("not reached yet"));
        watch.stopping();
        vitals.readiness.missing("bus", "stopping");
        assert!(ready(address).await.expect("it is served to the end").contains("stopping"));
        for _ in 0..2 {
            tokio::select! {
                biased;
                stalled = watch.stalled() => panic!("it does not stall, it stops: {stalled}"),
                answer = ready(address) => assert!(answer.is_ok(), "{answer:?}"),
            }
        }
        drop(watch);
        let gone = async { while ready(address).await.is_ok() {} };
        timeout(Duration::from_secs(20), gone).await.expect("nobody is left there");
    }

    #[tokio::test]
    async fn an_address_that_cannot_be_had_is_told() {
        let vitals = Vitals::new("engine", Timeframe::MINUTE, []);
        let watch = vitals.show(Some("127.0.0.1:0".parse().expect("an address"))).await.expect("a port is free");
        let error = vitals.show(watch.address()).await.expect_err("it is taken").to_string();
        assert!(error.contains("cannot be served on 127.0.0.1:"), "{error}");
        assert_eq!(vitals.show(None).await.expect("nothing is asked for").address(), None);
    }
}

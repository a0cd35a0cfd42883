//! The loop that joins the parts: sockets, requests, time, and whoever listens.
//!
//! It holds no rule. Reports of sockets, answers and requests go into the desks; what the desks want is done; what they say goes
//! out through a bounded channel. While that is full, nothing more is read from the sockets.

mod desks;
mod link;
mod tasks;

use super::account::AccountDesk;
use super::ask::Asker;
use super::assets::Assets;
use super::budget::Egress;
use super::market::MarketDesk;
use crate::ambient::Ambient;
use crate::connector::{Event, Health, News, Request};
use crate::net::{SocketReport, Target};
use calypte_kernel::{SeriesInfo, Timestamp};
use link::Link;
use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, MutexGuard};
use std::time::Duration;
use tasks::Done;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;
use tokio::time::sleep;

/// Reports of sockets that wait. Each may be as long as a message: this bounds what hostile messages can take of memory.
pub(super) const REPORTS_MAX: usize = 16;
/// Events that are held until somebody listens; beyond it nothing more is read.
const HELD_MAX: usize = 4_096;
/// How often what there is to trade is looked at again: coins come and go.
const META_MS: u64 = 300_000;
/// How often health is said where nothing changes.
const HEALTH_MS: u64 = 1_000;
/// Longest sleep: no desk is forgotten for longer, whatever a clock does.
const SLEEP_MS_MAX: u64 = 60_000;

/// What a driver is made of.
pub(super) struct Parts {
    pub(super) ambient: Arc<dyn Ambient>,
    pub(super) asker: Asker,
    pub(super) target: Target,
    pub(super) assets: Assets,
    pub(super) series: Vec<SeriesInfo>,
    pub(super) account: Option<AccountDesk>,
    pub(super) requests: mpsc::Receiver<Request>,
    pub(super) events: mpsc::Sender<Event>,
    pub(super) health: watch::Sender<Health>,
    pub(super) stop: oneshot::Receiver<()>,
}

/// The loop.
pub(super) struct Driver {
    ambient: Arc<dyn Ambient>,
    asker: Asker,
    target: Target,
    assets: Arc<Assets>,
    market: MarketDesk,
    /// Made when the first feed is wanted: an account alone needs no second socket.
    market_link: Option<Link>,
    account: Option<(AccountDesk, Link)>,
    requests: mpsc::Receiver<Request>,
    events: mpsc::Sender<Event>,
    health: watch::Sender<Health>,
    health_due: Timestamp,
    /// Budgets that were told to be nearly used up.
    low: BTreeSet<&'static str>,
    reports: (mpsc::Sender<SocketReport>, mpsc::Receiver<SocketReport>),
    tasks: JoinSet<Done>,
    held: VecDeque<Event>,
    /// Number of the next connection.
    next_number: u64,
    meta_due: Timestamp,
    meta_asked: bool,
}

/// What the loop woke up for.
enum Woken {
    Stop,
    Done(Box<Done>),
    Sent,
    Request(Request),
    Time,
    Report(SocketReport),
}

impl Driver {
    /// Runs until it is stopped or nobody listens.
    pub(super) async fn run(parts: Parts) {
        let mut stop = parts.stop;
        let now = parts.ambient.now();
        let account = parts.account.map(|desk| {
            let mut link = Link::new("account", now);
            let (user, collateral) = desk.whose();
            let mut egress = parts.asker.egress();
            for feed in super::account::feeds(user, collateral) {
                // Where there is no room, the account is looked after over REST.
                link.refused |= link.supervisor.subscribe(now, feed, &mut egress).is_err();
            }
            (desk, link)
        });
        let mut driver = Self {
            market: MarketDesk::new(parts.series, now),
            ambient: parts.ambient,
            asker: parts.asker,
            target: parts.target,
            assets: Arc::new(parts.assets),
            market_link: None,
            account,
            requests: parts.requests,
            events: parts.events,
            health: parts.health,
            health_due: now,
            low: BTreeSet::new(),
            reports: mpsc::channel(REPORTS_MAX),
            tasks: JoinSet::new(),
            held: VecDeque::new(),
            next_number: 0,
            meta_due: now.saturating_add(META_MS),
            meta_asked: false,
        };
        loop {
            driver.settle();
            match driver.woken(&mut stop).await {
                Woken::Stop => break,
                Woken::Done(done) => driver.done(*done),
                Woken::Sent | Woken::Time => {}
                Woken::Request(request) => driver.request(request),
                Woken::Report(report) => driver.report(report),
            }
        }
        driver.end();
    }

    async fn woken(&mut self, stop: &mut oneshot::Receiver<()>) -> Woken {
        let now = self.now();
        let wait_ms = self.next_wake().millis_since(now).clamp(1, SLEEP_MS_MAX);
        let room = self.held.len() < HELD_MAX;
        tokio::select! {
            biased; // a fixed order, and the busiest source last
            _ = &mut *stop => Woken::Stop,
            Some(done) = self.tasks.join_next() => match done {
                Ok(done) => Woken::Done(Box::new(done)),
                // A fault in a task is one of ours, and not to be carried on from.
                Err(error) => match error.try_into_panic() {
                    Ok(panic) => std::panic::resume_unwind(panic),
                    Err(_) => Woken::Time,
                },
            },
            permit = self.events.reserve(), if !self.held.is_empty() => match permit {
                Ok(permit) => {
                    if let Some(event) = self.held.pop_front() {
                        permit.send(event);
                    }
                    Woken::Sent
                }
                Err(_) => Woken::Stop,
            },
            request = self.requests.recv(), if room => request.map_or(Woken::Stop, Woken::Request),
            () = sleep(Duration::from_millis(wait_ms)) => Woken::Time,
            Some(report) = self.reports.1.recv(), if room => Woken::Report(report),
        }
    }

    fn now(&self) -> Timestamp {
        self.ambient.now()
    }

    fn egress(&self) -> MutexGuard<'_, Egress> {
        self.asker.egress()
    }

    /// Passes news on.
    fn tell(&mut self, received: Timestamp, news: impl IntoIterator<Item = News>) {
        for news in news {
            self.note_price(&news);
            self.held.push_back(Event { received, news });
        }
    }

    fn end(&mut self) {
        let now = self.now();
        let mut egress = self.asker.egress();
        let links = self.market_link.iter_mut().chain(self.account.iter_mut().map(|(_, link)| link));
        for link in links {
            link.supervisor.stop(now, &mut egress);
            link.socket = None;
        }
    }
}

//! One account of the engine: it waits for its lease, trades while it holds it, and ends in order.

mod gauges;
mod lease;
mod open;

use self::gauges::Gauges;
use self::lease::keep;
use super::hub::Command;
use super::{EngineSettings, READY_ACCOUNTS, WatchAccount};
use crate::bus::{Bus, Lease};
use crate::config::{AccountName, KeySource};
use crate::exchange::Exchange;
use crate::health::Vitals;
use crate::kill::KillWatch;
use crate::live::{Cores, Ended, Fence, LiveError, News, Operator, SessionRecord, Summary, TradeRequest, recorded};
use crate::notify::{Notification, Notifier, Severity};
use crate::record::Recorder;
use anyhow::Context as _;
use calypte_host::Uploads;
use calypte_kernel::Instrument;
use calypte_venues::ambient::Ambient;
use calypte_venues::hyperliquid::protocol::Address;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, mpsc, oneshot, watch};
use tokio::task::JoinHandle;

/// How often there is a look at what an account has to show.
const LOOK: Duration = Duration::from_millis(200);
/// Shortest wait before something is tried again; doubled each time.
const PAUSE_MIN: Duration = Duration::from_millis(100);
/// Longest wait between two attempts.
const PAUSE_MAX: Duration = Duration::from_secs(5);

/// An account, and what trades on it.
pub struct AccountPlan {
    /// Its name: the lease's.
    pub name: AccountName,
    /// What is traded, and how; its duration is not looked at.
    pub request: TradeRequest,
    /// The real account; none: on paper.
    pub live: Option<LiveAccount>,
}

/// A real account.
#[derive(Debug)]
pub struct LiveAccount {
    /// Its address: never an agent's.
    pub user: Address,
    /// Where the key that signs is read.
    pub key: KeySource,
    /// The file that holds the mark of its nonces.
    pub nonces: PathBuf,
}

/// How an account ended.
#[derive(Debug)]
pub struct AccountEnd {
    /// Its name.
    pub name: String,
    /// What its last session amounts to; none: it never traded.
    pub record: Option<SessionRecord>,
    /// Why it ended, other than by being told to.
    pub error: Option<anyhow::Error>,
}

/// What all accounts of an engine share.
pub(super) struct Shared {
    pub(super) bus: Arc<dyn Bus>,
    pub(super) exchange: Exchange,
    pub(super) ambient: Arc<dyn Ambient>,
    pub(super) settings: EngineSettings,
    pub(super) vitals: Vitals,
    /// Whom to tell what somebody should know at once.
    pub(super) notifier: Notifier,
    /// Who watches accounts besides; none: nobody.
    pub(super) watched: Option<WatchAccount>,
    pub(super) uploads: Uploads,
    /// Accounts whose strategies are loaded at once; the others wait for their turn.
    pub(super) loading: Semaphore,
    /// What all strategies compute on.
    pub(super) cores: Cores,
    /// The rules of everything that any of them trades.
    pub(super) instruments: Vec<Instrument>,
    pub(super) hub: mpsc::Sender<Command>,
    pub(super) lines: mpsc::Sender<Vec<String>>,
}

/// Why an account stops trading for now.
enum Left {
    /// It was told to, and ended in order.
    Told,
    /// Another process may trade it.
    LeaseLost,
    /// Something failed that may pass, in words.
    Again(String),
}

/// An account at work.
struct Running {
    session: JoinHandle<Result<Ended, LiveError>>,
    news: mpsc::Sender<News>,
    operator: Operator,
    kill: Option<KillWatch>,
    summary: Summary,
    recorder: Option<Recorder>,
    gauges: Gauges,
    /// Closed by the hub when it lets the account go.
    tied: oneshot::Receiver<std::convert::Infallible>,
    carrier: Option<Carrier>,
}

/// A task between a session and a connector, and what ends it.
type Carrier = (JoinHandle<()>, watch::Sender<bool>);

impl Running {
    /// Looks at the files that kill it, and shows how it is.
    fn look(&mut self) {
        if let Some(kill) = &mut self.kill {
            self.operator.obey(kill);
        }
        self.gauges.look(&self.news);
    }
}

/// Trades an account until it is told to stop or something has to be changed first.
pub(super) async fn run_account(
    shared: Arc<Shared>,
    place: usize,
    plan: AccountPlan,
    mut stopped: watch::Receiver<bool>,
) -> AccountEnd {
    let mut desk = Desk { shared, place, plan, record: None };
    let (mut pause, mut waits_for) = (PAUSE_MIN, None);
    let error = loop {
        if *stopped.borrow_and_update() {
            break None;
        }
        let lease = tokio::select! {
            lease = desk.lease() => match lease {
                Ok(lease) => lease,
                Err(error) => break Some(error.into()),
            },
            () = told_to_stop(&mut stopped) => break None,
        };
        let held = desk.shared.vitals.metrics.lease(desk.plan.name.as_str());
        held.held(true);
        desk.shared.vitals.readiness.met(READY_ACCOUNTS);
        let left = desk.trade(lease, &mut stopped).await;
        held.held(false);
        match left {
            Ok(Left::Told) => break None,
            Ok(Left::LeaseLost) => {
                let words = "its lease is lost: nothing more is sent until it is ours again";
                desk.tell(Severity::Critical, "lease-lost", words);
                desk.say(words).await;
            }
            Ok(Left::Again(why)) => {
                let words = format!("{why}; it is tried again");
                // What fails again and again is told once.
                if waits_for.as_ref() != Some(&why) {
                    desk.tell(Severity::Warning, "account-waits", &words);
                    waits_for = Some(why);
                }
                desk.say(&words).await;
                tokio::time::sleep(pause).await;
                pause = pause.saturating_mul(2).min(PAUSE_MAX);
            }
            Err(error) => break Some(error),
        }
    };
    if let Some(error) = &error {
        let words = format!("{error:#}");
        desk.tell(Severity::Critical, "account-ended", &words);
        desk.say(&words).await;
    }
    AccountEnd { name: desk.plan.name.to_string(), record: desk.record, error }
}

struct Desk {
    shared: Arc<Shared>,
    place: usize,
    plan: AccountPlan,
    record: Option<SessionRecord>,
}

impl Desk {
    /// Tells somebody who may be far away.
    fn tell(&self, severity: Severity, kind: &'static str, words: &str) {
        let (time, account) = (self.shared.ambient.now(), Some(self.plan.name.to_string()));
        self.shared.notifier.tell(Notification { time, severity, kind, account, strategy: None, words: words.to_owned() });
    }

    async fn say(&self, words: &str) {
        self.show(vec![words.to_owned()]).await;
    }

    async fn show(&self, lines: Vec<String>) {
        let lines = lines.into_iter().map(|line| format!("{}: {line}", self.plan.name)).collect::<Vec<_>>();
        if !lines.is_empty() {
            // Nobody shows it any more where the engine ends.
            drop(self.shared.lines.send(lines).await);
        }
    }

    /// Trades as long as the lease lasts.
    async fn trade(&mut self, mut lease: Lease, stopped: &mut watch::Receiver<bool>) -> anyhow::Result<Left> {
        let fence = Fence::new(lease.valid_until());
        let life = self.shared.settings.lease_life;
        let opened = tokio::select! {
            // Boxed: it holds a whole account for the moment that it is put together.
            opened = Box::pin(self.open(fence.clone())) => opened,
            // Rebuilding a long journal takes longer than a lease.
            () = keep(&self.shared.bus, &mut lease, life, &fence) => return Ok(Left::LeaseLost),
        };
        let mut running = match opened {
            Ok(Ok(running)) => running,
            Ok(Err(left)) => {
                self.give_back(&lease).await;
                return Ok(left);
            }
            Err(error) => {
                self.give_back(&lease).await;
                return Err(error);
            }
        };
        let left = self.watch_over(&mut running, &mut lease, &fence, stopped).await;
        // Where it goes wrong the hub has ended, and knows nobody any more.
        drop(self.shared.hub.send(Command::Detach(self.place)).await);
        if let Some((carrier, stop)) = running.carrier.take() {
            stop.send_replace(true);
            // It only closes connections now.
            drop(carrier.await);
        }
        running.look();
        let mut lines = running.summary.take_lines();
        if let Some(recorder) = running.recorder.take() {
            recorded(recorder, &mut |more| lines.extend(more)).await;
        }
        self.show(lines).await;
        if !matches!(left, Ok(Left::LeaseLost)) {
            self.give_back(&lease).await;
        }
        left
    }

    /// Shows what happens, keeps the lease, and tells the session to stop when it is time.
    async fn watch_over(
        &mut self,
        running: &mut Running,
        lease: &mut Lease,
        fence: &Fence,
        stopped: &mut watch::Receiver<bool>,
    ) -> anyhow::Result<Left> {
        let shared = Arc::clone(&self.shared);
        // One future for all of it: a renewal that was given up at each look would never end where the bus takes longer than that.
        let mut kept = std::pin::pin!(keep(&shared.bus, lease, shared.settings.lease_life, fence));
        let mut told = false;
        loop {
            tokio::select! {
                ended = &mut running.session => return self.ended(ended, &running.summary),
                _ = &mut running.tied, if !told => {
                    cut(&mut running.session).await;
                    return Ok(Left::Again("market data is not brought to it".to_owned()));
                }
                () = &mut kept => {
                    cut(&mut running.session).await;
                    return Ok(Left::LeaseLost);
                }
                () = told_to_stop(stopped), if !told => {
                    told = true;
                    // Where nobody takes it, the session has ended, which is seen above.
                    drop(running.news.send(News::Shutdown).await);
                }
                () = tokio::time::sleep(LOOK) => {
                    running.look();
                    self.show(running.summary.take_lines()).await;
                }
            }
        }
    }

    fn ended(
        &mut self,
        ended: Result<Result<Ended, LiveError>, tokio::task::JoinError>,
        summary: &Summary,
    ) -> anyhow::Result<Left> {
        let ended = ended.context("the session's task failed")??;
        self.record = Some(summary.record(&ended.core));
        Ok(Left::Told)
    }
}

/// Waits until the engine is to end, or whoever would say so is gone.
async fn told_to_stop(stopped: &mut watch::Receiver<bool>) {
    // The guard that is given back may not be held across the other branches.
    drop(stopped.wait_for(|stopped| *stopped).await);
}

/// Ends a session where it stands, and waits until it has let its journal go: whoever goes on opens it again.
async fn cut(session: &mut JoinHandle<Result<Ended, LiveError>>) {
    session.abort();
    // That it was ended is no news; that it failed before is the same to whoever begins again.
    drop(session.await);
}

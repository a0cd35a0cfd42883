//! One account of the engine: it waits for its lease, trades while it holds it, and ends in order.

mod gauges;

use self::gauges::Gauges;
use super::feeds::{candles, lanes};
use super::history::BusHistory;
use super::hub::{Attach, Command};
use super::{EngineSettings, READY_ACCOUNTS, WatchAccount};
use crate::bus::{Acquired, Bus, BusError, Lease, LeaseName};
use crate::config::{AccountName, Environment, KeyError, KeySource};
use crate::exchange::Exchange;
use crate::health::logs::Causes;
use crate::health::{Meter, Vitals, Watched};
use crate::kill::KillWatch;
use crate::live::prepare::{session, strategies};
use crate::live::{
    Cores, Ears, Ended, Fence, Known, Link, Listener, LiveError, News, Operator, Paper, Passed, Session, SessionRecord,
    Summary, Surroundings, TradeRequest, Venue, carry, recorded, recorder,
};
use crate::notify::{Notification, Notifier, Severity, Watcher};
use crate::record::Recorder;
use anyhow::Context as _;
use calypte_host::Uploads;
use calypte_kernel::{Deployment, Instrument, InstrumentId};
use calypte_venues::ambient::Ambient;
use calypte_venues::connector::{self, Connector, Opened};
use calypte_venues::hyperliquid::AccountSettings;
use calypte_venues::hyperliquid::protocol::Address;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// Most news that wait for an account.
const NEWS_MAX: usize = 1_024;
/// How often there is a look at what an account has to show.
const LOOK: Duration = Duration::from_millis(200);
/// The lease is renewed so many times within its life.
const RENEWALS: u32 = 3;
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

/// Where prices are handed in that market orders go by; none: on paper.
type Prices = Option<mpsc::Sender<connector::Request>>;

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

    /// The account's lease, once it is ours.
    async fn lease(&self) -> Result<Lease, BusError> {
        let name: LeaseName = format!("account.{}", self.plan.name).parse().expect("names of accounts leave room for it");
        let (bus, settings) = (&self.shared.bus, &self.shared.settings);
        let mut told = false;
        let mut pause = PAUSE_MIN;
        loop {
            match bus.acquire(&name, &settings.name, settings.lease_life).await {
                Ok(Acquired::Ours(lease)) => return Ok(lease),
                Ok(Acquired::Taken { holder, remaining }) => {
                    if !std::mem::replace(&mut told, true) {
                        self.say(&format!("{holder} trades it: waiting until its lease ends")).await;
                    }
                    tokio::time::sleep(remaining.clamp(PAUSE_MIN, PAUSE_MAX)).await;
                }
                Err(error) if error.may_pass() => {
                    tracing::warn!(error = %Causes(&error), account = %self.plan.name, "the lease cannot be asked for");
                    tokio::time::sleep(pause).await;
                    pause = pause.saturating_mul(2).min(PAUSE_MAX);
                }
                Err(error) => return Err(error),
            }
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

    async fn give_back(&self, lease: &Lease) {
        if let Err(error) = self.shared.bus.release(lease).await {
            tracing::info!(error = %Causes(&error), account = %self.plan.name, "the lease was not given back: it runs out by itself");
        }
    }

    /// Puts the account together and lets its session begin.
    async fn open(&self, fence: Fence) -> anyhow::Result<Result<Running, Left>> {
        let (shared, request) = (&self.shared, &self.plan.request);
        let loaded = strategies(request, &shared.uploads, &shared.cores).await?;
        let mut connector = self.connector()?;
        let opened = match &mut connector {
            None => self.opened()?,
            Some(connector) => match connector.start().await {
                Ok(opened) => opened,
                Err(connector::CannotStart::Unreachable(why)) => return Ok(Err(Left::Again(why))),
                Err(refused) => return Err(refused.into()),
            },
        };
        self.show(opened.warnings.iter().map(|warning| format!("warning: {warning}")).collect()).await;
        let series = request.series();
        let core = request.core(&opened, &series);
        let names = loaded.iter().map(|(loaded, _)| (loaded.id, loaded.name.clone())).collect::<BTreeMap<_, _>>();
        let metrics = shared.vitals.metrics.account(self.plan.name.as_str());
        let meter = Meter::new(metrics, names.iter().map(|(id, name)| (*id, name.as_str())));
        let summary = Summary::new(Arc::clone(&core.instruments), names.clone());
        let watcher = Watcher::new(shared.notifier.clone(), self.plan.name.as_str(), Arc::clone(&core.instruments), names);
        let mut watchers: Vec<Box<dyn Listener>> = vec![Box::new(summary.clone()), Box::new(meter), Box::new(watcher)];
        watchers.extend(shared.watched.as_ref().map(|watch| watch(&self.plan.name)));
        let (news, told) = mpsc::channel(NEWS_MAX);
        let (venue, prices, carrier) = self.venue(connector, &opened, &news, fence)?;
        let mut lines = Vec::new();
        let recorder = recorder(request, &mut |more| lines.extend(more)).await?;
        let history = BusHistory::new(
            Arc::clone(&shared.bus),
            candles(request),
            Arc::clone(&shared.ambient),
            shared.settings.history_wait,
        );
        let surroundings = Surroundings {
            venue,
            history: Arc::new(history),
            ambient: Arc::clone(&shared.ambient),
            listener: Box::new(watchers),
        };
        let (session, deployments) = session(request, core, &loaded, surroundings, &mut |more| lines.extend(more)).await?;
        self.show(lines).await;
        let (ears, operator) = Ears::new(told);
        let mut kill = request.kill.clone().map(KillWatch::new);
        // Who is killed already does not begin.
        if let Some(kill) = &mut kill {
            operator.obey(kill);
        }
        let metrics = &shared.vitals.metrics;
        let gauges = Gauges::new(metrics, self.plan.name.as_str(), session.written(), recorder.as_ref());
        let (session, tied) = self.begin((session, deployments), (news.clone(), ears), prices).await?;
        Ok(Ok(Running { session, news, operator, kill, summary, recorder, gauges, tied, carrier }))
    }

    /// Where its orders go. Of a real account also where prices are handed in, and the task that carries what is said there.
    fn venue(
        &self,
        connector: Option<Box<dyn Connector>>,
        opened: &Opened,
        news: &mpsc::Sender<News>,
        fence: Fence,
    ) -> anyhow::Result<(Box<dyn Venue>, Prices, Option<Carrier>)> {
        match (&self.plan.request.paper, connector) {
            (Some((_, paper)), _) => Ok((Box::new(Paper::new(*paper, &opened.instruments)?), None, None)),
            (None, Some(connector)) => {
                let (link, asked) = Link::new();
                let prices = link.sender();
                let (stop, is_stopped) = watch::channel(false);
                let (_, is_open) = watch::channel(Some(Known::new()));
                let carried = carry(connector, asked, news.clone(), (Passed::default(), Vec::new()), is_open, is_stopped);
                Ok((Box::new(link.fenced(fence)), Some(prices), Some((tokio::spawn(carried), stop))))
            }
            (None, None) => anyhow::bail!("the account {} is real and has no key", self.plan.name),
        }
    }

    /// Lets the session begin, and the hub bring it what it missed and what is new.
    async fn begin(
        &self,
        (session, deployments): (Session, Vec<Deployment>),
        (news, ears): (mpsc::Sender<News>, Ears),
        prices: Option<mpsc::Sender<connector::Request>>,
    ) -> anyhow::Result<(JoinHandle<Result<Ended, LiveError>>, oneshot::Receiver<std::convert::Infallible>)> {
        let (known, since) = (session.known(), session.last_input());
        let mut lanes = lanes(&self.plan.request);
        for lane in &mut lanes {
            if let calypte_kernel::Feed::Candles(series) = lane.feed {
                lane.known = known.get(&series).copied();
            }
        }
        let session = tokio::spawn(session.run(deployments, ears));
        let (tie, tied) = oneshot::channel();
        let attach = Attach { account: self.place, news, lanes, prices, since, tie };
        self.shared.hub.send(Command::Attach(attach)).await.ok().context("market data is read no longer")?;
        Ok((session, tied))
    }

    /// A connector where the account is real.
    fn connector(&self) -> Result<Option<Box<dyn Connector>>, KeyError> {
        let Some(live) = &self.plan.live else { return Ok(None) };
        let account = AccountSettings {
            user: live.user,
            key: live.key.read(&Environment::of_process())?.0,
            nonces: live.nonces.clone(),
            fills_known: None,
        };
        let connector = self.shared.exchange.connector(self.plan.request.symbols.clone(), Vec::new(), Some(account));
        let metrics = &self.shared.vitals.metrics;
        Ok(Some(Box::new(Watched::new(Box::new(connector), metrics, Some(self.plan.name.as_str())))))
    }

    /// On paper: what the exchange said of the account's instruments, in the account's own numbers.
    fn opened(&self) -> anyhow::Result<Opened> {
        let numbered = (0..).zip(&self.plan.request.symbols).map(|(number, symbol)| {
            let known = self.shared.instruments.iter().find(|instrument| &instrument.symbol == symbol);
            known.map(|instrument| Instrument { id: InstrumentId::new(number), ..instrument.clone() })
        });
        let instruments = numbered.collect::<Option<Vec<_>>>().context("the exchange did not say what it trades")?;
        Ok(Opened { instruments, fees: None, warnings: Vec::new() })
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

/// Renews a lease as long as it is ours.
async fn keep(bus: &Arc<dyn Bus>, lease: &mut Lease, life: Duration, fence: &Fence) {
    while renewal(bus, lease, life, fence).await {}
}

/// Renews a lease when it is time to; whether it is still ours.
async fn renewal(bus: &Arc<dyn Bus>, lease: &mut Lease, life: Duration, fence: &Fence) -> bool {
    let late = life.saturating_sub(life / RENEWALS);
    let due = lease.valid_until().checked_sub(late).unwrap_or_else(Instant::now);
    tokio::time::sleep_until(due).await;
    match bus.renew(lease, life).await {
        Ok(()) => fence.extend(lease.valid_until()),
        Err(error) if error.may_pass() => {
            tracing::warn!(error = %Causes(&error), lease = %lease.name(), "a lease is not renewed");
            tokio::time::sleep(PAUSE_MIN).await;
        }
        Err(error) => {
            tracing::error!(error = %Causes(&error), "the account may be traded by another process");
            return false;
        }
    }
    fence.holds()
}

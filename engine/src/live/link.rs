//! Between a session and a connector: requests go one way, news the other, and candles that pass are kept as history.

use super::fence::Fence;
use super::history::{HISTORY_MAX, History, HistoryError};
use super::session::News;
use super::venue::{Request, Venue};
use async_trait::async_trait;
use calypte_kernel::{Candle, Command, MarketEvent, Refusal, RequestKind, SeriesId, SeriesInfo, Timestamp, VenueEvent};
use calypte_venues::connector::{self, Connector, NotTaken, REQUESTS_MAX};
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{mpsc, watch};

/// Requests that are tried again later, at most: questions, which may wait.
const PUT_OFF_MAX: usize = 256;

/// Why something was not sent: a stable code, and words.
const BUSY: (&str, &str) = ("venue-busy", "as many requests wait for the exchange as may");
const LEASE_LOST: (&str, &str) = ("lease-lost", "another process may trade the account");

/// The venue of a live account: whatever it is asked goes to the connector's task.
#[derive(Debug)]
pub struct Link {
    requests: mpsc::Sender<connector::Request>,
    /// What was refused here because too much waits already.
    refused: VecDeque<VenueEvent>,
    /// Where only one process may trade the account: until when it is us.
    fence: Option<Fence>,
}

impl Link {
    /// A link, and where its requests come out.
    pub fn new() -> (Self, mpsc::Receiver<connector::Request>) {
        let (requests, asked) = mpsc::channel(REQUESTS_MAX);
        (Self { requests, refused: VecDeque::new(), fence: None }, asked)
    }

    /// One that sends nothing once the fence has fallen.
    pub fn fenced(self, fence: Fence) -> Self {
        Self { fence: Some(fence), ..self }
    }

    /// Where requests that are not the core's are handed in.
    pub fn sender(&self) -> mpsc::Sender<connector::Request> {
        self.requests.clone()
    }
}

impl Venue for Link {
    fn ask(&mut self, _now: Timestamp, request: Request) {
        let request = match request {
            Request::Send(batch) => connector::Request::Send(batch),
            Request::Resolve(resolve) => connector::Request::Resolve(resolve),
            Request::ResolveLeverage(instrument) => connector::Request::ResolveLeverage(instrument),
            Request::Reconcile(cause) => connector::Request::Reconcile(cause),
        };
        if self.fence.as_ref().is_some_and(|fence| !fence.holds()) {
            self.refused.extend(refusals(request, LEASE_LOST));
            return;
        }
        if let Err(mpsc::error::TrySendError::Full(request) | mpsc::error::TrySendError::Closed(request)) =
            self.requests.try_send(request)
        {
            self.refused.extend(refusals(request, BUSY));
        }
    }

    fn market(&mut self, _now: Timestamp, _event: &MarketEvent) {}

    fn poll(&mut self) -> Option<VenueEvent> {
        self.refused.pop_front()
    }
}

/// What the core is told of commands that were not sent and will not be.
fn refusals(request: connector::Request, (code, why): (&'static str, &'static str)) -> Vec<VenueEvent> {
    let connector::Request::Send(batch) = request else { return Vec::new() };
    let refusal = || Refusal { code: code.into(), message: format!("{why}; it was not sent") };
    let told = batch.commands.into_iter().filter_map(|command| match command.into_inner() {
        Command::Place(order) => Some(VenueEvent::Rejected { order: order.client_id, refusal: refusal() }),
        Command::Amend { order, .. } => {
            Some(VenueEvent::RequestRejected { order, request: RequestKind::Amend, refusal: refusal() })
        }
        Command::Cancel { order, .. } => {
            Some(VenueEvent::RequestRejected { order, request: RequestKind::Cancel, refusal: refusal() })
        }
        Command::SetLeverage { instrument, .. } => Some(VenueEvent::LeverageRejected { instrument, refusal: refusal() }),
        Command::ScheduleCancel { .. } => Some(VenueEvent::CancelScheduleRejected { refusal: refusal() }),
        // The core looks for orders that are not ours again.
        Command::CancelOutside { .. } => None,
    });
    told.collect()
}

/// When the latest candle opened that an account had before, by series.
pub type Known = BTreeMap<SeriesId, Timestamp>;

/// Candles that passed, the newest of each series. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct Passed(Arc<Mutex<BTreeMap<SeriesId, VecDeque<Candle>>>>);

impl Passed {
    /// Whether the candle that closed last by `now` is there.
    pub fn is_up_to(&self, series: &SeriesInfo, now: Timestamp) -> bool {
        let latest = self.lock().get(&series.id).and_then(|kept| kept.back()).map(|candle| candle.open_time);
        latest.is_some_and(|latest| series.timeframe.close_of(latest) >= series.timeframe.open_of(now))
    }

    /// Candles after those that are known of each series, in true order: shorter ones first where several closed at once.
    fn after(&self, known: &Known, infos: &[SeriesInfo]) -> Vec<MarketEvent> {
        let kept = self.lock();
        let mut missed = Vec::new();
        for info in infos {
            let Some(latest) = known.get(&info.id) else { continue };
            let newer = kept.get(&info.id).into_iter().flatten().filter(|candle| candle.open_time > *latest);
            let placed = |candle: &Candle| (info.timeframe.close_of(candle.open_time), info.timeframe, info.instrument);
            missed.extend(newer.map(|candle| (placed(candle), MarketEvent::Candle { series: info.id, candle: *candle })));
        }
        missed.sort_by_key(|(place, _)| *place);
        missed.into_iter().map(|(_, event)| event).collect()
    }

    fn keep(&self, series: SeriesId, candle: Candle) {
        let mut kept = self.lock();
        let kept = kept.entry(series).or_default();
        if kept.back().is_some_and(|last| last.open_time >= candle.open_time) {
            return;
        }
        if kept.len() == HISTORY_MAX as usize {
            kept.pop_front();
        }
        kept.push_back(candle);
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<SeriesId, VecDeque<Candle>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl History for Passed {
    async fn candles(&self, series: SeriesInfo, count: u32, until: Timestamp) -> Result<Vec<Candle>, HistoryError> {
        let length = i64::try_from(series.timeframe.as_millis()).unwrap_or(i64::MAX);
        let kept = self.lock();
        let Some(kept) = kept.get(&series.id) else { return Ok(Vec::new()) };
        let closed = kept.iter().filter(|candle| candle.open_time.as_millis().saturating_add(length) <= until.as_millis());
        let closed = closed.copied().collect::<Vec<_>>();
        Ok(closed[closed.len().saturating_sub(count as usize)..].to_vec())
    }
}

/// Carries requests and news until the connector stops or `stop` says so. Until `open` says that the session has begun, candles are
/// only kept: they are history. What an account that goes on missed of them is brought then.
pub async fn carry(
    mut connector: Box<dyn Connector>,
    mut requests: mpsc::Receiver<connector::Request>,
    news: mpsc::Sender<News>,
    (passed, infos): (Passed, Vec<SeriesInfo>),
    mut open: watch::Receiver<Option<Known>>,
    mut stop: watch::Receiver<bool>,
) {
    let mut put_off: VecDeque<connector::Request> = VecDeque::new();
    let mut is_open = false;
    loop {
        // The guard of what is watched may not live on.
        let known = if is_open { None } else { open.borrow_and_update().clone() };
        if let Some(known) = known {
            is_open = true;
            for event in passed.after(&known, &infos) {
                if news.send(News::Market(event)).await.is_err() {
                    break;
                }
            }
        }
        while let Some(request) = put_off.pop_front() {
            if let Err(NotTaken::Full(request)) = connector.request(request) {
                put_off.push_front(*request);
                break;
            }
        }
        tokio::select! {
            () = stopped(&mut stop) => break,
            Ok(()) = open.changed(), if !is_open => {}
            Some(request) = requests.recv() => {
                let Err(NotTaken::Full(request) | NotTaken::NotRunning(request)) = connector.request(request) else { continue };
                if matches!(*request, connector::Request::Send(_)) {
                    for event in refusals(*request, BUSY) {
                        if news.send(News::Venue(event)).await.is_err() {
                            break;
                        }
                    }
                } else if put_off.len() < PUT_OFF_MAX {
                    put_off.push_back(*request);
                } else {
                    tracing::error!(?request, "a question to the exchange is given up: too many wait");
                }
            }
            event = connector.next() => {
                let Some(event) = event else { break };
                let told = match event.news {
                    connector::News::Market(event) => {
                        if let MarketEvent::Candle { series, candle } = &event {
                            passed.keep(*series, *candle);
                        }
                        // What the market did before the session began is history.
                        if !is_open && matches!(event, MarketEvent::Candle { .. }) {
                            continue;
                        }
                        News::Market(event)
                    }
                    connector::News::Venue(event) => News::Venue(event),
                    connector::News::Notice(notice) => {
                        tracing::warn!(?notice, "the connector says");
                        continue;
                    }
                };
                if news.send(told).await.is_err() {
                    break;
                }
            }
        }
    }
    connector.stop().await;
}

/// Waits until the session is over, or whoever would say so is gone.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    // The guard that is given back may not be held across the other branches.
    drop(stop.wait_for(|stop| *stop).await);
}

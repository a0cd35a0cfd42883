//! How an account is put together: its strategies, its connector, its session, and whoever watches it.

use super::super::BeginningAccount;
use super::super::feeds::{candles, lanes};
use super::super::history::BusHistory;
use super::super::hub::{Attach, Command};
use super::gauges::Gauges;
use super::{Carrier, Desk, Left, Running};
use crate::config::{Environment, KeyError};
use crate::health::{Meter, Watched};
use crate::kill::KillWatch;
use crate::live::prepare::{session, strategies};
use crate::live::{
    Ears, Ended, Fence, Known, Link, Listener, LiveError, News, Paper, Passed, Session, Summary, Surroundings, Venue, carry,
    recorder,
};
use crate::notify::Watcher;
use anyhow::Context as _;
use calypte_kernel::{Deployment, Instrument, InstrumentId};
use calypte_venues::connector::{self, Connector, Opened};
use calypte_venues::hyperliquid::AccountSettings;
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;

/// Most news that wait for an account.
const NEWS_MAX: usize = 1_024;

/// Where prices are handed in that market orders go by; none: on paper.
type Prices = Option<mpsc::Sender<connector::Request>>;

impl Desk {
    /// Puts the account together and lets its session begin.
    pub(super) async fn open(&self, fence: Fence) -> anyhow::Result<Result<Running, Left>> {
        let (shared, request) = (&self.shared, &self.plan.request);
        let loaded = {
            let _turn = shared.loading.acquire().await.context("the engine ends")?;
            strategies(request, &shared.uploads, &shared.cores).await?
        };
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
        let begun = BeginningAccount { account: &self.plan.name, instruments: &core.instruments, strategies: &names };
        let watcher =
            Watcher::new(shared.notifier.clone(), self.plan.name.as_str(), Arc::clone(&core.instruments), names.clone());
        let mut watchers: Vec<Box<dyn Listener>> = vec![Box::new(summary.clone()), Box::new(meter), Box::new(watcher)];
        watchers.extend(shared.watched.as_ref().map(|watch| watch(&begun)));
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
}

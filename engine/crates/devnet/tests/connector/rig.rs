//! The core, the connector and the exchange, put together on one clock; and the loop that a shell runs around a core.

use super::random::Random;
use super::trader::{self, Market, own};
use calypte_devnet::exchange::{AccountMode, Liquidity, Settings as ExchangeSettings};
use calypte_devnet::node::{Node, NodeSettings};
use calypte_devnet::server::InProcess;
use calypte_kernel::{
    AccountId, Books, ClientOrderId, Command, CoreSettings, Decimal, Deliver, Deployment, Feed, Holds, HookEnded, Input,
    InstrumentId, KnownEvents, MarketEvent, Output, SeriesId, SeriesInfo, StrategyId, Timeframe, Timestamp, TradingCore,
};
use calypte_venues::ambient::Ambient;
use calypte_venues::connector::{Connector as _, News, Notice, Request};
use calypte_venues::hyperliquid::budget::{Egress, EgressLimits};
use calypte_venues::hyperliquid::protocol::{Address, Millis};
use calypte_venues::hyperliquid::sign::{Network, SecretKey};
use calypte_venues::hyperliquid::{AccountSettings, Hyperliquid, Settings};
use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// Half a minute before a full hour, when funding is paid.
const START: u64 = 1_763_802_000_000 - 30_000;
/// What the account begins with.
const DEPOSIT: u64 = 10_000;
/// How many of the exchange's coins are traded, each by a strategy of its own.
pub(crate) const INSTRUMENTS: u32 = 2;
/// How often strategies decide.
const TICK_MS: u64 = 900;

/// The clock of a run, and its chance.
pub(crate) struct Clock {
    began: Instant,
    chance: Mutex<Random>,
}

impl Clock {
    fn new(seed: u64) -> Self {
        Self { began: Instant::now(), chance: Mutex::new(Random::new(seed)) }
    }

    /// When a time of the exchange's is on the runtime's clock.
    fn instant(&self, time: Timestamp) -> Instant {
        let start = Timestamp::from_millis(START.cast_signed());
        self.began + Duration::from_millis(time.millis_since(start))
    }
}

impl Ambient for Clock {
    fn now(&self) -> Timestamp {
        let since = u64::try_from(self.began.elapsed().as_millis()).expect("runs are short");
        Timestamp::from_millis(START.cast_signed()).saturating_add(since)
    }

    fn chance(&self) -> u32 {
        let drawn = self.chance.lock().unwrap_or_else(PoisonError::into_inner).next();
        u32::try_from(drawn >> 32).expect("half of the bits")
    }
}

/// Whose account a run trades for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The signer's own.
    Own,
    /// A sub-account of the signer's.
    Sub,
    /// One that keeps its collateral among its spot balances.
    Unified,
}

impl Kind {
    /// Drawn from the seed: half of the runs are the signer's own account's.
    const fn of(seed: u64) -> Self {
        match seed % 4 {
            0 => Self::Sub,
            1 => Self::Unified,
            _ => Self::Own,
        }
    }
}

/// Everything of a run.
pub(crate) struct Rig {
    clock: Arc<Clock>,
    /// The exchange.
    pub(crate) devnet: InProcess,
    connector: Hyperliquid,
    /// The core.
    pub(crate) core: TradingCore,
    /// What its account is.
    pub(crate) kind: Kind,
    /// The account's address.
    pub(crate) user: Address,
    random: Random,
    markets: BTreeMap<InstrumentId, Market>,
    /// Whether strategies have stopped wanting anything.
    pub(crate) calm: bool,
    /// Orders that the core sent, with how many exits were attached to each.
    pub(crate) placed: BTreeMap<ClientOrderId, u8>,
    /// How often an order was to be amended.
    pub(crate) amended: BTreeMap<ClientOrderId, usize>,
    /// How often a connection was lost.
    pub(crate) lost: u64,
    /// What was heard and said, for whoever looks for a fault.
    pub(crate) story: Option<String>,
    _folder: tempfile::TempDir,
}

/// The exchange, and the address of the account that is traded for.
fn node(seed: u64, signer: Address) -> (Node, Address) {
    let mut exchange = ExchangeSettings::new(seed, Millis::new(START).expect("a time"));
    exchange.universe.truncate(INSTRUMENTS as usize);
    exchange.deposits = vec![(signer, Decimal::from(DEPOSIT))];
    exchange.history_minutes = 5;
    exchange.liquidity = Liquidity { levels: 6, level_notional: Decimal::from(400), ..Liquidity::default() };
    let mut node = Node::new(NodeSettings::new(exchange)).expect("the settings make sense");
    match Kind::of(seed) {
        Kind::Own => (node, signer),
        Kind::Unified => {
            node.set_mode(signer, AccountMode::Unified).expect("the account is there");
            (node, signer)
        }
        Kind::Sub => {
            let user = node.sub_account(signer, "second").expect("it is made");
            node.deposit(user, Decimal::from(DEPOSIT)).expect("it can be paid in");
            (node, user)
        }
    }
}

fn series() -> Vec<SeriesInfo> {
    let of = |id| SeriesInfo { id: SeriesId::new(id), instrument: InstrumentId::new(id), timeframe: Timeframe::MINUTE };
    (0..INSTRUMENTS).map(of).collect()
}

impl Rig {
    /// One that trades.
    pub(crate) async fn started(seed: u64, is_told: bool) -> Self {
        let clock = Arc::new(Clock::new(seed));
        let ambient: Arc<dyn Ambient> = Arc::<Clock>::clone(&clock);
        let key = SecretKey::from_bytes(&[7; 32]).expect("a key");
        let (node, user) = node(seed, key.address());
        let devnet = InProcess::serve(node, Arc::clone(&ambient));
        let folder = tempfile::tempdir().expect("a folder can be made");
        let account = AccountSettings { user, key, nonces: folder.path().join("nonces"), fills_known: None };
        let settings = Settings {
            network: Network::Testnet,
            symbols: ["BTC", "ETH"].iter().map(|symbol| symbol.parse().expect("a symbol")).collect(),
            series: series(),
            account: Some(account),
            slippage: Decimal::new(5, 2),
        };
        let egress = Arc::new(Mutex::new(Egress::new(EgressLimits::default())));
        let mut connector = Hyperliquid::new(settings, devnet.local_wires(), egress, ambient);
        let opened = connector.start().await.expect("nothing goes wrong at first");
        let core = CoreSettings {
            live: true,
            books: Books::Netted,
            holds: Holds { trailing: false, ..Holds::ALL },
            fees: opened.fees.unwrap_or_default(),
            ..CoreSettings::new(AccountId::new(1), opened.instruments.as_slice().into(), series().into())
        };
        let story = is_told.then(String::new);
        let mut rig = Self {
            core: TradingCore::new(core).expect("the settings make sense"),
            clock,
            devnet,
            connector,
            kind: Kind::of(seed),
            user,
            random: Random::new(!seed),
            markets: BTreeMap::new(),
            calm: false,
            placed: BTreeMap::new(),
            amended: BTreeMap::new(),
            lost: 0,
            story,
            _folder: folder,
        };
        rig.begin();
        rig
    }

    fn begin(&mut self) {
        for id in 0..INSTRUMENTS {
            let (instrument, series) = (InstrumentId::new(id), SeriesId::new(id));
            for feed in [Feed::Quotes(instrument), Feed::Context(instrument), Feed::Candles(series)] {
                self.ask(Request::Subscribe { feed, after: None });
            }
        }
        for id in 1..=INSTRUMENTS {
            let strategy = StrategyId::new(id);
            let deployment =
                Deployment { tick_interval_ms: Some(TICK_MS), ..Deployment::new(strategy, Arc::default(), KnownEvents::ALL) };
            self.handle(Input::Deploy(Box::new(deployment)));
            self.handle(Input::Start(strategy));
        }
    }

    /// Lets time pass.
    pub(crate) async fn live(&mut self, span: Duration) {
        let until = Instant::now() + span;
        loop {
            let wake = self.core.next_wake().map(|due| self.clock.instant(due));
            let due = wake.map_or(until, |wake| wake.min(until));
            tokio::select! {
                biased; // the same order in each run
                event = self.connector.next() => self.hear(event.expect("nobody stopped it").news),
                () = sleep_until(due) => {
                    if due >= until {
                        return;
                    }
                    self.handle(Input::Wake);
                }
            }
        }
    }

    fn hear(&mut self, news: News) {
        match news {
            News::Market(event) => {
                if let MarketEvent::Quote(quote) = &event {
                    let middle = quote.bid.price.get().saturating_add(quote.ask.price.get()) / Decimal::TWO;
                    let place = usize::try_from(quote.instrument.get()).expect("few");
                    let rules = self.core.settings().instruments[place].rules;
                    self.markets.insert(quote.instrument, Market { middle, rules });
                }
                self.handle(Input::Market(event));
            }
            News::Venue(event) => self.handle(Input::Venue(event)),
            News::Notice(notice) => {
                self.lost += u64::from(matches!(notice, Notice::Lost { .. }));
                self.tell(|| format!("notice {notice:?}"));
            }
        }
    }

    /// Gives the core an input, and does what follows. Hooks end at once.
    fn handle(&mut self, input: Input) {
        let mut inputs = VecDeque::from([input]);
        while let Some(input) = inputs.pop_front() {
            if !matches!(input, Input::Market(MarketEvent::Quote(_) | MarketEvent::Context(_))) {
                self.tell(|| format!("in  {input:?}"));
            }
            self.core.handle(self.clock.now(), input);
            while let Some(output) = self.core.poll() {
                match output {
                    Output::Deliver(deliver) => inputs.push_back(Input::HookEnded(self.answer(&deliver))),
                    Output::Send(batch) => {
                        for command in &batch.commands {
                            self.note(command.get());
                        }
                        self.ask(Request::Send(batch));
                    }
                    Output::Resolve(resolve) => self.ask(Request::Resolve(resolve)),
                    Output::ResolveLeverage(instrument) => self.ask(Request::ResolveLeverage(instrument)),
                    Output::Reconcile(cause) => self.ask(Request::Reconcile(cause)),
                    other => self.tell(|| format!("out {other:?}")),
                }
            }
        }
    }

    fn answer(&mut self, deliver: &Deliver) -> HookEnded {
        let market = self.markets.get(&own(deliver.strategy)).copied().filter(|_| !self.calm);
        let answer = trader::answer(deliver, market, &mut self.random);
        HookEnded { strategy: deliver.strategy, number: deliver.number, answer, effects: None, fuel: 1 }
    }

    fn ask(&mut self, request: Request) {
        self.tell(|| format!("ask {request:?}"));
        self.connector.request(request).expect("it runs, and few requests wait");
    }

    fn note(&mut self, command: &Command) {
        match command {
            Command::Place(order) => {
                let legs = if order.exits.is_some() { 2 } else { 0 };
                self.placed.insert(order.client_id, legs);
            }
            Command::Amend { order, .. } => *self.amended.entry(*order).or_default() += 1,
            _ => {}
        }
    }

    fn tell(&mut self, words: impl FnOnce() -> String) {
        let now = self.clock.now();
        if let Some(story) = &mut self.story {
            writeln!(story, "{} {}", now.as_millis() - START.cast_signed(), words()).expect("text grows");
        }
    }

    /// Every connection is open with all of its feeds, and nothing is asked for in place of one.
    pub(crate) fn everything_flows(&self) -> Result<(), String> {
        let health = self.connector.health();
        let live = health.connections.iter().all(|connection| connection.is_live);
        if live && !health.connections.is_empty() { Ok(()) } else { Err(format!("not everything flows: {health:?}")) }
    }

    /// Writes something into the story.
    pub(crate) fn say(&mut self, words: &str) {
        self.tell(|| words.to_owned());
    }
}

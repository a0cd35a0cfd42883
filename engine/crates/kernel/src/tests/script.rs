//! A script of inputs, replayed: the words that the tests of the core are written in.
//!
//! ```text
//! limit open-orders 2          a limit, before anything else
//! live | netted | opposite | holds-nothing | saves              settings of the account, before anything else
//! running                      strategy 1 is deployed, hears series 0, runs at time 0, and BTC stands at 100; not written down
//! deploy 2 [tick 60000] [shares] [restart resume|reduce|flatten|hold] [knows candle order]
//! start 2 | stop 2 | wake | at 60000
//! params 1 5 | upgrade 1 [tick …] | checkpoint | shutdown 60000
//! candle 0 101 [open 0]        a flat candle of a series; the time stays
//! answer [@2] buy 1 market; cancel 1
//! report 0 1.5 [entry 100] [leverage 5] [liquidated 80] [time 7] | balance 50 | lost | recovered
//! snapshot [0=1.5]… [c1@90]… [cash 1000] [time 7]
//! accept c1 | cancelled c1 | fill c1 0.5 100 [fee 0.1] [trade 7] | …
//! unanswered c1 | absent c1 12000 | open c1 1 90 12000 | request-rejected c1 [cancel] | …   [v 7]: of that form
//! external 7 buy 1 90 | external-gone 7 | external-fill 7 buy 1 90 [trade 7] [liquidation | deleveraging | settlement]
//! leverage-set 5 [as-of 10] | leverage-rejected | scheduled 30000 | scheduled never | schedule-rejected
//! opened 1                     a new process took over, in that epoch
//! show | states                what the core holds
//! hold                         from here on hooks end only where a line says so
//! ```
//!
//! Where it is not told to hold, a hook that is out ends with nothing before the next line.

mod intents;
mod venue;
mod words;

use crate::*;
use intents::{intent, subscription};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use words::write_output;

/// Replays a script and gives what came of it.
pub(super) fn replay(script: &str) -> String {
    Script::played(script).transcript
}

/// A number as it is written.
pub(super) fn number(text: &str) -> Decimal {
    text.parse().unwrap_or_else(|error| panic!("{text:?} is not a number: {error}"))
}

/// Settings of an account with two instruments (BTC by Hyperliquid's rules, ETH with a fixed tick) and three series.
pub(super) fn settings(limits: Limits) -> CoreSettings {
    let instrument = |id, symbol: &str, rules| {
        let symbol = symbol.parse().expect("a symbol");
        Instrument::new(InstrumentId::new(id), symbol, rules)
    };
    let series = |id, instrument, minutes: u64| SeriesInfo {
        id: SeriesId::new(id),
        instrument: InstrumentId::new(instrument),
        timeframe: Timeframe::from_millis(minutes * 60_000).expect("minutes"),
    };
    let eth = Rules { tick_size: number("0.25"), size_decimals: 1, ..Rules::ANY };
    let instruments = [instrument(0, "BTC", Rules::hyperliquid(3, 40)), instrument(1, "ETH", eth)];
    let series = [series(0, 0, 1), series(1, 0, 5), series(2, 1, 1)];
    CoreSettings { cash: number("1000"), limits, ..CoreSettings::new(AccountId::new(9), instruments.into(), series.into()) }
}

pub(super) struct Script {
    lines: Vec<String>,
    line: usize,
    settings: CoreSettings,
    /// What the strategies deployed from here on declare.
    risk: StrategyRisk,
    core: Option<TradingCore>,
    now: Timestamp,
    holding: bool,
    quiet: bool,
    out: BTreeMap<StrategyId, Deliver>,
    /// Orders in the order they were sent: c1 is the first.
    sent: Vec<NewOrder>,
    trades: u64,
    /// Every order event that was handed out, and to whom.
    pub(super) told: Vec<(StrategyId, OrderEvent)>,
    /// The event that intents answered last.
    pub(super) answered: EventNumber,
    pub(super) transcript: String,
}

impl Script {
    pub(super) fn new(script: &str) -> Self {
        Self {
            lines: script.lines().map(|line| line.trim().to_owned()).filter(|line| !line.is_empty()).collect(),
            line: 0,
            settings: settings(Limits::default()),
            risk: StrategyRisk::NONE,
            core: None,
            now: Timestamp::from_millis(0),
            holding: false,
            quiet: false,
            out: BTreeMap::new(),
            sent: Vec::new(),
            trades: 0,
            told: Vec::new(),
            answered: EventNumber::new(0),
            transcript: String::new(),
        }
    }

    /// A script that was run to its end.
    pub(super) fn played(script: &str) -> Self {
        let mut script = Self::new(script);
        while script.step() {}
        script
    }

    pub(super) fn core(&mut self) -> &mut TradingCore {
        let settings = &self.settings;
        self.core.get_or_insert_with(|| TradingCore::new(settings.clone()).expect("sound settings"))
    }

    /// Where the order that was sent first (1), second (2) and so on is in its life.
    pub(super) fn state_of(&mut self, order: usize) -> Option<OrderState> {
        let name = self.sent[order - 1].client_id;
        self.core().state_of(name)
    }

    /// Orders in the order they were sent.
    pub(super) fn sent(&self) -> &[NewOrder] {
        &self.sent
    }

    /// Runs more lines.
    pub(super) fn run(&mut self, lines: &str) {
        self.lines.extend(lines.lines().map(|line| line.trim().to_owned()).filter(|line| !line.is_empty()));
        while self.step() {}
    }

    /// Runs the next line; false at the end.
    pub(super) fn step(&mut self) -> bool {
        let Some(line) = self.lines.get(self.line).cloned() else {
            if !self.holding {
                self.settle();
            }
            return false;
        };
        self.line += 1;
        let (verb, rest) = line.split_once(' ').unwrap_or((&line, ""));
        if verb != "answer" && !self.holding {
            self.settle();
        }
        let words: Vec<&str> = rest.split_whitespace().collect();
        match verb {
            "limit" => self.limit(&words),
            "at" => self.now = Timestamp::from_millis(words[0].parse().expect("a time")),
            "live" => self.settings.live = true,
            "saves" => self.settings.saves = true,
            "netted" => self.settings.books = Books::Netted,
            "opposite" => self.settings.netting = Netting::Allow,
            "holds-nothing" => self.settings.holds = Holds { triggers: false, trailing: false },
            "risk" => super::risk_words::declare(&mut self.risk, &words),
            "account" => super::risk_words::declare_for_account(&mut self.settings.risk, &words),
            "hold" => self.holding = true,
            "settle" => self.settle(),
            "running" => {
                self.quiet = true;
                for line in ["deploy 1", "start 1", "answer subscribe 0", "candle 0 100"] {
                    self.lines.insert(self.line, line.to_owned());
                    self.step();
                }
                self.settle();
                self.quiet = false;
            }
            "show" => self.show(),
            "states" => self.states(),
            "answer" => self.answer(rest),
            _ => {
                let input = self.input(verb, &words);
                self.handle(input);
            }
        }
        true
    }

    fn limit(&mut self, words: &[&str]) {
        let value = || words[1].parse().expect("a number");
        match words[0] {
            "intents" => self.settings.limits.intents_per_event_max = value(),
            "open-orders" => self.settings.limits.open_orders_max = value(),
            "timers" => self.settings.limits.timers_max = value(),
            "subscriptions" => self.settings.limits.subscriptions_max = value(),
            "queue" => self.settings.limits.queue_max = value(),
            "state" => self.settings.limits.state_bytes_max = value(),
            "age" => self.settings.limits.decision_age_ms_max = words[1].parse().expect("milliseconds"),
            "size" => self.settings.limits.order_size_max = Some(number(words[1])),
            "notional" => self.settings.limits.order_notional_max = Some(number(words[1])),
            other => panic!("no limit {other}"),
        }
    }

    /// Ends every event and stop with nothing, until none is out.
    fn settle(&mut self) {
        let ends = |deliver: &&Deliver| matches!(deliver.hook, Hook::Event(_) | Hook::Stop(_));
        while let Some(strategy) = self.out.values().find(ends).map(|deliver| deliver.strategy) {
            self.end(strategy, Answer::Intents(Vec::new()), None);
        }
    }

    pub(super) fn end(&mut self, strategy: StrategyId, answer: Answer, effects: Option<Box<Effects>>) {
        let deliver = self.out.remove(&strategy).unwrap_or_else(|| panic!("no hook of strategy {strategy} is out"));
        if matches!(&answer, Answer::Intents(intents) if !intents.is_empty()) {
            self.answered = deliver.number;
        }
        self.handle(Input::HookEnded(HookEnded { strategy, number: deliver.number, answer, effects, fuel: 1 }));
    }

    pub(super) fn handle(&mut self, input: Input) {
        let now = self.now;
        self.core().handle(now, input);
        while let Some(output) = self.core().poll() {
            if !self.quiet {
                write_output(&mut self.transcript, &output, self.sent.len() + 1);
            }
            match output {
                Output::Deliver(deliver) => {
                    if let Hook::Event(Event::Order(event)) = &deliver.hook {
                        self.told.push((deliver.strategy, OrderEvent::clone(event)));
                    }
                    let before = self.out.insert(deliver.strategy, deliver);
                    assert!(before.is_none(), "one hook of a strategy at a time: {before:?}");
                }
                Output::Send(batch) => {
                    for command in batch.commands {
                        if let Command::Place(order) = command.into_inner() {
                            self.sent.push(order);
                        }
                    }
                }
                // The shell drops the instance, and with it the hook that is out.
                Output::Lifecycle { strategy, state: StrategyState::Faulted(_) | StrategyState::Stopped } => {
                    self.out.remove(&strategy);
                }
                _ => {}
            }
        }
    }

    fn show(&mut self) {
        let core = self.core.as_ref().expect("something happened");
        let mut line = format!("settled {}, fees {}, funding {}", core.settled(), core.fees_paid(), core.funding_received());
        for (strategy, position) in core.positions() {
            let (size, entry, flow) = (position.size(), position.entry_price(), position.flow());
            let _ = write!(line, "; {strategy} holds {size} of {} from {entry}, flow {flow}", position.instrument());
        }
        for strategy in core.strategies() {
            for order in strategy.orders() {
                let _ = write!(line, "; {} has order {} {}/{}", strategy.id(), order.id, order.filled, order.size);
            }
        }
        let _ = writeln!(self.transcript, "{line}; wake {:?}", core.next_wake().map(Timestamp::as_millis));
    }

    fn states(&mut self) {
        let core = self.core.as_ref().expect("something happened");
        let orders = core.strategies().flat_map(|strategy| strategy.order_states().map(move |pair| (strategy.id(), pair)));
        let mut line: Vec<String> =
            orders.map(|(of, (order, state))| format!("{of} has order {} {state:?}", order.id)).collect();
        line.extend(core.external_orders().map(|order| format!("not ours {}: {} left", order.venue_order, order.remaining)));
        let nobodys = core.unattributed(InstrumentId::new(0));
        line.extend(Some(format!("nobody's: {nobodys} held")).filter(|_| !nobodys.is_zero()));
        line.extend(Some(format!("{:?}", core.oddities())).filter(|_| core.oddities() != Oddities::default()));
        line.extend(core.next_wake().map(|wake| format!("wake {wake}")));
        let line = if line.is_empty() { "nothing open".to_owned() } else { line.join("; ") };
        let _ = writeln!(self.transcript, "{line}");
    }

    fn answer(&mut self, rest: &str) {
        let (strategy, rest) = match rest.strip_prefix('@').and_then(|rest| rest.split_once(' ')) {
            Some((strategy, rest)) => (strategy.parse().expect("a number"), rest),
            None => (1, rest),
        };
        let strategy = StrategyId::new(strategy);
        let words: Vec<&str> = rest.split_whitespace().collect();
        let mut effects = None;
        let answer = match words.as_slice() {
            ["subscribe", wanted @ ..] => Answer::Subscriptions(wanted.iter().map(|wanted| subscription(wanted)).collect()),
            ["refuse", ..] => Answer::Refused(rest.trim_start_matches("refuse ").to_owned()),
            ["accepted"] => Answer::Accepted,
            ["saved", state] => Answer::Saved(state.as_bytes().to_vec()),
            ["fault"] => Answer::Fault(Box::new(Fault {
                kind: FaultKind::Trap,
                function: "on-candle".to_owned(),
                event: EventNumber::new(0),
                fuel: 5,
                detail: "unreachable".to_owned(),
            })),
            ["write", key, value] => {
                let state = vec![((*key).to_owned(), Some(value.as_bytes().to_vec()))];
                effects = Some(Box::new(Effects { state, ..Effects::default() }));
                Answer::Intents(Vec::new())
            }
            _ => Answer::Intents(rest.split(';').map(str::trim).filter(|text| !text.is_empty()).map(intent).collect()),
        };
        self.end(strategy, answer, effects);
    }

    fn order(&self, name: &str) -> NewOrder {
        let exit = name.chars().last().filter(|last| matches!(last, 'p' | 's'));
        let place: usize = name.trim_matches(|letter: char| !letter.is_ascii_digit()).parse().expect("an order");
        let mut order = self.sent[place - 1].clone();
        if let Some(exit) = exit {
            let leg = if exit == 'p' { 1 } else { 2 };
            let origin = order.client_id.origin().expect("ours");
            order.client_id = ClientOrderId::derive(OrderOrigin { leg, ..origin }).expect("it fits");
            order.side = order.side.opposite();
        }
        order
    }

    fn input(&mut self, verb: &str, words: &[&str]) -> Input {
        if let Some(said) = super::risk_words::said(verb, words) {
            return said;
        }
        let strategy = || StrategyId::new(words[0].parse().expect("a number"));
        match verb {
            "deploy" => Input::Deploy(Box::new(Deployment { risk: self.risk.clone(), ..deployment(words) })),
            "start" => Input::Start(strategy()),
            "stop" => Input::Stop { strategy: strategy(), reason: StopReason::Operator },
            "params" => {
                let parameters = [("size".to_owned(), ParamValue::Number(number(words[1])))];
                Input::Params { strategy: strategy(), parameters: parameters.into() }
            }
            "upgrade" => Input::Upgrade(Box::new(Deployment { version: 2, risk: self.risk.clone(), ..deployment(words) })),
            "checkpoint" => Input::Checkpoint,
            "shutdown" => Input::Shutdown { deadline: Timestamp::from_millis(words[0].parse().expect("a time")) },
            "wake" => Input::Wake,
            "opened" => Input::Opened { epoch: words[0].parse().expect("a number") },
            "external" | "external-gone" | "external-fill" => Input::Venue(self.external(verb, words)),
            "scheduled" => {
                let at = words[0].parse().ok().map(Timestamp::from_millis);
                Input::Venue(VenueEvent::CancelScheduled { at })
            }
            "schedule-rejected" => {
                let refusal = Refusal { code: "venue-says-no".into(), message: "no".to_owned() };
                Input::Venue(VenueEvent::CancelScheduleRejected { refusal })
            }
            "leverage-rejected" => Input::Venue(VenueEvent::LeverageRejected {
                instrument: InstrumentId::new(0),
                refusal: Refusal { code: "venue-says-no".into(), message: "no".to_owned() },
            }),
            "candle" => {
                let series = SeriesId::new(words[0].parse().expect("a series"));
                let at = Price::new(number(words[1])).expect("positive");
                let open_time = words.get(3).map_or(self.now, |time| Timestamp::from_millis(time.parse().expect("a time")));
                let candle = Candle { open_time, open: at, high: at, low: at, close: at, volume: Decimal::ONE };
                Input::Market(MarketEvent::Candle { series, candle })
            }
            "quote" => {
                let size = Size::new(Decimal::ONE).expect("positive");
                let level = |text| Level { price: Price::new(number(text)).expect("positive"), size };
                let (bid, ask) = (level(words[0]), level(words[words.len() - 1]));
                let quote = Quote { instrument: InstrumentId::new(0), time: self.now, bid, ask };
                Input::Market(MarketEvent::Quote(quote))
            }
            "lost" => Input::Market(MarketEvent::Feed { feed: Feed::Connection, change: FeedChange::Lost }),
            "recovered" => Input::Market(MarketEvent::Feed { feed: Feed::Connection, change: FeedChange::Recovered }),
            "report" => Input::Venue(VenueEvent::Position(Box::new(self.report(words)))),
            "snapshot" => Input::Venue(VenueEvent::Snapshot(Box::new(self.snapshot(words)))),
            "balance" => {
                let cause = BalanceCause::Deposit;
                Input::Venue(VenueEvent::Balance { time: self.now, change: number(words[0]), cause })
            }
            "funding" => Input::Venue(VenueEvent::Funding {
                instrument: InstrumentId::new(0),
                time: self.now,
                rate: number("0.0001"),
                payment: number(words[0]),
            }),
            "leverage-set" => Input::Venue(VenueEvent::LeverageSet {
                instrument: InstrumentId::new(0),
                leverage: words[0].parse().expect("a number"),
                mode: MarginMode::Cross,
                as_of: words.get(2).map_or(self.now, |as_of| Timestamp::from_millis(as_of.parse().expect("a time"))),
            }),
            _ => Input::Venue(self.about_order(verb, words)),
        }
    }
}

fn deployment(words: &[&str]) -> Deployment {
    let option = |name: &str| words.iter().position(|word| *word == name);
    let knows = option("knows").map_or(KnownEvents::ALL, |place| {
        let named = |name: &str| EventKind::ALL.into_iter().find(|kind| kind.name() == name).expect("a kind of event");
        words[place + 1..].iter().fold(KnownEvents::default(), |known, name| known.with(named(name)))
    });
    let strategy = StrategyId::new(words[0].parse().expect("a number"));
    Deployment {
        tick_interval_ms: option("tick").map(|place| words[place + 1].parse().expect("milliseconds")),
        shares: option("shares").is_some(),
        restart: option("restart").map_or(RestartPolicy::Resume, |place| match words[place + 1] {
            "resume" => RestartPolicy::Resume,
            "reduce" => RestartPolicy::ReduceOnly,
            "flatten" => RestartPolicy::Flatten,
            "hold" => RestartPolicy::Hold,
            other => panic!("no restart policy {other}"),
        }),
        ..Deployment::new(strategy, [].into(), knows)
    }
}

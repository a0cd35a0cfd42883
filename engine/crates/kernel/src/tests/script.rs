//! A script of inputs, replayed: the words that the tests of the core are written in.
//!
//! ```text
//! limit open-orders 2          a limit, before anything else
//! live | netted | saves              settings of the account, before anything else
//! running                      strategy 1 is deployed, hears series 0, runs at time 0, and BTC stands at 100; not written down
//! deploy 2 [tick 60000] [knows candle order]
//! start 2 | stop 2 | wake | at 60000
//! params 1 5 | upgrade 1 [tick …] | checkpoint | shutdown 60000
//! candle 0 101                 a flat candle of a series; the time stays
//! answer [@2] buy 1 market; cancel 1
//! report 0 1.5 [entry 100] [leverage 5] [time 7] | balance 50 | snapshot [0=1.5]… [cash 1000] [time 7] | lost | recovered
//! accept c1 | cancelled c1 | fill c1 0.5 100 [fee 0.1] [trade 7] | …
//! unanswered c1 | absent c1 12000 | open c1 1 90 12000 | request-rejected c1 [cancel] | …   [v 7]: of that form
//! external 7 buy 1 90 | external-gone 7 | external-fill 7 buy 1 90 [liquidation]
//! opened 1                     a new process took over, in that epoch
//! show | states                what the core holds
//! hold                         from here on hooks end only where a line says so
//! ```
//!
//! Where it is not told to hold, a hook that is out ends with nothing before the next line.

use crate::*;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Replays a script and gives what came of it.
pub(super) fn replay(script: &str) -> String {
    let mut script = Script::new(script);
    while script.step() {}
    script.transcript
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
            transcript: String::new(),
        }
    }

    pub(super) fn core(&mut self) -> &mut TradingCore {
        let settings = &self.settings;
        self.core.get_or_insert_with(|| TradingCore::new(settings.clone()).expect("sound settings"))
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
                Output::Lifecycle { strategy, state: StrategyState::Faulted(_) } => {
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
            "leverage-rejected" => Input::Venue(VenueEvent::LeverageRejected {
                instrument: InstrumentId::new(0),
                refusal: Refusal { code: "venue-says-no".into(), message: "no".to_owned() },
            }),
            "candle" => {
                let series = SeriesId::new(words[0].parse().expect("a series"));
                let at = Price::new(number(words[1])).expect("positive");
                let candle = Candle { open_time: self.now, open: at, high: at, low: at, close: at, volume: Decimal::ONE };
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
            }),
            _ => Input::Venue(self.about_order(verb, words)),
        }
    }

    /// The time a line names, or now.
    fn time(&self, words: &[&str]) -> Timestamp {
        let named = words.iter().position(|word| *word == "time");
        named.map_or(self.now, |place| Timestamp::from_millis(words[place + 1].parse().expect("a time")))
    }

    fn report(&self, words: &[&str]) -> PositionReport {
        let option = |name: &str| words.iter().position(|word| *word == name).map(|place| words[place + 1]);
        PositionReport {
            instrument: InstrumentId::new(words[0].parse().expect("an instrument")),
            size: number(words[1]),
            entry_price: option("entry").map(|price| Price::new(number(price)).expect("positive")),
            leverage: option("leverage").map(|leverage| leverage.parse().expect("a number")),
            margin_mode: option("leverage").map(|_| MarginMode::Cross),
            liquidation_price: None,
            time: self.time(words),
        }
    }

    fn snapshot(&self, words: &[&str]) -> AccountSnapshot {
        let held = words.iter().filter_map(|word| word.split_once('='));
        let positions = held.map(|(instrument, size)| self.report(&[instrument, size])).collect();
        let cash = words.iter().position(|word| *word == "cash").map(|place| number(words[place + 1]));
        AccountSnapshot { time: self.time(words), positions, cash, ..AccountSnapshot::default() }
    }

    fn external(&mut self, verb: &str, words: &[&str]) -> VenueEvent {
        let venue_order = VenueOrderId::new(words[0].parse().expect("a number"));
        if verb == "external-gone" {
            return VenueEvent::ExternalGone { venue_order };
        }
        let side = if words[1] == "buy" { Side::Buy } else { Side::Sell };
        let (instrument, size) = (InstrumentId::new(0), Size::new(number(words[2])).expect("positive"));
        let price = Price::new(number(words[3])).expect("positive");
        if verb == "external" {
            let kind = OrderKind::Limit { price, time_in_force: TimeInForce::Gtc };
            let (remaining, reduce_only, as_of) = (size.get(), false, self.now);
            let order = VenueOrder { order: None, venue_order, instrument, side, size, remaining, kind, reduce_only, as_of };
            return VenueEvent::Open(Box::new(order));
        }
        self.trades += 1;
        let force = words.contains(&"liquidation").then_some(Force::Liquidation);
        let (trade_id, fee, maker, time) = (TradeId::new(self.trades), Decimal::ZERO, false, self.now);
        let fill = VenueFill { order: None, venue_order, trade_id, instrument, side, price, size, fee, maker, force, time };
        VenueEvent::Fill(Box::new(fill))
    }

    fn about_order(&mut self, verb: &str, words: &[&str]) -> VenueEvent {
        let NewOrder { client_id: order, instrument, side, .. } = self.order(words[0]);
        let option = |name: &str| words.iter().position(|word| *word == name).map(|place| words[place + 1]);
        let form = option("v").map(|form| VenueOrderId::new(form.parse().expect("a number")));
        let venue_order = form.unwrap_or_else(|| default_form(words[0]));
        let refusal = || Refusal { code: "venue-says-no".into(), message: "no".to_owned() };
        let limit =
            |price| OrderKind::Limit { price: Price::new(number(price)).expect("positive"), time_in_force: TimeInForce::Gtc };
        let size = |size| Size::new(number(size)).expect("positive");
        let time = |time: &str| Timestamp::from_millis(time.parse().expect("a time"));
        match verb {
            "accept" => VenueEvent::Accepted { order, venue_order },
            "reject" => VenueEvent::Rejected { order, refusal: refusal() },
            "cancelled" => VenueEvent::Cancelled { order, venue_order: form, reason: "as asked".into() },
            "expired" => VenueEvent::Expired { order },
            "resized" => VenueEvent::Resized { order, size: size(words[1]) },
            "unanswered" => VenueEvent::Unanswered { order },
            "absent" => VenueEvent::Absent { order, as_of: time(words[1]) },
            "open" => VenueEvent::Open(Box::new(VenueOrder {
                order: Some(order).filter(|_| !words.contains(&"nameless")),
                venue_order,
                instrument,
                side,
                size: size(words[1]),
                remaining: number(words[1]),
                kind: limit(words[2]),
                reduce_only: false,
                as_of: time(words[3]),
            })),
            "trigger" => VenueEvent::Triggered { order },
            "request-rejected" => {
                let request = if words.contains(&"cancel") { RequestKind::Cancel } else { RequestKind::Amend };
                VenueEvent::RequestRejected { order, request, refusal: refusal() }
            }
            "amended" => {
                let venue_order = form.unwrap_or(VenueOrderId::new(default_form(words[0]).get() + 1000));
                VenueEvent::Amended { order, venue_order, size: size(words[1]), kind: limit(words[2]) }
            }
            "exit-live" => {
                let kind = if words[0].ends_with('p') { TriggerKind::TakeProfit } else { TriggerKind::Stop };
                let trigger_price = Price::new(number(words[2])).expect("positive");
                let kind = OrderKind::Trigger { kind, trigger_price, limit_price: None };
                let size = Size::new(number(words[1])).expect("positive");
                VenueEvent::ExitLive { order, venue_order, instrument, side, size, kind }
            }
            "fill" => {
                self.trades += 1;
                VenueEvent::Fill(Box::new(VenueFill {
                    order: Some(order).filter(|_| !words.contains(&"nameless")),
                    venue_order,
                    trade_id: TradeId::new(option("trade").map_or(self.trades, |trade| trade.parse().expect("a number"))),
                    instrument,
                    side,
                    price: Price::new(number(words[2])).expect("positive"),
                    size: Size::new(number(words[1])).expect("positive"),
                    fee: option("fee").map_or(Decimal::ZERO, number),
                    maker: false,
                    force: words.contains(&"liquidation").then_some(Force::Liquidation),
                    time: self.time(words),
                }))
            }
            other => panic!("no line begins with {other:?}"),
        }
    }
}

/// The number that the exchange gives an order unless a line says otherwise: its place, and apart from that for its exits.
fn default_form(name: &str) -> VenueOrderId {
    let place: u64 = name.trim_matches(|letter: char| !letter.is_ascii_digit()).parse().expect("an order");
    VenueOrderId::new(match name.chars().last() {
        Some('p') => place + 100,
        Some('s') => place + 200,
        _ => place,
    })
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
        ..Deployment::new(strategy, [].into(), knows)
    }
}

/// `0`, `0:5` (with warm-up), `quotes`, `trades9` (of an instrument).
fn subscription(text: &str) -> Subscription {
    if let Some(instrument) = text.strip_prefix("trades") {
        return Subscription::Trades(InstrumentId::new(instrument.parse().expect("an instrument")));
    }
    if text == "quotes" {
        return Subscription::Quotes(InstrumentId::new(0));
    }
    let (series, warm_up) = text.split_once(':').unwrap_or((text, "0"));
    Subscription::Candles {
        series: SeriesId::new(series.parse().expect("a series")),
        warm_up: warm_up.parse().expect("a number"),
    }
}

fn wanted(text: &str) -> Wanted {
    // `1e255` is a mantissa of 1 and a scale of 255: what no decimal can be.
    if let Some((mantissa, scale)) = text.split_once('e') {
        return Wanted { mantissa: mantissa.parse().expect("digits"), scale: scale.parse().expect("a scale") };
    }
    Wanted::try_from(number(text)).expect("64 bits")
}

fn intent(text: &str) -> Intent {
    let words: Vec<&str> = text.split_whitespace().collect();
    let after = |name: &str| words.iter().position(|word| *word == name).map(|place| words[place + 1]);
    let instrument = InstrumentId::new(after("of").map_or(0, |id| id.parse().expect("an instrument")));
    let tag = after("tag").map(|tag| OrderTag::new(tag.parse().expect("a tag")));
    match words[0] {
        "buy" | "sell" => Intent::Place(Box::new(PlaceOrder {
            instrument,
            side: if words[0] == "buy" { Side::Buy } else { Side::Sell },
            size: wanted(words[1]),
            kind: wanted_kind(&words, after),
            reduce_only: words.contains(&"reduce"),
            tag,
            take_profit: after("tp").map(wanted),
            stop_loss: after("sl").map(wanted),
        })),
        "amend" => Intent::Amend {
            order: order_ref(words[1]),
            price: after("price").map(wanted),
            size: after("size").map(wanted),
            trigger_price: after("trigger").map(wanted),
        },
        "cancel" => Intent::Cancel(order_ref(words[1])),
        "cancel-all" => Intent::CancelAll(after("of").map(|_| instrument)),
        "close" => Intent::ClosePosition(instrument),
        "target" => Intent::SetTarget { instrument, size: wanted(words[1]), tag },
        "leverage" => {
            Intent::SetLeverage { instrument, leverage: words[1].parse().expect("a number"), mode: MarginMode::Cross }
        }
        "timer" => Intent::SetTimer {
            timer: TimerId::new(words[1].parse().expect("a timer")),
            at: Timestamp::from_millis(after("at").expect("at").parse().expect("a time")),
            every_ms: after("every").map(|every| every.parse().expect("milliseconds")),
        },
        "clear" => Intent::ClearTimer(TimerId::new(words[1].parse().expect("a timer"))),
        "notify" => Intent::Notify { urgency: Urgency::Info, text: words[1..].join(" ") },
        other => panic!("no intent begins with {other:?}"),
    }
}

fn wanted_kind<'a>(words: &[&'a str], after: impl Fn(&str) -> Option<&'a str>) -> WantedKind {
    let limit_price = after("limit").map(wanted);
    let trigger = |kind, price| WantedKind::Trigger { kind, trigger_price: wanted(price), limit_price };
    if let Some(price) = after("stop") {
        return trigger(TriggerKind::Stop, price);
    }
    if let Some(price) = after("take") {
        return trigger(TriggerKind::TakeProfit, price);
    }
    if let Some(distance) = after("trail") {
        return WantedKind::TrailingStop { distance: wanted(distance) };
    }
    let time_in_force = match (words.contains(&"ioc"), words.contains(&"alo")) {
        (true, _) => TimeInForce::Ioc,
        (_, true) => TimeInForce::Alo,
        _ => TimeInForce::Gtc,
    };
    limit_price.map_or(WantedKind::Market, |price| WantedKind::Limit { price, time_in_force })
}

fn order_ref(text: &str) -> OrderRef {
    match text.strip_prefix('t') {
        Some(tag) => OrderRef::Tag(OrderTag::new(tag.parse().expect("a tag"))),
        None => OrderRef::Id(OrderId::new(text.parse().expect("an order"))),
    }
}

fn write_output(transcript: &mut String, output: &Output, next_order: usize) {
    let _ = match output {
        Output::Deliver(deliver) => {
            writeln!(transcript, "{} hears #{} {}", deliver.strategy, deliver.number, hook_in_words(&deliver.hook))
        }
        Output::Send(batch) => {
            let mut next_order = next_order;
            for command in &batch.commands {
                let _ = writeln!(transcript, "sent: {}", command_in_words(command.get(), next_order));
                next_order += usize::from(matches!(command.get(), Command::Place(_)));
            }
            Ok(())
        }
        Output::Resolve(resolve) => {
            writeln!(transcript, "asks after {}, repeats until {}", resolve.order, resolve.repeat_until)
        }
        Output::Notify { strategy, text, .. } => writeln!(transcript, "{strategy} notifies: {text}"),
        Output::Lifecycle { strategy, state } => writeln!(transcript, "{strategy} is {}", state_in_words(state)),
        Output::Denied { strategy, refusal } => {
            writeln!(transcript, "{strategy} denied {}: {}", refusal.code, refusal.message)
        }
        Output::Risk(event) => writeln!(transcript, "{event:?}"),
        Output::Parameters { strategy, refused: None } => writeln!(transcript, "{strategy} has new parameters"),
        Output::Parameters { strategy, refused: Some(words) } => {
            writeln!(transcript, "{strategy} keeps its parameters: {words}")
        }
        Output::Saved { strategy, bytes } => writeln!(transcript, "{strategy} saved {bytes} bytes"),
        Output::RolledBack { strategy, why } => writeln!(transcript, "{strategy} is rolled back: {why}"),
        Output::ShutDown { late } => writeln!(transcript, "shut down, late: {late:?}"),
        Output::Reconcile(cause) => writeln!(transcript, "reconcile: {cause:?}"),
        Output::Difference(Difference { time, of, ours, theirs }) => {
            writeln!(transcript, "differs at {time} in {of:?}: ours {ours}, theirs {theirs}")
        }
    };
}

fn state_in_words(state: &StrategyState) -> String {
    match state {
        StrategyState::Created => "created".to_owned(),
        StrategyState::WarmingUp => "warming up".to_owned(),
        StrategyState::Running => "running".to_owned(),
        StrategyState::Stopping => "stopping".to_owned(),
        StrategyState::Stopped => "stopped".to_owned(),
        StrategyState::Refused(words) => format!("refused: {words}"),
        StrategyState::Faulted(fault) => format!("faulted: {fault}"),
    }
}

fn command_in_words(command: &Command, next_order: usize) -> String {
    match command {
        Command::Place(order) => {
            let reduce = if order.reduce_only { " reduce-only" } else { "" };
            let exits = order.exits.map_or(String::new(), |exits| {
                let price = |price: Option<Price>| price.map_or("none".to_owned(), |price| price.to_string());
                format!(" with take-profit {}, stop-loss {}", price(exits.take_profit), price(exits.stop_loss))
            });
            let (side, size) = (side_in_words(order.side), order.size);
            format!("c{next_order} {side} {size} {}{reduce}{exits}", kind_in_words(&order.kind))
        }
        Command::Amend { size, kind, .. } => format!("amend to {size} {}", kind_in_words(kind)),
        Command::Cancel { order, .. } => format!("cancel of event {}", order.origin().expect("ours").event),
        Command::SetLeverage { leverage, .. } => format!("leverage {leverage}"),
        Command::ScheduleCancel { at } => format!("cancel everything at {:?}", at.map(Timestamp::as_millis)),
    }
}

fn side_in_words(side: Side) -> &'static str {
    if side == Side::Buy { "buy" } else { "sell" }
}

fn kind_in_words(kind: &OrderKind) -> String {
    match kind {
        OrderKind::Market => "at the market".to_owned(),
        OrderKind::Limit { price, time_in_force } => format!("at {price} {time_in_force:?}"),
        OrderKind::Trigger { kind, trigger_price, limit_price: None } => format!("{kind:?} {trigger_price}"),
        OrderKind::Trigger { kind, trigger_price, limit_price: Some(limit) } => {
            format!("{kind:?} {trigger_price} limit {limit}")
        }
        OrderKind::TrailingStop { distance } => format!("trailing by {distance}"),
    }
}

fn hook_in_words(hook: &Hook) -> String {
    match hook {
        Hook::Init(context) => {
            let restored = context.restored.as_ref().map(|saved| format!(", restored {}", String::from_utf8_lossy(saved)));
            format!("init with cash {}{}", context.account.cash, restored.unwrap_or_default())
        }
        Hook::Stop(reason) => format!("stop by {reason:?}"),
        Hook::Params(_) => "params".to_owned(),
        Hook::Save => "save".to_owned(),
        Hook::Event(event) => event_in_words(event),
    }
}

fn event_in_words(event: &Event) -> String {
    match event {
        Event::Candle(candle) => {
            let warm_up = if candle.warm_up { " of history" } else { "" };
            format!("candle {} at {}{warm_up}", candle.series, candle.candle.close)
        }
        Event::Quote(quote) => format!("quote {}", quote.bid.price),
        Event::Position(position) => {
            let PositionEvent { now, size_before, cause, .. } = &**position;
            let (size, entry, realized) = (now.size, now.entry_price, now.realized_pnl);
            let leverage = now.leverage.map_or(String::new(), |leverage| format!(", leverage {leverage}"));
            format!("position {size_before} -> {size} from {entry}, realized {realized}{leverage}, by {cause:?}")
        }
        Event::Order(order) => {
            let which = order.order.as_ref().map_or("no order".to_owned(), |order| {
                format!("order {} {}/{} {}", order.id, order.filled, order.size, kind_in_words(&order.kind))
            });
            let answers = order.answers.expect("every order event here answers an intent");
            format!("{which} {} (#{}.{})", change_in_words(&order.change), answers.decided_on, answers.intent_index)
        }
        Event::Funding(funding) => format!("funding {}", funding.payment),
        Event::Timer(timer) => format!("{:?} due {} at {}", timer.source, timer.due, timer.time),
        Event::Feed(feed) => format!("feed {:?} {:?}", feed.feed, feed.change),
        other => format!("{other:?}"),
    }
}

fn change_in_words(change: &OrderChange) -> String {
    match change {
        OrderChange::Denied(refusal) => format!("denied {}", refusal.code),
        OrderChange::Rejected(refusal) => format!("rejected {}", refusal.code),
        OrderChange::PartiallyFilled(fill) => {
            format!("partially filled {} at {}, {} left", fill.size, fill.price, fill.remaining)
        }
        OrderChange::Filled(fill) => format!("filled {} at {}, {} left", fill.size, fill.price, fill.remaining),
        OrderChange::Cancelled(reason) => format!("cancelled {reason}"),
        other => format!("{other:?}").to_lowercase(),
    }
}

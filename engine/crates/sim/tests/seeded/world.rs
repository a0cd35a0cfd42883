//! A core, its exchange, its strategies and what lies between them, one step at a time.

mod crash;
mod guards;
mod moves;
mod quiet;
mod settings;

use super::bugs::Bug;
use super::exchange::{Action, Exchange};
use super::invariants::money::{self, Told};
use super::invariants::risk::{Amends, Switches};
use super::invariants::{self, Seen, Violation};
use super::log::{Hooks, Log};
use super::plan::{Profile, Step, What};
use super::random::Random;
use super::trader::{self, STRATEGIES};
use super::wires::{Request, Weather, Wires};
use calypte_kernel::*;
use settings::deployment;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// Everything there is.
#[derive(Debug)]
pub(crate) struct World {
    profile: Profile,
    bug: Option<Bug>,
    random: Random,
    now: Timestamp,
    core: TradingCore,
    log: Log,
    hooks: Hooks,
    exchange: Exchange,
    wires: Wires,
    seen: Seen,
    /// The latest signed action about each order: what may be sent again is exactly this.
    signed: BTreeMap<ClientOrderId, Action>,
    nonces: u64,
    epoch: u16,
    connected: bool,
    calm: bool,
    reconciling: bool,
    /// What the operator killed.
    switches: Switches,
    /// Margin before the input at hand.
    margin_before: Option<MarginView>,
    /// By which record of the journal an order was sent.
    sent_at: BTreeMap<ClientOrderId, u64>,
    /// Orders whose records the power took.
    orphans: BTreeSet<ClientOrderId>,
    /// What the core was told of money.
    money: Told,
    /// Amends that were sent.
    amends: Amends,
    /// What the exchange told, with the record of it.
    told: Vec<(u64, VenueEvent)>,
    /// How often something that a run is about happened, for the summary.
    pub(crate) counts: Counts,
    /// What happened, where somebody wants to read it.
    pub(crate) story: Option<String>,
}

/// How much happened in a run.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Counts {
    /// Inputs of the core.
    pub(crate) inputs: u64,
    /// Orders that the exchange made.
    pub(crate) orders: u64,
    /// Fills that reached the core.
    pub(crate) fills: u64,
    /// Questions after orders.
    pub(crate) questions: u64,
    /// Times the core was rebuilt.
    pub(crate) crashes: u64,
    /// Times both sides were compared.
    pub(crate) settled: u64,
}

impl Counts {
    /// Both together.
    pub(crate) fn add(&mut self, other: Self) {
        self.inputs += other.inputs;
        self.orders += other.orders;
        self.fills += other.fills;
        self.questions += other.questions;
        self.crashes += other.crashes;
        self.settled += other.settled;
    }
}

impl World {
    /// As it is before the first step: strategies are deployed and started, the account not yet reconciled.
    pub(crate) fn new(profile: Profile, bug: Option<Bug>, story: Option<String>) -> Result<Self, Violation> {
        let mut settings = settings::settings(profile);
        if let Some(bug) = bug {
            bug.spoil_settings(&mut settings);
        }
        let mut world = Self {
            profile,
            bug,
            random: Random::new(0),
            now: Timestamp::from_millis(1_000),
            log: Log::new(&settings),
            core: TradingCore::new(settings).expect("the settings are sound"),
            hooks: Hooks::new(),
            exchange: Exchange::new(settings::paid_in(profile)),
            wires: Wires::default(),
            seen: Seen::default(),
            signed: BTreeMap::new(),
            nonces: 0,
            epoch: 0,
            connected: true,
            calm: false,
            reconciling: false,
            switches: Switches::default(),
            margin_before: None,
            sent_at: BTreeMap::new(),
            orphans: BTreeSet::new(),
            money: Told::new(settings::paid_in(profile)),
            amends: Amends::default(),
            told: Vec::new(),
            counts: Counts::default(),
            story,
        };
        for strategy in 1..=STRATEGIES {
            world.handle(Input::Deploy(Box::new(deployment(strategy, 0, profile))))?;
            world.handle(Input::Start(StrategyId::new(strategy)))?;
        }
        Ok(world)
    }

    /// Takes one step, and sees that all is well after it.
    pub(crate) fn step(&mut self, step: &Step) -> Result<(), Violation> {
        self.random = Random::new(step.draw);
        self.now = self.now.saturating_add(self.random.below(3));
        self.exchange.at(self.now);
        if let Some(story) = &mut self.story {
            let _ = writeln!(story, "-- step {} at {}: {:?}", step.at, self.now, step.what);
        }
        match step.what {
            What::Clock => self.pass_time()?,
            What::Market => self.market()?,
            What::Arrive => self.arrive()?,
            What::Deliver => self.deliver()?,
            What::Answer => self.answer()?,
            What::Match => self.exchange.happen(&mut self.random),
            What::Elsewhere => self.elsewhere(),
            What::Operate => self.operate()?,
            What::Guard => self.guard()?,
            What::Feed => self.feed()?,
            What::Ask => self.ask(),
            What::Cut => self.cut()?,
            What::Restore => self.restore()?,
            What::Crash => self.crash()?,
            What::Settle => self.settle()?,
        }
        self.carry();
        self.check_guards()?;
        if self.profile.is_exact() {
            self.money.is_what_there_is(&self.core)?;
        }
        money::money_adds_up(&self.core)
    }

    fn weather(&self) -> Weather {
        Weather { now: self.now, connected: self.connected, calm: self.calm, profile: self.profile }
    }

    /// Puts on the wires what the exchange said.
    fn carry(&mut self) {
        let weather = self.weather();
        let said = std::mem::take(&mut self.exchange.said);
        self.wires.carry(said, weather, &mut self.random);
    }

    /// Hands an input to the core, and does what it says.
    fn handle(&mut self, mut input: Input) -> Result<(), Violation> {
        if let Some(bug) = self.bug {
            bug.spoil_input(&mut input);
        }
        if let Some(story) = &mut self.story {
            let _ = writeln!(story, "{} in  {input:?}", self.now);
        }
        self.counts.inputs += 1;
        if let Input::Venue(event) = &input {
            self.note_told(event);
        }
        self.margin_before = if self.profile.margin { self.core.margin() } else { None };
        self.log.input(self.now, &input);
        self.core.handle(self.now, input);
        while let Some(output) = self.core.poll() {
            self.log.said(&output);
            self.act(output)?;
        }
        Ok(())
    }

    fn act(&mut self, output: Output) -> Result<(), Violation> {
        if let Some(story) = &mut self.story {
            let _ = writeln!(story, "{} out {}", self.now, brief(&output));
        }
        match output {
            Output::Deliver(deliver) => self.hand_out(&deliver)?,
            Output::Send(batch) => {
                for approved in batch.commands {
                    self.sign(approved.into_inner())?;
                }
            }
            Output::Resolve(question) => self.resolve(question),
            Output::ResolveLeverage(instrument) => self.send(Request::Leverage(instrument)),
            Output::Reconcile(_) => {
                self.reconciling = true;
                self.send(Request::Reconcile);
            }
            Output::Lifecycle { strategy, state } => match state {
                StrategyState::Faulted(_) | StrategyState::Stopped => {
                    self.hooks.remove(&strategy);
                    self.seen.forget(strategy);
                }
                StrategyState::Stopping | StrategyState::Refused(_) | StrategyState::WarmingUp => self.seen.forget(strategy),
                StrategyState::Created | StrategyState::Running => {}
            },
            Output::RolledBack { strategy, .. } => {
                self.hooks.remove(&strategy);
                self.seen.forget(strategy);
            }
            _ => {}
        }
        Ok(())
    }

    fn hand_out(&mut self, deliver: &Deliver) -> Result<(), Violation> {
        invariants::one_hook_at_a_time(&self.hooks, deliver)?;
        self.seen.no_event_is_numbered_twice(self.epoch, deliver)?;
        let is_about_an_order = matches!(&deliver.hook, Hook::Event(Event::Order(_)));
        match self.bug {
            Some(Bug::AnswerSwallowed) if is_about_an_order && self.random.chance(10) => {}
            Some(Bug::AnswerRepeated) if is_about_an_order && self.random.chance(10) => {
                self.seen.no_intent_is_answered_twice(deliver)?;
                self.seen.no_intent_is_answered_twice(deliver)?;
            }
            _ => self.seen.no_intent_is_answered_twice(deliver)?,
        }
        self.hooks.insert(deliver.strategy, deliver.clone());
        if self.bug == Some(Bug::HookHandedTwice) && self.random.chance(1) {
            invariants::one_hook_at_a_time(&self.hooks, deliver)?;
        }
        Ok(())
    }

    /// Signs what the risk gate let pass, once, and sends it.
    fn sign(&mut self, mut command: Command) -> Result<(), Violation> {
        if let Some(bug) = self.bug {
            bug.spoil_command(&mut command, self.signed.keys().next().copied());
        }
        self.nonces += 1;
        self.seen.no_name_is_used_twice(self.nonces, &command)?;
        self.amends.sent(&command);
        self.check_sent(&command)?;
        if let (Command::Place(new), true) = (&command, self.profile.power) {
            self.sent_at.insert(new.client_id, self.log.next() - 1);
        }
        if let Some(bug) = self.bug {
            bug.spoil_sent(&mut command);
        }
        let action = Action { nonce: self.nonces, command };
        if let Some(order) = super::wires::order_of(&action.command) {
            self.signed.insert(order, action.clone());
        }
        self.send(Request::Act(action));
        Ok(())
    }

    /// Asks what became of an order, and may send the identical bytes again while they can be admitted.
    fn resolve(&mut self, question: Resolve) {
        self.counts.questions += 1;
        if let Some(action) = self.signed.get(&question.order).cloned() {
            if self.now <= question.repeat_until && self.random.chance(30) {
                self.send(Request::Act(action.clone()));
            }
            if let Some(command) = self.bug.and_then(|bug| bug.made_again(&question, &action.command)) {
                // A core that makes it again lets it pass, too.
                self.nonces += 1;
                self.seen.passed(self.nonces, &command);
                self.send(Request::Act(Action { nonce: self.nonces, command }));
            }
        }
        if self.bug != Some(Bug::DoubtForgotten) {
            self.send(Request::Resolve(question));
        }
    }

    fn send(&mut self, request: Request) {
        let weather = self.weather();
        self.wires.send(request, weather, &mut self.random);
    }

    /// A request reaches the exchange, if one is due.
    fn arrive(&mut self) -> Result<(), Violation> {
        let weather = self.weather();
        let Some(request) = self.wires.arrive(weather, &mut self.random) else { return Ok(()) };
        if let Some(story) = &mut self.story {
            let _ = writeln!(story, "{} up  {request:?}", self.now);
        }
        match request {
            Request::Act(action) => {
                let is_new = self.exchange.take(&action, &mut self.random);
                if is_new {
                    self.counts.orders += 1;
                    // What nobody remembers may have the number of what came after it, and another epoch.
                    let name = super::wires::order_of(&action.command);
                    if name.is_none_or(|name| !self.orphans.contains(&name)) {
                        self.seen.no_order_is_made_twice(&action.command)?;
                    }
                }
                self.seen.everything_was_reviewed(action.nonce, &action.command)?;
            }
            Request::Resolve(question) => self.exchange.resolve(question.order),
            Request::Leverage(instrument) => self.exchange.say_leverage(instrument),
            Request::Reconcile => self.exchange.snapshot(self.profile.cash_told, &mut self.random),
        }
        self.carry();
        Ok(())
    }

    /// A message of the exchange reaches the core, if one is due.
    fn deliver(&mut self) -> Result<(), Violation> {
        let weather = self.weather();
        let Some(event) = self.wires.deliver(weather, &mut self.random) else { return Ok(()) };
        self.counts.fills += u64::from(matches!(event, VenueEvent::Fill(_)));
        self.reconciling &= !matches!(event, VenueEvent::Snapshot(_));
        self.exchange.told(&event);
        self.money.note(&event);
        self.handle(Input::Venue(event))
    }

    /// One of the hooks that are out ends.
    fn answer(&mut self) -> Result<(), Violation> {
        if self.hooks.is_empty() {
            return Ok(());
        }
        let at = self.random.place(self.hooks.len());
        let strategy = *self.hooks.keys().nth(at).expect("there are so many");
        let deliver = self.hooks.remove(&strategy).expect("it is out");
        let prices = std::array::from_fn(|place| self.exchange.price(place));
        let (answer, effects) = if self.calm {
            (trader::calm(&deliver), None)
        } else {
            let answer = trader::answer(&deliver, &prices, self.profile, &mut self.random);
            let effects = if matches!(answer, Answer::Fault(_)) { None } else { trader::effects(&mut self.random) };
            (answer, effects)
        };
        let ended = HookEnded { strategy, number: deliver.number, answer, effects, fuel: 1 };
        self.seen.asked(&self.core, &ended);
        if !self.calm && self.random.chance(1) {
            // A shell that says it twice: the second time means nothing.
            self.handle(Input::HookEnded(ended.clone()))?;
        }
        self.handle(Input::HookEnded(ended))
    }
}

/// An output in a line.
fn brief(output: &Output) -> String {
    match output {
        Output::Deliver(Deliver { strategy, number, hook, .. }) => format!("deliver {strategy} #{number} {hook:?}"),
        output => format!("{output:?}"),
    }
}

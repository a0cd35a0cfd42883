//! Numbers and orders of events that nobody sane would send: nothing panics, and what must hold holds.

use super::script::settings;
use crate::*;
use proptest::prelude::*;
use std::collections::BTreeMap;

fn wanted() -> impl Strategy<Value = Wanted> {
    let mantissa = prop_oneof![
        Just(0),
        Just(1),
        Just(-1),
        Just(i64::MAX),
        Just(i64::MIN),
        -1000_i64..1000,
        any::<i64>(),
        (0_u32..19).prop_map(|zeros| 10_i64.pow(zeros)),
    ];
    let scale = prop_oneof![Just(0_u8), 0_u8..6, 0_u8..=29, any::<u8>()];
    (mantissa, scale).prop_map(|(mantissa, scale)| Wanted { mantissa, scale })
}

fn kind() -> impl Strategy<Value = WantedKind> {
    let time = prop_oneof![Just(TimeInForce::Gtc), Just(TimeInForce::Ioc), Just(TimeInForce::Alo)];
    let trigger = prop_oneof![Just(TriggerKind::Stop), Just(TriggerKind::TakeProfit)];
    prop_oneof![
        Just(WantedKind::Market),
        (wanted(), time).prop_map(|(price, time_in_force)| WantedKind::Limit { price, time_in_force }),
        (trigger, wanted(), prop::option::of(wanted())).prop_map(|(kind, trigger_price, limit_price)| WantedKind::Trigger {
            kind,
            trigger_price,
            limit_price
        }),
        wanted().prop_map(|distance| WantedKind::TrailingStop { distance }),
    ]
}

fn instrument() -> impl Strategy<Value = InstrumentId> {
    prop_oneof![4 => 0_u32..2, 1 => any::<u32>()].prop_map(InstrumentId::new)
}

fn tag() -> impl Strategy<Value = Option<OrderTag>> {
    prop::option::of(prop_oneof![0_u64..4, any::<u64>()].prop_map(OrderTag::new))
}

fn order_ref() -> impl Strategy<Value = OrderRef> {
    let number = || prop_oneof![0_u64..8, any::<u64>()];
    prop_oneof![
        number().prop_map(|id| OrderRef::Id(OrderId::new(id))),
        number().prop_map(|tag| OrderRef::Tag(OrderTag::new(tag)))
    ]
}

fn place() -> impl Strategy<Value = Intent> {
    let exits = (prop::option::of(wanted()), prop::option::of(wanted()));
    (instrument(), any::<bool>(), wanted(), kind(), prop::bool::weighted(0.2), tag(), exits).prop_map(
        |(instrument, buy, size, kind, reduce_only, tag, (take_profit, stop_loss))| {
            let side = if buy { Side::Buy } else { Side::Sell };
            Intent::Place(Box::new(PlaceOrder { instrument, side, size, kind, reduce_only, tag, take_profit, stop_loss }))
        },
    )
}

fn intent() -> impl Strategy<Value = Intent> {
    let option = || prop::option::of(wanted());
    let time = prop_oneof![any::<i64>(), -5_i64..500_000].prop_map(Timestamp::from_millis);
    let every = prop::option::of(prop_oneof![0_u64..3, any::<u64>()]);
    let timer = || (0_u32..100).prop_map(TimerId::new);
    prop_oneof![
        6 => place(),
        2 => (order_ref(), option(), option(), option())
            .prop_map(|(order, price, size, trigger_price)| Intent::Amend { order, price, size, trigger_price }),
        2 => order_ref().prop_map(Intent::Cancel),
        1 => prop::option::of(instrument()).prop_map(Intent::CancelAll),
        1 => instrument().prop_map(Intent::ClosePosition),
        3 => (instrument(), wanted(), tag()).prop_map(|(instrument, size, tag)| Intent::SetTarget { instrument, size, tag }),
        1 => (instrument(), any::<u32>())
            .prop_map(|(instrument, leverage)| Intent::SetLeverage { instrument, leverage, mode: MarginMode::Isolated }),
        2 => (timer(), time, every).prop_map(|(timer, at, every_ms)| Intent::SetTimer { timer, at, every_ms }),
        1 => timer().prop_map(Intent::ClearTimer),
    ]
}

/// What happens next, as a few numbers that are made sense of when it does.
#[derive(Debug, Clone)]
enum Step {
    Candle(u8, i64),
    Answer(Vec<Intent>),
    Fault,
    /// Something about the n-th order sent, at a price and of a size.
    Venue(u8, u8, Wanted, Wanted),
    Start,
    Stop,
    Jump(i64),
    Funding(Wanted),
    /// Something about the account, of an instrument, at a price and of a size.
    Account(u8, u8, Wanted, Wanted),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (0_u8..4, 1_i64..1_000_000).prop_map(|(series, price)| Step::Candle(series, price)),
        10 => prop::collection::vec(intent(), 0..6).prop_map(Step::Answer),
        1 => Just(Step::Fault),
        10 => (any::<u8>(), any::<u8>(), wanted(), wanted()).prop_map(|(which, what, price, size)| Step::Venue(which, what, price, size)),
        2 => Just(Step::Start),
        1 => Just(Step::Stop),
        3 => prop_oneof![0_i64..200_000, any::<i64>()].prop_map(Step::Jump),
        1 => wanted().prop_map(Step::Funding),
        4 => (any::<u8>(), 0_u8..3, wanted(), wanted()).prop_map(|(what, of, price, size)| Step::Account(what, of, price, size)),
    ]
}

/// A core, what it sent, and the hook that is out.
struct World {
    core: TradingCore,
    now: i64,
    /// The hooks that are out, and whether each is `init`.
    out: BTreeMap<StrategyId, (EventNumber, bool)>,
    sent: Vec<ClientOrderId>,
    /// Whether kill switches may want to look.
    watched: bool,
    log: Vec<String>,
}

const ONE: StrategyId = StrategyId::new(1);
const TWO: StrategyId = StrategyId::new(2);

/// Everything that can be declared, so that hostile numbers meet every check.
fn everything() -> (AccountRisk, StrategyRisk) {
    let limit = Some(RISK_AMOUNT_MAX);
    let rate = Some(Rate { count: 3, per_ms: 1000 });
    let triggers = [
        KillTrigger::Loss(Amount::Quote(RISK_AMOUNT_MAX)),
        KillTrigger::Drawdown(Amount::Share(Decimal::ONE)),
        KillTrigger::DailyLoss(Amount::Share(Decimal::new(9, 1))),
        KillTrigger::ProfitLock { reached: Decimal::ONE, keep: Decimal::ZERO },
        KillTrigger::StaleData { age_ms: 100_000 },
        KillTrigger::RejectRate { rejects: 3, within_ms: 1000 },
    ];
    let kill: Vec<KillRule> = triggers.map(|trigger| KillRule { trigger, action: KillAction::Flatten }).to_vec();
    let amount = Amount::Share(Decimal::new(5, 1));
    let account = AccountRisk {
        notional_max: limit,
        tenant_notional_max: limit,
        leverage_max: Some(100),
        margin: Some(MarginPolicy { leverage_when_unknown: 50 }),
        collar_bps: Some(9_999),
        data_age_ms_max: Some(RISK_MS_MAX),
        kill: kill.clone(),
        dead_man_ms: Some(30_000),
        flatten_outside: true,
        instruments: vec![InstrumentRisk { notional_max: limit, ..InstrumentRisk::new(InstrumentId::new(0)) }],
    };
    let strategy = StrategyRisk {
        notional_max: limit,
        instrument_notional_max: limit,
        rates: Rates { orders: rate, amends: rate, cancels: None },
        off_grid: OffGrid::Round,
        budget: Some(Amount::Share(Decimal::ONE)),
        self_trade: SelfTrade::CancelResting,
        kill,
        protections: vec![
            Protection::StopLossStreak { losses: 1, within_ms: 1000, pause_ms: RISK_MS_MAX, per_instrument: true },
            Protection::MaxDrawdown { amount, within_ms: RISK_MS_MAX, pause_ms: 1 },
            Protection::LowProfit { profit: RISK_AMOUNT_MAX, trades: 1, within_ms: 1000, pause_ms: 1000 },
        ],
        ..StrategyRisk::NONE
    };
    (account, strategy)
}

impl World {
    fn new() -> Self {
        Self::under(AccountRisk::NONE, StrategyRisk::NONE)
    }

    fn under(account: AccountRisk, risk: StrategyRisk) -> Self {
        // Where everything is declared, exits wait in the core, too.
        let guards = account != AccountRisk::NONE;
        let (books, holds) =
            if guards { (Books::Netted, Holds { triggers: false, trailing: false }) } else { (Books::Apart, Holds::ALL) };
        let mut world = Self::of(CoreSettings { risk: account, books, holds, ..settings(Limits::default()) });
        world.deploy(ONE, risk, guards);
        world
    }

    /// A live account of which two strategies trade the same instruments, on opposite sides where that is allowed.
    fn live(netting: Netting) -> Self {
        let (books, live) = (Books::Netted, true);
        let mut world = Self::of(CoreSettings { live, books, netting, ..settings(Limits::default()) });
        world.watched = true;
        for strategy in [ONE, TWO] {
            world.deploy(strategy, StrategyRisk::NONE, true);
            world.handle(Input::Start(strategy));
        }
        world
    }

    fn of(settings: CoreSettings) -> Self {
        let core = TradingCore::new(settings).expect("sound settings");
        Self { core, now: 0, out: BTreeMap::new(), sent: Vec::new(), watched: false, log: Vec::new() }
    }

    fn deploy(&mut self, strategy: StrategyId, risk: StrategyRisk, shares: bool) {
        let whole = Deployment::new(strategy, [].into(), KnownEvents::ALL);
        self.handle(Input::Deploy(Box::new(Deployment { tick_interval_ms: Some(60_000), risk, shares, ..whole })));
    }

    fn handle(&mut self, input: Input) {
        self.core.handle(Timestamp::from_millis(self.now), input);
        while let Some(output) = self.core.poll() {
            self.log.push(format!("{output:?}"));
            match output {
                Output::Deliver(deliver) => {
                    let out = self.out.insert(deliver.strategy, (deliver.number, matches!(deliver.hook, Hook::Init(_))));
                    assert_eq!(out, None, "one hook at a time");
                }
                Output::Send(batch) => {
                    for command in batch.commands {
                        if let Command::Place(order) = command.into_inner() {
                            assert!(!self.sent.contains(&order.client_id), "order names are unique");
                            self.sent.push(order.client_id);
                        }
                    }
                }
                Output::Lifecycle { state: StrategyState::Faulted(_), strategy } => {
                    self.out.remove(&strategy);
                }
                _ => {}
            }
        }
        self.check();
    }

    /// Ends the hook that is out; of two each in its turn.
    fn end(&mut self, answer: Answer) {
        let turn = self.log.len() % self.out.len().max(1);
        let Some((strategy, (number, starting))) = self.out.iter().nth(turn).map(|(of, out)| (*of, *out)) else { return };
        self.out.remove(&strategy);
        let answer = match answer {
            Answer::Intents(_) if starting => {
                let wanted = (0..3).map(|series| Subscription::Candles { series: SeriesId::new(series), warm_up: series });
                Answer::Subscriptions(wanted.collect())
            }
            other => other,
        };
        self.handle(Input::HookEnded(HookEnded { strategy, number, answer, effects: None, fuel: 0 }));
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Candle(series, price) => {
                let at = Price::new(Decimal::new(price, 2)).expect("positive");
                let open_time = Timestamp::from_millis(self.now);
                let candle = Candle { open_time, open: at, high: at, low: at, close: at, volume: Decimal::ONE };
                self.handle(Input::Market(MarketEvent::Candle { series: SeriesId::new(u32::from(series)), candle }));
            }
            Step::Answer(intents) => self.end(Answer::Intents(intents)),
            Step::Fault => {
                let (kind, event) = (FaultKind::Trap, EventNumber::new(0));
                let (function, detail) = (String::new(), String::new());
                self.end(Answer::Fault(Box::new(Fault { kind, function, event, fuel: 0, detail })));
            }
            Step::Venue(which, what, price, size) => {
                if let Some(event) = self.about_order(which, what, price, size) {
                    self.handle(Input::Venue(event));
                }
            }
            Step::Start => self.handle(Input::Start(ONE)),
            Step::Stop => self.handle(Input::Stop { strategy: ONE, reason: StopReason::KillSwitch }),
            Step::Jump(by) => {
                self.now = self.now.saturating_add(by);
                self.handle(Input::Wake);
            }
            Step::Funding(payment) => {
                let (time, instrument) = (Timestamp::from_millis(self.now), InstrumentId::new(0));
                let payment = payment.get().unwrap_or_default();
                self.handle(Input::Venue(VenueEvent::Funding { instrument, time, rate: Decimal::ONE, payment }));
            }
            Step::Account(what, of, price, size) => {
                let input = self.about_account(what, InstrumentId::new(u32::from(of)), price, size);
                self.handle(input);
            }
        }
    }

    fn about_account(&self, what: u8, instrument: InstrumentId, price: Wanted, size: Wanted) -> Input {
        let time = Timestamp::from_millis(self.now.saturating_sub(i64::from(what % 3)));
        let (amount, entry_price) = (size.get().unwrap_or_default(), price.get().and_then(|price| Price::new(price).ok()));
        let (leverage, margin_mode) = (Some(u32::from(what)).filter(|_| what.is_multiple_of(2)), Some(MarginMode::Cross));
        let (size, liquidation_price) = (amount, entry_price);
        let report = PositionReport { instrument, size, entry_price, leverage, margin_mode, liquidation_price, time };
        let connection = |change| Input::Market(MarketEvent::Feed { feed: Feed::Connection, change });
        match what % 6 {
            0 => connection(FeedChange::Lost),
            1 => connection(FeedChange::Recovered),
            2 => Input::Venue(VenueEvent::Balance { time, change: amount, cause: BalanceCause::Deposit }),
            3 => Input::Opened { epoch: u16::from(what) },
            4 => {
                let cash = price.get();
                let snapshot = AccountSnapshot { time, positions: vec![report], cash, ..AccountSnapshot::default() };
                Input::Venue(VenueEvent::Snapshot(Box::new(snapshot)))
            }
            _ => Input::Venue(VenueEvent::Position(Box::new(report))),
        }
    }

    fn about_order(&self, which: u8, what: u8, price: Wanted, size: Wanted) -> Option<VenueEvent> {
        let order = *self.sent.get(usize::from(which) % self.sent.len().max(1))?;
        let price = Price::new(price.get()?).ok()?;
        let size = Size::new(size.get()?).ok()?;
        let (venue_order, instrument, side) =
            (VenueOrderId::new(u64::from(what % 7)), InstrumentId::new(u32::from(which % 3)), Side::Sell);
        let refusal = Refusal { code: "no".into(), message: String::new() };
        let kind = OrderKind::Limit { price, time_in_force: TimeInForce::Gtc };
        let exit = ClientOrderId::derive(OrderOrigin { leg: 1, ..order.origin()? })?;
        Some(match what % 14 {
            0 => VenueEvent::Accepted { order, venue_order },
            1 => VenueEvent::Rejected { order, refusal },
            2 => VenueEvent::Cancelled { order, venue_order: None, reason: "".into() },
            3 => VenueEvent::Triggered { order },
            4 => VenueEvent::RequestRejected { order, request: RequestKind::Amend, refusal },
            5 => VenueEvent::Amended { order, venue_order, size, kind },
            7 => VenueEvent::Expired { order },
            8 => VenueEvent::Resized { order, size },
            9 => VenueEvent::Unanswered { order },
            10 => VenueEvent::Absent { order, as_of: Timestamp::from_millis(self.now) },
            11 => VenueEvent::Open(Box::new(VenueOrder {
                order: Some(order).filter(|_| which.is_multiple_of(2)),
                venue_order,
                instrument,
                side,
                size,
                remaining: price.get(),
                kind,
                reduce_only: false,
                as_of: Timestamp::from_millis(self.now),
            })),
            6 => VenueEvent::ExitLive { order: exit, venue_order, instrument, side, size, kind },
            _ => VenueEvent::Fill(Box::new(VenueFill {
                order: Some(order),
                venue_order,
                trade_id: TradeId::new(u64::from(what)),
                instrument,
                side: if what > 128 { Side::Buy } else { Side::Sell },
                price,
                size,
                fee: price.get(),
                maker: false,
                force: None,
                time: Timestamp::from_millis(self.now),
            })),
        })
    }

    /// What holds after every input.
    fn check(&self) {
        let Some(strategy) = self.core.strategy(ONE) else { return };
        let numbers: Vec<u64> = strategy.orders().map(|order| order.id.get()).collect();
        assert!(numbers.is_sorted(), "orders stand by number");
        if let StrategyState::Stopped | StrategyState::Refused(_) = strategy.state() {
            assert_eq!(self.out.get(&ONE), None, "one that has stopped is asked nothing");
        }
        let waits = strategy.order_states().any(|(_, state)| state.is_in_doubt() || state == OrderState::Sent);
        let asked = strategy.order_states().any(|(_, state)| matches!(state, OrderState::Amending | OrderState::Cancelling));
        let waits = waits || self.core.leverage_unanswered() > 0;
        if !self.watched && !matches!(strategy.state(), StrategyState::Running | StrategyState::Stopping) && !waits && !asked {
            assert_eq!(self.core.next_wake(), None, "only what runs has timers, and what is unanswered is looked after");
        }
        if matches!(strategy.state(), StrategyState::Created | StrategyState::Stopped | StrategyState::Faulted(_)) {
            assert_eq!(strategy.subscriptions(), [], "what has ended hears nothing");
        }
        let settled = self.core.strategies().try_fold(self.core.settings().cash, |sum, one| sum.checked_add(one.settled()));
        if let Some(settled) = settled {
            assert_eq!(self.core.settled(), settled, "their books are the account's");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn nothing_that_is_sent_or_said_panics(steps in prop::collection::vec(step(), 1..60)) {
        let mut world = World::new();
        world.step(Step::Start);
        world.step(Step::Answer(Vec::new()));
        for step in steps {
            world.step(step);
        }
    }

    #[test]
    fn nothing_panics_under_everything_that_can_be_declared(steps in prop::collection::vec(step(), 1..60)) {
        let (account, strategy) = everything();
        let mut world = World::under(account, strategy);
        world.watched = true;
        world.step(Step::Start);
        world.step(Step::Answer(Vec::new()));
        for (place, step) in steps.into_iter().enumerate() {
            world.step(step);
            if place % 7 == 6 {
                let scope = if place % 2 == 0 { KillScope::Account } else { KillScope::Strategy(ONE) };
                world.handle(Input::Operator(OperatorCommand::Rearm { scope }));
                world.handle(Input::TenantExposure { elsewhere: Some(Decimal::MAX) });
            }
            if let Some(margin) = world.core.margin() {
                prop_assert!(margin.reserved >= Decimal::ZERO, "{margin:?}");
            }
        }
    }

    #[test]
    fn nothing_panics_in_a_live_account_that_strategies_share(
        netting in prop_oneof![Just(Netting::Deny), Just(Netting::Allow)],
        steps in prop::collection::vec(step(), 1..80)
    ) {
        let mut world = World::live(netting);
        world.step(Step::Account(4, 0, Wanted { mantissa: 1000, scale: 0 }, Wanted { mantissa: 0, scale: 0 }));
        world.step(Step::Answer(Vec::new()));
        world.step(Step::Answer(Vec::new()));
        for step in steps {
            world.step(step);
            if let Some(margin) = world.core.margin() {
                prop_assert!(margin.reserved >= Decimal::ZERO, "{margin:?}");
            }
        }
    }

    #[test]
    fn equal_inputs_give_equal_outputs(steps in prop::collection::vec(step(), 1..40)) {
        let run = || {
            let mut world = World::new();
            for step in &steps {
                world.step(step.clone());
            }
            world.log
        };
        prop_assert_eq!(run(), run());
    }

    #[test]
    fn every_order_that_passes_is_sane(order in place(), mantissa in -5_i64..5, last in 1_i64..100_000) {
        let settings = settings(Limits::default());
        let gate = RiskGate::new(&settings.instruments, &settings.limits, Timestamp::default());
        let origin = OrderOrigin { account: AccountId::new(1), strategy: ONE, epoch: 0, event: EventNumber::new(1), intent: 0, leg: 0 };
        let client_id = ClientOrderId::derive(origin).expect("it fits");
        let position = Decimal::new(mantissa, 1);
        let reference = Price::new(Decimal::new(last, 2)).ok();
        let standing =
            Standing { position, reference, ..Standing::new(Lane::Running) };
        let Intent::Place(order) = order else { return Ok(()) };
        if let Ok(approved) = gate.review(&Request::Place { order: &order, client_id }, &standing) {
            let Command::Place(new) = approved.into_inner() else { panic!("an order was asked for") };
            let rules = settings.instruments[new.instrument.get() as usize].rules;
            prop_assert!(rules.allows_size(new.size.get()));
            if let OrderKind::Limit { price, .. } = new.kind {
                prop_assert!(rules.allows_price(price.get()));
                prop_assert!(new.reduce_only || price.get() * new.size.get() >= rules.min_notional);
            }
            let reduces = position * new.side.signed(new.size) < Decimal::ZERO;
            prop_assert!(!new.reduce_only || reduces);
        }
    }
}

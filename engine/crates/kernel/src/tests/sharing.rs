//! Several strategies in one instrument of a netted account.

use super::script::replay;

const SHARED: &str = "
    netted
    deploy 1 shares
    start 1
    answer subscribe 0
    deploy 2 shares
    start 2
    answer @2 subscribe 0
    candle 0 100
";

fn shared(then: &str) -> String {
    let mut script = super::script::Script::played(SHARED);
    script.transcript.clear();
    script.run(&format!("candle 0 100\n{then}"));
    script.transcript
}

#[test]
fn each_has_a_position_of_its_own_and_nobody_reduces_more_than_that() {
    insta::assert_snapshot!(shared("
        answer buy 2 market
        answer @2 buy 1 market
        fill c1 2 100
        fill c2 1 100
        candle 0 101
        answer @2 sell 1.5 market reduce; sell 0.4 limit 120 reduce; sell 0.7 market reduce
        cancelled c3
        fill c4 0.7 101
        candle 0 102
        answer @2 sell 0.2 limit 130 reduce; close
        at 6000
        wake
        cancelled c5
        fill c6 0.1 102
        at 12000
        wake
        fill c7 0.2 102
        show
    "), @r#"
    1 hears #5 candle 0 at 100
    2 hears #6 candle 0 at 100
    sent: c1 buy 2 at the market
    sent: c2 buy 1 at the market
    1 hears #7 order 1 0/2 at the market accepted (#5.0)
    1 hears #8 order 1 2/2 at the market filled 2 at 100, 0 left (#5.0)
    1 hears #9 position 0 -> 2 from 100, realized 0, by Fill
    2 hears #10 order 2 0/1 at the market accepted (#6.0)
    2 hears #11 order 2 1/1 at the market filled 1 at 100, 0 left (#6.0)
    2 hears #12 position 0 -> 1 from 100, realized 0, by Fill
    1 hears #13 candle 0 at 101
    2 hears #14 candle 0 at 101
    2 denied reduce-only-increases: reduce-only 1.5 of instrument 0, which is shared: 1 of the strategy's own position is left to reduce
    sent: c3 sell 0.4 at 120 Gtc reduce-only
    sent: cancel of event 14
    2 hears #15 no order denied reduce-only-increases (#14.0)
    2 hears #16 order 3 0/0.4 at 120 Gtc accepted (#14.1)
    sent: c4 sell 0.7 at the market reduce-only
    2 hears #18 order 3 0/0.4 at 120 Gtc cancelled as asked (#14.1)
    2 hears #19 order 4 0/0.7 at the market accepted (#14.2)
    2 hears #20 order 4 0.7/0.7 at the market filled 0.7 at 101, 0.0 left (#14.2)
    2 hears #21 position 1 -> 0.3 from 100, realized 0.7, by Fill
    1 hears #22 candle 0 at 102
    2 hears #23 candle 0 at 102
    sent: c5 sell 0.2 at 130 Gtc reduce-only
    sent: cancel of event 23
    sent: c6 sell 0.1 at the market reduce-only
    2 hears #25 order 5 0/0.2 at 130 Gtc accepted (#23.0)
    2 hears #26 order 5 0/0.2 at 130 Gtc cancelled as asked (#23.0)
    2 hears #27 order 6 0/0.1 at the market accepted (#23.1)
    2 hears #28 order 6 0.1/0.1 at the market filled 0.1 at 102, 0.0 left (#23.1)
    2 hears #29 position 0.3 -> 0.2 from 100, realized 0.9, by Fill
    sent: c7 sell 0.2 at the market reduce-only
    2 hears #31 order 7 0/0.2 at the market accepted (#23.1)
    2 hears #32 order 7 0.2/0.2 at the market filled 0.2 at 102, 0.0 left (#23.1)
    2 hears #33 position 0.2 -> 0 from 0, realized 1.3, by Fill
    settled 1001.3, fees 0, funding 0; 1 holds 2 of 0 from 100, flow -200; wake None
    "#);
}

#[test]
fn what_rests_beyond_a_position_that_shrank_is_cancelled() {
    insta::assert_snapshot!(shared("
        answer buy 2 market
        fill c1 2 100
        candle 0 101
        answer sell 1 limit 120 reduce; sell 1 limit 130 reduce
        candle 0 101
        answer sell 0.5 market
        fill c4 0.5 101
        states
    "), @r#"
    1 hears #5 candle 0 at 100
    2 hears #6 candle 0 at 100
    sent: c1 buy 2 at the market
    1 hears #7 order 1 0/2 at the market accepted (#5.0)
    1 hears #8 order 1 2/2 at the market filled 2 at 100, 0 left (#5.0)
    1 hears #9 position 0 -> 2 from 100, realized 0, by Fill
    1 hears #10 candle 0 at 101
    2 hears #11 candle 0 at 101
    sent: c2 sell 1 at 120 Gtc reduce-only
    sent: c3 sell 1 at 130 Gtc reduce-only
    1 hears #12 candle 0 at 101
    2 hears #13 candle 0 at 101
    sent: c4 sell 0.5 at the market
    1 hears #14 order 4 0/0.5 at the market accepted (#12.0)
    sent: cancel of event 10
    1 hears #15 order 4 0.5/0.5 at the market filled 0.5 at 101, 0.0 left (#12.0)
    1 hears #16 position 2 -> 1.5 from 100, realized 0.5, by Fill
    1 has order 2 Sent; 1 has order 3 Sent; wake 10000
    "#);
}

#[test]
fn opposite_positions_are_denied_unless_they_are_allowed() {
    insta::assert_snapshot!(shared("
        answer buy 2 limit 90
        answer @2 sell 1 limit 110
        candle 0 101
        answer @2 buy 1 market
        fill c2 1 101
        candle 0 101
        answer @2 target -1
        candle 0 101
        answer @2 target 0
        candle 0 101
        answer cancel 1
        cancelled c1
        fill c3 1 101
        candle 0 101
        answer @2 sell 1 limit 110
        candle 0 101
        answer buy 1 limit 90
    "), @r#"
    1 hears #5 candle 0 at 100
    2 hears #6 candle 0 at 100
    sent: c1 buy 2 at 90 Gtc
    2 denied opposite-position: it could make the strategy short in instrument 0, and strategy 1 is on the other side or could come to be: the account does not allow opposite positions
    2 hears #7 no order denied opposite-position (#6.0)
    1 hears #8 candle 0 at 101
    2 hears #9 candle 0 at 101
    sent: c2 buy 1 at the market
    2 hears #10 order 2 0/1 at the market accepted (#9.0)
    2 hears #11 order 2 1/1 at the market filled 1 at 101, 0 left (#9.0)
    2 hears #12 position 0 -> 1 from 101, realized 0, by Fill
    1 hears #13 candle 0 at 101
    2 hears #14 candle 0 at 101
    2 denied opposite-position: it could make the strategy short in instrument 0, and strategy 1 is on the other side or could come to be: the account does not allow opposite positions
    2 hears #15 no order denied opposite-position (#14.0)
    1 hears #16 candle 0 at 101
    2 hears #17 candle 0 at 101
    sent: c3 sell 1 at the market reduce-only
    1 hears #18 candle 0 at 101
    2 hears #19 candle 0 at 101
    sent: cancel of event 5
    1 hears #20 order 1 0/2 at 90 Gtc accepted (#5.0)
    1 hears #21 order 1 0/2 at 90 Gtc cancelled as asked (#18.0)
    2 hears #22 order 3 0/1 at the market accepted (#17.0)
    2 hears #23 order 3 1/1 at the market filled 1 at 101, 0 left (#17.0)
    2 hears #24 position 1 -> 0 from 0, realized 0, by Fill
    1 hears #25 candle 0 at 101
    2 hears #26 candle 0 at 101
    sent: c4 sell 1 at 110 Gtc
    1 hears #27 candle 0 at 101
    2 hears #28 candle 0 at 101
    1 denied opposite-position: it could make the strategy long in instrument 0, and strategy 2 is on the other side or could come to be: the account does not allow opposite positions
    1 hears #29 no order denied opposite-position (#27.0)
    "#);
}

#[test]
fn opposite_positions_close_without_the_exchange_refusing_them() {
    insta::assert_snapshot!(replay(&format!("opposite {SHARED}
        answer buy 2 market
        answer @2 sell 3 market
        fill c1 2 100
        fill c2 3 100
        candle 0 101
        answer close
        fill c3 2 101
        candle 0 101
        answer @2 close
        fill c4 3 101
        show
    ")), @r#"
    1 is created
    1 is warming up
    1 hears #1 init with cash 1000
    1 is running
    2 is created
    2 is warming up
    2 hears #2 init with cash 1000
    2 is running
    1 hears #3 candle 0 at 100
    2 hears #4 candle 0 at 100
    sent: c1 buy 2 at the market
    sent: c2 sell 3 at the market
    1 hears #5 order 1 0/2 at the market accepted (#3.0)
    1 hears #6 order 1 2/2 at the market filled 2 at 100, 0 left (#3.0)
    1 hears #7 position 0 -> 2 from 100, realized 0, by Fill
    2 hears #8 order 2 0/3 at the market accepted (#4.0)
    2 hears #9 order 2 3/3 at the market filled 3 at 100, 0 left (#4.0)
    2 hears #10 position 0 -> -3 from 100, realized 0, by Fill
    1 hears #11 candle 0 at 101
    2 hears #12 candle 0 at 101
    sent: c3 sell 2 at the market
    1 hears #13 order 3 0/2 at the market accepted (#11.0)
    1 hears #14 order 3 2/2 at the market filled 2 at 101, 0 left (#11.0)
    1 hears #15 position 2 -> 0 from 0, realized 2, by Fill
    1 hears #16 candle 0 at 101
    2 hears #17 candle 0 at 101
    sent: c4 buy 3 at the market reduce-only
    2 hears #18 order 4 0/3 at the market accepted (#17.0)
    2 hears #19 order 4 3/3 at the market filled 3 at 101, 0 left (#17.0)
    2 hears #20 position -3 -> 0 from 0, realized -3, by Fill
    settled 999, fees 0, funding 0; wake None
    "#);
}

#[test]
fn exits_of_shared_positions_wait_here_and_take_what_is_left() {
    insta::assert_snapshot!(shared("
        answer buy 2 market sl 90
        answer @2 buy 1 market sl 95
        fill c1 2 100
        fill c2 1 100
        candle 0 101
        answer @2 sell 1 limit 120 reduce
        candle 0 94
        cancelled c3
        fill c4 1 94
        candle 0 89
        fill c5 2 89
        show
    "), @r#"
    1 hears #5 candle 0 at 100
    2 hears #6 candle 0 at 100
    sent: c1 buy 2 at the market
    sent: c2 buy 1 at the market
    1 hears #7 order 1 0/2 at the market accepted (#5.0)
    1 notifies: its exits wait in the engine, not at the exchange: they do nothing while the engine is down
    1 hears #8 order 1 2/2 at the market filled 2 at 100, 0 left (#5.0)
    1 hears #9 position 0 -> 2 from 100, realized 0, by Fill
    1 hears #10 order 3 0/2 Stop 90 accepted (#5.0)
    2 hears #11 order 2 0/1 at the market accepted (#6.0)
    2 notifies: its exits wait in the engine, not at the exchange: they do nothing while the engine is down
    2 hears #12 order 2 1/1 at the market filled 1 at 100, 0 left (#6.0)
    2 hears #13 position 0 -> 1 from 100, realized 0, by Fill
    2 hears #14 order 4 0/1 Stop 95 accepted (#6.0)
    1 hears #15 candle 0 at 101
    2 hears #16 candle 0 at 101
    sent: c3 sell 1 at 120 Gtc reduce-only
    2 hears #17 order 4 0/1 at the market triggered (#6.0)
    sent: cancel of event 16
    1 hears #18 candle 0 at 94
    2 hears #19 candle 0 at 94
    2 hears #20 order 5 0/1 at 120 Gtc accepted (#16.0)
    sent: c4 sell 1 at the market reduce-only
    2 hears #22 order 5 0/1 at 120 Gtc cancelled as asked (#16.0)
    2 hears #23 order 4 1/1 at the market filled 1 at 94, 0 left (#6.0)
    2 hears #24 position 1 -> 0 from 0, realized -6, by Fill
    1 hears #25 order 3 0/2 at the market triggered (#5.0)
    sent: c5 sell 2 at the market reduce-only
    2 hears #27 candle 0 at 89
    1 hears #28 candle 0 at 89
    1 hears #29 order 3 2/2 at the market filled 2 at 89, 0 left (#5.0)
    1 hears #30 position 2 -> 0 from 0, realized -22, by Fill
    settled 972, fees 0, funding 0; wake None
    "#);
}

#[test]
fn a_liquidation_is_shared_as_the_position_was() {
    insta::assert_snapshot!(shared("
        answer buy 2 market
        answer @2 buy 1 market
        fill c1 2 100
        fill c2 1 100
        external-fill 50 sell 1.5 80 liquidation
        show
        external-fill 51 sell 1.5 80 liquidation
        show
    "), @r#"
    1 hears #5 candle 0 at 100
    2 hears #6 candle 0 at 100
    sent: c1 buy 2 at the market
    sent: c2 buy 1 at the market
    1 hears #7 order 1 0/2 at the market accepted (#5.0)
    1 hears #8 order 1 2/2 at the market filled 2 at 100, 0 left (#5.0)
    1 hears #9 position 0 -> 2 from 100, realized 0, by Fill
    2 hears #10 order 2 0/1 at the market accepted (#6.0)
    2 hears #11 order 2 1/1 at the market filled 1 at 100, 0 left (#6.0)
    2 hears #12 position 0 -> 1 from 100, realized 0, by Fill
    1 hears #13 position 2 -> 1 from 100, realized -20, by Liquidation
    2 hears #14 position 1 -> 0.5 from 100, realized -10.0, by Liquidation
    settled 1000, fees 0, funding 0; 1 holds 1 of 0 from 100, flow -120; 2 holds 0.5 of 0 from 100, flow -60.0; wake None
    1 hears #15 position 1 -> 0 from 0, realized -40, by Liquidation
    2 hears #16 position 0.5 -> 0 from 0, realized -20.0, by Liquidation
    settled 940.0, fees 0, funding 0; wake None
    "#);
}

#[test]
fn nothing_held_is_nothing_held_by_anyone() {
    insta::assert_snapshot!(shared("
        answer buy 2 market
        answer @2 buy 1 market
        fill c1 2 100
        fill c2 1 100
        external-fill 50 sell 3 105
        states
        report 0 0 time 10
        show
        states
    "), @r#"
    1 hears #5 candle 0 at 100
    2 hears #6 candle 0 at 100
    sent: c1 buy 2 at the market
    sent: c2 buy 1 at the market
    1 hears #7 order 1 0/2 at the market accepted (#5.0)
    1 hears #8 order 1 2/2 at the market filled 2 at 100, 0 left (#5.0)
    1 hears #9 position 0 -> 2 from 100, realized 0, by Fill
    2 hears #10 order 2 0/1 at the market accepted (#6.0)
    2 hears #11 order 2 1/1 at the market filled 1 at 100, 0 left (#6.0)
    2 hears #12 position 0 -> 1 from 100, realized 0, by Fill
    nobody's: -3 held
    1 hears #13 position 2 -> 0 from 0, realized 0, by Exchange
    2 hears #14 position 1 -> 0 from 0, realized 0, by Exchange
    settled 1000, fees 0, funding 0; wake None
    nothing open
    "#);
}

/// Three strategies, two of which share, in one instrument of an exchange that is played by the plainest model there is.
mod whoever_trades {
    use crate::*;
    use proptest::prelude::*;

    const BTC: InstrumentId = InstrumentId::new(0);

    /// What may happen: a strategy's order of a signed size that fills at a price, or a trade by hand.
    #[derive(Debug, Clone, Copy)]
    enum Step {
        Trades { strategy: u32, lots: i64, reduce_only: bool, filled: u8, price: i64 },
        ByHand { lots: i64, price: i64 },
        Forced { lots: i64, price: i64 },
        Reported,
    }

    fn lots() -> impl Strategy<Value = i64> {
        prop_oneof![-40_i64..=-1, 1_i64..=40]
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            6 => (1_u32..=3, lots(), any::<bool>(), any::<u8>(), 50_i64..150).prop_map(
                |(strategy, lots, reduce_only, filled, price)| Step::Trades { strategy, lots, reduce_only, filled, price }
            ),
            1 => (lots(), 50_i64..150).prop_map(|(lots, price)| Step::ByHand { lots, price }),
            1 => (lots(), 50_i64..150).prop_map(|(lots, price)| Step::Forced { lots, price }),
            1 => Just(Step::Reported),
        ]
    }

    struct World {
        core: TradingCore,
        now: i64,
        /// What the exchange holds.
        net: Decimal,
        out: Vec<Deliver>,
        placed: Vec<NewOrder>,
        trades: u64,
    }

    impl World {
        fn new(netting: Netting) -> Self {
            let settings = CoreSettings { books: Books::Netted, netting, ..tests::script::settings(Limits::default()) };
            let core = TradingCore::new(settings).expect("sound");
            let mut world = Self { core, now: 0, net: Decimal::ZERO, out: Vec::new(), placed: Vec::new(), trades: 0 };
            for id in 1..=3 {
                let strategy = StrategyId::new(id);
                let deployment = Deployment { shares: true, ..Deployment::new(strategy, [].into(), KnownEvents::ALL) };
                world.handle(Input::Deploy(Box::new(deployment)));
                world.handle(Input::Start(strategy));
                world.answer(id, Answer::Subscriptions(vec![Subscription::Candles { series: SeriesId::new(0), warm_up: 0 }]));
            }
            world
        }

        fn handle(&mut self, input: Input) {
            self.now += 1;
            self.core.handle(Timestamp::from_millis(self.now), input);
            while let Some(output) = self.core.poll() {
                match output {
                    Output::Deliver(deliver) => self.out.push(deliver),
                    Output::Send(batch) => {
                        let commands = batch.commands.into_iter().map(Approved::into_inner);
                        self.placed.extend(commands.filter_map(|command| match command {
                            Command::Place(order) => Some(order),
                            _ => None,
                        }));
                    }
                    _ => {}
                }
            }
        }

        fn answer(&mut self, strategy: u32, answer: Answer) {
            let place = self.out.iter().position(|deliver| deliver.strategy.get() == strategy).expect("a hook is out");
            let Deliver { strategy, number, .. } = self.out.remove(place);
            self.handle(Input::HookEnded(HookEnded { strategy, number, answer, effects: None, fuel: 0 }));
        }

        fn settle(&mut self) {
            while let Some(strategy) = self.out.first().map(|deliver| deliver.strategy.get()) {
                self.answer(strategy, Answer::Intents(Vec::new()));
            }
        }

        fn fill(&mut self, order: Option<ClientOrderId>, signed: Decimal, price: i64, force: Option<Force>) {
            let (side, size) = Side::of(signed).expect("not zero");
            self.trades += 1;
            self.net += signed;
            let fill = VenueFill {
                order,
                venue_order: VenueOrderId::new(self.trades),
                trade_id: TradeId::new(self.trades),
                instrument: BTC,
                side,
                price: Price::new(Decimal::from(price)).expect("positive"),
                size,
                fee: Decimal::ZERO,
                maker: false,
                force,
                time: Timestamp::from_millis(self.now),
            };
            self.handle(Input::Venue(VenueEvent::Fill(Box::new(fill))));
        }

        fn step(&mut self, step: Step) {
            match step {
                Step::Trades { strategy, lots, reduce_only, filled, price } => {
                    let at = Price::new(Decimal::from(price)).expect("positive");
                    let time = Timestamp::from_millis(self.now);
                    let candle = Candle { open_time: time, open: at, high: at, low: at, close: at, volume: Decimal::ONE };
                    self.handle(Input::Market(MarketEvent::Candle { series: SeriesId::new(0), candle }));
                    let (side, size) = Side::of(Decimal::new(lots, 1)).expect("not zero");
                    let order = PlaceOrder {
                        instrument: BTC,
                        side,
                        size: Wanted::try_from(size.get()).expect("small"),
                        kind: WantedKind::Market,
                        reduce_only,
                        tag: None,
                        take_profit: None,
                        stop_loss: None,
                    };
                    self.answer(strategy, Answer::Intents(vec![Intent::Place(Box::new(order))]));
                    for order in std::mem::take(&mut self.placed) {
                        let whole = order.size.get();
                        // The exchange cuts what it was told only reduces.
                        let room = if order.side == Side::Sell { self.net } else { -self.net };
                        let can = if order.reduce_only { whole.min(room.max(Decimal::ZERO)) } else { whole };
                        let part = (can * Decimal::from(filled) / Decimal::from(255)).trunc_with_scale(1);
                        if let Ok(part) = Size::new(part) {
                            self.fill(Some(order.client_id), order.side.signed(part), price, None);
                        }
                        if part < whole {
                            let gone =
                                VenueEvent::Cancelled { order: order.client_id, venue_order: None, reason: "rest".into() };
                            self.handle(Input::Venue(gone));
                        }
                    }
                }
                Step::ByHand { lots, price } => self.fill(None, Decimal::new(lots, 1), price, None),
                Step::Forced { lots, price } => self.fill(None, Decimal::new(lots, 1), price, Some(Force::Liquidation)),
                Step::Reported => {
                    let (size, time) = (self.net, Timestamp::from_millis(self.now));
                    let report = PositionReport {
                        instrument: BTC,
                        size,
                        entry_price: None,
                        leverage: None,
                        margin_mode: None,
                        liquidation_price: None,
                        time,
                    };
                    self.handle(Input::Venue(VenueEvent::Position(Box::new(report))));
                }
            }
            self.settle();
        }

        fn sizes(&self) -> Vec<Decimal> {
            self.core.positions().map(|(_, position)| position.size()).collect()
        }
    }

    proptest! {
        #[test]
        fn virtual_positions_and_what_is_nobodys_are_what_the_exchange_holds(
            steps in prop::collection::vec(step(), 1..60), opposite in any::<bool>()
        ) {
            let mut world = World::new(if opposite { Netting::Allow } else { Netting::Deny });
            for step in steps {
                let before = world.sizes();
                world.step(step);
                let sum: Decimal = world.sizes().iter().sum();
                prop_assert_eq!(sum + world.core.unattributed(BTC), world.net, "after {:?} of {:?}", step, before);
                prop_assert_eq!(world.core.size_held(BTC), world.net);
                if !opposite {
                    let signs: Vec<bool> = world.sizes().iter().map(Decimal::is_sign_negative).collect();
                    prop_assert!(signs.windows(2).all(|pair| pair[0] == pair[1]), "all on one side after {:?}", step);
                }
                prop_assert_eq!(world.core.strays(), 0);
                prop_assert_eq!(world.core.differences(), 0, "nothing differed, since everything was told");
            }
        }
    }
}

#[test]
fn an_amend_of_a_reduce_only_order_stays_within_the_position_of_its_strategy() {
    let said = shared(
        "
        answer buy 10 market
        answer @2 buy 2 market
        fill c1 10 100
        fill c2 2 100
        candle 0 100
        answer @2 sell 1 limit 110 reduce
        accept c3
        candle 0 100
        answer @2 amend 3 size 8; amend 3 size 2
        amended c3 2 110
        fill c3 2 110
        show
    ",
    );
    assert_eq!(said.matches("2 denied reduce-only-increases:").count(), 1, "{said}");
    assert!(said.contains("1 holds 10 ") && !said.contains("2 holds"), "it is flat, not short: {said}");
}

#[test]
fn what_an_unanswered_amend_will_take_is_not_there_for_another_order() {
    let said = shared(
        "
        answer buy 2 market
        fill c1 2 100
        candle 0 100
        answer sell 1 limit 110 reduce
        accept c2
        candle 0 100
        answer amend 2 size 2; sell 1 limit 120 reduce
    ",
    );
    assert_eq!(said.matches("1 denied reduce-only-increases:").count(), 1, "{said}");
}

#[test]
fn closes_that_wait_for_others_to_make_way_close_once() {
    let mut script = super::script::Script::played(SHARED);
    script.run(
        "candle 0 100\n answer buy 2 market\n fill c1 2 100\n candle 0 100\n answer sell 1.5 limit 120 reduce\n accept c2",
    );
    script.transcript.clear();
    let closes = vec!["close"; 20].join("; ");
    script.run(&format!("candle 0 100\n answer {closes}"));
    assert_eq!(script.transcript.matches("1 denied reduce-only-increases:").count(), 19, "{}", script.transcript);
    script.run("cancelled c2");
    assert_eq!(script.transcript.matches("sell 2 at the market").count(), 1, "{}", script.transcript);
}

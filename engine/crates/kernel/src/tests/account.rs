//! What is authoritative when: fills, the exchange's word on positions, snapshots.

use super::script::{number, replay, settings};
use crate::*;
use proptest::prelude::*;

#[test]
fn the_exchanges_word_replaces_ours_and_is_told_at_once() {
    insta::assert_snapshot!(replay("
        running
        candle 0 100
        answer buy 2 market
        at 5
        fill c1 2 100
        at 6
        report 0 3 entry 101 leverage 5
        show
        at 7
        report 0 3 entry 101
        at 8
        report 0 0
        show
    "), @r#"
    1 hears #3 candle 0 at 100
    sent: c1 buy 2 at the market
    1 hears #4 order 1 0/2 at the market accepted (#3.0)
    1 hears #5 order 1 2/2 at the market filled 2 at 100, 0 left (#3.0)
    1 hears #6 position 0 -> 2 from 100, realized 0, by Fill
    differs at 6 in Position(InstrumentId(0)): ours 2, theirs 3
    1 hears #7 position 2 -> 3 from 101, realized 0, leverage 5, by Exchange
    settled 1000, fees 0, funding 0; 1 holds 3 of 0 from 101, flow -303; wake None
    1 hears #8 position 3 -> 3 from 101, realized 0, by Settings
    differs at 8 in Position(InstrumentId(0)): ours 3, theirs 0
    1 hears #9 position 3 -> 0 from 0, realized -3, by Exchange
    settled 997, fees 0, funding 0; wake None
    "#);
}

#[test]
fn a_word_older_than_the_last_fill_is_let_pass() {
    insta::assert_snapshot!(replay("
        running
        candle 0 100
        answer buy 2 market
        at 9
        fill c1 2 100
        report 0 0 time 8
        report 0 2 leverage 3 time 9
        show
    "), @r#"
    1 hears #3 candle 0 at 100
    sent: c1 buy 2 at the market
    1 hears #4 order 1 0/2 at the market accepted (#3.0)
    1 hears #5 order 1 2/2 at the market filled 2 at 100, 0 left (#3.0)
    1 hears #6 position 0 -> 2 from 100, realized 0, by Fill
    1 hears #7 position 2 -> 2 from 100, realized 0, leverage 3, by Settings
    settled 1000, fees 0, funding 0; 1 holds 2 of 0 from 100, flow -200; wake None
    "#);
}

#[test]
fn a_fill_that_the_word_contained_moves_money_and_not_size() {
    insta::assert_snapshot!(replay("
        running
        candle 0 100
        answer buy 2 market
        at 9
        report 0 2 entry 100
        fill c1 2 99 fee 0.5 time 8
        show
        at 10
        fill c1 1 99 trade 77
        show
    "), @r#"
    1 hears #3 candle 0 at 100
    sent: c1 buy 2 at the market
    differs at 9 in Position(InstrumentId(0)): ours 0, theirs 2
    1 hears #4 position 0 -> 2 from 100, realized 0, by Exchange
    1 hears #5 order 1 0/2 at the market accepted (#3.0)
    1 hears #6 order 1 2/2 at the market filled 2 at 99, 0 left (#3.0)
    1 hears #7 position 2 -> 2 from 99, realized 0, by Fill
    settled 999.5, fees 0.5, funding 0; 1 holds 2 of 0 from 99, flow -198; wake None
    differs at 10 in Filled(0x01000009000100000000000003000000): ours 2, theirs 3
    1 hears #8 order 1 3/2 at the market filled 1 at 99, 0 left (#3.0)
    1 hears #9 position 2 -> 3 from 99, realized 0, by Fill
    settled 999.5, fees 0.5, funding 0; 1 holds 3 of 0 from 99, flow -297; wake None
    "#);
}

#[test]
fn what_is_nobodys_is_kept_apart() {
    insta::assert_snapshot!(replay("
        running
        report 1 4 entry 10
        show
        report 9 4
        show
    "), @r#"
    differs at 0 in Position(InstrumentId(1)): ours 0, theirs 4
    settled 1000, fees 0, funding 0; wake None
    settled 1000, fees 0, funding 0; wake None
    "#);
}

#[test]
fn a_live_account_trades_only_once_it_is_reconciled() {
    insta::assert_snapshot!(replay("
        live
        deploy 1
        start 1
        deploy 2
        start 2
        stop 2
        at 4
        snapshot 0=1 cash 900
        answer subscribe 0
        candle 0 100
        lost
        recovered
        at 9
        snapshot cash 900
        show
    "), @r#"
    reconcile: Start
    1 is created
    2 is created
    differs at 4 in Position(InstrumentId(0)): ours 0, theirs 1
    differs at 4 in Cash: ours 1000, theirs 900
    1 is warming up
    1 hears #1 init with cash 900
    1 is running
    1 hears #2 candle 0 at 100
    1 hears #3 feed Connection Lost
    reconcile: Reconnected
    1 hears #4 feed Connection Recovered
    differs at 9 in Position(InstrumentId(0)): ours 1, theirs 0
    1 hears #5 feed Connection Restored
    settled 900, fees 0, funding 0; wake None
    "#);
}

#[test]
fn a_deposit_is_told_to_everyone() {
    insta::assert_snapshot!(replay("
        running
        balance 50
        show
    "), @r#"
    1 hears #3 Balance(BalanceEvent { time: Timestamp(0), cash: 1050, change: 50, cause: Deposit })
    settled 1050, fees 0, funding 0; wake None
    "#);
}

#[test]
fn one_strategy_trades_an_instrument_unless_both_share() {
    insta::assert_snapshot!(replay("
        netted
        running
        deploy 2
        start 2
        answer @2 subscribe 0
        candle 0 100
        answer buy 1 market
        answer @2 buy 1 market; buy 1 market of 1
    "), @r#"
    2 is created
    2 is warming up
    2 hears #3 init with cash 1000
    2 is running
    1 hears #4 candle 0 at 100
    2 hears #5 candle 0 at 100
    sent: c1 buy 1 at the market
    2 denied instrument-taken: strategy 1 trades instrument 0; both must be allowed to share, or one must end
    sent: c2 buy 1 at the market
    2 hears #6 no order denied instrument-taken (#5.0)
    "#);
}

/// What really happens at the exchange, and how it is told: fills in any order and more than once, words on the position in
/// between, at last one that is newer than all.
#[derive(Debug, Clone)]
struct Told {
    /// Signed size and price of each fill, in the order of the exchange.
    fills: Vec<(i64, i64)>,
    /// Which is told next: a fill by its place, or what is held after so many fills.
    order: Vec<(bool, usize)>,
}

fn told() -> impl Strategy<Value = Told> {
    prop::collection::vec((prop_oneof![-9_i64..=-1, 1_i64..=9], 1_i64..1000), 1..12).prop_flat_map(|fills| {
        let count = fills.len();
        let order = prop::collection::vec((any::<bool>(), 0..count), 0..40);
        (Just(fills), order).prop_map(|(fills, order)| Told { fills, order })
    })
}

fn feed(core: &mut TradingCore, event: VenueEvent) {
    core.handle(Timestamp::from_millis(1_000), Input::Venue(event));
    while core.poll().is_some() {}
}

proptest! {
    #[test]
    fn once_quiet_size_and_money_are_the_exchanges_whatever_the_order(told in told()) {
        const ONE: StrategyId = StrategyId::new(1);
        let instrument = InstrumentId::new(0);
        let mut core = TradingCore::new(settings(Limits::default())).expect("sound settings");
        let deployment = Deployment::new(ONE, [].into(), KnownEvents::default());
        core.handle(Timestamp::default(), Input::Deploy(Box::new(deployment)));
        let origin = |event| OrderOrigin {
            account: core.account(),
            strategy: ONE,
            epoch: 0,
            event: EventNumber::new(event),
            intent: 0,
            leg: 0,
        };
        // An order that the strategy no longer remembers: its fills are money all the same.
        let order = ClientOrderId::derive(origin(1)).expect("it fits");
        let fill = |place: usize| {
            let (signed, price) = told.fills[place];
            let (side, size) = Side::of(Decimal::new(signed, 1)).expect("not zero");
            VenueEvent::Fill(Box::new(VenueFill {
                order: Some(order),
                venue_order: VenueOrderId::new(1),
                trade_id: TradeId::new(place as u64),
                instrument,
                side,
                price: Price::new(Decimal::from(price)).expect("positive"),
                size,
                fee: Decimal::ZERO,
                maker: false,
                force: None,
                time: Timestamp::from_millis(i64::try_from(place).expect("few") + 1),
            }))
        };
        let held = |count: usize| told.fills[..count].iter().map(|(signed, _)| Decimal::new(*signed, 1)).sum::<Decimal>();
        let report = |count: usize| VenueEvent::Position(Box::new(PositionReport {
            instrument,
            size: held(count),
            entry_price: Some(Price::new(number("50")).expect("positive")),
            leverage: None,
            margin_mode: None,
            liquidation_price: None,
            time: Timestamp::from_millis(i64::try_from(count).expect("few")),
        }));
        let mut seen = std::collections::BTreeSet::new();
        for (is_fill, place) in told.order.iter().copied() {
            // Of an order that is remembered the core tells repeated fills apart by their trade; of this one it cannot.
            match is_fill {
                true if seen.insert(place) => feed(&mut core, fill(place)),
                true => {}
                false => feed(&mut core, report(place + 1)),
            }
        }
        feed(&mut core, report(told.fills.len()));
        prop_assert_eq!(core.size_held(instrument), held(told.fills.len()));
        for place in 0..told.fills.len() {
            if seen.insert(place) {
                feed(&mut core, fill(place));
            }
        }
        prop_assert_eq!(core.size_held(instrument), held(told.fills.len()));
        let flow = core.positions().map(|(_, position)| position.flow()).sum::<Decimal>();
        let paid = told.fills.iter().map(|(signed, price)| Decimal::new(*signed, 1) * Decimal::from(*price)).sum::<Decimal>();
        prop_assert_eq!(core.settled() + flow - number("1000"), -paid);
        prop_assert!(core.positions().all(|(_, position)| position.assumed().is_zero()));
        prop_assert_eq!(core.unattributed(instrument), Decimal::ZERO);
    }
}

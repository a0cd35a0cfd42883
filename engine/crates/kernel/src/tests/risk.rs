//! What the gate does beside denying: rounding, making way, reserving margin, exempting what closes.

use super::script::{Script, number, replay};
use crate::*;
use proptest::prelude::*;

/// What was sent, without what was heard.
fn sent(script: &str) -> Vec<String> {
    let lines = replay(script);
    lines.lines().filter_map(|line| line.strip_prefix("sent: ")).map(str::to_owned).collect()
}

#[test]
fn rounding_as_a_policy_never_gives_more_than_was_asked_for() {
    let orders = "answer buy 0.1239 limit 100.0049; sell 0.1239 limit 99.9951; buy 1 stop 110.0055; sell 1 trail 1.00049; \
                  target 2.5009; target -3.9999";
    assert_eq!(
        sent(&format!("risk off-grid round\nrunning\ncandle 0 100\n{orders}")),
        [
            "c1 buy 0.123 at 100 Gtc",
            "c2 sell 0.123 at 99.996 Gtc",
            "c3 buy 1 Stop 110.01",
            "c4 sell 1 trailing by 1",
            "c5 buy 2.5 at the market",
            "c6 sell 6.499 at the market",
        ]
    );
    let finer = replay("risk off-grid round\nrunning\ncandle 0 100\nanswer buy 0.0009 limit 100");
    assert!(finer.contains("denied size-off-grid: size 0.0009 of BTC is finer"), "{finer}");
    let worthless = replay("risk off-grid round\nrunning\ncandle 0 100\nanswer buy 1 limit 0.00001");
    assert!(worthless.contains("denied price-off-grid"), "{worthless}");
}

#[test]
fn resting_orders_make_way_where_that_is_declared_but_never_another_strategys() {
    let script = "risk self-trade cancel\nrunning\ncandle 0 100\nanswer sell 1 limit 105; sell 1 limit 110\ncandle 0 100\n\
                  answer buy 1 limit 106";
    assert_eq!(sent(script)[2..], ["cancel of event 3", "c3 buy 1 at 106 Gtc"]);
    let other = replay(
        "risk self-trade cancel\nrunning\ndeploy 2\nstart 2\nanswer @2 subscribe 0\ncandle 0 100\n\
         answer @2 sell 1 limit 105\nanswer buy 1 limit 106",
    );
    assert!(other.contains("denied self-trade: it would meet an order of another strategy of the account at 105"), "{other}");
}

#[test]
fn a_market_order_meets_what_rests_at_the_best_price_and_not_behind_it() {
    let given = "risk self-trade deny\nrunning\ncandle 0 100\nanswer sell 1 limit 101\ncandle 0 100";
    assert!(!replay(&format!("{given}\nquote 99 100\ncandle 0 100\nanswer buy 1 market")).contains("denied"));
    assert!(replay(&format!("{given}\nquote 99 101\ncandle 0 100\nanswer buy 1 market")).contains("denied self-trade"));
    assert!(!replay(&format!("{given}\nanswer buy 1 stop 102")).contains("denied"), "a stop meets nothing yet");
}

#[test]
fn limits_of_notional_let_pass_what_makes_them_no_larger() {
    let given = "risk notional 100\nrunning\ncandle 0 100\nanswer buy 1 market\nfill c1 1 100\ncandle 0 300";
    assert!(!replay(&format!("{given}\nanswer sell 1 market; buy 1 limit 90 reduce")).contains("notional-limit"));
    assert!(replay(&format!("{given}\nanswer sell 4.001 market")).contains("strategy-notional-limit"));
    assert!(replay(&format!("{given}\nanswer buy 0.1 limit 200")).contains("strategy-notional-limit"));
}

#[test]
fn an_amendment_is_weighed_without_the_order_it_changes() {
    let given = "risk instrument 200\nrunning\ncandle 0 100\nanswer buy 1 limit 100; buy 0.5 limit 100\ncandle 0 100";
    assert!(!replay(&format!("{given}\nanswer amend 1 size 1.5")).contains("denied"));
    assert!(replay(&format!("{given}\nanswer amend 1 size 1.501")).contains("denied instrument-notional-limit"));
}

#[test]
fn an_amend_on_its_way_reserves_for_the_larger_of_both_terms() {
    let given = "account margin 2\nrunning\ncandle 0 100\nanswer buy 1 limit 90\naccept c1\ncandle 0 100";
    let reserved =
        |script: &str| Script::played(&format!("{given}\n{script}")).core().margin().expect("prices are known").reserved;
    for (script, margin) in [
        ("answer amend 1 size 3", 135),
        ("answer amend 1 size 0.5", 45),
        ("answer amend 1 size 3; amend 1 size 2", 135),
        ("answer amend 1 size 3\nrequest-rejected c1", 45),
        ("answer amend 1 size 0.5\namended c1 0.5 90", 22),
    ] {
        assert_eq!(reserved(script).trunc(), Decimal::from(margin), "{script}");
    }
}

#[test]
fn margin_is_reserved_when_an_order_is_sent_and_released_on_every_ending() {
    let given = "account margin 2\nrunning\ncandle 0 100\nanswer buy 1 limit 90";
    let reserved = |script: &str| Script::played(&format!("{given}\n{script}")).core().margin().expect("prices are known");
    assert_eq!(reserved("").reserved, number("45"));
    for ending in ["reject c1", "accept c1\ncancelled c1", "fill c1 1 90\ncandle 0 90\nanswer close\nfill c2 1 90"] {
        let margin = reserved(ending);
        assert_eq!((margin.held, margin.reserved), (Decimal::ZERO, Decimal::ZERO), "{ending}");
    }
    let part = reserved("fill c1 0.4 90\ncandle 0 100");
    assert_eq!((part.held, part.reserved, part.equity), (number("20"), number("27"), number("1004")));
    let closing = reserved("fill c1 1 90\ncandle 0 100\nanswer sell 3 limit 120; sell 1 limit 130 reduce");
    assert_eq!((closing.held, closing.reserved), (number("50"), number("80")), "a sell of 360 could turn 100 into -260");
}

#[test]
fn leverage_that_may_be_set_is_bounded_by_what_is_declared() {
    let given = "account leverage 5\nrunning\ncandle 0 100";
    assert!(!replay(&format!("{given}\nanswer leverage 5")).contains("denied"));
    assert!(replay(&format!("{given}\nanswer leverage 6")).contains("denied leverage-out-of-range"));
}

#[test]
fn a_strategy_cannot_ask_for_what_is_the_kill_switchs() {
    let settings = super::script::settings(Limits::default());
    let gate = RiskGate::new(&settings.instruments, &settings.limits, Timestamp::default());
    let now = Timestamp::from_millis(0);
    let strike = Request::ScheduleCancel { at: Some(now.saturating_add(DEAD_MAN_MS_MIN)), now };
    for (lane, passes) in [(Lane::Running, false), (Lane::Stopping, false), (Lane::WarmingUp, false), (Lane::Closing, true)] {
        assert_eq!(gate.review(&strike, &Standing::new(lane)).is_ok(), passes, "{lane:?}");
    }
    let soon = Request::ScheduleCancel { at: Some(now.saturating_add(DEAD_MAN_MS_MIN - 1)), now };
    assert!(gate.review(&soon, &Standing::new(Lane::Closing)).is_err());
}

#[test]
fn the_closing_lane_is_exempt_from_everything_but_reduce_only_and_the_grid() {
    let settings = super::script::settings(Limits { order_size_max: Some(Decimal::ONE), ..Limits::default() });
    let account = AccountRisk { collar_bps: Some(1), data_age_ms_max: Some(1), ..AccountRisk::NONE };
    let rate = Some(Rate { count: 1, per_ms: 1000 });
    let strategy = StrategyRisk { rates: Rates { orders: rate, amends: rate, cancels: rate }, ..StrategyRisk::NONE };
    let gate = RiskGate::new(&settings.instruments, &settings.limits, Timestamp::default()).under(&account, &strategy);
    let origin = OrderOrigin {
        account: AccountId::new(1),
        strategy: StrategyId::new(1),
        epoch: 0,
        event: EventNumber::new(1),
        intent: 0,
        leg: 3,
    };
    let client_id = ClientOrderId::derive(origin).expect("it fits");
    let halted = Trading { state: TradingState::Halted, cause: TradingCause::Account };
    let standing = Standing {
        trading: halted,
        reconciled: false,
        data_age_ms: None,
        rate_wait_ms: 5,
        position: number("3"),
        decision_age_ms: u64::MAX,
        ..Standing::new(Lane::Closing)
    };
    let instrument = InstrumentId::new(0);
    let worst = Price::new(number("1.23456789")).ok();
    let close = |by: &str, standing: &Standing| {
        gate.review(&Request::Close { instrument, by: number(by), worst, client_id }, standing).map(Approved::into_inner)
    };
    let Ok(Command::Place(order)) = close("-3", &standing) else { panic!("it closes") };
    let on_grid = Price::new(number("1.234")).expect("positive");
    assert_eq!(order.kind, OrderKind::Limit { price: on_grid, time_in_force: TimeInForce::Ioc });
    assert!(order.reduce_only);
    let code = |denied: Result<Command, Denial>| denied.expect_err("it does not close").code;
    assert_eq!(code(close("3", &standing)), DenialCode::ReduceOnlyIncreases);
    assert_eq!(code(close("-0.0001", &standing)), DenialCode::SizeOffGrid);
    assert_eq!(code(close("-3", &Standing { lane: Lane::Running, ..standing })), DenialCode::BadTerms);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn margin_reserved_is_never_negative_and_never_more_than_the_worst_of_what_is_open(
        steps in prop::collection::vec((0_u8..6, 13_u32..33, 90_u32..110), 1..40)
    ) {
        let mut script = Script::played("account margin 3\nrunning\ncandle 0 100");
        let (mut orders, mut open) = (0_usize, Vec::new());
        for (what, size, price) in steps {
            let line = match what {
                0 | 1 => {
                    orders += 1;
                    open.push((orders, size, price));
                    let side = if what == 0 { "buy" } else { "sell" };
                    format!("candle 0 100\nanswer {side} 0.{size} limit {price}")
                }
                _ if open.is_empty() => continue,
                2 => format!("reject c{}", open.remove(size as usize % open.len()).0),
                3 => format!("cancelled c{}", open.remove(size as usize % open.len()).0),
                _ => {
                    let (order, size, price) = open.remove(size as usize % open.len());
                    format!("fill c{order} 0.{size} {price}")
                }
            };
            script.run(&line);
            let core = script.core();
            let margin = core.margin().expect("prices are known");
            prop_assert!(margin.reserved >= Decimal::ZERO && margin.held >= Decimal::ZERO);
            let left = core.strategies().flat_map(StrategyView::orders);
            let worst: Decimal = left.map(|order| match (order.kind, order.side) {
                (OrderKind::Limit { price, .. }, Side::Buy) => order.remaining() * price.get() / Decimal::from(3),
                // It may fill at the mark where that is higher.
                (OrderKind::Limit { price, .. }, Side::Sell) => {
                    order.remaining() * price.get().max(Decimal::ONE_HUNDRED) / Decimal::from(3)
                }
                _ => Decimal::ZERO,
            }).sum();
            let rounding = Decimal::new(1, 20);
            prop_assert!(margin.reserved <= worst + rounding, "{} of {worst}", margin.reserved);
            if open.is_empty() {
                prop_assert_eq!(margin.reserved, Decimal::ZERO);
            }
        }
    }
}

#[test]
fn an_order_is_valued_at_the_most_it_may_fill_at() {
    for limit in ["risk notional 1000", "risk order 1000", "account margin 1"] {
        for order in ["sell 100 limit 1 ioc", "sell 100 limit 1", "buy 100 stop 1", "sell 100 profit 1"] {
            let said = replay(&format!("{limit}\nrunning\ncandle 0 100\nanswer {order}"));
            assert!(said.contains("denied") && !said.contains("sent:"), "{limit}, {order}: {said}");
        }
        let low = sent(&format!("{limit}\nrunning\ncandle 0 100\nanswer buy 100 limit 1"));
        assert_eq!(low.len(), 1, "a buy pays its limit at most: {limit}");
    }
}

#[test]
fn an_amend_keeps_to_the_kinds_of_order_that_are_allowed_now() {
    let settings = super::script::settings(Limits::default());
    let mut account = AccountRisk::NONE;
    account.of_mut(InstrumentId::new(0)).orders.gtc = false;
    let strategy = StrategyRisk::NONE;
    let gate = RiskGate::new(&settings.instruments, &settings.limits, Timestamp::default()).under(&account, &strategy);
    let price = |price| Price::new(number(price)).expect("positive");
    let order = Order {
        id: OrderId::new(1),
        tag: None,
        instrument: InstrumentId::new(0),
        side: Side::Buy,
        size: Size::new(Decimal::ONE).expect("positive"),
        filled: Decimal::ZERO,
        kind: OrderKind::Limit { price: price("90"), time_in_force: TimeInForce::Gtc },
        reduce_only: false,
    };
    let origin = OrderOrigin {
        account: AccountId::new(1),
        strategy: StrategyId::new(1),
        epoch: 0,
        event: EventNumber::new(1),
        intent: 0,
        leg: 0,
    };
    let client_id = ClientOrderId::derive(origin).expect("it fits");
    let size = Wanted::try_from(Decimal::TWO).ok();
    let amend = |order| {
        gate.review(&Request::Amend { order, client_id, price: None, size, trigger_price: None }, &Standing::new(Lane::Running))
    };
    assert_eq!(amend(&order).expect_err("it is not allowed now").code, DenialCode::OrderTypeNotAllowed);
    let post_only = OrderKind::Limit { price: price("90"), time_in_force: TimeInForce::Alo };
    assert!(amend(&Order { kind: post_only, ..order }).is_ok());
}

#[test]
fn what_is_at_stake_elsewhere_is_never_less_than_nothing() {
    let said = |elsewhere: &str| {
        let core = Script::played(&format!(
            "account tenant 1000\nrunning\nelsewhere {elsewhere}\ncandle 0 100\nanswer buy 11 limit 100"
        ));
        core.transcript
    };
    assert!(said("0").contains("1 denied tenant-notional-limit:"));
    assert!(said("-500").contains("1 denied tenant-notional-limit:"), "{}", said("-500"));
}

#[test]
fn what_nobody_knows_to_be_at_stake_elsewhere_lets_nothing_more_open() {
    let script = |elsewhere: &str, answer: &str| {
        Script::played(&format!("account tenant 1000\nrunning\nelsewhere {elsewhere}\ncandle 0 100\nanswer {answer}"))
            .transcript
    };
    let denied = script("unknown", "buy 1 limit 100");
    assert!(denied.contains("1 denied tenant-notional-limit:") && denied.contains("is not known"), "{denied}");
    assert!(!script("unknown\nelsewhere 900", "buy 1 limit 100").contains("denied"), "known again");
    let mut held = Script::played("account tenant 1000\nrunning\ncandle 0 100\nanswer buy 1 limit 100");
    assert_eq!(held.core().exposure(), Some(Decimal::from(100)), "an open order counts as if it had filled");
}

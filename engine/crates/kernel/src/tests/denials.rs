//! Each code of a denial: a script that trips it, and one that is just inside.

use super::script::replay;
use crate::DenialCode;

struct Case {
    code: DenialCode,
    /// What both scripts begin with.
    given: &'static str,
    trips: &'static str,
    passes: &'static str,
}

const RUNNING: &str = "running\n candle 0 100";
const HOLDING: &str = "running\n candle 0 100\n answer buy 1 market\n fill c1 1 100\n candle 0 100";

const fn case(code: DenialCode, given: &'static str, trips: &'static str, passes: &'static str) -> Case {
    Case { code, given, trips, passes }
}

#[rustfmt::skip]
const CASES: &[Case] = {
    use DenialCode as Code;
    &[
        case(Code::NumberOutOfRange, RUNNING, "answer buy 1e29 limit 100", "answer buy 1000e3 limit 100"),
        case(Code::UnknownInstrument, RUNNING, "answer buy 1 limit 100 of 2", "answer buy 1 limit 100 of 1"),
        case(Code::PriceNotPositive, RUNNING, "answer buy 1 limit 0", "answer buy 1000 limit 0.01"),
        case(Code::PriceOffGrid, RUNNING, "answer buy 1 limit 100.001", "answer buy 1 limit 100.01"),
        case(Code::SizeNotPositive, RUNNING, "answer buy 0 limit 100", "answer buy 0.1 limit 100"),
        case(Code::SizeOffGrid, RUNNING, "answer buy 0.1001 limit 100", "answer buy 0.101 limit 100"),
        case(Code::BelowMinNotional, RUNNING, "answer buy 0.099 limit 100", "answer buy 0.1 limit 100"),
        case(Code::NoPriceYet, "deploy 1\n start 1\n answer subscribe 2\n candle 2 50", "answer buy 1 market", "answer buy 1 limit 100"),
        case(Code::BadTerms, RUNNING, "answer buy 1 limit 100 tp 95 sl 95", "answer buy 1 limit 100 tp 95.01 sl 95"),
        case(Code::ReduceOnlyIncreases, HOLDING, "answer buy 0.1 market reduce", "answer sell 0.1 market reduce"),
        case(Code::InstrumentTaken, "netted\n running\n deploy 2\n start 2\n answer @2 subscribe 0\n candle 0 100\n answer buy 1 market",
            "answer @2 buy 1 market", "answer @2 buy 1 market of 1"),
        case(Code::OppositePosition, "netted\n deploy 1 shares\n start 1\n answer subscribe 0\n deploy 2 shares\n start 2\n answer @2 subscribe 0\n \
            candle 0 100\n answer buy 1 market", "answer @2 sell 1 limit 110", "answer @2 buy 1 limit 90"),
        case(Code::NoPosition, HOLDING, "answer close of 1", "answer close of 0"),
        case(Code::OrderSizeLimit, "limit size 2\n running\n candle 0 100", "answer buy 2.001 market", "answer buy 2 market"),
        case(Code::OrderNotionalLimit, "limit notional 100\n running\n candle 0 100", "answer buy 1.001 market", "answer buy 1 market"),
        case(Code::InstrumentNotTradable, "running\n tradable 0 no\n candle 0 100", "answer buy 1 market", "tradable 0 yes\n candle 0 100\n answer buy 1 market"),
        case(Code::OrderTypeNotAllowed, "account of 0 post-only\n running\n candle 0 100", "answer buy 1 limit 90", "answer buy 1 limit 90 alo"),
        case(Code::InstrumentNotionalLimit, "risk instrument 190\n running\n candle 0 100",
            "answer buy 1 limit 90; buy 1 limit 100.01", "answer buy 1 limit 90; buy 1 limit 100"),
        case(Code::StrategyNotionalLimit, "risk notional 150\n running\n candle 0 100",
            "answer buy 1 limit 100; buy 0.6 limit 100 of 1", "answer buy 1 limit 100; buy 0.5 limit 100 of 1"),
        case(Code::AccountNotionalLimit, "account notional 150\n running\n deploy 2\n start 2\n answer @2 subscribe 2\n candle 2 50\n answer @2 buy 1 limit 50 of 1\n candle 0 100",
            "answer buy 1.001 limit 100", "answer buy 1 limit 100"),
        case(Code::TenantNotionalLimit, "account tenant 150\n running\n elsewhere 50\n candle 0 100", "answer buy 1.001 limit 100", "answer buy 1 limit 100"),
        case(Code::LeverageLimit, "account leverage 2\n running\n candle 0 100", "answer buy 20.001 limit 100", "answer buy 20 limit 100"),
        case(Code::InsufficientMargin, "account margin 1\n running\n leverage-set 4\n candle 0 100", "answer buy 40.001 limit 100", "answer buy 40 limit 100"),
        case(Code::BudgetExceeded, "risk budget 10%\n running\n candle 0 100", "answer buy 1 market; buy 0.1 limit 100 of 1", "answer buy 1 market"),
        case(Code::PriceCollar, "risk collar 100\n running\n quote 99 101\n candle 0 100", "answer buy 1 limit 101.01", "answer buy 1 limit 101; sell 1 limit 99; sell 1 limit 500"),
        case(Code::SelfTrade, "risk self-trade deny\n running\n candle 0 100\n answer sell 1 limit 105\n candle 0 100", "answer buy 1 limit 105", "answer buy 1 limit 104.99"),
        case(Code::DataStale, "risk age 1000\n running\n hold\n candle 0 100", "at 1001\n answer buy 1 market", "at 1000\n answer buy 1 market"),
        case(Code::NotReconciled, "running\n candle 0 100\n lost", "answer buy 1 market", "recovered\n answer buy 1 market"),
        case(Code::OrderRate, "risk rate orders 2/1000\n running\n candle 0 100",
            "answer buy 1 limit 90; buy 1 limit 91; buy 1 limit 92", "answer buy 1 limit 90; buy 1 limit 91\n at 500\n candle 0 100\n answer buy 1 limit 92"),
        case(Code::AmendRate, "risk rate amends 1/1000\n running\n candle 0 100\n answer buy 1 limit 90\n candle 0 100", "answer amend 1 size 2; amend 1 size 3", "answer amend 1 size 2"),
        case(Code::CancelRate, "risk rate cancels 1/1000\n running\n candle 0 100\n answer buy 1 limit 90; buy 1 limit 91\n candle 0 100", "answer cancel 1; cancel 2", "answer cancel 1"),
        case(Code::ReducingOnly, "running\n candle 0 100\n answer buy 1 market\n fill c1 1 100\n trading 1 reducing\n candle 0 100", "answer sell 0.5 market", "answer sell 0.5 market reduce"),
        case(Code::TradingHalted, "running\n candle 0 100\n answer buy 1 limit 90\n trading account halted\n candle 0 100", "answer buy 1 market", "answer cancel 1"),
        case(Code::Killed, "running\n candle 0 100\n answer buy 1 limit 90\n kill 1 pause\n candle 0 100", "answer buy 1 market", "answer cancel 1"),
        case(Code::PausedAfterLosses, "risk protect streak 1 1000 500\n running\n candle 0 100\n answer buy 1 market; sell 1 stop 95\n fill c1 1 100\n trigger c2\n fill c2 1 95\n candle 0 95",
            "at 499\n candle 0 95\n answer buy 1 market", "at 500\n candle 0 95\n answer buy 1 market"),
        case(Code::PausedByDrawdown, "risk protect drawdown 5 1000 500\n running\n candle 0 100\n answer buy 1 market; sell 1 market\n fill c1 1 100\n fill c2 1 95\n candle 0 95",
            "at 499\n candle 0 95\n answer buy 1 market", "at 500\n candle 0 95\n answer buy 1 market"),
        case(Code::PausedLowProfit, "risk protect low 5 1 1000 500\n running\n candle 2 50\n candle 0 100\n answer buy 1 market; sell 1 market\n fill c1 1 100\n fill c2 1 104\n candle 0 95",
            "answer buy 1 market", "answer buy 1 limit 50 of 1"),
        case(Code::TooManyOpenOrders, "limit open-orders 2\n running\n candle 0 100",
            "answer buy 1 limit 90; buy 1 limit 91; buy 1 market", "answer buy 1 limit 90; buy 1 limit 91"),
        case(Code::TooManyIntents, "limit intents 2\n running\n candle 0 100",
            "answer notify a; notify b; notify c", "answer notify a; notify b"),
        case(Code::TooManyRequests, "running\n candle 0 100\n answer buy 1 limit 90\n candle 0 100",
            "answer amend 1 size 2; amend 1 size 3; amend 1 size 2; amend 1 size 3; amend 1 size 2; amend 1 size 3; amend 1 size 2; amend 1 size 3; amend 1 size 4",
            "answer amend 1 size 2; amend 1 size 3; amend 1 size 2; amend 1 size 3; amend 1 size 2; amend 1 size 3; amend 1 size 2; amend 1 size 3"),
        case(Code::AlreadyCancelling, "running\n candle 0 100\n answer buy 1 limit 90; buy 1 limit 91\n candle 0 100", "answer cancel 1; cancel 1", "answer cancel 1; cancel 2; cancel-all"),
        case(Code::OrderInDoubt, "running\n candle 0 100\n answer buy 1 limit 90\n unanswered c1\n candle 0 100", "answer amend 1 size 2", "answer cancel 1"),
        case(Code::DuplicateTag, RUNNING, "answer buy 1 limit 90 tag 7; buy 1 limit 90 tag 7", "answer buy 1 limit 90 tag 7; buy 1 limit 90 tag 8"),
        case(Code::BadTag, RUNNING, "answer buy 1 limit 90 tag 9007199254740992", "answer buy 1 limit 90 tag 9007199254740991"),
        case(Code::UnknownOrder, "running\n candle 0 100\n answer buy 1 limit 90\n candle 0 100", "answer cancel 2", "answer cancel 1"),
        case(Code::WarmingUp, "deploy 1\n start 1\n answer subscribe 0:1\n candle 0 100", "answer buy 1 market", "candle 0 100\n answer buy 1 market"),
        case(Code::Stopping, "running\n candle 0 100\n answer buy 1 market\n fill c1 1 100\n stop 1", "answer buy 1 market", "answer close"),
        case(Code::DecisionTooOld, "limit age 100\n running\n hold\n candle 0 100", "at 101\n answer buy 1 market", "at 100\n answer buy 1 market"),
        case(Code::LeverageOutOfRange, RUNNING, "answer leverage 41", "answer leverage 40; leverage 1; leverage 7 of 1"),
        case(Code::BadTimer, RUNNING, "answer timer 1 at 5 every 0", "answer timer 1 at 5 every 1"),
        case(Code::TooManyTimers, "limit timers 1\n running\n candle 0 100", "answer timer 1 at 5; timer 2 at 5", "answer timer 1 at 5; timer 1 at 6; clear 1; timer 2 at 5"),
        case(Code::UnknownStrategy, "deploy 1", "start 2", "start 1"),
        case(Code::AlreadyDeployed, "deploy 1\n start 1", "deploy 1", "deploy 2"),
        case(Code::TooManyStrategies, "deploy 1", "deploy 65535", "deploy 65534"),
        case(Code::BadRiskSettings, "deploy 1", "risk collar 10001\n deploy 2", "deploy 2"),
    ]
};

#[test]
fn each_code_is_tripped_by_its_case_and_by_nothing_just_inside() {
    for case in CASES {
        let denied = format!("denied {}: ", case.code);
        let tripped = replay(&format!("{}\n{}", case.given, case.trips));
        assert!(tripped.contains(&denied), "{denied}\n{tripped}");
        let codes = tripped.lines().filter(|line| line.split(' ').nth(1) == Some("denied"));
        assert_eq!(codes.count(), 1, "nothing else is denied: {tripped}");
        let passed = replay(&format!("{}\n{}", case.given, case.passes));
        assert!(!passed.contains(" denied "), "{}\n{passed}", case.code);
    }
    let tested: Vec<DenialCode> = CASES.iter().map(|case| case.code).collect();
    assert_eq!(tested, DenialCode::ALL, "one case for each code, in their order");
}

#[test]
fn a_denial_names_the_numbers_and_reaches_the_strategy() {
    insta::assert_snapshot!(replay("
        running
        candle 0 100
        answer buy 1 limit 100.001; buy 0.0001 market; sell 0.01 limit 120.5; amend t3 price 5
    "), @r#"
    1 hears #3 candle 0 at 100
    1 denied price-off-grid: price 100.001 of BTC is off the grid: at most 3 decimals and 5 significant figures
    1 denied size-off-grid: size 0.0001 of BTC is finer than the lot of 3 decimals
    1 denied below-min-notional: 0.01 of BTC at 120.5 is worth 1.205, below the minimum of 10
    1 denied unknown-order: no order with the tag 3 of this strategy is open
    1 hears #4 no order denied price-off-grid (#3.0)
    1 hears #5 no order denied size-off-grid (#3.1)
    1 hears #6 no order denied below-min-notional (#3.2)
    1 hears #7 no order denied unknown-order (#3.3)
    "#);
}

#[test]
fn other_terms_that_make_no_sense() {
    insta::assert_snapshot!(replay("
        running
        candle 0 100
        answer buy 1 market; buy 1 limit 90; buy 1 stop 105; sell 1 trail -1; sell 1 trail 0.0001; buy 1 stop 105 limit 0
        fill c2 0.5 90
        candle 0 100
        answer amend 2; amend 2 size 0.5; amend 1 price 5; amend 2 trigger 5; amend 3 price 106; amend 3 trigger 106
    "), @r#"
    1 hears #3 candle 0 at 100
    sent: c1 buy 1 at the market
    sent: c2 buy 1 at 90 Gtc
    sent: c3 buy 1 Stop 105
    1 denied price-not-positive: trailing distance -1 of BTC is not positive
    1 denied price-off-grid: trailing distance 0.0001 of BTC is off the grid: at most 3 decimals and 5 significant figures
    1 denied price-not-positive: limit price 0 of BTC is not positive
    1 hears #4 no order denied price-not-positive (#3.3)
    1 hears #5 no order denied price-off-grid (#3.4)
    1 hears #6 no order denied price-not-positive (#3.5)
    1 hears #7 order 2 0/1 at 90 Gtc accepted (#3.1)
    1 hears #8 order 2 0.5/1 at 90 Gtc partially filled 0.5 at 90, 0.5 left (#3.1)
    1 hears #9 position 0 -> 0.5 from 90, realized 0, by Fill
    1 hears #10 candle 0 at 100
    1 denied bad-terms: order 2 was asked to change, but nothing was named
    1 denied bad-terms: new size 0.5 of order 2 is not above the 0.5 already filled
    1 denied bad-terms: order 1 has no such price: it is a market order
    1 denied bad-terms: order 2 has no such price: it is a limit order
    1 denied bad-terms: order 3 has no such price: it is a stop at the market
    sent: amend to 1 Stop 106
    1 hears #11 order 2 0.5/1 at 90 Gtc denied bad-terms (#10.0)
    1 hears #12 order 2 0.5/1 at 90 Gtc denied bad-terms (#10.1)
    1 hears #13 order 1 0/1 at the market denied bad-terms (#10.2)
    1 hears #14 order 2 0.5/1 at 90 Gtc denied bad-terms (#10.3)
    1 hears #15 order 3 0/1 Stop 105 denied bad-terms (#10.4)
    "#);
}

#[test]
fn without_a_hook_for_orders_a_denial_is_only_recorded() {
    insta::assert_snapshot!(replay("
        deploy 1 knows candle
        start 1
        answer subscribe 0
        candle 0 100
        answer close
    "), @r#"
    1 is created
    1 is warming up
    1 hears #1 init with cash 1000
    1 is running
    1 hears #2 candle 0 at 100
    1 denied no-position: the position is 0, and 0 with the market orders in flight: nothing to close
    "#);
}

//! What belongs to no strategy: counted in limits, and closed with the rest where that is declared.

use super::script::{Script, number, replay};
use crate::{Decimal, InstrumentId};

#[test]
fn what_belongs_to_nobody_counts_in_the_limits_of_the_account() {
    insta::assert_snapshot!(replay("
        netted
        account notional 500
        running
        external-fill 70 buy 3 100
        external 71 buy 1 100
        candle 0 100
        answer buy 1.5 market; buy 1 market; sell 1 market
    "), @r#"
    1 hears #3 candle 0 at 100
    1 denied account-notional-limit: the notional of the account with BTC would be 550.0 at worst, above the limit of 500
    sent: c1 buy 1 at the market
    sent: c2 sell 1 at the market
    1 hears #4 no order denied account-notional-limit (#3.0)
    "#);
    insta::assert_snapshot!(replay("
        netted
        account margin 1
        running
        external-fill 70 sell 6 100
        candle 0 100
        answer buy 5 market; buy 4 market
    "), @r#"
    1 hears #3 candle 0 at 100
    1 denied insufficient-margin: initial margin of 500 for BTC at leverage 1 and of 600 for the rest is more than the equity of 1000
    sent: c1 buy 4 at the market
    1 hears #4 no order denied insufficient-margin (#3.0)
    "#);
}

#[test]
fn what_cannot_be_valued_lets_nothing_pass_that_a_limit_asks_about() {
    insta::assert_snapshot!(replay("
        netted
        account notional 500
        running
        report 1 2 time 5
        candle 0 100
        answer buy 1 market
        candle 2 10
        candle 0 100
        answer buy 1 market
    "), @r#"
    differs at 5 in Position(InstrumentId(1)): ours 0, theirs 2
    1 hears #3 candle 0 at 100
    1 denied no-price-yet: no price is known yet of BTC or of what else is held or open, to value it for a limit
    1 hears #4 no order denied no-price-yet (#3.0)
    1 hears #5 candle 0 at 100
    sent: c1 buy 1 at the market
    "#);
}

const OUTSIDE: &str = "
        netted
        running
        external-fill 70 buy 2 100
        candle 0 100
        answer buy 1 market
        fill c1 1 100
        external 71 buy 1 90
        external 72 sell 1 120
";

#[test]
fn the_accounts_kill_switch_leaves_what_is_not_its_own() {
    insta::assert_snapshot!(replay(&format!("{OUTSIDE}
        kill account flatten
        fill c2 1 100
        states
    ")), @r#"
    1 hears #3 candle 0 at 100
    sent: c1 buy 1 at the market
    1 hears #4 order 1 0/1 at the market accepted (#3.0)
    1 hears #5 order 1 1/1 at the market filled 1 at 100, 0 left (#3.0)
    1 hears #6 position 0 -> 1 from 100, realized 0, by Fill
    Killed { scope: Account, cause: Operator, action: Flatten, armed: false }
    1 notifies: the account was killed by the operator: its orders are cancelled and its positions closed; only re-arming ends it
    sent: c2 sell 1 at the market reduce-only
    1 hears #8 order 2 0/1 at the market accepted (#7.0)
    Flat { strategy: StrategyId(1) }
    1 hears #9 order 2 1/1 at the market filled 1 at 100, 0 left (#7.0)
    1 hears #10 position 1 -> 0 from 0, realized 0, by Fill
    not ours 71: 1 left; not ours 72: 1 left; nobody's: 2 held
    "#);
}

#[test]
fn where_it_is_declared_the_accounts_kill_switch_closes_everything() {
    insta::assert_snapshot!(replay(&format!("account flatten-outside {OUTSIDE}
        kill account flatten
        external-gone 71
        fill c2 1 100
        fill c3 0.5 100
        states
        at 5000
        wake
        reject c4
        at 10000
        wake
        fill c5 1.5 100
        external-gone 72
        states
    ")), @r#"
    1 hears #3 candle 0 at 100
    sent: c1 buy 1 at the market
    1 hears #4 order 1 0/1 at the market accepted (#3.0)
    1 hears #5 order 1 1/1 at the market filled 1 at 100, 0 left (#3.0)
    1 hears #6 position 0 -> 1 from 100, realized 0, by Fill
    Killed { scope: Account, cause: Operator, action: Flatten, armed: false }
    1 notifies: the account was killed by the operator: its orders are cancelled and its positions closed; only re-arming ends it
    sent: c2 sell 1 at the market reduce-only
    sent: cancel of 71, which is not ours
    sent: cancel of 72, which is not ours
    sent: c3 sell 2 at the market reduce-only
    1 hears #9 order 2 0/1 at the market accepted (#7.0)
    Flat { strategy: StrategyId(1) }
    1 hears #10 order 2 1/1 at the market filled 1 at 100, 0 left (#7.0)
    1 hears #11 position 1 -> 0 from 0, realized 0, by Fill
    not ours 72: 1 left; nobody's: 1.5 held; wake 5000
    sent: cancel of 72, which is not ours
    sent: c4 sell 1.5 at the market reduce-only
    sent: cancel of 72, which is not ours
    sent: c5 sell 1.5 at the market reduce-only
    OutsideFlat
    nothing open
    "#);
}

#[test]
fn a_strategys_kill_switch_never_touches_what_is_not_its_own() {
    insta::assert_snapshot!(replay(&format!("account flatten-outside {OUTSIDE}
        kill 1 flatten
        fill c2 1 100
        states
    ")), @r#"
    1 hears #3 candle 0 at 100
    sent: c1 buy 1 at the market
    1 hears #4 order 1 0/1 at the market accepted (#3.0)
    1 hears #5 order 1 1/1 at the market filled 1 at 100, 0 left (#3.0)
    1 hears #6 position 0 -> 1 from 100, realized 0, by Fill
    Killed { scope: Strategy(StrategyId(1)), cause: Operator, action: Flatten, armed: false }
    1 notifies: strategy 1 was killed by the operator: its orders are cancelled and its positions closed; only re-arming ends it
    sent: c2 sell 1 at the market reduce-only
    1 hears #8 order 2 0/1 at the market accepted (#7.0)
    Flat { strategy: StrategyId(1) }
    1 hears #9 order 2 1/1 at the market filled 1 at 100, 0 left (#7.0)
    1 hears #10 position 1 -> 0 from 0, realized 0, by Fill
    not ours 71: 1 left; not ours 72: 1 left; nobody's: 2 held
    "#);
}

#[test]
fn a_budget_is_what_a_strategy_may_use_of_the_collateral() {
    insta::assert_snapshot!(replay("
        risk budget 50%
        running
        candle 0 100
        answer buy 6 market; buy 3 limit 100; buy 2 limit 100; buy 2.1 limit 100; sell 5 limit 110
        leverage-set 10
        candle 0 100
        answer buy 10 market
    "), @r#"
    1 hears #3 candle 0 at 100
    1 denied budget-exceeded: the strategy would need an initial margin of 600, more than its budget of 500.00
    sent: c1 buy 3 at 100 Gtc
    sent: c2 buy 2 at 100 Gtc
    1 denied budget-exceeded: the strategy would need an initial margin of 710.0, more than its budget of 500.00
    1 denied budget-exceeded: the strategy would need an initial margin of 550, more than its budget of 500.00
    1 hears #4 no order denied budget-exceeded (#3.0)
    1 hears #5 no order denied budget-exceeded (#3.3)
    1 hears #6 no order denied budget-exceeded (#3.4)
    1 hears #7 candle 0 at 100
    sent: c3 buy 10 at the market
    "#);
}

/// Strategy 1 holds 1 beside 10 that are nobody's.
const BESIDE_TEN: &str = "netted
    live
    deploy 1
    start 1
    snapshot 0=10 time 0
    answer subscribe 0
    candle 0 100
    at 10
    candle 0 100
    answer buy 1 market
    fill c1 1 100
    at 20";

#[test]
fn a_trade_by_hand_changes_what_is_nobodys_first() {
    for (trade, own, nobodys) in
        [("buy 2", "1", "12"), ("sell 3", "1", "7"), ("sell 10", "1", "0"), ("sell 10.5", "0.5", "0"), ("sell 12", "-1", "0")]
    {
        let mut script = Script::played(BESIDE_TEN);
        script.run(&format!("external-fill 7 {trade} 90"));
        let instrument = InstrumentId::new(0);
        let held: Decimal = script.core().positions().map(|(_, position)| position.size()).sum();
        assert_eq!((held, script.core().unattributed(instrument)), (number(own), number(nobodys)), "{trade}");
        assert_eq!(script.core().strategies().count(), 1);
    }
}

#[test]
fn a_trade_by_hand_where_nothing_is_nobodys_is_the_holders() {
    let mut script = Script::played(&BESIDE_TEN.replace("0=10 ", ""));
    script.run("external-fill 7 sell 0.4 90\n external-fill 8 sell 2 90");
    assert_eq!(script.core().positions().map(|(_, position)| position.size()).collect::<Vec<_>>(), [number("-1.4")]);
    assert_eq!(script.core().unattributed(InstrumentId::new(0)), Decimal::ZERO);
}

#[test]
fn what_the_market_makes_of_nobodys_positions_counts_for_the_accounts_switch() {
    let given = "netted\n live\n account kill loss 50 flatten\n deploy 1\n start 1\n snapshot 0=10 time 0\n answer subscribe 0\n \
                 candle 0 100";
    let killed = |then: &str| replay(&format!("{given}\n {then}")).contains("Killed");
    assert!(!killed("candle 0 96"));
    assert!(killed("candle 0 95"));
    let half_sold = "at 10\n candle 0 120\n external-fill 7 sell 5 120\n candle 0 85";
    assert!(!killed(half_sold), "it made 200, and lost 175 of it");
    assert!(killed("candle 0 120\n candle 0 90\n external-fill 7 sell 5 90\n candle 0 80"), "it made 200, and lost 350");
}

//! The peer benchmark's rules as a native strategy: the driver, the core, the exchange and the books agree with what every
//! engine must give, to the last digit.

mod support;

use calypte_sim::RunStatus;
use support::{ema_atr, number, peer_candles, run_one};

#[test]
fn a_year_of_minutes_gives_the_expected_fills_equity_and_fees() {
    let candles = peer_candles(525_600);
    let outcome = run_one(&candles, ema_atr());
    assert_eq!(outcome.status, RunStatus::Completed);
    assert_eq!(outcome.counts.candles, 525_600);
    assert_eq!((outcome.counts.fills, outcome.money.traded_size), (10_629, number("21257")));
    assert_eq!(outcome.money.final_equity, number("979701.391505"));
    assert_eq!(outcome.money.fees, number("24976.908495"));
    assert_eq!(outcome.trade_statistics.count, 10_628, "the last one stays open");
    assert_eq!(outcome.open_positions.len(), 1);
    assert_eq!((outcome.trades.len(), outcome.trades_left_out), (10_628, 0));
    assert_eq!(outcome.months.len(), 12);
    assert_eq!(outcome.performance.days, 365);
}

//! Cases worked by hand.

use super::*;
use crate::EQUITY_POINTS_MAX;
use crate::testing::{candle, number, price};
use calypte_kernel::{AccountId, ClientOrderId, EventNumber, OrderOrigin, TradeId, VenueOrderId};

const BTC: InstrumentId = InstrumentId::new(0);
const HOLDER: StrategyId = StrategyId::new(0);
const DAY_MINUTES: i64 = 1440;

struct Books {
    accounting: Accounting,
    trades: u64,
}

impl Books {
    fn new(cash: &str) -> Self {
        Self::keeping(cash, 100)
    }

    fn keeping(cash: &str, trades_max: usize) -> Self {
        let keep = Keep { trades_max, equity_interval_ms: None };
        let mut accounting = Accounting::new(number(cash), 1, keep);
        accounting.begin(Timestamp::from_millis(0));
        Self { accounting, trades: 0 }
    }

    fn fill(&mut self, minute: i64, side: Side, size: &str, at: &str, fee: &str) -> Decimal {
        self.trades += 1;
        let origin = OrderOrigin {
            account: AccountId::new(0),
            strategy: HOLDER,
            epoch: 0,
            event: EventNumber::new(self.trades),
            intent: 0,
            leg: 0,
        };
        let fill = VenueFill {
            order: ClientOrderId::derive(origin),
            venue_order: VenueOrderId::new(self.trades),
            trade_id: TradeId::new(self.trades),
            instrument: BTC,
            side,
            price: price(at),
            size: Size::new(number(size)).expect("positive"),
            fee: number(fee),
            maker: false,
            force: None,
            time: Timestamp::from_millis(minute * 60_000),
        };
        self.accounting.fill(HOLDER, &fill)
    }

    /// A candle that opens at a minute and closes a minute later.
    fn candle(&mut self, minute: i64, prices: [&str; 4]) {
        self.accounting.candle(BTC, &candle(minute, prices));
        self.accounting.settle(Timestamp::from_millis((minute + 1) * 60_000));
    }

    /// The last candle of a day, which ends it.
    fn day_closes(&mut self, day: i64, at: &str) {
        self.candle((day + 1) * DAY_MINUTES - 1, [at; 4]);
    }

    fn close(self, minute: i64) -> Closed {
        self.accounting.close(Timestamp::from_millis(minute * 60_000))
    }
}

fn close_to(value: Option<f64>, expected: f64) {
    let value = value.expect("it is defined");
    assert!((value - expected).abs() <= 1e-12 * expected.abs().max(1.0), "{value} is not {expected}");
}

#[test]
fn a_round_trip_is_worked_out() {
    let mut books = Books::new("1000");
    books.fill(0, Side::Buy, "2", "100", "0.2");
    books.candle(0, ["100", "108", "97", "105"]);
    assert_eq!(books.accounting.equity(), number("1009.8"));
    books.fill(1, Side::Sell, "2", "106", "0.3");
    assert_eq!(books.accounting.settled(), number("1011.5"));
    let closed = books.close(2);
    let [trade] = closed.trades[..] else { panic!("one round trip") };
    assert_eq!((trade.side, trade.size.get()), (Side::Buy, number("2")));
    assert_eq!((trade.entry_price, trade.exit_price), (number("100"), number("106")));
    assert_eq!((trade.pnl, trade.fees), (number("11.5"), number("0.5")));
    assert_eq!((trade.mae, trade.mfe), (number("6"), number("16")), "2 × (97 - 100) and 2 × (108 - 100)");
    assert_eq!((trade.entry_time.as_millis(), trade.exit_time.as_millis()), (0, 60_000));
    assert_eq!(closed.final_equity, number("1011.5"));
    assert_eq!((closed.traded_notional, closed.traded_size), (number("412"), number("4")));
    close_to(Some(closed.performance.exposure), 0.5);
}

#[test]
fn a_reversal_closes_one_trade_and_opens_the_next_and_shares_the_fee() {
    let mut books = Books::new("1000");
    books.fill(0, Side::Buy, "1", "100", "0.1");
    assert_eq!(books.fill(1, Side::Sell, "3", "110", "0.33"), number("-2"));
    books.candle(1, ["110", "111", "108", "109"]);
    books.fill(2, Side::Buy, "2", "109", "0.2");
    let closed = books.close(3);
    let [long, short] = closed.trades[..] else { panic!("two round trips") };
    assert_eq!((long.pnl, long.fees), (number("9.79"), number("0.21")));
    assert_eq!((short.side, short.pnl, short.fees), (Side::Sell, number("1.58"), number("0.42")));
    assert_eq!((short.mae, short.mfe), (number("2"), number("4")), "2 × (111 - 110) and 2 × (110 - 108)");
    assert_eq!(closed.final_equity, number("1011.37"));
    assert_eq!(closed.fees, number("0.63"));
}

#[test]
fn a_trade_that_grows_and_shrinks_is_one() {
    let mut books = Books::new("1000");
    books.fill(0, Side::Sell, "1", "100", "0");
    books.fill(1, Side::Sell, "1", "110", "0");
    books.fill(2, Side::Buy, "1.5", "104", "0");
    books.fill(3, Side::Buy, "0.5", "100", "0");
    let closed = books.close(4);
    let [trade] = closed.trades[..] else { panic!("one round trip") };
    assert_eq!((trade.entry_price, trade.exit_price, trade.pnl), (number("105"), number("103"), number("4")));
}

#[test]
fn excursions_and_falls_are_exact() {
    let mut books = Books::new("1000");
    books.fill(0, Side::Buy, "0.3", "0.1", "0");
    // No f64 is 0.3 × 0.7, and none tells these two lows apart.
    books.candle(0, ["0.1", "0.8", "0.01000000000000000000002", "0.1"]);
    books.candle(1, ["0.1", "0.8", "0.01000000000000000000001", "0.1"]);
    // The rest of the way with another size: what was seen before counts with the one it had.
    books.fill(2, Side::Buy, "0.7", "0.1", "0");
    books.candle(2, ["0.1", "0.2", "0.07", "0.07"]);
    books.fill(3, Side::Sell, "1", "0.07", "0");
    let closed = books.close(4);
    assert_eq!(closed.trades[0].mfe, number("0.21"), "0.3 × (0.8 - 0.1)");
    assert_eq!(closed.trades[0].mae, number("0.03"), "1 × (0.1 - 0.07)");
    assert_eq!(closed.performance.max_drawdown.expect("it fell").amount, number("0.03"));

    let mut books = Books::new("1000");
    books.fill(0, Side::Buy, "0.3", "0.1", "0");
    books.candle(0, ["0.1", "0.1", "0.01000000000000000000002", "0.1"]);
    books.candle(1, ["0.1", "0.1", "0.01000000000000000000001", "0.1"]);
    books.fill(2, Side::Sell, "0.3", "0.1", "0");
    assert_eq!(books.close(3).trades[0].mae, number("0.026999999999999999999997"));
}

#[test]
fn excursions_inside_the_candle_of_the_entry_count_from_the_entry() {
    let mut books = Books::new("1000");
    // Filled inside the candle that opened at 0 and closes at 1: what it reached before is unknown.
    books.fill(1, Side::Buy, "1", "95", "0");
    books.candle(0, ["100", "120", "94", "96"]);
    books.fill(1, Side::Sell, "1", "96", "0");
    let closed = books.close(2);
    assert_eq!((closed.trades[0].mae, closed.trades[0].mfe), (Decimal::ZERO, Decimal::ONE));
}

#[test]
fn statistics_of_trades_are_worked_out() {
    let mut books = Books::keeping("1000", 2);
    for (minute, result) in ["110", "105", "90", "94", "100", "108"].into_iter().enumerate() {
        let minute = i64::try_from(minute).expect("small");
        books.fill(minute, Side::Buy, "1", "100", "0");
        books.fill(minute + 1, Side::Sell, "1", result, "0");
    }
    let closed = books.close(7);
    let all = closed.trade_statistics;
    assert_eq!((all.count, all.wins, all.losses), (6, 3, 2));
    assert_eq!((all.gross_profit, all.gross_loss), (number("23"), number("16")));
    close_to(all.profit_factor, 23.0 / 16.0);
    close_to(all.expectancy, 7.0 / 6.0);
    close_to(all.win_rate, 0.5);
    close_to(all.average_win, 23.0 / 3.0);
    close_to(all.average_loss, 8.0);
    assert_eq!((all.largest_win, all.largest_loss), (Some(number("10")), Some(number("10"))));
    assert_eq!((all.consecutive_wins_max, all.consecutive_losses_max), (2, 2));
    close_to(all.average_duration_ms, 60_000.0);
    assert_eq!((closed.trades.len(), closed.trades_left_out), (2, 4));
}

#[test]
fn what_is_not_defined_is_none() {
    let closed = Books::new("1000").close(1);
    let all = closed.trade_statistics;
    assert_eq!((all.profit_factor, all.expectancy, all.win_rate, all.largest_loss), (None, None, None, None));
    let performance = closed.performance;
    assert_eq!((performance.sharpe, performance.sortino, performance.volatility), (None, None, None));
    assert_eq!((performance.calmar, performance.max_drawdown), (None, None));
    let broke = Books::new("0").close(1);
    assert_eq!((broke.performance.total_return, broke.performance.cagr, broke.performance.turnover), (None, None, None));
}

/// Four days with closes that make equity 1000 → 1020 → 1009.8 → 1040.094 → 1040.094: returns of 2 %, -1 %, 3 %, 0 %.
fn four_days() -> Closed {
    let mut books = Books::new("1000");
    books.fill(0, Side::Buy, "10", "100", "0");
    for (day, close) in ["102", "100.98", "104.0094", "104.0094"].into_iter().enumerate() {
        books.day_closes(i64::try_from(day).expect("small"), close);
    }
    books.close(4 * DAY_MINUTES)
}

#[test]
fn risk_and_return_are_worked_out() {
    let performance = four_days().performance;
    assert_eq!(performance.days, 4);
    close_to(performance.total_return, 0.040_094);
    close_to(performance.cagr, 1.040_094_f64.powf(365.0 / 4.0) - 1.0);
    let deviation = (10e-4_f64 / 3.0).sqrt();
    let volatility = performance.volatility.expect("four days");
    assert!((volatility - deviation * 365.0_f64.sqrt()).abs() < 1e-12);
    let sharpe = performance.sharpe.expect("four days");
    assert!((sharpe - 0.01 / deviation * 365.0_f64.sqrt()).abs() < 1e-9);
    let sortino = performance.sortino.expect("a day fell");
    assert!((sortino - 0.01 / (1e-4_f64 / 4.0).sqrt() * 365.0_f64.sqrt()).abs() < 1e-9);
    let calmar = performance.calmar.expect("it fell");
    assert!((calmar - performance.cagr.expect("years") / 0.01).abs() < 1e-6);
    close_to(Some(performance.exposure), 1.0);
    close_to(performance.turnover, 1000.0 / ((1020.0 + 1009.8 + 1040.094 * 2.0) / 4.0));
}

#[test]
fn the_deepest_fall_has_a_start_a_bottom_and_a_recovery() {
    let fall = four_days().performance.max_drawdown.expect("it fell");
    let day = |days: i64| Timestamp::from_millis(days * DAY_MINUTES * 60_000);
    close_to(Some(fall.fraction), 0.01);
    assert_eq!(fall.amount, number("10.2"));
    assert_eq!((fall.start, fall.end, fall.recovery), (day(1), day(2), Some(day(3))));

    let mut books = Books::new("1000");
    books.fill(0, Side::Buy, "10", "100", "0");
    for (minute, close) in ["110", "99", "110", "120", "102", "119"].into_iter().enumerate() {
        books.candle(i64::try_from(minute).expect("small"), [close; 4]);
    }
    let fall = books.close(6).performance.max_drawdown.expect("it fell");
    close_to(Some(fall.fraction), 180.0 / 1200.0);
    assert_eq!(fall.amount, number("180"));
    assert_eq!((fall.start.as_millis(), fall.end.as_millis(), fall.recovery), (240_000, 300_000, None));
}

#[test]
fn months_are_returns_of_their_own() {
    let mut books = Books::new("1000");
    books.fill(0, Side::Buy, "10", "100", "0");
    books.day_closes(30, "110"); // 1970-01-31
    books.day_closes(31, "99"); // 1970-02-01
    books.day_closes(59, "121"); // 1970-03-01
    let months = books.close(60 * DAY_MINUTES).months;
    let values = months.iter().map(|month| (month.year, month.month, month.value.expect("positive"))).collect::<Vec<_>>();
    assert_eq!(values.len(), 3);
    for ((year, month, value), (expected, at)) in values.into_iter().zip([(0.1, 1), (-0.1, 2), (121.0 / 99.0 - 1.0, 3)]) {
        assert_eq!((year, month), (1970, at));
        close_to(Some(value), expected);
    }
}

#[test]
fn points_of_equity_stay_few_and_even() {
    let mut books = Books::new("1000");
    let minutes = i64::try_from(EQUITY_POINTS_MAX * 5).expect("small");
    for minute in 0..minutes {
        books.candle(minute, ["100"; 4]);
    }
    let points = books.close(minutes).equity;
    assert!(points.len() <= EQUITY_POINTS_MAX && points.len() > EQUITY_POINTS_MAX / 2, "{}", points.len());
    let gaps = points.windows(2).map(|pair| pair[1].time.millis_since(pair[0].time)).collect::<Vec<_>>();
    assert!(gaps[..gaps.len() - 1].iter().all(|gap| *gap == 8 * 60_000), "{gaps:?}");
    assert_eq!(points.last().expect("points").time.as_millis(), minutes * 60_000);
}

//! Names ten thousand series and draws a million points and marks on one candle, some of them not numbers.

use calypte_strategy::chart::{Series, mark};

const SERIES: u32 = 10_000;
const POINTS: u32 = 1_000_000;

hostile::on_candle!("chart-bomb", |_event, _intents| {
    for name in 0..SERIES {
        Series::separate(&name.to_string()).point(1.0);
    }
    let series = Series::on_price("bomb");
    for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, f64::MAX, f64::MIN_POSITIVE] {
        series.point(value);
    }
    for value in 0..POINTS {
        series.point(f64::from(value));
        mark("bomb");
    }
    // Numbers that nobody gave out.
    calypte_strategy::bindings::calypte::strategy::chart::point(u32::MAX, 1.0);
});

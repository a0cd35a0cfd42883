//! Against published tables, to the digits that they print, and against the plain definitions over random walks.

use super::*;

/// Half a unit of the second decimal, and a little for the table's own rounding of its inputs.
const TWO_DECIMALS: f64 = 0.0051;

fn near(value: f64, expected: f64, tolerance: f64) {
    assert!((value - expected).abs() <= tolerance, "{value} is not {expected} within {tolerance}");
}

/// The closes of the moving averages' worked table.
/// <https://chartschool.stockcharts.com/table-of-contents/technical-indicators-and-overlays/technical-overlays/moving-averages-simple-and-exponential>
const AVERAGED: [f64; 30] = [
    22.27, 22.19, 22.08, 22.17, 22.18, 22.13, 22.23, 22.43, 22.24, 22.29, 22.15, 22.39, 22.38, 22.61, 23.36, 24.05, 23.75,
    23.83, 23.95, 23.63, 23.82, 23.87, 23.65, 23.19, 23.10, 23.33, 22.68, 23.10, 22.40, 22.17,
];

#[test]
fn sma_of_the_worked_table() {
    let mut sma = Sma::new(10);
    let values: Vec<f64> = AVERAGED.iter().filter_map(|&close| sma.update(close)).collect();
    let expected = [
        22.22, 22.21, 22.23, 22.26, 22.30, 22.42, 22.61, 22.77, 22.91, 23.08, 23.21, 23.38, 23.53, 23.65, 23.71, 23.68, 23.61,
        23.50, 23.43, 23.28, 23.13,
    ];
    assert_eq!(values.len(), expected.len(), "the first value comes with the tenth close");
    for (value, expected) in values.into_iter().zip(expected) {
        near(value, expected, TWO_DECIMALS);
    }
}

#[test]
fn ema_of_the_worked_table() {
    // The table starts its average with the simple mean of the first ten; given that as the first value, the rest must follow.
    let mut ema = Ema::new(10);
    near(ema.update(AVERAGED[..10].iter().sum::<f64>() / 10.0), 22.22, TWO_DECIMALS);
    let expected = [
        22.21, 22.24, 22.27, 22.33, 22.52, 22.80, 22.97, 23.13, 23.28, 23.34, 23.43, 23.51, 23.53, 23.47, 23.40, 23.39, 23.26,
        23.23, 23.08, 22.92,
    ];
    for (&close, expected) in AVERAGED[10..].iter().zip(expected) {
        near(ema.update(close), expected, TWO_DECIMALS);
    }
}

/// The documented example of the `ta` crate, whose average starts with the first value as ours does.
/// <https://docs.rs/ta/0.5.0/ta/indicators/struct.ExponentialMovingAverage.html>
#[test]
fn ema_starts_with_the_first_value() {
    let mut ema = Ema::new(3);
    assert_eq!(ema.value(), None);
    for (value, expected) in [(2.0, 2.0), (5.0, 3.5), (1.0, 2.25), (6.25, 4.25)] {
        near(ema.update(value), expected, 0.0);
    }
}

/// <https://chartschool.stockcharts.com/table-of-contents/technical-indicators-and-overlays/technical-indicators/average-true-range-atr-and-average-true-range-percent-atrp>
#[test]
fn atr_of_the_worked_table() {
    let highs = [
        48.70, 48.72, 48.90, 48.87, 48.82, 49.05, 49.20, 49.35, 49.92, 50.19, 50.12, 49.66, 49.88, 50.19, 50.36, 50.57, 50.65,
        50.43, 49.63, 50.33, 50.29, 50.17, 49.32, 48.50, 48.32, 46.80, 47.80, 48.39, 48.66, 48.79,
    ];
    let lows = [
        47.79, 48.14, 48.39, 48.37, 48.24, 48.64, 48.94, 48.86, 49.50, 49.87, 49.20, 48.90, 49.43, 49.73, 49.26, 50.09, 50.30,
        49.21, 48.98, 49.61, 49.20, 49.43, 48.08, 47.64, 41.55, 44.28, 47.31, 47.20, 47.90, 47.73,
    ];
    let closes = [
        48.16, 48.61, 48.75, 48.63, 48.74, 49.03, 49.07, 49.32, 49.91, 50.13, 49.53, 49.50, 49.75, 50.03, 50.31, 50.52, 50.41,
        49.34, 49.37, 50.23, 49.24, 49.93, 48.43, 48.18, 46.57, 45.41, 47.77, 47.72, 48.62, 47.85,
    ];
    let expected = [0.56, 0.59, 0.59, 0.57, 0.62, 0.62, 0.64, 0.67, 0.69, 0.78, 0.78, 1.21, 1.30, 1.38, 1.37, 1.34, 1.32];
    let mut atr = Atr::new(14);
    let candles = highs.into_iter().zip(lows).zip(closes);
    let values: Vec<f64> = candles.filter_map(|((high, low), close)| atr.update(high, low, close)).collect();
    assert_eq!(values.len(), expected.len(), "the first value comes with the fourteenth candle");
    for (value, expected) in values.into_iter().zip(expected) {
        // The table prints inputs of two decimals and was worked with more.
        near(value, expected, 0.01);
    }
}

/// <https://chartschool.stockcharts.com/table-of-contents/technical-indicators-and-overlays/technical-indicators/relative-strength-index-rsi>
#[test]
fn rsi_of_the_worked_table() {
    let closes = [
        44.3389, 44.0902, 44.1497, 43.6124, 44.3278, 44.8264, 45.0955, 45.4245, 45.8433, 46.0826, 45.8931, 46.0328, 45.6140,
        46.2820, 46.2820, 46.0028, 46.0328, 46.4116, 46.2222, 45.6439, 46.2122, 46.2521, 45.7137, 46.4515, 45.7835, 45.3548,
        44.0288, 44.1783, 44.2181, 44.5672, 43.4205, 42.6628, 43.1314,
    ];
    let expected = [
        70.53, 66.32, 66.55, 69.41, 66.36, 57.97, 62.93, 63.26, 56.06, 62.38, 54.71, 50.42, 39.99, 41.46, 41.87, 45.46, 37.30,
        33.08, 37.77,
    ];
    let mut rsi = Rsi::new(14);
    let values: Vec<f64> = closes.into_iter().filter_map(|close| rsi.update(close)).collect();
    assert_eq!(values.len(), expected.len(), "the first value comes with the fourteenth change");
    for (value, expected) in values.into_iter().zip(expected) {
        near(value, expected, TWO_DECIMALS);
    }
}

#[test]
fn rsi_at_its_ends() {
    let last = |closes: [f64; 4]| {
        let mut rsi = Rsi::new(3);
        closes.into_iter().filter_map(|close| rsi.update(close)).last()
    };
    assert_eq!(last([1.0, 2.0, 3.0, 4.0]), Some(100.0));
    assert_eq!(last([4.0, 3.0, 2.0, 1.0]), Some(0.0));
    assert_eq!(last([1.0; 4]), Some(50.0));
}

/// The documented example of the `ta` crate, whose averages start with the first value as ours do.
/// <https://docs.rs/ta/0.5.0/ta/indicators/struct.MovingAverageConvergenceDivergence.html>
#[test]
fn macd_of_a_published_example() {
    let mut macd = Macd::new(3, 6, 4);
    let expected = [
        (2.0, 0.0, 0.0, 0.0),
        (3.0, 0.21, 0.09, 0.13),
        (4.2, 0.52, 0.26, 0.26),
        (7.0, 1.15, 0.62, 0.54),
        (6.7, 1.15, 0.83, 0.32),
        (6.5, 0.94, 0.87, 0.07),
    ];
    for (value, line, signal, histogram) in expected {
        let got = macd.update(value);
        near(got.macd, line, TWO_DECIMALS);
        near(got.signal, signal, TWO_DECIMALS);
        near(got.histogram, histogram, TWO_DECIMALS);
    }
}

/// <https://chartschool.stockcharts.com/table-of-contents/technical-indicators-and-overlays/technical-overlays/bollinger-bands>
#[test]
fn bollinger_of_the_worked_table() {
    let closes = [
        86.16, 89.09, 88.78, 90.32, 89.07, 91.15, 89.44, 89.18, 86.93, 87.68, 86.96, 89.43, 89.32, 88.72, 87.45, 87.26, 89.50,
        87.90, 89.13, 90.70, 92.90, 92.98, 91.80, 92.66, 92.68, 92.30, 92.77, 92.54, 92.95, 93.20, 91.07, 89.83, 89.74, 90.40,
        90.74, 88.02, 88.09, 88.84, 90.78, 90.54, 91.39, 90.65,
    ];
    let middle = [
        88.71, 89.05, 89.24, 89.39, 89.51, 89.69, 89.75, 89.91, 90.08, 90.38, 90.66, 90.86, 90.88, 90.90, 90.99, 91.15, 91.19,
        91.12, 91.17, 91.25, 91.24, 91.17, 91.05,
    ];
    let upper = [
        91.29, 91.95, 92.61, 92.93, 93.31, 93.73, 93.90, 94.26, 94.56, 94.79, 95.04, 94.91, 94.90, 94.89, 94.86, 94.67, 94.55,
        94.68, 94.57, 94.53, 94.53, 94.37, 94.15,
    ];
    let mut bollinger = Bollinger::new(20, 2.0);
    let bands: Vec<Bands> = closes.into_iter().filter_map(|close| bollinger.update(close)).collect();
    assert_eq!(bands.len(), middle.len(), "the first bands come with the twentieth close");
    for (bands, (middle, upper)) in bands.into_iter().zip(middle.into_iter().zip(upper)) {
        near(bands.middle, middle, TWO_DECIMALS);
        near(bands.upper, upper, TWO_DECIMALS);
        near(bands.lower, 2.0 * middle - upper, 2.0 * TWO_DECIMALS);
    }
}

/// A random walk around a large price: where running sums lose their digits.
fn walk(length: usize) -> Vec<f64> {
    let (mut state, mut price) = (0x2545_f491_4f6c_dd1d_u64, 64_000.0);
    let mut step = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        price += f64::from(u32::try_from(state % 2_001).expect("small")) / 10.0 - 100.0;
        price
    };
    (0..length).map(|_| step()).collect()
}

#[test]
fn donchian_is_the_highest_high_and_the_lowest_low() {
    let prices = walk(2_000);
    for period in [1, 2, 20, 55] {
        let mut donchian = Donchian::new(period);
        for (index, &price) in prices.iter().enumerate() {
            let channel = donchian.update(price + 1.0, price - 1.0);
            assert_eq!(channel.is_some(), index + 1 >= period);
            if let Some(channel) = channel {
                let window = &prices[index + 1 - period..=index];
                let upper = window.iter().fold(f64::MIN, |highest, price| highest.max(price + 1.0));
                let lower = window.iter().fold(f64::MAX, |lowest, price| lowest.min(price - 1.0));
                assert_eq!((channel.upper.to_bits(), channel.lower.to_bits()), (upper.to_bits(), lower.to_bits()));
                near(channel.middle(), f64::midpoint(upper, lower), 0.0);
            }
        }
    }
}

#[test]
fn running_sums_do_not_drift() {
    let prices = walk(100_000);
    let (mut sma, mut bollinger) = (Sma::new(20), Bollinger::new(20, 2.0));
    let mut last = (0.0, Bands { upper: 0.0, middle: 0.0, lower: 0.0 });
    for &price in &prices {
        if let (Some(mean), Some(bands)) = (sma.update(price), bollinger.update(price)) {
            last = (mean, bands);
        }
    }
    let window = &prices[prices.len() - 20..];
    let mean = window.iter().sum::<f64>() / 20.0;
    let deviation = (window.iter().map(|price| (price - mean) * (price - mean)).sum::<f64>() / 20.0).sqrt();
    near(last.0, mean, 1e-9);
    near(last.1.upper, mean + 2.0 * deviation, 1e-6);
    near(last.1.lower, mean - 2.0 * deviation, 1e-6);
}

#[test]
fn a_period_of_zero_counts_as_one() {
    assert_eq!(Sma::new(0).update(3.0), Some(3.0));
    near(Ema::new(0).update(3.0), 3.0, 0.0);
    assert_eq!(Atr::new(0).update(3.0, 1.0, 2.0), Some(2.0));
    assert!(Donchian::new(0).update(3.0, 1.0).is_some());
}

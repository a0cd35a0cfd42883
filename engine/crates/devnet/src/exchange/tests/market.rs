//! The market without us, and what is shown of it.

use super::*;
use std::collections::BTreeMap;

/// An exchange with a market maker and others, of two coins that walk.
fn busy(seed: u64) -> Settings {
    Settings { liquidity: Liquidity::default(), history_minutes: 600, seed, ..settings() }
}

/// Everything that is told in some minutes, in which somebody trades too.
fn run(seed: u64) -> Vec<String> {
    let mut world = World::of(busy(seed));
    world.exchange.watch_candles("KO", Interval::MINUTE, true);
    for step in 1..=40_u64 {
        world.advance(step * 7_000);
        let asset = u32::from(step % 5 == 0);
        let order = limit(step % 3 == 0, if step % 3 == 0 { "103" } else { "97" }, "5", Tif::Ioc);
        world.place([ANN, BEN][usize::from(step % 2 == 0)], PlaceWire { asset, ..order });
        world.audit(Decimal::from(30_000));
    }
    world.told.iter().map(|event| format!("{event:?}")).collect()
}

#[test]
fn equal_inputs_give_equal_events() {
    let once = run(11);
    assert!(once.len() > 1_000);
    assert_eq!(once, run(11));
    assert_ne!(once, run(12));
}

#[test]
fn the_book_moves_with_the_oracle_and_is_never_crossed() {
    let mut world = World::of(busy(3));
    let mut oracles = std::collections::BTreeSet::new();
    for step in 1..=300_u64 {
        world.advance(step * 1_000);
        world.told.clear();
        let book = world.exchange.book("KO", BookPrecision::default()).expect("a coin");
        let context = world.exchange.context("KO").expect("a coin");
        let oracle = context.oracle_px.expect("shown").get();
        oracles.insert(oracle);
        let (Some(bid), Some(ask)) = (book.levels.0.first(), book.levels.1.first()) else {
            assert!(step < 3, "nobody quotes at second {step}");
            continue;
        };
        assert!(bid.px < ask.px, "crossed");
        assert!(book.levels.0.windows(2).all(|pair| pair[0].px > pair[1].px), "best first");
        let mid = context.mid_px.expect("both sides").get();
        assert!((mid - oracle).abs() < oracle * Decimal::new(2, 3), "the middle {mid} is far from {oracle}");
        let mark = context.mark_px.expect("shown").get();
        assert!((mark - oracle).abs() < oracle * Decimal::new(5, 3), "the mark {mark} is far from {oracle}");
    }
    assert!(oracles.len() > 20, "it moves");
}

#[test]
fn candles_close_and_agree_with_the_trades() {
    let mut world = World::of(busy(5));
    assert!(world.exchange.watch_candles("KO", Interval::MINUTE, true));
    assert!(!world.exchange.watch_candles("NONE", Interval::MINUTE, true));
    world.advance(10 * 60_000);
    let mut told = BTreeMap::new();
    let mut trades = Vec::new();
    for event in &world.told {
        match event {
            Event::Candle(candle) => drop(told.insert(candle.open_time, candle.clone())),
            Event::Trades(some) if some[0].coin == "KO" => trades.extend(some.iter().cloned()),
            _ => {}
        }
    }
    let kept = world.exchange.candles("KO", Interval::MINUTE, time(0), None).expect("a coin");
    assert!(kept.len() >= 10, "{} minutes", kept.len());
    let mut from_trades = BTreeMap::new();
    for trade in &trades {
        let open = Interval::MINUTE.open_of(trade.time.get());
        *from_trades.entry(open).or_insert(Decimal::ZERO) += trade.sz.get();
    }
    for candle in kept.iter().skip(1).filter(|candle| candle.trades > 0) {
        assert_eq!(told.get(&candle.open_time), Some(candle), "the last that was told of a minute is the minute");
        assert_eq!(from_trades.get(&candle.open_time.get()), Some(&candle.volume.get()));
    }
    let tids: std::collections::BTreeSet<u64> = trades.iter().map(|trade| trade.tid).collect();
    assert_eq!(tids.len(), trades.len());
    assert_eq!(world.exchange.recent_trades("KO").expect("a coin").first(), trades.last());
}

#[test]
fn there_is_a_past_to_warm_up_with() {
    let world = World::of(busy(5));
    let minutes = world.exchange.candles("KO", Interval::MINUTE, millis(0), None).expect("a coin");
    assert_eq!(minutes.len(), 600);
    assert!(
        minutes.windows(2).all(|pair| pair[0].close == pair[1].open && pair[0].end_time.get() + 1 == pair[1].open_time.get())
    );
    assert!(
        minutes.iter().all(|bar| bar.low <= bar.open.min(bar.close) && bar.high >= bar.open.max(bar.close) && bar.trades > 0)
    );
    assert_eq!(minutes.last().map(|bar| bar.close), world.exchange.context("KO").and_then(|context| context.oracle_px));
    let hours = world.exchange.candles("KO", "1h".parse().expect("an hour"), millis(0), None).expect("a coin");
    assert!((10..=11).contains(&hours.len()));
    assert_eq!(world.exchange.funding_history("KO", millis(0), None).expect("a coin").len(), 10);
    // A stretch that begins within a candle has it.
    let from = millis(minutes[5].open_time.get() + 1);
    assert_eq!(world.exchange.candles("KO", Interval::MINUTE, from, Some(minutes[7].open_time)).expect("a coin").len(), 3);
}

#[test]
fn minutes_can_be_quiet() {
    let liquidity = Liquidity { trades_permille: 4, ..Liquidity::default() };
    let mut world = World::of(Settings { liquidity, ..busy(2) });
    world.advance(60 * 60_000);
    let hour = world.exchange.candles("KO", Interval::MINUTE, time(0), None).expect("a coin");
    let quiet = hour.iter().filter(|bar| bar.trades == 0).count();
    assert!(quiet > 5 && quiet < 58, "{quiet} quiet minutes");
    assert!(
        hour.windows(2).all(|pair| pair[0].end_time.get() + 1 == pair[1].open_time.get()),
        "no gap between those that are there"
    );
}

#[test]
fn an_order_at_rest_fills_when_the_price_comes_to_it() {
    let mut settings = busy(1);
    settings.prices = settings_with_prices(&[(0, "100"), (30, "98")]).prices;
    settings.liquidity.trades_permille = 0;
    let mut world = World::of(settings);
    world.advance(6_000);
    assert!(world.place(ANN, limit(true, "99", "3", Tif::Alo)).contains("resting"));
    world.advance(29_000);
    assert!(world.exchange.fills(ANN).is_empty());
    world.advance(31_000);
    let fill = world.exchange.fills(ANN).remove(0);
    assert_eq!((fill.px.get(), fill.crossed), (number("99"), false));
    world.audit(Decimal::from(30_000));
}

#[test]
fn much_time_passes_in_bounded_steps() {
    let mut world = World::of(Settings { liquidity: Liquidity::NONE, ..busy(1) });
    world.exchange.advance(time(DAY_MS));
    let first = world.exchange.now();
    assert!(first < time(DAY_MS) && world.exchange.next_due() > first);
    world.exchange.advance(time(0));
    assert_eq!(world.exchange.now(), first, "time does not run backwards");
    world.advance(DAY_MS);
    assert_eq!(world.exchange.now(), time(DAY_MS));
}

#[test]
fn what_there_is_to_trade_is_listed_as_the_exchange_does_it() {
    let exchange = Exchange::new(Settings::new(1, millis(START))).expect("settings");
    let meta = exchange.meta();
    let btc = &meta.universe[0];
    assert_eq!((btc.name.as_str(), btc.sz_decimals, btc.max_leverage, btc.margin_table_id), ("BTC", 5, 40, Some(50)));
    assert_eq!(meta.universe[3].margin_table_id, Some(10), "one tier has its leverage for a number");
    let symbols: Vec<calypte_kernel::Symbol> =
        meta.universe.iter().map(|asset| asset.name.parse().expect("a symbol")).collect();
    // The client reads it.
    let text = serde_json::to_vec(&meta).expect("text");
    let read: calypte_venues::hyperliquid::protocol::Meta =
        calypte_venues::hyperliquid::protocol::parse(&text).expect("a universe");
    assert_eq!((read, symbols.len()), (meta, 6));
    assert_eq!(exchange.asset_of("SOL"), Some(2));
}

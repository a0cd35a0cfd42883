//! The steady state of the market asks the allocator for nothing.

#[path = "../benches/running/mod.rs"]
mod running;

use allocation_counter::measure;
use calypte_kernel::{Answer, Context, Decimal, Input, MarketEvent, Output, Quote, Side, Size, Timestamp, Trade, TradingCore};
use running::{BTC, HEARD, UNHEARD, answer, candle, price, running};

/// Rounds after which everything has the room it needs.
const ROUNDS: i64 = 1_000;

fn steady() -> TradingCore {
    running(&[1; 10]).0
}

/// Allocations of the second half of the rounds; the first half may still make room.
fn allocations(mut round: impl FnMut(i64)) -> u64 {
    (1..=ROUNDS).for_each(&mut round);
    measure(|| (ROUNDS + 1..=2 * ROUNDS).for_each(&mut round)).count_total
}

#[test]
fn what_nobody_hears_allocates_nothing() {
    let mut core = steady();
    let size = Size::new(Decimal::ONE).expect("positive");
    let count = allocations(|round| {
        let time = Timestamp::from_millis(round * 60_000);
        let level = |digits: i64| calypte_kernel::Level { price: price(digits + round % 100), size };
        let events = [
            candle(UNHEARD, round),
            MarketEvent::Quote(Quote { instrument: BTC, time, bid: level(600_000), ask: level(600_010) }),
            MarketEvent::Trade(Trade { instrument: BTC, time, price: price(600_000), size, taker: Side::Buy }),
        ];
        for event in events {
            core.handle(time, Input::Market(event));
            assert!(core.poll().is_none(), "somebody heard of it");
        }
    });
    assert_eq!(count, 0);
}

#[test]
fn a_price_that_moves_the_mark_allocates_nothing() {
    let mut core = steady();
    let context = |round: i64| Context {
        instrument: BTC,
        time: Timestamp::from_millis(round * 60_000),
        mark_price: price(600_000 + round),
        oracle_price: None,
        funding_rate: None,
        open_interest: None,
    };
    let mut contexts = (0..=2 * ROUNDS).map(|round| Some(Box::new(context(round)))).collect::<Vec<_>>();
    let count = allocations(|round| {
        let context = contexts[usize::try_from(round).expect("positive")].take().expect("each once");
        core.handle(Timestamp::from_millis(round * 60_000), Input::Market(MarketEvent::Context(context)));
        assert!(core.poll().is_none(), "somebody heard of it");
    });
    assert_eq!(count, 0);
}

#[test]
fn a_candle_that_is_answered_with_nothing_allocates_nothing() {
    let mut core = steady();
    let count = allocations(|round| {
        let now = Timestamp::from_millis(round * 60_000);
        core.handle(now, Input::Market(candle(HEARD, round)));
        let Some(Output::Deliver(deliver)) = core.poll() else { panic!("the strategy runs") };
        answer(&mut core, now, deliver.number, Answer::Intents(Vec::new()));
    });
    assert_eq!(count, 0);
}

#[test]
fn the_count_counts() {
    assert_eq!(allocations(|round| drop(std::hint::black_box(Box::new(round)))), u64::try_from(ROUNDS).expect("positive"));
}

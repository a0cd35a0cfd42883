//! A strategy in Rust for `wasm32-wasip2` that uses the standard library, through the whole upload.

use super::*;
#[tokio::test]
async fn a_rust_strategy_prints_hashes_and_asks_for_the_time() {
    let strategy = crate::upload::tests::loaded(examples::built("standard-library")).await;
    assert_eq!(strategy.manifest().name, "standard-library");
    let mut runs = Vec::new();
    for seed in [1, 1, 2, 3, 4] {
        let settings = InstanceSettings { seed, ..InstanceSettings::new(StrategyId::new(3)) };
        let mut instance = strategy.instantiate(settings).await.expect("it starts");
        let begun = call(&mut instance, deliver(1, init())).await;
        assert_eq!(lines(&begun), [(LogLevel::Info, "0 variables, 0 arguments".to_owned())]);
        // The SDK pulls, and the feed is given the ends.
        let feed = Listed::new((3..=9).map(|number| candle(number, 100 + number.cast_signed())));
        assert!(instance.call(candle(2, 100), Box::new(feed.clone())).await.1.is_none());
        let ended = feed.ended();
        assert_eq!(ended.len(), 8);
        let last = lines(&ended[7]);
        assert_eq!(last[0], (LogLevel::Info, "close 109, 8 different".to_owned()));
        assert_eq!(last[1], (LogLevel::Warn, "1 times".to_owned()));
        assert!(last[2].1.starts_with("60000 ms, keys in the order ["), "{last:?}");
        runs.push(last);
        let ended = call(&mut instance, candle(10, 1_000)).await;
        let (kind, detail) = fault_of(&ended);
        assert_eq!(kind, FaultKind::Trap);
        assert!(detail.contains("a close of 1000 is absurd"), "{detail}");
    }
    assert_eq!(runs[0], runs[1], "equal seeds give equal orders");
    assert!(runs[1..].windows(2).any(|pair| pair[0] != pair[1]), "and others others: {runs:?}");
}

fn lines(ended: &HookEnded) -> Vec<(LogLevel, String)> {
    let effects = ended.effects.as_ref().unwrap_or_else(|| panic!("{:?}", ended.answer));
    effects.log.iter().map(|line| (line.level, line.text.clone())).collect()
}

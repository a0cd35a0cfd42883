//! Writing down what goes into the core: all of it, in order, before anything follows; and what happens where that fails.

mod support;

use calypte_kernel::{Candle, Decimal, Input, Output, Price, Timestamp, TradingCore};
use calypte_sim::{Backtest, BacktestError, InputRecorder, RecorderError};
use std::sync::{Arc, Mutex};
use support::{FIRST, deployment, idle, in_memory, run, settings};

/// Keeps what it gets; fails at the input with this number.
#[derive(Clone, Default)]
struct Kept {
    inputs: Arc<Mutex<Vec<(Timestamp, Input)>>>,
    outputs: Arc<Mutex<Vec<String>>>,
    fails_at: Option<usize>,
}

impl InputRecorder for Kept {
    fn input(&mut self, now: Timestamp, input: &Input) -> Result<(), RecorderError> {
        let mut inputs = self.inputs.lock().expect("nobody panicked");
        if self.fails_at == Some(inputs.len()) {
            return Err("the disk is full".into());
        }
        inputs.push((now, input.clone()));
        Ok(())
    }

    fn outputs(&mut self, _now: Timestamp, outputs: &mut dyn Iterator<Item = &Output>) -> Result<(), RecorderError> {
        self.outputs.lock().expect("nobody panicked").extend(outputs.map(|output| format!("{output:?}")));
        Ok(())
    }
}

fn candles() -> Arc<[Candle]> {
    let price = Price::new(Decimal::from(100)).expect("positive");
    let flat = |minute: i64| Candle {
        open_time: Timestamp::from_millis(minute * 60_000),
        open: price,
        high: price,
        low: price,
        close: price,
        volume: Decimal::ONE,
    };
    (0..50).map(flat).collect()
}

fn backtest(recorder: &Kept) -> Backtest {
    let backtest = Backtest::new(settings(), vec![deployment(FIRST)], in_memory(&candles())).expect("sound settings");
    backtest.with_recorder(Box::new(recorder.clone()))
}

#[test]
fn a_fresh_core_given_what_was_recorded_says_the_same() {
    let kept = Kept::default();
    let settings = backtest(&kept).core().settings().clone();
    run(backtest(&kept), &mut [idle()]);
    let mut core = TradingCore::new(settings).expect("sound settings");
    let mut said = Vec::new();
    let inputs = kept.inputs.lock().expect("nobody panicked");
    assert!(inputs.len() > 100, "{} inputs", inputs.len());
    for (now, input) in inputs.iter() {
        core.handle(*now, input.clone());
        said.extend(std::iter::from_fn(|| core.poll()).map(|output| format!("{output:?}")));
    }
    assert_eq!(said, *kept.outputs.lock().expect("nobody panicked"));
}

#[test]
fn a_run_that_cannot_be_recorded_ends_there() {
    let all = Kept::default();
    run(backtest(&all), &mut [idle()]);
    let total = all.inputs.lock().expect("nobody panicked").len();
    for fails_at in 0..total {
        let kept = Kept { fails_at: Some(fails_at), ..Kept::default() };
        let mut backtest = backtest(&kept);
        let mut strategy = idle();
        let error = loop {
            match backtest.next() {
                Ok(Some(deliver)) => {
                    let (strategy_id, number, answer) = (deliver.strategy, deliver.number, strategy(&deliver));
                    let ended = calypte_kernel::HookEnded { strategy: strategy_id, number, answer, effects: None, fuel: 1 };
                    backtest.answer(ended);
                }
                Ok(None) => panic!("the run came to its end though input {fails_at} was not recorded"),
                Err(error) => break error,
            }
        };
        assert!(matches!(error, BacktestError::Recorder { .. }), "{error}");
        assert_eq!(kept.inputs.lock().expect("nobody panicked").len(), fails_at, "nothing was recorded after it failed");
        assert!(matches!(backtest.next(), Ok(None)), "it is over");
    }
}

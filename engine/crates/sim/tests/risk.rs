//! Kill switches in a run: what is declared closes what is held, and nothing opens after it.

mod support;

use calypte_kernel::{
    AccountRisk, Amount, Answer, Candle, Decimal, Deployment, Event, Hook, Intent, KillAction, KillRule, KillTrigger,
    PlaceOrder, Price, RiskEvent, Side, StrategyId, StrategyRisk, Timestamp, VenueFill, Wanted, WantedKind,
};
use calypte_sim::{Backtest, EquityPoint, Observer, Outcome, RunStatus};
use std::sync::{Arc, Mutex};
use support::{BTC, FIRST, MINUTES, deployment, in_memory, number, run, settings, subscribe};

/// Notes what happened to the safeguards.
#[derive(Debug, Clone, Default)]
struct Noted(Arc<Mutex<Vec<(Timestamp, RiskEvent)>>>);

impl Observer for Noted {
    fn fill(&mut self, _: StrategyId, _: &VenueFill, _: Decimal) {}
    fn equity(&mut self, _: EquityPoint) {}
    fn risk(&mut self, time: Timestamp, event: &RiskEvent) {
        self.0.lock().expect("nobody panicked").push((time, *event));
    }
}

/// Candles that stand at 100 for five minutes and then fall by one a minute.
fn falling() -> Arc<[Candle]> {
    let candle = |minute: i64| {
        let at = |minute: i64| Price::new(Decimal::from(100 - (minute - 5).clamp(0, 30))).expect("positive");
        let (open, close) = (at(minute - 1), at(minute));
        let open_time = Timestamp::from_millis(minute * 60_000);
        Candle { open_time, open, high: open, low: close, close, volume: Decimal::ONE }
    };
    (1..40).map(candle).collect()
}

/// Buys one at each candle.
fn outcome(account: AccountRisk, risk: StrategyRisk) -> (Outcome, Vec<(Timestamp, RiskEvent)>) {
    let buy = PlaceOrder {
        instrument: BTC,
        side: Side::Buy,
        size: Wanted { mantissa: 1, scale: 0 },
        kind: WantedKind::Market,
        reduce_only: false,
        tag: None,
        take_profit: None,
        stop_loss: None,
    };
    let mut settings = settings();
    settings.risk = account;
    let deployments = vec![Deployment { risk, ..deployment(FIRST) }];
    let noted = Noted::default();
    let backtest = Backtest::new(settings, deployments, in_memory(&falling())).expect("sound settings");
    let outcome = run(
        backtest.with_observer(Box::new(noted.clone())),
        &mut [Box::new(move |deliver| match &deliver.hook {
            Hook::Init(_) => subscribe(MINUTES, 0),
            Hook::Event(Event::Candle(_)) => Answer::Intents(vec![Intent::Place(Box::new(buy))]),
            _ => Answer::Intents(Vec::new()),
        })],
    );
    let noted = noted.0.lock().expect("nobody panicked").clone();
    (outcome, noted)
}

#[test]
fn a_drawdown_kill_flattens_and_keeps_flat() {
    let rule = KillRule { trigger: KillTrigger::Drawdown(Amount::Quote(number("40"))), action: KillAction::Flatten };
    let strategy = StrategyRisk { kill: vec![rule], ..StrategyRisk::NONE };
    let account = AccountRisk { kill: vec![rule], ..AccountRisk::NONE };
    for (account, strategy) in [(AccountRisk::NONE, strategy), (account, StrategyRisk::NONE)] {
        let (outcome, noted) = outcome(account, strategy);
        assert_eq!(outcome.status, RunStatus::Completed);
        assert!(outcome.open_positions.is_empty(), "{:?}", outcome.open_positions);
        assert!(matches!(noted[0].1, RiskEvent::Killed { action: KillAction::Flatten, armed: false, .. }), "{noted:?}");
        assert!(matches!(noted[1].1, RiskEvent::Flat { .. }), "{noted:?}");
        assert_eq!(noted.len(), 2, "it fires once and never arms itself: {noted:?}");
        assert!(outcome.counts.denied > 20, "each further intent is denied: {}", outcome.counts.denied);
        let lost = settings().cash - outcome.money.final_equity;
        assert!(lost >= number("40") && lost < number("80"), "{lost}");
    }
}

#[test]
fn nothing_declared_holds_on() {
    let (outcome, noted) = outcome(AccountRisk::NONE, StrategyRisk::NONE);
    assert_eq!((outcome.open_positions.len(), outcome.counts.denied, noted.len()), (1, 0, 0));
}

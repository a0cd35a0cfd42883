//! Files of risk: what is read, and where what is wrong is named.

use super::*;
use calypte_kernel::{Amount, Decimal, InstrumentId, KillAction, KillRule, KillTrigger, OrderTypes, Protection, Rate, Rules};

const FULL: &str = r#"
[account]
notional_max = 50000
tenant_notional_max = "80000.5"
leverage_max = 5
margin = { leverage_when_unknown = 1 }
collar_bps = 500
data_age_max = "2m"
dead_man = "30s"
flatten_outside = true
netting = "allow"
kill = [{ trigger = "daily-loss", amount = "5%", action = "reduce-only" }]

[strategy]
order_notional_max = 1000
budget = "25%"
restart = "flatten"
shares = true
rates = { orders = "10/1s", cancels = "5/500ms" }
off_grid = "round"
self_trade = "cancel-resting"
closing = { stale_slippage_bps = 0, retry = "10s" }

[[strategy.kill]]
trigger = "drawdown"
amount = "20%"
action = "flatten"

[[strategy.kill]]
trigger = "profit-lock"
reached = 100
keep = "40.5"
action = "pause"

[[strategy.protections]]
kind = "stop-loss-streak"
losses = 3
within = "1d"
pause = "4h"

[strategies.grid]
notional_max = 7

[instruments.BTC]
orders = ["gtc", "alo"]
notional_max = 20000
"#;

fn read(text: &str) -> Result<RiskFile, NotRisk> {
    let file = tempfile::Builder::new().suffix(".toml").tempfile().expect("a file");
    std::fs::write(file.path(), text).expect("it is written");
    RiskFile::read(file.path())
}

fn btc() -> Instrument {
    Instrument::new(InstrumentId::new(0), "BTC".parse().expect("a symbol"), Rules::ANY)
}

#[test]
fn a_file_says_everything_that_can_be_declared() {
    let risk = read(FULL).expect("it is sound");
    let account = risk.account(&[btc()]);
    assert_eq!(account.tenant_notional_max, Some(Decimal::new(800_005, 1)));
    assert_eq!((account.leverage_max, account.data_age_ms_max, account.dead_man_ms), (Some(5), Some(120_000), Some(30_000)));
    let daily = KillTrigger::DailyLoss(Amount::Share(Decimal::new(5, 2)));
    assert_eq!(account.kill, [KillRule { trigger: daily, action: KillAction::ReduceOnly }]);
    let types = OrderTypes { gtc: true, ..OrderTypes::POST_ONLY };
    assert_eq!((account.instruments[0].orders, account.instruments[0].tradable), (types, true));
    let strategy = risk.strategy("ema-atr");
    assert_eq!(strategy.rates.cancels, Some(Rate { count: 5, per_ms: 500 }));
    assert_eq!((strategy.kill.len(), strategy.closing.stale_slippage_bps, strategy.closing.retry_ms), (2, None, 10_000));
    assert!(account.flatten_outside);
    assert_eq!(strategy.budget, Some(Amount::Share(Decimal::new(25, 2))));
    assert_eq!(risk.restart("ema-atr"), RestartPolicy::Flatten);
    assert_eq!(risk.restart("grid"), RestartPolicy::Resume, "a table of its own stands alone");
    assert_eq!((risk.shares("ema-atr"), risk.shares("grid"), risk.netting()), (true, false, Netting::Allow));
    let none = read("").expect("it is sound");
    assert_eq!((none.shares("ema-atr"), none.netting()), (false, Netting::Deny), "each has to be opted in to");
    let (within_ms, pause_ms) = (86_400_000, 4 * 3_600_000);
    let streak = Protection::StopLossStreak { losses: 3, within_ms, pause_ms, per_instrument: false };
    assert_eq!(strategy.protections, [streak]);
    let own = risk.strategy("grid");
    assert_eq!((own.notional_max, own.order_notional_max), (Some(Decimal::from(7)), None), "a table of its own stands alone");
}

#[test]
fn written_out_it_reads_the_same() {
    let risk = read(FULL).expect("it is sound");
    let again = toml::to_string(&risk).expect("it is written");
    assert_eq!(read(&again), Ok(risk));
    assert_eq!(read("").map(|risk| risk.strategy("x")), Ok(StrategyRisk::NONE));
}

#[test]
fn what_is_wrong_is_named_with_its_place() {
    for (text, words) in [
        ("[account]\nnotional = 5\n", ["line 2", "unknown field `notional`"]),
        ("[strategy]\nnotional_max = 0.5\n", ["line 2", "write 0.5 in quotes"]),
        ("[strategy]\nnotional_max = \"x\"\n", ["line 2", "\"x\" is not a number"]),
        ("[strategy]\nrates = { orders = \"10\" }\n", ["line 2", "\"10\" is not a rate"]),
        ("[strategy]\ndata_age_max = \"5w\"\n", ["line 2", "is not a length of time"]),
        ("[strategy]\nself_trade = \"maybe\"\n", ["line 2", "unknown variant `maybe`"]),
        ("[account]\nnetting = true\n", ["line 2", "netting"]),
        ("[strategy]\nshares = \"yes\"\n", ["line 2", "expected a boolean"]),
        ("[strategy]\nnotional_max = 0\n", ["in [strategy]", "notional_max is 0: above 0"]),
        ("[strategies.grid]\ncollar_bps = 10001\n", ["in [strategies.grid]", "collar_bps is 10001: from 1 to 10000"]),
        ("[instruments.BTC]\nnotional_max = -1\n", ["in [instruments.BTC]", "notional_max is -1"]),
        ("[account]\ndead_man = \"1s\"\n", ["in [account]", "dead_man_ms is 1000"]),
        (
            "[[strategy.kill]]\ntrigger = \"loss\"\namount = \"150%\"\naction = \"pause\"\n",
            ["in [strategy]", "kill amount is 1.5: a share"],
        ),
    ] {
        let said = read(text).expect_err(text).to_string();
        assert!(words.iter().all(|word| said.contains(word)), "{text}{said}");
    }
    let missing = RiskFile::read(Path::new("/no/such/risk.toml"));
    assert!(matches!(missing, Err(NotRisk::Unreadable { .. })));
}

#[test]
fn tables_of_what_is_not_in_the_run_are_refused() {
    let strategy = |name: &str| StrategyRequest { name: name.to_owned(), component: PathBuf::new(), parameters: Vec::new() };
    let check = |text: &str| read(text).expect("it is sound").check(&[strategy("grid")], &[btc()]);
    assert_eq!(check("[strategies.grid]\n[instruments.BTC]\n[instruments.BTC-PERP]\n"), Ok(()));
    assert!(matches!(check("[strategies.gird]\n"), Err(RequestError::RiskOfNoStrategy { .. })));
    assert!(matches!(check("[instruments.ETH]\n"), Err(RequestError::RiskOfNoInstrument { .. })));
}

//! Reports of a run made by hand.

use super::*;
use crate::data::{Columns, Label, OnFault, OnGap, TimeUnit};
use crate::request::{Axis, LimitFill, LimitSettings, Metric, RunModels, RunSettings, SweepFlags, SweepRequest};
use crate::run::{Bar, ChartMark, Content, DataUsed, Journal, LogEntry, Notification, RanStrategy, SeriesBars};
use calypte_host::Manifest;
use calypte_kernel::{
    ClientOrderId, Decimal, EventNumber, Fault, FaultKind, FeeRates, Instrument, InstrumentId, LogLevel, LogLine, ParamValue,
    Price, Rules, SeriesId, SeriesInfo, Side, Size, StrategyId, StrategyState, Timeframe, Timestamp, TradeId, Urgency,
    VenueFill, VenueOrderId,
};
use calypte_sim::{
    Counts, DataFault, Drawdown, EquityPoint, FuelSummary, Money, MonthReturn, Observer, OpenPosition, Outcome, Performance,
    Refusals, RunStatus, StrategyOutcome, Trade, TradeStatistics,
};
use serde_json::Value;
use std::sync::Arc;

/// 2024-01-01.
const START: i64 = 1_704_067_200_000;
/// What a guest would write to get out of its place.
const HOSTILE: &str = "</script><script>alert('out')</script>\u{1b}[31m";

fn at(minute: i64) -> Timestamp {
    Timestamp::from_millis(START + minute * 60_000)
}

fn number(text: &str) -> Decimal {
    text.parse().expect(text)
}

fn settings() -> RunSettings {
    RunSettings {
        from: None,
        to: None,
        cash: number("1000"),
        fees: FeeRates { taker: number("0.00045"), maker: number("0.00015") },
        slippage_bps: Decimal::ZERO,
        fill: LimitFill::Touch,
        fuel: Some(1_000_000),
        fuel_per_event: None,
        limits: LimitSettings::default(),
        seed: 7,
        columns: Columns::Header,
        time: TimeUnit::Millis,
        label: Label::Open,
        on_bad_data: OnFault::Stop,
        on_gap: OnGap::Tell,
        portable: false,
        models: RunModels::default(),
        risk: None,
    }
}

fn outcome(status: RunStatus) -> Outcome {
    let trade = Trade {
        strategy: StrategyId::new(0),
        instrument: InstrumentId::new(0),
        side: Side::Sell,
        size: Size::new(number("2.50")).expect("positive"),
        entry_time: at(1),
        exit_time: at(3),
        entry_price: number("100.10"),
        exit_price: number("99.9"),
        pnl: number("0.41"),
        fees: number("0.0900"),
        mae: number("0.250"),
        mfe: number("1.5"),
    };
    let position = OpenPosition {
        strategy: StrategyId::new(0),
        instrument: InstrumentId::new(0),
        size: number("-1.0"),
        flow: number("100"),
        mark: Price::new(number("99.5")).ok(),
    };
    Outcome {
        status,
        start: at(0),
        end: at(60),
        counts: Counts {
            candles: 60,
            events: 63,
            events_by_kind: [60, 0, 0, 0, 0, 2, 1, 0, 0, 0, 0],
            fills: 3,
            ..Counts::default()
        },
        refusals: Refusals::default(),
        money: Money {
            initial_cash: number("1000"),
            final_equity: number("1000.4100"),
            fees: number("0.0900"),
            funding: Decimal::ZERO,
            traded_notional: number("300"),
            traded_size: number("3"),
        },
        performance: Performance {
            total_return: Some(0.00041),
            max_drawdown: Some(Drawdown { fraction: 0.001, amount: number("1.0"), start: at(1), end: at(2), recovery: None }),
            exposure: 0.5,
            ..Performance::default()
        },
        trade_statistics: TradeStatistics { count: 1, wins: 1, gross_profit: number("0.41"), ..TradeStatistics::default() },
        trades: vec![trade],
        trades_left_out: 0,
        months: vec![MonthReturn { year: 2024, month: 1, value: Some(0.00041) }],
        equity: Vec::new(),
        open_positions: vec![position],
        fuel: FuelSummary { total: 6_300, mean: 100.0, p99: 120, max: 130 },
        strategies: vec![StrategyOutcome {
            strategy: StrategyId::new(0),
            state: StrategyState::Stopped,
            events: 63,
            fills: 3,
            fees: number("0.09"),
            fuel: 6_300,
        }],
    }
}

fn run(status: RunStatus) -> RunReport {
    let series = SeriesInfo { id: SeriesId::new(0), instrument: InstrumentId::new(0), timeframe: Timeframe::MINUTE };
    let price = |units: i64| Price::new(Decimal::from(100 + units)).expect("positive");
    let bar = |minute: i64| Bar {
        open_time: at(minute),
        open: price(minute % 5),
        high: price(minute % 5 + 2),
        low: price(minute % 5 - 2),
        close: price(minute % 3),
    };
    RunReport {
        outcome: outcome(status),
        digest: "ab".repeat(32),
        strategies: vec![RanStrategy {
            id: StrategyId::new(0),
            name: HOSTILE.to_owned(),
            component: "x.wasm".into(),
            sha256: "cd".repeat(32),
            manifest: Manifest { name: "x".to_owned(), version: "1".to_owned(), ..Manifest::default() },
            parameters: Arc::new([
                ("fast".to_owned(), ParamValue::Integer(5)),
                ("filter".to_owned(), ParamValue::Number(number("0.00050"))),
            ]),
            status: None,
        }],
        instruments: Arc::new([Instrument::new(InstrumentId::new(0), "BTC".parse().expect("a symbol"), Rules::ANY)]),
        series: Arc::new([series]),
        data: vec![DataUsed {
            file: "btc.csv".into(),
            instrument: InstrumentId::new(0),
            content: Content::Candles(series.timeframe),
            sha256: Some("ef".repeat(32)),
            warnings: vec![HOSTILE.to_owned()],
            warnings_left_out: 0,
        }],
        settings: settings(),
        bars: vec![SeriesBars { series, bars: (0..60).map(bar).collect() }],
        journal: journal(),
        wall_time_ms: 12,
    }
}

/// What a guest said that would rather be a script.
fn journal() -> Journal {
    let strategy = StrategyId::new(0);
    let line = LogLine { level: LogLevel::Warn, text: format!("no volume {HOSTILE}") };
    let notification =
        Notification { strategy, time: at(2), urgency: Urgency::Alert, text: format!("sell everything {HOSTILE}") };
    Journal {
        log_head: vec![LogEntry { strategy, time: at(1), line }],
        log_left_out: 8,
        notifications: vec![notification],
        ..Journal::default()
    }
}

fn record(status: RunStatus) -> Value {
    serde_json::from_str(&json(&RunRecord::new(&run(status)))).expect("it is JSON")
}

fn fill(minute: i64, side: Side) -> VenueFill {
    VenueFill {
        order: Some(ClientOrderId::from_bytes([1; 16])),
        venue_order: VenueOrderId::new(8),
        trade_id: TradeId::new(9),
        instrument: InstrumentId::new(0),
        side,
        price: Price::new(number("100.50")).expect("positive"),
        size: Size::new(number("2.0")).expect("positive"),
        fee: number("0.0904500"),
        maker: false,
        force: None,
        time: at(minute),
    }
}

#[test]
fn a_report_begins_with_what_everybody_asks() {
    let text = json(&RunRecord::new(&run(RunStatus::Completed)));
    let keys = text.lines().filter_map(|line| line.strip_prefix("  \"")?.split('"').next()).take(8).collect::<Vec<_>>();
    assert_eq!(keys, ["version", "status", "digest", "events", "fills", "fees", "final_equity", "fuel"]);
    let record = record(RunStatus::Completed);
    assert_eq!(record["status"], "completed");
    assert_eq!(record["fees"], "0.09", "money is text without trailing zeros");
    assert_eq!(record["final_equity"], "1000.41");
    assert_eq!(
        (record["events"].as_u64(), record["fills"].as_u64(), record["fuel"].as_u64()),
        (Some(63), Some(3), Some(6_300))
    );
    assert_eq!(record["return"], 0.00041);
    assert_eq!(record["sharpe"], Value::Null, "what is not defined is null");
    assert_eq!(record["events_by_kind"]["candle"], 60);
    assert_eq!(record["trades"][0]["side"], "short");
    assert_eq!((&record["trades"][0]["mae"], &record["trades"][0]["mfe"]), (&"0.25".into(), &"1.5".into()));
    assert_eq!(record["max_drawdown"]["amount"], "1");
    assert_eq!(record["trades"][0]["entry_time"], "2024-01-01T00:01:00Z");
    assert_eq!(record["open_positions"][0]["size"], "-1");
    assert_eq!(record["strategies"][0]["parameters"], serde_json::json!({"fast": 5, "filter": "0.0005"}));
    assert_eq!(record["data"][0]["timeframe"], "1m");
    assert_eq!(record["monthly_returns"][0]["month"], 1);
    assert_eq!(record["settings"]["fill"], "touch");
    assert!(record.get("reason").is_none() && record.get("fault").is_none());
}

#[test]
fn a_run_that_ended_early_says_where_and_why() {
    let out_of_fuel = record(RunStatus::OutOfFuel(EventNumber::new(41)));
    assert_eq!(out_of_fuel["status"], "out-of-fuel");
    assert_eq!(out_of_fuel["ended_at_event"], 41);
    let fault = Fault {
        kind: FaultKind::Trap,
        function: "on-candle".to_owned(),
        event: EventNumber::new(3),
        fuel: 99,
        detail: "unreachable".to_owned(),
    };
    let faulted = record(RunStatus::Faulted(Box::new(fault)));
    assert_eq!((&faulted["status"], &faulted["fault"]["kind"]), (&Value::from("faulted"), &Value::from("trap")));
    assert_eq!(faulted["reason"], "trap in on-candle at event 3 after 99 fuel: unreachable");
    let refused = record(RunStatus::Refused("no data".to_owned()));
    assert_eq!(
        (&refused["status"], &refused["reason"]),
        (&Value::from("faulted"), &Value::from("the strategy refused to begin: no data"))
    );
    assert_eq!(refused["fault"], serde_json::json!({"kind": "refused", "function": "init", "detail": "no data"}));
    let fault = DataFault { event: EventNumber::new(7), place: "a.csv: line 9".to_owned(), words: "high is \"x\"".to_owned() };
    let bad_data = record(RunStatus::BadData(Box::new(fault)));
    assert_eq!((&bad_data["status"], &bad_data["ended_at_event"]), (&Value::from("faulted"), &Value::from(7)));
    assert_eq!(bad_data["reason"], "a.csv: line 9: high is \"x\"");
    assert_eq!(
        (&bad_data["fault"]["kind"], &bad_data["fault"]["place"]),
        (&Value::from("data"), &Value::from("a.csv: line 9"))
    );
}

#[test]
fn a_run_that_asked_and_got_nothing_says_why() {
    let mut run = run(RunStatus::Completed);
    run.outcome.counts = Counts { intents: 9, orders: 3, denied: 5, rejected: 2, cancelled: 1, ..run.outcome.counts };
    run.outcome.refusals = Refusals {
        denied: [("no-position".into(), 2), ("below-min-notional".into(), 3)].into(),
        rejected: [("would-take".into(), 2)].into(),
    };
    let record = |run: &RunReport| serde_json::to_value(RunRecord::new(run)).expect("it is JSON");
    let filled = record(&run);
    assert_eq!(filled["denials"], serde_json::json!({"below-min-notional": 3, "no-position": 2}));
    assert_eq!(filled["rejections"], serde_json::json!({"would-take": 2}));
    assert_eq!(filled["warnings"], serde_json::json!([]), "it traded");

    run.outcome.counts.fills = 0;
    let words = "nothing was traded: 9 intents, 5 (below-min-notional 3, no-position 2) denied; 3 orders reached the exchange, \
                 2 (would-take 2) rejected, 1 cancelled, none filled";
    assert_eq!(record(&run)["warnings"], serde_json::json!([words]));
    let page = html::run_page(&run, &RunRecord::new(&run), &Drawn::default()).parts().concat();
    assert!(page.contains(&format!("<p class=\"warning\">{words}</p>")));
    assert!(page.contains("<th class=\"part\">below-min-notional</th><td>3</td>"));

    // A strategy that asks for timers alone does not mean to trade.
    run.outcome.counts = Counts { intents: 9, ..Counts::default() };
    assert_eq!(record(&run)["warnings"], serde_json::json!([]));
}

#[test]
fn equal_runs_differ_in_wall_time_only() {
    let first = json(&RunRecord::new(&run(RunStatus::Completed)));
    let second = json(&RunRecord::new(&RunReport { wall_time_ms: 99, ..run(RunStatus::Completed) }));
    let differing = first.lines().zip(second.lines()).filter(|(first, second)| first != second).collect::<Vec<_>>();
    assert_eq!(differing, [("  \"wall_time_ms\": 12", "  \"wall_time_ms\": 99")]);
}

#[test]
fn a_run_leaves_its_files() {
    let folder = tempfile::tempdir().expect("a folder");
    let run = run(RunStatus::Completed);
    let market = crate::request::MarketRequest { instruments: run.instruments.to_vec(), series: Vec::new(), ticks: Vec::new() };
    let strategy = crate::request::StrategyRequest { name: "ema,x".to_owned(), component: "x".into(), parameters: Vec::new() };
    let mut recorder = Recorder::create(folder.path(), &[strategy], &market).expect("the files are made");
    recorder.fill(StrategyId::new(0), &fill(5, Side::Buy), number("2"));
    recorder.fill(StrategyId::new(0), &fill(9, Side::Sell), number("0.00"));
    for (minute, equity) in [(0, "1000"), (10, "1001.50"), (20, "990"), (59, "1000.41")] {
        recorder.equity(EquityPoint { time: at(minute), equity: number(equity) });
    }
    assert!(!folder.path().join("fills.csv").exists(), "a file has its name when it is whole");
    let recorded = recorder.finish().expect("the files are written");
    write_run(folder.path(), &run, &RunRecord::new(&run), recorded).expect("the reports are written");

    let read = |file: &str| std::fs::read_to_string(folder.path().join(file)).expect(file);
    assert_eq!(
        read("fills.csv"),
        "time_ms,strategy,symbol,side,price,size,fee,role,position,trade_id,order\n\
         1704067500000,\"ema,x\",BTC,buy,100.5,2,0.09045,taker,2,9,0x01010101010101010101010101010101\n\
         1704067740000,\"ema,x\",BTC,sell,100.5,2,0.09045,taker,0,9,0x01010101010101010101010101010101\n"
    );
    assert_eq!(read("equity.csv").lines().nth(2), Some("1704067800000,1001.5"));
    let page = read("report.html");
    assert!(!page.contains("<script>alert"), "a guest's text is only text");
    assert!(!page.contains('\u{1b}'));
    assert_eq!(page.matches("</script>").count(), 3);
    let said =
        ["Notifications (1)", "sell everything &lt;/script&gt;", "Log (1)", "no volume &lt;/script&gt;", "8 more are left out"];
    for part in said {
        assert!(page.contains(part), "{part}");
    }
    for part in ["Equity and drawdown", "BTC 1m", "Monthly returns", "\"candlestick\"", "Fuel", "Round trips"] {
        assert!(page.contains(part), "{part}");
    }
    if let Some(keep) = std::env::var_os("CALYPTE_KEEP_PAGE") {
        std::fs::copy(folder.path().join("report.html"), keep).expect("it is copied");
    }
}

#[test]
fn every_traded_instrument_has_a_panel() {
    let mut run = run(RunStatus::Completed);
    let price = Price::new(number("7")).expect("positive");
    let bar = Bar { open_time: at(0), open: price, high: price, low: price, close: price };
    let symbols = (0..12).map(|number| format!("COIN{number}")).collect::<Vec<_>>();
    let instrument = |(place, symbol): (usize, &String)| {
        let id = InstrumentId::new(u32::try_from(place).expect("small"));
        Instrument::new(id, symbol.parse().expect("a symbol"), Rules::ANY)
    };
    run.instruments = symbols.iter().enumerate().map(instrument).collect();
    let series = |instrument: &Instrument| SeriesInfo {
        id: SeriesId::new(instrument.id.get()),
        instrument: instrument.id,
        timeframe: Timeframe::MINUTE,
    };
    run.bars = run.instruments.iter().map(|instrument| SeriesBars { series: series(instrument), bars: vec![bar] }).collect();
    run.journal.marks = vec![ChartMark { strategy: StrategyId::new(1), time: at(0), text: "a mark drawn once".to_owned() }];
    let page = |drawn: &Drawn| html::run_page(&run, &RunRecord::new(&run), drawn).parts().concat();
    let titles = |page: &str| symbols.iter().filter(|symbol| page.contains(&format!("<h2>{symbol} 1m</h2>"))).count();

    let mut drawn = Drawn::default();
    assert_eq!(titles(&page(&drawn)), 1, "the first where nothing was traded");
    for instrument in [3, 5] {
        drawn.fill(
            StrategyId::new(u32::from(instrument == 5)),
            &VenueFill { instrument: InstrumentId::new(instrument), ..fill(1, Side::Buy) },
        );
    }
    let two = page(&drawn);
    assert!(two.contains("<h2>COIN3 1m</h2>") && two.contains("<h2>COIN5 1m</h2>"));
    assert_eq!((titles(&two), two.matches("a mark drawn once").count()), (2, 1), "what a strategy drew stands once");
    assert!(two.find("\"annotations\":[]") < two.find("a mark drawn once"), "it stands with what that strategy traded");
    for instrument in 0..12 {
        drawn.fill(StrategyId::new(0), &VenueFill { instrument: InstrumentId::new(instrument), ..fill(1, Side::Sell) });
    }
    let all = page(&drawn);
    assert_eq!(titles(&all), 8);
    assert!(all.contains("4 more instruments were traded"));
}

fn sweep_request() -> SweepRequest {
    let axes = ["fast=5,7", "slow=30,40"].iter().map(|text| text.parse::<Axis>().expect(text)).collect();
    let flags = SweepFlags { axes, metric: Metric::FinalEquity, jobs: Some(1), out: None, earlier: Earlier::Keep };
    SweepRequest::new("x.wasm".into(), flags, &["BTC:1m=a".parse().expect("data")], &[], settings()).expect("a sweep")
}

fn sweep_report(request: &SweepRequest, equities: [&str; 4]) -> SweepReport {
    let mut table = SweepTable::new(4, Vec::new());
    for (place, equity) in equities.iter().enumerate().rev() {
        let mut outcome = outcome(RunStatus::Completed);
        outcome.money.final_equity = number(equity);
        table.add(SweepRow::new(place, &request.combination(place), &outcome));
    }
    table.report(request, "ab".repeat(32), 2_000)
}

#[test]
fn a_sweep_names_its_best() {
    let request = sweep_request();
    let report = sweep_report(&request, ["1000", "1003.5", "1003.5", "998"]);
    let best = report.best.as_ref().expect("there is a best");
    assert_eq!(best.values, ["5", "40"], "the first of equals");
    assert_eq!(report.ranked().map(|row| row.number).collect::<Vec<_>>(), [1, 2, 0, 3]);
    assert_eq!((report.status, report.done, report.fills), ("completed", 4, 12));
    assert!((report.combinations_per_second - 2.0).abs() < 1e-9);
    let csv = report.to_csv();
    assert_eq!(csv.lines().count(), 5);
    assert!(csv.starts_with("fast,slow,status,events,fills,fees,final_equity,fuel,return,"));
    assert!(csv.contains("\n5,40,completed,63,3,0.09,1003.5,6300,0.00041,"));
}

#[test]
fn a_sweep_that_was_ended_says_so() {
    let request = sweep_request();
    let row = SweepRow::new(2, &request.combination(2), &outcome(RunStatus::OutOfFuel(EventNumber::new(1))));
    let mut table = SweepTable::new(4, vec![row]);
    assert!(table.has(2) && !table.has(0));
    table.add(SweepRow::new(
        0,
        &request.combination(0),
        &outcome(RunStatus::Faulted(Box::new(Fault {
            kind: FaultKind::Trap,
            function: String::new(),
            event: EventNumber::new(1),
            fuel: 0,
            detail: String::new(),
        }))),
    ));
    let report = table.report(&request, String::new(), 0);
    assert_eq!((report.status, report.done, report.resumed), ("cancelled", 2, 1));
    assert!(report.best.is_none(), "only completed runs are ranked");
    assert_eq!(report.ended, [("faulted".to_owned(), 1), ("out-of-fuel".to_owned(), 1)].into());
}

#[test]
fn a_sweep_leaves_its_files() {
    let folder = tempfile::tempdir().expect("a folder");
    let report = sweep_report(&sweep_request(), ["1", "2", "3", "4"]);
    write_sweep(folder.path(), &report).expect("it is written");
    let text = std::fs::read_to_string(folder.path().join("sweep.json")).expect("there is a record");
    let record: Value = serde_json::from_str(&text).expect("it is JSON");
    assert_eq!(record["best"]["final_equity"], "4");
    assert_eq!(record["axes"][1]["name"], "slow");
    let page = std::fs::read_to_string(folder.path().join("sweep.html")).expect("there is a page");
    assert!(page.contains("\"z\":[[1.0,3.0],[2.0,4.0]]"), "down is the second parameter, across the first");
    assert!(folder.path().join("sweep.csv").exists());
    if let Some(keep) = std::env::var_os("CALYPTE_KEEP_SWEEP") {
        std::fs::copy(folder.path().join("sweep.html"), keep).expect("it is copied");
    }
}

#[test]
fn a_terminal_gets_no_control_characters() {
    assert_eq!(escape_terminal("a\u{1b}[2Jb\nc\rd\u{9b}"), "a\u{fffd}[2Jb\nc\u{fffd}d\u{fffd}");
}

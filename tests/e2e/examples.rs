//! The example strategies as components, on the command line, over made-up candles: they trade, and their money adds up.

use rust_decimal::Decimal;
use serde_json::Value;
use std::path::Path;
use std::str::FromStr as _;
use tests::{calypte, component, temp_dir};

/// Candles of each made-up market: four weeks of minutes.
const CANDLES: &str = "40000";
const CASH: &str = "100000";

fn number(text: &str) -> Decimal {
    Decimal::from_str(text).unwrap_or_else(|error| panic!("{text:?}: {error}"))
}

/// An exact number of a report.
fn money(value: &Value) -> Decimal {
    number(value.as_str().unwrap_or_else(|| panic!("no exact number: {value}")))
}

/// Makes a market up.
fn market(folder: &Path, seed: u32) -> String {
    let file = folder.join(format!("{seed}.csv")).display().to_string();
    calypte(["data", "synth", "--candles", CANDLES, "--seed", &seed.to_string(), "--out", &file]).ok();
    file
}

/// Runs examples over data; the report, once its money has been added up anew from the fills that it wrote.
fn report(examples: &[&str], data: &[String], out: &Path) -> Value {
    let mut arguments = vec!["backtest".to_owned()];
    arguments.extend(examples.iter().map(|example| component(example).display().to_string()));
    arguments.extend(data.iter().flat_map(|data| ["--data".to_owned(), data.clone()]));
    arguments.extend(["--cash", CASH, "--instrument", "any", "--json", "--out"].map(str::to_owned));
    arguments.push(out.display().to_string());
    let report = calypte(arguments).ok().json();
    assert_eq!(report["status"], "completed", "{report}");
    adds_up(&report, out);
    report
}

/// Cash, what fills moved, fees and what is still open make the final equity, to the last digit.
fn adds_up(report: &Value, out: &Path) {
    let text = std::fs::read_to_string(out.join("fills.csv")).expect("the run wrote its fills");
    let mut lines = text.lines();
    let header: Vec<&str> = lines.next().expect("fills have a header").split(',').collect();
    let column = |name: &str| header.iter().position(|field| *field == name).unwrap_or_else(|| panic!("no {name}"));
    let (side, price, size, fee) = (column("side"), column("price"), column("size"), column("fee"));
    let mut count = 0_u64;
    let [mut flow, mut fees, mut notional, mut sizes] = [Decimal::ZERO; 4];
    for line in lines {
        let fields: Vec<&str> = line.split(',').collect();
        let value = number(fields[price]) * number(fields[size]);
        flow += if fields[side] == "buy" { -value } else { value };
        fees += number(fields[fee]);
        notional += value;
        sizes += number(fields[size]);
        count += 1;
    }
    let open = report["open_positions"].as_array().expect("a list");
    let worth: Decimal = open.iter().map(|open| money(&open["size"]) * money(&open["mark"])).sum();
    assert_eq!(money(&report["final_equity"]), number(CASH) + flow - fees + worth);
    assert_eq!(money(&report["fees"]), fees);
    assert_eq!((money(&report["traded_notional"]), money(&report["traded_size"])), (notional, sizes));
    assert_eq!(report["fills"], count);
    assert!(count > 0, "nobody traded");

    let strategies = report["strategies"].as_array().expect("a list");
    let sum = |key: &str| strategies.iter().map(|strategy| strategy[key].as_u64().expect("a count")).sum::<u64>();
    assert_eq!((sum("fills"), sum("events"), sum("fuel")), (count, count_of(report, "events"), count_of(report, "fuel")));
    assert_eq!(strategies.iter().map(|strategy| money(&strategy["fees"])).sum::<Decimal>(), fees);
    // Every round trip that ended, and what flowed into those that did not, is the profit.
    let statistics = &report["trade_statistics"];
    let closed = money(&statistics["gross_profit"]) - money(&statistics["gross_loss"]);
    if open.is_empty() {
        assert_eq!(number(CASH) + closed, money(&report["final_equity"]));
    }
}

fn count_of(report: &Value, key: &str) -> u64 {
    report[key].as_u64().unwrap_or_else(|| panic!("`{key}` is no count"))
}

#[test]
fn donchian_trades_breakouts_with_attached_exits() {
    let folder = temp_dir();
    let data = [format!("BTC:1m={}", market(folder.path(), 5))];
    let report = report(&["donchian"], &data, &folder.path().join("out"));
    assert!(count_of(&report, "fills") > 1_000, "{report}");
    assert_eq!(report["counts"]["maker_fills"], 0, "entries and exits are market orders");
    let statistics = &report["trade_statistics"];
    assert!(count_of(statistics, "wins") > 100 && count_of(statistics, "losses") > 100, "{statistics}");
}

#[test]
fn grid_rests_orders_and_is_a_maker_only() {
    let folder = temp_dir();
    let data = [format!("BTC:1m={}", market(folder.path(), 5))];
    let report = report(&["grid"], &data, &folder.path().join("out"));
    assert!(count_of(&report, "fills") > 20, "{report}");
    assert_eq!(report["counts"]["maker_fills"], report["fills"]);
    assert!(count_of(&report["trade_statistics"], "wins") > 3, "{report}");
}

#[test]
fn dca_buys_once_a_day_by_the_clock() {
    let folder = temp_dir();
    let data = [format!("BTC:1m={}", market(folder.path(), 5))];
    let report = report(&["dca"], &data, &folder.path().join("out"));
    assert_eq!(report["fills"], 28);
    assert_eq!(report["events_by_kind"]["timer"], 40_000 / 60);
    let spent = money(&report["traded_notional"]);
    assert!(spent > number("2780") && spent < number("2820"), "28 purchases for about 100: {spent}");
    assert_eq!(report["trade_statistics"]["count"], 0, "it never sells");
}

#[test]
fn strategies_share_a_run_and_each_does_what_it_does_alone() {
    let folder = temp_dir();
    let file = market(folder.path(), 5);
    let data = [format!("BTC:1m={file}")];
    let together = report(&["donchian", "grid", "dca"], &data, &folder.path().join("together"));
    for (place, name) in ["donchian", "grid", "dca"].into_iter().enumerate() {
        let alone = report(&[name], &data, &folder.path().join(name));
        let strategy = &together["strategies"][place];
        assert_eq!(strategy["name"], name);
        assert_eq!((&strategy["fills"], &strategy["fees"]), (&alone["fills"], &alone["fees"]), "{name}");
    }
}

#[test]
fn several_symbols_and_timeframes_share_a_run() {
    let folder = temp_dir();
    let (btc, eth) = (market(folder.path(), 5), market(folder.path(), 6));
    let hours = folder.path().join("hours.csv").display().to_string();
    calypte(["data", "resample", &btc, "--of", "1m", "--timeframe", "1h", "--out", &hours]).ok();
    let minutes = format!("BTC:1m={btc}");
    let data = [format!("BTC:1h={hours}"), minutes.clone(), format!("ETH:1m={eth}")];
    let report_of_hours = report(&["donchian"], &data, &folder.path().join("hours"));
    // The first series is the trader's choice; the last hour of the data is not whole.
    assert_eq!(report_of_hours["events_by_kind"]["candle"], 40_000 / 60);
    let (hourly, minutely) = (count_of(&report_of_hours, "fills"), {
        count_of(&report(&["donchian"], &[minutes], &folder.path().join("minutes")), "fills")
    });
    assert!(hourly > 10 && hourly < minutely / 10, "{hourly} fills on hours, {minutely} on minutes");
    let first = &report_of_hours["instruments"][0];
    assert_eq!((&first["symbol"], report_of_hours["data"].as_array().map(Vec::len)), (&"BTC".into(), Some(3)));
}

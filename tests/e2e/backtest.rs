//! Whole backtests, from a file of candles to a report, against figures that nobody here computed with the engine.

use rust_decimal::Decimal;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write as _};
use std::path::Path;
use std::process::Command;
use std::str::FromStr as _;
use tests::reference::{self, Fill, Rules};
use tests::{calypte, component, is_installed, run, shared_file, skip, spec_candles, synth_candles, temp_dir};

/// Money, fees and rules of the peers' benchmark.
const SPEC: [&str; 8] = ["--cash", "1000000", "--fee-taker", "0.00045", "--slippage-bps", "0", "--instrument", "any"];

fn number(text: &str) -> Decimal {
    Decimal::from_str(text).unwrap_or_else(|error| panic!("{text:?}: {error}"))
}

/// A number of a report: money is written as text, since JSON's numbers are not exact.
fn money(report: &Value, key: &str) -> Decimal {
    number(report[key].as_str().unwrap_or_else(|| panic!("`{key}` is no text in {report}")))
}

/// Backtests `ema-atr` with the benchmark's settings; the report of the folder it wrote.
fn backtest(data: &str, more: &[&str], out: &Path) -> Value {
    let strategy = component("ema-atr");
    let out_text = out.to_str().expect("the path of a temporary folder is text");
    let strategy = strategy.to_str().expect("the path of a component is text");
    let mut arguments = vec!["backtest", strategy, "--data", data, "--out", out_text, "--json"];
    arguments.extend(SPEC);
    arguments.extend(more);
    calypte(arguments).ok();
    let report = std::fs::read_to_string(out.join("report.json")).expect("the run wrote its report");
    serde_json::from_str(&report).expect("the report is JSON")
}

/// The fills that a run wrote, in the reference's form.
fn written_fills(out: &Path) -> Vec<Fill> {
    let file = File::open(out.join("fills.csv")).expect("the run wrote its fills");
    let mut lines = BufReader::new(file).lines().map(|line| line.expect("fills are text"));
    let header = lines.next().expect("fills have a header");
    let column = |name: &str| {
        header.split(',').position(|field| field == name).unwrap_or_else(|| panic!("no column {name} in {header}"))
    };
    let (time, side, price, size, fee) = (column("time_ms"), column("side"), column("price"), column("size"), column("fee"));
    lines
        .map(|line| {
            let fields: Vec<&str> = line.split(',').collect();
            let sign = if fields[side] == "buy" { Decimal::ONE } else { Decimal::NEGATIVE_ONE };
            Fill {
                time: fields[time].parse().expect("a time"),
                size: sign * number(fields[size]),
                price: number(fields[price]),
                fee: number(fields[fee]),
            }
        })
        .collect()
}

fn assert_agrees(report: &Value, fills: &[Fill], expected: &reference::Ledger) {
    assert_eq!(report["status"], "completed", "{report}");
    let differs = fills.iter().zip(&expected.fills).position(|(ours, theirs)| ours != theirs);
    assert_eq!(
        differs,
        None,
        "first fill that differs: ours {:?}",
        differs.map(|place| (&fills[place], &expected.fills[place]))
    );
    assert_eq!(fills.len(), expected.fills.len());
    assert_eq!(report["fills"], expected.fills.len());
    assert_eq!(money(report, "final_equity"), expected.final_equity);
    assert_eq!(money(report, "fees"), expected.fees);
}

#[test]
fn the_candles_of_the_peers_benchmark_are_those_that_every_engine_got() {
    // The hashes that the benchmark names.
    let published = [
        (100_000, "c87292b73b5463272b7114f0f4078caf8d37558cf9b3780a0cec127ce08b086d"),
        (525_600, "a51e9f95770b924f401f40c9b145d0a0a7f53adcef9890dad2c93fcb5730ff8e"),
    ];
    let folder = temp_dir();
    for (candles, hash) in published {
        let bytes = std::fs::read(spec_candles(candles, folder.path())).expect("candles were made");
        let found = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        assert_eq!(found, hash, "{candles} candles");
    }
}

#[test]
fn the_candles_of_the_peers_benchmark_are_those_of_its_own_generator() {
    const CANDLES: usize = 20_000;
    let Some(generator) = shared_file("bench/make_data.py") else { return };
    let folder = temp_dir();
    let mut python = Command::new("python3");
    let theirs = run(python.arg(generator).args(["-n", &CANDLES.to_string(), "--out-dir"]).arg(folder.path())).ok();
    let theirs = std::fs::read_to_string(theirs.stdout.trim()).expect("the generator names its file");
    let ours = std::fs::read_to_string(spec_candles(CANDLES, folder.path())).expect("candles were made");
    let differs = ours.lines().zip(theirs.lines()).find(|(ours, theirs)| ours != theirs);
    assert_eq!(differs, None, "ours, theirs");
    assert!(ours == theirs, "one has more lines");
}

#[test]
fn ema_atr_gives_the_figures_of_the_peers_benchmark() {
    let folder = temp_dir();
    let candles = spec_candles(525_600, folder.path());
    let out = folder.path().join("out");
    let report = backtest(&format!("BTC:1m={}", candles.display()), &[], &out);
    assert_eq!(report["fills"], 10_629);
    assert_eq!(money(&report, "final_equity"), number("979701.391505"));
    assert_eq!(money(&report, "fees"), number("24976.908495"));

    let fills = written_fills(&out);
    assert_eq!(fills.iter().map(|fill| fill.size.abs()).sum::<Decimal>(), number("21257"));
    let bars = reference::read(BufReader::new(File::open(candles).expect("candles were made"))).expect("candles read");
    let expected = reference::run(&bars, Rules::default(), number("1000000"), number("0.00045"));
    assert_agrees(&report, &fills, &expected);
}

#[test]
fn ema_atr_on_a_real_year_agrees_with_plain_rust() {
    let Some(data) = shared_file("data/BTCUSDT-1m-binance.csv.gz") else { return };
    let folder = temp_dir();
    let report = backtest(&format!("BTC:1m={}", data.display()), &[], folder.path());
    let unpacked = flate2::read::MultiGzDecoder::new(File::open(&data).expect("shared data opens"));
    let bars = reference::read(BufReader::new(unpacked)).expect("the year reads");
    assert_eq!(bars.len(), 525_520);
    let expected = reference::run(&bars, Rules::default(), number("1000000"), number("0.00045"));
    assert!(expected.fills.len() > 1_000, "a year without trading proves nothing");
    assert_agrees(&report, &written_fills(folder.path()), &expected);
    // The outage of 2023-03-24 is told, not hidden.
    assert_eq!(report["counts"]["gaps"], 1);
    assert_eq!(report["counts"]["missing_candles"], 80);
}

#[test]
fn the_same_run_twice_is_the_same_to_the_byte() {
    let folder = temp_dir();
    let candles = synth_candles(20_000, 7, folder.path(), "candles.csv");
    let reports = ["a", "b"].map(|name| {
        let out = folder.path().join(name);
        backtest(&format!("BTC:1m={}", candles.display()), &["--seed", "3", "--param", "chart=true"], &out);
        let mut files = ["fills.csv", "equity.csv"].map(|file| std::fs::read(out.join(file)).expect(file)).to_vec();
        let report = std::fs::read_to_string(out.join("report.json")).expect("report");
        let lines: Vec<&str> = report.lines().filter(|line| !line.contains("\"wall_time_ms\"")).collect();
        assert_eq!(lines.len() + 1, report.lines().count(), "one line of the report is the wall time");
        files.push(lines.join("\n").into_bytes());
        files
    });
    assert!(reports[0] == reports[1], "two equal runs differ");
}

/// Peak memory of a backtest in kilobytes, its children's included.
fn peak_memory(candles: &Path, more: &[&str]) -> u64 {
    // The interpreter waits for the run and reports what the system says of its largest child.
    let measure = "import resource, subprocess, sys\n\
                   subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)\n\
                   print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)";
    let mut command = Command::new("python3");
    command.args(["-c", measure]).arg(tests::calypte_path()).arg("backtest").arg(component("ema-atr"));
    let run = run(command.arg("--data").arg(format!("BTC:1m={}", candles.display())).arg("--json").args(more)).ok();
    run.stdout.trim().parse().expect("kilobytes")
}

#[test]
fn peak_memory_does_not_grow_with_the_length_of_the_data() {
    if !is_installed("python3") {
        return skip("there is no python3 to measure with");
    }
    let folder = temp_dir();
    let made = [1_000, 50_000, 1_000_000, 2_000_000];
    let made = made.map(|candles| synth_candles(candles, 1, folder.path(), &format!("{candles}.csv.zst")));
    let [tiny, short, long, longer] = made.each_ref().map(std::path::PathBuf::as_path);
    // The first run also fills the cache of compiled code, in a child of its own.
    peak_memory(tiny, &[]);
    // No candle moves as much as that: nothing is traded, so that data alone goes through.
    let quiet = ["--param", "filter=0.9"];
    let (few, many) = (peak_memory(short, &quiet), peak_memory(long, &quiet));
    assert!(many < few + few / 10, "50 000 candles took {few} kB at the peak, 1 000 000 took {many} kB");
    // With trades the report's list of them fills up to its limit, and nothing grows from there on.
    let (many, more) = (peak_memory(long, &[]), peak_memory(longer, &[]));
    assert!(more < many + many / 10, "1 000 000 candles took {many} kB at the peak, 2 000 000 took {more} kB");
}

#[test]
fn a_run_that_is_out_of_fuel_says_where_and_reports_up_to_there() {
    let folder = temp_dir();
    let candles = synth_candles(50_000, 1, folder.path(), "candles.csv");
    let strategy = component("ema-atr");
    let (strategy, data) = (strategy.to_str().expect("text"), format!("BTC:1m={}", candles.display()));
    let run = calypte(["backtest", strategy, "--data", &data, "--fuel", "5000000", "--json"]).exits_with(1);
    let report = run.json();
    assert_eq!(report["status"], "out-of-fuel", "{run}");
    let events = report["events"].as_u64().expect("events are counted");
    assert!(events > 10 && events < 50_000, "{events} events");
    assert!(report["fuel"].as_u64().expect("fuel is counted") <= 5_000_000);
}

#[test]
fn compressed_and_columnar_data_give_the_same_run() {
    let folder = temp_dir();
    let plain = synth_candles(5_000, 11, folder.path(), "candles.csv");
    let mut digests = Vec::new();
    for extension in ["csv", "csv.gz", "csv.zst", "parquet"] {
        let file = folder.path().join(format!("candles.{extension}"));
        if extension == "csv.gz" {
            // Packed by somebody else's code, as files from elsewhere are.
            let mut bytes = Vec::new();
            File::open(&plain).and_then(|mut file| file.read_to_end(&mut bytes)).expect("candles were made");
            let mut packed = flate2::write::GzEncoder::new(File::create(&file).expect("file"), flate2::Compression::fast());
            packed.write_all(&bytes).and_then(|()| packed.finish().map(drop)).expect("packs");
        } else if extension != "csv" {
            synth_candles(5_000, 11, folder.path(), &format!("candles.{extension}"));
        }
        let report = backtest(&format!("BTC:1m={}", file.display()), &[], &folder.path().join(format!("out-{extension}")));
        digests.push((report["final_equity"].clone(), report["fills"].clone(), report["events"].clone()));
    }
    assert!(digests.windows(2).all(|pair| pair[0] == pair[1]), "{digests:?}");
}

#[test]
fn strategies_of_one_run_share_its_fuel() {
    let folder = temp_dir();
    let candles = synth_candles(20_000, 1, folder.path(), "candles.csv");
    let strategy = component("ema-atr");
    let run = calypte([
        "backtest".as_ref(),
        strategy.as_os_str(),
        strategy.as_os_str(),
        "--data".as_ref(),
        format!("BTC:1m={}", candles.display()).as_ref(),
        "--fuel".as_ref(),
        "3000000".as_ref(),
        "--json".as_ref(),
    ] as [&std::ffi::OsStr; 8]);
    let report = run.exits_with(1).json();
    assert_eq!(report["status"], "out-of-fuel");
    let fuel = report["fuel"].as_u64().expect("fuel is counted");
    assert!((2_900_000..=3_000_000).contains(&fuel), "{fuel} of 3000000 fuel");
}

#[test]
fn a_period_without_candles_is_an_error() {
    let folder = temp_dir();
    let candles = synth_candles(100, 1, folder.path(), "candles.csv");
    let strategy = component("ema-atr");
    for period in [["--from", "2099-01-01"], ["--to", "1999-01-01"]] {
        let data = format!("BTC:1m={}", candles.display());
        let mut arguments = vec!["backtest", strategy.to_str().expect("text"), "--data", &data];
        arguments.extend(period);
        let run = calypte(arguments).exits_with(3);
        assert!(run.stderr.contains("no candle lies within the period"), "{run}");
    }
}

//! The report's page, opened by a browser that may reach nothing.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use tests::{calypte, component, run, skip, synth_candles, temp_dir};

/// What the browser may be called.
const BROWSERS: &[&str] = &["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

fn browser() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders: Vec<_> = std::env::split_paths(&path).collect();
    let found = BROWSERS.iter().flat_map(|name| folders.iter().map(move |folder| folder.join(name)));
    let found = found.into_iter().find(|file| file.is_file());
    if found.is_none() {
        skip(&format!("no browser on the path to open the page in (any of {})", BROWSERS.join(", ")));
    }
    found
}

/// A page as it stands once its scripts have run, and what the browser noted of the network meanwhile.
fn open(browser: &Path, page: &Path, folder: &Path) -> (String, String) {
    let log = folder.join("network.json");
    let mut command = Command::new(browser);
    command.args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]);
    // Scripts get this much of the browser's own time, however slow the machine is.
    command.args(["--dump-dom", "--virtual-time-budget=60000"]);
    command.arg(format!("--user-data-dir={}", folder.join("profile").display()));
    command.arg(format!("--log-net-log={}", log.display()));
    let dom = run(command.arg(format!("file://{}", page.display()))).ok().stdout;
    (dom, fs::read_to_string(log).expect("the browser wrote its log"))
}

#[test]
fn the_page_of_a_run_draws_itself_and_fetches_nothing() {
    let Some(browser) = browser() else { return };
    let folder = temp_dir();
    let candles = synth_candles(3_000, 2, folder.path(), "candles.csv");
    let (strategy, data, out) = (component("ema-atr"), format!("BTC:1m={}", candles.display()), folder.path().join("out"));
    let (strategy, out_text) = (strategy.to_str().expect("text"), out.to_str().expect("text"));
    let arguments = ["backtest", strategy, "--data", &data, "--param", "chart=true", "--out", out_text, "--json"];
    let report = calypte(arguments).ok().json();

    let (dom, network) = open(&browser, &out.join("report.html"), folder.path());
    // The drawing script marks each place that it has drawn in.
    let figures = dom.matches("id=\"figure-").count();
    assert!(figures >= 3, "equity, candles and months have their places");
    assert_eq!(dom.matches("class=\"figure js-plotly-plot\"").count(), figures, "every figure is drawn");
    for figure in [&report["final_equity"], &report["fees"], &report["digest"]] {
        let figure = figure.as_str().expect("text");
        assert!(dom.contains(figure), "{figure} stands on the page");
    }
    assert!(dom.contains(">fast<") && dom.contains(">slow<"), "the strategy's own series are named in the legend");
    assert_eq!(requests(&network), 0, "the page reached out");

    // Without the policy of our page the same look finds what it should.
    let other = folder.path().join("other.html");
    fs::write(&other, "<img src=\"http://example.invalid/a.png\">").expect("it can be written");
    let (_, network) = open(&browser, &other, folder.path());
    assert!(requests(&network) > 0, "a page that reaches out is noticed");
}

/// Requests of the page itself: it has no origin to name, while the browser's own have no initiator.
fn requests(network: &str) -> usize {
    network.matches("\"initiator\":\"null\"").count()
}

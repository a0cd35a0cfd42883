//! What the marks amount to: how long each stage took, close by close.

use crate::marks::{Closed, Decided, Mark};
use anyhow::{Context as _, Result, ensure};
use calypte::config::AccountName;
use calypte_kernel::{ClientOrderId, EventNumber};
use hdrhistogram::Histogram;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

/// Stages in the order of a candle's way. The first four are of candles, those of hooks and orders follow.
pub(crate) const STAGES: [&str; 11] = [
    "heard_to_published",
    "published_to_read",
    "read_to_delivered",
    "delivered_to_end_of_hook",
    "delivered_to_intents",
    "read_to_intents",
    "intents_to_written",
    "written_to_seen",
    "heard_to_intents",
    "heard_to_written",
    "heard_to_end_of_hook",
];
/// The quantiles that are told.
const QUANTILES: [(&str, f64); 4] = [("p50_us", 0.5), ("p90_us", 0.9), ("p99_us", 0.99), ("max_us", 1.0)];

/// All that was noted, by what it is of.
#[derive(Debug, Default)]
pub(crate) struct Stages {
    /// The address of each real account.
    users: BTreeMap<AccountName, String>,
    heard: BTreeMap<Closed, Instant>,
    published: BTreeMap<Closed, Instant>,
    read: BTreeMap<Closed, Instant>,
    decided: Vec<Decided>,
    /// Orders of each event that was answered with some.
    ordered: BTreeMap<(AccountName, EventNumber), Vec<ClientOrderId>>,
    /// When an order was written, by its account's address and its name there, and the signature that went with it.
    written: BTreeMap<(String, String), (Instant, String)>,
    /// By signature.
    seen: BTreeMap<String, Instant>,
    denied: BTreeMap<String, u64>,
}

/// How long one stage took in one close.
type Times = BTreeMap<&'static str, Histogram<u64>>;

impl Stages {
    /// Sorts marks. Of several of one thing the first counts.
    pub(crate) fn new(users: BTreeMap<AccountName, String>, marks: impl IntoIterator<Item = Mark>) -> Result<Self> {
        let mut stages = Self { users, ..Self::default() };
        for mark in marks {
            match mark {
                Mark::Heard { frame, at } => {
                    _ = stages.heard.entry(opened(&frame)?).or_insert(at);
                }
                Mark::Published(candle, at) => _ = stages.published.entry(candle).or_insert(at),
                Mark::Read(candle, at) => _ = stages.read.entry(candle).or_insert(at),
                Mark::Decided(decided) => stages.decided.push(decided),
                Mark::Ordered { account, number, order } => {
                    stages.ordered.entry((account, number)).or_default().push(order);
                }
                Mark::Written { user, frame, at } => {
                    let (names, signature) = orders(&frame)?;
                    for name in names {
                        stages.written.entry((user.clone(), name)).or_insert_with(|| (at, signature.clone()));
                    }
                }
                Mark::Seen { frame, at } => {
                    stages.seen.entry(orders(&frame)?.1).or_insert(at);
                }
                Mark::Denied(code) => *stages.denied.entry(code).or_default() += 1,
            }
        }
        Ok(stages)
    }

    /// The figures of so many closes, the latest, on which so many hooks end.
    pub(crate) fn figures(&self, closes: usize, hooks: usize) -> Result<Value> {
        let mut by_close: BTreeMap<i64, Vec<&Decided>> = BTreeMap::new();
        for decided in &self.decided {
            by_close.entry(decided.candle.time).or_default().push(decided);
        }
        let counts = by_close.values().map(Vec::len).collect::<Vec<_>>();
        by_close.retain(|_, decided| decided.len() == hooks);
        ensure!(by_close.len() >= closes, "too few closes on which {hooks} hooks ended: {counts:?}");
        let skipped = by_close.len() - closes;
        let mut orders = (0, 0, 0);
        let mut all = Vec::new();
        for decided in by_close.values().skip(skipped) {
            all.push(self.times(decided, &mut orders)?);
        }
        let (ordered, written, seen) = orders;
        Ok(json!({
            "closes": closes,
            "orders": { "asked_for": ordered, "written_to_the_socket": written, "seen_by_the_exchange": seen },
            "denied": self.denied,
            "median_of_closes": medians(&all),
            "all_closes": together(&all)?,
        }))
    }

    fn times(&self, decided: &[&Decided], (ordered, written, seen): &mut (u64, u64, u64)) -> Result<Times> {
        let mut times: Times = STAGES.iter().map(|stage| (*stage, histogram())).collect();
        let mut note = |stage: &'static str, from: Instant, to: Instant| {
            // Two ends of a socket note the same moment in either order.
            let took = u64::try_from(to.saturating_duration_since(from).as_nanos()).unwrap_or(u64::MAX);
            times.entry(stage).or_insert_with(histogram).record(took)
        };
        let candles = decided.iter().map(|decided| &decided.candle).collect::<BTreeSet<_>>();
        for candle in candles {
            let (heard, published, read) = self.way(candle)?;
            note("heard_to_published", heard, published)?;
            note("published_to_read", published, read)?;
        }
        for decided in decided {
            let (heard, _, read) = self.way(&decided.candle)?;
            note("read_to_delivered", read, decided.delivered)?;
            note("delivered_to_end_of_hook", decided.delivered, decided.ended)?;
            note("heard_to_end_of_hook", heard, decided.ended)?;
            if !decided.ordered {
                continue;
            }
            note("delivered_to_intents", decided.delivered, decided.ended)?;
            note("read_to_intents", read, decided.ended)?;
            note("heard_to_intents", heard, decided.ended)?;
            for order in self.ordered.get(&(decided.account.clone(), decided.number)).into_iter().flatten() {
                *ordered += 1;
                let user = self.users.get(&decided.account).cloned().unwrap_or_default();
                let Some((at, signature)) = self.written.get(&(user, order.to_string())) else { continue };
                *written += 1;
                note("intents_to_written", decided.ended, *at)?;
                note("heard_to_written", heard, *at)?;
                if let Some(there) = self.seen.get(signature) {
                    *seen += 1;
                    note("written_to_seen", *at, *there)?;
                }
            }
        }
        Ok(times)
    }

    /// When a candle was over, as was heard; on its stream; and read.
    fn way(&self, candle: &Closed) -> Result<(Instant, Instant, Instant)> {
        let of =
            |noted: &BTreeMap<Closed, Instant>, what| noted.get(candle).copied().context(format!("{candle:?} was not {what}"));
        Ok((of(&self.heard, "heard")?, of(&self.published, "published")?, of(&self.read, "read")?))
    }
}

/// The candle that is over when the first frame of the one after it comes.
fn opened(frame: &[u8]) -> Result<Closed> {
    let frame: Value = serde_json::from_slice(frame)?;
    let symbol = frame["data"]["s"].as_str().context("a candle has a coin")?.parse()?;
    Ok(Closed { symbol, time: frame["data"]["t"].as_i64().context("a candle has a time")? })
}

/// The names of the orders that a frame places, and its signature.
fn orders(frame: &str) -> Result<(Vec<String>, String)> {
    let frame: Value = serde_json::from_str(frame)?;
    let payload = frame.pointer("/request/payload").context("it is an action")?;
    let orders = payload.pointer("/action/orders").and_then(Value::as_array).context("it places orders")?;
    let names = orders.iter().filter_map(|order| order["c"].as_str()).map(str::to_owned).collect();
    Ok((names, payload["signature"].to_string()))
}

fn histogram() -> Histogram<u64> {
    Histogram::new(3).expect("three digits are allowed")
}

/// Of each stage the median of what the closes gave.
fn medians(closes: &[Times]) -> Value {
    let of = |stage: &str| {
        let quantile = |at: f64| median(closes.iter().map(|times| times[stage].value_at_quantile(at)).collect());
        let told = QUANTILES.map(|(name, at)| (name.to_owned(), json!(micros(quantile(at)))));
        let count = median(closes.iter().map(|times| times[stage].len()).collect());
        Value::Object([("count".to_owned(), json!(count))].into_iter().chain(told).collect())
    };
    Value::Object(STAGES.iter().map(|stage| ((*stage).to_owned(), of(stage))).collect())
}

/// Of each stage all that was measured.
fn together(closes: &[Times]) -> Result<Value> {
    let mut stages = Map::new();
    for stage in STAGES {
        let mut all = histogram();
        for times in closes {
            all.add(&times[stage])?;
        }
        let told = QUANTILES.map(|(name, at)| (name.to_owned(), json!(micros(all.value_at_quantile(at)))));
        let figures = [("count".to_owned(), json!(all.len()))].into_iter().chain(told).collect();
        stages.insert(stage.to_owned(), Value::Object(figures));
    }
    Ok(Value::Object(stages))
}

fn median(mut values: Vec<u64>) -> u64 {
    values.sort_unstable();
    values.get(values.len() / 2).copied().unwrap_or_default()
}

#[expect(clippy::cast_precision_loss, reason = "figures of a benchmark")]
fn micros(nanos: u64) -> f64 {
    Duration::from_nanos(nanos).as_nanos() as f64 / 1e3
}

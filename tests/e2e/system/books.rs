//! The books: what the journal, the exchange and a backtest say of the same account.

use crate::devnet::{ACCOUNT, Devnet};
use calypte::control::Control;
use calypte::journal::Epoch;
use calypte_kernel::journal::Record;
use calypte_kernel::{Candle, Feed, FeedChange, Input, MarketEvent, VenueEvent};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use tests::{calypte, component};

/// Milliseconds of the candles that are traded on.
pub(crate) const MINUTE: i64 = 60_000;

/// A gap: of which feed, from when on, and how many candles.
pub(crate) type Gap = (Feed, i64, u32);

/// When candles opened, in the order in which they came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Opens(Vec<i64>);

impl Opens {
    pub(crate) fn new(candles: impl IntoIterator<Item = Candle>) -> Self {
        Self(candles.into_iter().map(|candle| candle.open_time.as_millis()).collect())
    }

    /// Those of a journal, in its order.
    pub(crate) fn heard(journal: &Path) -> Self {
        let mut opens = Vec::new();
        each_input(journal, |input| {
            if let Input::Market(MarketEvent::Candle { candle, .. }) = input {
                opens.push(candle.open_time.as_millis());
            }
        });
        Self(opens)
    }

    /// Holds that none comes twice or late.
    pub(crate) fn are_each_once(&self) {
        assert!(self.0.windows(2).all(|pair| pair[1] > pair[0]), "a candle comes twice or late: {:?}", self.0);
    }

    /// Stretches that are missing: when they begin, and how many candles they are.
    pub(crate) fn missing(&self) -> Vec<(i64, u32)> {
        let pairs = self.0.windows(2).map(|pair| (pair[0] + MINUTE, (pair[1] - pair[0]) / MINUTE - 1));
        pairs
            .filter_map(|(start, missing)| Some((start, u32::try_from(missing).ok().filter(|missing| *missing > 0)?)))
            .collect()
    }

    /// Holds that whatever is missing was said to be.
    pub(crate) fn are_complete_but_for(&self, gaps: &[Gap]) {
        for (start, missing) in self.missing() {
            let stretch = start..start + i64::from(missing) * MINUTE;
            let told = gaps.iter().filter(|(feed, start, _)| matches!(feed, Feed::Candles(_)) && stretch.contains(start));
            let told: u32 = told.map(|(.., missing)| missing).sum();
            assert_eq!(told, missing, "candles from {start} on are missing, and the account was told {gaps:?}");
        }
    }
}

/// The candles that the strategy was given, history first, from each of its starts to its end.
pub(crate) async fn candles_given(journal: &Path) -> Vec<Vec<Candle>> {
    let spans = calypte::drift::spans(journal, None, &Control::default()).await.expect("a sound journal");
    spans.iter().map(|span| span.candles.values().flatten().copied().collect()).collect()
}

/// How many fills a journal has: after a restart the exchange says them again.
pub(crate) fn fills_in(journal: &Path) -> usize {
    let mut fills = BTreeSet::new();
    each_input(journal, |input| {
        if let Input::Venue(VenueEvent::Fill(fill)) = input {
            fills.insert((fill.venue_order, fill.trade_id));
        }
    });
    fills.len()
}

/// The gaps that the account was told of.
pub(crate) fn gaps_in(journal: &Path) -> Vec<Gap> {
    let mut gaps = Vec::new();
    each_input(journal, |input| {
        if let Input::Market(MarketEvent::Feed { feed, change: FeedChange::Gap { start, missing, .. } }) = input {
            gaps.push((feed, start.as_millis(), missing));
        }
    });
    gaps
}

fn each_input(journal: &Path, mut look: impl FnMut(Input)) {
    for epoch in Epoch::all(journal).expect("a journal") {
        let mut reader = epoch.read();
        while let Some(entry) = reader.next().expect("it is sound") {
            if let Record::Input(input) = entry.record {
                look(input);
            }
        }
    }
}

/// The exchange's numbers of the account's orders, by the names that we gave them.
pub(crate) async fn orders_at(devnet: &Devnet) -> BTreeMap<String, BTreeSet<u64>> {
    let told = devnet.ask_from_elsewhere(&format!(r#"{{"type":"historicalOrders","user":"{ACCOUNT}"}}"#)).await;
    let mut orders: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    for row in told.as_array().expect("a list") {
        let (name, number) = (&row["order"]["cloid"], &row["order"]["oid"]);
        let name = name.as_str().unwrap_or_else(|| panic!("an order without a name: {row}"));
        orders.entry(name.to_owned()).or_default().insert(number.as_u64().expect("a number"));
    }
    orders
}

/// What a backtest of the journal decides, beside what was decided; whether that differs, the caller looks.
pub(crate) fn drift(journal: &Path) -> serde_json::Value {
    let (journal, component) = (journal.display().to_string(), component("ema-atr").display().to_string());
    calypte(["drift", &journal, "--component", &component, "--json"]).json()
}

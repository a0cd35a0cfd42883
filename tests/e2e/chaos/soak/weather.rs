//! What goes wrong during a soak: one fault after another, drawn from a seed, with a calm behind each.

use super::show;
use crate::devnet::Devnet;
use calypte_devnet::faults::{Fault, FaultKind};
use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;

/// All kinds of fault. Each comes once before any comes again.
const KINDS: [FaultKind; 14] = [
    FaultKind::Cut,
    FaultKind::Stall,
    FaultKind::Refuse,
    FaultKind::Drop,
    FaultKind::Delay,
    FaultKind::Repeat,
    FaultKind::Reorder,
    FaultKind::LostRequest,
    FaultKind::LostAnswer,
    FaultKind::ErrorPage,
    FaultKind::TooMany,
    FaultKind::MissingKeys,
    FaultKind::ZeroSize,
    FaultKind::UnknownKinds,
];

/// What a fault of messages is about: everything, or one kind of message, question or action.
const ONLY: [Option<&str>; 10] = [
    None,
    None,
    Some("userFills"),
    Some("orderUpdates"),
    Some("clearinghouseState"),
    Some("candle"),
    Some("trades"),
    Some("post"),
    Some("order"),
    Some("cancelByCloid"),
];

/// What a fault of requests is about.
const ONLY_REQUESTS: [Option<&str>; 4] = [None, None, Some("order"), Some("cancelByCloid")];
/// One fault of requests in so many comes with a cut: whoever was cut asks.
const CUT_WITH: usize = 4;

/// Keys that may be missing.
const KEYS: [&str; 6] = ["leverage", "cloid", "fee", "tid", "szi", "statuses"];

/// Shortest and longest time that a fault lasts, in milliseconds.
const LASTS_MS: (u64, u64) = (500, 4_000);
/// Shortest and longest calm behind it.
const CALM_MS: (u64, u64) = (500, 2_500);

/// Draws that are the same for a seed (`SplitMix64`, <https://prng.di.unimi.it/splitmix64.c>).
#[derive(Debug)]
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % (end.max(1) as u64)).expect("below a size")
    }

    fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }

    fn between(&mut self, (least, most): (u64, u64)) -> u64 {
        least + self.below(usize::try_from(most - least + 1).expect("a short time")) as u64
    }
}

/// How often a kind of fault was ordered, and how often it struck.
#[derive(Debug, Default)]
struct Count {
    ordered: u64,
    struck: u64,
}

/// Faults, one after another.
#[derive(Debug)]
pub(super) struct Weather {
    random: Random,
    /// Kinds that have not come yet in this round.
    left: Vec<FaultKind>,
    now: Option<FaultKind>,
    /// When the fault in force ends, or the next one comes.
    changes_at: Duration,
    counts: BTreeMap<FaultKind, Count>,
    /// When on the market frames were dropped, or came in another order: what a connection never does, and nobody can tell.
    frames_lost: Vec<Range<i64>>,
}

impl Weather {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            random: Random(seed),
            left: Vec::new(),
            now: None,
            changes_at: Duration::ZERO,
            counts: BTreeMap::new(),
            frames_lost: Vec::new(),
        }
    }

    /// What is in force.
    pub(super) fn now(&self) -> String {
        self.now.map_or_else(|| "calm".to_owned(), name)
    }

    /// Ends or begins a fault where it is time to.
    pub(super) fn step(&mut self, elapsed: Duration, devnet: &Devnet) {
        if elapsed < self.changes_at {
            return;
        }
        let lasts = if self.now.is_some() {
            self.clear(devnet);
            self.random.between(CALM_MS)
        } else {
            let faults = self.draw();
            let kind = faults[0].kind;
            let body = serde_json::to_string(&faults).expect("faults can be written");
            let state = command(devnet, "POST", &body);
            if matches!(kind, FaultKind::Drop | FaultKind::Reorder) {
                let time = market_time(&state);
                self.frames_lost.push(time..time);
            }
            self.now = Some(kind);
            self.counts.entry(kind).or_default().ordered += 1;
            self.random.between(LASTS_MS)
        };
        self.changes_at = elapsed + Duration::from_millis(lasts);
    }

    /// Ends what is in force, and counts how often it struck.
    pub(super) fn clear(&mut self, devnet: &Devnet) {
        let Some(kind) = self.now.take() else { return };
        let (_, state) = devnet.ask("control", "GET", "/state", "");
        let state: serde_json::Value = serde_json::from_str(&state).expect("JSON");
        // The fault itself is the first; a cut may come with it.
        self.counts.entry(kind).or_default().struck += state["faults"][0]["struck"].as_u64().expect("a number");
        let time = market_time(&command(devnet, "DELETE", ""));
        if matches!(kind, FaultKind::Drop | FaultKind::Reorder)
            && let Some(lost) = self.frames_lost.last_mut()
        {
            lost.end = time;
        }
    }

    /// Whether frames were lost or changed places on the market in a stretch of time.
    pub(super) fn lost_frames_in(&self, stretch: &Range<i64>) -> bool {
        self.frames_lost.iter().any(|lost| lost.start < stretch.end && stretch.start <= lost.end)
    }

    /// A fault, and perhaps a cut that makes everybody ask.
    fn draw(&mut self) -> Vec<Fault> {
        if self.left.is_empty() {
            self.left = KINDS.to_vec();
        }
        let kind = self.left.swap_remove(self.random.below(self.left.len()));
        let strikes_all = matches!(kind, FaultKind::Cut | FaultKind::Stall | FaultKind::Refuse);
        let of_requests =
            matches!(kind, FaultKind::LostRequest | FaultKind::LostAnswer | FaultKind::ErrorPage | FaultKind::TooMany);
        let only: &[Option<&str>] = match (strikes_all, of_requests) {
            (true, _) => &[None],
            (false, true) => &ONLY_REQUESTS,
            (false, false) => &ONLY,
        };
        let with_cut = kind == FaultKind::Refuse || (of_requests && self.random.below(CUT_WITH) == 0);
        let fault = Fault {
            chance: if strikes_all { 1.0 } else { self.random.pick(&[0.2, 0.5, 1.0]) },
            only: self.random.pick(only).map(str::to_owned),
            by_ms: self.random.pick(&[100, 600, 2_500]),
            copies: self.random.pick(&[1, 3]),
            keys: vec![self.random.pick(&KEYS).to_owned()],
            ..Fault::new(kind)
        };
        std::iter::once(fault).chain(with_cut.then(|| Fault::new(FaultKind::Cut))).collect()
    }

    /// Shows the table.
    pub(super) fn show(&self) {
        show(&format!("soak: {:<16} {:>8} {:>8}", "fault", "ordered", "struck"));
        for (kind, count) in &self.counts {
            show(&format!("soak: {:<16} {:>8} {:>8}", name(*kind), count.ordered, count.struck));
        }
    }
}

/// What the exchange says of itself when it was told something about faults.
fn command(devnet: &Devnet, method: &str, body: &str) -> serde_json::Value {
    let (status, said) = devnet.ask("control", method, "/faults", body);
    assert_eq!(status, 200, "{body}: {said}");
    serde_json::from_str(&said).expect("JSON")
}

fn market_time(state: &serde_json::Value) -> i64 {
    state["market_time"].as_i64().expect("a time")
}

/// A kind as the control port names it.
fn name(kind: FaultKind) -> String {
    let name = serde_json::to_value(kind).expect("a kind can be written");
    name.as_str().expect("it is a word").to_owned()
}

//! Seeded runs in which everything goes wrong for a while: orders are neither doubled nor lost, and what was heard is what is so.

use super::*;
use calypte_kernel::VenueOrderId;
use std::collections::{BTreeMap, BTreeSet};

/// Runs.
const SEEDS: u64 = 150;
/// What is done in a run.
const STEPS: u64 = 25;

/// Numbers that look random and are the same for a seed.
struct Chances(u64);

impl Chances {
    /// One below `most`.
    fn below(&mut self, most: u64) -> u64 {
        // xorshift64*, after a first step that brings small seeds apart.
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % most
    }
}

/// What whoever runs the account knows of an order.
#[derive(Debug, Default)]
struct Known {
    filled: Decimal,
    /// It is over, and why.
    over: Option<String>,
    /// Its fate is unknown.
    in_doubt: bool,
    expires: Timestamp,
}

/// As much of a core as the connector needs: it counts fills once, asks after what is in doubt, and for everything after a cut.
#[derive(Debug, Default)]
struct Core {
    orders: BTreeMap<ClientOrderId, Known>,
    fills: BTreeSet<(VenueOrderId, u64)>,
}

impl Core {
    /// Takes news; whether everything is to be asked for.
    fn hear(&mut self, news: &News) -> bool {
        let News::Venue(event) = news else { return is_connection(news, FeedChange::Recovered) };
        match event {
            VenueEvent::Fill(fill) => self.fill(fill),
            VenueEvent::Snapshot(snapshot) => {
                snapshot.fills.iter().for_each(|fill| self.fill(fill));
                snapshot
                    .orders
                    .iter()
                    .filter_map(|open| open.order)
                    .for_each(|order| self.with(order, |known| known.in_doubt = false));
            }
            VenueEvent::Accepted { order, .. } => self.with(*order, |known| known.in_doubt = false),
            VenueEvent::Open(open) => open.order.into_iter().for_each(|order| self.with(order, |known| known.in_doubt = false)),
            VenueEvent::Unanswered { order } => self.with(*order, |known| known.in_doubt = known.over.is_none()),
            VenueEvent::Rejected { order, refusal } => self.end(*order, refusal.code.to_string()),
            VenueEvent::Cancelled { order, .. } => self.end(*order, "cancelled".into()),
            VenueEvent::Absent { order, as_of } if self.orders[order].expires < *as_of => self.end(*order, "absent".into()),
            _ => {}
        }
        false
    }

    fn with(&mut self, order: ClientOrderId, act: impl FnOnce(&mut Known)) {
        act(self.orders.get_mut(&order).expect("nobody else has orders"));
    }

    fn end(&mut self, order: ClientOrderId, why: String) {
        self.with(order, |known| (known.over, known.in_doubt) = (known.over.take().or(Some(why)), false));
    }

    fn fill(&mut self, fill: &calypte_kernel::VenueFill) {
        if self.fills.insert((fill.venue_order, fill.trade_id.get())) {
            let order = fill.order.expect("each has its name");
            self.with(order, |known| known.filled += fill.size.get());
            if self.orders[&order].filled == Decimal::ONE {
                self.end(order, "filled".into());
            }
        }
    }
}

impl Rig {
    async fn live(&mut self, core: &mut Core, span: Duration) {
        for news in self.during(span).await {
            if core.hear(&news) {
                self.ask(Request::Reconcile(ReconcileCause::Reconnected));
            }
        }
        let doubts: Vec<_> =
            core.orders.iter().filter(|(_, known)| known.in_doubt).map(|(order, known)| (*order, known.expires)).collect();
        for (order, repeat_until) in doubts {
            self.ask(Request::Resolve(Resolve { order, instrument: KO, repeat_until }));
        }
    }

    fn step(&mut self, core: &mut Core, chances: &mut Chances) {
        let names: Vec<ClientOrderId> = core.orders.keys().copied().collect();
        let some = |chances: &mut Chances| {
            names.get(usize::try_from(chances.below(names.len().max(1) as u64)).expect("small")).copied()
        };
        match chances.below(10) {
            0..=2 => {
                let limit = match chances.below(3) {
                    0 => ("61.0", TimeInForce::Gtc),
                    1 => ("70", TimeInForce::Ioc),
                    _ => ("61.1", TimeInForce::Alo),
                };
                let order = self.place(Side::Buy, Some(limit));
                let expires = self.ambient.now().saturating_add(10_000);
                core.orders.insert(order, Known { expires, in_doubt: true, ..Known::default() });
            }
            3 => {
                if let Some(order) = some(chances).filter(|order| core.orders[order].over.is_none()) {
                    self.cancel(order);
                }
            }
            4 => {
                if let Some(order) =
                    some(chances).filter(|order| self.played.fate(Cloid(*order)).is_some_and(|(status, _)| status == "open"))
                {
                    self.played.fill(Cloid(order), "0.25");
                }
            }
            5 | 6 => {
                let fault =
                    [Fault::SwallowAnswer, Fault::TooMany, Fault::Html][usize::try_from(chances.below(3)).expect("small")];
                let mut state = self.played.state();
                let lane = if chances.below(2) == 0 { &mut state.post_faults } else { &mut state.rest_faults };
                lane.push_back(fault);
            }
            7 => self.played.cut(),
            8 => {
                let mut state = self.played.state();
                state.silent = !state.silent;
            }
            _ => {
                let mut state = self.played.state();
                state.deaf = !state.deaf;
            }
        }
    }
}

async fn run_of(seed: u64) {
    let mut rig = started().await;
    let (mut core, mut chances) = (Core::default(), Chances(seed + 1));
    for _ in 0..STEPS {
        rig.step(&mut core, &mut chances);
        let span = Duration::from_millis(chances.below(3_000));
        rig.live(&mut core, span).await;
    }
    {
        let mut state = rig.played.state();
        (state.silent, state.deaf) = (false, false);
        state.post_faults.clear();
        state.rest_faults.clear();
    }
    // What is open somewhere else than here would be asked after by a core whose answers are overdue.
    for _ in 0..120 {
        rig.live(&mut core, Duration::from_secs(1)).await;
    }
    rig.ask(Request::Reconcile(ReconcileCause::Start));
    let last = rig.until(|news| matches!(news, News::Venue(VenueEvent::Snapshot(_)))).await;
    for news in &last {
        core.hear(news);
    }
    let Some(News::Venue(VenueEvent::Snapshot(snapshot))) = last.last() else { unreachable!("it was waited for") };

    let heard: Decimal = core.orders.values().map(|known| known.filled).sum();
    let held: Decimal = snapshot.positions.iter().map(|report| report.size).sum();
    assert_eq!((heard, rig.played.position()), (held, held), "seed {seed}: {core:#?}");
    for (order, known) in &core.orders {
        let placed = rig.played.placed(Cloid(*order));
        assert!(placed <= 1, "seed {seed}: {order} was placed {placed} times");
        let listed = snapshot.orders.iter().filter(|open| open.order == Some(*order)).count();
        match rig.played.fate(Cloid(*order)) {
            Some(("open", filled)) => {
                assert_eq!((listed, &known.over, known.filled), (1, &None, filled), "seed {seed}: {order}");
            }
            Some((_, filled)) => assert_eq!((listed, known.filled), (0, filled), "seed {seed}: {order} {known:?}"),
            None => {
                assert_eq!((listed, known.filled), (0, Decimal::ZERO), "seed {seed}: {order}");
                let over = known.over.as_deref();
                assert!(
                    over.is_some_and(|over| over != "filled" && over != "cancelled"),
                    "seed {seed}: {order} was lost: {known:?}"
                );
            }
        }
    }
}

#[test]
fn orders_are_neither_doubled_nor_lost_whatever_goes_wrong() {
    for seed in 0..SEEDS {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
        runtime.expect("a runtime of one thread").block_on(run_of(seed));
    }
}

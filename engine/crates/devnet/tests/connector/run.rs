//! One run: a while in which everything goes wrong, and then quiet.

use super::books;
use super::random::Random;
use super::rig::{Kind, Rig};
use super::weather::{self, KINDS_COUNT};
use calypte_devnet::node::Node;
use calypte_kernel::Decimal;
use std::time::Duration;

/// What happens around the traders in a run.
const STEPS: u64 = 24;
/// How long nothing goes wrong before both sides are compared: longer than a core asks for everything in any case.
const QUIET: Duration = Duration::from_mins(8);

/// What happened in runs.
#[derive(Debug, Default, Clone)]
pub(crate) struct Counts {
    /// Orders that the core sent.
    pub(crate) orders: u64,
    /// Fills of them.
    pub(crate) fills: u64,
    /// Connections that were lost.
    pub(crate) lost: u64,
    /// How often the exchange's word differed from the core's.
    pub(crate) differences: u64,
    /// Faults that were ordered, by kind.
    pub(crate) faults: [u64; KINDS_COUNT],
    /// Orders that were open at the end.
    pub(crate) open: u64,
    /// Funding payments.
    pub(crate) fundings: u64,
    /// Runs of sub-accounts.
    pub(crate) subs: u64,
    /// Runs of accounts whose collateral is among their spot balances.
    pub(crate) unified: u64,
}

impl Counts {
    /// Adds those of another run.
    pub(crate) fn add(&mut self, other: &Self) {
        self.orders += other.orders;
        self.fills += other.fills;
        self.lost += other.lost;
        self.differences += other.differences;
        self.open += other.open;
        self.fundings += other.fundings;
        self.subs += other.subs;
        self.unified += other.unified;
        self.faults.iter_mut().zip(other.faults).for_each(|(sum, of_one)| *sum += of_one);
    }

    /// Whether there was some of each.
    pub(crate) fn is_of_everything(&self) -> bool {
        let Self { orders, fills, lost, open, fundings, subs, unified, faults, .. } = self;
        [orders, fills, lost, open, fundings, subs, unified].into_iter().chain(faults).all(|count| *count > 0)
    }
}

/// Runs one seed; where both sides do not agree in the end, says how.
pub(crate) fn run(seed: u64) -> Result<Counts, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
    runtime.expect("a runtime of one thread").block_on(run_of(seed))
}

async fn run_of(seed: u64) -> Result<Counts, String> {
    let story = crate::told("STORY");
    let mut random = Random::new(seed);
    let mut rig = Rig::started(seed, story.is_some()).await;
    let mut counts = Counts::default();
    rig.live(Duration::from_secs(3)).await;
    for _ in 0..STEPS {
        step(&mut rig, &mut random, &mut counts).await;
        rig.live(Duration::from_millis(200 + random.below(4_000))).await;
    }
    rig.devnet.with(Node::clear_faults).await;
    rig.calm = true;
    rig.say("quiet");
    rig.live(QUIET).await;
    let user = rig.user;
    let truth = rig.devnet.with(move |node| books::truth(node.exchange(), user)).await;
    let compared = books::compare(&rig, &truth).and_then(|()| rig.everything_flows());
    if let (Some(path), Some(story)) = (story, &rig.story) {
        std::fs::write(&path, story).unwrap_or_else(|error| panic!("{path}: {error}"));
    }
    counts.orders = rig.placed.len() as u64;
    counts.fills = truth.fills.len() as u64;
    counts.fundings = truth.fundings;
    counts.open = truth.open.len() as u64;
    counts.lost = rig.lost;
    counts.subs = u64::from(rig.kind == Kind::Sub);
    counts.unified = u64::from(rig.kind == Kind::Unified);
    counts.differences = rig.core.differences();
    compared.map(|()| counts)
}

async fn step(rig: &mut Rig, random: &mut Random, counts: &mut Counts) {
    match random.below(10) {
        0..7 => {
            let (place, fault) = weather::fault(random);
            counts.faults[place] += 1;
            rig.say(&format!("fault {fault:?}"));
            rig.devnet.with(move |node| node.order_fault(fault)).await.expect("the fault makes sense");
        }
        // The market jumps, so that orders fill and triggers fire.
        7 | 8 => {
            let part = Decimal::new(10_000 + random.between(-60, 60), 4);
            let coin = random.pick(&["BTC", "ETH"]);
            rig.say(&format!("{coin} moves by {part}"));
            rig.devnet
                .with(move |node| {
                    let mark = node.exchange().context(coin).and_then(|context| context.mark_px).expect("it has a price");
                    node.set_price(coin, (mark.get() * part).round_dp(1)).expect("it can have that price");
                })
                .await;
        }
        _ => {
            let user = rig.user;
            rig.devnet.with(move |node| node.deposit(user, Decimal::from(100))).await.expect("it can be paid in");
        }
    }
}

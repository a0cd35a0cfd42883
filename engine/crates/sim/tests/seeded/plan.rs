//! What a run will try, from its seed: a profile of its world and a list of steps.
//!
//! A step is a kind and a number of its own from which its details are drawn when its turn comes. Leaving steps out therefore
//! leaves the others as they are, which is what shrinking a failure lives on.

use super::random::Random;
use calypte_kernel::{Holds, Netting, RestartPolicy};

/// One thing that may happen next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum What {
    /// Time passes.
    Clock,
    /// A candle, a trade, a quote or a mark price.
    Market,
    /// The exchange takes a request that is on its way.
    Arrive,
    /// A message of the exchange reaches the account.
    Deliver,
    /// A hook that is out ends.
    Answer,
    /// An open order fills, is triggered, or is ended by the exchange.
    Match,
    /// Money and positions move without an order of ours: funding, deposits, liquidations, trades by hand.
    Elsewhere,
    /// The operator wants something of a strategy.
    Operate,
    /// The operator looks after what may be lost: kill switches, trading states, what other accounts hold.
    Guard,
    /// A feed falls silent, lacks a stretch, or flows again.
    Feed,
    /// The shell asks again what was not answered.
    Ask,
    /// The connection breaks.
    Cut,
    /// The connection is back.
    Restore,
    /// The process dies, and another takes over from the journal.
    Crash,
    /// Everything is delivered and answered; both sides must agree.
    Settle,
}

/// How often each comes, of [`WEIGHTS_SUM`].
const WEIGHTS: [(What, u64); 15] = [
    (What::Answer, 280),
    (What::Deliver, 248),
    (What::Market, 118),
    (What::Arrive, 128),
    (What::Match, 90),
    (What::Clock, 70),
    (What::Elsewhere, 14),
    (What::Operate, 12),
    (What::Guard, 12),
    (What::Feed, 4),
    (What::Ask, 8),
    (What::Cut, 3),
    (What::Restore, 12),
    (What::Crash, 0),
    (What::Settle, 1),
];
const WEIGHTS_SUM: u64 = 1000;

/// How many crashes a run has, whatever its length: each replays all that was before it.
const CRASHES: u64 = 3;

/// A step of a run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Step {
    /// Its place in the run of this seed.
    pub(crate) at: usize,
    /// What it tries.
    pub(crate) what: What,
    /// Where its details are drawn from.
    pub(crate) draw: u64,
}

/// What kind of world it is.
#[derive(Debug, Clone, Copy)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own, drawn by itself")]
pub(crate) struct Profile {
    /// Strategies trade an instrument each, rather than all of them anything.
    pub(crate) own_instruments: bool,
    /// The exchange keeps one net position for each instrument, and the core knows.
    pub(crate) netted: bool,
    /// Others trade in the account, and the exchange liquidates.
    pub(crate) strangers: bool,
    /// The exchange says what the collateral is.
    pub(crate) cash_told: bool,
    /// Of a hundred messages, so many are lost.
    pub(crate) lost: u64,
    /// And so many come twice.
    pub(crate) repeated: u64,
    /// How long a message takes at most, in milliseconds.
    pub(crate) delay_ms: u64,
    /// Of a hundred intents, so many hold numbers that make no sense.
    pub(crate) hostile: u64,
    /// Of a hundred hooks, so many fail.
    pub(crate) faults: u64,
    /// The account has to carry what it holds and what its orders could make of it.
    pub(crate) margin: bool,
    /// Limits, kill switches and protections are declared.
    pub(crate) guarded: bool,
    /// The exchange's dead man's switch is used.
    pub(crate) dead_man: bool,
    /// Power fails, not only the process: the end of the journal is lost with it.
    pub(crate) power: bool,
    /// What strategies do after a restart and after a fault.
    pub(crate) restart: RestartPolicy,
    /// Strategies may trade the same instruments of a netted account, each with a position of its own.
    pub(crate) shares: bool,
    /// Whether they may hold opposite ones.
    pub(crate) netting: Netting,
    /// Which exits the exchange holds; the core guards the others.
    pub(crate) holds: Holds,
}

impl Profile {
    fn of(random: &mut Random) -> Self {
        Self {
            own_instruments: random.chance(60),
            netted: random.chance(60),
            strangers: random.chance(40),
            cash_told: random.chance(40),
            lost: random.pick(&[0, 2, 10, 30]),
            repeated: random.pick(&[0, 5, 30]),
            delay_ms: random.pick(&[1, 50, 500, 15_000]),
            hostile: random.pick(&[0, 2, 20]),
            faults: random.pick(&[0, 0, 1]),
            margin: random.chance(50),
            guarded: random.chance(40),
            dead_man: random.chance(25),
            power: random.chance(20),
            restart: random.pick(&[
                RestartPolicy::Resume,
                RestartPolicy::Resume,
                RestartPolicy::Resume,
                RestartPolicy::Resume,
                RestartPolicy::ReduceOnly,
                RestartPolicy::Flatten,
                RestartPolicy::Hold,
            ]),
            shares: random.chance(40),
            netting: random.pick(&[Netting::Deny, Netting::Allow]),
            holds: Holds { triggers: random.chance(60), trailing: random.chance(60) },
        }
    }

    /// Whether the account's money must be the exchange's to the last digit: about one seed in six. Else a part of it is an
    /// estimate, for good reason, and only the sums of the strategies are held against the account's:
    ///
    /// - Several strategies in one instrument: a position that is reported before its fill is told is taken over by whoever holds
    ///   the instrument, at a price that is assumed; told to be another's fill, it corrects that one's books, not his.
    /// - Strangers: fees and profits of trades by hand are nobody's here.
    /// - Collateral told: what differs by then, since fills are on their way, is booked as paid in or out.
    /// - Power: what a fill made before the end of the journal was lost is told again, but not what the exchange said of money.
    pub(crate) const fn is_exact(self) -> bool {
        self.own_instruments && !self.strangers && !self.cash_told && !self.power
    }
}

/// A run.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    /// What it was made from.
    pub(crate) seed: u64,
    /// How many steps the seed was asked for.
    pub(crate) length: usize,
    /// Its world.
    pub(crate) profile: Profile,
    /// What happens, in order; the last always settles.
    pub(crate) steps: Vec<Step>,
}

impl Plan {
    /// From a seed, for so many steps.
    pub(crate) fn new(seed: u64, length: usize) -> Self {
        let mut random = Random::new(seed);
        let profile = Profile::of(&mut random);
        let mut steps: Vec<Step> = (0..length).map(|at| step(at, random.next())).collect();
        for _ in 0..CRASHES.min(length as u64) {
            let at = random.place(length);
            steps[at].what = What::Crash;
        }
        steps.push(Step { at: length, what: What::Settle, draw: random.next() });
        Self { seed, length, profile, steps }
    }

    /// The same with only those steps.
    pub(crate) fn only(&self, steps: Vec<Step>) -> Self {
        Self { steps, ..self.clone() }
    }
}

fn step(at: usize, draw: u64) -> Step {
    let mut left = Random::new(draw ^ 0x5eed).below(WEIGHTS_SUM);
    for (what, weight) in WEIGHTS {
        if left < weight {
            return Step { at, what, draw };
        }
        left -= weight;
    }
    unreachable!("the weights add up to their sum");
}

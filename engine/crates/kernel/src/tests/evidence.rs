//! Any sequence of evidence about an order, sensible or not, keeps what must hold.

use super::script::Script;
use crate::order_life::{Evidence, Next, transition, walked};
use crate::{Answers, Decimal, InstrumentId, OrderChange, OrderEvent, OrderState, StrategyId};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

/// Something that is said of the order, or done about it, as a line of a script.
#[derive(Debug, Clone)]
enum Said {
    /// This line.
    Line(String),
    /// A fill: its size in hundredths, its trade's number, its form.
    Fill(u8, u8, u8),
    /// Time goes on.
    Later(u16),
}

/// Of which form: of those that the order may have.
fn form() -> impl Strategy<Value = String> {
    prop_oneof![3 => Just(String::new()), 2 => (1_u8..5).prop_map(|form| format!("v {form}"))]
}

fn size() -> impl Strategy<Value = Decimal> {
    (1_i64..300).prop_map(|hundredths| Decimal::new(hundredths, 2))
}

fn line() -> impl Strategy<Value = String> {
    let plain = |line: &'static str| Just(line.to_owned());
    prop_oneof![
        form().prop_map(|form| format!("accept c1 {form}")),
        form().prop_map(|form| format!("cancelled c1 {form}")),
        (size(), form()).prop_map(|(size, form)| format!("amended c1 {size} 91 {form}")),
        (size(), 0_u32..40_000, form()).prop_map(|(size, time, form)| format!("open c1 {size} 90 {time} {form}")),
        size().prop_map(|size| format!("resized c1 {size}")),
        (0_u32..40_000).prop_map(|time| format!("absent c1 {time}")),
        plain("reject c1"),
        plain("expired c1"),
        plain("trigger c1"),
        plain("unanswered c1"),
        plain("request-rejected c1"),
        plain("request-rejected c1 cancel"),
        plain("candle 0 100\n answer amend 1 price 91"),
        plain("candle 0 100\n answer amend 1 size 2; amend 1 trigger 106"),
        plain("candle 0 100\n answer cancel 1"),
        plain("candle 0 100\n answer cancel-all"),
        plain("opened 1"),
    ]
}

fn said() -> impl Strategy<Value = Said> {
    prop_oneof![
        12 => line().prop_map(Said::Line),
        4 => (1_u8..150, 1_u8..6, 1_u8..5).prop_map(|(size, trade, form)| Said::Fill(size, trade, form)),
        2 => (0_u16..15_000).prop_map(Said::Later),
    ]
}

/// An order, and what was said of it.
struct World {
    script: Script,
    now: i64,
    /// Fills that were told: by form and trade.
    fills: BTreeMap<(u8, u8), Decimal>,
}

impl World {
    fn new(order: &str) -> Self {
        let script = Script::new(&format!("account margin 1\n running\n leverage-set 4\n candle 0 100\n answer {order}"));
        let mut world = Self { script, now: 0, fills: BTreeMap::new() };
        world.script.run("");
        walked::take();
        world
    }

    fn say(&mut self, said: &Said) {
        match said {
            Said::Line(line) => self.script.run(line),
            Said::Fill(size, trade, form) => {
                let size = Decimal::new(i64::from(*size), 2);
                // Money that was counted is not counted again, whatever its size is said to be by then.
                self.fills.entry((*form, *trade)).or_insert(size);
                self.script.run(&format!("fill c1 {size} 90 v {form} trade {trade}"));
            }
            Said::Later(by) => {
                self.now += i64::from(*by);
                self.script.run(&format!("at {}\n wake", self.now));
            }
        }
    }

    fn state(&mut self) -> OrderState {
        self.script.state_of(1).expect("it is remembered")
    }

    /// What holds after everything that is said.
    fn check(&mut self, before: OrderState) {
        let after = self.state();
        follows_the_table(before, after, &walked::take());
        let told: Decimal = self.fills.values().sum();
        assert_eq!(self.script.core().size_held(InstrumentId::new(0)), told, "the position is what was told to have filled");
        let filled = self.script.told.iter().rev().find_map(|(_, event)| Some(event.order.as_ref()?.filled));
        assert!(filled.unwrap_or_default() <= told, "{filled:?} filled of {told}");
        let strategy = self.script.core().strategy(StrategyId::new(1)).expect("deployed");
        let open: Vec<(Decimal, Decimal)> = strategy.orders().map(|order| (order.filled, order.remaining())).collect();
        assert_eq!(open.len(), usize::from(!after.is_over()), "what is over is not open");
        assert!(open.iter().all(|(filled, _)| *filled == told), "{open:?} is open, {told} filled");
        let margin = self.script.core().margin().expect("everything has a mark");
        assert!(margin.reserved >= Decimal::ZERO, "{margin:?}");
        if after.is_over() {
            assert_eq!(margin.reserved, Decimal::ZERO, "{after:?} reserves nothing");
            assert_eq!(self.script.core().next_wake(), None, "and is not looked after");
        }
    }

    /// Every intent was answered once. One that an exchange brought back from the dead may be told of twice.
    fn check_answers(&mut self) {
        let revived = self.script.core().oddities().reversals > 0;
        let mut answers: BTreeMap<(u64, u32), u32> = BTreeMap::new();
        let placed = Answers { decided_on: crate::EventNumber::new(3), intent_index: 0 };
        for (_, OrderEvent { answers: answered, change, .. }) in &self.script.told {
            let answered = answered.expect("each follows from an intent");
            let count = answers.entry((answered.decided_on.get(), answered.intent_index)).or_default();
            let is_answer =
                answered != placed || *count == 0 || matches!(change, OrderChange::Accepted | OrderChange::Denied(_));
            *count += u32::from(is_answer);
            assert!(*count == 1 || revived && answered == placed, "{answered:?} is answered again: {change:?}");
        }
    }
}

/// Each row that was looked up begins where the one before led to, and the last leads to where the order is.
fn follows_the_table(before: OrderState, after: OrderState, rows: &[(OrderState, Evidence)]) {
    use OrderState::{Amending, Cancelling, InDoubt, Open, PartlyFilled};
    let settled = BTreeSet::from([Open, PartlyFilled, Amending, Cancelling, InDoubt]);
    let mut may_be = BTreeSet::from([before]);
    for (from, on) in rows {
        assert!(may_be.contains(from), "{from:?} is none of {may_be:?}: {rows:?}");
        may_be = match transition(*from, *on).map(|then| then.next) {
            None | Some(Next::Same) => BTreeSet::from([*from]),
            Some(Next::To(state)) => BTreeSet::from([state]),
            Some(Next::Settled) => settled.clone(),
        };
    }
    walked::take(); // looking up is noted here too
    assert!(may_be.contains(&after), "{before:?} became {after:?}, which is none of {may_be:?}: {rows:?}");
    if before.is_over() && before != OrderState::NeverAdmitted {
        assert_eq!(after, before, "an end is an end");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn any_evidence_about_an_order_keeps_what_must_hold(
        order in prop_oneof![Just("buy 1 limit 90"), Just("buy 1 market"), Just("buy 1 stop 105 limit 106")],
        evidence in prop::collection::vec(said(), 1..40),
    ) {
        let mut world = World::new(order);
        for said in &evidence {
            let before = world.state();
            world.say(said);
            world.check(before);
        }
        world.check_answers();
    }

    #[test]
    fn an_exchange_that_does_not_have_an_order_ends_it(evidence in prop::collection::vec(said(), 1..30)) {
        let mut world = World::new("buy 1 limit 90");
        for said in &evidence {
            world.say(said);
        }
        world.script.run("unanswered c1\n absent c1 10000000");
        prop_assert!(world.state().is_over(), "{:?}", world.state());
        world.check_answers();
        let reserved = world.script.core().margin().map(|margin| margin.reserved);
        prop_assert_eq!(reserved, Some(Decimal::ZERO));
    }
}

#[test]
fn an_order_whose_form_was_said_to_be_gone_and_that_stays_open_is_open() {
    let mut script =
        Script::played("running\n candle 0 100\n answer buy 1 limit 90\n accept c1\n candle 0 100\n answer amend 1 price 95");
    script.run("cancelled c1 v 1");
    assert_eq!(script.state_of(1), Some(OrderState::Replacing));
    script.run("open c1 1 90 9000");
    assert_eq!(script.state_of(1), Some(OrderState::Replacing), "the amend may still be taken");
    script.run("open c1 1 90 20000");
    assert_eq!(script.state_of(1), Some(OrderState::Open), "{}", script.transcript);
    assert_eq!(script.core().oddities().reversals, 1);
    assert!(script.transcript.contains("rejected never-admitted"), "its strategy hears of the amend: {}", script.transcript);
    script.run("at 30000\n candle 0 100\n answer cancel 1\n cancelled c1 v 1");
    assert_eq!(script.state_of(1), Some(OrderState::Cancelled), "and may end it");
}

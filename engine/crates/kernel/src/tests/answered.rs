//! Every intent is answered exactly once, whatever becomes of it and of its strategy.

use super::script::Script;
use crate::{Answers, OrderChange, OrderEvent};

/// A kind of intent: what was there before, the intent itself, one like it that is denied, and what can become of it.
struct Kind {
    name: &'static str,
    before: &'static str,
    intent: &'static str,
    denied: &'static str,
    /// Whether it makes an order, to which more happens than the answer.
    makes_order: bool,
    /// How many answers it has: one for each order that it is about.
    answers: usize,
    endings: &'static [&'static str],
}

/// What can become of a new order, the first that was sent.
const OF_C1: &[&str] = &[
    "accept c1\n fill c1 0.25 90\n cancelled c1",
    "accept c1\n accept c1\n open c1 1 90 500\n fill c1 1 90",
    "fill c1 0.25 90\n accept c1\n fill c1 0.75 90",
    "fill c1 1 90\n accept c1",
    "reject c1\n reject c1",
    "accept c1\n reject c1",
    "cancelled c1\n cancelled c1\n fill c1 1 90",
    "expired c1\n expired c1",
    "accept c1\n expired c1",
    "resized c1 0.5\n accept c1",
    "unanswered c1\n open c1 1 90 500\n cancelled c1",
    "unanswered c1\n absent c1 5000\n absent c1 20000\n absent c1 30000",
    "at 10001\n wake\n at 11001\n wake\n absent c1 20000",
    "unanswered c1\n unanswered c1\n accept c1\n absent c1 20000\n absent c1 20000",
];

/// The same of the second, where there was one before.
const OF_C2: &[&str] = &[
    "accept c2\n fill c2 1 100",
    "fill c2 1 100\n accept c2",
    "reject c2",
    "cancelled c2",
    "expired c2",
    "unanswered c2\n absent c2 20000",
    "unanswered c2\n accept c2\n cancelled c2",
];

const HELD: &str = "candle 0 100\n answer buy 1 market\n fill c1 1 100";
const RESTS: &str = "candle 0 100\n answer buy 1 limit 90\n accept c1";

const KINDS: &[Kind] = &[
    Kind {
        name: "place, limit",
        before: "",
        intent: "buy 1 limit 90",
        denied: "buy 0.0001 limit 90",
        makes_order: true,
        answers: 1,
        endings: OF_C1,
    },
    Kind {
        name: "place, market",
        before: "",
        intent: "buy 1 market",
        denied: "buy 0.0001 market",
        makes_order: true,
        answers: 1,
        endings: OF_C1,
    },
    Kind {
        name: "place, stop",
        before: "",
        intent: "sell 1 stop 80",
        denied: "sell 1 stop 0",
        makes_order: true,
        answers: 1,
        endings: &[
            "trigger c1\n fill c1 1 80",
            "accept c1\n trigger c1\n reject c1",
            "accept c1\n trigger c1\n cancelled c1",
            "reject c1",
            "unanswered c1\n trigger c1\n fill c1 1 80",
        ],
    },
    Kind {
        name: "target",
        before: "",
        intent: "target 1",
        denied: "target 0.0001",
        makes_order: true,
        answers: 1,
        endings: OF_C1,
    },
    Kind { name: "close", before: HELD, intent: "close", denied: "close of 1", makes_order: true, answers: 1, endings: OF_C2 },
    Kind {
        name: "amend",
        before: RESTS,
        intent: "amend 1 price 91 size 2",
        denied: "amend 1 price 0",
        makes_order: false,
        answers: 1,
        endings: &[
            "amended c1 2 91\n amended c1 2 91\n fill c1 2 91",
            "accept c1 v 7\n cancelled c1 v 7",
            "fill c1 0.5 91 v 7\n cancelled c1 v 1",
            "cancelled c1 v 1\n amended c1 2 91",
            "amended c1 2 91\n cancelled c1 v 1\n cancelled c1",
            "request-rejected c1\n fill c1 1 90",
            "fill c1 1 90\n request-rejected c1",
            "fill c1 0.25 90\n request-rejected c1",
            "cancelled c1\n request-rejected c1",
            "cancelled c1 v 7",
            "reject c1\n request-rejected c1",
            "expired c1",
            "unanswered c1\n open c1 2 91 500 v 7",
            "unanswered c1\n open c1 1 90 500\n open c1 1 90 20000",
            "unanswered c1\n cancelled c1\n absent c1 20000",
            "at 10001\n wake\n request-rejected c1",
        ],
    },
    Kind {
        name: "cancel",
        before: RESTS,
        intent: "cancel 1",
        denied: "cancel 9",
        makes_order: false,
        answers: 1,
        endings: &[
            "cancelled c1\n cancelled c1",
            "cancelled c1\n fill c1 1 90",
            "request-rejected c1 cancel\n fill c1 1 90",
            "fill c1 1 90\n request-rejected c1 cancel",
            "fill c1 0.25 90\n cancelled c1",
            "reject c1",
            "expired c1\n request-rejected c1 cancel",
            "unanswered c1\n open c1 1 90 20000\n cancelled c1",
            "unanswered c1\n absent c1 20000",
            "unanswered c1\n cancelled c1\n absent c1 20000",
            "at 10001\n wake\n at 11001\n wake\n cancelled c1",
        ],
    },
    Kind {
        name: "cancel all",
        before: "candle 0 100\n answer buy 1 limit 90; buy 1 limit 91\n accept c1",
        intent: "cancel-all of 0",
        denied: "cancel-all of 9",
        makes_order: false,
        answers: 2,
        endings: &[
            "cancelled c1\n cancelled c2",
            "request-rejected c1 cancel\n fill c2 1 91\n request-rejected c2 cancel",
            "unanswered c1\n unanswered c2\n absent c1 20000\n absent c2 20000",
        ],
    },
    Kind {
        name: "leverage",
        before: "",
        intent: "leverage 5",
        denied: "leverage 0",
        makes_order: false,
        answers: 1,
        endings: &[
            "leverage-set 5\n leverage-set 5\n leverage-set 6",
            "leverage-rejected\n leverage-rejected\n leverage-set 5",
            "at 10001\n wake\n leverage-set 5 as-of 10002",
            "at 10001\n wake\n leverage-set 3 as-of 10002\n leverage-set 5",
            "report 0 1 entry 100 leverage 3 time 10001",
        ],
    },
];

/// What happens to the strategy meanwhile: before the ending, after it, and whether it still hears.
const MEANWHILE: &[(&str, &str, bool)] = &[
    ("", "", true),
    ("kill 1 pause", "", true),
    ("kill 1 cancel", "", true),
    ("kill account flatten", "", true),
    ("lost", "recovered", true),
    ("lost\n kill account cancel", "recovered", true),
    ("upgrade 1\n settle\n answer saved x", "answer subscribe 0", true),
    ("stop 1", "", false),
    ("candle 0 100\n answer fault", "", false),
    ("shutdown 50000", "", false),
];

/// How many of the order events answer an intent. Of an order, what follows its answer does not.
fn answers(told: &[OrderEvent], to: Answers, makes_order: bool) -> usize {
    let about = told.iter().filter(|event| event.answers == Some(to));
    if !makes_order {
        return about.count();
    }
    let is_answer = |(place, event): &(usize, &OrderEvent)| {
        *place == 0 || matches!(event.change, OrderChange::Accepted | OrderChange::Denied(_))
    };
    about.enumerate().filter(is_answer).count()
}

/// Runs an intent to its end; how often it is answered, and the transcript.
fn run(kind: &Kind, intent: &str, rest: &str) -> (usize, String) {
    let mut script = Script::played(&format!("running\n {}\n candle 0 100\n answer {intent}", kind.before));
    let decided_on = script.answered;
    script.run(rest);
    let told: Vec<OrderEvent> = script.told.into_iter().map(|(_, event)| event).collect();
    (answers(&told, Answers { decided_on, intent_index: 0 }, kind.makes_order), script.transcript)
}

#[test]
fn every_intent_is_answered_exactly_once() {
    for kind in KINDS {
        let (answered, transcript) = run(kind, kind.denied, "");
        assert_eq!(answered, 1, "{}, denied\n{transcript}", kind.name);
        for ending in kind.endings {
            for (before, after, hears) in MEANWHILE {
                let (answered, transcript) = run(kind, kind.intent, &format!("{before}\n {ending}\n {after}"));
                let answers = if *hears { kind.answers } else { 0 };
                let what = format!("{}, {before:?}, {ending:?}", kind.name);
                assert_eq!(answered, answers, "{what}\n{transcript}");
            }
        }
    }
}

/// How often each intent of the last answer is answered, in their order.
fn each(script: &str, count: u32) -> Vec<usize> {
    let script = Script::played(script);
    let told: Vec<OrderEvent> = script.told.into_iter().map(|(_, event)| event).collect();
    let decided_on = script.answered;
    (0..count).map(|intent_index| answers(&told, Answers { decided_on, intent_index }, false)).collect()
}

#[test]
fn several_requests_about_one_order_are_answered_each() {
    for ending in [
        "amended c1 1 91 v 7\n amended c1 1 92 v 8\n cancelled c1 v 8",
        "amended c1 1 92 v 8\n amended c1 1 91 v 7\n cancelled c1 v 8",
        "request-rejected c1\n request-rejected c1\n request-rejected c1 cancel",
        "request-rejected c1 cancel\n amended c1 1 91 v 7\n request-rejected c1",
        "cancelled c1 v 1\n amended c1 1 91 v 7\n cancelled c1 v 7\n amended c1 1 92 v 8\n cancelled c1 v 8",
        "amended c1 1 91 v 7\n fill c1 1 91 v 7\n request-rejected c1\n request-rejected c1 cancel",
        "unanswered c1\n open c1 1 92 20000 v 8",
        "unanswered c1\n absent c1 20000",
        "unanswered c1\n cancelled c1 v 1\n absent c1 20000",
        "kill 1 cancel\n amended c1 1 91 v 7\n cancelled c1 v 7\n request-rejected c1",
        "expired c1",
    ] {
        let script =
            format!("running\n {RESTS}\n candle 0 100\n answer amend 1 price 91; amend 1 price 92; cancel 1\n {ending}");
        assert_eq!(each(&script, 3), [1, 1, 1], "{ending}");
    }
}

#[test]
fn a_cancel_takes_the_place_of_the_one_that_the_core_sent_by_itself() {
    let given = format!(
        "running\n {RESTS}\n candle 0 100\n hold\n candle 0 100\n kill 1 cancel\n answer cancel 1; cancel 1\n settle\n"
    );
    assert_eq!(each(&format!("{given} settle\n cancelled c1\n settle"), 2), [1, 1]);
}

#[test]
fn what_asks_nothing_of_the_exchange_is_answered_only_where_it_is_denied() {
    let done = "running\n candle 0 100\n answer timer 1 at 5; clear 1; notify words; target 0; cancel-all; cancel-all of 0\n at 5\n wake";
    assert_eq!(each(done, 6), [0; 6]);
    let denied =
        "limit timers 1\n running\n candle 0 100\n answer timer 1 at 5; timer 2 at 5; timer 1 at 5 every 0; target 0.0001";
    assert_eq!(each(denied, 4), [0, 1, 1, 1]);
}

#[test]
fn of_too_many_intents_the_first_beyond_is_denied_for_all() {
    let given =
        "limit intents 2\n running\n candle 0 100\n answer buy 1 limit 90; buy 1 limit 91; buy 1 limit 92; buy 1 limit 93\n";
    assert_eq!(each(&format!("{given} accept c1\n reject c2"), 4), [1, 1, 1, 0]);
}

#[test]
fn what_becomes_of_attached_exits_follows_from_the_order_that_brought_them() {
    let script = Script::played(
        "running\n candle 0 100\n answer buy 1 market tp 110 sl 90\n fill c1 1 100\n exit-live c1p 1 110\n exit-live c1s 1 90\n \
         fill c1p 1 110\n cancelled c1s",
    );
    let decided_on = script.answered;
    assert!(script.told.iter().all(|(_, event)| event.answers == Some(Answers { decided_on, intent_index: 0 })));
    let accepted = script.told.iter().filter(|(_, event)| event.change == OrderChange::Accepted);
    assert_eq!(accepted.count(), 3, "the order and each exit is accepted once");
}

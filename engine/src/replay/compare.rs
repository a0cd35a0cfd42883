//! What a component did and does, side by side.

use calypte_kernel::{Answer, Effects, EventNumber, FaultKind, HookEnded, Subscription, Timestamp};

/// Where a component does something else than was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Whose part it played.
    pub strategy: String,
    /// The event.
    pub event: EventNumber,
    /// Its time.
    pub time: Timestamp,
    /// What was written down.
    pub expected: String,
    /// What the component did now.
    pub got: String,
}

impl std::fmt::Display for Difference {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { strategy, event, expected, got, .. } = self;
        write!(formatter, "{strategy} does something else at event {event}: {expected} was written down, it gives {got}")
    }
}

/// Longest description of an answer, in characters.
const WORDS_MAX: usize = 2_000;

/// What differs of two ends of one event, described; none where nothing does.
pub(crate) fn difference(expected: &HookEnded, got: &HookEnded) -> Option<(String, String)> {
    if !is_same(&expected.answer, &got.answer) {
        return Some((words(&expected.answer), words(&got.answer)));
    }
    let (then, now) = (writes(expected), writes(got));
    (then != now).then(|| (stored(then), stored(now)))
}

fn is_same(expected: &Answer, got: &Answer) -> bool {
    match (expected, got) {
        // Ended from outside, by nothing that the strategy did.
        (Answer::Fault(fault), _) if is_from_outside(fault.kind) => true,
        (Answer::Fault(expected), Answer::Fault(got)) => expected.kind == got.kind,
        (Answer::Intents(expected), Answer::Intents(got)) => expected == got,
        (Answer::Subscriptions(expected), Answer::Subscriptions(got)) => {
            expected.len() == got.len() && expected.iter().zip(got).all(|(expected, got)| is_granted(expected, got))
        }
        (Answer::Refused(expected), Answer::Refused(got)) => expected == got,
        (Answer::Accepted, Answer::Accepted) => true,
        (Answer::Saved(expected), Answer::Saved(got)) => expected == got,
        _ => false,
    }
}

const fn is_from_outside(kind: FaultKind) -> bool {
    matches!(kind, FaultKind::WallClock | FaultKind::Cancelled | FaultKind::NoRoom)
}

/// Whether a subscription that was acted on is what was asked for. Where there is more history than that, all of it is handed
/// over.
fn is_granted(expected: &Subscription, got: &Subscription) -> bool {
    match (expected, got) {
        (Subscription::Candles { series, warm_up }, Subscription::Candles { series: asked, warm_up: least }) => {
            series == asked && warm_up >= least
        }
        (expected, got) => expected == got,
    }
}

fn writes(ended: &HookEnded) -> &[(String, Option<Vec<u8>>)] {
    ended.effects.as_deref().map_or(&[], |Effects { state, .. }| state)
}

fn stored(writes: &[(String, Option<Vec<u8>>)]) -> String {
    short(format!("writes to its store {writes:?}"))
}

fn words(answer: &Answer) -> String {
    match answer {
        Answer::Intents(intents) if intents.is_empty() => "no intents".to_owned(),
        Answer::Intents(intents) => short(format!("intents {intents:?}")),
        Answer::Subscriptions(subscriptions) => short(format!("subscriptions {subscriptions:?}")),
        Answer::Refused(words) => short(format!("a refusal: {words}")),
        Answer::Accepted => "an acceptance".to_owned(),
        Answer::Saved(state) => format!("{} bytes of saved state", state.len()),
        Answer::Fault(fault) => short(format!("a fault: {fault}")),
    }
}

fn short(text: String) -> String {
    match text.char_indices().nth(WORDS_MAX) {
        Some((cut, _)) => format!("{}…", &text[..cut]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use calypte_kernel::{Fault, InstrumentId, Intent, SeriesId, StrategyId};

    fn ended(answer: Answer) -> HookEnded {
        HookEnded { strategy: StrategyId::new(0), number: EventNumber::new(1), answer, effects: None, fuel: 0 }
    }

    fn fault(kind: FaultKind) -> Answer {
        let event = EventNumber::new(1);
        Answer::Fault(Box::new(Fault { kind, function: "f".to_owned(), event, fuel: 1, detail: "d".to_owned() }))
    }

    fn subscribes(warm_up: u32) -> Answer {
        Answer::Subscriptions(vec![Subscription::Candles { series: SeriesId::new(0), warm_up }])
    }

    #[test]
    fn answers_differ_in_what_follows_from_them() {
        let close = || Answer::Intents(vec![Intent::ClosePosition(InstrumentId::new(0))]);
        let none = || Answer::Intents(Vec::new());
        let differs = |expected, got| difference(&ended(expected), &ended(got)).is_some();
        assert!(!differs(close(), close()) && !differs(none(), none()));
        assert!(differs(close(), none()) && differs(none(), close()));
        assert!(!differs(subscribes(500), subscribes(100)), "there was more history than was asked for");
        assert!(differs(subscribes(100), subscribes(500)));
        assert!(!differs(fault(FaultKind::Trap), fault(FaultKind::Trap)) && differs(fault(FaultKind::Trap), none()));
        assert!(!differs(fault(FaultKind::Cancelled), none()), "nothing the strategy did");
        let (expected, got) = difference(&ended(close()), &ended(none())).expect("they differ");
        assert_eq!((expected.as_str(), got.as_str()), ("intents [ClosePosition(InstrumentId(0))]", "no intents"));
    }

    #[test]
    fn what_is_stored_is_compared_too() {
        let writes = |value: &str| {
            let effects = Effects { state: vec![("k".to_owned(), Some(value.as_bytes().to_vec()))], ..Effects::default() };
            HookEnded { effects: Some(Box::new(effects)), ..ended(Answer::Intents(Vec::new())) }
        };
        assert_eq!(difference(&writes("a"), &writes("a")), None);
        assert!(difference(&writes("a"), &writes("b")).is_some());
        assert!(difference(&writes("a"), &ended(Answer::Intents(Vec::new()))).is_some());
    }
}

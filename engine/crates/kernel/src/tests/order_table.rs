//! Every row of the order table, driven through the whole core: evidence is what the exchange or a strategy says, in a script.
//!
//! A row is a state and evidence. [`setup`] is the script that leads an order into the state, [`says`] the line that is the
//! evidence. What a row does is written down in the files below, one for each group of states.

mod doubted;
mod over;
mod standing;
mod unheard;

use super::script::Script;
use crate::OrderState as State;
use crate::order_life::{Evidence, LIFE, transition, walked};
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// A row: where an order is, and what is learnt of it.
type Row = (State, Evidence);

/// The script that leads to a row's state, so that its line can be the row's evidence.
pub(super) fn setup((state, on): Row) -> String {
    let placed = if on == Evidence::Triggered { "answer buy 1 stop 105" } else { "answer buy 1 limit 90" };
    let amend = if on == Evidence::Triggered { "amend 1 trigger 106" } else { "amend 1 price 91" };
    let amend = format!("candle 0 100\n answer {amend}\n");
    let cancel = "candle 0 100\n answer cancel 1\n";
    let sent = format!("running\n candle 0 100\n {placed}\n");
    let (form, open) = if on == Evidence::OldFormGone {
        ("v 1001", format!("{sent} accept c1\n {amend} amended c1 1 91\n"))
    } else {
        ("", format!("{sent} accept c1\n"))
    };
    let is_amending = matches!(on, Evidence::FormGone | Evidence::AmendRefused);
    let is_cancelling = on == Evidence::CancelRefused;
    // Two amends, of which the later has been told where the row is about the earlier.
    let two = "candle 0 100\n answer amend 1 price 91; amend 1 price 93\n";
    let legal = transition(state, on).is_some();
    let (amend, open) = match on {
        Evidence::AmendedBefore if legal => (String::new(), format!("{sent} accept c1\n {two} amended c1 1 93 v 1002\n")),
        Evidence::OneAmendRefused if legal => (two.to_owned(), open),
        _ => (amend, open),
    };
    let form = if on == Evidence::AmendedBefore && legal { "v 1002" } else { form };
    let asked = match (is_amending, is_cancelling) {
        (true, _) => &amend,
        (_, true) => cancel,
        _ => "",
    };
    let mut script = match state {
        State::Sent => format!("{sent} {asked}"),
        State::SentInDoubt => format!("{sent} {asked} unanswered c1\n"),
        State::Open => open,
        State::PartlyFilled => format!("{open} fill c1 0.25 90 {form}\n"),
        State::Amending => format!("{open} {amend}"),
        State::Cancelling if is_amending => format!("{open} {amend} {cancel}"),
        State::Cancelling => format!("{open} {cancel}"),
        State::InDoubt => format!("{open} {asked} unanswered c1\n"),
        State::Replacing if is_cancelling => format!("{open} {amend} cancelled c1 {form}\n {cancel}"),
        State::Replacing => format!("{open} {amend} cancelled c1 {form}\n"),
        State::Filled => format!("{open} fill c1 1 90 {form}\n"),
        State::Cancelled => format!("{open} cancelled c1 {form}\n"),
        State::Rejected => format!("{sent} reject c1\n"),
        State::Expired => format!("{open} expired c1\n"),
        State::NeverAdmitted => format!("{sent} unanswered c1\n absent c1 20000\n"),
    };
    if matches!(on, Evidence::AmendSent | Evidence::CancelSent) {
        script.push_str("hold\n candle 0 100\n"); // so that a hook is out that can answer
    }
    script
}

/// The line that is a row's evidence.
const fn says((state, on): Row) -> &'static str {
    match on {
        Evidence::Accepted => "accept c1",
        Evidence::Rejected => "reject c1",
        Evidence::PartFill => "fill c1 0.25 90",
        Evidence::LastFill if matches!(state, State::PartlyFilled) => "fill c1 0.75 90",
        Evidence::LastFill => "fill c1 1 90",
        // A form that nobody has seen is the one that the amend made.
        Evidence::Cancelled if matches!(state, State::Amending | State::Replacing) => "cancelled c1 v 2",
        Evidence::FormGone if matches!(state, State::Cancelling) => "cancelled c1 v 1",
        Evidence::Cancelled | Evidence::FormGone => "cancelled c1",
        Evidence::OldFormGone => "cancelled c1 v 1",
        Evidence::Expired => "expired c1",
        Evidence::Triggered => "trigger c1",
        Evidence::Amended => "amended c1 2 95",
        Evidence::AmendedBefore => "amended c1 1 91 v 1001",
        // Below what has filled is no size.
        Evidence::Resized if matches!(state, State::Filled) => "resized c1 1.5",
        Evidence::Resized => "resized c1 0.5",
        Evidence::AmendRefused | Evidence::OneAmendRefused => "request-rejected c1",
        Evidence::CancelRefused => "request-rejected c1 cancel",
        Evidence::Unanswered => "unanswered c1",
        Evidence::Found => "open c1 1 90 500",
        Evidence::FoundAfterAll => "open c1 1 90 20000",
        Evidence::AbsentEarly => "absent c1 5000",
        Evidence::AbsentLate => "absent c1 20000",
        Evidence::AmendSent => "answer amend 1 price 92",
        Evidence::CancelSent => "answer cancel 1",
    }
}

/// What came of a row.
struct Outcome {
    /// Where the order is then.
    state: State,
    /// What was put out.
    transcript: String,
    /// What was counted.
    counted: String,
    /// Whether the core is as it was, but for what it counted.
    unchanged: bool,
    /// The rows of the table that were looked up.
    walked: Vec<Row>,
}

fn drive(row: Row) -> Outcome {
    let mut script = Script::new("");
    script.run(&setup(row));
    assert_eq!(script.state_of(1), Some(row.0), "the setup of {row:?} leads to its state");
    script.transcript.clear();
    let core = format!("{:?}", script.core());
    let (before, external) = (script.core().oddities(), script.core().external_orders().count());
    walked::take();
    script.run(says(row));
    let after = script.core().oddities();
    let counts = [
        ("contradicts", after.contradictions - before.contradictions),
        ("reversal", after.reversals - before.reversals),
        ("over-fill", after.over_fills - before.over_fills),
        ("not ours", (script.core().external_orders().count() - external) as u64),
    ];
    let counted: Vec<&str> = counts.into_iter().filter(|(_, count)| *count > 0).map(|(name, _)| name).collect();
    let state = script.state_of(1).expect("it is remembered");
    let unchanged = core.replace(&format!("{before:?}"), &format!("{after:?}")) == format!("{:?}", script.core());
    Outcome { state, unchanged, transcript: script.transcript, counted: counted.join(", "), walked: walked::take() }
}

/// The rows of a state, each with its line, where it leads, what is counted, and what is put out.
fn rows_of(state: State) -> String {
    let mut text = String::new();
    for on in Evidence::ALL.into_iter().filter(|on| transition(state, *on).is_some()) {
        let outcome = drive((state, on));
        assert!(outcome.walked.contains(&(state, on)), "the script of {state:?}, {on:?} walked {:?}", outcome.walked);
        let counted = if outcome.counted.is_empty() { String::new() } else { format!(" ({})", outcome.counted) };
        let _ = writeln!(text, "{on:?}: {} -> {:?}{counted}", says((state, on)), outcome.state);
        for line in outcome.transcript.lines() {
            let _ = writeln!(text, "    {line}");
        }
    }
    text
}

/// All rows there could be, legal (that is, in the table) or not.
fn rows(legal: bool) -> impl Iterator<Item = Row> {
    let all = State::ALL.into_iter().flat_map(|state| Evidence::ALL.into_iter().map(move |on| (state, on)));
    all.filter(move |(state, on)| transition(*state, *on).is_some() == legal)
}

#[test]
fn every_row_of_the_table_has_a_script() {
    let driven: BTreeSet<Row> = rows(true).flat_map(|row| drive(row).walked).collect();
    let written = LIFE.iter().flat_map(|rule| rule.from.iter().map(|state| (*state, rule.on)));
    let missing: Vec<Row> = written.filter(|row| !driven.contains(row)).collect();
    assert_eq!(missing, [], "no script leads through these rows");
}

/// What is not in the table changes nothing and is told nobody: it is counted where the exchange says it, denied where the
/// strategy asks for it. Where it cannot be said at all, since what is said means something else in that state, the transcript
/// names the row that it means.
#[test]
#[expect(clippy::too_many_lines, reason = "nearly all of them are what is written down")]
fn what_is_not_in_the_table_changes_nothing() {
    let mut text = String::new();
    for (state, on) in rows(false) {
        let outcome = drive((state, on));
        let line = says((state, on));
        let heard: Vec<&str> = outcome.transcript.lines().filter(|line| !line.contains(" denied ")).collect();
        let denied = outcome.transcript.lines().find_map(|line| line.strip_prefix("1 denied ")?.split(':').next());
        let means = match (denied, outcome.walked.last()) {
            (Some(code), None) => format!("is denied, {code}"),
            (None, Some(row)) if *row != (state, on) && transition(row.0, row.1).is_some() => format!("means {:?}", row.1),
            (None, _) => outcome.counted.clone(),
            (Some(_), Some(row)) => panic!("{state:?}, {on:?}: denied, and {row:?} was followed"),
        };
        let _ = writeln!(text, "{state:?}, {on:?}: {line} {means}");
        assert!(outcome.unchanged || means != "contradicts", "{state:?}, {on:?} changes nothing at all");
        if !means.starts_with("means") {
            assert_eq!((outcome.state, heard), (state, Vec::new()), "{state:?}, {on:?} changes nothing");
        }
    }
    insta::assert_snapshot!(text, @r#"
    Sent, OldFormGone: cancelled c1 v 1 means Cancelled
    Sent, AmendedBefore: amended c1 1 91 v 1001 means Amended
    Sent, OneAmendRefused: request-rejected c1 contradicts
    Sent, FoundAfterAll: open c1 1 90 20000 means Found
    SentInDoubt, OldFormGone: cancelled c1 v 1 means Cancelled
    SentInDoubt, AmendedBefore: amended c1 1 91 v 1001 means Amended
    SentInDoubt, OneAmendRefused: request-rejected c1 contradicts
    SentInDoubt, FoundAfterAll: open c1 1 90 20000 means Found
    SentInDoubt, AmendSent: answer amend 1 price 92 is denied, order-in-doubt
    Open, FormGone: cancelled c1 means Cancelled
    Open, AmendedBefore: amended c1 1 91 v 1001 means Amended
    Open, AmendRefused: request-rejected c1 contradicts
    Open, OneAmendRefused: request-rejected c1 contradicts
    Open, CancelRefused: request-rejected c1 cancel contradicts
    Open, FoundAfterAll: open c1 1 90 20000 means Found
    PartlyFilled, FormGone: cancelled c1 means Cancelled
    PartlyFilled, AmendedBefore: amended c1 1 91 v 1001 means Amended
    PartlyFilled, AmendRefused: request-rejected c1 contradicts
    PartlyFilled, OneAmendRefused: request-rejected c1 contradicts
    PartlyFilled, CancelRefused: request-rejected c1 cancel contradicts
    PartlyFilled, FoundAfterAll: open c1 1 90 20000 means Found
    Amending, OneAmendRefused: request-rejected c1 means AmendRefused
    Amending, CancelRefused: request-rejected c1 cancel contradicts
    Amending, FoundAfterAll: open c1 1 90 20000 means Found
    Cancelling, OneAmendRefused: request-rejected c1 contradicts
    Cancelling, FoundAfterAll: open c1 1 90 20000 means Found
    Cancelling, AmendSent: answer amend 1 price 92 is denied, already-cancelling
    Cancelling, CancelSent: answer cancel 1 is denied, already-cancelling
    InDoubt, OneAmendRefused: request-rejected c1 contradicts
    InDoubt, FoundAfterAll: open c1 1 90 20000 means Found
    InDoubt, AmendSent: answer amend 1 price 92 is denied, order-in-doubt
    Replacing, AmendSent: answer amend 1 price 92 is denied, order-in-doubt
    Filled, Rejected: reject c1 contradicts
    Filled, PartFill: fill c1 0.25 90 means LastFill
    Filled, Cancelled: cancelled c1 contradicts
    Filled, FormGone: cancelled c1 contradicts
    Filled, Expired: expired c1 contradicts
    Filled, Amended: amended c1 2 95 contradicts
    Filled, AmendedBefore: amended c1 1 91 v 1001 contradicts
    Filled, OneAmendRefused: request-rejected c1 means AmendRefused
    Filled, Found: open c1 1 90 500 contradicts, not ours
    Filled, FoundAfterAll: open c1 1 90 20000 contradicts, not ours
    Filled, AmendSent: answer amend 1 price 92 is denied, unknown-order
    Filled, CancelSent: answer cancel 1 is denied, unknown-order
    Cancelled, Rejected: reject c1 contradicts
    Cancelled, FormGone: cancelled c1 means Cancelled
    Cancelled, Expired: expired c1 contradicts
    Cancelled, Amended: amended c1 2 95 contradicts
    Cancelled, AmendedBefore: amended c1 1 91 v 1001 contradicts
    Cancelled, OneAmendRefused: request-rejected c1 means AmendRefused
    Cancelled, Found: open c1 1 90 500 contradicts, not ours
    Cancelled, FoundAfterAll: open c1 1 90 20000 contradicts, not ours
    Cancelled, AmendSent: answer amend 1 price 92 is denied, unknown-order
    Cancelled, CancelSent: answer cancel 1 is denied, unknown-order
    Rejected, Cancelled: cancelled c1 contradicts
    Rejected, FormGone: cancelled c1 contradicts
    Rejected, OldFormGone: cancelled c1 v 1 contradicts
    Rejected, Expired: expired c1 contradicts
    Rejected, Amended: amended c1 2 95 contradicts
    Rejected, AmendedBefore: amended c1 1 91 v 1001 contradicts
    Rejected, Resized: resized c1 0.5 contradicts
    Rejected, OneAmendRefused: request-rejected c1 means AmendRefused
    Rejected, Found: open c1 1 90 500 contradicts, not ours
    Rejected, FoundAfterAll: open c1 1 90 20000 contradicts, not ours
    Rejected, AmendSent: answer amend 1 price 92 is denied, unknown-order
    Rejected, CancelSent: answer cancel 1 is denied, unknown-order
    Expired, Rejected: reject c1 contradicts
    Expired, Cancelled: cancelled c1 contradicts
    Expired, FormGone: cancelled c1 contradicts
    Expired, Amended: amended c1 2 95 contradicts
    Expired, AmendedBefore: amended c1 1 91 v 1001 contradicts
    Expired, OneAmendRefused: request-rejected c1 means AmendRefused
    Expired, Found: open c1 1 90 500 contradicts, not ours
    Expired, FoundAfterAll: open c1 1 90 20000 contradicts, not ours
    Expired, AmendSent: answer amend 1 price 92 is denied, unknown-order
    Expired, CancelSent: answer cancel 1 is denied, unknown-order
    NeverAdmitted, FormGone: cancelled c1 means Cancelled
    NeverAdmitted, OldFormGone: cancelled c1 v 1 means Cancelled
    NeverAdmitted, AmendedBefore: amended c1 1 91 v 1001 means CancelSent
    NeverAdmitted, OneAmendRefused: request-rejected c1 means AmendRefused
    NeverAdmitted, FoundAfterAll: open c1 1 90 20000 means CancelSent
    NeverAdmitted, AmendSent: answer amend 1 price 92 is denied, unknown-order
    NeverAdmitted, CancelSent: answer cancel 1 is denied, unknown-order
    "#);
}

//! What goes wrong: faults of every kind that the exchange can be told, drawn.

use super::random::Random;
use calypte_devnet::faults::{Fault, FaultKind};

/// All kinds of fault.
const KINDS: [FaultKind; 14] = [
    FaultKind::Cut,
    FaultKind::Stall,
    FaultKind::Delay,
    FaultKind::Drop,
    FaultKind::Repeat,
    FaultKind::Reorder,
    FaultKind::Refuse,
    FaultKind::ErrorPage,
    FaultKind::TooMany,
    FaultKind::LostRequest,
    FaultKind::LostAnswer,
    FaultKind::MissingKeys,
    FaultKind::ZeroSize,
    FaultKind::UnknownKinds,
];

/// How many kinds there are.
pub(crate) const KINDS_COUNT: usize = KINDS.len();

/// Keys that may be missing: what the exchange was seen to leave out, and what nothing works without.
const KEYS: [&str; 16] = [
    "leverage",
    "cloid",
    "fee",
    "tid",
    "oid",
    "time",
    "szi",
    "entryPx",
    "crossed",
    "origSz",
    "statusTimestamp",
    "statuses",
    "fills",
    "sz",
    "status",
    "marginSummary",
];

/// What faults are about: everything, or one kind of message, question or action.
const ONLY: [Option<&str>; 13] = [
    None,
    None,
    None,
    Some("userFills"),
    Some("orderUpdates"),
    Some("clearinghouseState"),
    Some("post"),
    Some("order"),
    Some("cancelByCloid"),
    Some("batchModify"),
    Some("orderStatus"),
    Some("userFillsByTime"),
    Some("frontendOpenOrders"),
];

/// A fault that begins now, with the place of its kind among all.
pub(crate) fn fault(random: &mut Random) -> (usize, Fault) {
    let place = usize::try_from(random.below(KINDS_COUNT as u64)).expect("small");
    let kind = KINDS[place];
    // Whole sockets are struck at once or in a row; all else for a while.
    let is_of_sockets = matches!(kind, FaultKind::Cut | FaultKind::Stall);
    let every_ms = (is_of_sockets && random.chance(30)).then(|| 500 + random.below(4_000));
    let chance = random.pick(&[0.15, 0.4, 0.7, 1.0]);
    let only = if is_of_sockets || kind == FaultKind::Refuse { None } else { random.pick(&ONLY).map(str::to_owned) };
    let fault = Fault {
        lasts_ms: Some(200 + random.below(9_000)),
        every_ms,
        chance,
        only,
        by_ms: random.pick(&[50, 400, 2_000, 6_000]),
        copies: random.pick(&[1, 3]),
        keys: vec![random.pick(&KEYS).to_owned()],
        ..Fault::new(kind)
    };
    (place, fault)
}

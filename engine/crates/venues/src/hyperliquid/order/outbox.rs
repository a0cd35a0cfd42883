//! Signed bytes on their way, until they are answered or given up.
//!
//! The nonce is the exchange's only key against doubling: the same bytes sent again either run now, or are told to be a duplicate,
//! which proves that they were looked at before. So bytes are repeated as they are, on the other lane, and **never signed anew**.
//! Where repeating proves nothing any more (their admission has expired, or too many later nonces were used), what came of them
//! is in doubt, and is asked after.
//!
//! ```text
//!   sent ──answer──► events
//!     │ no answer, socket lost ──► the same bytes over REST ──► … ──► in doubt
//!     │ a later amend of the same order went out ─────────────────────► in doubt
//!     │ not let through (429)  ──► the same bytes, later      ──► … ──► refused, if no try got through
//! ```

use super::{Batch, Entry, doubted, outcome, refused};
use crate::hyperliquid::budget::Urgency;
use crate::hyperliquid::protocol::{Answer, Envelope, Millis, RefusalClass};
use calypte_kernel::{ClientOrderId, Timestamp, VenueEvent};
use std::collections::BTreeMap;

/// How long an answer is waited for: an accepted action takes about a second.
pub const ANSWER_MS_MAX: u64 = 3_000;
/// How often bytes are sent again.
pub const REPEATS_MAX: u32 = 4;
/// Most actions on their way at once.
pub const PENDING_MAX: usize = 1_000;
/// How many later nonces may have been used for a duplicate to be proof: the exchange remembers a hundred.
const LATER_NONCES_MAX: u64 = 90;
/// How long before its expiry an action is sent a last time: one that arrives late costs five requests.
const EXPIRY_MARGIN_MS: u64 = 1_000;
/// How long until bytes that were not let through are tried again.
const REFUSED_WAIT_MS: u64 = 1_000;

/// Which way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lane {
    /// A post over the account's socket.
    Socket,
    /// A request.
    Rest,
}

/// A batch with its signature. The bytes are made once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed {
    /// What it is.
    pub batch: Batch,
    /// The signed action; its JSON is the body of a request and the payload of a post.
    pub envelope: Envelope,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Send these bytes that way; they are the same each time.
    Send {
        /// Our number for the action.
        id: u64,
        /// Which way.
        lane: Lane,
        /// The signed action.
        envelope: Box<Envelope>,
        /// Sent once more: the weight of so many entries, with this urgency, is not taken yet. Where there is no room for it,
        /// [`Outbox::postpone`] is told. None: it was taken when the action was let out.
        again: Option<(usize, Urgency)>,
    },
    /// Tell the core.
    Tell(Vec<VenueEvent>),
}

/// An action on its way.
#[derive(Debug)]
struct Pending {
    signed: Signed,
    sent: u32,
    /// Whether one of the tries may have been looked at.
    may_have_run: bool,
    /// When it is sent again or given up.
    due: Timestamp,
    /// How many actions of the signer had gone out before it.
    order: u64,
    /// What was said when it was not let through.
    words: String,
    /// Whether a later amend of an order that this amends went out: sent again, it would take the place of that one.
    is_overtaken: bool,
}

/// Actions of one signer on their way.
#[derive(Debug, Default)]
pub struct Outbox {
    pending: BTreeMap<u64, Pending>,
    /// Actions that went out; the number of the next.
    count: u64,
    /// Actions that were never let out: there were too many.
    pub overflows: u64,
}

impl Outbox {
    /// Sends an action, over the socket where there is one.
    pub fn submit(&mut self, now: Timestamp, signed: Signed, socket: bool) -> Vec<Step> {
        if self.pending.len() >= PENDING_MAX {
            self.overflows += 1;
            return vec![Step::Tell(refused(&signed.batch, "too many actions on their way at once; nothing was sent"))];
        }
        let amends = |batch: &Batch, order| batch.entries.iter().any(|entry| amended(entry) == Some(order));
        for order in signed.batch.entries.iter().filter_map(amended) {
            let before = self.pending.values_mut().filter(|pending| amends(&pending.signed.batch, order));
            before.for_each(|pending| pending.is_overtaken = true);
        }
        let id = self.count;
        self.count += 1;
        let envelope = Box::new(signed.envelope.clone());
        let due = now.saturating_add(ANSWER_MS_MAX);
        let pending =
            Pending { signed, sent: 1, may_have_run: false, due, order: id, words: String::new(), is_overtaken: false };
        self.pending.insert(id, pending);
        vec![Step::Send { id, lane: if socket { Lane::Socket } else { Lane::Rest }, envelope, again: None }]
    }

    /// Takes an answer. An answer to something that is no longer waited for says nothing new: it was asked after.
    pub fn answered(&mut self, now: Timestamp, id: u64, answer: &Answer) -> Vec<Step> {
        if let Answer::Err(words) = answer
            && RefusalClass::of(words) == RefusalClass::RateLimited
        {
            return self.not_let_through(now, id, words);
        }
        let Some(pending) = self.pending.remove(&id) else { return vec![] };
        vec![Step::Tell(outcome(&pending.signed.batch, answer, now))]
    }

    /// Notes that a try did not get to the exchange's core: it was refused at the door, or never left.
    pub fn not_let_through(&mut self, now: Timestamp, id: u64, words: &str) -> Vec<Step> {
        if let Some(pending) = self.pending.get_mut(&id) {
            words.clone_into(&mut pending.words);
            pending.due = now.saturating_add(REFUSED_WAIT_MS);
        }
        vec![]
    }

    /// Notes that an answer will not come, or cannot be read: the try may have been looked at. The same bytes go out at once.
    pub fn lost(&mut self, now: Timestamp, id: u64) -> Vec<Step> {
        let Some(pending) = self.pending.get_mut(&id) else { return vec![] };
        pending.may_have_run = true;
        self.again(now, id)
    }

    /// Notes that a try ended without an answer that says what came of it. The same bytes go out again, after a moment: whoever
    /// fails at once would otherwise be asked without pause.
    pub fn unclear(&mut self, now: Timestamp, id: u64) -> Vec<Step> {
        if let Some(pending) = self.pending.get_mut(&id) {
            pending.may_have_run = true;
            pending.due = now.saturating_add(REFUSED_WAIT_MS);
        }
        vec![]
    }

    /// Notes that the socket is gone, and with it the answers to what was posted on it.
    pub fn socket_lost(&mut self, now: Timestamp) -> Vec<Step> {
        let ids: Vec<u64> = self.pending.keys().copied().collect();
        ids.into_iter().flat_map(|id| self.lost(now, id)).collect()
    }

    /// Notes the time.
    pub fn wake(&mut self, now: Timestamp) -> Vec<Step> {
        let due = self.pending.iter_mut().filter(|(_, pending)| pending.due <= now);
        let ids: Vec<u64> = due
            .map(|(id, pending)| {
                // Silence proves nothing; a refusal at the door does.
                pending.may_have_run |= pending.words.is_empty();
                *id
            })
            .collect();
        ids.into_iter().flat_map(|id| self.again(now, id)).collect()
    }

    /// Notes that there is no room yet to send something once more: it did not leave.
    pub fn postpone(&mut self, due: Timestamp, id: u64) {
        if let Some(pending) = self.pending.get_mut(&id) {
            pending.sent = pending.sent.saturating_sub(1);
            pending.due = due;
            "too many requests from this address".clone_into(&mut pending.words);
        }
    }

    /// When it wants [`Self::wake`].
    pub fn next_wake(&self) -> Option<Timestamp> {
        self.pending.values().map(|pending| pending.due).min()
    }

    /// How many actions are on their way.
    pub fn len(&self) -> usize {
        self.pending.len()
    }

    /// Whether nothing is on its way.
    pub fn is_empty(&self) -> bool {
        self.pending.is_empty()
    }

    /// Sends the same bytes once more, or gives up.
    fn again(&mut self, now: Timestamp, id: u64) -> Vec<Step> {
        let Some(pending) = self.pending.get_mut(&id) else { return vec![] };
        let expires = pending.signed.batch.expires_after.map(Millis::timestamp);
        let in_time = expires.is_none_or(|expires| now.saturating_add(EXPIRY_MARGIN_MS) < expires);
        let remembered = self.count - pending.order <= LATER_NONCES_MAX;
        if in_time && remembered && !pending.is_overtaken && pending.sent <= REPEATS_MAX {
            pending.sent += 1;
            pending.words.clear();
            pending.due = now.saturating_add(ANSWER_MS_MAX);
            let envelope = Box::new(pending.signed.envelope.clone());
            let again = Some((pending.signed.batch.entries.len(), pending.signed.batch.urgency));
            return vec![Step::Send { id, lane: Lane::Rest, envelope, again }];
        }
        let pending = self.pending.remove(&id).expect("it was found above");
        let batch = &pending.signed.batch;
        let told = if pending.may_have_run { doubted(batch) } else { refused(batch, &pending.words) };
        vec![Step::Tell(told)]
    }
}

/// The order that an entry amends.
fn amended(entry: &Entry) -> Option<ClientOrderId> {
    if let Entry::Amend { order, .. } = entry { Some(*order) } else { None }
}

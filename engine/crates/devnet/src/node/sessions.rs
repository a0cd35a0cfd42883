//! Sockets as the node keeps them: what they watch, what is on its way to them, and what goes wrong with it.
//!
//! ```text
//!   frame ──► faults: drop, mangle, repeat, delay, reorder ──► held (in order, after delays and stalls) ──► out
//! ```

use super::socket::POST;
use super::topic::Topic;
use super::{Node, Out, OutKind, SessionId};
use crate::faults::{Fault, FaultKind, Target, add_unknown, add_zero_rows, remove_keys};
use calypte_venues::hyperliquid::protocol::Address;
use serde_json::Value;
use std::collections::{BTreeSet, VecDeque};
use std::net::IpAddr;

/// Most frames on their way to one socket: whoever reads slower is cut.
pub const SESSION_FRAMES_MAX: usize = 10_000;
/// A socket to which nothing was sent for so long is closed.
pub(super) const SILENCE_MS: u64 = 60_000;
/// How long a frame waits for one to change places with.
const REORDER_MS: u64 = 1_000;

/// A socket.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) from: IpAddr,
    pub(super) topics: BTreeSet<Topic>,
    /// When something was last on its way to it.
    sent_at: u64,
    /// Nothing leaves before then.
    stalled_until: u64,
    /// What waits, with when it leaves; in order.
    held: VecDeque<(u64, String)>,
    /// A frame that lets the next one pass, and until when.
    passed: Option<(u64, String)>,
    /// Frames that the caller has not taken yet.
    untaken: usize,
}

impl Session {
    pub(super) const fn new(from: IpAddr, now: u64) -> Self {
        Self { from, topics: BTreeSet::new(), sent_at: now, stalled_until: 0, held: VecDeque::new(), passed: None, untaken: 0 }
    }

    fn next_due(&self) -> u64 {
        let first = self.held.front().map_or(self.sent_at.saturating_add(SILENCE_MS), |(leaves, _)| *leaves);
        self.passed.as_ref().map_or(first, |(until, _)| first.min(*until))
    }

    /// Puts a frame behind those that wait.
    fn hold(&mut self, leaves: u64, text: String) {
        let after = self.held.back().map_or(0, |(leaves, _)| *leaves);
        self.held.push_back((leaves.max(after).max(self.stalled_until), text));
    }

    /// Nothing leaves before then, neither what waits nor what comes.
    fn stall(&mut self, until: u64) {
        self.stalled_until = self.stalled_until.max(until);
        for (leaves, _) in &mut self.held {
            *leaves = (*leaves).max(until);
        }
    }

    pub(super) fn waiting(&self) -> usize {
        self.held.len() + self.untaken
    }
}

/// What becomes of a frame on its way.
struct Way {
    frames: Vec<String>,
    /// When they leave, at the earliest.
    leaves: u64,
    /// Whether it lets the next one pass.
    passes: bool,
}

impl Node {
    /// Sends a frame on its way, if it is not struck.
    pub(super) fn send(&mut self, id: SessionId, channel: &str, user: Option<Address>, text: &str) {
        let plain = Way { frames: vec![text.to_owned()], leaves: self.now, passes: false };
        let way = if self.faults.shown().is_empty() { Some(plain) } else { self.struck(channel, user, plain) };
        let Some(mut way) = way else { return };
        let Some(session) = self.sessions.get_mut(&id) else { return };
        session.sent_at = self.now;
        if way.passes && session.passed.is_none() && way.frames.len() == 1 {
            session.passed = way.frames.pop().map(|frame| (self.now.saturating_add(REORDER_MS), frame));
            return;
        }
        for frame in way.frames.into_iter().chain(session.passed.take().map(|(_, passed)| passed)) {
            session.hold(way.leaves, frame);
        }
        self.release(id);
    }

    /// What faults make of a frame; none where it never comes.
    fn struck(&mut self, channel: &str, user: Option<Address>, mut way: Way) -> Option<Way> {
        let target = Target { name: channel, channel: None, user };
        if self.faults.strikes(self.now, FaultKind::Drop, target).is_some() {
            return None;
        }
        if let Some(mangled) = self.mangled(target, &way.frames[0]) {
            way.frames = mangled;
        }
        if let Some(fault) = self.faults.strikes(self.now, FaultKind::Repeat, target)
            && let Some(frame) = way.frames.last().cloned()
        {
            way.frames.extend((0..fault.copies).map(|_| frame.clone()));
        }
        // Answers to posts were late before they came here: they wait for nothing but themselves.
        if channel != POST
            && let Some(fault) = self.faults.strikes(self.now, FaultKind::Delay, target)
        {
            way.leaves = way.leaves.saturating_add(fault.by_ms);
        }
        way.passes = self.faults.strikes(self.now, FaultKind::Reorder, target).is_some();
        Some(way)
    }

    /// A frame as it comes out of the faults that change what it says, behind what then comes before it; none where none does.
    fn mangled(&mut self, target: Target<'_>, text: &str) -> Option<Vec<String>> {
        let missing = self.faults.strikes(self.now, FaultKind::MissingKeys, target);
        let zero = self.faults.strikes(self.now, FaultKind::ZeroSize, target);
        let unknown = self.faults.strikes(self.now, FaultKind::UnknownKinds, target);
        if missing.is_none() && zero.is_none() && unknown.is_none() {
            return None;
        }
        let mut value: Value = serde_json::from_str(text).ok()?;
        // What tells which message it is stays: without it, it would be no odd message but none.
        let mut inner = value.get_mut("data").map(Value::take)?;
        self.mangle(&mut inner, missing.as_ref(), zero.is_some(), unknown.is_some(), target.user);
        value["data"] = inner;
        let before = unknown.map(|_| r#"{"channel":"somethingNew","data":{"since":2027}}"#.to_owned());
        Some(before.into_iter().chain([value.to_string()]).collect())
    }

    /// Makes odd what a message or an answer says.
    pub(super) fn mangle(&self, value: &mut Value, missing: Option<&Fault>, zero: bool, unknown: bool, user: Option<Address>) {
        if let Some(fault) = missing {
            remove_keys(value, &fault.keys);
        }
        if zero && let Some(user) = user {
            add_zero_rows(value, &self.coins_once_held(user));
        }
        if unknown {
            add_unknown(value);
        }
    }

    /// Hands out what may leave.
    fn release(&mut self, id: SessionId) {
        let Some(session) = self.sessions.get_mut(&id) else { return };
        while let Some((leaves, _)) = session.held.front()
            && *leaves <= self.now
            && let Some((_, text)) = session.held.pop_front()
        {
            session.untaken += 1;
            session.sent_at = self.now;
            self.out.push_back(Out { session: id, kind: OutKind::Text(text) });
        }
        if session.waiting() > SESSION_FRAMES_MAX {
            self.end(id, OutKind::Cut);
        }
    }

    /// Takes the next thing to do with a socket. They are to be drained after each other call.
    pub fn poll(&mut self) -> Option<Out> {
        let out = self.out.pop_front()?;
        if matches!(out.kind, OutKind::Text(_))
            && let Some(session) = self.sessions.get_mut(&out.session)
        {
            session.untaken = session.untaken.saturating_sub(1);
        }
        Some(out)
    }

    /// Ends a socket from this side.
    pub(super) fn end(&mut self, id: SessionId, how: OutKind) {
        if self.forget(id) {
            self.out.push_back(Out { session: id, kind: how });
        }
    }

    /// Notes that a socket ended from the other side.
    pub fn disconnect(&mut self, id: SessionId) {
        self.forget(id);
    }

    fn forget(&mut self, id: SessionId) -> bool {
        let Some(session) = self.sessions.remove(&id) else { return false };
        for topic in &session.topics {
            self.unwatch(id, topic);
        }
        self.sources.close(self.now, session.from, session.topics.iter().map(|topic| topic.subscription.user()));
        true
    }

    /// Lets time pass over the sockets: frames leave, silent ones are closed, faults strike whole ones.
    pub(super) fn advance_sessions(&mut self) {
        while let Some(fault) = self.faults.due(self.now) {
            self.strike_sockets(&fault);
        }
        let due: Vec<SessionId> =
            self.sessions.iter().filter(|(_, session)| session.next_due() <= self.now).map(|(id, _)| *id).collect();
        for id in due {
            let Some(session) = self.sessions.get_mut(&id) else { continue };
            if let Some((_, text)) = session.passed.take_if(|(until, _)| *until <= self.now) {
                session.hold(self.now, text);
            }
            if session.sent_at.saturating_add(SILENCE_MS) <= self.now && session.held.is_empty() {
                self.end(id, OutKind::Close { code: 1000, reason: "Inactive" });
                continue;
            }
            self.release(id);
        }
    }

    pub(super) fn sessions_due(&self) -> Option<u64> {
        self.sessions.values().map(Session::next_due).min()
    }

    fn strike_sockets(&mut self, fault: &Fault) {
        let ids: Vec<SessionId> = self.sessions.keys().copied().collect();
        for id in ids {
            let session = &self.sessions[&id];
            let is_meant =
                fault.user.is_none_or(|user| session.topics.iter().any(|topic| topic.subscription.user() == Some(user)));
            if !is_meant || !self.faults.draw(fault.chance) {
                continue;
            }
            match fault.kind {
                FaultKind::Cut => self.end(id, OutKind::Cut),
                FaultKind::Stall => {
                    let until = self.now.saturating_add(fault.by_ms);
                    if let Some(session) = self.sessions.get_mut(&id) {
                        session.stall(until);
                    }
                }
                _ => {}
            }
        }
    }
}

//! Faults on demand: what goes wrong on the way, when, how often, and to whom.
//!
//! A fault is a value, from a file at the start or over the control port. It strikes messages within its time, each with its chance
//! drawn from the seed, or, where it is a matter of whole sockets (cut, stall), at its times. Equal faults, seeds and calls strike
//! the same messages.

mod mangle;

pub(crate) use mangle::{add_unknown, add_zero_rows, remove_keys};

use calypte_venues::hyperliquid::protocol::Address;
use serde::{Deserialize, Serialize};

/// Most faults at once.
pub const FAULTS_MAX: usize = 100;
/// Longest time of a fault, in milliseconds: a day.
const SPAN_MS_MAX: u64 = 24 * 3_600_000;
/// Most copies of a repeated message.
const COPIES_MAX: u32 = 100;

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FaultKind {
    /// Sockets end, without a close frame.
    Cut,
    /// Sockets stay open and send nothing more for a while, then everything at once.
    Stall,
    /// Messages and answers come later.
    Delay,
    /// Messages never come.
    Drop,
    /// Messages come more than once.
    Repeat,
    /// A message changes places with the one after it.
    Reorder,
    /// New sockets are refused.
    Refuse,
    /// Requests are answered by a page of HTML and 500. They have no effect.
    ErrorPage,
    /// Requests are answered by 429. They have no effect.
    TooMany,
    /// Requests are lost: they have no effect and no answer.
    LostRequest,
    /// Answers are lost: requests have their effect and no answer.
    LostAnswer,
    /// Keys are missing.
    MissingKeys,
    /// Positions that were closed are shown with a size of zero.
    ZeroSize,
    /// Kinds, words and keys come that nobody knows.
    UnknownKinds,
}

impl FaultKind {
    /// Whether it strikes whole sockets at its times, rather than messages within its time.
    pub(crate) const fn strikes_sockets(self) -> bool {
        matches!(self, Self::Cut | Self::Stall)
    }
}

/// A fault as it is ordered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// What goes wrong.
    pub kind: FaultKind,
    /// How long after it was ordered it begins, in milliseconds.
    #[serde(default)]
    pub after_ms: u64,
    /// How long it lasts, in milliseconds; left out: for good.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lasts_ms: Option<u64>,
    /// Of a fault of whole sockets: how long until it strikes again, in milliseconds; left out: never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub every_ms: Option<u64>,
    /// Which share of what it could strike it does strike, 0 to 1.
    #[serde(default = "always")]
    pub chance: f64,
    /// How often it strikes at most; left out: without end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<u32>,
    /// Only this: a channel (`userFills`, `post`), a kind of question (`clearinghouseState`) or of action (`order`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub only: Option<String>,
    /// Only what is about this account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<Address>,
    /// How long a delay or a stall is, in milliseconds.
    #[serde(default = "a_second")]
    pub by_ms: u64,
    /// How many copies come of a repeated message, itself not counted.
    #[serde(default = "one")]
    pub copies: u32,
    /// Which keys are missing.
    #[serde(default = "leverage")]
    pub keys: Vec<String>,
}

const fn always() -> f64 {
    1.0
}

const fn a_second() -> u64 {
    1_000
}

const fn one() -> u32 {
    1
}

fn leverage() -> Vec<String> {
    vec!["leverage".into()]
}

/// A fault that cannot be ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotAFault {
    /// A share that is none.
    #[error("the chance of a fault lies between 0 and 1")]
    Chance,
    /// A time that is too long, or none where there must be one.
    #[error("a time of a fault is at most a day, and `every_ms` at least 1")]
    Time,
    /// Too many copies.
    #[error("a message is repeated {COPIES_MAX} times at most")]
    Copies,
    /// Too many faults.
    #[error("there are {FAULTS_MAX} faults at most")]
    TooMany,
}

/// A file of faults.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultFile {
    /// The faults.
    #[serde(default)]
    pub fault: Vec<Fault>,
}

impl Fault {
    /// A fault of that kind, on everything it can strike, from now on and for good.
    pub fn new(kind: FaultKind) -> Self {
        Self {
            kind,
            after_ms: 0,
            lasts_ms: None,
            every_ms: None,
            chance: always(),
            times: None,
            only: None,
            user: None,
            by_ms: a_second(),
            copies: one(),
            keys: leverage(),
        }
    }

    fn check(&self) -> Result<(), NotAFault> {
        if !(0.0..=1.0).contains(&self.chance) {
            return Err(NotAFault::Chance);
        }
        let spans = [Some(self.after_ms), self.lasts_ms, self.every_ms, Some(self.by_ms)];
        if spans.into_iter().flatten().any(|span| span > SPAN_MS_MAX) || self.every_ms == Some(0) {
            return Err(NotAFault::Time);
        }
        if self.copies > COPIES_MAX {
            return Err(NotAFault::Copies);
        }
        Ok(())
    }
}

/// A fault in force, and what it has done.
#[derive(Debug, Clone, Serialize)]
pub struct Armed {
    /// The fault.
    #[serde(flatten)]
    pub fault: Fault,
    /// When it begins.
    pub from: u64,
    /// When it ends.
    pub until: Option<u64>,
    /// When it strikes sockets next.
    #[serde(skip)]
    next: Option<u64>,
    /// How often it struck.
    pub struck: u32,
}

/// What a fault could strike.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Target<'a> {
    /// Channel of a message, kind of a question or an action.
    pub(crate) name: &'a str,
    /// The channel on which a question or an action is answered.
    pub(crate) channel: Option<&'a str>,
    /// Whose it is.
    pub(crate) user: Option<Address>,
}

/// All faults.
#[derive(Debug)]
pub(crate) struct Faults {
    armed: Vec<Armed>,
    /// State of the generator that chances are drawn from.
    drawn: u64,
}

impl Faults {
    pub(crate) const fn new(seed: u64) -> Self {
        Self { armed: Vec::new(), drawn: seed ^ 0x6661_756c_7473_2121 }
    }

    /// Orders a fault from a time on.
    ///
    /// # Errors
    /// Where it cannot be ordered.
    pub(crate) fn order(&mut self, now: u64, fault: Fault) -> Result<(), NotAFault> {
        fault.check()?;
        self.armed.retain(|armed| armed.until.is_none_or(|until| until > now));
        if self.armed.len() >= FAULTS_MAX {
            return Err(NotAFault::TooMany);
        }
        let from = now.saturating_add(fault.after_ms);
        let until = fault.lasts_ms.map(|lasts| from.saturating_add(lasts));
        let next = fault.kind.strikes_sockets().then_some(from);
        self.armed.push(Armed { fault, from, until, next, struck: 0 });
        Ok(())
    }

    /// Ends all faults.
    pub(crate) fn clear(&mut self) {
        self.armed.clear();
    }

    pub(crate) fn shown(&self) -> &[Armed] {
        &self.armed
    }

    /// When sockets are struck next.
    pub(crate) fn next_due(&self) -> Option<u64> {
        self.armed.iter().filter_map(|armed| armed.next).min()
    }

    /// A fault of whole sockets that is due now, if there is one. Ask until there is none.
    pub(crate) fn due(&mut self, now: u64) -> Option<Fault> {
        let armed = self.armed.iter_mut().find(|armed| armed.next.is_some_and(|next| next <= now))?;
        armed.struck = armed.struck.saturating_add(1);
        // Strikes that a jump of the clock passed over come once.
        let again = armed.fault.every_ms.map(|every| armed.next.unwrap_or(now).saturating_add(every).max(now + 1));
        let is_over = armed.fault.times.unwrap_or(if armed.fault.every_ms.is_some() { u32::MAX } else { 1 }) <= armed.struck;
        armed.next = again.filter(|again| !is_over && armed.until.is_none_or(|until| *again < until));
        Some(armed.fault.clone())
    }

    /// The fault of that kind that strikes a target now, if one does. Each chance is drawn once.
    pub(crate) fn strikes(&mut self, now: u64, kind: FaultKind, target: Target<'_>) -> Option<Fault> {
        for place in 0..self.armed.len() {
            let armed = &self.armed[place];
            let in_time = armed.from <= now && armed.until.is_none_or(|until| now < until);
            let is_left = armed.fault.times.is_none_or(|times| armed.struck < times);
            let names = |only: &str| only == target.name || Some(only) == target.channel;
            let is_meant =
                armed.fault.only.as_deref().is_none_or(names) && armed.fault.user.is_none_or(|user| Some(user) == target.user);
            if armed.fault.kind != kind || !in_time || !is_left || !is_meant {
                continue;
            }
            let chance = armed.fault.chance;
            if self.draw(chance) {
                self.armed[place].struck += 1;
                return Some(self.armed[place].fault.clone());
            }
        }
        None
    }

    /// Whether something of that chance happens.
    pub(crate) fn draw(&mut self, chance: f64) -> bool {
        // SplitMix64, <https://prng.di.unimi.it/splitmix64.c>; 53 bits of it make a number from 0 to 1.
        self.drawn = self.drawn.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.drawn;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        #[expect(clippy::cast_precision_loss, reason = "53 bits fit")]
        let share = (mixed >> 11) as f64 / (1_u64 << 53) as f64;
        share < chance
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILLS: Target<'static> = Target { name: "userFills", channel: None, user: None };

    fn faults(fault: Fault) -> Faults {
        let mut faults = Faults::new(7);
        faults.order(1_000, fault).expect("a fault");
        faults
    }

    #[test]
    fn a_file_says_what_goes_wrong() {
        let text = r#"
            [[fault]]
            kind = "drop"
            only = "userFills"
            chance = 0.25

            [[fault]]
            kind = "cut"
            after_ms = 10000
            every_ms = 60000
        "#;
        let file: FaultFile = toml::from_str(text).expect("a file of faults");
        assert_eq!(file.fault[0], Fault { only: Some("userFills".into()), chance: 0.25, ..Fault::new(FaultKind::Drop) });
        assert_eq!((file.fault[1].kind, file.fault[1].every_ms), (FaultKind::Cut, Some(60_000)));
        assert!(toml::from_str::<FaultFile>("[[fault]]\nkind = \"explode\"").is_err());
        assert!(toml::from_str::<FaultFile>("[[fault]]\nkind = \"drop\"\nchannel = \"x\"").is_err());
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        let mut faults = Faults::new(0);
        let cases = [
            (Fault { chance: 1.5, ..Fault::new(FaultKind::Drop) }, NotAFault::Chance),
            (Fault { chance: f64::NAN, ..Fault::new(FaultKind::Drop) }, NotAFault::Chance),
            (Fault { by_ms: u64::MAX, ..Fault::new(FaultKind::Delay) }, NotAFault::Time),
            (Fault { every_ms: Some(0), ..Fault::new(FaultKind::Cut) }, NotAFault::Time),
            (Fault { copies: 101, ..Fault::new(FaultKind::Repeat) }, NotAFault::Copies),
        ];
        for (fault, refused) in cases {
            assert_eq!(faults.order(0, fault), Err(refused));
        }
        (0..FAULTS_MAX).for_each(|_| faults.order(0, Fault::new(FaultKind::Drop)).expect("there is room"));
        assert_eq!(faults.order(0, Fault::new(FaultKind::Drop)), Err(NotAFault::TooMany));
    }

    #[test]
    fn a_fault_strikes_within_its_time_and_what_it_means() {
        let user = Some(Address::from_bytes([1; 20]));
        let only = Some("userFills".to_owned());
        let fault = Fault { after_ms: 10, lasts_ms: Some(5), only, user, ..Fault::new(FaultKind::Drop) };
        let mut faults = faults(fault);
        let mut at = |now, name, user| faults.strikes(now, FaultKind::Drop, Target { name, channel: None, user }).is_some();
        assert!(!at(1_009, "userFills", user), "not yet");
        assert!(at(1_010, "userFills", user));
        assert!(!at(1_010, "trades", user));
        assert!(!at(1_010, "userFills", None));
        assert!(!at(1_015, "userFills", user), "over");
        assert!(faults.strikes(1_012, FaultKind::Delay, FILLS).is_none());
        assert_eq!(faults.shown()[0].struck, 1);
    }

    #[test]
    fn a_chance_is_a_share_and_the_same_for_the_same_seed() {
        let fault = Fault { chance: 0.3, ..Fault::new(FaultKind::Drop) };
        let run = || {
            let mut faults = faults(fault.clone());
            (0..10_000).map(|_| faults.strikes(1_000, FaultKind::Drop, FILLS).is_some()).collect::<Vec<_>>()
        };
        let struck = run();
        assert_eq!(struck, run());
        assert!((2_800..3_200).contains(&struck.iter().filter(|hit| **hit).count()));
        let mut never = faults(Fault { chance: 0.0, ..fault.clone() });
        assert!((0..1_000).all(|_| never.strikes(1_000, FaultKind::Drop, FILLS).is_none()));
        let mut twice = faults(Fault { times: Some(2), chance: 1.0, ..fault });
        assert_eq!((0..9).filter(|_| twice.strikes(1_000, FaultKind::Drop, FILLS).is_some()).count(), 2);
    }

    #[test]
    fn sockets_are_struck_at_times() {
        let mut once = faults(Fault { after_ms: 10, ..Fault::new(FaultKind::Cut) });
        assert_eq!(once.next_due(), Some(1_010));
        assert!(once.due(1_009).is_none());
        assert!(once.due(1_010).is_some());
        assert_eq!((once.next_due(), once.due(9_999)), (None, None));

        let fault = Fault { every_ms: Some(100), lasts_ms: Some(250), ..Fault::new(FaultKind::Stall) };
        let mut thrice = faults(fault);
        let strikes: Vec<_> = (1_000..2_000).filter(|now| thrice.due(*now).is_some()).collect();
        assert_eq!(strikes, [1_000, 1_100, 1_200]);
    }
}

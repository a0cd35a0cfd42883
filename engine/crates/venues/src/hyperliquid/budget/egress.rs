//! What one address of ours may do. All that leaves through it shares this: accounts are placed on addresses so that none meets
//! a limit by accident.

use super::{Refused, Standing, Urgency, Window};
use crate::connector::Budget;
use crate::hyperliquid::protocol::{Address, InfoRequest, Subscription};
use calypte_kernel::Timestamp;
use std::collections::BTreeMap;

/// How long to keep still after the first refusal for too many requests; nothing says how long is needed.
pub const BACK_OFF_MS_FIRST: u64 = 2_000;
/// How long at most, after refusal upon refusal.
pub const BACK_OFF_MS_MAX: u64 = 60_000;
/// How long an account still counts after its last subscription or its socket has ended.
const USER_LINGERS_MS: u64 = 2_000;
/// Entries of a batch for each of which it weighs one more.
const ENTRIES_PER_WEIGHT: usize = 40;

/// Limits of one address. Those of the exchange today; they have changed before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EgressLimits {
    /// Weight of REST within a minute.
    pub weight: u64,
    /// Of it, what only closing may use.
    pub weight_reserve: u64,
    /// Sockets at once.
    pub sockets: usize,
    /// New sockets within a minute.
    pub new_sockets: u64,
    /// Subscriptions over all sockets.
    pub subscriptions: usize,
    /// Accounts over all subscriptions.
    pub users: usize,
    /// Messages sent within a minute over all sockets.
    pub messages: u64,
    /// Posts waiting for their answers.
    pub posts: usize,
}

impl Default for EgressLimits {
    fn default() -> Self {
        Self {
            weight: 1_200,
            weight_reserve: 200,
            sockets: 10,
            new_sockets: 30,
            subscriptions: 1_000,
            users: 10,
            messages: 2_000,
            posts: 100,
        }
    }
}

/// The ledgers of one address.
#[derive(Debug)]
pub struct Egress {
    limits: EgressLimits,
    weight: Window,
    messages: Window,
    new_sockets: Window,
    sockets: usize,
    subscriptions: usize,
    /// Subscriptions of each account, and since when it has none.
    users: BTreeMap<Address, (usize, Option<Timestamp>)>,
    posts: usize,
    /// Until when nothing but closing is sent, and after how many refusals.
    back_off: Option<(Timestamp, u32)>,
}

impl Egress {
    /// One that nothing was sent through yet.
    pub fn new(limits: EgressLimits) -> Self {
        const MINUTE: u64 = 60_000;
        Self {
            weight: Window::new("REST weight", limits.weight, MINUTE, limits.weight_reserve),
            messages: Window::new("messages", limits.messages, MINUTE, limits.messages / 10),
            new_sockets: Window::new("new sockets", limits.new_sockets, MINUTE, 0),
            limits,
            sockets: 0,
            subscriptions: 0,
            users: BTreeMap::new(),
            posts: 0,
            back_off: None,
        }
    }

    /// Sets the weight of a question aside, with what its rows may add at most. What it did not use is to be given back with
    /// [`Self::answered`].
    ///
    /// # Errors
    /// Where it does not fit now.
    pub fn ask(&mut self, now: Timestamp, request: &InfoRequest, urgency: Urgency) -> Result<(), Refused> {
        let most = request.weight().saturating_add(request.row_weight(request.rows_max()));
        self.spend(now, most.into(), urgency)
    }

    /// Notes how many rows a question brought.
    pub fn answered(&mut self, now: Timestamp, request: &InfoRequest, rows: usize) {
        let unused = request.row_weight(request.rows_max()).saturating_sub(request.row_weight(rows));
        self.weight.give_back(now, unused.into());
    }

    /// Takes the weight of an action with so many entries. Whether a post over a socket weighs anything is not said, so it does.
    ///
    /// # Errors
    /// Where it does not fit now.
    pub fn act(&mut self, now: Timestamp, entries: usize, urgency: Urgency) -> Result<(), Refused> {
        self.spend(now, 1 + (entries / ENTRIES_PER_WEIGHT) as u64, urgency)
    }

    fn spend(&mut self, now: Timestamp, weight: u64, urgency: Urgency) -> Result<(), Refused> {
        self.check_back_off(now, urgency)?;
        self.weight.check(now, weight, urgency)?;
        self.weight.charge(now, weight);
        Ok(())
    }

    fn check_back_off(&self, now: Timestamp, urgency: Urgency) -> Result<(), Refused> {
        match self.back_off {
            Some((until, _)) if now < until && urgency != Urgency::Closing => {
                Err(Refused::Wait { what: "requests after a refusal", wait_ms: until.millis_since(now) })
            }
            _ => Ok(()),
        }
    }

    /// Notes that the exchange refused something for too many requests: each time in a row, twice as long is kept still. Of several
    /// that were on their way together only the first says something new. Cancels and closing orders go on: they are what the
    /// exchange's own reserve, and ours, is for.
    pub fn note_too_many(&mut self, now: Timestamp) {
        let times = match self.back_off {
            Some((until, _)) if now < until => return,
            Some((_, times)) => times.saturating_add(1),
            None => 0,
        };
        let wait = BACK_OFF_MS_FIRST.saturating_mul(1 << times.min(16)).min(BACK_OFF_MS_MAX);
        self.back_off = Some((now.saturating_add(wait), times));
    }

    /// Notes that something went through after a refusal.
    pub fn note_let_through(&mut self, now: Timestamp) {
        self.back_off = self.back_off.filter(|(until, _)| now < *until);
    }

    /// Takes a message on a socket: a subscription, a ping, a post.
    ///
    /// # Errors
    /// Where it does not fit now.
    pub fn message(&mut self, now: Timestamp, urgency: Urgency) -> Result<(), Refused> {
        self.messages.check(now, 1, urgency)?;
        self.messages.charge(now, 1);
        Ok(())
    }

    /// Opens a socket, in the count.
    ///
    /// # Errors
    /// Where there are too many, or too many new ones.
    pub fn open_socket(&mut self, now: Timestamp) -> Result<(), Refused> {
        if self.sockets >= self.limits.sockets {
            return Err(Refused::Full { what: "sockets", most: self.limits.sockets });
        }
        self.new_sockets.check(now, 1, Urgency::Closing)?;
        self.new_sockets.charge(now, 1);
        self.sockets += 1;
        Ok(())
    }

    /// Notes that a socket is gone, or did not come up.
    pub fn close_socket(&mut self) {
        self.sockets = self.sockets.saturating_sub(1);
    }

    /// Takes a subscription.
    ///
    /// # Errors
    /// Where there are too many, or it would be one account too many.
    pub fn subscribe(&mut self, now: Timestamp, subscription: &Subscription) -> Result<(), Refused> {
        if self.subscriptions >= self.limits.subscriptions {
            return Err(Refused::Full { what: "subscriptions", most: self.limits.subscriptions });
        }
        if let Some(user) = subscription.user() {
            self.users
                .retain(|_, (count, since)| *count > 0 || since.is_some_and(|since| now.millis_since(since) < USER_LINGERS_MS));
            if !self.users.contains_key(&user) && self.users.len() >= self.limits.users {
                return Err(Refused::Full { what: "accounts", most: self.limits.users });
            }
            let (count, since) = self.users.entry(user).or_default();
            *count += 1;
            *since = None;
        }
        self.subscriptions += 1;
        Ok(())
    }

    /// Notes that a subscription has ended, by itself or with its socket. The exchange counts its account a little longer.
    pub fn unsubscribe(&mut self, now: Timestamp, subscription: &Subscription) {
        self.subscriptions = self.subscriptions.saturating_sub(1);
        if let Some((count, since)) = subscription.user().and_then(|user| self.users.get_mut(&user)) {
            *count = count.saturating_sub(1);
            *since = (*count == 0).then_some(now);
        }
    }

    /// Takes a post that waits for its answer. A tenth of the places are kept for closing.
    ///
    /// # Errors
    /// Where too many wait.
    pub fn post(&mut self, urgency: Urgency) -> Result<(), Refused> {
        let most = if urgency == Urgency::Closing { self.limits.posts } else { self.limits.posts - self.limits.posts / 10 };
        if self.posts >= most {
            return Err(Refused::Full { what: "posts", most });
        }
        self.posts += 1;
        Ok(())
    }

    /// Notes that a post was answered, or will not be.
    pub fn post_done(&mut self) {
        self.posts = self.posts.saturating_sub(1);
    }

    /// How the weight of REST stands.
    pub fn weight(&mut self, now: Timestamp) -> Standing {
        self.weight.standing(now)
    }

    /// What is used up by sending, and comes back by itself.
    pub fn rates(&mut self, now: Timestamp) -> [Budget; 3] {
        [&mut self.weight, &mut self.messages, &mut self.new_sockets].map(|window| window.standing(now).named(window.what()))
    }

    /// How many there may be at once. All taken, they are no sign of trouble: accounts are placed until there is no room.
    pub fn places(&self) -> [Budget; 4] {
        let EgressLimits { sockets, subscriptions, users, posts, .. } = self.limits;
        [
            ("sockets", sockets, self.sockets),
            ("subscriptions", subscriptions, self.subscriptions),
            ("accounts", users, self.users.len()),
            ("posts", posts, self.posts),
        ]
        .map(|(name, of, taken)| Budget { name, left: of.saturating_sub(taken) as u64, of: of as u64, runs_out: None })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hyperliquid::protocol::{CandleRange, Millis};

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(1_750_000_000_000 + millis)
    }

    fn egress() -> Egress {
        Egress::new(EgressLimits::default())
    }

    fn user(number: u8) -> Subscription {
        Subscription::UserFills { user: Address::from_bytes([number; 20]) }
    }

    #[test]
    fn rows_are_set_aside_and_given_back() {
        let mut egress = egress();
        let range = CandleRange { coin: "KO".into(), interval: "1m".into(), start_time: Millis::default(), end_time: None };
        let candles = InfoRequest::CandleSnapshot { req: range };
        egress.ask(at(0), &candles, Urgency::Opening).expect("it fits");
        assert_eq!(egress.weight(at(0)).left, 1_200 - 103);
        egress.answered(at(500), &candles, 120);
        assert_eq!(egress.weight(at(500)).left, 1_200 - 22);
    }

    #[test]
    fn backfill_stops_before_trading_and_trading_before_closing() {
        let mut egress = egress();
        let status = InfoRequest::ExchangeStatus;
        let count =
            |egress: &mut Egress, urgency| (0..2_000).take_while(|_| egress.ask(at(0), &status, urgency).is_ok()).count();
        assert_eq!(count(&mut egress, Urgency::Background), 250);
        assert_eq!(count(&mut egress, Urgency::Opening), 250);
        assert_eq!(count(&mut egress, Urgency::Closing), 100);
        assert!(egress.act(at(0), 1, Urgency::Closing).is_err());
        assert!(egress.act(at(62_000), 200, Urgency::Closing).is_ok());
        assert_eq!(egress.weight(at(62_000)).left, 1_200 - 6);
    }

    #[test]
    fn a_refusal_is_heeded_for_longer_each_time() {
        let mut egress = egress();
        egress.note_too_many(at(0));
        assert!(matches!(egress.act(at(1), 1, Urgency::Opening), Err(Refused::Wait { wait_ms: 1_999, .. })));
        // What was on its way with it is refused with it.
        egress.note_too_many(at(500));
        assert!(egress.act(at(1), 1, Urgency::Closing).is_ok(), "what closes does not wait");
        assert!(egress.act(at(2_001), 1, Urgency::Opening).is_ok(), "and nothing waits for longer than that");
        egress.note_too_many(at(3_000));
        assert!(matches!(egress.act(at(3_001), 1, Urgency::Opening), Err(Refused::Wait { wait_ms: 3_999, .. })));
        let mut now = 3_000;
        for _ in 0..20 {
            now += i64::try_from(BACK_OFF_MS_MAX).expect("a minute");
            egress.note_too_many(at(now));
        }
        assert!(matches!(egress.act(at(now), 1, Urgency::Opening), Err(Refused::Wait { wait_ms: BACK_OFF_MS_MAX, .. })));
        assert!(egress.act(at(now), 1, Urgency::Closing).is_ok());
        now += 70_000;
        egress.note_let_through(at(now));
        assert!(egress.act(at(now), 1, Urgency::Opening).is_ok());
        egress.note_too_many(at(now + 10_000));
        let waits = egress.act(at(now + 10_000), 1, Urgency::Opening);
        assert!(matches!(waits, Err(Refused::Wait { wait_ms: BACK_OFF_MS_FIRST, .. })));
    }

    #[test]
    fn ten_accounts_and_no_more() {
        let mut egress = egress();
        for number in 0..10 {
            egress.subscribe(at(0), &user(number)).expect("there is room");
            egress.subscribe(at(0), &user(number)).expect("the same account");
        }
        assert_eq!(egress.subscribe(at(0), &user(10)), Err(Refused::Full { what: "accounts", most: 10 }));
        egress.unsubscribe(at(0), &user(3));
        assert!(egress.subscribe(at(0), &user(10)).is_err(), "it has another subscription");
        egress.unsubscribe(at(0), &user(3));
        assert!(egress.subscribe(at(1_999), &user(10)).is_err(), "the exchange counts it a little longer");
        assert_eq!(egress.subscribe(at(2_000), &user(10)), Ok(()));
    }

    #[test]
    fn sockets_and_posts_have_their_numbers() {
        let mut egress = egress();
        (0..10).for_each(|_| egress.open_socket(at(0)).expect("there is room"));
        assert_eq!(egress.open_socket(at(0)), Err(Refused::Full { what: "sockets", most: 10 }));
        for _ in 0..20 {
            egress.close_socket();
            egress.open_socket(at(1)).expect("there is room");
        }
        egress.close_socket();
        assert!(matches!(egress.open_socket(at(2)), Err(Refused::Wait { what: "new sockets", .. })));
        (0..90).for_each(|_| egress.post(Urgency::Opening).expect("there is room"));
        assert!(egress.post(Urgency::Opening).is_err());
        (0..10).for_each(|_| egress.post(Urgency::Closing).expect("places are kept"));
        assert!(egress.post(Urgency::Closing).is_err());
        egress.post_done();
        let left = |egress: &Egress| egress.places().map(|budget| (budget.name, budget.left, budget.of));
        let none_said = [("sockets", 1, 10), ("subscriptions", 1_000, 1_000), ("accounts", 10, 10), ("posts", 1, 100)];
        assert_eq!(left(&egress), none_said);
        assert_eq!(egress.post(Urgency::Closing), Ok(()));
        egress.subscribe(at(2), &user(1)).expect("there is room");
        assert_eq!(left(&egress)[1..], [("subscriptions", 999, 1_000), ("accounts", 9, 10), ("posts", 0, 100)]);
        let rates = egress.rates(at(2)).map(|budget| (budget.name, budget.left, budget.of));
        assert_eq!(rates, [("REST weight", 1_200, 1_200), ("messages", 2_000, 2_000), ("new sockets", 0, 30)]);
        assert!(egress.rates(at(2))[2].runs_out.is_some(), "at thirty in some milliseconds");
    }
}

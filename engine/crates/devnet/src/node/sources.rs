//! What each source address (IP) may do: weight of requests, sockets, subscriptions, distinct accounts, messages, posts.
//!
//! <https://hyperliquid.gitbook.io/hyperliquid-docs/for-developers/api/rate-limits-and-user-limits>

use super::sliding::Sliding;
use calypte_venues::hyperliquid::protocol::Address;
use std::collections::BTreeMap;
use std::net::IpAddr;

/// Most source addresses that are kept apart. Those that use nothing are forgotten first.
const SOURCES_MAX: usize = 4_096;
/// How long an account counts after its last socket ended.
const USER_LINGERS_MS: u64 = 2_000;

/// The limits of a source address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SourceLimits {
    /// Weight of `/info` and `/exchange` a minute.
    pub weight: u64,
    /// Sockets at once.
    pub sockets: usize,
    /// New sockets a minute.
    pub new_sockets: u64,
    /// Subscriptions at once, over all sockets.
    pub subscriptions: usize,
    /// Distinct accounts that are subscribed to, over all sockets.
    pub users: usize,
    /// Messages a minute, over all sockets.
    pub messages: u64,
    /// Posts that wait for their answers, over all sockets.
    pub posts: usize,
}

impl Default for SourceLimits {
    fn default() -> Self {
        Self { weight: 1_200, sockets: 10, new_sockets: 30, subscriptions: 1_000, users: 10, messages: 2_000, posts: 100 }
    }
}

/// What one source address uses.
#[derive(Debug, Clone)]
struct Source {
    weight: Sliding,
    opened: Sliding,
    messages: Sliding,
    sockets: usize,
    subscriptions: usize,
    posts: usize,
    /// Subscriptions by account; without any: when it stops counting.
    users: BTreeMap<Address, (usize, u64)>,
}

impl Source {
    const fn new(limits: &SourceLimits) -> Self {
        Self {
            weight: Sliding::a_minute(limits.weight),
            opened: Sliding::a_minute(limits.new_sockets),
            messages: Sliding::a_minute(limits.messages),
            sockets: 0,
            subscriptions: 0,
            posts: 0,
            users: BTreeMap::new(),
        }
    }

    fn is_idle(&mut self, now: u64) -> bool {
        self.sockets == 0 && self.weight.used(now) + self.opened.used(now) + self.messages.used(now) == 0
    }
}

/// Why a subscription is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SubscriptionRefused {
    /// Too many subscriptions.
    #[error("Cannot subscribe to more than {0} channels.")]
    Subscriptions(usize),
    /// Too many accounts.
    #[error("Cannot track more than {0} total users.")]
    Users(usize),
}

/// All source addresses.
#[derive(Debug)]
pub(crate) struct Sources {
    limits: SourceLimits,
    by_address: BTreeMap<IpAddr, Source>,
}

impl Sources {
    pub(crate) const fn new(limits: SourceLimits) -> Self {
        Self { limits, by_address: BTreeMap::new() }
    }

    pub(crate) const fn limits(&self) -> &SourceLimits {
        &self.limits
    }

    /// One source; none where too many others are busy.
    fn source(&mut self, now: u64, from: IpAddr) -> Option<&mut Source> {
        if self.by_address.len() >= SOURCES_MAX && !self.by_address.contains_key(&from) {
            self.by_address.retain(|_, source| !source.is_idle(now));
            if self.by_address.len() >= SOURCES_MAX {
                return None;
            }
        }
        Some(self.by_address.entry(from).or_insert_with(|| Source::new(&self.limits)))
    }

    /// Takes weight for a request.
    pub(crate) fn take_weight(&mut self, now: u64, from: IpAddr, weight: u64) -> bool {
        self.source(now, from).is_some_and(|source| source.weight.take(now, weight))
    }

    /// Adds the weight of an answer's rows.
    pub(crate) fn add_weight(&mut self, now: u64, from: IpAddr, weight: u64) {
        if let Some(source) = self.source(now, from) {
            source.weight.add(now, weight);
        }
    }

    /// Takes a place for a new socket.
    pub(crate) fn open(&mut self, now: u64, from: IpAddr) -> bool {
        let most = self.limits.sockets;
        self.source(now, from).is_some_and(|source| {
            let fits = source.sockets < most && source.opened.take(now, 1);
            source.sockets += usize::from(fits);
            fits
        })
    }

    /// Notes that a socket ended, with these subscriptions.
    pub(crate) fn close(&mut self, now: u64, from: IpAddr, users: impl Iterator<Item = Option<Address>>) {
        for user in users {
            self.forget(from, user, now.saturating_add(USER_LINGERS_MS));
        }
        if let Some(source) = self.by_address.get_mut(&from) {
            source.sockets = source.sockets.saturating_sub(1);
        }
    }

    /// Counts a message.
    pub(crate) fn message(&mut self, now: u64, from: IpAddr) -> bool {
        self.source(now, from).is_some_and(|source| source.messages.take(now, 1))
    }

    /// Takes a place for a subscription.
    ///
    /// # Errors
    /// Where there is none.
    pub(crate) fn subscribe(&mut self, now: u64, from: IpAddr, user: Option<Address>) -> Result<(), SubscriptionRefused> {
        let SourceLimits { subscriptions, users, .. } = self.limits;
        let refused = SubscriptionRefused::Subscriptions(subscriptions);
        let source = self.source(now, from).ok_or(refused)?;
        if source.subscriptions >= subscriptions {
            return Err(refused);
        }
        source.users.retain(|_, (count, until)| *count > 0 || *until > now);
        if let Some(user) = user {
            if source.users.len() >= users && !source.users.contains_key(&user) {
                return Err(SubscriptionRefused::Users(users));
            }
            source.users.entry(user).or_default().0 += 1;
        }
        source.subscriptions += 1;
        Ok(())
    }

    /// Gives the place of a subscription back; its account counts until then.
    pub(crate) fn forget(&mut self, from: IpAddr, user: Option<Address>, until: u64) {
        let Some(source) = self.by_address.get_mut(&from) else { return };
        source.subscriptions = source.subscriptions.saturating_sub(1);
        if let Some((count, ends)) = user.and_then(|user| source.users.get_mut(&user)) {
            *count = count.saturating_sub(1);
            *ends = until;
        }
    }

    /// Takes a place for a post.
    pub(crate) fn post(&mut self, now: u64, from: IpAddr) -> bool {
        let most = self.limits.posts;
        self.source(now, from).is_some_and(|source| {
            let fits = source.posts < most;
            source.posts += usize::from(fits);
            fits
        })
    }

    /// Gives the place of a post back.
    pub(crate) fn posted(&mut self, from: IpAddr) {
        if let Some(source) = self.by_address.get_mut(&from) {
            source.posts = source.posts.saturating_sub(1);
        }
    }

    /// Sockets and weight in use, by source address.
    pub(crate) fn shown(&mut self, now: u64) -> Vec<(IpAddr, usize, u64)> {
        self.by_address.iter_mut().map(|(from, source)| (*from, source.sockets, source.weight.used(now))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
    const THERE: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));

    fn user(number: u8) -> Address {
        Address::from_bytes([number; 20])
    }

    #[test]
    fn each_source_has_its_own_weight() {
        let mut sources = Sources::new(SourceLimits::default());
        assert!(sources.take_weight(0, HERE, 1_200));
        assert!(!sources.take_weight(0, HERE, 1));
        assert!(sources.take_weight(0, THERE, 1));
        assert!(sources.take_weight(60_000, HERE, 20));
        sources.add_weight(60_000, HERE, 1_200);
        assert!(!sources.take_weight(60_001, HERE, 1), "rows count afterwards");
    }

    #[test]
    fn ten_sockets_and_thirty_new_ones_a_minute() {
        let mut sources = Sources::new(SourceLimits::default());
        assert_eq!((0..20).filter(|_| sources.open(0, HERE)).count(), 10);
        for _ in 0..20 {
            sources.close(1, HERE, std::iter::empty());
            assert!(sources.open(1, HERE));
        }
        sources.close(2, HERE, std::iter::empty());
        assert!(!sources.open(2, HERE), "the thirty-first of a minute");
        assert!(sources.open(60_001, HERE));
    }

    #[test]
    fn ten_accounts_and_no_more() {
        let mut sources = Sources::new(SourceLimits::default());
        for number in 0..10 {
            sources.subscribe(0, HERE, Some(user(number))).expect("there is room");
            sources.subscribe(0, HERE, Some(user(number))).expect("the same account");
        }
        let refused = sources.subscribe(0, HERE, Some(user(10))).expect_err("ten are tracked");
        assert_eq!(refused.to_string(), "Cannot track more than 10 total users.");
        sources.forget(HERE, Some(user(3)), 0);
        assert!(sources.subscribe(0, HERE, Some(user(10))).is_err(), "it has another subscription");
        sources.forget(HERE, Some(user(3)), 0);
        assert_eq!(sources.subscribe(0, HERE, Some(user(10))), Ok(()));
        sources.close(5_000, HERE, [Some(user(10)), None].into_iter());
        assert!(sources.subscribe(6_999, HERE, Some(user(11))).is_err(), "it counts a little longer");
        assert_eq!(sources.subscribe(7_000, HERE, Some(user(11))), Ok(()));
    }

    #[test]
    fn a_thousand_subscriptions_and_a_hundred_posts() {
        let mut sources = Sources::new(SourceLimits::default());
        (0..1_000).for_each(|_| sources.subscribe(0, HERE, None).expect("there is room"));
        let refused = sources.subscribe(0, HERE, None).expect_err("there is none");
        assert_eq!(refused.to_string(), "Cannot subscribe to more than 1000 channels.");
        assert_eq!((0..200).filter(|_| sources.post(0, HERE)).count(), 100);
        sources.posted(HERE);
        assert!(sources.post(0, HERE));
        assert_eq!((0..3_000).filter(|_| sources.message(0, HERE)).count(), 2_000);
    }

    #[test]
    fn idle_sources_make_room_and_busy_ones_do_not() {
        let mut sources = Sources::new(SourceLimits::default());
        let from = |number: usize| IpAddr::V4(Ipv4Addr::from_bits(u32::try_from(number).expect("few")));
        assert!((0..SOURCES_MAX).all(|number| sources.take_weight(0, from(number), 1)));
        assert!(!sources.take_weight(1, from(SOURCES_MAX), 1));
        assert!(sources.take_weight(60_001, from(SOURCES_MAX), 1));
        assert_eq!(sources.by_address.len(), 1);
    }
}

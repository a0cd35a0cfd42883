//! What comes in goes to the desks, and what they want is done.

use super::{Driver, HEALTH_MS, Link, SLEEP_MS_MAX};
use crate::connector::{Budget, FeedHealth, Health, News, Notice, Request};
use crate::hyperliquid::account::{Actions, is_vital};
use crate::hyperliquid::protocol::{ClientFrame, Envelope, PostRequest, ServerFrame, Subscription};
use crate::hyperliquid::questions::Doubt;
use crate::hyperliquid::supervise::Wanted;
use crate::net::{Socket, SocketEnd, SocketNews, SocketReport};
use calypte_kernel::{Feed, FeedChange, MarketEvent, Price, Timestamp};
use std::sync::Arc;

/// Which of the two connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Market,
    Account,
}

impl Driver {
    /// Takes a request.
    pub(super) fn request(&mut self, request: Request) {
        let now = self.now();
        match request {
            Request::Send(batch) => self.actions(|actions, around| actions.commands(around, batch.commands)),
            Request::Resolve(resolve) => {
                let doubt = Doubt { order: resolve.order, admitted_until: resolve.repeat_until };
                if let Some((desk, _)) = &mut self.account {
                    desk.inquiries.order(doubt);
                }
            }
            Request::ResolveLeverage(instrument) => {
                if let Some((desk, _)) = &mut self.account {
                    desk.inquiries.leverage(instrument);
                }
            }
            Request::Reconcile(_) => {
                if let Some((desk, _)) = &mut self.account {
                    desk.inquiries.everything();
                }
            }
            Request::Subscribe { feed, after } => self.subscribe(now, feed, after),
            Request::Unsubscribe(feed) => {
                let subscription = self.market.unwant(feed);
                let mut egress = self.asker.egress();
                if let Some((link, subscription)) = self.market_link.as_mut().zip(subscription) {
                    link.supervisor.unsubscribe(now, subscription, &mut egress);
                }
            }
            Request::Price { instrument, price } => {
                if let Some((desk, _)) = &mut self.account {
                    desk.actions.planner.reference(instrument, price);
                }
            }
        }
    }

    fn subscribe(&mut self, now: Timestamp, feed: Feed, after: Option<Timestamp>) {
        let set_aside = |feed: String| News::Notice(Notice::SetAside { feed });
        match self.market.want(&self.assets, feed, after) {
            Ok(None) => {}
            Ok(Some(subscription)) => {
                let link = self.market_link.get_or_insert_with(|| Link::new("market", now));
                let refused = link.supervisor.subscribe(now, subscription, &mut self.asker.egress()).err();
                if let Some(refused) = refused {
                    self.market.unwant(feed);
                    self.tell(now, [set_aside(format!("{feed:?}: {refused}"))]);
                }
            }
            Err(error) => self.tell(now, [set_aside(error.to_string())]),
        }
    }

    /// Market orders go by what was heard last.
    pub(super) fn note_price(&mut self, news: &News) {
        let Some((desk, _)) = &mut self.account else { return };
        let (instrument, price) = match news {
            News::Market(MarketEvent::Context(context)) => (context.instrument, Some(context.mark_price)),
            News::Market(MarketEvent::Quote(quote)) => {
                let sum = quote.bid.price.get().checked_add(quote.ask.price.get());
                let middle = sum.and_then(|sum| sum.checked_div(calypte_kernel::Decimal::TWO));
                (quote.instrument, middle.and_then(|middle| Price::new(middle).ok()))
            }
            _ => return,
        };
        if let Some(price) = price {
            desk.actions.planner.reference(instrument, price);
        }
    }

    fn link(&mut self, side: Side) -> Option<&mut Link> {
        match side {
            Side::Market => self.market_link.as_mut(),
            Side::Account => self.account.as_mut().map(|(_, link)| link),
        }
    }

    /// Takes the report of a socket; one of a socket that was given up is old.
    pub(super) fn report(&mut self, report: SocketReport) {
        let sides = [Side::Account, Side::Market];
        let of_it = |side: &Side| self.link(*side).is_some_and(|link| link.number() == Some(report.number));
        let Some(side) = sides.into_iter().find(of_it) else { return };
        let now = self.now();
        match report.news {
            SocketNews::Opened => self.with(side, |link, egress| link.supervisor.opened(now, egress)),
            SocketNews::Text(text) => self.text(side, report.received, text.as_bytes()),
            SocketNews::Ended(end) => self.ended(side, &end),
        }
    }

    fn with(&mut self, side: Side, act: impl FnOnce(&mut Link, &mut crate::hyperliquid::budget::Egress)) {
        let asker = self.asker.clone();
        if let Some(link) = self.link(side) {
            act(link, &mut asker.egress());
        }
    }

    fn ended(&mut self, side: Side, end: &SocketEnd) {
        let (now, chance) = (self.now(), self.ambient.chance());
        let Some(link) = self.link(side) else { return };
        link.socket = None;
        let lost = Notice::Lost { connection: link.name, why: end.to_string() };
        self.with(side, |link, egress| link.supervisor.lost(now, end.is_explained(), chance, egress));
        self.tell(now, [News::Notice(lost)]);
    }

    fn text(&mut self, side: Side, received: Timestamp, bytes: &[u8]) {
        let frame = match ServerFrame::parse(bytes) {
            Ok(frame) => frame,
            Err(error) => {
                let notice = self.link(side).and_then(|link| link.unreadable(received, &error));
                if let Some((desk, _)) = self.account.as_mut().filter(|_| side == Side::Account) {
                    desk.unreadable(received);
                }
                return self.tell(received, notice);
            }
        };
        if let Some(link) = self.link(side) {
            link.supervisor.frame(received, &frame);
        }
        let mut news = Vec::new();
        match (side, &frame) {
            (Side::Account, ServerFrame::Post { id, answer }) => {
                self.actions(|actions, around| actions.post_answered(around, *id, answer));
            }
            (Side::Account, frame) => {
                if let Some((desk, _)) = &mut self.account {
                    desk.frame(received, &self.assets, frame, &mut news);
                }
            }
            (Side::Market, ServerFrame::Error(words)) => news.push(News::Notice(Notice::Complaint(words.clone()))),
            (Side::Market, frame) => self.market.frame(received, &self.assets, frame, &mut news),
        }
        self.tell(received, news);
    }

    /// Posts an action; where the socket takes nothing more, it is given up, and the action goes the other way.
    pub(super) fn post(&mut self, id: u64, envelope: Box<Envelope>) {
        let frame = ClientFrame::Post { id, request: PostRequest::Action(*envelope) };
        self.send(Side::Account, &frame);
    }

    fn send(&mut self, side: Side, frame: &ClientFrame) {
        let text = serde_json::to_string(frame).expect("frames are maps of texts and numbers");
        let sent = self.link(side).and_then(|link| link.socket.as_ref()).is_some_and(|(_, socket)| socket.send(text));
        if !sent {
            self.ended(side, &SocketEnd::Broken("it takes nothing more".into()));
        }
    }

    /// Does all that the desks and the connections want now.
    pub(super) fn settle(&mut self) {
        let now = self.now();
        for side in [Side::Account, Side::Market] {
            let chance = self.ambient.chance();
            self.with(side, |link, egress| link.supervisor.wake(now, chance, egress));
            while let Some(wanted) = self.link(side).and_then(|link| link.supervisor.poll()) {
                self.wanted(now, side, wanted);
            }
        }
        self.actions(|actions, around| {
            if actions.next_wake().is_some_and(|due| due <= around.now) {
                actions.wake(around);
            }
        });
        let due =
            self.account.as_mut().map(|(desk, link)| desk.inquiries.due(now, link.supervisor.is_complete() || link.refused));
        due.into_iter().flatten().for_each(|inquiry| self.inquire(inquiry));
        let mut news = Vec::new();
        self.market.wake(now, &mut news);
        self.tell(now, news);
        self.market.questions().into_iter().for_each(|question| self.ask_candles(question));
        if now >= self.meta_due && !self.meta_asked {
            self.ask_meta();
        }
        if now >= self.health_due {
            self.say_health(now);
        }
    }

    fn wanted(&mut self, now: Timestamp, side: Side, wanted: Wanted) {
        match wanted {
            Wanted::Connect => {
                let number = self.next_number;
                self.next_number += 1;
                let (target, ambient, reports) = (self.target.clone(), Arc::clone(&self.ambient), self.reports.0.clone());
                if let Some(link) = self.link(side) {
                    link.socket = Some((number, Socket::open(number, target, ambient, reports)));
                }
            }
            Wanted::Send(frame) => self.send(side, &frame),
            Wanted::HangUp { reason } => {
                let Some(link) = self.link(side) else { return };
                link.socket = None;
                let lost = Notice::Lost { connection: link.name, why: reason.to_owned() };
                self.tell(now, [News::Notice(lost)]);
            }
            Wanted::Lost => self.lost(now, side),
            Wanted::Gap { since } => self.back(now, side, since),
            // It is hung up on, and what was missed is asked for.
            Wanted::Stale(_) => {}
            Wanted::Quarantined(subscription) => self.quarantined(now, side, &subscription),
            Wanted::Returned(subscription) => self.returned(now, side, &subscription),
        }
        self.health_due = now;
    }

    fn lost(&mut self, now: Timestamp, side: Side) {
        match side {
            Side::Market => {
                let mut news = Vec::new();
                self.market.lost(now, &mut news);
                self.tell(now, news);
            }
            Side::Account => {
                self.connection(now, FeedChange::Lost);
                self.actions(Actions::socket_lost);
            }
        }
    }

    fn back(&mut self, now: Timestamp, side: Side, since: Timestamp) {
        match side {
            Side::Market => {
                let mut news = Vec::new();
                self.market.back(now, since, &mut news);
                self.tell(now, news);
            }
            Side::Account => self.connection(now, FeedChange::Recovered),
        }
    }

    fn connection(&mut self, now: Timestamp, change: FeedChange) {
        self.tell(now, [News::Market(MarketEvent::Feed { feed: Feed::Connection, change })]);
    }

    fn quarantined(&mut self, now: Timestamp, side: Side, subscription: &Subscription) {
        let feed = format!("{subscription:?}");
        self.tell(now, [News::Notice(Notice::SetAside { feed })]);
        match side {
            Side::Market => {
                // It stays wanted: it is tried again, and candles are closed by time and asked for meanwhile.
                if let Some(feed) = self.market.feed_of(subscription) {
                    self.tell(now, [News::Market(MarketEvent::Feed { feed, change: FeedChange::Stale })]);
                }
            }
            Side::Account => {
                if let Some((desk, _)) = self.account.as_mut().filter(|_| is_vital(subscription)) {
                    desk.inquiries.poll();
                }
            }
        }
    }

    fn returned(&mut self, now: Timestamp, side: Side, subscription: &Subscription) {
        match side {
            Side::Market => {
                if let Some(feed) = self.market.feed_of(subscription) {
                    self.tell(now, [News::Market(MarketEvent::Feed { feed, change: FeedChange::Recovered })]);
                }
            }
            Side::Account => {
                if let Some((desk, link)) = self.account.as_mut().filter(|_| is_vital(subscription)) {
                    let polls = link.supervisor.aside().any(is_vital);
                    desk.inquiries.vital_is_back(polls);
                }
            }
        }
    }

    /// When something is due.
    pub(super) fn next_wake(&self) -> Timestamp {
        let link = |link: &Link| link.supervisor.next_wake();
        let account = self.account.as_ref();
        let flows = account.is_some_and(|(_, link)| link.supervisor.is_complete() || link.refused);
        let meta = (!self.meta_asked).then_some(self.meta_due);
        let due = [
            self.market_link.as_ref().and_then(link),
            account.and_then(|(_, of)| link(of)),
            account.and_then(|(desk, _)| desk.actions.next_wake()),
            account.and_then(|(desk, _)| desk.inquiries.next_wake(flows)),
            self.market.next_wake(),
            meta,
            Some(self.health_due),
        ];
        let never = self.now().saturating_add(SLEEP_MS_MAX);
        due.into_iter().flatten().min().unwrap_or(never)
    }

    /// How all budgets stand. Whichever is nearly used up is told of, once until it is not any more.
    fn budgets(&mut self, now: Timestamp) -> Vec<Budget> {
        let (rates, places) = {
            let mut egress = self.egress();
            (egress.rates(now), egress.places())
        };
        let own = self.account.as_mut().map(|(desk, _)| desk.actions.ledger.standings(now));
        let mut budgets: Vec<_> = rates.into_iter().chain(own.into_iter().flatten()).collect();
        for budget in &budgets {
            if !budget.is_low() {
                self.low.remove(budget.name);
            } else if self.low.insert(budget.name) {
                self.tell(now, [News::Notice(Notice::BudgetLow(*budget))]);
            }
        }
        budgets.extend(places);
        budgets
    }

    fn say_health(&mut self, now: Timestamp) {
        self.health_due = now.saturating_add(HEALTH_MS);
        let budgets = self.budgets(now);
        let links = || self.account.iter().map(|(_, link)| link).chain(&self.market_link);
        let feeds = links().flat_map(|link| link.supervisor.feeds());
        let unusable = self.account.iter().map(|(desk, _)| desk.tally.sum()).sum::<u64>();
        let health = Health {
            connections: links().map(Link::health).collect(),
            feeds: feeds.map(|(feed, heard)| FeedHealth { name: format!("{feed:?}"), heard }).collect(),
            budgets,
            reconciled: self.account.as_ref().and_then(|(desk, _)| desk.inquiries.last_reconciled()),
            unanswered: self.account.as_ref().map_or(0, |(desk, _)| desk.actions.unanswered()),
            unusable: unusable.saturating_add(self.market.tally.sum()),
        };
        self.health.send_replace(health);
    }
}

//! What is asked in the background, and what comes of it.

use super::Driver;
use crate::connector::{News, Notice};
use crate::hyperliquid::account::{ActionStep, Around, Inquiry};
use crate::hyperliquid::ask::AskError;
use crate::hyperliquid::assets::AssetsError;
use crate::hyperliquid::budget::Urgency;
use crate::hyperliquid::market::CandleQuestion;
use crate::hyperliquid::opening::CannotOpen;
use crate::hyperliquid::protocol::{Answer, Candle, CandleRange, InfoRequest, Meta, Millis, UserRateLimit};
use crate::hyperliquid::questions::{self, Found};
use crate::hyperliquid::translate::Tally;
use calypte_kernel::{InstrumentId, SeriesId, Timestamp, VenueEvent};
use std::sync::Arc;

/// Something that was asked in the background.
pub(super) enum Done {
    Acted { id: u64, answer: Result<Answer, AskError> },
    Everything { socket: Option<u64>, found: Result<Whole, AskError> },
    Orders { told: Result<Vec<VenueEvent>, AskError>, tally: Tally },
    Leverage { instrument: InstrumentId, told: Result<VenueEvent, AskError> },
    Candles { series: SeriesId, asked: Timestamp, rows: Result<Vec<Candle>, AskError> },
    Meta { meta: Result<Meta, AskError> },
}

/// Everything, with what else is good to know now and then.
pub(super) struct Whole {
    found: Found,
    requests: Option<UserRateLimit>,
    clock: Result<(), CannotOpen>,
}

impl Driver {
    /// Sends an action over REST.
    pub(super) fn act(&mut self, id: u64, envelope: Box<crate::hyperliquid::protocol::Envelope>) {
        let asker = self.asker.clone();
        self.tasks.spawn(async move { Done::Acted { id, answer: asker.act(&envelope).await } });
    }

    /// Asks what the account wants to know.
    pub(super) fn inquire(&mut self, inquiry: Inquiry) {
        let Some((desk, link)) = &self.account else { return };
        let (asker, assets) = (self.asker.clone(), Arc::clone(&self.assets));
        let (whose, since, socket) = (desk.whose(), desk.fills_since(), link.number());
        match inquiry {
            Inquiry::Everything => self.tasks.spawn(async move {
                let found = async {
                    let clock = questions::clock(&asker).await?;
                    let requests = InfoRequest::UserRateLimit { user: whose.0 };
                    let requests = asker.ask(&requests, Urgency::Background).await.ok();
                    let found = questions::snapshot(&asker, whose, &assets, since, Urgency::Opening).await?;
                    Ok(Whole { found, requests, clock })
                };
                Done::Everything { socket, found: found.await }
            }),
            Inquiry::Orders(doubts) => self.tasks.spawn(async move {
                let mut tally = Tally::default();
                let told = questions::doubts(&asker, whose.0, &assets, &doubts, &mut tally).await;
                Done::Orders { told, tally }
            }),
            Inquiry::Leverage(instrument) => self.tasks.spawn(async move {
                let told = match assets.of(instrument) {
                    Some(asset) => questions::leverage(&asker, whose.0, asset, Urgency::Opening).await,
                    None => Err(AskError::NotWhole("an instrument that is not traded here")),
                };
                Done::Leverage { instrument, told }
            }),
        };
    }

    /// Asks for candles.
    pub(super) fn ask_candles(&mut self, question: CandleQuestion) {
        let (asker, asked) = (self.asker.clone(), self.now());
        let CandleQuestion { series, coin, interval, from } = question;
        let range = CandleRange {
            coin,
            interval: interval.to_owned(),
            start_time: Millis::try_from(from).unwrap_or_default(),
            end_time: Millis::try_from(asked).ok(),
        };
        self.tasks.spawn(async move {
            let rows = asker.rows(&InfoRequest::CandleSnapshot { req: range }, Urgency::Opening).await;
            // A row that cannot be read is one that is missing: it is asked for again.
            Done::Candles { series, asked, rows: rows.map(|rows| rows.rows) }
        });
    }

    /// Looks again at what there is to trade.
    pub(super) fn ask_meta(&mut self) {
        let asker = self.asker.clone();
        self.meta_asked = true;
        self.tasks
            .spawn(async move { Done::Meta { meta: asker.ask(&InfoRequest::Meta { dex: None }, Urgency::Background).await } });
    }

    /// Takes what came of something.
    pub(super) fn done(&mut self, done: Done) {
        let now = self.now();
        match done {
            Done::Acted { id, answer } => self.actions(|actions, around| actions.rest_answered(around, id, &answer)),
            Done::Everything { socket, found } => self.everything(now, socket, found),
            Done::Orders { told, tally } => {
                let Some((desk, _)) = &mut self.account else { return };
                desk.tally.add(&tally);
                desk.inquiries.orders_done(now, told.is_ok());
                match told {
                    Ok(events) => {
                        for event in &events {
                            if let VenueEvent::Open(order) = event {
                                desk.found_open(order);
                            }
                        }
                        self.tell(now, events.into_iter().map(News::Venue));
                    }
                    Err(error) => self.no_answer(now, "orders in doubt", &error),
                }
            }
            Done::Leverage { instrument, told } => {
                let Some((desk, _)) = &mut self.account else { return };
                desk.inquiries.leverage_done(now, instrument, told.is_ok());
                match told {
                    Ok(event) => self.tell(now, [News::Venue(event)]),
                    Err(error) => self.no_answer(now, "leverage", &error),
                }
            }
            Done::Candles { series, asked, rows } => {
                let connected = self.market_link.as_ref().is_some_and(|link| link.supervisor.is_complete());
                let mut news = Vec::new();
                self.market.answered(now, asked, series, rows.as_deref().ok(), connected, &mut news);
                self.tell(now, news);
                if let Err(error) = rows {
                    self.no_answer(now, "candles", &error);
                }
            }
            Done::Meta { meta } => self.meta(now, meta),
        }
    }

    fn no_answer(&mut self, now: Timestamp, what: &'static str, error: &AskError) {
        // Our own budget is not news: the question goes out when there is room.
        if !matches!(error, AskError::NoBudget(_)) {
            self.tell(now, [News::Notice(Notice::NoAnswer { what, why: error.to_string() })]);
        }
    }

    /// A picture from before the connection was lost is no picture of what happened since.
    fn everything(&mut self, now: Timestamp, socket: Option<u64>, found: Result<Whole, AskError>) {
        let chance = self.ambient.chance();
        let Some((desk, link)) = &mut self.account else { return };
        let of_use = socket == link.number();
        desk.inquiries.everything_done(now, found.is_ok() && of_use, chance);
        let whole = match found {
            Ok(whole) if of_use => whole,
            Ok(_) => return,
            Err(error) => return self.no_answer(now, "the account", &error),
        };
        let mut news = Vec::new();
        desk.clock(whole.clock.err().map(|error| error.to_string()), &mut news);
        if let Some(limit) = &whole.requests {
            let in_flight = desk.actions.unanswered() as u64;
            desk.actions.ledger.learn(limit, in_flight);
        }
        desk.tally.add(&whole.found.tally);
        desk.found(now, &whole.found.snapshot);
        self.health_due = now;
        news.push(News::Venue(VenueEvent::Snapshot(Box::new(whole.found.snapshot))));
        self.tell(now, news);
    }

    fn meta(&mut self, now: Timestamp, meta: Result<Meta, AskError>) {
        self.meta_asked = false;
        self.meta_due = now.saturating_add(super::META_MS);
        let meta = match meta {
            Ok(meta) => meta,
            Err(error) => return self.no_answer(now, "what there is to trade", &error),
        };
        let news = match Arc::make_mut(&mut self.assets).refresh(&meta) {
            Ok(delisted) => delisted.into_iter().map(|instrument| News::Notice(Notice::Delisted(instrument))).collect(),
            Err(error @ (AssetsError::Changed { .. } | AssetsError::Unknown(_) | AssetsError::Rules { .. })) => {
                vec![News::Notice(Notice::RulesChanged { why: error.to_string() })]
            }
        };
        self.tell(now, news);
    }

    /// Does something with what the account sends, and then all that follows.
    pub(super) fn actions(&mut self, act: impl FnOnce(&mut crate::hyperliquid::account::Actions, Around<'_>)) {
        let now = self.now();
        let asker = self.asker.clone();
        let Some((desk, link)) = &mut self.account else { return };
        let mut egress = asker.egress();
        let socket = link.supervisor.is_open() && link.socket.is_some();
        act(&mut desk.actions, Around { now, assets: &self.assets, egress: &mut egress, socket });
        drop(egress);
        self.follow_actions();
    }

    pub(super) fn follow_actions(&mut self) {
        let now = self.now();
        while let Some(step) = self.account.as_mut().and_then(|(desk, _)| desk.actions.poll()) {
            match step {
                ActionStep::Tell(news) => self.tell(now, [news]),
                ActionStep::Rest { id, envelope } => self.act(id, envelope),
                ActionStep::Post { id, envelope } => self.post(id, envelope),
            }
        }
    }
}

//! The market's side of the connector: feeds of candles, trades, quotes, books and contexts, for everybody who wants them.
//!
//! Pure: the time and the answers are told. What is missing of candles is asked for; of everything else a gap is said to be one.

use super::assets::Assets;
use super::candles::{CandleCloser, CandleOutput, interval};
use super::protocol::{Candle, ServerFrame, Subscription};
use super::translate::{self, Tally, TradeFilter};
use crate::connector::News;
use calypte_kernel::{Feed, FeedChange, InstrumentId, MarketEvent, SeriesId, SeriesInfo, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

/// A feed that cannot be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoFeed {
    /// The instrument or the series is none of those that were named at the start, or is traded no longer.
    #[error("{0:?} is of nothing that is traded here")]
    Unknown(Feed),
    /// The exchange has no candles of that length.
    #[error("the exchange has no candles of the length of {0:?}")]
    NoSuchCandles(Feed),
}

/// Candles to be asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CandleQuestion {
    /// Of which series.
    pub series: SeriesId,
    /// The exchange's name of the coin.
    pub coin: String,
    /// The exchange's word for the length.
    pub interval: &'static str,
    /// From which open time on.
    pub from: Timestamp,
}

/// A series that is wanted.
#[derive(Debug)]
struct Series {
    coin: String,
    interval: &'static str,
    closer: CandleCloser,
}

/// Feeds of the market.
#[derive(Debug)]
pub struct MarketDesk {
    listed: Vec<SeriesInfo>,
    series: BTreeMap<SeriesId, Series>,
    feeds: BTreeMap<Feed, Subscription>,
    trades: TradeFilter,
    /// Feeds that are said to be stale.
    stale: BTreeSet<Feed>,
    questions: Vec<CandleQuestion>,
    /// What could not be used.
    pub tally: Tally,
}

impl MarketDesk {
    /// One of these series, without a feed yet. Trades from before it was opened are history.
    pub fn new(listed: Vec<SeriesInfo>, opened: Timestamp) -> Self {
        Self {
            listed,
            series: BTreeMap::new(),
            feeds: BTreeMap::new(),
            trades: TradeFilter::since(opened),
            stale: BTreeSet::new(),
            questions: Vec::new(),
            tally: Tally::default(),
        }
    }

    /// Wants a feed; gives what is to be subscribed to, and nothing where it is there already.
    ///
    /// # Errors
    /// Where there is no such feed. A name that is unknown is never subscribed to: the exchange would hang up.
    pub fn want(&mut self, assets: &Assets, feed: Feed, after: Option<Timestamp>) -> Result<Option<Subscription>, NoFeed> {
        if self.feeds.contains_key(&feed) {
            return Ok(None);
        }
        let coin = |instrument: InstrumentId| {
            let symbol = assets.of(instrument).map(|asset| asset.instrument.symbol.to_string());
            symbol.filter(|coin| assets.knows(coin)).ok_or(NoFeed::Unknown(feed))
        };
        let subscription = match feed {
            Feed::Candles(id) => {
                let info = self.listed.iter().find(|info| info.id == id).ok_or(NoFeed::Unknown(feed))?;
                let coin = coin(info.instrument)?;
                let interval = interval(info.timeframe).ok_or(NoFeed::NoSuchCandles(feed))?;
                let closer = CandleCloser::new(info.timeframe, after);
                self.series.insert(id, Series { coin: coin.clone(), interval, closer });
                Subscription::Candle { coin, interval: interval.to_owned() }
            }
            Feed::Trades(instrument) => Subscription::Trades { coin: coin(instrument)? },
            Feed::Quotes(instrument) => Subscription::Bbo { coin: coin(instrument)? },
            Feed::Book(instrument) => Subscription::L2Book { coin: coin(instrument)?, fast: None },
            Feed::Context(instrument) => Subscription::ActiveAssetCtx { coin: coin(instrument)? },
            Feed::Connection => return Ok(None),
        };
        self.feeds.insert(feed, subscription.clone());
        Ok(Some(subscription))
    }

    /// Wants a feed no longer; gives what is to be unsubscribed from.
    pub fn unwant(&mut self, feed: Feed) -> Option<Subscription> {
        if let Feed::Candles(series) = feed {
            self.series.remove(&series);
        }
        self.stale.remove(&feed);
        self.feeds.remove(&feed)
    }

    /// The feed of a subscription.
    pub fn feed_of(&self, subscription: &Subscription) -> Option<Feed> {
        self.feeds.iter().find(|(_, wanted)| *wanted == subscription).map(|(feed, _)| *feed)
    }

    /// Takes a frame.
    pub fn frame(&mut self, now: Timestamp, assets: &Assets, frame: &ServerFrame, news: &mut Vec<News>) {
        match frame {
            ServerFrame::Candle(candle) => self.candle(now, candle, news),
            ServerFrame::Trades(trades) => {
                self.tally.unreadable = self.tally.unreadable.saturating_add(trades.unreadable as u64);
                for trade in trades.iter() {
                    let translated = self.trades.trade(assets, trade);
                    news.extend(self.tally.sort(translated).map(News::Market));
                }
            }
            ServerFrame::Bbo(quote) => news.extend(self.tally.sort(translate::quote(assets, quote)).map(News::Market)),
            ServerFrame::Book(book) => news.extend(self.tally.sort(translate::book(assets, book)).map(News::Market)),
            ServerFrame::Context(context) => {
                news.extend(self.tally.sort(translate::context(assets, context, now)).map(News::Market));
            }
            ServerFrame::Unknown(_) => self.tally.unknown_channel = self.tally.unknown_channel.saturating_add(1),
            _ => {}
        }
    }

    /// Notes that the connection is lost: nothing flows.
    pub fn lost(&mut self, now: Timestamp, news: &mut Vec<News>) {
        for feed in self.feeds.keys() {
            if self.stale.insert(*feed) {
                news.push(News::Market(MarketEvent::Feed { feed: *feed, change: FeedChange::Stale }));
            }
        }
        self.series.values_mut().for_each(|series| series.closer.cut(now));
    }

    /// Notes that everything is subscribed to again, and that nothing is known from then on. Of trades that stretch is a gap; of
    /// candles it is asked for; a quote, a book and a context say all there is to say.
    pub fn back(&mut self, now: Timestamp, since: Timestamp, news: &mut Vec<News>) {
        for feed in self.feeds.keys() {
            if let Feed::Trades(_) = feed {
                let change = FeedChange::Gap { start: since, end: now, missing: 0 };
                news.push(News::Market(MarketEvent::Feed { feed: *feed, change }));
            }
            if !matches!(feed, Feed::Candles(_)) && self.stale.remove(feed) {
                news.push(News::Market(MarketEvent::Feed { feed: *feed, change: FeedChange::Recovered }));
            }
        }
        self.wake(now, news);
    }

    /// Notes the time.
    pub fn wake(&mut self, now: Timestamp, news: &mut Vec<News>) {
        let due = |series: &Series| series.closer.next_wake().is_some_and(|due| due <= now);
        let due: Vec<SeriesId> = self.series.iter().filter(|(_, series)| due(series)).map(|(id, _)| *id).collect();
        for id in due {
            self.of(id, now, news, |closer| closer.wake(now));
        }
    }

    /// When it wants [`Self::wake`].
    pub fn next_wake(&self) -> Option<Timestamp> {
        self.series.values().filter_map(|series| series.closer.next_wake()).min()
    }

    /// What is to be asked.
    pub fn questions(&mut self) -> Vec<CandleQuestion> {
        std::mem::take(&mut self.questions)
    }

    /// Takes the answer to a question that was asked then, or that there is none.
    pub fn answered(
        &mut self,
        now: Timestamp,
        asked: Timestamp,
        id: SeriesId,
        rows: Option<&[Candle]>,
        connected: bool,
        news: &mut Vec<News>,
    ) {
        self.of(id, now, news, |closer| match rows {
            Some(rows) => closer.answer(now, asked, rows),
            None => closer.no_answer(now),
        });
        if connected {
            self.recovered(now, id, news);
        }
    }

    fn candle(&mut self, now: Timestamp, candle: &Candle, news: &mut Vec<News>) {
        let of_it = |series: &Series| series.coin == candle.coin && series.interval == candle.interval;
        let Some(id) = self.series.iter().find(|(_, series)| of_it(series)).map(|(id, _)| *id) else {
            self.tally.other_coin = self.tally.other_coin.saturating_add(1);
            return;
        };
        self.of(id, now, news, |closer| closer.frame(now, candle));
        self.recovered(now, id, news);
    }

    /// Candles flow again where nothing of the past is missing.
    fn recovered(&mut self, now: Timestamp, id: SeriesId, news: &mut Vec<News>) {
        let feed = Feed::Candles(id);
        let behind = self.series.get(&id).is_none_or(|series| series.closer.is_behind(now));
        if !behind && self.stale.remove(&feed) {
            news.push(News::Market(MarketEvent::Feed { feed, change: FeedChange::Recovered }));
        }
    }

    /// Does something with a series, and passes on what follows.
    fn of(&mut self, id: SeriesId, now: Timestamp, news: &mut Vec<News>, act: impl FnOnce(&mut CandleCloser)) {
        let Some(series) = self.series.get_mut(&id) else { return };
        act(&mut series.closer);
        // An answer can make another question due at once.
        series.closer.wake(now);
        while let Some(output) = series.closer.poll() {
            match output {
                CandleOutput::Closed(candle) => news.push(News::Market(MarketEvent::Candle { series: id, candle })),
                CandleOutput::Gap { start, end, missing } => {
                    let change = FeedChange::Gap { start, end, missing };
                    news.push(News::Market(MarketEvent::Feed { feed: Feed::Candles(id), change }));
                }
                CandleOutput::Ask { from } => {
                    let (coin, interval) = (series.coin.clone(), series.interval);
                    self.questions.push(CandleQuestion { series: id, coin, interval, from });
                }
            }
        }
    }
}

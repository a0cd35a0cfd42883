//! The market's past from the exchange: candles and funding rates, page by page, within the budget of requests.
//!
//! The exchange keeps the newest 5000 candles of a series, and every funding rate. A page that does not come is asked for again a few
//! times; a budget that is used up is waited for, as long as it takes.

use crate::control::Control;
use crate::exchange::Exchange;
use calypte_kernel::{Candle, Decimal, Symbol, Timeframe, Timestamp};
use calypte_venues::hyperliquid::ask::{AskError, Asker};
use calypte_venues::hyperliquid::assets::{Assets, AssetsError};
use calypte_venues::hyperliquid::budget::{Refused, Urgency};
use calypte_venues::hyperliquid::candles;
use calypte_venues::hyperliquid::protocol::{self, CandleRange, ExchangeStatus, FundingRate, InfoRequest, Meta, Millis};
use std::collections::BTreeMap;
use std::time::Duration;

/// Most candles of a page.
pub const CANDLES_PER_PAGE: usize = 5_000;
/// Most pages of candles that are asked for at once; an exchange that keeps what it says has one, and says so with a second.
const CANDLE_PAGES_MAX: usize = 32;
/// How often funding is due, in milliseconds.
pub const FUNDING_MS: u64 = 3_600_000;
/// How often a page that does not come is asked for again.
const RETRIES_MAX: u32 = 5;
/// How long before the first time; twice as long each time after it.
const RETRY_MS_FIRST: u64 = 500;
/// How often it is looked, while it waits, whether it is to end.
const LOOK_MS: u64 = 100;

/// Why the past cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum PastError {
    /// Somebody asked for an end.
    #[error("ended by an interrupt")]
    Cancelled,
    /// The exchange has no such thing.
    #[error(transparent)]
    Asset(#[from] AssetsError),
    /// It has no candles of that length.
    #[error("the exchange has no candles of {0}")]
    Timeframe(Timeframe),
    /// It does not answer, or not as it should.
    #[error("the exchange at {at} does not answer as it should")]
    NoAnswer {
        /// Where it is.
        at: String,
        /// What came instead.
        source: AskError,
    },
}

/// The past of one instrument.
pub struct Past<'a> {
    asker: Asker,
    /// Where the exchange is, for messages.
    at: String,
    coin: String,
    control: &'a Control,
}

impl<'a> Past<'a> {
    /// That of an instrument of an exchange. What has come is counted in `control`, in candles or hours.
    ///
    /// # Errors
    /// Where the exchange cannot be reached, or has no such instrument.
    pub async fn open(exchange: &Exchange, symbol: &Symbol, control: &'a Control) -> Result<Self, PastError> {
        let (asker, at, coin) = (exchange.asker(), exchange.authority().to_owned(), symbol.to_string());
        let past = Self { asker, at, coin, control };
        let meta: Meta = past.ask(&InfoRequest::Meta { dex: None }).await?;
        Assets::new(&meta, std::slice::from_ref(symbol))?;
        Ok(past)
    }

    /// The exchange's time.
    ///
    /// # Errors
    /// Where it does not say.
    pub async fn now(&self) -> Result<Timestamp, PastError> {
        Ok(self.ask::<ExchangeStatus>(&InfoRequest::ExchangeStatus).await?.time.timestamp())
    }

    /// Candles that open from one time to another, both included, oldest first: as many of the newest as the exchange keeps. Where
    /// nobody traded there may be none.
    ///
    /// # Errors
    /// Where they cannot be had.
    pub async fn candles(&self, timeframe: Timeframe, from: Timestamp, to: Timestamp) -> Result<Vec<Candle>, PastError> {
        let interval = candles::interval(timeframe).ok_or(PastError::Timeframe(timeframe))?;
        let not_whole = |what| self.no_answer(AskError::NotWhole(what));
        let mut found = BTreeMap::new();
        let mut until = to;
        for _ in 0..CANDLE_PAGES_MAX {
            let end = millis(Timestamp::from_millis(timeframe.close_of(until).as_millis().saturating_sub(1)));
            let (coin, interval) = (self.coin.clone(), interval.to_owned());
            let req = CandleRange { coin, interval, start_time: millis(from), end_time: Some(end) };
            let rows: Vec<protocol::Candle> = self.rows(&InfoRequest::CandleSnapshot { req }).await?;
            for row in &rows {
                let candle = candles::candle(row).ok_or_else(|| not_whole("a candle contradicts itself"))?;
                if timeframe.open_of(candle.open_time) != candle.open_time {
                    return Err(not_whole("a candle opens at no time at which one does"));
                }
                if (from..=until).contains(&candle.open_time) && found.insert(candle.open_time, candle).is_none() {
                    self.control.advance(1);
                }
            }
            // A full page holds the newest: there may be older ones.
            match found.keys().next() {
                Some(first) if rows.len() >= CANDLES_PER_PAGE && *first > from => {
                    until = timeframe.open_of(Timestamp::from_millis(first.as_millis() - 1));
                }
                _ => break,
            }
        }
        Ok(found.into_values().collect())
    }

    /// A page of funding rates from one time to another, both included, each with the hour it is due at, oldest first; none where there
    /// are no more.
    ///
    /// # Errors
    /// Where they cannot be had.
    pub async fn funding(&self, from: Timestamp, to: Timestamp) -> Result<Vec<(Timestamp, Decimal)>, PastError> {
        let (coin, start_time, end_time) = (self.coin.clone(), millis(from), Some(millis(to)));
        let rows: Vec<FundingRate> = self.rows(&InfoRequest::FundingHistory { coin, start_time, end_time }).await?;
        let rates = rows.iter().map(|rate| (rate.time.timestamp(), rate.funding_rate.get()));
        let within = rates.filter(|(time, _)| (from..=to).contains(time));
        let by_hour: BTreeMap<Timestamp, Decimal> = within.map(|(time, rate)| (due(time), rate)).collect();
        self.control.advance(by_hour.len() as u64);
        Ok(by_hour.into_iter().collect())
    }

    async fn ask<T: serde::de::DeserializeOwned>(&self, request: &InfoRequest) -> Result<T, PastError> {
        self.patiently(async || self.asker.ask(request, Urgency::Background).await).await
    }

    async fn rows<T: serde::de::DeserializeOwned>(&self, request: &InfoRequest) -> Result<Vec<T>, PastError> {
        self.patiently(async || {
            let rows = self.asker.rows::<T>(request, Urgency::Background).await?;
            if rows.unreadable > 0 { Err(AskError::NotWhole("a row cannot be read")) } else { Ok(rows.rows) }
        })
        .await
    }

    /// Asks until there is an answer, within reason.
    async fn patiently<T>(&self, ask: impl AsyncFn() -> Result<T, AskError>) -> Result<T, PastError> {
        let mut failed = 0;
        loop {
            let asked = tokio::select! {
                asked = ask() => asked,
                ended = self.wait(u64::MAX) => return Err(ended.err().unwrap_or(PastError::Cancelled)),
            };
            let wait_ms = match asked {
                Ok(answer) => return Ok(answer),
                Err(AskError::NoBudget(Refused::Wait { wait_ms, .. })) => wait_ms,
                Err(error) if is_final(&error) || failed == RETRIES_MAX => return Err(self.no_answer(error)),
                Err(_) => {
                    failed += 1;
                    RETRY_MS_FIRST << (failed - 1)
                }
            };
            self.wait(wait_ms).await?;
        }
    }

    fn no_answer(&self, source: AskError) -> PastError {
        PastError::NoAnswer { at: self.at.clone(), source }
    }

    /// Waits, unless it is to end.
    async fn wait(&self, ms: u64) -> Result<(), PastError> {
        let mut left = ms;
        while left > 0 {
            self.go_on()?;
            let part = left.min(LOOK_MS);
            tokio::time::sleep(Duration::from_millis(part)).await;
            left -= part;
        }
        self.go_on()
    }

    fn go_on(&self) -> Result<(), PastError> {
        if self.control.is_cancelled() { Err(PastError::Cancelled) } else { Ok(()) }
    }
}

/// Whether asking again would bring nothing else.
const fn is_final(error: &AskError) -> bool {
    match error {
        AskError::NoBudget(_) => true,
        AskError::Refused { status, .. } => *status >= 400 && *status < 500,
        AskError::NoReply(_) | AskError::TooMany | AskError::Unreadable(_) | AskError::NotWhole(_) => false,
    }
}

/// The hour that a rate is due at: the exchange's times lie some milliseconds behind it.
pub fn due(time: Timestamp) -> Timestamp {
    let into = time.as_millis().rem_euclid(FUNDING_MS.cast_signed());
    Timestamp::from_millis(time.as_millis().saturating_sub(into))
}

/// A time as it is asked for; one that cannot be is taken for the nearest that can.
fn millis(time: Timestamp) -> Millis {
    Millis::try_from(time.max(Timestamp::default())).unwrap_or_default()
}

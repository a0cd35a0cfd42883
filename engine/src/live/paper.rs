//! Paper trading: the market is real, the fills are simulated, and nothing is sent.

use super::venue::{Request, Venue};
use calypte_kernel::{Decimal, FeeRates, Instrument, InstrumentId, MarginMode, MarketEvent, Timestamp, VenueEvent};
use calypte_sim::{Exchange, ExchangeSettings, ExchangeSettingsError, Tick, TickKind};
use std::collections::VecDeque;

/// Funding is due every hour, as on the exchange.
/// <https://hyperliquid.gitbook.io/hyperliquid-docs/trading/funding>
const FUNDING_INTERVAL_MS: i64 = 3_600_000;

/// What a paper exchange charges.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PaperSettings {
    /// Fees.
    pub fees: FeeRates,
    /// How much worse than what is shown who takes fills, in basis points.
    pub slippage_bps: Decimal,
}

/// An exchange that fills orders against the quotes, trades and books that pass by. Its rules are those of a backtest over ticks.
#[derive(Debug)]
pub struct Paper {
    exchange: Exchange,
    /// The funding rate of each instrument, as last said.
    rates: Vec<Option<Decimal>>,
    /// The hour up to which funding is paid, by number since 1970; none before the first event.
    funded: Option<i64>,
    /// Leverage as last set, by instrument.
    leverage: Vec<(u32, MarginMode)>,
    said: VecDeque<VenueEvent>,
}

impl Paper {
    /// An exchange for these instruments, each at the place its id says.
    ///
    /// # Errors
    /// Where a rate or the slippage is out of range.
    pub fn new(settings: PaperSettings, instruments: &[Instrument]) -> Result<Self, ExchangeSettingsError> {
        let settings =
            ExchangeSettings { fees: settings.fees, slippage_bps: settings.slippage_bps, ..ExchangeSettings::default() };
        let mut exchange = Exchange::new(settings, instruments, &vec![true; instruments.len()])?;
        for instrument in instruments {
            // Who takes, waits for a quote; trades use up the queue before who rests.
            exchange.match_ticks(instrument.id, TickKind::Quotes);
            exchange.match_ticks(instrument.id, TickKind::Trades);
        }
        Ok(Self {
            exchange,
            rates: vec![None; instruments.len()],
            funded: None,
            leverage: vec![(1, MarginMode::Cross); instruments.len()],
            said: VecDeque::new(),
        })
    }

    /// Pays the funding of every full hour that has begun since the last look, at the latest rate known.
    fn fund(&mut self, now: Timestamp) {
        let hour = now.as_millis().div_euclid(FUNDING_INTERVAL_MS);
        let before = *self.funded.get_or_insert(hour);
        if hour <= before {
            return;
        }
        self.funded = Some(hour);
        // A process that slept over several hours pays for the last one: the rates of the others were never heard.
        let due = Timestamp::from_millis(hour * FUNDING_INTERVAL_MS);
        for (place, rate) in (0..).zip(&self.rates) {
            if let Some(rate) = rate {
                self.exchange.fund(InstrumentId::new(place), due, *rate);
            }
        }
    }
}

impl Venue for Paper {
    fn ask(&mut self, now: Timestamp, request: Request) {
        match request {
            Request::Send(batch) => {
                for command in batch.commands {
                    if let calypte_kernel::Command::SetLeverage { instrument, leverage, mode, .. } = command.get()
                        && let Some(held) = self.leverage.get_mut(instrument.get() as usize)
                    {
                        *held = (*leverage, *mode);
                    }
                    self.exchange.submit(now, command);
                }
            }
            Request::Resolve(resolve) => self.exchange.resolve(now, resolve),
            Request::ResolveLeverage(instrument) => {
                if let Some((leverage, mode)) = self.leverage.get(instrument.get() as usize).copied() {
                    self.said.push_back(VenueEvent::LeverageSet { instrument, leverage, mode, as_of: now });
                }
            }
            // An account on paper is what the core says: there is nobody to differ with.
            Request::Reconcile(_) => {}
        }
    }

    fn market(&mut self, now: Timestamp, event: &MarketEvent) {
        self.fund(now);
        let tick = match event {
            MarketEvent::Trade(trade) => Tick::Trade(*trade),
            MarketEvent::Quote(quote) => Tick::Quote(*quote),
            MarketEvent::Book(book) => Tick::Book(book.clone()),
            MarketEvent::Context(context) => {
                if let Some(rate) = self.rates.get_mut(context.instrument.get() as usize) {
                    *rate = context.funding_rate;
                }
                return;
            }
            MarketEvent::Candle { .. } | MarketEvent::Feed { .. } => return,
        };
        self.exchange.tick(now, &tick);
    }

    fn poll(&mut self) -> Option<VenueEvent> {
        self.said.pop_front().or_else(|| self.exchange.poll())
    }
}

//! What happens around the core: time, the market, the operator, the connection.

use super::World;
use super::settings::deployment;
use crate::seeded::exchange::{INSTRUMENTS, instrument};
use crate::seeded::invariants::Violation;
use crate::seeded::trader::STRATEGIES;
use crate::seeded::wires::Request;
use calypte_kernel::*;

impl World {
    /// Time passes; the shell wakes the core where it wants that.
    pub(super) fn pass_time(&mut self) -> Result<(), Violation> {
        let by = self.random.pick(&[1, 10, 10, 100, 100, 100, 1_000, 1_000, 1_000, 12_000]);
        self.now = self.now.saturating_add(self.random.below(by) + 1);
        self.exchange.at(self.now);
        self.wake()
    }

    pub(super) fn wake(&mut self) -> Result<(), Violation> {
        if self.core.next_wake().is_some_and(|due| due <= self.now) {
            self.handle(Input::Wake)?;
        }
        Ok(())
    }

    pub(super) fn market(&mut self) -> Result<(), Violation> {
        let place = self.random.place(INSTRUMENTS);
        let price = self.exchange.move_price(place, &mut self.random);
        let (id, time) = (instrument(place), self.now);
        let size = Size::new(Decimal::ONE).expect("positive");
        let event = match self.random.below(10) {
            0..6 => {
                let series = SeriesId::new(id.get());
                let (open, high, low, close) = (price, price, price, price);
                let candle = Candle { open_time: time, open, high, low, close, volume: Decimal::ONE };
                MarketEvent::Candle { series, candle }
            }
            6..8 => MarketEvent::Trade(Trade { instrument: id, time, price, size, taker: Side::Buy }),
            8 => {
                let level = Level { price, size };
                if self.random.chance(50) {
                    MarketEvent::Quote(Quote { instrument: id, time, bid: level, ask: level })
                } else {
                    MarketEvent::Book(Box::new(Book { instrument: id, time, bids: vec![level], asks: vec![level] }))
                }
            }
            _ => MarketEvent::Context(Box::new(Context {
                instrument: id,
                time,
                mark_price: price,
                oracle_price: None,
                funding_rate: None,
                open_interest: None,
            })),
        };
        self.handle(Input::Market(event))
    }

    /// Money and positions move without an order of ours.
    pub(super) fn elsewhere(&mut self) {
        let random = &mut self.random;
        match random.below(13) {
            0..4 => self.exchange.fund(random),
            4..6 => self.exchange.deposit(random),
            6..8 => self.exchange.report_any(random),
            8 => self.exchange.end_any(random),
            9..11 if self.profile.strangers => self.exchange.force(random),
            11..13 if self.profile.strangers => self.exchange.place_by_hand(random),
            _ => {}
        }
    }

    pub(super) fn operate(&mut self) -> Result<(), Violation> {
        let strategy = StrategyId::new(u32::try_from(self.random.below(u64::from(STRATEGIES))).expect("a few") + 1);
        let resting = self
            .core
            .strategies()
            .find(|one| !matches!(one.state(), StrategyState::WarmingUp | StrategyState::Running | StrategyState::Stopping));
        if let (Some(resting), true) = (resting.map(StrategyView::id), self.random.chance(70)) {
            return self.handle(Input::Start(resting));
        }
        let input = match self.random.below(100) {
            0..30 => Input::Start(strategy),
            30..45 => Input::Stop { strategy, reason: StopReason::Operator },
            45..60 => Input::Params { strategy, parameters: [].into() },
            60..80 => Input::Upgrade(Box::new(deployment(strategy.get(), 1, self.profile))),
            80..92 => Input::Checkpoint,
            92..96 => Input::Deploy(Box::new(deployment(strategy.get(), 2, self.profile))),
            96..98 => Input::Stop { strategy: StrategyId::new(99), reason: StopReason::Operator },
            _ => Input::Shutdown { deadline: self.now.saturating_add(self.random.below(5_000)) },
        };
        self.handle(input)
    }

    /// The shell asks again for what it did not get.
    pub(super) fn ask(&mut self) {
        if self.reconciling && self.connected {
            self.send(Request::Reconcile);
        }
    }

    pub(super) fn cut(&mut self) -> Result<(), Violation> {
        if !self.connected {
            return Ok(());
        }
        let weather = self.weather();
        self.wires.cut(weather, &mut self.random);
        self.connected = false;
        self.reconciling = false;
        self.handle(Input::Market(MarketEvent::Feed { feed: Feed::Connection, change: FeedChange::Lost }))
    }

    pub(super) fn restore(&mut self) -> Result<(), Violation> {
        if self.connected {
            return Ok(());
        }
        self.connected = true;
        self.handle(Input::Market(MarketEvent::Feed { feed: Feed::Connection, change: FeedChange::Recovered }))
    }
}

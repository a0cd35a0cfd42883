//! Strategies that know no reason: on each tick, what they ask for is drawn. Each trades an instrument of its own.

use super::random::Random;
use calypte_kernel::{
    Answer, Decimal, Deliver, Event, Hook, InstrumentId, Intent, MarginMode, OrderRef, PlaceOrder, Rounding, Rules, Side,
    StrategyId, Subscription, TimeInForce, TriggerKind, Wanted, WantedKind,
};

/// The instrument of a strategy; strategies are numbered from 1.
pub(crate) const fn own(strategy: StrategyId) -> InstrumentId {
    InstrumentId::new(strategy.get() - 1)
}

/// What a strategy goes by.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Market {
    /// The middle of the book, as last heard.
    pub(crate) middle: Decimal,
    /// The grid.
    pub(crate) rules: Rules,
}

/// What a strategy does with a hook. Without a market it wants nothing.
pub(crate) fn answer(deliver: &Deliver, market: Option<Market>, random: &mut Random) -> Answer {
    match &deliver.hook {
        Hook::Init(_) => Answer::Subscriptions(vec![Subscription::Quotes(own(deliver.strategy))]),
        Hook::Params(_) => Answer::Accepted,
        Hook::Save => Answer::Saved(Vec::new()),
        Hook::Event(Event::Timer(_)) if random.chance(70) => {
            let Some(market) = market else { return Answer::Intents(Vec::new()) };
            let mut draw = Draw { deliver, market, random };
            let count = draw.random.pick(&[1, 1, 1, 2, 3]);
            Answer::Intents((0..count).filter_map(|_| draw.intent()).collect())
        }
        Hook::Event(_) | Hook::Stop(_) => Answer::Intents(Vec::new()),
    }
}

struct Draw<'a> {
    deliver: &'a Deliver,
    market: Market,
    random: &'a mut Random,
}

impl Draw<'_> {
    fn instrument(&self) -> InstrumentId {
        own(self.deliver.strategy)
    }

    /// Worth some dozens to some hundreds of dollars.
    fn size(&mut self) -> Option<Wanted> {
        let worth = Decimal::from(self.random.between(15, 600));
        let size = self.market.rules.round_size(worth.checked_div(self.market.middle)?, Rounding::Up);
        Wanted::try_from(size).ok()
    }

    /// So many parts of ten thousand away from the middle.
    fn price(&mut self, away: i64) -> Option<Wanted> {
        let part = Decimal::new(10_000 + away, 4);
        let price = self.market.rules.round_price(self.market.middle.checked_mul(part)?, Rounding::Nearest)?;
        Wanted::try_from(price).ok()
    }

    fn order(&mut self) -> Option<OrderRef> {
        let orders = &self.deliver.views.account.orders;
        let place = usize::try_from(self.random.below(orders.len() as u64)).ok()?;
        orders.get(place).map(|order| OrderRef::Id(order.id))
    }

    fn intent(&mut self) -> Option<Intent> {
        let instrument = self.instrument();
        // Who has nothing open has nothing to change.
        let most = if self.deliver.views.account.orders.is_empty() { 62 } else { 100 };
        Some(match self.random.below(most) {
            0..48 => Intent::Place(Box::new(self.new_order()?)),
            48..52 => Intent::ClosePosition(instrument),
            52..58 => {
                let size = self.size()?;
                let size = if self.random.chance(50) { size } else { Wanted { mantissa: -size.mantissa, ..size } };
                Intent::SetTarget { instrument, size, tag: None }
            }
            58..60 => {
                let leverage = self.random.pick(&[3, 5, 10]);
                Intent::SetLeverage { instrument, leverage, mode: MarginMode::Cross }
            }
            60..62 => Intent::CancelAll(Some(instrument)),
            62..80 => {
                let away = self.random.between(-60, 60);
                let price = if self.random.chance(70) { self.price(away) } else { None };
                let size = if price.is_none() || self.random.chance(30) { self.size() } else { None };
                Intent::Amend { order: self.order()?, price, size, trigger_price: None }
            }
            _ => Intent::Cancel(self.order()?),
        })
    }

    fn new_order(&mut self) -> Option<PlaceOrder> {
        let side = self.random.pick(&[Side::Buy, Side::Sell]);
        let behind = if side == Side::Buy { -1 } else { 1 };
        let kind = match self.random.below(10) {
            0..2 => WantedKind::Market,
            // Near enough that some fill, and some would trade at once.
            2..8 => {
                let time_in_force = self.random.pick(&[TimeInForce::Gtc, TimeInForce::Gtc, TimeInForce::Alo, TimeInForce::Ioc]);
                let away = behind * self.random.between(-4, 40);
                WantedKind::Limit { price: self.price(away)?, time_in_force }
            }
            8 => WantedKind::Limit { price: self.price(behind * 500)?, time_in_force: TimeInForce::Gtc },
            _ => {
                let away = -behind * self.random.between(5, 60);
                let kind = TriggerKind::Stop;
                WantedKind::Trigger { kind, trigger_price: self.price(away)?, limit_price: None }
            }
        };
        let exits = self.random.chance(12);
        let (take_profit, stop_loss) = if exits { (self.price(-behind * 80), self.price(behind * 80)) } else { (None, None) };
        let reduce_only = !exits && self.random.chance(12);
        let size = self.size()?;
        Some(PlaceOrder { instrument: self.instrument(), side, size, kind, reduce_only, tag: None, take_profit, stop_loss })
    }
}

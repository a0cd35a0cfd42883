//! Strategies that know no reason: what a hook answers is drawn.

use super::exchange::{INSTRUMENTS, instrument};
use super::plan::Profile;
use super::random::Random;
use calypte_kernel::{
    Answer, Decimal, Deliver, Effects, Event, EventNumber, Fault, FaultKind, Hook, Intent, Order, OrderRef, OrderTag,
    PlaceOrder, SeriesId, Side, StrategyId, Subscription, TimeInForce, TimerId, TriggerKind, Urgency, Wanted, WantedKind,
};

/// How many strategies there are, numbered from 1.
pub(crate) const STRATEGIES: u32 = 3;

/// Numbers that make no sense.
const HOSTILE: [Wanted; 8] = [
    Wanted { mantissa: i64::MAX, scale: 0 },
    Wanted { mantissa: i64::MIN, scale: 0 },
    Wanted { mantissa: i64::MAX, scale: 2 },
    Wanted { mantissa: 0, scale: 0 },
    Wanted { mantissa: -1, scale: 2 },
    Wanted { mantissa: 1, scale: 28 },
    Wanted { mantissa: 1, scale: 255 },
    Wanted { mantissa: 100_000_000_000_000, scale: 2 },
];

/// What a strategy does with a hook.
pub(crate) fn answer(deliver: &Deliver, prices: &[Decimal; INSTRUMENTS], profile: Profile, random: &mut Random) -> Answer {
    if random.below(1000) < profile.faults * 3 {
        return fault(deliver.number);
    }
    match &deliver.hook {
        Hook::Init(_) if random.chance(3) => Answer::Refused("not today".to_owned()),
        Hook::Init(_) => Answer::Subscriptions(subscriptions(random)),
        Hook::Params(_) if random.chance(30) => Answer::Refused("rather not".to_owned()),
        Hook::Params(_) => Answer::Accepted,
        Hook::Save => Answer::Saved(random.next().to_le_bytes().to_vec()),
        Hook::Event(_) | Hook::Stop(_) => {
            // Each intent comes back as an event or more: whoever answers those with as many never ends.
            let is_echo = matches!(deliver.hook, Hook::Event(Event::Order(_) | Event::Position(_)));
            let count = if is_echo { random.pick(&[0, 0, 0, 0, 0, 1]) } else { random.pick(&[0, 1, 1, 1, 2, 3]) };
            let count = if random.chance(1) { 10 } else { count };
            let draw = &mut Draw { deliver, prices, profile, random };
            Answer::Intents((0..count).map(|_| draw.intent()).collect())
        }
    }
}

/// What a strategy answers that wants nothing.
pub(crate) fn calm(deliver: &Deliver) -> Answer {
    match &deliver.hook {
        Hook::Init(_) => Answer::Subscriptions(Vec::new()),
        Hook::Params(_) => Answer::Accepted,
        Hook::Save => Answer::Saved(Vec::new()),
        Hook::Event(_) | Hook::Stop(_) => Answer::Intents(Vec::new()),
    }
}

/// What it does besides.
pub(crate) fn effects(random: &mut Random) -> Option<Box<Effects>> {
    random.chance(10).then(|| {
        let key = random.pick(&["a", "b", "c"]).to_owned();
        let value = random.chance(80).then(|| random.next().to_le_bytes().to_vec());
        Box::new(Effects { state: vec![(key, value)], ..Effects::default() })
    })
}

fn fault(event: EventNumber) -> Answer {
    let (function, detail) = ("on-event".to_owned(), "unreachable".to_owned());
    Answer::Fault(Box::new(Fault { kind: FaultKind::Trap, function, event, fuel: 1, detail }))
}

fn subscriptions(random: &mut Random) -> Vec<Subscription> {
    let mut wanted = Vec::new();
    for place in 0..INSTRUMENTS {
        let series = SeriesId::new(u32::try_from(place).expect("a few"));
        if random.chance(60) {
            wanted.push(Subscription::Candles { series, warm_up: random.pick(&[0, 0, 2]) });
        }
        if random.chance(40) {
            wanted.push(Subscription::Trades(instrument(place)));
        }
        if random.chance(20) {
            wanted.push(Subscription::Quotes(instrument(place)));
        }
    }
    wanted
}

struct Draw<'a> {
    deliver: &'a Deliver,
    prices: &'a [Decimal; INSTRUMENTS],
    profile: Profile,
    random: &'a mut Random,
}

impl Draw<'_> {
    /// The instrument it trades now.
    fn place(&mut self) -> usize {
        if self.profile.own_instruments {
            return own_instrument(self.deliver.strategy);
        }
        self.random.place(INSTRUMENTS)
    }

    fn number(&mut self, sensible: Decimal) -> Wanted {
        if self.random.chance(self.profile.hostile) {
            return self.random.pick(&HOSTILE);
        }
        Wanted::try_from(sensible).expect("few digits")
    }

    fn size(&mut self) -> Wanted {
        let size = Decimal::new(i64::try_from(self.random.below(300)).expect("small") + 1, 2);
        self.number(size)
    }

    fn price(&mut self, place: usize) -> Wanted {
        let by = Decimal::new(i64::try_from(self.random.below(101)).expect("small") - 50, 1);
        let price = (self.prices[place] + by).max(Decimal::new(1, 1));
        self.number(price)
    }

    fn side(&mut self) -> Side {
        self.random.pick(&[Side::Buy, Side::Sell])
    }

    fn tag(&mut self) -> Option<OrderTag> {
        self.random.chance(20).then(|| OrderTag::new(self.random.below(20)))
    }

    /// One of its open orders, mostly; of its own instrument where each has one.
    fn order(&mut self) -> OrderRef {
        let orders: &[Order] = &self.deliver.views.account.orders;
        if orders.is_empty() || self.random.chance(3) {
            return OrderRef::Tag(OrderTag::new(self.random.below(20)));
        }
        OrderRef::Id(orders[self.random.place(orders.len())].id)
    }

    fn intent(&mut self) -> Intent {
        // Who has nothing to change orders anew.
        let nothing_open = self.deliver.views.account.orders.is_empty() && !self.random.chance(5);
        match self.random.below(if nothing_open { 40 } else { 100 }) {
            0..40 => Intent::Place(Box::new(self.new_order())),
            40..52 => self.amend(),
            52..70 => Intent::Cancel(self.order()),
            70..73 => Intent::CancelAll(self.random.chance(50).then(|| instrument(self.place()))),
            73..80 => Intent::ClosePosition(instrument(self.place())),
            80..88 => {
                let place = self.place();
                let target = Decimal::new(i64::try_from(self.random.below(600)).expect("small") - 300, 2);
                Intent::SetTarget { instrument: instrument(place), size: self.number(target), tag: self.tag() }
            }
            88..91 => {
                let leverage = self.random.pick(&[0, 1, 5, 1000]);
                let mode = self.random.pick(&[calypte_kernel::MarginMode::Cross, calypte_kernel::MarginMode::Isolated]);
                Intent::SetLeverage { instrument: instrument(self.place()), leverage, mode }
            }
            91..95 => {
                let timer = TimerId::new(self.random.pick(&[1, 2, 3]));
                let at = self.deliver.views.now.saturating_add(self.random.below(5000));
                Intent::SetTimer { timer, at, every_ms: self.random.chance(20).then(|| 50 + self.random.below(5000)) }
            }
            95..97 => Intent::ClearTimer(TimerId::new(self.random.pick(&[1, 2, 3]))),
            _ => Intent::Notify { urgency: Urgency::Info, text: format!("{:x}", self.random.next()) },
        }
    }

    fn amend(&mut self) -> Intent {
        let place = self.place();
        let order = self.order();
        let price = self.random.chance(60).then(|| self.price(place));
        let size = self.random.chance(50).then(|| self.size());
        let trigger_price = self.random.chance(10).then(|| self.price(place));
        Intent::Amend { order, price, size, trigger_price }
    }

    fn new_order(&mut self) -> PlaceOrder {
        let place = self.place();
        let price = self.price(place);
        let kind = match self.random.below(10) {
            0..3 => WantedKind::Market,
            3..8 => {
                let time_in_force = self.random.pick(&[TimeInForce::Gtc, TimeInForce::Gtc, TimeInForce::Ioc, TimeInForce::Alo]);
                WantedKind::Limit { price, time_in_force }
            }
            8 if self.random.chance(30) => WantedKind::TrailingStop { distance: self.price(place) },
            _ => {
                let kind = self.random.pick(&[TriggerKind::Stop, TriggerKind::TakeProfit]);
                let limit_price = self.random.chance(30).then(|| self.price(place));
                WantedKind::Trigger { kind, trigger_price: price, limit_price }
            }
        };
        let exits = self.random.chance(10);
        PlaceOrder {
            instrument: instrument(place),
            side: self.side(),
            size: self.size(),
            kind,
            reduce_only: self.random.chance(15),
            tag: self.tag(),
            take_profit: exits.then(|| self.price(place)),
            stop_loss: (exits && self.random.chance(70)).then(|| self.price(place)),
        }
    }
}

/// The instrument of a strategy, where each has one.
pub(crate) fn own_instrument(strategy: StrategyId) -> usize {
    (strategy.get() as usize).saturating_sub(1) % INSTRUMENTS
}

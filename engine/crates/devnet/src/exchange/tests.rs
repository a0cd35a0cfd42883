//! Tests of the whole exchange, through what it is told and what it tells.

mod groups;
mod hostile;
mod margins;
mod market;
mod orders;

use super::orders::Stage;
use super::*;
use calypte_kernel::MarginTier;
use calypte_venues::hyperliquid::protocol::{Cloid, Grouping, Number, OrderTypeWire, OrderUpdate, PlaceWire, Tif, TpSl};

/// The time at which the exchanges of tests open: an hour and a bit past midnight.
const START: u64 = 1_700_000_000_000;
const ANN: Address = Address::from_bytes([1; 20]);
const BEN: Address = Address::from_bytes([2; 20]);
const CAT: Address = Address::from_bytes([3; 20]);

fn number(text: &str) -> Decimal {
    text.parse().expect(text)
}

fn time(millis_from_start: u64) -> Millis {
    millis(START + millis_from_start)
}

/// One coin, KO, at 100 with leverage 20 and sizes of two decimals, and one that takes isolated margin only.
fn settings() -> Settings {
    let tiers = |most| vec![MarginTier { notional_from: Decimal::ZERO, max_leverage: most }];
    let coin = Coin {
        name: "KO".to_owned(),
        sz_decimals: 2,
        tiers: tiers(20),
        only_isolated: false,
        start_price: Decimal::ONE_HUNDRED,
        volatility_ppm: 1_000,
    };
    let alone = Coin { name: "ALONE".to_owned(), tiers: tiers(5), only_isolated: true, ..coin.clone() };
    Settings {
        universe: vec![coin, alone],
        liquidity: Liquidity::NONE,
        deposits: [ANN, BEN, CAT].map(|user| (user, Decimal::from(10_000))).to_vec(),
        history_minutes: 0,
        ..Settings::new(7, millis(START))
    }
}

/// The same where KO's price is told: from a second on.
fn settings_with_prices(points: &[(u64, &str)]) -> Settings {
    let points = points.iter().map(|(second, price)| PricePoint { time: time(second * 1_000), price: number(price) });
    let still = vec![PricePoint { time: millis(START - 1), price: Decimal::ONE_HUNDRED }];
    Settings { prices: Prices::Recorded(vec![points.collect(), still]), ..settings() }
}

/// An exchange in the middle of a test.
struct World {
    exchange: Exchange,
    /// What was told since it was last looked at.
    told: Vec<Event>,
}

impl World {
    fn new() -> Self {
        let still = settings_with_prices(&[(0, "100")]);
        Self::of(still)
    }

    fn of(settings: Settings) -> Self {
        let mut world = Self { exchange: Exchange::new(settings).expect("settings"), told: Vec::new() };
        world.drain();
        world.told.clear();
        world
    }

    fn drain(&mut self) {
        self.told.extend(std::iter::from_fn(|| self.exchange.poll()));
    }

    fn advance(&mut self, millis_from_start: u64) {
        while self.exchange.now() < time(millis_from_start) {
            self.exchange.advance(time(millis_from_start));
            self.drain();
        }
    }

    fn act(&mut self, user: Address, action: &Action) -> Answer {
        let answer = self.exchange.act(user, action, None);
        self.drain();
        answer
    }

    /// Places orders and gives what was answered to each, as text.
    fn place_as(&mut self, user: Address, grouping: Grouping, orders: Vec<PlaceWire>) -> Vec<String> {
        shown(&self.act(user, &Action::Order { orders, grouping, builder: None }))
    }

    fn place(&mut self, user: Address, order: PlaceWire) -> String {
        self.place_as(user, Grouping::Na, vec![order]).remove(0)
    }

    /// The number of an account's newest order.
    fn newest(&self, user: Address) -> u64 {
        let orders = self.exchange.historical_orders(user);
        orders.iter().map(|update| update.order.oid).max().expect("an order")
    }

    /// What was told of an account's orders since the last time, one text for each frame.
    fn updates(&mut self, user: Address) -> Vec<String> {
        let told = std::mem::take(&mut self.told);
        let frames = told.iter().filter_map(|event| match event {
            Event::OrderUpdates { user: whose, updates } if *whose == user => Some(updates),
            _ => None,
        });
        let frames: Vec<String> = frames.map(|frame| frame.iter().map(update).collect::<Vec<_>>().join(", ")).collect();
        self.told = told;
        frames
    }

    fn forget(&mut self) {
        self.told.clear();
    }

    fn position(&self, user: Address, coin: &str) -> Decimal {
        let state = self.exchange.clearinghouse_state(user);
        let held = state.asset_positions.iter().find(|held| held.position.coin == coin);
        held.map_or(Decimal::ZERO, |held| held.position.szi.get())
    }

    /// Lets the market trade at a price: one account sells to another, and neither is left with an order.
    fn trade(&mut self, buyer: Address, seller: Address, price: &str, size: &str) {
        assert!(self.place(seller, limit(false, price, size, Tif::Gtc)).contains("resting"));
        let taken = self.place(buyer, limit(true, price, size, Tif::Ioc));
        assert!(taken.contains("filled"), "{taken}");
        self.forget();
    }

    /// Nothing was made or lost: all money there is was paid in.
    fn audit(&self, paid_in: Decimal) {
        let mut sum = self.exchange.collected;
        let mut sizes = vec![Decimal::ZERO; self.exchange.markets.len()];
        let mut longs = sizes.clone();
        for account in self.exchange.accounts.values() {
            sum += account.cash;
            for (coin, position) in &account.positions {
                sum += position.isolated.unwrap_or_default();
                sizes[*coin] += position.size;
                longs[*coin] += position.size.max(Decimal::ZERO);
                assert!(!position.size.is_zero(), "a position of nothing");
            }
        }
        assert_eq!(sum, paid_in, "money");
        assert!(sizes.iter().all(Decimal::is_zero), "sizes {sizes:?}");
        for (market, longs) in self.exchange.markets.iter().zip(longs) {
            assert_eq!(market.open_interest, longs, "open interest");
        }
        self.audit_orders();
    }

    /// Books, open orders and positions agree with one another.
    fn audit_orders(&self) {
        let exchange = &self.exchange;
        for (coin, market) in exchange.markets.iter().enumerate() {
            let (bid, ask) = (market.book.best(calypte_kernel::Side::Buy), market.book.best(calypte_kernel::Side::Sell));
            assert!(bid.zip(ask).is_none_or(|(bid, ask)| bid < ask), "crossed");
            for side in [calypte_kernel::Side::Buy, calypte_kernel::Side::Sell] {
                for resting in market.book.orders(side).filter(|resting| !is_house(resting.owner)) {
                    let live = exchange.orders.get(resting.id).expect("what rests is live");
                    assert_eq!((live.user, live.coin, live.size), (resting.owner, coin, resting.size.get()));
                }
            }
        }
        for (user, account) in &exchange.accounts {
            for oid in &account.open {
                let order = exchange.orders.get(*oid).expect("what is open is live");
                let market = &exchange.markets[order.coin];
                assert_eq!(order.user, *user);
                match order.stage {
                    Stage::Book => assert!(market.book.get(*oid).is_some(), "an order in the book"),
                    Stage::Trigger => assert!(market.triggers.contains(oid), "an order that waits"),
                    Stage::Parent => panic!("what waits for a parent is not open"),
                }
                let position = account.size_of(order.coin);
                if order.reduce_only && order.stage == Stage::Book {
                    assert!(order.size <= position.abs(), "a reduce-only order beyond its position");
                }
            }
        }
    }
}

fn shown(answer: &Answer) -> Vec<String> {
    match answer {
        Answer::Err(words) => vec![words.clone()],
        Answer::Ok(response) => match &response.data {
            None => vec![response.kind.clone()],
            Some(data) => data.statuses.iter().map(|status| serde_json::to_string(status).expect("text")).collect(),
        },
    }
}

fn update(update: &OrderUpdate) -> String {
    let order = &update.order;
    format!(
        "{} {} of {} at {}: {}",
        order.oid % 1_000,
        order.sz,
        order.orig_sz.unwrap_or_default(),
        order.limit_px,
        update.status
    )
}

fn cloid(name: u8) -> Cloid {
    serde_json::from_str(&format!("\"0x{name:032x}\"")).expect("a name")
}

fn limit(is_buy: bool, price: &str, size: &str, tif: Tif) -> PlaceWire {
    PlaceWire {
        asset: 0,
        is_buy,
        price: Number::new(number(price)),
        size: Number::new(number(size)),
        reduce_only: false,
        kind: OrderTypeWire::Limit { tif },
        cloid: None,
    }
}

fn closing(order: PlaceWire) -> PlaceWire {
    PlaceWire { reduce_only: true, ..order }
}

fn trigger(is_buy: bool, trigger_price: &str, size: &str, tpsl: TpSl) -> PlaceWire {
    // Market triggers with a worst price a tenth away.
    let away = if is_buy { Decimal::new(11, 1) } else { Decimal::new(9, 1) };
    let trigger_px = Number::new(number(trigger_price));
    PlaceWire {
        price: Number::new(number(trigger_price) * away),
        kind: OrderTypeWire::Trigger { is_market: true, trigger_px, tpsl },
        ..closing(limit(is_buy, "1", size, Tif::Gtc))
    }
}

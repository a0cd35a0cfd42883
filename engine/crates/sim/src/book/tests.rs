//! The book against a naive one: a list in order of arrival that is searched from the start each time.

use super::*;
use proptest::prelude::*;

fn price(value: i64) -> Price {
    Price::new(value.into()).expect("positive")
}

fn size(value: i64) -> Size {
    Size::new(value.into()).expect("positive")
}

fn order(id: u64, owner: u8, side: Side, at: i64, of: i64, time_in_force: TimeInForce) -> Incoming<u8> {
    Incoming { id, owner, side, price: price(at), size: size(of), time_in_force }
}

const GTC: TimeInForce = TimeInForce::Gtc;

#[test]
fn the_best_price_comes_first_and_then_whoever_was_first() {
    let mut book = OrderBook::new();
    for (id, at) in [(1, 101), (2, 100), (3, 100)] {
        book.place(order(id, 1, Side::Sell, at, 5, GTC)).expect("room");
    }
    let placed = book.place(order(4, 2, Side::Buy, 101, 12, GTC)).expect("room");
    let trades = placed.steps.iter().map(|step| match step {
        Step::Traded(trade) => (trade.maker.id, trade.maker.price.get(), trade.size.get()),
        Step::SelfCancelled(_) => panic!("nobody trades with itself"),
    });
    let number = Decimal::from;
    assert_eq!(
        trades.collect::<Vec<_>>(),
        [(2, number(100), number(5)), (3, number(100), number(5)), (1, number(101), number(2))]
    );
    assert_eq!(placed.rest, Rest::Filled);
    assert_eq!(book.levels(Side::Sell, 9), [BookLevel { price: price(101), size: number(3), orders: 1 }]);
}

#[test]
fn a_post_only_order_never_takes() {
    let mut book = OrderBook::new();
    book.place(order(1, 1, Side::Sell, 100, 5, GTC)).expect("room");
    assert_eq!(book.place(order(2, 2, Side::Buy, 100, 1, TimeInForce::Alo)), Err(BookError::WouldTrade));
    assert!(book.place(order(2, 2, Side::Buy, 99, 1, TimeInForce::Alo)).is_ok());
    // Replacing it by one that would trade leaves it as it was.
    assert_eq!(book.amend(2, order(3, 2, Side::Buy, 100, 1, TimeInForce::Alo)), Err(BookError::WouldTrade));
    assert_eq!(book.get(2).map(|order| order.price), Some(price(99)));
    // An order is not in the way of what takes its own place.
    assert_eq!(book.cancel(1).map(|order| order.id), Some(1));
    assert_eq!(
        book.amend(2, order(4, 2, Side::Sell, 98, 1, TimeInForce::Alo)).map(|placed| placed.rest),
        Ok(Rest::Resting(size(1)))
    );
}

#[test]
fn an_amended_order_comes_last_and_a_reduced_one_stays() {
    let mut book = OrderBook::new();
    for id in 1..=3 {
        book.place(order(id, 1, Side::Buy, 100, 5, GTC)).expect("room");
    }
    assert!(book.reduce(1, 2.into()));
    book.amend(2, order(9, 1, Side::Buy, 100, 5, GTC)).expect("room");
    assert_eq!(book.orders(Side::Buy).map(|order| order.id).collect::<Vec<_>>(), [1, 3, 9]);
    assert!(book.reduce(1, 3.into()) && !book.reduce(1, 1.into()), "nothing is left of it");
    assert_eq!(book.amend(1, order(10, 1, Side::Buy, 100, 5, GTC)), Err(BookError::Unknown));
}

#[test]
fn a_book_has_room_for_so_many() {
    let mut book = OrderBook::new();
    for id in 0..BOOK_ORDERS_MAX as u64 {
        book.place(order(id, 1, Side::Buy, 100, 1, GTC)).expect("room");
    }
    let next = BOOK_ORDERS_MAX as u64;
    assert_eq!(book.place(order(next, 1, Side::Buy, 100, 1, GTC)), Err(BookError::Full));
    assert!(book.amend(0, order(next, 1, Side::Buy, 99, 1, GTC)).is_ok(), "it takes the place of another");
    assert!(book.place(order(next + 1, 2, Side::Sell, 100, 1, TimeInForce::Ioc)).is_ok(), "it does not stay");
}

/// A book as nobody would build it: every order in one list, in order of arrival.
#[derive(Default)]
struct Naive {
    orders: Vec<Resting<u8>>,
}

impl Naive {
    fn best(&self, side: Side) -> Option<usize> {
        let of_side = self.orders.iter().enumerate().filter(|(_, order)| order.side == side);
        // The first of the best, since it came first.
        of_side
            .reduce(|best, other| if better(side, other.1.price, best.1.price) { other } else { best })
            .map(|(place, _)| place)
    }

    fn place(&mut self, mut order: Incoming<u8>) -> Result<Placed<u8>, BookError> {
        let meets = |naive: &Self, order: &Incoming<u8>| {
            let best = naive.best(order.side.opposite())?;
            (!better(order.side.opposite(), order.price, naive.orders[best].price)).then_some(best)
        };
        if order.time_in_force == TimeInForce::Alo && meets(self, &order).is_some() {
            return Err(BookError::WouldTrade);
        }
        let mut steps = Vec::new();
        while let Some(place) = meets(self, &order) {
            let maker = self.orders[place];
            if maker.owner == order.owner {
                steps.push(Step::SelfCancelled(self.orders.remove(place)));
                continue;
            }
            let size = maker.size.min(order.size);
            steps.push(Step::Traded(BookTrade { maker, size }));
            match Size::new(maker.size.get() - size.get()) {
                Ok(left) => self.orders[place].size = left,
                Err(_) => drop(self.orders.remove(place)),
            }
            match Size::new(order.size.get() - size.get()) {
                Ok(left) => order.size = left,
                Err(_) => return Ok(Placed { steps, rest: Rest::Filled }),
            }
        }
        let Incoming { id, owner, side, price, size, time_in_force } = order;
        if time_in_force == TimeInForce::Ioc {
            return Ok(Placed { steps, rest: Rest::Cancelled(size) });
        }
        self.orders.push(Resting { id, owner, side, price, size });
        Ok(Placed { steps, rest: Rest::Resting(size) })
    }

    fn side(&self, side: Side) -> Vec<Resting<u8>> {
        let mut orders: Vec<_> = self.orders.iter().filter(|order| order.side == side).copied().collect();
        orders.sort_by(|one, other| match side {
            Side::Buy => other.price.cmp(&one.price),
            Side::Sell => one.price.cmp(&other.price),
        });
        orders
    }
}

fn better(side: Side, one: Price, other: Price) -> bool {
    match side {
        Side::Buy => one > other,
        Side::Sell => one < other,
    }
}

/// Something that is done to a book.
#[derive(Debug, Clone)]
enum Deed {
    Place { owner: u8, side: Side, at: i64, of: i64, time_in_force: TimeInForce },
    Amend { which: prop::sample::Index, at: i64, of: i64, time_in_force: TimeInForce },
    Cancel(prop::sample::Index),
    Reduce(prop::sample::Index, i64),
}

fn deeds() -> impl Strategy<Value = Deed> {
    let side = || prop_oneof![Just(Side::Buy), Just(Side::Sell)];
    let force = || prop_oneof![Just(GTC), Just(GTC), Just(TimeInForce::Ioc), Just(TimeInForce::Alo)];
    prop_oneof![
        6 => (0_u8..4, side(), 90_i64..110, 1_i64..20, force())
            .prop_map(|(owner, side, at, of, time_in_force)| Deed::Place { owner, side, at, of, time_in_force }),
        2 => (any::<prop::sample::Index>(), 90_i64..110, 1_i64..20, force())
            .prop_map(|(which, at, of, time_in_force)| Deed::Amend { which, at, of, time_in_force }),
        1 => any::<prop::sample::Index>().prop_map(Deed::Cancel),
        1 => (any::<prop::sample::Index>(), 1_i64..10).prop_map(|(which, by)| Deed::Reduce(which, by)),
    ]
}

proptest! {
    #[test]
    fn it_does_what_the_naive_one_does(deeds in prop::collection::vec(deeds(), 1..200)) {
        let (mut book, mut naive) = (OrderBook::new(), Naive::default());
        for (id, deed) in (0..).zip(deeds) {
            let pick = |which: &prop::sample::Index, naive: &Naive| {
                (!naive.orders.is_empty()).then(|| naive.orders[which.index(naive.orders.len())])
            };
            match deed {
                Deed::Place { owner, side, at, of, time_in_force } => {
                    let order = order(id, owner, side, at, of, time_in_force);
                    prop_assert_eq!(book.place(order), naive.place(order));
                }
                Deed::Amend { which, at, of, time_in_force } => {
                    let Some(old) = pick(&which, &naive) else { continue };
                    let order = order(id, old.owner, old.side, at, of, time_in_force);
                    let before = naive.orders.clone();
                    naive.orders.retain(|standing| standing.id != old.id);
                    let expected = naive.place(order);
                    if expected.is_err() {
                        naive.orders = before;
                    }
                    prop_assert_eq!(book.amend(old.id, order), expected);
                }
                Deed::Cancel(which) => {
                    let Some(old) = pick(&which, &naive) else { continue };
                    naive.orders.retain(|standing| standing.id != old.id);
                    prop_assert_eq!(book.cancel(old.id), Some(old));
                    prop_assert_eq!(book.cancel(old.id), None);
                }
                Deed::Reduce(which, by) => {
                    let Some(old) = pick(&which, &naive) else { continue };
                    let place = naive.orders.iter().position(|standing| standing.id == old.id).expect("it stands there");
                    match Size::new(old.size.get() - Decimal::from(by)) {
                        Ok(left) => naive.orders[place].size = left,
                        Err(_) => drop(naive.orders.remove(place)),
                    }
                    prop_assert!(book.reduce(old.id, by.into()));
                }
            }
            for side in [Side::Buy, Side::Sell] {
                prop_assert_eq!(book.orders(side).copied().collect::<Vec<_>>(), naive.side(side));
            }
            prop_assert_eq!(book.len(), naive.orders.len());
            if let (Some(bid), Some(ask)) = (book.best(Side::Buy), book.best(Side::Sell)) {
                prop_assert!(bid < ask, "crossed");
            }
        }
    }
}

//! What each side has once all is quiet, and that it is the same.

use super::rig::{INSTRUMENTS, Rig};
use calypte_devnet::exchange::{Exchange, LongOrder};
use calypte_kernel::{ClientOrderId, Decimal, InstrumentId, Order, OrderOrigin, OrderState, Side, StrategyView, TradingCore};
use calypte_venues::hyperliquid::protocol::{self, Address, Millis};
use std::collections::{BTreeMap, BTreeSet};

/// How far sums of money may lie apart: the exchange counts in millionths, and where its word on the collateral replaced the core's,
/// averages of eight decimals went into the difference.
const ROUNDING_MAX: Decimal = Decimal::from_parts(1, 0, 0, false, 4);

/// An open order as it is compared: instrument, side, what is left; of one that only reduces nothing is said of that, since the
/// exchange cuts it to the position, and lets it grow again.
type Open = (u32, Side, Option<Decimal>);

/// What the exchange has.
#[derive(Debug)]
pub(crate) struct Truth {
    positions: Vec<Decimal>,
    /// Open orders, each with its name.
    pub(crate) open: Vec<(Option<ClientOrderId>, Open)>,
    /// Numbers of all orders there ever were of a name.
    made: BTreeMap<ClientOrderId, BTreeSet<u64>>,
    /// Fills with what each cost.
    pub(crate) fills: Vec<(Option<ClientOrderId>, Decimal)>,
    /// Payments of funding.
    pub(crate) fundings: u64,
    funding: Decimal,
    /// What there is without what positions are worth: what was paid in, and everything that flowed since.
    money: Decimal,
}

fn place_of(coin: &str) -> u32 {
    ["BTC", "ETH"].iter().position(|name| *name == coin).map_or(u32::MAX, |place| u32::try_from(place).expect("few"))
}

fn open(order: &LongOrder) -> Open {
    let side = if order.side == protocol::Side::B { Side::Buy } else { Side::Sell };
    (place_of(&order.coin), side, (!order.reduce_only).then_some(order.sz.get()))
}

/// Looks at the exchange.
pub(crate) fn truth(exchange: &Exchange, user: Address) -> Truth {
    let state = exchange.clearinghouse_state(user);
    let spot: Decimal = exchange.spot_state(user).balances.iter().map(|balance| balance.total.get()).sum();
    let mut positions = vec![Decimal::ZERO; INSTRUMENTS as usize];
    let mut money =
        spot + state.margin_summary.as_ref().and_then(|margin| margin.account_value).expect("it can be counted").get();
    for row in state.asset_positions.iter() {
        let (size, worth) = (row.position.szi.get(), row.position.position_value.expect("it is shown").get());
        positions[place_of(&row.position.coin) as usize] = size;
        money -= if size.is_sign_negative() { -worth } else { worth };
    }
    let mut made: BTreeMap<ClientOrderId, BTreeSet<u64>> = BTreeMap::new();
    let past = exchange.historical_orders(user);
    for order in past.iter().map(|update| &update.order) {
        for order in std::iter::once(order).chain(&order.children) {
            if let Some(cloid) = order.cloid {
                made.entry(cloid.0).or_default().insert(order.oid);
            }
        }
    }
    let payments = exchange.user_funding(user, Millis::default(), None);
    let open_orders = exchange.frontend_open_orders(user);
    Truth {
        positions,
        open: open_orders.iter().map(|order| (order.cloid.map(|cloid| cloid.0), open(order))).collect(),
        made,
        fills: exchange.fills(user).iter().map(|fill| (fill.cloid.map(|cloid| cloid.0), fill.fee.get())).collect(),
        fundings: payments.len() as u64,
        funding: payments.iter().map(|payment| payment.delta.usdc.get()).sum(),
        money,
    }
}

/// What does not hold, if anything does not.
pub(crate) fn compare(rig: &Rig, truth: &Truth) -> Result<(), String> {
    made_once(rig, truth)?;
    nothing_is_in_doubt(&rig.core)?;
    positions_agree(&rig.core, truth)?;
    orders_agree(&rig.core, truth)?;
    money_agrees(&rig.core, truth)
}

/// The exchange has each order at most once; each amend may have made it anew. Nothing is there that nobody sent.
fn made_once(rig: &Rig, truth: &Truth) -> Result<(), String> {
    let amends = |name: ClientOrderId| rig.amended.get(&name).copied().unwrap_or_default();
    for (name, numbers) in &truth.made {
        let origin = name.origin().ok_or_else(|| format!("{name} is no name of ours"))?;
        let parent = ClientOrderId::derive(OrderOrigin { leg: 0, ..origin }).filter(|parent| parent != name);
        let is_exit = parent.and_then(|parent| rig.placed.get(&parent)).is_some_and(|legs| origin.leg <= *legs);
        if !is_exit && !rig.placed.contains_key(name) {
            return Err(format!("{name} is at the exchange, and nobody sent it"));
        }
        // The exits of an order may be made anew with it.
        let amends = amends(*name) + parent.map_or(0, amends);
        if numbers.len() > 1 + amends {
            return Err(format!("{name} was made {} times, and amended {amends} times: {numbers:?}", numbers.len()));
        }
    }
    Ok(())
}

/// Of each order that was sent it is known what became of it.
fn nothing_is_in_doubt(core: &TradingCore) -> Result<(), String> {
    if !core.is_reconciled() {
        return Err("the account is not reconciled".to_owned());
    }
    let settled = |state: OrderState| matches!(state, OrderState::Open | OrderState::PartlyFilled);
    let mut states = core.strategies().flat_map(StrategyView::order_states);
    match states.find(|(_, state)| !settled(*state)) {
        Some((order, state)) => Err(format!("{order:?} is {state:?} still")),
        None => Ok(()),
    }
}

fn positions_agree(core: &TradingCore, truth: &Truth) -> Result<(), String> {
    let ours: Vec<Decimal> = (0..INSTRUMENTS).map(|id| core.size_held(InstrumentId::new(id))).collect();
    if ours == truth.positions { Ok(()) } else { Err(format!("held here {ours:?}, held there {:?}", truth.positions)) }
}

/// Both sides have the same orders open, and each has its name at the exchange.
fn orders_agree(core: &TradingCore, truth: &Truth) -> Result<(), String> {
    let orders = core.strategies().flat_map(StrategyView::orders);
    let left = |order: &Order| (!order.reduce_only).then_some(order.remaining());
    let mut ours: Vec<Open> = orders.map(|order| (order.instrument.get(), order.side, left(order))).collect();
    let mut theirs: Vec<Open> = truth.open.iter().map(|(_, open)| *open).collect();
    ours.sort_unstable();
    theirs.sort_unstable();
    if ours == theirs && core.external_orders().next().is_none() {
        return Ok(());
    }
    let external: Vec<_> = core.external_orders().collect();
    let states: Vec<_> = core.strategies().flat_map(StrategyView::order_states).collect();
    Err(format!("open here {states:?}, of others {external:?}; open there {:?}", truth.open))
}

/// The same money, and the same fees. Funding that no message told of is money all the same: the exchange's word on the collateral
/// holds it.
fn money_agrees(core: &TradingCore, truth: &Truth) -> Result<(), String> {
    let open: Decimal = core.positions().map(|(_, position)| position.flow()).sum();
    let (ours, fees) = (core.settled() + open, truth.fills.iter().map(|(_, fee)| *fee).sum::<Decimal>());
    if (ours - truth.money).abs() > ROUNDING_MAX || core.fees_paid() != fees {
        let (paid, funding) = (core.fees_paid(), core.funding_received());
        return Err(format!(
            "money here {ours}, there {}; fees {paid} and {fees}; funding {funding} and {}",
            truth.money, truth.funding
        ));
    }
    Ok(())
}

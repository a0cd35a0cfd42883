//! What must hold of margin and of kill switches.

use super::{Invariant, Violation, hold};
use crate::seeded::exchange::{INSTRUMENTS, instrument};
use calypte_kernel::{
    ClientOrderId, Command, Decimal, InstrumentId, KillAction, KillScope, MarginView, NewOrder, OperatorCommand, OrderKind,
    OrderState, Position, Side, Size, StrategyId, StrategyView, TradingCore, TriggerKind,
};
use std::collections::{BTreeMap, BTreeSet};

/// Leverage that is reckoned with where the exchange did not say one.
pub(crate) const LEVERAGE_WHEN_UNKNOWN: u32 = 1;

/// Amends that were sent: while one is unanswered, an order may have any of the forms that were asked for.
#[derive(Debug, Default)]
pub(crate) struct Amends(BTreeMap<ClientOrderId, Vec<(Size, OrderKind)>>);

impl Amends {
    /// A command was sent.
    pub(crate) fn sent(&mut self, command: &Command) {
        if let Command::Amend { order, size, kind, .. } = command {
            self.0.entry(*order).or_default().push((*size, *kind));
        }
    }

    /// The forms that an order may have beside the one it is known to have.
    fn forms(&self, order: ClientOrderId, state: OrderState) -> &[(Size, OrderKind)] {
        use OrderState::{Open, PartlyFilled};
        let is_answered = matches!(state, Open | PartlyFilled);
        self.0.get(&order).filter(|_| !is_answered).map_or(&[], Vec::as_slice)
    }
}

/// Margin, worked out anew from what there is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Reckoned {
    /// Of what is held.
    held: Decimal,
    /// Of the worst that open orders could make of it, in the forms they are known to have.
    least: Decimal,
    /// The same in the largest forms that they may have.
    most: Decimal,
}

/// Everything together; none where a price is unknown.
fn reckoned(core: &TradingCore, amends: &Amends) -> Option<Reckoned> {
    let mut all = Reckoned::default();
    for strategy in core.strategies() {
        for place in 0..INSTRUMENTS {
            let of_one = reckoned_of(core, strategy, instrument(place), amends)?;
            all.held += of_one.held;
            all.least += of_one.least;
            all.most += of_one.most;
        }
    }
    Some(all)
}

fn reckoned_of(core: &TradingCore, strategy: StrategyView<'_>, instrument: InstrumentId, amends: &Amends) -> Option<Reckoned> {
    let mark = || core.mark_price(instrument).map(calypte_kernel::Price::get);
    let size = strategy.positions().find(|position| position.instrument() == instrument).map_or(Decimal::ZERO, Position::size);
    let now = if size.is_zero() { Decimal::ZERO } else { size * mark()? };
    // What fills of everything on one side would lead to, with orders of their known and of their largest forms.
    let (mut known, mut largest) = ([now, now], [now, now]);
    for (name, order, state) in strategy.named_orders() {
        if order.instrument != instrument || order.reduce_only {
            continue;
        }
        let notional =
            |size: Decimal, kind: OrderKind| Some((size - order.filled).max(Decimal::ZERO) * dearest(kind, order.side, mark)?);
        let own = notional(order.size.get(), order.kind)?;
        let mut any = own;
        for (size, kind) in amends.forms(name, state) {
            any = any.max(notional(size.get(), *kind)?);
        }
        let (side, sign) = if order.side == Side::Buy { (0, Decimal::ONE) } else { (1, -Decimal::ONE) };
        known[side] += sign * own;
        largest[side] += sign * any;
    }
    let leverage = core.leverage(instrument).map_or(LEVERAGE_WHEN_UNKNOWN, |(leverage, _)| leverage);
    let worst = |fills: [Decimal; 2]| now.abs().max(fills[0].abs()).max(fills[1].abs()) / Decimal::from(leverage);
    Some(Reckoned { held: now.abs() / Decimal::from(leverage), least: worst(known), most: worst(largest) })
}

/// The highest price that an order could trade at from where the market is.
fn dearest(kind: OrderKind, side: Side, mark: impl Fn() -> Option<Decimal>) -> Option<Decimal> {
    Some(match (side, kind) {
        (_, OrderKind::Market | OrderKind::TrailingStop { .. }) => mark()?,
        // A buyer's limit is a ceiling, a seller's a floor.
        (Side::Buy, OrderKind::Limit { price, .. } | OrderKind::Trigger { limit_price: Some(price), .. }) => price.get(),
        (Side::Sell, OrderKind::Limit { price, .. }) => mark()?.max(price.get()),
        // One that waits for a rise may be past it.
        (Side::Buy, OrderKind::Trigger { kind: TriggerKind::Stop, trigger_price, .. }) => mark()?.max(trigger_price.get()),
        (Side::Buy, OrderKind::Trigger { kind: TriggerKind::TakeProfit, trigger_price, .. }) => trigger_price.get(),
        (Side::Sell, OrderKind::Trigger { kind, trigger_price, limit_price }) => {
            let floor = limit_price.unwrap_or(trigger_price).get().max(trigger_price.get());
            if kind == TriggerKind::TakeProfit { mark()?.max(floor) } else { floor }
        }
    })
}

/// What is reserved is what open orders could take at worst, to the last digit; where an amend is unanswered, at least what the
/// order takes as it is, and no more than in the largest form that was asked for. Nothing where nothing is open.
pub(crate) fn margin_is_reserved_for_what_is_open(
    core: &TradingCore,
    view: Option<MarginView>,
    amends: &Amends,
) -> Result<(), Violation> {
    let (Some(view), Some(reckoned)) = (view, reckoned(core, amends)) else { return Ok(()) };
    let opens = core.strategies().flat_map(StrategyView::orders).any(|order| !order.reduce_only);
    let (least, most) = (reckoned.least - reckoned.held, reckoned.most - reckoned.held);
    let fits = (least..=most).contains(&view.reserved) && (opens || view.reserved.is_zero());
    hold(fits && view.held == reckoned.held, Invariant::MarginReserved, || {
        format!("{reckoned:?} by what there is, and {view:?} by the core")
    })
}

/// An order that opens is covered by what the account is worth, or makes nothing worse than it was.
pub(crate) fn margin_covers(core: &TradingCore, before: Option<MarginView>, command: &Command) -> Result<(), Violation> {
    let after = core.margin();
    let opens = match command {
        Command::Place(new) => !new.reduce_only && !is_of_the_core(new) && !closes(core, new),
        Command::Amend { .. } => true,
        Command::Cancel { .. }
        | Command::CancelOutside { .. }
        | Command::SetLeverage { .. }
        | Command::ScheduleCancel { .. } => false,
    };
    let needed = |view: MarginView| view.held + view.reserved;
    let is_covered = after
        .is_some_and(|after| needed(after) <= after.equity || before.is_some_and(|before| needed(after) <= needed(before)));
    hold(!opens || is_covered, Invariant::MarginCovered, || {
        format!("{command:?} was sent; margin was {before:?} and is {after:?}")
    })
}

/// Whether the core sends an order by itself, to close.
fn is_of_the_core(new: &NewOrder) -> bool {
    new.client_id.origin().is_some_and(|origin| origin.leg > 2)
}

/// Whether an order takes away from what its strategy holds, and no more than that: where an instrument is shared, the exchange
/// cannot see that it reduces.
fn closes(core: &TradingCore, new: &NewOrder) -> bool {
    let strategy = new.client_id.origin().and_then(|origin| core.strategy(origin.strategy));
    let mut held = strategy.into_iter().flat_map(StrategyView::positions);
    let size = held.find(|position| position.instrument() == new.instrument).map_or(Decimal::ZERO, Position::size);
    let by = new.side.signed(new.size);
    by.is_sign_negative() != size.is_sign_negative() && by.abs() <= size.abs()
}

/// What the operator killed and did not arm again.
#[derive(Debug, Default)]
pub(crate) struct Switches {
    account: bool,
    strategies: BTreeSet<StrategyId>,
}

impl Switches {
    /// The operator says so.
    pub(crate) fn said(&mut self, core: &TradingCore, command: &OperatorCommand) {
        match *command {
            OperatorCommand::Kill { scope: KillScope::Account, .. } => self.account = true,
            OperatorCommand::Rearm { scope: KillScope::Account } => self.account = false,
            OperatorCommand::Kill { scope: KillScope::Strategy(strategy), .. } if core.strategy(strategy).is_some() => {
                self.strategies.insert(strategy);
            }
            OperatorCommand::Rearm { scope: KillScope::Strategy(strategy) } => {
                self.strategies.remove(&strategy);
            }
            _ => {}
        }
    }

    /// What was said last is lost: what the core knows is all there is.
    pub(crate) fn forget(&mut self, core: &TradingCore) {
        self.account &= core.killed().is_some();
        self.strategies.retain(|strategy| core.strategy(*strategy).is_some_and(|one| one.killed().is_some()));
    }

    /// A switch that fired stays so.
    pub(crate) fn stay(&self, core: &TradingCore) -> Result<(), Violation> {
        let stays = |strategy: &StrategyId| core.strategy(*strategy).is_some_and(|one| one.killed().is_some());
        let armed = self.strategies.iter().find(|strategy| !stays(strategy));
        let holds = (!self.account || core.killed().is_some()) && armed.is_none();
        hold(holds, Invariant::KillHolds, || format!("killed: {self:?}; of the account {:?}", core.killed()))
    }

    /// And nothing is sent that opens.
    pub(crate) fn nothing_opens(&self, core: &TradingCore, command: &Command) -> Result<(), Violation> {
        let Command::Place(new) = command else { return Ok(()) };
        let strategy = new.client_id.origin().map(|origin| origin.strategy);
        let killed = self.account || strategy.is_some_and(|strategy| self.strategies.contains(&strategy));
        hold(new.reduce_only || !killed || closes(core, new), Invariant::KillHolds, || {
            format!("{new:?} was sent, while {self:?} are killed")
        })
    }
}

/// Once all is quiet, and nothing is being closed any more, a kill switch has done what it was to do.
pub(crate) fn what_was_killed_is_closed(core: &TradingCore) -> Result<(), Violation> {
    let lot = Decimal::new(1, 2);
    core.strategies().filter(|strategy| !strategy.is_closing()).try_for_each(|strategy| {
        let actions = [core.killed(), strategy.killed()].into_iter().flatten().map(|killed| killed.action);
        let action = actions.max();
        let opens = strategy.orders().any(|order| !order.reduce_only);
        let any = strategy.orders().next().is_some();
        let holds = strategy.positions().any(|position| position.size().abs() >= lot);
        let done = match action {
            None | Some(KillAction::Pause) => true,
            Some(KillAction::ReduceOnly) => !opens,
            Some(KillAction::Cancel) => !any,
            Some(KillAction::Flatten) => !any && !holds,
        };
        hold(done, Invariant::KillHolds, || {
            let orders: Vec<_> = strategy.orders().collect();
            format!("{action:?} of strategy {} is done, and it holds {holds}, with the orders {orders:?}", strategy.id())
        })
    })
}

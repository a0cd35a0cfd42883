//! The tables of the format: what is to be done. Written only: no bytes become an approved order.

use super::tables::{encode_enum, encode_struct};
use super::wire::Encode;
use crate::{
    AccountFacts, AccountView, Answers, Approved, BalanceEvent, Batch, CandleEvent, Command, Deliver, Difference, DifferenceOf,
    Event, FeedEvent, FillView, FundingEvent, Hook, InitContext, Marks, NewOrder, Order, OrderChange, OrderEvent, Output,
    PositionCause, PositionEvent, PositionView, ReconcileCause, Resolve, StrategyState, TimerEvent, TimerSource, Views,
};

encode_struct!(NewOrder { client_id, instrument, side, size, kind, reduce_only, exits, expires_after });
encode_enum!(Command {
    0 = Place(order),
    1 = Amend { order, instrument, size, kind, expires_after },
    2 = Cancel { order, instrument, expires_after },
    3 = SetLeverage { instrument, leverage, mode, expires_after },
    5 = CancelOutside { venue_order, instrument, expires_after },
    4 = ScheduleCancel { at, expires_after },
});

impl Encode for Approved<Command> {
    fn encode(&self, to: &mut Vec<u8>) {
        self.get().encode(to);
    }
}

encode_struct!(Batch { event, commands });
encode_struct!(Resolve { order, instrument, repeat_until });

encode_struct!(Order { id, tag, instrument, side, size, filled, kind, reduce_only });
encode_struct!(PositionView { instrument, size, entry_price, flow, realized_pnl, leverage, margin_mode, liquidation_price });
encode_struct!(AccountView { settled, positions, orders, fees, margin_used });

impl Encode for Marks {
    fn encode(&self, to: &mut Vec<u8>) {
        self.as_slice().encode(to);
    }
}

encode_struct!(Views { now, account, marks });

encode_struct!(CandleEvent { series, warm_up, candle });
encode_enum!(PositionCause { 0 = Fill, 1 = Exchange, 2 = Liquidation, 3 = Settings });
encode_struct!(PositionEvent { time, now, mark, size_before, cause });
encode_struct!(FillView { trade_id, price, size, fee, maker, liquidation, remaining });
encode_enum!(OrderChange {
    0 = Accepted,
    1 = Denied(refusal),
    2 = Rejected(refusal),
    3 = PartiallyFilled(fill),
    4 = Filled(fill),
    5 = Cancelled(reason),
    6 = Expired,
    7 = Triggered,
    8 = Amended,
});
encode_struct!(Answers { decided_on, intent_index });
encode_struct!(OrderEvent { time, order, change, answers });
encode_struct!(FundingEvent { instrument, time, rate, payment });
encode_struct!(BalanceEvent { time, cash, change, cause });
encode_enum!(TimerSource { 0 = Timer(timer), 1 = Tick });
encode_struct!(TimerEvent { source, due, time });
encode_struct!(FeedEvent { time, feed, change });
encode_enum!(Event {
    0 = Candle(event),
    1 = Trade(trade),
    2 = Quote(quote),
    3 = Book(book),
    4 = Context(context),
    5 = Position(event),
    6 = Order(event),
    7 = Funding(event),
    8 = Balance(event),
    9 = Timer(event),
    10 = Feed(event),
});

encode_struct!(AccountFacts { cash, fees, live });
encode_struct!(InitContext { now, parameters, instruments, series, account, restored });
encode_enum!(Hook { 0 = Init(context), 1 = Event(event), 2 = Params(parameters), 3 = Stop(reason), 4 = Save });
encode_struct!(Deliver { strategy, number, hook, views });
encode_enum!(StrategyState {
    0 = Created,
    1 = WarmingUp,
    2 = Running,
    3 = Stopping,
    4 = Stopped,
    5 = Refused(words),
    6 = Faulted(fault),
});
encode_enum!(ReconcileCause { 0 = Start, 1 = Reconnected });
encode_enum!(DifferenceOf { 0 = Position(instrument), 1 = Cash, 2 = Filled(order) });
encode_struct!(Difference { time, of, ours, theirs });
encode_enum!(Output {
    0 = Deliver(deliver),
    1 = Send(batch),
    2 = Notify { strategy, urgency, text },
    3 = Lifecycle { strategy, state },
    4 = Denied { strategy, refusal },
    5 = Reconcile(cause),
    6 = Difference(difference),
    7 = Parameters { strategy, refused },
    8 = Saved { strategy, bytes },
    9 = RolledBack { strategy, why },
    10 = ShutDown { late },
    11 = Risk(event),
    12 = Resolve(question),
    13 = ResolveLeverage(instrument),
});

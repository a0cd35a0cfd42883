//! The tables of the format: settings, and everything that can happen to an account.

use super::tables::{wire_enum, wire_struct};
use super::wire::{Bytes, Decode, Encode, Malformed};
use crate::{
    AccountSnapshot, Answer, BalanceCause, Books, CoreSettings, Deployment, Effects, EventKind, Fault, FaultKind, FeeRates,
    Force, Holds, HookEnded, Input, Instrument, Intent, KnownEvents, Limits, LogLevel, LogLine, MarginTable, MarginTier,
    Netting, ParamValue, PlaceOrder, PositionReport, Refusal, RequestKind, RestartPolicy, Rules, SeriesInfo, Status,
    StopReason, Subscription, Urgency, VenueEvent, VenueFill, VenueOrder, WantedKind,
};

wire_struct!(FeeRates { taker, maker });
wire_struct!(Rules { size_decimals, price_decimals, price_significant_figures, tick_size, min_notional, max_leverage });
wire_struct!(MarginTier { notional_from, max_leverage });

/// Its tiers; what follows from them is worked out again.
impl Encode for MarginTable {
    fn encode(&self, to: &mut Vec<u8>) {
        self.tiers().collect::<Vec<_>>().encode(to);
    }
}

impl Decode for MarginTable {
    fn decode(from: &mut Bytes<'_>) -> Result<Self, Malformed> {
        let tiers = Vec::<MarginTier>::decode(from)?;
        if tiers.is_empty() {
            return Ok(Self::NONE);
        }
        Self::new(&tiers).map_err(|error| Malformed::invalid("margin table", error))
    }
}

wire_struct!(Instrument { id, symbol, rules, margin });
wire_struct!(SeriesInfo { id, instrument, timeframe });
wire_struct!(Limits {
    intents_per_event_max,
    open_orders_max,
    timers_max,
    subscriptions_max,
    warm_up_max,
    queue_max,
    decision_age_ms_max,
    order_size_max,
    order_notional_max,
    state_bytes_max,
    admission_ms_max,
    doubt_ask_ms,
});
wire_enum!(Books { 0 = Apart, 1 = Netted });
wire_enum!(Netting { 0 = Deny, 1 = Allow });
wire_struct!(Holds { triggers, trailing });
wire_struct!(CoreSettings {
    account,
    cash,
    fees,
    instruments,
    series,
    live,
    books,
    limits,
    saves,
    risk,
    epoch,
    netting,
    holds
});

wire_enum!(ParamValue { 0 = Boolean(value), 1 = Integer(value), 2 = Number(value), 3 = Text(value) });
wire_enum!(RestartPolicy { 0 = Resume, 1 = ReduceOnly, 2 = Flatten, 3 = Hold });
wire_struct!(Deployment { strategy, parameters, knows, tick_interval_ms, restored, shares, version, risk, restart });

/// A bit for each kind of event, the first in the lowest.
impl Encode for KnownEvents {
    fn encode(&self, to: &mut Vec<u8>) {
        let bits = EventKind::ALL.into_iter().enumerate().filter(|(_, kind)| self.contains(*kind));
        bits.map(|(place, _)| 1_u32 << place).sum::<u32>().encode(to);
    }
}

impl Decode for KnownEvents {
    fn decode(from: &mut Bytes<'_>) -> Result<Self, Malformed> {
        let bits = u32::decode(from)?;
        if bits >> EventKind::ALL.len() != 0 {
            return Err(Malformed::invalid("set of events", format!("{bits:#b} has kinds that this version does not know")));
        }
        let kinds = EventKind::ALL.into_iter().enumerate().filter(|(place, _)| bits & (1 << place) != 0);
        Ok(kinds.fold(Self::default(), |known, (_, kind)| known.with(kind)))
    }
}

wire_enum!(Subscription {
    0 = Candles { series, warm_up },
    1 = Trades(instrument),
    2 = Quotes(instrument),
    3 = Book { instrument, levels },
    4 = Context(instrument),
});
wire_enum!(StopReason { 0 = Operator, 1 = KillSwitch, 2 = Upgrade, 3 = Shutdown });

wire_enum!(WantedKind {
    0 = Market,
    1 = Limit { price, time_in_force },
    2 = Trigger { kind, trigger_price, limit_price },
    3 = TrailingStop { distance },
});
wire_struct!(PlaceOrder { instrument, side, size, kind, reduce_only, tag, take_profit, stop_loss });
wire_enum!(Urgency { 0 = Info, 1 = Warning, 2 = Alert });
wire_enum!(Intent {
    0 = Place(order),
    1 = Amend { order, price, size, trigger_price },
    2 = Cancel(order),
    3 = CancelAll(instrument),
    4 = ClosePosition(instrument),
    5 = SetTarget { instrument, size, tag },
    6 = SetLeverage { instrument, leverage, mode },
    7 = SetTimer { timer, at, every_ms },
    8 = ClearTimer(timer),
    9 = Notify { urgency, text },
});

wire_enum!(LogLevel { 0 = Debug, 1 = Info, 2 = Warn, 3 = Error });
wire_struct!(LogLine { level, text });
wire_enum!(Status { 0 = Text(text), 1 = Table { title, columns, rows } });
wire_struct!(Effects { state, log, log_dropped, status, chart_series, chart_points, chart_marks, chart_dropped });
wire_enum!(FaultKind {
    0 = Trap,
    1 = EventFuel,
    2 = RunFuel,
    3 = WallClock,
    4 = StackOverflow,
    5 = Memory,
    6 = Deadlock,
    7 = TaskLeft,
    8 = Contract,
    9 = QueueOverflow,
    10 = Overflow,
    11 = Cancelled,
    12 = NoRoom,
});
wire_struct!(Fault { kind, function, event, fuel, detail });
wire_enum!(Answer {
    0 = Intents(intents),
    1 = Subscriptions(subscriptions),
    2 = Refused(words),
    3 = Accepted,
    4 = Saved(state),
    5 = Fault(fault),
});
wire_struct!(HookEnded { strategy, number, answer, effects, fuel });

wire_struct!(Refusal { code, message });
wire_enum!(RequestKind { 0 = Amend, 1 = Cancel });
wire_enum!(Force { 0 = Liquidation, 1 = AutoDeleveraging, 2 = Settlement });
wire_struct!(VenueFill { order, venue_order, trade_id, instrument, side, price, size, fee, maker, force, time });
wire_struct!(VenueOrder { order, venue_order, instrument, side, size, remaining, kind, reduce_only, as_of });
wire_enum!(BalanceCause { 0 = Deposit, 1 = Withdrawal, 2 = Transfer, 3 = Funding, 4 = Other });
wire_struct!(PositionReport { instrument, size, entry_price, leverage, margin_mode, liquidation_price, time });
wire_struct!(AccountSnapshot { time, positions, orders, fills, cash });
wire_enum!(VenueEvent {
    0 = Accepted { order, venue_order },
    1 = Rejected { order, refusal },
    2 = Fill(fill),
    3 = Cancelled { order, venue_order, reason },
    4 = Triggered { order },
    5 = Amended { order, venue_order, size, kind },
    6 = RequestRejected { order, request, refusal },
    7 = ExitLive { order, venue_order, instrument, side, size, kind },
    8 = LeverageSet { instrument, leverage, mode, as_of },
    9 = Funding { instrument, time, rate, payment },
    10 = Position(report),
    11 = Balance { time, change, cause },
    12 = Snapshot(snapshot),
    13 = Expired { order },
    14 = Resized { order, size },
    15 = Unanswered { order },
    16 = Open(order),
    17 = Absent { order, as_of },
    18 = ExternalGone { venue_order },
    19 = LeverageRejected { instrument, refusal },
    20 = CancelScheduled { at },
    21 = CancelScheduleRejected { refusal },
});

wire_enum!(Input {
    0 = Deploy(deployment),
    1 = Start(strategy),
    2 = Stop { strategy, reason },
    3 = Market(event),
    4 = Venue(event),
    5 = HookEnded(ended),
    6 = Wake,
    7 = Params { strategy, parameters },
    8 = Upgrade(deployment),
    9 = Checkpoint,
    10 = Shutdown { deadline },
    11 = Operator(command),
    12 = TenantExposure { elsewhere },
    13 = Opened { epoch },
});

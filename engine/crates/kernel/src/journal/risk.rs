//! The tables of the format: what is declared about risk, what an operator says, and what became of it.

use super::tables::{encode_enum, encode_struct, wire_enum, wire_struct};
use crate::{
    AccountRisk, Amount, ClosePolicy, InstrumentRisk, KillAction, KillCause, KillRule, KillScope, KillTrigger, MarginPolicy,
    OffGrid, OperatorCommand, OrderTypes, Pause, Protection, ProtectionKind, Rate, Rates, RiskEvent, SelfTrade, StrategyRisk,
    TradingState,
};

wire_enum!(Amount { 0 = Quote(amount), 1 = Share(share) });
wire_enum!(KillTrigger {
    0 = Loss(amount),
    1 = Drawdown(amount),
    2 = DailyLoss(amount),
    3 = ProfitLock { reached, keep },
    4 = StaleData { age_ms },
    5 = RejectRate { rejects, within_ms },
});
wire_enum!(KillAction { 0 = Pause, 1 = ReduceOnly, 2 = Cancel, 3 = Flatten });
wire_struct!(KillRule { trigger, action });
wire_enum!(KillScope { 0 = Strategy(strategy), 1 = Account });
wire_enum!(TradingState { 0 = Active, 1 = Reducing, 2 = Halted });
wire_enum!(Protection {
    0 = StopLossStreak { losses, within_ms, pause_ms, per_instrument },
    1 = MaxDrawdown { amount, within_ms, pause_ms },
    2 = LowProfit { profit, trades, within_ms, pause_ms },
});
wire_struct!(Rate { count, per_ms });
wire_struct!(Rates { orders, amends, cancels });
wire_enum!(OffGrid { 0 = Deny, 1 = Round });
wire_enum!(SelfTrade { 0 = Allow, 1 = Deny, 2 = CancelResting });
wire_struct!(ClosePolicy { stale_after_ms, stale_slippage_bps, retry_ms, attempts_max });
wire_struct!(StrategyRisk {
    order_size_max,
    order_notional_max,
    instrument_notional_max,
    notional_max,
    rates,
    off_grid,
    self_trade,
    collar_bps,
    data_age_ms_max,
    kill,
    protections,
    closing,
    budget,
});
wire_struct!(OrderTypes { market, gtc, ioc, alo, trigger, trailing });
wire_struct!(InstrumentRisk { instrument, tradable, orders, order_size_max, order_notional_max, notional_max });
wire_struct!(MarginPolicy { leverage_when_unknown });
wire_struct!(AccountRisk {
    instruments,
    notional_max,
    tenant_notional_max,
    leverage_max,
    margin,
    collar_bps,
    data_age_ms_max,
    kill,
    dead_man_ms,
    flatten_outside,
});
wire_enum!(OperatorCommand {
    0 = Kill { scope, action },
    1 = Rearm { scope },
    2 = SetTradingState { scope, state },
    3 = SetTradable { instrument, tradable },
});

encode_enum!(KillCause { 0 = Rule(trigger), 1 = Operator, 2 = Restart, 3 = Fault });
encode_enum!(ProtectionKind { 0 = StopLossStreak, 1 = MaxDrawdown, 2 = LowProfit });
encode_struct!(Pause { kind, instrument, since, until });
encode_enum!(RiskEvent {
    0 = Killed { scope, cause, action, armed },
    1 = Rearmed { scope },
    2 = TradingState { scope, state },
    3 = Paused { strategy, pause },
    4 = Flat { strategy },
    5 = NotFlat { strategy, instrument, size },
    6 = OutsideFlat,
    7 = OutsideNotFlat { instrument, size },
    6 = DeadManLost,
    7 = DeadManBack,
});

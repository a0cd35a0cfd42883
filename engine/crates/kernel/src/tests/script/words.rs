//! What the core puts out, as transcripts write it.

use crate::*;
use std::fmt::Write as _;

pub(super) fn write_output(transcript: &mut String, output: &Output, next_order: usize) {
    let _ = match output {
        Output::Deliver(deliver) => {
            writeln!(transcript, "{} hears #{} {}", deliver.strategy, deliver.number, hook_in_words(&deliver.hook))
        }
        Output::Send(batch) => {
            let mut next_order = next_order;
            for command in &batch.commands {
                let _ = writeln!(transcript, "sent: {}", command_in_words(command.get(), next_order));
                next_order += usize::from(matches!(command.get(), Command::Place(_)));
            }
            Ok(())
        }
        Output::Resolve(resolve) => {
            writeln!(transcript, "asks after {}, repeats until {}", resolve.order, resolve.repeat_until)
        }
        Output::ResolveLeverage(instrument) => writeln!(transcript, "asks after leverage of {instrument}"),
        Output::Notify { strategy, text, .. } => writeln!(transcript, "{strategy} notifies: {text}"),
        Output::Lifecycle { strategy, state } => writeln!(transcript, "{strategy} is {}", state_in_words(state)),
        Output::Denied { strategy, refusal } => {
            writeln!(transcript, "{strategy} denied {}: {}", refusal.code, refusal.message)
        }
        Output::Risk(event) => writeln!(transcript, "{event:?}"),
        Output::Parameters { strategy, refused: None } => writeln!(transcript, "{strategy} has new parameters"),
        Output::Parameters { strategy, refused: Some(words) } => {
            writeln!(transcript, "{strategy} keeps its parameters: {words}")
        }
        Output::Saved { strategy, bytes } => writeln!(transcript, "{strategy} saved {bytes} bytes"),
        Output::RolledBack { strategy, why } => writeln!(transcript, "{strategy} is rolled back: {why}"),
        Output::ShutDown { late } => writeln!(transcript, "shut down, late: {late:?}"),
        Output::Reconcile(cause) => writeln!(transcript, "reconcile: {cause:?}"),
        Output::Difference(Difference { time, of, ours, theirs }) => {
            writeln!(transcript, "differs at {time} in {of:?}: ours {ours}, theirs {theirs}")
        }
    };
}

fn state_in_words(state: &StrategyState) -> String {
    match state {
        StrategyState::Created => "created".to_owned(),
        StrategyState::WarmingUp => "warming up".to_owned(),
        StrategyState::Running => "running".to_owned(),
        StrategyState::Stopping => "stopping".to_owned(),
        StrategyState::Stopped => "stopped".to_owned(),
        StrategyState::Refused(words) => format!("refused: {words}"),
        StrategyState::Faulted(fault) => format!("faulted: {fault}"),
    }
}

fn command_in_words(command: &Command, next_order: usize) -> String {
    match command {
        Command::Place(order) => {
            let reduce = if order.reduce_only { " reduce-only" } else { "" };
            let exits = order.exits.map_or(String::new(), |exits| {
                let price = |price: Option<Price>| price.map_or("none".to_owned(), |price| price.to_string());
                format!(" with take-profit {}, stop-loss {}", price(exits.take_profit), price(exits.stop_loss))
            });
            let (side, size) = (side_in_words(order.side), order.size);
            format!("c{next_order} {side} {size} {}{reduce}{exits}", kind_in_words(&order.kind))
        }
        Command::Amend { size, kind, .. } => format!("amend to {size} {}", kind_in_words(kind)),
        Command::Cancel { order, .. } => format!("cancel of event {}", order.origin().expect("ours").event),
        Command::SetLeverage { leverage, .. } => format!("leverage {leverage}"),
        Command::CancelOutside { venue_order, .. } => format!("cancel of {venue_order}, which is not ours"),
        Command::ScheduleCancel { at, .. } => format!("cancel everything at {:?}", at.map(Timestamp::as_millis)),
    }
}

fn side_in_words(side: Side) -> &'static str {
    if side == Side::Buy { "buy" } else { "sell" }
}

fn kind_in_words(kind: &OrderKind) -> String {
    match kind {
        OrderKind::Market => "at the market".to_owned(),
        OrderKind::Limit { price, time_in_force } => format!("at {price} {time_in_force:?}"),
        OrderKind::Trigger { kind, trigger_price, limit_price: None } => format!("{kind:?} {trigger_price}"),
        OrderKind::Trigger { kind, trigger_price, limit_price: Some(limit) } => {
            format!("{kind:?} {trigger_price} limit {limit}")
        }
        OrderKind::TrailingStop { distance } => format!("trailing by {distance}"),
    }
}

fn hook_in_words(hook: &Hook) -> String {
    match hook {
        Hook::Init(context) => {
            let restored = context.restored.as_ref().map(|saved| format!(", restored {}", String::from_utf8_lossy(saved)));
            format!("init with cash {}{}", context.account.cash, restored.unwrap_or_default())
        }
        Hook::Stop(reason) => format!("stop by {reason:?}"),
        Hook::Params(_) => "params".to_owned(),
        Hook::Save => "save".to_owned(),
        Hook::Event(event) => event_in_words(event),
    }
}

fn event_in_words(event: &Event) -> String {
    match event {
        Event::Candle(candle) => {
            let warm_up = if candle.warm_up { " of history" } else { "" };
            format!("candle {} at {}{warm_up}", candle.series, candle.candle.close)
        }
        Event::Quote(quote) => format!("quote {}", quote.bid.price),
        Event::Position(position) => {
            let PositionEvent { now, size_before, cause, .. } = &**position;
            let (size, entry, realized) = (now.size, now.entry_price, now.realized_pnl);
            let leverage = now.leverage.map_or(String::new(), |leverage| format!(", leverage {leverage}"));
            let gone = now.liquidation_price.map_or(String::new(), |price| format!(", liquidated at {price}"));
            format!("position {size_before} -> {size} from {entry}, realized {realized}{leverage}{gone}, by {cause:?}")
        }
        Event::Order(order) => {
            let which = order.order.as_ref().map_or("no order".to_owned(), |order| {
                format!("order {} {}/{} {}", order.id, order.filled, order.size, kind_in_words(&order.kind))
            });
            let answers = order.answers.expect("every order event here answers an intent");
            format!("{which} {} (#{}.{})", change_in_words(&order.change), answers.decided_on, answers.intent_index)
        }
        Event::Funding(funding) => format!("funding {}", funding.payment),
        Event::Timer(timer) => format!("{:?} due {} at {}", timer.source, timer.due, timer.time),
        Event::Feed(feed) => format!("feed {:?} {:?}", feed.feed, feed.change),
        other => format!("{other:?}"),
    }
}

fn change_in_words(change: &OrderChange) -> String {
    match change {
        OrderChange::Denied(refusal) => format!("denied {}", refusal.code),
        OrderChange::Rejected(refusal) => format!("rejected {}", refusal.code),
        OrderChange::PartiallyFilled(fill) => {
            format!("partially filled {} at {}, {} left", fill.size, fill.price, fill.remaining)
        }
        OrderChange::Filled(fill) => format!("filled {} at {}, {} left", fill.size, fill.price, fill.remaining),
        OrderChange::Cancelled(reason) => format!("cancelled {reason}"),
        other => format!("{other:?}").to_lowercase(),
    }
}

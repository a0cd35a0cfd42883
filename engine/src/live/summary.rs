//! What a session amounts to, counted as it goes, for the table of a terminal and the record of the end.

use super::notice::{Listener, Notice};
use crate::calendar::format_time;
use calypte_kernel::{
    Answer, Command, Decimal, Instrument, InstrumentId, OrderState, Side, StrategyId, StrategyState, Timestamp, TradingCore,
    VenueEvent, VenueFill,
};
use serde::Serialize;
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

/// Lines kept of what happened last.
pub const LINES_MAX: usize = 200;
/// Codes of denials that are told apart; more are counted together.
const CODES_MAX: usize = 64;

/// Counts and last lines of a session. Clones share one.
#[derive(Debug, Clone)]
pub struct Summary(Arc<Mutex<Told>>);

#[derive(Debug)]
struct Told {
    instruments: Arc<[Instrument]>,
    names: BTreeMap<StrategyId, String>,
    counts: Counts,
    denied: BTreeMap<String, u64>,
    fees: Decimal,
    funding: Decimal,
    states: BTreeMap<StrategyId, String>,
    lines: VecDeque<String>,
    /// Lines that were let go unread.
    lines_lost: u64,
}

/// How often things happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Counts {
    /// Hooks that ended.
    pub hooks: u64,
    /// Intents returned.
    pub intents: u64,
    /// Orders sent.
    pub orders: u64,
    /// Cancels sent.
    pub cancels: u64,
    /// Amends sent.
    pub amends: u64,
    /// Orders accepted by the exchange.
    pub accepted: u64,
    /// Orders that the exchange refused.
    pub rejected: u64,
    /// Fills.
    pub fills: u64,
    /// Requests denied before they were sent.
    pub denied: u64,
    /// Differences between the exchange's word and ours.
    pub differences: u64,
}

/// A session as a record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SessionRecord {
    /// Counts.
    #[serde(flatten)]
    pub counts: Counts,
    /// Denials by code.
    pub denied_by_code: BTreeMap<String, u64>,
    /// Fees paid, exact.
    pub fees_paid: String,
    /// Funding received less paid, exact.
    pub funding_received: String,
    /// Money that is settled: what was paid in, profit of what is flat again, less fees, plus funding. Exact.
    pub settled: String,
    /// What the account is worth at mark prices; none while a price is unknown.
    pub equity: Option<String>,
    /// Strategies with their states.
    pub strategies: Vec<StrategyRecord>,
    /// Positions that are not zero.
    pub positions: Vec<PositionRecord>,
    /// Orders that are open.
    pub open_orders: usize,
}

/// A strategy of a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StrategyRecord {
    /// Its name.
    pub name: String,
    /// What became of it.
    pub state: String,
}

/// A position of a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PositionRecord {
    /// Whose.
    pub strategy: String,
    /// Of what.
    pub symbol: String,
    /// Signed size, exact.
    pub size: String,
    /// Average entry price, rounded to 8 decimals.
    pub entry_price: String,
    /// Mark price, where one is known.
    pub mark_price: Option<String>,
}

impl Summary {
    /// Of a session that has not begun.
    pub fn new(instruments: Arc<[Instrument]>, names: BTreeMap<StrategyId, String>) -> Self {
        Self(Arc::new(Mutex::new(Told {
            instruments,
            names,
            counts: Counts::default(),
            denied: BTreeMap::new(),
            fees: Decimal::ZERO,
            funding: Decimal::ZERO,
            states: BTreeMap::new(),
            lines: VecDeque::new(),
            lines_lost: 0,
        })))
    }

    /// Takes the lines that came since the last look, oldest first.
    pub fn take_lines(&self) -> Vec<String> {
        let mut told = self.lock();
        let lost = std::mem::take(&mut told.lines_lost);
        let lines = told.lines.drain(..);
        let mut lines = lines.collect::<Vec<_>>();
        if lost > 0 {
            lines.insert(0, format!("… {lost} lines not shown"));
        }
        lines
    }

    /// The record, with the account as it now is.
    pub fn record(&self, core: &TradingCore) -> SessionRecord {
        let told = self.lock();
        let positions = core.positions().map(|(strategy, position)| PositionRecord {
            strategy: told.name(strategy),
            symbol: told.symbol(position.instrument()),
            size: position.size().normalize().to_string(),
            entry_price: position.entry_price().normalize().to_string(),
            mark_price: core.mark_price(position.instrument()).map(|price| price.get().normalize().to_string()),
        });
        let strategies = told.names.iter().map(|(id, name)| StrategyRecord {
            name: name.clone(),
            state: told.states.get(id).cloned().unwrap_or_else(|| "created".to_owned()),
        });
        SessionRecord {
            counts: told.counts,
            denied_by_code: told.denied.clone(),
            fees_paid: core.fees_paid().normalize().to_string(),
            funding_received: core.funding_received().normalize().to_string(),
            settled: core.settled().normalize().to_string(),
            equity: core.equity().map(|equity| equity.normalize().to_string()),
            strategies: strategies.collect(),
            positions: positions.collect(),
            open_orders: core.strategies().map(|strategy| strategy.orders().count()).sum(),
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Told> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Told {
    fn name(&self, strategy: StrategyId) -> String {
        self.names.get(&strategy).cloned().unwrap_or_else(|| format!("strategy {strategy}"))
    }

    fn symbol(&self, instrument: InstrumentId) -> String {
        let known = self.instruments.get(instrument.get() as usize);
        known.map_or_else(|| instrument.to_string(), |instrument| instrument.symbol.as_str().to_owned())
    }

    fn line(&mut self, now: Timestamp, words: &str) {
        if self.lines.len() == LINES_MAX {
            self.lines.pop_front();
            self.lines_lost += 1;
        }
        self.lines.push_back(format!("{}  {words}", format_time(now)));
    }

    fn sent(&mut self, now: Timestamp, command: &Command) {
        match command {
            Command::Place(order) => {
                self.counts.orders += 1;
                let words = format!(
                    "order     {} {} {} {}{}",
                    self.symbol(order.instrument),
                    side(order.side),
                    order.size.get().normalize(),
                    kind(&order.kind),
                    if order.reduce_only { ", reduce-only" } else { "" },
                );
                self.line(now, &words);
            }
            Command::Amend { .. } => self.counts.amends += 1,
            Command::Cancel { .. } | Command::CancelOutside { .. } => self.counts.cancels += 1,
            Command::SetLeverage { .. } | Command::ScheduleCancel { .. } => {}
        }
    }

    fn filled(&mut self, now: Timestamp, fill: &VenueFill) {
        self.counts.fills += 1;
        self.fees = self.fees.saturating_add(fill.fee);
        let words = format!(
            "fill      {} {} {} at {}, fee {}",
            self.symbol(fill.instrument),
            side(fill.side),
            fill.size.get().normalize(),
            fill.price.get().normalize(),
            fill.fee.normalize(),
        );
        self.line(now, &words);
    }

    fn venue(&mut self, now: Timestamp, core: &TradingCore, event: &VenueEvent) {
        match event {
            VenueEvent::Accepted { order, .. } => {
                // The answer and the account's stream both say it; the core is told after us, and so knows what it is told anew.
                let known = core.strategies().find_map(|strategy| strategy.order_named(*order));
                if matches!(known, Some((_, OrderState::Sent | OrderState::SentInDoubt))) {
                    self.counts.accepted += 1;
                }
            }
            VenueEvent::Rejected { refusal, .. } => {
                self.counts.rejected += 1;
                self.line(now, &format!("rejected  {}: {}", refusal.code, refusal.message));
            }
            VenueEvent::Fill(fill) => self.filled(now, fill),
            VenueEvent::Funding { instrument, payment, .. } => {
                self.funding = self.funding.saturating_add(*payment);
                let words = format!("funding   {} {}", self.symbol(*instrument), payment.normalize());
                self.line(now, &words);
            }
            _ => {}
        }
    }
}

impl Listener for Summary {
    fn notice(&mut self, now: Timestamp, core: &TradingCore, notice: Notice<'_>) {
        let told = &mut *self.lock();
        match notice {
            Notice::Sent(batch) => {
                for command in &batch.commands {
                    told.sent(now, command.get());
                }
            }
            Notice::Venue(event) => told.venue(now, core, event),
            Notice::Delivered(_) => {}
            Notice::HookEnded(ended) => {
                told.counts.hooks += 1;
                if let Answer::Intents(intents) = &ended.answer {
                    told.counts.intents += intents.len() as u64;
                }
            }
            Notice::Denied(strategy, refusal) => {
                told.counts.denied += 1;
                let code = refusal.code.to_string();
                if told.denied.len() < CODES_MAX || told.denied.contains_key(&code) {
                    *told.denied.entry(code).or_default() += 1;
                }
                let words = format!("denied    {}: {}: {}", told.name(strategy), refusal.code, refusal.message);
                told.line(now, &words);
            }
            Notice::Notification(strategy, _, text) => {
                let words = format!("says      {}: {text}", told.name(strategy));
                told.line(now, &words);
            }
            Notice::Lifecycle(strategy, state) => {
                let words = state_words(state);
                told.states.insert(strategy, words.clone());
                let words = format!("strategy  {}: {words}", told.name(strategy));
                told.line(now, &words);
            }
            Notice::Risk(event) => told.line(now, &format!("risk      {event:?}")),
            Notice::Difference(difference) if difference.is_first_word() => {
                told.line(now, &format!("cash      {}", difference.theirs.normalize()));
            }
            Notice::Difference(difference) => {
                told.counts.differences += 1;
                let words = format!("differs   {:?}: ours {}, theirs {}", difference.of, difference.ours, difference.theirs);
                told.line(now, &words);
            }
        }
    }
}

pub(super) fn state_words(state: &StrategyState) -> String {
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

pub(super) const fn side(side: Side) -> &'static str {
    match side {
        Side::Buy => "buy",
        Side::Sell => "sell",
    }
}

fn kind(kind: &calypte_kernel::OrderKind) -> String {
    use calypte_kernel::{OrderKind, TimeInForce, TriggerKind};
    match kind {
        OrderKind::Market => "at market".to_owned(),
        OrderKind::Limit { price, time_in_force } => {
            let terms = match time_in_force {
                TimeInForce::Gtc => "",
                TimeInForce::Ioc => " ioc",
                TimeInForce::Alo => " post-only",
            };
            format!("at {}{terms}", price.get().normalize())
        }
        OrderKind::Trigger { kind, trigger_price, .. } => {
            let name = match kind {
                TriggerKind::Stop => "stop",
                TriggerKind::TakeProfit => "take-profit",
            };
            format!("{name} at {}", trigger_price.get().normalize())
        }
        OrderKind::TrailingStop { distance } => format!("trailing by {}", distance.get().normalize()),
    }
}

//! What is noted while the system runs: what happened when, by the one clock of this process.
//!
//! Nothing is worked out on the way. Whoever notes something sends it off and goes on; frames are read when all is over.

use calypte::config::AccountName;
use calypte::live::{Listener, Notice};
use calypte_kernel::{
    Answer, ClientOrderId, Event, EventNumber, Hook, StrategyId, StrategyState, Symbol, Timestamp, TradingCore,
};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;
use tokio::sync::mpsc;

/// Something that happened.
#[derive(Debug)]
pub(crate) enum Mark {
    /// A frame with a candle came in on the exchange's socket.
    Heard { frame: Vec<u8>, at: Instant },
    /// A closed candle is on its stream.
    Published(Closed, Instant),
    /// The engine has read it.
    Read(Closed, Instant),
    /// The hook of a strategy on it ended.
    Decided(Decided),
    /// What it asked for became orders.
    Ordered { account: AccountName, number: EventNumber, order: ClientOrderId },
    /// A frame that places orders was written to the socket of an account.
    Written { user: String, frame: String, at: Instant },
    /// A frame that places orders arrived at the exchange.
    Seen { frame: String, at: Instant },
    /// A request was denied, with its code.
    Denied(String),
}

/// A candle that closed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Closed {
    pub(crate) symbol: Symbol,
    /// When it closed, in milliseconds of the exchange.
    pub(crate) time: i64,
}

/// The end of a hook on a candle.
#[derive(Debug)]
pub(crate) struct Decided {
    pub(crate) account: AccountName,
    pub(crate) candle: Closed,
    pub(crate) number: EventNumber,
    /// When the core handed the event out.
    pub(crate) delivered: Instant,
    pub(crate) ended: Instant,
    /// Whether it asked for something.
    pub(crate) ordered: bool,
}

/// Where marks go. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Marks {
    out: mpsc::UnboundedSender<Mark>,
    running: Arc<AtomicUsize>,
}

impl Marks {
    /// Where marks go, and where they come out.
    pub(crate) fn new() -> (Self, mpsc::UnboundedReceiver<Mark>) {
        let (out, marks) = mpsc::unbounded_channel();
        (Self { out, running: Arc::default() }, marks)
    }

    /// Notes something.
    pub(crate) fn note(&self, mark: Mark) {
        // Nobody counts any more where the measurement is over.
        drop(self.out.send(mark));
    }

    /// How many strategies run.
    pub(crate) fn running(&self) -> usize {
        self.running.load(Ordering::Relaxed)
    }
}

/// Watches the session of an account.
pub(crate) struct Watch {
    marks: Marks,
    account: AccountName,
    symbol: Symbol,
    /// The live candles that are out, by strategy.
    out: BTreeMap<StrategyId, (i64, Instant)>,
}

impl Watch {
    /// Of an account that trades this.
    pub(crate) fn new(marks: Marks, account: AccountName, symbol: Symbol) -> Self {
        Self { marks, account, symbol, out: BTreeMap::new() }
    }
}

impl Listener for Watch {
    fn notice(&mut self, _now: Timestamp, _core: &TradingCore, notice: Notice<'_>) {
        match notice {
            Notice::Delivered(deliver) => {
                if let Hook::Event(Event::Candle(event)) = &deliver.hook
                    && !event.warm_up
                {
                    let close = event.candle.open_time.as_millis() + crate::MINUTE;
                    self.out.insert(deliver.strategy, (close, Instant::now()));
                }
            }
            Notice::HookEnded(hook) => {
                let Some((time, delivered)) = self.out.remove(&hook.strategy) else { return };
                let decided = Decided {
                    account: self.account.clone(),
                    candle: Closed { symbol: self.symbol.clone(), time },
                    number: hook.number,
                    delivered,
                    ended: Instant::now(),
                    ordered: matches!(&hook.answer, Answer::Intents(intents) if !intents.is_empty()),
                };
                self.marks.note(Mark::Decided(decided));
            }
            Notice::Sent(batch) => {
                for command in &batch.commands {
                    if let calypte_kernel::Command::Place(order) = command.get() {
                        let (account, number) = (self.account.clone(), batch.event);
                        self.marks.note(Mark::Ordered { account, number, order: order.client_id });
                    }
                }
            }
            Notice::Denied(_, refusal) => self.marks.note(Mark::Denied(refusal.code.to_string())),
            Notice::Lifecycle(_, StrategyState::Running) => _ = self.marks.running.fetch_add(1, Ordering::Relaxed),
            Notice::Lifecycle(_, state @ (StrategyState::Faulted(_) | StrategyState::Refused(_))) => panic!("{state:?}"),
            _ => {}
        }
    }
}

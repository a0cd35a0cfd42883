//! What every connector must do, as checks that run against any of them: against one played in a test, against a local exchange,
//! and by hand against a test network.
//!
//! A check asks through the trait and looks at what comes back, as whoever runs an account does. It needs an account that may trade,
//! an instrument with a book, and nothing else going on in it. Each leaves the account as it found it.

mod checks;
mod scissors;
mod trader;

pub use checks::CHECKS;
pub use scissors::Scissors;
pub use trader::Trader;

use crate::ambient::Ambient;
use crate::connector::{Connector, Event, News, Request};
use calypte_kernel::{Decimal, InstrumentId, MarketEvent, Price, VenueEvent};
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// Most events that are looked through for one that is expected.
const EVENTS_MAX: usize = 100_000;

/// Breaks things from the other side, where the other side is ours to break.
pub trait Breaks: Send + Sync {
    /// Cuts every socket, without a word.
    fn cut(&self);
}

/// What a check runs with.
pub struct Bench<'a> {
    /// What is checked. It has started.
    pub connector: &'a mut dyn Connector,
    /// The time.
    pub ambient: Arc<dyn Ambient>,
    /// Makes approved requests.
    pub trader: Trader,
    /// What is traded.
    pub instrument: InstrumentId,
    /// How much: worth what the exchange takes at least.
    pub size: Decimal,
    /// How long something may take.
    pub patience: Duration,
    /// Breaks things; none: checks that need it are left out.
    pub breaks: Option<&'a dyn Breaks>,
    /// Best bid and offer, as last heard.
    pub best: Option<(Price, Price)>,
}

/// Why a check did not pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failed {
    /// What was expected did not come.
    NothingCame {
        /// What was waited for.
        what: &'static str,
    },
    /// Something else came.
    Other(String),
    /// It cannot be run here, and says nothing.
    LeftOut {
        /// For want of what.
        needs: &'static str,
    },
}

impl fmt::Display for Failed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NothingCame { what } => write!(formatter, "waited for {what}, and it did not come"),
            Self::Other(words) => formatter.write_str(words),
            Self::LeftOut { needs } => write!(formatter, "left out: it needs {needs}"),
        }
    }
}

/// What a check gives back once it has run.
pub type Checked<'b> = Pin<Box<dyn Future<Output = Result<(), Failed>> + Send + 'b>>;

/// A check with a name that is a sentence.
#[derive(Clone, Copy)]
pub struct Check {
    /// What holds where it passes.
    pub name: &'static str,
    /// Runs it.
    pub run: for<'b> fn(&'b mut Bench<'_>) -> Checked<'b>,
}

/// Runs them all, one after another; gives what became of each, by name.
pub async fn run(bench: &mut Bench<'_>) -> Vec<(&'static str, Result<(), Failed>)> {
    let mut outcomes = Vec::new();
    for check in CHECKS {
        outcomes.push((check.name, (check.run)(bench).await));
    }
    outcomes
}

impl Bench<'_> {
    /// Hands a request over.
    ///
    /// # Errors
    /// Where it is not taken.
    pub fn request(&mut self, request: Request) -> Result<(), Failed> {
        self.connector.request(request).map_err(|error| Failed::Other(error.to_string()))
    }

    /// Waits for what this picks out of the events; all others pass by.
    ///
    /// # Errors
    /// Where it does not come in time.
    pub async fn wait<T>(&mut self, what: &'static str, mut pick: impl FnMut(&News) -> Option<T>) -> Result<T, Failed> {
        let deadline = Instant::now() + self.patience;
        for _ in 0..EVENTS_MAX {
            let Ok(Some(Event { news, .. })) = timeout_at(deadline, self.connector.next()).await else { break };
            if let News::Market(MarketEvent::Quote(quote)) = &news {
                self.best = Some((quote.bid.price, quote.ask.price));
            }
            if let Some(picked) = pick(&news) {
                return Ok(picked);
            }
        }
        Err(Failed::NothingCame { what })
    }

    /// Waits for something that the exchange says of the account.
    ///
    /// # Errors
    /// Where it does not come in time.
    pub async fn hear<T>(&mut self, what: &'static str, mut pick: impl FnMut(&VenueEvent) -> Option<T>) -> Result<T, Failed> {
        self.wait(what, |news| if let News::Venue(event) = news { pick(event) } else { None }).await
    }
}

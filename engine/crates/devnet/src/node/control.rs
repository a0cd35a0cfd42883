//! What is done to a node from behind: faults, money, time, prices. Clients know nothing of it.

use super::{Node, SubAccountRefused};
use crate::exchange::{AccountMode, DepositError, PriceError};
use crate::faults::{Armed, Fault, NotAFault};
use calypte_kernel::Decimal;
use calypte_venues::hyperliquid::protocol::{Address, Millis};
use serde::Serialize;
use std::net::IpAddr;

/// Furthest that the market is moved ahead at once: a week.
pub const SKIP_MS_MAX: u64 = 7 * 24 * 3_600_000;

/// Why something from behind cannot be done.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// A fault that makes no sense.
    #[error(transparent)]
    Fault(#[from] NotAFault),
    /// Money that cannot be paid in.
    #[error(transparent)]
    Deposit(#[from] DepositError),
    /// A price that a coin cannot have.
    #[error(transparent)]
    Price(#[from] PriceError),
    /// Too far a way into the future.
    #[error("the market is moved ahead by at most {SKIP_MS_MAX} ms at once")]
    TooFar,
    /// A mode for an account that there is not.
    #[error("{0} is no account here: pay money in first")]
    NoAccount(Address),
    /// A sub-account that cannot be made.
    #[error(transparent)]
    SubAccount(#[from] SubAccountRefused),
}

/// How a node stands.
#[derive(Debug, Clone, Serialize)]
pub struct NodeState {
    /// The wire's time.
    pub time: Millis,
    /// The market's time.
    pub market_time: Millis,
    /// Source addresses that clients came from.
    pub sources: Vec<SourceState>,
    /// Faults in force, and how often they struck.
    pub faults: Vec<Armed>,
}

/// What a source address uses.
#[derive(Debug, Clone, Serialize)]
pub struct SourceState {
    /// The address.
    pub address: IpAddr,
    /// Its open sockets.
    pub sockets: usize,
    /// Weight that it used within the last minute.
    pub weight: u64,
}

impl Node {
    /// Orders a fault, from now on.
    ///
    /// # Errors
    /// Where it makes no sense.
    pub fn order_fault(&mut self, fault: Fault) -> Result<(), ControlError> {
        Ok(self.faults.order(self.now, fault)?)
    }

    /// Ends all faults. What is stalled or late stays so.
    pub fn clear_faults(&mut self) {
        self.faults.clear();
    }

    /// Pays money into an account, which makes it one.
    ///
    /// # Errors
    /// Where it cannot be paid in.
    pub fn deposit(&mut self, user: Address, amount: Decimal) -> Result<(), ControlError> {
        self.exchange.deposit(user, amount)?;
        self.tell();
        Ok(())
    }

    /// Moves a coin's oracle to a price, from where it goes on.
    ///
    /// # Errors
    /// Where there is no such coin, or it cannot have that price.
    pub fn set_price(&mut self, coin: &str, price: Decimal) -> Result<(), ControlError> {
        self.exchange.set_price(coin, price)?;
        self.tell();
        Ok(())
    }

    /// Sets where an account keeps its collateral.
    ///
    /// # Errors
    /// Where there is no such account.
    pub fn set_mode(&mut self, user: Address, mode: AccountMode) -> Result<(), ControlError> {
        if !self.exchange.set_mode(user, mode) {
            return Err(ControlError::NoAccount(user));
        }
        self.tell();
        Ok(())
    }

    /// Makes a sub-account of an account. It has no money of its own yet.
    ///
    /// # Errors
    /// Where it cannot be made.
    pub fn sub_account(&mut self, master: Address, name: &str) -> Result<Address, ControlError> {
        Ok(self.create_sub_account(master, name)?)
    }

    /// Moves the market ahead without the wire: funding is paid, triggers fire, candles close.
    ///
    /// # Errors
    /// Where the way is too far.
    pub fn skip(&mut self, ms: u64) -> Result<(), ControlError> {
        if ms > SKIP_MS_MAX {
            return Err(ControlError::TooFar);
        }
        self.clock.skip(self.now, ms);
        self.advance_market();
        Ok(())
    }

    /// How it stands.
    pub fn state(&mut self) -> NodeState {
        let sources = self.sources.shown(self.now);
        let sources = sources.into_iter().map(|(address, sockets, weight)| SourceState { address, sockets, weight });
        NodeState {
            time: self.now(),
            market_time: self.exchange.now(),
            sources: sources.collect(),
            faults: self.faults.shown().to_vec(),
        }
    }
}

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

mod account;
mod block;
mod candles;
mod event;
mod funding;
mod groups;
mod interval;
mod leverage;
mod liquidation;
mod maker;
mod margin;
mod market;
mod matching;
mod orders;
mod past;
mod place;
mod queries;
mod random;
mod refusal;
mod replace;
mod settings;
mod shown;
#[cfg(test)]
mod tests;
mod triggers;

pub use account::{AccountMode, FILLS_KEPT_MAX, HISTORY_MAX, LEDGER_MAX, VOLUME_DAYS};
pub use candles::CANDLES_MAX;
pub use event::Event;
pub use interval::{Interval, NotAnInterval};
pub use market::{FUNDING_KEPT_MAX, TRADES_KEPT_MAX};
pub use place::{OPEN_ORDERS_MAX, OPEN_ORDERS_MIN};
pub use settings::*;
pub use shown::*;

use account::Account;
use block::Block;
use calypte_kernel::Decimal;
use calypte_venues::hyperliquid::protocol::{
    Action, Address, Answer, BATCH_MAX, EntryStatus, Ledger, Millis, Response, Statuses,
};
use market::Market;
use orders::Orders;
use random::Random;
use std::collections::{BTreeMap, VecDeque};

/// Length of a block of the exchange's own making: marks, triggers and others' trades come that often.
pub const TICK_MS: u64 = 500;
/// How far actions that come faster than its clock may put the exchange's time ahead of it: beyond that they share a time.
pub const AHEAD_MS_MAX: u64 = 200;
/// How often the oracle's price moves and the market maker quotes.
pub const ORACLE_MS: u64 = 3_000;
/// Most ticks of one call of [`Exchange::advance`]; what is still due is then done by the next.
pub const TICKS_PER_CALL_MAX: u32 = 240;
/// Most accounts that have money.
pub const ACCOUNTS_MAX: usize = 1_000;
/// Most events that wait to be taken: with more, time does not pass and actions are refused.
pub const EVENTS_MAX: usize = 500_000;
/// Leverage of a coin that an account has not chosen one for, where the coin allows it.
pub const DEFAULT_LEVERAGE: u32 = 20;

/// Price of a request that is bought, in dollars.
const REQUEST_PRICE: Decimal = Decimal::from_parts(5, 0, 0, false, 4);
/// How often a sample of the premium is taken.
const PREMIUM_MS: u64 = 5_000;
const HOUR_MS: u64 = 3_600_000;
const DAY_MS: u64 = 24 * HOUR_MS;

/// The market maker's account.
const MAKER: Address = Address::from_bytes([0xa1; 20]);
/// The account of others who trade.
const CROWD: Address = Address::from_bytes([0xa2; 20]);
/// The account that takes positions which the book does not.
const VAULT: Address = Address::from_bytes([0xa3; 20]);

/// An exchange.
#[derive(Debug)]
pub struct Exchange {
    settings: Settings,
    /// Block time. It never runs backwards.
    now: u64,
    /// The time as it was last told.
    told: u64,
    random: Random,
    /// By number of the asset.
    markets: Vec<Market>,
    /// The exchange's own among them.
    accounts: BTreeMap<Address, Account>,
    orders: Orders,
    /// Fees, and what the rounding of funding left: the exchange's own money.
    collected: Decimal,
    /// How many blocks there were: what hashes are made of.
    blocks: u64,
    /// How many trades there were: what their numbers are made of.
    trades: u64,
    /// How many liquidations there were.
    liquidations: u64,
    block: Block,
    events: VecDeque<Event>,
}

impl Exchange {
    /// Opens an exchange.
    ///
    /// # Errors
    /// Where the settings make no sense.
    pub fn new(settings: Settings) -> Result<Self, SettingsError> {
        settings.check()?;
        let markets = (0..settings.universe.len()).map(|place| Market::new(&settings, place)).collect::<Result<Vec<_>, _>>()?;
        let deposits = settings.deposits.clone();
        let mut exchange = Self {
            now: settings.start.get(),
            told: settings.start.get(),
            random: Random::new(settings.seed),
            markets,
            accounts: [MAKER, CROWD, VAULT].into_iter().map(|house| (house, Account::default())).collect(),
            orders: Orders::default(),
            collected: Decimal::ZERO,
            blocks: 0,
            trades: 0,
            liquidations: 0,
            block: Block::default(),
            events: VecDeque::new(),
            settings,
        };
        exchange.make_past();
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
        millis(self.now)
    }

    /// When [`Self::advance`] has something to do, if nothing else happens first.
    pub fn next_due(&self) -> Millis {
        millis((self.now / TICK_MS + 1) * TICK_MS)
    }

    /// Lets time pass: prices move, the market maker quotes, others trade, triggers fire, funding is paid, accounts are liquidated. It
    /// does a bounded part of it: where [`Self::now`] is still earlier than `now`, it is to be called again, after events were drained.
    /// A time before the present one is taken for the present one.
    pub fn advance(&mut self, now: Millis) {
        self.told = self.told.max(now.get());
        for _ in 0..TICKS_PER_CALL_MAX {
            let next = (self.now / TICK_MS + 1) * TICK_MS;
            if next > now.get() {
                self.now = self.now.max(now.get());
                return;
            }
            if self.events.len() >= EVENTS_MAX {
                return;
            }
            self.now = next;
            self.tick();
        }
    }

    fn tick(&mut self) {
        self.blocks += 1;
        self.move_oracles();
        self.let_others_trade();
        self.set_marks();
        self.liquidate();
        if self.now.is_multiple_of(PREMIUM_MS) {
            self.sample_premiums();
        }
        if self.now.is_multiple_of(HOUR_MS) {
            self.pay_funding();
        }
        self.strike_scheduled();
        self.end_block();
    }

    /// Takes an action of an account. Who signed it was found out before; nonces and budgets are not looked at here.
    pub fn act(&mut self, user: Address, action: &Action, expires_after: Option<Millis>) -> Answer {
        if self.events.len() >= EVENTS_MAX {
            return Answer::Err("429 Too Many Requests".to_owned());
        }
        if expires_after.is_some_and(|expiry| self.now > expiry.get()) {
            return Answer::Err("Action expired.".to_owned());
        }
        if !self.has_account(user) {
            return Answer::Err(format!("Must deposit before performing actions. User: {user}"));
        }
        if action.entries() > BATCH_MAX {
            return Answer::Err(format!("Signed action over weight limit of {BATCH_MAX}."));
        }
        self.begin_block();
        let answer = self.perform(user, action);
        self.end_block();
        answer
    }

    /// An action is in a block after everything that was shown: what is shown as of a time holds all that happened by then.
    fn begin_block(&mut self) {
        self.blocks += 1;
        let next = self.now.saturating_add(1);
        // A tick is a block of its own, and none is passed over.
        if next.saturating_sub(self.told) <= AHEAD_MS_MAX && !next.is_multiple_of(TICK_MS) {
            self.now = next;
        }
    }

    fn perform(&mut self, user: Address, action: &Action) -> Answer {
        match action {
            Action::Order { builder: Some(_), .. } => Answer::Err("Builder fee has not been approved.".to_owned()),
            Action::Order { orders, .. } if orders.is_empty() => statuses("order", vec![empty()]),
            Action::Order { orders, grouping, builder: None } => statuses("order", self.place_batch(user, orders, *grouping)),
            Action::Cancel { cancels, .. } if cancels.is_empty() => statuses("cancel", vec![empty()]),
            Action::Cancel { cancels, fast } => statuses("cancel", self.cancel_batch(user, cancels, *fast == Some(true))),
            Action::CancelByCloid { cancels, .. } if cancels.is_empty() => statuses("cancel", vec![empty()]),
            Action::CancelByCloid { cancels, fast } => {
                statuses("cancel", self.cancel_batch_by_cloid(user, cancels, *fast == Some(true)))
            }
            Action::Modify { oid, order, always_place } => match self.modify(user, *oid, order, *always_place == Some(true)) {
                Ok(status) => statuses("order", vec![with_asset(status, order.asset)]),
                Err(refusal) => Answer::Err(refusal.of(order.asset)),
            },
            Action::BatchModify { modifies, .. } if modifies.is_empty() => statuses("order", vec![empty()]),
            Action::BatchModify { modifies, always_place } => {
                let all = modifies.iter().map(|modify| {
                    let asset = modify.order.asset;
                    match self.modify(user, modify.oid, &modify.order, *always_place == Some(true)) {
                        Ok(status) => with_asset(status, asset),
                        Err(refusal) => EntryStatus::Error(refusal.of(asset)),
                    }
                });
                let all = all.collect();
                statuses("order", all)
            }
            Action::ScheduleCancel { time } => self.schedule_cancel(user, *time),
            Action::UpdateLeverage { asset, is_cross, leverage } => self.update_leverage(user, *asset, *is_cross, *leverage),
            Action::UpdateIsolatedMargin { asset, ntli, .. } => self.update_isolated_margin(user, *asset, *ntli),
            Action::TopUpIsolatedOnlyMargin { asset, leverage } => self.top_up(user, *asset, leverage.get()),
            Action::ReserveRequestWeight { weight } => self.sell_requests(user, *weight),
            Action::Noop => done(),
        }
    }

    /// Takes the price of requests that an account buys; that they are there then is for whoever counts them.
    fn sell_requests(&mut self, user: Address, weight: u64) -> Answer {
        let refuse = || Answer::Err("Insufficient balance to reserve request weight.".to_owned());
        let Some(price) = Decimal::from(weight).checked_mul(REQUEST_PRICE) else { return refuse() };
        let Some(account) = self.accounts.get(&user) else { return refuse() };
        if self.free(account).map_or(true, |free| free < price) {
            return refuse();
        }
        if let Some(account) = self.accounts.get_mut(&user) {
            account.cash -= price;
            self.collected += price;
        }
        self.block.changed.insert(user);
        done()
    }

    /// Pays money into an account, which makes it one.
    ///
    /// # Errors
    /// Where the amount makes no sense, or there is no room for another account.
    pub fn deposit(&mut self, user: Address, amount: Decimal) -> Result<(), DepositError> {
        let amount = amount.normalize();
        if amount <= Decimal::ZERO || amount > DEPOSIT_MAX || amount.scale() > MONEY_DECIMALS {
            return Err(DepositError::Amount);
        }
        if is_house(user) {
            return Err(DepositError::House);
        }
        if !self.has_account(user) && self.accounts.len() >= ACCOUNTS_MAX {
            return Err(DepositError::Accounts);
        }
        self.blocks += 1;
        let update =
            Ledger { time: self.now(), hash: Some(self.hash()), delta: MoneyMovement::Deposit { usdc: amount.into() } };
        let account = self.accounts.entry(user).or_default();
        account.cash = account.cash.checked_add(amount).ok_or(DepositError::Amount)?;
        account::keep(&mut account.ledger, update.clone(), LEDGER_MAX);
        self.block.others.push(Event::Ledger { user, update });
        self.block.changed.insert(user);
        self.end_block();
        Ok(())
    }

    /// Takes the next event. They are to be drained after each call that is not a query.
    pub fn poll(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// Begins or ends the telling of a coin's candles of a length. Whoever begins it as often as it is asked for, ends it as often;
    /// nobody watches any at first. False: there is no such coin.
    pub fn watch_candles(&mut self, coin: &str, interval: Interval, watched: bool) -> bool {
        let Some(market) = self.markets.iter_mut().find(|market| market.coin.name == coin) else { return false };
        let watchers = market.watched.entry(interval).or_default();
        *watchers = if watched { watchers.saturating_add(1) } else { watchers.saturating_sub(1) };
        if *watchers == 0 {
            market.watched.remove(&interval);
        }
        true
    }

    /// Sets where an account's collateral is shown. What it may do with it stays the same. False: there is no such account.
    pub fn set_mode(&mut self, user: Address, mode: AccountMode) -> bool {
        let Some(account) = self.accounts.get_mut(&user).filter(|_| !is_house(user)) else { return false };
        account.mode = mode;
        self.blocks += 1;
        self.block.changed.insert(user);
        self.end_block();
        true
    }

    /// Where an account's collateral is shown.
    pub fn mode(&self, user: Address) -> AccountMode {
        self.accounts.get(&user).map(|account| account.mode).unwrap_or_default()
    }

    /// Whether an account has or had money here.
    pub fn has_account(&self, user: Address) -> bool {
        !is_house(user) && self.accounts.contains_key(&user)
    }

    /// The fee rates of an account.
    fn fees_of(&self, user: Address) -> FeeTier {
        let day = self.day();
        let volume = self.accounts.get(&user).map_or(Decimal::ZERO, |account| account.recent_volume(day));
        self.settings.fees.at(volume)
    }
}

/// Whether an account is one of the exchange's own.
fn is_house(user: Address) -> bool {
    [MAKER, CROWD, VAULT].contains(&user)
}

/// A time as it is told; the exchange's clock stands still at the end of those that can be.
fn millis(time: u64) -> Millis {
    Millis::new(time).unwrap_or_default()
}

/// The answer to what is done without a word.
fn done() -> Answer {
    Answer::Ok(Response { kind: "default".to_owned(), data: None })
}

fn statuses(kind: &str, statuses: Vec<EntryStatus>) -> Answer {
    Answer::Ok(Response { kind: kind.to_owned(), data: Some(Statuses { statuses: statuses.into() }) })
}

fn empty() -> EntryStatus {
    EntryStatus::Error("Batch must not be empty.".to_owned())
}

fn with_asset(status: EntryStatus, asset: u32) -> EntryStatus {
    match status {
        EntryStatus::Error(words) => EntryStatus::Error(format!("{words} asset={asset}")),
        status => status,
    }
}

//! Who trades what: strategies spread over accounts and instruments as people have them, within what the exchange lets one address do.

use anyhow::{Context as _, Result, ensure};
use calypte::config::{AccountName, KeySource};
use calypte::journal::Durability;
use calypte::kill::KillFolders;
use calypte::live::{PaperSettings, TradeRequest, base_fees};
use calypte::request::{LimitSettings, RiskFile, StrategyRequest};
use calypte::user_engine::{AccountPlan, LiveAccount};
use calypte_kernel::{Decimal, Symbol, Timeframe};
use calypte_venues::hyperliquid::protocol::Address;
use calypte_venues::hyperliquid::sign::SecretKey;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

/// Real accounts of one engine: the exchange lets one address have so many sockets, and follow so many accounts.
const LIVE_MAX: usize = 10;
/// What is traded, and how much a strategy holds of it: about 200 dollars.
pub(crate) const COINS: [(&str, &str); 4] = [("BTC", "0.002"), ("ETH", "0.06"), ("SOL", "1"), ("HYPE", "5")];
/// Averages that cross on each candle of a price that goes up and down.
const TRADING: [(&str, &str); 4] = [("fast", "1"), ("slow", "2"), ("atr", "1"), ("filter", "0")];
/// The usual averages, which never trade.
const QUIET: [(&str, &str); 1] = [("filter", "1")];
/// Candles of history, more than the slowest average wants.
const HISTORY: u32 = 100;
/// Money of each account.
pub(crate) const MONEY: Decimal = Decimal::from_parts(1_000_000, 0, 0, false, 0);
/// Strategies of an account share its instrument, and may hold opposite positions while some have turned and some not yet.
const RISK: &str = "[account]\nnetting = \"allow\"\n[strategy]\nshares = true\n";

/// An account.
#[derive(Debug)]
pub(crate) struct Seat {
    pub(crate) name: AccountName,
    pub(crate) symbol: Symbol,
    /// Strategies that trade on each candle: of real accounts alone.
    trading: usize,
    /// Strategies in all.
    strategies: usize,
    /// Number of its key; none: on paper.
    key: Option<usize>,
}

/// All accounts.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) seats: Vec<Seat>,
    pub(crate) strategies: usize,
    pub(crate) trading: usize,
}

impl Plan {
    /// So many strategies, so many of them in each account, of which so many in all trade.
    pub(crate) fn new(strategies: usize, per_account: usize, trading: usize) -> Result<Self> {
        ensure!(strategies > 0 && per_account > 0, "there must be a strategy at least, and room for it");
        let accounts = strategies.div_ceil(per_account);
        let live = accounts.min(LIVE_MAX).min(trading.max(1));
        let mut seats = Vec::with_capacity(accounts);
        let mut keys = 0..live;
        for place in 0..accounts {
            let own = per_account.min(strategies - place * per_account);
            // Spread evenly among the others.
            let key = if place * live / accounts == keys.start { keys.next() } else { None };
            let trading = key.map_or(0, |key| trading / live + usize::from(key < trading % live));
            ensure!(trading <= own, "{live} accounts of {per_account} strategies have no room for all that trade");
            let symbol = COINS[key.unwrap_or(place) % COINS.len()].0.parse().context("a coin")?;
            let name = format!("account-{place}").parse().context("a name")?;
            seats.push(Seat { name, symbol, trading, strategies: own, key });
        }
        Ok(Self { seats, strategies, trading })
    }

    /// The address of each real account.
    pub(crate) fn addresses(&self) -> Result<BTreeMap<AccountName, Address>> {
        let live = self.seats.iter().filter_map(|seat| Some((seat, seat.key?)));
        live.map(|(seat, key)| Ok((seat.name.clone(), SecretKey::read(&secret(key))?.address()))).collect()
    }

    /// What the engine is to trade. Keys, journals and marks of nonces lie in the folder.
    pub(crate) fn accounts(&self, component: &Path, folder: &Path) -> Result<Vec<AccountPlan>> {
        let risk = folder.join("risk.toml");
        std::fs::write(&risk, RISK)?;
        let risk = RiskFile::read(&risk)?;
        self.seats.iter().map(|seat| seat.plan(component, folder, &risk)).collect()
    }

    /// What was chosen.
    pub(crate) fn figures(&self) -> Value {
        let live = self.seats.iter().filter(|seat| seat.key.is_some()).count();
        json!({
            "strategies": self.strategies,
            "trading_on_each_candle": self.trading,
            "accounts": self.seats.len(),
            "live_accounts": live,
            "paper_accounts": self.seats.len() - live,
            "instruments": COINS.len().min(self.seats.len()),
            "spread": "each account trades one instrument with all its strategies; those that trade are spread evenly over the live \
                       accounts, as many as one address may have sockets for; all others are quiet, and most on paper",
        })
    }
}

impl Seat {
    fn plan(&self, component: &Path, folder: &Path, risk: &RiskFile) -> Result<AccountPlan> {
        let own = folder.join("accounts").join(self.name.as_str());
        std::fs::create_dir_all(&own)?;
        let size = COINS.iter().find(|(coin, _)| *coin == self.symbol.as_str()).map_or("1", |(_, size)| size);
        let strategies = (0..self.strategies).map(|place| {
            let written: &[(&str, &str)] = if place < self.trading { &TRADING } else { &QUIET };
            let written = written.iter().copied().chain([("size", size)]);
            StrategyRequest {
                name: format!("ema-atr-{place}"),
                component: component.to_owned(),
                parameters: written.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
            }
        });
        let fees = base_fees();
        let request = TradeRequest {
            strategies: strategies.collect(),
            symbols: vec![self.symbol.clone()],
            timeframes: vec![Timeframe::MINUTE],
            paper: self.key.is_none().then(|| (MONEY, PaperSettings { fees, ..PaperSettings::default() })),
            risk: Some(risk.clone()),
            journal: Some(own.join("journal")),
            durability: Durability::Written,
            history: HISTORY,
            fuel_per_event: None,
            limits: LimitSettings::default(),
            seed: 0,
            duration: None,
            record: None,
            kill: Some(KillFolders { own: own.clone(), all: folder.to_owned() }),
            seat: None,
        };
        let live = self.key.map(|key| live(key, &own)).transpose()?;
        Ok(AccountPlan { name: self.name.clone(), request, live })
    }
}

fn live(key: usize, folder: &Path) -> Result<LiveAccount> {
    let path = folder.join("key");
    let mut file = std::fs::File::options().create_new(true).write(true).mode(0o600).open(&path)?;
    std::io::Write::write_all(&mut file, secret(key).as_bytes())?;
    let user = SecretKey::read(&secret(key))?.address();
    Ok(LiveAccount { user, key: KeySource::File(path), nonces: folder.join("nonces") })
}

/// The key of an account here, which anybody can guess.
fn secret(number: usize) -> String {
    format!("0x{:064x}", number + 1)
}

//! The accounts of a soak: each with a key of its own, and a strategy that trades.

use calypte_venues::hyperliquid::protocol::Address;
use calypte_venues::hyperliquid::sign::SecretKey;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use tests::component;

/// What each account is given.
pub(super) const CASH: i64 = 10_000;
/// What is traded.
pub(super) const SYMBOLS: [&str; 2] = ["BTC", "ETH"];

/// An account, and who trades on it.
#[derive(Debug)]
pub(super) struct Trader {
    pub(super) name: &'static str,
    /// Every byte of a key that is worth nothing.
    key: u8,
    pub(super) component: &'static str,
    pub(super) symbol: &'static str,
    parameters: &'static str,
    /// Whether the market's time lets it trade. Others go by hours of the clock, which a soak does not have.
    pub(super) trades_on_candles: bool,
}

/// All of them.
pub(super) const TRADERS: [Trader; 4] = [
    Trader {
        name: "alice",
        key: 0x11,
        component: "ema-atr",
        symbol: "BTC",
        parameters: "fast = 3, slow = 8, atr = 5, filter = 0, size = 0.01",
        trades_on_candles: true,
    },
    Trader {
        name: "bob",
        key: 0x22,
        component: "grid",
        symbol: "BTC",
        parameters: "levels = 15, step = 50, size = 0.001",
        trades_on_candles: true,
    },
    Trader {
        name: "carol",
        key: 0x33,
        component: "donchian",
        symbol: "ETH",
        parameters: "channel = 5, atr = 5, stop = 1, profit = 2, size = 0.1",
        trades_on_candles: true,
    },
    Trader {
        name: "dave",
        key: 0x44,
        component: "dca",
        symbol: "ETH",
        parameters: "amount = 100, hours = 1",
        trades_on_candles: false,
    },
];

impl Trader {
    fn secret(&self) -> SecretKey {
        SecretKey::from_bytes(&[self.key; 32]).expect("a number below the order of the curve")
    }

    /// The account's address.
    pub(super) fn address(&self) -> Address {
        self.secret().address()
    }

    /// What the exchange is told to give it.
    pub(super) fn deposit(&self) -> String {
        format!("{}={CASH}", self.address())
    }

    /// Where its journal is.
    pub(super) fn journal(&self, folder: &Path) -> PathBuf {
        folder.join(format!("state/accounts/{}/journal", self.name))
    }

    fn configure(&self, folder: &Path) -> String {
        let key_file = format!("{}.key", self.name);
        let key: String = std::iter::repeat_n(format!("{:02x}", self.key), 32).collect();
        fs::write(folder.join(&key_file), format!("0x{key}")).expect("the test's folder can be written");
        format!(
            "[[account]]\nname = \"{}\"\nmode = \"live\"\naddress = \"{}\"\nkey-file = \"{key_file}\"\nsymbols = [\"{}\"]\n\
             timeframes = [\"1m\"]\n[[account.strategy]]\ncomponent = \"{}\"\nparameters = {{ {} }}\n",
            self.name,
            self.address(),
            self.symbol,
            component(self.component).display(),
            self.parameters,
        )
    }
}

/// The address of the database that everything is recorded in.
pub(super) fn database(folder: &Path) -> String {
    format!("sqlite:{}", folder.join("record.db").display())
}

/// Writes what the services work with.
pub(super) fn configure(folder: &Path, redis: &str, exchange: &str) -> PathBuf {
    let mut text = format!(
        "[bus]\nurl = \"{redis}\"\n[exchange]\nnetwork = \"devnet\"\nurl = \"{exchange}\"\n[market-data]\n\
         name = \"market-data-1\"\nhistory = 100\n[engine]\nname = \"engine-1\"\nstate = \"state\"\ndatabase = \"{}\"\n",
        database(folder)
    );
    for trader in &TRADERS {
        write!(text, "{}", trader.configure(folder)).expect("text grows");
    }
    let path = folder.join("calypte.toml");
    fs::write(&path, text).expect("the test's folder can be written");
    path
}

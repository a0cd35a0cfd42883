//! Every key that the file may have. `engine/docs/configuration.md` shows this table, and a test holds it to that.

/// One key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key {
    /// The table it stands in: `engine`, `account.strategy`.
    pub table: &'static str,
    /// Its name.
    pub name: &'static str,
    /// What it takes.
    pub kind: Kind,
    /// What holds where it is not written.
    pub absent: Absent,
    /// The variable that counts instead of it.
    pub variable: Option<&'static str>,
    /// What it says.
    pub meaning: &'static str,
}

/// What a key takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A text in quotes.
    Text,
    /// A whole number.
    Whole,
    /// An amount, exact: a text in quotes or a number.
    Amount,
    /// `true` or `false`.
    Flag,
    /// A list of texts.
    Texts,
    /// A table of names and values.
    Values,
}

/// What holds where a key is not written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Absent {
    /// It has to be there.
    Needed,
    /// This, as if it had been written.
    Default(&'static str),
    /// Something else, in words.
    Optional(&'static str),
}

impl Kind {
    /// In words.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Text => "a text in quotes",
            Self::Whole => "a whole number",
            Self::Amount => "an amount, such as \"10000\"",
            Self::Flag => "true or false",
            Self::Texts => "a list of texts, such as [\"BTC\", \"ETH\"]",
            Self::Values => "a table of names and values, such as { fast = 10 }",
        }
    }
}

const fn key(
    (table, name): (&'static str, &'static str),
    kind: Kind,
    absent: Absent,
    variable: Option<&'static str>,
    meaning: &'static str,
) -> Key {
    Key { table, name, kind, absent, variable, meaning }
}

use Absent::{Default, Needed, Optional};
use Kind::{Amount, Flag, Text, Texts, Values, Whole};

/// Every key.
pub const KEYS: &[Key] = &[
    key(
        ("bus", "url"),
        Text,
        Optional("`url-file` or the variable has it"),
        Some("CALYPTE_BUS_URL"),
        "where the bus is: `redis://`, `rediss://` (TLS) or `unix://`; without a password",
    ),
    key(("bus", "url-file"), Text, Optional("`url`"), None, "a file that holds the address, with its password"),
    key(("exchange", "network"), Text, Needed, Some("CALYPTE_EXCHANGE_NETWORK"), "`devnet`, `testnet` or `mainnet`"),
    key(
        ("exchange", "url"),
        Text,
        Optional("the network's own; of `devnet` `http://127.0.0.1:3001`"),
        Some("CALYPTE_EXCHANGE_URL"),
        "where it is served",
    ),
    key(
        ("exchange", "from-ip"),
        Text,
        Optional("the system's choice"),
        Some("CALYPTE_EXCHANGE_FROM_IP"),
        "which address of this machine to leave through",
    ),
    key(
        ("market-data", "name"),
        Text,
        Needed,
        Some("CALYPTE_MARKET_DATA_NAME"),
        "the process's name on the bus; no two processes share one",
    ),
    key(
        ("market-data", "listen"),
        Text,
        Optional("nothing is served"),
        Some("CALYPTE_MARKET_DATA_LISTEN"),
        "address of the loopback for `/metrics`, `/healthz` and `/readyz`",
    ),
    key(
        ("market-data", "history"),
        Whole,
        Default("1000"),
        Some("CALYPTE_MARKET_DATA_HISTORY"),
        "candles of the past that a stream begins with, at most 5000",
    ),
    key(
        ("engine", "name"),
        Text,
        Needed,
        Some("CALYPTE_ENGINE_NAME"),
        "the process's name on the bus, and its group's; no two processes share one",
    ),
    key(
        ("engine", "state"),
        Text,
        Needed,
        Some("CALYPTE_ENGINE_STATE"),
        "folder of what survives the process: journals, marks of nonces, records",
    ),
    key(
        ("engine", "listen"),
        Text,
        Optional("nothing is served"),
        Some("CALYPTE_ENGINE_LISTEN"),
        "address of the loopback for `/metrics`, `/healthz` and `/readyz`",
    ),
    key(
        ("engine", "database"),
        Text,
        Optional("nothing is recorded"),
        Some("CALYPTE_DATABASE_URL"),
        "where the recorder writes: `sqlite:FILE` or `postgres://…`; without a password",
    ),
    key(("engine", "database-file"), Text, Optional("`database`"), None, "a file that holds that address, with its password"),
    key(
        ("engine", "webhook-file"),
        Text,
        Optional("nobody is told"),
        Some("CALYPTE_WEBHOOK_URL"),
        "a file that holds the address that is told of what went wrong; the variable holds the address itself",
    ),
    key(
        ("account", "name"),
        Text,
        Needed,
        None,
        "its name: letters, digits, dots, dashes and underscores, a letter or digit first",
    ),
    key(
        ("account", "mode"),
        Text,
        Default("paper"),
        None,
        "`paper`: the market is real, fills are simulated; `live`: orders are sent",
    ),
    key(("account", "cash"), Amount, Default("10000"), None, "paper: money at the start, in the quote asset"),
    key(("account", "address"), Text, Optional("needed live"), None, "live: the account's own address, never an agent's"),
    key(
        ("account", "key-file"),
        Text,
        Optional("the variable has it"),
        Some("CALYPTE_KEY_<NAME>"),
        "live: a file with the key that signs, an agent's; the variable, with the account's name in capitals, holds the key itself",
    ),
    key(("account", "symbols"), Texts, Needed, None, "what is traded, the first choice first"),
    key(("account", "timeframes"), Texts, Needed, None, "lengths of candles, the first choice first"),
    key(
        ("account", "risk"),
        Text,
        Optional("nothing is declared; needed live on mainnet"),
        None,
        "a file of [limits, kill switches and protections](risk.md)",
    ),
    key(
        ("account", "limits"),
        Values,
        Optional("the sandbox's own"),
        None,
        "[limits of each strategy's sandbox](cli.md#limits-of-a-strategy) by name, such as `{ memory-bytes = 16777216 }`",
    ),
    key(
        ("account", "durability"),
        Text,
        Default("written"),
        None,
        "when an input counts as [journalled](journal.md#files): `written` survives a killed process, `synced` a power cut, at the disk's latency for each",
    ),
    key(
        ("account", "tenant"),
        Text,
        Optional("the account alone"),
        None,
        "whose account it is: accounts of one tenant share its limit, `tenant_notional_max` of the risk files",
    ),
    key(("account", "real-money"), Flag, Default("false"), None, "live on mainnet: has to be `true`"),
    key(
        ("account", "history"),
        Whole,
        Default("1000"),
        None,
        "candles of the past that strategies can ask for, of each series, at most 5000",
    ),
    key(
        ("account.strategy", "name"),
        Text,
        Optional("the file's, without its ending"),
        None,
        "its name, by which the risk file means it",
    ),
    key(("account.strategy", "component"), Text, Needed, None, "the component, as `calypte build` makes it"),
    key(
        ("account.strategy", "parameters"),
        Values,
        Optional("those of the strategy's manifest"),
        None,
        "parameters by name; their kinds and ranges are the manifest's",
    ),
];

/// The tables that stand in a table; the root is the empty name.
pub(super) const TABLES: &[(&str, &[&str])] =
    &[("", &["bus", "exchange", "market-data", "engine", "account"]), ("account", &["strategy"])];

/// The keys of a table.
pub(super) fn keys_of(table: &str) -> impl Iterator<Item = &'static Key> {
    KEYS.iter().filter(move |key| key.table == table)
}

/// Which of these names is meant by one that is written wrongly; none where it is far from all.
pub(super) fn nearest<'a>(written: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    /// Longest that is looked at: beyond, nothing of ours is meant.
    const BYTES_MAX: usize = 32;
    if written.len() > BYTES_MAX {
        return None;
    }
    let near = names.map(|name| (distance(written, name), name)).min();
    near.filter(|(distance, name)| *distance <= (name.len() / 3).clamp(1, 3)).map(|(_, name)| name)
}

/// How many letters are wrong, missing, too many, or swapped with their neighbour (optimal string alignment).
fn distance(one: &str, other: &str) -> usize {
    let (one, other) = (one.as_bytes(), other.as_bytes());
    let mut before = vec![0; other.len() + 1];
    let mut last = (0..=other.len()).collect::<Vec<_>>();
    for (row, letter) in one.iter().enumerate() {
        let mut next = vec![row + 1; other.len() + 1];
        for (column, wanted) in other.iter().enumerate() {
            let changed = last[column] + usize::from(letter != wanted);
            let mut least = changed.min(last[column + 1] + 1).min(next[column] + 1);
            if row > 0 && column > 0 && *letter == other[column - 1] && one[row - 1] == *wanted {
                least = least.min(before[column - 1] + 1);
            }
            next[column + 1] = least;
        }
        before = std::mem::replace(&mut last, next);
    }
    last[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_finger_is_understood() {
        assert_eq!(distance("listen", "listen"), 0);
        assert_eq!(distance("lisetn", "listen"), 1);
        assert_eq!(distance("from_ip", "from-ip"), 1);
        assert_eq!(distance("", "abc"), 3);
        let names = || ["symbols", "timeframes", "mode", "risk"].into_iter();
        for (written, meant) in
            [("symbol", Some("symbols")), ("time-frames", Some("timeframes")), ("mdoe", Some("mode")), ("xyz", None)]
        {
            assert_eq!(nearest(written, names()), meant, "{written}");
        }
        assert_eq!(nearest(&"x".repeat(10_000), names()), None);
    }

    #[test]
    fn no_key_stands_there_twice() {
        for (place, key) in KEYS.iter().enumerate() {
            let same = |other: &Key| (other.table, other.name) == (key.table, key.name);
            assert!(!KEYS[..place].iter().any(same), "{}.{}", key.table, key.name);
        }
    }

    #[test]
    fn the_page_shows_every_key() {
        let page = include_str!("../../docs/configuration.md");
        let shown = page.lines().filter(|line| line.starts_with("| `")).collect::<Vec<_>>();
        let rows = KEYS.iter().map(|key| {
            let absent = match key.absent {
                Needed => "needed".to_owned(),
                Default(text) => format!("`{text}`"),
                Optional(words) => words.to_owned(),
            };
            let variable = key.variable.map_or_else(|| "–".to_owned(), |name| format!("`{name}`"));
            format!("| `{}` | {} | {absent} | {variable} |", key.name, key.meaning)
        });
        assert_eq!(shown, rows.collect::<Vec<_>>(), "the rows of configuration.md");
        let headings = page.lines().filter_map(|line| line.strip_prefix("## `[")).collect::<Vec<_>>();
        assert_eq!(headings, ["bus]`", "exchange]`", "market-data]`", "engine]`", "[account]]`", "[account.strategy]]`"]);
    }
}

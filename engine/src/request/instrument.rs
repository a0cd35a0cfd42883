//! `--instrument`: the rules prices and sizes must keep, from a preset, a list of values or a file.
//!
//! ```text
//! any                                   nearly everything passes (the default)
//! hyperliquid                           what the exchange lists for each symbol
//! size_decimals=3,tick_size=0.5         rules for every instrument; what is not named is as in `any`
//! BTC:size_decimals=5,price_decimals=1  for one instrument only
//! BTC:margin_tiers=0:40 150000000:20    notional from which a largest leverage holds, in the quote asset
//! rules.toml                            a file: keys at the top for every instrument, a table per symbol
//! ```

use super::RequestError;
use super::settings::{NotANumber, parse_decimal};
use calypte_kernel::{MarginTable, MarginTier, NotAMarginTable, Rules, Symbol};
use rust_decimal::Decimal;
use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// Most decimals a price or a size can have.
pub const DECIMALS_MAX: u8 = 12;
/// Largest leverage a rule can name.
pub const LEVERAGE_MAX: u32 = 1_000;
/// Largest file of rules.
pub const RULES_FILE_BYTES_MAX: u64 = 1 << 20;

/// Names, size decimals and largest leverages of Hyperliquid's perpetuals.
const PERPETUALS: &str = include_str!("hyperliquid-perpetuals.txt");

/// Rules as written on the command line: for one instrument, or for all that have none of their own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstrumentSpec {
    /// For which; none: for all.
    pub symbol: Option<Symbol>,
    /// Where they come from.
    pub source: RulesSource,
    /// Margin tiers, where they were given.
    pub margin: Option<MarginTable>,
}

/// Where rules come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RulesSource {
    /// The preset of an exchange, by symbol.
    Hyperliquid,
    /// These.
    Fixed(Rules),
}

/// A text or a file that holds no rules.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotRules {
    /// Neither a preset nor a list nor a file.
    #[error("{0:?} is neither `any` nor `hyperliquid` nor KEY=VALUE,… nor a .toml file")]
    Shape(String),
    /// An unknown key.
    #[error(
        "{0:?} is not a rule: there are size_decimals, price_decimals, price_significant_figures, tick_size, min_notional, \
         max_leverage and margin_tiers"
    )]
    Key(String),
    /// A value that does not fit.
    #[error("{key}={value} is out of range: {range}")]
    Value {
        /// The rule.
        key: &'static str,
        /// Its value.
        value: String,
        /// What is allowed.
        range: String,
    },
    /// Margin tiers that are none.
    #[error("margin_tiers={0:?}: write FROM:LEVERAGE for each tier, with blanks between, such as `0:40 150000000:20`")]
    Tiers(String),
    /// Margin tiers that contradict each other.
    #[error(transparent)]
    MarginTable(#[from] NotAMarginTable),
    /// A value that is no number.
    #[error(transparent)]
    Number(#[from] NotANumber),
    /// A symbol.
    #[error(transparent)]
    Symbol(#[from] calypte_kernel::NotASymbol),
    /// A file that says something else than rules.
    #[error("{path:?}{table}: {fault}")]
    InFile {
        /// The file.
        path: PathBuf,
        /// ` [BTC]`: the table, where it is not at the top.
        table: String,
        /// What is wrong there.
        fault: Box<Self>,
    },
    /// The file cannot be read.
    #[error("{path:?} cannot be read: {reason}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
}

/// Several specs can come from one flag, since a file has a table per instrument.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstrumentSpecs(pub Vec<InstrumentSpec>);

impl FromStr for InstrumentSpecs {
    type Err = NotRules;

    fn from_str(text: &str) -> Result<Self, NotRules> {
        if Path::new(text).extension().is_some_and(|extension| extension.eq_ignore_ascii_case("toml")) && !text.contains('=') {
            return from_file(Path::new(text)).map(Self);
        }
        let (symbol, rules) = match text.split_once(':') {
            Some((symbol, rules)) => (Some(symbol.parse()?), rules),
            None => (None, text),
        };
        let (source, margin) = match rules {
            "any" => (RulesSource::Fixed(Rules::ANY), None),
            "hyperliquid" => (RulesSource::Hyperliquid, None),
            list if list.contains('=') => {
                let written = from_list(list)?;
                (RulesSource::Fixed(written.rules), written.margin)
            }
            _ => return Err(NotRules::Shape(rules.chars().take(60).collect())),
        };
        Ok(Self(vec![InstrumentSpec { symbol, source, margin }]))
    }
}

/// Rules as they were written.
struct Written {
    rules: Rules,
    margin: Option<MarginTable>,
}

impl Written {
    const NOTHING: Self = Self { rules: Rules::ANY, margin: None };
}

fn from_list(text: &str) -> Result<Written, NotRules> {
    let mut rules = Written::NOTHING;
    for pair in text.split(',') {
        let (key, value) = pair.split_once('=').ok_or_else(|| NotRules::Key(pair.chars().take(60).collect()))?;
        set(&mut rules, key.trim(), value.trim())?;
    }
    Ok(rules)
}

fn set(written: &mut Written, key: &str, value: &str) -> Result<(), NotRules> {
    let rules = &mut written.rules;
    match key {
        "margin_tiers" => written.margin = Some(margin_tiers(value)?),
        "size_decimals" => rules.size_decimals = whole("size_decimals", value, DECIMALS_MAX)?,
        "price_decimals" => rules.price_decimals = whole("price_decimals", value, DECIMALS_MAX)?,
        "price_significant_figures" => {
            rules.price_significant_figures = whole("price_significant_figures", value, 28)?;
        }
        "tick_size" => rules.tick_size = not_negative("tick_size", value)?,
        "min_notional" => rules.min_notional = not_negative("min_notional", value)?,
        "max_leverage" => rules.max_leverage = whole("max_leverage", value, LEVERAGE_MAX)?,
        _ => return Err(NotRules::Key(key.chars().take(60).collect())),
    }
    Ok(())
}

/// `0:40 150000000:20`.
fn margin_tiers(text: &str) -> Result<MarginTable, NotRules> {
    let refuse = || NotRules::Tiers(text.chars().take(60).collect());
    let tiers = text.split_whitespace().map(|tier| {
        let (from, leverage) = tier.split_once(':').ok_or_else(refuse)?;
        let max_leverage = leverage.parse().ok().filter(|leverage| *leverage <= LEVERAGE_MAX).ok_or_else(refuse)?;
        Ok(MarginTier { notional_from: parse_decimal(from)?, max_leverage })
    });
    Ok(MarginTable::new(&tiers.collect::<Result<Vec<_>, NotRules>>()?)?)
}

fn whole<T>(key: &'static str, value: &str, max: T) -> Result<T, NotRules>
where
    T: FromStr + PartialOrd + std::fmt::Display + Copy,
{
    let range =
        || NotRules::Value { key, value: value.chars().take(40).collect(), range: format!("a whole number, 0 to {max}") };
    value.parse().ok().filter(|number| *number <= max).ok_or_else(range)
}

fn not_negative(key: &'static str, value: &str) -> Result<Decimal, NotRules> {
    let number = parse_decimal(value)?;
    if number < Decimal::ZERO {
        return Err(NotRules::Value { key, value: value.to_owned(), range: "zero or more".to_owned() });
    }
    Ok(number)
}

/// Keys at the top of the file hold for every instrument without a table of its own; a table holds for the symbol it is
/// named after, and starts from `any`, not from the top.
fn from_file(path: &Path) -> Result<Vec<InstrumentSpec>, NotRules> {
    let unreadable = |reason: String| NotRules::Unreadable { path: path.to_owned(), reason };
    let file = std::fs::File::open(path).map_err(|error| unreadable(error.to_string()))?;
    let mut text = String::new();
    file.take(RULES_FILE_BYTES_MAX + 1).read_to_string(&mut text).map_err(|error| unreadable(error.to_string()))?;
    if text.len() as u64 > RULES_FILE_BYTES_MAX {
        return Err(unreadable(format!("it is larger than {RULES_FILE_BYTES_MAX} bytes")));
    }
    let table: BTreeMap<String, toml::Value> = toml::from_str(&text).map_err(|error| unreadable(error.message().to_owned()))?;
    let in_file =
        |table: &str, fault| NotRules::InFile { path: path.to_owned(), table: table.to_owned(), fault: Box::new(fault) };
    let mut specs = Vec::new();
    let mut top = Written::NOTHING;
    let mut top_given = false;
    for (key, value) in &table {
        if let toml::Value::Table(keys) = value {
            let spec = of_table(key, keys).map_err(|fault| in_file(&format!(" [{}]", key.escape_debug()), fault))?;
            specs.push(spec);
        } else {
            set(&mut top, key, &plain(value)).map_err(|fault| in_file("", fault))?;
            top_given = true;
        }
    }
    if top_given {
        let Written { rules, margin } = top;
        specs.push(InstrumentSpec { symbol: None, source: RulesSource::Fixed(rules), margin });
    }
    Ok(specs)
}

/// The rules of one instrument.
fn of_table(symbol: &str, keys: &toml::Table) -> Result<InstrumentSpec, NotRules> {
    let mut written = Written::NOTHING;
    for (key, value) in keys {
        set(&mut written, key, &plain(value))?;
    }
    let Written { rules, margin } = written;
    Ok(InstrumentSpec { symbol: Some(symbol.parse()?), source: RulesSource::Fixed(rules), margin })
}

/// A value as it would stand on the command line.
fn plain(value: &toml::Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// The rules of an instrument: its own, else those for all, else `any`.
pub(super) fn rules_for(symbol: &Symbol, specs: &[InstrumentSpec]) -> Result<Rules, RequestError> {
    let one = |wanted: Option<&Symbol>| {
        let mut found = specs.iter().filter(|spec| spec.symbol.as_ref() == wanted);
        let first = found.next();
        if found.next().is_some() {
            let what = wanted.map_or_else(|| "all instruments".to_owned(), Symbol::to_string);
            return Err(RequestError::RulesTwice { what });
        }
        Ok(first)
    };
    let own = one(Some(symbol))?;
    let all = one(None)?;
    match own.or(all).map(|spec| &spec.source) {
        None => Ok(Rules::ANY),
        Some(RulesSource::Fixed(rules)) => Ok(*rules),
        Some(RulesSource::Hyperliquid) => listed(symbol).ok_or_else(|| RequestError::NotListed { symbol: symbol.clone() }),
    }
}

/// The margin tiers of an instrument whose rules were found: those written with them, or those that the preset lists. None: one
/// tier of its largest leverage.
pub(super) fn margin_for(symbol: &Symbol, specs: &[InstrumentSpec]) -> Option<MarginTable> {
    let one = |wanted: Option<&Symbol>| specs.iter().find(|spec| spec.symbol.as_ref() == wanted);
    let spec = one(Some(symbol)).or_else(|| one(None))?;
    match spec.source {
        RulesSource::Hyperliquid => listed_tiers(symbol),
        RulesSource::Fixed(_) => spec.margin.clone(),
    }
}

/// The margin tiers that Hyperliquid lists for a perpetual that has more than one.
fn listed_tiers(symbol: &Symbol) -> Option<MarginTable> {
    let line = PERPETUALS.lines().find(|line| line.split(' ').next() == Some(symbol.as_str()))?;
    let mut words = line.splitn(4, ' ').skip(2);
    let (max_leverage, further) = (words.next()?, words.next()?);
    margin_tiers(&format!("0:{max_leverage} {further}")).ok()
}

/// What Hyperliquid lists for a perpetual.
fn listed(symbol: &Symbol) -> Option<Rules> {
    PERPETUALS.lines().filter(|line| !line.starts_with('#')).find_map(|line| {
        let mut words = line.split(' ');
        let name = words.next()?;
        let (size_decimals, max_leverage) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
        (name == symbol.as_str()).then(|| Rules::hyperliquid(size_decimals, max_leverage))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn symbol(text: &str) -> Symbol {
        text.parse().expect("a symbol")
    }

    fn specs(texts: &[&str]) -> Vec<InstrumentSpec> {
        texts.iter().flat_map(|text| text.parse::<InstrumentSpecs>().expect(text).0).collect()
    }

    #[test]
    fn a_file_too_large_is_refused_instead_of_read_in_part() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("rules.toml");
        let whole = usize::try_from(RULES_FILE_BYTES_MAX).expect("a mebibyte");
        let read = |bytes: usize| {
            let mut text = "min_notional = 5\n".to_owned();
            text.extend(std::iter::repeat_n('#', bytes - text.len()));
            std::fs::write(&file, text).expect("written");
            file.to_str().expect("a plain path").parse::<InstrumentSpecs>().map(|specs| specs.0.len())
        };
        assert_eq!(read(whole).expect("as large as may be"), 1);
        let error = read(whole + 1).expect_err("one byte too many").to_string();
        assert!(error.contains("larger than 1048576 bytes"), "{error}");
    }

    #[test]
    fn the_preset_knows_what_the_exchange_lists() {
        assert_eq!(rules_for(&symbol("BTC"), &specs(&["hyperliquid"])), Ok(Rules::hyperliquid(5, 40)));
        assert_eq!(rules_for(&symbol("kPEPE"), &specs(&["hyperliquid"])), Ok(Rules::hyperliquid(0, 10)));
        let missing = rules_for(&symbol("BTCUSDT"), &specs(&["hyperliquid"]));
        assert_eq!(missing, Err(RequestError::NotListed { symbol: symbol("BTCUSDT") }));
        let lines = PERPETUALS.lines().filter(|line| !line.starts_with('#'));
        assert!(lines.clone().count() > 150);
        for line in lines {
            let name = line.split(' ').next().expect("a name");
            assert!(listed(&symbol(name)).is_some(), "{line}");
        }
    }

    #[test]
    fn margin_tiers_are_listed_or_written() {
        let tiers = |table: Option<MarginTable>| {
            let tiers = table.expect("it has tiers").tiers().collect::<Vec<_>>();
            tiers.iter().map(|tier| (tier.notional_from, tier.max_leverage)).collect::<Vec<_>>()
        };
        let million = |number: i64| Decimal::from(number * 1_000_000);
        let hyperliquid = specs(&["hyperliquid"]);
        assert_eq!(tiers(margin_for(&symbol("BTC"), &hyperliquid)), [(Decimal::ZERO, 40), (million(150), 20)]);
        assert_eq!(margin_for(&symbol("PURR"), &hyperliquid), None);
        let written = specs(&["BTC:margin_tiers=0:10 5000000:5,size_decimals=3"]);
        assert_eq!(tiers(margin_for(&symbol("BTC"), &written)), [(Decimal::ZERO, 10), (million(5), 5)]);
        for line in PERPETUALS.lines().filter(|line| !line.starts_with('#') && line.split(' ').count() > 3) {
            let name = line.split(' ').next().expect("a name");
            let table = listed_tiers(&symbol(name)).expect(line);
            assert_eq!(table.max_leverage(), listed(&symbol(name)).expect(line).max_leverage, "{line}");
        }
        for text in [
            "margin_tiers=",
            "margin_tiers=40",
            "margin_tiers=0:2000",
            "margin_tiers=x:5",
            "margin_tiers=1:5",
            "margin_tiers=0:5 1:5",
        ] {
            assert!(text.parse::<InstrumentSpecs>().is_err(), "{text}");
        }
    }

    #[test]
    fn own_rules_go_before_those_for_all() {
        let specs = specs(&["hyperliquid", "BTCUSDT:size_decimals=3,tick_size=0.5"]);
        let own = Rules { size_decimals: 3, tick_size: Decimal::new(5, 1), ..Rules::ANY };
        assert_eq!(rules_for(&symbol("BTCUSDT"), &specs), Ok(own));
        assert_eq!(rules_for(&symbol("ETH"), &specs), Ok(Rules::hyperliquid(4, 25)));
        assert_eq!(rules_for(&symbol("ETH"), &[]), Ok(Rules::ANY));
    }

    #[test]
    fn rules_given_twice_are_refused() {
        let twice = rules_for(&symbol("BTC"), &specs(&["any", "hyperliquid"]));
        assert_eq!(twice, Err(RequestError::RulesTwice { what: "all instruments".to_owned() }));
    }

    #[test]
    fn a_file_has_a_table_per_instrument() {
        let file = tempfile::Builder::new().suffix(".toml").tempfile().expect("a file");
        let text = "min_notional = 5\n[BTC]\nsize_decimals = 5\ntick_size = \"0.1\"\n";
        std::fs::write(file.path(), text).expect("it is written");
        let specs = specs(&[file.path().to_str().expect("a path")]);
        let own = Rules { size_decimals: 5, tick_size: Decimal::new(1, 1), ..Rules::ANY };
        assert_eq!(rules_for(&symbol("BTC"), &specs), Ok(own));
        assert_eq!(rules_for(&symbol("ETH"), &specs), Ok(Rules { min_notional: Decimal::new(5, 0), ..Rules::ANY }));
    }

    #[test]
    fn what_is_no_rule_in_a_file_is_named_with_the_file() {
        let file = tempfile::Builder::new().suffix(".toml").tempfile().expect("a file");
        let path = file.path().to_str().expect("a path");
        for (text, place, words) in [
            ("lot = 3\n", "\": ", "\"lot\" is not a rule"),
            ("[BTC]\nmax_leverage = 5000\n", "\" [BTC]: ", "max_leverage=5000 is out of range"),
            ("[\"B C\"]\nsize_decimals = 1\n", "\" [B C]: ", "B C"),
        ] {
            std::fs::write(file.path(), text).expect("it is written");
            let error = path.parse::<InstrumentSpecs>().expect_err(text);
            assert!(matches!(error, NotRules::InFile { .. }), "{error:?}");
            let error = error.to_string();
            assert!(error.contains(&format!("{path}{place}")) && error.contains(words), "{error}");
        }
    }

    #[test]
    fn what_is_no_rule_is_named() {
        let refused = |text: &str| text.parse::<InstrumentSpecs>().expect_err(text);
        assert!(matches!(refused("binance"), NotRules::Shape(_)));
        assert!(matches!(refused("lot=3"), NotRules::Key(_)));
        assert!(matches!(refused("size_decimals=13"), NotRules::Value { .. }));
        assert!(matches!(refused("size_decimals=-1"), NotRules::Value { .. }));
        assert!(matches!(refused("tick_size=-1"), NotRules::Value { .. }));
        assert!(matches!(refused("tick_size=x"), NotRules::Number(_)));
        assert!(matches!(refused("B C:any"), NotRules::Symbol(_)));
        assert!(matches!(refused("/no/such/rules.toml"), NotRules::Unreadable { .. }));
    }
}

//! What an account trades, by the exchange's names and numbers and by ours.
//!
//! The exchange's number of an asset is its place in the universe, of this network and of this answer: it is never written down.

use super::protocol::{MARGIN_TABLES_FROM, Meta};
use calypte_kernel::{Instrument, InstrumentId, MarginTable, MarginTier, Rules, Symbol};
use std::collections::BTreeMap;

/// Most decimals of a size; the exchange has at most 5 so far.
const SIZE_DECIMALS_MAX: u8 = 6;
/// Largest leverage that is believed.
const LEVERAGE_MAX: u32 = 1_000;

/// Why what there is to trade cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AssetsError {
    /// No asset of that name.
    #[error("the exchange has no perpetual called {0}; names are case sensitive")]
    Unknown(Symbol),
    /// The asset's rules make no sense.
    #[error("the exchange's rules of {symbol} make no sense: {what}")]
    Rules {
        /// Its name.
        symbol: Symbol,
        /// What is wrong.
        what: String,
    },
    /// An asset that is traded has other rules, another place or no place any more.
    #[error("the exchange changed {symbol}: {what}; the account has to be opened anew")]
    Changed {
        /// Its name.
        symbol: Symbol,
        /// What changed.
        what: &'static str,
    },
}

/// One asset of the account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asset {
    /// The exchange's number, for actions.
    pub number: u32,
    /// As the core knows it.
    pub instrument: Instrument,
    /// Whether nothing new may be ordered any more.
    pub is_delisted: bool,
    /// Whether it takes isolated margin only.
    pub only_isolated: bool,
}

/// The assets of the account, and the names of all others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assets {
    /// Each at the place that its instrument's number says.
    assets: Vec<Asset>,
    by_coin: BTreeMap<String, usize>,
    /// Every name of the universe that is still traded: what may be subscribed to.
    names: BTreeMap<String, u32>,
}

impl Assets {
    /// The assets with these names, numbered in this order.
    ///
    /// # Errors
    /// Where the exchange has no such asset, or its rules make no sense.
    pub fn new(meta: &Meta, symbols: &[Symbol]) -> Result<Self, AssetsError> {
        let names = (0..).zip(meta.universe.iter());
        let listed = names.filter(|(_, asset)| asset.is_delisted != Some(true));
        let names = listed.map(|(number, asset)| (asset.name.clone(), number)).collect();
        let assets = (0..).zip(symbols).map(|(id, symbol)| asset(meta, InstrumentId::new(id), symbol));
        let assets = assets.collect::<Result<Vec<_>, _>>()?;
        let by_coin = assets.iter().enumerate().map(|(place, asset)| (asset.instrument.symbol.to_string(), place)).collect();
        Ok(Self { assets, by_coin, names })
    }

    /// Everything that is traded, in the exchange's order. What has no name or no rules that make sense here is left out: it is
    /// refused by name to whoever asks for it.
    pub fn listed(meta: &Meta) -> Vec<Symbol> {
        let traded = meta.universe.iter().filter(|asset| asset.is_delisted != Some(true));
        let symbols =
            traded.filter_map(|asset| asset.name.parse().ok().filter(|symbol: &Symbol| symbol.as_str() == asset.name));
        symbols.filter(|symbol| asset(meta, InstrumentId::new(0), symbol).is_ok()).collect()
    }

    /// By the exchange's name.
    pub fn of_coin(&self, coin: &str) -> Option<&Asset> {
        self.by_coin.get(coin).map(|place| &self.assets[*place])
    }

    /// By our number.
    pub fn of(&self, instrument: InstrumentId) -> Option<&Asset> {
        self.assets.get(usize::try_from(instrument.get()).ok()?)
    }

    /// In the order of our numbers.
    pub fn iter(&self) -> impl Iterator<Item = &Asset> {
        self.assets.iter()
    }

    /// Whether something of that name may be subscribed to: a socket that asks for a name the exchange does not know is closed.
    pub fn knows(&self, coin: &str) -> bool {
        self.names.contains_key(coin)
    }

    /// Takes over a newer picture of what there is to trade. Coins come at the end, and go by being delisted; gives those of the
    /// account that were delisted since.
    ///
    /// # Errors
    /// Where an asset of the account has another place or other grids; nothing is taken over then.
    pub fn refresh(&mut self, meta: &Meta) -> Result<Vec<InstrumentId>, AssetsError> {
        let symbols: Vec<Symbol> = self.assets.iter().map(|asset| asset.instrument.symbol.clone()).collect();
        let newer = Self::new(meta, &symbols)?;
        for (old, new) in self.assets.iter().zip(&newer.assets) {
            let changed = |what| Err(AssetsError::Changed { symbol: old.instrument.symbol.clone(), what });
            let (before, now) = (old.instrument.rules, new.instrument.rules);
            if old.number != new.number {
                return changed("its place among the assets is another");
            }
            if (before.size_decimals, before.price_decimals) != (now.size_decimals, now.price_decimals) {
                return changed("its price and size grids are others");
            }
        }
        let pairs = self.assets.iter().zip(&newer.assets);
        let delisted =
            pairs.filter(|(old, new)| new.is_delisted && !old.is_delisted).map(|(old, _)| old.instrument.id).collect();
        *self = newer;
        Ok(delisted)
    }
}

fn asset(meta: &Meta, id: InstrumentId, symbol: &Symbol) -> Result<Asset, AssetsError> {
    let found = (0..).zip(meta.universe.iter()).find(|(_, asset)| asset.name == symbol.as_str());
    let (number, found) = found.ok_or_else(|| AssetsError::Unknown(symbol.clone()))?;
    let nonsense = |what: String| AssetsError::Rules { symbol: symbol.clone(), what };
    if found.sz_decimals > SIZE_DECIMALS_MAX {
        return Err(nonsense(format!("{} decimals of a size", found.sz_decimals)));
    }
    if !(1..=LEVERAGE_MAX).contains(&found.max_leverage) {
        return Err(nonsense(format!("a largest leverage of {}", found.max_leverage)));
    }
    let rules = Rules::hyperliquid(found.sz_decimals, found.max_leverage);
    let table = margin_table(meta, found.margin_table_id, found.max_leverage).map_err(nonsense)?;
    Ok(Asset {
        number,
        instrument: Instrument::new(id, symbol.clone(), rules).with_margin(table),
        is_delisted: found.is_delisted == Some(true),
        only_isolated: found.only_isolated == Some(true),
    })
}

/// The margin table of a number. Those below 50 are not listed, and neither is any in old answers: one tier then.
fn margin_table(meta: &Meta, number: Option<u32>, max_leverage: u32) -> Result<MarginTable, String> {
    let listed = |number| meta.margin_tables.iter().find(|(id, _)| *id == number).map(|(_, table)| table);
    match number {
        None => Ok(MarginTable::flat(max_leverage)),
        Some(number) if number < MARGIN_TABLES_FROM => Ok(MarginTable::flat(number.max(1))),
        Some(number) => {
            let table = listed(number).ok_or_else(|| format!("margin table {number} is not listed"))?;
            let tiers = table.margin_tiers.iter();
            let tier = |from, max_leverage| MarginTier { notional_from: from, max_leverage };
            let tiers: Vec<_> = tiers.map(|listed| tier(listed.lower_bound.get(), listed.max_leverage)).collect();
            MarginTable::new(&tiers).map_err(|error| error.to_string())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hyperliquid::protocol::parse;

    const META: &str = r#"{"universe":[{"name":"KO","szDecimals":2,"maxLeverage":20,"marginTableId":51},
        {"name":"OLD","szDecimals":0,"maxLeverage":3,"marginTableId":3,"isDelisted":true},
        {"name":"kPEP","szDecimals":0,"maxLeverage":5,"marginTableId":5,"onlyIsolated":true}],
        "marginTables":[[51,{"description":"","marginTiers":[{"lowerBound":"0.0","maxLeverage":20},
        {"lowerBound":"1000000.0","maxLeverage":10}]}]]}"#;

    fn meta(text: &str) -> Meta {
        parse(text.as_bytes()).expect("a universe")
    }

    fn symbols(names: &[&str]) -> Vec<Symbol> {
        names.iter().map(|name| name.parse().expect("a symbol")).collect()
    }

    #[test]
    fn an_asset_is_known_by_name_and_by_number() {
        let assets = Assets::new(&meta(META), &symbols(&["kPEP", "KO"])).expect("assets");
        let ko = assets.of_coin("KO").expect("it is the account's");
        assert_eq!((ko.number, ko.instrument.id, ko.instrument.rules.price_decimals), (0, InstrumentId::new(1), 4));
        assert_eq!(ko.instrument.margin.max_leverage(), 20);
        assert!(assets.of(InstrumentId::new(0)).is_some_and(|asset| asset.number == 2 && asset.only_isolated));
        assert_eq!((assets.of_coin("OLD"), assets.of(InstrumentId::new(2))), (None, None));
        assert!(assets.knows("KO") && !assets.knows("ko") && !assets.knows("OLD") && !assets.knows("xyz:KO"));
    }

    #[test]
    fn what_makes_no_sense_is_refused_by_name() {
        let refused = |text: &str, name: &str| Assets::new(&meta(text), &symbols(&[name])).expect_err("no asset").to_string();
        assert!(refused(META, "KOLA").contains("no perpetual called KOLA"));
        assert!(refused(&META.replace("\"szDecimals\":2", "\"szDecimals\":200"), "KO").contains("200 decimals"));
        assert!(refused(&META.replace("[[51", "[[52"), "KO").contains("51 is not listed"));
        assert!(refused(&META.replace("\"0.0\"", "\"1.0\""), "KO").contains("begin at 0"));
        assert!(refused(&META.replace("\"maxLeverage\":20,", "\"maxLeverage\":0,"), "KO").contains("leverage of 0"));
    }

    #[test]
    fn what_is_traded_and_makes_sense_is_listed() {
        let names = |text: &str| Assets::listed(&meta(text)).iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(names(META), ["KO", "kPEP"]);
        assert_eq!(names(&META.replace("\"szDecimals\":2", "\"szDecimals\":200")), ["kPEP"]);
        assert_eq!(names(&META.replace("\"kPEP\"", "\"xyz:KO\"")), ["KO"], "markets of builders are not supported");
    }

    #[test]
    fn coins_come_and_go_while_it_runs() {
        let mut assets = Assets::new(&meta(META), &symbols(&["KO"])).expect("assets");
        let more = META.replace(
            "\"onlyIsolated\":true}]",
            "\"onlyIsolated\":true},{\"name\":\"NEW\",\"szDecimals\":1,\"maxLeverage\":3}]",
        );
        assert_eq!(assets.refresh(&meta(&more)), Ok(vec![]));
        assert!(assets.knows("NEW"));
        let gone = META.replace("\"marginTableId\":51}", "\"marginTableId\":51,\"isDelisted\":true}");
        assert_eq!(assets.refresh(&meta(&gone)), Ok(vec![InstrumentId::new(0)]));
        assert_eq!(assets.refresh(&meta(&gone)), Ok(vec![]), "it is said once");
        let moved = META.replace("{\"universe\":[", "{\"universe\":[{\"name\":\"FIRST\",\"szDecimals\":1,\"maxLeverage\":3},");
        assert!(matches!(assets.refresh(&meta(&moved)), Err(AssetsError::Changed { .. })));
        let finer = META.replace("\"szDecimals\":2", "\"szDecimals\":3");
        assert!(matches!(assets.refresh(&meta(&finer)), Err(AssetsError::Changed { .. })));
    }
}

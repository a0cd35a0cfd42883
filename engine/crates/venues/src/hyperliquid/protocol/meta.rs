//! What there is to trade, and by which rules.

use super::{Address, AssetContext, List, Number};
use serde::{Deserialize, Serialize};

/// Most assets of one universe.
pub const UNIVERSE_MAX: usize = 2_000;
/// Most builders' exchanges.
pub const DEXS_MAX: usize = 1_000;
/// A margin table below this number is not listed: it means one tier with that leverage.
pub const MARGIN_TABLES_FROM: u32 = 50;

/// The perpetuals of one exchange. An asset's place in the universe is its number in actions.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Meta {
    /// The assets; those delisted keep their places. A list that cannot be read as a whole says nothing, since places count.
    pub universe: List<AssetMeta, UNIVERSE_MAX>,
    /// Margin tables by number; older answers had none.
    #[serde(default)]
    pub margin_tables: List<(u32, MarginTableMeta), UNIVERSE_MAX>,
    /// Token in which positions are settled; 0 is USDC. Older answers did not say.
    #[serde(default)]
    pub collateral_token: Option<u32>,
}

/// One perpetual.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AssetMeta {
    /// Name, case kept; of a builder's asset with the builder's name before it: `xyz:GOLD`.
    pub name: String,
    /// Decimals of a size.
    pub sz_decimals: u8,
    /// Largest leverage.
    pub max_leverage: u32,
    /// Which margin table holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub margin_table_id: Option<u32>,
    /// Whether it is no longer traded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is_delisted: Option<bool>,
    /// Whether it takes isolated margin only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub only_isolated: Option<bool>,
    /// `strictIsolated`, `noCross`, or another word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub margin_mode: Option<String>,
}

/// A margin table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MarginTableMeta {
    /// What it is called.
    #[serde(default)]
    pub description: String,
    /// Its tiers, smallest notional first.
    pub margin_tiers: List<MarginTierMeta, 64>,
}

/// A tier of a margin table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MarginTierMeta {
    /// Notional from which it holds.
    pub lower_bound: Number,
    /// Largest leverage in it.
    pub max_leverage: u32,
}

/// The perpetuals and what surrounds each, by place: the two lists belong to one another, and to no other answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MetaAndContexts(pub Meta, pub List<AssetContext, UNIVERSE_MAX>);

/// A builder's exchange; the core one stands as null at the first place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PerpDex {
    /// Its name, which its assets carry before theirs.
    pub name: String,
    /// Its long name.
    #[serde(default)]
    pub full_name: Option<String>,
    /// Who deployed it.
    #[serde(default)]
    pub deployer: Option<Address>,
    /// How much of its fees go to the builder, as a multiple.
    #[serde(default)]
    pub deployer_fee_scale: Option<Number>,
}

/// Limits of a builder's exchange.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PerpDexLimits {
    /// Largest open interest in all, in the collateral.
    pub total_oi_cap: Number,
    /// Largest open interest of one asset, in its own units.
    pub oi_sz_cap_per_perp: Number,
    /// Largest transfer.
    pub max_transfer_ntl: Number,
    /// Largest open interest by coin.
    #[serde(default)]
    pub coin_to_oi_cap: List<(String, Number), UNIVERSE_MAX>,
}

/// State of a builder's exchange.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PerpDexStatus {
    /// What was paid in, less what was taken out.
    pub total_net_deposit: Number,
}

/// Tokens and spot pairs. Neither index has to be the place in its list.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct SpotMeta {
    /// Pairs.
    pub universe: List<SpotPair>,
    /// Tokens.
    pub tokens: List<Token>,
}

/// A spot pair.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SpotPair {
    /// Base and quote token.
    pub tokens: (u32, u32),
    /// Name: `@1`, or two tokens for the oldest.
    pub name: String,
    /// Number; in actions 10000 is added.
    pub index: u32,
    /// Whether the exchange itself listed it.
    #[serde(default)]
    pub is_canonical: bool,
}

/// A token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Token {
    /// Name.
    pub name: String,
    /// Decimals of a size.
    pub sz_decimals: u8,
    /// Decimals of its smallest unit.
    pub wei_decimals: u8,
    /// Number.
    pub index: u32,
    /// Id, which differs between networks.
    #[serde(default)]
    pub token_id: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::super::{SpotState, parse};
    use super::*;

    #[test]
    fn universe_and_contexts_belong_to_one_answer() {
        let both: MetaAndContexts = parse(
            br#"[{"universe":[{"name":"KO","szDecimals":2,"maxLeverage":20},{"name":"PEP","szDecimals":0,"maxLeverage":3}]},
                [{"markPx":"61.5"},{"markPx":"7.25"}]]"#,
        )
        .expect("both");
        let marks: Vec<_> =
            both.0.universe.iter().zip(&*both.1).map(|(asset, context)| (&*asset.name, context.mark_px)).collect();
        assert_eq!(marks, [("KO", Number::read("61.5")), ("PEP", Number::read("7.25"))]);
        let torn = br#"[{"universe":[{"name":"KO","szDecimals":2,"maxLeverage":20},{"name":"PEP"}]},[{"markPx":"61.5"},{}]]"#;
        assert!(parse::<MetaAndContexts>(torn).is_err(), "with one left out, the places of all others would shift");
    }

    #[test]
    fn keys_that_nobody_knows_are_skipped() {
        let spot: SpotState = parse(
            br#"{"balances":[{"coin":"USDC","total":"5","hold":"0.0","supplied":"1","ltv":null}],"evmEscrows":[{"coin":"X","total":"9"}],
                "tokenToAvailableAfterMaintenance":[[0,"4"]],"portfolioMarginEnabled":true}"#,
        )
        .expect("a state");
        assert_eq!((spot.balances.len(), spot.balances[0].total.to_string()), (1, "5".to_owned()));
    }
}

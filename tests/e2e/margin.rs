//! The margin arithmetic of the kernel against account states that were recorded from the exchange.
//!
//! A recorded state holds its own truth: from sizes, marks, leverages and cash, the kernel must come to the equity, the margin
//! used, the maintenance margin and the liquidation prices that stand beside them. The exchange cuts each sum of money to a
//! millionth, so sums agree to a millionth per position.

use calypte_kernel::{Collateral, Decimal, Exposure, MarginSummary, MarginTable, MarginTier, Price};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use tests::shared_file;

/// States in which everything must come out; the flag says whether the exchange's own liquidation prices can.
const STATES: &[(&str, bool)] = &[
    ("copyleft-origin/info-clearinghouseState-16-positions.json", true),
    ("info/clearinghouseState-isolated-HYPE.json", true),
    ("info/clearinghouseState-empty.json", true),
    // A unified account: its liquidation prices count collateral that is not in the state.
    ("info/clearinghouseState-whale-cross.json", false),
];

fn number(value: &Value) -> Decimal {
    value.as_str().and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("{value} is no number in a string"))
}

/// A fixture, or a counted skip of the calling test.
#[track_caller]
fn fixture(name: &str) -> Option<Value> {
    let path = shared_file(format!("hyperliquid/fixtures/{name}"))?;
    let text = fs::read_to_string(&path).expect("a fixture can be read");
    Some(serde_json::from_str(&text).expect("a fixture is JSON"))
}

/// Margin tables by coin, of a recorded `meta`. A table below 50 is a single tier of that leverage and is not listed.
fn tables(meta: &Value) -> BTreeMap<String, MarginTable> {
    let listed = meta["marginTables"].as_array().expect("tables").iter().map(|pair| {
        let tiers = pair[1]["marginTiers"].as_array().expect("tiers").iter().map(|tier| MarginTier {
            notional_from: number(&tier["lowerBound"]),
            max_leverage: tier["maxLeverage"].as_u64().and_then(|leverage| leverage.try_into().ok()).expect("a leverage"),
        });
        let table = MarginTable::new(&tiers.collect::<Vec<_>>()).expect("the exchange's tiers are valid");
        (pair[0].as_u64().expect("an id"), table)
    });
    let listed = listed.collect::<BTreeMap<_, _>>();
    let universe = meta["universe"].as_array().expect("a universe");
    let named = universe.iter().map(|asset| {
        let (name, id) = (asset["name"].as_str().expect("a name"), asset["marginTableId"].as_u64().expect("an id"));
        let max_leverage = asset["maxLeverage"].as_u64().and_then(|leverage| leverage.try_into().ok()).expect("a leverage");
        let table = listed.get(&id).cloned().unwrap_or_else(|| MarginTable::flat(max_leverage));
        assert_eq!(table.max_leverage(), max_leverage, "{name}");
        (name.to_owned(), table)
    });
    named.collect()
}

/// One position of a recorded state.
struct Recorded<'a> {
    position: &'a Value,
    exposure: Exposure<'a>,
}

fn recorded<'a>(state: &'a Value, tables: &'a BTreeMap<String, MarginTable>) -> Vec<Recorded<'a>> {
    let positions = state["assetPositions"].as_array().expect("positions").iter().map(|entry| {
        let position = &entry["position"];
        let (size, leverage) = (number(&position["szi"]), &position["leverage"]);
        let collateral = match leverage["type"].as_str() {
            Some("cross") => Collateral::Cross,
            _ => Collateral::Isolated { cash: number(&leverage["rawUsd"]) },
        };
        let exposure = Exposure {
            size,
            mark: Price::new(number(&position["positionValue"]) / size.abs()).expect("a mark is positive"),
            leverage: leverage["value"].as_u64().and_then(|leverage| leverage.try_into().ok()).expect("a leverage"),
            collateral,
            table: &tables[position["coin"].as_str().expect("a coin")],
        };
        Recorded { position, exposure }
    });
    positions.collect()
}

/// `what` agrees with the recorded value, to a millionth per position.
#[track_caller]
fn assert_close(what: &str, found: Decimal, expected: Decimal, positions: usize) {
    let slack = Decimal::new(1, 6) * Decimal::from(positions.max(1));
    assert!((found - expected).abs() <= slack, "{what}: {found}, recorded as {expected}");
}

#[test]
fn recorded_states_of_accounts_give_the_recorded_margin() {
    let Some(meta) = fixture("info/metaAndAssetCtxs-2026-mainnet.json") else { return };
    let tables = tables(&meta[0]);
    for (name, has_own_prices) in STATES {
        let Some(state) = fixture(name) else { continue };
        let positions = recorded(&state, &tables);
        let (whole, cross) = (&state["marginSummary"], &state["crossMarginSummary"]);
        let cash = number(&cross["totalRawUsd"]);
        let summary = MarginSummary::of(cash, positions.iter().map(|recorded| recorded.exposure)).expect("in range");
        let close =
            |what: &str, found, expected| assert_close(&format!("{name}: {what}"), found, number(expected), positions.len());
        close("account value", summary.account_value, &whole["accountValue"]);
        close("notional", summary.notional, &whole["totalNtlPos"]);
        close("margin used", summary.margin_used, &whole["totalMarginUsed"]);
        close("cross value", summary.cross_value, &cross["accountValue"]);
        close("cross margin used", summary.cross_margin_used, &cross["totalMarginUsed"]);
        close("cross maintenance", summary.cross_maintenance, &state["crossMaintenanceMarginUsed"]);
        if summary.cross_margin_used.is_zero() {
            // Nothing is tied up, and no order reserves anything: what is free may be withdrawn.
            close("withdrawable", summary.free_collateral().expect("in range"), &state["withdrawable"]);
        }
        for Recorded { position, exposure } in &positions {
            let of = |what: &str| format!("{name}: {what} of {}", position["coin"]);
            assert_close(&of("margin"), exposure.margin_used().expect("in range"), number(&position["marginUsed"]), 1);
            if !has_own_prices {
                continue;
            }
            let found = summary.liquidation_price(exposure).expect("in range").map(Price::get);
            let expected = Some(&position["liquidationPx"]).filter(|value| !value.is_null()).map(number);
            assert_eq!(found.is_some(), expected.is_some(), "{}: {found:?}, {expected:?}", of("liquidation price"));
            let (Some(found), Some(expected)) = (found, expected) else { continue };
            // What the sums were cut by, seen through the size.
            let slack = Decimal::new(1, 6) * Decimal::from(positions.len()) / exposure.size.abs() + Decimal::new(1, 9);
            assert!((found - expected).abs() <= slack, "{}: {found}, recorded as {expected}", of("liquidation price"));
        }
    }
}

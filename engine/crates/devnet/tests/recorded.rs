//! What the exchange shows has the keys, and the kinds of values, of what was recorded of the real one.

#[path = "../../venues/tests/fixtures/mod.rs"]
mod fixtures;

use calypte_devnet::exchange::{BookPrecision, Exchange, Interval, Liquidity, PricePoint, Prices, Settings};
use calypte_kernel::Decimal;
use calypte_venues::hyperliquid::protocol::{
    Action, Address, Answer, Grouping, Millis, Number, OrderKey, OrderTypeWire, PlaceWire, Tif,
};
use fixtures::{folder, json};
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeSet;

const START: u64 = 1_700_000_000_000;
const ANN: Address = Address::from_bytes([1; 20]);

fn millis(time: u64) -> Millis {
    Millis::new(time).expect("a time")
}

fn limit(is_buy: bool, price: i64, size: i64, tif: Tif) -> Action {
    let order = PlaceWire {
        asset: 0,
        is_buy,
        price: Number::new(price.into()),
        size: Number::new(Decimal::new(size, 5)),
        reduce_only: false,
        kind: OrderTypeWire::Limit { tif },
        cloid: None,
    };
    Action::Order { orders: vec![order], grouping: Grouping::Na, builder: None }
}

/// An exchange on which somebody bought, has an order at rest, and paid funding.
fn exchange() -> Exchange {
    let prices = vec![PricePoint { time: millis(START), price: Decimal::from(97_000) }];
    let mut exchange = Exchange::new(Settings {
        prices: Prices::Recorded(vec![prices]),
        deposits: vec![(ANN, Decimal::from(100_000))],
        liquidity: Liquidity { trades_permille: 1_000, ..Liquidity::default() },
        history_minutes: 60,
        ..Settings::new(1, millis(START))
    })
    .expect("settings");
    let advance = |exchange: &mut Exchange, to: u64| {
        while exchange.now() < millis(to) {
            exchange.advance(millis(to));
            while exchange.poll().is_some() {}
        }
    };
    advance(&mut exchange, START + 5_000);
    let taken = exchange.act(ANN, &limit(true, 98_000, 1_000, Tif::Ioc), None);
    assert!(matches!(taken, Answer::Ok(_)), "{taken:?}");
    exchange.act(ANN, &limit(true, 60_000, 1_000, Tif::Gtc), None);
    advance(&mut exchange, START + 3_700_000);
    exchange
}

/// What differs between what is shown and what was recorded, at each place of it; lists are compared by their first entries.
fn differences(place: &str, ours: &Value, recorded: &Value, found: &mut Vec<String>) {
    match (ours, recorded) {
        (Value::Object(ours), Value::Object(recorded)) => {
            let keys = |map: &serde_json::Map<String, Value>| map.keys().cloned().collect::<BTreeSet<_>>();
            let (own, real) = (keys(ours), keys(recorded));
            found.extend(real.difference(&own).map(|key| format!("{place} lacks {key}")));
            found.extend(own.difference(&real).map(|key| format!("{place} has {key} too many")));
            for key in own.intersection(&real) {
                differences(&format!("{place}.{key}"), &ours[key], &recorded[key], found);
            }
        }
        (Value::Array(ours), Value::Array(recorded)) => {
            if let (Some(ours), Some(recorded)) = (ours.first(), recorded.first()) {
                differences(&format!("{place}[]"), ours, recorded, found);
            }
        }
        (Value::Null, _) | (_, Value::Null) => {}
        (ours, recorded) if std::mem::discriminant(ours) == std::mem::discriminant(recorded) => {}
        (ours, recorded) => found.push(format!("{place} is {ours}, and {recorded} was recorded")),
    }
}

fn compare(name: &str, ours: &impl Serialize, recorded: &Value, but: &[&str]) {
    let ours = serde_json::to_value(ours).expect("it can be written");
    let mut found = Vec::new();
    differences(name, &ours, recorded, &mut found);
    found.retain(|difference| !but.contains(&difference.as_str()));
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn the_market_is_shown_as_it_was_recorded() {
    let Some(folder) = folder() else { return };
    let recorded = |name: &str| json(&folder, &format!("fixtures/{name}"));
    let exchange = exchange();
    let mut meta = recorded("info/meta-2025-08-mainnet.json");
    compare("meta", &exchange.meta(), &meta, &["meta has collateralToken too many"]);
    meta["universe"] = Value::Null;
    let contexts = recorded("info/metaAndAssetCtxs-2026-mainnet.json");
    compare("contexts", &exchange.contexts(), &contexts[1], &[]);
    compare("book", &exchange.book("BTC", BookPrecision::default()), &recorded("info/l2Book-DYDX.json"), &[]);
    let candles = exchange.candles("BTC", Interval::MINUTE, millis(0), None);
    compare("candles", &candles, &recorded("info/candleSnapshot-kPEPE-1h.json"), &[]);
    let rates = exchange.funding_history("BTC", millis(0), None).expect("a coin");
    assert!(!rates.is_empty());
    compare("fundingHistory", &rates, &recorded("info/fundingHistory-BTC.json"), &[]);
    let trades = recorded("ws/trades-HYPE.json");
    compare("trades", &exchange.recent_trades("BTC"), &trades[2]["frame"]["data"], &[]);
    compare("bbo", &exchange.bbo("BTC"), &recorded("ws/bbo-HYPE.json")[2]["frame"]["data"], &[]);
}

#[test]
fn an_account_is_shown_as_it_was_recorded() {
    let Some(folder) = folder() else { return };
    let recorded = |name: &str| json(&folder, &format!("fixtures/{name}"));
    let exchange = exchange();
    let state = exchange.clearinghouse_state(ANN);
    assert_eq!(state.asset_positions.len(), 1);
    let isolated = "clearinghouseState.assetPositions[].position.leverage lacks rawUsd";
    compare("clearinghouseState", &state, &recorded("info/clearinghouseState-isolated-HYPE.json"), &[isolated]);
    let orders = exchange.frontend_open_orders(ANN);
    assert_eq!(orders.len(), 1);
    compare("frontendOpenOrders", &orders, &recorded("info/frontendOpenOrders-spot-limit.json"), &[]);
    compare("historicalOrders", &exchange.historical_orders(ANN), &recorded("info/historicalOrders.json"), &[]);
    let status = exchange.order_status(ANN, OrderKey::Oid(orders[0].oid));
    let statuses = recorded("info/orderStatus-unknown-and-filled.json");
    compare("orderStatus", &status, &statuses[1]["response"], &[]);
    compare("orderStatus", &exchange.order_status(ANN, OrderKey::Oid(1)), &statuses[0]["response"], &[]);
    let fills = exchange.fills(ANN);
    assert!(!fills.is_empty());
    compare("fills", &fills, &recorded("info/userFills-2026-flips-and-plain.json"), &[]);
    let funding = exchange.user_funding(ANN, millis(0), None);
    assert_eq!(funding.len(), 1);
    compare("userFunding", &funding, &recorded("info/userFunding-window.json"), &[]);
    let ledger = exchange.ledger_updates(ANN, millis(0), None);
    compare("ledger", &ledger, &recorded("info/userNonFundingLedgerUpdates.json"), &[]);
    compare("activeAssetData", &exchange.active_asset_data(ANN, "BTC"), &recorded("info/activeAssetData-testnet.json"), &[]);
}

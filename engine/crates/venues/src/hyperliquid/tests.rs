//! What goes through several parts: messages of our own making, from bytes to the core's events, and bytes that nobody made.

#[path = "../../../host/fixtures/allocated.rs"]
mod allocated;
#[path = "../../tests/fixtures/mod.rs"]
mod fixtures;
mod fuzz;
#[path = "../../../host/fixtures/mutated.rs"]
mod mutated;
mod translated;

use super::assets::Assets;
use super::protocol::parse;

/// A universe of three: `KO` with tiers, one that is gone, `kPEP` in isolated margin.
pub(super) const META: &str = r#"{"universe":[{"name":"KO","szDecimals":2,"maxLeverage":20,"marginTableId":51},
    {"name":"OLD","szDecimals":0,"maxLeverage":3,"marginTableId":3,"isDelisted":true},
    {"name":"kPEP","szDecimals":0,"maxLeverage":5,"marginTableId":5,"onlyIsolated":true}],
    "marginTables":[[51,{"description":"","marginTiers":[{"lowerBound":"0.0","maxLeverage":20},
    {"lowerBound":"1000000.0","maxLeverage":10}]}]],"collateralToken":0}"#;

/// The account of the tests.
const USER: &str = "0x00000000000000000000000000000000000000aa";

pub(super) fn assets() -> Assets {
    let symbols = ["KO", "kPEP"].map(|name| name.parse().expect("a symbol"));
    Assets::new(&parse(META.as_bytes()).expect("a universe"), &symbols).expect("assets")
}

/// Frames with invented figures, one of each kind.
const FRAMES: &[&str] = &[
    r#"{"channel":"pong"}"#,
    r#"{"channel":"subscriptionResponse","data":{"method":"subscribe","subscription":{"type":"l2Book","coin":"KO","nSigFigs":null,"fast":false}}}"#,
    r#"{"channel":"error","data":"Already subscribed: {\"type\":\"bbo\",\"coin\":\"KO\"}"}"#,
    r#"{"channel":"post","data":{"id":7,"response":{"type":"action","payload":{"status":"ok","response":{"type":"order","data":{"statuses":[{"resting":{"oid":51}},{"error":"No. asset=0"},"waitingForTrigger"]}}}}}}"#,
    r#"{"channel":"allMids","data":{"mids":{"KO":"61.555","@3":"0.01","kPEP":"7.25"}}}"#,
    r#"{"channel":"l2Book","data":{"coin":"KO","time":1750000000000,"levels":[[{"px":"61.5","sz":"10.0","n":2},{"px":"61.4","sz":"7.5","n":1}],[{"px":"61.6","sz":"3.25","n":1}]]}}"#,
    r#"{"channel":"bbo","data":{"coin":"KO","time":1750000000001,"bbo":[{"px":"61.5","sz":"10.0","n":2},{"px":"61.6","sz":"3.25","n":1}]}}"#,
    r#"{"channel":"trades","data":[{"coin":"KO","side":"B","px":"61.6","sz":"0.5","time":1750000000002,"hash":"0x00","tid":11,"users":["0x00000000000000000000000000000000000000aa","0x00000000000000000000000000000000000000bb"]},{"coin":"KO","side":"A","px":"61.5","sz":"1.25","time":1750000000003,"tid":12}]}"#,
    r#"{"channel":"candle","data":{"t":1750000020000,"T":1750000079999,"s":"KO","i":"1m","o":"61.5","c":"61.6","h":"61.7","l":"61.4","v":"12.5","n":9}}"#,
    r#"{"channel":"activeAssetCtx","data":{"coin":"kPEP","ctx":{"funding":"0.0000125","openInterest":"500.0","oraclePx":"7.24","markPx":"7.251","midPx":null,"impactPxs":["7.2","7.3"]}}}"#,
    r#"{"channel":"orderUpdates","data":[{"order":{"coin":"KO","side":"B","limitPx":"61.0","sz":"2.0","oid":51,"timestamp":1750000000004,"origSz":"2.0","cloid":"0x000000000000000000000000000000c1"},"status":"open","statusTimestamp":1750000000005},{"order":{"coin":"kPEP","side":"A","limitPx":"8.0","sz":"5","oid":52,"timestamp":1750000000004,"origSz":"5","reduceOnly":true},"status":"reduceOnlyCanceled","statusTimestamp":1750000000006}]}"#,
    r#"{"channel":"user","data":{"fills":[{"coin":"KO","px":"61.0","sz":"0.75","side":"B","time":1750000000007,"startPosition":"0.0","dir":"Open Long","closedPnl":"0.0","hash":"0x00","oid":51,"crossed":false,"fee":"-0.0068","tid":901,"feeToken":"USDC","cloid":"0x000000000000000000000000000000c1"}]}}"#,
    r#"{"channel":"user","data":{"liquidation":{"lid":3,"liquidator":"0x00000000000000000000000000000000000000bb","liquidated_user":"0x00000000000000000000000000000000000000aa","liquidated_ntl_pos":"5","liquidated_account_value":"1"}}}"#,
    r#"{"channel":"userFills","data":{"isSnapshot":true,"user":"0x00000000000000000000000000000000000000aa","fills":[{"coin":"KO","px":"61.0","sz":"0.75","side":"B","time":1750000000007,"oid":51,"crossed":false,"fee":"0.01","tid":901,"liquidation":{"liquidatedUser":"0x00000000000000000000000000000000000000aa","markPx":"61","method":"market"}},{"coin":"KO","oid":1}]}}"#,
    r#"{"channel":"userFundings","data":{"user":"0x00000000000000000000000000000000000000aa","fundings":[{"time":1750003600000,"coin":"KO","usdc":"-0.25","szi":"0.75","fundingRate":"0.0000125","nSamples":null}]}}"#,
    r#"{"channel":"userNonFundingLedgerUpdates","data":{"user":"0x00000000000000000000000000000000000000aa","nonFundingLedgerUpdates":[{"time":1750000000008,"hash":"0x00","delta":{"type":"deposit","usdc":"100.5"}},{"time":1750000000009,"delta":{"type":"subAccountTransfer","usdc":"3.5","user":"0x00000000000000000000000000000000000000aa","destination":"0x00000000000000000000000000000000000000bb"}}]}}"#,
    r#"{"channel":"clearinghouseState","data":{"dex":"","user":"0x00000000000000000000000000000000000000aa","clearinghouseState":{"marginSummary":{"accountValue":"250.5","totalNtlPos":"45.75","totalRawUsd":"204.75","totalMarginUsed":"4.5"},"crossMarginSummary":null,"withdrawable":"200","assetPositions":[{"type":"oneWay","position":{"coin":"KO","szi":"0.75","leverage":{"type":"cross","value":10},"entryPx":"61.0","positionValue":"45.75","unrealizedPnl":"0.5","liquidationPx":null}}],"time":1750000000010}}}"#,
    r#"{"channel":"openOrders","data":{"dex":"","user":"0x00000000000000000000000000000000000000aa","orders":[{"coin":"KO","side":"A","limitPx":"55.0","sz":"0.75","oid":53,"timestamp":1750000000004,"origSz":"0.75","triggerCondition":"Price below 58","isTrigger":true,"triggerPx":"58.0","children":[],"isPositionTpsl":false,"reduceOnly":true,"orderType":"Stop Market","tif":null,"cloid":null}]}}"#,
    r#"{"channel":"spotState","data":{"user":"0x00000000000000000000000000000000000000aa","spotState":{"balances":[{"coin":"USDC","token":0,"total":"9.5","hold":"0.0","entryNtl":"0.0"}]}}}"#,
    r#"{"channel":"activeAssetData","data":{"user":"0x00000000000000000000000000000000000000aa","coin":"KO","leverage":{"type":"isolated","value":4,"rawUsd":"-3"},"maxTradeSzs":["1","2"],"availableToTrade":["3","4"],"markPx":"61.5"}}"#,
    r#"{"channel":"webData3","data":{"userState":{"agentAddress":"0x00000000000000000000000000000000000000cc","agentValidUntil":1760000000000,"serverTime":1750000000011,"isVault":false,"user":"0x00000000000000000000000000000000000000aa","abstraction":"unifiedAccount"},"perpDexStates":[{"perpsAtOpenInterestCap":["OLD"]},{}]}}"#,
    r#"{"channel":"notification","data":{"notification":"A word."}}"#,
    r#"{"channel":"allDexsAssetCtxs","data":{"ctxs":[["",[{"markPx":"61.5"},{"markPx":null}]],["abc",[]]]}}"#,
    r#"{"channel":"fastAssetCtxs","data":"q1byVrKqVspNLMoOqFCyUjIz1DM1VaqtBQA="}"#,
];

/// Answers with invented figures.
const ANSWERS: &[&str] = &[
    META,
    r#"{"status":"ok","response":{"type":"order","data":{"statuses":[{"resting":{"oid":5}},{"filled":{"totalSz":"0.5","avgPx":"20.1","oid":6}},{"error":"No. asset=3"}]}}}"#,
    r#"{"status":"err","response":"User or API Wallet 0x00000000000000000000000000000000000000dd does not exist."}"#,
    r#"[{"T":1750000079999,"c":"61.6","h":"61.7","i":"1m","l":"61.4","n":9,"o":"61.5","s":"KO","t":1750000020000,"v":"12.5"}]"#,
    r#"{"status":"order","order":{"order":{"coin":"KO","side":"B","limitPx":"61.0","sz":"0.0","oid":51,"timestamp":1,"origSz":"2.0"},"status":"filled","statusTimestamp":2}}"#,
    r#"[{"universe":[{"name":"KO","szDecimals":2,"maxLeverage":20}]},[{"markPx":"61.5"}]]"#,
    r#"{"role":"agent","data":{"user":"0x00000000000000000000000000000000000000aa"}}"#,
];

/// Whether some source of the crates beside this one has a function of that name.
fn is_test(folder: &std::path::Path, name: &str) -> bool {
    let entries = std::fs::read_dir(folder).expect("the sources are there");
    entries.map(|entry| entry.expect("it can be read").path()).any(|path| {
        let is_source = path.extension().is_some_and(|kind| kind == "rs");
        let holds = || std::fs::read_to_string(&path).expect("it is text").contains(&format!("fn {name}("));
        if path.is_dir() { is_test(&path, name) } else { is_source && holds() }
    })
}

#[test]
fn every_pitfall_of_the_guide_has_its_test() {
    let crates = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let guide = std::fs::read_to_string(crates.join("../docs/connectors.md")).expect("the guide is there");
    let rows: Vec<&str> = guide.lines().filter(|line| line.starts_with("| ") && line.contains('`')).collect();
    assert_eq!(rows.len(), 32, "33 pitfalls, two of them in one row");
    for name in rows.iter().flat_map(|row| row.split('`').skip(1).step_by(2)) {
        let held = ["venues/src", "kernel/src"].iter().any(|sources| is_test(&crates.join(sources), name));
        assert!(held, "the guide names a test {name}, and there is none");
    }
}

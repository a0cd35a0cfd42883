//! Every recorded payload is read, and what it says is what is known of it.

#[path = "fixtures/mod.rs"]
mod shared;

use RefusalClass as Class;
use StatusKind::{Cancelled, Filled, Open};
use calypte_kernel::Decimal;
use calypte_venues::hyperliquid::protocol::*;
use serde::de::DeserializeOwned;
use serde_json::Value;
use shared::{bytes, folder, json};
use std::collections::BTreeSet;
use std::path::Path;

/// The payloads that are looked at here; a new one belongs to one of the tests.
const FILES: &[&str] = &[
    "copyleft-origin/info-allPerpMetas-other-collateral.json",
    "copyleft-origin/info-clearinghouseState-16-positions.json",
    "copyleft-origin/ws-allDexsAssetCtxs-trimmed.json",
    "copyleft-origin/ws-user-fills-flip-and-builderFee.json",
    "exchange/bad-signature-wallet-does-not-exist.json",
    "exchange/cancel-success.json",
    "exchange/cancelByCloid-success.json",
    "exchange/cancelByCloid-unknown.json",
    "exchange/order-below-minimum.json",
    "exchange/order-resting.json",
    "exchange/updateLeverage-default.json",
    "info/activeAssetData-testnet.json",
    "info/allMids-2025-mainnet.json",
    "info/candleSnapshot-kPEPE-1h.json",
    "info/clearinghouseState-empty.json",
    "info/clearinghouseState-isolated-HYPE.json",
    "info/clearinghouseState-whale-cross.json",
    "info/extraAgents.json",
    "info/frontendOpenOrders-spot-limit.json",
    "info/fundingHistory-BTC.json",
    "info/historicalOrders.json",
    "info/l2Book-DYDX.json",
    "info/meta-2023-05-mainnet-old-shape.json",
    "info/meta-2025-08-mainnet.json",
    "info/metaAndAssetCtxs-2026-mainnet.json",
    "info/metaAndAssetCtxs-hip3-xyz.json",
    "info/openOrders-2023-old-shape.json",
    "info/orderStatus-unknown-and-filled.json",
    "info/perpDexLimits-xyz.json",
    "info/perpDexStatus-xyz.json",
    "info/perpDexs.json",
    "info/portfolio-trimmed.json",
    "info/spotClearinghouseState-testnet.json",
    "info/spotMeta-trimmed.json",
    "info/subAccounts-one.json",
    "info/userFills-2023-old-shape.json",
    "info/userFills-2026-builderFee.json",
    "info/userFills-2026-dust-conversion.json",
    "info/userFills-2026-flips-and-plain.json",
    "info/userFills-2026-liquidation-key.json",
    "info/userFillsByTime-testnet.json",
    "info/userFunding-window.json",
    "info/userNonFundingLedgerUpdates.json",
    "info/userRateLimit-vault-2025.json",
    "info/userRole-vault.json",
    "info/userTwapSliceFills.json",
    "info/userVaultEquities.json",
    "synthetic/clearinghouseState-position-szi-zero.json",
    "synthetic/clearinghouseState-position-without-leverage.json",
    "synthetic/exchange-cancel-mixed.json",
    "synthetic/exchange-order-batch-mixed.json",
    "synthetic/exchange-per-order-errors.json",
    "synthetic/exchange-refusals.json",
    "synthetic/http-non-json-refusals.json",
    "synthetic/orderStatus-variants.json",
    "synthetic/ws-activeAssetCtx.json",
    "synthetic/ws-bbo-one-side-null.json",
    "synthetic/ws-candle-in-progress-then-next.json",
    "synthetic/ws-clearinghouseState.json",
    "synthetic/ws-control-frames.json",
    "synthetic/ws-error-frames.json",
    "synthetic/ws-fastAssetCtxs-base64-raw-deflate.json",
    "synthetic/ws-l2Book-empty.json",
    "synthetic/ws-notification.json",
    "synthetic/ws-openOrders-empty-then-one.json",
    "synthetic/ws-orderUpdates-life-of-an-order.json",
    "synthetic/ws-orderUpdates-modify-is-cancel-plus-new-oid.json",
    "synthetic/ws-orderUpdates-reduceOnlyCanceled-with-closing-fill.json",
    "synthetic/ws-plain-text-greeting.json",
    "synthetic/ws-post-action-ok-out-of-order.json",
    "synthetic/ws-post-rejected-action-is-type-action.json",
    "synthetic/ws-trades-backfill-then-live.json",
    "synthetic/ws-user-fills-two-partial-one-oid.json",
    "synthetic/ws-user-funding-nSamples-null.json",
    "synthetic/ws-user-nonUserCancel.json",
    "synthetic/ws-userFills-snapshot-then-stream.json",
    "synthetic/ws-userFundings-snapshot.json",
    "synthetic/ws-webData3.json",
    "ws/allMids.json",
    "ws/bbo-HYPE.json",
    "ws/candle-HYPE-1d.json",
    "ws/l2Book-HYPE.json",
    "ws/orderUpdates-open-no-cloid.json",
    "ws/trades-HYPE.json",
];

/// A file of it, as the answer that it is.
fn answer<T: DeserializeOwned>(folder: &Path, name: &str) -> T {
    parse(&bytes(folder, &format!("fixtures/{name}"))).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// A part of a file, as the answer that it is.
fn part<T: DeserializeOwned>(value: &Value) -> T {
    parse(value.to_string().as_bytes()).unwrap_or_else(|error| panic!("{value}: {error}"))
}

fn number(text: &str) -> Decimal {
    text.parse().expect(text)
}

fn is(value: impl Into<Option<Number>>, text: &str) {
    assert_eq!(value.into().map(Number::get), Some(number(text)));
}

/// The frames of a file: one, a list, or a list with directions, of which those that came in.
fn frames(folder: &Path, name: &str) -> Vec<ServerFrame> {
    let file = json(folder, &format!("fixtures/{name}"));
    let all = match file {
        Value::Array(all) => all,
        one => vec![one],
    };
    let came_in = all.into_iter().filter(|frame| frame["dir"] != "out");
    let frames = came_in.map(|frame| if frame["frame"].is_object() { frame["frame"].clone() } else { frame });
    frames
        .map(|frame| ServerFrame::parse(frame.to_string().as_bytes()).unwrap_or_else(|error| panic!("{name}: {error}")))
        .collect()
}

/// The one frame of a file.
fn frame(folder: &Path, name: &str) -> ServerFrame {
    let mut frames = frames(folder, name);
    assert_eq!(frames.len(), 1, "{name}");
    frames.remove(0)
}

#[test]
fn every_payload_is_looked_at() {
    let Some(folder) = folder() else { return };
    let mut found = BTreeSet::new();
    for kind in ["copyleft-origin", "exchange", "info", "synthetic", "ws"] {
        for entry in std::fs::read_dir(folder.join("fixtures").join(kind)).expect("a folder of payloads") {
            let name = entry.expect("an entry").file_name().into_string().expect("a name in letters");
            found.insert(format!("{kind}/{name}"));
        }
    }
    assert_eq!(found, FILES.iter().map(|name| (*name).to_owned()).collect());
}

#[test]
fn what_there_is_to_trade() {
    let Some(folder) = folder() else { return };
    let old: Meta = answer(&folder, "info/meta-2023-05-mainnet-old-shape.json");
    assert_eq!((old.universe.len(), old.margin_tables.len(), old.collateral_token), (28, 0, None));
    assert_eq!(
        (old.universe[0].name.as_str(), old.universe[0].max_leverage, old.universe[0].margin_table_id),
        ("BTC", 50, None)
    );

    let meta: Meta = answer(&folder, "info/meta-2025-08-mainnet.json");
    assert_eq!((meta.universe.len(), meta.margin_tables.len()), (203, 7));
    assert_eq!((meta.universe[0].sz_decimals, meta.universe[0].margin_table_id), (5, Some(56)));
    assert!(meta.universe.iter().any(|asset| asset.is_delisted == Some(true)));
    assert!(meta.universe.iter().any(|asset| asset.only_isolated == Some(true)));
    let (id, table) = &meta.margin_tables[1];
    assert_eq!((*id, table.margin_tiers.len(), table.margin_tiers[1].max_leverage), (51, 2, 5));
    is(table.margin_tiers[1].lower_bound, "3000000");

    let MetaAndContexts(meta, contexts) = answer(&folder, "info/metaAndAssetCtxs-2026-mainnet.json");
    assert_eq!((meta.universe.len(), contexts.len(), meta.collateral_token), (228, 228, Some(0)));
    is(contexts[0].mark_px, "66344");
    is(contexts[0].funding, "-0.000003688");
    is(contexts[0].day_ntl_vlm, "12377419030.3486595154");
    assert!(
        contexts.iter().any(|context| context.mid_px.is_none() && context.premium.is_none() && context.impact_pxs.is_none())
    );

    let MetaAndContexts(meta, contexts) = answer(&folder, "info/metaAndAssetCtxs-hip3-xyz.json");
    assert_eq!((meta.universe.len(), contexts.len()), (43, 43));
    assert_eq!((meta.universe[0].name.as_str(), meta.universe[0].margin_mode.as_deref()), ("xyz:XYZ100", Some("noCross")));

    let metas: List<Meta> = answer(&folder, "copyleft-origin/info-allPerpMetas-other-collateral.json");
    assert_eq!(metas.iter().map(|meta| meta.collateral_token).collect::<Vec<_>>(), [Some(0), Some(360), Some(235)]);

    let dexs: List<Option<PerpDex>, DEXS_MAX> = answer(&folder, "info/perpDexs.json");
    assert_eq!((dexs.len(), dexs[0].is_none()), (5, true));
    assert_eq!(dexs[1].as_ref().map(|dex| dex.name.as_str()), Some("xyz"));
    is(dexs[1].as_ref().and_then(|dex| dex.deployer_fee_scale), "1");
    let limits: PerpDexLimits = answer(&folder, "info/perpDexLimits-xyz.json");
    is(limits.total_oi_cap, "400000000");
    assert_eq!((limits.coin_to_oi_cap.len(), limits.coin_to_oi_cap[0].0.as_str()), (14, "xyz:AAPL"));
    let status: PerpDexStatus = answer(&folder, "info/perpDexStatus-xyz.json");
    is(status.total_net_deposit, "44452174.1128069982");

    let spot: SpotMeta = answer(&folder, "info/spotMeta-trimmed.json");
    assert_eq!((spot.universe.len(), spot.tokens.len()), (9, 10));
    assert_eq!((spot.universe[0].name.as_str(), spot.universe[1].name.as_str()), ("PURR/USDC", "@1"));
    assert!(spot.tokens.iter().enumerate().any(|(place, token)| token.index as usize != place), "numbers are not places");
}

#[test]
fn the_public_market() {
    let Some(folder) = folder() else { return };
    let mids: std::collections::BTreeMap<String, Number> = answer(&folder, "info/allMids-2025-mainnet.json");
    assert_eq!(mids.len(), 482);
    is(mids["@10"], "0.00003066");

    let candles: Rows<Candle> = answer(&folder, "info/candleSnapshot-kPEPE-1h.json");
    assert_eq!((candles.len(), candles.unreadable, candles[0].coin.as_str(), candles[0].trades), (24, 0, "kPEPE", 709));
    is(candles[0].volume, "520665683");
    assert_eq!(candles[0].end_time.get() - candles[0].open_time.get(), 3_599_999);

    let book: Option<Book> = answer(&folder, "info/l2Book-DYDX.json");
    let book = book.expect("a coin that is known");
    assert_eq!((book.levels.0.len(), book.levels.1.len(), book.levels.1[0].n), (20, 20, 2));
    is(book.levels.0[0].px, "2.111");

    let funding: Rows<FundingRate> = answer(&folder, "info/fundingHistory-BTC.json");
    assert_eq!((funding.len(), funding[0].time.get()), (34, 1_683_849_600_048));
    is(funding[0].funding_rate, "-0.00061334");
}

#[test]
fn the_state_of_an_account() {
    let Some(folder) = folder() else { return };
    let state = |name: &str| answer::<ClearinghouseState>(&folder, name);

    let empty = state("info/clearinghouseState-empty.json");
    assert!(empty.asset_positions.is_empty());
    is(empty.withdrawable, "0");

    let isolated = state("info/clearinghouseState-isolated-HYPE.json");
    let position = &isolated.asset_positions[0].position;
    let leverage = position.leverage.as_ref().expect("it is said");
    assert_eq!(
        (leverage.kind.as_str(), leverage.value, leverage.mode()),
        ("isolated", 10, Some(calypte_kernel::MarginMode::Isolated))
    );
    is(leverage.raw_usd, "-68.126246");
    is(position.liquidation_px, "35.8559189474");
    is(isolated.cross_margin_summary.and_then(|summary| summary.account_value), "75.781884");

    let whale = state("info/clearinghouseState-whale-cross.json");
    assert_eq!(whale.asset_positions.len(), 6);
    assert!(whale.asset_positions.iter().any(|row| row.position.liquidation_px.is_none()));
    is(whale.margin_summary.and_then(|summary| summary.total_raw_usd), "-841576.221441");
    let many = state("copyleft-origin/info-clearinghouseState-16-positions.json");
    assert_eq!(many.asset_positions.len(), 16);

    // What holds of each: the account is worth its collateral and the signed values of its positions, which carry the noise of
    // floating point.
    for state in [&isolated, &whale, &many, &empty] {
        let signed = state.asset_positions.iter().map(|row| {
            let value = row.position.position_value.expect("it is said").get();
            if row.position.szi.get().is_sign_negative() { -value } else { value }
        });
        let summary = state.margin_summary.expect("it is said");
        let raw = summary.total_raw_usd.expect("it is said").get();
        let difference = summary.account_value.expect("it is said").get() - raw - signed.sum::<Decimal>();
        assert!(difference.abs() < number("0.000001"), "{difference}");
    }

    let zero = state("synthetic/clearinghouseState-position-szi-zero.json");
    assert!(zero.asset_positions[0].position.szi.get().is_zero());
    let unknown = state("synthetic/clearinghouseState-position-without-leverage.json");
    assert_eq!(unknown.asset_positions[0].position.leverage, None, "unknown, not 1");
    is(unknown.asset_positions[0].position.szi, "3");

    let subs: List<SubAccount> = answer(&folder, "info/subAccounts-one.json");
    is(subs[0].clearinghouse_state.as_ref().and_then(|state| state.withdrawable), "29.78001");
    is(subs[0].spot_state.as_ref().map(|state| state.balances[0].total), "0.22");
    let spot: SpotState = answer(&folder, "info/spotClearinghouseState-testnet.json");
    assert_eq!((spot.balances.len(), spot.balances[1].coin.as_str(), spot.balances[1].token), (3, "HYPE", Some(1105)));
    is(spot.balances[1].hold, "0.2");
    let active: ActiveAssetData = answer(&folder, "info/activeAssetData-testnet.json");
    assert_eq!(active.leverage.map(|leverage| leverage.value), Some(10));
    is(active.max_trade_szs.map(|sizes| sizes.0), "72.42");
}

#[test]
fn permissions_and_budgets() {
    let Some(folder) = folder() else { return };
    let agents: List<Agent> = answer(&folder, "info/extraAgents.json");
    assert_eq!(agents[0].valid_until.map(Millis::get), Some(1_767_776_120_478));
    let limit: UserRateLimit = answer(&folder, "info/userRateLimit-vault-2025.json");
    assert_eq!(
        (limit.n_requests_used, limit.n_requests_cap, limit.n_requests_surplus),
        (36_589_831_368, 170_043_731_737, None)
    );
    let role: UserRole = answer(&folder, "info/userRole-vault.json");
    assert_eq!((role.role.as_str(), role.data), ("vault", None));
    let vaults: List<VaultEquity> = answer(&folder, "info/userVaultEquities.json");
    is(vaults[0].equity, "688536.0314879999");
    let portfolio: List<(String, Portfolio)> = answer(&folder, "info/portfolio-trimmed.json");
    assert_eq!((portfolio.len(), portfolio[0].0.as_str(), portfolio[0].1.pnl_history.len()), (8, "day", 3));
    let funding: Rows<Ledger<FundingPayment>> = answer(&folder, "info/userFunding-window.json");
    assert_eq!((funding.len(), funding.unreadable, funding[0].delta.n_samples), (13, 0, Some(3)));
    is(funding[0].delta.usdc, "0.145796");
    let money: Rows<Ledger<MoneyMoved>> = answer(&folder, "info/userNonFundingLedgerUpdates.json");
    assert_eq!((money.len(), money.unreadable), (5, 0));
    assert_eq!(
        (money[0].delta.kind.as_str(), money[1].delta.kind.as_str(), money[1].delta.to_perp),
        ("deposit", "accountClassTransfer", Some(false))
    );
    is(money[0].delta.usdc, "2703997.4500000002");
}

#[test]
fn orders_of_every_age() {
    let Some(folder) = folder() else { return };
    let old: Rows<Order> = answer(&folder, "info/openOrders-2023-old-shape.json");
    assert_eq!((old.len(), old.unreadable, old[0].orig_sz, old[0].cloid), (40, 0, None, None));
    let front: Rows<Order> = answer(&folder, "info/frontendOpenOrders-spot-limit.json");
    assert_eq!((front[0].tif.as_deref(), front[0].is_trigger, front[0].cloid), (Some("Gtc"), Some(false), None));
    let history: Rows<OrderUpdate> = answer(&folder, "info/historicalOrders.json");
    assert_eq!((history.len(), history.unreadable), (5, 0));
    assert_eq!(StatusKind::of(&history[0].status), StatusKind::Rejected);

    let pairs = json(&folder, "fixtures/info/orderStatus-unknown-and-filled.json");
    let unknown: OrderStatus = part(&pairs[0]["response"]);
    assert_eq!((unknown.status.as_str(), unknown.order), ("unknownOid", None));
    let filled: OrderStatus = part(&pairs[1]["response"]);
    let filled = filled.order.expect("it is known");
    assert_eq!(StatusKind::of(&filled.status), Filled);
    is(filled.order.sz, "0");
    is(filled.order.orig_sz, "0.0025");
    for (pair, oid) in [(0, 141_622_259_364), (1, 37_907_159_219)] {
        let question: InfoRequest = part(&pairs[pair]["request"]);
        assert!(matches!(question, InfoRequest::OrderStatus { oid: OrderKey::Oid(found), .. } if found == oid));
    }

    let variants: Vec<OrderStatus> = answer(&folder, "synthetic/orderStatus-variants.json");
    let statuses = variants.iter().map(|variant| variant.order.as_ref().map(|order| StatusKind::of(&order.status)));
    assert_eq!(statuses.collect::<Vec<_>>(), [None, Some(Filled), Some(Cancelled)]);
}

#[test]
fn fills_of_every_kind() {
    let Some(folder) = folder() else { return };
    let fills = |name: &str| {
        let fills: Rows<Fill, FILLS_MAX> = answer(&folder, name);
        assert_eq!(fills.unreadable, 0, "{name}");
        fills.rows
    };
    let old = fills("info/userFills-2023-old-shape.json");
    assert_eq!((old.len(), old[0].fee_token.as_deref(), old[0].tid), (25, None, None));
    let built = fills("info/userFills-2026-builderFee.json");
    is(built[0].builder_fee, "0.028511");
    is(built[0].fee, "0.125449");
    let dust = fills("info/userFills-2026-dust-conversion.json");
    assert_eq!(dust.iter().filter(|fill| fill.tid == Some(0)).count(), 2);
    let names: BTreeSet<_> = dust.iter().map(|fill| (fill.oid, fill.tid)).collect();
    assert_eq!(names.len(), dust.len(), "order and trade together tell them apart");
    let flips = fills("info/userFills-2026-flips-and-plain.json");
    assert_eq!((flips.len(), flips[0].dir.as_deref(), flips[0].crossed), (10, Some("Long > Short"), false));
    is(flips[0].start_position, "0.81756");
    let liquidated = fills("info/userFills-2026-liquidation-key.json");
    let liquidation = liquidated[0].liquidation.as_ref().expect("it is said");
    assert_eq!(liquidation.method.as_deref(), Some("market"));
    is(liquidation.mark_px, "66.59");
    assert_eq!(fills("info/userFillsByTime-testnet.json")[1].oid, 37_907_165_748);
    let slices: Rows<TwapFill> = answer(&folder, "info/userTwapSliceFills.json");
    assert_eq!((slices.len(), slices.unreadable, slices[0].twap_id), (6, 0, 2_042_354));
}

#[test]
fn answers_to_actions() {
    let Some(folder) = folder() else { return };
    let pairs = |name: &str| {
        let pairs = json(&folder, &format!("fixtures/exchange/{name}"));
        let pairs = pairs.as_array().expect("pairs").clone();
        pairs
            .iter()
            .map(|pair| (part::<Action>(&pair["request"]["action"]), part::<Answer>(&pair["response"])))
            .collect::<Vec<_>>()
    };
    let statuses = |answer: &Answer| match answer {
        Answer::Ok(response) => response.data.clone().unwrap_or_default().statuses.0,
        Answer::Err(words) => panic!("{words}"),
    };
    let placed = pairs("order-resting.json");
    assert_eq!(statuses(&placed[0].1), [EntryStatus::Resting { oid: 41_545_810_396, cloid: None }]);
    assert!(matches!(&placed[0].0, Action::Order { orders, grouping: Grouping::Na, builder: None } if orders[0].asset == 173));
    let small = pairs("order-below-minimum.json");
    assert_eq!(statuses(&small[0].1), [EntryStatus::Error("Order must have minimum value of $10. asset=173".into())]);
    let cancelled = pairs("cancel-success.json");
    assert_eq!(statuses(&cancelled[1].1), [EntryStatus::Success]);
    assert!(matches!(&cancelled[1].0, Action::Cancel { cancels, fast: None } if cancels[0].oid == 41_569_111_732));
    let named = pairs("cancelByCloid-success.json");
    let [EntryStatus::Resting { cloid: Some(cloid), .. }] = statuses(&named[0].1)[..] else {
        panic!("it rests under its name")
    };
    assert!(matches!(&named[1].0, Action::CancelByCloid { cancels, .. } if cancels[0].cloid == cloid));
    let unknown = statuses(&pairs("cancelByCloid-unknown.json")[0].1);
    assert!(matches!(&unknown[..], [EntryStatus::Error(words)] if RefusalClass::of(words) == RefusalClass::GoneOrNever));
    let (_, stranger) = &pairs("bad-signature-wallet-does-not-exist.json")[0];
    assert!(matches!(stranger, Answer::Err(words) if RefusalClass::of(words) == RefusalClass::WrongSigner));
    let done: Answer = answer(&folder, "exchange/updateLeverage-default.json");
    assert_eq!(done, Answer::Ok(Response { kind: "default".into(), data: None }));

    let mixed = statuses(&answer(&folder, "synthetic/exchange-order-batch-mixed.json"));
    assert_eq!(mixed.len(), 5);
    assert!(matches!(mixed[1], EntryStatus::Filled { oid: 1_000_071, cloid: Some(_), .. }));
    assert_eq!(mixed[3..], [EntryStatus::WaitingForFill, EntryStatus::WaitingForTrigger]);
    let cancels = statuses(&answer(&folder, "synthetic/exchange-cancel-mixed.json"));
    assert!(matches!(&cancels[..], [EntryStatus::Success, EntryStatus::Error(_)]));
}

#[test]
fn refusals_have_their_classes() {
    let Some(folder) = folder() else { return };
    let classes = |words: Vec<String>| words.iter().map(|words| RefusalClass::of(words)).collect::<Vec<_>>();
    let Answer::Ok(response) = answer::<Answer>(&folder, "synthetic/exchange-per-order-errors.json") else {
        panic!("looked at")
    };
    let errors = response.data.unwrap_or_default().statuses.0.into_iter().map(|status| match status {
        EntryStatus::Error(words) => words,
        other => panic!("{other:?}"),
    });
    let expected = [
        Class::TooSmall,
        Class::NoMoney,
        Class::StalePosition,
        Class::WouldTrade,
        Class::NoCounterpart,
        Class::BadTrigger,
        Class::NoCounterpart,
        Class::OpenInterestCapped,
        Class::PriceBand,
    ];
    assert_eq!(classes(errors.collect()), expected);
    let refusals: Vec<Answer> = answer(&folder, "synthetic/exchange-refusals.json");
    let words = refusals.into_iter().map(|answer| match answer {
        Answer::Err(words) => words,
        Answer::Ok(response) => panic!("{response:?}"),
    });
    let expected = [
        Class::WrongSigner,
        Class::NotFunded,
        Class::DuplicateNonce,
        Class::BudgetSpent,
        Class::VolumeGate,
        Class::PostOnlyPhase,
        Class::SetUp,
        Class::SetUp,
        Class::WrongSigner,
        Class::TooMany,
    ];
    assert_eq!(classes(words.collect()), expected);
    let bodies = json(&folder, "fixtures/synthetic/http-non-json-refusals.json");
    for body in bodies.as_array().expect("bodies") {
        assert!(parse::<Answer>(body["body_text"].as_str().expect("a text").as_bytes()).is_err());
    }
}

#[test]
fn frames_of_the_market() {
    let Some(folder) = folder() else { return };
    let recorded = |name: &str| {
        let mut frames = frames(&folder, name);
        assert!(matches!(frames[0], ServerFrame::Ack { begins: true, subscription: Some(_) }), "{name}");
        frames.remove(1)
    };
    assert!(matches!(recorded("ws/allMids.json"), ServerFrame::AllMids(all) if all.mids["2Z"].to_string() == "0.129165"));
    let ServerFrame::Bbo(quote) = recorded("ws/bbo-HYPE.json") else { panic!("a quote") };
    is(quote.bbo.0.map(|level| level.px), "23.757");
    is(quote.bbo.1.map(|level| level.sz), "100.26");
    let ServerFrame::Candle(candle) = recorded("ws/candle-HYPE-1d.json") else { panic!("a candle") };
    assert_eq!((candle.interval.as_str(), candle.trades), ("1d", 102_895));
    is(candle.volume, "3495670.8399999999");
    let ServerFrame::Book(book) = recorded("ws/l2Book-HYPE.json") else { panic!("a book") };
    is(book.levels.1[0].sz, "1473.06");
    let ServerFrame::Trades(trades) = recorded("ws/trades-HYPE.json") else { panic!("trades") };
    assert_eq!((trades[0].tid, trades[0].side, trades[0].users.is_some()), (716_095_722_814_130, Side::B, true));

    let ServerFrame::Bbo(quote) = frame(&folder, "synthetic/ws-bbo-one-side-null.json") else { panic!("a quote") };
    assert!(quote.bbo.0.is_none() && quote.bbo.1.is_some());
    let ServerFrame::Book(book) = frame(&folder, "synthetic/ws-l2Book-empty.json") else { panic!("a book") };
    assert!(book.levels.0.is_empty() && book.levels.1.is_empty());
    let ServerFrame::Context(context) = frame(&folder, "synthetic/ws-activeAssetCtx.json") else { panic!("a context") };
    is(context.ctx.mark_px, "14.3161");
    let ServerFrame::AllContexts(all) = frame(&folder, "copyleft-origin/ws-allDexsAssetCtxs-trimmed.json") else {
        panic!("all")
    };
    assert_eq!((all.len(), all[0].0.as_str(), all[1].0.as_str(), all[1].1[0].mid_px), (4, "", "abcd", None));
    is(all[0].1[0].mid_px, "77558.5");
    let candles = frames(&folder, "synthetic/ws-candle-in-progress-then-next.json");
    let opened = candles.iter().map(|frame| match frame {
        ServerFrame::Candle(candle) => (candle.open_time.get(), candle.trades),
        other => panic!("{other:?}"),
    });
    assert_eq!(opened.collect::<Vec<_>>(), [(1_763_800_000_000, 12), (1_763_800_000_000, 20), (1_763_800_060_000, 1)]);
    let trades = frames(&folder, "synthetic/ws-trades-backfill-then-live.json").into_iter().flat_map(|frame| match frame {
        ServerFrame::Trades(trades) => trades.rows,
        other => panic!("{other:?}"),
    });
    assert_eq!(trades.map(|trade| trade.tid).collect::<Vec<_>>(), [1, 2, 2, 3], "history comes twice");

    let packed = json(&folder, "fixtures/synthetic/ws-fastAssetCtxs-base64-raw-deflate.json");
    let ServerFrame::FastContexts(fast) = ServerFrame::parse(packed["frame"].to_string().as_bytes()).expect("it unpacks")
    else {
        panic!("prices")
    };
    is(fast["BTC"].mid_px, "97000.5");
    assert_eq!(fast["MATIC"], FastContext::default());
}

#[test]
fn frames_about_an_account() {
    let Some(folder) = folder() else { return };
    let updates = |name: &str| {
        let found = frames(&folder, name).into_iter().filter_map(|frame| match frame {
            ServerFrame::OrderUpdates(updates) => Some(updates.rows),
            ServerFrame::Ack { subscription, .. } => {
                assert_eq!(subscription, None, "its user is no address");
                None
            }
            other => panic!("{other:?}"),
        });
        found
            .map(|rows| {
                rows.into_iter().map(|row| (row.order.oid, StatusKind::of(&row.status), row.order.sz.to_string())).collect()
            })
            .collect::<Vec<Vec<_>>>()
    };
    assert_eq!(updates("ws/orderUpdates-open-no-cloid.json"), [[(1, Open, "0.49".to_owned())]]);
    let life = updates("synthetic/ws-orderUpdates-life-of-an-order.json").concat();
    assert_eq!(life, [(1_000_001, Open, "0.01".into()), (1_000_001, Open, "0.004".into()), (1_000_001, Filled, "0".into())]);
    let modified = updates("synthetic/ws-orderUpdates-modify-is-cancel-plus-new-oid.json");
    assert_eq!(modified, [[(1_000_001, Cancelled, "0.01".to_owned()), (1_000_020, Open, "0.01".to_owned())]]);
    let reduced = updates("synthetic/ws-orderUpdates-reduceOnlyCanceled-with-closing-fill.json");
    assert_eq!(reduced, [[(1_000_002, Filled, "0".to_owned()), (1_000_003, Cancelled, "0.01".to_owned())]]);

    let ServerFrame::User(event) = frame(&folder, "synthetic/ws-user-fills-two-partial-one-oid.json") else {
        panic!("an event")
    };
    let fills = event.fills.expect("fills");
    assert_eq!((fills[0].oid, fills[1].oid, fills[0].tid == fills[1].tid), (1_000_001, 1_000_001, false));
    let flips = frames(&folder, "copyleft-origin/ws-user-fills-flip-and-builderFee.json");
    let [ServerFrame::User(spot), ServerFrame::User(flip)] = &flips[..] else { panic!("events") };
    assert_eq!(spot.fills.as_ref().and_then(|fills| fills[0].fee_token.as_deref()), Some("HYPE"));
    is(flip.fills.as_ref().and_then(|fills| fills[0].builder_fee), "0.007914");
    let ServerFrame::User(event) = frame(&folder, "synthetic/ws-user-funding-nSamples-null.json") else { panic!("an event") };
    is(event.funding.map(|funding| funding.usdc), "-0.123456");
    let ServerFrame::User(event) = frame(&folder, "synthetic/ws-user-nonUserCancel.json") else { panic!("an event") };
    assert_eq!(event.non_user_cancel.map(|cancels| cancels[1].coin.clone()).as_deref(), Some("xyz:XYZ100"));

    let fills = frames(&folder, "synthetic/ws-userFills-snapshot-then-stream.json");
    let [ServerFrame::Fills(history), ServerFrame::Fills(live)] = &fills[..] else { panic!("fills") };
    assert_eq!((history.is_snapshot, history.of.len(), live.is_snapshot, live.of.len()), (true, 2, false, 1));
    assert!(
        matches!(frame(&folder, "synthetic/ws-userFundings-snapshot.json"), ServerFrame::Fundings(of) if of.is_snapshot && of.of.len() == 1)
    );
    let ServerFrame::Clearinghouse(state) = frame(&folder, "synthetic/ws-clearinghouseState.json") else { panic!("a state") };
    assert_eq!((state.dex.as_str(), state.of.asset_positions.len()), ("", 2));
    is(state.of.asset_positions[1].position.szi, "-1.5");
    let orders = frames(&folder, "synthetic/ws-openOrders-empty-then-one.json");
    let [ServerFrame::OpenOrders(none), ServerFrame::OpenOrders(one)] = &orders[..] else { panic!("orders") };
    assert_eq!((none.of.len(), one.of[0].oid), (0, 1_000_001));
    let ServerFrame::WebData(web) = frame(&folder, "synthetic/ws-webData3.json") else { panic!("web data") };
    assert_eq!((web.user_state.agent_valid_until, web.user_state.abstraction.as_deref()), (None, Some("disabled")));
    assert_eq!(web.perp_dex_states[0].perps_at_open_interest_cap[..], ["CANTO".to_owned()]);
    assert_eq!(frame(&folder, "synthetic/ws-notification.json"), ServerFrame::Notification("Order filled".into()));
}

#[test]
fn frames_about_the_socket() {
    let Some(folder) = folder() else { return };
    let control = frames(&folder, "synthetic/ws-control-frames.json");
    let book = Subscription::L2Book { coin: "BTC".into(), fast: None };
    assert_eq!(control[0], ServerFrame::Ack { begins: true, subscription: Some(book) });
    assert_eq!(control[1], ServerFrame::Ack { begins: false, subscription: Some(Subscription::Trades { coin: "BTC".into() }) });
    assert_eq!(control[2], ServerFrame::Pong);
    let errors = frames(&folder, "synthetic/ws-error-frames.json");
    assert_eq!(errors.len(), 6);
    assert!(errors.iter().all(|frame| matches!(frame, ServerFrame::Error(words) if !words.is_empty())));
    let greeting = json(&folder, "fixtures/synthetic/ws-plain-text-greeting.json");
    let greeting = greeting["raw_text_frame"].as_str().expect("a text");
    assert_eq!(ServerFrame::parse(greeting.as_bytes()), Ok(ServerFrame::NotAnObject));
    let posts = frames(&folder, "synthetic/ws-post-action-ok-out-of-order.json");
    assert!(
        matches!(&posts[0], ServerFrame::Post { id: 2, answer: PostAnswer::Action(Answer::Ok(response)) } if response.kind == "order")
    );
    assert_eq!(posts[1], ServerFrame::Post { id: 1, answer: PostAnswer::Info });
    let refused = frame(&folder, "synthetic/ws-post-rejected-action-is-type-action.json");
    let ServerFrame::Post { id: 3, answer: PostAnswer::Action(Answer::Err(words)) } = refused else { panic!("a refusal") };
    assert_eq!(RefusalClass::of(&words), RefusalClass::DuplicateNonce);
}

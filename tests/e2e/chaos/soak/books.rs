//! The books of an account after a soak: what the exchange says, held against the engine and the recorder.

use super::accounts::{CASH, Trader};
use super::show;
use crate::devnet::Devnet;
use crate::record::{Facts, assert_same, column, database, facts, file};
use calypte::record::Table;
use calypte_kernel::Decimal;
use calypte_venues::hyperliquid::protocol::{FILLS_MAX, Fill, Side};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;

/// The exchange keeps so many fills of an account: with as many, it could not be compared any more.
const FILLS_KEPT_MAX: usize = calypte_devnet::exchange::FILLS_KEPT_MAX;

/// A fill, whoever tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct FillFact {
    symbol: String,
    is_buy: bool,
    price: Decimal,
    size: Decimal,
    fee: Decimal,
    is_maker: bool,
}

/// Fills by the numbers of their order and their trade.
type Fills = BTreeMap<(u64, u64), FillFact>;
/// Payments of funding by symbol and time.
type Funding = BTreeMap<(String, i64), Decimal>;

/// An account as the exchange knows it, once nobody trades on it any more.
pub(super) struct Books {
    name: &'static str,
    fills: Fills,
    /// Funding goes on where positions stay. What was paid before the end began must be known elsewhere.
    funding: Funding,
    ends_after: i64,
    positions: BTreeMap<String, Decimal>,
    /// Money without what positions are worth.
    raw: Decimal,
}

/// An account as it is recorded.
pub(super) struct Recorded {
    fills: Fills,
    funding: Funding,
    /// The positions that were recorded last.
    positions: BTreeMap<String, Decimal>,
}

impl Books {
    /// As the exchange now says. Everybody was told to end after a time.
    pub(super) async fn of(trader: &Trader, devnet: &Devnet, ends_after: i64) -> Self {
        let (name, user) = (trader.name, trader.address());
        let ask = async |kind: &str, more: &str| {
            devnet.ask_from_elsewhere(&format!(r#"{{"type":"{kind}","user":"{user}"{more}}}"#)).await
        };
        let open = ask("openOrders", "").await;
        assert_eq!(open, serde_json::json!([]), "{name}: what rested is cancelled");
        // Between two questions an hour may end, and money move: then both are asked again.
        let (mut state, mut rows) = (ask("clearinghouseState", "").await, ask("userFunding", r#","startTime":0"#).await);
        loop {
            let again = (ask("clearinghouseState", "").await, ask("userFunding", r#","startTime":0"#).await);
            if raw(&state) == raw(&again.0) && rows == again.1 {
                break;
            }
            (state, rows) = again;
        }
        let payments = rows.as_array().expect("a list").iter().map(|row| {
            let (delta, time) = (&row["delta"], row["time"].as_i64().expect("a time"));
            ((text(&delta["coin"]), time), exact(&delta["usdc"]))
        });
        let positions = state["assetPositions"].as_array().expect("a list").iter();
        let positions = positions.map(|row| (text(&row["position"]["coin"]), exact(&row["position"]["szi"])));
        Self {
            name,
            fills: fills(trader, devnet).await,
            funding: payments.collect(),
            ends_after,
            positions: positions.filter(|(_, size)| !size.is_zero()).collect(),
            raw: raw(&state),
        }
    }

    /// Holds that the same is recorded: each fill and each payment once, the positions, and the money that follows from them.
    pub(super) fn are_recorded(&self, recorded: &Recorded) {
        let name = self.name;
        same(name, "fills", &recorded.fills, &self.fills);
        let late = |(key, payment): (&(String, i64), &Decimal)| {
            (key.1 >= self.ends_after && !recorded.funding.contains_key(key)).then(|| (key.clone(), *payment))
        };
        let late: Funding = self.funding.iter().filter_map(late).collect();
        let mut heard = self.funding.clone();
        heard.retain(|key, _| !late.contains_key(key));
        same(name, "funding", &recorded.funding, &heard);
        assert_eq!(recorded.positions, self.positions, "{name}: positions as they were recorded");

        let mut held = BTreeMap::<String, Decimal>::new();
        for fill in recorded.fills.values() {
            *held.entry(fill.symbol.clone()).or_default() += fill.signed_size();
        }
        held.retain(|_, size| !size.is_zero());
        assert_eq!(held, self.positions, "{name}: positions by the recorded fills");
        let traded: Decimal = recorded.fills.values().map(|fill| fill.signed_size() * fill.price).sum();
        let funding: Decimal = recorded.funding.values().chain(late.values()).sum();
        assert_eq!(Decimal::from(CASH) - traded - self.fees() + funding, self.raw, "{name}: money");
    }

    /// Holds that the engine said the same at its end.
    pub(super) fn are_those_of_the_engine(&self, account: &Value, recorded: &Recorded) {
        let name = self.name;
        assert_eq!((&account["account"], &account["error"]), (&name.into(), &Value::Null));
        let session = &account["session"];
        assert_eq!(session["strategies"][0]["state"], "stopped", "{name}: {session}");
        assert_eq!(session["open_orders"], 0, "{name}: {session}");
        let positions = session["positions"].as_array().expect("a list").iter();
        let positions: BTreeMap<_, _> = positions.map(|row| (text(&row["symbol"]), exact(&row["size"]))).collect();
        assert_eq!(positions, self.positions, "{name}: positions of the core");
        assert_eq!(exact(&session["fees_paid"]), self.fees(), "{name}: fees of the core");
        assert_eq!(exact(&session["funding_received"]), recorded.funding.values().sum(), "{name}: funding of the core");
    }

    fn fees(&self) -> Decimal {
        self.fills.values().map(|fill| fill.fee).sum()
    }

    /// Shows a line.
    pub(super) fn show(&self) {
        let positions: Vec<_> = self.positions.iter().map(|(symbol, size)| format!("{size} {symbol}")).collect();
        show(&format!(
            "soak: {:<6} {:>5} fills, {:>2} payments of funding, {} fees, holds {}: equal at exchange, core and recorder",
            self.name,
            self.fills.len(),
            self.funding.len(),
            self.fees(),
            if positions.is_empty() { "nothing".to_owned() } else { positions.join(", ") },
        ));
    }
}

impl Recorded {
    /// What a database holds of an account. Its journal makes the same again, which another holds.
    pub(super) async fn of(trader: &Trader, recorded: &str, again: &Path) -> Self {
        let held = facts(&database(recorded), trader.name).await;
        assert_same(&held, &facts(&database(&file(again)), trader.name).await);
        let (rows, fills) = recorded_fills(&held);
        assert_eq!(rows, fills.len(), "{}: a fill is recorded twice", trader.name);
        Self { fills, funding: recorded_funding(&held), positions: last_positions(&held) }
    }
}

/// Money without what positions are worth, as a state of an account says it.
fn raw(state: &Value) -> Decimal {
    exact(&state["marginSummary"]["totalRawUsd"])
}

impl FillFact {
    fn signed_size(&self) -> Decimal {
        if self.is_buy { self.size } else { -self.size }
    }
}

/// All fills of an account, page by page.
async fn fills(trader: &Trader, devnet: &Devnet) -> Fills {
    let (mut fills, mut from) = (Fills::new(), 0);
    loop {
        let question =
            format!(r#"{{"type":"userFillsByTime","user":"{}","startTime":{from},"aggregateByTime":false}}"#, trader.address());
        let page: Vec<Fill> = serde_json::from_value(devnet.ask_from_elsewhere(&question).await).expect("fills");
        let (count, last) = (page.len(), page.last().map(|fill| fill.time.get()));
        for fill in page {
            let fact = FillFact {
                symbol: fill.coin,
                is_buy: fill.side == Side::B,
                price: fill.px.get(),
                size: fill.sz.get(),
                fee: fill.fee.get(),
                is_maker: !fill.crossed,
            };
            // The next page begins with the time at which this one ends: those are there again.
            fills.insert((fill.oid, fill.tid.expect("trades have numbers")), fact);
        }
        assert!(fills.len() < FILLS_KEPT_MAX, "{}: the exchange may have forgotten fills", trader.name);
        match last {
            Some(last) if count == FILLS_MAX => {
                assert!(last > from, "a page of fills of one moment");
                from = last;
            }
            _ => return fills,
        }
    }
}

/// How many fills are recorded, and those that are told apart.
fn recorded_fills(held: &Facts) -> (usize, Fills) {
    let of = |name| column(held, Table::Fills, name).into_iter();
    let keys = of("venue_order").zip(of("trade")).map(|(order, trade)| (number(order), number(trade)));
    let facts = of("symbol").zip(of("side")).zip(of("price").zip(of("size"))).zip(of("fee").zip(of("maker")));
    let facts = facts.map(|(((symbol, side), (price, size)), (fee, maker))| FillFact {
        symbol: symbol.to_owned(),
        is_buy: side == "buy",
        price: decimal(price),
        size: decimal(size),
        fee: decimal(fee),
        is_maker: maker == "1",
    });
    let rows: Vec<_> = keys.zip(facts).collect();
    (rows.len(), rows.into_iter().collect())
}

/// Payments that are recorded; of one that several strategies share, all of it.
fn recorded_funding(held: &Facts) -> Funding {
    let of = |name| column(held, Table::Funding, name).into_iter();
    let mut funding = Funding::new();
    for ((symbol, due), payment) in of("symbol").zip(of("due_ms")).zip(of("payment")) {
        *funding.entry((symbol.to_owned(), due.parse().expect("a time"))).or_default() += decimal(payment);
    }
    funding
}

/// What was recorded last of each symbol.
fn last_positions(held: &Facts) -> BTreeMap<String, Decimal> {
    let of = |name| column(held, Table::Positions, name).into_iter();
    let mut last: BTreeMap<_, _> =
        of("symbol").zip(of("size")).map(|(symbol, size)| (symbol.to_owned(), decimal(size))).collect();
    last.retain(|_, size| !size.is_zero());
    last
}

/// Holds that two books have the same; what differs is shown, not all of both.
#[track_caller]
fn same<K: Ord + std::fmt::Debug, V: PartialEq + std::fmt::Debug>(
    name: &str,
    what: &str,
    recorded: &BTreeMap<K, V>,
    exchange: &BTreeMap<K, V>,
) {
    let lost: Vec<_> = exchange.iter().filter(|(key, value)| recorded.get(key) != Some(value)).collect();
    let other: Vec<_> = recorded.iter().filter(|(key, value)| exchange.get(key) != Some(value)).collect();
    assert!(lost.is_empty() && other.is_empty(), "{name}: {what} only at the exchange {lost:?}, only recorded {other:?}");
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text")).to_owned()
}

fn exact(value: &Value) -> Decimal {
    decimal(value.as_str().unwrap_or_else(|| panic!("{value} is no exact number")))
}

fn decimal(text: &str) -> Decimal {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn number(text: &str) -> u64 {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

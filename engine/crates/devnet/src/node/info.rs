//! Questions to `/info`, and over sockets. They change nothing but the weight that their source has used.
//!
//! <https://hyperliquid.gitbook.io/hyperliquid-docs/for-developers/api/info-endpoint>

use super::Node;
use super::request::{Lane, Reply, user_of};
use crate::exchange::{BookPrecision, Interval};
use crate::faults::Target;
use calypte_venues::hyperliquid::protocol::{
    Address, Agent, ExchangeStatus, InfoRequest, MARGIN_TABLES_FROM, Millis, RoleOf, UserRole,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::net::IpAddr;

/// Weight of a question that the documentation does not single out.
const WEIGHT: u64 = 20;
/// How long ago a client's "now" may be when it arrives, in milliseconds.
const NOW_MS: u64 = 2_000;

/// Questions that other people's clients ask and ours does not.
#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase")]
enum MoreInfo {
    OpenOrders { user: Address },
    SpotMetaAndAssetCtxs,
    AllPerpMetas,
    SubAccounts2 { user: Address },
    MaxBuilderFee {},
    MaxMarketOrderNtls,
    PerpsAtOpenInterestCap,
    UserVaultEquities {},
    UserTwapSliceFills {},
    MarginTable { id: u32 },
}

/// A parameter that the exchange answers with nothing but `null` and 500.
struct BadParameter;

type Answered = Result<Value, BadParameter>;

fn shown(answer: &impl Serialize) -> Answered {
    serde_json::to_value(answer).map_err(|_| BadParameter)
}

impl Node {
    /// Answers a question.
    pub(super) fn ask(&mut self, from: IpAddr, value: &Value, lane: Lane) -> Reply {
        let Some(name) = value.get("type").and_then(Value::as_str) else { return Reply::Unreadable };
        let known = InfoRequest::deserialize(value).ok();
        let more = if known.is_none() { MoreInfo::deserialize(value).ok() } else { None };
        if known.is_none() && more.is_none() {
            return Reply::Unreadable;
        }
        let target = Target { name, channel: lane.channel(), user: user_of(value) };
        if let Some(struck) = self.struck_before(target) {
            return struck;
        }
        let weight = known.as_ref().map_or(WEIGHT, |question| question.weight().into());
        if !self.sources.take_weight(self.now, from, weight) {
            return Reply::Refused(429);
        }
        let is_core = value.get("dex").and_then(Value::as_str).is_none_or(str::is_empty);
        let answered = match (&known, &more) {
            _ if !is_core => Err(BadParameter),
            (Some(InfoRequest::L2Book { coin }), _) => self.book(coin, value),
            (Some(question), _) => self.answer(question),
            (None, Some(question)) => self.answer_more(question),
            (None, None) => return Reply::Unreadable,
        };
        let Ok(body) = answered else { return Reply::Refused(500) };
        if let (Some(question), Value::Array(rows)) = (&known, &body) {
            self.sources.add_weight(self.now, from, question.row_weight(rows.len()).into());
        }
        self.struck_after(target, body, lane)
    }

    fn book(&self, coin: &str, value: &Value) -> Answered {
        let number = |key: &str| match value.get(key) {
            None | Some(Value::Null) => Ok(None),
            Some(number) => number.as_u64().and_then(|number| u32::try_from(number).ok()).map(Some).ok_or(BadParameter),
        };
        let precision = BookPrecision { n_sig_figs: number("nSigFigs")?, mantissa: number("mantissa")? };
        // An unknown coin is answered with null.
        shown(&self.exchange.book(coin, precision))
    }

    /// The end of a period. Who says "until now" says so by the clock of the wire, and means the market's now, however fast it runs.
    fn until(&self, end: Option<Millis>) -> Option<Millis> {
        end.filter(|end| end.get().saturating_add(NOW_MS) < self.now)
    }

    fn answer(&self, question: &InfoRequest) -> Answered {
        let exchange = &self.exchange;
        match question {
            InfoRequest::Meta { .. } => shown(&exchange.meta()),
            InfoRequest::MetaAndAssetCtxs { .. } => shown(&(exchange.meta(), exchange.contexts())),
            InfoRequest::SpotMeta => Ok(spot_meta()),
            InfoRequest::PerpDexs => Ok(json!([null])),
            InfoRequest::AllMids => shown(&exchange.mids().mids),
            InfoRequest::L2Book { coin } => shown(&exchange.book(coin, BookPrecision::default())),
            InfoRequest::CandleSnapshot { req } => {
                let interval: Interval = req.interval.parse().map_err(|_| BadParameter)?;
                shown(&exchange.candles(&req.coin, interval, req.start_time, self.until(req.end_time)).ok_or(BadParameter)?)
            }
            InfoRequest::RecentTrades { coin } => shown(&exchange.recent_trades(coin).ok_or(BadParameter)?),
            InfoRequest::FundingHistory { coin, start_time, end_time } => {
                shown(&exchange.funding_history(coin, *start_time, self.until(*end_time)).ok_or(BadParameter)?)
            }
            InfoRequest::ClearinghouseState { user } => shown(&exchange.clearinghouse_state(*user)),
            InfoRequest::SpotClearinghouseState { user } => shown(&exchange.spot_state(*user)),
            InfoRequest::FrontendOpenOrders { user } => shown(&exchange.frontend_open_orders(*user)),
            InfoRequest::OrderStatus { user, oid } => shown(&exchange.order_status(*user, *oid)),
            InfoRequest::HistoricalOrders { user } => shown(&exchange.historical_orders(*user)),
            InfoRequest::UserFills { user } => shown(&exchange.fills(*user)),
            InfoRequest::UserFillsByTime { user, start_time, end_time } => {
                shown(&exchange.fills_by_time(*user, *start_time, self.until(*end_time)))
            }
            InfoRequest::UserFunding { user, start_time, end_time } => {
                shown(&exchange.user_funding(*user, *start_time, *end_time))
            }
            InfoRequest::UserNonFundingLedgerUpdates { user, start_time, end_time } => {
                shown(&exchange.ledger_updates(*user, *start_time, *end_time))
            }
            InfoRequest::UserRateLimit { user } => shown(&self.budgets.shown(*user, exchange.volume(*user))),
            InfoRequest::UserFees { user } => shown(&exchange.user_fees(*user)),
            InfoRequest::ActiveAssetData { user, coin } => shown(&exchange.active_asset_data(*user, coin).ok_or(BadParameter)?),
            InfoRequest::UserRole { user } => shown(&self.role(*user)),
            InfoRequest::ExtraAgents { user } => shown(&self.extra_agents(*user)),
            InfoRequest::SubAccounts { user } => Ok(self.sub_accounts(*user)),
            InfoRequest::UserAbstraction { user } => shown(&exchange.mode(*user)),
            InfoRequest::ExchangeStatus => {
                let mut status = json!(ExchangeStatus { time: Millis::new(self.now).unwrap_or_default() });
                status["specialStatuses"] = Value::Null;
                Ok(status)
            }
        }
    }

    fn answer_more(&self, question: &MoreInfo) -> Answered {
        let exchange = &self.exchange;
        match question {
            MoreInfo::OpenOrders { user } => shown(&exchange.open_orders(*user)),
            MoreInfo::SpotMetaAndAssetCtxs => Ok(json!([spot_meta(), []])),
            MoreInfo::AllPerpMetas => shown(&[exchange.meta()]),
            MoreInfo::SubAccounts2 { user } => Ok(self.sub_accounts(*user)),
            // Nobody can approve a builder here.
            MoreInfo::MaxBuilderFee {} => Ok(json!(0)),
            MoreInfo::MaxMarketOrderNtls => shown(&exchange.max_market_order_ntls()),
            // Nothing is capped, and there are neither vaults nor time-weighted orders.
            MoreInfo::PerpsAtOpenInterestCap | MoreInfo::UserVaultEquities {} | MoreInfo::UserTwapSliceFills {} => {
                Ok(json!([]))
            }
            MoreInfo::MarginTable { id } => self.margin_table(*id),
        }
    }

    fn margin_table(&self, id: u32) -> Answered {
        if (1..MARGIN_TABLES_FROM).contains(&id) {
            return Ok(json!({ "description": "", "marginTiers": [{ "lowerBound": "0.0", "maxLeverage": id }] }));
        }
        let meta = self.exchange.meta();
        let table = meta.margin_tables.iter().find(|(number, _)| *number == id).map(|(_, table)| table);
        shown(table.ok_or(BadParameter)?)
    }

    fn role(&self, user: Address) -> UserRole {
        let role = |role: &str, data| UserRole { role: role.to_owned(), data };
        if let Some(agent) = self.agents.get(self.now, user) {
            return role("agent", Some(RoleOf { user: Some(agent.account), master: None }));
        }
        if let Some(sub_account) = self.sub_accounts.get(&user) {
            return role("subAccount", Some(RoleOf { user: None, master: Some(sub_account.master) }));
        }
        role(if self.exchange.has_account(user) { "user" } else { "missing" }, None)
    }

    fn extra_agents(&self, user: Address) -> Vec<Agent> {
        let named = |(address, agent): (Address, &super::agents::KnownAgent)| {
            let name = agent.name.clone()?;
            Some(Agent { name, address, valid_until: Millis::new(agent.valid_until) })
        };
        self.agents.of(self.now, user).filter_map(named).collect()
    }

    fn sub_accounts(&self, master: Address) -> Value {
        let mine = self.sub_accounts.iter().filter(|(_, sub_account)| sub_account.master == master);
        let rows: Vec<Value> = mine
            .map(|(address, sub_account)| {
                json!({
                    "name": sub_account.name,
                    "subAccountUser": address,
                    "master": master,
                    "clearinghouseState": self.exchange.clearinghouse_state(*address),
                    "spotState": self.exchange.spot_state(*address),
                })
            })
            .collect();
        if rows.is_empty() { Value::Null } else { Value::Array(rows) }
    }
}

/// The one token there is: no spot pair is traded here.
fn spot_meta() -> Value {
    json!({
        "universe": [],
        "tokens": [{
            "name": "USDC",
            "szDecimals": 8,
            "weiDecimals": 8,
            "index": 0,
            "tokenId": "0x6d1e7cde53ba9467b783cb7c530ce054",
            "isCanonical": true,
            "evmContract": null,
            "fullName": null,
            "deployerTradingFeeShare": "0.0",
        }],
    })
}

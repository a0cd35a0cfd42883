//! Frames that the exchange sends.

use super::{FastContext, Subscription, fast};
use crate::hyperliquid::protocol::{
    ActiveAssetContext, ActiveAssetData, Address, AllMids, Answer, AssetContext, Bbo, Book, Candle, ClearinghouseState,
    DEXS_MAX, FILLS_MAX, Fill, FundingPayment, Ledger, List, Millis, MoneyMoved, Number, Order, OrderUpdate, ParseError, Rows,
    SpotState, TRADES_MAX, Trade, TwapFill, UNIVERSE_MAX, parse,
};
use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Most orders of one message: as many as an account may have open.
pub const ORDERS_MAX: usize = 5_000;
/// Longest name of a channel that is remembered.
const CHANNEL_BYTES_MAX: usize = 64;

/// A frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServerFrame {
    /// The answer to a ping.
    Pong,
    /// A subscription, or the end of one, is confirmed. What it echoes may be nothing that we know.
    Ack {
        /// Whether it begins; otherwise it ends.
        begins: bool,
        /// Which.
        subscription: Option<Subscription>,
    },
    /// Something went wrong, in words; nothing says with what.
    Error(String),
    /// The answer to a post.
    Post {
        /// Our number for it.
        id: u64,
        /// What was answered.
        answer: PostAnswer,
    },
    /// Mid prices.
    AllMids(AllMids),
    /// A book.
    Book(Book),
    /// Best bid and offer.
    Bbo(Bbo),
    /// Trades.
    Trades(Rows<Trade, TRADES_MAX>),
    /// The running candle.
    Candle(Candle),
    /// The context of one asset.
    Context(ActiveAssetContext),
    /// The contexts of all assets, by exchange and place.
    AllContexts(List<(String, List<AssetContext, UNIVERSE_MAX>), DEXS_MAX>),
    /// Mark and mid prices that changed.
    FastContexts(BTreeMap<String, FastContext>),
    /// What became of orders.
    OrderUpdates(Rows<OrderUpdate, ORDERS_MAX>),
    /// Something happened to an account.
    User(Box<UserEvent>),
    /// Fills.
    Fills(OfUser<Rows<Fill, FILLS_MAX>>),
    /// Funding.
    Fundings(OfUser<Rows<FundingPayment>>),
    /// Money moved.
    MoneyMoved(OfUser<Rows<Ledger<MoneyMoved>>>),
    /// Positions and margin, whole.
    Clearinghouse(OfUser<Box<ClearinghouseState>>),
    /// Open orders, whole.
    OpenOrders(OfUser<Rows<Order, ORDERS_MAX>>),
    /// Spot balances, whole.
    Spot(OfUser<SpotState>),
    /// Leverage of a coin.
    ActiveAsset(ActiveAssetData),
    /// The account's agent and mode, and the exchange's clock.
    WebData(Box<WebData>),
    /// Words for people.
    Notification(String),
    /// A channel that nobody here knows, cut to a bounded length.
    Unknown(String),
    /// No JSON object: older servers greeted in plain text.
    NotAnObject,
}

/// Something of an account that the message names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfUser<T> {
    /// The account.
    pub user: Address,
    /// Whether it is history that comes with a subscription, known entries among it.
    pub is_snapshot: bool,
    /// Which builder's exchange; empty: the core.
    pub dex: String,
    /// What it is.
    pub of: T,
}

/// The answer to a post.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PostAnswer {
    /// An action was looked at or refused.
    Action(Answer),
    /// A question was answered; we ask over REST.
    Info,
    /// It was not let through, in words.
    Error(String),
    /// Nobody here can read it: what became of the action is unknown.
    Unreadable,
}

/// Something that happened to an account: one of these.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct UserEvent {
    /// Fills.
    pub fills: Option<Rows<Fill, FILLS_MAX>>,
    /// Funding.
    pub funding: Option<FundingPayment>,
    /// A liquidation.
    pub liquidation: Option<Liquidation>,
    /// Orders that the exchange cancelled.
    pub non_user_cancel: Option<Rows<CancelledByExchange, ORDERS_MAX>>,
    /// Fills of time-weighted orders.
    pub twap_slice_fills: Option<Rows<TwapFill, FILLS_MAX>>,
    /// What became of time-weighted orders; we place none.
    pub twap_history: Option<IgnoredList>,
}

/// A list that is only noticed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct IgnoredList;

impl<'de> Deserialize<'de> for IgnoredList {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        IgnoredAny::deserialize(deserializer).map(|_| Self)
    }
}

/// A liquidation, with the keys of another age.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Liquidation {
    /// Its number.
    #[serde(default)]
    pub lid: Option<u64>,
    /// Who took it.
    #[serde(default)]
    pub liquidator: Option<Address>,
    /// Whose it was.
    #[serde(default)]
    pub liquidated_user: Option<Address>,
    /// Notional.
    #[serde(default)]
    pub liquidated_ntl_pos: Option<Number>,
    /// What the account was worth.
    #[serde(default)]
    pub liquidated_account_value: Option<Number>,
}

/// An order that the exchange cancelled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CancelledByExchange {
    /// Coin.
    pub coin: String,
    /// Its number.
    pub oid: u64,
}

/// The account's agent and mode, and the exchange's clock.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WebData {
    /// What is true of the account.
    pub user_state: WebUser,
    /// By exchange: what cannot grow any more.
    #[serde(default)]
    pub perp_dex_states: Rows<WebDex, DEXS_MAX>,
}

/// What is true of an account.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WebUser {
    /// The account.
    pub user: Address,
    /// Its unnamed agent.
    #[serde(default)]
    pub agent_address: Option<Address>,
    /// Until when that may sign.
    #[serde(default)]
    pub agent_valid_until: Option<Millis>,
    /// The exchange's clock.
    #[serde(default)]
    pub server_time: Option<Millis>,
    /// How it keeps its collateral.
    #[serde(default)]
    pub abstraction: Option<String>,
}

/// What is true of an exchange.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WebDex {
    /// Coins whose open interest cannot grow.
    #[serde(default)]
    pub perps_at_open_interest_cap: List<String, UNIVERSE_MAX>,
}

#[derive(Deserialize)]
struct WireHead<'a> {
    #[serde(borrow)]
    channel: Cow<'a, str>,
}

#[derive(Deserialize)]
struct WireData<T> {
    data: T,
}

/// Something, or something else that is not read.
#[derive(Deserialize)]
#[serde(untagged)]
enum WireKnown<T> {
    Known(T),
    Other(IgnoredAny),
}

#[derive(Deserialize)]
struct WireAck {
    method: String,
    subscription: WireKnown<Subscription>,
}

#[derive(Deserialize)]
struct WirePost {
    id: u64,
    response: WireResponse,
}

#[derive(Deserialize)]
struct WireResponse {
    #[serde(rename = "type")]
    kind: String,
    payload: WirePayload,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum WirePayload {
    Answer(Answer),
    Words(String),
    Other(IgnoredAny),
}

/// The content stands under another key on each channel.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireOfUser<T> {
    user: Address,
    #[serde(default)]
    is_snapshot: Option<bool>,
    #[serde(default)]
    dex: Option<String>,
    #[serde(
        alias = "fills",
        alias = "fundings",
        alias = "nonFundingLedgerUpdates",
        alias = "clearinghouseState",
        alias = "orders",
        alias = "spotState"
    )]
    of: T,
}

#[derive(Deserialize)]
struct WireNotification {
    notification: String,
}

#[derive(Deserialize)]
struct WireAllContexts {
    ctxs: List<(String, List<AssetContext, UNIVERSE_MAX>), DEXS_MAX>,
}

impl ServerFrame {
    /// Reads a frame.
    ///
    /// # Errors
    /// Where it is an object that cannot be read. The socket goes on; what the frame was about may have to be asked for.
    pub fn parse(bytes: &[u8]) -> Result<Self, ParseError> {
        if bytes.iter().find(|byte| !byte.is_ascii_whitespace()) != Some(&b'{') {
            return Ok(Self::NotAnObject);
        }
        match &*channel(bytes)? {
            "pong" => Ok(Self::Pong),
            "l2Book" => data(bytes).map(Self::Book),
            "bbo" => data(bytes).map(Self::Bbo),
            "trades" => data(bytes).map(Self::Trades),
            "candle" => data(bytes).map(Self::Candle),
            "activeAssetCtx" | "activeSpotAssetCtx" => data(bytes).map(Self::Context),
            "allMids" => data(bytes).map(Self::AllMids),
            "fastAssetCtxs" => data::<String>(bytes).and_then(|text| fast::unpack(&text)).map(Self::FastContexts),
            "allDexsAssetCtxs" => data(bytes).map(|all: WireAllContexts| Self::AllContexts(all.ctxs)),
            "orderUpdates" => data(bytes).map(Self::OrderUpdates),
            "user" | "userEvents" => data(bytes).map(Self::User),
            "userFills" => of_user(bytes).map(Self::Fills),
            "userFundings" => of_user(bytes).map(Self::Fundings),
            "userNonFundingLedgerUpdates" => of_user(bytes).map(Self::MoneyMoved),
            "clearinghouseState" => of_user(bytes).map(Self::Clearinghouse),
            "openOrders" => of_user(bytes).map(Self::OpenOrders),
            "spotState" => of_user(bytes).map(Self::Spot),
            "activeAssetData" => data(bytes).map(Self::ActiveAsset),
            "webData3" => data(bytes).map(Self::WebData),
            "notification" => data(bytes).map(|words: WireNotification| Self::Notification(words.notification)),
            "error" => data(bytes).map(Self::Error),
            "post" => data(bytes).map(post),
            "subscriptionResponse" => data(bytes).map(ack),
            other => Ok(Self::Unknown(other.chars().take(CHANNEL_BYTES_MAX).collect())),
        }
    }
}

/// The channel. It nearly always comes first, and then the rest need not be looked through for it.
fn channel(bytes: &[u8]) -> Result<Cow<'_, str>, ParseError> {
    const FIRST: &[u8] = b"{\"channel\":\"";
    let plain = |name: &[u8]| !name.is_empty() && name.iter().all(u8::is_ascii_alphanumeric);
    if let Some(rest) = bytes.strip_prefix(FIRST)
        && let Some(end) = rest.iter().take(CHANNEL_BYTES_MAX).position(|byte| *byte == b'"')
        && plain(&rest[..end])
    {
        return Ok(String::from_utf8_lossy(&rest[..end]));
    }
    parse::<WireHead<'_>>(bytes).map(|head| head.channel)
}

fn data<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ParseError> {
    parse::<WireData<T>>(bytes).map(|frame| frame.data)
}

fn of_user<T: DeserializeOwned>(bytes: &[u8]) -> Result<OfUser<T>, ParseError> {
    let WireOfUser { user, is_snapshot, dex, of } = data(bytes)?;
    Ok(OfUser { user, is_snapshot: is_snapshot == Some(true), dex: dex.unwrap_or_default(), of })
}

fn ack(ack: WireAck) -> ServerFrame {
    let subscription = match ack.subscription {
        WireKnown::Known(subscription) => Some(subscription.normalized()),
        WireKnown::Other(_) => None,
    };
    ServerFrame::Ack { begins: ack.method == "subscribe", subscription }
}

fn post(post: WirePost) -> ServerFrame {
    let answer = match (post.response.kind.as_str(), post.response.payload) {
        ("action", WirePayload::Answer(answer)) => PostAnswer::Action(answer),
        ("info", _) => PostAnswer::Info,
        ("error", WirePayload::Words(words)) => PostAnswer::Error(words),
        _ => PostAnswer::Unreadable,
    };
    ServerFrame::Post { id: post.id, answer }
}

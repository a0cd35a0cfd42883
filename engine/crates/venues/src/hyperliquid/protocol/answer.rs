//! Answers to signed actions, entry by entry, and what their words mean.
//!
//! `ok` means no more than that the request was looked at: each entry has a status of its own. Some checks run before a batch is
//! taken apart, and then one error stands for all of it.

use super::{Address, BATCH_MAX, Cloid, List, Number};
use serde::{Deserialize, Serialize};

/// Longest refusal that is kept, in characters.
const WORDS_MAX: usize = 500;

/// The answer to a signed action.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "status", content = "response", rename_all = "lowercase")]
pub enum Answer {
    /// It was looked at.
    Ok(Response),
    /// The whole request was refused, in words.
    Err(String),
}

/// What came of a request that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Response {
    /// `order`, `cancel`, `modify`, `default`, or another word.
    #[serde(rename = "type")]
    pub kind: String,
    /// The statuses; none where there is nothing but «done».
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<Statuses>,
}

/// One status for each entry, or one for all.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Statuses {
    /// In the order of the entries.
    #[serde(default)]
    pub statuses: List<EntryStatus, BATCH_MAX>,
}

/// What came of one entry.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(from = "WireStatus")]
pub enum EntryStatus {
    /// A cancel that took effect.
    Success,
    /// It rests.
    Resting {
        /// Its number.
        oid: u64,
        /// Its name.
        cloid: Option<Cloid>,
    },
    /// It filled at once, all of it or as much as there was.
    Filled {
        /// Its number.
        oid: u64,
        /// How much filled.
        total_sz: Number,
        /// At which average price.
        avg_px: Number,
        /// Its name.
        cloid: Option<Cloid>,
    },
    /// It waits for its parent to fill.
    WaitingForFill,
    /// It waits for its trigger price.
    WaitingForTrigger,
    /// It was refused, in words.
    Error(String),
    /// Something nobody here knows: ask after the order.
    Unknown,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum WireStatus {
    Word(String),
    Resting { resting: WireResting },
    Filled { filled: WireFilled },
    Error { error: String },
    Other(serde::de::IgnoredAny),
}

#[derive(Deserialize)]
struct WireResting {
    oid: u64,
    #[serde(default)]
    cloid: Option<Cloid>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireFilled {
    oid: u64,
    total_sz: Number,
    avg_px: Number,
    #[serde(default)]
    cloid: Option<Cloid>,
}

impl From<WireStatus> for EntryStatus {
    fn from(status: WireStatus) -> Self {
        match status {
            WireStatus::Word(word) => match word.as_str() {
                "success" => Self::Success,
                "waitingForFill" => Self::WaitingForFill,
                "waitingForTrigger" => Self::WaitingForTrigger,
                _ => Self::Unknown,
            },
            WireStatus::Resting { resting } => Self::Resting { oid: resting.oid, cloid: resting.cloid },
            WireStatus::Filled { filled } => {
                Self::Filled { oid: filled.oid, total_sz: filled.total_sz, avg_px: filled.avg_px, cloid: filled.cloid }
            }
            WireStatus::Error { error } => Self::Error(error.chars().take(WORDS_MAX).collect()),
            WireStatus::Other(_) => Self::Unknown,
        }
    }
}

impl Serialize for EntryStatus {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        enum Shown<'a> {
            Resting {
                oid: u64,
                #[serde(skip_serializing_if = "Option::is_none")]
                cloid: Option<Cloid>,
            },
            #[serde(rename_all = "camelCase")]
            Filled {
                total_sz: Number,
                avg_px: Number,
                oid: u64,
                #[serde(skip_serializing_if = "Option::is_none")]
                cloid: Option<Cloid>,
            },
            Error(&'a str),
        }
        match self {
            Self::Success => serializer.serialize_str("success"),
            Self::WaitingForFill => serializer.serialize_str("waitingForFill"),
            Self::WaitingForTrigger => serializer.serialize_str("waitingForTrigger"),
            Self::Unknown => serializer.serialize_str("unknown"),
            Self::Resting { oid, cloid } => Shown::Resting { oid: *oid, cloid: *cloid }.serialize(serializer),
            Self::Filled { oid, total_sz, avg_px, cloid } => {
                Shown::Filled { total_sz: *total_sz, avg_px: *avg_px, oid: *oid, cloid: *cloid }.serialize(serializer)
            }
            Self::Error(words) => Shown::Error(words).serialize(serializer),
        }
    }
}

/// What a refusal means for whoever asked, sorted by what to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RefusalClass {
    /// Price or size does not lie on the grid: a fault of ours.
    OffGrid,
    /// The order is worth too little.
    TooSmall,
    /// There is not enough money.
    NoMoney,
    /// A reduce-only order would not reduce: our view of the position is old.
    StalePosition,
    /// A post-only order would have traded.
    WouldTrade,
    /// Nobody was there to trade with.
    NoCounterpart,
    /// The trigger lies on the wrong side of the market.
    BadTrigger,
    /// Open interest is capped.
    OpenInterestCapped,
    /// The price lies too far from the reference.
    PriceBand,
    /// The order or the position would be too large.
    TooLarge,
    /// The order is gone or was never there: which, must be asked.
    GoneOrNever,
    /// The signature is not that of an account or an agent: the hash is wrong, or the agent is gone.
    WrongSigner,
    /// The account has nothing, which often means a wrong signer too.
    NotFunded,
    /// That nonce was used: the action was looked at before.
    DuplicateNonce,
    /// Another complaint about the nonce.
    BadNonce,
    /// It came after its expiry.
    Expired,
    /// The account's budget of requests is spent.
    BudgetSpent,
    /// Too many requests from this address of ours.
    RateLimited,
    /// Only post-only orders are taken for now.
    PostOnlyPhase,
    /// The account has not traded enough to use this.
    VolumeGate,
    /// Too many entries, or too many open orders.
    TooMany,
    /// Something must be set up first.
    SetUp,
    /// Words nobody here knows.
    Unknown,
}

/// Beginnings of refusals and what they mean. Most end in ` asset=<number>`, and details change.
/// What comes before `Rejected` in the statuses of orders that were refused.
const STATUSES: &[(&str, RefusalClass)] = &[
    ("tick", RefusalClass::OffGrid),
    ("minTradeNtl", RefusalClass::TooSmall),
    ("perpMargin", RefusalClass::NoMoney),
    ("insufficientSpotBalance", RefusalClass::NoMoney),
    ("reduceOnly", RefusalClass::StalePosition),
    ("badAloPx", RefusalClass::WouldTrade),
    ("iocCancel", RefusalClass::NoCounterpart),
    ("marketOrderNoLiquidity", RefusalClass::NoCounterpart),
    ("badTriggerPx", RefusalClass::BadTrigger),
    ("positionIncreaseAtOpenInterestCap", RefusalClass::OpenInterestCapped),
    ("positionFlipAtOpenInterestCap", RefusalClass::OpenInterestCapped),
    ("tooAggressiveAtOpenInterestCap", RefusalClass::OpenInterestCapped),
    ("openInterestIncrease", RefusalClass::OpenInterestCapped),
    ("oracle", RefusalClass::PriceBand),
    ("perpMaxPosition", RefusalClass::TooLarge),
];

const BEGINNINGS: &[(&str, RefusalClass)] = &[
    ("Price must be divisible by tick size", RefusalClass::OffGrid),
    ("Order has invalid price", RefusalClass::OffGrid),
    ("Order has zero size", RefusalClass::OffGrid),
    ("Order has invalid size", RefusalClass::OffGrid),
    ("Order must have minimum value", RefusalClass::TooSmall),
    ("Insufficient margin", RefusalClass::NoMoney),
    ("Insufficient spot balance", RefusalClass::NoMoney),
    ("Reduce only order would increase position", RefusalClass::StalePosition),
    ("Post only order would have immediately matched", RefusalClass::WouldTrade),
    ("Order could not immediately match", RefusalClass::NoCounterpart),
    ("No liquidity available for market order", RefusalClass::NoCounterpart),
    ("Invalid TP/SL price", RefusalClass::BadTrigger),
    ("Order would increase open interest", RefusalClass::OpenInterestCapped),
    ("Order price cannot be more than", RefusalClass::PriceBand),
    ("Order price too far from oracle", RefusalClass::PriceBand),
    ("Order value too large", RefusalClass::TooLarge),
    ("Order would exceed maximum position", RefusalClass::TooLarge),
    ("Order was never placed, already canceled, or filled", RefusalClass::GoneOrNever),
    ("Cannot modify canceled or filled order", RefusalClass::GoneOrNever),
    ("Attempted to modify to invalid new order", RefusalClass::GoneOrNever),
    ("User or API Wallet", RefusalClass::WrongSigner),
    ("Unable to recover signer", RefusalClass::WrongSigner),
    ("Must deposit before performing actions", RefusalClass::NotFunded),
    ("Invalid nonce: duplicate nonce", RefusalClass::DuplicateNonce),
    ("Invalid nonce", RefusalClass::BadNonce),
    ("Action expired", RefusalClass::Expired),
    ("Too many cumulative requests sent", RefusalClass::BudgetSpent),
    ("429", RefusalClass::RateLimited),
    ("Too many requests", RefusalClass::RateLimited),
    ("Only post-only orders allowed", RefusalClass::PostOnlyPhase),
    ("Cannot set scheduled cancel time until enough volume traded", RefusalClass::VolumeGate),
    ("Signed action over weight limit", RefusalClass::TooMany),
    ("Too many open orders", RefusalClass::TooMany),
    ("Vault may not perform this action", RefusalClass::SetUp),
    ("Too many sub-accounts", RefusalClass::SetUp),
    ("Too many extra agents", RefusalClass::SetUp),
    ("Builder fee has not been approved", RefusalClass::SetUp),
];

impl RefusalClass {
    /// What a refusal means.
    pub fn of(words: &str) -> Self {
        BEGINNINGS.iter().find(|(beginning, _)| words.starts_with(beginning)).map_or(Self::Unknown, |(_, class)| *class)
    }

    /// What the status of an order that was refused means; none where nobody knows.
    pub fn of_status(status: &str) -> Option<Self> {
        let what = status.strip_suffix("Rejected")?;
        STATUSES.iter().find(|(name, _)| *name == what).map(|(_, class)| *class)
    }

    /// The address that a refusal names, for [`Self::WrongSigner`]: where it is that of our key, the agent is gone; where it is
    /// another, and another with each try, the hash is wrong.
    pub fn named(words: &str) -> Option<Address> {
        words.split(|letter: char| !letter.is_ascii_alphanumeric()).find_map(|word| word.parse().ok())
    }

    /// Its stable code, lower case with hyphens.
    pub const fn code(self) -> &'static str {
        match self {
            Self::OffGrid => "venue-off-grid",
            Self::TooSmall => "venue-too-small",
            Self::NoMoney => "venue-no-money",
            Self::StalePosition => "venue-stale-position",
            Self::WouldTrade => "venue-would-trade",
            Self::NoCounterpart => "venue-no-counterpart",
            Self::BadTrigger => "venue-bad-trigger",
            Self::OpenInterestCapped => "venue-open-interest-capped",
            Self::PriceBand => "venue-price-band",
            Self::TooLarge => "venue-too-large",
            Self::GoneOrNever => "venue-gone-or-never",
            Self::WrongSigner => "venue-wrong-signer",
            Self::NotFunded => "venue-not-funded",
            Self::DuplicateNonce => "venue-duplicate-nonce",
            Self::BadNonce => "venue-bad-nonce",
            Self::Expired => "venue-expired",
            Self::BudgetSpent => "venue-budget-spent",
            Self::RateLimited => "venue-rate-limited",
            Self::PostOnlyPhase => "venue-post-only-phase",
            Self::VolumeGate => "venue-volume-gate",
            Self::TooMany => "venue-too-many",
            Self::SetUp => "venue-set-up",
            Self::Unknown => "venue-refused",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::parse;
    use super::*;

    #[test]
    fn each_entry_has_its_own_status() {
        let text = br#"{"status":"ok","response":{"type":"order","data":{"statuses":[{"resting":{"oid":5,"new":1}},
            {"filled":{"totalSz":"0.50","avgPx":"20.1","oid":6,"cloid":"0x000000000000000000000000000000b7"}},
            {"error":"No. asset=3"},"waitingForFill","waitingForTrigger","success","news",{"other":{"oid":1}},7]}}}"#;
        let Answer::Ok(response) = parse(text).expect("an answer") else { panic!("it was looked at") };
        let statuses = response.data.expect("statuses").statuses.0;
        assert_eq!(statuses[0], EntryStatus::Resting { oid: 5, cloid: None });
        assert!(
            matches!(&statuses[1], EntryStatus::Filled { oid: 6, total_sz, cloid: Some(_), .. } if total_sz.to_string() == "0.5")
        );
        assert_eq!(statuses[2], EntryStatus::Error("No. asset=3".into()));
        assert_eq!(statuses[3..6], [EntryStatus::WaitingForFill, EntryStatus::WaitingForTrigger, EntryStatus::Success]);
        assert_eq!(statuses[6..], [EntryStatus::Unknown, EntryStatus::Unknown, EntryStatus::Unknown]);
    }

    #[test]
    fn a_refusal_of_the_whole() {
        assert_eq!(parse::<Answer>(br#"{"status":"err","response":"Nope."}"#), Ok(Answer::Err("Nope.".into())));
        assert_eq!(
            parse::<Answer>(br#"{"response":{"type":"default"},"status":"ok"}"#),
            Ok(Answer::Ok(Response { kind: "default".into(), data: None }))
        );
        for text in [&b"null"[..], b"{}", br#"{"status":"ok"}"#, br#"{"status":"new","response":1}"#] {
            assert!(parse::<Answer>(text).is_err());
        }
    }

    #[test]
    fn statuses_are_written_as_they_are_read() {
        let statuses = r#"[{"resting":{"oid":5}},{"filled":{"totalSz":"1","avgPx":"2.5","oid":6}},{"error":"No."},"success"]"#;
        let read: Vec<EntryStatus> = parse(statuses.as_bytes()).expect("statuses");
        assert_eq!(serde_json::to_string(&read).expect("text"), statuses);
    }

    #[test]
    fn answers_are_written_as_they_are_read() {
        for text in [
            r#"{"status":"ok","response":{"type":"order","data":{"statuses":[{"resting":{"oid":5}},"success"]}}}"#,
            r#"{"status":"ok","response":{"type":"default"}}"#,
            r#"{"status":"err","response":"No."}"#,
        ] {
            let read: Answer = parse(text.as_bytes()).expect("an answer");
            assert_eq!(serde_json::to_string(&read).expect("text"), text);
        }
    }

    #[test]
    fn longer_beginnings_stand_before_those_they_begin_with() {
        for (place, (beginning, class)) in BEGINNINGS.iter().enumerate() {
            assert_eq!(RefusalClass::of(beginning), *class, "{beginning} is hidden by one of those before it, {place} at most");
            assert_eq!(RefusalClass::of(&format!("{beginning}. asset=7")), *class);
        }
        assert_eq!(RefusalClass::of("words of tomorrow"), RefusalClass::Unknown);
    }

    #[test]
    fn a_refused_signer_is_named() {
        let address = Address::from_bytes([0xc1; 20]);
        assert_eq!(RefusalClass::named(&format!("User or API Wallet {address} does not exist.")), Some(address));
        assert_eq!(RefusalClass::named("Unable to recover signer."), None);
    }
}

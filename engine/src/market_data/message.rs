//! What an entry of a market data stream says, and how it is written: plain text, a field for each value.

use crate::bus::{BadEntry, Content, Entry, EntryId, Fields, Topic};
use calypte_kernel::{BOOK_LEVELS_MAX, Candle, Decimal, FeedChange, Level, Price, Side, Size, Timestamp};
use std::fmt::Write as _;

/// Latest time that an entry may carry: the end of the year 9999.
const TIME_MS_MAX: i64 = 253_402_300_799_999;
/// Longest text of a number: 28 digits, sign, point.
const NUMBER_BYTES_MAX: usize = 32;

/// An entry: what was said, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MarketEntry {
    /// When it was so at the exchange; of a candle: when it closed.
    pub time: Timestamp,
    /// When we heard it.
    pub received: Timestamp,
    /// When it was published.
    pub published: Timestamp,
    /// What.
    pub said: Said,
}

/// What an entry says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// A candle closed.
    Candle(Candle),
    /// Somebody traded.
    Trade {
        /// At which price.
        price: Price,
        /// How much.
        size: Size,
        /// Direction of the taker.
        taker: Side,
    },
    /// The best bid and offer.
    Quote {
        /// Best bid.
        bid: Level,
        /// Best offer.
        ask: Level,
    },
    /// A book snapshot.
    Book {
        /// Bids, best first.
        bids: Vec<Level>,
        /// Asks, best first.
        asks: Vec<Level>,
    },
    /// Mark price and its kin.
    Context {
        /// Mark price.
        mark: Price,
        /// Oracle price.
        oracle: Option<Price>,
        /// Hourly funding rate, a fraction.
        funding: Option<Decimal>,
        /// Open interest in the base asset.
        open_interest: Option<Decimal>,
    },
    /// The feed changed its state, or has a gap.
    Feed(FeedChange),
    /// Nothing new: the service lives, and the feed is quiet.
    Heartbeat,
}

/// The candle that an entry of a stream of candles says; none: it says something else, or cannot be read.
pub fn candle_of(entry: &Entry) -> Option<Candle> {
    let topic @ Topic::Candles(_) = entry.stream.topic() else { return None };
    match MarketEntry::read(entry.content.as_ref().ok()?, topic).ok()?.said {
        Said::Candle(candle) => Some(candle),
        _ => None,
    }
}

impl Said {
    /// What stands in the field `kind`.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Candle(_) => "candle",
            Self::Trade { .. } => "trade",
            Self::Quote { .. } => "quote",
            Self::Book { .. } => "book",
            Self::Context { .. } => "context",
            Self::Feed(FeedChange::Gap { .. }) => "gap",
            Self::Feed(FeedChange::Stale) => "stale",
            Self::Feed(FeedChange::Recovered) => "recovered",
            Self::Feed(FeedChange::Lost) => "lost",
            Self::Feed(FeedChange::Restored) => "restored",
            Self::Heartbeat => "heartbeat",
        }
    }

    /// Whether it belongs on a stream of this topic.
    pub const fn fits(&self, topic: Topic) -> bool {
        match self {
            Self::Candle(_) => matches!(topic, Topic::Candles(_)),
            Self::Trade { .. } => matches!(topic, Topic::Trades),
            Self::Quote { .. } => matches!(topic, Topic::Quotes),
            Self::Book { .. } => matches!(topic, Topic::Book),
            Self::Context { .. } => matches!(topic, Topic::Context),
            Self::Feed(_) | Self::Heartbeat => true,
        }
    }
}

impl MarketEntry {
    /// Its id on a stream of a topic, where something decides it: a candle has the time of its close, and a gap between candles
    /// that of the last one missing. Anything else follows what was written before it.
    pub fn fixed_id(&self, topic: Topic) -> Option<EntryId> {
        let at = match (&self.said, topic) {
            (Said::Candle(candle), Topic::Candles(timeframe)) => timeframe.close_of(candle.open_time),
            (Said::Feed(FeedChange::Gap { end, .. }), Topic::Candles(_)) => *end,
            _ => return None,
        };
        u64::try_from(at.as_millis()).ok().filter(|millis| *millis > 0).map(|millis| EntryId::new(millis, 0))
    }

    /// As fields.
    ///
    /// # Errors
    /// Where a value is longer than a field, which only a book beyond its limit is.
    pub fn write(&self) -> Result<Fields, BadEntry> {
        let mut fields = Fields::with_capacity(10);
        fields.push("kind", self.said.kind())?;
        for (name, time) in [("time", self.time), ("received", self.received), ("published", self.published)] {
            fields.push(name, time.as_millis().to_string())?;
        }
        match &self.said {
            Said::Candle(candle) => {
                fields.push("open_time", candle.open_time.as_millis().to_string())?;
                let prices = [("open", candle.open), ("high", candle.high), ("low", candle.low), ("close", candle.close)];
                for (name, price) in prices {
                    fields.push(name, price.to_string())?;
                }
                fields.push("volume", candle.volume.to_string())?;
            }
            Said::Trade { price, size, taker } => {
                fields.push("price", price.to_string())?;
                fields.push("size", size.to_string())?;
                fields.push("taker", if *taker == Side::Buy { "buy" } else { "sell" })?;
            }
            Said::Quote { bid, ask } => {
                for (price, size, level) in [("bid", "bid_size", bid), ("ask", "ask_size", ask)] {
                    fields.push(price, level.price.to_string())?;
                    fields.push(size, level.size.to_string())?;
                }
            }
            Said::Book { bids, asks } => {
                fields.push("bids", levels(bids)?)?;
                fields.push("asks", levels(asks)?)?;
            }
            Said::Context { mark, oracle, funding, open_interest } => {
                fields.push("mark", mark.to_string())?;
                let known = [("oracle", oracle.map(Price::get)), ("funding", *funding), ("open_interest", *open_interest)];
                for (name, value) in known {
                    if let Some(value) = value {
                        fields.push(name, value.to_string())?;
                    }
                }
            }
            Said::Feed(FeedChange::Gap { start, end, missing }) => {
                fields.push("start", start.as_millis().to_string())?;
                fields.push("end", end.as_millis().to_string())?;
                fields.push("missing", missing.to_string())?;
            }
            Said::Feed(_) | Said::Heartbeat => {}
        }
        Ok(fields)
    }

    /// From fields, whoever wrote them. What is not known is ignored, so that a later version may say more.
    ///
    /// # Errors
    /// Where something is missing, no value of its kind, contradicts itself, or does not belong on this topic.
    pub fn read(content: &Content, topic: Topic) -> Result<Self, BadEntry> {
        let fields = &content.fields;
        let kind = fields.need("kind")?;
        let said = match kind {
            "candle" => Said::Candle(candle(fields)?),
            "trade" => Said::Trade { price: price(fields, "price")?, size: size(fields, "size")?, taker: side(fields)? },
            "quote" => quote(fields)?,
            "book" => Said::Book { bids: read_levels(fields, "bids")?, asks: read_levels(fields, "asks")? },
            "context" => Said::Context {
                mark: price(fields, "mark")?,
                oracle: fields.get("oracle").map(|_| price(fields, "oracle")).transpose()?,
                funding: fields.get("funding").map(|_| number(fields, "funding")).transpose()?,
                open_interest: fields.get("open_interest").map(|_| number(fields, "open_interest")).transpose()?,
            },
            "gap" => Said::Feed(gap(fields)?),
            "stale" => Said::Feed(FeedChange::Stale),
            "recovered" => Said::Feed(FeedChange::Recovered),
            "lost" => Said::Feed(FeedChange::Lost),
            "restored" => Said::Feed(FeedChange::Restored),
            "heartbeat" => Said::Heartbeat,
            other => return Err(BadEntry::malformed("kind", other, "a kind that we know")),
        };
        if !said.fits(topic) {
            return Err(BadEntry::Contradiction("its kind is not that of its stream"));
        }
        let [time, received, published] = [time(fields, "time")?, time(fields, "received")?, time(fields, "published")?];
        if let (Said::Candle(candle), Topic::Candles(timeframe)) = (&said, topic)
            && timeframe.close_of(candle.open_time) != time
        {
            return Err(BadEntry::Contradiction("the candle does not close at its time"));
        }
        Ok(Self { time, received, published, said })
    }
}

fn time(fields: &Fields, name: &'static str) -> Result<Timestamp, BadEntry> {
    let text = fields.need(name)?;
    let millis = text.parse().ok().filter(|millis| (0..=TIME_MS_MAX).contains(millis));
    millis.map(Timestamp::from_millis).ok_or_else(|| BadEntry::malformed(name, text, "a time in milliseconds since 1970"))
}

fn decimal(name: &'static str, text: &str) -> Result<Decimal, BadEntry> {
    // Exactly: what has more digits than a decimal holds is refused, not rounded.
    let number = (text.len() <= NUMBER_BYTES_MAX).then(|| Decimal::from_str_exact(text).ok()).flatten();
    number.ok_or_else(|| BadEntry::malformed(name, text, "a decimal number"))
}

fn number(fields: &Fields, name: &'static str) -> Result<Decimal, BadEntry> {
    decimal(name, fields.need(name)?)
}

fn price(fields: &Fields, name: &'static str) -> Result<Price, BadEntry> {
    Price::new(number(fields, name)?).map_err(|_| BadEntry::malformed(name, fields.need(name).unwrap_or(""), "positive"))
}

fn size(fields: &Fields, name: &'static str) -> Result<Size, BadEntry> {
    Size::new(number(fields, name)?).map_err(|_| BadEntry::malformed(name, fields.need(name).unwrap_or(""), "positive"))
}

fn side(fields: &Fields) -> Result<Side, BadEntry> {
    match fields.need("taker")? {
        "buy" => Ok(Side::Buy),
        "sell" => Ok(Side::Sell),
        other => Err(BadEntry::malformed("taker", other, "buy or sell")),
    }
}

fn candle(fields: &Fields) -> Result<Candle, BadEntry> {
    let candle = Candle {
        open_time: time(fields, "open_time")?,
        open: price(fields, "open")?,
        high: price(fields, "high")?,
        low: price(fields, "low")?,
        close: price(fields, "close")?,
        volume: number(fields, "volume")?,
    };
    let inside = candle.low <= candle.open.min(candle.close) && candle.high >= candle.open.max(candle.close);
    if !inside || candle.volume < Decimal::ZERO {
        return Err(BadEntry::Contradiction("a candle whose low and high do not hold its prices, or of a negative volume"));
    }
    Ok(candle)
}

fn quote(fields: &Fields) -> Result<Said, BadEntry> {
    let bid = Level { price: price(fields, "bid")?, size: size(fields, "bid_size")? };
    let ask = Level { price: price(fields, "ask")?, size: size(fields, "ask_size")? };
    Ok(Said::Quote { bid, ask })
}

fn gap(fields: &Fields) -> Result<FeedChange, BadEntry> {
    let (start, end) = (time(fields, "start")?, time(fields, "end")?);
    let text = fields.need("missing")?;
    let missing = text.parse().map_err(|_| BadEntry::malformed("missing", text, "a count"))?;
    if start > end {
        return Err(BadEntry::Contradiction("a gap that ends before it starts"));
    }
    Ok(FeedChange::Gap { start, end, missing })
}

/// `100.5:2 100.4:1.75`, best first.
fn levels(levels: &[Level]) -> Result<String, BadEntry> {
    if levels.len() > BOOK_LEVELS_MAX {
        return Err(BadEntry::Contradiction("a book with more levels than there may be"));
    }
    let mut text = String::with_capacity(levels.len() * 16);
    for level in levels {
        if !text.is_empty() {
            text.push(' ');
        }
        write!(text, "{}:{}", level.price, level.size).expect("a string takes what it is given");
    }
    Ok(text)
}

fn read_levels(fields: &Fields, name: &'static str) -> Result<Vec<Level>, BadEntry> {
    let text = fields.need(name)?;
    let malformed = || BadEntry::malformed(name, text, "levels as price:size, best first");
    let mut levels: Vec<Level> = Vec::new();
    for pair in text.split_ascii_whitespace() {
        let (price, size) = pair.split_once(':').ok_or_else(malformed)?;
        let (price, size) = (Price::new(decimal(name, price)?), Size::new(decimal(name, size)?));
        let (Ok(price), Ok(size)) = (price, size) else { return Err(malformed()) };
        let is_bid = name == "bids";
        let in_order = levels.last().is_none_or(|last| if is_bid { price < last.price } else { price > last.price });
        if !in_order || levels.len() == BOOK_LEVELS_MAX {
            return Err(malformed());
        }
        levels.push(Level { price, size });
    }
    Ok(levels)
}

#[cfg(test)]
mod tests;

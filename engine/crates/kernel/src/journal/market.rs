//! The tables of the format: names, numbers, the market and orders.

use super::tables::{wire_enum, wire_struct};
use super::wire::{Bytes, Decode, Encode, Malformed};
use crate::{
    AccountId, AttachedExits, Book, Candle, ClientOrderId, Context, EventNumber, Feed, FeedChange, InstrumentId, Level,
    MarginMode, MarketEvent, OrderId, OrderKind, OrderRef, OrderTag, Price, Quote, SeriesId, Side, Size, StrategyId, Symbol,
    TimeInForce, Timeframe, TimerId, Timestamp, Trade, TradeId, TriggerKind, VenueOrderId, Wanted,
};

macro_rules! number {
    ($($name:ident($number:ty))*) => {
        $(
            impl Encode for $name {
                #[inline]
                fn encode(&self, to: &mut Vec<u8>) {
                    self.get().encode(to);
                }
            }

            impl Decode for $name {
                #[inline]
                fn decode(from: &mut Bytes<'_>) -> Result<Self, Malformed> {
                    <$number>::decode(from).map(Self::new)
                }
            }
        )*
    };
}

number! {
    InstrumentId(u32) SeriesId(u32) StrategyId(u32) AccountId(u32) EventNumber(u64) OrderId(u64) OrderTag(u64) TimerId(u32)
    TradeId(u64) VenueOrderId(u64)
}

/// Numbers that their type checks.
macro_rules! checked {
    ($($name:ident: $number:ty, $get:ident, $make:ident;)*) => {
        $(
            impl Encode for $name {
                #[inline]
                fn encode(&self, to: &mut Vec<u8>) {
                    self.$get().encode(to);
                }
            }

            impl Decode for $name {
                #[inline]
                fn decode(from: &mut Bytes<'_>) -> Result<Self, Malformed> {
                    Self::$make(<$number>::decode(from)?).map_err(|error| Malformed::invalid(stringify!($name), error))
                }
            }
        )*
    };
}

checked! {
    Price: crate::Decimal, get, new;
    Size: crate::Decimal, get, new;
    Timeframe: u64, as_millis, from_millis;
}

impl Encode for Timestamp {
    #[inline]
    fn encode(&self, to: &mut Vec<u8>) {
        self.as_millis().encode(to);
    }
}

impl Decode for Timestamp {
    #[inline]
    fn decode(from: &mut Bytes<'_>) -> Result<Self, Malformed> {
        i64::decode(from).map(Self::from_millis)
    }
}

impl Encode for Symbol {
    fn encode(&self, to: &mut Vec<u8>) {
        self.as_str().encode(to);
    }
}

impl Decode for Symbol {
    fn decode(from: &mut Bytes<'_>) -> Result<Self, Malformed> {
        String::decode(from)?.parse().map_err(|error| Malformed::invalid("symbol", error))
    }
}

impl Encode for ClientOrderId {
    fn encode(&self, to: &mut Vec<u8>) {
        to.extend_from_slice(self.as_bytes());
    }
}

impl Decode for ClientOrderId {
    fn decode(from: &mut Bytes<'_>) -> Result<Self, Malformed> {
        from.array("client order id").map(Self::from_bytes)
    }
}

wire_enum!(Side { 0 = Buy, 1 = Sell });
wire_enum!(TimeInForce { 0 = Gtc, 1 = Ioc, 2 = Alo });
wire_enum!(TriggerKind { 0 = Stop, 1 = TakeProfit });
wire_enum!(MarginMode { 0 = Cross, 1 = Isolated });
wire_enum!(OrderKind {
    0 = Market,
    1 = Limit { price, time_in_force },
    2 = Trigger { kind, trigger_price, limit_price },
    3 = TrailingStop { distance },
});
wire_struct!(AttachedExits { take_profit, stop_loss });
wire_enum!(OrderRef { 0 = Id(id), 1 = Tag(tag) });
wire_struct!(Wanted { mantissa, scale });

wire_struct!(Candle { open_time, open, high, low, close, volume });
wire_struct!(Trade { instrument, time, price, size, taker });
wire_struct!(Level { price, size });
wire_struct!(Quote { instrument, time, bid, ask });
wire_struct!(Book { instrument, time, bids, asks });
wire_struct!(Context { instrument, time, mark_price, oracle_price, funding_rate, open_interest });
wire_enum!(Feed {
    0 = Candles(series),
    1 = Trades(instrument),
    2 = Quotes(instrument),
    3 = Book(instrument),
    4 = Context(instrument),
    5 = Connection,
});
wire_enum!(FeedChange {
    0 = Stale,
    1 = Gap { start, end, missing },
    2 = Recovered,
    3 = Lost,
    4 = Restored,
});
wire_enum!(MarketEvent {
    0 = Candle { series, candle },
    1 = Trade(trade),
    2 = Quote(quote),
    3 = Book(book),
    4 = Context(context),
    5 = Feed { feed, change },
});

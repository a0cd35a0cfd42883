//! Numbers that name things. Each is a type of its own, so that one cannot be passed for another.

use std::fmt;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident($number:ty)) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name($number);

        impl $name {
            /// From its number.
            pub const fn new(number: $number) -> Self {
                Self(number)
            }

            /// Its number.
            pub const fn get(self) -> $number {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(formatter)
            }
        }
    };
}

id! {
    /// An instrument, by its place in the account's list.
    InstrumentId(u32)
}
id! {
    /// A candle series (one instrument, one timeframe), by its place in the account's list.
    SeriesId(u32)
}
id! {
    /// A deployment of a strategy in one account.
    StrategyId(u32)
}
id! {
    /// An account, as the engine numbers it.
    AccountId(u32)
}
id! {
    /// An event handed to strategies, counted from 1 over the account's whole journal.
    EventNumber(u64)
}
id! {
    /// An order as strategies know it; counted from 1 per account, never reused.
    OrderId(u64)
}
id! {
    /// A strategy's own name for an order: 1 to 2^53 - 1, so that every language can hold it.
    OrderTag(u64)
}
id! {
    /// A strategy's own number for a timer.
    TimerId(u32)
}
id! {
    /// The exchange's number of a trade.
    TradeId(u64)
}
id! {
    /// The exchange's number of an order. Numbers grow: of two that one order had, the higher is the later.
    VenueOrderId(u64)
}

/// The name under which an order is known at the exchange: 16 bytes, derived and never random, so that a restart or a
/// replay makes the same one and an order found at the exchange can be traced to the intent that made it.
///
/// Layout, big endian: version (1 byte), account (3), strategy (2), epoch (2), event number (5), intent index (2), leg (1).
/// The epoch says which process of the account's journal made it, so that an event number which a torn journal lost and a
/// later process gave again still makes another name.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClientOrderId([u8; 16]);

/// What a [`ClientOrderId`] was made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OrderOrigin {
    /// The account.
    pub account: AccountId,
    /// The strategy.
    pub strategy: StrategyId,
    /// The journal's epoch: how often a new process has taken the account over.
    pub epoch: u16,
    /// The event on which it was decided.
    pub event: EventNumber,
    /// Which intent of the answer.
    pub intent: u16,
    /// 0 for the order itself, 1 for its attached take-profit, 2 for its attached stop-loss; higher for what the core adds.
    pub leg: u8,
}

impl ClientOrderId {
    const VERSION: u8 = 1;

    /// Derives the name. None where a number does not fit its field, which ends the life of an account's journal:
    /// 2^24 accounts, 2^16 strategies, 2^40 events.
    pub fn derive(origin: OrderOrigin) -> Option<Self> {
        let mut bytes = [0_u8; 16];
        let (account, strategy, event) = (origin.account.get(), origin.strategy.get(), origin.event.get());
        let strategy = u16::try_from(strategy).ok()?;
        if account >= 1 << 24 || event >= 1 << 40 {
            return None;
        }
        bytes[0] = Self::VERSION;
        bytes[1..4].copy_from_slice(&account.to_be_bytes()[1..]);
        bytes[4..6].copy_from_slice(&strategy.to_be_bytes());
        bytes[6..8].copy_from_slice(&origin.epoch.to_be_bytes());
        bytes[8..13].copy_from_slice(&event.to_be_bytes()[3..]);
        bytes[13..15].copy_from_slice(&origin.intent.to_be_bytes());
        bytes[15] = origin.leg;
        Some(Self(bytes))
    }

    /// What it was made of; none where it is not one of ours.
    pub fn origin(self) -> Option<OrderOrigin> {
        let bytes = self.0;
        if bytes[0] != Self::VERSION {
            return None;
        }
        Some(OrderOrigin {
            account: AccountId::new(u32::from_be_bytes([0, bytes[1], bytes[2], bytes[3]])),
            strategy: StrategyId::new(u32::from(u16::from_be_bytes([bytes[4], bytes[5]]))),
            epoch: u16::from_be_bytes([bytes[6], bytes[7]]),
            event: EventNumber::new(bytes[8..13].iter().fold(0, |sum, byte| (sum << 8) | u64::from(*byte))),
            intent: u16::from_be_bytes([bytes[13], bytes[14]]),
            leg: bytes[15],
        })
    }

    /// Its bytes.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// From bytes that came back from the exchange, whoever made them.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }
}

impl fmt::Display for ClientOrderId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut text = *b"0x00000000000000000000000000000000";
        for (pair, byte) in text[2..].chunks_exact_mut(2).zip(self.0) {
            pair[0] = DIGITS[usize::from(byte >> 4)];
            pair[1] = DIGITS[usize::from(byte & 15)];
        }
        formatter.write_str(std::str::from_utf8(&text).map_err(|_| fmt::Error)?)
    }
}

impl fmt::Debug for ClientOrderId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_order_id_gives_back_what_it_was_made_of() {
        let origin = OrderOrigin {
            account: AccountId::new(0x00ab_cdef),
            strategy: StrategyId::new(7),
            epoch: 0x0304,
            event: EventNumber::new((1 << 40) - 1),
            intent: 513,
            leg: 2,
        };
        let id = ClientOrderId::derive(origin).expect("it fits");
        assert_eq!(id.origin(), Some(origin));
        assert_eq!(id.to_string(), "0x01abcdef00070304ffffffffff020102");
    }

    #[test]
    fn numbers_that_do_not_fit_give_no_id() {
        let origin = OrderOrigin {
            account: AccountId::new(1),
            strategy: StrategyId::new(1),
            epoch: 0,
            event: EventNumber::new(1),
            intent: 0,
            leg: 0,
        };
        let too_large = [
            OrderOrigin { account: AccountId::new(1 << 24), ..origin },
            OrderOrigin { strategy: StrategyId::new(1 << 16), ..origin },
            OrderOrigin { event: EventNumber::new(1 << 40), ..origin },
        ];
        assert_eq!(too_large.map(ClientOrderId::derive), [None; 3]);
        assert_eq!(ClientOrderId::from_bytes([9; 16]).origin(), None);
    }
}

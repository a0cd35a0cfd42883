//! Values made up for tests: by chance, or the simplest of each variant. The tables make both for every type of the format.

use crate::journal::wire::Encode;
use crate::{
    AccountId, ClientOrderId, Decimal, EventKind, EventNumber, InstrumentId, KnownEvents, MarginTable, MarginTier, OrderId,
    OrderTag, Price, SeriesId, Size, StrategyId, Symbol, Timeframe, TimerId, Timestamp, TradeId, VenueOrderId,
};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::Arc;

/// Numbers by chance, from a seed (splitmix64).
#[derive(Debug)]
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound as u64).expect("below a usize")
    }

    /// Few bits as often as many.
    fn sized(&mut self) -> u64 {
        let shift = self.below(64);
        self.next() >> shift
    }
}

/// A type of the format.
pub(crate) trait Sample: Sized {
    /// One by chance.
    fn sample(dice: &mut Dice) -> Self;
    /// The simplest.
    fn first() -> Self;
    /// The simplest of each variant.
    fn firsts() -> Vec<Self> {
        vec![Self::first()]
    }
    /// Notes the bytes of the simplest of each variant, and of what they hold.
    fn golden(&self, _lines: &mut Lines) {}
}

/// Bytes in hex, by type and variant.
#[derive(Debug, Default)]
pub(crate) struct Lines(pub(crate) BTreeMap<String, String>);

impl Lines {
    /// Whether it is new.
    pub(crate) fn add(&mut self, name: &str, variant: Option<&str>, value: &(impl Encode + Debug)) -> bool {
        let name = variant.map_or_else(|| name.to_owned(), |variant| format!("{name}.{variant}"));
        let mut bytes = Vec::new();
        value.encode(&mut bytes);
        self.0.insert(name, bytes.iter().map(|byte| format!("{byte:02x}")).collect()).is_none()
    }
}

macro_rules! numbers {
    ($($number:ty)*) => {
        $(
            impl Sample for $number {
                fn sample(dice: &mut Dice) -> Self {
                    dice.sized().to_le_bytes()[..size_of::<Self>()]
                        .iter()
                        .rev()
                        .fold(0, |sum, byte| (sum << (8 % Self::BITS)) | Self::from(*byte))
                }

                fn first() -> Self {
                    7
                }
            }
        )*
    };
}

numbers! { u8 u16 u32 u64 usize }

impl Sample for i64 {
    fn sample(dice: &mut Dice) -> Self {
        let bits = dice.sized().cast_signed();
        if dice.below(2) == 0 { bits } else { bits.wrapping_neg() }
    }

    fn first() -> Self {
        -7
    }
}

impl Sample for bool {
    fn sample(dice: &mut Dice) -> Self {
        dice.below(2) == 0
    }

    fn first() -> Self {
        true
    }
}

impl Sample for f64 {
    fn sample(dice: &mut Dice) -> Self {
        Self::from_bits(dice.next())
    }

    fn first() -> Self {
        1.5
    }
}

impl Sample for Decimal {
    fn sample(dice: &mut Dice) -> Self {
        let scale = u32::try_from(dice.below(29)).expect("small");
        match dice.below(8) {
            0 => Self::from_i128_with_scale(i128::from(dice.next()) << dice.below(32), scale),
            1 => Self::MIN,
            _ => Self::new(i64::sample(dice), scale.min(12)),
        }
    }

    fn first() -> Self {
        Self::new(-150, 2)
    }
}

macro_rules! positive {
    ($($name:ident)*) => {
        $(
            impl Sample for $name {
                fn sample(dice: &mut Dice) -> Self {
                    Self::new(Decimal::sample(dice).abs()).or_else(|_| Self::new(Decimal::ONE)).expect("positive")
                }

                fn first() -> Self {
                    Self::new(Decimal::new(12_345, 1)).expect("positive")
                }
            }
        )*
    };
}

positive! { Price Size }

macro_rules! names {
    ($($name:ident)*) => {
        $(
            impl Sample for $name {
                fn sample(dice: &mut Dice) -> Self {
                    Self::new(Sample::sample(dice))
                }

                fn first() -> Self {
                    Self::new(3)
                }
            }
        )*
    };
}

names! { InstrumentId SeriesId StrategyId AccountId EventNumber OrderId OrderTag TimerId TradeId VenueOrderId }

macro_rules! made {
    ($($name:ty: |$dice:ident| $sample:expr, $first:expr;)*) => {
        $(
            impl Sample for $name {
                fn sample($dice: &mut Dice) -> Self {
                    $sample
                }

                fn first() -> Self {
                    $first
                }
            }
        )*
    };
}

made! {
    Timestamp: |dice| Self::from_millis(i64::sample(dice)), Self::from_millis(1_700_000_000_000);
    Timeframe: |dice| Self::from_millis(1_000 * (1 + dice.next() % 2_419_200)).expect("whole seconds"), Self::MINUTE;
    Symbol: |dice| ["BTC", "kPEPE", "0G"][dice.below(3)].parse().expect("a symbol"), "BTC".parse().expect("a symbol");
    ClientOrderId: |dice| Self::from_bytes([dice.next().to_le_bytes(); 2].concat().try_into().expect("16 bytes")), Self::from_bytes([9; 16]);
    String: |dice| "größer als 0".chars().cycle().take(dice.below(40)).collect(), "words".to_owned();
    Cow<'static, str>: |dice| Cow::Owned(String::sample(dice)), Cow::Borrowed("code");
    KnownEvents: |dice| EventKind::ALL.into_iter().filter(|_| dice.below(2) == 0).fold(Self::default(), Self::with), Self::default().with(EventKind::Candle).with(EventKind::Order);
    MarginTable: |dice| Self::flat(u32::sample(dice)), Self::new(&[tier(0, 20), tier(1_000, 10)]).expect("sound tiers");
}

fn tier(notional_from: i64, max_leverage: u32) -> MarginTier {
    MarginTier { notional_from: Decimal::from(notional_from), max_leverage }
}

impl<T: Sample> Sample for Vec<T> {
    fn sample(dice: &mut Dice) -> Self {
        (0..dice.below(4)).map(|_| T::sample(dice)).collect()
    }

    fn first() -> Self {
        vec![T::first()]
    }

    fn golden(&self, lines: &mut Lines) {
        for item in self {
            item.golden(lines);
        }
    }
}

impl<T: Sample> Sample for Arc<[T]> {
    fn sample(dice: &mut Dice) -> Self {
        Vec::sample(dice).into()
    }

    fn first() -> Self {
        Vec::first().into()
    }

    fn golden(&self, lines: &mut Lines) {
        for item in self.iter() {
            item.golden(lines);
        }
    }
}

impl<T: Sample> Sample for Box<T> {
    fn sample(dice: &mut Dice) -> Self {
        Self::new(T::sample(dice))
    }

    fn first() -> Self {
        Self::new(T::first())
    }

    fn golden(&self, lines: &mut Lines) {
        self.as_ref().golden(lines);
    }
}

impl<T: Sample> Sample for Option<T> {
    fn sample(dice: &mut Dice) -> Self {
        (dice.below(2) == 0).then(|| T::sample(dice))
    }

    fn first() -> Self {
        Some(T::first())
    }

    fn golden(&self, lines: &mut Lines) {
        if let Some(item) = self {
            item.golden(lines);
        }
    }
}

macro_rules! tuple {
    ($($name:ident)*) => {
        impl<$($name: Sample),*> Sample for ($($name,)*) {
            fn sample(dice: &mut Dice) -> Self {
                ($($name::sample(dice),)*)
            }

            fn first() -> Self {
                ($($name::first(),)*)
            }

            #[expect(non_snake_case, reason = "one name for the type and its value")]
            fn golden(&self, lines: &mut Lines) {
                let ($($name,)*) = self;
                $($name.golden(lines);)*
            }
        }
    };
}

tuple! { A B }
tuple! { A B C }

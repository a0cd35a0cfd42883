//! Values as bytes: how numbers, texts, lists and options are written.
//!
//! Little endian throughout. Whole numbers are LEB128, seven bits to a byte, signed ones zigzag; a number that has to be found
//! at a known place stands in the record's header instead. Nothing says of itself what it is: the reader knows the type, and
//! the version of the segment says which types these are.
//!
//! What is read may be anything. A length is believed only as far as there are bytes left, a value only as far as its type's
//! own constructor takes it.

use std::borrow::Cow;
use std::sync::Arc;

/// Bytes that do not say what they should.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// They end too early.
    #[error("it ends in the middle of a {0}")]
    Short(&'static str),
    /// They go on after the end.
    #[error("{0} bytes follow its end")]
    TooLong(usize),
    /// A variant that this version does not know.
    #[error("{tag} is no variant of {of} that this version knows")]
    UnknownVariant {
        /// Of which type.
        of: &'static str,
        /// The variant's number.
        tag: u8,
    },
    /// A value that its type does not take.
    #[error("no {what}: {why}")]
    Invalid {
        /// What it should be.
        what: &'static str,
        /// Why it is not.
        why: String,
    },
}

impl Malformed {
    pub(super) fn invalid(what: &'static str, why: impl std::fmt::Display) -> Self {
        Self::Invalid { what, why: why.to_string() }
    }
}

/// Bytes that are being read.
#[derive(Debug)]
pub(super) struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(super) const fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn take(&mut self, count: usize, what: &'static str) -> Result<&'a [u8], Malformed> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(Malformed::Short(what))?;
        self.0 = rest;
        Ok(taken)
    }

    #[inline]
    pub(super) fn byte(&mut self, what: &'static str) -> Result<u8, Malformed> {
        let (first, rest) = self.0.split_first().ok_or(Malformed::Short(what))?;
        self.0 = rest;
        Ok(*first)
    }

    pub(super) fn array<const N: usize>(&mut self, what: &'static str) -> Result<[u8; N], Malformed> {
        Ok(self.take(N, what)?.try_into().expect("as many as were taken"))
    }

    /// That nothing is left.
    pub(super) const fn end(&self) -> Result<(), Malformed> {
        if self.0.is_empty() { Ok(()) } else { Err(Malformed::TooLong(self.0.len())) }
    }

    #[inline]
    fn varint(&mut self) -> Result<u128, Malformed> {
        let mut value = 0_u128;
        let mut shift = 0_u32;
        loop {
            let byte = self.byte("number")?;
            let bits = u128::from(byte & 0x7f);
            if shift >= 128 || (bits << shift) >> shift != bits {
                return Err(Malformed::invalid("number", "more than 128 bits"));
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
            shift += 7;
        }
    }
}

/// Something that can be written.
pub(super) trait Encode {
    fn encode(&self, to: &mut Vec<u8>);

    /// Several of them one after the other, without their number.
    fn encode_all(items: &[Self], to: &mut Vec<u8>)
    where
        Self: Sized,
    {
        for item in items {
            item.encode(to);
        }
    }
}

/// Something that can be read. Every value takes at least one byte.
pub(super) trait Decode: Sized {
    fn decode(from: &mut Bytes<'_>) -> Result<Self, Malformed>;

    /// So many of them one after the other.
    fn decode_all(count: usize, from: &mut Bytes<'_>) -> Result<Vec<Self>, Malformed> {
        // As many as there may be, each of them a byte at least: never more room than the record is long, times an item.
        if count > from.len() {
            return Err(Malformed::Short("list"));
        }
        let mut items = Vec::with_capacity(count.min(ITEMS_AHEAD));
        for _ in 0..count {
            items.push(Self::decode(from)?);
        }
        Ok(items)
    }
}

/// Items of a list that room is made for before they are read.
const ITEMS_AHEAD: usize = 64;

/// Writes a whole number.
#[inline]
pub(super) fn varint(mut value: u64, to: &mut Vec<u8>) {
    while value >= 0x80 {
        to.push(value.to_le_bytes()[0] | 0x80);
        value >>= 7;
    }
    to.push(value.to_le_bytes()[0]);
}

fn long_varint(mut value: u128, to: &mut Vec<u8>) {
    loop {
        if let Ok(small) = u64::try_from(value) {
            return varint(small, to);
        }
        to.push(value.to_le_bytes()[0] | 0x80);
        value >>= 7;
    }
}

macro_rules! unsigned {
    ($($number:ty)*) => {
        $(
            impl Encode for $number {
                #[inline]
                fn encode(&self, to: &mut Vec<u8>) {
                    varint(u64::try_from(*self).expect("at most 64 bits"), to);
                }
            }

            impl Decode for $number {
                #[inline]
                fn decode(from: &mut Bytes<'_>) -> Result<Self, Malformed> {
                    Self::try_from(from.varint()?).map_err(|_| Malformed::invalid("number", concat!("not a ", stringify!($number))))
                }
            }
        )*
    };
}

unsigned! { u16 u32 u64 usize }

impl Encode for i64 {
    #[inline]
    fn encode(&self, to: &mut Vec<u8>) {
        varint((self << 1 ^ self >> 63).cast_unsigned(), to);
    }
}

impl Decode for i64 {
    #[inline]
    fn decode(from: &mut Bytes<'_>) -> Result<Self, Malformed> {
        let zigzag = u64::decode(from)?;
        Ok((zigzag >> 1).cast_signed() ^ -(zigzag & 1).cast_signed())
    }
}

impl Encode for u8 {
    #[inline]
    fn encode(&self, to: &mut Vec<u8>) {
        to.push(*self);
    }

    fn encode_all(items: &[Self], to: &mut Vec<u8>) {
        to.extend_from_slice(items);
    }
}

impl Decode for u8 {
    #[inline]
    fn decode(from: &mut Bytes<'_>) -> Result<Self, Malformed> {
        from.byte("byte")
    }

    fn decode_all(count: usize, from: &mut Bytes<'_>) -> Result<Vec<Self>, Malformed> {
        from.take(count, "text").map(<[u8]>::to_vec)
    }
}

impl Encode for bool {
    #[inline]
    fn encode(&self, to: &mut Vec<u8>) {
        to.push(u8::from(*self));
    }
}

impl Decode for bool {
    #[inline]
    fn decode(from: &mut Bytes<'_>) -> Result<Self, Malformed> {
        match from.byte("yes or no")? {
            0 => Ok(false),
            1 => Ok(true),
            tag => Err(Malformed::UnknownVariant { of: "bool", tag }),
        }
    }
}

impl Encode for f64 {
    fn encode(&self, to: &mut Vec<u8>) {
        to.extend_from_slice(&self.to_bits().to_le_bytes());
    }
}

impl Decode for f64 {
    fn decode(from: &mut Bytes<'_>) -> Result<Self, Malformed> {
        from.array("statistic").map(|bytes| Self::from_bits(u64::from_le_bytes(bytes)))
    }
}

/// Bit of a decimal's first byte that says it is negative; the rest is its scale.
const NEGATIVE: u8 = 0x80;

/// A byte of sign and scale, then the digits. The scale is kept: 1.50 stays 1.50.
impl Encode for crate::Decimal {
    #[inline]
    fn encode(&self, to: &mut Vec<u8>) {
        let scale = self.scale().to_le_bytes()[0];
        to.push(if self.is_sign_negative() { scale | NEGATIVE } else { scale });
        match u64::try_from(self.mantissa().unsigned_abs()) {
            Ok(digits) => varint(digits, to),
            Err(_) => long_varint(self.mantissa().unsigned_abs(), to),
        }
    }
}

impl Decode for crate::Decimal {
    #[inline]
    fn decode(from: &mut Bytes<'_>) -> Result<Self, Malformed> {
        let first = from.byte("decimal")?;
        let digits = i128::try_from(from.varint()?).map_err(|error| Malformed::invalid("decimal", error))?;
        let scale = u32::from(first & !NEGATIVE);
        let mut value = Self::try_from_i128_with_scale(digits, scale).map_err(|error| Malformed::invalid("decimal", error))?;
        value.set_sign_negative(first & NEGATIVE != 0);
        Ok(value)
    }
}

impl Encode for str {
    fn encode(&self, to: &mut Vec<u8>) {
        self.as_bytes().encode(to);
    }
}

impl Encode for String {
    fn encode(&self, to: &mut Vec<u8>) {
        self.as_str().encode(to);
    }
}

impl Decode for String {
    fn decode(from: &mut Bytes<'_>) -> Result<Self, Malformed> {
        let bytes = Vec::<u8>::decode(from)?;
        Self::from_utf8(bytes).map_err(|error| Malformed::invalid("text", error.utf8_error()))
    }
}

impl Encode for Cow<'static, str> {
    fn encode(&self, to: &mut Vec<u8>) {
        self.as_ref().encode(to);
    }
}

impl Decode for Cow<'static, str> {
    fn decode(from: &mut Bytes<'_>) -> Result<Self, Malformed> {
        String::decode(from).map(Cow::Owned)
    }
}

impl<T: Encode> Encode for [T] {
    fn encode(&self, to: &mut Vec<u8>) {
        self.len().encode(to);
        T::encode_all(self, to);
    }
}

impl<T: Encode> Encode for Vec<T> {
    fn encode(&self, to: &mut Vec<u8>) {
        self.as_slice().encode(to);
    }
}

impl<T: Decode> Decode for Vec<T> {
    fn decode(from: &mut Bytes<'_>) -> Result<Self, Malformed> {
        let count = usize::decode(from)?;
        T::decode_all(count, from)
    }
}

impl<T: Encode + ?Sized> Encode for Arc<T> {
    fn encode(&self, to: &mut Vec<u8>) {
        self.as_ref().encode(to);
    }
}

impl<T: Decode> Decode for Arc<[T]> {
    fn decode(from: &mut Bytes<'_>) -> Result<Self, Malformed> {
        Vec::decode(from).map(Self::from)
    }
}

impl<T: Encode> Encode for Box<T> {
    #[inline]
    fn encode(&self, to: &mut Vec<u8>) {
        self.as_ref().encode(to);
    }
}

impl<T: Decode> Decode for Box<T> {
    fn decode(from: &mut Bytes<'_>) -> Result<Self, Malformed> {
        T::decode(from).map(Self::new)
    }
}

impl<T: Encode> Encode for Option<T> {
    #[inline]
    fn encode(&self, to: &mut Vec<u8>) {
        match self {
            None => to.push(0),
            Some(value) => {
                to.push(1);
                value.encode(to);
            }
        }
    }
}

impl<T: Decode> Decode for Option<T> {
    #[inline]
    fn decode(from: &mut Bytes<'_>) -> Result<Self, Malformed> {
        Ok(if bool::decode(from)? { Some(T::decode(from)?) } else { None })
    }
}

macro_rules! tuple {
    ($($name:ident)*) => {
        impl<$($name: Encode),*> Encode for ($($name,)*) {
            #[expect(non_snake_case, reason = "one name for the type and its value")]
            fn encode(&self, to: &mut Vec<u8>) {
                let ($($name,)*) = self;
                $($name.encode(to);)*
            }
        }

        impl<$($name: Decode),*> Decode for ($($name,)*) {
            fn decode(from: &mut Bytes<'_>) -> Result<Self, Malformed> {
                Ok(($($name::decode(from)?,)*))
            }
        }
    };
}

tuple! { A B }
tuple! { A B C }

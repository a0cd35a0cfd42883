//! What `events.next` hands out, written into the guest's memory in one piece where it is a candle.
//!
//! The runtime stores a record field by field and looks the guest's memory up for each: seventeen times for a candle, which
//! took a quarter of the whole way of an event through the engine. A candle is by far the most frequent event and its layout
//! is fixed by the canonical ABI, so it is put together here and copied once. Everything else goes the runtime's way.

use super::event::{self, NextEvent};
use crate::bindings::calypte::strategy::types as wit;
use calypte_kernel::{CandleEvent, Decimal, Event};
use std::mem::MaybeUninit;
use wasmtime::Result;
use wasmtime::component::__internal::{CanonicalAbiInfo, InstanceType, InterfaceType, LowerContext};
use wasmtime::component::{ComponentType, Lower};

/// The contract's `option<event>`.
type Contract = Option<NextEvent>;

/// Where the event stands in the option, and the candle event in the event: behind a discriminant of one byte each, aligned.
const EVENT: usize = 8;
const CANDLE: usize = EVENT + 8;
/// The candle event: series, whether it is history, then the candle: its time and five decimals.
const SERIES: usize = CANDLE;
const WARM_UP: usize = SERIES + 4;
const OPEN_TIME: usize = CANDLE + 8;
const DECIMALS: usize = OPEN_TIME + 8;
/// A decimal: mantissa, scale, and what fills it up.
const DECIMAL_BYTES: usize = 16;
const BYTES: usize = DECIMALS + 5 * DECIMAL_BYTES;

const _: () = {
    assert!(<wit::Decimal as ComponentType>::ABI.size32 == 16 && <wit::Decimal as ComponentType>::ABI.align32 == 8);
    assert!(<wit::CandleEvent as ComponentType>::ABI.size32 == 96 && <wit::CandleEvent as ComponentType>::ABI.align32 == 8);
    assert!(<Contract as ComponentType>::ABI.align32 == 8 && <Contract as ComponentType>::ABI.size32 as usize >= BYTES);
};

/// What is handed out.
#[derive(Debug, Clone)]
pub(crate) enum Handed {
    /// A candle, laid out.
    Candle([u8; BYTES]),
    /// Nothing, or another event.
    Other(Box<Contract>),
}

impl Handed {
    /// Nothing.
    pub(crate) fn none() -> Self {
        Self::Other(Box::new(None))
    }

    /// An event.
    ///
    /// # Errors
    /// Where a number of it has more digits than the contract can carry.
    #[inline]
    pub(crate) fn event(event: &Event) -> Result<Self> {
        if let Event::Candle(candle) = event
            && let Some(handed) = Self::candle(candle)
        {
            return Ok(handed);
        }
        Ok(Self::Other(Box::new(Some(event::event(event)?))))
    }

    /// A candle; none where a number of it has too many digits as it stands.
    #[inline]
    fn candle(event: &CandleEvent) -> Option<Self> {
        let mut bytes = [0_u8; BYTES];
        bytes[0] = 1; // some
        bytes[EVENT] = 0; // the first case: candle
        bytes[SERIES..WARM_UP].copy_from_slice(&event.series.get().to_le_bytes());
        bytes[WARM_UP] = u8::from(event.warm_up);
        let candle = &event.candle;
        bytes[OPEN_TIME..DECIMALS].copy_from_slice(&candle.open_time.as_millis().to_le_bytes());
        let prices = [candle.open.get(), candle.high.get(), candle.low.get(), candle.close.get(), candle.volume];
        for (place, value) in prices.into_iter().enumerate() {
            put(&mut bytes, DECIMALS + place * DECIMAL_BYTES, value)?;
        }
        Some(Self::Candle(bytes))
    }
}

/// Puts a decimal in its place.
#[inline]
fn put(bytes: &mut [u8; BYTES], place: usize, value: Decimal) -> Option<()> {
    let mantissa = i64::try_from(value.mantissa()).ok()?;
    bytes[place..place + 8].copy_from_slice(&mantissa.to_le_bytes());
    bytes[place + 8] = u8::try_from(value.scale()).ok()?;
    Some(())
}

// SAFETY: everything that describes the type is that of `Option<NextEvent>`, whose implementation is the runtime's own.
#[expect(unsafe_code, reason = "the runtime asks for it from whoever describes a type of the contract by hand")]
unsafe impl ComponentType for Handed {
    type Lower = <Contract as ComponentType>::Lower;

    const ABI: CanonicalAbiInfo = <Contract as ComponentType>::ABI;

    fn typecheck(ty: &InterfaceType, types: &InstanceType<'_>) -> Result<()> {
        <Contract as ComponentType>::typecheck(ty, types)
    }
}

// SAFETY: writing goes through bounds-checked slices of the guest's memory, and the bytes written are those that the runtime
// would write for the same value: the offsets are checked against its own sizes above, and the fast path is held to hook calls,
// which go the runtime's way, by a test.
#[expect(unsafe_code, reason = "the runtime asks for it from whoever describes a type of the contract by hand")]
unsafe impl Lower for Handed {
    fn linear_lower_to_flat<T>(
        &self,
        cx: &mut LowerContext<'_, T>,
        ty: InterfaceType,
        dst: &mut MaybeUninit<Self::Lower>,
    ) -> Result<()> {
        match self {
            Self::Other(event) => event.linear_lower_to_flat(cx, ty, dst),
            Self::Candle(_) => Err(wasmtime::Error::msg("an event is returned through memory")),
        }
    }

    #[inline]
    fn linear_lower_to_memory<T>(&self, cx: &mut LowerContext<'_, T>, ty: InterfaceType, offset: usize) -> Result<()> {
        match self {
            Self::Candle(bytes) => {
                cx.as_slice_mut()[offset..][..BYTES].copy_from_slice(bytes);
                Ok(())
            }
            Self::Other(event) => event.linear_lower_to_memory(cx, ty, offset),
        }
    }
}

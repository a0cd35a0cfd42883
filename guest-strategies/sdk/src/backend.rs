//! The one seam between the SDK and whoever runs the strategy: on wasm the component's imports, natively the
//! [test kit](crate::testing). Both sides have the same functions.

#[cfg(target_family = "wasm")]
mod imports {
    pub(crate) use crate::bindings::calypte::strategy::{account, chart, log, market, state, status};
    pub(crate) use crate::returned::{Pulled, Returned};
}

#[cfg(target_family = "wasm")]
pub(crate) use imports::*;

#[cfg(not(target_family = "wasm"))]
pub(crate) use crate::testing::imports::*;

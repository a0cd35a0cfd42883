//! Lines for the strategy's log: [`debug!`](crate::debug), [`info!`](crate::info), [`warn!`](crate::warn),
//! [`error!`](crate::error), with the arguments of `format!`.

use crate::{Level, backend};

/// Writes a line. The engine escapes control characters, cuts long lines, and counts those past its limit.
pub fn write(level: Level, message: &str) {
    backend::log::write(level, message);
}

/// A line for the author.
#[macro_export]
macro_rules! debug {
    ($($words:tt)*) => { $crate::log::write($crate::Level::Debug, &::std::format!($($words)*)) };
}

/// A line for the record.
#[macro_export]
macro_rules! info {
    ($($words:tt)*) => { $crate::log::write($crate::Level::Info, &::std::format!($($words)*)) };
}

/// Something is odd.
#[macro_export]
macro_rules! warn {
    ($($words:tt)*) => { $crate::log::write($crate::Level::Warn, &::std::format!($($words)*)) };
}

/// Something is wrong.
#[macro_export]
macro_rules! error {
    ($($words:tt)*) => { $crate::log::write($crate::Level::Error, &::std::format!($($words)*)) };
}

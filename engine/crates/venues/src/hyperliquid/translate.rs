//! From the exchange's messages to the core's events: names become numbers, and numbers become prices and sizes.
//!
//! Pure, and without memory of what was said before: the core knows fills it has seen and pictures that are older than its own.
//! What cannot be used is counted by kind and left out; it never ends anything.

mod account;
mod market;
mod orders;

pub use account::{Picture, balance, funding, positions};
pub use market::{TIDS_MAX, TradeFilter, book, context, quote};
pub use orders::{fill, order_update, venue_order};

use super::assets::{Asset, Assets};
use calypte_kernel::{Price, Size};

/// Why something of a message cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Unusable {
    /// It is about a coin that is none of the account's: spot, a builder's, or not asked for.
    OtherCoin,
    /// A price or a size is not positive, or a side of a quote is missing.
    NotPositive,
    /// A value that must be there is missing.
    Missing,
    /// A word whose meaning nobody here knows: it must be asked after.
    UnknownWord,
    /// Nothing follows from it: other messages say it better.
    SaidElsewhere,
}

/// What became of the messages that could not be used, for metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// About other coins.
    pub other_coin: u64,
    /// Without a positive price or size.
    pub not_positive: u64,
    /// Without a value that must be there.
    pub missing: u64,
    /// With an unknown word.
    pub unknown_word: u64,
    /// Rows and messages that could not be read.
    pub unreadable: u64,
    /// On channels that nobody here knows.
    pub unknown_channel: u64,
}

impl Tally {
    /// All of it.
    pub const fn sum(&self) -> u64 {
        let known = self.other_coin.saturating_add(self.not_positive).saturating_add(self.missing);
        known.saturating_add(self.unknown_word).saturating_add(self.unreadable).saturating_add(self.unknown_channel)
    }

    /// Counts what another counted.
    pub const fn add(&mut self, other: &Self) {
        self.other_coin = self.other_coin.saturating_add(other.other_coin);
        self.not_positive = self.not_positive.saturating_add(other.not_positive);
        self.missing = self.missing.saturating_add(other.missing);
        self.unknown_word = self.unknown_word.saturating_add(other.unknown_word);
        self.unreadable = self.unreadable.saturating_add(other.unreadable);
        self.unknown_channel = self.unknown_channel.saturating_add(other.unknown_channel);
    }

    /// Counts what cannot be used; gives what can.
    pub fn sort<T>(&mut self, translated: Result<T, Unusable>) -> Option<T> {
        let count = match translated {
            Ok(usable) => return Some(usable),
            Err(Unusable::OtherCoin) => &mut self.other_coin,
            Err(Unusable::NotPositive) => &mut self.not_positive,
            Err(Unusable::Missing) => &mut self.missing,
            Err(Unusable::UnknownWord) => &mut self.unknown_word,
            Err(Unusable::SaidElsewhere) => return None,
        };
        *count = count.saturating_add(1);
        None
    }
}

fn asset<'a>(assets: &'a Assets, coin: &str) -> Result<&'a Asset, Unusable> {
    assets.of_coin(coin).ok_or(Unusable::OtherCoin)
}

fn price(number: super::protocol::Number) -> Result<Price, Unusable> {
    Price::new(number.get()).map_err(|_| Unusable::NotPositive)
}

fn size(number: super::protocol::Number) -> Result<Size, Unusable> {
    Size::new(number.get()).map_err(|_| Unusable::NotPositive)
}

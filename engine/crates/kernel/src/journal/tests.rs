//! The format: what is written is read, what was written stays readable, and nothing that is read does harm.

mod damage;
mod golden;
mod replay;
mod round_trip;
mod sample;

pub(super) use sample::{Dice, Lines, Sample};

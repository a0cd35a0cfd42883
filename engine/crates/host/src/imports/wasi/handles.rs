//! What a guest may hold handles of.

#![expect(unreachable_pub, reason = "the generated bindings re-export these types by their paths")]

use std::convert::Infallible;

/// What is never made: errors of streams, terminals.
#[derive(Debug)]
pub struct Never(Infallible);

/// Standard input.
#[derive(Debug)]
pub struct Input;

/// Standard output and standard error.
#[derive(Debug, Clone, Copy)]
pub enum Output {
    /// Lines at the level «info».
    Standard,
    /// Lines at the level «warn».
    Error,
}

/// Something to wait for.
#[derive(Debug)]
pub struct Pollable {
    /// Ready when the monotonic clock shows this, in nanoseconds; zero is always.
    pub ready_at: u64,
}

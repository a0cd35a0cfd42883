//! What can be wrong with a request as a whole: each message names the flag and what to write instead.

use calypte_kernel::{Symbol, Timeframe};
use calypte_sim::TickKind;
use std::path::PathBuf;

/// Flags that do not make sense together. All are the caller's to mend; nothing has been read or run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// More of something than one run takes.
    #[error("{count} {what} are too many for one run: at most {max}")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// How many were given.
        count: usize,
        /// How many are allowed.
        max: usize,
    },
    /// A path without a file name.
    #[error("{path:?} names no file: give the component that `calypte build` made")]
    NotAFile {
        /// The path.
        path: PathBuf,
    },
    /// A file whose name cannot be its strategy's.
    #[error("{path:?} cannot name a strategy: {fault}; rename the file")]
    NotAName {
        /// The path.
        path: PathBuf,
        /// What is wrong with it.
        fault: &'static str,
    },
    /// Two files for one series.
    #[error("--data names {symbol}:{timeframe} twice: join the files first, or leave one out")]
    SeriesTwice {
        /// Its instrument.
        symbol: Symbol,
        /// Its timeframe.
        timeframe: Timeframe,
    },
    /// Rules for something that is not traded.
    #[error(
        "--instrument gives rules for {symbol}, for which there is no --data: leave them out, or give --data {symbol}:TIMEFRAME=FILE"
    )]
    RulesWithoutData {
        /// The instrument.
        symbol: Symbol,
    },
    /// Funding for something that is not traded.
    #[error(
        "--funding gives rates for {symbol}, for which there is no --data: leave them out, or give --data {symbol}:TIMEFRAME=FILE"
    )]
    FundingWithoutData {
        /// The instrument.
        symbol: Symbol,
    },
    /// Two files of one kind of tick.
    #[error("{symbol} has two files of {kind}: join them first, or leave one out")]
    TicksTwice {
        /// The instrument.
        symbol: Symbol,
        /// What is in them.
        kind: TickKind,
    },
    /// Leverage for something that is not traded.
    #[error("--leverage names {symbol}, for which there is no --data: leave it out, or give --data {symbol}:TIMEFRAME=FILE")]
    LeverageWithoutData {
        /// The instrument.
        symbol: Symbol,
    },
    /// Leverage given twice.
    #[error("--leverage is given twice for {what}: leave one out")]
    LeverageTwice {
        /// The instrument, or all.
        what: String,
    },
    /// More leverage than there is.
    #[error("--leverage {leverage} for {symbol}, whose rules allow {max}: give --leverage {symbol}={max} or less")]
    LeverageTooHigh {
        /// The instrument.
        symbol: Symbol,
        /// What was asked for.
        leverage: u32,
        /// What its margin tiers allow.
        max: u32,
    },
    /// Rules given twice.
    #[error("--instrument is given twice for {what}: leave one out")]
    RulesTwice {
        /// The instrument, or all.
        what: String,
    },
    /// The preset does not know the instrument.
    #[error(
        "the preset hyperliquid does not list {symbol}: add `--instrument {symbol}:size_decimals=N,price_decimals=N`, or use \
         `--instrument any`"
    )]
    NotListed {
        /// The instrument.
        symbol: Symbol,
    },
    /// Risk declared for a strategy that does not run.
    #[error("--risk has a table for strategy {name}, which is not in this run; there is {names}")]
    RiskOfNoStrategy {
        /// The name given.
        name: String,
        /// The strategies.
        names: String,
    },
    /// Risk declared for something that is not traded.
    #[error("--risk has a table for instrument {name}, for which there is no --data")]
    RiskOfNoInstrument {
        /// The name given.
        name: String,
    },
    /// A parameter that could be several strategies'.
    #[error("--param {name}: several strategies run, so say whose: write NAME.{name}=VALUE with one of {names}")]
    WhoseParameter {
        /// The parameter.
        name: String,
        /// The strategies.
        names: String,
    },
    /// A parameter of a strategy that does not run.
    #[error("--param {strategy}.{name}: no strategy {strategy} in this run; there is {names}")]
    UnknownStrategy {
        /// The name given.
        strategy: String,
        /// The parameter.
        name: String,
        /// The strategies.
        names: String,
    },
    /// A parameter set twice.
    #[error("--param {name} is given twice for {strategy}: leave one out")]
    ParameterTwice {
        /// Whose.
        strategy: String,
        /// The parameter.
        name: String,
    },
    /// A period that holds nothing.
    #[error("--from {from} is not before --to {to}: candles from the first up to, not including, the second are used")]
    EmptyPeriod {
        /// Start.
        from: String,
        /// End.
        to: String,
    },
    /// A number outside its range.
    #[error("{flag} {value} is out of range: {range}")]
    OutOfRange {
        /// The flag.
        flag: &'static str,
        /// What was given.
        value: String,
        /// What is allowed.
        range: &'static str,
    },
    /// A sweep over nothing.
    #[error("nothing to sweep: give at least one --param with several values, such as --param fast=5..23:2 or fast=5,8,13")]
    NothingToSweep,
    /// A sweep larger than any machine finishes.
    #[error("the sweep has {count} combinations: at most {max}; use a larger step or fewer values")]
    TooManyCombinations {
        /// How many.
        count: u128,
        /// How many are allowed.
        max: usize,
    },
    /// Resuming needs the folder to resume from.
    #[error("--resume needs --out DIR: the journal of the earlier sweep lies there")]
    ResumeWithoutOut,
}

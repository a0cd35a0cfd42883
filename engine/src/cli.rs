//! The command line: what was written, what it means, and what comes out.
//!
//! Every command has `--json`: standard output is then exactly one JSON document, for an error too. Progress and remarks go to
//! standard error, progress only where that is a terminal. Exit codes are those of [`ExitStatus`].

mod backtest;
mod build;
mod collect;
mod config;
mod data;
mod database;
mod demo;
mod devnet;
mod doctor;
mod drift;
mod engine;
mod exit;
mod export;
mod inspect;
mod kill;
mod market_data;
mod network;
mod new;
mod output;
mod progress;
mod record;
mod replay;
mod run_flags;
mod service;
mod summary;
mod sweep;
mod trade;
mod venue;

pub use exit::{ExitStatus, Failure};

use crate::health::logs::{self, LogFormat, LogLevel};
use crate::request::instrument::NotRules;
use crate::request::risk::NotRisk;
use clap::{Parser, Subcommand};
use output::{Output, delivered};
use std::ffi::OsString;
use std::io::Write as _;
use std::process::ExitCode;

/// Backtests trading strategies that nobody has to trust: sandboxed and metered, over recorded markets.
///
/// Candles, trades, quotes, books and funding; with margin and liquidation, and a journal that replays.
#[derive(Debug, Parser)]
#[command(name = "calypte", version, max_term_width = 110, propagate_version = true)]
#[command(after_help = "Example:\n  calypte backtest ema-atr.wasm --data BTC:1m=candles.csv --out report\n\n\
    Exit codes: 0 done, 1 failed, 2 usage, 3 bad input, 4 environment, 5 different, 70 internal, 130 cancelled;\n\
    engine/docs/cli.md says what each means.")]
struct Cli {
    /// Writes exactly one JSON document to standard output, for an error too.
    #[arg(long, global = true)]
    json: bool,
    /// How lines of the log are written. What is logged, the variable CALYPTE_LOG says.
    #[arg(long, global = true, value_enum, value_name = "FORMAT", default_value_t)]
    log: LogFormat,
    #[command(subcommand)]
    command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
enum Command {
    New(new::NewArgs),
    Build(build::BuildArgs),
    Inspect(inspect::InspectArgs),
    Backtest(backtest::BacktestArgs),
    Sweep(sweep::SweepArgs),
    Replay(replay::ReplayArgs),
    Drift(drift::DriftArgs),
    Run(trade::TradeArgs),
    Record(record::RecordArgs),
    Export(export::ExportArgs),
    #[command(subcommand)]
    Venue(venue::VenueCommand),
    #[command(subcommand)]
    Data(data::DataCommand),
    #[command(subcommand)]
    Config(config::ConfigCommand),
    Demo(demo::DemoArgs),
    Devnet(devnet::DevnetArgs),
    Doctor(doctor::DoctorArgs),
    MarketData(market_data::MarketDataArgs),
    Collect(collect::CollectArgs),
    Engine(engine::EngineArgs),
    Kill(kill::KillArgs),
    /// Compiles one component for a parent process, under limits. Not for people.
    #[command(hide = true)]
    CompileChild,
}

/// Runs a command line, program name first.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments = arguments.into_iter().collect::<Vec<_>>();
    let cli = match Cli::try_parse_from(&arguments) {
        Ok(cli) => cli,
        Err(error) => return misunderstood(&error, &arguments),
    };
    let output = Output::new(cli.json);
    if let Err(error) = logs::start(cli.log, log_level(&cli.command)) {
        return output.fail(&Failure::of(ExitStatus::Usage, error).into()).into();
    }
    let status = match run(cli.command, output) {
        Ok(status) => status,
        Err(error) => output.fail(&error),
    };
    status.into()
}

/// What a command logs where nobody says: a service what it does, everything else nothing.
const fn log_level(command: &Command) -> LogLevel {
    match command {
        Command::New(_)
        | Command::Build(_)
        | Command::Inspect(_)
        | Command::Backtest(_)
        | Command::Sweep(_)
        | Command::Replay(_)
        | Command::Drift(_)
        | Command::Run(_)
        | Command::Record(_)
        | Command::Export(_)
        | Command::Venue(_)
        | Command::Data(_)
        | Command::Config(_)
        | Command::Demo(_)
        | Command::Devnet(_)
        | Command::Doctor(_)
        | Command::Kill(_)
        | Command::CompileChild => LogLevel::Off,
        Command::MarketData(_) | Command::Collect(_) | Command::Engine(_) => LogLevel::Info,
    }
}

fn run(command: Command, output: Output) -> anyhow::Result<ExitStatus> {
    match command {
        Command::New(args) => new::run(&args, output),
        Command::Build(args) => build::run(&args, output),
        Command::Inspect(args) => inspect::run(&args, output),
        Command::Backtest(args) => backtest::run(args, output),
        Command::Sweep(args) => sweep::run(args, output),
        Command::Replay(args) => replay::run(args, output),
        Command::Drift(args) => drift::run(args, output),
        Command::Run(args) => trade::run(&args, output),
        Command::Record(args) => record::run(&args, output),
        Command::Export(args) => export::run(&args, output),
        Command::Venue(command) => venue::run(&command, output),
        Command::Data(command) => data::run(command, output),
        Command::Config(command) => config::run(&command, output),
        Command::Demo(args) => demo::run(&args, output),
        Command::Doctor(args) => doctor::run(&args, output),
        Command::Devnet(args) => devnet::run(&args, output),
        Command::MarketData(args) => market_data::run(&args, output),
        Command::Collect(args) => collect::run(&args, output),
        Command::Engine(args) => engine::run(&args, output),
        Command::Kill(args) => kill::run(&args, output),
        // `main` of the binary has already turned to it; this is a library call with the same words.
        Command::CompileChild => Err(Failure::new(ExitStatus::Usage, "compile-child is started by the engine itself").into()),
    }
}

/// Help and version are answers; everything else that cannot be read is an error with its usage.
fn misunderstood(error: &clap::Error, arguments: &[OsString]) -> ExitCode {
    let json = arguments.iter().any(|argument| argument == "--json");
    let status = if is_about_a_file(error) { ExitStatus::BadInput } else { ExitStatus::Usage };
    if !error.use_stderr() || !json {
        let printed = error.print().and_then(|()| std::io::stdout().flush());
        if error.use_stderr() {
            // Nobody is left to tell where this cannot be written.
            return status.into();
        }
        return match delivered(printed) {
            Ok(()) => ExitStatus::Ok,
            Err(failure) => Output::new(false).fail(&failure.into()),
        }
        .into();
    }
    let words = error.render().to_string();
    let words = words.strip_prefix("error: ").unwrap_or(&words).trim_end();
    Output::new(true).fail(&Failure::new(status, words).into()).into()
}

/// Whether a flag names a file that cannot be read or used: then it is the file that has to be mended.
fn is_about_a_file(error: &clap::Error) -> bool {
    let Some(cause) = std::error::Error::source(error) else { return false };
    cause.is::<NotRisk>() || matches!(cause.downcast_ref(), Some(NotRules::Unreadable { .. } | NotRules::InFile { .. }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_visible_command_has_an_example() {
        fn check(command: &clap::Command, path: &str) {
            let path = format!("{path} {}", command.get_name());
            if command.is_hide_set() {
                return;
            }
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(help.contains("Example"), "{path} --help has no example");
            if command.get_subcommands().next().is_some() {
                assert!(help.to_lowercase().contains("exit codes"), "{path} --help does not point to the exit codes");
            }
            for subcommand in command.get_subcommands() {
                check(subcommand, &path);
            }
        }
        check(&Cli::command(), "");
    }
}

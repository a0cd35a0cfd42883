//! `calypte build`: from a strategy crate to its component.

use super::exit::{ExitStatus, Failure};
use super::output::Output;
use crate::component::{BuildError, BuildOptions, Built, build};
use clap::Args;
use serde::Serialize;
use std::path::PathBuf;

/// Compiles a strategy crate and makes a component of it: target/calypte/NAME.wasm.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  calypte build guest-strategies/ema-atr")]
pub(super) struct BuildArgs {
    /// Folder of the crate.
    #[arg(default_value = ".")]
    path: PathBuf,
    /// Fails where Cargo.lock would have to change.
    #[arg(long)]
    locked: bool,
}

#[derive(Serialize)]
struct BuildRecord {
    name: String,
    component: String,
    bytes: u64,
    module_bytes: u64,
}

pub(super) fn run(args: &BuildArgs, output: Output) -> anyhow::Result<ExitStatus> {
    let built = make(&args.path, BuildOptions { locked: args.locked }, output)?;
    let component = built.component.display().to_string();
    let words = format!("{component} ({} bytes)\n", built.bytes);
    let record = BuildRecord { name: built.name, component, bytes: built.bytes, module_bytes: built.module_bytes };
    output.answer(&record, || words)?;
    Ok(ExitStatus::Ok)
}

/// Builds, with what is remarkable on standard error.
pub(super) fn make(folder: &std::path::Path, options: BuildOptions, output: Output) -> Result<Built, Failure> {
    build(folder, options, |words| output.remark(words)).map_err(|error| {
        let status = match error {
            BuildError::Tool { .. } | BuildError::Target { .. } | BuildError::File { .. } => ExitStatus::Environment,
            BuildError::NoCrate { .. } | BuildError::Manifest { .. } => ExitStatus::BadInput,
            BuildError::NotALibrary { .. } | BuildError::Compile { .. } | BuildError::Encode { .. } => ExitStatus::Failed,
        };
        Failure::of(status, error)
    })
}

//! `calypte new`: a strategy crate to start from.

use super::exit::{Ends, ExitStatus};
use super::output::Output;
use crate::scaffold::{ScaffoldError, own_sdk, scaffold};
use clap::Args;
use serde::Serialize;
use std::path::PathBuf;

/// Makes a strategy crate with a test that passes.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  calypte new my-first\n  cd my-first && cargo test && calypte build")]
pub(super) struct NewArgs {
    /// Its name: lower case letters, digits and hyphens.
    name: String,
    /// Folder to make [default: the name].
    #[arg(long, value_name = "DIR")]
    path: Option<PathBuf>,
    /// The SDK it uses [default: that of the checkout this program was built from].
    #[arg(long, value_name = "DIR")]
    sdk: Option<PathBuf>,
}

#[derive(Serialize)]
struct NewRecord<'a> {
    name: &'a str,
    path: String,
}

pub(super) fn run(args: &NewArgs, output: Output) -> anyhow::Result<ExitStatus> {
    let folder = args.path.clone().unwrap_or_else(|| PathBuf::from(&args.name));
    let sdk = args.sdk.clone().unwrap_or_else(own_sdk);
    scaffold(&args.name, &folder, &sdk).map_err(|error| {
        let status = match error {
            ScaffoldError::Name(_) | ScaffoldError::Taken(_) | ScaffoldError::Exists { .. } => ExitStatus::Usage,
            ScaffoldError::NoSdk { .. } | ScaffoldError::File { .. } => ExitStatus::Environment,
        };
        Err::<(), _>(error).ends(status).expect_err("it is an error")
    })?;
    let record = NewRecord { name: &args.name, path: folder.display().to_string() };
    output.answer(&record, || {
        let path = folder.display();
        format!("made {path}\n\n  cd {path}\n  cargo test        # drives the strategy without an engine\n  calypte build     # makes the component\n")
    })?;
    Ok(ExitStatus::Ok)
}

//! `calypte doctor`: looks at everything a live system stands on.

use super::exit::ExitStatus;
use super::output::Output;
use crate::config::{Config, ConfigError, Environment};
use crate::doctor::{Finding, Verdict, examine, examine_machine};
use crate::report::escape_terminal;
use clap::Args;
use serde::Serialize;
use std::fmt::Write as _;
use std::path::PathBuf;

/// Looks at everything a live system stands on: bus, database, clocks, exchange, keys, disk, limits. Changes nothing.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  calypte doctor --config calypte.toml\n\n\
    Exit codes: 0 all will do; 1 something will not; 2 wrong usage.")]
pub(super) struct DoctorArgs {
    /// The configuration of the services; without it, only this machine is looked at.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

#[derive(Serialize)]
struct DoctorRecord {
    verdict: Verdict,
    findings: Vec<Finding>,
}

pub(super) fn run(args: &DoctorArgs, output: Output) -> anyhow::Result<ExitStatus> {
    let findings = match &args.config {
        None => examine_machine(1),
        Some(path) => match Config::read(path, &Environment::of_process()) {
            Ok(config) => {
                let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
                runtime.block_on(examine(&config))
            }
            Err(error) => with_faults(&error),
        },
    };
    let verdict = findings.iter().map(|finding| finding.verdict).max().unwrap_or(Verdict::Ok);
    let record = DoctorRecord { verdict, findings };
    output.answer(&record, || words(&record, args.config.is_some()))?;
    Ok(if verdict == Verdict::Failed { ExitStatus::Failed } else { ExitStatus::Ok })
}

/// What is wrong with a configuration, and what can be said without one.
fn with_faults(error: &ConfigError) -> Vec<Finding> {
    let remedy = "mend it; calypte config check says when it is right";
    let failed = |words: String| Finding { remedy: Some(remedy.to_owned()), ..of_configuration(words) };
    let mut findings = match error {
        ConfigError::Unreadable { .. } => vec![failed(error.to_string())],
        ConfigError::Faulty { path, faults } => {
            faults.iter().map(|fault| failed(format!("{}: {fault}", path.display()))).collect()
        }
    };
    findings.extend(examine_machine(1));
    findings
}

fn of_configuration(found: String) -> Finding {
    Finding { of: "configuration".to_owned(), verdict: Verdict::Failed, found, remedy: None }
}

fn words(record: &DoctorRecord, has_config: bool) -> String {
    let mut text = String::new();
    for Finding { of, verdict, found, remedy } in &record.findings {
        let verdict = match verdict {
            Verdict::Ok => "ok",
            Verdict::Warning => "warning",
            Verdict::Failed => "failed",
        };
        writeln!(text, "{verdict:<9}{of:<16}{found}").expect("text grows");
        if let Some(remedy) = remedy {
            writeln!(text, "{:<25}→ {remedy}", "").expect("text grows");
        }
    }
    if !has_config {
        text.push_str("only this machine was looked at: --config FILE looks at the services too\n");
    }
    escape_terminal(&text)
}

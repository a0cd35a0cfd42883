//! Looks at everything a live system stands on, and says of each what it found and what to do.
//!
//! Each check is by itself: one that fails hides no other. Nothing is changed, and nothing that costs money is asked; a file
//! that is made to see whether it can be made is removed again.

mod exchange;
mod machine;
mod services;

pub use machine::MAPPINGS_OF_STRATEGY;

use crate::config::{Config, Services};
use serde::Serialize;
use std::time::Duration;

/// Longest that one check of somebody else may take.
pub(crate) const CHECK_TIME_MAX: Duration = Duration::from_secs(10);

/// How something was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// As it should be.
    Ok,
    /// It will do, and somebody should know.
    Warning,
    /// It will not do.
    Failed,
}

/// What one check found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What was looked at: `bus`, `exchange`, `account alice`.
    pub of: String,
    /// How it was found.
    pub verdict: Verdict,
    /// What was found.
    pub found: String,
    /// What to do about it; none where nothing is to be done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}

impl Finding {
    pub(crate) fn ok(of: impl Into<String>, found: impl Into<String>) -> Self {
        Self { of: of.into(), verdict: Verdict::Ok, found: found.into(), remedy: None }
    }

    pub(crate) fn warning(of: impl Into<String>, found: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { of: of.into(), verdict: Verdict::Warning, found: found.into(), remedy: Some(remedy.into()) }
    }

    pub(crate) fn failed(of: impl Into<String>, found: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { of: of.into(), verdict: Verdict::Failed, found: found.into(), remedy: Some(remedy.into()) }
    }
}

/// Looks at this machine alone, for a number of strategies.
pub fn examine_machine(strategies: usize) -> Vec<Finding> {
    machine::limits(strategies)
}

/// Looks at everything that a configuration names, and at this machine.
pub async fn examine(config: &Config<Services>) -> Vec<Finding> {
    let mut findings = vec![Finding::ok("configuration", format!("{} can be used", config.file.display()))];
    let chmod = "chmod 600 it: whoever reads it may do what its owner may";
    findings.extend(config.warnings.iter().map(|words| Finding::warning("configuration", words, chmod)));
    findings.extend(services::bus(config).await);
    findings.extend(exchange::examine(config).await);
    if let Some(engine) = &config.service.engine {
        findings.extend(machine::folder("state", &engine.state));
        if let Some(database) = &engine.database {
            findings.extend(services::database(database).await);
        }
        if let Some(webhook) = &engine.webhook {
            findings.push(services::webhook(webhook).await);
        }
    }
    findings.extend(services::addresses(&config.service).await);
    let strategies = config.service.engine.iter().flat_map(|engine| &engine.accounts).map(|account| account.strategies.len());
    findings.extend(machine::limits(strategies.sum()));
    findings
}

//! `--param name=value`: reading it, and giving it to the strategy it is meant for.

use super::{RequestError, StrategyRequest};
use std::str::FromStr;

/// Longest name of a parameter.
pub const PARAMETER_NAME_BYTES_MAX: usize = 64;

/// A parameter as written on the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParameterSpec {
    /// Whose; none: the only strategy's.
    pub strategy: Option<String>,
    /// Its name.
    pub name: String,
    /// Its value, whatever the manifest makes of it.
    pub value: String,
}

/// A text that is not `name=value`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotAParameter {
    /// No equals sign.
    #[error("write NAME=VALUE, such as fast=12; with several strategies STRATEGY.NAME=VALUE")]
    Shape,
    /// A name that no manifest can have.
    #[error("{0:?} is not the name of a parameter: lower case letters, digits and hyphens")]
    Name(String),
}

impl FromStr for ParameterSpec {
    type Err = NotAParameter;

    fn from_str(text: &str) -> Result<Self, NotAParameter> {
        let (name, value) = text.split_once('=').ok_or(NotAParameter::Shape)?;
        // A name has no dot; the name of a file may have some.
        let (strategy, name) = match name.rsplit_once('.') {
            Some((strategy, name)) => (Some(strategy.to_owned()), name),
            None => (None, name),
        };
        check_name(name)?;
        Ok(Self { strategy, name: name.to_owned(), value: value.to_owned() })
    }
}

pub(crate) fn check_name(name: &str) -> Result<(), NotAParameter> {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if name.is_empty() || name.len() > PARAMETER_NAME_BYTES_MAX || !name.bytes().all(allowed) {
        return Err(NotAParameter::Name(name.chars().take(PARAMETER_NAME_BYTES_MAX).collect()));
    }
    Ok(())
}

/// Gives a parameter to its strategy.
pub(super) fn assign(strategies: &mut [StrategyRequest], parameter: &ParameterSpec) -> Result<(), RequestError> {
    let names = || strategies.iter().map(|strategy| strategy.name.as_str()).collect::<Vec<_>>().join(", ");
    let place = match &parameter.strategy {
        Some(wanted) => strategies.iter().position(|strategy| &strategy.name == wanted).ok_or_else(|| {
            RequestError::UnknownStrategy { strategy: wanted.clone(), name: parameter.name.clone(), names: names() }
        })?,
        None if strategies.len() == 1 => 0,
        None => return Err(RequestError::WhoseParameter { name: parameter.name.clone(), names: names() }),
    };
    let strategy = &mut strategies[place];
    if strategy.parameters.iter().any(|(name, _)| name == &parameter.name) {
        return Err(RequestError::ParameterTwice { strategy: strategy.name.clone(), name: parameter.name.clone() });
    }
    strategy.parameters.push((parameter.name.clone(), parameter.value.clone()));
    Ok(())
}

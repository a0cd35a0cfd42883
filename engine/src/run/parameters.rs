//! What the trader wrote as parameters, against what the strategy's manifest allows.

use calypte_host::{Manifest, Parameter};
use calypte_kernel::{Decimal, ParamValue};
use std::sync::Arc;

/// A parameter that the strategy does not take as it was written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParameterError {
    /// There is none of that name.
    #[error("{strategy} has no parameter {name:?}; it has {known}")]
    Unknown {
        /// The strategy.
        strategy: String,
        /// What was written.
        name: String,
        /// What there is.
        known: String,
    },
    /// The value is of another kind.
    #[error("parameter {name} of {strategy} takes {wanted}, not {value:?}")]
    Kind {
        /// The strategy.
        strategy: String,
        /// The parameter.
        name: String,
        /// What was written.
        value: String,
        /// What it takes.
        wanted: &'static str,
    },
    /// The number has more digits than a strategy can be given.
    #[error("parameter {name} of {strategy} has more digits than the 64 bits it travels in carry: {value}")]
    Digits {
        /// The strategy.
        strategy: String,
        /// The parameter.
        name: String,
        /// What was written.
        value: String,
    },
    /// The value is outside its range.
    #[error("parameter {name} of {strategy} must be {range}, not {value}")]
    Range {
        /// The strategy.
        strategy: String,
        /// The parameter.
        name: String,
        /// What was written.
        value: String,
        /// Its range, in words.
        range: String,
    },
    /// The text is not one of the choices.
    #[error("parameter {name} of {strategy} is one of {choices}, not {value:?}")]
    Choice {
        /// The strategy.
        strategy: String,
        /// The parameter.
        name: String,
        /// What was written.
        value: String,
        /// What it may be.
        choices: String,
    },
}

/// Every parameter of the manifest, in its order: what was written where something was, else the default.
///
/// # Errors
/// Where something was written that the manifest does not allow.
pub fn resolve(
    strategy: &str,
    manifest: &Manifest,
    written: &[(String, String)],
) -> Result<Arc<[(String, ParamValue)]>, ParameterError> {
    if let Some((name, _)) = written.iter().find(|(name, _)| !manifest.parameters.iter().any(|known| known.name == *name)) {
        let known = manifest.parameters.iter().map(|parameter| parameter.name.as_str()).collect::<Vec<_>>().join(", ");
        let known = if known.is_empty() { "none".to_owned() } else { known };
        return Err(ParameterError::Unknown { strategy: strategy.to_owned(), name: name.clone(), known });
    }
    manifest
        .parameters
        .iter()
        .map(|parameter| {
            let text = written.iter().find(|(name, _)| *name == parameter.name).map(|(_, text)| text);
            let value = text.map_or_else(|| Ok(parameter.default.clone()), |text| read(strategy, parameter, text))?;
            Ok((parameter.name.clone(), value))
        })
        .collect()
}

/// A value as text, as it would be written.
pub fn written(value: &ParamValue) -> String {
    match value {
        ParamValue::Boolean(value) => value.to_string(),
        ParamValue::Integer(value) => value.to_string(),
        ParamValue::Number(value) => value.normalize().to_string(),
        ParamValue::Text(value) => value.clone(),
    }
}

fn read(strategy: &str, parameter: &Parameter, text: &str) -> Result<ParamValue, ParameterError> {
    let wanted = match parameter.default {
        ParamValue::Boolean(_) => "true or false",
        ParamValue::Integer(_) => "a whole number",
        ParamValue::Number(_) => "a number",
        ParamValue::Text(_) => "a text",
    };
    let kind =
        || ParameterError::Kind { strategy: strategy.to_owned(), name: parameter.name.clone(), value: text.to_owned(), wanted };
    let value = match parameter.default {
        ParamValue::Boolean(_) => ParamValue::Boolean(text.parse().map_err(|_| kind())?),
        ParamValue::Integer(_) => ParamValue::Integer(text.parse().map_err(|_| kind())?),
        ParamValue::Number(_) => ParamValue::Number(Decimal::from_str_exact(text).map_err(|_| kind())?),
        ParamValue::Text(_) => ParamValue::Text(text.to_owned()),
    };
    if let ParamValue::Number(number) = &value {
        check_digits(strategy, parameter, *number)?;
    }
    check_range(strategy, parameter, &value)?;
    if let ParamValue::Text(value) = &value
        && !parameter.choices.is_empty()
        && !parameter.choices.contains(value)
    {
        let (strategy, name, value) = (strategy.to_owned(), parameter.name.clone(), value.clone());
        return Err(ParameterError::Choice { strategy, name, value, choices: parameter.choices.join(", ") });
    }
    Ok(value)
}

/// A number reaches a strategy as a mantissa of 64 bits and a scale.
fn check_digits(strategy: &str, parameter: &Parameter, number: Decimal) -> Result<(), ParameterError> {
    if i64::try_from(number.normalize().mantissa()).is_ok() {
        return Ok(());
    }
    let (strategy, name) = (strategy.to_owned(), parameter.name.clone());
    Err(ParameterError::Digits { strategy, name, value: number.to_string() })
}

fn check_range(strategy: &str, parameter: &Parameter, value: &ParamValue) -> Result<(), ParameterError> {
    let below = parameter.min.as_ref().is_some_and(|min| less(value, min));
    let above = parameter.max.as_ref().is_some_and(|max| less(max, value));
    if !below && !above {
        return Ok(());
    }
    let range = match (&parameter.min, &parameter.max) {
        (Some(min), Some(max)) => format!("from {} to {}", written(min), written(max)),
        (Some(min), None) => format!("at least {}", written(min)),
        (None, Some(max)) => format!("at most {}", written(max)),
        (None, None) => unreachable!("a value is outside a bound that is there"),
    };
    Err(ParameterError::Range { strategy: strategy.to_owned(), name: parameter.name.clone(), value: written(value), range })
}

/// Whether one number is less than another of its kind; other kinds have no order. A manifest with bounds of another kind
/// than the default was refused at upload.
fn less(left: &ParamValue, right: &ParamValue) -> bool {
    match (left, right) {
        (ParamValue::Integer(left), ParamValue::Integer(right)) => left < right,
        (ParamValue::Number(left), ParamValue::Number(right)) => left < right,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest() -> Manifest {
        let parameter = |name: &str, default: ParamValue| Parameter {
            name: name.to_owned(),
            doc: String::new(),
            default,
            min: None,
            max: None,
            step: None,
            choices: Vec::new(),
        };
        let fast = Parameter {
            min: Some(ParamValue::Integer(1)),
            max: Some(ParamValue::Integer(100)),
            ..parameter("fast", ParamValue::Integer(12))
        };
        let mode = Parameter {
            choices: vec!["long".to_owned(), "both".to_owned()],
            ..parameter("mode", ParamValue::Text("both".to_owned()))
        };
        Manifest {
            name: "test".to_owned(),
            version: "1".to_owned(),
            description: String::new(),
            parameters: vec![
                fast,
                parameter("filter", ParamValue::Number(Decimal::new(5, 4))),
                parameter("chart", ParamValue::Boolean(false)),
                mode,
            ],
            feeds: Vec::new(),
            tick_interval_ms: None,
        }
    }

    fn resolved(written: &[(&str, &str)]) -> Result<Vec<ParamValue>, ParameterError> {
        let written = written.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect::<Vec<_>>();
        resolve("test", &manifest(), &written).map(|values| values.iter().map(|(_, value)| value.clone()).collect())
    }

    #[test]
    fn what_is_not_written_has_its_default() {
        let values = resolved(&[("fast", "5"), ("filter", "0.001")]).expect("allowed");
        let text = |value: &ParamValue| written(value);
        assert_eq!(values.iter().map(text).collect::<Vec<_>>(), ["5", "0.001", "false", "both"]);
        let long = resolved(&[("filter", "1.000000000000000000000000")]).expect("zeros at the end are no digits");
        assert_eq!(text(&long[1]), "1");
    }

    #[test]
    fn what_the_manifest_does_not_allow_is_refused_by_name() {
        let refusals = [
            (("speed", "1"), "test has no parameter \"speed\"; it has fast, filter, chart, mode"),
            (("fast", "1.5"), "parameter fast of test takes a whole number, not \"1.5\""),
            (("fast", "0"), "parameter fast of test must be from 1 to 100, not 0"),
            (("fast", "101"), "parameter fast of test must be from 1 to 100, not 101"),
            (("filter", "NaN"), "parameter filter of test takes a number, not \"NaN\""),
            (
                ("filter", "99999999999999999999"),
                "parameter filter of test has more digits than the 64 bits it travels in carry: 99999999999999999999",
            ),
            (("chart", "yes"), "parameter chart of test takes true or false, not \"yes\""),
            (("mode", "short"), "parameter mode of test is one of long, both, not \"short\""),
        ];
        for (written, message) in refusals {
            assert_eq!(resolved(&[written]).map_err(|error| error.to_string()), Err(message.to_owned()));
        }
    }
}

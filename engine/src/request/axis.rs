//! `--param name=VALUES` of a sweep: one value, a list, or a range that includes both ends.

use super::parameters::{NotAParameter, check_name};
use rust_decimal::Decimal;
use std::str::FromStr;

/// Most values of one swept parameter.
pub const AXIS_VALUES_MAX: usize = 10_000;

/// A parameter of a sweep with the values it takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Axis {
    /// The parameter.
    pub name: String,
    /// Its values, at least one.
    pub values: AxisValues,
}

/// Values as they would be written one by one.
pub type AxisValues = Vec<String>;

/// A text that is not `name=VALUES`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotAnAxis {
    /// The name or the shape.
    #[error(transparent)]
    Parameter(#[from] NotAParameter),
    /// A range that is not two numbers and a step.
    #[error("{0:?} is not a range: write FIRST..LAST or FIRST..LAST:STEP with numbers, such as 5..23:2")]
    Range(String),
    /// A range that leads nowhere.
    #[error("the range {0} has no values: the step must be positive and the first value not above the last")]
    Empty(String),
    /// A range too long.
    #[error("the range {0} has more than {AXIS_VALUES_MAX} values: use a larger step")]
    TooLong(String),
    /// A value that comes twice.
    #[error("the value {0} stands twice in the list")]
    Repeated(String),
    /// An empty value in a list.
    #[error("a value of the list is empty")]
    Missing,
}

impl FromStr for Axis {
    type Err = NotAnAxis;

    fn from_str(text: &str) -> Result<Self, NotAnAxis> {
        let (name, values) = text.split_once('=').ok_or(NotAParameter::Shape)?;
        check_name(name)?;
        let values = if values.contains("..") { range(values)? } else { list(values)? };
        Ok(Self { name: name.to_owned(), values })
    }
}

fn list(text: &str) -> Result<AxisValues, NotAnAxis> {
    let mut values = AxisValues::new();
    for value in text.split(',').map(str::trim) {
        if value.is_empty() {
            return Err(NotAnAxis::Missing);
        }
        if values.iter().any(|known| known == value) {
            return Err(NotAnAxis::Repeated(value.to_owned()));
        }
        if values.len() == AXIS_VALUES_MAX {
            return Err(NotAnAxis::TooLong(text.chars().take(40).collect()));
        }
        values.push(value.to_owned());
    }
    Ok(values)
}

/// Both ends belong to a range. A step that does not meet the last value stops before it.
fn range(text: &str) -> Result<AxisValues, NotAnAxis> {
    let refuse = || NotAnAxis::Range(text.chars().take(40).collect());
    let (first, rest) = text.split_once("..").ok_or_else(refuse)?;
    let (last, step) = rest.split_once(':').unwrap_or((rest, "1"));
    let number = |text: &str| text.trim().parse::<Decimal>().map_err(|_| refuse());
    let (first, last, step) = (number(first)?, number(last)?, number(step)?);
    if step <= Decimal::ZERO || first > last {
        return Err(NotAnAxis::Empty(text.to_owned()));
    }
    let mut values = AxisValues::new();
    let mut value = first;
    while value <= last {
        if values.len() == AXIS_VALUES_MAX {
            return Err(NotAnAxis::TooLong(text.to_owned()));
        }
        values.push(value.normalize().to_string());
        let next = value.checked_add(step).ok_or_else(refuse)?;
        // A step far below the last digit of the value would be rounded away, and the range would never end.
        if next == value {
            return Err(refuse());
        }
        value = next;
    }
    Ok(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(text: &str) -> Result<AxisValues, NotAnAxis> {
        text.parse::<Axis>().map(|axis| axis.values)
    }

    #[test]
    fn ranges_include_both_ends() {
        let fast = values("fast=5..23:2").expect("a range");
        assert_eq!(fast.len(), 10);
        assert_eq!((fast[0].as_str(), fast[9].as_str()), ("5", "23"));
        assert_eq!(values("slow=30..120:10").map(|values| values.len()), Ok(10));
        assert_eq!(values("x=1..3"), Ok(vec!["1".into(), "2".into(), "3".into()]));
        assert_eq!(values("x=0.1..0.3:0.1"), Ok(vec!["0.1".into(), "0.2".into(), "0.3".into()]));
        assert_eq!(values("x=-1..1:1"), Ok(vec!["-1".into(), "0".into(), "1".into()]));
        assert_eq!(values("x=4..4"), Ok(vec!["4".into()]));
        assert_eq!(values("x=1..4:2"), Ok(vec!["1".into(), "3".into()]));
    }

    #[test]
    fn lists_keep_their_order() {
        assert_eq!(values("mode=fast, slow"), Ok(vec!["fast".into(), "slow".into()]));
        assert_eq!(values("n=3"), Ok(vec!["3".into()]));
    }

    #[test]
    fn what_is_no_range_is_refused() {
        assert!(matches!(values("x=1..b"), Err(NotAnAxis::Range(_))));
        assert!(matches!(values("x=1..3:"), Err(NotAnAxis::Range(_))));
        assert!(matches!(values("x=3..1"), Err(NotAnAxis::Empty(_))));
        assert!(matches!(values("x=1..3:0"), Err(NotAnAxis::Empty(_))));
        assert!(matches!(values("x=1..3:-1"), Err(NotAnAxis::Empty(_))));
        assert!(matches!(values("x=0..1000000"), Err(NotAnAxis::TooLong(_))));
        assert!(matches!(values("x=1,1"), Err(NotAnAxis::Repeated(_))));
        assert!(matches!(values("x="), Err(NotAnAxis::Missing)));
        assert!(matches!(values("x=1,,2"), Err(NotAnAxis::Missing)));
        assert!(matches!(values("x"), Err(NotAnAxis::Parameter(_))));
        let huge = "x=79228162514264337593543950334..79228162514264337593543950335:0.0000000001";
        assert!(values(huge).is_err(), "a step that vanishes ends");
    }
}

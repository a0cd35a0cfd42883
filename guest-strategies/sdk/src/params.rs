//! Reading parameters by type.

use crate::{Decimal, ParamValue};
use std::fmt;

/// Why a strategy does not begin, or does not take new parameters, in words that the trader reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal(pub String);

impl<T: fmt::Display> From<T> for Refusal {
    fn from(words: T) -> Self {
        Self(words.to_string())
    }
}

/// The values of all parameters, checked by the engine against the manifest.
#[derive(Debug, Clone, PartialEq)]
pub struct Parameters(Vec<(String, ParamValue)>);

impl Parameters {
    /// From what the engine hands over.
    #[must_use]
    pub fn new(values: Vec<(String, ParamValue)>) -> Self {
        Self(values)
    }

    /// A parameter as the type that is asked for.
    ///
    /// ```
    /// # use calypte_strategy::{ParamValue, Parameters};
    /// let parameters = Parameters::new(vec![("fast".into(), ParamValue::Integer(12))]);
    /// let fast: usize = parameters.get("fast")?;
    /// assert_eq!(fast, 12);
    /// # Ok::<(), calypte_strategy::ParamError>(())
    /// ```
    ///
    /// # Errors
    /// Where there is no such parameter, or its value is not of that type.
    pub fn get<T: FromParam>(&self, name: &str) -> Result<T, ParamError> {
        let value = self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value);
        let value = value.ok_or_else(|| ParamError::Unknown { name: name.into() })?;
        T::from_param(value).ok_or_else(|| ParamError::WrongType { name: name.into(), wanted: T::WANTED })
    }
}

/// Why a parameter cannot be read: a fault in the strategy, not of the trader.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ParamError {
    /// The manifest has no parameter of that name.
    Unknown {
        /// The name asked for.
        name: String,
    },
    /// It is of another kind, or out of the type's range.
    WrongType {
        /// Its name.
        name: String,
        /// What was asked for.
        wanted: &'static str,
    },
}

impl fmt::Display for ParamError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown { name } => write!(formatter, "parameter `{name}` is not in the manifest"),
            Self::WrongType { name, wanted } => write!(formatter, "parameter `{name}` is not {wanted}"),
        }
    }
}

impl std::error::Error for ParamError {}

/// A type that a parameter can be read as.
pub trait FromParam: Sized {
    /// The type in words.
    const WANTED: &'static str;
    /// The value; none where it is of another kind or does not fit.
    fn from_param(value: &ParamValue) -> Option<Self>;
}

macro_rules! whole_number {
    ($($integer:ty),*) => {$(
        impl FromParam for $integer {
            const WANTED: &'static str = concat!("a whole number (", stringify!($integer), ")");

            fn from_param(value: &ParamValue) -> Option<Self> {
                match value {
                    ParamValue::Integer(value) => Self::try_from(*value).ok(),
                    _ => None,
                }
            }
        }
    )*};
}

whole_number!(i64, i32, u64, u32, usize);

impl FromParam for Decimal {
    const WANTED: &'static str = "a number";

    fn from_param(value: &ParamValue) -> Option<Self> {
        match value {
            ParamValue::Number(value) => Some(*value),
            ParamValue::Integer(value) => Some(Self::from(*value)),
            _ => None,
        }
    }
}

impl FromParam for f64 {
    const WANTED: &'static str = "a number";

    fn from_param(value: &ParamValue) -> Option<Self> {
        Decimal::from_param(value).map(Decimal::to_f64)
    }
}

impl FromParam for bool {
    const WANTED: &'static str = "a boolean";

    fn from_param(value: &ParamValue) -> Option<Self> {
        match value {
            ParamValue::Boolean(value) => Some(*value),
            _ => None,
        }
    }
}

impl FromParam for String {
    const WANTED: &'static str = "a text";

    fn from_param(value: &ParamValue) -> Option<Self> {
        match value {
            ParamValue::Text(value) => Some(value.clone()),
            _ => None,
        }
    }
}

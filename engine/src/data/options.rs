//! How a file of candles is to be read, and what to do about what is wrong with it.

use super::columns::Columns;
use super::time::TimeUnit;
use calypte_kernel::{Timeframe, Timestamp};

/// What the caller knows about a file and wants of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadOptions {
    /// Length of its candles: the grid on which they must lie.
    pub timeframe: Timeframe,
    /// Which column is what.
    pub columns: Columns,
    /// How it writes times.
    pub time: TimeUnit,
    /// Which end of a candle its time is.
    pub label: Label,
    /// What to do with a row that is wrong.
    pub on_fault: OnFault,
    /// What to do where candles are missing.
    pub on_gap: OnGap,
    /// Leave out candles that open before.
    pub from: Option<Timestamp>,
    /// Leave out candles that open then or later.
    pub to: Option<Timestamp>,
}

impl ReadOptions {
    /// Candles of this length in the usual form, read strictly.
    pub fn new(timeframe: Timeframe) -> Self {
        Self {
            timeframe,
            columns: Columns::default(),
            time: TimeUnit::default(),
            label: Label::default(),
            on_fault: OnFault::default(),
            on_gap: OnGap::default(),
            from: None,
            to: None,
        }
    }
}

/// Which end of a candle its time is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Label {
    /// When it opened.
    #[default]
    Open,
    /// When it closed; one timeframe is taken off.
    Close,
}

/// What to do with a row that is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnFault {
    /// End with the fault.
    #[default]
    Stop,
    /// Drop the row and count it.
    Skip,
    /// Mend it where that needs no guess (see `docs/data.md`), else drop it; count both.
    Repair,
}

/// What to do where candles are missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnGap {
    /// Pass a note on, so that strategies hear of it, and count it.
    #[default]
    Tell,
    /// End with a fault.
    Stop,
    /// Put flat candles without volume there, at the last close.
    Fill,
}

/// A text that names none of the choices.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{found:?} is not one of {choices}")]
pub struct NotAChoice {
    /// What was said.
    pub found: String,
    /// What may be said.
    pub choices: &'static str,
}

macro_rules! choices {
    ($type:ident: $all:literal, $($text:literal => $choice:ident),+) => {
        impl std::str::FromStr for $type {
            type Err = NotAChoice;

            fn from_str(text: &str) -> Result<Self, NotAChoice> {
                match text {
                    $($text => Ok(Self::$choice),)+
                    _ => Err(NotAChoice { found: text.to_owned(), choices: $all }),
                }
            }
        }

        impl std::fmt::Display for $type {
            fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str(match self {
                    $(Self::$choice => $text,)+
                })
            }
        }
    };
}

choices!(Label: "open, close", "open" => Open, "close" => Close);
choices!(OnFault: "stop, skip, repair", "stop" => Stop, "skip" => Skip, "repair" => Repair);
choices!(OnGap: "tell, stop, fill", "tell" => Tell, "stop" => Stop, "fill" => Fill);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choices_read_as_they_are_written() {
        for text in ["stop", "skip", "repair"] {
            assert_eq!(text.parse::<OnFault>().expect(text).to_string(), text);
        }
        for text in ["tell", "stop", "fill"] {
            assert_eq!(text.parse::<OnGap>().expect(text).to_string(), text);
        }
        let refused = "ignore".parse::<OnGap>().expect_err("no such choice");
        assert_eq!(refused.to_string(), "\"ignore\" is not one of tell, stop, fill");
    }
}

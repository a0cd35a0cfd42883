//! One row as it was decoded, before it is checked.

use super::columns::Field;
use super::fault::{DataError, RowFault, ShapeFault};
use super::time::TimeUnit;
use calypte_kernel::Decimal;

/// Numbers of a row, each exact in itself; nothing is said yet about how they go together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Row {
    /// Line or row of the file.
    pub(super) number: u64,
    /// Milliseconds since 1970, as labelled.
    pub(super) time: i64,
    /// The unit its time had, where that was not the one expected and repair converted it.
    pub(super) converted: Option<TimeUnit>,
    pub(super) open: Decimal,
    pub(super) high: Decimal,
    pub(super) low: Decimal,
    pub(super) close: Decimal,
    pub(super) volume: Decimal,
    /// Whether the decoder has seen already that prices and volume go together; false says nothing.
    pub(super) sound: bool,
}

impl Row {
    /// Where nothing was decoded yet.
    pub(super) const EMPTY: Self = Self {
        number: 0,
        time: 0,
        converted: None,
        open: Decimal::ZERO,
        high: Decimal::ZERO,
        low: Decimal::ZERO,
        close: Decimal::ZERO,
        volume: Decimal::ZERO,
        sound: false,
    };

    /// The first value that differs: field, this one's, the other's.
    pub(super) fn difference(&self, other: &Self) -> Option<(Field, Decimal, Decimal)> {
        [
            (Field::Open, self.open, other.open),
            (Field::High, self.high, other.high),
            (Field::Low, self.low, other.low),
            (Field::Close, self.close, other.close),
            (Field::Volume, self.volume, other.volume),
        ]
        .into_iter()
        .find(|(_, this, that)| this != that)
    }
}

/// What a decoder makes of the next stretch of a file.
pub(super) enum Decoded {
    /// A row, in the place that was given for it: rows are wide, and copying them is most of the work otherwise.
    Row,
    /// A row that cannot be decoded; the next one may be.
    Fault {
        /// Line or row of the file.
        number: u64,
        /// What is wrong.
        fault: RowFault,
    },
    /// Nothing is left.
    End,
}

/// Why a decoder cannot go on at all. The file's name is added where it is known.
#[derive(Debug)]
pub(super) enum Fatal {
    Shape(ShapeFault),
    Io(std::io::Error),
}

impl Fatal {
    pub(super) fn in_file(self, file: &std::path::Path) -> DataError {
        let file = file.to_owned();
        match self {
            Self::Shape(fault) => DataError::Shape { file, fault: Box::new(fault) },
            Self::Io(source) => DataError::Unreadable { file, action: "reading", source },
        }
    }
}

impl From<ShapeFault> for Fatal {
    fn from(fault: ShapeFault) -> Self {
        Self::Shape(fault)
    }
}

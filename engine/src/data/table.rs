//! Candles from Parquet, row group by row group and a batch of rows at a time.
//!
//! Values become exact decimals: integers and decimals as they are, text as in CSV, floats as the shortest decimal that gives
//! the same float.

use super::columns::{Columns, Field, Layout};
use super::csv::{ExpectedTime, LineFault, number_fault};
use super::fault::{At, ShapeFault, shown};
use super::number::{self, NumberFault};
use super::options::ReadOptions;
use super::row::{Decoded, Fatal, Row};
use super::time::{Time, TimeFault, TimeUnit};
use calypte_kernel::Decimal;
use parquet::basic::{ConvertedType, LogicalType, TimeUnit as ParquetTimeUnit, Type};
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::{AsBytes, DataType};
use parquet::errors::ParquetError;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::schema::types::ColumnDescriptor;
use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Rows decoded at once.
const ROWS_AT_ONCE: usize = 1024;

/// What this format is called in messages.
const WHAT: &str = "Parquet";

/// Decodes rows of a Parquet file.
pub(super) struct TableRows {
    file: SerializedFileReader<File>,
    /// Column of each field.
    indices: [usize; 6],
    /// How to read each field's values.
    meanings: [Meaning; 6],
    /// Next row group to open.
    group: usize,
    /// Readers of the open row group.
    readers: Vec<ColumnReader>,
    /// Decoded values of each field, and how many of them are used up.
    cells: [Vec<Cell>; 6],
    used: usize,
    /// Rows given out so far.
    row: u64,
    time: ExpectedTime,
}

/// What the values of a column stand for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meaning {
    /// Themselves.
    Plain,
    /// Integers with so many decimals.
    Scaled(u32),
    /// Points in time of a stated unit.
    Time(TimeUnit),
    /// Days since 1970.
    Days,
}

/// One value.
#[derive(Debug, Clone, PartialEq)]
enum Cell {
    Null,
    Integer(i128),
    Single(f32),
    Double(f64),
    Text(Vec<u8>),
}

impl TableRows {
    /// Reads the schema.
    pub(super) fn new(file: File, options: &ReadOptions) -> Result<Self, Fatal> {
        let file = guarded(0, || SerializedFileReader::new(file))?;
        let schema = file.metadata().file_metadata().schema_descr_ptr();
        let names = schema.columns().iter().map(|column| column.path().string()).collect::<Vec<_>>();
        let layout = match &options.columns {
            Columns::Header => Layout::of_names(&names, &[])?,
            Columns::Names(said) => Layout::of_names(&names, said)?,
            Columns::Positions { .. } => {
                return Err(Fatal::Shape(ShapeFault::HeaderPresent { header: shown(names.join(",").as_bytes()) }));
            }
        };
        let mut meanings = [Meaning::Plain; 6];
        for ((meaning, index), field) in meanings.iter_mut().zip(layout.indices).zip(Field::ALL) {
            *meaning = meaning_of(&schema.column(index), field)?;
        }
        Ok(Self {
            file,
            indices: layout.indices,
            meanings,
            group: 0,
            readers: Vec::new(),
            cells: std::array::from_fn(|_| Vec::new()),
            used: 0,
            row: 0,
            time: ExpectedTime::new(options),
        })
    }

    /// Rows given out, and how many there are.
    pub(super) fn position(&self) -> (u64, u64) {
        (self.row, u64::try_from(self.file.metadata().file_metadata().num_rows()).unwrap_or(0))
    }

    /// The next row.
    pub(super) fn next(&mut self, row: &mut Row) -> Result<Decoded, Fatal> {
        while self.used == self.cells[0].len() {
            if !self.refill()? {
                return Ok(Decoded::End);
            }
        }
        let index = self.used;
        self.used += 1;
        self.row += 1;
        match self.decode(index) {
            Ok(decoded) => {
                *row = decoded;
                self.time.seen = true;
                Ok(Decoded::Row)
            }
            Err(LineFault::Row(fault)) => Ok(Decoded::Fault { number: self.row, fault: *fault }),
            Err(LineFault::Shape(fault)) => Err(Fatal::Shape(*fault)),
        }
    }

    /// Decodes the next batch of the open row group, or opens the next group. False: there is none.
    fn refill(&mut self) -> Result<bool, Fatal> {
        self.used = 0;
        let Self { readers, cells, file, group, indices, row, .. } = self;
        guarded(*row, || {
            for (reader, cells) in readers.iter_mut().zip(cells.iter_mut()) {
                cells.clear();
                read_cells(reader, cells)?;
            }
            let count = cells[0].len();
            if cells.iter().any(|cells| cells.len() != count) {
                return Err(ParquetError::General("columns of different lengths".to_owned()));
            }
            if count > 0 {
                return Ok(true);
            }
            readers.clear();
            if *group == file.num_row_groups() {
                return Ok(false);
            }
            let reader = file.get_row_group(*group)?;
            for index in indices {
                readers.push(reader.get_column_reader(*index)?);
            }
            *group += 1;
            Ok(true)
        })
    }

    fn decode(&self, index: usize) -> Result<Row, LineFault> {
        let time = self.decode_time(&self.cells[0][index])?;
        let number = |role: usize| decode_number(&self.cells[role][index], self.meanings[role], Field::ALL[role]);
        Ok(Row {
            number: self.row,
            time: time.millis,
            converted: time.converted,
            open: number(1)?,
            high: number(2)?,
            low: number(3)?,
            close: number(4)?,
            volume: number(5)?,
            sound: false,
        })
    }

    fn decode_time(&self, cell: &Cell) -> Result<Time, LineFault> {
        let ExpectedTime { unit: expected, convert, .. } = self.time;
        let time = match (cell, self.meanings[0]) {
            // A stated unit needs no guess.
            (Cell::Integer(value), Meaning::Time(unit)) => whole(*value).and_then(|value| stated(unit, value)),
            (Cell::Integer(value), Meaning::Days) => {
                whole(value.saturating_mul(86_400_000)).and_then(|value| TimeUnit::Millis.millis(value, false))
            }
            (Cell::Integer(value), _) => whole(*value).and_then(|value| expected.millis(value, convert)),
            (Cell::Text(text), _) => expected.parse(text, convert),
            (Cell::Double(value), _) => number::from_f64(*value)
                .map_err(|_| TimeFault::NotATime)
                .and_then(|value| expected.parse(value.normalize().to_string().as_bytes(), convert)),
            (Cell::Null | Cell::Single(_), _) => Err(TimeFault::NotATime),
        };
        time.map_err(|fault| self.time.fault(fault, cell.shown(), At::Row(self.row)))
    }
}

impl Cell {
    fn shown(&self) -> String {
        match self {
            Self::Null => "null".to_owned(),
            Self::Integer(value) => value.to_string(),
            Self::Single(value) => format!("{value:?}"),
            Self::Double(value) => format!("{value:?}"),
            Self::Text(text) => shown(text),
        }
    }
}

/// A time of a unit that the file states.
fn stated(unit: TimeUnit, value: i64) -> Result<Time, TimeFault> {
    unit.millis(value, false).map_err(|_| TimeFault::NotATime)
}

fn whole(value: i128) -> Result<i64, TimeFault> {
    i64::try_from(value).map_err(|_| TimeFault::NotATime)
}

fn decode_number(cell: &Cell, meaning: Meaning, field: Field) -> Result<Decimal, LineFault> {
    let value = match (cell, meaning) {
        (Cell::Integer(value), Meaning::Scaled(scale)) => number::from_scaled(*value, scale),
        (Cell::Integer(value), _) => number::from_scaled(*value, 0),
        (Cell::Single(value), _) => number::from_f32(*value),
        (Cell::Double(value), _) => number::from_f64(*value),
        (Cell::Text(text), _) => number::parse(text),
        (Cell::Null, _) => Err(NumberFault::NotANumber),
    };
    value.map_err(|fault| number_fault(fault, field, cell.shown().as_bytes()).into())
}

/// What a column's type means for a field, if it can mean anything.
fn meaning_of(column: &ColumnDescriptor, field: Field) -> Result<Meaning, ShapeFault> {
    let refuse = || ShapeFault::ColumnType {
        column: column.name().to_owned(),
        field,
        found: format!("{:?} {:?}", column.physical_type(), column.converted_type()),
    };
    if column.max_rep_level() > 0 || column.max_def_level() > 1 {
        return Err(refuse()); // lists and nested records
    }
    let scale = || u32::try_from(column.type_scale()).map_err(|_| refuse());
    let is_decimal = column.converted_type() == ConvertedType::DECIMAL;
    match (column.physical_type(), field) {
        (Type::INT32 | Type::INT64, Field::Time) => Ok(time_meaning(column)),
        (Type::BYTE_ARRAY | Type::DOUBLE, Field::Time) if !is_decimal => Ok(Meaning::Plain),
        (_, Field::Time) => Err(refuse()),
        (Type::INT32 | Type::INT64 | Type::FIXED_LEN_BYTE_ARRAY | Type::BYTE_ARRAY, _) if is_decimal => {
            Ok(Meaning::Scaled(scale()?))
        }
        (Type::INT32 | Type::INT64 | Type::FLOAT | Type::DOUBLE | Type::BYTE_ARRAY, _) => Ok(Meaning::Plain),
        _ => Err(refuse()),
    }
}

fn time_meaning(column: &ColumnDescriptor) -> Meaning {
    match (column.logical_type_ref(), column.converted_type()) {
        (Some(LogicalType::Timestamp(time)), _) => Meaning::Time(match time.unit {
            ParquetTimeUnit::MILLIS => TimeUnit::Millis,
            ParquetTimeUnit::MICROS => TimeUnit::Micros,
            ParquetTimeUnit::NANOS => TimeUnit::Nanos,
        }),
        (_, ConvertedType::TIMESTAMP_MILLIS) => Meaning::Time(TimeUnit::Millis),
        (_, ConvertedType::TIMESTAMP_MICROS) => Meaning::Time(TimeUnit::Micros),
        (_, ConvertedType::DATE) => Meaning::Days,
        _ => Meaning::Plain,
    }
}

/// Appends the next values of a column, nulls included.
fn read_cells(reader: &mut ColumnReader, cells: &mut Vec<Cell>) -> Result<(), ParquetError> {
    match reader {
        ColumnReader::Int32ColumnReader(reader) => read_typed(reader, cells, |value| Cell::Integer(i128::from(*value))),
        ColumnReader::Int64ColumnReader(reader) => read_typed(reader, cells, |value| Cell::Integer(i128::from(*value))),
        ColumnReader::FloatColumnReader(reader) => read_typed(reader, cells, |value| Cell::Single(*value)),
        ColumnReader::DoubleColumnReader(reader) => read_typed(reader, cells, |value| Cell::Double(*value)),
        ColumnReader::ByteArrayColumnReader(reader) => read_typed(reader, cells, |value| Cell::Text(value.as_bytes().to_vec())),
        ColumnReader::FixedLenByteArrayColumnReader(reader) => {
            read_typed(reader, cells, |value| big_endian(value.as_bytes()).map_or(Cell::Null, Cell::Integer))
        }
        ColumnReader::BoolColumnReader(_) | ColumnReader::Int96ColumnReader(_) => {
            Err(ParquetError::General("a column of a type that was refused".to_owned()))
        }
    }
}

fn read_typed<T: DataType>(
    reader: &mut ColumnReaderImpl<T>,
    cells: &mut Vec<Cell>,
    cell: impl Fn(&T::T) -> Cell,
) -> Result<(), ParquetError> {
    let mut levels = Vec::new();
    let mut values = Vec::new();
    let (records, _, _) = reader.read_records(ROWS_AT_ONCE, Some(&mut levels), None, &mut values)?;
    if levels.is_empty() {
        cells.extend(values.iter().map(cell)); // a required column has no levels
    } else {
        let mut values = values.iter();
        for level in levels.iter().take(records) {
            cells.push(if *level > 0 { values.next().map_or(Cell::Null, &cell) } else { Cell::Null });
        }
    }
    Ok(())
}

/// A signed integer of at most sixteen bytes.
fn big_endian(bytes: &[u8]) -> Option<i128> {
    let negative = bytes.first().is_some_and(|byte| *byte >= 0x80);
    let mut wide = [if negative { 0xff } else { 0 }; 16];
    let start = wide.len().checked_sub(bytes.len())?;
    wide[start..].copy_from_slice(bytes);
    Some(i128::from_be_bytes(wide))
}

/// Runs the Parquet reader, whose panics on damaged files are that file's fault and not ours.
fn guarded<T>(row: u64, work: impl FnOnce() -> Result<T, ParquetError>) -> Result<T, Fatal> {
    let corrupt = |detail: String| Fatal::Shape(ShapeFault::Corrupt { at: At::Row(row + 1), what: WHAT, detail });
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(corrupt(shown(error.to_string().as_bytes()))),
        Err(_) => Err(corrupt("the structure makes no sense".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fixed_length_integers_keep_their_sign() {
        assert_eq!(big_endian(&[0xff, 0xfe]), Some(-2));
        assert_eq!(big_endian(&[0x01, 0x00]), Some(256));
        assert_eq!(big_endian(&[0; 17]), None);
    }
}

//! Writes candles: CSV, plain or compressed, or Parquet, as the name of the file says.
//!
//! The file appears under its name only when it is whole.

use super::columns::Field;
use super::fault::{DataError, ShapeFault};
use crate::file::WholeFile;
use calypte_kernel::{Candle, Decimal};
use flate2::Compression;
use flate2::write::GzEncoder;
use parquet::basic::{Compression as Codec, ZstdLevel};
use parquet::data_type::{FixedLenByteArray, FixedLenByteArrayType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::sync::Arc;

/// Rows of a row group: what is held in memory before it is written.
const GROUP_ROWS: usize = 65_536;

/// Decimals of the numbers in a table.
const TABLE_SCALE: u32 = 18;

/// First line of a CSV file.
const HEADER: &str = "open_time_ms,open,high,low,close,volume";

/// Columns of a table: decimals of 20 digits before and 18 behind the point.
const SCHEMA: &str = "message candles {
    required int64 open_time_ms (TIMESTAMP(MILLIS, true));
    required fixed_len_byte_array(16) open (DECIMAL(38, 18));
    required fixed_len_byte_array(16) high (DECIMAL(38, 18));
    required fixed_len_byte_array(16) low (DECIMAL(38, 18));
    required fixed_len_byte_array(16) close (DECIMAL(38, 18));
    required fixed_len_byte_array(16) volume (DECIMAL(38, 18));
}";

/// Writes one file of candles.
pub struct CandleWriter {
    file: WholeFile,
    format: Format,
}

enum Format {
    Plain(BufWriter<File>),
    Gzip(BufWriter<GzEncoder<File>>),
    Zstd(BufWriter<zstd::stream::write::Encoder<'static, File>>),
    Table(Box<Table>),
}

struct Table {
    writer: SerializedFileWriter<BufWriter<File>>,
    times: Vec<i64>,
    numbers: [Vec<FixedLenByteArray>; 5],
}

impl CandleWriter {
    /// Begins a file whose name ends in `.csv`, `.csv.gz`, `.csv.zst` or `.parquet`.
    ///
    /// # Errors
    /// Where the name says no format, or the directory cannot be written to.
    pub fn create(path: &Path) -> Result<Self, DataError> {
        let name = path.file_name().map(|name| name.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
        let formats = [".csv", ".csv.gz", ".csv.zst", ".parquet"];
        let Some(format) = formats.into_iter().find(|extension| name.ends_with(extension)) else {
            return Err(shape(path, ShapeFault::Extension));
        };
        let begun = WholeFile::create(path)
            .and_then(|file| file.writer().map(|writer| (file, writer)))
            .and_then(|(file, writer)| Format::begin(format, writer).map(|format| (file, format)));
        let (file, format) = begun.map_err(|source| unwritable(path, source))?;
        Ok(Self { file, format })
    }

    /// Writes the next candle.
    ///
    /// # Errors
    /// Where the disk is full, or a number cannot be written exactly.
    pub fn write(&mut self, candle: &Candle) -> Result<(), DataError> {
        let written = match &mut self.format {
            Format::Plain(writer) => write_line(writer, candle),
            Format::Gzip(writer) => write_line(writer, candle),
            Format::Zstd(writer) => write_line(writer, candle),
            Format::Table(table) => {
                table.push(candle).map_err(|fault| shape(self.file.path(), fault))?;
                if table.times.len() == GROUP_ROWS { table.flush() } else { Ok(()) }
            }
        };
        written.map_err(|source| unwritable(self.file.path(), source))
    }

    /// Ends the file and gives it its name.
    ///
    /// # Errors
    /// Where the disk is full or the name is taken by something that cannot be replaced.
    pub fn finish(self) -> Result<(), DataError> {
        let Self { file, format } = self;
        let path = file.path().to_owned();
        format.end().and_then(|()| file.finish()).map_err(|source| unwritable(&path, source))
    }
}

impl Format {
    fn begin(extension: &str, file: File) -> io::Result<Self> {
        let mut format = match extension {
            ".csv" => Self::Plain(BufWriter::new(file)),
            ".csv.gz" => Self::Gzip(BufWriter::new(GzEncoder::new(file, Compression::default()))),
            ".csv.zst" => Self::Zstd(BufWriter::new(zstd::stream::write::Encoder::new(file, 0)?)),
            _ => Self::Table(Box::new(Table::new(file).map_err(io::Error::other)?)),
        };
        match &mut format {
            Self::Plain(writer) => writeln!(writer, "{HEADER}")?,
            Self::Gzip(writer) => writeln!(writer, "{HEADER}")?,
            Self::Zstd(writer) => writeln!(writer, "{HEADER}")?,
            Self::Table(_) => {}
        }
        Ok(format)
    }

    fn end(self) -> io::Result<()> {
        match self {
            Self::Plain(mut writer) => writer.flush(),
            Self::Gzip(writer) => writer.into_inner().map_err(io::IntoInnerError::into_error)?.finish().map(drop),
            Self::Zstd(writer) => writer.into_inner().map_err(io::IntoInnerError::into_error)?.finish().map(drop),
            Self::Table(mut table) => {
                table.flush()?;
                table.writer.finish().map_err(io::Error::other)?;
                table.writer.inner_mut().flush()
            }
        }
    }
}

impl Table {
    fn new(file: File) -> Result<Self, ParquetError> {
        let schema = Arc::new(parse_message_type(SCHEMA)?);
        let properties = WriterProperties::builder().set_compression(Codec::ZSTD(ZstdLevel::default())).build();
        let writer = SerializedFileWriter::new(BufWriter::new(file), schema, Arc::new(properties))?;
        Ok(Self { writer, times: Vec::new(), numbers: std::array::from_fn(|_| Vec::new()) })
    }

    fn push(&mut self, candle: &Candle) -> Result<(), ShapeFault> {
        let values = [candle.open.get(), candle.high.get(), candle.low.get(), candle.close.get(), candle.volume];
        for ((column, value), field) in self.numbers.iter_mut().zip(values).zip(&Field::ALL[1..]) {
            let time = candle.open_time.as_millis();
            let scaled = scaled(value).ok_or(ShapeFault::NotWritable { time, field: *field, value })?;
            column.push(scaled.to_be_bytes().to_vec().into());
        }
        self.times.push(candle.open_time.as_millis());
        Ok(())
    }

    /// Writes a row group of what is held.
    fn flush(&mut self) -> io::Result<()> {
        if self.times.is_empty() {
            return Ok(());
        }
        self.write_group().map_err(io::Error::other)?;
        self.times.clear();
        self.numbers.iter_mut().for_each(Vec::clear);
        Ok(())
    }

    fn write_group(&mut self) -> Result<(), ParquetError> {
        let missing = || ParquetError::General("the schema has fewer columns than are written".to_owned());
        let mut group = self.writer.next_row_group()?;
        let mut column = group.next_column()?.ok_or_else(missing)?;
        column.typed::<Int64Type>().write_batch(&self.times, None, None)?;
        column.close()?;
        for numbers in &self.numbers {
            let mut column = group.next_column()?.ok_or_else(missing)?;
            column.typed::<FixedLenByteArrayType>().write_batch(numbers, None, None)?;
            column.close()?;
        }
        group.close().map(drop)
    }
}

/// A number as an integer of [`TABLE_SCALE`] decimals, if it is one.
fn scaled(value: Decimal) -> Option<i128> {
    let value = value.normalize();
    let power = TABLE_SCALE.checked_sub(value.scale())?;
    let scaled = value.mantissa().checked_mul(10_i128.pow(power))?;
    (scaled.unsigned_abs() < 10_u128.pow(38)).then_some(scaled)
}

fn write_line(writer: &mut impl Write, candle: &Candle) -> io::Result<()> {
    let Candle { open_time, open, high, low, close, volume } = candle;
    writeln!(writer, "{open_time},{open},{high},{low},{close},{volume}")
}

fn shape(path: &Path, fault: ShapeFault) -> DataError {
    DataError::Shape { file: path.to_owned(), fault: Box::new(fault) }
}

fn unwritable(path: &Path, source: io::Error) -> DataError {
    DataError::Unreadable { file: path.to_owned(), action: "writing", source }
}

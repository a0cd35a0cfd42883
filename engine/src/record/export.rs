//! Facts as a file for other programs: CSV or Parquet, whole or not there.

use super::account::AccountName;
use super::database::StoreError;
use super::schema::{Column, Kind, Table};
use super::store::{Page, Store};
use crate::file::WholeFile;
use parquet::basic::{Compression, ZstdLevel};
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::parser::parse_message_type;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Rows that are in memory at once: what is read of the database together, and a row group of a Parquet file.
const ROWS_PER_PAGE: usize = 10_000;

/// Kinds of file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Comma separated, with a header.
    Csv,
    /// Parquet.
    Parquet,
}

impl Format {
    /// What the ending of a file's name says; none where it says neither.
    pub fn of(path: &Path) -> Option<Self> {
        match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
            "csv" => Some(Self::Csv),
            "parquet" => Some(Self::Parquet),
            _ => None,
        }
    }
}

/// What is exported.
#[derive(Debug, Clone)]
pub struct Selection {
    /// Which table.
    pub table: Table,
    /// Of which account.
    pub account: AccountName,
    /// Facts of this time or later, in Unix milliseconds.
    pub from_ms: Option<i64>,
    /// Facts before this time.
    pub to_ms: Option<i64>,
}

/// A file that was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exported {
    /// How many rows it holds.
    pub rows: u64,
}

/// Why there is no file.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The facts cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The file cannot be written.
    #[error("{path:?} cannot be written")]
    File {
        /// Which.
        path: PathBuf,
        /// What the system says.
        #[source]
        cause: io::Error,
    },
    /// A value is not what its column holds: somebody else wrote it.
    #[error("column {column} of {table} holds {value:?}, which this program never wrote")]
    Value {
        /// Which table.
        table: Table,
        /// Which column.
        column: &'static str,
        /// What it holds.
        value: String,
    },
}

/// Writes facts to a file.
///
/// # Errors
/// Where they cannot be read or written: then there is no file, or the one before.
pub async fn export(store: &mut Store, selection: &Selection, format: Format, out: &Path) -> Result<Exported, ExportError> {
    let failed = |cause| ExportError::File { path: out.to_owned(), cause };
    let file = WholeFile::create(out).map_err(failed)?;
    let mut writer = Writer::begin(format, selection.table, file.writer().map_err(failed)?).map_err(failed)?;
    let Selection { table, account, from_ms, to_ms } = selection;
    let mut page = Page { after: None, from_ms: *from_ms, to_ms: *to_ms, rows_max: ROWS_PER_PAGE };
    let mut exported = Exported { rows: 0 };
    loop {
        let rows = store.page(*table, account.as_str(), page).await?;
        let Some(last) = rows.last() else { break };
        page.after = Some(key_of(*table, last)?);
        exported.rows += rows.len() as u64;
        let is_last = rows.len() < ROWS_PER_PAGE;
        let cells = Cells::of(*table, rows)?;
        writer.write(&cells).map_err(failed)?;
        if is_last {
            break;
        }
    }
    writer.end().and_then(|()| file.finish()).map_err(failed)?;
    Ok(exported)
}

/// Epoch, record and place of a row.
fn key_of(table: Table, row: &[Option<String>]) -> Result<(i64, i64, i64), ExportError> {
    let number = |place: usize| {
        let column = table.columns().nth(place).expect("every table begins with the key");
        whole(table, column, row[place].as_deref().unwrap_or_default())
    };
    Ok((number(1)?, number(2)?, number(3)?))
}

fn whole(table: Table, column: Column, text: &str) -> Result<i64, ExportError> {
    text.parse().map_err(|_| ExportError::Value { table, column: column.name, value: text.to_owned() })
}

/// Rows, column by column.
struct Cells {
    columns: Vec<Cell>,
    rows: usize,
}

/// The values of one column.
struct Cell {
    kind: Kind,
    is_optional: bool,
    /// As text; none where there is nothing.
    texts: Vec<Option<String>>,
    /// The same as numbers, where it holds numbers or flags.
    numbers: Vec<i64>,
}

impl Cells {
    fn of(table: Table, rows: Vec<Vec<Option<String>>>) -> Result<Self, ExportError> {
        let mut cells = table
            .columns()
            .map(|column| Cell { kind: column.kind, is_optional: column.is_optional, texts: Vec::new(), numbers: Vec::new() })
            .collect::<Vec<_>>();
        let count = rows.len();
        for row in rows {
            for ((cell, column), value) in cells.iter_mut().zip(table.columns()).zip(row) {
                let is_missing = value.is_none() && !column.is_optional;
                if is_missing {
                    return Err(ExportError::Value { table, column: column.name, value: "nothing".to_owned() });
                }
                if let (Kind::Number | Kind::Flag, Some(text)) = (column.kind, &value) {
                    cell.numbers.push(whole(table, column, text)?);
                }
                cell.texts.push(value);
            }
        }
        Ok(Self { columns: cells, rows: count })
    }
}

/// A file under way.
enum Writer {
    Csv(Box<csv::Writer<BufWriter<File>>>),
    Parquet(Box<SerializedFileWriter<BufWriter<File>>>),
}

impl Writer {
    fn begin(format: Format, table: Table, file: File) -> io::Result<Self> {
        let file = BufWriter::new(file);
        match format {
            Format::Csv => {
                let mut writer = csv::Writer::from_writer(file);
                writer.write_record(table.columns().map(|column| column.name))?;
                Ok(Self::Csv(Box::new(writer)))
            }
            Format::Parquet => {
                let schema = Arc::new(parse_message_type(&message(table)).map_err(io::Error::other)?);
                let compression = Compression::ZSTD(ZstdLevel::default());
                let properties = WriterProperties::builder().set_compression(compression).build();
                let writer = SerializedFileWriter::new(file, schema, Arc::new(properties)).map_err(io::Error::other)?;
                Ok(Self::Parquet(Box::new(writer)))
            }
        }
    }

    fn write(&mut self, cells: &Cells) -> io::Result<()> {
        match self {
            Self::Csv(writer) => {
                for row in 0..cells.rows {
                    writer.write_record(cells.columns.iter().map(|cell| cell.shown(row)))?;
                }
                Ok(())
            }
            Self::Parquet(writer) => write_group(writer, cells).map_err(io::Error::other),
        }
    }

    fn end(self) -> io::Result<()> {
        match self {
            Self::Csv(mut writer) => writer.flush(),
            Self::Parquet(mut writer) => {
                writer.finish().map_err(io::Error::other)?;
                writer.inner_mut().flush()
            }
        }
    }
}

impl Cell {
    /// A value as people read it.
    fn shown(&self, row: usize) -> &str {
        match (self.kind, self.texts[row].as_deref()) {
            (_, None) => "",
            (Kind::Flag, Some("0")) => "false",
            (Kind::Flag, Some(_)) => "true",
            (_, Some(text)) => text,
        }
    }
}

/// The schema of a table. Exact decimals are text: no fixed number of digits holds them all.
fn message(table: Table) -> String {
    let mut message = format!("message {table} {{\n");
    for Column { name, kind, is_optional } in table.columns() {
        let presence = if is_optional { "optional" } else { "required" };
        let (before, behind) = match kind {
            Kind::Text | Kind::Exact => ("binary", " (STRING)"),
            Kind::Number if name.ends_with("_ms") => ("int64", " (TIMESTAMP(MILLIS, true))"),
            Kind::Number => ("int64", ""),
            Kind::Flag => ("boolean", ""),
        };
        writeln!(message, "    {presence} {before} {name}{behind};").expect("text grows");
    }
    message.push('}');
    message
}

fn write_group(writer: &mut SerializedFileWriter<BufWriter<File>>, cells: &Cells) -> Result<(), ParquetError> {
    let mut group = writer.next_row_group()?;
    for cell in &cells.columns {
        write_column(&mut group, cell)?;
    }
    group.close().map(drop)
}

fn write_column(group: &mut SerializedRowGroupWriter<'_, BufWriter<File>>, cell: &Cell) -> Result<(), ParquetError> {
    let missing = || ParquetError::General("the schema has fewer columns than are written".to_owned());
    let mut column = group.next_column()?.ok_or_else(missing)?;
    // Whether each value is there; of a column that has them all, nothing is said.
    let levels = cell.texts.iter().map(|text| i16::from(text.is_some())).collect::<Vec<_>>();
    let levels = cell.is_optional.then_some(levels.as_slice());
    match cell.kind {
        Kind::Text | Kind::Exact => {
            let values = cell.texts.iter().flatten().map(|text| ByteArray::from(text.as_str())).collect::<Vec<_>>();
            column.typed::<ByteArrayType>().write_batch(&values, levels, None)?;
        }
        Kind::Number => drop(column.typed::<Int64Type>().write_batch(&cell.numbers, levels, None)?),
        Kind::Flag => {
            let values = cell.numbers.iter().map(|number| *number != 0).collect::<Vec<_>>();
            column.typed::<BoolType>().write_batch(&values, levels, None)?;
        }
    }
    column.close()
}

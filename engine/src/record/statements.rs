//! What is said to a database, in its own dialect. Values are text on the way, and become what a column holds by a cast, so that
//! both kinds of database are spoken to by the same few lines.

use super::schema::{Column, Kind, Table};
use std::fmt::Write as _;

/// Which SQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    Sqlite,
    Postgres,
}

/// A statement with its values.
#[derive(Debug, Default)]
pub(super) struct Statement {
    pub(super) sql: String,
    pub(super) values: Vec<Option<String>>,
}

impl Statement {
    pub(super) fn new(sql: impl Into<String>) -> Self {
        Self { sql: sql.into(), values: Vec::new() }
    }

    /// Adds a value and gives what stands for it.
    pub(super) fn value(&mut self, dialect: Dialect, kind: Kind, value: Option<String>) -> String {
        self.values.push(value);
        dialect.input(kind, self.values.len())
    }
}

impl Dialect {
    /// Begins a transaction that will write. SQLite takes its lock at once: one that reads first may find that it cannot write.
    pub(super) const fn begin(self) -> &'static str {
        match self {
            Self::Sqlite => "BEGIN IMMEDIATE",
            Self::Postgres => "BEGIN",
        }
    }

    /// Behind a `SELECT`: nobody else changes these rows until the transaction ends.
    pub(super) const fn lock(self) -> &'static str {
        match self {
            Self::Sqlite => "",
            Self::Postgres => " FOR UPDATE",
        }
    }

    /// A value by its number, from 1.
    fn input(self, kind: Kind, number: usize) -> String {
        match (self, kind) {
            (_, Kind::Text) | (Self::Sqlite, Kind::Exact) => format!("${number}"),
            (Self::Sqlite, Kind::Number | Kind::Flag) => format!("CAST(${number} AS INTEGER)"),
            (Self::Postgres, Kind::Exact) => format!("CAST(${number} AS NUMERIC)"),
            (Self::Postgres, Kind::Number) => format!("CAST(${number} AS BIGINT)"),
            (Self::Postgres, Kind::Flag) => format!("CAST(${number} AS BOOLEAN)"),
        }
    }

    /// A column as text.
    pub(super) fn output(self, column: Column) -> String {
        let name = column.name;
        match (self, column.kind) {
            (_, Kind::Text) | (Self::Sqlite, Kind::Exact) => name.to_owned(),
            (Self::Postgres, Kind::Flag) => format!("CAST(CAST({name} AS INTEGER) AS TEXT)"),
            (Self::Sqlite, Kind::Number | Kind::Flag) | (Self::Postgres, Kind::Exact | Kind::Number) => {
                format!("CAST({name} AS TEXT)")
            }
        }
    }
}

/// Writes rows of a table; those that are there already stay as they are.
pub(super) fn insert<'a>(dialect: Dialect, table: Table, rows: impl Iterator<Item = Vec<Option<String>>> + 'a) -> Statement {
    let columns = table.columns().collect::<Vec<_>>();
    let names = columns.iter().map(|column| column.name).collect::<Vec<_>>().join(", ");
    let mut statement = Statement::new(String::new());
    let mut sql = format!("INSERT INTO {table} ({names}) VALUES ");
    for (place, row) in rows.enumerate() {
        assert_eq!(row.len(), columns.len(), "a row has its table's columns");
        let values = columns.iter().zip(row).map(|(column, value)| statement.value(dialect, column.kind, value));
        let values = values.collect::<Vec<_>>().join(", ");
        write!(sql, "{}({values})", if place > 0 { ", " } else { "" }).expect("text grows");
    }
    sql.push_str(" ON CONFLICT DO NOTHING");
    statement.sql = sql;
    statement
}

/// Asks for the columns of a table: name, type, and 1 where it may be empty.
pub(super) fn shape(dialect: Dialect, table: Table) -> Statement {
    Statement::new(match dialect {
        Dialect::Sqlite => {
            let may_be_empty = "CAST(\"notnull\" = 0 AS TEXT)";
            format!("SELECT name, upper(type), {may_be_empty} FROM pragma_table_info('{table}') ORDER BY cid")
        }
        Dialect::Postgres => format!(
            "SELECT CAST(column_name AS TEXT), CAST(upper(data_type) AS TEXT), \
             CAST(CAST(is_nullable = 'YES' AS INTEGER) AS TEXT) FROM information_schema.columns \
             WHERE table_schema = current_schema() AND table_name = '{table}' ORDER BY ordinal_position"
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::schema::KEY;

    #[test]
    fn values_are_numbered_through_all_rows() {
        let row = || vec![Some("1".to_owned()); KEY.len() + 3];
        let statement = insert(Dialect::Postgres, Table::Denials, [row(), row()].into_iter());
        assert_eq!(statement.values.len(), 16);
        assert!(
            statement.sql.starts_with("INSERT INTO denials (account, epoch, record, place, time_ms, strategy, code, words)")
        );
        assert!(statement.sql.ends_with("CAST($13 AS BIGINT), $14, $15, $16) ON CONFLICT DO NOTHING"), "{}", statement.sql);
    }
}

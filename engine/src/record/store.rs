//! Facts in a database: written in batches, each once, and read again in pages.

use super::account::AccountName;
use super::database::{Connection, Opening, StoreError, TextRow};
use super::follow::Batch;
use super::schema::{KEY, Kind, Mark, Row, Table};
use super::statements::{Dialect, Statement, insert, shape};
use crate::config::Database;
use std::collections::BTreeMap;

/// Rows that one statement writes. Of the widest table that makes 3,600 values; SQLite takes 32,766, PostgreSQL 65,535.
const ROWS_PER_STATEMENT: usize = 200;

/// A database that is open. After an error it is of no use: open it again.
#[derive(Debug)]
pub struct Store {
    url: Database,
    connection: Connection,
}

/// An account that a database holds facts of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedAccount {
    /// Its name.
    pub account: String,
    /// Names the journal that its facts are of.
    pub journal: String,
    /// Every fact of every input up to this one is there.
    pub until: Mark,
}

/// Which rows of a table are read, in the order of their keys.
#[derive(Debug, Clone, Copy, Default)]
pub struct Page {
    /// Those behind this one: epoch, record and place.
    pub after: Option<(i64, i64, i64)>,
    /// Those of this time or later, in Unix milliseconds.
    pub from_ms: Option<i64>,
    /// Those before this time.
    pub to_ms: Option<i64>,
    /// At most so many.
    pub rows_max: usize,
}

impl Store {
    /// Opens a database to write: it is made where it is not there, and its tables are brought up to date.
    ///
    /// # Errors
    /// Where it cannot be reached, or is not fit.
    pub async fn open(url: &Database) -> Result<Self, StoreError> {
        let connection = Connection::open(url, Opening::Make).await?;
        Ok(Self { url: url.clone(), connection })
    }

    /// Opens a database to read it as it is.
    ///
    /// # Errors
    /// As [`Self::open`], and where it is not there.
    pub async fn open_to_read(url: &Database) -> Result<Self, StoreError> {
        let connection = Connection::open(url, Opening::Read).await?;
        Ok(Self { url: url.clone(), connection })
    }

    /// The accounts that it holds facts of, by name.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub async fn accounts(&mut self) -> Result<Vec<RecordedAccount>, StoreError> {
        let sql = "SELECT account, journal, CAST(epoch AS TEXT), CAST(record AS TEXT) FROM accounts ORDER BY account";
        let rows = self.connection.rows(&self.url, Statement::new(sql)).await?;
        rows.into_iter().map(|row| self.read_account(row)).collect()
    }

    /// Writes the facts of a batch that are not there yet, and how far they reach, in one transaction. Gives how many there were.
    ///
    /// # Errors
    /// Where it cannot be written: then nothing of the batch was, unless the answer was lost, which writing it again finds out.
    /// [`StoreError::OtherJournal`] where the account's facts are of another journal.
    pub async fn write(&mut self, account: &AccountName, batch: &Batch) -> Result<u64, StoreError> {
        self.say(self.dialect().begin()).await?;
        let written = self.write_within(account, batch).await?;
        self.say("COMMIT").await?;
        Ok(written)
    }

    /// The columns of a table as they are in the database: name, type, and whether each may be empty.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub async fn shape(&mut self, table: Table) -> Result<Vec<(String, String, bool)>, StoreError> {
        let rows = self.connection.rows(&self.url, shape(self.dialect(), table)).await?;
        let columns = rows.into_iter().map(|row| {
            let mut row = row.into_iter().map(Option::unwrap_or_default);
            let mut next = || row.next().unwrap_or_default();
            (next(), next(), next() == "1")
        });
        Ok(columns.collect())
    }

    /// Rows of a table as text, each column in its order: a flag is 0 or 1.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub async fn page(&mut self, table: Table, account: &str, page: Page) -> Result<Vec<TextRow>, StoreError> {
        let dialect = self.dialect();
        let columns = table.columns().map(|column| dialect.output(column)).collect::<Vec<_>>().join(", ");
        let mut statement = Statement::default();
        let mut number = |value: i64| statement.value(dialect, Kind::Number, Some(value.to_string()));
        let after = page.after.map(|(epoch, record, place)| {
            format!(" AND (epoch, record, place) > ({}, {}, {})", number(epoch), number(record), number(place))
        });
        let from = page.from_ms.map(|from| format!(" AND time_ms >= {}", number(from)));
        let to = page.to_ms.map(|to| format!(" AND time_ms < {}", number(to)));
        let only = [after, from, to].into_iter().flatten().collect::<String>();
        let account = statement.value(dialect, Kind::Text, Some(account.to_owned()));
        let rows_max = page.rows_max;
        // By the columns themselves: a bare name would be what is selected under it, which is text.
        let order = format!("{table}.epoch, {table}.record, {table}.place");
        statement.sql =
            format!("SELECT {columns} FROM {table} WHERE account = {account}{only} ORDER BY {order} LIMIT {rows_max}");
        self.connection.rows(&self.url, statement).await
    }

    const fn dialect(&self) -> Dialect {
        self.connection.dialect()
    }

    async fn say(&mut self, sql: &str) -> Result<(), StoreError> {
        self.connection.run(&self.url, Statement::new(sql)).await.map(drop)
    }

    async fn write_within(&mut self, account: &AccountName, batch: &Batch) -> Result<u64, StoreError> {
        let Some(recorded) = self.recorded(account, batch.journal.as_deref()).await? else { return Ok(0) };
        if batch.journal.as_ref() != Some(&recorded.journal) {
            let (database, account) = (self.url.to_string(), account.to_string());
            return Err(StoreError::OtherJournal { database, account });
        }
        let until = recorded.until;
        if let Some(begin) = batch.begins.iter().find(|begin| begin.epoch > until.epoch && begin.record <= until.record) {
            self.forget(account, *begin).await?;
        }
        let mut by_table: BTreeMap<Table, Vec<&Row>> = BTreeMap::new();
        for row in batch.rows.iter().filter(|row| row.mark > until) {
            by_table.entry(row.table).or_default().push(row);
        }
        let mut written = 0;
        for (table, rows) in by_table {
            for rows in rows.chunks(ROWS_PER_STATEMENT) {
                let rows = rows.iter().map(|row| text_of(account, row));
                let statement = insert(self.dialect(), table, rows);
                written += self.connection.run(&self.url, statement).await?;
            }
        }
        if batch.until > until {
            self.reach(account, batch.until).await?;
        }
        Ok(written)
    }

    /// How far an account is recorded, locked until the transaction ends. Where nothing is yet, it begins with this journal; none
    /// where that has no name yet.
    async fn recorded(&mut self, account: &AccountName, journal: Option<&str>) -> Result<Option<RecordedAccount>, StoreError> {
        let dialect = self.dialect();
        if let Some(journal) = journal {
            let mut begin = Statement::default();
            let account = begin.value(dialect, Kind::Text, Some(account.to_string()));
            let journal = begin.value(dialect, Kind::Text, Some(journal.to_owned()));
            let columns = "account, journal, epoch, record";
            begin.sql = format!("INSERT INTO accounts ({columns}) VALUES ({account}, {journal}, 0, 0) ON CONFLICT DO NOTHING");
            self.connection.run(&self.url, begin).await?;
        }
        let mut find = Statement::default();
        let account = find.value(dialect, Kind::Text, Some(account.to_string()));
        let columns = "account, journal, CAST(epoch AS TEXT), CAST(record AS TEXT)";
        find.sql = format!("SELECT {columns} FROM accounts WHERE account = {account}{}", dialect.lock());
        let rows = self.connection.rows(&self.url, find).await?;
        rows.into_iter().next().map(|row| self.read_account(row)).transpose()
    }

    /// Forgets what a power cut made never to have happened: facts of earlier epochs from a record on.
    async fn forget(&mut self, account: &AccountName, begin: Mark) -> Result<(), StoreError> {
        for table in Table::ALL {
            let mut statement = Statement::default();
            let (dialect, number) = (self.dialect(), |value: u64| Some(value.to_string()));
            let account = statement.value(dialect, Kind::Text, Some(account.to_string()));
            let epoch = statement.value(dialect, Kind::Number, number(begin.epoch.into()));
            let record = statement.value(dialect, Kind::Number, number(begin.record));
            statement.sql = format!("DELETE FROM {table} WHERE account = {account} AND epoch < {epoch} AND record >= {record}");
            self.connection.run(&self.url, statement).await?;
        }
        Ok(())
    }

    async fn reach(&mut self, account: &AccountName, until: Mark) -> Result<(), StoreError> {
        let (dialect, mut statement) = (self.dialect(), Statement::default());
        let epoch = statement.value(dialect, Kind::Number, Some(until.epoch.to_string()));
        let record = statement.value(dialect, Kind::Number, Some(until.record.to_string()));
        let account = statement.value(dialect, Kind::Text, Some(account.to_string()));
        statement.sql = format!("UPDATE accounts SET epoch = {epoch}, record = {record} WHERE account = {account}");
        self.connection.run(&self.url, statement).await.map(drop)
    }

    fn read_account(&self, row: TextRow) -> Result<RecordedAccount, StoreError> {
        let unfit = || {
            let words = "its table of accounts holds what this program never wrote".to_owned();
            StoreError::Unfit { database: self.url.to_string(), words }
        };
        let Ok([Some(account), Some(journal), Some(epoch), Some(record)]) = <[_; 4]>::try_from(row) else {
            return Err(unfit());
        };
        let (Ok(epoch), Ok(record)) = (epoch.parse(), record.parse()) else { return Err(unfit()) };
        Ok(RecordedAccount { account, journal, until: Mark { epoch, record } })
    }
}

/// A row with its key, as text.
fn text_of(account: &AccountName, row: &Row) -> TextRow {
    let key = [
        account.to_string(),
        row.mark.epoch.to_string(),
        row.mark.record.to_string(),
        row.place.to_string(),
        row.time_ms.to_string(),
    ];
    let columns = row.table.own_columns();
    assert_eq!(columns.len(), row.values.len(), "a row of {} has its columns", row.table);
    debug_assert!(row.values.iter().zip(columns).all(|(value, column)| value.fits(*column)), "{row:?}");
    debug_assert_eq!(key.len(), KEY.len());
    key.into_iter().map(Some).chain(row.values.iter().map(super::schema::Value::to_text)).collect()
}

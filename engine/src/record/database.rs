//! A connection to either kind of database, and what may go wrong with it.

use super::statements::{Dialect, Statement};
use crate::config::Database;
use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous};
use sqlx::{AssertSqlSafe, ColumnIndex, ConnectOptions as _, Connection as _, SqlSafeStr as _};
use std::path::Path;
use std::time::Duration;

/// How long SQLite waits for another writer before it says that the file is busy.
const BUSY_WAIT: Duration = Duration::from_secs(5);
/// Longest that one statement or connection may take.
const STATEMENT_WAIT: Duration = Duration::from_secs(30);

/// Migrations of the tables, for each kind of database: number, name, SQL.
const MIGRATIONS_SQLITE: &[(i64, &str, &str)] = &[(1, "facts", include_str!("migrations/sqlite/0001_facts.sql"))];
const MIGRATIONS_POSTGRES: &[(i64, &str, &str)] = &[(1, "facts", include_str!("migrations/postgres/0001_facts.sql"))];

/// Why nothing can be written to or read from a database.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// It is not there, busy, full or slow: the same may work later. The connection is of no use any more.
    #[error("database {database} does not answer as it should: {words}")]
    Unavailable {
        /// Which, without its password.
        database: String,
        /// What it or the system says.
        words: String,
    },
    /// It will not work before somebody changes something: the address, the rights, the version of this program.
    #[error("database {database} cannot be used: {words}")]
    Unfit {
        /// Which, without its password.
        database: String,
        /// What is wrong.
        words: String,
    },
    /// It holds facts of another journal under the same name of an account.
    #[error(
        "database {database} holds facts of another journal for account {account}: give this one another name, or another \
         database"
    )]
    OtherJournal {
        /// Which, without its password.
        database: String,
        /// The account's name.
        account: String,
    },
}

impl StoreError {
    fn of(url: &Database, error: &sqlx::Error) -> Self {
        let (database, words) = (url.to_string(), error.to_string());
        if is_lasting(error) { Self::Unfit { database, words } } else { Self::Unavailable { database, words } }
    }

    fn of_migration(url: &Database, error: &MigrateError) -> Self {
        match error {
            MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => Self::of(url, error),
            MigrateError::VersionMissing(_) | MigrateError::VersionTooNew(..) => {
                let words = "its tables were made by a newer version of this program: use that one".to_owned();
                Self::Unfit { database: url.to_string(), words }
            }
            other => Self::Unfit { database: url.to_string(), words: other.to_string() },
        }
    }

    fn slow(url: &Database) -> Self {
        let words = format!("no answer within {} s", STATEMENT_WAIT.as_secs());
        Self::Unavailable { database: url.to_string(), words }
    }
}

/// Whether an error stays until somebody does something about it.
fn is_lasting(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Configuration(_) | sqlx::Error::Tls(_) => true,
        sqlx::Error::Database(error) => {
            let code = error.code().unwrap_or_default();
            // PostgreSQL: who it is, what it may, which database, what is in it. SQLite: cannot open, no database, no such table,
            // read only.
            // <https://www.postgresql.org/docs/current/errcodes-appendix.html>, <https://sqlite.org/rescode.html>
            let of_server = code.len() == 5 && (code.starts_with("28") || code.starts_with("42") || code == "3D000");
            of_server || matches!(&*code, "1" | "8" | "14" | "26")
        }
        _ => false,
    }
}

/// What is to become of a database that is not there yet, or whose tables are older.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Opening {
    /// It is made, and its tables are brought up to date.
    Make,
    /// It is read as it is.
    Read,
}

/// A connection. After an error it is of no use any more.
#[derive(Debug)]
pub(super) enum Connection {
    Sqlite(Box<SqliteConnection>),
    Postgres(Box<PgConnection>),
}

impl Connection {
    pub(super) async fn open(url: &Database, opening: Opening) -> Result<Self, StoreError> {
        let opened = tokio::time::timeout(STATEMENT_WAIT, Self::try_open(url, opening)).await;
        opened.map_err(|_| StoreError::slow(url))?
    }

    async fn try_open(url: &Database, opening: Opening) -> Result<Self, StoreError> {
        let failed = |error: sqlx::Error| StoreError::of(url, &error);
        let unfit = |error: MigrateError| StoreError::of_migration(url, &error);
        match url {
            Database::Sqlite(path) => {
                let mut connection = sqlite(path, opening).connect().await.map_err(failed)?;
                if opening == Opening::Make {
                    // Of several that open a new file at once, one makes the tables: the library has a lock of its own for servers
                    // only.
                    let mut alone = connection.begin_with("BEGIN IMMEDIATE").await.map_err(failed)?;
                    migrator(MIGRATIONS_SQLITE).run_direct(None, &mut *alone, false).await.map_err(unfit)?;
                    alone.commit().await.map_err(failed)?;
                }
                Ok(Self::Sqlite(Box::new(connection)))
            }
            Database::Postgres(address) => {
                let options = address.secret().parse::<PgConnectOptions>().map_err(failed)?.application_name("calypte");
                let mut connection = options.connect().await.map_err(failed)?;
                if opening == Opening::Make {
                    migrator(MIGRATIONS_POSTGRES).run_direct(None, &mut connection, false).await.map_err(unfit)?;
                }
                Ok(Self::Postgres(Box::new(connection)))
            }
        }
    }

    pub(super) const fn dialect(&self) -> Dialect {
        match self {
            Self::Sqlite(_) => Dialect::Sqlite,
            Self::Postgres(_) => Dialect::Postgres,
        }
    }

    /// Does what a statement says; how many rows it changed.
    pub(super) async fn run(&mut self, url: &Database, statement: Statement) -> Result<u64, StoreError> {
        let ran = async {
            match self {
                Self::Sqlite(connection) => {
                    let query = query::<sqlx::Sqlite>(statement).persistent(false);
                    query.execute(&mut **connection).await.map(|done| done.rows_affected())
                }
                Self::Postgres(connection) => {
                    let query = query::<sqlx::Postgres>(statement).persistent(false);
                    query.execute(&mut **connection).await.map(|done| done.rows_affected())
                }
            }
        };
        let ran = tokio::time::timeout(STATEMENT_WAIT, ran).await.map_err(|_| StoreError::slow(url))?;
        ran.map_err(|error| StoreError::of(url, &error))
    }

    /// The rows that a statement asks for, every value as text.
    pub(super) async fn rows(&mut self, url: &Database, statement: Statement) -> Result<Vec<TextRow>, StoreError> {
        let asked = async {
            match self {
                Self::Sqlite(connection) => {
                    let query = query::<sqlx::Sqlite>(statement).persistent(false);
                    query.fetch_all(&mut **connection).await?.iter().map(texts).collect()
                }
                Self::Postgres(connection) => {
                    let query = query::<sqlx::Postgres>(statement).persistent(false);
                    query.fetch_all(&mut **connection).await?.iter().map(texts).collect()
                }
            }
        };
        let asked: Result<_, sqlx::Error> =
            tokio::time::timeout(STATEMENT_WAIT, asked).await.map_err(|_| StoreError::slow(url))?;
        asked.map_err(|error| StoreError::of(url, &error))
    }
}

/// A row, every value as text.
pub(super) type TextRow = Vec<Option<String>>;

fn sqlite(path: &Path, opening: Opening) -> SqliteConnectOptions {
    let options = SqliteConnectOptions::new().filename(path).busy_timeout(BUSY_WAIT);
    match opening {
        // What a power cut costs of the last moments comes again from the journal, so that not every transaction waits for the
        // disk.
        Opening::Make => {
            options.create_if_missing(true).journal_mode(SqliteJournalMode::Wal).synchronous(SqliteSynchronous::Normal)
        }
        Opening::Read => options.create_if_missing(false),
    }
}

fn migrator(migrations: &[(i64, &'static str, &'static str)]) -> Migrator {
    let migrations = migrations
        .iter()
        .map(|(version, name, sql)| Migration::new(*version, (*name).into(), MigrationType::Simple, sql.into_sql_str(), false));
    Migrator::with_migrations(migrations.collect())
}

fn query<DB: sqlx::Database>(statement: Statement) -> sqlx::query::Query<'static, DB, DB::Arguments>
where
    Option<String>: for<'t> sqlx::Encode<'t, DB> + sqlx::Type<DB>,
{
    // The text is put together from names that are written in this program; what comes from outside is bound.
    let query = sqlx::query::<DB>(AssertSqlSafe(statement.sql));
    statement.values.into_iter().fold(query, sqlx::query::Query::bind)
}

fn texts<R: sqlx::Row>(row: &R) -> Result<TextRow, sqlx::Error>
where
    usize: ColumnIndex<R>,
    Option<String>: for<'r> sqlx::Decode<'r, R::Database> + sqlx::Type<R::Database>,
{
    (0..row.len()).map(|place| row.try_get(place)).collect()
}

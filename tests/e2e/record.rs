//! The recorder: one battery for both kinds of database, and what whole sessions leave in them.

mod battery;
mod guide;
mod sessions;

use calypte::config::Database;
use calypte::record::{Page, Store, Table};
use std::collections::BTreeMap;
use std::path::Path;
use tests::{PostgresServer, temp_dir};

/// Rows that one look asks for; more than any test has.
const ROWS_MAX: usize = 1_000_000;

/// What a database holds of an account.
pub(crate) type Facts = BTreeMap<&'static str, Vec<Vec<Option<String>>>>;

/// Which database is tested.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Sqlite,
    Postgres,
}

/// An empty database.
pub(crate) struct Bench {
    pub(crate) url: String,
    pub(crate) server: Option<PostgresServer>,
    _folder: tempfile::TempDir,
}

impl Kind {
    /// An empty database; none where there is no server to be had, which is said.
    #[track_caller]
    pub(crate) fn bench(self) -> Option<Bench> {
        let folder = temp_dir();
        let (url, server) = match self {
            Self::Sqlite => (file(&folder.path().join("record.db")), None),
            Self::Postgres => {
                let server = PostgresServer::start()?;
                (server.url(), Some(server))
            }
        };
        Some(Bench { url, server, _folder: folder })
    }
}

impl Bench {
    pub(crate) fn database(&self) -> Database {
        database(&self.url)
    }
}

pub(crate) fn database(url: &str) -> Database {
    url.parse().expect("the address of a database")
}

/// The address of a file.
pub(crate) fn file(path: &Path) -> String {
    format!("sqlite:{}", path.display())
}

/// Everything that a database holds of an account.
pub(crate) async fn facts(database: &Database, account: &str) -> Facts {
    let mut store = Store::open_to_read(database).await.expect("it is there");
    let mut facts = Facts::new();
    for table in Table::ALL {
        let page = Page { rows_max: ROWS_MAX, ..Page::default() };
        let rows = store.page(table, account, page).await.expect("it can be read");
        facts.insert(table.name(), rows);
    }
    facts
}

/// How many rows there are of each table that has any.
pub(crate) fn counts(facts: &Facts) -> BTreeMap<&'static str, usize> {
    facts.iter().filter(|(_, rows)| !rows.is_empty()).map(|(table, rows)| (*table, rows.len())).collect()
}

/// That two databases hold the same; the first row that differs is shown, not all of both.
#[track_caller]
pub(crate) fn assert_same(held: &Facts, expected: &Facts) {
    for (table, rows) in expected {
        let held = &held[table];
        let differs = rows.iter().zip(held).find(|(expected, held)| expected != held);
        assert_eq!(differs, None, "{table}");
        assert_eq!(held.len(), rows.len(), "{table}");
    }
    assert_eq!(counts(held), counts(expected));
}

/// The values of a column.
pub(crate) fn column<'a>(facts: &'a Facts, table: Table, name: &str) -> Vec<&'a str> {
    let place = table.columns().position(|column| column.name == name).expect("the table has the column");
    facts[table.name()].iter().map(|row| row[place].as_deref().unwrap_or_default()).collect()
}

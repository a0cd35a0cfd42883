//! The page on the recorder names the tables and columns that there are.

use calypte::record::{KEY, Table};
use std::fs;
use tests::repository;

#[test]
fn the_page_lists_every_table_with_its_columns() {
    let page = fs::read_to_string(repository().join("engine/docs/recorder.md")).expect("the page exists");
    let mut documented: Vec<(String, Vec<String>)> = Vec::new();
    for line in page.lines() {
        if let Some(name) = line.strip_prefix("### `") {
            documented.push((name.trim_end_matches('`').to_owned(), Vec::new()));
        } else if let (Some(column), Some((_, columns))) = (line.strip_prefix("| `"), documented.last_mut()) {
            let (name, rest) = column.split_once('`').expect("a name ends");
            let may_be_empty = rest.contains(" or empty");
            columns.push(format!("{name}{}", if may_be_empty { "?" } else { "" }));
        }
    }
    let there_are = Table::ALL.into_iter().map(|table| {
        let columns = table.own_columns().iter();
        let columns = columns.map(|column| format!("{}{}", column.name, if column.is_optional { "?" } else { "" }));
        (table.name().to_owned(), columns.collect::<Vec<_>>())
    });
    let key = KEY.iter().map(|column| column.name.to_owned()).collect::<Vec<_>>();
    let expected = std::iter::once(("key".to_owned(), key)).chain(there_are).collect::<Vec<_>>();
    assert_eq!(documented, expected, "each table in its order, each column in its order");
}

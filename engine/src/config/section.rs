//! One table of the file while it is read: each value with its place, the environment before the file, and every fault kept.

use super::environment::Environment;
use super::fault::{Fault, Place};
use super::keys::{Absent, Key, Kind, TABLES, keys_of, nearest};
use super::secret::looks_secret;
use std::cell::RefCell;
use std::fmt::Display;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Most faults that are told of at once.
pub const FAULTS_MAX: usize = 100;
/// Names under which somebody may want to write a secret.
const SECRET_NAMES: &[&str] =
    &["key", "private-key", "secret", "secret-key", "password", "passphrase", "token", "mnemonic", "seed", "webhook"];

/// What is common to all tables of a file.
pub(super) struct Reading<'a> {
    /// The file's text.
    text: &'a str,
    /// Where its relative paths begin.
    folder: &'a Path,
    pub(super) environment: &'a Environment,
    faults: RefCell<Vec<Fault>>,
    /// What is odd, and does no harm by itself.
    warnings: RefCell<Vec<String>>,
}

/// A table; where the file has none, its values can still come from the environment.
pub(super) struct Section<'a> {
    reading: &'a Reading<'a>,
    /// As [`Key::table`] names it.
    table: &'static str,
    /// As a fault names it: `engine`, `account[0].strategy[1]`.
    path: String,
    span: Range<usize>,
    entries: Option<&'a DeTable<'a>>,
}

impl<'a> Reading<'a> {
    pub(super) fn new(text: &'a str, folder: &'a Path, environment: &'a Environment) -> Self {
        Self { text, folder, environment, faults: RefCell::default(), warnings: RefCell::default() }
    }

    /// Where relative paths begin.
    pub(super) fn folder(&self) -> &'a Path {
        self.folder
    }

    /// Adds what is wrong, as long as there is room.
    pub(super) fn fault(&self, place: Place, key: &str, words: impl Display) {
        let mut faults = self.faults.borrow_mut();
        if faults.len() < FAULTS_MAX {
            faults.push(Fault { place, key: key.to_owned(), words: words.to_string() });
        }
    }

    pub(super) fn fault_at(&self, span: &Range<usize>, key: &str, words: impl Display) {
        self.fault(Place::of(self.text, span), key, words);
    }

    /// Secrets that were written into the file, under whatever name, are refused and not repeated.
    fn refuse_secrets(&self, path: &str, entries: &DeTable<'_>) {
        for (name, value) in entries {
            let path = if path.is_empty() { shown(name.get_ref()) } else { format!("{path}.{}", shown(name.get_ref())) };
            self.refuse_secret(&path, value);
        }
    }

    fn refuse_secret(&self, path: &str, value: &Spanned<DeValue<'_>>) {
        match value.get_ref() {
            DeValue::String(text) if looks_secret(text) => {
                let words = "looks like a secret, which this file must not hold: put it into a file of its own, or into the environment";
                self.fault_at(&value.span(), path, words);
            }
            DeValue::Array(items) => {
                let is_of_tables = items.iter().all(|item| item.get_ref().is_table());
                for (place, item) in items.iter().enumerate() {
                    let path = if is_of_tables { format!("{path}[{place}]") } else { path.to_owned() };
                    self.refuse_secret(&path, item);
                }
            }
            DeValue::Table(entries) => self.refuse_secrets(path, entries),
            _ => {}
        }
    }

    pub(super) fn warn(&self, words: String) {
        self.warnings.borrow_mut().push(words);
    }

    /// What was found: faults in the order of the file, and warnings.
    pub(super) fn found(self) -> (Vec<Fault>, Vec<String>) {
        let mut faults = self.faults.into_inner();
        faults.sort_by(|one, other| one.place.cmp(&other.place));
        (faults, self.warnings.into_inner())
    }
}

impl<'a> Section<'a> {
    /// The file as a whole.
    pub(super) fn root(reading: &'a Reading<'a>, entries: &'a DeTable<'a>) -> Self {
        reading.refuse_secrets("", entries);
        let root = Self { reading, table: "", path: String::new(), span: 0..0, entries: Some(entries) };
        root.check_names();
        root
    }

    /// The reading it is part of.
    pub(super) fn reading(&self) -> &'a Reading<'a> {
        self.reading
    }

    /// Whether the file has it.
    pub(super) fn is_written(&self) -> bool {
        self.entries.is_some()
    }

    /// Whether the file or the environment says anything of it.
    pub(super) fn is_said(&self) -> bool {
        self.is_written() || keys_of(self.table).any(|key| self.variable(key).is_some())
    }

    /// Whether a value is there, in the file or in the environment.
    pub(super) fn has(&self, name: &'static str) -> bool {
        self.entry(name).is_some() || self.has_variable(name)
    }

    /// Whether the environment has a value.
    pub(super) fn has_variable(&self, name: &'static str) -> bool {
        self.variable(key(self.table, name)).is_some()
    }

    /// Whether the file has a table in it, once or several times.
    pub(super) fn has_table(&self, name: &str) -> bool {
        self.entry(name).is_some()
    }

    /// A table in it that comes once.
    pub(super) fn table(&self, name: &'static str) -> Section<'a> {
        let written = self.entry(name);
        let entries = written.and_then(|value| value.get_ref().as_table());
        if let Some(value) = written.filter(|_| entries.is_none()) {
            self.reading.fault_at(&value.span(), name, format!("must be a table: write [{name}] on a line of its own"));
        }
        let span = written.map_or(0..0, Spanned::span);
        let section = Self { reading: self.reading, table: name, path: name.to_owned(), span, entries };
        section.check_names();
        section
    }

    /// Tables in it that come any number of times.
    pub(super) fn tables(&self, name: &'static str, table: &'static str, most: usize) -> Vec<Section<'a>> {
        let path = self.path_of(name);
        let Some(value) = self.entry(name) else { return Vec::new() };
        let Some(items) = value.get_ref().as_array() else {
            self.reading.fault_at(&value.span(), &path, format!("must be tables: write [[{table}]] above each"));
            return Vec::new();
        };
        if items.len() > most {
            self.reading.fault_at(&value.span(), &path, format!("there are {}: at most {most}", items.len()));
            return Vec::new();
        }
        let mut sections = Vec::with_capacity(items.len());
        for (place, item) in items.iter().enumerate() {
            let path = format!("{path}[{place}]");
            match item.get_ref().as_table() {
                Some(entries) => {
                    let section = Self { reading: self.reading, table, path, span: item.span(), entries: Some(entries) };
                    section.check_names();
                    sections.push(section);
                }
                None => self.reading.fault_at(&item.span(), &path, "must be a table of keys and values"),
            }
        }
        sections
    }

    /// The value of a key, or of its variable, or what holds where neither is there. None where it is faulty, which is then
    /// known, or where there is none.
    pub(super) fn get<T: FromStr<Err: Display>>(&self, name: &'static str) -> Option<T> {
        let text = self.text(name)?;
        text.parse().map_err(|error| self.fault(name, error)).ok()
    }

    /// A path, which is relative to the file's folder.
    pub(super) fn path(&self, name: &'static str) -> Option<PathBuf> {
        self.text(name).map(|text| self.reading.folder.join(text))
    }

    /// A whole number of at most so much.
    pub(super) fn number(&self, name: &'static str, most: u32) -> Option<u32> {
        let text = self.text(name)?;
        let number = text.parse().ok().filter(|number| *number <= most);
        if number.is_none() {
            self.fault(name, format!("must be a whole number from 0 to {most}"));
        }
        number
    }

    /// A list in which nothing comes twice, with at least one item.
    pub(super) fn list<T: FromStr<Err: Display> + PartialEq>(&self, name: &'static str, most: usize) -> Option<Vec<T>> {
        let items = self.items(name)?;
        if items.is_empty() || items.len() > most {
            self.fault(name, format!("must have from 1 to {most} items, not {}", items.len()));
            return None;
        }
        let mut list = Vec::with_capacity(items.len());
        let mut is_whole = true;
        for (text, span) in items {
            match text.parse::<T>() {
                Ok(item) if list.contains(&item) => {
                    is_whole = false;
                    self.reading.fault_at(&span, &self.path_of(name), format!("{text:?} comes twice"));
                }
                Ok(item) => list.push(item),
                Err(error) => {
                    is_whole = false;
                    self.reading.fault_at(&span, &self.path_of(name), error);
                }
            }
        }
        is_whole.then_some(list)
    }

    /// Names and values, the values as text.
    pub(super) fn values(&self, name: &'static str) -> Option<Vec<(String, String, Range<usize>)>> {
        let Some(written) = self.entry(name) else { return Some(Vec::new()) };
        let Some(table) = written.get_ref().as_table() else {
            self.fault(name, format!("must be {}", Kind::Values.words()));
            return None;
        };
        let mut values = Vec::with_capacity(table.len());
        for (of, value) in table {
            let Some(text) = value_text(value.get_ref()) else {
                self.reading.fault_at(&value.span(), &self.path_of(name), "a value must be a number, a text, or true or false");
                return None;
            };
            if looks_secret(&text) {
                return None;
            }
            values.push((of.get_ref().to_string(), text, of.span()));
        }
        Some(values)
    }

    /// Adds what is wrong with a value, at its place.
    pub(super) fn fault(&self, name: &str, words: impl Display) {
        self.reading.fault(self.place(name), &self.path_of(name), words);
    }

    /// Adds what is wrong with the table.
    pub(super) fn fault_of_table(&self, words: impl Display) {
        let place = if self.is_written() { Place::of(self.reading.text, &self.span) } else { Place::Nowhere };
        self.reading.fault(place, &self.path, words);
    }

    /// How a fault names a key.
    pub(super) fn path_of(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }

    /// Where a value is, or its table where it is missing.
    fn place(&self, name: &str) -> Place {
        let key = keys_of(self.table).find(|key| key.name == name);
        if let Some((variable, _)) = key.and_then(|key| self.variable(key)) {
            return Place::Variable(variable.to_owned());
        }
        match self.entry(name) {
            Some(value) => Place::of(self.reading.text, &value.span()),
            None if self.is_written() => Place::of(self.reading.text, &self.span),
            None => Place::Nowhere,
        }
    }

    fn entry(&self, name: &str) -> Option<&'a Spanned<DeValue<'a>>> {
        self.entries?.iter().find(|(key, _)| key.get_ref() == name).map(|(_, value)| value)
    }

    /// The value of a key's variable, with its name. One that holds a secret in place of a file's name is its reader's to ask
    /// for.
    fn variable(&self, key: &Key) -> Option<(&'static str, &'a str)> {
        let name = key.variable.filter(|_| !key.name.ends_with("-file"))?;
        self.reading.environment.get(name).map(|value| (name, value))
    }

    fn text(&self, name: &'static str) -> Option<String> {
        let key = key(self.table, name);
        if let Some((_, value)) = self.variable(key) {
            return Some(value.to_owned());
        }
        let Some(value) = self.entry(name) else {
            return match key.absent {
                Absent::Default(text) => Some(text.to_owned()),
                Absent::Optional(_) => None,
                Absent::Needed => {
                    self.fault(name, format!("is missing; it says {}", key.meaning));
                    None
                }
            };
        };
        let text = match (key.kind, value.get_ref()) {
            (Kind::Text | Kind::Amount, DeValue::String(text)) => Some(text.to_string()),
            (Kind::Whole | Kind::Amount, DeValue::Integer(number)) => Some(number.to_string()),
            (Kind::Amount, DeValue::Float(number)) => Some(number.to_string()),
            (Kind::Flag, DeValue::Boolean(flag)) => Some(flag.to_string()),
            _ => None,
        };
        let Some(text) = text else {
            self.fault(name, format!("must be {}", key.kind.words()));
            return None;
        };
        // One that looks like a secret is refused where the whole document is looked through.
        (!looks_secret(&text)).then_some(text)
    }

    fn items(&self, name: &'static str) -> Option<Vec<(String, Range<usize>)>> {
        let key = key(self.table, name);
        let Some(value) = self.entry(name) else {
            self.fault(name, format!("is missing; it says {}", key.meaning));
            return None;
        };
        let refuse = || self.fault(name, format!("must be {}", key.kind.words()));
        let Some(items) = value.get_ref().as_array() else {
            refuse();
            return None;
        };
        let mut texts = Vec::with_capacity(items.len());
        for item in items {
            let Some(text) = item.get_ref().as_str() else {
                refuse();
                return None;
            };
            if looks_secret(text) {
                return None;
            }
            texts.push((text.to_owned(), item.span()));
        }
        Some(texts)
    }

    /// Whether every name in the table is one that it may have.
    fn check_names(&self) {
        let Some(entries) = self.entries else { return };
        let tables = TABLES.iter().filter(|(table, _)| *table == self.table).flat_map(|(_, tables)| tables.iter().copied());
        let known = keys_of(self.table).map(|key| key.name).chain(tables).collect::<Vec<_>>();
        for name in entries.keys().filter(|name| !known.contains(&name.get_ref().as_ref())) {
            let written = name.get_ref().as_ref();
            let words = if SECRET_NAMES.contains(&written.replace('_', "-").as_str()) {
                "a secret does not belong into this file: put it into a file of its own and name that, or into the environment"
                    .to_owned()
            } else if let Some(near) = nearest(written, known.iter().copied()) {
                format!("there is no such key; is {near} meant?")
            } else {
                format!("there is no such key; there are {}", known.join(", "))
            };
            self.reading.fault_at(&name.span(), &self.path_of(&shown(written)), words);
        }
    }
}

fn key(table: &str, name: &str) -> &'static Key {
    keys_of(table).find(|key| key.name == name).expect("what is read is among the keys")
}

/// A name that somebody wrote, for a message.
fn shown(name: &str) -> String {
    const LETTERS_MAX: usize = 64;
    if looks_secret(name) {
        return "…".to_owned();
    }
    name.chars().filter(|letter| !letter.is_control()).take(LETTERS_MAX).collect()
}

/// A number, a text or a flag as the text it was written as; none of anything else.
fn value_text(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.to_string()),
        DeValue::Integer(number) => Some(number.to_string()),
        DeValue::Float(number) => Some(number.to_string()),
        DeValue::Boolean(flag) => Some(flag.to_string()),
        DeValue::Datetime(_) | DeValue::Array(_) | DeValue::Table(_) => None,
    }
}

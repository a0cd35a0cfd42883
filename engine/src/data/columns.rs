//! Which column of a file is what: from its header, or from what the caller says. Never from the values.

use super::fault::{ShapeFault, shown};
use std::fmt;

/// Most columns of a file.
pub const COLUMNS_MAX: usize = 256;

/// What a candle is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// When it opened.
    Time,
    /// First price.
    Open,
    /// Highest price.
    High,
    /// Lowest price.
    Low,
    /// Last price.
    Close,
    /// Traded size.
    Volume,
}

impl Field {
    /// All of them, in the usual order.
    pub const ALL: [Self; 6] = [Self::Time, Self::Open, Self::High, Self::Low, Self::Close, Self::Volume];

    const fn name(self) -> &'static str {
        match self {
            Self::Time => "time",
            Self::Open => "open",
            Self::High => "high",
            Self::Low => "low",
            Self::Close => "close",
            Self::Volume => "volume",
        }
    }

    fn named(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|field| field.name() == text)
    }

    /// Whether a header's name, in lower case, can mean this field.
    fn answers_to(self, name: &str) -> bool {
        match self {
            Self::Time => TIME_NAMES.contains(&name),
            Self::Volume => name == "vol" || name == "volume" || name.starts_with("volume_") || name.ends_with("_volume"),
            _ => name == self.name() || name.strip_suffix("_price") == Some(self.name()),
        }
    }
}

impl fmt::Display for Field {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// Names of a column with the time at which a candle opens.
const TIME_NAMES: [&str; 16] = [
    "open_time_ms",
    "open_time",
    "opentime",
    "time_ms",
    "time",
    "timestamp_ms",
    "timestamp_utc",
    "timestamp",
    "ts",
    "date",
    "datetime",
    "date_time",
    "unix",
    "open time",
    "time_utc",
    "t",
];

/// What the caller says about the columns of a file.
///
/// Written as text: nothing for a header that speaks for itself; `time,open,high,low,close,volume` for a file without a
/// header (`-` ignores a column, a final `*` ignores all that follow); `time=ts,volume=volume_base` for a header whose names
/// are unknown or ambiguous.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Columns {
    /// The header says it all.
    #[default]
    Header,
    /// There is no header; these are the columns in order.
    Positions {
        /// Field of each column, none for one to ignore.
        fields: Vec<Option<Field>>,
        /// Whether more columns may follow.
        open_end: bool,
    },
    /// There is a header, and these of its names mean these fields.
    Names(Vec<(Field, String)>),
}

/// A text that does not say what the columns are.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotColumns {
    /// A word that is no field.
    #[error("{0:?} is not a field of a candle: use time, open, high, low, close, volume, or - to ignore a column")]
    Unknown(String),
    /// A field is there twice.
    #[error("{0} is named twice")]
    Twice(Field),
    /// A field is not there.
    #[error("{0} is missing: a file without a header needs all six fields, such as time,open,high,low,close,volume")]
    Missing(Field),
    /// Too many.
    #[error("more than {COLUMNS_MAX} columns")]
    TooMany,
}

impl std::str::FromStr for Columns {
    type Err = NotColumns;

    fn from_str(text: &str) -> Result<Self, NotColumns> {
        if text.is_empty() {
            return Ok(Self::Header);
        }
        let words = text.split(',').map(str::trim).collect::<Vec<_>>();
        if words.len() > COLUMNS_MAX {
            return Err(NotColumns::TooMany);
        }
        if text.contains('=') { names(&words) } else { positions(&words) }
    }
}

fn names(words: &[&str]) -> Result<Columns, NotColumns> {
    let mut named: Vec<(Field, String)> = Vec::new();
    for word in words {
        let (field, name) = word.split_once('=').ok_or_else(|| NotColumns::Unknown((*word).to_owned()))?;
        let field = Field::named(field.trim()).ok_or_else(|| NotColumns::Unknown(field.to_owned()))?;
        if named.iter().any(|(other, _)| *other == field) {
            return Err(NotColumns::Twice(field));
        }
        named.push((field, name.trim().to_owned()));
    }
    Ok(Columns::Names(named))
}

fn positions(words: &[&str]) -> Result<Columns, NotColumns> {
    let (words, open_end) = match words.split_last() {
        Some((&"*", rest)) => (rest, true),
        _ => (words, false),
    };
    let mut fields = Vec::new();
    for word in words {
        let field = match *word {
            "-" => None,
            other => Some(Field::named(other).ok_or_else(|| NotColumns::Unknown(other.to_owned()))?),
        };
        if field.is_some() && fields.contains(&field) {
            return Err(field.map_or(NotColumns::TooMany, NotColumns::Twice));
        }
        fields.push(field);
    }
    match Field::ALL.into_iter().find(|field| !fields.contains(&Some(*field))) {
        Some(missing) => Err(NotColumns::Missing(missing)),
        None => Ok(Columns::Positions { fields, open_end }),
    }
}

/// Where in a row each field stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Layout {
    /// Column of each field, in the order of [`Field::ALL`].
    pub(super) indices: [usize; 6],
    /// How many columns a row has, at least.
    pub(super) count: usize,
    /// Whether a row may have more.
    pub(super) open_end: bool,
}

impl Layout {
    /// Time, open, high, low, close, volume and nothing else: what the fast reader knows.
    pub(super) fn is_plain(&self) -> bool {
        self.indices == [0, 1, 2, 3, 4, 5] && self.count == 6 && !self.open_end
    }

    /// From the caller's list of columns and the number of columns found.
    pub(super) fn of_positions(fields: &[Option<Field>], open_end: bool, found: usize) -> Result<Self, ShapeFault> {
        if found < fields.len() || (found > fields.len() && !open_end) {
            return Err(ShapeFault::ColumnCount { found, expected: fields.len() });
        }
        let mut indices = [0; 6];
        for (index, field) in Field::ALL.into_iter().zip(&mut indices) {
            // Parsing the list has checked that every field is in it.
            *field = fields.iter().position(|column| *column == Some(index)).unwrap_or(0);
        }
        Ok(Self { indices, count: fields.len(), open_end })
    }

    /// From the names of the columns and what the caller says about them.
    pub(super) fn of_names(names: &[String], said: &[(Field, String)]) -> Result<Self, ShapeFault> {
        let header = || shown(names.join(",").as_bytes());
        let lower = names.iter().map(|name| name.to_ascii_lowercase()).collect::<Vec<_>>();
        if let Some(what) = other_kind(&lower) {
            return Err(ShapeFault::NotCandles { what, header: header() });
        }
        let mut indices = [0; 6];
        let mut ambiguous = None;
        for (field, index) in Field::ALL.into_iter().zip(&mut indices) {
            let wanted = said.iter().find(|(other, _)| *other == field).map(|(_, name)| name);
            let matches = |column: &usize| match wanted {
                Some(name) => names[*column] == *name,
                None => field.answers_to(&lower[*column]),
            };
            let found = (0..names.len()).filter(matches).collect::<Vec<_>>();
            match found.as_slice() {
                [] => return Err(ShapeFault::MissingColumn { missing: field, header: header() }),
                [one] => *index = *one,
                several => ambiguous = Some((field, several.to_vec())),
            }
        }
        // The last one found: with two times and three volumes, the volume is what a reader would miss.
        if let Some((field, columns)) = ambiguous {
            let candidates = columns.iter().map(|column| shown(names[*column].as_bytes())).collect::<Vec<_>>().join(", ");
            return Err(ShapeFault::AmbiguousColumn { field, count: columns.len(), candidates });
        }
        for (place, index) in indices.iter().enumerate() {
            if let Some(other) = indices[..place].iter().position(|before| before == index) {
                let column = shown(names[*index].as_bytes());
                return Err(ShapeFault::SameColumn { column, field: Field::ALL[other], other: Field::ALL[place] });
            }
        }
        Ok(Self { indices, count: names.len(), open_end: false })
    }
}

/// What else a header can be of.
fn other_kind(names: &[String]) -> Option<&'static str> {
    let has = |name: &str| names.iter().any(|other| other == name);
    if Field::ALL[1..5].iter().all(|field| names.iter().any(|name| field.answers_to(name))) {
        return None;
    }
    if has("funding_rate") || has("fundingrate") {
        return Some("funding rates");
    }
    if has("bid_price_0") || has("bid_price_1") {
        return Some("order books");
    }
    if has("bid_price") && has("ask_price") {
        return Some("best bids and offers");
    }
    let size = ["size", "qty", "quantity", "amount"].into_iter().any(has);
    if has("price") && (size || has("side") || has("trade_id")) {
        return Some("trades");
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(header: &str, said: &str) -> Result<Layout, ShapeFault> {
        let names = header.split(',').map(str::to_owned).collect::<Vec<_>>();
        let said = match said.parse::<Columns>().expect("names") {
            Columns::Names(said) => said,
            _ => Vec::new(),
        };
        Layout::of_names(&names, &said)
    }

    #[test]
    fn columns_may_stand_in_any_order_under_common_names() {
        assert!(layout("open_time_ms,open,high,low,close,volume", "").expect("plain").is_plain());
        assert_eq!(layout("Volume,Close,Low,High,Open,Date", "").expect("reversed").indices, [5, 4, 3, 2, 1, 0]);
        assert_eq!(layout("ts,open,high,low,close,volume,turnover", "").expect("one more").count, 7);
    }

    #[test]
    fn what_is_not_clear_must_be_said() {
        let okx = "timestamp_ms,timestamp_utc,open,high,low,close,volume_contracts,volume_base,volume_quote";
        assert!(matches!(layout(okx, ""), Err(ShapeFault::AmbiguousColumn { field: Field::Volume, count: 3, .. })));
        assert!(matches!(layout(okx, "volume=volume_base"), Err(ShapeFault::AmbiguousColumn { field: Field::Time, .. })));
        let said = layout(okx, "time=timestamp_ms,volume=volume_base").expect("all said");
        assert_eq!(said.indices, [0, 2, 3, 4, 5, 7]);
        assert!(matches!(
            layout("time,open,high,low,close", ""),
            Err(ShapeFault::MissingColumn { missing: Field::Volume, .. })
        ));
        assert!(matches!(layout("time,time,open,high,low,close,volume", ""), Err(ShapeFault::AmbiguousColumn { .. })));
    }

    #[test]
    fn other_files_are_named() {
        for (header, kind) in [
            ("time_ms,price,size,side", "trades"),
            ("time_ms,funding_rate", "funding rates"),
            ("time_ms,bid_price,bid_size,ask_price,ask_size", "best bids and offers"),
            ("time_ms,bid_price_0,bid_size_0,ask_price_0,ask_size_0", "order books"),
        ] {
            assert!(matches!(layout(header, ""), Err(ShapeFault::NotCandles { what, .. }) if what == kind), "{header}");
        }
    }

    #[test]
    fn positions_name_every_field_once() {
        assert_eq!("time,open,close,high,low".parse::<Columns>(), Err(NotColumns::Missing(Field::Volume)));
        assert_eq!("time,time,open,high,low,close,volume".parse::<Columns>(), Err(NotColumns::Twice(Field::Time)));
        assert!(matches!("time,o,h,l,c,v".parse::<Columns>(), Err(NotColumns::Unknown(_))));
        let Ok(Columns::Positions { fields, open_end }) = "time,open,close,high,low,-,volume,*".parse() else {
            panic!("positions were not understood");
        };
        let layout = Layout::of_positions(&fields, open_end, 12).expect("enough columns");
        assert_eq!((layout.indices, layout.count), ([0, 1, 3, 4, 2, 6], 7));
        assert!(Layout::of_positions(&fields, open_end, 6).is_err());
    }
}

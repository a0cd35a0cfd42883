//! JSON for people and programs alike: what a record holds stands line by line, and of a list each item is one line.

use serde_json::ser::{Formatter, PrettyFormatter};
use std::io;

/// How deep lines are broken: the record itself, and the lists and records in it.
const DEPTH_BROKEN: usize = 2;

/// Breaks lines down to some depth only. A list of ten thousand trades is one of ten thousand lines.
#[derive(Default)]
pub(super) struct Rows {
    broken: PrettyFormatter<'static>,
    depth: usize,
}

impl Rows {
    const fn is_broken(&self) -> bool {
        self.depth <= DEPTH_BROKEN
    }
}

fn separate<W: io::Write + ?Sized>(to: &mut W, is_first: bool) -> io::Result<()> {
    if is_first { Ok(()) } else { to.write_all(b", ") }
}

impl Formatter for Rows {
    fn begin_array<W: io::Write + ?Sized>(&mut self, to: &mut W) -> io::Result<()> {
        self.depth += 1;
        if self.is_broken() { self.broken.begin_array(to) } else { to.write_all(b"[") }
    }

    fn end_array<W: io::Write + ?Sized>(&mut self, to: &mut W) -> io::Result<()> {
        let is_broken = self.is_broken();
        self.depth -= 1;
        if is_broken { self.broken.end_array(to) } else { to.write_all(b"]") }
    }

    fn begin_array_value<W: io::Write + ?Sized>(&mut self, to: &mut W, is_first: bool) -> io::Result<()> {
        if self.is_broken() { self.broken.begin_array_value(to, is_first) } else { separate(to, is_first) }
    }

    fn end_array_value<W: io::Write + ?Sized>(&mut self, to: &mut W) -> io::Result<()> {
        if self.is_broken() { self.broken.end_array_value(to) } else { Ok(()) }
    }

    fn begin_object<W: io::Write + ?Sized>(&mut self, to: &mut W) -> io::Result<()> {
        self.depth += 1;
        if self.is_broken() { self.broken.begin_object(to) } else { to.write_all(b"{") }
    }

    fn end_object<W: io::Write + ?Sized>(&mut self, to: &mut W) -> io::Result<()> {
        let is_broken = self.is_broken();
        self.depth -= 1;
        if is_broken { self.broken.end_object(to) } else { to.write_all(b"}") }
    }

    fn begin_object_key<W: io::Write + ?Sized>(&mut self, to: &mut W, is_first: bool) -> io::Result<()> {
        if self.is_broken() { self.broken.begin_object_key(to, is_first) } else { separate(to, is_first) }
    }

    fn begin_object_value<W: io::Write + ?Sized>(&mut self, to: &mut W) -> io::Result<()> {
        to.write_all(b": ")
    }

    fn end_object_value<W: io::Write + ?Sized>(&mut self, to: &mut W) -> io::Result<()> {
        if self.is_broken() { self.broken.end_object_value(to) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use crate::report::json;
    use serde_json::{Value, json};

    #[test]
    fn items_of_a_list_are_lines() {
        let record =
            json!({"a": 1, "counts": {"x": 1, "y": []}, "none": {}, "rows": [{"b": [1, 2], "c": {"d": "e"}}, {"b": []}]});
        let text = json(&record);
        let expected = [
            "{",
            "  \"a\": 1,",
            "  \"counts\": {",
            "    \"x\": 1,",
            "    \"y\": []",
            "  },",
            "  \"none\": {},",
            "  \"rows\": [",
            "    {\"b\": [1, 2], \"c\": {\"d\": \"e\"}},",
            "    {\"b\": []}",
            "  ]",
            "}",
        ];
        assert_eq!(text.lines().collect::<Vec<_>>(), expected);
        assert_eq!(serde_json::from_str::<Value>(&text).expect("it is JSON"), record);
    }
}

//! What a guest may import: one interface, one file. Nothing else is linked, and an upload that imports anything else is
//! refused before it comes here.

pub(crate) mod account;
pub(crate) mod chart;
pub(crate) mod events;
pub(crate) mod log;
pub(crate) mod market;
pub(crate) mod state;
pub(crate) mod status;
pub(crate) mod wasi;

use crate::guest::Guest;
use wasmtime::Engine;
use wasmtime::component::Linker;

/// A linker with every import.
pub(crate) fn linker(engine: &Engine) -> wasmtime::Result<Linker<Guest>> {
    let mut linker = Linker::new(engine);
    log::add_to_linker(&mut linker)?;
    status::add_to_linker(&mut linker)?;
    state::add_to_linker(&mut linker)?;
    market::add_to_linker(&mut linker)?;
    account::add_to_linker(&mut linker)?;
    chart::add_to_linker(&mut linker)?;
    events::add_to_linker(&mut linker)?;
    wasi::add_to_linker(&mut linker)?;
    Ok(linker)
}

/// A text without what could move a terminal's cursor or forge a line: control characters are escaped. Cut at a limit.
pub(crate) fn printable(text: &str, bytes_max: usize) -> String {
    let mut printable = String::with_capacity(text.len().min(bytes_max));
    for character in text.chars() {
        let escaped = printable.len();
        if character.is_control() || is_reordering(character) {
            printable.extend(character.escape_default());
        } else {
            printable.push(character);
        }
        if printable.len() > bytes_max {
            printable.truncate(escaped);
            break;
        }
    }
    printable
}

/// Characters that turn the direction of what follows, so that a line reads as another.
const fn is_reordering(character: char) -> bool {
    matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2028}' | '\u{2029}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_escaped_and_long_texts_cut_between_characters() {
        assert_eq!(printable("a\nb\u{1b}[2J\0é", 100), "a\\nb\\u{1b}[2J\\u{0}é");
        assert_eq!(printable("\u{202e}abc", 100), "\\u{202e}abc");
        assert_eq!(printable("éé", 3), "é");
        assert_eq!(printable("a\n", 2), "a");
        assert_eq!(printable("abc", 0), "");
    }
}

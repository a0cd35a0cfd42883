//! Writes what would take over a terminal or forge lines of a log, if it were printed as it is.

/// Colours, a cleared screen, a new window title, a forged line, an overwritten line, reversed text, a bell, NUL and DEL.
const LINES: [&str; 8] = [
    "\u{1b}[31mred\u{1b}[0m",
    "\u{1b}[2J\u{1b}[H",
    "\u{1b}]0;title\u{7}",
    "honest\n2024-01-01T00:00:00Z ERROR engine: forged",
    "visible\rhidden",
    "\u{202e}desrever\u{2066}\u{200f}",
    "\u{9b}31m\u{85}\u{2028}",
    "\u{0}\u{7}\u{8}\u{7f}",
];

hostile::on_candle!("ansi-log", |_event, intents| {
    for line in LINES {
        calypte_strategy::log::write(calypte_strategy::Level::Info, line);
        calypte_strategy::status::text(line);
        calypte_strategy::chart::mark(line);
        intents.notify(calypte_strategy::Urgency::Alert, line);
    }
});

//! What strategies said, as sections of the page: what they told the trader, and their log. All of it is a guest's text.

use super::html::escape;
use super::record::RunRecord;
use std::fmt::Write;

/// One line: when, who, how loud, what.
type Line<'a> = [&'a str; 4];

/// Both sections; what nobody filled is left out.
pub(super) fn sections(report: &RunRecord) -> String {
    let notifications = report.notifications.iter().map(|it| [it.time.as_str(), &it.strategy, it.urgency, &it.text]);
    let log = report.log.iter().map(|it| [it.time.as_str(), &it.strategy, it.level, &it.text]);
    let mut text = section("Notifications", notifications, report.notifications_left_out);
    text.push_str(&section("Log", log, report.log_left_out));
    text
}

/// The log's lines that were left out are those between its first and its last ones, or past a limit.
fn section<'a>(title: &str, lines: impl ExactSizeIterator<Item = Line<'a>>, left_out: u64) -> String {
    if lines.len() == 0 && left_out == 0 {
        return String::new();
    }
    let shown = lines.len();
    let rows = lines.fold(String::new(), |mut rows, [time, strategy, level, text]| {
        let (time, strategy, text) = (escape(time), escape(strategy), escape(text));
        writeln!(rows, "<tr class=\"{level}\"><th>{time}</th><td>{strategy}</td><td>{level}</td><td>{text}</td></tr>")
            .expect("text grows");
        rows
    });
    let note = if left_out == 0 { String::new() } else { format!("<p class=\"note\">{left_out} more are left out.</p>\n") };
    format!(
        "<details class=\"said\">\n<summary>{title} ({shown})</summary>\n{note}<div><table>\n{rows}</table></div>\n</details>\n"
    )
}

//! Logs: lines with fields, to standard error, set up once by the program.
//!
//! `CALYPTE_LOG` says what is logged: a level such as `debug`, or levels by module, such as `info,calypte::bus=debug`. Commands
//! that are no service log nothing unless it is set. What is secret has a type that does not show itself, so that no log holds
//! one.
//!
//! A remark for people, such as what a command found odd, is written between the lines of a log for people. In a log for
//! programs it is a line as all others are, whatever is logged beside it.

use crate::report::escape_terminal;
use std::error::Error;
use std::io::Write;
use std::sync::OnceLock;
use tracing::Subscriber;
use tracing_subscriber::filter::ParseError;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::{EnvFilter, Layer as _, Registry, fmt, layer::SubscriberExt as _};

/// Remarks, among what is logged.
const REMARKS: &str = "calypte::remark";
/// How remarks are written; unset: for people.
static FORMAT: OnceLock<LogFormat> = OnceLock::new();

/// Says what is logged.
pub const LOG_VARIABLE: &str = "CALYPTE_LOG";

/// An error with its causes, in one line, as a log says it.
#[derive(Debug, Clone, Copy)]
pub struct Causes<'a>(pub &'a (dyn Error + 'a));

impl std::fmt::Display for Causes<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}", self.0)?;
        let mut error = self.0.source();
        while let Some(cause) = error {
            write!(formatter, ": {cause}")?;
            error = cause.source();
        }
        Ok(())
    }
}

/// How a line of the log is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line, for programs.
    Json,
}

/// What is logged where the environment does not say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogLevel {
    /// Nothing: the command's own output is all there is.
    Off,
    /// What a service does.
    Info,
}

/// Why there are no logs.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The variable says nonsense.
    #[error("{LOG_VARIABLE} is not a level such as info, or levels by module such as info,calypte::bus=debug")]
    Filter(#[source] ParseError),
    /// They have been set up before.
    #[error("logs are set up already")]
    Twice,
}

/// Sets logs up for the whole process.
///
/// # Errors
/// Where the variable says nonsense, or it has been done before.
pub fn start(format: LogFormat, otherwise: LogLevel) -> Result<(), LogError> {
    let said = std::env::var(LOG_VARIABLE).ok().filter(|text| !text.is_empty());
    let said = match (said, otherwise) {
        (None, LogLevel::Off) if format == LogFormat::Text => return Ok(()),
        (None, LogLevel::Off) => Some("off".to_owned()),
        (said, _) => said,
    };
    let filter = filter(format, said.as_deref())?;
    tracing::subscriber::set_global_default(subscriber(format, filter, std::io::stderr)).map_err(|_| LogError::Twice)?;
    // The subscriber could be set, so that nobody was here before.
    FORMAT.get_or_init(|| format);
    Ok(())
}

/// Says something that is no result, to whoever watches.
pub fn remark(words: &str) {
    match FORMAT.get() {
        Some(LogFormat::Json) => tracing::info!(target: REMARKS, "{words}"),
        _ => say(words),
    }
}

/// Says what went wrong in the end.
pub fn failure(words: &str) {
    match FORMAT.get() {
        Some(LogFormat::Json) => tracing::error!(target: REMARKS, "{words}"),
        _ => say(words),
    }
}

fn say(words: &str) {
    // Whoever closed standard error wants no remarks.
    drop(writeln!(std::io::stderr().lock(), "{}", escape_terminal(words)));
}

/// Whether standard error is for programs.
pub fn is_for_programs() -> bool {
    FORMAT.get() == Some(&LogFormat::Json)
}

fn filter(format: LogFormat, said: Option<&str>) -> Result<EnvFilter, LogError> {
    // Of others, what goes wrong; each of their statements and frames is nobody's news.
    let filter = EnvFilter::try_new(said.unwrap_or("warn,calypte=info")).map_err(LogError::Filter)?;
    let remarks = (format == LogFormat::Json).then(|| format!("{REMARKS}=info").parse().expect("it is a target and a level"));
    Ok(remarks.into_iter().fold(filter, EnvFilter::add_directive))
}

fn subscriber<W>(format: LogFormat, filter: EnvFilter, writer: W) -> Box<dyn Subscriber + Send + Sync>
where
    W: for<'a> MakeWriter<'a, Writer: Write> + Send + Sync + 'static,
{
    // A log that takes nothing, on a disk that is full, is no reason to stop: told on standard error it would end the task that logs.
    let layer = fmt::layer().with_writer(writer).log_internal_errors(false);
    match format {
        LogFormat::Text => Box::new(Registry::default().with(layer.with_filter(filter))),
        LogFormat::Json => Box::new(Registry::default().with(layer.json().flatten_event(true).with_filter(filter))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Database, Environment, SecretText, WebhookUrl};
    use std::sync::{Arc, Mutex, PoisonError};

    /// A log in memory.
    #[derive(Debug, Clone, Default)]
    struct Held(Arc<Mutex<Vec<u8>>>);

    impl Write for Held {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn logged(format: LogFormat, said: Option<&str>, log: impl FnOnce()) -> String {
        let held = Held::default();
        let writer = held.clone();
        let subscriber = subscriber(format, filter(format, said).expect("a filter"), move || writer.clone());
        tracing::subscriber::with_default(subscriber, log);
        String::from_utf8(held.0.lock().unwrap_or_else(PoisonError::into_inner).clone()).expect("it is text")
    }

    #[test]
    fn a_line_of_json_has_its_fields() {
        let line = logged(LogFormat::Json, None, || tracing::info!(stream = "md.BTC.1m", entries = 3, "published"));
        let record: serde_json::Value = serde_json::from_str(&line).expect("one object");
        for (field, value) in [("level", "INFO"), ("message", "published"), ("stream", "md.BTC.1m")] {
            assert_eq!(record[field], value, "{line}");
        }
        assert_eq!(record["entries"], 3);
        assert!(record["timestamp"].is_string() && record["target"].is_string());
    }

    #[test]
    fn the_level_is_what_was_said() {
        let talk = || {
            tracing::debug!("a detail");
            tracing::info!("news");
            tracing::info!(target: "sqlx", "a statement");
            tracing::error!(target: "sqlx", "broken");
        };
        let usual = logged(LogFormat::Text, None, talk);
        assert!(usual.contains("news") && usual.contains("broken"), "{usual}");
        assert!(!usual.contains("a detail") && !usual.contains("a statement"), "{usual}");
        assert!(logged(LogFormat::Text, Some("debug"), talk).contains("a detail"));
        assert_eq!(logged(LogFormat::Text, Some("off"), talk), "");
        assert!(matches!(filter(LogFormat::Text, Some("calypte=loud")), Err(LogError::Filter(_))));
    }

    #[test]
    fn remarks_for_programs_are_lines_whatever_is_logged() {
        for said in [None, Some("off"), Some("error,calypte=error")] {
            let line = logged(LogFormat::Json, said, || tracing::info!(target: REMARKS, "two\nlines"));
            let record: serde_json::Value = serde_json::from_str(&line).expect("one object");
            assert_eq!((&record["message"], &record["target"]), (&"two\nlines".into(), &REMARKS.into()), "{line}");
        }
    }

    #[test]
    fn a_secret_is_in_no_line() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("secret");
        std::fs::write(&file, "s3cret").expect("it is written");
        let held = SecretText::read(&file).expect("it is there");
        let database: Database = "postgres://me:s3cret@db/x".parse().expect("an address");
        let webhook: WebhookUrl = "https://hooks.example/s3cret".parse().expect("an address");
        let bus: crate::bus::BusUrl = "redis://:s3cret@bus:1".parse().expect("an address");
        let environment: Environment = [("CALYPTE_KEY".to_owned(), "s3cret".to_owned())].into_iter().collect();
        for format in [LogFormat::Text, LogFormat::Json] {
            let line = logged(format, Some("trace"), || {
                tracing::info!(?held, ?database, %webhook, ?environment, ?bus, "started with {database} {webhook} {bus}");
            });
            assert!(line.contains("hooks.example") && !line.contains("s3cret"), "{line}");
        }
    }

    #[test]
    fn an_error_is_said_with_its_causes() {
        let error =
            anyhow::Error::new(std::io::Error::other("refused")).context("asking the server").context("reading a stream");
        assert_eq!(Causes(error.as_ref()).to_string(), "reading a stream: asking the server: refused");
        assert_eq!(Causes(&std::io::Error::other("refused")).to_string(), "refused");
    }

    #[test]
    fn a_hostile_text_stays_in_its_line() {
        let line = logged(LogFormat::Text, None, || tracing::info!(text = "a\n\u{1b}[2JFAKE", "heard"));
        assert_eq!(line.lines().count(), 1, "{line:?}");
        assert!(!line.contains('\u{1b}'), "{line:?}");
    }
}

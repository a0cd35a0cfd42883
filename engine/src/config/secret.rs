//! Secrets: where they may stand, how they are read, and how they are not shown.

use super::Environment;
use calypte_venues::hyperliquid::sign::{NotAKey, SecretKey};
use calypte_venues::net::Endpoint;
use std::fmt;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use zeroize::Zeroizing;

/// Largest file that holds a secret.
pub const SECRET_FILE_BYTES_MAX: u64 = 4 << 10;
/// Longest address of a webhook.
const WEBHOOK_BYTES_MAX: usize = 2 << 10;
/// Letters of a key, as hexadecimal digits.
const KEY_DIGITS: usize = 64;

/// What a file of a secret held.
pub struct SecretText {
    /// Without the line end.
    text: Zeroizing<String>,
    /// Whether others than its owner may read the file.
    pub is_exposed: bool,
}

/// Why a file of a secret cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SecretFileError {
    /// It cannot be read.
    #[error("{path:?} cannot be read: {cause}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        cause: std::io::Error,
    },
    /// It is too long for one.
    #[error("{path:?} is longer than {SECRET_FILE_BYTES_MAX} bytes: it holds one line, the secret")]
    TooLong {
        /// The file.
        path: PathBuf,
    },
    /// There is nothing in it.
    #[error("{path:?} is empty: it holds one line, the secret")]
    Empty {
        /// The file.
        path: PathBuf,
    },
}

impl SecretText {
    /// Reads a file that holds one secret.
    ///
    /// # Errors
    /// Where it cannot be read, or is empty or too long for one.
    pub fn read(path: &Path) -> Result<Self, SecretFileError> {
        use std::os::unix::fs::PermissionsExt as _;
        let unreadable = |cause| SecretFileError::Unreadable { path: path.to_owned(), cause };
        let file = File::open(path).map_err(unreadable)?;
        let is_exposed = file.metadata().map_err(unreadable)?.permissions().mode() & 0o077 != 0;
        let mut held = Zeroizing::new(String::new());
        file.take(SECRET_FILE_BYTES_MAX + 1).read_to_string(&mut held).map_err(unreadable)?;
        if held.len() as u64 > SECRET_FILE_BYTES_MAX {
            return Err(SecretFileError::TooLong { path: path.to_owned() });
        }
        let text = Zeroizing::new(held.trim().to_owned());
        if text.is_empty() {
            return Err(SecretFileError::Empty { path: path.to_owned() });
        }
        Ok(Self { text, is_exposed })
    }

    /// The secret.
    pub fn text(&self) -> &str {
        &self.text
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SecretText(not shown)")
    }
}

/// Whether a text has the looks of a secret: a key, or an address with a password.
pub(super) fn looks_secret(text: &str) -> bool {
    let text = text.trim();
    let digits = text.strip_prefix("0x").unwrap_or(text);
    let is_key = digits.len() == KEY_DIGITS && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_key || has_password(text)
}

/// Whether an address has a password in it.
fn has_password(address: &str) -> bool {
    let Some((_, rest)) = address.split_once("://") else { return false };
    let (authority, query) = rest.split_once(['/', '?']).unwrap_or((rest, ""));
    let in_authority = authority.rsplit_once('@').is_some_and(|(user, _)| user.contains(':'));
    in_authority || query.split(['&', '?']).any(|part| part.starts_with("password=") || part.starts_with("pass="))
}

/// Where the key of a live account is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeySource {
    /// In a file.
    File(PathBuf),
    /// In the environment, under this name.
    Variable(String),
}

/// Why there is no key to sign with.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// Its file cannot be used.
    #[error(transparent)]
    File(#[from] SecretFileError),
    /// There is no such variable.
    #[error("variable {0} is not set")]
    NoVariable(String),
    /// What is there is no key.
    #[error(transparent)]
    NotAKey(#[from] NotAKey),
}

impl KeySource {
    /// Reads the key, and says whether others than its owner may read it.
    ///
    /// # Errors
    /// Where there is none.
    pub fn read(&self, environment: &Environment) -> Result<(SecretKey, bool), KeyError> {
        match self {
            Self::File(path) => {
                let held = SecretText::read(path)?;
                Ok((SecretKey::read(held.text())?, held.is_exposed))
            }
            Self::Variable(name) => {
                let text = environment.get(name).ok_or_else(|| KeyError::NoVariable(name.clone()))?;
                Ok((SecretKey::read(text)?, false))
            }
        }
    }
}

impl fmt::Display for KeySource {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(formatter, "{}", path.display()),
            Self::Variable(name) => write!(formatter, "variable {name}"),
        }
    }
}

/// Where the recorder writes.
#[derive(Clone)]
pub enum Database {
    /// A file of SQLite's.
    Sqlite(PathBuf),
    /// A server.
    Postgres(PostgresUrl),
}

/// The address of a PostgreSQL server, with its password. It shows itself without.
#[derive(Clone)]
pub struct PostgresUrl(Zeroizing<String>);

/// A text that names no database.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotADatabase {
    /// It begins as neither does.
    #[error("this is no database: write sqlite:FILE, or postgres://USER@HOST/NAME")]
    Scheme,
    /// SQLite wants a file and nothing more.
    #[error("this names no file: write sqlite:FILE, without anything behind it")]
    NoFile,
    /// A server's address that cannot be read.
    #[error("this is no address of a server: write postgres://USER@HOST:PORT/NAME")]
    Address,
}

impl FromStr for Database {
    type Err = NotADatabase;

    fn from_str(text: &str) -> Result<Self, NotADatabase> {
        if let Some(file) = text.strip_prefix("sqlite:") {
            let file = file.strip_prefix("//").unwrap_or(file);
            if file.is_empty() || file.starts_with(':') || file.contains('?') {
                return Err(NotADatabase::NoFile);
            }
            return Ok(Self::Sqlite(PathBuf::from(file)));
        }
        if !text.starts_with("postgres://") && !text.starts_with("postgresql://") {
            return Err(NotADatabase::Scheme);
        }
        // The client's own words may repeat the address.
        text.parse::<sqlx::postgres::PgConnectOptions>().map_err(|_| NotADatabase::Address)?;
        Ok(Self::Postgres(PostgresUrl(Zeroizing::new(text.to_owned()))))
    }
}

impl PostgresUrl {
    /// As it was written, with the password: for the client alone.
    pub fn secret(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PostgresUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rest = self.0.split_once("://").map_or("", |(_, rest)| rest);
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
        let cut = |text: &str| text.split('?').next().unwrap_or_default().to_owned();
        write!(formatter, "postgres://{}/{}", cut(host), cut(path))
    }
}

impl fmt::Display for Database {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(file) => write!(formatter, "sqlite:{}", file.display()),
            Self::Postgres(url) => url.fmt(formatter),
        }
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl fmt::Debug for PostgresUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

/// The address that is told of what went wrong. Who knows its path may write there: it shows its host alone.
#[derive(Clone)]
pub struct WebhookUrl {
    endpoint: Endpoint,
    path: Zeroizing<String>,
}

/// A text that is no address of a webhook. It does not say which text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is no address of a webhook: write https:// and host and path; http:// only on this machine's loopback")]
pub struct NotAWebhook;

impl FromStr for WebhookUrl {
    type Err = NotAWebhook;

    fn from_str(text: &str) -> Result<Self, NotAWebhook> {
        let (scheme, rest) = text.split_once("://").ok_or(NotAWebhook)?;
        let split = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(split);
        let is_plain = path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#' && byte != b'"');
        if text.len() > WEBHOOK_BYTES_MAX || !is_plain || (scheme != "https" && !(scheme == "http" && is_loopback(authority))) {
            return Err(NotAWebhook);
        }
        let endpoint = format!("{scheme}://{authority}").parse().map_err(|_| NotAWebhook)?;
        let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
        path.parse::<hyper::Uri>().map_err(|_| NotAWebhook)?;
        Ok(Self { endpoint, path: Zeroizing::new(path) })
    }
}

/// Whether host and port are of this machine's loopback.
fn is_loopback(authority: &str) -> bool {
    let address = authority.parse::<std::net::SocketAddr>().map(|address| address.ip());
    address.or_else(|_| authority.parse()).is_ok_and(|ip| ip.is_loopback())
}

impl WebhookUrl {
    /// Scheme, host and port.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Path and query: for the request alone.
    pub fn secret_path(&self) -> &str {
        &self.path
    }
}

impl fmt::Display for WebhookUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.endpoint.fmt(formatter)
    }
}

impl fmt::Debug for WebhookUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.endpoint, formatter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn a_secret_is_known_by_its_looks() {
        let key = "a".repeat(64);
        for text in [key.as_str(), &format!("0x{key}"), "redis://:pw@h", "redis://u:pw@h:1/2", "postgres://h/d?password=x"] {
            assert!(looks_secret(text), "{text}");
        }
        for text in
            ["", "redis://h:6379", "rediss://user@h", "postgres://u@h:5432/d", "0xabc", "sqlite:a:b@c", "http://[::1]:80"]
        {
            assert!(!looks_secret(text), "{text}");
        }
    }

    #[test]
    fn a_file_of_a_secret_holds_one_line_and_tells_who_may_read_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("x.key");
        assert!(matches!(SecretText::read(&path), Err(SecretFileError::Unreadable { .. })));
        std::fs::write(&path, " \n").expect("it is written");
        assert!(matches!(SecretText::read(&path), Err(SecretFileError::Empty { .. })));
        std::fs::write(&path, "x".repeat(5_000)).expect("it is written");
        assert!(matches!(SecretText::read(&path), Err(SecretFileError::TooLong { .. })));
        std::fs::write(&path, "s3cret\n").expect("it is written");
        for (mode, is_exposed) in [(0o600, false), (0o640, true), (0o604, true), (0o400, false)] {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).expect("it is ours");
            let held = SecretText::read(&path).expect("it is there");
            assert_eq!((held.text(), held.is_exposed), ("s3cret", is_exposed), "{mode:o}");
            assert!(!format!("{held:?}").contains("s3cret"));
        }
    }

    #[test]
    fn databases_are_files_or_servers() {
        for (text, shown) in [
            ("sqlite:state/record.db", "sqlite:state/record.db"),
            ("sqlite:///var/x.db", "sqlite:/var/x.db"),
            ("postgres://me:s3cret@db.example:5432/calypte?sslmode=require", "postgres://db.example:5432/calypte"),
            ("postgresql://db.example/calypte?password=s3cret", "postgres://db.example/calypte"),
        ] {
            let database: Database = text.parse().expect(text);
            assert_eq!((database.to_string(), format!("{database:?}")), (shown.to_owned(), shown.to_owned()));
        }
        for text in ["", "x.db", "mysql://h/d", "sqlite:", "sqlite::memory:", "sqlite:x?mode=ro", "postgres://h:port/d"] {
            assert!(text.parse::<Database>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_webhook_shows_its_host_alone() {
        let webhook: WebhookUrl = "https://hooks.example/services/s3cret?x=1".parse().expect("an address");
        assert_eq!(format!("{webhook} {webhook:?}"), "https://hooks.example https://hooks.example");
        assert_eq!(webhook.secret_path(), "/services/s3cret?x=1");
        let local: WebhookUrl = "http://127.0.0.1:8080".parse().expect("an address");
        assert_eq!((local.endpoint().authority().as_str(), local.secret_path()), ("127.0.0.1:8080", "/"));
        let long = format!("https://h/{}", "x".repeat(3_000));
        for text in
            ["", "hooks.example/x", "http://hooks.example/x", "https://h/a b", "https://h/\r\nX: y", "https://u:p@h/", &long]
        {
            assert!(text.parse::<WebhookUrl>().is_err(), "{text}");
        }
    }
}

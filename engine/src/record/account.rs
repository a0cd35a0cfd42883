//! The name of an account in the database.

use std::fmt;
use std::str::FromStr;

/// Longest name of an account, in bytes.
pub const ACCOUNT_NAME_BYTES_MAX: usize = 100;

/// What an account is called in the database: letters, digits, and `-`, `_`, `.`, `:`, `@`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct AccountName(String);

/// A text that names no account.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no name of an account: use at most {ACCOUNT_NAME_BYTES_MAX} letters, digits, and any of - _ . : @, such as \
     paper-1"
)]
pub struct NotAnAccount(String);

impl AccountName {
    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for AccountName {
    type Err = NotAnAccount;

    fn from_str(text: &str) -> Result<Self, NotAnAccount> {
        let is_fit = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:@".contains(&byte);
        if text.is_empty() || text.len() > ACCOUNT_NAME_BYTES_MAX || !text.bytes().all(is_fit) {
            return Err(NotAnAccount(text.chars().take(ACCOUNT_NAME_BYTES_MAX).collect()));
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for AccountName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_plain() {
        let long = "x".repeat(ACCOUNT_NAME_BYTES_MAX);
        for name in ["paper", "0x14791697260e4c9a71f18484c9f997b308e59325", "desk-2_a.b:c@d", &long] {
            assert_eq!(name.parse::<AccountName>().map(|name| name.to_string()), Ok(name.to_owned()));
        }
        let longer = format!("{long}x");
        for name in ["", "a b", "a'b", "ä", "a\n", "a/b", &longer] {
            assert!(name.parse::<AccountName>().is_err(), "{name:?}");
        }
    }
}

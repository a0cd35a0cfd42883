//! The variables that the engine reads, as values, so that a test hands in its own.

use std::collections::BTreeMap;
use std::fmt;

/// What all of ours begin with.
const PREFIX: &str = "CALYPTE_";

/// Variables of the environment. An empty one counts as none. Some hold secrets: it shows names alone.
#[derive(Clone, Default)]
pub struct Environment(BTreeMap<String, String>);

impl Environment {
    /// Those of this process.
    pub fn of_process() -> Self {
        let ours = std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value)));
        // What is not UTF-8 is no value of ours, and is told where it is read.
        ours.filter(|(name, _)| name.starts_with(PREFIX)).map(|(name, value)| (name, value.to_string_lossy().into())).collect()
    }

    /// The value of a variable.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }
}

impl FromIterator<(String, String)> for Environment {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(variables: I) -> Self {
        Self(variables.into_iter().filter(|(_, value)| !value.is_empty()).collect())
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_set().entries(self.0.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_shows_names_alone() {
        let variables = [("CALYPTE_KEY_ALICE".to_owned(), "s3cret".to_owned()), ("CALYPTE_X".to_owned(), String::new())];
        let environment: Environment = variables.into_iter().collect();
        assert_eq!(format!("{environment:?}"), "{\"CALYPTE_KEY_ALICE\"}");
        assert_eq!((environment.get("CALYPTE_KEY_ALICE"), environment.get("CALYPTE_X")), (Some("s3cret"), None));
    }
}

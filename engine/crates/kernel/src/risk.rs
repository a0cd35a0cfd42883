//! The risk gate: the only way from an intent to a venue.

/// Something that passed every check. Only the risk gate makes one, and a venue takes nothing else, so an unreviewed order
/// cannot reach it.
#[derive(Debug, PartialEq, Eq)]
pub struct Approved<T>(T);

impl<T> Approved<T> {
    /// What was approved.
    pub fn get(&self) -> &T {
        &self.0
    }

    /// What was approved, to be sent.
    pub fn into_inner(self) -> T {
        self.0
    }
}

//! Errors of what goes on after them.

use crate::values::error::Error;

/// Errors that are kept in full; more are only counted.
const KEPT: usize = 1000;

#[derive(Debug, Default)]
pub(crate) struct Errors {
    pub(crate) first: Vec<Error>,
    pub(crate) count: u64,
}

impl Errors {
    pub(crate) fn add(&mut self, error: Error) {
        self.count += 1;
        if self.first.len() < KEPT {
            self.first.push(error);
        }
    }
    /// The first one, with the others in it.
    pub(crate) fn into_error(self) -> Option<Error> {
        let mut errors = self.first.into_iter();
        let first = errors.next()?;
        Some(first.with_others(errors.collect(), self.count))
    }
}

//! Names that callers choose as label values: bounded, whatever they write.

use std::collections::HashMap;
use std::fmt::Debug;
use std::sync::{Arc, PoisonError, RwLock};

/// The label of every name of a wildcard beyond the first hundred.
pub const OTHER: &str = "_other";
/// The label of names that were refused because they are not configured.
pub const UNKNOWN: &str = "_unknown";
/// How many names of a wildcard get a label of their own.
const LIMIT: usize = 100;

/// The series of each name, made once.
#[derive(Debug)]
pub(super) struct Bounded<T>(RwLock<HashMap<Box<str>, Arc<T>>>);

impl<T> Default for Bounded<T> {
    fn default() -> Self {
        Self(RwLock::default())
    }
}

impl<T: Debug> Bounded<T> {
    /// The series of `name`, made by `make` from the label: the name itself when `configured` or among the first
    /// hundred, else `_other`.
    pub(super) fn get(&self, name: &str, configured: bool, make: impl FnOnce(&str) -> T) -> Arc<T> {
        // A std lock: held for a look-up, never over an await; the write side only when a name is new.
        if let Some(found) = self.0.read().unwrap_or_else(PoisonError::into_inner).get(name) {
            return Arc::clone(found);
        }
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let label = if configured || known.len() < LIMIT { name } else { OTHER };
        Arc::clone(known.entry(label.into()).or_insert_with(|| Arc::new(make(label))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hundred_and_first_name_is_other() {
        let labels = Bounded::default();
        let label_of = |name: &str, configured| labels.get(name, configured, str::to_owned).as_str().to_owned();
        for index in 0..LIMIT {
            assert_eq!(label_of(&index.to_string(), false), index.to_string());
        }
        assert_eq!(label_of("late", false), OTHER);
        assert_eq!(label_of("late", true), "late");
        assert_eq!(label_of("7", false), "7");
    }
}

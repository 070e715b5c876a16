//! Names that callers choose as label values: bounded, whatever they write.

use std::collections::HashMap;
use std::fmt::Debug;
use std::sync::{Arc, PoisonError, RwLock};

/// The label of every name of a wildcard beyond the first hundred.
pub(super) const OTHER: &str = "_other";
/// The label of names that were refused because they are not configured.
pub(super) const UNKNOWN: &str = "_unknown";
/// How many names of a wildcard get a label of their own.
const LIMIT: usize = 100;

/// The series of each name, made once.
#[derive(Debug)]
pub(super) struct Bounded<T>(RwLock<Known<T>>);

#[derive(Debug)]
struct Known<T> {
    by_name: HashMap<Box<str>, Arc<T>>,
    /// How many of them came from callers.
    unconfigured: usize,
}

impl<T> Default for Bounded<T> {
    fn default() -> Self {
        Self(RwLock::new(Known { by_name: HashMap::new(), unconfigured: 0 }))
    }
}

impl<T: Debug> Bounded<T> {
    /// The label of `name` as things are: asking takes none of the hundred places.
    pub(super) fn label<'a>(&self, name: &'a str) -> &'a str {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if known.by_name.contains_key(name) { name } else { OTHER }
    }

    /// The series of `name`, made by `make` from the label: the name itself when `configured` or among the first
    /// hundred of the others, else `_other`.
    pub(super) fn get(&self, name: &str, configured: bool, make: impl FnOnce(&str) -> T) -> Arc<T> {
        // A std lock: held for a look-up, never over an await; the write side only when a series is new.
        {
            let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
            let full = !configured && known.unconfigured >= LIMIT;
            let found = known.by_name.get(name).or_else(|| known.by_name.get(OTHER).filter(|_| full));
            if let Some(found) = found {
                return Arc::clone(found);
            }
        }
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let full = !configured && known.unconfigured >= LIMIT;
        let label = if full { OTHER } else { name };
        if !known.by_name.contains_key(label) && !configured && !full {
            known.unconfigured += 1;
        }
        Arc::clone(known.by_name.entry(label.into()).or_insert_with(|| Arc::new(make(label))))
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
        assert_eq!((labels.label("7"), labels.label("late")), ("7", OTHER));
        assert_eq!(label_of("late", true), "late");
        assert_eq!(label_of("7", false), "7");
        assert_eq!(label_of("later", false), OTHER);
    }
}

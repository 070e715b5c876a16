//! What the checks of one load have found, with the place that each setting came from.

use std::collections::BTreeMap;

use super::problem::{Location, Problem};
use super::values::Flaw;

/// Problems so far, and where each key was set.
#[derive(Debug)]
pub(super) struct Findings {
    pub(super) problems: Vec<Problem>,
    origins: BTreeMap<String, Location>,
    whole: Location,
}

impl Findings {
    /// Nothing yet; `whole` is the place for what was set nowhere.
    pub(super) fn new(whole: Location) -> Self {
        Self { problems: Vec::new(), origins: BTreeMap::new(), whole }
    }

    /// Without problems; keys are where they are here.
    pub(super) fn with_the_same_places(&self) -> Self {
        Self { problems: Vec::new(), origins: self.origins.clone(), whole: self.whole.clone() }
    }

    /// Notes that `key` was set at `location`; a later layer replaces an earlier one.
    pub(super) fn set(&mut self, key: String, location: Location) {
        self.origins.insert(key, location);
    }

    /// A problem with a key that is there, or with the nearest table around it.
    pub(super) fn add(&mut self, key: &str, flaw: Flaw) {
        let location = self.origin(key).clone();
        self.add_at(location, key, flaw);
    }

    /// A problem at a place.
    pub(super) fn add_at(&mut self, location: Location, key: &str, flaw: Flaw) {
        let key = (!key.is_empty()).then(|| key.to_owned());
        self.problems.push(Problem { location, key, detail: flaw.detail, hint: flaw.hint });
    }

    /// Where a key was set, or else the nearest table around it.
    pub(super) fn origin(&self, key: &str) -> &Location {
        let mut key = key;
        loop {
            if let Some(location) = self.origins.get(key) {
                return location;
            }
            match key.rfind(['.', '[']) {
                Some(end) => key = key.get(..end).unwrap_or_default(),
                None => return &self.whole,
            }
        }
    }

    /// Whether somebody set a key, in whatever layer.
    pub(super) fn is_set(&self, key: &str) -> bool {
        self.origins.contains_key(key)
    }

    /// The line of a key in the file, for "first at line N".
    pub(super) fn line(&self, key: &str) -> Option<usize> {
        self.origin(key).position().map(|position| position.line)
    }
}

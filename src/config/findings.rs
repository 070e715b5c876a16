//! What the checks of one load have found, with the place that each setting came from.

use std::collections::BTreeMap;

use super::problem::{Location, Problem};
use super::values::Flaw;

/// Problems so far, and where each key was set.
#[derive(Debug)]
pub(super) struct Findings {
    pub(super) problems: Vec<Problem>,
    /// What works and was noticed on the way.
    pub(super) warnings: Vec<Problem>,
    origins: BTreeMap<String, Location>,
    whole: Location,
}

impl Findings {
    /// Nothing yet; `whole` is the place for what was set nowhere.
    pub(super) fn new(whole: Location) -> Self {
        Self { problems: Vec::new(), warnings: Vec::new(), origins: BTreeMap::new(), whole }
    }

    /// Without problems; keys are where they are here.
    pub(super) fn with_the_same_places(&self) -> Self {
        let (origins, whole) = (self.origins.clone(), self.whole.clone());
        Self { problems: Vec::new(), warnings: Vec::new(), origins, whole }
    }

    /// Notes that `key` was set at `location`; a later layer replaces an earlier one.
    pub(super) fn set(&mut self, key: String, location: Location) {
        self.origins.insert(key, location);
    }

    /// As [`Findings::set`], by a variable that is not of ours: where the file sets the key, too, whoever reads it there is told.
    pub(super) fn set_above(&mut self, key: String, location: Location) {
        if let Some(below @ Location::File(..)) = self.origins.get(&key) {
            let detail = format!("has no effect here: {} is above it", location.source());
            let hint = Some("unset the variable, or remove the key".to_owned());
            self.warnings.push(Problem { location: below.clone(), key: Some(key.clone()), detail, hint });
        }
        self.set(key, location);
    }

    /// A problem with a key that is there, or with the nearest table around it.
    pub(super) fn add(&mut self, key: &str, flaw: Flaw) {
        let location = self.origin(key).clone();
        self.add_at(location, key, flaw);
    }

    /// What works and should be mended.
    pub(super) fn warn(&mut self, key: &str, flaw: Flaw) {
        let location = self.origin(key).clone();
        self.warnings.push(Problem { location, key: Some(key.to_owned()), detail: flaw.detail, hint: flaw.hint });
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

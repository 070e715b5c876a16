//! Who may call with which pair of keys.

use std::fmt;
use std::sync::Arc;

use crate::config::CallerTopics;
use crate::signature::Credentials;
use crate::upstream::Keys;

/// One pair that is good here, and for what.
#[derive(Clone)]
pub struct Caller {
    /// Its name in metrics and logs.
    pub name: Arc<str>,
    /// The pair; it may change while requests run.
    pub keys: Keys,
    /// What the pair is good for.
    pub topics: CallerTopics,
}

/// Every pair that is good here. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Callers(Arc<[Caller]>);

impl Callers {
    /// Takes the pairs over.
    ///
    /// # Errors
    /// The names of two callers with the same access key, which no request could tell apart.
    pub fn new(callers: Vec<Caller>) -> Result<Self, (Arc<str>, Arc<str>)> {
        let mut seen: Vec<&Caller> = Vec::with_capacity(callers.len());
        for caller in &callers {
            let access_key = &caller.keys.current().access_key;
            if let Some(first) = seen.iter().find(|first| first.keys.current().access_key == *access_key) {
                return Err((Arc::clone(&first.name), Arc::clone(&caller.name)));
            }
            seen.push(caller);
        }
        Ok(Self(callers.into()))
    }

    /// The embedded endpoint's own pair alone, good for every topic.
    #[must_use]
    pub fn embedded(credentials: &Credentials) -> Self {
        let keys = Keys::new(credentials, None);
        Self(Arc::new([Caller { name: "embedded".into(), keys, topics: CallerTopics::Any }]))
    }

    /// The caller with this access key; none where a rotation gave two callers the same. An access key is no secret:
    /// comparing it need not take constant time.
    pub(in crate::http) fn find(&self, access_key: &str) -> Option<&Caller> {
        let mut found = self.0.iter().filter(|caller| caller.keys.current().access_key == access_key);
        found.next().filter(|_| found.next().is_none())
    }

    /// Every pair, to be watched for changes.
    pub fn keys(&self) -> impl Iterator<Item = Keys> {
        self.0.iter().map(|caller| caller.keys.clone())
    }

    /// Whether nobody may call.
    pub(in crate::http) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Caller").field("name", &self.name).field("topics", &self.topics).finish_non_exhaustive()
    }
}

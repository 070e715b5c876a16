//! Callers of the drop-in relay: each with a pair of keys of its own, so that no service holds the real one.

use serde_json::Value;

use crate::config::section::section;
use crate::config::values::{ANY, Kind, Setting, TABLE_NAME, TOPIC_OR_ANY};
use crate::model::Topic;

section! {
    /// A caller of the drop-in relay under a name of your choice, with `client_auth = "keys"` below `[dropin]`. It
    /// signs with a pair of its own (`mq-gateway issue-key` makes one); the pairs of the profiles stay with the gateway.
    pub struct CallerConfig at "callers.*" {
        /// Name of a table below `credentials`: the pair that it signs with. No other caller and no profile has it.
        credentials: String, Kind::Text(TABLE_NAME), required;
        /// The topics that it may use; `["*"]` is all that are configured.
        topics: CallerTopics, Kind::List { rule: TOPIC_OR_ANY, min: 1, names: Some("topic") }, required;
    } and {
        /// Its name in the configuration, in metrics and in logs.
        name: String,
    }
}

/// Which topics a caller may use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CallerTopics {
    /// `["*"]`: all that there are.
    Any,
    /// These.
    Named(Vec<Topic>),
}

impl CallerTopics {
    /// Whether this topic is one of them.
    #[must_use]
    pub fn has(&self, topic: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Named(topics) => topics.iter().any(|known| known.as_str() == topic),
        }
    }
}

impl Setting for CallerTopics {
    fn read(value: &Value) -> Option<Self> {
        if value.as_array()?.iter().any(|topic| topic == ANY) {
            Some(Self::Any)
        } else {
            Vec::read(value).map(Self::Named)
        }
    }
}

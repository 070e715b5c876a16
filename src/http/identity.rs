//! Who calls the drop-in relay, and which topics they may use.

use super::callers::Caller;
use super::context::HttpContext;
use crate::config::ClientAuth;
use crate::gateway::{GatewayError, GroupRoute, TopicRoute};

/// Who calls, as far as it was checked.
#[derive(Debug, Clone, Copy)]
pub(super) enum Identity<'a> {
    /// Everybody may call.
    Anyone,
    /// This pair signed.
    Caller(&'a Caller),
}

/// The caller in metrics when everybody may call.
const ANYONE: &str = "_anyone";
/// The caller in metrics when it is not known.
const UNKNOWN: &str = "_unknown";

/// Why a caller may not use a topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Denied {
    /// The pair is good for other topics only.
    OtherTopics,
    /// The topic is not on the embedded endpoint, and the configuration does not say who may call.
    NoClientAuth,
    /// There is no such topic or group.
    Unknown(GatewayError),
}

impl<'a> Identity<'a> {
    /// The caller in metrics and log lines.
    pub(super) fn label(identity: Option<Self>) -> &'a str {
        match identity {
            None => UNKNOWN,
            Some(Self::Anyone) => ANYONE,
            Some(Self::Caller(caller)) => &caller.name,
        }
    }

    /// The topic that a caller may use. By its name first: no caller learns whether there are topics that are not theirs.
    fn topic(self, context: &HttpContext, name: &str) -> Result<TopicRoute, Denied> {
        if let Self::Caller(caller) = self
            && !caller.topics.has(name)
        {
            return Err(Denied::OtherTopics);
        }
        let route = context.gateway().topic(name).map_err(Denied::Unknown)?;
        match context.drop_in().client_auth {
            ClientAuth::EmbeddedOnly if !route.is_embedded() => Err(Denied::NoClientAuth),
            ClientAuth::EmbeddedOnly | ClientAuth::None | ClientAuth::Keys => Ok(route),
        }
    }

    /// As [`Identity::topic`], for a publish: a name that is not configured is counted.
    pub(super) fn topic_to_publish(self, context: &HttpContext, name: &str) -> Result<TopicRoute, Denied> {
        self.topic(context, name).inspect_err(|denied| {
            if *denied == Denied::Unknown(GatewayError::UnknownTopic) {
                context.metrics().messages.unknown_topic();
            }
        })
    }

    /// As [`Identity::topic`], with a consumer group of it.
    pub(super) fn group(self, context: &HttpContext, topic: &str, group: &str) -> Result<GroupRoute, Denied> {
        self.topic(context, topic)?.group(group).map_err(Denied::Unknown)
    }
}

//! What callers may know about the configured topics.

use std::time::Duration;

use super::routing::TopicSettings;
use super::{Gateway, GatewayError};
use crate::config::{Groups, TopicPattern};
use crate::model::Capabilities;

/// One topic as callers see it: no profile, no host, no key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicView {
    /// The name, or `*` for any legal name.
    pub name: String,
    /// Its groups, `["*"]` for any.
    pub groups: Vec<String>,
    /// Used when a publish names no tag.
    pub default_tag: Option<String>,
    /// Used when a publish names no key.
    pub default_key: Option<String>,
    /// `direct`.
    pub delivery: &'static str,
    /// Longest time for one publish.
    pub deadline: Duration,
    /// What its protocol can do.
    pub capabilities: Capabilities,
}

impl Gateway {
    /// Every configured topic, in the configuration's order.
    ///
    /// # Errors
    /// [`GatewayError::Internal`] only.
    pub fn topics(&self) -> Result<Vec<TopicView>, GatewayError> {
        let routes = &self.shared.routes;
        routes
            .order
            .iter()
            .map(|(pattern, settings)| {
                let name = match pattern {
                    TopicPattern::Any => "*",
                    TopicPattern::Named(name) => name.as_str(),
                };
                self.view(name, settings)
            })
            .collect()
    }

    /// One topic by its name; one that only a wildcard covers is there too.
    ///
    /// # Errors
    /// As [`Gateway::topic`].
    pub fn topic_view(&self, name: &str) -> Result<TopicView, GatewayError> {
        let route = self.topic(name)?;
        self.view(route.topic.as_str(), &route.settings)
    }

    fn view(&self, name: &str, settings: &TopicSettings) -> Result<TopicView, GatewayError> {
        let upstream =
            self.upstreams.get(settings.profile).ok_or(GatewayError::Internal("a route without its profile"))?;
        let groups = match &settings.groups {
            Groups::Any => vec!["*".to_owned()],
            Groups::Named(names) => names.iter().map(|name| name.as_str().to_owned()).collect(),
        };
        Ok(TopicView {
            name: name.to_owned(),
            groups,
            default_tag: settings.default_tag.as_ref().map(|tag| tag.as_str().to_owned()),
            default_key: settings.default_key.as_ref().map(|key| key.as_str().to_owned()),
            delivery: "direct",
            deadline: settings.deadline,
            capabilities: *upstream.capabilities(),
        })
    }
}

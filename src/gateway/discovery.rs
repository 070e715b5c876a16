//! What callers may know about the configured topics.

use super::routing::TopicSettings;
use super::{Gateway, GatewayError};
use crate::config::{Groups, TopicPattern};
use crate::model::{Capabilities, TagFilter};

/// One topic as callers see it: no profile, no host, no key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicView {
    /// The name, or `*` for any legal name.
    pub name: String,
    /// Its groups, `["*"]` for any.
    pub groups: Vec<String>,
    /// The groups that receive by tags of their own, and these.
    pub group_tags: Vec<(String, Vec<String>)>,
    /// `direct`.
    pub delivery: &'static str,
    /// What happens when the outcome of a publish is unknown.
    pub on_unknown: &'static str,
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
            Groups::Any { .. } => vec!["*".to_owned()],
            Groups::Named(names) => names.iter().map(|it| it.name.as_str().to_owned()).collect(),
        };
        let texts = |tags: &TagFilter| tags.tags().iter().map(|tag| tag.as_str().to_owned()).collect();
        let filters = groups.iter().zip(settings.groups.entries());
        let group_tags = filters.filter_map(|(group, (_, tags))| Some((group.clone(), texts(tags?)))).collect();
        Ok(TopicView {
            name: name.to_owned(),
            groups,
            group_tags,
            delivery: settings.delivery.as_str(),
            on_unknown: settings.on_unknown.as_str(),
            capabilities: *upstream.capabilities(),
        })
    }
}

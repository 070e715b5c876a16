//! The settings of a consumer group's client, and what the server's answer to them says of the group.

use std::time::Duration;

use super::limits::{MAX_RECEIVE, POLL_SECONDS};
use super::wire::{
    ClientType, FilterExpression, FilterType, Language, PublishingOrSubscription, Resource, RetryPolicy, Settings,
    Subscription, SubscriptionEntry, UserAgent,
};

/// What the server knows of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GroupSettings {
    /// It delivers in order.
    pub ordered: bool,
    /// How often it delivers a message before it is a dead letter. `None` where it does not know the group, which only the
    /// answer to [`asking_settings`] tells.
    pub max_attempts: Option<u32>,
}

/// No group has it: the server counts deliveries from a setting with room for one more.
const NO_GROUPS_ATTEMPTS: i32 = i32::MAX;

/// The settings of a client that only asks what the server knows of a group: a number that the server replaces by the group's own,
/// and gives back where it knows none.
#[must_use]
pub fn asking_settings(group: Resource, topic: Resource, request_timeout: Duration) -> Settings {
    let backoff_policy = Some(RetryPolicy { max_attempts: NO_GROUPS_ATTEMPTS });
    Settings { backoff_policy, ..consumer_settings(group, topic, request_timeout) }
}

/// The settings of a client that receives for a group. The filter of each receive counts, not the one in here.
#[must_use]
pub fn consumer_settings(group: Resource, topic: Resource, request_timeout: Duration) -> Settings {
    let expression = FilterExpression { r#type: FilterType::Tag.into(), expression: "*".to_owned() };
    let subscription = Subscription {
        group: Some(group),
        subscriptions: vec![SubscriptionEntry { topic: Some(topic), expression: Some(expression) }],
        fifo: Some(false),
        receive_batch_size: i32::try_from(MAX_RECEIVE).ok(),
        long_polling_timeout: Some(Duration::from_secs(POLL_SECONDS).into()),
    };
    Settings {
        client_type: Some(ClientType::SimpleConsumer.into()),
        access_point: None,
        backoff_policy: None,
        request_timeout: Some(request_timeout.into()),
        pub_sub: Some(PublishingOrSubscription::Subscription(subscription)),
        user_agent: Some(UserAgent {
            language: Language::Rust.into(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            platform: std::env::consts::OS.to_owned(),
            hostname: String::new(),
        }),
    }
}

/// What the server's answer to the settings says: it knows how the group was made, and has the last word.
#[must_use]
pub fn group_settings(answer: &Settings) -> GroupSettings {
    let ordered = matches!(&answer.pub_sub, Some(PublishingOrSubscription::Subscription(it)) if it.fifo == Some(true));
    let attempts = answer.backoff_policy.as_ref().map(|policy| policy.max_attempts);
    let attempts = attempts.filter(|attempts| *attempts != NO_GROUPS_ATTEMPTS);
    let max_attempts = attempts.and_then(|attempts| u32::try_from(attempts).ok()).filter(|attempts| *attempts > 0);
    GroupSettings { ordered, max_attempts }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_that_is_not_known_gives_back_what_was_asked_with() {
        let resource = |name: &str| Resource { resource_namespace: String::new(), name: name.to_owned() };
        let asked = asking_settings(resource("GID_a"), resource("orders"), Duration::from_secs(1));
        assert_eq!(group_settings(&asked), GroupSettings { ordered: false, max_attempts: None });
        let known = Settings { backoff_policy: Some(RetryPolicy { max_attempts: 17 }), ..asked.clone() };
        assert_eq!(group_settings(&known), GroupSettings { ordered: false, max_attempts: Some(17) });
        let Some(PublishingOrSubscription::Subscription(mut subscription)) = asked.pub_sub else { panic!() };
        subscription.fifo = Some(true);
        let in_order = Settings { pub_sub: Some(PublishingOrSubscription::Subscription(subscription)), ..known };
        assert_eq!(group_settings(&in_order), GroupSettings { ordered: true, max_attempts: Some(17) });
    }
}

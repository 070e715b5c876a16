//! The configuration as operators may see it: every setting and every path, no key.

use std::path::Path;
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::units::duration_text;
use super::{
    BinaryBodies, CallerConfig, CallerTopics, Config, CredentialsConfig, CredentialsSource, DropInConfig,
    EmbeddedConfig, Endpoint, Feature, Groups, LimitsConfig, ProfileConfig, ServerConfig, TopicConfig, TopicPattern,
};

impl Config {
    /// The whole configuration as JSON, with the names of the file's keys. Keys and tokens are never part of a
    /// [`Config`], except those out of `user.properties`, which are shown as `"[redacted]"`.
    #[must_use]
    pub fn redacted(&self) -> Value {
        let credentials: Map<String, Value> =
            self.credentials.iter().map(|(name, files)| (name.clone(), credentials(files))).collect();
        let profiles: Map<String, Value> =
            self.profiles.iter().map(|(name, config)| (name.clone(), profile(config))).collect();
        let callers: Map<String, Value> =
            self.callers.iter().map(|(name, config)| (name.clone(), caller(config))).collect();
        json!({
            "data_dir": path(&self.data_dir),
            "server": server(&self.server),
            "management": {
                "listen": self.management.listen.to_string(),
                "token_file": self.management.token_file.as_deref().map(path),
            },
            "log": { "level": self.log.level.as_str(), "format": self.log.format.as_str() },
            "credentials": credentials,
            "profiles": profiles,
            "topics": self.topics.iter().map(topic).collect::<Vec<_>>(),
            "dropin": dropin(&self.dropin),
            "callers": callers,
            "embedded": embedded(&self.embedded),
        })
    }
}

fn server(server: &ServerConfig) -> Value {
    json!({
        "listen": server.listen.to_string(),
        "workers": server.workers,
        "allowed_origins": server.allowed_origins,
        "limits": limits(&server.limits),
        "keep_alive": duration(server.keep_alive),
        "drain_delay": duration(server.drain_delay),
        "shutdown_timeout": duration(server.shutdown_timeout),
    })
}

fn limits(limits: &LimitsConfig) -> Value {
    json!({
        "body_bytes": limits.body_bytes,
        "batch_messages": limits.batch_messages,
        "ack_handles": limits.ack_handles,
        "uri_bytes": limits.uri_bytes,
        "headers": limits.headers,
        "header_bytes": limits.header_bytes,
        "json_depth": limits.json_depth,
        "request_timeout": duration(limits.request_timeout),
        "body_timeout": duration(limits.body_timeout),
        "head_timeout": duration(limits.head_timeout),
        "min_body_rate": limits.min_body_rate,
        "write_timeout": duration(limits.write_timeout),
        "connections": limits.connections,
        "connections_per_address": limits.connections_per_address,
    })
}

fn credentials(files: &CredentialsConfig) -> Value {
    json!({
        "access_key_file": path(&files.access_key_file),
        "secret_key_file": path(&files.secret_key_file),
        "security_token_file": files.security_token_file.as_deref().map(path),
    })
}

fn profile(profile: &ProfileConfig) -> Value {
    let credentials = match &profile.credentials {
        CredentialsSource::Named(name) => name.as_str(),
        CredentialsSource::Embedded => "embedded",
        CredentialsSource::Inline(_) => "[redacted]",
    };
    let binary_bodies = match profile.binary_bodies {
        BinaryBodies::Refuse => Value::Bool(false),
        BinaryBodies::AsIs => Value::Bool(true),
        BinaryBodies::Base64 => Value::from("base64"),
    };
    json!({
        "protocol": profile.protocol.as_str(),
        "endpoints": profile.endpoints.iter().map(Endpoint::to_string).collect::<Vec<_>>(),
        "credentials": credentials,
        "instance_id": profile.instance_id,
        "producer_group": profile.producer_group,
        "visibility_timeout": duration(profile.visibility_timeout),
        "binary_bodies": binary_bodies,
        "zero_timeout": profile.zero_timeout,
        "max_message_bytes": profile.max_message_bytes,
        "content_type": profile.content_type,
        "ca_file": profile.ca_file.as_deref().map(path),
        "connect_timeout": duration(profile.connect_timeout),
        "empty_poll_pause": duration(profile.empty_poll_pause),
        "dns_refresh": duration(profile.dns_refresh),
        "keep_alive": duration(profile.keep_alive),
        "connections": profile.connections,
        "clock_skew": profile.clock_skew.as_str(),
        "breaker_failures": profile.breaker_failures,
        "breaker_open": duration(profile.breaker_open),
    })
}

fn topic(topic: &TopicConfig) -> Value {
    let name = match &topic.name {
        TopicPattern::Any => "*",
        TopicPattern::Named(topic) => topic.as_str(),
    };
    let group = |name: &str, ordered: bool| json!({ "name": name, "ordered": ordered });
    let groups: Vec<Value> = match &topic.groups {
        Groups::Any { ordered } => vec![group("*", *ordered)],
        Groups::Named(groups) => groups.iter().map(|it| group(it.name.as_str(), it.ordered)).collect(),
    };
    json!({
        "name": name,
        "profile": topic.profile,
        "groups": groups,
        "requires": topic.requires.iter().copied().map(Feature::as_str).collect::<Vec<_>>(),
        "default_tag": topic.default_tag.as_ref().map(|tag| tag.as_str()),
        "default_key": topic.default_key.as_ref().map(|key| key.as_str()),
        "deadline": duration(topic.deadline),
        "delivery": topic.delivery.as_str(),
        "on_unknown": topic.on_unknown.as_str(),
        "max_in_flight": topic.max_in_flight,
        "publishes_per_second": topic.publishes_per_second,
    })
}

fn dropin(dropin: &DropInConfig) -> Value {
    json!({
        "enabled": dropin.enabled,
        "client_auth": dropin.client_auth.as_str(),
        "clock_past": duration(dropin.clock_past),
        "clock_future": duration(dropin.clock_future),
        "clock_window": duration(dropin.clock_window),
        "default_wait": duration(dropin.default_wait),
        "error_hold": duration(dropin.error_hold),
    })
}

fn caller(caller: &CallerConfig) -> Value {
    let topics: Vec<&str> = match &caller.topics {
        CallerTopics::Any => vec!["*"],
        CallerTopics::Named(topics) => topics.iter().map(|topic| topic.as_str()).collect(),
    };
    json!({ "credentials": caller.credentials, "topics": topics })
}

fn embedded(embedded: &EmbeddedConfig) -> Value {
    json!({
        "enabled": embedded.enabled,
        "listen": embedded.listen.to_string(),
        "storage": embedded.storage.as_str(),
        "credentials": embedded.credentials,
        "topics": embedded.topics.iter().map(|topic| topic.as_str()).collect::<Vec<_>>(),
        "visibility_timeout": duration(embedded.visibility_timeout),
        "max_redeliveries": embedded.max_redeliveries,
        "new_group_starts": embedded.new_group_starts.as_str(),
        "retention": duration(embedded.retention),
        "retention_bytes": embedded.retention_bytes,
        "when_full": embedded.when_full.as_str(),
        "clock_past": duration(embedded.clock_past),
        "clock_future": duration(embedded.clock_future),
        "clock_window": duration(embedded.clock_window),
        "max_message_bytes": embedded.max_message_bytes,
        "default_wait": duration(embedded.default_wait),
        "error_hold": duration(embedded.error_hold),
    })
}

fn path(path: &Path) -> Value {
    Value::String(path.display().to_string())
}

fn duration(duration: Duration) -> Value {
    Value::String(duration_text(duration))
}

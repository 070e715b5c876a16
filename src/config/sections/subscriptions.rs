//! Subscriptions: messages of a group that the gateway sends to a service itself, one HTTP request for each.

use std::path::PathBuf;
use std::time::Duration;

use crate::config::section::section;
use crate::config::values::{
    ADDRESS_RANGE, AddressRange, EVENT_SOURCE, EVENT_TYPE, ExtraHeader, FILTER_TAG, HEADER, Kind, PAUSE, SECRET_FILE,
    SUBSCRIBED_GROUP, SUBSCRIBED_TOPIC, TARGET, TargetUrl, UNTIL, hours, millis, minutes, seconds,
};
use crate::model::{ConsumerGroup, TagFilter, Topic, UnixMillis, words};

section! {
    /// A subscription under a name of your choice: the gateway receives the messages of one group, and sends each to a service as an
    /// HTTP request. An answer with a status from 200 to 299 acknowledges the message. The name is part of the header `webhook-id`.
    pub struct SubscriptionConfig at "subscriptions.*" {
        /// The topic: one that `[[topics]]` has, by its own name or as one of `*`.
        topic: Topic, Kind::Text(SUBSCRIBED_TOPIC), required;
        /// The consumer group to receive for (ConsumerID, CID, GID), one that the topic lists. No other subscription of the topic has it.
        group: ConsumerGroup, Kind::Text(SUBSCRIBED_GROUP), required;
        /// Where messages are sent to: `POST`, http or https. A query is allowed, and is treated as a secret: it is not shown anywhere.
        /// Redirects are not followed.
        url: TargetUrl, Kind::Text(TARGET), required;
        /// What a request is. `cloudevents`: an event as JSON (structured mode); `cloudevents-binary`: the body as it is, the event's
        /// attributes in `ce-` headers; `raw`: the body as it is; `receive-item`: the JSON object that a receive returns.
        format: PushFormat, Kind::choice(PushFormat::WORDS), default("cloudevents");
        /// What a body is in an event. `auto`: what it looks like, JSON, else text, else bytes; `json`: JSON, and what is none is
        /// a dead letter at once; `text`: text, and what is not UTF-8 is a dead letter at once; `binary`: bytes.
        data: PushData, Kind::choice(PushData::WORDS), default("auto");
        /// The attribute `source` of events, a URI reference.
        source: Option<String>, Kind::Text(EVENT_SOURCE), unset("`/mq-gateway/` and the name of the topic's profile");
        /// The attribute `type` of events whose messages have none of their own.
        event_type: String, Kind::Text(EVENT_TYPE), default("mq.message");
        /// Receive messages with one of these tags only, where the topic's profile has `tag_filter`. With `rocketmq` they belong to
        /// the group's own table below the topic.
        tags: Option<TagFilter>,
            Kind::List { rule: FILTER_TAG, min: 1, names: Some("tag") }, unset("every message of the group");
        /// The group receives in order: a message of a message group is sent when the one before it is acknowledged or a dead letter.
        /// The group's own table below the topic has to say `ordered = true`, too.
        ordered: bool, Kind::Flag, default(false);
        /// Most requests at once, in this process.
        concurrency: usize, Kind::integer(1, 1000), default(10);
        /// How long one request may take, from the look-up of the host's name to the answer's status. Shorter than the visibility timeout.
        timeout: Duration, Kind::duration(millis(10), minutes(15)), default("15s");
        /// How much of `timeout` connecting may take.
        connect_timeout: Duration, Kind::duration(millis(10), minutes(1)), default("3s");
        /// The pauses after the first attempt, the second, and so on; after the last one comes the last attempt. `[]` is one attempt.
        /// `mq-gateway check` shows what comes of them with the topic's MQ.
        retry_schedule: Vec<Duration>,
            Kind::List { rule: PAUSE, min: 0, names: None }, default(["5s", "30s", "2m", "5m", "10m", "20m", "30m"]);
        /// How much longer or shorter a pause may be, in percent, so that messages which failed together do not come back together.
        jitter_percent: u32, Kind::integer(0, 50), default(10);
        /// The longest pause that a target can ask for with `Retry-After` in an answer 413, 429 or 503.
        retry_after_max: Duration, Kind::duration(seconds(0), hours(12)), default("1h");
        /// How long the MQ hides a delivery of the group. Where the profile has `visibility_timeout`, that is asked for; else
        /// it says what the MQ does.
        visibility_timeout: Option<Duration>, Kind::duration(millis(100), hours(12)),
            unset("that of the profile or of the embedded endpoint; 5 minutes with `mq-http`, 1 minute where the group is ordered");
        /// How often the MQ delivers a message before it is one of its own dead letters, the first time included.
        max_deliveries: Option<u32>, Kind::integer(1, 10_000),
            unset("that of the embedded endpoint; 17 with `ons-http` and `rocketmq`, 289 with `mq-http`");
        /// An answer with a status from 200 to 299 and the JSON `{"status": "SUCCESS"}`, `"RETRY"` or `"DROP"` means that: acknowledged;
        /// to be sent again by the schedule; sent to `dead_letter` at once, or acknowledged where there is none. Another word is a `RETRY`,
        /// and so is a body that does not come whole, within 64 KiB and `timeout`; a whole one without such a word is a success.
        answer_status: bool, Kind::Flag, default(false);
        /// The subscription starts paused; an operator resumes it.
        paused: bool, Kind::Flag, default(false);
        /// Headers that go with every request, each `name: value`. Secret ones belong into `headers_file`; `/config` shows names only.
        headers: Vec<ExtraHeader>, Kind::List { rule: HEADER, min: 0, names: None }, default([]);
        /// File with further headers, such as a key of the target's: `name: value`, one a line. Read anew when it changes. Relative
        /// to the configuration file.
        headers_file: Option<PathBuf>, Kind::File, unset("no further headers");
        /// Files with the secrets that requests are signed with (Standard Webhooks), the newest first: a request has a signature of
        /// each. Read anew when they change. A table says until when one is used: `{ file = "old", until = "2030-01-31T00:00:00Z" }`.
        secrets: Vec<SigningSecretConfig>,
            Kind::Tables { rule: SECRET_FILE, section: SigningSecretConfig::SECTION.path, names: "secret", short: "file" },
            default([]);
        /// `whsec`: a file holds `whsec_` and the base64 of 24 to 64 bytes; `raw`: its bytes are the secret, without one line end.
        secret_format: SecretFormat, Kind::choice(SecretFormat::WORDS), default("whsec");
        /// PEM file of a private CA, trusted instead of the public ones, for an https target. Relative to the configuration file.
        ca_file: Option<PathBuf>, Kind::File, unset("the public CAs are trusted");
        /// IP addresses and networks that the target's name may lead to; `[]` is any. Checked for each connection.
        allow_addresses: Vec<AddressRange>, Kind::List { rule: ADDRESS_RANGE, min: 0, names: None }, default([]);
        /// IP addresses and networks that it may not lead to, whatever `allow_addresses` says. The default is link-local addresses,
        /// and those at which clouds serve metadata and keys.
        deny_addresses: Vec<AddressRange>, Kind::List { rule: ADDRESS_RANGE, min: 0, names: None },
            default(["169.254.0.0/16", "fe80::/10", "fd00:ec2::/32", "fd20:ce::254", "fd00:42::42", "100.100.100.200", "168.63.129.16", "192.0.0.192"]);
    } and {
        /// Its name in the configuration, in metrics and in `webhook-id`.
        name: String,
    } and optional {
        /// Where messages go that were not acknowledged in the end; without it they are left to the MQ's own dead letters.
        dead_letter: DeadLetterConfig,
    }
}

section! {
    /// Where messages of the subscription go that its target does not take: published to a topic of your own before they are
    /// acknowledged. Without it they are left to the MQ, which has dead letters of its own.
    pub struct DeadLetterConfig at "subscriptions.*.dead_letter" {
        /// A configured topic, not that of the subscription.
        topic: Topic, Kind::Text(SUBSCRIBED_TOPIC), required;
    }
}

section! {
    /// A secret that requests are signed with, where more than its file is to be said. Also written as
    /// `{ file = "old", until = "2030-01-31T00:00:00Z" }` in the list `secrets`.
    pub struct SigningSecretConfig at "subscriptions.*.secrets[]" {
        /// File with the secret. Relative to the configuration file.
        file: PathBuf, Kind::File, required;
        /// When it is no longer used: a date and a time with its zone (RFC 3339).
        until: Option<UnixMillis>, Kind::Text(UNTIL), unset("it is used until it is taken out of the list");
    }
}

impl SubscriptionConfig {
    /// The attribute `source` of events, where `profile` is the name of the topic's profile.
    #[must_use]
    pub fn event_source(&self, profile: &str) -> String {
        self.source.clone().unwrap_or_else(|| format!("/mq-gateway/{profile}"))
    }
}

words! {
    /// What a request of a subscription is.
    pub enum PushFormat {
        /// An event in structured mode.
        CloudEvents = "cloudevents",
        /// An event in binary mode.
        CloudEventsBinary = "cloudevents-binary",
        /// The body alone.
        Raw = "raw",
        /// The object that a receive returns.
        ReceiveItem = "receive-item",
    }
}

words! {
    /// What a body is in an event.
    pub enum PushData {
        /// What it looks like.
        Auto = "auto",
        /// JSON.
        Json = "json",
        /// Text.
        Text = "text",
        /// Bytes.
        Binary = "binary",
    }
}

words! {
    /// How a file holds a signing secret.
    pub enum SecretFormat {
        /// `whsec_` and base64.
        Whsec = "whsec",
        /// The bytes themselves.
        Raw = "raw",
    }
}

//! What one message is as a request: its body in the subscription's format, its headers, and the signature of this attempt.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;

use super::live_files::LiveFiles;
use super::target::Outgoing;
use crate::config::{PushData, PushFormat, SubscriptionConfig};
use crate::json_text;
use crate::model::{Delivery, UnixMillis};
use crate::protocol::cloud_events::{Data, DataAs, Event, EventSettings, STRUCTURED_TYPE, default_source};
use crate::signature::Secret;
use crate::trace_context::TRACEPARENT;

const USER_AGENT: &str = concat!("mq-gateway/", env!("CARGO_PKG_VERSION"));
const OCTET_STREAM: &str = "application/octet-stream";
const JSON: &str = "application/json";

/// How the messages of a subscription are written.
#[derive(Debug, Clone)]
pub(super) struct Format {
    format: PushFormat,
    data: DataAs,
    source: String,
    event_type: String,
    topic: String,
    group: String,
    /// The profile's protocol has no properties: an event that was published is the whole body.
    is_envelope: bool,
}

/// Why a message cannot be written as its subscription wants it. No attempt would change that.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum NotWritable {
    /// The body is not what the configuration says.
    #[error("{0}")]
    Data(String),
    /// Most libraries could not check the signature.
    #[error("the body is not UTF-8, and is to be signed as it is: most libraries could not check that")]
    SignedBytes,
    /// It could not be acknowledged either.
    #[error("the MQ's receipt handle is too long to be passed on")]
    Handle,
    /// Requests are to be signed, and the time of every secret is over.
    #[error("{0}")]
    NoSecret(super::secrets::NoSecretLeft),
}

/// The attempt that a request is made for.
#[derive(Debug)]
pub(super) struct Attempt<'a> {
    pub(super) webhook_id: &'a str,
    /// From 1.
    pub(super) number: usize,
    pub(super) now: UnixMillis,
    pub(super) traceparent: Option<String>,
}

/// A body and what it is.
struct Written {
    content_type: Cow<'static, str>,
    headers: Vec<(String, String)>,
    body: Bytes,
}

impl Format {
    /// Of a subscription, with the name of its topic's profile.
    pub(super) fn of(config: &SubscriptionConfig, profile: &str, has_properties: bool) -> Self {
        Self {
            format: config.format,
            data: match config.data {
                PushData::Auto => DataAs::Auto,
                PushData::Json => DataAs::Json,
                PushData::Text => DataAs::Text,
                PushData::Binary => DataAs::Binary,
            },
            source: config.source.clone().unwrap_or_else(|| default_source(profile)),
            event_type: config.event_type.clone(),
            topic: config.topic.as_str().to_owned(),
            group: config.group.as_str().to_owned(),
            is_envelope: !has_properties,
        }
    }

    /// The request of one attempt. `handle` seals the receipt handle, where the format has it.
    pub(super) fn request(
        &self,
        delivery: &Delivery,
        attempt: &Attempt<'_>,
        files: &LiveFiles,
        handle: impl FnOnce() -> Option<String>,
    ) -> Result<Outgoing, NotWritable> {
        let Written { content_type, headers: of_event, body } = self.write(delivery, handle)?;
        if !files.secrets().is_empty() && simdutf8::basic::from_utf8(&body).is_err() {
            return Err(NotWritable::SignedBytes);
        }
        let signed = files.secrets().sign(attempt.webhook_id, attempt.now, &body).map_err(NotWritable::NoSecret)?;
        let mut headers = vec![
            ("content-type", content_type.into_owned()),
            ("user-agent", USER_AGENT.to_owned()),
            ("webhook-id", attempt.webhook_id.to_owned()),
            ("mq-delivery-attempt", attempt.number.to_string()),
        ];
        // Also without a signature: what is old can be told by it.
        let timestamp = signed.as_ref().map_or(attempt.now.0 / 1000, |(timestamp, _)| *timestamp);
        headers.push(("webhook-timestamp", timestamp.to_string()));
        if let Some((_, signature)) = signed {
            headers.push(("webhook-signature", signature.as_str().to_owned()));
        }
        headers.extend(attempt.traceparent.clone().map(|trace| (TRACEPARENT, trace)));
        let mut more_headers = (*files.headers()).clone();
        more_headers.extend(of_event.into_iter().map(|(name, value)| (name, Secret::new(value))));
        Ok(Outgoing { headers, more_headers, body })
    }

    fn write(&self, delivery: &Delivery, handle: impl FnOnce() -> Option<String>) -> Result<Written, NotWritable> {
        let plain = |content_type, body| Written { content_type, headers: Vec::new(), body };
        match self.format {
            PushFormat::CloudEvents => Ok(plain(STRUCTURED_TYPE.into(), self.event(delivery)?.structured().into())),
            PushFormat::CloudEventsBinary => {
                let event = self.event(delivery)?;
                let binary = event.binary();
                let content_type = binary.content_type.map_or(OCTET_STREAM.into(), Cow::Owned);
                // The same bytes where the event is made around the message.
                let is_own = binary.body == &delivery.body[..];
                let body = if is_own { delivery.body.clone() } else { Bytes::copy_from_slice(binary.body) };
                Ok(Written { content_type, headers: binary.headers, body })
            }
            PushFormat::Raw => {
                let data = Data::undeclared(&delivery.body, DataAs::Auto);
                let content_type = data.ok().and_then(|(_, content_type)| content_type);
                let content_type = match content_type {
                    // Without it some take text for Latin-1.
                    Some("text/plain") => "text/plain; charset=utf-8",
                    Some(content_type) => content_type,
                    None => OCTET_STREAM,
                };
                Ok(plain(content_type.into(), delivery.body.clone()))
            }
            PushFormat::ReceiveItem => {
                let handle = handle().ok_or(NotWritable::Handle)?;
                Ok(plain(JSON.into(), receive_item(delivery, &handle).into()))
            }
        }
    }

    fn event<'a>(&'a self, delivery: &'a Delivery) -> Result<Event<'a>, NotWritable> {
        let settings = EventSettings {
            source: &self.source,
            event_type: &self.event_type,
            data: self.data,
            topic: &self.topic,
            group: &self.group,
            is_envelope: self.is_envelope,
            // The bytes of every attempt are equal: the number is in a header.
            with_attempt: false,
        };
        Event::of_delivery(delivery, &settings).map_err(|flaw| NotWritable::Data(flaw.to_string()))
    }
}

/// The object of a receive (contract section 2).
fn receive_item(delivery: &Delivery, handle: &str) -> Vec<u8> {
    let (body, encoding): (Cow<'_, str>, _) = match simdutf8::basic::from_utf8(&delivery.body) {
        Ok(text) => (text.into(), "text"),
        Err(_) => (STANDARD.encode(&delivery.body).into(), "base64"),
    };
    let mut json = Vec::with_capacity(body.len() + 1024);
    let mut text = |name: &str, value: Option<&str>| {
        json.extend_from_slice(name.as_bytes());
        json_text::optional(&mut json, value);
    };
    text("{\"message_id\":", Some(delivery.message_id.as_str()));
    text(",\"receipt_handle\":", Some(handle));
    text(",\"body\":", Some(&body));
    text(",\"encoding\":", Some(encoding));
    text(",\"tag\":", delivery.tag.as_deref());
    json.extend_from_slice(b",\"keys\":[");
    json_text::list(&mut json, delivery.keys.iter(), |json, key| json_text::string(json, key));
    json.extend_from_slice(b"],\"properties\":{");
    // A name that is there twice has its last value, as a receive shows it.
    let properties: std::collections::BTreeMap<&str, &str> =
        delivery.properties.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    json_text::list(&mut json, properties.iter(), |json, (name, value)| {
        json_text::string(json, name);
        json.push(b':');
        json_text::string(json, value);
    });
    json.extend_from_slice(b"},\"message_group\":");
    json_text::optional(&mut json, delivery.message_group.as_ref().map(crate::model::MessageGroup::as_str));
    json.extend_from_slice(b",\"delivery_attempt\":");
    json_text::number(&mut json, delivery.delivery_attempt.into());
    for (name, time) in
        [(",\"published_at\":", delivery.published_at), (",\"visible_again_at\":", delivery.visible_again_at)]
    {
        json.extend_from_slice(name.as_bytes());
        json_text::string(&mut json, &rfc3339(time));
    }
    json.push(b'}');
    json
}

fn rfc3339(time: UnixMillis) -> String {
    let time = i64::try_from(time.0).ok().and_then(|millis| jiff::Timestamp::from_millisecond(millis).ok());
    time.map_or_else(String::new, |time| format!("{time:.3}"))
}

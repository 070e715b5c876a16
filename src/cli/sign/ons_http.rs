//! Requests of the ONS HTTP protocol, explained.

use super::explanation::{Body, Context, Explanation, masked};
use super::{body, consumer_group, default_key, default_tag, handle, keys, tag, wrong};
use crate::cli::Failure;
use crate::cli::arguments::{Operation, SignArguments};
use crate::config::{ProfileConfig, TopicConfig};
use crate::http_message::Method;
use crate::model::{ConsumerGroup, Key, Tag, Topic};
use crate::protocol::ons_http::{Acknowledge, Consume, Header, MAX_CONSUME, Publish, Request};
use crate::signature::{Credentials, SigningKey};

/// The request as the gateway would make it.
pub(super) fn request<'a>(
    arguments: &'a SignArguments,
    topic: &'a Topic,
    profile: &'a ProfileConfig,
    settings: Option<&'a TopicConfig>,
    time: u64,
) -> Result<Request<'a>, Failure> {
    let (topic, time) = (topic.as_str().into(), time.to_string().into());
    Ok(match arguments.operation {
        Operation::Publish => {
            let producer_group = arguments.group.as_deref().unwrap_or(&profile.producer_group);
            ConsumerGroup::parse_configured(producer_group).map_err(|error| wrong("--group", error))?;
            tag(arguments)?;
            keys(arguments)?;
            Request::Publish(Publish {
                topic,
                producer_group: producer_group.into(),
                time,
                tag: arguments.tag.as_deref().or_else(|| default_tag(settings).map(Tag::as_str)).map(Into::into),
                key: arguments.key.as_deref().or_else(|| default_key(settings).map(Key::as_str)).map(Into::into),
                start_deliver_time: None,
                sharding_key: None,
                timeout: None,
                body: body(arguments)?.into(),
            })
        }
        Operation::Consume => {
            let consumer_group = consumer_group(arguments)?.into();
            Request::Consume(Consume { topic, consumer_group, time, num: Some(MAX_CONSUME), timeout: None })
        }
        Operation::Ack => {
            let consumer_group = consumer_group(arguments)?.into();
            Request::Acknowledge(Acknowledge { topic, consumer_group, time, handle: handle(arguments)?.into() })
        }
    })
}

/// Signs and masks. `content_type` is that of a publish.
pub(super) fn explain(
    request: Request<'_>,
    credentials: &Credentials,
    content_type: &str,
    context: &Context<'_>,
) -> Explanation {
    let string_to_sign = request.string_to_sign();
    let signature = SigningKey::new(credentials.secret_key.expose()).sign(&string_to_sign);
    let body = match &request {
        Request::Publish(publish) => Some((publish.body.len(), Body::message(&publish.body))),
        Request::Consume(_) | Request::Acknowledge(_) => None,
    };
    let encoded = request.encode(&credentials.access_key, &signature);
    let shown = context.shown(signature.as_str());
    let mut headers = vec![("Host", context.host.to_owned())];
    headers.extend(encoded.headers.iter().map(|(header, value)| {
        let value = match header {
            Header::Signature => shown.clone(),
            Header::AccessKey => masked(value),
            Header::ProducerId | Header::ConsumerId | Header::IsOrder | Header::ShardingKey => {
                value.clone().into_owned()
            }
        };
        (header.name(), value)
    }));
    if let Some((length, _)) = &body {
        headers.push(("Content-Type", content_type.to_owned()));
        headers.push(("Content-Length", length.to_string()));
    }
    Explanation {
        profile: context.profile.to_owned(),
        url: context.url.to_owned(),
        string_to_sign: string_to_sign.as_str().to_owned(),
        body: body.map(|(_, body)| body),
        signature: shown,
        method: match encoded.method {
            Method::Post => "POST",
            Method::Get => "GET",
            Method::Delete => "DELETE",
        },
        target: encoded.target,
        headers,
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use serde_json::Value;

    use super::*;
    use crate::signature::Secret;

    fn text<'a>(vector: &'a Value, name: &str) -> Cow<'a, str> {
        vector[name].as_str().unwrap().into()
    }

    fn explained(vector: &Value, show_signature: bool) -> Explanation {
        let hex = |digits: &str| -> Vec<u8> {
            let pairs = digits.as_bytes().chunks(2);
            pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
        };
        let (topic, group, time) = (text(vector, "topic"), text(vector, "group"), text(vector, "time"));
        let query = |name: &str| vector["query"].get(name).map(|value| Cow::from(value.as_str().unwrap()));
        let request = match vector["operation"].as_str().unwrap() {
            "publish" => Request::Publish(Publish {
                topic,
                producer_group: group,
                time,
                tag: query("tag"),
                key: query("key"),
                start_deliver_time: None,
                sharding_key: None,
                timeout: None,
                body: hex(vector["body_hex"].as_str().unwrap()).into(),
            }),
            "consume" => Request::Consume(Consume { topic, consumer_group: group, time, num: None, timeout: None }),
            _ => Request::Acknowledge(Acknowledge {
                topic,
                consumer_group: group,
                time,
                handle: query("msgHandle").unwrap(),
            }),
        };
        let credentials = Credentials {
            access_key: text(vector, "access_key").into_owned(),
            secret_key: Secret::new(text(vector, "secret_key").into_owned()),
            security_token: None,
        };
        let context =
            Context { profile: "main", url: "http://mq.example.com:80", host: "mq.example.com", show_signature };
        explain(request, &credentials, "text/html;charset=UTF-8", &context)
    }

    fn vectors() -> Vec<Value> {
        let file: Value = serde_json::from_str(include_str!("../../../tests/fixtures/ons-http-vectors.json")).unwrap();
        file["vectors"].as_array().unwrap().clone()
    }

    #[test]
    fn every_published_vector_is_explained_as_it_is() {
        let vectors = vectors();
        assert_eq!(vectors.len(), 20);
        for vector in &vectors {
            let shown = explained(vector, true).to_json();
            for name in ["string_to_sign", "signature"] {
                assert_eq!(shown[name], vector[name], "{name} of {}", vector["name"]);
            }
            assert_eq!(shown["request"]["method"], vector["method"]);
            assert_eq!(shown["body"]["md5"], vector["body_md5"], "{}", vector["name"]);
            let hidden = explained(vector, false);
            for printed in [hidden.to_text(), hidden.to_json().to_string(), format!("{hidden:?}")] {
                for secret in ["signature", "secret_key", "access_key"] {
                    assert!(!printed.contains(&*text(vector, secret)), "{secret} of {}: {printed}", vector["name"]);
                }
            }
        }
    }

    #[test]
    fn the_text_reads_like_a_request() {
        let expected = "profile main, http://mq.example.com:80

body: 8 bytes, MD5 68b154101d0d46e4114ae2e0a11b9291

string to sign (73 bytes, 4 lines; \\n is one line feed, none at the end):
    order_events\\n
    PID_order_svc\\n
    68b154101d0d46e4114ae2e0a11b9291\\n
    1503907519123

signature = base64(HMAC-SHA1(secret key, string to sign)), 28 characters:
    [masked]

request:
    POST /message/?topic=order_events&time=1503907519123&tag=http&key=http HTTP/1.1
    Host: mq.example.com
    Signature: [masked]
    AccessKey: ex[masked]
    ProducerID: PID_order_svc
    Content-Type: text/html;charset=UTF-8
    Content-Length: 8";
        assert_eq!(explained(&vectors()[0], false).to_text(), expected);
    }
}

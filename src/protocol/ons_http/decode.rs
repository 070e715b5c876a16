//! Requests, read by an endpoint.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use bytes::Bytes;

use super::header::Header;
use super::refusal::Refusal;
use super::request::{Acknowledge, ChangeVisibility, Consume, Publish, Request};
use crate::http_message::Method;
use crate::protocol::form::{NotUtf8, Query};

/// A request and who claims to have sent it.
#[derive(Clone, PartialEq, Eq)]
pub struct Signed<'a> {
    /// What is asked.
    pub request: Request<'a>,
    /// The claimed access key.
    pub access_key: Cow<'a, str>,
    /// The claimed signature.
    pub signature: Cow<'a, str>,
    /// What is wrong with a value although the signature can be checked: whoever signed is known before they are refused.
    pub flaw: Option<Refusal>,
}

impl<'a> Signed<'a> {
    /// The request, once its sender is known.
    ///
    /// # Errors
    /// What [`flaw`](Self::flaw) says.
    pub fn into_request(self) -> Result<Request<'a>, Refusal> {
        self.flaw.map_or(Ok(self.request), Err)
    }
}

impl fmt::Debug for Signed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signed").field("request", &self.request).finish_non_exhaustive()
    }
}

/// Whether a request must say who sent it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Authentication {
    /// It must have an access key and a signature.
    Required,
    /// Neither is read: where they are not checked, a client may leave them out.
    NotRequired,
}

/// Reads a request: presence before everything else (protocol notes ONS 7, items 3 to 7).
///
/// `header` gives a header's value as text, `None` when absent; an empty value counts as missing.
///
/// # Errors
/// [`Refusal::Missing`] or [`Refusal::Invalid`], naming the parameter in the vendor's words, where there is nothing that a
/// signature could cover. What else is wrong is the request's `flaw`.
pub fn decode<'a>(
    method: Method,
    query: &'a str,
    header: impl Fn(Header) -> Option<Cow<'a, str>>,
    body: Bytes,
    authentication: Authentication,
) -> Result<Signed<'a>, Refusal> {
    let query = Query::read(query);
    let header = |name: Header| header(name).filter(|value| !value.is_empty());
    let required_header = |name: Header, label| header(name).ok_or(Refusal::Missing(label));
    let (signature, access_key) = match authentication {
        Authentication::Required => {
            (required_header(Header::Signature, "Signature")?, required_header(Header::AccessKey, "AccessKey")?)
        }
        Authentication::NotRequired => (Cow::Borrowed(""), Cow::Borrowed("")),
    };
    let topic = required(&query, "topic", "Topic")?;
    let time = required(&query, "time", "Time")?;
    let mut flaw = None;
    if time.parse::<u64>().is_err() {
        flaw = Some(Refusal::Invalid("Time", "must be milliseconds since 1970 as digits".into()));
    }
    let request = match method {
        Method::Post => {
            let producer_group = required_header(Header::ProducerId, "ProducerId")?;
            let tag = noted(&mut flaw, optional(&query, &["tag"], "Tag"));
            let key = noted(&mut flaw, optional(&query, &["key"], "Key"));
            let start_deliver_time = noted(&mut flaw, start_deliver_time(&query));
            let ordered =
                header(Header::IsOrder).is_some_and(|value| value.eq_ignore_ascii_case("true") || value == "1");
            Request::Publish(Publish {
                body_md5: None,
                topic,
                producer_group,
                time,
                tag,
                key,
                start_deliver_time,
                sharding_key: header(Header::ShardingKey).filter(|_| ordered),
                timeout: lenient(&query, "timeout"),
                content_type: header(Header::ContentType),
                body,
            })
        }
        Method::Get => Request::Consume(Consume {
            topic,
            consumer_group: required_header(Header::ConsumerId, "ConsumerId")?,
            time,
            num: lenient(&query, "num"),
            timeout: lenient(&query, "timeout"),
            hidden_for: header(Header::Visibility).and_then(|millis| millis.parse().ok()),
        }),
        Method::Delete | Method::Put => {
            let delivery = Acknowledge {
                topic,
                consumer_group: required_header(Header::ConsumerId, "ConsumerId")?,
                time,
                handle: required(&query, "msgHandle", "MsgHandle")?,
            };
            if method == Method::Put {
                let millis = required_header(Header::Visibility, "Visibility")?;
                Request::ChangeVisibility(ChangeVisibility { delivery, millis })
            } else {
                Request::Acknowledge(delivery)
            }
        }
    };
    Ok(Signed { request, access_key, signature, flaw })
}

/// What was read; the first flaw is kept.
fn noted<T>(flaw: &mut Option<Refusal>, read: Result<Option<T>, Refusal>) -> Option<T> {
    read.unwrap_or_else(|refusal| {
        flaw.get_or_insert(refusal);
        None
    })
}

fn start_deliver_time(query: &Query<'_>) -> Result<Option<u64>, Refusal> {
    let digits = optional(query, &["startdelivertime", "startDeliverTime"], "StartDeliverTime")?;
    let time = digits.map(|digits| digits.parse()).transpose();
    time.map_err(|_| Refusal::Invalid("StartDeliverTime", "must be milliseconds since 1970 as digits".into()))
}

/// Text that may be absent or empty.
fn optional<'a>(query: &Query<'a>, names: &[&str], label: &'static str) -> Result<Option<Cow<'a, str>>, Refusal> {
    query.text(names).map_err(|NotUtf8| Refusal::Invalid(label, "must be UTF-8".into()))
}

/// Text that must be there.
fn required<'a>(query: &Query<'a>, name: &str, label: &'static str) -> Result<Cow<'a, str>, Refusal> {
    optional(query, &[name], label)?.ok_or(Refusal::Missing(label))
}

/// A number; one that cannot be read counts as none, since some clients send malformed ones.
fn lenient<T: FromStr>(query: &Query<'_>, name: &str) -> Option<T> {
    query.text(&[name]).ok()??.parse().ok()
}

//! What a request's method, path and query ask for, decoded by the server.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

use super::limits::{MAX_CONSUME, MAX_WAIT_SECONDS};
use super::refusal::{HALF_MESSAGES, Refusal};
use crate::http_message::Method;
use crate::model::TagFilter;
use crate::protocol::form::{NotUtf8, Query};

/// What is asked, and of which topic. Names are still text: the caller decides which are legal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target<'a> {
    /// The topic, decoded.
    pub topic: Cow<'a, str>,
    /// What to do with it.
    pub operation: Operation,
}

/// What a request asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operation {
    /// `POST`: the body is a message.
    Publish,
    /// `GET`.
    Consume(ConsumeQuery),
    /// `DELETE`: the body has the handles.
    Acknowledge {
        /// The consumer group.
        group: String,
    },
}

/// A consume's parameters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsumeQuery {
    /// The consumer group.
    pub group: String,
    /// Most messages wanted, 1 to [`MAX_CONSUME`].
    pub num: u32,
    /// Longest wait, 0 to [`MAX_WAIT_SECONDS`].
    pub wait_seconds: u64,
    /// Which tags; `None` wants every message.
    pub tags: Option<TagFilter>,
    /// In order.
    pub ordered: bool,
}

/// Reads a request's method, raw path and raw query. The instance (`ns`) is not looked at, and unknown parameters are
/// ignored; every SDK has its own order (protocol notes MQ HTTP 2).
///
/// # Errors
/// [`Refusal::InvalidRequestUrl`] for the path, [`Refusal::InvalidQueryString`] for a parameter that is missing or
/// cannot be read, [`Refusal::InvalidArgument`] for a value outside its range.
pub fn decode_target<'a>(method: Method, path: &'a str, query: &str) -> Result<Target<'a>, Refusal> {
    let topic = raw_topic(path).and_then(|topic| percent_decode_str(topic).decode_utf8().ok());
    let topic = topic.ok_or(Refusal::InvalidRequestUrl)?;
    let query = Query::read(query);
    // Before the group: Go commits with an empty one.
    let transaction = optional(&query, "trans")?;
    let ordered = match transaction.as_deref() {
        None => false,
        Some("order") if method == Method::Get => true,
        Some("pop" | "commit" | "rollback") => return Err(Refusal::InvalidArgument(HALF_MESSAGES.into())),
        Some(_) => {
            let text = "The value of trans should be order with GET, and left out otherwise.";
            return Err(Refusal::InvalidArgument(text.into()));
        }
    };
    let group = || required(&query, "consumer").map(Cow::into_owned);
    let operation = match method {
        Method::Post => Operation::Publish,
        // Of another protocol, and not the vendor's.
        Method::Put => return Err(Refusal::InvalidRequestUrl),
        Method::Delete => Operation::Acknowledge { group: group()? },
        Method::Get => Operation::Consume(ConsumeQuery {
            group: group()?,
            num: number(&required(&query, "numOfMessages")?, "numOfMessages").and_then(num_of_messages)?,
            wait_seconds: optional(&query, "waitseconds")?
                .map_or(Ok(0), |text| number(&text, "waitseconds").and_then(wait_seconds))?,
            tags: TagFilter::parse(&optional(&query, "tag")?.unwrap_or_default())
                .map_err(|error| Refusal::InvalidArgument(format!("A tag in the value of tag {error}.").into()))?,
            ordered,
        }),
    };
    Ok(Target { topic, operation })
}

/// The topic, not decoded, in a raw path of the protocol's one kind, `/topics/{topic}/messages`. An endpoint that was
/// configured with a slash at its end makes Node and Go send `//topics` (protocol notes MQ HTTP 2).
#[must_use]
pub fn raw_topic(path: &str) -> Option<&str> {
    let rooted = path.strip_prefix('/')?.trim_start_matches('/');
    let resource = rooted.strip_suffix('/').unwrap_or(rooted);
    let topic = resource.strip_prefix("topics/")?.strip_suffix("/messages")?;
    Some(topic).filter(|topic| !topic.is_empty() && !topic.contains('/'))
}

/// Text that may be absent or empty.
fn optional<'a>(query: &Query<'a>, name: &'static str) -> Result<Option<Cow<'a, str>>, Refusal> {
    query.text(&[name]).map_err(|NotUtf8| Refusal::InvalidQueryString(name))
}

/// Text that must be there.
fn required<'a>(query: &Query<'a>, name: &'static str) -> Result<Cow<'a, str>, Refusal> {
    optional(query, name)?.ok_or(Refusal::InvalidQueryString(name))
}

/// A whole number, negative ones too. One of so many digits that nothing holds it is the largest, or the smallest, there is:
/// out of range in any case.
fn number(text: &str, name: &'static str) -> Result<i64, Refusal> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Refusal::InvalidQueryString(name));
    }
    Ok(text.parse().unwrap_or(if text == digits { i64::MAX } else { i64::MIN }))
}

fn num_of_messages(number: i64) -> Result<u32, Refusal> {
    let num = u32::try_from(number).ok().filter(|num| (1..=MAX_CONSUME).contains(num));
    num.ok_or_else(|| {
        Refusal::InvalidArgument(format!("The value of numOfMessages should between 1 and {MAX_CONSUME}.").into())
    })
}

/// Less than nothing is nothing: PHP sends -1 for a poll that does not wait, unless it is told otherwise.
fn wait_seconds(number: i64) -> Result<u64, Refusal> {
    let seconds = u64::try_from(number).unwrap_or(0);
    if seconds > MAX_WAIT_SECONDS {
        let text = format!("The value of waitseconds should between 0 and {MAX_WAIT_SECONDS} seconds.");
        return Err(Refusal::InvalidArgument(text.into()));
    }
    Ok(seconds)
}

//! `POST …/messages:ack`.

use std::borrow::Cow;

use actix_web::HttpResponse;
use serde::Deserialize;

use super::handle_results::{Done, Handles, answer, checked};
use super::json_body::{Presence, json_body};
use super::shape::{Field, FieldKind, object, text_within};
use crate::config::LimitsConfig;
use crate::gateway::Acknowledged;
use crate::http::context::HttpContext;
use crate::http::problem::Problem;
use crate::model::Operation;
use crate::plain_json::PlainJson;

const SHAPE: &[Field] = &[Field::required("receipt_handles", FieldKind::Texts)];

#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Request {
    receipt_handles: Handles,
}

/// How deep a plain request is nested.
const PLAIN_DEPTH: usize = 2;

/// The request, if it is a plain one: what else it may be, the JSON library reads and explains.
fn read_plain(json: &str) -> Option<Request> {
    let handle = |value: &mut PlainJson<'_>| value.string().map(Cow::into_owned);
    let handles = |value: &mut PlainJson<'_>| value.list_of(LimitsConfig::MOST_ACK_HANDLES, handle);
    let receipt_handles = PlainJson::read(json, |request| request.only_member("receipt_handles", handles))?.into();
    Some(Request { receipt_handles })
}

/// The handles of a body nested at most `depth` deep.
///
/// # Errors
/// 400 and 422.
pub(super) fn asked(body: &[u8], depth: usize) -> Result<Handles, Problem> {
    let plain = text_within(body, depth, PLAIN_DEPTH).and_then(read_plain);
    let Request { receipt_handles } = plain.map_or_else(|| object(body, SHAPE, depth), Ok)?;
    Ok(receipt_handles)
}

/// Acknowledges every handle.
pub(in crate::http) async fn acknowledge(context: HttpContext) -> Result<HttpResponse, Problem> {
    let route = context.group_route()?;
    let body = json_body(&context, Presence::Required).await?;
    let receipt_handles = asked(&body, context.limits().json_depth)?;
    // A handle is not longer than what it was read from, which is not held beside it.
    drop(body);
    let receipt_handles = checked(&context, receipt_handles)?;
    let results = context.gateway().acknowledge(&context.request_context, &route, &receipt_handles).await?;
    Ok(answer(&context, Operation::Acknowledge, &receipt_handles, &results, None, |Acknowledged { late }| Done {
        late: *late,
        ..Done::default()
    }))
}

/// Whether it is a plain request; those that are, are what the JSON library reads.
#[cfg(any(test, fuzzing))]
pub(super) fn is_plain(json: &str) -> bool {
    let plain = read_plain(json);
    assert!(plain.is_none() || plain == serde_json::from_str(json).ok(), "{json}");
    plain.is_some()
}

#[cfg(test)]
mod tests {
    #[test]
    fn what_is_plain_is_what_the_library_reads() {
        for (json, is_plain) in [
            (r#"{"receipt_handles":["v2.a","v2.b"]}"#, true),
            (" { \"receipt_handles\" : [ ] } ", true),
            (r#"{"receipt_handles":["\u0061"]}"#, true),
            (r#"{"receipt_handles":["a",7]}"#, false),
            (r#"{"receipt_handles":["a"],"receipt_handles":[]}"#, false),
            (r#"{"receipt_handles":["a"],"x":1}"#, false),
            (r#"{"receipt_handles":null}"#, false),
            (r#"{"receipt_handles":["a"]}]"#, false),
            ("{}", false),
            ("", false),
        ] {
            assert_eq!(super::is_plain(json), is_plain, "{json}");
        }
    }
}

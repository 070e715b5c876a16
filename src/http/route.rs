//! The data listener's routes, one line each.
//!
//! Matched by hand: paths have few shapes (below `/v1/topics`, the documentation's, the vendors'), a table of patterns would be
//! slower and could not say which methods a path has (405 and `Allow`) without a second table.

use actix_web::http::Method;
use percent_encoding::percent_decode_str;

use super::vendor::{self, Vendor};

/// What a path means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Route {
    Publish,
    Batch,
    Receive,
    ReceiveByQuery,
    Ack,
    Nack,
    Extend,
    Topics,
    Topic,
    OpenApi,
    Docs,
    DocsAsset,
    DocsProblems,
    DocsRedirect,
    /// A vendor's client.
    DropIn(Vendor),
}

impl Route {
    /// The label in metrics and logs.
    pub(super) const fn template(self) -> &'static str {
        match self {
            Self::Publish => "/v1/topics/{topic}/messages",
            Self::Batch => "/v1/topics/{topic}/messages:batch",
            Self::Receive => "/v1/topics/{topic}/groups/{group}/messages:receive",
            Self::ReceiveByQuery => "/v1/topics/{topic}/groups/{group}/messages",
            Self::Ack => "/v1/topics/{topic}/groups/{group}/messages:ack",
            Self::Nack => "/v1/topics/{topic}/groups/{group}/messages:nack",
            Self::Extend => "/v1/topics/{topic}/groups/{group}/messages:extend",
            Self::Topics => "/v1/topics",
            Self::Topic => "/v1/topics/{topic}",
            Self::OpenApi => "/openapi.json",
            Self::Docs => "/docs/",
            Self::DocsAsset => "/docs/{asset}",
            Self::DocsProblems => "/docs/problems",
            Self::DocsRedirect => "/docs",
            Self::DropIn(Vendor::OnsHttp) => "/message/",
            Self::DropIn(Vendor::MqHttp) => "/topics/{topic}/messages",
        }
    }

    /// The `Allow` header.
    pub(super) const fn allow(self) -> &'static str {
        match self {
            Self::Publish | Self::Batch | Self::Receive | Self::Ack | Self::Nack | Self::Extend => "POST",
            // A HEAD would take messages and show none.
            Self::ReceiveByQuery => "GET",
            Self::Topics
            | Self::Topic
            | Self::OpenApi
            | Self::Docs
            | Self::DocsAsset
            | Self::DocsProblems
            | Self::DocsRedirect => "GET, HEAD",
            Self::DropIn(_) => vendor::ALLOWED,
        }
    }

    pub(super) fn allows(self, method: &Method) -> bool {
        self.allow().split(", ").any(|allowed| allowed == method.as_str())
    }

    /// The vendor's protocol, where the drop-in relay answers.
    pub(super) const fn vendor(self) -> Option<Vendor> {
        if let Self::DropIn(vendor) = self { Some(vendor) } else { None }
    }

    /// Whether asking is more than looking: a receive takes messages from others, whatever its method.
    pub(super) const fn changes_something(self) -> bool {
        match self {
            Self::Publish
            | Self::Batch
            | Self::Receive
            | Self::ReceiveByQuery
            | Self::Ack
            | Self::Nack
            | Self::Extend
            | Self::DropIn(_) => true,
            Self::Topics
            | Self::Topic
            | Self::OpenApi
            | Self::Docs
            | Self::DocsAsset
            | Self::DocsProblems
            | Self::DocsRedirect => false,
        }
    }

    /// Whether a problem here tells the outcome of a publish.
    pub(super) const fn publishes(self) -> bool {
        matches!(self, Self::Publish | Self::Batch)
    }

    /// What the answer is, for `Accept`.
    pub(super) const fn produces(self) -> &'static str {
        match self {
            Self::Publish
            | Self::Batch
            | Self::Receive
            | Self::ReceiveByQuery
            | Self::Ack
            | Self::Nack
            | Self::Extend
            | Self::Topics
            | Self::Topic
            | Self::OpenApi => "application/json",
            Self::Docs | Self::DocsProblems => "text/html",
            // Browsers ask for scripts and styles with types of their own.
            // A vendor's client gets the vendor's type whatever it accepts.
            Self::DocsAsset | Self::DocsRedirect | Self::DropIn(_) => "*/*",
        }
    }
}

/// A path's route and the names in it, decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) route: Route,
    pub(super) topic: String,
    pub(super) group: String,
}

/// Reads a raw path; `None` is 404. A name that is no UTF-8 keeps a replacement character, which no name may hold.
pub(super) fn find(path: &str) -> Option<Found> {
    let found = |route, topic: &str, group: &str| Some(Found { route, topic: decode(topic), group: decode(group) });
    let Some(rest) = path.strip_prefix("/v1/topics") else {
        let route = match path {
            "/openapi.json" => Route::OpenApi,
            "/docs" => Route::DocsRedirect,
            "/docs/" => Route::Docs,
            "/docs/problems" => Route::DocsProblems,
            _ if path.starts_with("/docs/") => Route::DocsAsset,
            _ => Route::DropIn(Vendor::of(path)?),
        };
        return found(route, "", "");
    };
    let mut segments = rest.split('/');
    match (segments.next(), segments.next(), segments.next(), segments.next(), segments.next(), segments.next()) {
        (Some(""), None, ..) => found(Route::Topics, "", ""),
        (Some(""), Some(topic), None, ..) if !topic.is_empty() => found(Route::Topic, topic, ""),
        (Some(""), Some(topic), Some("messages"), None, ..) => found(Route::Publish, topic, ""),
        (Some(""), Some(topic), Some("messages:batch"), None, ..) => found(Route::Batch, topic, ""),
        (Some(""), Some(topic), Some("groups"), Some(group), Some(verb), None) => {
            let route = match verb {
                "messages" => Route::ReceiveByQuery,
                "messages:receive" => Route::Receive,
                "messages:ack" => Route::Ack,
                "messages:nack" => Route::Nack,
                "messages:extend" => Route::Extend,
                _ => return None,
            };
            found(route, topic, group)
        }
        _ => None,
    }
}

/// A segment's text; an escape that is none becomes a replacement character too.
fn decode(segment: &str) -> String {
    let whole = segment.split('%').skip(1).all(|after| {
        let mut digits = after.bytes().take(2).filter(u8::is_ascii_hexdigit);
        digits.next().is_some() && digits.next().is_some()
    });
    let decoded = percent_decode_str(segment).decode_utf8_lossy();
    if whole { decoded.into_owned() } else { format!("{decoded}{}", char::REPLACEMENT_CHARACTER) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_and_what_they_mean() {
        let check = |path: &str, expected: Option<(Route, &str, &str)>| {
            let found = find(path);
            let found = found.as_ref().map(|found| (found.route, found.topic.as_str(), found.group.as_str()));
            assert_eq!(found, expected, "{path}");
        };
        check("/v1/topics", Some((Route::Topics, "", "")));
        check("/v1/topics/", None);
        check("/v1/topics/T", Some((Route::Topic, "T", "")));
        check("/v1/topics/T/messages", Some((Route::Publish, "T", "")));
        check("/v1/topics//messages", Some((Route::Publish, "", "")));
        check("/v1/topics/T/messages/", None);
        check("/v1/topics/T/messages:batch", Some((Route::Batch, "T", "")));
        check("/v1/topics/%25DLQ%25G/groups/G/messages:ack", Some((Route::Ack, "%DLQ%G", "G")));
        check("/v1/topics/T/groups/G/messages", Some((Route::ReceiveByQuery, "T", "G")));
        check("/v1/topics/T/groups/G/messages:take", None);
        check("/v1/topics/T/groups/G/messages:ack/more", None);
        check("/v1/topicsT", None);
        check("/v1/topics/%zz", Some((Route::Topic, "%zz\u{FFFD}", "")));
        check("/v1/topics/%2", Some((Route::Topic, "%2\u{FFFD}", "")));
        check("/v1/topics/a%2Fb", Some((Route::Topic, "a/b", "")));
        check("/docs/", Some((Route::Docs, "", "")));
        check("/docs/swagger-ui.css", Some((Route::DocsAsset, "", "")));
        check("/message/", Some((Route::DropIn(Vendor::OnsHttp), "", "")));
        check("//message", Some((Route::DropIn(Vendor::OnsHttp), "", "")));
        check("/topics/T/messages", Some((Route::DropIn(Vendor::MqHttp), "", "")));
        check("//topics/a%2Fb/messages", Some((Route::DropIn(Vendor::MqHttp), "", "")));
        check("/topics/T/messages/more", None);
        check("/topics/T", None);
        check("/", None);
        check("/metrics", None);
    }
}

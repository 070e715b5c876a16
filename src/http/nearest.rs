//! What somebody may have meant who asks for a path that is none: the words of the hint in a 404.

use crate::near_word::near_word;

/// Longer paths are not repeated.
const MOST_BYTES: usize = 300;
/// Paths of the management listener, and what others call them.
const MANAGEMENT: &[&str] =
    &["metrics", "livez", "readyz", "startupz", "config", "health", "healthz", "live", "ready", "prometheus"];
const DOCUMENT: &[&str] = &["openapi.json", "openapi.yaml", "openapi", "swagger.json", "api-docs"];
const PAGES: &[&str] = &["docs", "doc", "swagger", "swagger-ui", "swagger-ui.html", "redoc"];

/// What a path of the data listener was meant to be; nothing where that cannot be told.
pub(super) fn hint(path: &str) -> Option<String> {
    if path.len() > MOST_BYTES {
        return None;
    }
    let words: Vec<&str> = path.split('/').filter(|word| !word.is_empty()).collect();
    if let [word, ..] = words.as_slice()
        && MANAGEMENT.contains(word)
    {
        return Some(
            "probes and metrics are at the management listener (management.listen, 127.0.0.1:8081 unless set)."
                .to_owned(),
        );
    }
    let meant = resource(&words)?;
    (meant != path).then(|| format!("did you mean {meant}?"))
}

/// What a path of the management listener was meant to be.
pub(super) fn hint_at_management(path: &str) -> Option<&'static str> {
    let first = path.split('/').find(|word| !word.is_empty())?;
    let is_data = matches!(first, "v1" | "topics" | "message") || PAGES.contains(&first) || DOCUMENT.contains(&first);
    is_data.then_some("messages and documentation are at the data listener (server.listen, 127.0.0.1:8080 unless set)")
}

/// The nearest resource.
fn resource(words: &[&str]) -> Option<String> {
    let is_prefix = |word: &str| matches!(word, "api" | "rest") || is_version(word);
    let rest =
        words.iter().position(|word| !is_prefix(word)).map_or(&[][..], |start| words.get(start..).unwrap_or_default());
    match rest {
        [] => words.first().map(|_| "/v1/topics".to_owned()),
        [word] if DOCUMENT.contains(word) => Some("/openapi.json".to_owned()),
        [word, "problems"] if PAGES.contains(word) => Some("/docs/problems".to_owned()),
        [word, ..] if PAGES.contains(word) => Some("/docs/".to_owned()),
        [word] if is_nearly(word, "topics") => Some("/v1/topics".to_owned()),
        [word, topic, rest @ ..] if is_nearly(word, "topics") => {
            Some(format!("/v1/topics/{topic}{}", below_topic(rest)))
        }
        _ => None,
    }
}

/// The nearest resource below a topic.
fn below_topic(words: &[&str]) -> String {
    match words {
        [] => String::new(),
        [word, group, rest @ ..] if is_nearly(word, "groups") => format!("/groups/{group}{}", below_group(rest)),
        [word] if is_nearly(word, "groups") => "/groups/{group}/messages:receive".to_owned(),
        _ => match verb(words) {
            Some(Verb::Batch) => "/messages:batch".to_owned(),
            Some(Verb::Publish) | None => "/messages".to_owned(),
            Some(Verb::OfAGroup(verb)) => format!("/groups/{{group}}/messages:{verb}"),
        },
    }
}

/// The nearest resource below a group.
fn below_group(words: &[&str]) -> String {
    match verb(words) {
        Some(Verb::OfAGroup(verb)) => format!("/messages:{verb}"),
        Some(Verb::Batch | Verb::Publish) | None => "/messages:receive".to_owned(),
    }
}

/// What is to be done with messages.
#[derive(Debug, Clone, Copy)]
enum Verb {
    Publish,
    Batch,
    OfAGroup(&'static str),
}

/// The verb in what follows a name: `messages:ack`, `messages/ack`, `ack`.
fn verb(words: &[&str]) -> Option<Verb> {
    let all = words.iter().flat_map(|word| word.split(':'));
    let mut all = all.flat_map(|word| word.split("%3A")).flat_map(|word| word.split("%3a"));
    all.find_map(|word| match word.to_ascii_lowercase().as_str() {
        "publish" | "send" | "produce" => Some(Verb::Publish),
        "batch" | "bulk" => Some(Verb::Batch),
        "receive" | "consume" | "poll" | "pull" | "fetch" => Some(Verb::OfAGroup("receive")),
        "ack" | "acknowledge" | "delete" | "commit" => Some(Verb::OfAGroup("ack")),
        "nack" | "reject" | "release" => Some(Verb::OfAGroup("nack")),
        "extend" => Some(Verb::OfAGroup("extend")),
        _ => None,
    })
}

fn is_nearly(word: &str, right: &str) -> bool {
    near_word(word, std::iter::once(right)).is_some()
}

fn is_version(word: &str) -> bool {
    word.strip_prefix(['v', 'V'])
        .is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_route() {
        let check = |path: &str, expected: &str| {
            assert_eq!(hint(path), Some(format!("did you mean {expected}?")), "{path}");
        };
        let (topic, group) = ("/v1/topics/orders", "/v1/topics/orders/groups/G");
        check("/topics/orders/messages", &format!("{topic}/messages"));
        check("/topics", "/v1/topics");
        check("/v1", "/v1/topics");
        check("/v1/", "/v1/topics");
        check("/v1/topics/", "/v1/topics");
        check("/v1/topic", "/v1/topics");
        check("/v1/topics/orders/", topic);
        check("/v1/topic/orders/messages", &format!("{topic}/messages"));
        check("/v1/Topics/orders/Messages", &format!("{topic}/messages"));
        check("/v1/topcis/orders/mesages", &format!("{topic}/messages"));
        check("/v2/topics/orders/messages", &format!("{topic}/messages"));
        check("/api/v1/topics/orders/messages/", &format!("{topic}/messages"));
        check("/v1//topics/orders/messages", &format!("{topic}/messages"));
        check("/v1/topics/orders/message", &format!("{topic}/messages"));
        check("/v1/topics/orders/publish", &format!("{topic}/messages"));
        check("/v1/topics/orders/messages/batch", &format!("{topic}/messages:batch"));
        check("/v1/topics/orders/batch", &format!("{topic}/messages:batch"));
        check("/v1/topics/orders/messages:receive", &format!("{topic}/groups/{{group}}/messages:receive"));
        check("/v1/topics/orders/groups", &format!("{topic}/groups/{{group}}/messages:receive"));
        check("/v1/topics/orders/groups/G", &format!("{group}/messages:receive"));
        check("/v1/topics/orders/group/G/messages:ack", &format!("{group}/messages:ack"));
        check("/v1/topics/orders/groups/G/messages/ack", &format!("{group}/messages:ack"));
        check("/v1/topics/orders/groups/G/ack", &format!("{group}/messages:ack"));
        check("/v1/topics/orders/groups/G/messages:consume", &format!("{group}/messages:receive"));
        check("/v1/topics/orders/groups/G/messages%3Anack/", &format!("{group}/messages:nack"));
        check("/v1/openapi.json", "/openapi.json");
        check("/swagger.json", "/openapi.json");
        check("/swagger-ui/index.html", "/docs/");
        check("/docs/problems/", "/docs/problems");
        for path in ["/", "/x", "/v1/queues/a", "/favicon.ico"] {
            assert_eq!(hint(path), None, "{path}");
        }
        assert_eq!(hint(&format!("/topics/{}", "x".repeat(MOST_BYTES))), None);
        for path in ["/metrics", "/readyz", "/healthz", "/health/live"] {
            assert!(hint(path).is_some_and(|hint| hint.contains("management.listen")), "{path}");
        }
    }

    #[test]
    fn what_is_at_the_other_listener() {
        for path in ["/v1/topics", "/docs/", "/openapi.json", "/topics/T/messages", "/message/"] {
            assert!(hint_at_management(path).is_some_and(|hint| hint.contains("server.listen")), "{path}");
        }
        assert_eq!(hint_at_management("/x"), None);
        assert_eq!(hint_at_management("/"), None);
    }
}

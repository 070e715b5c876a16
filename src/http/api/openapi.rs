//! `GET /openapi.json`: the contract as a file, written by hand and held to the code by tests.

use actix_web::HttpResponse;
use actix_web::http::header::CONTENT_TYPE;

use crate::http::pieces::Pieces;

const DOCUMENT: &str = include_str!("../../../docs/api/openapi.json");

/// The OpenAPI 3.1 document.
pub(in crate::http) fn openapi() -> HttpResponse {
    HttpResponse::Ok().insert_header((CONTENT_TYPE, "application/json")).body(Pieces::of(DOCUMENT))
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::http::problem::Code;

    fn document() -> Value {
        serde_json::from_str(DOCUMENT).unwrap()
    }

    /// Every object that looks like a problem.
    fn problems<'a>(value: &'a Value, found: &mut Vec<&'a Value>) {
        match value {
            Value::Object(members) => {
                if members.contains_key("title") && members.get("code").is_some_and(Value::is_string) {
                    found.push(value);
                }
                members.values().for_each(|member| problems(member, found));
            }
            Value::Array(elements) => elements.iter().for_each(|element| problems(element, found)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }

    #[test]
    fn it_is_of_this_version_and_lists_every_code() {
        let document = document();
        assert_eq!(document["info"]["version"], env!("CARGO_PKG_VERSION"));
        let listed = document["components"]["schemas"]["Problem"]["properties"]["code"]["examples"].as_array().unwrap();
        let codes: Vec<_> = Code::ALL.iter().map(|code| Value::from(code.row().code)).collect();
        assert_eq!(*listed, codes);
    }

    #[test]
    fn its_examples_say_what_the_answers_say() {
        let document = document();
        let mut examples = Vec::new();
        problems(&document, &mut examples);
        assert!(examples.len() > 20, "{}", examples.len());
        for example in examples {
            let row = Code::ALL.iter().map(|code| code.row()).find(|row| example["code"] == row.code).unwrap();
            assert_eq!(example["title"], row.title);
            assert_eq!(example["retryable"], row.retryable, "{}", row.code);
        }
    }

    /// Calls `see` with every schema below `value`, but those of `if`, `then`, `else` and `not`, which no generator reads, and with its
    /// place; what is no schema is seen too.
    fn walk(value: &Value, at: &str, see: &mut impl FnMut(&str, &Value)) {
        see(at, value);
        match value {
            Value::Object(members) => {
                let unread = ["if", "then", "else", "not", "example", "examples"];
                for (name, member) in members.iter().filter(|(name, _)| !unread.contains(&name.as_str())) {
                    walk(member, &format!("{at}/{name}"), see);
                }
            }
            Value::Array(elements) => {
                elements.iter().enumerate().for_each(|(index, element)| walk(element, &format!("{at}/{index}"), see));
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }

    /// The places at which something is written that `wrong` knows.
    fn places(document: &Value, mut wrong: impl FnMut(&str, &Value) -> bool) -> Vec<String> {
        let mut found = Vec::new();
        walk(document, "", &mut |at, value| {
            if wrong(at, value) {
                found.push(at.to_owned());
            }
        });
        found
    }

    /// The schemas of requests' bodies, and those that they refer to.
    const REQUESTS: [&str; 6] = ["Message", "Batch", "ReceiveRequest", "AckRequest", "NackRequest", "ExtendRequest"];

    /// What generators refuse, or make something of that does not compile or that nobody can use; `.ci/stages/generated.sh` asks them.
    #[test]
    fn it_has_nothing_that_generators_trip_over() {
        let document = document();
        assert_eq!(document["info"]["license"]["identifier"], "Apache-2.0");
        let none: [String; 0] = [];
        // swagger-parser takes nothing but a string there.
        let links = places(&document, |at, value| at.contains("/links/") && value.get("requestBody").is_some());
        assert_eq!(links, none, "bodies of links");
        // Unions become classes of their own, in Go ones that take both or neither.
        let is_union = |value: &Value| ["oneOf", "anyOf", "allOf"].iter().any(|name| value.get(name).is_some());
        assert_eq!(places(&document, |_, value| is_union(value)), none, "unions");
        // TypeScript's types then demand the field of a request; Java and Python send it.
        assert_eq!(places(&document, |_, value| value.get("default").is_some()), none, "defaults");
        // A constant or an enum without a type becomes code that does not compile.
        let untyped = |value: &Value| {
            (value.get("const").is_some() || value.get("enum").is_some_and(Value::is_array))
                && value.get("type").is_none()
        };
        assert_eq!(places(&document, |_, value| untyped(value)), none, "constants without a type");
        // Objects without a name get one that the generator makes up from its place.
        let nameless = places(&document, |at, value| {
            value.get("properties").is_some_and(Value::is_object)
                && at.matches('/').count() > 3
                && !at.ends_with("/properties")
        });
        assert_eq!(nameless, none, "objects without a name");
    }

    #[test]
    fn requests_are_closed_and_without_null_and_answers_are_open() {
        let document = document();
        for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
            if schema["type"] != "object" {
                continue;
            }
            let closed = schema.get("additionalProperties") == Some(&Value::Bool(false));
            assert_eq!(closed, REQUESTS.contains(&name.as_str()), "{name}");
            if closed {
                let nulls = places(schema, |_, value| {
                    value["type"].as_array().is_some_and(|types| types.contains(&"null".into()))
                });
                assert!(nulls.is_empty(), "{name}{nulls:?}");
            }
        }
        let body = &document["components"]["schemas"]["Message"]["properties"]["body"];
        assert!(body.get("type").is_none(), "any JSON value is a body: {body}");
        let tag = &document["components"]["schemas"]["ReceivedMessage"]["properties"]["tag"];
        assert_eq!(tag["type"], serde_json::json!(["string", "null"]), "answers say where null stands");
    }
}

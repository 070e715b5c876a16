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
    use crate::gateway::GatewayError;
    use crate::http::problem::{Code, Example};
    use crate::model::{Protocol, Verb};

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
    fn its_problems_are_the_examples_of_their_codes() {
        let document = document();
        let mut examples = Vec::new();
        problems(&document, &mut examples);
        assert!(examples.len() > 20, "{}", examples.len());
        for example in examples {
            let code = Code::ALL.into_iter().find(|code| example["code"] == code.row().code).unwrap();
            // A verb that the protocol lacks is one more example.
            let mut problem = if example["status"] == 501 {
                GatewayError::UnsupportedVerb { verb: Verb::Nack, protocol: Protocol::MqHttp }.into()
            } else {
                code.example().problem
            };
            // The same answers stand where nothing is published.
            problem.outcome = problem.outcome.filter(|_| example.get("outcome").is_some());
            let expected: Value = serde_json::from_slice(&problem.json(Example::REQUEST_ID)).unwrap();
            assert_eq!(*example, expected);
        }
    }

    /// What examples call things: as the README does.
    #[test]
    fn its_examples_have_the_names_of_the_readme() {
        fn check(name: &str, value: &Value) {
            let known: &[&str] = match name {
                // A list is of two.
                "topic" => &["orders", "payments"],
                "group" => &["billing"],
                "groups" => &["billing", "audit"],
                "tag" => &["paid"],
                "keys" => &["order-17", "order-18"],
                _ => &[],
            };
            match value {
                // Links take names from the request.
                Value::String(text) if !known.is_empty() && !text.starts_with('$') => {
                    assert!(known.contains(&text.as_str()), "{name}: {text}");
                }
                Value::Object(members) => members.iter().for_each(|(name, member)| check(name, member)),
                Value::Array(elements) => elements.iter().for_each(|element| check(name, element)),
                Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => {}
            }
        }
        let document = document();
        check("paths", &document["paths"]);
        let components = &document["components"];
        check("topic", &components["parameters"]["Topic"]["example"]);
        check("group", &components["parameters"]["Group"]["example"]);
        check("tag", &components["schemas"]["Tag"]["examples"]);
        check("keys", &components["schemas"]["Key"]["examples"]);
        assert!(!DOCUMENT.contains("CID_") && !DOCUMENT.contains("GID_"));
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

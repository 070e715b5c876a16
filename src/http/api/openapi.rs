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
        let listed = document["components"]["schemas"]["Problem"]["properties"]["code"]["enum"].as_array().unwrap();
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
}

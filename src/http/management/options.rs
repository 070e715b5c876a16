//! A verb's options: a JSON object, or a query of the same names.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::operator::OperatorRequest;
use crate::http::api::{self, Field, FieldKind, TWICE};
use crate::http::problem::{FieldError, Problem};
use crate::http::shown::shown_name;
use crate::protocol::form;

/// Most parameters of a query.
const MOST_PARAMETERS: usize = 256;

/// From the body, which may be absent where nothing in the shape is required.
///
/// # Errors
/// 415, 422 and those of a body that does not come.
pub(super) async fn of_body<T: DeserializeOwned>(request: &OperatorRequest, shape: &[Field]) -> Result<T, Problem> {
    let body = request.json_body().await?;
    let body = if body.is_empty() { &b"{}"[..] } else { &body };
    api::object_of_shape(body, shape, request.json_depth())
}

/// From the query.
///
/// # Errors
/// 422.
pub(super) fn of_query<T: DeserializeOwned>(request: &OperatorRequest, shape: &[Field]) -> Result<T, Problem> {
    let object = query_object(request.request.uri().query().unwrap_or_default(), shape)?;
    let read = api::object_of_shape(object.as_bytes(), shape, request.json_depth());
    read.map_err(|problem| problem.in_query(str::to_owned))
}

/// A query as a JSON object: numbers and flags as such where the shape has them, else texts.
fn query_object(query: &str, shape: &[Field]) -> Result<String, Problem> {
    let mut object = Map::new();
    let mut errors = Vec::new();
    for (index, (name, value)) in form::pairs(query).enumerate() {
        if index == MOST_PARAMETERS {
            let detail = format!("must hold at most {MOST_PARAMETERS} parameters: ask for less");
            return Err(Problem::invalid(vec![FieldError::parameter("query", detail)]));
        }
        // What is no UTF-8 is no name and no id.
        let value = value.map_or_else(|_| "\u{0}".to_owned(), std::borrow::Cow::into_owned);
        let parsed = match shape.iter().find(|field| field.name == &*name).map(|field| field.kind) {
            Some(FieldKind::Number { .. } | FieldKind::Flag) => {
                serde_json::from_str(&value).unwrap_or(Value::String(value))
            }
            Some(FieldKind::Texts) => {
                if let Some(Value::Array(values)) = object.get_mut(&*name) {
                    values.push(Value::String(value));
                    continue;
                }
                Value::Array(vec![Value::String(value)])
            }
            Some(_) | None => Value::String(value),
        };
        if object.insert(name.to_string(), parsed).is_some() {
            errors.push(FieldError::parameter(shown_name(&name), TWICE));
        }
    }
    if errors.is_empty() { Ok(Value::Object(object).to_string()) } else { Err(Problem::invalid(errors)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHAPE: &[Field] = &[
        Field::optional("number", FieldKind::Number { least: 1, most: 9 }),
        Field::optional("flag", FieldKind::Flag),
        Field::optional("texts", FieldKind::Texts),
        Field::optional("text", FieldKind::Text),
    ];

    #[test]
    fn a_query_is_an_object() {
        let check = |query: &str, expected: &str| {
            let object: Value = serde_json::from_str(&query_object(query, SHAPE).unwrap()).unwrap();
            assert_eq!(object, serde_json::from_str::<Value>(expected).unwrap(), "{query}");
        };
        check("", "{}");
        check("number=3&flag=true&texts=a&texts=1&text=7", r#"{"number":3,"flag":true,"texts":["a","1"],"text":"7"}"#);
        check("number=x&flag=yes&other=%25", r#"{"number":"x","flag":"yes","other":"%"}"#);
        let problem = query_object("text=a&text=b", SHAPE).unwrap_err();
        assert_eq!(problem.errors()[0].parameter.as_deref(), Some("text"));
    }

    #[test]
    fn a_query_has_no_part_that_is_not_looked_at() {
        let most = vec!["texts=a"; MOST_PARAMETERS].join("&");
        assert!(query_object(&most, SHAPE).is_ok());
        let problem = query_object(&format!("{most}&text=b"), SHAPE).unwrap_err();
        assert_eq!(problem.detail, "query: must hold at most 256 parameters: ask for less");
        let long = "\u{202e}".repeat(1000);
        let twice = query_object(&format!("{long}=a&{long}=b"), SHAPE).unwrap_err();
        let name = twice.errors()[0].parameter.as_deref().unwrap();
        assert!(name.starts_with("\\u{202e}") && name.len() < 1000, "{name}");
    }
}

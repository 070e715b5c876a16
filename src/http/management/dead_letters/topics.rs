//! `GET /v1/dead-letters`: the topics that hold dead letters, as far as they are known here.

use std::collections::BTreeMap;

use actix_web::HttpResponse;
use serde::Serialize;

use crate::embedded::DEAD_LETTER_PREFIX;
use crate::http::management::operator::{OperatorRequest, json};
use crate::http::no_query::no_query;
use crate::http::problem::{Code, Problem};

#[derive(Serialize)]
struct Topics {
    topics: Vec<Topic>,
}

#[derive(Serialize)]
struct Topic {
    topic: String,
    /// How many are retained, where that is known: on the embedded endpoint.
    messages: Option<u64>,
}

/// Those that the configuration names, by the MQ's name for them or as a subscription's, and those of the embedded endpoint.
pub(in crate::http::management) async fn topics(request: OperatorRequest) -> Result<HttpResponse, Problem> {
    no_query(&request.request)?;
    let mut topics = BTreeMap::new();
    if let Ok(gateway) = request.gateway() {
        for topic in gateway.topics()?.into_iter().filter(|topic| topic.name.starts_with(DEAD_LETTER_PREFIX)) {
            topics.insert(topic.name, None);
        }
    }
    topics.extend(request.dead_letter_topics().iter().map(|topic| (topic.clone(), None)));
    if let Ok(engine) = request.engine() {
        let stats = engine.stats().await.map_err(|error| Problem::new(Code::Overloaded, error.to_string()))?;
        for topic in stats.topics {
            let name = topic.topic.as_str();
            let is_on_it =
                |name: &str| request.gateway().and_then(|it| Ok(it.topic(name)?)).is_ok_and(|it| it.is_embedded());
            if name.starts_with(DEAD_LETTER_PREFIX) || (topics.contains_key(name) && is_on_it(name)) {
                topics.insert(name.to_owned(), Some(topic.messages));
            }
        }
    }
    let topics = topics.into_iter().map(|(topic, messages)| Topic { topic, messages }).collect();
    json(&Topics { topics })
}
